/* Training whose rows stay in the file: the same bits as with all of them in memory, whatever the file, and what is put
 * aside where single rows cannot be read. */
#include "h5_make.h"
#include "head/evaluation/evaluation.h"
#include "head/training/training_run.h"
#include "simulate/simulate.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { IMAGES = 900, DIM = 40 };

/* Data of one type: every twentieth image repeats the one before, every tenth text is twice as long as it was. */
typedef struct read_world {
  cgap_simulation simulation;
  void *image, *text;
  cgap_data data;
} read_world;

static read_world world_init(cgap_type type, size_t captions)
{
  read_world w = {0};
  cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
  o.images = IMAGES;
  o.dim = DIM;
  o.captions_least = 1;
  o.captions_most = captions;
  cr_assert_eq(cgap_simulate(&w.simulation, &o, NULL), CGAP_OK);
  cgap_simulation *s = &w.simulation;
  for (size_t i = 20; i < s->images; i += 20)
    memcpy(s->image + i * DIM, s->image + (i - 1) * DIM, DIM * sizeof *s->image);
  for (size_t j = 10; j < s->texts; j += 10)
    for (size_t k = 0; k < DIM; k++)
      s->text[j * DIM + k] *= 2;
  w.image = support_encode(s->image, s->images * DIM, type);
  w.text = support_encode(s->text, s->texts * DIM, type);
  w.data = cgap_simulation_data(s);
  w.data.image = cgap_source_view(w.image, s->images, DIM, type, "image");
  w.data.text = cgap_source_view(w.text, s->texts, DIM, type, "text");
  return w;
}

static void world_clear(read_world *w)
{
  cgap_simulation_clear(&w->simulation);
  free(w->image);
  free(w->text);
}

static cgap_train_options quick_options(void)
{
  cgap_train_options o = CGAP_TRAIN_OPTIONS_INIT;
  o.batch = 64;
  o.epochs = 3;
  o.seed = 3;
  o.threads = 2;
  return o;
}

/* As much memory as is just not enough for all rows. */
static cgap_train_options without_room(const cgap_train_options *options, const cgap_data *data)
{
  cgap_train_options o = *options;
  cgap_memory_plan plan;
  cgap_error error = {0};
  cr_assert_eq(cgap_plan_training(&plan, data, options, &error), CGAP_OK, "%s", error.message);
  cr_assert(plan.resident);
  o.memory_bytes = plan.resident_bytes - 1;
  return o;
}

typedef struct outcome {
  cgap_training_data training_data;
  cgap_training_result training_result;
} outcome;

/* A trial made ready for some options, and a training with others. */
static outcome train_other(const cgap_data *data, const cgap_train_options *o, const cgap_train_options *fit,
                           bool reads)
{
  outcome out;
  cgap_error error = {0};
  const cgap_training_output nowhere = {0};
  cr_assert_eq(cgap_training_data_open(&out.training_data, data, o, true, &error), CGAP_OK, "%s", error.message);
  cr_assert_eq(out.training_data.plan.resident, !reads);
  cr_assert_eq(!out.training_data.training.image, reads);
  cr_assert_eq(cgap_training_run(&out.training_result, &out.training_data, fit, &nowhere, NULL, &error), CGAP_OK, "%s",
               error.message);
  return out;
}

static outcome train(const cgap_data *data, const cgap_train_options *o, bool reads)
{
  return train_other(data, o, o, reads);
}

static void outcome_clear(outcome *o)
{
  cgap_training_result_clear(&o->training_result);
  cgap_training_data_clear(&o->training_data);
}

static void expect_same_head(const char *where, const cgap_head *a, const cgap_head *b)
{
  cr_assert_eq(a->layers.count, b->layers.count);
  cr_expect_eq(memcmp(a->parameters, b->parameters, a->layers.count * sizeof(float)), 0, "%s: other bits", where);
  cr_expect_eq(a->kept_epoch, b->kept_epoch);
}

