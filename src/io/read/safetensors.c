/* safetensors: eight bytes with the length of a JSON header, the header, the tensors one after the other
 * (huggingface/safetensors, README, "Format"). */
#include "base/memory.h"
#include "base/text_buffer.h"
#include "io/read/container.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PREFIX = 8, HEADER_MAX = 100000000, DEPTH_MAX = 8, TENSORS_MAX = 20000 };

static uint64_t header_length(const cgap_file *file)
{
  unsigned char head[PREFIX];
  uint64_t length = 0;
  if (file->bytes < PREFIX || pread(file->fd, head, PREFIX, 0) != PREFIX)
    return 0;
  for (int k = PREFIX - 1; k >= 0; k--)
    length = length << 8 | head[k];
  return length;
}

/* A header starts with '{'; nothing else marks the format. */
bool cgap_safetensors_is(const cgap_file *file)
{
  const char *dot = strrchr(file->path, '.');
  char first = 0;
  return file->bytes > PREFIX && pread(file->fd, &first, 1, PREFIX) == 1 && first == '{' &&
         (header_length(file) <= file->bytes - PREFIX || (dot && !strcmp(dot, ".safetensors")));
}

/* The parser recurses as deep as the file says: brackets are counted first. */
static bool too_deep(const char *text, size_t length)
{
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < length; i++) {
    if (quoted && text[i] == '\\')
      i++;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (!quoted && (text[i] == '{' || text[i] == '['))
      depth++;
    else if (!quoted && (text[i] == '}' || text[i] == ']'))
      depth -= depth > 0;
    if (depth > DEPTH_MAX)
      return true;
  }
  return false;
}

static cgap_status read_header(json_t **out, uint64_t *length, const cgap_file *file, cgap_error *error)
{
  *length = header_length(file);
  if (*length > file->bytes - PREFIX || *length > HEADER_MAX)
    return cgap_fail(error, CGAP_FILE,
                     "%s: its header claims %" PRIu64 " bytes, the file has %" PRIu64
                     " and a header at most %d; copy or "
                     "download it again",
                     file->path, *length, file->bytes, HEADER_MAX);
  char *text = malloc(*length + 1);
  if (!text)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  cgap_status status = CGAP_OK;
  json_error_t why = {0};
  if (pread(file->fd, text, *length, PREFIX) != (ssize_t)*length)
    status = cgap_fail(error, CGAP_FILE, "%s: its header cannot be read; copy or download it again", file->path);
  else if (too_deep(text, *length))
    status = cgap_fail(error, CGAP_FILE,
                       "%s: its JSON header is nested more than %d deep, tensors need 3; it is damaged or malicious",
                       file->path, DEPTH_MAX);
  else if (!(*out = json_loadb(text, *length, JSON_REJECT_DUPLICATES, &why)) || !json_is_object(*out))
    status = cgap_fail(error, CGAP_FILE, "%s: its JSON header is damaged (byte %d: %s); write it again", file->path,
                       why.position, *out ? "no object" : why.text);
  free(text);
  return status;
}

/* ---------------------------------------------------------------- one tensor */

typedef struct tensor {
  const char *key;
  cgap_npy array;
  uint64_t begin, end; /* bytes behind the header */
} tensor;

static bool read_count(uint64_t *out, const json_t *value)
{
  json_int_t number = json_integer_value(value);
  *out = (uint64_t)number;
  return json_is_integer(value) && number >= 0;
}

static cgap_status fail_tensor(const cgap_file *file, const tensor *t, cgap_status status, const char *what,
                               cgap_error *error)
{
  return cgap_fail(error, status, "%s:/%s: %s; the header is damaged, write the file again", file->path, t->key, what);
}

static cgap_status read_shape(tensor *t, size_t *bytes, const cgap_file *file, const json_t *shape, cgap_error *error)
{
  const json_t *axis;
  size_t k;
  if (!json_is_array(shape))
    return fail_tensor(file, t, CGAP_FILE, "no shape", error);
  if (json_array_size(shape) > CGAP_SHAPE_MAX)
    return fail_tensor(file, t, CGAP_DATA, "more than 8 axes", error);
  *bytes = t->array.item;
  bool fits = true, empty = false;
  json_array_foreach(shape, k, axis)
  {
    uint64_t size = 0;
    if (!read_count(&size, axis))
      return fail_tensor(file, t, CGAP_DATA, "an axis of its shape is negative or no integer", error);
    t->array.shape[t->array.ndim++] = (size_t)size;
    empty = empty || size == 0;
    fits = fits && (size == 0 || cgap_product(bytes, *bytes, (size_t)size));
  }
  if (!fits)
    return fail_tensor(file, t, CGAP_DATA, "its shape is larger than any memory", error);
  *bytes = empty ? 0 : *bytes;
  return CGAP_OK;
}

