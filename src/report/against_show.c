#include "report/against_show.h"

#include <math.h>
#include <string.h>

enum { DECIMALS = 4, TABLE_DECIMALS = 3, LABEL = 9, COLUMN = 24, NARROW_COLUMN = 13 };

static const char *const NARROW_TITLES[CGAP_TRIAL_MEASURES] = {[CGAP_TRIAL_DISTANCE] = N_("distance"),
                                                               [CGAP_TRIAL_MIXED_NDCG] = N_("mixed nDCG"),
                                                               [CGAP_TRIAL_RECALL_AT_1] = N_("recall@1")};
static const char *const TITLES[CGAP_TRIAL_MEASURES] = {[CGAP_TRIAL_DISTANCE] = N_("corrected distance"),
                                                        [CGAP_TRIAL_MIXED_NDCG] = N_("mixed nDCG@10"),
                                                        [CGAP_TRIAL_RECALL_AT_1] = N_("recall@1")};

/* ---------------------------------------------------------------- JSON */

static const char *word_of(const cgap_change *d, int measure)
{
  return cgap_change_word(d, cgap_trial_better[measure]);
}

static json_t *rival_json(const cgap_against *a, cgap_rival rival)
{
  json_t *out = a->known[rival] ? json_object() : NULL;
  for (int m = 0; out && m < CGAP_TRIAL_MEASURES; m++) {
    const cgap_change *d = &a->change[rival][m];
    json_t *interval = isfinite(d->lo) && isfinite(d->hi) ? json_pack("[f, f]", d->lo, d->hi) : json_null();
    json_object_set_new(out, cgap_trial_keys[m],
                        json_pack("{s:o, s:o, s:s}", "value", cgap_number_json(d->difference), "ci95", interval,
                                  "verdict", word_of(d, m)));
  }
  return out ? out : json_null();
}

json_t *cgap_against_json(const cgap_against *a)
{
  return json_pack("{s:o, s:o, s:b}", "center", rival_json(a, CGAP_RIVAL_CENTER), "start",
                   rival_json(a, CGAP_RIVAL_START), "opens", a->opens);
}

/* ---------------------------------------------------------------- words */

/* "+0.0200 [-0.0100, 0.0500]" */
static void difference_words(char out[150], const cgap_change *d, int decimals)
{
  char value[40], interval[100];
  cgap_value_show(value, d->difference, decimals);
  cgap_interval_show(interval, d->lo, d->hi, decimals, " [%s, %s]");
  snprintf(out, 150, "%s%s%s", d->difference > 0 ? "+" : "", value, interval);
}

static void append_change(char text[CGAP_SENTENCE], const cgap_modality_names *names, const cgap_against *a,
                          cgap_rival rival, int measure)
{
  char from[40], to[40], difference[150];
  const cgap_change *d = &a->change[rival][measure];
  cgap_value_show(from, a->rival[rival][measure], DECIMALS);
  cgap_value_show(to, a->head[measure], DECIMALS);
  difference_words(difference, d, DECIMALS);
  cgap_sentence_say(text, names, "%s %s to %s (%s, %s)", cgap_tr(names, TITLES[measure]), from, to, difference,
                    cgap_tr(names, word_of(d, measure)));
}

/* What a choice between heads is about. */
static double score_of(const cgap_against *a)
{
  return (a->head[CGAP_TRIAL_MIXED_NDCG] + a->head[CGAP_TRIAL_RECALL_AT_1]) / 2;
}

static void name_opening(char text[CGAP_SENTENCE], const cgap_modality_names *names, const cgap_contender *heads,
                         size_t count)
{
  enum { NAMED_MAX = 3 };
  size_t opening = 0;
  for (size_t k = 0; k < count; k++) {
    if (!heads[k].against->opens)
      continue;
    if (++opening <= NAMED_MAX)
      cgap_sentence_append(text, "%s %.80s", cgap_tr(names, opening == 1 ? N_(";") : N_(",")), heads[k].name);
  }
  if (opening > NAMED_MAX)
    cgap_sentence_say(text, names, " and %zu more", opening - NAMED_MAX);
  if (opening)
    cgap_sentence_say(text, names, opening > 1 ? N_(" open the gap") : N_(" opens the gap"));
}

