/* One dataset of an HDF5 file: its type, shape, storage and filters, the marks of MATLAB and Octave, and why it cannot
 * be read where that is so. */
#include "base/memory.h"
#include "base/text_buffer.h"
#include "io/read/hdf5_basics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- types */

static const struct {
  size_t size, exponent_bits, mantissa_bits, bias;
  cgap_type type;
} FLOATS[] = {
  {2, 5, 10, 15, CGAP_FLOAT16},
  {2, 8, 7, 127, CGAP_BFLOAT16},
  {4, 8, 23, 127, CGAP_FLOAT32},
  {8, 11, 52, 1023, CGAP_FLOAT64},
};

static bool float_type(cgap_type *out, hid_t type)
{
  size_t sign = 0, exponent_at = 0, exponent_bits = 0, mantissa_at = 0, mantissa_bits = 0;
  const size_t size = H5Tget_size(type), bias = H5Tget_ebias(type);
  if (H5Tget_fields(type, &sign, &exponent_at, &exponent_bits, &mantissa_at, &mantissa_bits) < 0 || mantissa_at != 0 ||
      exponent_at != mantissa_bits || sign != 8 * size - 1 || H5Tget_norm(type) != H5T_NORM_IMPLIED)
    return false;
  for (size_t i = 0; i < sizeof FLOATS / sizeof *FLOATS; i++)
    if (size == FLOATS[i].size && exponent_bits == FLOATS[i].exponent_bits &&
        mantissa_bits == FLOATS[i].mantissa_bits && bias == FLOATS[i].bias) {
      *out = FLOATS[i].type;
      return true;
    }
  return false;
}

/* HDF5 1.10 has no bfloat16: it is stored as int16 or uint16 with the attribute dtype = "bfloat16" or "torch.bfloat16",
 * or, by way of NumPy, which has none either (JAX, Keras), as opaque elements of two bytes. */
static bool says_bfloat16(bool *readable, hid_t dataset)
{
  char text[32];
  const int there = cgap_hdf5_text(text, sizeof text, dataset, "dtype");
  *readable = there >= 0;
  return there > 0 && (!strcmp(text, "bfloat16") || !strcmp(text, "torch.bfloat16"));
}

static bool other_byte_order(hid_t type)
{
  H5T_order_t order = H5Tget_order(type);
  return (order == H5T_ORDER_LE || order == H5T_ORDER_BE) && order != H5Tget_order(H5T_NATIVE_INT);
}

static bool describe_integer(cgap_entry *entry, hid_t dataset, hid_t type)
{
  char name[32];
  bool readable = true;
  size_t size = H5Tget_size(type);
  entry->is_signed = H5Tget_sign(type) == H5T_SGN_2;
  entry->swap = size > 1 && other_byte_order(type);
  entry->kind = size <= 8 ? CGAP_KIND_INTEGER : CGAP_KIND_OTHER;
  (void)snprintf(name, sizeof name, "%sint%zu", entry->is_signed ? "" : "u", 8 * size);
  if (size == 2 && says_bfloat16(&readable, dataset)) {
    entry->kind = CGAP_KIND_FLOAT;
    entry->type = CGAP_BFLOAT16;
    entry->is_signed = false;
    (void)snprintf(name, sizeof name, "bfloat16");
  }
  cgap_entry_type_text(entry, name);
  return readable;
}

static void describe_float(cgap_entry *entry, hid_t type)
{
  H5T_order_t order = H5Tget_order(type);
  if (float_type(&entry->type, type) && (order == H5T_ORDER_LE || order == H5T_ORDER_BE)) {
    entry->kind = CGAP_KIND_FLOAT;
    entry->swap = other_byte_order(type);
    cgap_entry_type_text(entry, cgap_type_name(entry->type));
    return;
  }
  char name[48];
  (void)snprintf(name, sizeof name, "float of %zu bits in an unusual layout", 8 * H5Tget_size(type));
  cgap_entry_type_text(entry, name);
}

