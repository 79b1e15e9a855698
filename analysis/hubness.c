/* hubness.*: how often each target is among the k nearest of all queries (the k-occurrence), k = min(10, targets);
 * within a modality, whose rows are queries and targets, among the k = min(10, N − 1) nearest other rows. skewness of
 * the k-occurrence (Radovanović et al. 2010; biased, m3/m2^(3/2)); robin_hood, the fraction of occurrences that would
 * have to move to make all equal (Feldbauer et al. 2018); anti_hub_share, targets that never occur. */
#include "analysis/finish.h"
#include "analysis/interval.h"
#include "base/memory.h"

#include <math.h>

static void count_occurrences(const cgap_neighbours *queries, size_t k, uint64_t *count)
{
  for (size_t q = 0; q < queries->rows; q++)
    for (size_t n = 0; n < k && queries->list[q * CGAP_NEIGHBOURS + n].row != UINT32_MAX; n++)
      count[queries->list[q * CGAP_NEIGHBOURS + n].row]++;
}

static void finish_hubs(const uint64_t *count, const cgap_modality *targets, cgap_hubness *out)
{
  for (size_t t = 0; t < targets->rows; t++) {
    size_t place = out->hub_count;
    for (; place > 0 && count[t] > out->hubs[place - 1].count; place--)
      if (place < CGAP_HUBS)
        out->hubs[place] = out->hubs[place - 1];
    if (place < CGAP_HUBS) {
      out->hubs[place] = (cgap_hub){.row = targets->file_row[t], .count = count[t]};
      out->hub_count += out->hub_count < CGAP_HUBS;
    }
  }
}

/* candidates: how many targets a query may find. */
static cgap_status finish_direction(const cgap_neighbours *queries, const cgap_modality *targets, size_t candidates,
                                    cgap_hubness *out, cgap_error *error)
{
  const size_t n = targets->rows, k = candidates < CGAP_NEIGHBOURS ? candidates : CGAP_NEIGHBOURS;
  uint64_t *count = cgap_zalloc(n, sizeof *count);
  if (!count)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu counts", n);
  count_occurrences(queries, k, count);
  const double mean = (double)queries->rows * (double)k / (double)n;
  double second = 0, third = 0, away = 0, never = 0;
  for (size_t t = 0; t < n; t++) {
    const double d = (double)count[t] - mean;
    second += d * d;
    third += d * d * d;
    away += fabs(d);
    never += count[t] == 0;
  }
  second /= (double)n;
  third /= (double)n;
  out->skewness = second > 0 ? cgap_scalar_number(third / (second * sqrt(second)), n)
                             : cgap_scalar_null("every target occurs equally often", n);
  out->robin_hood = cgap_scalar_number(0.5 * away / (mean * (double)n), n);
  out->anti_hub_share = cgap_scalar_number(never / (double)n, n);
  finish_hubs(count, targets, out);
  cgap_free(count);
  return CGAP_OK;
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  if (e->text.rows == 0)
    return finish_direction(&e->image_image, &e->image, e->image.rows - 1, &out->hubs_image, error);
  if (!e->paired)
    return CGAP_OK;
  cgap_status status = finish_direction(&e->image_text, &e->text, e->text.rows, &out->hubs_image_to_text, error);
  return status ? status : finish_direction(&e->text_image, &e->image, e->image.rows, &out->hubs_text_to_image, error);
}