/* The best head that does not open the gap; NULL: there is none, or nothing to compare it with. */
static const cgap_contender *best_of(const cgap_contender *heads, size_t count)
{
  const cgap_contender *best = NULL;
  for (size_t k = 0; k < count; k++) {
    const cgap_against *a = heads[k].against;
    if (a->known[CGAP_RIVAL_CENTER] && !a->opens && isfinite(score_of(a)) &&
        (!best || score_of(a) > score_of(best->against)))
      best = &heads[k];
  }
  return best;
}

/* At how many kinds of search it is better than center, and at how many worse. */
static void count_searches(const cgap_contender *head, size_t *better, size_t *worse)
{
  static const int SEARCHES[] = {CGAP_TRIAL_MIXED_NDCG, CGAP_TRIAL_RECALL_AT_1};
  *better = *worse = 0;
  for (int s = 0; s < 2; s++) {
    const char *word = word_of(&head->against->change[CGAP_RIVAL_CENTER][SEARCHES[s]], SEARCHES[s]);
    *better += strcmp(word, "better") == 0;
    *worse += strcmp(word, "worse") == 0;
  }
}

void cgap_against_conclude(char text[CGAP_SENTENCE], const cgap_modality_names *names, const cgap_contender *heads,
                           size_t count)
{
  const cgap_contender *best = best_of(heads, count);
  size_t better, worse;
  text[0] = '\0';
  if (!best && count && heads[0].against->known[CGAP_RIVAL_CENTER])
    cgap_sentence_say(text, names, "Conclusion: %s; center, which needs no training, keeps it shut",
                      cgap_tr(names, count > 1 ? N_("every head opens the gap") : N_("the head opens the gap")));
  else if (best) {
    count_searches(best, &better, &worse);
    cgap_sentence_say(text, names, "Conclusion: %.80s%s ",
                      names && names->language && strcmp(best->name, "after") == 0 ? cgap_tr(names, N_("this head"))
                                                                                   : best->name,
                      cgap_tr(names, count > 1 ? N_(", the best by the mean of mixed nDCG@10 and recall@1,") : ""));
    cgap_sentence_say(text, names, "%s center, which needs no training: ",
                      cgap_tr(names, better && worse ? N_("is better at one search and worse at the other than")
                                     : better        ? N_("finds more than")
                                     : worse         ? N_("finds less than")
                                                     : N_("does not clearly find more than")));
    append_change(text, names, best->against, CGAP_RIVAL_CENTER, CGAP_TRIAL_MIXED_NDCG);
    cgap_sentence_say(text, names, ", ");
    append_change(text, names, best->against, CGAP_RIVAL_CENTER, CGAP_TRIAL_RECALL_AT_1);
    name_opening(text, names, heads, count);
  }
  if (text[0])
    cgap_sentence_say(text, names, ".");
}

void cgap_against_advise(char text[CGAP_SENTENCE], const cgap_modality_names *names, const cgap_contender *heads,
                         size_t count)
{
  const cgap_contender *best = best_of(heads, count);
  size_t better = 0, worse = 0;
  text[0] = '\0';
  if (!count || !heads[0].against->known[CGAP_RIVAL_CENTER])
    return;
  if (best)
    count_searches(best, &better, &worse);
  if (better && worse)
    cgap_sentence_say(text, names,
                      "What to do: choose by the search that matters, %.80s or the means subtracted "
                      "(contragap apply --method center).",
                      count > 1 ? best->name : cgap_tr(names, N_("this head")));
  else if (better)
    cgap_sentence_say(text, names, "What to do: use %.80s.", count > 1 ? best->name : cgap_tr(names, N_("this head")));
  else
    cgap_sentence_say(text, names,
                      "What to do: subtract the means (contragap apply --method center), which needs no "
                      "training.");
}

/* ---------------------------------------------------------------- tables */

