#include "audit/measure_runs.h"

#include "analysis/finish.h"
#include "analysis/measure.h"
#include "analysis/zero_shot.h"
#include "audit/pair_sums.h"
#include "base/memory.h"
#include "base/threads.h"
#include "rows/row_blocks.h"
#include "rows/row_pass.h"
#include "rows/row_sums.h"
#include "simd/convert.h"
#include "simd/gemm.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <string.h>

enum { QUERY_BLOCK = 1024, IMAGE_BLOCK = 256 };

/* ---------------------------------------------------------------- separability */

typedef struct fold_products {
  const cgap_embeddings *e;
  cgap_comm *comm;
  int threads;
  cgap_progress progress;
  int calls;
  cgap_gradient gradient;
} fold_products;

typedef struct fold_call {
  cgap_fold_rows rows;
  void *context;
  cgap_pair_kind modality;
} fold_call;

static void fold_residual(void *context, size_t first, size_t rows, double *scores, double *sums)
{
  const fold_call *call = context;
  call->rows(call->context, call->modality, first, rows, scores, sums);
}

static cgap_status fold_run(void *self, const double *weights, cgap_fold_rows rows, void *context, double *gradient,
                            double *sums, cgap_error *error)
{
  fold_products *p = self;
  fold_call image = {rows, context, CGAP_IMAGE_IMAGE}, text = {rows, context, CGAP_TEXT_TEXT};
  const cgap_embeddings *e = p->e;
  cgap_status status = cgap_row_scores_gradient(&p->gradient, &e->image, cgap_rank_rows_own(p->comm, e->image.rows),
                                                weights, p->threads, fold_residual, &image, error);
  if (!status)
    status = cgap_row_scores_gradient(&p->gradient, &e->text, cgap_rank_rows_own(p->comm, e->text.rows), weights,
                                      p->threads, fold_residual, &text, error);
  if (!status)
    status = cgap_gradient_finish(&p->gradient, p->comm, gradient, sums, error);
  p->calls++; /* the number of calls is not known: the fraction approaches 1 */
  if (!status && p->progress.tick && p->progress.tick(p->progress.context, "separability", 1 - exp(-p->calls / 20.0)))
    status = cgap_fail(error, CGAP_INTERRUPTED, "interrupted while fitting the separability; nothing was written");
  return status;
}

static cgap_status fold_gather(void *self, cgap_pair_kind modality, double *values, cgap_error *error)
{
  const fold_products *p = self;
  const size_t rows = modality == CGAP_TEXT_TEXT ? p->e->text.rows : p->e->image.rows;
  return cgap_rank_rows_gather(p->comm, values, rows, sizeof *values, error);
}

cgap_status cgap_separability_run(const cgap_audit_sums *evidence, const cgap_embeddings *e, cgap_comm *comm,
                                  int threads, cgap_progress progress, cgap_audit *out, cgap_error *error)
{
  fold_products products = {.e = e, .comm = comm, .threads = threads, .progress = progress};
  cgap_status status = cgap_gradient_init(&products.gradient, e->image.dim, CGAP_FOLDS, CGAP_FOLD_SUMS, error);
  if (!status)
    status = cgap_separability_finish(
      evidence, &(cgap_products){.run = fold_run, .gather = fold_gather, .self = &products}, out, error);
  cgap_gradient_clear(&products.gradient);
  return status;
}

/* ---------------------------------------------------------------- rows of small sources */

/* Rows [first, first + rows) of a source in double, as the file has them. */
static cgap_status read_double(const cgap_source *source, size_t first, size_t rows, double *out, cgap_error *error)
{
  unsigned char *raw = cgap_alloc(rows * source->dim, cgap_type_size(source->type));
  if (!raw)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows of %zu", source->name, rows, source->dim);
  cgap_status status = source->read(source, first, rows, raw, error);
  if (!status)
    cgap_to_double(source->type, raw, rows * source->dim, out);
  cgap_free(raw);
  return status;
}

