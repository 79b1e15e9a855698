/* A simulation: its options, rows in any order by all threads, all of it in memory, and what the populations have for
 * centroid distance and alignment. */
#include "simulate/models.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/memory.h"

/* ---------------------------------------------------------------- options */

static const char *const NAMES[CGAP_MODELS] = {
  [CGAP_MODEL_OFFSET] = "offset",
  [CGAP_MODEL_UNIFORM] = "uniform",
  [CGAP_MODEL_CONE] = "cone",
  [CGAP_MODEL_CLIP] = "clip",
};

const char *cgap_model_name(cgap_model model)
{
  return NAMES[model];
}

bool cgap_model_find(cgap_model *out, const char *name)
{
  for (int m = 0; m < CGAP_MODELS; m++)
    if (strcmp(name, NAMES[m]) == 0) {
      *out = (cgap_model)m;
      return true;
    }
  return false;
}

static cgap_status check_sizes(const cgap_simulate_options *o, cgap_error *error)
{
  const size_t least = o->model == CGAP_MODEL_CLIP ? 3 : 2;
  size_t texts = 0, numbers = 0;
  if (o->images < 3)
    return cgap_fail(error, CGAP_USAGE, "n %zu: a set has at least 3 images", o->images);
  if (o->dim < least)
    return cgap_fail(error, CGAP_USAGE, "d %zu: model %s needs at least %zu dimensions", o->dim,
                     cgap_model_name(o->model), least);
  if (o->captions_least < 1 || o->captions_most < o->captions_least)
    return cgap_fail(error, CGAP_USAGE,
                     "captions %zu-%zu: the first must be at least 1, and the second no less than the first, as in 1-8",
                     o->captions_least, o->captions_most);
  if (!cgap_product(&texts, o->images, o->captions_most) || !cgap_product(&numbers, texts, o->dim) ||
      numbers > SIZE_MAX / 16)
    return cgap_fail(error, CGAP_USAGE,
                     "n %zu: so many images with %zu texts of %zu numbers each do not fit into any file", o->images,
                     o->captions_most, o->dim);
  return CGAP_OK;
}

const char *const cgap_simulated_names[CGAP_MODALITIES_MAX] = {"image", "text",    "audio", "video",
                                                               "depth", "thermal", "touch", "motion"};

static cgap_status check_modalities(const cgap_simulate_options *o, cgap_error *error)
{
  if (o->modalities == 1 || o->modalities > CGAP_MODALITIES_MAX)
    return cgap_fail(error, CGAP_USAGE, "modalities %zu: must be between 2 and %d", o->modalities, CGAP_MODALITIES_MAX);
  if (o->modalities <= 2)
    return CGAP_OK;
  if (o->model != CGAP_MODEL_OFFSET)
    return cgap_fail(error, CGAP_USAGE, "modalities %zu: model %s has two, only model offset has more", o->modalities,
                     cgap_model_name(o->model));
  if (o->captions_most > 1)
    return cgap_fail(error, CGAP_USAGE,
                     "modalities %zu: of more than two each has one row for each of n, not %zu texts", o->modalities,
                     o->captions_most);
  if (o->dim < o->modalities + 2)
    return cgap_fail(error, CGAP_USAGE, "modalities %zu: they need at least %zu dimensions, d is %zu", o->modalities,
                     o->modalities + 2, o->dim);
  return CGAP_OK;
}

