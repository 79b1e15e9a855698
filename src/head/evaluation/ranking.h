/* Which of several inputs is best at a measure, and whether that is more than chance.
 *
 * The best input is compared with each of the others, paired where their rows are the same. What an interval says is
 * turned into a p value as if the difference were normal: 2 Φ(-1.96 |d| / h), h from d to the end of the 95 % interval
 * that is on the side of 0; it is below 0.05 exactly where the interval excludes 0. The p values of a measure are
 * corrected by Holm's procedure (1979), and its best input is marked where all of them are below 0.05 then. A mark is
 * wrong only if the best is no better than some other, which it then seems to be in at most 5 % of all data, up to the
 * errors of the intervals; mostly far less often, 5 % where two inputs share the first place. That holds for each
 * measure, so that one mark in twenty measures may be chance; what other measures are in the table changes no mark. */
#ifndef CGAP_HEAD_EVALUATION_RANKING_H
#define CGAP_HEAD_EVALUATION_RANKING_H

#include "head/evaluation/comparison.h"

/* The best input less another one, at one measure. */
typedef struct cgap_lead {
  cgap_change change; /* difference NaN: the other lacks the measure, or cannot be compared */
  double p, p_holm;   /* NaN: no interval, so no test */
} cgap_lead;

typedef struct cgap_ranked {
  size_t entry;
  cgap_better better;      /* CGAP_NEITHER: not ranked */
  size_t best, next;       /* inputs; SIZE_MAX: none, where fewer than two can be ranked, or the best are the same */
  bool significant;        /* the best is better than each of the others after Holm's correction */
  cgap_incomparable other; /* what the inputs differ in on which the measure depends, so that it is not ranked */
  cgap_lead *lead;         /* (inputs) of the best over each; the best's own is empty */
} cgap_ranked;

typedef struct cgap_ranking {
  size_t inputs, count, tests; /* tests: p values of all measures */
  cgap_ranked *measure;        /* (count) in the order of the table of fields */
  cgap_lead *leads;            /* (count, inputs) */
} cgap_ranking;

enum { CGAP_RANKING_MEASURES = 20 };

/* The entries that a table shows: all fields that two inputs have, or of those with a better direction the twenty that
 * matter first. out (entries of c). Returns how many. */
size_t cgap_ranking_entries(size_t *out, const cgap_comparison *c, bool all);

/* audit (inputs): NULL for a report; relation (inputs, inputs): whose rows are whose. CGAP_RESOURCE: out of memory. */
CGAP_MUST_CHECK cgap_status cgap_ranking_init(cgap_ranking *out, const cgap_comparison *c, const size_t *entries,
                                              size_t count, const cgap_audit *const *audit,
                                              const cgap_rows_relation *relation, cgap_error *error);
void cgap_ranking_clear(cgap_ranking *ranking);

/* Input k's value of an entry, NaN where it has none; and the same so that less is better: of uniformity.cross the
 * distance from the uniform distribution's value, of what has no better direction less the value. */
double cgap_ranking_value(const cgap_comparison *c, size_t k, size_t entry);
double cgap_ranking_score(const cgap_comparison *c, size_t k, size_t entry);

/* order (count of c): the inputs with the best first by this entry, those without a value last; ties as given. */
void cgap_ranking_order(size_t *order, const cgap_comparison *c, size_t entry);

/* Of a difference with its 95 % interval, as above; NaN where it has none. */
double cgap_change_p(const cgap_change *change);

/* ---------------------------------------------------------------- series */

/* number (count): the one number in which the names differ, as in ckpt_100, ckpt_200 or step-2e3. CGAP_USAGE: a name
 * without number, names with several numbers that differ, two names with the same number; the message says which. */
CGAP_MUST_CHECK cgap_status cgap_series_numbers(double *number, const char *const *names, size_t count,
                                                cgap_error *error);

/* Whether numbers (count, rising) belong on a logarithmic axis: above 0, over a decade or more, and their ratios more
 * even than their differences. */
bool cgap_series_is_geometric(const double *number, size_t count);

#endif
