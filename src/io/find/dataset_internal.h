/* The parts of a cgap_dataset, shared by the files that fill it. */
#ifndef CGAP_IO_DATASET_PARTS_H
#define CGAP_IO_DATASET_PARTS_H

#include "io/find/dataset.h"
#include "io/read/hdf5_basics.h"
#include "io/read/hdf5_rows.h"
#include "io/read/name_words.h"
#include "io/read/small_datasets.h"

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
  struct cgap_class_major *class_major; /* where class texts are stored (prompts, C, d) */
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
  bool none; /* "none", and no dataset is called so: nothing is to be taken */
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

/* ---------------------------------------------------------------- find_modalities.c */

/* Fills the image and text series (text may stay empty) and checks shapes and types. */
CGAP_MUST_CHECK cgap_status cgap_sides_find(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);
/* Refuses files without images, or without texts; the second names class texts and labels in their place too. */
cgap_status cgap_sides_refuse(const cgap_dataset *d, bool text, cgap_error *error);
cgap_status cgap_sides_refuse_no_text(const cgap_dataset *d, bool none_wanted, cgap_error *error);
/* CGAP_FILE: a dataset named for texts is there and cannot be read; class texts do not replace it. */
CGAP_MUST_CHECK cgap_status cgap_sides_check_unread(const cgap_dataset *d, cgap_error *error);
size_t cgap_series_rows(const cgap_series *series);

/* ---------------------------------------------------------------- choose_modalities.c */

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

/* Whether two entries are in one group; whether they are one dataset under two names. */
bool cgap_entry_neighbours(const cgap_entry *a, const cgap_entry *b);
bool cgap_entry_same(const cgap_entry *a, const cgap_entry *b);

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

/* ---------------------------------------------------------------- companion_datasets.c, pairing.c, extras.c,
 * arithmetic.c */

/* What belongs to the rows of one dataset of a side. */
typedef struct cgap_near {
  const cgap_taken *side;
  size_t images, texts; /* the rows it speaks of: of the shard, where images and texts are in as many shards */
  bool apart;           /* images and texts are in different files */
  const char *word;     /* of an id: the word that its name has to have; NULL: any */
} cgap_near;

cgap_near cgap_near_of(const cgap_dataset *d, cgap_role side, size_t shard);

/* How well an entry fits a role; 0: not at all. */
typedef int (*cgap_fit)(const cgap_entry *entry, const cgap_words *words, const cgap_near *near);

/* A score from here on says that the entry can be used; below, only that it looks meant. */
enum { CGAP_FIT_USABLE = 100 };

/* The one entry of the side's file that fits best, or NULL; score may be NULL. CGAP_FILE on a tie. */
CGAP_MUST_CHECK cgap_status cgap_find_near(const cgap_entry **out, int *score, const cgap_near *near, cgap_fit fit,
                                           const char *what, cgap_error *error);

/* The entry of --text-image, --labels or --class-text; a relative path may count from the side's group. */
CGAP_MUST_CHECK cgap_status cgap_find_given(const cgap_entry **out, const cgap_taken *side, const cgap_spec *spec,
                                            cgap_error *error);

/* "NAME: TYPE of shape SHAPE", for a refusal; returns out. */
const char *cgap_entry_text(char *out, size_t size, const cgap_entry *entry);

/* A note where `status` is CGAP_DATA, whose message becomes its reason; else the status. */
CGAP_MUST_CHECK cgap_status cgap_note_refusal(cgap_dataset *d, cgap_status status, const char *what, cgap_error *error);

/* Values that belong to images: one dataset for each shard, or one for all in one of the files. */
CGAP_MUST_CHECK cgap_status cgap_per_image_find(cgap_dataset *d, cgap_series *out, const cgap_spec *spec, cgap_fit fit,
                                                const char *what, cgap_error *error);
/* That they are whole numbers, one for each image. */
CGAP_MUST_CHECK cgap_status cgap_per_image_check(const cgap_series *series, const cgap_series *image,
                                                 const char *option, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_int64_series(int64_t **out, const cgap_series *series, cgap_error *error);

/* The row of `among` that each id of `of` is, SIZE_MAX where none is. *twice is a row of `among` whose id an earlier
 * row has, or SIZE_MAX. */
CGAP_MUST_CHECK cgap_status cgap_ids_match(size_t *out, size_t *twice, const cgap_ids *among, const cgap_ids *of,
                                           const char *name, cgap_error *error);

CGAP_MUST_CHECK cgap_status cgap_pairing_find(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);
/* pair_by_id.c: *out the image row of each text by ids on both sides, or NULL. Those that say the image's id of each
 * text are used or refused; those that may be the texts' own, where each is an image's. */
CGAP_MUST_CHECK cgap_status cgap_pairing_join(uint64_t **out, cgap_dataset *d, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_pairing_join_own(uint64_t **out, cgap_dataset *d, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_class_text_find(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);
/* How well an entry fits for the image row of each text. */
int cgap_index_fit(const cgap_entry *entry, const cgap_words *words, const cgap_near *near);

/* Texts that are the prompts of classes are none; notes them. */
CGAP_MUST_CHECK cgap_status cgap_prompts_leave_out(cgap_dataset *d, const cgap_input_options *options,
                                                   cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_labels_find(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_arithmetic_find(cgap_dataset *d, cgap_error *error);
void cgap_training_find(cgap_dataset *d); /* extras.c: sets trained_on */

/* left_over.c: refuses a file given by name that no role takes, and a link that leads nowhere where the pairing should
 * be; notes datasets that look like embeddings and were not taken. */
/* CGAP_FILE: the one side that was found is not all there is: something else may be the other side. */
CGAP_MUST_CHECK cgap_status cgap_one_side_check(const cgap_dataset *d, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_left_over_settle(cgap_dataset *d, const cgap_input_options *options,
                                                  cgap_error *error);
/* transposed.c: notes where rows and columns may be exchanged. */
void cgap_exchanged_note(cgap_dataset *d);

/* CGAP_FILE: the datasets that were taken, and one more (or NULL), are virtual over more files in all than may be open
 * at once. */
CGAP_MUST_CHECK cgap_status cgap_dataset_room(const cgap_dataset *d, const cgap_entry *more, cgap_error *error);

#endif
