#include "cli/options.h"

#include <popt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/output_file.h"
#include "base/text_buffer.h"
#include "cli/interrupt.h"

static const char *const progress_choices[] = {"auto", "always", "never", NULL};

const cli_option cli_input_options[] = {
  {"image", 0, CLI_STRING, &cli_shared.image, "PATH",
   "dataset of the images, in FILE or as FILE2.h5:/path, FILE2.npz:key, FILE2.npy", .zero = "found by name"},
  {"text", 0, CLI_STRING, &cli_shared.text, "PATH", "dataset of the texts; none: use labels and class texts instead",
   .zero = "found by name"},
  {"text-image", 0, CLI_STRING, &cli_shared.text_image, "PATH",
   "dataset with the image row of each text; none: pair by position", .zero = "found by name"},
  {"labels", 0, CLI_STRING, &cli_shared.labels, "PATH", "dataset of the images' classes", .zero = "found by name"},
  {"class-text", 0, CLI_STRING, &cli_shared.class_text, "PATH", "dataset of class texts for zero-shot",
   .zero = "found by name"},
  {"names", 0, CLI_STRING, &cli_shared.names, "A,B",
   "what to call the two modalities, as in audio,text; NAME=FILE arguments do the same",
   .zero = "as the files say, else image,text"},
  {"unpaired", 0, CLI_FLAG, &cli_shared.unpaired,
   .help = "images and texts are not paired; with names such as old=A.npy new=B.npy: two sets of one modality, whose "
           "difference is drift"},
  {"drop-bad", 0, CLI_FLAG, &cli_shared.drop_bad, .help = "drop rows with NaN, infinity or norm zero"},
  {"merge-images", 0, CLI_FLAG, &cli_shared.merge_images,
   .help = "treat equal image rows as one image with several texts"},
  {"follow", 0, CLI_FLAG, &cli_shared.follow,
   .help =
     "read files outside the folder of an HDF5 file, where it names them: links, virtual sources, external files"},
  {"plugins", 0, CLI_FLAG, &cli_shared.plugins,
   .help = "let HDF5 load plugins: filters other than gzip, shuffle, fletcher32, lzf, scaleoffset, szip, nbit"},
  {0}};

const cli_option cli_run_options[] = {
  {"threads", 0, CLI_INT, &cli_shared.threads, "N", "number of threads", "as many as the machine has", 1, 1024, NULL},
  {"memory", 0, CLI_BYTES, &cli_shared.memory_bytes, "SIZE", "memory limit, such as 400M or 2G",
   .zero = "half of what is free"},
  {"seed", 0, CLI_SEED, &cli_shared.seed, "N", .help = "random seed"},
  {"progress", 0, CLI_CHOICE, &cli_shared.progress, .help = "show a progress line on stderr",
   .choices = progress_choices},
  {"quiet", 0, CLI_FLAG, &cli_shared.quiet, .help = "print only errors and warnings on stderr"},
  {"verbose", 'v', CLI_FLAG, &cli_shared.verbose, .help = "print more about what is done"},
  {0}};

/* Everything that a parsed command line owns. */
typedef struct parse_state {
  poptContext context;
  struct poptOption *table;
  const cli_option **option; /* by popt's val − 1 */
  bool *given;               /* likewise */
  size_t count;
  char **owned;
  size_t owned_count;
  const cli_spec *spec;
} parse_state;

enum { HELP_VAL = 1 << 20 };

static size_t count_options(const cli_spec *spec)
{
  size_t count = 0;
  for (const cli_group *g = spec->groups; g->title; g++)
    for (const cli_option *o = g->options; o->name; o++)
      count++;
  return count;
}

/* popt splits the command line; what the values mean stays with our table, so every value is a string to popt. */
static bool build_table(parse_state *s)
{
  s->count = count_options(s->spec);
  s->table = calloc(s->count + 2, sizeof *s->table);
  s->option = calloc(s->count + 1, sizeof *s->option);
  s->given = calloc(s->count + 1, sizeof *s->given);
  if (!s->table || !s->option || !s->given)
    return false;
  size_t at = 0;
  for (const cli_group *g = s->spec->groups; g->title; g++) {
    for (const cli_option *o = g->options; o->name; o++, at++) {
      s->option[at] = o;
      s->table[at] = (struct poptOption){.longName = o->name,
                                         .shortName = o->letter,
                                         .argInfo = o->kind == CLI_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING,
                                         .val = (int)at + 1};
    }
  }
  s->table[at] = (struct poptOption){.longName = "help", .shortName = 'h', .argInfo = POPT_ARG_NONE, .val = HELP_VAL};
  return true;
}

