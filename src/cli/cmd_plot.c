/* contragap plot: draws figures again from the tables in a folder. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output_file.h"
#include "base/text_buffer.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "report/card.h"
#include "report/figures.h"
#include "report/gnuplot.h"
#include "report/terminal_plot.h"

/* What --format takes, and the ending of the file. */
enum { FORMATS = 4, PDF = 2, TIKZ = 3, UNITS_AN_INCH = 117 }; /* 13 units are 8 pt (plots/style.gp) */
static const char *const formats[FORMATS + 1] = {"svg", "png", "pdf", "tikz", NULL};
static const char *const endings[FORMATS] = {"svg", "png", "pdf", "tex"};
static const char *const themes[] = {"light", "dark", NULL};

static struct {
  const char *format, *size;
  int theme;
  cli_list only;
  bool list, terminal;
  double paper; /* inches; 0: not for paper */
} opt;

static const cli_option own[] = {
  {"format", 0, CLI_STRING, &opt.format, "svg,png,pdf,tikz",
   .help = "one or more formats, with commas between them; tikz writes NAME.tex for \\input in LaTeX, in the look of "
           "--paper",
   .zero = "svg; with --paper pdf"},
  {"paper", 0, CLI_REAL, &opt.paper, "WIDTH",
   .help = "for a paper: figures/NAME.pdf of this width in inches (a column is about 3.3, a page 6.9), text of 8 pt, "
           "fonts embedded, no title and no file name; needs no scaling in LaTeX",
   .zero = "for the screen", .low = 1.5, .high = 20},
  {"size", 0, CLI_STRING, &opt.size, "W,H", "width and height in pixels", .zero = "760,520; png 1520,1040"},
  {"theme", 0, CLI_CHOICE, &opt.theme, .help = "colours", .choices = themes},
  {"only", 0, CLI_LIST, &opt.only, "NAME", .help = "draw only this figure"},
  {"list", 0, CLI_FLAG, &opt.list, .help = "list the figures in DIR and draw none"},
  {"terminal", 0, CLI_FLAG, &opt.terminal, .help = "draw in the terminal, with characters"},
  CLI_FORCE_OPTION,
  {"quiet", 0, CLI_FLAG, &cli_shared.quiet, .help = "print only errors and warnings on stderr"},
  {0}};

enum { NAMES = 200, NAME = 256 };

typedef struct plot_list {
  char folder[CGAP_PATH], above[CGAP_PATH];
  char name[NAMES][NAME];
  size_t count;
} plot_list;

static int by_name(const void *a, const void *b)
{
  return strcmp(a, b);
}

static bool is_there(const char *folder, const char *name, const char *ending)
{
  char path[CGAP_PATH];
  struct stat about;
  int length = snprintf(path, sizeof path, "%s/%s%s", folder, name, ending);
  return length < (int)sizeof path && stat(path, &about) == 0 && (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode));
}

/* The width of a figure in TikZ without --paper. */
static const double COLUMN_INCHES = 3.3;

/* DIR/figures where there is one, else DIR. */
static cgap_status find_tables(plot_list *list, const char *given, cgap_error *error)
{
  bool inside = is_there(given, "figures", "");
  int length = snprintf(list->folder, sizeof list->folder, inside ? "%s/figures" : "%s", given);
  snprintf(list->above, sizeof list->above, "%s", given);
  if (length >= (int)sizeof list->folder)
    return cgap_fail(error, CGAP_FILE, "the name of the folder is too long");
  DIR *stream = opendir(list->folder);
  if (!stream)
    return cgap_fail(error, CGAP_FILE, "%s: cannot be opened as a folder: %s; name one that audit -o wrote",
                     list->folder, strerror(errno));
  for (struct dirent *entry; (entry = readdir(stream)) && list->count < NAMES;) {
    size_t letters = strlen(entry->d_name);
    if (entry->d_name[0] == '.' || letters < 5 || letters - 4 >= NAME ||
        strcmp(entry->d_name + letters - 4, ".tsv") != 0)
      continue;
    char *name = list->name[list->count];
    memcpy(name, entry->d_name, letters - 4);
    name[letters - 4] = '\0';
    if (is_there(list->folder, name, ".tsv") && (is_there(list->folder, name, ".gp") || cgap_figure_find(name)))
      list->count++;
  }
  closedir(stream);
  qsort(list->name, list->count, sizeof list->name[0], by_name);
  if (list->count == 0)
    return cgap_fail(error, CGAP_FILE, "%s: holds no table of a figure (NAME.tsv); audit FILE -o DIR writes them",
                     list->folder);
  return CGAP_OK;
}

