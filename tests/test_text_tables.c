/* Numbers in text and the files that are made of them: each number is the nearest double; tables and JSON give the
 * values, ids and captions that were written; what cannot be read is refused by line and column; one array an item is
 * stacked. */
#include "io/read/array_reader.h"
#include "io/read/datasets.h"
#include "io/read/text_datasets.h"
#include "support.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- numbers */

static uint64_t bits_of(double value)
{
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static void expect_number(const char *text, locale_t c)
{
  cgap_text_number n;
  char *want_end;
  const double want = strtod_l(text, &want_end, c);
  const char *end = cgap_text_number_read(&n, text, c);
  cr_expect(end == want_end && bits_of(n.value) == bits_of(want),
            "%s: got %.17g (%" PRIx64 "), want %.17g (%" PRIx64 ")", text, n.value, bits_of(n.value), want,
            bits_of(want));
}

/* glibc's strtod is the independent program: it is right to the last bit. */
Test(text_tables, each_number_is_the_nearest_double)
{
  static const char *const HARD[] = {"0",
                                     "-0",
                                     "1e-400",
                                     "4.9e-324",
                                     "2.2250738585072011e-308",
                                     "1.7976931348623157e308",
                                     "9007199254740993",
                                     "9007199254740992.5",
                                     "0.1",
                                     "1e23",
                                     "8.5e22",
                                     "18446744073709551615",
                                     "9999999999999999999",
                                     "1.0000000000000002220446049250313",
                                     "0.00000000000000000000000000000000000001",
                                     "123456789012345678901234567890",
                                     "+1.5e+3",
                                     ".5",
                                     "5.",
                                     "-.25e-2",
                                     "5404319552844595.5",
                                     "0.3000000000000000444",
                                     "7205759403792793199999e-5",
                                     "1e0000000000000000001"};
  support_random r = support_seed(11);
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  for (size_t k = 0; k < sizeof HARD / sizeof *HARD; k++)
    expect_number(HARD[k], c);
  for (size_t k = 0; k < 400000; k++) {
    char text[80];
    uint64_t bits = support_u64(&r);
    double value;
    const int form = (int)support_below(&r, 4), digits = (int)support_below(&r, 20);
    memcpy(&value, &bits, sizeof value);
    if (form == 0 && isfinite(value))
      (void)snprintf(text, sizeof text, "%.*e", digits, value);
    else if (form == 1)
      (void)snprintf(text, sizeof text, "%.*f", digits, support_normal(&r));
    else if (form == 2)
      (void)snprintf(text, sizeof text, "%" PRIu64 "e%d", bits >> support_below(&r, 64),
                     (int)support_below(&r, 60) - 30);
    else /* one half of the last bit, where a second rounding shows */
      (void)snprintf(text, sizeof text, "%" PRIu64 ".%de%d", (bits >> 11 | 1) & 0xfffffffffffff, 5,
                     (int)support_below(&r, 20) - 10);
    expect_number(text, c);
  }
  freelocale(c);
}

Test(text_tables, what_is_no_number_is_none)
{
  static const char *const NONE[] = {"", "-", ".", "e5", "1e", "1e+", "abc", "--1", "na", "in"};
  cgap_text_number n;
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  for (size_t k = 0; k < sizeof NONE / sizeof *NONE; k++)
    cr_expect_null(cgap_text_number_read(&n, NONE[k], c), "%s", NONE[k]);
  cr_expect_str_eq(cgap_text_number_read(&n, "0x1p3", c), "x1p3");
  cr_expect_str_eq(cgap_text_number_read(&n, "1,5", c), ",5");
  cr_expect(cgap_text_number_read(&n, "-NaN", c) && isnan(n.value));
  cr_expect(cgap_text_number_read(&n, "-Infinity", c) && n.value == -INFINITY);
  freelocale(c);
}

/* ---------------------------------------------------------------- files */

static char folder[200];

static void make_folder(void)
{
  support_directory(folder, sizeof folder);
}

static void remove_folder(void)
{
  support_remove(folder);
}

TestSuite(text_files, .init = make_folder, .fini = remove_folder);

static cgap_status open_text(cgap_file **out, const char *name, const char *content, const cgap_file_access *access,
                             cgap_error *error)
{
  char path[300];
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "wb");
  cr_assert(f && fputs(content, f) >= 0 && fclose(f) == 0);
  return cgap_file_open(out, path, access, error);
}

