#include "head/training/training_data.h"

#include <omp.h>
#include <string.h>

#include "audit/measure_runs.h"
#include "base/memory.h"
#include "base/source.h"
#include "base/threads.h"
#include "head/training/split.h"
#include "head/training/train_options.h"
#include "rows/embeddings.h"
#include "rows/row_reader.h"

cgap_status cgap_same_modality(cgap_data *out, const cgap_data *data, cgap_row_kind kind, cgap_error *error)
{
  const cgap_source *rows = kind == CGAP_IMAGE_ROWS ? &data->image : &data->text;
  *out = (cgap_data){.image = *rows, .text = *rows, .pairing = CGAP_BY_ROW, .drop_bad = data->drop_bad};
  if (rows->rows == 0)
    return cgap_fail(error, CGAP_FILE, "%s: there are no texts to train on alone", data->image.name);
  return CGAP_OK;
}

cgap_status cgap_train_check_batch(const cgap_train_options *o, const cgap_split_rows *training, cgap_error *error)
{
  const size_t texts = training->positives.texts;
  if (texts < 2)
    return cgap_fail(error, CGAP_DATA, "the training part has %zu texts that differ; at least 2 are needed", texts);
  if (o->batch != CGAP_BATCH_AUTO && o->batch > texts)
    return cgap_fail(error, CGAP_USAGE,
                     "batch %zu is larger than the training part, which has %zu texts; give %zu or less, or full",
                     o->batch, texts, texts);
  return CGAP_OK;
}

static int threads_of(const cgap_train_options *o)
{
  return o->threads > 0 ? o->threads : omp_get_max_threads();
}

static cgap_status fit_methods(cgap_training_data *t, const cgap_embeddings *e, const cgap_train_options *o,
                               cgap_error *error)
{
  const cgap_split_rows_options every = {.keep_duplicates = true, .leave = !t->plan.resident, .threads = threads_of(o)};
  cgap_split_rows training_rows = {0}, validation_rows = {0};
  cgap_status status = cgap_split_rows_init(&training_rows, e, &t->split, CGAP_TRAINING, &every, error);
  if (status == CGAP_OK)
    status = cgap_split_rows_init(&validation_rows, e, &t->split, CGAP_VALIDATION, &every, error);
  for (int k = 0; status == CGAP_OK && k < CGAP_GAP_METHODS; k++) {
    const double start = cgap_clock_seconds();
    status = cgap_gap_method_fit_chosen(&t->method[k], (cgap_gap_method)k, &training_rows, &validation_rows,
                                        threads_of(o), error);
    t->method_seconds[k] = cgap_clock_seconds() - start;
  }
  cgap_split_rows_clear(&validation_rows);
  cgap_split_rows_clear(&training_rows);
  return status;
}

static bool note_splits(cgap_training_data *t, const cgap_embeddings *e)
{
  t->file_images = e->data->image.rows;
  t->split_of_row = cgap_alloc(t->file_images, sizeof *t->split_of_row);
  t->training_hash = cgap_alloc(t->split.images[CGAP_TRAINING], sizeof *t->training_hash);
  if (!t->split_of_row || !t->training_hash)
    return false;
  for (size_t row = 0; row < t->file_images; row++)
    t->split_of_row[row] = -1;
  for (size_t i = 0; i < e->image.rows; i++) {
    t->split_of_row[e->image.file_row[i]] = t->split.of_image[i];
    if (t->split.of_image[i] == CGAP_TRAINING)
      t->training_hash[t->training_images++] = t->split.hash[i];
  }
  t->training_texts = t->split.texts[CGAP_TRAINING];
  return true;
}

cgap_status cgap_training_data_note(cgap_head *head, const cgap_training_data *t, cgap_error *error)
{
  return cgap_head_note_training(head, t->split_of_row, t->file_images, t->training_hash, t->training_images, error);
}

