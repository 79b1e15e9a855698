/* A choice among candidates, or one training as asked, with its evaluation, for a caller of the library: what
 * `contragap train` does. */
#include <stdlib.h>
#include <string.h>

#include "base/source.h"
#include "base/text_buffer.h"
#include "head/training/choice.h"
#include "report/audit_report.h"
#include "report/gnuplot.h"
#include "report/overwrite.h"
#include "report/training_folder.h"

struct cgap_closing {
  cgap_train_options options;
  cgap_training_data training_data; /* what changes.held points to; its rows are released */
  bool single;                      /* one training: no choice, pilot and fingerprint */
  cgap_choice choice;
  cgap_training_result result; /* of the chosen candidate, or of the training */
  cgap_pilot pilot;
  cgap_evaluation evaluation; /* before, after, … */
  cgap_changes changes;
  cgap_against against;
  char fingerprint[CGAP_FINGERPRINT]; /* of data and options */
};

void cgap_closing_close(cgap_closing *c)
{
  if (!c)
    return;
  cgap_training_result_clear(&c->result);
  cgap_changes_clear(&c->changes);
  cgap_evaluation_clear(&c->evaluation);
  cgap_choice_clear(&c->choice);
  cgap_training_data_clear(&c->training_data);
  free(c);
}

static cgap_status choose(cgap_closing *c, cgap_goal goal, cgap_error *error)
{
  const bool classes = c->training_data.rows->data.texts_are_classes;
  const cgap_choice_options options = {.training = c->options,
                                       .goal = goal != CGAP_GOAL_AUTO ? goal
                                               : classes              ? CGAP_GOAL_ZERO_SHOT
                                                                      : CGAP_GOAL_MIXED};
  const cgap_status status = cgap_choice_run(&c->choice, &c->training_data, &options, error);
  if (status != CGAP_OK)
    return status;
  c->result = c->choice.result;
  c->choice.result = (cgap_training_result){0};
  if (classes) /* any image of a class would do as an answer */
    return CGAP_OK;
  return cgap_pilot_run(&c->pilot, &c->training_data, c->result.head, c->options.threads, error);
}

static cgap_status evaluate(cgap_closing *c, cgap_error *error)
{
  const cgap_trained after = {"after", &c->result, &c->options.weights};
  cgap_status status =
    cgap_trained_evaluation_run(&c->evaluation, &c->training_data, &after, 1, &c->options, c->options.threads, error);
  if (status == CGAP_OK)
    status = cgap_changes_init(&c->changes, &c->evaluation.audit[0], &c->evaluation.audit[1], error);
  c->changes.held = c->training_data.held_out.class;
  return status == CGAP_OK ? cgap_against_evaluation(&c->against, &c->evaluation, 1, error) : status;
}

static cgap_status run(cgap_closing *c, const cgap_data *data, cgap_goal goal, cgap_error *error)
{
  uint64_t hash = 0;
  cgap_status status =
    cgap_training_data_open(&c->training_data, data, &c->options, CGAP_WITH_METHODS | CGAP_WITH_ROWS, error);
  if (status == CGAP_OK)
    status = cgap_train_check_batch(&c->options, &c->training_data.training, error);
  if (status == CGAP_OK)
    status = cgap_data_hash(&hash, data, error);
  cgap_choice_fingerprint(c->fingerprint, hash, &c->options, data->image.dim, 0, goal);
  if (status == CGAP_OK)
    status = choose(c, goal, error);
  cgap_training_data_release_rows(&c->training_data);
  return status == CGAP_OK ? evaluate(c, error) : status;
}

static cgap_status run_single(cgap_closing *c, const cgap_data *data, const cgap_observer *observer, cgap_error *error)
{
  const cgap_training_output nowhere = {0};
  cgap_status status = cgap_training_data_open(&c->training_data, data, &c->options, CGAP_WITH_METHODS, error);
  if (status == CGAP_OK)
    status = cgap_train_check_batch(&c->options, &c->training_data.training, error);
  if (status == CGAP_OK)
    status = cgap_training_run(&c->result, &c->training_data, &c->options, &nowhere, observer, error);
  return status == CGAP_OK ? evaluate(c, error) : status;
}

