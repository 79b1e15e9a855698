/* The table of an audit: for the terminal, in Markdown for a model card, and as comma-separated values. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "analysis/fields.h"
#include "base/text_buffer.h"
#include "report/brief.h"
#include "report/json.h"
#include "report/text.h"

enum { LABEL = 24, LABEL_MAX = 40, HEAD_MAX = 24 };

typedef struct style {
  const char *bold, *dim, *off;
  const char *level[CGAP_LEVELS];
  int columns;
  int label;   /* how wide labels are, LABEL or as long as the names make them */
  bool narrow; /* a measure per line: the columns side by side do not fit */
} style;

static const style plain_style = {"", "", "", {"", "", "", "", "", "", ""}, 0, LABEL, false};
static const style colour_style = {
  "\033[1m", "\033[2m",
  "\033[0m", {"\033[1m", "\033[1;32m", "\033[1;32m", "\033[1;33m", "\033[1;31m", "\033[1;31m", "\033[1;31m"},
  0,         LABEL,
  false};

static const char *direction_mark(cgap_better better)
{
  static const char *const marks[] = {[CGAP_NEITHER] = " ", [CGAP_LOWER] = "↓", [CGAP_HIGHER] = "↑"};
  return marks[better];
}

static bool in_columns(const cgap_field *f)
{
  return cgap_groups[f->group].columns[0] != NULL;
}

/* A label or a column's head, shortened where its names are too long for any table. */
static cgap_phrase short_words(const cgap_audit *a, const char *words, size_t letters)
{
  cgap_phrase out;
  cgap_name_shorten(out.s, letters + sizeof "…" - 1, cgap_phrase_of(&a->names, words).s);
  return out;
}

static cgap_phrase label_of(const cgap_audit *a, const cgap_field *f)
{
  return short_words(a, f->label, LABEL_MAX - 2);
}

static int label_width(const cgap_audit *a)
{
  int width = LABEL;
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_phrase label = label_of(a, cgap_field_at(i));
    const int own = cgap_text_width(label.s, strlen(label.s)) + 1;
    width = cgap_field_present(a, cgap_field_at(i)) && own > width ? own : width;
  }
  return width;
}

/* Of blocks side by side without intervals. */
static int cell_width(const cgap_audit *a, const cgap_group *group)
{
  int width = group->columns[3] ? 13 : 16;
  for (int c = 0; c < 4 && group->columns[c]; c++) {
    const cgap_phrase head = short_words(a, group->columns[c], HEAD_MAX);
    const int own = cgap_text_width(head.s, strlen(head.s)) + 2;
    width = own > width ? own : width;
  }
  return width;
}

static void print_cell(const cgap_audit *a, const cgap_field *f, bool last, const style *paint, FILE *out)
{
  const cgap_scalar *s = cgap_field_scalar(a, f);
  const cgap_group *group = &cgap_groups[f->group];
  char value[40], interval[100];
  cgap_value_show(value, cgap_value_or_nan(s), f->decimals);
  cgap_interval_show(interval, s->lo, s->hi, f->decimals, "[%s, %s]");
  if (in_columns(f) && !group->intervals)
    fprintf(out, "%*s", cell_width(a, group), value);
  else if (in_columns(f) && last && !*interval)
    fprintf(out, "%7s", value);
  else if (in_columns(f))
    fprintf(out, "%7s %s%-*s%s", value, paint->dim, last ? 0 : 18, interval, paint->off);
  else if (s->why) {
    fprintf(out, "%9s  %s", value, paint->dim);
    cgap_text_wrap_from(out, paint->columns, paint->label + 14, cgap_tr(&a->names, s->why), paint->label + 14);
    fprintf(out, "%s", paint->off);
  } else
    fprintf(out, *interval ? "%9s  %s%s%s" : "%9s", value, paint->dim, interval, paint->off);
}

/* Whether this audit has something in a column: one without a second modality has none of it. */
static bool has_column(const cgap_audit *a, size_t group, int column)
{
  bool any = false;
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_field *f = cgap_field_at(i);
    any = any || (f->group == group && f->column == column && cgap_field_present(a, f));
  }
  return any;
}

