/* A sample for the bootstrap: unit rows, couples, ranks, and which queries of zero-shot and arithmetic were right. */
#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "analysis/arithmetic.h"
#include "analysis/zero_shot.h"
#include "engine/blas.h"
#include "engine/embeddings.h"
#include "head/gather.h"
#include "head/resample.h"
#include "head/rows.h"
#include "memory.h"

/* Unit rows in the order of `rows`, NULL: as they come. */
static cgap_status copy_rows(float *out, const cgap_side *side, const size_t *rows, cgap_error *error)
{
  enum { AT_ONCE = 1024 };
  size_t list[AT_ONCE];
  cgap_status status = CGAP_OK;
  for (size_t first = 0; status == CGAP_OK && first < side->rows; first += AT_ONCE) {
    const size_t count = side->rows - first < AT_ONCE ? side->rows - first : AT_ONCE;
    for (size_t k = 0; k < count; k++)
      list[k] = rows ? rows[first + k] : first + k;
    status = cgap_gather(side, list, count, 1, out + first * side->dim, error);
  }
  return status;
}

static bool copy_sides(cgap_judged *s, const cgap_embeddings *e, const cgap_audit *a)
{
  const size_t dim = s->dim;
  s->image = cgap_alloc(s->images, dim * sizeof(float));
  s->text = cgap_alloc(s->texts, dim * sizeof(float));
  s->first = cgap_alloc(s->images + 1, sizeof *s->first);
  s->pair_cosine = cgap_alloc(s->texts, sizeof(double));
  s->rank_text = cgap_alloc(s->texts, sizeof(double));
  s->rank_image = cgap_alloc(s->images, sizeof(double));
  if (!s->image || !s->text || !s->first || !s->pair_cosine || !s->rank_text || !s->rank_image)
    return false;
  memcpy(s->first, e->pairs.first, (s->images + 1) * sizeof *s->first);
  memcpy(s->rank_image, a->rank_image_to_text, s->images * sizeof(double));
  for (size_t k = 0; k < s->texts; k++) {
    const size_t j = e->pairs.text[k];
    s->pair_cosine[k] = a->pair_cosine[j];
    s->rank_text[k] = a->rank_text_to_image[j];
  }
  return true;
}

/* ---------------------------------------------------------------- zero-shot */

/* Where the right class stands among the scores: ties go to the lower class. */
static unsigned char place_of(const float *score, size_t classes, size_t right)
{
  size_t above = 0;
  for (size_t c = 0; c < classes; c++)
    above += score[c] > score[right] || (score[c] == score[right] && c < right);
  return above == 0 ? 1 : above < 5 ? 2 : 0;
}

static cgap_status class_rows(float *out, const cgap_data *d, size_t classes, cgap_error *error)
{
  const cgap_source *t = &d->class_text;
  cgap_reader reader;
  double *wide = cgap_alloc(t->rows * t->dim, sizeof *wide), *vectors = cgap_alloc(classes * t->dim, sizeof *vectors);
  bool *bad_rows = cgap_zalloc(t->rows, sizeof *bad_rows); /* they become zeros, which the class vectors leave out */
  cgap_status status = cgap_reader_init(&reader, t, t->rows, error);
  if (status == CGAP_OK && (!wide || !vectors || !bad_rows))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", t->name);
  if (status == CGAP_OK)
    status = cgap_reader_read(&reader, 0, t->rows, d->drop_bad ? bad_rows : NULL, error);
  size_t bad = 0;
  for (size_t k = 0; status == CGAP_OK && k < t->rows * t->dim; k++)
    wide[k] = (double)reader.unit[k];
  if (status == CGAP_OK && !cgap_class_vectors(wide, classes, d->prompts, t->dim, d->drop_bad, vectors, &bad))
    status = cgap_fail(error, CGAP_DATA, "%s: the prompts of class %zu cancel out", t->name, bad);
  for (size_t k = 0; status == CGAP_OK && k < classes * t->dim; k++)
    out[k] = (float)vectors[k];
  cgap_reader_clear(&reader);
  cgap_free(wide);
  cgap_free(bad_rows);
  cgap_free(vectors);
  return status;
}

static cgap_status judge_classes(cgap_judged *s, const cgap_embeddings *e, cgap_error *error)
{
  const cgap_data *d = e->data;
  if (!d->labels || d->class_text.rows == 0)
    return CGAP_OK;
  s->classes = d->class_text.rows / d->prompts;
  float *vectors = cgap_alloc(s->classes * s->dim, sizeof *vectors), *score = cgap_alloc(s->classes, sizeof *score);
  s->label = cgap_alloc(s->images, sizeof *s->label);
  s->place = cgap_zalloc(s->images, 1);
  cgap_status status = CGAP_OK;
  if (!vectors || !score || !s->label || !s->place)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu classes", s->classes);
  else
    status = class_rows(vectors, d, s->classes, error);
  for (size_t i = 0; status == CGAP_OK && i < s->images; i++) {
    s->label[i] = d->labels[e->image.file_row[i]];
    if (s->label[i] < 0 || (uint64_t)s->label[i] >= s->classes) {
      status = cgap_fail(error, CGAP_DATA, "%s: label %lld, there are %zu classes", d->image.name,
                         (long long)s->label[i], s->classes);
      break;
    }
    cblas_sgemv(CblasRowMajor, CblasNoTrans, (int)s->classes, (int)s->dim, 1, vectors, (int)s->dim,
                s->image + i * s->dim, 1, 0, score, 1);
    s->place[i] = place_of(score, s->classes, (size_t)s->label[i]);
  }
  cgap_free(vectors);
  cgap_free(score);
  return status;
}

