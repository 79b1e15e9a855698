#include "head/evaluation/comparison.h"
#include "analysis/fields.h"
#include "analysis/measure.h"
#include "base/language.h"
#include "base/memory.h"
#include <stdio.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

cgap_status cgap_comparison_init(cgap_comparison *out, size_t count, cgap_error *error)
{
  *out = (cgap_comparison){.count = count, .entries = cgap_field_count() + cgap_number_count()};
  out->input = calloc(count, sizeof *out->input);
  out->change = calloc(count * out->entries, sizeof *out->change);
  bool ok = out->input && out->change;
  for (size_t k = 0; ok && k < count; k++) {
    out->input[k].scalar = calloc(out->entries, sizeof(cgap_scalar));
    out->input[k].present = calloc(out->entries, sizeof(bool));
    out->input[k].seconds = NAN;
    ok = out->input[k].scalar && out->input[k].present;
  }
  if (ok)
    return CGAP_OK;
  cgap_comparison_clear(out);
  return cgap_fail(error, CGAP_RESOURCE, "out of memory");
}

void cgap_comparison_clear(cgap_comparison *c)
{
  for (size_t k = 0; c->input && k < c->count; k++) {
    free(c->input[k].name);
    free(c->input[k].trained_on);
    free(c->input[k].scalar);
    free(c->input[k].present);
  }
  free(c->input);
  free(c->change);
  *c = (cgap_comparison){0};
}

/* "pairs.h5", then "pairs.h5 (2)" */
cgap_status cgap_comparison_set_name(cgap_comparison *c, size_t k, const char *name, cgap_error *error)
{
  const size_t capacity = strlen(name) + 32;
  char *own = malloc(capacity);
  if (!own)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  snprintf(own, capacity, "%s", name);
  size_t same = 1;
  for (size_t i = 0; i < c->count; i++)
    if (i != k && c->input[i].name && strcmp(c->input[i].name, own) == 0) {
      snprintf(own, capacity, "%s (%zu)", name, ++same);
      i = (size_t)-1;
    }
  free(c->input[k].name);
  c->input[k].name = own;
  return CGAP_OK;
}

const char *cgap_entry_key(size_t entry)
{
  return entry < cgap_field_count() ? cgap_field_at(entry)->key : cgap_number_at(entry - cgap_field_count())->key;
}

size_t cgap_entry_find(const char *key)
{
  for (size_t e = 0; e < cgap_field_count() + cgap_number_count(); e++)
    if (strcmp(cgap_entry_key(e), key) == 0)
      return e;
  return SIZE_MAX;
}

cgap_better cgap_entry_better(size_t entry)
{
  return entry < cgap_field_count() ? cgap_field_at(entry)->better : CGAP_NEITHER;
}

/* How far an input's cross uniformity is from that of the uniform distribution in its dimension; NaN: not known. */
static double from_uniform(const cgap_compared *in, size_t entry)
{
  const size_t sphere = cgap_entry_find("uniformity.sphere");
  return in->present[sphere] ? fabs(in->scalar[entry].value - in->scalar[sphere].value) : NAN;
}

cgap_better cgap_comparison_better(const cgap_comparison *c, size_t k, size_t entry)
{
  const cgap_better better = cgap_entry_better(entry);
  if (strcmp(cgap_entry_key(entry), "uniformity.cross") != 0)
    return better;
  const double a = from_uniform(&c->input[0], entry), b = from_uniform(&c->input[k], entry);
  if (!isfinite(a) || !isfinite(b))
    return better;
  return (b < a) == (c->change[k * c->entries + entry].difference < 0) ? CGAP_LOWER : CGAP_HIGHER;
}

static cgap_scalar number_scalar(double value, const char *why)
{
  return (cgap_scalar){.value = value, .lo = NAN, .hi = NAN, .why = isfinite(value) ? NULL : why ? why : "null"};
}

void cgap_comparison_call_modalities(cgap_comparison *c, const cgap_modality_names *names, bool has_texts)
{
  static const char *const IN_ORDER[] = {"first", "second"};
  for (int m = 0; m < (has_texts ? 2 : 1); m++) {
    const char *name = cgap_modality_name(names->of[m], m);
    char *all = c->names.of[m];
    /* "image" may be what nothing is known of: it gives way to "query", not to "audio" */
    const bool given = strcmp(name, cgap_modality_name(NULL, m)) != 0,
               given_before = strcmp(all, cgap_modality_name(NULL, m)) != 0;
    if (!all[0] || (!given_before && !cgap_is_modality_name(name))) {
      snprintf(all, CGAP_NAME_SIZE, "%s", name);
    } else if (strcmp(all, name) != 0 && (given || cgap_is_modality_name(all))) {
      snprintf(all, CGAP_NAME_SIZE, "%s", IN_ORDER[m]);
      c->names_differ = true;
    }
  }
}

