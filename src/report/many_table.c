/* The report of more than two modalities for the terminal, in Markdown and LaTeX, and as comma-separated values. */
#include "report/many_show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_buffer.h"

enum { LABEL = 14, LABEL_MAX = 26, COLUMN = 8 };

static cgap_status printed(FILE *out, cgap_error *error)
{
  return fflush(out) == 0 && !ferror(out)
           ? CGAP_OK
           : cgap_fail(error, CGAP_RESOURCE,
                       "standard output: cannot write the table; check whether the disk is full or broken");
}

static bool is_measured(const cgap_many *many, cgap_many_measure measure)
{
  for (size_t a = 0; a < many->count; a++)
    for (size_t b = 0; b < many->count; b++)
      if (isfinite(cgap_many_number(many, measure, a, b)))
        return true;
  return false;
}

static void CGAP_PRINTF(3, 4) write_head(char out[CGAP_MANY_HEAD], const cgap_many *many, const char *format, ...)
{
  const size_t used = strlen(out);
  va_list values;
  va_start(values, format);
  (void)cgap_modality_vprintf(out + used, CGAP_MANY_HEAD - used, cgap_many_names(many), format, values);
  va_end(values);
}

/* "; left out …: image 20, text 3", nothing where all are 0. */
static void put_counts(char out[CGAP_MANY_HEAD], const cgap_many *many, const char *words, const size_t *counts)
{
  const cgap_modality_names *names = cgap_many_names(many);
  bool any = false;
  for (size_t m = 0; m < many->count; m++) {
    if (counts[m])
      write_head(out, many, "%s%s %zu", cgap_tr(names, any ? N_(", ") : words), many->modality[m].name, counts[m]);
    any = any || counts[m];
  }
}

/* "3 modalities of 2000 rows, d = 64, row i with row i" */
void cgap_many_head(char out[CGAP_MANY_HEAD], const cgap_many *many, const cgap_many_input *input)
{
  const cgap_modality_names *names = cgap_many_names(many);
  const bool one_size = strcmp(input->pairing, "unpaired") != 0;
  bool one_width = true;
  out[0] = '\0';
  if (one_size)
    write_head(out, many, "%s: %zu modalities of %zu rows", input->source, many->count, many->modality[0].rows);
  else
    write_head(out, many, "%s: %zu modalities (rows: ", input->source, many->count);
  for (size_t m = 0; m < many->count && !one_size; m++)
    write_head(out, many, "%s%s %zu", m ? cgap_tr(names, N_(", ")) : "", many->modality[m].name,
               many->modality[m].rows);
  write_head(out, many, "%s%sd" CGAP_NO_BREAK "=" CGAP_NO_BREAK, one_size ? "" : cgap_tr(names, N_(")")),
             cgap_tr(names, N_(", ")));
  for (size_t m = 1; m < many->count; m++)
    one_width = one_width && many->modality[m].dim == many->modality[0].dim;
  for (size_t m = 0; m < (one_width ? 1 : many->count); m++)
    write_head(out, many, "%s%zu", m ? "/" : "", many->modality[m].dim);
  write_head(out, many, "%s%s", cgap_tr(names, N_(", ")),
             cgap_tr(names, strcmp(input->pairing, "by id") == 0    ? N_("paired by their ids")
                            : strcmp(input->pairing, "by row") == 0 ? N_("row i of all together")
                                                                    : N_("unpaired")));
  size_t dropped[CGAP_MODALITIES_MAX];
  for (size_t m = 0; m < many->count; m++)
    dropped[m] = many->modality[m].dropped;
  put_counts(out, many, N_("; left out, whose ids not all have: "), input->left_out);
  put_counts(out, many, N_("; dropped, bad or of a bad row: "), dropped);
}

static int width_after(const cgap_many *many, const cgap_paper *paper, int label)
{
  return (paper->columns - label - 2) / (int)many->count;
}

/* Of the names of rows: the longest, where the columns then have their width. */
static int label_width(const cgap_many *many, const cgap_paper *paper)
{
  int label = LABEL;
  for (size_t m = 0; m < many->count; m++) {
    const int letters = (int)strlen(many->modality[m].name) + 2;
    label = letters > label ? (letters < LABEL_MAX ? letters : LABEL_MAX) : label;
  }
  while (label > LABEL && width_after(many, paper, label) < COLUMN)
    label--;
  return label;
}

static int column_width(const cgap_many *many, const cgap_paper *paper)
{
  const int fits = width_after(many, paper, label_width(many, paper));
  int widest = COLUMN;
  for (size_t m = 0; m < many->count; m++) {
    const int letters = (int)strlen(many->modality[m].name) + 2;
    widest = letters > widest ? letters : widest;
  }
  return widest < fits ? widest : fits > COLUMN ? fits : COLUMN;
}

