/* The entries of an open file, whatever its container. Arrays outside HDF5 (.npy, members of .npz, tensors) become
 * entries with pieces. */
#include "io/read/container.h"

#include "base/memory.h"
#include "base/text_buffer.h"
#include "io/read/name_words.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- what is in a file */

/* Whether two paths are the same where a dot divides as a slash does. */
static bool same_but_dots(const char *a, const char *b)
{
  while (*a && (*a == *b || (*a == '/' && *b == '.')))
    a++, b++;
  return *a == *b;
}

const cgap_entry *cgap_file_find(const cgap_file *file, const char *path)
{
  while (*path == '/')
    path++;
  for (size_t i = 0; i < file->count; i++) {
    const cgap_entry *e = &file->entries[i];
    if (!strcmp(e->path + 1, path) || (e->place && !strcmp(e->place + 1, path)))
      return e;
  }
  for (size_t i = 0; i < file->count; i++) /* a.b in a pickle */
    if (file->entries[i].pieces && same_but_dots(file->entries[i].path + 1, path))
      return &file->entries[i];
  return NULL;
}

const char *cgap_sizes_text(char *out, size_t size, int ndim, const size_t *sizes)
{
  size_t at = 0;
  int written = snprintf(out, size, "(");
  for (int k = 0; k < ndim && k < CGAP_SHAPE_MAX && written > 0 && (at += (size_t)written) < size; k++)
    written = snprintf(out + at, size - at, "%s%zu", k ? ", " : "", sizes[k]);
  if (written > 0 && (at += (size_t)written) < size)
    (void)snprintf(out + at, size - at, "%s)", ndim > CGAP_SHAPE_MAX ? ", …" : ndim == 1 ? "," : "");
  return out;
}

const char *cgap_shape_text(char *out, size_t size, const cgap_entry *entry)
{
  return cgap_sizes_text(out, size, entry->ndim, entry->shape);
}

bool cgap_entry_elements(size_t *out, const cgap_entry *entry)
{
  *out = 1;
  for (int k = 0; k < entry->ndim; k++)
    if (k >= CGAP_SHAPE_MAX || !cgap_product(out, *out, entry->shape[k]))
      return false;
  return true;
}

size_t cgap_entry_list(const cgap_entry *entry)
{
  size_t longest = entry->ndim > 0 ? 1 : 0;
  for (int k = 0; k < entry->ndim; k++) {
    const size_t size = k < CGAP_SHAPE_MAX ? entry->shape[k] : 0;
    if (size == 0 || (size > 1 && longest > 1))
      return 0;
    longest = size > longest ? size : longest;
  }
  return longest;
}

bool cgap_entry_is_number(const cgap_entry *entry)
{
  return entry->kind == CGAP_KIND_INTEGER || entry->kind == CGAP_KIND_FLOAT;
}

size_t cgap_chosen_dataset_rows(const cgap_chosen_dataset *taken)
{
  const cgap_entry *e = taken->entry;
  return e->ndim == 3 ? e->shape[0] * e->shape[1] : e->shape[0];
}

size_t cgap_chosen_dataset_dim(const cgap_chosen_dataset *taken)
{
  return taken->entry->ndim >= 2 && taken->entry->ndim <= CGAP_SHAPE_MAX ? taken->entry->shape[taken->entry->ndim - 1]
                                                                         : 0;
}

size_t cgap_entry_middle(const cgap_entry *e)
{
  return e->ndim == 3 && e->shape[0] != 1 && e->shape[1] != 1 ? e->shape[1] : 0;
}

const char *cgap_entry_place(const cgap_entry *entry)
{
  return entry->place ? entry->place : entry->path;
}

/* ---------------------------------------------------------------- files and entries */

