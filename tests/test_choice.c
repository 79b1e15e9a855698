/* The choice among candidates: its folds, its rule on planted data, the same bits for any number of threads, and what a
 * pilot would see against a search written out. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "head/evaluation/pilot.h"
#include "head/training/choice.h"
#include "support.h"

enum { IMAGES = 160, DIM = 24 };

/* Pairs of a common signal, apart by `shift`; the first two dimensions have most of the variance and no signal. */
typedef struct planted {
  double *x, *y;
  uint64_t *image_of;
  cgap_data data;
} planted;

static void plant(planted *p, size_t captions, double shift, double signal, uint64_t seed)
{
  const size_t texts = IMAGES * captions;
  support_random r = support_seed(seed);
  p->x = support_alloc(IMAGES * DIM, sizeof *p->x);
  p->y = support_alloc(texts * DIM, sizeof *p->y);
  p->image_of = support_alloc(texts, sizeof *p->image_of);
  for (size_t i = 0; i < IMAGES * DIM; i++)
    p->x[i] = (i % DIM < 2 ? 4 : 1) * support_normal(&r) + (i % DIM == 5 ? shift : 0);
  for (size_t j = 0; j < texts; j++) {
    p->image_of[j] = j / captions;
    for (size_t k = 0; k < DIM; k++)
      p->y[j * DIM + k] =
        k < 2 ? 4 * support_normal(&r)
              : signal * p->x[j / captions * DIM + k] + 0.5 * support_normal(&r) - (k == 5 ? (1 + signal) * shift : 0);
  }
  p->data = (cgap_data){.image = cgap_source_view(p->x, IMAGES, DIM, CGAP_FLOAT64, "x"),
                        .text = cgap_source_view(p->y, texts, DIM, CGAP_FLOAT64, "y"),
                        .pairing = CGAP_BY_INDEX,
                        .text_image = p->image_of};
}

static void dig_up(planted *p)
{
  free(p->x);
  free(p->y);
  free(p->image_of);
}

static void choose(cgap_choice *out, cgap_training_data *t, const planted *p, cgap_goal goal, int threads)
{
  cgap_choice_options options = {.training = CGAP_TRAIN_OPTIONS_INIT, .goal = goal};
  cgap_error error;
  options.training.threads = threads;
  options.training.seed = 4;
  cr_assert_eq(cgap_training_data_open(t, &p->data, &options.training, CGAP_WITH_ROWS, &error), CGAP_OK, "%s",
               error.message);
  cr_assert_eq(cgap_choice_run(out, t, &options, &error), CGAP_OK, "%s", error.message);
}

static double dot(const double *a, const double *b)
{
  double sum = 0;
  for (size_t k = 0; k < DIM; k++)
    sum += a[k] * b[k];
  return sum;
}

/* Every image of the training and the validation part is scored in one fold, groups stay together, and no image of the
 * test part is anywhere. */