/* Notes the rows [first, first + rows) that are bad; true: one of them is. */
static bool note_bad(cgap_modality_checks *checks, size_t first, size_t rows, const double *values, size_t dim)
{
  bool any = false;
  for (size_t k = 0; k < rows; k++) {
    const double norm = cgap_norm(values + k * dim, dim);
    if (norm > 0)
      continue;
    cgap_check_note(norm == 0 ? &checks->zero : &checks->not_finite, first + k);
    any = true;
  }
  return any;
}

static cgap_status check_dim(const cgap_source *source, const cgap_modality_rows *modality, cgap_error *error)
{
  if (source->dim == modality->dim)
    return CGAP_OK;
  return cgap_fail(error, CGAP_DATA, "%s has %zu dimensions, %s %zu: not one joint space", source->name, source->dim,
                   modality->source->name, modality->dim);
}

/* ---------------------------------------------------------------- zero-shot */

/* vectors NULL: only whether every class has one. */
static cgap_status read_classes(const cgap_source *source, size_t classes, size_t prompts, bool drop_bad,
                                double *vectors, cgap_error *error)
{
  double *texts = cgap_alloc((prompts + 1) * source->dim, sizeof *texts); /* and a vector */
  cgap_status status = CGAP_OK;
  cgap_modality_checks checks = {0};
  char what[600] = "";
  size_t place;
  if (!texts)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu prompts", source->name, prompts);
  for (size_t c = 0; !status && c < classes; c++) {
    status = read_double(source, c * prompts, prompts, texts, error);
    if (status || (note_bad(&checks, c * prompts, prompts, texts, source->dim) && !drop_bad))
      continue;
    if (!cgap_class_vectors(texts, 1, prompts, source->dim, drop_bad,
                            vectors ? vectors + c * source->dim : texts + prompts * source->dim, &place))
      status = cgap_fail(error, CGAP_DATA,
                         "%s: class %zu has no direction: its %zu texts cancel out or are all left out as bad; give "
                         "another --class-text",
                         source->name, c, prompts);
  }
  if (!status && !drop_bad && cgap_describe_bad(source, &checks, what, sizeof what))
    status = cgap_fail(error, CGAP_DATA, "%s; give --drop-bad to leave such texts out, or another --class-text", what);
  cgap_free(texts);
  return status;
}

static cgap_status check_labels(const cgap_embeddings *e, size_t classes, cgap_error *error)
{
  for (size_t i = 0; i < e->image.rows; i++) {
    const int64_t label = e->data->labels[cgap_file_row_of(&e->image, i)];
    if (label < 0 || (uint64_t)label >= classes)
      return cgap_fail(error, CGAP_DATA, "labels: row %zu names class %lld, %s has %zu", cgap_file_row_of(&e->image, i),
                       (long long)label, e->data->class_text.name, classes);
  }
  return CGAP_OK;
}

/* Over all ranks. */
static cgap_status sum_tally(cgap_zero_shot_tally *t, cgap_comm *comm, cgap_error *error)
{
  uint64_t totals[] = {t->images, t->top_1, t->top_5};
  cgap_status status = cgap_comm_sum(comm, totals, sizeof totals / sizeof *totals, CGAP_COMM_U64, error);
  if (!status)
    status = cgap_comm_sum(comm, t->class_images, t->classes, CGAP_COMM_U64, error);
  if (!status)
    status = cgap_comm_sum(comm, t->class_right, t->classes, CGAP_COMM_U64, error);
  t->images = totals[0];
  t->top_1 = totals[1];
  t->top_5 = totals[2];
  return status;
}

/* What each block of images adds. Sums in fixed point do not depend on the order of the rows, nor on ranks. */
typedef struct zero_shot_pass {
  cgap_zero_shot_tally tally;
  cgap_exact_sums class_sums; /* (classes, dim) of the unit rows of a class */
  size_t dim;
  int threads;
} zero_shot_pass;

