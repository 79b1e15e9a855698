#include "bench/bench.h"

#include "base/memory.h"
#include "base/threads.h"
#include "simd/gemm.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <string.h>
#include <time.h>

enum {
  MEMORY_DOUBLES = 1 << 25, /* 256 MB: far past any cache */
  RING_BYTES = 1 << 26,     /* as large as the pieces in which the audit sends rows round */
};

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
static cgap_status bench_sgemm(cgap_bench_state *b, cgap_error *error)
{
  static void (*const WAYS[])(size_t, const float *, const float *, float *, int) = {square_together, square_apart};
  static const size_t SIZES[] = {512, 1024, 2048, 3072};
  const size_t most = (size_t)3072 * 3072;
  float *m = cgap_alloc(3 * most, sizeof *m);
  const int blas_threads = openblas_get_num_threads();
  double best = 0;
  if (!m)
    return cgap_bench_no_memory(error);
  for (size_t k = 0; k < 3 * most; k++)
    m[k] = (float)(k % 7) - 3;
  cgap_status status = cgap_bench_begin(b, error);
  for (size_t way = 0; !status && way < sizeof WAYS / sizeof *WAYS; way++) {
    openblas_set_num_threads(way == 0 ? b->threads : 1);
    for (size_t k = 0; k < CGAP_BENCH_REPEATS * sizeof SIZES / sizeof *SIZES; k++) {
      const size_t n = SIZES[k / CGAP_BENCH_REPEATS];
      const double start = cgap_clock_seconds();
      WAYS[way](n, m, m + most, m + 2 * most, b->threads);
      best = fmax(best, 2e-9 * (double)(n * n) * (double)n / (cgap_clock_seconds() - start));
    }
  }
  openblas_set_num_threads(blas_threads);
  cgap_free(m);
  const cgap_rate rate = {.key = "sgemm", .label = "sgemm, best square", .unit = "GFLOP/s", .value = best};
  return status ? status : cgap_bench_add(b, rate, error);
}

static cgap_status bench_memory(cgap_bench_state *b, cgap_error *error)
{
  double *m = cgap_alloc(MEMORY_DOUBLES, sizeof *m), best = INFINITY, total = 0;
  if (!m)
    return cgap_bench_no_memory(error);
#pragma omp parallel for schedule(static) num_threads(b->threads)
  for (size_t k = 0; k < MEMORY_DOUBLES; k++)
    m[k] = 1;
  cgap_status status = cgap_bench_begin(b, error);
  for (int r = 0; !status && r < CGAP_BENCH_REPEATS; r++) {
    double sum = 0;
    const double start = cgap_clock_seconds();
#pragma omp parallel for simd schedule(static) reduction(+ : sum) num_threads(b->threads)
    for (size_t k = 0; k < MEMORY_DOUBLES; k++)
      sum += m[k];
    best = fmin(best, cgap_clock_seconds() - start);
    total += sum;
  }
  cgap_free(m);
  if (!status && total != (double)CGAP_BENCH_REPEATS * MEMORY_DOUBLES)
    status = cgap_fail(error, CGAP_RESOURCE, "the memory of this machine gives back other numbers than it was given");
  const cgap_rate rate = {
    .key = "memory", .label = "memory, read", .unit = "GB/s", .value = 1e-9 * sizeof(double) * MEMORY_DOUBLES / best};
  return status ? status : cgap_bench_add(b, rate, error);
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
static cgap_status bench_ring(cgap_bench_state *b, cgap_error *error)
{
  cgap_comm *comm = b->options->comm;
  if (!comm)
    return CGAP_OK;
  unsigned char *out = cgap_alloc(RING_BYTES, 1), *in = cgap_zalloc(RING_BYTES, 1);
  const int size = cgap_comm_size(comm), before = (cgap_comm_rank(comm) + size - 1) % size;
  double best = INFINITY, seconds = 0;
  cgap_status status = out && in ? CGAP_OK : cgap_bench_no_memory(error);
  if (!status)
    memset(out, 1 + cgap_comm_rank(comm) % 100, RING_BYTES);
  for (int r = 0; !status && r < CGAP_BENCH_REPEATS + 1; r++) { /* the first one opens connections */
    status = cgap_bench_begin(b, error);
    if (!status)
      status = pass_block(comm, out, in, &seconds, error);
    best = r > 0 ? fmin(best, seconds) : best;
  }
  if (!status && (in[0] != 1 + before % 100 || in[RING_BYTES - 1] != in[0]))
    status = cgap_fail(error, CGAP_RESOURCE, "what rank %d sent did not come here", before);
  cgap_comm_free(comm, out);
  cgap_comm_free(comm, in);
  const cgap_rate rate = {
    .key = "ring", .label = "ring, sent by a rank", .unit = "GB/s", .value = 1e-9 * RING_BYTES / best};
  return status ? status : cgap_bench_add(b, rate, error);
}

cgap_status cgap_bench_run(cgap_bench *out, const cgap_bench_options *options, cgap_error *error)
{
  static cgap_status (*const stages[])(cgap_bench_state *, cgap_error *) = {
    bench_sgemm, bench_memory, bench_ring, cgap_bench_files, cgap_bench_audit, cgap_bench_training,
  };
  *out = (cgap_bench){.count = 0};
  cgap_bench_state b = {
    .out = out, .options = options, .threads = options->threads ? options->threads : omp_get_num_procs()};
  cgap_status status = CGAP_OK;
  for (size_t k = 0; !status && k < sizeof stages / sizeof *stages; k++) {
    status = stages[k](&b, error);
    if (!status)
      status = cgap_bench_tick(&b, "benchmark", error);
  }
  if (status)
    *out = (cgap_bench){.count = 0};
  return status;
}