Test(choice, folds_share_out_the_images)
{
  planted p;
  cgap_training_data t;
  cgap_train_options o = CGAP_TRAIN_OPTIONS_INIT;
  plant(&p, 1, 3, 1, 1);
  memcpy(p.y + 7 * DIM, p.y + 90 * DIM, DIM * sizeof *p.y); /* two images with the same text are a group */
  cr_assert_eq(cgap_training_data_open(&t, &p.data, &o, CGAP_WITH_ROWS, NULL), CGAP_OK);
  const cgap_embeddings *e = &t.rows->e;
  size_t scored[IMAGES] = {0};
  cr_expect_eq(t.split.group[90], t.split.group[7]);
  for (size_t f = 0; f < CGAP_FOLDS_MAX; f++) {
    cgap_split fold;
    cr_assert_eq(cgap_split_fold(&fold, &t.split, e, f, CGAP_FOLDS_MAX, 0.1, 4, NULL), CGAP_OK);
    size_t inner = 0;
    for (size_t i = 0; i < IMAGES; i++) {
      cr_expect_eq(fold.of_image[i] == CGAP_SPLITS, t.split.of_image[i] == CGAP_TEST);
      cr_expect_eq(fold.of_image[i], fold.of_image[t.split.group[i]]);
      scored[i] += fold.of_image[i] == CGAP_TEST;
      inner += fold.of_image[i] == CGAP_VALIDATION;
    }
    cr_expect(inner >= 8 && inner <= 14, "%zu", inner);
    cgap_split_clear(&fold);
  }
  for (size_t i = 0; i < IMAGES; i++)
    cr_expect_eq(scored[i], t.split.of_image[i] != CGAP_TEST, "image %zu: %zu", i, scored[i]);
  t.split.group[110] = t.split.group[30]; /* a group in two parts: the image of the test part stays out */
  t.split.of_image[30] = CGAP_TEST;
  t.split.of_image[110] = CGAP_TRAINING;
  for (size_t f = 0; f < CGAP_FOLDS_MAX; f++) {
    cgap_split fold;
    cr_assert_eq(cgap_split_fold(&fold, &t.split, e, f, CGAP_FOLDS_MAX, 0.1, 4, NULL), CGAP_OK);
    cr_expect_eq(fold.of_image[30], CGAP_SPLITS);
    cr_expect_neq(fold.of_image[110], CGAP_SPLITS);
    cgap_split_clear(&fold);
  }
  cgap_split halves;
  cr_assert_eq(cgap_split_fold(&halves, &t.split, e, 0, 1, 0.1, 4, NULL), CGAP_OK);
  cr_expect_eq(halves.images[CGAP_TRAINING], t.split.images[CGAP_TRAINING]);
  cr_expect_eq(halves.images[CGAP_VALIDATION] + halves.images[CGAP_TEST], t.split.images[CGAP_VALIDATION]);
  cgap_split_clear(&halves);
  cgap_training_data_clear(&t);
  dig_up(&p);
}

/* The rule as SPEC has it, from the candidates that the choice lists. */
Test(choice, follows_the_rule)
{
  for (int goal = CGAP_GOAL_MIXED; goal <= CGAP_GOAL_RETRIEVAL; goal++) {
    planted p;
    cgap_training_data t;
    cgap_choice c;
    plant(&p, 2, 3, 1, 2);
    choose(&c, &t, &p, (cgap_goal)goal, 2);
    cr_expect(c.level > CGAP_LEVEL_LOW && c.folds == 5 && c.images == IMAGES - t.split.images[CGAP_TEST]);
    const cgap_candidate *chosen = &c.candidate[c.chosen], *best = &c.candidate[c.best];
    cr_expect_str_eq(c.candidate[0].method, "original");
    cr_expect(!chosen->out && !best->out && chosen->behind <= chosen->standard_error, "%s", c.reason);
    cr_expect_eq(isinf(c.guard) != 0, goal == CGAP_GOAL_RETRIEVAL);
    if (goal == CGAP_GOAL_MIXED)
      cr_expect_str_eq(c.candidate[0].out, "leaves the gap open");
    for (size_t k = 0; k < c.count; k++) {
      const cgap_candidate *a = &c.candidate[k];
      cr_expect(a->out || a->mean <= best->mean, "%s", a->name);
      cr_expect(a->out || a->corrected_distance <= fmax(c.guard, a->noise_floor), "%s", a->name);
      cr_expect(k >= c.chosen || a->out || a->behind > a->standard_error, "%s is simpler", a->name);
    }
    /* two directions without signal have most of the variance: what shrinks them finds more */
    cr_expect(strcmp(chosen->method, "whiten") == 0 || strcmp(chosen->method, "cca") == 0 ||
                strcmp(chosen->method, "residual") == 0,
              "%s", chosen->name);
    cr_expect(c.curve[0].images < c.curve[1].images && c.curve[1].images < c.curve[2].images);
    cr_expect(c.curve[2].score > 0 && c.curve[2].score < 1 + 1e-9 && c.curve[2].standard_error >= 0);
    cgap_choice_clear(&c);
    cgap_training_data_clear(&t);
    dig_up(&p);
  }
}

