/* The models: the plan of a population, its streams of random numbers, what makes one row of each model (models.c:
 * offset, uniform, cone; clip.c: clip and its classes), and rows in any order by all threads (simulation.c). */
#ifndef CGAP_SIMULATE_MODELS_H
#define CGAP_SIMULATE_MODELS_H

#include "base/numbers.h"
#include "simulate/simulate.h"

/* Who draws: the high byte of a stream, its low bytes the row. The population has a key of its own. */
typedef enum cgap_random_stream {
  CGAP_STREAM_SHARED = 1, /* by image */
  CGAP_STREAM_IMAGE,      /* by image */
  CGAP_STREAM_TEXT,       /* by text */
  CGAP_STREAM_CAPTIONS,   /* by image */
  CGAP_STREAM_LABEL,      /* by image */
  CGAP_STREAM_QUERY,      /* by query */
  CGAP_STREAM_MIRROR,     /* population: by reflection */
  CGAP_STREAM_CENTRE,     /* population: by class attribute */
  CGAP_STREAM_PROMPT,     /* population: by class */
  CGAP_STREAM_WORD        /* population: by word */
} cgap_random_stream;

enum { CGAP_MIRRORS = 2 };

#define CGAP_POPULATION UINT64_C(0x636f6e7472616761) /* the key of what no seed changes */

/* A stream of normal numbers, two at a time. */
typedef struct cgap_normals {
  cgap_random random;
  double spare;
  bool has_spare;
} cgap_normals;

cgap_normals cgap_normals_init(uint64_t seed, cgap_random_stream stream, uint64_t row);
double cgap_normals_next(cgap_normals *normals);

/* The clip model. Axes 0 and 1 hold the two mean directions, the other `noise` axes the variance. */
typedef struct cgap_clip {
  size_t noise;
  double mean[2];                /* image (mean[0], mean[1]), text (mean[0], −mean[1]) */
  double *shared, *image, *text; /* (noise) standard deviations */
  double *mirror;                /* (CGAP_MIRRORS, dim) unit vectors: reflections that mix the axes */
  size_t subjects, relations;    /* class = subject·relations + relation; 0: no classes */
  double *centre;                /* (subjects + relations, noise) standard normal */
} cgap_clip;

/* Everything that a row maker needs. Read-only once open. */
typedef struct cgap_simulator {
  cgap_simulate_options options;
  size_t texts;
  uint64_t *text_image; /* (texts) where ragged, else NULL: text j is of image j / captions_most */
  cgap_clip clip;
} cgap_simulator;

/* The image of a text. */
static inline uint64_t cgap_simulator_owner(const cgap_simulator *s, size_t text)
{
  return s->text_image ? s->text_image[text] : text / s->options.captions_most;
}

/* One unit row of dim values. */
typedef void cgap_row_maker(const cgap_simulator *simulator, uint64_t row, double *out);
cgap_row_maker cgap_offset_image, cgap_offset_text;
cgap_row_maker cgap_uniform_image, cgap_uniform_text;
cgap_row_maker cgap_cone_image, cgap_cone_text;
cgap_row_maker cgap_clip_image, cgap_clip_text;

double cgap_offset_of(const cgap_simulate_options *options, size_t modality); /* h_k of more than two modalities */
/* The row of one of them. */
void cgap_offset_modality(const cgap_simulator *simulator, size_t modality, uint64_t row, double *out);

void cgap_unit_row(double *row, size_t dim);

CGAP_MUST_CHECK cgap_status cgap_clip_open(cgap_clip *out, const cgap_simulate_options *options, cgap_error *error);
void cgap_clip_close(cgap_clip *clip);
double cgap_cone_resultant(size_t dim, double kappa); /* length of the mean of a von Mises–Fisher */

/* Classes (clip with classes > 0). */
size_t cgap_classes_label(const cgap_simulator *simulator, uint64_t image);
void cgap_classes_text(const cgap_simulator *simulator, size_t class_index, double *out);
size_t cgap_classes_words(const cgap_simulator *simulator);
void cgap_classes_word(const cgap_simulator *simulator, size_t word, double *out);
size_t cgap_classes_queries(const cgap_simulator *simulator);
/* query is (queries, 4), weight (queries). */
void cgap_classes_fill(const cgap_simulator *simulator, int64_t *query, double *weight);

/* A text that stands for a subject, a relation, or both (CGAP_NONE: not that one). */
#define CGAP_NONE SIZE_MAX
void cgap_clip_concept(const cgap_clip *clip, size_t dim, size_t subject, size_t relation, cgap_normals normals,
                       double *out);

/* ---------------------------------------------------------------- rows in any order */

/* Fails as cgap_simulate_check does. */
CGAP_MUST_CHECK cgap_status cgap_simulator_open(cgap_simulator *out, const cgap_simulate_options *options,
                                                cgap_error *error);
void cgap_simulator_close(cgap_simulator *simulator);
void cgap_simulator_images(const cgap_simulator *simulator, size_t first, size_t count, double *out);
void cgap_simulator_modality(const cgap_simulator *simulator, size_t modality, size_t first, size_t count, double *out);
void cgap_simulator_texts(const cgap_simulator *simulator, size_t first, size_t count, double *out);

#endif
