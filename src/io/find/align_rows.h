/* Which rows of more than two modalities belong together: by position, or by the ids that all of them have. */
#ifndef CGAP_IO_FIND_ALIGN_ROWS_H
#define CGAP_IO_FIND_ALIGN_ROWS_H

#include "contragap/contragap.h"

typedef struct cgap_row_alignment {
  bool by_id;                          /* else by position, and all have the same number of rows */
  size_t count;                        /* modalities */
  size_t rows;                         /* that belong together */
  size_t *row[CGAP_MODALITIES_MAX];    /* (rows) of each modality, in the order of the first; NULL: by position */
  const char *id[CGAP_MODALITIES_MAX]; /* the datasets of the ids, borrowed from the data sets */
} cgap_row_alignment;

/* pair (count): data sets whose images are the rows of modality 0, and whose texts those of modality m; pair[0] is not
 * read. Ids are integers or strings of the
 * same file, as many as the modality has rows, whose name says so: `audio_id`, or `id`, or in a file of that modality
 * alone any id; they are used where all modalities have some. CGAP_DATA: a duplicate id, ids of two kinds, none that
 * all have, ids that cannot be used. CGAP_FILE: a modality without ids, and different numbers of rows or other ids that
 * contradict the positions. */
CGAP_MUST_CHECK cgap_status cgap_rows_align(cgap_row_alignment *out, const cgap_dataset *const *pair,
                                            const char *const *name, size_t count, cgap_error *error);
void cgap_row_alignment_clear(cgap_row_alignment *alignment);

#endif
