/* Pairs whose summary resembles CLIP ViT-B/32 on COCO.
 *
 *   x = R (m_I + z + a)/‖·‖,  y = R (m_T + z + b)/‖·‖,  z, a, b normal, independent, diagonal covariances
 *
 * m_I and m_T lie in the plane of axes 0 and 1 and have no variance there, so the gap separates the modalities
 * fully; z is what a pair shares, a and b what is a modality's own (each caption draws its own b). The
 * variances fall as (k + 3)^−p over the other axes, p = 1.1·ln d/ln 512: flatter in few dimensions, where
 * R@1 would fall to nothing otherwise. a prefers axes 0, 3, 4, 7, 8, … and b the others by (1 + TILT) to
 * (1 − TILT): the less the modalities' own variances overlap, the higher the recall. R is a product of
 * reflections; it mixes the axes and changes no measure.
 *
 * Calibration, means over seeds, compared with what it aims at (with classes R@1 is lower, images of a class
 * being alike; zero-shot top-1 then lies between 0.6 and 0.95 for 2 to 100 classes):
 *                                  CLIP, COCO   n 4962, d 512   n 1000, d 128   n 300, d 64
 *   centroid distance                    0.82           0.821           0.821         0.823
 *   pair cosine                          0.31           0.311           0.311         0.312
 *   participation ratio image/text   about 42         39 / 45         39 / 42       28 / 29
 *   R@1 image→text / text→image      about 0.3    0.29 / 0.30     0.35 / 0.37   0.33 / 0.33
 */
#include "simulate/models.h"

#include "base/memory.h"

#include <math.h>

static const double MEAN_SQUARED = 0.500;  /* ‖m‖² */
static const double MEAN_PRODUCT = 0.1685; /* m_I·m_T */
static const double SHARED = 0.139;        /* trace of Cov z */
static const double OWN = 0.354;           /* trace of Cov a and of Cov b */
static const double EXPONENT_AT_512 = 1.1;
static const double START = 3;
static const double TILT = 0.83;
static const double CLASS_SHARE = 0.5;   /* of the variance of z that the class decides */
static const double PROMPT_NOISE = 0.25; /* of the texts' own deviations, in class texts and words */

/* ---------------------------------------------------------------- the population */

static void scale_to(double *variance, size_t count, double trace)
{
  double sum = 0;
  for (size_t k = 0; k < count; k++)
    sum += variance[k];
  for (size_t k = 0; k < count; k++)
    variance[k] = sqrt(variance[k] * trace / sum);
}

static void set_spectrum(cgap_clip *clip, size_t dim)
{
  double power = EXPONENT_AT_512 * log((double)dim) / log(512);
  for (size_t k = 0; k < clip->noise; k++) {
    double weight = pow((double)k + START, -power);
    double tilt = k % 4 == 0 || k % 4 == 3 ? TILT : -TILT;
    clip->shared[k] = weight;
    clip->image[k] = weight * (1 + tilt);
    clip->text[k] = weight * (1 - tilt);
  }
  scale_to(clip->shared, clip->noise, SHARED);
  scale_to(clip->image, clip->noise, OWN);
  scale_to(clip->text, clip->noise, OWN);
}

static void normal_rows(cgap_random_stream stream, size_t rows, size_t columns, double *out)
{
  for (size_t r = 0; r < rows; r++) {
    cgap_normals normals = cgap_normals_init(CGAP_POPULATION, stream, r);
    for (size_t k = 0; k < columns; k++)
      out[r * columns + k] = cgap_normals_next(&normals);
  }
}

/* The divisor of `classes` nearest below its root: 10 classes are 5 subjects in 2 relations. */
static size_t relations_of(size_t classes)
{
  size_t best = 1;
  for (size_t r = 2; r * r <= classes; r++)
    if (classes % r == 0)
      best = r;
  return best;
}

