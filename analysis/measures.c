/* The measures that are shown strips. A new one: a file here, a line below and in measure.h. */
#include "analysis/measure.h"

const cgap_measure *const cgap_measures[CGAP_MEASURES] = {
  [CGAP_MEASURE_KERNEL] = &cgap_measure_kernel,   [CGAP_MEASURE_HISTOGRAM] = &cgap_measure_histogram,
  [CGAP_MEASURE_SOFTMAX] = &cgap_measure_softmax, [CGAP_MEASURE_RANKS] = &cgap_measure_ranks,
  [CGAP_MEASURE_NEAR] = &cgap_measure_near,       [CGAP_MEASURE_MEDIAN] = &cgap_measure_median,
};
