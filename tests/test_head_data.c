/* The split, the parts and the batches: who may meet whom. */
#include "head/training/split.h"
#include "head/training/training_data.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = 5 };

/* Images with texts; rows are equal where their class is. */
typedef struct data_world {
  double *image, *text;
  uint64_t *text_image;
  cgap_data data;
} data_world;

static void put_row(double *out, size_t class)
{
  support_random r = support_seed(1000 + class);
  support_normals(&r, out, DIM);
}

/* image_class[i], text_class[j] name the row; text_image the pairing. */
static data_world world_init(size_t images, size_t texts, const size_t *image_class, const size_t *text_class,
                             const uint64_t *text_image)
{
  data_world w = {.image = support_alloc(images * DIM, sizeof(double)),
                  .text = support_alloc(texts * DIM, sizeof(double)),
                  .text_image = support_alloc(texts, sizeof(uint64_t))};
  for (size_t i = 0; i < images; i++)
    put_row(w.image + i * DIM, image_class[i]);
  for (size_t j = 0; j < texts; j++)
    put_row(w.text + j * DIM, 50000 + text_class[j]);
  memcpy(w.text_image, text_image, texts * sizeof *text_image);
  w.data = (cgap_data){.image = cgap_source_view(w.image, images, DIM, CGAP_FLOAT64, "image"),
                       .text = cgap_source_view(w.text, texts, DIM, CGAP_FLOAT64, "text"),
                       .pairing = CGAP_BY_INDEX,
                       .text_image = w.text_image};
  return w;
}

static void world_clear(data_world *w)
{
  free(w->image);
  free(w->text);
  free(w->text_image);
}

static cgap_embeddings load(const data_world *w)
{
  cgap_embeddings e;
  cgap_error error = {0};
  cr_assert_eq(cgap_embeddings_load(&e, &w->data, CGAP_HOLD_UNIT, NULL, 1, (cgap_progress){0}, &error), CGAP_OK, "%s",
               error.message);
  return e;
}

enum { IMAGES = 200, TEXTS = 400 };

/* Every tenth image repeats the one before it, every 25th text the one 3 before. */
static data_world repeated(void)
{
  size_t image_class[IMAGES], text_class[TEXTS];
  uint64_t text_image[TEXTS];
  for (size_t i = 0; i < IMAGES; i++)
    image_class[i] = i % 10 == 9 ? i - 1 : i;
  for (size_t j = 0; j < TEXTS; j++) {
    text_class[j] = j % 25 == 24 ? j - 3 : j;
    text_image[j] = j / 2;
  }
  return world_init(IMAGES, TEXTS, image_class, text_class, text_image);
}

Test(head_data, nothing_of_the_test_part_is_trained_on)
{
  data_world w = repeated();
  cgap_embeddings e = load(&w);
  for (uint64_t seed = 0; seed < 20; seed++) {
    cgap_split split;
    cr_assert_eq(cgap_split_init(&split, &e, 0.1, 0.2, seed, NULL), CGAP_OK);
    cr_expect_eq(split.images[CGAP_TEST], 40);
    cr_expect_eq(split.images[CGAP_VALIDATION], 20);
    cr_expect_eq(split.images[CGAP_TRAINING], 140);
    cr_expect_eq(split.texts[0] + split.texts[1] + split.texts[2], TEXTS);
    cr_expect_not(split.texts_across);
    for (size_t i = 9; i < IMAGES; i += 10)
      cr_expect_eq(split.of_image[i], split.of_image[i - 1], "equal images %zu and %zu in two parts", i - 1, i);
    for (size_t j = 24; j < TEXTS; j += 25)
      cr_expect_eq(split.of_image[j / 2], split.of_image[(j - 3) / 2], "the text %zu stands in two parts", j);
    cgap_split_clear(&split);
  }
  cgap_embeddings_clear(&e);
  world_clear(&w);
}

