#include "io/read/hdf5_marks.h"

#include "base/text_buffer.h"
#include "io/read/hdf5_basics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The order in which both programs count the axes, which is the reverse of HDF5's. */
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
  const bool flat = e->kind == CGAP_KIND_INTEGER && e->ndim == 2;
  if (!flat)
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

bool cgap_mark_matlab(cgap_entry *e, hid_t dataset)
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

bool cgap_mark_is_internal(const char *path)
{
  return !strcmp(path, "/#refs#") || !strcmp(path, "/#subsystem#");
}

bool cgap_mark_sparse(size_t shape[2], hid_t group)
{
  static const char *const NAME[] = {"MATLAB_sparse", "jc"};
  uint64_t rows = 0;
  hid_t attribute = H5Aexists(group, NAME[0]) > 0 ? H5Aopen(group, NAME[0], H5P_DEFAULT) : H5I_INVALID_HID;
  hid_t columns = attribute >= 0 && H5Lexists(group, NAME[1], H5P_DEFAULT) > 0 ? H5Dopen2(group, NAME[1], H5P_DEFAULT)
                                                                               : H5I_INVALID_HID;
  bool found = columns >= 0 && H5Aread(attribute, H5T_NATIVE_UINT64, &rows) >= 0;
  if (found) {
    hid_t space = H5Dget_space(columns);
    const hssize_t count = H5Sget_simple_extent_npoints(space);
    shape[0] = (size_t)rows;
    shape[1] = count > 0 ? (size_t)count - 1 : 0;
    H5Sclose(space);
  }
  if (columns >= 0)
    H5Dclose(columns);
  if (attribute >= 0)
    H5Aclose(attribute);
  return found;
}

/* The text of the scalar dataset `type`. */
static bool read_type(char *out, size_t size, hid_t group)
{
  hid_t dataset = H5Lexists(group, "type", H5P_DEFAULT) > 0 ? H5Dopen2(group, "type", H5P_DEFAULT) : H5I_INVALID_HID;
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

cgap_octave cgap_mark_octave(char *type, size_t size, hid_t group)
{
  static const char *const OTHERS[] = {"cell", "function handle", "object", NULL};
  H5O_info_t info;
  const htri_t marked = H5Aexists(group, "OCTAVE_NEW_FORMAT");
  if (marked == 0)
    return CGAP_OCTAVE_NONE;
  if (marked < 0 || !read_type(type, size, group) || H5Oget_info_by_name(group, "value", &info, H5P_DEFAULT) < 0)
    return CGAP_OCTAVE_UNREADABLE;
  if (is_one_of(type, OTHERS))
    return CGAP_OCTAVE_OTHER;
  return info.type == H5O_TYPE_DATASET ? CGAP_OCTAVE_ARRAY : CGAP_OCTAVE_STRUCT;
}

bool cgap_mark_octave_dims(size_t shape[2], hid_t group)
{
  uint64_t dims[2] = {0};
  if (H5Lexists(group, "value", H5P_DEFAULT) <= 0 || H5Lexists(group, "value/dims", H5P_DEFAULT) <= 0)
    return false;
  hid_t dataset = H5Dopen2(group, "value/dims", H5P_DEFAULT);
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

bool cgap_mark_octave_array(cgap_entry *e, const char *type, hid_t dataset)
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