static void print_title(const cgap_audit *a, size_t index, const style *paint, FILE *out)
{
  const cgap_group *group = &cgap_groups[index];
  const char *title = cgap_tr(&a->names, group->title);
  fprintf(out, "\n%s%s%s", paint->bold, title, paint->off);
  int left = paint->label + 3 - cgap_text_width(title, strlen(title));
  for (int c = 0; c < 4 && group->columns[c] && has_column(a, index, c); c++) {
    const bool last = c == 3 || !group->columns[c + 1];
    const cgap_phrase head = short_words(a, group->columns[c], HEAD_MAX);
    const int width = !group->intervals ? cell_width(a, group) : last ? 0 : 25;
    const int blanks = width - cgap_text_width(head.s, strlen(head.s)); /* not by printf, which counts bytes */
    fprintf(out, "%*s%s%*s%s%*s%s", left, "", paint->dim, !group->intervals ? blanks : 0, "", head.s,
            group->intervals && blanks > 0 ? blanks : 0, "", paint->off);
    left = group->intervals;
  }
  fputc('\n', out);
}

/* Cells in columns are too narrow for it: why some are null is printed below them, once. */
static void print_reasons(const cgap_audit *a, size_t group, const style *paint, FILE *out)
{
  const char *said = "";
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_field *f = cgap_field_at(i);
    const char *why =
      f->group == group && in_columns(f) && cgap_field_present(a, f) ? cgap_field_scalar(a, f)->why : NULL;
    if (!why || strcmp(why, said) == 0)
      continue;
    fprintf(out, "  %s", paint->dim);
    cgap_text_wrap(out, paint->columns, "n/a: ", cgap_tr(&a->names, why), 2);
    fprintf(out, "%s", paint->off);
    said = why;
  }
}

/* "  recall@1, image to text  0.5520 [0.5081, 0.5951]"; a label that its column does not hold has a line of its own. */
static void print_narrow(const cgap_audit *a, const cgap_field *f, const style *paint, FILE *out)
{
  enum { NARROW_LABEL = 21 };
  const cgap_scalar *s = cgap_field_scalar(a, f);
  const cgap_phrase label = in_columns(f) ? cgap_brief_label(f, &a->names) : label_of(a, f);
  const int width = cgap_text_width(label.s, strlen(label.s));
  char value[40], interval[100];
  cgap_value_show(value, cgap_value_or_nan(s), f->decimals);
  cgap_interval_show(interval, s->lo, s->hi, f->decimals, " [%s, %s]");
  const int column = *interval ? NARROW_LABEL : paint->columns - 10;
  const bool apart = width > column;
  fprintf(out, "  %s%s%*s%8s%s%s%s\n", label.s, apart ? "\n" : "",
          apart                  ? NARROW_LABEL + 2
          : width > NARROW_LABEL ? 0
                                 : NARROW_LABEL - width,
          "", value, paint->dim, interval, paint->off);
  if (s->why && !in_columns(f)) {
    fputs(paint->dim, out);
    cgap_text_wrap(out, paint->columns, "    ", cgap_tr(&a->names, s->why), 4);
    fputs(paint->off, out);
  }
}

static void print_group_narrow(const cgap_audit *a, size_t group, const style *paint, FILE *out)
{
  bool titled = false;
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_field *f = cgap_field_at(i);
    if (f->group != group || !cgap_field_present(a, f))
      continue;
    if (!titled)
      fprintf(out, "\n%s%s%s\n", paint->bold, cgap_tr(&a->names, cgap_groups[group].title), paint->off);
    titled = true;
    print_narrow(a, f, paint, out);
  }
  print_reasons(a, group, paint, out);
}

static void print_group(const cgap_audit *a, size_t group, const style *paint, FILE *out)
{
  bool titled = false;
  const char *label = "";
  if (paint->narrow) {
    print_group_narrow(a, group, paint, out);
    return;
  }
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_field *f = cgap_field_at(i);
    if (f->group != group || !cgap_field_present(a, f))
      continue;
    if (!titled)
      print_title(a, group, paint, out);
    bool first = !in_columns(f) || strcmp(label, f->label) != 0;
    const cgap_phrase shown = label_of(a, f);
    if (first)
      fprintf(out, "%s  %s%*s%s ", titled ? "\n" : "", shown.s,
              paint->label - 1 - cgap_text_width(shown.s, strlen(shown.s)), "",
              direction_mark(cgap_field_better(a, f)));
    label = f->label;
    titled = true;
    print_cell(a, f, f->column == 1, paint, out);
  }
  if (titled)
    fputc('\n', out);
  print_reasons(a, group, paint, out);
}

