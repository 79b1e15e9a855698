#include "cli/option_table.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text_buffer.h"
#include "cli/messages.h"
#include "cli/run_info.h"
#include "report/json.h"
#include "report/text.h"

enum { WHY_BYTES = 200, SHOWN_BYTES = 100, VALUE_BYTES = 120, HELP_BYTES = 600 };

static bool in_bounds(const cli_option *option, double value, char *why)
{
  if ((option->low == 0 && option->high == 0) || (value >= option->low && value <= option->high))
    return true;
  if (isinf(option->high))
    snprintf(why, WHY_BYTES, "must be at least %.12g", option->low);
  else
    snprintf(why, WHY_BYTES, "must be between %.12g and %.12g", option->low, option->high);
  return false;
}

/* Digits only: no sign, no blanks, no trailing letters but `rest`. */
static bool read_digits(uint64_t *out, const char *text, char **rest)
{
  if (!isdigit((unsigned char)text[0]))
    return false;
  errno = 0;
  *out = strtoull(text, rest, 10);
  return errno == 0;
}

/* size_t and uint64_t are one type on the machines that this runs on. */
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "counts are read as 64-bit numbers");

static bool read_whole(const cli_option *option, const char *text, char *why)
{
  uint64_t *out = option->target;
  char *rest;
  if (!read_digits(out, text, &rest) || *rest) {
    snprintf(why, WHY_BYTES, "needs a whole number, 0 or more");
    return false;
  }
  return in_bounds(option, (double)*out, why);
}

static bool read_flag(const cli_option *option, const char *text, char *why)
{
  (void)text, (void)why;
  *(bool *)option->target = true;
  return true;
}

static bool read_string(const cli_option *option, const char *text, char *why)
{
  if (!*text) {
    snprintf(why, WHY_BYTES, "needs a value");
    return false;
  }
  *(const char **)option->target = text;
  return true;
}

static bool read_int(const cli_option *option, const char *text, char *why)
{
  char *rest;
  errno = 0;
  long value = strtol(text, &rest, 10);
  if (errno || rest == text || *rest || isspace((unsigned char)text[0]) || value < -2147483647L ||
      value > 2147483647L) {
    snprintf(why, WHY_BYTES, "needs a whole number");
    return false;
  }
  *(int *)option->target = (int)value;
  return in_bounds(option, (double)value, why);
}

static bool read_real(const cli_option *option, const char *text, char *why)
{
  char *rest;
  double value = strtod(text, &rest);
  if (rest == text || *rest || isspace((unsigned char)text[0]) || !isfinite(value)) {
    snprintf(why, WHY_BYTES, "needs a number");
    return false;
  }
  *(double *)option->target = value;
  return in_bounds(option, value, why);
}

static bool read_bytes(const cli_option *option, const char *text, char *why)
{
  static const struct {
    char letter;
    int shift;
  } units[] = {{'\0', 0}, {'K', 10}, {'M', 20}, {'G', 30}};
  uint64_t value;
  char *rest;
  if (read_digits(&value, text, &rest)) {
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
      if (rest[0] != units[u].letter || (rest[0] && rest[1]) || value > (UINT64_MAX >> units[u].shift))
        continue;
      *(uint64_t *)option->target = value << units[u].shift;
      return in_bounds(option, (double)(value << units[u].shift), why);
    }
  }
  snprintf(why, WHY_BYTES, "needs a size: digits and K, M or G, as in 400M");
  return false;
}

static bool read_choice(const cli_option *option, const char *text, char *why)
{
  cgap_did_you_mean near = cgap_did_you_mean_init(text);
  size_t used = (size_t)snprintf(why, WHY_BYTES, "takes ");
  for (int c = 0; option->choices[c]; c++) {
    if (strcmp(option->choices[c], text) == 0) {
      *(int *)option->target = c;
      return true;
    }
    cgap_did_you_mean_offer(&near, option->choices[c]);
    if (used < WHY_BYTES)
      used += (size_t)snprintf(why + used, WHY_BYTES - used, "%s%s", c ? ", " : "", option->choices[c]);
  }
  if (near.name && used < WHY_BYTES)
    snprintf(why + used, WHY_BYTES - used, "; did you mean %s?", near.name);
  return false;
}

