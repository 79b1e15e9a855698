#include "io/read/hdf5_unpack.h"

#include "base/memory.h"

#include <libdeflate.h>
#include <string.h>

bool cgap_hdf5_unpacking_of(cgap_hdf5_unpacking *out, hid_t plist, size_t element)
{
  const int count = H5Pget_nfilters(plist);
  *out = (cgap_hdf5_unpacking){.deflate = -1, .shuffle = -1};
  for (int i = 0; i < count; i++) {
    unsigned flags = 0, value = 0;
    size_t values = 1;
    const H5Z_filter_t id = H5Pget_filter2(plist, (unsigned)i, &flags, &values, &value, 0, NULL, NULL);
    if (id == H5Z_FILTER_DEFLATE && out->deflate < 0)
      out->deflate = i;
    else if (id == H5Z_FILTER_SHUFFLE && out->shuffle < 0 && out->deflate < 0 && values >= 1 && value == element)
      out->shuffle = i;
    else
      return false;
  }
  return count >= 0;
}

bool cgap_hdf5_unpack_reserve(cgap_hdf5_unpack_scratch *scratch, size_t bytes)
{
  if (bytes <= scratch->capacity)
    return true;
  cgap_free(scratch->packed);
  scratch->packed = cgap_alloc(bytes, 1);
  scratch->capacity = scratch->packed ? bytes : 0;
  return scratch->packed != NULL;
}

void cgap_hdf5_unpack_clear(cgap_hdf5_unpack_scratch *scratch)
{
  cgap_free(scratch->packed);
  cgap_free(scratch->raw);
  if (scratch->inflater)
    libdeflate_free_decompressor(scratch->inflater);
  *scratch = (cgap_hdf5_unpack_scratch){0};
}

bool cgap_hdf5_unpack(const cgap_hdf5_unpacking *how, cgap_hdf5_unpack_scratch *scratch, size_t stored, unsigned mask,
                      size_t bytes, bool *shuffled, const char **why)
{
  *shuffled = how->shuffle >= 0 && !(mask >> how->shuffle & 1u);
  if (how->deflate < 0 || mask >> how->deflate & 1u) {
    *why = "it is of another length than its shape says";
    if (stored == bytes)
      memcpy(scratch->raw, scratch->packed, bytes);
    return stored == bytes;
  }
  *why = NULL;
  if (!scratch->inflater && !(scratch->inflater = libdeflate_alloc_decompressor()))
    return false;
  *why = "gzip does not unpack it to the length that its shape says";
  return libdeflate_zlib_decompress(scratch->inflater, scratch->packed, stored, scratch->raw, bytes, NULL) ==
         LIBDEFLATE_SUCCESS;
}

/* Two loads and a store a pair of bytes: the compiler makes unpacks of them. */
static void unshuffle_2(unsigned char *restrict out, const unsigned char *restrict a, const unsigned char *restrict b,
                        size_t count)
{
  for (size_t i = 0; i < count; i++) {
    out[2 * i] = a[i];
    out[2 * i + 1] = b[i];
  }
}

static void unshuffle_4(unsigned char *restrict out, const unsigned char *restrict in, size_t stride, size_t count)
{
  const unsigned char *b = in + stride, *c = b + stride, *d = c + stride;
  for (size_t i = 0; i < count; i++) {
    out[4 * i] = in[i];
    out[4 * i + 1] = b[i];
    out[4 * i + 2] = c[i];
    out[4 * i + 3] = d[i];
  }
}

void cgap_hdf5_unshuffle(unsigned char *out, const unsigned char *in, size_t stride, size_t count, size_t size)
{
  if (size == 2)
    unshuffle_2(out, in, in + stride, count);
  else if (size == 4)
    unshuffle_4(out, in, stride, count);
  else
    for (size_t i = 0; i < count; i++)
      for (size_t k = 0; k < size; k++)
        out[i * size + k] = in[k * stride + i];
}
