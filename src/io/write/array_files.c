/* Layouts: .npy (NumPy, "NEP 1, A Simple File Format for NumPy Arrays"), .npz as a zip archive of stored members
 * (PKWARE APPNOTE 6.3.9, with Zip64 where sizes need it), .safetensors. Sizes are known before anything is written, so
 * that every file is written in one pass; of a zip member the checksum alone is put in afterwards. The archive is
 * written here because libzip writes through a temporary file of its own, which a kill would leave. */
#include "io/write/array_files.h"

#include <errno.h>
#include <jansson.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/modality_names.h"
#include "base/output_file.h"
#include "base/text_buffer.h"

enum {
  HEADER_ALIGN = 64,
  HEADER_MAX = 256,
  LOCAL_HEADER = 30,
  ZIP64_EXTRA = 20,
  CENTRAL_HEADER = 46,
  CRC_IN_LOCAL_HEADER = 14
};

typedef struct zip_member {
  char *name;
  uint64_t begin, size; /* of its local header in the archive; of its content */
  uint32_t crc;
} zip_member;

struct cgap_array_files {
  cgap_layout layout;
  const char *path;
  const cgap_output_arrays *arrays;
  const cgap_modality_names *names;
  char *marks;
  cgap_folder folder;                        /* CGAP_LAYOUT_NPY */
  cgap_outfile file[CGAP_OUTPUT_ARRAYS_MAX]; /* one of each array, or the only one */
  size_t files;
  zip_member member[CGAP_OUTPUT_ARRAYS_MAX];
  size_t members;
  uint64_t written; /* bytes of the archive */
};

/* ---------------------------------------------------------------- names and types */

bool cgap_layout_holds(cgap_layout layout, const cgap_output_array *a)
{
  const bool strings = a->kind == CGAP_OUTPUT_IDS && a->ids.kind == CGAP_KIND_STRING;
  return layout == CGAP_LAYOUT_SAFETENSORS ? !strings : layout != CGAP_LAYOUT_NPY_FILES || !strchr(a->path + 1, '/');
}

cgap_status cgap_array_file_name(char out[CGAP_PATH], const char *path, cgap_layout layout, const char *array,
                                 bool one_modality, const cgap_modality_names *names, cgap_error *error)
{
  char name[300];
  const char *leaf = array + 1;
  bool is_modality = false;
  if (layout == CGAP_LAYOUT_NPY) {
    (void)snprintf(name, sizeof name, "%s.npy", leaf);
    return cgap_folder_file(out, path, name, error);
  }
  for (int m = 0; m < 2 && !is_modality; m++) {
    is_modality = strcmp(leaf, m ? "text" : "image") == 0;
    leaf = is_modality ? cgap_modality_name(names->of[m], m) : leaf;
  }
  const size_t stem = strlen(path) - strlen(".npy");
  const int length = one_modality && is_modality ? snprintf(out, CGAP_PATH, "%s", path)
                                                 : snprintf(out, CGAP_PATH, "%.*s_%s.npy", (int)stem, path, leaf);
  return length < CGAP_PATH ? CGAP_OK : cgap_fail(error, CGAP_FILE, "%s: too long a name", path);
}

static bool is_bfloat16(const cgap_output_array *a)
{
  return a->kind == CGAP_OUTPUT_ROWS && a->source->type == CGAP_BFLOAT16;
}

/* Bytes of a row as NumPy has it, which has no bfloat16. */
static size_t npy_row_bytes(const cgap_output_array *a)
{
  const size_t characters = a->characters, bytes = cgap_output_array_row_bytes(a);
  return characters ? characters * sizeof(uint32_t) : is_bfloat16(a) ? 2 * bytes : bytes;
}

/* "<f4" */
static void npy_type(char out[32], const cgap_output_array *a)
{
  const char order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';
  const size_t characters = a->characters;
  if (characters)
    (void)snprintf(out, 32, "%cU%zu", order, characters);
  else if (a->kind == CGAP_OUTPUT_IDS && a->ids.kind == CGAP_KIND_STRING)
    (void)snprintf(out, 32, "|S%zu", a->width);
  else if (a->kind == CGAP_OUTPUT_ROWS)
    (void)snprintf(out, 32, "%cf%zu", order, is_bfloat16(a) ? sizeof(float) : cgap_type_size(a->source->type));
  else
    (void)snprintf(out, 32, "%c%c8", order, a->kind == CGAP_OUTPUT_REALS ? 'f' : 'i');
}

