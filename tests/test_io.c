/* Reading: every type, byte order and layout gives back the bits that were stored, whole and in pieces; names,
 * pairings and shards are found; what cannot be used is refused with the right status and words. */
#include "h5_make.h"
#include "io_ask.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- types, byte orders, layouts */

static const char *const LAYOUT_NAMES[H5_LAYOUTS] = {"contiguous", "compact",  "chunked", "gzip",
                                                     "shuffle",    "checksum", "external"};

Test(io, every_type_order_and_layout_gives_its_bits_back, .init = ask_enter, .fini = ask_leave)
{
  const h5_shape image = {2, {37, 11}}, text = {3, {37, 3, 11}};
  for (int type = CGAP_FLOAT16; type <= CGAP_FLOAT64; type++) {
    for (int big = 0; big < 2; big++) {
      for (int layout = 0; layout < H5_LAYOUTS; layout++) {
        h5_storage storage = {(cgap_type)type, big, (h5_layout)layout};
        char where[100];
        (void)snprintf(where, sizeof where, "%s, %s, %s", cgap_type_name(storage.type), big ? "big" : "little",
                       LAYOUT_NAMES[layout]);
        hid_t file = h5_create(ask_directory, "a.h5");
        h5_floats(file, "/image", image, NULL, storage);
        storage.layout = layout == H5_EXTERNAL ? H5_CHUNKED : storage.layout; /* one external file a test file */
        h5_floats(file, "/text", text, NULL, storage);
        h5_close(file);
        cgap_dataset *d = ask_open(&(io_ask){.files = {"a.h5"}});
        const cgap_data *data = cgap_dataset_data(d);
        cr_assert_eq(data->image.type, storage.type, "%s: read as %s", where, cgap_type_name(data->image.type));
        cr_assert_eq(data->image.rows, 37);
        cr_assert_eq(data->text.rows, 111);
        cr_assert_eq(data->text.dim, 11);
        for (size_t piece = 1; piece <= 111; piece = 2 * piece + 1) {
          ask_numbers(where, &data->image, image, piece);
          ask_numbers(where, &data->text, text, piece);
        }
        cgap_dataset_close(d);
        remove("a.h5");
        remove("a.h5.raw");
      }
    }
  }
}

Test(io, a_user_block_in_front_shifts_the_rows, .init = ask_enter, .fini = ask_leave)
{
  h5_shape shape = {2, {20, 5}};
  hid_t file = h5_create_after_block(ask_directory, "a.h5");
  h5_plain(file, "/image", shape);
  h5_plain(file, "/text", shape);
  h5_close(file);
  cgap_dataset *d = ask_open(&(io_ask){.files = {"a.h5"}});
  ask_numbers("user block", &cgap_dataset_data(d)->image, shape, 7);
  ask_numbers("user block", &cgap_dataset_data(d)->text, shape, 7);
  cgap_dataset_close(d);
}

Test(io, rows_past_the_end_are_refused, .init = ask_enter, .fini = ask_leave)
{
  hid_t file = h5_create(ask_directory, "a.h5");
  h5_plain(file, "/image", (h5_shape){2, {5, 4}});
  h5_plain(file, "/text", (h5_shape){2, {5, 4}});
  h5_close(file);
  cgap_dataset *d = ask_open(&(io_ask){.files = {"a.h5"}});
  float rows[24];
  cgap_error error = {0};
  const cgap_source *image = &cgap_dataset_data(d)->image;
  cr_expect_eq(image->read(image, 2, 4, rows, &error), CGAP_DATA);
  cr_expect_eq(image->read(image, 6, 0, rows, &error), CGAP_DATA);
  cr_expect_eq(image->read(image, 5, 0, rows, &error), CGAP_OK);
  cgap_dataset_close(d);
}

