/* The header of a .npy array (NumPy, "NEP 1 — A simple file format for NumPy arrays"; versions 1.0, 2.0 and 3.0). */
#ifndef CGAP_IO_READ_NPY_H
#define CGAP_IO_READ_NPY_H

#include "io/read/container.h"

/* Whether these first bytes are those of a .npy array. */
bool cgap_npy_is(const unsigned char *head, size_t count);

/* Gives the next `count` bytes in order; false where it cannot, with *error filled. */
typedef bool cgap_npy_next(void *context, void *out, size_t count, cgap_error *error);

/* Reads the header of an array of `total` bytes, header and all, and holds it against that size: CGAP_FILE where it is
 * damaged, cut short or followed by something else, CGAP_DATA for an impossible shape. */
CGAP_MUST_CHECK cgap_status cgap_npy_read(cgap_npy *out, cgap_npy_next *next, void *context, uint64_t total,
                                          const char *name, cgap_error *error);

#endif
