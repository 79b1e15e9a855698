#include "io/read/npy.h"

#include "base/memory.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC = 6, SHORT_PREFIX = 10, LONG_PREFIX = 12, HEADER_MAX = 1 << 20, NAME_MAX_BYTES = 32 };

bool cgap_npy_is(const unsigned char *head, size_t count)
{
  return count >= MAGIC && !memcmp(head, "\x93NUMPY", MAGIC);
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
  static const char *const WORDS[2] = {"False", "True"};
  skip_blanks(c);
  for (int k = 0; k < 2; k++) {
    size_t length = strlen(WORDS[k]);
    if ((size_t)(c->end - c->at) >= length && !memcmp(c->at, WORDS[k], length)) {
      out->fortran = k == 1;
      c->at += length;
      return true;
    }
  }
  return fail_damaged(c, "fortran_order is neither True nor False");
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

static bool other_order(char letter)
{
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return first ? letter == '>' : letter == '<';
}

static const struct {
  char letter;
  size_t size; /* 0: any */
  cgap_kind kind;
  int type; /* cgap_type, or whether signed */
  const char *name;
} TYPES[] = {
  {'f', 2, CGAP_KIND_FLOAT, CGAP_FLOAT16, "float16"},
  {'f', 4, CGAP_KIND_FLOAT, CGAP_FLOAT32, "float32"},
  {'f', 8, CGAP_KIND_FLOAT, CGAP_FLOAT64, "float64"},
  {'i', 1, CGAP_KIND_INTEGER, 1, "int8"},
  {'i', 2, CGAP_KIND_INTEGER, 1, "int16"},
  {'i', 4, CGAP_KIND_INTEGER, 1, "int32"},
  {'i', 8, CGAP_KIND_INTEGER, 1, "int64"},
  {'u', 1, CGAP_KIND_INTEGER, 0, "uint8"},
  {'u', 2, CGAP_KIND_INTEGER, 0, "uint16"},
  {'u', 4, CGAP_KIND_INTEGER, 0, "uint32"},
  {'u', 8, CGAP_KIND_INTEGER, 0, "uint64"},
  {'S', 0, CGAP_KIND_STRING, 0, "string"},
  {'U', 0, CGAP_KIND_STRING, 0, "string"},
  {'b', 1, CGAP_KIND_INTEGER, 0, "bool"},
  {'O', 0, CGAP_KIND_OTHER, 0, "object"},
};

/* "<f4": byte order, letter, bytes (of 'U': characters). */
static bool set_type(cursor *c, cgap_npy *out, const char *text)
{
  const char *at = text + (*text && strchr("<>|=", *text) ? 1 : 0);
  char letter = *at, *rest = NULL;
  if (!isalpha((unsigned char)letter))
    return fail_damaged(c, "its type has no letter");
  unsigned long long size = isdigit((unsigned char)at[1]) ? strtoull(at + 1, &rest, 10) : 0;
  if (size > UINT32_MAX)
    return fail_damaged(c, "its type is of an impossible size");
  out->kind = CGAP_KIND_OTHER;
  out->item = letter == 'O' ? 0 : (size_t)size * (letter == 'U' ? 4 : 1);
  out->ucs4 = letter == 'U';
  out->pickled = letter == 'O';
  out->swap = (size > 1 || letter == 'U') && other_order(*text);
  (void)snprintf(out->type_name, sizeof out->type_name, "%s", text);
  for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
    if (TYPES[i].letter != letter || (TYPES[i].size && TYPES[i].size != size))
      continue;
    out->kind = TYPES[i].kind;
    out->type = out->kind == CGAP_KIND_FLOAT ? (cgap_type)TYPES[i].type : CGAP_FLOAT32;
    out->is_signed = TYPES[i].type == 1;
    (void)snprintf(out->type_name, sizeof out->type_name, "%s", TYPES[i].name);
  }
  return true;
}

static bool read_type(cursor *c, cgap_npy *out)
{
  char text[NAME_MAX_BYTES];
  if (read_quoted(c, text, sizeof text))
    return set_type(c, out, text);
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
      return fail_damaged(c, "a key stands in it twice");
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

static const char *shape_of(char *out, size_t size, const cgap_npy *npy)
{
  cgap_entry entry = {.ndim = npy->ndim};
  memcpy(entry.shape, npy->shape, sizeof entry.shape);
  return cgap_shape_text(out, size, &entry);
}

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
                     shape_of(shape, sizeof shape, npy), npy->type_name);
  uint64_t there = total - npy->start;
  if (npy->item == 0 || there == bytes) /* objects and structures have no size of their own */
    return CGAP_OK;
  if (there < bytes)
    return cgap_fail(error, CGAP_FILE,
                     "%s: cut short: shape %s of %s needs %zu bytes, %" PRIu64 " are there; copy or download it again",
                     name, shape_of(shape, sizeof shape, npy), npy->type_name, bytes, there);
  return cgap_fail(error, CGAP_FILE,
                   "%s: %" PRIu64 " bytes follow the %zu of its array of shape %s; write one array a file with np.save",
                   name, there - bytes, bytes, shape_of(shape, sizeof shape, npy));
}

/* Magic, version, length of the dictionary; its place in the file into *start. */
static bool read_prefix(cgap_npy *out, size_t *length, cgap_npy_next *next, void *context, uint64_t total,
                        const char *name, cgap_error *error)
{
  unsigned char head[LONG_PREFIX];
  if (total < LONG_PREFIX) { /* the shortest dictionary is longer than the two bytes between */
    (void)cgap_fail(error, CGAP_FILE, "%s: %" PRIu64 " bytes, less than the start of a .npy array; write it again",
                    name, total);
    return false;
  }
  if (!next(context, head, SHORT_PREFIX, error))
    return false;
  if (!cgap_npy_is(head, SHORT_PREFIX) || head[6] < 1 || head[6] > 3) {
    (void)cgap_fail(error, CGAP_FILE, "%s: no .npy array of version 1 to 3; write it again with np.save", name);
    return false;
  }
  out->start = head[6] == 1 ? SHORT_PREFIX : LONG_PREFIX;
  *length = head[8] | (size_t)head[9] << 8;
  if (head[6] > 1) {
    if (!next(context, head + SHORT_PREFIX, 2, error))
      return false;
    *length |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
  }
  if (*length > total - out->start || *length > HEADER_MAX) {
    (void)cgap_fail(error, CGAP_FILE,
                    "%s: its header claims %zu bytes, the array has %" PRIu64 " and a header at most %d; the file is "
                    "damaged, write it again",
                    name, *length, total, HEADER_MAX);
    return false;
  }
  return true;
}

cgap_status cgap_npy_read(cgap_npy *out, cgap_npy_next *next, void *context, uint64_t total, const char *name,
                          cgap_error *error)
{
  cgap_error own = {0};
  size_t length = 0;
  *out = (cgap_npy){0};
  error = error ? error : &own;
  if (!read_prefix(out, &length, next, context, total, name, error))
    return error->status;
  char *header = malloc(length + 1);
  if (!header)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for a header of %zu bytes", name, length);
  cursor c = {header, header + length, name, error};
  bool good = next(context, header, length, error) && read_dictionary(&c, out);
  free(header);
  out->start += length;
  cgap_status status = good ? check_size(out, total, name, error) : error->status;
  if (status != CGAP_OK)
    *out = (cgap_npy){0};
  return status;
}
