/* Small datasets read whole, from HDF5 or an array outside it: integers, numbers, ids. */
#include "io/read/datasets.h"

#include "base/memory.h"
#include "base/text_buffer.h"
#include "io/read/array_reader.h"
#include "io/read/hdf5_basics.h"
#include "simd/convert.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double WHOLE_MAX = 9007199254740992.0; /* 2^53: whole numbers up to here are exact in a double */

cgap_status cgap_memory_take(const cgap_chosen_dataset *taken, size_t elements, size_t bytes, cgap_error *error)
{
  static const unsigned long long MIB = 1 << 20;
  cgap_memory_count *memory = taken->file->access.memory;
  size_t all = 0;
  if (taken->entry->obstacle)
    return cgap_fail(error, CGAP_FILE, "%s: %s", taken->entry->name, taken->entry->obstacle);
  if (!cgap_product(&all, elements, bytes))
    return cgap_fail(error, CGAP_RESOURCE, "%s: %zu values of %zu bytes are more than any memory holds",
                     taken->entry->name, elements, bytes);
  if (!memory || all <= memory->limit - memory->used) {
    if (memory)
      memory->used += all;
    return CGAP_OK;
  }
  return cgap_fail(error, CGAP_RESOURCE,
                   "%s: takes %lluM of memory, `memory_bytes` allows %lluM, of which %lluM are taken; give "
                   "`memory_bytes` %lluM, or leave it out",
                   taken->entry->name, all / MIB + 1, (unsigned long long)memory->limit / MIB,
                   (unsigned long long)memory->used / MIB, (unsigned long long)(memory->used + all) / MIB + 1);
}

/* All elements as 8 bytes each. */
static cgap_status take_values(const cgap_chosen_dataset *taken, cgap_error *error)
{
  size_t elements = 0;
  if (!cgap_entry_elements(&elements, taken->entry))
    return cgap_fail(error, CGAP_DATA, "%s: more values than any memory holds", taken->entry->name);
  return cgap_memory_take(taken, elements, sizeof(int64_t), error);
}

/* ---------------------------------------------------------------- arrays outside HDF5 */

/* All elements, in native byte order; freed by the caller. */
static cgap_status read_array(unsigned char **out, size_t *count, const cgap_entry *e, cgap_error *error)
{
  size_t bytes = 0;
  *out = NULL;
  if (!cgap_entry_elements(count, e) || !cgap_product(&bytes, *count, e->item) || !(*out = malloc(bytes + 1)))
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", e->name);
  cgap_status status = cgap_array_read_all(*out, e, error);
  if (status != CGAP_OK) {
    free(*out);
    *out = NULL;
  }
  return status;
}

/* An integer of 1, 2, 4 or 8 bytes in native order, its sign bit extended. */
static int64_t integer_at(const unsigned char *at, size_t size, bool is_signed)
{
  uint64_t value = 0;
  const size_t unused = 64 - 8 * size;
  memcpy((unsigned char *)&value + (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 8 - size), at, size);
  return is_signed ? (int64_t)(value << unused) >> unused : (int64_t)value;
}

/* Into integers or, where that is NULL, into numbers. */
static cgap_status array_values(int64_t *integers, double *numbers, const cgap_entry *e, cgap_error *error)
{
  unsigned char *raw = NULL;
  size_t count = 0;
  cgap_status status = read_array(&raw, &count, e, error);
  if (status == CGAP_OK && e->kind == CGAP_KIND_FLOAT)
    cgap_to_double(e->type, raw, count, numbers);
  for (size_t i = 0; i < count && status == CGAP_OK && e->kind == CGAP_KIND_INTEGER; i++) {
    const int64_t value = integer_at(raw + i * e->item, e->item, e->is_signed);
    if (integers)
      integers[i] = value;
    else
      numbers[i] = (double)value;
  }
  free(raw);
  return status;
}

/* In place: a character takes at most the four bytes that it had. */
static size_t ucs4_to_utf8(unsigned char *text, size_t bytes)
{
  size_t used = 0;
  for (size_t at = 0; at + 4 <= bytes; at += 4) {
    uint32_t c = 0;
    memcpy(&c, text + at, 4);
    if (c == 0)
      break;
    used += cgap_utf8_encode((char *)text + used, c > 0x10ffff ? '?' : c);
  }
  return used;
}