/* The fields of a compound type; where some hold rows of numbers, the line that makes datasets of them. */
static void describe_compound(cgap_entry *entry, const cgap_file *file, hid_t type)
{
  const int count = H5Tget_nmembers(type);
  char *fields = NULL;
  bool rows = false;
  for (int k = 0; k < count; k++) {
    char *name = H5Tget_member_name(type, (unsigned)k);
    cgap_append(&fields, "%s%s", k ? ", " : "", name ? name : "?");
    rows = rows || H5Tget_member_class(type, (unsigned)k) == H5T_ARRAY;
    H5free_memory(name);
  }
  (void)snprintf(entry->type_text, sizeof entry->type_text, "compound (%.80s)", fields ? fields : "");
  char *path = rows ? cgap_python_string(file->path) : NULL, *key = rows ? cgap_python_string(entry->path) : NULL;
  if (path && key)
    entry->obstacle = cgap_format("structured rows with the fields %s, which are read from datasets of their own; in "
                                  "Python: import h5py, numpy; a = h5py.File(%s)[%s][()]; numpy.savez('new.npz', "
                                  "**{name: a[name] for name in a.dtype.names})",
                                  fields, path, key);
  free(path);
  free(key);
  free(fields);
}

/* For instance the booleans of h5py; HDF5 reads their numbers. */
static bool describe_enumeration(cgap_entry *entry, hid_t dataset, hid_t type)
{
  hid_t base = H5Tget_super(type);
  const bool readable = base >= 0 && describe_integer(entry, dataset, base);
  cgap_entry_type_text(entry, "enumeration");
  cgap_hdf5_close(base);
  return readable;
}

static bool describe_type(cgap_entry *entry, const cgap_file *file, hid_t dataset, hid_t type)
{
  static const char *const OTHERS[] = {
    [H5T_TIME] = "time",        [H5T_BITFIELD] = "bit field",  [H5T_OPAQUE] = "opaque", [H5T_REFERENCE] = "reference",
    [H5T_ENUM] = "enumeration", [H5T_VLEN] = "variable lists", [H5T_ARRAY] = "arrays",
  };
  H5T_class_t class = H5Tget_class(type);
  entry->kind = CGAP_KIND_OTHER;
  if (class == H5T_INTEGER)
    return describe_integer(entry, dataset, type);
  if (class == H5T_FLOAT)
    describe_float(entry, type);
  else if (class == H5T_OPAQUE && H5Tget_size(type) == 2) {
    entry->kind = CGAP_KIND_FLOAT;
    entry->type = CGAP_BFLOAT16;
    cgap_entry_type_text(entry, "bfloat16");
  } else if (class == H5T_ENUM)
    describe_enumeration(entry, dataset, type);
  else if (class == H5T_STRING) {
    entry->kind = CGAP_KIND_STRING;
    cgap_entry_type_text(entry, "string");
  } else if (class == H5T_COMPOUND)
    describe_compound(entry, file, type);
  else
    cgap_entry_type_text(entry, class > 0 && (size_t) class < sizeof OTHERS / sizeof *OTHERS && OTHERS[class]
                                  ? OTHERS[class]
                                  : "unknown type");
  return class >= 0;
}

/* ---------------------------------------------------------------- filters */

static const char COMPLETE[] = "use a complete HDF5 library (Debian: libhdf5-103-1)";

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
  {H5Z_FILTER_SHUFFLE, "shuffle", COMPLETE},
  {H5Z_FILTER_FLETCHER32, "fletcher32", COMPLETE},
  {H5Z_FILTER_SZIP, "szip", "use an HDF5 library built with libaec (Debian: libhdf5-103-1)"},
  {H5Z_FILTER_NBIT, "nbit", COMPLETE},
  {H5Z_FILTER_SCALEOFFSET, "scaleoffset", COMPLETE},
  {305, "LZO", PYTABLES},
  {307, "bzip2", "install the Debian package hdf5-filter-plugin"},
  {CGAP_HDF5_LZF, "lzf", "install the Debian package hdf5-plugin-lzf"},
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

