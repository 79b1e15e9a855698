/* The other files that an HDF5 file names: sources of virtual datasets, files with the elements of others, targets of
 * links; whether they are there and whole, and whether they may be read. */
#include "io/read/hdf5_basics.h"

#include "base/text_buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SPARE_FILES = 32, LINKS_MAX = 16 /* one after the other, as in HDF5 */ };

/* Where another file was looked for. */
typedef struct sought_file {
  const cgap_file *by; /* the file that is being listed */
  char *path;          /* where it was found, or looked for last */
  char *unreadable;    /* one that is there under this name and does not open; NULL: none */
  char *refused;       /* why one that is there is not opened, nor any other looked for; NULL: none is refused */
} sought_file;

static void clear_sought(sought_file *where)
{
  free(where->path);
  free(where->unreadable);
  free(where->refused);
}

/* A mapping of the virtual dataset. */
typedef struct mapping {
  char file[4096], dataset[4096];
  bool pattern;  /* %b: one of many files, as many as there are */
  hid_t source;  /* what is selected of it */
  hid_t taken;   /* where that goes */
  uint64_t most; /* elements that the source can give; UINT64_MAX: without a bound */
} mapping;

/* Replaces %% by %, in place. Returns whether there is a %b too, a number that is only known when rows are read. */
static bool unescape_name(char *name)
{
  bool pattern = false;
  char *to = name;
  for (const char *p = name; *p; p++) {
    pattern |= p[0] == '%' && p[1] == 'b';
    p += p[0] == '%' && p[1] == '%';
    *to++ = *p;
  }
  *to = '\0';
  return pattern;
}

static bool get_mapping(mapping *m, hid_t plist, size_t index)
{
  const ssize_t file = H5Pget_virtual_filename(plist, index, m->file, sizeof m->file);
  const ssize_t dataset = H5Pget_virtual_dsetname(plist, index, m->dataset, sizeof m->dataset);
  if (file <= 0 || dataset <= 0 || (size_t)file >= sizeof m->file || (size_t)dataset >= sizeof m->dataset)
    return false;
  const bool many_files = unescape_name(m->file), many_datasets = unescape_name(m->dataset);
  m->pattern = many_files || many_datasets;
  m->most = UINT64_MAX;
  m->source = H5Pget_virtual_srcspace(plist, index);
  m->taken = H5Pget_virtual_vspace(plist, index);
  return true;
}

static void clear_mapping(mapping *m)
{
  cgap_hdf5_close(m->source);
  cgap_hdf5_close(m->taken);
}

/* ---------------------------------------------------------------- where HDF5 looks for a source */

static bool is_there(const char *path)
{
  return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* Whether the real path `inner` is in the folder of `outer`, likewise real. */
static bool is_next_to(const char *inner, const char *outer)
{
  const char *slash = inner && outer ? strrchr(outer, '/') : NULL;
  return slash && strncmp(inner, outer, (size_t)(slash - outer) + 1) == 0;
}

/* NULL, or a new string: why a file, which `by` names, is not opened. By its folder counts the one that `by` is in, and
 * where that is a link, also the one that it leads to. */
static char *refusal(const cgap_file *by, const char *path)
{
  struct stat status;
  if (stat(path, &status) != 0)
    return NULL;
  if (!S_ISREG(status.st_mode))
    return cgap_format("%s, which is no regular file", path);
  const char *slash = strrchr(by->path, '/');
  char *folder = slash ? strndup(by->path, (size_t)(slash - by->path) + 1) : strdup("."), *here = NULL;
  char *real_folder = folder ? realpath(folder, NULL) : NULL, *target = realpath(path, NULL);
  char *real = realpath(by->path, NULL);
  if (real_folder)
    here = cgap_format("%s/", strcmp(real_folder, "/") ? real_folder : "");
  const bool allowed = by->access.follow || is_next_to(target, real) || is_next_to(target, here);
  char *why = allowed ? NULL
                      : cgap_format("%s, which is outside the folder of this file: give `follow` if it may be read",
                                    target ? target : path);
  free(folder);
  free(real_folder);
  free(target);
  free(real);
  free(here);
  return why;
}

static hid_t open_in(sought_file *where, const char *folder, size_t length, const char *name)
{
  if (where->refused)
    return H5I_INVALID_HID;
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access, false, true);
#endif
  free(where->path);
  const char *path = where->path = length ? cgap_format("%.*s/%s", (int)length, folder, name) : strdup(name);
  where->refused = path ? refusal(where->by, path) : NULL;
  const bool tries = path && !where->refused;
  hid_t file = tries ? H5Fopen(path, H5F_ACC_RDONLY, access) : H5I_INVALID_HID;
  if (tries && file < 0) /* HDF5 itself has it open, where the dataset may grow: then as that opens it */
    file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (tries && file < 0 && !where->unreadable && is_there(path))
    where->unreadable = strdup(path);
  H5Pclose(access);
  return file;
}

