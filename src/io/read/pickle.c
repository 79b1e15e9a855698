/* The opcodes of a pickle. */
#include "io/read/pickle_objects.h"

#include "base/memory.h"
#include "base/text_buffer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
  LINE_MAX_BYTES = 512,     /* of a number, a name, a place in the memo */
  POOLED_STRING_MAX = 1024, /* bytes of a text that is kept: names and captions, not the bytes of arrays */
  POOLED_BYTES_MAX = 64,    /* scalars */
  STACK_MAX = 1 << 22,      /* a tuple of more items is no embedding */
  MARKS_MAX = 1 << 16,      /* containers in containers */
  MEMO_GAP_MAX = 1 << 16    /* places of the memo that are left out */
};

/* ---------------------------------------------------------------- the stack */

static cgap_pickle_value *stack_of(const cgap_pickle *p)
{
  return p->stack.item;
}

/* What is above the last mark may be taken. */
static size_t floor_of(const cgap_pickle *p)
{
  return p->marks.count ? ((size_t *)p->marks.item)[p->marks.count - 1] : 0;
}

static bool push(cgap_pickle *p, cgap_pickle_value v)
{
  if (!cgap_pickle_reserve(p, &p->stack, 1, sizeof v, STACK_MAX))
    return false;
  stack_of(p)[p->stack.count++] = v;
  return true;
}

static bool push_kind(cgap_pickle *p, cgap_pickle_kind kind, int64_t integer)
{
  return push(p, (cgap_pickle_value){.kind = kind, .integer = integer});
}

static bool pop(cgap_pickle *p, cgap_pickle_value *out)
{
  *out = (cgap_pickle_value){.kind = CGAP_PICKLE_UNSET};
  if (p->stack.count <= floor_of(p))
    return cgap_pickle_damaged(p, "it takes an object from an empty stack");
  *out = stack_of(p)[--p->stack.count];
  return true;
}

static bool top(cgap_pickle *p, cgap_pickle_value *out)
{
  if (!pop(p, out))
    return false;
  p->stack.count++;
  return true;
}

static bool push_mark(cgap_pickle *p)
{
  if (!cgap_pickle_reserve(p, &p->marks, 1, sizeof(size_t), MARKS_MAX))
    return false;
  ((size_t *)p->marks.item)[p->marks.count++] = p->stack.count;
  return true;
}

/* Takes the last mark; the objects above it stay, from *first on. */
static bool pop_mark(cgap_pickle *p, size_t *first)
{
  *first = floor_of(p);
  if (p->marks.count == 0)
    return cgap_pickle_damaged(p, "a mark is missing");
  p->marks.count--;
  return true;
}

/* ---------------------------------------------------------------- the memo */

static bool memo_put(cgap_pickle *p, uint64_t place)
{
  cgap_pickle_value v;
  if (!top(p, &v))
    return false;
  if (place > p->puts + MEMO_GAP_MAX)
    return cgap_pickle_damaged(p, "place %" PRIu64 " of its memo after %zu", place, p->puts);
  if (place >= p->memo.count) {
    const size_t more = (size_t)place + 1 - p->memo.count;
    if (!cgap_pickle_reserve(p, &p->memo, more, sizeof v, UINT32_MAX))
      return false;
    memset((cgap_pickle_value *)p->memo.item + p->memo.count, 0, more * sizeof v);
    p->memo.count += more;
  }
  ((cgap_pickle_value *)p->memo.item)[place] = v;
  p->puts++;
  return true;
}

static bool memo_get(cgap_pickle *p, uint64_t place)
{
  const cgap_pickle_value *memo = p->memo.item;
  if (place >= p->memo.count || memo[place].kind == CGAP_PICKLE_UNSET)
    return cgap_pickle_damaged(p, "nothing is at place %" PRIu64 " of its memo", place);
  return push(p, memo[place]);
}

/* ---------------------------------------------------------------- arguments */