Test(io, a_file_cut_while_open_ends_in_a_refusal, .init = ask_enter, .fini = ask_leave)
{
  hid_t file = h5_create(ask_directory, "a.h5");
  h5_plain(file, "/image", (h5_shape){2, {500, 16}});
  h5_plain(file, "/text", (h5_shape){2, {500, 16}});
  h5_close(file);
  cgap_dataset *d = ask_open(&(io_ask){.files = {"a.h5"}});
  h5_cut(ask_directory, "a.h5", 10000);
  float rows[500 * 16];
  cgap_error error = {0};
  const cgap_source *text = &cgap_dataset_data(d)->text;
  cr_expect_eq(text->read(text, 0, 500, rows, &error), CGAP_FILE);
  cr_expect(strstr(error.message, "a.h5:/text"), "%s", error.message);
  cgap_dataset_close(d);
}

Test(io, a_flipped_bit_under_a_checksum_ends_in_a_refusal, .init = ask_enter, .fini = ask_leave)
{
  const h5_shape shape = {2, {64, 16}};
  hid_t file = h5_create(ask_directory, "a.h5");
  h5_floats(file, "/image", shape, NULL, (h5_storage){CGAP_FLOAT32, false, H5_CHECKSUM});
  h5_plain(file, "/text", shape);
  h5_close(file);
  double *numbers = h5_numbers(shape);
  float *first = support_encode(numbers, 64 * 16, CGAP_FLOAT32);
  struct stat status;
  cr_assert_eq(stat("a.h5", &status), 0);
  char *bytes = support_alloc((size_t)status.st_size, 1);
  FILE *stream = fopen("a.h5", "r+b");
  cr_assert_eq(fread(bytes, 1, (size_t)status.st_size, stream), (size_t)status.st_size);
  char *at = memmem(bytes, (size_t)status.st_size, first, 24); /* a row of the first chunk, which has 6 columns */
  cr_assert_not_null(at);
  cr_assert_eq(fseek(stream, at - bytes, SEEK_SET), 0);
  cr_assert_neq(fputc(*at ^ 1, stream), EOF);
  cr_assert_eq(fclose(stream), 0);
  cgap_dataset *d = ask_open(&(io_ask){.files = {"a.h5"}});
  float rows[64 * 16];
  cgap_error error = {0};
  const cgap_source *image = &cgap_dataset_data(d)->image;
  cr_expect_eq(image->read(image, 0, 64, rows, &error), CGAP_FILE);
  cr_expect(strstr(error.message, "a.h5:/image") && strstr(error.message, "rows 0 to 63"), "%s", error.message);
  cgap_dataset_close(d);
  free(bytes);
  free(first);
  free(numbers);
}

/* ---------------------------------------------------------------- names */

static const struct {
  const char *image, *text, *beside; /* beside: a third dataset that must not be taken, or NULL */
} NAMES[] = {
  {"/image_embeddings", "/text_embeddings", NULL},
  {"/image_features", "/text_features", NULL},
  {"/visual_features", "/text_features", NULL},
  {"/features", "/txt_features", NULL},
  {"/img_emb", "/text_emb", NULL},
  {"/img_feat", "/text_feat", NULL},
  {"/image_embeds", "/text_embeds", NULL},
  {"/clip_image_embeddings", "/clip_text_embeddings", NULL},
  {"/image_embeddings", "/caption_embeddings", NULL},
  {"/image", "/text", NULL},
  {"/imgEmb", "/txtEmb", NULL},
  {"/imgemb", "/textfeat", NULL},
  {"/Vision", "/Title", NULL},
  {"/photo_feats", "/sentence_feats", NULL},
  {"/images/embeddings", "/texts/embeddings", NULL},
  {"/clip/image", "/clip/text", NULL},
  {"/embeddings/visual", "/embeddings/prompt", NULL},
  {"/vit_l_14/image_features", "/vit_l_14/text_features", NULL},
  {"/image_emb", "/text_emb", "/class_text_emb"},
  {"/image_emb", "/text_emb", "/image_mask"},
  {"/image_emb", "/text_emb", "/text_token_mask"},
  {"/image_emb", "/text_emb", "/context"},
  {"/image_emb", "/text_emb", "/imagenet_classes"},
  {"/image_emb", "/text_emb", "/features"},
  {"/image_emb", "/text_emb", "/arithmetic_text/x"},
  {"/image_emb", "/text_emb", "/image_text_emb"},
};

