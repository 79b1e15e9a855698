/* The library changes nothing of its caller's process: numbers of threads, locale, HDF5's error handler; and calls in
 * several threads at once give the bits of calls one after the other. */
#include "base/output_file.h"
#include "compare.h"
#include "run_audit.h"
#include "simulate/simulate.h"
#include "support.h"

#include <cblas.h>
#include <criterion/criterion.h>
#include <hdf5.h>
#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLERS = 3, IMAGES = 300, D = 24, TIMES = 2 };

/* ---------------------------------------------------------------- threads */

/* What a caller has the library do, and what came out. */
typedef struct process_job {
  char path[300]; /* of a file with the same rows, where HDF5 may be called from several threads */
  cgap_simulation rows;
  int threads, openmp; /* of the audit; of the caller's own regions */
  cgap_audit audit, of_file;
  float *head, *method; /* (images, D) the images through a trained head, through CGAP_PROCRUSTES */
  int openmp_after;
} process_job;

static process_job make_job(int k, const char *folder)
{
  process_job j = {.threads = k + 1, .openmp = 2 + k};
  cgap_simulate_options o = CGAP_SIMULATE_OPTIONS_INIT;
  cgap_error error = {0};
  hbool_t safe = false;
  o.images = IMAGES + 20 * (size_t)k;
  o.dim = D;
  o.seed = (uint64_t)k;
  o.captions_most = 2;
  o.classes = 4;
  cr_assert_eq(cgap_simulate(&j.rows, &o, &error), CGAP_OK, "%s", error.message);
  cr_assert_geq(H5is_library_threadsafe(&safe), 0);
  if (safe) {
    snprintf(j.path, sizeof j.path, "%s/%d.h5", folder, k);
    cr_assert_eq(cgap_simulate_file(j.path, &o, CGAP_FLOAT32, "test", (cgap_progress){0}, &error), CGAP_OK, "%s",
                 error.message);
  }
  j.head = support_alloc(j.rows.images * D, sizeof *j.head);
  j.method = support_alloc(j.rows.images * D, sizeof *j.method);
  return j;
}

static void free_job(process_job *j)
{
  cgap_simulation_clear(&j->rows);
  cgap_audit_clear(&j->audit);
  cgap_audit_clear(&j->of_file);
  free(j->head);
  free(j->method);
}

/* Criterion's assertions belong to the main thread: a worker that fails ends the test. */
static void must(cgap_status status, const cgap_error *error)
{
  if (status != CGAP_OK) {
    fprintf(stderr, "refused: %s\n", error->message);
    abort();
  }
}

static void apply(float *out, cgap_head *head, const cgap_source *source, int threads)
{
  cgap_error error = {0};
  must(cgap_head_apply_source(head, CGAP_IMAGE_ROWS, source, out, threads, (cgap_progress){0}, &error), &error);
  cgap_head_close(head);
}

static void audit_file(process_job *j)
{
  const char *files[] = {j->path};
  const cgap_input_options input = {.files = files, .file_count = 1, .threads = j->threads};
  cgap_dataset *file = NULL;
  cgap_error error = {0};
  cgap_audit_clear(&j->of_file);
  must(cgap_dataset_open(&file, &input, &error), &error);
  j->of_file = run_audit_data(cgap_dataset_data(file), 0.01, j->threads, 0);
  cgap_dataset_close(file);
}

static void *run_job(void *job_)
{
  process_job *j = job_;
  const cgap_data data = cgap_simulation_data(&j->rows);
  cgap_train_options o = CGAP_TRAIN_OPTIONS_INIT;
  cgap_error error = {0};
  o.epochs = 2;
  o.threads = j->threads;
  omp_set_num_threads(j->openmp);
  for (int t = 0; t < TIMES; t++) {
    cgap_head *head = NULL;
    cgap_audit_clear(&j->audit);
    j->audit = run_audit_data(&data, 0.01, j->threads, 0);
    must(cgap_train_run(&head, &data, &o, NULL, &error), &error);
    apply(j->head, head, &data.image, j->threads);
    must(cgap_gap_method_fit(&head, CGAP_PROCRUSTES, 1, &data, j->threads, (cgap_progress){0}, &error), &error);
    apply(j->method, head, &data.image, j->threads);
    if (j->path[0])
      audit_file(j);
  }
  j->openmp_after = omp_get_max_threads();
  return NULL;
}

