/* Tables in text: .csv, .tsv, .txt and .vec, a row on each line. The first lines decide what the columns are: whether
 * there is a header, or word2vec's line of sizes, which sign divides cells, which columns are numbers of a matrix, ids
 * or captions, or hold a whole vector, "[0.1, 0.2]". After that each line has to be like the first row.
 *
 * Columns whose names end with numbers, e0 to e511, are a matrix; of several such families each is one. */
#include "base/memory.h"
#include "base/text_buffer.h"
#include "io/read/packed_file.h"
#include "io/read/text_datasets.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  HEAD_BYTES = 4096,
  COLUMNS_MAX = 1 << 20,
  DATASETS_MAX = 1024, /* that the columns are: matrices, ids, captions */
  SHOWN_BYTES = 40,
  INDEX_DIM_MIN = 3,
  COUNTED_MIN = 8
};

typedef enum column_kind { NUMBER, VECTOR, STRING } column_kind;

typedef struct column {
  column_kind kind;
  size_t dataset;
  char *name; /* of the header; NULL: none */
} column;

/* The cells of one line, taken apart without a look at what they are. */
typedef struct cells {
  char *bytes; /* one after the other, each with a byte 0 */
  size_t used, room;
  size_t *start; /* (count) into bytes */
  size_t count, capacity;
  uint64_t place, line; /* of the line in the file */
} cells;

typedef struct table {
  cgap_text_cursor c;
  char delimiter; /* ' ' stands for one or more blanks */
  bool ends_open; /* each line ends with a delimiter */
  column *column;
  size_t columns;
  uint64_t first_line; /* of the rows */
  size_t rows;
  bool sized; /* word2vec's line: */
  size_t rows_said, dim_said;
  bool header, families;      /* names of columns; some of them are numbered and belong together */
  bool index_like, fractions; /* so far the first cell of each row is an integer, and another is not */
  cgap_text_datasets data;
  char *scratch; /* CGAP_TEXT_CELL_MAX, of a cell */
  char *note;
} table;

/* ---------------------------------------------------------------- cells */

static bool is_blank(char c)
{
  return c == ' ' || c == '\t';
}

static bool at_line_end(const cgap_text_cursor *c)
{
  return *c->at == '\n' || (*c->at == '\r' && (c->at[1] == '\n' || c->at + 1 == c->end)) || c->at == c->end;
}

static void skip_blanks(table *t)
{
  while (t->delimiter == '\t' ? *t->c.at == ' ' : is_blank(*t->c.at))
    t->c.at++;
}

static bool at_cell_end(const table *t)
{
  return at_line_end(&t->c) || (t->delimiter == ' ' ? is_blank(*t->c.at) : *t->c.at == t->delimiter);
}

static cgap_status skip_line_end(table *t)
{
  const cgap_status status = cgap_text_ahead(&t->c);
  t->c.at += status == CGAP_OK && *t->c.at == '\r' && t->c.at < t->c.end;
  if (status == CGAP_OK && t->c.at < t->c.end) {
    t->c.at++;
    t->c.line++;
  }
  return status;
}

static cgap_status skip_empty_lines(table *t)
{
  cgap_status status = cgap_text_ahead(&t->c);
  while (status == CGAP_OK) {
    const char *at = t->c.at;
    while (is_blank(*at))
      at++;
    if (at == t->c.end || (*at != '\n' && *at != '\r'))
      break;
    t->c.at = (char *)at;
    status = skip_line_end(t);
  }
  return status;
}

static cgap_status fail_cell(const table *t, size_t j, const char *text, size_t length, cgap_error *error);

/* A quoted cell, in which "" is ", into scratch; false, and nothing read, where it is none: its end is followed by
 * something else. */
static bool read_quoted(table *t, size_t *length)
{
  const char *at = t->c.at + 1;
  uint64_t lines = 0;
  *length = 0;
  for (; at < t->c.end && *length < CGAP_TEXT_CELL_MAX && !(*at == '"' && at[1] != '"'); at++) {
    at += *at == '"';
    lines += *at == '\n';
    t->scratch[(*length)++] = *at;
  }
  if (at >= t->c.end || *at != '"')
    return false;
  char *const begin = t->c.at;
  t->c.at = (char *)at + 1;
  skip_blanks(t);
  if (at_cell_end(t)) {
    t->c.line += lines;
    return true;
  }
  t->c.at = begin;
  return false;
}