/* A row of twice the length, or with −0 for 0, is the same row once it has norm 1. */
Test(head_data, rows_that_differ_in_length_alone_are_equal)
{
  data_world w = repeated();
  for (size_t i = 0; i < IMAGES; i++)
    w.image[i * DIM] = i % 10 == 9 ? -0.0 : 0;
  for (size_t i = 9; i < IMAGES; i += 10)
    for (size_t k = 0; k < DIM; k++)
      w.image[i * DIM + k] *= 2;
  for (size_t j = 24; j < TEXTS; j += 25)
    for (size_t k = 0; k < DIM; k++)
      w.text[j * DIM + k] *= 4;
  cgap_embeddings e = load(&w);
  cgap_split split;
  cgap_split_rows part;
  cr_assert_eq(cgap_split_init(&split, &e, 0.1, 0.2, 3, NULL), CGAP_OK);
  for (size_t i = 9; i < IMAGES; i += 10)
    cr_expect_eq(split.of_image[i], split.of_image[i - 1], "equal images %zu and %zu in two parts", i - 1, i);
  for (size_t j = 24; j < TEXTS; j += 25)
    cr_expect_eq(split.of_image[j / 2], split.of_image[(j - 3) / 2], "the text %zu stands in two parts", j);
  size_t repeats = 0;
  for (size_t i = 9; i < IMAGES; i += 10)
    repeats += split.of_image[i] == CGAP_TRAINING;
  cr_assert_eq(cgap_split_rows_init(&part, &e, &split, CGAP_TRAINING, &(cgap_split_rows_options){0}, NULL), CGAP_OK);
  cr_assert_gt(repeats, 0);
  cr_expect_eq(part.positives.images, split.images[CGAP_TRAINING] - repeats);
  cgap_split_rows_clear(&part);
  cgap_split_clear(&split);
  cgap_embeddings_clear(&e);
  world_clear(&w);
}

Test(head_data, the_split_is_the_seeds)
{
  data_world w = repeated();
  cgap_embeddings e = load(&w);
  cgap_split a, b, c;
  cr_assert_eq(cgap_split_init(&a, &e, 0.1, 0.2, 7, NULL), CGAP_OK);
  cr_assert_eq(cgap_split_init(&b, &e, 0.1, 0.2, 7, NULL), CGAP_OK);
  cr_assert_eq(cgap_split_init(&c, &e, 0.1, 0.2, 8, NULL), CGAP_OK);
  cr_expect_arr_eq(a.of_image, b.of_image, IMAGES);
  cr_expect_arr_neq(a.of_image, c.of_image, IMAGES);
  cgap_split_clear(&a);
  cgap_split_clear(&b);
  cgap_split_clear(&c);
  cgap_embeddings_clear(&e);
  world_clear(&w);
}

/* Three texts for all images: no part could hold the images of one text. */
Test(head_data, texts_that_most_images_share_are_said)
{
  size_t image_class[30], text_class[30];
  uint64_t text_image[30];
  for (size_t i = 0; i < 30; i++) {
    image_class[i] = text_image[i] = i;
    text_class[i] = i % 3;
  }
  data_world w = world_init(30, 30, image_class, text_class, text_image);
  cgap_embeddings e = load(&w);
  cgap_split split;
  cr_assert_eq(cgap_split_init(&split, &e, 0.1, 0.2, 1, NULL), CGAP_OK);
  cr_expect(split.texts_across);
  cr_expect_eq(split.images[CGAP_TEST], 6);
  cgap_split_clear(&split);
  cgap_embeddings_clear(&e);
  world_clear(&w);
}

Test(head_data, nine_images_are_too_few)
{
  size_t class[9];
  uint64_t text_image[9];
  for (size_t i = 0; i < 9; i++)
    class[i] = text_image[i] = i;
  data_world w = world_init(9, 9, class, class, text_image);
  cgap_embeddings e = load(&w);
  cgap_split split;
  cgap_error error;
  cr_expect_eq(cgap_split_init(&split, &e, 0.1, 0.2, 1, &error), CGAP_DATA);
  cr_expect(strstr(error.message, "9") && strstr(error.message, "10"));
  cgap_embeddings_clear(&e);
  world_clear(&w);
}

/* A split that puts every image into training */
static cgap_split all_training(size_t images)
{
  return (cgap_split){.of_image = support_alloc(images, 1)};
}

