/* A cgap_dataset while it is being put together, and what its finders share. */
#ifndef CGAP_IO_FIND_DATASET_INTERNAL_H
#define CGAP_IO_FIND_DATASET_INTERNAL_H

#include "io/read/hdf5_rows.h"
#include "io/read/name_words.h"

typedef enum cgap_role {
  CGAP_ROLE_IMAGE,
  CGAP_ROLE_TEXT,
  CGAP_ROLE_TEXT_IMAGE,
  CGAP_ROLE_IMAGE_ID,
  CGAP_ROLE_TEXT_ID,
  CGAP_ROLE_LABELS,
  CGAP_ROLE_CLASS_TEXT,
  CGAP_ROLE_WORDS,
  CGAP_ROLE_IMAGE_LABEL,
  CGAP_ROLE_QUERY,
  CGAP_ROLE_WEIGHT,
  CGAP_ROLES
} cgap_role;

/* The datasets of one role, one a shard, in order. */
typedef struct cgap_role_datasets {
  cgap_chosen_dataset *taken;
  size_t count;
  char *why;  /* how they were found */
  char *name; /* for messages */
} cgap_role_datasets;

/* A file that takes part; inside is a group or dataset that the caller named, or NULL. */
typedef struct cgap_input {
  const cgap_file *file;
  char *inside;
} cgap_input;

struct cgap_dataset {
  cgap_file **files; /* every open file, once */
  size_t file_count;
  cgap_input *inputs;
  size_t input_count;
  cgap_role_datasets role[CGAP_ROLES];
  struct cgap_class_major *class_major; /* where class texts are stored (prompts, C, d) */
  cgap_dataset_rows *image_rows, *text_rows, *class_rows, *word_rows;
  uint64_t *text_image;
  int64_t *labels, *image_label, *query;
  double *weight;
  char *pairing; /* in words */
  char *notes;   /* lines */
  char
    trained_on[200]; /* "300 of 500 images" that the head was trained on which the rows came through; "" none known */
  char trained_losses[64];
  cgap_data data;
};

/* An option's dataset: path in `file`, or, where file is NULL, in each input. path NULL: whatever fits in file. */
typedef struct cgap_dataset_option {
  const char *option; /* "--image" */
  const cgap_file *file;
  const char *path;
  char *owned; /* path's memory */
  bool given;
  bool none; /* "none", and no dataset is called so: nothing is to be taken */
} cgap_dataset_option;

/* ---------------------------------------------------------------- the datasets of a role */

CGAP_MUST_CHECK cgap_status cgap_role_datasets_add(cgap_role_datasets *series, const cgap_file *file,
                                                   const cgap_entry *entry, cgap_error *error);
/* Sets why (printf manner) and name. */
void cgap_role_datasets_explain(cgap_role_datasets *series, const char *format, ...) CGAP_PRINTF(2, 3);
size_t cgap_role_datasets_rows(const cgap_role_datasets *series);

/* CGAP_FILE: the datasets that were taken, and one more (or NULL), are virtual over more files in all than may be open
 * at once. */
CGAP_MUST_CHECK cgap_status cgap_dataset_check_open_files(const cgap_dataset *d, const cgap_entry *more,
                                                          cgap_error *error);

/* ---------------------------------------------------------------- entries */

/* Whether two entries are in one group; whether they are one dataset under two names. */
bool cgap_entry_neighbours(const cgap_entry *a, const cgap_entry *b);
bool cgap_entry_same(const cgap_entry *a, const cgap_entry *b);

/* "NAME: TYPE of shape SHAPE", for a refusal; returns out. */
const char *cgap_entry_text(char *out, size_t size, const cgap_entry *entry);

/* ---------------------------------------------------------------- refusals and notes */

/* Appends " 1) /image (500, 512) float32 2) …", at most a dozen; number counts on. */
void cgap_candidate_append(char **text, size_t *number, const cgap_entry *entry);
void cgap_candidates_append(char **text, const cgap_file *file);

/* CGAP_FILE: no dataset of this path, did you mean, what there is. */
cgap_status cgap_refuse_missing(const cgap_file *file, const char *path, const char *option, cgap_error *error);

/* A note where `status` is CGAP_DATA, whose message becomes its reason; else the status. */
CGAP_MUST_CHECK cgap_status cgap_note_refusal(cgap_dataset *d, cgap_status status, const char *what, cgap_error *error);

/* ---------------------------------------------------------------- files and options */

/* Opens the files given, or, where there are none, those that the options name. */
CGAP_MUST_CHECK cgap_status cgap_inputs_open(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);

/* Parses an option's value, opening its file where it names one. value NULL: not given. Cleared by free(owned). */
CGAP_MUST_CHECK cgap_status cgap_dataset_option_parse(cgap_dataset_option *out, cgap_dataset *d, const char *option,
                                                      const char *value, cgap_error *error);

/* The entry of a path as a user writes it: absolute, or in the group that was named with the file; or NULL. */
const cgap_entry *cgap_input_find(const cgap_input *input, const char *path);

#endif
