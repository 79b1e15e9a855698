#include "report/audit_page.h"

#include <math.h>
#include <string.h>

#include "analysis/fields.h"
#include "report/figures.h"
#include "report/page.h"
#include "report/table.h"

static const cgap_section sections[] = {{"verdict", "Verdict"},
                                        {"figures", "Figures"},
                                        {"measures", "Measures"},
                                        {"checks", "Checks"},
                                        {"definitions", "Definitions"},
                                        {"run", "How it was run"},
                                        {NULL, NULL}};

enum { VERDICT, FIGURES, MEASURES, CHECKS, DEFINITIONS, RUN };

static void interval_show(char out[100], const cgap_scalar *s, int decimals)
{
  char lo[40], hi[40];
  out[0] = '\0';
  if (s->why || !isfinite(s->lo) || !isfinite(s->hi))
    return;
  cgap_value_show(lo, s->lo, decimals);
  cgap_value_show(hi, s->hi, decimals);
  snprintf(out, 100, "%s to %s", lo, hi);
}

/* The numbers that are looked at first. */
static void put_tiles(cgap_page *page, const cgap_audit *a)
{
  static const char *const keys[] = {"gap.corrected_distance",
                                     "gap.linear_separability",
                                     "alignment.mean_squared_distance",
                                     "uniformity.mean",
                                     "retrieval.image_to_text.recall_at_1",
                                     "retrieval.text_to_image.recall_at_1",
                                     "zero_shot.top_1",
                                     "arithmetic.score"};
  fputs("<dl class=\"tiles\">\n", page->out);
  for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
    const cgap_field *f = cgap_field_find(keys[k]);
    char title[100], value[40], interval[100];
    if (!f || !cgap_field_present(a, f))
      continue;
    const cgap_scalar *s = cgap_field_scalar(a, f);
    cgap_field_title(f, title);
    cgap_value_show(value, s->why ? NAN : s->value, 3);
    interval_show(interval, s, 3);
    fputs("<div><dt>", page->out);
    cgap_page_text(page, title);
    fprintf(page->out, "</dt><dd>%s<small>%s</small></dd></div>\n", value, interval[0] ? interval : "&nbsp;");
  }
  fputs("</dl>\n", page->out);
}

static void put_verdict(cgap_page *page, const cgap_audit *a)
{
  cgap_verdict_words verdict;
  cgap_notes notes;
  cgap_verdict_write(&verdict, a);
  cgap_notes_write(&notes, a);
  cgap_page_section(page, &sections[VERDICT]);
  cgap_page_verdict(page, &verdict, &notes);
  put_tiles(page, a);
  cgap_page_section_end(page);
}

static cgap_status put_figures(cgap_page *page, const cgap_audit *a, const char *folder, cgap_error *error)
{
  enum { MOST_FIGURES = 20 };
  const char *names[MOST_FIGURES];
  char path[CGAP_PATH];
  size_t count = cgap_figures_of(a, names, MOST_FIGURES);
  cgap_status status = cgap_folder_file(path, folder, "figures", error);
  cgap_page_section(page, &sections[FIGURES]);
  fputs("<div class=\"figures\">\n", page->out);
  for (size_t f = 0; f < count && !status; f++) {
    cgap_error fault;
    cgap_status rendered = cgap_page_figure(page, path, names[f], &fault);
    if (rendered == CGAP_INTERRUPTED || rendered == CGAP_RESOURCE)
      status = cgap_fail(error, rendered, "%s", fault.message);
    if (!rendered)
      continue;
    fputs("<p>", page->out);
    cgap_page_text(page, fault.message);
    fputs(".</p>\n", page->out);
    if (rendered == CGAP_USAGE)
      break;
  }
  fputs("</div>\n", page->out);
  cgap_page_section_end(page);
  return status;
}