Test(head_data, equal_rows_become_one_with_all_positives)
{
  /* images 0 and 2 are equal; so are texts 1 and 3, of images 0 and 1 */
  const size_t image_class[] = {10, 11, 10}, text_class[] = {20, 21, 22, 21};
  const uint64_t text_image[] = {0, 0, 2, 1};
  data_world w = world_init(3, 4, image_class, text_class, text_image);
  cgap_embeddings e = load(&w);
  cgap_split split = all_training(3);
  cgap_split_rows part;
  cr_assert_eq(cgap_split_rows_init(&part, &e, &split, CGAP_TRAINING, &(cgap_split_rows_options){0}, NULL), CGAP_OK);
  const cgap_positives *c = &part.positives;
  cr_assert_eq(c->images, 2);
  cr_assert_eq(c->texts, 3);
  cr_assert_eq(c->count, 4); /* image 10 with texts 20, 21, 22; image 11 with 21 */
  const size_t first[] = {0, 3, 4}, text[] = {0, 1, 2, 1}, image[] = {0, 0, 0, 1}, text_first[] = {0, 1, 3, 4};
  const size_t text_positive[] = {0, 1, 3, 2};
  cr_expect_arr_eq(c->image_first, first, sizeof first);
  cr_expect_arr_eq(c->positive_text, text, sizeof text);
  cr_expect_arr_eq(c->positive_image, image, sizeof image);
  cr_expect_arr_eq(c->text_first, text_first, sizeof text_first);
  cr_expect_arr_eq(c->text_positive, text_positive, sizeof text_positive);
  cgap_split_rows_clear(&part);
  const cgap_split_rows_options keep = {.keep_duplicates = true};
  cr_assert_eq(cgap_split_rows_init(&part, &e, &split, CGAP_TRAINING, &keep, NULL), CGAP_OK);
  cr_expect_eq(part.positives.images, 3);
  cr_expect_eq(part.positives.texts, 4);
  cr_expect_eq(part.positives.count, 4);
  cgap_split_rows_clear(&part);
  free(split.of_image);
  cgap_embeddings_clear(&e);
  world_clear(&w);
}

static data_world distinct(size_t images, size_t texts)
{
  size_t *image_class = support_alloc(images, sizeof(size_t)), *text_class = support_alloc(texts, sizeof(size_t));
  uint64_t *text_image = support_alloc(texts, sizeof(uint64_t));
  for (size_t i = 0; i < images; i++)
    image_class[i] = i;
  for (size_t j = 0; j < texts; j++) {
    text_class[j] = j;
    text_image[j] = j * images / texts;
  }
  data_world w = world_init(images, texts, image_class, text_class, text_image);
  free(image_class);
  free(text_class);
  free(text_image);
  return w;
}

Test(head_data, noise_moves_the_share_asked_for)
{
  data_world w = distinct(100, 100);
  cgap_embeddings e = load(&w);
  cgap_split split = all_training(100);
  cgap_split_rows part;
  const cgap_split_rows_options noise = {.noise = 0.3, .seed = 5};
  cr_assert_eq(cgap_split_rows_init(&part, &e, &split, CGAP_TRAINING, &noise, NULL), CGAP_OK);
  size_t moved = 0;
  for (size_t c = 0; c < part.positives.count; c++)
    moved += part.positives.positive_image[c] != part.positives.positive_text[c];
  cr_expect_eq(moved, 30);
  cr_expect_eq(part.positives.count, 100);
  cgap_split_rows_clear(&part);
  free(split.of_image);
  cgap_embeddings_clear(&e);
  world_clear(&w);
}

Test(head_data, fewer_training_images_are_some_of_more)
{
  data_world w = distinct(60, 120);
  cgap_embeddings e = load(&w);
  cgap_split split = all_training(60);
  cgap_split_rows few, more;
  cr_assert_eq(cgap_split_rows_init(&few, &e, &split, CGAP_TRAINING,
                                    &(cgap_split_rows_options){.most_images = 10, .seed = 3}, NULL),
               CGAP_OK);
  cr_assert_eq(cgap_split_rows_init(&more, &e, &split, CGAP_TRAINING,
                                    &(cgap_split_rows_options){.most_images = 30, .seed = 3}, NULL),
               CGAP_OK);
  cr_expect_eq(few.positives.images, 10);
  cr_expect_eq(few.positives.texts, 20);
  cr_expect_eq(more.positives.images, 30);
  for (size_t i = 0; i < 10; i++) {
    bool found = false;
    for (size_t k = 0; k < 30; k++)
      found = found || memcmp(few.image + i * DIM, more.image + k * DIM, DIM * sizeof(float)) == 0;
    cr_expect(found, "image %zu of the few is not among the more", i);
  }
  cgap_split_rows_clear(&few);
  cgap_split_rows_clear(&more);
  free(split.of_image);
  cgap_embeddings_clear(&e);
  world_clear(&w);
}

