/* The table of the card: its sentences broken into lines that fit, up to three numbers, and points of the scatter. */
#include "report/card.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/fields.h"
#include "analysis/interval.h"
#include "base/text_buffer.h"
#include "report/figures.h"
#include "report/gnuplot.h"

const char CGAP_CARD_FILE[] = "card.png";

enum { POINTS_MAX = 250, NUMBERS_MAX = 3, LINE_BYTES = 400, KEY_BYTES = 60, PERCENT = -1 };

/* The numbers that a card may show, the first that an audit has: by what one would notice. */
static const struct {
  const char *key, *label;
  int decimals; /* PERCENT: a fraction shown as such */
} NUMBERS[] = {
  {"mixed_retrieval.image_query.recall_at_10", N_("of {images} find their {text} in one index, top 10"), PERCENT},
  {"zero_shot.top_1", N_("of {images} get the right class (zero-shot)"), PERCENT},
  {"retrieval.text_to_image.recall_at_1", N_("of {texts} find their {image} first"), PERCENT},
  {"mixed.same_modality_share", N_("of the nearest ten are of the same modality"), PERCENT},
  {"gap.corrected_distance", N_("corrected distance of the two centroids"), 2},
  {"pca.image.participation_ratio", N_("dimensions of the {images} are in use"), 0},
  {"uniformity.image", N_("uniformity of the {images} (lower is better)"), 2},
};

/* With − before a number in place of -. */
static void about_words(cgap_tsv *t, const char *name, const char *words)
{
  char shown[2 * LINE_BYTES] = "";
  size_t used = 0;
  for (const char *c = words; *c && used + sizeof CGAP_MINUS < sizeof shown; c++)
    used += (size_t)snprintf(shown + used, sizeof shown - used, cgap_text_is_minus(words, c) ? CGAP_MINUS : "%c", *c);
  cgap_tsv_about(t, name, "%s", shown);
}

/* Up to `most` lines of at most `letters` columns as "# key_1", "# key_2" …; the last ends with … where there is more.
 */
static void about_lines(cgap_tsv *t, const char *key, const char *text, size_t letters, size_t most)
{
  size_t line = 0;
  while (*text && line < most) {
    const size_t bytes = cgap_text_line(text, (int)letters);
    const bool rest = text[bytes] != '\0';
    char name[KEY_BYTES], words[LINE_BYTES];
    snprintf(name, sizeof name, "%.30s_%zu", key, ++line);
    snprintf(words, sizeof words, "%.*s%s", (int)bytes, text, rest && line == most ? "…" : "");
    about_words(t, name, words);
    text += bytes;
    text += strspn(text, " ");
  }
  char name[KEY_BYTES];
  snprintf(name, sizeof name, "%.30s_lines", key);
  cgap_tsv_about(t, name, "%zu", line);
}

static void drop_full_stop(char *text)
{
  static const char *const STOPS[] = {".", "。"};
  for (size_t i = 0; i < sizeof STOPS / sizeof *STOPS; i++) {
    const size_t end = strlen(text), stop = strlen(STOPS[i]);
    if (end >= stop && strcmp(text + end - stop, STOPS[i]) == 0)
      text[end - stop] = '\0';
  }
}

/* "The gap is severe: corrected distance 0.85 [0.84, 0.86] (this tool's own scale …)." What stands before the colon is
 * large, what follows small, without the parenthesis. */
static void about_verdict(cgap_tsv *t, const cgap_modality_names *names, const char *verdict)
{
  static const char *const BREAKS[] = {":", ".", "。"};
  const char *mark = NULL, *break_at = NULL;
  for (size_t i = 0; i < sizeof BREAKS / sizeof *BREAKS; i++) {
    const char *at = strstr(verdict, BREAKS[i]);
    if (at && (!break_at || at < break_at)) {
      break_at = at;
      mark = BREAKS[i];
    }
  }
  const size_t all = strlen(verdict), head = break_at ? (size_t)(break_at - verdict) : all;
  const bool split = break_at && mark[0] != '.' && break_at[strlen(mark)];
  const char *detail = split ? break_at + strlen(mark) + strspn(break_at + strlen(mark), " ") : "";
  char large[CGAP_SENTENCE], small[CGAP_SENTENCE], scale[CGAP_SENTENCE];
  snprintf(large, sizeof large, "%.*s", (int)(split ? head : all), verdict);
  (void)cgap_modality_printf(scale, sizeof scale, names, " (%s)", cgap_tr(names, CGAP_GAP_SCALE));
  const char *aside = strstr(detail, scale);
  snprintf(small, sizeof small, "%.*s", (int)(aside ? (size_t)(aside - detail) : strlen(detail)), detail);
  large[strcspn(large, "(")] = '\0';
  drop_full_stop(large);
  drop_full_stop(small);
  small[0] = (char)toupper((unsigned char)small[0]);
  about_lines(t, "verdict", large, 44, 2);
  about_lines(t, "detail", small, 92, 2);
}

