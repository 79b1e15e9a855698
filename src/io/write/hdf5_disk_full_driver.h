/* A file driver of HDF5 that remembers the first write that failed and from then on discards what is written.
 *
 * HDF5 1.10 cannot close a file that it cannot write: the file stays half open and the process ends in a crash at
 * exit. With this driver a full disk is no error to HDF5; the writer checks the driver, and closes and removes the
 * file. */
#ifndef CGAP_IO_WRITE_HDF5_DISK_FULL_DRIVER_H
#define CGAP_IO_WRITE_HDF5_DISK_FULL_DRIVER_H

#include "io/read/hdf5_basics.h"

typedef struct cgap_disk_full_driver {
  int fd;     /* open for reading and writing; the owner closes it after the HDF5 file */
  int number; /* errno of the first write that failed; 0: none has */
  hid_t driver;
} cgap_disk_full_driver;

/* A new HDF5 file of nothing yet on sink->fd; `name` is what HDF5 calls it. Negative where HDF5 refuses. */
hid_t cgap_disk_full_driver_create(cgap_disk_full_driver *sink, const char *name);

/* After H5Fclose. */
void cgap_disk_full_driver_close(cgap_disk_full_driver *sink);

#endif
