#include "io/read/array_reader.h"

#include "base/memory.h"
#include "io/read/byte_source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SCRATCH_BYTES = 1 << 18 };

struct cgap_array {
  const cgap_entry *entry;
  size_t middle, dim;      /* rows of the first axis count as middle rows of dim */
  cgap_byte_source *bytes; /* of piece `current`: with thousands of shards not all can be open */
  size_t current;
  unsigned char *scratch; /* SCRATCH_BYTES, for what lies in another order */
};

void cgap_swap_bytes(void *data, size_t count, size_t size)
{
  if (size == 2) {
    uint16_t *v = data;
    for (size_t i = 0; i < count; i++)
      v[i] = __builtin_bswap16(v[i]);
  } else if (size == 4) {
    uint32_t *v = data;
    for (size_t i = 0; i < count; i++)
      v[i] = __builtin_bswap32(v[i]);
  } else if (size == 8) {
    uint64_t *v = data;
    for (size_t i = 0; i < count; i++)
      v[i] = __builtin_bswap64(v[i]);
  }
}

cgap_status cgap_array_open(cgap_array **out, const cgap_entry *entry, cgap_error *error)
{
  *out = NULL;
  if (entry->obstacle)
    return cgap_fail(error, CGAP_FILE, "%s: %s", entry->name, entry->obstacle);
  cgap_array *a = calloc(1, sizeof *a);
  if (!a)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", entry->name);
  a->entry = entry;
  a->middle = entry->ndim == 3 ? entry->shape[1] : 1;
  a->dim = entry->ndim == 2 || entry->ndim == 3 ? entry->shape[entry->ndim - 1] : 1;
  *out = a;
  return CGAP_OK;
}

void cgap_array_close(cgap_array *a)
{
  if (!a)
    return;
  cgap_byte_source_close(a->bytes);
  free(a->scratch);
  free(a);
}

/* ---------------------------------------------------------------- one piece */

static cgap_status use_piece(cgap_array *a, size_t i, cgap_error *error)
{
  if (a->bytes && a->current == i)
    return CGAP_OK;
  cgap_byte_source_close(a->bytes);
  a->bytes = NULL;
  a->current = i;
  const cgap_entry *e = a->entry;
  return cgap_byte_source_open(&a->bytes, &e->pieces[i], e->piece_count > 1 ? e->pieces[i].path : e->name, error);
}

/* out[i·step] = in[i·stride] for i < count, elements of `size` bytes. */
static void copy_strided(unsigned char *out, size_t step, const unsigned char *in, size_t stride, size_t count,
                         size_t size)
{
  if (size == 2) {
    for (size_t i = 0; i < count; i++)
      memcpy(out + 2 * i * step, in + 2 * i * stride, 2);
  } else if (size == 4) {
    for (size_t i = 0; i < count; i++)
      memcpy(out + 4 * i * step, in + 4 * i * stride, 4);
  } else {
    for (size_t i = 0; i < count; i++)
      memcpy(out + size * i * step, in + size * i * stride, size);
  }
}

/* Where rows (i, m) of one middle index m lie in a block of rows that begins at `first`. */
typedef struct column {
  size_t m, c;        /* middle index, place in the row */
  size_t from, until; /* along the first axis */
} column;

/* One column of a block: elements `stride[0]` apart, read in runs that the scratch holds. */
static cgap_status read_column(cgap_array *a, const cgap_piece *p, column k, size_t first, unsigned char *out,
                               cgap_error *error)
{
  const size_t size = a->entry->item, stride = p->stride[0], run = SCRATCH_BYTES / (stride * size);
  const size_t base = a->entry->ndim == 3 ? k.m * p->stride[1] + k.c * p->stride[2] : k.c * p->stride[1];
  for (size_t i = k.from; i < k.until;) {
    size_t here = k.until - i < run ? k.until - i : run;
    cgap_status status =
      cgap_byte_source_read(a->bytes, (base + i * stride) * size, ((here - 1) * stride + 1) * size, a->scratch, error);
    if (status != CGAP_OK)
      return status;
    copy_strided(out + ((i * a->middle + k.m - first) * a->dim + k.c) * size, a->middle * a->dim, a->scratch, stride,
                 here, size);
    i += here;
  }
  return CGAP_OK;
}

