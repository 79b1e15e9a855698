#include "cli/train_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/comparison_page.h"
#include "report/curves.h"
#include "report/figures.h"

enum { NAMES = 24 };

/* ---------------------------------------------------------------- curves */

/* A measure of an epoch. */
typedef struct measured {
  const char *panel;
  size_t offset; /* in cgap_epoch, of the training part; SIZE_MAX: none */
  size_t validation;
} measured;

static const size_t ABSENT = (size_t)-1;

static const measured MEASURED[] = {
  {"loss", offsetof(cgap_epoch, training.total), offsetof(cgap_epoch, validation.total)},
  {"L_CLIP", offsetof(cgap_epoch, training.clip), offsetof(cgap_epoch, validation.clip)},
  {"centroid distance", (size_t)-1, offsetof(cgap_epoch, validation_gap)},
  {"L_Uniform", offsetof(cgap_epoch, training.uniform), offsetof(cgap_epoch, validation.uniform)},
  {"L_Align", offsetof(cgap_epoch, training.align), offsetof(cgap_epoch, validation.align)},
  {"recall@1", (size_t)-1, (size_t)-1}, /* mean of both directions, see value_of */
};
enum { MEASURES = sizeof MEASURED / sizeof *MEASURED, RECALL = MEASURES - 1, GAP = 2 };

static double value_of(const cgap_epoch *e, int measure, bool training)
{
  if (measure == RECALL) {
    const cgap_loss_terms *t = training ? &e->training : &e->validation;
    return (t->recall_image_to_text + t->recall_text_to_image) / 2;
  }
  const size_t at = training ? MEASURED[measure].offset : MEASURED[measure].validation;
  return at == ABSENT ? NAN : *(const double *)((const char *)e + at);
}

/* Epochs 0 (the start, validation alone) to the last. */
static size_t epochs_of(const cgap_training_result *f)
{
  return f->history.count + 1;
}

static void fill_curve_points(double *x, double *y, const cgap_training_result *f, int measure, bool training)
{
  for (size_t k = 0; k < epochs_of(f); k++) {
    const cgap_epoch *e = k ? &f->history.epoch[k - 1] : &f->start;
    x[k] = (double)k;
    y[k] = value_of(e, measure, training);
  }
}

static bool has_values(const double *y, size_t count)
{
  for (size_t k = 0; k < count; k++)
    if (isfinite(y[k]))
      return true;
  return false;
}

typedef struct curve_list {
  cgap_curve *curve;
  double *numbers; /* two runs of `most` for each curve */
  size_t count, most;
} curve_list;

static bool curve_list_init(curve_list *l, const cli_train_result *r, size_t capacity)
{
  *l = (curve_list){0};
  for (size_t k = 0; k < r->run_count; k++)
    l->most = epochs_of(r->training_result[k]) > l->most ? epochs_of(r->training_result[k]) : l->most;
  l->curve = calloc(capacity, sizeof *l->curve);
  l->numbers = calloc(2 * capacity * l->most, sizeof *l->numbers);
  return l->curve && l->numbers;
}

static void curve_list_clear(curve_list *l)
{
  free(l->curve);
  free(l->numbers);
}

static void add_curve(curve_list *l, const cgap_training_result *f, int measure, const char *series, bool training)
{
  double *x = l->numbers + 2 * l->count * l->most, *y = x + l->most;
  fill_curve_points(x, y, f, measure, training);
  if (has_values(y, epochs_of(f)))
    l->curve[l->count++] =
      (cgap_curve){.panel = MEASURED[measure].panel, .series = series, .x = x, .y = y, .count = epochs_of(f)};
}

static cgap_status write_curves(const cli_train_result *r, const char *folder, cgap_error *error)
{
  const bool race = r->run_count > 1;
  const cgap_comparison *c = &r->evaluation->comparison;
  const cgap_audit *after = &r->evaluation->audit[1];
  char shown[200];
  curve_list list;
  cgap_status status = CGAP_OK;
  snprintf(shown, sizeof shown, "corrected distance of the test part: %.3f before",
           r->evaluation->audit[0].gap.corrected_distance.value);
  for (size_t k = 1; k <= r->run_count; k++) {
    const size_t used = strlen(shown);
    snprintf(shown + used, sizeof shown - used, ", %.3f %s%s", r->evaluation->audit[k].gap.corrected_distance.value,
             race ? "under " : "", c->input[k].name);
  }
  if (!curve_list_init(&list, r, (size_t)MEASURES * (race ? r->run_count : 2)))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (int m = 0; status == CGAP_OK && m < MEASURES; m++)
    for (size_t k = 0; k < r->run_count; k++) {
      if (!race)
        add_curve(&list, r->training_result[k], m, "training", true);
      if (!race || m != 0) /* losses of different kinds do not compare */
        add_curve(&list, r->training_result[k], m, race ? c->input[k + 1].name : "validation", false);
    }
  const cgap_curves_about about = {.title = race ? "The race: only the loss differs" : "Training",
                                   .shown = shown,
                                   .x = "epoch",
                                   .source = r->source,
                                   .images = after->images,
                                   .texts = after->texts,
                                   .dim = after->dim};
  if (status == CGAP_OK)
    status = cgap_curves_write(folder, race ? "race" : "history", list.curve, list.count, &about, error);
  curve_list_clear(&list);
  return status;
}