static void expect_same_source(const char *where, const cgap_source *a, const cgap_source *b)
{
  cr_assert_eq(a->rows, b->rows);
  const size_t row = a->dim * cgap_type_size(a->type);
  unsigned char *x = support_alloc(a->rows, row), *y = support_alloc(a->rows, row);
  cr_assert_eq(a->read(a, 0, a->rows, x, NULL), CGAP_OK);
  cr_assert_eq(b->read(b, 0, 7, y, NULL), CGAP_OK); /* from the middle on as well */
  cr_assert_eq(b->read(b, 7, b->rows - 7, y + 7 * row, NULL), CGAP_OK);
  cr_expect_eq(memcmp(x, y, a->rows * row), 0, "%s: other rows", where);
  free(x);
  free(y);
}

/* Heads, every epoch's numbers, training-free methods and the test part. */
static void expect_same(const char *where, const cgap_data *data, const cgap_train_options *options)
{
  const cgap_train_options less = without_room(options, data);
  outcome held = train(data, options, false), read = train(data, &less, true);
  expect_same_head(where, held.training_result.head, read.training_result.head);
  cr_assert_eq(held.training_result.history.count, read.training_result.history.count);
  for (size_t k = 0; k < held.training_result.history.count; k++) {
    const cgap_epoch *a = &held.training_result.history.epoch[k], *b = &read.training_result.history.epoch[k];
    cr_expect(support_same(where, "training", b->training.total, a->training.total));
    cr_expect(support_same(where, "validation", b->validation.total, a->validation.total));
    cr_expect(support_same(where, "gap", b->validation_gap, a->validation_gap));
  }
  for (int k = 0; k < CGAP_GAP_METHODS; k++)
    expect_same_head(cgap_gap_method_name((cgap_gap_method)k), held.training_data.method[k],
                     read.training_data.method[k]);
  expect_same_source(where, &held.training_data.test.data.image, &read.training_data.test.data.image);
  expect_same_source(where, &held.training_data.test.data.text, &read.training_data.test.data.text);
  outcome_clear(&held);
  outcome_clear(&read);
}

Test(head_reads, every_type_has_the_bits_it_has_in_memory)
{
  const cgap_train_options o = quick_options();
  for (int type = CGAP_FLOAT16; type <= CGAP_FLOAT64; type++) {
    read_world w = world_init((cgap_type)type, 1);
    expect_same(cgap_type_name((cgap_type)type), &w.data, &o);
    world_clear(&w);
  }
}

Test(head_reads, whatever_the_options)
{
  read_world w = world_init(CGAP_FLOAT16, 4);
  cgap_train_options o = quick_options();
  expect_same("captions", &w.data, &o);
  o.keep_duplicates = true;
  o.noise = 0.2;
  o.training_images = 400;
  expect_same("noise, fewer images", &w.data, &o);
  o = quick_options();
  o.head = CGAP_HEAD_MLP;
  o.learn_temperature = true;
  o.threads = 1;
  expect_same("mlp, one thread", &w.data, &o);
  o.head = CGAP_HEAD_LINEAR;
  o.batch = 300;
  o.validation = 0;
  o.patience = 0;
  o.threads = 3;
  expect_same("no validation", &w.data, &o);
  world_clear(&w);
}

/* Of so few rows one batch of all takes as much from the file as in memory: it is left out of the plan. */
Test(head_reads, one_batch_of_all)
{
  read_world w = world_init(CGAP_FLOAT16, 2);
  const cgap_train_options o = quick_options(), less = without_room(&o, &w.data);
  cgap_train_options all = o;
  all.batch = 0;
  outcome held = train_other(&w.data, &o, &all, false), read = train_other(&w.data, &less, &all, true);
  expect_same_head("one batch", held.training_result.head, read.training_result.head);
  outcome_clear(&held);
  outcome_clear(&read);
  world_clear(&w);
}

Test(head_reads, dropped_rows_stay_out)
{
  read_world w = world_init(CGAP_FLOAT32, 2);
  float *image = w.image, *text = w.text;
  for (size_t i = 3; i < w.data.image.rows; i += 17)
    image[i * DIM + 1] = NAN;
  for (size_t j = 5; j < w.data.text.rows; j += 23)
    memset(text + j * DIM, 0, DIM * sizeof *text);
  w.data.drop_bad = true;
  const cgap_train_options o = quick_options();
  expect_same("dropped", &w.data, &o);
  world_clear(&w);
}

