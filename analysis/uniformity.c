/* uniformity.image, .text: log mean over i < j of e^(-t‖x_i − x_j‖²), t = 2 (Wang & Isola 2020); .mean: L_Uniform
 * of the paper; .cross: log mean over unmatched (i, j) of e^(-t‖x_i − y_j‖²), L_XUniform.
 * ‖x − y‖² = 2 − 2 cos on the sphere, so that the kernel is e^(-2t) e^(2t cos): strips sum e^(2t cos).
 *
 * Intervals: those of the mean kernels (finish.h), delta method for the log. */
#include "analysis/finish.h"
#include "analysis/interval.h"
#include "analysis/measure.h"
#include "base/memory.h"

#include <math.h>

/* Equal floats add up with roundings in one direction, so what is in double is summed in double. */
static void precise_strip(const cgap_strip *s, cgap_sums *sums)
{
  for (size_t r = 0; r < s->rows; r++)
    for (size_t c = s->first[r]; c < s->columns; c++) { /* e^-INFINITY of masked ones is 0 */
      const double k = exp(2 * CGAP_KERNEL_T * s->precise[r * s->stride + c]);
      sums->row_sums[CGAP_KERNEL_SUMS * sums->row_stride + s->tile_row + r] += k;
      sums->row_sums[CGAP_KERNEL_SQUARES * sums->row_stride + s->tile_row + r] += k * k;
      sums->column_sums[c] += k;
    }
}

static void kernel_strip(const cgap_strip *s, const cgap_audit_sums *e, const cgap_audit_kernels *kernels,
                         cgap_sums *sums)
{
  (void)e;
  const cgap_exponent exponent = cgap_exponent_init(2 * CGAP_KERNEL_T, -126, 0);
  float columns[CGAP_TILE] = {0};
  if (s->precise) {
    precise_strip(s, sums);
    return;
  }
  for (size_t r = 0; r < s->rows; r++) {
    const size_t first = s->first[r], row = s->tile_row + r;
    kernels->exp_sums(s->cosine + r * s->stride + first, s->columns - first, &exponent, columns + first,
                      &sums->row_sums[CGAP_KERNEL_SUMS * sums->row_stride + row],
                      &sums->row_sums[CGAP_KERNEL_SQUARES * sums->row_stride + row]);
  }
  for (size_t c = 0; c < s->columns; c++)
    sums->column_sums[c] += (double)columns[c];
}

static double greatest_log(double temperature)
{
  (void)temperature;
  return 2 * 2 * CGAP_KERNEL_T; /* of the squares */
}

static cgap_scalar scalar_of(const cgap_mean_kernel *k)
{
  if (!(k->pairs > 0))
    return cgap_scalar_null("no pairs", k->n);
  return cgap_scalar_normal(log(k->mean), cgap_mean_kernel_variance(k) / (k->mean * k->mean), k->n);
}

/* Var of the mean of the two logs: a_g = ½ Σ_sides A_g/(L u), Var = Σ a_g² − ¼ Σ_sides (Σ A_g²/(L u)² − Var u/u²). */
static double mean_variance(const cgap_audit_sums *e, const cgap_mean_kernel modality[2], double *const touch[2])
{
  double total = 0;
  for (size_t g = 0; e->paired && g < e->image.rows; g++) {
    double a =
      (touch[0][g] / (modality[0].pairs * modality[0].mean) + touch[1][g] / (modality[1].pairs * modality[1].mean)) / 2;
    total += a * a;
  }
  for (int s = 0; s < 2; s++) {
    const double whole = modality[s].pairs * modality[s].mean, variance_share = modality[s].touching / (whole * whole);
    const double relative = cgap_mean_kernel_variance(&modality[s]) / (modality[s].mean * modality[s].mean);
    total += e->paired ? (relative - variance_share) / 4 : relative / 4;
  }
  return total;
}

/* What each group contributes to the log of the mean kernel. */
static void fill_contributions(double *out, const double *touch, const cgap_mean_kernel *k, size_t groups)
{
  for (size_t g = 0; g < groups; g++)
    out[g] = touch[g] / (k->pairs * k->mean);
}

