#include "io/read/pickle_objects.h"

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text_buffer.h"
#include "io/read/array_reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  BUFFER_BYTES = 1 << 16,
  MEMORY_RATIO = 48, /* bytes of memory for each byte of the file: a list of short strings takes most */
  MEMORY_EXTRA = 1 << 20
};
static const uint64_t MEMORY_MAX = (uint64_t)4 << 30;

/* ---------------------------------------------------------------- bytes */

static cgap_status open_member(cgap_pickle_bytes *b, int64_t member, cgap_error *error)
{
  if (b->open && b->open_member == member)
    return CGAP_OK;
  if (b->open)
    zip_fclose(b->open);
  b->open = NULL;
  b->open_member = member;
  b->open_at = 0;
  return cgap_zip_member(&b->open, b->zip, member, b->name, error);
}

cgap_status cgap_pickle_read_at(cgap_pickle_bytes *b, int64_t member, uint64_t at, size_t count, void *out,
                                cgap_error *error)
{
  if (member < 0)
    return cgap_pread_all(b->fd, at, count, out, b->name, error);
  cgap_status status = open_member(b, member, error);
  if (status == CGAP_OK && b->open_at != at && zip_fseek(b->open, (zip_int64_t)at, SEEK_SET) != 0)
    status = cgap_fail(error, CGAP_FILE, "%s: cannot be read at byte %llu of a member (%s); copy or download it again",
                       b->name, (unsigned long long)at, zip_file_strerror(b->open));
  if (status == CGAP_OK)
    status = cgap_zip_read(b->open, out, count, b->name, error);
  b->open_at = status == CGAP_OK ? at + count : UINT64_MAX;
  return status;
}

cgap_status cgap_pickle_check_member(cgap_pickle_bytes *b, int64_t member, cgap_error *error)
{
  if (member < 0 || (b->checked && b->checked[member]))
    return CGAP_OK;
  if (!b->checked && !(b->checked = calloc((size_t)zip_get_num_entries(b->zip, 0), 1)))
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", b->name);
  if (b->open) /* it is compared at the end of a member that was read from its start */
    zip_fclose(b->open);
  b->open = NULL;
  cgap_status status = open_member(b, member, error);
  if (status == CGAP_OK)
    status = cgap_zip_check(b->open, b->name, error);
  b->open_at = UINT64_MAX;
  b->checked[member] = status == CGAP_OK;
  return status;
}

void cgap_pickle_bytes_close(cgap_pickle_bytes *b)
{
  if (b->open)
    zip_fclose(b->open);
  free(b->buffer);
  free(b->checked);
  b->open = NULL;
  b->buffer = b->checked = NULL;
}

/* ---------------------------------------------------------------- failures */

bool cgap_pickle_refuse(cgap_pickle *p, cgap_status status, const char *format, ...)
{
  char what[400];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  if (p->status == CGAP_OK)
    p->status = cgap_fail(p->error, status, "%s: %s", p->bytes->name, what);
  return false;
}

bool cgap_pickle_damaged(cgap_pickle *p, const char *format, ...)
{
  char what[300];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  return cgap_pickle_refuse(
    p, CGAP_FILE, "a damaged Python pickle: %s (before byte %" PRIu64 "); copy or write it again", what, p->bytes->at);
}

/* Counts what the objects take. */
static bool take_memory(cgap_pickle *p, uint64_t bytes)
{
  p->memory += bytes;
  if (p->memory <= p->memory_max)
    return true;
  return cgap_pickle_refuse(p, CGAP_RESOURCE,
                            "its objects would take more than the %" PRIu64
                            " MiB of memory that are allowed for its %" PRIu64 " bytes; write the rows as one array",
                            p->memory_max >> 20, p->bytes->whole);
}

/* ---------------------------------------------------------------- the next bytes */

uint64_t cgap_pickle_left(const cgap_pickle *p)
{
  return p->bytes->end - p->bytes->at;
}

bool cgap_pickle_cut_short(cgap_pickle *p, uint64_t count)
{
  return cgap_pickle_refuse(p, CGAP_FILE,
                            "a Python pickle that is cut short: %" PRIu64 " bytes are needed at byte %" PRIu64
                            ", %" PRIu64 " are there; copy or download it again",
                            count, p->bytes->at, cgap_pickle_left(p));
}

bool cgap_pickle_fill(cgap_pickle *p)
{
  cgap_pickle_bytes *b = p->bytes;
  const size_t count = (size_t)(cgap_pickle_left(p) < BUFFER_BYTES ? cgap_pickle_left(p) : BUFFER_BYTES);
  if (!b->buffer && !(b->buffer = malloc(BUFFER_BYTES)))
    return cgap_pickle_refuse(p, CGAP_RESOURCE, "out of memory");
  b->from = b->until = 0;
  const cgap_status status = cgap_pickle_read_at(b, b->member, b->at, count, b->buffer, p->error);
  if (status != CGAP_OK)
    p->status = status;
  b->until = status == CGAP_OK ? count : 0;
  return status == CGAP_OK;
}

