/* What is in a file: every dataset with shape, type and storage, and what stands in the way of reading it. */
#include "io/hdf5_file.h"

#include "io/filters.h"
#include "io/format.h"
#include "io/marks.h"
#include "io/virtual.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 20000, GROUPS_MAX = 20000, DEPTH_MAX = 32 };

/* ---------------------------------------------------------------- types */

typedef struct float_layout {
  size_t size, exponent_bits, mantissa_bits, bias;
  cgap_type type;
} float_layout;

static const float_layout FLOATS[] = {
  {2, 5, 10, 15, CGAP_FLOAT16},
  {2, 8, 7, 127, CGAP_BFLOAT16},
  {4, 8, 23, 127, CGAP_FLOAT32},
  {8, 11, 52, 1023, CGAP_FLOAT64},
};

static bool float_type(cgap_type *out, hid_t type)
{
  size_t sign = 0, exponent_at = 0, exponent_bits = 0, mantissa_at = 0, mantissa_bits = 0;
  if (H5Tget_fields(type, &sign, &exponent_at, &exponent_bits, &mantissa_at, &mantissa_bits) < 0)
    return false;
  for (size_t i = 0; i < sizeof FLOATS / sizeof *FLOATS; i++) {
    const float_layout *f = &FLOATS[i];
    if (H5Tget_size(type) == f->size && exponent_bits == f->exponent_bits && mantissa_bits == f->mantissa_bits &&
        H5Tget_ebias(type) == f->bias && mantissa_at == 0 && exponent_at == f->mantissa_bits &&
        sign == 8 * f->size - 1 && H5Tget_norm(type) == H5T_NORM_IMPLIED) {
      *out = f->type;
      return true;
    }
  }
  return false;
}

/* HDF5 of this age has no bfloat16: uint16 with the string attribute dtype = "bfloat16" stands for it. */
static bool says_bfloat16(hid_t dataset)
{
  char text[32];
  return cgap_hdf5_text(text, sizeof text, dataset, "dtype") && !strcmp(text, "bfloat16");
}

static bool other_byte_order(hid_t type)
{
  H5T_order_t order = H5Tget_order(type);
  return (order == H5T_ORDER_LE || order == H5T_ORDER_BE) && order != H5Tget_order(H5T_NATIVE_INT);
}

static const char *other_order_name(void)
{
  return H5Tget_order(H5T_NATIVE_INT) == H5T_ORDER_LE ? ", big-endian" : ", little-endian";
}

void cgap_entry_type_text(cgap_entry *entry, const char *name)
{
  (void)snprintf(entry->type_text, sizeof entry->type_text, "%s%s", name, entry->swap ? other_order_name() : "");
}