/* Those that read without `plugins`: all of HDF5 itself, and h5py's. */
static const H5Z_filter_t TRUSTED[] = {H5Z_FILTER_DEFLATE, H5Z_FILTER_SHUFFLE,     H5Z_FILTER_FLETCHER32,
                                       H5Z_FILTER_SZIP,    H5Z_FILTER_SCALEOFFSET, H5Z_FILTER_NBIT,
                                       CGAP_HDF5_LZF};

typedef struct filter {
  H5Z_filter_t id;
  unsigned flags;
  char name[64];
  const char *remedy;
  bool trusted;
} filter;

static bool get_filter(filter *out, hid_t plist, int index)
{
  size_t values = 0;
  *out = (filter){.remedy = UNKNOWN};
  out->id = H5Pget_filter2(plist, (unsigned)index, &out->flags, &values, NULL, sizeof out->name - 1, out->name, NULL);
  if (out->id < 0)
    return false;
  const char *known = out->name[0] ? NULL : "unnamed";
  for (size_t i = 0; i < sizeof FILTERS / sizeof *FILTERS; i++)
    if (FILTERS[i].id == out->id) {
      out->remedy = FILTERS[i].remedy;
      known = FILTERS[i].name;
    }
  for (size_t i = 0; i < sizeof TRUSTED / sizeof *TRUSTED; i++)
    out->trusted = out->trusted || TRUSTED[i] == out->id;
  if (known)
    (void)snprintf(out->name, sizeof out->name, "%s", known);
  return true;
}

/* An optional filter that was missing when the chunk was written was left out of it, as its mask says. */
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

/* NULL, or a new string: the filter that is missing here and the package that has it, or that is not allowed. */
static char *filter_obstacle(hid_t plist, hid_t dataset, bool plugins)
{
  const int count = H5Pget_nfilters(plist);
  for (int i = 0; i < count; i++) {
    filter f;
    if (!get_filter(&f, plist, i) || ((f.flags & H5Z_FLAG_OPTIONAL) && first_chunk_skips(dataset, (unsigned)i)))
      continue;
    if (!plugins && !f.trusted)
      return cgap_format(
        "needs the HDF5 filter %s (%d), which is code of a plugin: give `plugins` to allow that; where "
        "it is missing, %s",
        f.name, (int)f.id, f.remedy);
    if (H5Zfilter_avail(f.id) <= 0)
      return cgap_format("needs the HDF5 filter %s (%d), which is missing here; %s", f.name, (int)f.id, f.remedy);
  }
  return NULL;
}

/* ---------------------------------------------------------------- shape and storage */

static bool describe_shape(cgap_entry *entry, hid_t dataset)
{
  hsize_t sizes[H5S_MAX_RANK] = {0};
  hid_t space = H5Dget_space(dataset);
  if (space < 0)
    return false;
  int ndim = H5Sget_simple_extent_dims(space, sizes, NULL);
  entry->ndim = ndim > 0 ? ndim : 0;
  for (int k = 0; k < entry->ndim && k < CGAP_SHAPE_MAX; k++)
    entry->shape[k] = (size_t)sizes[k];
  H5Sclose(space);
  return ndim >= 0;
}

static bool describe_storage(cgap_entry *entry, const cgap_file *file, hid_t dataset)
{
  hid_t plist = H5Dget_create_plist(dataset);
  if (plist < 0)
    return false;
  const H5D_layout_t layout = H5Pget_layout(plist);
  if (layout == H5D_CONTIGUOUS) {
    if (H5Pget_external_count(plist) > 0)
      cgap_hdf5_external_describe(entry, file, dataset, plist);
    else
      cgap_append(&entry->storage, "contiguous");
  } else if (layout == H5D_COMPACT) {
    cgap_append(&entry->storage, "compact");
  } else if (layout == H5D_VIRTUAL) {
    cgap_hdf5_virtual_describe(entry, file, dataset, plist);
  } else {
    hsize_t chunk[H5S_MAX_RANK] = {0};
    const int ndim = H5Pget_chunk(plist, H5S_MAX_RANK, chunk), filters = H5Pget_nfilters(plist);
    filter f;
    cgap_append(&entry->storage, "chunked");
    for (int k = 0; k < ndim; k++)
      cgap_append(&entry->storage, "%s%llu", k ? " × " : " ", (unsigned long long)chunk[k]);
    for (int i = 0; i < filters; i++)
      if (get_filter(&f, plist, i))
        cgap_append(&entry->storage, ", %s", f.name);
    char *obstacle = filter_obstacle(plist, dataset, file->access.plugins);
    if (obstacle) {
      free(entry->obstacle);
      entry->obstacle = obstacle;
    }
  }
  H5Pclose(plist);
  return layout >= 0;
}

