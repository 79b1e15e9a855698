#include "h5_make.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void must(bool good, const char *what)
{
  if (good)
    return;
  fprintf(stderr, "h5_make: %s failed\n", what);
  H5Eprint2(H5E_DEFAULT, stderr);
  abort();
}

static void path_in(char *out, size_t size, const char *directory, const char *name)
{
  must((size_t)snprintf(out, size, "%s/%s", directory, name) < size, name);
}

hid_t h5_create(const char *directory, const char *name)
{
  char path[4096];
  path_in(path, sizeof path, directory, name);
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  must(file >= 0, path);
  return file;
}

hid_t h5_create_after_block(const char *directory, const char *name)
{
  char path[4096];
  path_in(path, sizeof path, directory, name);
  hid_t plist = H5Pcreate(H5P_FILE_CREATE);
  H5Pset_userblock(plist, 512);
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, plist, H5P_DEFAULT);
  must(file >= 0, path);
  H5Pclose(plist);
  return file;
}

void h5_close(hid_t file)
{
  must(H5Fclose(file) >= 0, "closing");
}

/* ---------------------------------------------------------------- datasets */

static size_t count_of(h5_shape shape)
{
  size_t count = 1;
  for (int k = 0; k < shape.rank; k++)
    count *= (size_t)shape.size[k];
  return count;
}

double *h5_numbers(h5_shape shape)
{
  size_t count = count_of(shape);
  double *out = support_alloc(count + 1, sizeof *out);
  for (size_t i = 0; i < count; i++)
    out[i] = (i % 2 ? -1.0 : 1.0) * (1.0 + (double)(i % 1021)) / 64.0;
  return out;
}

static hid_t float_type(h5_storage storage)
{
  hid_t type = H5I_INVALID_HID;
  if (storage.type == CGAP_BFLOAT16)
    type = H5Tcopy(H5T_STD_U16LE);
  else if (storage.type == CGAP_FLOAT64)
    type = H5Tcopy(H5T_IEEE_F64LE);
  else
    type = H5Tcopy(H5T_IEEE_F32LE);
  if (storage.type == CGAP_FLOAT16) {
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
  }
  H5Tset_order(type, storage.big_endian ? H5T_ORDER_BE : H5T_ORDER_LE);
  return type;
}

static hid_t create_plist(hid_t file, h5_shape shape, h5_layout layout, size_t bytes)
{
  hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t chunk[4];
  char external[4096];
  for (int k = 0; k < shape.rank; k++)
    chunk[k] = shape.size[k] > 4 ? shape.size[k] / 3 + 1 : shape.size[k];
  if (layout == H5_COMPACT)
    H5Pset_layout(plist, H5D_COMPACT);
  if (layout == H5_EXTERNAL) {
    must(H5Fget_name(file, external, sizeof external - 8) > 0, "the file's name");
    strcat(external, ".raw");
    H5Pset_external(plist, external, 0, bytes);
  }
  if (layout == H5_CONTIGUOUS || layout == H5_COMPACT || layout == H5_EXTERNAL)
    return plist;
  H5Pset_chunk(plist, shape.rank, chunk);
  if (layout == H5_SHUFFLE)
    H5Pset_shuffle(plist);
  if (layout == H5_GZIP || layout == H5_SHUFFLE)
    H5Pset_deflate(plist, 4);
  if (layout == H5_CHECKSUM)
    H5Pset_fletcher32(plist);
  return plist;
}

static hid_t create(hid_t file, const char *path, h5_shape shape, hid_t type, hid_t plist)
{
  hid_t link = H5Pcreate(H5P_LINK_CREATE), space = H5Screate_simple(shape.rank, shape.size, NULL);
  H5Pset_create_intermediate_group(link, 1);
  hid_t dataset = H5Dcreate2(file, path, type, space, link, plist, H5P_DEFAULT);
  must(dataset >= 0, path);
  H5Sclose(space);
  H5Pclose(link);
  return dataset;
}

/* The stored bytes are written as they are: HDF5 converts nothing. */
static void write_raw(hid_t dataset, hid_t type, void *bytes, size_t count, size_t size, bool swap)
{
  unsigned char *b = bytes;
  for (size_t i = 0; swap && i < count; i++) {
    for (size_t k = 0; k < size / 2; k++) {
      unsigned char byte = b[i * size + k];
      b[i * size + k] = b[i * size + size - 1 - k];
      b[i * size + size - 1 - k] = byte;
    }
  }
  must(count == 0 || H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0, "writing");
}

static void say_bfloat16(hid_t dataset)
{
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, 8);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  hid_t attribute = H5Acreate2(dataset, "dtype", type, space, H5P_DEFAULT, H5P_DEFAULT);
  must(attribute >= 0 && H5Awrite(attribute, type, "bfloat16") >= 0, "the attribute");
  H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
}

void h5_floats(hid_t file, const char *path, h5_shape shape, const double *values, h5_storage storage)
{
  size_t count = count_of(shape), size = cgap_type_size(storage.type);
  double *numbers = values ? NULL : h5_numbers(shape);
  void *encoded = support_encode(values ? values : numbers, count, storage.type);
  hid_t type = float_type(storage), plist = create_plist(file, shape, storage.layout, count * size);
  hid_t dataset = create(file, path, shape, type, plist);
  const uint16_t probe = 1;
  bool little = *(const unsigned char *)&probe == 1;
  write_raw(dataset, type, encoded, count, size, storage.big_endian == little);
  if (storage.type == CGAP_BFLOAT16)
    say_bfloat16(dataset);
  H5Dclose(dataset);
  H5Pclose(plist);
  H5Tclose(type);
  free(encoded);
  free(numbers);
}