/* Each thread takes its part of the columns. */
static void add_to_classes(zero_shot_pass *p, size_t first, size_t rows, const double *unit)
{
  const cgap_zero_shot_tally *t = &p->tally;
#pragma omp parallel num_threads(p->threads)
  {
    const size_t threads = (size_t)omp_get_num_threads(), own = (size_t)omp_get_thread_num();
    const size_t from = p->dim * own / threads, columns = p->dim * (own + 1) / threads - from;
    for (size_t i = 0; i < rows; i++)
      cgap_exact_sums_add(&p->class_sums, (size_t)t->labels[cgap_file_row(&t->modality, first + i)] * p->dim + from,
                          unit + i * p->dim + from, columns);
  }
}

static void visit_images(void *pass, size_t first, size_t rows, const double *unit, const double *scores)
{
  zero_shot_pass *p = pass;
  cgap_zero_shot_visit(&p->tally, first, rows, scores);
  add_to_classes(p, first, rows, unit);
}

/* gap (classes) = ‖mean of a class's images − its class text‖, 0 for a class without images. */
static cgap_status measure_class_gaps(zero_shot_pass *p, cgap_comm *comm, const double *vectors, double *gap,
                                      cgap_error *error)
{
  const size_t dim = p->dim;
  double *sum = cgap_alloc(dim, sizeof *sum);
  cgap_status status = sum ? cgap_exact_sums_reduce(&p->class_sums, comm, error)
                           : cgap_fail(error, CGAP_RESOURCE, "out of memory for a mean of %zu dimensions", dim);
  for (size_t c = 0; !status && c < p->tally.classes; c++) {
    double square = 0;
    cgap_exact_sums_values(&p->class_sums, c * dim, dim, sum);
    for (size_t k = 0; p->tally.class_images[c] && k < dim; k++) {
      const double apart = sum[k] / (double)p->tally.class_images[c] - vectors[c * dim + k];
      square += apart * apart;
    }
    gap[c] = sqrt(square);
  }
  cgap_free(sum);
  return status;
}

cgap_status cgap_zero_shot_run(const cgap_embeddings *e, cgap_comm *comm, int threads, cgap_audit *out,
                               cgap_error *error)
{
  const cgap_source *source = &e->data->class_text;
  const size_t prompts = e->data->prompts ? e->data->prompts : 1, classes = source->rows / prompts;
  cgap_status status = check_dim(source, &e->image, error);
  if (!status)
    status = check_labels(e, classes, error);
  if (status)
    return status;
  zero_shot_pass pass = {
    .tally = {.labels = e->data->labels, .modality = cgap_modality_of(&e->image), .classes = classes},
    .dim = source->dim,
    .threads = threads};
  cgap_zero_shot_tally *tally = &pass.tally;
  cgap_contributions *kept = out->contributions;
  for (size_t i = 0; kept && i < e->image.rows; i++)
    kept->label[i] = (size_t)e->data->labels[e->image.file_row[i]];
  tally->place = kept ? kept->place : NULL;
  tally->nearest = kept ? kept->nearest : NULL;
  double *vectors = cgap_alloc(classes * source->dim, sizeof *vectors), *gap = cgap_alloc(classes, sizeof *gap);
  tally->class_images = cgap_zalloc(classes, sizeof *tally->class_images);
  tally->class_right = cgap_zalloc(classes, sizeof *tally->class_right);
  if (!vectors || !gap || !tally->class_images || !tally->class_right ||
      !cgap_exact_sums_init(&pass.class_sums, classes * source->dim, 1))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu classes", source->name, classes);
  if (!status)
    status = read_classes(source, classes, prompts, e->data->drop_bad, vectors, error);
  if (!status)
    status = cgap_row_scores_run(&e->image, cgap_rank_rows_own(comm, e->image.rows), vectors, classes, threads,
                                 visit_images, &pass, error);
  if (!status)
    status = sum_tally(tally, comm, error);
  if (!status)
    status = measure_class_gaps(&pass, comm, vectors, gap, error);
  if (!status && !cgap_zero_shot_finish(tally, gap, out))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu classes", source->name, classes);
  cgap_exact_sums_clear(&pass.class_sums);
  cgap_free(vectors);
  cgap_free(gap);
  cgap_free(tally->class_images);
  cgap_free(tally->class_right);
  return status;
}

