/* Runs an audit: reads the rows, measures the matched pairs, passes over all pairs, and computes the results. */
#include "analysis/fields.h"
#include "analysis/finish.h"
#include "analysis/interval.h"
#include "audit/measure_runs.h"
#include "audit/pair_sums.h"
#include "audit/passes.h"
#include "audit/plan.h"
#include "audit/ranks_pass.h"
#include "audit/row_sample.h"
#include "base/memory.h"
#include "base/modality_names.h"
#include "base/source.h"
#include "base/threads.h"
#include "comm/comm.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct run {
  const cgap_audit_options *options;
  cgap_prepared_audit prepared;
  cgap_embeddings embeddings;
  cgap_matched_pair_sums matched_pairs;
  double *collected; /* the cosines of all pairs, of ranks that each have their own: on the first one */
  cgap_audit_sums evidence;
  bool precise[CGAP_PAIR_KINDS]; /* products in double */
  cgap_agreement_sums agreement;
  cgap_median median; /* of the unmatched cosines, as far as it is known */
} run;

/* Of several ranks the first one finishes and keeps the results. */
static bool is_first(const run *r)
{
  return cgap_comm_rank(r->options->comm) == 0;
}

/* A sample's contributions are not those of all pairs, and ranks hold parts of them. */
static bool keeps_contributions(const run *r)
{
  return r->options->contributions && r->prepared.has & CGAP_HAS_PAIRS && !r->options->comm &&
         r->prepared.sampling.images == 0;
}

static bool is_bfloat16(const run *r)
{
  return r->options->precision == CGAP_PRECISION_BF16;
}

static void set_evidence(run *r)
{
  const cgap_embeddings *e = &r->embeddings;
  const cgap_matched_pair_sums *c = &r->matched_pairs;
  r->evidence = (cgap_audit_sums){
    .measures = cgap_measures,
    .dim = e->image.dim,
    .image = cgap_modality_of(&e->image),
    .text = cgap_modality_of(&e->text),
    .paired = e->paired,
    .temperature = r->options->temperature,
    .image_of = e->pairs.image_of,
    .first = e->pairs.first,
    .text_of = e->pairs.text,
    .pair_cosine = c->spread ? r->collected : c->pair_cosine,
    .best_positive = c->best_positive,
    .within_kernel = c->within_kernel,
    .within_kernel_square = c->within_kernel_square,
    .sibling_rank = c->sibling_rank,
    .paired_image_mean = c->paired_image_mean,
    .group_moment = c->group_moment,
    .block = c->offsets.block,
    .blocks = c->offsets.blocks,
    .group_growth = c->offsets.group_growth,
  };
}

/* Of the tiles of one kind of pairs, [before, after] of the phase. */
static cgap_pair_pass_options tile_options(const run *r, double before, double after)
{
  const cgap_plan *plan = &r->prepared.plan;
  cgap_pair_pass_options o = {.threads = plan->threads,
                              .panel_rows = plan->panel_rows,
                              .column_rows = plan->column_rows,
                              .bfloat = is_bfloat16(r),
                              .fraction_before = before,
                              .fraction_after = after,
                              .progress = r->options->progress};
  memcpy(o.precise, r->precise, sizeof o.precise);
  return o;
}

static cgap_status lists_init(const run *r, cgap_audit_sums *e, cgap_error *error)
{
  if (!is_first(r) ||
      (cgap_neighbours_init(&e->image_image, e->image.rows) && cgap_neighbours_init(&e->image_text, e->image.rows) &&
       cgap_neighbours_init(&e->text_image, e->text.rows) && cgap_neighbours_init(&e->text_text, e->text.rows)))
    return CGAP_OK;
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for the neighbours of %zu and %zu rows", e->image.rows,
                   e->text.rows);
}

