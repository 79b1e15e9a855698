/* The public header on memory that the caller owns: tallies, training, application, progress and cancelling. */
#include "head/model/head.h"
#include "run_audit.h"
#include "simulate/simulate.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 20, ALL_KINDS = 7 };

/* ---------------------------------------------------------------- tallies */

/* Per kind: Σ cosine, Σ sqrt(2 − 2 cosine), pairs, matched pairs, and a histogram; with a sum that weighs rows of
 * the file, so that a wrong row is seen. */
enum { SUMS = 3, COUNTS = 2 + BINS };

static void add(double *s, uint64_t *c, double cosine, size_t row, size_t column, bool matched)
{
  s[0] += cosine;
  s[1] += sqrt(2 - 2 * cosine);
  s[2] += cosine * (double)(row % 7) * (double)(column % 5);
  c[0]++;
  c[1] += matched;
  const int bin = (int)((cosine + 1) / 2 * BINS);
  c[2 + (bin < BINS ? bin : BINS - 1)]++;
}

static void show(const void *context, const cgap_tile *t, double *sums, uint64_t *counts)
{
  (void)context;
  double *s = sums + t->kind * SUMS;
  uint64_t *c = counts + t->kind * COUNTS;
  for (size_t r = 0; r < t->rows; r++)
    for (size_t k = t->first[r]; k < t->columns; k++)
      add(s, c, (double)t->cosine[r * t->columns + k], t->file_row[r], t->file_column[k],
          t->image_of && t->image_of[k] == t->row + r);
}

typedef struct totals {
  double sums[SUMS * CGAP_PAIR_KINDS];
  uint64_t counts[COUNTS * CGAP_PAIR_KINDS];
} totals;

static totals tally(const cgap_data *data, unsigned kinds, int threads, uint64_t memory_bytes)
{
  totals t;
  const cgap_tally all = {
    .kinds = kinds, .sums = SUMS * CGAP_PAIR_KINDS, .counts = COUNTS * CGAP_PAIR_KINDS, .tile = show};
  cgap_audit_options o = CGAP_AUDIT_OPTIONS_INIT;
  cgap_error error = {0};
  o.threads = threads;
  o.memory_bytes = memory_bytes;
  cr_assert_eq(cgap_tally_run(t.sums, t.counts, data, &all, &o, &error), CGAP_OK, "%s", error.message);
  return t;
}

static double cosine_of(const double *a, const double *b, size_t dim)
{
  double dot = 0, aa = 0, bb = 0;
  for (size_t k = 0; k < dim; k++) {
    dot += a[k] * b[k];
    aa += a[k] * a[k];
    bb += b[k] * b[k];
  }
  return aa > 0 && bb > 0 ? fmax(-1, fmin(1, dot / sqrt(aa * bb))) : NAN;
}

/* Row by row in double, from the caller's matrices; zero rows count for nothing. */
static totals tally_naively(const run_rows *r)
{
  totals t = {0};
  for (int kind = 0; kind < CGAP_PAIR_KINDS; kind++) {
    const double *a = kind == CGAP_TEXT_TEXT ? r->text : r->image, *b = kind == CGAP_IMAGE_IMAGE ? r->image : r->text;
    const size_t n = kind == CGAP_TEXT_TEXT ? r->texts : r->images;
    const size_t m = kind == CGAP_IMAGE_IMAGE ? r->images : r->texts;
    for (size_t i = 0; i < n; i++)
      for (size_t j = kind == CGAP_IMAGE_TEXT ? 0 : i + 1; j < m; j++) {
        const double cosine = cosine_of(a + i * r->dim, b + j * r->dim, r->dim);
        if (!isnan(cosine))
          add(t.sums + kind * SUMS, t.counts + kind * COUNTS, cosine, i, j,
              kind == CGAP_IMAGE_TEXT && (r->text_image ? r->text_image[j] : j) == i);
      }
  }
  return t;
}

