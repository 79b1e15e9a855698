/* The row pass over a file of float16 pairs, beside what it cannot beat: the file read as plain bytes, and the products
 * of the second moments on the same rows.
 *
 *   bench_rows [N [d [FILE [DROP]]]]       1000000 64, a temporary file in the page cache
 *
 * FILE: one that `contragap simulate` made, contiguous, of which the first N pairs are taken, and once. DROP: the page
 * cache is asked to forget it before each reading. Opening is what `contragap info` does; the pass reads, converts,
 * checks, normalises and sums each row once. */
#include "base/threads.h"
#include "bench.h"
#include "rows/embeddings.h"
#include "rows/row_blocks.h"
#include "rows/row_sums.h"
#include "simd/convert.h"
#include "simulate/simulate.h"
#include "support.h"

#include <cblas.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 2, RUNS = 5, READ_BYTES = 1 << 20, PRODUCT_RUNS = 64 };

static cgap_dataset *open_file(const char *path)
{
  cgap_input_options options = CGAP_INPUT_OPTIONS_INIT;
  cgap_dataset *out;
  cgap_error error;
  options.files = &path;
  options.file_count = 1;
  options.threads = THREADS;
  bench_check(cgap_dataset_open(&out, &options, &error) == CGAP_OK, error.message);
  return out;
}

/* Means of the pass against the population's; returns the seconds of the pass. */
static double pass(const cgap_dataset *dataset, size_t n, const cgap_truth *truth)
{
  cgap_embeddings e;
  cgap_error error;
  cgap_data data = *cgap_dataset_data(dataset);
  bench_check(data.image.rows >= n && data.text.rows >= n, "the file has fewer rows");
  data.image.rows = data.text.rows = n;
  double square = 0, start = bench_seconds();
  bench_check(cgap_embeddings_load(&e, &data, CGAP_HOLD_NONE, NULL, THREADS, (cgap_progress){0}, &error) == CGAP_OK,
              error.message);
  double seconds = bench_seconds() - start;
  for (size_t k = 0; k < e.image.dim; k++)
    square += pow(e.image.mean[k] - e.text.mean[k], 2);
  bench_check(e.image.rows == n && e.text.rows == n, "rows are missing");
  bench_check(fabs(e.image.checks.norm_mean - 1) < 1e-3, "rows are not unit rows");
  bench_check(fabs(sqrt(square) - truth->centroid_distance) < 0.02, "the centroids are not the population's");
  cgap_embeddings_clear(&e);
  return seconds;
}

static void forget(const char *path)
{
  int fd = open(path, O_RDONLY);
  bench_check(fd >= 0 && fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0, "the page cache stays");
  close(fd);
}

/* What `cat FILE >/dev/null` does, but for the writing. */
static double read_plainly(const char *path, double bytes)
{
  static unsigned char buffer[READ_BYTES];
  int fd = open(path, O_RDONLY);
  const double start = bench_seconds();
  ssize_t got = 1;
  for (; bytes > 0 && got > 0; bytes -= (double)got)
    got = read(fd, buffer, sizeof buffer);
  bench_check(fd >= 0 && got >= 0, "the file cannot be read");
  close(fd);
  return bench_seconds() - start;
}

/* Seconds that the products of one side's second moments take for each of its rows, on unit rows of the file. */
static double products(const cgap_dataset *dataset)
{
  const cgap_source *source = &cgap_dataset_data(dataset)->image;
  const size_t dim = source->dim, run = cgap_second_moment_run_rows(dim),
               rows = run < source->rows ? run : source->rows;
  unsigned char *raw = support_alloc(rows * dim, cgap_type_size(source->type));
  double *z = support_alloc(rows * dim, sizeof *z), best = INFINITY;
  cgap_error error;
  bench_check(source->read(source, 0, rows, raw, &error) == CGAP_OK, error.message);
  cgap_to_double(source->type, raw, rows * dim, z);
  const int blas_threads = cgap_blas_single();
  for (int k = 0; k < RUNS; k++) {
    const double start = bench_seconds();
#pragma omp parallel num_threads(THREADS)
    {
      double *own = support_alloc(dim * dim, sizeof *own);
#pragma omp for schedule(static)
      for (int r = 0; r < PRODUCT_RUNS; r++)
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)dim, (int)rows, 1.0, z, (int)dim, 0.0, own, (int)dim);
      free(own);
    }
    best = fmin(best, bench_seconds() - start);
  }
  cgap_blas_restore(blas_threads);
  free(raw);
  free(z);
  return best / PRODUCT_RUNS / (double)rows;
}

typedef struct figures {
  double opened, plain, products, pass; /* seconds */
} figures;

static figures measure(const char *path, const cgap_simulate_options *options, int runs, bool drop)
{
  const cgap_truth truth = cgap_simulate_truth(options);
  figures f = {.plain = INFINITY, .pass = INFINITY};
  const double start = bench_seconds();
  cgap_dataset *dataset = open_file(path);
  f.opened = bench_seconds() - start;
  f.products = products(dataset) * 2 * (double)options->images;
  for (int run = 0; run < runs; run++) {
    if (drop)
      forget(path);
    f.plain = fmin(f.plain, read_plainly(path, 4.0 * (double)options->images * (double)options->dim));
    if (drop)
      forget(path);
    f.pass = fmin(f.pass, pass(dataset, options->images, &truth));
  }
  f.products = fmin(f.products, products(dataset) * 2 * (double)options->images);
  cgap_dataset_close(dataset);
  return f;
}

int main(int argc, char **argv)
{
  cgap_simulate_options options = CGAP_SIMULATE_OPTIONS_INIT;
  cgap_error error;
  char directory[200], made[300];
  const char *path = argc > 3 ? argv[3] : made;
  options.images = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
  options.dim = argc > 2 ? strtoul(argv[2], NULL, 10) : 64;
  support_directory(directory, sizeof directory);
  snprintf(made, sizeof made, "%s/pairs.h5", directory);
  if (argc <= 3 &&
      cgap_simulate_file(made, &options, CGAP_FLOAT16, "bench_rows", (cgap_progress){0}, &error) != CGAP_OK) {
    support_remove(directory);
    bench_check(false, error.message);
  }
  const figures f = measure(path, &options, argc > 3 ? 1 : RUNS, argc > 4);
  support_remove(directory);
  const double bytes = 4e-9 * (double)options.images * (double)options.dim, limit = fmax(f.plain, f.products);
  printf("%zu × %zu float16 pairs, %.2f GB, %d threads\n", options.images, options.dim, bytes, THREADS);
  printf("opening                        %8.4f s\n", f.opened);
  printf("the file as plain bytes        %8.3f s, %6.2f GB/s\n", f.plain, bytes / f.plain);
  printf("products of second moments     %8.3f s, %6.2f GB/s\n", f.products, bytes / f.products);
  printf("row pass                       %8.3f s, %6.2f GB/s, %3.0f %% of the slower of the two\n", f.pass,
         bytes / f.pass, 100 * limit / f.pass);
  printf("peak memory of this program    %8.1f MiB\n", bench_peak_mib());
  return 0;
}
