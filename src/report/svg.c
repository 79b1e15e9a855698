#include "report/svg.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void cgap_html_escape(FILE *out, const char *text)
{
  static const struct {
    char sign;
    const char *as;
  } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
  for (; *text; text++) {
    size_t e = 0;
    while (e < sizeof escapes / sizeof *escapes && escapes[e].sign != *text)
      e++;
    if (e < sizeof escapes / sizeof *escapes)
      fputs(escapes[e].as, out);
    else if ((unsigned char)*text >= 32 || *text == '\n')
      fputc(*text, out);
    else
      fputc(' ', out);
  }
}

/* The colours of plots/style.gp by the names that page.css gives them. */
static const struct {
  unsigned rgb;
  const char *name;
} colours[] = {{0x222222, "ink"},   {0x666666, "soft"},  {0xdddddd, "faint"},  {0xffffff, "paper"},
               {0x0072b2, "image"}, {0xd55e00, "text"},  {0x008a64, "pair"},   {0x7a6f85, "cross"},
               {0xa8487e, "joint"}, {0x4b3b9e, "third"}, {0x8a6d00, "fourth"}, {0x000000, "ink"}};

static void put_colour(FILE *out, unsigned rgb)
{
  for (size_t c = 0; c < sizeof colours / sizeof *colours; c++) {
    if (colours[c].rgb == rgb) {
      fprintf(out, "var(--%s)", colours[c].name);
      return;
    }
  }
  fprintf(out, "#%06x", rgb);
}

static bool starts_with(const char *text, const char *with)
{
  return strncmp(text, with, strlen(with)) == 0;
}

/* "rgb( 31, 119, 180)": the bytes it takes, or 0. Not by sscanf, which measures all of the text behind it each time. */
static size_t read_rgb(const char *text, unsigned *rgb)
{
  static const char ends[] = ",,)";
  const char *at = text + strlen("rgb(");
  if (!starts_with(text, "rgb("))
    return 0;
  *rgb = 0;
  for (int k = 0; k < 3; k++, at++) {
    char *end;
    const unsigned long value = strtoul(at, &end, 10);
    if (end == at || *end != ends[k])
      return 0;
    *rgb = *rgb << 8 | (value & 255);
    at = end;
  }
  return (size_t)(at - text);
}

/* A word of gnuplot's that becomes something else. */
static size_t put_word(FILE *out, const char *text, const char *name)
{
  unsigned rgb;
  size_t used = read_rgb(text, &rgb);
  if (used) {
    put_colour(out, rgb);
    return used;
  }
  if (starts_with(text, "=\"black\"") || starts_with(text, "='black'")) {
    fputs("='var(--ink)'", out);
    return 8;
  }
  if (starts_with(text, "=\"white\"") || starts_with(text, "='white'")) {
    fputs("='var(--paper)'", out);
    return 8;
  }
  if (starts_with(text, "gpPt") || starts_with(text, "gpDot") || starts_with(text, "gnuplot_")) {
    fprintf(out, "%s-", name);
    fputc(*text, out);
    return 1;
  }
  if (starts_with(text, "xlink:href")) {
    fputs("href", out);
    return 10;
  }
  return 0;
}

static void put_tag(FILE *out, const char *tag, size_t length, const char *name)
{
  for (size_t i = 0; i < length;) {
    size_t used = put_word(out, tag + i, name);
    if (used) {
      i += used;
      continue;
    }
    bool blank = isspace((unsigned char)tag[i]);
    if (!blank || (i > 0 && !isspace((unsigned char)tag[i - 1])))
      fputc(blank ? ' ' : tag[i], out);
    i++;
  }
}

enum { DEPTH = 64 };

/* Groups that are open. A group is written only when something comes inside it: gnuplot leaves many empty. */
typedef struct cleaner {
  FILE *out;
  const char *name;
  struct {
    const char *tag;
    size_t length;
    bool written, hyper;
  } group[DEPTH];
  int depth;
  char label[300]; /* of the hypertext group that is open */
} cleaner;