/* ---------------------------------------------------------------- files */

static cgap_dataset *open_file(const char *folder, const char *name, h5_layout layout)
{
  char path[400];
  const char *files[] = {path};
  const cgap_input_options input = {.files = files, .file_count = 1};
  read_world w = world_init(CGAP_FLOAT32, 1);
  cgap_error error = {0};
  cgap_dataset *out = NULL;
  const h5_shape shape = {2, {IMAGES, DIM}};
  const hid_t file = h5_create(folder, name);
  h5_floats(file, "/image", shape, w.simulation.image, (h5_storage){CGAP_FLOAT16, false, layout});
  h5_floats(file, "/text", shape, w.simulation.text, (h5_storage){CGAP_FLOAT16, layout == H5_CONTIGUOUS, layout});
  h5_close(file);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  cr_assert_eq(cgap_dataset_open(&out, &input, &error), CGAP_OK, "%s", error.message);
  world_clear(&w);
  return out;
}

/* Rows that lie one after the other are read where they are; chunks are put aside first, where there is room. */
Test(head_reads, files_of_every_layout)
{
  static const h5_layout LAYOUTS[] = {H5_CONTIGUOUS, H5_CHUNKED, H5_GZIP, H5_SHUFFLE};
  const cgap_train_options o = quick_options();
  cgap_head *first = NULL;
  char folder[300], name[40];
  support_directory(folder, sizeof folder);
  for (size_t k = 0; k < sizeof LAYOUTS / sizeof *LAYOUTS; k++) {
    snprintf(name, sizeof name, "layout%zu.h5", k);
    cgap_dataset *file = open_file(folder, name, LAYOUTS[k]);
    const cgap_data *data = cgap_dataset_data(file);
    const cgap_train_options less = without_room(&o, data);
    cgap_memory_plan plan;
    cr_assert_eq(cgap_plan_training(&plan, data, &less, NULL), CGAP_OK);
    cr_expect_eq(plan.spill[0], LAYOUTS[k] != H5_CONTIGUOUS);
    cr_expect_eq(plan.spill_bytes, LAYOUTS[k] == H5_CONTIGUOUS ? 0 : 2 * IMAGES * DIM * 2);
    expect_same(name, data, &o);
    outcome read = train(data, &less, true);
    if (first)
      expect_same_head(name, first, read.training_result.head);
    else {
      first = read.training_result.head;
      read.training_result.head = NULL;
    }
    outcome_clear(&read);
    cgap_dataset_close(file);
  }
  cgap_head_close(first);
  support_remove(folder);
}

Test(head_reads, no_room_to_put_rows_aside)
{
  char folder[300];
  support_directory(folder, sizeof folder);
  cgap_dataset *file = open_file(folder, "packed.h5", H5_GZIP);
  const cgap_data *data = cgap_dataset_data(file);
  cgap_train_options o = quick_options();
  o = without_room(&o, data);
  cgap_training_data training_data;
  cgap_error error = {0};
  signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small = {4096, RLIM_INFINITY}, any = {RLIM_INFINITY, RLIM_INFINITY};
  cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
  cr_expect_eq(cgap_training_data_open(&training_data, data, &o, true, &error), CGAP_RESOURCE);
  cr_assert_eq(setrlimit(RLIMIT_FSIZE, &any), 0);
  cr_expect(strstr(error.message, "TMPDIR"), "%s", error.message);
  cgap_training_data_clear(&training_data);
  setenv("TMPDIR", "/nowhere/at/all", 1);
  cr_expect_eq(cgap_training_data_open(&training_data, data, &o, true, &error), CGAP_FILE);
  cr_expect(strstr(error.message, "/nowhere/at/all"), "%s", error.message);
  cgap_training_data_clear(&training_data);
  unsetenv("TMPDIR");
  cgap_dataset_close(file);
  support_remove(folder);
}

/* ---------------------------------------------------------------- resuming */

static bool stop_later(void *context, const char *phase, double fraction)
{
  size_t *left = context;
  (void)fraction;
  return strcmp(phase, "training") == 0 && (*left)-- == 0;
}

