/* The folder of a training: whether it may be written, and what goes into it at the end. */
#ifndef CLI_TRAIN_FOLDER_H
#define CLI_TRAIN_FOLDER_H

#include "base/output_file.h"
#include "cli/train_options.h"
#include "contragap/contragap.h"
#include "head/evaluation/evaluation.h"
#include "head/model/loss.h"
#include "head/training/training_run.h"
#include "io/find/dataset.h"
#include "report/against_show.h"
#include "report/changes_show.h"
#include "report/json.h"
#include "report/recommendation.h"

/* How the folder is entered, and which runs the command has. */
typedef struct cli_train_begin {
  const cgap_dataset *dataset; /* what is read */
  bool resume, force;
  bool chooses;                          /* among candidates: a run that is resumed starts over, to the same bits */
  const char *fingerprint;               /* of a choice: its data and options */
  bool table;                            /* history.csv too */
  const char *prefix[CGAP_NAMED_LOSSES]; /* "" or "clip-" … */
  const char *events[CGAP_NAMED_LOSSES]; /* folders for TensorBoard, or "" */
  size_t runs;
} cli_train_begin;

/* CGAP_FILE where a folder for TensorBoard holds the events of another run and neither resume nor force is given;
 * force removes them. Other programs' events are left alone. */
CGAP_MUST_CHECK cgap_status cli_train_events_check(const cli_train_begin *how, cgap_error *error);

/* CGAP_FILE where the folder holds another run, or what training did not write, and neither resume nor force is given,
 * and where resume finds what another run left;
 * CGAP_USAGE where it would replace what is read. force removes all that a run leaves, by exact names, and nothing
 * else.
 */
CGAP_MUST_CHECK cgap_status cli_train_folder_open(cgap_folder *out, const char *path, const cli_train_begin *how,
                                                  cgap_error *error);

/* Whether there is a checkpoint of one of its runs to go on from. */
bool cli_train_checkpoint_stands(const char *path, const cli_train_begin *how);

/* file: CLI_TRAINING_HEAD or CLI_TRAINING_EXPORT. */
CGAP_MUST_CHECK cgap_status cli_train_write_head(const char *folder, const char *prefix, int file,
                                                 const cgap_head *head, cgap_error *error);

typedef struct cli_train_result {
  const cgap_evaluation *evaluation;
  const cgap_training_result *training_result[CGAP_NAMED_LOSSES]; /* inputs 1 to fits of the study */
  const cgap_changes *changes[CGAP_NAMED_LOSSES];                 /* of these against input 0 */
  const char *prefix[CGAP_NAMED_LOSSES];                          /* of their files */
  cgap_contender head[CGAP_NAMED_LOSSES];                         /* the same, next to what needs no training */
  size_t run_count;
  const cgap_row_names *names;
  const cgap_recommendation *recommendation; /* NULL: there was no choice */
  const char *source;
  json_t *input;   /* borrowed */
  json_t *fail_if; /* the outcome of each threshold, borrowed; NULL: none was given */
  cgap_run run;
} cli_train_result;

/* head.h5 and history.jsonl of a choice. */
CGAP_MUST_CHECK cgap_status cli_train_write_choice(const char *folder, const cgap_choice *choice, const cgap_head *head,
                                                   cgap_error *error);

/* before.json and one for every other input, compare.json, changes.tsv and classes.tsv,
 * recommendation.json of a choice, figures and report.html, all at once in place of an earlier
 * run's; warn_line gets a line for each picture that cannot be drawn. */
CGAP_MUST_CHECK cgap_status cli_train_write(const cli_train_result *result, const char *folder,
                                            void (*warn_line)(const char *line), cgap_error *error);

/* The memory that training needs, in words, for -v and --dry-run: on stdout where nothing else was asked for (print),
 * else on stderr. CGAP_RESOURCE where nothing fits. */
CGAP_MUST_CHECK cgap_status cli_train_plan_say(const cgap_data *data, const cgap_train_options *options, bool print,
                                               cgap_error *error);

#endif
