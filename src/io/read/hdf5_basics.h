/* What every caller of HDF5 here needs: its errors kept silent, their reason, attributes of text. */
#ifndef CGAP_IO_READ_HDF5_BASICS_H
#define CGAP_IO_READ_HDF5_BASICS_H

#include "io/read/container.h"

/* HDF5 prints its error stack unless told not to; that setting belongs to the whole process, so it is put
 * back after each call into this library. */
typedef struct cgap_hdf5_silence {
  H5E_auto2_t function;
  void *context;
  bool restore;
} cgap_hdf5_silence;

cgap_hdf5_silence cgap_hdf5_silence_begin(void);
void cgap_hdf5_silence_end(cgap_hdf5_silence quiet);

/* The innermost reason on HDF5's error stack, one line; "" when there is none. Ask before the next H5 call. */
void cgap_hdf5_reason(char *out, size_t size);

/* The string attribute of an object, without its padding: 1; 0 where there is none, or it is as long as size; -1 where
 * it cannot be read. */
int cgap_hdf5_text(char *out, size_t size, hid_t object, const char *name);

/* For a program, before it reads anything: where a damaged file has left something open inside HDF5, HDF5 prints lines
 * of its own at exit. A library's caller decides that for itself. */
void cgap_hdf5_skip_exit(void);

#endif