static void expect_near(const totals *got, const totals *want, const char *where)
{
  for (size_t k = 0; k < SUMS * CGAP_PAIR_KINDS;
       k++) /* float cosines: 5e-7 of each, the root of small distances more */
    cr_expect(support_near(where, "sum", got->sums[k], want->sums[k], 1e-2, 1e-5));
  for (int kind = 0; kind < CGAP_PAIR_KINDS; kind++) {
    const uint64_t *g = got->counts + kind * COUNTS, *w = want->counts + kind * COUNTS;
    cr_expect(support_count(where, "couples", g[0], w[0]));
    cr_expect(support_count(where, "matched", g[1], w[1]));
    uint64_t off = 0; /* a cosine may fall on the other side of an edge */
    for (int b = 0; b < BINS; b++)
      off += g[2 + b] > w[2 + b] ? g[2 + b] - w[2 + b] : w[2 + b] - g[2 + b];
    cr_expect_leq(off, 4, "%s: %llu in other bins", where, (unsigned long long)off);
  }
}

/* Rows of any length, one of them zero and dropped, several tiles a side, several texts an image. */
Test(library, tally_is_what_two_loops_give)
{
  enum { N = 300, M = 530, D = 12 };
  double *x, *y, *texts = support_alloc(M * D, sizeof *texts);
  uint64_t *owner = support_alloc(M, sizeof *owner);
  run_pairs(5, N, D, 0.5, &x, &y);
  for (size_t j = 0; j < M; j++) {
    owner[j] = j * 11 % N;
    for (size_t k = 0; k < D; k++)
      texts[j * D + k] = (1 + (double)(j % 3)) * (y[owner[j] * D + k] + (k == j % D ? 0.2 : 0));
  }
  memset(texts + 100 * D, 0, D * sizeof *texts);
  const run_rows rows = {N, M, D, x, texts, owner, CGAP_BY_INDEX, false};
  cgap_data data = run_data(&rows);
  data.drop_bad = true;
  const totals want = tally_naively(&rows), got = tally(&data, ALL_KINDS, 2, 0);
  expect_near(&got, &want, "three kinds");
  cr_expect_eq(got.counts[CGAP_IMAGE_TEXT * COUNTS + 1], M - 1, "every text but the dropped one has its image");

  const totals some = tally(&data, 1u << CGAP_TEXT_TEXT, 2, 0);
  for (size_t k = 0; k < SUMS; k++) {
    cr_expect_eq(some.sums[CGAP_IMAGE_IMAGE * SUMS + k], 0);
    cr_expect_eq(some.sums[CGAP_TEXT_TEXT * SUMS + k], got.sums[CGAP_TEXT_TEXT * SUMS + k]);
  }
  data.pairing = CGAP_UNPAIRED;
  cr_expect_eq(tally(&data, ALL_KINDS, 1, 0).counts[CGAP_IMAGE_TEXT * COUNTS + 1], 0, "no pairs, none matched");
  free(x);
  free(y);
  free(texts);
  free(owner);
}

Test(library, tally_gives_the_same_bits_for_any_threads_and_memory)
{
  enum { N = 2600, D = 8 };
  double *x, *y;
  run_pairs(6, N, D, 0.5, &x, &y);
  const run_rows rows = {N, N, D, x, y, NULL, CGAP_BY_ROW, false};
  const cgap_data data = run_data(&rows);
  cgap_audit_options o = CGAP_AUDIT_OPTIONS_INIT;
  cgap_plan_info plan;
  o.threads = 2;
  o.memory_bytes = (uint64_t)1 << 40;
  cr_assert_eq(cgap_audit_plan(&plan, &data, &o, NULL), CGAP_OK);
  o.memory_bytes = plan.smallest_bytes;
  cr_assert_eq(cgap_audit_plan(&plan, &data, &o, NULL), CGAP_OK);
  cr_assert(!plan.resident && plan.panels > 1, "several panels");
  const totals one = tally(&data, ALL_KINDS, 1, 0), three = tally(&data, ALL_KINDS, 3, 0),
               panels = tally(&data, ALL_KINDS, 2, o.memory_bytes);
  cr_expect_eq(memcmp(&one, &three, sizeof one), 0, "threads 1 and 3");
  cr_expect_eq(memcmp(&one, &panels, sizeof one), 0, "in memory and in panels");
  free(x);
  free(y);
}

