/* The closed list of what a pickle may call, and what each call gives: tensors, arrays and containers. None of it runs
 * code of the file or of Python. */
#include "io/read/pickle_objects.h"

#include "base/memory.h"
#include "base/text_buffer.h"
#include "io/read/array_reader.h"
#include "simd/convert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum meaning {
  NUMPY_ARRAY,       /* the class ndarray */
  NUMPY_RECONSTRUCT, /* an empty array, filled by its state */
  NUMPY_FROM_BUFFER, /* an array of protocol 5 */
  NUMPY_TYPE,
  NUMPY_SCALAR,
  ELEMENT_TYPE, /* of ml_dtypes, of torch */
  JOBLIB_ARRAY, /* an array whose elements follow in the file */
  LATIN_1,      /* _codecs.encode: bytes of NumPy in protocol 2 */
  RECONSTRUCT,  /* copyreg._reconstructor, a class without arguments of protocol 0 or 1 */
  OBJECT,       /* the class object */
  NEW_LIST,
  NEW_TUPLE,
  NEW_SET,
  NEW_DICT,
  NEW_BYTES,
  NOTHING, /* what is no data: a device */
  STORAGE,
  TENSOR_1,
  TENSOR_2,
  TENSOR_3,
  PARAMETER
} meaning;

static const struct {
  const char *name;
  meaning what;
  const char *code; /* of the elements, as in the table of container.c */
} FUNCTIONS[] = {
  {"numpy.ndarray", NUMPY_ARRAY, NULL},
  {"numpy.core.multiarray._reconstruct", NUMPY_RECONSTRUCT, NULL},
  {"numpy._core.multiarray._reconstruct", NUMPY_RECONSTRUCT, NULL},
  {"numpy.core.numeric._frombuffer", NUMPY_FROM_BUFFER, NULL},
  {"numpy._core.numeric._frombuffer", NUMPY_FROM_BUFFER, NULL},
  {"numpy.dtype", NUMPY_TYPE, NULL},
  {"numpy.core.multiarray.scalar", NUMPY_SCALAR, NULL},
  {"numpy._core.multiarray.scalar", NUMPY_SCALAR, NULL},
  {"ml_dtypes.bfloat16", ELEMENT_TYPE, "BF16"},
  {"joblib.numpy_pickle.NumpyArrayWrapper", JOBLIB_ARRAY, NULL},
  {"_codecs.encode", LATIN_1, NULL},
  {"copyreg._reconstructor", RECONSTRUCT, NULL},
  {"copy_reg._reconstructor", RECONSTRUCT, NULL},
  {"builtins.object", OBJECT, NULL},
  {"__builtin__.object", OBJECT, NULL},
  {"builtins.list", NEW_LIST, NULL},
  {"__builtin__.list", NEW_LIST, NULL},
  {"builtins.tuple", NEW_TUPLE, NULL},
  {"__builtin__.tuple", NEW_TUPLE, NULL},
  {"torch.Size", NEW_TUPLE, NULL},
  {"builtins.set", NEW_SET, NULL},
  {"builtins.frozenset", NEW_SET, NULL},
  {"__builtin__.set", NEW_SET, NULL},
  {"__builtin__.frozenset", NEW_SET, NULL},
  {"builtins.dict", NEW_DICT, NULL},
  {"__builtin__.dict", NEW_DICT, NULL},
  {"collections.OrderedDict", NEW_DICT, NULL},
  {"collections.defaultdict", NEW_DICT, NULL},
  {"builtins.bytearray", NEW_BYTES, NULL},
  {"__builtin__.bytearray", NEW_BYTES, NULL},
  {"builtins.bytes", NEW_BYTES, NULL},
  {"__builtin__.bytes", NEW_BYTES, NULL},
  {"torch.device", NOTHING, NULL},
  {"torch.HalfStorage", STORAGE, "F16"},
  {"torch.BFloat16Storage", STORAGE, "BF16"},
  {"torch.FloatStorage", STORAGE, "F32"},
  {"torch.DoubleStorage", STORAGE, "F64"},
  {"torch.CharStorage", STORAGE, "I8"},
  {"torch.ShortStorage", STORAGE, "I16"},
  {"torch.IntStorage", STORAGE, "I32"},
  {"torch.LongStorage", STORAGE, "I64"},
  {"torch.ByteStorage", STORAGE, "U8"},
  {"torch.BoolStorage", STORAGE, "BOOL"},
  {"torch.UntypedStorage", STORAGE, "U8"},
  {"torch.storage.UntypedStorage", STORAGE, "U8"},
  {"torch.storage._UntypedStorage", STORAGE, "U8"},
  {"torch.float16", ELEMENT_TYPE, "F16"},
  {"torch.bfloat16", ELEMENT_TYPE, "BF16"},
  {"torch.float32", ELEMENT_TYPE, "F32"},
  {"torch.float64", ELEMENT_TYPE, "F64"},
  {"torch.int8", ELEMENT_TYPE, "I8"},
  {"torch.int16", ELEMENT_TYPE, "I16"},
  {"torch.int32", ELEMENT_TYPE, "I32"},
  {"torch.int64", ELEMENT_TYPE, "I64"},
  {"torch.uint8", ELEMENT_TYPE, "U8"},
  {"torch.uint16", ELEMENT_TYPE, "U16"},
  {"torch.uint32", ELEMENT_TYPE, "U32"},
  {"torch.uint64", ELEMENT_TYPE, "U64"},
  {"torch.bool", ELEMENT_TYPE, "BOOL"},
  {"torch._utils._rebuild_tensor", TENSOR_1, NULL},
  {"torch._utils._rebuild_tensor_v2", TENSOR_2, NULL},
  {"torch._utils._rebuild_tensor_v3", TENSOR_3, NULL},
  {"torch._utils._rebuild_parameter", PARAMETER, NULL},
};
enum { FUNCTION_COUNT = sizeof FUNCTIONS / sizeof *FUNCTIONS };

