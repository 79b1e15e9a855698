/* Vectors in JSON: a list of them; a list of objects, each with a vector and perhaps an id or a caption; an object of
 * lists; an object with a vector for each id, which may be divided into groups. JSON lines are lists of their lines. A
 * file is read once and no tree is built. What is neither vector, string nor integer is passed over. */
#include "base/memory.h"
#include "base/text_buffer.h"
#include "io/read/packed_file.h"
#include "io/read/text_datasets.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH_MAX = 8, KEYS_MAX = 1024, PATH_BYTES = 1024, HEAD_BYTES = 4096 };

typedef struct reader {
  cgap_text_cursor c;
  cgap_text_datasets data;
  size_t items;        /* objects or vectors that are whole */
  size_t next;         /* the dataset that the next key probably has */
  bool vectors;        /* items are vectors themselves */
  uint64_t mixed_line; /* of the first list that is no vector, with its item; 0: none */
  size_t mixed_item;
  char *scratch;
  size_t length;         /* of the string in it */
  char path[PATH_BYTES]; /* of the value that is read: "image/000001" */
  size_t path_length;
} reader;

static cgap_status fail_at(const reader *r, const char *what, cgap_error *error)
{
  char path[80];
  (void)snprintf(path, sizeof path, "%.60s", r->path);
  cgap_text_clean(path, '?', "");
  return cgap_fail(error, CGAP_FILE, "%s: line %llu, item %zu%s%s: %s", r->c.file->path, (unsigned long long)r->c.line,
                   r->items, path[0] ? ", " : "", path, what);
}

/* To the next byte that is no space; *out is it, 0 at the end of the file. */
static cgap_status peek(reader *r, char *out, cgap_error *error)
{
  (void)error;
  cgap_status status = cgap_text_ahead(&r->c);
  while (status == CGAP_OK && r->c.at < r->c.end && isspace((unsigned char)*r->c.at)) {
    r->c.line += *r->c.at++ == '\n';
    if (r->c.at == r->c.end)
      status = cgap_text_ahead(&r->c);
  }
  if (status == CGAP_OK)
    status = cgap_text_ahead(&r->c);
  *out = status == CGAP_OK && r->c.at < r->c.end ? *r->c.at : '\0';
  return status;
}

/* ---------------------------------------------------------------- strings */

static bool read_hex(const char *at, uint32_t *out)
{
  *out = 0;
  for (int k = 0; k < 4; k++) {
    const char c = at[k];
    const int digit = c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1;
    if (digit < 0)
      return false;
    *out = *out << 4 | (uint32_t)digit;
  }
  return true;
}

/* What follows a backslash; at stands on it. */
static const char *read_escape(reader *r, const char *at)
{
  static const char FROM[] = "\"\\/bfnrt", TO[] = "\"\\/\b\f\n\r\t";
  const char *found = *at ? strchr(FROM, *at) : NULL;
  uint32_t c = 0, low = 0;
  if (found) {
    r->scratch[r->length++] = TO[found - FROM];
    return at + 1;
  }
  if (*at != 'u' || !read_hex(at + 1, &c))
    return NULL;
  at += 5;
  if (c >> 10 == 0x36 && at[0] == '\\' && at[1] == 'u' && read_hex(at + 2, &low) && low >> 10 == 0x37) {
    c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
    at += 6;
  }
  r->length += cgap_utf8_encode(r->scratch + r->length, c >> 11 == 0x1b ? 0xfffd : c); /* half a pair is no character */
  return at;
}

static cgap_status read_string(reader *r, cgap_error *error)
{
  const char *at = r->c.at + 1;
  r->length = 0;
  while (at && at < r->c.end && *at != '"' && r->length + 4 < CGAP_TEXT_CELL_MAX) {
    if (*at == '\\')
      at = read_escape(r, at + 1);
    else if ((unsigned char)*at < 0x20)
      at = NULL;
    else
      r->scratch[r->length++] = *at++;
  }
  if (!at || at >= r->c.end || *at != '"')
    return fail_at(r, "a string that does not end, or of more than a million bytes; write the file again", error);
  r->c.at = (char *)at + 1;
  return CGAP_OK;
}

/* ---------------------------------------------------------------- numbers */

static bool starts_number(char c)
{
  return c == '-' || (c >= '0' && c <= '9') || c == 'N' || c == 'I';
}

static cgap_status read_number(reader *r, cgap_text_number *out, cgap_error *error)
{
  const char *end = cgap_text_number_read(out, r->c.at, r->c.c_locale);
  if (!end || (*end && !isspace((unsigned char)*end) && !strchr(",]}", *end)))
    return fail_at(r, "no number; JSON has decimal numbers with a point", error);
  if (isinf(out->value) && out->digits)
    return fail_at(r, "a number too large for a double; correct it", error);
  r->c.at = (char *)end;
  return CGAP_OK;
}

