/* arithmetic.{score,curve}: multimodal arithmetic (SIMAT, Couairon et al. 2021). target = x̂ + λ (ŵ_target − ŵ_source),
 * not renormalised; the nearest image other than the query is right when its label is the wanted one. Score in percent,
 * weighted, at λ = 1; curve for λ from 0 to 2 by 0.1. The target's norm does not change which image is nearest, so that
 * products of the images with each other and with the words serve every query and λ. */
#include "analysis/finish.h"

#include "analysis/measure.h"

#include "analysis/interval.h"
#include "simd/convert.h"
#include "simd/kernels.h"

#include <math.h>
#include <omp.h>

enum { AT_ONE = 10 };

double cgap_arithmetic_lambda(size_t point)
{
  return (double)point / 10;
}

void cgap_arithmetic_start(cgap_arithmetic_run *run)
{
  for (size_t q = 0; q < run->queries; q++)
    for (size_t p = 0; p < CGAP_CURVE_POINTS; p++) {
      run->best[q].score[p] = -INFINITY;
      run->best[q].image[p] = SIZE_MAX;
    }
}

static void offer_image(cgap_arithmetic_best *best, const double score[2], size_t image)
{
  for (size_t p = 0; p < CGAP_CURVE_POINTS; p++) {
    const double value = score[0] + cgap_arithmetic_lambda(p) * score[1];
    if (value > best->score[p] + CGAP_COSINE_TIE) {
      best->score[p] = value;
      best->image[p] = image;
    }
  }
}

/* What a query's float score must exceed at each λ for the image to be the best, perhaps. */
typedef struct bounds {
  float lambda[CGAP_LINE_POINTS], at[CGAP_LINE_POINTS];
} bounds;
_Static_assert((int)CGAP_LINE_POINTS == (int)CGAP_CURVE_POINTS, "a score is a line over the points of the curve");

static void set_bounds(bounds *out, const cgap_arithmetic_best *best, float margin)
{
  const float rounded = 0x1p-19f;                  /* differences and sums of numbers up to 5, in float */
  for (size_t p = 0; p < CGAP_CURVE_POINTS; p++) { /* products with an image and two words */
    out->lambda[p] = (float)cgap_arithmetic_lambda(p);
    out->at[p] = (float)best->score[p] - margin * (1 + 2 * out->lambda[p]) - rounded;
  }
}

/* The scores of an image with x̂ and with ŵ_target − ŵ_source, in double. */
static void score_exactly(const cgap_arithmetic_run *run, size_t q, const double *image, double *difference,
                          double score[2])
{
  const size_t dim = run->dim;
  const double *source = run->words + run->source[q] * dim, *target = run->words + run->target[q] * dim;
  for (size_t k = 0; k < dim; k++)
    difference[k] = target[k] - source[k];
  score[0] = cgap_dot(run->own + q * dim, image, dim);
  score[1] = cgap_dot(difference, image, dim);
}

/* Hardly any image is better at any λ, so a group is asked first whether one of its images may be. */
static void visit_query(const cgap_arithmetic_run *run, size_t q, size_t first, size_t rows, const float *scores,
                        const double *unit, double *difference)
{
  enum { GROUP = 64 };
  const float *own = scores + q * rows, *words = scores + run->queries * rows;
  const float *source = words + run->source[q] * rows, *target = words + run->target[q] * rows;
  const cgap_audit_kernels *kernels = cgap_audit_kernels_here();
  bounds b;
  set_bounds(&b, &run->best[q], run->margin);
  for (size_t group = 0; group < rows; group += GROUP) {
    const size_t count = group + GROUP < rows ? GROUP : rows - group;
    float word[GROUP];
    for (size_t i = 0; i < count; i++)
      word[i] = target[group + i] - source[group + i];
    const bool may = kernels->line_above(own + group, word, count, b.lambda, b.at);
    for (size_t i = 0; may && i < count; i++)
      if (run->image[q] != first + group + i && kernels->line_above(own + group + i, word + i, 1, b.lambda, b.at)) {
        double score[2];
        score_exactly(run, q, unit + (group + i) * run->dim, difference, score);
        offer_image(&run->best[q], score, first + group + i);
        set_bounds(&b, &run->best[q], run->margin);
      }
  }
}

void cgap_arithmetic_visit(const cgap_arithmetic_run *run, size_t first, size_t rows, const float *scores,
                           const double *unit)
{
#pragma omp parallel for schedule(static) num_threads(run->threads)
  for (size_t q = 0; q < run->queries; q++)
    visit_query(run, q, first, rows, scores, unit, run->scratch + (size_t)omp_get_thread_num() * run->dim);
}

void cgap_arithmetic_add(const cgap_arithmetic_run *run, const int64_t *label_of, const int64_t *wanted,
                         const double *weight, double *right, double *total)
{
  for (size_t q = 0; q < run->queries; q++) {
    const double w = weight ? weight[q] : 1;
    *total += w;
    for (size_t p = 0; p < CGAP_CURVE_POINTS; p++)
      right[p] += label_of[run->best[q].image[p]] == wanted[q] ? w : 0;
  }
}

size_t cgap_arithmetic_found(const cgap_arithmetic_best *best)
{
  return best->image[AT_ONE];
}

void cgap_arithmetic_finish(const double *right, double total, uint64_t queries, cgap_audit *out)
{
  for (size_t p = 0; p < CGAP_CURVE_POINTS; p++) {
    out->arithmetic.lambda[p] = cgap_arithmetic_lambda(p);
    out->arithmetic.curve[p] = 100 * right[p] / total;
  }
  out->arithmetic.score = total > 0 ? cgap_scalar_number(out->arithmetic.curve[AT_ONE], queries)
                                    : cgap_scalar_null(queries ? "the queries' weights are all zero"
                                                               : "every query's {image} or word was left out",
                                                       queries);
}

static const cgap_field fields[] = {
  {"arithmetic.score", "score (percent)", CGAP_GROUP_ARITHMETIC, 0, offsetof(cgap_audit, arithmetic.score), 2,
   CGAP_HIGHER, CGAP_HAS_ARITHMETIC,
   "Percent of transformations {image} + (target word - source word) whose nearest {one image} is of the wanted kind.",
   "Couairon et al. 2021, arXiv 2112.03162"},
};

const cgap_measure cgap_measure_arithmetic = {
  .name = "arithmetic",
  .basis = CGAP_ON_ROWS,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