/* The cell at the cursor, which ends up behind it: *out is in the buffer or in scratch. */
static cgap_status read_cell(table *t, size_t j, const char **out, size_t *length, cgap_error *error)
{
  skip_blanks(t);
  if (*t->c.at == '"' && t->delimiter != ' ' && read_quoted(t, length)) {
    *out = t->scratch;
    return CGAP_OK;
  }
  const char *begin = t->c.at, close = *begin == '[' ? ']' : '\0'; /* an unquoted vector has delimiters of its own */
  while (close && t->c.at < t->c.end && *t->c.at != close)
    t->c.at++;
  while (!at_cell_end(t))
    t->c.at++;
  const char *end = t->c.at;
  while (end > begin && is_blank(end[-1]))
    end--;
  if (end - begin >= CGAP_TEXT_CELL_MAX)
    return cgap_fail(error, CGAP_FILE, "%s: line %llu, column %zu: a cell of more than %d bytes; is this a table?",
                     t->c.file->path, (unsigned long long)t->c.line, j + 1, CGAP_TEXT_CELL_MAX);
  *out = begin;
  *length = (size_t)(end - begin);
  return CGAP_OK;
}

/* Past the sign behind a cell; false: the line ends. */
static bool next_cell(table *t)
{
  skip_blanks(t);
  if (at_line_end(&t->c))
    return false;
  t->c.at += t->delimiter != ' ';
  return true;
}

static void clear_cells(cells *l)
{
  free(l->bytes);
  free(l->start);
  *l = (cells){0};
}

static cgap_status add_cell(cells *l, const char *text, size_t length, const table *t, cgap_error *error)
{
  if (l->count == l->capacity) {
    size_t *grown = realloc(l->start, (2 * l->capacity + 16) * sizeof *grown);
    if (!grown)
      return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", t->c.file->path);
    l->start = grown;
    l->capacity = 2 * l->capacity + 16;
  }
  if (l->room - l->used <= length) {
    char *grown = realloc(l->bytes, 2 * l->room + length + 256);
    if (!grown)
      return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", t->c.file->path);
    l->bytes = grown;
    l->room = 2 * l->room + length + 256;
  }
  if (l->count == COLUMNS_MAX)
    return cgap_fail(error, CGAP_FILE, "%s: line %llu has more than %d cells; is this a table?", t->c.file->path,
                     (unsigned long long)l->line, COLUMNS_MAX);
  l->start[l->count++] = l->used;
  memcpy(l->bytes + l->used, text, length);
  l->bytes[l->used + length] = '\0';
  l->used += length + 1;
  return CGAP_OK;
}

/* The next line that is not empty; none: no cells. */
static cgap_status read_cells(table *t, cells *out, cgap_error *error)
{
  cgap_status status = skip_empty_lines(t);
  *out = (cells){.place = cgap_text_place(&t->c), .line = t->c.line};
  bool more = status == CGAP_OK && t->c.at < t->c.end;
  while (status == CGAP_OK && more) {
    const char *text;
    size_t length;
    status = cgap_text_ahead(&t->c);
    if (status == CGAP_OK && out->count > 0 && t->delimiter == ' ' && at_line_end(&t->c))
      break;
    if (status == CGAP_OK)
      status = read_cell(t, out->count, &text, &length, error);
    if (status == CGAP_OK)
      status = add_cell(out, text, length, t, error);
    more = status == CGAP_OK && next_cell(t);
  }
  return status == CGAP_OK ? skip_line_end(t) : status;
}

static const char *cell_at(const cells *l, size_t j)
{
  return l->bytes + l->start[j];
}

static bool is_number(const table *t, const char *text)
{
  cgap_text_number n;
  const char *end = cgap_text_number_read(&n, text, t->c.c_locale);
  return end && !*end;
}

/* ---------------------------------------------------------------- what is wrong with a cell */

