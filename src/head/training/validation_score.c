#include "head/training/validation_score.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/threads.h"
#include "rows/row_reader.h"

enum { QUERIES = 128 }; /* of a block */

/* The rows of both modalities through the head. The group of a row is its image: that of a text is the image that it
 * belongs to. */
typedef struct mapped_rows {
  size_t dim, rows[CGAP_MODALITIES];
  float *z[CGAP_MODALITIES];      /* (rows, dim) */
  size_t *group[CGAP_MODALITIES]; /* (rows) */
} mapped_rows;

static void mapped_rows_clear(mapped_rows *m)
{
  for (int k = 0; k < CGAP_MODALITIES; k++) {
    cgap_free(m->z[k]);
    cgap_free(m->group[k]);
  }
  *m = (mapped_rows){0};
}

static cgap_status map_rows(mapped_rows *m, const cgap_split_rows *rows, int modality, const cgap_head *head,
                            int threads, cgap_error *error)
{
  const size_t count = m->rows[modality];
  const size_t *index = modality == CGAP_TEXT_MODALITY ? rows->positives.positive_text : NULL;
  float *in = cgap_alloc(count, rows->dim * sizeof *in);
  m->z[modality] = cgap_alloc(count, m->dim * sizeof(float));
  cgap_status status = in && m->z[modality]
                         ? cgap_split_rows_read(rows, modality, index, 0, count, in, error)
                         : cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu rows of validation", count);
  if (status == CGAP_OK && head)
    status = cgap_head_transform(head, modality, in, count, m->z[modality], threads, error);
  else if (status == CGAP_OK)
    memcpy(m->z[modality], in, count * rows->dim * sizeof *in);
  cgap_free(in);
  return status;
}

size_t cgap_validation_images(const cgap_split_rows *rows)
{
  const cgap_positives *p = &rows->positives;
  size_t images = 0;
  while (images < p->images && images + 1 + p->image_first[images + 1] <= CGAP_VALIDATION_ROWS_MAX)
    images++;
  return images;
}

static cgap_status mapped_rows_init(mapped_rows *m, const cgap_split_rows *rows, const cgap_head *head, int threads,
                                    cgap_error *error)
{
  const cgap_positives *p = &rows->positives;
  const size_t images = cgap_validation_images(rows);
  *m = (mapped_rows){.dim = head ? head->layers.shape.dim : rows->dim};
  m->rows[CGAP_IMAGE_MODALITY] = images;
  m->rows[CGAP_TEXT_MODALITY] = p->image_first[images];
  for (int k = 0; k < CGAP_MODALITIES; k++)
    m->group[k] = cgap_alloc(m->rows[k], sizeof *m->group[k]);
  if (!m->group[0] || !m->group[1])
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the validation");
  for (size_t i = 0; i < images; i++) {
    m->group[CGAP_IMAGE_MODALITY][i] = i;
    for (size_t c = p->image_first[i]; c < p->image_first[i + 1]; c++)
      m->group[CGAP_TEXT_MODALITY][c] = i;
  }
  cgap_status status = map_rows(m, rows, CGAP_IMAGE_MODALITY, head, threads, error);
  return status == CGAP_OK ? map_rows(m, rows, CGAP_TEXT_MODALITY, head, threads, error) : status;
}

/* ---------------------------------------------------------------- ranks */

/* Rows of another group above `best`, ties as half. */
static double count_above(const float *cosine, const size_t *group, size_t rows, size_t own, float best)
{
  static const float TIE = 1e-6F;
  size_t above = 0, tied = 0;
  for (size_t r = 0; r < rows; r++) {
    const bool counts = group[r] != own;
    above += counts && !(cosine[r] <= best + TIE); /* NaN is above: such a head finds nothing */
    tied += counts && fabsf(cosine[r] - best) <= TIE;
  }
  return (double)above + (double)tied / 2;
}

static void cosines(float *out, const mapped_rows *m, int from, size_t first, size_t count, int to)
{
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)count, (int)m->rows[to], (int)m->dim, 1,
              m->z[from] + first * m->dim, (int)m->dim, m->z[to], (int)m->dim, 0, out, (int)m->rows[to]);
}

