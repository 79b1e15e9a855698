/* The arrays of a data set, as they go into any container: what each is called, its type and shape, and its bytes in
 * order. */
#ifndef CGAP_IO_WRITE_OUTPUT_ARRAYS_H
#define CGAP_IO_WRITE_OUTPUT_ARRAYS_H

#include "io/find/dataset_internal.h"

enum { CGAP_OUTPUT_ARRAYS_MAX = 14 };

typedef enum cgap_output_array_kind {
  CGAP_OUTPUT_ROWS,
  CGAP_OUTPUT_INTEGERS,
  CGAP_OUTPUT_REALS,
  CGAP_OUTPUT_IDS
} cgap_output_array_kind;

/* Owned by its list; source is borrowed. */
typedef struct cgap_output_array {
  char *path; /* "/image", "/arithmetic/words" */
  cgap_output_array_kind kind;
  const cgap_source *source; /* CGAP_OUTPUT_ROWS */
  const char *origin;        /* of rows and ids: where they come from, borrowed */
  const void *values;        /* int64 or float64, borrowed unless `own` is the same */
  void *own;
  cgap_ids ids;      /* integers are written as int64 */
  size_t width;      /* of strings: bytes of the longest, at least 1 */
  size_t characters; /* likewise, where all are UTF-8 of less than 4096 bytes; else 0 */
  size_t rows;       /* of the first axis as bytes are read: of a shape (N, k, d), N·k */
  size_t shape[3];   /* as it is written */
  int ndim;
} cgap_output_array;

typedef struct cgap_output_arrays {
  cgap_output_array item[CGAP_OUTPUT_ARRAYS_MAX];
  size_t count;
} cgap_output_arrays;

/* Rows in place of those of the data set, of another dimension perhaps; NULL: its own. */
typedef struct cgap_replaced_rows {
  const cgap_source *image, *text, *class_text, *words;
} cgap_replaced_rows;

/* Lists everything that the data set uses, and what its files call their rows. Reads ids and names. */
CGAP_MUST_CHECK cgap_status cgap_output_arrays_list(cgap_output_arrays *out, const cgap_dataset *dataset,
                                                    const cgap_replaced_rows *replaced, cgap_error *error);
void cgap_output_arrays_clear(cgap_output_arrays *arrays);

/* Bytes of a row as cgap_output_array_read gives it: elements in native byte order, strings with zeros behind them. */
size_t cgap_output_array_row_bytes(const cgap_output_array *array);

/* Rows [first, first + count) of the array into out. */
CGAP_MUST_CHECK cgap_status cgap_output_array_read(const cgap_output_array *array, size_t first, size_t count,
                                                   void *out, cgap_error *error);

#endif