static void expect_same(const char *where, const process_job *got, const process_job *want)
{
  const size_t bytes = want->rows.images * D * sizeof(float);
  cr_expect_eq(compare_bits(where, &got->audit, &want->audit), 0);
  cr_expect_eq(memcmp(got->head, want->head, bytes), 0, "%s: a trained head", where);
  cr_expect_eq(memcmp(got->method, want->method, bytes), 0, "%s: a training-free method", where);
  if (want->path[0])
    cr_expect_eq(compare_bits(where, &got->of_file, &want->of_file), 0);
  cr_expect_eq(got->openmp_after, got->openmp, "%s: OpenMP had %d threads, now %d", where, got->openmp,
               got->openmp_after);
}

/* In POSIX threads of the caller, and in a parallel region of its own. */
Test(process, three_callers_at_once_get_what_one_gets)
{
  enum { BLAS = 3, OPENMP = 2 };
  char folder[256];
  process_job alone[CALLERS], posix[CALLERS], region[CALLERS];
  pthread_t thread[CALLERS];
  support_directory(folder, sizeof folder);
  for (int k = 0; k < CALLERS; k++) {
    alone[k] = make_job(k, folder);
    posix[k] = make_job(k, folder);
    region[k] = make_job(k, folder);
    (void)run_job(&alone[k]);
  }
  openblas_set_num_threads(BLAS);
  omp_set_num_threads(OPENMP);
  for (int k = 0; k < CALLERS; k++)
    cr_assert_eq(pthread_create(&thread[k], NULL, run_job, &posix[k]), 0);
  for (int k = 0; k < CALLERS; k++)
    cr_assert_eq(pthread_join(thread[k], NULL), 0);
  cr_expect_eq(openblas_get_num_threads(), BLAS, "OpenBLAS has %d threads", openblas_get_num_threads());
  cr_expect_eq(omp_get_max_threads(), OPENMP, "OpenMP has %d threads", omp_get_max_threads());
#pragma omp parallel for num_threads(CALLERS) schedule(static, 1)
  for (int k = 0; k < CALLERS; k++)
    (void)run_job(&region[k]);
  cr_expect_eq(openblas_get_num_threads(), BLAS, "OpenBLAS has %d threads", openblas_get_num_threads());
  cr_expect_eq(omp_get_max_threads(), OPENMP, "OpenMP has %d threads", omp_get_max_threads());
  for (int k = 0; k < CALLERS; k++) {
    expect_same("posix threads", &posix[k], &alone[k]);
    expect_same("a parallel region", &region[k], &alone[k]);
    free_job(&alone[k]);
    free_job(&posix[k]);
    free_job(&region[k]);
  }
  support_remove(folder);
}

/* The caller's numbers do not show in the results, and are as they were after a call that fails. */
Test(process, numbers_of_threads_stay_and_do_not_matter)
{
  static const int settings[][2] = {{1, 1}, {4, 1}, {1, 4}, {3, 2}}; /* OpenBLAS, OpenMP */
  process_job first = {0};
  char folder[256];
  support_directory(folder, sizeof folder);
  for (size_t s = 0; s < sizeof settings / sizeof *settings; s++) {
    process_job j = make_job(0, folder);
    j.openmp = settings[s][1];
    openblas_set_num_threads(settings[s][0]);
    (void)run_job(&j);
    cr_expect_eq(openblas_get_num_threads(), settings[s][0]);
    if (s > 0)
      expect_same("other numbers of threads", &j, &first);
    cgap_data data = cgap_simulation_data(&j.rows);
    const cgap_audit_options o = CGAP_AUDIT_OPTIONS_INIT;
    cgap_audit audit;
    j.rows.image[0] = NAN;
    cr_expect_eq(cgap_audit_run(&audit, &data, &o, NULL), CGAP_DATA);
    cr_expect_eq(openblas_get_num_threads(), settings[s][0]);
    cr_expect_eq(omp_get_max_threads(), settings[s][1]);
    if (s == 0)
      first = j;
    else
      free_job(&j);
  }
  free_job(&first);
  support_remove(folder);
}

