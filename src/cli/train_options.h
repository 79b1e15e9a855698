/* The options of training, shared by train and sweep: those of the table in head/training/train_options.c. */
#ifndef CLI_TRAIN_OPTIONS_H
#define CLI_TRAIN_OPTIONS_H

#include "cli/options.h"
#include "head/training/train_options.h"

enum { CLI_TRAIN_OPTIONS_MAX = 80 };

/* The groups of a command's options, empty until cli_train_options_build fills them. */
extern cli_option cli_head_options[], cli_setting_options[], cli_training_options[];
extern cli_option cli_grid_options[]; /* of a sweep: each takes a list, in cli_grid */
extern const char *cli_grid[];        /* (CGAP_AXES_MAX) NULL: no list was given */

/* Before the command line is read. sweep: the axes are options of the grid. */
void cli_train_options_build(bool sweep);

cgap_weights cli_asked_weights(int loss); /* of a named loss, under the --weight-* of the command line */
bool cli_loss_given(void);

/* What the command line asked for; progress is left empty. CGAP_USAGE where an option makes no sense by itself. */
CGAP_MUST_CHECK cgap_status cli_train_options(cgap_train_options *out, cgap_error *error);

/* Sets one option from text, as the command line does. CGAP_USAGE names the option and the text that it cannot have. */
CGAP_MUST_CHECK cgap_status cli_train_set(cgap_train_options *out, const cgap_train_option *option, const char *text,
                                          cgap_error *error);

/* Whether the command line says how to train: any option of the groups Head, Settings and Training but --val, --test,
 * --patience and --hold-out-classes, which a choice among candidates obeys too. */
bool cli_train_given(const cli_args *args);

/* What of a head the command line fixes: bits of cgap_choice_axis. */
unsigned cli_train_fixed(const cli_args *args);

/* Adds the flags to what the library says: "dim 9: give …" becomes "--dim 9: give …", and "start over" gets its
 * --force.
 */
void cli_train_name_flag(cgap_error *error);

/* --same-modality: −1 where it was not given, else a cgap_row_kind. */
int cli_same_modality(void);

#endif
