/* report.html of a sweep: what was varied, what was seen along each axis, the figures and a table of every point. */
#ifndef CGAP_REPORT_SWEEP_PAGE_H
#define CGAP_REPORT_SWEEP_PAGE_H

#include "report/json.h"
#include "report/page.h"

/* A measure at one place: mean and standard deviation over the runs there; sd NaN where there is one run. */
typedef struct cgap_sweep_value {
  double mean, sd;
} cgap_sweep_value;

/* An axis that varies, and the measures along it for each series (each loss, or all together). */
typedef struct cgap_sweep_axis {
  const char *name, *figure;     /* "dim", "sweep-dim" */
  const char *const *value;      /* (count) as they were written */
  const char *const *series;     /* (series_count); NULL: one without a name */
  const cgap_sweep_value *along; /* (series_count, measures, count) */
  size_t count, series_count;
  bool numbers; /* the values are numbers */
} cgap_sweep_axis;

typedef struct cgap_sweep {
  const char *source;
  const cgap_sweep_axis *axis; /* (axes) */
  size_t axes;
  const char *const *measure; /* (measures) "centroid distance"; the first is the gap */
  size_t measures;
  const char *const *setting;    /* (points, axes) */
  const cgap_sweep_value *value; /* (points, measures) */
  size_t points, runs, seeds;
  bool map;     /* figures/map.tsv is there */
  unsigned has; /* CGAP_HAS_… of what was measured */
  cgap_run run;
} cgap_sweep;

CGAP_MUST_CHECK cgap_status cgap_sweep_page_write(const cgap_sweep *sweep, const char *folder, cgap_error *error);

#endif