/* Of images alone. */
static cgap_status finish_one(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  double *touch = cgap_alloc(e->image.rows, sizeof *touch);
  if (!touch)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu groups", e->image.rows);
  const cgap_mean_kernel k = cgap_mean_kernel_within(e, CGAP_IMAGE_IMAGE, false, touch);
  out->uniformity.image = scalar_of(&k);
  out->uniformity.sphere = cgap_sphere_uniformity(e->dim, CGAP_KERNEL_T);
  cgap_free(touch);
  return CGAP_OK;
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  if (e->text.rows == 0)
    return finish_one(e, out, error);
  double *touch[2] = {cgap_alloc(e->image.rows, sizeof(double)),
                      cgap_alloc(e->paired ? e->image.rows : e->text.rows, sizeof(double))};
  cgap_status status = CGAP_OK;
  if (!touch[0] || !touch[1]) {
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu groups", e->image.rows);
  } else {
    const cgap_mean_kernel modality[2] = {cgap_mean_kernel_within(e, CGAP_IMAGE_IMAGE, false, touch[0]),
                                          cgap_mean_kernel_within(e, CGAP_TEXT_TEXT, false, touch[1])};
    cgap_contributions *kept = e->paired ? out->contributions : NULL;
    const cgap_mean_kernel cross = cgap_mean_kernel_cross(e, kept ? kept->kernel[CGAP_IMAGE_TEXT] : NULL, NULL);
    const uint64_t n = e->paired || e->image.rows < e->text.rows ? e->image.rows : e->text.rows;
    out->uniformity.image = scalar_of(&modality[0]);
    out->uniformity.text = scalar_of(&modality[1]);
    out->uniformity.mean =
      cgap_scalar_normal((log(modality[0].mean) + log(modality[1].mean)) / 2, mean_variance(e, modality, touch), n);
    out->uniformity.cross = scalar_of(&cross);
    out->uniformity.sphere = cgap_sphere_uniformity(e->dim, CGAP_KERNEL_T);
    if (kept) {
      fill_contributions(kept->kernel[CGAP_IMAGE_IMAGE], touch[0], &modality[0], e->image.rows);
      fill_contributions(kept->kernel[CGAP_TEXT_TEXT], touch[1], &modality[1], e->image.rows);
      fill_contributions(kept->kernel[CGAP_IMAGE_TEXT], kept->kernel[CGAP_IMAGE_TEXT], &cross, e->image.rows);
    }
  }
  cgap_free(touch[0]);
  cgap_free(touch[1]);
  return status;
}

static cgap_status finish_sampled(const cgap_sampled *s, cgap_audit *out, cgap_error *error)
{
  out->uniformity.sphere = cgap_sphere_uniformity(s->sample->dim, CGAP_KERNEL_T);
  return cgap_uniformity_finish_sampled(s, out, error);
}

static const cgap_field fields[] = {
  {"uniformity.image", "{image}", CGAP_GROUP_UNIFORMITY, 0, offsetof(cgap_audit, uniformity.image), 4, CGAP_LOWER, 0,
   "Log of the mean of exp(-2 d²) over pairs of {images}; the lower, the more evenly they fill the sphere.", CGAP_WANG},
  {"uniformity.text", "{text}", CGAP_GROUP_UNIFORMITY, 0, offsetof(cgap_audit, uniformity.text), 4, CGAP_LOWER,
   CGAP_HAS_TEXT, "Log of the mean of exp(-2 d²) over pairs of {texts}.", CGAP_WANG},
  {"uniformity.mean", "mean", CGAP_GROUP_UNIFORMITY, 0, offsetof(cgap_audit, uniformity.mean), 4, CGAP_LOWER,
   CGAP_ONE_SPACE, "Mean of both modalities' uniformity, the paper's L_Uniform.", CGAP_FAHIM},
  {"uniformity.cross", "cross", CGAP_GROUP_UNIFORMITY, 0, offsetof(cgap_audit, uniformity.cross), 4, CGAP_LOWER,
   CGAP_ONE_SPACE,
   "Log of the mean of exp(-2 d²) over {images} and {texts} that do not belong together, the paper's L_XUniform; best "
   "at "
   "the uniform "
   "distribution's value, below which {images} and {texts} keep apart.",
   CGAP_FAHIM},
};

static const cgap_number numbers[] = {
  {"uniformity.sphere", offsetof(cgap_audit, uniformity.sphere), false, 0, 0},
  {"uniformity.text_sphere", offsetof(cgap_audit, uniformity.text_sphere), false, CGAP_HAS_HUBS_WITHIN | CGAP_HAS_TEXT,
   0},
};

const cgap_measure cgap_measure_uniformity = {
  .name = "uniformity",
  .kinds = 1u << CGAP_IMAGE_IMAGE | 1u << CGAP_TEXT_TEXT | 1u << CGAP_IMAGE_TEXT,
  .need = {.sums = CGAP_KERNEL_SUM_COUNT, .greatest_log = greatest_log},
  .strip = kernel_strip,
  .basis = CGAP_ON_PAIRS,
  .one_modality = true,
  .rounded = true,
  .finish = finish,
  .finish_sampled = finish_sampled,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
  .numbers = numbers,
  .number_count = sizeof numbers / sizeof *numbers,
};

/* ---------------------------------------------------------------- sphere */

/* uniformity.sphere: the value for the uniform distribution on S^(d−1). For x, y uniform, x·y has the density of one
 * coordinate, whose moment generating function at s is 0F1(; d/2; s²/4); with s = 2t the mean kernel is
 * e^(-2t) 0F1(; d/2; t²). The series has positive terms only. */

double cgap_sphere_uniformity(size_t dim, double t)
{
  double term = 1, rest = 0;
  for (int k = 1; term > 1e-20 * (1 + rest); k++) {
    term *= t * t / ((double)dim / 2 + k - 1) / k;
    rest += term;
  }
  return -2 * t + log1p(rest);
}

/* ---------------------------------------------------------------- mean kernel */

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