cgap_status cgap_file_open_regular(cgap_file *file, const char *path, cgap_error *error)
{
  struct stat status;
  if (lstat(path, &status) == 0 && stat(path, &status) != 0 && errno == ENOENT)
    return cgap_fail(error, CGAP_FILE, "%s: no such file: it is a link to one that is missing; correct the link", path);
  if (stat(path, &status) != 0 && errno == ENOENT)
    return cgap_fail(error, CGAP_FILE, "%s: no such file%s", path,
                     strpbrk(path, "*?[") ? "; the shell expands patterns, where they are not quoted" : "");
  if (stat(path, &status) != 0)
    return cgap_fail(error, CGAP_FILE, "%s: cannot be opened: %s", path, strerror(errno));
  file->folder = S_ISDIR(status.st_mode);
  if (!file->folder && !S_ISREG(status.st_mode))
    return cgap_fail(error, CGAP_FILE, "%s: not a regular file; give one, since it is read in any order", path);
  if (!file->folder && status.st_size == 0)
    return cgap_fail(error, CGAP_FILE, "%s: empty (0 bytes); write or download it again", path);
  file->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* it may be a FIFO by now */
  if (file->fd < 0)
    return cgap_fail(error, errno == EMFILE || errno == ENFILE ? CGAP_RESOURCE : CGAP_FILE, "%s: cannot be opened: %s",
                     path, strerror(errno));
  if (fstat(file->fd, &status) != 0 || (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)))
    return cgap_fail(error, CGAP_FILE, "%s: no longer a regular file; give one that is not being replaced", path);
  file->bytes = (uint64_t)status.st_size;
  file->device = (uint64_t)status.st_dev;
  file->inode = (uint64_t)status.st_ino;
  return CGAP_OK;
}

cgap_entry *cgap_file_add(cgap_file *file)
{
  if (file->count == file->capacity) {
    size_t capacity = file->capacity ? 2 * file->capacity : 32;
    cgap_entry *grown = realloc(file->entries, capacity * sizeof *grown);
    if (!grown)
      return NULL;
    file->entries = grown;
    file->capacity = capacity;
  }
  cgap_entry *entry = &file->entries[file->count++];
  memset(entry, 0, sizeof *entry);
  return entry;
}

void cgap_entry_clear(cgap_entry *entry)
{
  for (size_t i = 0; i < entry->piece_count; i++)
    free(entry->pieces[i].path);
  free(entry->pieces);
  for (size_t i = 0; i < entry->source_count; i++)
    free(entry->sources[i]);
  free(entry->sources);
  free(entry->path);
  free(entry->place);
  free(entry->name);
  free(entry->storage);
  free(entry->obstacle);
  free(entry->note);
}

void cgap_entry_type_text(cgap_entry *entry, const char *name)
{
  static const char *const OTHER = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ", big-endian" : ", little-endian";
  (void)snprintf(entry->type_text, sizeof entry->type_text, "%s%s", name, entry->swap ? OTHER : "");
}

/* ---------------------------------------------------------------- arrays outside HDF5 */

static const struct {
  const char *npy, *tensor; /* the code of NumPy and of safetensors */
  size_t item;
  cgap_kind kind;
  int type; /* cgap_type, or whether signed */
  const char *name;
} TYPES[] = {
  {"f2", "F16", 2, CGAP_KIND_FLOAT, CGAP_FLOAT16, "float16"},
  {"V2", "BF16", 2, CGAP_KIND_FLOAT, CGAP_BFLOAT16, "bfloat16"},
  {"f4", "F32", 4, CGAP_KIND_FLOAT, CGAP_FLOAT32, "float32"},
  {"f8", "F64", 8, CGAP_KIND_FLOAT, CGAP_FLOAT64, "float64"},
  {"i1", "I8", 1, CGAP_KIND_INTEGER, 1, "int8"},
  {"i2", "I16", 2, CGAP_KIND_INTEGER, 1, "int16"},
  {"i4", "I32", 4, CGAP_KIND_INTEGER, 1, "int32"},
  {"i8", "I64", 8, CGAP_KIND_INTEGER, 1, "int64"},
  {"u1", "U8", 1, CGAP_KIND_INTEGER, 0, "uint8"},
  {"u2", "U16", 2, CGAP_KIND_INTEGER, 0, "uint16"},
  {"u4", "U32", 4, CGAP_KIND_INTEGER, 0, "uint32"},
  {"u8", "U64", 8, CGAP_KIND_INTEGER, 0, "uint64"},
  {"b1", "BOOL", 1, CGAP_KIND_INTEGER, 0, "bool"},
  {"", "F8_E5M2", 1, CGAP_KIND_OTHER, 0, "float8 (E5M2)"},
  {"", "F8_E4M3", 1, CGAP_KIND_OTHER, 0, "float8 (E4M3)"},
};

