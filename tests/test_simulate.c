/* The simulated populations: what they promise exactly, what their samples must show, and that neither
 * threads nor the number of rows change a bit. */
#include "simulate/simulate.h"
#include "support.h"

#include <cblas.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cgap_simulation simulate(const cgap_simulate_options *options)
{
  cgap_simulation s;
  cgap_error error = {0};
  cgap_status status = cgap_simulate(&s, options, &error);
  cr_assert_eq(status, CGAP_OK, "%s", error.message);
  return s;
}

static double dot(const double *a, const double *b, size_t d)
{
  double sum = 0;
  for (size_t k = 0; k < d; k++)
    sum += a[k] * b[k];
  return sum;
}

/* ‖mean x − mean y‖, and the mean of ‖x − y‖² over the pairs with its standard error. */
typedef struct summary {
  double distance, alignment, alignment_se, worst_norm;
} summary;

static summary summarise(const cgap_simulation *s)
{
  summary out = {0};
  double *gap = support_alloc(s->dim, sizeof *gap), squares = 0;
  for (size_t i = 0; i < s->images; i++) {
    const double *x = s->image + i * s->dim;
    out.worst_norm = fmax(out.worst_norm, fabs(sqrt(dot(x, x, s->dim)) - 1));
    for (size_t k = 0; k < s->dim; k++)
      gap[k] += x[k] / (double)s->images;
  }
  for (size_t j = 0; j < s->texts; j++) {
    const double *y = s->text + j * s->dim, *x = s->image + s->text_image[j] * s->dim;
    double distance = 0;
    out.worst_norm = fmax(out.worst_norm, fabs(sqrt(dot(y, y, s->dim)) - 1));
    for (size_t k = 0; k < s->dim; k++) {
      gap[k] -= y[k] / (double)s->texts;
      distance += (x[k] - y[k]) * (x[k] - y[k]);
    }
    out.alignment += distance / (double)s->texts;
    squares += distance * distance / (double)s->texts;
  }
  out.distance = sqrt(dot(gap, gap, s->dim));
  out.alignment_se = sqrt(fmax(0, squares - out.alignment * out.alignment) / (double)s->texts);
  free(gap);
  return out;
}

Test(simulate, offset_is_exact)
{
  static const double HEIGHTS[] = {0, 0.1, 0.4, 0.9};
  for (size_t c = 0; c < sizeof HEIGHTS / sizeof *HEIGHTS; c++)
    for (size_t captions = 1; captions <= 3; captions += 2) {
      double h = HEIGHTS[c];
      cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
      o.model = CGAP_MODEL_OFFSET;
      o.images = 101 + c, o.dim = 2 + 7 * c, o.h = h, o.seed = c, o.captions_least = o.captions_most = captions;
      cgap_simulation s = simulate(&o);
      summary got = summarise(&s);
      cgap_truth truth = cgap_simulate_truth(&o);
      cr_expect(support_near("offset", "norm", got.worst_norm, 0, 1e-14, 0));
      cr_expect(support_near("offset", "distance", got.distance, 2 * h, 1e-13, 0));
      cr_expect(support_near("offset", "alignment", got.alignment, 4 * h * h, 1e-13, 0));
      cr_expect(support_same("offset", "true distance", truth.centroid_distance, 2 * h));
      cr_expect(support_same("offset", "true alignment", truth.mean_squared_distance, 4 * h * h));
      cgap_simulation_clear(&s);
    }
}

Test(simulate, offset_sums_to_zero_where_n_is_even)
{
  cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
  o.model = CGAP_MODEL_OFFSET;
  o.images = 100, o.dim = 9;
  cgap_simulation s = simulate(&o);
  for (size_t k = 1; k < o.dim; k++) {
    double sum = 0;
    for (size_t i = 0; i < o.images; i += 2)
      sum += fabs(s.image[i * o.dim + k] + s.image[(i + 1) * o.dim + k]);
    cr_expect(support_same("offset", "sum of u", sum, 0));
  }
  cgap_simulation_clear(&s);
}

/* For every model: unit rows, and the sample within 5 standard errors of the stated truth. The distance's
 * own error is at most √(trace Cov x + trace Cov y)/√n ≤ √(2/n). */
