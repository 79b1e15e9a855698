/* The table, in plain text and in Markdown, and the notes above it, on audits filled by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fields.h"
#include "report/text.h"
#include "report_support.h"

static char *table_of(const cgap_audit *audit, const char *name, bool markdown)
{
  char *text = NULL;
  size_t bytes;
  cgap_error error;
  FILE *out = open_memstream(&text, &bytes);
  cgap_status status = markdown ? cgap_markup_print(audit, name, CGAP_MARKDOWN, out, &error)
                                : cgap_table_print(audit, name, true, &(cgap_paper){.columns = 80}, out, &error);
  cr_assert_eq(status, CGAP_OK);
  cr_assert_eq(fclose(out), 0);
  return text;
}

static size_t columns(const char *line, size_t bytes)
{
  size_t count = 0;
  for (size_t i = 0; i < bytes; i++)
    count += ((unsigned char)line[i] & 0xC0) != 0x80;
  return count;
}

Test(table, fits_80_columns)
{
  cgap_audit audit;
  report_support_fill(&audit, ALL, 100000, 250000, 16);
  audit.image_to_text.mean_rank = (cgap_scalar){.value = 12345.678, .lo = 12300.1, .hi = 12400.2, .n = 3};
  audit.gap.rmg.why = "a reason that is much longer than what any line of eighty columns can hold at its end";
  audit.pairing_check.verdict = CGAP_PAIRING_SHUFFLED;
  audit.checks_image.off_unit.count = 100000;
  char *text =
    table_of(&audit, "a file with a fairly long name that goes on for more than one line of the table.h5", false);
  for (const char *line = text; *line;) {
    size_t length = strcspn(line, "\n");
    cr_expect_leq(columns(line, length), 80, "%.*s", (int)length, line);
    cr_expect(length == 0 || line[length - 1] != ' ', "a trailing blank: \"%.*s\"", (int)length, line);
    line += length + (line[length] == '\n');
  }
  cr_expect_null(strchr(text, '\033'), "colour without a terminal");
  cr_expect_not_null(strstr(text, "d = 16"), "d and its number on two lines");
  cr_expect_null(strstr(text, CGAP_NO_BREAK));
  free(text);
  report_support_clear(&audit);
}

Test(table, verdict_on_top_and_a_bad_pairing_before_it)
{
  cgap_audit audit;
  report_support_fill(&audit, ALL, 30, 40, 16);
  char *text = table_of(&audit, "x.h5", false);
  cr_expect_not_null(strstr(text, "The gap is severe"));
  cr_expect(strstr(text, "The gap is severe") < strstr(text, "Uniformity"));
  free(text);
  audit.pairing_check.verdict = CGAP_PAIRING_SHUFFLED;
  text = table_of(&audit, "x.h5", false);
  cr_expect(strstr(text, "look shuffled") && strstr(text, "look shuffled") < strstr(text, "The gap is severe"));
  free(text);
  report_support_clear(&audit);
}

Test(table, markdown_has_every_field_and_escapes_names)
{
  cgap_audit audit;
  report_support_fill(&audit, ALL, 30, 40, 16);
  char *text = table_of(&audit, "a_b<script>|c.h5", true);
  size_t rows = 0;
  for (const char *at = text; (at = strstr(at, "\n| ")); at++)
    rows++;
  cr_expect_eq(rows, cgap_field_count() + 2);
  cr_expect_null(strstr(text, "<script>"));
  cr_expect_not_null(strstr(text, "a\\_b&lt;script&gt;\\|c.h5"));
  free(text);
  report_support_clear(&audit);
}

/* The first note that has the words, or NULL. */
static const char *note_with(const cgap_audit *audit, const char *words, bool bad)
{
  static cgap_notes notes;
  cgap_notes_write(&notes, audit);
  for (size_t i = 0; i < notes.count; i++)
    if (strstr(notes.text[i], words) && notes.bad[i] == bad)
      return notes.text[i];
  return NULL;
}

Test(notes, nothing_to_say_of_sound_data)
{
  cgap_audit audit;
  cgap_notes notes;
  report_support_fill(&audit, ALL, 30, 40, 16);
  audit.gap.linear_separability.value = 0.5;
  cgap_notes_write(&notes, &audit);
  cr_expect_eq(notes.count, 0, "%s", notes.text[0]);
  report_support_clear(&audit);
}