bool cgap_npy_set_type(cgap_npy *out, const char *code)
{
  for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
    if (code[0] && (!strcmp(code, TYPES[i].npy) || !strcmp(code, TYPES[i].tensor))) {
      out->kind = TYPES[i].kind;
      out->type = out->kind == CGAP_KIND_FLOAT ? (cgap_type)TYPES[i].type : CGAP_FLOAT32;
      out->is_signed = out->kind == CGAP_KIND_INTEGER && TYPES[i].type == 1;
      out->item = TYPES[i].item;
      (void)snprintf(out->type_name, sizeof out->type_name, "%s", TYPES[i].name);
      return true;
    }
  return false;
}

/* "<f4": byte order, letter, bytes (of 'U': characters). */
bool cgap_npy_set_descr(cgap_npy *out, const char *text)
{
  const char *at = text + (*text && strchr("<>|=", *text) ? 1 : 0);
  char letter = *at, *rest = NULL;
  unsigned long long size =
    isalpha((unsigned char)letter) && isdigit((unsigned char)at[1]) ? strtoull(at + 1, &rest, 10) : 0;
  if (!isalpha((unsigned char)letter) || size > UINT32_MAX)
    return false;
  const char other = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '>' : '<';
  char code[32];
  const bool string = letter == 'S' || letter == 'U';
  out->kind = string ? CGAP_KIND_STRING : CGAP_KIND_OTHER;
  out->item = letter == 'O' ? 0 : (size_t)size * (letter == 'U' ? 4 : 1);
  out->ucs4 = letter == 'U';
  out->pickled = letter == 'O';
  out->swap = (size > 1 || letter == 'U') && *text == other;
  (void)snprintf(out->type_name, sizeof out->type_name, "%s", string ? "string" : out->pickled ? "object" : text);
  (void)snprintf(code, sizeof code, "%c%llu", letter, size);
  (void)cgap_npy_set_type(out, code);
  return true;
}

enum { HALVES = 2 };

static const struct {
  const char *path;
  unsigned modality;
  const char *why;
} HALF[HALVES] = {
  {"image", CGAP_WORD_IMAGE, "the first of the two in an array (2, N, d)"},
  {"text", CGAP_WORD_TEXT, "the second of the two in an array (2, N, d)"},
};

/* Why it cannot be read, where that is so, and the line of Python that helps; false: out of memory. */
static bool set_obstacle(cgap_entry *e, const char *path, const cgap_npy *a, const cgap_piece *piece)
{
  if (!a->pickled && !a->fields[0])
    return true;
  if (a->pickled) {
    e->obstacle = strdup(
      "an object array of several axes or several shards is not read, but where it holds numbers alone; write it "
      "with astype('float32')");
    return e->obstacle != NULL;
  }
  char *file = cgap_python_string(piece->path), *key = piece->member < 0 ? strdup("") : cgap_python_key(path + 1);
  if (file && key)
    e->obstacle = cgap_format(
      "structured rows with the fields %s, which are read from arrays of their own; in Python: "
      "import numpy; a = numpy.load(%s)%s; %s",
      a->fields, file, key,
      a->field_rows ? "numpy.savez('new.npz', **{name: a[name] for name in a.dtype.names})"
                    : "numpy.save('new.npy', numpy.stack([a[name] for name in a.dtype.names if a[name].dtype"
                      ".kind == 'f'], 1))");
  free(file);
  free(key);
  return e->obstacle != NULL;
}

