/* What a training writes into its folder at its end. */
#ifndef CGAP_REPORT_TRAINING_FOLDER_H
#define CGAP_REPORT_TRAINING_FOLDER_H

#include "base/output_file.h"
#include "report/training_page.h"

/* path = folder/PREFIXname, prefix "" or "clip-" … */
CGAP_MUST_CHECK cgap_status cgap_training_file(char path[CGAP_PATH], const char *folder, const char *prefix,
                                               const char *name, cgap_error *error);

/* What a training leaves once, at the end. */
enum { CGAP_TRAINING_RESULT_NAMES = 23 };
extern const char *const cgap_training_result_names[CGAP_TRAINING_RESULT_NAMES];

/* Removes one file; all that a run has left, where the folder is one of a run: only these names, whatever else is there
 * is the user's. */
void cgap_training_file_remove(const char *folder, const char *prefix, const char *name);
void cgap_training_folder_remove(const char *folder);

/* file: CGAP_TRAINING_HEAD or CGAP_TRAINING_EXPORT. */
CGAP_MUST_CHECK cgap_status cgap_training_folder_write_head(const char *folder, const char *prefix, int file,
                                                            const cgap_head *head, cgap_error *error);

/* head.h5 and history.jsonl of a choice. */
CGAP_MUST_CHECK cgap_status cgap_training_folder_write_choice(const char *folder, const cgap_choice *choice,
                                                              const cgap_head *head, cgap_error *error);

/* Likewise of one training. */
CGAP_MUST_CHECK cgap_status cgap_training_folder_write_single(const char *folder, const cgap_training_result *result,
                                                              cgap_error *error);

/* before.json and one for every other input, compare.json, changes.tsv and classes.tsv,
 * recommendation.json of a choice, figures and report.html, all at once in place of an earlier
 * run's; warn_line gets a line for each picture that cannot be drawn. */
CGAP_MUST_CHECK cgap_status cgap_training_folder_write(const cgap_training_results *result, const char *folder,
                                                       void (*warn_line)(const char *line), cgap_error *error);

#endif
