/* The benchmark: limits of the machine (sgemm, memory, page faults, a file, the ring between ranks), and the work
 * against them. The fastest of a few repetitions counts. */
#include "bench/bench.h"

#include <cblas.h>
#include <fcntl.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit/measure_runs.h"
#include "audit/pair_sums.h"
#include "audit/passes.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "base/threads.h"
#include "head/model/loss.h"
#include "io/write/writer.h"
#include "rows/embeddings.h"
#include "rows/modality.h"
#include "rows/row_pass.h"
#include "rows/row_sums.h"
#include "simd/gemm.h"
#include "simd/kernels.h"
#include "simulate/simulate.h"

enum {
  REPEATS = 3, /* of which the fastest counts */
  AUDITS = 2,
  FAULT_ROUNDS = 20,        /* of 0.3 ms */
  MEMORY_DOUBLES = 1 << 25, /* 256 MB: far past any cache */
  RING_BYTES = 1 << 26,     /* as large as the pieces in which the audit sends rows round */
  FILE_ROWS = 20000,        /* pairs of the files that are read */
  GZIP_ROWS = 10000,        /* of them that are compressed … */
  GZIP_LEVEL = 4,           /* … as h5py does unless told otherwise */
  BATCH = 1024,             /* of the training step */
  BATCH_DIM = 128,
  STEPS = 5,
};

/* A slow machine measures less often: what is repeated is not begun again where it would take longer in all. */
static const double SGEMM_SECONDS = 0.5, AUDIT_SECONDS = 4.5;

/* What is measured, in the order in which it is shown; the limit of a rate comes before it. */
static const cgap_rate RATES[] = {
  {"sgemm", "sgemm, best square", "GFLOP/s", .limited_by = NULL},
  {"processor_time", "processors' time, had by the threads", "%", .limited_by = NULL},
  {"memory", "memory, read", "GB/s", .limited_by = NULL},
  {"small_page_fault", "page fault, small page", "µs", .limited_by = NULL},
  {"huge_page_fault", "page fault, huge page", "µs", .limited_by = NULL},
  {"ring", "ring, sent by a rank", "GB/s", .limited_by = NULL},
  {"file", "file, from the page cache", "GB/s", .limited_by = NULL},
  {"read_float32", "rows read, float32", "GB/s", .limited_by = "file"},
  {"read_float16", "rows read, float16", "GB/s", .limited_by = "file"},
  {"gunzip", "gzip float16, one thread", "GB/s", .limited_by = NULL},
  {"read_gzip", "rows read, gzip float16", "GB/s", .limited_by = "gunzip"},
  {"moments", "second moments of float16 rows", "GB/s", .limited_by = NULL},
  {"row_pass", "row pass, float16", "GB/s", .limited_by = "moments"},
  {"tile_pass", "tile pass, every measure", "GFLOP/s", .limited_by = "sgemm"},
  {"couples", "matched pairs", "k/s", .limited_by = NULL},
  {"separability", "rows through the separability", "k/s", .limited_by = NULL},
  {"spectra", "three eigenproblems", "GFLOP/s", .limited_by = NULL},
  {"training", "CUAXU and gradient, batch 1024", "GFLOP/s", .limited_by = "sgemm"},
};
_Static_assert(sizeof RATES / sizeof *RATES == CGAP_RATES, "cgap_bench holds every rate");

typedef struct bench_state {
  cgap_bench *out;
  const cgap_bench_options *options;
  int threads;
} bench_state;

/* Before something is timed: ranks begin it together. */
static cgap_status begin(const bench_state *b, cgap_error *error)
{
  uint64_t here = 1;
  return cgap_comm_sum(b->options->comm, &here, 1, CGAP_COMM_U64, error);
}

const cgap_rate *cgap_bench_rate(const cgap_bench *bench, const char *key)
{
  for (size_t k = 0; k < bench->count; k++)
    if (strcmp(bench->rate[k].key, key) == 0)
      return &bench->rate[k];
  return NULL;
}

