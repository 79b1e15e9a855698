/* What an audit writes: complete files, its folder, tables and scripts of figures, and what gnuplot makes of them. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/figures.h"
#include "report/gnuplot.h"
#include "report/page.h"
#include "report_support.h"
#include "support.h"

static bool there(const char *folder, const char *name)
{
  char path[CGAP_PATH];
  struct stat about;
  return cgap_folder_file(path, folder, name, NULL) == CGAP_OK && stat(path, &about) == 0 && about.st_size > 0;
}

Test(output, appears_only_when_complete)
{
  char folder[200], path[CGAP_PATH];
  cgap_error error;
  cgap_outfile file;
  support_directory(folder, sizeof folder);
  cr_assert_eq(cgap_folder_file(path, folder, "a.txt", &error), CGAP_OK);
  cr_assert_eq(cgap_write_file(path, "old", 3, &error), CGAP_OK);
  cr_assert_eq(cgap_outfile_open(&file, path, &error), CGAP_OK);
  fputs("new", file.stream);
  char *text = cgap_read_text(path, NULL);
  cr_expect_str_eq(text, "old");
  free(text);
  cr_assert_eq(cgap_outfile_close(&file, false, &error), CGAP_OK);
  cr_expect(access(file.temporary.path, F_OK) != 0);
  cr_assert_eq(cgap_outfile_open(&file, path, &error), CGAP_OK);
  fputs("newer", file.stream);
  cr_assert_eq(cgap_outfile_close(&file, true, &error), CGAP_OK);
  size_t bytes;
  text = cgap_read_text(path, &bytes);
  cr_expect_str_eq(text, "newer");
  cr_expect_eq(bytes, 5);
  free(text);
  cr_assert_eq(cgap_outfile_open(&file, "/dev/full", &error), CGAP_OK);
  unlink(file.temporary.path);
  fclose(file.stream);
  file.stream = fopen("/dev/full", "wb");
  fputs("no room", file.stream);
  cr_expect_eq(cgap_outfile_close(&file, true, &error), CGAP_RESOURCE);
  support_remove(folder);
}

Test(output, folders_are_made_and_taken_back)
{
  char base[200], deep[300], inside[400];
  cgap_error error;
  cgap_folder folder;
  support_directory(base, sizeof base);
  snprintf(deep, sizeof deep, "%s/a/b/c/", base);
  cr_assert_eq(cgap_folder_open(&folder, deep, &error), CGAP_OK);
  cr_expect_eq(access(deep, W_OK), 0);
  cgap_folder_abandon(&folder);
  snprintf(deep, sizeof deep, "%s/a", base);
  cr_expect_neq(access(deep, F_OK), 0);
  cr_expect_eq(access(base, F_OK), 0);
  snprintf(inside, sizeof inside, "%s/kept", base);
  cr_assert_eq(cgap_write_file(inside, "x", 1, &error), CGAP_OK);
  cr_assert_eq(cgap_folder_open(&folder, base, &error), CGAP_OK);
  cgap_folder_abandon(&folder);
  cr_expect_eq(access(inside, F_OK), 0, "abandoning a folder that was there before must leave it");
  cr_expect_eq(cgap_folder_open(&folder, inside, &error), CGAP_FILE);
  cr_expect_not_null(strstr(error.message, "is a file"));
  cr_expect_eq(cgap_folder_open(&folder, "/proc/contragap", &error), CGAP_FILE);
  support_remove(base);
}

static size_t lines_of(const char *folder, const char *name, char sign)
{
  char path[CGAP_PATH];
  size_t count = 0;
  cr_assert_eq(cgap_folder_file(path, folder, name, NULL), CGAP_OK);
  char *text = cgap_read_text(path, NULL);
  cr_assert_not_null(text, "%s", path);
  for (char *line = text; *line; line += strcspn(line, "\n") + 1)
    count += (*line == '#') == (sign == '#');
  free(text);
  return count;
}

/* Drawn after others by one gnuplot, of any format and look, each SVG has the bytes that a gnuplot of its own gives. */
static void expect_same_alone(const char *folder)
{
  static const struct {
    const char *name;
    cgap_plot_job job;
  } drawn[] = {{"cosines", {"svg", "light", NULL, 0}},  {"dimensions", {"svg", "page", "640,460", 0}},
               {"scatter", {"svg", "dark", NULL, 0}},   {"cosines", {"png", "light", NULL, 0}},
               {"variance", {"svg", "page", NULL, 0}},  {"cosines", {"pdf", "paper", "386,0", 0}},
               {"cosines", {"svg", "page", NULL, 0}},   {"recall", {"svg", "light", NULL, 0}},
               {"plane", {"png", "dark", "400,300", 0}}};
  enum { COUNT = sizeof drawn / sizeof *drawn };
  char *text[COUNT];
  cgap_error error = {0};
  for (size_t i = 0; i < COUNT; i++)
    text[i] = cgap_gnuplot_text(folder, drawn[i].name, &drawn[i].job, &error);
  for (size_t i = 0; i < COUNT; i++) {
    cgap_gnuplot_close();
    char *alone = cgap_gnuplot_text(folder, drawn[i].name, &drawn[i].job, &error);
    cr_assert(text[i] && alone, "%s", error.message);
    cr_expect(strcmp(drawn[i].job.format, "svg") != 0 || strcmp(text[i], alone) == 0, "%s as %s, %s", drawn[i].name,
              drawn[i].job.format, drawn[i].job.theme);
    free(text[i]);
    free(alone);
  }
  cgap_gnuplot_close();
}

