#include "report/markup.h"

#include "base/text_buffer.h"

#include <stdbool.h>
#include <string.h>

/* What LaTeX has no letter for, or reads as a command. */
static const struct {
  const char *sign, *latex;
} LATEX[] = {{"\\", "\\textbackslash{}"},
             {"{", "\\{"},
             {"}", "\\}"},
             {"&", "\\&"},
             {"%", "\\%"},
             {"$", "\\$"},
             {"#", "\\#"},
             {"_", "\\_"},
             {"~", "\\textasciitilde{}"},
             {"^", "\\textasciicircum{}"},
             {"<", "$<$"},
             {">", "$>$"},
             {"|", "$|$"},
             {"−", "$-$"},
             {"±", "$\\pm$"},
             {"×", "$\\times$"},
             {"→", "$\\to$"},
             {"≤", "$\\leq$"},
             {"≥", "$\\geq$"},
             {"…", "\\ldots{}"},
             {"²", "$^2$"}};

enum { LATEX_SIGNS = sizeof LATEX / sizeof *LATEX };

static void put_latex(FILE *out, const char *text)
{
  while (*text) {
    size_t k = 0;
    while (k < LATEX_SIGNS && strncmp(text, LATEX[k].sign, strlen(LATEX[k].sign)) != 0)
      k++;
    if (k < LATEX_SIGNS)
      fputs(LATEX[k].latex, out);
    text += k < LATEX_SIGNS ? strlen(LATEX[k].sign) : cgap_text_put_next(out, text, ' ');
  }
}

static void put_markdown(FILE *out, const char *text)
{
  for (size_t bytes = 1; *text; text += bytes, bytes = 1) {
    if (*text == '&' || *text == '<' || *text == '>')
      fputs(*text == '&' ? "&amp;" : *text == '<' ? "&lt;" : "&gt;", out);
    else if (strchr("\\`*_|[]", *text))
      fprintf(out, "\\%c", *text);
    else
      bytes = cgap_text_put_next(out, text, ' ');
  }
}

void cgap_markup_text(FILE *out, cgap_markup markup, const char *text)
{
  if (markup == CGAP_LATEX)
    put_latex(out, text);
  else
    put_markdown(out, text);
}

static void put_comment(FILE *out, const char *text)
{
  while (*text)
    text += cgap_text_put_next(out, text, ' ');
}

void cgap_markup_note(FILE *out, cgap_markup markup, const char *strong, const char *text)
{
  const bool latex = markup == CGAP_LATEX;
  fputs(latex ? "% " : "- ", out);
  if (strong) {
    fputs(latex ? "" : "**", out);
    (latex ? put_comment : put_markdown)(out, strong);
    fputs(latex ? "" : "**", out);
    fputs(*text ? " " : "", out);
  }
  (latex ? put_comment : put_markdown)(out, text);
  fputc('\n', out);
}

static bool is_number(const char *head)
{
  return head[0] == '#';
}

void cgap_markup_begin(FILE *out, cgap_markup markup, const char *const *heads, size_t count)
{
  const char *shown[count];
  for (size_t k = 0; k < count; k++)
    shown[k] = heads[k] + is_number(heads[k]);
  if (markup == CGAP_LATEX) {
    fputs("\\begin{tabular}{", out);
    for (size_t k = 0; k < count; k++)
      fputc(is_number(heads[k]) ? 'r' : 'l', out);
    fputs("}\n\\toprule\n", out);
  }
  cgap_markup_row(out, markup, shown, count);
  if (markup == CGAP_LATEX) {
    fputs("\\midrule\n", out);
    return;
  }
  for (size_t k = 0; k < count; k++)
    fputs(is_number(heads[k]) ? "| ---: " : "| --- ", out);
  fputs("|\n", out);
}

void cgap_markup_row(FILE *out, cgap_markup markup, const char *const *cells, size_t count)
{
  for (size_t k = 0; k < count; k++) {
    fputs(markup == CGAP_MARKDOWN ? "| " : k ? " & " : "", out);
    cgap_markup_text(out, markup, cells[k]);
    if (markup == CGAP_MARKDOWN)
      fputc(' ', out);
  }
  fputs(markup == CGAP_LATEX ? " \\\\\n" : "|\n", out);
}

void cgap_markup_group(FILE *out, cgap_markup markup, const char *title, size_t count)
{
  if (markup == CGAP_LATEX)
    fprintf(out, "\\multicolumn{%zu}{l}{\\textbf{", count);
  else
    fputs("| **", out);
  cgap_markup_text(out, markup, title);
  if (markup == CGAP_LATEX) {
    fputs("}} \\\\\n", out);
    return;
  }
  fputs("** ", out);
  for (size_t k = 1; k < count; k++)
    fputs("| ", out);
  fputs("|\n", out);
}

void cgap_markup_end(FILE *out, cgap_markup markup)
{
  if (markup == CGAP_LATEX)
    fputs("\\bottomrule\n\\end{tabular}\n", out);
}
