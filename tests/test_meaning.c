/* What a file means: names, second names, every form of a pairing, ids and labels that is read, and every one that
 * looks meant and is refused by name; matrices that are stored columns first; notes of what was left out. */
#include "h5_make.h"
#include "io/find/dataset.h"
#include "io_ask.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 4, M = 6, D = 5, C = 3 };

static const io_ask plain = {.files = {"a.h5"}};

static hid_t make(size_t images, size_t texts)
{
  hid_t file = h5_create(ask_directory, "a.h5");
  h5_plain(file, "/image", (h5_shape){2, {images, D}});
  h5_plain(file, "/text", (h5_shape){2, {texts, D}});
  return file;
}

static void start_reading(const char *where, const io_ask *a, const uint64_t *want, size_t texts)
{
  cgap_dataset *d = ask_open(a);
  const cgap_data *data = cgap_dataset_data(d);
  cr_assert(data->text_image, "%s: no pairing but by position", where);
  cr_expect_eq(data->pairing, CGAP_BY_INDEX, "%s", where);
  for (size_t j = 0; j < texts; j++)
    cr_expect_eq(data->text_image[j], want[j], "%s: text %zu: image %lu, not %lu", where, j,
                 (unsigned long)data->text_image[j], (unsigned long)want[j]);
  cgap_dataset_close(d);
}

static void expect_by_row(const char *where, const char *note)
{
  cgap_dataset *d = ask_open(&plain);
  cr_expect_eq(cgap_dataset_data(d)->pairing, CGAP_BY_ROW, "%s: pairing %d", where, cgap_dataset_data(d)->pairing);
  const char *notes = cgap_dataset_notes(d);
  cr_expect(note ? strstr(notes, note) != NULL : !notes[0], "%s: notes %s", where, notes);
  cgap_dataset_close(d);
}

/* ---------------------------------------------------------------- names */

static const struct {
  const char *image, *text, *other;
} NAMES[] = {
  {"/image_features", "/caption_features", "/texture_features"},
  {"/image_features", "/text_features", "/photometry_features"},
  {"/img_emb", "/txt_emb", "/contextual_emb"},
  {"/clipimgfeats", "/cliptextfeats", "/photons"},
  {"/img2", "/txt2", "/textile"},
  {"/imageembeds", "/captionvecs", "/visionary"},
  {"/labeled_image_features", "/labeled_text_features", "/features"},
  {"/image_features", "/text_features", "/labelled_text_features"},
  {"/target_image_embeds", "/target_text_embeds", "/target_embeds"},
};

Test(meaning, a_word_is_a_word_and_not_its_first_letters, .init = ask_enter, .fini = ask_leave)
{
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
    char image[100], text[100];
    hid_t file = h5_create(ask_directory, "a.h5");
    h5_plain(file, NAMES[i].image, (h5_shape){2, {N, D}});
    h5_plain(file, NAMES[i].text, (h5_shape){2, {N, D}});
    h5_plain(file, NAMES[i].other, (h5_shape){2, {N, D}});
    h5_close(file);
    cgap_dataset *d = ask_open(&plain);
    (void)snprintf(image, sizeof image, "a.h5:%s", NAMES[i].image);
    (void)snprintf(text, sizeof text, "a.h5:%s", NAMES[i].text);
    cr_expect_str_eq(cgap_dataset_data(d)->image.name, image);
    cr_expect_str_eq(cgap_dataset_data(d)->text.name, text);
    cgap_dataset_close(d);
  }
}

/* What a report calls the modalities of a file of these datasets; NULL: the file is refused. */
static const struct {
  const char *first, *second, *third; /* third may be NULL */
  const char *image, *text;           /* which of them are taken */
  const char *names[2];               /* "": by default */
} OTHERS[] = {
  {"/audio_embeds", "/text_embeds", NULL, "/audio_embeds", "/text_embeds", {"audio", ""}},
  {"/video_features", "/caption_features", NULL, "/video_features", "/caption_features", {"video", ""}},
  {"/image_emb", "/audio_emb", NULL, "/image_emb", "/audio_emb", {"", "audio"}},
  {"/protein/emb", "/molecules/emb", NULL, "/molecules/emb", "/protein/emb", {"molecule", "protein"}},
  {"/image_emb", "/text_emb", "/audio_emb", "/image_emb", "/text_emb", {"", ""}},
  {"/video_image_emb", "/video_text_emb", NULL, "/video_image_emb", "/video_text_emb", {"", ""}},
  {"/audio_emb", "/video_emb", "/protein_emb", NULL, NULL, {"", ""}},
  {"/audio_emb", "/text_emb", "/features", NULL, NULL, {"", ""}},
  {"/videotext_emb", "/audio_emb", NULL, NULL, NULL, {"", ""}},
};

Test(meaning, other_words_name_the_modalities, .init = ask_enter, .fini = ask_leave)
{
  for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
    const char *const all[] = {OTHERS[i].first, OTHERS[i].second, OTHERS[i].third};
    hid_t file = h5_create(ask_directory, "a.h5");
    for (size_t k = 0; k < 3; k++)
      if (all[k])
        h5_plain(file, all[k], (h5_shape){2, {N, D}});
    h5_close(file);
    if (!OTHERS[i].image) {
      ask_refuse(all[0], &plain, CGAP_FILE, "give");
      continue;
    }
    cgap_dataset *d = ask_open(&plain);
    const cgap_data *data = cgap_dataset_data(d);
    cr_expect_str_eq(strchr(data->image.name, ':') + 1, OTHERS[i].image);
    cr_expect_str_eq(strchr(data->text.name, ':') + 1, OTHERS[i].text);
    for (int m = 0; m < 2; m++)
      cr_expect_str_eq(data->names[m] ? data->names[m] : "", OTHERS[i].names[m], "%s and %s: modality %d", all[0],
                       all[1], m);
    cgap_dataset_close(d);
  }
}

