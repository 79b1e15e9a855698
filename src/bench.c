#include "bench.h"

#include "engine/moment.h"
#include "engine/side.h"
#include "gemm.h"
#include "head/loss.h"
#include "io/writer.h"
#include "memory.h"
#include "random.h"
#include "simulate.h"

#include <cblas.h>
#include <fcntl.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
  REPEATS = 3,              /* of which the fastest counts */
  MEMORY_DOUBLES = 1 << 25, /* 256 MB: far past any cache */
  FILE_ROWS = 40000,        /* pairs of the files that are read */
  GZIP_ROWS = 10000,        /* of them that are compressed … */
  GZIP_LEVEL = 4,           /* … as h5py does unless told otherwise */
  BATCH = 1024,
  BATCH_DIM = 128,
  STEPS = 5,
};

typedef struct bench {
  cgap_bench *out;
  const cgap_bench_options *options;
  int threads;
  double started;
} bench;

static double now(void)
{
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double rate_of(const cgap_bench *b, const char *key)
{
  for (size_t k = 0; key && k < b->count; k++)
    if (strcmp(b->rate[k].key, key) == 0)
      return b->rate[k].value;
  return NAN;
}

static void add(bench *b, cgap_rate rate)
{
  rate.limit = rate_of(b->out, rate.limited_by);
  b->out->rate[b->out->count++] = rate;
}

static cgap_status tick(const bench *b, const char *phase, cgap_error *error)
{
  const cgap_progress *p = &b->options->progress;
  if (p->tick && p->tick(p->context, phase, (double)b->out->count / CGAP_RATES))
    return cgap_fail(error, CGAP_INTERRUPTED, "interrupted; nothing was written");
  return CGAP_OK;
}

static cgap_status no_memory(cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "no memory for the benchmark; give smaller --n or --d");
}

/* ---------------------------------------------------------------- limits */

/* C = A · Bᵀ of squares, by BLAS's own threads. */
static void square_together(size_t n, const float *a, const float *b, float *c, int threads)
{
  (void)threads;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)n, (int)n, 1, a, (int)n, b, (int)n, 0, c, (int)n);
}

/* The same, each thread with rows of its own. */
static void square_apart(size_t n, const float *a, const float *b, float *c, int threads)
{
  const cgap_operand right = {b, n, true};
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (int t = 0; t < threads; t++) {
    const size_t first = n * (size_t)t / (size_t)threads, end = n * ((size_t)t + 1) / (size_t)threads;
    const cgap_operand left = {a + first * n, n, false};
    cgap_sgemm(end - first, n, n, left, right, 0, c + first * n, n);
  }
}

/* The best sgemm of any square size, of the products that the work could take. */
static cgap_status bench_sgemm(bench *b, cgap_error *error)
{
  static void (*const WAYS[])(size_t, const float *, const float *, float *, int) = {square_together, square_apart};
  static const size_t SIZES[] = {512, 1024, 2048, 3072};
  const size_t most = (size_t)3072 * 3072;
  float *m = cgap_alloc(3 * most, sizeof *m);
  const int blas_threads = openblas_get_num_threads();
  double best = 0;
  if (!m)
    return no_memory(error);
  for (size_t k = 0; k < 3 * most; k++)
    m[k] = (float)(k % 7) - 3;
  for (size_t way = 0; way < sizeof WAYS / sizeof *WAYS; way++) {
    openblas_set_num_threads(way == 0 ? b->threads : 1);
    for (size_t k = 0; k < REPEATS * sizeof SIZES / sizeof *SIZES; k++) {
      const size_t n = SIZES[k / REPEATS];
      const double start = now();
      WAYS[way](n, m, m + most, m + 2 * most, b->threads);
      best = fmax(best, 2e-9 * (double)(n * n) * (double)n / (now() - start));
    }
  }
  openblas_set_num_threads(blas_threads);
  cgap_free(m);
  add(b, (cgap_rate){.key = "sgemm", .label = "sgemm, best square", .unit = "GFLOP/s", .value = best});
  return CGAP_OK;
}

