#include "cli/documents/documents.h"

#include <stdio.h>
#include <string.h>

#include "cli/messages.h"
#include "contragap/contragap.h"
#include "report/json.h"

/* begin and end stand around the parts of all commands; a man page has one command. */
static const struct document {
  const char *option;
  void (*command)(const cli_spec *spec);
  void (*begin)(const cli_command *commands, size_t count);
  void (*end)(void);
} DOCUMENTS[] = {
  {"--help-roff", cli_manual_command, NULL, NULL},
  {"--help-bash", cli_bash_command, cli_bash_begin, cli_bash_end},
  {"--help-zsh", cli_zsh_command, cli_zsh_begin, cli_zsh_end},
};

static const struct document *find_document(const char *option)
{
  for (size_t i = 0; i < sizeof DOCUMENTS / sizeof *DOCUMENTS; i++)
    if (strcmp(DOCUMENTS[i].option, option) == 0)
      return &DOCUMENTS[i];
  return NULL;
}

int cli_document_command(const cli_spec *spec, const char *option)
{
  const struct document *d = find_document(option);
  if (!d)
    return CLI_GO;
  d->command(spec);
  return cli_flushed();
}

static int run_command(const cli_command *command, const struct document *d)
{
  char name[40], option[40];
  (void)snprintf(name, sizeof name, "%s", command->name);
  (void)snprintf(option, sizeof option, "%s", d->option);
  return command->run(2, (char *[]){name, option, NULL});
}

/* The page of one command, or, where none is named, of the program. */
static int man_page(const struct document *d, const char *name, const cli_command *commands, size_t count)
{
  if (!name) {
    cli_manual_program(commands, count);
    return cli_flushed();
  }
  for (size_t i = 0; i < count; i++) {
    if (strcmp(commands[i].name, name) == 0) {
      cli_manual_begin(&commands[i]);
      return run_command(&commands[i], d);
    }
  }
  return cli_usage("unknown command %s", name);
}

static int print_schema(void)
{
  cgap_error error;
  json_t *schema = cgap_report_schema();
  cgap_status status =
    schema ? cgap_json_print(schema, stdout, &error) : cgap_fail(&error, CGAP_RESOURCE, "out of memory");
  json_decref(schema);
  return status ? cli_fail(&error) : cli_flushed();
}

int cli_document(int argc, char **argv, const cli_command *commands, size_t count)
{
  if (argc == 2 && strcmp(argv[1], "--help-schema") == 0)
    return print_schema();
  const struct document *d = argc > 1 ? find_document(argv[1]) : NULL;
  int code = CGAP_OK;
  if (!d)
    return CLI_GO;
  if (!d->begin)
    return man_page(d, argc > 2 ? argv[2] : NULL, commands, count);
  d->begin(commands, count);
  for (size_t i = 0; i < count && code == CGAP_OK; i++)
    code = run_command(&commands[i], d);
  if (code == CGAP_OK)
    d->end();
  return code == CGAP_OK ? cli_flushed() : code;
}

/* ---------------------------------------------------------------- manual */

/* Text that roff takes literally: no escape, no request at the start of a line, a hyphen that stays one. */
static void put(const char *text, size_t length)
{
  for (size_t i = 0; i < length; i++) {
    bool starts = i == 0 || text[i - 1] == '\n';
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

static void put_text(const char *text)
{
  put(text, strlen(text));
}

static void put_example(const char *lines)
{
  printf(".SH EXAMPLE\n.nf\n");
  put_text(lines);
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
    {"1", "a --fail-if threshold was crossed; the report is written all the same"},
    {"2", "usage, or the machine cannot do what was asked"},
    {"3", "a file or dataset is missing, cannot be read or written, or is ambiguous"},
    {"4", "the data are invalid, or a --fail-if cannot be tested"},
    {"5", "a resource ran out: memory limit, disk full"},
    {"130", "interrupted"},
  };
  printf(".SH EXIT STATUS\n");
  for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++) {
    printf(".TP\n.B %s\n", CODES[i].code);
    put_text(CODES[i].text);
    putchar('\n');
  }
}

static void put_title(const char *name)
{
  printf(".\\\" Made from the program's option tables.\n.TH %s 1 \"\" \"contragap %s\" \"User Commands\"\n.SH NAME\n",
         name, cgap_version());
}

void cli_manual_program(const cli_command *commands, size_t count)
{
  put_title("CONTRAGAP");
  printf("contragap \\- audits the contrastive gap between the embeddings of two modalities, and closes it\n"
         ".SH SYNOPSIS\n.B contragap\n.I command\n[\\fIargument\\fR ...]\n");
  put_example("contragap audit img_emb.npy text_emb.npy\ncontragap audit pairs.h5 -o report");
  printf(".SH COMMANDS\n");
  for (size_t i = 0; i < count; i++) {
    printf(".TP\n.BR contragap\\-%s (1)\n", commands[i].name);
    put_text(commands[i].summary);
    putchar('\n');
  }
  printf(".SH FILES\nEmbeddings are read from HDF5, NumPy \\&.npy and \\&.npz, safetensors, and folders of \\&.npy "
         "shards. FILE:/path or FILE:key names one dataset of a file.\n");
  put_exit_codes();
  printf(".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nno colours\n.TP\n.B CONTRAGAP_PLOTS\na folder whose gnuplot scripts go "
         "before the program\\(aqs own\n.TP\n.B TMPDIR\nwhere compressed members of \\&.npz are unpacked\n");
  put_see_also("");
}