Test(simulate, samples_agree_with_the_stated_truth)
{
  static const struct {
    cgap_model model;
    size_t dim;
    double kappa;
  } CASES[] = {{CGAP_MODEL_UNIFORM, 2, 0}, {CGAP_MODEL_UNIFORM, 9, 0}, {CGAP_MODEL_CONE, 2, 3},
               {CGAP_MODEL_CONE, 8, 0},    {CGAP_MODEL_CONE, 30, 500}, {CGAP_MODEL_CLIP, 3, 0},
               {CGAP_MODEL_CLIP, 16, 0},   {CGAP_MODEL_CLIP, 40, 0}};
  for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
    cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
    o.model = CASES[c].model;
    o.images = 20000, o.dim = CASES[c].dim, o.kappa = CASES[c].kappa, o.seed = 7 + c;
    cgap_simulation s = simulate(&o);
    summary got = summarise(&s);
    cgap_truth truth = cgap_simulate_truth(&o);
    const char *name = cgap_model_name(o.model);
    cr_expect(support_near(name, "norm", got.worst_norm, 0, 1e-14, 0));
    cr_expect(support_near(name, "distance", got.distance, truth.centroid_distance, 5 * sqrt(2.0 / 20000), 0));
    cr_expect(support_near(name, "alignment", got.alignment, truth.mean_squared_distance, 5 * got.alignment_se, 0));
    cgap_simulation_clear(&s);
  }
}

/* In three dimensions the mean of a von Mises–Fisher has length coth κ − 1/κ. */
Test(simulate, cone_in_three_dimensions)
{
  static const double KAPPAS[] = {0.01, 0.5, 3, 40, 1000};
  for (size_t c = 0; c < sizeof KAPPAS / sizeof *KAPPAS; c++) {
    cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
    o.model = CGAP_MODEL_CONE;
    o.dim = 3, o.kappa = KAPPAS[c];
    double want = 1 / tanh(o.kappa) - 1 / o.kappa;
    cr_expect(support_near("cone", "length", cgap_simulate_truth(&o).centroid_distance, want, 1e-11, 0));
  }
}

/* ---------------------------------------------------------------- calibration of clip */

/* (Σλ)²/Σλ² of the centred rows. */
static double participation_ratio(const double *rows, size_t n, size_t d)
{
  double *centred = support_alloc(n * d, sizeof *centred), *gram = support_alloc(d * d, sizeof *gram);
  double trace = 0, squares = 0;
  for (size_t k = 0; k < d; k++) {
    double mean = 0;
    for (size_t i = 0; i < n; i++)
      mean += rows[i * d + k] / (double)n;
    for (size_t i = 0; i < n; i++)
      centred[i * d + k] = rows[i * d + k] - mean;
  }
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)d, (int)d, (int)n, 1, centred, (int)d, centred, (int)d, 0,
              gram, (int)d);
  for (size_t k = 0; k < d * d; k++) {
    squares += gram[k] * gram[k];
    trace += k % (d + 1) == 0 ? gram[k] : 0;
  }
  free(centred);
  free(gram);
  return trace * trace / squares;
}

/* The share of queries, row i of a, whose nearest row of b is row i; 512 queries at a time. The largest
 * magnitude, which BLAS finds, is the largest cosine here: the cosines' mean is 0.17, their sd 0.05. */
static double recall_at_1(const double *a, const double *b, size_t n, size_t d)
{
  enum { QUERIES = 512 };
  double *score = support_alloc(QUERIES * n, sizeof *score);
  size_t right = 0;
  for (size_t first = 0; first < n; first += QUERIES) {
    size_t count = n - first < QUERIES ? n - first : QUERIES;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)count, (int)n, (int)d, 1, a + first * d, (int)d, b,
                (int)d, 0, score, (int)n);
    for (size_t q = 0; q < count; q++)
      right += cblas_idamax((int)n, score + q * n, 1) == first + q;
  }
  free(score);
  return (double)right / (double)n;
}

