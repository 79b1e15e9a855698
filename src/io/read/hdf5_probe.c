/* Does with an HDF5 file that is open and listed what else could make the HDF5 library fail: reads its attributes, and
 * of each dataset all or the first and last value. For a process that may die of it, in place of the one that works.
 *
 * The values of a virtual dataset are left out: HDF5 keeps each source open for them, with half a MB. The sources have
 * been opened when the file was listed. */
#include "io/read/hdf5_basics.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of values that are read in all, so that a healthy file of any size is probed in milliseconds; what opening a
 * dataset costs counts as so many bytes. */
enum { PROBE_BYTES = 1 << 20, OPENING_BYTES = 1 << 12 };
enum { ELEMENT_BYTES = 16 /* of a variable-length list or a number in memory */ };

typedef struct probe {
  const cgap_file *file;
  uint64_t bytes; /* of it, without holes */
  size_t budget;
  bool exceeded; /* HDF5 had no memory for what was read */
} probe;

/* Takes the bytes of so many elements off the budget; false: they exceed it. */
static bool take_bytes(probe *p, hssize_t elements, size_t size)
{
  if (elements < 0 || size == 0 || (size_t)elements > p->budget / size)
    return false;
  p->budget -= (size_t)elements * size;
  return true;
}

static bool has_variable_parts(hid_t type)
{
  return H5Tdetect_class(type, H5T_VLEN) > 0 || H5Tdetect_class(type, H5T_STRING) > 0;
}

/* What an element takes, without what is behind it where it is of variable length. */
static size_t element_bytes(hid_t type)
{
  return H5Tget_size(type) + ELEMENT_BYTES;
}

/* And with that, which is its part of the file. */
static size_t element_bytes_max(const probe *p, hid_t type, hssize_t elements)
{
  const size_t size = element_bytes(type);
  return elements > 0 && has_variable_parts(type) ? size + (size_t)(p->bytes / (uint64_t)elements) : size;
}

/* After a call of HDF5 that failed. */
static void note_memory(probe *p)
{
  char why[400];
  cgap_hdf5_reason(why, sizeof why);
  p->exceeded = p->exceeded || strstr(why, "memory allocation failed") || strstr(why, "can't allocate");
}

static herr_t probe_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
  probe *p = context;
  hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
  hid_t type = attribute < 0 ? H5I_INVALID_HID : H5Aget_type(attribute);
  hid_t space = attribute < 0 ? H5I_INVALID_HID : H5Aget_space(attribute);
  const hssize_t elements = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
  const size_t size = type < 0 ? 0 : element_bytes_max(p, type, elements);
  void *values = take_bytes(p, elements, size) ? calloc((size_t)elements + 1, size) : NULL;
  if (values && H5Aread(attribute, type, values) < 0)
    note_memory(p);
  else if (values && has_variable_parts(type))
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, values);
  (void)info;
  free(values);
  cgap_hdf5_close(space);
  cgap_hdf5_close(type);
  cgap_hdf5_close(attribute);
  return 0;
}

/* Selected values, as stored and, of numbers, as small datasets are read. */
static void read_selected(probe *p, hid_t dataset, hid_t type, hid_t space, void *values)
{
  const H5T_class_t class = H5Tget_class(type);
  const hsize_t count = (hsize_t)H5Sget_select_npoints(space);
  hid_t memory = H5Screate_simple(1, &count, NULL);
  if (H5Dread(dataset, type, memory, space, H5P_DEFAULT, values) < 0)
    note_memory(p);
  else if (has_variable_parts(type))
    H5Dvlen_reclaim(type, memory, H5P_DEFAULT, values);
  if (class == H5T_INTEGER || class == H5T_ENUM)
    (void)H5Dread(dataset, H5T_NATIVE_INT64, memory, space, H5P_DEFAULT, values);
  if (class == H5T_FLOAT)
    (void)H5Dread(dataset, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, values);
  cgap_hdf5_close(memory);
}

/* Whether a chunk is small, all of which is unpacked where one value of it is read. */
static bool chunk_fits(hid_t plist, size_t size)
{
  hsize_t chunk[H5S_MAX_RANK] = {0};
  size_t left = PROBE_BYTES / (size ? size : 1);
  const int ndim = H5Pget_layout(plist) == H5D_CHUNKED ? H5Pget_chunk(plist, H5S_MAX_RANK, chunk) : 0;
  for (int k = 0; k < ndim; k++)
    left = chunk[k] ? left / (size_t)chunk[k] : left;
  return left > 0;
}

static void probe_values(probe *p, hid_t dataset, hid_t type, hid_t space)
{
  hsize_t sizes[H5S_MAX_RANK] = {0}, at[H5S_MAX_RANK] = {0};
  const int ndim = H5Sget_simple_extent_dims(space, sizes, NULL);
  const hssize_t elements = H5Sget_simple_extent_npoints(space);
  const bool whole = take_bytes(p, elements, element_bytes_max(p, type, elements));
  if (elements <= 0)
    return;
  void *values = calloc(whole ? (size_t)elements : 1, element_bytes(type));
  if (values && whole)
    read_selected(p, dataset, type, space, values);
  for (int last = 0; values && !whole && last < 2; last++) {
    for (int k = 0; k < ndim; k++)
      at[k] = last ? sizes[k] - 1 : 0;
    if (H5Sselect_elements(space, H5S_SELECT_SET, 1, at) >= 0)
      read_selected(p, dataset, type, space, values);
  }
  free(values);
}

static void probe_dataset(probe *p, const cgap_entry *entry)
{
  hsize_t at = 0;
  hid_t dataset = H5Dopen2(p->file->id, cgap_entry_place(entry), H5P_DEFAULT);
  if (dataset < 0) /* a group that is listed as one variable */
    return;
  (void)H5Aiterate2(dataset, H5_INDEX_NAME, H5_ITER_NATIVE, &at, probe_attribute, p);
  if (entry->is_virtual) {
    cgap_hdf5_close(dataset);
    return;
  }
  hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset), plist = H5Dget_create_plist(dataset);
  if (type >= 0 && space >= 0 && plist >= 0 && chunk_fits(plist, H5Tget_size(type)))
    probe_values(p, dataset, type, space);
  cgap_hdf5_close(plist);
  cgap_hdf5_close(space);
  cgap_hdf5_close(type);
  cgap_hdf5_close(dataset);
}

/* What cannot be read is refused where it is needed: here it is enough that HDF5 comes back. */
bool cgap_hdf5_probe(const cgap_file *file)
{
  probe p = {.file = file, .bytes = cgap_hdf5_bytes(file->path), .budget = PROBE_BYTES};
  hsize_t at = 0;
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  if (file->id >= 0)
    (void)H5Aiterate2(file->id, H5_INDEX_NAME, H5_ITER_NATIVE, &at, probe_attribute, &p);
  for (size_t i = 0; file->id >= 0 && i < file->count && take_bytes(&p, 1, OPENING_BYTES); i++)
    if (!file->entries[i].obstacle && !file->entries[i].alias)
      probe_dataset(&p, &file->entries[i]);
  cgap_hdf5_silence_end(quiet);
  return !p.exceeded;
}