static bool read_list(const cli_option *option, const char *text, char *why)
{
  cli_list *list = option->target;
  const char **grown = realloc(list->items, (list->count + 1) * sizeof *grown);
  if (!grown) {
    snprintf(why, WHY_BYTES, "out of memory");
    return false;
  }
  list->items = grown;
  list->items[list->count++] = text;
  return true;
}

bool cli_value_read(const cli_option *option, const char *text, char why[WHY_BYTES])
{
  static bool (*const READ[])(const cli_option *option, const char *text, char *why) = {
    [CLI_FLAG] = read_flag,   [CLI_STRING] = read_string, [CLI_INT] = read_int,
    [CLI_COUNT] = read_whole, [CLI_SEED] = read_whole,    [CLI_REAL] = read_real,
    [CLI_BYTES] = read_bytes, [CLI_CHOICE] = read_choice, [CLI_LIST] = read_list};
  return READ[option->kind](option, text, why);
}

/* ---------------------------------------------------------------- how a default is shown */

static void show_number(const cli_option *option, char *out, double value)
{
  if (value == 0 && option->zero)
    snprintf(out, SHOWN_BYTES, "%s", option->zero);
  else
    snprintf(out, SHOWN_BYTES, "%.12g", value);
}

void cli_value_show(const cli_option *option, char out[SHOWN_BYTES])
{
  const char *text = option->kind == CLI_STRING ? *(const char **)option->target : NULL;
  const int choice = option->kind == CLI_CHOICE ? *(int *)option->target : -1;
  const uint64_t bytes = option->kind == CLI_BYTES ? *(uint64_t *)option->target : 0;
  out[0] = '\0';
  switch (option->kind) {
  case CLI_FLAG:
  case CLI_LIST:
    return;
  case CLI_STRING:
    snprintf(out, SHOWN_BYTES, "%s", text ? text : option->zero ? option->zero : "");
    return;
  case CLI_CHOICE:
    snprintf(out, SHOWN_BYTES, "%s", choice >= 0 ? option->choices[choice] : option->zero);
    return;
  case CLI_INT:
    show_number(option, out, *(int *)option->target);
    return;
  case CLI_COUNT:
    show_number(option, out, (double)*(size_t *)option->target);
    return;
  case CLI_REAL:
    show_number(option, out, *(double *)option->target);
    return;
  case CLI_SEED:
    show_number(option, out, (double)*(uint64_t *)option->target);
    return;
  case CLI_BYTES:
    if (bytes && bytes % (1U << 20) == 0)
      snprintf(out, SHOWN_BYTES, "%lluM", (unsigned long long)(bytes >> 20));
    else
      show_number(option, out, (double)bytes);
  }
}

/* What follows the option's name: "N", or the choices with `between` between them; "" for a flag. */
static void value_words(char out[VALUE_BYTES], const cli_option *option, char between)
{
  size_t used = 0;
  snprintf(out, VALUE_BYTES, "%s", option->value ? option->value : "");
  for (size_t c = 0; option->kind == CLI_CHOICE && option->choices[c] && used < VALUE_BYTES; c++)
    used += (size_t)snprintf(out + used, VALUE_BYTES - used, "%.*s%s", c > 0, &between, option->choices[c]);
}

/* The help with the default behind it. */
static void help_words(char out[HELP_BYTES], const cli_option *option)
{
  char shown[SHOWN_BYTES];
  cli_value_show(option, shown);
  snprintf(out, HELP_BYTES, "%s%s%s%s%s", option->help, shown[0] ? " [" : "", shown, shown[0] ? "]" : "",
           option->kind == CLI_LIST ? " (repeatable)" : "");
}

/* ---------------------------------------------------------------- --help */

