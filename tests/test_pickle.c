/* Pickles, written opcode by opcode here: rows come back bit by bit whatever form they have in Python; what no program
 * would write is refused with one line, at once and with little memory. */
#include "io/read/container.h"
#include "io_ask.h"
#include "support.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zip.h>

enum { N = 37, D = 11 };
static const h5_shape SHAPE = {2, {N, D}};

/* ---------------------------------------------------------------- writing */

typedef struct pickle {
  unsigned char *bytes;
  size_t count, capacity;
} pickle;

static void add(pickle *p, const void *bytes, size_t count)
{
  if (p->count + count >= p->capacity) {
    p->capacity = 2 * (p->count + count) + 64;
    p->bytes = realloc(p->bytes, p->capacity);
    cr_assert_not_null(p->bytes);
  }
  memcpy(p->bytes + p->count, bytes, count);
  p->count += count;
}

static void add_text(pickle *p, const char *text)
{
  add(p, text, strlen(text));
}

static void add_number(pickle *p, uint64_t number, size_t bytes, bool big)
{
  for (size_t k = 0; k < bytes; k++) {
    const unsigned char byte = (unsigned char)(number >> (8 * (big ? bytes - 1 - k : k)));
    add(p, &byte, 1);
  }
}

/* BINUNICODE */
static void add_key(pickle *p, const char *key)
{
  add_text(p, "X");
  add_number(p, strlen(key), 4, false);
  add_text(p, key);
}

/* BININT */
static void add_int(pickle *p, size_t number)
{
  add_text(p, "J");
  add_number(p, number, 4, false);
}

static void add_float(pickle *p, double number)
{
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  add_text(p, "G");
  add_number(p, bits, 8, true);
}

static void put_file(const char *path, const void *bytes, size_t count)
{
  FILE *out = fopen(path, "wb");
  cr_assert_not_null(out, "%s", path);
  cr_assert_eq(fwrite(bytes, 1, count, out), count);
  cr_assert_eq(fclose(out), 0);
}

static void put_pickle(const char *path, pickle p)
{
  put_file(path, p.bytes, p.count);
  free(p.bytes);
}

/* How rows are in Python. */
typedef enum row_form { ARRAY, ARRAY_BIG, ARRAY_FORTRAN, BUFFER, LATIN_1, LISTS, ROWS, FORMS } row_form;

/* Parts of what NumPy writes. */
static const char STATE[] = "(K\0tC\1btR(K\1", TYPE[] = "cnumpy\ndtype\n(X\2\0\0\0f4K\0K\1tR",
                  ORDER[] = "(K\3X\1\0\0\0", REST[] = "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb",
                  LATIN[] = "X\6\0\0\0latin1tR", BY_ROWS[] = "tX\1\0\0\0CtR";

/* An array of NumPy (rows, D), or (D) where rows is 0. */
static void add_array(pickle *p, const float *values, size_t rows, row_form form)
{
  const size_t count = (rows ? rows : 1) * D;
  add_text(p, form == BUFFER ? "cnumpy.core.numeric\n_frombuffer\n("
                             : "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n");
  if (form != BUFFER) {
    add(p, STATE, sizeof STATE - 1);
    add_text(p, "(");
    if (rows)
      add_int(p, rows);
    add_int(p, D);
    add_text(p, "t");
    add(p, TYPE, sizeof TYPE - 1);
    add(p, ORDER, sizeof ORDER - 1);
    add_text(p, form == ARRAY_BIG ? ">" : "<");
    add(p, REST, sizeof REST - 1);
    add_text(p, form == ARRAY_FORTRAN ? "\x88" : "\x89");
  }
  add_text(p, form == LATIN_1 ? "c_codecs\nencode\n(X" : form == BUFFER ? "\x96" : "B");
  pickle data = {0};
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &values[form == ARRAY_FORTRAN ? i % rows * D + i / rows : i], sizeof bits);
    for (size_t k = 0; k < 4; k++) {
      const unsigned char c = (unsigned char)(bits >> (8 * (form == ARRAY_BIG ? 3 - k : k)));
      if (form == LATIN_1 && c >= 0x80)
        add(&data, (unsigned char[]){(unsigned char)(0xc0 | c >> 6), (unsigned char)(0x80 | (c & 0x3f))}, 2);
      else
        add(&data, &c, 1);
    }
  }
  add_number(p, data.count, form == BUFFER ? 8 : 4, false);
  add(p, data.bytes, data.count);
  free(data.bytes);
  if (form == LATIN_1)
    add(p, LATIN, sizeof LATIN - 1);
  if (form == BUFFER) {
    add(p, TYPE, sizeof TYPE - 1);
    add_text(p, "(");
    add_int(p, rows);
    add_int(p, D);
    add(p, BY_ROWS, sizeof BY_ROWS - 1);
  } else {
    add_text(p, "tb");
  }
}

