/* What an output may replace. Into an existing folder or file a command writes only over what the same command wrote
 * there; anything else is refused with CGAP_FILE, and --force replaces it. What a folder holds is read from the files
 * themselves: a report names its command line, a training has heads and checkpoints, a sweep runs. */
#ifndef CLI_OVERWRITE_H
#define CLI_OVERWRITE_H

#include "base/temporary_file.h"
#include "contragap/contragap.h"
#include "io/find/dataset.h"

/* The commands that write a folder of results. */
typedef enum cli_folder_kind {
  CLI_FOLDER_AUDIT,
  CLI_FOLDER_TRAIN,
  CLI_FOLDER_COMPARE,
  CLI_FOLDER_SWEEP
} cli_folder_kind;

/* What a training leaves: these files, each alone (prefix "") and for each loss of a race. */
enum {
  CLI_TRAINING_HEAD,
  CLI_TRAINING_CHECKPOINT,
  CLI_TRAINING_HISTORY,
  CLI_TRAINING_TABLE,
  CLI_TRAINING_EXPORT,
  CLI_TRAINING_FILES,
  CLI_TRAINING_PREFIXES = 4
};
extern const char *const cli_training_files[CLI_TRAINING_FILES];
extern const char *const cli_training_prefixes[CLI_TRAINING_PREFIXES];

/* A file of any training in the folder into found; false: there is none. */
bool cli_overwrite_finds_training(const char *folder, char found[300]);

/* names: files that the command would write there, up to a NULL; its figures count too. A folder that the command wrote
 * passes: whether a finished training or sweep may be replaced is asked before. */
CGAP_MUST_CHECK cgap_status cli_overwrite_folder(const char *folder, cli_folder_kind kind, const char *const *names,
                                                 cgap_error *error);

/* Puts what a command has written into its place in the folder (cgap_stage_close), and removes what the same command
 * left there before and has not written now: of these names, and of its figures. */
CGAP_MUST_CHECK cgap_status cli_overwrite_replace(cgap_stage *stage, cli_folder_kind kind, const char *const *names,
                                                  cgap_error *error);

/* Removes the figures of the command's earlier run from the folder at once. */
void cli_overwrite_remove_figures(const char *folder, cli_folder_kind kind);

bool cli_same_file(const char *a, const char *b);

/* CGAP_USAGE where a file that the command writes or removes in the folder is one that it reads: of the dataset (NULL:
 * none) or an input. --force changes nothing about that. */
CGAP_MUST_CHECK cgap_status cli_overwrite_inputs(const char *folder, const char *const *names,
                                                 const cgap_dataset *dataset, const char *const *inputs, size_t count,
                                                 cgap_error *error);

/* An HDF5 file whose attribute "command" begins with `contragap COMMAND` passes. */
CGAP_MUST_CHECK cgap_status cli_overwrite_file(const char *path, const char *command, cgap_error *error);

#endif
