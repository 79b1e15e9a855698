/* mixed.*: over all N + M rows, the fraction of a row's k = min(10, N + M − 1) nearest other rows among those of both
 * sides that are of its own modality (in the spirit of the alignment score of single-cell integration, Butler et al.
 * 2018); .unbiased: what chance would give, (N(N − 1) + M(M − 1))/((N + M)(N + M − 1)). */
#include "analysis/finish.h"
#include "analysis/interval.h"

/* Mean fraction over the rows of one modality. Images come first in the pool, so that among equal cosines, which the
 * two lists have as equal numbers, the own modality wins for images, and the other for texts. */
static double same_modality_fraction(const cgap_neighbours *own, const cgap_neighbours *other, size_t k, bool own_first)
{
  double total = 0;
  for (size_t row = 0; row < own->rows; row++) {
    const cgap_neighbour *a = own->list + row * CGAP_NEIGHBOURS, *b = other->list + row * CGAP_NEIGHBOURS;
    size_t mine = 0;
    for (size_t taken = 0; taken < k; taken++) {
      const double x = a[mine].cosine, y = b[taken - mine].cosine;
      mine += own_first ? x >= y : x > y;
    }
    total += (double)mine / (double)k;
  }
  return total / (double)own->rows;
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  (void)error;
  const size_t pool = e->image.rows + e->text.rows, k = pool - 1 < CGAP_NEIGHBOURS ? pool - 1 : CGAP_NEIGHBOURS;
  const double n = (double)e->image.rows, m = (double)e->text.rows;
  const double image = same_modality_fraction(&e->image_image, &e->image_text, k, true);
  const double text = same_modality_fraction(&e->text_text, &e->text_image, k, false);
  out->mixed.image = cgap_scalar_number(image, e->image.rows);
  out->mixed.text = cgap_scalar_number(text, e->text.rows);
  out->mixed.same_modality_share = cgap_scalar_number((n * image + m * text) / (n + m), pool);
  out->mixed.unbiased = cgap_scalar_number((n * (n - 1) + m * (m - 1)) / ((n + m) * (n + m - 1)), pool);
  return CGAP_OK;
}

static const cgap_field fields[] = {
  {"mixed.same_modality_share", "same-modality share", CGAP_GROUP_MIXED, 0,
   offsetof(cgap_audit, mixed.same_modality_share), 4, CGAP_LOWER, CGAP_ONE_SPACE,
   "Share of a row's 10 nearest rows, of both modalities pooled, that are of its own modality.", ""},
  {"mixed.image", "same-modality share", CGAP_GROUP_MIXED, 1, offsetof(cgap_audit, mixed.image), 4, CGAP_LOWER,
   CGAP_ONE_SPACE, "Of {an image}'s 10 nearest rows, the share that are {images}.", ""},
  {"mixed.text", "same-modality share", CGAP_GROUP_MIXED, 2, offsetof(cgap_audit, mixed.text), 4, CGAP_LOWER,
   CGAP_ONE_SPACE, "Of {a text}'s 10 nearest rows, the share that are {texts}.", ""},
  {"mixed.unbiased", "same-modality share", CGAP_GROUP_MIXED, 3, offsetof(cgap_audit, mixed.unbiased), 4, CGAP_NEITHER,
   CGAP_ONE_SPACE, "The share of the own modality that chance would give at these sizes.", ""},
};

const cgap_measure cgap_measure_modality_mixing = {
  .name = "mixing of the modalities",
  .basis = CGAP_ON_NEIGHBOURS,
  .finish = finish,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
