/* The memory of a training, of fitting a training-free method, and of a file's way through a head: whether rows stay in
 * memory or in their file, how many go through at once, and the smallest limit that will do. The audits of an
 * evaluation have a plan of their own (audit/plan.h), which this one asks. */
#ifndef CGAP_HEAD_TRAINING_MEMORY_PLAN_H
#define CGAP_HEAD_TRAINING_MEMORY_PLAN_H

#include "rows/embeddings.h"
#include "rows/row_reader.h"

typedef struct cgap_memory_plan {
  bool resident;           /* all rows are in memory; else they stay in the file, and those of each batch are read */
  size_t block_rows;       /* of apply: rows on their way at once */
  uint64_t memory_bytes;   /* the limit */
  uint64_t needed_bytes;   /* what this plan needs, about */
  uint64_t resident_bytes; /* what it would need with all rows in memory */
  bool spill[2];           /* images, texts: copied first, where their file has no quick way to single rows … */
  uint64_t spill_bytes;    /* … to so much of the disk */
} cgap_memory_plan;

/* The limit: as given, or where that is 0 half of what is free, divided by the ranks of the node. */
uint64_t cgap_memory_limit(uint64_t given, const cgap_comm *comm);

/* CGAP_RESOURCE where even the smallest plan is above the limit. */
CGAP_MUST_CHECK cgap_status cgap_plan_training(cgap_memory_plan *out, const cgap_data *data,
                                               const cgap_train_options *options, cgap_error *error);

/* A training-free method fitted on whole data; rows: it needs them, not their means alone. */
CGAP_MUST_CHECK cgap_status cgap_plan_gap_method(cgap_memory_plan *out, const cgap_data *data, bool rows,
                                                 const char *name, uint64_t limit, cgap_error *error);

/* Rows of a file through a head: at most max_rows at once, and no fewer than min_rows. */
CGAP_MUST_CHECK cgap_status cgap_plan_apply(cgap_memory_plan *out, const cgap_source *rows,
                                            const cgap_head_shape *shape, size_t min_rows, size_t max_rows,
                                            uint64_t limit, const cgap_comm *comm, cgap_error *error);

/* Data loaded as a plan says: with the rows in memory, or with what spills copied to unnamed files. Stays where it is.
 */
typedef struct cgap_planned_rows {
  cgap_data data; /* whose sources may be those files */
  cgap_embeddings e;
  cgap_spill_file *spill[2];
} cgap_planned_rows;

CGAP_MUST_CHECK cgap_status cgap_planned_rows_load(cgap_planned_rows *out, const cgap_data *data,
                                                   const cgap_memory_plan *plan, bool resident, int threads,
                                                   cgap_progress progress, cgap_error *error);
void cgap_planned_rows_clear(cgap_planned_rows *rows);

/* What a training's limit leaves for an audit of its test split, whose rows and new rows a resident plan holds; 0: no
 * limit was given. */
uint64_t cgap_plan_test_memory(const cgap_memory_plan *plan, const cgap_train_options *options, const cgap_data *test,
                               size_t dim_in);

#endif
