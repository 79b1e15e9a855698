/* gap.mmd2: squared maximum mean discrepancy of images and texts with the Gaussian kernel of uniformity, unbiased
 * (Gretton et al. 2012): u_I + u_T − 2 u_X, the mean kernels within images, within texts and across. Texts of one image
 * are no independent draws, so u_T is over pairs of texts of different images.
 *
 * Interval: h_g = A^I_g/L_I + A^T_g/L_T − 2 A^X_g/L_X and R = S_I/L_I² + S_T/L_T² + 4 S_X/L_X² with the sums of
 * finish.h; Var = max(Σ h_g² − R, R). Unpaired: every row is a group of its own. */
#include "analysis/finish.h"
#include "analysis/interval.h"
#include "base/memory.h"

#include <math.h>

/* What the three means make of it. */
enum { IMAGES, TEXTS, CROSS, MEANS };
static const double WEIGHT[MEANS] = {1, 1, -2};

static double rest_of(const cgap_mean_kernel k[MEANS])
{
  double rest = 0;
  for (int m = 0; m < MEANS; m++)
    rest += WEIGHT[m] * WEIGHT[m] * k[m].squares / (k[m].pairs * k[m].pairs);
  return rest;
}

/* Σ h_g². touch: A_g of each mean over its pairs; of the cross one, by image and by text. */
static double sum_of_squares(const cgap_audit_sums *e, const cgap_mean_kernel k[MEANS], const double *image,
                             const double *text, const double *cross_image, const double *cross_text)
{
  double total = 0;
  for (size_t g = 0; g < e->image.rows; g++) {
    const double own = WEIGHT[IMAGES] * image[g] / k[IMAGES].pairs + WEIGHT[CROSS] * cross_image[g] / k[CROSS].pairs;
    const double h = own + (e->paired ? WEIGHT[TEXTS] * text[g] / k[TEXTS].pairs : 0);
    total += h * h;
  }
  for (size_t j = 0; !e->paired && j < e->text.rows; j++) {
    const double h = WEIGHT[TEXTS] * text[j] / k[TEXTS].pairs + WEIGHT[CROSS] * cross_text[j] / k[CROSS].pairs;
    total += h * h;
  }
  return total;
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  const size_t images = e->image.rows, texts = e->text.rows, groups = e->paired ? images : texts;
  const uint64_t n = e->paired || images < texts ? images : texts;
  double *touch = cgap_alloc(2 * images + groups + texts, sizeof *touch);
  if (!touch)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu groups", images);
  double *image = touch, *cross_image = image + images, *text = cross_image + images, *cross_text = text + groups;
  const cgap_mean_kernel k[MEANS] = {cgap_mean_kernel_within(e, CGAP_IMAGE_IMAGE, false, image),
                                     cgap_mean_kernel_within(e, CGAP_TEXT_TEXT, true, text),
                                     cgap_mean_kernel_cross(e, cross_image, cross_text)};
  if (k[IMAGES].pairs > 0 && k[TEXTS].pairs > 0 && k[CROSS].pairs > 0) {
    const double rest = rest_of(k), squares = sum_of_squares(e, k, image, text, cross_image, cross_text);
    out->gap.mmd2 =
      cgap_scalar_normal(k[IMAGES].mean + k[TEXTS].mean - 2 * k[CROSS].mean, fmax(squares - rest, rest), n);
  } else {
    out->gap.mmd2 = cgap_scalar_null("no pairs of rows that do not belong together", n);
  }
  cgap_free(touch);
  return CGAP_OK;
}

static const cgap_field fields[] = {
  {"gap.mmd2", "squared MMD", CGAP_GROUP_GAP, 0, offsetof(cgap_audit, gap.mmd2), 4, CGAP_LOWER, CGAP_ONE_SPACE,
   "Squared distance of the two distributions in the space of the kernel exp(-2 d²), unbiased: also sees differences "
   "that leave the centroids equal.",
   "Gretton et al. 2012, JMLR 13"},
};

const cgap_measure cgap_measure_mmd = {
  .name = "maximum mean discrepancy",
  .basis = CGAP_ON_PAIRS,
  .rounded = true,
  .finish = finish,
  .finish_sampled = cgap_mmd_finish_sampled,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