Test(folder, holds_tables_scripts_and_pictures)
{
  static const struct {
    const char *name;
    size_t rows;
  } tables[] = {{"scatter", 40}, {"cosines", 200}, {"variance", 16}, {"dimensions", 16}, {"plane", 4}, {"recall", 14}};
  char folder[200], figures[300], file[100];
  cgap_audit audit;
  cgap_error error;
  support_directory(folder, sizeof folder);
  json_t *json = report_support_json(&audit, CGAP_HAS_PAIRS);
  cgap_report report = {.audit = &audit, .json = json, .source = "a \"quoted\" <b>_name\t.h5"};
  cr_assert_eq(cgap_report_write(&report, folder, &error), CGAP_OK, "%s", error.message);
  cr_expect(there(folder, "report.json"));
  cr_expect_eq(lines_of(folder, "rows.tsv", ' '), 1 + 40);
  snprintf(figures, sizeof figures, "%s/figures", folder);
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    snprintf(file, sizeof file, "%s.tsv", tables[i].name);
    cr_expect_eq(lines_of(figures, file, ' '), 1 + tables[i].rows, "%s", file);
  }
  cr_expect(there(figures, "style.gp"));
  if (cgap_gnuplot_found()) {
    cr_assert_eq(cgap_report_render(&report, folder, NULL, &error), CGAP_OK);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
      snprintf(file, sizeof file, "%s.svg", tables[i].name);
      cr_expect(there(figures, file), "%s was not drawn", file);
    }
    expect_same_alone(figures);
  }
  json_decref(json);
  report_support_clear(&audit);
  support_remove(folder);
}

/* What gnuplot makes of the table is no error and has every word. */
static void draws(const char *folder, const char *name, const char *word)
{
  const cgap_plot_job drawing = {.format = "svg", .theme = "light"};
  cgap_error error = {0};
  if (!cgap_gnuplot_found())
    return;
  char *svg = cgap_gnuplot_text(folder, name, &drawing, &error);
  cr_expect(svg && strstr(svg, word), "%s: no '%s'; %s", name, word, error.message);
  free(svg);
}

/* In place of gnuplot, first on PATH: a script. */
static void put_gnuplot(const char *folder, const char *script)
{
  char path[300], search[4200];
  snprintf(path, sizeof path, "%s/gnuplot", folder);
  FILE *file = fopen(path, "w");
  cr_assert(file && fputs(script, file) >= 0 && fclose(file) == 0 && chmod(path, 0755) == 0);
  snprintf(search, sizeof search, "%s:/usr/bin:/bin", folder);
  cr_assert_eq(setenv("PATH", search, 1), 0);
}

static size_t files_in(const char *folder)
{
  size_t count = 0;
  DIR *list = opendir(folder);
  while (list && readdir(list))
    count++;
  if (list)
    closedir(list);
  return count;
}

Test(figures, a_gnuplot_that_hangs_is_ended, .timeout = 30)
{
  static const cgap_plot_job job = {.format = "svg", .theme = "light", .seconds_max = 0.3};
  char folder[200];
  cgap_error error = {0};
  support_directory(folder, sizeof folder);
  put_gnuplot(folder, "#!/bin/sh\necho begins\nexec sleep 1000\n");
  const size_t before = files_in(folder);
  cr_expect_eq(cgap_gnuplot_render(folder, "scatter", &job, &error), CGAP_FILE);
  cr_expect(strstr(error.message, "scatter.gp: gnuplot did not end within 0.3 seconds"), "%s", error.message);
  cr_expect_eq(files_in(folder), before);
  cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a child is left");
  /* nor is it waited for again */
  put_gnuplot(folder, "#!/bin/sh\necho drawn >$5\n");
  cr_expect_eq(cgap_gnuplot_render(folder, "cosines", &job, &error), CGAP_USAGE);
  support_remove(folder);
}

