#include "cli/help.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/messages.h"
#include "cli/run_info.h"
#include "report/text.h"

enum { COLUMN = 27 };

static void print_choices(char *out, size_t size, const char *const *choices)
{
  size_t used = 0;
  for (; *choices && used < size; choices++)
    used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "|" : "", *choices);
}

static void print_option(const cli_option *option)
{
  char value[120] = "", head[200], text[600], shown[100];
  if (option->kind == CLI_CHOICE)
    print_choices(value, sizeof value, option->choices);
  else if (option->value)
    snprintf(value, sizeof value, "%s", option->value);
  char letter[5] = "    ";
  if (option->letter)
    snprintf(letter, sizeof letter, "-%c, ", option->letter);
  snprintf(head, sizeof head, "  %s--%s%s%s", letter, option->name, value[0] ? " " : "", value);
  cli_value_show(option, shown);
  snprintf(text, sizeof text, "%s%s%s%s%s", option->help, shown[0] ? " [" : "", shown, shown[0] ? "]" : "",
           option->kind == CLI_LIST ? " (repeatable)" : "");
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
