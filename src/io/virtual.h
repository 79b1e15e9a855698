/* Sources of virtual datasets: where they are, and whether they are whole. */
#ifndef CGAP_IO_VIRTUAL_H
#define CGAP_IO_VIRTUAL_H

#include "io/hdf5_file.h"

/* Sets what entry (a virtual dataset of `file`, with its creation list) has of sources, and its obstacle where one of
 * them is missing, damaged or too small: HDF5 itself would read the fill value in its place without a word. */
void cgap_virtual_describe(cgap_entry *entry, hid_t plist, const char *file);

/* What stands in the way of reading several datasets side by side: more sources in all than may be open at once, past
 * which HDF5 would read the fill value. NULL: nothing. The caller frees it. */
char *cgap_virtual_excess(const cgap_entry *const *entries, size_t count);

#endif
