/* Measures that are sums over pairs of rows: uniformity with its intervals, cosines, losses. */
#include "naive_inner.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A set of pairs, written out: cosine, and the groups that each pair touches. */
typedef struct pair_set {
  double *cosine;
  size_t (*group)[2];
  size_t count;
} pair_set;

static void add(pair_set *c, double cosine, size_t a, size_t b)
{
  c->cosine[c->count] = cosine;
  c->group[c->count][0] = a;
  c->group[c->count++][1] = b;
}

static pair_set room(size_t count)
{
  return (pair_set){support_alloc(count, sizeof(double)), support_alloc(count, sizeof(size_t[2])), 0};
}

static void empty(pair_set *c)
{
  free(c->cosine);
  free(c->group);
}

/* Groups: the image with its texts, 0 … n − 1; unpaired: every row its own, texts from n on. */
static size_t text_group(const naive_state *s, size_t j)
{
  return s->in->owner ? s->in->owner[j] : s->n + j;
}

static pair_set count_pairs(const naive_state *s, int set)
{
  pair_set c = room(set == NAIVE_IMAGE ? s->n * s->n : set == NAIVE_TEXT ? s->m * s->m : s->n * s->m);
  for (size_t j = 0; set == NAIVE_PAIR && j < s->m; j++)
    add(&c, s->xy[s->in->owner[j] * s->m + j], s->in->owner[j], s->in->owner[j]);
  for (size_t i = 0; set == NAIVE_CROSS && i < s->n; i++)
    for (size_t j = 0; j < s->m; j++)
      if (!s->in->owner || s->in->owner[j] != i)
        add(&c, s->xy[i * s->m + j], i, text_group(s, j));
  for (size_t i = 0; set == NAIVE_IMAGE && i < s->n; i++)
    for (size_t j = i + 1; j < s->n; j++)
      add(&c, s->xx[i * s->n + j], i, j);
  for (size_t i = 0; set == NAIVE_TEXT && i < s->m; i++)
    for (size_t j = i + 1; j < s->m; j++)
      add(&c, s->yy[i * s->m + j], text_group(s, i), text_group(s, j));
  return c;
}

/* ---------------------------------------------------------------- uniformity */

/* log u with its interval; a (groups): A_g/(L u); *squares Σ_g of their squares; *variance Var u/u² */
static cgap_scalar uniform(const naive_state *s, int set, size_t n, double *a, double *squares, double *variance)
{
  size_t groups = s->n + s->m;
  pair_set c = count_pairs(s, set);
  cgap_scalar out = naive_null();
  memset(a, 0, groups * sizeof *a);
  *squares = *variance = 0;
  if (c.count > 0) {
    double count = (double)c.count, u = 0, spread = 0;
    for (size_t l = 0; l < c.count; l++)
      u += exp(-4 * (1 - c.cosine[l])) / count; /* −t‖x − y‖² = −2t(1 − cos), t = 2 */
    for (size_t l = 0; l < c.count; l++) {
      double k = exp(-4 * (1 - c.cosine[l])) - u;
      spread += k * k;
      a[c.group[l][0]] += k / (count * u);
      if (c.group[l][1] != c.group[l][0])
        a[c.group[l][1]] += k / (count * u);
    }
    spread /= count * u * count * u;
    for (size_t g = 0; g < groups; g++)
      *squares += a[g] * a[g];
    *variance = fmax(*squares - spread, spread);
    out = naive_with_sd(log(u), *variance, n);
  }
  empty(&c);
  return out;
}