Test(io, names_are_found_by_their_words, .init = ask_enter, .fini = ask_leave)
{
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
    char want[2][200];
    hid_t file = h5_create(ask_directory, "a.h5");
    h5_plain(file, NAMES[i].image, (h5_shape){2, {6, 4}});
    h5_plain(file, NAMES[i].text, (h5_shape){2, {6, 4}});
    if (NAMES[i].beside)
      h5_plain(file, NAMES[i].beside, (h5_shape){2, {6, 4}});
    h5_close(file);
    cgap_dataset *d = ask_open(&(io_ask){.files = {"a.h5"}});
    (void)snprintf(want[0], sizeof want[0], "a.h5:%s", NAMES[i].image);
    (void)snprintf(want[1], sizeof want[1], "a.h5:%s", NAMES[i].text);
    cr_expect_str_eq(cgap_dataset_data(d)->image.name, want[0]);
    cr_expect_str_eq(cgap_dataset_data(d)->text.name, want[1]);
    cgap_dataset_close(d);
  }
}

Test(io, the_pair_of_one_group_and_one_d_is_best, .init = ask_enter, .fini = ask_leave)
{
  hid_t file = h5_create(ask_directory, "a.h5");
  h5_plain(file, "/a/image_emb", (h5_shape){2, {6, 4}});
  h5_plain(file, "/b/image_emb", (h5_shape){2, {6, 8}});
  h5_plain(file, "/b/text_emb", (h5_shape){2, {6, 8}});
  h5_plain(file, "/c/image_emb", (h5_shape){2, {6, 8}});
  h5_close(file);
  cgap_dataset *d = ask_open(&(io_ask){.files = {"a.h5"}});
  cr_expect_str_eq(cgap_dataset_data(d)->image.name, "a.h5:/b/image_emb");
  cr_expect_str_eq(cgap_dataset_data(d)->text.name, "a.h5:/b/text_emb");
  cgap_dataset_close(d);
}

Test(io, boxes_step_back_behind_embeddings, .init = ask_enter, .fini = ask_leave)
{
  hid_t file = h5_create(ask_directory, "a.h5");
  h5_plain(file, "/image_features", (h5_shape){3, {6, 3, 8}});
  h5_plain(file, "/img", (h5_shape){2, {6, 8}});
  h5_plain(file, "/text_features", (h5_shape){2, {6, 8}});
  h5_close(file);
  cgap_dataset *d = ask_open(&(io_ask){.files = {"a.h5"}});
  cr_expect_str_eq(cgap_dataset_data(d)->image.name, "a.h5:/img");
  cgap_dataset_close(d);
}

Test(io, a_link_to_a_dataset_is_no_second_candidate, .init = ask_enter, .fini = ask_leave)
{
  hid_t file = h5_create(ask_directory, "a.h5");
  h5_plain(file, "/clip/image", (h5_shape){2, {6, 8}});
  h5_plain(file, "/clip/text", (h5_shape){2, {6, 8}});
  cr_assert_geq(H5Lcreate_soft("/clip/image", file, "/image", H5P_DEFAULT, H5P_DEFAULT), 0);
  cr_assert_geq(H5Lcreate_soft("/", file, "/clip/circle", H5P_DEFAULT, H5P_DEFAULT), 0);
  h5_close(file);
  cgap_dataset *d = ask_open(&(io_ask){.files = {"a.h5"}});
  cr_expect_str_eq(cgap_dataset_data(d)->text.name, "a.h5:/clip/text");
  cgap_dataset_close(d);
  d = ask_open(&(io_ask){.files = {"a.h5"}, .image = "/image", .text = "clip/text"});
  ask_numbers("link", &cgap_dataset_data(d)->image, (h5_shape){2, {6, 8}}, 6);
  cgap_dataset_close(d);
}

