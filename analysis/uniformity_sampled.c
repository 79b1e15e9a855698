/* uniformity.* from the pairs of a sample.
 *
 * The mean kernel u of the file's pairs is estimated from a block of n of its N groups (an image with its texts;
 * unpaired: a row), drawn without replacement: all pairs within the block, an incomplete U-statistic (Blom 1976; Lee
 * 1990, ch. 4; Clémençon, Colin and Bellet 2016). Over the file's pairs the means of c and c² are known from
 * centroids and second moments, so both serve as control variates: with m the file's mean cosine and r = k − a(c − m) −
 * b(c − m)², û = mean r over the block + b · mean (c − m)² over the file. a and b minimise Σ_g A_g(r)², A_g the sum of
 * r less its mean over the pairs that touch group g: a least-squares fit of the groups' sums, since it is they, not
 * the pairs, that vary independently (Hoeffding's projections).
 *
 * Variance, for the population that the file's rows come from: û − u = (mean r over the block − over the file) +
 * (file's mean k − the population's), two parts that do not correlate, the block being a random part of the file. Per
 * part ΣA² − 2S over L² estimates what the projections bring, S/L² the rest (S the sum of squares over the L pairs),
 * as in uniformity.c; with f = n/N the block's part is (1 − f) of the one and (1 − f²) of the other, of r; the file's
 * part f and f², of k.
 *
 * Where groups differ in size (texts of images with one to several captions) the weights follow the few large ones, and
 * move together with the means: the bias of û, up to 0.2 of its standard deviation, is estimated by leaving each group
 * out in turn, and taken off; the block's part of the variance grows as much as û moves more than with fixed weights.
 *
 * Pairs of one image's own texts are N/n times as frequent in the block as in the file: they are left out, and their
 * exact mean over the file is put in. */
#include "analysis/finish.h"

#include "analysis/interval.h"
#include "base/memory.h"

#include <math.h>

enum { STRATA = 2 };

/* Groups drawn together: all of them; unpaired pairs of an image and a text have two such parts. */
typedef struct stratum {
  size_t groups;
  double sampling_fraction;      /* n/N */
  double *touch[CGAP_FUNCTIONS]; /* (groups) A_g */
  double *touching;              /* (groups) pairs that touch it */
} stratum;

typedef struct estimate {
  cgap_pair_kind kind;
  stratum stratum[STRATA];
  size_t strata;
  double pairs;                      /* L: of the block, between groups */
  double mean[CGAP_FUNCTIONS];       /* over them */
  double centre;                     /* m; after centre() the functions are k, c − m and (c − m)² */
  double whole_pairs, all_pairs;     /* the file's: between groups; all */
  double whole_mean[CGAP_FUNCTIONS]; /* over those between groups; the kernel's is not known */
  double deviation_products[CGAP_FUNCTIONS][CGAP_FUNCTIONS]; /* Σ over pairs of products of deviations */
  double weight[CGAP_FUNCTIONS];                             /* r = Σ weight · function */
  double value, variance;                                    /* û and its variance */
  double gain;
  double between_value; /* û of the pairs between groups alone */
  double growth;        /* how much more û varies since the weights were fitted */
} estimate;

static double kernel_factor(void)
{
  return exp(-2 * CGAP_KERNEL_T);
}

static const cgap_modality *rows_of(const cgap_audit_sums *e, cgap_pair_kind kind)
{
  return kind == CGAP_TEXT_TEXT ? &e->text : &e->image;
}

static const cgap_modality *columns_of(const cgap_audit_sums *e, cgap_pair_kind kind)
{
  return kind == CGAP_IMAGE_IMAGE ? &e->image : &e->text;
}

/* ---------------------------------------------------------------- the file's pairs */

static double trace_of_product(const double *a, const double *b, size_t n)
{
  double total = 0;
  for (size_t k = 0; k < n; k++)
    total += a[k] * b[k];
  return total;
}