static void shape_text(char out[100], const cgap_output_array *a, const char *last)
{
  int used = 0;
  for (int k = 0; k < a->ndim; k++)
    used += snprintf(out + used, 100 - (size_t)used, "%zu%s", a->shape[k], k + 1 < a->ndim ? ", " : last);
}

/* Version 1.0; the array begins at a multiple of 64 bytes. Returns its bytes. */
static size_t npy_header(char out[HEADER_MAX], const cgap_output_array *a)
{
  char type[32], shape[100];
  npy_type(type, a);
  shape_text(shape, a, a->ndim == 1 ? "," : "");
  int used =
    snprintf(out + 10, HEADER_MAX - 10, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, shape);
  while ((10 + used + 1) % HEADER_ALIGN != 0)
    out[10 + used++] = ' ';
  out[10 + used++] = '\n';
  memcpy(out, "\x93NUMPY\x01\x00", 8);
  out[8] = (char)(used & 255);
  out[9] = (char)(used >> 8);
  return 10 + (size_t)used;
}

/* ---------------------------------------------------------------- bytes out */

static cgap_outfile *current(cgap_array_files *w)
{
  return &w->file[w->files - 1];
}

static cgap_status put(cgap_array_files *w, const void *bytes, size_t count, cgap_error *error)
{
  const cgap_outfile *file = current(w);
  errno = 0;
  if (fwrite(bytes, 1, count, file->stream) != count)
    return cgap_fail_errno(error, errno, file->path, "write");
  w->written += count;
  if (w->members)
    w->member[w->members - 1].crc = libdeflate_crc32(w->member[w->members - 1].crc, bytes, count);
  return CGAP_OK;
}

/* Little-endian numbers of a zip archive. */
typedef struct zip_bytes {
  unsigned char at[128];
  size_t count;
} zip_bytes;

static void zip_number(zip_bytes *b, uint64_t value, size_t bytes)
{
  for (size_t k = 0; k < bytes; k++)
    b->at[b->count++] = (unsigned char)(value >> (8 * k));
}

/* Without the checksum of what is being written, which covers members alone. */
static cgap_status put_zip(cgap_array_files *w, const void *bytes, size_t count, cgap_error *error)
{
  const size_t members = w->members;
  w->members = 0;
  const cgap_status status = put(w, bytes, count, error);
  w->members = members;
  return status;
}

static bool needs_zip64(uint64_t value)
{
  return value >= UINT32_MAX;
}

static cgap_status begin_member(cgap_array_files *w, const cgap_output_array *a, size_t header, cgap_error *error)
{
  zip_member *m = &w->member[w->members];
  *m = (zip_member){.name = cgap_format("%s.npy", a->path + 1),
                    .begin = w->written,
                    .size = header + (uint64_t)a->rows * npy_row_bytes(a)};
  if (!m->name)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", w->path);
  w->members++;
  const bool large = needs_zip64(m->size);
  zip_bytes b = {0};
  zip_number(&b, 0x04034b50, 4);
  zip_number(&b, large ? 45 : 20, 2); /* version that it needs */
  zip_number(&b, 1 << 11, 2);         /* the name is UTF-8 */
  zip_number(&b, 0, 2);               /* stored */
  zip_number(&b, 0x00210000, 4);      /* 1980-01-01: the same content gives the same bytes */
  zip_number(&b, 0, 4);               /* checksum, afterwards */
  zip_number(&b, large ? UINT32_MAX : m->size, 4);
  zip_number(&b, large ? UINT32_MAX : m->size, 4);
  zip_number(&b, strlen(m->name), 2);
  zip_number(&b, large ? ZIP64_EXTRA : 0, 2);
  cgap_status status = put_zip(w, b.at, b.count, error);
  if (status == CGAP_OK)
    status = put_zip(w, m->name, strlen(m->name), error);
  zip_bytes extra = {0};
  zip_number(&extra, 1, 2);
  zip_number(&extra, 16, 2);
  zip_number(&extra, m->size, 8);
  zip_number(&extra, m->size, 8);
  return status == CGAP_OK && large ? put_zip(w, extra.at, extra.count, error) : status;
}