/* Whether differences to a rival are shown: not those to a start that is center. */
static bool shows_rival(const cgap_against *a, int rival)
{
  bool other = rival != CGAP_RIVAL_START || !a->known[CGAP_RIVAL_CENTER];
  for (int m = 0; m < CGAP_TRIAL_MEASURES; m++)
    other = other || fabs(a->rival[CGAP_RIVAL_START][m] - a->rival[CGAP_RIVAL_CENTER][m]) > 1e-6;
  return a->known[rival] && other;
}

/* Whether the start of head k is that of the one before it. */
static bool shares_start(const cgap_contender *heads, size_t k)
{
  return k > 0 && heads[k - 1].against->known[CGAP_RIVAL_START] &&
         memcmp(heads[k].against->rival[CGAP_RIVAL_START], heads[k - 1].against->rival[CGAP_RIVAL_START],
                sizeof heads[k].against->rival[CGAP_RIVAL_START]) == 0;
}

static void put_left(FILE *out, const char *text, int width)
{
  const int own = cgap_text_width(text, strlen(text));
  fprintf(out, "%s%*s", text, width > own ? width - own : 0, "");
}

static void put_right(FILE *out, const char *text, int width)
{
  fprintf(out, "%*s%s", width - cgap_text_width(text, strlen(text)), "", text);
}

static void print_values(FILE *out, const char *name, const double *values, bool narrow)
{
  char shown[60], text[40];
  cgap_name_shorten(shown, sizeof shown, name);
  put_left(out, shown, LABEL);
  for (int m = 0; m < CGAP_TRIAL_MEASURES; m++) {
    cgap_value_show(text, values[m], DECIMALS);
    if (narrow)
      fprintf(out, "%*s", NARROW_COLUMN, text);
    else
      fprintf(out, m + 1 < CGAP_TRIAL_MEASURES ? "%-*s" : "%.*s", m + 1 < CGAP_TRIAL_MEASURES ? COLUMN : 40, text);
  }
  fputc('\n', out);
}

/* narrow: a line each, below the values. */
static void print_differences(FILE *out, const cgap_against *a, cgap_rival rival, bool narrow, bool colour)
{
  if (!narrow)
    fprintf(out, "- %-*s", LABEL - 2, cgap_rival_names[rival]);
  for (int m = 0; m < CGAP_TRIAL_MEASURES; m++) {
    char text[150];
    const cgap_change *d = &a->change[rival][m];
    const char *word = word_of(d, m);
    const bool bad = strcmp(word, "worse") == 0 || strcmp(word, "opens") == 0;
    difference_words(text, d, TABLE_DECIMALS);
    const char *paint = !colour ? "" : bad ? "\033[31m" : strcmp(word, "better") == 0 ? "\033[32m" : "\033[2m";
    if (narrow)
      fprintf(out, "- %-*s %-*s %s%s", LABEL - 3, m ? "" : cgap_rival_names[rival], NARROW_COLUMN,
              m ? TITLES[m] : "distance", paint, text);
    else
      fprintf(out, "%s%s", paint, text);
    fprintf(out, "%s%*s%s", colour ? "\033[0m" : "",
            !narrow && m + 1 < CGAP_TRIAL_MEASURES ? COLUMN - (int)strlen(text) : 0, "", narrow ? "\n" : "");
  }
  fputs(narrow ? "" : "\n", out);
}

void cgap_against_print(const cgap_modality_names *names, const double *before, const cgap_contender *heads,
                        size_t count, const cgap_paper *paper, FILE *out)
{
  const bool narrow = paper->columns < LABEL + 3 * COLUMN - 1;
  put_left(out, "", LABEL);
  for (int m = 0; m < CGAP_TRIAL_MEASURES; m++)
    if (narrow)
      put_right(out, cgap_tr(names, NARROW_TITLES[m]), NARROW_COLUMN);
    else
      put_left(out, cgap_tr(names, TITLES[m]), m + 1 < CGAP_TRIAL_MEASURES ? COLUMN : 0);
  fputc('\n', out);
  print_values(out, cgap_tr(names, N_("before")), before, narrow);
  if (count && heads[0].against->known[CGAP_RIVAL_CENTER])
    print_values(out, "center", heads[0].against->rival[CGAP_RIVAL_CENTER], narrow);
  for (size_t k = 0; k < count; k++) {
    const cgap_against *a = heads[k].against;
    if (a->known[CGAP_RIVAL_START] && !shares_start(heads, k))
      print_values(out, cgap_tr(names, N_("start")), a->rival[CGAP_RIVAL_START], narrow);
    print_values(out, heads[k].name, a->head, narrow);
    for (int r = 0; r < CGAP_RIVALS; r++)
      if (shows_rival(a, r))
        print_differences(out, a, (cgap_rival)r, narrow, paper->colour);
  }
}