static void measure_whole(estimate *m, const cgap_sampled *s)
{
  const cgap_audit_sums *e = s->whole;
  const cgap_modality *a = rows_of(e, m->kind), *b = columns_of(e, m->kind);
  const double rows = (double)a->rows, columns = (double)b->rows;
  double linear = rows * columns * trace_of_product(a->mean, b->mean, e->dim);
  double square = trace_of_product(a->moment, b->moment, e->dim * e->dim);
  m->all_pairs = m->whole_pairs = rows * columns;
  if (m->kind != CGAP_IMAGE_TEXT) {
    linear = (linear - rows) / 2;
    square = (square - rows) / 2;
    m->all_pairs = m->whole_pairs = rows * (rows - 1) / 2;
  } else if (e->paired) {
    for (size_t j = 0; j < e->text.rows; j++) {
      linear -= e->pair_cosine[j];
      square -= e->pair_cosine[j] * e->pair_cosine[j];
    }
    m->all_pairs = m->whole_pairs -= columns;
  }
  if (m->kind == CGAP_TEXT_TEXT && e->paired) {
    linear -= s->whole_within[CGAP_COSINE_OF];
    square -= s->whole_within[CGAP_SQUARE_OF];
    for (size_t i = 0; i < e->image.rows; i++) {
      const double own = (double)(cgap_first_of(e, i + 1) - cgap_first_of(e, i));
      m->whole_pairs -= own * (own - 1) / 2;
    }
  }
  m->whole_mean[CGAP_COSINE_OF] = linear / m->whole_pairs;
  m->whole_mean[CGAP_SQUARE_OF] = square / m->whole_pairs;
}

/* ---------------------------------------------------------------- sums by group */

/* Σ of a function over the pairs of each row or column. */
static double row_sum(const cgap_sampled *s, cgap_pair_kind kind, int function, size_t row)
{
  return function == CGAP_KERNEL_OF ? kernel_factor() * cgap_sums_of(s->sample, kind, s->uniformity)->row_sums[row]
                                    : s->row[kind][function][row];
}

static double column_sum(const cgap_sampled *s, cgap_pair_kind kind, int function, size_t column)
{
  return function == CGAP_KERNEL_OF
           ? kernel_factor() * cgap_sums_of(s->sample, kind, s->uniformity)->column_sums[column]
           : s->column[kind][function][column];
}

/* Pairs of one modality that touch group g, which is an image's texts where `grouped`, else a row. */
static void gather_sums(estimate *m, const cgap_sampled *s, bool grouped)
{
  const cgap_audit_sums *e = s->sample;
  const double rows = (double)rows_of(e, m->kind)->rows;
  stratum *p = &m->stratum[0];
  for (size_t g = 0; g < p->groups; g++) {
    const double members = grouped ? (double)(e->first[g + 1] - e->first[g]) : 1;
    p->touching[g] = members * (rows - members);
    for (int f = 0; f < CGAP_FUNCTIONS; f++) {
      double total = grouped ? -2 * s->within[f][g] : row_sum(s, m->kind, f, g);
      for (size_t t = grouped ? e->first[g] : 0; grouped && t < e->first[g + 1]; t++)
        total += row_sum(s, m->kind, f, e->text_of[t]);
      p->touch[f][g] = total;
    }
  }
}

/* Unmatched pairs of an image and a text: of paired modalities by image, else by row of either modality. */
static void gather_cross(estimate *m, const cgap_sampled *s)
{
  const cgap_audit_sums *e = s->sample;
  const double images = (double)e->image.rows, texts = (double)e->text.rows;
  for (size_t i = 0; i < e->image.rows; i++) {
    const double own = e->paired ? (double)(e->first[i + 1] - e->first[i]) : 0;
    m->stratum[0].touching[i] = texts - own + own * (images - 1);
    for (int f = 0; f < CGAP_FUNCTIONS; f++) {
      double total = row_sum(s, m->kind, f, i);
      for (size_t t = e->paired ? e->first[i] : 0; e->paired && t < e->first[i + 1]; t++)
        total += column_sum(s, m->kind, f, e->text_of[t]);
      m->stratum[0].touch[f][i] = total;
    }
  }
  for (size_t j = 0; !e->paired && j < e->text.rows; j++) {
    m->stratum[1].touching[j] = images;
    for (int f = 0; f < CGAP_FUNCTIONS; f++)
      m->stratum[1].touch[f][j] = column_sum(s, m->kind, f, j);
  }
}