static void print_cosines(const cgap_audit *a, const style *paint, FILE *out)
{
  const bool classes = a->has & CGAP_TEXT_IS_CLASSES;
  const struct {
    const char *label;
    const cgap_cosines *c;
    bool present;
  } sets[] = {{N_("matched pairs"), &a->cosine_pair, a->has & CGAP_HAS_PAIRS},
              {classes                     ? "{image}-class text"
               : (a->has & CGAP_HAS_PAIRS) ? "{image}-{text}, non-matching"
                                           : "{image}-{text}",
               &a->cosine_cross, a->has & CGAP_ONE_SPACE},
              {"{image}-{image}", &a->cosine_image, true},
              {classes ? "class text-class text" : "{text}-{text}", &a->cosine_text, a->has & CGAP_HAS_TEXT}};
  enum { SETS = sizeof sets / sizeof *sets };
  cgap_phrase label[SETS];
  int wide = LABEL;
  for (int i = 0; i < SETS; i++) {
    label[i] = short_words(a, sets[i].label, LABEL_MAX);
    const int own = cgap_text_width(label[i].s, strlen(label[i].s));
    wide = sets[i].present && own > wide ? own : wide;
  }
  const int column = paint->narrow ? 9 : 10, begin = paint->narrow ? 4 : wide + 2;
  const char *title = cgap_tr(&a->names, N_("Cosines"));
  const int titled = cgap_text_width(title, strlen(title));
  fprintf(out, "\n%s%s%s%s%*s%s", paint->bold, title, paint->off, paint->narrow ? "\n" : "",
          paint->narrow ? begin : begin - titled, "", paint->dim);
  for (int v = 0; v < 5; v++) {
    static const char *const HEADS[] = {N_("mean"), N_("sd"), "5 %", N_("median"), "95 %"};
    const char *head = isdigit((unsigned char)HEADS[v][0]) ? HEADS[v] : cgap_tr(&a->names, HEADS[v]);
    fprintf(out, "%*s%s", column - cgap_text_width(head, strlen(head)), "", head);
  }
  fprintf(out, "%s\n", paint->off);
  for (int i = 0; i < SETS; i++) {
    if (!sets[i].present)
      continue;
    const cgap_cosines *c = sets[i].c;
    const double values[] = {c->mean, c->sd, c->p05, c->p50, c->p95};
    fprintf(out, "  %s%s%*s", label[i].s, paint->narrow ? "\n" : "",
            paint->narrow ? begin : wide - cgap_text_width(label[i].s, strlen(label[i].s)), "");
    for (size_t v = 0; v < 5; v++) {
      char text[40];
      cgap_value_show(text, c->why || !c->count ? NAN : values[v], 4);
      fprintf(out, "%*s", column, text);
    }
    fputc('\n', out);
  }
}

/* What the uniform distribution on the sphere would have. */
static void print_sphere(const cgap_audit *a, const style *paint, FILE *out)
{
  const size_t dims[] = {a->dim, a->text_dim == a->dim ? 0 : a->text_dim};
  const double values[] = {a->uniformity.sphere, a->uniformity.text_sphere};
  for (int k = 0; k < 2; k++) {
    char value[40];
    if (dims[k] == 0)
      continue;
    cgap_value_show(value, values[k], 4);
    fputs("  ", out);
    cgap_name_print(out, k ? "" : cgap_tr(&a->names, N_("uniform")), paint->narrow ? 20 : k ? LABEL : paint->label);
    fprintf(out, " %*s  %s%sd = %zu%s\n", paint->narrow ? 8 : 9, value, paint->dim,
            k || paint->narrow ? "" : cgap_tr(&a->names, N_("the value of the uniform sphere, ")), dims[k], paint->off);
  }
}

