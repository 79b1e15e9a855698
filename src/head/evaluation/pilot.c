#include "head/evaluation/pilot.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "analysis/interval.h"
#include "base/memory.h"
#include "base/threads.h"
#include "rows/row_blocks.h"

enum { QUERY_IMAGES = 1000, BLOCK = 1024, CHUNK = 128, FIRST = 10 };
static const float TIE = 1e-6F;

/* The queries of one modality, as they are or through a head; the group of a row is its image. */
typedef struct query_rows {
  size_t count;
  size_t *row, *group;            /* (count) kept rows, ascending */
  float *unit;                    /* (count, dim) of the file */
  float *z;                       /* (count, dim of the head) */
  float *best;                    /* (count) cosine of the best partner */
  double *above[CGAP_MODALITIES]; /* (count) rows of each modality above the partner, ties as half */
} query_rows;

typedef struct pilot_run {
  const cgap_embeddings *e;
  const cgap_head *head;
  size_t dim;
  int threads;
  query_rows query[CGAP_MODALITIES];
  size_t pool[CGAP_MODALITIES]; /* rows searched among */
} pilot_run;

static const cgap_modality_rows *modality_of(const cgap_embeddings *e, int modality)
{
  return modality == CGAP_IMAGE_MODALITY ? &e->image : &e->text;
}

static size_t group_of(const cgap_embeddings *e, int modality, size_t row)
{
  return modality == CGAP_IMAGE_MODALITY ? row : e->pairs.image_of[row];
}

/* ---------------------------------------------------------------- queries */

static bool query_alloc(query_rows *q, size_t dim)
{
  q->row = cgap_alloc(2 * q->count, sizeof *q->row);
  q->group = q->row + q->count;
  q->unit = cgap_alloc(q->count, dim * sizeof *q->unit);
  q->best = cgap_alloc(q->count, sizeof *q->best);
  q->above[0] = cgap_alloc(2 * q->count, sizeof(double));
  q->above[1] = q->above[0] + q->count;
  return q->row && q->unit && q->best && q->above[0];
}

static void query_clear(query_rows *q)
{
  cgap_free(q->row);
  cgap_free(q->unit);
  cgap_free(q->z);
  cgap_free(q->best);
  cgap_free(q->above[0]);
}

/* Test images with texts, at most QUERY_IMAGES of them, evenly over the file; and their texts. */
static cgap_status list_queries(pilot_run *r, const cgap_split *split, cgap_error *error)
{
  const cgap_embeddings *e = r->e;
  const size_t test = split->images[CGAP_TEST], step = (test + QUERY_IMAGES - 1) / QUERY_IMAGES;
  for (int fill = 0; fill < 2; fill++) {
    size_t seen = 0, images = 0, texts = 0;
    for (size_t i = 0; i < e->image.rows; i++) {
      if (split->of_image[i] != CGAP_TEST || seen++ % step || e->pairs.first[i + 1] == e->pairs.first[i])
        continue;
      for (size_t c = e->pairs.first[i]; c < e->pairs.first[i + 1]; c++, texts++)
        if (fill) {
          r->query[CGAP_TEXT_MODALITY].row[texts] = e->pairs.text[c];
          r->query[CGAP_TEXT_MODALITY].group[texts] = i;
        }
      if (fill)
        r->query[CGAP_IMAGE_MODALITY].row[images] = r->query[CGAP_IMAGE_MODALITY].group[images] = i;
      images++;
    }
    r->query[CGAP_IMAGE_MODALITY].count = images;
    r->query[CGAP_TEXT_MODALITY].count = texts;
    if (!fill && (!query_alloc(&r->query[0], r->dim) || !query_alloc(&r->query[1], r->dim)))
      return cgap_fail(error, CGAP_RESOURCE, "out of memory for the pilot's %zu searches", images + texts);
  }
  return CGAP_OK;
}

static cgap_status read_queries(pilot_run *r, cgap_error *error)
{
  cgap_row_block block = {0};
  cgap_status status = CGAP_OK;
  for (int m = 0; status == CGAP_OK && m < CGAP_MODALITIES; m++) {
    query_rows *q = &r->query[m];
    for (size_t k = 0; status == CGAP_OK && k < q->count; k++) {
      status = cgap_row_block_load(&block, modality_of(r->e, m), q->row[k], 1, error);
      if (status == CGAP_OK)
        memcpy(q->unit + k * r->dim, block.unit, r->dim * sizeof *q->unit);
    }
  }
  cgap_row_block_clear(&block);
  return status;
}

