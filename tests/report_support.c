#include "report_support.h"

#include "analysis/fields.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static void fill_scalars(cgap_audit *a)
{
  for (size_t i = 0; i < cgap_field_count(); i++) {
    cgap_scalar *s = (cgap_scalar *)((char *)a + cgap_field_at(i)->offset);
    *s = (cgap_scalar){.value = 0.01 * (double)(i + 1), .lo = NAN, .hi = NAN, .n = 100 + i};
    if (i % 3 == 0 && cgap_groups[cgap_field_at(i)->group].intervals) {
      s->lo = s->value - 0.005;
      s->hi = s->value + 0.005;
    }
  }
  a->gap.corrected_distance = (cgap_scalar){.value = 0.8507, .lo = 0.8301, .hi = 0.8727, .n = a->images};
  a->gap.centroid_distance = (cgap_scalar){.value = 0.8514, .lo = NAN, .hi = NAN, .n = a->images};
  a->gap.linear_separability.value = 0.997;
  a->uniformity.image.value = -1.79;
  a->uniformity.text.value = -1.84;
  a->uniformity.sphere = -3.9843754749;
  a->loss.temperature = 0.01;
}

static void fill_cosines(cgap_cosines *c, double mean)
{
  *c = (cgap_cosines){.mean = mean,
                      .sd = 0.1,
                      .min = mean - 0.4,
                      .max = mean + 0.4,
                      .p05 = mean - 0.2,
                      .p25 = mean - 0.1,
                      .p50 = mean,
                      .p75 = mean + 0.1,
                      .p95 = mean + 0.2,
                      .count = 1000};
}

static void fill_histograms(cgap_audit *a)
{
  uint64_t *const histograms[] = {a->histogram_pair, a->histogram_cross, a->histogram_image, a->histogram_text};
  const double means[] = {0.3, 0.15, 0.5, 0.45};
  for (int e = 0; e <= CGAP_HISTOGRAM_BINS; e++)
    a->histogram_edges[e] = -1 + 2.0 * e / CGAP_HISTOGRAM_BINS;
  for (int h = 0; h < 4; h++) {
    for (int b = 0; b < CGAP_HISTOGRAM_BINS; b++) {
      double off = (a->histogram_edges[b] - means[h]) / 0.1;
      histograms[h][b] = (uint64_t)(1000 * exp(-off * off / 2));
    }
  }
}

static void fill_spectrum(cgap_spectrum *s, size_t dim)
{
  s->count = dim;
  s->explained_variance_ratio = support_alloc(dim, sizeof(double));
  double sum = 0;
  for (size_t k = 0; k < dim; k++)
    sum += s->explained_variance_ratio[k] = exp(-8.0 * (double)k / (double)dim);
  for (size_t k = 0; k < dim; k++)
    s->explained_variance_ratio[k] /= sum;
}

static void fill_pairs(cgap_audit *a)
{
  a->image_of = support_alloc(a->texts, sizeof(size_t));
  a->pair_cosine = support_alloc(a->texts, sizeof(double));
  a->rank_text_to_image = support_alloc(a->texts, sizeof(double));
  a->rank_image_to_text = support_alloc(a->images, sizeof(double));
  a->mixed_rank_text = support_alloc(a->texts, sizeof(double));
  a->mixed_rank_image = support_alloc(a->images, sizeof(double));
  for (size_t j = 0; j < a->texts; j++) {
    a->image_of[j] = j % a->images;
    a->pair_cosine[j] = 0.3 + 0.001 * (double)(j % 100);
    a->rank_text_to_image[j] = 1 + 0.5 * (double)(j % 7);
    a->mixed_rank_text[j] = 2 + 0.5 * (double)(j % 9);
  }
  for (size_t i = 0; i < a->images; i++) {
    a->rank_image_to_text[i] = i < a->texts ? 1 + (double)(i % 5) : NAN;
    a->mixed_rank_image[i] = i < a->texts ? 3 + (double)(i % 11) : NAN;
  }
  a->worst_count = a->texts < CGAP_WORST ? a->texts : CGAP_WORST;
  for (size_t w = 0; w < a->worst_count; w++)
    a->worst[w] = (cgap_pair){.image = w % a->images, .text = w, .cosine = 0.3 + 0.001 * (double)w};
  a->pairing_check = (cgap_pairing_check){.matched_mean = 0.31, .shuffled_mean = 0.16, .z = 42};
}

