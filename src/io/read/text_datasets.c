/* A file of text from front to back, and datasets that grow while it is read. */
#include "io/read/text_datasets.h"
#include "base/memory.h"
#include "base/output_file.h"
#include "base/text_buffer.h"
#include "io/read/datasets.h"
#include "io/read/packed_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
  BUFFER_BYTES = 4 * CGAP_TEXT_CELL_MAX,
  MAPPED_MIN = 1 << 16, /* values of a dataset that goes to a file */
  ZERO_BYTES = 1 << 20
};

/* ---------------------------------------------------------------- the cursor */

cgap_status cgap_text_open(cgap_text_cursor *c, cgap_file *file, cgap_error *error)
{
  *c = (cgap_text_cursor){.file = file, .line = 1, .error = error};
  c->size = (size_t)cgap_lesser(file->bytes, BUFFER_BYTES);
  c->buffer = malloc(c->size + 1);
  c->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c->buffer || !c->c_locale)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  return cgap_text_seek(c, 0, 1);
}

void cgap_text_close(cgap_text_cursor *c)
{
  free(c->buffer);
  if (c->c_locale)
    freelocale(c->c_locale);
  *c = (cgap_text_cursor){0};
}

cgap_status cgap_text_refill(cgap_text_cursor *c)
{
  const size_t kept = (size_t)(c->end - c->at);
  const size_t here = (size_t)cgap_lesser(c->file->bytes - c->next, c->size - kept);
  memmove(c->buffer, c->at, kept);
  const cgap_status status = cgap_pread_all(c->file->fd, c->next, here, c->buffer + kept, c->file->path, c->error);
  c->at = c->buffer;
  c->end = c->buffer + kept + (status == CGAP_OK ? here : 0);
  c->next += here;
  c->last = c->next == c->file->bytes;
  *c->end = '\0';
  return status;
}

uint64_t cgap_text_place(const cgap_text_cursor *c)
{
  return c->next - (uint64_t)(c->end - c->at);
}

cgap_status cgap_text_seek(cgap_text_cursor *c, uint64_t place, uint64_t line)
{
  c->at = c->end = c->buffer;
  c->next = place;
  c->line = line;
  c->last = false;
  return cgap_text_refill(c);
}

/* ---------------------------------------------------------------- datasets that grow */

static cgap_status take_memory(const cgap_file *file, size_t bytes, cgap_error *error)
{
  const cgap_entry named = {.name = file->path};
  return cgap_memory_take(&(cgap_chosen_dataset){file, &named}, bytes, 1, error);
}

cgap_text_dataset *cgap_text_dataset_find(const cgap_text_datasets *all, const char *name, size_t length)
{
  for (size_t i = 0; i < all->count; i++)
    if (strlen(all->item[i].name) == length && !memcmp(all->item[i].name, name, length))
      return &all->item[i];
  return NULL;
}

cgap_text_dataset *cgap_text_dataset_of(cgap_text_datasets *all, const char *name, size_t length, bool strings)
{
  cgap_text_dataset *found = cgap_text_dataset_find(all, name, length);
  if (!found)
    return cgap_text_dataset_add(all, name, length, strings);
  return found->strings == strings ? found : NULL;
}

cgap_text_dataset *cgap_text_dataset_add(cgap_text_datasets *all, const char *name, size_t length, bool strings)
{
  if (all->count == all->capacity) {
    const size_t capacity = all->capacity ? 2 * all->capacity : 8;
    cgap_text_dataset *grown = realloc(all->item, capacity * sizeof *grown);
    if (!grown)
      return NULL;
    all->item = grown;
    all->capacity = capacity;
  }
  cgap_text_dataset *d = &all->item[all->count];
  *d = (cgap_text_dataset){.name = strndup(name, length), .strings = strings, .integers = true};
  all->count += d->name != NULL;
  return d->name ? d : NULL;
}

