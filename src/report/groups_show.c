#include "report/groups_show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/modality_names.h"
#include "base/text_buffer.h"
#include "report/figures.h"
#include "report/gnuplot.h"

enum { SHOWN_FIRST = 20, NAMED = 5, DRAWN_WIDEST = 40, DRAWN_NARROWEST = 20, WORDS = 100 };

/* The numbers of a group in the order of every table. */
static const struct column {
  const char *key, *head; /* of JSON and CSV; of tables, a template */
  size_t offset;
  int decimals;
} COLUMNS[] = {
  {"corrected_distance", N_("corrected distance"), offsetof(cgap_image_group, corrected_distance), 4},
  {"mean_squared_distance", N_("squared distance"), offsetof(cgap_image_group, mean_squared_distance), 4},
  {"recall_at_1.image_to_text", N_("recall@1, {image} to {text}"), offsetof(cgap_image_group, recall_image_to_text), 3},
  {"recall_at_1.text_to_image", N_("recall@1, {text} to {image}"), offsetof(cgap_image_group, recall_text_to_image), 3},
  {"uniformity.image", N_("uniformity, {image}"), offsetof(cgap_image_group, uniformity_image), 2},
  {"uniformity.text", N_("uniformity, {text}"), offsetof(cgap_image_group, uniformity_text), 2},
};
enum { COLUMN_COUNT = sizeof COLUMNS / sizeof *COLUMNS };

static const cgap_scalar *scalar_at(const cgap_image_group *g, size_t column)
{
  return (const cgap_scalar *)((const char *)g + COLUMNS[column].offset);
}

/* ---------------------------------------------------------------- sentences */

static void name_marked(char out[CGAP_SENTENCE], const cgap_modality_names *names, const cgap_image_groups *groups)
{
  size_t named = 0;
  for (size_t k = 0; k < groups->count; k++) {
    const cgap_image_group *g = &groups->group[k];
    char name[60], value[40], rest[40];
    if (!g->marked || named++ >= NAMED)
      continue;
    cgap_name_shorten(name, sizeof name, g->name);
    cgap_value_show(value, cgap_value_or_nan(&g->corrected_distance), 4);
    cgap_value_show(rest, g->rest, 4);
    cgap_sentence_say(out, names, "%s %s %s (rest %s)", cgap_tr(names, named == 1 ? N_(":") : N_(",")), name, value,
                      rest);
  }
  if (named > NAMED)
    cgap_sentence_say(out, names, " and %zu more", named - NAMED);
}

static void append_paradox(char out[CGAP_SENTENCE], const cgap_image_groups *groups, const cgap_audit *audit)
{
  char whole[40], within[40];
  cgap_value_show(whole, cgap_value_or_nan(&audit->gap.corrected_distance), 4);
  cgap_value_show(within, cgap_value_or_nan(&groups->within), 4);
  if (groups->paradox == CGAP_PARADOX_WHOLE)
    cgap_sentence_say(out, &audit->names,
                      "Simpson's paradox: within the groups the corrected distance is %s on average, of all rows "
                      "together %s; the two modalities have different fractions of their rows in the groups.",
                      within, whole);
  if (groups->paradox == CGAP_PARADOX_GROUPS)
    cgap_sentence_say(out, &audit->names,
                      "Simpson's paradox: within the groups the corrected distance is %s on average, of all rows "
                      "together only %s; the gaps of the groups point in different directions and cancel.",
                      within, whole);
  if (groups->paradox == CGAP_PARADOX_HIDDEN)
    cgap_sentence_say(out, &audit->names,
                      "No group shows a gap alone (each interval reaches 0), all rows together do (%s): the groups "
                      "are too small to show it; within them it is %s on average.",
                      whole, within);
}

