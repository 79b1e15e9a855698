/* Pickles of Python, read without running them: their objects (pickle_objects.c), a closed list of functions that make
 * them (pickle_calls.c: tensors, arrays and containers; any other is refused by name), and a machine for the opcodes of
 * protocols 0 to 5 (pickle.c).
 *
 * A pickle is a program, and may be hostile. The machine does not recurse, counts the memory that it takes, and
 * compares each length with the bytes that are left before it takes memory for it. The elements of arrays are passed
 * over: what remains is where they are in the file. pickle_datasets.c makes entries of the objects, torch.c knows the
 * files.
 *
 * Sources: CPython, Lib/pickletools.py; NumPy, numpy/core/src/multiarray/methods.c (array_reduce, array_setstate);
 * PyTorch, torch/serialization.py and torch/_utils.py; joblib, joblib/numpy_pickle.py. */
#ifndef CGAP_IO_READ_PICKLE_OBJECTS_H
#define CGAP_IO_READ_PICKLE_OBJECTS_H

#include "io/read/container.h"

#include <zip.h>

/* ---------------------------------------------------------------- bytes */

/* A file, or the members of a zip archive, read at any place; members in order where possible. */
typedef struct cgap_pickle_bytes {
  char *path;       /* of the file; borrowed */
  const char *name; /* for messages */
  int fd;
  bool gathered;  /* fd is the unnamed file of the cgap_file */
  zip_t *zip;     /* NULL: the file itself */
  int64_t member; /* that has the pickle; −1: none */
  uint64_t end;   /* of the pickle: bytes of the file or of that member */
  uint64_t whole; /* bytes of the file */
  uint64_t at;    /* the next byte of the pickle */
  unsigned char *buffer;
  size_t from, until; /* of the buffer: bytes before `at` were used */
  zip_file_t *open;   /* the member that was read last, open_member, up to open_at */
  int64_t open_member;
  uint64_t open_at;
  unsigned char *checked; /* a byte for each member whose checksum was compared; NULL: none */
} cgap_pickle_bytes;

/* `count` bytes at `at` of a member, or of the file (−1). */
CGAP_MUST_CHECK cgap_status cgap_pickle_read_at(cgap_pickle_bytes *bytes, int64_t member, uint64_t at, size_t count,
                                                void *out, cgap_error *error);
/* Compares the checksum of a member, once. */
CGAP_MUST_CHECK cgap_status cgap_pickle_check_member(cgap_pickle_bytes *bytes, int64_t member, cgap_error *error);
void cgap_pickle_bytes_close(cgap_pickle_bytes *bytes); /* not fd and zip */

/* ---------------------------------------------------------------- objects */

typedef enum cgap_pickle_kind {
  CGAP_PICKLE_UNSET, /* in the memo: nothing */
  CGAP_PICKLE_NONE,
  CGAP_PICKLE_BOOL, /* integer */
  CGAP_PICKLE_INTEGER,
  CGAP_PICKLE_LARGE, /* an integer beyond 64 bits; index of a text with its bytes */
  CGAP_PICKLE_NUMBER,
  CGAP_PICKLE_STRING, /* index of a text */
  CGAP_PICKLE_BYTES,
  CGAP_PICKLE_LIST, /* index of a sequence */
  CGAP_PICKLE_TUPLE,
  CGAP_PICKLE_SET,
  CGAP_PICKLE_DICT,     /* a sequence: key, value, key, value … */
  CGAP_PICKLE_FUNCTION, /* index of the closed list */
  CGAP_PICKLE_ARRAY,    /* index of an array, and so on */
  CGAP_PICKLE_TYPE,
  CGAP_PICKLE_STORAGE,
  CGAP_PICKLE_TENSOR,
  CGAP_PICKLE_KINDS
} cgap_pickle_kind;

typedef struct cgap_pickle_value {
  cgap_pickle_kind kind;
  uint32_t index;
  union {
    int64_t integer;
    double number;
  };
} cgap_pickle_value;

typedef enum cgap_pickle_form {
  CGAP_TEXT_RAW,     /* bytes as they are */
  CGAP_TEXT_UTF8,    /* characters */
  CGAP_TEXT_ESCAPED, /* characters of Latin-1, and \u1234 */
  CGAP_TEXT_REPR,    /* bytes as Python 2 prints them: \x12, \n */
  CGAP_TEXT_UCS4,    /* characters of four bytes, in the machine's order */
  CGAP_TEXT_UCS4_SWAPPED
} cgap_pickle_form;