void h5_plain(hid_t file, const char *path, h5_shape shape)
{
  h5_floats(file, path, shape, NULL, (h5_storage){.type = CGAP_FLOAT32});
}

void h5_integers(hid_t file, const char *path, h5_shape shape, const int64_t *values, hid_t type)
{
  size_t count = count_of(shape);
  int64_t *numbers = support_alloc(count + 1, sizeof *numbers);
  for (size_t i = 0; i < count; i++)
    numbers[i] = values ? values[i] : (int64_t)i;
  hid_t dataset = create(file, path, shape, type, H5P_DEFAULT);
  must(count == 0 || H5Dwrite(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers) >= 0, path);
  H5Dclose(dataset);
  free(numbers);
}

void h5_strings(hid_t file, const char *path, const char *const *values, size_t count, bool variable)
{
  enum { FIXED = 24 };
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, variable ? H5T_VARIABLE : FIXED);
  hid_t dataset = create(file, path, (h5_shape){1, {count}}, type, H5P_DEFAULT);
  char *fixed = support_alloc(count + 1, FIXED);
  for (size_t i = 0; i < count && !variable; i++)
    (void)snprintf(fixed + i * FIXED, FIXED, "%s", values[i]);
  const void *data = variable ? (const void *)values : fixed;
  must(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0, path);
  H5Dclose(dataset);
  H5Tclose(type);
  free(fixed);
}

/* ---------------------------------------------------------------- what users' files have besides */

static size_t pass_through(unsigned flags, size_t values, const unsigned *options, size_t bytes, size_t *size,
                           void **buffer)
{
  (void)flags, (void)values, (void)options, (void)size, (void)buffer;
  return bytes;
}

void h5_unknown_filter(hid_t file, const char *path, size_t rows, size_t dim, int number)
{
  const H5Z_class2_t filter = {H5Z_CLASS_T_VERS, (H5Z_filter_t)number, 1, 1, "", NULL, NULL, pass_through};
  h5_shape shape = {2, {rows, dim}};
  must(H5Zregister(&filter) >= 0, "registering a filter");
  hid_t plist = create_plist(file, shape, H5_CHUNKED, 0);
  H5Pset_filter(plist, (H5Z_filter_t)number, H5Z_FLAG_MANDATORY, 0, NULL);
  hid_t dataset = create(file, path, shape, H5T_IEEE_F32LE, plist);
  double *numbers = h5_numbers(shape);
  void *encoded = support_encode(numbers, rows * dim, CGAP_FLOAT32);
  must(H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, encoded) >= 0, path);
  must(H5Dclose(dataset) >= 0, path);
  H5Pclose(plist);
  must(H5Fflush(file, H5F_SCOPE_LOCAL) >= 0 && H5Zunregister((H5Z_filter_t)number) >= 0, "forgetting the filter");
  free(encoded);
  free(numbers);
}

void h5_virtual(hid_t file, const char *path, const char *const *files, size_t count, const char *source, size_t rows,
                size_t dim)
{
  h5_shape shape = {2, {rows * count, dim}};
  hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
  hid_t space = H5Screate_simple(2, shape.size, NULL), part = H5Screate_simple(2, (hsize_t[2]){rows, dim}, NULL);
  for (size_t i = 0; i < count; i++) {
    hsize_t start[2] = {i * rows, 0}, size[2] = {rows, dim};
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL);
    must(H5Pset_virtual(plist, space, files[i], source, part) >= 0, files[i]);
  }
  H5Dclose(create(file, path, shape, H5T_IEEE_F32LE, plist));
  H5Sclose(part);
  H5Sclose(space);
  H5Pclose(plist);
}

void h5_not(const char *directory, const char *name, const void *bytes, size_t count)
{
  char path[4096];
  path_in(path, sizeof path, directory, name);
  FILE *out = fopen(path, "wb");
  must(out && fwrite(bytes, 1, count, out) == count && fclose(out) == 0, path);
}

void h5_cut(const char *directory, const char *name, size_t bytes)
{
  char path[4096];
  path_in(path, sizeof path, directory, name);
  must(truncate(path, (off_t)bytes) == 0, path);
}

/* ---------------------------------------------------------------- marks */

void h5_mark(hid_t file, const char *path, const char *name, const char *value)
{
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, strlen(value));
  hid_t attribute = H5Acreate_by_name(file, path, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  must(attribute >= 0 && H5Awrite(attribute, type, value) >= 0, name);
  H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
}

void h5_text(hid_t file, const char *group, const char *name, const char *value)
{
  char path[200];
  (void)snprintf(path, sizeof path, "%s/%s", group, name);
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, strlen(value) + 1);
  hid_t dataset = H5Dcreate2(file, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  must(dataset >= 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0, path);
  H5Dclose(dataset);
  H5Sclose(space);
  H5Tclose(type);
}
