/* The bootstrap: a drawing of every image once is the audit itself; any drawing against a plain double program. */
#include "head/resample.h"
#include "report/fields.h"
#include "simulate.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct setting {
  cgap_simulation simulation;
  cgap_data data;
  cgap_audit audit;
  cgap_judged sample;
  cgap_drawing drawing;
  double *values;
} setting;

static setting setting_init(size_t images, size_t dim, size_t captions, size_t classes)
{
  setting s = {0};
  cgap_error error = {0};
  cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
  cgap_audit_options how = CGAP_AUDIT_OPTIONS_INIT;
  o.images = images;
  o.dim = dim;
  o.captions_least = captions > 1 ? 1 : captions;
  o.captions_most = captions;
  o.classes = classes;
  o.seed = 4;
  cr_assert_eq(cgap_simulate(&s.simulation, &o, &error), CGAP_OK, "%s", error.message);
  s.data = cgap_simulation_data(&s.simulation);
  cr_assert_eq(cgap_audit_run(&s.audit, &s.data, &how, &error), CGAP_OK, "%s", error.message);
  cr_assert_eq(cgap_sample_init(&s.sample, &s.data, &s.audit, 2, &error), CGAP_OK, "%s", error.message);
  cr_assert_eq(cgap_drawing_init(&s.drawing, images, 5, &error), CGAP_OK, "%s", error.message);
  s.values = support_alloc(s.drawing.draws * cgap_resampled_key_count, sizeof(double));
  return s;
}

static void setting_clear(setting *s)
{
  free(s->values);
  cgap_drawing_clear(&s->drawing);
  cgap_sample_clear(&s->sample);
  cgap_audit_clear(&s->audit);
  cgap_simulation_clear(&s->simulation);
}

static void resample(setting *s, int threads)
{
  cgap_error error = {0};
  cr_assert_eq(cgap_resample(s->values, &s->sample, &s->drawing, 0.01, threads, &error), CGAP_OK, "%s", error.message);
}

static void every_image_once(size_t captions, size_t classes)
{
  setting s = setting_init(150, 24, captions, classes);
  for (size_t k = 0; k < s.drawing.images * s.drawing.draws; k++)
    s.drawing.times[k] = 1;
  resample(&s, 2);
  for (size_t key = 0; key < cgap_resampled_key_count; key++) {
    const cgap_field *f = cgap_field_find(cgap_resampled_keys[key]);
    cr_assert_not_null(f, "no key %s", cgap_resampled_keys[key]);
    if (!cgap_field_present(&s.audit, f)) {
      cr_expect(isnan(s.values[key]));
      continue;
    }
    cr_expect(
      support_near("every image once", f->key, s.values[key], cgap_field_scalar(&s.audit, f)->value, 1e-5, 1e-5));
  }
  setting_clear(&s);
}

Test(head_resample, every_image_once_is_the_audit)
{
  every_image_once(1, 0);
  every_image_once(4, 6);
}

static double cosine(const float *a, const float *b, size_t dim)
{
  double s = 0;
  for (size_t k = 0; k < dim; k++)
    s += (double)a[k] * (double)b[k];
  return s;
}

/* Rows of a drawing, written out: which image each copy is of. */
typedef struct copies {
  size_t *image, *text, *image_copy, *text_copy; /* row, and a number for the copy of the image it belongs to */
  size_t images, texts;
} copies;

static copies write_out(const setting *s, size_t draw)
{
  const cgap_judged *x = &s->sample;
  copies c = {0};
  size_t copy = 0;
  c.image = support_alloc(2 * x->images, sizeof(size_t));
  c.image_copy = support_alloc(2 * x->images, sizeof(size_t));
  c.text = support_alloc(20 * x->texts, sizeof(size_t));
  c.text_copy = support_alloc(20 * x->texts, sizeof(size_t));
  for (size_t i = 0; i < x->images; i++)
    for (int t = 0; t < (int)s->drawing.times[i * s->drawing.draws + draw]; t++, copy++) {
      c.image[c.images] = i;
      c.image_copy[c.images++] = copy;
      for (size_t j = x->first[i]; j < x->first[i + 1]; j++) {
        c.text[c.texts] = j;
        c.text_copy[c.texts++] = copy;
      }
    }
  return c;
}

static size_t owner_of(const cgap_judged *s, size_t text)
{
  size_t i = 0;
  while (s->first[i + 1] <= text)
    i++;
  return i;
}

/* Rows of one side: log mean of the kernel over couples that are no copies of one image. */
static double uniformity(const float *z, const size_t *row, const size_t *copy, const size_t *image, size_t count,
                         size_t dim)
{
  double sum = 0, couples = 0;
  for (size_t a = 0; a < count; a++)
    for (size_t b = 0; b < a; b++)
      if (image[a] != image[b] || copy[a] == copy[b]) {
        sum += exp(4 * cosine(z + row[a] * dim, z + row[b] * dim, dim) - 4);
        couples++;
      }
  return log(sum / couples);
}