static cgap_status map_queries(pilot_run *r, cgap_error *error)
{
  const size_t dim = r->head ? r->head->layers.shape.dim : r->dim;
  for (int m = 0; m < CGAP_MODALITIES; m++) {
    query_rows *q = &r->query[m];
    cgap_free(q->z);
    q->z = cgap_alloc(q->count, dim * sizeof *q->z);
    if (!q->z)
      return cgap_fail(error, CGAP_RESOURCE, "out of memory for the pilot's %zu searches", q->count);
    if (!r->head) {
      memcpy(q->z, q->unit, q->count * dim * sizeof *q->z);
      continue;
    }
    const cgap_status status = cgap_head_transform(r->head, m, q->unit, q->count, q->z, r->threads, error);
    if (status != CGAP_OK)
      return status;
  }
  return CGAP_OK;
}

static void note_partner(query_rows *q, size_t k, float cosine)
{
  q->best[k] = cosine > q->best[k] ? cosine : q->best[k];
}

/* Texts of an image follow each other, in the order of the images. */
static void find_partners(pilot_run *r)
{
  query_rows *image = &r->query[CGAP_IMAGE_MODALITY], *text = &r->query[CGAP_TEXT_MODALITY];
  const size_t dim = r->head ? r->head->layers.shape.dim : r->dim;
  for (int m = 0; m < CGAP_MODALITIES; m++)
    for (size_t k = 0; k < r->query[m].count; k++)
      r->query[m].best[k] = -INFINITY;
  for (size_t i = 0, j = 0; i < image->count; i++)
    for (; j < text->count && text->group[j] == image->group[i]; j++) {
      const float cosine = cblas_sdot((int)dim, image->z + i * dim, 1, text->z + j * dim, 1);
      note_partner(image, i, cosine);
      note_partner(text, j, cosine);
    }
}

/* ---------------------------------------------------------------- search */

/* Adds to the counts of one kind of queries the rows (count) of a block that are above their partners. cosine:
 * (queries, count) */
static void count_block(query_rows *q, int modality, const float *z, const size_t *group, size_t count, size_t dim,
                        float *cosine, int threads)
{
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
  for (size_t first = 0; first < q->count; first += CHUNK) {
    const size_t end = q->count - first < CHUNK ? q->count : first + CHUNK;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)(end - first), (int)count, (int)dim, 1,
                q->z + first * dim, (int)dim, z, (int)dim, 0, cosine + first * count, (int)count);
    for (size_t k = first; k < end; k++) {
      size_t above = 0, tied = 0;
      for (size_t b = 0; b < count; b++) {
        const float c = cosine[k * count + b];
        const bool counts = group[b] != q->group[k];
        above += counts && c > q->best[k] + TIE;
        tied += counts && fabsf(c - q->best[k]) <= TIE;
      }
      q->above[modality][k] += (double)above + (double)tied / 2;
    }
  }
}

/* Every row of a modality that is searched, a stretch of BLOCK at a time. */
static cgap_status search_modality(pilot_run *r, int modality, cgap_error *error)
{
  const cgap_modality_rows *rows = modality_of(r->e, modality);
  const size_t dim = r->head ? r->head->layers.shape.dim : r->dim, most = r->query[CGAP_TEXT_MODALITY].count;
  const size_t queries = most > r->query[0].count ? most : r->query[0].count;
  cgap_row_block block = {0};
  float *z = cgap_alloc(BLOCK, dim * sizeof *z), *cosine = cgap_alloc(queries, BLOCK * sizeof *cosine);
  size_t group[BLOCK];
  cgap_status status = z && cosine ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for the pilot");
  const size_t blocks = (rows->rows + BLOCK - 1) / BLOCK, most_blocks = (CGAP_PILOT_ROWS + BLOCK - 1) / BLOCK;
  const size_t step = (blocks + most_blocks - 1) / most_blocks;
  r->pool[modality] = 0;
  for (size_t b = 0; status == CGAP_OK && b < blocks; b += step) {
    const size_t first = b * BLOCK, count = rows->rows - first < BLOCK ? rows->rows - first : BLOCK;
    status = cgap_row_block_load(&block, rows, first, count, error);
    if (status == CGAP_OK && r->head)
      status = cgap_head_transform(r->head, modality, block.unit, count, z, r->threads, error);
    for (size_t i = 0; i < count; i++)
      group[i] = group_of(r->e, modality, first + i);
    for (int m = 0; status == CGAP_OK && m < CGAP_MODALITIES; m++)
      count_block(&r->query[m], modality, r->head ? z : block.unit, group, count, dim, cosine, r->threads);
    r->pool[modality] += count;
  }
  cgap_row_block_clear(&block);
  cgap_free(z);
  cgap_free(cosine);
  return status;
}

