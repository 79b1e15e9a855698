/* A fitted head: layers with their parameters, and where they came from. */
#ifndef CGAP_HEAD_MODEL_HEAD_H
#define CGAP_HEAD_MODEL_HEAD_H

#include "head/model/layers.h"
#include "rows/row_reader.h"

struct cgap_head {
  cgap_layers layers;
  float *parameters; /* (layers.count) */
  double temperature;
  uint64_t kept_epoch;
  char *options;  /* one line of JSON: how it was made */
  int64_t *split; /* (split_rows) split of each image of the file, −1: not measured; or NULL */
  size_t split_rows;
  uint64_t *training_hash; /* (training_hashes) of the images that it was trained on, ascending; NULL: not known */
  size_t training_hashes;
};

/* Zero parameters; options are copied. NULL: out of memory. */
cgap_head *cgap_head_new(const cgap_head_shape *shape, const char *options);

/* Adds the name of the candidate that it is to its options. false: out of memory. */
bool cgap_head_name(cgap_head *head, const char *candidate);

/* What the head was trained on: the split of each of the file's images, (rows), and cgap_unit_hash(…).low of the
 * `count` images of the training part, of which the smallest are kept. Both are copied. */
enum { CGAP_TRAINING_HASHES_MAX = 1 << 16 };
CGAP_MUST_CHECK cgap_status cgap_head_note_training(cgap_head *head, const int64_t *split, size_t rows,
                                                    const uint64_t *hash, size_t count, cgap_error *error);

/* Whether a hash is among those that are kept. */
bool cgap_head_knows(const cgap_head *head, uint64_t hash);

/* *out has (1 − alpha) times the parameters of `from` and alpha times those of `to`, which has the same layers, and the
 * rest as `to`: what training added, in part. Before they are normalised, the rows of linear and residual heads are
 * blended likewise. CGAP_USAGE where the layers differ. */
CGAP_MUST_CHECK cgap_status cgap_head_blend(cgap_head **out, const cgap_head *from, const cgap_head *to, double alpha,
                                            cgap_error *error);

/* out (rows, dim) from unit rows in (rows, dim_in), by `threads`. CGAP_RESOURCE: out of memory. */
CGAP_MUST_CHECK cgap_status cgap_head_transform(const cgap_head *head, int modality, const float *in, size_t rows,
                                                float *out, int threads, cgap_error *error);

/* Rows [first, first + count) that the reader reads, likewise. bad (count): bad rows are marked and become zeros; NULL:
 * they are refused, CGAP_DATA. */
enum { CGAP_TRANSFORM_ROWS = 4096 }; /* on their way at once, where memory allows */
CGAP_MUST_CHECK cgap_status cgap_head_transform_rows(const cgap_head *head, cgap_row_reader *reader, int modality,
                                                     size_t first, size_t count, bool *bad, float *out, int threads,
                                                     cgap_error *error);

/* ---------------------------------------------------------------- the files of a head */

/* The parameters of a modality by the names that they have in a file: "weight" in /image/weight. */
typedef struct cgap_named_block {
  const char *name;
  const cgap_parameter_block *block;
} cgap_named_block;

size_t cgap_head_blocks(cgap_named_block out[4], const cgap_tower *tower); /* how many */
extern const char *const cgap_head_modalities[CGAP_MODALITIES];            /* "image", "text" */

/* /contragap_head: the format, kind, shared, dim_in, dim, hidden */
enum { CGAP_HEAD_SHAPE_NUMBERS = 6 };
void cgap_head_shape_numbers(int64_t out[CGAP_HEAD_SHAPE_NUMBERS], const cgap_head_shape *shape);
#define CGAP_HEAD_HASHES "/training_hashes"

/* head.h5 */
CGAP_MUST_CHECK cgap_status cgap_head_write_hdf5(const cgap_head *head, const char *path, cgap_error *error);

#endif
