/* Bootstrap over images: every measure that can be taken again on a drawing of the test part's images, each with its
 * texts. An image drawn twice stands twice, but its two copies are no couple: neither a negative nor a pair of rows
 * for uniformity. Ranks are those of the full part. */
#ifndef CGAP_HEAD_RESAMPLE_H
#define CGAP_HEAD_RESAMPLE_H

#include "contragap/contragap.h"

/* Embeddings with what an audit and the file say about each image, text and query. Texts are sorted by image. */
typedef struct cgap_judged {
  size_t images, texts, dim;
  float *image, *text;             /* unit rows */
  size_t *first;                   /* (images + 1) texts of each image */
  double *pair_cosine, *rank_text; /* (texts) */
  double *rank_image;              /* (images), NaN without a text */
  int64_t *label;                  /* (images); NULL: no zero-shot */
  size_t classes;
  unsigned char *place; /* (images) of the right class: 1 best, 2 to 5 among the five best, 0 neither */
  size_t queries;       /* of arithmetic */
  size_t *query_image;
  double *query_weight;
  unsigned char *query_right;
} cgap_judged;

/* audit is that of data. */
CGAP_MUST_CHECK cgap_status cgap_sample_init(cgap_judged *out, const cgap_data *data, const cgap_audit *audit,
                                             int threads, cgap_error *error);
void cgap_sample_clear(cgap_judged *sample);

/* Which images are drawn: (images, draws), how often each. The same for every sample that is compared. */
typedef struct cgap_drawing {
  size_t images, draws;
  float *times;
  cgap_progress progress; /* asked while drawings are measured; to be set after init */
} cgap_drawing;

CGAP_MUST_CHECK cgap_status cgap_drawing_init(cgap_drawing *out, size_t images, uint64_t seed, cgap_error *error);
void cgap_drawing_clear(cgap_drawing *drawing);

extern const char *const cgap_resampled_keys[]; /* keys of the report */
extern const size_t cgap_resampled_key_count;

/* values (draws, keys): each measure on each drawing, NaN where it cannot be computed. */
CGAP_MUST_CHECK cgap_status cgap_resample(double *values, const cgap_judged *sample, const cgap_drawing *drawing,
                                          double temperature, int threads, cgap_error *error);

/* The 95 % interval of b − a around `difference`: the percentiles of its drawings, moved so that their mean is the
 * difference itself (a distance of centroids grows by being drawn again, alike on both sides but not equally). Both
 * NaN where too few drawings have values. */
void cgap_resampled_interval(const double *a, const double *b, size_t draws, size_t key, double difference, double *lo,
                             double *hi);

#endif