/* A table of pandas has a line that converts it. */
static bool refuse_function(cgap_pickle *p, const char *full)
{
  static const char PANDAS[] = "pandas.";
  char *path = cgap_python_string(p->bytes->path), *line = NULL;
  if (path && !strncmp(full, PANDAS, sizeof PANDAS - 1))
    line = cgap_format("; in Python: import numpy, pandas; a = pandas.read_pickle(%s); numpy.savez('new.npz', "
                       "**{str(name): numpy.stack(a[name]) for name in a})",
                       path);
  if (p->status == CGAP_OK)
    p->status = cgap_fail(p->error, CGAP_FILE,
                          "%s: a Python pickle that would call %.200s, which is not read and was not run; load it in "
                          "Python only if you trust who wrote it%s",
                          p->bytes->name, full, line ? line : ", and write the arrays with numpy.savez");
  free(path);
  free(line);
  return false;
}

bool cgap_pickle_function(cgap_pickle *p, cgap_pickle_value *out, const char *module, const char *name)
{
  char full[1100];
  (void)snprintf(full, sizeof full, "%s.%s", module, name);
  full[strcspn(full, "\r")] = '\0';
  for (uint32_t i = 0; i < FUNCTION_COUNT; i++)
    if (!strcmp(full, FUNCTIONS[i].name)) {
      *out = (cgap_pickle_value){.kind = CGAP_PICKLE_FUNCTION, .index = i};
      return true;
    }
  return refuse_function(p, full);
}

/* ---------------------------------------------------------------- arguments */

static bool is_function(cgap_pickle_value v, meaning what)
{
  return v.kind == CGAP_PICKLE_FUNCTION && FUNCTIONS[v.index].what == what;
}

static bool read_count(size_t *out, cgap_pickle_value v)
{
  *out = (size_t)v.integer;
  return v.kind == CGAP_PICKLE_INTEGER && v.integer >= 0;
}

/* A tuple of sizes, or one size; false where it is none, or has more axes than are listed. */
static bool read_sizes(const cgap_pickle *p, int *ndim, size_t sizes[CGAP_SHAPE_MAX], cgap_pickle_value v)
{
  *ndim = 1;
  if (v.kind == CGAP_PICKLE_INTEGER)
    return read_count(&sizes[0], v);
  const size_t count = cgap_pickle_count(p, v);
  if ((v.kind != CGAP_PICKLE_TUPLE && v.kind != CGAP_PICKLE_LIST) || count > CGAP_SHAPE_MAX)
    return false;
  *ndim = (int)count;
  for (size_t i = 0; i < count; i++)
    if (!read_count(&sizes[i], cgap_pickle_item(p, v, i)))
      return false;
  return true;
}

