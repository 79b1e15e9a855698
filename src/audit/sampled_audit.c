/* Computes the measures from a sample of the rows, in three passes: all those within a sample; a part of the sample's
 * images, as queries, against every text; their texts against every image. What a query finds (its rank, its loss) is
 * then what it would find among all pairs.
 */
#include "audit/passes.h"
#include "audit/row_sample.h"

#include "analysis/finish.h"
#include "audit/measure_runs.h"
#include "audit/pair_sums.h"
#include "audit/ranks_pass.h"
#include "base/memory.h"
#include "base/threads.h"
#include "comm/comm.h"
#include "rows/modality.h"
#include "rows/row_blocks.h"
#include "rows/row_pass.h"
#include "simd/convert.h"
#include "simd/gemm.h"

#include <cblas.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

enum {
  SAMPLE_STREAM = 0x5A0,
  QUERY_STREAM = 0x5A2,
  BFLOAT16_COLUMNS = 128 * CGAP_TILE /* candidates that are in bfloat16 at once */
};

typedef struct work {
  const cgap_audit_sums *whole;
  const cgap_embeddings *embeddings;
  const cgap_matched_pair_sums *matched_pairs;
  const cgap_sampled_options *options;
  bool precise[CGAP_PAIR_KINDS];
  bool decides_in_bfloat16[CGAP_PAIR_KINDS]; /* where a pass leaves ranks alone */
  cgap_row_sample sample, queries;
  cgap_control_variates controls;
  cgap_receive_buffers receive_buffers;
  cgap_audit_sums of_sample, from_images, from_texts, of_queries;
  cgap_audit_sums from_own[2];  /* images against images, texts against texts */
  double within[3];             /* of all images: sums of kernels, cosines and squares within their texts */
  double pairs_done, pairs_all; /* work of the tile passes, in pairs */
} work;

/* Of several ranks the first one finishes. */
static bool is_first(const work *w)
{
  return cgap_comm_rank(w->options->comm) == 0;
}

/* ---------------------------------------------------------------- evidence */

static cgap_audit_sums evidence_of(const cgap_audit_sums *whole, const cgap_row_sample *s)
{
  return (cgap_audit_sums){.measures = cgap_measures,
                           .dim = whole->dim,
                           .image = cgap_modality_of(&s->embeddings.image),
                           .text = cgap_modality_of(&s->embeddings.text),
                           .paired = whole->paired,
                           .temperature = whole->temperature,
                           .image_of = s->embeddings.pairs.image_of,
                           .first = s->embeddings.pairs.first,
                           .text_of = s->embeddings.pairs.text,
                           .pair_cosine = s->pair_cosine,
                           .best_positive = s->best_positive,
                           .within_kernel = s->within_kernel};
}

static bool lists_init(cgap_audit_sums *e)
{
  return cgap_neighbours_init(&e->image_text, e->image.rows) && cgap_neighbours_init(&e->text_image, e->text.rows) &&
         cgap_neighbours_init(&e->image_image, e->image.rows) && cgap_neighbours_init(&e->text_text, e->text.rows);
}

static void evidence_clear(cgap_audit_sums *e)
{
  cgap_sums_clear(e);
  cgap_neighbours_clear(&e->image_image);
  cgap_neighbours_clear(&e->image_text);
  cgap_neighbours_clear(&e->text_image);
  cgap_neighbours_clear(&e->text_text);
}

static cgap_status no_lists(const cgap_audit_sums *e, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for the neighbours of %zu and %zu rows", e->image.rows,
                   e->text.rows);
}

/* One pass with the options `o`; `pairs` is its part of the progress. */
static cgap_status run_pass_with(work *w, cgap_audit_sums *evidence, const cgap_embeddings *e, cgap_pair_kind kind,
                                 cgap_pair_pass_options o, double pairs, cgap_error *error)
{
  const cgap_pair_pass_options *whole = &w->options->tiles;
  const double span = whole->fraction_after - whole->fraction_before;
  o.fraction_before = whole->fraction_before + span * w->pairs_done / w->pairs_all;
  w->pairs_done += pairs;
  o.fraction_after = whole->fraction_before + span * w->pairs_done / w->pairs_all;
  if (!w->options->comm)
    return cgap_pair_pass_run(evidence, e, kind, &o, error);
  if (o.want != CGAP_WANT_ALL)
    return cgap_ranks_queries_run(evidence, e, w->options->comm, &o, error);
  return cgap_ranks_ring_run(evidence, e, w->options->comm, kind, &o, &w->receive_buffers, w->options->visit_bytes,
                             error);
}

