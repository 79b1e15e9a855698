/* Computes the cosines of all pairs for a caller, who adds up sums of their own (cgap_tally_run). Tiles are square
 * and of one size; those of a band of rows are added up in order, then the bands in order, so that a sum depends on
 * neither threads nor memory. */
#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "audit/plan.h"
#include "base/memory.h"
#include "base/modality_names.h"
#include "base/source.h"
#include "base/threads.h"
#include "rows/embeddings.h"
#include "rows/row_blocks.h"

enum { TILE_EDGE = 256 }; /* divides CGAP_TILE, in which plans count: panels hold whole bands */

/* One pass over one kind of pairs, for the current panels. */
typedef struct tally_pass {
  const cgap_tally *tally;
  const cgap_embeddings *embeddings;
  cgap_pair_kind kind;
  cgap_row_block a, b; /* rows and columns */
  double *sums;        /* (bands of a panel, tally->sums) */
  uint64_t *counts;
  float *cosine; /* (threads, SIDE, SIDE) */
  int threads;
  cgap_progress progress;
  size_t done, tiles; /* of all kinds, for progress */
  bool cancelled;
} tally_pass;

static size_t bands_of(size_t rows)
{
  return (rows + TILE_EDGE - 1) / TILE_EDGE;
}

/* ---------------------------------------------------------------- one tile */

static void multiply_tile(const tally_pass *p, const cgap_tile *t, float *out)
{
  const size_t dim = p->a.modality->dim;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)t->rows, (int)t->columns, (int)dim, 1.0F,
              p->a.unit + (t->row - p->a.first) * dim, (int)dim, p->b.unit + (t->column - p->b.first) * dim, (int)dim,
              0.0F, out, (int)t->columns);
  for (size_t k = 0; k < t->rows * t->columns; k++)
    out[k] = fminf(fmaxf(out[k], -1.0F), 1.0F);
}

static void show_tile(tally_pass *p, size_t row, size_t column)
{
  size_t first[TILE_EDGE] = {0};
  float *cosine = p->cosine + (size_t)omp_get_thread_num() * TILE_EDGE * TILE_EDGE;
  const size_t band = (row - p->a.first) / TILE_EDGE;
  const cgap_tile t = {
    .kind = p->kind,
    .row = row,
    .column = column,
    .rows = cgap_lesser(TILE_EDGE, p->a.first + p->a.rows - row),
    .columns = cgap_lesser(TILE_EDGE, p->b.first + p->b.rows - column),
    .cosine = cosine,
    .first = first,
    .file_row = p->a.modality->file_row + row,
    .file_column = p->b.modality->file_row + column,
    .image_of = p->kind == CGAP_IMAGE_TEXT && p->embeddings->paired ? p->embeddings->pairs.image_of + column : NULL,
  };
  if (p->kind != CGAP_IMAGE_TEXT && row == column)
    for (size_t r = 0; r < t.rows; r++)
      first[r] = r + 1;
  multiply_tile(p, &t, cosine);
  p->tally->tile(p->tally->context, &t, p->sums + band * p->tally->sums, p->counts + band * p->tally->counts);
}

/* ---------------------------------------------------------------- panels */

/* From the calling thread alone. */
static void report_progress(tally_pass *p, size_t done)
{
  if (p->progress.tick && p->progress.tick(p->progress.context, "pairs", (double)done / (double)p->tiles)) {
#pragma omp atomic write
    p->cancelled = true;
  }
}

/* A tile is done; true: stop. */
static bool count_tile(tally_pass *p)
{
  size_t done;
  bool stop;
#pragma omp atomic capture
  done = ++p->done;
  if (omp_get_thread_num() == 0)
    report_progress(p, done);
#pragma omp atomic read
  stop = p->cancelled;
  return stop;
}