/* ---------------------------------------------------------------- progress and refusals */

typedef struct watch {
  const char *stop_at; /* the phase in which to stop; NULL: never */
  size_t calls, phases;
  char phase[80];
  double fraction;
  bool fell; /* the share fell within a phase */
} watch;

static bool tick(void *context, const char *phase, double fraction)
{
  watch *w = context;
  w->calls++;
  if (strcmp(w->phase, phase) != 0)
    w->phases++;
  else
    w->fell = w->fell || fraction < w->fraction;
  snprintf(w->phase, sizeof w->phase, "%s", phase);
  w->fraction = fraction;
  return w->stop_at && strcmp(w->stop_at, phase) == 0;
}

static cgap_simulation simulated(size_t images, size_t dim)
{
  cgap_simulation s;
  cgap_error error = {0};
  cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
  o.images = images;
  o.dim = dim;
  cr_assert_eq(cgap_simulate(&s, &o, &error), CGAP_OK, "%s", error.message);
  return s;
}

Test(library, tally_says_how_far_it_is_and_stops)
{
  cgap_simulation s = simulated(600, 8);
  const cgap_data data = cgap_simulation_data(&s);
  totals t;
  watch w = {0};
  const cgap_tally all = {
    .kinds = ALL_KINDS, .sums = SUMS * CGAP_PAIR_KINDS, .counts = COUNTS * CGAP_PAIR_KINDS, .tile = show};
  cgap_audit_options o = CGAP_AUDIT_OPTIONS_INIT;
  cgap_error error = {0};
  o.progress = (cgap_progress){tick, &w};
  o.threads = 1;
  cr_assert_eq(cgap_tally_run(t.sums, t.counts, &data, &all, &o, &error), CGAP_OK);
  cr_expect_str_eq(w.phase, "pairs");
  cr_expect_float_eq(w.fraction, 1, 0);
  cr_expect(!w.fell);
  for (int threads = 1; threads <= 2; threads++) {
    w = (watch){.stop_at = "pairs"};
    o.threads = threads;
    cr_expect_eq(cgap_tally_run(t.sums, t.counts, &data, &all, &o, &error), CGAP_INTERRUPTED);
    cr_expect_neq(error.message[0], '\0');
  }
  w = (watch){.stop_at = "images"};
  cr_expect_eq(cgap_tally_run(t.sums, t.counts, &data, &all, &o, &error), CGAP_INTERRUPTED);
  cgap_simulation_clear(&s);
}