size_t cgap_groups_words(char out[CGAP_GROUP_SENTENCES][CGAP_SENTENCE], const cgap_image_groups *groups,
                         const cgap_audit *audit)
{
  const cgap_modality_names *names = &audit->names;
  size_t count = 0;
  memset(out, 0, CGAP_GROUP_SENTENCES * sizeof *out);
  if (groups->count == 0)
    cgap_sentence_say(out[count++], names, "No group has %d rows or more.", CGAP_GROUP_ROWS_MIN);
  else if (groups->count == 1 && groups->small == 0)
    cgap_sentence_say(out[count++], names, "There is one group: nothing to compare it with.");
  else if (groups->marked == 0)
    cgap_sentence_say(out[count++], names,
                      "No group's corrected distance differs from that of the rest (%zu tests, Holm's correction, "
                      "5 %% for all together).",
                      groups->count);
  else {
    cgap_sentence_say(out[count], names,
                      "%zu of %zu groups %s from the rest by the corrected distance (Holm's correction)",
                      groups->marked, groups->count, groups->marked == 1 ? "differs" : "differ");
    name_marked(out[count], names, groups);
    cgap_sentence_say(out[count++], names, ".");
  }
  append_paradox(out[count], groups, audit);
  count += out[count][0] != '\0';
  if (groups->small)
    cgap_sentence_say(out[count++], names, "%zu group%s of fewer than %d rows, %zu row%s in all, %s not measured.",
                      groups->small, groups->small == 1 ? "" : "s", CGAP_GROUP_ROWS_MIN, groups->small_images,
                      groups->small_images == 1 ? "" : "s", groups->small == 1 ? "was" : "were");
  return count;
}

/* ---------------------------------------------------------------- JSON and CSV */

static const char *const PARADOX[] = {[CGAP_PARADOX_NONE] = NULL,
                                      [CGAP_PARADOX_WHOLE] = "whole",
                                      [CGAP_PARADOX_GROUPS] = "groups",
                                      [CGAP_PARADOX_HIDDEN] = "hidden"};

static json_t *group_json(const cgap_image_group *g)
{
  json_t *out = json_pack("{s:o, s:I, s:I}", "name", cgap_json_string(g->name), "n", (json_int_t)g->images, "texts",
                          (json_int_t)g->texts);
  bool ok = out;
  for (size_t c = 0; ok && c < COLUMN_COUNT; c++)
    ok = cgap_json_put(out, COLUMNS[c].key, cgap_scalar_json(scalar_at(g, c)));
  ok = ok && json_object_update_new(out, json_pack("{s:o, s:o, s:o, s:b}", "rest", cgap_number_json(g->rest), "p",
                                                   cgap_number_json(g->p), "p_holm", cgap_number_json(g->p_holm),
                                                   "marked", g->marked)) == 0;
  if (!ok)
    json_decref(out);
  return ok ? out : NULL;
}

json_t *cgap_groups_json(const cgap_image_groups *groups, const cgap_audit *audit)
{
  char sentence[CGAP_GROUP_SENTENCES][CGAP_SENTENCE];
  json_t *list = json_array(), *words = json_array();
  bool ok = list && words;
  const size_t sentences = cgap_groups_words(sentence, groups, audit);
  for (size_t k = 0; ok && k < groups->count; k++)
    ok = json_array_append_new(list, group_json(&groups->group[k])) == 0;
  for (size_t k = 0; ok && k < sentences; k++)
    ok = json_array_append_new(words, cgap_json_string(sentence[k])) == 0;
  if (!ok) {
    json_decref(list);
    json_decref(words);
    return NULL;
  }
  return json_pack("{s:o, s:o, s:o, s:s?, s:{s:I, s:I}, s:o}", "by", cgap_json_string(groups->by), "groups", list,
                   "within", cgap_scalar_json(&groups->within), "paradox", PARADOX[groups->paradox], "left_out",
                   "count", (json_int_t)groups->small, "rows", (json_int_t)groups->small_images, "sentences", words);
}