cgap_status cgap_comparison_audit(cgap_comparison *c, size_t k, const char *name, const cgap_audit *audit,
                                  cgap_error *error)
{
  cgap_compared *in = &c->input[k];
  in->dim = audit->dim;
  in->text_dim = audit->text_dim;
  cgap_comparison_call_modalities(c, &audit->names, audit->text_dim > 0);
  for (size_t e = 0; e < c->entries; e++) {
    if (e < cgap_field_count()) {
      in->present[e] = cgap_field_present(audit, cgap_field_at(e));
      in->scalar[e] = *cgap_field_scalar(audit, cgap_field_at(e));
    } else {
      const cgap_key_value found = cgap_key_find(audit, cgap_entry_key(e));
      in->present[e] = found.present;
      in->scalar[e] = number_scalar(found.value, found.why);
    }
  }
  return cgap_comparison_set_name(c, k, name, error);
}

bool cgap_comparison_trained_on(const cgap_comparison *c, size_t k, size_t entry)
{
  return cgap_terms_train(c->input[k].trained, cgap_entry_key(entry));
}

static bool has_interval(const cgap_scalar *s)
{
  return isfinite(s->lo) && isfinite(s->hi);
}

static cgap_change change_of(const cgap_scalar *a, const cgap_scalar *b)
{
  cgap_change d = {.difference = b->value - a->value, .lo = NAN, .hi = NAN};
  if (has_interval(a) && has_interval(b)) {
    d.lo = d.difference - hypot(b->value - b->lo, a->hi - a->value);
    d.hi = d.difference + hypot(b->hi - b->value, a->value - a->lo);
  }
  return d;
}

static bool begins_with_any(const char *key, const char *const *beginnings, size_t count)
{
  for (size_t k = 0; k < count; k++)
    if (strncmp(key, beginnings[k], strlen(beginnings[k])) == 0)
      return true;
  return false;
}

/* Ranks and losses grow with the number of candidates; queries drawn from all say nothing of that, their candidates
 * are all rows. Neighbours and what a line learns are of the n rows alone, drawn or not. */
static bool is_other_n(size_t entry, const cgap_scalar *a, const cgap_scalar *b)
{
  static const char *const CANDIDATES[] = {"retrieval.", "mixed_retrieval.", "csls.", "loss."};
  static const char *const ROWS[] = {"hubness.", "mixed.", "gap.linear_separability", "gap.separability_auc"};
  const char *key = cgap_entry_key(entry);
  if (a->n == 0 || b->n == 0 || a->n == b->n)
    return false;
  if (begins_with_any(key, ROWS, sizeof ROWS / sizeof *ROWS))
    return true;
  return a->method != CGAP_SAMPLED && b->method != CGAP_SAMPLED &&
         begins_with_any(key, CANDIDATES, sizeof CANDIDATES / sizeof *CANDIDATES);
}

/* The uniform distribution's value and the most that a spectrum can spread over go with d, which of one modality may
 * differ alone. */
static bool is_other_d(size_t entry, const cgap_compared *a, const cgap_compared *b)
{
  static const char *const OF_DIMENSION[] = {"uniformity.", "pca."};
  const char *key = cgap_entry_key(entry);
  const bool images = a->dim && b->dim && a->dim != b->dim,
             texts = a->text_dim && b->text_dim && a->text_dim != b->text_dim;
  if (!begins_with_any(key, OF_DIMENSION, sizeof OF_DIMENSION / sizeof *OF_DIMENSION))
    return false;
  return (images && !strstr(key, ".text")) || (texts && !strstr(key, ".image"));
}

/* Whether a difference is no more than rounding makes: 1e-12 of the scale, which is 1 or the values'; of what is summed
 * over float32 cosines, which is exact to 1e-6, that; of the distance, which is a root, as far as the squares differ.
 */
static bool is_rounding(size_t entry, double a, double b)
{
  static const char *const SUMMED[] = {"uniformity.", "loss."};
  const char *key = cgap_entry_key(entry);
  const double scale = fmax(1, fmax(fabs(a), fabs(b)));
  if (strcmp(key, "gap.corrected_distance") == 0)
    return fabs(b * b - a * a) <= 1e-12;
  return fabs(b - a) <= scale * (begins_with_any(key, SUMMED, sizeof SUMMED / sizeof *SUMMED) ? 1e-6 : 1e-12);
}

