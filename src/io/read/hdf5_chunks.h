/* Rows of a chunked HDF5 dataset, unpacked by threads: one at a time fetches a chunk's bytes from HDF5, which has no
 * place for two, while the others inflate and sort theirs into rows. gzip, with or without shuffle, and no filter at
 * all; for any other, and where chunks of the margin are stored another way, cgap_hdf5_chunks_open gives none, and the
 * rows go through H5Dread. */
#ifndef CGAP_IO_READ_HDF5_CHUNKS_H
#define CGAP_IO_READ_HDF5_CHUNKS_H

#include "io/read/container.h"

typedef struct cgap_hdf5_chunks cgap_hdf5_chunks;

/* *out is NULL, with CGAP_OK, where the layout is not one of those above. dataset, with its create_plist, and entry are
 * borrowed. fd: of the file that the chunks lie in, where HDF5's addresses count from its start; -1: HDF5 reads them.
 */
CGAP_MUST_CHECK cgap_status cgap_hdf5_chunks_open(cgap_hdf5_chunks **out, hid_t dataset, hid_t create_plist, int fd,
                                                  const cgap_entry *entry, cgap_error *error);
void cgap_hdf5_chunks_close(cgap_hdf5_chunks *chunks); /* NULL is fine */

/* Rows [first, first + count), of (N, k, d) as N·k rows, elements as stored. Chunks that reach past the last row are
 * kept for the next call: rows read in order are unpacked once. */
CGAP_MUST_CHECK cgap_status cgap_hdf5_chunks_read(cgap_hdf5_chunks *chunks, size_t first, size_t count, int threads,
                                                  void *out, cgap_error *error);

#endif