/* Bytes of so many elements; false: more than any file has. */
static bool bytes_of(uint64_t *out, int ndim, const size_t *shape, size_t item)
{
  size_t bytes = item;
  bool fits = true;
  for (int k = 0; k < ndim; k++)
    fits = fits && cgap_product(&bytes, bytes, shape[k]);
  *out = bytes;
  return fits && bytes <= INT64_MAX;
}

static bool refuse_arguments(cgap_pickle *p, const char *what)
{
  return cgap_pickle_damaged(p, "%s with arguments that it cannot have", what);
}

/* ---------------------------------------------------------------- types of NumPy */

static bool new_type(cgap_pickle *p, cgap_pickle_value *out, cgap_pickle_value arguments)
{
  const cgap_pickle_value code = cgap_pickle_item(p, arguments, 0);
  *out = (cgap_pickle_value){.kind = CGAP_PICKLE_TYPE};
  cgap_pickle_type *type = cgap_pickle_new(p, &out->index, &p->types, sizeof *type);
  if (!type)
    return false;
  if (is_function(code, ELEMENT_TYPE)) {
    (void)cgap_npy_set_type(&type->npy, FUNCTIONS[code.index].code);
    return true;
  }
  size_t length = 0;
  char *text = code.kind == CGAP_PICKLE_STRING && cgap_pickle_text_length(p, code.index) < sizeof type->code - 1
                 ? cgap_pickle_text_copy(p, code.index, &length)
                 : NULL;
  const bool good = text && cgap_npy_set_descr(&type->npy, text);
  if (good)
    (void)snprintf(type->code, sizeof type->code, "%.60s", text);
  free(text);
  return good || refuse_arguments(p, "numpy.dtype");
}

/* (version, byte order, …, names of fields, …). */
static bool set_type_state(cgap_pickle *p, cgap_pickle_type *type, cgap_pickle_value state)
{
  char descr[66];
  static const char *const ORDERS[] = {"<", ">", "|", "="};
  const cgap_pickle_value order = cgap_pickle_item(p, state, 1), subarray = cgap_pickle_item(p, state, 2),
                          names = cgap_pickle_item(p, state, 3);
  size_t i = 0;
  while (i < 4 && !cgap_pickle_text_is(p, order, ORDERS[i]))
    i++;
  if (state.kind != CGAP_PICKLE_TUPLE || i == 4)
    return refuse_arguments(p, "the state of numpy.dtype");
  const bool plain = names.kind != CGAP_PICKLE_TUPLE && subarray.kind == CGAP_PICKLE_NONE;
  if (!plain || !type->code[0]) { /* structured rows are listed and not read */
    type->npy.kind = plain ? type->npy.kind : CGAP_KIND_OTHER;
    if (!plain)
      (void)snprintf(type->npy.type_name, sizeof type->npy.type_name, "structured");
    return true;
  }
  (void)snprintf(descr, sizeof descr, "%s%s", ORDERS[i], type->code + (strchr("<>|=", type->code[0]) != NULL));
  return cgap_npy_set_descr(&type->npy, descr) || refuse_arguments(p, "the state of numpy.dtype");
}

/* ---------------------------------------------------------------- arrays of NumPy */

static bool new_array(cgap_pickle *p, cgap_pickle_value *out)
{
  *out = (cgap_pickle_value){.kind = CGAP_PICKLE_ARRAY};
  return cgap_pickle_new(p, &out->index, &p->arrays, sizeof(cgap_pickle_array)) != NULL;
}

