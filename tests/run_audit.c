#include "run_audit.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

cgap_data run_data(const run_rows *rows)
{
  return (cgap_data){
    .image = cgap_source_view(rows->image, rows->images, rows->dim, CGAP_FLOAT64, "test:/image"),
    .text = cgap_source_view(rows->text, rows->texts, rows->dim, CGAP_FLOAT64, "test:/text"),
    .pairing = rows->pairing,
    .text_image = rows->text_image,
    .merge_images = rows->merge_images,
  };
}

cgap_audit run_audit_data(const cgap_data *data, double temperature, int threads, uint64_t memory_bytes)
{
  cgap_audit out;
  cgap_error error = {0};
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  options.temperature = temperature;
  options.threads = threads;
  options.memory_bytes = memory_bytes;
  if (cgap_audit_run(&out, data, &options, &error) != CGAP_OK) {
    fprintf(stderr, "refused: %s\n", error.message);
    abort();
  }
  return out;
}

cgap_audit run_audit(const run_rows *rows, double temperature, int threads, uint64_t memory_bytes)
{
  cgap_data data = run_data(rows);
  return run_audit_data(&data, temperature, threads, memory_bytes);
}

void run_pairs(uint64_t seed, size_t rows, size_t dim, double offset, double **x, double **y)
{
  support_random r = support_seed(seed);
  double *e = support_alloc(dim, sizeof *e);
  *x = support_alloc(rows * dim, sizeof **x);
  *y = support_alloc(rows * dim, sizeof **y);
  support_normals(&r, e, dim);
  for (size_t i = 0; i < rows * dim; i++) {
    double z = support_normal(&r), shift = offset * e[i % dim];
    (*x)[i] = z + shift + 0.6 * support_normal(&r);
    (*y)[i] = z - shift + 0.6 * support_normal(&r);
  }
  support_normalise(*x, rows, dim);
  support_normalise(*y, rows, dim);
  free(e);
}
