/* .npy files: one, several side by side, shards one after the other, a folder of them. The array of img_emb_3.npy is
 * called /img_emb_3, or, with others of that name and another number, it is a shard of /img_emb. */
#include "base/text_buffer.h"
#include "io/read/formats.h"
#include "io/read/name_words.h"
#include "io/read/npy.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 20000, NUMBER_DIGITS = 18 };

typedef struct loose {
  char *path;
  char *group; /* the folder that counts for its name, "" where there is none */
  char *stem;  /* "img_emb_3" */
  char *base;  /* "img_emb" */
  uint64_t number;
  bool numbered;
  size_t order; /* as given */
} loose;

typedef struct loose_list {
  loose *item;
  size_t count;
} loose_list;

static void clear_list(loose_list *list)
{
  for (size_t i = 0; i < list->count; i++) {
    free(list->item[i].path);
    free(list->item[i].group);
    free(list->item[i].stem);
    free(list->item[i].base);
  }
  free(list->item);
}

/* ---------------------------------------------------------------- names */

/* The last folder of a path, without those above it; "" for a bare name. */
static char *parent_of(const char *path)
{
  const char *slash = strrchr(path, '/');
  const char *start = slash;
  while (start && start > path && start[-1] != '/')
    start--;
  bool dots = slash && (slash - start) <= 2 && start[0] == '.';
  return slash && !dots ? strndup(start, (size_t)(slash - start)) : strdup("");
}

static cgap_status add_loose(loose_list *list, const char *path, cgap_error *error)
{
  loose *grown = realloc(list->item, (list->count + 1) * sizeof *grown);
  if (!grown)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  list->item = grown;
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
  size_t length = dot && dot > name ? (size_t)(dot - name) : strlen(name), digits = 0, kept = length;
  while (kept > 0 && isdigit((unsigned char)name[kept - 1]))
    kept--;
  digits = length - kept;
  while (digits && kept > 0 && strchr("_-.", name[kept - 1]))
    kept--;
  loose *l = &grown[list->count];
  *l = (loose){.order = list->count, .numbered = digits > 0 && digits <= NUMBER_DIGITS};
  l->path = strdup(path);
  l->group = parent_of(path);
  l->stem = strndup(name, length);
  l->base = strndup(name, l->numbered ? kept : length);
  list->count++;
  if (!l->path || !l->group || !l->stem || !l->base)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  if (l->numbered)
    l->number = strtoull(name + length - digits, NULL, 10);
  return CGAP_OK;
}

static int by_name_and_number(const void *a, const void *b)
{
  const loose *x = a, *y = b;
  int order = strcmp(x->group, y->group);
  order = order ? order : strcmp(x->base, y->base);
  if (order || x->numbered != y->numbered)
    return order ? order : (int)x->numbered - (int)y->numbered;
  if (x->number != y->number)
    return x->number < y->number ? -1 : 1;
  return x->order < y->order ? -1 : x->order > y->order;
}

static bool same_name(const loose *a, const loose *b)
{
  return !strcmp(a->group, b->group) && !strcmp(a->base, b->base) && a->numbered && b->numbered;
}

/* A number alone is no name: that of the folder stands in ("img_emb/0.npy"). */
static char *entry_path(const loose *l, bool shards)
{
  const char *leaf = shards ? l->base : l->stem;
  if (shards && !leaf[0])
    return cgap_format("/%s", l->group[0] ? l->group : "array");
  return l->group[0] ? cgap_format("/%s/%s", l->group, leaf) : cgap_format("/%s", leaf);
}

/* Folders count where the names of the files do not tell them apart, or do not say what they are. */
static bool groups_count(const loose_list *list)
{
  for (size_t i = 0; i < list->count; i++) {
    const loose *l = &list->item[i];
    if (!l->base[0] || !cgap_name_words_of_file(l->path))
      return true;
    for (size_t k = 0; k < i; k++) {
      if (!strcmp(l->stem, list->item[k].stem))
        return true;
    }
  }
  return false;
}

/* ---------------------------------------------------------------- headers */

typedef struct fd_reader {
  const cgap_file *file;
  uint64_t at;
} fd_reader;

static bool next_bytes(void *context, void *out, size_t count, cgap_error *error)
{
  fd_reader *r = context;
  ssize_t got = pread(r->file->fd, out, count, (off_t)r->at);
  r->at += count;
  if (got == (ssize_t)count)
    return true;
  (void)cgap_fail(error, CGAP_FILE, "%s: its header cannot be read (%s); copy or download it again", r->file->path,
                  got < 0 ? strerror(errno) : "the file is cut short");
  return false;
}

/* The header of an open file, and its entries under `path`. */
static cgap_status add_array(cgap_file *file, const cgap_file *npy_file, const char *path, const loose *l, bool shard,
                             cgap_error *error)
{
  cgap_npy array;
  fd_reader r = {.file = npy_file};
  cgap_status status = cgap_npy_read(&array, next_bytes, &r, npy_file->bytes, npy_file->path, error);
  if (status != CGAP_OK)
    return status;
  cgap_array_header found = {
    .path = path,
    .name = npy_file->path,
    .storage = ".npy",
    .array = &array,
    .piece = {
      .path = npy_file->path, .member = -1, .offset = array.start, .numbered = shard, .number = shard ? l->number : 0}};
  return cgap_array_header_add(file, &found, error);
}