/* Every tile of the two current panels: a band is one thread's. */
static void show_panels(tally_pass *p)
{
  const size_t bands = bands_of(p->a.rows);
  const bool triangle = p->kind != CGAP_IMAGE_TEXT;
#pragma omp parallel for schedule(dynamic, 1) num_threads(p->threads)
  for (size_t k = 0; k < bands; k++) {
    const size_t row = p->a.first + k * TILE_EDGE;
    for (size_t column = p->b.first; column < p->b.first + p->b.rows; column += TILE_EDGE) {
      if (triangle && column < row)
        continue;
      show_tile(p, row, column);
      if (count_tile(p))
        break;
    }
  }
}

/* All columns for one panel of rows, and the bands' sums to the whole. */
static cgap_status run_panel(tally_pass *p, const cgap_modality_rows *columns, size_t panel_rows, double *sums,
                             uint64_t *counts, cgap_error *error)
{
  const size_t bands = bands_of(p->a.rows), n = p->tally->sums, m = p->tally->counts;
  cgap_status status = CGAP_OK;
  memset(p->sums, 0, bands * n * sizeof *p->sums);
  memset(p->counts, 0, bands * m * sizeof *p->counts);
  for (size_t at = p->kind == CGAP_IMAGE_TEXT ? 0 : p->a.first; !status && at < columns->rows; at += panel_rows) {
    status = cgap_row_block_load(&p->b, columns, at, cgap_lesser(panel_rows, columns->rows - at), error);
    if (!status)
      show_panels(p);
    if (!status && !p->cancelled) /* the calling thread may have had no tile */
      report_progress(p, p->done);
    if (!status && p->cancelled)
      status = cgap_fail(error, CGAP_INTERRUPTED, "interrupted between tiles; the sums are not complete");
  }
  for (size_t k = 0; !status && k < bands; k++) {
    for (size_t i = 0; i < n; i++)
      sums[i] += p->sums[k * n + i];
    for (size_t i = 0; i < m; i++)
      counts[i] += p->counts[k * m + i];
  }
  return status;
}

static const cgap_modality_rows *rows_of(const cgap_embeddings *e, cgap_pair_kind kind)
{
  return kind == CGAP_TEXT_TEXT ? &e->text : &e->image;
}

static const cgap_modality_rows *columns_of(const cgap_embeddings *e, cgap_pair_kind kind)
{
  return kind == CGAP_IMAGE_IMAGE ? &e->image : &e->text;
}

static size_t tiles_of(const cgap_embeddings *e, const cgap_tally *tally)
{
  size_t tiles = 0;
  for (int kind = 0; kind < CGAP_PAIR_KINDS; kind++)
    if (tally->kinds & 1u << kind) {
      const size_t a = bands_of(rows_of(e, (cgap_pair_kind)kind)->rows);
      const size_t b = bands_of(columns_of(e, (cgap_pair_kind)kind)->rows);
      tiles += kind == CGAP_IMAGE_TEXT ? a * b : a * (a + 1) / 2;
    }
  return tiles;
}

static cgap_status run_kinds(tally_pass *p, size_t panel_rows, double *sums, uint64_t *counts, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (int kind = 0; !status && kind < CGAP_PAIR_KINDS; kind++) {
    p->kind = (cgap_pair_kind)kind;
    const cgap_modality_rows *rows = rows_of(p->embeddings, p->kind);
    if (!(p->tally->kinds & 1u << kind))
      continue;
    for (size_t at = 0; !status && at < rows->rows; at += panel_rows) {
      status = cgap_row_block_load(&p->a, rows, at, cgap_lesser(panel_rows, rows->rows - at), error);
      if (!status)
        status = run_panel(p, columns_of(p->embeddings, p->kind), panel_rows, sums, counts, error);
    }
  }
  return status;
}

/* ---------------------------------------------------------------- all */