/* ---------------------------------------------------------------- arithmetic */

/* Queries whose image was kept, with everything their scoring needs. */
typedef struct arithmetic_work {
  const cgap_embeddings *e;
  size_t queries;
  size_t *query;           /* (queries) which of the data's queries */
  size_t *image;           /* (queries) kept row */
  int64_t *label, *wanted; /* (images), (queries) */
  double *weight;          /* (queries) */
  double *words;           /* (words, dim) unit */
  cgap_arithmetic_best *best;
} arithmetic_work;

static void work_clear(arithmetic_work *w)
{
  cgap_free(w->query);
  cgap_free(w->image);
  cgap_free(w->label);
  cgap_free(w->wanted);
  cgap_free(w->weight);
  cgap_free(w->words);
  cgap_free(w->best);
}

static bool work_alloc(arithmetic_work *w)
{
  const cgap_data *data = w->e->data;
  w->query = cgap_alloc(data->queries, sizeof *w->query);
  w->image = cgap_alloc(data->queries, sizeof *w->image);
  w->label = cgap_alloc(w->e->image.rows, sizeof *w->label);
  w->wanted = cgap_alloc(data->queries, sizeof *w->wanted);
  w->weight = cgap_alloc(data->queries, sizeof *w->weight);
  w->words = cgap_alloc(data->words.rows * data->words.dim, sizeof *w->words);
  w->best = cgap_alloc(data->queries, sizeof *w->best);
  return w->query && w->image && w->label && w->wanted && w->weight && w->words && w->best;
}

/* out (words, dim) unit rows; a bad one becomes zeros, where that is asked. */
static cgap_status read_words(const cgap_source *words, bool drop_bad, double *out, cgap_error *error)
{
  cgap_modality_checks checks = {0};
  char what[600] = "";
  cgap_status status = read_double(words, 0, words->rows, out, error);
  if (!status && note_bad(&checks, 0, words->rows, out, words->dim) && !drop_bad) {
    (void)cgap_describe_bad(words, &checks, what, sizeof what);
    status = cgap_fail(error, CGAP_DATA, "%s; give --drop-bad to leave out the queries that name them", what);
  }
  for (size_t k = 0; !status && k < words->rows; k++)
    (void)cgap_normalise(out + k * words->dim, out + k * words->dim, words->dim);
  return status;
}

static bool is_left_out(const arithmetic_work *w, int64_t word)
{
  const size_t dim = w->e->data->words.dim;
  return cgap_norm(w->words + (size_t)word * dim, dim) == 0;
}

static cgap_status select_queries(arithmetic_work *w, cgap_error *error)
{
  const cgap_data *data = w->e->data;
  for (size_t i = 0; i < w->e->image.rows; i++)
    w->label[i] = data->image_label[cgap_file_row_of(&w->e->image, i)];
  for (size_t q = 0; q < data->queries; q++) {
    const int64_t *query = data->query + 4 * q;
    if (query[0] < 0 || (uint64_t)query[0] >= data->image.rows)
      return cgap_fail(error, CGAP_DATA, "arithmetic/query: row %zu names image %lld, %s has %zu rows", q,
                       (long long)query[0], data->image.name, data->image.rows);
    for (int k = 1; k <= 2; k++)
      if (query[k] < 0 || (uint64_t)query[k] >= data->words.rows)
        return cgap_fail(error, CGAP_DATA, "arithmetic/query: row %zu names word %lld, %s has %zu rows", q,
                         (long long)query[k], data->words.name, data->words.rows);
    const size_t image = cgap_image_kept_as(w->e, (size_t)query[0]);
    if (image == SIZE_MAX || is_left_out(w, query[1]) || is_left_out(w, query[2]))
      continue;
    w->query[w->queries] = q;
    w->image[w->queries] = image;
    w->wanted[w->queries] = query[3];
    w->weight[w->queries++] = data->query_weight ? data->query_weight[q] : 1;
  }
  return CGAP_OK;
}

