/* Embeddings as the engine holds them: checked, bad rows dropped, couples settled, unit rows at hand. */
#ifndef CGAP_ENGINE_EMBEDDINGS_H
#define CGAP_ENGINE_EMBEDDINGS_H

#include "analysis/measure.h"
#include "contragap/contragap.h"

/* One modality. Index i counts kept rows, 0 ≤ i < rows; file_row[i] is its row in the file. */
typedef struct cgap_side {
  const cgap_source *source;
  size_t rows, dim;
  size_t *file_row;           /* (rows) */
  size_t *first_equal;        /* (rows) the first kept row with the same bytes, or itself; NULL where all rows differ */
  double *inverse_norm;       /* (rows), 1/‖row‖ of the file's values, as cgap_to_scaled takes it */
  double *mean;               /* (dim) centroid of the unit rows */
  double *moment;             /* (dim, dim) Σ z zᵀ over unit rows z, in double; upper triangle = lower */
  size_t own_first, own_rows; /* what raw and unit hold of them: all, or what this rank has */
  unsigned char *raw;         /* (own_rows, dim) of source->type, or NULL when not resident */
  float *unit;                /* (own_rows, dim) float32 unit rows, or NULL when not resident */
  cgap_side_checks checks;
} cgap_side;

/* Couples, grouped by image (compressed rows): texts of image i are text[first[i] … first[i + 1]). */
typedef struct cgap_pairs {
  size_t images, texts;
  size_t *image_of; /* (texts) */
  size_t *first;    /* (images + 1) */
  size_t *text;     /* (texts), ascending within an image */
} cgap_pairs;

typedef struct cgap_embeddings {
  const cgap_data *data;
  cgap_side image, text;
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

/* The same as one of several ranks: all scalars of rows and couples, and of the rows, where resident, those of the
 * rank's share. */
CGAP_MUST_CHECK cgap_status cgap_embeddings_share(cgap_embeddings *out, const cgap_data *data, bool resident,
                                                  cgap_comm *ranks, int threads, cgap_progress progress,
                                                  cgap_error *error);
void cgap_embeddings_clear(cgap_embeddings *e);

/* A side as measures see it; a view. */
cgap_modality cgap_modality_of(const cgap_side *side);

#endif
