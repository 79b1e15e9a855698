/* Rows of a chunked HDF5 dataset, unpacked by threads: one at a time fetches a chunk's bytes from HDF5, which allows no
 * two, while the others inflate and sort theirs into rows. gzip, with or without shuffle, and no filter at all; other
 * filters, and partial edge chunks that are stored another way, are left to H5Dread. libdeflate inflates a chunk, whose
 * length is known, as a whole: twice to three times as fast as zlib's streams. */
#include "io/read/hdf5_basics.h"

#include "base/memory.h"
#include "base/output_file.h"

#include <libdeflate.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- filters */

/* Where gzip and shuffle are in a chunk's list of filters, −1: not used. */
typedef struct unpacking {
  int deflate, shuffle;
} unpacking;

/* One for each thread. */
typedef struct unpack_scratch {
  unsigned char *packed; /* (capacity) */
  size_t capacity;
  unsigned char *raw; /* the chunk unpacked; allocated and taken away by the caller */
  struct libdeflate_decompressor *inflater;
} unpack_scratch;

/* Whether the filters are none, gzip, shuffle, or shuffle and then gzip. */
static bool get_unpacking(unpacking *out, hid_t plist, size_t element)
{
  const int count = H5Pget_nfilters(plist);
  *out = (unpacking){.deflate = -1, .shuffle = -1};
  for (int i = 0; i < count; i++) {
    unsigned flags = 0, value = 0;
    size_t values = 1;
    const H5Z_filter_t id = H5Pget_filter2(plist, (unsigned)i, &flags, &values, &value, 0, NULL, NULL);
    if (id == H5Z_FILTER_DEFLATE && out->deflate < 0)
      out->deflate = i;
    else if (id == H5Z_FILTER_SHUFFLE && out->shuffle < 0 && out->deflate < 0 && values >= 1 && value == element)
      out->shuffle = i;
    else
      return false;
  }
  return count >= 0;
}

/* Of packed; false: out of memory. */
static bool reserve_packed(unpack_scratch *scratch, size_t bytes)
{
  if (bytes <= scratch->capacity)
    return true;
  cgap_free(scratch->packed);
  scratch->packed = cgap_alloc(bytes, 1);
  scratch->capacity = scratch->packed ? bytes : 0;
  return scratch->packed != NULL;
}

static void scratch_clear(unpack_scratch *scratch)
{
  cgap_free(scratch->packed);
  cgap_free(scratch->raw);
  if (scratch->inflater)
    libdeflate_free_decompressor(scratch->inflater);
  *scratch = (unpack_scratch){0};
}

/* scratch->packed, `stored` bytes, into scratch->raw, exactly `bytes`; mask: filters that this chunk was stored
 * without. *shuffled: unshuffle has still to sort the elements. false: *why says why, NULL: out of memory. */
static bool unpack(const unpacking *how, unpack_scratch *scratch, size_t stored, unsigned mask, size_t bytes,
                   bool *shuffled, const char **why)
{
  *shuffled = how->shuffle >= 0 && !(mask >> how->shuffle & 1u);
  if (how->deflate < 0 || mask >> how->deflate & 1u) {
    *why = "it is of another length than its shape says";
    if (stored == bytes)
      memcpy(scratch->raw, scratch->packed, bytes);
    return stored == bytes;
  }
  *why = NULL;
  if (!scratch->inflater && !(scratch->inflater = libdeflate_alloc_decompressor()))
    return false;
  *why = "gzip does not unpack it to the length that its shape says";
  return libdeflate_zlib_decompress(scratch->inflater, scratch->packed, stored, scratch->raw, bytes, NULL) ==
         LIBDEFLATE_SUCCESS;
}

/* The compiler makes vector unpack instructions of these. */
static void unshuffle_2(unsigned char *restrict out, const unsigned char *restrict a, const unsigned char *restrict b,
                        size_t count)
{
  for (size_t i = 0; i < count; i++) {
    out[2 * i] = a[i];
    out[2 * i + 1] = b[i];
  }
}

static void unshuffle_4(unsigned char *restrict out, const unsigned char *restrict in, size_t stride, size_t count)
{
  const unsigned char *b = in + stride, *c = b + stride, *d = c + stride;
  for (size_t i = 0; i < count; i++) {
    out[4 * i] = in[i];
    out[4 * i + 1] = b[i];
    out[4 * i + 2] = c[i];
    out[4 * i + 3] = d[i];
  }
}

