#include "io/read/array_reader.h"

#include "base/memory.h"
#include "base/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UNPACK_BYTES = 1 << 20, CHECK_BYTES = 1 << 18 };

typedef struct byte_source {
  const cgap_piece *piece;
  const char *name;
  int fd;        /* of the file, or of the unpacked member */
  uint64_t base; /* of the first element in it */
  zip_t *zip;
  zip_file_t *member; /* stored */
  uint64_t at;        /* the position in the member */
} byte_source;

/* ---------------------------------------------------------------- members of zip archives */

cgap_status cgap_zip_open(zip_t **out, const char *path, cgap_error *error)
{
  int code = 0;
  /* CHECKCONS: the names of members are in two places without a checksum, and have to agree */
  *out = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &code);
  if (*out)
    return CGAP_OK;
  zip_error_t why;
  zip_error_init_with_code(&why, code);
  const bool unopened = code == ZIP_ER_OPEN || code == ZIP_ER_READ || code == ZIP_ER_SEEK || code == ZIP_ER_MEMORY;
  const cgap_status status = unopened && (code == ZIP_ER_MEMORY || errno == EMFILE) ? CGAP_RESOURCE : CGAP_FILE;
  (void)cgap_fail(error, status,
                  unopened ? "%s: cannot be opened: %s"
                           : "%s: a damaged or truncated zip archive (%s); copy or download it again",
                  path, zip_error_strerror(&why));
  zip_error_fini(&why);
  return status;
}

cgap_status cgap_zip_member(zip_file_t **out, zip_t *zip, int64_t member, const char *name, cgap_error *error)
{
  *out = zip_fopen_index(zip, (zip_uint64_t)member, 0);
  if (*out)
    return CGAP_OK;
  return cgap_fail(error, CGAP_FILE, "%s: cannot be opened in its archive (%s); copy or download it again", name,
                   zip_strerror(zip));
}

cgap_status cgap_zip_read(zip_file_t *file, void *out, size_t count, const char *name, cgap_error *error)
{
  unsigned char *to = out;
  for (size_t left = count; left > 0;) {
    zip_int64_t got = zip_fread(file, to, left);
    if (got < 0)
      return cgap_fail(error, CGAP_FILE, "%s: cannot be unpacked (%s); copy or download it again", name,
                       zip_file_strerror(file));
    if (got == 0)
      return cgap_fail(error, CGAP_FILE, "%s: its data end %zu bytes too early; copy or download it again", name, left);
    to += got;
    left -= (size_t)got;
  }
  return CGAP_OK;
}

cgap_status cgap_zip_check(zip_file_t *file, const char *name, cgap_error *error)
{
  char *block = malloc(CHECK_BYTES);
  zip_int64_t got = 0;
  if (!block)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", name);
  while ((got = zip_fread(file, block, CHECK_BYTES)) > 0)
    ;
  free(block);
  if (got < 0)
    return cgap_fail(error, CGAP_FILE, "%s: cannot be unpacked (%s); copy or download it again", name,
                     zip_file_strerror(file));
  return CGAP_OK;
}

/* ---------------------------------------------------------------- the bytes of a piece */

/* Rows of a stored member are read from any place, past its checksum: it is compared before the first of them. */
static cgap_status check_stored(const byte_source *b, cgap_piece *piece, cgap_error *error)
{
  zip_file_t *member = NULL;
  if (piece->checked || piece->deflated)
    return CGAP_OK;
  cgap_status status = cgap_zip_member(&member, b->zip, piece->member, b->name, error);
  if (status == CGAP_OK)
    status = cgap_zip_check(member, b->name, error);
  if (member)
    zip_fclose(member);
  piece->checked = status == CGAP_OK;
  return status;
}

static void close_bytes(byte_source *b)
{
  if (!b)
    return;
  if (b->member)
    zip_fclose(b->member);
  if (b->zip)
    zip_discard(b->zip);
  if (b->fd >= 0)
    close(b->fd);
  free(b);
}

