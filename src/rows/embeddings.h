/* Embeddings as an audit or a training uses them: both modalities checked, without bad rows, as unit rows, and paired.
 */
#ifndef CGAP_ROWS_EMBEDDINGS_H
#define CGAP_ROWS_EMBEDDINGS_H

#include "rows/modality.h"

/* Pairs, grouped by image (compressed rows): the texts of image i are text[first[i] … first[i + 1]). All three are NULL
 * where image i has text i alone, in embeddings that are spread. */
typedef struct cgap_pairs {
  size_t images, texts;
  size_t *image_of; /* (texts) */
  size_t *first;    /* (images + 1) */
  size_t *text;     /* (texts), ascending within an image */
} cgap_pairs;

static inline size_t cgap_pairs_image(const cgap_pairs *pairs, size_t text)
{
  return pairs->image_of ? pairs->image_of[text] : text;
}

static inline size_t cgap_pairs_first(const cgap_pairs *pairs, size_t image)
{
  return pairs->first ? pairs->first[image] : image;
}

static inline size_t cgap_pairs_text(const cgap_pairs *pairs, size_t place)
{
  return pairs->text ? pairs->text[place] : place;
}

typedef struct cgap_embeddings {
  const cgap_data *data;
  cgap_modality_rows image, text;
  bool paired;
  cgap_pairs pairs;      /* empty where not paired */
  size_t *image_kept_as; /* (images of the file) kept image each became, SIZE_MAX: left out; NULL where spread */
  size_t dropped_images, dropped_texts, merged_images;
  char pairing[256]; /* in words */
} cgap_embeddings;

/* Reads both modalities once (the row pass), refuses or drops bad rows, merges equal images, finds the pairs. Where the
 * data leaves the order of k texts per image open, both orders are tried on up to 2,000 images from all over the file;
 * the one with the greater z is taken if that is at least 4, else CGAP_FILE.
 * Without texts the second modality is empty. The two may differ in dim, unless the order of the texts is open.
 * hold: what stays in memory of the rows of both. comm (or NULL): every rank gets all scalars of rows and pairs, and of
 * the rows, where they are held, those that it owns; it holds unit rows or none. */
CGAP_MUST_CHECK cgap_status cgap_embeddings_load(cgap_embeddings *out, const cgap_data *data, cgap_hold hold,
                                                 cgap_comm *comm, int threads, cgap_progress progress,
                                                 cgap_error *error);

/* The same with scalars of rows spread over the ranks as well, and pairs implied where row i belongs to row i. */
CGAP_MUST_CHECK cgap_status cgap_embeddings_load_spread(cgap_embeddings *out, const cgap_data *data, cgap_hold hold,
                                                        cgap_comm *comm, int threads, cgap_progress progress,
                                                        cgap_error *error);

/* Every rank gets all scalars after all. */
CGAP_MUST_CHECK cgap_status cgap_embeddings_unspread(cgap_embeddings *e, cgap_comm *comm, cgap_error *error);

/* The kept image that a row of the file became; SIZE_MAX: it was left out. */
size_t cgap_image_kept_as(const cgap_embeddings *e, size_t file_row);
void cgap_embeddings_clear(cgap_embeddings *e);

/* CGAP_DATA: images and texts differ in dim. */
CGAP_MUST_CHECK cgap_status cgap_check_one_space(const cgap_data *data, cgap_error *error);

/* Whether the texts of an open pairing are caption-major, by the same test; false of any other pairing. */
CGAP_MUST_CHECK cgap_status cgap_caption_major(bool *out, const cgap_data *data, cgap_error *error);

/* The image row of a text row of the file, of data that has pairs. */
size_t cgap_image_of_text(const cgap_data *data, bool caption_major, size_t text);

/* Groups texts by image. *out takes image_of (texts) over; on failure it is to be cleared as well. */
CGAP_MUST_CHECK cgap_status cgap_pairs_init(cgap_pairs *out, size_t *image_of, size_t images, size_t texts,
                                            cgap_error *error);
void cgap_pairs_clear(cgap_pairs *pairs);

#endif
