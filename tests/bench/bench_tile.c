/* The tile pass beside the best square sgemm of the same machine, minute and program.
 *
 *   bench_tile [N [d [runs]]]       10000 512 3
 *
 * A set of the model "clip" is audited with all measures; the tile pass is counted as 4·d·N² operations (two triangles
 * and the cross square), in float32 and, where the machine can, in bfloat16. Before that, a small set is held against
 * the naive double program. */
#include "bench.h"
#include "compare.h"
#include "simd/gemm.h"
#include "simulate/simulate.h"
#include "support.h"

#include <cblas.h>

enum { THREADS = 2 };

/* The set as float32 rows, which is what most files hold. */
static cgap_data simulate(cgap_simulation *set, float **image, float **text, size_t n, size_t d)
{
  cgap_simulate_options options = CGAP_SIMULATE_OPTIONS_INIT;
  cgap_error error;
  options.images = n;
  options.dim = d;
  options.seed = 1;
  bench_check(cgap_simulate(set, &options, &error) == CGAP_OK, error.message);
  *image = support_encode(set->image, n * d, CGAP_FLOAT32);
  *text = support_encode(set->text, n * d, CGAP_FLOAT32);
  return (cgap_data){.image = cgap_source_view(*image, n, d, CGAP_FLOAT32, "bench:/image"),
                     .text = cgap_source_view(*text, n, d, CGAP_FLOAT32, "bench:/text"),
                     .pairing = CGAP_BY_ROW};
}

static cgap_audit audit(const cgap_data *data, cgap_precision precision)
{
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_audit out;
  cgap_error error;
  options.threads = THREADS;
  options.pairs = CGAP_PAIRS_EXACT;
  options.precision = precision;
  bench_check(cgap_audit_run(&out, data, &options, &error) == CGAP_OK, error.message);
  return out;
}

static void verify(void)
{
  enum { N = 300, D = 32 };
  cgap_simulation set;
  naive_result want;
  float *image, *text;
  size_t *owner = support_alloc(N, sizeof *owner);
  cgap_data data = simulate(&set, &image, &text, N, D);
  cgap_audit got = audit(&data, CGAP_PRECISION_FP32);
  double *x = support_decode(image, N * D, CGAP_FLOAT32), *y = support_decode(text, N * D, CGAP_FLOAT32);
  for (size_t i = 0; i < N; i++)
    owner[i] = i;
  naive_input in = {
    .images = N, .texts = N, .dim = D, .image = x, .text = y, .owner = owner, .temperature = got.loss.temperature};
  naive_audit(&want, &in);
  bench_check(compare_audits("bench", &got, &want) == 0, "the audit differs from the naive program");
  naive_clear(&want);
  cgap_audit_clear(&got);
  cgap_simulation_clear(&set);
  void *blocks[] = {x, y, image, text, owner};
  for (size_t k = 0; k < sizeof blocks / sizeof *blocks; k++)
    free(blocks[k]);
}

/* GFLOP/s of the best of 3 products of n × n */
static double square_sgemm(int n)
{
  float *a = support_alloc((size_t)n * n, sizeof *a), *b = support_alloc((size_t)n * n, sizeof *b),
        *c = support_alloc((size_t)n * n, sizeof *c);
  double best = 1e30;
  for (size_t k = 0; k < (size_t)n * n; k++) {
    a[k] = (float)(k % 7) - 3;
    b[k] = (float)(k % 5) - 2;
  }
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, n, 1, a, n, b, n, 0, c, n);
  float want = 0;
  for (int k = 0; k < n; k++)
    want += a[k] * b[n + k];
  bench_check(c[1] == want, "sgemm gives a wrong product");
  for (int run = 0; run < 3; run++) {
    double start = bench_seconds();
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, n, 1, a, n, b, n, 0, c, n);
    double seconds = bench_seconds() - start;
    best = seconds < best ? seconds : best;
  }
  free(a);
  free(b);
  free(c);
  return 2e-9 * n * n * n / best;
}

static double best_sgemm(bool print)
{
  static const int SIZES[] = {512, 1024, 2048, 4096};
  double best = 0;
  openblas_set_num_threads(THREADS);
  for (size_t k = 0; k < 4; k++) {
    double rate = square_sgemm(SIZES[k]);
    if (print)
      printf("sgemm %4d × %4d, %d threads     %7.1f GFLOP/s\n", SIZES[k], SIZES[k], THREADS, rate);
    best = rate > best ? rate : best;
  }
  return best;
}

/* The fastest of `runs` audits; 0 where this machine cannot. Returns the seconds of its tile pass. */
static double time_audit(const cgap_data *data, cgap_precision precision, int runs)
{
  static const char *const NAMES[] = {[CGAP_PRECISION_FP32] = "float32 ", [CGAP_PRECISION_BF16] = "bfloat16"};
  double tiles = 1e30, total = 1e30, rows = 0;
  if (precision == CGAP_PRECISION_BF16 && !cgap_tile_gemm_here(true))
    return 0;
  for (int run = 0; run < runs; run++) {
    cgap_audit out = audit(data, precision);
    tiles = out.seconds_tiles < tiles ? out.seconds_tiles : tiles;
    if (out.seconds_total < total) {
      total = out.seconds_total;
      rows = out.seconds_rows;
    }
    cgap_audit_clear(&out);
  }
  printf("audit in %s              %10.3f s (rows %.3f, tiles %.3f)\n", NAMES[precision], total, rows, tiles);
  return tiles;
}

int main(int argc, char **argv)
{
  size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000, d = argc > 2 ? strtoul(argv[2], NULL, 10) : 512;
  int runs = argc > 3 ? atoi(argv[3]) : 3;
  cgap_simulation set;
  float *image, *text;
  verify();
  double before = best_sgemm(true);
  cgap_data data = simulate(&set, &image, &text, n, d);
  cgap_simulation_clear(&set);
  printf("N = %zu, d = %zu\n", n, d);
  const double seconds = time_audit(&data, CGAP_PRECISION_FP32, runs),
               rough = time_audit(&data, CGAP_PRECISION_BF16, runs);
  double after = best_sgemm(false), sgemm = before > after ? before : after;
  double operations = 4.0 * (double)d * (double)n * (double)n, rate = 1e-9 * operations / seconds;
  printf("tile pass, %6.0f GFLOP         %7.1f GFLOP/s\n", 1e-9 * operations, rate);
  printf("of the best sgemm, %.1f        %7.1f %%\n", sgemm, 100 * rate / sgemm);
  if (rough > 0)
    printf("tile pass in bfloat16           %7.1f GFLOP/s, %.2f times as fast, %.2f times the best sgemm\n",
           1e-9 * operations / rough, seconds / rough, 1e-9 * operations / rough / sgemm);
  printf("peak memory of this program     %7.1f MiB\n", bench_peak_mib());
  free(image);
  free(text);
  return 0;
}
