/* What a dataset offers, written in our own layout: /image, /text, /text_image, /labels, /class_text, /arithmetic. */
#ifndef CGAP_IO_WRITE_CONVERT_H
#define CGAP_IO_WRITE_CONVERT_H

#include "io/find/dataset.h"

typedef enum cgap_layout { CGAP_LAYOUT_HDF5, CGAP_LAYOUT_NPY } cgap_layout;

typedef struct cgap_convert_options {
  cgap_layout layout;
  const char *command; /* the command line, kept as an attribute of HDF5 */
  bool replace;        /* arrays of a folder that are there already: .npy does not say who wrote it */
  cgap_progress progress;
} cgap_convert_options;

/* Rows go block by block, elements bit by bit; small arrays become int64 or float64. path: a file, or with
 * CGAP_LAYOUT_NPY a folder. CGAP_USAGE where that is what is read. */
CGAP_MUST_CHECK cgap_status cgap_convert(const cgap_dataset *dataset, const char *path,
                                         const cgap_convert_options *options, cgap_error *error);

#endif
