/* The same float16 rows from contiguous HDF5 and from .npy, in the page cache, in one run.
 *
 *   bench_containers [N [d]]        200000 512
 *
 * .npy has to reach 80 % of HDF5. */
#include "bench.h"
#include "io/write/convert.h"
#include "simulate/simulate.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS = 7, BLOCK = 4096 };

static cgap_dataset *open_path(const char *path)
{
  cgap_input_options options = CGAP_INPUT_OPTIONS_INIT;
  cgap_dataset *out;
  cgap_error error;
  options.files = &path;
  options.file_count = 1;
  bench_check(cgap_dataset_open(&out, &options, &error) == CGAP_OK, error.message);
  return out;
}

/* Seconds for all rows of both sides; sum: of their bytes, so that each container has to give the same. */
static double read_all(const cgap_dataset *d, unsigned char *block, uint64_t *sum)
{
  const cgap_source *sides[2] = {&cgap_dataset_data(d)->image, &cgap_dataset_data(d)->text};
  cgap_error error;
  double seconds = 0;
  *sum = 0;
  for (int s = 0; s < 2; s++) {
    for (size_t first = 0; first < sides[s]->rows; first += BLOCK) {
      size_t rows = sides[s]->rows - first < BLOCK ? sides[s]->rows - first : BLOCK;
      double start = bench_seconds();
      bench_check(sides[s]->read(sides[s], first, rows, block, &error) == CGAP_OK, error.message);
      seconds += bench_seconds() - start;
      for (size_t i = 0; i < rows * sides[s]->dim * 2; i += 64)
        *sum = *sum * 31 + block[i];
    }
  }
  return seconds;
}

int main(int argc, char **argv)
{
  enum { HDF5, NPY, KINDS };
  static const char *const NAMES[KINDS] = {"HDF5, contiguous", ".npy"};
  cgap_simulate_options options = CGAP_SIMULATE_OPTIONS_INIT;
  cgap_convert_options convert = {.layout = CGAP_LAYOUT_NPY};
  cgap_error error;
  char directory[200], path[KINDS][300];
  cgap_dataset *data[KINDS];
  double best[KINDS] = {1e30, 1e30};
  uint64_t sum[KINDS] = {0};
  options.model = CGAP_MODEL_UNIFORM;
  options.images = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
  options.dim = argc > 2 ? strtoul(argv[2], NULL, 10) : 512;
  support_directory(directory, sizeof directory);
  snprintf(path[HDF5], sizeof path[HDF5], "%s/pairs.h5", directory);
  snprintf(path[NPY], sizeof path[NPY], "%s/npy", directory);
  bench_check(cgap_simulate_file(path[HDF5], &options, CGAP_FLOAT16, "bench_containers", (cgap_progress){0}, &error) ==
                CGAP_OK,
              error.message);
  data[HDF5] = open_path(path[HDF5]);
  bench_check(cgap_convert(NULL, data[HDF5], path[NPY], &convert, &error) == CGAP_OK, error.message);
  data[NPY] = open_path(path[NPY]);
  unsigned char *block = support_alloc(BLOCK * options.dim, 2);
  for (int run = 0; run < RUNS; run++) {
    for (int k = 0; k < KINDS; k++) {
      double seconds = read_all(data[k], block, &sum[k]);
      best[k] = seconds < best[k] ? seconds : best[k];
    }
  }
  for (int k = 0; k < KINDS; k++)
    cgap_dataset_close(data[k]);
  support_remove(directory);
  free(block);
  bench_check(sum[HDF5] == sum[NPY], "the containers give other rows");
  double bytes = 4.0 * (double)options.images * (double)options.dim;
  printf("%zu × %zu float16 pairs, %.0f MB in the page cache\n", options.images, options.dim, 1e-6 * bytes);
  for (int k = 0; k < KINDS; k++)
    printf("%-20s %7.3f s, %6.2f GB/s, %3.0f %% of HDF5\n", NAMES[k], best[k], 1e-9 * bytes / best[k],
           100 * best[HDF5] / best[k]);
  return best[HDF5] / best[NPY] < 0.8;
}