static void clear_pair_sums(cgap_audit_sums *e)
{
  cgap_sums_clear(e);
  cgap_neighbours_clear(&e->image_image);
  cgap_neighbours_clear(&e->image_text);
  cgap_neighbours_clear(&e->text_image);
  cgap_neighbours_clear(&e->text_text);
}

static cgap_status run_kind(run *r, cgap_audit_sums *e, cgap_pair_kind kind, const cgap_pair_pass_options *options,
                            cgap_receive_buffers *receive_buffers, cgap_error *error)
{
  if (!r->options->comm)
    return cgap_pair_pass_run(e, &r->embeddings, kind, options, error);
  return cgap_ranks_ring_run(e, &r->embeddings, r->options->comm, kind, options, receive_buffers,
                             r->prepared.plan.visit_bytes, error);
}

/* Looks at the cross cosines against the values of the pairs that the bounds of the median leave open. */
static cgap_status count_against_values(run *r, const double *value, size_t values,
                                        cgap_receive_buffers *receive_buffers, cgap_error *error)
{
  const cgap_pair_pass_options options = tile_options(r, 1, 1);
  cgap_audit_sums e = r->evidence;
  memset(e.sums, 0, sizeof e.sums);
  e.image_image = e.image_text = e.text_image = e.text_text = (cgap_neighbours){0};
  e.window.value = value;
  e.window.values = values;
  e.alone = &cgap_measure_below_median;
  cgap_status status = lists_init(r, &e, error);
  if (!status)
    status = run_kind(r, &e, CGAP_IMAGE_TEXT, &options, receive_buffers, error);
  if (!status)
    cgap_median_narrow(&r->median, &e, 0);
  clear_pair_sums(&e);
  return status;
}

/* Of rounded cosines the median is what they say it is. */
static cgap_status find_median(run *r, cgap_receive_buffers *receive_buffers, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  size_t values = 1;
  if (r->evidence.window.step > 0)
    cgap_median_narrow(&r->median, &r->evidence, cgap_median_margin(r->evidence.dim));
  while (!status && r->evidence.window.step > 0 && !is_bfloat16(r) && values > 0) {
    double *value = NULL;
    if (!cgap_median_open(&r->median, &r->evidence, &value, &values))
      status = cgap_fail(error, CGAP_RESOURCE, "out of memory for the cosines of %zu pairs", r->evidence.text.rows);
    if (!status && values > 0)
      status = count_against_values(r, value, values, receive_buffers, error);
    cgap_free(value);
  }
  return status;
}

static cgap_status scaling_init(cgap_csls_scaling *s, const cgap_audit_sums *e, cgap_error *error)
{
  const size_t images = e->image.rows, texts = e->text.rows;
  s->image = cgap_zalloc(2 * (images + texts), sizeof *s->image);
  if (!s->image)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the scales of %zu and %zu rows", images, texts);
  s->text = s->image + images;
  s->image_mark = s->text + texts;
  s->text_mark = s->image_mark + images;
  return CGAP_OK;
}

/* A second pass over the cross cosines, now that the ten best of each row are known, to the first rank. */
static cgap_status measure_csls(run *r, cgap_receive_buffers *receive_buffers, cgap_error *error)
{
  cgap_pair_pass_options options = tile_options(r, 1, 1);
  cgap_audit_sums e = r->evidence;
  cgap_csls_scaling scaling;
  cgap_status status = scaling_init(&scaling, &e, error);
  if (!status && is_first(r)) {
    cgap_csls_scales(&e.image_text, e.text.rows, scaling.image);
    cgap_csls_scales(&e.text_image, e.image.rows, scaling.text);
  }
  if (!status) /* the others add 0 */
    status = cgap_comm_sum(r->options->comm, scaling.image, e.image.rows + e.text.rows, CGAP_COMM_F64, error);
  if (!status)
    cgap_csls_marks(&e, &scaling);
  memset(e.sums, 0, sizeof e.sums);
  e.image_image = e.image_text = e.text_image = e.text_text = (cgap_neighbours){0};
  e.csls = &scaling;
  e.alone = &cgap_measure_csls;
  options.bfloat = false; /* its margins are too wide for what is that close */
  if (!status)
    status = lists_init(r, &e, error);
  if (!status)
    status = run_kind(r, &e, CGAP_IMAGE_TEXT, &options, receive_buffers, error);
  for (size_t m = 0; !status && cgap_measures[m]; m++)
    if (cgap_measures[m] == &cgap_measure_csls) {
      r->evidence.sums[CGAP_IMAGE_TEXT][m] = e.sums[CGAP_IMAGE_TEXT][m];
      e.sums[CGAP_IMAGE_TEXT][m] = (cgap_sums){0};
    }
  clear_pair_sums(&e);
  cgap_free(scaling.image);
  return status;
}