/* The name of a column for a message: " (e12)". */
static void column_words(char out[80], const table *t, size_t j)
{
  out[0] = '\0';
  if (j < t->columns && t->column[j].name && t->column[j].name[0])
    (void)snprintf(out, 80, " (%.60s)", t->column[j].name);
  cgap_text_clean(out, '?', "");
}

static cgap_status fail_cell(const table *t, size_t j, const char *text, size_t length, cgap_error *error)
{
  char shown[SHOWN_BYTES + 8], name[80];
  const int most = length > SHOWN_BYTES ? SHOWN_BYTES : (int)length;
  shown[0] = '\0';
  if (length)
    (void)snprintf(shown, sizeof shown, "\"%.*s\" ", most, text);
  cgap_text_clean(shown, '?', "");
  column_words(name, t, j);
  return cgap_fail(error, CGAP_FILE, "%s: line %llu, column %zu%s: %s%s", t->c.file->path,
                   (unsigned long long)t->c.line, j + 1, name, shown, cgap_text_number_fault(text, length));
}

static cgap_status fail_ragged(table *t, size_t count, cgap_error *error)
{
  const uint64_t line = t->c.line;
  return cgap_fail(error, CGAP_FILE, "%s: line %llu has %zu cells, line %llu has %zu; all rows need as many",
                   t->c.file->path, (unsigned long long)line, count, (unsigned long long)t->first_line, t->columns);
}

static cgap_status fail_large(const table *t, size_t j, cgap_error *error)
{
  char name[80];
  column_words(name, t, j);
  return cgap_fail(error, CGAP_FILE, "%s: line %llu, column %zu%s: a number too large for a double; correct it",
                   t->c.file->path, (unsigned long long)t->c.line, j + 1, name);
}

/* ---------------------------------------------------------------- the layout */

/* The sign that the first line has: a tab, or else a semicolon, a comma, or blanks. */
static char find_delimiter(const cgap_text_cursor *c)
{
  bool quoted = false, semicolon = false, comma = false;
  size_t depth = 0;
  for (const char *at = c->at; at < c->end && (*at != '\n' || quoted); at++) {
    quoted = quoted != (*at == '"');
    depth += *at == '[';
    depth -= *at == ']' && depth > 0;
    if (quoted || depth)
      continue;
    if (*at == '\t')
      return '\t';
    semicolon = semicolon || *at == ';';
    comma = comma || *at == ',';
  }
  return semicolon ? ';' : comma ? ',' : ' ';
}

/* Bytes of a name without the number at its end and signs before that; *numbered: it has one. */
static size_t family_length(const char *name, bool *numbered)
{
  const size_t whole = strlen(name);
  size_t length = whole;
  while (length > 0 && isdigit((unsigned char)name[length - 1]))
    length--;
  *numbered = length < whole;
  while (*numbered && length > 0 && strchr("_-. ", name[length - 1]))
    length--;
  return length;
}

static bool same_family(const char *a, const char *b)
{
  bool x, y;
  const size_t length = family_length(a, &x), other = family_length(b, &y);
  return x && y && length == other && !memcmp(a, b, length);
}

/* Whether numbers count on from 0, or, where they are many, from 1, one for each cell from `first` on. */
static bool counts_on(const table *t, const cells *l, size_t first)
{
  bool counts = l->count >= first + INDEX_DIM_MIN;
  double start = 0;
  for (size_t j = first; j < l->count && counts; j++) {
    cgap_text_number n;
    const char *end = cgap_text_number_read(&n, cell_at(l, j), t->c.c_locale);
    counts = end && !*end && n.integer;
    start = j == first ? n.value : start;
    counts = counts && (start == 0 || (start == 1 && l->count - first >= COUNTED_MIN)) &&
             n.value == start + (double)(j - first);
  }
  return counts;
}