/* A number of 1 to 8 bytes, the lowest first. */
static bool next_number(cgap_pickle *p, uint64_t *out, size_t bytes)
{
  unsigned char raw[8];
  *out = 0;
  if (!cgap_pickle_next(p, raw, bytes))
    return false;
  for (size_t i = bytes; i > 0; i--)
    *out = *out << 8 | raw[i - 1];
  return true;
}

/* Up to the end of the line, which is not part of it: its first bytes, with a 0 behind them, and its length. */
static bool next_line(cgap_pickle *p, char *out, size_t size, uint64_t *length)
{
  cgap_pickle_bytes *b = p->bytes;
  *length = 0;
  for (;;) {
    if (b->from == b->until && (cgap_pickle_left(p) == 0 ? !cgap_pickle_cut_short(p, 1) : !cgap_pickle_fill(p)))
      return false;
    const unsigned char *at = b->buffer + b->from, *end = memchr(at, '\n', b->until - b->from);
    const size_t here = end ? (size_t)(end - at) : b->until - b->from;
    if (*length + 1 < size)
      memcpy(out + *length, at, cgap_lesser(here, size - 1 - (size_t)*length));
    *length += here;
    b->from += here + (end != NULL);
    b->at += here + (end != NULL);
    if (end)
      break;
  }
  out[*length < size - 1 ? *length : size - 1] = '\0';
  return true;
}

static bool next_short_line(cgap_pickle *p, char out[LINE_MAX_BYTES])
{
  uint64_t length;
  if (!next_line(p, out, LINE_MAX_BYTES, &length))
    return false;
  return length < LINE_MAX_BYTES ||
         cgap_pickle_damaged(p, "a line of %" PRIu64 " bytes where a number or name is", length);
}

/* Pushes a text of `length` bytes that follow. */
static bool push_text(cgap_pickle *p, cgap_pickle_kind kind, cgap_pickle_form form, uint64_t length)
{
  unsigned char bytes[POOLED_STRING_MAX];
  cgap_pickle_value v = {.kind = kind};
  const bool kept = length <= (kind == CGAP_PICKLE_STRING ? POOLED_STRING_MAX : POOLED_BYTES_MAX);
  if (length > cgap_pickle_left(p))
    return cgap_pickle_cut_short(p, length);
  cgap_pickle_text *text = cgap_pickle_new(p, &v.index, &p->texts, sizeof *text);
  if (!text)
    return false;
  *text = (cgap_pickle_text){.form = form, .at = p->bytes->at, .length = length, .pooled = UINT64_MAX};
  if (!(kept ? cgap_pickle_next(p, bytes, (size_t)length) && cgap_pickle_keep_text(p, text, bytes)
             : cgap_pickle_skip(p, length)))
    return false;
  return push(p, v);
}

static bool push_counted_text(cgap_pickle *p, cgap_pickle_kind kind, cgap_pickle_form form, size_t bytes)
{
  uint64_t length;
  return next_number(p, &length, bytes) && push_text(p, kind, form, length);
}

/* A text in the form of a line. */
static bool push_line(cgap_pickle *p, cgap_pickle_form form)
{
  char line[POOLED_STRING_MAX + 2];
  cgap_pickle_value v = {.kind = CGAP_PICKLE_STRING};
  const uint64_t at = p->bytes->at;
  uint64_t length;
  if (!next_line(p, line, sizeof line, &length))
    return false;
  const bool kept = length <= POOLED_STRING_MAX;
  const size_t quote = form == CGAP_TEXT_REPR;
  if (quote && (length < 2 || (line[0] != '\'' && line[0] != '"') || (kept && line[length - 1] != line[0])))
    return cgap_pickle_damaged(p, "a string without its quotes");
  cgap_pickle_text *text = cgap_pickle_new(p, &v.index, &p->texts, sizeof *text);
  if (!text)
    return false;
  *text = (cgap_pickle_text){.form = form, .at = at + quote, .length = length - 2 * quote, .pooled = UINT64_MAX};
  return (!kept || cgap_pickle_keep_text(p, text, line + quote)) && push(p, v);
}

