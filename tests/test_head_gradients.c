/* Gradients: the double formulas against central differences, the tiled float ones against the double ones. */
#include "base/threads.h"
#include "head_reference.h"
#include "simd/kernels.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A batch of images with 0 to `most` texts each, some texts of two images. */
typedef struct gradient_setting {
  reference_batch batch;
  bool *matched;
  double *x, *y; /* unit rows */
  size_t dim;
} gradient_setting;

static gradient_setting setting_init(uint64_t seed, size_t images, size_t texts, size_t dim, bool several)
{
  support_random r = support_seed(seed);
  gradient_setting s = {.matched = support_alloc(images * texts, sizeof(bool)), .dim = dim};
  s.x = support_alloc(images * dim, sizeof(double));
  s.y = support_alloc(texts * dim, sizeof(double));
  support_normals(&r, s.x, images * dim);
  support_normals(&r, s.y, texts * dim);
  for (size_t j = 0; j < texts; j++) {
    size_t own = several ? support_below(&r, images) : j % images;
    s.matched[own * texts + j] = true;
    if (several && j % 5 == 0)
      s.matched[support_below(&r, images) * texts + j] = true;
    for (size_t k = 0; k < dim; k++)
      s.y[j * dim + k] = 0.5 * s.y[j * dim + k] + s.x[own * dim + k];
  }
  support_normalise(s.x, images, dim);
  support_normalise(s.y, texts, dim);
  s.batch = (reference_batch){images, texts, s.matched};
  return s;
}

static void setting_clear(gradient_setting *s)
{
  free(s->matched);
  free(s->x);
  free(s->y);
}

/* ‖got − want‖ / ‖want‖ */
static double relative(const double *got, const double *want, size_t count)
{
  double off = 0, size = 0;
  for (size_t k = 0; k < count; k++) {
    off += (got[k] - want[k]) * (got[k] - want[k]);
    size += want[k] * want[k];
  }
  return sqrt(off / size);
}

/* Each term of the loss alone, and last all of them. */
typedef struct term_case {
  const char *name;
  cgap_weights weights;
} term_case;

static size_t term_cases(void)
{
  size_t count = 1;
  while (cgap_loss_term_at(count - 1))
    count++;
  return count;
}

static term_case term_case_at(size_t k)
{
  static const double WEIGHTS[] = {0.7, 1.3, 0.4, 2.1};
  term_case out = {.name = cgap_loss_term_at(k) ? cgap_loss_term_at(k)->key : "all"};
  for (size_t other = 0; cgap_loss_term_at(other); other++)
    if (other == k || !cgap_loss_term_at(k))
      *cgap_loss_weight(&out.weights, cgap_loss_term_at(other)) = other == k ? 1 : WEIGHTS[other % 4];
  return out;
}

static const struct {
  const char *name;
  cgap_head_shape shape;
} HEADS[] = {
  {"linear", {.kind = CGAP_HEAD_LINEAR, .dim_in = 6, .dim = 4}},
  {"linear shared", {.kind = CGAP_HEAD_LINEAR, .dim_in = 6, .dim = 4, .shared = true}},
  {"residual", {.kind = CGAP_HEAD_RESIDUAL, .dim_in = 6, .dim = 6}},
  {"residual shared", {.kind = CGAP_HEAD_RESIDUAL, .dim_in = 6, .dim = 6, .shared = true}},
  {"mlp", {.kind = CGAP_HEAD_MLP, .dim_in = 6, .dim = 6, .hidden = 5}},
  {"mlp down", {.kind = CGAP_HEAD_MLP, .dim_in = 6, .dim = 4, .hidden = 7}},
  {"mlp shared", {.kind = CGAP_HEAD_MLP, .dim_in = 6, .dim = 6, .hidden = 5, .shared = true}},
};
enum { HEAD_COUNT = sizeof HEADS / sizeof *HEADS };

static double *random_parameters(const cgap_layers *l, double temperature, uint64_t seed)
{
  support_random r = support_seed(seed);
  double *p = support_alloc(l->count + 1, sizeof *p);
  support_normals(&r, p, l->count);
  for (size_t k = 0; k < l->count; k++)
    p[k] *= 0.3;
  p[l->count] = log(temperature);
  return p;
}