/* Half of the lists in one call, the others item by item. */
static void add_lists(pickle *p, const float *values)
{
  add_text(p, "](");
  for (size_t i = 0; i < N; i++) {
    add_text(p, i % 2 ? "]" : "](");
    for (size_t k = 0; k < D; k++) {
      add_float(p, (double)values[i * D + k]);
      if (i % 2)
        add_text(p, "a");
    }
    if (i % 2 == 0)
      add_text(p, "e");
  }
  add_text(p, "e");
}

static void add_rows(pickle *p, const float *values)
{
  add_text(p, "(");
  for (size_t i = 0; i < N; i++)
    add_array(p, values + i * D, 0, i % 2 ? ARRAY : LATIN_1);
  add_text(p, "t");
}

static float *floats(void)
{
  double *numbers = h5_numbers(SHAPE);
  float *values = support_encode(numbers, N * D, CGAP_FLOAT32);
  free(numbers);
  return values;
}

static void add_form(pickle *p, const float *values, row_form form)
{
  if (form == LISTS)
    add_lists(p, values);
  else if (form == ROWS)
    add_rows(p, values);
  else
    add_array(p, values, N, form);
}

/* {'image': …, 'text': …} */
static pickle pair_of(row_form form)
{
  pickle p = {0};
  float *values = floats();
  add_text(&p, "\x80\x02}(");
  for (int k = 0; k < 2; k++) {
    add_key(&p, k ? "text" : "image");
    add_form(&p, values, form);
  }
  add_text(&p, "u.");
  free(values);
  return p;
}

/* ---------------------------------------------------------------- bits */

static void check_pair(const char *where, const io_ask *a)
{
  cgap_dataset *d = ask_open(a);
  const cgap_data *data = cgap_dataset_data(d);
  cr_expect_eq(data->image.rows, N, "%s", where);
  for (size_t piece = 1; piece <= N; piece = 2 * piece + 1) {
    ask_numbers(where, &data->image, SHAPE, piece);
    ask_numbers(where, &data->text, SHAPE, piece);
  }
  cgap_dataset_close(d);
}

Test(pickle, rows_in_every_form_give_their_bits_back, .init = ask_enter, .fini = ask_leave)
{
  for (int form = 0; form < FORMS; form++) {
    char where[40];
    (void)snprintf(where, sizeof where, "form %d", form);
    put_pickle("pairs.pkl", pair_of((row_form)form));
    check_pair(where, &(io_ask){.files = {"pairs.pkl"}});
    check_pair(where, &(io_ask){.image = "pairs.pkl:image", .text = "pairs.pkl:/text"});
  }
}

Test(pickle, containers_in_containers_have_paths_with_dots, .init = ask_enter, .fini = ask_leave)
{
  pickle p = {0};
  float *values = floats();
  add_text(&p, "\x80\x02}");
  add_key(&p, "a");
  add_text(&p, "}");
  add_key(&p, "one");
  add_form(&p, values, ARRAY);
  add_text(&p, "s");
  add_key(&p, "0.5");
  add_text(&p, "]");
  add_form(&p, values, LATIN_1);
  add_text(&p, "asss."); /* a list of one matrix is one more axis */
  p.count -= 2;
  add_text(&p, ".");
  put_pickle("nested.pkl", p);
  free(values);
  check_pair("dots", &(io_ask){.image = "nested.pkl:a.one", .text = "nested.pkl:a/0.5"});
  check_pair("slashes", &(io_ask){.image = "nested.pkl:/a/one", .text = "nested.pkl:a.0.5"});
  ask_refuse("no such", &(io_ask){.image = "nested.pkl:a.two", .text = "nested.pkl:a.one"}, CGAP_FILE,
             "nested.pkl: no dataset /a.two|/a/one");
}