static cgap_status run_tiles(run *r, cgap_error *error)
{
  cgap_audit_sums *e = &r->evidence;
  const double n = (double)e->image.rows, m = (double)e->text.rows, work = n * n / 2 + m * m / 2 + n * m;
  const double fraction[CGAP_PAIR_KINDS + 1] = {0, n * n / 2 / work, (n * n + m * m) / 2 / work, 1};
  if (e->image.rows >= UINT32_MAX || e->text.rows >= UINT32_MAX)
    return cgap_fail(error, CGAP_RESOURCE, "%zu and %zu rows: at most %u per modality", e->image.rows, e->text.rows,
                     UINT32_MAX - 1);
  cgap_receive_buffers receive_buffers = {0};
  cgap_status status = lists_init(r, e, error);
  if (!status)
    status = cgap_probe_run(r->precise, e, &r->embeddings, is_bfloat16(r), r->prepared.plan.threads, error);
  for (int kind = 0; !status && kind < cgap_pair_kinds_of(e); kind++) {
    const cgap_pair_pass_options options = tile_options(r, fraction[kind], fraction[kind + 1]);
    status = run_kind(r, e, (cgap_pair_kind)kind, &options, &receive_buffers, error);
  }
  if (!status)
    status = find_median(r, &receive_buffers, error);
  if (!status && is_first(r))
    status =
      cgap_top_k_lists_complete(e, &r->embeddings, r->options->csls || r->options->neighbours || e->text.rows == 0,
                                r->prepared.plan.threads, error);
  if (!status && r->options->csls && e->paired)
    status = measure_csls(r, &receive_buffers, error);
  cgap_receive_buffers_clear(&receive_buffers);
  return status;
}

static cgap_status finish_sums(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t m = 0; !status && cgap_measures[m]; m++)
    if (cgap_measures[m]->finish && (e->text.rows > 0 || cgap_measures[m]->one_modality))
      status = cgap_measures[m]->finish(e, out, error);
  return status;
}

/* Marks what was computed from rounded cosines; ranks, neighbours and near duplicates were decided in double. */
static void mark_rounded(const run *r, cgap_audit *out)
{
  for (size_t m = 0; cgap_measures[m]; m++)
    if (cgap_measures[m]->rounded)
      cgap_measure_mark(cgap_measures[m], CGAP_BF16, out);
  if (r->evidence.window.step > 0)
    cgap_measure_mark(&cgap_measure_below_median, CGAP_BF16, out);
}

/* Names a step that cannot report progress while it works. */
static cgap_status begin_step(const run *r, const char *phase, cgap_error *error)
{
  const cgap_progress *p = &r->options->progress;
  if (!p->tick || !p->tick(p->context, phase, 0))
    return CGAP_OK;
  return cgap_fail(error, CGAP_INTERRUPTED, "interrupted before the %s; nothing was written", phase);
}

typedef struct sums_task {
  const cgap_audit_sums *evidence;
  cgap_audit *out;
  cgap_status status;
  cgap_error error;
} sums_task;