cgap_status cgap_clip_open(cgap_clip *out, const cgap_simulate_options *o, cgap_error *error)
{
  *out = (cgap_clip){.noise = o->dim - 2};
  double half = acos(MEAN_PRODUCT / MEAN_SQUARED) / 2;
  out->mean[0] = sqrt(MEAN_SQUARED) * cos(half);
  out->mean[1] = sqrt(MEAN_SQUARED) * sin(half);
  if (o->classes) {
    out->relations = relations_of(o->classes);
    out->subjects = o->classes / out->relations;
  }
  size_t centres = out->subjects + out->relations;
  out->shared = cgap_alloc(out->noise, sizeof *out->shared);
  out->image = cgap_alloc(out->noise, sizeof *out->image);
  out->text = cgap_alloc(out->noise, sizeof *out->text);
  out->mirror = cgap_alloc(CGAP_MIRRORS * o->dim, sizeof *out->mirror);
  out->centre = cgap_alloc(centres * out->noise, sizeof *out->centre);
  if (!out->shared || !out->image || !out->text || !out->mirror || !out->centre) {
    cgap_clip_close(out);
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu classes of %zu numbers; give fewer classes",
                     o->classes, o->dim);
  }
  set_spectrum(out, o->dim);
  normal_rows(CGAP_STREAM_MIRROR, CGAP_MIRRORS, o->dim, out->mirror);
  for (size_t r = 0; r < CGAP_MIRRORS; r++)
    cgap_unit_row(out->mirror + r * o->dim, o->dim);
  normal_rows(CGAP_STREAM_CENTRE, centres, out->noise, out->centre);
  return CGAP_OK;
}

void cgap_clip_close(cgap_clip *clip)
{
  cgap_free(clip->shared);
  cgap_free(clip->image);
  cgap_free(clip->text);
  cgap_free(clip->mirror);
  cgap_free(clip->centre);
  *clip = (cgap_clip){0};
}

/* ---------------------------------------------------------------- rows */

/* row − 2 (v·row) v for each mirror, then unit length. */
static void reflect_and_normalise(const cgap_clip *clip, size_t dim, double *row)
{
  for (size_t r = 0; r < CGAP_MIRRORS; r++) {
    const double *v = clip->mirror + r * dim;
    double dot = 0;
    for (size_t k = 0; k < dim; k++)
      dot += v[k] * row[k];
    for (size_t k = 0; k < dim; k++)
      row[k] -= 2 * dot * v[k];
  }
  cgap_unit_row(row, dim);
}

/* What one attribute adds to z. Unlike z's own, its variance is the same on all axes: most classes then
 * stand apart, and retrieval within a class still works. */
static void add_attribute(const cgap_clip *clip, size_t attribute, double *z)
{
  double variance = CLASS_SHARE * SHARED / (double)clip->noise / (clip->relations > 1 ? 2 : 1);
  const double *centre = clip->centre + attribute * clip->noise;
  for (size_t k = 0; k < clip->noise; k++)
    z[k] += sqrt(variance) * centre[k];
}

/* z of an image, the same for its image and all of its texts. */
static void shared_component(const cgap_simulator *s, uint64_t image, double *z)
{
  const cgap_clip *clip = &s->clip;
  cgap_normals normals = cgap_normals_init(s->options.seed, CGAP_STREAM_SHARED, image);
  double own = clip->subjects ? sqrt(1 - CLASS_SHARE) : 1;
  for (size_t k = 0; k < clip->noise; k++)
    z[k] = own * clip->shared[k] * cgap_normals_next(&normals);
  if (!clip->subjects)
    return;
  size_t label = cgap_classes_label(s, image);
  add_attribute(clip, label / clip->relations, z);
  if (clip->relations > 1)
    add_attribute(clip, clip->subjects + label % clip->relations, z);
}

void cgap_clip_image(const cgap_simulator *s, uint64_t row, double *out)
{
  const cgap_clip *clip = &s->clip;
  cgap_normals normals = cgap_normals_init(s->options.seed, CGAP_STREAM_IMAGE, row);
  shared_component(s, row, out + 2);
  for (size_t k = 0; k < clip->noise; k++)
    out[k + 2] += clip->image[k] * cgap_normals_next(&normals);
  out[0] = clip->mean[0];
  out[1] = clip->mean[1];
  reflect_and_normalise(clip, s->options.dim, out);
}

void cgap_clip_text(const cgap_simulator *s, uint64_t row, double *out)
{
  const cgap_clip *clip = &s->clip;
  cgap_normals normals = cgap_normals_init(s->options.seed, CGAP_STREAM_TEXT, row);
  shared_component(s, cgap_simulator_owner(s, row), out + 2);
  for (size_t k = 0; k < clip->noise; k++)
    out[k + 2] += clip->text[k] * cgap_normals_next(&normals);
  out[0] = clip->mean[0];
  out[1] = -clip->mean[1];
  reflect_and_normalise(clip, s->options.dim, out);
}