static void describe_integer(cgap_entry *entry, hid_t dataset, hid_t type)
{
  char name[32];
  size_t size = H5Tget_size(type);
  entry->is_signed = H5Tget_sign(type) == H5T_SGN_2;
  entry->swap = size > 1 && other_byte_order(type);
  entry->kind = size <= 8 ? CGAP_KIND_INTEGER : CGAP_KIND_OTHER;
  (void)snprintf(name, sizeof name, "%sint%zu", entry->is_signed ? "" : "u", 8 * size);
  if (size == 2 && !entry->is_signed && says_bfloat16(dataset)) {
    entry->kind = CGAP_KIND_FLOAT;
    entry->type = CGAP_BFLOAT16;
    (void)snprintf(name, sizeof name, "bfloat16");
  }
  cgap_entry_type_text(entry, name);
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

/* h5py's booleans, for one; HDF5 reads their numbers. */
static void describe_enumeration(cgap_entry *entry, hid_t dataset, hid_t type)
{
  hid_t base = H5Tget_super(type);
  describe_integer(entry, dataset, base);
  cgap_entry_type_text(entry, "enumeration");
  H5Tclose(base);
}

static void describe_type(cgap_entry *entry, hid_t dataset, hid_t type)
{
  static const char *const OTHERS[] = {
    [H5T_TIME] = "time",           [H5T_BITFIELD] = "bit field",  [H5T_OPAQUE] = "opaque",
    [H5T_COMPOUND] = "compound",   [H5T_REFERENCE] = "reference", [H5T_ENUM] = "enumeration",
    [H5T_VLEN] = "variable lists", [H5T_ARRAY] = "arrays",
  };
  H5T_class_t class = H5Tget_class(type);
  entry->kind = CGAP_KIND_OTHER;
  if (class == H5T_INTEGER)
    describe_integer(entry, dataset, type);
  else if (class == H5T_FLOAT)
    describe_float(entry, type);
  else if (class == H5T_ENUM)
    describe_enumeration(entry, dataset, type);
  else if (class == H5T_STRING) {
    entry->kind = CGAP_KIND_STRING;
    cgap_entry_type_text(entry, "string");
  } else
    cgap_entry_type_text(entry, class > 0 && (size_t) class < sizeof OTHERS / sizeof *OTHERS && OTHERS[class]
                                  ? OTHERS[class]
                                  : "unknown type");
}

/* ---------------------------------------------------------------- shape and storage */

static void describe_shape(cgap_entry *entry, hid_t dataset)
{
  hsize_t sizes[H5S_MAX_RANK] = {0};
  hid_t space = H5Dget_space(dataset);
  int rank = H5Sget_simple_extent_ndims(space);
  entry->rank = rank > 0 ? rank : 0;
  H5Sget_simple_extent_dims(space, sizes, NULL);
  for (int k = 0; k < entry->rank && k < CGAP_SHAPE_MAX; k++)
    entry->shape[k] = (size_t)sizes[k];
  H5Sclose(space);
}

static void describe_chunks(cgap_entry *entry, hid_t plist)
{
  hsize_t chunk[H5S_MAX_RANK] = {0};
  int rank = H5Pget_chunk(plist, H5S_MAX_RANK, chunk);
  cgap_append(&entry->storage, "chunked");
  for (int k = 0; k < rank; k++)
    cgap_append(&entry->storage, "%s%llu", k ? " × " : " ", (unsigned long long)chunk[k]);
}

static void describe_storage(cgap_entry *entry, const cgap_file *file, hid_t dataset)
{
  hid_t plist = H5Dget_create_plist(dataset);
  switch (H5Pget_layout(plist)) {
  case H5D_CONTIGUOUS:
    cgap_append(&entry->storage, H5Pget_external_count(plist) > 0 ? "external files" : "contiguous");
    break;
  case H5D_COMPACT:
    cgap_append(&entry->storage, "compact");
    break;
  case H5D_VIRTUAL:
    cgap_virtual_describe(entry, plist, file->path);
    break;
  default:
    describe_chunks(entry, plist);
    cgap_filters_describe(&entry->storage, plist);
    entry->obstacle = cgap_filters_obstacle(plist, dataset);
  }
  H5Pclose(plist);
}

/* ---------------------------------------------------------------- the walk through groups */

typedef struct place {
  uint64_t number, address;
} place;

typedef struct walk {
  cgap_file *file;
  size_t groups;
  place above[DEPTH_MAX]; /* the groups that lead to the present one */
  bool out_of_memory;
} walk;

static cgap_entry *add_dataset(walk *w, hid_t dataset, const char *path)
{
  H5O_info_t info;
  if (w->file->count >= ENTRIES_MAX) {
    w->file->cut = true;
    return NULL;
  }
  if (H5Oget_info(dataset, &info) < 0)
    return NULL;
  cgap_entry *entry = cgap_file_add(w->file);
  if (!entry) {
    w->out_of_memory = true;
    return NULL;
  }
  entry->path = strdup(path);
  entry->number = info.fileno;
  entry->address = info.addr;
  for (size_t i = 0; info.rc > 0 && i + 1 < w->file->count && !entry->alias; i++) {
    const cgap_entry *earlier = &w->file->entries[i];
    entry->alias = earlier->number == entry->number && earlier->address == entry->address;
  }
  hid_t type = H5Dget_type(dataset);
  describe_type(entry, dataset, type);
  H5Tclose(type);
  describe_shape(entry, dataset);
  describe_storage(entry, w->file, dataset);
  cgap_mark_matlab(entry, dataset);
  if (!entry->path || !entry->storage)
    w->out_of_memory = true;
  return entry;
}

/* A variable that is no dataset of its own, in words. */
static void add_other(walk *w, const char *path, const char *type, const size_t shape[2], const char *obstacle)
{
  cgap_entry *entry = cgap_file_add(w->file);
  if (!entry) {
    w->out_of_memory = true;
    return;
  }
  entry->path = strdup(path);
  entry->kind = CGAP_KIND_OTHER;
  entry->rank = shape ? 2 : 0;
  for (int k = 0; k < entry->rank; k++)
    entry->shape[k] = shape[k];
  cgap_entry_type_text(entry, type);
  entry->storage = strdup("group");
  entry->obstacle = obstacle ? strdup(obstacle) : NULL;
  if (!entry->path || !entry->storage || (obstacle && !entry->obstacle))
    w->out_of_memory = true;
}

/* Whether the walk goes into a group: not in circles, not without end. */
static bool enters(walk *w, hid_t group, int depth)
{
  H5O_info_t info;
  if (depth == DEPTH_MAX || ++w->groups > GROUPS_MAX || H5Oget_info(group, &info) < 0) {
    w->file->cut = true;
    return false;
  }
  for (int k = 0; k < depth; k++) {
    if (w->above[k].number == info.fileno && w->above[k].address == info.addr)
      return false;
  }
  w->above[depth] = (place){info.fileno, info.addr};
  return true;
}

static void walk_group(walk *w, hid_t group, const char *path, int depth);

/* A variable of MATLAB or Octave that is a group: false where it is none. */
static bool add_variable(walk *w, hid_t group, const char *path, int depth)
{
  char type[64], text[80];
  size_t shape[2];
  if (cgap_mark_sparse(shape, group)) {
    add_other(w, path, "MATLAB sparse matrix", shape, "a sparse matrix; in MATLAB write full(X)");
    return true;
  }
  const cgap_octave what = cgap_mark_octave(type, sizeof type, group);
  if (what == CGAP_OCTAVE_NONE)
    return false;
  if (what == CGAP_OCTAVE_OTHER) {
    (void)snprintf(text, sizeof text, "Octave %.60s", type);
    add_other(w, path, text, NULL, NULL);
    return true;
  }
  hid_t value = H5Oopen(group, "value", H5P_DEFAULT);
  if (value < 0)
    return false;
  cgap_entry *entry = what == CGAP_OCTAVE_ARRAY ? add_dataset(w, value, path) : NULL;
  if (entry) {
    entry->place = cgap_format("%s/value", path);
    cgap_mark_octave_array(entry, type, value);
    w->out_of_memory = w->out_of_memory || !entry->place;
  }
  if (what == CGAP_OCTAVE_STRUCT)
    walk_group(w, value, path, depth);
  H5Oclose(value);
  return true;
}

static void walk_object(walk *w, hid_t object, const char *path, int depth)
{
  H5I_type_t kind = H5Iget_type(object);
  if (kind == H5I_DATASET)
    (void)add_dataset(w, object, path);
  else if (kind == H5I_GROUP && !cgap_mark_is_internal(path) && !add_variable(w, object, path, depth))
    walk_group(w, object, path, depth);
}

/* Links of every kind are followed; one that leads nowhere is passed over. */
static void walk_group(walk *w, hid_t group, const char *path, int depth)
{
  H5G_info_t info;
  if (!enters(w, group, depth) || H5Gget_info(group, &info) < 0)
    return;
  for (hsize_t i = 0; i < info.nlinks && !w->file->cut && !w->out_of_memory; i++) {
    char name[1024];
    ssize_t length = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT);
    hid_t object = length > 0 && (size_t)length < sizeof name ? H5Oopen(group, name, H5P_DEFAULT) : H5I_INVALID_HID;
    if (object < 0)
      continue;
    char *below = cgap_format("%s/%s", path, name);
    if (below)
      walk_object(w, object, below, depth + 1);
    else
      w->out_of_memory = true;
    free(below);
    H5Oclose(object);
  }
}

cgap_status cgap_file_list(cgap_file *file, cgap_error *error)
{
  walk w = {.file = file};
  H5O_info_t info;
  hid_t root = H5Gopen2(file->id, "/", H5P_DEFAULT);
  if (root < 0 || H5Oget_info(root, &info) < 0)
    return cgap_fail(error, CGAP_FILE, "%s: the root group cannot be read; the file is damaged, copy it again",
                     file->path);
  file->number = info.fileno;
  walk_group(&w, root, "", 0);
  H5Gclose(root);
  if (w.out_of_memory)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory after %zu datasets", file->path, file->count);
  return CGAP_OK;
}