static void print_notes(const cgap_notes *notes, bool bad, const style *paint, FILE *out)
{
  for (size_t i = 0; i < notes->count; i++) {
    if (notes->bad[i] != bad)
      continue;
    fprintf(out, "%s", bad ? paint->level[CGAP_LEVEL_SEVERE] : paint->dim);
    cgap_text_wrap(out, paint->columns, bad ? "  ! " : "  - ", notes->text[i], 4);
    fprintf(out, "%s", paint->off);
  }
}

static void print_advice(const cgap_audit *a, const style *paint, const cgap_paper *paper, FILE *out)
{
  cgap_advice_words advice;
  cgap_phrase head;
  cgap_advice_write(&advice, a);
  if (!advice.word)
    return;
  if (advice.trial_count)
    (void)cgap_modality_printf(head.s, sizeof head.s, &a->names,
                               "Advice: %s. Tried on %zu {images} and %zu {texts}:", advice.word,
                               a->advice.center.images, a->advice.center.texts);
  else
    (void)cgap_modality_printf(head.s, sizeof head.s, &a->names, "Advice: %s.", advice.word);
  fprintf(out, "\n%s", paint->bold);
  cgap_text_wrap(out, paint->columns, "  ", head.s, 2);
  fputs(paint->off, out);
  if (advice.trial_count)
    cgap_brief_trial(a, paper, out);
  for (size_t i = 0; i < advice.count; i++)
    if (i < advice.trial || i >= advice.trial + advice.trial_count)
      cgap_text_wrap(out, paint->columns, "  ", advice.sentence[i], 2);
  if (advice.command[0])
    fprintf(out, "    %s%s%s\n", paint->bold, advice.command, paint->off); /* whole, to be copied */
  if (advice.further) {
    cgap_text_wrap(out, paint->columns, "  ", advice.further, 2);
    fprintf(out, "    %s%s%s\n", paint->bold, advice.further_command, paint->off);
  }
}

/* Sentences [from, end) of the verdict. */
static void print_verdict(const cgap_verdict_words *verdict, size_t from, size_t end, const style *paint, FILE *out)
{
  for (size_t i = from; i < end && i < verdict->count; i++) {
    fprintf(out, "%s", i == 0 ? paint->level[verdict->level] : "");
    cgap_text_wrap(out, paint->columns, "  ", verdict->sentence[i], 2);
    fprintf(out, "%s", i == 0 ? paint->off : "");
  }
}

/* Whether the lines that matter hold what the sentences behind the first say. */
static bool has_lines(const cgap_audit *a)
{
  return (a->has & CGAP_ONE_SPACE) && !(a->has & CGAP_IS_DRIFT);
}

/* The verdict, what the gap costs, the advice; then what matters. */
static void print_head(const cgap_audit *a, const char *name, bool all, const style *paint, const cgap_paper *paper,
                       FILE *out)
{
  cgap_notes notes;
  cgap_verdict_words verdict;
  cgap_notes_write(&notes, a);
  cgap_verdict_write(&verdict, a);
  char head[1200 + 2 * CGAP_PHRASE], size[CGAP_SENTENCE + 2 * CGAP_PHRASE], cost[CGAP_SENTENCE] = "";
  char dim[40];
  snprintf(dim, sizeof dim, "d" CGAP_NO_BREAK "=" CGAP_NO_BREAK "%zu", a->dim);
  (void)cgap_modality_printf(head, sizeof head, &a->names, "%s: %zu %s, %zu %s, %s%s%s", name, a->images,
                             cgap_image_word(a, a->images).s, a->texts, cgap_text_word(a, a->texts).s, dim,
                             *a->pairing ? cgap_tr(&a->names, N_(", ")) : "", cgap_tr(&a->names, a->pairing));
  if (!(a->has & CGAP_ONE_SPACE))
    (void)cgap_modality_printf(head, sizeof head, &a->names, "%s: %s", name, cgap_size_words(size, a));
  cgap_text_wrap(out, paint->columns, "", head, 2);
  fputc('\n', out);
  print_notes(&notes, true, paint, out);
  print_verdict(&verdict, 0, has_lines(a) ? 1 : verdict.count, paint, out);
  if (has_lines(a))
    cgap_brief_cost(cost, a);
  if (cost[0])
    cgap_text_wrap(out, paint->columns, "  ", cost, 2);
  print_advice(a, paint, paper, out);
  if (has_lines(a)) {
    fputc('\n', out);
    cgap_brief_lines(a, paper, out);
    if (all)
      fputc('\n', out);
    print_verdict(&verdict, 1, all ? verdict.count : 0, paint, out);
  }
  print_notes(&notes, false, paint, out);
}

