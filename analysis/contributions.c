#include "analysis/contributions.h"

#include "base/memory.h"

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
  c->query_image = cgap_zalloc(queries, sizeof *c->query_image);
  c->query_weight = cgap_zalloc(queries, sizeof *c->query_weight);
  c->query_found = cgap_zalloc(queries, sizeof *c->query_found);
  c->query_right = cgap_zalloc(queries, sizeof *c->query_right);
  if (next && c->text_count && c->place && c->label && c->query_image && c->query_weight && c->query_found &&
      c->query_right)
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
  cgap_free(c->query_image);
  cgap_free(c->query_weight);
  cgap_free(c->query_found);
  cgap_free(c->query_right);
  cgap_free(c->between[0]);
  cgap_free(c);
}
