/* In place of hdf5_chunks.c where HDF5 has no functions for chunks as stored: all rows go through H5Dread. */
#include "io/read/hdf5_basics.h"

cgap_status cgap_hdf5_chunks_open(cgap_hdf5_chunks **out, hid_t dataset, hid_t plist, int fd, const cgap_entry *entry,
                                  cgap_error *error)
{
  (void)dataset;
  (void)plist;
  (void)fd;
  (void)entry;
  (void)error;
  *out = NULL;
  return CGAP_OK;
}

void cgap_hdf5_chunks_close(cgap_hdf5_chunks *chunks)
{
  (void)chunks;
}

cgap_status cgap_hdf5_chunks_read(cgap_hdf5_chunks *chunks, size_t first, size_t count, int threads, void *out,
                                  cgap_error *error)
{
  (void)chunks;
  (void)first;
  (void)count;
  (void)threads;
  (void)out;
  return cgap_fail(error, CGAP_FILE, "this HDF5 library cannot read chunks as stored");
}
