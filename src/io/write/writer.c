/* The writer of HDF5: everything goes to a file next to the target that is renamed when it is complete. Rows are
 * converted in a buffer of BUFFER_BYTES; datasets are filled row by row, written whole, made virtual or copied. */
#include "io/write/writer.h"

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text_buffer.h"
#include "io/read/hdf5_basics.h"
#include "io/read/name_words.h"
#include "io/write/hdf5_disk_full_driver.h"
#include "simd/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 22, CHUNK_ROWS = 1024 };

/* A dataset that is being filled row by row. */
typedef struct row_stream {
  char *path;
  hid_t dataset, type;
  cgap_type element;
  size_t middle, dim;    /* middle 0: rank 2 */
  size_t total, written; /* rows of dim */
} row_stream;

struct cgap_writer {
  char *path;
  cgap_temporary temporary;
  cgap_disk_full_driver sink; /* writes into the temporary file */
  hid_t file;
  row_stream *streams;
  size_t count;
  void *buffer;  /* BUFFER_BYTES bytes, for conversion */
  unsigned gzip; /* level, 0: none */
  bool broken;   /* a write failed: the file is useless */
  bool finished; /* on disk under its temporary name */
  char why[400]; /* HDF5's reason for it */
};

/* ---------------------------------------------------------------- failures */

/* Whether the H5 call that was just made failed, as it says itself or as the sink knows. Its reason is kept before
 * the next call clears it. */
static bool note_failure(cgap_writer *w, bool failed)
{
  if (failed && !w->broken)
    cgap_hdf5_reason(w->why, sizeof w->why);
  w->broken = w->broken || failed || w->sink.number;
  return failed || w->sink.number;
}

static cgap_status fail_write(const cgap_writer *w, const char *path, cgap_error *error)
{
  if (w->sink.number)
    return cgap_fail_errno(error, w->sink.number, w->path, "write");
  return cgap_fail(error, CGAP_FILE, "%s:%s: cannot be written (HDF5: %s)", w->path, path,
                   w->why[0] ? w->why : "no reason given");
}

/* ---------------------------------------------------------------- open */

static cgap_status check_target(const char *path, cgap_error *error)
{
  struct stat status;
  if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
    return cgap_fail(error, CGAP_FILE, "%s: a folder; name a file in it", path);
  if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
    return cgap_fail(error, CGAP_FILE, "%s: not a regular file; name another file", path);
  const char *slash = strrchr(path, '/');
  char *folder = slash ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : strdup(".");
  if (!folder)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  cgap_status result = CGAP_OK;
  if (path[0] == '\0' || (slash && slash[1] == '\0'))
    result = cgap_fail(error, CGAP_FILE, "%s: not the name of a file; name one", path);
  else if (stat(folder, &status) != 0)
    result = cgap_fail(error, CGAP_FILE, "%s: the folder %s does not exist; make it first", path, folder);
  else if (!S_ISDIR(status.st_mode))
    result = cgap_fail(error, CGAP_FILE, "%s: %s is no folder; name another file", path, folder);
  free(folder);
  return result;
}

static cgap_status create_file(cgap_writer *w, const char *temporary, cgap_error *error)
{
  cgap_status status = cgap_temporary_create(&w->temporary, w->path, temporary, error);
  if (status != CGAP_OK)
    return status;
  w->sink.fd = w->temporary.fd;
  w->file = cgap_disk_full_driver_create(&w->sink, w->temporary.path);
  if (note_failure(w, w->file < 0)) {
    status = fail_write(w, "/", error);
    if (w->file >= 0)
      H5Fclose(w->file);
    cgap_disk_full_driver_close(&w->sink);
    cgap_temporary_close(&w->temporary);
  }
  return status;
}

static void free_writer(cgap_writer *w)
{
  free(w->streams);
  free(w->buffer);
  free(w->path);
  free(w);
}

cgap_status cgap_writer_open_as(cgap_writer **out, const char *path, const char *temporary, cgap_error *error)
{
  *out = NULL;
  cgap_status status = check_target(path, error);
  if (status != CGAP_OK)
    return status;
  cgap_writer *w = calloc(1, sizeof *w);
  if (!w)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  w->file = H5I_INVALID_HID;
  w->path = strdup(path);
  w->temporary.fd = -1;
  w->buffer = malloc(BUFFER_BYTES);
  if (!w->path || !w->buffer)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  if (status == CGAP_OK)
    status = create_file(w, temporary, error);
  cgap_hdf5_silence_end(quiet);
  if (status == CGAP_OK)
    *out = w;
  else
    free_writer(w);
  return status;
}

