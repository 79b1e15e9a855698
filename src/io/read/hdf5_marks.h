/* What MATLAB (-v7.3) and Octave (save -hdf5) say of their arrays in HDF5 files. Both store columns first, so that HDF5
 * shows an N × d matrix as (d, N): an entry with such a mark has its axes in their order, (N, d), and `turned` set. */
#ifndef CGAP_IO_READ_HDF5_MARKS_H
#define CGAP_IO_READ_HDF5_MARKS_H

#include "io/read/container.h"

/* Where a dataset has MATLAB's mark: its axes as MATLAB counts them; strings and what is no array of numbers. false:
 * HDF5 cannot read whether there is one. */
bool cgap_mark_matlab(cgap_entry *entry, hid_t dataset);
/* Whether a link of the root group is MATLAB's own store, which the elements of cells lie in. */
bool cgap_mark_is_internal(const char *path);

typedef enum cgap_octave {
  CGAP_OCTAVE_NONE,
  CGAP_OCTAVE_ARRAY,
  CGAP_OCTAVE_STRUCT,
  CGAP_OCTAVE_OTHER,
  CGAP_OCTAVE_UNREADABLE /* marked, and HDF5 cannot read what it is */
} cgap_octave;

/* Whether a group is a variable of Octave, with a dataset or group `value` in it. type: what Octave calls it. */
cgap_octave cgap_mark_octave(char *type, size_t size, hid_t group);
/* The entry of the dataset `value` in it, as cgap_mark_matlab. */
bool cgap_mark_octave_array(cgap_entry *entry, const char *type, hid_t dataset);

/* The rows and columns of a cell array; false where the variable is none. */
bool cgap_mark_octave_dims(size_t shape[2], hid_t group);

/* A MATLAB sparse matrix is a group: its rows and columns; false where a group is none. */
bool cgap_mark_sparse(size_t shape[2], hid_t group);

#endif