/* ---------------------------------------------------------------- opcodes with an argument */

static bool push_long(cgap_pickle *p, uint64_t count)
{
  unsigned char raw[8] = {0};
  cgap_pickle_value v;
  if (count > 8) { /* kept as bytes: the mark of a file of PyTorch */
    if (!push_text(p, CGAP_PICKLE_BYTES, CGAP_TEXT_RAW, count) || !pop(p, &v))
      return false;
    v.kind = CGAP_PICKLE_LARGE;
    return push(p, v);
  }
  if (!cgap_pickle_next(p, raw, (size_t)count))
    return false;
  if (count > 0 && raw[count - 1] & 0x80)
    memset(raw + count, 0xff, 8 - (size_t)count);
  uint64_t value = 0;
  for (size_t i = 8; i > 0; i--)
    value = value << 8 | raw[i - 1];
  return push_kind(p, CGAP_PICKLE_INTEGER, (int64_t)value);
}

static bool push_float(cgap_pickle *p)
{
  unsigned char raw[8];
  uint64_t bits = 0;
  cgap_pickle_value v = {.kind = CGAP_PICKLE_NUMBER};
  if (!cgap_pickle_next(p, raw, sizeof raw))
    return false;
  for (size_t i = 0; i < sizeof raw; i++) /* the highest first */
    bits = bits << 8 | raw[i];
  memcpy(&v.number, &bits, sizeof bits);
  return push(p, v);
}

/* A number in the form of a line. */
static bool push_number_line(cgap_pickle *p, unsigned char code)
{
  char line[LINE_MAX_BYTES], *end = line;
  cgap_pickle_value v = {.kind = code == 'F' ? CGAP_PICKLE_NUMBER : CGAP_PICKLE_INTEGER};
  if (!next_short_line(p, line))
    return false;
  if (code == 'I' && (!strcmp(line, "00") || !strcmp(line, "01")))
    return push_kind(p, CGAP_PICKLE_BOOL, line[1] == '1');
  errno = 0;
  if (code == 'F')
    v.number = strtod(line, &end);
  else
    v.integer = strtoll(line, &end, 10);
  end += code == 'L' && *end == 'L';
  end += *end == '\r';
  if (code != 'F' && errno == ERANGE) /* beyond 64 bits: no number of a dataset */
    v.kind = CGAP_PICKLE_NONE;
  if (end == line || *end)
    return cgap_pickle_damaged(p, "\"%.40s\" is no number that is read", line);
  return push(p, v);
}

static bool memo_by_line(cgap_pickle *p, bool put)
{
  char line[LINE_MAX_BYTES], *end;
  if (!next_short_line(p, line))
    return false;
  const unsigned long long place = strtoull(line, &end, 10);
  if (end == line || line[0] == '-' || (*end && *end != '\r'))
    return cgap_pickle_damaged(p, "\"%.40s\" is no place of its memo", line);
  return put ? memo_put(p, place) : memo_get(p, place);
}

static bool memo_by_number(cgap_pickle *p, size_t bytes, bool put)
{
  uint64_t place;
  return next_number(p, &place, bytes) && (put ? memo_put(p, place) : memo_get(p, place));
}

static bool push_integer(cgap_pickle *p, size_t bytes)
{
  uint64_t value;
  return next_number(p, &value, bytes) &&
         push_kind(p, CGAP_PICKLE_INTEGER, bytes == 4 ? (int64_t)(int32_t)(uint32_t)value : (int64_t)value);
}

/* ---------------------------------------------------------------- containers */

/* The first of the last `count` objects, or, below 0, of those above the last mark. */
static bool find_items(cgap_pickle *p, size_t *first, int count)
{
  if (count < 0)
    return pop_mark(p, first);
  *first = p->stack.count - (size_t)count;
  return p->stack.count - floor_of(p) >= (size_t)count ||
         cgap_pickle_damaged(p, "it takes an object from an empty stack");
}