cgap_status cgap_writer_open(cgap_writer **out, const char *path, cgap_error *error)
{
  return cgap_writer_open_as(out, path, NULL, error);
}

/* ---------------------------------------------------------------- close */

static cgap_status close_streams(cgap_writer *w, bool commit, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < w->count; i++) {
    row_stream *s = &w->streams[i];
    if (commit && status == CGAP_OK && s->written != s->total)
      status =
        cgap_fail(error, CGAP_USAGE, "%s:%s: %zu of %zu rows were written", w->path, s->path, s->written, s->total);
    if (note_failure(w, H5Dclose(s->dataset) < 0) && commit && status == CGAP_OK)
      status = fail_write(w, s->path, error);
    H5Tclose(s->type);
    free(s->path);
  }
  return status;
}

/* Delayed allocation and network file systems may find the disk full only at fsync. */
static cgap_status close_file(cgap_writer *w, bool commit, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  bool failed = note_failure(w, H5Fclose(w->file) < 0);
  cgap_disk_full_driver_close(&w->sink);
  if (commit && failed)
    status = fail_write(w, "/", error);
  if (commit && status == CGAP_OK && fsync(w->sink.fd) != 0)
    status = cgap_fail_errno(error, errno, w->path, "write");
  return status;
}

/* commit false: closed all the same, whatever is in it. */
static cgap_status finish_file(cgap_writer *w, bool commit, cgap_error *error)
{
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  cgap_status status = CGAP_OK;
  if (commit && w->broken)
    status = fail_write(w, "/", error);
  cgap_status closed = close_streams(w, commit && status == CGAP_OK, error);
  status = status == CGAP_OK ? closed : status;
  closed = close_file(w, commit && status == CGAP_OK, error);
  status = status == CGAP_OK ? closed : status;
  w->finished = true;
  w->broken |= status != CGAP_OK;
  cgap_hdf5_silence_end(quiet);
  return status;
}

cgap_status cgap_writer_finish(cgap_writer *w, cgap_error *error)
{
  return finish_file(w, true, error);
}

cgap_status cgap_writer_close(cgap_writer *w, bool commit, cgap_error *error)
{
  if (!w)
    return CGAP_OK;
  cgap_status status = CGAP_OK;
  if (!w->finished)
    status = finish_file(w, commit, error);
  else if (commit && w->broken)
    status = fail_write(w, "/", error);
  if (commit && status == CGAP_OK)
    status = cgap_temporary_publish(&w->temporary, w->path, error);
  cgap_temporary_close(&w->temporary);
  free_writer(w);
  return status;
}

/* ---------------------------------------------------------------- attributes */

cgap_status cgap_writer_attribute(cgap_writer *w, const char *path, const char *name, const char *value,
                                  cgap_error *error)
{
  cgap_status status = CGAP_OK;
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR), attribute = H5I_INVALID_HID;
  H5Tset_size(type, strlen(value) + 1);
  H5Tset_cset(type, H5T_CSET_UTF8);
  if (H5Aexists_by_name(w->file, path, name, H5P_DEFAULT) > 0)
    (void)H5Adelete_by_name(w->file, path, name, H5P_DEFAULT);
  attribute = H5Acreate_by_name(w->file, path, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (note_failure(w, attribute < 0 || H5Awrite(attribute, type, value) < 0))
    status = fail_write(w, path, error);
  cgap_hdf5_close(attribute);
  H5Sclose(space);
  H5Tclose(type);
  cgap_hdf5_silence_end(quiet);
  return status;
}

/* ---------------------------------------------------------------- datasets */

static hid_t storage_type(cgap_type type)
{
  if (type == CGAP_BFLOAT16)
    return H5Tcopy(H5T_NATIVE_UINT16);
  hid_t id = H5Tcopy(type == CGAP_FLOAT64 ? H5T_NATIVE_DOUBLE : H5T_NATIVE_FLOAT);
  if (type == CGAP_FLOAT16) {
    H5Tset_fields(id, 15, 10, 5, 0, 10);
    H5Tset_size(id, 2);
    H5Tset_ebias(id, 15);
  }
  return id;
}

void cgap_writer_compress(cgap_writer *w, unsigned level)
{
  w->gzip = level;
}

