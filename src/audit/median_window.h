/* Estimates from a few rows where the median of the non-matching cosines is, so that the pass over all pairs can find
 * it exactly. */
#ifndef CGAP_AUDIT_MEDIAN_WINDOW_H
#define CGAP_AUDIT_MEDIAN_WINDOW_H

#include "analysis/finish.h"
#include "rows/embeddings.h"

/* Up to CGAP_PROBE_ROWS images and as many texts, spread evenly: all cosines of small data are among theirs, and the
 * median is known (window->step is 0 then). Else the window is set, for paired data. Ranks all get the first one's. */
enum { CGAP_PROBE_ROWS = 512 };
CGAP_MUST_CHECK cgap_status cgap_median_window_choose(cgap_median_window *window, cgap_median *median,
                                                      const cgap_embeddings *e, cgap_comm *comm, int threads,
                                                      cgap_error *error);

/* By how much a float cosine of the tile pass may be off: γ_n of the sum of its n products (Higham 2002, 3.1), and the
 * rounding of rows and bounds. */
double cgap_median_margin(size_t dim);

#endif
