#include "io/read/byte_source.h"

#include "base/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UNPACK_BYTES = 1 << 20, CHECK_BYTES = 1 << 18 };

struct cgap_byte_source {
  const cgap_piece *piece;
  const char *name;
  int fd;        /* of the file, or of the unpacked member */
  uint64_t base; /* of the first element in it */
  zip_t *zip;
  zip_file_t *member; /* stored */
  uint64_t at;        /* where the member stands */
};

/* ---------------------------------------------------------------- members of zip archives */

cgap_status cgap_zip_open(zip_t **out, const char *path, cgap_error *error)
{
  int code = 0;
  /* the names of its members stand in two places without a checksum: they have to agree */
  *out = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &code);
  if (*out)
    return CGAP_OK;
  zip_error_t why;
  zip_error_init_with_code(&why, code);
  const bool damaged = code != ZIP_ER_OPEN && code != ZIP_ER_READ && code != ZIP_ER_SEEK && code != ZIP_ER_MEMORY;
  cgap_status status =
    damaged ? cgap_fail(error, CGAP_FILE, "%s: a damaged or truncated zip archive (%s); copy or download it again",
                        path, zip_error_strerror(&why))
            : cgap_fail(error, code == ZIP_ER_MEMORY || errno == EMFILE ? CGAP_RESOURCE : CGAP_FILE,
                        "%s: cannot be opened: %s", path, zip_error_strerror(&why));
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
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %d bytes", name, CHECK_BYTES);
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
static cgap_status check_stored(const cgap_byte_source *b, cgap_piece *piece, cgap_error *error)
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

cgap_status cgap_byte_source_open(cgap_byte_source **out, cgap_piece *piece, const char *name, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  *out = NULL;
  cgap_byte_source *b = calloc(1, sizeof *b);
  if (!b)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", name);
  b->piece = piece;
  b->name = name;
  b->fd = -1;
  b->base = piece->offset;
  if (piece->member >= 0) {
    status = cgap_zip_open(&b->zip, piece->path, error);
    if (status == CGAP_OK)
      status = check_stored(b, piece, error);
  } else {
    b->fd = open(piece->path, O_RDONLY | O_CLOEXEC);
    if (b->fd < 0)
      status = cgap_fail(error, CGAP_FILE, "%s: cannot be opened: %s", piece->path, strerror(errno));
  }
  if (status != CGAP_OK) {
    cgap_byte_source_close(b);
    b = NULL;
  }
  *out = b;
  return status;
}

void cgap_byte_source_close(cgap_byte_source *b)
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

/* ---------------------------------------------------------------- members of a zip archive */

static cgap_status unpack_to(const cgap_byte_source *b, zip_file_t *member, int fd, cgap_error *error)
{
  unsigned char *block = malloc(UNPACK_BYTES);
  cgap_status status = block ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", b->name);
  for (uint64_t skip = b->piece->offset; skip > 0 && status == CGAP_OK;) {
    size_t here = skip < UNPACK_BYTES ? (size_t)skip : UNPACK_BYTES;
    status = cgap_zip_read(member, block, here, b->name, error);
    skip -= here;
  }
  for (uint64_t left = b->piece->span; left > 0 && status == CGAP_OK;) {
    size_t here = left < UNPACK_BYTES ? (size_t)left : UNPACK_BYTES;
    status = cgap_zip_read(member, block, here, b->name, error);
    if (status == CGAP_OK)
      status = cgap_unnamed_file_write(fd, block, here, error);
    left -= here;
  }
  free(block);
  return status;
}

static cgap_status unpack_member(cgap_byte_source *b, cgap_error *error)
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

static cgap_status read_stored(cgap_byte_source *b, uint64_t at, size_t count, void *out, cgap_error *error)
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

cgap_status cgap_byte_source_read(cgap_byte_source *b, uint64_t at, size_t count, void *out, cgap_error *error)
{
  if (b->piece->member >= 0 && !b->piece->deflated)
    return read_stored(b, at, count, out, error);
  if (b->fd < 0) {
    cgap_status status = unpack_member(b, error);
    if (status != CGAP_OK)
      return status;
  }
  return cgap_pread_all(b->fd, b->base + at, count, out, b->name, error);
}
