/* Where a link of an HDF5 file leads that does not open. */
#ifndef CGAP_IO_LINKS_H
#define CGAP_IO_LINKS_H

#include "io/read/container.h"

typedef enum cgap_link_end {
  CGAP_LINK_DANGLES,   /* the file or the object that it names is not there */
  CGAP_LINK_UNREADABLE /* all that it names is there, or cannot be told: what does not open is damaged */
} cgap_link_end;

/* Follows a soft or external link of a group as far as it goes. *why, for the caller to free: where it leads and what
 * is missing or unreadable there; NULL when memory is out, or nothing is known beyond HDF5's own reason. */
cgap_link_end cgap_link_follow(char **why, hid_t group, const char *name);

#endif