cgap_status cgap_simulate_check(const cgap_simulate_options *o, cgap_error *error)
{
  cgap_status status = check_sizes(o, error);
  if (!status)
    status = check_modalities(o, error);
  if (status)
    return status;
  if (!(o->h >= 0 && o->h < 1))
    return cgap_fail(error, CGAP_USAGE, "h %g: must be at least 0 and below 1", o->h);
  if (!(o->kappa >= 0 && o->kappa <= 1e6))
    return cgap_fail(error, CGAP_USAGE, "kappa %g: must be between 0 and 1e6; 0: as large as d", o->kappa);
  if (o->classes && o->model != CGAP_MODEL_CLIP)
    return cgap_fail(error, CGAP_USAGE, "classes %zu: model %s has none, only model clip has", o->classes,
                     cgap_model_name(o->model));
  if (o->classes == 1 || o->classes > o->images)
    return cgap_fail(error, CGAP_USAGE, "classes %zu: must be between 2 and the number of images, %zu; 0: none",
                     o->classes, o->images);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- rows */

static const struct {
  cgap_row_maker *image, *text;
} MAKERS[CGAP_MODELS] = {
  [CGAP_MODEL_OFFSET] = {cgap_offset_image, cgap_offset_text},
  [CGAP_MODEL_UNIFORM] = {cgap_uniform_image, cgap_uniform_text},
  [CGAP_MODEL_CONE] = {cgap_cone_image, cgap_cone_text},
  [CGAP_MODEL_CLIP] = {cgap_clip_image, cgap_clip_text},
};

static cgap_status draw_captions(cgap_simulator *s, cgap_error *error)
{
  const cgap_simulate_options *o = &s->options;
  size_t choices = o->captions_most - o->captions_least + 1;
  s->texts = o->images * o->captions_most;
  if (choices == 1)
    return CGAP_OK;
  uint64_t *owner = cgap_alloc(s->texts, sizeof *owner);
  if (!owner)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the images of %zu texts; give fewer images", s->texts);
  s->texts = 0;
  for (size_t i = 0; i < o->images; i++) {
    cgap_random random = cgap_random_init(o->seed, (uint64_t)CGAP_STREAM_CAPTIONS << 56 | i);
    size_t captions = o->captions_least + (size_t)cgap_random_below(&random, choices);
    for (size_t c = 0; c < captions; c++)
      owner[s->texts++] = i;
  }
  s->text_image = owner;
  return CGAP_OK;
}

cgap_status cgap_simulator_open(cgap_simulator *out, const cgap_simulate_options *options, cgap_error *error)
{
  *out = (cgap_simulator){0};
  cgap_status status = cgap_simulate_check(options, error);
  if (status)
    return status;
  out->options = *options;
  if (out->options.kappa == 0)
    out->options.kappa = (double)options->dim;
  if (out->options.threads <= 0)
    out->options.threads = omp_get_max_threads();
  status = draw_captions(out, error);
  if (!status && options->model == CGAP_MODEL_CLIP)
    status = cgap_clip_open(&out->clip, options, error);
  if (status)
    cgap_simulator_close(out);
  return status;
}

void cgap_simulator_close(cgap_simulator *simulator)
{
  cgap_free(simulator->text_image);
  cgap_clip_close(&simulator->clip);
  *simulator = (cgap_simulator){0};
}

static void make_rows(const cgap_simulator *s, cgap_row_maker *maker, size_t first, size_t count, double *out)
{
#pragma omp parallel for schedule(static) num_threads(s->options.threads)
  for (size_t i = 0; i < count; i++)
    maker(s, first + i, out + i * s->options.dim);
}

void cgap_simulator_images(const cgap_simulator *s, size_t first, size_t count, double *out)
{
  make_rows(s, MAKERS[s->options.model].image, first, count, out);
}

void cgap_simulator_texts(const cgap_simulator *s, size_t first, size_t count, double *out)
{
  make_rows(s, MAKERS[s->options.model].text, first, count, out);
}

void cgap_simulator_modality(const cgap_simulator *s, size_t modality, size_t first, size_t count, double *out)
{
#pragma omp parallel for schedule(static) num_threads(s->options.threads)
  for (size_t i = 0; i < count; i++)
    cgap_offset_modality(s, modality, first + i, out + i * s->options.dim);
}

/* ---------------------------------------------------------------- all in memory */

static cgap_status out_of_memory(const cgap_simulator *s, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu images and %zu texts of %zu numbers; give fewer",
                   s->options.images, s->texts, s->options.dim);
}

