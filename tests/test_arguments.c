/* Every call of the public header with arguments that make no sense: a status and one line, nothing left behind, and no
 * crash; what is merely left out is taken as the header says. */
#include "run_audit.h"
#include "simulate/simulate.h"
#include "support.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 60, D = 8, ANY = -1 }; /* ANY: refused, with whichever status */

static const cgap_progress quiet = {0};

static void expect_line(const char *name, const cgap_error *error)
{
  cr_expect(error->message[0] && !strchr(error->message, '\n'), "%s: \"%s\"", name, error->message);
}

static void expect_refused(const char *name, cgap_status got, int want, const char *word, const cgap_error *error)
{
  cr_expect(want == ANY ? got != CGAP_OK : (int)got == want, "%s: status %d, not %d: %s", name, (int)got, want,
            error->message);
  cr_expect_not_null(strstr(error->message, word), "%s: %s", name, error->message);
  expect_line(name, error);
}

/* ---------------------------------------------------------------- data */

/* Sound data with classes and arithmetic, for a case to change. */
typedef struct given_arguments {
  cgap_simulation rows;
  cgap_data data;
  uint64_t owner[N];
  double weight[N];
} given_arguments;

static void make_given(given_arguments *g)
{
  cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
  cgap_error error = {0};
  o.images = N;
  o.dim = D;
  o.classes = 4;
  cr_assert_eq(cgap_simulate(&g->rows, &o, &error), CGAP_OK, "%s", error.message);
  g->data = cgap_simulation_data(&g->rows);
  for (size_t i = 0; i < N; i++) {
    g->owner[i] = i;
    g->weight[i] = 1;
  }
}

static double matrix[2 * N * D];

static void image_dim_0(given_arguments *g)
{
  g->data.image.dim = 0;
}

static void both_dim_0(given_arguments *g)
{
  g->data.image.dim = g->data.text.dim = g->data.class_text.dim = g->data.words.dim = 0;
}

static void text_dim_0(given_arguments *g)
{
  g->data.text.dim = 0;
}

static void both_dim_1(given_arguments *g)
{
  g->data.image.dim = g->data.text.dim = 1;
}

static void vast_dim(given_arguments *g)
{
  g->data.image.dim = g->data.text.dim = SIZE_MAX / 8;
}

static void dim_as_a_double(given_arguments *g)
{
  g->data.image.dim = g->data.text.dim = (size_t)1 << 62;
}

static void no_images(given_arguments *g)
{
  g->data.image.rows = 0;
}

static void no_images_open(given_arguments *g)
{
  g->data.image.rows = 0;
  g->data.pairing = CGAP_PAIRING_OPEN;
}

static void vast_rows(given_arguments *g)
{
  g->data.image.rows = g->data.text.rows = SIZE_MAX;
}

static void rows_that_overflow(given_arguments *g)
{
  g->data.image.rows = g->data.text.rows = SIZE_MAX / D + 1;
}

static void unknown_type(given_arguments *g)
{
  g->data.image.type = (cgap_type)9;
}

static void negative_type(given_arguments *g)
{
  g->data.text.type = (cgap_type)-1;
}

static void image_without_read(given_arguments *g)
{
  g->data.image.read = NULL;
}

static void text_without_read(given_arguments *g)
{
  g->data.text.read = NULL;
}

static void classes_without_read(given_arguments *g)
{
  g->data.class_text.read = NULL;
}

static void words_without_read(given_arguments *g)
{
  g->data.words.read = NULL;
}

static void no_matrix(given_arguments *g)
{
  g->data.image = cgap_source_view(NULL, N, D, CGAP_FLOAT64, "nothing");
}

static void nothing_at_all(given_arguments *g)
{
  g->data = (cgap_data){0};
}

static void unknown_pairing(given_arguments *g)
{
  g->data.pairing = (cgap_pairing)7;
}

static void index_missing(given_arguments *g)
{
  g->data.pairing = CGAP_BY_INDEX;
  g->data.text_image = NULL;
}

static void index_out_of_range(given_arguments *g)
{
  g->owner[7] = UINT64_MAX;
  g->data.pairing = CGAP_BY_INDEX;
  g->data.text_image = g->owner;
}

static void fewer_texts_than_images(given_arguments *g)
{
  g->data.text.rows = N / 3;
  g->data.pairing = CGAP_PAIRING_OPEN;
}

