/* Class texts, labels, arithmetic; and every file that cannot be used, with the status and words of its refusal. */
#include "h5_make.h"
#include "io/find/dataset.h"
#include "io_ask.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N = 6, D = 4, C = 3 };

static const io_ask plain = {.files = {"a.h5"}};

/* a.h5 with images and, where asked, texts, labels of C classes and class texts. */
static hid_t make(bool text, bool labels, bool class_text)
{
  static const int64_t classes[N] = {0, 2, 1, 1, 0, 2};
  hid_t file = h5_create(ask_directory, "a.h5");
  h5_plain(file, "/image", (h5_shape){2, {N, D}});
  if (text)
    h5_plain(file, "/text", (h5_shape){2, {N, D}});
  if (labels)
    h5_integers(file, "/labels", (h5_shape){1, {N}}, classes, H5T_STD_I16BE);
  if (class_text)
    h5_plain(file, "/class_text", (h5_shape){2, {C, D}});
  return file;
}

/* ---------------------------------------------------------------- class texts and labels */

Test(extras, images_labels_and_class_texts_need_no_texts, .init = ask_enter, .fini = ask_leave)
{
  h5_close(make(false, true, true));
  cgap_dataset *d = ask_open(&plain);
  const cgap_data *data = cgap_dataset_data(d);
  cr_expect_eq(data->text.rows, 0);
  cr_expect_eq(data->pairing, CGAP_UNPAIRED);
  cr_expect_eq(data->class_text.rows, C);
  cr_expect_eq(data->prompts, 1);
  cr_expect(data->labels && data->labels[1] == 2 && data->labels[5] == 2);
  ask_numbers("class_text", &data->class_text, (h5_shape){2, {C, D}}, 2);
  cgap_dataset_close(d);
  h5_close(make(false, true, false));
  ask_refuse("no class texts", &plain, CGAP_FILE, "a.h5|no dataset can be the text|`text`|1) /image (6, 4) float32");
  h5_close(make(false, false, true));
  ask_refuse("no labels", &plain, CGAP_FILE, "no dataset can be the text|/class_text");
}

Test(extras, class_texts_have_prompts_and_a_name_that_is_found, .init = ask_enter, .fini = ask_leave)
{
  hid_t file = make(true, true, false);
  h5_plain(file, "/class_text_prompts", (h5_shape){3, {C, 5, D}});
  h5_plain(file, "/classifier_bias", (h5_shape){2, {C, 7}});
  h5_close(file);
  cgap_dataset *d = ask_open(&plain);
  cr_expect_str_eq(cgap_dataset_data(d)->text.name, "a.h5:/text");
  cr_expect_str_eq(cgap_dataset_data(d)->class_text.name, "a.h5:/class_text_prompts");
  cr_expect_eq(cgap_dataset_data(d)->class_text.rows, C * 5);
  cr_expect_eq(cgap_dataset_data(d)->prompts, 5);
  cgap_dataset_close(d);

  file = make(true, true, true);
  h5_plain(file, "/class_text_mean", (h5_shape){2, {C, D}});
  h5_plain(file, "/other/words", (h5_shape){2, {C, D}});
  h5_close(file);
  d = ask_open(&plain);
  cr_expect_str_eq(cgap_dataset_data(d)->class_text.name, "a.h5:/class_text");
  cgap_dataset_close(d);
  d = ask_open(&(io_ask){.files = {"a.h5"}, .class_text = "a.h5:/other/words"});
  cr_expect_str_eq(cgap_dataset_data(d)->class_text.name, "a.h5:/other/words");
  cgap_dataset_close(d);
  ask_refuse("no such class text", &(io_ask){.files = {"a.h5"}, .class_text = "/clas_text"}, CGAP_FILE,
             "/clas_text|`class_text`|did you mean /class_text");
}