/* OpenMP's threads do not survive a fork; a child that asks for one thread needs none of them. */
Test(process, a_forked_child_audits_on_one_thread)
{
  enum { LONG = 60 };
  char folder[256];
  int status = 0;
  support_directory(folder, sizeof folder);
  process_job j = make_job(1, folder);
  const cgap_data data = cgap_simulation_data(&j.rows);
  j.audit = run_audit_data(&data, 0.01, 2, 0);
  const pid_t child = fork();
  if (child == 0) {
    alarm(LONG);
    cgap_audit audit = run_audit_data(&data, 0.01, 1, 0);
    _exit(compare_bits("a child", &audit, &j.audit) != 0);
  }
  cr_assert_gt(child, 0);
  cr_assert_eq(waitpid(child, &status, 0), child);
  cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %x", (unsigned)status);
  free_job(&j);
  support_remove(folder);
}

/* ---------------------------------------------------------------- locale */

/* A locale whose decimal point is a comma, made in the folder; false where this machine cannot make one. */
static bool set_comma_locale(const char *folder)
{
  char command[400], text[8];
  snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' >/dev/null 2>&1", folder);
  if (system(command) != 0 || setenv("LOCPATH", folder, 1) != 0 || !setlocale(LC_ALL, "de_DE.UTF-8"))
    return false;
  snprintf(text, sizeof text, "%.1f", 0.5);
  cr_assert_str_eq(text, "0,5");
  return true;
}

/* The options that head.h5 says it was trained with. */
static json_t *options_of(const char *path)
{
  char *text = NULL;
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), attribute = H5Aopen(file, "options", H5P_DEFAULT);
  hid_t type = H5Aget_type(attribute);
  const size_t size = H5Tget_size(type);
  if (H5Tis_variable_str(type) > 0) {
    cr_assert_geq(H5Aread(attribute, type, &text), 0);
  } else {
    text = support_alloc(size + 1, 1);
    cr_assert_geq(H5Aread(attribute, type, text), 0);
  }
  json_t *options = json_loads(text, 0, NULL);
  cr_expect_not_null(options, "no JSON: %s", text);
  free(text);
  H5Tclose(type);
  H5Aclose(attribute);
  H5Fclose(file);
  return options;
}

/* A caller with a decimal comma gets files and messages with a point, and keeps its comma. */
Test(process, a_comma_locale_stays_out_of_files_and_messages)
{
  char folder[256], path[300], text[8];
  cgap_train_options o = CGAP_TRAIN_OPTIONS_INIT;
  cgap_head *head = NULL;
  cgap_error error = {0};
  support_directory(folder, sizeof folder);
  if (!set_comma_locale(folder)) {
    support_remove(folder);
    cr_skip_test("no localedef with de_DE (Debian: locales)");
  }
  process_job j = make_job(0, folder);
  const cgap_data data = cgap_simulation_data(&j.rows);
  o.epochs = 1;
  o.temperature = 0.015;
  cr_assert_eq(cgap_train_run(&head, &data, &o, NULL, &error), CGAP_OK, "%s", error.message);
  snprintf(path, sizeof path, "%s/head.h5", folder);
  cr_assert_eq(cgap_head_write(head, path, &error), CGAP_OK, "%s", error.message);
  json_t *options = options_of(path);
  cr_expect_eq(json_number_value(json_object_get(options, "temperature")), o.temperature);
  cr_expect_eq(json_number_value(json_object_get(options, "test")), o.test);
  o.temperature = 0.0025;
  cr_expect_eq(cgap_train_check(&o, D, &error), CGAP_USAGE);
  cr_expect_not_null(strstr(error.message, "0.0025"), "%s", error.message);
  snprintf(text, sizeof text, "%.1f", 0.5);
  cr_expect_str_eq(text, "0,5", "the caller's locale is as it was");
  cr_expect_eq(uselocale((locale_t)0), LC_GLOBAL_LOCALE);
  json_decref(options);
  cgap_head_close(head);
  free_job(&j);
  support_remove(folder);
}

/* ---------------------------------------------------------------- memory */

/* jansson drops a value that it has no memory for; what is written afterwards would lack it, and is refused. */
Test(process, json_that_lacks_a_value_is_not_written)
{
#if !defined(__SANITIZE_ADDRESS__) /* which ends a program that asks for too much */
  json_t *root = json_object();
  cgap_json_watch_memory();
  char *text = cgap_json_text(root, JSON_COMPACT);
  cr_assert_str_eq(text, "{}");
  free(text);
  cr_expect_neq(json_object_set_new(root, "name", json_stringn_nocheck("name", SIZE_MAX / 4)), 0);
  cr_expect_null(cgap_json_text(root, JSON_COMPACT));
  json_decref(root);
#endif
}
