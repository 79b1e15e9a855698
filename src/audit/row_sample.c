#include "audit/row_sample.h"

#include "base/memory.h"
#include "base/numbers.h"
#include "comm/comm.h"
#include "rows/embeddings.h"
#include "rows/modality.h"
#include "rows/row_blocks.h"
#include "rows/row_pass.h"
#include "rows/row_reader.h"
#include "rows/row_sums.h"

#include <cblas.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { READ_ROWS = 4096 };

/* ---------------------------------------------------------------- drawing */

/* `count` of 0 … from − 1, ascending, each set of them as likely (Fan, Muller and Rezucha 1962). */
static size_t *draw_rows(size_t count, size_t from, uint64_t seed, uint64_t stream)
{
  cgap_random random = cgap_random_init(seed, stream);
  size_t *out = cgap_alloc(count, sizeof *out), taken = 0;
  for (size_t i = 0; out && taken < count; i++)
    if (cgap_random_below(&random, from - i) < count - taken)
      out[taken++] = i;
  return out;
}

/* A copy of a list; *place (count) = 0, 1, … */
static size_t *copy_list(const size_t *list, size_t count, size_t **place)
{
  size_t *out = cgap_alloc(count, sizeof *out);
  *place = cgap_alloc(count, sizeof **place);
  for (size_t k = 0; out && *place && k < count; k++) {
    out[k] = list[k];
    (*place)[k] = k;
  }
  if (out && *place)
    return out;
  cgap_free(out);
  cgap_free(*place);
  return NULL;
}

/* Every text of the images in s->image; *texts says how many. image_of (texts) counts places in s->image. */
static size_t *texts_of(const cgap_embeddings *whole, const size_t *image, size_t images, size_t **image_of,
                        size_t *texts)
{
  if (!whole->pairs.first)
    return copy_list(image, *texts = images, image_of);
  size_t *place = cgap_alloc(whole->image.rows, sizeof *place), *out = NULL;
  *texts = 0;
  for (size_t k = 0; k < images; k++)
    *texts += whole->pairs.first[image[k] + 1] - whole->pairs.first[image[k]];
  out = cgap_alloc(*texts, sizeof *out);
  *image_of = cgap_alloc(*texts, sizeof **image_of);
  if (!place || !out || !*image_of) {
    cgap_free(place);
    cgap_free(out);
    cgap_free(*image_of);
    return NULL;
  }
  for (size_t i = 0; i < whole->image.rows; i++)
    place[i] = SIZE_MAX;
  for (size_t k = 0; k < images; k++)
    place[image[k]] = k;
  for (size_t j = 0, taken = 0; j < whole->text.rows && taken < *texts; j++)
    if (place[whole->pairs.image_of[j]] != SIZE_MAX) {
      (*image_of)[taken] = place[whole->pairs.image_of[j]];
      out[taken++] = j;
    }
  cgap_free(place);
  return out;
}

/* ---------------------------------------------------------------- rows of a modality */

static cgap_status no_memory(const cgap_modality_rows *whole, size_t rows, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for a sample of %zu rows of %zu", whole->source->name, rows,
                   whole->dim);
}

/* A row of the sample, and the first of all rows that has its bytes. */
typedef struct equal_row {
  size_t first, k;
} equal_row;

static int compare_equal_rows(const void *a, const void *b)
{
  const equal_row *x = a, *y = b;
  return x->first != y->first ? (x->first > y->first) - (x->first < y->first) : (x->k > y->k) - (x->k < y->k);
}

/* The first of equal rows within the sample. */
static bool find_equals(cgap_modality_rows *out, const cgap_modality_rows *whole, const size_t *rows)
{
  for (size_t k = 0; k < out->rows; k++)
    out->first_equal[k] = k;
  if (whole->checks.duplicates.count == 0)
    return true;
  equal_row *list = cgap_alloc(out->rows, sizeof *list);
  if (!list)
    return false;
  for (size_t k = 0; k < out->rows; k++)
    list[k] = (equal_row){cgap_first_equal_of(whole, rows[k]), k};
  qsort(list, out->rows, sizeof *list, compare_equal_rows);
  for (size_t i = 1, first = 0; i < out->rows; i++) {
    if (list[i].first != list[first].first)
      first = i;
    out->first_equal[list[i].k] = list[first].k;
    out->checks.duplicates.count += i != first;
  }
  cgap_free(list);
  return true;
}

