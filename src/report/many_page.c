/* The folder of an audit of more than two modalities: report.json, rows.tsv, two figures, and the page. */
#include <math.h>
#include <string.h>

#include "analysis/interval.h"
#include "report/figures.h"
#include "report/gnuplot.h"
#include "report/many_show.h"
#include "report/tiles.h"

/* ---------------------------------------------------------------- figures */

enum { FIGURES_MAX = 2 };

/* The matrix where a pair has a distance, the plane where all have one width. Returns how many. */
static size_t figures_of(const cgap_many *many, const char *names[FIGURES_MAX])
{
  size_t count = 0;
  bool distances = false;
  for (size_t p = 0; p < many->pairs; p++)
    distances = distances || ((many->pair[p].has & CGAP_ONE_SPACE) &&
                              isfinite(cgap_value_or_nan(&many->pair[p].gap.corrected_distance)));
  if (distances)
    names[count++] = "matrix";
  if (many->modality[0].plane_rows)
    names[count++] = "modalities";
  return count;
}

static void about(cgap_tsv *t, const cgap_many_report *r)
{
  const cgap_many *many = r->many;
  char key[40], head[CGAP_MANY_HEAD];
  cgap_many_head(head, many, r->input);
  const char *counted = strstr(head, ": ");
  cgap_tsv_about(t, "file", "%s", r->input->source);
  cgap_tsv_about(t, "counted", "%s", counted ? counted + 2 : head);
  cgap_tsv_about(t, "modalities", "%zu", many->count);
  for (size_t m = 0; m < many->count; m++) {
    char name[24];
    snprintf(key, sizeof key, "name_%zu", m + 1);
    cgap_name_shorten(name, sizeof name, many->modality[m].name);
    cgap_tsv_about(t, key, "%s", name);
  }
}

static void write_matrix(cgap_tsv *t, const cgap_many_report *r)
{
  const cgap_many *many = r->many;
  char shown[CGAP_SENTENCE];
  for (size_t a = 0; a < many->count; a++)
    for (size_t b = 0; b < many->count; b++) {
      fprintf(t->file.stream, "%s\t%s\t%zu\t%zu\t", many->modality[a].name, many->modality[b].name, b + 1, a + 1);
      cgap_tsv_number(t, cgap_many_number(many, CGAP_MANY_CORRECTED_DISTANCE, a, b), '\n');
    }
  cgap_many_summary(shown, many);
  cgap_tsv_about(t, "title", "%s of every pair", cgap_many_titles[CGAP_MANY_CORRECTED_DISTANCE]);
  cgap_tsv_about(t, "shown", "%s", shown);
  cgap_tsv_about(t, "measure", "corrected distance");
}

static void write_plane(cgap_tsv *t, const cgap_many_report *r)
{
  const cgap_many *many = r->many;
  char key[40];
  size_t shown = 0, rows = 0;
  for (size_t m = 0; m < many->count; m++) {
    const cgap_many_modality *from = &many->modality[m];
    for (size_t i = 0; i < from->plane_rows; i++)
      fprintf(t->file.stream, "%s\t%zu\t%zu\t%.6g\t%.6g\n", from->name, m + 1, from->plane[i].row, from->plane[i].x,
              from->plane[i].y);
    for (size_t axis = 0; axis < 2; axis++) {
      snprintf(key, sizeof key, "centre_%c_%zu", "xy"[axis], m + 1);
      cgap_tsv_about(t, key, "%.6g", from->centre[axis]);
    }
    shown += from->plane_rows;
    rows += from->rows;
  }
  for (size_t axis = 0; axis < 2; axis++) {
    snprintf(key, sizeof key, "share_%zu", axis + 1);
    if (isfinite(many->plane_variance[axis]))
      cgap_tsv_about(t, key, "%.6g", many->plane_variance[axis]);
  }
  cgap_tsv_about(t, "shown", shown < rows ? "%zu of %zu rows are drawn" : "all rows are drawn", shown, rows);
}

static cgap_status write_figure(const cgap_many_report *r, const char *folder, const char *name, const char *header,
                                void (*write)(cgap_tsv *, const cgap_many_report *), cgap_error *error)
{
  cgap_tsv table;
  cgap_status status = cgap_tsv_open(&table, folder, name, header, error);
  if (status != CGAP_OK)
    return status;
  write(&table, r);
  about(&table, r);
  status = cgap_tsv_close(&table, true, error);
  return status == CGAP_OK ? cgap_plots_copy(folder, name, error) : status;
}

