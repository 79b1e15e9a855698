/* The row pass over one side, block by block: what each block needs, whoever reads it. */
#ifndef CGAP_ENGINE_ROW_PASS_H
#define CGAP_ENGINE_ROW_PASS_H

#include "rows/duplicate_rows.h"
#include "rows/modality.h"
#include "rows/second_moment.h"

/* Rows as the file has them. */
typedef struct cgap_block {
  const cgap_source *source;
  size_t first, rows; /* of the file */
  unsigned char *raw;
} cgap_block;

enum { CGAP_BLOCKS = 3 }; /* one whose rows are summed, one that is looked at, one that is read */

typedef struct cgap_row_pass {
  cgap_side *side;
  const cgap_side_options *options;
  size_t *kept_as;
  size_t block_rows;
  unsigned char *room[CGAP_BLOCKS]; /* (block_rows, dim) as the file has them */
  double *norm;                     /* (block_rows), of all rows under ranks; as cgap_norm has it */
  cgap_hash *hash;                  /* the same */
  float *row;                       /* (threads, dim) */
  double *first_row;                /* (dim) values of the first kept row, for constant columns */
  bool *varies;                     /* (threads, dim) */
  size_t *place;                    /* (block_rows) the kept rows of a block, in it */
  size_t *start;                    /* where the block's runs begin among them */
  cgap_moment moment;
  cgap_distinct distinct;
  long double norm_sum; /* norms near the largest double have a mean, though their sum overflows */
} cgap_row_pass;

/* pass has side, options and kept_as, else zeros. */
CGAP_MUST_CHECK cgap_status cgap_row_pass_open(cgap_row_pass *pass, cgap_error *error);
void cgap_row_pass_close(cgap_row_pass *pass);

/* Rows [first, end) of the file, or as many of them as a block has. */
cgap_block cgap_block_at(const cgap_row_pass *pass, size_t first, size_t end, unsigned char *raw);
CGAP_MUST_CHECK cgap_status cgap_block_read(void *block, cgap_error *error); /* a cgap_job */

/* Norm and hash of each row of a block. */
void cgap_block_look(const cgap_row_pass *pass, const cgap_block *block, double *norm, cgap_hash *hash);

/* Which of rows [first, first + rows) of the file stay: into the side. */
void cgap_block_sift(cgap_row_pass *pass, size_t first, size_t rows, const double *norm, const cgap_hash *hash);

/* The sums of the kept rows from `kept` on that lie in the block. *count: how many they are. next, where not NULL, is
 * looked at by threads that have nothing to sum, into pass->norm and pass->hash. */
CGAP_MUST_CHECK cgap_status cgap_block_sum(cgap_row_pass *pass, const cgap_block *block, size_t kept, size_t *count,
                                           const cgap_block *next, cgap_error *error);

void cgap_check_note(cgap_check *check, size_t row); /* counts it, and keeps the first as examples */

/* Whether a column varies, in the rows of any thread: into the first thread's. */
void cgap_row_pass_join(cgap_row_pass *pass);

#endif