static cgap_status read_tensor(tensor *t, const cgap_file *file, const json_t *value, uint64_t data_bytes,
                               cgap_error *error)
{
  const char *dtype = json_string_value(json_object_get(value, "dtype"));
  const json_t *offsets = json_object_get(value, "data_offsets");
  size_t bytes = 0;
  if (!dtype)
    return fail_tensor(file, t, CGAP_FILE, "no dtype", error);
  t->array.kind = CGAP_KIND_OTHER;
  (void)snprintf(t->array.type_name, sizeof t->array.type_name, "%.40s", dtype);
  (void)cgap_npy_set_type(&t->array, dtype);
  t->array.swap = __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ && t->array.item > 1; /* the format is little-endian */
  cgap_status status = read_shape(t, &bytes, file, json_object_get(value, "shape"), error);
  if (status != CGAP_OK)
    return status;
  if (json_array_size(offsets) != 2 || !read_count(&t->begin, json_array_get(offsets, 0)) ||
      !read_count(&t->end, json_array_get(offsets, 1)) || t->begin > t->end)
    return fail_tensor(file, t, CGAP_FILE, "no pair of data_offsets", error);
  if (t->end > data_bytes)
    return cgap_fail(error, CGAP_FILE,
                     "%s:/%s: ends at byte %" PRIu64 " of the data, %" PRIu64 " are there; copy or download it again",
                     file->path, t->key, t->end, data_bytes);
  if (t->array.item && t->end - t->begin != bytes)
    return cgap_fail(error, CGAP_FILE,
                     "%s:/%s: %" PRIu64
                     " bytes for a shape that needs %zu; the header is damaged, write the file again",
                     file->path, t->key, t->end - t->begin, bytes);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- all of them */

static int by_place(const void *a, const void *b)
{
  const tensor *x = a, *y = b;
  return x->begin != y->begin ? (x->begin < y->begin ? -1 : 1) : x->end < y->end ? -1 : x->end > y->end;
}

/* The tensors fill the bytes behind the header, without holes and without overlapping. */
static cgap_status check_places(const cgap_file *file, tensor *tensors, size_t count, uint64_t data_bytes,
                                cgap_error *error)
{
  uint64_t at = 0;
  qsort(tensors, count, sizeof *tensors, by_place);
  for (size_t i = 0; i < count; i++) {
    if (tensors[i].begin != at)
      return cgap_fail(error, CGAP_FILE,
                       "%s:/%s: begins at byte %" PRIu64 " of the data, the one before it ends at %" PRIu64
                       "; the header is damaged, write the file again",
                       file->path, tensors[i].key, tensors[i].begin, at);
    at = tensors[i].end;
  }
  if (at != data_bytes)
    return cgap_fail(error, CGAP_FILE,
                     "%s: %" PRIu64 " bytes follow the last tensor's end at %" PRIu64 "; copy or download it again",
                     file->path, data_bytes - at, at);
  return CGAP_OK;
}

static cgap_status list_tensors(cgap_file *file, json_t *header, uint64_t start, cgap_error *error)
{
  size_t count = 0, most = json_object_size(header);
  const char *key;
  json_t *value;
  cgap_status status = CGAP_OK;
  if (most > TENSORS_MAX)
    return cgap_fail(error, CGAP_FILE,
                     "%s: %zu tensors, at most %d are listed; this looks like a model, not embeddings", file->path,
                     most, TENSORS_MAX);
  tensor *tensors = calloc(most + 1, sizeof *tensors);
  if (!tensors)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  json_object_foreach(header, key, value)
  {
    if (!strcmp(key, "__metadata__") || status != CGAP_OK)
      continue;
    tensors[count].key = key;
    status = read_tensor(&tensors[count++], file, value, file->bytes - start, error);
  }
  if (status == CGAP_OK)
    status = check_places(file, tensors, count, file->bytes - start, error);
  for (size_t i = 0; i < count && status == CGAP_OK; i++) {
    const tensor *t = &tensors[i];
    char *path = cgap_format("/%s", t->key), *name = cgap_format("%s:/%s", file->path, t->key);
    const cgap_array_header found = {
      path, name, "safetensors", &t->array, {.path = file->path, .member = -1, .offset = start + t->begin}};
    status = path && name ? cgap_array_header_add(file, &found, error)
                          : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
    free(path);
    free(name);
  }
  free(tensors);
  return status;
}

cgap_status cgap_safetensors_open(cgap_file *file, cgap_error *error)
{
  json_t *header = NULL;
  uint64_t length = 0;
  cgap_status status = read_header(&header, &length, file, error);
  if (status == CGAP_OK)
    status = list_tensors(file, header, PREFIX + length, error);
  if (status == CGAP_OK)
    file->marks = json_incref(json_object_get(header, "__metadata__"));
  json_decref(header);
  return status;
}