static void write_groups(cleaner *c)
{
  for (int g = 0; g < c->depth; g++) {
    if (!c->group[g].written && !c->group[g].hyper)
      put_tag(c->out, c->group[g].tag, c->group[g].length, c->name);
    c->group[g].written = true;
  }
}

static void open_group(cleaner *c, const char *tag, size_t length)
{
  const char *said = strstr(tag, "showHypertext(evt,'");
  bool hyper = said && said < tag + length;
  if (hyper) {
    said += strlen("showHypertext(evt,'");
    snprintf(c->label, sizeof c->label, "%.*s", (int)strcspn(said, "'"), said);
  }
  if (c->depth < DEPTH) {
    c->group[c->depth].tag = tag;
    c->group[c->depth].length = length;
    c->group[c->depth].written = false;
    c->group[c->depth].hyper = hyper;
  }
  c->depth++;
}

static void close_group(cleaner *c)
{
  if (c->depth == 0)
    return;
  c->depth--;
  if (c->depth >= DEPTH || c->group[c->depth].hyper)
    c->label[0] = '\0';
  else if (c->group[c->depth].written)
    fputs("</g>\n", c->out);
}

/* A point with a label stands for itself: its groups say nothing that it does not. */
static void put_point(cleaner *c, const char *tag, size_t length)
{
  fputs("<use class='pt' ", c->out);
  put_tag(c->out, tag + 4, length - 6, c->name);
  fputs("><title>", c->out);
  cgap_html_escape(c->out, c->label);
  fputs("</title></use>\n", c->out);
}

/* One tag; returns where to read on. */
static const char *write_tag(cleaner *c, const char *tag, size_t length)
{
  const char *end = tag + length, *closing;
  if (starts_with(tag, "<title") || starts_with(tag, "<filter") || starts_with(tag, "<desc")) {
    closing = strstr(tag, starts_with(tag, "<title")  ? "</title>"
                          : starts_with(tag, "<desc") ? "</desc>"
                                                      : "</filter>");
    return closing ? strchr(closing, '>') + 1 : end;
  }
  if (starts_with(tag, "</g>")) {
    close_group(c);
  } else if (starts_with(tag, "<g ") || starts_with(tag, "<g>")) {
    open_group(c, tag, length);
  } else if (starts_with(tag, "<use") && c->label[0] && length > 6 && tag[length - 2] == '/') {
    put_point(c, tag, length);
  } else {
    write_groups(c);
    put_tag(c->out, tag, length, c->name);
    if (starts_with(tag, "</text") || tag[length - 2] == '/')
      fputc('\n', c->out);
  }
  return end;
}

bool cgap_svg_inline(FILE *out, const char *svg, const char *name, const char *label)
{
  const char *at = strstr(svg, "<svg"), *box = at ? strstr(at, "viewBox=\"") : NULL;
  const char *end = at ? strchr(at, '>') : NULL;
  if (!box || !end || box > end)
    return false;
  box += strlen("viewBox=\"");
  fprintf(out, "<svg viewBox=\"%.*s\" role=\"img\" aria-label=\"", (int)strcspn(box, "\""), box);
  cgap_html_escape(out, label);
  fputs("\">\n", out);
  cleaner c = {.out = out, .name = name};
  for (at = end + 1; *at && !starts_with(at, "</svg>");) {
    if (*at != '<') {
      size_t length = strcspn(at, "<");
      /* blanks between tags say nothing; inside a text they are kept */
      if (strspn(at, " \t\r\n") < length) {
        write_groups(&c);
        fwrite(at, 1, length, out);
      }
      at += length;
      continue;
    }
    const char *close = strchr(at, '>');
    if (!close)
      return false;
    at = write_tag(&c, at, (size_t)(close - at) + 1);
  }
  fputs("</svg>\n", out);
  return true;
}