static void texts_no_multiple(given_arguments *g)
{
  g->data.text = cgap_source_view(matrix, N + 7, D, CGAP_FLOAT64, "texts");
  g->data.pairing = CGAP_PAIRING_OPEN;
}

static void rows_differ(given_arguments *g)
{
  g->data.text.rows = N - 1;
}

static void prompts_no_divisor(given_arguments *g)
{
  g->data.prompts = 3;
}

static void vast_prompts(given_arguments *g)
{
  g->data.prompts = SIZE_MAX;
}

static void undefined_weight(given_arguments *g)
{
  g->weight[1] = NAN;
  g->data.query_weight = g->weight;
  g->data.queries = g->data.queries < N ? g->data.queries : N;
}

static void negative_weight(given_arguments *g)
{
  g->weight[0] = -1;
  g->data.query_weight = g->weight;
  g->data.queries = g->data.queries < N ? g->data.queries : N;
}

static const struct {
  const char *name;
  void (*change)(given_arguments *g);
  int status;
  const char *word;
} DATA[] = {
  {"image dim 0", image_dim_0, CGAP_DATA, "0 dimensions"},
  {"every dim 0", both_dim_0, CGAP_DATA, "0 dimensions"},
  {"text dim 0", text_dim_0, CGAP_DATA, "0 dimensions"},
  {"dim 1", both_dim_1, CGAP_DATA, "1 dimension"},
  {"vast dim", vast_dim, CGAP_DATA, "dimensions"},
  {"dim 2^62", dim_as_a_double, CGAP_DATA, "dimensions"},
  {"no images", no_images, CGAP_DATA, "no rows"},
  {"no images, pairing open", no_images_open, CGAP_DATA, "no rows"},
  {"vast rows", vast_rows, CGAP_DATA, "rows"},
  {"rows that overflow", rows_that_overflow, CGAP_DATA, "rows"},
  {"unknown type", unknown_type, CGAP_USAGE, "element type 9"},
  {"negative type", negative_type, CGAP_USAGE, "element type -1"},
  {"image without read", image_without_read, CGAP_USAGE, "read"},
  {"text without read", text_without_read, CGAP_USAGE, "read"},
  {"class texts without read", classes_without_read, CGAP_USAGE, "read"},
  {"words without read", words_without_read, CGAP_USAGE, "read"},
  {"no matrix", no_matrix, CGAP_USAGE, "NULL"},
  {"nothing at all", nothing_at_all, CGAP_USAGE, "images"},
  {"unknown pairing", unknown_pairing, CGAP_USAGE, "pairing 7"},
  {"index missing", index_missing, CGAP_USAGE, "text_image"},
  {"index out of range", index_out_of_range, CGAP_DATA, "18446744073709551615"},
  {"fewer texts than images", fewer_texts_than_images, CGAP_FILE, "no multiple"},
  {"texts no multiple", texts_no_multiple, CGAP_FILE, "no multiple"},
  {"rows differ", rows_differ, CGAP_FILE, "59"},
  {"prompts no divisor", prompts_no_divisor, CGAP_DATA, "3 prompts"},
  {"vast prompts", vast_prompts, CGAP_DATA, "prompts"},
  {"undefined weight", undefined_weight, CGAP_DATA, "query 1"},
  {"negative weight", negative_weight, CGAP_DATA, "query 0"},
};

static void count_tile(const void *context, const cgap_tile *tile, double *sums, uint64_t *counts)
{
  (void)context, (void)sums;
  counts[0] += tile->rows * tile->columns;
}

/* Every call that takes data. */
enum { AUDIT, PLAN, TALLY, TRAIN, CLOSER, CALLS };
static const char *const CALL_NAMES[] = {"audit", "plan", "tally", "train", "closer"};

