/* For each row of a sample, the sums of its cosines with the others and of their squares, in double from means and
 * second moments: x·Σy and xᵀ(Σ y yᵀ)x, O(n d²) for what couple by couple is O(n² d). */
#ifndef CGAP_ENGINE_CONTROLS_H
#define CGAP_ENGINE_CONTROLS_H

#include "analysis/sampled.h"
#include "audit/row_sample.h"

typedef struct cgap_controls {
  double *image_image[2], *image_text[2]; /* (images) of each image among images, and among texts: [0] c, [1] c² */
  double *text_text[2], *text_image[2];   /* (texts) */
} cgap_controls;

/* After cgap_drawn_moments, on every rank. A row itself, and couples that belong together, are left out. */
CGAP_MUST_CHECK cgap_status cgap_controls_run(cgap_controls *out, const cgap_drawn *drawn, cgap_comm *ranks,
                                              int threads, cgap_error *error);
void cgap_controls_clear(cgap_controls *c);
void cgap_controls_set(const cgap_controls *c, cgap_sampled *sampled);

#endif