static void print_legend(const cgap_audit *a, const style *paint, FILE *out)
{
  bool any_null = false;
  for (size_t i = 0; i < cgap_field_count(); i++)
    any_null = any_null || (cgap_field_present(a, cgap_field_at(i)) && cgap_field_scalar(a, cgap_field_at(i))->why);
  char text[CGAP_SENTENCE];
  snprintf(text, sizeof text, "%s%s", cgap_tr(&a->names, N_("↓ lower is better, ↑ higher; [95 % interval]")),
           any_null ? cgap_tr(&a->names, N_("; n/a: with its reason")) : "");
  fprintf(out, "\n%s", paint->dim);
  cgap_text_wrap(out, paint->columns, "", text, 0);
  fputs(paint->off, out);
}

/* Of the widest block. */
static int table_width(const cgap_audit *a, const style *paint)
{
  enum { VALUE = 7, INTERVAL = 18, LINE = 32, COSINES = LABEL + 2 + 50 };
  int widest = paint->label + LINE > COSINES || !(a->has & CGAP_ONE_SPACE) ? paint->label + LINE : COSINES;
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_field *f = cgap_field_at(i);
    const cgap_group *group = &cgap_groups[f->group];
    const int cell = group->intervals ? VALUE + INTERVAL : cell_width(a, group);
    const int end = paint->label + 3 + ((int)f->column + 1) * cell;
    if (cgap_field_present(a, f) && in_columns(f))
      widest = end > widest ? end : widest;
  }
  return widest;
}

static void print_groups(const cgap_audit *a, const style *paint, FILE *out)
{
  for (size_t g = 0; g < CGAP_GROUPS; g++) {
    print_group(a, g, paint, out);
    if (g == CGAP_GROUP_UNIFORMITY)
      print_sphere(a, paint, out);
    if (g == CGAP_GROUP_ALIGNMENT)
      print_cosines(a, paint, out);
  }
  print_legend(a, paint, out);
}

cgap_status cgap_table_print(const cgap_audit *a, const char *name, bool all, const cgap_paper *paper, FILE *out,
                             cgap_error *error)
{
  style style_here = paper->colour ? colour_style : plain_style;
  const style *paint = &style_here;
  style_here.columns = paper->columns;
  style_here.label = label_width(a);
  style_here.narrow = table_width(a, paint) > paper->columns;
  print_head(a, name, all, paint, paper, out);
  if (all || !has_lines(a))
    print_groups(a, paint, out);
  else {
    fputc('\n', out);
    cgap_brief_blocks(a, paper, out);
    fprintf(out, "\n%s", paint->dim);
    cgap_text_wrap(out, paint->columns, "",
                   cgap_tr(&a->names, N_("↓ lower is better, ↑ higher; [95 % interval]; --all shows every measure.")),
                   0);
    fputs(paint->off, out);
  }
  if (fflush(out) != 0 || ferror(out))
    return cgap_fail(error, CGAP_RESOURCE,
                     "standard output: cannot write the table; check whether the disk is full or broken");
  return CGAP_OK;
}

/* ---------------------------------------------------------------- for other documents */

static void put_advice(FILE *out, cgap_markup markup, const cgap_audit *a)
{
  cgap_advice_words advice;
  char strong[200], text[CGAP_REASONS * (CGAP_SENTENCE + 1)] = "";
  cgap_advice_write(&advice, a);
  if (!advice.word)
    return;
  (void)cgap_modality_printf(strong, sizeof strong, &a->names, "Advice: %s.", advice.word);
  for (size_t i = 0, used = 0; i < advice.count; i++, used = strlen(text))
    snprintf(text + used, sizeof text - used, "%s%s", i ? " " : "", advice.sentence[i]);
  cgap_markup_note(out, markup, strong, text);
  const char *block = markup == CGAP_LATEX ? "%   " : "\n      "; /* a block of code, in which no signs are read */
  if (advice.command[0])
    fprintf(out, "%s%s\n", block, advice.command);
  if (advice.further && markup == CGAP_MARKDOWN)
    fputc('\n', out);
  if (advice.further)
    fprintf(out, "%s%s\n%s%s\n", markup == CGAP_LATEX ? "% " : "  ", advice.further, block, advice.further_command);
}