static cgap_status call_with(int call, const cgap_data *data, cgap_error *error)
{
  const cgap_audit_options o = CGAP_AUDIT_OPTIONS_INIT;
  cgap_train_options t = CGAP_TRAIN_OPTIONS_INIT;
  const cgap_tally tally = {.kinds = 7, .counts = 1, .tile = count_tile};
  cgap_audit audit;
  cgap_plan_info plan;
  cgap_head *head = NULL;
  uint64_t count = 0;
  cgap_status status = CGAP_OK;
  t.epochs = 1;
  switch (call) {
  case AUDIT:
    status = cgap_audit_run(&audit, data, &o, error);
    cgap_audit_clear(&audit);
    break;
  case PLAN:
    status = cgap_audit_plan(&plan, data, &o, error);
    break;
  case TALLY:
    status = cgap_tally_run(NULL, &count, data, &tally, &o, error);
    break;
  case TRAIN:
    status = cgap_train_run(&head, data, &t, NULL, error);
    break;
  case CLOSER:
    status = cgap_gap_method_fit(&head, CGAP_WHITEN, 1, data, 0, quiet, error);
    break;
  default:
    break;
  }
  cr_expect(status == CGAP_OK || !head, "%s: a head is left behind", CALL_NAMES[call]);
  cgap_head_close(head);
  return status;
}

/* A plan reads few rows, and no index: what only they tell it need not see. */
static bool may_pass(int call, const char *name)
{
  return call == PLAN &&
         (!strcmp(name, "no matrix") || !strcmp(name, "index out of range") || !strcmp(name, "rows differ"));
}

Test(arguments, a_message_is_one_printable_line)
{
  static const char *const CASES[][2] = {{"a\nb\tc\x7f", "a?b?c?"},
                                         {"a\xc2\x85z", "a?z"},                  /* U+0085, next line */
                                         {"a\xe2\x80\xa8z", "a?z"},              /* U+2028, end of a line */
                                         {"a\xe2\x80\xaez\xe2\x81\xa9", "a?z?"}, /* U+202E, U+2069 */
                                         {"\xc2\xa0 \xe2\x80\x94 \xc3\xa9", "\xc2\xa0 \xe2\x80\x94 \xc3\xa9"},
                                         {"\xe2", "?"}, /* half a character */
                                         {"", ""}};
  cgap_error error;
  for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
    (void)cgap_fail(&error, CGAP_FILE, "%s", CASES[k][0]);
    cr_expect_str_eq(error.message, CASES[k][1]);
  }
}

Test(arguments, data_that_make_no_sense)
{
  for (size_t k = 0; k < sizeof DATA / sizeof *DATA; k++)
    for (int call = 0; call < CALLS; call++) {
      static given_arguments g;
      char name[100];
      cgap_error error = {0};
      make_given(&g);
      DATA[k].change(&g);
      snprintf(name, sizeof name, "%s: %s", CALL_NAMES[call], DATA[k].name);
      const cgap_status status = call_with(call, &g.data, &error);
      if (!may_pass(call, DATA[k].name))
        expect_refused(name, status, DATA[k].status, DATA[k].word, &error);
      cr_expect_eq(call_with(call, &g.data, NULL), status, "%s: without an error to fill", name);
      cgap_simulation_clear(&g.rows);
    }
}

Test(arguments, what_is_left_out_has_a_default)
{
  static given_arguments g;
  cgap_error error = {0};
  make_given(&g);
  g.data.image.name = g.data.text.name = g.data.class_text.name = g.data.words.name = NULL;
  g.data.prompts = 0;
  for (int call = 0; call < CALLS; call++)
    cr_expect_eq(call_with(call, &g.data, &error), CGAP_OK, "%s: %s", CALL_NAMES[call], error.message);
  g.rows.image[0] = NAN;
  expect_refused("a row without a name", call_with(AUDIT, &g.data, &error), CGAP_DATA, "images: 60 rows", &error);
  cgap_simulation_clear(&g.rows);
}

/* ---------------------------------------------------------------- options */

typedef struct bad_setting {
  const char *name;
  cgap_audit_options options;
  int status; /* CGAP_OK: taken */
} bad_setting;