/* In place of gnuplot: draws figures as they come, notes its start in the file starts, and does `third` in place of
 * drawing the figure c. */
static void put_drawing_gnuplot(const char *folder, const char *third)
{
  char script[600];
  snprintf(script, sizeof script,
           "#!/bin/sh\n"
           "echo start >>starts\n"
           "while read -r command script _ picture _; do\n"
           "  case $command$script in\n"
           "  *c.gp*) %s ;;\n"
           "  call*) drawn=${picture#?} drawn=${drawn%%?} && echo picture >\"$drawn\" ;;\n"
           "  print*) echo \"drew $drawn\" ;;\n"
           "  esac\n"
           "done <\"$2\"\n",
           third);
  put_gnuplot(folder, script);
}

static const char *const FIVE[] = {"a", "b", "c", "d", "e"};
static char warned[600];

static void keep_warning(const char *line)
{
  snprintf(warned + strlen(warned), sizeof warned - strlen(warned), "%s\n", line);
}

Test(figures, a_gnuplot_that_dies_at_the_third_figure_draws_the_others, .timeout = 30)
{
  char folder[200];
  cgap_error error = {0};
  support_directory(folder, sizeof folder);
  put_drawing_gnuplot(folder, "kill -9 $$");
  cr_expect_eq(cgap_figures_render(folder, FIVE, 5, keep_warning, &error), CGAP_OK, "%s", error.message);
  cgap_gnuplot_close();
  cr_expect(strstr(warned, "/c.gp: gnuplot was ended by signal 9"), "%s", warned);
  cr_expect_eq(strchr(warned, '\n') - warned, (ptrdiff_t)strlen(warned) - 1, "several lines: %s", warned);
  cr_expect(there(folder, "a.svg") && there(folder, "b.svg") && there(folder, "d.svg") && there(folder, "e.svg"));
  /* one for a, b and c, one for c alone, one for d and e; and no picture or temporary file of c */
  cr_expect_eq(lines_of(folder, "starts", ' '), 3);
  cr_expect_eq(files_in(folder), 2 + 4 + 2);
  cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a child is left");
  support_remove(folder);
}

Test(figures, a_gnuplot_that_hangs_at_the_third_figure_is_ended, .timeout = 30)
{
  static const cgap_plot_job job = {.format = "svg", .theme = "light", .seconds_max = 0.5};
  static const cgap_status WANT[] = {CGAP_OK, CGAP_OK, CGAP_FILE, CGAP_USAGE, CGAP_USAGE};
  char folder[200];
  support_directory(folder, sizeof folder);
  put_drawing_gnuplot(folder, "exec sleep 1000");
  for (size_t k = 0; k < 5; k++) {
    cgap_error error = {0};
    cr_expect_eq(cgap_gnuplot_render(folder, FIVE[k], &job, &error), WANT[k], "%s: %s", FIVE[k], error.message);
    cr_expect(k != 2 || strstr(error.message, "/c.gp: gnuplot did not end within 0.5 seconds"), "%s", error.message);
  }
  cr_expect_eq(lines_of(folder, "starts", ' '), 1);
  cr_expect_eq(files_in(folder), 2 + 2 + 2);
  cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a child is left");
  support_remove(folder);
}

Test(figures, a_missing_gnuplot_is_said_once)
{
  char folder[200];
  cgap_error error = {0};
  support_directory(folder, sizeof folder);
  setenv("PATH", "/nowhere", 1);
  cr_expect_eq(cgap_figures_render(folder, FIVE, 5, keep_warning, &error), CGAP_OK, "%s", error.message);
  cr_expect_eq(strchr(warned, '\n') - warned, (ptrdiff_t)strlen(warned) - 1, "several lines: %s", warned);
  cr_expect(strstr(warned, "gnuplot is not installed"), "%s", warned);
  cr_expect_eq(files_in(folder), 2);
  support_remove(folder);
}