/* So many bytes of zeros at the end of an unnamed file: a full disk is noticed here, not where the map is written. */
static cgap_status extend_file(int fd, size_t bytes, cgap_error *error)
{
  unsigned char *zeros = calloc(ZERO_BYTES, 1);
  cgap_status status = zeros ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t here; status == CGAP_OK && bytes > 0; bytes -= here) {
    here = cgap_lesser(bytes, ZERO_BYTES);
    status = cgap_unnamed_file_write(fd, zeros, here, error);
  }
  free(zeros);
  return status;
}

static cgap_status map_values(cgap_text_dataset *d, size_t capacity, const cgap_file *file, cgap_error *error)
{
  void *map = d->mapped
                ? mremap(d->values, d->capacity * sizeof *d->values, capacity * sizeof *d->values, MREMAP_MAYMOVE)
                : mmap(NULL, capacity * sizeof *d->values, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd, 0);
  if (map == MAP_FAILED)
    return cgap_fail_errno(error, errno, file->path, "map its values");
  if (!d->mapped) {
    memcpy(map, d->values, d->count * sizeof *d->values);
    free(d->values);
    file->access.memory->used -= d->capacity * sizeof *d->values;
  }
  d->mapped = true;
  d->values = map;
  d->capacity = capacity;
  return CGAP_OK;
}

/* Values beyond the limit of memory: all of them are in an unnamed file from now on, which the system keeps in memory
 * as far as there is some. */
static cgap_status grow_mapped(cgap_text_dataset *d, size_t more, const cgap_file *file, cgap_error *error)
{
  static const char WAY_OUT[] = "set TMPDIR to a larger place, or give more `memory_bytes`";
  const size_t capacity = d->capacity + more;
  cgap_status status = CGAP_OK;
  if (!d->mapped)
    status = cgap_unnamed_file_open(&d->fd, capacity * sizeof *d->values, file->path, WAY_OUT, error);
  if (status == CGAP_OK)
    status = extend_file(d->fd, (d->mapped ? more : capacity) * sizeof *d->values, error);
  if (status == CGAP_OK)
    status = map_values(d, capacity, file, error);
  if (status != CGAP_OK && !d->mapped && d->fd > 0)
    close(d->fd);
  return status;
}

/* Half of the limit is left to strings, which stay in memory. */
static bool fills_half(const cgap_memory_count *memory, size_t bytes)
{
  return memory && (memory->used > memory->limit / 2 || bytes > memory->limit / 2 - memory->used);
}

cgap_status cgap_text_grow_values(cgap_text_dataset *d, const cgap_file *file, cgap_error *error)
{
  const size_t more = d->capacity ? d->capacity / 2 + 1 : 4;
  if (d->mapped || (d->capacity >= MAPPED_MIN && fills_half(file->access.memory, more * sizeof *d->values)))
    return grow_mapped(d, more, file, error);
  const cgap_status status = take_memory(file, more * sizeof *d->values, error);
  double *grown = status == CGAP_OK ? realloc(d->values, (d->capacity + more) * sizeof *grown) : NULL;
  if (status == CGAP_OK && !grown)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  d->values = grown ? grown : d->values;
  d->capacity += grown ? more : 0;
  return status;
}

static bool is_integer(const char *text, size_t length)
{
  enum { DIGITS_MAX = 18 }; /* of a 64-bit integer, whatever they are */
  const size_t sign = length > 0 && (*text == '-' || *text == '+');
  size_t k = sign;
  while (k < length && text[k] >= '0' && text[k] <= '9')
    k++;
  const bool padded = length > sign + 1 && text[sign] == '0'; /* 000123 is a name */
  return k == length && k > sign && k - sign <= DIGITS_MAX && !padded;
}