/* "60 16": rows and columns, as word2vec writes them. */
static bool read_sizes(table *t, const cells *first, const cells *second)
{
  cgap_text_number n[2];
  for (size_t j = 0; first->count == 2 && second->count > 2 && j < 2; j++) {
    const char *end = cgap_text_number_read(&n[j], cell_at(first, j), t->c.c_locale);
    if (!end || *end || !n[j].integer || !(n[j].value >= 1 && n[j].value < 1e15))
      return false;
  }
  if (first->count != 2 || second->count <= 2)
    return false;
  t->rows_said = (size_t)n[0].value;
  t->dim_said = (size_t)n[1].value;
  return t->dim_said == second->count || t->dim_said + 1 == second->count;
}

static bool is_unnamed(const char *name)
{
  return !name[0] || !strncmp(name, "Unnamed:", 8);
}

/* Whether the first line names the columns of the second. */
static bool is_header(const table *t, const cells *first, const cells *second)
{
  if (second->count == 0)
    return false;
  bool names = !is_number(t, cell_at(second, 0));
  for (size_t j = 0; j < first->count && names; j++)
    names = !is_number(t, cell_at(first, j));
  if (second->count == first->count + 1) /* the names of rows have no name */
    return names;
  if (first->count != second->count)
    return false;
  for (size_t j = 0; j < first->count; j++) {
    const char *below = cell_at(second, j);
    if (!is_number(t, cell_at(first, j)) && cell_at(first, j)[0] != '[' && (is_number(t, below) || below[0] == '['))
      return true;
  }
  return counts_on(t, first, is_unnamed(cell_at(first, 0)) ? 1 : 0);
}

/* Whether a name says that the column belongs to the rows and not to a matrix. */
static bool named_apart(const char *name)
{
  char path[80];
  (void)snprintf(path, sizeof path, "/%.70s", name);
  const cgap_name_words w = cgap_name_words_of(path);
  return (w.leaf & (CGAP_WORD_ID | CGAP_WORD_INDEX | CGAP_WORD_LABEL | CGAP_WORD_CLASS)) &&
         !(w.leaf & CGAP_WORD_EMBEDDING);
}

/* Whether the columns k − 1 and k are of one matrix by their names, and have a number. */
static bool is_pair(const table *t, const cells *row, size_t k)
{
  return k > 0 && k < t->columns && same_family(t->column[k - 1].name, t->column[k].name) &&
         (is_number(t, cell_at(row, k - 1)) || is_number(t, cell_at(row, k)));
}

static column_kind kind_of(const table *t, const cells *row, size_t j)
{
  const char *text = cell_at(row, j), *name = t->column[j].name;
  const bool number = is_number(t, text);
  if (text[0] == '[')
    return VECTOR;
  if (t->columns == 1) /* one number a line is a list of them */
    return STRING;
  if (!t->header)
    return number || j > 0 ? NUMBER : STRING;
  if (j == 0 && is_unnamed(name))
    return STRING;
  if (is_pair(t, row, j) || is_pair(t, row, j + 1))
    return NUMBER;
  return named_apart(name) || t->families || (!number && text[0]) ? STRING : NUMBER;
}

/* Whether a column of this kind may go to the dataset: numbers go where numbers of other columns are, a column of
 * vectors or of text is alone. */
static bool may_join(const cgap_text_dataset *d, column_kind kind)
{
  return !d || (kind == NUMBER && !d->strings && d->dim > 0);
}

/* The name of a column's dataset; "": it has none, and *name is what it is called by default. */
static size_t dataset_name(const table *t, const column *one, const char **name)
{
  bool numbered = true;
  *name = one->name ? one->name : "";
  size_t length = one->kind == NUMBER ? family_length(*name, &numbered) : strlen(*name);
  if (!numbered || (one->kind == STRING && is_unnamed(*name)))
    length = 0;
  if (length == 0)
    *name = one->kind != STRING ? "rows" : t->columns == 1 ? "values" : "id";
  return length;
}

static bool has_column(const table *t, const char *name)
{
  for (size_t j = 0; j < t->columns; j++)
    if (t->column[j].name && !strcmp(t->column[j].name, name))
      return true;
  return false;
}