/* Bytes from the first element to the end of the last one. */
static uint64_t span_of(const cgap_npy *a)
{
  uint64_t bytes = a->item;
  for (int k = 0; k < a->ndim; k++)
    bytes *= a->shape[k];
  return bytes;
}

/* Element strides of an array in Fortran order; one axis or none is in both orders. */
static void set_strides(cgap_piece *piece, const cgap_npy *a)
{
  piece->strided = a->fortran && a->ndim > 1;
  for (int k = 0; k < 3; k++)
    piece->stride[k] = k == 0 ? 1 : k < a->ndim ? piece->stride[k - 1] * a->shape[k - 1] : 0;
}

/* An array, or a half of one, on its way into an entry. */
typedef struct addition {
  const char *path, *name, *storage;
  int half; /* −1: the whole */
  const cgap_npy *array;
  cgap_piece piece;
} addition;

static cgap_status add_piece(cgap_entry *e, const addition *n, cgap_error *error)
{
  const size_t count = e->piece_count; /* the memory doubles where it is a power of two */
  cgap_piece *grown = count & (count - 1) ? e->pieces : realloc(e->pieces, (count ? 2 * count : 1) * sizeof *grown);
  char *path = strdup(n->piece.path);
  e->pieces = grown ? grown : e->pieces;
  if (!grown || !path) {
    free(path);
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", n->name);
  }
  cgap_piece *piece = &grown[e->piece_count++];
  *piece = n->piece;
  piece->rows = n->array->ndim ? n->array->shape[0] : 1;
  piece->path = path;
  return CGAP_OK;
}

/* One more shard of an entry. */
static cgap_status join_shard(cgap_entry *e, const addition *n, cgap_error *error)
{
  const cgap_npy *a = n->array;
  size_t sizes[CGAP_SHAPE_MAX];
  char shape[160], first[160];
  memcpy(sizes, e->shape, sizeof sizes);
  sizes[0] = e->pieces[0].rows;
  bool same = a->ndim > 0 && e->kind == a->kind && e->type == a->type && e->swap == a->swap && e->item == a->item &&
              e->is_signed == a->is_signed && e->ndim == a->ndim;
  for (int k = 1; same && k < a->ndim; k++)
    same = e->shape[k] == a->shape[k];
  if (!same)
    return cgap_fail(
      error, CGAP_DATA,
      "%s: %s of shape %s, %s has %s of shape %s; all shards need the same type and d; leave out those of another",
      n->name, a->type_name, cgap_sizes_text(shape, sizeof shape, a->ndim, a->shape), e->pieces[0].path, e->type_text,
      cgap_sizes_text(first, sizeof first, e->ndim, sizes));
  if (e->shape[0] > SIZE_MAX / 16 - a->shape[0])
    return cgap_fail(error, CGAP_DATA, "%s: all shards together have more rows than any memory holds; give fewer",
                     n->name);
  e->shape[0] += a->shape[0];
  return add_piece(e, n, error);
}

/* A new entry, or, of a shard, the entry of the earlier ones: they come in order, and (2, N, d) makes two. */
static cgap_status add_array(cgap_file *file, const addition *n, cgap_error *error)
{
  const cgap_npy *a = n->array;
  for (size_t back = 1; n->piece.numbered && back <= HALVES && back <= file->count; back++) {
    cgap_entry *earlier = &file->entries[file->count - back];
    if (!strcmp(earlier->path, n->path) && earlier->pieces[0].numbered)
      return join_shard(earlier, n, error);
  }
  cgap_entry *e = cgap_file_add(file);
  if (!e)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", n->name);
  e->path = strdup(n->path);
  e->name = n->half < 0 ? strdup(n->name) : cgap_format("%s[%d]", n->name, n->half);
  cgap_append(&e->storage, "%s%s", n->storage, a->fortran && a->ndim > 1 ? ", Fortran order" : "");
  e->kind = a->kind;
  e->type = a->type;
  e->swap = a->swap;
  e->is_signed = a->is_signed;
  e->ucs4 = a->ucs4;
  e->item = a->item;
  e->ndim = a->ndim;
  memcpy(e->shape, a->shape, sizeof e->shape);
  cgap_entry_type_text(e, a->type_name);
  if (n->half >= 0) {
    e->modality = HALF[n->half].modality;
    e->modality_why = HALF[n->half].why;
  }
  if (!e->path || !e->name || !e->storage || !set_obstacle(e, n->path, a, &n->piece))
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", n->name);
  return add_piece(e, n, error);
}

