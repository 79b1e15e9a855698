/* Where the rows of all ranks go: one file, which rank 0 writes; or one file with virtual datasets over parts, one
 * part from each rank, stored next to it. Nothing appears under its name before all of it is on disk. */
#ifndef CGAP_HEAD_EVALUATION_APPLY_OUTPUT_H
#define CGAP_HEAD_EVALUATION_APPLY_OUTPUT_H

#include "comm/comm.h"
#include "io/find/dataset.h"
#include "io/write/writer.h"

typedef struct cgap_apply_output {
  cgap_comm *comm;
  const char *path;
  cgap_writer *whole;       /* rank 0's, else NULL */
  cgap_writer *part_writer; /* of ranks below `parts`, else NULL */
  size_t part_count;        /* 0: one file */
  char **name;              /* (parts) without their folder, as the virtual datasets call them */
  int64_t *token;           /* (size) of each rank, in its temporary names */
  bool published;           /* parts take their names: rank 0 alone removes them now */
  char **old;               /* parts of the file that stood at path, which go when it goes */
  size_t old_count;
} cgap_apply_output;

/* Of all ranks together; parts 0 or at most as many as there are ranks. path is borrowed. The parts that the input
 * reads are not replaced with the file that they belonged to. */
CGAP_MUST_CHECK cgap_status cgap_apply_output_open(cgap_apply_output *out, const char *path, size_t part_count,
                                                   cgap_comm *comm, const cgap_dataset *input, cgap_error *error);

/* The first row of a part, of `rows` that are shared out; that of part `parts` is rows. */
size_t cgap_apply_output_first(const cgap_apply_output *out, size_t part_index, size_t rows);

/* A dataset over the parts: this rank's share is cgap_writer_append'ed to out->part. */
CGAP_MUST_CHECK cgap_status cgap_apply_output_create(cgap_apply_output *out, const char *path, cgap_type type,
                                                     size_t rows, size_t middle, size_t dim, cgap_error *error);

/* All files appear, and those of an older output go; or, where status is a failure, on whichever rank, none does, and
 * what stood there stays. Returns how it ended. out is cleared. */
CGAP_MUST_CHECK cgap_status cgap_apply_output_close(cgap_apply_output *out, cgap_status status, cgap_error *error);

#endif