void naive_uniformity(naive_result *out, const naive_state *s)
{
  cgap_uniformity *u = &out->audit.uniformity;
  size_t groups = s->n + s->m, smaller = s->in->owner || s->n < s->m ? s->n : s->m;
  double *a = support_alloc(groups, sizeof *a), *b = support_alloc(groups, sizeof *b);
  double squares[2], variance[2], unused[2], both = 0;
  u->cross = uniform(s, NAIVE_CROSS, smaller, a, &unused[0], &unused[1]);
  u->image = uniform(s, NAIVE_IMAGE, s->n, a, &squares[0], &variance[0]);
  u->text = uniform(s, NAIVE_TEXT, s->m, b, &squares[1], &variance[1]);
  /* a_g = ½ Σ_sides A_g/(L u), Var = Σ a_g² − ¼ Σ_sides (Σ_g A_g²/(L u)² − Var u/u²) */
  for (size_t g = 0; g < groups; g++)
    both += (a[g] + b[g]) * (a[g] + b[g]) / 4;
  for (int side = 0; side < 2; side++)
    both -= (squares[side] - variance[side]) / 4;
  u->mean = u->image.why || u->text.why ? naive_null()
                                        : naive_with_sd((u->image.value + u->text.value) / 2, fmax(both, 0), smaller);
  /* −2t + log 0F1(; d/2; t²), the series */
  double term = 1, sum = 1;
  for (int k = 0; k < 200; k++)
    sum += term *= 4.0 / ((s->d / 2.0 + k) * (k + 1));
  u->sphere = -4 + log(sum);
  free(a);
  free(b);
}

/* ---------------------------------------------------------------- maximum mean discrepancy */

void naive_mmd(naive_result *out, const naive_state *s)
{
  static const int SETS[] = {NAIVE_IMAGE, NAIVE_TEXT, NAIVE_CROSS};
  static const double WEIGHT[] = {1, 1, -2};
  const size_t groups = s->n + s->m, smaller = s->in->owner || s->n < s->m ? s->n : s->m;
  double *h = support_alloc(groups, sizeof *h), value = 0, rest = 0, squares = 0;
  bool any = true;
  for (int k = 0; k < 3; k++) {
    pair_set c = count_pairs(s, SETS[k]);
    double count = 0, u = 0;
    for (size_t l = 0; l < c.count; l++)
      if (c.group[l][0] != c.group[l][1]) { /* texts of one image are no independent draws */
        u += exp(-4 * (1 - c.cosine[l]));
        count++;
      }
    u /= count;
    any = any && count > 0;
    value += WEIGHT[k] * u;
    for (size_t l = 0; l < c.count; l++) {
      const double kernel = exp(-4 * (1 - c.cosine[l])) - u;
      if (c.group[l][0] == c.group[l][1])
        continue;
      h[c.group[l][0]] += WEIGHT[k] * kernel / count;
      h[c.group[l][1]] += WEIGHT[k] * kernel / count;
      rest += WEIGHT[k] * WEIGHT[k] * kernel * kernel / (count * count);
    }
    empty(&c);
  }
  for (size_t g = 0; g < groups; g++)
    squares += h[g] * h[g];
  out->audit.gap.mmd2 = any ? naive_with_sd(value, fmax(squares - rest, rest), smaller) : naive_null();
  free(h);
}

/* ---------------------------------------------------------------- cosines */

/* the linear rule over sorted values */
static double quantile(const double *sorted, size_t count, double p)
{
  double at = p * (double)(count - 1);
  size_t k = (size_t)at;
  return k + 1 < count ? sorted[k] + (at - (double)k) * (sorted[k + 1] - sorted[k]) : sorted[k];
}