/* Where rows are spread, each scale comes from the rank that has read the row; the others add 0. */
static cgap_status copy_scales(cgap_modality_rows *out, const cgap_modality_rows *whole, const size_t *rows,
                               cgap_comm *comm, cgap_error *error)
{
  for (size_t k = 0; k < out->rows; k++) {
    const size_t place = rows[k] - whole->known_first; /* wraps as intended where the row is before them */
    out->inverse_norm[k] = !whole->spread              ? whole->inverse_norm[rows[k]]
                           : place < whole->known_rows ? whole->inverse_norm[place]
                                                       : 0;
  }
  return whole->spread ? cgap_comm_sum(comm, out->inverse_norm, out->rows, CGAP_COMM_F64, error) : CGAP_OK;
}

static cgap_status copy_modality(cgap_modality_rows *out, const cgap_modality_rows *whole, const size_t *rows,
                                 size_t count, cgap_comm *comm, cgap_error *error)
{
  *out = (cgap_modality_rows){.source = whole->source, .rows = count, .own_rows = count, .dim = whole->dim};
  out->file_row = cgap_alloc(count, sizeof *out->file_row);
  out->first_equal = cgap_alloc(count, sizeof *out->first_equal);
  out->inverse_norm = cgap_alloc(count, sizeof *out->inverse_norm);
  if (!out->file_row || !out->first_equal || !out->inverse_norm || !find_equals(out, whole, rows))
    return no_memory(whole, count, error);
  for (size_t k = 0; k < count; k++)
    out->file_row[k] = cgap_file_row_of(whole, rows[k]);
  return copy_scales(out, whole, rows, comm, error);
}

/* ---------------------------------------------------------------- what belongs to rows */

/* place (ranks + 1): where each rank's rows of all `whole` begin among `count` of them, which are in order. */
static void find_places(size_t *place, int rank_count, size_t count, size_t whole, const size_t *rows)
{
  size_t k = 0;
  for (int r = 0; r < rank_count; r++) {
    place[r] = k;
    for (const size_t end = cgap_rank_rows_of(whole, r, rank_count).end; k < count && rows[k] < end;)
      k++;
  }
  place[rank_count] = count;
}

/* The values of the sample's rows; where ranks have those of their own rows alone, from `first` on, of all ranks. */
static cgap_status pick_values(double **out, const double *values, size_t first, const cgap_modality_rows *whole,
                               const size_t *rows, size_t count, cgap_comm *comm, cgap_error *error)
{
  const int size = comm ? cgap_comm_size(comm) : 1, rank = comm ? cgap_comm_rank(comm) : 0;
  size_t *place = cgap_alloc((size_t)size + 1, sizeof *place);
  *out = cgap_zalloc(count, sizeof **out);
  cgap_status status = place && *out ? CGAP_OK : no_memory(whole, count, error);
  if (!status && values) {
    find_places(place, size, count, whole->rows, rows);
    for (size_t k = place[rank]; k < place[rank + 1]; k++)
      (*out)[k] = values[rows[k] - first];
    for (int r = 0; r <= size; r++)
      place[r] *= sizeof **out;
    status = cgap_comm_gather(comm, *out, place, error);
  }
  cgap_free(place);
  return status;
}

static cgap_status copy_matched_pairs(cgap_row_sample *s, const cgap_embeddings *whole, const cgap_matched_pair_sums *c,
                                      cgap_comm *comm, cgap_error *error)
{
  const size_t images = s->embeddings.image.rows;
  double **const of_images[] = {&s->best_positive, &s->within_kernel, &s->within_cosine, &s->within_square};
  const double *const values[] = {c->best_positive, c->within_kernel, c->within_cosine, c->within_square};
  cgap_comm *spread = c->spread ? comm : NULL;
  cgap_status status = pick_values(&s->pair_cosine, c->pair_cosine, c->first_text, &whole->text, s->text,
                                   s->embeddings.text.rows, spread, error);
  for (size_t v = 0; !status && v < sizeof values / sizeof *values; v++)
    status = pick_values(of_images[v], values[v], c->first_image, &whole->image, s->image, images, spread, error);
  return status;
}

