#include "report/markup.h"

#include "base/text_buffer.h"

#include <ctype.h>
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
             {"²", "$^2$"},
             {"↑", "$\\uparrow$"},
             {"↓", "$\\downarrow$"}};

enum { COLUMNS_OF_A_COLUMN = 3 }; /* a table of more is wider than a column of text */

enum { LATEX_SIGNS = sizeof LATEX / sizeof *LATEX };

/* Whether the minus at `at` is the sign of a number, not a hyphen. */
static bool is_minus(const char *text, const char *at)
{
  return *at == '-' && isdigit((unsigned char)at[1]) && (at == text || strchr(" [(", at[-1]));
}

static void put_latex(FILE *out, const char *text)
{
  const char *const begin = text;
  while (*text) {
    size_t k = 0;
    if (is_minus(begin, text)) {
      fputs("$-$", out);
      text++;
      continue;
    }
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

/* A head over a column of numbers is broken where it is much wider than they are; names of files have no blanks. */
static void put_latex_head(FILE *out, const char *text)
{
  enum { LETTERS = 16 };
  char line[4 * LETTERS + 1];
  if (strlen(text) <= LETTERS) {
    put_latex(out, text);
    return;
  }
  fputs("\\shortstack[r]{", out);
  while (*text) {
    size_t bytes = 0, letters = 0, blank = 0;
    while (text[bytes] && (letters < LETTERS || ((unsigned char)text[bytes] & 0xC0) == 0x80)) {
      letters += ((unsigned char)text[bytes] & 0xC0) != 0x80;
      bytes++;
      blank = text[bytes] == ' ' ? bytes + 1 : blank;
    }
    bytes = text[bytes] && blank ? blank : bytes;
    snprintf(line, sizeof line, "%.*s", (int)bytes, text);
    put_latex(out, line);
    text += bytes;
    fputs(*text ? "\\\\" : "", out);
  }
  fputc('}', out);
}

/* Digits are of one width: what a number lacks to four decimals is left free behind it, so that points are below each
 * other in a column set to the right. */
static void put_latex_cell(FILE *out, const char *text)
{
  enum { DECIMALS = 4 };
  const size_t sign = strspn(text, "+-"), digits = strspn(text + sign, "0123456789");
  const char *point = text + sign + digits;
  const size_t decimals = *point == '.' ? strspn(point + 1, "0123456789") : 0;
  const bool number = sign < 2 && digits && decimals && !point[1 + decimals];
  put_latex(out, text);
  if (number && decimals < DECIMALS)
    fprintf(out, "\\phantom{%.*s}", (int)(DECIMALS - decimals), "0000");
}

/* The rows are close: a hundred of them have to fit on a page with their caption. */
static void begin_latex(FILE *out, const char *const *heads, size_t count)
{
  fputs(count <= COLUMNS_OF_A_COLUMN ? "% As wide as a column of 3.3 inches: for a table.\n"
                                     : "% Wider than a column of 3.3 inches: for a table*.\n",
        out);
  fprintf(out, "{\\%s\\renewcommand{\\arraystretch}{.86}\\setlength{\\tabcolsep}{%dpt}%%\n\\begin{tabular}{",
          count > 8 ? "tiny" : "scriptsize", count > 8 ? 2 : 3);
  for (size_t k = 0; k < count; k++)
    fputc(is_number(heads[k]) ? 'r' : 'l', out);
  fputs("}\n\\toprule\n", out);
  for (size_t k = 0; k < count; k++) {
    fputs(k ? " & " : "", out);
    put_latex_head(out, heads[k] + is_number(heads[k]));
  }
  fputs(" \\\\\n\\midrule\n", out);
}

void cgap_markup_begin(FILE *out, cgap_markup markup, const char *const *heads, size_t count)
{
  if (markup == CGAP_LATEX) {
    begin_latex(out, heads, count);
    return;
  }
  for (size_t k = 0; k < count; k++) {
    fputs("| ", out);
    put_markdown(out, heads[k] + is_number(heads[k]));
    fputc(' ', out);
  }
  fputs("|\n", out);
  for (size_t k = 0; k < count; k++)
    fputs(is_number(heads[k]) ? "| ---: " : "| --- ", out);
  fputs("|\n", out);
}

void cgap_markup_row(FILE *out, cgap_markup markup, const char *const *cells, size_t count)
{
  for (size_t k = 0; k < count; k++) {
    fputs(markup == CGAP_MARKDOWN ? "| " : k ? " & " : "", out);
    if (markup == CGAP_LATEX)
      put_latex_cell(out, cells[k]);
    else
      put_markdown(out, cells[k]);
    if (markup == CGAP_MARKDOWN)
      fputc(' ', out);
  }
  fputs(markup == CGAP_LATEX ? " \\\\\n" : "|\n", out);
}

void cgap_markup_group(FILE *out, cgap_markup markup, const char *title, size_t count)
{
  if (markup == CGAP_LATEX)
    fprintf(out, "\\addlinespace[.3pt]\n\\multicolumn{%zu}{l}{\\textbf{", count);
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
    fputs("\\bottomrule\n\\end{tabular}}\n", out);
}
