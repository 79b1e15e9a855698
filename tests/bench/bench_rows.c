/* The row pass over a file of float16 pairs in the page cache.
 *
 *   bench_rows [N [d [FILE]]]       1000000 64, a temporary file
 *
 * Opening is what `contragap info` does; the pass reads, converts, checks, normalises and sums each row once. */
#include "bench.h"
#include "engine/embeddings.h"
#include "simulate.h"
#include "support.h"

#include <math.h>
#include <string.h>

enum { THREADS = 2, RUNS = 5 };

static cgap_dataset *open_file(const char *path)
{
  cgap_input_options options = CGAP_INPUT_OPTIONS_INIT;
  cgap_dataset *out;
  cgap_error error;
  options.files = &path;
  options.file_count = 1;
  bench_check(cgap_dataset_open(&out, &options, &error) == CGAP_OK, error.message);
  return out;
}

/* Means of the pass against the population's; returns the seconds of the pass. */
static double pass(const cgap_dataset *dataset, size_t n, const cgap_truth *truth)
{
  cgap_embeddings e;
  cgap_error error;
  double square = 0, start = bench_seconds();
  bench_check(cgap_embeddings_load(&e, cgap_dataset_data(dataset), false, THREADS, (cgap_progress){0}, &error) ==
                CGAP_OK,
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

int main(int argc, char **argv)
{
  cgap_simulate_options options = CGAP_SIMULATE_OPTIONS_INIT;
  cgap_error error;
  char directory[200], path[300];
  double best = 1e30;
  options.images = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
  options.dim = argc > 2 ? strtoul(argv[2], NULL, 10) : 64;
  support_directory(directory, sizeof directory);
  snprintf(path, sizeof path, "%s/pairs.h5", directory);
  bool made = cgap_simulate_file(path, &options, CGAP_FLOAT16, "bench_rows", (cgap_progress){0}, &error) == CGAP_OK;
  if (!made) {
    support_remove(directory);
    bench_check(false, error.message);
  }
  cgap_truth truth = cgap_simulate_truth(&options);
  double start = bench_seconds();
  cgap_dataset *dataset = open_file(path);
  double opened = bench_seconds() - start;
  for (int run = 0; run < RUNS; run++) {
    double seconds = pass(dataset, options.images, &truth);
    best = seconds < best ? seconds : best;
  }
  cgap_dataset_close(dataset);
  support_remove(directory);
  double bytes = 4.0 * (double)options.images * (double)options.dim;
  printf("%zu × %zu float16 pairs, %.0f MB in the page cache, %d threads\n", options.images, options.dim, 1e-6 * bytes,
         THREADS);
  printf("opening                        %7.4f s\n", opened);
  printf("row pass                       %7.3f s, %.2f GB/s\n", best, 1e-9 * bytes / best);
  printf("peak memory of this program    %7.1f MiB\n", bench_peak_mib());
  return 0;
}
