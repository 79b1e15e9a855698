#include "io/read/hdf5_virtual.h"

#include "base/text_buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SPARE_FILES = 32 };

/* A mapping of the virtual dataset, as it stands in the file. */
typedef struct mapping {
  char file[4096], dataset[4096];
  bool pattern; /* %b: one of many files, as many as there are */
  hid_t source; /* what is selected of it */
  hid_t taken;  /* where that goes */
} mapping;

/* %% stands for %, in place; whether %b stands there too, whose number is only known when rows are read. */
static bool unescape(char *name)
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
  const bool many_files = unescape(m->file), many_datasets = unescape(m->dataset);
  m->pattern = many_files || many_datasets;
  m->source = H5Pget_virtual_srcspace(plist, index);
  m->taken = H5Pget_virtual_vspace(plist, index);
  return true;
}

static void clear_mapping(mapping *m)
{
  if (m->source >= 0)
    H5Sclose(m->source);
  if (m->taken >= 0)
    H5Sclose(m->taken);
}

/* ---------------------------------------------------------------- where HDF5 looks for a source */

static bool is_there(const char *path)
{
  return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static hid_t open_in(cgap_sought *where, const char *folder, size_t length, const char *name)
{
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access, false, true);
#endif
  free(where->path);
  const char *path = where->path = length ? cgap_format("%.*s/%s", (int)length, folder, name) : strdup(name);
  hid_t file = path ? H5Fopen(path, H5F_ACC_RDONLY, access) : H5I_INVALID_HID;
  if (path && file < 0) /* HDF5 itself has it open, where the dataset may grow: then as that opens it */
    file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (path && file < 0 && !where->unreadable && is_there(path))
    where->unreadable = strdup(path);
  H5Pclose(access);
  return file;
}

static hid_t open_beside(cgap_sought *where, const char *file, const char *name)
{
  const char *slash = strrchr(file, '/');
  return slash ? open_in(where, file, slash > file ? (size_t)(slash - file) : 1, name) : open_in(where, "", 0, name);
}

/* Folders of the variable, with colons between them; ${ORIGIN} is the file's own. */
static hid_t open_by_prefix(cgap_sought *where, const char *file, const char *name, const char *prefix)
{
  static const char ORIGIN[] = "${ORIGIN}";
  hid_t found = H5I_INVALID_HID;
  while (prefix && *prefix && found < 0) {
    const size_t length = strcspn(prefix, ":");
    if (strncmp(prefix, ORIGIN, sizeof ORIGIN - 1) == 0) {
      char *rest = cgap_format(".%.*s/%s", (int)(length - (sizeof ORIGIN - 1)), prefix + sizeof ORIGIN - 1, name);
      found = rest ? open_beside(where, file, rest) : found;
      free(rest);
    } else {
      found = open_in(where, prefix, length, name);
    }
    prefix += length + (prefix[length] == ':');
  }
  return found;
}

hid_t cgap_sought_open(cgap_sought *where, const char *file, const char *name, const char *variable)
{
  hid_t found = name[0] == '/' ? open_in(where, "", 0, name) : H5I_INVALID_HID;
  const char *last = strrchr(name, '/');
  const char *relative = name[0] == '/' ? last + 1 : name; /* of an absolute name that is not there, HDF5 keeps this */
  if (found < 0)
    found = open_by_prefix(where, file, relative, getenv(variable));
  if (found < 0)
    found = open_beside(where, file, relative);
  if (found < 0)
    found = open_in(where, "", 0, relative);
  char *real = found < 0 ? realpath(file, NULL) : NULL;
  if (real)
    found = open_beside(where, real, relative);
  free(real);
  return found;
}

/* ---------------------------------------------------------------- whether it is whole */

/* Of a source that is taken whole, its size is not in the file, but how much of it goes into the dataset is. Unlimited
 * selections end where the source does. */
static bool covers(hid_t dataset, const mapping *m)
{
  hsize_t size[H5S_MAX_RANK] = {0}, first[H5S_MAX_RANK] = {0}, last[H5S_MAX_RANK] = {0};
  hid_t space = H5Dget_space(dataset);
  const int rank = H5Sget_simple_extent_dims(space, size, NULL);
  bool fits = true;
  if (H5Sget_select_type(m->source) == H5S_SEL_ALL)
    fits = H5Sget_simple_extent_npoints(space) >= H5Sget_select_npoints(m->taken);
  else if (H5Sget_select_bounds(m->source, first, last) >= 0)
    for (int k = 0; k < rank; k++)
      fits = fits && (last[k] < size[k] || last[k] == H5S_UNLIMITED);
  H5Sclose(space);
  return fits;
}

