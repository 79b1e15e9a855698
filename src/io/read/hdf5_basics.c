#include "io/read/hdf5_basics.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text_buffer.h"

void cgap_hdf5_skip_exit(void)
{
  (void)H5dont_atexit();
}

void cgap_hdf5_allow_plugins(bool allowed)
{
  (void)H5PLset_loading_state(allowed ? H5PL_ALL_PLUGIN : 0);
}

void cgap_hdf5_close(hid_t id)
{
  if (id >= 0)
    H5Idec_ref(id);
}

cgap_hdf5_silence cgap_hdf5_silence_begin(void)
{
  cgap_hdf5_silence quiet = {0};
  quiet.restore = H5Eget_auto2(H5E_DEFAULT, &quiet.function, &quiet.context) >= 0;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  return quiet;
}

void cgap_hdf5_silence_end(cgap_hdf5_silence quiet)
{
  H5Eclear2(H5E_DEFAULT);
  if (quiet.restore)
    H5Eset_auto2(H5E_DEFAULT, quiet.function, quiet.context);
}

typedef struct reason {
  char *out;
  size_t size;
} reason;

static herr_t copy_innermost_reason(unsigned n, const H5E_error2_t *item, void *context)
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
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, copy_innermost_reason, &r);
  cgap_text_clean(out, ' ', "");
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
  cgap_hdf5_close(space);
  cgap_hdf5_close(type);
  cgap_hdf5_close(attribute);
  return there;
}

uint64_t cgap_hdf5_bytes(const char *path)
{
  struct stat status;
  if (stat(path, &status) != 0)
    return 0;
  const uint64_t size = (uint64_t)status.st_size, blocks = (uint64_t)status.st_blocks * 512;
  return blocks > 0 && blocks < size ? blocks : size; /* some file systems say 0 blocks of every file */
}

/* How many times more bytes the filters can make of what is stored; 0: without a bound. */
static uint64_t expansion(hid_t plist)
{
  enum { DEFLATE_RATIO_MAX = 1032 /* zlib, "Maximum expansion factor"; lzf has 88 */ };
  const int count = H5Pget_layout(plist) == H5D_CHUNKED ? H5Pget_nfilters(plist) : 0;
  uint64_t ratio = 1;
  for (int i = 0; i < count; i++) {
    unsigned flags;
    size_t values = 0;
    const H5Z_filter_t id = H5Pget_filter2(plist, (unsigned)i, &flags, &values, NULL, 0, NULL, NULL);
    if (id == H5Z_FILTER_SHUFFLE || id == H5Z_FILTER_FLETCHER32)
      continue;
    if ((id != H5Z_FILTER_DEFLATE && id != CGAP_HDF5_LZF) || ratio > UINT32_MAX)
      return 0;
    ratio *= DEFLATE_RATIO_MAX;
  }
  return ratio;
}

uint64_t cgap_hdf5_bytes_max(hid_t dataset)
{
  hid_t plist = H5Dget_create_plist(dataset);
  const uint64_t stored = (uint64_t)H5Dget_storage_size(dataset);
  const uint64_t ratio = stored > 0 && plist >= 0 ? expansion(plist) : 1;
  cgap_hdf5_close(plist);
  return ratio == 0 || stored > UINT64_MAX / ratio ? UINT64_MAX : stored * ratio;
}
