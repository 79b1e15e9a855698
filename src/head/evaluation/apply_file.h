/* A file of embeddings passed through a head into a new file of the same layout. */
#ifndef CGAP_HEAD_EVALUATION_APPLY_FILE_H
#define CGAP_HEAD_EVALUATION_APPLY_FILE_H

#include "head/model/head.h"
#include "head/model/loss.h"
#include "io/find/dataset.h"

typedef struct cgap_apply_file_options {
  bool leave_bad; /* bad rows become rows of zeros, which the audit counts as bad again; else they are refused */
  int threads;
  uint64_t memory_bytes; /* a small limit means fewer rows at once; 0: half of what is free */
  cgap_progress progress;
  cgap_comm *comm; /* whose ranks divide the rows among them. NULL: alone */
  bool one_file;   /* rank 0 writes all rows; else each rank writes a part, with virtual datasets over the parts */
} cgap_apply_file_options;

typedef struct cgap_apply_summary {
  size_t rows, bad;   /* all; of them left as zeros */
  char left_out[300]; /* names of the shards' datasets that have no place in one file; "": none */
  size_t trained;     /* images of the input that the head was trained on, as far as the head knows; 0: none */
  bool by_number;     /* … by their number alone, which is all that heads of earlier versions hold */
  char written[300];  /* names of the files, where they are not that of the output; "": they are */
  size_t part_count;  /* files next to the output that belong to it; 0: none */
  char first_part[256], last_part[256];
} cgap_apply_summary;

/* Images go through the head of the images, texts, class texts and words through that of the texts, each in its own
 * place, shape and type but for the dimension; everything else and all attributes are copied. Several shards become one
 * file of the names image, text, text_image, labels, class_text and arithmetic, with the first one's attributes; the
 * names of all other datasets are left in left_out. CGAP_DATA: the head takes rows of another dimension. */
CGAP_MUST_CHECK cgap_status cgap_apply_file(cgap_apply_summary *out, const cgap_head *head, const cgap_dataset *dataset,
                                            const char *path, const cgap_apply_file_options *options,
                                            cgap_error *error);

/* The same into .npy, .npz or safetensors, as the end of path says (io/write/convert.h), by one process: every rank but
 * the first has nothing to do. replace: overwrite .npy files, which do not say who wrote them. left_out of the summary:
 * arrays that such a file cannot hold. */
CGAP_MUST_CHECK cgap_status cgap_apply_export(cgap_apply_summary *out, const cgap_head *head,
                                              const cgap_dataset *dataset, const char *path, const char *command,
                                              bool replace, const cgap_apply_file_options *options, cgap_error *error);

/* ---------------------------------------------------------------- what both do */

/* CGAP_DATA: rows of another dimension than the head takes; CGAP_USAGE: path is an input. */
CGAP_MUST_CHECK cgap_status cgap_apply_check(const cgap_head *head, const cgap_dataset *dataset, const char *path,
                                             cgap_error *error);

/* The terms of the loss that the head was trained on; "": none. */
void cgap_apply_losses(char text[CGAP_TERMS], const cgap_head *head);

/* out->trained, of which the hashes among the `images` rows have been counted, becomes the images that the head was
 * trained on: where the head holds the hashes of a part of them only, as many times more. A head of earlier versions
 * has their numbers alone: a file of as many images is then taken for the training file. text: "300 of 500 images". */
void cgap_apply_trained(cgap_apply_summary *out, char text[100], const cgap_head *head, size_t images);

#endif