/* A new dataset with the creation list `create`, or a negative number, whose reason is noted. Groups on the way are
 * made; no times are kept, so that the same content gives the same bytes. */
static hid_t create_dataset(cgap_writer *w, const char *path, hid_t type, int ndim, const hsize_t *shape, hid_t create)
{
  hid_t space = H5Screate_simple(ndim, shape, NULL);
  hid_t link = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(link, 1);
  H5Pset_obj_track_times(create, false);
  hid_t dataset = H5Dcreate2(w->file, path, type, space, link, create, H5P_DEFAULT);
  (void)note_failure(w, dataset < 0);
  H5Pclose(link);
  H5Sclose(space);
  return dataset;
}

static hid_t create_filled(cgap_writer *w, const char *path, hid_t type, int ndim, const hsize_t *shape)
{
  hid_t create = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_fill_time(create, H5D_FILL_TIME_NEVER);
  if (w->gzip && (ndim == 2 || ndim == 3) && shape[0] > 0) {
    const hsize_t chunk[3] = {cgap_lesser(shape[0], CHUNK_ROWS), shape[1], ndim == 3 ? shape[2] : 0};
    H5Pset_chunk(create, ndim, chunk);
    H5Pset_deflate(create, w->gzip);
  }
  hid_t dataset = create_dataset(w, path, type, ndim, shape, create);
  H5Pclose(create);
  return dataset;
}

static row_stream *find_stream(cgap_writer *w, const char *path)
{
  for (size_t i = 0; i < w->count; i++)
    if (!strcmp(w->streams[i].path, path))
      return &w->streams[i];
  return NULL;
}

cgap_status cgap_writer_create(cgap_writer *w, const char *path, cgap_type type, size_t rows, size_t middle, size_t dim,
                               cgap_error *error)
{
  if (dim == 0 || dim * sizeof(double) > BUFFER_BYTES || find_stream(w, path))
    return cgap_fail(error, CGAP_USAGE, "%s:%s: %zu elements per row; 1 to %zu are possible, and a name is used once",
                     w->path, path, dim, BUFFER_BYTES / sizeof(double));
  row_stream *grown = realloc(w->streams, (w->count + 1) * sizeof *grown);
  w->streams = grown ? grown : w->streams;
  row_stream s = {
    .path = strdup(path), .element = type, .middle = middle, .dim = dim, .total = rows * (middle ? middle : 1)};
  if (!grown || !s.path) {
    free(s.path);
    return cgap_fail(error, CGAP_RESOURCE, "%s:%s: out of memory", w->path, path);
  }
  const hsize_t flat[2] = {rows, dim}, deep[3] = {rows, middle, dim};
  cgap_status status = CGAP_OK;
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  s.type = storage_type(type);
  s.dataset = create_filled(w, path, s.type, middle ? 3 : 2, middle ? deep : flat);
  if (s.dataset < 0 || w->broken) {
    status = fail_write(w, path, error);
    cgap_hdf5_close(s.dataset);
    H5Tclose(s.type);
    free(s.path);
  } else {
    grown[w->count++] = s;
  }
  if (status == CGAP_OK && type == CGAP_BFLOAT16)
    status = cgap_writer_attribute(w, path, "dtype", "bfloat16", error);
  cgap_hdf5_silence_end(quiet);
  return status;
}

/* ---------------------------------------------------------------- rows */

/* The block in the dataset's type: the caller's own where the types agree, else converted into the buffer. */
static const void *convert_rows(void *buffer, cgap_type type, const float *floats, const double *doubles, size_t count)
{
  if (type == CGAP_FLOAT32 && floats)
    return floats;
  if (type == CGAP_FLOAT64 && doubles)
    return doubles;
  for (size_t i = 0; i < count; i++) {
    const double value = floats ? (double)floats[i] : doubles[i];
    if (type == CGAP_FLOAT16)
      ((uint16_t *)buffer)[i] = cgap_half_from_double(value);
    else if (type == CGAP_BFLOAT16)
      ((uint16_t *)buffer)[i] = cgap_bfloat16_from_double(value);
    else if (type == CGAP_FLOAT32)
      ((float *)buffer)[i] = (float)value;
    else
      ((double *)buffer)[i] = value;
  }
  return buffer;
}