static void show_number(char out[40], const cgap_scalar *s, int decimals)
{
  if (decimals == PERCENT)
    snprintf(out, 40, "%.0f %%", 100 * s->value);
  else
    cgap_value_show(out, s->value, decimals);
}

static void about_numbers(cgap_tsv *t, const cgap_card *card, bool pictured)
{
  size_t count = 0;
  for (size_t k = 0; k < sizeof NUMBERS / sizeof *NUMBERS && count < NUMBERS_MAX; k++) {
    const cgap_field *f = cgap_field_find(NUMBERS[k].key);
    const bool has = f && cgap_field_present(card->before, f) && cgap_scalar_known(cgap_field_scalar(card->before, f));
    const bool both = !card->after || (has && cgap_field_present(card->after, f) &&
                                       cgap_scalar_known(cgap_field_scalar(card->after, f)));
    if (!has || !both)
      continue;
    char key[KEY_BYTES], value[40];
    count++;
    snprintf(key, sizeof key, "number_%zu", count);
    show_number(value, cgap_field_scalar(card->before, f), NUMBERS[k].decimals);
    about_words(t, key, value);
    snprintf(key, sizeof key, "number_after_%zu", count);
    if (card->after) {
      show_number(value, cgap_field_scalar(card->after, f), NUMBERS[k].decimals);
      about_words(t, key, value);
    }
    snprintf(key, sizeof key, "label_%zu", count);
    about_lines(t, key, cgap_phrase_of(&card->before->names, NUMBERS[k].label).s, pictured ? 46 : 30, 2);
  }
  cgap_tsv_about(t, "numbers", "%zu", count);
}

static void put_points(cgap_tsv *t, const char *when, int modality, const cgap_point *points, size_t count)
{
  const size_t step = count > POINTS_MAX ? (count + POINTS_MAX - 1) / POINTS_MAX : 1;
  for (size_t i = 0; i < count; i += step) {
    fprintf(t->file.stream, "%s\t%d\t", when, modality);
    cgap_tsv_number(t, points[i].x, '\t');
    cgap_tsv_number(t, points[i].y, '\n');
  }
}

static void put_audit(cgap_tsv *t, const char *when, const cgap_audit *a)
{
  put_points(t, when, 1, a->scatter_image, a->scatter_images);
  put_points(t, when, 2, a->scatter_text, a->scatter_texts);
}

/* Words of the picture itself; the first line of a key counts. */
static void about_language(cgap_tsv *t, const cgap_audit *a)
{
  const cgap_modality_names *names = &a->names;
  char size[CGAP_SENTENCE];
  if (!names->language)
    return;
  cgap_tsv_about(t, "lang", "%s", names->language->code);
  cgap_tsv_about(t, "before_word", "%s", cgap_tr(names, N_("before")));
  cgap_tsv_about(t, "after_word", "%s", cgap_tr(names, N_("after")));
  cgap_tsv_about(t, "images_word", "%s", cgap_phrase_of(names, "{images}").s);
  cgap_tsv_about(t, "texts_word", "%s", cgap_text_word(a, 0).s);
  if (a->has & CGAP_ONE_SPACE) {
    (void)cgap_modality_printf(size, sizeof size, names, "%zu %s, %zu %s, d = %zu", a->images, cgap_image_word(a, 0).s,
                               a->texts, cgap_text_word(a, 0).s, a->dim);
    cgap_tsv_about(t, "size", "%s", size);
  }
}

