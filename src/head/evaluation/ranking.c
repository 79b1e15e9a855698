#include "head/evaluation/ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "head/evaluation/changes.h"
#include "head/evaluation/evaluation.h"

/* ---------------------------------------------------------------- which measures */

/* The most telling first; what else has a better direction follows in the order of the table of fields. */
static const char *const FIRST[] = {"gap.corrected_distance",
                                    "retrieval.image_to_text.recall_at_1",
                                    "retrieval.text_to_image.recall_at_1",
                                    "zero_shot.top_1",
                                    "mixed_retrieval.image_query.ndcg_at_10",
                                    "mixed_retrieval.text_query.ndcg_at_10",
                                    "alignment.mean_squared_distance",
                                    "uniformity.image",
                                    "uniformity.text",
                                    "uniformity.cross",
                                    "loss.clip",
                                    "gap.mmd2",
                                    "gap.linear_separability",
                                    "gap.rmg",
                                    "retrieval.image_to_text.recall_at_10",
                                    "retrieval.text_to_image.recall_at_10",
                                    "retrieval.image_to_text.mrr",
                                    "retrieval.text_to_image.mrr",
                                    "zero_shot.mean_per_class",
                                    "arithmetic.score",
                                    "mixed.same_modality_share",
                                    "agreement.cka",
                                    "hubness.image_to_text.skewness",
                                    "hubness.text_to_image.skewness",
                                    "zero_shot.top_5",
                                    "gap.centroid_distance",
                                    "pca.joint.isoscore"};

static bool is_known_in_two(const cgap_comparison *c, size_t entry)
{
  size_t known = 0;
  for (size_t k = 0; k < c->count; k++)
    known += isfinite(cgap_ranking_value(c, k, entry));
  return known > 1;
}

size_t cgap_ranking_entries(size_t *out, const cgap_comparison *c, bool all)
{
  bool wanted[c->entries];
  size_t count = 0, fields = cgap_field_count();
  for (size_t e = 0; e < c->entries; e++)
    wanted[e] = all && e < fields && is_known_in_two(c, e);
  for (size_t i = 0; !all && i < sizeof FIRST / sizeof *FIRST + fields && count < CGAP_RANKING_MEASURES; i++) {
    const size_t listed = sizeof FIRST / sizeof *FIRST, e = i < listed ? cgap_entry_find(FIRST[i]) : i - listed;
    if (e < fields && !wanted[e] && cgap_entry_better(e) != CGAP_NEITHER && is_known_in_two(c, e)) {
      wanted[e] = true;
      count++;
    }
  }
  count = 0;
  for (size_t e = 0; e < fields; e++)
    if (wanted[e])
      out[count++] = e;
  return count;
}

/* ---------------------------------------------------------------- values */

double cgap_ranking_value(const cgap_comparison *c, size_t k, size_t entry)
{
  const cgap_compared *in = &c->input[k];
  return in->present[entry] && !in->scalar[entry].why ? in->scalar[entry].value : NAN;
}

double cgap_ranking_score(const cgap_comparison *c, size_t k, size_t entry)
{
  const double value = cgap_ranking_value(c, k, entry);
  if (strcmp(cgap_entry_key(entry), "uniformity.cross") == 0) {
    const double sphere = cgap_ranking_value(c, k, cgap_entry_find("uniformity.sphere"));
    return isfinite(sphere) ? fabs(value - sphere) : value;
  }
  return cgap_entry_better(entry) == CGAP_LOWER ? value : -value;
}

void cgap_ranking_order(size_t *order, const cgap_comparison *c, size_t entry)
{
  for (size_t i = 0; i < c->count; i++) {
    const double score = cgap_ranking_score(c, i, entry);
    size_t at = i;
    /* NaN is worse than any number, and equal to itself */
    for (; at > 0; at--) {
      const double before = cgap_ranking_score(c, order[at - 1], entry);
      if (!(score < before || (isnan(before) && !isnan(score))))
        break;
      order[at] = order[at - 1];
    }
    order[at] = i;
  }
}

double cgap_change_p(const cgap_change *d)
{
  if (!isfinite(d->difference) || !isfinite(d->lo) || !isfinite(d->hi))
    return NAN;
  if (d->same || d->difference == 0)
    return 1;
  const double half = d->difference > 0 ? d->difference - d->lo : d->hi - d->difference;
  return half > 0 ? erfc(1.959963984540054 * fabs(d->difference) / half / sqrt(2)) : 0;
}

/* ---------------------------------------------------------------- best */

/* Input `best` less input `other`, all entries: two inputs as a comparison of their own, whose change is the caller's
 * (2, entries). */
static cgap_status compare_two(cgap_change *change, const cgap_comparison *c, size_t other, size_t best,
                               const cgap_audit *const *audit, const cgap_rows_relation *relation, cgap_error *error)
{
  cgap_compared input[] = {c->input[other], c->input[best]};
  cgap_comparison two = {.count = 2, .entries = c->entries, .input = input, .change = change};
  const cgap_rows_relation rows = relation[other * c->count + best];
  const bool paired = (rows == CGAP_ROWS_SAME || rows == CGAP_ROWS_ASSUMED) && audit[other] && audit[best] &&
                      cgap_paired_possible(audit[other], audit[best]);
  cgap_comparison_differences(&two, 1);
  return paired ? cgap_paired_differences(&two, 1, audit[other], audit[best], error) : CGAP_OK;
}