/* Checks what a call was given; an empty closing of it. */
static cgap_status begin(cgap_closing **out, cgap_data *data, const char *function, const cgap_data *given,
                         const cgap_train_options *options, cgap_error *error)
{
  cgap_status status = cgap_check_argument(out, function, "out", error);
  if (status != CGAP_OK)
    return status;
  *out = NULL;
  status = cgap_check_data(data, given, error);
  const cgap_train_options used = options ? *options : cgap_train_options_default();
  if (status == CGAP_OK && used.comm)
    status = cgap_fail(error, CGAP_USAGE, "%s: comm is not NULL, but this is for one process", function);
  if (status == CGAP_OK)
    status = cgap_train_check(&used, data->image.dim, error);
  if (status == CGAP_OK && !(*out = calloc(1, sizeof **out)))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (status == CGAP_OK)
    (*out)->options = used;
  return status;
}

static cgap_status finish(cgap_closing **out, cgap_status status)
{
  if (status != CGAP_OK) {
    cgap_closing_close(*out);
    *out = NULL;
  }
  return status;
}

cgap_status cgap_closing_run(cgap_closing **out, const cgap_data *given, const cgap_train_options *options,
                             cgap_goal goal, cgap_error *error)
{
  cgap_data data;
  cgap_status status = begin(out, &data, "cgap_closing_run", given, options, error);
  if (status != CGAP_OK)
    return status;
  status = cgap_check_choice("goal", (int)goal, CGAP_GOAL_AUTO + 1, error);
  return finish(out, status == CGAP_OK ? run(*out, &data, goal, error) : status);
}

cgap_status cgap_closing_train(cgap_closing **out, const cgap_data *given, const cgap_train_options *options,
                               const cgap_observer *observer, cgap_error *error)
{
  cgap_data data;
  const cgap_status status = begin(out, &data, "cgap_closing_train", given, options, error);
  if (status != CGAP_OK)
    return status;
  (*out)->single = true;
  return finish(out, run_single(*out, &data, observer, error));
}

const cgap_head *cgap_closing_head(const cgap_closing *c)
{
  return c ? c->result.head : NULL;
}

const cgap_audit *cgap_closing_audit(const cgap_closing *c, const char *name)
{
  for (size_t k = 0; c && name && k < c->evaluation.count; k++)
    if (strcmp(c->evaluation.comparison.input[k].name, name) == 0)
      return &c->evaluation.audit[k];
  return NULL;
}

/* ---------------------------------------------------------------- text */

static cgap_status recommend(cgap_recommendation *out, const cgap_closing *c, const char *folder,
                             const cgap_report_about *about, cgap_error *error)
{
  const char *input = about->dataset && about->source ? about->source : "FILE";
  const cgap_status status = cgap_recommendation_init(out, &c->choice, &c->pilot, &c->evaluation, folder, input, error);
  out->fingerprint = c->fingerprint;
  return status;
}

/* A recommendation, and the paper that it is printed on. */
typedef struct printed_closing {
  const cgap_closing *closing;
  const cgap_recommendation *recommendation;
  int columns;
} printed_closing;

static cgap_status print_json(FILE *stream, const void *of, cgap_error *error)
{
  json_t *json = cgap_recommendation_json(((const printed_closing *)of)->recommendation);
  const cgap_status status =
    json ? cgap_json_print(json, stream, error) : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  json_decref(json);
  return status;
}

static cgap_status print_words(FILE *stream, const void *of, cgap_error *error)
{
  const printed_closing *p = of;
  const cgap_closing *c = p->closing;
  const cgap_paper paper = cgap_paper_plain(p->columns);
  const cgap_contender head = {"after", &c->against};
  double before[CGAP_TRIAL_MEASURES];
  cgap_advice_words words = {0};
  cgap_phrase size;
  (void)error;
  if (!c->single)
    cgap_recommendation_write(&words, p->recommendation);
  for (size_t i = 0; i < words.count; i++)
    cgap_text_wrap(stream, paper.columns, i ? "" : "Recommended: ", words.sentence[i], 0);
  (void)cgap_modality_printf(size.s, sizeof size.s, &c->evaluation.comparison.names,
                             "test part: %zu {images}, %zu {texts}", c->evaluation.audit[0].images,
                             c->evaluation.audit[0].texts);
  fprintf(stream, "%s%s\n\n", c->single ? "" : "\n", size.s);
  cgap_trial_values(before, &c->evaluation.audit[0]);
  cgap_against_print(NULL, before, &head, 1, &paper, stream);
  return CGAP_OK;
}