static bool push_sequence(cgap_pickle *p, cgap_pickle_kind kind, int count)
{
  size_t first;
  cgap_pickle_value out;
  if (!find_items(p, &first, count))
    return false;
  const size_t items = p->stack.count - first;
  if (kind == CGAP_PICKLE_DICT && items % 2)
    return cgap_pickle_damaged(p, "a key without a value");
  if (!cgap_pickle_sequence_new(p, &out, kind, items ? stack_of(p) + first : NULL, items))
    return false;
  p->stack.count = first;
  return push(p, out);
}

/* Adds what is above the last mark, or the last `count` objects, to the container below. */
static bool add_items(cgap_pickle *p, cgap_pickle_kind kind, int count)
{
  size_t first;
  if (!find_items(p, &first, count))
    return false;
  const size_t items = p->stack.count - first;
  if (first <= floor_of(p))
    return cgap_pickle_damaged(p, "it adds to a container that is missing");
  const cgap_pickle_value container = stack_of(p)[first - 1];
  if (container.kind != kind || (kind == CGAP_PICKLE_DICT && items % 2))
    return cgap_pickle_damaged(p, "it adds items to what is no such container");
  if (!cgap_pickle_sequence_add(p, container, items ? stack_of(p) + first : NULL, items))
    return false;
  p->stack.count = first;
  return true;
}

/* ---------------------------------------------------------------- functions */

static bool push_function_by_lines(cgap_pickle *p)
{
  char module[LINE_MAX_BYTES], name[LINE_MAX_BYTES];
  cgap_pickle_value v;
  return next_short_line(p, module) && next_short_line(p, name) && cgap_pickle_function(p, &v, module, name) &&
         push(p, v);
}

static bool push_function_by_names(cgap_pickle *p)
{
  cgap_pickle_value text[2], v;
  char name[2][LINE_MAX_BYTES] = {"", ""};
  for (int k = 1; k >= 0; k--) {
    if (!pop(p, &text[k]))
      return false;
    const cgap_pickle_text *t = text[k].kind == CGAP_PICKLE_STRING ? cgap_pickle_text_at(p, text[k].index) : NULL;
    if (!t || !cgap_pickle_text_kept(p, t) || t->length >= LINE_MAX_BYTES)
      return cgap_pickle_damaged(p, "the name of a function is no short string");
    memcpy(name[k], cgap_pickle_text_kept(p, t), (size_t)t->length);
  }
  return cgap_pickle_function(p, &v, name[0], name[1]) && push(p, v);
}

/* function(*arguments), which are on the stack; keywords: a dict of more, which has to be empty. */
static bool call(cgap_pickle *p, bool keywords)
{
  cgap_pickle_value function, arguments, more = {.kind = CGAP_PICKLE_DICT}, out;
  if ((keywords && !pop(p, &more)) || !pop(p, &arguments) || !pop(p, &function))
    return false;
  if (arguments.kind != CGAP_PICKLE_TUPLE || more.kind != CGAP_PICKLE_DICT)
    return cgap_pickle_damaged(p, "the arguments of a call are no tuple");
  if (keywords && cgap_pickle_count(p, more) > 0)
    return cgap_pickle_damaged(p, "a call with named arguments, which none of the functions that are read has");
  return cgap_pickle_call(p, &out, function, arguments) && push(p, out);
}

/* Class and arguments above the last mark. */
static bool call_marked(cgap_pickle *p)
{
  size_t first;
  cgap_pickle_value function, arguments, out;
  if (!pop_mark(p, &first))
    return false;
  if (first == p->stack.count)
    return cgap_pickle_damaged(p, "an object without its class");
  function = stack_of(p)[first];
  if (!cgap_pickle_sequence_new(p, &arguments, CGAP_PICKLE_TUPLE, stack_of(p) + first + 1, p->stack.count - first - 1))
    return false;
  p->stack.count = first;
  return cgap_pickle_call(p, &out, function, arguments) && push(p, out);
}