/* Without texts the prompts of the classes are trained on, the folds leave classes out, and the score of the original
 * embeddings is the mean accuracy of the classes, written out. */
Test(choice, leaves_classes_out)
{
  enum { CLASSES = 12, PROMPTS = 2, CLASS_ROWS = CLASSES * PROMPTS };
  support_random r = support_seed(8);
  double *x = support_alloc(IMAGES * DIM, sizeof *x), *prompt = support_alloc(CLASS_ROWS * DIM, sizeof *prompt);
  double *center = support_alloc(CLASSES * DIM, sizeof *center);
  int64_t *labels = support_alloc(IMAGES, sizeof *labels);
  support_normals(&r, center, CLASSES * DIM);
  for (size_t k = 0; k < CLASS_ROWS * DIM; k++)
    prompt[k] = center[k / DIM / PROMPTS * DIM + k % DIM] + 0.5 * support_normal(&r) + (k % DIM == 3 ? 6 : 0);
  for (size_t i = 0; i < IMAGES; i++) {
    labels[i] = (int64_t)(i % CLASSES);
    for (size_t k = 0; k < DIM; k++)
      x[i * DIM + k] = center[(size_t)labels[i] * DIM + k] + 1.5 * support_normal(&r);
  }
  support_normalise(x, IMAGES, DIM);
  support_normalise(prompt, CLASS_ROWS, DIM);
  const cgap_data data = {.image = cgap_source_view(x, IMAGES, DIM, CGAP_FLOAT64, "x"),
                          .labels = labels,
                          .class_text = cgap_source_view(prompt, CLASS_ROWS, DIM, CGAP_FLOAT64, "c"),
                          .prompts = PROMPTS};
  cgap_choice_options options = {.training = CGAP_TRAIN_OPTIONS_INIT, .goal = CGAP_GOAL_ZERO_SHOT};
  cgap_training_data t;
  cgap_choice c;
  cgap_error error;
  options.training.hold_out_classes = 0.2;
  cr_assert_eq(cgap_training_data_open(&t, &data, &options.training, CGAP_WITH_ROWS, &error), CGAP_OK, "%s",
               error.message);
  cr_assert_eq(cgap_choice_run(&c, &t, &options, &error), CGAP_OK, "%s", error.message);
  double right[CLASSES] = {0}, all[CLASSES] = {0}, mean = 0, classes = 0;
  bool counts[CLASSES] = {false};
  for (size_t i = 0; i < IMAGES; i++)
    counts[labels[i]] = counts[labels[i]] || t.split.of_image[i] != CGAP_TEST;
  for (size_t i = 0; i < IMAGES; i++) {
    if (t.split.of_image[i] == CGAP_TEST)
      continue;
    size_t best = 0;
    double highest = -2;
    for (size_t k = 0; k < CLASSES; k++) {
      double v[DIM], square = 0;
      for (size_t d = 0; d < DIM; d++) {
        v[d] = prompt[k * PROMPTS * DIM + d] + prompt[(k * PROMPTS + 1) * DIM + d];
        square += v[d] * v[d];
      }
      const double cosine = dot(x + i * DIM, v) / sqrt(square);
      if (counts[k] && cosine > highest) {
        highest = cosine;
        best = k;
      }
    }
    right[labels[i]] += best == (size_t)labels[i];
    all[labels[i]]++;
  }
  for (size_t k = 0; k < CLASSES; k++)
    if (counts[k]) {
      cr_expect(!t.held_out.class[k]);
      mean += right[k] / all[k];
      classes++;
    }
  cr_expect_eq(c.images, (size_t)classes, "%zu", c.images);
  cr_expect(support_near("choice", "zero-shot", c.candidate[0].mean, mean / classes, 1e-12, 0));
  cr_expect(!c.candidate[0].out && isinf(c.guard) && isnan(c.candidate[0].corrected_distance));
  cr_expect(c.candidate[c.chosen].behind <= c.candidate[c.chosen].standard_error, "%s", c.reason);
  cgap_choice_clear(&c);
  cgap_training_data_clear(&t);
  free(x);
  free(prompt);
  free(center);
  free(labels);
}

