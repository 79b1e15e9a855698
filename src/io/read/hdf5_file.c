/* Opens an HDF5 file and lists its datasets, each with shape, type, storage and why it cannot be read where that is so.
 * An object that cannot be opened or described is an error: if it were left out, the pairing could change unnoticed.
 * Only soft and external links may lead nowhere; these are listed as such. */
#include "base/text_buffer.h"
#include "io/read/hdf5_basics.h"
#include "io/read/name_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bounds for files that name the same groups over and over; what is beyond them is refused, not left out. */
enum { ENTRIES_MAX = 1000000, GROUPS_MAX = 1000000, DEPTH_MAX = 128 };

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
  return cgap_fail(w->error, CGAP_RESOURCE, "%s: out of memory", w->file->path);
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

/* A new entry for an object (H5I_INVALID_HID: a link to none); *out NULL on failure. */
static cgap_status add_entry(cgap_entry **out, walk *w, hid_t object, const char *path)
{
  H5O_info_t info = {0};
  *out = NULL;
  if (object >= 0 && H5Oget_info2(object, &info, H5O_INFO_BASIC) < 0)
    return fail_object(w, path);
  cgap_entry *entry = cgap_file_add(w->file);
  if (!entry || !(entry->path = strdup(path)))
    return fail_memory(w);
  entry->kind = CGAP_KIND_OTHER;
  entry->number = info.fileno;
  entry->address = info.addr;
  *out = entry;
  return CGAP_OK;
}

/* Old files have no checksum: where a shape, a type or an address is wrong, it does not agree with the bytes that are
 * allocated. Variable-length strings and references are of another size in memory. */
static cgap_status check_contiguous(const walk *w, hid_t dataset, hid_t type, cgap_entry *entry)
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
  if (!regular || entry->obstacle || entry->ndim > CGAP_SHAPE_MAX ||
      offset == HADDR_UNDEF) /* the last: chunks, or other files */
    return CGAP_OK;
  if (H5Dget_space_status(dataset, &space) >= 0 && space == H5D_SPACE_STATUS_NOT_ALLOCATED) /* all is the fill value */
    return CGAP_OK;
  const uint64_t bytes = w->file->bytes;
  const bool within = entry->number != w->file->number || (offset <= bytes && stored <= bytes - offset);
  if (within && counted && item > 0 && stored / item == elements && stored % item == 0) {
    entry->stored_at = entry->number == w->file->number ? offset : 0;
    return CGAP_OK;
  }
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
  *out = NULL;
  if (w->file->count >= ENTRIES_MAX)
    return cgap_fail(w->error, CGAP_FILE, "%s: more than %d datasets; write images and texts to a file of their own",
                     w->file->path, ENTRIES_MAX);
  cgap_entry *entry = NULL;
  cgap_status status = add_entry(&entry, w, dataset, path);
  if (status != CGAP_OK)
    return status;
  hid_t type = H5Dget_type(dataset);
  if (type < 0 || !cgap_hdf5_describe(entry, w->file, dataset, type))
    status = fail_object(w, path);
  else if (!entry->storage)
    status = fail_memory(w);
  else if (entry->number != w->file->number)
    cgap_hdf5_linked_describe(entry, dataset);
  if (status == CGAP_OK)
    status = check_contiguous(w, dataset, type, entry);
  if (status == CGAP_OK && !cgap_matlab_array(entry, dataset)) /* changes the shape */
    status = fail_object(w, path);
  cgap_hdf5_close(type);
  *out = status == CGAP_OK ? entry : NULL;
  return status;
}

/* missing: the target of the link; owned from here on. */
static cgap_status add_dangling(walk *w, const char *path, char *missing)
{
  cgap_entry *entry = NULL;
  cgap_status status = add_entry(&entry, w, H5I_INVALID_HID, path);
  if (status != CGAP_OK) {
    free(missing);
    return status;
  }
  entry->dangling = true;
  entry->obstacle = missing;
  entry->storage = strdup("link");
  cgap_entry_type_text(entry, "link not followed");
  return entry->storage ? CGAP_OK : fail_memory(w);
}