static void print_option(const cli_option *option)
{
  enum { COLUMN = 27 };
  char value[VALUE_BYTES], head[200], text[HELP_BYTES], letter[5] = "    ";
  value_words(value, option, '|');
  help_words(text, option);
  if (option->letter)
    snprintf(letter, sizeof letter, "-%c, ", option->letter);
  snprintf(head, sizeof head, "  %s--%s%s%s", letter, option->name, value[0] ? " " : "", value);
  int at = cgap_text_width(head, strlen(head));
  if (at + 2 > COLUMN) {
    printf("%s\n", head);
    at = 0;
    head[0] = '\0';
  }
  char first[sizeof head + COLUMN];
  snprintf(first, sizeof first, "%s%*s", head, COLUMN - at, "");
  cgap_text_wrap(stdout, cli_columns(STDOUT_FILENO), first, text, COLUMN);
}

int cli_help(const cli_spec *spec)
{
  if (spec->prepare)
    spec->prepare();
  printf("example:\n");
  for (const char *line = spec->example; *line;) {
    size_t length = strcspn(line, "\n");
    printf("  %.*s\n", (int)length, line);
    line += length + (line[length] == '\n');
  }
  printf("\nusage: contragap %s %s\n\n", spec->name, spec->usage);
  cgap_text_wrap(stdout, cli_columns(STDOUT_FILENO), "", spec->about, 0);
  for (const cli_group *g = spec->groups; g->title; g++) {
    printf("\n%s:\n", g->title);
    for (const cli_option *o = g->options; o->name; o++)
      print_option(o);
  }
  printf("\n  -h, --help               this text\n");
  return cli_flushed();
}

/* ---------------------------------------------------------------- man pages, in roff (man(7)) */

/* Text that roff takes literally: no escape, no request at the start of a line, a hyphen that stays one. */
static void put_roff(const char *text)
{
  for (size_t i = 0; text[i]; i++) {
    const bool starts = i == 0 || text[i - 1] == '\n';
    if (starts && (text[i] == '.' || text[i] == '\''))
      fputs("\\&", stdout);
    if (text[i] == '\\')
      fputs("\\e", stdout);
    else if (text[i] == '-')
      fputs("\\-", stdout);
    else if (text[i] == '\'')
      fputs("\\(aq", stdout);
    else
      putchar(text[i]);
  }
}

static void put_example(const char *lines)
{
  printf(".SH EXAMPLE\n.nf\n");
  put_roff(lines);
  printf("\n.fi\n");
}

static void put_see_also(const char *page)
{
  printf(".SH SEE ALSO\n%s.I %s/samples/tutorial.md\nto start with,\n.I "
         "%s/analysis/MEASURES.md\nfor what the numbers mean and when they mislead,\n.I %s/src/io/FORMATS.md\n",
         page, CGAP_DOCUMENTS, CGAP_DOCUMENTS, CGAP_DOCUMENTS);
}

static void put_exit_codes(void)
{
  static const struct {
    const char *code, *text;
  } CODES[] = {
    {"0", "fine"},
    {"1", "a \\-\\-fail\\-if threshold was crossed; the report is written all the same"},
    {"2", "usage, or the machine cannot do what was asked"},
    {"3", "a file or dataset is missing, cannot be read or written, or is ambiguous"},
    {"4", "the data are invalid, or a \\-\\-fail\\-if cannot be tested"},
    {"5", "a resource ran out: memory limit, disk full"},
    {"130", "interrupted"},
  };
  printf(".SH EXIT STATUS\n");
  for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++) {
    printf(".TP\n.B %s\n%s\n", CODES[i].code, CODES[i].text);
  }
}

static void put_title(const char *command)
{
  printf(".\\\" Made from the program's option tables.\n.TH CONTRAGAP");
  for (const char *c = command; *c; c++)
    printf("%s%c", c == command ? "\\-" : "", toupper((unsigned char)*c));
  printf(" 1 \"\" \"contragap %s\" \"User Commands\"\n.SH NAME\n", cgap_version());
}