/* Where unit rows of all candidates are not in memory, those of a few tiles are made at a time. */
static void limit_candidates(const work *w, cgap_pair_pass_options *o)
{
  if (w->embeddings->image.raw && !w->embeddings->image.unit)
    o->panel_rows = o->column_rows = cgap_lesser(o->panel_rows, cgap_candidate_rows(o->threads));
}

static cgap_status run_pass(work *w, cgap_audit_sums *evidence, const cgap_embeddings *e, cgap_pair_kind kind,
                            cgap_pair_pass_want want, double pairs, cgap_error *error)
{
  cgap_pair_pass_options o = w->options->tiles;
  o.want = want;
  memcpy(o.precise, w->precise, sizeof w->precise);
  if (want != CGAP_WANT_ALL)
    limit_candidates(w, &o);
  return run_pass_with(w, evidence, e, kind, o, pairs, error);
}

/* ---------------------------------------------------------------- within the sample */

static double count_pairs(const cgap_audit_sums *e, cgap_pair_kind kind)
{
  const double images = (double)e->image.rows, texts = (double)e->text.rows;
  return kind == CGAP_IMAGE_IMAGE ? images * images / 2 : kind == CGAP_TEXT_TEXT ? texts * texts / 2 : images * texts;
}

/* Ranks are decisions: what products in bfloat16 leave open is decided in double, so that they are the same, in less
 * time where the processor has such products and they leave little open. */
static cgap_status choose_bfloat16(work *w, cgap_error *error)
{
  bool leaves_much[CGAP_PAIR_KINDS] = {false};
  if (!cgap_tile_gemm_here(true))
    return CGAP_OK;
  cgap_status status =
    cgap_probe_run(leaves_much, &w->of_sample, &w->sample.embeddings, true, w->options->tiles.threads, error);
  for (int kind = 0; !status && kind < CGAP_PAIR_KINDS; kind++)
    w->decides_in_bfloat16[kind] = !leaves_much[kind];
  return status;
}

static cgap_status measure_within_sample(work *w, cgap_error *error)
{
  cgap_audit_sums *e = &w->of_sample;
  const cgap_sampled_options *o = w->options;
  cgap_status status = cgap_row_sample_moments(&w->sample, o->comm, o->tiles.threads, error);
  if (!status)
    status = cgap_control_variates_run(&w->controls, &w->sample, o->comm, o->tiles.threads, error);
  *e = evidence_of(w->whole, &w->sample);
  e->window = w->whole->window;
  if (!status)
    status = cgap_probe_run(w->precise, e, &w->sample.embeddings, o->tiles.bfloat, o->tiles.threads, error);
  if (!status)
    status = choose_bfloat16(w, error);
  if (!status && is_first(w) && !lists_init(e))
    status = no_lists(e, error);
  for (int kind = 0; !status && kind < cgap_pair_kinds_of(e); kind++)
    status = run_pass(w, e, &w->sample.embeddings, (cgap_pair_kind)kind, CGAP_WANT_ALL,
                      count_pairs(e, (cgap_pair_kind)kind), error);
  return status || !is_first(w) ? status
                                : cgap_top_k_lists_complete(e, &w->sample.embeddings, false, o->tiles.threads, error);
}

static cgap_sampled sampled_of(const work *w)
{
  cgap_sampled s = {.whole = w->whole, .sample = &w->of_sample, .uniformity = &cgap_measure_uniformity};
  cgap_control_variates_set(&w->controls, &s);
  s.within[CGAP_KERNEL_OF] = w->sample.within_kernel;
  s.within[CGAP_COSINE_OF] = w->sample.within_cosine;
  s.within[CGAP_SQUARE_OF] = w->sample.within_square;
  s.whole_within[CGAP_KERNEL_OF] = w->within[0];
  s.whole_within[CGAP_COSINE_OF] = w->within[1];
  s.whole_within[CGAP_SQUARE_OF] = w->within[2];
  return s;
}

/* ---------------------------------------------------------------- queries against everything */