Test(library, tally_refuses_what_makes_no_sense)
{
  cgap_simulation s = simulated(20, 4);
  cgap_data data = cgap_simulation_data(&s);
  const cgap_audit_options o = CGAP_AUDIT_OPTIONS_INIT;
  cgap_error error = {0};
  uint64_t count = 7;
  const struct {
    cgap_tally tally;
    const char *word;
  } cases[] = {
    {{.counts = 1, .tile = show}, "0x0"},
    {{.kinds = 8, .counts = 1, .tile = show}, "0x8"},
    {{.kinds = 1, .counts = 1}, "tile"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    cr_expect_eq(cgap_tally_run(NULL, &count, &data, &cases[k].tally, &o, &error), CGAP_USAGE);
    cr_expect_not_null(strstr(error.message, cases[k].word), "%s", error.message);
    cr_expect_eq(count, 0);
  }
  data.text.rows = 0;
  const cgap_tally fine = {.kinds = 1, .counts = 1, .tile = show};
  cr_expect_eq(cgap_tally_run(NULL, &count, &data, &fine, &o, &error), CGAP_FILE);
  cgap_simulation_clear(&s);
}

/* ---------------------------------------------------------------- training and application */

static void note_epoch(void *context, const cgap_epoch *record, const cgap_train_options *options)
{
  size_t *epochs = context;
  cr_expect_eq(record->epoch, ++*epochs);
  cr_expect_leq(record->epoch, options->epochs);
}

static cgap_train_options quick_options(void)
{
  cgap_train_options o = CGAP_TRAIN_OPTIONS_INIT;
  o.epochs = 5;
  o.batch = 32;
  o.threads = 2;
  return o;
}

/* Through a head all at once from the caller's doubles, or by blocks of unit rows: the same bits; the gap is smaller on
 * images that training has not seen. */
Test(library, a_head_is_trained_and_applied_on_views)
{
  enum { N = 400, D = 16 };
  cgap_simulation s = simulated(N, D);
  const cgap_data data = cgap_simulation_data(&s);
  cgap_train_options o = quick_options();
  const cgap_progress quiet = {0};
  cgap_head *head = NULL;
  cgap_error error = {0};
  size_t epochs = 0, rows = 0, count[CGAP_SPLITS] = {0};
  const cgap_observer observer = {note_epoch, &epochs};
  cr_assert_eq(cgap_train_run(&head, &data, &o, &observer, &error), CGAP_OK, "%s", error.message);
  cr_expect_eq(epochs, 5);
  const int64_t *split = cgap_head_split(head, &rows);
  cr_assert_eq(rows, N);
  for (size_t i = 0; i < N; i++)
    count[split[i]]++;
  cr_expect_eq(count[CGAP_TEST], N / 5);
  cr_expect_eq(count[CGAP_VALIDATION], N / 10);

  float *image = support_alloc(N * D, sizeof *image), *text = support_alloc(N * D, sizeof *text);
  cr_assert_eq(cgap_head_apply_source(head, CGAP_IMAGE_ROWS, &data.image, image, 2, quiet, &error), CGAP_OK);
  cr_assert_eq(cgap_head_apply_source(head, CGAP_TEXT_ROWS, &data.text, text, 1, quiet, &error), CGAP_OK);
  float *unit = support_encode(s.text, N * D, CGAP_FLOAT32), *block = support_alloc(N * D, sizeof *block);
  cr_assert_eq(cgap_head_apply(head, CGAP_TEXT_ROWS, unit, N, block, &error), CGAP_OK);
  for (size_t k = 0; k < N * D; k++)
    cr_assert_float_eq((double)text[k], (double)block[k], 1e-6, "element %zu", k);

  double before[D] = {0}, after[D] = {0}, old = 0, new = 0;
  for (size_t i = 0; i < N; i++)
    for (size_t k = 0; split[i] == CGAP_TEST && k < D; k++) {
      before[k] += s.image[i * D + k] - s.text[i * D + k];
      after[k] += (double)image[i * D + k] - (double)text[i * D + k];
    }
  for (size_t k = 0; k < D; k++) {
    old += before[k] * before[k];
    new += after[k] * after[k];
  }
  cr_expect_lt(new, old / 4, "gap %g after %g", sqrt(new), sqrt(old));
  cgap_head_close(head);
  free(image);
  free(text);
  free(unit);
  free(block);
  cgap_simulation_clear(&s);
}

Test(library, the_split_comes_back_from_a_file)
{
  cgap_simulation s = simulated(80, 6);
  const cgap_data data = cgap_simulation_data(&s);
  cgap_train_options o = quick_options();
  cgap_head *head = NULL, *read = NULL, *method = NULL;
  cgap_error error = {0};
  char folder[256], path[300];
  size_t rows, back;
  support_directory(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/head.h5", folder);
  cr_assert_eq(cgap_train_run(&head, &data, &o, NULL, &error), CGAP_OK, "%s", error.message);
  cr_assert_eq(cgap_head_write(head, path, &error), CGAP_OK, "%s", error.message);
  cr_assert_eq(cgap_head_read(&read, path, &error), CGAP_OK, "%s", error.message);
  const int64_t *was = cgap_head_split(head, &rows), *is = cgap_head_split(read, &back);
  cr_assert_eq(rows, back);
  cr_expect_eq(memcmp(was, is, rows * sizeof *was), 0);
  cr_assert_eq(cgap_gap_method_fit(&method, CGAP_CENTER, 1, &data, 1, (cgap_progress){0}, &error), CGAP_OK);
  cr_expect_null(cgap_head_split(method, &rows));
  cr_expect_eq(rows, 0);
  cgap_head_close(head);
  cgap_head_close(read);
  cgap_head_close(method);
  support_remove(folder);
  cgap_simulation_clear(&s);
}

Test(library, training_and_application_stop_and_refuse)
{
  enum { N = 120, D = 6 };
  cgap_simulation s = simulated(N, D);
  cgap_data data = cgap_simulation_data(&s);
  cgap_train_options o = quick_options();
  cgap_head *head = NULL;
  cgap_error error = {0};
  watch w = {.stop_at = "training"};
  o.progress = (cgap_progress){tick, &w};
  cr_expect_eq(cgap_train_run(&head, &data, &o, NULL, &error), CGAP_INTERRUPTED);
  cr_expect_null(head);
  cr_expect_neq(error.message[0], '\0');
  w.stop_at = NULL;
  o.batch = 5000;
  cr_expect_eq(cgap_train_run(&head, &data, &o, NULL, &error), CGAP_USAGE);
  cr_expect_null(head);
  o.batch = 32;
  data.pairing = CGAP_UNPAIRED;
  cr_expect_eq(cgap_train_run(&head, &data, &o, NULL, &error), CGAP_FILE);
  data.pairing = CGAP_BY_ROW;
  cr_assert_eq(cgap_train_run(&head, &data, &o, NULL, &error), CGAP_OK, "%s", error.message);

  float out[N * D];
  w = (watch){.stop_at = "applying"};
  cr_expect_eq(cgap_head_apply_source(head, CGAP_TEXT_ROWS, &data.text, out, 1, o.progress, &error), CGAP_INTERRUPTED);
  cr_expect_eq(w.calls, 1);
  w.stop_at = NULL;
  s.text[3 * D] = NAN;
  cr_expect_eq(cgap_head_apply_source(head, CGAP_TEXT_ROWS, &data.text, out, 1, o.progress, &error), CGAP_DATA);
  cr_expect_not_null(strstr(error.message, "row 3"), "%s", error.message);
  const cgap_source narrow = cgap_source_view(s.text, N, D / 2, CGAP_FLOAT64, "narrow");
  cr_expect_eq(cgap_head_apply_source(head, CGAP_TEXT_ROWS, &narrow, out, 1, o.progress, &error), CGAP_DATA);
  cr_expect_not_null(strstr(error.message, "narrow"), "%s", error.message);
  cgap_head_close(head);
  cgap_simulation_clear(&s);
}

/* ---------------------------------------------------------------- audits */

enum { MOST_PHASES = 16 };

typedef struct list {
  char name[MOST_PHASES][80];
  size_t count;
} list;

static bool note_phase(void *context, const char *phase, double fraction)
{
  list *l = context;
  cr_expect(fraction >= 0 && fraction <= 1, "%s: %g", phase, fraction);
  if (l->count < MOST_PHASES && (l->count == 0 || strcmp(l->name[l->count - 1], phase) != 0))
    snprintf(l->name[l->count++], sizeof l->name[0], "%s", phase);
  return false;
}

Test(library, an_audit_stops_in_every_phase_that_it_names)
{
  cgap_simulation s = simulated(60, 6);
  const cgap_data data = cgap_simulation_data(&s);
  cgap_audit_options o = CGAP_AUDIT_OPTIONS_INIT;
  cgap_audit audit;
  cgap_error error = {0};
  list phases = {0};
  o.threads = 1; /* the calling thread, which does the asking, has a share of every piece of work */
  o.progress = (cgap_progress){note_phase, &phases};
  cr_assert_eq(cgap_audit_run(&audit, &data, &o, &error), CGAP_OK, "%s", error.message);
  cgap_audit_clear(&audit);
  cr_assert_geq(phases.count, 3);
  for (size_t k = 0; k < phases.count; k++) {
    watch w = {.stop_at = phases.name[k]};
    o.progress = (cgap_progress){tick, &w};
    cr_expect_eq(cgap_audit_run(&audit, &data, &o, &error), CGAP_INTERRUPTED, "%s", phases.name[k]);
    cr_expect_null(audit.image_mean);
    cgap_audit_clear(&audit);
  }
  cgap_simulation_clear(&s);
}
