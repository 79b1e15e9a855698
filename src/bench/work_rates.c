#include "audit/matched_pairs.h"
#include "audit/measure_runs.h"
#include "audit/pair_sums.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "base/threads.h"
#include "bench/rates.h"
#include "head/model/loss.h"
#include "rows/embeddings.h"
#include "simulate/simulate.h"

#include <math.h>

enum { AUDITS = 2, BATCH = 1024, BATCH_DIM = 128, STEPS = 5 };

/* ---------------------------------------------------------------- the audit, stage by stage */

/* All pairs: the whole audit, of which the tile pass counts. */
static cgap_status bench_tiles(cgap_bench_state *b, const cgap_data *data, cgap_error *error)
{
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_audit audit;
  options.threads = b->threads;
  options.pairs = CGAP_PAIRS_EXACT;
  double best = INFINITY;
  const double n = (double)data->image.rows;
  cgap_status status = CGAP_OK;
  for (int r = 0; !status && r < AUDITS; r++) {
    status = cgap_bench_begin(b, error);
    if (!status)
      status = cgap_audit_run(&audit, data, &options, error);
    if (status)
      break;
    best = fmin(best, audit.seconds_tiles);
    cgap_audit_clear(&audit);
    status = cgap_bench_tick(b, "tile pass", error);
  }
  const cgap_rate rate = {.key = "tile_pass",
                          .label = "tile pass, every measure",
                          .unit = "GFLOP/s",
                          .value = 4e-9 * (double)data->image.dim * n * n / best,
                          .limited_by = "sgemm"};
  return status ? status : cgap_bench_add(b, rate, error);
}

/* Matched pairs, on rows in memory. */
static cgap_status bench_matched_pairs(cgap_bench_state *b, const cgap_embeddings *e, cgap_error *error)
{
  cgap_matched_pair_sums sums;
  double best = INFINITY;
  cgap_status status = cgap_bench_begin(b, error);
  for (int r = 0; !status && r < CGAP_BENCH_REPEATS; r++) {
    const double start = cgap_clock_seconds();
    status = cgap_matched_pairs_run(&sums, e, NULL, b->threads, (cgap_progress){0}, error);
    best = fmin(best, cgap_clock_seconds() - start);
    if (!status)
      cgap_matched_pairs_clear(&sums);
  }
  const cgap_rate rate = {
    .key = "couples", .label = "matched pairs", .unit = "k/s", .value = 1e-3 * (double)e->text.rows / best};
  return status ? status : cgap_bench_add(b, rate, error);
}

/* The fit of the separability, in rows of both sides, and the three eigenproblems, counted as 4/3 d³ each. */
static cgap_status bench_finish(cgap_bench_state *b, const cgap_embeddings *e, cgap_error *error)
{
  const cgap_audit_sums evidence = {.dim = e->image.dim,
                                    .image = cgap_modality_of(&e->image),
                                    .text = cgap_modality_of(&e->text),
                                    .paired = e->paired,
                                    .image_of = e->pairs.image_of};
  const double dim = (double)e->image.dim, rows = (double)(e->image.rows + e->text.rows);
  double *components = cgap_alloc(2 * e->image.dim, sizeof *components);
  cgap_audit audit = {0};
  cgap_status status = components ? cgap_bench_begin(b, error) : cgap_bench_no_memory(error);
  const double start = cgap_clock_seconds();
  if (!status)
    status = cgap_separability_run(&evidence, e, NULL, b->threads, (cgap_progress){0}, &audit, error);
  const double fitted = cgap_clock_seconds();
  if (!status)
    status = cgap_spectra_run(&evidence, NULL, b->threads, (cgap_concurrent_task){0}, components, &audit, error);
  const double solved = cgap_clock_seconds();
  cgap_free(components);
  cgap_audit_clear(&audit);
  const cgap_rate fit_rate = {.key = "separability",
                              .label = "rows through the separability",
                              .unit = "k/s",
                              .value = 1e-3 * rows / (fitted - start)};
  const cgap_rate spectra = {.key = "spectra",
                             .label = "three eigenproblems",
                             .unit = "GFLOP/s",
                             .value = 4e-9 * dim * dim * dim / (solved - fitted)};
  if (!status)
    status = cgap_bench_add(b, fit_rate, error);
  return status ? status : cgap_bench_add(b, spectra, error);
}

cgap_status cgap_bench_audit(cgap_bench_state *b, cgap_error *error)
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
    status = cgap_embeddings_load(&e, &data, true, NULL, b->threads, (cgap_progress){0}, error);
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

/* CUAXU with its gradient, one text an image: forward the cross square and two triangles, backward the same again and
 * two products with each: 3·(2·2·n²·d) operations. */
cgap_status cgap_bench_training(cgap_bench_state *b, cgap_error *error)
{
  enum { N = BATCH, D = BATCH_DIM };
  float *rows = cgap_alloc((size_t)4 * N * D, sizeof *rows);
  size_t *index = cgap_alloc(N + 1, sizeof *index);
  cgap_loss *loss = NULL;
  double best = INFINITY;
  cgap_status status = rows && index ? CGAP_OK : cgap_bench_no_memory(error);
  if (!status)
    status = cgap_bench_begin(b, error);
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
  const cgap_rate rate = {.key = "training",
                          .label = "CUAXU and gradient, batch 1024",
                          .unit = "GFLOP/s",
                          .value = 12e-9 * N * N * (double)D / best,
                          .limited_by = "sgemm"};
  return status ? status : cgap_bench_add(b, rate, error);
}