/* `count` elements of `size` bytes; their bytes k are together at in + k·stride. */
static void unshuffle(unsigned char *out, const unsigned char *in, size_t stride, size_t count, size_t size)
{
  if (size == 2)
    unshuffle_2(out, in, in + stride, count);
  else if (size == 4)
    unshuffle_4(out, in, stride, count);
  else
    for (size_t i = 0; i < count; i++)
      for (size_t k = 0; k < size; k++)
        out[i * size + k] = in[k * stride + i];
}

/* ---------------------------------------------------------------- chunks */

enum { AXES = 3 };                                     /* rows of rank 2 are (N, 1, d) */
static const size_t KEPT_BYTES_MAX = (size_t)16 << 20; /* bytes of chunks kept between two calls; one, however large */

/* A chunk unpacked, its elements still shuffled where the filter did that. */
typedef struct kept {
  size_t number; /* of the chunk, row-major over the grid */
  unsigned char *bytes;
  bool shuffled;
} kept;

typedef struct chunk_list {
  kept *item;
  size_t count, most;
} chunk_list;

struct cgap_hdf5_chunks {
  hid_t dataset;
  int fd; /* or -1 */
  const cgap_entry *entry;
  size_t size[AXES], chunk[AXES], grid[AXES];
  size_t element, chunk_bytes;
  unpacking how;
  unsigned char fill[8]; /* an element of a chunk that was never written */
  chunk_list kept;
  unpack_scratch *scratch; /* (scratch_count) one per thread */
  int scratch_count;
};

/* ---------------------------------------------------------------- open */

static void set_axes(cgap_hdf5_chunks *c, const hsize_t *chunk)
{
  const cgap_entry *e = c->entry;
  for (int k = 0; k < AXES; k++) {
    const int axis = e->ndim == AXES ? k : k == 0 ? 0 : 1;
    const bool middle = e->ndim < AXES && k == 1;
    c->size[k] = middle ? 1 : e->shape[axis];
    c->chunk[k] = middle ? 1 : (size_t)chunk[axis];
    c->grid[k] = (c->size[k] + c->chunk[k] - 1) / c->chunk[k];
  }
}

static bool is_supported_layout(const cgap_entry *e, hid_t plist, hsize_t *chunk)
{
  unsigned options = 0;
  return (e->ndim == 2 || e->ndim == AXES) && H5Pget_layout(plist) == H5D_CHUNKED &&
         H5Pget_chunk(plist, AXES, chunk) == e->ndim && H5Pget_chunk_opts(plist, &options) >= 0 && options == 0;
}

cgap_status cgap_hdf5_chunks_open(cgap_hdf5_chunks **out, hid_t dataset, hid_t plist, int fd, const cgap_entry *entry,
                                  cgap_error *error)
{
  hsize_t chunk[AXES] = {0};
  cgap_hdf5_chunks c = {.dataset = dataset, .fd = fd, .entry = entry, .element = cgap_type_size(entry->type)};
  *out = NULL;
  if (!is_supported_layout(entry, plist, chunk) || !get_unpacking(&c.how, plist, c.element))
    return CGAP_OK;
  set_axes(&c, chunk);
  hid_t type = H5Dget_type(dataset);
  H5D_fill_value_t given = H5D_FILL_VALUE_UNDEFINED;
  if (H5Pfill_value_defined(plist, &given) >= 0 && given == H5D_FILL_VALUE_USER_DEFINED)
    (void)H5Pget_fill_value(plist, type, c.fill);
  H5Tclose(type);
  c.chunk_bytes = c.chunk[0] * c.chunk[1] * c.chunk[2] * c.element; /* HDF5 keeps it below 4 GB */
  c.kept.most = KEPT_BYTES_MAX / c.chunk_bytes ? KEPT_BYTES_MAX / c.chunk_bytes : 1;
  *out = calloc(1, sizeof **out);
  if (!*out)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", entry->name);
  **out = c;
  return CGAP_OK;
}

static void kept_clear(chunk_list *list)
{
  for (size_t i = 0; i < list->count; i++)
    cgap_free(list->item[i].bytes);
  free(list->item);
  list->item = NULL;
  list->count = 0;
}

void cgap_hdf5_chunks_close(cgap_hdf5_chunks *c)
{
  if (!c)
    return;
  kept_clear(&c->kept);
  for (int k = 0; k < c->scratch_count; k++)
    scratch_clear(&c->scratch[k]);
  free(c->scratch);
  free(c);
}

/* ---------------------------------------------------------------- one call */

/* The requested rows, and the part of the grid that has them. */
typedef struct request {
  cgap_hdf5_chunks *chunks;
  size_t first, count;
  unsigned char *out;
  size_t first_chunk, tasks; /* consecutive numbers of the grid: whole slices along the first axis */
  chunk_list kept;           /* for the next call */
  size_t failed;             /* the lowest number that failed, SIZE_MAX: none */
  cgap_error *error;
} request;

