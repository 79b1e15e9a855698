/* A file that is open for reading, of whichever container, and the list of what is in it. */
#ifndef CGAP_IO_READ_CONTAINER_H
#define CGAP_IO_READ_CONTAINER_H

#define H5_USE_110_API
#include <hdf5.h>

#include <jansson.h>

#include "contragap/contragap.h"

enum { CGAP_SHAPE_MAX = 8 };

typedef enum cgap_kind {
  CGAP_KIND_FLOAT,   /* one of cgap_type */
  CGAP_KIND_INTEGER, /* 1 to 8 bytes, signed or not */
  CGAP_KIND_STRING,  /* fixed or variable length */
  CGAP_KIND_OTHER
} cgap_kind;

/* Outside HDF5: an array of one file, or one shard of several, whose elements are stored as they are. */
typedef struct cgap_piece {
  char *path;       /* of the file */
  int64_t member;   /* its place in a zip archive, −1: none */
  bool deflated;    /* the member has to be unpacked */
  bool checked;     /* the checksum of a stored member has been compared */
  uint64_t offset;  /* bytes in front of the first element, in the file or the member */
  uint64_t span;    /* bytes from there to the end of the last element */
  size_t rows;      /* of the first axis */
  bool strided;     /* elements are not in row-major order but `stride` elements apart along each axis */
  size_t stride[3]; /* rank 1 to 3 */
  bool gathered; /* the elements are in the unnamed file `fd`, which the cgap_file closes; path: where they are from */
  int fd;
  const unsigned char *memory; /* the elements, read already, which the file owns; else NULL */
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
  bool dangling;  /* HDF5: a soft or external link that leads nowhere, or is not followed; obstacle says where */
  int ndim;       /* may exceed CGAP_SHAPE_MAX, shape then holds the first sizes */
  size_t shape[CGAP_SHAPE_MAX];
  char type_text[96];       /* "float32", "int64, big-endian" */
  char *storage;            /* "chunked 64 × 512, shuffle, gzip" */
  char *note;               /* NULL, or a line on how it was read, for the notes of a data set */
  char *obstacle;           /* NULL, or why it cannot be read and what to install */
  uint64_t number, address; /* HDF5: of the file that has it, and in that file */
  char **sources;           /* HDF5: the other files that it is in or has elements in and that were found, each once */
  size_t source_count;
  uint64_t elsewhere; /* HDF5: bytes of its elements that are in other files */
  uint64_t stored_at; /* HDF5: where its elements are in the file, one after the other as they are; 0: not so */
  bool is_virtual;
  bool turned;       /* HDF5: stored with the axes in reverse order (hdf5_basics.h); shape has them as meant */
  size_t characters; /* per string, where they are stored as a matrix of characters; else 0 */

  unsigned modality;        /* CGAP_WORD_IMAGE or _TEXT where its position says it, whatever its name; else 0 */
  const char *modality_why; /* static */
  cgap_piece *pieces;       /* one after the other along the first axis; NULL: in HDF5 */
  size_t piece_count;
  size_t item; /* with pieces: bytes per element */
  bool ucs4;   /* with pieces: strings of four bytes per character */
} cgap_entry;

/* Bytes that are allowed, and taken so far. */
typedef struct cgap_memory_count {
  uint64_t limit, used;
} cgap_memory_count;

/* What a file may make the library read or run beyond itself; the options of cgap_input_options. */
typedef struct cgap_file_access {
  bool follow;               /* files outside its folder, where it names them */
  bool plugins;              /* filters that are plugins of HDF5 */
  cgap_memory_count *memory; /* what is read whole counts there; NULL: without a limit */
} cgap_file_access;

typedef struct cgap_file {
  char *path;
  cgap_file_access access;
  uint64_t bytes, device, inode;
  bool folder;
  bool loose;    /* .npy: the entries have the names of the files */
  int fd;        /* for pread */
  bool unpacked; /* fd is the unnamed file into which it was unpacked, its contents are there from start on */
  uint64_t start;
  int gathered;            /* an unnamed file with what is not in the file as it is read; −1: none */
  uint64_t gathered_bytes; /* in that file */
  hid_t id;                /* HDF5, else H5I_INVALID_HID */
  hid_t links;             /* likewise: for calls that may follow an external link, which `access` may forbid */
  uint64_t number;         /* HDF5's own; a dataset behind an external link has another */
  cgap_entry *entries;     /* by path, depth first in name order */
  size_t count, capacity;
  json_t *marks; /* what .npz and safetensors say of themselves: an object, or NULL */
  void **memory; /* (memory_count) elements of entries, owned */
  size_t memory_count;
} cgap_file;