/* The matrix at `path` of a file with this content is `want` (rows, dim). */
static void expect_matrix(const char *name, const char *content, const char *path, cgap_type type, size_t rows,
                          size_t dim, const double *want)
{
  cgap_file *file = NULL;
  cgap_error error = {0};
  cr_assert_eq(open_text(&file, name, content, NULL, &error), CGAP_OK, "%s", error.message);
  const cgap_entry *e = cgap_file_find(file, path);
  cr_assert_not_null(e, "%s: no %s", content, path);
  cr_assert(e->ndim == 2 && e->shape[0] == rows && e->shape[1] == dim && e->type == type, "%s: %zu × %zu %s", content,
            e->shape[0], e->shape[1], e->type_text);
  double *got = support_alloc(rows * dim, sizeof *got);
  cr_assert_eq(cgap_read_float64(got, &(cgap_chosen_dataset){file, e}, &error), CGAP_OK, "%s", error.message);
  for (size_t i = 0; i < rows * dim; i++)
    cr_expect(support_same(content, path, got[i], type == CGAP_FLOAT32 ? (double)(float)want[i] : want[i]));
  free(got);
  cgap_file_close(file);
}

static void expect_ids(const char *name, const char *content, const char *path, size_t count, const char *const *want)
{
  cgap_file *file = NULL;
  cgap_error error = {0};
  cgap_ids ids;
  cr_assert_eq(open_text(&file, name, content, NULL, &error), CGAP_OK, "%s", error.message);
  const cgap_entry *e = cgap_file_find(file, path);
  cr_assert_not_null(e, "%s: no %s", content, path);
  cr_assert_eq(cgap_ids_read(&ids, &(cgap_chosen_dataset){file, e}, 1, &error), CGAP_OK);
  cr_assert_eq(ids.count, count);
  for (size_t i = 0; i < count; i++) {
    char text[100];
    cr_expect_str_eq(cgap_id_text(text, sizeof text, &ids, i), want[i]);
  }
  cgap_ids_clear(&ids);
  cgap_file_close(file);
}

static const double SIX[] = {1, 2.5, -3, 0.125, 5, 1e-3};

Test(text_files, tables_of_every_form)
{
  static const char *const FORMS[] = {
    "1,2.5,-3\n.125,5,1e-3\n",
    "1,2.5,-3\r\n.125,5,1e-3", /* no end of the last line */
    ("\xef\xbb\xbf"
     "1, 2.5, -3\n\n.125, \"5\", 1e-3\n"),
    "1\t2.5\t-3\n.125\t5\t1e-3\n",
    "1;2.5;-3\n.125;5;1e-3\n",
    "1  2.5 -3 \n .125 5 1e-3\n",
    "# made by numpy\n1 2.5 -3\n.125 5 1e-3\n",
    "a,b,c\n1,2.5,-3\n.125,5,1e-3\n",
    "e0,e1,e2,\n1,2.5,-3,\n.125,5,1e-3,\n",
    "0,1,2\n1,2.5,-3\n.125,5,1e-3\n",
    "2 3\nking 1 2.5 -3\nqueen .125 5 1e-3\n",
    "king 1 2.5 -3\nat a.b@c .125 5 1e-3\n", /* GloVe has words with blanks */
    ",0,1,2\n0,1,2.5,-3\n1,.125,5,1e-3\n",
    "id,e0,e1,e2\nx,1,2.5,-3\ny,.125,5,1e-3\n",
    "id\te_0\te_1\te_2\tlabel\nx\t1\t2.5\t-3\t0\ny\t.125\t5\t1e-3\t1\n",
    "391895,1.0,2.5,-3\n522418,.125,5,1e-3\n",
    "id,caption,vector\n1,\"a \"\"dog\"\",\nred\",\"[1, 2.5, -3]\"\n2,cat,[.125 5 1e-3]\n",
    "[[1, 2.5, -3], [0.125, 5, 1e-3]]",
    "[1, 2.5, -3]\n[0.125, 5, 1e-3]\n",
    "[{\"id\": 1, \"v\": [1, 2.5, -3], \"x\": {\"y\": [1, null]}}, {\"v\": [0.125, 5, 1e-3], \"id\": 2}]",
    "{\"v\": [1, 2.5, -3]}\n{\"v\": [0.125, 5, 1e-3]}\n",
    "{\"v\": [[1, 2.5, -3], [0.125, 5, 1e-3]], \"n\": 2}"};
  for (size_t k = 0; k < sizeof FORMS / sizeof *FORMS; k++)
    expect_matrix("rows.txt", FORMS[k], "rows", CGAP_FLOAT32, 2, 3, SIX);
}