static hid_t open_next_to(sought_file *where, const char *file, const char *name)
{
  const char *slash = strrchr(file, '/');
  return slash ? open_in(where, file, slash > file ? (size_t)(slash - file) : 1, name) : open_in(where, "", 0, name);
}

/* Folders of the variable, with colons between them; ${ORIGIN} is the file's own. */
static hid_t open_by_prefix(sought_file *where, const char *file, const char *name, const char *prefix)
{
  static const char ORIGIN[] = "${ORIGIN}";
  hid_t found = H5I_INVALID_HID;
  while (prefix && *prefix && found < 0) {
    const size_t length = strcspn(prefix, ":");
    if (strncmp(prefix, ORIGIN, sizeof ORIGIN - 1) == 0) {
      char *rest = cgap_format(".%.*s/%s", (int)(length - (sizeof ORIGIN - 1)), prefix + sizeof ORIGIN - 1, name);
      found = rest ? open_next_to(where, file, rest) : found;
      free(rest);
    } else {
      found = open_in(where, prefix, length, name);
    }
    prefix += length + (prefix[length] == ':');
  }
  return found;
}

/* Opens the file that `file` names as a source or in a link, in HDF5's order: as it is where absolute, by the variable
 * (HDF5_VDS_PREFIX, HDF5_EXT_PREFIX), next to the file, from here, next to what a link to the file leads to. */
static hid_t open_sought(sought_file *where, const char *file, const char *name, const char *variable)
{
  hid_t found = name[0] == '/' ? open_in(where, "", 0, name) : H5I_INVALID_HID;
  const char *last = strrchr(name, '/');
  const char *relative = name[0] == '/' ? last + 1 : name; /* of an absolute name that is not there, HDF5 keeps this */
  if (found < 0)
    found = open_by_prefix(where, file, relative, getenv(variable));
  if (found < 0)
    found = open_next_to(where, file, relative);
  if (found < 0)
    found = open_in(where, "", 0, relative);
  char *real = found < 0 ? realpath(file, NULL) : NULL;
  if (real)
    found = open_next_to(where, real, relative);
  free(real);
  return found;
}

/* ---------------------------------------------------------------- whether it is whole */

/* The file does not have the size of a source that is mapped whole, but how much of it goes into the dataset. Unlimited
 * selections end where the source does. */
static bool covers_selection(hid_t dataset, const mapping *m)
{
  hsize_t size[H5S_MAX_RANK] = {0}, first[H5S_MAX_RANK] = {0}, last[H5S_MAX_RANK] = {0};
  hid_t space = H5Dget_space(dataset);
  const int ndim = H5Sget_simple_extent_dims(space, size, NULL);
  bool fits = true;
  if (H5Sget_select_type(m->source) == H5S_SEL_ALL)
    fits = H5Sget_simple_extent_npoints(space) >= H5Sget_select_npoints(m->taken);
  else if (H5Sget_select_bounds(m->source, first, last) >= 0)
    for (int k = 0; k < ndim; k++)
      fits = fits && (last[k] < size[k] || last[k] == H5S_UNLIMITED);
  H5Sclose(space);
  return fits;
}

/* Whether its elements are in other files: which, HDF5 would not ask. */
static bool leads_on(hid_t dataset)
{
  hid_t plist = H5Dget_create_plist(dataset);
  const bool leads = plist < 0 || H5Pget_layout(plist) == H5D_VIRTUAL || H5Pget_external_count(plist) > 0;
  cgap_hdf5_close(plist);
  return leads;
}