enum { LATEX_COLUMNS = 3 };

static void put_row(FILE *out, const cgap_audit *a, const cgap_field *f)
{
  static const char *const better[] = {[CGAP_NEITHER] = "", [CGAP_LOWER] = "lower", [CGAP_HIGHER] = "higher"};
  const cgap_scalar *s = cgap_field_scalar(a, f);
  char value[40], interval[100];
  const cgap_phrase title = cgap_field_title(f, &a->names);
  cgap_value_show(value, cgap_value_or_nan(s), f->decimals);
  cgap_interval_show(interval, s->lo, s->hi, f->decimals, cgap_tr(&a->names, N_("%s to %s")));
  const char *why = s->why ? cgap_tr(&a->names, s->why) : interval, *direction = better[f->better];
  cgap_markup_row(out, CGAP_MARKDOWN,
                  (const char *[]){title.s, value, why, *direction ? cgap_tr(&a->names, direction) : ""}, 4);
}

/* In LaTeX: narrow enough for a column; an arrow says which way is better. */
static void put_latex_row(FILE *out, const cgap_audit *a, const cgap_field *f)
{
  static const char *const arrow[] = {[CGAP_NEITHER] = "", [CGAP_LOWER] = " ↓", [CGAP_HIGHER] = " ↑"};
  const char *column = cgap_groups[f->group].columns[0] ? cgap_groups[f->group].columns[f->column] : "";
  const cgap_scalar *s = cgap_field_scalar(a, f);
  char label[CGAP_PHRASE + 8], value[40], interval[100];
  snprintf(label, sizeof label, "%.300s%s%.300s%s", cgap_phrase_of(&a->names, f->label).s, *column ? ", " : "",
           cgap_phrase_of(&a->names, column).s, arrow[f->better]);
  cgap_value_show(value, cgap_value_or_nan(s), f->decimals);
  cgap_interval_show(interval, s->lo, s->hi, f->decimals, "[%s, %s]");
  if (s->why)
    cgap_markup_note(out, CGAP_LATEX, NULL, cgap_tr(&a->names, s->why));
  cgap_markup_row(out, CGAP_LATEX, (const char *[]){label, value, interval}, LATEX_COLUMNS);
}

static void put_latex_table(FILE *out, const cgap_audit *a)
{
  const char *const HEADS[] = {cgap_tr(&a->names, N_("measure")), cgap_tr(&a->names, N_("#value")),
                               cgap_tr(&a->names, N_("95 % interval"))};
  size_t group = SIZE_MAX;
  cgap_markup_begin(out, CGAP_LATEX, HEADS, LATEX_COLUMNS);
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_field *f = cgap_field_at(i);
    if (!cgap_field_present(a, f))
      continue;
    if (f->group != group)
      cgap_markup_group(out, CGAP_LATEX, cgap_tr(&a->names, cgap_groups[f->group].title), LATEX_COLUMNS);
    group = f->group;
    put_latex_row(out, a, f);
  }
  cgap_markup_end(out, CGAP_LATEX);
}

static void put_markdown_table(FILE *out, const cgap_audit *a)
{
  const char *const HEADS[] = {cgap_tr(&a->names, N_("measure")), cgap_tr(&a->names, N_("#value")),
                               cgap_tr(&a->names, N_("95 % interval")),
                               a->names.language ? cgap_tr(&a->names, N_("Better")) : "better"};
  cgap_markup_begin(out, CGAP_MARKDOWN, HEADS, 4);
  for (size_t i = 0; i < cgap_field_count(); i++)
    if (cgap_field_present(a, cgap_field_at(i)))
      put_row(out, a, cgap_field_at(i));
  cgap_markup_end(out, CGAP_MARKDOWN);
}