/* The dataset that a column goes to, by its name; several without one are numbered. */
static cgap_status place_column(table *t, size_t j, cgap_error *error)
{
  column *one = &t->column[j];
  const char *name;
  char numbered[60];
  size_t length = dataset_name(t, one, &name), number = 1;
  const bool named = length > 0;
  cgap_text_dataset *d = j > 0 ? &t->data.item[t->column[j - 1].dataset] : NULL;
  if (!named)
    length = strlen(name);
  if (!d || strlen(d->name) != length || memcmp(d->name, name, length) != 0)
    d = cgap_text_dataset_find(&t->data, name, length);
  while (!named && (!may_join(d, one->kind) || (one->kind == STRING && number == 1 && has_column(t, name)))) {
    length = (size_t)snprintf(numbered, sizeof numbered, "%s_%zu", one->kind == STRING ? "row" : "rows", number++);
    d = cgap_text_dataset_find(&t->data, name = numbered, length);
  }
  if (!may_join(d, one->kind))
    return cgap_fail(error, CGAP_FILE, "%s: column %zu is called %.*s, as an earlier one is; rename one",
                     t->c.file->path, j + 1, (int)(length < 60 ? length : 60), name);
  if (!d && t->data.count == DATASETS_MAX)
    return cgap_fail(
      error, CGAP_FILE,
      "%s: more than %d columns that are no matrix together; number the names of those that are, e0, e1, …",
      t->c.file->path, DATASETS_MAX);
  if (!d && !(d = cgap_text_dataset_add(&t->data, name, length, one->kind == STRING)))
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", t->c.file->path);
  one->dataset = (size_t)(d - t->data.item);
  d->dim += one->kind == NUMBER;
  return CGAP_OK;
}

/* From the header (or NULL) and the first row. */
static cgap_status lay_out(table *t, const cells *header, const cells *row, cgap_error *error)
{
  const size_t shift = header ? row->count - header->count : 0; /* rows have a name, which has none */
  t->columns = row->count;
  t->ends_open = t->columns > 1 && !cell_at(row, row->count - 1)[0] && t->delimiter != ' ' &&
                 (!header || !cell_at(header, header->count - 1)[0]);
  t->columns -= t->ends_open;
  t->column = calloc(t->columns + 1, sizeof *t->column);
  bool good = t->column != NULL;
  for (size_t j = 0; good && header && j < t->columns; j++)
    good = (t->column[j].name = strdup(j < shift ? "" : cell_at(header, j - shift))) != NULL;
  if (!good)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", t->c.file->path);
  cgap_status status = CGAP_OK;
  size_t numbers = 0;
  for (size_t j = 1; t->header && j < t->columns && !t->families; j++)
    t->families = is_pair(t, row, j);
  for (size_t j = 0; j < t->columns && status == CGAP_OK; j++) {
    t->column[j].kind = kind_of(t, row, j);
    numbers += t->column[j].kind != STRING;
    status = place_column(t, j, error);
  }
  for (size_t j = 0; j < t->columns && status == CGAP_OK && numbers == 0; j++)
    if (strcmp(cgap_text_number_fault(cell_at(row, j), strlen(cell_at(row, j))), CGAP_DECIMAL_COMMA) == 0)
      status = cgap_fail(error, CGAP_FILE, "%s: line %llu, column %zu: \"%.40s\" %s", t->c.file->path,
                         (unsigned long long)row->line, j + 1, cell_at(row, j), CGAP_DECIMAL_COMMA);
  if (status == CGAP_OK && numbers == 0 && t->columns > 1)
    status = cgap_fail(error, CGAP_FILE,
                       "%s: a table without numbers (line %llu begins with \"%.40s\"); give one with a vector on each "
                       "line, or convert it to .npy",
                       t->c.file->path, (unsigned long long)row->line, cell_at(row, 0));
  if (error)
    cgap_text_clean(error->message, '?', "");
  return status;
}

