/* contragap audit: every measure of a file. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/opt.h"
#include "cli/progress.h"

static struct {
  const char *out;
  bool json, markdown;
  cli_list fail_if;
} opt;

static const cli_option own[] = {
  {.name = "output",
   .letter = 'o',
   .kind = CLI_STRING,
   .target = &opt.out,
   .value = "DIR",
   .help = "write report.json, rows.tsv, figures/ and report.html to DIR"},
  {.name = "json", .kind = CLI_FLAG, .target = &opt.json, .help = "the report as JSON on stdout, and nothing else"},
  {.name = "markdown", .kind = CLI_FLAG, .target = &opt.markdown, .help = "the table as Markdown, for a model card"},
  {.name = "fail-if",
   .kind = CLI_LIST,
   .target = &opt.fail_if,
   .value = "'KEY>NUMBER'",
   .help = "exit 1 where a measure crosses a threshold (<, <=, >, >=)"},
  {0}};

static const cli_spec spec = {
  .name = "audit",
  .usage = "FILE… [-o DIR]",
  .example = "contragap audit pairs.h5 -o report\n"
             "contragap audit pairs.h5 --fail-if 'gap.centroid_distance>0.5'",
  .about = "Measures the gap between the image and the text embeddings of FILE: a table on stdout with the verdict "
           "on top; with -o also a report, a row per pair, and figures.",
  .groups = {{"Options", own}, CLI_INPUT_GROUP, CLI_RUN_GROUP},
  .argument = "FILE",
};

int cmd_audit(int argc, char **argv)
{
  cli_args args;
  int code = cli_parse(&args, &spec, argc, argv);
  if (code == CLI_GO)
    code = CGAP_OK;
  cli_args_clear(&args);
  return code;
}
