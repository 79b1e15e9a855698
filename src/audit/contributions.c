/* For each image, how much it adds to a measure; the intervals of differences between two audits need this. Measures
 * keep what they compute per image anyway; the rest is here. */
#include "audit/passes.h"

#include <cblas.h>
#include <math.h>

#include "base/memory.h"
#include "rows/row_blocks.h"
#include "rows/row_sums.h"

enum { PROBED_IMAGES = 256, PROBED_TEXTS = 2048 };

/* By how much rounding to a type moves an element at most, relative to it, and so a unit row. */
static double rounding_of(cgap_type type)
{
  switch (type) {
  case CGAP_FLOAT16:
    return 0x1p-11;
  case CGAP_BFLOAT16:
    return 0x1p-8;
  case CGAP_FLOAT32:
    return 0x1p-24;
  case CGAP_FLOAT64:
    return 0x1p-53;
  }
  return 0;
}

static cgap_status out_of_memory(size_t images, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for the contributions of %zu images", images);
}

cgap_status cgap_contributions_begin(cgap_audit *out, const cgap_embeddings *e, cgap_error *error)
{
  const cgap_data *d = e->data;
  const size_t prompts = d->prompts ? d->prompts : 1;
  const size_t classes = out->has & CGAP_HAS_ZERO_SHOT ? d->class_text.rows / prompts : 0;
  cgap_contributions *c =
    cgap_contributions_new(e->image.rows, e->text.rows, classes, out->has & CGAP_HAS_ARITHMETIC ? d->queries : 0);
  out->contributions = c;
  if (!c)
    return out_of_memory(e->image.rows, error);
  for (size_t i = 0; i < e->image.rows; i++)
    c->text_count[i] = e->pairs.first[i + 1] - e->pairs.first[i];
  c->rounding = rounding_of(d->image.type) + rounding_of(d->text.type);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- centroids */

/* The image centroid, the same with every image as often as it has texts, the text centroid. */
enum { X, P, Y, VECTORS };

/* Products of each image's row, and of the sum of its texts, with the three centroids. */
typedef struct projections {
  double *image, *text;   /* (images, VECTORS) */
  const size_t *image_of; /* (texts) */
} projections;

static void visit_images(void *context, size_t first, size_t rows, const double *unit, const double *scores)
{
  (void)unit;
  const projections *p = context;
  for (size_t k = 0; k < rows * VECTORS; k++)
    p->image[first * VECTORS + k] = scores[k];
}

static void visit_texts(void *context, size_t first, size_t rows, const double *unit, const double *scores)
{
  (void)unit;
  const projections *p = context;
  for (size_t j = 0; j < rows; j++)
    for (int v = 0; v < VECTORS; v++)
      p->text[p->image_of[first + j] * VECTORS + (size_t)v] += scores[j * VECTORS + (size_t)v];
}

/* Products of the three centroids with each other. */
typedef struct centroid_products {
  double with[VECTORS][VECTORS];
  double images, texts;
} centroid_products;

static centroid_products products_of(const double *vectors, const cgap_audit_sums *evidence)
{
  centroid_products c = {.images = (double)evidence->image.rows, .texts = (double)evidence->text.rows};
  for (int v = 0; v < VECTORS; v++)
    for (int w = 0; w < VECTORS; w++)
      for (size_t a = 0; a < evidence->dim; a++)
        c.with[v][w] += vectors[(size_t)v * evidence->dim + a] * vectors[(size_t)w * evidence->dim + a];
  return c;
}

/* d(value) of each measure when image i with its texts moves the centroids by (x_i − mean x)/N and
 * Σ (y_j − mean y)/M. a, b: products of the image and of the sum of its m texts; pair: the sum over them of
 * ‖x_i − y_j‖² less its mean. */
static void image_contributions(const cgap_contributions *out, size_t i, const centroid_products *c, const double *a,
                                const double *b, double m, double pair, const cgap_audit *audit)
{
  const double xx = c->with[X][X], yy = c->with[Y][Y], xy = c->with[X][Y], pp = c->with[P][P], py = c->with[P][Y];
  const double n = c->images, texts = c->texts, cosine = audit->gap.centroid_cosine.value;
  const double aligned = audit->alignment.mean_squared_distance.value;
  out->centroid[CGAP_OF_SQUARED_DISTANCE][i] = (a[X] - a[Y] - xx + xy) / n - (b[X] - b[Y] - m * (xy - yy)) / texts;
  out->centroid[CGAP_OF_CENTROID_COSINE][i] = ((a[Y] - xy) / n + (b[X] - m * xy) / texts) / sqrt(xx * yy) -
                                              cosine * ((a[X] - xx) / n / xx + (b[Y] - m * yy) / texts / yy);
  const double matched = aligned / 4, within_x = (1 - (n * xx - 1) / (n - 1)) / 2;
  const double within = (within_x + (1 - (texts * yy - 1) / (texts - 1)) / 2) / 2;
  const double within_moves = -((a[X] - xx) / n + (b[Y] - m * yy) / texts) / 2;
  out->centroid[CGAP_OF_RMG][i] =
    (within * pair / (4 * texts) - matched * within_moves) / ((matched + within) * (matched + within));
  const double shift = pp - 2 * py + yy;
  const double shift_moves = 2 * (m * (a[P] - a[Y] - pp + py) - (b[P] - b[Y] - m * (py - yy))) / texts;
  out->centroid[CGAP_OF_SHARE_OF_ALIGNMENT][i] = shift_moves / aligned - shift * pair / texts / (aligned * aligned);
}

static double trace_of_square(const cgap_audit_sums *e)
{
  const double n = (double)e->image.rows, scale = n / (n - 1);
  double total = 0;
  for (size_t k = 0; k < e->dim * e->dim; k++)
    total += scale * scale * e->group_moment[k] * e->group_moment[k];
  return total;
}

static void fill_centroids(cgap_audit *out, const cgap_audit_sums *e, const projections *p, const double *vectors,
                           double *pair)
{
  cgap_contributions *kept = out->contributions;
  const centroid_products c = products_of(vectors, e);
  for (size_t j = 0; j < e->text.rows; j++)
    pair[e->image_of[j]] += 2 - 2 * e->pair_cosine[j] - out->alignment.mean_squared_distance.value;
  for (size_t i = 0; i < e->image.rows; i++)
    image_contributions(kept, i, &c, p->image + i * VECTORS, p->text + i * VECTORS, (double)kept->text_count[i],
                        pair[i], out);
  kept->degenerate = 2 * trace_of_square(e);
}

static cgap_status add_centroids(cgap_audit *out, const cgap_embeddings *e, const cgap_audit_sums *evidence,
                                 int threads, cgap_error *error)
{
  const size_t images = e->image.rows, dim = e->image.dim;
  const double *centroids[VECTORS] = {
    [X] = evidence->image.mean, [P] = evidence->paired_image_mean, [Y] = evidence->text.mean};
  projections p = {.image = cgap_zalloc(images, VECTORS * sizeof(double)),
                   .text = cgap_zalloc(images, VECTORS * sizeof(double)),
                   .image_of = e->pairs.image_of};
  double *vectors = cgap_alloc(VECTORS * dim, sizeof *vectors), *pair = cgap_zalloc(images, sizeof *pair);
  cgap_status status = p.image && p.text && vectors && pair ? CGAP_OK : out_of_memory(images, error);
  for (size_t v = 0; status == CGAP_OK && v < VECTORS; v++)
    for (size_t a = 0; a < dim; a++)
      vectors[v * dim + a] = centroids[v][a];
  if (status == CGAP_OK)
    status =
      cgap_row_scores_run(&e->image, (cgap_rank_rows){0, images}, vectors, VECTORS, threads, visit_images, &p, error);
  if (status == CGAP_OK)
    status = cgap_row_scores_run(&e->text, (cgap_rank_rows){0, e->text.rows}, vectors, VECTORS, threads, visit_texts,
                                 &p, error);
  if (status == CGAP_OK)
    fill_centroids(out, evidence, &p, vectors, pair);
  cgap_free(p.image);
  cgap_free(p.text);
  cgap_free(vectors);
  cgap_free(pair);
  return status;
}

/* ---------------------------------------------------------------- kernels between images */

/* Rows of the images spread evenly over the data, and of their texts. */
typedef struct image_probe {
  size_t images, texts, dim;
  size_t image[PROBED_IMAGES], first[PROBED_IMAGES + 1], text[PROBED_TEXTS];
  double *x, *y;    /* (images, dim), (texts, dim) */
  double *products; /* (images or texts) of one row with all */
} image_probe;

/* Fewer images where they have many texts. */
static void choose_probed(image_probe *p, const cgap_embeddings *e)
{
  const size_t images = e->image.rows;
  for (size_t most = cgap_lesser(images, PROBED_IMAGES);; most /= 2) {
    p->images = p->texts = 0;
    for (size_t k = 0; k < most; k++) {
      const size_t i = k * images / most, count = e->pairs.first[i + 1] - e->pairs.first[i];
      if (p->texts + count > PROBED_TEXTS)
        break;
      p->image[p->images] = i;
      p->first[p->images++] = p->texts;
      for (size_t t = 0; t < count; t++)
        p->text[p->texts++] = e->pairs.text[e->pairs.first[i] + t];
    }
    if (p->images == most)
      break;
  }
  p->first[p->images] = p->texts;
}

static double kernel_of(double cosine)
{
  return exp(2 * CGAP_KERNEL_T * (cosine - 1));
}

static void multiply_rows(const image_probe *p, const double *rows, size_t count, const double *row)
{
  if (count)
    cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)count, (int)p->dim, 1, rows, (int)p->dim, row, 1, 0, p->products, 1);
}