static cgap_status read_layout(table *t, cgap_error *error)
{
  cells first = {0}, second = {0};
  cgap_status status = skip_empty_lines(t);
  while (status == CGAP_OK && *t->c.at == '#' && is_blank(t->c.at[1]) && t->c.line < 100) { /* of numpy.savetxt */
    while (t->c.at < t->c.end && *t->c.at != '\n')
      t->c.at++;
    status = skip_empty_lines(t);
  }
  t->delimiter = find_delimiter(&t->c);
  if (status == CGAP_OK)
    status = read_cells(t, &first, error);
  if (status == CGAP_OK)
    status = read_cells(t, &second, error);
  if (status == CGAP_OK && first.count == 0)
    status = cgap_fail(error, CGAP_FILE, "%s: no line with a cell; write it again", t->c.file->path);
  if (status == CGAP_OK) {
    t->sized = read_sizes(t, &first, &second);
    t->header = !t->sized && is_header(t, &first, &second);
    const cells *row = t->sized || t->header ? &second : &first;
    t->first_line = row->line;
    status = lay_out(t, t->header ? &first : NULL, row, error);
    if (status == CGAP_OK)
      status = cgap_text_seek(&t->c, row->place, row->line);
  }
  clear_cells(&first);
  clear_cells(&second);
  return status;
}

/* ---------------------------------------------------------------- rows */

/* A number that ends the cell, or, within a vector, is followed by a sign. */
static cgap_status read_number(table *t, size_t j, cgap_error *error)
{
  const bool quoted = *t->c.at == '"';
  cgap_text_number n;
  const char *begin = t->c.at, *end = cgap_text_number_read(&n, begin + quoted, t->c.c_locale);
  if (end && (!quoted || *end == '"')) {
    t->c.at = (char *)end + quoted;
    if (t->delimiter != ' ')
      skip_blanks(t);
    if (at_cell_end(t)) {
      if (isinf(n.value) && n.digits)
        return fail_large(t, j, error);
      t->index_like = t->index_like && (j > 0 || n.integer);
      t->fractions = t->fractions || (j > 0 && !n.integer);
      return cgap_text_add_value(&t->data.item[t->column[j].dataset], t->c.file, &n, error);
    }
  }
  size_t length;
  t->c.at = (char *)begin;
  const cgap_status status = read_cell(t, j, &begin, &length, error);
  return status == CGAP_OK ? fail_cell(t, j, begin, length, error) : status;
}

/* "[0.1, 0.2]", also with blanks alone. */
static cgap_status read_vector(table *t, size_t j, cgap_error *error)
{
  cgap_text_dataset *d = &t->data.item[t->column[j].dataset];
  const char *text;
  size_t length;
  cgap_status status = read_cell(t, j, &text, &length, error);
  if (status == CGAP_OK && (length < 2 || text[0] != '[' || text[length - 1] != ']'))
    return fail_cell(t, j, text, length, error);
  const size_t before = d->count;
  const char *at = text + 1, *last = text + length - 1;
  while (status == CGAP_OK) {
    cgap_text_number n;
    while (at < last && (isspace((unsigned char)*at) || *at == ','))
      at++;
    if (at == last)
      break;
    const char *end = cgap_text_number_read(&n, at, t->c.c_locale);
    if (!end || end > last || (end < last && !isspace((unsigned char)*end) && *end != ','))
      return !strncmp(at, "...", 3)
               ? cgap_fail(error, CGAP_FILE,
                           "%s: line %llu, column %zu: \"...\" where numbers were left out when it was written; write "
                           "whole vectors",
                           t->c.file->path, (unsigned long long)t->c.line, j + 1)
               : fail_cell(t, j, at, (size_t)(last - at), error);
    if (isinf(n.value) && n.digits)
      return fail_large(t, j, error);
    status = cgap_text_add_value(d, t->c.file, &n, error);
    at = end;
  }
  const size_t dim = d->count - before;
  d->dim = t->rows == 0 ? dim : d->dim;
  if (status == CGAP_OK && (dim != d->dim || dim == 0))
    status =
      cgap_fail(error, CGAP_FILE, "%s: line %llu, column %zu: a vector of %zu numbers, line %llu has %zu",
                t->c.file->path, (unsigned long long)t->c.line, j + 1, dim, (unsigned long long)t->first_line, d->dim);
  return status;
}

