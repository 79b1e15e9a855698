/* Before and after: audits of the test part as it is and through several heads, and what differs. */
#ifndef CGAP_HEAD_EVALUATION_EVALUATION_H
#define CGAP_HEAD_EVALUATION_EVALUATION_H

#include "head/evaluation/comparison.h"
#include "head/training/training_data.h"

/* One column of a study. */
typedef struct cgap_evaluated_head {
  const char *name;
  const cgap_head *head; /* NULL: the embeddings as they are */
  double seconds;        /* that fitting it took */
  unsigned trained;      /* terms of its loss, as cgap_terms_of */
  size_t start;          /* the entrant that its training started from; 0: none */
} cgap_evaluated_head;

typedef struct cgap_evaluation {
  size_t count;
  cgap_audit *audit; /* (count) */
  cgap_comparison comparison;
} cgap_evaluation;

typedef struct cgap_evaluation_options {
  int threads;
  uint64_t memory_bytes;
  bool spill; /* new rows go into nameless files in place of the memory */
  cgap_progress progress;
} cgap_evaluation_options;

/* The first entrant is what the others are held against. */
CGAP_MUST_CHECK cgap_status cgap_evaluation_run(cgap_evaluation *out, const cgap_test_set *test,
                                                const cgap_evaluated_head *entrants, size_t count,
                                                const cgap_evaluation_options *options, cgap_error *error);
void cgap_evaluation_clear(cgap_evaluation *evaluation);

#endif