/* Type, shape and elements, which are compared with each other. */
static bool fill_array(cgap_pickle *p, cgap_pickle_array *a, cgap_pickle_value shape, cgap_pickle_value type,
                       cgap_pickle_value data)
{
  uint64_t bytes = 0;
  if (!read_sizes(p, &a->ndim, a->shape, shape) || type.kind != CGAP_PICKLE_TYPE)
    return refuse_arguments(p, "an array of NumPy");
  const cgap_npy *npy = &cgap_pickle_type_at(p, type.index)->npy;
  const bool text = data.kind == CGAP_PICKLE_BYTES || data.kind == CGAP_PICKLE_STRING;
  const uint64_t there = text                            ? cgap_pickle_text_length(p, data.index)
                         : data.kind == CGAP_PICKLE_LIST ? cgap_pickle_count(p, data)
                                                         : 0;
  if (npy->pickled != (data.kind == CGAP_PICKLE_LIST) || (!text && !npy->pickled))
    return refuse_arguments(p, "an array of NumPy");
  if (!bytes_of(&bytes, a->ndim, a->shape, npy->pickled ? 1 : npy->item))
    return cgap_pickle_damaged(p, "an array of NumPy is larger than any memory");
  if (bytes > there)
    return cgap_pickle_damaged(p, "an array of NumPy needs %llu bytes, %llu are there", (unsigned long long)bytes,
                               (unsigned long long)there);
  const bool as_written = text && cgap_pickle_text_at(p, data.index)->form == CGAP_TEXT_RAW;
  if ((as_written || npy->pickled) && bytes != there)
    return cgap_pickle_damaged(p, "%llu bytes for an array of NumPy that needs %llu", (unsigned long long)there,
                               (unsigned long long)bytes);
  a->type = type.index;
  a->data = data;
  a->set = true;
  return true;
}

/* (version, shape, dtype, in Fortran order, bytes or objects); the oldest have no version. */
static bool set_array_state(cgap_pickle *p, cgap_pickle_array *a, cgap_pickle_value state)
{
  const size_t first = cgap_pickle_count(p, state) == 5;
  const cgap_pickle_value fortran = cgap_pickle_item(p, state, first + 2);
  if (a->set || state.kind != CGAP_PICKLE_TUPLE || cgap_pickle_count(p, state) != first + 4 ||
      (fortran.kind != CGAP_PICKLE_BOOL && fortran.kind != CGAP_PICKLE_INTEGER))
    return refuse_arguments(p, "the state of an array of NumPy");
  a->fortran = fortran.integer != 0;
  return fill_array(p, a, cgap_pickle_item(p, state, first), cgap_pickle_item(p, state, first + 1),
                    cgap_pickle_item(p, state, first + 3));
}

/* (buffer, dtype, shape, order). */
static bool array_from_buffer(cgap_pickle *p, cgap_pickle_value *out, cgap_pickle_value arguments)
{
  if (!new_array(p, out))
    return false;
  cgap_pickle_array *a = cgap_pickle_array_at(p, out->index);
  a->fortran = cgap_pickle_text_is(p, cgap_pickle_item(p, arguments, 3), "F");
  return fill_array(p, a, cgap_pickle_item(p, arguments, 2), cgap_pickle_item(p, arguments, 1),
                    cgap_pickle_item(p, arguments, 0));
}

/* (dtype, bytes): a number, or a string. */
static bool new_scalar(cgap_pickle *p, cgap_pickle_value *out, cgap_pickle_value arguments)
{
  const cgap_pickle_value type = cgap_pickle_item(p, arguments, 0), data = cgap_pickle_item(p, arguments, 1);
  if (type.kind != CGAP_PICKLE_TYPE || (data.kind != CGAP_PICKLE_BYTES && data.kind != CGAP_PICKLE_STRING))
    return refuse_arguments(p, "a scalar of NumPy");
  const cgap_npy *npy = &cgap_pickle_type_at(p, type.index)->npy;
  cgap_pickle_text text = *cgap_pickle_text_at(p, data.index);
  *out = (cgap_pickle_value){.kind = CGAP_PICKLE_NONE};
  if (npy->kind == CGAP_KIND_STRING) {
    out->kind = CGAP_PICKLE_STRING;
    text.form = !npy->ucs4 ? text.form : npy->swap ? CGAP_TEXT_UCS4_SWAPPED : CGAP_TEXT_UCS4;
    cgap_pickle_text *copy = cgap_pickle_new(p, &out->index, &p->texts, sizeof *copy);
    if (copy)
      *copy = text;
    return copy != NULL;
  }
  if (npy->kind == CGAP_KIND_OTHER) /* a date, a complex number */
    return true;
  size_t length = 0;
  char *raw = text.length <= 64 ? cgap_pickle_text_copy(p, data.index, &length) : NULL;
  if (!raw || length != npy->item) {
    free(raw);
    return refuse_arguments(p, "a scalar of NumPy");
  }
  if (npy->swap)
    cgap_swap_bytes(raw, 1, npy->item);
  uint64_t bits = 0;
  for (size_t i = npy->item; i > 0 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__; i--)
    bits = bits << 8 | (unsigned char)raw[i - 1];
  for (size_t i = 0; i < npy->item && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__; i++)
    bits = bits << 8 | (unsigned char)raw[i];
  if (npy->kind == CGAP_KIND_FLOAT) {
    out->kind = CGAP_PICKLE_NUMBER;
    cgap_to_double(npy->type, raw, 1, &out->number);
  } else {
    const size_t unused = 64 - 8 * npy->item;
    out->kind = CGAP_PICKLE_INTEGER;
    out->integer = npy->is_signed ? (int64_t)(bits << unused) >> unused : (int64_t)bits;
  }
  free(raw);
  return true;
}

