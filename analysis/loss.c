/* loss.*: the contrastive losses at temperature τ, positives from the pairing alone.
 * text→image: mean over texts of log Σ_i e^{s_ij/τ} − s_{o(j)j}/τ. image→text: mean over images with a text of the
 * mean over p ∈ T_i of log(e^{s_ip/τ} + Σ_{j∉T_i} e^{s_ij/τ}) − s_ip/τ. One text an image: Radford et al. 2021,
 * and eq. 1 of arXiv 2405.18570; CUA = CLIP + L_Uniform + L_Align, CUAXU = CUA + L_XUniform (ibid.).
 * Strips sum e^{s/τ} over unmatched pairs, in float, scaled by a power of two, where a strip's terms are no further
 * apart than that bears, else in double: e^{±200} needs no running maximum. A float cosine is off by some 3e-8, its
 * exponent at τ = 0.01 by 3e-6: many queries average that away, few do not, and have their cosines recomputed in
 * double; strips that are in double are summed as they are. */
#include "analysis/finish.h"
#include "analysis/interval.h"
#include "analysis/measure.h"
#include "base/memory.h"

#include <float.h>
#include <math.h>

enum {
  NEAR_COLUMNS = 256, /* rows per modality */
  /* powers of two: how far apart the terms of a strip may be for a float, and what masked ones come to, next to nothing
   * next to the smallest of them, in float and in double */
  NEAR_RANGE = 80,
  LOWEST = -126,
  LOWEST_DOUBLE = -1000
};

static void exact_strip(const cgap_strip *s, const cgap_audit_sums *e, cgap_sums *sums)
{
  for (size_t r = 0; r < s->rows; r++)
    for (size_t c = s->first[r]; c < s->columns; c++) {
      if (s->cosine[r * s->stride + c] < -FLT_MAX) /* masked */
        continue;
      const double k = exp(cgap_strip_exact(s, r, c) / e->temperature);
      sums->row_sums[s->tile_row + r] += k;
      sums->column_sums[c] += k;
    }
}

/* The least and the greatest cosine of a strip; least > greatest where it has none. */
static void strip_range(const cgap_strip *s, double *least, double *greatest)
{
  *least = INFINITY;
  *greatest = -INFINITY;
  for (size_t r = 0; r < s->rows; r++) {
    *least = fmin(*least, (double)s->least[r]);
    *greatest = fmax(*greatest, (double)s->greatest[r]);
  }
}

/* In float, divided by the power of two next to the greatest: twice as fast as in double. */
static void softmax_strip_near(const cgap_strip *s, const cgap_audit_kernels *kernels, double scale, int apart,
                               cgap_sums *sums)
{
  const cgap_exponent exponent = cgap_exponent_init(scale, LOWEST, apart);
  const double unit = ldexp(1, apart);
  float columns[CGAP_TILE] = {0};
  for (size_t r = 0; r < s->rows; r++) {
    double sum = 0, squares = 0;
    kernels->exp_sums(s->cosine + r * s->stride + s->first[r], s->columns - s->first[r], &exponent,
                      columns + s->first[r], &sum, &squares);
    sums->row_sums[s->tile_row + r] += sum * unit;
  }
  for (size_t c = 0; c < s->columns; c++)
    sums->column_sums[c] += (double)columns[c] * unit;
}

static void softmax_strip_double(const cgap_strip *s, const cgap_audit_kernels *kernels, double scale, cgap_sums *sums)
{
  const cgap_exponent exponent = cgap_exponent_init(scale, LOWEST_DOUBLE, 0);
  for (size_t r = 0; r < s->rows; r++)
    kernels->exp_sums_double(s->cosine + r * s->stride + s->first[r], s->columns - s->first[r], &exponent,
                             sums->column_sums + s->first[r], &sums->row_sums[s->tile_row + r]);
}

static void softmax_strip(const cgap_strip *s, const cgap_audit_sums *e, const cgap_audit_kernels *kernels,
                          cgap_sums *sums)
{
  const double scale = 1 / e->temperature, bits = scale / log(2.0);
  double least, greatest;
  strip_range(s, &least, &greatest);
  if (least > greatest)
    return;
  if (s->precise || (e->image.rows <= NEAR_COLUMNS && e->text.rows <= NEAR_COLUMNS))
    exact_strip(s, e, sums);
  else if ((greatest - least) * bits <= NEAR_RANGE)
    softmax_strip_near(s, kernels, scale, (int)ceil(greatest * bits), sums);
  else
    softmax_strip_double(s, kernels, scale, sums);
}

