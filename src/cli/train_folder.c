/* The folder of a training: whether it may be written, and the plan in words. */
#include "cli/train_folder.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output_file.h"
#include "cli/options.h"
#include "head/training/class_pairs.h"
#include "head/training/epoch_log.h"
#include "head/training/memory_plan.h"
#include "report/overwrite.h"

static bool file_exists(const char *folder, const char *prefix, const char *name)
{
  char path[CGAP_PATH];
  cgap_error ignored;
  return cgap_training_file(path, folder, prefix, name, &ignored) == CGAP_OK && access(path, F_OK) == 0;
}

/* A run that was ended before its first checkpoint starts over, but never over what another run finished. */
static cgap_status check_resume(const char *folder, const cli_train_begin *how, cgap_error *error)
{
  bool known = false, other = false;
  char found[300] = "", lacking[300] = "checkpoint.bin";
  for (size_t k = how->runs; k-- > 0;) {
    const bool checkpoint = file_exists(folder, how->prefix[k], cgap_training_files[CGAP_TRAINING_CHECKPOINT]);
    known = known || checkpoint;
    if (checkpoint)
      continue;
    snprintf(lacking, sizeof lacking, "%s%s", how->prefix[k], cgap_training_files[CGAP_TRAINING_CHECKPOINT]);
    if (file_exists(folder, how->prefix[k], cgap_training_files[CGAP_TRAINING_HEAD])) {
      snprintf(found, sizeof found, "%s%s", how->prefix[k], cgap_training_files[CGAP_TRAINING_HEAD]);
      other = true;
      break;
    }
  }
  for (int p = 0; !known && !other && p < CGAP_TRAINING_PREFIXES; p++)
    for (int k = CGAP_TRAINING_HEAD; !other && k <= CGAP_TRAINING_CHECKPOINT; k++)
      if ((other = file_exists(folder, cgap_training_prefixes[p], cgap_training_files[k])))
        snprintf(found, sizeof found, "%s%s", cgap_training_prefixes[p], cgap_training_files[k]);
  if (!other)
    return CGAP_OK;
  return cgap_fail(error, CGAP_FILE,
                   "%s: holds %s but no %s, so there is nothing to go on from; give the options of the run that is "
                   "there, --force to replace it, or another folder",
                   folder, found, lacking);
}

/* A choice leaves no checkpoints: it starts over, to the same bits, over a choice of the same data and options alone.
 */
static cgap_status check_choose_again(const char *folder, const cli_train_begin *how, cgap_error *error)
{
  char path[CGAP_PATH], first[300];
  const char *checkpoint = cgap_training_files[CGAP_TRAINING_CHECKPOINT];
  if (file_exists(folder, "", checkpoint) && cgap_overwrite_finds_training(folder, first))
    return cgap_fail(error, CGAP_FILE,
                     "%s: holds %s of a training without a choice; give the options of that run to go on with it, "
                     "--force to replace it, or another folder",
                     folder, first);
  cgap_status status = cgap_folder_file(path, folder, "recommendation.json", error);
  if (status != CGAP_OK || access(path, F_OK) != 0)
    return status;
  json_t *found = json_load_file(path, 0, NULL);
  const char *of = json_string_value(json_object_get(found, "fingerprint"));
  if (!of || strcmp(of, how->fingerprint) != 0)
    status = cgap_fail(error, CGAP_USAGE,
                       "%s: holds a choice on other data or with other options; give the same ones, --force to replace "
                       "it, or another folder",
                       folder);
  json_decref(found);
  return status;
}

bool cli_train_checkpoint_stands(const char *path, const cli_train_begin *how)
{
  for (size_t k = 0; k < how->runs; k++)
    if (file_exists(path, how->prefix[k], cgap_training_files[CGAP_TRAINING_CHECKPOINT]))
      return true;
  return false;
}

static cgap_status check_events(const char *folder, const cli_train_begin *how, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  DIR *list = *folder ? opendir(folder) : NULL; /* what cannot be read is refused when it is to be written */
  for (const struct dirent *entry; status == CGAP_OK && list && (entry = readdir(list));) {
    if (!cgap_tensorboard_is_name(entry->d_name))
      continue;
    if (how->force)
      cgap_training_file_remove(folder, "", entry->d_name);
    else if (!how->resume)
      status = cgap_fail(error, CGAP_FILE,
                         "%s: holds the events of another run (%s); give --resume to go on with it, --force to replace "
                         "it, or another folder",
                         folder, entry->d_name);
  }
  if (list)
    closedir(list);
  return status;
}

cgap_status cli_train_events_check(const cli_train_begin *how, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < how->runs; k++)
    status = check_events(how->events[k], how, error);
  return status;
}

/* Whether this command writes the result: a race those of each of its losses, else those of the one head. */
static bool is_written(const char *result, const cli_train_begin *how)
{
  for (int p = 1; p < CGAP_TRAINING_PREFIXES; p++) {
    const size_t letters = strlen(cgap_training_prefixes[p]) - 1;
    if (strncmp(result, cgap_training_prefixes[p], letters) != 0 || (result[letters] != '.' && result[letters] != '-'))
      continue;
    for (size_t k = 0; k < how->runs; k++)
      if (strcmp(how->prefix[k], cgap_training_prefixes[p]) == 0)
        return true;
    return false;
  }
  return how->prefix[0][0] == '\0' || (strcmp(result, "after.json") != 0 && strcmp(result, "changes.tsv") != 0 &&
                                       strcmp(result, "classes.tsv") != 0);
}