/* s->image and, where unpaired, s->text are there. */
static cgap_status copy_rows(cgap_row_sample *s, const cgap_embeddings *whole,
                             const cgap_matched_pair_sums *matched_pairs, cgap_comm *comm, cgap_row_sample_size size,
                             cgap_error *error)
{
  cgap_embeddings *e = &s->embeddings;
  size_t *image_of = NULL;
  *e = (cgap_embeddings){.data = whole->data, .paired = whole->paired};
  if (whole->paired && s->image)
    s->text = texts_of(whole, s->image, size.images, &image_of, &size.texts);
  if (!s->image || !s->text)
    return no_memory(&whole->image, size.images, error);
  cgap_status status = CGAP_OK;
  if (whole->paired) /* takes image_of over, whatever it returns */
    status = cgap_pairs_init(&e->pairs, image_of, size.images, size.texts, error);
  if (!status)
    status = copy_modality(&e->image, &whole->image, s->image, size.images, comm, error);
  if (!status)
    status = copy_modality(&e->text, &whole->text, s->text, size.texts, comm, error);
  if (!status && whole->paired)
    status = copy_matched_pairs(s, whole, matched_pairs, comm, error);
  return status;
}

cgap_status cgap_row_sample_init(cgap_row_sample *out, const cgap_embeddings *whole,
                                 const cgap_matched_pair_sums *matched_pairs, cgap_comm *comm,
                                 cgap_row_sample_size size, uint64_t seed, uint64_t stream, cgap_error *error)
{
  *out = (cgap_row_sample){.image = draw_rows(size.images, whole->image.rows, seed, stream)};
  if (!whole->paired)
    out->text = draw_rows(size.texts, whole->text.rows, seed, stream + 1);
  cgap_status status = copy_rows(out, whole, matched_pairs, comm, size, error);
  if (status)
    cgap_row_sample_clear(out);
  return status;
}

/* Products in bfloat16 subtract the means; those of a few queries are the means of all rows. */
static cgap_status copy_means(cgap_embeddings *e, const cgap_embeddings *whole, cgap_error *error)
{
  const size_t bytes = e->image.dim * sizeof(double);
  e->image.mean = cgap_alloc(bytes, 1);
  e->text.mean = cgap_alloc(bytes, 1);
  if (!e->image.mean || !e->text.mean)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for two means of %zu dimensions", e->image.dim);
  memcpy(e->image.mean, whole->image.mean, bytes);
  memcpy(e->text.mean, whole->text.mean, bytes);
  return CGAP_OK;
}

cgap_status cgap_row_sample_subset(cgap_row_sample *out, const cgap_row_sample *of, const cgap_embeddings *whole,
                                   const cgap_matched_pair_sums *matched_pairs, cgap_comm *comm, size_t images,
                                   uint64_t seed, uint64_t stream, cgap_error *error)
{
  *out = (cgap_row_sample){.image = draw_rows(images, of->embeddings.image.rows, seed, stream)};
  for (size_t k = 0; out->image && k < images; k++)
    out->image[k] = of->image[out->image[k]];
  cgap_status status = copy_rows(out, whole, matched_pairs, comm, (cgap_row_sample_size){.images = images}, error);
  if (!status)
    status = copy_means(&out->embeddings, whole, error);
  if (status)
    cgap_row_sample_clear(out);
  return status;
}

void cgap_row_sample_clear(cgap_row_sample *s)
{
  cgap_embeddings_clear(&s->embeddings);
  cgap_free(s->image);
  cgap_free(s->text);
  cgap_free(s->pair_cosine);
  cgap_free(s->best_positive);
  cgap_free(s->within_kernel);
  cgap_free(s->within_cosine);
  cgap_free(s->within_square);
  *s = (cgap_row_sample){0};
}