/* ---------------------------------------------------------------- rows */

/* A line for the rows that belong together: their places in the files, and the cosine of every pair. */
static cgap_status write_rows(const cgap_many_report *r, const char *path, cgap_error *error)
{
  const cgap_many *many = r->many;
  cgap_outfile file;
  if (!(many->pair[0].has & (CGAP_HAS_PAIRS | CGAP_HAS_AGREEMENT)))
    return CGAP_OK;
  const cgap_status status = cgap_outfile_open(&file, path, error);
  if (status != CGAP_OK)
    return status;
  fputs("index", file.stream);
  for (size_t m = 0; m < many->count; m++)
    fprintf(file.stream, "\trow_%s", many->modality[m].name);
  for (size_t p = 0; p < many->pairs; p++) {
    char name[CGAP_PAIR_NAME];
    cgap_many_pair_name(name, many, p, NULL, NULL);
    fprintf(file.stream, "\tcosine_%s", name);
  }
  fputc('\n', file.stream);
  for (size_t i = 0; i < many->modality[0].rows; i++) {
    fprintf(file.stream, "%zu", i);
    for (size_t m = 0; m < many->count; m++)
      fprintf(file.stream, "\t%zu", many->modality[m].row ? many->modality[m].row[i] : i);
    for (size_t p = 0; p < many->pairs; p++)
      if (many->pair[p].pair_cosine)
        fprintf(file.stream, "\t%.9g", many->pair[p].pair_cosine[i]);
      else
        fputs("\tNA", file.stream); /* of two widths */
    fputc('\n', file.stream);
  }
  return cgap_outfile_close(&file, true, error);
}

/* ---------------------------------------------------------------- the page */

enum { TILES = 6 };

/* The widest gaps, a tile each. */
static void put_tiles(cgap_page *page, const cgap_many *many)
{
  bool shown[CGAP_MANY_PAIRS_MAX] = {false};
  cgap_page_tiles(page, "The widest gaps");
  for (size_t k = 0; k < TILES && k < many->pairs; k++) {
    char name[CGAP_PAIR_NAME];
    size_t widest = many->pairs;
    for (size_t p = 0; p < many->pairs; p++)
      if (!shown[p] && cgap_scalar_known(&many->pair[p].gap.corrected_distance) &&
          (widest == many->pairs ||
           many->pair[p].gap.corrected_distance.value > many->pair[widest].gap.corrected_distance.value))
        widest = p;
    if (widest == many->pairs) /* the others are of two widths */
      break;
    shown[widest] = true;
    cgap_many_pair_name(name, many, widest, NULL, NULL);
    cgap_tile_look look = cgap_tile_look_of("gap.corrected_distance");
    look.label = name;
    const cgap_level level = cgap_audit_level(&many->pair[widest]);
    cgap_page_tile(page, &look, &many->pair[widest].gap.corrected_distance, cgap_level_word(level), level);
  }
  cgap_page_tiles_end(page);
}

/* What to do, each word once with its pairs. */
static void put_advice(cgap_page *page, const cgap_many *many)
{
  cgap_advice_words advice, other;
  for (size_t p = 0; p < many->pairs; p++) {
    bool before = false;
    cgap_advice_write(&advice, &many->pair[p]);
    for (size_t q = 0; q < p && advice.word && !before; q++) {
      cgap_advice_write(&other, &many->pair[q]);
      before = other.word && strcmp(other.word, advice.word) == 0;
    }
    if (!advice.word || before)
      continue;
    size_t same = 0;
    bool given[CGAP_MANY_PAIRS_MAX];
    for (size_t q = p; q < many->pairs; q++) {
      cgap_advice_write(&other, &many->pair[q]);
      given[q] = other.word && strcmp(other.word, advice.word) == 0;
      same += given[q];
    }
    fputs("<p>", page->out);
    cgap_page_text(page, "Advice: %s%s", advice.word, same == many->pairs ? " (all pairs)" : "");
    for (size_t q = p, listed = 0; same < many->pairs && q < many->pairs; q++) {
      char name[CGAP_PAIR_NAME];
      cgap_many_pair_name(name, many, q, NULL, NULL);
      if (given[q])
        cgap_page_text(page, "%s%s", listed++ ? ", " : " (", name);
    }
    fputs(same < many->pairs ? ")</p>\n" : "</p>\n", page->out);
  }
}