cgap_status cgap_text_add_string(cgap_text_dataset *d, const cgap_file *file, const char *text, size_t length,
                                 cgap_error *error)
{
  if (length >= d->room - d->used) {
    const size_t more = d->room / 2 + length + 64;
    const cgap_status status = take_memory(file, more, error);
    char *grown = status == CGAP_OK ? realloc(d->bytes, d->room + more) : NULL;
    if (!grown)
      return status != CGAP_OK ? status : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
    d->bytes = grown;
    d->room += more;
  }
  for (size_t k = 0; k < length; k++)
    d->bytes[d->used + k] = text[k] ? text[k] : ' '; /* a byte 0 ends a string here */
  d->bytes[d->used + length] = '\0';
  d->used += length + 1;
  d->rows++;
  d->longest = length > d->longest ? length : d->longest;
  d->integers = d->integers && is_integer(text, length);
  return CGAP_OK;
}

void cgap_text_dataset_clear(cgap_text_dataset *d)
{
  free(d->name);
  free(d->bytes);
  if (d->mapped) {
    munmap(d->values, d->capacity * sizeof *d->values);
    close(d->fd);
  } else {
    free(d->values);
  }
  *d = (cgap_text_dataset){0};
}

void cgap_text_datasets_clear(cgap_text_datasets *all)
{
  for (size_t i = 0; i < all->count; i++)
    cgap_text_dataset_clear(&all->item[i]);
  free(all->item);
  all->item = NULL;
  all->count = all->capacity = 0;
}

/* ---------------------------------------------------------------- as entries */

/* Its values as float32 where they lose nothing by it, in place: the memory that this takes less is given back. */
static void *settle_values(cgap_text_dataset *d, cgap_npy *array, const cgap_file *file)
{
  const size_t size = d->wide ? sizeof(double) : sizeof(float), bytes = d->count * size;
  (void)cgap_npy_set_type(array, d->wide ? "f8" : "f4");
  float *narrow = (float *)d->values;
  for (size_t i = 0; i < d->count && !d->wide; i++) {
    const float value = (float)d->values[i];
    memcpy(narrow + i, &value, sizeof value);
  }
  if (d->mapped)
    return d->values;
  if (file->access.memory)
    file->access.memory->used -= d->capacity * sizeof *d->values - bytes;
  void *values = d->values, *less = realloc(values, bytes ? bytes : 1);
  d->values = NULL;
  return less ? less : values;
}

/* Labels or ids of JSON, in place. */
static void *settle_whole(cgap_text_dataset *d, cgap_npy *array)
{
  void *values = d->values;
  (void)cgap_npy_set_type(array, "i8");
  for (size_t i = 0; i < d->count; i++) {
    const int64_t value = fabs(d->values[i]) < 9e18 ? (int64_t)d->values[i] : 0;
    memcpy(d->values + i, &value, sizeof value);
  }
  d->values = d->mapped ? values : NULL;
  return values;
}

static void *settle_integers(const cgap_text_dataset *d, cgap_npy *array)
{
  int64_t *values = malloc((d->rows + 1) * sizeof *values);
  const char *text = d->bytes;
  (void)cgap_npy_set_type(array, "i8");
  for (size_t i = 0; values && i < d->rows; i++, text += strlen(text) + 1)
    values[i] = strtoll(text, NULL, 10);
  return values;
}

/* Strings of one length, padded with zeros. */
static void *settle_strings(const cgap_text_dataset *d, cgap_npy *array, const cgap_file *file, cgap_error *error)
{
  const size_t item = d->longest ? d->longest : 1;
  size_t bytes = 0;
  const char *text = d->bytes;
  array->kind = CGAP_KIND_STRING;
  array->item = item;
  (void)snprintf(array->type_name, sizeof array->type_name, "string");
  if (!cgap_product(&bytes, d->rows, item) || take_memory(file, bytes, error) != CGAP_OK)
    return NULL;
  char *out = calloc(bytes + 1, 1);
  for (size_t i = 0; out && i < d->rows; i++, text += strlen(text) + 1)
    memcpy(out + i * item, text, strlen(text));
  return out;
}

