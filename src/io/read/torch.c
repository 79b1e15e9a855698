/* Files that hold pickles: of Python and joblib, one pickle; of torch.save, a zip archive with a pickle and a member
 * for each storage, or, before version 1.6, five pickles and behind them the storages one after the other
 * (torch/serialization.py, "_legacy_save"). */
#include "base/memory.h"
#include "base/text_buffer.h"
#include "io/read/array_reader.h"
#include "io/read/packed_file.h"
#include "io/read/pickle_objects.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  CHECKED_BYTES_MAX = 16 << 20, /* of a member whose checksum is compared when it is listed */
  PROTOCOL_MAX = 15             /* a byte that may be one: later ones are refused by their number */
};

/* From protocol 2 on a pickle starts with its number; before it is text, as others are, and the name decides. */
bool cgap_pickle_is(const cgap_file *file)
{
  static const char *const ENDINGS[] = {".pkl", ".pickle", ".pk", ".p", ".pt", ".pth", ".joblib", NULL};
  unsigned char head[2] = {0};
  if (pread(file->fd, head, sizeof head, 0) != (ssize_t)sizeof head)
    return false;
  return (head[0] == 0x80 && head[1] >= 2 && head[1] <= PROTOCOL_MAX) ||
         (head[0] && head[1] && strchr("(c]})", head[0]) && cgap_name_ends(file->path, ENDINGS));
}

/* "/img" of "DIR/img.pt": the path of a dataset that has no name of its own. */
static char *stem_of(const char *path)
{
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  return cgap_format("/%.*s", (int)cgap_stem_length(name), name);
}

static cgap_status check_end(const cgap_pickle_bytes *b, cgap_error *error)
{
  if (b->at == b->end)
    return CGAP_OK;
  return cgap_fail(error, CGAP_FILE,
                   "%s: %" PRIu64 " bytes follow the end of its pickle at %" PRIu64
                   "; write one object per file, for instance a dict of arrays",
                   b->name, b->end - b->at, b->at);
}

/* ---------------------------------------------------------------- one pickle */

/* Runs it and lists what is in it. */
static cgap_status list_pickle(cgap_file *file, cgap_pickle *p, const char *prefix, const char *stem, cgap_error *error)
{
  cgap_pickle_value root;
  cgap_status status = cgap_pickle_run(p, &root, error);
  if (status == CGAP_OK)
    status = check_end(p->bytes, error);
  return status == CGAP_OK ? cgap_pickle_datasets(file, p, root, prefix, stem, error) : status;
}

/* An object array that cannot be read is one dataset less, where others are next to it: captions with None. */
static cgap_status add_unread(cgap_file *file, const cgap_file *npy, const cgap_array_header *found, size_t before,
                              cgap_error *error)
{
  const size_t length = strlen(npy->path);
  const bool named = !strncmp(error->message, npy->path, length) && !strncmp(error->message + length, ": ", 2);
  char *why = strdup(named ? error->message + length + 2 : error->message);
  while (file->count > before)
    cgap_entry_clear(&file->entries[--file->count]);
  cgap_status status =
    why ? cgap_array_header_add(file, found, error) : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", found->name);
  if (status != CGAP_OK) {
    free(why);
    return status;
  }
  cgap_entry *e = &file->entries[file->count - 1];
  free(e->obstacle);
  e->obstacle = why;
  return CGAP_OK;
}

cgap_status cgap_pickle_objects_open(cgap_file *file, const cgap_file *npy, const cgap_array_header *found,
                                     const char *prefix, bool alone, cgap_error *error)
{
  cgap_pickle_bytes bytes = {.path = npy->path,
                             .name = npy->path,
                             .fd = npy->fd,
                             .member = -1,
                             .gathered = npy->unpacked,
                             .at = npy->start + found->array->start,
                             .end = npy->start + npy->bytes,
                             .whole = npy->bytes};
  cgap_pickle p;
  cgap_pickle_init(&p, &bytes, file->access.memory);
  const size_t before = file->count;
  const cgap_status status = list_pickle(file, &p, prefix, found->path, error);
  cgap_pickle_clear(&p);
  cgap_pickle_bytes_close(&bytes);
  return status == CGAP_FILE && !alone ? add_unread(file, npy, found, before, error) : status;
}