static cgap_status read_strided(cgap_array *a, const cgap_piece *p, size_t first, size_t count, unsigned char *out,
                                cgap_error *error)
{
  if (!a->scratch && !(a->scratch = malloc(SCRATCH_BYTES)))
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", a->entry->name);
  for (size_t m = 0; m < a->middle; m++) {
    /* the rows i·middle + m of the block */
    size_t from = first > m ? (first - m + a->middle - 1) / a->middle : 0;
    size_t until = first + count > m ? (first + count - m + a->middle - 1) / a->middle : 0;
    for (size_t c = 0; c < a->dim && from < until; c++) {
      cgap_status status = read_column(a, p, (column){m, c, from, until}, first, out, error);
      if (status != CGAP_OK)
        return status;
    }
  }
  return CGAP_OK;
}

/* ---------------------------------------------------------------- all of them */

cgap_status cgap_array_read(cgap_array *a, size_t first, size_t count, void *out, cgap_error *error)
{
  const cgap_entry *e = a->entry;
  const size_t row = a->dim * e->item;
  unsigned char *to = out;
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < e->piece_count && count > 0 && status == CGAP_OK; i++) {
    size_t rows = e->pieces[i].rows * a->middle;
    if (first >= rows) {
      first -= rows;
      continue;
    }
    size_t here = rows - first < count ? rows - first : count;
    status = use_piece(a, i, error);
    if (status == CGAP_OK)
      status = e->pieces[i].strided ? read_strided(a, &e->pieces[i], first, here, to, error)
                                    : cgap_byte_source_read(a->bytes, (uint64_t)first * row, here * row, to, error);
    to += here * row;
    count -= here;
    first = 0;
  }
  return status;
}

bool cgap_array_seeks(const cgap_array *a)
{
  const cgap_entry *e = a->entry;
  bool seeks = true;
  for (size_t i = 0; i < e->piece_count; i++) /* of several unpacked members each would be unpacked again */
    seeks =
      seeks && !e->pieces[i].strided && (e->pieces[i].member < 0 || (e->pieces[i].deflated && e->piece_count == 1));
  return seeks;
}

bool cgap_array_is_thread_safe(const cgap_array *a)
{
  return a->bytes && a->entry->piece_count == 1 && cgap_array_seeks(a);
}

cgap_status cgap_array_read_all(void *out, const cgap_entry *entry, cgap_error *error)
{
  cgap_array *a = NULL;
  size_t rows = entry->ndim ? entry->shape[0] : 1;
  if (entry->ndim > 3)
    return cgap_fail(error, CGAP_DATA, "%s: %d axes; at most 3 are read", entry->name, entry->ndim);
  cgap_status status = cgap_array_open(&a, entry, error);
  if (status != CGAP_OK)
    return status;
  rows *= a->middle;
  status = cgap_array_read(a, 0, rows, out, error);
  if (status == CGAP_OK && entry->swap)
    cgap_swap_bytes(out, rows * a->dim * (entry->ucs4 ? entry->item / 4 : 1), entry->ucs4 ? 4 : entry->item);
  cgap_array_close(a);
  return status;
}

/* ---------------------------------------------------------------- small entries, whole */

static cgap_status read_raw(unsigned char **out, size_t *count, const cgap_entry *e, cgap_error *error)
{
  size_t bytes = 0;
  *out = NULL;
  if (!cgap_entry_elements(count, e) || !cgap_product(&bytes, *count, e->item) || !(*out = malloc(bytes + 1)))
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu values", e->name, *count);
  cgap_status status = cgap_array_read_all(*out, e, error);
  if (status != CGAP_OK) {
    free(*out);
    *out = NULL;
  }
  return status;
}

