/* A choice being made: its candidates as recipes, the folds, and how recipes are fitted and scored. choice.c has the
 * candidates and the rule. */
#ifndef CGAP_HEAD_TRAINING_CHOICE_FIT_H
#define CGAP_HEAD_TRAINING_CHOICE_FIT_H

#include "head/training/candidates.h"
#include "head/training/validation_score.h"

enum { CGAP_TRIALS_MAX = 6, CGAP_CANDIDATES_MAX = 32 };

/* What a candidate is: a method with its strength, or a trial blended with its start, or neither: the original
 * embeddings. */
typedef struct cgap_recipe {
  bool closed; /* a method that needs no training: `method` with `factor` */
  cgap_gap_method method;
  double factor;
  int training; /* the trial; −1: none */
  double blend; /* 1: the head as trained */
} cgap_recipe;

/* One training of the grid. */
typedef struct cgap_trial {
  cgap_train_options options;
  bool races; /* still */
} cgap_trial;

/* A fold: what candidates are fitted on, and the images that score them. */
typedef struct cgap_choice_fold {
  cgap_split split;
  cgap_split_rows every;                   /* all rows that methods are fitted on, equal ones too */
  cgap_split_rows training, inner, scored; /* of heads; inner chooses their epoch */
  cgap_validation_classes classes;         /* of those scored, for zero-shot */
  cgap_head *start[CGAP_STARTS];           /* that heads start from; NULL: what options say */
  size_t first, images;                    /* its place among the images scored */
} cgap_choice_fold;

typedef struct cgap_choosing {
  cgap_choice *out;
  const cgap_training_data *data;
  const cgap_embeddings *e;
  cgap_choice_options options;
  int threads;
  cgap_recipe recipe[CGAP_CANDIDATES_MAX]; /* (out->count) */
  cgap_trial trial[CGAP_TRIALS_MAX];
  size_t trials, folds;
  cgap_choice_fold fold[CGAP_FOLDS_MAX];
  size_t epoch[CGAP_TRIALS_MAX][CGAP_FOLDS_MAX];     /* kept */
  cgap_training_result kept[CGAP_TRIALS_MAX];        /* of one fold alone: what may be chosen */
  cgap_history log[CGAP_TRIALS_MAX][CGAP_FOLDS_MAX]; /* of the longest training in each fold */
  size_t images;
  double *score[CGAP_CANDIDATES_MAX], *mrr[CGAP_CANDIDATES_MAX]; /* (images) */
  double square[CGAP_CANDIDATES_MAX][CGAP_FOLDS_MAX];            /* of the corrected distance, not cut at 0 */
  double noise[CGAP_CANDIDATES_MAX][CGAP_FOLDS_MAX];             /* of the noise floor, squared */
  bool stop;                                                     /* the user asks for it */
  size_t jobs_done, jobs;
} cgap_choosing;

/* The folds, and room for the scores of all recipes. */
CGAP_MUST_CHECK cgap_status cgap_choosing_open_folds(cgap_choosing *r, cgap_error *error);
void cgap_choosing_clear(cgap_choosing *r);

/* Scores of the original embeddings and the methods in every fold; then of the heads: a quarter of every training in
 * the first fold, the better half whole, the best of them in all folds. */
CGAP_MUST_CHECK cgap_status cgap_choosing_score_methods(cgap_choosing *r, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_choosing_race_heads(cgap_choosing *r, cgap_error *error);

/* The chosen recipe on the training part, or where there are folds on the validation part too. */
CGAP_MUST_CHECK cgap_status cgap_choosing_fit(cgap_choosing *r, cgap_error *error);

/* The same on ¼, ½ and all of its images, scored on the test part. */
CGAP_MUST_CHECK cgap_status cgap_choosing_learn(cgap_choosing *r, cgap_error *error);

/* Every training, by the order of the grid, then of the folds, becomes the choice's. */
CGAP_MUST_CHECK cgap_status cgap_choosing_note_trained(cgap_choosing *r, cgap_error *error);

double cgap_choosing_mean(const double *v, size_t count);

#endif