static cgap_status open_bytes(byte_source **out, cgap_piece *piece, const char *name, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  *out = NULL;
  byte_source *b = calloc(1, sizeof *b);
  if (!b)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", name);
  b->piece = piece;
  b->name = name;
  b->fd = -1;
  b->base = piece->offset;
  if (piece->memory) {
    /* nothing to open */
  } else if (piece->member >= 0) {
    status = cgap_zip_open(&b->zip, piece->path, error);
    if (status == CGAP_OK)
      status = check_stored(b, piece, error);
  } else {
    b->fd =
      piece->gathered ? fcntl(piece->fd, F_DUPFD_CLOEXEC, 0) : open(piece->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (b->fd < 0)
      status = cgap_fail(error, CGAP_FILE, "%s: cannot be opened: %s", piece->path, strerror(errno));
  }
  if (status != CGAP_OK) {
    close_bytes(b);
    b = NULL;
  }
  *out = b;
  return status;
}

/* The elements of a member, behind its header, into fd. */
static cgap_status unpack_to(const byte_source *b, zip_file_t *member, int fd, cgap_error *error)
{
  unsigned char *block = malloc(UNPACK_BYTES);
  cgap_status status = block ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", b->name);
  uint64_t header = b->piece->offset, elements = b->piece->span;
  while (header + elements > 0 && status == CGAP_OK) {
    uint64_t *left = header > 0 ? &header : &elements;
    const size_t here = cgap_lesser(*left, UNPACK_BYTES);
    status = cgap_zip_read(member, block, here, b->name, error);
    if (status == CGAP_OK && left == &elements)
      status = cgap_unnamed_file_write(fd, block, here, error);
    *left -= here;
  }
  free(block);
  return status;
}

static cgap_status unpack_member(byte_source *b, cgap_error *error)
{
  zip_file_t *member = NULL;
  int fd = -1;
  cgap_status status = cgap_unnamed_file_open(
    &fd, b->piece->span, b->name, "set TMPDIR to a larger place or write it with numpy.savez, not compressed", error);
  if (status == CGAP_OK)
    status = cgap_zip_member(&member, b->zip, b->piece->member, b->name, error);
  if (status == CGAP_OK)
    status = unpack_to(b, member, fd, error);
  if (status == CGAP_OK)
    status = cgap_zip_check(member, b->name, error);
  if (member)
    zip_fclose(member);
  if (status == CGAP_OK) {
    b->fd = fd;
    b->base = 0;
  } else if (fd >= 0) {
    close(fd);
  }
  return status;
}

static cgap_status read_stored(byte_source *b, uint64_t at, size_t count, void *out, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  uint64_t place = b->piece->offset + at;
  if (!b->member) {
    status = cgap_zip_member(&b->member, b->zip, b->piece->member, b->name, error);
    b->at = 0;
  }
  if (status == CGAP_OK && b->at != place && zip_fseek(b->member, (zip_int64_t)place, SEEK_SET) != 0)
    status = cgap_fail(error, CGAP_FILE, "%s: cannot be read at byte %llu (%s); copy or download it again", b->name,
                       (unsigned long long)place, zip_file_strerror(b->member));
  if (status == CGAP_OK)
    status = cgap_zip_read(b->member, out, count, b->name, error);
  b->at = place + count;
  return status;
}

static cgap_status read_bytes(byte_source *b, uint64_t at, size_t count, void *out, cgap_error *error)
{
  if (b->piece->memory) {
    memcpy(out, b->piece->memory + at, count);
    return CGAP_OK;
  }
  if (b->piece->member >= 0 && !b->piece->deflated)
    return read_stored(b, at, count, out, error);
  if (b->fd < 0) {
    cgap_status status = unpack_member(b, error);
    if (status != CGAP_OK)
      return status;
  }
  return cgap_pread_all(b->fd, b->base + at, count, out, b->name, error);
}

enum {
  PAGE = 4096,            /* a multiple of every usual block size */
  BUFFER_BYTES = 4 << 20, /* read at once */
};

struct cgap_direct_io {
  int fd;
  unsigned char *buffer; /* (BUFFER_BYTES), on a page */
};

cgap_direct_io *cgap_direct_io_open_any(const char *path)
{
  cgap_direct_io *d = calloc(1, sizeof *d);
  if (!d)
    return NULL;
  d->fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
  d->buffer = aligned_alloc(PAGE, BUFFER_BYTES);
  if (d->fd >= 0 && d->buffer && pread(d->fd, d->buffer, PAGE, 0) > 0) /* some fail only when they are read */
    return d;
  cgap_direct_io_close(d);
  return NULL;
}

cgap_direct_io *cgap_direct_io_open(const char *path, uint64_t bytes)
{
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0 || bytes / 3 < (uint64_t)pages / 4 * (uint64_t)page)
    return NULL;
  return cgap_direct_io_open_any(path);
}

void cgap_direct_io_close(cgap_direct_io *d)
{
  if (!d)
    return;
  if (d->fd >= 0)
    close(d->fd);
  free(d->buffer);
  free(d);
}

