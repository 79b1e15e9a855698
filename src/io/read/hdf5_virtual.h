/* Sources of virtual datasets: where they are, and whether they are whole. */
#ifndef CGAP_IO_VIRTUAL_H
#define CGAP_IO_VIRTUAL_H

#include "io/read/container.h"

/* Sets what entry (a virtual dataset of `file`, with its creation list) has of sources, and its obstacle where one of
 * them is missing, damaged or too small: HDF5 itself would read the fill value in its place without a word. */
void cgap_virtual_describe(cgap_entry *entry, hid_t plist, const char *file);

/* What stands in the way of reading several datasets side by side: more sources in all than may be open at once, past
 * which HDF5 would read the fill value. NULL: nothing. The caller frees it. */
char *cgap_virtual_excess(const cgap_entry *const *entries, size_t count);

/* Where another file was looked for. Both are freed by the caller. */
typedef struct cgap_sought {
  char *path;       /* where it was found, or looked for last */
  char *unreadable; /* one that is there under this name and does not open; NULL: none */
} cgap_sought;

/* Opens the file that `file` names as a source or in a link, in HDF5's order: as it is where absolute, by the variable
 * (HDF5_VDS_PREFIX, HDF5_EXT_PREFIX), next to the file, from here, next to what a link to the file leads to. */
hid_t cgap_sought_open(cgap_sought *where, const char *file, const char *name, const char *variable);

#endif