static cgap_status make_split_rows(cgap_training_data *t, const cgap_embeddings *e, const cgap_train_options *o,
                                   bool methods, cgap_error *error)
{
  const cgap_split_rows_options training = {.keep_duplicates = o->keep_duplicates,
                                            .noise = o->noise,
                                            .most_images = o->training_images,
                                            .seed = o->seed,
                                            .leave = !t->plan.resident,
                                            .threads = threads_of(o)};
  const cgap_split_rows_options validation = {
    .keep_duplicates = o->keep_duplicates, .leave = !t->plan.resident, .threads = threads_of(o)};
  cgap_status status = cgap_split_init(&t->split, e, o->validation, o->test, o->seed, error);
  if (status == CGAP_OK && o->hold_out_classes > 0)
    status = cgap_hold_out_classes(&t->held_out, &t->split, e, o->hold_out_classes, o->validation > 0, o->seed, error);
  if (status == CGAP_OK && o->training_images > t->split.images[CGAP_TRAINING])
    status = cgap_fail(error, CGAP_USAGE,
                       "train-images %zu: the training part has %zu images; give that many or fewer, or leave it out",
                       o->training_images, t->split.images[CGAP_TRAINING]);
  if (status == CGAP_OK && !note_splits(t, e))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (status == CGAP_OK && methods)
    status = fit_methods(t, e, o, error);
  if (status == CGAP_OK)
    status = cgap_split_rows_init(&t->training, e, &t->split, CGAP_TRAINING, &training, error);
  if (status == CGAP_OK)
    status = cgap_split_rows_init(&t->validation, e, &t->split, CGAP_VALIDATION, &validation, error);
  return status == CGAP_OK ? cgap_test_set_init(&t->test, e, &t->split, CGAP_TEST, error) : status;
}

static void clear_rows(cgap_planned_rows *rows)
{
  if (rows)
    cgap_planned_rows_clear(rows);
  cgap_free(rows);
}

cgap_status cgap_training_data_open(cgap_training_data *out, const cgap_data *given, const cgap_train_options *o,
                                    unsigned with, cgap_error *error)
{
  cgap_data checked;
  const cgap_data *data = &checked;
  *out = (cgap_training_data){0};
  cgap_status status = cgap_check_argument(given, "training", "data", error);
  if (status == CGAP_OK)
    status = cgap_check_data(&checked, given, error);
  if (status != CGAP_OK)
    return status;
  out->dim = data->image.dim;
  if (cgap_class_pairs_possible(data))
    status = cgap_class_pairs_open(&out->class_pairs, &checked, error);
  if (status != CGAP_OK)
    return status;
  if (data->text.rows == 0 || data->pairing == CGAP_UNPAIRED)
    return cgap_fail(
      error, CGAP_FILE,
      "%s: training needs pairs of images and texts, and this has %s; give the texts, or the image of each text",
      data->image.name, data->text.rows == 0 ? "no texts" : "no pairing");
  status = cgap_train_check(o, data->image.dim, error);
  if (status == CGAP_OK)
    status = cgap_measure_runs_check(data, error);
  if (status == CGAP_OK)
    status = cgap_plan_training(&out->plan, data, o, error);
  if (status != CGAP_OK) {
    cgap_training_data_clear(out);
    return status;
  }
  cgap_planned_rows *rows = out->rows = cgap_zalloc(1, sizeof *rows);
  if (!rows) {
    cgap_training_data_clear(out);
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  }
  status = cgap_planned_rows_load(rows, data, &out->plan, out->plan.resident, threads_of(o), o->progress, error);
  if (status == CGAP_OK)
    status = make_split_rows(out, &rows->e, o, with & CGAP_WITH_METHODS, error);
  cgap_release_memory(out->plan.needed_bytes, out->plan.memory_bytes); /* training does not need what reading needed */
  if (status != CGAP_OK) {
    cgap_training_data_clear(out);
  } else if (out->plan.resident && !(with & CGAP_WITH_ROWS)) { /* the splits have copies of their own */
    clear_rows(rows);
    out->rows = NULL;
  }
  return status;
}

void cgap_training_data_release_rows(cgap_training_data *t)
{
  cgap_split_rows *splits[] = {&t->training, &t->validation};
  for (int k = 0; k < 2; k++) {
    const size_t images = splits[k]->positives.images, texts = splits[k]->positives.texts;
    cgap_split_rows_clear(splits[k]);
    splits[k]->positives.images = images;
    splits[k]->positives.texts = texts;
  }
  if (t->rows)
    cgap_embeddings_clear(&t->rows->e);
  cgap_release_memory(t->plan.needed_bytes, t->plan.memory_bytes);
}

void cgap_training_data_clear(cgap_training_data *t)
{
  cgap_split_clear(&t->split);
  cgap_split_rows_clear(&t->training);
  cgap_split_rows_clear(&t->validation);
  cgap_test_set_clear(&t->test);
  for (int k = 0; k < CGAP_GAP_METHODS; k++)
    cgap_head_close(t->method[k]);
  cgap_free(t->split_of_row);
  cgap_free(t->training_hash);
  clear_rows(t->rows);
  cgap_held_out_clear(&t->held_out);
  cgap_class_pairs_clear(&t->class_pairs);
  *t = (cgap_training_data){0};
}