cgap_status cgap_direct_io_read(cgap_direct_io *d, int fd, uint64_t at, size_t count, void *out, const char *name,
                                cgap_error *error)
{
  unsigned char *to = out;
  if (!d)
    return cgap_pread_all(fd, at, count, out, name, error);
  while (count > 0) {
    const size_t before = (size_t)(at % PAGE), most = BUFFER_BYTES - before, here = count < most ? count : most;
    const size_t whole = (before + here + PAGE - 1) / PAGE * PAGE;
    const ssize_t got = pread(d->fd, d->buffer, whole, (off_t)(at - before));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0 || (size_t)got <= before) /* the usual read succeeds, or says why not */
      return cgap_pread_all(fd, at, count, to, name, error);
    const size_t read = (size_t)got - before < here ? (size_t)got - before : here;
    memcpy(to, d->buffer + before, read);
    at += read;
    to += read;
    count -= read;
  }
  return CGAP_OK;
}

enum { SCRATCH_BYTES = 1 << 18 };

struct cgap_array {
  const cgap_entry *entry;
  size_t middle, dim; /* rows of the first axis count as middle rows of dim */
  byte_source *bytes; /* of piece `current`: with thousands of shards not all can be open */
  size_t current;
  unsigned char *scratch; /* SCRATCH_BYTES, for arrays in Fortran order */
};

void cgap_swap_bytes(void *data, size_t count, size_t size)
{
  if (size == 2) {
    uint16_t *v = data;
    for (size_t i = 0; i < count; i++)
      v[i] = __builtin_bswap16(v[i]);
  } else if (size == 4) {
    uint32_t *v = data;
    for (size_t i = 0; i < count; i++)
      v[i] = __builtin_bswap32(v[i]);
  } else if (size == 8) {
    uint64_t *v = data;
    for (size_t i = 0; i < count; i++)
      v[i] = __builtin_bswap64(v[i]);
  }
}

cgap_status cgap_array_open(cgap_array **out, const cgap_entry *entry, cgap_error *error)
{
  *out = NULL;
  if (entry->obstacle)
    return cgap_fail(error, CGAP_FILE, "%s: %s", entry->name, entry->obstacle);
  cgap_array *a = calloc(1, sizeof *a);
  if (!a)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", entry->name);
  a->entry = entry;
  a->middle = entry->ndim == 3 ? entry->shape[1] : 1;
  a->dim = entry->ndim == 2 || entry->ndim == 3 ? entry->shape[entry->ndim - 1] : 1;
  *out = a;
  return CGAP_OK;
}

void cgap_array_close(cgap_array *a)
{
  if (!a)
    return;
  close_bytes(a->bytes);
  free(a->scratch);
  free(a);
}

/* ---------------------------------------------------------------- one piece */

static cgap_status use_piece(cgap_array *a, size_t i, cgap_error *error)
{
  if (a->bytes && a->current == i)
    return CGAP_OK;
  close_bytes(a->bytes);
  a->bytes = NULL;
  a->current = i;
  const cgap_entry *e = a->entry;
  return open_bytes(&a->bytes, &e->pieces[i], e->piece_count > 1 ? e->pieces[i].path : e->name, error);
}

/* out[i·step] = in[i·stride] for i < count, elements of `size` bytes. */
static void copy_strided(unsigned char *out, size_t step, const unsigned char *in, size_t stride, size_t count,
                         size_t size)
{
  if (size == 2) {
    for (size_t i = 0; i < count; i++)
      memcpy(out + 2 * i * step, in + 2 * i * stride, 2);
  } else if (size == 4) {
    for (size_t i = 0; i < count; i++)
      memcpy(out + 4 * i * step, in + 4 * i * stride, 4);
  } else {
    for (size_t i = 0; i < count; i++)
      memcpy(out + size * i * step, in + size * i * stride, size);
  }
}

/* Column c of the rows (i, m) of one middle index m, for i from `from` on. */
typedef struct column {
  size_t m, c;
  size_t from, until; /* along the first axis */
} column;

