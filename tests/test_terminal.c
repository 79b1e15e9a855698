/* Text and figures in the terminal: the width of characters, where lines break, where points and curves are drawn. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "report/terminal_plot.h"
#include "report/text.h"

static int width_of(const char *text)
{
  return cgap_text_width(text, strlen(text));
}

Test(terminal, width)
{
  cr_expect_eq(width_of("abc"), 3);
  cr_expect_eq(width_of("é×→"), 3);
  cr_expect_eq(width_of("e\u0301"), 1, "an accent on the letter before takes no column");
  cr_expect_eq(width_of("画像とテキスト"), 14);
  cr_expect_eq(width_of("\xE3\x81"), 1, "a character that is cut off is not read past its end");
}

/* What is wrapped, with its lines; free. */
static char *wrapped(int columns, const char *text)
{
  char *out = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&out, &size);
  cgap_text_wrap(stream, columns, "", text, 2);
  fclose(stream);
  return out;
}

Test(terminal, wraps)
{
  static const struct {
    int columns;
    const char *text, *want;
  } CASES[] = {{12, "one two three", "one two\n  three\n"},
               {11, "in all 0.0 % of", "in all\n  0.0 % of\n"},
               {16, "0.55 and [0.50, 0.60]", "0.55 and\n  [0.50, 0.60]\n"},
               {10, "画像とテキストの距離。", "画像とテキ\n  ストの距\n  離。\n"}};
  for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
    char *out = wrapped(CASES[k].columns, CASES[k].text);
    cr_expect_str_eq(out, CASES[k].want, "%s: %s", CASES[k].text, out);
    free(out);
  }
}

/* The figure of a table, or NULL where no form fits it; free. */
static char *drawn_table(const char *table, int columns, bool utf8)
{
  const cgap_terminal terminal = {.columns = columns, .rows = 24, .utf8 = utf8};
  char *out = NULL, *text = strdup(table);
  size_t size = 0;
  bool drawn = false;
  cgap_error error = {0};
  FILE *stream = open_memstream(&out, &size);
  cr_assert_eq(cgap_terminal_plot(&drawn, "Title", text, &terminal, stream, &error), CGAP_OK, "%s", error.message);
  fclose(stream);
  free(text);
  if (!drawn) {
    free(out);
    return NULL;
  }
  return out;
}

static size_t count_of(const char *text, const char *what)
{
  size_t count = 0;
  for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
    count++;
  return count;
}

static int widest_line(const char *text)
{
  int widest = 0;
  for (const char *at = text; *at;) {
    const size_t bytes = strcspn(at, "\n");
    const int own = cgap_text_width(at, bytes);
    widest = own > widest ? own : widest;
    at += bytes + (at[bytes] == '\n');
  }
  return widest;
}

static const char SCATTER[] = "image\timage_x\timage_y\ttext\ttext_x\ttext_y\tcosine\n"
                              "0\t-1\t1\t0\t1\t-1\t0.5\n"
                              "1\t-1\t0.5\t1\t1\t-0.5\t0.5\n";

Test(terminal, scatter)
{
  for (int columns = 50; columns <= 120; columns += 35) {
    char *out = drawn_table(SCATTER, columns, true);
    cr_assert_not_null(out);
    cr_expect_leq(widest_line(out), columns);
    cr_expect_eq(count_of(out, "×"), 3, "two points and the legend:\n%s", out);
    cr_expect_lt(strstr(out, "┤o") - out, strstr(out, "×") - out, "images begin at the upper left:\n%s", out);
    free(out);
  }
}

Test(terminal, ascii)
{
  char *out = drawn_table(SCATTER, 80, false);
  cr_assert_not_null(out);
  for (const char *at = out; *at; at++)
    cr_assert_lt((unsigned char)*at, 0x80, "\n%s", out);
  cr_expect_not_null(strstr(out, "+o"), "\n%s", out);
  free(out);
}

/* A curve goes through the cells that its points are in, and only upwards. */
Test(terminal, curve)
{
  static const char TABLE[] = "panel\tseries\tx\ty\n"
                              "loss\ttraining\t0\t0\nloss\ttraining\t10\t1\n"
                              "# panels\t1\n";
  char *out = drawn_table(TABLE, 60, true);
  cr_assert_not_null(out);
  cr_expect_not_null(strstr(out, "loss"));
  int last = 1000, rows = 0;
  for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
    const char *dots = strstr(line, "\xE2\xA0"); /* braille, of which the upper half begins so */
    const char *lower = strstr(line, "\xE2\xA1"), *lowest = strstr(line, "\xE2\xA2");
    const char *first = !dots || (lower && lower < dots) ? lower : dots;
    first = !first || (lowest && lowest < first) ? lowest : first;
    if (!first)
      continue;
    const int at = cgap_text_width(line, (size_t)(first - line));
    cr_expect_lt(at, last, "%s", line);
    last = at;
    rows++;
  }
  cr_expect_gt(rows, 10);
  cr_expect_lt(last, 6, "the curve begins at the left");
  free(out);
}

Test(terminal, panels_are_stacked_and_share_their_axes)
{
  static const char TABLE[] = "when\tcoordinate\tdifference\n"
                              "before\t0\t0.5\nbefore\t1\t0\nafter\t0\t0.001\nafter\t1\t0\n";
  char *out = drawn_table(TABLE, 50, true);
  cr_assert_not_null(out);
  const char *before = strstr(out, "before"), *after = strstr(out, "after");
  cr_assert(before && after && before < after);
  cr_expect_not_null(strstr(before, "0.5┤"));
  cr_expect_not_null(strstr(after, "0.5┤"), "\n%s", out);
  cr_expect_leq(widest_line(out), 50);
  free(out);
}

Test(terminal, values_by_name)
{
  static const char TABLE[] = "panel\tinput\tx\tvalue\tlow\thigh\tmarked\n"
                              "recall@1\tplain\t0\t0.2\t0.1\t0.3\t0\n"
                              "recall@1\tcentred\t1\t0.8\t0.7\t0.9\t1\n";
  char *out = drawn_table(TABLE, 60, true);
  cr_assert_not_null(out);
  cr_expect(strstr(out, "plain") && strstr(out, "0.200") && strstr(out, "0.800") && strstr(out, "─o─"), "\n%s", out);
  free(out);
}

Test(terminal, matrix)
{
  static const char TABLE[] =
    "a\tb\tcolumn\trow\tvalue\n"
    "image\timage\t0\t0\tNA\nimage\ttext\t1\t0\t0.4\ntext\timage\t0\t1\t0.4\ntext\ttext\t1\t1\tNA\n";
  char *out = drawn_table(TABLE, 60, true);
  cr_assert_not_null(out);
  cr_expect_eq(count_of(out, "0.400"), 2, "\n%s", out);
  cr_expect(strstr(out, "image      text\n") && strstr(out, "\nimage  ") && strstr(out, "\ntext  "), "\n%s", out);
  free(out);
}

/* Nothing that can be drawn, and nothing to draw. */
Test(terminal, other_tables)
{
  cr_expect_null(drawn_table("name\tother\na\t1\n", 80, true));
  cr_expect_null(drawn_table("", 80, true));
  char *out =
    drawn_table("image\timage_x\timage_y\ttext\ttext_x\ttext_y\tcosine\n0\tNA\tNA\t0\tNA\tNA\tNA\n", 80, true);
  cr_assert_not_null(out);
  free(out);
}
