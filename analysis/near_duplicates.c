/* checks.{image,text}.near_duplicates: rows with another row of their side at cosine > 0.999; within the strip's margin
 * of that decided in double. */
#include "analysis/finish.h"

#include <math.h>

#define NEAR_DUPLICATE 0.999

static bool is_duplicate(const cgap_strip *s, const cgap_audit_sums *e, size_t r, size_t c)
{
  const double cosine = (double)s->cosine[r * s->stride + c];
  if (fabs(cosine - NEAR_DUPLICATE) > (double)s->row_margin[r])
    return cosine > NEAR_DUPLICATE;
  return cgap_strip_exact(s, e, r, c) > NEAR_DUPLICATE;
}

static void near_strip(const cgap_strip *s, const cgap_audit_sums *e, const cgap_audit_kernels *kernels,
                       cgap_sums *sums)
{
  (void)kernels;
  for (size_t r = 0; r < s->rows; r++) {
    if ((double)s->greatest[r] < NEAR_DUPLICATE - (double)s->row_margin[r])
      continue;
    for (size_t c = s->first[r]; c < s->columns; c++)
      if (is_duplicate(s, e, r, c)) {
        sums->row_counts[s->tile_row + r]++;
        sums->column_counts[c]++;
      }
  }
}

static void finish_modality(const cgap_modality *modality, const uint64_t *partners, cgap_check *out)
{
  *out = (cgap_check){0};
  for (size_t i = 0; i < modality->rows; i++) {
    if (partners[i] == 0)
      continue;
    out->count++;
    if (out->example_count < CGAP_EXAMPLES)
      out->examples[out->example_count++] = modality->file_row[i];
  }
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  (void)error;
  finish_modality(&e->image, cgap_sums_of(e, CGAP_IMAGE_IMAGE, &cgap_measure_near_duplicates)->row_counts,
                  &out->checks_image.near_duplicates);
  finish_modality(&e->text, cgap_sums_of(e, CGAP_TEXT_TEXT, &cgap_measure_near_duplicates)->row_counts,
                  &out->checks_text.near_duplicates);
  return CGAP_OK;
}

static const cgap_number numbers[] = {
  {"checks.image.not_finite.count", offsetof(cgap_audit, checks_image.not_finite.count), true, 0, 0},
  {"checks.image.zero.count", offsetof(cgap_audit, checks_image.zero.count), true, 0, 0},
  {"checks.image.off_unit.count", offsetof(cgap_audit, checks_image.off_unit.count), true, 0, 0},
  {"checks.image.constant_columns.count", offsetof(cgap_audit, checks_image.constant_columns.count), true, 0, 0},
  {"checks.image.duplicates.count", offsetof(cgap_audit, checks_image.duplicates.count), true, 0, 0},
  {"checks.image.near_duplicates.count", offsetof(cgap_audit, checks_image.near_duplicates.count), true, 0, 0},
  {"checks.text.not_finite.count", offsetof(cgap_audit, checks_text.not_finite.count), true, 0, 0},
  {"checks.text.zero.count", offsetof(cgap_audit, checks_text.zero.count), true, 0, 0},
  {"checks.text.off_unit.count", offsetof(cgap_audit, checks_text.off_unit.count), true, 0, 0},
  {"checks.text.constant_columns.count", offsetof(cgap_audit, checks_text.constant_columns.count), true, 0, 0},
  {"checks.text.duplicates.count", offsetof(cgap_audit, checks_text.duplicates.count), true, 0, 0},
  {"checks.text.near_duplicates.count", offsetof(cgap_audit, checks_text.near_duplicates.count), true, 0, 0},
};

const cgap_measure cgap_measure_near_duplicates = {
  .name = "near duplicates",
  .kinds = 1u << CGAP_IMAGE_IMAGE | 1u << CGAP_TEXT_TEXT,
  .need = {.row_counts = 1},
  .strip = near_strip,
  .basis = CGAP_ON_PAIRS,
  .finish = finish,
  .numbers = numbers,
  .number_count = sizeof numbers / sizeof *numbers,
};