Test(choice, leaves_embeddings_without_a_gap_alone)
{
  planted p;
  cgap_training_data t;
  cgap_choice c;
  plant(&p, 1, 0, 1, 3);
  choose(&c, &t, &p, CGAP_GOAL_MIXED, 2);
  cr_expect_eq(c.level, CGAP_LEVEL_NOISE);
  cr_expect_eq(c.chosen, 0);
  const cgap_head *h = c.result.head;
  for (size_t k = 0; k < h->layers.count; k++)
    cr_expect_eq(h->parameters[k], 0);
  cgap_choice_clear(&c);
  cgap_training_data_clear(&t);
  dig_up(&p);
}

Test(choice, same_bits_for_any_number_of_threads)
{
  planted p;
  cgap_training_data t[2];
  cgap_choice c[2];
  plant(&p, 1, 3, 0.3, 5);
  for (int k = 0; k < 2; k++)
    choose(&c[k], &t[k], &p, CGAP_GOAL_MIXED, 1 + 2 * k);
  cr_assert_eq(c[0].count, c[1].count);
  cr_expect_eq(c[0].chosen, c[1].chosen);
  for (size_t k = 0; k < c[0].count; k++) {
    const cgap_candidate *a = &c[0].candidate[k], *b = &c[1].candidate[k];
    cr_expect(support_same(a->name, "mean", a->mean, b->mean));
    cr_expect(support_same(a->name, "behind", a->behind, b->behind));
    cr_expect(support_same(a->name, "standard error", a->standard_error, b->standard_error));
    cr_expect(support_same(a->name, "distance", a->corrected_distance, b->corrected_distance));
    cr_expect(support_same(a->name, "noise floor", a->noise_floor, b->noise_floor));
  }
  const cgap_head *a = c[0].result.head, *b = c[1].result.head;
  cr_expect_eq(memcmp(a->parameters, b->parameters, a->layers.count * sizeof(float)), 0);
  cr_assert_eq(c[0].trained_count, c[1].trained_count);
  for (size_t k = 0; k < c[0].trained_count; k++) {
    cr_expect_str_eq(c[0].trained[k].name, c[1].trained[k].name);
    cr_expect_eq(c[0].trained[k].history.count, c[1].trained[k].history.count);
  }
  for (int k = 0; k < 2; k++) {
    cgap_choice_clear(&c[k]);
    cgap_training_data_clear(&t[k]);
  }
  dig_up(&p);
}

/* ---------------------------------------------------------------- pilot */

/* Of `others` rows `above` are better than the partner, `drawn` of them are in the index: by the ratio of one term to
 * the next from a sum that is 1. */
static double among_ten(size_t others, size_t above, size_t drawn)
{
  double term = 1, all = 0, first = 0;
  for (size_t k = drawn > others - above ? drawn - (others - above) : 0; k <= above && k <= drawn; k++) {
    all += term;
    first += k < 10 ? term : 0;
    term *= (double)(above - k) * (double)(drawn - k) / ((double)(k + 1) * (double)(others - above - drawn + k + 1));
  }
  return first / all;
}