/* Images as queries, every text as a candidate. */
static cgap_status rank_texts(work *w, cgap_error *error)
{
  const cgap_embeddings *q = &w->queries.embeddings;
  cgap_embeddings e = {.data = w->embeddings->data, .image = q->image, .text = w->embeddings->text, .paired = true};
  cgap_audit_sums *evidence = &w->from_images;
  cgap_pairs *pairs = &e.pairs;
  size_t *text_of = cgap_alloc(q->text.rows, sizeof *text_of);
  if (!text_of)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu texts", q->text.rows);
  for (size_t k = 0; k < q->text.rows; k++)
    text_of[k] = w->queries.text[q->pairs.text[k]];
  *pairs = (cgap_pairs){.images = q->image.rows,
                        .texts = e.text.rows,
                        .image_of = w->embeddings->pairs.image_of,
                        .first = q->pairs.first,
                        .text = text_of};
  *evidence = evidence_of(w->whole, &w->queries);
  evidence->text = w->whole->text;
  evidence->text_of = text_of;
  evidence->image_of = NULL;
  evidence->pair_cosine = w->matched_pairs->pair_cosine;
  evidence->column_from = w->matched_pairs->first_text;
  cgap_status status =
    run_pass(w, evidence, &e, CGAP_IMAGE_TEXT, CGAP_WANT_ROW_QUERIES, count_pairs(evidence, CGAP_IMAGE_TEXT), error);
  cgap_free(text_of);
  evidence->text_of = NULL;
  return status;
}

/* Texts as queries, every image as a candidate. */
static cgap_status rank_images(work *w, cgap_error *error)
{
  const cgap_embeddings *q = &w->queries.embeddings;
  const cgap_rank_rows own = cgap_rank_rows_own(w->options->comm, w->whole->image.rows);
  const size_t images = own.end - own.first;
  cgap_embeddings e = {.data = w->embeddings->data, .image = w->embeddings->image, .text = q->text, .paired = true};
  cgap_audit_sums *evidence = &w->from_texts;
  size_t *first = cgap_zalloc(images + 1, sizeof *first);
  if (!first)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu images", images);
  for (size_t k = 0; k < q->image.rows; k++) {
    const size_t texts = q->pairs.first[k + 1] - q->pairs.first[k], image = w->queries.image[k];
    if (image < own.first)
      first[0] += texts; /* those of images of other ranks */
    else if (image < own.end)
      first[image - own.first + 1] = texts;
  }
  for (size_t i = 0; i < images; i++)
    first[i + 1] += first[i];
  *evidence = evidence_of(w->whole, &w->queries);
  evidence->image = w->whole->image;
  evidence->first = first;
  evidence->image_of = NULL;
  evidence->row_from = own.first;
  evidence->best_positive = w->matched_pairs->best_positive + (own.first - w->matched_pairs->first_image);
  cgap_status status =
    run_pass(w, evidence, &e, CGAP_IMAGE_TEXT, CGAP_WANT_COLUMN_QUERIES, count_pairs(evidence, CGAP_IMAGE_TEXT), error);
  cgap_free(first);
  evidence->first = NULL;
  return status;
}

/* The options of a pass over queries and candidates of one modality, which leaves ranks alone. */
static cgap_pair_pass_options ranks_options(const work *w, cgap_pair_kind kind)
{
  cgap_pair_pass_options o = w->options->tiles;
  o.want = CGAP_WANT_ROW_QUERIES;
  o.precise[CGAP_IMAGE_TEXT] = w->precise[kind] && !w->decides_in_bfloat16[kind];
  o.bfloat |= w->decides_in_bfloat16[kind];
  limit_candidates(w, &o);
  if (o.bfloat)
    o.column_rows = cgap_lesser(o.column_rows ? o.column_rows : o.panel_rows, BFLOAT16_COLUMNS);
  return o;
}

/* In an index of both modalities a query also meets its own: images against every image, texts against every text, as a
 * pass over rows and columns in which a query is paired with what does not compete: itself, and the other texts of its
 * image. */