static bool own_string(parse_state *s, char *text)
{
  char **grown = realloc(s->owned, (s->owned_count + 1) * sizeof *grown);
  if (!grown) {
    free(text);
    return false;
  }
  s->owned = grown;
  s->owned[s->owned_count++] = text;
  return true;
}

static int bad_option(const parse_state *s, int code)
{
  char given[100];
  snprintf(given, sizeof given, "%s", poptBadOption(s->context, POPT_BADOPTION_NOALIAS));
  given[strcspn(given, "=")] = '\0';
  if (code == POPT_ERROR_NOARG)
    return cli_usage("%s: %s needs a value (see contragap %s --help)", s->spec->name, given, s->spec->name);
  if (code != POPT_ERROR_BADOPT)
    return cli_usage("%s: %s: %s (see contragap %s --help)", s->spec->name, given, poptStrerror(code), s->spec->name);
  cgap_did_you_mean near = cgap_did_you_mean_init(given + strspn(given, "-"));
  for (size_t i = 0; i < s->count; i++)
    cgap_did_you_mean_offer(&near, s->option[i]->name);
  if (near.name && given[0] == '-' && given[1] == '-')
    return cli_usage("%s: unknown option %s; did you mean --%s?", s->spec->name, given, near.name);
  return cli_usage("%s: unknown option %s (see contragap %s --help)", s->spec->name, given, s->spec->name);
}

static int apply_option(parse_state *s, const cli_option *option)
{
  char why[200];
  char *text = poptGetOptArg(s->context);
  if (text && !own_string(s, text))
    return cli_fail(&(cgap_error){CGAP_RESOURCE, "out of memory for the options"});
  if (cli_value_read(option, text ? text : "", why))
    return CLI_GO;
  return cli_usage("%s: --%s %s: %s", s->spec->name, option->name, text ? text : "", why);
}

static int check_arguments(const cli_spec *spec, const cli_args *args)
{
  const char *what = spec->argument;
  if (!what && args->count)
    return cli_usage("%s: %s is no option, and %s reads no files (see contragap %s --help)", spec->name, args->items[0],
                     spec->name, spec->name);
  if (args->count < spec->at_least && spec->at_least == 1)
    return cli_usage("%s: no %s given (usage: contragap %s %s)", spec->name, what, spec->name, spec->usage);
  if (args->count < spec->at_least)
    return cli_usage("%s: %zu argument%s, at least %zu expected: %s (usage: contragap %s %s)", spec->name, args->count,
                     args->count == 1 ? "" : "s", spec->at_least, what, spec->name, spec->usage);
  if (spec->at_most && args->count > spec->at_most)
    return cli_usage("%s: %zu arguments, at most %zu expected; %s is one too many (usage: contragap %s %s)", spec->name,
                     args->count, spec->at_most, args->items[spec->at_most], spec->name, spec->usage);
  return CLI_GO;
}

/* Where the command writes: its option --output. */
static void note_output(const parse_state *s)
{
  for (size_t i = 0; i < s->count; i++)
    if (s->given[i] && strcmp(s->option[i]->name, "output") == 0)
      cli_interrupt_set_output(*(const char *const *)s->option[i]->target);
}

/* Whether the option was given; NULL where the command has none of that name. */
static const bool *mark_of(const parse_state *s, const char *option)
{
  for (size_t i = 0; s && i < s->count; i++)
    if (strcmp(s->option[i]->name, option) == 0)
      return &s->given[i];
  return NULL;
}

int cli_parse(cli_args *out, const cli_spec *spec, int argc, char **argv)
{
  *out = (cli_args){.command_line = cli_command_line(argc, argv)};
  parse_state *s = calloc(1, sizeof *s);
  if (!s)
    return cli_fail(&(cgap_error){CGAP_RESOURCE, "out of memory for the options"});
  out->state = s;
  s->spec = spec;
  if (!build_table(s) || !(s->context = poptGetContext("contragap", argc, (const char **)argv, s->table, 0)))
    return cli_fail(&(cgap_error){CGAP_RESOURCE, "out of memory for the options"});
  int val, code;
  while ((val = poptGetNextOpt(s->context)) > 0) {
    if (val == HELP_VAL)
      return cli_help(spec);
    s->given[val - 1] = true;
    if ((code = apply_option(s, s->option[val - 1])) != CLI_GO)
      return code;
  }
  if (val < -1)
    return bad_option(s, val);
  note_output(s);
  out->items = poptGetArgs(s->context);
  while (out->items && out->items[out->count])
    out->count++;
  const bool *keys = mark_of(s, "keys"); /* of no file */
  code = keys && *keys && out->count == 0 ? CLI_GO : check_arguments(spec, out);
  cgap_error error = {0};
  const bool computes = mark_of(s, "threads");
  if (!cli_shared.memory_bytes)
    cli_keep_freed_memory(computes);
  if (code == CLI_GO && computes && cli_address_space_take(cli_rank_threads(), &error) != CGAP_OK)
    code = cli_fail(&error);
  return code;
}