/* Behind a value of a list or an object: *more where a comma is there, else past the closing bracket. */
static cgap_status read_comma(reader *r, char close, bool *more, cgap_error *error)
{
  char c;
  const cgap_status status = peek(r, &c, error);
  if (status == CGAP_OK && c != ',' && c != close)
    return fail_at(r,
                   c ? "neither a comma nor a bracket behind a value; write the file again"
                     : "the file ends within it; copy or download it again",
                   error);
  *more = c == ',';
  r->c.at += status == CGAP_OK;
  return status;
}

/* Past any value, brackets counted. */
static cgap_status skip_value(reader *r, cgap_error *error)
{
  size_t depth = 0;
  do {
    char c;
    cgap_status status = peek(r, &c, error);
    if (status != CGAP_OK)
      return status;
    if (!c)
      return fail_at(r, "the file ends within a value; copy or download it again", error);
    if (c == '"') {
      status = read_string(r, error);
      if (status != CGAP_OK)
        return status;
      continue;
    }
    depth += c == '[' || c == '{';
    depth -= (c == ']' || c == '}') && depth > 0;
    r->c.at++;
    while (c != '[' && c != '{' && c != ']' && c != '}' && c != ',' && c != ':' && r->c.at < r->c.end &&
           (isalnum((unsigned char)*r->c.at) || strchr("+-.", *r->c.at)))
      r->c.at++;
  } while (depth > 0);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- datasets */

/* The dataset of the path; in a later item it is probably the one behind that of the key before. */
static cgap_status find_dataset(reader *r, bool strings, cgap_text_dataset **out, cgap_error *error)
{
  cgap_text_dataset *d = r->next < r->data.count ? &r->data.item[r->next] : NULL;
  if (r->items > 0 && r->data.count > KEYS_MAX)
    return fail_at(r, "objects of more than 1024 keys; is each line an item?", error);
  if (!d || d->strings != strings || strcmp(d->name, r->path) != 0)
    d = r->items == 0 ? cgap_text_dataset_add(&r->data, r->path, r->path_length, strings)
                      : cgap_text_dataset_of(&r->data, r->path, r->path_length, strings);
  *out = d;
  if (!d)
    return fail_at(r, "numbers in one item and text in another; write all alike", error);
  r->next = (size_t)(d - r->data.item) + 1;
  return CGAP_OK;
}

static cgap_status read_vector(reader *r, cgap_text_dataset *d, cgap_error *error)
{
  const size_t before = d->count;
  bool more = true;
  char c;
  r->c.at++;
  cgap_status status = peek(r, &c, error);
  if (status == CGAP_OK && c == ']') {
    r->c.at++;
    more = false;
  }
  while (status == CGAP_OK && more) {
    cgap_text_number n;
    status = peek(r, &c, error);
    const bool number = starts_number(c) || before > 0; /* where earlier items have numbers, all have to be */
    if (!number && !r->mixed_line) {
      r->mixed_line = r->c.line;
      r->mixed_item = r->items;
    }
    d->mixed = d->mixed || !number;
    if (status == CGAP_OK)
      status = number ? read_number(r, &n, error) : skip_value(r, error);
    if (status == CGAP_OK && number)
      status = cgap_text_add_value(d, r->c.file, &n, error);
    if (status == CGAP_OK)
      status = read_comma(r, ']', &more, error);
    d->integers = d->integers && number && n.integer;
  }
  const size_t dim = d->count - before;
  if (d->mixed)
    return status;
  d->dim = before == 0 ? dim : d->dim;
  if (status == CGAP_OK && (dim != d->dim || dim == 0))
    return cgap_fail(error, CGAP_FILE, "%s: line %llu, item %zu: a vector of %zu numbers, the first has %zu",
                     r->c.file->path, (unsigned long long)r->c.line, r->items, dim, d->dim);
  return status;
}

static cgap_status add_string(reader *r, const char *text, size_t length, cgap_error *error)
{
  cgap_text_dataset *d = NULL;
  const cgap_status status = find_dataset(r, true, &d, error);
  return status == CGAP_OK ? cgap_text_add_string(d, r->c.file, text, length, error) : status;
}

/* A list of vectors or of strings, behind its first bracket. */
static cgap_status read_list(reader *r, char first, cgap_error *error)
{
  cgap_text_dataset *d = NULL;
  bool more = true;
  const bool vectors = first == '[';
  cgap_status status = find_dataset(r, !vectors, &d, error);
  if (status == CGAP_OK && vectors)
    d->matrix = true;
  while (status == CGAP_OK && more) {
    char c;
    status = peek(r, &c, error);
    if (status == CGAP_OK && c != first)
      status = fail_at(r, vectors ? "no vector in a list of vectors" : "no string in a list of strings", error);
    if (status == CGAP_OK && vectors)
      status = read_vector(r, d, error);
    else if (status == CGAP_OK)
      status = read_string(r, error);
    if (status == CGAP_OK && !vectors)
      status = cgap_text_add_string(d, r->c.file, r->scratch, r->length, error);
    if (status == CGAP_OK)
      status = read_comma(r, ']', &more, error);
  }
  return status;
}

/* The first byte within the bracket at the cursor that is no space; a cell's bytes are in the buffer. */
static char first_inside(const reader *r)
{
  const char *at = r->c.at + 1;
  while (at < r->c.end && isspace((unsigned char)*at))
    at++;
  return at < r->c.end ? *at : '\0';
}

static cgap_status read_array(reader *r, cgap_error *error)
{
  cgap_text_dataset *d = NULL;
  const char c = first_inside(r);
  if (c == '[' || c == '"') {
    r->c.at++;
    return read_list(r, c, error);
  }
  if (!starts_number(c))
    return skip_value(r, error);
  const cgap_status status = find_dataset(r, false, &d, error);
  return status == CGAP_OK ? read_vector(r, d, error) : status;
}

static cgap_status read_object(reader *r, int depth, cgap_error *error);

static cgap_status read_member(reader *r, int depth, cgap_error *error)
{
  char c;
  cgap_status status = peek(r, &c, error);
  if (status != CGAP_OK)
    return status;
  if (c == '[')
    return read_array(r, error);
  if (c == '{')
    return depth < DEPTH_MAX ? read_object(r, depth + 1, error) : fail_at(r, "objects nested more than 8 deep", error);
  if (c == '"') {
    status = read_string(r, error);
    return status == CGAP_OK ? add_string(r, r->scratch, r->length, error) : status;
  }
  const char *begin = r->c.at;
  cgap_text_number n = {0};
  if (c >= '0' && c <= '9') {
    status = read_number(r, &n, error);
    return status == CGAP_OK && n.integer ? add_string(r, begin, (size_t)(r->c.at - begin), error) : status;
  }
  return skip_value(r, error);
}

static cgap_status read_object(reader *r, int depth, cgap_error *error)
{
  const size_t outer = r->path_length;
  bool more = true;
  char c;
  r->c.at++;
  cgap_status status = peek(r, &c, error);
  if (status == CGAP_OK && c == '}') {
    r->c.at++;
    more = false;
  }
  while (status == CGAP_OK && more) {
    status = peek(r, &c, error);
    if (status == CGAP_OK && c != '"')
      return fail_at(r, "no key in an object; write the file again", error);
    if (status == CGAP_OK)
      status = read_string(r, error);
    if (status == CGAP_OK && outer + r->length + 2 > PATH_BYTES)
      return fail_at(r, "a key of more than a thousand bytes", error);
    if (status != CGAP_OK)
      break;
    r->path_length = outer;
    if (outer)
      r->path[r->path_length++] = '/';
    for (size_t k = 0; k < r->length; k++)
      r->path[r->path_length++] = r->scratch[k] == '/' ? '_' : r->scratch[k] ? r->scratch[k] : ' ';
    r->path[r->path_length] = '\0';
    status = peek(r, &c, error);
    if (status == CGAP_OK && c != ':')
      return fail_at(r, "no colon behind a key; write the file again", error);
    r->c.at += status == CGAP_OK;
    if (status == CGAP_OK)
      status = read_member(r, depth, error);
    if (status == CGAP_OK)
      status = read_comma(r, '}', &more, error);
  }
  r->path_length = outer;
  r->path[outer] = '\0';
  return status;
}

/* ---------------------------------------------------------------- items */

/* Each vector that an item has, all have. */
static cgap_status check_item(reader *r, cgap_error *error)
{
  for (size_t i = 0; i < r->data.count; i++) {
    cgap_text_dataset *d = &r->data.item[i];
    if (d->strings || d->mixed || d->count == d->dim * (r->items + 1))
      continue;
    (void)snprintf(r->path, sizeof r->path, "%.200s", d->name);
    const cgap_status status =
      fail_at(r,
              d->count < d->dim * (r->items + 1) ? "no vector of this name, which others have"
                                                 : "a vector that earlier items lack, or several of one name",
              error);
    r->path[0] = '\0';
    return status;
  }
  return CGAP_OK;
}

/* An item of a list or a line: an object, or a vector. */
static cgap_status read_item(reader *r, char c, cgap_error *error)
{
  r->next = 0;
  if (r->items > 0 && (c == '[') != r->vectors)
    return fail_at(r, "vectors and objects in one list; write all alike", error);
  r->vectors = c == '[';
  if (c == '{')
    return read_object(r, 0, error);
  strcpy(r->path, "rows");
  r->path_length = 4;
  cgap_text_dataset *d = NULL;
  cgap_status status = find_dataset(r, false, &d, error);
  if (status == CGAP_OK)
    status = read_vector(r, d, error);
  r->path[r->path_length = 0] = '\0';
  return status;
}

/* The values of a list, or of a file of several; a list of lists is a list of vectors. */
static cgap_status read_items(reader *r, bool listed, cgap_error *error)
{
  bool more = true;
  cgap_status status = CGAP_OK;
  while (status == CGAP_OK && more) {
    char c;
    status = peek(r, &c, error);
    if (status == CGAP_OK && c != '{' && c != '[')
      return fail_at(r, c ? "neither a vector nor an object" : "the file ends within the list", error);
    if (status == CGAP_OK)
      status = read_item(r, c, error);
    bool alone = false;
    if (status == CGAP_OK && listed)
      status = read_comma(r, ']', &more, error);
    else if (status == CGAP_OK) {
      status = peek(r, &c, error);
      more = c != '\0';
      alone = !more && r->items == 0 && !r->vectors;
    }
    if (status == CGAP_OK && !alone)
      status = check_item(r, error);
    r->items += status == CGAP_OK && !alone;
  }
  return status;
}

/* A list, or one or several values. */
static cgap_status read_file(reader *r, cgap_error *error)
{
  char c;
  cgap_status status = peek(r, &c, error);
  const uint64_t place = cgap_text_place(&r->c), line = r->c.line;
  bool listed = false;
  if (status == CGAP_OK && c == '[') {
    r->c.at++;
    status = peek(r, &c, error);
    listed = c == '[' || c == '{';
    if (status == CGAP_OK && !listed)
      status = cgap_text_seek(&r->c, place, line);
  }
  if (status == CGAP_OK)
    status = read_items(r, listed, error);
  if (status == CGAP_OK)
    status = peek(r, &c, error);
  return status == CGAP_OK && c ? fail_at(r, "more than one list; write one", error) : status;
}

/* Strings that not every item has name nothing. A vector of an object by itself is not a row of a matrix. */
static size_t settle(reader *r)
{
  const bool alone = r->items == 0;
  size_t kept = 0, vectors = 0;
  for (size_t i = 0; i < r->data.count; i++) {
    cgap_text_dataset *d = &r->data.item[i];
    d->flat = alone && !d->strings && !d->matrix;
    if ((d->strings && !alone && d->rows != r->items) || (!d->strings && (d->count == 0 || d->mixed))) {
      cgap_text_dataset_clear(d);
      continue;
    }
    vectors += !d->strings;
    r->data.item[kept++] = *d;
  }
  r->data.count = kept;
  return vectors;
}

bool cgap_json_starts(const char *head)
{
  const char *at = strncmp(head, "\xef\xbb\xbf", 3) ? head : head + 3;
  while (isspace((unsigned char)*at))
    at++;
  const char first = *at;
  at += first != '\0';
  while (isspace((unsigned char)*at))
    at++;
  return (first == '{' && *at == '"') || (first == '[' && (*at == '[' || *at == '{' || starts_number(*at)));
}

bool cgap_json_table_is(const cgap_file *file)
{
  static const char *const ENDINGS[] = {".json", ".jsonl", ".ndjson", ".txt", ".csv", ".tsv", ".tab", NULL};
  char head[HEAD_BYTES + 1] = {0};
  return cgap_name_ends(file->path, ENDINGS) && pread(file->fd, head, HEAD_BYTES, 0) > 0 && cgap_json_starts(head);
}

cgap_status cgap_json_table_open(cgap_file *file, cgap_error *error)
{
  reader r = {0};
  cgap_status status = cgap_text_open(&r.c, file, error);
  if (status == CGAP_OK && !(r.scratch = malloc((size_t)cgap_lesser(file->bytes, CGAP_TEXT_CELL_MAX) + 8)))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  if (status == CGAP_OK && !strncmp(r.c.at, "\xef\xbb\xbf", 3))
    r.c.at += 3;
  if (status == CGAP_OK)
    status = read_file(&r, error);
  const size_t vectors = status == CGAP_OK ? settle(&r) : 0;
  if (status == CGAP_OK && vectors == 0 && r.mixed_line)
    status = cgap_fail(error, CGAP_FILE, "%s: line %llu, item %zu: a list with a value that is no number; correct it",
                       file->path, (unsigned long long)r.mixed_line, r.mixed_item);
  else if (status == CGAP_OK && vectors == 0)
    status =
      cgap_fail(error, CGAP_FILE, "%s: JSON without a vector; give a list of vectors, or of objects with one and an id",
                file->path);
  if (status == CGAP_OK)
    status = cgap_text_datasets_finish(&r.data, file, "JSON", NULL, error);
  free(r.scratch);
  cgap_text_datasets_clear(&r.data);
  cgap_text_close(&r.c);
  return status;
}