/* Leaves in the list what --only names. */
static cgap_status select_figures(plot_list *list, cgap_error *error)
{
  size_t kept = 0;
  bool found[NAMES] = {false};
  for (size_t o = 0; o < opt.only.count; o++) {
    const char *wanted = opt.only.items[o];
    cgap_did_you_mean near = cgap_did_you_mean_init(wanted);
    bool any = false;
    for (size_t i = 0; i < list->count; i++) {
      const bool same = strcmp(list->name[i], wanted) == 0;
      cgap_did_you_mean_offer(&near, list->name[i]);
      found[i] = found[i] || same;
      any = any || same;
    }
    if (!any)
      return cgap_fail(error, CGAP_USAGE, "plot: --only %s: %s has no such figure%s%s%s", wanted, list->folder,
                       near.name ? "; did you mean " : " (--list names them)", near.name ? near.name : "",
                       near.name ? "?" : "");
  }
  for (size_t i = 0; opt.only.count && i < list->count; i++)
    if (found[i])
      memmove(list->name[kept++], list->name[i], NAME);
  list->count = opt.only.count ? kept : list->count;
  return CGAP_OK;
}

static cgap_status check_format(bool wanted[FORMATS], cgap_error *error)
{
  char word[20];
  if (!opt.format)
    opt.format = opt.paper > 0 ? formats[PDF] : formats[0];
  for (const char *at = opt.format; *at;) {
    size_t length = strcspn(at, ","), f = 0;
    snprintf(word, sizeof word, "%.*s", (int)length, at);
    while (formats[f] && strcmp(formats[f], word) != 0)
      f++;
    if (!formats[f])
      return cgap_fail(error, CGAP_USAGE, "plot: --format %s: takes svg, png, pdf, tikz, with commas between them",
                       opt.format);
    wanted[f] = true;
    at += length + (at[length] == ',');
  }
  return CGAP_OK;
}

/* What paper has no use for. */
static cgap_status check_paper(const bool wanted[FORMATS], cgap_error *error)
{
  const char *other = opt.size ? "--size" : opt.theme ? "--theme" : opt.terminal ? "--terminal" : NULL;
  if (opt.paper > 0 && other)
    return cgap_fail(error, CGAP_USAGE, "plot: --paper sets size and look, and %s would too; give one of them", other);
  if (opt.paper > 0 && (wanted[0] || wanted[1]))
    return cgap_fail(error, CGAP_USAGE, "plot: --paper with --format %s: paper takes pdf and tikz", opt.format);
  return CGAP_OK;
}

static cgap_status check_size(char size[40], cgap_error *error)
{
  unsigned w, h;
  char between, rest;
  size[0] = '\0';
  if (!opt.size)
    return CGAP_OK;
  if (sscanf(opt.size, "%5u%c%5u%c", &w, &between, &h, &rest) != 3 || (between != ',' && between != 'x') || w < 200 ||
      h < 150 || w > 20000 || h > 20000)
    return cgap_fail(error, CGAP_USAGE,
                     "plot: --size %s: needs WIDTH,HEIGHT in pixels, from 200,150 to 20000,20000, as in 760,520",
                     opt.size);
  snprintf(size, 40, "%u,%u", w, h);
  return CGAP_OK;
}

/* UTF-8 by the words of the locale, which the program itself does not set. */
static bool is_utf8(void)
{
  static const char *const VARIABLES[] = {"LC_ALL", "LC_CTYPE", "LANG"};
  const char *locale = NULL;
  for (size_t k = 0; k < sizeof VARIABLES / sizeof *VARIABLES && (!locale || !*locale); k++)
    locale = getenv(VARIABLES[k]);
  return locale && (strcasestr(locale, "utf-8") || strcasestr(locale, "utf8"));
}

