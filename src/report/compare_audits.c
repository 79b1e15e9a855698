/* Audits side by side, for a caller of the library: what `contragap compare` shows of files of embeddings. */
#include "base/source.h"
#include "head/evaluation/evaluation.h"
#include "report/audit_report.h"
#include "report/comparison_show.h"

/* Paired intervals where the rows are the first audit's, as far as the rows themselves tell. */
static cgap_status pair_with_first(cgap_comparison *c, size_t k, const cgap_audit *const *audits, bool independent,
                                   cgap_error *error)
{
  cgap_compared *in = &c->input[k];
  in->rows = CGAP_ROWS_OTHER;
  in->rows_why = independent ? "the caller says so" : "the numbers of images or texts, or who belongs to whom, differ";
  if (independent || !cgap_paired_possible(audits[0], audits[k]))
    return CGAP_OK;
  in->rows = cgap_rows_recognised(audits[0], audits[k], &in->rows_why);
  return in->rows == CGAP_ROWS_SAME || in->rows == CGAP_ROWS_ASSUMED
           ? cgap_paired_differences(c, k, audits[0], audits[k], error)
           : CGAP_OK;
}

static cgap_status fill(cgap_comparison *c, const cgap_audit *const *audits, const char *const *names, bool independent,
                        cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < c->count; k++)
    status = cgap_comparison_audit(c, k, names[k], audits[k], error);
  for (size_t k = 1; status == CGAP_OK && k < c->count; k++) {
    cgap_comparison_differences(c, k);
    status = pair_with_first(c, k, audits, independent, error);
  }
  cgap_comparison_name_intervals(c);
  return status;
}

static cgap_status print_json(FILE *stream, const void *of, cgap_error *error)
{
  json_t *json = cgap_comparison_json(of);
  const cgap_status status =
    json ? cgap_json_print(json, stream, error) : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  json_decref(json);
  return status;
}

static cgap_status print_table(FILE *stream, const void *of, cgap_error *error)
{
  const cgap_comparison *c = of;
  const cgap_paper paper = {.columns = 80};
  (void)error;
  cgap_comparison_print_words(c, &paper, stream);
  for (size_t k = 1; k < c->count; k++) {
    fputc('\n', stream);
    cgap_comparison_print(c, k, 0, 0, false, &paper, stream);
  }
  return CGAP_OK;
}

static cgap_status print_csv(FILE *stream, const void *of, cgap_error *error)
{
  (void)error;
  cgap_comparison_csv(of, stream);
  return CGAP_OK;
}

cgap_status cgap_compare_text(char **out, const cgap_audit *const *audits, const char *const *names, size_t count,
                              bool independent, cgap_report_form form, cgap_error *error)
{
  cgap_comparison c = {0};
  cgap_status status = cgap_check_argument(out, "cgap_compare_text", "out", error);
  if (status != CGAP_OK)
    return status;
  *out = NULL;
  if (form != CGAP_REPORT_JSON && form != CGAP_REPORT_TABLE && form != CGAP_REPORT_CSV)
    return cgap_fail(error, CGAP_USAGE, "cgap_compare_text: form %d; give JSON, TABLE or CSV", (int)form);
  status = cgap_check_argument(audits && names, "cgap_compare_text", "audits or names", error);
  if (status == CGAP_OK && count < 2)
    status = cgap_fail(error, CGAP_USAGE, "%zu audit%s to compare; give two or more", count, count == 1 ? "" : "s");
  for (size_t k = 0; status == CGAP_OK && k < count; k++)
    status = cgap_check_argument(audits[k] && names[k], "cgap_compare_text", "one of the audits or names", error);
  if (status == CGAP_OK)
    status = cgap_comparison_init(&c, count, error);
  if (status == CGAP_OK)
    status = fill(&c, audits, names, independent, error);
  if (status == CGAP_OK)
    status = cgap_text_make(out,
                            form == CGAP_REPORT_JSON  ? print_json
                            : form == CGAP_REPORT_CSV ? print_csv
                                                      : print_table,
                            &c, error);
  cgap_comparison_clear(&c);
  return status;
}