static cgap_status open_one(cgap_file *file, const loose *l, bool shard, cgap_error *error)
{
  cgap_file npy_file = {.path = l->path, .fd = -1};
  char *path = entry_path(l, shard);
  cgap_status status = path ? cgap_file_open_regular(&npy_file, l->path, error)
                            : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", l->path);
  if (status == CGAP_OK && (npy_file.folder || !cgap_npy_file_is(&npy_file)))
    status = npy_file.folder ? cgap_fail(error, CGAP_FILE, "%s: a folder; give its files", l->path)
                             : cgap_refuse_unsupported(&npy_file, error);
  if (status == CGAP_OK)
    status = add_array(file, &npy_file, path, l, shard, error);
  file->bytes += status == CGAP_OK ? npy_file.bytes : 0;
  if (npy_file.fd >= 0)
    close(npy_file.fd);
  free(path);
  return status;
}

/* What messages call an entry of several shards. */
static cgap_status name_shards(cgap_file *file, cgap_error *error)
{
  for (size_t i = 0; i < file->count; i++) {
    cgap_entry *e = &file->entries[i];
    if (e->piece_count < 2)
      continue;
    char *name = cgap_format("%s (and %zu more)", e->name, e->piece_count - 1);
    if (!name)
      return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
    free(e->name);
    e->name = name;
    cgap_append(&e->storage, ", %zu shards by number", e->piece_count);
  }
  return CGAP_OK;
}

static cgap_status open_list(cgap_file *file, loose_list *list, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  file->loose = true;
  qsort(list->item, list->count, sizeof *list->item, by_name_and_number);
  for (size_t i = 0; i < list->count && status == CGAP_OK; i++) {
    const loose *l = &list->item[i];
    bool follows = i > 0 && same_name(l - 1, l), leads = i + 1 < list->count && same_name(l, l + 1);
    if (follows && l[-1].number == l->number)
      status = cgap_fail(error, CGAP_FILE, "%s and %s have one name and number %llu; leave one out", l[-1].path,
                         l->path, (unsigned long long)l->number);
    else
      status = open_one(file, l, follows || leads, error);
  }
  return status == CGAP_OK ? name_shards(file, error) : status;
}

/* ---------------------------------------------------------------- files as given */

static size_t order_of(const loose_list *list, const cgap_entry *e)
{
  for (size_t i = 0; i < list->count; i++) {
    if (!strcmp(list->item[i].path, e->pieces[0].path))
      return list->item[i].order;
  }
  return 0;
}

static unsigned modality_by_name(const cgap_entry *e)
{
  cgap_name_words w = cgap_name_words_of(e->path);
  return e->modality ? e->modality : w.leaf & CGAP_WORD_CLASS ? CGAP_WORD_CLASS : w.modality;
}

/* Two arrays of which the names say one side or none: the other side is the other one; the image comes first. */
static void choose_modalities_of_two(cgap_file *file, const loose_list *list)
{
  cgap_entry *two[2] = {NULL, NULL};
  size_t count = 0;
  for (size_t i = 0; i < file->count; i++) {
    cgap_entry *e = &file->entries[i];
    if (e->kind != CGAP_KIND_FLOAT || e->ndim < 2)
      continue;
    if (count < 2)
      two[count] = e;
    count++;
  }
  if (count != 2)
    return;
  if (order_of(list, two[0]) > order_of(list, two[1])) {
    cgap_entry *first = two[1];
    two[1] = two[0];
    two[0] = first;
  }
  unsigned a = modality_by_name(two[0]), b = modality_by_name(two[1]);
  bool from_folder = !(cgap_name_words_of(two[0]->path).leaf & CGAP_WORD_MODALITY) &&
                     !(cgap_name_words_of(two[1]->path).leaf & CGAP_WORD_MODALITY);
  if (a == b && from_folder)
    a = b = 0;
  if ((a && b) || ((a | b) & CGAP_WORD_CLASS))
    return;
  bool swapped = a == CGAP_WORD_TEXT || b == CGAP_WORD_IMAGE;
  for (int k = 0; k < 2; k++) {
    if (modality_by_name(two[k]) && (a | b))
      continue;
    two[k]->modality = (k == 0) != swapped ? CGAP_WORD_IMAGE : CGAP_WORD_TEXT;
    two[k]->modality_why = a | b    ? "the other of the two files is the other side"
                           : k == 0 ? "the first of two files whose names do not say"
                                    : "the second of two files whose names do not say";
  }
}