void cgap_groups_csv(const cgap_image_groups *groups, FILE *out)
{
  static const char *const BETTER[COLUMN_COUNT] = {"lower", "lower", "higher", "higher", "lower", "lower"};
  for (size_t k = 0; k < groups->count; k++)
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
      const cgap_scalar *s = scalar_at(&groups->group[k], c);
      const double cells[] = {s->value, s->lo, s->hi};
      char *key = cgap_format("groups.%s.%s", groups->group[k].name, COLUMNS[c].key);
      cgap_csv_text(out, key ? key : COLUMNS[c].key);
      free(key);
      for (size_t i = 0; i < 3; i++) {
        fputc(',', out);
        cgap_csv_number(out, s->why ? NAN : cells[i]);
      }
      fprintf(out, ",%llu,%s,%s,", (unsigned long long)s->n, cgap_method_name(s->method), BETTER[c]);
      cgap_csv_text(out, s->why ? s->why : "");
      fputc('\n', out);
    }
}

/* ---------------------------------------------------------------- tables */

/* narrow: the distance alone. */
static void put_group(FILE *out, const cgap_image_group *g, int name_width, bool narrow, bool colour)
{
  static const int WIDTH = 7;
  char value[40], interval[100];
  fprintf(out, "%s%s ", g->marked && colour ? "\033[1;31m" : "", g->marked ? "*" : " ");
  cgap_name_print(out, g->name, name_width);
  cgap_value_show(value, cgap_value_or_nan(&g->corrected_distance), 3);
  cgap_interval_show(interval, g->corrected_distance.lo, g->corrected_distance.hi, 3, "[%s, %s]");
  fprintf(out, "%7zu %6s %-*s", g->images, value, narrow ? 0 : 14, interval);
  for (size_t c = 1; c < COLUMN_COUNT && !narrow; c++) {
    cgap_value_show(value, cgap_value_or_nan(scalar_at(g, c)), c == 1 ? 3 : COLUMNS[c].decimals);
    fprintf(out, "%*s", c == 1 ? WIDTH + 1 : WIDTH, value);
  }
  fprintf(out, "%s\n", g->marked && colour ? "\033[0m" : "");
}

static void put_right(FILE *out, const char *text, int columns)
{
  const int width = cgap_text_width(text, strlen(text));
  fprintf(out, "%*s%s", width < columns ? columns - width : 1, "", text);
}

/* As much of a modality's name as `columns` hold, to the right. */
static void put_name_of(FILE *out, const cgap_modality_names *names, int modality, int columns)
{
  const cgap_phrase name = cgap_phrase_of(names, modality ? "{text}" : "{image}");
  size_t bytes = 0;
  for (size_t next = 0; next <= strlen(name.s); next++)
    if (((unsigned char)name.s[next] & 0xC0) != 0x80 && cgap_text_width(name.s, next) <= columns)
      bytes = next;
  fprintf(out, "%*s%.*s", columns - cgap_text_width(name.s, bytes), "", (int)bytes, name.s);
}

/* The names of the modalities end where their columns end, in six of them. */
static void put_heads(FILE *out, const cgap_modality_names *names, int width, bool narrow)
{
  enum { NUMBER = 7, INTERVAL = 21, PAIR = 14, NAME = 6 };
  fputs("\n  ", out);
  if (narrow) {
    cgap_name_print(out, cgap_tr(names, N_("group")), width);
    fprintf(out, "%*s %s\n", NUMBER, "n", cgap_tr(names, N_("corrected distance")));
    return;
  }
  fprintf(out, "%*s%*s ", width, "", NUMBER, "");
  cgap_name_print(out, cgap_tr(names, N_("corrected")), INTERVAL);
  put_right(out, cgap_tr(names, N_("squared")), NUMBER + 1);
  put_right(out, cgap_tr(names, N_("recall@1 of")), PAIR);
  put_right(out, cgap_tr(names, N_("uniformity of")), PAIR);
  fputs("\n  ", out);
  cgap_name_print(out, cgap_tr(names, N_("group")), width);
  fprintf(out, "%*s ", NUMBER, "n");
  cgap_name_print(out, cgap_tr(names, N_("distance")), INTERVAL);
  put_right(out, cgap_tr(names, N_("dist.")), NUMBER + 1);
  for (int m = 0; m < 4; m++) {
    fputc(' ', out);
    put_name_of(out, names, m % 2, NAME);
  }
  fputc('\n', out);
}

