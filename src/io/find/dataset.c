/* Opens a data set: the files, then the finders one after the other (dataset_internal.h). */
#include "io/find/dataset.h"

#include "base/modality_names.h"
#include "base/source.h"
#include "base/text_buffer.h"
#include "io/find/dataset_internal.h"
#include "io/read/hdf5_basics.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TOKENS_MIN = 32 };

static cgap_status open_sources(cgap_dataset *d, int threads, cgap_error *error)
{
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  cgap_status status = CGAP_OK;
  if (image->count > 0)
    status = cgap_dataset_rows_open(&d->image_rows, &d->data.image, image->taken, image->count, image->name, error);
  if (status == CGAP_OK && text->count > 0)
    status = cgap_dataset_rows_open(&d->text_rows, &d->data.text, text->taken, text->count, text->name, error);
  cgap_dataset_rows_set_threads(d->image_rows, threads);
  cgap_dataset_rows_set_threads(d->text_rows, threads);
  return status;
}

/* Captions per image are a handful; the rows of a token sequence are 64, 77 or more. */
static void note_tokens(cgap_dataset *d)
{
  const cgap_entry *t = d->role[CGAP_ROLE_TEXT].count ? d->role[CGAP_ROLE_TEXT].taken->entry : NULL;
  const size_t k = t ? cgap_entry_middle(t) : 0;
  if (k >= TOKENS_MIN)
    cgap_append(&d->notes,
                "%s: %zu %s, as many as a sequence has tokens; if it has one row per token, pool it first, to "
                "one row per %s\n",
                t->name, k, cgap_phrase_of(&d->names, "{texts} per {one image}").s,
                cgap_phrase_of(&d->names, "{one text}").s);
}

/* What the readers have to say of the rows that were taken. */
static void note_reading(cgap_dataset *d)
{
  for (int role = CGAP_ROLE_IMAGE; role <= CGAP_ROLE_TEXT; role++)
    for (size_t k = 0; k < d->role[role].count; k++)
      if (d->role[role].taken[k].entry->note)
        cgap_append(&d->notes, "%s", d->role[role].taken[k].entry->note);
}

/* The head that made these rows, by an attribute of the files. */
static void read_attribute(char *out, size_t size, const cgap_dataset *d, const char *name)
{
  for (size_t i = 0; i < d->file_count && !out[0]; i++)
    (void)cgap_file_mark(out, size, d->files[i], name);
}

static void note_training(cgap_dataset *d)
{
  read_attribute(d->trained_on, sizeof d->trained_on, d, CGAP_TRAINED_ON);
  read_attribute(d->trained_losses, sizeof d->trained_losses, d, CGAP_TRAINED_LOSSES);
  if (d->trained_on[0])
    cgap_append(&d->notes,
                "these rows come from a head that was trained on %s of them: results on those %s are too good\n",
                d->trained_on, cgap_phrase_of(&d->names, "{images}").s);
}

/* Companions of the images, and of images and texts. */
static cgap_status find_companions(cgap_dataset *d, cgap_error *error)
{
  const bool texts = d->role[CGAP_ROLE_TEXT].count > 0;
  cgap_status status = cgap_find_class_text(d, error);
  if (status == CGAP_OK)
    status = cgap_find_labels(d, error);
  if (status == CGAP_OK && !texts)
    status = cgap_modalities_check_unread(d, error);
  if (status == CGAP_OK && !texts && !(d->data.labels && d->data.class_text.rows > 0))
    status = d->for_audit && d->option[CGAP_ROLE_TEXT].none ? CGAP_OK /* the images alone are asked for */
             : d->one_modality                              ? cgap_one_modality_check(d, error)
                                                            : cgap_modalities_refuse(d, CGAP_ROLE_TEXT, error);
  if (status == CGAP_OK)
    status = cgap_find_pairing(d, error);
  if (status == CGAP_OK)
    status = cgap_find_arithmetic(d, error);
  return status;
}

static cgap_status fill_roles(cgap_dataset *d, int threads, cgap_error *error)
{
  cgap_other_modalities_place(d);
  cgap_two_files_place(d);
  cgap_status status = cgap_find_modalities(d, error);
  if (status == CGAP_OK)
    cgap_other_modalities_name(d);
  if (status == CGAP_OK)
    status = cgap_prompts_exclude(d, error);
  if (status == CGAP_OK)
    status = cgap_dataset_check_open_files(d, NULL, error);
  if (status == CGAP_OK)
    status = open_sources(d, threads, error);
  if (status == CGAP_OK)
    status = d->role[CGAP_ROLE_IMAGE].count > 0 ? find_companions(d, error) : cgap_one_modality_check(d, error);
  if (status == CGAP_OK)
    status = cgap_dataset_check_open_files(d, NULL, error);
  if (status != CGAP_OK)
    return status;
  status = cgap_find_names(d, error);
  if (status == CGAP_OK)
    status = cgap_find_groups(d, error);
  if (status != CGAP_OK)
    return status;
  note_reading(d);
  note_tokens(d);
  note_training(d);
  return cgap_left_over_check(d, error);
}