static cgap_status bench_memory(bench *b, cgap_error *error)
{
  double *m = cgap_alloc(MEMORY_DOUBLES, sizeof *m), best = INFINITY, total = 0;
  if (!m)
    return no_memory(error);
#pragma omp parallel for schedule(static) num_threads(b->threads)
  for (size_t k = 0; k < MEMORY_DOUBLES; k++)
    m[k] = 1;
  for (int r = 0; r < REPEATS; r++) {
    double sum = 0;
    const double start = now();
#pragma omp parallel for simd schedule(static) reduction(+ : sum) num_threads(b->threads)
    for (size_t k = 0; k < MEMORY_DOUBLES; k++)
      sum += m[k];
    best = fmin(best, now() - start);
    total += sum;
  }
  cgap_free(m);
  if (total != (double)REPEATS * MEMORY_DOUBLES)
    return cgap_fail(error, CGAP_RESOURCE, "the memory of this machine gives back other numbers than it was given");
  add(b, (cgap_rate){.key = "memory",
                     .label = "memory, read",
                     .unit = "GB/s",
                     .value = 1e-9 * sizeof(double) * MEMORY_DOUBLES / best});
  return CGAP_OK;
}

/* ---------------------------------------------------------------- files */

/* A file as plain bytes, once it is in the page cache. */
static cgap_status plain_read(const char *path, double *gbps, cgap_error *error)
{
  enum { PIECE = 4 << 20 };
  unsigned char *buffer = cgap_alloc(PIECE, 1);
  double best = INFINITY, bytes = 0;
  for (int r = 0; buffer && r < REPEATS + 1; r++) {
    const int fd = open(path, O_RDONLY);
    const double start = now();
    ssize_t n = 0;
    bytes = 0;
    while (fd >= 0 && (n = read(fd, buffer, PIECE)) > 0)
      bytes += (double)n;
    if (r > 0)
      best = fmin(best, now() - start);
    if (fd >= 0)
      (void)close(fd);
    if (fd < 0 || n < 0) {
      cgap_free(buffer);
      return cgap_fail(error, CGAP_FILE, "%s: cannot be read back", path);
    }
  }
  if (!buffer)
    return no_memory(error);
  cgap_free(buffer);
  *gbps = 1e-9 * bytes / best;
  return CGAP_OK;
}