static double greatest_log(double temperature)
{
  return 1 / temperature;
}

static cgap_scalar text_to_image(const cgap_audit_sums *e, const double *rest, double *v)
{
  double mean = 0;
  for (size_t j = 0; j < e->text.rows; j++) {
    const double positive = e->pair_cosine[j] / e->temperature;
    v[j] = log(exp(positive) + rest[j]) - positive;
    mean += v[j];
  }
  mean /= (double)e->text.rows;
  return cgap_scalar_normal(mean, cgap_variance_of_text_mean(e, v, mean), e->text.rows);
}

static cgap_scalar image_to_text(const cgap_audit_sums *e, const double *rest, double *v)
{
  double mean = 0, asking = 0;
  for (size_t i = 0; i < e->image.rows; i++) {
    const size_t texts = e->first[i + 1] - e->first[i];
    v[i] = texts ? 0 : NAN;
    for (size_t k = e->first[i]; k < e->first[i + 1]; k++) {
      const double positive = e->pair_cosine[e->text_of[k]] / e->temperature;
      v[i] += (log(exp(positive) + rest[i]) - positive) / (double)texts;
    }
    if (texts) {
      mean += v[i];
      asking++;
    }
  }
  mean /= asking;
  return cgap_scalar_normal(mean, cgap_variance_of_image_mean(v, e->image.rows, mean), (uint64_t)asking);
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  if (!e->paired)
    return CGAP_OK;
  const size_t longest = e->image.rows > e->text.rows ? e->image.rows : e->text.rows;
  const cgap_sums *sums = cgap_sums_of(e, CGAP_IMAGE_TEXT, &cgap_measure_loss);
  double *v = cgap_alloc(longest, sizeof *v);
  if (!v)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu losses", longest);
  cgap_losses *loss = &out->loss;
  loss->temperature = e->temperature;
  cgap_contributions *kept = out->contributions;
  loss->clip_text_to_image = text_to_image(e, sums->column_sums, kept ? kept->loss_text : v);
  loss->clip_image_to_text = image_to_text(e, sums->row_sums, kept ? kept->loss_image : v);
  const double clip = (loss->clip_text_to_image.value + loss->clip_image_to_text.value) / 2;
  const double cua = clip + out->uniformity.mean.value + out->alignment.mean_squared_distance.value;
  loss->clip = cgap_scalar_number(clip, e->image.rows);
  loss->cua = cgap_scalar_number(cua, e->image.rows);
  loss->cuaxu = out->uniformity.cross.why ? cgap_scalar_null(out->uniformity.cross.why, e->image.rows)
                                          : cgap_scalar_number(cua + out->uniformity.cross.value, e->image.rows);
  cgap_free(v);
  return CGAP_OK;
}

static const cgap_field fields[] = {
  {"loss.clip", "CLIP", CGAP_GROUP_LOSS, 0, offsetof(cgap_audit, loss.clip), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "The contrastive loss at temperature 0.01, mean of both directions.", CGAP_RADFORD},
  {"loss.clip_image_to_text", "CLIP, {image} to {text}", CGAP_GROUP_LOSS, 0,
   offsetof(cgap_audit, loss.clip_image_to_text), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Mean over {images} of the cross-entropy of picking the own {one text}.", CGAP_RADFORD},
  {"loss.clip_text_to_image", "CLIP, {text} to {image}", CGAP_GROUP_LOSS, 0,
   offsetof(cgap_audit, loss.clip_text_to_image), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Mean over {texts} of the cross-entropy of picking the own {one image}.", CGAP_RADFORD},
  {"loss.cua", "CUA", CGAP_GROUP_LOSS, 0, offsetof(cgap_audit, loss.cua), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "CLIP + L_Uniform + L_Align.", CGAP_FAHIM},
  {"loss.cuaxu", "CUAXU", CGAP_GROUP_LOSS, 0, offsetof(cgap_audit, loss.cuaxu), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "CUA + L_XUniform.", CGAP_FAHIM},
};

static const cgap_number numbers[] = {
  {"loss.temperature", offsetof(cgap_audit, loss.temperature), false, CGAP_HAS_PAIRS, 0},
};

const cgap_measure cgap_measure_loss = {
  .name = "losses",
  .kinds = 1u << CGAP_IMAGE_TEXT,
  .paired_only = true,
  .need = {.sums = 1, .greatest_log = greatest_log},
  .strip = softmax_strip,
  .basis = CGAP_ON_QUERIES,
  .rounded = true,
  .finish = finish,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
  .numbers = numbers,
  .number_count = sizeof numbers / sizeof *numbers,
};