/* The values of a mapped dataset, settled, at the end of the unnamed file of the open file. */
static cgap_status add_mapped(const cgap_text_dataset *d, cgap_file *file, const char *path, const char *storage,
                              const cgap_npy *array, cgap_error *error)
{
  static const char WAY_OUT[] = "set TMPDIR to a larger place, or give more `memory_bytes`";
  char *name = cgap_format("%s:%s", file->path, path), *where = cgap_format("%s, in a temporary file", storage);
  const size_t bytes = d->count * array->item;
  cgap_status status = name && where ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  if (status == CGAP_OK && file->gathered < 0)
    status = cgap_unnamed_file_open(&file->gathered, bytes, file->path, WAY_OUT, error);
  if (status == CGAP_OK && lseek(file->gathered, (off_t)file->gathered_bytes, SEEK_SET) < 0)
    status = cgap_fail_errno(error, errno, file->path, "write its temporary file");
  if (status == CGAP_OK)
    status = cgap_unnamed_file_write(file->gathered, d->values, bytes, error);
  const cgap_array_header found = {
    path,
    name,
    where,
    array,
    {.path = file->path, .member = -1, .gathered = true, .fd = file->gathered, .offset = file->gathered_bytes}};
  if (status == CGAP_OK)
    status = cgap_array_header_add(file, &found, error);
  file->gathered_bytes += bytes;
  free(name);
  free(where);
  return status;
}

static cgap_status add_dataset(cgap_text_dataset *d, cgap_file *file, const char *storage, const char *note,
                               cgap_error *error)
{
  cgap_npy array = {.ndim = 1};
  void *memory = NULL;
  if (!d->strings) {
    array.ndim = d->flat ? 1 : 2;
    array.shape[0] = d->flat ? d->count : d->count / d->dim;
    array.shape[1] = d->flat ? 0 : d->dim;
    memory = d->flat && d->integers ? settle_whole(d, &array) : settle_values(d, &array, file);
  } else {
    array.shape[0] = d->rows;
    error->message[0] = '\0';
    memory = d->integers ? settle_integers(d, &array) : settle_strings(d, &array, file, error);
    if (!memory && error->message[0])
      return CGAP_RESOURCE;
  }
  char *path = cgap_format("/%s", d->name);
  for (char *p = path ? path + 1 : NULL; p && *p; p++)
    *p = *p == '/' && !d->flat ? '_' : *p;
  cgap_status status = !path || !memory ? cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path)
                       : d->mapped      ? add_mapped(d, file, path, storage, &array, error)
                                        : cgap_array_in_memory_add(file, path, storage, &array, memory, error);
  if ((status != CGAP_OK || !memory) && !d->mapped)
    free(memory);
  if (status == CGAP_OK && note && !d->strings && !(file->entries[file->count - 1].note = strdup(note)))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  free(path);
  return status;
}

/* A file of one matrix is called like the file, as a .npy file is, unless the matrix says what it is. */
static cgap_status name_matrix(cgap_text_datasets *all, const cgap_file *file, cgap_error *error)
{
  cgap_text_dataset *matrix = NULL;
  size_t matrices = 0;
  for (size_t i = 0; i < all->count; i++)
    if (!all->item[i].strings && !all->item[i].flat) {
      matrix = &all->item[i];
      matrices++;
    }
  const char *slash = strrchr(file->path, '/'), *stem = slash ? slash + 1 : file->path;
  char *named = matrix ? cgap_format("/%s", matrix->name) : NULL;
  const bool says = named && cgap_name_words_of(named).leaf & CGAP_WORD_MODALITY;
  free(named);
  if (matrices != 1 || says)
    return CGAP_OK;
  char *name = strndup(stem, cgap_stem_length(stem));
  if (!name)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  free(matrix->name);
  matrix->name = name;
  return CGAP_OK;
}

cgap_status cgap_text_datasets_finish(cgap_text_datasets *all, cgap_file *file, const char *storage, const char *note,
                                      cgap_error *error)
{
  cgap_error own;
  error = error ? error : &own;
  cgap_status status = name_matrix(all, file, error);
  for (size_t i = 0; i < all->count && status == CGAP_OK; i++)
    status = add_dataset(&all->item[i], file, storage, note, error);
  cgap_text_datasets_clear(all);
  return status;
}