/* ---------------------------------------------------------------- arithmetic */

/* The kept row of each row of the file, SIZE_MAX where it was dropped. */
static size_t *kept_rows(const cgap_embeddings *e)
{
  const size_t rows = e->data->image.rows;
  size_t *kept = cgap_alloc(rows, sizeof *kept);
  for (size_t row = 0; kept && row < rows; row++)
    kept[row] = SIZE_MAX;
  for (size_t i = 0; kept && i < e->image.rows; i++)
    kept[e->image.file_row[i]] = i;
  return kept;
}

static size_t nearest(const cgap_judged *s, const float *target, size_t but, float *score)
{
  size_t best = SIZE_MAX;
  cblas_sgemv(CblasRowMajor, CblasNoTrans, (int)s->images, (int)s->dim, 1, s->image, (int)s->dim, target, 1, 0, score,
              1);
  for (size_t i = 0; i < s->images; i++)
    if (i != but && (best == SIZE_MAX || score[i] > score[best]))
      best = i;
  return best;
}

static void judge_queries(cgap_judged *s, const cgap_embeddings *e, const float *words, const size_t *kept,
                          float *target, float *score)
{
  const cgap_data *d = e->data;
  for (size_t q = 0; q < d->queries; q++) {
    const int64_t *query = d->query + 4 * q;
    const size_t image = kept[query[0]];
    if (image == SIZE_MAX)
      continue;
    const float *source = words + (size_t)query[1] * s->dim, *wanted = words + (size_t)query[2] * s->dim;
    for (size_t k = 0; k < s->dim; k++)
      target[k] = s->image[image * s->dim + k] + wanted[k] - source[k];
    const size_t found = nearest(s, target, image, score);
    s->query_image[s->queries] = image;
    s->query_weight[s->queries] = d->query_weight ? d->query_weight[q] : 1;
    s->query_right[s->queries++] = found != SIZE_MAX && d->image_label[e->image.file_row[found]] == query[3];
  }
}

static cgap_status judge_arithmetic(cgap_judged *s, const cgap_embeddings *e, cgap_error *error)
{
  const cgap_data *d = e->data;
  if (d->words.rows == 0 || !d->query || !d->image_label || d->queries == 0)
    return CGAP_OK;
  cgap_reader words;
  size_t *kept = kept_rows(e);
  float *target = cgap_alloc(s->dim, sizeof *target), *score = cgap_alloc(s->images, sizeof *score);
  s->query_image = cgap_alloc(d->queries, sizeof *s->query_image);
  s->query_weight = cgap_alloc(d->queries, sizeof *s->query_weight);
  s->query_right = cgap_alloc(d->queries, 1);
  cgap_status status = cgap_reader_init(&words, &d->words, d->words.rows, error);
  if (status == CGAP_OK && (!kept || !target || !score || !s->query_image || !s->query_weight || !s->query_right))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu queries", d->queries);
  if (status == CGAP_OK)
    status = cgap_reader_read(&words, 0, d->words.rows, NULL, error);
  if (status == CGAP_OK)
    judge_queries(s, e, words.unit, kept, target, score);
  cgap_reader_clear(&words);
  cgap_free(kept);
  cgap_free(target);
  cgap_free(score);
  return status;
}

/* ---------------------------------------------------------------- all */

cgap_status cgap_sample_init(cgap_judged *out, const cgap_data *data, const cgap_audit *audit, int threads,
                             cgap_error *error)
{
  cgap_embeddings e = {0};
  *out = (cgap_judged){0};
  cgap_status status =
    cgap_embeddings_load(&e, data, false, threads > 0 ? threads : omp_get_max_threads(), (cgap_progress){0}, error);
  if (status != CGAP_OK)
    return status;
  const int blas_threads = cgap_blas_single();
  out->images = e.image.rows;
  out->texts = e.text.rows;
  out->dim = e.image.dim;
  if (!copy_sides(out, &e, audit))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for the intervals", data->image.name);
  if (status == CGAP_OK)
    status = copy_rows(out->image, &e.image, NULL, error);
  if (status == CGAP_OK)
    status = copy_rows(out->text, &e.text, e.pairs.text, error);
  if (status == CGAP_OK)
    status = judge_classes(out, &e, error);
  if (status == CGAP_OK)
    status = judge_arithmetic(out, &e, error);
  cgap_blas_restore(blas_threads);
  cgap_embeddings_clear(&e);
  if (status != CGAP_OK)
    cgap_sample_clear(out);
  return status;
}

void cgap_sample_clear(cgap_judged *s)
{
  cgap_free(s->image);
  cgap_free(s->text);
  cgap_free(s->first);
  cgap_free(s->pair_cosine);
  cgap_free(s->rank_text);
  cgap_free(s->rank_image);
  cgap_free(s->label);
  cgap_free(s->place);
  cgap_free(s->query_image);
  cgap_free(s->query_weight);
  cgap_free(s->query_right);
  *s = (cgap_judged){0};
}
