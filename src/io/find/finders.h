/* The finders of what a data set consists of; dataset.c calls them. Each fills its own roles and values, adds notes,
 * and reads what the finders before it have filled. */
#ifndef CGAP_IO_FIND_FINDERS_H
#define CGAP_IO_FIND_FINDERS_H

#include "io/find/companion_datasets.h"
#include "io/read/small_datasets.h"

/* ---------------------------------------------------------------- find_modalities.c */

/* Fills the image and text series (text may stay empty) and checks shapes and types. */
CGAP_MUST_CHECK cgap_status cgap_find_modalities(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);
/* Refuses files without images, or without texts; the second names class texts and labels in their place too. */
cgap_status cgap_modalities_refuse(const cgap_dataset *d, bool text, cgap_error *error);
cgap_status cgap_modalities_refuse_no_text(const cgap_dataset *d, bool none_wanted, cgap_error *error);
/* CGAP_FILE: a dataset named for texts is there and cannot be read; class texts do not replace it. */
CGAP_MUST_CHECK cgap_status cgap_modalities_check_unread(const cgap_dataset *d, cgap_error *error);

/* ---------------------------------------------------------------- pair_by_id.c */

/* The row of `among` that each id of `of` is, SIZE_MAX where none is. *twice is a row of `among` whose id an earlier
 * row has, or SIZE_MAX. */
CGAP_MUST_CHECK cgap_status cgap_ids_match(size_t *out, size_t *twice, const cgap_ids *among, const cgap_ids *of,
                                           const char *name, cgap_error *error);

/* *out the image row of each text by ids on both sides, or NULL. Those that say the image's id of each text are used or
 * refused; those that may be the texts' own, where each is an image's. */
CGAP_MUST_CHECK cgap_status cgap_pair_by_id(uint64_t **out, cgap_dataset *d, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_pair_by_own_id(uint64_t **out, cgap_dataset *d, cgap_error *error);

/* ---------------------------------------------------------------- find_pairing.c */

CGAP_MUST_CHECK cgap_status cgap_find_pairing(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);
/* How well an entry fits for the image row of each text. */
int cgap_index_score(const cgap_entry *entry, const cgap_name_words *words, const cgap_companion *near);

/* ---------------------------------------------------------------- find_labels.c */

CGAP_MUST_CHECK cgap_status cgap_find_class_text(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);
/* Texts that are the prompts of classes are none; notes them. */
CGAP_MUST_CHECK cgap_status cgap_prompts_exclude(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_find_labels(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);

/* ---------------------------------------------------------------- find_arithmetic.c */

CGAP_MUST_CHECK cgap_status cgap_find_arithmetic(cgap_dataset *d, cgap_error *error);

/* ---------------------------------------------------------------- left_over.c */

/* Refuses a file given by name that no role takes, and a link that leads nowhere where the pairing should be; notes
 * datasets that look like embeddings and were not taken. */
CGAP_MUST_CHECK cgap_status cgap_left_over_check(cgap_dataset *d, const cgap_input_options *options, cgap_error *error);
/* CGAP_FILE: the one side that was found is not all there is: something else may be the other side. */
CGAP_MUST_CHECK cgap_status cgap_one_modality_check(const cgap_dataset *d, cgap_error *error);

/* ---------------------------------------------------------------- transposed.c */

/* Notes where rows and columns may be exchanged. */
void cgap_transposed_note(cgap_dataset *d);

#endif