Test(extras, labels_are_checked_against_images_and_classes, .init = ask_enter, .fini = ask_leave)
{
  static const int64_t beyond[N] = {0, 1, 2, 3, 0, 0}, negative[N] = {0, 1, 2, 0, -1, 0};
  static const char *const names[] = {"/label", "/targets", "/image_labels"};
  for (size_t i = 0; i < 3; i++) {
    hid_t file = make(true, false, true);
    h5_integers(file, names[i], (h5_shape){1, {N}}, beyond, H5T_STD_U8LE);
    h5_close(file);
    ask_refuse(names[i], &plain, CGAP_DATA, "image 3|label 3|3 classes|`labels`");
  }
  hid_t file = make(true, false, true);
  h5_integers(file, "/labels", (h5_shape){1, {N}}, negative, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("negative", &plain, CGAP_DATA, "a.h5:/labels|image 4|label -1|a.h5:/class_text|3 classes");
  file = make(true, false, true);
  h5_integers(file, "/labels", (h5_shape){1, {N - 1}}, NULL, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("too short", &plain, CGAP_DATA, "a.h5:/labels|5 rows|a.h5:/image has 6");
  file = make(true, false, true);
  h5_plain(file, "/soft", (h5_shape){2, {N, C}});
  h5_close(file);
  ask_refuse("floats", &(io_ask){.files = {"a.h5"}, .labels = "/soft"}, CGAP_DATA, "a.h5:/soft|float32|(6, 3)");
}

Test(extras, what_nothing_needs_is_passed_over_with_a_note, .init = ask_enter, .fini = ask_leave)
{
  hid_t file = make(true, false, false);
  h5_integers(file, "/labels", (h5_shape){1, {N + 2}}, NULL, H5T_STD_I64LE);
  h5_close(file);
  cgap_dataset *d = ask_open(&plain);
  cr_expect_null(cgap_dataset_data(d)->labels);
  json_t *told = cgap_dataset_json(d);
  const char *note = json_string_value(json_array_get(json_object_get(told, "notes"), 0));
  cr_expect(note && strstr(note, "labels not used") && strstr(note, "8 rows"), "%s", note ? note : "no note");
  json_decref(told);
  cgap_dataset_close(d);
}

/* ---------------------------------------------------------------- arithmetic */

typedef struct simat {
  size_t dim, labels, columns;
  int64_t query[8];
  double weight[2];
  bool no_query, no_weight;
} simat;

static void make_arithmetic(const simat *s)
{
  hid_t file = make(true, false, false);
  h5_plain(file, "/arithmetic/words", (h5_shape){2, {5, s->dim}});
  h5_integers(file, "/arithmetic/image_label", (h5_shape){1, {s->labels}}, NULL, H5T_STD_I32LE);
  if (!s->no_query)
    h5_integers(file, "/arithmetic/query", (h5_shape){2, {2, s->columns}}, s->query, H5T_STD_I32LE);
  if (!s->no_weight)
    h5_floats(file, "/arithmetic/weight", (h5_shape){1, {2}}, s->weight, (h5_storage){.type = CGAP_FLOAT64});
  h5_close(file);
}

Test(extras, arithmetic_is_read_and_checked, .init = ask_enter, .fini = ask_leave)
{
  const simat good = {D, N, 4, {0, 1, 2, 9, 5, 4, 0, 7}, {0.5, 2}, false, false};
  simat s = good;
  make_arithmetic(&s);
  cgap_dataset *d = ask_open(&plain);
  const cgap_data *data = cgap_dataset_data(d);
  cr_assert_eq(data->words.rows, 5);
  cr_assert_eq(data->queries, 2);
  cr_expect_eq(memcmp(data->query, good.query, sizeof good.query), 0);
  cr_expect_eq(memcmp(data->query_weight, good.weight, sizeof good.weight), 0);
  cr_expect_eq(data->image_label[3], 3);
  cgap_dataset_close(d);

  s.no_weight = true;
  make_arithmetic(&s);
  d = ask_open(&plain);
  cr_expect_null(cgap_dataset_data(d)->query_weight);
  cgap_dataset_close(d);

  const struct {
    simat s;
    cgap_status status;
    const char *words;
  } bad[] = {
    {{D, N, 4, {0, 1, 2, 9, 6, 4, 0, 7}, {1, 1}, false, false}, CGAP_DATA, "query 1|image row 6|there are 6"},
    {{D, N, 4, {0, 5, 2, 9, 1, 4, 0, 7}, {1, 1}, false, false}, CGAP_DATA, "query 0|source word 5|there are 5"},
    {{D, N, 4, {0, 1, -1, 9, 1, 4, 0, 7}, {1, 1}, false, false}, CGAP_DATA, "query 0|target word -1|there are 5"},
    {{D, N, 4, {0, 1, 2, 9, 1, 4, 0, 7}, {1, -1}, false, false}, CGAP_DATA, "query 1|weight -1"},
    {{D, N, 4, {0, 1, 2, 9, 1, 4, 0, 7}, {1, NAN}, false, false}, CGAP_DATA, "query 1|weight nan"},
    {{D, N, 4, {0, 1, 2, 9, 1, 4, 0, 7}, {0, 0}, false, false}, CGAP_DATA, "all 2 weights are 0"},
    {{D, N, 3, {0, 1, 2, 1, 4, 0}, {1, 1}, false, false}, CGAP_DATA, "/arithmetic/query|(2, 3)|(Q, 4)"},
    {{D + 1, N, 4, {0, 1, 2, 9, 1, 4, 0, 7}, {1, 1}, false, false}, CGAP_DATA, "/arithmetic/words|(5, 5)|(W, 4)"},
    {{D, N - 1, 4, {0, 1, 2, 9, 1, 4, 0, 7}, {1, 1}, false, false}, CGAP_DATA, "/arithmetic/image_label|(5,)|6"},
    {{D, N, 4, {0}, {1, 1}, true, false}, CGAP_FILE, "a.h5:/arithmetic|no dataset query"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    make_arithmetic(&bad[i].s);
    ask_refuse("arithmetic", &plain, bad[i].status, bad[i].words);
  }
}

/* ---------------------------------------------------------------- files that are none */

Test(refusals, files_that_cannot_be_opened, .init = ask_enter, .fini = ask_leave)
{
  static const char lfs[] = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
  static const unsigned char pickle[] = {0x80, 4, 0x95};
  h5_not(ask_directory, "empty.h5", "", 0);
  h5_not(ask_directory, "lfs.h5", lfs, sizeof lfs - 1);
  h5_not(ask_directory, "words.h5", "no HDF5 at all\n", 15);
  h5_not(ask_directory, "short.h5", "\x89HDF\r\n\x1a\n", 8);
  h5_not(ask_directory, "x.npy", "\x93NUMPY\x01", 7);
  h5_not(ask_directory, "x.pt", "PK\x03\x04zip", 7);
  h5_not(ask_directory, "x.pkl", pickle, 3);
  cr_assert_eq(mkfifo("fifo.h5", 0600), 0);
  cr_assert_eq(mkdir("folder.h5", 0700), 0);
  hid_t file = make(true, false, false);
  h5_close(file);
  struct stat whole;
  cr_assert_eq(stat("a.h5", &whole), 0);
  h5_cut(ask_directory, "a.h5", (size_t)whole.st_size - 100);
  char size[40];
  (void)snprintf(size, sizeof size, "a.h5: truncated|of %lld", (long long)whole.st_size);
  ask_refuse("no file", &(io_ask){.files = {"none.h5"}}, CGAP_FILE, "none.h5: no such file");
  ask_refuse("no file with a path", &(io_ask){.files = {"none.h5:/image"}}, CGAP_FILE, "none.h5: no such file");
  ask_refuse("no file by option", &(io_ask){.image = "none.h5:/image", .text = "none.h5:/text"}, CGAP_FILE,
             "none.h5: no such file");
  ask_refuse("a folder", &(io_ask){.files = {"folder.h5"}}, CGAP_FILE, "folder.h5: a folder");
  ask_refuse("empty", &(io_ask){.files = {"empty.h5"}}, CGAP_FILE, "empty.h5: empty (0 bytes)");
  ask_refuse("LFS", &(io_ask){.files = {"lfs.h5"}}, CGAP_FILE, "lfs.h5: a Git LFS pointer|12345|git lfs pull");
  ask_refuse("not HDF5", &(io_ask){.files = {"words.h5"}}, CGAP_FILE, "words.h5: not an HDF5 file|15 bytes");
  ask_refuse("a signature alone", &(io_ask){.files = {"short.h5"}}, CGAP_FILE, "short.h5|truncated");
  ask_refuse("npy", &(io_ask){.files = {"x.npy"}}, CGAP_FILE, "x.npy: 7 bytes, less than the start of a .npy array");
  ask_refuse("zip", &(io_ask){.files = {"x.pt"}}, CGAP_FILE, "x.pt: a damaged or truncated zip archive");
  ask_refuse("pickle", &(io_ask){.files = {"x.pkl"}}, CGAP_FILE, "x.pkl: a Python pickle");
  ask_refuse("a pipe", &(io_ask){.files = {"fifo.h5"}}, CGAP_FILE, "fifo.h5: not a regular file");
  ask_refuse("truncated", &plain, CGAP_FILE, size);
  ask_refuse("no file at all", &(io_ask){.image = NULL}, CGAP_USAGE, "no file given");
  ask_refuse("a dataset of no file", &(io_ask){.image = "/image", .text = "/text"}, CGAP_USAGE, "`image` /image");
}

Test(refusals, a_file_whose_middle_is_damaged_does_not_break_the_program, .init = ask_enter, .fini = ask_leave)
{
  hid_t file = make(true, true, true);
  h5_close(file);
  struct stat whole;
  cr_assert_eq(stat("a.h5", &whole), 0);
  char *bytes = support_alloc((size_t)whole.st_size, 1), *copy = support_alloc((size_t)whole.st_size, 1);
  FILE *in = fopen("a.h5", "rb");
  cr_assert_eq(fread(bytes, 1, (size_t)whole.st_size, in), (size_t)whole.st_size);
  fclose(in);
  support_random random = support_seed(5);
  for (int round = 0; round < 60; round++) {
    memcpy(copy, bytes, (size_t)whole.st_size);
    for (int k = 0; k < 8; k++)
      copy[8 + support_below(&random, (size_t)whole.st_size - 8)] = (char)support_u64(&random);
    h5_not(ask_directory, "b.h5", copy, (size_t)whole.st_size);
    cgap_dataset *d = NULL;
    cgap_error error = {0};
    const char *const files[] = {"b.h5"};
    cgap_input_options options = CGAP_INPUT_OPTIONS_INIT;
    options.files = files;
    options.file_count = 1;
    cgap_status status = cgap_dataset_open(&d, &options, &error);
    cr_expect(status == CGAP_OK || (error.message[0] && !d && status <= CGAP_RESOURCE), "round %d: status %d", round,
              status);
    cgap_dataset_close(d);
  }
  free(bytes);
  free(copy);
}

/* ---------------------------------------------------------------- datasets that will not do */

Test(refusals, datasets_that_will_not_do, .init = ask_enter, .fini = ask_leave)
{
  static const struct {
    h5_shape image, text;
    cgap_status status;
    const char *words;
  } cases[] = {
    {{2, {6, 512}}, {2, {6, 384}}, CGAP_DATA, "a.h5:/image_emb|a.h5:/text_emb|512 and 384: not one joint space"},
    {{3, {6, 36, 32}}, {2, {6, 32}}, CGAP_DATA, "a.h5:/image_emb|(6, 36, 32)|rank 3"},
    {{2, {6, 8}}, {4, {6, 2, 2, 8}}, CGAP_DATA, "a.h5:/text_emb|(6, 2, 2, 8)|rank 4"},
    {{2, {2, 8}}, {2, {2, 8}}, CGAP_DATA, "a.h5:/image_emb|2 rows|at least 3"},
    {{2, {0, 8}}, {2, {0, 8}}, CGAP_DATA, "a.h5:/image_emb|(0, 8)|no rows"},
    {{2, {6, 1}}, {2, {6, 1}}, CGAP_DATA, "a.h5:/image_emb|d = 1|at least 2"},
    {{2, {6, 0}}, {2, {6, 0}}, CGAP_DATA, "a.h5:/image_emb|(6, 0)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    hid_t file = h5_create(ask_directory, "a.h5");
    h5_plain(file, "/image_emb", cases[i].image);
    h5_plain(file, "/text_emb", cases[i].text);
    h5_close(file);
    ask_refuse(cases[i].words, &plain, cases[i].status, cases[i].words);
  }
}

Test(refusals, types_that_will_not_do, .init = ask_enter, .fini = ask_leave)
{
  hid_t file = h5_create(ask_directory, "a.h5");
  h5_integers(file, "/image", (h5_shape){2, {N, D}}, NULL, H5T_STD_U8LE);
  h5_plain(file, "/text", (h5_shape){2, {N, D}});
  h5_close(file);
  ask_refuse("integers", &plain, CGAP_DATA, "a.h5:/image|uint8|(6, 4)|float16, float32, float64");
  ask_refuse("integers given", &(io_ask){.files = {"a.h5"}, .image = "/image"}, CGAP_DATA, "a.h5:/image|uint8");

  hid_t odd = H5Tcopy(H5T_NATIVE_LDOUBLE);
  file = h5_create(ask_directory, "a.h5");
  h5_integers(file, "/image", (h5_shape){2, {N, D}}, NULL, odd);
  h5_plain(file, "/text", (h5_shape){2, {N, D}});
  h5_close(file);
  H5Tclose(odd);
  ask_refuse("long double", &plain, CGAP_DATA, "a.h5:/image|float of 128 bits");

  odd = H5Tcopy(H5T_IEEE_F32LE); /* 16 bits, but no IEEE half */
  H5Tset_fields(odd, 15, 9, 6, 0, 9);
  H5Tset_size(odd, 2);
  H5Tset_ebias(odd, 31);
  file = h5_create(ask_directory, "a.h5");
  h5_integers(file, "/image", (h5_shape){2, {N, D}}, NULL, odd);
  h5_plain(file, "/text", (h5_shape){2, {N, D}});
  h5_close(file);
  H5Tclose(odd);
  ask_refuse("an odd half", &plain, CGAP_DATA, "a.h5:/image|float of 16 bits");

  file = h5_create(ask_directory, "a.h5"); /* uint16 without the attribute is no bfloat16 */
  h5_integers(file, "/image", (h5_shape){2, {N, D}}, NULL, H5T_STD_U16LE);
  h5_plain(file, "/text", (h5_shape){2, {N, D}});
  h5_close(file);
  ask_refuse("uint16", &plain, CGAP_DATA, "a.h5:/image|uint16|bfloat16");
}

Test(refusals, nothing_found_or_too_much, .init = ask_enter, .fini = ask_leave)
{
  hid_t file = h5_create(ask_directory, "a.h5");
  h5_plain(file, "/alpha", (h5_shape){2, {N, D}});
  h5_plain(file, "/beta", (h5_shape){2, {N, D}});
  h5_close(file);
  ask_refuse("no names", &plain, CGAP_FILE, "no dataset can be the image|`image`|1) /alpha (6, 4) float32|2) /beta");
  ask_refuse("misspelt", &(io_ask){.files = {"a.h5"}, .image = "/alhpa", .text = "/beta"}, CGAP_FILE,
             "no dataset /alhpa|`image`|did you mean /alpha?");
  ask_refuse("in a group that is not there", &(io_ask){.files = {"a.h5:/gamma"}}, CGAP_FILE, "no dataset /gamma");
  h5_close(h5_create(ask_directory, "a.h5"));
  ask_refuse("an empty HDF5 file", &plain, CGAP_FILE, "a.h5: has no dataset at all");

  file = h5_create(ask_directory, "a.h5");
  h5_plain(file, "/image_a", (h5_shape){2, {N, D}});
  h5_plain(file, "/image_b", (h5_shape){2, {N, D}});
  h5_plain(file, "/text", (h5_shape){2, {N, D}});
  h5_close(file);
  ask_refuse("two images", &plain, CGAP_FILE, "2 choices|1) `image` /image_a `text` /text 2) `image` /image_b");
  cgap_dataset *d = ask_open(&(io_ask){.files = {"a.h5"}, .image = "image_b"});
  cr_expect_str_eq(cgap_dataset_data(d)->image.name, "a.h5:/image_b");
  cgap_dataset_close(d);
}

Test(refusals, a_filter_that_is_missing_is_named_with_its_package, .init = ask_enter, .fini = ask_leave)
{
  static const struct {
    int number;
    const char *words;
  } cases[] = {
    {307, "a.h5:/image|bzip2 (307)|hdf5-filter-plugin"},
    {32000, "lzf (32000)|hdf5-plugin-lzf"},
    {32001, "blosc (32001)|hdf5-filter-plugin-blosc-serial"},
    {32004, "lz4 (32004)|hdf5-filter-plugin"},
    {32013, "zfp (32013)|hdf5-filter-plugin-zfp-serial"},
    {32015, "zstd (32015)|pip install hdf5plugin|HDF5_PLUGIN_PATH"},
    {511, "(511)|missing"},
  };
  setenv("HDF5_PLUGIN_PATH", ask_directory, 1); /* an empty folder: whatever is installed here stays out of it */
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    hid_t file = h5_create(ask_directory, "a.h5");
    h5_unknown_filter(file, "/image", 20, D, cases[i].number);
    h5_plain(file, "/text", (h5_shape){2, {20, D}});
    h5_close(file);
    ask_refuse("filter", &plain, CGAP_FILE, cases[i].words);
  }
}

/* The library has no voice of its own, and leaves HDF5's as it was. */
static int heard;

static herr_t hear(hid_t stack, void *context)
{
  (void)stack, (void)context;
  heard++;
  return 0;
}

Test(refusals, the_programs_own_error_handler_is_left_alone, .init = ask_enter, .fini = ask_leave)
{
  h5_not(ask_directory, "short.h5", "\x89HDF\r\n\x1a\n", 8);
  cr_assert_geq(H5Eset_auto2(H5E_DEFAULT, hear, &heard), 0);
  ask_refuse("broken", &(io_ask){.files = {"short.h5"}}, CGAP_FILE, "short.h5");
  cr_expect_eq(heard, 0, "HDF5 spoke %d times", heard);
  H5E_auto2_t function = NULL;
  void *context = NULL;
  cr_assert_geq(H5Eget_auto2(H5E_DEFAULT, &function, &context), 0);
  cr_expect(function == hear && context == &heard);
}
