/* Rows of a source as float32 unit rows. */
#ifndef CGAP_ROWS_ROW_READER_H
#define CGAP_ROWS_ROW_READER_H

#include "contragap/contragap.h"

/* A buffer for blocks of rows of one source. */
typedef struct cgap_row_reader {
  const cgap_source *source;
  size_t capacity;
  void *raw;
  double *row_double; /* one row */
  float *unit;        /* (capacity, dim) */
} cgap_row_reader;

CGAP_MUST_CHECK cgap_status cgap_row_reader_init(cgap_row_reader *out, const cgap_source *source, size_t capacity,
                                                 cgap_error *error);
void cgap_row_reader_clear(cgap_row_reader *reader);

/* Rows [first, first + count) as unit rows in reader->unit; count at most the capacity. CGAP_DATA where a row is zero
 * or not finite, unless `bad` (count) is given: then such a row is left as zeros and bad[i] is set. */
CGAP_MUST_CHECK cgap_status cgap_row_reader_read(cgap_row_reader *reader, size_t first, size_t count, bool *bad,
                                                 cgap_error *error);

/* n raw rows to unit rows, the length taken in double; false at the first bad row, whose place is left in *where. */
bool cgap_unit_rows(float *out, const void *raw, cgap_type type, size_t rows, size_t dim, double *one_row,
                    size_t *where);

/* ---------------------------------------------------------------- picked rows */

/* Reads the rows of a source that a list names, in the order of the list; and makes of such rows a source of their own.
 */

/* The `count` listed rows of a source into out (count, dim) of its type. Rows that follow each other are read at once.
 */
CGAP_MUST_CHECK cgap_status cgap_read_listed(const cgap_source *source, const size_t *rows, size_t count, void *out,
                                             cgap_error *error);

typedef struct cgap_picked_rows cgap_picked_rows;

/* *view has the `count` rows of `from` that are listed; the list is borrowed, and what `from` reads has to stay. Rows
 * that follow each other are read at once. NULL: out of memory. */
cgap_picked_rows *cgap_picked_rows_open(cgap_source *view, const cgap_source *from, const size_t *rows, size_t count);
void cgap_picked_rows_close(cgap_picked_rows *picked); /* NULL is fine */

/* ---------------------------------------------------------------- spill file */

/* Rows put aside in a nameless file, where they neither fit into memory nor can be read one by one where they are. */

typedef struct cgap_spill_file cgap_spill_file;

/* Room on the disk for `rows` rows of `dim`; CGAP_RESOURCE where there is none. *view is the source that has them once
 * they have been added; name (borrowed) is for messages. */
CGAP_MUST_CHECK cgap_status cgap_spill_file_open(cgap_spill_file **out, cgap_source *view, size_t rows, size_t dim,
                                                 cgap_type type, const char *name, cgap_error *error);
void cgap_spill_file_close(cgap_spill_file *spill); /* NULL is fine */

/* The next `count` rows. */
CGAP_MUST_CHECK cgap_status cgap_spill_file_add(cgap_spill_file *spill, const void *rows, size_t count,
                                                cgap_error *error);

bool cgap_spill_file_is_source(
  const cgap_source *source); /* whether it views one, which several threads may read at once */

/* All rows of a source, as they stand there. */
CGAP_MUST_CHECK cgap_status cgap_spill_file_copy(cgap_spill_file **out, cgap_source *view, const cgap_source *from,
                                                 cgap_progress progress, cgap_error *error);

#endif
