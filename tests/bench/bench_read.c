/* Reading float16 rows from the page cache, however they are stored, and what turning them into floats takes.
 *
 *   bench_read [N [d]]        40000 512
 *
 * Rows come in blocks of 4096, which is what the row pass asks for. "HDF5's own" is H5Dread of the same blocks, in the
 * file's type. Two threads have to reach 1.8 times the rate of one on gzip, a core 2 GB/s of float16 converted. */
#include "bench.h"
#include "simd/kernels.h"
#include "support.h"

#include <hdf5.h>
#include <math.h>
#include <string.h>

enum { RUNS = 5, BLOCK = 4096, CHUNK = 1024, LAYOUTS = 4 };

static const struct {
  const char *name;
  bool chunked, shuffle, gzip;
} LAYOUT[LAYOUTS] = {{"contiguous", false, false, false},
                     {"chunked", true, false, false},
                     {"gzip", true, false, true},
                     {"shuffle, gzip", true, true, true}};

static hid_t half_type(void)
{
  hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

/* Rows of unit length, rounded. */
static void *make_rows(size_t rows, size_t dim)
{
  support_random random = support_seed(1);
  double *x = support_alloc(rows * dim, sizeof *x);
  support_normals(&random, x, rows * dim);
  support_normalise(x, rows, dim);
  void *out = support_encode(x, rows * dim, CGAP_FLOAT16);
  free(x);
  return out;
}

static void write_file(const char *path, int layout, const void *rows, size_t n, size_t dim)
{
  static const char *const NAMES[2] = {"image", "text"};
  const hsize_t size[2] = {n, dim}, chunk[2] = {CHUNK < n ? CHUNK : n, dim};
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), plist = H5Pcreate(H5P_DATASET_CREATE);
  hid_t space = H5Screate_simple(2, size, NULL), type = half_type();
  if (LAYOUT[layout].chunked)
    H5Pset_chunk(plist, 2, chunk);
  if (LAYOUT[layout].shuffle)
    H5Pset_shuffle(plist);
  if (LAYOUT[layout].gzip)
    H5Pset_deflate(plist, 4);
  for (int side = 0; side < 2; side++) {
    hid_t dataset = H5Dcreate2(file, NAMES[side], type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    bench_check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows) >= 0, "writing failed");
    H5Dclose(dataset);
  }
  H5Tclose(type);
  H5Sclose(space);
  H5Pclose(plist);
  bench_check(H5Fclose(file) >= 0, "closing failed");
}

/* Seconds of one pass over /image through the library; the rows have to be those written. */
static double pass(const char *path, int threads, const unsigned char *want, unsigned char *got)
{
  cgap_input_options options = CGAP_INPUT_OPTIONS_INIT;
  cgap_dataset *dataset;
  cgap_error error;
  options.files = &path;
  options.file_count = 1;
  options.threads = threads;
  bench_check(cgap_dataset_open(&dataset, &options, &error) == CGAP_OK, error.message);
  const cgap_source *s = &cgap_dataset_data(dataset)->image;
  double seconds = 0;
  for (size_t first = 0; first < s->rows; first += BLOCK) {
    const size_t rows = s->rows - first < BLOCK ? s->rows - first : BLOCK, bytes = rows * s->dim * 2;
    const double start = bench_seconds();
    bench_check(s->read(s, first, rows, got, &error) == CGAP_OK, error.message);
    seconds += bench_seconds() - start;
    bench_check(memcmp(got, want + first * s->dim * 2, bytes) == 0, "other rows than were written");
  }
  cgap_dataset_close(dataset);
  return seconds;
}

static double pass_hdf5(const char *path, size_t n, size_t dim, unsigned char *got)
{
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), access = H5Pcreate(H5P_DATASET_ACCESS);
  H5Pset_chunk_cache(access, 12421, 16 << 20, 1.0);
  hid_t dataset = H5Dopen2(file, "image", access), space = H5Dget_space(dataset), type = H5Dget_type(dataset);
  const double begun = bench_seconds();
  for (size_t first = 0; first < n; first += BLOCK) {
    const hsize_t start[2] = {first, 0}, count[2] = {n - first < BLOCK ? n - first : BLOCK, dim};
    hid_t memory = H5Screate_simple(2, count, NULL);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    bench_check(H5Dread(dataset, type, memory, space, H5P_DEFAULT, got) >= 0, "H5Dread failed");
    H5Sclose(memory);
  }
  const double seconds = bench_seconds() - begun;
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(dataset);
  H5Pclose(access);
  H5Fclose(file);
  return seconds;
}

static bool reading(const char *directory, const void *rows, size_t n, size_t dim)
{
  unsigned char *got = support_alloc(BLOCK * dim, 2);
  const double bytes = 2e-9 * (double)n * (double)dim;
  char path[300];
  bool fine = true;
  printf("%-16s %12s %12s %12s %8s\n", "GB/s of float16", "HDF5's own", "one thread", "two threads", "ratio");
  for (int layout = 0; layout < LAYOUTS; layout++) {
    double best[3] = {INFINITY, INFINITY, INFINITY};
    snprintf(path, sizeof path, "%s/%d.h5", directory, layout);
    write_file(path, layout, rows, n, dim);
    for (int run = 0; run < RUNS; run++) {
      best[0] = fmin(best[0], pass_hdf5(path, n, dim, got));
      for (int threads = 1; threads <= 2; threads++)
        best[threads] = fmin(best[threads], pass(path, threads, rows, got));
    }
    printf("%-16s %12.2f %12.2f %12.2f %8.2f\n", LAYOUT[layout].name, bytes / best[0], bytes / best[1], bytes / best[2],
           best[1] / best[2]);
    fine = fine && (!LAYOUT[layout].gzip || best[1] / best[2] >= 1.8);
    remove(path);
  }
  free(got);
  return fine;
}

/* In blocks that stay in the cache, as the row pass converts them. */
static bool converting(const uint16_t *rows, size_t n, size_t dim)
{
  enum { PIECE = 1 << 14 };
  const cgap_audit_kernels *list[3];
  const size_t tables = cgap_audit_kernels_list(list), count = n * dim / PIECE * PIECE;
  float *want = support_alloc(PIECE, sizeof *want), *got = support_alloc(PIECE, sizeof *got);
  double rate = 0;
  for (size_t k = 0; k < tables; k++) {
    double best = INFINITY;
    for (int run = 0; run < RUNS; run++) {
      const double start = bench_seconds();
      for (size_t at = 0; at < count; at += PIECE)
        list[k]->from_half(rows + at, PIECE, got);
      best = fmin(best, bench_seconds() - start);
    }
    list[0]->from_half(rows + count - PIECE, PIECE, want);
    bench_check(memcmp(got, want, PIECE * sizeof *got) == 0, "the kernels give other floats");
    rate = 2e-9 * (double)count / best;
    printf("float16 to float, %-8s     %7.2f GB/s of float16 on one core\n", list[k]->name, rate);
  }
  free(want);
  free(got);
  return rate >= 2;
}

int main(int argc, char **argv)
{
  const size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 40000, dim = argc > 2 ? strtoul(argv[2], NULL, 10) : 512;
  char directory[200];
  support_directory(directory, sizeof directory);
  void *rows = make_rows(n, dim);
  printf("%zu × %zu rows, %.0f MB\n", n, dim, 2e-6 * (double)n * (double)dim);
  bool fine = reading(directory, rows, n, dim);
  fine = converting(rows, n, dim) && fine;
  free(rows);
  support_remove(directory);
  return !fine;
}