static void finish_sums_task(void *context)
{
  sums_task *f = context;
  f->status = finish_sums(f->evidence, f->out, &f->error);
}

/* The spectra, and meanwhile what follows from the sums; then the points on the components. */
static cgap_status finish_modalities(run *r, cgap_audit *out, cgap_error *error)
{
  const int threads = r->prepared.plan.threads;
  const bool sums = r->prepared.sampling.images == 0 && is_first(r);
  if (r->options->brief)
    return sums ? finish_sums(&r->evidence, out, error) : CGAP_OK;
  double *components = cgap_alloc(2 * r->evidence.dim, sizeof *components);
  sums_task f = {.evidence = &r->evidence, .out = out};
  cgap_status status = components ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for two components");
  if (!status)
    status = begin_step(r, "spectra", error);
  if (!status)
    status = cgap_spectra_run(&r->evidence, r->options->comm, threads,
                              (cgap_concurrent_task){sums ? finish_sums_task : NULL, &f}, components, out, error);
  if (!status && f.status) {
    status = f.status;
    *error = f.error;
  }
  if (!status && is_first(r) && r->evidence.text.rows > 0 && !(r->prepared.has & CGAP_HAS_PAIRS))
    status = cgap_pca_gap_axes(&r->evidence, components, out->scatter_variance, error);
  else if (!status && is_first(r) && out->pca_joint.count > 1)
    memcpy(out->scatter_variance, out->pca_joint.explained_variance_ratio, sizeof out->scatter_variance);
  if (!status && is_first(r) && r->evidence.text.rows > 0)
    status = cgap_pca_scatter_run(&r->embeddings, components, threads, out, error);
  cgap_free(components);
  return status;
}

static bool is_template(const char *why)
{
  return why && strchr(why, '{');
}

/* Puts the names into the reasons, which measures give as templates. */
static cgap_status name_whys(cgap_audit *out, cgap_error *error)
{
  size_t count = 0;
  for (size_t i = 0; i < cgap_field_count(); i++)
    count += is_template(cgap_field_scalar(out, cgap_field_at(i))->why);
  if (count && !(out->whys = cgap_alloc(count, CGAP_PHRASE)))
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu reasons", count);
  for (size_t i = 0, used = 0; i < cgap_field_count(); i++) {
    cgap_scalar *s = (cgap_scalar *)((char *)out + cgap_field_at(i)->offset);
    if (!is_template(s->why))
      continue;
    char *words = out->whys + CGAP_PHRASE * used++;
    (void)cgap_modality_words(words, CGAP_PHRASE, s->why, &out->names);
    s->why = words;
  }
  return CGAP_OK;
}

static cgap_status finish_extras(run *r, cgap_audit *out, cgap_error *error)
{
  const int threads = r->prepared.plan.threads;
  cgap_status status = CGAP_OK;
  if (r->prepared.sampling.images == 0 && !r->options->brief && out->has & CGAP_ONE_SPACE)
    status =
      cgap_separability_run(&r->evidence, &r->embeddings, r->options->comm, threads, r->options->progress, out, error);
  if (!status && out->has & CGAP_HAS_ZERO_SHOT)
    status = begin_step(r, "zero-shot", error);
  if (!status && out->has & CGAP_HAS_ZERO_SHOT)
    status = cgap_zero_shot_run(&r->embeddings, r->options->comm, threads, out, error);
  if (!status && out->has & CGAP_HAS_ARITHMETIC)
    status = begin_step(r, "arithmetic", error);
  if (!status && out->has & CGAP_HAS_ARITHMETIC)
    status = cgap_arithmetic_run_all(&r->embeddings, r->options->comm, threads, out, error);
  return status;
}

static void *copy_array(const void *from, size_t count, size_t size)
{
  void *to = from ? cgap_alloc(count, size) : NULL;
  return to ? memcpy(to, from, count * size) : NULL;
}

