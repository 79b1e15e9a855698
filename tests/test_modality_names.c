/* Names of the modalities in words. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/modality_names.h"
#include "base/source.h"

static void expect(const char *words, const char *a, const char *b, const char *wanted)
{
  cgap_modality_names names = {0};
  char out[200];
  (void)strcpy(names.of[0], a);
  (void)strcpy(names.of[1], b);
  const size_t length = cgap_modality_words(out, sizeof out, words, &names);
  cr_assert_str_eq(out, wanted);
  cr_assert_eq(length, strlen(wanted));
}

Test(modality_names, without_names_words_are_image_and_text)
{
  expect("{Images} and {texts}: {an image} to {a text}", "", "", "Images and texts: an image to a text");
  expect("{image} to {text}, {one image}", "", "", "image to text, image");
}

Test(modality_names, names_take_their_place)
{
  expect("{Images} and {texts}: {an image} to {a text}", "audio", "caption",
         "Audio rows and captions: an audio row to a caption");
  expect("{image} to {text}", "video", "query", "video to query");
  expect("{texts}", "video", "query", "queries");
}

Test(modality_names, other_braces_stay)
{
  expect("{d} {image", "x", "y", "{d} {image");
}

Test(modality_names, what_does_not_fit_is_left_out)
{
  const cgap_modality_names names = {0};
  char out[6];
  cr_assert_eq(cgap_modality_words(out, sizeof out, "{images} and", &names), strlen("images and"));
  cr_assert_str_eq(out, "image");
}

Test(modality_names, what_is_no_name_is_refused)
{
  char longest[CGAP_NAME_SIZE + 1];
  memset(longest, 'a', sizeof longest - 1);
  longest[sizeof longest - 1] = '\0';
  cr_assert_eq(cgap_check_name("B_32", NULL), CGAP_OK);
  cr_assert_eq(cgap_check_name("", NULL), CGAP_USAGE);
  cr_assert_eq(cgap_check_name("a b", NULL), CGAP_USAGE);
  cr_assert_eq(cgap_check_name(longest, NULL), CGAP_USAGE);
}
