/* Rows of one dataset, or of several one after the other, as a cgap_source. */
#ifndef CGAP_IO_READ_HDF5_ROWS_H
#define CGAP_IO_READ_HDF5_ROWS_H

#include "io/read/container.h"

typedef struct cgap_dataset_rows cgap_dataset_rows;

/* Opens `count` datasets of one type and dim as one matrix, in that order; *source views it and has `name`
 * (borrowed). `read` gives native byte order and the file's own float type: HDF5 never converts. */
CGAP_MUST_CHECK cgap_status cgap_dataset_rows_open(cgap_dataset_rows **out, cgap_source *source,
                                                   const cgap_chosen_dataset *taken, size_t count, const char *name,
                                                   cgap_error *error);
void cgap_dataset_rows_close(cgap_dataset_rows *rows); /* NULL is fine */

/* Threads that unpack compressed chunks; 1 unless set, 0: as many as the machine has. NULL is fine. */
void cgap_dataset_rows_set_threads(cgap_dataset_rows *rows, int threads);

#endif