static void fill_scatter(cgap_audit *a)
{
  support_random r = support_seed(5);
  a->scatter_images = a->images < CGAP_SCATTER_ROWS ? a->images : CGAP_SCATTER_ROWS;
  a->scatter_texts = a->texts < CGAP_SCATTER_ROWS ? a->texts : CGAP_SCATTER_ROWS;
  a->scatter_image = support_alloc(a->scatter_images, sizeof(cgap_point));
  a->scatter_text = support_alloc(a->scatter_texts, sizeof(cgap_point));
  for (size_t i = 0; i < a->scatter_images; i++)
    a->scatter_image[i] = (cgap_point){i, 0.4 + 0.1 * support_normal(&r), 0.15 * support_normal(&r)};
  for (size_t j = 0; j < a->scatter_texts; j++)
    a->scatter_text[j] = (cgap_point){j, -0.4 + 0.1 * support_normal(&r), 0.15 * support_normal(&r)};
}

static void fill_rows(cgap_audit *a)
{
  a->image_mean = support_alloc(a->dim, sizeof(double));
  a->text_mean = support_alloc(a->dim, sizeof(double));
  a->image_row = support_alloc(a->images, sizeof(size_t));
  a->text_row = support_alloc(a->texts, sizeof(size_t));
  for (size_t k = 0; k < a->dim; k++) {
    a->image_mean[k] = k == 1 ? 0.5 : 0.01;
    a->text_mean[k] = k == 1 ? -0.3 : 0.02;
  }
  for (size_t i = 0; i < a->images; i++)
    a->image_row[i] = i;
  for (size_t j = 0; j < a->texts; j++)
    a->text_row[j] = j;
  a->gap.dimension_count = a->dim < CGAP_TOP_DIMENSIONS ? a->dim : CGAP_TOP_DIMENSIONS;
  for (size_t k = 0; k < a->gap.dimension_count; k++)
    a->gap.dimensions[k] = (cgap_dimension){k, k == 1 ? 0.9 : 0.01, a->image_mean[k], a->text_mean[k]};
}

void report_support_fill(cgap_audit *a, unsigned has, size_t images, size_t texts, size_t dim)
{
  has |= CGAP_HAS_TEXT | CGAP_ONE_SPACE | (has & CGAP_HAS_PAIRS ? CGAP_HAS_AGREEMENT : 0);
  *a =
    (cgap_audit){.has = has, .images = images, .texts = texts, .dim = dim, .text_dim = dim, .pairing = "pairs by row"};
  fill_scalars(a);
  fill_cosines(&a->cosine_pair, 0.31);
  fill_cosines(&a->cosine_cross, 0.16);
  fill_cosines(&a->cosine_image, 0.5);
  fill_cosines(&a->cosine_text, 0.45);
  fill_histograms(a);
  fill_spectrum(&a->pca_image, dim);
  fill_spectrum(&a->pca_text, dim);
  fill_spectrum(&a->pca_joint, dim);
  fill_rows(a);
  fill_scatter(a);
  if (has & CGAP_HAS_PAIRS)
    fill_pairs(a);
  for (int c = 0; c < CGAP_CURVE_POINTS; c++) {
    a->arithmetic.lambda[c] = 0.1 * c;
    a->arithmetic.curve[c] = 30 + c;
  }
  a->checks_image.norm_mean = a->checks_text.norm_mean = 1;
}

void report_support_clear(cgap_audit *a)
{
  void *const blocks[] = {a->pca_image.explained_variance_ratio,
                          a->pca_text.explained_variance_ratio,
                          a->pca_joint.explained_variance_ratio,
                          a->image_mean,
                          a->text_mean,
                          a->image_row,
                          a->text_row,
                          a->image_of,
                          a->pair_cosine,
                          a->rank_text_to_image,
                          a->rank_image_to_text,
                          a->mixed_rank_text,
                          a->mixed_rank_image,
                          a->scatter_image,
                          a->scatter_text};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    free(blocks[i]);
  *a = (cgap_audit){0};
}

json_t *report_support_json(cgap_audit *out, unsigned has)
{
  cgap_run run = {.command_line = "contragap audit x.h5", .threads = 2, .seconds = 1.5, .peak_memory_bytes = 1 << 20};
  report_support_fill(out, has, 30, 40, 16);
  json_t *report = cgap_report_json(out, NULL, &run);
  cr_assert_not_null(report);
  return report;
}
