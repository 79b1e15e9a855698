/* Audits side by side, for a caller of the library: what `contragap compare` shows of files of embeddings. */
#include "base/language.h"
#include "base/source.h"
#include "head/evaluation/evaluation.h"
#include "report/audit_report.h"
#include "report/comparison_show.h"
#include "report/overview.h"

#include <stdlib.h>

/* Whose rows two audits are of, as far as the rows themselves tell. */
static cgap_rows_relation relate(const cgap_audit *a, const cgap_audit *b, bool independent, const char **why)
{
  *why =
    independent ? N_("the caller says so") : N_("the numbers of {images} or {texts}, or who belongs to whom, differ");
  return independent || !cgap_paired_possible(a, b) ? CGAP_ROWS_OTHER : cgap_rows_recognised(a, b, why);
}

/* Paired intervals where the rows are the first audit's, as far as the rows themselves tell. */
static cgap_status pair_with_first(cgap_comparison *c, size_t k, const cgap_audit *const *audits, bool independent,
                                   cgap_error *error)
{
  cgap_compared *in = &c->input[k];
  in->rows = relate(audits[0], audits[k], independent, &in->rows_why);
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
  return status;
}

/* All pairs of audits. */
static cgap_status open_overview(cgap_overview *out, const cgap_comparison *c, const cgap_audit *const *audits,
                                 bool independent, const char *sort, cgap_error *error)
{
  const size_t n = c->count;
  const char *why;
  cgap_rows_relation *relation = calloc(n * n, sizeof *relation);
  if (!relation)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < n; k++)
      relation[i * n + k] =
        i == k ? CGAP_ROWS_SAME : relate(audits[i < k ? i : k], audits[i < k ? k : i], independent, &why);
  const cgap_overview_options options = {.audit = audits, .relation = relation, .sort = sort};
  const cgap_status status = cgap_overview_init(out, c, &options, error);
  free(relation);
  return status;
}

static cgap_status print_overview_json(FILE *stream, const void *of, cgap_error *error)
{
  json_t *json = cgap_overview_json(of);
  const cgap_status status =
    json ? cgap_json_print(json, stream, error) : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  json_decref(json);
  return status;
}

static cgap_status print_overview_table(FILE *stream, const void *of, cgap_error *error)
{
  const cgap_paper paper = cgap_paper_plain(0);
  (void)error;
  cgap_overview_print(of, &paper, stream);
  return CGAP_OK;
}

static cgap_status print_overview_csv(FILE *stream, const void *of, cgap_error *error)
{
  (void)error;
  cgap_overview_csv(of, stream);
  return CGAP_OK;
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
  const cgap_paper paper = cgap_paper_plain(0);
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

/* `call` is the name of the public function. What is written is that of `writers`, by form; overview: of a
 * cgap_overview, else of a cgap_comparison. */
typedef struct compared_text {
  const char *call;
  cgap_text_writer *json, *table, *csv;
  bool overview;
  const char *sort;
} compared_text;

static cgap_status compare_text(char **out, const compared_text *t, const cgap_audit *const *audits,
                                const char *const *names, size_t count, bool independent, cgap_report_form form,
                                cgap_error *error)
{
  cgap_comparison c = {0};
  cgap_overview overview = {0};
  cgap_status status = cgap_check_argument(out, t->call, "out", error);
  if (status != CGAP_OK)
    return status;
  *out = NULL;
  cgap_text_writer *write = form == CGAP_REPORT_JSON    ? t->json
                            : form == CGAP_REPORT_TABLE ? t->table
                            : form == CGAP_REPORT_CSV   ? t->csv
                                                        : NULL;
  if (!write)
    return cgap_fail(error, CGAP_USAGE, "%s: form %d; give JSON, TABLE or CSV", t->call, (int)form);
  status = cgap_check_argument(audits && names, t->call, "audits or names", error);
  if (status == CGAP_OK && count < 2)
    status = cgap_fail(error, CGAP_USAGE, "%zu audit%s to compare; give two or more", count, count == 1 ? "" : "s");
  for (size_t k = 0; status == CGAP_OK && k < count; k++)
    status = cgap_check_argument(audits[k] && names[k], t->call, "one of the audits or names", error);
  if (status == CGAP_OK)
    status = cgap_comparison_init(&c, count, error);
  if (status == CGAP_OK)
    status = fill(&c, audits, names, independent, error);
  if (status == CGAP_OK && t->overview)
    status = open_overview(&overview, &c, audits, independent, t->sort, error);
  if (status == CGAP_OK)
    status = cgap_text_make(out, write, t->overview ? (const void *)&overview : &c, error);
  cgap_overview_clear(&overview);
  cgap_comparison_clear(&c);
  return status;
}

cgap_status cgap_compare_text(char **out, const cgap_audit *const *audits, const char *const *names, size_t count,
                              bool independent, cgap_report_form form, cgap_error *error)
{
  const compared_text t = {.call = "cgap_compare_text", .json = print_json, .table = print_table, .csv = print_csv};
  return compare_text(out, &t, audits, names, count, independent, form, error);
}

cgap_status cgap_overview_text(char **out, const cgap_audit *const *audits, const char *const *names, size_t count,
                               bool independent, const char *sort, cgap_report_form form, cgap_error *error)
{
  const compared_text t = {.call = "cgap_overview_text",
                           .json = print_overview_json,
                           .table = print_overview_table,
                           .csv = print_overview_csv,
                           .overview = true,
                           .sort = sort};
  return compare_text(out, &t, audits, names, count, independent, form, error);
}