/* ---------------------------------------------------------------- test set */

static size_t bytes_of(const cgap_modality_rows *modality)
{
  return modality->dim * cgap_type_size(modality->source->type);
}

/* place[i]: row of the test set that kept image i became, or SIZE_MAX. Returns how many. */
static size_t place_images(size_t *place, const cgap_split *split, size_t images, int split_index)
{
  size_t count = 0;
  for (size_t i = 0; i < images; i++)
    place[i] = split->of_image[i] == split_index ? count++ : SIZE_MAX;
  return count;
}

static bool copy_images(cgap_test_set *s, const cgap_embeddings *e, const size_t *place, size_t count)
{
  const cgap_data *d = e->data;
  const size_t bytes = bytes_of(&e->image);
  const bool held = e->image.raw;
  s->image = held ? cgap_alloc(count, bytes) : NULL;
  s->image_row = cgap_alloc(count, sizeof *s->image_row);
  s->labels = d->labels ? cgap_alloc(count, sizeof *s->labels) : NULL;
  s->image_label = d->image_label ? cgap_alloc(count, sizeof *s->image_label) : NULL;
  if ((held && !s->image) || !s->image_row || (d->labels && !s->labels) || (d->image_label && !s->image_label))
    return false;
  for (size_t i = 0; i < e->image.rows; i++) {
    const size_t row = e->image.file_row[i], to = place[i];
    if (to == SIZE_MAX)
      continue;
    if (held)
      memcpy(s->image + to * bytes, e->image.raw + i * bytes, bytes);
    s->image_row[to] = row;
    if (s->labels)
      s->labels[to] = d->labels[row];
    if (s->image_label)
      s->image_label[to] = d->image_label[row];
  }
  return true;
}

/* Of texts that all images of a class share, the test set has one for each image, the prompts in turn. */
static bool is_tested(const cgap_embeddings *e, size_t text, size_t image)
{
  const size_t prompts = e->data->prompts ? e->data->prompts : 1;
  return !e->data->texts_are_classes || e->text.file_row[text] % prompts == image % prompts;
}

static size_t count_tested(const cgap_embeddings *e, const size_t *place)
{
  size_t count = 0;
  for (size_t j = 0; j < e->text.rows; j++) {
    const size_t image = place[e->pairs.image_of[j]];
    count += image != SIZE_MAX && is_tested(e, j, image);
  }
  return count;
}

static bool copy_texts(cgap_test_set *s, const cgap_embeddings *e, const size_t *place, size_t count)
{
  const size_t bytes = bytes_of(&e->text);
  const bool held = e->text.raw;
  size_t to = 0;
  s->text = held ? cgap_alloc(count, bytes) : NULL;
  s->text_row = cgap_alloc(count, sizeof *s->text_row);
  s->text_image = cgap_alloc(count, sizeof *s->text_image);
  if ((held && !s->text) || !s->text_row || !s->text_image)
    return false;
  for (size_t j = 0; j < e->text.rows; j++) {
    const size_t image = place[e->pairs.image_of[j]];
    if (image == SIZE_MAX || !is_tested(e, j, image))
      continue;
    if (held)
      memcpy(s->text + to * bytes, e->text.raw + j * bytes, bytes);
    s->text_row[to] = e->text.file_row[j];
    s->text_image[to++] = image;
  }
  return true;
}

/* The queries whose image is in the test set. of_row: its row for a row of the file, SIZE_MAX: none. */
static bool copy_queries(cgap_test_set *s, const cgap_data *d, const size_t *of_row)
{
  enum { COLUMNS = 4 };
  size_t count = 0;
  s->query = cgap_alloc(COLUMNS * d->queries, sizeof *s->query);
  s->query_weight = d->query_weight ? cgap_alloc(d->queries, sizeof *s->query_weight) : NULL;
  if (!s->query || (d->query_weight && !s->query_weight))
    return false;
  for (size_t q = 0; q < d->queries; q++) {
    const int64_t *query = d->query + COLUMNS * q;
    const size_t image = query[0] >= 0 && (uint64_t)query[0] < d->image.rows ? of_row[query[0]] : SIZE_MAX;
    if (image == SIZE_MAX)
      continue;
    memcpy(s->query + COLUMNS * count, query, COLUMNS * sizeof *query);
    s->query[COLUMNS * count] = (int64_t)image;
    if (s->query_weight)
      s->query_weight[count] = d->query_weight[q];
    count++;
  }
  s->data.query = s->query;
  s->data.query_weight = s->query_weight;
  s->data.queries = count;
  return true;
}

