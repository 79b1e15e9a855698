/* HDF5 files for tests, made with the HDF5 library itself: every type, byte order and layout that users have, and
 * what is wrong with some of their files. Each function ends the program where HDF5 fails. */
#ifndef CGAP_TESTS_H5_MAKE_H
#define CGAP_TESTS_H5_MAKE_H

#include "contragap/contragap.h"

#include <hdf5.h>

typedef enum h5_layout {
  H5_CONTIGUOUS,
  H5_COMPACT,
  H5_CHUNKED, /* chunks that divide neither rows nor columns */
  H5_GZIP,
  H5_SHUFFLE,  /* shuffle and gzip */
  H5_CHECKSUM, /* fletcher32 */
  H5_EXTERNAL, /* the bytes in a file of their own */
  H5_LAYOUTS
} h5_layout;

typedef struct h5_shape {
  int rank;
  hsize_t size[4];
} h5_shape;

typedef struct h5_storage {
  cgap_type type;
  bool big_endian;
  h5_layout layout;
} h5_storage;

hid_t h5_create(const char *directory, const char *name);
/* with a user block of 512 bytes in front, as MATLAB writes */
hid_t h5_create_after_block(const char *directory, const char *name);
void h5_close(hid_t file);

/* A float dataset, groups on the way made; values in row-major order, NULL: distinct numbers of both signs. */
void h5_floats(hid_t file, const char *path, h5_shape shape, const double *values, h5_storage storage);
/* The default: float32, native order, contiguous. */
void h5_plain(hid_t file, const char *path, h5_shape shape);
/* The numbers that values = NULL stands for; free them. */
double *h5_numbers(h5_shape shape);

/* Integers; values NULL: 0, 1, 2, … */
void h5_integers(hid_t file, const char *path, h5_shape shape, const int64_t *values, hid_t type);
void h5_strings(hid_t file, const char *path, const char *const *values, size_t count, bool variable);

/* A string attribute of what is at `path`, as MATLAB and Octave mark their arrays; a scalar string dataset. */
void h5_mark(hid_t file, const char *path, const char *name, const char *value);
void h5_text(hid_t file, const char *group, const char *name, const char *value);

/* A float32 dataset (rows, dim) through a filter of this number, mandatory, that only the writer has. */
void h5_unknown_filter(hid_t file, const char *path, size_t rows, size_t dim, int number);

/* A virtual dataset (Σ rows, dim) of float32 over `count` files' datasets `source` of `rows` rows each. */
void h5_virtual(hid_t file, const char *path, const char *const *files, size_t count, const char *source, size_t rows,
                size_t dim);

/* A file of `bytes` bytes of text, not HDF5. */
void h5_not(const char *directory, const char *name, const void *bytes, size_t count);
/* Cuts a file after its first `bytes` bytes. */
void h5_cut(const char *directory, const char *name, size_t bytes);

#endif
