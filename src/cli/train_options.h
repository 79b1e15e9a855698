/* The options of training, shared by train and sweep. */
#ifndef CLI_TRAIN_OPTIONS_H
#define CLI_TRAIN_OPTIONS_H

#include "cli/options.h"

extern const cli_option cli_head_options[]; /* --head … --hidden */
#define CLI_HEAD_GROUP                                                                                                 \
  {                                                                                                                    \
    "Head", cli_head_options                                                                                           \
  }
extern const cli_option cli_setting_options[]; /* --dim, --loss … --train-images: what a sweep varies */
#define CLI_SETTING_GROUP                                                                                              \
  {                                                                                                                    \
    "Settings", cli_setting_options                                                                                    \
  }
extern const cli_option cli_training_options[]; /* --lr … --keep-duplicates */
#define CLI_TRAINING_GROUP                                                                                             \
  {                                                                                                                    \
    "Training", cli_training_options                                                                                   \
  }

enum cli_loss { CLI_LOSS_CLIP, CLI_LOSS_CUA, CLI_LOSS_CUAXU, CLI_LOSSES };
extern const char *const cli_loss_names[CLI_LOSSES + 1];

cgap_weights cli_loss_weights(int loss);  /* every weight that the loss has, 1 */
cgap_weights cli_asked_weights(int loss); /* the same under the --weight-* of the command line */
bool cli_loss_given(void);
bool cli_loss_find(int *out, const char *name, size_t length);

/* What the command line asked for; progress is left empty. CGAP_USAGE where an option makes no sense by itself. */
CGAP_MUST_CHECK cgap_status cli_train_options(cgap_train_options *out, cgap_error *error);

/* "64", "full", or NULL for the default. */
CGAP_MUST_CHECK cgap_status cli_read_batch(size_t *out, const char *text, cgap_error *error);

void cli_train_head_default(cgap_head_kind head); /* before the command line is read */

/* --same-modality: −1 where it was not given, else a cgap_row_kind. */
int cli_same_modality(void);

#endif