/* A block of queries with the words that they name, and a block of images at a time. */
typedef struct query_block {
  cgap_arithmetic_run run;
  double *own, *words; /* what the run points to */
  size_t *source, *target;
  float *vectors; /* (queries + words, dim) own and words in float */
  double *unit;   /* (images, dim) */
  float *image;   /* the same in float */
  float *score;   /* (queries + words, images) */
} query_block;

static void block_clear(query_block *b)
{
  cgap_free(b->own);
  cgap_free(b->words);
  cgap_free(b->source);
  cgap_free(b->target);
  cgap_free(b->vectors);
  cgap_free(b->unit);
  cgap_free(b->image);
  cgap_free(b->score);
  cgap_free(b->run.scratch);
}

/* Which words the queries name: source and target become places in `named`, which has room for two a query. Returns how
 * many there are, SIZE_MAX: out of memory. */
static size_t name_words(const arithmetic_work *w, size_t first, query_block *b, size_t *named)
{
  const cgap_data *data = w->e->data;
  size_t *place = cgap_alloc(data->words.rows, sizeof *place), count = 0;
  for (size_t k = 0; place && k < data->words.rows; k++)
    place[k] = SIZE_MAX;
  for (size_t q = 0; place && q < b->run.queries; q++)
    for (int side = 0; side < 2; side++) {
      const size_t word = (size_t)data->query[4 * w->query[first + q] + 1 + side];
      if (place[word] == SIZE_MAX) {
        named[count] = word;
        place[word] = count++;
      }
      (side ? b->target : b->source)[q] = place[word];
    }
  cgap_free(place);
  return place ? count : SIZE_MAX;
}

static cgap_status block_words(const arithmetic_work *w, size_t first, query_block *b, cgap_error *error)
{
  cgap_arithmetic_run *run = &b->run;
  size_t *named = cgap_alloc(2 * run->queries, sizeof *named);
  b->source = cgap_alloc(run->queries, sizeof *b->source);
  b->target = cgap_alloc(run->queries, sizeof *b->target);
  run->word_count = named && b->source && b->target ? name_words(w, first, b, named) : SIZE_MAX;
  b->words = run->word_count < SIZE_MAX ? cgap_alloc(run->word_count * run->dim, sizeof *b->words) : NULL;
  for (size_t k = 0; b->words && k < run->word_count; k++)
    memcpy(b->words + k * run->dim, w->words + named[k] * run->dim, run->dim * sizeof *b->words);
  cgap_free(named);
  return b->words ? CGAP_OK
                  : cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu queries of arithmetic", run->queries);
}

static void round_to_float(const double *from, size_t count, float *to)
{
  for (size_t k = 0; k < count; k++)
    to[k] = (float)from[k];
}

