#include "report/brief.h"

#include <math.h>
#include <string.h>

#include "analysis/interval.h"

enum { NARROW = 72, WORDS = 200 };

/* What matters most, the first first; of searches also the recall at 10 that is shown next to it. */
static const struct {
  const char *key, *recall;
} MAIN[] = {{"gap.corrected_distance", NULL},
            {"gap.share_of_alignment", NULL},
            {"gap.linear_separability", NULL},
            {"retrieval.image_to_text.recall_at_1", "retrieval.image_to_text.recall_at_10"},
            {"retrieval.text_to_image.recall_at_1", "retrieval.text_to_image.recall_at_10"},
            {"mixed_retrieval.image_query.ndcg_at_10", "mixed_retrieval.image_query.recall_at_10"},
            {"mixed_retrieval.text_query.ndcg_at_10", "mixed_retrieval.text_query.recall_at_10"},
            {"zero_shot.top_1", NULL},
            {"mixed.same_modality_share", NULL},
            {"uniformity.mean", NULL},
            {"pca.joint.participation_ratio", NULL}};
enum { MAIN_COUNT = sizeof MAIN / sizeof *MAIN };

size_t cgap_brief_place(const char *key)
{
  for (size_t k = 0; k < MAIN_COUNT; k++)
    if (strcmp(MAIN[k].key, key) == 0)
      return k;
  return CGAP_BRIEF_NOT;
}

cgap_phrase cgap_brief_label(const cgap_field *f, const cgap_modality_names *names)
{
  cgap_phrase title = cgap_field_title(f, names);
  const char *colon = strstr(title.s, ": ");
  const bool says_little = f->group == CGAP_GROUP_UNIFORMITY || f->group == CGAP_GROUP_ZERO_SHOT; /* "mean" */
  if (colon && !says_little)
    memmove(title.s, colon + 2, strlen(colon + 2) + 1);
  return title;
}

/* ---------------------------------------------------------------- cost and trial */

static double mean_of(const cgap_scalar *a, const cgap_scalar *b)
{
  return cgap_scalar_known(a) && cgap_scalar_known(b) ? (a->value + b->value) / 2 : NAN;
}

void cgap_brief_cost(char out[CGAP_SENTENCE], const cgap_audit *a)
{
  out[0] = '\0';
  if (!(a->has & CGAP_HAS_PAIRS))
    return;
  const double mixed = mean_of(&a->mixed_image_query.recall_at_10, &a->mixed_text_query.recall_at_10),
               across = mean_of(&a->image_to_text.recall_at_10, &a->text_to_image.recall_at_10);
  if (isfinite(mixed) && isfinite(across))
    (void)cgap_modality_printf(out, CGAP_SENTENCE, &a->names,
                               "What it costs: the partner is among the first ten in %.1f %% of searches of one mixed "
                               "index, in %.1f %% of searches of the other modality.",
                               100 * mixed, 100 * across);
}

static const struct {
  const char *name;
  cgap_better better;
} TRIALS[CGAP_TRIAL_MEASURES] = {[CGAP_TRIAL_DISTANCE] = {N_("corrected distance"), CGAP_LOWER},
                                 [CGAP_TRIAL_MIXED_NDCG] = {N_("nDCG@10 in one mixed index"), CGAP_HIGHER},
                                 [CGAP_TRIAL_RECALL_AT_1] = {N_("recall@1, other modality"), CGAP_HIGHER}};

static int width_of(const char *text)
{
  return cgap_text_width(text, strlen(text));
}

static void print_right(FILE *out, const char *text, int columns)
{
  fprintf(out, "%*s%s", columns - width_of(text), "", text);
}

static void print_outcome(const cgap_modality_names *names, const cgap_scalar *d, cgap_better better,
                          const cgap_paper *paper, FILE *out)
{
  static const char *const PAINT[] = {"\033[31m", "\033[2m", "\033[32m"}, *const SAID[] = {N_("worse"), N_("unclear"),
                                                                                           N_("better")};
  const int outcome = cgap_outcome(d, better) + 1;
  if (isfinite(d->lo))
    fprintf(out, "  %s%s%s", paper->colour ? PAINT[outcome] : "", cgap_tr(names, SAID[outcome]),
            paper->colour ? "\033[0m" : "");
}

const char *cgap_brief_hurts(const cgap_audit *a)
{
  const cgap_scalar *d = a->advice.center.difference;
  const bool mixed = cgap_outcome(&d[CGAP_TRIAL_MIXED_NDCG], CGAP_HIGHER) < 0,
             across = cgap_outcome(&d[CGAP_TRIAL_RECALL_AT_1], CGAP_HIGHER) < 0;
  return !(a->has & CGAP_HAS_PAIRS) ? N_("What that does to search cannot be measured without pairs.")
         : mixed && across          ? N_("Whom it hurts: both kinds of search find less.")
         : mixed                    ? N_("Whom it hurts: search in one mixed index finds less.")
         : across                   ? N_("Whom it hurts: search in the other modality finds less.")
                                    : N_("Whom it hurts: neither kind of search is shown to find less.");
}