static cgap_status end_member(cgap_array_files *w, cgap_error *error)
{
  const zip_member *m = &w->member[w->members - 1];
  FILE *stream = current(w)->stream;
  zip_bytes b = {0};
  zip_number(&b, m->crc, 4);
  errno = 0;
  if (fseeko(stream, (off_t)(m->begin + CRC_IN_LOCAL_HEADER), SEEK_SET) != 0 ||
      fwrite(b.at, 1, b.count, stream) != b.count || fseeko(stream, 0, SEEK_END) != 0)
    return cgap_fail_errno(error, errno, current(w)->path, "write");
  return CGAP_OK;
}

static cgap_status put_central_header(cgap_array_files *w, const zip_member *m, cgap_error *error)
{
  const bool large = needs_zip64(m->size), far = needs_zip64(m->begin);
  const size_t extra = large || far ? 4 + (large ? 16U : 0) + (far ? 8U : 0) : 0;
  zip_bytes b = {0};
  zip_number(&b, 0x02014b50, 4);
  zip_number(&b, 45, 2);
  zip_number(&b, extra ? 45 : 20, 2);
  zip_number(&b, 1 << 11, 2);
  zip_number(&b, 0, 2);
  zip_number(&b, 0x00210000, 4);
  zip_number(&b, m->crc, 4);
  zip_number(&b, large ? UINT32_MAX : m->size, 4);
  zip_number(&b, large ? UINT32_MAX : m->size, 4);
  zip_number(&b, strlen(m->name), 2);
  zip_number(&b, extra, 2);
  zip_number(&b, 0, 2); /* comment */
  zip_number(&b, 0, 2); /* disk */
  zip_number(&b, 0, 2); /* attributes */
  zip_number(&b, 0, 4);
  zip_number(&b, far ? UINT32_MAX : m->begin, 4);
  cgap_status status = put_zip(w, b.at, b.count, error);
  if (status == CGAP_OK)
    status = put_zip(w, m->name, strlen(m->name), error);
  b.count = 0;
  zip_number(&b, 1, 2);
  zip_number(&b, extra - 4, 2);
  for (int k = 0; large && k < 2; k++)
    zip_number(&b, m->size, 8);
  if (far)
    zip_number(&b, m->begin, 8);
  return status == CGAP_OK && extra ? put_zip(w, b.at, b.count, error) : status;
}

/* The end of the archive, with the marks as its comment. */
static cgap_status finish_zip(cgap_array_files *w, cgap_error *error)
{
  const uint64_t begin = w->written;
  cgap_status status = CGAP_OK;
  for (size_t k = 0; k < w->members && status == CGAP_OK; k++)
    status = put_central_header(w, &w->member[k], error);
  const uint64_t end = w->written, bytes = end - begin;
  zip_bytes b = {0};
  if (needs_zip64(begin) || needs_zip64(bytes)) {
    zip_number(&b, 0x06064b50, 4);
    zip_number(&b, 44, 8);
    zip_number(&b, 45, 2);
    zip_number(&b, 45, 2);
    zip_number(&b, 0, 8); /* disks */
    zip_number(&b, w->members, 8);
    zip_number(&b, w->members, 8);
    zip_number(&b, bytes, 8);
    zip_number(&b, begin, 8);
    zip_number(&b, 0x07064b50, 4);
    zip_number(&b, 0, 4);
    zip_number(&b, end, 8);
    zip_number(&b, 1, 4);
  }
  const size_t comment = cgap_lesser(strlen(w->marks), CGAP_MARKS_MAX);
  zip_number(&b, 0x06054b50, 4);
  zip_number(&b, 0, 4);
  zip_number(&b, w->members, 2);
  zip_number(&b, w->members, 2);
  zip_number(&b, needs_zip64(bytes) ? UINT32_MAX : bytes, 4);
  zip_number(&b, needs_zip64(begin) ? UINT32_MAX : begin, 4);
  zip_number(&b, comment, 2);
  if (status == CGAP_OK)
    status = put_zip(w, b.at, b.count, error);
  return status == CGAP_OK ? put_zip(w, w->marks, comment, error) : status;
}

