#include "base/memory.h"
#include "base/threads.h"
#include "bench/rates.h"
#include "io/write/writer.h"
#include "rows/embeddings.h"
#include "rows/modality.h"
#include "rows/row_pass.h"
#include "rows/row_sums.h"
#include "simulate/simulate.h"

#include <cblas.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum {
  FILE_ROWS = 40000, /* pairs of the files that are read */
  GZIP_ROWS = 10000, /* of them that are compressed … */
  GZIP_LEVEL = 4,    /* … as h5py does unless told otherwise */
};

/* A file as plain bytes, once it is in the page cache. */
static cgap_status raw_read(const char *path, double *gbps, cgap_error *error)
{
  enum { PIECE = 4 << 20 };
  unsigned char *buffer = cgap_alloc(PIECE, 1);
  double best = INFINITY, bytes = 0;
  for (int r = 0; buffer && r < CGAP_BENCH_REPEATS + 1; r++) {
    const int fd = open(path, O_RDONLY);
    const double start = cgap_clock_seconds();
    ssize_t n = 0;
    bytes = 0;
    while (fd >= 0 && (n = read(fd, buffer, PIECE)) > 0)
      bytes += (double)n;
    if (r > 0)
      best = fmin(best, cgap_clock_seconds() - start);
    if (fd >= 0)
      (void)close(fd);
    if (fd < 0 || n < 0) {
      cgap_free(buffer);
      return cgap_fail(error, CGAP_FILE, "%s: cannot be read back", path);
    }
  }
  if (!buffer)
    return cgap_bench_no_memory(error);
  cgap_free(buffer);
  *gbps = 1e-9 * bytes / best;
  return CGAP_OK;
}

/* Both sides of a file through the row pass: bytes of the file a second. */
static cgap_status row_pass(const cgap_bench_state *b, const char *path, double *gbps, cgap_error *error)
{
  const cgap_input_options input = {.files = &path, .file_count = 1};
  cgap_dataset *dataset = NULL;
  double best = INFINITY, bytes = 0;
  cgap_status status = cgap_dataset_open(&dataset, &input, error);
  for (int r = 0; !status && r < CGAP_BENCH_REPEATS; r++) {
    const cgap_data *data = cgap_dataset_data(dataset);
    cgap_embeddings e;
    const double start = cgap_clock_seconds();
    status = cgap_embeddings_load(&e, data, false, NULL, b->threads, (cgap_progress){0}, error);
    best = fmin(best, cgap_clock_seconds() - start);
    bytes =
      (double)(data->image.rows + data->text.rows) * (double)data->image.dim * (double)cgap_type_size(data->image.type);
    if (!status)
      cgap_embeddings_clear(&e);
  }
  cgap_dataset_close(dataset);
  *gbps = 1e-9 * bytes / best;
  return status;
}

/* Reading alone: rows as the source hands them over. */
static cgap_status rows_read(const char *path, int threads, double *gbps, cgap_error *error)
{
  const cgap_input_options input = {.files = &path, .file_count = 1, .threads = threads};
  cgap_dataset *dataset = NULL;
  double best = INFINITY, bytes = 0;
  cgap_status status = cgap_dataset_open(&dataset, &input, error);
  if (status)
    return status;
  const cgap_source *source = &cgap_dataset_data(dataset)->image;
  const size_t row_bytes = source->dim * cgap_type_size(source->type), chunk = cgap_row_pass_chunk_rows(source->dim);
  unsigned char *rows = cgap_alloc(chunk, row_bytes);
  if (!rows)
    status = cgap_bench_no_memory(error);
  for (int r = 0; !status && r < CGAP_BENCH_REPEATS; r++) {
    const double start = cgap_clock_seconds();
    bytes = (double)source->rows * (double)row_bytes;
    for (size_t first = 0; !status && first < source->rows; first += chunk)
      status = source->read(source, first, source->rows - first < chunk ? source->rows - first : chunk, rows, error);
    best = fmin(best, cgap_clock_seconds() - start);
  }
  cgap_free(rows);
  cgap_dataset_close(dataset);
  *gbps = 1e-9 * bytes / best;
  return status;
}

/* Second moments alone, on rows in memory: what the row pass cannot beat. In bytes of rows of `type` a second. */
static cgap_status moment_rate(const cgap_bench_state *b, cgap_type type, double *gbps, cgap_error *error)
{
  const size_t dim = b->options->dim, rows = 2 * cgap_row_pass_chunk_rows(dim);
  const size_t run = cgap_second_moment_run_rows(dim), runs = rows / run;
  double *z = cgap_alloc(rows * dim, sizeof *z), best = INFINITY;
  size_t *first = cgap_alloc(runs + 1, sizeof *first);
  cgap_second_moment moment = {0};
  cgap_status status = z && first ? CGAP_OK : cgap_bench_no_memory(error);
  if (!status)
    status = cgap_second_moment_init(&moment, dim, 9 * (double)run, b->threads, error);
  for (size_t r = 0; !status && r <= runs; r++)
    first[r] = r * run;
  for (size_t k = 0; !status && k < rows * dim; k++)
    z[k] = (double)(k % 7) - 3;
  const int blas_threads = openblas_get_num_threads();
  openblas_set_num_threads(1);
  for (int r = 0; !status && r < CGAP_BENCH_REPEATS; r++) {
    const double start = cgap_clock_seconds();
    cgap_second_moment_add(&moment, z, first, runs);
    best = fmin(best, cgap_clock_seconds() - start);
  }
  openblas_set_num_threads(blas_threads);
  cgap_free(z);
  cgap_free(first);
  cgap_second_moment_clear(&moment);
  *gbps = 1e-9 * (double)(rows * dim * cgap_type_size(type)) / best;
  return status;
}