/* how many sorted values are below x */
static size_t below(const double *sorted, size_t count, double x)
{
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (sorted[middle] < x)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static void summarise(naive_result *out, const naive_state *s, int set, cgap_cosines *sum)
{
  pair_set c = count_pairs(s, set);
  *sum = (cgap_cosines){.count = c.count, .why = c.count ? NULL : "null", .sd = NAN};
  if (c.count > 0) {
    qsort(c.cosine, c.count, sizeof *c.cosine, naive_compare_doubles);
    double square = 0;
    for (size_t l = 0; l < c.count; l++)
      sum->mean += c.cosine[l] / (double)c.count;
    for (size_t l = 0; l < c.count; l++)
      square += (c.cosine[l] - sum->mean) * (c.cosine[l] - sum->mean);
    if (c.count > 1)
      sum->sd = sqrt(square / (double)(c.count - 1));
    sum->min = c.cosine[0];
    sum->max = c.cosine[c.count - 1];
    double *place[] = {&sum->p05, &sum->p25, &sum->p50, &sum->p75, &sum->p95};
    double at[] = {.05, .25, .5, .75, .95};
    for (int q = 0; q < 5; q++)
      *place[q] = quantile(c.cosine, c.count, at[q]);
  }
  for (size_t k = 0; k <= CGAP_HISTOGRAM_BINS; k++) {
    double edge = -1 + (double)k / 100;
    out->below[set][k] = below(c.cosine, c.count, edge - 1e-6);
    out->upto[set][k] = below(c.cosine, c.count, edge + 1e-6);
  }
  empty(&c);
}

void naive_cosines(naive_result *out, const naive_state *s)
{
  cgap_audit *a = &out->audit;
  for (size_t k = 0; k <= CGAP_HISTOGRAM_BINS; k++)
    a->histogram_edges[k] = -1 + (double)k / 100;
  summarise(out, s, NAIVE_CROSS, &a->cosine_cross);
  summarise(out, s, NAIVE_IMAGE, &a->cosine_image);
  summarise(out, s, NAIVE_TEXT, &a->cosine_text);
  if (!s->in->owner)
    return;
  summarise(out, s, NAIVE_PAIR, &a->cosine_pair);
  a->pair_cosine = support_alloc(s->m, sizeof *a->pair_cosine);
  for (size_t j = 0; j < s->m; j++)
    a->pair_cosine[j] = s->xy[s->in->owner[j] * s->m + j];
}

/* ---------------------------------------------------------------- losses */

/* log(e^first + Σ of e^z over the places not left out) */
static double log_sum_exp(double first, const double *z, const bool *out, size_t count)
{
  double top = first, sum;
  for (size_t i = 0; i < count; i++)
    if (!out[i] && z[i] > top)
      top = z[i];
  sum = exp(first - top);
  for (size_t i = 0; i < count; i++)
    if (!out[i])
      sum += exp(z[i] - top);
  return top + log(sum);
}

/* text → image: log Σ_i e^{s_ij/τ} − s_{o(j)j}/τ */
static void text_to_image(const naive_state *s, double *v)
{
  double tau = s->in->temperature, *z = support_alloc(s->n, sizeof *z);
  bool *out = support_alloc(s->n, sizeof *out);
  for (size_t j = 0; j < s->m; j++) {
    size_t mine = s->in->owner[j];
    for (size_t i = 0; i < s->n; i++)
      z[i] = s->xy[i * s->m + j] / tau;
    out[mine] = true;
    v[j] = log_sum_exp(z[mine], z, out, s->n) - z[mine];
    out[mine] = false;
  }
  free(z);
  free(out);
}

/* image → text: mean over p ∈ T_i of log(e^{s_ip/τ} + Σ_{j∉T_i} e^{s_ij/τ}) − s_ip/τ */
static void image_to_text(const naive_state *s, double *v)
{
  double tau = s->in->temperature, *z = support_alloc(s->m, sizeof *z);
  bool *mine = support_alloc(s->m, sizeof *mine);
  for (size_t i = 0; i < s->n; i++) {
    v[i] = 0;
    for (size_t j = 0; j < s->m; j++) {
      z[j] = s->xy[i * s->m + j] / tau;
      mine[j] = s->in->owner[j] == i;
    }
    for (size_t j = 0; j < s->m; j++)
      if (mine[j])
        v[i] += (log_sum_exp(z[j], z, mine, s->m) - z[j]) / (double)s->texts_of[i];
  }
  free(z);
  free(mine);
}

void naive_losses(naive_result *out, const naive_state *s)
{
  cgap_losses *l = &out->audit.loss;
  const cgap_uniformity *u = &out->audit.uniformity;
  double *v = support_alloc(s->n > s->m ? s->n : s->m, sizeof *v);
  l->temperature = s->in->temperature;
  text_to_image(s, v);
  l->clip_text_to_image = naive_mean(s, v, true);
  image_to_text(s, v);
  l->clip_image_to_text = naive_mean(s, v, false);
  free(v);
  double clip = (l->clip_text_to_image.value + l->clip_image_to_text.value) / 2;
  double align = out->audit.alignment.mean_squared_distance.value;
  l->clip = naive_scalar(clip, s->n);
  l->cua = u->mean.why ? naive_null() : naive_scalar(clip + u->mean.value + align, s->n);
  l->cuaxu =
    u->mean.why || u->cross.why ? naive_null() : naive_scalar(clip + u->mean.value + align + u->cross.value, s->n);
}