cgap_status cgap_card_write(const cgap_card *card, const char *figures, cgap_error *error)
{
  cgap_tsv t;
  cgap_status status = cgap_tsv_open(&t, figures, "card", "when\tmodality\tx\ty", error);
  if (status != CGAP_OK)
    return status;
  const bool pictured = card->before->scatter_images && card->before->scatter_texts;
  if (pictured)
    put_audit(&t, "before", card->before);
  if (pictured && card->after)
    put_audit(&t, "after", card->after);
  about_verdict(&t, &card->before->names, card->verdict);
  about_numbers(&t, card, pictured);
  about_lines(&t, "advice", card->advice, 64, 2);
  about_lines(&t, "command", card->command, 92, 1);
  cgap_tsv_about(&t, "panels_of_points", "%d", pictured ? card->after ? 2 : 1 : 0);
  about_language(&t, card->before);
  cgap_tsv_about_audit(&t, card->before, card->source);
  status = cgap_tsv_close(&t, true, error);
  return status == CGAP_OK ? cgap_plots_copy(figures, "card", error) : status;
}

cgap_modality_names cgap_card_names(const cgap_modality_names *names)
{
  cgap_modality_names out = *names;
  if (out.language && !cgap_gnuplot_has_font(out.language->code))
    out.language = NULL;
  return out;
}

cgap_status cgap_card_audit_write(const cgap_audit *audit, const char *source, const char *figures, cgap_error *error)
{
  cgap_audit shown = *audit; /* a view */
  const cgap_audit *a = &shown;
  shown.names = cgap_card_names(&audit->names);
  cgap_verdict_words verdict;
  cgap_advice_words advice;
  char todo[CGAP_SENTENCE + 40] = "";
  cgap_verdict_write(&verdict, a);
  cgap_advice_write(&advice, a);
  if (advice.word)
    (void)cgap_modality_printf(todo, sizeof todo, &a->names, "What to do: %s", advice.word);
  const cgap_card card = {.before = a,
                          .verdict = verdict.count ? verdict.sentence[0] : cgap_title_words(a),
                          .advice = todo,
                          .command = advice.word ? advice.command : "",
                          .source = source};
  return cgap_card_write(&card, figures, error);
}

/* gnuplot draws next to the table; the picture goes up into the folder when it is complete, and none is left next to
 * the table. */
cgap_status cgap_card_render(const char *folder, const char *figures, cgap_error *error)
{
  const cgap_plot_job job = {.format = "png", .theme = "light", .size = "1600,900"};
  char drawn[CGAP_PATH] = "", picture[CGAP_PATH] = "";
  cgap_status status = cgap_folder_file(drawn, figures, CGAP_CARD_FILE, error);
  if (status == CGAP_OK)
    status = cgap_folder_file(picture, folder, CGAP_CARD_FILE, error);
  if (status == CGAP_OK)
    status = cgap_gnuplot_render(figures, "card", &job, error);
  if (strcmp(drawn, picture) == 0)
    return status;
  if (status == CGAP_OK && rename(drawn, picture) != 0)
    status = cgap_fail_errno(error, errno, picture, "write");
  if (status != CGAP_OK)
    (void)unlink(drawn);
  return status;
}

cgap_status cgap_card_render_or_warn(const char *folder, const cgap_modality_names *names,
                                     void (*warn_line)(const char *line), cgap_error *error)
{
  char figures[CGAP_PATH];
  cgap_error fault = {0};
  cgap_status status = cgap_folder_file(figures, folder, "figures", error);
  if (status != CGAP_OK)
    return status;
  status = cgap_card_render(folder, figures, &fault);
  if (status == CGAP_INTERRUPTED || status == CGAP_RESOURCE)
    return cgap_fail(error, status, "%s", fault.message);
  if (status && status != CGAP_USAGE && warn_line) /* a gnuplot that is missing has been said of the figures */
    warn_line(fault.message);
  if (!status && warn_line && names->language && !cgap_card_names(names).language)
    warn_line("card.png is in English, as no font for the other language is installed (Debian: apt install "
              "fonts-noto-cjk)");
  return CGAP_OK;
}
