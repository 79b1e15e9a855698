#include "cli/documents/completion.h"

#include <stdio.h>
#include <string.h>

/* Whether an option's value names a file or a folder. */
static bool takes_path(const cli_option *o)
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
    printf(") %s ;;\n", takes_path(o) ? "words=files" : "return");
    return;
  }
  printf(") words='");
  for (const char *const *c = o->choices; *c; c++)
    printf("%s%s", c == o->choices ? "" : " ", *c);
  printf("' ;;\n");
}

void cli_bash_part(const cli_spec *spec)
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
    printf(":%s", takes_path(o) ? "_files" : "");
  }
  printf("' \\\n");
}

void cli_zsh_part(const cli_spec *spec)
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