static bool stratum_init(stratum *p, size_t groups, size_t whole)
{
  *p = (stratum){.groups = groups, .sampling_fraction = (double)groups / (double)whole};
  p->touching = cgap_alloc(groups, sizeof *p->touching);
  bool ok = p->touching != NULL;
  for (int f = 0; f < CGAP_FUNCTIONS; f++) {
    p->touch[f] = cgap_alloc(groups, sizeof(double));
    ok = ok && p->touch[f];
  }
  return ok;
}

static void estimate_clear(estimate *m)
{
  for (size_t k = 0; k < STRATA; k++) {
    cgap_free(m->stratum[k].touching);
    for (int f = 0; f < CGAP_FUNCTIONS; f++)
      cgap_free(m->stratum[k].touch[f]);
  }
}

/* Sums become sums of deviations. The square is taken about the file's mean cosine: c and c² alone are nearly one. */
static void centre_sums(estimate *m)
{
  const stratum *first = &m->stratum[0];
  const double centre = m->centre = m->whole_mean[CGAP_COSINE_OF],
               times = m->strata == 1 ? 2 : 1; /* each pair touches */
  double total[CGAP_FUNCTIONS] = {0};
  m->pairs = 0;
  for (size_t g = 0; g < first->groups; g++) {
    m->pairs += first->touching[g] / times;
    for (int f = 0; f < CGAP_FUNCTIONS; f++)
      total[f] += first->touch[f][g] / times;
  }
  for (int f = 0; f < CGAP_FUNCTIONS; f++)
    m->mean[f] = total[f] / m->pairs;
  for (size_t k = 0; k < m->strata; k++)
    for (size_t g = 0; g < m->stratum[k].groups; g++) {
      double *const *touch = m->stratum[k].touch;
      for (int f = 0; f < CGAP_FUNCTIONS; f++)
        touch[f][g] -= m->stratum[k].touching[g] * m->mean[f];
      touch[CGAP_SQUARE_OF][g] -= 2 * centre * touch[CGAP_COSINE_OF][g];
    }
  m->mean[CGAP_SQUARE_OF] += centre * (centre - 2 * m->mean[CGAP_COSINE_OF]);
  m->whole_mean[CGAP_SQUARE_OF] -= centre * centre;
  m->mean[CGAP_COSINE_OF] -= centre;
  m->whole_mean[CGAP_COSINE_OF] = 0;
}

/* Sums over pairs of products of deviations, from the histogram: its bins are narrow for what varies as slowly as
 * these functions. */
static void measure_deviations(estimate *m, const cgap_audit_sums *e)
{
  const uint64_t *bins = cgap_sums_of(e, m->kind, &cgap_measure_cosine)->counts;
  double pairs = 0;
  for (size_t b = 0; b < CGAP_FINE_BINS; b++) {
    const double masked = b == 0 && m->kind == CGAP_IMAGE_TEXT && e->paired ? (double)e->text.rows : 0;
    const double count = (double)bins[b] - masked, cosine = -1 + 2 * ((double)b + 0.5) / CGAP_FINE_BINS;
    const double away = cosine - m->centre;
    const double deviation[CGAP_FUNCTIONS] = {exp(2 * CGAP_KERNEL_T * (cosine - 1)) - m->mean[CGAP_KERNEL_OF],
                                              away - m->mean[CGAP_COSINE_OF], away * away - m->mean[CGAP_SQUARE_OF]};
    pairs += count;
    for (int f = 0; count > 0 && f < CGAP_FUNCTIONS; f++)
      for (int g = 0; g < CGAP_FUNCTIONS; g++)
        m->deviation_products[f][g] += count * deviation[f] * deviation[g];
  }
  for (int f = 0; f < CGAP_FUNCTIONS; f++)
    for (int g = 0; g < CGAP_FUNCTIONS; g++)
      m->deviation_products[f][g] *= m->pairs / pairs; /* pairs within a group are left out, and are few */
}

/* ---------------------------------------------------------------- control variates and variance */

