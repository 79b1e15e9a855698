/* .npy (NumPy, "NEP 1 — A simple file format for NumPy arrays"; versions 1.0, 2.0 and 3.0): the header of an array, and
 * files: one, several next to each other, shards one after the other, a folder of them. The array of img_emb_3.npy is
 * called /img_emb_3, or, with others of that name and another number, it is a shard of /img_emb. */
#include "io/read/container.h"

#include "base/memory.h"
#include "base/text_buffer.h"
#include "io/read/name_words.h"
#include "io/read/packed_file.h"
#include "io/read/pickle_objects.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAGIC = 6, SHORT_PREFIX = 10, LONG_PREFIX = 12, HEADER_MAX = 1 << 20, NAME_MAX_BYTES = 32 };

static bool is_npy(const unsigned char *head, size_t count)
{
  return count >= MAGIC && !memcmp(head, "\x93NUMPY", MAGIC);
}

bool cgap_npy_file_is(const cgap_file *file)
{
  unsigned char head[16];
  size_t used = 0;
  ssize_t got;
  while (used < sizeof head &&
         ((got = pread(file->fd, head + used, sizeof head - used, (off_t)(file->start + used))) > 0 ||
          (got < 0 && errno == EINTR)))
    used += got > 0 ? (size_t)got : 0;
  return is_npy(head, used) || is_npy(head, cgap_packed_start(head, sizeof head, file));
}

/* ---------------------------------------------------------------- the dictionary */

/* The header is a Python dictionary of three known keys: 'descr', 'fortran_order' and 'shape'. */
typedef struct cursor {
  const char *at, *end;
  const char *name; /* for messages */
  cgap_error *error;
} cursor;

static bool fail_damaged(const cursor *c, const char *what)
{
  (void)cgap_fail(c->error, CGAP_FILE, "%s: the header of the array is damaged: %s; write it again with np.save",
                  c->name, what);
  return false;
}

static void skip_blanks(cursor *c)
{
  while (c->at < c->end && isspace((unsigned char)*c->at))
    c->at++;
}

static bool skip_character(cursor *c, char wanted)
{
  skip_blanks(c);
  if (c->at == c->end || *c->at != wanted)
    return false;
  c->at++;
  return true;
}

static bool read_quoted(cursor *c, char *out, size_t size)
{
  size_t used = 0;
  char quote = '\'';
  if (!skip_character(c, quote)) {
    quote = '"';
    if (!skip_character(c, quote))
      return false;
  }
  while (c->at < c->end && *c->at != quote && used + 1 < size)
    out[used++] = *c->at++;
  out[used] = '\0';
  return c->at < c->end && *c->at++ == quote;
}

/* Passes over a bracketed value: the fields of a structured type. */
static bool skip_nested(cursor *c)
{
  size_t depth = 0;
  for (; c->at < c->end; c->at++) {
    depth += *c->at == '[' || *c->at == '(';
    if ((*c->at == ']' || *c->at == ')') && --depth == 0) {
      c->at++;
      return true;
    }
  }
  return false;
}

static void add_field(cgap_npy *out, const char *name, size_t length)
{
  const size_t used = strlen(out->fields);
  (void)snprintf(out->fields + used, sizeof out->fields - used, "%s%.*s", used ? ", " : "", (int)length, name);
}

/* The names in [('id', '<i8'), ('image_embedding', '<f4', (512,))], of which the last holds arrays. */
static void read_fields(cgap_npy *out, const char *at, const char *end)
{
  int depth = 0, strings = 0;
  for (; at < end; at++) {
    if (*at == '(' || *at == '[') {
      depth++;
      strings = depth == 2 ? 0 : strings;
      out->field_rows = out->field_rows || (depth == 3 && *at == '(' && strings == 2);
    } else if (*at == ')' || *at == ']') {
      depth--;
    } else if (*at == '\'' || *at == '"') {
      const char *close = memchr(at + 1, *at, (size_t)(end - at - 1));
      if (!close)
        return;
      if (depth == 2 && strings++ == 0)
        add_field(out, at + 1, (size_t)(close - at - 1));
      at = close;
    }
  }
}

static bool read_order(cursor *c, cgap_npy *out)
{
  skip_blanks(c);
  const size_t left = (size_t)(c->end - c->at);
  out->fortran = left >= 4 && !memcmp(c->at, "True", 4);
  if (!out->fortran && (left < 5 || memcmp(c->at, "False", 5) != 0))
    return fail_damaged(c, "fortran_order is neither True nor False");
  c->at += out->fortran ? 4 : 5;
  return true;
}