static bool call_class_by_lines(cgap_pickle *p)
{
  char module[LINE_MAX_BYTES], name[LINE_MAX_BYTES];
  cgap_pickle_value function, arguments, out;
  return next_short_line(p, module) && next_short_line(p, name) && cgap_pickle_function(p, &function, module, name) &&
         push_sequence(p, CGAP_PICKLE_TUPLE, -1) && pop(p, &arguments) &&
         cgap_pickle_call(p, &out, function, arguments) && push(p, out);
}

static bool set_state(cgap_pickle *p)
{
  cgap_pickle_value state, object;
  return pop(p, &state) && top(p, &object) && cgap_pickle_set_state(p, object, state);
}

static bool push_persistent(cgap_pickle *p)
{
  cgap_pickle_value id, out;
  return pop(p, &id) && cgap_pickle_persistent(p, &out, id) && push(p, out);
}

static bool check_protocol(cgap_pickle *p)
{
  uint64_t protocol;
  if (!next_number(p, &protocol, 1))
    return false;
  return protocol <= 5 ||
         cgap_pickle_refuse(p, CGAP_FILE,
                            "a Python pickle of protocol %" PRIu64 "; 0 to 5 are read: write it again with "
                            "pickle.dump(…, protocol=5)",
                            protocol);
}

static bool check_frame(cgap_pickle *p)
{
  uint64_t length;
  return next_number(p, &length, 8) && (length <= cgap_pickle_left(p) || cgap_pickle_cut_short(p, length));
}

/* ---------------------------------------------------------------- the machine */

/* What an opcode does: a function alone, or one with what the opcode says beyond the stack. */
typedef struct opcode {
  bool (*alone)(cgap_pickle *p);
  bool (*run)(cgap_pickle *p, const struct opcode *o);
  cgap_pickle_kind kind;
  cgap_pickle_form form;
  int count; /* bytes of the number that follows; objects, −1: those above the mark; the value of a constant */
} opcode;

/* An object, or the mark where it is on top. */
static bool drop_top(cgap_pickle *p)
{
  cgap_pickle_value v;
  if (!p->marks.count || p->stack.count != floor_of(p))
    return pop(p, &v);
  p->marks.count--;
  return true;
}

static bool drop_to_mark(cgap_pickle *p)
{
  return pop_mark(p, &p->stack.count);
}

static bool double_top(cgap_pickle *p)
{
  cgap_pickle_value v;
  return top(p, &v) && push(p, v);
}

static bool memo_next(cgap_pickle *p)
{
  return memo_put(p, p->memo.count);
}

static bool refuse_outside(cgap_pickle *p)
{
  return cgap_pickle_refuse(p, CGAP_FILE,
                            "a Python pickle with an object outside of it (a persistent id); write the arrays with "
                            "numpy.savez");
}

static bool refuse_extension(cgap_pickle *p)
{
  return cgap_pickle_refuse(p, CGAP_FILE,
                            "a Python pickle with a function by its number in copyreg, which is not read and was not "
                            "run; write the arrays with numpy.savez");
}

static bool refuse_buffers(cgap_pickle *p)
{
  return cgap_pickle_refuse(p, CGAP_FILE,
                            "a Python pickle whose buffers are outside of it; write it again without buffer_callback");
}

static bool run_constant(cgap_pickle *p, const opcode *o)
{
  return push_kind(p, o->kind, o->count);
}

static bool run_integer(cgap_pickle *p, const opcode *o)
{
  return push_integer(p, (size_t)o->count);
}

static bool run_long(cgap_pickle *p, const opcode *o)
{
  uint64_t bytes;
  return next_number(p, &bytes, (size_t)o->count) && push_long(p, bytes);
}