static void man_of_program(const cli_spec *const *commands, size_t count)
{
  put_title("");
  printf("contragap \\- audits the contrastive gap between the embeddings of two modalities, and closes it\n"
         ".SH SYNOPSIS\n.B contragap\n.I command\n[\\fIargument\\fR ...]\n");
  put_example("contragap audit img_emb.npy text_emb.npy\ncontragap audit pairs.h5 -o report");
  printf(".SH COMMANDS\n");
  for (size_t i = 0; i < count; i++) {
    printf(".TP\n.BR contragap\\-%s (1)\n", commands[i]->name);
    put_roff(commands[i]->summary);
    putchar('\n');
  }
  printf(
    ".SH FILES\nEmbeddings are read from HDF5, NumPy \\&.npy and \\&.npz, pickles (\\&.pt, \\&.pkl, "
    "\\&.joblib), safetensors, and folders of \\&.npy shards. FILE:/path or FILE:key names one dataset of a file.\n");
  put_exit_codes();
  printf(".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nno colours\n.TP\n.B CONTRAGAP_PLOTS\na folder whose gnuplot scripts "
         "replace the program\\(aqs own\n.TP\n.B TMPDIR\nwhere compressed members of \\&.npz are unpacked\n");
  put_see_also("");
}

static void put_option(const cli_option *o)
{
  char value[VALUE_BYTES], text[HELP_BYTES];
  value_words(value, o, '|');
  help_words(text, o);
  printf(".TP\n");
  if (o->letter)
    printf("\\fB\\-%c\\fR, ", o->letter);
  printf("\\fB\\-\\-");
  put_roff(o->name);
  printf("\\fR");
  if (value[0]) {
    printf(" \\fI");
    put_roff(value);
    printf("\\fR");
  }
  putchar('\n');
  put_roff(text);
  putchar('\n');
}

static void man_of_command(const cli_spec *spec)
{
  put_title(spec->name);
  printf("contragap\\-%s \\- ", spec->name);
  put_roff(spec->summary);
  printf("\n.SH SYNOPSIS\n.B contragap %s\n", spec->name);
  put_roff(spec->usage);
  putchar('\n');
  put_example(spec->example);
  printf(".SH DESCRIPTION\n");
  put_roff(spec->about);
  printf("\n.SH OPTIONS\n");
  for (const cli_group *g = spec->groups; g->title; g++) {
    printf(".SS %s\n", g->title);
    for (const cli_option *o = g->options; o->name; o++)
      put_option(o);
  }
  printf(".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nthe options in brief\n");
  put_exit_codes();
  put_see_also(".BR contragap (1);\n");
}

/* ---------------------------------------------------------------- completions */

/* Whether an option's value names a file or a folder. */
static bool has_path_value(const cli_option *o)
{
  static const char *const WORDS[] = {"PATH", "DIR", "FILE", ".h5", "REPORT"};
  for (size_t i = 0; o->value && i < sizeof WORDS / sizeof *WORDS; i++)
    if (strstr(o->value, WORDS[i]))
      return true;
  return false;
}

static void bash_value(const cli_option *o)
{
  char words[VALUE_BYTES];
  if (o->kind == CLI_FLAG)
    return;
  value_words(words, o, ' ');
  printf("        --%s", o->name);
  if (o->letter)
    printf("|-%c", o->letter);
  if (o->kind == CLI_CHOICE)
    printf(") words='%s' ;;\n", words);
  else /* files, or nothing to offer */
    printf(") %s ;;\n", has_path_value(o) ? "words=files" : "return");
}

static void bash_command(const cli_spec *spec)
{
  if (spec->prepare)
    spec->prepare();
  printf("    %s)\n      case $previous in\n", spec->name);
  for (const cli_group *g = spec->groups; g->title; g++)
    for (const cli_option *o = g->options; o->name; o++)
      bash_value(o);
  printf("        *) [[ $cur == -* ]] && words='");
  for (const cli_group *g = spec->groups; g->title; g++)
    for (const cli_option *o = g->options; o->name; o++)
      printf("--%s ", o->name);
  printf("--help' ;;\n      esac\n      ;;\n");
}

static void bash_completion(const cli_spec *const *commands, size_t count)
{
  printf("# bash completion for contragap, made from the program's option tables\n"
         "_contragap()\n{\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words=\n"
         "  COMPREPLY=()\n"
         "  if [[ $COMP_CWORD -eq 1 || ( $COMP_CWORD -eq 2 && $previous == help ) ]]; then\n"
         "    COMPREPLY=($(compgen -W '");
  for (size_t i = 0; i < count; i++)
    printf("%s ", commands[i]->name);
  printf("help --help --version' -- \"$cur\"))\n    return\n  fi\n  case ${COMP_WORDS[1]} in\n");
  for (size_t i = 0; i < count; i++)
    bash_command(commands[i]);
  printf("  esac\n"
         "  if [[ -n $words && $words != files ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  else\n"
         "    compopt -o filenames 2>/dev/null\n"
         "    COMPREPLY=($(compgen -f -- \"$cur\"))\n"
         "  fi\n"
         "}\n"
         "complete -F _contragap contragap\n");
}

