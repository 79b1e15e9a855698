/* The folder of an audit: report.json, rows.tsv, figures, and its page. */
#include "report/page.h"

#include <math.h>
#include <string.h>

#include "analysis/fields.h"
#include "report/card.h"
#include "report/figures.h"
#include "report/groups_show.h"
#include "report/tiles.h"

cgap_status cgap_report_write(const cgap_report *r, const char *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_folder figures = {0};
  cgap_status status = cgap_folder_file(path, folder, "figures", error);
  if (!status)
    status = cgap_folder_open(&figures, path, error);
  if (!status)
    status = cgap_folder_file(path, folder, "report.json", error);
  if (!status)
    status = cgap_json_write(r->json, path, error);
  if (!status)
    status = cgap_folder_file(path, folder, "figures", error);
  if (!status)
    status = cgap_figures_write(r->audit, r->names, r->source, path, error);
  if (!status)
    status = cgap_card_audit_write(r->audit, r->source, path, error);
  if (!status)
    status = cgap_folder_file(path, folder, "rows.tsv", error);
  if (!status)
    status = cgap_rows_write(r->audit, r->names, path, error);
  if (!status && r->groups)
    status = cgap_groups_write(r->groups, r->audit, r->source, folder, error);
  return status;
}

cgap_status cgap_report_render(const cgap_report *r, const char *folder, void (*warn_line)(const char *line),
                               cgap_error *error)
{
  const char *names[CGAP_FIGURES_MAX + 1];
  char path[CGAP_PATH];
  size_t count = cgap_figures_of(r->audit, names);
  if (r->groups && r->groups->count)
    names[count++] = "groups";
  cgap_status status = cgap_folder_file(path, folder, "figures", error);
  if (!status)
    status = cgap_figures_render(path, names, count, warn_line, error);
  return status ? status : cgap_card_render_or_warn(folder, &r->audit->names, warn_line, error);
}

/* ---------------------------------------------------------------- rows */

static void print_rank(FILE *stream, double value)
{
  if (isfinite(value))
    fprintf(stream, "%.1f", value);
  else
    fputs("NA", stream);
}

/* The columns of names: those of the modalities that have some. */
static const struct {
  cgap_named kind;
  const char *head;
} NAMED[] = {{CGAP_NAMED_IMAGES, "{image}_name"}, {CGAP_NAMED_TEXTS, "{text}_name"}};
enum { NAMED_COLUMNS = sizeof NAMED / sizeof *NAMED };

static bool has_names(const cgap_row_names *names, int column)
{
  return names && names->of[NAMED[column].kind].count > 0;
}

/* One modality: a line for each row. */
static cgap_status write_row_neighbours(const cgap_audit *a, const cgap_row_names *names, const char *path,
                                        cgap_error *error)
{
  const bool named = has_names(names, 0);
  cgap_outfile file;
  cgap_status status = cgap_outfile_open(&file, path, error);
  if (status)
    return status;
  fprintf(file.stream, "row\tnearest\tcosine\tamong_nearest_of%s\n", named ? "\tname" : "");
  for (size_t i = 0; i < a->images; i++) {
    const cgap_row_neighbours *n = &a->image_neighbours[i];
    fprintf(file.stream, "%zu\t%zu\t%.9g\t%llu", a->image_row[i], n->nearest, n->cosine, (unsigned long long)n->among);
    if (named) {
      fputc('\t', file.stream);
      cgap_tsv_name(file.stream, cgap_row_name(names, NAMED[0].kind, a->image_row[i]));
    }
    fputc('\n', file.stream);
  }
  return cgap_outfile_close(&file, true, error);
}

cgap_status cgap_rows_write(const cgap_audit *a, const cgap_row_names *names, const char *path, cgap_error *error)
{
  if (a->image_neighbours)
    return write_row_neighbours(a, names, path, error);
  if (!(a->has & CGAP_HAS_PAIRS))
    return CGAP_OK;
  cgap_outfile file;
  cgap_status status = cgap_outfile_open(&file, path, error);
  if (status)
    return status;
  const char *image = cgap_modality_name(a->names.of[0], 0), *text = cgap_modality_name(a->names.of[1], 1);
  fprintf(file.stream, "%s\t%s\tcosine\trank_%s_to_%s\trank_%s_to_%s", text, image, text, image, image, text);
  for (int k = 0; k < NAMED_COLUMNS; k++)
    if (has_names(names, k))
      fprintf(file.stream, "\t%s", cgap_phrase_of(&a->names, NAMED[k].head).s);
  fputc('\n', file.stream);
  for (size_t j = 0; j < a->texts; j++) {
    const size_t i = a->image_of[j], rows[] = {a->image_row[i], a->text_row[j]};
    fprintf(file.stream, "%zu\t%zu\t%.9g\t", a->text_row[j], a->image_row[i], a->pair_cosine[j]);
    print_rank(file.stream, a->rank_text_to_image[j]);
    fputc('\t', file.stream);
    print_rank(file.stream, a->rank_image_to_text[i]);
    for (int k = 0; k < NAMED_COLUMNS; k++)
      if (has_names(names, k)) {
        fputc('\t', file.stream);
        cgap_tsv_name(file.stream, cgap_row_name(names, NAMED[k].kind, rows[k]));
      }
    fputc('\n', file.stream);
  }
  return cgap_outfile_close(&file, true, error);
}