static bool read_size(cursor *c, size_t *out)
{
  bool negative = skip_character(c, '-');
  *out = 0;
  if (c->at == c->end || !isdigit((unsigned char)*c->at))
    return fail_damaged(c, "its shape has something that is no number");
  for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++) {
    size_t digit = (size_t)(*c->at - '0');
    if (!cgap_product(out, *out, 10) || *out > SIZE_MAX - digit) {
      (void)cgap_fail(c->error, CGAP_DATA, "%s: an axis of its shape is larger than any memory; write it again",
                      c->name);
      return false;
    }
    *out += digit;
  }
  if (negative)
    (void)cgap_fail(c->error, CGAP_DATA, "%s: an axis of its shape is negative (-%zu); write it again with np.save",
                    c->name, *out);
  if (c->at < c->end && *c->at == 'L') /* Python 2 */
    c->at++;
  return !negative;
}

static bool read_shape(cursor *c, cgap_npy *out)
{
  if (!skip_character(c, '('))
    return fail_damaged(c, "its shape is no tuple");
  while (!skip_character(c, ')')) {
    if (out->ndim == CGAP_SHAPE_MAX) {
      (void)cgap_fail(c->error, CGAP_DATA, "%s: more than %d axes; embeddings have two or three", c->name,
                      CGAP_SHAPE_MAX);
      return false;
    }
    if (!read_size(c, &out->shape[out->ndim]))
      return false;
    out->ndim++;
    if (!skip_character(c, ',')) {
      if (!skip_character(c, ')'))
        return fail_damaged(c, "its shape does not end");
      break;
    }
  }
  return true;
}

/* ---------------------------------------------------------------- types */

static bool read_type(cursor *c, cgap_npy *out)
{
  char text[NAME_MAX_BYTES];
  if (read_quoted(c, text, sizeof text))
    return cgap_npy_set_descr(out, text) || fail_damaged(c, "its type has no letter, or an impossible size");
  const char *start = c->at;
  if (c->at == c->end || *c->at != '[' || !skip_nested(c))
    return fail_damaged(c, "its type cannot be read");
  read_fields(out, start, c->at);
  (void)snprintf(out->type_name, sizeof out->type_name, "structured");
  out->kind = CGAP_KIND_OTHER;
  return true;
}

static bool read_dictionary(cursor *c, cgap_npy *out)
{
  static const struct {
    const char *key;
    bool (*read)(cursor *c, cgap_npy *out);
  } KEYS[] = {{"descr", read_type}, {"fortran_order", read_order}, {"shape", read_shape}};
  enum { COUNT = sizeof KEYS / sizeof *KEYS };
  unsigned seen = 0;
  char key[NAME_MAX_BYTES];
  if (!skip_character(c, '{'))
    return fail_damaged(c, "no dictionary");
  while (!skip_character(c, '}')) {
    size_t k = 0;
    if (!read_quoted(c, key, sizeof key) || !skip_character(c, ':'))
      return fail_damaged(c, "no key where one has to be");
    while (k < COUNT && strcmp(key, KEYS[k].key) != 0)
      k++;
    if (k == COUNT)
      return fail_damaged(c, "a key that is not one of descr, fortran_order and shape");
    if (seen >> k & 1u)
      return fail_damaged(c, "a key is in it twice");
    seen |= 1u << k;
    if (!KEYS[k].read(c, out))
      return false;
    if (!skip_character(c, ',')) {
      if (!skip_character(c, '}'))
        return fail_damaged(c, "the dictionary does not end");
      break;
    }
  }
  if (seen != (1u << COUNT) - 1)
    return fail_damaged(c, "one of descr, fortran_order and shape is missing");
  skip_blanks(c);
  return c->at == c->end || fail_damaged(c, "something follows the dictionary");
}

/* ---------------------------------------------------------------- sizes */

static cgap_status check_size(const cgap_npy *npy, uint64_t total, const char *name, cgap_error *error)
{
  char shape[200];
  size_t bytes = npy->item;
  bool fits = true;
  for (int k = 0; k < npy->ndim; k++)
    fits = fits && npy->shape[k] > 0 ? cgap_product(&bytes, bytes, npy->shape[k]) : fits;
  for (int k = 0; k < npy->ndim; k++)
    bytes = npy->shape[k] ? bytes : 0;
  if (!fits || bytes > (size_t)INT64_MAX)
    return cgap_fail(error, CGAP_DATA, "%s: shape %s of %s is larger than any memory; the file is damaged", name,
                     cgap_sizes_text(shape, sizeof shape, npy->ndim, npy->shape), npy->type_name);
  uint64_t there = total - npy->start;
  if (npy->item == 0 || there == bytes) /* objects and structures: no known size */
    return CGAP_OK;
  if (there < bytes)
    return cgap_fail(error, CGAP_FILE,
                     "%s: cut short: shape %s of %s needs %zu bytes, %" PRIu64 " are there; copy or download it again",
                     name, cgap_sizes_text(shape, sizeof shape, npy->ndim, npy->shape), npy->type_name, bytes, there);
  return cgap_fail(error, CGAP_FILE,
                   "%s: %" PRIu64
                   " bytes follow the %zu of its array of shape %s; write one array per file with np.save",
                   name, there - bytes, bytes, cgap_sizes_text(shape, sizeof shape, npy->ndim, npy->shape));
}