/* ---------------------------------------------------------------- claimed sizes */

enum { CLAIM_BYTES_MIN = 16 << 20 };

/* A few bytes can name a shape of any size, whose elements were never written: HDF5 gives the fill value for them. */
static bool check_claim(cgap_entry *entry, hid_t dataset, hid_t type)
{
  size_t elements = 0, bytes = 0;
  if (entry->obstacle || entry->ndim > CGAP_SHAPE_MAX)
    return true;
  const bool counted = cgap_entry_elements(&elements, entry) && cgap_product(&bytes, elements, H5Tget_size(type));
  if (counted && bytes <= CLAIM_BYTES_MIN)
    return true;
  hid_t plist = H5Dget_create_plist(dataset);
  if (plist < 0)
    return false;
  const bool elsewhere = entry->is_virtual || H5Pget_external_count(plist) > 0;
  const uint64_t most = elsewhere ? entry->elsewhere : cgap_hdf5_bytes_max(dataset);
  H5Pclose(plist);
  if (counted && bytes <= most)
    return true;
  const uint64_t stored = elsewhere ? most : (uint64_t)H5Dget_storage_size(dataset);
  char shape[160];
  entry->obstacle = cgap_format(
    "its shape %s claims %zu bytes, and %llu are stored: it is damaged, or was never written; write it again",
    cgap_shape_text(shape, sizeof shape, entry), counted ? bytes : SIZE_MAX, (unsigned long long)stored);
  return true;
}

bool cgap_hdf5_describe(cgap_entry *entry, const cgap_file *file, hid_t dataset, hid_t type)
{
  if (!describe_type(entry, file, dataset, type) || !describe_storage(entry, file, dataset))
    return false;
  /* of a virtual dataset with an obstacle, the mapping has said it */
  if (!(entry->is_virtual && entry->ndim > 0) && !describe_shape(entry, dataset))
    return false;
  return check_claim(entry, dataset, type);
}

/* ---------------------------------------------------------------- marks of MATLAB and Octave */

/* Both programs count the axes in the reverse order of HDF5's. */
static void reverse_axes(cgap_entry *e, const char *program)
{
  if (e->ndim > CGAP_SHAPE_MAX)
    return;
  for (int k = 0; k < e->ndim / 2; k++) {
    const size_t first = e->shape[k];
    e->shape[k] = e->shape[e->ndim - 1 - k];
    e->shape[e->ndim - 1 - k] = first;
  }
  e->turned = true;
  cgap_append(&e->storage, ", columns first as %s writes", program);
}

static void set_other(cgap_entry *e, const char *program, const char *type)
{
  e->kind = CGAP_KIND_OTHER;
  e->swap = false;
  (void)snprintf(e->type_text, sizeof e->type_text, "%s %.60s", program, type);
}

/* A matrix of characters has a string in each row. */
static void set_strings(cgap_entry *e)
{
  if (e->kind != CGAP_KIND_INTEGER || e->ndim != 2)
    return;
  e->kind = CGAP_KIND_STRING;
  e->characters = e->shape[1];
  e->ndim = 1;
  (void)snprintf(e->type_text, sizeof e->type_text, "string");
}

static bool is_one_of(const char *name, const char *const *list)
{
  while (*list && strcmp(*list, name) != 0)
    list++;
  return *list != NULL;
}

