/* Couples: from what the data says to which kept image each kept text belongs to. */
#ifndef CGAP_ENGINE_PAIRING_H
#define CGAP_ENGINE_PAIRING_H

#include "rows/embeddings.h"

typedef enum cgap_order { CGAP_IMAGE_MAJOR, CGAP_CAPTION_MAJOR } cgap_order;

/* texts = k × images, without more: which order do the rows themselves support? Both are tried on up to 2,000
 * images spread over the file; supported is the one with the greater z where that is at least 4. Neither: CGAP_FILE. */
CGAP_MUST_CHECK cgap_status cgap_pairing_settle(cgap_order *out, const cgap_data *data, cgap_error *error);

/* Groups texts by image. image_of (texts) is taken over by out. */
CGAP_MUST_CHECK cgap_status cgap_pairs_init(cgap_pairs *out, size_t *image_of, size_t images, size_t texts,
                                            cgap_error *error);
void cgap_pairs_clear(cgap_pairs *pairs);

#endif