static bool write_slab(cgap_writer *w, const row_stream *s, const hsize_t start[3], const hsize_t count[3],
                       const void *data)
{
  int ndim = s->middle ? 3 : 2;
  hid_t memory = H5Screate_simple(ndim, count, NULL), space = H5Dget_space(s->dataset);
  bool ok = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
  ok = ok && H5Dwrite(s->dataset, s->type, memory, space, H5P_DEFAULT, data) >= 0;
  ok = !note_failure(w, !ok);
  H5Sclose(space);
  H5Sclose(memory);
  return ok;
}

/* Rows in order; of a rank 3 dataset whole groups in one slab, and the ends on their own. */
static bool write_rows(cgap_writer *w, row_stream *s, size_t count, const unsigned char *data)
{
  const size_t row_bytes = s->dim * cgap_type_size(s->element), middle = s->middle;
  while (count > 0) {
    const size_t within = middle ? s->written % middle : 0, groups = middle && !within ? count / middle : 0;
    const size_t rows = !middle ? count : groups ? groups * middle : cgap_lesser(middle - within, count);
    const bool ok = !middle ? write_slab(w, s, (hsize_t[3]){s->written, 0, 0}, (hsize_t[3]){count, s->dim, 0}, data)
                            : write_slab(w, s, (hsize_t[3]){s->written / middle, within, 0},
                                         (hsize_t[3]){groups ? groups : 1, groups ? middle : rows, s->dim}, data);
    if (!ok)
      return false;
    s->written += rows;
    count -= rows;
    data += rows * row_bytes;
  }
  return true;
}

/* One of floats, doubles and raw elements. */
static cgap_status append_rows(cgap_writer *w, const char *path, const float *floats, const double *doubles,
                               const unsigned char *raw, size_t count, cgap_error *error)
{
  row_stream *s = find_stream(w, path);
  if (!s || count > s->total - s->written)
    return cgap_fail(error, CGAP_USAGE, "%s:%s: %zu rows more than the %zu that were announced", w->path, path, count,
                     s ? s->total : 0);
  const size_t size = cgap_type_size(s->element), block = BUFFER_BYTES / (s->dim * size);
  cgap_status status = CGAP_OK;
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  for (size_t done = 0; done < count && status == CGAP_OK; done += block) {
    const size_t here = cgap_lesser(count - done, block), at = done * s->dim;
    const void *rows = raw ? raw + at * size
                           : convert_rows(w->buffer, s->element, floats ? floats + at : NULL,
                                          doubles ? doubles + at : NULL, here * s->dim);
    if (!write_rows(w, s, here, rows))
      status = fail_write(w, path, error);
  }
  cgap_hdf5_silence_end(quiet);
  return status;
}

cgap_status cgap_writer_append(cgap_writer *w, const char *path, const float *rows, size_t count, cgap_error *error)
{
  return append_rows(w, path, rows, NULL, NULL, count, error);
}

cgap_status cgap_writer_append_double(cgap_writer *w, const char *path, const double *rows, size_t count,
                                      cgap_error *error)
{
  return append_rows(w, path, NULL, rows, NULL, count, error);
}

cgap_status cgap_writer_append_raw(cgap_writer *w, const char *path, const void *rows, size_t count, cgap_error *error)
{
  return append_rows(w, path, NULL, NULL, rows, count, error);
}

/* ---------------------------------------------------------------- whole datasets */

static cgap_status write_whole(cgap_writer *w, const char *path, hid_t type, const void *values, size_t rows,
                               size_t columns, cgap_error *error)
{
  hsize_t shape[2] = {rows, columns};
  cgap_status status = CGAP_OK;
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  hid_t dataset = create_filled(w, path, type, columns ? 2 : 1, shape);
  if (dataset < 0 || note_failure(w, rows > 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0))
    status = fail_write(w, path, error);
  if (dataset >= 0 && note_failure(w, H5Dclose(dataset) < 0) && status == CGAP_OK)
    status = fail_write(w, path, error);
  cgap_hdf5_silence_end(quiet);
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

cgap_status cgap_writer_strings(cgap_writer *w, const char *path, const char *values, size_t rows, size_t width,
                                cgap_error *error)
{
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, width);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  H5Tset_cset(type, H5T_CSET_UTF8);
  cgap_hdf5_silence_end(quiet);
  const cgap_status status = write_whole(w, path, type, values, rows, 0, error);
  quiet = cgap_hdf5_silence_begin();
  H5Tclose(type);
  cgap_hdf5_silence_end(quiet);
  return status;
}

/* ---------------------------------------------------------------- virtual datasets */