/* ---------------------------------------------------------------- arrays of joblib */

static cgap_pickle_value dict_item(const cgap_pickle *p, cgap_pickle_value dict, const char *key)
{
  for (size_t i = 0; i + 1 < cgap_pickle_count(p, dict); i += 2)
    if (cgap_pickle_text_is(p, cgap_pickle_item(p, dict, i), key))
      return cgap_pickle_item(p, dict, i + 1);
  return (cgap_pickle_value){.kind = CGAP_PICKLE_UNSET};
}

/* The elements follow at once, behind as many bytes as align them; how many these are is said by the first. */
static bool set_joblib_state(cgap_pickle *p, cgap_pickle_array *a, cgap_pickle_value state)
{
  const cgap_pickle_value type = dict_item(p, state, "dtype"), order = dict_item(p, state, "order");
  const cgap_pickle_kind aligned = dict_item(p, state, "numpy_array_alignment_bytes").kind;
  unsigned char padding = 0;
  uint64_t bytes = 0;
  if (a->set || state.kind != CGAP_PICKLE_DICT || type.kind != CGAP_PICKLE_TYPE ||
      !is_function(dict_item(p, state, "subclass"), NUMPY_ARRAY) ||
      !read_sizes(p, &a->ndim, a->shape, dict_item(p, state, "shape")))
    return refuse_arguments(p, "an array of joblib");
  const cgap_npy *npy = &cgap_pickle_type_at(p, type.index)->npy;
  if (npy->item == 0)
    return cgap_pickle_refuse(p, CGAP_FILE,
                              "an array of joblib with Python objects, which is not read; write the rows "
                              "as one array of numbers");
  if (aligned != CGAP_PICKLE_UNSET && aligned != CGAP_PICKLE_NONE &&
      (!cgap_pickle_next(p, &padding, 1) || !cgap_pickle_skip(p, padding)))
    return false;
  a->type = type.index;
  a->fortran = cgap_pickle_text_is(p, order, "F");
  a->at = p->bytes->at;
  a->set = true;
  if (!bytes_of(&bytes, a->ndim, a->shape, npy->item))
    return cgap_pickle_damaged(p, "an array of joblib is larger than any memory");
  return cgap_pickle_skip(p, bytes);
}

/* ---------------------------------------------------------------- tensors */

bool cgap_pickle_persistent(cgap_pickle *p, cgap_pickle_value *out, cgap_pickle_value id)
{
  const cgap_pickle_value class = cgap_pickle_item(p, id, 1), key = cgap_pickle_item(p, id, 2),
                          view = cgap_pickle_item(p, id, 5);
  size_t count = 0;
  if (!p->persistent)
    return cgap_pickle_refuse(p, CGAP_FILE,
                              "a Python pickle with an object outside of it (a persistent id), and no file of PyTorch; "
                              "write the arrays with numpy.savez");
  const bool storage = id.kind == CGAP_PICKLE_TUPLE && cgap_pickle_text_is(p, cgap_pickle_item(p, id, 0), "storage") &&
                       is_function(class, STORAGE) && key.kind == CGAP_PICKLE_STRING &&
                       read_count(&count, cgap_pickle_item(p, id, 4));
  if (!storage || cgap_pickle_text_length(p, key.index) > CGAP_PICKLE_KEY_MAX ||
      (view.kind != CGAP_PICKLE_UNSET && view.kind != CGAP_PICKLE_NONE))
    return cgap_pickle_damaged(p, "a persistent id that is no storage of PyTorch");
  *out = (cgap_pickle_value){.kind = CGAP_PICKLE_STORAGE};
  cgap_pickle_storage *s = cgap_pickle_new(p, &out->index, &p->storages, sizeof *s);
  if (s)
    *s = (cgap_pickle_storage){.key = key.index, .code = FUNCTIONS[class.index].code, .count = count, .member = -1};
  return s != NULL;
}