static void check_clip(size_t n, size_t d, double ratio, double recall)
{
  cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
  o.images = n, o.dim = d;
  cgap_simulation s = simulate(&o);
  summary got = summarise(&s);
  cr_expect(support_near("clip", "centroid distance", got.distance, 0.82, 0.01, 0));
  cr_expect(support_near("clip", "pair cosine", 1 - got.alignment / 2, 0.31, 0.01, 0));
  cr_expect(support_near("clip", "image ratio", participation_ratio(s.image, n, d), ratio, 4, 0));
  cr_expect(support_near("clip", "text ratio", participation_ratio(s.text, n, d), ratio, 4, 0));
  cr_expect(support_near("clip", "image to text R@1", recall_at_1(s.image, s.text, n, d), recall, 0.05, 0));
  cr_expect(support_near("clip", "text to image R@1", recall_at_1(s.text, s.image, n, d), recall, 0.05, 0));
  cgap_simulation_clear(&s);
}

Test(simulate, clip_resembles_coco)
{
  check_clip(4962, 512, 42, 0.3);
}

Test(simulate, clip_in_few_dimensions)
{
  check_clip(300, 64, 28, 0.33);
}

/* ---------------------------------------------------------------- streams */

static bool same_rows(const cgap_simulation *a, const cgap_simulation *b, size_t images, size_t texts)
{
  return memcmp(a->image, b->image, images * a->dim * sizeof(double)) == 0 &&
         memcmp(a->text, b->text, texts * a->dim * sizeof(double)) == 0;
}

Test(simulate, neither_threads_nor_rows_change_a_bit)
{
  for (int model = 0; model < CGAP_MODELS; model++) {
    cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
    o.model = (cgap_model)model;
    o.images = 203, o.dim = 17, o.threads = 1, o.captions_most = 4;
    cgap_simulation one = simulate(&o);
    o.threads = 2;
    cgap_simulation two = simulate(&o);
    cr_expect(one.texts == two.texts && same_rows(&one, &two, 203, one.texts), "%s", cgap_model_name(o.model));
    o.images = 400;
    cgap_simulation more = simulate(&o);
    cr_expect(same_rows(&one, &more, 203, one.texts), "%s", cgap_model_name(o.model));
    o.seed = 1;
    cgap_simulation other = simulate(&o);
    cr_expect(memcmp(other.image, more.image, o.dim * sizeof(double)) != 0, "%s", cgap_model_name(o.model));
    cgap_simulation_clear(&one);
    cgap_simulation_clear(&two);
    cgap_simulation_clear(&more);
    cgap_simulation_clear(&other);
  }
}

Test(simulate, captions)
{
  cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
  o.images = 400, o.dim = 5, o.captions_most = 8;
  cgap_simulation s = simulate(&o);
  size_t *of = support_alloc(o.images, sizeof *of), with[9] = {0};
  for (size_t j = 0; j < s.texts; j++) {
    cr_assert(j == 0 || s.text_image[j] >= s.text_image[j - 1]);
    cr_assert_lt(s.text_image[j], o.images);
    of[s.text_image[j]]++;
  }
  for (size_t i = 0; i < o.images; i++) {
    cr_assert(of[i] >= 1 && of[i] <= 8);
    with[of[i]]++;
  }
  for (size_t k = 1; k <= 8; k++) /* 50 expected, standard deviation 6.6 */
    cr_expect(with[k] > 17 && with[k] < 83, "%zu images with %zu captions", with[k], k);
  cr_expect_not(s.one_to_one);
  free(of);
  cgap_simulation_clear(&s);

  o.captions_least = o.captions_most = 5;
  s = simulate(&o);
  cr_expect_eq(s.texts, 2000);
  cr_expect_eq(s.text_image[1999], 399);
  cr_expect_eq(cgap_simulation_data(&s).pairing, CGAP_BY_INDEX);
  cgap_simulation_clear(&s);
}

/* ---------------------------------------------------------------- classes */