/* A dataset of a file; file and entry are borrowed. */
typedef struct cgap_chosen_dataset {
  const cgap_file *file;
  const cgap_entry *entry;
} cgap_chosen_dataset;

/* ---------------------------------------------------------------- opening: file.c */

/* Opens and lists HDF5, .npy, .npz, safetensors, pickles, text or a folder of .npy. CGAP_FILE: missing, empty,
 * truncated, a Git LFS pointer, a pickle that calls a function, none of these. access NULL: neither. */
CGAP_MUST_CHECK cgap_status cgap_file_open(cgap_file **out, const char *path, const cgap_file_access *access,
                                           cgap_error *error);
/* Several .npy files as one: arrays next to each other, shards one after the other. */
CGAP_MUST_CHECK cgap_status cgap_file_open_npy(cgap_file **out, const char *const *paths, size_t count,
                                               const cgap_file_access *access, cgap_error *error);
void cgap_file_close(cgap_file *file); /* NULL is fine */

/* Whether a path is a .npy file, by its first bytes. *failure (may be NULL): the errno of a disk that cannot be read,
 * or of memory or open files that are short, which says nothing of the file; else 0. */
bool cgap_file_is_npy(const char *path, int *failure);

/* ---------------------------------------------------------------- what is in a file */

/* What the file says of itself under a name, into out: an attribute of an HDF5 file; in safetensors the metadata, in
 * .npz the comment of the archive. false, and "" in out: nothing, or not as text. */
bool cgap_file_mark(char *out, size_t size, const cgap_file *file, const char *name);
/* What a file records that modality 0 or 1 is called, CGAP_MODALITIES_NAMED; "" where it does not. */
void cgap_file_modality_name(char out[CGAP_NAME_SIZE], const cgap_file *file, int modality);

/* The entry at a path ("image" and "/image" are the same), or NULL. */
const cgap_entry *cgap_file_find(const cgap_file *file, const char *path);

/* "(500, 512)" into out; returns out. */
const char *cgap_shape_text(char *out, size_t size, const cgap_entry *entry);
const char *cgap_sizes_text(char *out, size_t size, int ndim, const size_t *sizes);

/* Elements of an entry of any rank; false when the product does not fit. */
bool cgap_entry_elements(size_t *out, const cgap_entry *entry);

/* How many values a list has: (N), and (N, 1) or (1, N), as columns and rows of a matrix are stored; 0: no list. */
size_t cgap_entry_list(const cgap_entry *entry);

/* Whether its elements are numbers, integers or floats. */
bool cgap_entry_is_number(const cgap_entry *entry);

/* Rows and elements per row of a float dataset of rank 2 or 3: (N, k, d) counts as N·k rows. */
size_t cgap_chosen_dataset_rows(const cgap_chosen_dataset *taken);
size_t cgap_chosen_dataset_dim(const cgap_chosen_dataset *taken);

/* k of a dataset (N, k, d) that has k rows each; 0 where it is (N, d), or (N, 1, d) or (1, N, d), which are the same.
 */
size_t cgap_entry_middle(const cgap_entry *entry);

/* The path at which HDF5 has the dataset. */
const char *cgap_entry_place(const cgap_entry *entry);

/* ---------------------------------------------------------------- the containers */

/* For each, whether a file is one, by its first bytes, and what opens it. That takes a file whose fd, bytes and path
 * are set and adds its entries; nothing but headers is read. Entries outside HDF5 have pieces, which say where the
 * elements are. The list of them is in file.c. */

bool cgap_hdf5_is(const cgap_file *file);
CGAP_MUST_CHECK cgap_status cgap_hdf5_open(cgap_file *file, cgap_error *error);

bool cgap_npy_file_is(const cgap_file *file);
CGAP_MUST_CHECK cgap_status cgap_npy_file_open(cgap_file *file, cgap_error *error);
/* Several .npy files; a folder of them and of folders of them. */
CGAP_MUST_CHECK cgap_status cgap_npy_files_open(cgap_file *file, const char *const *paths, size_t count,
                                                cgap_error *error);
CGAP_MUST_CHECK cgap_status cgap_folder_open_npy(cgap_file *file, cgap_error *error);

bool cgap_npz_is(const cgap_file *file);
CGAP_MUST_CHECK cgap_status cgap_npz_open(cgap_file *file, cgap_error *error);

bool cgap_safetensors_is(const cgap_file *file);
CGAP_MUST_CHECK cgap_status cgap_safetensors_open(cgap_file *file, cgap_error *error);

