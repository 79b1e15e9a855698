/* Training as a whole: the same bits for any number of threads and after any interruption; files that come back; what
 * diverges is stopped. */
#include "head/training/training_run.h"
#include "io/write/writer.h"
#include "simulate/simulate.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct training_setting {
  cgap_simulation simulation;
  cgap_data data;
  cgap_train_options options;
  cgap_training_data training_data;
} training_setting;

static cgap_train_options quick_options(void)
{
  cgap_train_options o = CGAP_TRAIN_OPTIONS_INIT;
  o.batch = 32;
  o.epochs = 6;
  o.seed = 3;
  o.threads = 1;
  return o;
}

static training_setting setting_init(size_t images, size_t captions, const cgap_train_options *options)
{
  training_setting s = {.options = *options};
  cgap_error error = {0};
  cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
  o.images = images;
  o.dim = 24;
  o.captions_least = o.captions_most = captions;
  cr_assert_eq(cgap_simulate(&s.simulation, &o, &error), CGAP_OK, "%s", error.message);
  s.data = cgap_simulation_data(&s.simulation);
  cr_assert_eq(cgap_training_data_open(&s.training_data, &s.data, options, true, &error), CGAP_OK, "%s", error.message);
  return s;
}

static void setting_clear(training_setting *s)
{
  cgap_training_data_clear(&s->training_data);
  cgap_simulation_clear(&s->simulation);
}

static cgap_training_result fit(const training_setting *s, const cgap_train_options *o)
{
  cgap_training_result f;
  cgap_error error = {0};
  const cgap_training_output nowhere = {0};
  cr_assert_eq(cgap_training_run(&f, &s->training_data, o, &nowhere, NULL, &error), CGAP_OK, "%s", error.message);
  return f;
}

static void expect_same_head(const char *where, const cgap_head *a, const cgap_head *b)
{
  cr_assert_eq(a->layers.count, b->layers.count);
  cr_expect_eq(memcmp(a->parameters, b->parameters, a->layers.count * sizeof(float)), 0, "%s: other bits", where);
  cr_expect_eq(a->kept_epoch, b->kept_epoch);
}

/* A batch large enough for threads to share it */
Test(head_train, threads_leave_the_bits)
{
  cgap_train_options o = quick_options();
  o.batch = 700;
  o.epochs = 3;
  training_setting s = setting_init(1200, 1, &o);
  cgap_training_result one = fit(&s, &o);
  o.threads = 3;
  cgap_training_result three = fit(&s, &o);
  expect_same_head("threads", one.head, three.head);
  cgap_training_result_clear(&one);
  cgap_training_result_clear(&three);
  setting_clear(&s);
}

Test(head_train, the_loss_falls_and_the_gap_closes)
{
  cgap_train_options o = quick_options();
  o.start = CGAP_START_IDENTITY;
  o.temperature = 0.05;
  o.learning_rate = 3e-3;
  o.epochs = 30;
  o.patience = 0;
  training_setting s = setting_init(400, 1, &o);
  cgap_training_result f = fit(&s, &o);
  const cgap_epoch *first = &f.history.epoch[0], *last = &f.history.epoch[f.history.count - 1];
  cr_assert_eq(f.history.count, 30);
  cr_expect_eq(f.kept_epoch, 30);
  cr_expect_lt(last->training.total, first->training.total - 1);
  cr_expect_lt(last->validation.total, f.start.validation.total);
  cr_expect_lt(last->validation_gap, f.start.validation_gap / 2);
  cgap_training_result_clear(&f);
  setting_clear(&s);
}

Test(head_train, patience_keeps_the_lowest_validation_loss)
{
  cgap_train_options o = quick_options();
  o.epochs = 200;
  o.patience = 4;
  o.learning_rate = 3e-3; /* learns the training part by heart */
  training_setting s = setting_init(150, 1, &o);
  cgap_training_result f = fit(&s, &o);
  size_t best = 0;
  for (size_t k = 0; k < f.history.count; k++)
    best = f.history.epoch[k].validation.total < f.history.epoch[best].validation.total ? k : best;
  cr_expect_lt(f.history.count, 200);
  cr_expect_eq(f.kept_epoch, best + 1);
  cr_expect_eq(f.history.count, best + 1 + 4);
  cgap_training_result_clear(&f);
  setting_clear(&s);
}

/* Asks to stop at the n-th step. */
typedef struct stopper {
  size_t left;
} stopper;