typedef struct box {
  size_t from[AXES], until[AXES]; /* of the dataset */
} box;

static box box_of(const cgap_hdf5_chunks *c, size_t number)
{
  const size_t at[AXES] = {number / (c->grid[1] * c->grid[2]), number / c->grid[2] % c->grid[1], number % c->grid[2]};
  box b;
  for (int k = 0; k < AXES; k++) {
    b.from[k] = at[k] * c->chunk[k];
    b.until[k] = b.from[k] + c->chunk[k] < c->size[k] ? b.from[k] + c->chunk[k] : c->size[k];
  }
  return b;
}

/* Copies the requested rows that a chunk has; false: none. chunk NULL: copies nothing. */
static bool copy_chunk_rows(const request *r, size_t number, const kept *chunk)
{
  const cgap_hdf5_chunks *c = r->chunks;
  const box b = box_of(c, number);
  const size_t middle = c->size[1], size = c->element, row_bytes = c->size[2] * size, end = r->first + r->count;
  const size_t elements = c->chunk_bytes / size;
  bool any = false;
  for (size_t i = b.from[0]; i < b.until[0]; i++)
    for (size_t m = b.from[1]; m < b.until[1]; m++) {
      const size_t row = i * middle + m;
      if (row < r->first || row >= end)
        continue;
      any = true;
      if (!chunk)
        return true;
      const size_t place = ((i - b.from[0]) * c->chunk[1] + (m - b.from[1])) * c->chunk[2];
      unsigned char *to = r->out + (row - r->first) * row_bytes + b.from[2] * size;
      if (chunk->shuffled)
        unshuffle(to, chunk->bytes + place, elements, b.until[2] - b.from[2], size);
      else
        memcpy(to, chunk->bytes + place * size, (b.until[2] - b.from[2]) * size);
    }
  return any;
}

static void fill_chunk(const cgap_hdf5_chunks *c, unsigned char *bytes)
{
  for (size_t i = 0; i < c->chunk_bytes; i += c->element)
    memcpy(bytes + i, c->fill, c->element);
}

/* The address of a chunk, or, without an open file, its bytes into scratch->packed. */
static bool query_chunk(const cgap_hdf5_chunks *c, const box *b, unpack_scratch *scratch, haddr_t *address,
                        hsize_t *bytes, unsigned *mask, const char **why)
{
  const hsize_t rank_3[AXES] = {b->from[0], b->from[1], b->from[2]}, rank_2[2] = {b->from[0], b->from[2]};
  const hsize_t *offset = c->entry->ndim == AXES ? rank_3 : rank_2;
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  bool good = H5Dget_chunk_info_by_coord(c->dataset, offset, mask, address, bytes) >= 0;
  *why = good ? NULL : "HDF5 does not find it";
  *bytes = *address == HADDR_UNDEF ? 0 : *bytes;
  if (good && c->fd < 0 && *bytes > 0 && (good = reserve_packed(scratch, (size_t)*bytes)) &&
      H5Dread_chunk(c->dataset, H5P_DEFAULT, offset, mask, scratch->packed) < 0) {
    good = false;
    *why = "HDF5 cannot read it";
  }
  cgap_hdf5_silence_end(quiet);
  return good;
}

/* The chunk's bytes as stored into scratch->packed; *mask: filters that it was stored without. HDF5 is called by one
 * thread at a time, whichever file it is; the bytes are read without it. */
static bool fetch_chunk(const cgap_hdf5_chunks *c, const box *b, unpack_scratch *scratch, size_t *stored,
                        unsigned *mask, const char **why, cgap_error *read)
{
  hsize_t bytes = 0;
  haddr_t address = HADDR_UNDEF;
  bool good;
#pragma omp critical(cgap_hdf5)
  good = query_chunk(c, b, scratch, &address, &bytes, mask, why);
  *stored = (size_t)bytes;
  if (!good || c->fd < 0 || bytes == 0)
    return good;
  if (!reserve_packed(scratch, *stored))
    return false;
  return cgap_pread_all(c->fd, address, *stored, scratch->packed, c->entry->name, read) == CGAP_OK;
}

/* Fetches and unpacks into scratch->raw. */
static bool unpack_chunk(const cgap_hdf5_chunks *c, size_t number, unpack_scratch *scratch, kept *chunk,
                         const char **why, cgap_error *read)
{
  const box b = box_of(c, number);
  size_t stored = 0;
  unsigned mask = 0;
  *chunk = (kept){.number = number};
  *why = NULL;
  if (!fetch_chunk(c, &b, scratch, &stored, &mask, why, read))
    return false;
  if (!scratch->raw)
    scratch->raw = cgap_alloc(c->chunk_bytes, 1);
  if (!scratch->raw)
    return false;
  chunk->bytes = scratch->raw;
  if (stored > 0)
    return unpack(&c->how, scratch, stored, mask, c->chunk_bytes, &chunk->shuffled, why);
  fill_chunk(c, scratch->raw);
  return true;
}