static void put_measures(cgap_page *page, const cgap_audit *a)
{
  static const char *const heads[] = {"Measure", "#Value", "95 % interval", "Better", "#n"};
  static const char *const better[] = {"", "lower", "higher"};
  char title[100], interval[100];
  cgap_page_section(page, &sections[MEASURES]);
  cgap_page_table(page, "Every measure with its 95 % interval, where one is stated", heads, 5);
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_field *f = cgap_field_at(i);
    if (!cgap_field_present(a, f))
      continue;
    const cgap_scalar *s = cgap_field_scalar(a, f);
    cgap_field_title(f, title);
    interval_show(interval, s, f->decimals);
    cgap_page_row(page);
    cgap_page_cell(page, title);
    cgap_page_number(page, s->why ? NAN : s->value, f->decimals);
    cgap_page_cell(page, s->why ? s->why : interval);
    cgap_page_cell(page, better[f->better]);
    cgap_page_count(page, (double)s->n);
    fputs("</tr>\n", page->out);
  }
  cgap_page_table_end(page);
  cgap_page_section_end(page);
}

static void put_check(cgap_page *page, const char *modality, const char *what, const cgap_check *check)
{
  char rows[200] = "";
  size_t used = 0;
  for (size_t i = 0; i < check->example_count && used < sizeof rows; i++)
    used += (size_t)snprintf(rows + used, sizeof rows - used, "%s%zu", i ? ", " : "", check->examples[i]);
  cgap_page_row(page);
  cgap_page_cell(page, modality);
  cgap_page_cell(page, what);
  cgap_page_count(page, (double)check->count);
  cgap_page_cell(page, rows);
  fputs("</tr>\n", page->out);
}

static void put_modality(cgap_page *page, const char *modality, const cgap_modality_checks *c)
{
  put_check(page, modality, "rows with NaN or infinity", &c->not_finite);
  put_check(page, modality, "rows of norm zero", &c->zero);
  put_check(page, modality, "rows whose norm is off 1 by more than 0.001", &c->off_unit);
  put_check(page, modality, "constant columns", &c->constant_columns);
  put_check(page, modality, "rows that repeat an earlier row", &c->duplicates);
  put_check(page, modality, "rows nearly like another (cosine > 0.999)", &c->near_duplicates);
}

static void put_blocks(cgap_page *page, const cgap_pairing_check *c)
{
  static const char *const heads[] = {"#First text row", "#Last text row", "#z", "#Shift"};
  cgap_page_table(
    page, "Consecutive pairs that do not fit. Shift: how many rows after their own the image is that fits.", heads, 4);
  for (size_t b = 0; b < c->block_count; b++) {
    cgap_page_row(page);
    cgap_page_count(page, (double)c->blocks[b].first);
    cgap_page_count(page, (double)c->blocks[b].last);
    cgap_page_number(page, c->blocks[b].z, 1);
    cgap_page_number(page, c->blocks[b].shift ? (double)c->blocks[b].shift : (double)NAN, 0);
    fputs("</tr>\n", page->out);
  }
  cgap_page_table_end(page);
}

static void put_pairing(cgap_page *page, const cgap_pairing_check *c)
{
  static const char *const verdicts[] = {
    [CGAP_PAIRING_MATCHED] = "matched", [CGAP_PAIRING_SHUFFLED] = "shuffled", [CGAP_PAIRING_UNCLEAR] = "unclear"};
  fprintf(page->out, "<p>Pairing: <strong>%s</strong>. The mean cosine of the pairs is %.4f, of shuffled pairs %.4f",
          verdicts[c->verdict], c->matched_mean, c->shuffled_mean);
  if (isfinite(c->z))
    fprintf(page->out, " (z = %.1f)", c->z);
  fputs(".</p>\n", page->out);
  if (c->block_count)
    put_blocks(page, c);
}

static void put_worst(cgap_page *page, const cgap_audit *a)
{
  static const char *const heads[] = {"#Image row", "#Text row", "#Cosine"};
  cgap_page_table(page, "The pairs with the lowest cosine: likely mismatches. Rows count from 0 in the file.", heads,
                  3);
  for (size_t i = 0; i < a->worst_count; i++) {
    cgap_page_row(page);
    cgap_page_count(page, (double)a->worst[i].image);
    cgap_page_count(page, (double)a->worst[i].text);
    cgap_page_number(page, a->worst[i].cosine, 4);
    fputs("</tr>\n", page->out);
  }
  cgap_page_table_end(page);
}