/* In place of the tiles over all pairs: those of a sample, and all measures that are finished from sums. */
static cgap_status run_sample(run *r, cgap_audit *out, cgap_error *error)
{
  const cgap_audit_sums *e = &r->evidence;
  const cgap_sampled_options options = {.size = r->prepared.sampling,
                                        .hold = r->prepared.plan.hold,
                                        .comm = r->options->comm,
                                        .visit_bytes = r->prepared.plan.visit_bytes,
                                        .seed = r->options->seed,
                                        .no_ranks = r->options->no_rows && e->image.file_row == NULL,
                                        .tiles = tile_options(r, 0, 1)};
  return cgap_sampled_run(out, e, &r->embeddings, &r->matched_pairs, &options, error);
}

/* What the report keeps of rows and pairs. */
static cgap_status copy_report_rows(const run *r, cgap_audit *out, cgap_error *error)
{
  const cgap_embeddings *e = &r->embeddings;
  out->images = e->image.rows;
  out->texts = e->text.rows;
  out->dim = e->image.dim;
  out->text_dim = e->text.rows ? e->text.dim : 0;
  out->dropped_images = e->dropped_images;
  out->dropped_texts = e->dropped_texts;
  out->merged_images = e->merged_images;
  memcpy(out->pairing, e->pairing, sizeof out->pairing);
  for (int k = 0; k < 2; k++)
    snprintf(out->names.of[k], CGAP_NAME_SIZE, "%s", cgap_modality_name(r->prepared.data.names[k], k));
  out->checks_image = e->image.checks;
  out->checks_text = e->text.checks;
  out->image_mean = copy_array(e->image.mean, e->image.dim, sizeof(double));
  out->text_mean = copy_array(e->text.mean, e->text.dim, sizeof(double));
  if (!out->image_mean || (e->text.rows > 0 && !out->text_mean))
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the centroids of the report");
  return CGAP_OK;
}

/* Of one modality alone, for rows.tsv. */
static cgap_status copy_neighbours(const run *r, cgap_audit *out, cgap_error *error)
{
  const cgap_neighbours *lists = &r->evidence.image_image;
  const size_t rows = r->evidence.image.rows, *file_row = r->evidence.image.file_row;
  out->image_neighbours = cgap_zalloc(rows, sizeof *out->image_neighbours);
  if (!out->image_neighbours)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the neighbours of %zu rows", rows);
  for (size_t i = 0; i < rows; i++) {
    const cgap_neighbour *list = lists->list + i * CGAP_NEIGHBOURS;
    out->image_neighbours[i].nearest = file_row[list[0].row];
    out->image_neighbours[i].cosine = list[0].cosine;
    for (int k = 0; k < CGAP_NEIGHBOURS && list[k].row != UINT32_MAX; k++)
      out->image_neighbours[list[k].row].among++;
  }
  return CGAP_OK;
}

/* The rows of the file that kept rows are, where they are spread. */
static cgap_status list_rows(size_t **out, const cgap_modality_rows *modality, cgap_error *error)
{
  *out = cgap_alloc(modality->rows, sizeof **out);
  if (!*out)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the rows of the report");
  for (size_t i = 0; i < modality->rows; i++)
    (*out)[i] = cgap_file_row_of(modality, i);
  return CGAP_OK;
}

/* Of spread rows, each of which is in its place and paired with the one beside it, the report may do without lists. */
static cgap_status list_spread_rows(run *r, cgap_audit *out, cgap_error *error)
{
  const cgap_embeddings *e = &r->embeddings;
  const bool implied = e->paired && !e->pairs.first;
  if (r->options->no_rows && implied && e->image.left_out_count == 0 && e->text.left_out_count == 0)
    return CGAP_OK;
  cgap_status status = list_rows(&out->image_row, &e->image, error);
  if (!status)
    status = list_rows(&out->text_row, &e->text, error);
  if (!status && implied)
    status = list_rows(&out->image_of, &(cgap_modality_rows){.rows = e->text.rows}, error);
  return status;
}