static void put_verdict(cgap_page *page, const void *report)
{
  const cgap_many *many = ((const cgap_many_report *)report)->many;
  cgap_verdict_words words = {.level = CGAP_LEVEL_UNKNOWN};
  char sentence[CGAP_SENTENCE], alarms[CGAP_NOTES][CGAP_SENTENCE];
  bool any = false;
  for (size_t p = 0; p < many->pairs; p++) {
    const size_t count = cgap_many_alarms(alarms, many, p);
    if (count && !any)
      fputs("<div class=\"alarm\" role=\"alert\">\n", page->out);
    any = any || count;
    for (size_t i = 0; i < count; i++)
      cgap_page_put(page, "p", "%s", alarms[i]);
  }
  fputs(any ? "</div>\n" : "", page->out);
  cgap_many_summary(words.sentence[words.count++], many);
  cgap_many_mixed_sentence(sentence, many);
  if (*sentence)
    memcpy(words.sentence[words.count++], sentence, sizeof sentence);
  for (size_t p = 0; p < many->pairs; p++) {
    const cgap_level level = cgap_many_sentence(sentence, many, p);
    words.level = level > words.level ? level : words.level;
  }
  cgap_page_verdict(page, &words, NULL);
  put_tiles(page, many);
  put_advice(page, many);
  fputs("<details class=\"sentences\">\n<summary>Every pair in a sentence</summary>\n<ul>\n", page->out);
  for (size_t p = 0; p < many->pairs; p++) {
    (void)cgap_many_sentence(sentence, many, p);
    cgap_page_put(page, "li", "%s", sentence);
  }
  fputs("</ul>\n</details>\n", page->out);
  cgap_page_put(page, "p class=\"soft\"", "%s.", CGAP_GAP_SCALE);
}

static void put_matrix(cgap_page *page, const void *report)
{
  const cgap_many *many = ((const cgap_many_report *)report)->many;
  char names[CGAP_MODALITIES_MAX][CGAP_NAME_SIZE + 1];
  const char *heads[CGAP_MODALITIES_MAX + 1] = {"Modality"};
  for (size_t m = 0; m < many->count; m++) {
    snprintf(names[m], sizeof names[m], "#%s", many->modality[m].name);
    heads[m + 1] = names[m];
  }
  fputs("<div class=\"figures\">\n", page->out);
  for (int measure = 0; measure < CGAP_MANY_MEASURES; measure++) {
    cgap_page_table(page, cgap_many_titles[measure], heads, many->count + 1);
    for (size_t a = 0; a < many->count; a++) {
      cgap_cell cells[CGAP_MODALITIES_MAX + 1] = {cgap_cell_text(many->modality[a].name)};
      for (size_t b = 0; b < many->count; b++) {
        cells[b + 1] = cgap_cell_number(cgap_many_number(many, (cgap_many_measure)measure, a, b), 4);
        if (a == b)
          cells[b + 1].text = "–";
      }
      cgap_page_row(page, cells, many->count + 1);
    }
    cgap_page_table_end(page);
  }
  fputs("</div>\n", page->out);
}

static void put_mixed(cgap_page *page, const void *report)
{
  static const char *const heads[] = {"Modality", "#Rows", "#Share of the 10 nearest rows that are its own"};
  const cgap_many *many = ((const cgap_many_report *)report)->many;
  cgap_page_table(page, "All modalities in one pool", heads, 3);
  for (size_t m = 0; m < many->count; m++) {
    const cgap_many_modality *from = &many->modality[m];
    const cgap_cell cells[] = {cgap_cell_text(from->name), cgap_cell_count((double)from->rows),
                               cgap_cell_number(cgap_value_or_nan(&from->same_modality_share), 4)};
    cgap_page_row(page, cells, 3);
  }
  const cgap_cell all[] = {cgap_cell_text("all"), cgap_cell_count((double)many->same_modality_share.n),
                           cgap_cell_number(cgap_value_or_nan(&many->same_modality_share), 4)};
  const cgap_cell chance[] = {cgap_cell_text("by chance"), cgap_cell_count((double)many->unbiased.n),
                              cgap_cell_number(cgap_value_or_nan(&many->unbiased), 4)};
  cgap_page_row(page, all, 3);
  cgap_page_row(page, chance, 3);
  cgap_page_table_end(page);
}

static void put_figures(cgap_page *page, const void *report)
{
  const char *names[FIGURES_MAX];
  const size_t count = figures_of(((const cgap_many_report *)report)->many, names);
  cgap_page_figures(page, names, count);
}