/* HDF5 takes %b in the name of a source for a number. */
static char *escape_source_name(const char *name)
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

static bool map_source(hid_t create, const char *path, int ndim, const hsize_t *shape, const cgap_writer_source *source,
                       size_t first)
{
  const hsize_t start[3] = {first, 0, 0};
  const hsize_t size[3] = {source->rows, shape[1], shape[2]};
  hid_t space = H5Screate_simple(ndim, shape, NULL), source_space = H5Screate_simple(ndim, size, NULL);
  char *file = escape_source_name(source->file), *dataset = escape_source_name(path);
  const bool valid = file && dataset && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL) >= 0 &&
                     H5Pset_virtual(create, space, file, dataset, source_space) >= 0;
  free(dataset);
  free(file);
  H5Sclose(source_space);
  H5Sclose(space);
  return valid;
}

cgap_status cgap_writer_virtual(cgap_writer *w, const char *path, cgap_type type, size_t middle, size_t dim,
                                const cgap_writer_source *sources, size_t count, cgap_error *error)
{
  const int ndim = middle ? 3 : 2;
  hsize_t shape[3] = {0, middle ? middle : dim, dim};
  for (size_t i = 0; i < count; i++)
    shape[0] += sources[i].rows;
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  hid_t create = H5Pcreate(H5P_DATASET_CREATE), stored = storage_type(type), dataset = H5I_INVALID_HID;
  cgap_status status = CGAP_OK;
  size_t first = 0;
  bool valid = true;
  fill_with_nan(create, type);
  for (size_t i = 0; valid && i < count; first += sources[i++].rows)
    valid = sources[i].rows == 0 || map_source(create, path, ndim, shape, &sources[i], first);
  if (!note_failure(w, !valid))
    dataset = create_dataset(w, path, stored, ndim, shape, create);
  if (dataset < 0 || note_failure(w, H5Dclose(dataset) < 0))
    status = fail_write(w, path, error);
  H5Tclose(stored);
  H5Pclose(create);
  if (status == CGAP_OK && type == CGAP_BFLOAT16)
    status = cgap_writer_attribute(w, path, "dtype", "bfloat16", error);
  cgap_hdf5_silence_end(quiet);
  return status;
}

/* ---------------------------------------------------------------- copies from other files */

static bool copy_values(hid_t from, hid_t type, hid_t space, hid_t to, const char *name)
{
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  void *values = calloc((size_t)(count > 0 ? count : 0) + 1, H5Tget_size(type));
  hid_t copy = values ? H5Acreate2(to, name, type, space, H5P_DEFAULT, H5P_DEFAULT) : H5I_INVALID_HID;
  const bool valid = copy >= 0 && H5Aread(from, type, values) >= 0 && H5Awrite(copy, type, values) >= 0;
  if (valid && count > 0)
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, values);
  cgap_hdf5_close(copy);
  free(values);
  return valid;
}

static herr_t copy_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
  const hid_t to = *(const hid_t *)context;
  (void)info;
  if (H5Aexists(to, name) > 0 || !strcmp(name, CGAP_OUTPUT_PARTS_ATTRIBUTE) ||
      !strcmp(name, CGAP_OUTPUT_PART_ATTRIBUTE))
    return 0;
  hid_t from = H5Aopen(object, name, H5P_DEFAULT);
  hid_t type = from >= 0 ? H5Aget_type(from) : H5I_INVALID_HID,
        space = from >= 0 ? H5Aget_space(from) : H5I_INVALID_HID;
  const bool valid = type >= 0 && space >= 0 && copy_values(from, type, space, to, name);
  cgap_hdf5_close(space);
  cgap_hdf5_close(type);
  cgap_hdf5_close(from);
  return valid ? 0 : -1;
}

/* All elements, some rows at a time. */
static bool copy_elements(cgap_writer *w, hid_t from, hid_t to, hid_t type, int ndim, const hsize_t *shape)
{
  hsize_t size[H5S_MAX_RANK] = {0}, start[H5S_MAX_RANK] = {0};
  hid_t space = H5Dget_space(from);
  size_t put_row = H5Tget_size(type);
  for (int k = 1; k < ndim; k++)
    put_row *= (size_t)(size[k] = shape[k]);
  const hsize_t rows = ndim ? shape[0] : 1, most = put_row && put_row < BUFFER_BYTES ? BUFFER_BYTES / put_row : 1;
  void *values = malloc((size_t)most * put_row + 1);
  bool valid = values != NULL;
  for (; valid && start[0] < rows; start[0] += size[0]) {
    size[0] = rows - start[0] < most ? rows - start[0] : most;
    hid_t memory = H5Screate_simple(ndim, size, NULL);
    if (ndim)
      H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL);
    const bool got = !note_failure(w, H5Dread(from, type, memory, space, H5P_DEFAULT, values) < 0);
    valid = got && !note_failure(w, H5Dwrite(to, type, memory, space, H5P_DEFAULT, values) < 0);
    if (got)
      H5Dvlen_reclaim(type, memory, H5P_DEFAULT, values);
    H5Sclose(memory);
  }
  free(values);
  H5Sclose(space);
  return valid;
}

