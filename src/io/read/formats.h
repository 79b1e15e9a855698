/* The containers that are read: for each, whether a file is one, by its first bytes, and what opens it. That takes a
 * file whose fd, bytes and path are set and adds its entries; nothing but headers is read. Entries outside HDF5 have
 * pieces, which say where the elements are. */
#ifndef CGAP_IO_READ_FORMATS_H
#define CGAP_IO_READ_FORMATS_H

#include "io/read/container.h"

bool cgap_hdf5_is(const cgap_file *file);
CGAP_MUST_CHECK cgap_status cgap_hdf5_open(cgap_file *file, cgap_error *error);

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

/* CGAP_FILE: what a file is that none of the readers takes (unsupported_files.c). */
cgap_status cgap_refuse_unsupported(const cgap_file *file, cgap_error *error);
/* A file of torch.save; the first bytes of the pickle in it. */
cgap_status cgap_refuse_torch(const char *path, const unsigned char *pickle, size_t count, cgap_error *error);

#endif
