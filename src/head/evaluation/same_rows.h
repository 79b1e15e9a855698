/* Whether two audits are of the same images and texts, seen from their rows alone: through two models, or before and
 * after a head, the same images have much the same neighbours. */
#ifndef CGAP_HEAD_EVALUATION_SAME_ROWS_H
#define CGAP_HEAD_EVALUATION_SAME_ROWS_H

#include "head/evaluation/comparison.h"

/* Of audits that cgap_paired_possible has; why receives a static phrase. Same: nearly every probed image, and its
 * texts, has the neighbours in b that it has in a, and no other image has. Other: similarities in b have nothing to do
 * with those in a. Assumed: between, or too few images to tell. */
cgap_rows_relation cgap_rows_recognised(const cgap_audit *a, const cgap_audit *b, const char **why);

#endif