void cgap_brief_trial(const cgap_audit *a, const cgap_paper *paper, FILE *out)
{
  static const int ORDER[] = {CGAP_TRIAL_MIXED_NDCG, CGAP_TRIAL_RECALL_AT_1, CGAP_TRIAL_DISTANCE};
  enum { NAME = 26 };
  const cgap_center_trial *t = &a->advice.center;
  const bool narrow = paper->columns < NARROW;
  fprintf(out, "  %*s%s", narrow ? 0 : NAME + 1, "", paper->colour ? "\033[2m" : "");
  print_right(out, cgap_tr(&a->names, N_("before")), 7);
  print_right(out, cgap_tr(&a->names, N_("after")), 7);
  fprintf(out, "  %s%s\n", cgap_tr(&a->names, N_("difference [95 %]")), paper->colour ? "\033[0m" : "");
  for (int i = 0; i < CGAP_TRIAL_MEASURES; i++) {
    const int m = ORDER[i];
    const cgap_scalar *d = &t->difference[m];
    char interval[WORDS] = "";
    if (m != CGAP_TRIAL_DISTANCE && !(a->has & CGAP_HAS_PAIRS))
      continue;
    if (isfinite(d->lo) && isfinite(d->hi))
      snprintf(interval, sizeof interval, " [%+.3f, %+.3f]", d->lo, d->hi);
    if (narrow)
      fprintf(out, "  %s\n  ", cgap_tr(&a->names, TRIALS[m].name));
    else {
      const char *name = cgap_tr(&a->names, TRIALS[m].name);
      fprintf(out, "  %s%*s ", name, NAME - width_of(name), "");
    }
    fprintf(out, "%7.3f%7.3f  %+.3f%s", t->before[m].value, t->after[m].value, d->value, interval);
    print_outcome(&a->names, d, TRIALS[m].better, paper, out);
    fputc('\n', out);
  }
  cgap_text_wrap(out, paper->columns, "  ", cgap_tr(&a->names, cgap_brief_hurts(a)), 2);
}

/* ---------------------------------------------------------------- the lines that matter */

static void CGAP_PRINTF(3, 4) remark(char out[WORDS], const cgap_audit *a, const char *format, ...)
{
  va_list values;
  va_start(values, format);
  (void)cgap_modality_vprintf(out, WORDS, &a->names, format, values);
  va_end(values);
}

/* Of how many rows a search chooses. */
static size_t searched_rows(const cgap_audit *a, const char *key)
{
  return strncmp(key, "mixed_", strlen("mixed_")) == 0 ? a->images + a->texts
         : strstr(key, "image_to_text")                ? a->texts
                                                       : a->images;
}

/* What a number is to be compared with. */
static void remark_of(char out[WORDS], const cgap_audit *a, size_t place)
{
  const char *key = MAIN[place].key, *recall = MAIN[place].recall;
  const cgap_field *field = recall ? cgap_field_find(recall) : NULL;
  out[0] = '\0';
  if (field) {
    char value[40];
    cgap_value_show(value, cgap_value_or_nan(cgap_field_scalar(a, field)), 3);
    remark(out, a, "recall@10 %s of %zu", value, searched_rows(a, key));
  } else if (strcmp(key, "gap.corrected_distance") == 0 && !(a->has & CGAP_IS_DRIFT))
    snprintf(out, WORDS, "%s", cgap_tr(&a->names, cgap_level_word(cgap_audit_level(a))));
  else if (strcmp(key, "gap.share_of_alignment") == 0)
    remark(out, a, "of the squared distance");
  else if (strcmp(key, "gap.linear_separability") == 0)
    remark(out, a, "chance 0.5");
  else if (strcmp(key, "mixed.same_modality_share") == 0)
    remark(out, a, "by chance %.3f", a->mixed.unbiased.value);
  else if (strcmp(key, "uniformity.mean") == 0)
    remark(out, a, "evenly spread %.3f", a->uniformity.sphere);
  else if (strcmp(key, "pca.joint.participation_ratio") == 0)
    remark(out, a, "of %zu dimensions", a->dim);
}