/* Whether a chunk has rows after the requested ones. */
static bool reaches_past(const request *r, size_t number)
{
  const cgap_hdf5_chunks *c = r->chunks;
  const box b = box_of(c, number);
  return (b.until[0] - 1) * c->size[1] + b.until[1] > r->first + r->count;
}

/* Keeps a chunk for the next call; false: it has no later rows, or enough are kept. */
static bool keep_chunk(request *r, const kept *chunk)
{
  bool keeps = false;
  if (!reaches_past(r, chunk->number))
    return false;
#pragma omp critical(cgap_chunks_kept)
  if (r->kept.count < r->kept.most) {
    r->kept.item[r->kept.count++] = *chunk;
    keeps = true;
  }
  return keeps;
}

/* read: why the file's bytes could not be read. Else why NULL: out of memory. */
static void note_failure(request *r, size_t number, const char *why, const cgap_error *read)
{
  const cgap_hdf5_chunks *c = r->chunks;
  const box b = box_of(c, number);
#pragma omp critical(cgap_chunks_kept)
  if (number < r->failed) {
    r->failed = number;
    if (read->status)
      *r->error = *read;
    else if (why)
      (void)cgap_fail(r->error, CGAP_FILE, "%s: the chunk of rows %zu to %zu is damaged: %s; copy the file again",
                      c->entry->name, b.from[0] * c->size[1] + b.from[1],
                      (b.until[0] - 1) * c->size[1] + b.until[1] - 1, why);
    else
      (void)cgap_fail(r->error, CGAP_RESOURCE, "%s: out of memory", c->entry->name);
  }
}

static void run_task(request *r, size_t number, unpack_scratch *scratch)
{
  cgap_hdf5_chunks *c = r->chunks;
  const char *why = NULL;
  cgap_error read = {0};
  kept *there = NULL, own;
  if (!copy_chunk_rows(r, number, NULL))
    return;
  for (size_t i = 0; !there && i < c->kept.count; i++)
    there = c->kept.item[i].number == number ? &c->kept.item[i] : NULL;
  if (there) { /* no other task has this number */
    (void)copy_chunk_rows(r, number, there);
    if (keep_chunk(r, there))
      there->bytes = NULL;
  } else if (!unpack_chunk(c, number, scratch, &own, &why, &read)) {
    note_failure(r, number, why, &read);
  } else {
    (void)copy_chunk_rows(r, number, &own);
    if (keep_chunk(r, &own))
      scratch->raw = NULL;
  }
}

static bool request_init(request *r, int threads)
{
  cgap_hdf5_chunks *c = r->chunks;
  const size_t slice = c->grid[1] * c->grid[2], rows = c->chunk[0] * c->size[1];
  r->first_chunk = r->first / rows * slice;
  r->tasks = ((r->first + r->count - 1) / rows + 1) * slice - r->first_chunk;
  if (threads > c->scratch_count) {
    unpack_scratch *grown = realloc(c->scratch, (size_t)threads * sizeof *grown);
    if (!grown)
      return false;
    memset(grown + c->scratch_count, 0, (size_t)(threads - c->scratch_count) * sizeof *grown);
    c->scratch = grown;
    c->scratch_count = threads;
  }
  r->kept.most = c->kept.most;
  r->kept.item = calloc(r->kept.most, sizeof *r->kept.item);
  return r->kept.item != NULL;
}

cgap_status cgap_hdf5_chunks_read(cgap_hdf5_chunks *c, size_t first, size_t count, int threads, void *out,
                                  cgap_error *error)
{
  cgap_error own = {0};
  request r = {
    .chunks = c, .first = first, .count = count, .out = out, .failed = SIZE_MAX, .error = error ? error : &own};
  if (count == 0)
    return CGAP_OK;
  threads = c->how.deflate >= 0 ? threads : 1; /* copying alone is the memory's work */
  if (!request_init(&r, threads))
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", c->entry->name);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (threads > 1 && r.tasks > 1)
  for (size_t k = 0; k < r.tasks; k++)
    run_task(&r, r.first_chunk + k, &c->scratch[omp_get_thread_num()]);
  kept_clear(&c->kept);
  c->kept = r.kept;
  if (r.failed == SIZE_MAX)
    return CGAP_OK;
  kept_clear(&c->kept);
  return r.error->status;
}