static cgap_status add_rate(bench_state *b, const char *key, double value, cgap_error *error)
{
  cgap_bench *out = b->out;
  cgap_rate rate = RATES[0];
  for (size_t k = 0; k < CGAP_RATES; k++)
    if (strcmp(RATES[k].key, key) == 0)
      rate = RATES[k];
  const cgap_status status = cgap_comm_sum(b->options->comm, &value, 1, CGAP_COMM_F64, error);
  const cgap_rate *limit = rate.limited_by ? cgap_bench_rate(out, rate.limited_by) : NULL;
  rate.value = value / cgap_comm_size(b->options->comm);
  rate.limit = limit ? limit->value : NAN;
  out->rate[out->count++] = rate;
  return status;
}

static cgap_status tick(const bench_state *b, const char *phase, cgap_error *error)
{
  const cgap_progress *p = &b->options->progress;
  if (p->tick && p->tick(p->context, phase, (double)b->out->count / CGAP_RATES))
    return cgap_fail(error, CGAP_INTERRUPTED, "interrupted; nothing was written");
  return CGAP_OK;
}

/* Whether something is timed again that was timed `done` times, which took so long in all. */
static bool is_time_for_another(int done, int repeats, double seconds, double most)
{
  return done == 0 || (done < repeats && seconds + seconds / done < most);
}

