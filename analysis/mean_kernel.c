#include "analysis/mean_kernel.h"

#include <math.h>

static double kernel_factor_of_distance(void)
{
  return exp(-2 * CGAP_KERNEL_T);
}

static double sum_of(const double *v, size_t n)
{
  double total = 0;
  for (size_t i = 0; i < n; i++)
    total += v[i];
  return total;
}

static cgap_mean_kernel mean_of(double total, double squares, double pairs, uint64_t n)
{
  cgap_mean_kernel k = {.pairs = pairs, .n = n};
  k.mean = pairs > 0 ? total / pairs : NAN;
  k.squares = fmax(0, squares - pairs * k.mean * k.mean);
  return k;
}

double cgap_mean_kernel_variance(const cgap_mean_kernel *k)
{
  return fmax(k->touching - k->squares, k->squares) / (k->pairs * k->pairs);
}

/* Triangle sums hold each pair in both its rows, squares in one. Of A_g = sum over the pairs that touch g, the rows of
 * a group together hold pairs within the group twice, which are then counted once, or not at all (between_groups). */
cgap_mean_kernel cgap_mean_kernel_within(const cgap_audit_sums *e, cgap_pair_kind kind, bool between_groups,
                                         double *touch)
{
  const cgap_modality *modality = kind == CGAP_TEXT_TEXT ? &e->text : &e->image;
  const cgap_sums *sums = cgap_sums_of(e, kind, &cgap_measure_uniformity);
  const double *rows = sums->row_sums + CGAP_KERNEL_SUMS * sums->row_stride,
               *squares = sums->row_sums + CGAP_KERNEL_SQUARES * sums->row_stride;
  const double n = (double)modality->rows, f = kernel_factor_of_distance();
  const bool grouped = kind == CGAP_TEXT_TEXT && e->paired, between = grouped && between_groups;
  const size_t groups = grouped ? e->image.rows : modality->rows;
  double total = f * sum_of(rows, modality->rows) / 2, square = f * f * sum_of(squares, modality->rows),
         pairs = n * (n - 1) / 2;
  for (size_t g = 0; between && g < groups; g++) {
    const double members = (double)(e->first[g + 1] - e->first[g]);
    total -= e->within_kernel[g];
    square -= e->within_kernel_square[g];
    pairs -= members * (members - 1) / 2;
  }
  cgap_mean_kernel k = mean_of(total, square, pairs, modality->rows);
  for (size_t g = 0; g < groups; g++) {
    double sum = 0, members = 1, within = 0;
    if (grouped) {
      members = (double)(e->first[g + 1] - e->first[g]);
      within = e->within_kernel[g];
      for (size_t t = e->first[g]; t < e->first[g + 1]; t++)
        sum += f * rows[e->text_of[t]];
    } else {
      sum = f * rows[g];
    }
    const double pairs_within = members * (members - 1) / 2;
    touch[g] = between ? sum - 2 * within - members * (n - members) * k.mean
                       : sum - within - (members * (n - 1) - pairs_within) * k.mean;
    k.touching += touch[g] * touch[g];
  }
  return k;
}

/* Matched pairs were masked. */
cgap_mean_kernel cgap_mean_kernel_cross(const cgap_audit_sums *e, double *image_touch, double *text_touch)
{
  const cgap_sums *sums = cgap_sums_of(e, CGAP_IMAGE_TEXT, &cgap_measure_uniformity);
  const double images = (double)e->image.rows, texts = (double)e->text.rows, f = kernel_factor_of_distance();
  const double *rows = sums->row_sums, *columns = sums->column_sums;
  cgap_mean_kernel k = mean_of(
    f * sum_of(rows, e->image.rows), f * f * sum_of(rows + CGAP_KERNEL_SQUARES * sums->row_stride, e->image.rows),
    images * texts - (e->paired ? texts : 0), e->paired || images < texts ? e->image.rows : e->text.rows);
  for (size_t i = 0; i < e->image.rows; i++) {
    const double own = e->paired ? (double)(e->first[i + 1] - e->first[i]) : 0;
    double touch = f * rows[i] - (texts - own) * k.mean;
    for (size_t t = e->paired ? e->first[i] : 0; e->paired && t < e->first[i + 1]; t++)
      touch += f * columns[e->text_of[t]] - (images - 1) * k.mean;
    k.touching += touch * touch;
    if (image_touch)
      image_touch[i] = touch;
  }
  for (size_t j = 0; !e->paired && j < e->text.rows; j++) {
    const double touch = f * columns[j] - images * k.mean;
    k.touching += touch * touch;
    if (text_touch)
      text_touch[j] = touch;
  }
  return k;
}
