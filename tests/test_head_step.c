/* One step of each head against ref/head_step.json, the numbers of an independent program; and untouched embeddings as
 * one full batch against the audit. */
#include "head/training/trainer.h"
#include "head_reference.h"
#include "reference.h"
#include "rows/embeddings.h"
#include "support.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *load(const char *name)
{
  char path[600];
  snprintf(path, sizeof path, "%s/tests/ref/%s", support_source_dir(), name);
  json_t *json = json_load_file(path, 0, NULL);
  cr_assert_not_null(json, "%s cannot be read", path);
  return json;
}

static double number(const json_t *object, const char *key)
{
  const json_t *value = json_object_get(object, key);
  cr_assert(json_is_number(value), "no number %s", key);
  return json_number_value(value);
}

static float *floats(const json_t *object, const char *key, size_t count)
{
  const json_t *list = json_object_get(object, key);
  cr_assert_eq(json_array_size(list), count, "%s has %zu numbers, not %zu", key, json_array_size(list), count);
  float *out = support_alloc(count, sizeof *out);
  for (size_t k = 0; k < count; k++)
    out[k] = (float)json_number_value(json_array_get(list, k));
  return out;
}

static void expect_numbers(const char *where, const float *got, const json_t *object, const char *key, size_t count)
{
  const json_t *list = json_object_get(object, key);
  double off = 0, size = 0;
  for (size_t k = 0; k < count; k++) {
    const double want = json_number_value(json_array_get(list, k));
    off += pow((double)got[k] - want, 2);
    size += want * want;
  }
  cr_expect(sqrt(off / size) < 1e-6, "%s, %s: off by %.3g relative", where, key, sqrt(off / size));
}

enum { IMAGES = 5, TEXTS = 7 };

static void expect_terms(const char *where, const cgap_loss_terms *got, const json_t *want)
{
  const struct {
    const char *key;
    double value;
  } terms[] = {{"clip", got->clip},
               {"image_to_text", got->image_to_text},
               {"text_to_image", got->text_to_image},
               {"uniform", got->uniform},
               {"align", got->align},
               {"xuniform", got->xuniform},
               {"total", got->total}};
  for (size_t k = 0; k < sizeof terms / sizeof *terms; k++)
    cr_expect(support_near(where, terms[k].key, terms[k].value, number(want, terms[k].key), 1e-6, 1e-6));
}

static void check_case(const json_t *c)
{
  const char *kind = json_string_value(json_object_get(c, "kind"));
  const cgap_head_shape shape = {.kind = kind[0] == 'l'   ? CGAP_HEAD_LINEAR
                                         : kind[0] == 'r' ? CGAP_HEAD_RESIDUAL
                                                          : CGAP_HEAD_MLP,
                                 .dim_in = (size_t)number(c, "dim_in"),
                                 .dim = (size_t)number(c, "dim"),
                                 .hidden = (size_t)number(c, "hidden")};
  const cgap_layers l = cgap_layers_init(&shape);
  bool matched[IMAGES * TEXTS];
  for (size_t k = 0; k < IMAGES * TEXTS; k++)
    matched[k] = json_integer_value(json_array_get(json_object_get(c, "couple"), k)) != 0;
  const reference_batch batch = {IMAGES, TEXTS, matched};
  reference_positives positives = reference_positives_init(&batch);
  const json_t *w = json_object_get(c, "weights");
  cgap_weights weights = {0};
  for (size_t k = 0; k < json_array_size(w); k++)
    *cgap_loss_weight(&weights, cgap_loss_term_at(k)) = json_number_value(json_array_get(w, k));
  float *p = floats(c, "parameters", l.count), *x = floats(c, "image", IMAGES * shape.dim_in);
  float *y = floats(c, "text", TEXTS * shape.dim_in), *g = support_alloc(l.count, sizeof *g);
  float *dx = support_alloc(IMAGES * shape.dim, sizeof *dx), *dy = support_alloc(TEXTS * shape.dim, sizeof *dy);
  const float *in[] = {x, y};
  float *const dz[] = {dx, dy};
  const size_t rows[] = {IMAGES, TEXTS};
  cgap_activations a[CGAP_MODALITIES];
  cgap_loss *loss = NULL;
  cgap_loss_terms terms;
  cgap_loss_gradient gradient = {.x = dx, .y = dy};
  cgap_adamw adamw;
  cr_assert(cgap_activations_init(&a[0], &l, IMAGES) && cgap_activations_init(&a[1], &l, TEXTS));
  cr_assert(cgap_adamw_init(&adamw, l.count));
  cr_assert_eq(cgap_loss_open(&loss, IMAGES, TEXTS, positives.view.count, shape.dim, 1, NULL), CGAP_OK);
  cgap_layers_forward(&l, p, in, rows, a, 1);
  cgap_loss_run(loss, &positives.view, a[0].z, a[1].z, &weights, number(c, "temperature"), &terms, &gradient);
  cgap_layers_backward(&l, p, in, rows, a, dz, g, 1);
  expect_terms(kind, &terms, json_object_get(c, "terms"));
  expect_numbers(kind, g, c, "gradient", l.count);
  cr_expect(support_near(kind, "log_temperature", gradient.log_temperature, number(c, "log_temperature"), 1e-6, 1e-6));
  cgap_adamw_update(&adamw, &l, p, g, 1e-2, 0.1, 0, 1);
  expect_numbers(kind, p, c, "after", l.count);
  cgap_adamw_clear(&adamw);
  cgap_loss_close(loss);
  cgap_activations_clear(&a[0]);
  cgap_activations_clear(&a[1]);
  reference_positives_clear(&positives);
  free(p);
  free(x);
  free(y);
  free(g);
  free(dx);
  free(dy);
}