/* ---------------------------------------------------------------- the page */

/* Which variants of titles and captions its figures get. */
static void tell_kind(cgap_page *page, const cgap_audit *a)
{
  page->within = !(a->has & CGAP_ONE_SPACE);
  page->unpaired = !page->within && !(a->has & CGAP_HAS_PAIRS);
}

static void put_verdict(cgap_page *page, const void *report)
{
  const cgap_audit *a = ((const cgap_report *)report)->audit;
  tell_kind(page, a);
  cgap_audit_first_screen(page, a);
}

static void put_figures(cgap_page *page, const void *report)
{
  const char *names[CGAP_FIGURES_MAX];
  const cgap_audit *a = ((const cgap_report *)report)->audit;
  const size_t count = cgap_figures_of(a, names);
  if (count > 1) /* the first one is on the first screen */
    cgap_page_figures(page, names + 1, count - 1);
}

void cgap_page_measures(cgap_page *page, const cgap_audit *a)
{
  static const char *const heads[] = {"Measure", "#Value", "95 % interval", "Better", "#n"};
  static const char *const better[] = {"", N_("lower"), N_("higher")};
  char interval[100];
  cgap_page_table(page, "Every measure with its 95 % interval, where one is stated", heads, 5);
  for (size_t i = 0; i < cgap_field_count(); i++) {
    const cgap_field *f = cgap_field_at(i);
    if (!cgap_field_present(a, f))
      continue;
    const cgap_scalar *s = cgap_field_scalar(a, f);
    const cgap_phrase title = cgap_field_title(f, page->names);
    cgap_interval_show(interval, s->lo, s->hi, f->decimals, cgap_tr(page->names, N_("%s to %s")));
    const cgap_cell cells[] = {{.text = title.s, .key = f->key},
                               cgap_cell_number(cgap_value_or_nan(s), f->decimals),
                               cgap_cell_text(s->why ? cgap_tr(page->names, s->why) : interval),
                               cgap_cell_text(cgap_tr(page->names, better[f->better])),
                               cgap_cell_count((double)s->n)};
    cgap_page_row(page, cells, 5);
  }
  cgap_page_table_end(page);
}

static void put_measures(cgap_page *page, const void *report)
{
  cgap_page_measures(page, ((const cgap_report *)report)->audit);
}

/* The checks of the rows of both modalities. */
typedef struct row_check {
  const char *modality, *what;
  const cgap_check *check;
} row_check;

enum { CHECKS = 6 };

static void list_checks(row_check out[CHECKS], const char *modality, const cgap_modality_checks *c)
{
  const row_check checks[CHECKS] = {{modality, "rows with NaN or infinity", &c->not_finite},
                                    {modality, "rows of norm zero", &c->zero},
                                    {modality, "rows whose norm is off 1 by more than 0.001", &c->off_unit},
                                    {modality, "constant columns", &c->constant_columns},
                                    {modality, "rows that repeat an earlier row", &c->duplicates},
                                    {modality, "rows nearly like another (cosine > 0.999)", &c->near_duplicates}};
  memcpy(out, checks, sizeof checks);
}

static void put_found(cgap_page *page, const row_check *row)
{
  const cgap_check *check = row->check;
  char first[200] = "";
  size_t used = 0;
  for (size_t i = 0; i < check->example_count && used < sizeof first; i++)
    used += (size_t)snprintf(first + used, sizeof first - used, "%s%zu", i ? ", " : "", check->examples[i]);
  const cgap_cell cells[] = {cgap_cell_text(row->modality), cgap_cell_text(cgap_tr(page->names, row->what)),
                             cgap_cell_count((double)check->count), cgap_cell_text(first)};
  cgap_page_row(page, cells, 4);
}