static const cgap_field fields[] = {
  {"hubness.image_to_text.skewness", "skewness", CGAP_GROUP_HUBNESS, 0,
   offsetof(cgap_audit, hubs_image_to_text.skewness), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Skewness of how often a row is among the 10 nearest of the other modality's queries.",
   "Radovanović et al. 2010, JMLR 11"},
  {"hubness.text_to_image.skewness", "skewness", CGAP_GROUP_HUBNESS, 1,
   offsetof(cgap_audit, hubs_text_to_image.skewness), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Skewness of how often a row is among the 10 nearest of the other modality's queries.",
   "Radovanović et al. 2010, JMLR 11"},
  {"hubness.image_to_text.robin_hood", "Robin Hood index", CGAP_GROUP_HUBNESS, 0,
   offsetof(cgap_audit, hubs_image_to_text.robin_hood), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Share of neighbour places that would have to move for all rows to be hit alike.", "Feldbauer et al. 2018, ICBK"},
  {"hubness.text_to_image.robin_hood", "Robin Hood index", CGAP_GROUP_HUBNESS, 1,
   offsetof(cgap_audit, hubs_text_to_image.robin_hood), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Share of neighbour places that would have to move for all rows to be hit alike.", "Feldbauer et al. 2018, ICBK"},
  {"hubness.image_to_text.anti_hub_share", "anti-hub share", CGAP_GROUP_HUBNESS, 0,
   offsetof(cgap_audit, hubs_image_to_text.anti_hub_share), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Share of rows that no query has among its 10 nearest.", "Radovanović et al. 2010, JMLR 11"},
  {"hubness.text_to_image.anti_hub_share", "anti-hub share", CGAP_GROUP_HUBNESS, 1,
   offsetof(cgap_audit, hubs_text_to_image.anti_hub_share), 4, CGAP_LOWER, CGAP_HAS_PAIRS,
   "Share of rows that no query has among its 10 nearest.", "Radovanović et al. 2010, JMLR 11"},
  {"hubness.image.skewness", "skewness", CGAP_GROUP_HUBS_WITHIN, 0, offsetof(cgap_audit, hubs_image.skewness), 4,
   CGAP_LOWER, CGAP_HAS_HUBS_WITHIN, "Skewness of how often a row is among the 10 nearest other rows of its modality.",
   "Radovanović et al. 2010, JMLR 11"},
  {"hubness.text.skewness", "skewness", CGAP_GROUP_HUBS_WITHIN, 1, offsetof(cgap_audit, hubs_text.skewness), 4,
   CGAP_LOWER, CGAP_HAS_HUBS_WITHIN | CGAP_HAS_TEXT,
   "Skewness of how often a row is among the 10 nearest other rows of its modality.",
   "Radovanović et al. 2010, JMLR 11"},
  {"hubness.image.robin_hood", "Robin Hood index", CGAP_GROUP_HUBS_WITHIN, 0,
   offsetof(cgap_audit, hubs_image.robin_hood), 4, CGAP_LOWER, CGAP_HAS_HUBS_WITHIN,
   "Share of neighbour places that would have to move for all rows to be hit alike.", "Feldbauer et al. 2018, ICBK"},
  {"hubness.text.robin_hood", "Robin Hood index", CGAP_GROUP_HUBS_WITHIN, 1, offsetof(cgap_audit, hubs_text.robin_hood),
   4, CGAP_LOWER, CGAP_HAS_HUBS_WITHIN | CGAP_HAS_TEXT,
   "Share of neighbour places that would have to move for all rows to be hit alike.", "Feldbauer et al. 2018, ICBK"},
  {"hubness.image.anti_hub_share", "anti-hub share", CGAP_GROUP_HUBS_WITHIN, 0,
   offsetof(cgap_audit, hubs_image.anti_hub_share), 4, CGAP_LOWER, CGAP_HAS_HUBS_WITHIN,
   "Share of rows that no other row has among its 10 nearest.", "Radovanović et al. 2010, JMLR 11"},
  {"hubness.text.anti_hub_share", "anti-hub share", CGAP_GROUP_HUBS_WITHIN, 1,
   offsetof(cgap_audit, hubs_text.anti_hub_share), 4, CGAP_LOWER, CGAP_HAS_HUBS_WITHIN | CGAP_HAS_TEXT,
   "Share of rows that no other row has among its 10 nearest.", "Radovanović et al. 2010, JMLR 11"},
};

const cgap_measure cgap_measure_hubness = {
  .name = "hubness",
  .basis = CGAP_ON_NEIGHBOURS,
  .one_modality = true,
  .finish = finish,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
