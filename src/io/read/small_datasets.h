/* Small datasets read whole: integers, numbers, ids. */
#ifndef CGAP_IO_READ_SMALL_DATASETS_H
#define CGAP_IO_READ_SMALL_DATASETS_H

#include "io/read/array_reader.h"

/* All values in row-major order into out, which has room for them. */
CGAP_MUST_CHECK cgap_status cgap_read_int64(int64_t *out, const cgap_chosen_dataset *taken, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_read_float64(double *out, const cgap_chosen_dataset *taken, cgap_error *error);

/* Whole numbers, of integers or floats. CGAP_DATA: NaN, fractions; what: "labels". */
CGAP_MUST_CHECK cgap_status cgap_read_whole(int64_t *out, const cgap_chosen_dataset *taken, const char *what,
                                            cgap_error *error);

typedef struct cgap_ids {
  cgap_id *id; /* (count) */
  size_t count;
  cgap_kind kind;       /* CGAP_KIND_INTEGER or CGAP_KIND_STRING */
  unsigned char **blob; /* the bytes, one block for each dataset */
  size_t blobs;
} cgap_ids;

/* The ids of several datasets one after the other. */
CGAP_MUST_CHECK cgap_status cgap_ids_read(cgap_ids *out, const cgap_chosen_dataset *taken, size_t count,
                                          cgap_error *error);
void cgap_ids_clear(cgap_ids *ids);

/* The id for a message, at most some 60 characters, control characters replaced. */
const char *cgap_id_text(char *out, size_t size, const cgap_ids *ids, size_t row);

#endif
