/* Rows of a source that had no row pass: as float32 unit rows, by a list, and as a source of their own: listed rows, or
 * rows spilled into an unnamed file. */
#ifndef CGAP_ROWS_ROW_READER_H
#define CGAP_ROWS_ROW_READER_H

#include "contragap/contragap.h"

/* Reads blocks of rows, checks them and scales them to norm 1, in one pass over each row. */
typedef struct cgap_row_reader {
  const cgap_source *source;
  size_t capacity;
  void *raw;          /* (capacity, dim) of the source's type */
  double *row_double; /* (dim) */
  float *unit;        /* (capacity, dim) */
} cgap_row_reader;

CGAP_MUST_CHECK cgap_status cgap_row_reader_init(cgap_row_reader *out, const cgap_source *source, size_t capacity,
                                                 cgap_error *error);
void cgap_row_reader_clear(cgap_row_reader *reader);

/* Rows [first, first + count) as unit rows in reader->unit; count at most the capacity. CGAP_DATA where a row is zero
 * or not finite, unless `bad` (count) is given: then such a row is left as zeros and bad[i] is set. */
CGAP_MUST_CHECK cgap_status cgap_row_reader_read(cgap_row_reader *reader, size_t first, size_t count, bool *bad,
                                                 cgap_error *error);

/* ---------------------------------------------------------------- listed rows */

/* The `count` listed rows of a source into out (count, dim) of its type, in the order of the list. Rows that follow
 * each other in list and file are read in one call. */
CGAP_MUST_CHECK cgap_status cgap_read_listed(const cgap_source *source, const size_t *rows, size_t count, void *out,
                                             cgap_error *error);

/* The same as unit rows, out (count, dim), where the list ascends: rows that are near each other are read in one piece,
 * since chunks of a file are unpacked whole. bad (count): bad rows are marked and become zeros; NULL: they are zeros.
 */
CGAP_MUST_CHECK cgap_status cgap_read_unit_rows(const cgap_source *source, const size_t *rows, size_t count, float *out,
                                                bool *bad, cgap_error *error);

/* Chooses `wanted` of the rows, each as likely as any, by the stream and the row's index alone: place (rows) gets their
 * places among them, in the order of the rows, SIZE_MAX for the others. Returns how many, wanted or all. */
size_t cgap_choose_rows(size_t *place, size_t rows, size_t wanted, uint64_t stream);

/* A source that consists of the `count` listed rows of `from`. The list is borrowed, and so is what `from` reads. NULL:
 * out of memory. */
typedef struct cgap_picked_rows cgap_picked_rows;
cgap_picked_rows *cgap_picked_rows_open(cgap_source *view, const cgap_source *from, const size_t *rows, size_t count);
void cgap_picked_rows_close(cgap_picked_rows *picked); /* NULL is fine */

/* ---------------------------------------------------------------- spilled rows */

/* Rows in an unnamed file: those that neither fit into memory nor can be read one by one from their source. */
typedef struct cgap_spill_file cgap_spill_file;

/* Reserves disk space for `rows` rows of `dim`; CGAP_RESOURCE where there is not enough. *view becomes the source of
 * the rows that are added; name (borrowed) is for messages. */
CGAP_MUST_CHECK cgap_status cgap_spill_file_open(cgap_spill_file **out, cgap_source *view, size_t rows, size_t dim,
                                                 cgap_type type, const char *name, cgap_error *error);
void cgap_spill_file_close(cgap_spill_file *spill); /* NULL is fine */

/* Adds the next `count` rows. */
CGAP_MUST_CHECK cgap_status cgap_spill_file_add(cgap_spill_file *spill, const void *rows, size_t count,
                                                cgap_error *error);

/* Whether a source is the view of a spill file, which several threads may read at once. */
bool cgap_spill_file_is_source(const cgap_source *source);

/* Copies all rows of a source as they are. */
CGAP_MUST_CHECK cgap_status cgap_spill_file_copy(cgap_spill_file **out, cgap_source *view, const cgap_source *from,
                                                 cgap_progress progress, cgap_error *error);

#endif