/* How many elements a source can give, by what is stored of it. */
static uint64_t elements_max(hid_t dataset)
{
  hid_t type = H5Dget_type(dataset);
  const size_t item = type < 0 ? 0 : H5Tget_size(type);
  const uint64_t bytes = leads_on(dataset) ? UINT64_MAX : cgap_hdf5_bytes_max(dataset);
  cgap_hdf5_close(type);
  return item && bytes < UINT64_MAX ? bytes / item : UINT64_MAX;
}

static char *obstacle_in(const cgap_file *by, hid_t file, const char *path, mapping *m)
{
  hid_t dataset = H5Dopen2(file, m->dataset, by->links);
  char *obstacle = NULL;
  if (dataset >= 0 && !by->access.follow && leads_on(dataset))
    obstacle = cgap_format("a virtual dataset, and %s of its source %s is in other files again: give `follow` if they "
                           "may be read",
                           m->dataset, path);
  else if (dataset < 0)
    obstacle = cgap_format(
      "a virtual dataset, and its source %s has no dataset %s; it is not the file that belongs here", path, m->dataset);
  else if (!covers_selection(dataset, m))
    obstacle = cgap_format("a virtual dataset, and %s of its source %s has fewer rows than it takes from there; it is "
                           "not the file that belongs here",
                           m->dataset, path);
  else
    m->most = elements_max(dataset);
  cgap_hdf5_close(dataset);
  return obstacle;
}

static void add_source(cgap_entry *entry, char *path)
{
  for (size_t i = entry->source_count; i-- > 0;)
    if (strcmp(entry->sources[i], path) == 0) {
      free(path);
      return;
    }
  char **grown = realloc(entry->sources, (entry->source_count + 1) * sizeof *grown);
  entry->sources = grown ? grown : entry->sources;
  if (grown)
    grown[entry->source_count++] = path;
  else
    free(path);
}

static void set_obstacle(cgap_entry *entry, char *obstacle)
{
  if (entry->obstacle)
    free(obstacle);
  else
    entry->obstacle = obstacle;
}

static cgap_hdf5_source_opened *source_opened;

void cgap_hdf5_set_source_opened(cgap_hdf5_source_opened *opened)
{
  source_opened = opened;
}

/* own: the path of the file that the dataset is in. */
static void check_mapping(cgap_entry *entry, mapping *m, const cgap_file *file, const char *own, size_t index,
                          size_t count)
{
  sought_file where = {.by = file};
  const bool itself = strcmp(m->file, ".") == 0;
  hid_t source = itself ? open_in(&where, "", 0, own) : open_sought(&where, own, m->file, "HDF5_VDS_PREFIX");
  if (where.refused) {
    set_obstacle(entry, cgap_format("a virtual dataset over %s", where.refused));
  } else if (source < 0) {
    set_obstacle(entry, cgap_format("a virtual dataset whose source %s is %s (source %zu of %zu); %s", m->file,
                                    where.unreadable ? "damaged or cut short" : "missing", index + 1, count,
                                    where.unreadable ? "copy it again" : "put it next to the file"));
  } else {
    set_obstacle(entry, obstacle_in(file, source, where.path, m));
    H5Fclose(source);
    const size_t before = entry->source_count;
    add_source(entry, where.path);
    where.path = NULL;
    if (source_opened)
      source_opened(entry->source_count > before);
  }
  clear_sought(&where);
}

/* ---------------------------------------------------------------- whether all may be open */