/* Which row of `rows` this is. */
static size_t find_row(const float *rows, size_t count, const float *row)
{
  for (size_t i = 0; i < count; i++)
    if (memcmp(rows + i * DIM, row, DIM * sizeof *row) == 0)
      return i;
  return SIZE_MAX;
}

static bool coupled(const cgap_positives *c, size_t image, size_t text)
{
  for (size_t k = c->image_first[image]; k < c->image_first[image + 1]; k++)
    if (c->positive_text[k] == text)
      return true;
  return false;
}

Test(head_data, batches_hold_each_text_once_and_every_couple_among_them)
{
  data_world w = repeated();
  cgap_embeddings e = load(&w);
  cgap_split split = all_training(IMAGES);
  cgap_split_rows part;
  cgap_batches b;
  cr_assert_eq(cgap_split_rows_init(&part, &e, &split, CGAP_TRAINING, &(cgap_split_rows_options){0}, NULL), CGAP_OK);
  cr_assert_eq(cgap_batches_init(&b, &part, 50, 9, 1, NULL), CGAP_OK);
  cr_expect_eq(part.positives.texts, 384);
  cr_expect_eq(b.count, 7); /* 34 texts are left out */
  bool *seen = support_alloc(part.positives.texts, sizeof *seen);
  cgap_batches_epoch(&b, 0);
  for (size_t k = 0; k < b.count; k++) {
    cr_assert_eq(cgap_batches_load(&b, k, 1, NULL), CGAP_OK);
    const cgap_positives *c = &b.positives;
    cr_assert_eq(c->texts, 50);
    size_t images[2 * 50], positives = 0;
    for (size_t i = 0; i < c->images; i++)
      images[i] = find_row(part.image, part.positives.images, b.x + i * DIM);
    for (size_t j = 0; j < c->texts; j++) {
      const size_t text = find_row(part.text, part.positives.texts, b.y + j * DIM);
      cr_assert_neq(text, SIZE_MAX);
      cr_expect_not(seen[text], "text %zu stands in two batches", text);
      seen[text] = true;
      for (size_t i = 0; i < c->images; i++) {
        cr_expect_eq(coupled(c, i, j), coupled(&part.positives, images[i], text));
        positives += coupled(c, i, j);
      }
    }
    cr_expect_eq(positives, c->count);
    for (size_t i = 0; i < c->images; i++) {
      cr_expect_gt(c->image_first[i + 1], c->image_first[i], "an image without a text");
      for (size_t l = 0; l < i; l++)
        cr_expect_neq(images[i], images[l], "an image twice");
    }
    for (size_t j = 0; j < c->texts; j++)
      for (size_t l = c->text_first[j]; l < c->text_first[j + 1]; l++)
        cr_expect_eq(c->positive_text[c->text_positive[l]], j);
  }
  free(seen);
  cgap_batches_clear(&b);
  cgap_split_rows_clear(&part);
  free(split.of_image);
  cgap_embeddings_clear(&e);
  world_clear(&w);
}

Test(head_data, a_full_batch_is_the_part)
{
  data_world w = distinct(20, 40);
  cgap_embeddings e = load(&w);
  cgap_split split = all_training(20);
  cgap_split_rows part;
  cgap_batches b;
  cr_assert_eq(cgap_split_rows_init(&part, &e, &split, CGAP_TRAINING, &(cgap_split_rows_options){0}, NULL), CGAP_OK);
  cr_assert_eq(cgap_batches_init(&b, &part, 0, 1, 1, NULL), CGAP_OK);
  cr_expect_eq(b.count, 1);
  cr_expect_eq(b.x, part.image);
  cr_expect_eq(b.positives.count, 40);
  cgap_batches_clear(&b);
  cgap_split_rows_clear(&part);
  free(split.of_image);
  cgap_embeddings_clear(&e);
  world_clear(&w);
}
