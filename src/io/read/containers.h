/* The readers of containers other than HDF5. Each takes a file whose fd, bytes and path are set, and fills entries
 * whose pieces say where the elements lie; nothing but headers is read. */
#ifndef CGAP_IO_CONTAINERS_H
#define CGAP_IO_CONTAINERS_H

#include "io/read/hdf5_file.h"
#include "io/read/npy.h"

/* Sets fd, bytes and folder of a path. CGAP_FILE: missing, empty, no regular file. */
CGAP_MUST_CHECK cgap_status cgap_file_open_plain(cgap_file *file, const char *path, cgap_error *error);

bool cgap_npy_file_is(const cgap_file *file);
CGAP_MUST_CHECK cgap_status cgap_npy_file_open(cgap_file *file, cgap_error *error);
/* Several .npy files; a folder of them, as they lie in it and in its own folders. */
CGAP_MUST_CHECK cgap_status cgap_npy_files_open(cgap_file *file, const char *const *paths, size_t count,
                                                cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_folder_open_npy(cgap_file *file, cgap_error *error);

bool cgap_npz_is(const cgap_file *file);
CGAP_MUST_CHECK cgap_status cgap_npz_open(cgap_file *file, cgap_error *error);

bool cgap_safetensors_is(const cgap_file *file);
CGAP_MUST_CHECK cgap_status cgap_safetensors_open(cgap_file *file, cgap_error *error);

/* ---------------------------------------------------------------- entries.c */

/* One array as its header tells it, and where it lies. */
typedef struct cgap_found {
  const char *path; /* of the entry, "/group/name" */
  const char *name; /* for messages */
  const char *storage;
  const cgap_npy *array;
  cgap_piece piece; /* path is copied; offset is that of the first element */
} cgap_found;

/* Adds the entry, or two where (2, N, d) floats are image and text and the name says neither or both. */
CGAP_MUST_CHECK cgap_status cgap_found_add(cgap_file *file, const cgap_found *found, cgap_error *error);
/* CGAP_FILE: two entries have one path. */
CGAP_MUST_CHECK cgap_status cgap_entries_check(const cgap_file *file, cgap_error *error);

#endif