static double value_of(const setting *s, size_t draw, const char *key)
{
  for (size_t k = 0; k < cgap_resampled_key_count; k++)
    if (strcmp(cgap_resampled_keys[k], key) == 0)
      return s->values[draw * cgap_resampled_key_count + k];
  cr_assert_fail("no key %s", key);
  return NAN;
}

static void check_draw(const setting *s, size_t draw)
{
  const cgap_judged *x = &s->sample;
  copies c = write_out(s, draw);
  size_t *text_owner = support_alloc(c.texts, sizeof *text_owner);
  double cross = 0, unmatched = 0, text_loss = 0, image_loss = 0, asked = 0, squared = 0;
  for (size_t j = 0; j < c.texts; j++)
    text_owner[j] = owner_of(x, c.text[j]);
  for (size_t j = 0; j < c.texts; j++) {
    const double own = cosine(x->image + text_owner[j] * x->dim, x->text + c.text[j] * x->dim, x->dim);
    double rest = exp(100 * (own - 1));
    squared += 2 - 2 * own;
    for (size_t i = 0; i < c.images; i++)
      if (c.image[i] != text_owner[j]) {
        const double v = cosine(x->image + c.image[i] * x->dim, x->text + c.text[j] * x->dim, x->dim);
        rest += exp(100 * (v - 1));
        cross += exp(4 * v - 4);
        unmatched++;
      }
    text_loss += log(rest) - 100 * (own - 1);
  }
  for (size_t i = 0; i < c.images; i++) {
    const size_t begin = x->first[c.image[i]], end = x->first[c.image[i] + 1];
    double negatives = 0;
    asked += end > begin;
    for (size_t j = 0; j < c.texts; j++)
      if (text_owner[j] != c.image[i])
        negatives += exp(100 * (cosine(x->image + c.image[i] * x->dim, x->text + c.text[j] * x->dim, x->dim) - 1));
    for (size_t j = begin; j < end; j++) {
      const double own = cosine(x->image + c.image[i] * x->dim, x->text + j * x->dim, x->dim);
      image_loss += (log(exp(100 * (own - 1)) + negatives) - 100 * (own - 1)) / (double)(end - begin);
    }
  }
  const struct {
    const char *key;
    double want;
  } checks[] = {
    {"uniformity.image", uniformity(x->image, c.image, c.image_copy, c.image, c.images, x->dim)},
    {"uniformity.text", uniformity(x->text, c.text, c.text_copy, text_owner, c.texts, x->dim)},
    {"uniformity.cross", log(cross / unmatched)},
    {"loss.clip_text_to_image", text_loss / (double)c.texts},
    {"loss.clip_image_to_text", image_loss / asked},
    {"alignment.mean_squared_distance", squared / (double)c.texts},
  };
  for (size_t k = 0; k < sizeof checks / sizeof *checks; k++)
    cr_expect(support_near("drawing", checks[k].key, value_of(s, draw, checks[k].key), checks[k].want, 2e-5, 2e-5));
  free(text_owner);
  free(c.image);
  free(c.image_copy);
  free(c.text);
  free(c.text_copy);
}

Test(head_resample, copies_of_one_image_are_no_couple)
{
  setting s = setting_init(60, 16, 3, 0);
  resample(&s, 2);
  for (size_t draw = 0; draw < 3; draw++)
    check_draw(&s, draw);
  setting_clear(&s);
}

Test(head_resample, threads_leave_the_bits)
{
  setting s = setting_init(200, 16, 2, 0);
  const size_t count = s.drawing.draws * cgap_resampled_key_count;
  double *one = support_alloc(count, sizeof *one);
  resample(&s, 1);
  memcpy(one, s.values, count * sizeof *one);
  resample(&s, 3);
  cr_expect_arr_eq(one, s.values, count * sizeof *one);
  free(one);
  setting_clear(&s);
}

Test(head_resample, drawings_hold_every_image_as_often_as_drawn)
{
  cgap_drawing d;
  cr_assert_eq(cgap_drawing_init(&d, 50, 3, NULL), CGAP_OK);
  for (size_t r = 0; r < d.draws; r++) {
    double sum = 0;
    for (size_t i = 0; i < d.images; i++)
      sum += (double)d.times[i * d.draws + r];
    cr_expect_eq(sum, 50);
  }
  cgap_drawing_clear(&d);
}

/* The interval of a mean: 1.96 times its standard error on both sides of the difference. */
Test(head_resample, intervals_have_the_width_of_the_spread)
{
  enum { DRAWS = 4000 };
  support_random r = support_seed(8);
  double *a = support_alloc(DRAWS * cgap_resampled_key_count, sizeof *a);
  double *b = support_alloc(DRAWS * cgap_resampled_key_count, sizeof *b);
  for (size_t k = 0; k < DRAWS; k++)
    b[k * cgap_resampled_key_count] = 3 + support_normal(&r);
  double lo, hi;
  cgap_resampled_interval(a, b, DRAWS, 0, 2.5, &lo, &hi);
  cr_expect_float_eq(lo, 2.5 - 1.96, 0.12);
  cr_expect_float_eq(hi, 2.5 + 1.96, 0.12);
  free(a);
  free(b);
}
