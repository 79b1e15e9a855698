/* A folder of .npy files out: each takes its name only when all are complete. */
#ifndef CGAP_IO_WRITE_NPY_WRITER_H
#define CGAP_IO_WRITE_NPY_WRITER_H

#include "contragap/contragap.h"

typedef struct cgap_npy_writer cgap_npy_writer;

/* Makes the folder where it is not there. */
CGAP_MUST_CHECK cgap_status cgap_npy_writer_open(cgap_npy_writer **out, const char *folder, cgap_error *error);

/* A new array `folder/path.npy` (path: "/image", "/arithmetic/words") of shape (rows[, middle], dim). Rows follow by
 * cgap_npy_writer_append, until the next is begun. NumPy has no bfloat16: it is widened to float32, which is exact. */
CGAP_MUST_CHECK cgap_status cgap_npy_writer_create(cgap_npy_writer *w, const char *path, cgap_type type, size_t rows,
                                                   size_t middle, size_t dim, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_npy_writer_append(cgap_npy_writer *w, const void *rows, size_t count,
                                                   cgap_error *error);

/* A whole array of 8-byte numbers, descr "<i8" or "<f8" (of this machine's order), shape (rows[, columns]). */
CGAP_MUST_CHECK cgap_status cgap_npy_writer_whole(cgap_npy_writer *w, const char *path, bool integers,
                                                  const void *values, size_t rows, size_t columns, cgap_error *error);

/* CGAP_FILE where the folder has an array of one of these paths (NULL ends them) that is none of this writer's: whoever
 * reads the folder would take it for a part of it. */
CGAP_MUST_CHECK cgap_status cgap_npy_writer_check(const cgap_npy_writer *w, const char *const *paths,
                                                  cgap_error *error);

/* commit: all files take their names; else none is left. w is freed; NULL is fine. */
CGAP_MUST_CHECK cgap_status cgap_npy_writer_close(cgap_npy_writer *w, bool commit, cgap_error *error);

#endif
