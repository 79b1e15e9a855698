/* Arrays into containers other than HDF5: .npy files, one .npz, one .safetensors. Each file takes its name when all are
 * complete. Arrays are written one after the other, in the order of the list. */
#ifndef CGAP_IO_WRITE_ARRAY_FILES_H
#define CGAP_IO_WRITE_ARRAY_FILES_H

#include "base/temporary_file.h"
#include "io/write/layouts.h"
#include "io/write/output_arrays.h"

typedef struct cgap_array_files cgap_array_files;

/* The array's own file where each has one: FOLDER/arithmetic/words.npy; OUT_labels.npy; OUT_image.npy, or OUT.npy
 * where the other modality is not there (one_modality). CGAP_FILE where the name is too long. */
CGAP_MUST_CHECK cgap_status cgap_array_file_name(char out[CGAP_PATH], const char *path, cgap_layout layout,
                                                 const char *array, bool one_modality, const cgap_modality_names *names,
                                                 cgap_error *error);

/* Whether the layout can hold it; safetensors has no strings, and names of files no folders. */
bool cgap_layout_holds(cgap_layout layout, const cgap_output_array *array);

/* Whether the arrays have the rows of one modality alone. */
bool cgap_arrays_of_one_modality(const cgap_output_arrays *arrays);

enum { CGAP_MARKS_MAX = 65535 }; /* bytes of the comment of a zip archive */

/* The arrays are borrowed; those that the layout cannot hold are not to be written. marks: a JSON object of texts, such
 * as the command line, of at most CGAP_MARKS_MAX bytes, kept in .npz and .safetensors. */
CGAP_MUST_CHECK cgap_status cgap_array_files_open(cgap_array_files **out, const char *path, cgap_layout layout,
                                                  const cgap_output_arrays *arrays, const cgap_modality_names *names,
                                                  const char *marks, cgap_error *error);

/* The next array of the list, and its rows in order. */
CGAP_MUST_CHECK cgap_status cgap_array_files_begin(cgap_array_files *w, const cgap_output_array *array,
                                                   cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_array_files_put(cgap_array_files *w, const cgap_output_array *array, const void *rows,
                                                 size_t count, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_array_files_end(cgap_array_files *w, cgap_error *error);

/* Whether a file of that name is one of those that are being written. */
bool cgap_array_files_writes(const cgap_array_files *w, const char *path);

/* commit: all files take their names; else none is left. w is freed in any case. */
CGAP_MUST_CHECK cgap_status cgap_array_files_close(cgap_array_files *w, bool commit, cgap_error *error);

#endif