/* An integer of 1, 2, 4 or 8 bytes at `at`. */
static int64_t integer_at(const unsigned char *at, size_t size, bool is_signed)
{
  uint64_t value = 0;
  uint8_t one = 0;
  uint16_t two = 0;
  uint32_t four = 0;
  switch (size) {
  case 1:
    memcpy(&one, at, 1);
    return is_signed ? (int64_t)(int8_t)one : (int64_t)one;
  case 2:
    memcpy(&two, at, 2);
    return is_signed ? (int64_t)(int16_t)two : (int64_t)two;
  case 4:
    memcpy(&four, at, 4);
    return is_signed ? (int64_t)(int32_t)four : (int64_t)four;
  default:
    memcpy(&value, at, 8);
    return (int64_t)value;
  }
}

cgap_status cgap_array_int64(int64_t *out, const cgap_entry *e, cgap_error *error)
{
  unsigned char *raw = NULL;
  size_t count = 0;
  cgap_status status = read_raw(&raw, &count, e, error);
  for (size_t i = 0; i < count && status == CGAP_OK; i++)
    out[i] = integer_at(raw + i * e->item, e->item, e->is_signed);
  free(raw);
  return status;
}

static double half_value(uint16_t half)
{
  int exponent = half >> 10 & 31, mantissa = half & 1023;
  double value = exponent == 31 ? (mantissa ? (double)NAN : (double)INFINITY)
                 : exponent     ? ldexp(1024 + mantissa, exponent - 25)
                                : ldexp(mantissa, -24);
  return half >> 15 ? -value : value;
}

static double number_at(const unsigned char *at, const cgap_entry *e)
{
  float single = 0;
  double value = 0;
  uint16_t half = 0;
  if (e->kind == CGAP_KIND_INTEGER)
    return (double)integer_at(at, e->item, e->is_signed);
  switch (e->item) {
  case 2:
    memcpy(&half, at, 2);
    return half_value(half);
  case 4:
    memcpy(&single, at, 4);
    return (double)single;
  default:
    memcpy(&value, at, 8);
    return value;
  }
}

cgap_status cgap_array_float64(double *out, const cgap_entry *e, cgap_error *error)
{
  unsigned char *raw = NULL;
  size_t count = 0;
  cgap_status status = read_raw(&raw, &count, e, error);
  for (size_t i = 0; i < count && status == CGAP_OK; i++)
    out[i] = number_at(raw + i * e->item, e);
  free(raw);
  return status;
}

/* ---------------------------------------------------------------- strings */

/* A character as UTF-8, at most four bytes; returns how many. */
static size_t put_character(unsigned char *out, uint32_t c)
{
  if (c < 0x80) {
    out[0] = (unsigned char)c;
    return 1;
  }
  size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static const unsigned char LEAD[4] = {0, 0xc0, 0xe0, 0xf0};
  out[0] = (unsigned char)(LEAD[more] | (c >> (6 * more) & (0x3fu >> more)));
  for (size_t k = 1; k <= more; k++)
    out[k] = (unsigned char)(0x80 | (c >> (6 * (more - k)) & 0x3f));
  return more + 1;
}

/* In place: a character takes at most the four bytes it had. */
static size_t ucs4_to_utf8(unsigned char *text, size_t bytes)
{
  size_t used = 0;
  for (size_t at = 0; at + 4 <= bytes; at += 4) {
    uint32_t c = 0;
    memcpy(&c, text + at, 4);
    if (c == 0)
      break;
    used += put_character(text + used, c > 0x10ffff ? '?' : c);
  }
  return used;
}

cgap_status cgap_array_strings(cgap_id *id, unsigned char **blob, const cgap_entry *e, cgap_error *error)
{
  size_t count = 0;
  cgap_status status = read_raw(blob, &count, e, error);
  for (size_t i = 0; i < count && status == CGAP_OK; i++) {
    unsigned char *text = *blob + i * e->item;
    id[i] = (cgap_id){text, e->ucs4 ? ucs4_to_utf8(text, e->item) : strnlen((const char *)text, e->item)};
  }
  return status;
}