static void check_queries(const cgap_simulation *s, size_t relations)
{
  size_t subjects = s->classes / relations;
  double weight = 0;
  for (size_t q = 0; q < s->queries; q++) {
    const int64_t *row = s->query + 4 * q;
    cr_assert(row[0] >= 0 && (size_t)row[0] < s->images);
    cr_assert(row[1] >= 0 && (size_t)row[1] < s->word_count && row[2] >= 0 && (size_t)row[2] < s->word_count);
    size_t label = (size_t)s->labels[row[0]], subject = label / relations, relation = label % relations;
    size_t source = (size_t)row[1], target = (size_t)row[2];
    cr_assert_neq(source, target);
    if (source < subjects) {
      cr_assert_eq(source, subject);
      cr_assert_eq((size_t)row[3], target * relations + relation);
    } else {
      cr_assert_eq(source - subjects, relation);
      cr_assert_eq((size_t)row[3], subject * relations + target - subjects);
    }
    weight += s->query_weight[q];
  }
  cr_expect(support_near("classes", "weights sum to the pairs of words", weight, round(weight), 1e-9, 0));
}

static double zero_shot(const cgap_simulation *s)
{
  size_t right = 0;
  for (size_t i = 0; i < s->images; i++) {
    size_t best = 0;
    for (size_t c = 1; c < s->classes; c++)
      if (dot(s->image + i * s->dim, s->class_text + c * s->dim, s->dim) >
          dot(s->image + i * s->dim, s->class_text + best * s->dim, s->dim))
        best = c;
    right += best == (size_t)s->labels[i];
  }
  return (double)right / (double)s->images;
}

/* The weighted share, in percent, of queries whose x + w_target − w_source is nearest to an image of the wanted label.
 */
static double arithmetic(const cgap_simulation *s)
{
  double right = 0, all = 0, *target = support_alloc(s->dim, sizeof *target);
  for (size_t q = 0; q < s->queries; q++) {
    const int64_t *row = s->query + 4 * q;
    for (size_t k = 0; k < s->dim; k++)
      target[k] = s->image[(size_t)row[0] * s->dim + k] + s->words[(size_t)row[2] * s->dim + k] -
                  s->words[(size_t)row[1] * s->dim + k];
    double best = -HUGE_VAL;
    int64_t label = -1;
    for (size_t i = 0; i < s->images; i++) {
      double score = dot(target, s->image + i * s->dim, s->dim);
      if (i != (size_t)row[0] && score > best) {
        best = score;
        label = s->labels[i];
      }
    }
    right += label == row[3] ? s->query_weight[q] : 0;
    all += s->query_weight[q];
  }
  free(target);
  return 100 * right / all;
}

Test(simulate, classes)
{
  static const struct {
    size_t classes, relations, words;
  } CASES[] = {{2, 1, 2}, {7, 1, 7}, {12, 3, 7}, {20, 4, 9}};
  for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
    cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
    o.images = 600, o.dim = 128, o.classes = CASES[c].classes;
    cgap_simulation s = simulate(&o);
    cr_assert_eq(s.word_count, CASES[c].words);
    cr_assert_eq(s.queries, 600);
    for (size_t i = 0; i < s.images; i++)
      cr_assert(s.labels[i] >= 0 && (size_t)s.labels[i] < s.classes);
    check_queries(&s, CASES[c].relations);
    double top = zero_shot(&s), score = arithmetic(&s);
    cr_expect(top > 0.6 && (top < 0.99 || s.classes == 2), "%zu classes: zero-shot %g", s.classes, top);
    cr_expect(score > 30, "%zu classes: arithmetic %g", s.classes, score);
    cr_expect(isnan(cgap_simulate_truth(&o).centroid_distance));
    cgap_simulation_clear(&s);
  }
}

/* ---------------------------------------------------------------- files */

static void check_rows(const char *key, const cgap_source *source, const double *want, size_t rows)
{
  cgap_error error = {0};
  cr_assert_eq(source->rows, rows, "%s", key);
  double *got = support_alloc(rows * source->dim, sizeof *got);
  cr_assert_eq(source->type, CGAP_FLOAT64);
  cr_assert_eq(source->read(source, 0, rows, got, &error), CGAP_OK, "%s: %s", key, error.message);
  cr_expect_eq(memcmp(got, want, rows * source->dim * sizeof *got), 0, "%s", key);
  free(got);
}