Test(meaning, a_dataset_counts_under_each_of_its_names, .init = ask_enter, .fini = ask_leave)
{
  static const int64_t rows[N] = {2, 0, 3, 1};
  static const uint64_t want[N] = {2, 0, 3, 1};
  for (int soft = 0; soft < 2; soft++) {
    hid_t file = h5_create(ask_directory, "a.h5");
    h5_plain(file, "/raw/a", (h5_shape){2, {N, D}});
    h5_plain(file, "/raw/b", (h5_shape){2, {N, D}});
    h5_integers(file, "/raw/c", (h5_shape){2, {N, 1}}, rows, H5T_STD_I32LE);
    const char *const names[][2] = {{"/raw/a", "/image"}, {"/raw/b", "/text"}, {"/raw/c", "/text_image"}};
    for (size_t k = 0; k < 3; k++)
      cr_assert_geq(soft ? H5Lcreate_soft(names[k][0], file, names[k][1], H5P_DEFAULT, H5P_DEFAULT)
                         : H5Lcreate_hard(file, names[k][0], file, names[k][1], H5P_DEFAULT, H5P_DEFAULT),
                    0);
    h5_close(file);
    start_reading(soft ? "soft links" : "hard links", &plain, want, N);
  }
}

Test(meaning, the_right_one_of_many_datasets_is_found, .init = ask_enter, .fini = ask_leave)
{
  char name[40];
  hid_t file = make(N, N);
  for (int i = 0; i < 300; i++) {
    (void)snprintf(name, sizeof name, "/image_aux/%03d", i);
    h5_plain(file, name, (h5_shape){2, {N, 2}});
  }
  h5_plain(file, "/image_features", (h5_shape){2, {N, D}});
  h5_close(file);
  cgap_dataset *d = ask_open(&plain);
  cr_expect_str_eq(cgap_dataset_data(d)->image.name, "a.h5:/image_features");
  cgap_dataset_close(d);
}

Test(meaning, a_link_to_a_pairing_that_leads_nowhere_is_refused, .init = ask_enter, .fini = ask_leave)
{
  static const char *const names[] = {"/text_image", "/image_id", "/text_indptr", "/captions_per_image"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char words[80];
    hid_t file = make(N, N);
    cr_assert_geq(H5Lcreate_soft("/nowhere", file, names[i], H5P_DEFAULT, H5P_DEFAULT), 0);
    h5_close(file);
    (void)snprintf(words, sizeof words, "a.h5:%s|/nowhere|`text_image`", names[i]);
    ask_refuse(names[i], &plain, CGAP_FILE, words);
  }
}

Test(meaning, an_axis_of_one_is_none, .init = ask_enter, .fini = ask_leave)
{
  const h5_shape shapes[] = {{3, {N, 1, D}}, {3, {1, N, D}}, {2, {N, D}}};
  for (size_t i = 0; i < 3; i++)
    for (size_t t = 0; t < 3; t++) {
      hid_t file = h5_create(ask_directory, "a.h5");
      h5_plain(file, "/image", shapes[i]);
      h5_plain(file, "/text", shapes[t]);
      h5_close(file);
      expect_by_row("an axis of one", NULL);
      cgap_dataset *d = ask_open(&plain);
      ask_numbers("an axis of one", &cgap_dataset_data(d)->image, shapes[i], 3);
      cgap_dataset_close(d);
    }
}

/* ---------------------------------------------------------------- pairings */

/* Datasets of one name each, numbers of images 4 and texts 6. */
static const struct {
  const char *name;
  h5_shape shape;
  double value[24];
  uint64_t want[M];
} PAIRINGS[] = {
  {"/text_image", {1, {M}}, {3, 0, 0, 2, 1, 1}, {3, 0, 0, 2, 1, 1}},
  {"/text_image", {2, {M, 1}}, {3, 0, 0, 2, 1, 1}, {3, 0, 0, 2, 1, 1}},
  {"/img_idx", {2, {1, M}}, {3, 0, 0, 2, 1, 1}, {3, 0, 0, 2, 1, 1}},
  {"/text_indptr", {1, {N + 1}}, {0, 1, 3, 3, 6}, {0, 1, 1, 3, 3, 3}},
  {"/caption_offsets", {2, {N + 1, 1}}, {1, 2, 4, 4, 7}, {0, 1, 1, 3, 3, 3}},
  {"/text_starts", {1, {N}}, {0, 1, 3, 4}, {0, 1, 1, 2, 3, 3}},
  {"/text_starts", {1, {N}}, {1, 2, 4, 5}, {0, 1, 1, 2, 3, 3}},
  {"/text_offsets", {1, {N}}, {2, 3, 4, 6}, {0, 0, 1, 2, 3, 3}},
  {"/text_ends", {1, {N}}, {2, 3, 4, 6}, {0, 0, 1, 2, 3, 3}},
  {"/caption_bounds", {1, {N + 1}}, {0, 1, 3, 3, 6}, {0, 1, 1, 3, 3, 3}},
  {"/image_of_text", {1, {M}}, {3, 0, 0, 2, 1, 1}, {3, 0, 0, 2, 1, 1}},
  {"/row_splits", {1, {N + 1}}, {0, 1, 3, 3, 6}, {0, 1, 1, 3, 3, 3}},
  {"/captions_per_image", {1, {N}}, {1, 2, 0, 3}, {0, 1, 1, 3, 3, 3}},
  {"/text_lengths", {2, {1, N}}, {1, 2, 0, 3}, {0, 1, 1, 3, 3, 3}},
  {"/num_captions", {1, {N}}, {3, 1, 1, 1}, {0, 0, 0, 1, 2, 3}},
  {"/counts", {1, {N}}, {1, 2, 0, 3}, {0, 1, 1, 3, 3, 3}},
};

