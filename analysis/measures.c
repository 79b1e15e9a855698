/* The list of measures. A new one: a file here, its name below and in meson.build, its value in cgap_audit. */
#include "analysis/measure.h"
#include "base/memory.h"

extern const cgap_measure cgap_measure_centroid, cgap_measure_separability, cgap_measure_rmg, cgap_measure_alignment,
  cgap_measure_pairing_check, cgap_measure_zero_shot, cgap_measure_arithmetic, cgap_measure_pca, cgap_measure_hubness,
  cgap_measure_mixed_retrieval, cgap_measure_mmd, cgap_measure_modality_mixing, cgap_measure_worst_pairs;

/* Losses use uniformity and alignment, the pairing check the cosines. Uniformity comes before the cosines, which take
 * the matched pairs out of the histogram that its sampled form reads. */
const cgap_measure *const cgap_measures[CGAP_MEASURES] = {
  &cgap_measure_centroid,
  &cgap_measure_separability,
  &cgap_measure_rmg,
  &cgap_measure_uniformity,
  &cgap_measure_mmd,
  &cgap_measure_alignment,
  &cgap_measure_cosine,
  &cgap_measure_below_median,
  &cgap_measure_pairing_check,
  &cgap_measure_retrieval,
  &cgap_measure_mixed_retrieval,
  &cgap_measure_csls,
  &cgap_measure_zero_shot,
  &cgap_measure_arithmetic,
  &cgap_measure_loss,
  &cgap_measure_pca,
  &cgap_measure_hubness,
  &cgap_measure_modality_mixing,
  &cgap_measure_agreement,
  &cgap_measure_near_duplicates,
  &cgap_measure_worst_pairs,
  NULL,
};

void cgap_measure_mark(const cgap_measure *measure, cgap_method method, cgap_audit *out)
{
  for (size_t k = 0; k < measure->field_count; k++) {
    cgap_scalar *s = (cgap_scalar *)((char *)out + measure->fields[k].offset);
    s->method = s->method == CGAP_EXACT || method == CGAP_SAMPLED ? method : s->method;
  }
}

/* ---------------------------------------------------------------- contributions */

cgap_contributions *cgap_contributions_new(size_t images, size_t texts, size_t classes, size_t queries)
{
  enum { ARRAYS_PER_IMAGE = CGAP_PAIR_KINDS + CGAP_OF_CENTROIDS + 1 };
  cgap_contributions *c = cgap_zalloc(1, sizeof *c);
  size_t count = 0;
  if (!c)
    return NULL;
  double *next = cgap_product(&count, images, ARRAYS_PER_IMAGE) ? cgap_zalloc(count + texts, sizeof *next) : NULL;
  c->images = images;
  c->texts = texts;
  c->classes = classes;
  for (int k = 0; next && k < CGAP_PAIR_KINDS; k++, next += images)
    c->kernel[k] = next;
  for (int k = 0; next && k < CGAP_OF_CENTROIDS; k++, next += images)
    c->centroid[k] = next;
  c->loss_image = next;
  c->loss_text = next ? next + images : NULL;
  c->text_count = cgap_zalloc(images, sizeof *c->text_count);
  c->place = cgap_zalloc(classes ? images : 0, sizeof *c->place);
  c->label = cgap_zalloc(classes ? images : 0, sizeof *c->label);
  c->nearest = cgap_zalloc(classes ? images : 0, sizeof *c->nearest);
  c->query_image = cgap_zalloc(queries, sizeof *c->query_image);
  c->query_weight = cgap_zalloc(queries, sizeof *c->query_weight);
  c->query_found = cgap_zalloc(queries, sizeof *c->query_found);
  c->query_right = cgap_zalloc(queries, sizeof *c->query_right);
  if (next && c->text_count && c->place && c->label && c->nearest && c->query_image && c->query_weight &&
      c->query_found && c->query_right)
    return c;
  cgap_contributions_free(c);
  return NULL;
}

void cgap_contributions_free(cgap_contributions *c)
{
  if (!c)
    return;
  cgap_free(c->kernel[0]); /* with all that follows in the same block */
  cgap_free(c->text_count);
  cgap_free(c->place);
  cgap_free(c->label);
  cgap_free(c->nearest);
  cgap_free(c->query_image);
  cgap_free(c->query_weight);
  cgap_free(c->query_found);
  cgap_free(c->query_right);
  cgap_free(c->between[0]);
  cgap_free(c);
}
