/* All couples, or those of a sample, and of how many rows. */
#ifndef CGAP_ENGINE_SAMPLING_H
#define CGAP_ENGINE_SAMPLING_H

#include "contragap/contragap.h"

typedef struct cgap_sampling {
  size_t images, texts; /* rows of the sample; 0: all couples are looked at */
  size_t queries;       /* images of it that are ranked, with their texts; 0 where unpaired */
  double exact_seconds; /* that all couples would take; NaN where nobody asked */
} cgap_sampling;

/* For so many images and texts of `dim`, and so many threads on each of options->ranks. The choice of CGAP_PAIRS_AUTO
 * rests on a short measurement, unless the work is far from a minute's; the sizes on the options and the data alone. */
cgap_sampling cgap_sampling_choose(size_t images, size_t texts, size_t dim, bool paired, int threads,
                                   const cgap_audit_options *options);

/* Operations a second of products of rows of `dim`, all threads at work; the fastest of a few short runs. A tile pass
 * with every measure does this share of it. */
#define CGAP_SHARE_OF_PRODUCTS 0.75
double cgap_product_rate(size_t dim, int threads);

/* What the sample's rows need in memory, its queries a second time; of several ranks, which share the sample out, and
 * have the queries each. */
uint64_t cgap_sampling_bytes(const cgap_sampling *s, size_t dim, cgap_type image, cgap_type text, int ranks);

#endif