static void put_checks(cgap_page *page, const cgap_audit *a)
{
  static const char *const heads[] = {"Side", "What", "#Count", "First"};
  cgap_page_section(page, &sections[CHECKS]);
  if (a->has & CGAP_HAS_PAIRS)
    put_pairing(page, &a->pairing_check);
  cgap_page_table(page, "What was found in the rows", heads, 4);
  put_modality(page, "image", &a->checks_image);
  put_modality(page, a->has & CGAP_TEXT_IS_CLASSES ? "class text" : "text", &a->checks_text);
  cgap_page_table_end(page);
  if (a->has & CGAP_HAS_PAIRS)
    put_worst(page, a);
  cgap_page_section_end(page);
}

static void put_dataset(cgap_page *page, const json_t *input, const char *modality)
{
  const json_t *at = json_object_get(input, modality);
  const char *name = json_string_value(json_object_get(at, "name")),
             *type = json_string_value(json_object_get(at, "type"));
  char text[1200];
  if (!name)
    return;
  snprintf(text, sizeof text, "%s, %lld rows of %lld, %s", name,
           (long long)json_integer_value(json_object_get(at, "rows")),
           (long long)json_integer_value(json_object_get(at, "dim")), type ? type : "");
  cgap_page_term(page, modality, text);
}

static void put_run(cgap_page *page, const cgap_report *r)
{
  char text[200];
  const json_t *input = json_object_get(r->json, "input");
  cgap_page_section(page, &sections[RUN]);
  fputs("<dl class=\"run\">\n", page->out);
  if (r->run && r->run->command_line)
    cgap_page_term(page, "command", r->run->command_line);
  cgap_page_term(page, "version", cgap_version());
  put_dataset(page, input, "image");
  put_dataset(page, input, "text");
  if (*r->audit->pairing)
    cgap_page_term(page, "pairing", r->audit->pairing);
  if (r->run) {
    snprintf(text, sizeof text, "%llu", (unsigned long long)r->run->seed);
    cgap_page_term(page, "seed", text);
    snprintf(text, sizeof text, "%d", r->run->threads);
    cgap_page_term(page, "threads", text);
    snprintf(text, sizeof text, "%.2f s", r->run->seconds);
    cgap_page_term(page, "time", text);
    snprintf(text, sizeof text, "%.0f MB", (double)r->run->peak_memory_bytes / 1e6);
    cgap_page_term(page, "peak memory", text);
  }
  fputs("</dl>\n<p>The same numbers stand in <code>report.json</code>", page->out);
  fputs(r->audit->has & CGAP_HAS_PAIRS ? ", a line for every pair in <code>rows.tsv</code>, " : ", ", page->out);
  fputs("tables and scripts of the figures in <code>figures/</code>.</p>\n", page->out);
  cgap_page_section_end(page);
}

cgap_status cgap_audit_page_write(const cgap_report *r, const char *folder, cgap_error *error)
{
  char path[CGAP_PATH], title[700], about[400];
  const cgap_audit *a = r->audit;
  cgap_page page = {0};
  cgap_error ignored;
  cgap_status status = cgap_folder_file(path, folder, "report.html", error);
  snprintf(title, sizeof title, "Contrastive gap of %s", r->source);
  snprintf(about, sizeof about, "%zu images, %zu %s, d = %zu%s%s", a->images, a->texts,
           a->has & CGAP_TEXT_IS_CLASSES ? "class texts" : "texts", a->dim, *a->pairing ? "; " : "", a->pairing);
  if (!status)
    status = cgap_page_open(&page, path, title, about, sections, error);
  if (status)
    return status;
  put_verdict(&page, a);
  status = put_figures(&page, a, folder, error);
  put_measures(&page, a);
  put_checks(&page, a);
  cgap_page_section(&page, &sections[DEFINITIONS]);
  cgap_page_definitions(&page, a->has);
  cgap_page_section_end(&page);
  put_run(&page, r);
  cgap_status closed = cgap_page_close(&page, !status, status ? &ignored : error);
  return status ? status : closed;
}