/* Files of others that this command would write over. */
static cgap_status check_foreign(const char *folder, const cli_train_begin *how, cgap_error *error)
{
  char table[CGAP_NAMED_LOSSES][40];
  const char *names[CGAP_TRAINING_RESULT_NAMES + CGAP_NAMED_LOSSES + 1];
  size_t count = 0;
  for (size_t k = 0; k < CGAP_TRAINING_RESULT_NAMES; k++)
    if (is_written(cgap_training_result_names[k], how))
      names[count++] = cgap_training_result_names[k];
  for (size_t k = 0; how->table && !how->resume && k < how->runs; k++) {
    snprintf(table[k], sizeof table[k], "%s%s", how->prefix[k], cgap_training_files[CGAP_TRAINING_TABLE]);
    names[count++] = table[k];
  }
  names[count] = NULL;
  return cgap_overwrite_folder(folder, CGAP_FOLDER_TRAIN, names, cli_shared.force, error);
}

/* None of what a training may leave is what it reads: force removes all of it. */
static cgap_status check_inputs(const char *folder, const cgap_dataset *dataset, cgap_error *error)
{
  char file[CGAP_TRAINING_PREFIXES * CGAP_TRAINING_FILES][40];
  const char *names[CGAP_TRAINING_PREFIXES * CGAP_TRAINING_FILES + CGAP_TRAINING_RESULT_NAMES + 1];
  size_t count = 0;
  for (int p = 0; p < CGAP_TRAINING_PREFIXES; p++)
    for (int k = 0; k < CGAP_TRAINING_FILES; k++, count++) {
      snprintf(file[count], sizeof file[count], "%s%s", cgap_training_prefixes[p], cgap_training_files[k]);
      names[count] = file[count];
    }
  for (size_t k = 0; k < CGAP_TRAINING_RESULT_NAMES; k++)
    names[count++] = cgap_training_result_names[k];
  names[count] = NULL;
  return cgap_overwrite_inputs(folder, names, dataset, NULL, 0, error);
}

static cgap_status check_folder(const char *path, const cli_train_begin *how, cgap_error *error)
{
  char first[300];
  if (!how->resume && !how->force && cgap_overwrite_finds_training(path, first))
    return cgap_fail(
      error, CGAP_FILE,
      "%s: holds another run (%s); give --resume to go on with it, --force to replace it, or another folder", path,
      first);
  cgap_status status = !how->resume   ? CGAP_OK
                       : how->chooses ? check_choose_again(path, how, error)
                                      : check_resume(path, how, error);
  return status == CGAP_OK ? check_foreign(path, how, error) : status;
}

cgap_status cli_train_folder_open(cgap_folder *out, const char *path, const cli_train_begin *how, cgap_error *error)
{
  cgap_status status = check_inputs(path, how->dataset, error);
  if (status == CGAP_OK)
    status = cgap_folder_open_alone(out, path, error);
  if (status != CGAP_OK)
    return status;
  status = check_folder(path, how, error);
  if (status != CGAP_OK)
    cgap_folder_abandon(out);
  else if (how->force)
    cgap_training_folder_remove(path);
  return status;
}

/* ---------------------------------------------------------------- train plan */

enum { WORDS = 800 };

static double mib_of(uint64_t bytes)
{
  return ceil((double)bytes / 1048576);
}

static void plan_words(char out[WORDS], const cgap_data *d, const cgap_memory_plan *b)
{
  static const char *const SIDES[] = {"{images}", "{texts}"};
  char aside[300 + CGAP_PHRASE] = "", rows[160] = "rows stay in memory";
  const bool both = b->spill[0] && b->spill[1];
  if (!b->resident)
    snprintf(rows, sizeof rows, "rows stay in the file and those of each batch are read (in memory they take %.0fM)",
             mib_of(b->resident_bytes));
  if (b->spill_bytes)
    snprintf(aside, sizeof aside, "; %s are unpacked once into a nameless file of %.0fM in %s",
             both ? "both modalities" : cgap_phrase_of(cli_names(), SIDES[b->spill[1]]).s, mib_of(b->spill_bytes),
             cgap_unnamed_file_folder());
  (void)cgap_modality_printf(out, WORDS, cli_names(),
                             "plan: %zu {images}, %zu {texts}, d = %zu: %s%s; needs %.0fM of memory, %.0fM allowed",
                             d->image.rows, d->text.rows, d->image.dim, rows, aside, mib_of(b->needed_bytes),
                             floor((double)b->memory_bytes / 1048576));
}

cgap_status cli_train_plan_say(const cgap_data *data, const cgap_train_options *options, bool print, cgap_error *error)
{
  char words[WORDS];
  cgap_memory_plan plan;
  cgap_data planned = *data;
  if (!print && !cli_shared.verbose)
    return CGAP_OK;
  cgap_class_pairs_count(&planned);
  cgap_status status = cgap_train_check(options, data->image.dim, error);
  if (status == CGAP_OK)
    status = cgap_plan_training(&plan, &planned, options, error);
  if (status != CGAP_OK)
    return status;
  plan_words(words, &planned, &plan);
  if (!print)
    cli_say("%s", words);
  else
    printf("%s\n", words);
  return cli_printed(CGAP_OK, error);
}