/* ---------------------------------------------------------------- torch.save */

typedef struct view {
  size_t offset, size[2], stride[2];
} view;

static void add_tensor(pickle *p, const char *key, size_t elements, view v)
{
  add_text(p, "ctorch._utils\n_rebuild_tensor_v2\n((");
  add_key(p, "storage");
  add_text(p, "ctorch\nFloatStorage\n");
  add_key(p, key);
  add_key(p, "cpu");
  add_int(p, elements);
  add_text(p, "tQ");
  add_int(p, v.offset);
  for (int k = 0; k < 2; k++) {
    const size_t *pair = k ? v.stride : v.size;
    add_text(p, "(");
    add_int(p, pair[0]);
    add_int(p, pair[1]);
    add_text(p, "t");
  }
  add_text(p, "\x89"
              "ccollections\nOrderedDict\n)RtR");
}

/* Tensors that are whole, transposed and parts of wider rows. */
static const view VIEWS[] = {{0, {N, D}, {D, 1}}, {0, {N, D}, {1, N}}, {3, {N, D}, {D + 5, 1}}};
enum { VIEW_COUNT = sizeof VIEWS / sizeof *VIEWS, STORAGE = N * (D + 5) + 3 };

/* The storage of which the view is the numbers, in one byte order or the other. */
static void make_storage(unsigned char *out, const float *values, view v, bool big)
{
  memset(out, 0x7f, 4 * STORAGE);
  for (size_t i = 0; i < N; i++)
    for (size_t k = 0; k < D; k++) {
      unsigned char *at = out + 4 * (v.offset + i * v.stride[0] + k * v.stride[1]);
      memcpy(at, &values[i * D + k], 4);
      if (big)
        for (int b = 0; b < 2; b++) {
          const unsigned char other = at[b];
          at[b] = at[3 - b];
          at[3 - b] = other;
        }
    }
}

static pickle tensors_of(view v)
{
  pickle p = {0};
  add_text(&p, "\x80\x02}(");
  add_key(&p, "image");
  add_tensor(&p, "10", STORAGE, v);
  add_key(&p, "text");
  add_tensor(&p, "9", STORAGE, v);
  add_text(&p, "u.");
  return p;
}

static void put_torch(const char *path, const unsigned char *storage, view v, bool big)
{
  int code = 0;
  zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
  pickle p = tensors_of(v);
  const struct {
    const char *name;
    const void *bytes;
    size_t count;
  } members[] = {{"x/data.pkl", p.bytes, p.count},
                 {"x/byteorder", big ? "big" : "little", big ? 3 : 6},
                 {"x/data/10", storage, 4 * STORAGE},
                 {"x/data/9", storage, 4 * STORAGE}};
  cr_assert_not_null(zip);
  for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
    const zip_int64_t at = zip_file_add(
      zip, members[i].name, zip_source_buffer(zip, members[i].bytes, members[i].count, 0), ZIP_FL_ENC_UTF_8);
    cr_assert(at >= 0, "%s", zip_strerror(zip));
    cr_assert_eq(zip_set_file_compression(zip, (zip_uint64_t)at, ZIP_CM_STORE, 0), 0);
  }
  cr_assert_eq(zip_close(zip), 0, "%s", zip_strerror(zip));
  free(p.bytes);
}

static void put_legacy(const char *path, const unsigned char *storage, view v, bool big)
{
  pickle p = {0}, tensors = tensors_of(v);
  add_text(&p, "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}");
  add_key(&p, "little_endian");
  add_text(&p, big ? "\x89s." : "\x88s.");
  add(&p, tensors.bytes, tensors.count);
  add_text(&p, "\x80\x02](");
  add_key(&p, "9");
  add_key(&p, "10");
  add_text(&p, "e.");
  for (int k = 0; k < 2; k++) {
    add_number(&p, STORAGE, 8, big);
    add(&p, storage, 4 * STORAGE);
  }
  free(tensors.bytes);
  put_pickle(path, p);
}