/* Inside single quotes, and inside the brackets or between the colons of a specification. */
static void put_quoted(const char *text)
{
  for (; *text; text++) {
    if (*text == '\'')
      fputs("'\\''", stdout);
    else if (strchr("[]:\\", *text))
      printf("\\%c", *text);
    else
      putchar(*text);
  }
}

static void zsh_option(const cli_option *o)
{
  char words[VALUE_BYTES];
  value_words(words, o, ' ');
  printf("        ");
  if (o->letter)
    printf("'(-%c --%s)'{-%c,--%s}'[", o->letter, o->name, o->letter, o->name);
  else
    printf("'%s--%s[", o->kind == CLI_LIST ? "*" : "", o->name);
  put_quoted(o->help);
  putchar(']');
  if (o->kind == CLI_CHOICE) {
    printf(":%s:(%s)", o->name, words);
  } else if (o->kind != CLI_FLAG) {
    putchar(':');
    put_quoted(words);
    printf(":%s", has_path_value(o) ? "_files" : "");
  }
  printf("' \\\n");
}

static void zsh_completion(const cli_spec *const *commands, size_t count)
{
  printf("#compdef contragap\n# made from the program's option tables\n_contragap() {\n  local -a commands\n"
         "  commands=(\n");
  for (size_t i = 0; i < count; i++) {
    printf("    '%s:", commands[i]->name);
    put_quoted(commands[i]->summary);
    printf("'\n");
  }
  printf("  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
         "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n");
  for (size_t i = 0; i < count; i++) {
    if (commands[i]->prepare)
      commands[i]->prepare();
    printf("    %s)\n      _arguments -s \\\n", commands[i]->name);
    for (const cli_group *g = commands[i]->groups; g->title; g++)
      for (const cli_option *o = g->options; o->name; o++)
        zsh_option(o);
    printf("        '(-h --help)'{-h,--help}'[this text]' \\\n        '*:");
    put_quoted(commands[i]->argument ? commands[i]->argument : "file");
    printf(":_files'\n      ;;\n");
  }
  printf("  esac\n}\n_contragap \"$@\"\n");
}

/* ---------------------------------------------------------------- documents */

static int print_schema(void)
{
  cgap_error error = {0};
  json_t *schema = cgap_report_schema();
  const cgap_status status = schema ? cgap_json_print(schema, stdout, &error)
                                    : cgap_fail(&error, CGAP_RESOURCE, "out of memory for the schema of reports");
  json_decref(schema);
  return status ? cli_fail(&error) : cli_flushed();
}

/* The page of one command, or, where none is named, of the program. */
static int print_man_page(const char *name, const cli_spec *const *commands, size_t count)
{
  size_t k = 0;
  while (name && k < count && strcmp(commands[k]->name, name) != 0)
    k++;
  if (k == count)
    return cli_usage("unknown command %s", name);
  if (name && commands[k]->prepare)
    commands[k]->prepare();
  if (name)
    man_of_command(commands[k]);
  else
    man_of_program(commands, count);
  return cli_flushed();
}

int cli_document(int argc, char **argv, const cli_spec *const *commands, size_t count)
{
  const char *wanted = argc > 1 ? argv[1] : "";
  if (strcmp(wanted, "--help-schema") == 0)
    return print_schema();
  if (strcmp(wanted, "--help-roff") == 0)
    return print_man_page(argc > 2 ? argv[2] : NULL, commands, count);
  if (strcmp(wanted, "--help-bash") == 0)
    bash_completion(commands, count);
  else if (strcmp(wanted, "--help-zsh") == 0)
    zsh_completion(commands, count);
  else
    return CLI_GO;
  return cli_flushed();
}
