#include "simulate/internal.h"

#include "base/memory.h"

#include <math.h>
#include <omp.h>
#include <string.h>

static const struct {
  const char *name;
  cgap_row_maker *image, *text;
} MODELS[CGAP_MODELS] = {
  [CGAP_MODEL_OFFSET] = {"offset", cgap_offset_image, cgap_offset_text},
  [CGAP_MODEL_UNIFORM] = {"uniform", cgap_uniform_image, cgap_uniform_text},
  [CGAP_MODEL_CONE] = {"cone", cgap_cone_image, cgap_cone_text},
  [CGAP_MODEL_CLIP] = {"clip", cgap_clip_image, cgap_clip_text},
};

const char *cgap_model_name(cgap_model model)
{
  return MODELS[model].name;
}

bool cgap_model_find(cgap_model *out, const char *name)
{
  for (int m = 0; m < CGAP_MODELS; m++)
    if (strcmp(name, MODELS[m].name) == 0) {
      *out = (cgap_model)m;
      return true;
    }
  return false;
}

static cgap_status check_sizes(const cgap_simulate_options *o, cgap_error *error)
{
  size_t least = o->model == CGAP_MODEL_CLIP ? 3 : 2, texts = 0, numbers = 0;
  if (o->images < 3)
    return cgap_fail(error, CGAP_USAGE, "simulate: n is %zu, a set has at least 3 images; give --n 3 or more",
                     o->images);
  if (o->dim < least)
    return cgap_fail(error, CGAP_USAGE, "simulate: d is %zu, model %s needs at least %zu; give --d %zu or more", o->dim,
                     cgap_model_name(o->model), least, least);
  if (o->captions_least < 1 || o->captions_most < o->captions_least)
    return cgap_fail(error, CGAP_USAGE,
                     "simulate: captions %zu-%zu: at least 1, and the second not below the first; give --captions 5 "
                     "or --captions 1-8",
                     o->captions_least, o->captions_most);
  if (!cgap_product(&texts, o->images, o->captions_most) || !cgap_product(&numbers, texts, o->dim) ||
      numbers > SIZE_MAX / 16)
    return cgap_fail(error, CGAP_USAGE,
                     "simulate: %zu images with %zu texts of %zu numbers do not fit any file; give a smaller --n",
                     o->images, o->captions_most, o->dim);
  return CGAP_OK;
}

cgap_status cgap_simulate_check(const cgap_simulate_options *o, cgap_error *error)
{
  cgap_status status = check_sizes(o, error);
  if (status)
    return status;
  if (!(o->h >= 0 && o->h < 1))
    return cgap_fail(error, CGAP_USAGE, "simulate: h is %g, it lies in 0 ≤ h < 1; give --h 0.4", o->h);
  if (!(o->kappa >= 0 && o->kappa <= 1e6))
    return cgap_fail(error, CGAP_USAGE,
                     "simulate: kappa is %g, it lies in 0 to 1e6 (0: as large as d); give --kappa 64", o->kappa);
  if (o->classes && o->model != CGAP_MODEL_CLIP)
    return cgap_fail(error, CGAP_USAGE, "simulate: %zu classes with model %s; only --model clip has classes",
                     o->classes, cgap_model_name(o->model));
  if (o->classes == 1 || o->classes > o->images)
    return cgap_fail(error, CGAP_USAGE,
                     "simulate: %zu classes among %zu images; give --classes 2 to %zu, or 0 for none", o->classes,
                     o->images, o->images);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- the simulator */

static cgap_status draw_captions(cgap_simulator *s, cgap_error *error)
{
  const cgap_simulate_options *o = &s->options;
  size_t spread = o->captions_most - o->captions_least + 1;
  s->texts = o->images * o->captions_most;
  if (spread == 1)
    return CGAP_OK;
  uint64_t *owner = cgap_alloc(s->texts, sizeof *owner);
  if (!owner)
    return cgap_fail(error, CGAP_RESOURCE, "simulate: no memory for the images of %zu texts; give a smaller --n",
                     s->texts);
  s->texts = 0;
  for (size_t i = 0; i < o->images; i++) {
    cgap_random random = cgap_random_init(o->seed, (uint64_t)CGAP_STREAM_CAPTIONS << 56 | i);
    size_t captions = o->captions_least + (size_t)cgap_random_below(&random, spread);
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

uint64_t cgap_simulator_owner(const cgap_simulator *s, size_t text)
{
  return s->text_image ? s->text_image[text] : text / s->options.captions_most;
}

static void make_rows(const cgap_simulator *s, cgap_row_maker *maker, size_t first, size_t count, double *out)
{
#pragma omp parallel for schedule(static) num_threads(s->options.threads)
  for (size_t i = 0; i < count; i++)
    maker(s, first + i, out + i * s->options.dim);
}

void cgap_simulator_images(const cgap_simulator *s, size_t first, size_t count, double *out)
{
  make_rows(s, MODELS[s->options.model].image, first, count, out);
}

void cgap_simulator_texts(const cgap_simulator *s, size_t first, size_t count, double *out)
{
  make_rows(s, MODELS[s->options.model].text, first, count, out);
}

/* ---------------------------------------------------------------- all in memory */

static cgap_status out_of_memory(const cgap_simulator *s, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "simulate: no memory for %zu images and %zu texts of %zu; give a smaller --n",
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
