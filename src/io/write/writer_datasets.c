/* Datasets out: filled row by row, or whole. */
#include "base/half.h"
#include "io/write/writer_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_ROWS = 1024 };

static cgap_status fail_memory(cgap_writer *w, const char *path, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "%s:%s: out of memory", w->path, path);
}
/* ---------------------------------------------------------------- datasets */

static hid_t half_type(void)
{
  hid_t type = H5Tcopy(H5T_NATIVE_FLOAT);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

static hid_t storage_type(cgap_type type)
{
  switch (type) {
  case CGAP_FLOAT16:
    return half_type();
  case CGAP_BFLOAT16:
    return H5Tcopy(H5T_NATIVE_UINT16);
  case CGAP_FLOAT32:
    return H5Tcopy(H5T_NATIVE_FLOAT);
  default:
    return H5Tcopy(H5T_NATIVE_DOUBLE);
  }
}

void cgap_writer_compress(cgap_writer *w, unsigned level)
{
  w->gzip = level;
}

static void compress(hid_t create, unsigned level, int rank, const hsize_t *shape)
{
  hsize_t chunk[3] = {0};
  for (int k = 0; k < rank; k++)
    chunk[k] = k == 0 && shape[k] > CHUNK_ROWS ? CHUNK_ROWS : shape[k];
  H5Pset_chunk(create, rank, chunk);
  H5Pset_deflate(create, level);
}

hid_t cgap_writer_dataset(cgap_writer *w, const char *path, hid_t type, int rank, const hsize_t *shape, hid_t create)
{
  hid_t space = H5Screate_simple(rank, shape, NULL);
  hid_t link = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(link, 1);
  H5Pset_obj_track_times(create, false);
  hid_t dataset = H5Dcreate2(w->file, path, type, space, link, create, H5P_DEFAULT);
  (void)cgap_writer_noted(w, dataset < 0);
  H5Pclose(link);
  H5Sclose(space);
  return dataset;
}

static hid_t create_filled(cgap_writer *w, const char *path, hid_t type, int rank, const hsize_t *shape)
{
  hid_t create = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_fill_time(create, H5D_FILL_TIME_NEVER);
  if (w->gzip && (rank == 2 || rank == 3) && shape[0] > 0)
    compress(create, w->gzip, rank, shape);
  hid_t dataset = cgap_writer_dataset(w, path, type, rank, shape, create);
  H5Pclose(create);
  return dataset;
}

static cgap_stream *find_stream(cgap_writer *w, const char *path)
{
  for (size_t i = 0; i < w->count; i++) {
    if (!strcmp(w->streams[i].path, path))
      return &w->streams[i];
  }
  return NULL;
}

static cgap_status create_stream(cgap_writer *w, const cgap_stream *wanted, const char *path, cgap_error *error)
{
  cgap_stream *grown = realloc(w->streams, (w->count + 1) * sizeof *grown);
  if (!grown)
    return fail_memory(w, path, error);
  w->streams = grown;
  cgap_stream *s = &grown[w->count];
  *s = *wanted;
  s->path = strdup(path);
  if (!s->path)
    return fail_memory(w, path, error);
  s->type = storage_type(s->element);
  hsize_t flat[2] = {s->rows, s->dim}, deep[3] = {s->rows, s->middle, s->dim};
  s->dataset = create_filled(w, path, s->type, s->middle ? 3 : 2, s->middle ? deep : flat);
  if (s->dataset < 0 || w->broken) {
    cgap_status status = cgap_writer_fail(w, path, error);
    if (s->dataset >= 0)
      H5Dclose(s->dataset);
    H5Tclose(s->type);
    free(s->path);
    return status;
  }
  w->count++;
  return s->element == CGAP_BFLOAT16 ? cgap_writer_attribute(w, path, "dtype", "bfloat16", error) : CGAP_OK;
}

cgap_status cgap_writer_create(cgap_writer *w, const char *path, cgap_type type, size_t rows, size_t middle, size_t dim,
                               cgap_error *error)
{
  cgap_stream s = {.element = type,
                   .rows = rows,
                   .middle = middle,
                   .dim = dim,
                   .total = rows * (middle ? middle : 1),
                   .dataset = H5I_INVALID_HID};
  if (dim == 0 || dim * sizeof(double) > CGAP_WRITER_BUFFER || find_stream(w, path))
    return cgap_fail(error, CGAP_USAGE, "%s:%s: %zu elements a row; 1 to %zu are possible, and a name is used once",
                     w->path, path, dim, CGAP_WRITER_BUFFER / sizeof(double));
  cgap_quiet quiet = cgap_quiet_begin();
  cgap_status status = create_stream(w, &s, path, error);
  cgap_quiet_end(quiet);
  return status;
}

/* ---------------------------------------------------------------- rows */

/* The block as the dataset has it: the caller's own where the types agree, else converted into the buffer. */
static const void *convert(void *buffer, cgap_type type, const float *narrow, const double *wide, size_t count)
{
  uint16_t *half = buffer;
  if (type == CGAP_FLOAT32 && narrow)
    return narrow;
  if (type == CGAP_FLOAT64 && wide)
    return wide;
  if (type == CGAP_FLOAT16) {
    for (size_t i = 0; i < count; i++)
      half[i] = cgap_half_from_double(narrow ? (double)narrow[i] : wide[i]);
  } else if (type == CGAP_BFLOAT16) {
    for (size_t i = 0; i < count; i++)
      half[i] = cgap_bfloat16_from_double(narrow ? (double)narrow[i] : wide[i]);
  } else if (narrow) {
    for (size_t i = 0; i < count; i++)
      ((double *)buffer)[i] = narrow[i];
  } else {
    for (size_t i = 0; i < count; i++)
      ((float *)buffer)[i] = (float)wide[i];
  }
  return buffer;
}

static bool write_slab(cgap_writer *w, const cgap_stream *s, const hsize_t start[3], const hsize_t count[3],
                       const void *data)
{
  int rank = s->middle ? 3 : 2;
  hid_t memory = H5Screate_simple(rank, count, NULL), space = H5Dget_space(s->dataset);
  bool ok = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
  ok = ok && H5Dwrite(s->dataset, s->type, memory, space, H5P_DEFAULT, data) >= 0;
  ok = !cgap_writer_noted(w, !ok);
  H5Sclose(space);
  H5Sclose(memory);
  return ok;
}

/* Rows of a rank 3 dataset in order: whole groups in one slab, the ends apart. */
static bool write_rows(cgap_writer *w, cgap_stream *s, size_t count, const unsigned char *data)
{
  size_t row_bytes = s->dim * cgap_type_size(s->element);
  if (!s->middle) {
    bool ok = write_slab(w, s, (hsize_t[3]){s->written, 0, 0}, (hsize_t[3]){count, s->dim, 0}, data);
    s->written += ok ? count : 0;
    return ok;
  }
  while (count > 0) {
    size_t within = s->written % s->middle, groups = 1, rows = s->middle - within;
    if (within == 0 && count >= s->middle)
      groups = count / s->middle;
    else if (rows > count)
      rows = count;
    if (!write_slab(w, s, (hsize_t[3]){s->written / s->middle, within, 0}, (hsize_t[3]){groups, rows, s->dim}, data))
      return false;
    s->written += groups * rows;
    count -= groups * rows;
    data += groups * rows * row_bytes;
  }
  return true;
}

static cgap_status append(cgap_writer *w, const char *path, const float *narrow, const double *wide, size_t count,
                          cgap_error *error)
{
  cgap_stream *s = find_stream(w, path);
  if (!s || count > s->total - s->written)
    return cgap_fail(error, CGAP_USAGE, "%s:%s: %zu rows more than the %zu that were announced", w->path, path, count,
                     s ? s->total : 0);
  size_t block = CGAP_WRITER_BUFFER / (s->dim * cgap_type_size(s->element));
  cgap_status status = CGAP_OK;
  cgap_quiet quiet = cgap_quiet_begin();
  for (size_t done = 0; done < count && status == CGAP_OK;) {
    size_t here = count - done < block ? count - done : block;
    const void *block_rows = convert(w->buffer, s->element, narrow ? narrow + done * s->dim : NULL,
                                     wide ? wide + done * s->dim : NULL, here * s->dim);
    if (!write_rows(w, s, here, block_rows))
      status = cgap_writer_fail(w, path, error);
    done += here;
  }
  cgap_quiet_end(quiet);
  return status;
}

cgap_status cgap_writer_append(cgap_writer *w, const char *path, const float *rows, size_t count, cgap_error *error)
{
  return append(w, path, rows, NULL, count, error);
}

cgap_status cgap_writer_append_raw(cgap_writer *w, const char *path, const void *rows, size_t count, cgap_error *error)
{
  cgap_stream *s = find_stream(w, path);
  if (!s || count > s->total - s->written)
    return cgap_fail(error, CGAP_USAGE, "%s:%s: %zu rows more than the %zu that were announced", w->path, path, count,
                     s ? s->total : 0);
  cgap_quiet quiet = cgap_quiet_begin();
  cgap_status status = write_rows(w, s, count, rows) ? CGAP_OK : cgap_writer_fail(w, path, error);
  cgap_quiet_end(quiet);
  return status;
}

cgap_status cgap_writer_append_double(cgap_writer *w, const char *path, const double *rows, size_t count,
                                      cgap_error *error)
{
  return append(w, path, NULL, rows, count, error);
}

/* ---------------------------------------------------------------- whole datasets */

static cgap_status write_whole(cgap_writer *w, const char *path, hid_t type, const void *values, size_t rows,
                               size_t columns, cgap_error *error)
{
  hsize_t shape[2] = {rows, columns};
  cgap_status status = CGAP_OK;
  cgap_quiet quiet = cgap_quiet_begin();
  hid_t dataset = create_filled(w, path, type, columns ? 2 : 1, shape);
  if (dataset < 0 ||
      cgap_writer_noted(w, rows > 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0))
    status = cgap_writer_fail(w, path, error);
  if (dataset >= 0 && cgap_writer_noted(w, H5Dclose(dataset) < 0) && status == CGAP_OK)
    status = cgap_writer_fail(w, path, error);
  cgap_quiet_end(quiet);
  return status;
}

cgap_status cgap_writer_int64(cgap_writer *w, const char *path, const int64_t *values, size_t rows, size_t columns,
                              cgap_error *error)
{
  return write_whole(w, path, H5T_NATIVE_INT64, values, rows, columns, error);
}

cgap_status cgap_writer_float64(cgap_writer *w, const char *path, const double *values, size_t rows, size_t columns,
                                cgap_error *error)
{
  return write_whole(w, path, H5T_NATIVE_DOUBLE, values, rows, columns, error);
}

/* ---------------------------------------------------------------- virtual datasets */

/* HDF5 takes %b in the name of a source for a number. */
static char *escaped(const char *name)
{
  char *out = malloc(2 * strlen(name) + 1), *to = out;
  for (const char *p = name; out && *p; p++) {
    if (*p == '%')
      *to++ = '%';
    *to++ = *p;
  }
  if (out)
    *to = '\0';
  return out;
}

/* Elsewhere a source that is missing is read as this: NaN says so, other values would not. */
static void fill_with_nan(hid_t create, cgap_type type)
{
  static const float nan_float = NAN;
  static const uint16_t nan_bfloat16 = 0x7fc0;
  const bool half = type == CGAP_BFLOAT16;
  H5Pset_fill_value(create, half ? H5T_NATIVE_UINT16 : H5T_NATIVE_FLOAT,
                    half ? (const void *)&nan_bfloat16 : &nan_float);
}

static bool map_source(hid_t create, const char *path, int rank, const hsize_t *shape, const cgap_writer_source *source,
                       size_t first)
{
  const hsize_t start[3] = {first, 0, 0};
  const hsize_t size[3] = {source->rows, shape[1], shape[2]};
  hid_t space = H5Screate_simple(rank, shape, NULL), part = H5Screate_simple(rank, size, NULL);
  char *file = escaped(source->file), *dataset = escaped(path);
  const bool fine = file && dataset && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL) >= 0 &&
                    H5Pset_virtual(create, space, file, dataset, part) >= 0;
  free(dataset);
  free(file);
  H5Sclose(part);
  H5Sclose(space);
  return fine;
}

