/* A cgap_dataset while it is put together: what its finders share, and the finders themselves. */
#ifndef CGAP_IO_FIND_DATASET_INTERNAL_H
#define CGAP_IO_FIND_DATASET_INTERNAL_H

#include "io/read/datasets.h"
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
  CGAP_ROLE_GROUP,
  CGAP_ROLE_IMAGE_NAME, /* from here on what rows are called, which another role may have taken too */
  CGAP_ROLE_TEXT_NAME,
  CGAP_ROLE_CLASS_NAME,
  CGAP_ROLES
} cgap_role;

/* The datasets of one role, one per shard, in order. */
typedef struct cgap_role_datasets {
  cgap_chosen_dataset *taken;
  size_t count;
  char *why;  /* how they were found */
  char *name; /* for messages */
} cgap_role_datasets;

/* A file to search; inside is a group or dataset that the caller named, or NULL. */
typedef struct cgap_input {
  const cgap_file *file;
  char *inside;
} cgap_input;

/* The dataset that an option of cgap_input_options names: path in `file`, or, where file is NULL, in each input. path
 * NULL: whatever fits in file. */
typedef struct cgap_dataset_option {
  const char *name; /* for messages, "`text_image`" */
  const cgap_file *file;
  char *path;
  bool given;
  bool none; /* "none", and no dataset is called so */
} cgap_dataset_option;

struct cgap_dataset {
  cgap_file **files; /* every open file, once */
  size_t file_count;
  cgap_input *inputs;
  size_t input_count;
  cgap_dataset_option option[CGAP_ROLES]; /* of the roles that have one */
  bool unpaired, one_modality, for_audit; /* as in cgap_input_options */
  cgap_file_access access;
  cgap_memory_count memory;
  cgap_role_datasets role[CGAP_ROLES];
  struct cgap_class_major *class_major; /* where class texts are stored (prompts, C, d) */
  cgap_dataset_rows *image_rows, *text_rows, *class_rows, *word_rows;
  uint64_t *text_image;
  int64_t *labels, *image_label, *query;
  double *weight;
  char *pairing;             /* in words */
  char *notes;               /* lines */
  cgap_modality_names names; /* of the modalities, where they were given */
  char trained_on[200];      /* "300 of 500 images": those that trained the head that made these rows; "": not known */
  char trained_losses[64];   /* and by which terms */
  char *by_file;             /* of the options; read once the rows have names */
  cgap_grouping grouping;    /* groups == 0: none was asked for; what it points to is … */
  struct cgap_group_names *group_names; /* … here */
  cgap_data data;
};

/* ---------------------------------------------------------------- files and options */

/* Opens the files given, or, where there are none, those that the options name, and those that each option names:
 * after this no finder needs the caller's options. */
CGAP_MUST_CHECK cgap_status cgap_inputs_open(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);

/* The entry of a path as a user writes it: absolute, or in the group that was named with the file; or NULL. */
const cgap_entry *cgap_input_find(const cgap_input *input, const char *path);

/* ---------------------------------------------------------------- modalities that are neither image nor text */

/* Before the search: where no dataset is named for a modality and exactly one other word, such as audio, names some,
 * or two words name some and none is named for either, marks these to be that modality. Whatever else the names say
 * stays as ambiguous as it is. */
void cgap_other_modalities_place(cgap_dataset *d);

/* Of two files that are no HDF5, with one array of rows each: where their names say one modality, the other is the
 * other one; where they say none, and are not numbered, images come first. */
void cgap_two_files_place(cgap_dataset *d);

/* After it: names the modalities that the caller has not named, by what the files record or by such words. */
void cgap_other_modalities_name(cgap_dataset *d);

/* ---------------------------------------------------------------- the datasets of a role */

CGAP_MUST_CHECK cgap_status cgap_role_datasets_add(cgap_role_datasets *datasets, const cgap_file *file,
                                                   const cgap_entry *entry, cgap_error *error);
/* Sets why, printf manner. */
void cgap_role_datasets_explain(cgap_role_datasets *datasets, const char *format, ...) CGAP_PRINTF(2, 3);
size_t cgap_role_datasets_rows(const cgap_role_datasets *datasets);
void cgap_role_datasets_clear(cgap_role_datasets *datasets);

/* CGAP_FILE: the datasets that were taken, and one more (or NULL), are virtual over more files in all than may be open
 * at once. */
CGAP_MUST_CHECK cgap_status cgap_dataset_check_open_files(const cgap_dataset *d, const cgap_entry *more,
                                                          cgap_error *error);

/* ---------------------------------------------------------------- entries */

/* Whether two entries are in one group; whether they are one dataset under two names. */
bool cgap_entry_neighbours(const cgap_entry *a, const cgap_entry *b);
bool cgap_entry_same(const cgap_entry *a, const cgap_entry *b);

/* Whether it is in the group "arithmetic", whose members have one role each. */
bool cgap_entry_is_arithmetic(const cgap_entry *entry);

/* "NAME: TYPE of shape SHAPE", for a refusal; returns out. */
const char *cgap_entry_text(char *out, size_t size, const cgap_entry *entry);

/* ---------------------------------------------------------------- refusals and notes */

/* Appends " 1) /image (500, 512) float32 2) …", at most a dozen; number counts on. */
void cgap_candidate_append(char **text, size_t *number, const cgap_entry *entry);
void cgap_candidates_append(char **text, const cgap_file *file);