/* What a name may hold is no command, and no end of a string. */
Test(figures, a_name_of_any_letters_is_drawn)
{
  static const char NAME[] = "it's \"odd\" `touch x` \\ é\nb", SCRIPT[] = "set terminal svg\nset output ARG2\nplot x\n";
  static const cgap_plot_job job = {.format = "svg", .theme = "light"};
  char folder[200], file[300], path[CGAP_PATH];
  cgap_error error = {0};
  if (!cgap_gnuplot_found())
    cr_skip_test("gnuplot is not installed");
  support_directory(folder, sizeof folder);
  snprintf(file, sizeof file, "%s.gp", NAME);
  cr_assert_eq(cgap_folder_file(path, folder, file, &error), CGAP_OK);
  cr_assert_eq(cgap_write_file(path, SCRIPT, sizeof SCRIPT - 1, &error), CGAP_OK);
  cr_expect_eq(cgap_gnuplot_render(folder, NAME, &job, &error), CGAP_OK, "%s", error.message);
  cr_expect_eq(files_in(folder), 2 + 2);
  support_remove(folder);
}

/* A script in gnuplot's place that starts another process, whose number it leaves in the file child. */
static void expect_child_ended(const char *folder)
{
  char path[300];
  int child = 0, status = 0;
  snprintf(path, sizeof path, "%s/child", folder);
  FILE *file = fopen(path, "r");
  cr_assert(file && fscanf(file, "%d", &child) == 1);
  fclose(file);
  for (int turn = 0; turn < 200 && status == 0; turn++) { /* it is ours once its parent has ended */
    usleep(20000);
    if (waitpid(child, &status, WNOHANG) < 0)
      break;
  }
  cr_expect(WIFSIGNALED(status), "the child of gnuplot goes on");
  (void)kill(child, SIGKILL);
}

Test(figures, a_gnuplot_that_closes_its_output_is_ended_with_its_children, .timeout = 30)
{
  static const cgap_plot_job job = {.format = "svg", .theme = "light", .seconds_max = 0.5};
  char folder[200];
  cgap_error error = {0};
  support_directory(folder, sizeof folder);
  cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  put_gnuplot(folder, "#!/bin/sh\nexec >/dev/null 2>&1\nsleep 1000 &\necho $! >child\nwait\n");
  cr_expect_eq(cgap_gnuplot_render(folder, "scatter", &job, &error), CGAP_FILE);
  cr_expect(strstr(error.message, "scatter.gp: gnuplot did not end within 0.5 seconds"), "%s", error.message);
  expect_child_ended(folder);
  support_remove(folder);
}

static void *stop_later(void *folder)
{
  char path[300];
  struct stat facts;
  snprintf(path, sizeof path, "%s/child", (char *)folder);
  while (stat(path, &facts) != 0 || facts.st_size == 0)
    usleep(10000);
  cgap_gnuplot_stop();
  return NULL;
}

Test(figures, a_gnuplot_that_ignores_signals_is_stopped_with_its_children, .timeout = 30)
{
  static const cgap_plot_job job = {.format = "svg", .theme = "light", .seconds_max = 20};
  char folder[200];
  cgap_error error = {0};
  pthread_t other;
  support_directory(folder, sizeof folder);
  cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  put_gnuplot(folder, "#!/bin/sh\ntrap '' TERM INT\nsleep 1000 &\necho $! >child\nwait\n");
  cr_assert_eq(pthread_create(&other, NULL, stop_later, folder), 0);
  cr_expect_eq(cgap_gnuplot_render(folder, "scatter", &job, &error), CGAP_INTERRUPTED, "%s", error.message);
  cr_assert_eq(pthread_join(other, NULL), 0);
  expect_child_ended(folder);
  support_remove(folder);
}

Test(figures, before_and_after_on_the_same_axes)
{
  char folder[200];
  cgap_audit before, after;
  cgap_error error;
  support_directory(folder, sizeof folder);
  report_support_fill(&before, CGAP_HAS_PAIRS, 30, 40, 16);
  report_support_fill(&after, CGAP_HAS_PAIRS, 30, 40, 8);
  after.gap.corrected_distance = (cgap_scalar){.value = 0.1234, .lo = NAN, .hi = NAN};
  cr_assert_eq(cgap_before_after_write(&before, &after, "pairs.h5", folder, &error), CGAP_OK, "%s", error.message);
  cr_expect_eq(lines_of(folder, "scatter_before_after.tsv", ' '), 1 + 2 * 40);
  cr_expect_eq(lines_of(folder, "cosines_before_after.tsv", ' '), 1 + 2 * 200);
  cr_expect_eq(lines_of(folder, "variance_before_after.tsv", ' '), 1 + 16 + 8);
  cr_expect_eq(lines_of(folder, "dimensions_before_after.tsv", ' '), 1 + 16 + 8);
  for (size_t i = 0; i < CGAP_BEFORE_AFTER; i++)
    draws(folder, cgap_before_after[i], "before");
  draws(folder, "scatter_before_after", "0.123 after");
  report_support_clear(&before);
  report_support_clear(&after);
  support_remove(folder);
}