/* Magic, version, length of the dictionary; its place in the file into *start. */
static cgap_status read_prefix(cgap_npy *out, size_t *length, cgap_npy_next *next, void *context, uint64_t total,
                               const char *name, cgap_error *error)
{
  unsigned char head[LONG_PREFIX];
  if (total < LONG_PREFIX) { /* the shortest dictionary is longer than the two bytes between */
    return cgap_fail(error, CGAP_FILE, "%s: %" PRIu64 " bytes, less than the start of a .npy array; write it again",
                     name, total);
  }
  if (!next(context, head, SHORT_PREFIX, error))
    return error->status;
  if (!is_npy(head, SHORT_PREFIX) || head[6] < 1 || head[6] > 3) {
    return cgap_fail(error, CGAP_FILE, "%s: no .npy array of version 1 to 3; write it again with np.save", name);
  }
  out->start = head[6] == 1 ? SHORT_PREFIX : LONG_PREFIX;
  *length = head[8] | (size_t)head[9] << 8;
  if (head[6] > 1) {
    if (!next(context, head + SHORT_PREFIX, 2, error))
      return error->status;
    *length |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
  }
  if (*length > total - out->start || *length > HEADER_MAX) {
    return cgap_fail(error, CGAP_FILE,
                     "%s: its header claims %zu bytes, the array has %" PRIu64 " and a header at most %d; the file is "
                     "damaged, write it again",
                     name, *length, total, HEADER_MAX);
  }
  return CGAP_OK;
}

cgap_status cgap_npy_read(cgap_npy *out, cgap_npy_next *next, void *context, uint64_t total, const char *name,
                          cgap_error *error)
{
  cgap_error own = {0};
  size_t length = 0;
  *out = (cgap_npy){0};
  error = error ? error : &own;
  cgap_status status = read_prefix(out, &length, next, context, total, name, error);
  if (status != CGAP_OK)
    return status;
  char *header = malloc(length + 1);
  if (!header)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", name);
  cursor c = {header, header + length, name, error};
  bool good = next(context, header, length, error) && read_dictionary(&c, out);
  free(header);
  out->start += length;
  status = good ? check_size(out, total, name, error) : error->status;
  if (status != CGAP_OK)
    *out = (cgap_npy){0};
  return status;
}

/* ---------------------------------------------------------------- files and their names */

enum { FILES_MAX = 20000, FOLDER_FILES_MAX = 1000000, NUMBER_DIGITS = 18 };