/* ---------------------------------------------------------------- smaller indices */

static double log_choose(double n, double k)
{
  return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/* Of `others` rows `above` are above the partner; so many of them, `drawn`, are in the index at random: the chance that
 * fewer than ten of those are (hypergeometric). */
static double chance_among_first(double others, double above, double drawn)
{
  double sum = 0;
  for (double k = 0; k < FIRST && k <= fmin(above, drawn); k++)
    if (drawn - k <= others - above)
      sum += exp(log_choose(above, k) + log_choose(others - above, drawn - k) - log_choose(others, drawn));
  return fmin(1, sum);
}

/* 100, 300, 1,000 … and all of them. Returns how many. */
static size_t list_sizes(size_t out[CGAP_PILOT_SIZES], size_t all)
{
  size_t count = 0;
  for (size_t ten = 100; count + 2 < CGAP_PILOT_SIZES && ten < all; ten *= 10)
    for (size_t k = 1; k <= 3; k += 2)
      if (k * ten < all)
        out[count++] = k * ten;
  out[count++] = all;
  return count;
}

/* success (query images): half of it is the search with the image, half the mean of those with its texts. */
static void note_success(const pilot_run *r, double *success, size_t items, bool mixed)
{
  const query_rows *image = &r->query[CGAP_IMAGE_MODALITY], *text = &r->query[CGAP_TEXT_MODALITY];
  for (size_t i = 0, j = 0; i < image->count; i++) {
    double texts = 0, chance = 0;
    const double captions = (double)(r->e->pairs.first[image->group[i] + 1] - r->e->pairs.first[image->group[i]]);
    const double texts_others = (double)r->pool[CGAP_TEXT_MODALITY] - captions;
    const double images_others = (double)r->pool[CGAP_IMAGE_MODALITY] - 1;
    const double by_image = mixed ? image->above[0][i] + image->above[1][i] : image->above[CGAP_TEXT_MODALITY][i];
    const double others[] = {mixed ? texts_others + images_others : texts_others,
                             mixed ? texts_others + images_others : images_others};
    for (; j < text->count && text->group[j] == image->group[i]; j++, texts++) {
      const double above = mixed ? text->above[0][j] + text->above[1][j] : text->above[CGAP_IMAGE_MODALITY][j];
      chance += chance_among_first(others[1], floor(above + 0.5), fmin((double)items - 1, others[1]));
    }
    success[i] =
      chance / texts / 2 + chance_among_first(others[0], floor(by_image + 0.5), fmin((double)items - 1, others[0])) / 2;
  }
}

/* Recall@1 of the other modality among all rows that are searched, by image. */
static void note_first(const pilot_run *r, double *first)
{
  const query_rows *image = &r->query[CGAP_IMAGE_MODALITY], *text = &r->query[CGAP_TEXT_MODALITY];
  for (size_t i = 0, j = 0; i < image->count; i++) {
    double texts = 0, found = 0;
    for (; j < text->count && text->group[j] == image->group[i]; j++, texts++)
      found += text->above[CGAP_IMAGE_MODALITY][j] < 1;
    first[i] = found / texts / 2 + (image->above[CGAP_TEXT_MODALITY][i] < 1) / 2.0;
  }
}

/* One state, before or after: all searches, then the success of every size. */
static cgap_status search_all(pilot_run *r, cgap_pilot *out, int state, double *success, double *first,
                              cgap_error *error)
{
  const size_t queries = r->query[CGAP_IMAGE_MODALITY].count;
  size_t sizes[2][CGAP_PILOT_SIZES];
  for (int m = 0; m < CGAP_MODALITIES; m++)
    memset(r->query[m].above[0], 0, 2 * r->query[m].count * sizeof(double));
  cgap_status status = map_queries(r, error);
  if (status != CGAP_OK)
    return status;
  find_partners(r);
  for (int m = 0; status == CGAP_OK && m < CGAP_MODALITIES; m++)
    status = search_modality(r, m, error);
  if (status != CGAP_OK)
    return status;
  const size_t *pool = r->pool;
  out->cross_count = list_sizes(sizes[0], pool[0] < pool[1] ? pool[0] : pool[1]);
  out->mixed_count = list_sizes(sizes[1], pool[0] + pool[1]);
  for (int kind = 0; kind < 2; kind++)
    for (size_t k = 0; k < (kind ? out->mixed_count : out->cross_count); k++) {
      cgap_pilot_index *index = kind ? &out->mixed[k] : &out->cross[k];
      double *to = success + ((size_t)kind * CGAP_PILOT_SIZES + k) * queries, sum = 0;
      note_success(r, to, sizes[kind][k], kind);
      for (size_t i = 0; i < queries; i++)
        sum += to[i];
      index->items = sizes[kind][k];
      *(state ? &index->after : &index->before) = 1000 * sum / (double)queries;
    }
  note_first(r, first);
  return CGAP_OK;
}

/* Mean of b − a over images, times `scale`, with Student's interval; *deviation: of one image. */
static cgap_scalar paired_gain(const double *a, const double *b, size_t images, double scale, double *deviation)
{
  const double n = (double)images;
  double mean = 0, squares = 0;
  for (size_t i = 0; i < images; i++)
    mean += (b[i] - a[i]) / n;
  for (size_t i = 0; i < images; i++)
    squares += (b[i] - a[i] - mean) * (b[i] - a[i] - mean);
  *deviation = images > 1 ? sqrt(squares / (n - 1)) : NAN;
  const double half = images > 1 ? cgap_student_95(n - 1) * *deviation / sqrt(n) : NAN;
  return cgap_scalar_bounds(scale * mean, scale * (mean - half), scale * (mean + half), images);
}

cgap_status cgap_pilot_run(cgap_pilot *out, const cgap_training_data *data, const cgap_head *head, int threads,
                           cgap_error *error)
{
  pilot_run r = {.e = &data->rows->e, .dim = data->dim, .threads = threads > 0 ? threads : omp_get_max_threads()};
  double *success = NULL, *first = NULL, deviation = 0;
  const int blas = cgap_blas_single();
  *out = (cgap_pilot){0};
  cgap_status status = list_queries(&r, &data->split, error);
  const size_t queries = r.query[CGAP_IMAGE_MODALITY].count, state = 2 * CGAP_PILOT_SIZES * queries;
  if (status == CGAP_OK) {
    success = cgap_alloc(2 * state, sizeof *success);
    first = cgap_alloc(2 * queries, sizeof *first);
    if (!success || !first)
      status = cgap_fail(error, CGAP_RESOURCE, "out of memory for the pilot");
  }
  if (status == CGAP_OK)
    status = read_queries(&r, error);
  for (int k = 0; status == CGAP_OK && k < 2; k++) {
    r.head = k ? head : NULL;
    status = search_all(&r, out, k, success + (size_t)k * state, first + (size_t)k * queries, error);
  }
  for (int kind = 0; status == CGAP_OK && kind < 2; kind++)
    for (size_t k = 0; k < (kind ? out->mixed_count : out->cross_count); k++) {
      const double *before = success + ((size_t)kind * CGAP_PILOT_SIZES + k) * queries;
      (kind ? out->mixed : out->cross)[k].gain = paired_gain(before, before + state, queries, 1000, &deviation);
    }
  if (status == CGAP_OK) {
    /* (1.96 + 0.84)² times the variance over the squared difference: power 80 % */
    static const double POWER = 2.8, POINTS = 0.02;
    (void)paired_gain(first, first + queries, queries, 1, &deviation);
    const double needed = ceil(POWER * POWER * deviation * deviation / (POINTS * POINTS));
    out->pairs_for_two_points = needed >= 1 && needed < 1e12 ? (size_t)needed : 0;
    out->queries = queries;
  }
  cgap_free(success);
  cgap_free(first);
  query_clear(&r.query[0]);
  query_clear(&r.query[1]);
  cgap_blas_restore(blas);
  return status;
}