/* Interrupted in the middle of epochs, and gone on with by turns in memory and out of the file. */
Test(head_reads, a_run_goes_on_either_way)
{
  read_world w = world_init(CGAP_FLOAT16, 2);
  const cgap_train_options o = quick_options(), less = without_room(&o, &w.data);
  outcome whole = train(&w.data, &o, false);
  cgap_training_data trials[2];
  cgap_error error = {0};
  cr_assert_eq(cgap_training_data_open(&trials[0], &w.data, &o, false, &error), CGAP_OK, "%s", error.message);
  cr_assert_eq(cgap_training_data_open(&trials[1], &w.data, &less, false, &error), CGAP_OK, "%s", error.message);
  char folder[300];
  support_directory(folder, sizeof folder);
  cgap_training_result pieces = {0};
  cgap_status status = CGAP_INTERRUPTED;
  size_t turns = 0, left = 0;
  for (; status == CGAP_INTERRUPTED; turns++) {
    cr_assert_lt(turns, 100);
    cgap_training_result_clear(&pieces);
    left = 5 + turns % 3;
    cgap_train_options now = turns % 2 ? less : o;
    now.progress = (cgap_progress){stop_later, &left};
    const cgap_training_output store = {.folder = folder, .prefix = "", .resume = turns > 0};
    status = cgap_training_run(&pieces, &trials[turns % 2], &now, &store, NULL, &error);
  }
  cr_assert_eq(status, CGAP_OK, "%s", error.message);
  cr_expect_gt(turns, 4);
  expect_same_head("by turns", whole.training_result.head, pieces.head);
  support_remove(folder);
  cgap_training_result_clear(&pieces);
  cgap_training_data_clear(&trials[0]);
  cgap_training_data_clear(&trials[1]);
  outcome_clear(&whole);
  world_clear(&w);
}

/* ---------------------------------------------------------------- before and after */

Test(head_reads, before_and_after_are_the_same)
{
  read_world w = world_init(CGAP_FLOAT16, 2);
  const cgap_train_options o = quick_options(), less = without_room(&o, &w.data);
  outcome held = train(&w.data, &o, false), read = train(&w.data, &less, true);
  cgap_evaluation studies[2];
  for (int k = 0; k < 2; k++) {
    outcome *out = k ? &read : &held;
    const cgap_evaluated_head entrants[] = {{.name = "before"}, {.name = "after", .head = out->training_result.head}};
    cgap_error error = {0};
    cgap_training_data_release_rows(&out->training_data);
    const cgap_evaluation_options how = {.threads = 2,
                                         .memory_bytes =
                                           cgap_plan_test_memory(&out->training_data.plan, k ? &less : &o,
                                                                 &out->training_data.test.data, out->training_data.dim),
                                         .spill = !out->training_data.plan.resident};
    cr_assert_eq(cgap_evaluation_run(&studies[k], &out->training_data.test, entrants, 2, &how, &error), CGAP_OK, "%s",
                 error.message);
  }
  for (int k = 0; k < 2; k++) {
    const cgap_audit *a = &studies[0].audit[k], *b = &studies[1].audit[k];
    cr_expect_eq(a->gap.centroid_distance.value, b->gap.centroid_distance.value);
    cr_expect_eq(a->uniformity.cross.value, b->uniformity.cross.value);
    cr_expect_eq(a->loss.clip.value, b->loss.clip.value);
    cr_expect_eq(a->text_to_image.mrr.value, b->text_to_image.mrr.value);
    cr_expect_eq(a->worst[0].text, b->worst[0].text);
  }
  const cgap_comparison *a = &studies[0].comparison, *b = &studies[1].comparison;
  size_t intervals = 0;
  for (size_t e = 0; e < a->entries; e++) {
    const cgap_change *x = &a->change[a->entries + e], *y = &b->change[b->entries + e];
    cr_expect(support_same("interval", "lo", y->lo, x->lo) && support_same("interval", "hi", y->hi, x->hi));
    intervals += isfinite(x->lo);
  }
  cr_expect_gt(intervals, 5);
  cgap_evaluation_clear(&studies[0]);
  cgap_evaluation_clear(&studies[1]);
  outcome_clear(&held);
  outcome_clear(&read);
  world_clear(&w);
}

/* ---------------------------------------------------------------- limits */