static bool has_arithmetic(const cgap_data *d)
{
  return d->words.rows > 0 && d->image_label && d->query && d->queries > 0;
}

/* The rows as a source: a copy in memory, or picked from the whole. */
static bool view_rows(cgap_source *out, cgap_picked_rows **picked, const cgap_modality_rows *modality,
                      const unsigned char *copy, const size_t *rows, size_t count)
{
  if (copy)
    *out = cgap_source_view(copy, count, modality->dim, modality->source->type, modality->source->name);
  else
    *picked = cgap_picked_rows_open(out, modality->source, rows, count);
  return copy || *picked;
}

static bool fill_test_set(cgap_test_set *s, const cgap_embeddings *e, const size_t *place, size_t images,
                          size_t *of_row)
{
  const cgap_data *d = e->data;
  const size_t texts = count_tested(e, place);
  if (!copy_images(s, e, place, images) || !copy_texts(s, e, place, texts))
    return false;
  s->data = (cgap_data){
    .pairing = CGAP_BY_INDEX,
    .text_image = s->text_image,
    .drop_bad = d->drop_bad,
    .labels = s->labels,
    .class_text = d->class_text,
    .prompts = d->prompts,
  };
  if (!view_rows(&s->data.image, &s->picked[0], &e->image, s->image, s->image_row, images) ||
      !view_rows(&s->data.text, &s->picked[1], &e->text, s->text, s->text_row, texts))
    return false;
  if (!has_arithmetic(d))
    return true;
  for (size_t row = 0; row < d->image.rows; row++)
    of_row[row] = SIZE_MAX;
  for (size_t k = 0; k < images; k++)
    of_row[s->image_row[k]] = k;
  s->data.words = d->words;
  s->data.image_label = s->image_label;
  return copy_queries(s, d, of_row);
}

cgap_status cgap_test_set_init(cgap_test_set *out, const cgap_embeddings *e, const cgap_split *split, int split_index,
                               cgap_error *error)
{
  *out = (cgap_test_set){0};
  size_t *place = cgap_alloc(e->image.rows, sizeof *place);
  size_t *of_row = cgap_alloc(has_arithmetic(e->data) ? e->data->image.rows : 0, sizeof *of_row);
  const bool ok =
    place && of_row && fill_test_set(out, e, place, place_images(place, split, e->image.rows, split_index), of_row);
  cgap_free(place);
  cgap_free(of_row);
  if (ok)
    return CGAP_OK;
  cgap_test_set_clear(out);
  return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for the test part", e->image.source->name);
}

void cgap_test_set_clear(cgap_test_set *s)
{
  cgap_free(s->image);
  cgap_free(s->text);
  cgap_picked_rows_close(s->picked[0]);
  cgap_picked_rows_close(s->picked[1]);
  cgap_free(s->text_image);
  cgap_free(s->image_row);
  cgap_free(s->text_row);
  cgap_free(s->labels);
  cgap_free(s->image_label);
  cgap_free(s->query);
  cgap_free(s->query_weight);
  *s = (cgap_test_set){0};
}

/* ---------------------------------------------------------------- rows of the file */

static void map_rows(size_t *rows, size_t count, const size_t *to)
{
  for (size_t k = 0; rows && k < count; k++)
    rows[k] = to[rows[k]];
}

static void map_checks(cgap_modality_checks *c, const size_t *to)
{
  cgap_check *all[] = {&c->not_finite, &c->zero, &c->off_unit, &c->duplicates, &c->near_duplicates};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++)
    map_rows(all[k]->examples, all[k]->example_count, to);
}

static void map_hubs(cgap_hubness *h, const size_t *to)
{
  for (size_t k = 0; k < h->hub_count; k++)
    h->hubs[k].row = to[h->hubs[k].row];
}