/* cross (rows of `from`): the rank of the best partner in the other modality; mixed: in one index of both. */
static bool rank_queries(double *cross, double *mixed, const mapped_rows *m, int from, int threads)
{
  const int to = 1 - from;
  const size_t rows = m->rows[from];
  bool ok = true;
#pragma omp parallel num_threads(threads > 0 ? threads : 1) reduction(&& : ok)
  {
    float *other = cgap_alloc(QUERIES * m->rows[to], sizeof *other), *own = cgap_alloc(QUERIES * rows, sizeof *own);
    ok = other && own;
#pragma omp for schedule(dynamic, 1)
    for (size_t first = 0; first < rows; first += QUERIES) {
      const size_t count = rows - first < QUERIES ? rows - first : QUERIES;
      if (!ok)
        continue;
      cosines(other, m, from, first, count, to);
      cosines(own, m, from, first, count, from);
      for (size_t q = 0; q < count; q++) {
        const size_t group = m->group[from][first + q];
        const float *s = other + q * m->rows[to];
        float best = -INFINITY;
        for (size_t r = 0; r < m->rows[to]; r++)
          best = m->group[to][r] == group && s[r] > best ? s[r] : best;
        cross[first + q] = 1 + count_above(s, m->group[to], m->rows[to], group, best);
        mixed[first + q] = cross[first + q] + count_above(own + q * rows, m->group[from], rows, group, best);
      }
    }
    cgap_free(other);
    cgap_free(own);
  }
  return ok;
}

static double ndcg_at_10(double rank)
{
  return rank <= 10 ? 1 / log2(1 + rank) : 0;
}

static cgap_status score_queries(cgap_validation_score *out, const mapped_rows *m, int from, int threads,
                                 cgap_error *error)
{
  const size_t rows = m->rows[from];
  double *cross = cgap_alloc(rows, sizeof *cross), *mixed = cgap_alloc(rows, sizeof *mixed);
  const bool ok = cross && mixed && rank_queries(cross, mixed, m, from, threads);
  const double weight = (double)out->images / (double)rows / 2; /* half of the queries are of each kind */
  for (size_t q = 0; ok && q < rows; q++) {
    out->score[m->group[from][q]] += weight * (ndcg_at_10(mixed[q]) + 1 / cross[q]) / 2;
    out->mrr[m->group[from][q]] += weight / cross[q];
  }
  cgap_free(cross);
  cgap_free(mixed);
  return ok ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for ranks of %zu rows of validation", rows);
}

/* ---------------------------------------------------------------- the gap */

/* gap.corrected_distance and gap.noise_floor, as analysis/ has them. work (3, dim) */
static void measure_gap(cgap_validation_score *out, const mapped_rows *m, double *work)
{
  const size_t d = m->dim, n = m->rows[0], texts = m->rows[1];
  double *mean[] = {work, work + d}, *g = work + 2 * d, square = 0, noise = 0;
  memset(work, 0, 3 * d * sizeof *work);
  for (int k = 0; k < CGAP_MODALITIES; k++)
    for (size_t r = 0; r < m->rows[k] * d; r++)
      mean[k][r % d] += (double)m->z[k][r] / (double)m->rows[k];
  for (size_t k = 0; k < d; k++)
    square += (mean[0][k] - mean[1][k]) * (mean[0][k] - mean[1][k]);
  for (size_t i = 0, j = 0; i < n; i++) {
    for (size_t k = 0; k < d; k++)
      g[k] = ((double)m->z[0][i * d + k] - mean[0][k]) / (double)n;
    for (; j < texts && m->group[1][j] == i; j++)
      for (size_t k = 0; k < d; k++)
        g[k] -= ((double)m->z[1][j * d + k] - mean[1][k]) / (double)texts;
    noise += cblas_ddot((int)d, g, 1, g, 1);
  }
  noise = n > 1 ? noise / (1 - 1 / (double)n) : 0;
  out->noise_floor = sqrt(noise);
  out->corrected_square = square - noise;
  out->corrected_distance = sqrt(fmax(0, square - noise));
}

/* ---------------------------------------------------------------- all of it */

