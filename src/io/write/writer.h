/* HDF5 out: datasets streamed into a temporary file that takes its name only when complete. */
#ifndef CGAP_IO_WRITE_WRITER_H
#define CGAP_IO_WRITE_WRITER_H

#include "contragap/contragap.h"

typedef struct cgap_writer cgap_writer;

CGAP_MUST_CHECK cgap_status cgap_writer_open(cgap_writer **out, const char *path, cgap_error *error);
/* The same under a temporary name of the caller's, made by cgap_temporary_name; NULL: any. */
CGAP_MUST_CHECK cgap_status cgap_writer_open_as(cgap_writer **out, const char *path, const char *temporary,
                                                cgap_error *error);

/* Datasets of two axes or more that are created from now on are chunked, some 1024 rows each, and compressed: gzip of
 * this level, 1 to 9, and 0 for not. */
void cgap_writer_compress(cgap_writer *w, unsigned level);

/* A new float dataset at `path` (groups on the way are made), shape (rows[, middle], dim): middle 0 means rank 2. */
CGAP_MUST_CHECK cgap_status cgap_writer_create(cgap_writer *w, const char *path, cgap_type type, size_t rows,
                                               size_t middle, size_t dim, cgap_error *error);

/* Appends `count` rows of dim float32 values, converted to the dataset's type; rows fill in order (and over shards'
 * middles). */
CGAP_MUST_CHECK cgap_status cgap_writer_append(cgap_writer *w, const char *path, const float *rows, size_t count,
                                               cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_writer_append_double(cgap_writer *w, const char *path, const double *rows,
                                                      size_t count, cgap_error *error);

/* The same, elements of the dataset's own type: every bit is kept. */
CGAP_MUST_CHECK cgap_status cgap_writer_append_raw(cgap_writer *w, const char *path, const void *rows, size_t count,
                                                   cgap_error *error);

/* A whole int64 or float64 dataset of shape (rows[, columns]); columns 0 means rank 1. */
CGAP_MUST_CHECK cgap_status cgap_writer_int64(cgap_writer *w, const char *path, const int64_t *values, size_t rows,
                                              size_t columns, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_writer_float64(cgap_writer *w, const char *path, const double *values, size_t rows,
                                                size_t columns, cgap_error *error);

/* A whole dataset of `rows` strings, UTF-8, each `width` bytes with zeros behind it. */
CGAP_MUST_CHECK cgap_status cgap_writer_strings(cgap_writer *w, const char *path, const char *values, size_t rows,
                                                size_t width, cgap_error *error);

/* A virtual dataset of shape (Σ rows[, middle], dim): the datasets of the same path in other files, one after the
 * other. `file` is relative to the folder of this file; it need not exist yet, and nothing is read of it. */
typedef struct cgap_writer_source {
  const char *file;
  size_t rows; /* of the first axis; 0: left out */
} cgap_writer_source;
CGAP_MUST_CHECK cgap_status cgap_writer_virtual(cgap_writer *w, const char *path, cgap_type type, size_t middle,
                                                size_t dim, const cgap_writer_source *sources, size_t count,
                                                cgap_error *error);

/* A string attribute of the object at `path` ("/" for the file). */
CGAP_MUST_CHECK cgap_status cgap_writer_attribute(cgap_writer *w, const char *path, const char *name, const char *value,
                                                  cgap_error *error);

/* Copies an object (dataset or group) with its attributes from another file, which is open; a virtual dataset, and one
 * whose elements are in external files, with its rows. */
struct cgap_file;
CGAP_MUST_CHECK cgap_status cgap_writer_copy(cgap_writer *w, const struct cgap_file *from, const char *path,
                                             const char *as, cgap_error *error);

/* Copies the attributes of an object ("/" for the file) to one that is there already; those of the same name are
 * left as they are. */
CGAP_MUST_CHECK cgap_status cgap_writer_copy_attributes(cgap_writer *w, const struct cgap_file *from, const char *path,
                                                        const char *as, cgap_error *error);

/* Everything on disk, still under the temporary name: where several files appear together, none does before all are
 * there. Only cgap_writer_close may follow. */
CGAP_MUST_CHECK cgap_status cgap_writer_finish(cgap_writer *w, cgap_error *error);

/* commit: flush, close, rename to the final path; else the temporary file is removed. w is freed in any case; NULL is
 * fine. */
CGAP_MUST_CHECK cgap_status cgap_writer_close(cgap_writer *w, bool commit, cgap_error *error);

#endif