void cgap_test_set_map_rows(cgap_audit *a, const cgap_test_set *s)
{
  map_rows(a->image_row, a->images, s->image_row);
  map_rows(a->text_row, a->texts, s->text_row);
  map_checks(&a->checks_image, s->image_row);
  map_checks(&a->checks_text, s->text_row);
  map_hubs(&a->hubs_image_to_text, s->text_row);
  map_hubs(&a->hubs_text_to_image, s->image_row);
  for (size_t k = 0; k < a->worst_count; k++)
    a->worst[k] = (cgap_pair){s->image_row[a->worst[k].image], s->text_row[a->worst[k].text], a->worst[k].cosine};
  for (size_t k = 0; k < a->scatter_images; k++)
    a->scatter_image[k].row = s->image_row[a->scatter_image[k].row];
  for (size_t k = 0; k < a->scatter_texts; k++)
    a->scatter_text[k].row = s->text_row[a->scatter_text[k].row];
}

/* ---------------------------------------------------------------- through a head */

/* Where new rows go: all at once into memory, or block by block into a file. */
typedef struct transformed_rows {
  float *all, *block; /* (rows, dim), or NULL and (CGAP_TRANSFORM_ROWS, dim) */
  cgap_spill_file *spill;
} transformed_rows;

static cgap_status open_place(transformed_rows *p, cgap_source *view, const cgap_source *in, size_t dim, bool spill,
                              cgap_error *error)
{
  size_t count = 0;
  *p = (transformed_rows){0};
  if (spill) {
    p->block = cgap_alloc(CGAP_TRANSFORM_ROWS, dim * sizeof *p->block);
    return p->block ? cgap_spill_file_open(&p->spill, view, in->rows, dim, CGAP_FLOAT32, in->name, error)
                    : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for new rows", in->name);
  }
  p->all = cgap_product(&count, in->rows, dim) ? cgap_alloc(count, sizeof *p->all) : NULL;
  if (!p->all)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu new rows", in->name, in->rows);
  *view = cgap_source_view(p->all, in->rows, dim, CGAP_FLOAT32, in->name);
  return CGAP_OK;
}

/* leave_bad: a bad row becomes zeros, which an audit leaves out as it does the bad row. */
static cgap_status transform_rows(transformed_rows *p, cgap_source *view, const cgap_source *in, const cgap_head *head,
                                  int modality, bool spill, bool leave_bad, int threads, cgap_error *error)
{
  const size_t dim = head->layers.shape.dim, rows = in->rows;
  bool bad[CGAP_TRANSFORM_ROWS] = {false};
  cgap_row_reader reader = {0};
  cgap_status status = open_place(p, view, in, dim, spill, error);
  if (status == CGAP_OK)
    status = cgap_row_reader_init(&reader, in, rows < CGAP_TRANSFORM_ROWS ? rows : CGAP_TRANSFORM_ROWS, error);
  for (size_t first = 0; status == CGAP_OK && first < rows; first += CGAP_TRANSFORM_ROWS) {
    const size_t count = rows - first < CGAP_TRANSFORM_ROWS ? rows - first : CGAP_TRANSFORM_ROWS;
    float *to = p->spill ? p->block : p->all + first * dim;
    status =
      cgap_head_transform_rows(head, &reader, modality, first, count, leave_bad ? bad : NULL, to, threads, error);
    if (status == CGAP_OK && p->spill)
      status = cgap_spill_file_add(p->spill, to, count, error);
  }
  cgap_row_reader_clear(&reader);
  cgap_free(p->block);
  return status;
}

cgap_status cgap_transformed_init(cgap_transformed *out, const cgap_data *data, const cgap_head *head, bool spill,
                                  int threads, cgap_error *error)
{
  *out = (cgap_transformed){.data = *data};
  const cgap_source *const in[] = {&data->image, &data->text, &data->class_text, &data->words};
  cgap_source *const view[] = {&out->data.image, &out->data.text, &out->data.class_text, &out->data.words};
  cgap_status status = CGAP_OK;
  for (int k = 0; status == CGAP_OK && k < CGAP_TRANSFORMED; k++) {
    const bool paired = k < CGAP_MODALITIES;
    transformed_rows at = {0};
    if (paired || in[k]->rows)
      status = transform_rows(&at, view[k], in[k], head, k == 0 ? CGAP_IMAGE_MODALITY : CGAP_TEXT_MODALITY,
                              spill && paired, data->drop_bad && !paired, threads, error);
    out->rows[k] = at.all;
    out->spilled[k] = at.spill;
  }
  if (status != CGAP_OK)
    cgap_transformed_clear(out);
  return status;
}

void cgap_transformed_clear(cgap_transformed *t)
{
  for (int k = 0; k < CGAP_TRANSFORMED; k++) {
    cgap_free(t->rows[k]);
    cgap_spill_file_close(t->spilled[k]);
  }
  *t = (cgap_transformed){0};
}