Test(notes, a_shift_has_a_direction)
{
  cgap_audit audit;
  report_support_fill(&audit, ALL, 30, 40, 16);
  audit.pairing_check.shift = 1;
  cr_expect_not_null(note_with(&audit, "text i belongs to image i + 1: the texts must move down by 1 row.", true));
  audit.pairing_check.verdict = CGAP_PAIRING_SHUFFLED;
  audit.pairing_check.shift = -2;
  cr_expect_not_null(note_with(&audit, "text i belongs to image i - 2: the texts must move up by 2 rows.", true));
  cr_expect_not_null(note_with(&audit, "look shuffled, or the model does not match images with texts", true));
  report_support_clear(&audit);
}

Test(notes, data_measured_against_themselves)
{
  cgap_audit audit;
  report_support_fill(&audit, ALL, 40, 40, 16);
  for (size_t j = 0; j < 19; j++)
    audit.pair_cosine[j] = 1;
  cr_expect_null(note_with(&audit, "pairs equal", true));
  audit.pair_cosine[19] = 1;
  cr_expect_not_null(note_with(&audit, "(20 of 40 pairs equal)", true));
  for (size_t j = 0; j < 40; j++)
    audit.pair_cosine[j] = 1 - 1e-13;
  cr_expect_not_null(note_with(&audit, "Image and text are the same rows (40 of 40 pairs equal)", true));
  report_support_clear(&audit);
}

Test(notes, repeated_images)
{
  cgap_audit audit;
  report_support_fill(&audit, ALL, 150, 150, 16);
  audit.checks_image.duplicates = (cgap_check){.count = 29, .examples = {1, 2}, .example_count = 2};
  cr_expect_not_null(note_with(&audit, "29 image rows repeat an earlier row exactly (first: 1, 2).", false));
  cr_expect_null(note_with(&audit, "--merge-images", true));
  audit.checks_image.duplicates.count = 120;
  cr_expect_not_null(
    note_with(&audit, "Each image occurs about 5 times (120 of 150 rows are copies): recall counts", true));
  cr_expect_null(note_with(&audit, "repeat an earlier row", false));
  audit.merged_images = 120;
  audit.images = 30;
  cr_expect_not_null(note_with(&audit, "120 repeated image rows were merged: 30 images are left", false));
  cr_expect_null(note_with(&audit, "--merge-images", true));
  cr_expect_null(note_with(&audit, "repeat an earlier row", false));
  audit.checks_text.duplicates.count = 1;
  cr_expect_not_null(note_with(&audit, "1 text row repeats an earlier row exactly.", false));
  report_support_clear(&audit);
}

Test(notes, rows_that_are_all_equal_and_few_rows)
{
  cgap_audit audit;
  cgap_notes notes;
  report_support_fill(&audit, ALL, 3, 3, 16);
  cr_expect_not_null(note_with(&audit, "Only 3 pairs: ", true));
  audit.pca_image.participation_ratio.why = "all rows are equal";
  audit.checks_image.duplicates.count = 2;
  audit.pairing_check = (cgap_pairing_check){.matched_mean = 1, .shuffled_mean = 1, .z = NAN};
  audit.pairing_check.verdict = CGAP_PAIRING_UNCLEAR;
  cgap_notes_write(&notes, &audit);
  cr_expect(strstr(notes.text[0], "All image rows are the same") == notes.text[0], "%s", notes.text[0]);
  cr_expect_null(note_with(&audit, "nan", true));
  cr_expect_null(note_with(&audit, "pairing", true));
  cr_expect_null(note_with(&audit, "--merge-images", true));
  char *text = table_of(&audit, "x.h5", false);
  cr_expect_null(strstr(text, "nan"));
  cr_expect_not_null(strstr(text, "  n/a: all rows are equal\n"));
  free(text);
  report_support_clear(&audit);
}

Test(notes, norms_of_both_sides_in_one_line)
{
  cgap_audit audit;
  report_support_fill(&audit, 0, 100, 200, 16);
  audit.checks_image.off_unit.count = 100;
  audit.checks_text.off_unit.count = 7;
  audit.checks_image.norm_mean = 10.5;
  cr_expect_not_null(
    note_with(&audit, "100 of 100 image rows (mean norm 10.5) and 7 of 200 text rows (mean norm 1).", false));
  report_support_clear(&audit);
}