/* ---------------------------------------------------------------- torch.save before 1.6 */

/* A storage by its key. */
typedef struct named_storage {
  const unsigned char *key; /* (length) */
  size_t length;
  uint32_t storage;
} named_storage;

static named_storage name_storage(const cgap_pickle *p, uint32_t key, uint32_t storage)
{
  const cgap_pickle_text *text = cgap_pickle_text_at(p, key); /* keys are short: all are in the pool */
  return (named_storage){(const unsigned char *)cgap_pickle_text_kept(p, text), (size_t)text->length, storage};
}

static int by_key(const void *a, const void *b)
{
  const named_storage *x = a, *y = b;
  const size_t shorter = cgap_lesser(x->length, y->length);
  const int order = shorter ? memcmp(x->key, y->key, shorter) : 0;
  return order ? order : x->length < y->length ? -1 : x->length > y->length;
}

/* The first of the sorted storages with this key; count: none. */
static size_t first_with_key(const named_storage *sorted, size_t count, const named_storage *key)
{
  size_t low = 0, high = count;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (by_key(&sorted[middle], key) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low < count && by_key(&sorted[low], key) == 0 ? low : count;
}

/* One storage: the number of its elements, in eight bytes, and the elements. */
static bool place_storage(cgap_pickle *p, const named_storage *sorted, const named_storage *key, bool little)
{
  const size_t count = p->storages.count, first = first_with_key(sorted, count, key);
  unsigned char raw[8];
  uint64_t elements = 0;
  cgap_npy type = {0};
  if (first == count)
    return cgap_pickle_damaged(p, "a storage that no tensor has");
  if (cgap_pickle_storage_at(p, sorted[first].storage)->found)
    return cgap_pickle_damaged(p, "a storage twice");
  (void)cgap_npy_set_type(&type, cgap_pickle_storage_at(p, sorted[first].storage)->code);
  if (!cgap_pickle_next(p, raw, sizeof raw))
    return false;
  for (size_t k = 0; k < sizeof raw; k++)
    elements = elements << 8 | raw[little ? sizeof raw - 1 - k : k];
  const uint64_t at = p->bytes->at, bytes = elements > INT64_MAX / 16 ? INT64_MAX : elements * type.item;
  if (!cgap_pickle_skip(p, bytes))
    return false;
  for (size_t i = first; i < count && by_key(&sorted[i], key) == 0; i++) {
    cgap_pickle_storage *s = cgap_pickle_storage_at(p, sorted[i].storage);
    s->found = s->checked = true;
    s->at = at;
    s->bytes = bytes;
    s->swap = little != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  }
  return true;
}

static bool place_storages(cgap_pickle *p, cgap_pickle_value keys, bool little)
{
  const size_t count = p->storages.count;
  named_storage *sorted = cgap_alloc(count, sizeof *sorted);
  bool good = sorted || cgap_pickle_refuse(p, CGAP_RESOURCE, "out of memory");
  for (size_t i = 0; i < count && good; i++)
    sorted[i] = name_storage(p, cgap_pickle_storage_at(p, (uint32_t)i)->key, (uint32_t)i);
  if (good)
    qsort(sorted, count, sizeof *sorted, by_key);
  for (size_t i = 0; i < cgap_pickle_count(p, keys) && good; i++) {
    const cgap_pickle_value v = cgap_pickle_item(p, keys, i);
    named_storage key = {0};
    if (v.kind == CGAP_PICKLE_STRING && cgap_pickle_text_length(p, v.index) <= CGAP_PICKLE_KEY_MAX)
      key = name_storage(p, v.index, 0);
    good = key.key ? place_storage(p, sorted, &key, little) : cgap_pickle_damaged(p, "a storage without a name");
  }
  cgap_free(sorted);
  return good;
}

static bool is_little(const cgap_pickle *p, cgap_pickle_value system)
{
  for (size_t i = 0; i + 1 < cgap_pickle_count(p, system); i += 2)
    if (system.kind == CGAP_PICKLE_DICT && cgap_pickle_text_is(p, cgap_pickle_item(p, system, i), "little_endian"))
      return cgap_pickle_item(p, system, i + 1).integer != 0;
  return true;
}

/* Whether a pickle is the number with which such a file begins. */
static bool is_legacy_mark(cgap_pickle *p, cgap_pickle_value v)
{
  static const unsigned char MARK[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
  size_t length = 0;
  if (v.kind != CGAP_PICKLE_LARGE || cgap_pickle_text_length(p, v.index) != sizeof MARK)
    return false;
  char *bytes = cgap_pickle_text_copy(p, v.index, &length);
  const bool is = bytes && length == sizeof MARK && !memcmp(bytes, MARK, sizeof MARK);
  free(bytes);
  return is;
}

/* Behind the mark: version, system, the objects, the keys of the storages, the storages. */
static cgap_status read_legacy(cgap_pickle *p, cgap_pickle_value *root, cgap_error *error)
{
  cgap_pickle_value part[4] = {{0}};
  cgap_status status = CGAP_OK;
  for (int k = 0; k < 4 && status == CGAP_OK; k++) {
    p->persistent = k == 2;
    status = cgap_pickle_run(p, &part[k], error);
  }
  if (status == CGAP_OK && (part[1].kind != CGAP_PICKLE_DICT || part[3].kind != CGAP_PICKLE_LIST))
    (void)cgap_pickle_damaged(p, "the parts of a file of PyTorch before 1.6 are missing");
  else if (status == CGAP_OK)
    (void)place_storages(p, part[3], is_little(p, part[1]));
  *root = part[2];
  return p->status;
}

cgap_status cgap_pickle_open(cgap_file *file, cgap_error *error)
{
  cgap_pickle_bytes bytes = {.path = file->path,
                             .name = file->path,
                             .fd = file->fd,
                             .member = -1,
                             .gathered = file->unpacked,
                             .end = file->bytes,
                             .whole = file->bytes};
  cgap_pickle p;
  cgap_pickle_value root;
  char *stem = stem_of(file->path);
  cgap_pickle_init(&p, &bytes, file->access.memory);
  cgap_status status =
    stem ? cgap_pickle_run(&p, &root, error) : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  if (status == CGAP_OK && is_legacy_mark(&p, root))
    status = read_legacy(&p, &root, error);
  if (status == CGAP_OK)
    status = check_end(&bytes, error);
  if (status == CGAP_OK)
    status = cgap_pickle_datasets(file, &p, root, "", stem, error);
  cgap_pickle_clear(&p);
  cgap_pickle_bytes_close(&bytes);
  free(stem);
  return status;
}

/* ---------------------------------------------------------------- torch.save */

static cgap_status check_member(const zip_stat_t *stat, const char *name, cgap_error *error)
{
  if (stat->encryption_method != ZIP_EM_NONE || stat->comp_method != ZIP_CM_STORE || stat->size != stat->comp_size)
    return cgap_fail(
      error, CGAP_FILE,
      "%s: %s is compressed or encrypted in its archive, which torch.save does not do; write it again with "
      "torch.save",
      name, stat->name);
  return CGAP_OK;
}

static bool find_member(zip_stat_t *stat, zip_t *zip, const char *folder, const char *name)
{
  const zip_uint64_t needed = ZIP_STAT_INDEX | ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                              ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  char *path = cgap_format("%s%s", folder, name);
  const zip_int64_t index = path ? zip_name_locate(zip, path, ZIP_FL_ENC_GUESS) : -1;
  free(path);
  return index >= 0 && zip_stat_index(zip, (zip_uint64_t)index, ZIP_FL_ENC_GUESS, stat) == 0 &&
         (stat->valid & needed) == needed;
}

/* The bytes of each storage are a member of the archive, called as its key. */
static cgap_status find_storages(cgap_pickle *p, const char *folder, bool swap, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < p->storages.count && status == CGAP_OK; i++) {
    cgap_pickle_storage *s = cgap_pickle_storage_at(p, (uint32_t)i);
    size_t length = 0;
    zip_stat_t stat;
    cgap_npy type = {0};
    (void)cgap_npy_set_type(&type, s->code);
    char *key = cgap_pickle_text_copy(p, s->key, &length), *name = key ? cgap_format("data/%s", key) : NULL;
    if (!name)
      status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", p->bytes->name);
    else if (!find_member(&stat, p->bytes->zip, folder, name))
      status = cgap_fail(error, CGAP_FILE, "%s: %s%s is missing in its archive; copy or download it again",
                         p->bytes->name, folder, name);
    else
      status = check_member(&stat, p->bytes->name, error);
    if (status == CGAP_OK && stat.size / type.item < s->count)
      status = cgap_fail(error, CGAP_FILE,
                         "%s: cut short: %s%s needs %" PRIu64 " elements of %zu bytes, it has %llu bytes; copy or "
                         "download it again",
                         p->bytes->name, folder, name, s->count, type.item, (unsigned long long)stat.size);
    const bool small = status == CGAP_OK && stat.size <= CHECKED_BYTES_MAX;
    if (small)
      status = cgap_pickle_check_member(p->bytes, (int64_t)stat.index, error);
    if (status == CGAP_OK) {
      s->found = true;
      s->checked = small;
      s->swap = swap;
      s->member = (int64_t)stat.index;
      s->bytes = stat.size;
    }
    free(key);
    free(name);
  }
  return status;
}

/* Since 2.1 a member says in which order the bytes of numbers are; before, files are of machines like this one. */
static cgap_status read_byte_order(bool *swap, cgap_pickle_bytes *b, const char *folder, cgap_error *error)
{
  char order[8] = "";
  zip_stat_t stat;
  *swap = false;
  if (!find_member(&stat, b->zip, folder, "byteorder") || stat.size >= sizeof order)
    return CGAP_OK;
  const cgap_status status = cgap_pickle_read_at(b, (int64_t)stat.index, 0, (size_t)stat.size, order, error);
  *swap = !strcmp(order, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? "big" : "little");
  return status;
}

cgap_status cgap_torch_zip_open(cgap_file *file, zip_t *zip, const zip_stat_t *stat, cgap_error *error)
{
  cgap_pickle_bytes bytes = {.path = file->path,
                             .name = file->path,
                             .fd = file->fd,
                             .zip = zip,
                             .member = (int64_t)stat->index,
                             .end = stat->size,
                             .whole = file->bytes};
  cgap_pickle p;
  cgap_pickle_value root;
  bool swap = false;
  char *folder = strndup(stat->name, strlen(stat->name) - strlen("data.pkl")), *stem = stem_of(file->path);
  cgap_pickle_init(&p, &bytes, file->access.memory);
  p.persistent = true;
  cgap_status status = folder && stem ? check_member(stat, file->path, error)
                                      : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  if (status == CGAP_OK)
    status = cgap_pickle_check_member(&bytes, bytes.member, error);
  if (status == CGAP_OK)
    status = cgap_pickle_run(&p, &root, error);
  if (status == CGAP_OK)
    status = check_end(&bytes, error);
  if (status == CGAP_OK)
    status = read_byte_order(&swap, &bytes, folder, error);
  if (status == CGAP_OK)
    status = find_storages(&p, folder, swap, error);
  if (status == CGAP_OK)
    status = cgap_pickle_datasets(file, &p, root, "", stem, error);
  cgap_pickle_clear(&p);
  cgap_pickle_bytes_close(&bytes);
  free(folder);
  free(stem);
  return status;
}