/* The first rows of both sides of a file, compressed, into another. */
static cgap_status write_compressed(const char *path, const char *from, cgap_error *error)
{
  const cgap_input_options input = {.files = &from, .file_count = 1};
  cgap_dataset *dataset = NULL;
  cgap_writer *writer = NULL;
  cgap_status status = cgap_dataset_open(&dataset, &input, error);
  if (status)
    return status;
  const cgap_data *data = cgap_dataset_data(dataset);
  const cgap_source *modalities[2] = {&data->image, &data->text};
  unsigned char *rows = cgap_alloc(GZIP_ROWS * data->image.dim, cgap_type_size(data->image.type));
  status = rows ? cgap_writer_open(&writer, path, error) : cgap_bench_no_memory(error);
  for (int k = 0; !status && k < 2; k++) {
    const char *name = k == 0 ? "/image" : "/text";
    cgap_writer_compress(writer, GZIP_LEVEL);
    status = modalities[k]->read(modalities[k], 0, GZIP_ROWS, rows, error);
    if (!status)
      status = cgap_writer_create(writer, name, modalities[k]->type, GZIP_ROWS, 0, modalities[k]->dim, error);
    if (!status)
      status = cgap_writer_append_raw(writer, name, rows, GZIP_ROWS, error);
  }
  if (writer) {
    const cgap_status closed = cgap_writer_close(writer, !status, status ? NULL : error);
    status = status ? status : closed;
  }
  cgap_free(rows);
  cgap_dataset_close(dataset);
  return status;
}

/* Rows of a compressed file, against what one thread does. */
static cgap_status bench_gzip(cgap_bench_state *b, const char *from, cgap_error *error)
{
  char path[1100];
  double one = 0, all = 0;
  (void)snprintf(path, sizeof path, "%s.gzip", from);
  cgap_status status = write_compressed(path, from, error);
  if (!status)
    status = rows_read(path, 1, &one, error);
  if (!status)
    status = rows_read(path, b->threads, &all, error);
  (void)remove(path);
  const cgap_rate alone = {.key = "gunzip", .label = "gzip float16, one thread", .unit = "GB/s", .value = one};
  const cgap_rate rate = {
    .key = "read_gzip", .label = "rows read, gzip float16", .unit = "GB/s", .value = all, .limited_by = "gunzip"};
  if (!status)
    status = cgap_bench_add(b, alone, error);
  return status ? status : cgap_bench_add(b, rate, error);
}

/* Writes the pairs of a file at path in this type, and reads them. *plain: the file as bytes, of the first one. */
static cgap_status bench_type(cgap_bench_state *b, const char *path, cgap_type type, cgap_rate rate, double *raw,
                              cgap_error *error)
{
  cgap_simulate_options simulate = CGAP_SIMULATE_OPTIONS_INIT;
  simulate.model = CGAP_MODEL_UNIFORM;
  simulate.images = FILE_ROWS;
  simulate.dim = b->options->dim;
  simulate.threads = b->threads;
  cgap_status status = cgap_simulate_file(path, &simulate, type, "contragap bench", (cgap_progress){0}, error);
  if (!status)
    status = cgap_bench_begin(b, error);
  if (!status && *raw == 0) {
    status = raw_read(path, raw, error);
    const cgap_rate file = {.key = "file", .label = "file, from the page cache", .unit = "GB/s", .value = *raw};
    if (!status)
      status = cgap_bench_add(b, file, error);
  }
  if (!status)
    status = rows_read(path, b->threads, &rate.value, error);
  if (!status)
    status = cgap_bench_add(b, rate, error);
  return status ? status : cgap_bench_tick(b, "files", error);
}

/* The row pass against its limit. */
static cgap_status bench_rows(cgap_bench_state *b, const char *path, double raw, cgap_error *error)
{
  double moments = 0, pass = 0;
  cgap_status status = cgap_bench_begin(b, error);
  if (!status)
    status = moment_rate(b, CGAP_FLOAT16, &moments, error);
  const cgap_rate limit = {
    .key = "moments", .label = "second moments of float16 rows", .unit = "GB/s", .value = fmin(moments, raw)};
  if (!status)
    status = cgap_bench_add(b, limit, error);
  if (!status)
    status = row_pass(b, path, &pass, error);
  const cgap_rate rate = {
    .key = "row_pass", .label = "row pass, float16", .unit = "GB/s", .value = pass, .limited_by = "moments"};
  return status ? status : cgap_bench_add(b, rate, error);
}

cgap_status cgap_bench_files(cgap_bench_state *b, cgap_error *error)
{
  static const cgap_rate float32_rate = {
    .key = "read_float32", .label = "rows read, float32", .unit = "GB/s", .limited_by = "file"};
  static const cgap_rate half = {
    .key = "read_float16", .label = "rows read, float16", .unit = "GB/s", .limited_by = "file"};
  char path[1024];
  double raw = 0;
  (void)snprintf(path, sizeof path, "%s/contragap-bench-%d-%ld.h5", b->options->folder,
                 cgap_comm_rank(b->options->comm), (long)getpid());
  cgap_status status = bench_type(b, path, CGAP_FLOAT32, float32_rate, &raw, error);
  if (!status)
    status = bench_type(b, path, CGAP_FLOAT16, half, &raw, error);
  if (!status)
    status = bench_gzip(b, path, error);
  if (!status)
    status = bench_rows(b, path, raw, error);
  (void)remove(path);
  return status;
}
