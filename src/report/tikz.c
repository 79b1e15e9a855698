/* A picture of gnuplot's tikz terminal, made safe for LaTeX: gnuplot puts names and labels into nodes as they are, and
 * LaTeX would read their signs as commands. */
#include "report/tikz.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output_file.h"
#include "report/markup.h"

static const char HOW[] = "% \\usepackage{gnuplot-lua-tikz} in the preamble, \\input of this file in a figure\n";

/* Where the text of a node begins, "\node[…] at (…) {TEXT};", or NULL. */
static const char *node_text(const char *line, size_t length)
{
  if (strncmp(line, "\\node[", 6) != 0 || strncmp(line + length - 2, "};", 2) != 0)
    return NULL;
  const char *at = memmem(line, length, "] at (", 6);
  const char *text = at ? memmem(at, (size_t)(line + length - at), ") {", 3) : NULL;
  return text ? text + 3 : NULL;
}

static void put_line(FILE *out, const char *line, size_t length)
{
  static const char AREA[] = "\\path (0.000,0.000)";
  const char *text = length > 8 ? node_text(line, length) : NULL;
  if (strncmp(line, AREA, sizeof AREA - 1) == 0) { /* as wide as asked for, whatever the letters of the document */
    fprintf(out, "\\path[use as bounding box] %.*s\n", (int)length - 6, line + 6);
    return;
  }
  if (!text) {
    fprintf(out, "%.*s\n", (int)length, line);
    return;
  }
  char *label = strndup(text, (size_t)(line + length - 2 - text));
  fprintf(out, "%.*s", (int)(text - line), line);
  if (label) {
    const bool negative = label[0] == '-' && isdigit((unsigned char)label[1]);
    fputs(negative ? "$-$" : "", out);
    cgap_markup_text(out, CGAP_LATEX, label + negative);
  }
  fputs("};\n", out);
  free(label);
}

cgap_status cgap_tikz_escape(const char *path, cgap_error *error)
{
  char *text = cgap_read_text(path, NULL);
  FILE *out = text ? cgap_open_regular(path, "r+b") : NULL;
  if (out && ftruncate(fileno(out), 0) == 0) {
    fputs(HOW, out);
    bool dated = false; /* the second comment is the time, and a picture drawn again is to be the same */
    for (const char *line = text; *line;) {
      const size_t length = strcspn(line, "\n");
      const bool comment = strncmp(line, "%% ", 3) == 0;
      if (!comment || !dated)
        put_line(out, line, length);
      dated = dated || comment;
      line += length + (line[length] == '\n');
    }
  }
  free(text);
  const bool failed = !out || ferror(out) != 0;
  if ((out && fclose(out) != 0) || failed)
    return cgap_fail(error, CGAP_RESOURCE, "%s: cannot be written; check the disk", path);
  return CGAP_OK;
}