Test(io, paths_may_name_file_and_dataset, .init = ask_enter, .fini = ask_leave)
{
  hid_t file = h5_create(ask_directory, "images.h5");
  h5_plain(file, "/x", (h5_shape){2, {6, 8}});
  h5_plain(file, "/deep/y", (h5_shape){2, {7, 8}});
  h5_close(file);
  file = h5_create(ask_directory, "texts.h5");
  h5_plain(file, "/x", (h5_shape){2, {6, 8}});
  h5_plain(file, "/image_emb", (h5_shape){2, {6, 8}});
  h5_close(file);
  const struct {
    io_ask a;
    const char *image, *text;
  } cases[] = {
    {{.image = "images.h5:/x", .text = "texts.h5:/x"}, "images.h5:/x", "texts.h5:/x"},
    {{.files = {"texts.h5"}, .image = "images.h5:/x", .text = "/x"}, "images.h5:/x", "texts.h5:/x"},
    {{.files = {"texts.h5"}, .text = "x"}, "texts.h5:/image_emb", "texts.h5:/x"},
    {{.files = {"images.h5:/x", "texts.h5:/x"}}, "images.h5:/x", "texts.h5:/x"},
    {{.files = {"texts.h5:/x", "images.h5:/x"}}, "images.h5:/x", "texts.h5:/x"},
    {{.files = {"images.h5:/deep"}, .image = "y", .text = "y"}, "images.h5:/deep/y", "images.h5:/deep/y"},
    {{.files = {"images.h5"}, .image = "/x", .text = "/x"}, "images.h5:/x", "images.h5:/x"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cgap_dataset *d = ask_open(&cases[i].a);
    cr_expect_str_eq(cgap_dataset_data(d)->image.name, cases[i].image, "case %zu", i);
    cr_expect_str_eq(cgap_dataset_data(d)->text.name, cases[i].text, "case %zu", i);
    cgap_dataset_close(d);
  }
}

/* ---------------------------------------------------------------- shards */

static void make_shard(const char *name, size_t images, size_t texts, const int64_t *text_image)
{
  hid_t file = h5_create(ask_directory, name);
  h5_plain(file, "/image", (h5_shape){2, {images, 4}});
  h5_plain(file, "/text", (h5_shape){2, {texts, 4}});
  if (text_image)
    h5_integers(file, "/text_image", (h5_shape){1, {texts}}, text_image, H5T_STD_I32LE);
  h5_close(file);
}

Test(io, shards_are_one_data_set_in_the_order_given, .init = ask_enter, .fini = ask_leave)
{
  make_shard("a.h5", 5, 5, NULL);
  make_shard("b.h5", 3, 3, NULL);
  cgap_dataset *d = ask_open(&(io_ask){.files = {"b.h5", "a.h5"}});
  const cgap_data *data = cgap_dataset_data(d);
  cr_assert_eq(data->image.rows, 8);
  cr_expect_eq(data->pairing, CGAP_BY_ROW);
  double *a = h5_numbers((h5_shape){2, {5, 4}});
  for (size_t piece = 1; piece <= 8; piece++) {
    float got[32];
    for (size_t at = 0; at < 8; at += piece)
      cr_assert_eq(data->image.read(&data->image, at, 8 - at < piece ? 8 - at : piece, got + 4 * at, NULL), CGAP_OK);
    for (size_t k = 0; k < 32; k++)
      cr_assert_eq((double)got[k], a[k < 12 ? k : k - 12], "element %zu in pieces of %zu", k, piece);
  }
  free(a);
  cgap_dataset_close(d);
}

Test(io, a_shards_text_image_counts_from_its_first_image, .init = ask_enter, .fini = ask_leave)
{
  make_shard("a.h5", 4, 5, (const int64_t[]){3, 0, 0, 1, 2});
  make_shard("b.h5", 3, 4, (const int64_t[]){2, 2, 0, 1});
  const uint64_t want[] = {3, 0, 0, 1, 2, 6, 6, 4, 5};
  cgap_dataset *d = ask_open(&(io_ask){.files = {"a.h5", "b.h5"}});
  const cgap_data *data = cgap_dataset_data(d);
  cr_assert_eq(data->pairing, CGAP_BY_INDEX);
  for (size_t j = 0; j < 9; j++)
    cr_expect_eq(data->text_image[j], want[j], "text %zu: %lu", j, (unsigned long)data->text_image[j]);
  cgap_dataset_close(d);
  make_shard("b.h5", 3, 4, (const int64_t[]){2, 3, 0, 1}); /* 3 would be an image of no shard's own */
  ask_refuse("beyond the shard", &(io_ask){.files = {"a.h5", "b.h5"}}, CGAP_DATA,
             "b.h5:/text_image|text 1|image row 3|3 images");
}

Test(io, shards_that_do_not_match_are_refused, .init = ask_enter, .fini = ask_leave)
{
  make_shard("a.h5", 5, 5, NULL);
  hid_t file = h5_create(ask_directory, "wide.h5");
  h5_plain(file, "/image", (h5_shape){2, {5, 8}});
  h5_plain(file, "/text", (h5_shape){2, {5, 8}});
  h5_close(file);
  file = h5_create(ask_directory, "half.h5");
  h5_floats(file, "/image", (h5_shape){2, {5, 4}}, NULL, (h5_storage){.type = CGAP_FLOAT16});
  h5_floats(file, "/text", (h5_shape){2, {5, 4}}, NULL, (h5_storage){.type = CGAP_FLOAT16});
  h5_close(file);
  file = h5_create(ask_directory, "lone.h5");
  h5_plain(file, "/image", (h5_shape){2, {5, 4}});
  h5_close(file);
  ask_refuse("other d", &(io_ask){.files = {"a.h5", "wide.h5"}}, CGAP_DATA, "wide.h5:/image|(5, 8)|(5, 4)");
  ask_refuse("other type", &(io_ask){.files = {"a.h5", "half.h5"}}, CGAP_DATA, "half.h5:/image|float16|float32");
  make_shard("long.h5", 4, 5, NULL);
  make_shard("short.h5", 5, 4, NULL);
  ask_refuse("equal only in sum", &(io_ask){.files = {"long.h5", "short.h5"}}, CGAP_FILE, "9 rows|in every shard");
  file = h5_create(ask_directory, "deep.h5");
  h5_plain(file, "/image", (h5_shape){2, {5, 4}});
  h5_plain(file, "/text", (h5_shape){3, {5, 2, 4}});
  h5_close(file);
  ask_refuse("other rank", &(io_ask){.files = {"a.h5", "deep.h5"}}, CGAP_DATA, "deep.h5:/text|(5, 2, 4)|(5, 4)");
  ask_refuse("no text", &(io_ask){.files = {"a.h5", "lone.h5"}}, CGAP_FILE, "lone.h5|no text|`text`");
}

Test(io, a_virtual_dataset_is_read_and_a_missing_source_told, .init = ask_enter, .fini = ask_leave)
{
  const char *const parts[] = {"a.h5", "b.h5"};
  make_shard("a.h5", 5, 5, NULL);
  make_shard("b.h5", 5, 5, NULL);
  hid_t file = h5_create(ask_directory, "all.h5");
  h5_virtual(file, "/image", parts, 2, "/image", 5, 4);
  h5_virtual(file, "/text", parts, 2, "/text", 5, 4);
  h5_close(file);
  cgap_dataset *d = ask_open(&(io_ask){.files = {"all.h5"}});
  const cgap_source *image = &cgap_dataset_data(d)->image;
  double *a = h5_numbers((h5_shape){2, {5, 4}});
  float got[40];
  cr_assert_eq(image->rows, 10);
  cr_assert_eq(image->read(image, 0, 10, got, NULL), CGAP_OK);
  for (size_t k = 0; k < 40; k++)
    cr_expect_eq((double)got[k], a[k % 20], "element %zu", k);
  free(a);
  cgap_dataset_close(d);
  remove("b.h5");
  ask_refuse("missing source", &(io_ask){.files = {"all.h5"}}, CGAP_FILE, "all.h5:/image|virtual|b.h5|2 of 2");
  h5_not(ask_directory, "b.h5", "\x89HDF\r\n\x1a\n and no more", 20);
  ask_refuse("broken source", &(io_ask){.files = {"all.h5"}}, CGAP_FILE, "all.h5:/image|virtual|b.h5|cut short");
  make_shard("b.h5", 4, 4, NULL);
  ask_refuse("a source of few rows", &(io_ask){.files = {"all.h5"}}, CGAP_FILE, "/image of its source|b.h5|fewer rows");
  h5_close(h5_create(ask_directory, "b.h5"));
  ask_refuse("an empty source", &(io_ask){.files = {"all.h5"}}, CGAP_FILE, "all.h5:/image|b.h5|no dataset /image");
}

Test(io, a_virtual_dataset_finds_its_sources_where_hdf5_does, .init = ask_enter, .fini = ask_leave)
{
  const char *const parts[] = {"a.h5", "b.h5"};
  cr_assert_eq(mkdir("parts", 0700) | mkdir("elsewhere", 0700), 0);
  make_shard("parts/a.h5", 5, 5, NULL);
  make_shard("parts/b.h5", 5, 5, NULL);
  hid_t file = h5_create(ask_directory, "parts/all.h5");
  h5_virtual(file, "/image", parts, 2, "/image", 5, 4);
  h5_virtual(file, "/text", parts, 2, "/text", 5, 4);
  h5_close(file);
  cgap_dataset_close(ask_open(&(io_ask){.files = {"parts/all.h5"}}));
  cr_assert_eq(symlink("../parts/all.h5", "elsewhere/link.h5"), 0);
  cgap_dataset *d = ask_open(&(io_ask){.files = {"elsewhere/link.h5"}});
  float got[40];
  double *a = h5_numbers((h5_shape){2, {5, 4}});
  const cgap_source *image = &cgap_dataset_data(d)->image;
  cr_assert_eq(image->read(image, 0, 10, got, NULL), CGAP_OK);
  cr_expect_eq((double)got[25], a[5], "by a link");
  free(a);
  cgap_dataset_close(d);
  cr_assert_eq(rename("parts/b.h5", "elsewhere/b.h5"), 0);
  ask_refuse("one moved away", &(io_ask){.files = {"parts/all.h5"}}, CGAP_FILE, "b.h5 is missing");
}

/* ---------------------------------------------------------------- pairing */

static hid_t make_sides(size_t images, size_t texts)
{
  hid_t file = h5_create(ask_directory, "a.h5");
  h5_plain(file, "/image", (h5_shape){2, {images, 4}});
  h5_plain(file, "/text", (h5_shape){2, {texts, 4}});
  return file;
}

static void expect_pairing(const char *where, const io_ask *a, cgap_pairing pairing, const uint64_t *want, size_t texts)
{
  cgap_dataset *d = ask_open(a);
  const cgap_data *data = cgap_dataset_data(d);
  cr_expect_eq(data->pairing, pairing, "%s: pairing %d, not %d", where, data->pairing, pairing);
  cr_expect_eq(data->text_image != NULL, want != NULL, "%s: text_image", where);
  for (size_t j = 0; want && data->text_image && j < texts; j++)
    cr_expect_eq(data->text_image[j], want[j], "%s: text %zu: image %lu", where, j, (unsigned long)data->text_image[j]);
  cgap_dataset_close(d);
}

Test(io, pairing_follows_the_order_of_the_rules, .init = ask_enter, .fini = ask_leave)
{
  static const int64_t reversed[] = {3, 2, 1, 0}, other[] = {1, 1, 1, 1};
  static const uint64_t as_reversed[] = {3, 2, 1, 0}, as_other[] = {1, 1, 1, 1};
  static const int64_t ids[] = {70, 10, -4, 55}, text_ids[] = {55, -4, 10, 70};
  io_ask plain = {.files = {"a.h5"}};

  h5_close(make_sides(4, 4));
  expect_pairing("equal counts", &plain, CGAP_BY_ROW, NULL, 4);

  hid_t file = make_sides(4, 4);
  h5_integers(file, "/image_id", (h5_shape){1, {4}}, ids, H5T_STD_I64BE);
  h5_integers(file, "/text_image_id", (h5_shape){1, {4}}, text_ids, H5T_STD_I16LE);
  h5_close(file);
  expect_pairing("ids", &plain, CGAP_BY_INDEX, as_reversed, 4);

  file = make_sides(4, 4);
  h5_integers(file, "/image_id", (h5_shape){1, {4}}, ids, H5T_STD_I64LE);
  h5_integers(file, "/text_image_id", (h5_shape){1, {4}}, text_ids, H5T_STD_I64LE);
  h5_integers(file, "/text_image", (h5_shape){1, {4}}, reversed, H5T_STD_U8LE);
  h5_close(file);
  expect_pairing("text_image and ids that agree", &plain, CGAP_BY_INDEX, as_reversed, 4);

  file = make_sides(4, 4);
  h5_integers(file, "/image_id", (h5_shape){1, {4}}, ids, H5T_STD_I64LE);
  h5_integers(file, "/text_image_id", (h5_shape){1, {4}}, text_ids, H5T_STD_I64LE);
  h5_integers(file, "/text_image", (h5_shape){1, {4}}, other, H5T_STD_U8LE);
  h5_integers(file, "/given", (h5_shape){1, {4}}, reversed, H5T_STD_U64BE);
  h5_close(file);
  ask_refuse("text_image and ids that disagree", &plain, CGAP_FILE,
             "a.h5:/text_image|a.h5:/text_image_id|disagree|text 0|`text_image`");
  expect_pairing("`text_image` before all", &(io_ask){.files = {"a.h5"}, .text_image = "text_image"}, CGAP_BY_INDEX,
                 as_other, 4);
  expect_pairing("`text_image` none", &(io_ask){.files = {"a.h5"}, .text_image = "none"}, CGAP_BY_ROW, NULL, 4);
  expect_pairing("`text_image` before all", &(io_ask){.files = {"a.h5"}, .text_image = "given"}, CGAP_BY_INDEX,
                 as_reversed, 4);
  expect_pairing("`text_image` of a file", &(io_ask){.files = {"a.h5"}, .text_image = "a.h5:/given"}, CGAP_BY_INDEX,
                 as_reversed, 4);
  expect_pairing("`unpaired`", &(io_ask){.files = {"a.h5"}, .unpaired = true}, CGAP_UNPAIRED, NULL, 4);

  h5_close(make_sides(4, 12));
  expect_pairing("a multiple", &plain, CGAP_PAIRING_OPEN, NULL, 12);
  h5_close(make_sides(4, 7));
  ask_refuse("no multiple", &plain, CGAP_FILE, "a.h5:/text|7 rows|has 4|text_image|`text_image`|`unpaired`");
  expect_pairing("no multiple, `unpaired`", &(io_ask){.files = {"a.h5"}, .unpaired = true}, CGAP_UNPAIRED, NULL, 7);
  h5_close(make_sides(7, 4));
  ask_refuse("fewer texts", &plain, CGAP_FILE, "a.h5:/text|4 rows|has 7");
}

Test(io, names_of_the_index_are_found, .init = ask_enter, .fini = ask_leave)
{
  static const char *const names[] = {"/text_image", "/image_index",      "/image_idx", "/caption_to_image",
                                      "/text2image", "/text_image_index", "/img_index", "/text/image"};
  static const int64_t values[] = {3, 0, 1, 1, 2};
  static const uint64_t want[] = {3, 0, 1, 1, 2};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    hid_t file = h5_create(ask_directory, "a.h5");
    h5_plain(file, "/img_emb", (h5_shape){2, {4, 4}});
    h5_plain(file, "/txt_emb", (h5_shape){2, {5, 4}});
    h5_integers(file, names[i], (h5_shape){1, {5}}, values, H5T_STD_I64LE);
    h5_close(file);
    expect_pairing(names[i], &(io_ask){.files = {"a.h5"}}, CGAP_BY_INDEX, want, 5);
  }
}

