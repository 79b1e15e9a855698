/* arithmetic.{score,curve}: multimodal arithmetic (SIMAT, Couairon et al. 2021). target = x̂ + λ (ŵ_target − ŵ_source),
 * not renormalised; the nearest image other than the query is right when its label is the wanted one. Score in percent,
 * weighted, at λ = 1; curve for λ from 0 to 2 by 0.1. The target's norm does not change which image is nearest, so that
 * two inner products with each image serve every λ. */
#include "analysis/finish.h"

#include "analysis/measure.h"

#include "analysis/interval.h"

#include <math.h>

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

/* Nearly all images are better at no λ: that is asked first, without branches. */
static void offer_image(cgap_arithmetic_best *best, const double lambda[CGAP_CURVE_POINTS], const double *score,
                        size_t image)
{
  double value[CGAP_CURVE_POINTS], most = -INFINITY;
  for (size_t p = 0; p < CGAP_CURVE_POINTS; p++)
    value[p] = score[0] + lambda[p] * score[1];
#pragma omp simd reduction(max : most)
  for (size_t p = 0; p < CGAP_CURVE_POINTS; p++) {
    const double more = value[p] - best->score[p];
    most = more > most ? more : most;
  }
  for (size_t p = 0; most > 0 && p < CGAP_CURVE_POINTS; p++)
    if (value[p] > best->score[p] + CGAP_COSINE_TIE) {
      best->score[p] = value[p];
      best->image[p] = image;
    }
}

void cgap_arithmetic_visit(void *context, size_t first, size_t rows, const double *scores)
{
  cgap_arithmetic_run *run = context;
  double lambda[CGAP_CURVE_POINTS];
  for (size_t p = 0; p < CGAP_CURVE_POINTS; p++)
    lambda[p] = cgap_arithmetic_lambda(p);
#pragma omp parallel for schedule(static) num_threads(run->threads)
  for (size_t q = 0; q < run->queries; q++)
    for (size_t i = 0; i < rows; i++)
      if (run->image[q] != first + i)
        offer_image(&run->best[q], lambda, scores + (i * run->queries + q) * 2, first + i);
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