void cgap_groups_print(const cgap_image_groups *groups, const cgap_audit *audit, bool all, const cgap_paper *paper,
                       FILE *out)
{
  enum { NUMBERS = 66, NARROW_NUMBERS = 34, NAME_MAX = 40 };
  const cgap_modality_names *names = &audit->names;
  char sentence[CGAP_GROUP_SENTENCES][CGAP_SENTENCE], title[CGAP_SENTENCE];
  const size_t sentences = cgap_groups_words(sentence, groups, audit);
  const char *bold = paper->colour ? "\033[1m" : "", *dim = paper->colour ? "\033[2m" : "",
             *off = paper->colour ? "\033[0m" : "";
  const bool narrow = paper->columns < NUMBERS + 12;
  const int left = paper->columns - (narrow ? NARROW_NUMBERS : NUMBERS), width = left < 12         ? 12
                                                                                 : left > NAME_MAX ? NAME_MAX
                                                                                                   : left;
  size_t hidden = 0;
  (void)cgap_modality_printf(title, sizeof title, names, "Groups by %s", groups->by);
  fprintf(out, "\n%s%s%s\n", bold, title, off);
  for (size_t k = 0; k < sentences; k++)
    cgap_text_wrap(out, paper->columns, "  ", sentence[k], 2);
  if (groups->count == 0)
    return;
  fputs(dim, out);
  put_heads(out, names, width, narrow);
  fputs(off, out);
  for (size_t k = 0; k < groups->count; k++) {
    const bool shown = all || k < SHOWN_FIRST || groups->group[k].marked;
    hidden += !shown;
    if (shown)
      put_group(out, &groups->group[k], width, narrow, paper->colour);
  }
  if (hidden) {
    (void)cgap_modality_printf(title, sizeof title, names, "… and %zu more; --all shows them", hidden);
    fprintf(out, "%s  %s%s\n", dim, title, off);
  }
  if (groups->marked)
    fprintf(out, "%s* %s%s\n", dim, cgap_tr(names, N_("differs from the rest after Holm's correction")), off);
}

static void cells_of(char text[COLUMN_COUNT + 3][WORDS], const cgap_image_group *g, const cgap_modality_names *names)
{
  snprintf(text[0], WORDS, "%zu", g->images);
  for (size_t c = 0; c < COLUMN_COUNT; c++)
    cgap_value_show(text[1 + c], cgap_value_or_nan(scalar_at(g, c)), COLUMNS[c].decimals);
  cgap_interval_show(text[COLUMN_COUNT + 1], g->corrected_distance.lo, g->corrected_distance.hi, 4,
                     cgap_tr(names, N_("%s to %s")));
  snprintf(text[COLUMN_COUNT + 2], WORDS, "%s", g->marked ? cgap_tr(names, N_("differs")) : "");
}

enum { TABLE_COLUMNS = COLUMN_COUNT + 4 };

/* "group", "#n", the columns with the interval behind the distance, the mark. */
static void heads_of(char text[TABLE_COLUMNS][WORDS], const char *heads[TABLE_COLUMNS], const cgap_audit *audit)
{
  size_t at = 0;
  snprintf(text[at++], WORDS, "%s", cgap_tr(&audit->names, N_("group")));
  snprintf(text[at++], WORDS, "#n");
  for (size_t c = 0; c < COLUMN_COUNT; c++) {
    text[at][0] = '#';
    cgap_modality_words(text[at++] + 1, WORDS - 1, COLUMNS[c].head, &audit->names);
    if (c == 0)
      snprintf(text[at++], WORDS, "%s", cgap_tr(&audit->names, N_("95 % interval")));
  }
  snprintf(text[at++], WORDS, "%s", cgap_tr(&audit->names, N_("from the rest")));
  for (size_t k = 0; k < TABLE_COLUMNS; k++)
    heads[k] = text[k];
}