typedef struct cgap_pickle_text {
  cgap_pickle_form form;
  bool latin1;         /* bytes, each of which is a character of the text */
  uint64_t at, length; /* in the file or the member */
  uint64_t pooled;     /* its copy in the pool; UINT64_MAX: none is kept */
} cgap_pickle_text;

typedef struct cgap_pickle_sequence {
  cgap_pickle_value *item; /* (count), or NULL */
  double *number;          /* (count), where all are floats, or NULL */
  size_t count, capacity;
  uint32_t kinds;     /* 1 << kind of each item; of a dict, of its values */
  uint32_t key_kinds; /* of a dict */
  bool seen;          /* listed already */
  signed char rows;   /* 1: its items are lists of `dim` numbers; −1: not; 0: not known */
  size_t dim;
} cgap_pickle_sequence;

typedef struct cgap_pickle_type {
  cgap_npy npy;
  char code[64]; /* "f4" */
} cgap_pickle_type;

/* An array of NumPy; of joblib, whose elements follow in the file. */
typedef struct cgap_pickle_array {
  bool set, fortran, wrapper;
  uint32_t type;
  int ndim;
  size_t shape[CGAP_SHAPE_MAX];
  cgap_pickle_value data; /* a text, or for objects a list */
  uint64_t at;            /* without a text: of the first element */
} cgap_pickle_array;

enum { CGAP_PICKLE_KEY_MAX = 64 }; /* bytes of the name of a storage */

typedef struct cgap_pickle_storage {
  uint32_t key; /* a text */
  const char *code;
  uint64_t count; /* elements */
  bool found, swap, checked;
  int64_t member; /* of the archive; −1: the file */
  uint64_t at, bytes;
} cgap_pickle_storage;

typedef struct cgap_pickle_tensor {
  uint32_t storage;
  const char *code;
  uint64_t offset; /* elements */
  int ndim;
  size_t shape[CGAP_SHAPE_MAX], stride[CGAP_SHAPE_MAX]; /* elements */
} cgap_pickle_tensor;

/* Objects of one kind, in a block that grows. */
typedef struct cgap_pickle_table {
  void *item;
  size_t count, capacity;
} cgap_pickle_table;

typedef struct cgap_pickle {
  cgap_pickle_bytes *bytes;
  bool persistent; /* storages have a name, as torch.save writes them */
  cgap_error *error;
  cgap_status status;
  uint64_t memory, memory_max; /* bytes that the objects take */
  cgap_pickle_table stack, memo, marks;
  size_t puts; /* into the memo */
  cgap_pickle_table texts, pool, sequences, arrays, types, storages, tensors;
} cgap_pickle;

/* memory: what is allowed, or NULL. */
void cgap_pickle_init(cgap_pickle *p, cgap_pickle_bytes *bytes, const cgap_memory_count *memory);
/* Reads the pickle at bytes->at up to its end; *out: its object. The objects stay until clear; several pickles of one
 * file may follow each other. CGAP_FILE: damaged, or with a function that is not on the list; CGAP_RESOURCE. */
CGAP_MUST_CHECK cgap_status cgap_pickle_run(cgap_pickle *p, cgap_pickle_value *out, cgap_error *error);
void cgap_pickle_clear(cgap_pickle *p);

/* The characters of a text as UTF-8, or its bytes; a new block with a 0 behind it. NULL: p->status says why. */
char *cgap_pickle_text_copy(cgap_pickle *p, uint32_t text, size_t *length);
uint64_t cgap_pickle_text_length(const cgap_pickle *p, uint32_t text);
/* Whether a text is this word, and short. */
bool cgap_pickle_text_is(const cgap_pickle *p, cgap_pickle_value value, const char *word);

static inline cgap_pickle_text *cgap_pickle_text_at(const cgap_pickle *p, uint32_t i)
{
  return (cgap_pickle_text *)p->texts.item + i;
}

static inline cgap_pickle_sequence *cgap_pickle_sequence_at(const cgap_pickle *p, uint32_t i)
{
  return (cgap_pickle_sequence *)p->sequences.item + i;
}

static inline cgap_pickle_array *cgap_pickle_array_at(const cgap_pickle *p, uint32_t i)
{
  return (cgap_pickle_array *)p->arrays.item + i;
}