void cgap_comparison_mark_same(cgap_comparison *c, size_t k, bool same_rows)
{
  for (size_t e = 0; e < c->entries; e++) {
    cgap_change *d = &c->change[k * c->entries + e];
    if (!isfinite(d->difference))
      continue;
    d->same = same_rows || is_rounding(e, c->input[0].scalar[e].value, c->input[k].scalar[e].value);
    if (d->same && isfinite(d->lo)) {
      d->lo = fmin(d->lo, 0);
      d->hi = fmax(d->hi, 0);
    }
  }
}

void cgap_comparison_differences(cgap_comparison *c, size_t k)
{
  const cgap_compared *a = &c->input[0], *b = &c->input[k];
  for (size_t e = 0; e < c->entries; e++) {
    const bool both = a->present[e] && b->present[e] && !a->scalar[e].why && !b->scalar[e].why;
    cgap_change *d = &c->change[k * c->entries + e];
    *d = (cgap_change){.difference = NAN, .lo = NAN, .hi = NAN};
    if (both && is_other_n(e, &a->scalar[e], &b->scalar[e])) {
      d->other = CGAP_OTHER_N;
    } else if (both) {
      *d = change_of(&a->scalar[e], &b->scalar[e]);
      d->other = is_other_d(e, a, b) ? CGAP_OTHER_D : CGAP_OTHER_NONE;
    }
  }
  cgap_comparison_mark_same(c, k, false);
}

void cgap_comparison_intervals(char out[CGAP_INTERVALS], const cgap_comparison *c, const cgap_modality_names *names)
{
  size_t paired = 0, assumed = 0;
  for (size_t k = 1; k < c->count; k++) {
    paired += c->input[k].rows == CGAP_ROWS_SAME || c->input[k].rows == CGAP_ROWS_ASSUMED;
    assumed += c->input[k].rows == CGAP_ROWS_ASSUMED;
  }
  const char *first = c->input[0].name,
             *note = assumed ? cgap_tr(names, N_(", whose rows are assumed to be the same")) : "";
  const char *why = c->count == 2 ? c->input[1].rows_why : NULL;
  if (paired == 0)
    (void)cgap_modality_printf(out, CGAP_INTERVALS, names, "of independent samples, from the two reports' intervals");
  else if (paired + 1 == c->count)
    (void)cgap_modality_printf(out, CGAP_INTERVALS, names, "paired by {one image}%s", note);
  else
    (void)cgap_modality_printf(out, CGAP_INTERVALS, names,
                               "paired by {one image} where the rows are those of %.60s%s, else of independent samples",
                               first, note);
  const size_t used = strlen(out);
  if (why)
    (void)cgap_modality_printf(out + used, CGAP_INTERVALS - used, names, " (%s)", cgap_phrase_of(names, why).s);
}

bool cgap_comparison_opens(const cgap_comparison *c, size_t k)
{
  const cgap_scalar *gap = &c->input[k].scalar[cgap_entry_find("gap.corrected_distance")];
  return c->input[k].start && c->input[k].from_start.lo > 0 && cgap_gap_level(gap) >= CGAP_LEVEL_MODERATE;
}

/* The distances, whatever they are called; and what would praise the gap otherwise. */
static bool is_of_gap(const cgap_comparison *c, size_t k, size_t entry)
{
  static const char *const DISTANCES[] = {"gap.corrected_distance", "gap.centroid_distance"};
  const char *key = cgap_entry_key(entry);
  if (begins_with_any(key, DISTANCES, sizeof DISTANCES / sizeof *DISTANCES))
    return true;
  return strncmp(key, "gap.", 4) == 0 &&
         strcmp(cgap_change_word(&c->change[k * c->entries + entry], cgap_entry_better(entry)), "better") == 0;
}

void cgap_comparison_set_start(cgap_comparison *c, size_t k, size_t start, const cgap_change *from_start)
{
  c->input[k].start = start;
  c->input[k].from_start = *from_start;
  for (size_t e = 0; e < c->entries; e++)
    c->change[k * c->entries + e].opens = cgap_comparison_opens(c, k) && is_of_gap(c, k, e);
}

const char *cgap_change_word(const cgap_change *d, cgap_better better)
{
  if (d->other == CGAP_OTHER_N)
    return "other n";
  if (!isfinite(d->difference))
    return "unknown";
  if (d->difference == 0 || d->same)
    return "same";
  if (d->other == CGAP_OTHER_D)
    return "other d";
  if (d->opens && better == CGAP_LOWER && !(d->lo > 0))
    return "opens";
  if (!isfinite(d->lo) || !isfinite(d->hi))
    return "no interval";
  if (d->lo <= 0 && d->hi >= 0)
    return "unclear";
  if (better == CGAP_NEITHER)
    return N_("different");
  return (d->difference < 0) == (better == CGAP_LOWER) ? "better" : "worse";
}

