/* Small datasets that belong to the images or texts, found by their names, shapes and places. */
#ifndef CGAP_IO_FIND_COMPANION_DATASETS_H
#define CGAP_IO_FIND_COMPANION_DATASETS_H

#include "io/find/dataset_internal.h"

/* What belongs to the rows of one dataset of a side. */
typedef struct cgap_companion {
  const cgap_chosen_dataset *modality;
  size_t images, texts; /* the rows it speaks of: of the shard, where images and texts are in as many shards */
  bool apart;           /* images and texts are in different files */
  const char *word;     /* of an id: the word that its name has to have; NULL: any */
} cgap_companion;

cgap_companion cgap_companion_of(const cgap_dataset *d, cgap_role modality, size_t shard);

/* How well an entry fits a role; 0: not at all. */
typedef int (*cgap_name_score)(const cgap_entry *entry, const cgap_name_words *words, const cgap_companion *near);

/* A score from here on says that the entry can be used; below, only that it looks meant. */
enum { CGAP_SCORE_USABLE = 100 };

/* The one entry of the side's file that fits best, or NULL; score may be NULL. CGAP_FILE on a tie. */
CGAP_MUST_CHECK cgap_status cgap_companion_find(const cgap_entry **out, int *score, const cgap_companion *near,
                                                cgap_name_score fit, const char *what, cgap_error *error);

/* The entry of --text-image, --labels or --class-text; a relative path may count from the side's group. */
CGAP_MUST_CHECK cgap_status cgap_given_dataset_find(const cgap_entry **out, const cgap_chosen_dataset *modality,
                                                    const cgap_dataset_option *spec, cgap_error *error);

/* Values that belong to images: one dataset for each shard, or one for all in one of the files. */
CGAP_MUST_CHECK cgap_status cgap_per_image_find(cgap_dataset *d, cgap_role_datasets *out,
                                                const cgap_dataset_option *spec, cgap_name_score fit, const char *what,
                                                cgap_error *error);
/* That they are whole numbers, one for each image. */
CGAP_MUST_CHECK cgap_status cgap_per_image_check(const cgap_role_datasets *series, const cgap_role_datasets *image,
                                                 const char *option, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_int64_series(int64_t **out, const cgap_role_datasets *series, cgap_error *error);

#endif
