#include "io/hdf5_values.h"

#include "io/array_values.h"

#include "memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cgap_entry_elements(size_t *out, const cgap_entry *entry)
{
  *out = 1;
  for (int k = 0; k < entry->rank; k++) {
    if (k >= CGAP_SHAPE_MAX || !cgap_product(out, *out, entry->shape[k]))
      return false;
  }
  return true;
}

static cgap_status read_whole(void *out, const cgap_taken *taken, hid_t memory_type, cgap_error *error)
{
  char why[400] = "";
  if (taken->entry->obstacle)
    return cgap_fail(error, CGAP_FILE, "%s: %s", taken->entry->name, taken->entry->obstacle);
  cgap_quiet quiet = cgap_quiet_begin();
  hid_t dataset = H5Dopen2(taken->file->id, taken->entry->path, H5P_DEFAULT);
  bool ok = dataset >= 0 && H5Dread(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0;
  if (!ok)
    cgap_hdf5_reason(why, sizeof why);
  if (dataset >= 0)
    H5Dclose(dataset);
  cgap_quiet_end(quiet);
  if (ok)
    return CGAP_OK;
  return cgap_fail(error, CGAP_FILE, "%s: cannot be read (HDF5: %s); copy the file again", taken->entry->name,
                   why[0] ? why : "no reason given");
}

/* Unsigned values keep their bits, so that ids past 2^63 stay apart; as a row or label they are negative and refused.
 */
cgap_status cgap_read_int64(int64_t *out, const cgap_taken *taken, cgap_error *error)
{
  if (taken->entry->pieces)
    return cgap_array_int64(out, taken->entry, error);
  return read_whole(out, taken, taken->entry->is_signed ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64, error);
}

cgap_status cgap_read_float64(double *out, const cgap_taken *taken, cgap_error *error)
{
  if (taken->entry->pieces)
    return cgap_array_float64(out, taken->entry, error);
  return read_whole(out, taken, H5T_NATIVE_DOUBLE, error);
}

/* ---------------------------------------------------------------- ids */

static size_t fixed_length(const unsigned char *bytes, size_t size, H5T_str_t padding)
{
  size_t length = strnlen((const char *)bytes, size);
  while (padding == H5T_STR_SPACEPAD && length > 0 && bytes[length - 1] == ' ')
    length--;
  return length;
}

static cgap_status read_fixed(cgap_id *id, unsigned char **blob, const cgap_taken *taken, hid_t type, size_t count,
                              cgap_error *error)
{
  size_t size = H5Tget_size(type);
  H5T_str_t padding = H5Tget_strpad(type);
  size_t bytes = 0;
  if (!cgap_product(&bytes, count, size) || !(*blob = malloc(bytes + 1)))
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu ids", taken->entry->name, count);
  cgap_status status = read_whole(*blob, taken, type, error);
  for (size_t i = 0; i < count && status == CGAP_OK; i++)
    id[i] = (cgap_id){*blob + i * size, fixed_length(*blob + i * size, size, padding)};
  return status;
}

/* HDF5 gives each string a block of its own: they are gathered into one. */
static cgap_status gather(cgap_id *id, unsigned char **blob, char *const *strings, size_t count)
{
  size_t bytes = 1;
  for (size_t i = 0; i < count; i++)
    bytes += strings[i] ? strlen(strings[i]) : 0;
  unsigned char *to = *blob = malloc(bytes);
  if (!to)
    return CGAP_RESOURCE;
  for (size_t i = 0; i < count; i++) {
    size_t length = strings[i] ? strlen(strings[i]) : 0;
    if (length)
      memcpy(to, strings[i], length);
    id[i] = (cgap_id){to, length};
    to += length;
  }
  return CGAP_OK;
}

static cgap_status read_variable(cgap_id *id, unsigned char **blob, const cgap_taken *taken, hid_t type, size_t count,
                                 cgap_error *error)
{
  char **strings = calloc(count + 1, sizeof *strings);
  if (!strings)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu ids", taken->entry->name, count);
  cgap_status status = read_whole(strings, taken, type, error);
  if (status == CGAP_OK && gather(id, blob, strings, count) != CGAP_OK)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu ids", taken->entry->name, count);
  for (size_t i = 0; i < count; i++)
    H5free_memory(strings[i]);
  free(strings);
  return status;
}

static cgap_status read_integers(cgap_id *id, unsigned char **blob, const cgap_taken *taken, size_t count,
                                 cgap_error *error)
{
  int64_t *values = malloc((count + 1) * sizeof *values);
  *blob = (unsigned char *)values;
  if (!values)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu ids", taken->entry->name, count);
  cgap_status status = cgap_read_int64(values, taken, error);
  for (size_t i = 0; i < count; i++)
    id[i] = (cgap_id){(const unsigned char *)(values + i), sizeof *values};
  return status;
}

static cgap_status read_ids(cgap_id *id, unsigned char **blob, const cgap_taken *taken, size_t count, cgap_error *error)
{
  if (taken->entry->kind == CGAP_KIND_INTEGER)
    return read_integers(id, blob, taken, count, error);
  if (taken->entry->pieces)
    return cgap_array_strings(id, blob, taken->entry, error);
  hid_t dataset = H5Dopen2(taken->file->id, taken->entry->path, H5P_DEFAULT);
  hid_t type = dataset < 0 ? H5I_INVALID_HID : H5Dget_type(dataset);
  if (dataset >= 0)
    H5Dclose(dataset);
  if (type < 0)
    return cgap_fail(error, CGAP_FILE, "%s: cannot be opened; the file is damaged, copy it again", taken->entry->name);
  cgap_status status = H5Tis_variable_str(type) > 0 ? read_variable(id, blob, taken, type, count, error)
                                                    : read_fixed(id, blob, taken, type, count, error);
  H5Tclose(type);
  return status;
}

cgap_status cgap_ids_read(cgap_ids *out, const cgap_taken *taken, size_t count, cgap_error *error)
{
  size_t total = 0;
  for (size_t i = 0; i < count; i++)
    total += taken[i].entry->shape[0];
  *out = (cgap_ids){.count = total, .kind = taken->entry->kind, .blobs = count};
  out->id = calloc(total + 1, sizeof *out->id);
  out->blob = calloc(count, sizeof *out->blob);
  if (!out->id || !out->blob) {
    cgap_ids_clear(out);
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu ids", taken->entry->name, total);
  }
  cgap_status status = CGAP_OK;
  size_t at = 0;
  for (size_t i = 0; i < count && status == CGAP_OK; i++) {
    if (taken[i].entry->kind != out->kind)
      status = cgap_fail(error, CGAP_DATA, "%s: ids of type %s, %s has %s; write both as the same type",
                         taken[i].entry->name, taken[i].entry->type_text, taken->entry->name, taken->entry->type_text);
    else
      status = read_ids(out->id + at, &out->blob[i], &taken[i], taken[i].entry->shape[0], error);
    at += taken[i].entry->shape[0];
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
  for (char *p = out; *p; p++) {
    if ((unsigned char)*p < ' ')
      *p = '?';
  }
  return out;
}
