/* zero_shot.{top_1,top_5,mean_per_class}: the share of images whose label is the nearest class text, or among the five
 * nearest (Radford et al. 2021, with prompt ensembling: prompts normalised, averaged, normalised); mean_per_class: the
 * mean of top_1 over classes that have images. Interval of mean_per_class: Wilson's with the variance of a stratified
 * mean. */
#include "analysis/zero_shot.h"

#include "analysis/measure.h"

#include "analysis/interval.h"
#include "base/memory.h"
#include "simd/convert.h"

enum { TOP_CLASSES = 5 };
#define CANCELLED 1e-12 /* times the prompts: a sum of unit rows that is rounding alone */

bool cgap_class_vectors(const double *texts, size_t classes, size_t prompts, size_t dim, bool drop_bad, double *vectors,
                        size_t *bad)
{
  for (size_t c = 0; c < classes; c++) {
    double *v = vectors + c * dim;
    for (size_t a = 0; a < dim; a++)
      v[a] = 0;
    for (size_t p = 0; p < prompts; p++) {
      const double *text = texts + (c * prompts + p) * dim;
      const cgap_scale scale = cgap_scale_of(text, dim);
      if (drop_bad && !isfinite(scale.factor))
        continue;
      for (size_t a = 0; a < dim; a++)
        v[a] += cgap_scaled(text[a], scale);
    }
    if (!(cgap_norm(v, dim) > CANCELLED * (double)prompts)) {
      *bad = c;
      return false;
    }
    (void)cgap_normalise(v, v, dim);
  }
  return true;
}

/* The lower class of those as near as rounding can tell; the right one where it is among them. */
static size_t nearest_class(const double *score, size_t classes, size_t label, bool right)
{
  size_t best = 0;
  for (size_t c = 1; c < classes; c++)
    best = score[c] > score[best] + CGAP_COSINE_TIE ? c : best;
  return right ? label : best;
}

void cgap_zero_shot_visit(cgap_zero_shot_tally *t, size_t first, size_t rows, const double *scores)
{
  for (size_t i = 0; i < rows; i++) {
    const double *score = scores + i * t->classes;
    const size_t label = (size_t)t->labels[cgap_file_row(&t->modality, first + i)];
    size_t before = 0;
    for (size_t c = 0; c < t->classes; c++) /* a class that cannot be compared counts as nearer: a NaN is never right */
      before +=
        c < label ? !(score[c] < score[label] - CGAP_COSINE_TIE) : !(score[c] <= score[label] + CGAP_COSINE_TIE);
    t->images++;
    t->class_images[label]++;
    t->class_right[label] += before == 0;
    t->top_1 += before == 0;
    t->top_5 += before < TOP_CLASSES;
    if (t->place) {
      t->place[first + i] = before == 0 ? 1 : before < TOP_CLASSES ? 2 : 0;
      t->nearest[first + i] = nearest_class(score, t->classes, label, before == 0);
    }
  }
}

/* n/(n − 1) Σ (v − p)²/n² of zeros and ones. */
static double variance_of_proportion(double p, double n)
{
  return n > 1 ? p * (1 - p) / (n - 1) : 0;
}

bool cgap_zero_shot_finish(const cgap_zero_shot_tally *t, const double *gap, cgap_audit *out)
{
  const double n = (double)t->images, top_1 = (double)t->top_1 / n, top_5 = (double)t->top_5 / n;
  double mean = 0, variance = 0, present = 0;
  cgap_zero_shot *z = &out->zero_shot;
  z->classes = cgap_alloc(t->classes, sizeof *z->classes);
  if (!z->classes)
    return false;
  for (size_t c = 0; c < t->classes; c++)
    if (t->class_images[c]) {
      const double accuracy = (double)t->class_right[c] / (double)t->class_images[c];
      z->classes[z->class_count++] =
        (cgap_zero_shot_class){.label = c, .images = t->class_images[c], .top_1 = accuracy, .gap = gap[c]};
      mean += accuracy;
      variance += variance_of_proportion(accuracy, (double)t->class_images[c]);
      present++;
    }
  z->top_1 = cgap_scalar_wilson(top_1, variance_of_proportion(top_1, n), t->images);
  z->top_5 = cgap_scalar_wilson(top_5, variance_of_proportion(top_5, n), t->images);
  z->mean_per_class = cgap_scalar_wilson(mean / present, variance / (present * present), t->images);
  return true;
}

static const cgap_field fields[] = {
  {"zero_shot.top_1", "top 1", CGAP_GROUP_ZERO_SHOT, 0, offsetof(cgap_audit, zero_shot.top_1), 4, CGAP_HIGHER,
   CGAP_HAS_ZERO_SHOT, "Share of {images} whose class text is the nearest; prompts of a class are averaged.",
   CGAP_RADFORD},
  {"zero_shot.top_5", "top 5", CGAP_GROUP_ZERO_SHOT, 0, offsetof(cgap_audit, zero_shot.top_5), 4, CGAP_HIGHER,
   CGAP_HAS_ZERO_SHOT, "Share of {images} whose class text is among the 5 nearest.", CGAP_RADFORD},
  {"zero_shot.mean_per_class", "mean per class", CGAP_GROUP_ZERO_SHOT, 0,
   offsetof(cgap_audit, zero_shot.mean_per_class), 4, CGAP_HIGHER, CGAP_HAS_ZERO_SHOT,
   "Top 1 of each class, averaged over the classes that have {images}.", CGAP_RADFORD},
};

const cgap_measure cgap_measure_zero_shot = {
  .name = "zero-shot",
  .basis = CGAP_ON_ROWS,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