Test(text_files, several_matrices_of_one_table)
{
  const char *content = "image_0,image_1,text_0,text_1,label\n1,2.5,-3,.125,7\n5,1e-3,0,1,8\n";
  static const double IMAGE[] = {1, 2.5, 5, 1e-3}, TEXT[] = {-3, .125, 0, 1};
  expect_matrix("both.csv", content, "image", CGAP_FLOAT32, 2, 2, IMAGE);
  expect_matrix("both.csv", content, "text", CGAP_FLOAT32, 2, 2, TEXT);
  expect_ids("both.csv", content, "label", 2, (const char *const[]){"7", "8"});
}

Test(text_files, more_digits_than_float32_holds_make_float64)
{
  static const double FINE[] = {0.1234567890123456, 1, 2, 3};
  static const double COARSE[] = {0.100000001490116119384765625, 1, 2, 3}; /* a float32, written out */
  expect_matrix("fine.csv", "0.1234567890123456,1\n2,3\n", "fine", CGAP_FLOAT64, 2, 2, FINE);
  expect_matrix("coarse.csv", "1.000000014901161194e-01,1\n2,3\n", "coarse", CGAP_FLOAT32, 2, 2, COARSE);
}

Test(text_files, ids_are_kept)
{
  expect_ids("a.csv", "id,e0,e1\nx,1,2\ny,3,4\n", "id", 2, (const char *const[]){"\"x\"", "\"y\""});
  expect_ids("b.csv", "image_id,e0,e1\n17,1,2\n4,3,4\n", "image_id", 2, (const char *const[]){"17", "4"});
  expect_ids("c.csv", "image_id,e0,e1\n0017,1,2\n0004,3,4\n", "image_id", 2,
             (const char *const[]){"\"0017\"", "\"0004\""});
  expect_ids("d.txt", "2 2\nking 1 2\nqueen 3 4\n", "id", 2, (const char *const[]){"\"king\"", "\"queen\""});
  expect_ids("e.txt", "x 3 4\nat a.b 1 2\n", "id", 2, (const char *const[]){"\"x\"", "\"at a.b\""});
  expect_ids("f.json", "[{\"k\": \"\\u00e9\\ud83d\\ude00\\n\", \"v\": [1, 2]}, {\"k\": \"b\", \"v\": [3, 4]}]", "k", 2,
             (const char *const[]){"\"\xc3\xa9\xf0\x9f\x98\x80?\"", "\"b\""});
  expect_ids("g.txt", "3\n1\n2\n", "values", 3, (const char *const[]){"3", "1", "2"});
  expect_ids("h.json", "{\"image\": {\"b\": [3, 4.5], \"a\": [1, 2.5], \"c\": [0, 0.5]}}", "image/id", 3,
             (const char *const[]){"\"b\"", "\"a\"", "\"c\""});
}

Test(text_files, one_vector_an_item_is_stacked_in_order)
{
  static const double WANT[] = {3, 4.5, 1, 2.5, 0, 0.5};
  expect_matrix("items.json", "{\"image\": {\"b\": [3, 4.5], \"a\": [1, 2.5], \"c\": [0, 0.5]}}", "image", CGAP_FLOAT32,
                3, 2, WANT);
  expect_matrix("items.json", "{\"image_b\": [3, 4.5], \"image_a\": [1, 2.5], \"image_c\": [0, 0.5]}", "image",
                CGAP_FLOAT32, 3, 2, WANT);
}

static void expect_refusal(const char *content, const char *words)
{
  cgap_file *file = NULL;
  cgap_error error = {0};
  const cgap_status status = open_text(&file, "bad.csv", content, NULL, &error);
  cr_expect(status == CGAP_FILE && strstr(error.message, words), "%s: status %d, %s", content, (int)status,
            error.message);
  cr_expect_null(file);
}