static bool run_number_line(cgap_pickle *p, const opcode *o)
{
  return push_number_line(p, (unsigned char)o->count);
}

static bool run_line(cgap_pickle *p, const opcode *o)
{
  return push_line(p, o->form);
}

static bool run_text(cgap_pickle *p, const opcode *o)
{
  return push_counted_text(p, o->kind, o->form, (size_t)o->count);
}

static bool run_sequence(cgap_pickle *p, const opcode *o)
{
  return push_sequence(p, o->kind, o->count);
}

static bool run_add(cgap_pickle *p, const opcode *o)
{
  return add_items(p, o->kind, o->count);
}

static bool run_put(cgap_pickle *p, const opcode *o)
{
  return o->count ? memo_by_number(p, (size_t)o->count, true) : memo_by_line(p, true);
}

static bool run_get(cgap_pickle *p, const opcode *o)
{
  return o->count ? memo_by_number(p, (size_t)o->count, false) : memo_by_line(p, false);
}

static bool run_call(cgap_pickle *p, const opcode *o)
{
  return call(p, o->count != 0);
}

static const opcode OPCODES[256] = {
  [0x80] = {.alone = check_protocol},
  [0x95] = {.alone = check_frame},
  /* the stack */
  ['('] = {.alone = push_mark},
  ['0'] = {.alone = drop_top},
  ['1'] = {.alone = drop_to_mark},
  ['2'] = {.alone = double_top},
  /* numbers */
  ['N'] = {.run = run_constant, .kind = CGAP_PICKLE_NONE},
  [0x88] = {.run = run_constant, .kind = CGAP_PICKLE_BOOL, .count = 1},
  [0x89] = {.run = run_constant, .kind = CGAP_PICKLE_BOOL},
  ['J'] = {.run = run_integer, .count = 4},
  ['K'] = {.run = run_integer, .count = 1},
  ['M'] = {.run = run_integer, .count = 2},
  [0x8a] = {.run = run_long, .count = 1},
  [0x8b] = {.run = run_long, .count = 4},
  ['G'] = {.alone = push_float},
  ['F'] = {.run = run_number_line, .count = 'F'},
  ['I'] = {.run = run_number_line, .count = 'I'},
  ['L'] = {.run = run_number_line, .count = 'L'},
  /* texts */
  ['S'] = {.run = run_line, .form = CGAP_TEXT_REPR},
  ['V'] = {.run = run_line, .form = CGAP_TEXT_ESCAPED},
  ['U'] = {.run = run_text, .kind = CGAP_PICKLE_STRING, .form = CGAP_TEXT_RAW, .count = 1},
  ['T'] = {.run = run_text, .kind = CGAP_PICKLE_STRING, .form = CGAP_TEXT_RAW, .count = 4},
  ['X'] = {.run = run_text, .kind = CGAP_PICKLE_STRING, .form = CGAP_TEXT_UTF8, .count = 4},
  [0x8c] = {.run = run_text, .kind = CGAP_PICKLE_STRING, .form = CGAP_TEXT_UTF8, .count = 1},
  [0x8d] = {.run = run_text, .kind = CGAP_PICKLE_STRING, .form = CGAP_TEXT_UTF8, .count = 8},
  ['C'] = {.run = run_text, .kind = CGAP_PICKLE_BYTES, .form = CGAP_TEXT_RAW, .count = 1},
  ['B'] = {.run = run_text, .kind = CGAP_PICKLE_BYTES, .form = CGAP_TEXT_RAW, .count = 4},
  [0x8e] = {.run = run_text, .kind = CGAP_PICKLE_BYTES, .form = CGAP_TEXT_RAW, .count = 8},
  [0x96] = {.run = run_text, .kind = CGAP_PICKLE_BYTES, .form = CGAP_TEXT_RAW, .count = 8},
  /* containers */
  [']'] = {.run = run_sequence, .kind = CGAP_PICKLE_LIST},
  ['}'] = {.run = run_sequence, .kind = CGAP_PICKLE_DICT},
  [')'] = {.run = run_sequence, .kind = CGAP_PICKLE_TUPLE},
  [0x8f] = {.run = run_sequence, .kind = CGAP_PICKLE_SET},
  ['l'] = {.run = run_sequence, .kind = CGAP_PICKLE_LIST, .count = -1},
  ['d'] = {.run = run_sequence, .kind = CGAP_PICKLE_DICT, .count = -1},
  ['t'] = {.run = run_sequence, .kind = CGAP_PICKLE_TUPLE, .count = -1},
  [0x91] = {.run = run_sequence, .kind = CGAP_PICKLE_SET, .count = -1},
  [0x85] = {.run = run_sequence, .kind = CGAP_PICKLE_TUPLE, .count = 1},
  [0x86] = {.run = run_sequence, .kind = CGAP_PICKLE_TUPLE, .count = 2},
  [0x87] = {.run = run_sequence, .kind = CGAP_PICKLE_TUPLE, .count = 3},
  ['a'] = {.run = run_add, .kind = CGAP_PICKLE_LIST, .count = 1},
  ['e'] = {.run = run_add, .kind = CGAP_PICKLE_LIST, .count = -1},
  ['s'] = {.run = run_add, .kind = CGAP_PICKLE_DICT, .count = 2},
  ['u'] = {.run = run_add, .kind = CGAP_PICKLE_DICT, .count = -1},
  [0x90] = {.run = run_add, .kind = CGAP_PICKLE_SET, .count = -1},
  /* the memo */
  ['p'] = {.run = run_put},
  ['q'] = {.run = run_put, .count = 1},
  ['r'] = {.run = run_put, .count = 4},
  [0x94] = {.alone = memo_next},
  ['g'] = {.run = run_get},
  ['h'] = {.run = run_get, .count = 1},
  ['j'] = {.run = run_get, .count = 4},
  /* functions */
  ['c'] = {.alone = push_function_by_lines},
  [0x93] = {.alone = push_function_by_names},
  ['R'] = {.run = run_call},
  [0x81] = {.run = run_call},
  [0x92] = {.run = run_call, .count = 1}, /* with keywords */
  ['o'] = {.alone = call_marked},
  ['i'] = {.alone = call_class_by_lines},
  ['b'] = {.alone = set_state},
  ['Q'] = {.alone = push_persistent},
  /* what is refused */
  ['P'] = {.alone = refuse_outside},
  [0x82] = {.alone = refuse_extension},
  [0x83] = {.alone = refuse_extension},
  [0x84] = {.alone = refuse_extension},
  [0x97] = {.alone = refuse_buffers},
  [0x98] = {.alone = refuse_buffers},
};

static bool step(cgap_pickle *p, unsigned char code)
{
  const opcode *o = &OPCODES[code];
  return o->alone ? o->alone(p) : o->run ? o->run(p, o) : cgap_pickle_damaged(p, "0x%02x is no opcode", code);
}

cgap_status cgap_pickle_run(cgap_pickle *p, cgap_pickle_value *out, cgap_error *error)
{
  unsigned char code = 0;
  cgap_c_locale locale = cgap_c_locale_begin(); /* numbers in text */
  p->error = error;
  p->status = CGAP_OK;
  p->stack.count = p->marks.count = p->memo.count = p->puts = 0;
  *out = (cgap_pickle_value){.kind = CGAP_PICKLE_UNSET};
  bool going = true;
  while (going && cgap_pickle_next(p, &code, 1) && code != '.')
    going = step(p, code);
  if (p->status == CGAP_OK && p->marks.count)
    (void)cgap_pickle_damaged(p, "it ends within a container");
  if (p->status == CGAP_OK)
    (void)pop(p, out);
  cgap_c_locale_end(locale);
  return p->status;
}