cgap_status cgap_markup_print(const cgap_audit *a, const char *name, cgap_markup markup, FILE *out, cgap_error *error)
{
  cgap_notes notes;
  cgap_verdict_words verdict;
  char text[2 * CGAP_SENTENCE], size[CGAP_SENTENCE + 2 * CGAP_PHRASE];
  cgap_notes_write(&notes, a);
  cgap_verdict_write(&verdict, a);
  if (markup == CGAP_MARKDOWN) {
    (void)cgap_modality_printf(text, sizeof text, &a->names, "%s of %s", cgap_title_words(a), name);
    fputs("### ", out);
    cgap_markup_text(out, markup, text);
    fputs("\n\n", out);
  } else {
    snprintf(text, sizeof text, "%s of %s. The table needs \\usepackage{booktabs}.", cgap_title_words(a), name);
    cgap_markup_note(out, markup, NULL, text);
  }
  if (a->has & CGAP_ONE_SPACE)
    (void)cgap_modality_printf(size, sizeof size, &a->names, "%zu %s, %zu %s, d = %zu", a->images,
                               cgap_image_word(a, 0).s, a->texts, cgap_text_word(a, 0).s, a->dim);
  else
    (void)cgap_size_words(size, a);
  (void)cgap_modality_printf(text, sizeof text, &a->names, "%s. Measured by contragap %s.", size, cgap_version());
  fprintf(out, "%s%s\n%s", markup == CGAP_LATEX ? "% " : "", text, markup == CGAP_LATEX ? "" : "\n");
  for (size_t i = 0; i < notes.count; i++)
    cgap_markup_note(out, markup, notes.bad[i] ? cgap_tr(&a->names, N_("Warning:")) : NULL, notes.text[i]);
  for (size_t i = 0; i < verdict.count; i++)
    cgap_markup_note(out, markup, i == 0 ? verdict.sentence[i] : NULL, i == 0 ? "" : verdict.sentence[i]);
  put_advice(out, markup, a);
  if (markup == CGAP_MARKDOWN)
    fputc('\n', out);
  if (markup == CGAP_LATEX)
    put_latex_table(out, a);
  else
    put_markdown_table(out, a);
  if (fflush(out) != 0 || ferror(out))
    return cgap_fail(error, CGAP_RESOURCE,
                     "standard output: cannot write the table; check whether the disk is full or broken");
  return CGAP_OK;
}

/* ---------------------------------------------------------------- comma-separated values */

void cgap_csv_text(FILE *out, const char *text)
{
  if (!strpbrk(text, ",\"\r\n")) {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  for (; *text; text++)
    fprintf(out, *text == '"' ? "\"%c" : "%c", *text);
  fputc('"', out);
}

void cgap_tsv_name(FILE *out, const char *name)
{
  if (name && name[0] == '"')
    cgap_csv_text(out, name);
  else
    fputs(name ? name : "", out);
}

void cgap_csv_number(FILE *out, double value)
{
  if (isfinite(value))
    fprintf(out, "%.17g", value);
}

cgap_status cgap_csv_print(const cgap_audit *a, FILE *out, cgap_error *error)
{
  static const char *const better[] = {"", "lower", "higher"};
  fprintf(out, "measure,value,ci95_low,ci95_high,n,method,better,why\n");
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_field *f = cgap_field_at(i);
    if (!cgap_field_present(a, f))
      continue;
    const cgap_scalar *s = cgap_field_scalar(a, f);
    const double cells[] = {s->value, s->lo, s->hi};
    fputs(f->key, out);
    for (size_t k = 0; k < 3; k++) {
      fputc(',', out);
      cgap_csv_number(out, s->why ? NAN : cells[k]);
    }
    fprintf(out, ",%llu,%s,%s,", (unsigned long long)s->n, cgap_method_name(s->method), better[f->better]);
    cgap_csv_text(out, s->why ? s->why : "");
    fputc('\n', out);
  }
  if (fflush(out) != 0 || ferror(out))
    return cgap_fail(error, CGAP_RESOURCE,
                     "standard output: cannot write the table; check whether the disk is full or broken");
  return CGAP_OK;
}