static void put_pairs(cgap_page *page, const void *report)
{
  const cgap_many_report *r = report;
  const cgap_many *many = r->many;
  for (size_t p = 0; p < many->pairs; p++) {
    char name[CGAP_PAIR_NAME];
    size_t a = 0, b = 0;
    cgap_verdict_words verdict;
    cgap_notes notes;
    cgap_many_pair_name(name, many, p, &a, &b);
    cgap_verdict_write(&verdict, &many->pair[p]);
    cgap_notes_write(&notes, &many->pair[p]);
    fputs("<details>\n", page->out);
    cgap_page_put(page, "summary", "%s", name);
    cgap_page_verdict(page, &verdict, &notes);
    cgap_page_measures(page, &many->pair[p]);
    const cgap_row_names names = cgap_many_row_names(r->input, a, b);
    cgap_page_checks(page, &many->pair[p], &names);
    if (many->pair[p].advice.word != CGAP_ADVICE_NOT_ASKED)
      cgap_page_put(page, "p", "The figures of this pair: contragap audit %s -o DIR", many->pair[p].advice.input);
    fputs("</details>\n", page->out);
  }
}

static void put_definitions(cgap_page *page, const void *report)
{
  cgap_page_definitions(page, ((const cgap_many_report *)report)->many->pair[0].has);
}

static void put_run(cgap_page *page, const void *report)
{
  const cgap_many_report *r = report;
  cgap_page_run(page, r->run);
  for (size_t m = 0; m < r->many->count; m++) {
    const char *file = json_string_value(json_object_get(r->input->modality[m], "name"));
    cgap_page_term(page, r->many->modality[m].name, "%s, %zu rows of %zu", file ? file : "", r->many->modality[m].rows,
                   r->many->modality[m].dim);
  }
  cgap_page_term(page, N_("pairing"), "%s", cgap_tr(page->names, r->input->pairing));
  cgap_page_term(page, "seed", "%llu", (unsigned long long)r->run->seed);
  fputs("</dl>\n", page->out);
  cgap_page_put(page, "p", "The same numbers are in report.json%s, tables and scripts of the figures in figures/.", "");
}

static cgap_status write_page(const cgap_many_report *r, const char *folder, void (*warn_line)(const char *line),
                              cgap_error *error)
{
  static const cgap_section SECTIONS[] = {
    {"verdict", "Verdict", put_verdict},  {"figures", "Figures", put_figures},
    {"matrix", "Every pair", put_matrix}, {"mixed", "One pool", put_mixed},
    {"pairs", "Pair by pair", put_pairs}, {"definitions", "Definitions", put_definitions},
    {"run", "How it was run", put_run},   {NULL, NULL, NULL}};
  char title[700], head[CGAP_MANY_HEAD];
  snprintf(title, sizeof title, "Contrastive gaps of %s", r->input->source);
  cgap_many_head(head, r->many, r->input);
  const char *words = strstr(head, ": ");
  return cgap_page_write(folder, title, words ? words + 2 : head, NULL, SECTIONS, r, warn_line, error);
}

/* ---------------------------------------------------------------- the folder */

cgap_status cgap_many_folder_write(const cgap_many_report *r, const char *folder, void (*warn_line)(const char *line),
                                   cgap_error *error)
{
  char figures[CGAP_PATH], path[CGAP_PATH];
  cgap_folder made = {0};
  cgap_status status = cgap_folder_file(figures, folder, "figures", error);
  if (status == CGAP_OK)
    status = cgap_folder_open(&made, figures, error);
  if (status == CGAP_OK)
    status = cgap_folder_file(path, folder, "report.json", error);
  if (status == CGAP_OK)
    status = cgap_json_write(r->json, path, error);
  if (status == CGAP_OK)
    status = cgap_folder_file(path, folder, "rows.tsv", error);
  if (status == CGAP_OK)
    status = write_rows(r, path, error);
  const char *names[FIGURES_MAX];
  const size_t count = figures_of(r->many, names);
  if (status == CGAP_OK && count && strcmp(names[0], "matrix") == 0)
    status = write_figure(r, figures, "matrix", "a\tb\tcolumn\trow\tvalue", write_matrix, error);
  if (status == CGAP_OK && count && strcmp(names[count - 1], "modalities") == 0)
    status = write_figure(r, figures, "modalities", "modality\tindex\trow\tx\ty", write_plane, error);
  if (status == CGAP_OK)
    status = cgap_figures_render(figures, names, count, warn_line, error);
  return status == CGAP_OK ? write_page(r, folder, warn_line, error) : status;
}
