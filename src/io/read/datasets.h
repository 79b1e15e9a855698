/* Reading the datasets of an open file, of whichever container: rows as a cgap_source (dataset_rows.c), small ones
 * whole (small_datasets.c). */
#ifndef CGAP_IO_READ_DATASETS_H
#define CGAP_IO_READ_DATASETS_H

#include "io/read/container.h"

/* ---------------------------------------------------------------- rows */

typedef struct cgap_dataset_rows cgap_dataset_rows;

/* Opens `count` datasets of one type and dim as one matrix, in that order; *source views it and has `name`
 * (borrowed). `read` gives native byte order and the file's own float type: HDF5 never converts. */
CGAP_MUST_CHECK cgap_status cgap_dataset_rows_open(cgap_dataset_rows **out, cgap_source *source,
                                                   const cgap_chosen_dataset *taken, size_t count, const char *name,
                                                   cgap_error *error);
void cgap_dataset_rows_close(cgap_dataset_rows *rows); /* NULL is fine */

/* Threads that unpack compressed chunks; 1 unless set, 0: as many as the machine has. NULL is fine. */
void cgap_dataset_rows_set_threads(cgap_dataset_rows *rows, int threads);

/* ---------------------------------------------------------------- small datasets */

/* Counts so many elements of so many bytes, which a dataset takes in memory. CGAP_RESOURCE: more than is allowed;
 * CGAP_FILE: it cannot be read. The calls below do so for what they read. */
CGAP_MUST_CHECK cgap_status cgap_memory_take(const cgap_chosen_dataset *taken, size_t elements, size_t bytes,
                                             cgap_error *error);

/* All values in row-major order. */
CGAP_MUST_CHECK cgap_status cgap_read_int64(int64_t *out, const cgap_chosen_dataset *taken, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_read_float64(double *out, const cgap_chosen_dataset *taken, cgap_error *error);

/* Whole numbers, of integers or floats. CGAP_DATA: NaN, fractions; what: "labels". */
CGAP_MUST_CHECK cgap_status cgap_read_whole(int64_t *out, const cgap_chosen_dataset *taken, const char *what,
                                            cgap_error *error);

/* An id is a run of bytes: 8 for an integer, the text without padding for a string. */
typedef struct cgap_id {
  const unsigned char *bytes;
  size_t length;
} cgap_id;

typedef struct cgap_ids {
  cgap_id *id; /* (count) */
  size_t count;
  cgap_kind kind;       /* CGAP_KIND_INTEGER or CGAP_KIND_STRING */
  unsigned char **blob; /* the bytes, one block for each dataset */
  size_t blobs;
} cgap_ids;

/* How many ids a dataset holds: a list of them, or a matrix of strings row by row; 0: it holds none. */
size_t cgap_ids_in(const cgap_entry *entry);

/* The ids of several datasets one after the other. */
CGAP_MUST_CHECK cgap_status cgap_ids_read(cgap_ids *out, const cgap_chosen_dataset *taken, size_t count,
                                          cgap_error *error);
void cgap_ids_clear(cgap_ids *ids);

/* The id for a message, at most some 60 characters, control characters replaced. */
const char *cgap_id_text(char *out, size_t size, const cgap_ids *ids, size_t row);

#endif
