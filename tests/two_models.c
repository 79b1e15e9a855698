#include "two_models.h"

#include "head/evaluation/evaluation.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 8, QUERY_COLUMNS = 4 };

static double *noisy(support_random *r, const double *meaning, size_t rows, size_t dim, double noise, double shift)
{
  double *out = support_alloc(rows * dim, sizeof *out);
  for (size_t k = 0; k < rows * dim; k++)
    out[k] = meaning[k] + noise * support_normal(r) + (k % dim == 0 ? shift * sqrt((double)dim) : 0);
  return out;
}

static int64_t nearest_class(const two_models *m, const double *meaning)
{
  int64_t best = 0;
  double most = -INFINITY;
  for (int64_t c = 0; c < CLASSES; c++) {
    double product = 0;
    for (size_t a = 0; a < m->dim; a++)
      product += meaning[a] * m->class_text[(size_t)c * m->dim + a];
    if (product > most) {
      most = product;
      best = c;
    }
  }
  return best;
}

static void ask(two_models *m, support_random *r)
{
  for (size_t i = 0; i < m->images; i++) {
    int64_t *query = m->query + QUERY_COLUMNS * i;
    query[0] = (int64_t)i;
    query[1] = m->label[i];
    query[2] = query[3] = (int64_t)support_below(r, CLASSES);
    m->query_weight[i] = 0.5 + support_uniform(r);
  }
}

void two_models_init(two_models *m, const two_models_options *o)
{
  support_random r = support_seed(o->seed);
  const size_t most = o->images * o->captions;
  double *meaning = support_alloc(o->images * o->dim, sizeof *meaning);
  double *caption = support_alloc(most * o->dim, sizeof *caption);
  *m = (two_models){.images = o->images, .dim = o->dim};
  m->text_image = support_alloc(most, sizeof *m->text_image);
  m->label = support_alloc(o->images, sizeof *m->label);
  m->query = support_alloc(o->images, QUERY_COLUMNS * sizeof *m->query);
  m->query_weight = support_alloc(o->images, sizeof *m->query_weight);
  m->class_text = support_alloc(CLASSES * o->dim, sizeof *m->class_text);
  support_normals(&r, meaning, o->images * o->dim);
  support_normals(&r, m->class_text, CLASSES * o->dim);
  for (size_t i = 0; i < o->images; i++) {
    double *row = meaning + i * o->dim;
    m->label[i] = nearest_class(m, row);
    row[o->dim - 1] += o->cone * sqrt((double)o->dim);
    for (size_t t = support_below(&r, o->captions) + 1; t > 0; t--, m->texts++) {
      m->text_image[m->texts] = i;
      memcpy(caption + m->texts * o->dim, row, o->dim * sizeof *row);
    }
  }
  for (int k = 0; k < 2; k++) {
    m->image[k] = noisy(&r, meaning, m->images, m->dim, o->noise, o->gap[k]);
    m->text[k] = noisy(&r, caption, m->texts, m->dim, o->noise, -o->gap[k]);
  }
  ask(m, &r);
  free(meaning);
  free(caption);
}

void two_models_clear(two_models *m)
{
  for (int k = 0; k < 2; k++) {
    free(m->image[k]);
    free(m->text[k]);
  }
  free(m->class_text);
  free(m->text_image);
  free(m->label);
  free(m->query);
  free(m->query_weight);
}

cgap_data two_models_data(const two_models *m, int k)
{
  return (cgap_data){.image = cgap_source_view(m->image[k], m->images, m->dim, CGAP_FLOAT64, "image"),
                     .text = cgap_source_view(m->text[k], m->texts, m->dim, CGAP_FLOAT64, "text"),
                     .pairing = CGAP_BY_INDEX,
                     .text_image = m->text_image,
                     .labels = m->label,
                     .class_text = cgap_source_view(m->class_text, CLASSES, m->dim, CGAP_FLOAT64, "classes"),
                     .prompts = 1,
                     .words = cgap_source_view(m->class_text, CLASSES, m->dim, CGAP_FLOAT64, "words"),
                     .image_label = m->label,
                     .query = m->query,
                     .query_weight = m->query_weight,
                     .queries = m->images};
}

void two_models_audit(cgap_audit *out, const cgap_data *data)
{
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_error error = {0};
  options.threads = 1;
  options.contributions = true;
  cr_assert_eq(cgap_audit_run(out, data, &options, &error), CGAP_OK, "%s", error.message);
}

void two_models_compare(cgap_comparison *c, const cgap_audit *a, const cgap_audit *b)
{
  const cgap_audit *const both[] = {a, b};
  cgap_error error = {0};
  cr_assert_eq(cgap_comparison_init(c, 2, &error), CGAP_OK);
  for (size_t k = 0; k < 2; k++)
    cr_assert_eq(cgap_comparison_audit(c, k, k ? "b" : "a", both[k], &error), CGAP_OK, "%s", error.message);
  cgap_comparison_differences(c, 1);
  cr_assert(cgap_paired_possible(a, b));
  cr_assert_eq(cgap_paired_differences(c, 1, a, b, &error), CGAP_OK, "%s", error.message);
}
