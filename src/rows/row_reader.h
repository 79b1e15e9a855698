/* Rows of a source as float32 unit rows. */
#ifndef CGAP_ROWS_ROW_READER_H
#define CGAP_ROWS_ROW_READER_H

#include "contragap/contragap.h"
#include "rows/duplicate_rows.h"

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

/* By this hash unit rows are equal: rows of the file that differ in length alone are one. spare (dim) */
cgap_hash cgap_unit_hash(const float *row, size_t dim, float *spare);

#endif