static double product_of_projections(const estimate *m, int f, int g)
{
  double total = 0;
  for (size_t k = 0; k < m->strata; k++)
    total += trace_of_product(m->stratum[k].touch[f], m->stratum[k].touch[g], m->stratum[k].groups);
  return total;
}

/* Σ over groups of the products of their sums. */
typedef struct products {
  double kc, ks, cc, cs, ss;
} products;

static products products_of(const estimate *m)
{
  return (products){.kc = product_of_projections(m, CGAP_KERNEL_OF, CGAP_COSINE_OF),
                    .ks = product_of_projections(m, CGAP_KERNEL_OF, CGAP_SQUARE_OF),
                    .cc = product_of_projections(m, CGAP_COSINE_OF, CGAP_COSINE_OF),
                    .cs = product_of_projections(m, CGAP_COSINE_OF, CGAP_SQUARE_OF),
                    .ss = product_of_projections(m, CGAP_SQUARE_OF, CGAP_SQUARE_OF)};
}

/* Least squares of the kernel's sums on the other two's; where those are one and the same, or do not vary, on fewer. */
static void fit_weights(double weight[CGAP_FUNCTIONS], const products *p)
{
  const double determinant = p->cc * p->ss - p->cs * p->cs;
  weight[CGAP_KERNEL_OF] = 1;
  weight[CGAP_COSINE_OF] = weight[CGAP_SQUARE_OF] = 0;
  if (determinant > 1e-9 * p->cc * p->ss) {
    weight[CGAP_COSINE_OF] = -(p->kc * p->ss - p->ks * p->cs) / determinant;
    weight[CGAP_SQUARE_OF] = -(p->ks * p->cc - p->kc * p->cs) / determinant;
  } else if (p->cc > 0) {
    weight[CGAP_COSINE_OF] = -p->kc / p->cc;
  }
}

/* What fitting the weights on the block that they serve does: the bias, and how many times as much û varies. */
typedef struct fitting {
  double bias, growth;
} fitting;

/* By leaving each group out in turn (Quenouille 1956; Miller 1974). Weights and means move together with a group that
 * is far out, above all where groups differ in size: an image of four texts counts sixteenfold in a fit. */
static fitting measure_fitting(const estimate *m, const products *all)
{
  const stratum *p = &m->stratum[0];
  const double groups = (double)p->groups;
  double together = 0, fixed_sum = 0, fixed_squares = 0, full_sum = 0, full_squares = 0;
  for (size_t g = 0; g < p->groups; g++) {
    const double k = p->touch[CGAP_KERNEL_OF][g], c = p->touch[CGAP_COSINE_OF][g], s = p->touch[CGAP_SQUARE_OF][g];
    const products without = {all->kc - k * c, all->ks - k * s, all->cc - c * c, all->cs - c * s, all->ss - s * s};
    double weight[CGAP_FUNCTIONS], fixed = 0, moved = 0, mean_moved = 0;
    fit_weights(weight, &without);
    for (int f = 0; f < CGAP_FUNCTIONS; f++) {
      const double change = -p->touch[f][g] / (m->pairs - p->touching[g]); /* of the mean */
      const double from_file = f == CGAP_KERNEL_OF ? 0 : m->mean[f] - m->whole_mean[f];
      fixed += m->weight[f] * change;
      moved += (weight[f] - m->weight[f]) * change;
      mean_moved += (weight[f] - m->weight[f]) * from_file;
    }
    together += moved;
    fixed_sum += fixed;
    fixed_squares += fixed * fixed;
    full_sum += fixed + moved + mean_moved;
    full_squares += (fixed + moved + mean_moved) * (fixed + moved + mean_moved);
  }
  const double fixed_variance = fixed_squares - fixed_sum * fixed_sum / groups,
               full_variance = full_squares - full_sum * full_sum / groups;
  return (fitting){.bias = (groups - 1) * (1 - p->sampling_fraction) * together / groups,
                   .growth = fixed_variance > 0 ? fmax(1, full_variance / fixed_variance) : 1};
}