static cgap_status block_init(const arithmetic_work *w, size_t first, query_block *b, size_t images, cgap_error *error)
{
  cgap_arithmetic_run *run = &b->run;
  const size_t dim = run->dim, vectors = run->queries + run->word_count;
  b->own = cgap_alloc(run->queries * dim, sizeof *b->own);
  b->vectors = cgap_alloc(vectors * dim, sizeof *b->vectors);
  b->unit = cgap_alloc(images * dim, sizeof *b->unit);
  b->image = cgap_alloc(images * dim, sizeof *b->image);
  b->score = cgap_alloc(vectors * images, sizeof *b->score);
  run->scratch = cgap_alloc((size_t)run->threads * dim, sizeof *run->scratch);
  if (!b->own || !b->vectors || !b->unit || !b->image || !b->score || !run->scratch)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu queries of arithmetic", run->queries);
  for (size_t q = 0; q < run->queries; q++) {
    const cgap_status status =
      cgap_modality_rows_fetch(&w->e->image, NULL, w->image[first + q], 1, 1, b->own + q * dim, error);
    if (status)
      return status;
  }
  round_to_float(b->own, run->queries * dim, b->vectors);
  round_to_float(b->words, run->word_count * dim, b->vectors + run->queries * dim);
  run->own = b->own;
  run->words = b->words;
  run->source = b->source;
  run->target = b->target;
  return CGAP_OK;
}

/* All vectors with the first `images` of the block. */
static void multiply_images(const query_block *b, size_t images)
{
  const size_t dim = b->run.dim;
#pragma omp parallel for schedule(static) num_threads(b->run.threads)
  for (size_t first = 0; first < images; first += IMAGE_BLOCK) {
    const size_t count = cgap_lesser(IMAGE_BLOCK, images - first);
    round_to_float(b->unit + first * dim, count * dim, b->image + first * dim);
    cgap_sgemm(b->run.queries + b->run.word_count, count, dim, (cgap_operand){b->vectors, dim, false},
               (cgap_operand){b->image + first * dim, dim, true}, 0, b->score + first, images);
  }
}

/* The nearest images of queries [first, first + count). */
static cgap_status score_query_block(arithmetic_work *w, size_t first, size_t count, int threads, cgap_error *error)
{
  const cgap_modality_rows *images = &w->e->image;
  const size_t step = IMAGE_BLOCK * (size_t)threads;
  query_block block = {.run = {.queries = count,
                               .dim = images->dim,
                               .image = w->image + first,
                               .margin = cgap_product_margin(images->dim),
                               .best = w->best + first,
                               .threads = threads}};
  cgap_arithmetic_start(&block.run);
  cgap_status status = block_words(w, first, &block, error);
  if (!status)
    status = block_init(w, first, &block, step, error);
  const int blas_threads = cgap_blas_single();
  for (size_t at = 0; !status && at < images->rows; at += step) {
    const size_t rows = cgap_lesser(step, images->rows - at);
    status = cgap_modality_rows_fetch(images, NULL, at, rows, threads, block.unit, error);
    if (!status) {
      multiply_images(&block, rows);
      cgap_arithmetic_visit(&block.run, at, rows, block.score, block.unit);
    }
  }
  cgap_blas_restore(blas_threads);
  block_clear(&block);
  return status;
}

static void copy_query_answers(cgap_contributions *kept, const arithmetic_work *w)
{
  if (!kept)
    return;
  kept->queries = w->queries;
  for (size_t q = 0; q < w->queries; q++) {
    kept->query_image[q] = w->image[q];
    kept->query_weight[q] = w->weight[q];
    kept->query_found[q] = cgap_arithmetic_found(&w->best[q]);
    kept->query_right[q] = w->label[kept->query_found[q]] == w->wanted[q];
  }
}