static bool stop_later(void *context, const char *phase, double fraction)
{
  stopper *s = context;
  (void)phase, (void)fraction;
  return s->left-- == 0;
}

/* Interrupted in the middle of epochs, again and again. */
Test(head_train, a_resumed_run_has_the_same_bits)
{
  cgap_train_options o = quick_options();
  o.learn_temperature = true;
  training_setting s = setting_init(200, 2, &o);
  cgap_training_result whole = fit(&s, &o), pieces;
  char folder[300];
  support_directory(folder, sizeof folder);
  stopper stop;
  o.progress = (cgap_progress){stop_later, &stop};
  cgap_error error = {0};
  cgap_status status = CGAP_INTERRUPTED;
  size_t interruptions = 0;
  for (; status == CGAP_INTERRUPTED; interruptions++) {
    cr_assert_lt(interruptions, 100);
    stop.left = 4 + interruptions % 3;
    const cgap_training_output store = {.folder = folder, .prefix = "", .resume = interruptions > 0};
    status = cgap_training_run(&pieces, &s.training_data, &o, &store, NULL, &error);
    if (status == CGAP_INTERRUPTED)
      cgap_training_result_clear(&pieces);
  }
  cr_assert_eq(status, CGAP_OK, "%s", error.message);
  cr_expect_gt(interruptions, 5);
  expect_same_head("resumed", whole.head, pieces.head);
  cr_expect_eq(whole.head->temperature, pieces.head->temperature);
  cr_assert_eq(whole.history.count, pieces.history.count);
  for (size_t k = 0; k < whole.history.count; k++) {
    cr_expect_eq(whole.history.epoch[k].training.total, pieces.history.epoch[k].training.total);
    cr_expect_eq(whole.history.epoch[k].validation.total, pieces.history.epoch[k].validation.total);
  }
  support_remove(folder);
  cgap_training_result_clear(&whole);
  cgap_training_result_clear(&pieces);
  setting_clear(&s);
}

static void write_bytes(const char *path, const char *bytes, size_t count)
{
  FILE *file = fopen(path, "wb");
  cr_assert(file && fwrite(bytes, 1, count, file) == count && fclose(file) == 0);
}

