/* checks.{image,text}.near_duplicates: rows with another row of their modality at cosine > 0.999. */
#include "analysis/finish.h"

#define NEAR_DUPLICATE 0.999

/* The counts of a strip's rows and columns. */
typedef struct strip_partners {
  uint64_t *row, *column;
} strip_partners;

static void decide_pair(void *context, const cgap_close_pair *pair)
{
  const strip_partners *partners = context;
  const bool near = pair->cosine > NEAR_DUPLICATE;
  partners->row[pair->row] += near && pair->of_row;
  partners->column[pair->column] += near && pair->of_column;
}

static void near_strip(const cgap_strip *s, const cgap_audit_sums *e, const cgap_audit_kernels *kernels,
                       cgap_sums *sums)
{
  (void)e;
  double mark[CGAP_TILE];
  strip_partners partners = {.row = sums->row_counts + s->tile_row, .column = sums->column_counts};
  if (!cgap_strip_reaches(s, NEAR_DUPLICATE))
    return;
  for (size_t k = 0; k < CGAP_TILE; k++)
    mark[k] = NEAR_DUPLICATE;
  cgap_strip_compare(s, kernels, (cgap_marks){.low = mark, .high = mark, .above = partners.row},
                     (cgap_marks){.low = mark, .high = mark, .above = partners.column}, decide_pair, &partners);
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
  if (e->text.rows == 0)
    return CGAP_OK;
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
  {"checks.text.not_finite.count", offsetof(cgap_audit, checks_text.not_finite.count), true, CGAP_HAS_TEXT, 0},
  {"checks.text.zero.count", offsetof(cgap_audit, checks_text.zero.count), true, CGAP_HAS_TEXT, 0},
  {"checks.text.off_unit.count", offsetof(cgap_audit, checks_text.off_unit.count), true, CGAP_HAS_TEXT, 0},
  {"checks.text.constant_columns.count", offsetof(cgap_audit, checks_text.constant_columns.count), true, CGAP_HAS_TEXT,
   0},
  {"checks.text.duplicates.count", offsetof(cgap_audit, checks_text.duplicates.count), true, CGAP_HAS_TEXT, 0},
  {"checks.text.near_duplicates.count", offsetof(cgap_audit, checks_text.near_duplicates.count), true, CGAP_HAS_TEXT,
   0},
};

const cgap_measure cgap_measure_near_duplicates = {
  .name = "near duplicates",
  .kinds = 1u << CGAP_IMAGE_IMAGE | 1u << CGAP_TEXT_TEXT,
  .need = {.row_counts = 1},
  .strip = near_strip,
  .basis = CGAP_ON_PAIRS,
  .one_modality = true,
  .finish = finish,
  .numbers = numbers,
  .number_count = sizeof numbers / sizeof *numbers,
};