/* ---------------------------------------------------------------- the page */

static const cgap_section sections[] = {{"result", "What it gained and what it cost"},
                                        {"training", "Training"},
                                        {"figures", "Before and after"},
                                        {"measures", "Every measure"},
                                        {"definitions", "Definitions"},
                                        {"run", "How it was run"},
                                        {NULL, NULL}};
enum { RESULT, TRAINING, FIGURES, MEASURES_SECTION, DEFINITIONS, RUN };

static void put_result(cgap_page *page, const cli_train_result *r)
{
  const cgap_comparison *c = &r->evaluation->comparison;
  char added[CGAP_SENTENCE];
  cgap_page_section(page, &sections[RESULT]);
  for (size_t k = 1; k <= r->run_count; k++) {
    const cgap_training_result *f = r->training_result[k - 1];
    fputs("<h3>", page->out);
    cgap_page_text(page, c->input[k].name);
    cgap_verdict_words words;
    cgap_comparison_words(&words, c, k);
    fputs("</h3>\n", page->out);
    for (size_t i = 0; i < words.count; i++) {
      fputs(i || !cgap_comparison_opens(c, k) ? "<p>" : "<p class=\"bad\">", page->out);
      cgap_page_text(page, words.sentence[i]);
      fputs("</p>\n", page->out);
    }
    fprintf(page->out, "<p>%zu epochs in %.1f seconds, epoch %llu is kept.</p>\n", f->history.count, f->seconds,
            (unsigned long long)f->kept_epoch);
    cgap_comparison_page_words(page, c, k);
    cgap_comparison_adds(added, c, k, "center");
    fputs("<p>", page->out);
    cgap_page_text(page, added);
    fputs("</p>\n", page->out);
  }
  cgap_page_section_end(page);
}

static void put_measures(cgap_page *page, const cli_train_result *r)
{
  const cgap_evaluation *s = r->evaluation;
  cgap_page_section(page, &sections[MEASURES_SECTION]);
  fputs("<p>All on the test part, which training never saw. The columns on the right are the head at its start, and "
        "methods that need no training.</p>\n",
        page->out);
  for (size_t k = 1; k <= r->run_count; k++)
    cgap_comparison_page_table(page, &s->comparison, k, r->run_count + 1, s->count);
  cgap_page_section_end(page);
}

static void put_run(cgap_page *page, const cli_train_result *r)
{
  char text[200];
  cgap_page_section(page, &sections[RUN]);
  fputs("<dl>\n", page->out);
  cgap_page_term(page, "command", r->run.command_line ? r->run.command_line : "");
  cgap_page_term(page, "options", r->training_result[0]->head->options);
  snprintf(text, sizeof text, "%.1f in all, %d threads", r->run.seconds, r->run.threads);
  cgap_page_term(page, "seconds", text);
  cgap_page_term(page, "version", cgap_version());
  fputs("</dl>\n", page->out);
  cgap_page_section_end(page);
}

static cgap_status write_page(const cli_train_result *r, const char *folder, const char *figures,
                              const char *const *names, size_t count, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_page page;
  cgap_status status = cgap_folder_file(path, folder, "report.html", error);
  if (status == CGAP_OK)
    status = cgap_page_open(&page, path, "Closing the gap", r->source, sections, error);
  if (status != CGAP_OK)
    return status;
  put_result(&page, r);
  cgap_page_section(&page, &sections[TRAINING]);
  status = cgap_page_figures(&page, figures, names, 1, error);
  cgap_page_section_end(&page);
  if (status == CGAP_OK) {
    cgap_page_section(&page, &sections[FIGURES]);
    status = cgap_page_figures(&page, figures, names + 1, count - 1, error);
    cgap_page_section_end(&page);
  }
  put_measures(&page, r);
  cgap_page_section(&page, &sections[DEFINITIONS]);
  cgap_page_definitions(&page, r->evaluation->audit[0].has);
  cgap_page_section_end(&page);
  put_run(&page, r);
  const bool commit = status == CGAP_OK;
  cgap_status closed = cgap_page_close(&page, commit, commit ? error : NULL);
  return commit ? closed : status;
}

cgap_status cli_train_page_write(const cli_train_result *r, const char *folder, void (*warn_line)(const char *line),
                                 cgap_error *error)
{
  char path[CGAP_PATH];
  const char *names[NAMES] = {r->run_count > 1 ? "race" : "history"};
  cgap_folder made;
  const size_t count = 1 + cgap_before_after_of(names + 1, NAMES - 1);
  cgap_status status = cgap_folder_file(path, folder, "figures", error);
  if (status == CGAP_OK)
    status = cgap_folder_open(&made, path, error);
  if (status == CGAP_OK)
    status = write_curves(r, path, error);
  if (status == CGAP_OK) /* of a race the last, which has every term */
    status =
      cgap_before_after_write(&r->evaluation->audit[0], &r->evaluation->audit[r->run_count], r->source, path, error);
  if (status == CGAP_OK)
    status = cgap_render_figures(path, names, count, warn_line, error);
  return status == CGAP_OK ? write_page(r, folder, path, names, count, error) : status;
}
