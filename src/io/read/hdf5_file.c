/* Opens an HDF5 file and lists what is in it: every dataset with shape, type and storage, and what stands in the way of
 * reading it. An object that cannot be opened or described is an error: taken for absent, a pairing would change
 * without a word. Only soft and external links may lead nowhere; they are listed with that. */
#include "base/text_buffer.h"
#include "io/read/formats.h"
#include "io/read/hdf5_basics.h"
#include "io/read/hdf5_filters.h"
#include "io/read/hdf5_marks.h"
#include "io/read/hdf5_virtual.h"
#include "io/read/name_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bounds for files that name the same groups over and over; what is beyond them is refused, not left out. */
enum { ENTRIES_MAX = 1000000, GROUPS_MAX = 1000000, DEPTH_MAX = 128 };

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
static bool says_bfloat16(bool *readable, hid_t dataset)
{
  char text[32];
  const int there = cgap_hdf5_text(text, sizeof text, dataset, "dtype");
  *readable = there >= 0;
  return there > 0 && !strcmp(text, "bfloat16");
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
  if (size == 2 && !entry->is_signed && says_bfloat16(&readable, dataset)) {
    entry->kind = CGAP_KIND_FLOAT;
    entry->type = CGAP_BFLOAT16;
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

/* h5py's booleans, for one; HDF5 reads their numbers. */
static bool describe_enumeration(cgap_entry *entry, hid_t dataset, hid_t type)
{
  hid_t base = H5Tget_super(type);
  const bool readable = base >= 0 && describe_integer(entry, dataset, base);
  cgap_entry_type_text(entry, "enumeration");
  if (base >= 0)
    H5Tclose(base);
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
  else if (class == H5T_ENUM)
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

static void describe_chunks(cgap_entry *entry, hid_t plist)
{
  hsize_t chunk[H5S_MAX_RANK] = {0};
  int ndim = H5Pget_chunk(plist, H5S_MAX_RANK, chunk);
  cgap_append(&entry->storage, "chunked");
  for (int k = 0; k < ndim; k++)
    cgap_append(&entry->storage, "%s%llu", k ? " × " : " ", (unsigned long long)chunk[k]);
}

static bool describe_storage(cgap_entry *entry, const cgap_file *file, hid_t dataset)
{
  char *obstacle = NULL;
  hid_t plist = H5Dget_create_plist(dataset);
  if (plist < 0)
    return false;
  const H5D_layout_t layout = H5Pget_layout(plist);
  switch (layout) {
  case H5D_CONTIGUOUS:
    cgap_append(&entry->storage, H5Pget_external_count(plist) > 0 ? "external files" : "contiguous");
    break;
  case H5D_COMPACT:
    cgap_append(&entry->storage, "compact");
    break;
  case H5D_VIRTUAL:
    cgap_hdf5_virtual_describe(entry, plist, file->path);
    break;
  default:
    describe_chunks(entry, plist);
    cgap_hdf5_filters_describe(&entry->storage, plist);
    obstacle = cgap_hdf5_filters_obstacle(plist, dataset);
  }
  if (obstacle) {
    free(entry->obstacle);
    entry->obstacle = obstacle;
  }
  H5Pclose(plist);
  return layout >= 0;
}

/* ---------------------------------------------------------------- the walk through groups */

typedef struct object_place {
  uint64_t number, address;
} object_place;

typedef struct walk {
  cgap_file *file;
  size_t groups;
  object_place above[DEPTH_MAX]; /* the groups that lead to the present one */
  cgap_error *error;
} walk;

static cgap_status fail_memory(const walk *w)
{
  return cgap_fail(w->error, CGAP_RESOURCE, "%s: out of memory after %zu datasets", w->file->path, w->file->count);
}

static cgap_status fail_read(const walk *w, const char *path, const char *why)
{
  return cgap_fail(w->error, CGAP_FILE,
                   "%s:%s: cannot be read (HDF5: %s); the file is damaged, copy or download it again", w->file->path,
                   path[0] ? path : "/", why[0] ? why : "no reason given");
}

/* Directly after the call of HDF5 that failed. */
static cgap_status fail_object(const walk *w, const char *path)
{
  char why[400];
  cgap_hdf5_reason(why, sizeof why);
  return fail_read(w, path, why);
}

static cgap_entry *add_entry(walk *w, const char *path)
{
  cgap_entry *entry = cgap_file_add(w->file);
  if (entry)
    entry->path = strdup(path);
  return entry && entry->path ? entry : NULL;
}

/* Old files have no checksum: where a shape, a type or a place is wrong, the bytes set aside do not agree with it. Of
 * strings and references, what is in memory is of another size. */
static cgap_status check_contiguous(const walk *w, hid_t dataset, hid_t type, const cgap_entry *entry)
{
  H5D_space_status_t space = H5D_SPACE_STATUS_ERROR;
  const haddr_t offset = H5Dget_offset(dataset);
  const hsize_t stored = H5Dget_storage_size(dataset);
  const size_t item = H5Tget_size(type);
  const H5T_class_t class = H5Tget_class(type);
  const bool regular =
    class == H5T_INTEGER || class == H5T_FLOAT || (class == H5T_STRING && H5Tis_variable_str(type) == 0);
  size_t elements = 0;
  const bool counted = cgap_entry_elements(&elements, entry);
  if (!regular || entry->ndim > CGAP_SHAPE_MAX || offset == HADDR_UNDEF) /* the last: chunks, or other files */
    return CGAP_OK;
  if (H5Dget_space_status(dataset, &space) >= 0 && space == H5D_SPACE_STATUS_NOT_ALLOCATED) /* all is the fill value */
    return CGAP_OK;
  const uint64_t bytes = w->file->bytes;
  const bool within = entry->number != w->file->number || (offset <= bytes && stored <= bytes - offset);
  if (within && counted && item > 0 && stored / item == elements && stored % item == 0)
    return CGAP_OK;
  return cgap_fail(
    w->error, CGAP_FILE,
    "%s:%s: %zu elements of %zu bytes do not agree with its %llu bytes at %llu of the file's %llu; it is "
    "damaged, copy or download it again",
    w->file->path, entry->path, elements, item, (unsigned long long)stored, (unsigned long long)offset,
    (unsigned long long)bytes);
}

/* out: the new entry, NULL on failure. */
static cgap_status add_dataset(cgap_entry **out, walk *w, hid_t dataset, const char *path)
{
  H5O_info_t info;
  *out = NULL;
  if (w->file->count >= ENTRIES_MAX)
    return cgap_fail(w->error, CGAP_FILE, "%s: more than %d datasets; write images and texts to a file of their own",
                     w->file->path, ENTRIES_MAX);
  if (H5Oget_info2(dataset, &info, H5O_INFO_BASIC) < 0)
    return fail_object(w, path);
  cgap_entry *entry = add_entry(w, path);
  if (!entry)
    return fail_memory(w);
  entry->number = info.fileno;
  entry->address = info.addr;
  hid_t type = H5Dget_type(dataset);
  const bool ok = type >= 0 && describe_type(entry, w->file, dataset, type) && describe_shape(entry, dataset) &&
                  describe_storage(entry, w->file, dataset);
  cgap_status status = !ok ? fail_object(w, path) : entry->storage ? CGAP_OK : fail_memory(w);
  if (status == CGAP_OK)
    status = check_contiguous(w, dataset, type, entry);
  if (status == CGAP_OK && !cgap_mark_matlab(entry, dataset)) /* changes the shape */
    status = fail_object(w, path);
  if (type >= 0)
    H5Tclose(type);
  *out = status == CGAP_OK ? entry : NULL;
  return status;
}

/* missing: what the link leads to; taken over. */
static cgap_status add_dangling(walk *w, const char *path, char *missing)
{
  cgap_entry *entry = add_entry(w, path);
  if (!entry) {
    free(missing);
    return fail_memory(w);
  }
  entry->kind = CGAP_KIND_OTHER;
  entry->dangling = true;
  entry->obstacle = missing;
  entry->storage = strdup("link");
  cgap_entry_type_text(entry, "link that leads nowhere");
  return entry->storage ? CGAP_OK : fail_memory(w);
}

/* A variable that is a group and no dataset of its own, in words. */
static cgap_status add_other(walk *w, hid_t group, const char *path, const char *type, const size_t *shape,
                             const char *obstacle)
{
  H5O_info_t info;
  if (H5Oget_info2(group, &info, H5O_INFO_BASIC) < 0)
    return fail_object(w, path);
  cgap_entry *entry = add_entry(w, path);
  if (!entry)
    return fail_memory(w);
  entry->number = info.fileno;
  entry->address = info.addr;
  entry->kind = CGAP_KIND_OTHER;
  entry->ndim = shape ? 2 : 0;
  for (int k = 0; k < entry->ndim; k++)
    entry->shape[k] = shape[k];
  cgap_entry_type_text(entry, type);
  entry->storage = strdup("group");
  entry->obstacle = obstacle ? strdup(obstacle) : NULL;
  return entry->storage && (!obstacle || entry->obstacle) ? CGAP_OK : fail_memory(w);
}

/* Whether the walk goes into a group: not in circles, not without end. */
static cgap_status may_enter(bool *out, walk *w, hid_t group, const char *path, int depth)
{
  H5O_info_t info;
  *out = false;
  if (H5Oget_info2(group, &info, H5O_INFO_BASIC) < 0)
    return fail_object(w, path);
  for (int k = 0; k < depth; k++) {
    if (w->above[k].number == info.fileno && w->above[k].address == info.addr)
      return CGAP_OK;
  }
  if (depth == DEPTH_MAX || ++w->groups > GROUPS_MAX)
    return cgap_fail(w->error, CGAP_FILE,
                     "%s:%s: more than %d groups, or groups more than %d deep; write images and texts to a file of "
                     "their own",
                     w->file->path, path, GROUPS_MAX, DEPTH_MAX);
  w->above[depth] = (object_place){info.fileno, info.addr};
  *out = true;
  return CGAP_OK;
}

typedef struct group_link {
  char *name;
  H5L_type_t type;
} group_link;

typedef struct link_list {
  group_link *item;
  size_t count, capacity;
  bool out_of_memory;
} link_list;

static cgap_status walk_group(walk *w, hid_t group, const char *path, int depth);

/* The `value` of a variable of Octave. */
static cgap_status add_octave_value(walk *w, hid_t group, const char *path, cgap_octave what, const char *type,
                                    int depth)
{
  cgap_entry *entry = NULL;
  hid_t value = H5Oopen(group, "value", H5P_DEFAULT);
  if (value < 0)
    return fail_object(w, path);
  cgap_status status =
    what == CGAP_OCTAVE_STRUCT ? walk_group(w, value, path, depth) : add_dataset(&entry, w, value, path);
  if (entry) {
    entry->place = cgap_format("%s/value", path);
    if (!entry->place)
      status = fail_memory(w);
    else if (!cgap_mark_octave_array(entry, type, value))
      status = fail_object(w, path);
  }
  H5Oclose(value);
  return status;
}

/* A variable of MATLAB or Octave that is a group; *found false where it is none. */
static cgap_status add_variable(bool *found, walk *w, hid_t group, const char *path, int depth)
{
  char type[64], text[80];
  size_t shape[2];
  *found = true;
  if (cgap_mark_sparse(shape, group))
    return add_other(w, group, path, "MATLAB sparse matrix", shape, "a sparse matrix; in MATLAB write full(X)");
  const cgap_octave what = cgap_mark_octave(type, sizeof type, group);
  if (what == CGAP_OCTAVE_UNREADABLE)
    return fail_object(w, path);
  if (what == CGAP_OCTAVE_ARRAY || what == CGAP_OCTAVE_STRUCT)
    return add_octave_value(w, group, path, what, type, depth);
  *found = what == CGAP_OCTAVE_OTHER;
  if (!*found)
    return CGAP_OK;
  (void)snprintf(text, sizeof text, "Octave %.60s", type);
  return add_other(w, group, path, text, cgap_mark_octave_dims(shape, group) ? shape : NULL, NULL);
}

static herr_t add_link(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
  link_list *list = context;
  (void)group;
  if (list->count == list->capacity) {
    const size_t capacity = list->capacity ? 2 * list->capacity : 16;
    group_link *grown = realloc(list->item, capacity * sizeof *grown);
    list->item = grown ? grown : list->item;
    list->capacity = grown ? capacity : list->capacity;
  }
  if (list->count < list->capacity)
    list->item[list->count] = (group_link){.name = strdup(name), .type = info->type};
  list->out_of_memory = list->count == list->capacity || !list->item[list->count++].name;
  return list->out_of_memory ? -1 : 0;
}

static cgap_status walk_object(walk *w, hid_t object, const char *path, int depth)
{
  enum { LAYOUT = 8 }; /* the number of the message that says where elements are: datasets alone have it */
  const H5I_type_t kind = H5Iget_type(object);
  cgap_entry *entry;
  H5O_info_t info;
  bool is_variable = false;
  if (kind == H5I_DATASET)
    return add_dataset(&entry, w, object, path);
  if (H5Oget_info2(object, &info, H5O_INFO_HDR) < 0)
    return fail_object(w, path);
  if (info.hdr.mesg.present >> LAYOUT & 1)
    return fail_read(w, path, "it has a layout, and is no dataset");
  if (kind != H5I_GROUP || cgap_mark_is_internal(path))
    return CGAP_OK;
  const cgap_status status = add_variable(&is_variable, w, object, path, depth);
  return status != CGAP_OK || is_variable ? status : walk_group(w, object, path, depth);
}

static cgap_status walk_link(walk *w, hid_t group, const group_link *l, const char *path, int depth)
{
  hid_t object = H5Oopen(group, l->name, H5P_DEFAULT);
  if (object >= 0) {
    const cgap_status status = walk_object(w, object, path, depth);
    H5Oclose(object);
    return status;
  }
  char why[400], *text = NULL;
  cgap_hdf5_reason(why, sizeof why);
  if (l->type == H5L_TYPE_HARD)
    return fail_read(w, path, why);
  const cgap_link_end end = cgap_link_follow(&text, group, l->name);
  if (end == CGAP_LINK_DANGLES)
    return text ? add_dangling(w, path, text) : fail_memory(w);
  const cgap_status status =
    text ? cgap_fail(w->error, CGAP_FILE, "%s:%s: cannot be read: %s; copy it again, or wait where it is in use",
                     w->file->path, path, text)
         : fail_read(w, path, why);
  free(text);
  return status;
}

/* Links of every kind are followed. All names are taken at once: asked one by one, each would cost a search. */
static cgap_status walk_group(walk *w, hid_t group, const char *path, int depth)
{
  link_list list = {0};
  hsize_t at = 0;
  bool enters = false;
  cgap_status status = may_enter(&enters, w, group, path, depth);
  if (status != CGAP_OK || !enters)
    return status;
  if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &at, add_link, &list) < 0)
    status = list.out_of_memory ? fail_memory(w) : fail_object(w, path);
  for (size_t i = 0; i < list.count && status == CGAP_OK; i++) {
    char *below = cgap_format("%s/%s", path, list.item[i].name);
    status = below ? walk_link(w, group, &list.item[i], below, depth + 1) : fail_memory(w);
    free(below);
  }
  for (size_t i = 0; i < list.count; i++)
    free(list.item[i].name);
  free(list.item);
  return status;
}

/* ---------------------------------------------------------------- datasets of several paths */

static int by_place(const void *a, const void *b)
{
  const cgap_entry *x = *(cgap_entry *const *)a, *y = *(cgap_entry *const *)b;
  if (x->number != y->number)
    return x->number < y->number ? -1 : 1;
  if (x->address != y->address)
    return x->address < y->address ? -1 : 1;
  return x < y ? -1 : x > y; /* in the order of the list */
}

static cgap_status mark_aliases(cgap_file *file, cgap_error *error)
{
  size_t count = 0;
  cgap_entry **sorted = malloc((file->count + 1) * sizeof *sorted);
  if (!sorted)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu datasets", file->path, file->count);
  for (size_t i = 0; i < file->count; i++) {
    if (!file->entries[i].dangling)
      sorted[count++] = &file->entries[i];
  }
  qsort(sorted, count, sizeof *sorted, by_place);
  for (size_t i = 1; i < count; i++)
    sorted[i]->alias = sorted[i]->number == sorted[i - 1]->number && sorted[i]->address == sorted[i - 1]->address;
  free(sorted);
  return CGAP_OK;
}

static cgap_status list_file(cgap_file *file, cgap_error *error)
{
  walk w = {.file = file, .error = error};
  H5O_info_t info;
  char trained_on[200];
  hid_t root = H5Gopen2(file->id, "/", H5P_DEFAULT);
  if (root < 0 || H5Oget_info2(root, &info, H5O_INFO_BASIC) < 0)
    return cgap_fail(error, CGAP_FILE, "%s: the root group cannot be read; the file is damaged, copy it again",
                     file->path);
  file->number = info.fileno;
  cgap_status status = walk_group(&w, root, "", 0);
  if (status == CGAP_OK && cgap_hdf5_text(trained_on, sizeof trained_on, root, CGAP_TRAINED_ON) < 0)
    status = cgap_fail(error, CGAP_FILE, "%s: its attribute %s cannot be read; the file is damaged, copy it again",
                       file->path, CGAP_TRAINED_ON);
  H5Gclose(root);
  return status == CGAP_OK ? mark_aliases(file, error) : status;
}

/* ---------------------------------------------------------------- opening */

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
  return file->id < 0 ? refuse_broken(file->path, why, error) : list_file(file, error);
}