/* ---------------------------------------------------------------- rows in memory */

/* Rows [own.first, own.end) of those that modality->raw and unit hold: from the whole's where it has them in memory,
 * else from the source. */
static cgap_status fill_rows(const cgap_modality_rows *modality, const cgap_modality_rows *whole, const size_t *rows,
                             cgap_rank_rows own, cgap_error *error)
{
  const size_t dim = modality->dim, bytes = dim * cgap_type_size(modality->source->type);
  cgap_status status = CGAP_OK;
  for (size_t k = own.first, n; !status && k < own.end; k += n) {
    unsigned char *raw = modality->raw + (k - modality->own_first) * bytes;
    float *unit = modality->unit + (k - modality->own_first) * dim;
    n = 1;
    if (cgap_modality_rows_hold(whole, rows[k], 1)) {
      memcpy(raw, cgap_modality_rows_raw(whole, rows[k]), bytes);
    } else {
      while (n < READ_ROWS && k + n < own.end && !cgap_modality_rows_hold(whole, rows[k + n], 1))
        n++;
      status = cgap_read_listed(modality->source, modality->file_row + k, n, raw, error);
    }
    if (!status)
      cgap_modality_rows_normalise(modality, k, n, raw, unit, 1);
  }
  return status;
}

static cgap_status load_own_rows_of(cgap_modality_rows *modality, const cgap_modality_rows *whole, const size_t *rows,
                                    cgap_rank_rows own, cgap_error *error)
{
  modality->own_first = own.first;
  modality->own_rows = own.end - own.first;
  modality->raw = cgap_alloc(modality->own_rows, modality->dim * cgap_type_size(modality->source->type));
  modality->unit = cgap_alloc(modality->own_rows, modality->dim * sizeof *modality->unit);
  if (!modality->raw || !modality->unit)
    return no_memory(whole, modality->own_rows, error);
  return fill_rows(modality, whole, rows, own, error);
}

cgap_status cgap_row_sample_load_own(cgap_row_sample *s, const cgap_embeddings *whole, cgap_comm *comm,
                                     cgap_error *error)
{
  cgap_modality_rows *image = &s->embeddings.image, *text = &s->embeddings.text;
  cgap_status status = load_own_rows_of(image, &whole->image, s->image, cgap_rank_rows_own(comm, image->rows), error);
  return status ? status : load_own_rows_of(text, &whole->text, s->text, cgap_rank_rows_own(comm, text->rows), error);
}

static cgap_status gather_rows(cgap_modality_rows *modality, size_t *place, cgap_comm *comm, cgap_error *error)
{
  const int size = cgap_comm_size(comm);
  const size_t unit = modality->dim * sizeof *modality->unit,
               raw = modality->dim * cgap_type_size(modality->source->type);
  for (int r = 0; r <= size; r++)
    place[r] *= unit;
  cgap_status status = cgap_comm_gather(comm, modality->unit, place, error);
  for (int r = 0; r <= size; r++)
    place[r] = place[r] / unit * raw;
  return status ? status : cgap_comm_gather(comm, modality->raw, place, error);
}

static cgap_status replicate_modality(cgap_modality_rows *modality, const cgap_modality_rows *whole, const size_t *rows,
                                      cgap_comm *comm, cgap_error *error)
{
  const int size = cgap_comm_size(comm), rank = cgap_comm_rank(comm);
  size_t *place = cgap_alloc((size_t)size + 1, sizeof *place);
  modality->raw = cgap_alloc(modality->rows, modality->dim * cgap_type_size(modality->source->type));
  modality->unit = cgap_alloc(modality->rows, modality->dim * sizeof *modality->unit);
  cgap_status status = place && modality->raw && modality->unit ? CGAP_OK : no_memory(whole, modality->rows, error);
  if (!status) {
    find_places(place, size, modality->rows, whole->rows, rows);
    status = fill_rows(modality, whole, rows, (cgap_rank_rows){place[rank], place[rank + 1]}, error);
  }
  if (!status)
    status = gather_rows(modality, place, comm, error);
  cgap_free(place);
  return status;
}