void cli_manual_begin(const cli_command *command)
{
  char name[60] = "CONTRAGAP\\-";
  size_t used = strlen(name);
  for (const char *c = command->name; *c && used + 1 < sizeof name; c++)
    name[used++] = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
  name[used] = '\0';
  put_title(name);
  printf("contragap\\-%s \\- ", command->name);
  put_text(command->summary);
  putchar('\n');
}

static void put_option(const cli_option *o)
{
  char shown[100];
  printf(".TP\n");
  if (o->letter)
    printf("\\fB\\-%c\\fR, ", o->letter);
  printf("\\fB\\-\\-");
  put_text(o->name);
  printf("\\fR");
  for (const char *const *c = o->choices; o->kind == CLI_CHOICE && *c; c++)
    printf("%s\\fI%s\\fR", c == o->choices ? " " : "|", *c);
  if (o->kind != CLI_CHOICE && o->value) {
    printf(" \\fI");
    put_text(o->value);
    printf("\\fR");
  }
  putchar('\n');
  put_text(o->help);
  cli_value_show(o, shown);
  if (shown[0]) {
    printf(" [");
    put_text(shown);
    putchar(']');
  }
  printf("%s\n", o->kind == CLI_LIST ? " (repeatable)" : "");
}

void cli_manual_command(const cli_spec *spec)
{
  printf(".SH SYNOPSIS\n.B contragap %s\n", spec->name);
  put_text(spec->usage);
  putchar('\n');
  put_example(spec->example);
  printf(".SH DESCRIPTION\n");
  put_text(spec->about);
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

/* ---------------------------------------------------------------- completion */

/* Whether an option's value names a file or a folder. */
static bool has_path_value(const cli_option *o)
{
  static const char *const WORDS[] = {"PATH", "DIR", "FILE", ".h5", "REPORT"};
  for (size_t i = 0; o->value && i < sizeof WORDS / sizeof *WORDS; i++)
    if (strstr(o->value, WORDS[i]))
      return true;
  return false;
}

/* ---------------------------------------------------------------- bash */

static void put_names(const cli_command *commands, size_t count)
{
  for (size_t i = 0; i < count; i++)
    printf("%s ", commands[i].name);
}

void cli_bash_begin(const cli_command *commands, size_t count)
{
  printf("# bash completion for contragap, made from the program's option tables\n"
         "_contragap()\n{\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words=\n"
         "  COMPREPLY=()\n"
         "  if [[ $COMP_CWORD -eq 1 || ( $COMP_CWORD -eq 2 && $previous == help ) ]]; then\n"
         "    COMPREPLY=($(compgen -W '");
  put_names(commands, count);
  printf("help --help --version' -- \"$cur\"))\n    return\n  fi\n  case ${COMP_WORDS[1]} in\n");
}

static void bash_value(const cli_option *o)
{
  if (o->kind == CLI_FLAG)
    return;
  printf("        --%s", o->name);
  if (o->letter)
    printf("|-%c", o->letter);
  if (o->kind != CLI_CHOICE) { /* files, or nothing to offer */
    printf(") %s ;;\n", has_path_value(o) ? "words=files" : "return");
    return;
  }
  printf(") words='");
  for (const char *const *c = o->choices; *c; c++)
    printf("%s%s", c == o->choices ? "" : " ", *c);
  printf("' ;;\n");
}

void cli_bash_command(const cli_spec *spec)
{
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

void cli_bash_end(void)
{
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

/* ---------------------------------------------------------------- zsh */

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

void cli_zsh_begin(const cli_command *commands, size_t count)
{
  printf("#compdef contragap\n# made from the program's option tables\n_contragap() {\n  local -a commands\n"
         "  commands=(\n");
  for (size_t i = 0; i < count; i++) {
    printf("    '%s:", commands[i].name);
    put_quoted(commands[i].summary);
    printf("'\n");
  }
  printf("  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
         "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n");
}

static void zsh_option(const cli_option *o)
{
  printf("        ");
  if (o->letter)
    printf("'(-%c --%s)'{-%c,--%s}'[", o->letter, o->name, o->letter, o->name);
  else
    printf("'%s--%s[", o->kind == CLI_LIST ? "*" : "", o->name);
  put_quoted(o->help);
  putchar(']');
  if (o->kind == CLI_CHOICE) {
    printf(":%s:(", o->name);
    for (const char *const *c = o->choices; *c; c++)
      printf("%s%s", c == o->choices ? "" : " ", *c);
    putchar(')');
  } else if (o->kind != CLI_FLAG) {
    putchar(':');
    put_quoted(o->value ? o->value : "value");
    printf(":%s", has_path_value(o) ? "_files" : "");
  }
  printf("' \\\n");
}

void cli_zsh_command(const cli_spec *spec)
{
  printf("    %s)\n      _arguments -s \\\n", spec->name);
  for (const cli_group *g = spec->groups; g->title; g++)
    for (const cli_option *o = g->options; o->name; o++)
      zsh_option(o);
  printf("        '(-h --help)'{-h,--help}'[this text]' \\\n        '*:");
  put_quoted(spec->argument ? spec->argument : "file");
  printf(":_files'\n      ;;\n");
}

void cli_zsh_end(void)
{
  printf("  esac\n}\n_contragap \"$@\"\n");
}