/* What the report has of every row is handed over when it is no longer needed. */
static cgap_status move_rows_to_report(run *r, cgap_audit *out, cgap_error *error)
{
  cgap_embeddings *e = &r->embeddings;
  double **cosines = r->matched_pairs.spread ? &r->collected : &r->matched_pairs.pair_cosine;
  out->image_row = e->image.file_row;
  out->text_row = e->text.file_row;
  out->image_of = e->pairs.image_of;
  out->pair_cosine = *cosines;
  e->image.file_row = e->text.file_row = e->pairs.image_of = NULL;
  *cosines = NULL;
  return e->image.spread ? list_spread_rows(r, out, error) : CGAP_OK;
}

/* A sample does not have the lists of all rows. */
static cgap_status move_neighbours(run *r, cgap_audit *out, cgap_error *error)
{
  cgap_audit_sums *e = &r->evidence;
  if (!r->options->neighbours || !e->image_image.list)
    return CGAP_OK;
  out->neighbours = cgap_alloc(1, sizeof *out->neighbours);
  if (!out->neighbours)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the lists of neighbours");
  *out->neighbours = (cgap_neighbour_lists){e->image_image, e->image_text, e->text_image, e->text_text};
  e->image_image = e->image_text = e->text_image = e->text_text = (cgap_neighbours){0};
  return CGAP_OK;
}

static void run_clear(run *r)
{
  clear_pair_sums(&r->evidence);
  cgap_matched_pairs_clear(&r->matched_pairs);
  cgap_free(r->collected);
  cgap_embeddings_clear(&r->embeddings);
}

/* All pairs of the rows of one space, or those of a sample, and the spectra. */
static cgap_status run_space(run *r, cgap_audit *out, cgap_error *error)
{
  const double start = cgap_clock_seconds();
  cgap_status status = r->prepared.sampling.images > 0 ? run_sample(r, out, error) : run_tiles(r, error);
  cgap_release_memory(r->prepared.plan.needed_bytes, r->prepared.plan.memory_bytes);
  const double tiled = cgap_clock_seconds();
  if (!status)
    status = finish_modalities(r, out, error);
  out->seconds_tiles += tiled - start;
  out->seconds_spectra += cgap_clock_seconds() - tiled;
  return status;
}

/* ---------------------------------------------------------------- two spaces */

/* Where widths differ no image has a cosine with a text: each modality is measured by itself, as if it were alone, and
 * only the neighbours within each and their moments are compared. */
static bool has_two_spaces(const run *r)
{
  return r->prepared.has & CGAP_HAS_TEXT && !(r->prepared.has & CGAP_ONE_SPACE);
}

/* One of the two, in the place of the images of *out; near receives its lists, which a sample does not have. */
static cgap_status run_alone(const run *r, bool text, cgap_audit *out, cgap_neighbours *near, cgap_error *error)
{
  const cgap_modality_rows *rows = text ? &r->embeddings.text : &r->embeddings.image;
  const cgap_plan_sampling *size = &r->prepared.sampling;
  run alone = {.options = r->options, .prepared = r->prepared};
  alone.embeddings = (cgap_embeddings){
    .data = r->embeddings.data, .image = *rows, .text = {.source = rows->source, .dim = rows->dim}}; /* owns nothing */
  alone.prepared.sampling = (cgap_plan_sampling){.images = text ? size->texts : size->images};
  set_evidence(&alone);
  cgap_status status = run_space(&alone, out, error);
  if (!status && is_bfloat16(r))
    mark_rounded(&alone, out);
  if (!status && size->images == 0) {
    *near = alone.evidence.image_image;
    alone.evidence.image_image = (cgap_neighbours){0};
  }
  clear_pair_sums(&alone.evidence);
  return status;
}