static int by_name(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* HDF5 keeps all of them open as long as the datasets are. */
char *cgap_hdf5_virtual_excess(const cgap_entry *const *entries, size_t count)
{
  struct rlimit limit;
  size_t all = 0, listed = 0, files = 0;
  for (size_t k = 0; k < count; k++)
    all += entries[k]->source_count;
  if (all == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
      all + SPARE_FILES <= limit.rlim_cur)
    return NULL;
  char **names = malloc(all * sizeof *names);
  for (size_t k = 0; names && k < count; k++)
    for (size_t i = 0; i < entries[k]->source_count; i++)
      names[listed++] = entries[k]->sources[i];
  if (names)
    qsort(names, all, sizeof *names, by_name);
  for (size_t i = 0; i < all; i++)
    files += !names || i == 0 || strcmp(names[i - 1], names[i]) != 0;
  free(names);
  if (files + SPARE_FILES <= limit.rlim_cur)
    return NULL;
  return cgap_format("%s over %zu files, and %llu may be open at once; raise that with `ulimit -n %zu`",
                     count > 1 ? "virtual datasets" : "a virtual dataset", files, (unsigned long long)limit.rlim_cur,
                     files + SPARE_FILES);
}

/* A selection without an end (-1) has as much as its source. */
static uint64_t add_bytes(uint64_t bytes, const mapping *m, size_t item)
{
  const uint64_t points = (uint64_t)H5Sget_select_npoints(m->taken), taken = points < m->most ? points : m->most;
  const uint64_t fits = item ? (UINT64_MAX - bytes) / item : 0;
  return taken > fits ? UINT64_MAX : bytes + taken * item;
}

/* As the mapping has it: HDF5 may open sources to tell the shape of the dataset. */
static void set_shape(cgap_entry *entry, hid_t space)
{
  hsize_t sizes[H5S_MAX_RANK] = {0};
  const int ndim = H5Sget_simple_extent_dims(space, sizes, NULL);
  entry->ndim = ndim > 0 ? ndim : 0;
  for (int k = 0; k < entry->ndim && k < CGAP_SHAPE_MAX; k++)
    entry->shape[k] = (size_t)sizes[k];
}

/* "a.h5, b.h5 and 2 more" in parentheses, without their folders. */
static void append_sources(cgap_entry *entry)
{
  enum { NAMES_MAX = 4 };
  for (size_t i = 0; i < entry->source_count && i < NAMES_MAX; i++) {
    const char *slash = strrchr(entry->sources[i], '/');
    cgap_append(&entry->storage, "%s%s", i ? ", " : " (", slash ? slash + 1 : entry->sources[i]);
  }
  if (entry->source_count > NAMES_MAX)
    cgap_append(&entry->storage, " and %zu more", entry->source_count - NAMES_MAX);
  cgap_append(&entry->storage, "%s", entry->source_count ? ")" : "");
}

void cgap_hdf5_virtual_describe(cgap_entry *entry, const cgap_file *file, hid_t dataset, hid_t plist)
{
  size_t count = 0;
  char own[4096] = "";
  hid_t type = H5Dget_type(dataset);
  const size_t item = type < 0 ? 0 : H5Tget_size(type);
  cgap_hdf5_close(type);
  entry->is_virtual = true;
  if (H5Fget_name(dataset, own, sizeof own) < 0)
    own[0] = '\0';
  if (H5Pget_virtual_count(plist, &count) < 0)
    set_obstacle(entry, strdup("a virtual dataset whose sources cannot be read from the file; it is damaged, copy it "
                               "again"));
  for (size_t i = 0; i < count; i++) {
    mapping m;
    if (!get_mapping(&m, plist, i)) {
      set_obstacle(entry,
                   cgap_format("a virtual dataset, and its source %zu of %zu cannot be read from the file; it is "
                               "damaged, copy it again",
                               i + 1, count));
      continue;
    }
    if (!m.pattern)
      check_mapping(entry, &m, file, own, i, count);
    else if (!file->access.follow)
      set_obstacle(entry, cgap_format("a virtual dataset over all the files that %s stands for: give `follow` if they "
                                      "may be read",
                                      m.file));
    if (entry->obstacle && entry->ndim == 0)
      set_shape(entry, m.taken);
    entry->elsewhere = add_bytes(entry->elsewhere, &m, item);
    clear_mapping(&m);
  }
  if (!entry->obstacle)
    entry->obstacle = cgap_hdf5_virtual_excess((const cgap_entry *[]){entry}, 1);
  cgap_append(&entry->storage, "virtual");
  if (entry->source_count && !entry->obstacle) {
    cgap_append(&entry->storage, " over %zu file%s", entry->source_count, entry->source_count > 1 ? "s" : "");
    append_sources(entry);
  }
}

/* ---------------------------------------------------------------- elements in other files, and other files */

/* Where HDF5 looks for it: as it is, by the variable, or from here. own: the path of the file that names it. */
static char *external_path(const char *own, const char *name)
{
  static const char ORIGIN[] = "${ORIGIN}";
  const char *prefix = getenv("HDF5_EXTFILE_PREFIX"), *slash = strrchr(own, '/');
  if (name[0] == '/' || !prefix || !*prefix || strcmp(prefix, ".") == 0)
    return strdup(name);
  if (strncmp(prefix, ORIGIN, sizeof ORIGIN - 1) != 0)
    return cgap_format("%s/%s", prefix, name);
  return cgap_format("%.*s%s/%s", slash ? (int)(slash - own) : 1, slash ? own : ".", prefix + sizeof ORIGIN - 1, name);
}

void cgap_hdf5_external_describe(cgap_entry *entry, const cgap_file *file, hid_t dataset, hid_t plist)
{
  char own[4096] = "", name[4096];
  const int count = H5Pget_external_count(plist);
  if (H5Fget_name(dataset, own, sizeof own) < 0)
    own[0] = '\0';
  for (int i = 0; i < count; i++) {
    off_t offset;
    hsize_t bytes;
    name[0] = name[sizeof name - 1] = '\0';
    const bool named = H5Pget_external(plist, (unsigned)i, sizeof name - 1, name, &offset, &bytes) >= 0;
    char *path = named ? external_path(own, name) : NULL, *why = path ? refusal(file, path) : NULL;
    if (why)
      set_obstacle(entry, cgap_format("its elements are in %s", why));
    free(why);
    struct stat status;
    if (path && stat(path, &status) == 0)
      entry->elsewhere += (uint64_t)status.st_size;
    if (path)
      add_source(entry, path);
  }
  cgap_append(&entry->storage, "external files");
  append_sources(entry);
}

void cgap_hdf5_linked_describe(cgap_entry *entry, hid_t dataset)
{
  char name[4096] = "";
  if (H5Fget_name(dataset, name, sizeof name) < 0)
    return;
  char *path = strdup(name);
  const char *slash = strrchr(name, '/');
  if (path)
    add_source(entry, path);
  cgap_append(&entry->storage, ", in %s", slash ? slash + 1 : name);
}

/* ---------------------------------------------------------------- links */

/* HDF5 calls this where it is about to follow an external link. */
static herr_t allow_link(const char *parent, const char *group, const char *file, const char *object, unsigned *flags,
                         hid_t access, void *by)
{
  sought_file where = {.by = by};
  hid_t found = open_sought(&where, parent, file, "HDF5_EXT_PREFIX");
  const bool allowed = !where.refused;
  (void)group;
  (void)object;
  (void)flags;
  (void)access;
  if (found >= 0)
    H5Fclose(found);
  clear_sought(&where);
  return allowed ? 0 : -1;
}

bool cgap_hdf5_links_open(cgap_file *file)
{
  file->links = H5Pcreate(H5P_DATASET_ACCESS); /* which is also one of links */
  return file->links >= 0 && H5Pset_elink_cb(file->links, allow_link, file) >= 0;
}

typedef enum link_end {
  LINK_DANGLES, /* the file or the object that it names is not there, or may not be read */
  LINK_RESOLVES /* all that it names is there, or cannot be told */
} link_end;

static link_end follow_link(char **why, const cgap_file *by, hid_t group, const char *name, int links);

static bool is_group(const cgap_file *by, hid_t start, const char *path)
{
  hid_t object = H5Oopen(start, path, by->links);
  const bool group = object < 0 || H5Iget_type(object) == H5I_GROUP; /* what does not open may be one */
  cgap_hdf5_close(object);
  return group;
}

/* One name of a path. */
static link_end follow_step(char **why, const cgap_file *by, hid_t start, const char *path, bool last, int links)
{
  const htri_t there = H5Lexists(start, path, H5P_DEFAULT);
  H5L_info_t info;
  if (there == 0)
    return LINK_DANGLES;
  if (there < 0 || H5Lget_info(start, path, &info, H5P_DEFAULT) < 0)
    return LINK_RESOLVES;
  if (info.type != H5L_TYPE_HARD && H5Oexists_by_name(start, path, by->links) <= 0)
    return follow_link(why, by, start, path, links + 1);
  return last || is_group(by, start, path) ? LINK_RESOLVES : LINK_DANGLES;
}

/* The path that a link names, name by name. */
static link_end follow_path(char **why, const cgap_file *by, hid_t start, const char *target, int links)
{
  link_end end = LINK_RESOLVES;
  char *path = strdup(target);
  for (char *at = path; path && end == LINK_RESOLVES && !*why;) {
    at += strspn(at, "/");
    char *next = at + strcspn(at, "/");
    const bool last = next[strspn(next, "/")] == '\0';
    const char kept = *next;
    *next = '\0';
    if (*at && strcmp(at, ".") != 0)
      end = follow_step(why, by, start, path, last, links);
    *next = kept;
    if (last)
      break;
    at = next;
  }
  free(path);
  return end;
}

static link_end follow_soft(char **why, const cgap_file *by, hid_t group, const char *target, int links)
{
  const link_end end = follow_path(why, by, group, target, links);
  if (end == LINK_DANGLES && !*why)
    *why = cgap_format("a link to %s, which is not there; correct the link or remove it", target);
  return end;
}

static link_end follow_external(char **why, const cgap_file *by, hid_t group, const char *value, size_t size, int links)
{
  const char *file = NULL, *object = NULL;
  char own[4096] = "";
  unsigned flags = 0;
  sought_file where = {.by = by};
  if (H5Lunpack_elink_val(value, size, &flags, &file, &object) < 0 || H5Fget_name(group, own, sizeof own) < 0)
    return LINK_RESOLVES;
  link_end end = LINK_RESOLVES;
  hid_t other = open_sought(&where, own, file, "HDF5_EXT_PREFIX");
  if (other >= 0) {
    end = follow_path(why, by, other, object, links);
    H5Fclose(other);
    if (end == LINK_DANGLES && !*why)
      *why = cgap_format("a link to %s in %s, which has no such object; correct the link or remove it", object, file);
  } else if (where.refused) {
    end = LINK_DANGLES;
    *why = cgap_format("a link to %s in %s", object, where.refused);
  } else if (where.unreadable) {
    *why = cgap_format("it is a link to %s in %s, and that file does not open", object, where.unreadable);
  } else {
    end = LINK_DANGLES;
    *why = cgap_format("a link to %s in %s, and that file is missing; put it next to this one", object, file);
  }
  clear_sought(&where);
  return end;
}

static link_end follow_link(char **why, const cgap_file *by, hid_t group, const char *name, int links)
{
  H5L_info_t info;
  if (links > LINKS_MAX) {
    *why = strdup("a link that leads back to itself; correct it or remove it");
    return LINK_DANGLES;
  }
  if (H5Lget_info(group, name, &info, H5P_DEFAULT) < 0)
    return LINK_RESOLVES;
  const size_t size = info.u.val_size;
  char *value = calloc(size + 1, 1); /* of an external link, the names of the file and of the object */
  if (!value || H5Lget_val(group, name, value, size, H5P_DEFAULT) < 0) {
    free(value);
    return LINK_RESOLVES;
  }
  /* a soft link of a path counts from the group that holds it */
  hid_t holder = group;
  char *above = strrchr(name, '/') ? strndup(name, (size_t)(strrchr(name, '/') - name) + 1) : NULL;
  if (above)
    holder = H5Oopen(group, above, by->links);
  link_end end = LINK_RESOLVES;
  if (holder >= 0)
    end = info.type == H5L_TYPE_SOFT       ? follow_soft(why, by, holder, value, links)
          : info.type == H5L_TYPE_EXTERNAL ? follow_external(why, by, holder, value, size, links)
                                           : LINK_RESOLVES;
  if (above && holder >= 0)
    H5Oclose(holder);
  free(above);
  free(value);
  return end;
}

bool cgap_hdf5_link_dangles(char **why, const cgap_file *file, hid_t group, const char *name)
{
  *why = NULL;
  return follow_link(why, file, group, name, 0) == LINK_DANGLES;
}