/* A variable that is a group, listed by its type in words. */
static cgap_status add_other(walk *w, hid_t group, const char *path, const char *type, const size_t *shape,
                             const char *obstacle)
{
  cgap_entry *entry = NULL;
  cgap_status status = add_entry(&entry, w, group, path);
  if (status != CGAP_OK)
    return status;
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
  for (int k = 0; k < depth; k++)
    if (w->above[k].number == info.fileno && w->above[k].address == info.addr)
      return CGAP_OK;
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
  hid_t value = H5Oopen(group, "value", w->file->links);
  if (value < 0)
    return fail_object(w, path);
  cgap_status status =
    what == CGAP_OCTAVE_STRUCT ? walk_group(w, value, path, depth) : add_dataset(&entry, w, value, path);
  if (entry) {
    entry->place = cgap_format("%s/value", path);
    if (!entry->place)
      status = fail_memory(w);
    else if (!cgap_octave_array(entry, type, value))
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
  if (cgap_matlab_sparse(shape, group, w->file->links))
    return add_other(w, group, path, "MATLAB sparse matrix", shape, "a sparse matrix; in MATLAB write full(X)");
  const cgap_octave what = cgap_octave_variable(type, sizeof type, group, w->file->links);
  if (what == CGAP_OCTAVE_UNREADABLE)
    return fail_object(w, path);
  if (what == CGAP_OCTAVE_ARRAY || what == CGAP_OCTAVE_STRUCT)
    return add_octave_value(w, group, path, what, type, depth);
  *found = what == CGAP_OCTAVE_OTHER;
  if (!*found)
    return CGAP_OK;
  (void)snprintf(text, sizeof text, "Octave %.60s", type);
  return add_other(w, group, path, text, cgap_octave_cells(shape, group, w->file->links) ? shape : NULL, NULL);
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
  if (kind != H5I_GROUP || !strcmp(path, "/#refs#") ||
      !strcmp(path, "/#subsystem#")) /* the elements of MATLAB's cells */
    return CGAP_OK;
  const cgap_status status = add_variable(&is_variable, w, object, path, depth);
  return status != CGAP_OK || is_variable ? status : walk_group(w, object, path, depth);
}

static cgap_status walk_link(walk *w, hid_t group, const group_link *l, const char *path, int depth)
{
  hid_t object = H5Oopen(group, l->name, w->file->links);
  if (object >= 0) {
    const cgap_status status = walk_object(w, object, path, depth);
    H5Oclose(object);
    return status;
  }
  char why[400], *text = NULL;
  cgap_hdf5_reason(why, sizeof why);
  if (l->type == H5L_TYPE_HARD)
    return fail_read(w, path, why);
  if (cgap_hdf5_link_dangles(&text, w->file, group, l->name))
    return text ? add_dangling(w, path, text) : fail_memory(w);
  const cgap_status status =
    text ? cgap_fail(w->error, CGAP_FILE, "%s:%s: cannot be read: %s; copy it again, or wait where it is in use",
                     w->file->path, path, text)
         : fail_read(w, path, why);
  free(text);
  return status;
}

/* Links of every kind are followed. All names are read at once: one by one, each would cost a search. */
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
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  for (size_t i = 0; i < file->count; i++)
    if (!file->entries[i].dangling)
      sorted[count++] = &file->entries[i];
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

/* The signature is at byte 0, 512, 1024, 2048 … (HDF5 file format, section II.A). */
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

static cgap_hdf5_check *check_first;

void cgap_hdf5_set_check(cgap_hdf5_check *check)
{
  check_first = check;
}

cgap_status cgap_hdf5_open(cgap_file *file, cgap_error *error)
{
  const cgap_status checked = check_first ? check_first(file->path, &file->access, error) : CGAP_OK;
  if (checked != CGAP_OK)
    return checked;
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (access < 0 || !cgap_hdf5_links_open(file))
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