/* A query is one rank's, which goes over all images for it: among images that are nearly equal the order decides. */
static cgap_status score_queries(arithmetic_work *w, cgap_comm *comm, int threads, cgap_audit *out, cgap_error *error)
{
  double right[CGAP_CURVE_POINTS] = {0}, total = 0;
  const size_t size = (size_t)cgap_comm_size(comm), rank = (size_t)cgap_comm_rank(comm);
  size_t *place = cgap_alloc(size + 1, sizeof *place);
  cgap_status status = place ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu ranks", size);
  for (size_t r = 0; place && r <= size; r++)
    place[r] = w->queries * r / size;
  for (size_t first = status ? 0 : place[rank]; !status && first < place[rank + 1]; first += QUERY_BLOCK) {
    const size_t left = place[rank + 1] - first;
    status = score_query_block(w, first, left < QUERY_BLOCK ? left : QUERY_BLOCK, threads, error);
  }
  for (size_t r = 0; place && r <= size; r++)
    place[r] *= sizeof *w->best;
  if (!status)
    status = cgap_comm_gather(comm, w->best, place, error);
  cgap_free(place);
  const cgap_arithmetic_run all = {.queries = w->queries, .image = w->image, .best = w->best};
  if (!status) {
    cgap_arithmetic_add(&all, w->label, w->wanted, w->weight, right, &total);
    cgap_arithmetic_finish(right, total, w->queries, out);
    copy_query_answers(out->contributions, w);
  }
  return status;
}

cgap_status cgap_arithmetic_run_all(const cgap_embeddings *e, cgap_comm *comm, int threads, cgap_audit *out,
                                    cgap_error *error)
{
  arithmetic_work w = {.e = e};
  cgap_status status = check_dim(&e->data->words, &e->image, error);
  if (!status && !work_alloc(&w))
    status =
      cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu queries", e->data->words.name, e->data->queries);
  if (!status)
    status = read_words(&e->data->words, e->data->drop_bad, w.words, error);
  if (!status)
    status = select_queries(&w, error);
  if (!status)
    status = score_queries(&w, comm, threads, out, error);
  work_clear(&w);
  return status;
}

/* ---------------------------------------------------------------- before long work */

cgap_status cgap_measure_runs_check(const cgap_data *data, cgap_error *error)
{
  const cgap_source *classes = &data->class_text, *words = &data->words;
  cgap_status status = CGAP_OK;
  if (data->labels && classes->rows)
    status = read_classes(classes, classes->rows / data->prompts, data->prompts, data->drop_bad, NULL, error);
  if (status || words->rows == 0 || !data->query || data->queries == 0)
    return status;
  double *unit = cgap_alloc(words->rows * words->dim, sizeof *unit);
  status = unit ? read_words(words, data->drop_bad, unit, error)
                : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu words", words->name, words->rows);
  cgap_free(unit);
  return status;
}

/* ---------------------------------------------------------------- pca scatter */

enum { POINT_BLOCK = 128 };

typedef struct axes {
  const double *components; /* (2, dim) */
  double *mean;             /* (dim) pooled */
  double *rows;             /* (POINT_BLOCK, dim) */
  int threads;
} axes;

static void project_row(const axes *a, const double *row, size_t dim, cgap_point *out)
{
  double score[2] = {0, 0};
  for (size_t k = 0; k < dim; k++) {
    const double centred = row[k] - a->mean[k];
    score[0] += centred * a->components[k];
    score[1] += centred * a->components[dim + k];
  }
  out->x = score[0];
  out->y = score[1];
}

/* Scores of kept rows on the two components, centred on the pooled mean. */
static cgap_status project_rows(const axes *a, const cgap_modality_rows *modality, const size_t *rows, size_t count,
                                cgap_point **out, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  *out = cgap_alloc(count, sizeof **out);
  if (!*out)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu points", count);
  for (size_t first = 0; !status && first < count; first += POINT_BLOCK) {
    const size_t n = cgap_lesser(POINT_BLOCK, count - first);
    status = cgap_modality_rows_fetch(modality, rows + first, 0, n, a->threads, a->rows, error);
#pragma omp parallel for schedule(static) num_threads(a->threads)
    for (size_t i = 0; i < (status ? 0 : n); i++) {
      (*out)[first + i].row = cgap_file_row_of(modality, rows[first + i]);
      project_row(a, a->rows + i * modality->dim, modality->dim, &(*out)[first + i]);
    }
  }
  return status;
}