/* The sum over the texts of probed image q. */
static double over_texts(const image_probe *p, size_t q)
{
  double sum = 0;
  for (size_t t = p->first[q]; t < p->first[q + 1]; t++)
    sum += kernel_of(p->products[t]);
  return sum;
}

static void fill_between(const cgap_contributions *c, const image_probe *p)
{
  const size_t n = p->images;
  for (size_t i = 0; i < n; i++) {
    multiply_rows(p, p->x, n, p->x + i * p->dim);
    for (size_t q = 0; q < n; q++)
      c->between[CGAP_IMAGE_IMAGE][i * n + q] = kernel_of(p->products[q]);
    multiply_rows(p, p->y, p->texts, p->x + i * p->dim);
    for (size_t q = 0; q < n; q++) {
      const double sum = over_texts(p, q);
      c->between[CGAP_IMAGE_TEXT][i * n + q] += sum;
      c->between[CGAP_IMAGE_TEXT][q * n + i] += sum;
    }
    for (size_t t = p->first[i]; t < p->first[i + 1]; t++) {
      multiply_rows(p, p->y, p->texts, p->y + t * p->dim);
      for (size_t q = 0; q < n; q++)
        c->between[CGAP_TEXT_TEXT][i * n + q] += over_texts(p, q);
    }
  }
}

