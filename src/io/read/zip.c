#include "io/read/zip.h"

#include <errno.h>
#include <stdlib.h>

enum { CHECK_BYTES = 1 << 18 };

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
