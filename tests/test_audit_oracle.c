/* Real embeddings of the shared folder against frozen values of an independent program. Ends with 77,
 * which counts as skipped, where the folder is not there. */
#include "compare.h"
#include "reference.h"
#include "run_audit.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cgap_audit audit_file(const char *name, const char *class_text)
{
  char path[1000], relative[200];
  const char *files[] = {path};
  cgap_input_options input = CGAP_INPUT_OPTIONS_INIT;
  cgap_dataset *dataset;
  cgap_error error;
  snprintf(relative, sizeof relative, "data/%s.h5", name);
  cr_assert(support_shared(path, sizeof path, relative), "%s is not there", path);
  input.files = files;
  input.file_count = 1;
  input.class_text = class_text;
  cr_assert_eq(cgap_dataset_open(&dataset, &input, &error), CGAP_OK, "%s", error.message);
  cgap_audit out = run_audit_data(cgap_dataset_data(dataset), 0.01, 2, 0);
  cgap_dataset_close(dataset);
  return out;
}

static void compare_file(const char *name, size_t keys)
{
  size_t compared;
  json_t *values = reference_load(name);
  cgap_audit audit = audit_file(name, NULL);
  cr_assert_eq(audit.has, CGAP_HAS_PAIRS | CGAP_HAS_TEXT | CGAP_ONE_SPACE | CGAP_HAS_AGREEMENT);
  cr_expect_eq(reference_differences(name, &audit, values, &compared), 0);
  cr_expect_eq(compared, keys, "%zu keys were compared", compared);
  cgap_audit_clear(&audit);
  json_decref(values);
}

Test(audit_oracle, clip_on_coco)
{
  compare_file("modgap_clip_coco", 58);
}

Test(audit_oracle, clip_on_coco_with_random_weights)
{
  compare_file("modgap_clip_coco_randominit", 58);
}

Test(audit_oracle, videoclip)
{
  compare_file("modgap_videoclip", 58);
}

/* The table of data/README.md, to the places that it prints. */
Test(audit_oracle, published_table)
{
  static const char *const FILES[] = {"modgap_clip_coco", "modgap_clip_coco_randominit", "modgap_videoclip"};
  static const struct {
    const char *key;
    double atol, value[3];
  } TABLE[] = {
    {"gap.centroid_distance", 1e-6, {0.8513518694, 1.1360574083, 1.0668913404}},
    {"gap.corrected_distance", 1e-9, {0.8505801863, 1.1354819225, 1.0636736591}},
    {"gap.noise_floor", 1e-6, {0.0362402032, 0.0361557544, 0.0827978205}},
    {"gap.centroid_cosine", 1e-6, {0.3088191005, 0.0412808737, 0.0454874330}},
    {"gap.rmg", 1e-6, {0.5914597349, 0.7478434292, 0.6899748225}},
    {"gap.share_of_alignment", 1e-6, {0.5251554363, 0.6642652077, 0.6264660046}},
    {"gap.linear_separability", 1e-12, {1, 1, 1}},
    {"uniformity.image", 1e-6, {-1.7945345002, -0.9099077320, -1.2100620247}},
    {"uniformity.text", 1e-6, {-1.8409121733, -1.3080077818, -1.9309890942}},
    {"uniformity.cross", 1e-6, {-3.3342723072, -3.8830987763, -3.8825605322}},
    {"alignment.mean_squared_distance", 1e-6, {1.3801628155, 1.9429384829, 1.8169495612}},
    {"cosine.pair.mean", 1e-6, {0.3099185922, 0.0285307586, 0.0915252194}},
    {"cosine.cross.mean", 1e-6, {0.1615952462, 0.0277820614, 0.0260957929}},
    {"loss.clip", 1e-6, {1.8008859999, 8.4021328816, 2.9872037454}},
    {"loss.clip_image_to_text", 1e-6, {1.7194327924, 9.6333025889, 2.4976673227}},
    {"loss.clip_text_to_image", 1e-6, {1.8823392075, 7.1709631742, 3.4767401682}},
    {"loss.cuaxu", 1e-6, {-1.9709468284, 5.3530148313, -0.6489327850}},
    {"pca.image.participation_ratio", 1e-6, {42.7005353, 2.1941280, 39.8696630}},
    {"pca.text.participation_ratio", 1e-6, {41.7062384, 48.3995071, 33.8320890}},
    {"pca.image.rankme", 1e-6, {258.2179004, 37.3460390, 68.0109590}},
    {"retrieval.image_to_text.recall_at_1", 1e-12, {.552, .002, .37}},
    {"retrieval.image_to_text.recall_at_5", 1e-12, {.808, .008, .67}},
    {"retrieval.image_to_text.recall_at_10", 1e-12, {.892, .026, .81}},
    {"retrieval.text_to_image.recall_at_1", 1e-12, {.506, .002, .24}},
    {"retrieval.text_to_image.recall_at_5", 1e-12, {.766, .008, .52}},
    {"retrieval.text_to_image.recall_at_10", 1e-12, {.862, .012, .73}},
    {"hubness.image_to_text.skewness", 1e-7, {1.6455286, 6.3693071, 1.2776472}},
    {"hubness.text_to_image.skewness", 1e-7, {2.3563782, 4.6743818, 1.9819947}},
  };
  for (size_t file = 0; file < 3; file++) {
    cgap_audit audit = audit_file(FILES[file], NULL);
    for (size_t t = 0; t < sizeof TABLE / sizeof *TABLE; t++) {
      size_t f = 0;
      while (f < COMPARE_FIELD_COUNT && strcmp(COMPARE_FIELDS[f].key, TABLE[t].key) != 0)
        f++;
      cr_assert_lt(f, COMPARE_FIELD_COUNT, "%s is no key", TABLE[t].key);
      /* spectra and hubness are stated as relative */
      bool relative = COMPARE_FIELDS[f].tolerance == TOLERANCE_SPECTRUM || COMPARE_FIELDS[f].tolerance == TOLERANCE_HUB;
      double rtol = !relative ? 0 : COMPARE_FIELDS[f].tolerance == TOLERANCE_HUB ? 1e-3 : 1e-5;
      cr_expect(support_near(FILES[file], TABLE[t].key, compare_value(&audit, &COMPARE_FIELDS[f]), TABLE[t].value[file],
                             TABLE[t].atol, rtol));
    }
    cgap_audit_clear(&audit);
  }
}

