/* A file that is open for reading, of whichever container, and the list of what is in it. */
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

/* Outside HDF5: an array of one file, or one shard of several, that lies there as it is. */
typedef struct cgap_piece {
  char *path;       /* of the file */
  int64_t member;   /* its place in a zip archive, −1: none */
  bool deflated;    /* the member has to be unpacked */
  bool checked;     /* the checksum of a stored member has been compared */
  uint64_t offset;  /* bytes in front of the first element, in the file or the member */
  uint64_t span;    /* bytes from there to the end of the last element */
  size_t rows;      /* of the first axis */
  bool strided;     /* elements do not lie in row-major order but `stride` elements apart along each axis */
  size_t stride[3]; /* rank 1 to 3 */
  bool numbered;
  uint64_t number; /* of a shard: img_emb_3.npy has 3 */
} cgap_piece;

/* A dataset of a file, as listed. Owned by its cgap_file. */
typedef struct cgap_entry {
  char *path;  /* "/group/name" */
  char *place; /* HDF5: the path of the dataset where it is another, as in Octave's files; else NULL */
  char *name;  /* for messages: "pairs.h5:/group/name", "img_emb.npy" */
  cgap_kind kind;
  cgap_type type; /* CGAP_KIND_FLOAT */
  bool swap;      /* stored in the other byte order */
  bool is_signed; /* CGAP_KIND_INTEGER */
  bool alias;     /* another path of a dataset listed before */
  bool dangling;  /* HDF5: a soft or external link that leads nowhere; obstacle says where */
  int rank;       /* may exceed CGAP_SHAPE_MAX, shape then holds the first sizes */
  size_t shape[CGAP_SHAPE_MAX];
  char type_text[96];       /* "float32", "int64, big-endian" */
  char *storage;            /* "chunked 64 × 512, shuffle, gzip" */
  char *obstacle;           /* NULL, or why it cannot be read and what to install */
  uint64_t number, address; /* HDF5: of the file it lies in, and there */
  char **sources;           /* of a virtual dataset: the files that were found, each once */
  size_t source_count;
  bool is_virtual;
  bool turned;       /* HDF5: stored with the axes in reverse order (hdf5_marks.h); shape has them as they are meant */
  size_t characters; /* strings stored as a matrix of characters, so many each; 0: none */

  unsigned side;        /* CGAP_WORD_IMAGE or _TEXT where its place says it, whatever its name; else 0 */
  const char *side_why; /* static */
  cgap_piece *pieces;   /* one after the other along the first axis; NULL: in HDF5 */
  size_t piece_count;
  size_t item; /* with pieces: bytes an element */
  bool wide;   /* with pieces: strings of four bytes a character */
} cgap_entry;

typedef struct cgap_file {
  char *path;
  uint64_t bytes, device, inode;
  bool folder;
  bool loose;          /* .npy: the entries are called as the files are, whose names say nothing more */
  int fd;              /* for pread */
  hid_t id;            /* HDF5, else H5I_INVALID_HID */
  uint64_t number;     /* HDF5's own; a dataset behind an external link has another */
  cgap_entry *entries; /* by path, depth first in name order */
  size_t count, capacity;
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

/* Opens and lists HDF5, .npy, .npz, safetensors or a folder of .npy. CGAP_FILE: missing, empty, truncated, a Git LFS
 * pointer, a pickle, none of these. */
CGAP_MUST_CHECK cgap_status cgap_file_open(cgap_file **out, const char *path, cgap_error *error);
/* Several .npy files as one: arrays side by side, shards one after the other. */
CGAP_MUST_CHECK cgap_status cgap_file_open_npy(cgap_file **out, const char *const *paths, size_t count,
                                               cgap_error *error);
void cgap_file_close(cgap_file *file); /* NULL is fine */

/* The entry at a path ("image" and "/image" are the same), or NULL. */
const cgap_entry *cgap_file_find(const cgap_file *file, const char *path);

/* The string attribute of an object, without its padding: 1; 0 where there is none, or it is as long as size; -1 where
 * it cannot be read. */
int cgap_hdf5_text(char *out, size_t size, hid_t object, const char *name);

/* Opens as HDF5 and fills entries (hdf5_file.c, hdf5_list.c). */
bool cgap_hdf5_is(const cgap_file *file);
CGAP_MUST_CHECK cgap_status cgap_hdf5_open(cgap_file *file, cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_file_list(cgap_file *file, cgap_error *error);

/* The path at which HDF5 has the dataset. */
const char *cgap_entry_place(const cgap_entry *entry);

/* A new entry, empty, or NULL when memory is out. */
cgap_entry *cgap_file_add(cgap_file *file);
void cgap_entry_clear(cgap_entry *entry);
/* type_text = name, with the byte order where it is not this machine's. */
void cgap_entry_type_text(cgap_entry *entry, const char *name);

/* CGAP_FILE: what a file is that none of the readers takes (unsupported_files.c). */
cgap_status cgap_refuse_foreign(const cgap_file *file, cgap_error *error);
/* A file of torch.save; the first bytes of the pickle in it. */
cgap_status cgap_refuse_torch(const char *path, const unsigned char *pickle, size_t count, cgap_error *error);

/* "(500, 512)" into out; returns out. */
const char *cgap_shape_text(char *out, size_t size, const cgap_entry *entry);

#endif