/* Whether the block's groups differ in size. */
static bool is_ragged(const stratum *p)
{
  bool ragged = false;
  for (size_t g = 1; g < p->groups; g++)
    ragged = ragged || p->touching[g] != p->touching[0];
  return ragged;
}

static double touch_of(const stratum *p, const double *weight, size_t g)
{
  double total = 0;
  for (int f = 0; f < CGAP_FUNCTIONS; f++)
    total += weight[f] * p->touch[f][g];
  return total;
}

/* A variance: what the projections bring, and the rest. */
typedef struct variance {
  double projected, rest;
} variance;

/* Of the block's mean of Σ weight · function about the file's, or (`whole`) of the file's about the population's. */
static variance variance_of(const estimate *m, const double *weight, bool whole)
{
  const double twice = m->strata == 1 ? 2 : 1; /* a pair touches as many groups of a part */
  double squares = 0, projected = 0, together = 1;
  for (int f = 0; f < CGAP_FUNCTIONS; f++)
    for (int g = 0; g < CGAP_FUNCTIONS; g++)
      squares += weight[f] * weight[g] * m->deviation_products[f][g];
  squares = fmax(0, squares);
  for (size_t k = 0; k < m->strata; k++) {
    const stratum *p = &m->stratum[k];
    double touching = 0;
    for (size_t g = 0; g < p->groups; g++)
      touching += touch_of(p, weight, g) * touch_of(p, weight, g);
    projected += (whole ? p->sampling_fraction : 1 - p->sampling_fraction) * (touching - twice * squares);
    together *= pow(p->sampling_fraction, twice);
  }
  const double scale = m->pairs * m->pairs;
  return (variance){projected / scale, (whole ? together : 1 - together) * squares / scale};
}

/* Where projections bring next to nothing, their estimate may lie below 0. The block's may then take off some of the
 * rest, and is right on average; not the file's, which has the block's noise f times, and the rest only f² times. */
static double whole_variance(const variance *block, const variance *file)
{
  return fmax(block->projected + block->rest, block->rest / 2) + fmax(0, file->projected) + file->rest;
}

static void finish_estimate(estimate *m, const cgap_sampled *s)
{
  const double kernel_alone[CGAP_FUNCTIONS] = {1, 0, 0};
  const products all = products_of(m);
  fit_weights(m->weight, &all);
  fitting of_fit = {.growth = 1};
  if (m->kind == CGAP_TEXT_TEXT && is_ragged(&m->stratum[0]))
    of_fit = measure_fitting(m, &all);
  m->value = m->mean[CGAP_KERNEL_OF] - of_fit.bias;
  for (int f = CGAP_COSINE_OF; f < CGAP_FUNCTIONS; f++)
    m->value += m->weight[f] * (m->mean[f] - m->whole_mean[f]);
  if (!(m->value > kernel_factor() * kernel_factor() && m->value <= 1)) { /* which no mean of the kernel is */
    m->value = m->mean[CGAP_KERNEL_OF];
    m->weight[CGAP_COSINE_OF] = m->weight[CGAP_SQUARE_OF] = 0;
    of_fit.growth = 1;
  }
  const variance without = variance_of(m, kernel_alone, false), file = variance_of(m, kernel_alone, true), none = {0};
  variance with = variance_of(m, m->weight, false);
  with.projected *= with.projected > 0 ? of_fit.growth : 1;
  const double between = m->whole_pairs / m->all_pairs, left = whole_variance(&with, &none);
  m->gain = left > 0 ? whole_variance(&without, &none) / left : 1;
  m->between_value = m->value;
  m->growth = of_fit.growth;
  m->value *= between;
  m->variance = between * between * whole_variance(&with, &file);
  if (m->kind == CGAP_TEXT_TEXT && s->whole->paired)
    m->value += s->whole_within[CGAP_KERNEL_OF] / m->all_pairs;
}