Test(text_files, what_does_not_parse_is_refused_by_line_and_column)
{
  expect_refusal("1,2,3\n4,x,6\n", "line 2, column 2: \"x\" is no number");
  expect_refusal("id,e0,e1\na,1,2\nb,,4\n", "line 3, column 2 (e0): an empty cell");
  expect_refusal("1,2,3\n4,5\n", "line 2 has 2 cells, line 1 has 3");
  expect_refusal("1,2,3\n4,5,6,7,8\n", "line 2 has 5 cells, line 1 has 3");
  expect_refusal("1,2;3,4\n0,5;1,5\n", "line 1, column 2: \"3,4\" has a decimal comma");
  expect_refusal("1,2\n\"0,5\",3\n", "line 2, column 1: \"0,5\" has a decimal comma");
  expect_refusal("1,2\n\"1,234.5\",3\n", "has separators of thousands");
  expect_refusal("1,2\n0x1p3,3\n", "\"0x1p3\" is hexadecimal");
  expect_refusal("1,2\n1e400,3\n", "line 2, column 1: a number too large");
  expect_refusal("3 2\na 1 2\nb 3 4\n", "says 3 rows, it has 2");
  expect_refusal("a,b\nc,d\n", "line 1, column 2: \"b\" is no number");
  expect_refusal("name,place\n1,c\n", "without numbers");
  expect_refusal("[[1, 2], [3]]", "line 1, item 1: a vector of 1 numbers, the first has 2");
  expect_refusal("[[1, 2], [3, null]]", "item 1, rows: no number");
  expect_refusal("[[1, 2], [3, 4]", "the file ends");
  expect_refusal("[{\"v\": [1, 2]}, {\"w\": [3, 4]}]", "no vector of this name");
  expect_refusal("{\"a\": 1}", "without a vector");
  expect_refusal("id,v\n1,\"[1, 2, ..., 3]\"\n", "numbers were left out");
}

Test(text_files, memory_is_bounded)
{
  char *content = support_alloc(40 * 1000 + 1, 1);
  for (size_t k = 0; k < 10000; k++)
    memcpy(content + 4 * k, "1,2\n", 4);
  cgap_memory_count memory = {.limit = 1 << 16};
  cgap_file *file = NULL;
  cgap_error error = {0};
  cr_expect_eq(open_text(&file, "large.csv", content, &(cgap_file_access){.memory = &memory}, &error), CGAP_RESOURCE);
  memory = (cgap_memory_count){.limit = 1 << 20};
  cr_assert_eq(open_text(&file, "large.csv", content, &(cgap_file_access){.memory = &memory}, &error), CGAP_OK);
  cr_expect_eq(memory.used, 10000 * 2 * sizeof(float)); /* what the doubles took is given back */
  cgap_file_close(file);
  free(content);
}

/* Matrices that take more than the limit are in a file, with the values that they have in memory. */
Test(text_files, more_than_the_memory_goes_to_a_file)
{
  enum { ROWS = 100000, LINE = 60 };
  char *content = support_alloc((size_t)ROWS * LINE, 1);
  size_t used = (size_t)sprintf(content, "id,image_0,image_1,image_2,text_0,text_1\n");
  for (size_t i = 0; i < ROWS; i++)
    used += (size_t)sprintf(content + used, "k%zu,%zu,%zu.25,-%zu,%.17g,0.5\n", i, i, i, i, 0.1 * (double)i);
  cgap_file *file[2] = {NULL};
  cgap_error error = {0};
  for (int k = 0; k < 2; k++) {
    cgap_memory_count memory = {.limit = k ? 2 << 20 : 1 << 30};
    cr_assert_eq(open_text(&file[k], "both.csv", content, &(cgap_file_access){.memory = &memory}, &error), CGAP_OK,
                 "%s", error.message);
    cr_expect_leq(memory.used, memory.limit);
  }
  cr_assert_eq(file[0]->count, 3);
  cr_assert_eq(file[1]->count, 3);
  for (size_t i = 0; i < 3; i++) {
    const cgap_entry *a = &file[0]->entries[i], *b = &file[1]->entries[i];
    const size_t bytes = a->shape[0] * (a->ndim == 2 ? a->shape[1] : 1) * a->item;
    void *of_a = support_alloc(bytes, 1), *of_b = support_alloc(bytes, 1);
    cr_assert(strcmp(a->path, b->path) == 0 && a->kind == b->kind && a->type == b->type && a->item == b->item);
    cr_assert_eq(cgap_array_read_all(of_a, a, &error), CGAP_OK);
    cr_assert_eq(cgap_array_read_all(of_b, b, &error), CGAP_OK);
    cr_expect(memcmp(of_a, of_b, bytes) == 0, "%s", a->path);
    cr_expect(!a->pieces->gathered && b->pieces->gathered == (b->kind == CGAP_KIND_FLOAT), "%s", a->path);
    free(of_a);
    free(of_b);
  }
  cgap_file_close(file[0]);
  cgap_file_close(file[1]);
  free(content);
}
