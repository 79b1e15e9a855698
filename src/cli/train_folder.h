/* The folder of a training: whether it may be written. */
#ifndef CLI_TRAIN_FOLDER_H
#define CLI_TRAIN_FOLDER_H

#include "base/output_file.h"
#include "cli/train_options.h"
#include "contragap/contragap.h"
#include "head/evaluation/evaluation.h"
#include "head/model/loss.h"
#include "head/training/training_run.h"
#include "io/find/dataset.h"
#include "report/training_folder.h"

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

/* The memory that training needs, in words, for -v and --dry-run: on stdout where nothing else was asked for (print),
 * else on stderr. CGAP_RESOURCE where nothing fits. */
CGAP_MUST_CHECK cgap_status cli_train_plan_say(const cgap_data *data, const cgap_train_options *options, bool print,
                                               cgap_error *error);

#endif