static cgap_status add_probe(cgap_contributions *c, const cgap_embeddings *e, int threads, cgap_error *error)
{
  image_probe *p = cgap_zalloc(1, sizeof *p);
  if (!p)
    return out_of_memory(e->image.rows, error);
  p->dim = e->image.dim;
  choose_probed(p, e);
  const size_t square = p->images * p->images;
  p->x = cgap_alloc(p->images * p->dim, sizeof *p->x);
  p->y = cgap_alloc(p->texts * p->dim, sizeof *p->y);
  p->products = cgap_alloc(cgap_greater(p->images, p->texts), sizeof *p->products);
  c->between[0] = cgap_zalloc(CGAP_PAIR_KINDS * square, sizeof(double));
  cgap_status status = p->x && p->y && p->products && c->between[0] ? CGAP_OK : out_of_memory(e->image.rows, error);
  if (status == CGAP_OK)
    status = cgap_modality_rows_fetch(&e->image, p->image, 0, p->images, threads, p->x, error);
  if (status == CGAP_OK && p->texts)
    status = cgap_modality_rows_fetch(&e->text, p->text, 0, p->texts, threads, p->y, error);
  if (status == CGAP_OK) {
    c->probed = p->images;
    for (int kind = 1; kind < CGAP_PAIR_KINDS; kind++)
      c->between[kind] = c->between[0] + (size_t)kind * square;
    fill_between(c, p);
  }
  cgap_free(p->x);
  cgap_free(p->y);
  cgap_free(p->products);
  cgap_free(p);
  return status;
}

cgap_status cgap_contributions_complete(cgap_audit *out, const cgap_embeddings *e, const cgap_audit_sums *evidence,
                                        bool kernels, int threads, cgap_error *error)
{
  cgap_status status = add_centroids(out, e, evidence, threads, error);
  return status == CGAP_OK && kernels ? add_probe(out->contributions, e, threads, error) : status;
}
