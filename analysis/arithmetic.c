/* arithmetic.{score,curve}: multimodal arithmetic (SIMAT, Couairon et al. 2021). target = x̂ + λ (ŵ_target − ŵ_source),
 * not renormalised; the nearest image other than the query is right when its label is the wanted one. Score in percent,
 * weighted, at λ = 1; curve for λ from 0 to 2 by 0.1. The target's norm does not change which image is nearest, so that
 * two inner products with each image serve every λ. */
#include "analysis/finish.h"

#include "analysis/measure.h"

#include "analysis/interval.h"
#include "simd/convert.h"

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

/* What a query's float score must exceed for the image to be the best, perhaps: at each λ, and the least of these. */
typedef struct bounds {
  float at[CGAP_CURVE_POINTS], least;
} bounds;

static bounds bounds_of(const cgap_arithmetic_best *best, float margin)
{
  const float rounded = 0x1p-19f; /* sums of numbers up to 5, in float */
  bounds b = {.least = INFINITY};
  for (size_t p = 0; p < CGAP_CURVE_POINTS; p++) { /* the difference of two unit rows is at most 2 long */
    b.at[p] = (float)best->score[p] - margin * (1 + 2 * (float)cgap_arithmetic_lambda(p)) - rounded;
    b.least = fminf(b.least, b.at[p]);
  }
  return b;
}

static bool may_be_best(const bounds *b, float own, float word)
{
  bool may = false;
  for (size_t p = 0; p < CGAP_CURVE_POINTS; p++)
    may |= own + (float)cgap_arithmetic_lambda(p) * word > b->at[p];
  return may;
}

/* Hardly any image is better at any λ. So a group is asked first whether one of its images may be: a score is linear in
 * λ and greatest at an end. */
static void visit_query(const cgap_arithmetic_run *run, size_t q, size_t first, size_t rows, const float *own,
                        const float *word, const double *unit)
{
  enum { GROUP = 64 };
  const float end = (float)cgap_arithmetic_lambda(CGAP_CURVE_POINTS - 1);
  const double *vector = run->vectors + 2 * q * run->dim;
  bounds b = bounds_of(&run->best[q], run->margin);
  for (size_t group = 0; group < rows; group += GROUP) {
    const size_t last = group + GROUP < rows ? group + GROUP : rows;
    float most = -INFINITY;
#pragma omp simd reduction(max : most)
    for (size_t i = group; i < last; i++) {
      const float greatest = own[i] + (word[i] > 0 ? end * word[i] : 0);
      most = greatest > most ? greatest : most;
    }
    for (size_t i = group; most > b.least && i < last; i++)
      if (run->image[q] != first + i && may_be_best(&b, own[i], word[i])) {
        const double *image = unit + i * run->dim;
        const double score[] = {cgap_dot(vector, image, run->dim), cgap_dot(vector + run->dim, image, run->dim)};
        offer_image(&run->best[q], score, first + i);
        b = bounds_of(&run->best[q], run->margin);
      }
  }
}

void cgap_arithmetic_visit(const cgap_arithmetic_run *run, size_t first, size_t rows, const float *scores,
                           const double *unit)
{
#pragma omp parallel for schedule(static) num_threads(run->threads)
  for (size_t q = 0; q < run->queries; q++)
    visit_query(run, q, first, rows, scores + 2 * q * rows, scores + (2 * q + 1) * rows, unit);
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