Test(pickle, tensors_of_every_layout_give_their_bits_back, .init = ask_enter, .fini = ask_leave)
{
  float *values = floats();
  unsigned char *storage = support_alloc(STORAGE, 4);
  for (int big = 0; big < 2; big++)
    for (size_t i = 0; i < VIEW_COUNT; i++) {
      make_storage(storage, values, VIEWS[i], big);
      put_torch("pairs.pt", storage, VIEWS[i], big);
      check_pair("pairs.pt", &(io_ask){.files = {"pairs.pt"}});
      put_legacy("old.pt", storage, VIEWS[i], big);
      check_pair("old.pt", &(io_ask){.image = "old.pt:image", .text = "pairs.pt:text"});
    }
  free(storage);
  free(values);
}

Test(pickle, views_of_a_storage_that_do_not_fit_are_refused, .init = ask_enter, .fini = ask_leave)
{
  static const struct {
    view v;
    const char *words;
  } bad[] = {{{9, {N, D}, {D + 5, 1}}, "cut short|its storage has 595"},
             {{0, {N, D}, {D, 2}}, ".contiguous()"},
             {{0, {N, D}, {0, 1}}, ".contiguous()"},
             {{0, {N, D}, {D - 1, 1}}, ".contiguous()"},
             {{0, {1U << 30, D}, {0, 1}}, ".contiguous()"},
             {{0, {1U << 30, D}, {D, 1}}, "cut short"}};
  unsigned char *storage = support_alloc(STORAGE, 4);
  memset(storage, 0, 4 * STORAGE);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    put_torch("bad.pt", storage, bad[i].v, false);
    ask_refuse("bad.pt", &(io_ask){.files = {"bad.pt"}}, CGAP_FILE, bad[i].words);
    put_legacy("bad.pt", storage, bad[i].v, false);
    ask_refuse("bad.pt before 1.6", &(io_ask){.files = {"bad.pt"}}, CGAP_FILE, bad[i].words);
  }
  free(storage);
}

/* ---------------------------------------------------------------- damage and malice */

/* Opens it and reads all rows; returns whether it was taken. What is said is one line with the name of the file. */
static bool take(const char *path)
{
  cgap_dataset *d = NULL;
  cgap_error error = {0};
  const cgap_input_options options = {.files = &path, .file_count = 1};
  cgap_status status = cgap_dataset_open(&d, &options, &error);
  const bool taken = status == CGAP_OK;
  const cgap_source *image = taken ? &cgap_dataset_data(d)->image : NULL;
  void *rows = taken ? malloc(image->rows * image->dim * sizeof(double)) : NULL;
  if (rows)
    status = image->read(image, 0, image->rows, rows, &error);
  cr_expect(status == CGAP_OK || (strstr(error.message, path) && !strchr(error.message, '\n')), "%s", error.message);
  free(rows);
  cgap_dataset_close(d);
  return taken;
}

/* Cut at every byte it is refused; with any byte changed it is refused or harmless. */
static void hurt(pickle p, const char *path)
{
  for (size_t i = 0; i < 2 * p.count; i++) {
    const bool cut = i < p.count;
    if (!cut)
      p.bytes[i - p.count] ^= (unsigned char)(1 + i * 7 % 255);
    put_file(path, p.bytes, cut ? i : p.count);
    cr_expect(!take(path) || !cut, "%s, cut at %zu of %zu, was taken", path, i, p.count);
    if (!cut)
      p.bytes[i - p.count] ^= (unsigned char)(1 + i * 7 % 255);
  }
  free(p.bytes);
}

/* Three rows of two numbers in each form. */
static pickle small(void)
{
  pickle p = {0};
  add_text(&p, "\x80\x02}(");
  add_key(&p, "image");
  add_text(&p, "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n");
  add(&p, STATE, sizeof STATE - 1);
  add(&p, "(K\3K\2t", 6);
  add(&p, TYPE, sizeof TYPE - 1);
  add(&p, ORDER, sizeof ORDER - 1);
  add_text(&p, "<");
  add(&p, REST, sizeof REST - 1);
  add_text(&p, "\x89"
               "C\x18");
  for (size_t i = 0; i < 6; i++)
    add_number(&p, 0x3f800000 + (i << 20), 4, false);
  add_text(&p, "tb");
  add_key(&p, "text");
  add_text(&p, "](");
  for (int i = 0; i < 3; i++) {
    add_text(&p, "](");
    add_float(&p, i + 0.5);
    add_float(&p, 1.0);
    add_text(&p, "e");
  }
  add_text(&p, "eu.");
  return p;
}

