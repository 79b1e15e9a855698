/* Which queries and which classes a head, or a method without training, helps, and which it hurts: the ranks of the
 * same queries in two audits, side by side. */
#ifndef CGAP_HEAD_EVALUATION_CHANGES_H
#define CGAP_HEAD_EVALUATION_CHANGES_H

#include "contragap/contragap.h"

/* Search among the rows of the other modality, and in one index of both. */
typedef enum cgap_search { CGAP_SEARCH_CROSS, CGAP_SEARCH_MIXED, CGAP_SEARCHES } cgap_search;

/* Whose queries. */
typedef enum cgap_asking { CGAP_IMAGES_ASK, CGAP_TEXTS_ASK, CGAP_BOTH_ASK, CGAP_ASKING } cgap_asking;

/* Where a partner counts as found. */
typedef enum cgap_cut { CGAP_WITHIN_1, CGAP_WITHIN_10, CGAP_CUTS } cgap_cut;

enum { CGAP_BEFORE, CGAP_AFTER, CGAP_TIMES, CGAP_LOSERS = 20 };

/* Queries that find their partner only before (lost), only afterwards (gained). p: of the exact two-sided McNemar test,
 * 1 where nothing changed. Where an image has several of the queries, those that change together count less: both
 * counts are divided by the design effect, as for the interval of the difference. */
typedef struct cgap_flips {
  uint64_t queries, lost, gained;
  double p;
} cgap_flips;

typedef struct cgap_changed_query {
  bool is_text;
  size_t row; /* of the file */
  double rank[CGAP_SEARCHES][CGAP_TIMES];
} cgap_changed_query;

typedef struct cgap_changed_class {
  size_t label;
  double top_1[CGAP_TIMES], gap[CGAP_TIMES];
  cgap_flips flips; /* its images, by whether the nearest class text is their own */
  double p_holm;    /* flips.p after Holm's correction for all classes */
} cgap_changed_class;

/* Images of a class whose nearest class text was their own before and is another one's afterwards. */
typedef struct cgap_class_move {
  size_t label, into;
  uint64_t images;
} cgap_class_move;

typedef struct cgap_changes {
  cgap_modality_names names;
  cgap_flips flips[CGAP_SEARCHES][CGAP_ASKING][CGAP_CUTS];
  cgap_changed_query *query; /* (queries) images by row, then texts by row */
  size_t queries;
  cgap_changed_class *class; /* (classes) that have images, by label */
  size_t classes;
  cgap_class_move *move; /* (moves) by label, then by where they go */
  size_t moves;
  /* Places in query, in class, of those that lose most, the worst first: of queries by how much 1/rank falls in the
   * search in the other modality; of classes by top_1. */
  size_t losing_query[CGAP_LOSERS], losing_queries;
  size_t losing_class[CGAP_LOSERS], losing_classes;
  const bool *held; /* by label: classes that were kept out of training; the caller's; NULL: there are none */
} cgap_changes;

/* Both audits have pairs and contributions, and cgap_paired_possible holds for them. */
CGAP_MUST_CHECK cgap_status cgap_changes_init(cgap_changes *out, const cgap_audit *before, const cgap_audit *after,
                                              cgap_error *error);
void cgap_changes_clear(cgap_changes *changes);

/* Zero-shot of some of the classes, by the audits and flips of all. */
typedef struct cgap_class_part {
  size_t classes;
  cgap_flips flips;
} cgap_class_part;

/* Of those whose changes->held is `unseen`. */
void cgap_class_part_of(cgap_class_part *out, const cgap_changes *changes, bool unseen);

/* top 1 of the images of those classes, among all classes. */
double cgap_class_part_top_1(const cgap_audit *audit, const bool *held, bool unseen);

/* Multiplies the p values (count) for Holm's correction (1979); each stays at most 1. CGAP_RESOURCE: out of memory. */
CGAP_MUST_CHECK cgap_status cgap_holm(double *out, const double *p, size_t count, cgap_error *error);

#endif