void cgap_clip_concept(const cgap_clip *clip, size_t dim, size_t subject, size_t relation, cgap_normals normals,
                       double *out)
{
  for (size_t k = 0; k < clip->noise; k++)
    out[k + 2] = PROMPT_NOISE * clip->text[k] * cgap_normals_next(&normals);
  if (subject != CGAP_NONE)
    add_attribute(clip, subject, out + 2);
  if (relation != CGAP_NONE)
    add_attribute(clip, clip->subjects + relation, out + 2);
  out[0] = clip->mean[0];
  out[1] = -clip->mean[1];
  reflect_and_normalise(clip, dim, out);
}

/* ---------------------------------------------------------------- classes */

/* Classes of the clip model: a class is a subject in a relation ("dog on sofa"), its label
 * subject·relations + relation; words stand for the subjects, then for the relations. A query takes an image
 * and asks for another subject or another relation (SIMAT, Couairon et al. 2021). */

enum { QUERIES = 1000 };

size_t cgap_classes_label(const cgap_simulator *s, uint64_t image)
{
  cgap_random random = cgap_random_init(s->options.seed, (uint64_t)CGAP_STREAM_LABEL << 56 | image);
  return (size_t)cgap_random_below(&random, s->options.classes);
}

void cgap_classes_text(const cgap_simulator *s, size_t class_index, double *out)
{
  const cgap_clip *clip = &s->clip;
  cgap_normals normals = cgap_normals_init(CGAP_POPULATION, CGAP_STREAM_PROMPT, class_index);
  size_t relation = clip->relations > 1 ? class_index % clip->relations : CGAP_NONE;
  cgap_clip_concept(clip, s->options.dim, class_index / clip->relations, relation, normals, out);
}

static size_t relation_words(const cgap_clip *clip)
{
  return clip->relations > 1 ? clip->relations : 0;
}

size_t cgap_classes_words(const cgap_simulator *s)
{
  return s->clip.subjects + relation_words(&s->clip);
}

void cgap_classes_word(const cgap_simulator *s, size_t word, double *out)
{
  const cgap_clip *clip = &s->clip;
  cgap_normals normals = cgap_normals_init(CGAP_POPULATION, CGAP_STREAM_WORD, word);
  bool subject = word < clip->subjects;
  cgap_clip_concept(clip, s->options.dim, subject ? word : CGAP_NONE, subject ? CGAP_NONE : word - clip->subjects,
                    normals, out);
}

size_t cgap_classes_queries(const cgap_simulator *s)
{
  return s->options.images < QUERIES ? s->options.images : QUERIES;
}

/* Another of `count` than `value`, evenly. */
static size_t draw_other(cgap_random *random, size_t value, size_t count)
{
  size_t pick = (size_t)cgap_random_below(random, count - 1);
  return pick < value ? pick : pick + 1;
}

static void draw_query(const cgap_simulator *s, uint64_t q, int64_t *out)
{
  const cgap_clip *clip = &s->clip;
  cgap_random random = cgap_random_init(s->options.seed, (uint64_t)CGAP_STREAM_QUERY << 56 | q);
  uint64_t image = cgap_random_below(&random, s->options.images);
  size_t label = cgap_classes_label(s, image);
  size_t subject = label / clip->relations, relation = label % clip->relations;
  bool change_relation = clip->relations > 1 && cgap_random_below(&random, 2);
  size_t source = 0, target = 0;
  if (change_relation) {
    source = clip->subjects + relation;
    relation = draw_other(&random, relation, clip->relations);
    target = clip->subjects + relation;
  } else {
    source = subject;
    subject = target = draw_other(&random, subject, clip->subjects);
  }
  out[0] = (int64_t)image;
  out[1] = (int64_t)source;
  out[2] = (int64_t)target;
  out[3] = (int64_t)(subject * clip->relations + relation);
}

/* As in SIMAT, frequent (source, target) transformations do not outweigh rare ones: one over their count. */
void cgap_classes_fill(const cgap_simulator *s, int64_t *query, double *weight)
{
  size_t queries = cgap_classes_queries(s);
  for (size_t q = 0; q < queries; q++)
    draw_query(s, q, query + 4 * q);
  for (size_t q = 0; q < queries; q++) {
    size_t alike = 0;
    for (size_t r = 0; r < queries; r++)
      alike += query[4 * r + 1] == query[4 * q + 1] && query[4 * r + 2] == query[4 * q + 2];
    weight[q] = 1.0 / (double)alike;
  }
}
