/* Embeddings with known answers. Four models, each a population: sets with different seeds are samples
 * of one and the same distribution, whose parameters depend on the model and the dimension alone.
 *
 *   offset   x = √(1−h²) u + h e, y = √(1−h²) u − h e; u unit, orthogonal to e (the first axis), rows 2m and
 *            2m+1 with u and −u. Exactly: x − y = 2h e, so centroid distance 2h and alignment 4h².
 *   uniform  both sides uniform on the sphere and independent: no gap, alignment 2.
 *   cone     both sides von Mises–Fisher with one kappa, independent, mean directions 60° apart.
 *   clip     pairs whose summary resembles CLIP ViT-B/32 on COCO (clip.c has the calibration).
 *
 * Every row draws from a stream of its own, so the numbers depend on the seed and the row alone, never
 * on threads, blocks or the number of rows. */
#ifndef CGAP_SIMULATE_SIMULATE_H
#define CGAP_SIMULATE_SIMULATE_H

#include "simulate/options.h"

/* ---------------------------------------------------------------- all in memory */

/* Owns its arrays; double unit rows. Images without captions do not occur. */
typedef struct cgap_simulation {
  size_t images, texts, dim;
  double *image;        /* (images, dim) */
  double *text;         /* (texts, dim), image-major */
  uint64_t *text_image; /* (texts) image row of each text */
  bool one_to_one;      /* texts == images, row by row */

  size_t classes;     /* 0: the rest is empty */
  int64_t *labels;    /* (images) */
  double *class_text; /* (classes, dim) */
  size_t word_count, queries;
  double *words;        /* (word_count, dim) */
  int64_t *query;       /* (queries, 4) */
  double *query_weight; /* (queries) */
} cgap_simulation;

CGAP_MUST_CHECK cgap_status cgap_simulate(cgap_simulation *out, const cgap_simulate_options *options,
                                          cgap_error *error);
void cgap_simulation_clear(cgap_simulation *simulation);

/* A view for cgap_audit_run; borrows from the simulation. */
cgap_data cgap_simulation_data(const cgap_simulation *simulation);

/* ---------------------------------------------------------------- the population's values */

/* NaN where there is no closed form (clip with classes). */
typedef struct cgap_truth {
  double centroid_distance;
  double mean_squared_distance; /* alignment of the pairs */
} cgap_truth;

cgap_truth cgap_simulate_truth(const cgap_simulate_options *options);

/* ---------------------------------------------------------------- into a file */

/* Writes /image (N, d) and /text (N, d), (N, k, d) or, ragged, (M, d) with /text_image (M), and what classes
 * bring, in blocks, so that the file may be larger than memory. `command` goes into the file's attributes. */
CGAP_MUST_CHECK cgap_status cgap_simulate_file(const char *path, const cgap_simulate_options *options, cgap_type type,
                                               const char *command, cgap_progress progress, cgap_error *error);

#endif