bool cgap_pickle_is(const cgap_file *file);
CGAP_MUST_CHECK cgap_status cgap_pickle_open(cgap_file *file, cgap_error *error);
/* These have no marks: names (.csv, .tsv, .txt, …) and a first character. They are read whole. */
bool cgap_json_starts(const char *head); /* by its first characters */
bool cgap_json_table_is(const cgap_file *file);
CGAP_MUST_CHECK cgap_status cgap_json_table_open(cgap_file *file, cgap_error *error);
bool cgap_text_table_is(const cgap_file *file);
CGAP_MUST_CHECK cgap_status cgap_text_table_open(cgap_file *file, cgap_error *error);

/* Of a file that is listed: vectors (d) with names of their own, one for each item, become one matrix (N, d) for each
 * group, in the order of the names, with the names as ids (stacked_items.c). */
CGAP_MUST_CHECK cgap_status cgap_items_stack(cgap_file *file, cgap_error *error);

/* CGAP_FILE, saying what kind of file it is that none of them reads (unsupported_files.c). */
cgap_status cgap_refuse_unsupported(const cgap_file *file, cgap_error *error);
/* Likewise of a folder without .npy files. */
cgap_status cgap_refuse_folder(const char *path, cgap_error *error);

/* ---------------------------------------------------------------- adding entries */

/* Sets fd, bytes and folder of a path. CGAP_FILE: missing, empty, no regular file. */
CGAP_MUST_CHECK cgap_status cgap_file_open_regular(cgap_file *file, const char *path, cgap_error *error);

/* A new entry, empty, or NULL when out of memory. */
cgap_entry *cgap_file_add(cgap_file *file);
void cgap_entry_clear(cgap_entry *entry);
/* type_text = name, with the byte order where it is not this machine's. */
void cgap_entry_type_text(cgap_entry *entry, const char *name);

/* An array as described by the header of a .npy file or of a member of .npz, or as a tensor. */
typedef struct cgap_npy {
  cgap_kind kind;
  cgap_type type;     /* CGAP_KIND_FLOAT */
  bool swap;          /* stored in the other byte order */
  bool is_signed;     /* CGAP_KIND_INTEGER */
  bool ucs4;          /* CGAP_KIND_STRING: four bytes per character */
  bool pickled;       /* an object array */
  bool fortran;       /* the first axis runs fastest */
  size_t item;        /* bytes per element */
  char type_name[48]; /* "float32", "object" */
  char fields[200];   /* of a structured type: "id, image_embedding"; else "" */
  bool field_rows;    /* one of them holds an array */
  int ndim;
  size_t shape[CGAP_SHAPE_MAX];
  size_t start; /* bytes in front of the first element */
} cgap_npy;

/* Sets kind, type, is_signed, item and type_name by the code of NumPy ("f4") or of safetensors ("F32"); false, and
 * nothing set: an unknown one. */
bool cgap_npy_set_type(cgap_npy *out, const char *code);

/* Gives the next `count` bytes in order; false where it cannot, with *error filled. */
typedef bool cgap_npy_next(void *context, void *out, size_t count, cgap_error *error);

/* Sets the type by a descr of NumPy, "<f4"; false: it is none. */
bool cgap_npy_set_descr(cgap_npy *out, const char *descr);

/* Reads the header of a .npy array of `total` bytes, header and all, and checks it against that size: CGAP_FILE where
 * it is damaged, cut short or followed by something else, CGAP_DATA for an impossible shape. */
CGAP_MUST_CHECK cgap_status cgap_npy_read(cgap_npy *out, cgap_npy_next *next, void *context, uint64_t total,
                                          const char *name, cgap_error *error);

/* An array, and where its elements are. */
typedef struct cgap_array_header {
  const char *path; /* of the entry, "/group/name" */
  const char *name; /* for messages */
  const char *storage;
  const cgap_npy *array;
  cgap_piece piece; /* path is copied; offset is that of the first element; strided: with its strides and span */
} cgap_array_header;

/* Adds the entry, or two where (2, N, d) floats are image and text and the name says neither or both. */
CGAP_MUST_CHECK cgap_status cgap_array_header_add(cgap_file *file, const cgap_array_header *found, cgap_error *error);
/* Adds an array whose elements are in memory from malloc, in native byte order; on success the file owns them. */
CGAP_MUST_CHECK cgap_status cgap_array_in_memory_add(cgap_file *file, const char *path, const char *storage,
                                                     const cgap_npy *array, void *memory, cgap_error *error);
/* CGAP_FILE: two entries have one path. */
CGAP_MUST_CHECK cgap_status cgap_entries_check(const cgap_file *file, cgap_error *error);

#endif
