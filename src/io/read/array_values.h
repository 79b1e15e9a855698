/* Small entries outside HDF5, read whole; see small_datasets.h. */
#ifndef CGAP_IO_ARRAY_VALUES_H
#define CGAP_IO_ARRAY_VALUES_H

#include "io/read/small_datasets.h"

CGAP_MUST_CHECK cgap_status cgap_array_int64(int64_t *out, const cgap_entry *entry, cgap_error *error);
/* Integers and floats but bfloat16. */
CGAP_MUST_CHECK cgap_status cgap_array_float64(double *out, const cgap_entry *entry, cgap_error *error);
/* Strings into id (rows) and one block (free): without their padding, characters of four bytes as UTF-8. */
CGAP_MUST_CHECK cgap_status cgap_array_strings(cgap_id *id, unsigned char **blob, const cgap_entry *entry,
                                               cgap_error *error);

#endif