/* NULL: no report has this key */
const cgap_change *cgap_comparison_change_of(const cgap_comparison *c, size_t k, const char *key)
{
  const size_t e = cgap_entry_find(key);
  return e == SIZE_MAX ? NULL : &c->change[k * c->entries + e];
}

cgap_method cgap_comparison_method(const cgap_comparison *c, size_t k)
{
  bool has[] = {[CGAP_EXACT] = false, [CGAP_SAMPLED] = false, [CGAP_BF16] = false};
  for (size_t e = 0; e < cgap_field_count(); e++)
    if (c->input[k].present[e] && !c->input[k].scalar[e].why)
      has[c->input[k].scalar[e].method] = true;
  return has[CGAP_SAMPLED] ? CGAP_SAMPLED : has[CGAP_BF16] ? CGAP_BF16 : CGAP_EXACT;
}

/* ---------------------------------------------------------------- same rows */

/* Similarities between the probed images, log kernels, are freed of row and column means: what is left of a row is a
 * profile of the image. Its correlation with the profiles in the other audit recognises the image; the correlation of
 * all similarities (Mantel 1967), with 1/√pairs as its standard deviation where there is none, relates the data. */

enum { IMAGES_MIN = 12 }; /* fewer cannot be recognised by their neighbours */
static const double KNOWN = 0.9, DEVIATIONS = 5, TIE = 1e-9;

/* out (n, n): similarities less the mean of row and column, 0 on the diagonal. */
static void centre_similarities(double *out, const double *between, size_t n)
{
  double all = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      out[i * n + j] = i == j ? 0 : log(fmax(between[i * n + j], 1e-300));
  double *mean = out + n * n;
  for (size_t i = 0; i < n; i++) {
    mean[i] = 0;
    for (size_t j = 0; j < n; j++)
      mean[i] += out[i * n + j] / (double)(n - 2);
    all += mean[i] / (double)n;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      if (i != j)
        out[i * n + j] -= mean[i] + mean[j] - all * (double)(n - 2) / (double)(n - 1);
}

static double dot_product(const double *a, const double *b, size_t n)
{
  double s = 0;
  for (size_t k = 0; k < n; k++)
    s += a[k] * b[k];
  return s;
}

typedef struct resemblance {
  double recognised;  /* fraction of the images */
  double correlation; /* of all similarities, in its standard deviations without any */
} resemblance;

/* Of one kind of pairs. spare (2, n + 1, n) */
static resemblance resemblance_of(const double *a, const double *b, size_t n, double *spare)
{
  double *p = spare, *q = spare + (n + 1) * n, recognised = 0;
  centre_similarities(p, a, n);
  centre_similarities(q, b, n);
  for (size_t i = 0; i < n; i++) {
    const double own_norm = sqrt(dot_product(q + i * n, q + i * n, n)),
                 own = dot_product(p + i * n, q + i * n, n) / own_norm;
    bool best = own > 0;
    for (size_t j = 0; best && j < n; j++)
      best = j == i || dot_product(p + i * n, q + j * n, n) <= (own + TIE) * sqrt(dot_product(q + j * n, q + j * n, n));
    recognised += best;
  }
  const double pq = dot_product(p, q, n * n), pp = dot_product(p, p, n * n), qq = dot_product(q, q, n * n);
  const double pairs = (double)n * ((double)n - 1) / 2;
  return (resemblance){.recognised = recognised / (double)n,
                       .correlation = pp > 0 && qq > 0 ? pq / sqrt(pp * qq) * sqrt(pairs) : 0};
}

cgap_rows_relation cgap_rows_recognised(const cgap_audit *a, const cgap_audit *b, const char **why)
{
  static const cgap_pair_kind KINDS[] = {CGAP_IMAGE_IMAGE, CGAP_TEXT_TEXT};
  const cgap_contributions *c = a->contributions, *d = b->contributions;
  const size_t n = c->probed;
  double *spare = n < IMAGES_MIN ? NULL : cgap_alloc(2 * (n + 1), n * sizeof *spare);
  bool known = true, related = true;
  *why = N_("too few {images} to tell by their neighbours");
  if (!spare)
    return CGAP_ROWS_ASSUMED;
  for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++) {
    const resemblance r = resemblance_of(c->between[KINDS[k]], d->between[KINDS[k]], n, spare);
    known = known && r.recognised >= KNOWN;
    related = related && r.correlation >= DEVIATIONS;
  }
  cgap_free(spare);
  *why = known     ? N_("{images} and {texts} have the same neighbours in both")
         : related ? N_("nothing in the files says so, but what is similar in one is similar in the other")
                   : N_("what is similar in one is not similar in the other");
  return known ? CGAP_ROWS_SAME : related ? CGAP_ROWS_ASSUMED : CGAP_ROWS_OTHER;
}