/* ---------------------------------------------------------------- on the page */

static void begin_value(cgap_page *page, double value)
{
  const cgap_cell cell = cgap_cell_number(value, DECIMALS);
  fprintf(page->out, "<td class=\"n\" data-v=\"%s\">", cell.sort);
  cgap_page_text(page, "%s", cell.shown);
}

static void put_values(cgap_page *page, const char *name, const double *values)
{
  fputs("<tr><td>", page->out);
  cgap_page_text(page, "%s", cgap_tr(page->names, name));
  fputs("</td>", page->out);
  for (int m = 0; m < CGAP_TRIAL_MEASURES; m++) {
    begin_value(page, values[m]);
    fputs("</td>", page->out);
  }
  fputs("</tr>\n", page->out);
}

/* "+0.266 [0.231, 0.301], better than center", below the value. */
static void put_difference(cgap_page *page, const cgap_against *a, cgap_rival rival, int measure)
{
  char difference[150];
  const cgap_change *d = &a->change[rival][measure];
  const char *word = word_of(d, measure);
  const bool better = strcmp(word, "better") == 0, worse = strcmp(word, "worse") == 0 || strcmp(word, "opens") == 0;
  difference_words(difference, d, TABLE_DECIMALS);
  fprintf(page->out, "<small class=\"%s\">", better ? "gain" : worse ? "loss" : "");
  cgap_page_text(page, better || worse ? N_("%s, %s than %s") : N_("%s, %s against %s"), difference,
                 cgap_tr(page->names, strcmp(word, "opens") == 0 ? N_("wider") : word),
                 cgap_tr(page->names, cgap_rival_names[rival]));
  fputs("</small>", page->out);
}

static void put_head(cgap_page *page, const cgap_contender *head)
{
  const cgap_against *a = head->against;
  fputs("<tr><td>", page->out);
  cgap_page_text(page, "%s", head->name);
  fputs("</td>", page->out);
  for (int m = 0; m < CGAP_TRIAL_MEASURES; m++) {
    begin_value(page, a->head[m]);
    for (int r = 0; r < CGAP_RIVALS; r++)
      if (shows_rival(a, r))
        put_difference(page, a, (cgap_rival)r, m);
    fputs("</td>", page->out);
  }
  fputs("</tr>\n", page->out);
}

void cgap_against_page(cgap_page *page, const double *before, const cgap_contender *heads, size_t count)
{
  static const char *const HEADS[] = {"", "#Corrected distance", "#Mixed nDCG@10", "#recall@1"};
  cgap_page_table(page,
                  "Heads next to what needs no training; below a value its difference with the paired 95 % interval. "
                  "Searches: means over both directions.",
                  HEADS, sizeof HEADS / sizeof *HEADS);
  put_values(page, "before", before);
  if (count && heads[0].against->known[CGAP_RIVAL_CENTER])
    put_values(page, "center", heads[0].against->rival[CGAP_RIVAL_CENTER]);
  bool one_start = count && shows_rival(heads[0].against, CGAP_RIVAL_START);
  for (size_t k = 1; k < count; k++)
    one_start = one_start && shares_start(heads, k);
  if (one_start)
    put_values(page, "start", heads[0].against->rival[CGAP_RIVAL_START]);
  for (size_t k = 0; k < count; k++)
    put_head(page, &heads[k]);
  cgap_page_table_end(page);
}