static void compare_zero_shot(const char *file, const char *class_text, const char *frozen, double top_1, double top_5,
                              double mean_per_class)
{
  size_t compared;
  json_t *values = reference_load(frozen);
  cgap_audit audit = audit_file(file, class_text);
  cr_assert_eq(audit.has, CGAP_HAS_ZERO_SHOT | CGAP_TEXT_IS_CLASSES | CGAP_HAS_TEXT | CGAP_ONE_SPACE);
  cr_expect_eq(reference_differences(frozen, &audit, values, &compared), 0);
  cr_expect_eq(compared, 3, "%zu keys were compared", compared);
  /* the published table, in percent to its places */
  cr_expect(support_near(frozen, "top_1", 100 * audit.zero_shot.top_1.value, top_1, 0.005, 0));
  cr_expect(support_near(frozen, "top_5", 100 * audit.zero_shot.top_5.value, top_5, 0.005, 0));
  cr_expect(support_near(frozen, "mean", 100 * audit.zero_shot.mean_per_class.value, mean_per_class, 0.005, 0));
  cgap_audit_clear(&audit);
  json_decref(values);
}

Test(audit_oracle, zero_shot)
{
  compare_zero_shot("whurs19_clip_vitb32", NULL, "whurs19_clip_vitb32", 76.62, 96.52, 77.04);
  compare_zero_shot("whurs19_remoteclip_vitb32", NULL, "whurs19_remoteclip_vitb32", 93.43, 99.70, 93.49);
}

Test(audit_oracle, zero_shot_over_prompts)
{
  compare_zero_shot("whurs19_clip_vitb32", "/class_text_prompts", "whurs19_clip_vitb32_prompts", 81.2935, 97.5124,
                    81.8850);
  compare_zero_shot("whurs19_remoteclip_vitb32", "/class_text_prompts", "whurs19_remoteclip_vitb32_prompts", 94.8259,
                    99.7015, 94.8742);
}

/* Before Criterion's main: each test is a process of its own, and only the first of all may skip. */
__attribute__((constructor)) static void skip_without_data(void)
{
  char path[1000];
  if (support_shared(path, sizeof path, "data/README.md"))
    return;
  fprintf(stderr, "%s is not there: skipped\n", path);
  _exit(77);
}