Test(meaning, a_pairing_is_read_in_every_form, .init = ask_enter, .fini = ask_leave)
{
  for (size_t i = 0; i < sizeof PAIRINGS / sizeof *PAIRINGS; i++) {
    for (int type = 0; type < 3; type++) {
      int64_t whole[24];
      char where[100];
      for (size_t k = 0; k < 24; k++)
        whole[k] = (int64_t)PAIRINGS[i].value[k];
      hid_t file = make(N, M);
      if (type == 0)
        h5_integers(file, PAIRINGS[i].name, PAIRINGS[i].shape, whole, H5T_STD_U8LE);
      else
        h5_floats(file, PAIRINGS[i].name, PAIRINGS[i].shape, PAIRINGS[i].value,
                  (h5_storage){.type = type == 1 ? CGAP_FLOAT64 : CGAP_FLOAT16, .big_endian = type == 1});
      h5_close(file);
      (void)snprintf(where, sizeof where, "%s, %zu, type %d", PAIRINGS[i].name, i, type);
      start_reading(where, &plain, PAIRINGS[i].want, M);
    }
  }
}

Test(meaning, the_texts_of_each_image_may_be_given, .init = ask_enter, .fini = ask_leave)
{
  static const int64_t texts[M] = {4, 0, 5, 1, 2, 3}, inverse[N] = {2, 0, 3, 1}, twice[N] = {2, 0, 2, 1};
  static const uint64_t of_three[M] = {0, 1, 2, 2, 0, 1}, of_four[N] = {1, 3, 0, 2};
  hid_t file = make(3, M);
  h5_integers(file, "/image_to_text", (h5_shape){2, {3, 2}}, texts, H5T_STD_I64LE);
  h5_close(file);
  start_reading("(N, k)", &plain, of_three, M);
  file = make(N, N);
  h5_integers(file, "/img2txt", (h5_shape){1, {N}}, inverse, H5T_STD_I64LE);
  h5_close(file);
  start_reading("(N)", &plain, of_four, N);
  file = make(N, N);
  h5_integers(file, "/img2txt", (h5_shape){1, {N}}, twice, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("twice", &plain, CGAP_DATA, "a.h5:/img2txt|image 2|text row 2|an earlier");
  file = make(N, N);
  h5_integers(file, "/text_of_image", (h5_shape){1, {N}}, inverse, H5T_STD_I64LE);
  h5_close(file);
  start_reading("of", &plain, of_four, N);
  file = make(N, N);
  h5_integers(file, "/image_text_index", (h5_shape){1, {N}}, inverse, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("either direction", &plain, CGAP_FILE, "a.h5:/image_text_index|`text_image`");
}

static const struct {
  const char *name;
  h5_shape shape;
  double value[24];
  cgap_status status;
  const char *words;
} BROKEN[] = {
  {"/text_image", {1, {M}}, {3, 0, 0.5, 2, 1, 1}, CGAP_DATA, "/text_image|float64|(6,)|entry 2|0.5"},
  {"/text_image", {1, {M}}, {3, 0, NAN, 2, 1, 1}, CGAP_DATA, "/text_image|entry 2|nan"},
  {"/text_image", {1, {M - 1}}, {3, 0, 0, 2, 1}, CGAP_DATA, "/text_image|5 entries|6 texts"},
  {"/text_image", {2, {M, N}}, {0}, CGAP_DATA, "/text_image|(6, 4)|cannot be a pairing"},
  {"/image_index", {1, {M + 2}}, {0}, CGAP_DATA, "/image_index|8 entries|6 texts"},
  {"/text_image", {1, {M}}, {4, 1, 1, 2, 3, 3}, CGAP_DATA, "/text_image|count from 1"},
  {"/text_indptr", {1, {N + 1}}, {0, 1, 3, 2, 6}, CGAP_DATA, "/text_indptr|not rising|4 images|6 texts"},
  {"/text_indptr", {1, {N + 1}}, {0, 1, 3, 3, 5}, CGAP_DATA, "/text_indptr|from 0 to 5|6 texts"},
  {"/text_indptr", {1, {N - 1}}, {0, 1, 6}, CGAP_DATA, "/text_indptr|(3,)|N + 1 integers"},
  {"/text_start_end", {2, {N, 2}}, {0, 1, 1, 3, 3, 3, 3, 6}, CGAP_DATA, "/text_start_end|(4, 2)|N + 1 integers"},
  {"/text_offsets", {1, {N}}, {1, 2, 4, 6}, CGAP_FILE, "/text_offsets|begin or where they end|5"},
  {"/text_lengths", {1, {N}}, {1, 2, 0, 2}, CGAP_DATA, "/text_lengths|6 texts|sum is smaller"},
  {"/captions_per_image", {1, {N}}, {1, 2, -1, 4}, CGAP_DATA, "/captions_per_image|negative"},
  {"/captions_per_image", {1, {N + 1}}, {1, 2, 1, 1, 1}, CGAP_DATA, "/captions_per_image|(5,)|one integer per image"},
};

Test(meaning, a_pairing_that_cannot_be_used_is_refused_by_name, .init = ask_enter, .fini = ask_leave)
{
  for (size_t i = 0; i < sizeof BROKEN / sizeof *BROKEN; i++) {
    hid_t file = make(N, M);
    h5_floats(file, BROKEN[i].name, BROKEN[i].shape, BROKEN[i].value, (h5_storage){.type = CGAP_FLOAT64});
    h5_close(file);
    ask_refuse(BROKEN[i].name, &plain, BROKEN[i].status, BROKEN[i].words);
  }
  static const char *const rows[N] = {"0", "1", "2", "3"};
  hid_t file = make(N, N);
  h5_strings(file, "/text_image", rows, N, true);
  h5_close(file);
  ask_refuse("strings", &plain, CGAP_DATA, "a.h5:/text_image|strings|`text_image` none");
  file = make(N, N);
  h5_integers(file, "/pairs", (h5_shape){2, {N, 2}}, NULL, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("pairs", &plain, CGAP_FILE, "a.h5:/pairs|(4, 2)|`text_image`");
}

Test(meaning, two_pairings_that_disagree_are_refused, .init = ask_enter, .fini = ask_leave)
{
  static const int64_t pointer[N + 1] = {0, 1, 3, 3, 6}, same[M] = {0, 1, 1, 3, 3, 3}, other[M] = {0, 1, 1, 2, 3, 3};
  static const uint64_t want[M] = {0, 1, 1, 3, 3, 3}, as_other[M] = {0, 1, 1, 2, 3, 3};
  hid_t file = make(N, M);
  h5_integers(file, "/text_indptr", (h5_shape){1, {N + 1}}, pointer, H5T_STD_I64LE);
  h5_integers(file, "/text_image", (h5_shape){1, {M}}, same, H5T_STD_I64LE);
  h5_close(file);
  start_reading("they agree", &plain, want, M);
  file = make(N, M);
  h5_integers(file, "/text_indptr", (h5_shape){1, {N + 1}}, pointer, H5T_STD_I64LE);
  h5_integers(file, "/text_image", (h5_shape){1, {M}}, other, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("they disagree", &plain, CGAP_FILE, "/text_image|/text_indptr|disagree|text 3|`text_image`");
  start_reading("one given", &(io_ask){.files = {"a.h5"}, .text_image = "/text_image"}, as_other, M);
}

/* Nothing here says which text belongs to which image. */
static const char *const UNRELATED[] = {"/split",
                                        "/width",
                                        "/frame_index",
                                        "/text_image_similarity",
                                        "/caption_start_time",
                                        "/text_score",
                                        "/image_size",
                                        "/ids",
                                        "/image_id",
                                        "/sentence_ids",
                                        "/count",
                                        "/image_to_text_distance"};

Test(meaning, what_is_unrelated_is_no_reason_to_refuse, .init = ask_enter, .fini = ask_leave)
{
  for (size_t i = 0; i < sizeof UNRELATED / sizeof *UNRELATED; i++)
    for (int floats = 0; floats < 2; floats++) {
      static const double value[N] = {0.5, 17, 3, 9};
      static const int64_t whole[N] = {5, 17, 3, 9};
      if (!floats && strstr(UNRELATED[i], "image_to"))
        continue; /* integers of that name are rows */
      hid_t file = make(N, N);
      if (floats)
        h5_floats(file, UNRELATED[i], (h5_shape){1, {N}}, value, (h5_storage){.type = CGAP_FLOAT32});
      else if (!strcmp(UNRELATED[i], "/text_image_similarity"))
        h5_integers(file, "/similarity", (h5_shape){1, {N}}, whole, H5T_STD_I64LE);
      else
        h5_integers(file, UNRELATED[i], (h5_shape){1, {N}}, whole, H5T_STD_I64LE);
      h5_close(file);
      expect_by_row(UNRELATED[i], NULL);
    }
}

/* ---------------------------------------------------------------- ids */

static const struct {
  const char *image, *text;
} IDS[] = {
  {"/image_filenames", "/text_filenames"}, {"/image_path", "/text_image_path"}, {"/filenames", "/caption_filenames"},
  {"/cocoids", "/text_cocoids"},           {"/img_keys", "/txt_keys"},          {"/images/names", "/texts/names"},
  {"/image_sha256", "/text_image_sha256"}, {"/image_ids", "/caption_ids"},      {"/image_uuid", "/text_image_uuid"},
};

Test(meaning, ids_have_many_names, .init = ask_enter, .fini = ask_leave)
{
  static const char *const images[N] = {"a.jpg", "b.jpg", "c.jpg", "d.jpg"};
  static const char *const texts[N] = {"c.jpg", "a.jpg", "d.jpg", "b.jpg"};
  static const double numbers[N] = {70, 80, -4, 1e15}, text_numbers[N] = {-4, 70, 1e15, 80};
  static const uint64_t want[N] = {2, 0, 3, 1};
  for (size_t i = 0; i < sizeof IDS / sizeof *IDS; i++)
    for (int kind = 0; kind < 3; kind++) {
      hid_t file = make(N, N);
      if (kind < 2) {
        h5_strings(file, IDS[i].image, images, N, kind);
        h5_strings(file, IDS[i].text, texts, N, !kind);
      } else {
        h5_floats(file, IDS[i].image, (h5_shape){2, {N, 1}}, numbers, (h5_storage){.type = CGAP_FLOAT64});
        h5_floats(file, IDS[i].text, (h5_shape){2, {1, N}}, text_numbers, (h5_storage){.type = CGAP_FLOAT64});
      }
      h5_close(file);
      start_reading(IDS[i].text, &plain, want, N);
    }
}

Test(meaning, ids_are_refused_where_they_say_and_noted_where_they_may, .init = ask_enter, .fini = ask_leave)
{
  static const int64_t images[N] = {70, 80, 90, 60}, own[N] = {1, 2, 3, 4}, most[N] = {90, 70, 61, 80};
  static const uint64_t rows[N] = {2, 0, 3, 1};
  static const int64_t as_rows[N] = {2, 0, 3, 1};
  hid_t file = make(N, N);
  h5_integers(file, "/image_id", (h5_shape){1, {N}}, images, H5T_STD_I64LE);
  h5_integers(file, "/text_id", (h5_shape){1, {N}}, own, H5T_STD_I64LE);
  h5_close(file);
  expect_by_row("the texts' own", "a.h5:/text_id not used for the pairing: 0 of its 4");
  file = make(N, N);
  h5_integers(file, "/image_id", (h5_shape){1, {N}}, images, H5T_STD_I64LE);
  h5_integers(file, "/text_id", (h5_shape){1, {N}}, most, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("most of them", &plain, CGAP_DATA, "a.h5:/text_id|text 2|id 61|a.h5:/image_id");
  file = make(N, N);
  h5_integers(file, "/text_image_id", (h5_shape){1, {N}}, images, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("no ids of the images", &plain, CGAP_FILE, "a.h5:/text_image_id|4 images|image_id|`text_image` none");
  file = make(N, N);
  h5_integers(file, "/text_image_id", (h5_shape){1, {N}}, as_rows, H5T_STD_I64LE);
  h5_close(file);
  start_reading("ids that are rows", &plain, rows, N);
  file = make(N, N);
  h5_integers(file, "/image_id", (h5_shape){1, {N - 1}}, images, H5T_STD_I64LE);
  h5_integers(file, "/text_image_id", (h5_shape){1, {N}}, images, H5T_STD_I64LE);
  h5_close(file);
  ask_refuse("short", &plain, CGAP_DATA, "a.h5:/image_id|(3,)|4 images");
  file = make(N, M);
  h5_integers(file, "/image_ids", (h5_shape){1, {N}}, images, H5T_STD_I64LE);
  h5_integers(file, "/image_id", (h5_shape){1, {M}}, (const int64_t[M]){90, 70, 60, 80, 80, 90}, H5T_STD_I64LE);
  h5_close(file);
  start_reading("by their number", &plain, (const uint64_t[M]){2, 0, 3, 1, 1, 2}, M);
}

/* ---------------------------------------------------------------- labels and class texts */

static const int64_t LABELS[M] = {0, 2, 1, 1, 0, 2};

static hid_t make_classes(void)
{
  hid_t file = make(M, M);
  h5_plain(file, "/class_text", (h5_shape){2, {C, D}});
  return file;
}

static void expect_labels(const char *where)
{
  cgap_dataset *d = ask_open(&plain);
  const cgap_data *data = cgap_dataset_data(d);
  cr_assert(data->labels, "%s: no labels: %s", where, cgap_dataset_notes(d));
  for (size_t i = 0; i < M; i++)
    cr_expect_eq(data->labels[i], LABELS[i], "%s: image %zu: %ld", where, i, (long)data->labels[i]);
  cgap_dataset_close(d);
}

Test(meaning, labels_are_read_in_every_form, .init = ask_enter, .fini = ask_leave)
{
  const h5_shape shapes[] = {{1, {M}}, {2, {M, 1}}, {2, {1, M}}};
  double list[M], table[M * C] = {0};
  int64_t whole[M * C] = {0};
  for (size_t i = 0; i < M; i++) {
    list[i] = (double)LABELS[i];
    table[i * C + (size_t)LABELS[i]] = 1;
    whole[i * C + (size_t)LABELS[i]] = 1;
  }
  for (size_t s = 0; s < 3; s++)
    for (int type = 0; type < 3; type++) {
      hid_t file = make_classes();
      if (type == 0)
        h5_integers(file, "/labels", shapes[s], LABELS, H5T_STD_I8LE);
      else
        h5_floats(file, "/labels", shapes[s], list, (h5_storage){.type = type == 1 ? CGAP_FLOAT64 : CGAP_FLOAT16});
      h5_close(file);
      expect_labels("a list");
    }
  for (int floats = 0; floats < 2; floats++) {
    hid_t file = make_classes();
    if (floats)
      h5_floats(file, "/targets", (h5_shape){2, {M, C}}, table, (h5_storage){.type = CGAP_FLOAT32});
    else
      h5_integers(file, "/targets", (h5_shape){2, {M, C}}, whole, H5T_STD_U8LE);
    h5_close(file);
    expect_labels("a table");
  }
  static const char *const names[C] = {"cat", "dog", "cow"};
  const char *of[M];
  for (size_t i = 0; i < M; i++)
    of[i] = names[LABELS[i]];
  hid_t file = make_classes();
  h5_strings(file, "/labels", of, M, true);
  h5_strings(file, "/class_names", names, C, false);
  h5_close(file);
  expect_labels("names");
  file = make_classes();
  h5_integers(file, "/class_id", (h5_shape){1, {M}}, LABELS, H5T_STD_I64LE);
  h5_close(file);
  expect_labels("class_id");
}

Test(meaning, labels_that_cannot_be_used_are_refused_by_name, .init = ask_enter, .fini = ask_leave)
{
  static const char *const names[M] = {"cat", "dog", "cow", "cow", "cat", "emu"}, *const three[C] = {"cat", "dog",
                                                                                                     "cow"};
  const struct {
    const char *where, *words;
    h5_shape shape;
    double value[M * 4];
  } cases[] = {
    {"fraction", "/labels|entry 1|1.5", {1, {M}}, {0, 1.5}},
    {"NaN", "/labels|entry 2|nan", {1, {M}}, {0, 1, NAN}},
    {"from 1", "/labels|image 1|label 3|3 classes|count from 1", {1, {M}}, {1, 3, 2, 2, 1, 3}},
    {"two ones", "/labels|row 1|2 ones", {2, {M, C}}, {1, 0, 0, 0, 1, 1}},
    {"none", "/labels|row 1|0 ones", {2, {M, C}}, {1, 0, 0, 0, 0, 0}},
    {"other classes", "/labels|(6, 4)|4 classes|has 3", {2, {M, 4}}, {1}},
    {"short", "/labels|5 rows|has 6", {1, {M - 1}}, {0, 1, 2}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    hid_t file = make_classes();
    h5_floats(file, "/labels", cases[i].shape, cases[i].value, (h5_storage){.type = CGAP_FLOAT32});
    h5_close(file);
    ask_refuse(cases[i].where, &plain, CGAP_DATA, cases[i].words);
  }
  hid_t file = make_classes();
  h5_strings(file, "/labels", names, M, true);
  h5_close(file);
  ask_refuse("strings", &plain, CGAP_DATA, "a.h5:/labels|strings|class_names");
  file = make_classes();
  h5_strings(file, "/labels", names, M, true);
  h5_strings(file, "/class_names", three, C, true);
  h5_close(file);
  ask_refuse("no class of that name", &plain, CGAP_DATA, "a.h5:/labels|image 5|\"emu\"|a.h5:/class_names");
  file = make(M, M);
  h5_strings(file, "/labels", names, M, true);
  h5_close(file);
  expect_by_row("nothing needs them", "labels not used: a.h5:/labels: strings");
}

Test(meaning, the_axis_of_the_classes_decides, .init = ask_enter, .fini = ask_leave)
{
  hid_t file = make(M, M);
  h5_integers(file, "/labels", (h5_shape){1, {M}}, LABELS, H5T_STD_I64LE);
  h5_plain(file, "/class_text", (h5_shape){3, {2, C, D}});
  h5_close(file);
  cgap_dataset *d = ask_open(&plain);
  const cgap_data *data = cgap_dataset_data(d);
  double *numbers = h5_numbers((h5_shape){3, {2, C, D}});
  float got[2 * C * D];
  cr_expect_eq(data->prompts, 2);
  cr_assert_eq(data->class_text.rows, 2 * C);
  cr_assert_eq(data->class_text.read(&data->class_text, 0, 2 * C, got, NULL), CGAP_OK);
  for (size_t c = 0; c < C; c++)
    for (size_t p = 0; p < 2; p++)
      for (size_t k = 0; k < D; k++)
        cr_expect_eq((double)got[((c * 2) + p) * D + k], numbers[(p * C + c) * D + k]);
  free(numbers);
  cgap_dataset_close(d);

  const h5_shape prompts[] = {{3, {2, C, D}}, {3, {C, 2, D}}, {2, {C, D}}};
  for (size_t i = 0; i < 3; i++) {
    file = h5_create(ask_directory, "a.h5");
    h5_plain(file, "/image", (h5_shape){2, {M + 1, D}});
    h5_plain(file, "/class_text", (h5_shape){2, {C, D}});
    h5_integers(file, "/labels", (h5_shape){1, {M + 1}}, (const int64_t[M + 1]){0, 1, 2, 0, 1, 2, 0}, H5T_STD_I64LE);
    h5_plain(file, "/prompt_text", prompts[i]);
    h5_close(file);
    d = ask_open(&plain);
    cr_expect_eq(cgap_dataset_data(d)->text.rows, 0, "case %zu", i);
    cr_expect(strstr(cgap_dataset_notes(d), "a.h5:/prompt_text not used as texts"), "%s", cgap_dataset_notes(d));
    cgap_dataset_close(d);
  }
}

Test(meaning, no_texts_may_be_wanted, .init = ask_enter, .fini = ask_leave)
{
  const io_ask none = {.files = {"a.h5"}, .text = "none"};
  hid_t file = make_classes();
  h5_integers(file, "/labels", (h5_shape){1, {M}}, LABELS, H5T_STD_I64LE);
  h5_close(file);
  cgap_dataset *d = ask_open(&none);
  cr_expect_eq(cgap_dataset_data(d)->text.rows, 0);
  cr_expect_eq(cgap_dataset_data(d)->class_text.rows, C);
  cgap_dataset_close(d);
  h5_close(make(M, M));
  ask_refuse("no class texts", &none, CGAP_FILE, "a.h5:/image|`text` none|`class_text`");
}

/* ---------------------------------------------------------------- columns first */

/* h5_numbers(shape) as MATLAB stores them, with its mark. */
static void turned(hid_t file, const char *path, h5_shape shape, h5_storage storage)
{
  h5_shape stored = {shape.rank, {0}};
  double *rows = h5_numbers(shape);
  size_t count = 1;
  for (int k = 0; k < shape.rank; k++) {
    stored.size[k] = shape.size[shape.rank - 1 - k];
    count *= (size_t)shape.size[k];
  }
  double *values = support_alloc(count, sizeof *values);
  for (size_t i = 0; i < count; i++) {
    size_t rest = i, below = count, to = 0, stride = 1;
    for (int k = 0; k < shape.rank; k++) {
      below /= (size_t)shape.size[k];
      to += rest / below * stride;
      rest %= below;
      stride *= (size_t)shape.size[k];
    }
    values[to] = rows[i];
  }
  h5_floats(file, path, stored, values, storage);
  h5_mark(file, path, "MATLAB_class", storage.type == CGAP_FLOAT64 ? "double" : "single");
  free(values);
  free(rows);
}

Test(meaning, matlab_stores_columns_first, .init = ask_enter, .fini = ask_leave)
{
  static const h5_layout layouts[] = {H5_CONTIGUOUS, H5_CHUNKED, H5_GZIP, H5_SHUFFLE};
  const h5_shape image = {2, {37, 11}}, text = {3, {37, 3, 11}};
  for (size_t l = 0; l < 4; l++)
    for (int type = 0; type < 2; type++) {
      const h5_storage storage = {type ? CGAP_FLOAT32 : CGAP_FLOAT64, type != 0, layouts[l]};
      hid_t file = h5_create_after_block(ask_directory, "a.h5");
      turned(file, "/image_features", image, storage);
      turned(file, "/text_features", text, storage);
      h5_close(file);
      cgap_dataset *d = ask_open(&plain);
      const cgap_data *data = cgap_dataset_data(d);
      cr_assert_eq(data->image.rows, 37);
      cr_assert_eq(data->image.dim, 11);
      cr_assert_eq(data->text.rows, 111);
      for (size_t piece = 1; piece <= 111; piece = 2 * piece + 1) {
        ask_numbers("image", &data->image, image, piece);
        ask_numbers("text", &data->text, text, piece);
      }
      cgap_dataset_close(d);
    }
}

Test(meaning, matlab_counts_from_one, .init = ask_enter, .fini = ask_leave)
{
  static const double rows[N] = {3, 1, 4, 2};
  static const uint64_t want[N] = {2, 0, 3, 1};
  hid_t file = h5_create(ask_directory, "a.h5");
  turned(file, "/image", (h5_shape){2, {N, D}}, (h5_storage){.type = CGAP_FLOAT64});
  turned(file, "/text", (h5_shape){2, {N, D}}, (h5_storage){.type = CGAP_FLOAT64});
  h5_floats(file, "/text_image", (h5_shape){2, {1, N}}, rows, (h5_storage){.type = CGAP_FLOAT64});
  h5_mark(file, "/text_image", "MATLAB_class", "double");
  h5_close(file);
  start_reading("rows from 1", &plain, want, N);
  file = h5_create(ask_directory, "a.h5");
  turned(file, "/image", (h5_shape){2, {N, D}}, (h5_storage){.type = CGAP_FLOAT64});
  turned(file, "/text", (h5_shape){2, {N, D}}, (h5_storage){.type = CGAP_FLOAT64});
  turned(file, "/class_text", (h5_shape){2, {N, D}}, (h5_storage){.type = CGAP_FLOAT64});
  h5_floats(file, "/labels", (h5_shape){2, {1, N}}, rows, (h5_storage){.type = CGAP_FLOAT64});
  h5_mark(file, "/labels", "MATLAB_class", "double");
  h5_close(file);
  cgap_dataset *d = ask_open(&plain);
  for (size_t i = 0; i < N; i++)
    cr_expect_eq(cgap_dataset_data(d)->labels[i], (int64_t)rows[i] - 1);
  cr_expect(strstr(cgap_dataset_notes(d), "count from 1"), "%s", cgap_dataset_notes(d));
  cgap_dataset_close(d);
}

Test(meaning, matlab_has_strings_and_cells, .init = ask_enter, .fini = ask_leave)
{
  /* rows "ab ", "c  ", "é  ", "abc", columns first; those of the texts in another order */
  static const int64_t images[3 * N] = {'a', 'c', 0xe9, 'a', 'b', ' ', ' ', 'b', ' ', ' ', ' ', 'c'};
  static const int64_t texts[3 * N] = {0xe9, 'a', 'a', 'c', ' ', 'b', 'b', ' ', ' ', 'c', ' ', ' '};
  static const uint64_t want[N] = {2, 3, 0, 1};
  for (int cells = 0; cells < 2; cells++) {
    hid_t file = h5_create(ask_directory, "a.h5");
    turned(file, "/image", (h5_shape){2, {N, D}}, (h5_storage){.type = CGAP_FLOAT64});
    turned(file, "/text", (h5_shape){2, {N, D}}, (h5_storage){.type = CGAP_FLOAT64});
    h5_integers(file, "/image_names", (h5_shape){2, {3, N}}, images, H5T_STD_U16LE);
    h5_integers(file, "/text_image_names", (h5_shape){2, {3, N}}, texts, H5T_STD_U16LE);
    h5_mark(file, "/image_names", "MATLAB_class", cells ? "cell" : "char");
    h5_mark(file, "/text_image_names", "MATLAB_class", "char");
    h5_close(file);
    if (cells)
      ask_refuse("cells", &plain, CGAP_DATA, "a.h5:/image_names|MATLAB cell");
    else
      start_reading("characters", &plain, want, N);
  }
}

Test(meaning, octave_has_a_group_for_each_variable, .init = ask_enter, .fini = ask_leave)
{
  static const double rows[N] = {3, 1, 4, 2};
  static const uint64_t want[N] = {2, 0, 3, 1};
  static const struct {
    const char *group, *value;
  } variables[] = {{"/image_features", "/image_features/value"},
                   {"/text_features", "/text_features/value"},
                   {"/text_image", "/text_image/value"}};
  hid_t file = h5_create(ask_directory, "a.h5");
  for (size_t k = 0; k < 3; k++) {
    if (k < 2)
      turned(file, variables[k].value, (h5_shape){2, {N, D}}, (h5_storage){.type = CGAP_FLOAT64});
    else
      h5_floats(file, variables[k].value, (h5_shape){2, {N, 1}}, rows, (h5_storage){.type = CGAP_FLOAT64});
    if (k < 2)
      H5Adelete_by_name(file, variables[k].value, "MATLAB_class", H5P_DEFAULT);
    h5_text(file, variables[k].group, "type", "matrix");
    h5_mark(file, variables[k].group, "OCTAVE_NEW_FORMAT", "1");
  }
  h5_close(file);
  start_reading("Octave", &plain, want, N);
  cgap_dataset *d = ask_open(&plain);
  cr_expect_str_eq(cgap_dataset_data(d)->image.name, "a.h5:/image_features");
  ask_numbers("Octave", &cgap_dataset_data(d)->image, (h5_shape){2, {N, D}}, 3);
  cgap_dataset_close(d);
}

/* They have no address as datasets have, and are not names of one. */
Test(meaning, octave_cells_cannot_be_ids, .init = ask_enter, .fini = ask_leave)
{
  static const char *const names[] = {"/image_id", "/text_image_id", "/other"};
  static const int64_t dims[2] = {N, 1};
  hid_t file = make(N, N);
  for (size_t k = 0; k < 3; k++) {
    char path[60];
    (void)snprintf(path, sizeof path, "%s/value/dims", names[k]);
    h5_integers(file, path, (h5_shape){1, {2}}, dims, H5T_STD_I32LE);
    h5_text(file, names[k], "type", "cell");
    h5_mark(file, names[k], "OCTAVE_NEW_FORMAT", "1");
  }
  h5_close(file);
  ask_refuse("cells", &plain, CGAP_DATA, "a.h5:/text_image_id|Octave cell|(4, 1)");
}

/* ---------------------------------------------------------------- notes */

/* Pairs of `n` items with d elements, stored as rows of items or, exchanged, as columns. */
static void make_pairs(size_t n, size_t d, bool unit, bool exchanged)
{
  support_random r = support_seed(7);
  double *side[2];
  for (int s = 0; s < 2; s++)
    side[s] = support_alloc(n * d, sizeof **side);
  for (size_t i = 0; i < n; i++) {
    double norm[2] = {0, 0};
    for (size_t k = 0; k < d; k++) {
      const double meaning = support_normal(&r);
      for (int s = 0; s < 2; s++) {
        const double x = meaning + 0.5 * support_normal(&r) + (k == 0 ? (s ? -2.4 : 2.4) : 0);
        side[s][exchanged ? k * n + i : i * d + k] = x;
        norm[s] += x * x;
      }
    }
    for (size_t k = 0; unit && k < d; k++)
      for (int s = 0; s < 2; s++)
        side[s][exchanged ? k * n + i : i * d + k] /= sqrt(norm[s]);
  }
  hid_t file = h5_create(ask_directory, "a.h5");
  const h5_shape shape = {2, {exchanged ? d : n, exchanged ? n : d}};
  h5_floats(file, "/image", shape, side[0], (h5_storage){.type = CGAP_FLOAT32});
  h5_floats(file, "/text", shape, side[1], (h5_storage){.type = CGAP_FLOAT32});
  h5_close(file);
  free(side[0]);
  free(side[1]);
}

Test(meaning, matrices_that_look_transposed_are_noted, .init = ask_enter, .fini = ask_leave)
{
  const struct {
    size_t n, d;
    bool unit, exchanged;
  } cases[] = {{200, 16, false, true}, {200, 16, true, true}, {60, 90, true, true},
               {200, 16, true, false}, {40, 96, true, false}, {40, 96, false, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    make_pairs(cases[i].n, cases[i].d, cases[i].unit, cases[i].exchanged);
    cgap_dataset *d = ask_open(&plain);
    cr_expect_eq(strstr(cgap_dataset_notes(d), "may be exchanged") != NULL, cases[i].exchanged, "case %zu: %s", i,
                 cgap_dataset_notes(d));
    cgap_dataset_close(d);
  }
}

Test(meaning, texts_with_a_row_a_token_are_noted, .init = ask_enter, .fini = ask_leave)
{
  for (size_t k = 5; k < 100; k += 72) {
    hid_t file = h5_create(ask_directory, "a.h5");
    h5_plain(file, "/image", (h5_shape){2, {N, D}});
    h5_plain(file, "/text", (h5_shape){3, {N, k, D}});
    h5_close(file);
    cgap_dataset *d = ask_open(&plain);
    cr_expect_eq(strstr(cgap_dataset_notes(d), "one row per token") != NULL, k == 77, "%zu: %s", k,
                 cgap_dataset_notes(d));
    cgap_dataset_close(d);
  }
}