/* ---------------------------------------------------------------- safetensors */

static const char *tensor_type(const cgap_output_array *a)
{
  static const char *const NAMES[] = {
    [CGAP_FLOAT16] = "F16", [CGAP_BFLOAT16] = "BF16", [CGAP_FLOAT32] = "F32", [CGAP_FLOAT64] = "F64"};
  return a->kind == CGAP_OUTPUT_ROWS ? NAMES[a->source->type] : a->kind == CGAP_OUTPUT_REALS ? "F64" : "I64";
}

/* Eight bytes with its length, then the header, with blanks behind it so that tensors begin at a multiple of eight. */
static cgap_status put_tensor_header(cgap_array_files *w, cgap_error *error)
{
  uint64_t at = 0;
  char *text = NULL, shape[100];
  cgap_append(&text, "{\"__metadata__\":%s", w->marks);
  for (size_t k = 0; k < w->arrays->count; k++) {
    const cgap_output_array *a = &w->arrays->item[k];
    if (!cgap_layout_holds(w->layout, a))
      continue;
    const uint64_t end = at + (uint64_t)a->rows * cgap_output_array_row_bytes(a);
    json_t *name = cgap_json_string(a->path + 1);
    char *key = name ? json_dumps(name, JSON_ENCODE_ANY) : NULL;
    shape_text(shape, a, "");
    cgap_append(&text, ",%s:{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%llu,%llu]}", key ? key : "\"\"",
                tensor_type(a), shape, (unsigned long long)at, (unsigned long long)end);
    json_decref(name);
    free(key);
    at = end;
  }
  cgap_append(&text, "}");
  while (text && strlen(text) % 8 != 0)
    cgap_append(&text, " ");
  if (!text)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", w->path);
  zip_bytes b = {0};
  zip_number(&b, strlen(text), 8);
  cgap_status status = put(w, b.at, b.count, error);
  if (status == CGAP_OK)
    status = put(w, text, strlen(text), error);
  free(text);
  return status;
}

/* ---------------------------------------------------------------- open, write, close */

static cgap_status open_file(cgap_array_files *w, const char *path, cgap_error *error)
{
  const cgap_status status = cgap_outfile_open(&w->file[w->files], path, error);
  w->files += status == CGAP_OK;
  return status;
}

cgap_status cgap_array_files_open(cgap_array_files **out, const char *path, cgap_layout layout,
                                  const cgap_output_arrays *arrays, const cgap_modality_names *names, const char *marks,
                                  cgap_error *error)
{
  cgap_array_files *w = *out = calloc(1, sizeof *w);
  cgap_status status = CGAP_OK;
  if (w)
    *w = (cgap_array_files){.layout = layout, .path = path, .arrays = arrays, .names = names, .marks = strdup(marks)};
  if (!w || !w->marks)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  else if (layout == CGAP_LAYOUT_NPY)
    status = cgap_folder_open(&w->folder, path, error);
  else if (layout != CGAP_LAYOUT_NPY_FILES)
    status = open_file(w, path, error);
  if (status == CGAP_OK && layout == CGAP_LAYOUT_SAFETENSORS)
    status = put_tensor_header(w, error);
  if (status != CGAP_OK && w) {
    cgap_error ignored;
    const cgap_status given_up = cgap_array_files_close(w, false, &ignored);
    (void)given_up;
    *out = NULL;
  }
  return status;
}

bool cgap_arrays_of_one_modality(const cgap_output_arrays *arrays)
{
  size_t modalities = 0;
  for (size_t k = 0; k < arrays->count; k++)
    modalities += strcmp(arrays->item[k].path, "/image") == 0 || strcmp(arrays->item[k].path, "/text") == 0;
  return modalities == 1;
}

static cgap_status open_own_file(cgap_array_files *w, const cgap_output_array *a, cgap_error *error)
{
  char full[CGAP_PATH];
  cgap_status status =
    cgap_array_file_name(full, w->path, w->layout, a->path, cgap_arrays_of_one_modality(w->arrays), w->names, error);
  if (status != CGAP_OK)
    return status;
  char *slash = full + strlen(w->path); /* folders below it, such as "arithmetic" */
  while (w->layout == CGAP_LAYOUT_NPY && status == CGAP_OK && (slash = strchr(slash, '/'))) {
    *slash = '\0';
    if (mkdir(full, 0777) != 0 && errno != EEXIST)
      status = cgap_fail_errno(error, errno, full, "make the folder");
    *slash++ = '/';
  }
  return status == CGAP_OK ? open_file(w, full, error) : status;
}