cgap_status cgap_validation_score_init(cgap_validation_score *out, const cgap_split_rows *rows, const cgap_head *head,
                                       int threads, cgap_error *error)
{
  mapped_rows m;
  double *work = NULL;
  *out = (cgap_validation_score){0};
  const int blas = cgap_blas_single();
  cgap_status status = mapped_rows_init(&m, rows, head, threads, error);
  if (status == CGAP_OK) {
    out->images = m.rows[CGAP_IMAGE_MODALITY];
    out->score = cgap_zalloc(out->images, sizeof *out->score);
    out->mrr = cgap_zalloc(out->images, sizeof *out->mrr);
    work = cgap_alloc(3 * m.dim, sizeof *work);
    if (!out->score || !out->mrr || !work)
      status = cgap_fail(error, CGAP_RESOURCE, "out of memory for the validation");
  }
  for (int k = 0; status == CGAP_OK && k < CGAP_MODALITIES; k++)
    status = score_queries(out, &m, k, threads, error);
  if (status == CGAP_OK)
    measure_gap(out, &m, work);
  for (size_t i = 0; status == CGAP_OK && i < out->images; i++)
    out->mean += out->score[i] / (double)out->images;
  mapped_rows_clear(&m);
  cgap_free(work);
  cgap_blas_restore(blas);
  if (status != CGAP_OK)
    cgap_validation_score_clear(out);
  return status;
}

/* ---------------------------------------------------------------- zero-shot */

static cgap_status read_class_texts(cgap_validation_classes *c, const cgap_source *source, cgap_error *error)
{
  cgap_row_reader reader;
  cgap_status status = cgap_row_reader_init(&reader, source, source->rows, error);
  bool *bad = cgap_zalloc(source->rows, sizeof *bad);
  if (status == CGAP_OK && !bad)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for the class texts");
  if (status == CGAP_OK) /* a bad row becomes zeros, which no average notices */
    status = cgap_row_reader_read(&reader, 0, source->rows, bad, error);
  if (status == CGAP_OK)
    memcpy(c->text, reader.unit, source->rows * source->dim * sizeof *c->text);
  for (size_t r = 0; status == CGAP_OK && r < source->rows; r++)
    if (bad[r])
      memset(c->text + r * source->dim, 0, source->dim * sizeof *c->text);
  cgap_row_reader_clear(&reader);
  cgap_free(bad);
  return status;
}

cgap_status cgap_validation_classes_init(cgap_validation_classes *out, const cgap_embeddings *e,
                                         const cgap_split *split, const cgap_split_rows *rows, unsigned parts,
                                         cgap_error *error)
{
  const cgap_data *data = e->data;
  *out = (cgap_validation_classes){0};
  if (!data->labels || data->class_text.rows == 0)
    return cgap_fail(error, CGAP_DATA, "%s: the goal zero-shot needs labels and class texts, and this has %s",
                     data->image.name, data->labels ? "no class texts" : "no labels");
  out->prompts = data->prompts ? data->prompts : 1;
  out->classes = data->class_text.rows / out->prompts;
  const size_t images = rows->positives.images;
  out->text = cgap_alloc(data->class_text.rows, data->class_text.dim * sizeof *out->text);
  out->counts = cgap_zalloc(out->classes, sizeof *out->counts);
  out->there = cgap_zalloc(out->classes, sizeof *out->there);
  out->label = cgap_alloc(images, sizeof *out->label);
  cgap_status status = out->text && out->counts && out->there && out->label
                         ? read_class_texts(out, &data->class_text, error)
                         : cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu classes", out->classes);
  for (size_t i = 0; status == CGAP_OK && i < e->image.rows; i++)
    if (parts >> split->of_image[i] & 1)
      out->counts[data->labels[e->image.file_row[i]]] = true;
  for (size_t i = 0; status == CGAP_OK && i < images; i++) {
    out->label[i] = data->labels[e->image.file_row[rows->kept[CGAP_IMAGE_MODALITY][i]]];
    out->there[out->label[i]] = true;
  }
  for (size_t c = 0; status == CGAP_OK && c < out->classes; c++)
    out->present += out->there[c];
  if (status != CGAP_OK)
    cgap_validation_classes_clear(out);
  return status;
}

void cgap_validation_classes_clear(cgap_validation_classes *c)
{
  cgap_free(c->text);
  cgap_free(c->counts);
  cgap_free(c->there);
  cgap_free(c->label);
  *c = (cgap_validation_classes){0};
}

