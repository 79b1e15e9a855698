#include "io/zip.h"

cgap_status cgap_zip_open(zip_t **out, const char *path, cgap_error *error)
{
  int code = 0;
  *out = zip_open(path, ZIP_RDONLY, &code);
  if (*out)
    return CGAP_OK;
  zip_error_t why;
  zip_error_init_with_code(&why, code);
  cgap_status status =
    cgap_fail(error, CGAP_FILE, "%s: a damaged or truncated zip archive (%s); copy or download it again", path,
              zip_error_strerror(&why));
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