Test(head_train, damaged_and_foreign_checkpoints_are_refused)
{
  cgap_train_options o = quick_options();
  training_setting s = setting_init(100, 1, &o);
  char folder[300], path[400];
  support_directory(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/checkpoint.bin", folder);
  cgap_trainer t;
  cgap_error error = {0};
  cgap_epoch record;
  cr_assert_eq(cgap_trainer_init(&t, &s.training_data.training, &s.training_data.validation, &o, NULL, &error),
               CGAP_OK);
  cr_assert_eq(cgap_trainer_epoch(&t, &record, &error), CGAP_OK);
  cgap_fingerprint own;
  cr_assert_eq(cgap_fingerprint_of(&own, &t, &error), CGAP_OK);
  cr_assert_eq(cgap_checkpoint_write(&t, own, path, &error), CGAP_OK);
  cr_expect_eq(cgap_checkpoint_read(&t, own, path, &error), CGAP_OK);
  cr_expect_eq(cgap_checkpoint_read(&t, (cgap_fingerprint){own.options + 1, own.data}, path, &error), CGAP_USAGE);
  cr_expect(strstr(error.message, "options"));
  cr_expect_eq(cgap_checkpoint_read(&t, (cgap_fingerprint){own.options, own.data + 1}, path, &error), CGAP_USAGE);
  cr_expect(strstr(error.message, "data"));
  FILE *file = fopen(path, "rb");
  fseek(file, 0, SEEK_END);
  const size_t size = (size_t)ftell(file);
  rewind(file);
  char *bytes = support_alloc(size + 1, 1);
  cr_assert_eq(fread(bytes, 1, size, file), size);
  fclose(file);
  write_bytes(path, bytes, size - 3);
  cr_expect_eq(cgap_checkpoint_read(&t, own, path, &error), CGAP_FILE);
  write_bytes(path, bytes, size + 1);
  cr_expect_eq(cgap_checkpoint_read(&t, own, path, &error), CGAP_FILE);
  write_bytes(path, bytes, 10);
  cr_expect_eq(cgap_checkpoint_read(&t, own, path, &error), CGAP_FILE);
  const size_t at[] = {size / 2, 32, 41}; /* among the arrays; of the options' and the data's fingerprint */
  for (size_t k = 0; k < 3; k++) {
    bytes[at[k]] ^= 1;
    write_bytes(path, bytes, size);
    cr_expect_eq(cgap_checkpoint_read(&t, own, path, &error), CGAP_FILE);
    cr_expect(strstr(error.message, "checksum"), "%s", error.message);
    bytes[at[k]] ^= 1;
  }
  free(bytes);
  cgap_trainer_clear(&t);
  support_remove(folder);
  setting_clear(&s);
}

/* A limit on the file's size stands for a full disk. */
Test(head_train, a_line_that_does_not_fit_is_taken_back)
{
  char folder[300], path[400];
  support_directory(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/history.jsonl", folder);
  cgap_epoch record = {.epoch = 1};
  cgap_error error = {0};
  struct stat facts, after;
  cr_assert_eq(cgap_history_append(path, NULL, 0, &record, &error), CGAP_OK, "%s", error.message);
  cr_assert_eq(stat(path, &facts), 0);
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit before, limit;
  getrlimit(RLIMIT_FSIZE, &before);
  limit = before;
  limit.rlim_cur = (rlim_t)facts.st_size + 10;
  setrlimit(RLIMIT_FSIZE, &limit);
  record.epoch = 2;
  const cgap_status status = cgap_history_append(path, NULL, 0, &record, &error);
  setrlimit(RLIMIT_FSIZE, &before);
  cr_expect_eq(status, CGAP_RESOURCE, "%s", error.message);
  cr_expect(strstr(error.message, "history.jsonl"), "%s", error.message);
  cr_assert_eq(stat(path, &after), 0);
  cr_expect_eq(after.st_size, facts.st_size);
  support_remove(folder);
}

/* The header alone says how large a head is; nothing is asked for before the datasets agree with it. */
Test(head_train, a_head_of_a_size_its_datasets_do_not_have_is_refused)
{
  char folder[300], path[400];
  support_directory(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/head.h5", folder);
  const int64_t shape[] = {1, CGAP_HEAD_LINEAR, 0, 1 << 20, 1 << 20, 0};
  cgap_writer *w = NULL;
  cgap_head *head = NULL;
  cgap_error error = {0};
  cr_assert_eq(cgap_writer_open(&w, path, &error), CGAP_OK);
  cr_assert_eq(cgap_writer_int64(w, "/contragap_head", shape, 6, 0, &error), CGAP_OK);
  cr_assert_eq(cgap_writer_close(w, true, &error), CGAP_OK);
  cr_expect_eq(cgap_head_read(&head, path, &error), CGAP_FILE);
  cr_expect(strstr(error.message, "is missing"), "%s", error.message);
  support_remove(folder);
}

Test(head_train, heads_come_back_from_their_files)
{
  static const cgap_head_shape SHAPES[] = {
    {.kind = CGAP_HEAD_LINEAR, .dim_in = 24, .dim = 7},
    {.kind = CGAP_HEAD_RESIDUAL, .dim_in = 24, .dim = 24, .shared = true},
    {.kind = CGAP_HEAD_MLP, .dim_in = 24, .dim = 24, .hidden = 9},
  };
  char folder[300], path[400];
  support_directory(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/head.h5", folder);
  support_random r = support_seed(1);
  for (size_t k = 0; k < sizeof SHAPES / sizeof *SHAPES; k++) {
    cgap_head *head = cgap_head_new(&SHAPES[k], "{}"), *back = NULL;
    cgap_error error = {0};
    for (size_t i = 0; i < head->layers.count; i++)
      head->parameters[i] = (float)support_normal(&r);
    cr_assert_eq(cgap_head_write(head, path, &error), CGAP_OK, "%s", error.message);
    cr_assert_eq(cgap_head_read(&back, path, &error), CGAP_OK, "%s", error.message);
    expect_same_head("file", head, back);
    const cgap_head_shape got = cgap_head_shape_of(back);
    cr_expect(got.kind == SHAPES[k].kind && got.shared == SHAPES[k].shared && got.dim_in == SHAPES[k].dim_in &&
              got.dim == SHAPES[k].dim && got.hidden == SHAPES[k].hidden);
    cgap_head_close(head);
    cgap_head_close(back);
  }
  support_remove(folder);
}

Test(head_train, a_rate_without_measure_is_stopped_and_the_last_good_state_kept)
{
  cgap_train_options o = quick_options();
  o.learning_rate = 1e37;
  o.schedule = CGAP_SCHEDULE_CONSTANT;
  training_setting s = setting_init(100, 1, &o);
  cgap_training_result f;
  cgap_error error = {0};
  const cgap_training_output nowhere = {0};
  cr_expect_eq(cgap_training_run(&f, &s.training_data, &o, &nowhere, NULL, &error), CGAP_USAGE);
  cr_expect(strstr(error.message, "diverged") && strstr(error.message, "lower learning rate"), "%s", error.message);
  cr_assert_not_null(f.head);
  for (size_t k = 0; k < f.head->layers.count; k++)
    cr_assert(isfinite(f.head->parameters[k]));
  cgap_training_result_clear(&f);
  setting_clear(&s);
}

/* ‖mean image − mean text‖ of the training part through a training-free method */
static double gap_through(const cgap_head *head, const cgap_split_rows *part)
{
  const size_t dim = part->dim, rows[] = {part->positives.images, part->positives.texts};
  double square = 0, *mean = support_alloc(2 * dim, sizeof *mean);
  for (int side = 0; side < 2; side++) {
    float *z = support_alloc(rows[side] * dim, sizeof *z);
    cr_assert_eq(cgap_head_transform(head, side, side ? part->text : part->image, rows[side], z, 1, NULL), CGAP_OK);
    for (size_t i = 0; i < rows[side]; i++)
      for (size_t k = 0; k < dim; k++)
        mean[(size_t)side * dim + k] += (double)z[i * dim + k] / (double)rows[side];
    free(z);
  }
  for (size_t k = 0; k < dim; k++)
    square += pow(mean[k] - mean[dim + k], 2);
  free(mean);
  return sqrt(square);
}

Test(head_train, closers_close_what_they_are_fitted_on)
{
  cgap_train_options o = quick_options();
  training_setting s = setting_init(300, 1, &o);
  const cgap_head_shape same = {.kind = CGAP_HEAD_RESIDUAL, .dim_in = 24, .dim = 24};
  cgap_head *nothing = cgap_head_new(&same, "{}");
  const double before = gap_through(nothing, &s.training_data.training);
  for (int k = 0; k < CGAP_GAP_METHODS; k++) {
    const double after = gap_through(s.training_data.method[k], &s.training_data.training);
    cr_expect_lt(after, before / 4, "%s: %g after %g", cgap_gap_method_name((cgap_gap_method)k), after, before);
  }
  cgap_head_close(nothing);
  setting_clear(&s);
}

/* A rotation of the texts is found and undone. */
Test(head_train, procrustes_undoes_a_rotation)
{
  enum { N = 120, D = 10 };
  support_random r = support_seed(2);
  double *x = support_alloc(N * D, sizeof *x), *y = support_alloc(N * D, sizeof *y),
         *q = support_alloc(D * D, sizeof *q);
  support_normals(&r, x, N * D);
  support_normalise(x, N, D);
  support_rotation(&r, q, D);
  support_product(x, q, y, N, D);
  const cgap_data data = {.image = cgap_source_view(x, N, D, CGAP_FLOAT64, "x"),
                          .text = cgap_source_view(y, N, D, CGAP_FLOAT64, "y"),
                          .pairing = CGAP_BY_ROW};
  cgap_head *head = NULL;
  cgap_error error = {0};
  cr_assert_eq(cgap_gap_method_fit(&head, CGAP_PROCRUSTES, 1, &data, 1, (cgap_progress){0}, &error), CGAP_OK, "%s",
               error.message);
  float *in = support_encode(y, N * D, CGAP_FLOAT32), out[N * D];
  cr_assert_eq(cgap_head_apply(head, CGAP_TEXT_ROWS, in, N, out, &error), CGAP_OK);
  for (size_t k = 0; k < N * D; k++)
    cr_expect_float_eq((double)out[k], x[k], 1e-5);
  free(in);
  cgap_head_close(head);
  free(x);
  free(y);
  free(q);
}

/* Two copies of one modality through two heads that start apart. */
Test(head_train, same_modality_pairs_each_row_with_itself)
{
  cgap_train_options o = quick_options();
  training_setting s = setting_init(100, 3, &o);
  cgap_data same;
  cr_assert_eq(cgap_same_modality(&same, &s.data, CGAP_TEXT_ROWS, NULL), CGAP_OK);
  cr_expect_eq(same.image.rows, 300);
  cr_expect_eq(same.image.context, same.text.context);
  cr_expect_eq(same.pairing, CGAP_BY_ROW);
  setting_clear(&s);
}
