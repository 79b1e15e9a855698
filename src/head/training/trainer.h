/* Training: epoch after epoch over a training split, with a validation split to choose the epoch. The state is all
 * that a run needs to go on with the same bits: parameters, moments, position, the epoch to keep. */
#ifndef CGAP_HEAD_TRAINING_TRAINER_H
#define CGAP_HEAD_TRAINING_TRAINER_H

#include "contragap/contragap.h"
#include "head/model/layers.h"
#include "head/training/split.h"

/* ---------------------------------------------------------------- adamw */

/* AdamW (Loshchilov and Hutter 2019) over a buffer of parameters, and the learning rate's schedule. */

typedef struct cgap_adamw {
  size_t count;
  float *m, *v;   /* (count) first and second moment; one block, freed through m */
  double *square; /* sums of squares of a gradient's chunks */
  uint64_t step;  /* steps taken */
} cgap_adamw;

enum { CGAP_ADAMW_TEMPERATURE = 1 }; /* one parameter more than the layers have: log τ, at the end */

bool cgap_adamw_init(cgap_adamw *out, size_t count);
void cgap_adamw_clear(cgap_adamw *a);

/* One step. parameters and gradient (count): the blocks of `layers`, then log τ. Weights are decayed, biases and log τ
 * are not. clip > 0: a gradient of greater norm is scaled down to it. Returns the gradient's norm before. */
double cgap_adamw_update(cgap_adamw *a, const cgap_layers *layers, float *parameters, const float *gradient,
                         double rate, double decay, double clip, int threads);

/* The rate of step `step` (from 0) of `steps`: cosine rises over the first 5 % and falls to 0; constant is constant. */
double cgap_schedule_rate(cgap_schedule schedule, double rate, uint64_t step, uint64_t steps);

/* ---------------------------------------------------------------- trainer */

/* Written to checkpoints as it is: plain numbers, no pointers. */
typedef struct cgap_progress_state {
  uint64_t epoch;      /* completed */
  uint64_t batch;      /* completed in the epoch at work */
  uint64_t kept_epoch; /* 0: the start */
  uint64_t steps;
  double kept_loss;             /* validation loss of the kept epoch; INFINITY: none yet */
  double first_loss;            /* of the first step, to recognise an explosion; NaN: none yet */
  double seconds, step_seconds; /* since training began; of the steps of the epoch at work */
  cgap_loss_terms sums;         /* over the batches of the epoch at work */
  double gradient_norm;
} cgap_progress_state;

/* What a history is read against, of the validation part. NaN where its rows are not in memory. */
typedef struct cgap_reference_levels {
  cgap_loss_terms raw; /* of the rows as they are in the file, without a head */
  double raw_gap;      /* their centroid distance */
  double noise_floor;  /* gap.noise_floor of the rows through the kept head */
} cgap_reference_levels;

typedef struct cgap_trainer {
  cgap_train_options options;
  const cgap_split_rows *training, *validation; /* borrowed; validation->positives.count 0: none */
  cgap_layers layers;
  cgap_progress_state state;
  float *parameters; /* (count): the layers', then log τ */
  float *kept;       /* (count) of the epoch to keep */
  float *gradient;   /* (count) */
  size_t count;
  cgap_adamw adamw;

  cgap_batches batches;
  cgap_loss *loss;
  cgap_activations activations[CGAP_MODALITIES]; /* for the largest batch and the validation split */
  float *pull[CGAP_MODALITIES];                  /* ∂L/∂z */
} cgap_trainer;

/* options have been checked; the splits must outlive the trainer. start: a head of the same layers whose parameters
 * training starts from; NULL: what options.start says. */
CGAP_MUST_CHECK cgap_status cgap_trainer_init(cgap_trainer *out, const cgap_split_rows *training,
                                              const cgap_split_rows *validation, const cgap_train_options *options,
                                              const cgap_head *start, cgap_error *error);
void cgap_trainer_clear(cgap_trainer *trainer);

bool cgap_trainer_done(const cgap_trainer *trainer); /* by epochs or patience */

/* Goes on to the end of the epoch at work and fills *record. CGAP_INTERRUPTED: between two steps, the state can be
 * saved and resumed there. CGAP_USAGE: the loss is not finite or has exploded; `kept` is the last good epoch.
 */
CGAP_MUST_CHECK cgap_status cgap_trainer_epoch(cgap_trainer *trainer, cgap_epoch *record, cgap_error *error);

/* Loss terms and centroid distance of the validation split under the trainer's parameters; NaN where it is empty. */
CGAP_MUST_CHECK cgap_status cgap_trainer_validate(cgap_trainer *trainer, cgap_loss_terms *terms, double *gap,
                                                  cgap_error *error);

/* Fills *out once training has ended; the parameters become those of the kept epoch. */
CGAP_MUST_CHECK cgap_status cgap_trainer_levels(cgap_trainer *trainer, cgap_reference_levels *out, cgap_error *error);

/* Every rank gets the state of rank 0. */
CGAP_MUST_CHECK cgap_status cgap_trainer_broadcast(cgap_trainer *trainer, cgap_error *error);

#endif
