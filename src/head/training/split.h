/* Which image is for what. A text goes with its image; images with equal rows, and images that share an
 * equal text row, go together, so that nothing of the test part is seen in training. */
#ifndef CGAP_HEAD_SPLIT_H
#define CGAP_HEAD_SPLIT_H

#include "rows/embeddings.h"

typedef struct cgap_split {
  unsigned char *part; /* (images) */
  size_t images[CGAP_PARTS], texts[CGAP_PARTS];
  size_t tied;       /* images that go with another one */
  bool texts_across; /* equal texts were so frequent that only equal images go together */
} cgap_split;

/* e has pairs; where it is not resident its rows are read once more. Shares of the images, validation may be 0.
 * CGAP_DATA under 10 images. */
CGAP_MUST_CHECK cgap_status cgap_split_init(cgap_split *out, const cgap_embeddings *e, double validation, double test,
                                            uint64_t seed, cgap_error *error);
void cgap_split_clear(cgap_split *split);

#endif
