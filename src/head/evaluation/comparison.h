/* Reports compared: each measure of the first against those of the others, with an interval for the difference. */
#ifndef CGAP_HEAD_EVALUATION_COMPARISON_H
#define CGAP_HEAD_EVALUATION_COMPARISON_H

#include "analysis/fields.h"
#include "head/model/loss.h"

/* Whether an input's rows are those of the first input, in the same places. */
typedef enum cgap_rows_relation {
  CGAP_ROWS_UNKNOWN, /* a report has no rows to look at */
  CGAP_ROWS_SAME,    /* ids, captions or the rows themselves say so */
  CGAP_ROWS_ASSUMED, /* they may be: their numbers agree and nothing says otherwise */
  CGAP_ROWS_OTHER
} cgap_rows_relation;

/* What else differs between two inputs that a measure depends on. */
typedef enum cgap_incomparable {
  CGAP_OTHER_NONE,
  CGAP_OTHER_N, /* the number of rows: no difference is taken */
  CGAP_OTHER_D  /* the dimension: a difference, but no verdict on it */
} cgap_incomparable;

/* b − a of one entry; lo and hi NaN where there is no interval, difference NaN where one of them is null, or they
 * cannot be compared. */
typedef struct cgap_change {
  double difference, lo, hi;
  cgap_incomparable other;
  bool same;  /* up to rounding */
  bool opens; /* a gap that training opens, whatever it was before */
} cgap_change;

/* One report: all scalars of the table of fields, then the plain numbers. */
typedef struct cgap_compared {
  char *name;          /* "before", "pairs.h5" */
  cgap_scalar *scalar; /* (entries) */
  bool *present;       /* (entries) */
  uint64_t dim;        /* d of its rows; 0: not known */
  uint64_t text_dim;   /* of its texts; 0: not known, or there are none */
  double seconds;      /* spent on what made it; NaN: not known */
  unsigned trained;    /* terms of the loss that made its rows, as cgap_terms_of; 0: none, or not known */
  cgap_rows_relation rows;
  const char *rows_why;   /* a static template of words; NULL where unknown */
  size_t start;           /* the input that its training started from; 0: none is known */
  cgap_change from_start; /* of gap.corrected_distance, from that input to this */
  char *trained_on; /* "300 of 500 images" that the head was trained on which its rows came through; NULL: none known */
} cgap_compared;

typedef struct cgap_comparison {
  size_t count, entries;
  cgap_compared *input;      /* (count), the first is what the others are compared with */
  cgap_change *change;       /* (count, entries), the first row unused */
  cgap_modality_names names; /* of all inputs; of a modality that they call differently "first" or "second" */
  bool names_differ;
} cgap_comparison;

CGAP_MUST_CHECK cgap_status cgap_comparison_init(cgap_comparison *out, size_t count, cgap_error *error);
void cgap_comparison_clear(cgap_comparison *comparison);

/* Notes what one more input calls its modalities, or the one that it has. */
void cgap_comparison_call_modalities(cgap_comparison *c, const cgap_modality_names *names, bool has_texts);

/* Names input k: the name is copied; one that another input has gets a number. */
CGAP_MUST_CHECK cgap_status cgap_comparison_set_name(cgap_comparison *c, size_t k, const char *name, cgap_error *error);

/* The difference of input k to the first by key; NULL where there is none. */
const cgap_change *cgap_comparison_change_of(const cgap_comparison *c, size_t k, const char *key);

/* Fills input k. The name is copied; one that another input has gets a number. */
CGAP_MUST_CHECK cgap_status cgap_comparison_audit(cgap_comparison *c, size_t k, const char *name,
                                                  const cgap_audit *audit, cgap_error *error);
enum { CGAP_INTERVALS = 500 };
/* How the intervals of all inputs were made, by the relation of their rows to the first's. */
void cgap_comparison_intervals(char out[CGAP_INTERVALS], const cgap_comparison *c, const cgap_modality_names *names);

/* Differences of input k to the first, once both are filled, with intervals as of independent samples: each end's
 * distance is the root of the sum of squares of the two intervals' (Donner and Zou 2012). Paired ones may replace them.
 */
void cgap_comparison_differences(cgap_comparison *c, size_t k);

/* Marks the differences of input k that are rounding alone, all of them where the rows are the same up to the rounding
 * of their types; their intervals are widened to contain 0. To be called again once intervals are replaced. */
void cgap_comparison_mark_same(cgap_comparison *c, size_t k, bool same_rows);

/* Whether training made input k's value of an entry small on purpose: that it is better elsewhere too is no surprise.
 */
bool cgap_comparison_trained_on(const cgap_comparison *c, size_t k, size_t entry);

/* Whether training opened the gap of input k: its corrected distance is clearly above that of its start, and not low.
 */
bool cgap_comparison_opens(const cgap_comparison *c, size_t k);

/* Sets the start of input k, and what follows for the words of its gap. */
void cgap_comparison_set_start(cgap_comparison *c, size_t k, size_t start, const cgap_change *from_start);

const char *cgap_entry_key(size_t entry);
/* SIZE_MAX: no such key. */
size_t cgap_entry_find(const char *key);
cgap_better cgap_entry_better(size_t entry);
/* The same for input k against the first: below the value of the uniform distribution images and texts are as far
 * apart as an open gap puts them, and lower is no better; there the value nearer to it is. */
cgap_better cgap_comparison_better(const cgap_comparison *c, size_t k, size_t entry);

/* "opens": a gap that training opened; "better", "worse" or, where neither direction is better, "different": the
 * interval leaves out 0; "unclear": it does not; "no interval": what sampling alone makes of two values is not known,
 * so their difference is no verdict; "same"; "other n" and "other d" where the measure depends on what differs;
 * "unknown" where a value is null. */
const char *cgap_change_word(const cgap_change *change, cgap_better better);

/* How an input was measured: sampled or bf16 where any of its measures is; some are exact always. */
cgap_method cgap_comparison_method(const cgap_comparison *c, size_t k);

/* ---------------------------------------------------------------- same rows */

/* Whether two audits are of the same images and texts, seen from their rows alone: through two models, or before and
 * after a head, the same images have much the same neighbours. */

/* Of audits that cgap_paired_possible has; why receives a static phrase. Same: nearly every probed image, and its
 * texts, has the neighbours in b that it has in a, and no other image has. Other: similarities in b have nothing to do
 * with those in a. Assumed: between, or too few images to tell. */
cgap_rows_relation cgap_rows_recognised(const cgap_audit *a, const cgap_audit *b, const char **why);

#endif