Test(head_gradients, central_differences)
{
  const double h = 1e-5;
  for (size_t head = 0; head < HEAD_COUNT; head++)
    for (size_t term = 0; term < term_cases(); term++) {
      const term_case terms = term_case_at(term);
      gradient_setting s = setting_init(7 + head, 5, 8, 6, true);
      cgap_layers l = cgap_layers_init(&HEADS[head].shape);
      double *p = random_parameters(&l, 0.3, 11), *g = support_alloc(l.count + 1, sizeof *g);
      double *numeric = support_alloc(l.count + 1, sizeof *numeric);
      reference_step(&s.batch, &l, p, s.x, s.y, &terms.weights, g);
      for (size_t k = 0; k <= l.count; k++) {
        const double at = p[k];
        p[k] = at + h;
        double up = reference_step(&s.batch, &l, p, s.x, s.y, &terms.weights, NULL).total;
        p[k] = at - h;
        double down = reference_step(&s.batch, &l, p, s.x, s.y, &terms.weights, NULL).total;
        p[k] = at;
        numeric[k] = (up - down) / (2 * h);
      }
      double off = relative(g, numeric, l.count + 1);
      cr_expect(off < 1e-7, "%s, %s: off by %.3g", HEADS[head].name, terms.name, off);
      if (terms.weights.clip > 0)
        cr_expect(fabs(g[l.count] - numeric[l.count]) < 1e-7 * fabs(numeric[l.count]),
                  "%s, %s: temperature %.12g, %.12g", HEADS[head].name, terms.name, g[l.count], numeric[l.count]);
      free(numeric);
      free(g);
      free(p);
      setting_clear(&s);
    }
}

static float *to_float(const double *in, size_t count)
{
  return support_encode(in, count, CGAP_FLOAT32);
}

/* The library's step in float; gradient (count + 1) in double for the comparison. */
static cgap_loss_terms float_step(const gradient_setting *s, const cgap_layers *l, const double *parameters,
                                  const cgap_weights *weights, int threads, double *gradient)
{
  const size_t images = s->batch.images, texts = s->batch.texts, rows[] = {images, texts};
  reference_positives positives = reference_positives_init(&s->batch);
  float *p = to_float(parameters, l->count + 1), *x = to_float(s->x, images * s->dim),
        *y = to_float(s->y, texts * s->dim);
  float *g = support_alloc(l->count, sizeof *g), *dx = support_alloc(images * l->shape.dim, sizeof *dx);
  float *dy = support_alloc(texts * l->shape.dim, sizeof *dy);
  cgap_activations a[CGAP_MODALITIES];
  cgap_loss *loss = NULL;
  cgap_loss_terms terms;
  cgap_loss_gradient dz = {.x = dx, .y = dy};
  const float *in[] = {x, y};
  float *const out[] = {dx, dy};
  cgap_error error;
  cr_assert(cgap_activations_init(&a[0], l, images) && cgap_activations_init(&a[1], l, texts));
  cr_assert_eq(cgap_loss_open(&loss, images, texts, positives.view.count, l->shape.dim, threads, &error), CGAP_OK);
  cgap_layers_forward(l, p, in, rows, a, threads);
  cgap_loss_run(loss, &positives.view, a[0].z, a[1].z, weights, exp(parameters[l->count]), &terms, &dz);
  cgap_layers_backward(l, p, in, rows, a, out, g, threads);
  for (size_t k = 0; k < l->count; k++)
    gradient[k] = g[k];
  gradient[l->count] = dz.log_temperature;
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
  return terms;
}

static void expect_terms(const char *where, const cgap_loss_terms *got, const cgap_loss_terms *want, double rtol)
{
  const double *a = &got->clip, *b = &want->clip;
  for (size_t k = 0; k < sizeof *got / sizeof(double); k++)
    cr_expect(support_near(where, "term", a[k], b[k], rtol, rtol), "term %zu", k);
}

/* dim_in, rows and temperatures that leave no tile whole and spread the exponentials over e^±100 */
Test(head_gradients, float_follows_double)
{
  static const double TEMPERATURES[] = {0.01, 0.07, 1, 30};
  for (size_t head = 0; head < HEAD_COUNT; head++)
    for (size_t term = 0; term < term_cases(); term++)
      for (size_t at = 0; at < 4; at++) {
        const term_case terms = term_case_at(term);
        const bool large = head == 0 && term == term_cases() - 1;
        gradient_setting s = setting_init(3 + head, large ? 300 : 13, large ? 530 : 21, large ? 40 : 6, true);
        cgap_head_shape shape = HEADS[head].shape;
        shape.dim_in = s.dim;
        shape.dim = large ? 33 : shape.dim;
        cgap_layers l = cgap_layers_init(&shape);
        double *p = random_parameters(&l, TEMPERATURES[at], 5), *want = support_alloc(l.count + 1, sizeof *want);
        double *got = support_alloc(l.count + 1, sizeof *got);
        for (size_t k = 0; k < l.count; k++)
          p[k] = (float)p[k];
        for (size_t k = 0; k < s.batch.images * s.dim; k++)
          s.x[k] = (float)s.x[k]; /* the embeddings as float holds them */
        for (size_t k = 0; k < s.batch.texts * s.dim; k++)
          s.y[k] = (float)s.y[k];
        p[l.count] = (double)(float)p[l.count];
        cgap_loss_terms a = reference_step(&s.batch, &l, p, s.x, s.y, &terms.weights, want);
        cgap_loss_terms b = float_step(&s, &l, p, &terms.weights, 2, got);
        char where[100];
        snprintf(where, sizeof where, "%s, %s, temperature %g", HEADS[head].name, terms.name, TEMPERATURES[at]);
        expect_terms(where, &b, &a, 1e-5);
        double off = relative(got, want, l.count + 1);
        cr_expect(off < 1e-5, "%s: off by %.3g", where, off);
        free(got);
        free(want);
        free(p);
        setting_clear(&s);
      }
}

