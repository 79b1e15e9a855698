/* The filter lzf of h5py, reading only: so that its files need no plugin. The format is LibLZF's (Marc Lehmann): a byte
 * below 32 is followed by that many bytes and one as they are; another has the length, less two, in its upper three
 * bits (7: the next byte is added) and, with the byte after that, the distance to bytes that are repeated, less one. */
#include "io/read/hdf5_basics.h"

enum { UNPACKED_MOST = 88 /* bytes from one: 264 from three */, CHECKSUM_MOST = 16 /* of a filter before this one */ };

/* Bytes of out that were filled; 0: damaged, or more than capacity. */
static size_t unpack_lzf(const unsigned char *in, size_t bytes, unsigned char *out, size_t capacity)
{
  const unsigned char *const end = in + bytes;
  size_t used = 0;
  while (in < end) {
    const unsigned control = *in++;
    size_t length = control < 32 ? control + 1 : control >> 5;
    if (control < 32) {
      if (length > (size_t)(end - in) || length > capacity - used)
        return 0;
      while (length-- > 0)
        out[used++] = *in++;
      continue;
    }
    if (length == 7 && in < end)
      length += *in++;
    if (in == end)
      return 0;
    const size_t distance = (((size_t)control & 31) << 8 | *in++) + 1;
    length += 2;
    if (distance > used || length > capacity - used)
      return 0;
    for (; length > 0; length--, used++)
      out[used] = out[used - distance];
  }
  return used;
}

static size_t filter(unsigned flags, size_t count, const unsigned values[], size_t bytes, size_t *size, void **buffer)
{
  const size_t chunk = count > 2 ? values[2] : 0;
  if (!(flags & H5Z_FLAG_REVERSE) || chunk == 0 || chunk / UNPACKED_MOST > bytes)
    return 0;
  void *out = H5allocate_memory(chunk + CHECKSUM_MOST, false);
  const size_t used = out ? unpack_lzf(*buffer, bytes, out, chunk + CHECKSUM_MOST) : 0;
  if (used < chunk) {
    H5free_memory(out);
    return 0;
  }
  H5free_memory(*buffer);
  *buffer = out;
  *size = chunk + CHECKSUM_MOST;
  return used;
}

void cgap_hdf5_add_lzf(void)
{
  static const H5Z_class2_t class = {.version = H5Z_CLASS_T_VERS,
                                     .id = CGAP_HDF5_LZF,
                                     .encoder_present = 0,
                                     .decoder_present = 1,
                                     .name = "lzf",
                                     .filter = filter};
  (void)H5Zregister(&class);
}