/* Found of 1,000 in the index of `items`, of rows that are unit: x and y, whose texts of an image follow each other. */
static double search(const planted *p, const cgap_training_data *t, size_t captions, size_t items, bool mixed)
{
  const size_t texts = IMAGES * captions;
  double sum = 0, queries = 0;
  for (size_t i = 0; i < IMAGES; i++) {
    if (t->split.of_image[i] != CGAP_TEST)
      continue;
    double best = -2, of_texts = 0;
    for (size_t j = i * captions; j < (i + 1) * captions; j++)
      best = fmax(best, dot(p->x + i * DIM, p->y + j * DIM));
    size_t texts_above = 0, images_above = 0;
    for (size_t j = 0; j < texts; j++)
      texts_above += j / captions != i && dot(p->x + i * DIM, p->y + j * DIM) > best;
    for (size_t o = 0; o < IMAGES; o++)
      images_above += o != i && dot(p->x + i * DIM, p->x + o * DIM) > best;
    const size_t other_texts = texts - captions, both = other_texts + IMAGES - 1;
    const size_t drawn = items - 1 < (mixed ? both : other_texts) ? items - 1 : mixed ? both : other_texts;
    sum += among_ten(mixed ? both : other_texts, texts_above + (mixed ? images_above : 0), drawn) / 2;
    for (size_t j = i * captions; j < (i + 1) * captions; j++) {
      const double own = dot(p->x + i * DIM, p->y + j * DIM);
      size_t above = 0;
      for (size_t o = 0; o < IMAGES; o++)
        above += o != i && dot(p->y + j * DIM, p->x + o * DIM) > own;
      for (size_t o = 0; mixed && o < texts; o++)
        above += o / captions != i && dot(p->y + j * DIM, p->y + o * DIM) > own;
      const size_t others = mixed ? both : IMAGES - 1;
      of_texts += among_ten(others, above, items - 1 < others ? items - 1 : others) / (double)captions;
    }
    sum += of_texts / 2;
    queries++;
  }
  return 1000 * sum / queries;
}

Test(choice, pilot_is_a_search_written_out)
{
  enum { CAPTIONS = 2 };
  planted p;
  cgap_training_data t;
  cgap_train_options o = CGAP_TRAIN_OPTIONS_INIT;
  cgap_pilot pilot;
  plant(&p, CAPTIONS, 1, 0.5, 6);
  support_normalise(p.x, IMAGES, DIM);
  support_normalise(p.y, IMAGES * CAPTIONS, DIM);
  cr_assert_eq(cgap_training_data_open(&t, &p.data, &o, CGAP_WITH_ROWS | CGAP_WITH_METHODS, NULL), CGAP_OK);
  cr_assert_eq(cgap_pilot_run(&pilot, &t, t.method[CGAP_CENTER], 2, NULL), CGAP_OK);
  cr_expect_eq(pilot.queries, t.split.images[CGAP_TEST]);
  cr_assert(pilot.cross_count == 2 && pilot.mixed_count == 3);
  cr_expect(pilot.cross[1].items == IMAGES && pilot.mixed[2].items == IMAGES * (1 + CAPTIONS));
  for (size_t k = 0; k < pilot.cross_count; k++)
    cr_expect(support_near("pilot", "cross", pilot.cross[k].before,
                           search(&p, &t, CAPTIONS, pilot.cross[k].items, false), 1e-6, 0));
  for (size_t k = 0; k < pilot.mixed_count; k++) {
    const cgap_pilot_index *m = &pilot.mixed[k];
    cr_expect(support_near("pilot", "mixed", m->before, search(&p, &t, CAPTIONS, m->items, true), 1e-6, 0));
    cr_expect(support_near("pilot", "gain", m->gain.value, m->after - m->before, 1e-9, 0));
    cr_expect(m->gain.lo <= m->gain.value && m->gain.hi >= m->gain.value && m->after > m->before);
  }
  cr_expect(pilot.pairs_for_two_points > 0);
  cr_assert_eq(cgap_pilot_run(&pilot, &t, NULL, 1, NULL), CGAP_OK);
  cr_expect(pilot.mixed[0].gain.value == 0 && pilot.pairs_for_two_points == 0);
  cgap_training_data_clear(&t);
  dig_up(&p);
}