/* Both sides of a file through the row pass: bytes of the file a second. */
static cgap_status row_pass(const bench *b, const char *path, double *gbps, cgap_error *error)
{
  const cgap_input_options input = {.files = &path, .file_count = 1};
  cgap_dataset *dataset = NULL;
  double best = INFINITY, bytes = 0;
  cgap_status status = cgap_dataset_open(&dataset, &input, error);
  for (int r = 0; !status && r < REPEATS; r++) {
    const cgap_data *data = cgap_dataset_data(dataset);
    cgap_embeddings e;
    const double start = now();
    status = cgap_embeddings_load(&e, data, false, b->threads, (cgap_progress){0}, error);
    best = fmin(best, now() - start);
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
  const size_t row_bytes = source->dim * cgap_type_size(source->type), chunk = cgap_chunk_rows(source->dim);
  unsigned char *rows = cgap_alloc(chunk, row_bytes);
  if (!rows)
    status = no_memory(error);
  for (int r = 0; !status && r < REPEATS; r++) {
    const double start = now();
    bytes = (double)source->rows * (double)row_bytes;
    for (size_t first = 0; !status && first < source->rows; first += chunk)
      status = source->read(source, first, source->rows - first < chunk ? source->rows - first : chunk, rows, error);
    best = fmin(best, now() - start);
  }
  cgap_free(rows);
  cgap_dataset_close(dataset);
  *gbps = 1e-9 * bytes / best;
  return status;
}

/* Second moments alone, on rows in memory: what the row pass cannot beat. In bytes of rows of `type` a second. */
static cgap_status moment_rate(const bench *b, cgap_type type, double *gbps, cgap_error *error)
{
  const size_t dim = b->options->dim, rows = 2 * cgap_chunk_rows(dim);
  const size_t run = cgap_moment_run(dim), runs = rows / run;
  double *z = cgap_alloc(rows * dim, sizeof *z), best = INFINITY;
  size_t *first = cgap_alloc(runs + 1, sizeof *first);
  cgap_moment moment = {0};
  cgap_status status = z && first ? CGAP_OK : no_memory(error);
  if (!status)
    status = cgap_moment_init(&moment, dim, 9 * (double)run, error);
  for (size_t r = 0; !status && r <= runs; r++)
    first[r] = r * run;
  for (size_t k = 0; !status && k < rows * dim; k++)
    z[k] = (double)(k % 7) - 3;
  const int blas_threads = openblas_get_num_threads();
  openblas_set_num_threads(1);
  for (int r = 0; !status && r < REPEATS; r++) {
    const double start = now();
    status = cgap_moment_add(&moment, z, first, runs, b->threads, error);
    best = fmin(best, now() - start);
  }
  openblas_set_num_threads(blas_threads);
  cgap_free(z);
  cgap_free(first);
  cgap_moment_clear(&moment);
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
  const cgap_source *sides[2] = {&data->image, &data->text};
  unsigned char *rows = cgap_alloc(GZIP_ROWS * data->image.dim, cgap_type_size(data->image.type));
  status = rows ? cgap_writer_open(&writer, path, error) : no_memory(error);
  for (int k = 0; !status && k < 2; k++) {
    const char *name = k == 0 ? "/image" : "/text";
    cgap_writer_compress(writer, GZIP_LEVEL);
    status = sides[k]->read(sides[k], 0, GZIP_ROWS, rows, error);
    if (!status)
      status = cgap_writer_create(writer, name, sides[k]->type, GZIP_ROWS, 0, sides[k]->dim, error);
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

/* Rows of a compressed file, beside what one thread does. */
static cgap_status bench_gzip(bench *b, const char *from, cgap_error *error)
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
  add(b, (cgap_rate){.key = "gunzip", .label = "gzip float16, one thread", .unit = "GB/s", .value = one});
  add(b,
      (cgap_rate){
        .key = "read_gzip", .label = "rows read, gzip float16", .unit = "GB/s", .value = all, .limited_by = "gunzip"});
  return status;
}

static cgap_status bench_files(bench *b, cgap_error *error)
{
  static const struct {
    cgap_type type;
    cgap_rate read;
  } FILES[] = {
    {CGAP_FLOAT32, {.key = "read_float32", .label = "rows read, float32", .unit = "GB/s", .limited_by = "file"}},
    {CGAP_FLOAT16, {.key = "read_float16", .label = "rows read, float16", .unit = "GB/s", .limited_by = "file"}},
  };
  cgap_simulate_options simulate = CGAP_SIMULATE_OPTIONS_INIT;
  char path[1024];
  cgap_status status = CGAP_OK;
  double plain = 0, read = 0, pass = 0, moments = 0;
  simulate.model = CGAP_MODEL_UNIFORM;
  simulate.images = FILE_ROWS;
  simulate.dim = b->options->dim;
  simulate.threads = b->threads;
  (void)snprintf(path, sizeof path, "%s/contragap-bench-%ld.h5", b->options->folder, (long)getpid());
  for (size_t k = 0; !status && k < sizeof FILES / sizeof *FILES; k++) {
    status = cgap_simulate_file(path, &simulate, FILES[k].type, "contragap bench", (cgap_progress){0}, error);
    if (!status && k == 0) {
      status = plain_read(path, &plain, error);
      add(b, (cgap_rate){.key = "file", .label = "file, from the page cache", .unit = "GB/s", .value = plain});
    }
    if (!status)
      status = rows_read(path, b->threads, &read, error);
    cgap_rate rate = FILES[k].read;
    rate.value = read;
    add(b, rate);
    if (!status)
      status = tick(b, "files", error);
  }
  if (!status)
    status = bench_gzip(b, path, error);
  if (!status)
    status = moment_rate(b, CGAP_FLOAT16, &moments, error);
  add(b, (cgap_rate){
           .key = "moments", .label = "second moments of float16 rows", .unit = "GB/s", .value = fmin(moments, plain)});
  if (!status)
    status = row_pass(b, path, &pass, error);
  add(b, (cgap_rate){
           .key = "row_pass", .label = "row pass, float16", .unit = "GB/s", .value = pass, .limited_by = "moments"});
  (void)remove(path);
  return status;
}

/* ---------------------------------------------------------------- the work */

static cgap_status bench_tiles(bench *b, cgap_error *error)
{
  cgap_simulate_options simulate = CGAP_SIMULATE_OPTIONS_INIT;
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_simulation set;
  cgap_audit audit;
  simulate.images = b->options->rows;
  simulate.dim = b->options->dim;
  simulate.threads = b->threads;
  options.threads = b->threads;
  double best = INFINITY;
  cgap_status status = cgap_simulate(&set, &simulate, error);
  for (int r = 0; !status && r < 2; r++) {
    const cgap_data data = cgap_simulation_data(&set);
    status = cgap_audit_run(&audit, &data, &options, error);
    best = fmin(best, status ? INFINITY : audit.seconds_tiles);
    cgap_audit_clear(&audit);
    if (!status)
      status = tick(b, "tile pass", error);
  }
  cgap_simulation_clear(&set);
  const double n = (double)b->options->rows;
  add(b, (cgap_rate){.key = "tile_pass",
                     .label = "tile pass, every measure",
                     .unit = "GFLOP/s",
                     .value = 4e-9 * (double)b->options->dim * n * n / best,
                     .limited_by = "sgemm"});
  return status;
}

/* Random unit rows. */
static void fill_unit(float *rows, size_t count, size_t dim, uint64_t stream)
{
  cgap_random random = cgap_random_init(1, stream);
  for (size_t i = 0; i < count; i++) {
    double square = 0;
    for (size_t k = 0; k < dim; k++) {
      rows[i * dim + k] = (float)cgap_random_normal(&random);
      square += (double)rows[i * dim + k] * (double)rows[i * dim + k];
    }
    for (size_t k = 0; k < dim; k++)
      rows[i * dim + k] = (float)((double)rows[i * dim + k] / sqrt(square));
  }
}

/* CUAXU with its gradient, one text an image: forward the cross square and two triangles, backward the same again and
 * two products with each: 3·(2·2·n²·d) operations. */
static cgap_status bench_training(bench *b, cgap_error *error)
{
  enum { N = BATCH, D = BATCH_DIM };
  float *rows = cgap_alloc((size_t)4 * N * D, sizeof *rows);
  size_t *index = cgap_alloc(N + 1, sizeof *index);
  cgap_loss *loss = NULL;
  double best = INFINITY;
  cgap_status status = rows && index ? CGAP_OK : no_memory(error);
  if (!status)
    status = cgap_loss_open(&loss, N, N, N, D, b->threads, error);
  if (!status) {
    const cgap_weights weights = {1, 1, 1, 1};
    const cgap_coupling couples = {.images = N,
                                   .texts = N,
                                   .count = N,
                                   .image_first = index,
                                   .couple_text = index,
                                   .text_first = index,
                                   .text_couple = index,
                                   .couple_image = index};
    cgap_loss_gradient gradient = {.x = rows + (size_t)2 * N * D, .y = rows + (size_t)3 * N * D};
    cgap_loss_terms terms;
    for (size_t k = 0; k <= N; k++)
      index[k] = k;
    fill_unit(rows, (size_t)2 * N, D, 7);
    for (int r = 0; r < STEPS; r++) {
      const double start = now();
      cgap_loss_run(loss, &couples, rows, rows + (size_t)N * D, &weights, 0.02, &terms, &gradient);
      best = fmin(best, now() - start);
    }
  }
  cgap_loss_close(loss);
  cgap_free(rows);
  cgap_free(index);
  add(b, (cgap_rate){.key = "training",
                     .label = "CUAXU and gradient, batch 1024",
                     .unit = "GFLOP/s",
                     .value = 12e-9 * N * N * (double)D / best,
                     .limited_by = "sgemm"});
  return status;
}

cgap_status cgap_bench_run(cgap_bench *out, const cgap_bench_options *options, cgap_error *error)
{
  static cgap_status (*const parts[])(bench *, cgap_error *) = {bench_sgemm, bench_memory, bench_files, bench_tiles,
                                                                bench_training};
  *out = (cgap_bench){.count = 0};
  bench b = {.out = out, .options = options, .threads = options->threads ? options->threads : omp_get_num_procs()};
  cgap_status status = CGAP_OK;
  for (size_t k = 0; !status && k < sizeof parts / sizeof *parts; k++) {
    status = parts[k](&b, error);
    if (!status)
      status = tick(&b, "benchmark", error);
  }
  if (status)
    *out = (cgap_bench){.count = 0};
  return status;
}