Test(arguments, audit_options_that_make_no_sense)
{
  const bad_setting settings[] = {
    {"temperature 0", {.temperature = 0}, CGAP_USAGE},
    {"temperature -1", {.temperature = -1}, CGAP_USAGE},
    {"temperature NaN", {.temperature = NAN}, CGAP_USAGE},
    {"temperature infinite", {.temperature = INFINITY}, CGAP_USAGE},
    {"temperature huge", {.temperature = 1e300}, CGAP_OK},
    {"threads -1", {.temperature = 1, .threads = -1}, CGAP_USAGE},
    {"threads INT_MIN", {.temperature = 1, .threads = INT_MIN}, CGAP_USAGE},
    {"threads INT_MAX", {.temperature = 1, .threads = INT_MAX}, CGAP_USAGE},
    {"pairs 7", {.temperature = 1, .pairs = (cgap_pairs_choice)7}, CGAP_USAGE},
    {"precision -1", {.temperature = 1, .precision = (cgap_precision)-1}, CGAP_USAGE},
    {"1 byte", {.temperature = 1, .memory_bytes = 1}, CGAP_RESOURCE},
    {"all bytes", {.temperature = 1, .memory_bytes = UINT64_MAX}, CGAP_OK},
    {"a sample of 1 row", {.temperature = 1, .pairs = CGAP_PAIRS_SAMPLED, .sample_rows = 1}, CGAP_OK},
    {"a sample of 1 query",
     {.temperature = 1, .pairs = CGAP_PAIRS_SAMPLED, .sample_rows = 20, .sample_queries = 1},
     CGAP_OK},
    {"a sample of more than all",
     {.temperature = 1, .pairs = CGAP_PAIRS_SAMPLED, .sample_rows = SIZE_MAX, .sample_queries = SIZE_MAX},
     CGAP_OK},
  };
  static given_arguments g;
  make_given(&g);
  for (size_t k = 0; k < sizeof settings / sizeof *settings; k++) {
    const bad_setting *s = &settings[k];
    cgap_audit audit;
    cgap_plan_info plan;
    cgap_error error = {0};
    for (int unpaired = 0; unpaired < 2; unpaired++) {
      g.data.pairing = unpaired ? CGAP_UNPAIRED : CGAP_BY_ROW;
      const cgap_status ran = cgap_audit_run(&audit, &g.data, &s->options, &error);
      if (s->status == CGAP_OK)
        cr_expect_eq(ran, CGAP_OK, "%s: %s", s->name, error.message);
      else
        expect_refused(s->name, ran, s->status, "", &error);
      cgap_audit_clear(&audit);
      cr_expect_eq((int)cgap_audit_plan(&plan, &g.data, &s->options, &error), s->status, "%s", s->name);
    }
  }
  cgap_simulation_clear(&g.rows);
}

Test(arguments, training_options_that_make_no_sense)
{
  const cgap_train_options sound = CGAP_TRAIN_OPTIONS_INIT;
  cgap_train_options all[32];
  size_t count = 0;
  static given_arguments g;
  for (size_t k = 0; k < sizeof all / sizeof *all; k++)
    all[k] = sound;
  all[count++].head = (cgap_head_kind)9;
  all[count++].start = (cgap_start)-1;
  all[count++].schedule = (cgap_schedule)2;
  all[count++].dim = SIZE_MAX;
  all[count].head = CGAP_HEAD_MLP;
  all[count++].hidden = SIZE_MAX / 8;
  all[count++].weights = (cgap_weights){0};
  all[count++].weights.align = NAN;
  all[count++].weights.clip = -1;
  all[count++].temperature = 0;
  all[count++].temperature = NAN;
  all[count++].temperature = INFINITY;
  all[count++].learning_rate = -1;
  all[count++].learning_rate = NAN;
  all[count++].decay = INFINITY;
  all[count++].clip_norm = NAN;
  all[count++].batch = 1;
  all[count++].batch = SIZE_MAX - 1;
  all[count++].epochs = SIZE_MAX;
  all[count++].steps = SIZE_MAX;
  all[count++].validation = NAN;
  all[count++].validation = -0.1;
  all[count++].test = 1;
  all[count++].test = 0;
  all[count++].noise = 2;
  all[count++].training_images = SIZE_MAX;
  all[count++].threads = -3;
  all[count++].threads = INT_MAX;
  all[count++].memory_bytes = 1;
  make_given(&g);
  for (size_t k = 0; k < count; k++) {
    char name[40];
    cgap_head *head = NULL;
    cgap_error error = {0};
    snprintf(name, sizeof name, "training option %zu", k);
    const cgap_status status = cgap_train_run(&head, &g.data, &all[k], NULL, &error);
    expect_refused(name, status, ANY, "", &error);
    cr_expect(status == CGAP_USAGE || status == CGAP_RESOURCE, "%s: %d, %s", name, (int)status, error.message);
    cr_expect_null(head);
  }
  cgap_simulation_clear(&g.rows);
}

/* ---------------------------------------------------------------- pointers */

