/* Files of more than two modalities: each opened as the texts of the first one; then which rows belong together is
 * settled for all at once. */
#ifndef CGAP_IO_FIND_MANY_DATASET_H
#define CGAP_IO_FIND_MANY_DATASET_H

#include "io/find/align_rows.h"
#include "rows/row_reader.h"

struct cgap_many_dataset {
  size_t count;
  char name[CGAP_MODALITIES_MAX][CGAP_NAME_SIZE];
  cgap_dataset *dataset[CGAP_MODALITIES_MAX]; /* its images are the first modality, its texts this one; none of the
                                                 first */
  cgap_row_alignment alignment;
  cgap_picked_rows *picked[CGAP_MODALITIES_MAX];
  cgap_many_data data;
};

/* The data set that has modality m, and its rows as the file has them. */
const cgap_dataset *cgap_many_dataset_of(const cgap_many_dataset *many, size_t m);
const cgap_source *cgap_many_dataset_source(const cgap_many_dataset *many, size_t m);

#endif