static cgap_status create_virtual(cgap_writer *w, const char *path, cgap_type type, int rank, const hsize_t *shape,
                                  const cgap_writer_source *sources, size_t count, cgap_error *error)
{
  hid_t create = H5Pcreate(H5P_DATASET_CREATE), stored = storage_type(type), dataset = H5I_INVALID_HID;
  cgap_status status = CGAP_OK;
  size_t first = 0;
  bool fine = true;
  fill_with_nan(create, type);
  for (size_t i = 0; fine && i < count; first += sources[i++].rows)
    fine = sources[i].rows == 0 || map_source(create, path, rank, shape, &sources[i], first);
  if (!cgap_writer_noted(w, !fine))
    dataset = cgap_writer_dataset(w, path, stored, rank, shape, create);
  if (dataset < 0 || cgap_writer_noted(w, H5Dclose(dataset) < 0))
    status = cgap_writer_fail(w, path, error);
  H5Tclose(stored);
  H5Pclose(create);
  return status;
}

cgap_status cgap_writer_virtual(cgap_writer *w, const char *path, cgap_type type, size_t middle, size_t dim,
                                const cgap_writer_source *sources, size_t count, cgap_error *error)
{
  hsize_t shape[3] = {0, middle ? middle : dim, dim};
  for (size_t i = 0; i < count; i++)
    shape[0] += sources[i].rows;
  cgap_quiet quiet = cgap_quiet_begin();
  cgap_status status = create_virtual(w, path, type, middle ? 3 : 2, shape, sources, count, error);
  cgap_quiet_end(quiet);
  return status == CGAP_OK && type == CGAP_BFLOAT16 ? cgap_writer_attribute(w, path, "dtype", "bfloat16", error)
                                                    : status;
}
