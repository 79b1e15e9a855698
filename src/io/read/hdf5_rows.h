/* Rows of one dataset, or of several one after the other, as a cgap_source. */
#ifndef CGAP_IO_HDF5_ROWS_H
#define CGAP_IO_HDF5_ROWS_H

#include "io/read/hdf5_file.h"

/* A dataset of a file; file and entry are borrowed. */
typedef struct cgap_taken {
  const cgap_file *file;
  const cgap_entry *entry;
} cgap_taken;

/* Rows and elements a row of a float dataset of rank 2 or 3: (N, k, d) counts as N·k rows. */
size_t cgap_taken_rows(const cgap_taken *taken);
size_t cgap_taken_dim(const cgap_taken *taken);

/* k of a dataset (N, k, d) that has k rows each; 0 where it is (N, d), or (N, 1, d) or (1, N, d), which are no more. */
size_t cgap_entry_middle(const cgap_entry *entry);

typedef struct cgap_rows cgap_rows;

/* Opens `count` datasets of one type and dim as one matrix, in that order; *source views it and has `name`
 * (borrowed). `read` gives native byte order and the file's own float type: HDF5 never converts. */
CGAP_MUST_CHECK cgap_status cgap_rows_open(cgap_rows **out, cgap_source *source, const cgap_taken *taken, size_t count,
                                           const char *name, cgap_error *error);
void cgap_rows_close(cgap_rows *rows); /* NULL is fine */

/* Threads that unpack compressed chunks; 1 unless set, 0: as many as the machine has. NULL is fine. */
void cgap_rows_threads(cgap_rows *rows, int threads);

#endif
