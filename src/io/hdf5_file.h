/* An HDF5 file that is open for reading, and the list of what is in it. */
#ifndef CGAP_IO_HDF5_FILE_H
#define CGAP_IO_HDF5_FILE_H

#define H5_USE_110_API
#include <hdf5.h>

#include "contragap/contragap.h"

enum { CGAP_SHAPE_MAX = 8 };

typedef enum cgap_kind {
  CGAP_KIND_FLOAT,   /* one of cgap_type */
  CGAP_KIND_INTEGER, /* 1 to 8 bytes, signed or not */
  CGAP_KIND_STRING,  /* fixed or variable length */
  CGAP_KIND_OTHER
} cgap_kind;

/* A dataset of a file, as listed. Owned by its cgap_file. */
typedef struct cgap_entry {
  char *path; /* "/group/name" */
  cgap_kind kind;
  cgap_type type; /* CGAP_KIND_FLOAT */
  bool swap;      /* stored in the other byte order */
  bool is_signed; /* CGAP_KIND_INTEGER */
  bool alias;     /* another path of a dataset listed before */
  int rank;       /* may exceed CGAP_SHAPE_MAX, shape then holds the first sizes */
  size_t shape[CGAP_SHAPE_MAX];
  char type_text[96];       /* "float32", "int64, big-endian" */
  char *storage;            /* "chunked 64 × 512, shuffle, gzip" */
  char *obstacle;           /* NULL, or why it cannot be read and what to install */
  uint64_t number, address; /* of the file it lies in, and there */
} cgap_entry;

typedef struct cgap_file {
  char *path;
  uint64_t bytes, device, inode;
  int fd; /* for pread */
  hid_t id;
  uint64_t number;     /* HDF5's own; a dataset behind an external link has another */
  cgap_entry *entries; /* by path, depth first in name order */
  size_t count;
  bool cut; /* more datasets than are listed */
} cgap_file;

/* HDF5 prints its error stack unless told not to; that setting belongs to the whole process, so it is put
 * back after each call into this library. */
typedef struct cgap_quiet {
  H5E_auto2_t function;
  void *context;
  bool restore;
} cgap_quiet;

cgap_quiet cgap_quiet_begin(void);
void cgap_quiet_end(cgap_quiet quiet);

/* The innermost reason on HDF5's error stack, one line; "" when there is none. Ask before the next H5 call. */
void cgap_hdf5_reason(char *out, size_t size);

/* Opens and lists. CGAP_FILE: missing, a folder, empty, truncated, a Git LFS pointer, not HDF5. */
CGAP_MUST_CHECK cgap_status cgap_file_open(cgap_file **out, const char *path, cgap_error *error);
void cgap_file_close(cgap_file *file); /* NULL is fine */

/* The entry at a path ("image" and "/image" are the same), or NULL. */
const cgap_entry *cgap_file_find(const cgap_file *file, const char *path);

/* Fills entries (hdf5_list.c). */
CGAP_MUST_CHECK cgap_status cgap_file_list(cgap_file *file, cgap_error *error);
void cgap_entry_clear(cgap_entry *entry);

/* "(500, 512)" into out; returns out. */
const char *cgap_shape_text(char *out, size_t size, const cgap_entry *entry);

#endif
