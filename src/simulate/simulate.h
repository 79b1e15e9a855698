/* Embeddings with known answers. Four models, each a population: sets with different seeds are samples
 * of one and the same distribution, whose parameters depend on the model and the dimension alone.
 *
 *   offset   x = √(1−h²) u + h e, y = √(1−h²) u − h e; u unit, orthogonal to e (the first axis), rows 2m and
 *            2m+1 with u and −u. Exactly: x − y = 2h e, so centroid distance 2h and alignment 4h².
 *   uniform  both modalities uniform on the sphere and independent: no gap, alignment 2.
 *   cone     both modalities von Mises–Fisher with one kappa, independent, mean directions 60° apart.
 *   clip     pairs whose summary resembles CLIP ViT-B/32 on COCO (clip.c has the calibration).
 *
 * Model offset also has more than two modalities, k = 0 … K − 1: z = √(1−h_k²) u + h_k e_k with h_k = h (k + 1)/K, the
 * e_k orthonormal and u orthogonal to all of them. Exactly: the centroids of a and b are √(h_a² + h_b²) apart, their
 * alignment is 2 − 2 √(1−h_a²) √(1−h_b²).
 *
 * Every row draws from a stream of its own, so the numbers depend on the seed and the row alone, never
 * on threads, blocks or the number of rows. */
#ifndef CGAP_SIMULATE_SIMULATE_H
#define CGAP_SIMULATE_SIMULATE_H

#include "contragap/contragap.h"

/* ---------------------------------------------------------------- what is asked for */

typedef enum cgap_model { CGAP_MODEL_OFFSET, CGAP_MODEL_UNIFORM, CGAP_MODEL_CONE, CGAP_MODEL_CLIP } cgap_model;

enum { CGAP_MODELS = 4 };

typedef struct cgap_simulate_options {
  cgap_model model;
  size_t images; /* at least 3 */
  size_t dim;    /* at least 2; clip: at least 3 */
  uint64_t seed;
  double h;              /* offset: half the centroid distance, 0 ≤ h < 1 */
  double kappa;          /* cone: concentration; 0: as large as dim */
  size_t captions_least; /* texts per image, drawn evenly from least … most */
  size_t captions_most;
  size_t classes;    /* clip: 0, or 2 and more: labels, class texts and arithmetic */
  int threads;       /* 0: as many as the machine has */
  size_t modalities; /* offset: 2, or up to CGAP_MODALITIES_MAX, each on an axis of its own; 0: 2 */
} cgap_simulate_options;

#define CGAP_SIMULATE_OPTIONS_INIT                                                                                     \
  {                                                                                                                    \
    .model = CGAP_MODEL_CLIP, .images = 1000, .dim = 64, .h = 0.4, .captions_least = 1, .captions_most = 1,            \
    .modalities = 2                                                                                                    \
  }

const char *cgap_model_name(cgap_model model);
bool cgap_model_find(cgap_model *out, const char *name); /* false: no such model */

/* CGAP_USAGE where the options make no sense: a sentence that begins with the name of the option, "captions 3-1: …". */
CGAP_MUST_CHECK cgap_status cgap_simulate_check(const cgap_simulate_options *options, cgap_error *error);

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

/* Of modalities a and b of more than two. */
cgap_truth cgap_simulate_truth_of(const cgap_simulate_options *options, size_t a, size_t b);

/* "image", "text", "audio" … of the file's datasets. */
extern const char *const cgap_simulated_names[CGAP_MODALITIES_MAX];

/* ---------------------------------------------------------------- into a file */

/* Writes /image (N, d) and /text (N, d), (N, k, d) or, ragged, (M, d) with /text_image (M), and what classes
 * bring, or the (N, d) of each of more than two modalities, in blocks, so that the file may be larger than memory.
 * `command` goes into the file's attributes. */
CGAP_MUST_CHECK cgap_status cgap_simulate_file(const char *path, const cgap_simulate_options *options, cgap_type type,
                                               const char *command, cgap_progress progress, cgap_error *error);

#endif
