/* Embeddings as the audit holds them: checked, bad rows dropped, pairs known, unit rows ready. */
#ifndef CGAP_ROWS_EMBEDDINGS_H
#define CGAP_ROWS_EMBEDDINGS_H

#include "contragap/contragap.h"
#include "rows/modality.h"

/* Pairs, grouped by image (compressed rows): texts of image i are text[first[i] … first[i + 1]). */
typedef struct cgap_pairs {
  size_t images, texts;
  size_t *image_of; /* (texts) */
  size_t *first;    /* (images + 1) */
  size_t *text;     /* (texts), ascending within an image */
} cgap_pairs;

typedef struct cgap_embeddings {
  const cgap_data *data;
  cgap_modality_rows image, text;
  bool paired;
  cgap_pairs pairs;      /* empty where not paired */
  size_t *image_kept_as; /* (images of the file) kept image each became, SIZE_MAX: dropped */
  size_t dropped_images, dropped_texts, merged_images;
  char pairing[128]; /* in words */
} cgap_embeddings;

/* Reads both sides once (the row pass), drops or refuses bad rows, merges images, settles the pairing.
 * resident: unit rows and raw rows of both sides are kept in memory. */
CGAP_MUST_CHECK cgap_status cgap_embeddings_load(cgap_embeddings *out, const cgap_data *data, bool resident,
                                                 int threads, cgap_progress progress, cgap_error *error);

/* The same as one of several ranks: all scalars of rows and pairs, and of the rows, where resident, those of the
 * rank's share. */
CGAP_MUST_CHECK cgap_status cgap_embeddings_load_distributed(cgap_embeddings *out, const cgap_data *data, bool resident,
                                                             cgap_comm *comm, int threads, cgap_progress progress,
                                                             cgap_error *error);
void cgap_embeddings_clear(cgap_embeddings *e);

/* Groups texts by image. image_of (texts) is taken over by out. */
CGAP_MUST_CHECK cgap_status cgap_pairs_init(cgap_pairs *out, size_t *image_of, size_t images, size_t texts,
                                            cgap_error *error);
void cgap_pairs_clear(cgap_pairs *pairs);

/* ---------------------------------------------------------------- caption order */

/* In which order k texts of each image are stored, where the data does not say. */

typedef enum cgap_order { CGAP_IMAGE_MAJOR, CGAP_CAPTION_MAJOR } cgap_order;

/* texts = k × images, without more: which order do the rows themselves support? Both are tried on up to 2,000
 * images spread over the file; supported is the one with the greater z where that is at least 4. Neither: CGAP_FILE. */
CGAP_MUST_CHECK cgap_status cgap_caption_order_detect(cgap_order *out, const cgap_data *data, cgap_error *error);

#endif
