/* The images of one part with all that belongs to them, as data of their own; and the same passed through a head. */
#ifndef CGAP_HEAD_SUBSET_H
#define CGAP_HEAD_SUBSET_H

#include "head/model/head.h"
#include "head/training/split.h"
#include "rows/picked_rows.h"
#include "rows/spill_file.h"

typedef struct cgap_subset {
  cgap_data data;               /* views of what follows, and of the class texts and words of the whole */
  unsigned char *image, *text;  /* file values; NULL where they are read … */
  cgap_picked *picked[2];       /* … from the whole's sources, images and texts */
  uint64_t *text_image;         /* (texts) */
  size_t *image_row, *text_row; /* rows of the file */
  int64_t *labels, *image_label, *query;
  double *query_weight;
} cgap_subset;

/* The data of e must outlive the subset where it has class texts or words, and where e is not resident. */
CGAP_MUST_CHECK cgap_status cgap_subset_init(cgap_subset *out, const cgap_embeddings *e, const cgap_split *split,
                                             int part, cgap_error *error);
void cgap_subset_clear(cgap_subset *subset);

/* The rows of an audit of the subset's data, or of the same rows transformed, become those of the file. */
void cgap_subset_map(cgap_audit *audit, const cgap_subset *subset);

/* Data passed through a head: images by its image side, all else by its text side. */
typedef struct cgap_transformed {
  cgap_data data;
  float *image, *text, *class_text, *words; /* unit rows */
  cgap_spill *spilled[2];                   /* images and texts, where they are put aside: image and text are NULL */
} cgap_transformed;

/* spill: images and texts go into nameless files in place of the memory. Zero rows or NaN: CGAP_DATA. The original must
 * outlive the result. */
CGAP_MUST_CHECK cgap_status cgap_transformed_init(cgap_transformed *out, const cgap_data *data, const cgap_head *head,
                                                  bool spill, int threads, cgap_error *error);
void cgap_transformed_clear(cgap_transformed *transformed);

#endif