bool cgap_pickle_next(cgap_pickle *p, void *out, size_t count)
{
  cgap_pickle_bytes *b = p->bytes;
  unsigned char *to = out;
  if (count > cgap_pickle_left(p))
    return cgap_pickle_cut_short(p, count);
  while (count > 0) {
    if (b->from == b->until && !cgap_pickle_fill(p))
      return false;
    const size_t here = cgap_lesser(count, b->until - b->from);
    memcpy(to, b->buffer + b->from, here);
    b->from += here;
    b->at += here;
    to += here;
    count -= here;
  }
  return true;
}

bool cgap_pickle_skip(cgap_pickle *p, uint64_t count)
{
  cgap_pickle_bytes *b = p->bytes;
  if (count > cgap_pickle_left(p))
    return cgap_pickle_cut_short(p, count);
  const size_t here = count < b->until - b->from ? (size_t)count : b->until - b->from;
  b->from += here;
  b->at += count;
  if (here < count)
    b->from = b->until = 0;
  return true;
}

/* ---------------------------------------------------------------- objects */

bool cgap_pickle_reserve(cgap_pickle *p, cgap_pickle_table *t, size_t more, size_t size, size_t max)
{
  const size_t needed = t->count + more;
  if (needed <= t->capacity)
    return true;
  if (more > max || needed > max)
    return cgap_pickle_refuse(p, CGAP_FILE,
                              "a Python pickle with more than %zu objects that wait for their container, which "
                              "embeddings do not need; write the rows as one array",
                              max);
  const size_t capacity = cgap_greater(needed, cgap_lesser(2 * t->capacity, max));
  if (!take_memory(p, (uint64_t)(capacity - t->capacity) * size))
    return false;
  void *grown = realloc(t->item, capacity * size);
  if (!grown)
    return cgap_pickle_refuse(p, CGAP_RESOURCE, "out of memory");
  t->item = grown;
  t->capacity = capacity;
  return true;
}

void *cgap_pickle_new(cgap_pickle *p, uint32_t *index, cgap_pickle_table *table, size_t size)
{
  if (!cgap_pickle_reserve(p, table, 1, size, UINT32_MAX))
    return NULL;
  *index = (uint32_t)table->count++;
  return memset((unsigned char *)table->item + *index * size, 0, size);
}

static const uint32_t NUMBERS_ALONE = 1U << CGAP_PICKLE_NUMBER;

/* Gives a list of floats its items as values. */
static bool unpack_numbers(cgap_pickle *p, cgap_pickle_sequence *s)
{
  if (!s->number)
    return true;
  if (!take_memory(p, (uint64_t)s->capacity * sizeof *s->item))
    return false;
  cgap_pickle_value *item = cgap_alloc(s->capacity, sizeof *item);
  if (!item)
    return cgap_pickle_refuse(p, CGAP_RESOURCE, "out of memory");
  for (size_t i = 0; i < s->count; i++)
    item[i] = (cgap_pickle_value){.kind = CGAP_PICKLE_NUMBER, .number = s->number[i]};
  cgap_free(s->number);
  s->number = NULL;
  s->item = item;
  return true;
}

/* A place for so many more items. */
static bool grow_sequence(cgap_pickle *p, cgap_pickle_sequence *s, size_t more, bool numbers)
{
  if (s->count + more <= s->capacity)
    return true;
  const size_t size = numbers ? sizeof *s->number : sizeof *s->item;
  const size_t capacity = cgap_greater(s->count + more, 2 * s->capacity);
  if (!take_memory(p, (uint64_t)(capacity - s->capacity) * size))
    return false;
  void *grown = cgap_alloc(capacity, size), *old = numbers ? (void *)s->number : (void *)s->item;
  if (!grown)
    return cgap_pickle_refuse(p, CGAP_RESOURCE, "out of memory");
  if (old)
    memcpy(grown, old, s->count * size);
  cgap_free(old);
  s->number = numbers ? grown : NULL;
  s->item = numbers ? NULL : grown;
  s->capacity = capacity;
  return true;
}

