/* What the audit refuses, by its status and a message that names the place; nothing is left behind. */
#include "run_audit.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 12, D = 6 };

/* What a case changes in sound data. */
typedef struct change {
  cgap_data data;
  cgap_audit_options options;
  double *x, *y;
  uint64_t owner[N];
  int64_t labels[N];
} change;

static void three_texts_short(change *c)
{
  c->data.text.rows = N - 3;
}

static void two_rows(change *c)
{
  c->data.image.rows = c->data.text.rows = 2;
}

static void other_dimension(change *c)
{
  c->data.text = cgap_source_view(c->y, 2 * N, D / 2, CGAP_FLOAT64, "test:/text");
  c->data.pairing = CGAP_PAIRING_OPEN; /* no cosine shows which text belongs to which image */
}

static void one_dimension(change *c)
{
  c->data.image = cgap_source_view(c->x, N, 1, CGAP_FLOAT64, "test:/image");
  c->data.text = cgap_source_view(c->y, N, 1, CGAP_FLOAT64, "test:/text");
}

static void not_a_number(change *c)
{
  c->x[3 * D + 1] = NAN;
}

static void infinite(change *c)
{
  c->y[5 * D] = INFINITY;
}

static void zero_row(change *c)
{
  memset(c->y + 7 * D, 0, D * sizeof *c->y);
}

static void pairing_out_of_range(change *c)
{
  for (size_t j = 0; j < N; j++)
    c->owner[j] = j;
  c->owner[4] = N;
  c->data.pairing = CGAP_BY_INDEX;
  c->data.text_image = c->owner;
}

static void label_out_of_range(change *c)
{
  for (size_t i = 0; i < N; i++)
    c->labels[i] = 0;
  c->labels[9] = 3;
  c->data.labels = c->labels;
  c->data.class_text = cgap_source_view(c->y, 3, D, CGAP_FLOAT64, "test:/class_text");
  c->data.prompts = 1;
}

static void cold(change *c)
{
  c->options.temperature = 0.001;
}

static void no_temperature(change *c)
{
  c->options.temperature = NAN;
}

static void little_memory(change *c)
{
  c->options.memory_bytes = 1 << 20;
}

static bool stop_at_once(void *context, const char *phase, double fraction)
{
  (void)phase, (void)fraction;
  ++*(int *)context;
  return true;
}

static int ticks;

static void interrupted(change *c)
{
  c->options.progress = (cgap_progress){stop_at_once, &ticks};
}

static cgap_status failing_read(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  (void)first, (void)count, (void)out;
  return cgap_fail(error, CGAP_FILE, "%s: cannot be read", source->name);
}

static void unreadable(change *c)
{
  c->data.text.read = failing_read;
}

Test(audit_refused, by_status_and_message)
{
  static const struct {
    const char *name;
    void (*apply)(change *);
    cgap_status status;
    const char *words[3]; /* all stand in the message */
  } CASES[] = {
    {"three texts short", three_texts_short, CGAP_FILE, {"12", "9"}},
    {"two rows", two_rows, CGAP_DATA, {"/image", "2", "3"}},
    {"other dimension, order open", other_dimension, CGAP_FILE, {"6", "3", "--text-image"}},
    {"one dimension", one_dimension, CGAP_DATA, {"1", "2"}},
    {"not a number", not_a_number, CGAP_DATA, {"/image", "3", "--drop-bad"}},
    {"infinite", infinite, CGAP_DATA, {"/text", "5", "--drop-bad"}},
    {"zero row", zero_row, CGAP_DATA, {"/text", "7", "--drop-bad"}},
    {"pairing out of range", pairing_out_of_range, CGAP_DATA, {"12", "4"}},
    {"label out of range", label_out_of_range, CGAP_DATA, {"3", "9"}},
    {"cold", cold, CGAP_USAGE, {"0.001", "0.005"}},
    {"no temperature", no_temperature, CGAP_USAGE, {"temperature"}},
    {"little memory", little_memory, CGAP_RESOURCE, {"`memory_bytes`", "1M"}},
    {"interrupted", interrupted, CGAP_INTERRUPTED, {"interrupted"}},
    {"unreadable", unreadable, CGAP_FILE, {"/text"}},
  };
  static const cgap_audit EMPTY;
  for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
    change c = {.options = CGAP_AUDIT_OPTIONS_INIT};
    cgap_audit out;
    cgap_error error = {0};
    run_pairs(3, N, D, 0.3, &c.x, &c.y);
    run_rows rows = {N, N, D, c.x, c.y, NULL, CGAP_BY_ROW, false};
    c.data = run_data(&rows);
    c.options.threads = 1;
    CASES[k].apply(&c);
    cr_expect_eq(cgap_audit_run(&out, &c.data, &c.options, &error), CASES[k].status, "%s: %s", CASES[k].name,
                 error.message);
    cr_expect_eq(error.status, CASES[k].status);
    for (size_t w = 0; w < 3 && CASES[k].words[w]; w++)
      cr_expect(strstr(error.message, CASES[k].words[w]), "%s: no \"%s\" in: %s", CASES[k].name, CASES[k].words[w],
                error.message);
    cr_expect_null(strchr(error.message, '\n'));
    cr_expect_eq(memcmp(&out, &EMPTY, sizeof out), 0, "%s: something was left behind", CASES[k].name);
    cgap_audit_clear(&out);
    free(c.x);
    free(c.y);
  }
  cr_expect_eq(ticks, 1, "the audit went on after the first tick");
}

/* The error is optional. */
Test(audit_refused, without_an_error)
{
  change c = {.options = CGAP_AUDIT_OPTIONS_INIT};
  cgap_audit out;
  run_pairs(3, N, D, 0.3, &c.x, &c.y);
  run_rows rows = {2, 2, D, c.x, c.y, NULL, CGAP_BY_ROW, false};
  c.data = run_data(&rows);
  cr_expect_eq(cgap_audit_run(&out, &c.data, &c.options, NULL), CGAP_DATA);
  cgap_audit_clear(&out);
  free(c.x);
  free(c.y);
}