Test(pickle, damage_anywhere_is_refused_or_harmless, .init = ask_enter, .fini = ask_leave, .timeout = 120)
{
  put_pickle("whole.pkl", small());
  cr_assert(take("whole.pkl"));
  hurt(small(), "hurt.pkl");
}

/* The most memory that the process has had, in bytes. */
static size_t peak(void)
{
  struct rusage usage;
  cr_assert_eq(getrusage(RUSAGE_SELF, &usage), 0);
  return (size_t)usage.ru_maxrss * 1024;
}

/* The unit comes `count` times between a start and an end. */
static const struct {
  const char *start;
  size_t start_bytes;
  const char *unit;
  size_t unit_bytes, count;
  const char *end;
  cgap_status status;
  const char *words;
} MALICE[] = {
  {"\x80\x02", 2, "(", 1, 1000000, ".", CGAP_FILE, "more than 65536"},
  {"\x80\x02", 2, "N", 1, 5000000, ".", CGAP_FILE, "more than 4194304"},
  {"\x80\x02", 2, "]", 1, 1000000, ".", CGAP_RESOURCE, "write the rows as one array"},
  {"\x80\x02)", 3, "\x85", 1, 1000000, ".", CGAP_RESOURCE, "write the rows as one array"},
  {"\x80\x02]q\0", 5, "h\0a", 3, 300000, ".", CGAP_FILE, "not rows of one"},
  {"\x80\x02K\1", 4, "\x94", 1, 1000000, ".", CGAP_FILE, "no array"},
  {"\x80\x02](", 4, "G\0\0\0\0\0\0\0\0", 9, 200000, "e\x85\x81.", CGAP_FILE, "empty stack"},
  {"cos\nsystem\n(S'", 14, "a", 1, 100, "'\ntR.", CGAP_FILE, "would call os.system"},
  {"(V", 2, "\\u0041", 6, 200000, "\nl.", CGAP_FILE, "strings|no array"},
  {"\x80\x04\x95\0\0\0\0\0\0\0\x10", 11, "N", 1, 3, ".", CGAP_FILE, "cut short"},
  {"\x80\x04\x8e\0\0\0\0\0\0\0\x10", 11, "N", 1, 3, ".", CGAP_FILE, "cut short|1152921504606846976"},
};

Test(pickle, much_from_little_takes_little_memory, .init = ask_enter, .fini = ask_leave)
{
  for (size_t i = 0; i < sizeof MALICE / sizeof *MALICE; i++) {
    pickle p = {0};
    add(&p, MALICE[i].start, MALICE[i].start_bytes);
    for (size_t k = 0; k < MALICE[i].count; k++)
      add(&p, MALICE[i].unit, MALICE[i].unit_bytes);
    add_text(&p, MALICE[i].end);
    const size_t bytes = p.count;
    put_pickle("bad.pkl", p);
    const size_t before = peak();
    char *words = strdup(MALICE[i].words), * or = strstr(words, "strings|") ? words + 8 : words;
    cgap_file *file = NULL;
    cgap_error error = {0};
    const cgap_status status = cgap_file_open(&file, "bad.pkl", NULL, &error);
    if (or == words) {
      cr_expect_eq(status, MALICE[i].status, "%zu: status %d: %s", i, (int)status, error.message);
      for (char *word = strtok(words, "|"); word; word = strtok(NULL, "|"))
        cr_expect_not_null(strstr(error.message, word), "%zu: \"%s\" has no \"%s\"", i, error.message, word);
    }
#if defined(__SANITIZE_ADDRESS__)
    const size_t most = 240 * bytes + (16 << 20); /* with what surrounds every allocation */
#else
    const size_t most = 60 * bytes + (4 << 20);
#endif
    cr_expect(peak() - before <= most, "%zu: %zu bytes of memory for %zu of the file", i, peak() - before, bytes);
    free(words);
    cgap_file_close(file);
  }
}