static void print_line(const cgap_audit *a, size_t place, int label, const cgap_paper *paper, FILE *out)
{
  static const char *const MARKS[] = {[CGAP_NEITHER] = " ", [CGAP_LOWER] = "↓", [CGAP_HIGHER] = "↑"};
  enum { VALUE = 31 };
  const bool narrow = paper->columns < NARROW;
  const cgap_field *f = cgap_field_find(MAIN[place].key);
  const cgap_scalar *s = cgap_field_scalar(a, f);
  const cgap_phrase name = cgap_brief_label(f, &a->names);
  const int decimals = f->decimals > 3 ? 3 : f->decimals;
  char value[40], interval[100], remark[WORDS];
  cgap_value_show(value, cgap_value_or_nan(s), decimals);
  cgap_interval_show(interval, s->lo, s->hi, decimals, " [%s, %s]");
  remark_of(remark, a, place);
  const int spare = narrow && !*interval ? paper->columns - label - 11 : 0; /* where an interval would be */
  const int over = width_of(name.s) > label ? width_of(name.s) - label : 0;
  fputs("  ", out);
  cgap_name_print(out, name.s, label + (over < spare ? over : spare));
  fprintf(out, " %s%s%*s%s%s", narrow ? "" : MARKS[cgap_field_better(a, f)], narrow ? "" : " ", narrow ? 6 : 7, value,
          paper->colour ? "\033[2m" : "", interval);
  const int used = label + 12 + (int)strlen(interval);
  const char *more = s->why ? cgap_tr(&a->names, s->why) : remark;
  if (*more && !narrow) {
    fprintf(out, "%*s", label + VALUE - used > 1 ? label + VALUE - used : 2, "");
    cgap_text_wrap_from(out, paper->columns, used > label + VALUE ? used + 2 : label + VALUE, more, label + VALUE);
  } else if (s->why) {
    fputs("\n    ", out);
    cgap_text_wrap_from(out, paper->columns, 4, more, 4);
  }
  fprintf(out, "%s\n", paper->colour ? "\033[0m" : "");
}

static bool has_main(const cgap_audit *a, size_t place)
{
  const cgap_field *f = cgap_field_find(MAIN[place].key);
  return f && cgap_field_present(a, f);
}

void cgap_brief_lines(const cgap_audit *a, const cgap_paper *paper, FILE *out)
{
  enum { LABEL = 26, LABEL_NARROW = 23 };
  size_t shown = 0;
  for (size_t k = 0; k < MAIN_COUNT && shown < CGAP_BRIEF_LINES; k++)
    if (has_main(a, k)) {
      print_line(a, k, paper->columns < NARROW ? LABEL_NARROW : LABEL, paper, out);
      shown++;
    }
}

/* ---------------------------------------------------------------- a line for each block */

/* "recall@1 0.5520 image to text": as one cell of a line. */
static void cell_words(char out[WORDS], const cgap_audit *a, const cgap_field *f, bool first)
{
  char value[40];
  const cgap_phrase label = cgap_phrase_of(&a->names, f->label);
  const char *column = cgap_groups[f->group].columns[0] ? cgap_groups[f->group].columns[f->column] : NULL;
  cgap_value_show(value, cgap_value_or_nan(cgap_field_scalar(a, f)), f->decimals > 3 ? 3 : f->decimals);
  snprintf(out, WORDS, "%.60s%s%s%s%.60s", first ? label.s : "", first ? " " : "", value, column ? " " : "",
           column ? cgap_phrase_of(&a->names, column).s : "");
}

void cgap_brief_blocks(const cgap_audit *a, const cgap_paper *paper, FILE *out)
{
  enum { TITLE = 26 };
  const bool narrow = paper->columns < NARROW;
  const int begin = narrow ? 4 : TITLE + 2, last = paper->columns - 2;
  for (size_t g = 0; g < CGAP_GROUPS; g++) {
    const char *label = "";
    int at = 0;
    for (size_t i = 0; i < cgap_field_count(); i++) {
      const cgap_field *f = cgap_field_at(i);
      char cell[WORDS];
      if (f->group != g || !cgap_field_present(a, f) || cgap_brief_place(f->key) != CGAP_BRIEF_NOT)
        continue;
      cell_words(cell, a, f, strcmp(label, f->label) != 0);
      label = f->label;
      if (at == 0) {
        fputs(paper->colour ? "\033[1m" : "", out);
        const char *title = cgap_tr(&a->names, cgap_groups[g].title);
        cgap_name_print(out, title, narrow ? width_of(title) : TITLE);
        fprintf(out, "%s%s%*s", paper->colour ? "\033[0m" : "", narrow ? "\n" : "", narrow ? begin : 2, "");
        at = begin;
      } else if (at + 2 + width_of(cell) > last) {
        fputs(" …", out);
        break;
      } else {
        fputs(", ", out);
        at += 2;
      }
      fputs(cell, out);
      at += width_of(cell);
    }
    fputs(at ? "\n" : "", out);
  }
}
