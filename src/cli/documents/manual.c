#include "cli/documents/manual.h"

#include <stdio.h>
#include <string.h>

#include "contragap/contragap.h"

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
  printf("%s\n", o->kind == CLI_LIST ? " (may be given again)" : "");
}

void cli_manual_part(const cli_spec *spec)
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