static cgap_status no_memory(cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for the benchmark; give fewer rows or dimensions");
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

/* Of all threads. */
static double processor_seconds(void)
{
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The best sgemm of any square size, of the products that the work could take; and what the threads had of their
 * processors while each did products of its own, which leave none idle. */
static cgap_status bench_sgemm(bench_state *b, cgap_error *error)
{
  static void (*const WAYS[])(size_t, const float *, const float *, float *, int) = {square_together, square_apart};
  static const size_t SIZES[] = {512, 1024, 2048, 3072};
  const size_t most = (size_t)3072 * 3072;
  float *m = cgap_alloc(3 * most, sizeof *m);
  const int blas_threads = openblas_get_num_threads();
  double best = 0, had = 0, there = 0;
  if (!m)
    return no_memory(error);
  for (size_t k = 0; k < 3 * most; k++)
    m[k] = (float)(k % 7) - 3;
  cgap_status status = begin(b, error);
  for (size_t way = 0; !status && way < sizeof WAYS / sizeof *WAYS; way++) {
    openblas_set_num_threads(way == 0 ? b->threads : 1);
    had = processor_seconds();
    there = cgap_clock_seconds();
    for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++) {
      const size_t n = SIZES[k];
      double seconds = 0;
      for (int done = 0; is_time_for_another(done, REPEATS, seconds, SGEMM_SECONDS); done++) {
        const double start = cgap_clock_seconds();
        WAYS[way](n, m, m + most, m + 2 * most, b->threads);
        const double taken = cgap_clock_seconds() - start;
        best = fmax(best, 2e-9 * (double)(n * n) * (double)n / taken);
        seconds += taken;
      }
    }
    had = processor_seconds() - had;
    there = b->threads * (cgap_clock_seconds() - there);
  }
  openblas_set_num_threads(blas_threads);
  cgap_free(m);
  if (!status)
    status = add_rate(b, "sgemm", best, error);
  return status ? status : add_rate(b, "processor_time", fmin(100, 100 * had / there), error);
}

static cgap_status bench_memory(bench_state *b, cgap_error *error)
{
  double *m = cgap_alloc(MEMORY_DOUBLES, sizeof *m), best = INFINITY, total = 0;
  if (!m)
    return no_memory(error);
#pragma omp parallel for schedule(static) num_threads(b->threads)
  for (size_t k = 0; k < MEMORY_DOUBLES; k++)
    m[k] = 1;
  cgap_status status = begin(b, error);
  for (int r = 0; !status && r < REPEATS; r++) {
    double sum = 0;
    const double start = cgap_clock_seconds();
#pragma omp parallel for simd schedule(static) reduction(+ : sum) num_threads(b->threads)
    for (size_t k = 0; k < MEMORY_DOUBLES; k++)
      sum += m[k];
    best = fmin(best, cgap_clock_seconds() - start);
    total += sum;
  }
  cgap_free(m);
  if (!status && total != (double)REPEATS * MEMORY_DOUBLES)
    status = cgap_fail(error, CGAP_RESOURCE, "the memory of this machine gives back other numbers than it was given");
  return status ? status : add_rate(b, "memory", 1e-9 * sizeof(double) * MEMORY_DOUBLES / best, error);
}

/* The least of some rounds, in µs. */
static cgap_status bench_faults(bench_state *b, cgap_error *error)
{
  cgap_fault_cost least = {.small_seconds = INFINITY, .huge_seconds = INFINITY};
  cgap_status status = begin(b, error);
  for (int r = 0; !status && r < FAULT_ROUNDS; r++) {
    const cgap_fault_cost cost = cgap_fault_cost_measure();
    least.small_seconds = fmin(least.small_seconds, cost.small_seconds);
    least.huge_seconds = fmin(least.huge_seconds, cost.huge_seconds);
    least.pages = cost.pages;
    least.why = cost.why ? cost.why : least.why;
  }
  const bool has_huge = isfinite(least.huge_seconds);
  if (!status)
    status = add_rate(b, "small_page_fault", isfinite(least.small_seconds) ? 1e6 * least.small_seconds : NAN, error);
  if (!status)
    status = add_rate(b, "huge_page_fault", has_huge ? 1e6 * least.huge_seconds : NAN, error);
  b->out->small_pages = least.pages;
  b->out->no_huge_pages = has_huge ? "not on every rank" : least.why;
  b->out->uses_huge_pages = cgap_huge_pages();
  return status;
}

/* ---------------------------------------------------------------- the ring */

/* A block to the next rank while that of the one before comes in: seconds. */
static cgap_status pass_block(cgap_comm *comm, const unsigned char *out, unsigned char *in, double *seconds,
                              cgap_error *error)
{
  const int size = cgap_comm_size(comm), rank = cgap_comm_rank(comm);
  cgap_transfer t;
  const double start = cgap_clock_seconds();
  cgap_status status =
    cgap_comm_pass(comm, &t, 0, out, RING_BYTES, (rank + 1) % size, in, RING_BYTES, (rank + size - 1) % size, error);
  if (!status)
    status = cgap_comm_wait(comm, &t, error);
  *seconds = cgap_clock_seconds() - start;
  return status;
}

/* What a rank sends a second while it receives as much and all others do the same. */
static cgap_status bench_ring(bench_state *b, cgap_error *error)
{
  cgap_comm *comm = b->options->comm;
  if (!comm)
    return CGAP_OK;
  unsigned char *out = cgap_alloc(RING_BYTES, 1), *in = cgap_zalloc(RING_BYTES, 1);
  const int size = cgap_comm_size(comm), before = (cgap_comm_rank(comm) + size - 1) % size;
  double best = INFINITY, seconds = 0;
  cgap_status status = out && in ? CGAP_OK : no_memory(error);
  if (!status)
    memset(out, 1 + cgap_comm_rank(comm) % 100, RING_BYTES);
  for (int r = 0; !status && r < REPEATS + 1; r++) { /* the first one opens connections */
    status = begin(b, error);
    if (!status)
      status = pass_block(comm, out, in, &seconds, error);
    best = r > 0 ? fmin(best, seconds) : best;
  }
  if (!status && (in[0] != 1 + before % 100 || in[RING_BYTES - 1] != in[0]))
    status = cgap_fail(error, CGAP_RESOURCE, "what rank %d sent did not come here", before);
  cgap_comm_free(comm, out);
  cgap_comm_free(comm, in);
  return status ? status : add_rate(b, "ring", 1e-9 * RING_BYTES / best, error);
}

/* ---------------------------------------------------------------- files */

/* A file as plain bytes, once it is in the page cache. */
static cgap_status raw_read(const char *path, double *gbps, cgap_error *error)
{
  enum { PIECE = 4 << 20 };
  unsigned char *buffer = cgap_alloc(PIECE, 1);
  double best = INFINITY, bytes = 0;
  for (int r = 0; buffer && r < REPEATS + 1; r++) {
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
    return no_memory(error);
  cgap_free(buffer);
  *gbps = 1e-9 * bytes / best;
  return CGAP_OK;
}

/* Both modalities of a file through the row pass: bytes of the file a second. */
static cgap_status row_pass(const bench_state *b, const char *path, double *gbps, cgap_error *error)
{
  const cgap_input_options input = {.files = &path, .file_count = 1};
  cgap_dataset *dataset = NULL;
  double best = INFINITY, bytes = 0;
  cgap_status status = cgap_dataset_open(&dataset, &input, error);
  for (int r = 0; !status && r < REPEATS; r++) {
    const cgap_data *data = cgap_dataset_data(dataset);
    cgap_embeddings e;
    const double start = cgap_clock_seconds();
    status = cgap_embeddings_load(&e, data, CGAP_HOLD_NONE, NULL, b->threads, (cgap_progress){0}, error);
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
    status = no_memory(error);
  for (int r = 0; !status && r < REPEATS; r++) {
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
static cgap_status moment_rate(const bench_state *b, cgap_type type, double *gbps, cgap_error *error)
{
  const size_t dim = b->options->dim, rows = 2 * cgap_row_pass_chunk_rows(dim);
  const size_t run = cgap_second_moment_run_rows(dim), runs = rows / run;
  double *z = cgap_alloc(rows * dim, sizeof *z), best = INFINITY;
  size_t *first = cgap_alloc(runs + 1, sizeof *first);
  cgap_second_moment moment = {0};
  cgap_status status = z && first ? CGAP_OK : no_memory(error);
  if (!status)
    status = cgap_second_moment_init(&moment, dim, 9 * (double)run, b->threads, error);
  for (size_t r = 0; !status && r <= runs; r++)
    first[r] = r * run;
  for (size_t k = 0; !status && k < rows * dim; k++)
    z[k] = (double)(k % 7) - 3;
  const int blas_threads = openblas_get_num_threads();
  openblas_set_num_threads(1);
  for (int r = 0; !status && r < REPEATS; r++) {
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

/* The first rows of both modalities of a file, compressed, into another. */
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
  status = rows ? cgap_writer_open(&writer, path, error) : no_memory(error);
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
static cgap_status bench_gzip(bench_state *b, const char *from, cgap_error *error)
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
  if (!status)
    status = add_rate(b, "gunzip", one, error);
  return status ? status : add_rate(b, "read_gzip", all, error);
}

/* Writes the pairs of a file at path in this type, and reads them. *raw: the file as bytes, of the first one. */
static cgap_status bench_type(bench_state *b, const char *path, cgap_type type, const char *key, double *raw,
                              cgap_error *error)
{
  cgap_simulate_options simulate = CGAP_SIMULATE_OPTIONS_INIT;
  double rate = 0;
  simulate.model = CGAP_MODEL_UNIFORM;
  simulate.images = FILE_ROWS;
  simulate.dim = b->options->dim;
  simulate.threads = b->threads;
  cgap_status status = cgap_simulate_file(path, &simulate, type, "contragap bench", (cgap_progress){0}, error);
  if (!status)
    status = begin(b, error);
  if (!status && *raw == 0) {
    status = raw_read(path, raw, error);
    if (!status)
      status = add_rate(b, "file", *raw, error);
  }
  if (!status)
    status = rows_read(path, b->threads, &rate, error);
  if (!status)
    status = add_rate(b, key, rate, error);
  return status ? status : tick(b, "files", error);
}

/* The row pass against its limit. */
static cgap_status bench_rows(bench_state *b, const char *path, double raw, cgap_error *error)
{
  double moments = 0, pass = 0;
  cgap_status status = begin(b, error);
  if (!status)
    status = moment_rate(b, CGAP_FLOAT16, &moments, error);
  if (!status)
    status = add_rate(b, "moments", fmin(moments, raw), error);
  if (!status)
    status = row_pass(b, path, &pass, error);
  return status ? status : add_rate(b, "row_pass", pass, error);
}

static cgap_status bench_files(bench_state *b, cgap_error *error)
{
  char path[1024];
  double raw = 0;
  (void)snprintf(path, sizeof path, "%s/contragap-bench-%d-%ld.h5", b->options->folder,
                 cgap_comm_rank(b->options->comm), (long)getpid());
  cgap_status status = bench_type(b, path, CGAP_FLOAT32, "read_float32", &raw, error);
  if (!status)
    status = bench_type(b, path, CGAP_FLOAT16, "read_float16", &raw, error);
  if (!status)
    status = bench_gzip(b, path, error);
  if (!status)
    status = bench_rows(b, path, raw, error);
  (void)remove(path);
  return status;
}

/* ---------------------------------------------------------------- the audit, stage by stage */

/* All pairs: the whole audit, of which the tile pass counts. */
static cgap_status bench_tiles(bench_state *b, const cgap_data *data, cgap_error *error)
{
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_audit audit;
  options.threads = b->threads;
  options.pairs = CGAP_PAIRS_EXACT;
  double best = INFINITY, seconds = 0;
  const double n = (double)data->image.rows;
  cgap_status status = CGAP_OK;
  for (int r = 0; !status && is_time_for_another(r, AUDITS, seconds, AUDIT_SECONDS); r++) {
    status = begin(b, error);
    const double start = cgap_clock_seconds();
    if (!status)
      status = cgap_audit_run(&audit, data, &options, error);
    if (status)
      break;
    best = fmin(best, audit.seconds_tiles);
    cgap_audit_clear(&audit);
    double taken = cgap_clock_seconds() - start; /* of all ranks, which go on or end together */
    status = cgap_comm_sum(b->options->comm, &taken, 1, CGAP_COMM_F64, error);
    seconds += taken / cgap_comm_size(b->options->comm);
    if (!status)
      status = tick(b, "tile pass", error);
  }
  return status ? status : add_rate(b, "tile_pass", 4e-9 * (double)data->image.dim * n * n / best, error);
}

/* Matched pairs, on rows in memory. */
static cgap_status bench_matched_pairs(bench_state *b, const cgap_embeddings *e, cgap_error *error)
{
  cgap_matched_pair_sums sums;
  double best = INFINITY;
  cgap_status status = begin(b, error);
  for (int r = 0; !status && r < REPEATS; r++) {
    const double start = cgap_clock_seconds();
    status = cgap_matched_pairs_run(&sums, e, true, NULL, b->threads, (cgap_progress){0}, error);
    best = fmin(best, cgap_clock_seconds() - start);
    if (!status)
      cgap_matched_pairs_clear(&sums);
  }
  return status ? status : add_rate(b, "couples", 1e-3 * (double)e->text.rows / best, error);
}

/* The fit of the separability, in rows of both modalities, and the three eigenproblems, counted as 4/3 d³ each. */
static cgap_status bench_finish(bench_state *b, const cgap_embeddings *e, cgap_error *error)
{
  const cgap_audit_sums sums = {.measures = cgap_measures,
                                .dim = e->image.dim,
                                .image = cgap_modality_of(&e->image),
                                .text = cgap_modality_of(&e->text),
                                .paired = e->paired,
                                .image_of = e->pairs.image_of};
  const double dim = (double)e->image.dim, rows = (double)(e->image.rows + e->text.rows);
  double *components = cgap_alloc(2 * e->image.dim, sizeof *components);
  cgap_audit audit = {0};
  cgap_status status = components ? begin(b, error) : no_memory(error);
  const double start = cgap_clock_seconds();
  if (!status)
    status = cgap_separability_run(&sums, e, NULL, b->threads, (cgap_progress){0}, &audit, error);
  const double fitted = cgap_clock_seconds();
  if (!status)
    status = cgap_spectra_run(&sums, NULL, b->threads, (cgap_concurrent_task){0}, components, &audit, error);
  const double solved = cgap_clock_seconds();
  cgap_free(components);
  cgap_audit_clear(&audit);
  if (!status)
    status = add_rate(b, "separability", 1e-3 * rows / (fitted - start), error);
  return status ? status : add_rate(b, "spectra", 4e-9 * dim * dim * dim / (solved - fitted), error);
}

static cgap_status bench_audit(bench_state *b, cgap_error *error)
{
  cgap_simulate_options simulate = CGAP_SIMULATE_OPTIONS_INIT;
  cgap_simulation set;
  cgap_embeddings e;
  simulate.images = b->options->rows;
  simulate.dim = b->options->dim;
  simulate.threads = b->threads;
  cgap_status status = cgap_simulate(&set, &simulate, error);
  if (status)
    return status;
  const cgap_data data = cgap_simulation_data(&set);
  status = bench_tiles(b, &data, error);
  if (!status)
    status = cgap_embeddings_load(&e, &data, CGAP_HOLD_UNIT, NULL, b->threads, (cgap_progress){0}, error);
  if (!status) {
    const int blas_threads = cgap_blas_single();
    status = bench_matched_pairs(b, &e, error);
    if (!status)
      status = bench_finish(b, &e, error);
    cgap_blas_restore(blas_threads);
    cgap_embeddings_clear(&e);
  }
  cgap_simulation_clear(&set);
  return status;
}

/* ---------------------------------------------------------------- training */

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

/* CUAXU with its gradient, one text per image: forward the cross square and two triangles, backward the same again and
 * two products with each: 3·(2·2·n²·d) operations. */
static cgap_status bench_training(bench_state *b, cgap_error *error)
{
  enum { N = BATCH, D = BATCH_DIM };
  float *rows = cgap_alloc((size_t)4 * N * D, sizeof *rows);
  size_t *index = cgap_alloc(N + 1, sizeof *index);
  cgap_loss *loss = NULL;
  double best = INFINITY;
  cgap_status status = rows && index ? CGAP_OK : no_memory(error);
  if (!status)
    status = begin(b, error);
  if (!status)
    status = cgap_loss_open(&loss, N, N, N, D, b->threads, error);
  if (!status) {
    const cgap_weights weights = {.clip = 1, .uniform = 1, .align = 1, .xuniform = 1};
    const cgap_positives positives = {.images = N,
                                      .texts = N,
                                      .count = N,
                                      .image_first = index,
                                      .positive_text = index,
                                      .text_first = index,
                                      .text_positive = index,
                                      .positive_image = index};
    cgap_loss_gradient gradient = {.x = rows + (size_t)2 * N * D, .y = rows + (size_t)3 * N * D};
    cgap_loss_terms terms;
    for (size_t k = 0; k <= N; k++)
      index[k] = k;
    fill_unit(rows, (size_t)2 * N, D, 7);
    for (int r = 0; r < STEPS; r++) {
      const double start = cgap_clock_seconds();
      cgap_loss_run(loss, &positives, rows, rows + (size_t)N * D, &weights, 0.02, &terms, &gradient);
      best = fmin(best, cgap_clock_seconds() - start);
    }
  }
  cgap_loss_close(loss);
  cgap_free(rows);
  cgap_free(index);
  return status ? status : add_rate(b, "training", 12e-9 * N * N * (double)D / best, error);
}

/* ---------------------------------------------------------------- all */

cgap_status cgap_bench_run(cgap_bench *out, const cgap_bench_options *options, cgap_error *error)
{
  static cgap_status (*const STAGES[])(bench_state *, cgap_error *) = {
    bench_sgemm, bench_memory, bench_faults, bench_ring, bench_files, bench_audit, bench_training,
  };
  *out = (cgap_bench){.rows = options->rows, .dim = options->dim, .kernels = cgap_audit_kernels_here()->name};
  bench_state b = {
    .out = out, .options = options, .threads = options->threads ? options->threads : omp_get_num_procs()};
  cgap_status status = CGAP_OK;
  for (size_t k = 0; !status && k < sizeof STAGES / sizeof *STAGES; k++) {
    status = STAGES[k](&b, error);
    if (!status)
      status = tick(&b, "benchmark", error);
  }
  if (status)
    *out = (cgap_bench){.count = 0};
  return status;
}