static char *obstacle_in(hid_t file, const char *path, const mapping *m)
{
  hid_t dataset = H5Dopen2(file, m->dataset, H5P_DEFAULT);
  char *obstacle = NULL;
  if (dataset < 0)
    obstacle = cgap_format(
      "a virtual dataset, and its source %s has no dataset %s; it is not the file that belongs here", path, m->dataset);
  else if (!covers(dataset, m))
    obstacle = cgap_format("a virtual dataset, and %s of its source %s has fewer rows than it takes from there; it is "
                           "not the file that belongs here",
                           m->dataset, path);
  if (dataset >= 0)
    H5Dclose(dataset);
  return obstacle;
}

static char *obstacle_of_file(const cgap_sought *where, const mapping *m, size_t index, size_t count)
{
  if (!where->unreadable)
    return cgap_format("a virtual dataset whose source %s is missing (source %zu of %zu); put it next to the file",
                       m->file, index + 1, count);
  return cgap_format("a virtual dataset whose source %s is damaged or cut short (source %zu of %zu); copy it again",
                     m->file, index + 1, count);
}

static void keep_source(cgap_entry *entry, char *path)
{
  for (size_t i = entry->source_count; i-- > 0;)
    if (strcmp(entry->sources[i], path) == 0) {
      free(path);
      return;
    }
  char **grown = realloc(entry->sources, (entry->source_count + 1) * sizeof *grown);
  if (!grown) {
    free(path);
    return;
  }
  entry->sources = grown;
  entry->sources[entry->source_count++] = path;
}

static void set_obstacle(cgap_entry *entry, char *obstacle)
{
  if (entry->obstacle)
    free(obstacle);
  else
    entry->obstacle = obstacle;
}

static void check_mapping(cgap_entry *entry, const mapping *m, const char *file, size_t index, size_t count)
{
  cgap_sought where = {NULL, NULL};
  const bool itself = strcmp(m->file, ".") == 0;
  hid_t source = itself ? open_in(&where, "", 0, file) : cgap_sought_open(&where, file, m->file, "HDF5_VDS_PREFIX");
  if (source < 0) {
    set_obstacle(entry, obstacle_of_file(&where, m, index, count));
    free(where.path);
  } else {
    set_obstacle(entry, obstacle_in(source, where.path, m));
    H5Fclose(source);
    keep_source(entry, where.path);
  }
  free(where.unreadable);
}

/* ---------------------------------------------------------------- whether all may be open */

static int by_name(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t count_distinct(char **names, size_t count)
{
  size_t distinct = 0;
  qsort(names, count, sizeof *names, by_name);
  for (size_t i = 0; i < count; i++)
    distinct += i == 0 || strcmp(names[i - 1], names[i]) != 0;
  return distinct;
}

/* HDF5 keeps all of them open as long as the datasets are. */
char *cgap_virtual_excess(const cgap_entry *const *entries, size_t count)
{
  struct rlimit limit;
  size_t all = 0, taken = 0;
  for (size_t k = 0; k < count; k++)
    all += entries[k]->source_count;
  if (all == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
      all + SPARE_FILES <= limit.rlim_cur)
    return NULL;
  char **names = malloc(all * sizeof *names);
  for (size_t k = 0; names && k < count; k++)
    for (size_t i = 0; i < entries[k]->source_count; i++)
      names[taken++] = entries[k]->sources[i];
  const size_t files = names ? count_distinct(names, taken) : all;
  free(names);
  if (files + SPARE_FILES <= limit.rlim_cur)
    return NULL;
  return cgap_format("%s over %zu files, and %llu may be open at once; raise that with `ulimit -n %zu`",
                     count > 1 ? "virtual datasets" : "a virtual dataset", files, (unsigned long long)limit.rlim_cur,
                     files + SPARE_FILES);
}

void cgap_virtual_describe(cgap_entry *entry, hid_t plist, const char *file)
{
  size_t count = 0;
  entry->is_virtual = true;
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
      check_mapping(entry, &m, file, i, count);
    clear_mapping(&m);
  }
  if (!entry->obstacle)
    entry->obstacle = cgap_virtual_excess((const cgap_entry *[]){entry}, 1);
  cgap_append(&entry->storage, "virtual");
  if (entry->source_count && !entry->obstacle)
    cgap_append(&entry->storage, " over %zu file%s", entry->source_count, entry->source_count > 1 ? "s" : "");
}