Test(io, texts_by_image_count_from_their_shape, .init = ask_enter, .fini = ask_leave)
{
  static const uint64_t want[] = {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3};
  hid_t file = h5_create(ask_directory, "a.h5");
  h5_plain(file, "/image", (h5_shape){2, {4, 5}});
  h5_plain(file, "/text", (h5_shape){3, {4, 3, 5}});
  h5_close(file);
  expect_pairing("(N, k, d)", &(io_ask){.files = {"a.h5"}}, CGAP_BY_INDEX, want, 12);
  file = h5_create(ask_directory, "a.h5");
  h5_plain(file, "/image", (h5_shape){2, {5, 5}});
  h5_plain(file, "/text", (h5_shape){3, {4, 3, 5}});
  h5_close(file);
  ask_refuse("another N", &(io_ask){.files = {"a.h5"}}, CGAP_FILE, "12 rows|has 5");
}

Test(io, ids_may_be_strings_of_either_kind, .init = ask_enter, .fini = ask_leave)
{
  static const char *const ids[] = {"cat.jpg", "dog.jpg", "a longer name.jpg", ""};
  static const char *const text_ids[] = {"", "dog.jpg", "dog.jpg", "a longer name.jpg", "cat.jpg"};
  static const uint64_t want[] = {3, 1, 1, 2, 0};
  for (int kinds = 0; kinds < 4; kinds++) {
    hid_t file = make_sides(4, 5);
    h5_strings(file, "/image_ids", ids, 4, kinds & 1);
    h5_strings(file, "/text_image_ids", text_ids, 5, kinds & 2);
    h5_close(file);
    expect_pairing("strings", &(io_ask){.files = {"a.h5"}}, CGAP_BY_INDEX, want, 5);
  }
  hid_t file = make_sides(4, 5);
  h5_strings(file, "/image_ids", ids, 4, true);
  h5_integers(file, "/text_image_ids", (h5_shape){1, {5}}, NULL, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("two kinds", &(io_ask){.files = {"a.h5"}}, CGAP_DATA, "/image_ids|string|/text_image_ids|int64");
}

Test(io, broken_pairings_are_refused_with_row_and_number, .init = ask_enter, .fini = ask_leave)
{
  static const int64_t beyond[] = {0, 1, 4, 2}, negative[] = {0, 1, -1, 2}, twice[] = {7, 8, 7, 9},
                       fine[] = {7, 8, 6, 9};
  io_ask plain = {.files = {"a.h5"}};
  hid_t file = make_sides(4, 4);
  h5_integers(file, "/text_image", (h5_shape){1, {4}}, beyond, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("beyond", &plain, CGAP_DATA, "a.h5:/text_image|text 2|image row 4|4 images");
  file = make_sides(4, 4);
  h5_integers(file, "/text_image", (h5_shape){1, {4}}, negative, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("negative", &plain, CGAP_DATA, "text 2|image row -1|4 images");
  file = make_sides(4, 4);
  h5_integers(file, "/text_image", (h5_shape){1, {3}}, NULL, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("too short", &plain, CGAP_DATA, "a.h5:/text_image|3 entries|4 texts");
  file = make_sides(4, 4);
  h5_plain(file, "/text_image", (h5_shape){1, {4}});
  h5_close(file);
  ask_refuse("floats", &plain, CGAP_DATA, "a.h5:/text_image|float32|integer");
  file = make_sides(4, 4);
  h5_integers(file, "/image_id", (h5_shape){1, {4}}, twice, H5T_STD_I64LE);
  h5_integers(file, "/text_image_id", (h5_shape){1, {4}}, fine, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("id twice", &plain, CGAP_DATA, "a.h5:/image_id|id 7|rows 0 and 2");
  file = make_sides(4, 4);
  h5_integers(file, "/image_id", (h5_shape){1, {4}}, fine, H5T_STD_I64LE);
  h5_integers(file, "/text_image_id", (h5_shape){1, {4}}, (const int64_t[]){7, 8, 5, 9}, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("unknown id", &plain, CGAP_DATA, "a.h5:/text_image_id|text 2|id 5|4 images");
  ask_refuse("no such dataset", &(io_ask){.files = {"a.h5"}, .text_image = "/text_imag_id"}, CGAP_FILE,
             "/text_imag_id|`text_image`|did you mean /text_image_id");
}