static cgap_status rank_own(work *w, cgap_pair_kind kind, cgap_error *error)
{
  const bool texts = kind == CGAP_TEXT_TEXT;
  const cgap_row_sample *s = &w->queries;
  const cgap_modality_rows *queries = texts ? &s->embeddings.text : &s->embeddings.image,
                           *all = texts ? &w->embeddings->text : &w->embeddings->image;
  const cgap_pairs *pairs = &w->embeddings->pairs;
  const cgap_rank_rows candidates = cgap_rank_rows_own(w->options->comm, all->rows);
  size_t *first = cgap_zalloc(queries->rows + 1, sizeof *first), *own = NULL;
  double *no_query = cgap_alloc(candidates.end - candidates.first, sizeof *no_query);
  for (size_t k = 0; first && k < queries->rows; k++) {
    const size_t image = texts ? cgap_pairs_image(pairs, s->text[k]) : 0;
    first[k + 1] = first[k] + (texts ? cgap_pairs_first(pairs, image + 1) - cgap_pairs_first(pairs, image) : 1);
  }
  own = first ? cgap_alloc(first[queries->rows], sizeof *own) : NULL;
  cgap_status status = first && own && no_query
                         ? CGAP_OK
                         : cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu queries", queries->rows);
  for (size_t k = 0; !status && k < queries->rows; k++)
    for (size_t t = 0; t < first[k + 1] - first[k]; t++)
      own[first[k] + t] =
        texts ? cgap_pairs_text(pairs, cgap_pairs_first(pairs, cgap_pairs_image(pairs, s->text[k])) + t) : s->image[k];
  for (size_t i = 0; !status && i < candidates.end - candidates.first; i++)
    no_query[i] = 2; /* no cosine is above it */
  const cgap_embeddings e = {.data = w->embeddings->data,
                             .image = *queries,
                             .text = *all,
                             .paired = true,
                             .pairs = {.images = queries->rows, .texts = all->rows, .first = first, .text = own}};
  cgap_audit_sums *evidence = &w->from_own[texts];
  *evidence = evidence_of(w->whole, s);
  evidence->image = cgap_modality_of(queries);
  evidence->text = cgap_modality_of(all);
  evidence->first = first;
  evidence->text_of = own;
  evidence->image_of = NULL;
  evidence->best_positive = texts ? s->pair_cosine : s->best_positive;
  evidence->pair_cosine = no_query;
  evidence->column_from = candidates.first;
  evidence->alone = &cgap_measure_retrieval;
  if (!status)
    status = run_pass_with(w, evidence, &e, CGAP_IMAGE_TEXT, ranks_options(w, kind),
                           count_pairs(evidence, CGAP_IMAGE_TEXT), error);
  cgap_free(first);
  cgap_free(own);
  cgap_free(no_query);
  evidence->first = evidence->text_of = NULL;
  evidence->pair_cosine = NULL;
  return status;
}

/* Ranks of queries, to the places of all rows. */
static cgap_status expand_ranks(double **rank, const size_t *row, size_t queries, size_t rows, cgap_error *error)
{
  double *all = cgap_alloc(rows, sizeof *all);
  if (!all)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu ranks", rows);
  for (size_t i = 0; i < rows; i++)
    all[i] = NAN;
  for (size_t k = 0; k < queries; k++)
    all[row[k]] = (*rank)[k];
  cgap_free(*rank);
  *rank = all;
  return CGAP_OK;
}

/* What the queries of both modalities found, as of one pass. */
static void join_queries(work *w)
{
  cgap_audit_sums *e = &w->of_queries;
  *e = evidence_of(w->whole, &w->queries);
  for (size_t m = 0; cgap_measures[m]; m++) {
    const cgap_sums *images = &w->from_images.sums[CGAP_IMAGE_TEXT][m],
                    *texts = &w->from_texts.sums[CGAP_IMAGE_TEXT][m];
    e->sums[CGAP_IMAGE_TEXT][m] = (cgap_sums){.row_sums = images->row_sums,
                                              .row_counts = images->row_counts,
                                              .row_stride = images->row_stride,
                                              .column_sums = texts->column_sums,
                                              .column_counts = texts->column_counts,
                                              .column_stride = texts->column_stride};
    for (int kind = 0; kind < CGAP_IMAGE_TEXT; kind++) {
      const cgap_sums *own = &w->from_own[kind].sums[CGAP_IMAGE_TEXT][m];
      e->sums[kind][m] = (cgap_sums){.row_counts = own->row_counts, .row_stride = own->row_stride};
    }
  }
}

static cgap_status measure_queries(work *w, cgap_error *error)
{
  const cgap_sampled_options *o = w->options;
  cgap_status status = cgap_row_sample_subset(&w->queries, &w->sample, w->embeddings, w->matched_pairs, o->comm,
                                              o->size.queries, o->seed, QUERY_STREAM, error);
  if (!status && o->comm)
    status = cgap_row_sample_replicate(&w->queries, w->embeddings, o->comm, error);
  else if (!status && o->hold)
    status = cgap_row_sample_load_own(&w->queries, w->embeddings, NULL, error);
  if (!status)
    status = rank_texts(w, error);
  if (!status)
    status = rank_images(w, error);
  for (int kind = 0; !status && kind < CGAP_IMAGE_TEXT; kind++)
    status = rank_own(w, (cgap_pair_kind)kind, error);
  if (!status && is_first(w))
    join_queries(w);
  return status;
}

/* ---------------------------------------------------------------- all */

/* Each measure from what the sample has of that on which it rests. */
static cgap_status finish_measure(const work *w, const cgap_measure *m, const cgap_sampled *sampled, cgap_audit *out,
                                  cgap_error *error)
{
  if (!m->finish || (m->basis == CGAP_ON_QUERIES && !w->whole->paired) ||
      (w->whole->text.rows == 0 && !m->one_modality))
    return CGAP_OK;
  if (m->basis == CGAP_ON_ROWS)
    return m->finish(w->whole, out, error);
  if (m->basis == CGAP_ON_QUERIES)
    return m->finish(&w->of_queries, out, error);
  return m->finish_sampled ? m->finish_sampled(sampled, out, error) : m->finish(&w->of_sample, out, error);
}