/* The best and the next by their scores. */
static void find_best(cgap_ranked *m, const cgap_comparison *c)
{
  size_t order[c->count];
  m->better = cgap_entry_better(m->entry);
  m->best = m->next = SIZE_MAX;
  cgap_ranking_order(order, c, m->entry);
  if (m->better == CGAP_NEITHER || !isfinite(cgap_ranking_value(c, order[1], m->entry)))
    return;
  m->best = order[0];
  m->next = order[1];
}

static cgap_status fill_leads(cgap_ranking *r, const cgap_comparison *c, const cgap_audit *const *audit,
                              const cgap_rows_relation *relation, cgap_error *error)
{
  cgap_change *change = cgap_zalloc(2 * c->entries, sizeof *change);
  cgap_status status = change ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t best = 0; best < c->count; best++) {
    bool any = false;
    for (size_t m = 0; m < r->count; m++)
      any = any || r->measure[m].best == best;
    for (size_t k = 0; any && status == CGAP_OK && k < c->count; k++) {
      if (k == best)
        continue;
      status = compare_two(change, c, k, best, audit, relation, error);
      for (size_t m = 0; status == CGAP_OK && m < r->count; m++)
        if (r->measure[m].best == best)
          r->measure[m].lead[k].change = change[c->entries + r->measure[m].entry];
    }
  }
  cgap_free(change);
  return status;
}

/* A measure that depends on what its inputs differ in has no best one; nor has one whose best are the same. */
static void withdraw(cgap_ranked *m, size_t inputs)
{
  if (m->best == SIZE_MAX)
    return;
  for (size_t k = 0; k < inputs; k++)
    if (k != m->best && m->lead[k].change.other != CGAP_OTHER_NONE)
      m->other = m->lead[k].change.other;
  if (m->other == CGAP_OTHER_NONE && !m->lead[m->next].change.same)
    return;
  m->best = m->next = SIZE_MAX;
  for (size_t k = 0; k < inputs; k++)
    m->lead[k].change = (cgap_change){.difference = NAN, .lo = NAN, .hi = NAN};
}

static cgap_status correct(cgap_ranking *r, cgap_ranked *m, cgap_error *error)
{
  double p[r->inputs], holm[r->inputs];
  size_t tests = 0;
  for (size_t k = 0; k < r->inputs; k++) {
    m->lead[k].p = cgap_change_p(&m->lead[k].change);
    if (isfinite(m->lead[k].p))
      p[tests++] = m->lead[k].p;
  }
  const cgap_status status = tests ? cgap_holm(holm, p, tests, error) : CGAP_OK;
  for (size_t k = 0, t = 0; status == CGAP_OK && k < r->inputs; k++)
    m->lead[k].p_holm = isfinite(m->lead[k].p) ? holm[t++] : NAN;
  r->tests += tests;
  return status;
}

static void mark(cgap_ranked *m, const cgap_comparison *c)
{
  m->significant = m->best != SIZE_MAX;
  for (size_t k = 0; k < c->count && m->significant; k++)
    if (k != m->best && isfinite(cgap_ranking_value(c, k, m->entry)))
      m->significant = m->lead[k].p_holm < 0.05;
}

cgap_status cgap_ranking_init(cgap_ranking *out, const cgap_comparison *c, const size_t *entries, size_t count,
                              const cgap_audit *const *audit, const cgap_rows_relation *relation, cgap_error *error)
{
  *out = (cgap_ranking){.inputs = c->count, .count = count};
  out->measure = calloc(count + 1, sizeof *out->measure);
  out->leads = calloc(count * c->count + 1, sizeof *out->leads);
  cgap_status status =
    out->measure && out->leads ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu measures", count);
  for (size_t i = 0; status == CGAP_OK && i < count * c->count; i++)
    out->leads[i] = (cgap_lead){.change = {.difference = NAN, .lo = NAN, .hi = NAN}, .p = NAN, .p_holm = NAN};
  for (size_t m = 0; status == CGAP_OK && m < count; m++) {
    out->measure[m] = (cgap_ranked){.entry = entries[m], .lead = out->leads + m * c->count};
    find_best(&out->measure[m], c);
  }
  if (status == CGAP_OK)
    status = fill_leads(out, c, audit, relation, error);
  for (size_t m = 0; status == CGAP_OK && m < count; m++)
    withdraw(&out->measure[m], c->count);
  for (size_t m = 0; status == CGAP_OK && m < count; m++)
    status = correct(out, &out->measure[m], error);
  for (size_t m = 0; status == CGAP_OK && m < count; m++)
    mark(&out->measure[m], c);
  if (status != CGAP_OK)
    cgap_ranking_clear(out);
  return status;
}

void cgap_ranking_clear(cgap_ranking *r)
{
  free(r->measure);
  free(r->leads);
  *r = (cgap_ranking){0};
}