/* Columns from `from` on, as many at a time as fit. */
static void print_matrix(const cgap_many *many, cgap_many_measure measure, int width, size_t from,
                         const cgap_paper *paper, FILE *out)
{
  const char *bold = paper->colour ? "\033[1m" : "", *dim = paper->colour ? "\033[2m" : "",
             *off = paper->colour ? "\033[0m" : "";
  const int label = label_width(many, paper);
  const size_t fits = (size_t)((paper->columns - label) / width),
               end = from + fits < many->count ? from + fits : many->count;
  char name[CGAP_NAME_SIZE];
  if (from >= many->count)
    return;
  fprintf(out, "\n%s%s%s\n%*s%s", bold, cgap_tr(cgap_many_names(many), cgap_many_titles[measure]), off, label, "", dim);
  for (size_t b = from; b < end; b++) {
    cgap_name_shorten(name, (size_t)width, many->modality[b].name);
    fprintf(out, "%*s%s", width - cgap_text_width(name, strlen(name)), "", name);
  }
  fprintf(out, "%s\n", off);
  for (size_t a = 0; a < many->count; a++) {
    fputs("  ", out);
    cgap_name_print(out, many->modality[a].name, label - 2);
    for (size_t b = from; b < end; b++) {
      char value[40] = "-";
      if (a != b)
        cgap_value_show(value, cgap_many_number(many, measure, a, b), 3);
      fprintf(out, "%*s", width, value);
    }
    fputc('\n', out);
  }
  print_matrix(many, measure, width, end, paper, out);
}

static void print_mixed(const cgap_many *many, const cgap_paper *paper, FILE *out)
{
  const char *bold = paper->colour ? "\033[1m" : "", *off = paper->colour ? "\033[0m" : "";
  const cgap_modality_names *names = cgap_many_names(many);
  char value[40];
  fprintf(out, "\n%s", bold);
  cgap_text_wrap(out, paper->columns, "",
                 cgap_tr(names, N_("Share of the 10 nearest rows in one pool that are of the own modality")), 2);
  fputs(off, out);
  if (many->same_modality_share.why) {
    fprintf(out, "  n/a: %s\n", cgap_tr(names, many->same_modality_share.why));
    return;
  }
  cgap_value_show(value, many->same_modality_share.value, 3);
  fputs("  ", out);
  cgap_name_print(out, cgap_tr(names, N_("all rows")), LABEL - 2);
  fprintf(out, "%8s\n", value);
  for (size_t m = 0; m < many->count; m++) {
    cgap_value_show(value, many->modality[m].same_modality_share.value, 3);
    fputs("  ", out);
    cgap_name_print(out, many->modality[m].name, LABEL - 2);
    fprintf(out, "%8s\n", value);
  }
  cgap_value_show(value, many->unbiased.value, 3);
  fputs("  ", out);
  cgap_name_print(out, cgap_tr(names, N_("by chance")), LABEL - 2);
  fprintf(out, "%8s\n", value);
}

static void print_sentences(const cgap_many *many, const cgap_paper *paper, FILE *out)
{
  const char *off = paper->colour ? "\033[0m" : "", *red = paper->colour ? "\033[1;31m" : "";
  char sentence[CGAP_SENTENCE], alarms[CGAP_NOTES][CGAP_SENTENCE];
  for (size_t p = 0; p < many->pairs; p++) {
    const size_t count = cgap_many_alarms(alarms, many, p);
    for (size_t i = 0; i < count; i++) {
      fputs(red, out);
      cgap_text_wrap(out, paper->columns, "  ! ", alarms[i], 4);
      fputs(off, out);
    }
  }
  cgap_many_summary(sentence, many);
  fputs(paper->colour ? "\033[1m" : "", out);
  cgap_text_wrap(out, paper->columns, "  ", sentence, 4);
  fputs(off, out);
  for (size_t p = 0; p < many->pairs; p++) {
    (void)cgap_many_sentence(sentence, many, p);
    cgap_text_wrap(out, paper->columns, "  ", sentence, 4);
  }
  cgap_many_mixed_sentence(sentence, many);
  if (*sentence)
    cgap_text_wrap(out, paper->columns, "  ", sentence, 4);
}

cgap_status cgap_many_table_print(const cgap_many *many, const cgap_many_input *input, const cgap_paper *paper,
                                  FILE *out, cgap_error *error)
{
  char head[CGAP_MANY_HEAD];
  cgap_many_head(head, many, input);
  cgap_text_wrap(out, paper->columns, "", head, 2);
  fputc('\n', out);
  print_sentences(many, paper, out);
  (void)cgap_modality_printf(head, sizeof head, cgap_many_names(many), " (%s)",
                             cgap_tr(cgap_many_names(many), CGAP_GAP_SCALE));
  cgap_text_wrap(out, paper->columns, "  ", head + strspn(head, " "), 4);
  for (int measure = 0; measure < CGAP_MANY_MEASURES; measure++)
    if (is_measured(many, (cgap_many_measure)measure))
      print_matrix(many, (cgap_many_measure)measure, column_width(many, paper), 0, paper, out);
  print_mixed(many, paper, out);
  return printed(out, error);
}