static cgap_status fill_classes(cgap_simulation *out, const cgap_simulator *s, cgap_error *error)
{
  size_t dim = out->dim;
  out->classes = s->options.classes;
  out->word_count = cgap_classes_words(s);
  out->queries = cgap_classes_queries(s);
  out->labels = cgap_alloc(out->images, sizeof *out->labels);
  out->class_text = cgap_alloc(out->classes * dim, sizeof *out->class_text);
  out->words = cgap_alloc(out->word_count * dim, sizeof *out->words);
  out->query = cgap_alloc(out->queries * 4, sizeof *out->query);
  out->query_weight = cgap_alloc(out->queries, sizeof *out->query_weight);
  if (!out->labels || !out->class_text || !out->words || !out->query || !out->query_weight)
    return out_of_memory(s, error);
  for (size_t i = 0; i < out->images; i++)
    out->labels[i] = (int64_t)cgap_classes_label(s, i);
  for (size_t c = 0; c < out->classes; c++)
    cgap_classes_text(s, c, out->class_text + c * dim);
  for (size_t w = 0; w < out->word_count; w++)
    cgap_classes_word(s, w, out->words + w * dim);
  cgap_classes_fill(s, out->query, out->query_weight);
  return CGAP_OK;
}

cgap_status cgap_simulate(cgap_simulation *out, const cgap_simulate_options *options, cgap_error *error)
{
  *out = (cgap_simulation){0};
  cgap_simulator simulator;
  cgap_status status = cgap_simulator_open(&simulator, options, error);
  if (status)
    return status;
  out->images = options->images;
  out->texts = simulator.texts;
  out->dim = options->dim;
  out->one_to_one = options->captions_most == 1;
  out->image = cgap_alloc(out->images * out->dim, sizeof *out->image);
  out->text = cgap_alloc(out->texts * out->dim, sizeof *out->text);
  out->text_image = cgap_alloc(out->texts, sizeof *out->text_image);
  if (!out->image || !out->text || !out->text_image) {
    status = out_of_memory(&simulator, error);
    goto done;
  }
  cgap_simulator_images(&simulator, 0, out->images, out->image);
  cgap_simulator_texts(&simulator, 0, out->texts, out->text);
  for (size_t j = 0; j < out->texts; j++)
    out->text_image[j] = cgap_simulator_owner(&simulator, j);
  if (options->classes)
    status = fill_classes(out, &simulator, error);
done:
  cgap_simulator_close(&simulator);
  if (status)
    cgap_simulation_clear(out);
  return status;
}

void cgap_simulation_clear(cgap_simulation *s)
{
  cgap_free(s->image);
  cgap_free(s->text);
  cgap_free(s->text_image);
  cgap_free(s->labels);
  cgap_free(s->class_text);
  cgap_free(s->words);
  cgap_free(s->query);
  cgap_free(s->query_weight);
  *s = (cgap_simulation){0};
}

cgap_data cgap_simulation_data(const cgap_simulation *s)
{
  cgap_data data = {
    .image = cgap_source_view(s->image, s->images, s->dim, CGAP_FLOAT64, "simulated image"),
    .text = cgap_source_view(s->text, s->texts, s->dim, CGAP_FLOAT64, "simulated text"),
    .pairing = s->one_to_one ? CGAP_BY_ROW : CGAP_BY_INDEX,
    .text_image = s->one_to_one ? NULL : s->text_image,
  };
  if (s->classes) {
    data.labels = data.image_label = s->labels;
    data.class_text = cgap_source_view(s->class_text, s->classes, s->dim, CGAP_FLOAT64, "simulated class_text");
    data.prompts = 1;
    data.words = cgap_source_view(s->words, s->word_count, s->dim, CGAP_FLOAT64, "simulated words");
    data.query = s->query;
    data.query_weight = s->query_weight;
    data.queries = s->queries;
  }
  return data;
}

/* ---------------------------------------------------------------- the populations' values */

static const double PI = 3.14159265358979323846;

/* Trapezoid rule over a line of an even function that falls at least as fast as exp(−s²/2): its error
 * falls exponentially with 1/STEP, and both figures here are below 1e-13. */
static const double STEP = 0.125;
enum { NODES = 72 };