static cgap_status check_arguments(const double *sums, const uint64_t *counts, const cgap_data *data,
                                   const cgap_tally *tally, const cgap_audit_options *options, cgap_error *error)
{
  static const char *const CALL = "cgap_tally_run";
  cgap_status status = cgap_check_argument(tally, CALL, "tally", error);
  if (!status)
    status = cgap_check_argument(data, CALL, "data", error);
  if (!status)
    status = cgap_check_argument(options, CALL, "options", error);
  if (!status)
    status = cgap_check_argument(sums || !tally->sums, CALL, "sums", error);
  return status ? status : cgap_check_argument(counts || !tally->counts, CALL, "counts", error);
}

static cgap_status check_tally(cgap_data *out, const cgap_data *data, const cgap_tally *t, const cgap_audit_options *o,
                               cgap_error *error)
{
  if (t->kinds == 0 || t->kinds >= 1u << CGAP_PAIR_KINDS)
    return cgap_fail(error, CGAP_USAGE, "a tally over pairs 0x%x: give one bit for each kind, %u at most", t->kinds,
                     (1u << CGAP_PAIR_KINDS) - 1);
  if (!t->tile)
    return cgap_fail(error, CGAP_USAGE, "a tally without a function: set its member tile");
  cgap_status status = cgap_check_threads(o->threads, error);
  if (!status)
    status = cgap_check_data(out, data, error);
  if (!status && data->text.rows == 0)
    status =
      cgap_fail_named(error, CGAP_FILE, data->names, "%s: no {texts} for its %zu rows; a tally needs both modalities",
                      out->image.name, data->image.rows);
  return status;
}

static cgap_status allocate_bands(tally_pass *p, size_t panel_rows, cgap_error *error)
{
  const size_t bands = bands_of(panel_rows);
  size_t sums = 0, counts = 0;
  if (cgap_product(&sums, bands, p->tally->sums) && cgap_product(&counts, bands, p->tally->counts)) {
    p->sums = cgap_alloc(sums, sizeof *p->sums);
    p->counts = cgap_alloc(counts, sizeof *p->counts);
    p->cosine = cgap_alloc((size_t)p->threads, TILE_EDGE * TILE_EDGE * sizeof *p->cosine);
  }
  if (p->sums && p->counts && p->cosine)
    return CGAP_OK;
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu sums and %zu counts of %zu bands of rows",
                   p->tally->sums, p->tally->counts, bands);
}

cgap_status cgap_tally_run(double *sums, uint64_t *counts, const cgap_data *given, const cgap_tally *tally,
                           const cgap_audit_options *options, cgap_error *error)
{
  cgap_embeddings e = {0};
  cgap_plan plan;
  cgap_data checked;
  const cgap_data *data = &checked;
  cgap_status status = check_arguments(sums, counts, given, tally, options, error);
  if (status)
    return status;
  tally_pass p = {.tally = tally, .embeddings = &e, .progress = options->progress};
  for (size_t k = 0; k < tally->sums; k++)
    sums[k] = 0;
  for (size_t k = 0; k < tally->counts; k++)
    counts[k] = 0;
  status = check_tally(&checked, given, tally, options, error);
  if (!status)
    status = cgap_check_one_space(data, error);
  if (!status)
    status =
      cgap_plan_make(&plan, &data->image, &data->text,
                     &(cgap_plan_options){.threads = options->threads, .memory_bytes = options->memory_bytes}, error);
  if (status)
    return status;
  const int blas = cgap_blas_single();
  p.threads = plan.threads;
  status = cgap_embeddings_load(&e, data, plan.resident ? CGAP_HOLD_UNIT : CGAP_HOLD_NONE, NULL, plan.threads,
                                options->progress, error);
  if (!status) {
    p.tiles = tiles_of(&e, tally);
    status = allocate_bands(&p, plan.panel_rows, error);
  }
  if (!status)
    status = run_kinds(&p, plan.panel_rows, sums, counts, error);
  cgap_blas_restore(blas);
  cgap_row_block_clear(&p.a);
  cgap_row_block_clear(&p.b);
  cgap_free(p.sums);
  cgap_free(p.counts);
  cgap_free(p.cosine);
  cgap_embeddings_clear(&e);
  return status;
}