static inline cgap_pickle_type *cgap_pickle_type_at(const cgap_pickle *p, uint32_t i)
{
  return (cgap_pickle_type *)p->types.item + i;
}

static inline cgap_pickle_storage *cgap_pickle_storage_at(const cgap_pickle *p, uint32_t i)
{
  return (cgap_pickle_storage *)p->storages.item + i;
}

static inline cgap_pickle_tensor *cgap_pickle_tensor_at(const cgap_pickle *p, uint32_t i)
{
  return (cgap_pickle_tensor *)p->tensors.item + i;
}

/* ---------------------------------------------------------------- between the machine and its calls */

/* Set p->status and return false. */
bool cgap_pickle_damaged(cgap_pickle *p, const char *format, ...) CGAP_PRINTF(2, 3);
bool cgap_pickle_refuse(cgap_pickle *p, cgap_status status, const char *format, ...) CGAP_PRINTF(3, 4);

/* A new object. */
bool cgap_pickle_sequence_new(cgap_pickle *p, cgap_pickle_value *out, cgap_pickle_kind kind,
                              const cgap_pickle_value *items, size_t count);
bool cgap_pickle_sequence_add(cgap_pickle *p, cgap_pickle_value sequence, const cgap_pickle_value *items, size_t count);
cgap_pickle_value cgap_pickle_item(const cgap_pickle *p, cgap_pickle_value sequence, size_t i);
size_t cgap_pickle_count(const cgap_pickle *p, cgap_pickle_value sequence);
/* One more object of a table, all 0, its number in *index; NULL: p->status says why. */
void *cgap_pickle_new(cgap_pickle *p, uint32_t *index, cgap_pickle_table *table, size_t size);

/* The function of this name; refuses one that is not on the list. */
bool cgap_pickle_function(cgap_pickle *p, cgap_pickle_value *out, const char *module, const char *name);
/* out = function(*arguments); what the opcode is called. */
bool cgap_pickle_call(cgap_pickle *p, cgap_pickle_value *out, cgap_pickle_value function, cgap_pickle_value arguments);
/* object.__setstate__(state). */
bool cgap_pickle_set_state(cgap_pickle *p, cgap_pickle_value object, cgap_pickle_value state);
/* What a persistent id names. */
bool cgap_pickle_persistent(cgap_pickle *p, cgap_pickle_value *out, cgap_pickle_value id);

/* At least so many places more in a table, which has at most `max`. */
bool cgap_pickle_reserve(cgap_pickle *p, cgap_pickle_table *table, size_t more, size_t size, size_t max);

/* Keeps a copy of a text; the copy, or NULL. */
bool cgap_pickle_keep_text(cgap_pickle *p, cgap_pickle_text *text, const void *bytes);
const char *cgap_pickle_text_kept(const cgap_pickle *p, const cgap_pickle_text *text);

/* Bytes of the pickle that are left; the failure where `count` are needed; fills the empty buffer. */
uint64_t cgap_pickle_left(const cgap_pickle *p);
bool cgap_pickle_cut_short(cgap_pickle *p, uint64_t count);
bool cgap_pickle_fill(cgap_pickle *p);

/* The next bytes; passes over them. Both compare with what is left. */
bool cgap_pickle_next(cgap_pickle *p, void *out, size_t count);
bool cgap_pickle_skip(cgap_pickle *p, uint64_t count);

/* ---------------------------------------------------------------- datasets */

/* Adds an entry for each array, tensor and list of numbers or strings in `root`: below the path `prefix`, or at the
 * path `stem` where root is one itself. */
CGAP_MUST_CHECK cgap_status cgap_pickle_datasets(cgap_file *file, cgap_pickle *p, cgap_pickle_value root,
                                                 const char *prefix, const char *stem, cgap_error *error);

/* Lists an object array, whose pickle is the rest of `npy`; below `prefix`. alone: CGAP_FILE where it cannot be read;
 * else it is an entry that says why. */
CGAP_MUST_CHECK cgap_status cgap_pickle_objects_open(cgap_file *file, const cgap_file *npy,
                                                     const cgap_array_header *found, const char *prefix, bool alone,
                                                     cgap_error *error);
/* A file of torch.save in an open archive; stat is of its data.pkl. */
CGAP_MUST_CHECK cgap_status cgap_torch_zip_open(cgap_file *file, zip_t *zip, const zip_stat_t *stat, cgap_error *error);

#endif