cgap_status cgap_npy_files_open(cgap_file *file, const char *const *paths, size_t count, cgap_error *error)
{
  loose_list list = {0};
  cgap_status status = CGAP_OK;
  if (count > FILES_MAX)
    return cgap_fail(error, CGAP_USAGE, "%zu files, at most %d are possible; write them as fewer, or convert in parts",
                     count, FILES_MAX);
  for (size_t i = 0; i < count && status == CGAP_OK; i++)
    status = add_loose(&list, paths[i], error);
  if (status == CGAP_OK && !groups_count(&list)) {
    for (size_t i = 0; i < list.count; i++)
      list.item[i].group[0] = '\0';
  }
  if (status == CGAP_OK)
    status = open_list(file, &list, error);
  if (status == CGAP_OK)
    choose_modalities_of_two(file, &list);
  clear_list(&list);
  return status;
}

cgap_status cgap_npy_file_open(cgap_file *file, cgap_error *error)
{
  const char *path = file->path;
  file->bytes = 0; /* summed over the files */
  cgap_status status = cgap_npy_files_open(file, &path, 1, error);
  return status;
}

/* ---------------------------------------------------------------- a folder */

static bool is_npy_name(const char *name)
{
  const char *dot = strrchr(name, '.');
  return name[0] != '.' && dot && !strcmp(dot, ".npy");
}

/* text_image.csv: a pairing, or the ids of one, in a form that is not read. */
static bool is_other_pairing(const char *name)
{
  static const char *const FORMS[] = {".txt", ".csv", ".tsv", ".json", ".jsonl", ".pkl", ".pt", ".npz", ".h5"};
  const char *dot = strrchr(name, '.');
  size_t i = 0;
  while (dot && i < sizeof FORMS / sizeof *FORMS && strcmp(dot, FORMS[i]) != 0)
    i++;
  char stem[80];
  (void)snprintf(stem, sizeof stem, "/%.*s", dot ? (int)(dot - name) : 0, name);
  const cgap_name_words w = cgap_name_words_of(stem);
  return dot && i < sizeof FORMS / sizeof *FORMS && w.text_first && !w.more &&
         !(w.leaf & (CGAP_WORD_EMBEDDING | CGAP_WORD_CLASS | CGAP_WORD_LABEL | CGAP_WORD_SIDELINE));
}

/* below: the files of a folder in the folder, whose name then counts. */
static cgap_status scan_folder(loose_list *list, const char *folder, bool below, cgap_error *error)
{
  DIR *directory = opendir(folder);
  struct dirent *item;
  struct stat status;
  cgap_status result = CGAP_OK;
  if (!directory)
    return cgap_fail(error, CGAP_FILE, "%s: the folder cannot be read: %s", folder, strerror(errno));
  for (errno = 0; result == CGAP_OK && (item = readdir(directory)); errno = 0) {
    if (item->d_name[0] == '.')
      continue;
    char *path = cgap_format("%s/%s", folder, item->d_name);
    if (!path) {
      result = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", folder);
      break;
    }
    bool there = stat(path, &status) == 0;
    if (!there && is_npy_name(item->d_name)) { /* an error, or a link that leads nowhere: it was meant */
      result = cgap_fail(error, CGAP_FILE, "%s: cannot be opened: %s; mend it or remove it", path, strerror(errno));
    } else if (there && S_ISREG(status.st_mode) && is_other_pairing(item->d_name)) {
      result = cgap_fail(error, CGAP_FILE,
                         "%s: its name says which text belongs to which image, and of a folder .npy files alone are "
                         "read; write it with numpy.save, or give the .npy files without it",
                         path);
    } else if (there && S_ISDIR(status.st_mode) && !below) {
      result = scan_folder(list, path, true, error);
    } else if (there && S_ISREG(status.st_mode) && is_npy_name(item->d_name)) {
      if (list->count == FILES_MAX)
        result = cgap_fail(error, CGAP_FILE, "%s: more than %d .npy files; give a smaller folder", folder, FILES_MAX);
      else
        result = add_loose(list, path, error);
      if (result == CGAP_OK && !below)
        list->item[list->count - 1].group[0] = '\0';
    }
    free(path);
  }
  if (result == CGAP_OK && errno)
    result = cgap_fail(error, CGAP_FILE, "%s: the folder cannot be read to its end: %s", folder, strerror(errno));
  closedir(directory);
  return result;
}

cgap_status cgap_folder_open_npy(cgap_file *file, cgap_error *error)
{
  loose_list list = {0};
  size_t length = strlen(file->path);
  while (length > 1 && file->path[length - 1] == '/')
    file->path[--length] = '\0';
  file->bytes = 0;
  cgap_status status = scan_folder(&list, file->path, false, error);
  if (status == CGAP_OK && list.count == 0)
    status = cgap_fail(error, CGAP_FILE,
                       "%s: a folder with no .npy files in it; name a file, or a folder as clip-retrieval writes it "
                       "(img_emb/, text_emb/)",
                       file->path);
  if (status == CGAP_OK)
    status = open_list(file, &list, error);
  clear_list(&list);
  return status;
}

bool cgap_npy_file_is(const cgap_file *file)
{
  unsigned char head[16];
  size_t used = 0;
  ssize_t got;
  while (used < sizeof head &&
         ((got = pread(file->fd, head + used, sizeof head - used, (off_t)used)) > 0 || (got < 0 && errno == EINTR)))
    used += got > 0 ? (size_t)got : 0;
  return cgap_npy_is(head, used);
}