Test(figures, curves_of_a_race_and_of_forty_seeds)
{
  enum { SEEDS = 40, POINTS = 5 };
  static const double x[POINTS] = {16, 32, 64, 128, 256}, y[POINTS] = {0.5, 0.4, NAN, 0.2, 0.1};
  char folder[200], series[SEEDS][20];
  cgap_curve curves[SEEDS];
  cgap_error error;
  cgap_curves_about about = {
    .title = "A title", .shown = "a number", .x = "dimension", .log_x = true, .source = "x.h5"};
  support_directory(folder, sizeof folder);
  for (int s = 0; s < SEEDS; s++) {
    snprintf(series[s], sizeof series[s], "seed %d", s);
    curves[s] = (cgap_curve){
      .panel = s % 2 ? "recall@1" : "centroid distance", .series = series[s], .x = x, .y = y, .count = POINTS};
  }
  cr_assert_eq(cgap_curves_write(folder, "sweep", curves, SEEDS, &about, &error), CGAP_OK, "%s", error.message);
  cr_expect_eq(lines_of(folder, "sweep.tsv", ' '), 1 + SEEDS * POINTS);
  cr_expect(there(folder, "panels.gp"), "what sweep.gp calls must be in the same folder");
  draws(folder, "sweep", "40 runs");
  draws(folder, "sweep", "recall@1");
  cr_assert_eq(cgap_curves_write(folder, "race", curves, 4, &about, &error), CGAP_OK);
  draws(folder, "race", "seed 3");
  about.log_x = false;
  cr_assert_eq(cgap_curves_write(folder, "history", curves, 1, &about, &error), CGAP_OK);
  draws(folder, "history", "centroid distance");
  support_remove(folder);
}

Test(figures, a_map_names_its_cells)
{
  static const char *const columns[] = {"16", "32", "64"}, *const rows[] = {"0.01", "0.02"};
  static const double value[] = {0.1, 0.2, 0.3, 0.456, NAN, 0.6};
  const cgap_map map = {.x = "dimension",
                        .y = "temperature",
                        .measure = "centroid distance",
                        .column = columns,
                        .row = rows,
                        .columns = 3,
                        .rows = 2,
                        .value = value};
  const cgap_curves_about about = {.title = "A map", .source = "x.h5"};
  char folder[200];
  cgap_error error;
  support_directory(folder, sizeof folder);
  cr_assert_eq(cgap_map_write(folder, &map, &about, &error), CGAP_OK, "%s", error.message);
  cr_expect_eq(lines_of(folder, "map.tsv", ' '), 1 + 6);
  draws(folder, "map", "0.456");
  draws(folder, "map", "temperature");
  support_remove(folder);
}

Test(gnuplot, a_failure_leaves_no_file_and_says_why)
{
  char folder[200], path[CGAP_PATH];
  cgap_error error;
  const cgap_plot_job drawing = {.format = "svg", .theme = "light"};
  support_directory(folder, sizeof folder);
  cr_assert_eq(cgap_folder_file(path, folder, "bad.gp", &error), CGAP_OK);
  cr_assert_eq(cgap_write_file(path, "set output ARG2\nplot nothing at all\n", 36, &error), CGAP_OK);
  cgap_status status = cgap_gnuplot_render(folder, "bad", &drawing, &error);
  if (cgap_gnuplot_found()) {
    cr_expect_eq(status, CGAP_FILE);
    cr_expect_not_null(strstr(error.message, "bad.gp"));
    cr_expect_not_null(strstr(error.message, "line 2"), "%s", error.message);
  }
  cr_assert_eq(unlink(path), 0);
  cr_expect_eq(rmdir(folder), 0, "something was left: %s", strerror(errno));
  setenv("PATH", "/nowhere", 1);
  cr_expect_eq(cgap_gnuplot_render("/tmp", "bad", &drawing, &error), CGAP_USAGE);
  cr_expect_not_null(strstr(error.message, "gnuplot-nox"));
}