/* (storage, offset, sizes, strides, …); in the third form the type is the last but one of eight, or the seventh. */
static bool new_tensor(cgap_pickle *p, cgap_pickle_value *out, cgap_pickle_value arguments, meaning what)
{
  const cgap_pickle_value storage = cgap_pickle_item(p, arguments, 0), type = cgap_pickle_item(p, arguments, 6);
  size_t offset = 0, shape[CGAP_SHAPE_MAX] = {0}, stride[CGAP_SHAPE_MAX] = {0};
  int ndim = 0, strides = 0;
  if (storage.kind != CGAP_PICKLE_STORAGE || !read_count(&offset, cgap_pickle_item(p, arguments, 1)) ||
      !read_sizes(p, &ndim, shape, cgap_pickle_item(p, arguments, 2)) ||
      !read_sizes(p, &strides, stride, cgap_pickle_item(p, arguments, 3)) || ndim != strides ||
      (what == TENSOR_3 && !is_function(type, ELEMENT_TYPE)))
    return refuse_arguments(p, "a tensor of PyTorch");
  const cgap_pickle_storage *s = cgap_pickle_storage_at(p, storage.index);
  *out = (cgap_pickle_value){.kind = CGAP_PICKLE_TENSOR};
  cgap_pickle_tensor *t = cgap_pickle_new(p, &out->index, &p->tensors, sizeof *t);
  if (!t)
    return false;
  *t = (cgap_pickle_tensor){.storage = storage.index,
                            .code = what == TENSOR_3 ? FUNCTIONS[type.index].code : s->code,
                            .offset = offset,
                            .ndim = ndim};
  memcpy(t->shape, shape, sizeof shape);
  memcpy(t->stride, stride, sizeof stride);
  return true;
}

/* ---------------------------------------------------------------- calls */

/* A dict of nothing, of another dict or of a list of pairs; a factory of defaultdict says nothing. */
static bool new_dict(cgap_pickle *p, cgap_pickle_value *out, cgap_pickle_value arguments)
{
  cgap_pickle_value from = cgap_pickle_item(p, arguments, 0);
  if (from.kind == CGAP_PICKLE_FUNCTION || from.kind == CGAP_PICKLE_NONE)
    from = cgap_pickle_item(p, arguments, 1);
  if (!cgap_pickle_sequence_new(p, out, CGAP_PICKLE_DICT, NULL, 0))
    return false;
  const size_t count = cgap_pickle_count(p, from);
  for (size_t i = 0; i < count; i += from.kind == CGAP_PICKLE_DICT ? 2 : 1) {
    const cgap_pickle_value pair = cgap_pickle_item(p, from, i);
    const bool dict = from.kind == CGAP_PICKLE_DICT;
    const cgap_pickle_value items[2] = {dict ? pair : cgap_pickle_item(p, pair, 0),
                                        dict ? cgap_pickle_item(p, from, i + 1) : cgap_pickle_item(p, pair, 1)};
    if (items[0].kind == CGAP_PICKLE_UNSET || items[1].kind == CGAP_PICKLE_UNSET)
      return refuse_arguments(p, "a dict");
    if (!cgap_pickle_sequence_add(p, *out, items, 2))
      return false;
  }
  return true;
}

/* A list, tuple or set of the items of another. */
static bool new_sequence(cgap_pickle *p, cgap_pickle_value *out, cgap_pickle_value arguments, cgap_pickle_kind kind)
{
  const cgap_pickle_value from = cgap_pickle_item(p, arguments, 0);
  if (!cgap_pickle_sequence_new(p, out, kind, NULL, 0))
    return false;
  for (size_t i = 0; i < cgap_pickle_count(p, from); i++) {
    const cgap_pickle_value item = cgap_pickle_item(p, from, i);
    if (!cgap_pickle_sequence_add(p, *out, &item, 1))
      return false;
  }
  return true;
}