static cgap_terminal terminal(void)
{
  struct winsize window = {0};
  const cgap_paper paper = cli_paper();
  const bool has_size = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row >= 10;
  return (cgap_terminal){
    .columns = paper.columns, .rows = has_size ? window.ws_row : 24, .utf8 = is_utf8(), .colour = paper.colour};
}

static cgap_status print_list(const plot_list *list, cgap_error *error)
{
  for (size_t i = 0; i < list->count; i++) {
    const cgap_figure_info *info = cgap_figure_find(list->name[i]);
    char name[NAME];
    snprintf(name, sizeof name, "%s", list->name[i]);
    cgap_text_clean(name, '?', "");
    const char *title = info ? info->title : "";
    const bool apart = cgap_text_width(title, strlen(title)) + 24 > cli_columns(STDOUT_FILENO);
    printf("%-22s%s%s\n", name, apart ? "\n    " : " ", cgap_phrase_of(cli_names(), title).s);
  }
  return cli_printed(CGAP_OK, error);
}

/* A figure of a form that no drawing here knows: by gnuplot. */
static cgap_status render_by_gnuplot(const plot_list *list, const char *name, const cgap_terminal *on,
                                     cgap_error *error)
{
  char size[40];
  snprintf(size, sizeof size, "%d,%d", on->columns, on->rows > 12 ? on->rows - 2 : 10);
  const cgap_plot_job job = {.format = "txt", .theme = "light", .size = size};
  if (!is_there(list->folder, name, ".gp") || !is_there(list->folder, "style", ".gp")) {
    const cgap_status status = cgap_plots_copy(list->folder, name, error);
    if (status != CGAP_OK)
      return status;
  }
  char *text = cgap_gnuplot_text(list->folder, name, &job, error);
  if (!text)
    return error->status;
  cgap_text_clean(text, ' ', "\n\f");
  fputs(text, stdout);
  free(text);
  return CGAP_OK;
}

static cgap_status render_as_text(const plot_list *list, const char *name, cgap_error *error)
{
  char path[CGAP_PATH], file[NAME + 8];
  const cgap_figure_info *info = cgap_figure_find(name);
  const cgap_terminal on = terminal();
  bool drawn = false;
  snprintf(file, sizeof file, "%s.tsv", name);
  cgap_status status = cgap_folder_file(path, list->folder, file, error);
  if (status != CGAP_OK)
    return status;
  char *text = cgap_read_text(path, NULL);
  if (!text)
    return cgap_fail(error, CGAP_FILE, "%s: cannot be read as text; draw it again from its audit or training", path);
  cgap_text_clean(text, ' ', "\n\t");
  if (name != list->name[0])
    putchar('\n');
  status =
    cgap_terminal_plot(&drawn, info ? cgap_phrase_of(cli_names(), info->title).s : name, text, &on, stdout, error);
  free(text);
  if (status == CGAP_OK && !drawn)
    status = render_by_gnuplot(list, name, &on, error);
  return cli_printed(status, error);
}

/* What gnuplot drew may be drawn again. */
static cgap_status check_picture(const char *folder, const char *name, const char *format, cgap_error *error)
{
  char file[NAME + 8], path[CGAP_PATH];
  struct stat facts;
  snprintf(file, sizeof file, "%s.%s", name, format);
  cgap_status status = cgap_folder_file(path, folder, file, error);
  if (status || cli_shared.force || lstat(path, &facts) != 0 || cgap_gnuplot_made(path, format))
    return status;
  return cgap_fail(error, CGAP_FILE, "%s: gnuplot did not draw it; move it away, or give --force to replace it", path);
}

/* The card is a picture of one size and belongs above the folder of figures. */
static cgap_status render_card(const plot_list *list, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  if (!is_there(list->folder, "card", ".gp") || !is_there(list->folder, "style", ".gp"))
    status = cgap_plots_copy(list->folder, "card", error);
  if (!status)
    status = check_picture(list->above, "card", "png", error);
  if (!status)
    status = cgap_card_render(list->above, list->folder, error);
  if (!status)
    cli_say("drew %s/%s", list->above, CGAP_CARD_FILE);
  return status;
}