static bool copy_rows(cgap_writer *w, hid_t from, const char *as)
{
  hsize_t shape[H5S_MAX_RANK] = {0}, at = 0;
  hid_t type = H5Tcopy(from), space = H5Dget_space(from), create = H5Pcreate(H5P_DATASET_CREATE);
  const int ndim = H5Sget_simple_extent_dims(space, shape, NULL);
  hid_t to = create_dataset(w, as, type, ndim, shape, create);
  const bool valid = to >= 0 && copy_elements(w, from, to, type, ndim, shape) &&
                     !note_failure(w, H5Aiterate2(from, H5_INDEX_NAME, H5_ITER_INC, &at, copy_attribute, &to) < 0);
  cgap_hdf5_close(to);
  H5Pclose(create);
  H5Sclose(space);
  H5Tclose(type);
  return valid;
}

/* Whether the elements are in other files: HDF5 would copy their names, which are relative to the folder. */
static bool lies_elsewhere(hid_t dataset)
{
  hid_t create = H5Dget_create_plist(dataset);
  const bool elsewhere = H5Pget_layout(create) == H5D_VIRTUAL || H5Pget_external_count(create) > 0;
  H5Pclose(create);
  return elsewhere;
}

static bool copy_object(cgap_writer *w, hid_t file, const cgap_entry *entry, const char *path, const char *as)
{
  hid_t from = entry ? H5Dopen2(file, path, H5P_DEFAULT) : H5I_INVALID_HID;
  bool valid = false;
  if (from >= 0 && lies_elsewhere(from)) {
    valid = copy_rows(w, from, as);
  } else {
    hid_t link = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(link, 1);
    valid = !note_failure(w, H5Ocopy(file, path, w->file, as, H5P_DEFAULT, link) < 0);
    H5Pclose(link);
  }
  cgap_hdf5_close(from);
  return valid;
}

static cgap_status fail_copy(const cgap_writer *w, const cgap_file *from, const char *path, const char *what,
                             const char *as, cgap_error *error)
{
  if (w->sink.number)
    return fail_write(w, as, error);
  return cgap_fail(error, CGAP_FILE, "%s:%s%s cannot be copied to %s:%s (HDF5: %s)", from->path, path, what, w->path,
                   as, w->why[0] ? w->why : "no reason given");
}

cgap_status cgap_writer_copy(cgap_writer *w, const cgap_file *from, const char *path, const char *as, cgap_error *error)
{
  const cgap_entry *entry = cgap_file_find(from, path);
  if (entry && entry->obstacle && (entry->is_virtual || entry->source_count))
    return cgap_fail(error, CGAP_FILE, "%s: %s", entry->name, entry->obstacle);
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  cgap_status status = CGAP_OK;
  if (note_failure(w, !copy_object(w, from->id, entry, path, as)))
    status = fail_copy(w, from, path, "", as, error);
  cgap_hdf5_silence_end(quiet);
  return status;
}

cgap_status cgap_writer_copy_attributes(cgap_writer *w, const cgap_file *from, const char *path, const char *as,
                                        cgap_error *error)
{
  cgap_status status = CGAP_OK;
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  hid_t source = H5Oopen(from->id, path, H5P_DEFAULT);
  hid_t to = source < 0 ? H5I_INVALID_HID : H5Oopen(w->file, as, H5P_DEFAULT);
  hsize_t at = 0;
  if (note_failure(w, to < 0 || H5Aiterate2(source, H5_INDEX_NAME, H5_ITER_INC, &at, copy_attribute, &to) < 0))
    status = fail_copy(w, from, path, ": its attributes", as, error);
  cgap_hdf5_close(to);
  cgap_hdf5_close(source);
  cgap_hdf5_silence_end(quiet);
  return status;
}