cgap_status cgap_closing_text(char **out, const cgap_closing *c, cgap_report_form form, int columns,
                              const cgap_report_about *about, cgap_error *error)
{
  cgap_recommendation r;
  cgap_status status = cgap_check_argument(out, "cgap_closing_text", "out", error);
  if (status == CGAP_OK) {
    *out = NULL;
    status = cgap_check_argument(c, "cgap_closing_text", "closing", error);
  }
  if (status == CGAP_OK && form != CGAP_REPORT_JSON && form != CGAP_REPORT_TABLE)
    status = cgap_fail(error, CGAP_USAGE, "cgap_closing_text: form %d; give JSON or TABLE", (int)form);
  if (status == CGAP_OK && c->single && form == CGAP_REPORT_JSON)
    status = cgap_fail(error, CGAP_USAGE, "cgap_closing_text: one training has no recommendation; give TABLE");
  if (status == CGAP_OK && !c->single)
    status = recommend(&r, c, "DIR", about ? about : &(cgap_report_about){0}, error);
  return status != CGAP_OK ? status
                           : cgap_text_make(out, form == CGAP_REPORT_JSON ? print_json : print_words,
                                            &(printed_closing){c, &r, columns}, error);
}

/* ---------------------------------------------------------------- the folder */

static cgap_status check_folder(const char *folder, bool replace, cgap_error *error)
{
  const char *names[CGAP_TRAINING_RESULT_NAMES + 1] = {NULL};
  char first[300];
  memcpy(names, cgap_training_result_names, sizeof cgap_training_result_names);
  if (!replace && cgap_overwrite_finds_training(folder, first))
    return cgap_fail(error, CGAP_FILE, "%s: holds another run (%s); give `replace` to replace it, or another folder",
                     folder, first);
  const cgap_status status = cgap_overwrite_folder(folder, CGAP_FOLDER_TRAIN, names, replace, error);
  if (status == CGAP_OK && replace)
    cgap_training_folder_remove(folder);
  return status;
}

static cgap_status write_folder(const cgap_closing *c, const char *folder, const cgap_report_about *about,
                                void (*warn)(const char *line), cgap_error *error)
{
  cgap_recommendation recommendation;
  cgap_row_names names = {0};
  json_t *input = NULL;
  char *word = cgap_shell_word(folder);
  cgap_status status = !word       ? cgap_fail(error, CGAP_RESOURCE, "out of memory")
                       : c->single ? CGAP_OK
                                   : recommend(&recommendation, c, word, about, error);
  free(word);
  if (status == CGAP_OK)
    status = cgap_about_input(&input, about, error);
  if (status == CGAP_OK && !input && !(input = json_object()))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory");
  if (status == CGAP_OK && about->dataset)
    status = cgap_row_names_read(&names, about->dataset, error);
  const cgap_training_results results = {.evaluation = &c->evaluation,
                                         .training_result = {&c->result},
                                         .changes = {&c->changes},
                                         .prefix = {""},
                                         .head = {{"after", &c->against}},
                                         .run_count = 1,
                                         .names = &names,
                                         .recommendation = c->single ? NULL : &recommendation,
                                         .source = about->source ? about->source : "embeddings",
                                         .input = input,
                                         .run = cgap_about_run(about, "contragap train")};
  if (status == CGAP_OK)
    status = c->single ? cgap_training_folder_write_single(folder, &c->result, error)
                       : cgap_training_folder_write_choice(folder, &c->choice, c->result.head, error);
  if (status == CGAP_OK)
    status = cgap_training_folder_write(&results, folder, warn, error);
  cgap_row_names_clear(&names);
  json_decref(input);
  return status;
}

cgap_status cgap_closing_save(const cgap_closing *c, const char *path, bool replace, const cgap_report_about *about,
                              void (*warn)(const char *line), cgap_error *error)
{
  cgap_folder folder;
  cgap_status status = cgap_check_argument(c, "cgap_closing_save", "closing", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(path, "cgap_closing_save", "folder", error);
  if (status == CGAP_OK)
    status = cgap_folder_open_alone(&folder, path, error);
  if (status != CGAP_OK)
    return status;
  const cgap_c_locale locale = cgap_c_locale_begin();
  status = check_folder(path, replace, error);
  if (status == CGAP_OK)
    status = write_folder(c, path, about ? about : &(cgap_report_about){0}, warn, error);
  cgap_gnuplot_close();
  cgap_c_locale_end(locale);
  if (status != CGAP_OK) {
    if (error)
      cgap_stage_hide(error->message);
    cgap_folder_abandon(&folder);
  }
  cgap_lock_release(path, true);
  return status;
}
