/* The other files that an HDF5 file names: the sources of virtual datasets, whether they are there and whole, and what
 * its links lead to. */
#ifndef CGAP_IO_READ_HDF5_VIRTUAL_H
#define CGAP_IO_READ_HDF5_VIRTUAL_H

#include "io/read/container.h"

/* Sets what entry (a virtual dataset of `file`, with its creation list) has of sources, and its obstacle where one of
 * them is missing, damaged or too small: HDF5 itself would read the fill value in its place without a word. */
void cgap_hdf5_virtual_describe(cgap_entry *entry, hid_t plist, const char *file);

/* What stands in the way of reading several datasets side by side: more sources in all than may be open at once, past
 * which HDF5 would read the fill value. NULL: nothing. The caller frees it. */
char *cgap_hdf5_virtual_excess(const cgap_entry *const *entries, size_t count);

typedef enum cgap_link_end {
  CGAP_LINK_DANGLES,   /* the file or the object that it names is not there */
  CGAP_LINK_UNREADABLE /* all that it names is there, or cannot be told: what does not open is damaged */
} cgap_link_end;

/* Follows a soft or external link of a group as far as it goes. *why, for the caller to free: where it leads and what
 * is missing or unreadable there; NULL when memory is out, or nothing is known beyond HDF5's own reason. */
cgap_link_end cgap_link_follow(char **why, hid_t group, const char *name);

#endif
