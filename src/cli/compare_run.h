/* contragap compare, in parts: what is compared and of which rows it is; the figures and forms of two inputs, and of
 * more. */
#ifndef CLI_COMPARE_RUN_H
#define CLI_COMPARE_RUN_H

#include "base/output_file.h"
#include "cli/options.h"
#include "head/evaluation/comparison.h"
#include "io/find/dataset.h"
#include "report/json.h"
#include "report/overview.h"

/* One input: a report, or embeddings in one file or in two arrays. */
typedef struct compare_input {
  const char *given;    /* the argument */
  const char *source;   /* without NAME=; borrowed from the argument */
  char name[CGAP_PATH]; /* as given, or the shortest tail of the path that is no other's */
  bool is_named;
  char first[CGAP_PATH], second[CGAP_PATH]; /* "": no arrays A,B */
  cgap_dataset *dataset;                    /* NULL: a report */
  cgap_audit audit;
} compare_input;

typedef struct compare_run {
  size_t count;
  compare_input *item;
  bool independent; /* the inputs are of different data, says the user */
  cgap_comparison comparison;
  cgap_threshold *thresholds;
  cgap_folder folder;
  double start;
} compare_run;

/* Reads the arguments [NAME=]SOURCE and [NAME=]IMAGES.npy,TEXTS.npy into run->item, which is the caller's (free) also
 * on failure; opens nothing. */
CGAP_MUST_CHECK cgap_status compare_arguments(compare_run *run, const cli_args *args, cgap_error *error);

/* Measures or reads input k. */
CGAP_MUST_CHECK cgap_status compare_read(compare_run *run, size_t k, cgap_error *error);

/* Differences of all inputs to the first, paired where their rows are the same. */
CGAP_MUST_CHECK cgap_status compare_with_first(compare_run *run, cgap_error *error);

/* relation (count, count): whose rows are whose, in both directions. */
CGAP_MUST_CHECK cgap_status compare_relate_all(cgap_rows_relation *relation, const compare_run *run, cgap_error *error);

/* ---------------------------------------------------------------- figures */

enum { COMPARE_LETTERS = 26, COMPARE_FIGURES = 4 * COMPARE_LETTERS, COMPARE_NAME = 40 };

/* Names of figures in the order of the page. */
typedef struct compare_figures {
  char text[COMPARE_FIGURES][COMPARE_NAME];
  const char *names[COMPARE_FIGURES];
  size_t count;
  const char *words;
} compare_figures;

/* Writes and draws folder/figures: of two files on the same axes, of reports their own figures side by side. */
CGAP_MUST_CHECK cgap_status compare_figures_write(compare_figures *list, const compare_run *run, const char *folder,
                                                  cgap_error *error);

/* ---------------------------------------------------------------- one table of all inputs */

typedef struct compare_overview_options {
  bool all, series;
  const char *sort; /* NULL: the first measure, or the numbers of a series */
} compare_overview_options;

/* Before anything is measured. CGAP_USAGE: no such key, or names without numbers. */
CGAP_MUST_CHECK cgap_status compare_overview_check(const compare_run *run, const compare_overview_options *options,
                                                   cgap_error *error);

/* Ranks the inputs of a run that is complete. To be cleared also on failure. */
CGAP_MUST_CHECK cgap_status compare_overview_run(cgap_overview *out, const compare_run *run,
                                                 const compare_overview_options *options, cgap_error *error);

/* The folder's figures and page. */
CGAP_MUST_CHECK cgap_status compare_overview_write(const cgap_overview *overview, const compare_run *run,
                                                   const cgap_run *about, const char *folder, cgap_error *error);

#endif