cgap_status cgap_array_files_begin(cgap_array_files *w, const cgap_output_array *a, cgap_error *error)
{
  char header[HEADER_MAX];
  const bool own = w->layout == CGAP_LAYOUT_NPY || w->layout == CGAP_LAYOUT_NPY_FILES;
  if (w->layout == CGAP_LAYOUT_SAFETENSORS)
    return CGAP_OK;
  const size_t length = npy_header(header, a);
  cgap_status status = own ? open_own_file(w, a, error) : begin_member(w, a, length, error);
  return status == CGAP_OK ? put(w, header, length, error) : status;
}

/* bfloat16 in place of float32, of which it is the upper half. */
static cgap_status put_bfloat16(cgap_array_files *w, const uint16_t *in, size_t count, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  uint32_t floats[1024];
  const size_t most = sizeof floats / sizeof *floats;
  for (size_t at = 0; at < count && status == CGAP_OK; at += most) {
    const size_t here = cgap_lesser(count - at, most);
    for (size_t i = 0; i < here; i++)
      floats[i] = (uint32_t)in[at + i] << 16;
    status = put(w, floats, here * sizeof *floats, error);
  }
  return status;
}

/* Strings as NumPy's '<U': four bytes a character, zeros behind them. */
static cgap_status put_strings(cgap_array_files *w, const char *rows, size_t width, size_t count, size_t characters,
                               cgap_error *error)
{
  uint32_t *out = cgap_alloc(characters, sizeof *out);
  char *text = malloc(width + 1);
  cgap_status status = out && text ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", w->path);
  for (size_t i = 0; i < count && status == CGAP_OK; i++) {
    size_t used = 0;
    memcpy(text, rows + i * width, width);
    text[width] = '\0';
    memset(out, 0, characters * sizeof *out);
    for (const char *at = text; *at && used < characters; used++) {
      bool visible;
      at += cgap_text_next(at, &visible, &out[used]);
    }
    status = put(w, out, characters * sizeof *out, error);
  }
  free(text);
  cgap_free(out);
  return status;
}

cgap_status cgap_array_files_put(cgap_array_files *w, const cgap_output_array *a, const void *rows, size_t count,
                                 cgap_error *error)
{
  const size_t bytes = cgap_output_array_row_bytes(a);
  if (w->layout == CGAP_LAYOUT_SAFETENSORS)
    return put(w, rows, count * bytes, error);
  if (is_bfloat16(a))
    return put_bfloat16(w, rows, count * a->source->dim, error);
  const size_t characters = a->characters;
  return characters ? put_strings(w, rows, bytes, count, characters, error) : put(w, rows, count * bytes, error);
}

cgap_status cgap_array_files_end(cgap_array_files *w, cgap_error *error)
{
  return w->layout == CGAP_LAYOUT_NPZ ? end_member(w, error) : CGAP_OK;
}

bool cgap_array_files_writes(const cgap_array_files *w, const char *path)
{
  for (size_t i = 0; i < w->files; i++)
    if (strcmp(w->file[i].path, path) == 0)
      return true;
  return false;
}

cgap_status cgap_array_files_close(cgap_array_files *w, bool commit, cgap_error *error)
{
  cgap_status status = commit && w->layout == CGAP_LAYOUT_NPZ ? finish_zip(w, error) : CGAP_OK;
  for (size_t i = 0; i < w->files; i++) {
    const cgap_status closed = cgap_outfile_close(&w->file[i], commit && status == CGAP_OK, error);
    status = status == CGAP_OK ? closed : status;
  }
  if (w->layout == CGAP_LAYOUT_NPY && (!commit || status != CGAP_OK))
    cgap_folder_abandon(&w->folder);
  for (size_t k = 0; k < w->members; k++)
    free(w->member[k].name);
  free(w->marks);
  free(w);
  return status;
}
