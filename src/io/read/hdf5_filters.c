#include "io/read/hdf5_filters.h"

#include "base/text_buffer.h"

#include <stdio.h>
#include <string.h>

static const char NOT_PACKAGED[] =
  "no Debian package has it: `pip install hdf5plugin`, and export HDF5_PLUGIN_PATH=$(python3 -c 'import hdf5plugin; "
  "print(hdf5plugin.PLUGIN_PATH)'), or have the file written again with gzip";

static const char PYTABLES[] =
  "PyTables alone has it (Debian: python3-tables), and writes the file again without it: `ptrepack "
  "--complib zlib --complevel 4 OLD.h5:/ NEW.h5:/`";

static const char UNKNOWN[] =
  "neither Debian nor hdf5plugin has it: have the file written again with gzip where it was "
  "made, `h5repack -f GZIP=4 OLD.h5 NEW.h5`";

/* Numbers are the registry's (portal.hdfgroup.org, "Registered Filter Plugins"); packages are Debian 12's. */
static const struct {
  H5Z_filter_t id;
  const char *name;
  const char *remedy;
} FILTERS[] = {
  {H5Z_FILTER_DEFLATE, "gzip", "use an HDF5 library built with zlib (Debian: libhdf5-103-1)"},
  {H5Z_FILTER_SHUFFLE, "shuffle", "use a complete HDF5 library (Debian: libhdf5-103-1)"},
  {H5Z_FILTER_FLETCHER32, "fletcher32", "use a complete HDF5 library (Debian: libhdf5-103-1)"},
  {H5Z_FILTER_SZIP, "szip", "use an HDF5 library built with libaec (Debian: libhdf5-103-1)"},
  {H5Z_FILTER_NBIT, "nbit", "use a complete HDF5 library (Debian: libhdf5-103-1)"},
  {H5Z_FILTER_SCALEOFFSET, "scaleoffset", "use a complete HDF5 library (Debian: libhdf5-103-1)"},
  {305, "LZO", PYTABLES},
  {307, "bzip2", "install the Debian package hdf5-filter-plugin"},
  {32000, "lzf", "install the Debian package hdf5-plugin-lzf"},
  {32001, "blosc", "install the Debian package hdf5-filter-plugin-blosc-serial"},
  {32004, "lz4", "install the Debian package hdf5-filter-plugin"},
  {32008, "bitshuffle", "install the Debian package bitshuffle"},
  {32013, "zfp", "install the Debian package hdf5-filter-plugin-zfp-serial"},
  {32015, "zstd", NOT_PACKAGED},
  {32017, "sz", NOT_PACKAGED},
  {32018, "fcidecomp", NOT_PACKAGED},
  {32024, "sz3", NOT_PACKAGED},
  {32026, "blosc2", NOT_PACKAGED},
  {32028, "sperr", NOT_PACKAGED},
};

enum { FILTER_NAME = 64 };

typedef struct filter {
  H5Z_filter_t id;
  unsigned flags;
  char name[FILTER_NAME];
  const char *remedy;
} filter;

static bool get_filter(filter *out, hid_t plist, unsigned index)
{
  size_t values = 0;
  char stored[FILTER_NAME] = "";
  out->id = H5Pget_filter2(plist, index, &out->flags, &values, NULL, sizeof stored, stored, NULL);
  if (out->id < 0)
    return false;
  stored[sizeof stored - 1] = '\0';
  out->remedy = UNKNOWN;
  (void)snprintf(out->name, sizeof out->name, "%s", stored[0] ? stored : "unnamed");
  for (size_t i = 0; i < sizeof FILTERS / sizeof *FILTERS; i++) {
    if (FILTERS[i].id == out->id) {
      out->remedy = FILTERS[i].remedy;
      (void)snprintf(out->name, sizeof out->name, "%s", FILTERS[i].name);
    }
  }
  return true;
}

void cgap_hdf5_filters_describe(char **text, hid_t plist)
{
  int count = H5Pget_nfilters(plist);
  for (int i = 0; i < count; i++) {
    filter f;
    if (get_filter(&f, plist, (unsigned)i))
      cgap_append(text, ", %s", f.name);
  }
}

/* An optional filter that was not there when the chunk was written was left out of it, which its mask tells. */
static bool first_chunk_skips(hid_t dataset, unsigned index)
{
  unsigned mask = 0;
  hsize_t offset[H5S_MAX_RANK] = {0}, size = 0, chunks = 0;
  haddr_t address = HADDR_UNDEF;
  hid_t space = H5Dget_space(dataset);
  bool skips = H5Dget_num_chunks(dataset, space, &chunks) >= 0 &&
               (chunks == 0 || (H5Dget_chunk_info(dataset, space, 0, offset, &mask, &address, &size) >= 0 &&
                                (mask >> index & 1u) != 0));
  H5Sclose(space);
  return skips;
}

char *cgap_hdf5_filters_obstacle(hid_t plist, hid_t dataset)
{
  int count = H5Pget_nfilters(plist);
  for (int i = 0; i < count; i++) {
    filter f;
    if (!get_filter(&f, plist, (unsigned)i) || H5Zfilter_avail(f.id) > 0)
      continue;
    if ((f.flags & H5Z_FLAG_OPTIONAL) && first_chunk_skips(dataset, (unsigned)i))
      continue;
    return cgap_format("needs the HDF5 filter %s (%d), which is missing here; %s", f.name, (int)f.id, f.remedy);
  }
  return NULL;
}
