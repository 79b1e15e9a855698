/* Numbers in text: tables of lines (text_table.c) and JSON (json_table.c). Both read a file once, from front to back,
 * and build datasets in memory, which the open file owns: matrices as float32, or as float64 where a value has more
 * digits than float32 holds, and lists of ids or captions as integers or strings. What they take counts to the limit of
 * memory; numbers beyond half of it go to an unnamed file that is mapped. */
#ifndef CGAP_IO_READ_TEXT_DATASETS_H
#define CGAP_IO_READ_TEXT_DATASETS_H

#include "io/read/container.h"
#include "io/read/name_words.h"
#include "io/read/text_number.h"

#include <locale.h>

/* ---------------------------------------------------------------- a file, from front to back */

enum { CGAP_TEXT_CELL_MAX = 1 << 20 }; /* bytes of a cell, a number or a string */

typedef struct cgap_text_cursor {
  cgap_file *file;
  char *buffer; /* (size + 1) with a byte 0 at `end` */
  size_t size;
  char *at, *end;
  uint64_t next; /* bytes of the file that have been read */
  uint64_t line; /* from 1, for messages */
  bool last;     /* all of the file is in the buffer */
  locale_t c_locale;
  cgap_error *error;
} cgap_text_cursor;

CGAP_MUST_CHECK cgap_status cgap_text_open(cgap_text_cursor *out, cgap_file *file, cgap_error *error);
void cgap_text_close(cgap_text_cursor *cursor);

/* From now on CGAP_TEXT_CELL_MAX bytes from `at` on are in the buffer, or all that there are. */
CGAP_MUST_CHECK cgap_status cgap_text_refill(cgap_text_cursor *cursor);
static inline cgap_status cgap_text_ahead(cgap_text_cursor *c)
{
  return c->last || c->end - c->at >= CGAP_TEXT_CELL_MAX ? CGAP_OK : cgap_text_refill(c);
}

/* The byte of the file at `at`, and back to it. */
uint64_t cgap_text_place(const cgap_text_cursor *cursor);
CGAP_MUST_CHECK cgap_status cgap_text_seek(cgap_text_cursor *cursor, uint64_t place, uint64_t line);

/* ---------------------------------------------------------------- datasets that grow */

typedef struct cgap_text_dataset {
  char *name; /* without a slash at its front */
  bool strings;
  bool flat; /* a vector by itself, whose name may have slashes; else a matrix */
  /* numbers */
  double *values; /* (count) */
  size_t count, capacity, dim;
  bool mapped; /* values are the unnamed file fd, else memory */
  int fd;
  bool wide;   /* a value needs a double */
  bool mixed;  /* in JSON: a list of other values too, no vector */
  bool matrix; /* in JSON: the list of its vectors was one value */
  /* strings */
  char *bytes; /* one after the other, each with a byte 0 */
  size_t used, room;
  size_t rows, longest;
  bool integers; /* all of them are; so of the numbers of JSON */
} cgap_text_dataset;

typedef struct cgap_text_datasets {
  cgap_text_dataset *item;
  size_t count, capacity;
} cgap_text_datasets;

/* The one of this name, or NULL. */
cgap_text_dataset *cgap_text_dataset_find(const cgap_text_datasets *all, const char *name, size_t length);
/* The one of this name, new where there is none; NULL: out of memory, or one of the other kind has it. */
cgap_text_dataset *cgap_text_dataset_of(cgap_text_datasets *all, const char *name, size_t length, bool strings);
/* The same without a look whether the name is there. */
cgap_text_dataset *cgap_text_dataset_add(cgap_text_datasets *all, const char *name, size_t length, bool strings);
/* Grows for one value more, or a string of `length`. */
CGAP_MUST_CHECK cgap_status cgap_text_grow_values(cgap_text_dataset *d, const cgap_file *file, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_text_add_string(cgap_text_dataset *d, const cgap_file *file, const char *text,
                                                 size_t length, cgap_error *error);

static inline cgap_status cgap_text_add_value(cgap_text_dataset *d, const cgap_file *file, const cgap_text_number *n,
                                              cgap_error *error)
{
  if (d->count == d->capacity) {
    const cgap_status status = cgap_text_grow_values(d, file, error);
    if (status != CGAP_OK)
      return status;
  }
  d->wide = d->wide || (n->digits > 9 && n->value == n->value && (double)(float)n->value != n->value);
  d->values[d->count++] = n->value;
  return CGAP_OK;
}

/* Adds them to the file as entries; note, or NULL: what is said of the matrices. Clears them, also on failure. */
CGAP_MUST_CHECK cgap_status cgap_text_datasets_finish(cgap_text_datasets *all, cgap_file *file, const char *storage,
                                                      const char *note, cgap_error *error);
void cgap_text_datasets_clear(cgap_text_datasets *all);
void cgap_text_dataset_clear(cgap_text_dataset *d);

#endif
