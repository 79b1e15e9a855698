#include "cli/gates.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/output_file.h"
#include "cli/options.h"

enum { OLD, NEW, INPUTS };

/* folder/report.json of a folder. */
static cgap_status report_path(char out[CGAP_PATH], const char *given, cgap_error *error)
{
  struct stat facts;
  if (stat(given, &facts) == 0 && S_ISDIR(facts.st_mode))
    return cgap_folder_file(out, given, "report.json", error);
  if (snprintf(out, CGAP_PATH, "%s", given) < CGAP_PATH)
    return CGAP_OK;
  return cgap_fail(error, CGAP_FILE, "%.60s…: a path of %zu bytes; at most %d are read", given, strlen(given),
                   CGAP_PATH - 1);
}

static cgap_status read_report(cli_gates *g, cgap_error *error)
{
  char path[CGAP_PATH];
  json_error_t fault;
  size_t bytes = 0;
  char file[CGAP_PATH];
  const char *pair = cgap_report_pair(file, g->against);
  cgap_status status = report_path(path, pair ? file : g->against, error);
  if (status == CGAP_OK)
    status = cgap_comparison_init(&g->comparison, INPUTS, error);
  if (status != CGAP_OK)
    return status;
  char *text = cgap_read_text(path, &bytes);
  if (!text)
    return cgap_fail(error, CGAP_FILE, "%s: cannot be read; --against takes a report.json, or the folder that holds it",
                     path);
  json_t *json = json_loadb(text, bytes, 0, &fault);
  free(text);
  if (!json)
    return cgap_fail(error, CGAP_DATA, "%s: no JSON at line %d: %.200s; --against takes a report.json", path,
                     fault.line, fault.text);
  const json_t *report = pair ? cgap_report_of_pair(json, pair) : json;
  status = report ? cgap_comparison_report(&g->comparison, OLD, g->against, report, error)
                  : cgap_fail(error, CGAP_DATA, "%s: no pair %s; its \"pairs\" are named as in image-text", path, pair);
  json_decref(json);
  return status;
}

cgap_status cli_gates_read(cli_gates *out, const cli_list *fail_if, const char *against, cgap_error *error)
{
  const unsigned allowed = against ? CLI_TESTS_DIFFERENCE | CLI_TESTS_WORSE : 0;
  *out = (cli_gates){.against = against, .count = fail_if->count};
  cgap_status status = cli_thresholds(&out->tests, fail_if, allowed, error);
  bool worse = false;
  for (size_t i = 0; status == CGAP_OK && i < out->count; i++)
    worse = worse || out->tests[i].of == CGAP_TESTED_WORSE;
  if (status == CGAP_OK && against && !worse) /* there is a place for one more */
    status = cgap_threshold_parse(&out->tests[out->count++], "worse", error);
  return status == CGAP_OK && against ? read_report(out, error) : status;
}

void cli_gates_clear(cli_gates *g)
{
  free(g->tests);
  cgap_comparison_clear(&g->comparison);
  *g = (cli_gates){0};
}

cgap_status cli_gates_compare(cli_gates *g, const cgap_audit *audit, const char *name, cgap_error *error)
{
  if (!g->against)
    return CGAP_OK;
  const cgap_status status = cgap_comparison_audit(&g->comparison, NEW, name, audit, error);
  if (status != CGAP_OK)
    return status;
  g->comparison.names = audit->names; /* the report is of this audit */
  cgap_comparison_differences(&g->comparison, NEW);
  return CGAP_OK;
}

cgap_compared_pair cli_gates_pair(const cli_gates *g)
{
  return (cgap_compared_pair){.comparison = &g->comparison, .k = NEW, .corrected = true};
}

/* One test, against what it is of. */
static cgap_status run_test(const cli_gates *g, const cgap_threshold *test, const cgap_audit *audit, json_t *outcomes,
                            cgap_error *error)
{
  const cgap_compared_pair pair = cli_gates_pair(g);
  if (test->of == CGAP_TESTED_AFTER)
    return cgap_threshold_run(test, cgap_threshold_of_audit, audit, outcomes, NULL, NULL, error);
  return cgap_threshold_run(test, cgap_threshold_of_difference, &pair, outcomes, "against", g->against, error);
}

json_t *cli_gates_json(const cli_gates *g, const cgap_audit *audit)
{
  json_t *out = json_array();
  cgap_error error;
  for (size_t i = 0; out && i < g->count; i++)
    if (run_test(g, &g->tests[i], audit, out, &error) == CGAP_RESOURCE) {
      json_decref(out);
      return NULL;
    }
  return out;
}

int cli_gates_check(const cli_gates *g, const cgap_audit *audit, bool allow_missing)
{
  int code = CGAP_OK;
  for (size_t i = 0; i < g->count; i++) {
    cgap_error why = {0};
    const cgap_status status = run_test(g, &g->tests[i], audit, NULL, &why);
    code = cli_fail_if(code, &g->tests[i], status, &why, allow_missing);
  }
  return code;
}

int cli_keys(cgap_keys_of of, const cgap_audit *audit, const cgap_comparison *comparison, bool json)
{
  cgap_error error = {0};
  const cgap_status status = cgap_keys_print(of, audit, comparison, json, stdout, &error);
  return cli_printed(status, &error) == CGAP_OK ? CGAP_OK : cli_fail(&error);
}