bool cgap_matlab_array(cgap_entry *e, hid_t dataset)
{
  static const char *const NUMBERS[] = {"double", "single", "int8",   "int16",  "int32",   "int64",
                                        "uint8",  "uint16", "uint32", "uint64", "logical", NULL};
  char class[64];
  const int marked = cgap_hdf5_text(class, sizeof class, dataset, "MATLAB_class");
  if (marked <= 0)
    return marked == 0;
  const htri_t empty = H5Aexists(dataset, "MATLAB_empty");
  if (empty < 0)
    return false;
  if (!empty)
    reverse_axes(e, "MATLAB");
  if (empty)
    set_other(e, "empty MATLAB", class);
  else if (!strcmp(class, "char"))
    set_strings(e);
  else if (!is_one_of(class, NUMBERS))
    set_other(e, "MATLAB", class);
  return true;
}

bool cgap_matlab_sparse(size_t shape[2], hid_t group, hid_t links)
{
  static const char MARK[] = "MATLAB_sparse";
  uint64_t rows = 0;
  hid_t attribute = H5Aexists(group, MARK) > 0 ? H5Aopen(group, MARK, H5P_DEFAULT) : H5I_INVALID_HID;
  hid_t columns = attribute >= 0 && H5Lexists(group, "jc", links) > 0 ? H5Dopen2(group, "jc", links) : H5I_INVALID_HID;
  bool found = columns >= 0 && H5Aread(attribute, H5T_NATIVE_UINT64, &rows) >= 0;
  if (found) {
    hid_t space = H5Dget_space(columns);
    const hssize_t count = H5Sget_simple_extent_npoints(space);
    shape[0] = (size_t)rows;
    shape[1] = count > 0 ? (size_t)count - 1 : 0;
    H5Sclose(space);
  }
  cgap_hdf5_close(columns);
  cgap_hdf5_close(attribute);
  return found;
}

/* The text of the scalar dataset `type`. */
static bool read_type(char *out, size_t size, hid_t group, hid_t links)
{
  hid_t dataset = H5Lexists(group, "type", links) > 0 ? H5Dopen2(group, "type", links) : H5I_INVALID_HID;
  if (dataset < 0)
    return false;
  hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
  bool got = H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 && H5Tget_size(type) < size &&
             H5Sget_simple_extent_npoints(space) == 1;
  memset(out, 0, size);
  got = got && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0;
  H5Sclose(space);
  H5Tclose(type);
  H5Dclose(dataset);
  return got;
}

cgap_octave cgap_octave_variable(char *type, size_t size, hid_t group, hid_t links)
{
  static const char *const OTHERS[] = {"cell", "function handle", "object", NULL};
  H5O_info_t info;
  const htri_t marked = H5Aexists(group, "OCTAVE_NEW_FORMAT");
  if (marked == 0)
    return CGAP_OCTAVE_NONE;
  if (marked < 0 || !read_type(type, size, group, links) || H5Oget_info_by_name(group, "value", &info, links) < 0)
    return CGAP_OCTAVE_UNREADABLE;
  if (is_one_of(type, OTHERS))
    return CGAP_OCTAVE_OTHER;
  return info.type == H5O_TYPE_DATASET ? CGAP_OCTAVE_ARRAY : CGAP_OCTAVE_STRUCT;
}

bool cgap_octave_cells(size_t shape[2], hid_t group, hid_t links)
{
  uint64_t dims[2] = {0};
  if (H5Lexists(group, "value", links) <= 0 || H5Lexists(group, "value/dims", links) <= 0)
    return false;
  hid_t dataset = H5Dopen2(group, "value/dims", links);
  if (dataset < 0)
    return false;
  hid_t space = H5Dget_space(dataset);
  const bool found = H5Sget_simple_extent_npoints(space) == 2 &&
                     H5Dread(dataset, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, dims) >= 0;
  shape[0] = (size_t)dims[0];
  shape[1] = (size_t)dims[1];
  H5Sclose(space);
  H5Dclose(dataset);
  return found;
}

bool cgap_octave_array(cgap_entry *e, const char *type, hid_t dataset)
{
  const htri_t empty = H5Aexists(dataset, "OCTAVE_EMPTY_MATRIX");
  if (empty) {
    set_other(e, "empty Octave", type);
    return empty > 0;
  }
  reverse_axes(e, "Octave");
  if (!strcmp(type, "string") || !strcmp(type, "sq_string"))
    set_strings(e);
  return true;
}