/* E ‖x‖⁻¹ of x = m + Σ λ_k^½ g_k: (1/√π) ∫ exp(−s²‖m‖²) Π (1 + 2 s² λ_k)^−½ ds over the line, because
 * A^−½ = (1/√π) ∫ exp(−s² A) ds. The mean of the unit rows is m times this, the noise being symmetric. */
static double inverse_norm(const cgap_clip *c, const double *own)
{
  double mean = c->mean[0] * c->mean[0] + c->mean[1] * c->mean[1], sum = 0.5;
  for (int i = 1; i <= NODES; i++) {
    double s2 = STEP * i * STEP * i, exponent = -s2 * mean;
    for (size_t k = 0; k < c->noise; k++)
      exponent -= 0.5 * log1p(2 * s2 * (c->shared[k] * c->shared[k] + own[k] * own[k]));
    sum += exp(exponent);
  }
  return 2 * STEP * sum / sqrt(PI);
}

/* The integrand of E x·y/(‖x‖‖y‖) at (s², t²): per axis the pair (x_k, y_k) is normal with variances a, b
 * and covariance c; tilted by exp(−s²x² − t²y²) it has mass D^−½ and covariance c/D,
 * D = 1 + 2 s² a + 2 t² b + 4 s² t² (ab − c²). */
static double tilted_product(const cgap_clip *c, double s2, double t2)
{
  double mean = c->mean[0] * c->mean[0] + c->mean[1] * c->mean[1];
  double product = c->mean[0] * c->mean[0] - c->mean[1] * c->mean[1];
  double exponent = -(s2 + t2) * mean;
  for (size_t k = 0; k < c->noise; k++) {
    double z = c->shared[k] * c->shared[k];
    double a = z + c->image[k] * c->image[k], b = z + c->text[k] * c->text[k];
    double rise = 2 * s2 * a + 2 * t2 * b + 4 * s2 * t2 * (a * b - z * z);
    exponent -= 0.5 * log1p(rise);
    product += z / (1 + rise);
  }
  return product * exp(exponent);
}

static double mean_cosine(const cgap_clip *c)
{
  double sum = 0;
  for (int i = 0; i <= NODES; i++)
    for (int j = 0; j <= NODES; j++) {
      double weight = (i ? 2 : 1) * (j ? 2 : 1);
      sum += weight * tilted_product(c, STEP * i * STEP * i, STEP * j * STEP * j);
    }
  return STEP * STEP * sum / PI;
}

static cgap_truth clip_truth(const cgap_clip *c)
{
  double image = inverse_norm(c, c->image), text = inverse_norm(c, c->text);
  return (cgap_truth){
    .centroid_distance = hypot(c->mean[0] * (image - text), c->mean[1] * (image + text)),
    .mean_squared_distance = 2 - 2 * mean_cosine(c),
  };
}

cgap_truth cgap_simulate_truth(const cgap_simulate_options *options)
{
  cgap_truth truth = {NAN, NAN};
  cgap_simulator simulator;
  if (options->classes || cgap_simulator_open(&simulator, options, NULL) != CGAP_OK)
    return truth;
  double h = options->h, length = 0;
  switch (options->model) {
  case CGAP_MODEL_OFFSET:
    truth = (cgap_truth){2 * h, 4 * h * h};
    break;
  case CGAP_MODEL_UNIFORM:
    truth = (cgap_truth){0, 2};
    break;
  case CGAP_MODEL_CONE: /* means A μ and A ν with μ·ν = cos 60° */
    length = cgap_cone_resultant(options->dim, simulator.options.kappa);
    truth = (cgap_truth){length, 2 - length * length};
    break;
  case CGAP_MODEL_CLIP:
    truth = clip_truth(&simulator.clip);
    break;
  }
  cgap_simulator_close(&simulator);
  return truth;
}

cgap_truth cgap_simulate_truth_of(const cgap_simulate_options *options, size_t a, size_t b)
{
  const double h = cgap_offset_of(options, a), g = cgap_offset_of(options, b);
  return (cgap_truth){hypot(h, g), 2 - 2 * sqrt((1 - h) * (1 + h) * (1 - g) * (1 + g))};
}
