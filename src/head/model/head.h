/* A fitted head: layers with their parameters, and where they came from. */
#ifndef CGAP_HEAD_MODEL_HEAD_H
#define CGAP_HEAD_MODEL_HEAD_H

#include "head/model/layers.h"

struct cgap_head {
  cgap_layers layers;
  float *parameters; /* (layers.count) */
  double temperature;
  uint64_t kept_epoch;
  char *options;  /* one line of JSON: how it was made */
  int64_t *split; /* (split_rows) part of each image of the file, −1: not measured; or NULL */
  size_t split_rows;
};

/* Zero parameters; options are copied. NULL: out of memory. */
cgap_head *cgap_head_new(const cgap_head_shape *shape, const char *options);

/* out (rows, dim) from unit rows in (rows, dim_in), by `threads`. CGAP_RESOURCE when memory is out. */
CGAP_MUST_CHECK cgap_status cgap_head_transform(const cgap_head *head, int modality, const float *in, size_t rows,
                                                float *out, int threads, cgap_error *error);

#endif