/* GloVe has words with blanks: what comes before the first number belongs to the word. */
static void extend_word(table *t, const char *begin, size_t *length)
{
  for (;;) {
    char *const end = t->c.at;
    cgap_text_number n;
    while (is_blank(*t->c.at))
      t->c.at++;
    const char *after = cgap_text_number_read(&n, t->c.at, t->c.c_locale);
    const bool number = after && (is_blank(*after) || *after == '\n' || *after == '\r' || after == t->c.end);
    if (number || at_line_end(&t->c)) {
      t->c.at = end;
      return;
    }
    while (!at_cell_end(t))
      t->c.at++;
    *length = (size_t)(t->c.at - begin);
  }
}

static cgap_status read_string(table *t, size_t j, cgap_error *error)
{
  const char *text;
  size_t length;
  cgap_status status = read_cell(t, j, &text, &length, error);
  if (status == CGAP_OK && t->delimiter == ' ' && j == 0 && t->columns > 1 && t->column[1].kind == NUMBER)
    extend_word(t, text, &length);
  return status == CGAP_OK ? cgap_text_add_string(&t->data.item[t->column[j].dataset], t->c.file, text, length, error)
                           : status;
}

/* The cells that are left in a line. */
static size_t count_rest(table *t)
{
  size_t count = 0;
  while (next_cell(t)) {
    const char *text;
    size_t length;
    if (cgap_text_ahead(&t->c) != CGAP_OK || read_cell(t, 0, &text, &length, NULL) != CGAP_OK)
      break;
    count++;
  }
  return count;
}

static cgap_status read_row(table *t, cgap_error *error)
{
  t->fractions = false;
  for (size_t j = 0; j < t->columns; j++) {
    cgap_status status = cgap_text_ahead(&t->c);
    if (status == CGAP_OK && j > 0 && !next_cell(t))
      return fail_ragged(t, j, error);
    if (status != CGAP_OK)
      return status;
    skip_blanks(t);
    if (j > 0 && t->delimiter == ' ' && at_line_end(&t->c))
      return fail_ragged(t, j, error);
    status = t->column[j].kind == NUMBER   ? read_number(t, j, error)
             : t->column[j].kind == VECTOR ? read_vector(t, j, error)
                                           : read_string(t, j, error);
    if (status != CGAP_OK)
      return status;
  }
  cgap_status status = cgap_text_ahead(&t->c);
  if (status != CGAP_OK)
    return status;
  skip_blanks(t);
  if (t->ends_open && *t->c.at == t->delimiter)
    t->c.at++;
  skip_blanks(t);
  if (!at_line_end(&t->c))
    return fail_ragged(t, t->columns + count_rest(t), error);
  t->index_like = t->index_like && t->fractions;
  t->rows++;
  return skip_line_end(t);
}

static cgap_status read_rows(table *t, cgap_error *error)
{
  cgap_status status = skip_empty_lines(t);
  t->index_like = !t->header && t->columns > INDEX_DIM_MIN && t->column[0].kind == NUMBER;
  while (status == CGAP_OK && t->c.at < t->c.end) {
    status = read_row(t, error);
    if (status == CGAP_OK)
      status = skip_empty_lines(t);
  }
  if (status == CGAP_OK && t->sized && t->rows != t->rows_said)
    status = cgap_fail(error, CGAP_FILE, "%s: its first line says %zu rows, it has %zu; copy or download it again",
                       t->c.file->path, t->rows_said, t->rows);
  return status;
}

/* ---------------------------------------------------------------- the first column */

/* Whether strings are the numbers of their rows, from 0 or 1. */
static bool is_row_number(const cgap_text_dataset *d)
{
  const char *text = d->bytes;
  long long start = 0;
  bool is = d->strings && d->integers && d->rows > 0;
  for (size_t i = 0; i < d->rows && is; i++, text += strlen(text) + 1) {
    const long long value = strtoll(text, NULL, 10);
    start = i == 0 ? value : start;
    is = (start == 0 || start == 1) && value == start + (long long)i;
  }
  return is;
}

