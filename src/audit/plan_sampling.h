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

/* Seconds of a tile pass with every measure over so many cosines of rows of `dim`, as fast as a few short products have
 * just been with all threads at work. INFINITY: nothing could be measured. */
double cgap_tiles_seconds(double cosines, size_t dim, bool bfloat, int threads);

/* What the sample's rows need in memory, its queries a second time; of several ranks, which share the sample out, and
 * have the queries each. */
uint64_t cgap_sampling_bytes(const cgap_sampling *s, size_t dim, cgap_type image, cgap_type text, int ranks);

#endif