/* Rows spread evenly over the side; where paired, few enough images that their texts fit as well. */
static void choose_points(const cgap_embeddings *e, size_t *image, size_t *images, size_t *text, size_t *texts)
{
  const size_t n = e->image.rows, m = e->text.rows;
  size_t wanted = n < CGAP_SCATTER_ROWS ? n : CGAP_SCATTER_ROWS;
  if (e->paired && m > n)
    wanted = (size_t)fmin((double)wanted, fmax(1, (double)CGAP_SCATTER_ROWS * (double)n / (double)m));
  for (size_t i = 0; i < wanted; i++) {
    const size_t row = (size_t)((double)i * (double)n / (double)wanted);
    image[(*images)++] = row;
    for (size_t k = e->paired ? cgap_pairs_first(&e->pairs, row) : 0;
         e->paired && k < cgap_pairs_first(&e->pairs, row + 1); k++)
      if (*texts < CGAP_SCATTER_ROWS)
        text[(*texts)++] = cgap_pairs_text(&e->pairs, k);
  }
  const size_t alone = m < CGAP_SCATTER_ROWS ? m : CGAP_SCATTER_ROWS;
  for (size_t j = 0; !e->paired && j < alone; j++)
    text[(*texts)++] = (size_t)((double)j * (double)m / (double)alone);
}

cgap_status cgap_pca_scatter_run(const cgap_embeddings *e, const double *components, int threads, cgap_audit *out,
                                 cgap_error *error)
{
  size_t image[CGAP_SCATTER_ROWS], text[CGAP_SCATTER_ROWS];
  const size_t dim = e->image.dim;
  const double images = (double)e->image.rows, texts = (double)e->text.rows;
  double *block = cgap_alloc((POINT_BLOCK + 1) * dim, sizeof *block);
  const axes a = {.components = components, .mean = block, .rows = block ? block + dim : NULL, .threads = threads};
  if (!block)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %d rows of %zu", POINT_BLOCK, dim);
  for (size_t k = 0; k < dim; k++)
    a.mean[k] = (images * e->image.mean[k] + texts * e->text.mean[k]) / (images + texts);
  choose_points(e, image, &out->scatter_images, text, &out->scatter_texts);
  cgap_status status = project_rows(&a, &e->image, image, out->scatter_images, &out->scatter_image, error);
  if (!status)
    status = project_rows(&a, &e->text, text, out->scatter_texts, &out->scatter_text, error);
  cgap_free(block);
  return status;
}

/* ---------------------------------------------------------------- spectra */

/* The first problem of a rank. Rank 0 takes one less than its part: it finishes the other measures. */
static int first_problem(int rank, int rank_count, int problems)
{
  const int first = (problems + 1) * rank / rank_count - 1;
  return first > 0 ? first : 0;
}

cgap_status cgap_spectra_run(const cgap_audit_sums *evidence, cgap_comm *comm, int threads, cgap_concurrent_task beside,
                             double *components, cgap_audit *out, cgap_error *error)
{
  const int size = cgap_comm_size(comm), rank = cgap_comm_rank(comm), problems = cgap_pca_problems(evidence);
  double *values = cgap_alloc(cgap_pca_place(CGAP_PCA_PROBLEMS, evidence->dim), sizeof *values);
  size_t *place = cgap_alloc((size_t)size + 1, sizeof *place);
  cgap_status status = CGAP_OK;
  if (!values || !place)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for the eigenvalues of %zu dimensions", evidence->dim);
  for (int r = 0; place && r <= size; r++)
    place[r] = cgap_pca_place(first_problem(r, size, problems), evidence->dim) * sizeof *values;
  if (!status)
    status = cgap_pca_solve(evidence, first_problem(rank, size, problems), first_problem(rank + 1, size, problems),
                            threads, beside, values, error);
  if (!status)
    status = cgap_comm_gather(comm, values, place, error);
  if (!status && rank == 0)
    status = cgap_pca_finish(evidence, values, components, out, error);
  cgap_free(values);
  cgap_free(place);
  return status;
}