/* An integer in front of fractions, in every row, is no coordinate: it becomes an id. */
static cgap_status split_index(table *t, cgap_error *error)
{
  cgap_text_dataset *id = cgap_text_dataset_add(&t->data, "id", 2, true), *d = &t->data.item[t->column[0].dataset];
  cgap_status status = id ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", t->c.file->path);
  const size_t dim = d->dim - 1;
  for (size_t i = 0; i < t->rows && status == CGAP_OK; i++) {
    char text[40];
    const int length = snprintf(text, sizeof text, "%.0f", d->values[i * d->dim]);
    status = cgap_text_add_string(id, t->c.file, text, (size_t)length, error);
    memmove(d->values + i * dim, d->values + i * d->dim + 1, dim * sizeof *d->values);
  }
  d->dim = dim;
  d->count = t->rows * dim;
  t->column[0] = (column){.kind = STRING, .dataset = (size_t)(id - t->data.item)};
  cgap_append(&t->note, "%s: the first column, integers where the others have fractions, was read as ids\n",
              t->c.file->path);
  return status;
}

/* Row numbers are no ids: those of two files would pair whatever they are. */
static void drop_row_numbers(table *t)
{
  const size_t k = t->column[0].dataset;
  cgap_text_dataset *d = &t->data.item[k];
  if (t->columns < 2 || t->column[0].kind != STRING || !is_row_number(d) ||
      (t->column[0].name && !is_unnamed(t->column[0].name)))
    return;
  cgap_text_dataset_clear(d);
  memmove(d, d + 1, (t->data.count - k - 1) * sizeof *d);
  t->data.count--;
  cgap_append(&t->note, "%s: the first column, which counts the rows, was left out\n", t->c.file->path);
}

static cgap_status finish(table *t, cgap_error *error)
{
  char storage[80];
  cgap_status status = t->index_like && t->rows > 1 ? split_index(t, error) : CGAP_OK;
  if (status != CGAP_OK)
    return status;
  drop_row_numbers(t);
  (void)snprintf(storage, sizeof storage, "text, %s, lines %llu to %llu",
                 t->delimiter == ' '    ? "blanks between cells"
                 : t->delimiter == '\t' ? "tabs between cells"
                 : t->delimiter == ';'  ? "semicolons between cells"
                                        : "commas between cells",
                 (unsigned long long)t->first_line,
                 (unsigned long long)(t->c.line - (t->c.end > t->c.buffer && t->c.end[-1] == '\n')));
  return cgap_text_datasets_finish(&t->data, t->c.file, storage, t->note, error);
}

/* ---------------------------------------------------------------- the file */

/* Text by its name, which is none of the texts that say what they are: pointers, web pages. */
bool cgap_text_table_is(const cgap_file *file)
{
  static const char *const ENDINGS[] = {".csv", ".tsv", ".tab", ".txt", ".vec", NULL};
  static const char *const OTHERS[] = {"version https://git-lfs", "/annex/objects/", "<", "\x1f\x8b", "PK"};
  char head[HEAD_BYTES + 1] = {0};
  if (!cgap_name_ends(file->path, ENDINGS))
    return false;
  const ssize_t got = pread(file->fd, head, HEAD_BYTES, 0);
  for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
    if (!strncmp(head, OTHERS[i], strlen(OTHERS[i])))
      return false;
  return got > 0 && !strstr(head, ".git/annex/objects/") && !memchr(head, '\0', (size_t)got);
}

cgap_status cgap_text_table_open(cgap_file *file, cgap_error *error)
{
  table t = {0};
  cgap_status status = cgap_text_open(&t.c, file, error);
  if (status == CGAP_OK && !(t.scratch = malloc((size_t)cgap_lesser(file->bytes, CGAP_TEXT_CELL_MAX) + 8)))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  if (status == CGAP_OK && !strncmp(t.c.at, "\xef\xbb\xbf", 3)) /* the byte order mark of UTF-8 */
    t.c.at += 3;
  if (status == CGAP_OK)
    status = read_layout(&t, error);
  if (status == CGAP_OK)
    status = read_rows(&t, error);
  if (status == CGAP_OK)
    status = finish(&t, error);
  for (size_t j = 0; t.column && j < t.columns; j++)
    free(t.column[j].name);
  free(t.column);
  free(t.scratch);
  free(t.note);
  cgap_text_datasets_clear(&t.data);
  cgap_text_close(&t.c);
  return status;
}
