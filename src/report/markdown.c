/* The audit's table in Markdown, for a model card. */
#include <math.h>

#include "analysis/fields.h"
#include "report/table.h"
#include "report/verdict.h"

/* Text from outside stays text: the signs that Markdown and HTML read are escaped. */
static void escaped(FILE *out, const char *text)
{
  for (; *text; text++) {
    if (*text == '&' || *text == '<' || *text == '>')
      fprintf(out, "%s", *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : "&gt;");
    else if ((unsigned char)*text < 32)
      fputc(' ', out);
    else if (*text == '\\' || *text == '`' || *text == '*' || *text == '_' || *text == '|' || *text == '[' ||
             *text == ']')
      fprintf(out, "\\%c", *text);
    else
      fputc(*text, out);
  }
}

static void row(FILE *out, const cgap_audit *a, const cgap_field *f)
{
  const cgap_scalar *s = cgap_field_scalar(a, f);
  char title[100], value[40], lo[40], hi[40];
  cgap_field_title(f, title);
  cgap_value_show(value, s->why ? NAN : s->value, f->decimals);
  fprintf(out, "| %s | %s | ", title, value);
  if (!s->why && isfinite(s->lo) && isfinite(s->hi)) {
    cgap_value_show(lo, s->lo, f->decimals);
    cgap_value_show(hi, s->hi, f->decimals);
    fprintf(out, "%s to %s", lo, hi);
  } else if (s->why) {
    escaped(out, s->why);
  }
  static const char *const better[] = {"", "lower", "higher"};
  fprintf(out, " | %s |\n", better[f->better]);
}

cgap_status cgap_markdown_print(const cgap_audit *a, const char *name, FILE *out, cgap_error *error)
{
  cgap_notes notes;
  cgap_verdict_words verdict;
  cgap_notes_write(&notes, a);
  cgap_verdict_write(&verdict, a);
  fprintf(out, "### Contrastive gap of ");
  escaped(out, name);
  fprintf(out, "\n\n%zu images, %zu %s, d = %zu. Measured by contragap %s.\n\n", a->images, a->texts,
          a->has & CGAP_TEXT_IS_CLASSES ? "class texts" : "texts", a->dim, cgap_version());
  for (size_t i = 0; i < notes.count; i++) {
    fprintf(out, notes.bad[i] ? "- **Warning:** " : "- ");
    escaped(out, notes.text[i]);
    fputc('\n', out);
  }
  for (size_t i = 0; i < verdict.count; i++)
    fprintf(out, i == 0 ? "- **%s**\n" : "- %s\n", verdict.sentence[i]);
  fprintf(out, "\n| measure | value | 95 %% interval | better |\n| --- | ---: | --- | --- |\n");
  for (size_t i = 0; i < cgap_field_count(); i++)
    if (cgap_field_present(a, cgap_field_at(i)))
      row(out, a, cgap_field_at(i));
  if (fflush(out) != 0 || ferror(out))
    return cgap_fail(error, CGAP_RESOURCE, "standard output: cannot write the table; is the disk full?");
  return CGAP_OK;
}
