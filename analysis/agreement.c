/* agreement.*: whether images and texts agree on who is near whom, one text an image; the two need not be of one space.
 * mutual_knn: mean fraction of the k = min(10, N − 1) nearest other rows that an image and its text have in common
 * (Huh et al. 2024). cka: linear CKA with the unbiased HSIC (Song et al. 2012), which centring the rows leaves as it
 * is: for centred rows x, y with a_i = ‖x_i‖², b_i = ‖y_i‖² and n rows it is (‖Σ x yᵀ‖² − Σ ab + Σa Σb/((n − 1)(n − 2))
 * − 2 Σ ab/(n − 2)) / (n(n − 3)). */
#include "analysis/interval.h"

#include <math.h>

static double unbiased_hsic(double n, double square, double ab, double a, double b)
{
  return (square - ab + a * b / ((n - 1) * (n - 2)) - 2 * ab / (n - 2)) / (n * (n - 3));
}

/* ‖Σ z zᵀ‖² of a modality's centred rows z. */
static double square_of_moment(const cgap_modality *modality)
{
  const size_t dim = modality->dim;
  double square = 0;
  for (size_t k = 0; k < dim; k++)
    for (size_t l = 0; l < dim; l++) {
      const double centred =
        modality->moment[k * dim + l] - (double)modality->rows * modality->mean[k] * modality->mean[l];
      square += centred * centred;
    }
  return square;
}

static cgap_scalar cka_of(const cgap_audit_sums *e)
{
  const cgap_agreement_sums *s = e->agreement;
  const double n = (double)e->image.rows;
  const double image = unbiased_hsic(n, square_of_moment(&e->image), s->image_fourth, s->image, s->image),
               text = unbiased_hsic(n, square_of_moment(&e->text), s->text_fourth, s->text, s->text);
  if (!(image > 0 && text > 0))
    return cgap_scalar_null("the similarities within a modality are not above chance", e->image.rows);
  return cgap_scalar_number(unbiased_hsic(n, s->cross_square, s->product, s->image, s->text) / sqrt(image * text),
                            e->image.rows);
}

/* How many of the k nearest images of image i have a text among the k nearest of its own text. */
static size_t common_neighbours(const cgap_audit_sums *e, size_t i, size_t k)
{
  const cgap_neighbour *images = e->image_image.list + i * CGAP_NEIGHBOURS,
                       *texts = e->text_text.list + e->text_of[e->first[i]] * CGAP_NEIGHBOURS;
  size_t common = 0;
  for (size_t a = 0; a < k; a++)
    for (size_t b = 0; b < k; b++)
      common += images[a].row == e->image_of[texts[b].row];
  return common;
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  (void)error;
  const size_t n = e->image.rows, k = n - 1 < CGAP_NEIGHBOURS ? n - 1 : CGAP_NEIGHBOURS;
  cgap_agreement *a = &out->agreement;
  if (!e->paired)
    return CGAP_OK;
  if (!e->agreement) {
    a->mutual_knn = a->mutual_knn_by_chance = a->cka =
      cgap_scalar_null(n < 4 ? "fewer than 4 {images}" : "not every {one image} has one {one text}", n);
    return CGAP_OK;
  }
  size_t common = 0;
  for (size_t i = 0; e->image_image.list && i < n; i++)
    common += common_neighbours(e, i, k);
  a->mutual_knn = e->image_image.list ? cgap_scalar_number((double)common / (double)(n * k), n)
                                      : cgap_scalar_null("a sample does not show the nearest rows of all", n);
  a->mutual_knn.method = e->image_image.list ? CGAP_EXACT : CGAP_SAMPLED;
  a->mutual_knn_by_chance = cgap_scalar_number((double)k / ((double)n - 1), n);
  a->cka = cka_of(e);
  return CGAP_OK;
}

static const cgap_field fields[] = {
  {"agreement.mutual_knn", "mutual kNN", CGAP_GROUP_AGREEMENT, 0, offsetof(cgap_audit, agreement.mutual_knn), 4,
   CGAP_HIGHER, CGAP_HAS_AGREEMENT,
   "Mean share of the 10 nearest rows of its own modality that {an image} and its {one text} have in common.",
   "Huh et al. 2024, arXiv 2405.07987"},
  {"agreement.mutual_knn_by_chance", "mutual kNN by chance", CGAP_GROUP_AGREEMENT, 0,
   offsetof(cgap_audit, agreement.mutual_knn_by_chance), 4, CGAP_NEITHER, CGAP_HAS_AGREEMENT,
   "What two unrelated spaces of this many rows would have in common.", ""},
  {"agreement.cka", "linear CKA", CGAP_GROUP_AGREEMENT, 0, offsetof(cgap_audit, agreement.cka), 4, CGAP_HIGHER,
   CGAP_HAS_AGREEMENT, "Linear centred kernel alignment of {images} and {texts}, with the unbiased estimate of HSIC.",
   "Song et al. 2012, JMLR 13; Kornblith et al. 2019"},
};

const cgap_measure cgap_measure_agreement = {
  .name = "agreement of the modalities",
  .basis = CGAP_ON_ROWS,
  .finish = finish,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
