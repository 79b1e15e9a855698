/* What belongs to datasets: attributes, and objects copied from other files. */
#include "io/read/hdf5_basics.h"
#include "io/read/name_words.h"
#include "io/write/writer_internal.h"

#include <stdlib.h>
#include <string.h>

cgap_status cgap_writer_attribute(cgap_writer *w, const char *path, const char *name, const char *value,
                                  cgap_error *error)
{
  cgap_status status = CGAP_OK;
  cgap_quiet quiet = cgap_quiet_begin();
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR), attribute = H5I_INVALID_HID;
  H5Tset_size(type, strlen(value) + 1);
  H5Tset_cset(type, H5T_CSET_UTF8);
  if (H5Aexists_by_name(w->file, path, name, H5P_DEFAULT) > 0)
    (void)H5Adelete_by_name(w->file, path, name, H5P_DEFAULT);
  attribute = H5Acreate_by_name(w->file, path, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (cgap_writer_noted(w, attribute < 0 || H5Awrite(attribute, type, value) < 0))
    status = cgap_writer_fail(w, path, error);
  if (attribute >= 0)
    H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
  cgap_quiet_end(quiet);
  return status;
}

static bool copy_values(hid_t from, hid_t type, hid_t space, hid_t to, const char *name)
{
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  void *values = calloc((size_t)(count > 0 ? count : 0) + 1, H5Tget_size(type));
  hid_t copy = values ? H5Acreate2(to, name, type, space, H5P_DEFAULT, H5P_DEFAULT) : H5I_INVALID_HID;
  const bool fine = copy >= 0 && H5Aread(from, type, values) >= 0 && H5Awrite(copy, type, values) >= 0;
  if (fine && count > 0)
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, values);
  if (copy >= 0)
    H5Aclose(copy);
  free(values);
  return fine;
}

static herr_t copy_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
  const hid_t to = *(const hid_t *)context;
  (void)info;
  if (H5Aexists(to, name) > 0 || !strcmp(name, CGAP_PARTS_ATTRIBUTE) || !strcmp(name, CGAP_PART_ATTRIBUTE))
    return 0;
  hid_t from = H5Aopen(object, name, H5P_DEFAULT);
  hid_t type = from >= 0 ? H5Aget_type(from) : H5I_INVALID_HID,
        space = from >= 0 ? H5Aget_space(from) : H5I_INVALID_HID;
  const bool fine = type >= 0 && space >= 0 && copy_values(from, type, space, to, name);
  if (space >= 0)
    H5Sclose(space);
  if (type >= 0)
    H5Tclose(type);
  if (from >= 0)
    H5Aclose(from);
  return fine ? 0 : -1;
}

/* All elements, some rows at a time. */
static bool copy_elements(cgap_writer *w, hid_t from, hid_t to, hid_t type, int rank, const hsize_t *shape)
{
  hsize_t size[H5S_MAX_RANK] = {0}, start[H5S_MAX_RANK] = {0};
  hid_t space = H5Dget_space(from);
  size_t row = H5Tget_size(type);
  for (int k = 1; k < rank; k++)
    row *= (size_t)(size[k] = shape[k]);
  const hsize_t rows = rank ? shape[0] : 1, most = row && row < CGAP_WRITER_BUFFER ? CGAP_WRITER_BUFFER / row : 1;
  void *values = malloc((size_t)most * row + 1);
  bool fine = values != NULL;
  for (; fine && start[0] < rows; start[0] += size[0]) {
    size[0] = rows - start[0] < most ? rows - start[0] : most;
    hid_t memory = H5Screate_simple(rank, size, NULL);
    if (rank)
      H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL);
    const bool got = !cgap_writer_noted(w, H5Dread(from, type, memory, space, H5P_DEFAULT, values) < 0);
    fine = got && !cgap_writer_noted(w, H5Dwrite(to, type, memory, space, H5P_DEFAULT, values) < 0);
    if (got)
      H5Dvlen_reclaim(type, memory, H5P_DEFAULT, values);
    H5Sclose(memory);
  }
  free(values);
  H5Sclose(space);
  return fine;
}