Test(head_step, frozen)
{
  json_t *cases = load("head_step.json"), *c;
  size_t k;
  cr_assert_eq(json_array_size(cases), 3);
  json_array_foreach(cases, k, c)
  {
    check_case(c);
  }
  json_decref(cases);
}

/* The whole file as one batch, through no head at all. */
static void check_file(const char *name)
{
  char path[600], relative_path[200];
  snprintf(relative_path, sizeof relative_path, "data/%s.h5", name);
  if (!support_shared(path, sizeof path, relative_path)) {
    fprintf(stderr, "skipped: %s is not there\n", path);
    return;
  }
  const char *const files[] = {path};
  const cgap_input_options input = {.files = files, .file_count = 1};
  cgap_dataset *dataset = NULL;
  cgap_embeddings e;
  cgap_loss *loss = NULL;
  cgap_error error = {0};
  cr_assert_eq(cgap_dataset_open(&dataset, &input, &error), CGAP_OK, "%s", error.message);
  cr_assert_eq(
    cgap_embeddings_load(&e, cgap_dataset_data(dataset), CGAP_HOLD_UNIT, NULL, 2, (cgap_progress){0}, &error), CGAP_OK);
  const size_t n = e.image.rows;
  size_t *same = support_alloc(n + 1, sizeof *same);
  for (size_t i = 0; i <= n; i++)
    same[i] = i;
  const cgap_positives positives = {.images = n,
                                    .texts = n,
                                    .count = n,
                                    .image_first = same,
                                    .positive_text = same,
                                    .text_first = same,
                                    .text_positive = same};
  const cgap_weights cua = cgap_loss_weights(cgap_loss_find("cua", 3)),
                     cuaxu = cgap_loss_weights(cgap_loss_find("cuaxu", 5));
  cgap_loss_terms terms;
  json_t *want = reference_load(name);
  cr_assert_eq(cgap_loss_open(&loss, n, n, n, e.image.dim, 2, &error), CGAP_OK);
  cgap_loss_run(loss, &positives, e.image.unit, e.text.unit, &cua, 0.01, &terms, NULL);
  cr_expect(support_near(name, "loss.clip", terms.clip, reference_number(want, "loss.clip"), 1e-6, 1e-6));
  cr_expect(support_near(name, "loss.cua", terms.total, reference_number(want, "loss.cua"), 1e-6, 1e-6));
  cgap_loss_run(loss, &positives, e.image.unit, e.text.unit, &cuaxu, 0.01, &terms, NULL);
  cr_expect(support_near(name, "loss.cuaxu", terms.total, reference_number(want, "loss.cuaxu"), 1e-6, 1e-6));
  json_decref(want);
  cgap_loss_close(loss);
  cgap_embeddings_clear(&e);
  cgap_dataset_close(dataset);
  free(same);
}

Test(head_step, untouched_embeddings_have_the_audits_loss)
{
  check_file("modgap_clip_coco");
  check_file("modgap_clip_coco_randominit");
  check_file("modgap_videoclip");
}