bool cgap_pickle_sequence_add(cgap_pickle *p, cgap_pickle_value sequence, const cgap_pickle_value *items, size_t count)
{
  cgap_pickle_sequence *s = cgap_pickle_sequence_at(p, sequence.index);
  const bool dict = sequence.kind == CGAP_PICKLE_DICT;
  uint32_t kinds = 0, key_kinds = 0;
  for (size_t i = 0; i < count; i++)
    *(dict && i % 2 == 0 ? &key_kinds : &kinds) |= 1U << items[i].kind;
  const bool numbers = !dict && (s->kinds | kinds) == NUMBERS_ALONE;
  if (count == 0)
    return true;
  if ((!numbers && !unpack_numbers(p, s)) || !grow_sequence(p, s, count, numbers))
    return false;
  for (size_t i = 0; i < count; i++) {
    if (numbers)
      s->number[s->count + i] = items[i].number;
    else
      s->item[s->count + i] = items[i];
  }
  s->count += count;
  s->kinds |= kinds;
  s->key_kinds |= key_kinds;
  return true;
}

bool cgap_pickle_sequence_new(cgap_pickle *p, cgap_pickle_value *out, cgap_pickle_kind kind,
                              const cgap_pickle_value *items, size_t count)
{
  *out = (cgap_pickle_value){.kind = kind};
  return cgap_pickle_new(p, &out->index, &p->sequences, sizeof(cgap_pickle_sequence)) &&
         cgap_pickle_sequence_add(p, *out, items, count);
}

size_t cgap_pickle_count(const cgap_pickle *p, cgap_pickle_value v)
{
  return v.kind >= CGAP_PICKLE_LIST && v.kind <= CGAP_PICKLE_DICT ? cgap_pickle_sequence_at(p, v.index)->count : 0;
}

cgap_pickle_value cgap_pickle_item(const cgap_pickle *p, cgap_pickle_value v, size_t i)
{
  if (i >= cgap_pickle_count(p, v))
    return (cgap_pickle_value){.kind = CGAP_PICKLE_UNSET};
  const cgap_pickle_sequence *s = cgap_pickle_sequence_at(p, v.index);
  return s->number ? (cgap_pickle_value){.kind = CGAP_PICKLE_NUMBER, .number = s->number[i]} : s->item[i];
}

/* ---------------------------------------------------------------- texts */

bool cgap_pickle_keep_text(cgap_pickle *p, cgap_pickle_text *text, const void *bytes)
{
  const size_t count = (size_t)text->length;
  if (!cgap_pickle_reserve(p, &p->pool, count, 1, SIZE_MAX / 4))
    return false;
  if (count)
    memcpy((unsigned char *)p->pool.item + p->pool.count, bytes, count);
  text->pooled = p->pool.count;
  p->pool.count += count;
  return true;
}

const char *cgap_pickle_text_kept(const cgap_pickle *p, const cgap_pickle_text *text)
{
  if (text->length == 0) /* the pool may have no place yet */
    return "";
  return text->pooled == UINT64_MAX ? NULL : (const char *)p->pool.item + text->pooled;
}

bool cgap_pickle_text_is(const cgap_pickle *p, cgap_pickle_value v, const char *word)
{
  if (v.kind != CGAP_PICKLE_STRING)
    return false;
  const cgap_pickle_text *text = cgap_pickle_text_at(p, v.index);
  return cgap_pickle_text_kept(p, text) && text->length == strlen(word) &&
         !memcmp(cgap_pickle_text_kept(p, text), word, text->length);
}

uint64_t cgap_pickle_text_length(const cgap_pickle *p, uint32_t text)
{
  return cgap_pickle_text_at(p, text)->length;
}

/* The value of `count` digits, at most 8; false: something else is there. */
static bool read_digits(uint32_t *out, const unsigned char *at, const unsigned char *end, size_t count, unsigned base)
{
  *out = 0;
  if ((size_t)(end - at) < count)
    return false;
  for (size_t i = 0; i < count; i++) {
    const unsigned char c = at[i];
    const unsigned digit = c >= '0' && c <= '9'   ? c - (unsigned)'0'
                           : c >= 'a' && c <= 'f' ? c - 'a' + 10U
                           : c >= 'A' && c <= 'F' ? c - 'A' + 10U
                                                  : 99U;
    if (digit >= base)
      return false;
    *out = *out * base + digit;
  }
  return true;
}

/* \x41, \101, \n, \\ of Python 2; returns its bytes. */
static size_t next_escaped(uint32_t *code, const unsigned char *at, const unsigned char *end)
{
  static const char LETTERS[] = "abfnrtv\\'\"", VALUES[] = "\a\b\f\n\r\t\v\\'\"";
  *code = at[0];
  if (at[0] != '\\' || end - at < 2)
    return 1;
  const char *letter = at[1] ? strchr(LETTERS, at[1]) : NULL;
  if (letter)
    *code = (unsigned char)VALUES[letter - LETTERS];
  else if (at[1] == 'x' && read_digits(code, at + 2, end, 2, 16))
    return 4;
  else if (read_digits(code, at + 1, end, 3, 8))
    return 4;
  return letter ? 2 : 1;
}

