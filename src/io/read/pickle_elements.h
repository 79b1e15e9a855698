/* Arrays, tensors and texts of a pickle as entries. An array or tensor is read where it is. What is in pieces (a dict
 * or list of vectors, numbers of Python, bytes in the form of text) is written once, in order, to an unnamed file, of a
 * size that is bounded by the size of the pickle: references to one object may be many.
 *
 * Functions that return bool set p->status where they return false, unless they ask something. */
#ifndef CGAP_IO_READ_PICKLE_ELEMENTS_H
#define CGAP_IO_READ_PICKLE_ELEMENTS_H

#include "io/read/pickle_objects.h"

static const uint32_t CGAP_PICKLE_NUMBERS =
  1U << CGAP_PICKLE_BOOL | 1U << CGAP_PICKLE_INTEGER | 1U << CGAP_PICKLE_NUMBER;
static const uint32_t CGAP_PICKLE_TEXTS = 1U << CGAP_PICKLE_STRING | 1U << CGAP_PICKLE_BYTES;
static const uint32_t CGAP_PICKLE_LISTS = 1U << CGAP_PICKLE_LIST | 1U << CGAP_PICKLE_TUPLE;

/* What is on its way to the unnamed file. */
typedef struct cgap_pickle_gathering {
  cgap_file *file;
  cgap_pickle *p;
  uint64_t gathered, gathered_max; /* bytes of the file */
  unsigned char *block;            /* that are not written yet; owned */
  size_t used;                     /* of it */
} cgap_pickle_gathering;

/* An object as an item of a list: a number, a vector, a matrix. */
typedef struct cgap_pickle_element {
  cgap_npy npy; /* type and shape */
  bool python;  /* numbers of Python, which are written as integers or doubles */
} cgap_pickle_element;

static inline bool cgap_pickle_is_list(cgap_pickle_value v)
{
  return v.kind == CGAP_PICKLE_LIST || v.kind == CGAP_PICKLE_TUPLE;
}

bool cgap_pickle_is_numbers(const cgap_pickle_sequence *s);

bool cgap_gather_fail(cgap_pickle_gathering *g); /* out of memory */
/* Refuses where `count` times `each` bytes more are more than the size of the pickle explains. */
bool cgap_gather_check(cgap_pickle_gathering *g, const char *path, size_t count, size_t each);

/* piece: where it is, without the path of the file. obstacle (may be NULL): why it cannot be read. */
bool cgap_gather_add_entry(cgap_pickle_gathering *g, const char *path, const cgap_npy *npy, cgap_piece piece,
                           const char *storage, const char *obstacle);
/* What the unnamed file has from byte `at` on. */
bool cgap_gather_add(cgap_pickle_gathering *g, const char *path, const cgap_npy *npy, uint64_t at, const char *storage);

/* The header of an array of NumPy or joblib; an array, and a tensor, as an entry. */
cgap_npy cgap_gather_array_header(const cgap_pickle *p, const cgap_pickle_array *a);
bool cgap_gather_array(cgap_pickle_gathering *g, const char *path, const cgap_pickle_array *a);
bool cgap_gather_tensor(cgap_pickle_gathering *g, const char *path, const cgap_pickle_tensor *t);

/* Type and shape of an item; false: no such object, or one that cannot be copied as it is. */
bool cgap_element_measure(const cgap_pickle *p, cgap_pickle_element *out, cgap_pickle_value v);
/* Whether two rows make a matrix; integers and floats of Python become floats. */
bool cgap_elements_agree(cgap_pickle_element *all, const cgap_pickle_element *e);
/* One item, of the type and shape of all; the numbers of a list. */
bool cgap_gather_put_element(cgap_pickle_gathering *g, cgap_pickle_value v, const cgap_pickle_element *all);
bool cgap_gather_put_numbers(cgap_pickle_gathering *g, cgap_pickle_value list, bool as_float);

/* Strings, the i-th of which is at first + i·step of a sequence, as strings of one length: a list, or rows of
 * `columns`. */
bool cgap_gather_texts(cgap_pickle_gathering *g, const char *path, cgap_pickle_value list, size_t first, size_t step,
                       size_t columns);
/* The keys of a dict as the ids of its items. */
bool cgap_gather_ids(cgap_pickle_gathering *g, const char *path, cgap_pickle_value dict);

#endif