/* The two halves of (2, N, d), each an array (N, d). */
static cgap_status add_halves(cgap_file *file, const cgap_array_header *found, cgap_error *error)
{
  const cgap_npy *a = found->array;
  cgap_npy half = *a;
  cgap_status status = CGAP_OK;
  half.ndim = 2;
  half.shape[0] = a->shape[1];
  half.shape[1] = a->shape[2];
  const uint64_t span = span_of(&half);
  for (int h = 0; h < HALVES && status == CGAP_OK; h++) {
    char *path = cgap_format("%s/%s", found->path, HALF[h].path);
    addition n = {path, found->name, found->storage, h, &half, found->piece};
    cgap_piece *piece = &n.piece;
    set_strides(piece, a);
    piece->offset += (uint64_t)h * (piece->strided ? a->item : span);
    piece->span = piece->strided ? span_of(a) - (uint64_t)h * a->item : span;
    piece->stride[0] = piece->stride[1];
    piece->stride[1] = piece->stride[2];
    piece->stride[2] = 0;
    status = path ? add_array(file, &n, error) : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", found->name);
    free(path);
  }
  return status;
}

cgap_status cgap_array_header_add(cgap_file *file, const cgap_array_header *found, cgap_error *error)
{
  const cgap_npy *a = found->array;
  if (a->kind == CGAP_KIND_FLOAT && a->ndim == 3 && a->shape[0] == HALVES && !found->piece.strided &&
      cgap_name_words_of(found->path).modality == 0)
    return add_halves(file, found, error);
  addition n = {found->path, found->name, found->storage, -1, a, found->piece};
  if (!n.piece.strided) {
    set_strides(&n.piece, a);
    n.piece.span = span_of(a);
  }
  return add_array(file, &n, error);
}

cgap_status cgap_array_in_memory_add(cgap_file *file, const char *path, const char *storage, const cgap_npy *array,
                                     void *memory, cgap_error *error)
{
  char *name = cgap_format("%s:%s", file->path, path);
  const size_t count = file->memory_count; /* the memory doubles where it is a power of two */
  void **grown = count & (count - 1) ? file->memory : realloc(file->memory, (count ? 2 * count : 1) * sizeof *grown);
  file->memory = grown ? grown : file->memory;
  const addition n = {path, name,  storage,
                      -1,   array, {.path = file->path, .member = -1, .memory = memory, .span = span_of(array)}};
  const cgap_status status =
    name && grown ? add_array(file, &n, error) : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  free(name);
  if (status == CGAP_OK)
    file->memory[file->memory_count++] = memory;
  return status;
}

static int by_path(const void *a, const void *b)
{
  const cgap_entry *x = *(const cgap_entry *const *)a, *y = *(const cgap_entry *const *)b;
  return strcmp(x->path, y->path);
}

cgap_status cgap_entries_check(const cgap_file *file, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  const cgap_entry **sorted = malloc((file->count + 1) * sizeof *sorted);
  if (!sorted)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  for (size_t i = 0; i < file->count; i++)
    sorted[i] = &file->entries[i];
  qsort(sorted, file->count, sizeof *sorted, by_path);
  for (size_t i = 1; i < file->count && status == CGAP_OK; i++) {
    if (!strcmp(sorted[i - 1]->path, sorted[i]->path))
      status = cgap_fail(error, CGAP_FILE, "%s: two arrays are called %s in %s; give each a name of its own",
                         sorted[i]->name, sorted[i]->path, file->path);
  }
  free(sorted);
  return status;
}
