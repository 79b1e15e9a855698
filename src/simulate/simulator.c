#include "simulate/simulator.h"

#include "base/memory.h"

#include <omp.h>

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
    return cgap_fail(error, CGAP_RESOURCE, "simulate: no memory for the images of %zu texts; give a smaller --n",
                     s->texts);
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