/* Bytes, given as they are, as nothing, or as a text of their characters. */
static bool new_bytes(cgap_pickle *p, cgap_pickle_value *out, cgap_pickle_value arguments)
{
  const cgap_pickle_value from = cgap_pickle_item(p, arguments, 0), coding = cgap_pickle_item(p, arguments, 1);
  const bool latin = cgap_pickle_text_is(p, coding, "latin1") || cgap_pickle_text_is(p, coding, "latin-1");
  *out = (cgap_pickle_value){.kind = CGAP_PICKLE_BYTES, .index = from.index};
  if (from.kind == CGAP_PICKLE_BYTES && coding.kind == CGAP_PICKLE_UNSET)
    return true;
  const bool empty = from.kind == CGAP_PICKLE_UNSET;
  if (!empty && (from.kind != CGAP_PICKLE_STRING || !latin))
    return refuse_arguments(p, "an object of bytes");
  cgap_pickle_text *text = cgap_pickle_new(p, &out->index, &p->texts, sizeof *text);
  if (!text)
    return false;
  *text = empty ? (cgap_pickle_text){.form = CGAP_TEXT_RAW} : *cgap_pickle_text_at(p, from.index);
  text->latin1 = !empty;
  return true;
}

bool cgap_pickle_call(cgap_pickle *p, cgap_pickle_value *out, cgap_pickle_value function, cgap_pickle_value arguments)
{
  if (function.kind != CGAP_PICKLE_FUNCTION)
    return cgap_pickle_damaged(p, "it calls what is no function");
  const meaning what = FUNCTIONS[function.index].what;
  const cgap_pickle_value first = cgap_pickle_item(p, arguments, 0);
  switch (what) {
  case NUMPY_RECONSTRUCT:
    return is_function(first, NUMPY_ARRAY) ? new_array(p, out) : refuse_arguments(p, "_reconstruct");
  case NUMPY_FROM_BUFFER:
    return array_from_buffer(p, out, arguments);
  case NUMPY_TYPE:
    return new_type(p, out, arguments);
  case NUMPY_SCALAR:
    return new_scalar(p, out, arguments);
  case RECONSTRUCT:
    if (!is_function(first, JOBLIB_ARRAY))
      return refuse_arguments(p, "copyreg._reconstructor");
    /* fall through */
  case JOBLIB_ARRAY:
    if (!new_array(p, out))
      return false;
    cgap_pickle_array_at(p, out->index)->wrapper = true;
    return true;
  case LATIN_1:
  case NEW_BYTES:
    return new_bytes(p, out, arguments);
  case NEW_LIST:
    return new_sequence(p, out, arguments, CGAP_PICKLE_LIST);
  case NEW_TUPLE:
    return new_sequence(p, out, arguments, CGAP_PICKLE_TUPLE);
  case NEW_SET:
    return new_sequence(p, out, arguments, CGAP_PICKLE_SET);
  case NEW_DICT:
    return new_dict(p, out, arguments);
  case NOTHING:
    *out = (cgap_pickle_value){.kind = CGAP_PICKLE_NONE};
    return true;
  case TENSOR_1:
  case TENSOR_2:
  case TENSOR_3:
    return new_tensor(p, out, arguments, what);
  case PARAMETER:
    *out = first;
    return first.kind == CGAP_PICKLE_TENSOR || refuse_arguments(p, "a parameter of PyTorch");
  case NUMPY_ARRAY:
  case ELEMENT_TYPE:
  case OBJECT:
  case STORAGE:
    break;
  }
  return cgap_pickle_damaged(p, "it calls %s, which pickles do not", FUNCTIONS[function.index].name);
}

bool cgap_pickle_set_state(cgap_pickle *p, cgap_pickle_value object, cgap_pickle_value state)
{
  if (object.kind == CGAP_PICKLE_TYPE)
    return set_type_state(p, cgap_pickle_type_at(p, object.index), state);
  if (object.kind == CGAP_PICKLE_ARRAY) {
    cgap_pickle_array *a = cgap_pickle_array_at(p, object.index);
    return a->wrapper ? set_joblib_state(p, a, state) : set_array_state(p, a, state);
  }
  /* attributes of an OrderedDict, such as the versions in a state_dict of PyTorch */
  return object.kind == CGAP_PICKLE_DICT || cgap_pickle_damaged(p, "it sets the state of what has none");
}