Test(head_reads, what_is_refused_says_what_works)
{
  read_world w = world_init(CGAP_FLOAT16, 1);
  cgap_train_options o = quick_options();
  cgap_memory_plan plan;
  cgap_error error = {0};
  o.memory_bytes = 1 << 20;
  cr_expect_eq(cgap_plan_training(&plan, &w.data, &o, &error), CGAP_RESOURCE);
  const char *least = strstr(error.message, "give --memory ");
  cr_assert(least, "%s", error.message);
  o.memory_bytes = strtoull(least + strlen("give --memory "), NULL, 10) << 20;
  cr_expect_eq(cgap_plan_training(&plan, &w.data, &o, &error), CGAP_OK, "%s", error.message);
  world_clear(&w);
}

/* One batch of all is read whole beside the rows on their way: of few rows that takes more than to hold them. */
Test(head_reads, rows_stay_in_memory_where_reading_takes_more)
{
  read_world w = world_init(CGAP_FLOAT16, 1);
  cgap_train_options o = quick_options();
  cgap_memory_plan plan;
  cgap_error error = {0};
  o.batch = 0;
  o.head = CGAP_HEAD_MLP;
  o.hidden = 4096;
  cr_assert_eq(cgap_plan_training(&plan, &w.data, &o, &error), CGAP_OK, "%s", error.message);
  const uint64_t held = plan.resident_bytes;
  o.memory_bytes = held - (1 << 20);
  cr_expect_eq(cgap_plan_training(&plan, &w.data, &o, &error), CGAP_RESOURCE);
  cr_expect(plan.resident);
  cr_expect_eq(plan.needed_bytes, held);
  world_clear(&w);
}

static void expect_way_out(const cgap_data *data, cgap_train_options o, uint64_t memory, const char *words)
{
  cgap_memory_plan plan;
  cgap_error error = {0};
  o.memory_bytes = memory;
  cr_expect_eq(cgap_plan_training(&plan, data, &o, &error), CGAP_RESOURCE);
  if (words)
    cr_expect(strstr(error.message, words), "%s", error.message);
  else
    cr_expect_null(strstr(error.message, "smaller"), "%s", error.message);
}

/* No option takes less than the program does without any rows. */
Test(head_reads, a_way_out_is_named_where_it_is_one)
{
  read_world w = world_init(CGAP_FLOAT16, 1);
  cgap_train_options o = quick_options();
  cgap_memory_plan plan;
  cr_assert_eq(cgap_plan_training(&plan, &w.data, &o, NULL), CGAP_OK);
  expect_way_out(&w.data, o, 30 << 20, NULL);
  o.head = CGAP_HEAD_MLP;
  o.hidden = 65536;
  expect_way_out(&w.data, o, 30 << 20, NULL);
  expect_way_out(&w.data, o, 80 << 20, "or a smaller batch");
  world_clear(&w);
}

/* Training-free methods of whole data, for apply. */
Test(head_reads, closers_fitted_within_a_limit)
{
  read_world w = world_init(CGAP_FLOAT16, 3);
  for (int k = 0; k < CGAP_GAP_METHODS; k++) {
    const cgap_gap_method method = (cgap_gap_method)k;
    const bool rows = method != CGAP_CENTER && method != CGAP_SHIFT;
    cgap_head *held = NULL, *read = NULL;
    cgap_memory_plan plan;
    cr_assert_eq(cgap_plan_gap_method(&plan, &w.data, rows, "it", 0, NULL), CGAP_OK);
    const uint64_t limit = plan.resident_bytes - rows;
    cr_assert_eq(cgap_gap_method_fit(&held, method, 1, &w.data, 2, (cgap_progress){0}, NULL), CGAP_OK);
    cr_assert_eq(cgap_plan_gap_method(&plan, &w.data, rows, "it", limit, NULL), CGAP_OK);
    cr_expect_eq(plan.resident, !rows);
    cr_assert_eq(cgap_gap_method_fit_within(&read, method, 1, &w.data, 2, limit, (cgap_progress){0}, NULL), CGAP_OK);
    expect_same_head(cgap_gap_method_name(method), held, read);
    cgap_head_close(held);
    cgap_head_close(read);
  }
  world_clear(&w);
}