/* More than one panel and group, work enough for every thread */
Test(head_gradients, threads_leave_the_bits)
{
  gradient_setting s = setting_init(17, 4200, 1100, 32, true);
  cgap_head_shape shape = {.kind = CGAP_HEAD_RESIDUAL, .dim_in = 32, .dim = 32};
  cgap_layers l = cgap_layers_init(&shape);
  double *p = random_parameters(&l, 0.05, 5), *one = support_alloc(l.count + 1, sizeof *one);
  double *more = support_alloc(l.count + 1, sizeof *more);
  const term_case all = term_case_at(term_cases() - 1);
  int blas = cgap_blas_single();
  cgap_loss_terms a = float_step(&s, &l, p, &all.weights, 1, one);
  for (int threads = 2; threads < 6; threads += 3) {
    cgap_loss_terms b = float_step(&s, &l, p, &all.weights, threads, more);
    cr_expect_arr_eq(one, more, (l.count + 1) * sizeof *one, "%d threads", threads);
    cr_expect_arr_eq(&a, &b, sizeof a, "%d threads", threads);
  }
  cgap_blas_restore(blas);
  free(more);
  free(one);
  free(p);
  setting_clear(&s);
}

/* Every instruction set against the portable loops. */
Test(head_gradients, instruction_sets_agree)
{
  enum { ROWS = 37, COLUMNS = 45 };
  const cgap_training_kernels *list[3];
  support_random r = support_seed(9);
  float s[ROWS * COLUMNS], zero[COLUMNS] = {0}, row[2][ROWS], column[2][COLUMNS], tile[2][ROWS * COLUMNS];
  for (size_t k = 0; k < ROWS * COLUMNS; k++)
    s[k] = (float)(2 * support_uniform(&r) - 1);
  for (size_t v = 1, count = cgap_training_kernels_list(list); v < count; v++) {
    double row_sum[2][ROWS], column_sum[2][COLUMNS], cross[2], dot[2], kernel[2];
    for (size_t at = 0; at < 2; at++) {
      const cgap_training_kernels *t = list[at * v];
      t->tile_greatest(s, ROWS, COLUMNS, COLUMNS, row[at], column[at]);
      cross[at] = t->tile_sums(s, ROWS, COLUMNS, COLUMNS, 100, row[at], column[at], row_sum[at], column_sum[at]);
      memcpy(tile[at], s, sizeof s);
      kernel[at] = t->tile_kernel(tile[at], ROWS, COLUMNS, COLUMNS);
      memcpy(tile[at], s, sizeof s);
      dot[at] = t->tile_gradient(tile[at], ROWS, COLUMNS, COLUMNS, 100, (cgap_softmax_reference){row[at], zero},
                                 (cgap_softmax_reference){column[at], zero}, 0.3f);
    }
    cr_expect_arr_eq(row[0], row[1], sizeof *row);
    cr_expect_arr_eq(column[0], column[1], sizeof *column);
    cr_expect(support_near(list[v]->name, "cross", cross[1], cross[0], 0, 1e-7));
    cr_expect(support_near(list[v]->name, "kernel", kernel[1], kernel[0], 0, 1e-7));
    cr_expect(support_near(list[v]->name, "dot", dot[1], dot[0], 0, 1e-5));
    for (size_t i = 0; i < ROWS; i++)
      cr_expect(support_near(list[v]->name, "row sum", row_sum[1][i], row_sum[0][i], 0, 1e-5));
    for (size_t j = 0; j < COLUMNS; j++)
      cr_expect(support_near(list[v]->name, "column sum", column_sum[1][j], column_sum[0][j], 0, 1e-5));
    for (size_t k = 0; k < ROWS * COLUMNS; k++)
      cr_expect(support_near(list[v]->name, "gradient", (double)tile[1][k], (double)tile[0][k], 1e-7, 2e-5));
  }
}
