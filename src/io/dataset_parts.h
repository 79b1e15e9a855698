/* The parts of a cgap_dataset, shared by the files that fill it. */
#ifndef CGAP_IO_DATASET_PARTS_H
#define CGAP_IO_DATASET_PARTS_H

#include "io/dataset.h"
#include "io/hdf5_rows.h"
#include "io/names.h"

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
typedef struct cgap_series {
  cgap_taken *taken;
  size_t count;
  char *why;  /* how they were found */
  char *name; /* for messages */
} cgap_series;

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
  cgap_series role[CGAP_ROLES];
  cgap_rows *image_rows, *text_rows, *class_rows, *word_rows;
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
typedef struct cgap_spec {
  const char *option; /* "--image" */
  const cgap_file *file;
  const char *path;
  char *owned; /* path's memory */
  bool given;
} cgap_spec;

/* ---------------------------------------------------------------- dataset.c */

CGAP_MUST_CHECK cgap_status cgap_series_add(cgap_series *series, const cgap_file *file, const cgap_entry *entry,
                                            cgap_error *error);
/* Sets why (printf manner) and name. */
void cgap_series_explain(cgap_series *series, const char *format, ...) CGAP_PRINTF(2, 3);

/* Parses an option's value, opening its file where it names one. value NULL: not given. Cleared by free(owned). */
CGAP_MUST_CHECK cgap_status cgap_spec_parse(cgap_spec *out, cgap_dataset *d, const char *option, const char *value,
                                            cgap_error *error);

/* The entry of a path as a user writes it: absolute, or in the group that was named with the file; or NULL. */
const cgap_entry *cgap_input_find(const cgap_input *input, const char *path);

/* ---------------------------------------------------------------- sides.c */

/* Fills the image and text series (text may stay empty) and checks shapes and types. */
CGAP_MUST_CHECK cgap_status cgap_sides_find(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);
/* Refuses files without images, or without texts and without class texts and labels in their place. */
/* CGAP_FILE: a dataset named for texts is there and cannot be read; class texts do not stand in for it. */
CGAP_MUST_CHECK cgap_status cgap_sides_check_unread(const cgap_dataset *d, cgap_error *error);
cgap_status cgap_sides_refuse(const cgap_dataset *d, bool text, cgap_error *error);
size_t cgap_series_rows(const cgap_series *series);

/* ---------------------------------------------------------------- choose.c */

typedef struct cgap_wish {
  bool wanted;
  const cgap_entry *fixed; /* given by the caller; NULL: find by name */
} cgap_wish;

typedef struct cgap_choice {
  const cgap_entry *image, *text; /* NULL: none found */
} cgap_choice;

/* The best image and text of one input by name; CGAP_FILE when two are equally good. */
CGAP_MUST_CHECK cgap_status cgap_choose(cgap_choice *out, const cgap_input *input, cgap_wish image, cgap_wish text,
                                        cgap_error *error);

/* Why cgap_choose takes an entry, in words. */
void cgap_choose_explain(char *out, size_t size, const cgap_file *file, const cgap_entry *entry, unsigned side);

/* Whether an entry's name says the side although it is of another type or rank; for saying what is wrong with it. */
bool cgap_choose_misfit(const cgap_entry *entry, unsigned side);

/* ---------------------------------------------------------------- candidates.c */

/* Appends " 1) /image (500, 512) float32 2) …", at most a dozen; number counts on. */
void cgap_candidate_append(char **text, size_t *number, const cgap_entry *entry);
void cgap_candidates_append(char **text, const cgap_file *file);

/* CGAP_FILE: no dataset of this path, did you mean, what there is. */
cgap_status cgap_refuse_missing(const cgap_file *file, const char *path, const char *option, cgap_error *error);

/* ---------------------------------------------------------------- beside.c, pairing.c, extras.c, arithmetic.c */

/* How well an entry fits a role beside `side`; 0: not at all. */
typedef int (*cgap_fit)(const cgap_entry *entry, const cgap_words *words, const cgap_taken *side);

/* The one entry of taken's file that fits best, or NULL; CGAP_FILE on a tie. */
CGAP_MUST_CHECK cgap_status cgap_find_beside(const cgap_entry **out, const cgap_taken *side, cgap_fit fit,
                                             const char *what, cgap_error *error);

/* The entry of --text-image, --labels or --class-text; a relative path may count from the side's group. */
CGAP_MUST_CHECK cgap_status cgap_find_given(const cgap_entry **out, const cgap_taken *side, const cgap_spec *spec,
                                            cgap_error *error);

/* Integers that belong to images: one dataset for each shard, or one for all in one of the files. */
CGAP_MUST_CHECK cgap_status cgap_per_image_find(cgap_series *out, const cgap_series *image, const cgap_spec *spec,
                                                cgap_fit fit, const char *what, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_per_image_check(const cgap_series *series, const cgap_series *image,
                                                 const char *option, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_int64_series(int64_t **out, const cgap_series *series, cgap_error *error);

CGAP_MUST_CHECK cgap_status cgap_pairing_find(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_pairing_join(cgap_dataset *d, cgap_error *error); /* ids.c: by ids on both sides */
CGAP_MUST_CHECK cgap_status cgap_class_text_find(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_labels_find(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_arithmetic_find(cgap_dataset *d, cgap_error *error);
void cgap_training_find(cgap_dataset *d); /* extras.c: sets trained_on */

/* left_over.c: refuses a file given by name that no role takes, and a link that leads nowhere where the pairing should
 * be; notes datasets that look like embeddings and were not taken. */
/* CGAP_FILE: the one side that was found is not all there is: something else may be the other side. */
CGAP_MUST_CHECK cgap_status cgap_one_side_check(const cgap_dataset *d, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_left_over_settle(cgap_dataset *d, const cgap_input_options *options,
                                                  cgap_error *error);

/* CGAP_FILE: the datasets that were taken, and one more (or NULL), are virtual over more files in all than may be open
 * at once. */
CGAP_MUST_CHECK cgap_status cgap_dataset_room(const cgap_dataset *d, const cgap_entry *more, cgap_error *error);

#endif