/* CGAP_FILE: no dataset of this path for the option; a similar name, and what there is. */
cgap_status cgap_refuse_missing(const cgap_file *file, const char *path, const char *option, cgap_error *error);

/* A note where `status` is CGAP_DATA, whose message becomes its reason; else the status. */
CGAP_MUST_CHECK cgap_status cgap_note_refusal(cgap_dataset *d, cgap_status status, const char *what, cgap_error *error);

/* ---------------------------------------------------------------- companions: small datasets of images or texts */

/* What belongs to the rows of one dataset of a modality. */
typedef struct cgap_companion {
  const cgap_chosen_dataset *modality;
  size_t images, texts; /* rows: of the shard, where images and texts are in as many shards */
  bool apart;           /* images and texts are in different files */
  const char *word;     /* of an id: the word that its name must have; NULL: any */
} cgap_companion;

cgap_companion cgap_companion_of(const cgap_dataset *d, cgap_role modality, size_t shard);

/* How well an entry fits a role; 0: not at all. */
typedef int (*cgap_name_score)(const cgap_entry *entry, const cgap_name_words *words, const cgap_companion *near);

/* From this score on the entry can be used; below, its name only suggests it. */
enum { CGAP_SCORE_USABLE = 100 };

/* The one entry of the modality's file that fits best, or NULL; score may be NULL. CGAP_FILE on a tie. */
CGAP_MUST_CHECK cgap_status cgap_companion_find(const cgap_entry **out, int *score, const cgap_companion *near,
                                                cgap_name_score fit, const char *what, cgap_error *error);

/* The entry that an option names; a relative path may count from the modality's group. */
CGAP_MUST_CHECK cgap_status cgap_given_dataset_find(const cgap_entry **out, const cgap_chosen_dataset *modality,
                                                    const cgap_dataset_option *option, cgap_error *error);

/* Fills the datasets of a role of images: one for each shard, or one for all in one of the files. */
CGAP_MUST_CHECK cgap_status cgap_per_image_find(cgap_dataset *d, cgap_role role, cgap_name_score fit, const char *what,
                                                cgap_error *error);

/* ---------------------------------------------------------------- the finders */

/* dataset.c calls them in this order. Each fills its own roles and values, adds notes, and reads what the finders
 * before it have filled. */

/* find_modalities.c: the datasets of images and texts (those may stay empty); checks shapes and types. */
CGAP_MUST_CHECK cgap_status cgap_find_modalities(cgap_dataset *d, cgap_error *error);
/* Refuses files without images, or without texts. */
cgap_status cgap_modalities_refuse(const cgap_dataset *d, cgap_role modality, cgap_error *error);
/* CGAP_FILE: a dataset named for texts is there and cannot be read; class texts do not replace it. */
CGAP_MUST_CHECK cgap_status cgap_modalities_check_unread(const cgap_dataset *d, cgap_error *error);

/* find_labels.c. The first removes texts that are the prompts of classes, with a note. */
CGAP_MUST_CHECK cgap_status cgap_prompts_exclude(cgap_dataset *d, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_find_class_text(cgap_dataset *d, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_find_labels(cgap_dataset *d, cgap_error *error);

/* Strings that name the classes; NULL where the file has none, or several. */
const cgap_entry *cgap_class_names_find(const cgap_dataset *d);

/* find_pairing.c */
CGAP_MUST_CHECK cgap_status cgap_find_pairing(cgap_dataset *d, cgap_error *error);
/* How well an entry fits for the image row of each text. */
int cgap_index_score(const cgap_entry *entry, const cgap_name_words *words, const cgap_companion *near);

/* pair_by_id.c: *out the image row of each text by the ids of both modalities, or NULL. The first uses or refuses ids
 * that say the image of each text; the second uses ids that may be the texts' own, where each is an image's. */
CGAP_MUST_CHECK cgap_status cgap_pair_by_id(uint64_t **out, cgap_dataset *d, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_pair_by_own_id(uint64_t **out, cgap_dataset *d, cgap_error *error);
/* The row of `among` that has each id of `of`, UINT64_MAX where none has. *twice is a row of `among` whose id an
 * earlier row has, or SIZE_MAX. */
CGAP_MUST_CHECK cgap_status cgap_ids_match(uint64_t *out, size_t *twice, const cgap_ids *among, const cgap_ids *of,
                                           const char *name, cgap_error *error);

/* find_arithmetic.c */
CGAP_MUST_CHECK cgap_status cgap_find_arithmetic(cgap_dataset *d, cgap_error *error);

/* find_names.c: ids, file names and captions, which no measure needs. */
CGAP_MUST_CHECK cgap_status cgap_find_names(cgap_dataset *d, cgap_error *error);

/* find_groups.c: the group of each image, where it was asked for. */
CGAP_MUST_CHECK cgap_status cgap_find_groups(cgap_dataset *d, cgap_error *error);
void cgap_groups_forget(cgap_dataset *d);

/* left_over.c: refuses a file given by name that no role takes, and a link that leads nowhere where the pairing should
 * be; notes datasets that look like embeddings and were not taken. */
CGAP_MUST_CHECK cgap_status cgap_left_over_check(cgap_dataset *d, cgap_error *error);
/* CGAP_FILE: one modality was found, and something else in the files may be the other. */
CGAP_MUST_CHECK cgap_status cgap_one_modality_check(const cgap_dataset *d, cgap_error *error);

/* transposed.c: notes where rows and columns may be exchanged. */
void cgap_transposed_note(cgap_dataset *d);

#endif
