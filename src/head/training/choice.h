/* The choice of train: which of several candidates to recommend, by a validation part that they were not fitted on.
 * Candidates are the original embeddings, the methods that need no training, each with its strengths, and a small grid
 * of heads. Nothing of the test part is looked at before it is made. */
#ifndef CGAP_HEAD_TRAINING_CHOICE_H
#define CGAP_HEAD_TRAINING_CHOICE_H

#include "head/training/candidates.h"

/* data was opened with CGAP_WITH_ROWS. Of 400 validation images or more one half chooses the epochs and the other
 * scores; under that there are five folds by image group inside the training and the validation part, and the chosen
 * candidate is fitted again on both. Where class texts take the place of texts, the folds leave classes out. The same
 * bits for any number of threads. Clear in any case. */
CGAP_MUST_CHECK cgap_status cgap_choice_run(cgap_choice *out, const cgap_training_data *data,
                                            const cgap_choice_options *options, cgap_error *error);
void cgap_choice_clear(cgap_choice *choice);

/* Why the chosen one: its `reason`, in the language of names. */
void cgap_choice_reason(char *out, size_t size, const cgap_choice *choice, const cgap_modality_names *names);

/* Tells whether two choices are of the same data, whose hash is cgap_data_hash, and the same options, as text. */
enum { CGAP_FINGERPRINT = 2 * 16 + 2 };
void cgap_choice_fingerprint(char out[CGAP_FINGERPRINT], uint64_t data, const cgap_train_options *options,
                             size_t dim_in, unsigned fixed, cgap_goal goal);

#endif