/* ---------------------------------------------------------------- for other documents */

static void put_matrix(const cgap_many *many, cgap_many_measure measure, cgap_markup markup, FILE *out)
{
  cgap_markup_group(out, markup, cgap_tr(cgap_many_names(many), cgap_many_titles[measure]), many->count + 1);
  for (size_t a = 0; a < many->count; a++) {
    char value[CGAP_MODALITIES_MAX][40];
    const char *cells[CGAP_MODALITIES_MAX + 1] = {many->modality[a].name};
    for (size_t b = 0; b < many->count; b++) {
      snprintf(value[b], sizeof value[b], "-");
      if (a != b)
        cgap_value_show(value[b], cgap_many_number(many, measure, a, b), 3);
      cells[b + 1] = value[b];
    }
    cgap_markup_row(out, markup, cells, many->count + 1);
  }
}

cgap_status cgap_many_markup_print(const cgap_many *many, const cgap_many_input *input, cgap_markup markup, FILE *out,
                                   cgap_error *error)
{
  char words[CGAP_MANY_HEAD], sentence[CGAP_SENTENCE], alarms[CGAP_NOTES][CGAP_SENTENCE],
    heads[CGAP_MODALITIES_MAX][80];
  const char *columns[CGAP_MODALITIES_MAX + 1] = {""};
  if (markup == CGAP_MARKDOWN) {
    (void)cgap_modality_printf(words, sizeof words, cgap_many_names(many), "Contrastive gaps of %s", input->source);
    fputs("### ", out);
    cgap_markup_text(out, markup, words);
    fputs("\n\n", out);
  } else {
    cgap_markup_note(out, markup, NULL, cgap_tr(cgap_many_names(many), N_("The table needs \\usepackage{booktabs}.")));
  }
  cgap_many_head(words, many, input);
  cgap_markup_note(out, markup, NULL, words);
  for (size_t p = 0; p < many->pairs; p++) {
    const size_t count = cgap_many_alarms(alarms, many, p);
    for (size_t i = 0; i < count; i++)
      cgap_markup_note(out, markup, cgap_tr(cgap_many_names(many), N_("Warning:")), alarms[i]);
    (void)cgap_many_sentence(sentence, many, p);
    cgap_markup_note(out, markup, NULL, sentence);
  }
  cgap_many_mixed_sentence(sentence, many);
  if (*sentence)
    cgap_markup_note(out, markup, NULL, sentence);
  if (markup == CGAP_MARKDOWN)
    fputc('\n', out);
  for (size_t m = 0; m < many->count; m++) {
    snprintf(heads[m], sizeof heads[m], "#%s", many->modality[m].name);
    columns[m + 1] = heads[m];
  }
  cgap_markup_begin(out, markup, columns, many->count + 1);
  for (int measure = 0; measure < CGAP_MANY_MEASURES; measure++)
    if (is_measured(many, (cgap_many_measure)measure))
      put_matrix(many, (cgap_many_measure)measure, markup, out);
  cgap_markup_end(out, markup);
  return printed(out, error);
}

/* ---------------------------------------------------------------- comma-separated values */

static void put_line(FILE *out, const char *a, const char *b, const char *key, const cgap_scalar *s)
{
  const double cells[] = {s->value, s->lo, s->hi};
  fprintf(out, "%s,%s,%s", a, b, key);
  for (size_t k = 0; k < 3; k++) {
    fputc(',', out);
    cgap_csv_number(out, s->why ? (double)NAN : cells[k]);
  }
  fprintf(out, ",%llu,%s,", (unsigned long long)s->n, cgap_method_name(s->method));
  cgap_csv_text(out, s->why ? s->why : "");
  fputc('\n', out);
}

cgap_status cgap_many_csv_print(const cgap_many *many, FILE *out, cgap_error *error)
{
  fprintf(out, "a,b,measure,value,ci95_low,ci95_high,n,method,why\n");
  for (size_t a = 0; a < many->count; a++)
    for (size_t b = a + 1; b < many->count; b++) {
      const cgap_audit *audit = &many->pair[cgap_many_pair(many->count, a, b)];
      for (size_t i = 0; i < cgap_field_count(); i++)
        if (cgap_field_present(audit, cgap_field_at(i)))
          put_line(out, many->modality[a].name, many->modality[b].name, cgap_field_at(i)->key,
                   cgap_field_scalar(audit, cgap_field_at(i)));
    }
  put_line(out, "", "", "mixed.same_modality_share", &many->same_modality_share);
  for (size_t m = 0; m < many->count; m++)
    put_line(out, many->modality[m].name, "", "mixed.same_modality_share", &many->modality[m].same_modality_share);
  put_line(out, "", "", "mixed.unbiased", &many->unbiased);
  return printed(out, error);
}
