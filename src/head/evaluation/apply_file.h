/* A file of embeddings passed through a head into a new file of the same layout. */
#ifndef CGAP_HEAD_EVALUATION_APPLY_FILE_H
#define CGAP_HEAD_EVALUATION_APPLY_FILE_H

#include "head/model/head.h"
#include "io/find/dataset.h"

typedef struct cgap_apply_file_options {
  bool leave_bad; /* bad rows become rows of zeros, which the audit counts as bad again; else they are refused */
  int threads;
  uint64_t memory_bytes; /* fewer rows are passed at once where it is short; 0: half of what is free */
  cgap_progress progress;
  cgap_comm *comm; /* that share the rows out. NULL: alone */
  bool one_file;   /* rank 0 writes all rows; else each rank writes a part, with virtual datasets over the parts */
} cgap_apply_file_options;

typedef struct cgap_apply_summary {
  size_t rows, bad;   /* passed through; of them left as zeros */
  char left_out[300]; /* datasets of shards that have no place in one file, by name; "" none */
  size_t trained;     /* images that the head was trained on, where it knows and the input has as many; 0: none */
  size_t part_count;  /* files next to the output that belong to it; 0: none */
  char first_part[256], last_part[256];
} cgap_apply_summary;

/* Images by the image side, texts, class texts and words by the text side, each in its own place, shape and type but
 * for the dimension; everything else and all attributes as they are. Several shards become one file of the names
 * image, text, text_image, labels, class_text and arithmetic, with the first one's attributes; the names of all other
 * datasets are left in left_out. CGAP_DATA: the head takes rows of another dimension. */
CGAP_MUST_CHECK cgap_status cgap_apply_file(cgap_apply_summary *out, const cgap_head *head, const cgap_dataset *dataset,
                                            const char *path, const cgap_apply_file_options *options,
                                            cgap_error *error);

#endif
