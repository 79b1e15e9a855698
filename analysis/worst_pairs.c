/* pairs.worst: the pairs of lowest cosine, lowest first, lower text first among equals: likely mismatches. */
#include "analysis/finish.h"

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  (void)error;
  for (size_t j = 0; e->paired && j < e->text.rows; j++) {
    size_t place = out->worst_count;
    for (; place > 0 && e->pair_cosine[j] < out->worst[place - 1].cosine; place--)
      if (place < CGAP_WORST)
        out->worst[place] = out->worst[place - 1];
    if (place < CGAP_WORST) {
      out->worst[place] = (cgap_pair){.image = cgap_file_row(&e->image, cgap_image_of(e, j)),
                                      .text = cgap_file_row(&e->text, j),
                                      .cosine = e->pair_cosine[j]};
      out->worst_count += out->worst_count < CGAP_WORST;
    }
  }
  return CGAP_OK;
}

const cgap_measure cgap_measure_worst_pairs = {
  .name = "worst pairs",
  .basis = CGAP_ON_ROWS,
  .finish = finish,
};