/* What an audit of the texts alone found, to where texts are. */
static void move_to_texts(cgap_audit *out, cgap_audit *texts)
{
  out->uniformity.text = texts->uniformity.image;
  out->uniformity.text_sphere = texts->uniformity.sphere;
  out->cosine_text = texts->cosine_image;
  memcpy(out->histogram_text, texts->histogram_image, sizeof out->histogram_text);
  out->pca_text = texts->pca_image;
  texts->pca_image = (cgap_spectrum){0};
  out->hubs_text = texts->hubs_image;
  out->checks_text.near_duplicates = texts->checks_image.near_duplicates;
  out->seconds_tiles += texts->seconds_tiles;
  out->seconds_spectra += texts->seconds_spectra;
  out->sample.texts = texts->sample.images;
  out->sample.gain[CGAP_TEXT_TEXT] = texts->sample.gain[CGAP_IMAGE_IMAGE];
}

static cgap_status run_two_spaces(run *r, cgap_audit *out, cgap_error *error)
{
  cgap_audit texts = {0};
  cgap_status status = run_alone(r, false, out, &r->evidence.image_image, error);
  if (!status)
    status = run_alone(r, true, &texts, &r->evidence.text_text, error);
  if (!status && is_first(r))
    status = cgap_measure_agreement.finish(&r->evidence, out, error);
  move_to_texts(out, &texts);
  cgap_audit_clear(&texts);
  return status;
}

/* The passes of a sample's audit use all rows a few times only: touching memory for them as floats takes longer than
 * making floats of them each time. Ranks send rows to each other as floats. */
static cgap_hold rows_to_hold(const run *r)
{
  if (!r->prepared.plan.resident)
    return CGAP_HOLD_NONE;
  return r->prepared.sampling.images > 0 && !r->options->comm ? CGAP_HOLD_RAW : CGAP_HOLD_UNIT;
}

/* Ranks that measure a sample keep what they know of rows to themselves. Where so many rows are left out that the
 * sample has all others, all pairs are measured, for which every rank needs all of it. */
static cgap_status load_rows(run *r, cgap_error *error)
{
  const cgap_plan *plan = &r->prepared.plan;
  cgap_comm *comm = r->options->comm;
  const bool spread = comm && r->prepared.sampling.images > 0;
  cgap_status status = (spread ? cgap_embeddings_load_spread : cgap_embeddings_load)(
    &r->embeddings, &r->prepared.data, rows_to_hold(r), comm, plan->threads, r->options->progress, error);
  if (status)
    return status;
  cgap_prepare_sample(&r->prepared, &r->embeddings, r->options);
  return r->prepared.sampling.images ? CGAP_OK : cgap_embeddings_unspread(&r->embeddings, comm, error);
}

