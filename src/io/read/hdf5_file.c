/* HDF5: its error stack, its signature, opening, and saying in one line why that failed. */
#include "io/read/hdf5_file.h"

#include "base/text_buffer.h"
#include "io/find/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void cgap_hdf5_skip_exit(void)
{
  (void)H5dont_atexit();
}

cgap_quiet cgap_quiet_begin(void)
{
  cgap_quiet quiet = {0};
  quiet.restore = H5Eget_auto2(H5E_DEFAULT, &quiet.function, &quiet.context) >= 0;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  return quiet;
}

void cgap_quiet_end(cgap_quiet quiet)
{
  H5Eclear2(H5E_DEFAULT);
  if (quiet.restore)
    H5Eset_auto2(H5E_DEFAULT, quiet.function, quiet.context);
}

typedef struct reason {
  char *out;
  size_t size;
} reason;

static herr_t take_innermost(unsigned n, const H5E_error2_t *item, void *context)
{
  reason *r = context;
  if (n == 0 && item->desc)
    (void)snprintf(r->out, r->size, "%s", item->desc);
  return 0;
}

void cgap_hdf5_reason(char *out, size_t size)
{
  reason r = {out, size};
  out[0] = '\0';
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, &r);
  for (char *p = out; *p; p++) {
    if ((unsigned char)*p < ' ')
      *p = ' ';
  }
}

static int read_variable(char *out, size_t size, hid_t attribute, hid_t type)
{
  char *text = NULL;
  if (H5Aread(attribute, type, &text) < 0)
    return -1;
  const bool fits = text && strlen(text) < size;
  if (fits)
    strcpy(out, text);
  H5free_memory(text);
  return fits;
}

static int read_text(char *out, size_t size, hid_t attribute, hid_t type)
{
  if (H5Tis_variable_str(type) > 0)
    return read_variable(out, size, attribute, type);
  if (H5Tget_size(type) >= size)
    return 0;
  return H5Aread(attribute, type, out) < 0 ? -1 : 1;
}

int cgap_hdf5_text(char *out, size_t size, hid_t object, const char *name)
{
  memset(out, 0, size);
  const htri_t exists = H5Aexists(object, name);
  if (exists <= 0)
    return exists < 0 ? -1 : 0;
  hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
  hid_t type = attribute < 0 ? H5I_INVALID_HID : H5Aget_type(attribute);
  hid_t space = attribute < 0 ? H5I_INVALID_HID : H5Aget_space(attribute);
  int there = type < 0 || space < 0 ? -1 : 0;
  if (there == 0 && H5Tget_class(type) == H5T_STRING && H5Sget_simple_extent_npoints(space) == 1)
    there = read_text(out, size, attribute, type);
  if (there < 1)
    out[0] = '\0';
  for (size_t end = strlen(out); end > 0 && out[end - 1] == ' ';)
    out[--end] = '\0';
  if (space >= 0)
    H5Sclose(space);
  if (type >= 0)
    H5Tclose(type);
  if (attribute >= 0)
    H5Aclose(attribute);
  return there;
}

/* The signature stands at byte 0, 512, 1024, 2048 … (HDF5 file format, section II.A). */
bool cgap_hdf5_is(const cgap_file *file)
{
  static const unsigned char SIGNATURE[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  unsigned char found[sizeof SIGNATURE];
  for (uint64_t at = 0; at + sizeof found <= file->bytes; at = at ? 2 * at : 512) {
    if (pread(file->fd, found, sizeof found, (off_t)at) == (ssize_t)sizeof found &&
        !memcmp(found, SIGNATURE, sizeof found))
      return true;
  }
  return false;
}

/* Why HDF5 does not open it: that need not be the file's fault. */
static cgap_status refuse_broken(const char *path, const char *why, cgap_error *error)
{
  unsigned long long has = 0, base = 0, needs = 0;
  const char *truncated = strstr(why, "truncated file: eof =");
  if (truncated && sscanf(truncated, "truncated file: eof = %llu, sblock->base_addr = %llu, stored_eof = %llu", &has,
                          &base, &needs) == 3)
    return cgap_fail(error, CGAP_FILE, "%s: truncated: %llu bytes of %llu are there; copy or download it again", path,
                     has, needs);
  if (strstr(why, "already open for write")) {
    char *word = cgap_shell_word(path);
    const cgap_status status =
      cgap_fail(error, CGAP_FILE,
                "%s: another program is writing it, or stopped while writing; wait for it, or run `h5clear -s %s`",
                path, word ? word : path);
    free(word);
    return status;
  }
  if (strstr(why, "unable to lock file"))
    return cgap_fail(error, CGAP_FILE,
                     "%s: locked, another program has it in use; wait for it, or set HDF5_USE_FILE_LOCKING=FALSE where "
                     "none writes it",
                     path);
  if (strstr(why, "Too many open files"))
    return cgap_fail(error, CGAP_RESOURCE,
                     "%s: too many files are open already to open it; raise the limit with `ulimit -n 1024`", path);
  if (strstr(why, "error message = 'Input/output error'"))
    return cgap_fail(error, CGAP_FILE, "%s: the disk fails to read it (HDF5: %s)", path, why);
  return cgap_fail(error, CGAP_FILE, "%s: a damaged or truncated HDF5 file (HDF5: %s); copy or download it again", path,
                   why[0] ? why : "no reason given");
}

cgap_status cgap_hdf5_open(cgap_file *file, cgap_error *error)
{
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (access < 0)
    return cgap_fail(error, CGAP_RESOURCE, "%s: HDF5 could not make a property list", file->path);
#if H5_VERSION_GE(1, 10, 7)
  /* locks fail on many network file systems, and reading needs none */
  H5Pset_file_locking(access, false, true);
#endif
  char why[400] = "";
  file->id = H5Fopen(file->path, H5F_ACC_RDONLY, access);
  if (file->id < 0)
    cgap_hdf5_reason(why, sizeof why);
  H5Pclose(access);
  return file->id < 0 ? refuse_broken(file->path, why, error) : cgap_file_list(file, error);
}
