/* A file that is open for reading, of whichever container, and the list of what is in it. */
#ifndef CGAP_IO_READ_CONTAINER_H
#define CGAP_IO_READ_CONTAINER_H

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
  int ndim;       /* may exceed CGAP_SHAPE_MAX, shape then holds the first sizes */
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

  unsigned modality;        /* CGAP_WORD_IMAGE or _TEXT where its place says it, whatever its name; else 0 */
  const char *modality_why; /* static */
  cgap_piece *pieces;       /* one after the other along the first axis; NULL: in HDF5 */
  size_t piece_count;
  size_t item; /* with pieces: bytes an element */
  bool ucs4;   /* with pieces: strings of four bytes a character */
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

/* A dataset of a file; file and entry are borrowed. */
typedef struct cgap_chosen_dataset {
  const cgap_file *file;
  const cgap_entry *entry;
} cgap_chosen_dataset;

/* ---------------------------------------------------------------- file.c */

/* Opens and lists HDF5, .npy, .npz, safetensors or a folder of .npy. CGAP_FILE: missing, empty, truncated, a Git LFS
 * pointer, a pickle, none of these. */
CGAP_MUST_CHECK cgap_status cgap_file_open(cgap_file **out, const char *path, cgap_error *error);
/* Several .npy files as one: arrays side by side, shards one after the other. */
CGAP_MUST_CHECK cgap_status cgap_file_open_npy(cgap_file **out, const char *const *paths, size_t count,
                                               cgap_error *error);
void cgap_file_close(cgap_file *file); /* NULL is fine */

/* Whether a path is a .npy file, by its first bytes. *failure (may be NULL): the errno of a disk that cannot be read,
 * or of memory or open files that are short, which says nothing of the file; else 0. */
bool cgap_file_is_npy(const char *path, int *failure);

/* ---------------------------------------------------------------- what is in a file */

/* The entry at a path ("image" and "/image" are the same), or NULL. */
const cgap_entry *cgap_file_find(const cgap_file *file, const char *path);

/* "(500, 512)" into out; returns out. */
const char *cgap_shape_text(char *out, size_t size, const cgap_entry *entry);

/* Elements of an entry of any rank; false when the product does not fit. */
bool cgap_entry_elements(size_t *out, const cgap_entry *entry);

/* How many values a list has: (N), and (N, 1) or (1, N), which columns and rows of a matrix are; 0: no list. */
size_t cgap_entry_list(const cgap_entry *entry);

/* Rows and elements a row of a float dataset of rank 2 or 3: (N, k, d) counts as N·k rows. */
size_t cgap_chosen_dataset_rows(const cgap_chosen_dataset *taken);
size_t cgap_chosen_dataset_dim(const cgap_chosen_dataset *taken);

/* k of a dataset (N, k, d) that has k rows each; 0 where it is (N, d), or (N, 1, d) or (1, N, d), which are no more. */
size_t cgap_entry_middle(const cgap_entry *entry);

/* The path at which HDF5 has the dataset. */
const char *cgap_entry_place(const cgap_entry *entry);

/* ---------------------------------------------------------------- for those that fill a file */

/* Sets fd, bytes and folder of a path. CGAP_FILE: missing, empty, no regular file. */
CGAP_MUST_CHECK cgap_status cgap_file_open_regular(cgap_file *file, const char *path, cgap_error *error);

/* A new entry, empty, or NULL when memory is out. */
cgap_entry *cgap_file_add(cgap_file *file);
void cgap_entry_clear(cgap_entry *entry);
/* type_text = name, with the byte order where it is not this machine's. */
void cgap_entry_type_text(cgap_entry *entry, const char *name);

/* One array as the header of a .npy file, of a member of .npz or of a tensor tells it. */
typedef struct cgap_npy {
  cgap_kind kind;
  cgap_type type;     /* CGAP_KIND_FLOAT */
  bool swap;          /* stored in the other byte order */
  bool is_signed;     /* CGAP_KIND_INTEGER */
  bool ucs4;          /* CGAP_KIND_STRING: four bytes a character */
  bool pickled;       /* an object array */
  bool fortran;       /* the first axis runs fastest */
  size_t item;        /* bytes an element */
  char type_name[48]; /* "float32", "object" */
  char fields[200];   /* of a structured type: "id, image_embedding"; else "" */
  bool field_rows;    /* one of them holds an array */
  int ndim;
  size_t shape[CGAP_SHAPE_MAX];
  size_t start; /* bytes in front of the first element */
} cgap_npy;

/* An array, and where its elements are. */
typedef struct cgap_array_header {
  const char *path; /* of the entry, "/group/name" */
  const char *name; /* for messages */
  const char *storage;
  const cgap_npy *array;
  cgap_piece piece; /* path is copied; offset is that of the first element */
} cgap_array_header;

/* Adds the entry, or two where (2, N, d) floats are image and text and the name says neither or both. */
CGAP_MUST_CHECK cgap_status cgap_array_header_add(cgap_file *file, const cgap_array_header *found, cgap_error *error);
/* CGAP_FILE: two entries have one path. */
CGAP_MUST_CHECK cgap_status cgap_entries_check(const cgap_file *file, cgap_error *error);

#endif