/* UTF-8 as Python writes it, surrogates included. */
static size_t next_utf8(uint32_t *code, const unsigned char *at, const unsigned char *end)
{
  const size_t more = at[0] < 0xc0 ? 0 : at[0] < 0xe0 ? 1 : at[0] < 0xf0 ? 2 : 3;
  *code = more ? at[0] & (0x3fU >> more) : at[0];
  for (size_t k = 1; k <= more; k++) {
    if (at + k >= end || (at[k] & 0xc0) != 0x80) {
      *code = '?';
      return 1;
    }
    *code = *code << 6 | (at[k] & 0x3fU);
  }
  return 1 + more;
}

/* The next character of a text, or its next byte; returns how many bytes it has in the file. */
static size_t next_character(uint32_t *code, cgap_pickle_form form, const unsigned char *at, const unsigned char *end)
{
  *code = at[0];
  if (form == CGAP_TEXT_UTF8)
    return next_utf8(code, at, end);
  if (form == CGAP_TEXT_REPR)
    return next_escaped(code, at, end);
  if (form == CGAP_TEXT_ESCAPED && at[0] == '\\' && end - at >= 2 && (at[1] == 'u' || at[1] == 'U')) {
    const size_t digits = at[1] == 'u' ? 4 : 8;
    if (read_digits(code, at + 2, end, digits, 16))
      return 2 + digits;
    *code = at[0];
  }
  if (form == CGAP_TEXT_UCS4 || form == CGAP_TEXT_UCS4_SWAPPED) {
    if (end - at < 4)
      return (size_t)(end - at);
    memcpy(code, at, 4);
    *code = form == CGAP_TEXT_UCS4 ? *code : __builtin_bswap32(*code);
    return 4;
  }
  return 1;
}

/* out has 2·length bytes. Returns how many were written. */
static size_t decode_text(const cgap_pickle_text *text, const unsigned char *bytes, unsigned char *out)
{
  const unsigned char *end = bytes + text->length;
  const bool as_bytes = text->latin1 || text->form == CGAP_TEXT_RAW || text->form == CGAP_TEXT_REPR;
  unsigned char *to = out;
  for (const unsigned char *at = bytes; at < end;) {
    uint32_t code;
    at += next_character(&code, text->form, at, end);
    if (as_bytes)
      *to++ = code <= 0xff ? (unsigned char)code : '?';
    else
      to += cgap_utf8_encode((char *)to, code > 0x10ffff ? '?' : code);
  }
  return (size_t)(to - out);
}

char *cgap_pickle_text_copy(cgap_pickle *p, uint32_t index, size_t *length)
{
  const cgap_pickle_text *text = cgap_pickle_text_at(p, index);
  const size_t count = (size_t)text->length;
  unsigned char *out = malloc(2 * count + 1), *raw = NULL;
  const unsigned char *bytes = (const unsigned char *)cgap_pickle_text_kept(p, text);
  *length = 0;
  if (out && !bytes && (raw = malloc(count + 1))) {
    const cgap_status status = cgap_pickle_read_at(p->bytes, p->bytes->member, text->at, count, raw, p->error);
    if (status != CGAP_OK)
      p->status = status;
    bytes = raw;
  }
  if (!out || !bytes)
    (void)cgap_pickle_refuse(p, CGAP_RESOURCE, "out of memory for a text of %zu bytes", count);
  if (p->status == CGAP_OK) {
    *length = decode_text(text, bytes, out);
    out[*length] = '\0';
  } else {
    free(out);
    out = NULL;
  }
  free(raw);
  return (char *)out;
}

/* ---------------------------------------------------------------- all of them */

void cgap_pickle_init(cgap_pickle *p, cgap_pickle_bytes *bytes, const cgap_memory_count *memory)
{
  *p = (cgap_pickle){.bytes = bytes};
  const uint64_t length = bytes->end - bytes->at;
  p->memory_max = length > MEMORY_MAX / MEMORY_RATIO ? MEMORY_MAX : length * MEMORY_RATIO + MEMORY_EXTRA;
  if (memory && memory->limit - memory->used < p->memory_max)
    p->memory_max = memory->limit - memory->used;
}

void cgap_pickle_clear(cgap_pickle *p)
{
  for (size_t i = 0; i < p->sequences.count; i++) {
    cgap_free(cgap_pickle_sequence_at(p, (uint32_t)i)->item);
    cgap_free(cgap_pickle_sequence_at(p, (uint32_t)i)->number);
  }
  cgap_pickle_table *const tables[] = {&p->stack,  &p->memo,  &p->marks,    &p->texts,   &p->pool,
                                       &p->arrays, &p->types, &p->storages, &p->tensors, &p->sequences};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
    free(tables[i]->item);
  *p = (cgap_pickle){0};
}