/* The scripts in the folder are the user's; only missing ones are written. */
static cgap_status render_one(const plot_list *list, const char *name, const bool wanted[FORMATS], const char *size,
                              cgap_error *error)
{
  char paper_size[40];
  cgap_status status = CGAP_OK;
  if (opt.terminal)
    return render_as_text(list, name, error);
  snprintf(paper_size, sizeof paper_size, "%.6g,0", (opt.paper > 0 ? opt.paper : COLUMN_INCHES) * UNITS_AN_INCH);
  if (!is_there(list->folder, name, ".gp") || !is_there(list->folder, "style", ".gp"))
    status = cgap_plots_copy(list->folder, name, error);
  for (int f = 0; formats[f] && !status; f++) {
    const bool paper = opt.paper > 0 || f == TIKZ;
    const cgap_plot_job job = {
      .format = endings[f], .theme = paper ? "paper" : themes[opt.theme], .size = paper ? paper_size : size};
    if (!wanted[f])
      continue;
    status = check_picture(list->folder, name, endings[f], error);
    if (!status)
      status = cgap_gnuplot_render(list->folder, name, &job, error);
    if (!status)
      cli_say("drew %s/%s.%s", list->folder, name, endings[f]);
  }
  return status;
}

/* A figure that fails is said, the others are drawn; the first failure is the exit code. */
static int render_all(const plot_list *list, const bool wanted[FORMATS], const char *size)
{
  int code = CGAP_OK;
  size_t drawn = 0;
  cli_interrupt_set_message("the figures of %s that were drawn before stay", list->folder);
  for (size_t i = 0; i < list->count; i++) {
    cgap_error error = {0};
    const bool is_card = strcmp(list->name[i], "card") == 0, draws_card = opt.paper == 0 && !opt.terminal;
    if (is_card && !draws_card && opt.only.count)
      cli_say("card: it is a picture for a slide, drawn as PNG without --paper and --terminal");
    if (is_card && !draws_card)
      continue;
    cgap_status status = is_card ? render_card(list, &error) : render_one(list, list->name[i], wanted, size, &error);
    if (status) {
      int failed = cli_fail(&error);
      code = code ? code : failed;
    } else
      drawn += !is_card;
    if (status == CGAP_USAGE || status == CGAP_INTERRUPTED || status == CGAP_RESOURCE)
      break;
  }
  if (drawn && !opt.terminal)
    cli_say("wrote %s: %zu figure%s as %s", list->folder, drawn, drawn == 1 ? "" : "s", opt.format);
  return code;
}

static int run_plot(const cli_args *args)
{
  static plot_list list;
  cgap_error error = {0};
  bool wanted[FORMATS] = {false};
  char size[40];
  cgap_status status = check_format(wanted, &error);
  if (!status)
    status = check_paper(wanted, &error);
  if (!status)
    status = check_size(size, &error);
  const bool draws = !opt.list && !opt.terminal;
  if (!status && draws)
    status = cgap_lock_output(args->items[0], true, &error);
  if (!status)
    status = draws ? cgap_stage_complete(args->items[0], &error) : cgap_stage_check(args->items[0], &error);
  if (!status)
    status = find_tables(&list, args->items[0], &error);
  if (!status)
    status = select_figures(&list, &error);
  if (!status && opt.list)
    status = print_list(&list, &error);
  return status ? cli_fail(&error) : opt.list ? CGAP_OK : render_all(&list, wanted, size);
}

const cli_spec cmd_plot = {
  .name = "plot",
  .summary = "draws the figures of a folder again",
  .usage = "DIR [--format svg,png,pdf] [--only NAME]",
  .example = "contragap plot report --format png,pdf --theme dark\n"
             "contragap plot report --paper 3.3\n"
             "contragap plot report --only cosines --terminal",
  .about =
    "Draws the figures of DIR, a folder that audit or train wrote, again from their tables with the scripts next to "
    "them: change a script and run this.",
  .groups = {{"Options", own}},
  .at_least = 1,
  .at_most = 1,
  .argument = "DIR",
  .run = run_plot,
};