static cgap_status estimate_run(estimate *m, const cgap_sampled *s, cgap_pair_kind kind, cgap_error *error)
{
  const cgap_audit_sums *e = s->sample, *whole = s->whole;
  const bool grouped = kind == CGAP_TEXT_TEXT && e->paired, two = kind == CGAP_IMAGE_TEXT && !e->paired;
  const cgap_modality *modality = grouped ? &e->image : rows_of(e, kind);
  *m = (estimate){.kind = kind, .strata = two ? 2 : 1};
  if (!stratum_init(&m->stratum[0], modality->rows, grouped ? whole->image.rows : rows_of(whole, kind)->rows) ||
      (two && !stratum_init(&m->stratum[1], e->text.rows, whole->text.rows)))
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu groups", modality->rows);
  measure_whole(m, s);
  if (kind == CGAP_IMAGE_TEXT)
    gather_cross(m, s);
  else
    gather_sums(m, s, grouped);
  centre_sums(m);
  measure_deviations(m, e);
  finish_estimate(m, s);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- numbers */

static cgap_scalar scalar_of(const estimate *m, uint64_t n)
{
  if (!(m->pairs > 0))
    return cgap_scalar_null("no pairs", n);
  return cgap_scalar_normal(log(m->value), m->variance / (m->value * m->value), n);
}

/* Of the mean of two modalities' logs: the groups are drawn, and come, together. */
static double mean_variance(const cgap_sampled *s, const estimate modality[2])
{
  const double kernel_alone[CGAP_FUNCTIONS] = {1, 0, 0}, sampling_fraction = modality[0].stratum[0].sampling_fraction;
  double total = 0, from_sample = 0, there = 0;
  for (int k = 0; k < 2; k++)
    total += modality[k].variance / (modality[k].value * modality[k].value) / 4;
  for (size_t g = 0; s->sample->paired && g < modality[0].stratum[0].groups; g++) {
    from_sample += touch_of(&modality[0].stratum[0], modality[0].weight, g) *
                   touch_of(&modality[1].stratum[0], modality[1].weight, g);
    there += touch_of(&modality[0].stratum[0], kernel_alone, g) * touch_of(&modality[1].stratum[0], kernel_alone, g);
  }
  const double scale = modality[0].pairs * modality[0].value * modality[1].pairs * modality[1].value;
  return total + ((1 - sampling_fraction) * from_sample + sampling_fraction * there) / (2 * scale);
}

static cgap_scalar mean_of(const cgap_sampled *s, const estimate modality[2], uint64_t n)
{
  if (!(modality[0].pairs > 0 && modality[1].pairs > 0))
    return cgap_scalar_null("no pairs", n);
  return cgap_scalar_normal((log(modality[0].value) + log(modality[1].value)) / 2, mean_variance(s, modality), n);
}

static cgap_status estimate_all(estimate m[CGAP_PAIR_KINDS], const cgap_sampled *s, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  const int kinds = cgap_pair_kinds_of(s->whole);
  for (int kind = 0; !status && kind < kinds; kind++)
    status = estimate_run(&m[kind], s, (cgap_pair_kind)kind, error);
  return status;
}

cgap_status cgap_uniformity_finish_sampled(const cgap_sampled *s, cgap_audit *out, cgap_error *error)
{
  const cgap_audit_sums *e = s->sample;
  const uint64_t n = e->paired || e->image.rows < e->text.rows ? e->image.rows : e->text.rows;
  estimate m[CGAP_PAIR_KINDS] = {0};
  cgap_status status = estimate_all(m, s, error);
  if (!status) {
    out->uniformity.image = scalar_of(&m[CGAP_IMAGE_IMAGE], e->image.rows);
    out->uniformity.text = scalar_of(&m[CGAP_TEXT_TEXT], e->text.rows);
    out->uniformity.cross = scalar_of(&m[CGAP_IMAGE_TEXT], n);
    out->uniformity.mean = mean_of(s, m, n);
    for (int kind = 0; kind < CGAP_PAIR_KINDS; kind++)
      out->sample.gain[kind] = m[kind].gain;
  }
  for (int kind = 0; kind < CGAP_PAIR_KINDS; kind++)
    estimate_clear(&m[kind]);
  return status;
}

/* ---------------------------------------------------------------- maximum mean discrepancy */

static const double MMD_WEIGHT[CGAP_PAIR_KINDS] = {
  [CGAP_IMAGE_IMAGE] = 1, [CGAP_TEXT_TEXT] = 1, [CGAP_IMAGE_TEXT] = -2};

/* What group g of stratum k adds to the discrepancy: by image where paired (all three means touch it), else by row of
 * one modality (its own mean and the cross one). */
static double discrepancy_touch(const estimate m[CGAP_PAIR_KINDS], const double *weight[CGAP_PAIR_KINDS], bool paired,
                                size_t k, size_t g)
{
  double total = 0;
  for (int kind = 0; kind < CGAP_PAIR_KINDS; kind++) {
    const bool cross = kind == CGAP_IMAGE_TEXT;
    if (paired || cross || (kind == CGAP_TEXT_TEXT) == (k == 1))
      total += MMD_WEIGHT[kind] * touch_of(&m[kind].stratum[cross && !paired ? k : 0], weight[kind], g) / m[kind].pairs;
  }
  return total;
}

/* As variance_of, of the sum of the three means; `whole`: of the file's about the population's. */
static variance discrepancy_variance(const estimate m[CGAP_PAIR_KINDS], const double *weight[CGAP_PAIR_KINDS],
                                     bool paired, bool whole)
{
  const estimate *cross = &m[CGAP_IMAGE_TEXT];
  variance v = {0};
  for (int kind = 0; kind < CGAP_PAIR_KINDS; kind++) {
    const variance own = variance_of(&m[kind], weight[kind], whole);
    v.rest += own.rest * MMD_WEIGHT[kind] * MMD_WEIGHT[kind];
    v.projected += own.projected * MMD_WEIGHT[kind] * MMD_WEIGHT[kind];
  }
  for (size_t k = 0; k < cross->strata; k++) { /* groups touch several means at once: the squares of sums, not sums */
    const stratum *p = &cross->stratum[k];
    const double fraction = whole ? p->sampling_fraction : 1 - p->sampling_fraction;
    for (size_t g = 0; g < p->groups; g++) {
      const double together = discrepancy_touch(m, weight, paired, k, g);
      double apart = 0;
      for (int kind = 0; kind < CGAP_PAIR_KINDS; kind++) {
        const double *one[CGAP_PAIR_KINDS], none[CGAP_FUNCTIONS] = {0};
        for (int other = 0; other < CGAP_PAIR_KINDS; other++)
          one[other] = other == kind ? weight[other] : none;
        const double alone = discrepancy_touch(m, one, paired, k, g);
        apart += alone * alone;
      }
      v.projected += fraction * (together * together - apart);
    }
  }
  return v;
}

cgap_status cgap_mmd_finish_sampled(const cgap_sampled *s, cgap_audit *out, cgap_error *error)
{
  const cgap_audit_sums *e = s->sample;
  const uint64_t n = e->paired || e->image.rows < e->text.rows ? e->image.rows : e->text.rows;
  const double kernel_alone[CGAP_FUNCTIONS] = {1, 0, 0};
  const double *of_kernel[CGAP_PAIR_KINDS] = {kernel_alone, kernel_alone, kernel_alone}, *fitted[CGAP_PAIR_KINDS];
  estimate m[CGAP_PAIR_KINDS] = {0};
  double value = 0, growth = 1;
  bool any = true;
  cgap_status status = estimate_all(m, s, error);
  for (int kind = 0; kind < CGAP_PAIR_KINDS; kind++) {
    value += MMD_WEIGHT[kind] * m[kind].between_value;
    growth = fmax(growth, m[kind].growth);
    fitted[kind] = m[kind].weight;
    any = any && m[kind].pairs > 0;
  }
  if (!status && any) {
    const variance file = discrepancy_variance(m, of_kernel, e->paired, true);
    variance block = discrepancy_variance(m, fitted, e->paired, false);
    block.projected *= block.projected > 0 ? growth : 1;
    out->gap.mmd2 = cgap_scalar_normal(value, whole_variance(&block, &file), n);
  } else if (!status) {
    out->gap.mmd2 = cgap_scalar_null("no pairs of rows that do not belong together", n);
  }
  for (int kind = 0; kind < CGAP_PAIR_KINDS; kind++)
    estimate_clear(&m[kind]);
  return status;
}
