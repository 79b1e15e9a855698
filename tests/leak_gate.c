/* The leak gate: simulate, audit, free, in a plain main. LeakSanitizer does not fail a Criterion program;
 * this one it does. Errors on the way are freed as well as results. */
#include "simulate/simulate.h"

#include <stdio.h>

static int fail(const char *what, const cgap_error *error)
{
  fprintf(stderr, "%s: %s\n", what, error->message);
  return 1;
}

static int in_memory(const cgap_simulate_options *options)
{
  cgap_error error = {0};
  cgap_simulation simulation;
  if (cgap_simulate(&simulation, options, &error))
    return fail("simulate", &error);
  cgap_data data = cgap_simulation_data(&simulation);
  cgap_audit_options audit_options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_audit audit;
  cgap_status status = cgap_audit_run(&audit, &data, &audit_options, &error);
  cgap_audit_clear(&audit);
  cgap_simulation_clear(&simulation);
  return status ? fail("audit", &error) : 0;
}

static int through_a_file(const cgap_simulate_options *options, const char *path)
{
  cgap_error error = {0};
  if (cgap_simulate_file(path, options, CGAP_FLOAT16, "leak_gate", (cgap_progress){0}, &error))
    return fail("simulate", &error);
  cgap_input_options input = CGAP_INPUT_OPTIONS_INIT;
  input.files = &path;
  input.file_count = 1;
  cgap_dataset *dataset = NULL;
  cgap_audit_options audit_options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_audit audit;
  if (cgap_dataset_open(&dataset, &input, &error))
    return fail("open", &error);
  cgap_status status = cgap_audit_run(&audit, cgap_dataset_data(dataset), &audit_options, &error);
  cgap_audit_clear(&audit);
  cgap_dataset_close(dataset);
  (void)remove(path);
  return status ? fail("audit", &error) : 0;
}

/* Both must fail, and leave nothing behind. */
static int refusals(const char *path)
{
  cgap_error error = {0};
  cgap_simulate_options bad = CGAP_SIMULATE_OPTIONS_INIT;
  bad.dim = 1;
  cgap_input_options input = CGAP_INPUT_OPTIONS_INIT;
  input.files = &path;
  input.file_count = 1;
  cgap_dataset *dataset = NULL;
  bool refused = cgap_simulate_file(path, &bad, CGAP_FLOAT16, "", (cgap_progress){0}, &error) == CGAP_USAGE;
  refused = cgap_dataset_open(&dataset, &input, &error) == CGAP_FILE && refused;
  cgap_dataset_close(dataset);
  return refused ? 0 : fail("not refused", &error);
}

int main(int argc, char **argv)
{
  const char *path = argc > 1 ? argv[1] : "leak_gate.h5";
  cgap_simulate_options pairs = CGAP_SIMULATE_OPTIONS_INIT, captions = pairs, classes = pairs;
  pairs.images = 300;
  captions.images = 120;
  captions.captions_most = 4;
  classes.images = 200;
  classes.classes = 6;
  (void)remove(path);
  return in_memory(&pairs) | in_memory(&captions) | in_memory(&classes) | through_a_file(&classes, path) |
         through_a_file(&captions, path) | refusals(path);
}