/* How many checks passed; what the others found, as a table; the list of all, folded. */
static void put_row_checks(cgap_page *page, const row_check *row, size_t count)
{
  static const char *const heads[] = {"Modality", "What", "#Count", "First rows"};
  size_t found = 0;
  for (size_t k = 0; k < count; k++)
    found += row[k].check->count > 0;
  if (found) {
    cgap_page_put(page, "p", "%zu checks of the rows, %zu passed:", count, count - found);
    cgap_page_table(page, "What was found in the rows", heads, 4);
    for (size_t k = 0; k < count; k++)
      if (row[k].check->count > 0)
        put_found(page, &row[k]);
    cgap_page_table_end(page);
  }
  fputs("<details>\n<summary>", page->out);
  if (found)
    cgap_page_text(page, "All %zu checks", count);
  else
    cgap_page_text(page, "%zu checks, all passed", count);
  fputs("</summary>\n<ul>\n", page->out);
  for (size_t k = 0; k < count; k++)
    cgap_page_put(page, "li", row[k].check->count ? "%s: %s" : "%s: no %s", row[k].modality,
                  cgap_tr(page->names, row[k].what));
  fputs("</ul>\n</details>\n", page->out);
}

static void put_blocks(cgap_page *page, const cgap_pairing_check *c)
{
  const cgap_phrase first = cgap_phrase_of(page->names, "#First {text} row"),
                    last = cgap_phrase_of(page->names, "#Last {text} row");
  const char *const heads[] = {first.s, last.s, "#z", "#Shift"};
  cgap_page_table(
    page,
    "Consecutive pairs that do not fit. Shift: how many rows after its own {one image} the {one image} is that fits.",
    heads, 4);
  for (size_t b = 0; b < c->block_count; b++) {
    const cgap_pair_block *block = &c->blocks[b];
    const cgap_cell cells[] = {cgap_cell_count((double)block->first), cgap_cell_count((double)block->last),
                               cgap_cell_number(block->z, 1),
                               cgap_cell_number(block->shift ? block->shift : (double)NAN, 0)};
    cgap_page_row(page, cells, 4);
  }
  cgap_page_table_end(page);
}

static void put_pairing(cgap_page *page, const cgap_pairing_check *c)
{
  char z[40] = "";
  if (isfinite(c->z))
    snprintf(z, sizeof z, " (z = %.1f)", c->z);
  cgap_page_put(page, "p", "Pairing: %s. The mean cosine of the pairs is %.4f, of shuffled pairs %.4f%s.",
                cgap_tr(page->names, cgap_pairing_word(c)), c->matched_mean, c->shuffled_mean, z);
  if (c->block_count)
    put_blocks(page, c);
}

static void put_worst(cgap_page *page, const cgap_audit *a, const cgap_row_names *names)
{
  enum { NUMBERS = 3, SHOWN = 120 };
  const cgap_phrase row[] = {cgap_phrase_of(page->names, "#{Image} row"), cgap_phrase_of(page->names, "#{Text} row")};
  const cgap_phrase name_head[NAMED_COLUMNS] = {cgap_phrase_of(page->names, "{Image}"),
                                                cgap_phrase_of(page->names, "{Text}")};
  const char *heads[NUMBERS + NAMED_COLUMNS] = {row[0].s, row[1].s, "#Cosine"};
  size_t columns = NUMBERS;
  for (int k = 0; k < NAMED_COLUMNS; k++)
    if (has_names(names, k))
      heads[columns++] = name_head[k].s;
  cgap_page_table(page, "The pairs with the lowest cosine: likely mismatches. Rows count from 0 in the file.", heads,
                  columns);
  for (size_t i = 0; i < a->worst_count; i++) {
    const size_t rows[] = {a->worst[i].image, a->worst[i].text};
    char shown[NAMED_COLUMNS][SHOWN];
    cgap_cell cells[NUMBERS + NAMED_COLUMNS] = {cgap_cell_count((double)rows[0]), cgap_cell_count((double)rows[1]),
                                                cgap_cell_number(a->worst[i].cosine, 4)};
    size_t count = NUMBERS;
    for (int k = 0; k < NAMED_COLUMNS; k++)
      if (has_names(names, k)) {
        const char *name = cgap_row_name(names, NAMED[k].kind, rows[k]);
        cgap_name_shorten(shown[k], SHOWN, name ? name : "");
        cells[count++] = cgap_cell_text(shown[k]);
      }
    cgap_page_row(page, cells, columns);
  }
  cgap_page_table_end(page);
}