Test(arguments, pointers_that_are_null)
{
  static given_arguments g;
  const cgap_audit_options o = CGAP_AUDIT_OPTIONS_INIT;
  const cgap_train_options t = CGAP_TRAIN_OPTIONS_INIT;
  const cgap_tally tally = {.kinds = 1, .sums = 1, .counts = 1, .tile = count_tile};
  const cgap_input_options without = {.file_count = 2}, none = CGAP_INPUT_OPTIONS_INIT;
  const char *const files[] = {NULL};
  const cgap_input_options with_null = {.files = files, .file_count = 1};
  cgap_audit audit;
  cgap_plan_info plan;
  cgap_dataset *file = NULL;
  cgap_head *head = NULL, *method = NULL;
  cgap_error error = {0};
  double sum;
  uint64_t count;
  float rows[N * D] = {0};
  make_given(&g);
  const cgap_data *d = &g.data;
  cr_assert_eq(cgap_gap_method_fit(&method, CGAP_CENTER, 1, d, 0, quiet, &error), CGAP_OK, "%s", error.message);
  const cgap_source *text = &d->text;
  const char *const names[] = {"a", "b", "c", NULL};
  cgap_train_options given = cgap_train_options_default();
  cgap_many_dataset *many = NULL;
  const cgap_status got[] = {
    cgap_audit_run(NULL, d, &o, &error),
    cgap_audit_run(&audit, NULL, &o, &error),
    cgap_audit_run(&audit, d, NULL, &error),
    cgap_audit_plan(NULL, d, &o, &error),
    cgap_audit_plan(&plan, NULL, &o, &error),
    cgap_audit_plan(&plan, d, NULL, &error),
    cgap_tally_run(NULL, &count, d, &tally, &o, &error),
    cgap_tally_run(&sum, NULL, d, &tally, &o, &error),
    cgap_tally_run(&sum, &count, NULL, &tally, &o, &error),
    cgap_tally_run(&sum, &count, d, NULL, &o, &error),
    cgap_tally_run(&sum, &count, d, &tally, NULL, &error),
    cgap_train_check(NULL, D, &error),
    cgap_train_set(NULL, "dim", "3", &error),
    cgap_train_set(&given, NULL, "3", &error),
    cgap_train_set(&given, "dim", NULL, &error),
    cgap_train_set(&given, "dims", "3", &error),
    cgap_train_set(&given, "dim", "-3", &error),
    cgap_train_set(&given, "loss", "", &error),
    cgap_train_set(&given, "batch", "18446744073709551615", &error),
    cgap_train_set(&given, "lr", "nan", &error),
    cgap_many_dataset_open(NULL, names, names, 3, NULL, &error),
    cgap_many_dataset_open(&many, NULL, names, 3, NULL, &error),
    cgap_many_dataset_open(&many, names, NULL, 3, NULL, &error),
    cgap_many_dataset_open(&many, names, names, 2, NULL, &error),
    cgap_many_dataset_open(&many, names, names, 4, NULL, &error),
    cgap_train_run(NULL, d, &t, NULL, &error),
    cgap_train_run(&head, NULL, &t, NULL, &error),
    cgap_train_run(&head, d, NULL, NULL, &error),
    cgap_gap_method_fit(NULL, CGAP_CENTER, 1, d, 0, quiet, &error),
    cgap_gap_method_fit(&head, CGAP_CENTER, 1, NULL, 0, quiet, &error),
    cgap_gap_method_fit(&head, (cgap_gap_method)9, 1, d, 0, quiet, &error),
    cgap_gap_method_fit(&head, CGAP_SHIFT, NAN, d, 0, quiet, &error),
    cgap_gap_method_fit(&head, CGAP_CENTER, 1, d, -1, quiet, &error),
    cgap_head_apply(NULL, CGAP_IMAGE_ROWS, rows, N, rows, &error),
    cgap_head_apply(method, CGAP_IMAGE_ROWS, NULL, N, rows, &error),
    cgap_head_apply(method, CGAP_IMAGE_ROWS, rows, N, NULL, &error),
    cgap_head_apply(method, (cgap_row_kind)5, rows, N, rows, &error),
    cgap_head_apply_source(NULL, CGAP_TEXT_ROWS, text, rows, 0, quiet, &error),
    cgap_head_apply_source(method, CGAP_TEXT_ROWS, NULL, rows, 0, quiet, &error),
    cgap_head_apply_source(method, CGAP_TEXT_ROWS, text, NULL, 0, quiet, &error),
    cgap_head_apply_source(method, CGAP_TEXT_ROWS, text, rows, INT_MAX, quiet, &error),
    cgap_head_apply_source(method, (cgap_row_kind)-1, text, rows, 0, quiet, &error),
    cgap_head_read(NULL, "head.h5", &error),
    cgap_head_read(&head, NULL, &error),
    cgap_head_write(NULL, "head.h5", &error),
    cgap_head_write(method, NULL, &error),
    cgap_dataset_open(NULL, &none, &error),
    cgap_dataset_open(&file, NULL, &error),
    cgap_dataset_open(&file, &none, &error),
    cgap_dataset_open(&file, &without, &error),
    cgap_dataset_open(&file, &with_null, &error),
    cgap_dataset_open(&file, &(cgap_input_options){.threads = -1}, &error),
  };
  for (size_t k = 0; k < sizeof got / sizeof *got; k++)
    cr_expect_eq(got[k], CGAP_USAGE, "call %zu: %d", k, (int)got[k]);
  expect_line("the last", &error);
  cr_expect(!head && !file);
  cgap_head_close(method);
  cgap_simulation_clear(&g.rows);
}