static cgap_status run_all(run *r, cgap_audit *out, cgap_error *error)
{
  const double start = cgap_clock_seconds();
  const cgap_progress progress = r->options->progress;
  const cgap_plan *plan = &r->prepared.plan;
  cgap_status status = cgap_prepare_plan(&r->prepared, r->options, error);
  if (!status)
    status = load_rows(r, error);
  cgap_release_memory(plan->needed_bytes, plan->memory_bytes);
  const double loaded = cgap_clock_seconds();
  if (!status && r->prepared.has & CGAP_HAS_PAIRS)
    status = cgap_matched_pairs_run(&r->matched_pairs, &r->embeddings, !r->options->brief, r->options->comm,
                                    plan->threads, progress, error);
  if (!status && r->matched_pairs.spread)
    status = cgap_matched_pairs_collect(&r->collected, &r->matched_pairs, &r->embeddings, r->options->comm, error);
  if (!status && is_first(r))
    status = copy_report_rows(r, out, error);
  if (!status)
    set_evidence(r);
  if (!status && !r->options->brief && cgap_cross_moment_wanted(&r->embeddings)) {
    status = cgap_cross_moment_run(&r->agreement, &r->embeddings, r->options->comm, plan->threads, error);
    r->evidence.agreement = &r->agreement;
  }
  if (!status && !r->options->brief && r->prepared.has & CGAP_HAS_PAIRS)
    status = cgap_median_window_choose(&r->evidence.window, &r->median, &r->embeddings, r->options->comm, plan->threads,
                                       error);
  if (!status && keeps_contributions(r))
    status = cgap_contributions_begin(out, &r->embeddings, error);
  cgap_release_memory(plan->needed_bytes, plan->memory_bytes);
  const double matched = cgap_clock_seconds();
  const bool sampled = r->prepared.sampling.images > 0, two = has_two_spaces(r);
  if (!status)
    status = two ? run_two_spaces(r, out, error) : run_space(r, out, error);
  if (!status && is_first(r) && r->evidence.text.rows == 0 && !sampled)
    status = copy_neighbours(r, out, error);
  if (!status && r->options->brief)
    out->pairing_check.below_median_share = cgap_scalar_null("left out of a brief audit", 0);
  else if (!status && is_first(r) && r->prepared.has & CGAP_HAS_PAIRS && (!sampled || r->evidence.window.step == 0))
    status = cgap_below_median_finish(&r->evidence, &r->evidence, &r->median, out, error);
  if (!status && is_bfloat16(r) && !two)
    mark_rounded(r, out);
  if (!status)
    status = finish_extras(r, out, error);
  if (!status && out->contributions)
    status = cgap_contributions_complete(out, &r->embeddings, &r->evidence, !r->options->brief, plan->threads, error);
  if (!status && is_first(r))
    status = move_neighbours(r, out, error);
  if (!status && is_first(r))
    status = name_whys(out, error);
  if (!status && is_first(r))
    status = move_rows_to_report(r, out, error);
  out->seconds_rows = loaded - start;
  out->seconds_pairs = matched - loaded;
  out->seconds_total = cgap_clock_seconds() - start;
  return status;
}

cgap_status cgap_audit_run(cgap_audit *out, const cgap_data *given, const cgap_audit_options *options,
                           cgap_error *error)
{
  cgap_status status = cgap_check_argument(out, "cgap_audit_run", "out", error);
  if (status)
    return status;
  *out = (cgap_audit){0};
  run r = {.options = options};
  status = cgap_prepare(&r.prepared, given, options, error);
  out->has = r.prepared.has;
  /* one BLAS thread throughout: alone in its team, a thread would get all of them, and other bits */
  const int blas_threads = cgap_blas_single();
  if (!status)
    status = run_all(&r, out, error);
  cgap_blas_restore(blas_threads);
  const bool keep = !status && is_first(&r);
  run_clear(&r);
  if (!keep)
    cgap_audit_clear(out);
  return status;
}

void cgap_audit_clear(cgap_audit *audit)
{
  if (!audit)
    return;
  cgap_free(audit->pca_image.explained_variance_ratio);
  cgap_free(audit->pca_text.explained_variance_ratio);
  cgap_free(audit->pca_joint.explained_variance_ratio);
  cgap_free(audit->image_mean);
  cgap_free(audit->text_mean);
  cgap_free(audit->image_row);
  cgap_free(audit->text_row);
  cgap_free(audit->image_of);
  cgap_free(audit->pair_cosine);
  cgap_free(audit->rank_text_to_image);
  cgap_free(audit->rank_image_to_text);
  cgap_free(audit->zero_shot.classes);
  cgap_free(audit->mixed_rank_image);
  cgap_free(audit->mixed_rank_text);
  cgap_free(audit->scatter_image);
  cgap_free(audit->scatter_text);
  cgap_free(audit->whys);
  cgap_free(audit->image_neighbours);
  cgap_contributions_free(audit->contributions);
  cgap_neighbour_lists_free(audit->neighbours);
  *audit = (cgap_audit){0};
}