typedef struct loose {
  char *path;
  char *group; /* the folder that is part of its name, "" for none */
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
  const size_t count = list->count; /* the memory doubles where it is a power of two */
  loose *grown = count & (count - 1) ? list->item : realloc(list->item, (count ? 2 * count : 1) * sizeof *grown);
  if (!grown)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  list->item = grown;
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  size_t length = cgap_stem_length(name), digits = 0, kept = length;
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

/* A number alone is no name: the folder's is used ("img_emb/0.npy"). */
static char *entry_path(const loose *l, bool shards)
{
  const char *leaf = shards ? l->base : l->stem;
  if (shards && !leaf[0])
    return cgap_format("/%s", l->group[0] ? l->group : "array");
  return l->group[0] ? cgap_format("/%s/%s", l->group, leaf) : cgap_format("/%s", leaf);
}

/* Folders are part of the names where files are called alike, or their names do not say what they are. */
static bool groups_count(const loose_list *list)
{
  for (size_t i = 0; i < list->count; i++) {
    const loose *l = &list->item[i];
    if (!l->base[0] || !cgap_name_words_of_file(l->path))
      return true;
    for (size_t k = 0; k < i; k++)
      if (!strcmp(l->stem, list->item[k].stem))
        return true;
  }
  return false;
}

/* ---------------------------------------------------------------- opening a list of files */

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

/* alone: the only file, whose name is then no part of the paths of what is in it. */
static cgap_status open_one(cgap_file *file, const loose *l, bool shard, bool alone, cgap_error *error)
{
  cgap_file npy_file = {.path = l->path, .fd = -1};
  cgap_npy array = {0};
  char *path = entry_path(l, shard);
  cgap_status status = path ? cgap_file_open_regular(&npy_file, l->path, error)
                            : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", l->path);
  if (status == CGAP_OK && (npy_file.folder || !cgap_npy_file_is(&npy_file)))
    status = npy_file.folder ? cgap_fail(error, CGAP_FILE, "%s: a folder; give its files", l->path)
                             : cgap_refuse_unsupported(&npy_file, error);
  const uint64_t bytes = npy_file.bytes;
  if (status == CGAP_OK && cgap_packed_is(&npy_file))
    status = cgap_packed_open(&npy_file, file, error);
  fd_reader r = {.file = &npy_file, .at = npy_file.start};
  if (status == CGAP_OK)
    status = cgap_npy_read(&array, next_bytes, &r, npy_file.bytes, l->path, error);
  const cgap_array_header found = {.path = path,
                                   .name = l->path,
                                   .storage = npy_file.unpacked ? ".npy, gzip, unpacked to a temporary file" : ".npy",
                                   .array = &array,
                                   .piece = {.path = l->path,
                                             .member = -1,
                                             .offset = npy_file.start + array.start,
                                             .gathered = npy_file.unpacked,
                                             .fd = file->gathered,
                                             .numbered = shard,
                                             .number = shard ? l->number : 0}};
  if (array.pickled && alone) /* datasets of one file */
    file->loose = false;
  if (status == CGAP_OK && array.pickled && !shard)
    status = cgap_pickle_objects_open(file, &npy_file, &found, alone ? "" : path, alone, error);
  else if (status == CGAP_OK)
    status = cgap_array_header_add(file, &found, error);
  file->bytes += status == CGAP_OK ? bytes : 0;
  if (npy_file.fd >= 0)
    close(npy_file.fd);
  free(path);
  return status;
}

/* Names the entries of several shards for messages. */
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
      status = cgap_fail(error, CGAP_FILE, "%s and %s have the same name and number, %llu; leave one out", l[-1].path,
                         l->path, (unsigned long long)l->number);
    else
      status = open_one(file, l, follows || leads, list->count == 1, error);
  }
  return status == CGAP_OK ? name_shards(file, error) : status;
}

/* ---------------------------------------------------------------- files as given */

static size_t order_of(const loose_list *list, const cgap_entry *e)
{
  for (size_t i = 0; i < list->count; i++)
    if (!strcmp(list->item[i].path, e->pieces[0].path))
      return list->item[i].order;
  return 0;
}

static unsigned modality_by_name(const cgap_entry *e)
{
  cgap_name_words w = cgap_name_words_of(e->path);
  return e->modality ? e->modality : w.leaf & CGAP_WORD_CLASS ? CGAP_WORD_CLASS : w.modality;
}

/* Of two arrays, where the names say one modality or none: the other one is the other modality; the image comes first.
 */
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
    two[k]->modality_why = a | b    ? "the other of the two files is the other modality"
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
  return cgap_npy_files_open(file, &path, 1, error);
}

/* ---------------------------------------------------------------- a folder */

static bool is_npy_name(const char *name)
{
  static const char *const ENDING[] = {".npy", NULL};
  return name[0] != '.' && cgap_name_ends(name, ENDING);
}

/* text_image.csv: a pairing, or ids, in a format that is not read. */
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

/* below: a folder in the folder, whose name is part of its files' names. */
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
    if (!there && is_npy_name(item->d_name)) { /* an error, or a link that leads nowhere */
      result = cgap_fail(error, CGAP_FILE, "%s: cannot be opened: %s; correct it or remove it", path, strerror(errno));
    } else if (there && S_ISREG(status.st_mode) && is_other_pairing(item->d_name)) {
      result = cgap_fail(error, CGAP_FILE,
                         "%s: its name says which text belongs to which image, and only the .npy files of a folder are "
                         "read; write it with numpy.save, or give the .npy files without it",
                         path);
    } else if (there && S_ISDIR(status.st_mode) && !below) {
      result = scan_folder(list, path, true, error);
    } else if (there && S_ISREG(status.st_mode) && is_npy_name(item->d_name)) {
      if (list->count == FOLDER_FILES_MAX)
        result =
          cgap_fail(error, CGAP_FILE, "%s: more than %d .npy files; give a smaller folder", folder, FOLDER_FILES_MAX);
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
    status = cgap_refuse_folder(file->path, error);
  if (status == CGAP_OK)
    status = open_list(file, &list, error);
  clear_list(&list);
  return status;
}