Test(arguments, calls_that_cannot_fail)
{
  size_t rows = 7;
  cgap_audit_clear(NULL);
  cgap_dataset_close(NULL);
  cgap_head_close(NULL);
  cgap_comm_close(NULL, 0);
  cr_expect_null(cgap_dataset_data(NULL));
  cr_expect_null(cgap_head_split(NULL, &rows));
  cr_expect_eq(rows, 0);
  cr_expect_null(cgap_head_split(NULL, NULL));
  cr_expect_eq(cgap_head_shape_of(NULL).dim, 0);
  cr_expect_eq(cgap_type_size((cgap_type)-1), 0);
  cr_expect_eq(cgap_type_size((cgap_type)4), 0);
  cr_expect_str_eq(cgap_type_name((cgap_type)99), "unknown");
  cr_expect_str_eq(cgap_gap_method_name((cgap_gap_method)CGAP_GAP_METHODS), "unknown");
  cr_expect_eq(cgap_comm_rank(NULL), 0);
  cr_expect_eq(cgap_comm_size(NULL), 1);
  cr_expect_eq(cgap_fail(NULL, CGAP_DATA, "no error to fill"), CGAP_DATA);
}

/* ---------------------------------------------------------------- sources */

static cgap_status gone(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  (void)first, (void)count, (void)out;
  return cgap_fail(error, CGAP_FILE, "%s: the socket is closed", source->name);
}

/* Fails in silence, as a caller's function may. */
static cgap_status silent(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  (void)source, (void)first, (void)count, (void)out, (void)error;
  return CGAP_RESOURCE;
}

static bool stop(void *context, const char *phase, double fraction)
{
  (void)context, (void)phase, (void)fraction;
  return true;
}

Test(arguments, reads_that_fail_and_calls_that_are_stopped)
{
  static given_arguments g;
  const cgap_audit_options o = {.temperature = 0.01, .progress = {stop, NULL}};
  cgap_train_options t = CGAP_TRAIN_OPTIONS_INIT;
  cgap_audit audit;
  cgap_head *head = NULL;
  cgap_error error = {0};
  make_given(&g);
  t.progress = o.progress;
  cr_expect_eq(cgap_audit_run(&audit, &g.data, &o, &error), CGAP_INTERRUPTED);
  cr_expect_eq(cgap_train_run(&head, &g.data, &t, NULL, &error), CGAP_INTERRUPTED);
  cr_expect_eq(cgap_gap_method_fit(&head, CGAP_CENTER, 1, &g.data, 0, o.progress, &error), CGAP_INTERRUPTED);
  cr_expect_null(head);
  for (int call = 0; call < CALLS; call++) {
    if (call == PLAN) /* a plan without a measurement */
      continue;
    cgap_data data = g.data;
    data.image.read = gone;
    expect_refused(CALL_NAMES[call], call_with(call, &data, &error), CGAP_FILE, "the socket is closed", &error);
    data = g.data;
    data.text.read = silent;
    cr_expect_eq(call_with(call, &data, &error), CGAP_RESOURCE);
  }
  cgap_simulation_clear(&g.rows);
}