static cgap_status finish_median(const work *w, cgap_audit *out, cgap_error *error)
{
  cgap_median median;
  if (w->whole->window.step == 0)
    return CGAP_OK;
  cgap_median_narrow(&median, &w->of_sample, 0);
  return cgap_below_median_finish(w->whole, &w->of_sample, &median, out, error);
}

static cgap_status finish_all(work *w, cgap_audit *out, cgap_error *error)
{
  const cgap_sampled sampled = sampled_of(w);
  const cgap_audit_sums *q = &w->of_queries;
  cgap_status status = CGAP_OK;
  for (size_t m = 0; !status && cgap_measures[m]; m++)
    status = finish_measure(w, cgap_measures[m], &sampled, out, error);
  if (!status)
    status = finish_median(w, out, error);
  double **const of_images[] = {&out->rank_image_to_text, &out->mixed_rank_image},
                 **const of_texts[] = {&out->rank_text_to_image, &out->mixed_rank_text};
  for (size_t k = 0; !status && w->whole->paired && k < sizeof of_images / sizeof *of_images; k++) {
    if (w->options->no_ranks) {
      cgap_free(*of_images[k]);
      cgap_free(*of_texts[k]);
      *of_images[k] = *of_texts[k] = NULL;
      continue;
    }
    status = expand_ranks(of_images[k], w->queries.image, q->image.rows, w->whole->image.rows, error);
    if (!status)
      status = expand_ranks(of_texts[k], w->queries.text, q->text.rows, w->whole->text.rows, error);
  }
  out->sample.image_queries = (size_t)out->image_to_text.recall_at_1.n;
  out->sample.text_queries = (size_t)out->text_to_image.recall_at_1.n;
  return status;
}

/* The work of all passes, for progress. */
static double pairs_of_all_passes(const work *w)
{
  const cgap_embeddings *e = &w->sample.embeddings;
  const double images = (double)e->image.rows, texts = (double)e->text.rows;
  const double asking = (double)w->options->size.queries,
               all = (double)w->whole->image.rows + (double)w->whole->text.rows;
  return images * images / 2 + texts * texts / 2 + images * texts + (asking + asking * texts / images) * all;
}

cgap_status cgap_sampled_run(cgap_audit *out, const cgap_audit_sums *whole, const cgap_embeddings *e,
                             const cgap_matched_pair_sums *matched_pairs, const cgap_sampled_options *options,
                             cgap_error *error)
{
  work w = {.whole = whole, .embeddings = e, .matched_pairs = matched_pairs, .options = options};
  const cgap_row_sample_size size = {.images = options->size.images, .texts = options->size.texts};
  cgap_status status =
    cgap_row_sample_init(&w.sample, e, matched_pairs, options->comm, size, options->seed, SAMPLE_STREAM, error);
  w.pairs_all = status ? 1 : pairs_of_all_passes(&w);
  if (!status && (options->hold || options->comm))
    status = cgap_row_sample_load_own(&w.sample, e, options->comm, error);
  if (!status)
    status = measure_within_sample(&w, error);
  if (!status && whole->text.rows > 0)
    status = cgap_separability_run(&w.of_sample, &w.sample.embeddings, options->comm, options->tiles.threads,
                                   options->tiles.progress, out, error);
  if (!status && whole->paired)
    status = measure_queries(&w, error);
  if (!status && whole->paired)
    status = cgap_matched_pairs_within(w.within, matched_pairs, e, options->comm, error);
  if (!status && is_first(&w))
    status = finish_all(&w, out, error);
  out->sample.images = w.sample.embeddings.image.rows;
  out->sample.texts = w.sample.embeddings.text.rows;
  for (size_t m = 0; cgap_measures[m]; m++)
    if (cgap_measures[m]->basis != CGAP_ON_ROWS)
      cgap_measure_mark(cgap_measures[m], CGAP_SAMPLED, out);
  evidence_clear(&w.of_sample);
  evidence_clear(&w.from_images);
  evidence_clear(&w.from_texts);
  evidence_clear(&w.from_own[0]);
  evidence_clear(&w.from_own[1]);
  cgap_control_variates_clear(&w.controls);
  cgap_receive_buffers_clear(&w.receive_buffers);
  cgap_row_sample_clear(&w.sample);
  cgap_row_sample_clear(&w.queries);
  return status;
}