void cgap_groups_markup(const cgap_image_groups *groups, const cgap_audit *audit, cgap_markup markup, FILE *out)
{
  char sentence[CGAP_GROUP_SENTENCES][CGAP_SENTENCE], head[TABLE_COLUMNS][WORDS], text[COLUMN_COUNT + 3][WORDS];
  const char *heads[TABLE_COLUMNS];
  const size_t sentences = cgap_groups_words(sentence, groups, audit);
  fputc('\n', out);
  for (size_t k = 0; k < sentences; k++)
    cgap_markup_note(out, markup, k == 0 ? cgap_tr(&audit->names, N_("Groups:")) : NULL, sentence[k]);
  if (markup == CGAP_MARKDOWN)
    fputc('\n', out);
  heads_of(head, heads, audit);
  cgap_markup_begin(out, markup, heads, TABLE_COLUMNS);
  for (size_t k = 0; k < groups->count; k++) {
    cells_of(text, &groups->group[k], &audit->names);
    const char *cells[TABLE_COLUMNS] = {groups->group[k].name, text[0], text[1], text[COLUMN_COUNT + 1]};
    for (size_t c = 1; c < COLUMN_COUNT; c++)
      cells[3 + c] = text[1 + c];
    cells[TABLE_COLUMNS - 1] = text[COLUMN_COUNT + 2];
    cgap_markup_row(out, markup, cells, TABLE_COLUMNS);
  }
  cgap_markup_end(out, markup);
}

/* ---------------------------------------------------------------- files */

static cgap_status write_table(const cgap_image_groups *groups, const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_outfile file;
  cgap_status status = cgap_folder_file(path, folder, "groups.tsv", error);
  if (status == CGAP_OK)
    status = cgap_outfile_open(&file, path, error);
  if (status != CGAP_OK)
    return status;
  fputs("name\tn\ttexts", file.stream);
  for (size_t c = 0; c < COLUMN_COUNT; c++)
    fprintf(file.stream, "\t%s\t%s.low\t%s.high", COLUMNS[c].key, COLUMNS[c].key, COLUMNS[c].key);
  fputs("\trest\tp\tp_holm\tmarked\n", file.stream);
  for (size_t k = 0; k < groups->count; k++) {
    const cgap_image_group *g = &groups->group[k];
    cgap_tsv table = {.file = file};
    cgap_tsv_name(file.stream, g->name);
    fprintf(file.stream, "\t%zu\t%zu\t", g->images, g->texts);
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
      const cgap_scalar *s = scalar_at(g, c);
      cgap_tsv_number(&table, cgap_value_or_nan(s), '\t');
      cgap_tsv_number(&table, s->why ? NAN : s->lo, '\t');
      cgap_tsv_number(&table, s->why ? NAN : s->hi, '\t');
    }
    cgap_tsv_number(&table, g->rest, '\t');
    cgap_tsv_number(&table, g->p, '\t');
    cgap_tsv_number(&table, g->p_holm, '\t');
    fprintf(file.stream, "%d\n", g->marked);
  }
  return cgap_outfile_close(&file, true, error);
}

/* Of many groups the widest and the narrowest are drawn, and those that are marked. */
static bool is_drawn(const cgap_image_groups *groups, size_t k)
{
  return groups->count <= DRAWN_WIDEST + DRAWN_NARROWEST || k < DRAWN_WIDEST || k + DRAWN_NARROWEST >= groups->count;
}