/* What is read back is bit for bit what cgap_simulate gives. */
static void check_file(const cgap_simulate_options *o, const char *directory)
{
  char path[4096];
  const char *files[] = {path};
  cgap_error error = {0};
  cgap_dataset *dataset = NULL;
  cgap_simulation s = simulate(o);
  snprintf(path, sizeof path, "%s/%s.h5", directory, cgap_model_name(o->model));
  cr_assert_eq(cgap_simulate_file(path, o, CGAP_FLOAT64, "test", (cgap_progress){0}, &error), CGAP_OK, "%s",
               error.message);
  cgap_input_options input = CGAP_INPUT_OPTIONS_INIT;
  input.files = files;
  input.file_count = 1;
  cr_assert_eq(cgap_dataset_open(&dataset, &input, &error), CGAP_OK, "%s", error.message);
  const cgap_data *data = cgap_dataset_data(dataset);
  check_rows("image", &data->image, s.image, s.images);
  check_rows("text", &data->text, s.text, s.texts);
  cr_expect_eq(data->pairing, s.one_to_one ? CGAP_BY_ROW : CGAP_BY_INDEX);
  if (!s.one_to_one)
    cr_expect_eq(memcmp(data->text_image, s.text_image, s.texts * sizeof *s.text_image), 0);
  if (s.classes) {
    check_rows("class_text", &data->class_text, s.class_text, s.classes);
    check_rows("words", &data->words, s.words, s.word_count);
    cr_assert_eq(data->queries, s.queries);
    cr_expect_eq(memcmp(data->labels, s.labels, s.images * sizeof *s.labels), 0);
    cr_expect_eq(memcmp(data->image_label, s.labels, s.images * sizeof *s.labels), 0);
    cr_expect_eq(memcmp(data->query, s.query, 4 * s.queries * sizeof *s.query), 0);
    cr_expect_eq(memcmp(data->query_weight, s.query_weight, s.queries * sizeof *s.query_weight), 0);
  }
  cgap_dataset_close(dataset);
  cgap_simulation_clear(&s);
}

Test(simulate, files_hold_what_memory_holds)
{
  char directory[256];
  support_directory(directory, sizeof directory);
  for (int model = 0; model < CGAP_MODELS; model++)
    for (size_t least = 1; least <= 3; least++) {
      cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
      o.model = (cgap_model)model;
      o.images = 60, o.dim = 10, o.captions_least = least, o.captions_most = least == 1 ? 1 : 3;
      o.classes = o.model == CGAP_MODEL_CLIP ? 2 * least : 0;
      check_file(&o, directory);
    }
  support_remove(directory);
}

/* ---------------------------------------------------------------- refusals */

Test(simulate, options_that_make_no_sense)
{
  cgap_simulate_options good = CGAP_SIMULATE_OPTIONS_INIT, bad[12];
  size_t count = 0;
  for (size_t i = 0; i < 12; i++)
    bad[i] = good;
  bad[count++].images = 2;
  bad[count++].dim = 2;
  bad[count].model = CGAP_MODEL_UNIFORM;
  bad[count++].dim = 1;
  bad[count++].captions_least = 0;
  bad[count++].captions_least = 2;
  bad[count++].images = SIZE_MAX / 4;
  bad[count++].h = 1;
  bad[count++].h = NAN;
  bad[count++].kappa = -1;
  bad[count++].classes = 1;
  bad[count++].classes = 1001;
  bad[count].model = CGAP_MODEL_CONE;
  bad[count++].classes = 5;
  cgap_error error;
  cr_expect_eq(cgap_simulate_check(&good, &error), CGAP_OK);
  for (size_t i = 0; i < count; i++) {
    cgap_simulation s;
    error = (cgap_error){0};
    cr_expect_eq(cgap_simulate(&s, &bad[i], &error), CGAP_USAGE, "case %zu", i);
    cr_expect(error.message[0] && !strchr(error.message, '\n'), "case %zu: %s", i, error.message);
    cgap_simulation_clear(&s);
  }
}

Test(simulate, models_by_name)
{
  cgap_model model;
  for (int m = 0; m < CGAP_MODELS; m++) {
    cr_expect(cgap_model_find(&model, cgap_model_name((cgap_model)m)));
    cr_expect_eq(model, (cgap_model)m);
  }
  cr_expect_not(cgap_model_find(&model, "clips"));
}