bool cli_given(const cli_args *args, const char *option)
{
  const bool *mark = mark_of(args->state, option);
  return mark && *mark;
}

void cli_args_clear(cli_args *args)
{
  parse_state *s = args->state;
  free(args->command_line);
  *args = (cli_args){0};
  if (!s)
    return;
  for (size_t i = 0; i < s->count; i++) {
    if (s->option && s->option[i] && s->option[i]->kind == CLI_LIST) {
      cli_list *list = s->option[i]->target;
      free(list->items);
      *list = (cli_list){0};
    }
  }
  for (size_t i = 0; i < s->owned_count; i++)
    free(s->owned[i]);
  free(s->owned);
  if (s->context)
    poptFreeContext(s->context);
  free(s->table);
  free(s->option);
  free(s->given);
  free(s);
}

cgap_status cli_check_forms(const char *command, const cli_forms *forms, cgap_error *error)
{
  const bool given[] = {forms->json, forms->csv, forms->markdown, forms->latex};
  static const char *const NAMES[] = {"--json", "--csv", "--markdown", "--latex"};
  const char *first = NULL;
  for (size_t k = 0; k < sizeof given / sizeof *given; k++) {
    if (given[k] && first)
      return cgap_fail(error, CGAP_USAGE, "%s: %s and %s both take standard output; give one of them", command, first,
                       NAMES[k]);
    first = given[k] ? NAMES[k] : first;
  }
  return CGAP_OK;
}

cgap_status cli_print_file(const char *folder, const char *name, cgap_error *error)
{
  char path[CGAP_PATH];
  cgap_status status = cgap_folder_file(path, folder, name, error);
  char *text = status == CGAP_OK ? cgap_read_text(path, NULL) : NULL;
  if (status == CGAP_OK && !text)
    status = cgap_fail(error, CGAP_FILE, "%s: cannot be read again to print it", path);
  if (text)
    fputs(text, stdout);
  free(text);
  return cli_printed(status, error);
}

cgap_status cli_thresholds(cgap_threshold **out, const cli_list *texts, unsigned allowed, cgap_error *error)
{
  static const unsigned NEEDED[] = {[CGAP_TESTED_AFTER] = 0,
                                    [CGAP_TESTED_BEFORE] = CLI_TESTS_BEFORE,
                                    [CGAP_TESTED_DIFFERENCE] = CLI_TESTS_DIFFERENCE,
                                    [CGAP_TESTED_WORSE] = CLI_TESTS_WORSE};
  cgap_error why = {0};
  cgap_status status = CGAP_OK;
  *out = calloc(texts->count + 2, sizeof **out);
  if (!*out)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t k = 0; status == CGAP_OK && k < texts->count; k++) {
    status = cgap_threshold_parse(&(*out)[k], texts->items[k], &why);
    if (status != CGAP_OK)
      (void)cgap_fail(error, status, "--fail-if '%s': %s", texts->items[k], why.message);
    else if ((*out)[k].of == CGAP_TESTED_WORSE && !(allowed & CLI_TESTS_WORSE))
      status = cgap_fail(error, CGAP_USAGE,
                         "--fail-if worse: worse than what? It is of compare, of train, and of audit with --against "
                         "OLD.json");
    else if (NEEDED[(*out)[k].of] & ~allowed)
      status = cgap_fail(error, CGAP_USAGE,
                         "--fail-if '%s': before: and diff: are of train, which has a before and an after; give the "
                         "key alone",
                         texts->items[k]);
  }
  return status;
}

static const char *without_folder(const char *path)
{
  /* "a/b.h5:/group/x" is b.h5:/group/x */
  const char *part = strstr(path, ":/");
  const char *name = path;
  for (const char *c = path; *c && (!part || c < part); c++)
    if (*c == '/' && c[1])
      name = c + 1;
  return name;
}

void cli_source_name(char *out, size_t size, const cli_args *args)
{
  const char *first = args->count        ? args->items[0]
                      : cli_shared.image ? cli_shared.image
                      : cli_shared.text  ? cli_shared.text
                                         : "";
  if (args->count > 2)
    snprintf(out, size, "%s and %zu more", without_folder(first), args->count - 1);
  else if (args->count == 2)
    snprintf(out, size, "%s, %s", without_folder(first), without_folder(args->items[1]));
  else if (!args->count && cli_shared.image && cli_shared.text)
    snprintf(out, size, "%s, %s", without_folder(first), without_folder(cli_shared.text));
  else
    snprintf(out, size, "%s", without_folder(first));
  cgap_text_clean(out, ' ', "");
}