cgap_status cgap_dataset_inspect(cgap_dataset **out, const cgap_input_options *options, cgap_error *error)
{
  *out = NULL;
  cgap_dataset *d = calloc(1, sizeof *d);
  cgap_error own;
  if (!error)
    error = &own; /* messages become notes */
  if (!d)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  cgap_status status = cgap_inputs_open(d, options, error);
  if (status == CGAP_OK)
    status = fill_roles(d, options->threads, error);
  if (status != CGAP_OK)
    d->data = (cgap_data){0};
  cgap_hdf5_silence_end(quiet);
  if (d->file_count == 0) {
    cgap_dataset_close(d);
    d = NULL;
  }
  *out = d;
  return status;
}

static cgap_status check_arguments(cgap_dataset **out, const cgap_input_options *options, cgap_error *error)
{
  static const char *const CALL = "cgap_dataset_open";
  cgap_status status = cgap_check_argument(out, CALL, "out", error);
  if (status != CGAP_OK)
    return status;
  *out = NULL;
  status = cgap_check_argument(options, CALL, "options", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(options->files || options->file_count == 0, CALL, "files", error);
  for (size_t i = 0; status == CGAP_OK && i < options->file_count; i++)
    status = cgap_check_argument(options->files[i], CALL, "a path of files", error);
  return status == CGAP_OK ? cgap_check_threads(options->threads, error) : status;
}

cgap_status cgap_dataset_open(cgap_dataset **out, const cgap_input_options *options, cgap_error *error)
{
  cgap_status status = check_arguments(out, options, error);
  if (status != CGAP_OK)
    return status;
  status = cgap_dataset_inspect(out, options, error);
  if (status != CGAP_OK) {
    cgap_dataset_close(*out);
    *out = NULL;
  } else {
    cgap_transposed_note(*out);
  }
  return status;
}

const char *cgap_dataset_notes(const cgap_dataset *d)
{
  return d->notes ? d->notes : "";
}

void cgap_dataset_close(cgap_dataset *d)
{
  if (!d)
    return;
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  cgap_dataset_rows_close(d->image_rows);
  cgap_dataset_rows_close(d->text_rows);
  cgap_dataset_rows_close(d->class_rows);
  cgap_dataset_rows_close(d->word_rows);
  for (int role = 0; role < CGAP_ROLES; role++) {
    cgap_role_datasets_clear(&d->role[role]);
    free(d->option[role].path);
  }
  for (size_t i = 0; i < d->input_count; i++)
    free(d->inputs[i].inside);
  for (size_t i = 0; i < d->file_count; i++)
    cgap_file_close(d->files[i]);
  cgap_hdf5_silence_end(quiet);
  free(d->inputs);
  free(d->files);
  free(d->class_major);
  free(d->text_image);
  free(d->labels);
  free(d->image_label);
  free(d->query);
  free(d->weight);
  cgap_groups_forget(d);
  free(d->by_file);
  free(d->pairing);
  free(d->notes);
  free(d);
}

const cgap_data *cgap_dataset_data(const cgap_dataset *dataset)
{
  return dataset ? &dataset->data : NULL;
}

static bool same_file(const char *path, const struct stat *other)
{
  struct stat status;
  return stat(path, &status) == 0 && status.st_dev == other->st_dev && status.st_ino == other->st_ino;
}

bool cgap_dataset_reads(const cgap_dataset *d, const char *path)
{
  struct stat target;
  if (stat(path, &target) != 0)
    return false;
  for (size_t i = 0; i < d->file_count; i++) {
    const cgap_file *file = d->files[i];
    if (same_file(file->path, &target))
      return true;
    for (size_t k = 0; k < file->count; k++) {
      const cgap_entry *e = &file->entries[k];
      for (size_t p = 0; p < e->piece_count; p++)
        if (same_file(e->pieces[p].path, &target))
          return true;
      for (size_t p = 0; p < e->source_count; p++)
        if (same_file(e->sources[p], &target))
          return true;
    }
  }
  return false;
}

bool cgap_dataset_output_part(char *out, size_t size, const cgap_dataset *d)
{
  return d->file_count == 1 && d->files[0]->id >= 0 &&
         cgap_hdf5_text(out, size, d->files[0]->id, CGAP_OUTPUT_PART_ATTRIBUTE) > 0;
}
