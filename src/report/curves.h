/* Curves and maps for training, races and sweeps: their tables and scripts. */
#ifndef CGAP_REPORT_CURVES_H
#define CGAP_REPORT_CURVES_H

#include "contragap/contragap.h"

/* One curve: series (a loss, a part, a run) of the panel that shows one measure. */
typedef struct cgap_curve {
  const char *panel, *series;
  const double *x, *y;      /* (count); NaN where there is none */
  const double *low, *high; /* (count) interval, or NULL */
  size_t count;
} cgap_curve;

/* What a figure is about; every text stands in the picture. */
typedef struct cgap_curves_about {
  const char *title, *shown; /* "Training"; the number that it shows: "centroid distance 0.85 → 0.12" */
  const char *x;             /* what x is: "epoch" */
  bool log_x;
  const char *source; /* name of the data */
  size_t images, texts, dim;
} cgap_curves_about;

/* folder/NAME.tsv and its scripts; NAME is "history", "race" or "sweep". Panels and series come in the order in which
 * the curves name them first. More than 8 series are drawn pale with their mean. */
CGAP_MUST_CHECK cgap_status cgap_curves_write(const char *folder, const char *name, const cgap_curve *curves,
                                              size_t count, const cgap_curves_about *about, cgap_error *error);

/* folder/map.tsv: value (rows, columns) of a measure over two options, NaN where there is none; the names of columns
 * and rows are the options' values. */
typedef struct cgap_map {
  const char *x, *y, *measure; /* what columns, rows and values are */
  const char *const *column, *const *row;
  size_t columns, rows;
  const double *value;
} cgap_map;

CGAP_MUST_CHECK cgap_status cgap_map_write(const char *folder, const cgap_map *map, const cgap_curves_about *about,
                                           cgap_error *error);

#endif