static cgap_status array_strings(cgap_id *id, unsigned char **blob, const cgap_entry *e, cgap_error *error)
{
  size_t count = 0;
  cgap_status status = read_array(blob, &count, e, error);
  for (size_t i = 0; i < count && status == CGAP_OK; i++) {
    unsigned char *text = *blob + i * e->item;
    id[i] = (cgap_id){text, e->ucs4 ? ucs4_to_utf8(text, e->item) : strnlen((const char *)text, e->item)};
  }
  return status;
}

/* ---------------------------------------------------------------- numbers */

static cgap_status read_whole(void *out, const cgap_chosen_dataset *taken, hid_t memory_type, cgap_error *error)
{
  char why[400] = "";
  if (taken->entry->obstacle)
    return cgap_fail(error, CGAP_FILE, "%s: %s", taken->entry->name, taken->entry->obstacle);
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  hid_t dataset = H5Dopen2(taken->file->id, cgap_entry_place(taken->entry), H5P_DEFAULT);
  bool ok = dataset >= 0 && H5Dread(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0;
  if (!ok)
    cgap_hdf5_reason(why, sizeof why);
  cgap_hdf5_close(dataset);
  cgap_hdf5_silence_end(quiet);
  if (ok)
    return CGAP_OK;
  return cgap_fail(error, CGAP_FILE, "%s: cannot be read (HDF5: %s); copy the file again", taken->entry->name,
                   why[0] ? why : "no reason given");
}

/* Puts the 8-byte elements of a turned dataset in row-major order of the shape meant. */
static cgap_status turn_values(void *values, const cgap_entry *e, cgap_error *error)
{
  size_t count = 0, at[CGAP_SHAPE_MAX] = {0};
  if (!e->turned || cgap_entry_list(e) > 0 || !cgap_entry_elements(&count, e))
    return CGAP_OK;
  uint64_t *copy = cgap_alloc(count, sizeof *copy), *out = values;
  if (!copy)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", e->name);
  memcpy(copy, out, count * sizeof *copy);
  for (size_t i = 0; i < count; i++) {
    size_t from = 0;
    for (int k = e->ndim - 1; k >= 0; k--)
      from = from * e->shape[k] + at[k];
    out[i] = copy[from];
    for (int k = e->ndim - 1; k >= 0 && ++at[k] == e->shape[k]; k--)
      at[k] = 0;
  }
  cgap_free(copy);
  return CGAP_OK;
}

/* Unsigned values keep their bits: ids past 2^63 stay distinct; as a row or label they are negative and refused. */
cgap_status cgap_read_int64(int64_t *out, const cgap_chosen_dataset *taken, cgap_error *error)
{
  cgap_status status = take_values(taken, error);
  if (status != CGAP_OK)
    return status;
  if (taken->entry->pieces)
    return array_values(out, NULL, taken->entry, error);
  status = read_whole(out, taken, taken->entry->is_signed ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64, error);
  return status == CGAP_OK ? turn_values(out, taken->entry, error) : status;
}

cgap_status cgap_read_float64(double *out, const cgap_chosen_dataset *taken, cgap_error *error)
{
  cgap_status status = take_values(taken, error);
  if (status != CGAP_OK)
    return status;
  if (taken->entry->pieces)
    return array_values(NULL, out, taken->entry, error);
  status = read_whole(out, taken, H5T_NATIVE_DOUBLE, error);
  return status == CGAP_OK ? turn_values(out, taken->entry, error) : status;
}

static cgap_status read_from_floats(int64_t *out, const cgap_chosen_dataset *taken, const char *what, cgap_error *error)
{
  const cgap_entry *e = taken->entry;
  char shape[160];
  size_t count = 0;
  if (e->type == CGAP_BFLOAT16)
    return cgap_fail(error, CGAP_DATA, "%s: bfloat16 cannot hold %s; write integers", e->name, what);
  if (!cgap_entry_elements(&count, e))
    return cgap_fail(error, CGAP_DATA, "%s: more values than any memory holds", e->name);
  double *values = cgap_alloc(count, sizeof *values);
  if (!values)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", e->name);
  cgap_status status = cgap_read_float64(values, taken, error);
  for (size_t i = 0; i < count && status == CGAP_OK; i++) {
    if (!(fabs(values[i]) <= WHOLE_MAX) || values[i] != floor(values[i]))
      status = cgap_fail(error, CGAP_DATA,
                         "%s: %s of shape %s, entry %zu is %g; %s are whole numbers: correct it or write integers",
                         e->name, e->type_text, cgap_shape_text(shape, sizeof shape, e), i, values[i], what);
    else
      out[i] = (int64_t)values[i];
  }
  cgap_free(values);
  return status;
}

cgap_status cgap_read_whole(int64_t *out, const cgap_chosen_dataset *taken, const char *what, cgap_error *error)
{
  return taken->entry->kind == CGAP_KIND_FLOAT ? read_from_floats(out, taken, what, error)
                                               : cgap_read_int64(out, taken, error);
}

/* ---------------------------------------------------------------- ids */

static size_t fixed_length(const unsigned char *bytes, size_t size, H5T_str_t padding)
{
  size_t length = strnlen((const char *)bytes, size);
  while (padding == H5T_STR_SPACEPAD && length > 0 && bytes[length - 1] == ' ')
    length--;
  return length;
}

static cgap_status read_fixed(cgap_id *id, unsigned char **blob, const cgap_chosen_dataset *taken, hid_t type,
                              size_t count, cgap_error *error)
{
  size_t size = H5Tget_size(type);
  H5T_str_t padding = H5Tget_strpad(type);
  size_t bytes = 0;
  cgap_status status = cgap_memory_take(taken, count, size, error);
  if (status != CGAP_OK)
    return status;
  if (!cgap_product(&bytes, count, size) || !(*blob = malloc(bytes + 1)))
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", taken->entry->name);
  status = read_whole(*blob, taken, type, error);
  for (size_t i = 0; i < count && status == CGAP_OK; i++)
    id[i] = (cgap_id){*blob + i * size, fixed_length(*blob + i * size, size, padding)};
  return status;
}

/* HDF5 allocates each string; these are gathered into one block. */
static cgap_status read_variable(cgap_id *id, unsigned char **blob, const cgap_chosen_dataset *taken, hid_t type,
                                 size_t count, cgap_error *error)
{
  char **strings = calloc(count + 1, sizeof *strings);
  size_t bytes = 1;
  if (!strings)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", taken->entry->name);
  cgap_status status = read_whole(strings, taken, type, error);
  for (size_t i = 0; i < count && status == CGAP_OK; i++)
    bytes += strings[i] ? strlen(strings[i]) : 0;
  if (status == CGAP_OK && !(*blob = malloc(bytes)))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", taken->entry->name);
  unsigned char *to = *blob;
  for (size_t i = 0; i < count; i++) {
    if (status == CGAP_OK) {
      id[i] = (cgap_id){to, strings[i] ? strlen(strings[i]) : 0};
      if (strings[i])
        memcpy(to, strings[i], id[i].length);
      to += id[i].length;
    }
    H5free_memory(strings[i]);
  }
  free(strings);
  return status;
}

static cgap_status read_integers(cgap_id *id, unsigned char **blob, const cgap_chosen_dataset *taken, size_t count,
                                 cgap_error *error)
{
  int64_t *values = malloc((count + 1) * sizeof *values);
  *blob = (unsigned char *)values;
  if (!values)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", taken->entry->name);
  cgap_status status = cgap_read_whole(values, taken, "ids", error);
  for (size_t i = 0; i < count; i++)
    id[i] = (cgap_id){(const unsigned char *)(values + i), sizeof *values};
  return status;
}

/* The rows of a MATLAB matrix of 16-bit characters, stored columns first, padded with spaces or zeros. */
static cgap_status read_characters(cgap_id *id, unsigned char **blob, const cgap_chosen_dataset *taken, size_t count,
                                   cgap_error *error)
{
  const size_t length = taken->entry->characters;
  size_t elements = 0;
  uint16_t *values = cgap_product(&elements, count, length) ? cgap_alloc(elements, sizeof *values) : NULL;
  *blob = values ? malloc(3 * elements + 1) : NULL;
  cgap_status status = *blob ? read_whole(values, taken, H5T_NATIVE_UINT16, error)
                             : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", taken->entry->name);
  unsigned char *to = *blob;
  for (size_t i = 0; i < count && status == CGAP_OK; i++) {
    size_t used = length;
    while (used > 0 && (values[(used - 1) * count + i] == 0 || values[(used - 1) * count + i] == ' '))
      used--;
    id[i] = (cgap_id){to, 0};
    for (size_t c = 0; c < used; c++)
      to += cgap_utf8_encode((char *)to, values[c * count + i]);
    id[i].length = (size_t)(to - id[i].bytes);
  }
  cgap_free(values);
  return status;
}

static cgap_status read_ids(cgap_id *id, unsigned char **blob, const cgap_chosen_dataset *taken, size_t count,
                            cgap_error *error)
{
  if (taken->entry->kind != CGAP_KIND_STRING)
    return read_integers(id, blob, taken, count, error);
  if (taken->entry->characters)
    return read_characters(id, blob, taken, count, error);
  if (taken->entry->pieces) {
    const cgap_status status = cgap_memory_take(taken, count, taken->entry->item, error);
    return status == CGAP_OK ? array_strings(id, blob, taken->entry, error) : status;
  }
  hid_t dataset = H5Dopen2(taken->file->id, cgap_entry_place(taken->entry), H5P_DEFAULT);
  hid_t type = dataset < 0 ? H5I_INVALID_HID : H5Dget_type(dataset);
  cgap_hdf5_close(dataset);
  if (type < 0)
    return cgap_fail(error, CGAP_FILE, "%s: cannot be opened; the file is damaged, copy it again", taken->entry->name);
  cgap_status status = H5Tis_variable_str(type) > 0 ? read_variable(id, blob, taken, type, count, error)
                                                    : read_fixed(id, blob, taken, type, count, error);
  H5Tclose(type);
  return status;
}

size_t cgap_ids_in(const cgap_entry *e)
{
  const size_t list = cgap_entry_list(e);
  size_t count = 0;
  const bool matrix = list == 0 && e->kind == CGAP_KIND_STRING && e->ndim == 2 && !e->turned && !e->characters;
  return matrix && cgap_entry_elements(&count, e) ? count : list;
}

static cgap_kind id_kind(const cgap_entry *entry)
{
  return entry->kind == CGAP_KIND_STRING ? CGAP_KIND_STRING : CGAP_KIND_INTEGER;
}

cgap_status cgap_ids_read(cgap_ids *out, const cgap_chosen_dataset *taken, size_t count, cgap_error *error)
{
  size_t total = 0;
  *out = (cgap_ids){0};
  for (size_t i = 0; i < count; i++) {
    const cgap_status status = cgap_memory_take(&taken[i], cgap_ids_in(taken[i].entry), sizeof *out->id, error);
    if (status != CGAP_OK)
      return status;
    total += cgap_ids_in(taken[i].entry);
  }
  *out = (cgap_ids){.count = total, .kind = id_kind(taken->entry), .blobs = count};
  out->id = calloc(total + 1, sizeof *out->id);
  out->blob = calloc(count, sizeof *out->blob);
  if (!out->id || !out->blob) {
    cgap_ids_clear(out);
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", taken->entry->name);
  }
  cgap_status status = CGAP_OK;
  size_t at = 0;
  for (size_t i = 0; i < count && status == CGAP_OK; i++) {
    const size_t here = cgap_ids_in(taken[i].entry);
    if (id_kind(taken[i].entry) != out->kind)
      status = cgap_fail(error, CGAP_DATA, "%s: ids of type %s, %s has %s; write both as the same type",
                         taken[i].entry->name, taken[i].entry->type_text, taken->entry->name, taken->entry->type_text);
    else
      status = read_ids(out->id + at, &out->blob[i], &taken[i], here, error);
    at += here;
  }
  if (status != CGAP_OK)
    cgap_ids_clear(out);
  return status;
}

void cgap_ids_clear(cgap_ids *ids)
{
  for (size_t i = 0; ids->blob && i < ids->blobs; i++)
    free(ids->blob[i]);
  free(ids->blob);
  free(ids->id);
  *ids = (cgap_ids){0};
}

const char *cgap_id_text(char *out, size_t size, const cgap_ids *ids, size_t row)
{
  const cgap_id *id = &ids->id[row];
  if (ids->kind == CGAP_KIND_INTEGER) {
    int64_t value = 0;
    memcpy(&value, id->bytes, sizeof value);
    (void)snprintf(out, size, "%" PRId64, value);
    return out;
  }
  (void)snprintf(out, size, "\"%.*s\"", id->length < 60 ? (int)id->length : 60, (const char *)id->bytes);
  cgap_text_clean(out, '?', "");
  return out;
}