static cgap_status write_figure(const cgap_image_groups *groups, const cgap_audit *audit, const char *source,
                                const char *folder, cgap_error *error)
{
  cgap_tsv table;
  size_t place = 0;
  cgap_status status =
    cgap_tsv_open(&table, folder, "groups", "place\tname\timages\tdistance\tlow\thigh\tmarked", error);
  if (status != CGAP_OK)
    return status;
  for (size_t k = 0; k < groups->count; k++) {
    const cgap_scalar *s = &groups->group[k].corrected_distance;
    if (!is_drawn(groups, k))
      continue;
    fprintf(table.file.stream, "%zu\t", ++place);
    cgap_tsv_label(table.file.stream, groups->group[k].name);
    fprintf(table.file.stream, "\t%zu\t", groups->group[k].images);
    cgap_tsv_number(&table, cgap_value_or_nan(s), '\t');
    cgap_tsv_number(&table, s->lo, '\t');
    cgap_tsv_number(&table, s->hi, '\t');
    fprintf(table.file.stream, "%d\n", groups->group[k].marked);
  }
  cgap_tsv_about_audit(&table, audit, source);
  cgap_tsv_about(&table, "by", "%s", groups->by);
  cgap_tsv_about(&table, "drawn", "%zu", place);
  cgap_tsv_about(&table, "groups", "%zu", groups->count);
  cgap_tsv_about(&table, "marked", "%zu", groups->marked);
  cgap_tsv_about(&table, "whole", "%.9g", audit->gap.corrected_distance.value);
  status = cgap_tsv_close(&table, true, error);
  return status == CGAP_OK ? cgap_plots_copy(folder, "groups", error) : status;
}

cgap_status cgap_groups_write(const cgap_image_groups *groups, const cgap_audit *audit, const char *source,
                              const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_status status = write_table(groups, folder, error);
  if (status == CGAP_OK)
    status = cgap_folder_file(path, folder, "figures", error);
  return status == CGAP_OK && groups->count ? write_figure(groups, audit, source, path, error) : status;
}

/* ---------------------------------------------------------------- the page */

void cgap_groups_page(cgap_page *page, const cgap_image_groups *groups, const cgap_audit *audit)
{
  static const char *const FIGURE = "groups";
  char sentence[CGAP_GROUP_SENTENCES][CGAP_SENTENCE], head[TABLE_COLUMNS][WORDS], caption[300], interval[100];
  const char *heads[TABLE_COLUMNS];
  const size_t sentences = cgap_groups_words(sentence, groups, audit);
  for (size_t k = 0; k < sentences; k++)
    cgap_page_put(page, "p", "%s", sentence[k]);
  if (groups->count == 0)
    return;
  cgap_page_figures(page, &FIGURE, 1);
  heads_of(head, heads, audit);
  (void)cgap_modality_printf(caption, sizeof caption, &audit->names,
                             "Groups by %.100s, each as if its rows were all; recall@1 is among all rows", groups->by);
  cgap_page_table(page, caption, heads, TABLE_COLUMNS);
  for (size_t k = 0; k < groups->count; k++) {
    const cgap_image_group *g = &groups->group[k];
    cgap_cell cells[TABLE_COLUMNS] = {cgap_cell_text(g->name), cgap_cell_count((double)g->images)};
    size_t at = 2;
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
      cells[at++] = cgap_cell_number(cgap_value_or_nan(scalar_at(g, c)), COLUMNS[c].decimals);
      if (c == 0) {
        cgap_interval_show(interval, g->corrected_distance.lo, g->corrected_distance.hi, 4,
                           cgap_tr(&audit->names, N_("%s to %s")));
        cells[at++] = cgap_cell_text(interval);
      }
    }
    cells[at] = cgap_cell_text(g->marked ? cgap_tr(&audit->names, N_("differs")) : "");
    cgap_page_row(page, cells, TABLE_COLUMNS);
  }
  cgap_page_table_end(page);
}
