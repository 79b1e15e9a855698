/* What a choice among candidates is asked for, and what comes of it. */
#ifndef CGAP_HEAD_TRAINING_CANDIDATES_H
#define CGAP_HEAD_TRAINING_CANDIDATES_H

#include "analysis/fields.h"
#include "head/training/training_data.h"
#include "head/training/training_run.h"

enum { CGAP_GOALS = CGAP_GOAL_ZERO_SHOT + 1 };
extern const char *const cgap_goal_names[CGAP_GOALS + 1]; /* ends with NULL */

typedef struct cgap_candidate {
  char name[80];                 /* "whiten, shrinkage 8" */
  const char *method;            /* "original", "center", …, "residual", "linear" */
  double mean;                   /* score */
  double behind, standard_error; /* the best's score less this one, and its standard error, paired by image; NaN where
                                    it left the race */
  double corrected_distance, noise_floor; /* means over the folds */
  const char *out;                        /* why it cannot be chosen; NULL: it can */
} cgap_candidate;

typedef struct cgap_choice_options {
  cgap_train_options training; /* of the heads; the grid sets what `fixed` does not have */
  unsigned fixed;              /* bits of cgap_choice_axis */
  cgap_goal goal;
} cgap_choice_options;

/* What the grid leaves alone. */
typedef enum cgap_choice_axis {
  CGAP_FIX_HEAD = 1,
  CGAP_FIX_START = 2,
  CGAP_FIX_TEMPERATURE = 4,
  CGAP_FIX_RATE = 8,
  CGAP_FIX_EPOCHS = 16
} cgap_choice_axis;

/* The epochs of one training. */
typedef struct cgap_trained_candidate {
  char name[80];
  size_t fold; /* from 1; 0: of the chosen one, fitted again on both parts */
  cgap_history history;
} cgap_trained_candidate;

/* The chosen candidate fitted on a part of its images. */
enum { CGAP_LEARNING = 3 }; /* a quarter, a half, all */
typedef struct cgap_learning {
  size_t images;
  double score, standard_error;
} cgap_learning;

typedef struct cgap_choice {
  cgap_goal goal;
  cgap_candidate *candidate; /* (count) from the simplest */
  size_t count, chosen, best;
  size_t folds, images;                         /* images scored, over all folds; of zero-shot classes */
  cgap_level level;                             /* of the original embeddings, training and validation part */
  double guard;                                 /* the corrected distance that a candidate may leave; INFINITY: any */
  bool still_open;                              /* no candidate stays below it: the least wide of them is chosen */
  char reason[300];                             /* a sentence */
  double seconds;                               /* of all fits and scores */
  double seconds_fit, seconds_per_million_rows; /* of the chosen one: fitted once, and applied by all threads */
  cgap_trained_candidate *trained;              /* (trained_count) every training, in a fixed order */
  size_t trained_count;
  cgap_learning curve[CGAP_LEARNING]; /* of the chosen one, scored on the test part once it is chosen */
  cgap_training_result result; /* of the chosen one: a head also where it needs no training, whose history is empty */
} cgap_choice;

#endif
