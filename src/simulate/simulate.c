#include "simulate/simulate.h"

#include "base/memory.h"
#include "simulate/simulator.h"

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
