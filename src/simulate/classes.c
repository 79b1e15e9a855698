/* Classes of the clip model: a class is a subject in a relation ("dog on sofa"), its label
 * subject·relations + relation; words stand for the subjects, then for the relations. A query takes an image
 * and asks for another subject or another relation (SIMAT, Couairon et al. 2021). */
#include "simulate/internal.h"

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
static size_t other(cgap_random *random, size_t value, size_t count)
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
    relation = other(&random, relation, clip->relations);
    target = clip->subjects + relation;
  } else {
    source = subject;
    subject = target = other(&random, subject, clip->subjects);
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
