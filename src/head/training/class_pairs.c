#include "head/training/class_pairs.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/numbers.h"

/* ---------------------------------------------------------------- pairs */

bool cgap_class_pairs_possible(const cgap_data *data)
{
  return data->text.rows == 0 && data->labels && data->class_text.rows > 0;
}

static size_t prompts_of(const cgap_data *data)
{
  return data->prompts ? data->prompts : 1;
}

static cgap_status read_texts(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  const cgap_class_pairs *p = source->context;
  (void)error;
  for (size_t k = 0; k < count; k++) {
    const size_t text = first + k, row = (size_t)p->labels[text / p->prompts] * p->prompts + text % p->prompts;
    memcpy((unsigned char *)out + k * p->row_bytes, p->rows + row * p->row_bytes, p->row_bytes);
  }
  return CGAP_OK;
}

cgap_status cgap_class_pairs_open(cgap_class_pairs *out, cgap_data *data, cgap_error *error)
{
  const cgap_source *classes = &data->class_text;
  size_t texts = 0;
  *out = (cgap_class_pairs){
    .row_bytes = classes->dim * cgap_type_size(classes->type), .prompts = prompts_of(data), .labels = data->labels};
  const bool fits = cgap_product(&texts, data->image.rows, out->prompts);
  out->rows = cgap_alloc(classes->rows, out->row_bytes);
  out->text_image = fits ? cgap_alloc(texts, sizeof *out->text_image) : NULL;
  cgap_status status = out->rows && out->text_image
                         ? classes->read(classes, 0, classes->rows, out->rows, error)
                         : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu prompts of each of %zu images",
                                     classes->name, out->prompts, data->image.rows);
  if (status != CGAP_OK) {
    cgap_class_pairs_clear(out);
    return status;
  }
  for (size_t j = 0; j < texts; j++)
    out->text_image[j] = j / out->prompts;
  data->text = *classes;
  data->text.rows = texts;
  data->text.read = read_texts;
  data->text.context = out;
  data->pairing = CGAP_BY_INDEX;
  data->text_image = out->text_image;
  data->texts_are_classes = true;
  return CGAP_OK;
}

void cgap_class_pairs_count(cgap_data *data)
{
  if (!cgap_class_pairs_possible(data))
    return;
  data->text = data->class_text;
  if (!cgap_product(&data->text.rows, data->image.rows, prompts_of(data)))
    data->text.rows = SIZE_MAX;
  data->pairing = CGAP_BY_INDEX;
}

void cgap_class_pairs_clear(cgap_class_pairs *p)
{
  cgap_free(p->rows);
  cgap_free(p->text_image);
  *p = (cgap_class_pairs){0};
}

/* ---------------------------------------------------------------- classes that are kept out */

/* The classes that have images, in random order. Returns how many. */
static size_t list_classes(size_t *order, bool *there, size_t classes, const cgap_embeddings *e, uint64_t seed)
{
  enum { STREAM = 0x484F };
  size_t count = 0;
  for (size_t i = 0; i < e->image.rows; i++)
    there[e->data->labels[e->image.file_row[i]]] = true;
  for (size_t c = 0; c < classes; c++) {
    if (there[c])
      order[count++] = c;
    there[c] = false;
  }
  cgap_random random = cgap_random_init(seed, STREAM);
  cgap_random_shuffle(&random, order, count);
  return count;
}

static void move_images(cgap_split *split, const cgap_embeddings *e, const bool *held)
{
  for (size_t i = 0; i < e->image.rows; i++) {
    const size_t texts = e->pairs.first[i + 1] - e->pairs.first[i], from = split->of_image[i];
    if (!held[e->data->labels[e->image.file_row[i]]])
      continue;
    split->images[from]--;
    split->texts[from] -= texts;
    split->of_image[i] = CGAP_TEST;
    split->images[CGAP_TEST]++;
    split->texts[CGAP_TEST] += texts;
  }
}

static cgap_status hold_out(cgap_held_out *out, cgap_split *split, const cgap_embeddings *e, double share,
                            bool validates, size_t *order, uint64_t seed, cgap_error *error)
{
  const char *name = e->image.source->name;
  const size_t there = list_classes(order, out->class, out->classes, e, seed);
  const size_t wanted = (size_t)fmax(1, round(share * (double)there));
  if (there < wanted + 2)
    return cgap_fail(error, CGAP_DATA,
                     "%s: hold-out-classes %g keeps %zu of its %zu classes out of training, and at least 2 have to be "
                     "left; give a smaller share",
                     name, share, wanted, there);
  for (size_t k = 0; k < wanted; k++)
    out->class[order[k]] = true;
  move_images(split, e, out->class);
  if (split->texts[CGAP_TRAINING] == 0 || (validates && split->texts[CGAP_VALIDATION] == 0))
    return cgap_fail(error, CGAP_DATA,
                     "%s: without %zu of %zu classes the %s part has no texts; give a smaller hold-out-classes", name,
                     wanted, there, split->texts[CGAP_TRAINING] == 0 ? "training" : "validation");
  return CGAP_OK;
}

cgap_status cgap_hold_out_classes(cgap_held_out *out, cgap_split *split, const cgap_embeddings *e, double share,
                                  bool validates, uint64_t seed, cgap_error *error)
{
  const cgap_data *data = e->data;
  *out = (cgap_held_out){0};
  if (!data->labels || data->class_text.rows == 0)
    return cgap_fail(error, CGAP_DATA,
                     "%s: hold-out-classes needs labels and class texts, and this has %s; leave it out",
                     data->image.name, data->labels ? "no class texts" : "no labels");
  out->classes = data->class_text.rows / prompts_of(data);
  out->class = cgap_zalloc(out->classes, sizeof *out->class);
  size_t *order = cgap_alloc(out->classes, sizeof *order);
  cgap_status status = out->class && order
                         ? hold_out(out, split, e, share, validates, order, seed, error)
                         : cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu classes", out->classes);
  cgap_free(order);
  if (status != CGAP_OK)
    cgap_held_out_clear(out);
  return status;
}

void cgap_held_out_clear(cgap_held_out *held_out)
{
  cgap_free(held_out->class);
  *held_out = (cgap_held_out){0};
}