void cgap_page_checks(cgap_page *page, const cgap_audit *a, const cgap_row_names *names)
{
  row_check row[2 * CHECKS];
  const bool two = a->has & CGAP_HAS_TEXT;
  if (a->has & CGAP_HAS_PAIRS)
    put_pairing(page, &a->pairing_check);
  const cgap_phrase image = cgap_phrase_of(&a->names, "{image}"),
                    text = cgap_phrase_of(&a->names, a->has & CGAP_TEXT_IS_CLASSES ? N_("class text") : N_("{text}"));
  list_checks(row, image.s, &a->checks_image);
  if (two)
    list_checks(row + CHECKS, text.s, &a->checks_text);
  put_row_checks(page, row, two ? 2 * CHECKS : CHECKS);
  if (a->has & CGAP_HAS_PAIRS)
    put_worst(page, a, names);
}

static void put_checks(cgap_page *page, const void *report)
{
  const cgap_report *r = report;
  cgap_page_checks(page, r->audit, r->names);
}

static void put_groups(cgap_page *page, const void *report)
{
  const cgap_report *r = report;
  cgap_groups_page(page, r->groups, r->audit);
}

static void put_definitions(cgap_page *page, const void *report)
{
  cgap_page_definitions(page, ((const cgap_report *)report)->audit->has);
}

static void put_dataset(cgap_page *page, const json_t *input, const char *key, const char *modality)
{
  const json_t *at = json_object_get(input, key);
  const char *name = json_string_value(json_object_get(at, "name")),
             *type = json_string_value(json_object_get(at, "type"));
  if (name)
    cgap_page_term(page, modality, "%s, %lld rows of %lld, %s", name,
                   (long long)json_integer_value(json_object_get(at, "rows")),
                   (long long)json_integer_value(json_object_get(at, "dim")), type ? type : "");
}

static void put_run(cgap_page *page, const void *report)
{
  const cgap_report *r = report;
  const json_t *input = json_object_get(r->json, "input");
  cgap_page_run(page, r->run);
  put_dataset(page, input, "image", cgap_phrase_of(&r->audit->names, "{image}").s);
  put_dataset(page, input, "text", cgap_phrase_of(&r->audit->names, "{text}").s);
  if (*r->audit->pairing)
    cgap_page_term(page, N_("pairing"), "%s", cgap_tr(page->names, r->audit->pairing));
  cgap_page_term(page, "seed", "%llu", (unsigned long long)r->run->seed);
  fputs("</dl>\n", page->out);
  cgap_page_put(page, "p",
                "The same numbers are in report.json%s, tables and scripts of the figures in figures/, and, where "
                "gnuplot is installed, a card for slides in card.png.",
                r->audit->has & CGAP_HAS_PAIRS ? cgap_tr(page->names, N_(", a line for every pair in rows.tsv"))
                : r->audit->image_neighbours   ? cgap_tr(page->names, N_(", a line for every row in rows.tsv"))
                                               : "");
}

static cgap_status write_page(const cgap_report *r, const cgap_section *sections, const char *folder,
                              void (*warn_line)(const char *line), cgap_error *error)
{
  char title[700], about[CGAP_SENTENCE + 2 * CGAP_PHRASE];
  const cgap_audit *a = r->audit;
  cgap_modality_printf(title, sizeof title, &a->names, "%s of %s", cgap_title_words(a), r->source);
  cgap_modality_printf(about, sizeof about, &a->names, "%zu %s, %zu %s, d = %zu%s%s", a->images,
                       cgap_image_word(a, 0).s, a->texts, cgap_text_word(a, 0).s, a->dim, *a->pairing ? "; " : "",
                       cgap_tr(&a->names, a->pairing));
  if (!(a->has & CGAP_ONE_SPACE))
    (void)cgap_size_words(about, a);
  return cgap_page_write(folder, title, about, &a->names, sections, r, warn_line, error);
}

cgap_status cgap_audit_page_write(const cgap_report *r, const char *folder, void (*warn_line)(const char *line),
                                  cgap_error *error)
{
  static const cgap_section all[] = {
    {"verdict", "Verdict", put_verdict}, {"figures", "Figures", put_figures},
    {"groups", "Groups", put_groups},    {"measures", "Measures", put_measures},
    {"checks", "Checks", put_checks},    {"definitions", "Definitions", put_definitions},
    {"run", "How it was run", put_run},  {NULL, NULL, NULL}};
  cgap_section sections[sizeof all / sizeof *all];
  for (size_t from = 0, to = 0; from < sizeof all / sizeof *all; from++)
    if (all[from].put != put_groups || r->groups)
      sections[to++] = all[from];
  return write_page(r, sections, folder, warn_line, error);
}

cgap_status cgap_audit_screen_write(const cgap_report *r, const char *folder, void (*warn_line)(const char *line),
                                    cgap_error *error)
{
  static const cgap_section sections[] = {
    {"verdict", "Verdict", put_verdict}, {"figures", "Figures", put_figures}, {NULL, NULL, NULL}};
  return write_page(r, sections, folder, warn_line, error);
}