cgap_status cgap_row_sample_replicate(cgap_row_sample *s, const cgap_embeddings *whole, cgap_comm *comm,
                                      cgap_error *error)
{
  cgap_status status = replicate_modality(&s->embeddings.image, &whole->image, s->image, comm, error);
  return status ? status : replicate_modality(&s->embeddings.text, &whole->text, s->text, comm, error);
}

/* ---------------------------------------------------------------- moments */

static cgap_status modality_moments(cgap_modality_rows *modality, cgap_comm *comm, int threads, cgap_error *error)
{
  const size_t dim = modality->dim, run = cgap_second_moment_run_rows(dim), block = run * (size_t)threads;
  const cgap_rank_rows own = cgap_rank_rows_own(comm, modality->rows);
  double *rows = cgap_alloc(block * dim, sizeof *rows);
  size_t *start = cgap_alloc((size_t)threads + 1, sizeof *start);
  cgap_second_moment moment = {0};
  modality->mean = cgap_zalloc(dim, sizeof *modality->mean);
  modality->moment = cgap_zalloc(dim * dim, sizeof *modality->moment);
  cgap_status status =
    rows && start && modality->mean && modality->moment ? CGAP_OK : no_memory(modality, modality->rows, error);
  if (!status)
    status = cgap_second_moment_init(&moment, dim, (double)run, threads, error);
  for (size_t first = own.first; !status && first < own.end; first += block) {
    const size_t n = cgap_lesser(block, own.end - first), runs = (n + run - 1) / run;
    for (size_t r = 0; r <= runs; r++)
      start[r] = cgap_lesser(r * run, n);
    status = cgap_modality_rows_fetch(modality, NULL, first, n, threads, rows, error);
    if (!status)
      cgap_second_moment_add(&moment, rows, start, runs);
  }
  if (!status)
    status = cgap_second_moment_finish(&moment, comm, 1, modality->moment, modality->mean, error);
  for (size_t a = 0; !status && a < dim; a++)
    modality->mean[a] /= (double)modality->rows;
  cgap_second_moment_clear(&moment);
  cgap_free(rows);
  cgap_free(start);
  return status;
}

cgap_status cgap_row_sample_moments(cgap_row_sample *s, cgap_comm *comm, int threads, cgap_error *error)
{
  cgap_status status = modality_moments(&s->embeddings.image, comm, threads, error);
  return status || s->embeddings.text.rows == 0 ? status : modality_moments(&s->embeddings.text, comm, threads, error);
}

/* ---------------------------------------------------------------- control variates */

enum { BLOCK = 256 };

/* x·n·mean and xᵀ·moment·x of `rows` double rows; product (rows, dim) is scratch for x·moment. */
static void sums_of_block(const cgap_modality_rows *others, const double *row, size_t rows, double *product,
                          double *linear, double *square)
{
  const size_t dim = others->dim;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)dim, (int)dim, 1.0, row, (int)dim,
              others->moment, (int)dim, 0.0, product, (int)dim);
  for (size_t i = 0; i < rows; i++) {
    linear[i] = (double)others->rows * cgap_dot(row + i * dim, others->mean, dim);
    square[i] = cgap_dot(row + i * dim, product + i * dim, dim);
  }
}

/* Of rows of an empty modality the sums stay as they are. */
static cgap_status sums_of_modality(const cgap_modality_rows *modality, const cgap_modality_rows *const others[2],
                                    double *const *const out[2], cgap_comm *comm, int threads, cgap_error *error)
{
  const size_t dim = modality->dim, chunk = cgap_row_pass_chunk_rows(dim);
  const cgap_rank_rows own = cgap_rank_rows_own(comm, modality->rows);
  double *row = cgap_alloc(chunk * dim, sizeof *row), *product = cgap_alloc(chunk * dim, sizeof *product);
  cgap_status status = CGAP_OK;
  if (!row || !product)
    status =
      cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows of %zu", modality->source->name, chunk, dim);
  for (size_t first = own.first; !status && first < own.end; first += chunk) {
    const size_t n = own.end - first < chunk ? own.end - first : chunk;
    status = cgap_modality_rows_fetch(modality, NULL, first, n, threads, row, error);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t b = 0; b < (status ? 0 : n); b += BLOCK)
      for (int k = 0; k < 2 && others[k]->rows > 0; k++)
        sums_of_block(others[k], row + b * dim, n - b < BLOCK ? n - b : BLOCK, product + b * dim, out[k][0] + first + b,
                      out[k][1] + first + b);
  }
  for (int k = 0; k < 4; k++)
    if (!status)
      status = cgap_rank_rows_gather(comm, out[k / 2][k % 2], modality->rows, sizeof(double), error);
  cgap_free(row);
  cgap_free(product);
  return status;
}