/* One column of a block of rows from `first` on: elements stride[0] apart, read in runs as long as the scratch. */
static cgap_status read_column(cgap_array *a, const cgap_piece *p, column k, size_t first, unsigned char *out,
                               cgap_error *error)
{
  const size_t size = a->entry->item, stride = p->stride[0], run = SCRATCH_BYTES / (stride * size);
  const size_t base = a->entry->ndim == 3 ? k.m * p->stride[1] + k.c * p->stride[2] : k.c * p->stride[1];
  for (size_t i = k.from; i < k.until;) {
    size_t here = k.until - i < run ? k.until - i : run;
    cgap_status status =
      read_bytes(a->bytes, (base + i * stride) * size, ((here - 1) * stride + 1) * size, a->scratch, error);
    if (status != CGAP_OK)
      return status;
    copy_strided(out + ((i * a->middle + k.m - first) * a->dim + k.c) * size, a->middle * a->dim, a->scratch, stride,
                 here, size);
    i += here;
  }
  return CGAP_OK;
}

/* Rows that are each as in the file, but not one behind the other. */
static cgap_status read_rows_apart(cgap_array *a, const cgap_piece *p, size_t first, size_t count, unsigned char *out,
                                   cgap_error *error)
{
  const size_t row = a->dim * a->entry->item;
  cgap_status status = CGAP_OK;
  for (size_t i = first; i < first + count && status == CGAP_OK; i++, out += row) {
    const size_t at = i / a->middle * p->stride[0] + (a->entry->ndim == 3 ? i % a->middle * p->stride[1] : 0);
    status = read_bytes(a->bytes, (uint64_t)at * a->entry->item, row, out, error);
  }
  return status;
}

static cgap_status read_strided(cgap_array *a, const cgap_piece *p, size_t first, size_t count, unsigned char *out,
                                cgap_error *error)
{
  if (a->entry->ndim == 1 || p->stride[a->entry->ndim - 1] == 1)
    return read_rows_apart(a, p, first, count, out, error);
  if (!a->scratch && !(a->scratch = malloc(SCRATCH_BYTES)))
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", a->entry->name);
  for (size_t m = 0; m < a->middle; m++) {
    /* rows i·middle + m of the block */
    size_t from = first > m ? (first - m + a->middle - 1) / a->middle : 0;
    size_t until = first + count > m ? (first + count - m + a->middle - 1) / a->middle : 0;
    for (size_t c = 0; c < a->dim && from < until; c++) {
      cgap_status status = read_column(a, p, (column){m, c, from, until}, first, out, error);
      if (status != CGAP_OK)
        return status;
    }
  }
  return CGAP_OK;
}

/* ---------------------------------------------------------------- all of them */

cgap_status cgap_array_read(cgap_array *a, size_t first, size_t count, void *out, cgap_error *error)
{
  const cgap_entry *e = a->entry;
  const size_t row = a->dim * e->item;
  unsigned char *to = out;
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < e->piece_count && count > 0 && status == CGAP_OK; i++) {
    size_t rows = e->pieces[i].rows * a->middle;
    if (first >= rows) {
      first -= rows;
      continue;
    }
    size_t here = rows - first < count ? rows - first : count;
    status = use_piece(a, i, error);
    if (status == CGAP_OK)
      status = e->pieces[i].strided ? read_strided(a, &e->pieces[i], first, here, to, error)
                                    : read_bytes(a->bytes, (uint64_t)first * row, here * row, to, error);
    to += here * row;
    count -= here;
    first = 0;
  }
  return status;
}

bool cgap_array_seeks(const cgap_array *a)
{
  const cgap_entry *e = a->entry;
  for (size_t i = 0; i < e->piece_count; i++) { /* of several unpacked members each would be unpacked again */
    const cgap_piece *p = &e->pieces[i];
    if (p->strided || (p->member >= 0 && !(p->deflated && e->piece_count == 1)))
      return false;
  }
  return true;
}

bool cgap_array_is_thread_safe(const cgap_array *a)
{
  return a->bytes && a->entry->piece_count == 1 && cgap_array_seeks(a);
}

cgap_status cgap_array_read_all(void *out, const cgap_entry *entry, cgap_error *error)
{
  cgap_array *a = NULL;
  size_t rows = entry->ndim ? entry->shape[0] : 1;
  if (entry->ndim > 3)
    return cgap_fail(error, CGAP_DATA, "%s: %d axes; at most 3 are read", entry->name, entry->ndim);
  cgap_status status = cgap_array_open(&a, entry, error);
  if (status != CGAP_OK)
    return status;
  rows *= a->middle;
  status = cgap_array_read(a, 0, rows, out, error);
  if (status == CGAP_OK && entry->swap)
    cgap_swap_bytes(out, rows * a->dim * (entry->ucs4 ? entry->item / 4 : 1), entry->ucs4 ? 4 : entry->item);
  cgap_array_close(a);
  return status;
}
