/* The filters of HDF5 that are undone here: gzip and shuffle. libdeflate inflates a chunk, whose length is known, as a
 * whole: twice to three times as fast as zlib's streams. */
#ifndef CGAP_IO_READ_HDF5_UNPACK_H
#define CGAP_IO_READ_HDF5_UNPACK_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>

/* What was done to a chunk: places in the row of filters, −1: not used. */
typedef struct cgap_hdf5_unpacking {
  int deflate, shuffle;
} cgap_hdf5_unpacking;

/* Whether a dataset's filters are none, gzip, shuffle, or both in this order of writing: shuffle, gzip. */
bool cgap_hdf5_unpacking_of(cgap_hdf5_unpacking *out, hid_t create_plist, size_t element);

/* What a thread works in. */
typedef struct cgap_hdf5_unpack_scratch {
  unsigned char *packed; /* (capacity) */
  size_t capacity;
  unsigned char *raw; /* the chunk unpacked; its caller's to allocate and to take away */
  struct libdeflate_decompressor *inflater;
} cgap_hdf5_unpack_scratch;

bool cgap_hdf5_unpack_reserve(cgap_hdf5_unpack_scratch *scratch, size_t bytes); /* packed; false: out of memory */
void cgap_hdf5_unpack_clear(cgap_hdf5_unpack_scratch *scratch);

/* room->packed, `stored` bytes, into room->plain, exactly `bytes`; mask: bits of filters that this chunk went without.
 * *shuffled: cgap_hdf5_unshuffle has still to sort the elements. false: *why says what is wrong, NULL: memory is out.
 */
bool cgap_hdf5_unpack(const cgap_hdf5_unpacking *how, cgap_hdf5_unpack_scratch *scratch, size_t stored, unsigned mask,
                      size_t bytes, bool *shuffled, const char **why);

/* `count` elements of `size` bytes, whose bytes k lie together at in + k·stride. */
void cgap_hdf5_unshuffle(unsigned char *out, const unsigned char *in, size_t stride, size_t count, size_t size);

#endif
