/* Before and after: audits of the test split as it is and through several heads, and what differs. */
#ifndef CGAP_HEAD_EVALUATION_EVALUATION_H
#define CGAP_HEAD_EVALUATION_EVALUATION_H

#include "head/evaluation/comparison.h"
#include "head/training/training_data.h"

/* One column of an evaluation. */
typedef struct cgap_evaluated_head {
  const char *name;
  const cgap_head *head; /* NULL: the embeddings as they are */
  double seconds;        /* that fitting it took */
  unsigned trained;      /* terms of its loss, as cgap_terms_of */
  size_t start;          /* the column that its training started from; 0: none */
} cgap_evaluated_head;

typedef struct cgap_evaluation {
  size_t count;
  cgap_audit *audit; /* (count) */
  cgap_comparison comparison;
} cgap_evaluation;

typedef struct cgap_evaluation_options {
  int threads;
  uint64_t memory_bytes;
  bool spill; /* new rows go into unnamed files instead of memory */
  cgap_progress progress;
} cgap_evaluation_options;

/* The first of heads is what the others are compared with. */
CGAP_MUST_CHECK cgap_status cgap_evaluation_run(cgap_evaluation *out, const cgap_test_set *test,
                                                const cgap_evaluated_head *heads, size_t count,
                                                const cgap_evaluation_options *options, cgap_error *error);
void cgap_evaluation_clear(cgap_evaluation *evaluation);

/* ---------------------------------------------------------------- paired by image */

/* Intervals of the differences of two audits of the same images with the same texts, row by row; the image with its
 * texts is the unit.
 *
 * Fractions (recall, top 1, top 5): the exact McNemar test on the queries whose answer changed; the interval is Clopper
 * and Pearson's for the fraction of gains among them, times their number; with several texts per image their number is
 * divided by deff, as in Wilson's interval of one report.
 * Means over queries or pairs: the interval that inverts the test by random signs of the images' differences (Fisher's
 * randomisation test): 5 % false alarms whatever the tails, where images could as well be exchanged between the two.
 * Above 4,000 images, and for what is no mean (uniformities, and losses and gaps that contain them): Student's, from
 * the images' contributions; of uniformities less what is counted twice (their Hoeffding decomposition).
 * Median rank: from the order statistics of either audit, as if independent; too wide rather than too narrow.
 * gap.corrected_distance: where both are clear of 0 from the two audits' intervals with the correlation of their
 * estimates (Zou and Donner 2008); else from the lower end of one to the upper end of the other, which is too wide
 * rather than too narrow: the error of a root that was cut at 0 has one sign. */

/* Whether the audits have the same images with the same texts in the same places, as far as numbers tell, and both have
 * their contributions. */
bool cgap_paired_possible(const cgap_audit *a, const cgap_audit *b);

/* Replaces the intervals of input k of c by paired ones of b − a, and marks what is the same up to rounding.
 * CGAP_RESOURCE: out of memory. */
CGAP_MUST_CHECK cgap_status cgap_paired_differences(cgap_comparison *c, size_t k, const cgap_audit *a,
                                                    const cgap_audit *b, cgap_error *error);

/* A mean over both directions of search: of nDCG@10 in one index of both modalities, of recall@1 in the other one. */
typedef enum cgap_both { CGAP_BOTH_MIXED_NDCG, CGAP_BOTH_RECALL_AT_1 } cgap_both;

/* b − a with its paired interval, of audits that cgap_paired_possible has. */
CGAP_MUST_CHECK cgap_status cgap_paired_both(cgap_change *out, cgap_both score, const cgap_audit *a,
                                             const cgap_audit *b, cgap_error *error);

/* What the advice and the recommendation say of an audit (distance, mean of both kinds of mixed nDCG@10, of both
 * directions of recall@1), and b − a of it with paired intervals; those of searches only where
 * cgap_paired_possible has them. */
void cgap_trial_measures(cgap_scalar out[CGAP_TRIAL_MEASURES], const cgap_audit *audit);
CGAP_MUST_CHECK cgap_status cgap_trial_differences(cgap_scalar out[CGAP_TRIAL_MEASURES], const cgap_audit *a,
                                                   const cgap_audit *b, cgap_error *error);

/* The paired interval of gap.corrected_distance alone; without contributions the wide one. */
cgap_change cgap_paired_distance(const cgap_audit *a, const cgap_audit *b);

/* Whether all cosines agree within what rounding to the files' types can make of them. */
bool cgap_paired_same_rows(const cgap_audit *a, const cgap_audit *b);

#endif