/* A row with itself has cosine 1. */
static void subtract_selves(double *const *sums, size_t rows)
{
  for (size_t i = 0; i < rows; i++) {
    sums[0][i] -= 1;
    sums[1][i] -= 1;
  }
}

static void subtract_matched_pairs(cgap_control_variates *c, const cgap_row_sample *s)
{
  const cgap_pairs *pairs = &s->embeddings.pairs;
  for (size_t j = 0; s->embeddings.paired && j < pairs->texts; j++) {
    const double cosine = s->pair_cosine[j], square = cosine * cosine;
    c->image_text[0][pairs->image_of[j]] -= cosine;
    c->image_text[1][pairs->image_of[j]] -= square;
    c->text_image[0][j] -= cosine;
    c->text_image[1][j] -= square;
  }
}

cgap_status cgap_control_variates_run(cgap_control_variates *out, const cgap_row_sample *drawn_rows, cgap_comm *comm,
                                      int threads, cgap_error *error)
{
  const cgap_modality_rows *image = &drawn_rows->embeddings.image, *text = &drawn_rows->embeddings.text;
  bool ok = true;
  *out = (cgap_control_variates){0};
  for (int k = 0; k < 2; k++) {
    out->image_image[k] = cgap_alloc(image->rows, sizeof(double));
    out->image_text[k] = cgap_zalloc(image->rows, sizeof(double));
    out->text_text[k] = cgap_alloc(text->rows, sizeof(double));
    out->text_image[k] = cgap_alloc(text->rows, sizeof(double));
    ok = ok && out->image_image[k] && out->image_text[k] && out->text_text[k] && out->text_image[k];
  }
  if (!ok)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for sums of %zu and %zu rows", image->rows, text->rows);
  const int blas_threads = cgap_blas_single();
  cgap_status status =
    sums_of_modality(image, (const cgap_modality_rows *const[2]){image, text},
                     (double *const *const[2]){out->image_image, out->image_text}, comm, threads, error);
  if (!status && text->rows > 0)
    status = sums_of_modality(text, (const cgap_modality_rows *const[2]){text, image},
                              (double *const *const[2]){out->text_text, out->text_image}, comm, threads, error);
  cgap_blas_restore(blas_threads);
  subtract_selves(out->image_image, image->rows);
  subtract_selves(out->text_text, text->rows);
  subtract_matched_pairs(out, drawn_rows);
  return status;
}

void cgap_control_variates_clear(cgap_control_variates *c)
{
  for (int k = 0; k < 2; k++) {
    cgap_free(c->image_image[k]);
    cgap_free(c->image_text[k]);
    cgap_free(c->text_text[k]);
    cgap_free(c->text_image[k]);
  }
  *c = (cgap_control_variates){0};
}

void cgap_control_variates_set(const cgap_control_variates *c, cgap_sampled *sampled)
{
  for (int k = 0; k < 2; k++) {
    const int function = k == 0 ? CGAP_COSINE_OF : CGAP_SQUARE_OF;
    sampled->row[CGAP_IMAGE_IMAGE][function] = sampled->column[CGAP_IMAGE_IMAGE][function] = c->image_image[k];
    sampled->row[CGAP_TEXT_TEXT][function] = sampled->column[CGAP_TEXT_TEXT][function] = c->text_text[k];
    sampled->row[CGAP_IMAGE_TEXT][function] = c->image_text[k];
    sampled->column[CGAP_IMAGE_TEXT][function] = c->text_image[k];
  }
}
