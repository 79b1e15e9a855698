/* A data set in our own layout: /image, /text, /text_image, /labels, /class_text, /arithmetic. */
#ifndef CGAP_IO_WRITE_CONVERT_H
#define CGAP_IO_WRITE_CONVERT_H

#include "io/find/dataset.h"

typedef enum cgap_layout { CGAP_LAYOUT_HDF5, CGAP_LAYOUT_NPY } cgap_layout;

typedef struct cgap_convert_options {
  cgap_layout layout;
  const char *command; /* the command line, stored as an attribute of HDF5 */
  bool replace;        /* overwrite arrays of the folder: .npy does not say who wrote it */
  cgap_progress progress;
} cgap_convert_options;

/* Writes rows block by block, every bit as it was (.npy has no bfloat16: it becomes float32, which is exact); small
 * arrays become int64 or float64. path: a file, or with CGAP_LAYOUT_NPY a folder. CGAP_USAGE where it is an input. */
CGAP_MUST_CHECK cgap_status cgap_convert(const cgap_dataset *dataset, const char *path,
                                         const cgap_convert_options *options, cgap_error *error);

#endif