static bool copy_rows(cgap_writer *w, hid_t from, const char *as)
{
  hsize_t shape[H5S_MAX_RANK] = {0}, at = 0;
  hid_t type = H5Tcopy(from), space = H5Dget_space(from), create = H5Pcreate(H5P_DATASET_CREATE);
  const int rank = H5Sget_simple_extent_dims(space, shape, NULL);
  hid_t to = cgap_writer_dataset(w, as, type, rank, shape, create);
  const bool fine = to >= 0 && copy_elements(w, from, to, type, rank, shape) &&
                    !cgap_writer_noted(w, H5Aiterate2(from, H5_INDEX_NAME, H5_ITER_INC, &at, copy_attribute, &to) < 0);
  if (to >= 0)
    H5Dclose(to);
  H5Pclose(create);
  H5Sclose(space);
  H5Tclose(type);
  return fine;
}

/* HDF5 would copy the names of the files that the elements lie in, which are others seen from another folder. */
static bool lies_elsewhere(hid_t dataset)
{
  hid_t create = H5Dget_create_plist(dataset);
  const bool elsewhere = H5Pget_layout(create) == H5D_VIRTUAL || H5Pget_external_count(create) > 0;
  H5Pclose(create);
  return elsewhere;
}

static bool copy_object(cgap_writer *w, hid_t file, const cgap_entry *entry, const char *path, const char *as)
{
  hid_t from = entry ? H5Dopen2(file, path, H5P_DEFAULT) : H5I_INVALID_HID;
  bool fine = false;
  if (from >= 0 && lies_elsewhere(from)) {
    fine = copy_rows(w, from, as);
  } else {
    hid_t link = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(link, 1);
    fine = !cgap_writer_noted(w, H5Ocopy(file, path, w->file, as, H5P_DEFAULT, link) < 0);
    H5Pclose(link);
  }
  if (from >= 0)
    H5Dclose(from);
  return fine;
}

static cgap_status fail_copy(const cgap_writer *w, const cgap_file *from, const char *path, const char *what,
                             const char *as, cgap_error *error)
{
  if (w->sink.number)
    return cgap_writer_fail(w, as, error);
  return cgap_fail(error, CGAP_FILE, "%s:%s%s cannot be copied to %s:%s (HDF5: %s)", from->path, path, what, w->path,
                   as, w->why[0] ? w->why : "no reason given");
}

cgap_status cgap_writer_copy(cgap_writer *w, const cgap_file *from, const char *path, const char *as, cgap_error *error)
{
  const cgap_entry *entry = cgap_file_find(from, path);
  if (entry && entry->is_virtual && entry->obstacle)
    return cgap_fail(error, CGAP_FILE, "%s: %s", entry->name, entry->obstacle);
  cgap_quiet quiet = cgap_quiet_begin();
  cgap_status status = CGAP_OK;
  if (cgap_writer_noted(w, !copy_object(w, from->id, entry, path, as)))
    status = fail_copy(w, from, path, "", as, error);
  cgap_quiet_end(quiet);
  return status;
}

cgap_status cgap_writer_copy_attributes(cgap_writer *w, const cgap_file *from, const char *path, const char *as,
                                        cgap_error *error)
{
  cgap_status status = CGAP_OK;
  cgap_quiet quiet = cgap_quiet_begin();
  hid_t source = H5Oopen(from->id, path, H5P_DEFAULT);
  hid_t to = source < 0 ? H5I_INVALID_HID : H5Oopen(w->file, as, H5P_DEFAULT);
  hsize_t at = 0;
  if (cgap_writer_noted(w, to < 0 || H5Aiterate2(source, H5_INDEX_NAME, H5_ITER_INC, &at, copy_attribute, &to) < 0))
    status = fail_copy(w, from, path, ": its attributes", as, error);
  if (to >= 0)
    H5Oclose(to);
  if (source >= 0)
    H5Oclose(source);
  cgap_quiet_end(quiet);
  return status;
}