/* out (classes, dim): the prompts of each class through the head, averaged, of length 1. */
static cgap_status map_classes(float *out, const cgap_validation_classes *c, const cgap_head *head, size_t dim_in,
                               size_t dim, int threads, cgap_error *error)
{
  const size_t rows = c->classes * c->prompts;
  float *z = cgap_alloc(rows, dim * sizeof *z);
  cgap_status status = z ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu classes", c->classes);
  if (status == CGAP_OK && head)
    status = cgap_head_transform(head, CGAP_TEXT_MODALITY, c->text, rows, z, threads, error);
  else if (status == CGAP_OK)
    memcpy(z, c->text, rows * dim_in * sizeof *z);
  for (size_t k = 0; status == CGAP_OK && k < c->classes; k++) {
    float *v = out + k * dim;
    memset(v, 0, dim * sizeof *v);
    for (size_t p = 0; p < c->prompts; p++)
      cblas_saxpy((int)dim, 1, z + (k * c->prompts + p) * dim, 1, v, 1);
    const float norm = cblas_snrm2((int)dim, v, 1);
    if (norm > 0)
      cblas_sscal((int)dim, 1 / norm, v, 1);
  }
  cgap_free(z);
  return status;
}

/* cosine (classes) */
static size_t nearest_class(const cgap_validation_classes *c, const float *cosine)
{
  size_t best = SIZE_MAX;
  for (size_t k = 0; k < c->classes; k++)
    if (c->counts[k] && (best == SIZE_MAX || cosine[k] > cosine[best]))
      best = k;
  return best;
}

cgap_status cgap_validation_zero_shot_init(cgap_validation_score *out, const cgap_split_rows *rows,
                                           const cgap_validation_classes *c, const cgap_head *head, int threads,
                                           cgap_error *error)
{
  enum { RUN = 256 };
  const size_t dim = head ? head->layers.shape.dim : rows->dim, images = rows->positives.images;
  *out = (cgap_validation_score){
    .images = c->present, .corrected_square = NAN, .corrected_distance = NAN, .noise_floor = NAN};
  float *in = cgap_alloc(RUN, rows->dim * sizeof *in), *z = cgap_alloc(RUN, dim * sizeof *z);
  float *classes = cgap_alloc(c->classes, dim * sizeof *classes),
        *cosine = cgap_alloc(c->classes, RUN * sizeof *cosine);
  double *right = cgap_zalloc(2 * c->classes, sizeof *right), *all = right + c->classes;
  out->score = cgap_alloc(c->present, sizeof *out->score);
  out->mrr = cgap_alloc(c->present, sizeof *out->mrr);
  const int blas = cgap_blas_single();
  cgap_status status = in && z && classes && cosine && right && out->score && out->mrr
                         ? map_classes(classes, c, head, rows->dim, dim, threads, error)
                         : cgap_fail(error, CGAP_RESOURCE, "out of memory for the validation");
  for (size_t first = 0; status == CGAP_OK && first < images; first += RUN) {
    const size_t count = images - first < RUN ? images - first : RUN;
    status = cgap_split_rows_read(rows, CGAP_IMAGE_MODALITY, NULL, first, count, in, error);
    if (status == CGAP_OK && head)
      status = cgap_head_transform(head, CGAP_IMAGE_MODALITY, in, count, z, threads, error);
    if (status == CGAP_OK)
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)count, (int)c->classes, (int)dim, 1, head ? z : in,
                  (int)dim, classes, (int)dim, 0, cosine, (int)c->classes);
    for (size_t i = 0; status == CGAP_OK && i < count; i++) {
      const size_t label = (size_t)c->label[first + i];
      right[label] += nearest_class(c, cosine + i * c->classes) == label;
      all[label]++;
    }
  }
  for (size_t k = 0, at = 0; status == CGAP_OK && k < c->classes; k++)
    if (c->there[k]) {
      out->score[at] = out->mrr[at] = right[k] / all[k];
      out->mean += out->score[at++] / (double)c->present;
    }
  cgap_blas_restore(blas);
  cgap_free(in);
  cgap_free(z);
  cgap_free(classes);
  cgap_free(cosine);
  cgap_free(right);
  if (status != CGAP_OK)
    cgap_validation_score_clear(out);
  return status;
}

void cgap_validation_score_clear(cgap_validation_score *s)
{
  cgap_free(s->score);
  cgap_free(s->mrr);
  *s = (cgap_validation_score){0};
}

double cgap_paired_mean(double *standard_error, const double *a, const double *b, size_t images)
{
  const double n = (double)images;
  double mean = 0, squares = 0;
  for (size_t i = 0; i < images; i++)
    mean += (a[i] - b[i]) / n;
  for (size_t i = 0; i < images; i++)
    squares += (a[i] - b[i] - mean) * (a[i] - b[i] - mean);
  *standard_error = images > 1 ? sqrt(squares / (n - 1) / n) : INFINITY;
  return mean;
}
