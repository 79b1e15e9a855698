/* The losses: what the sweeps over tiles gather, made into terms and into the numbers that pull each cosine. */
#include "head/model/loss.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "head/model/loss_tiles.h"

static const float NO_PULL = 1e30f; /* an offset that makes the exponential vanish */

static bool allocate_noting_failure(cgap_loss *l)
{
  size_t pairs = 0;
  const size_t slot = (size_t)CGAP_LOSS_TILE * l->dim;
  const bool keeps = cgap_product(&pairs, l->images, l->texts) && pairs <= CGAP_LOSS_KEPT_COSINES;
  l->row = cgap_alloc(l->images, sizeof *l->row);
  l->column = cgap_alloc(l->texts, sizeof *l->column);
  l->row_reference = cgap_alloc(2 * l->images, sizeof *l->row_reference);
  l->column_reference = cgap_alloc(2 * l->texts, sizeof *l->column_reference);
  l->positive = cgap_alloc(2 * l->positive_capacity, sizeof *l->positive);
  l->keep = cgap_alloc(keeps ? pairs : 1, sizeof *l->keep);
  l->scratch = cgap_alloc((size_t)l->threads * CGAP_LOSS_TILE * CGAP_LOSS_TILE, sizeof *l->scratch);
  l->slot_gradient = cgap_alloc(2 * CGAP_LOSS_GROUPS * slot, sizeof *l->slot_gradient);
  l->slot_column = cgap_alloc((size_t)2 * CGAP_LOSS_GROUPS * CGAP_LOSS_TILE, sizeof *l->slot_column);
  if (!l->row || !l->column || !l->row_reference || !l->column_reference || !l->positive || !l->keep || !l->scratch ||
      !l->slot_gradient || !l->slot_column)
    return false;
  l->row_offset = l->row_reference + l->images;
  l->column_offset = l->column_reference + l->texts;
  l->pull = l->positive + l->positive_capacity;
  for (size_t g = 0; g < (size_t)2 * CGAP_LOSS_GROUPS; g++) {
    l->slot[g].gradient = l->slot_gradient + g * slot;
    l->slot[g].column = l->slot_column + g * CGAP_LOSS_TILE;
  }
  if (!keeps) {
    cgap_free(l->keep);
    l->keep = NULL;
  }
  return true;
}

cgap_status cgap_loss_open(cgap_loss **out, size_t images, size_t texts, size_t positives, size_t dim, int threads,
                           cgap_error *error)
{
  *out = NULL;
  if (images > INT_MAX || texts > INT_MAX || dim > INT_MAX)
    return cgap_fail(error, CGAP_USAGE, "a batch of %zu images and %zu texts of %zu dimensions: at most %d of each",
                     images, texts, dim, INT_MAX);
  cgap_loss *l = cgap_zalloc(1, sizeof *l);
  if (!l)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  l->images = images;
  l->texts = texts;
  l->positive_capacity = positives;
  l->dim = dim;
  l->threads = threads > 0 ? threads : 1;
  l->vector = cgap_training_kernels_here();
  if (!allocate_noting_failure(l)) {
    cgap_loss_close(l);
    return cgap_fail(error, CGAP_RESOURCE,
                     "out of memory for a batch of %zu images and %zu texts; give a smaller --batch", images, texts);
  }
  *out = l;
  return CGAP_OK;
}

void cgap_loss_set_comm(cgap_loss *l, cgap_comm *comm)
{
  l->comm = comm;
}

cgap_status cgap_loss_status(const cgap_loss *l, cgap_error *error)
{
  if (l->status && error)
    *error = l->error;
  return l->status;
}

void cgap_loss_close(cgap_loss *l)
{
  if (!l)
    return;
  cgap_free(l->row);
  cgap_free(l->column);
  cgap_free(l->row_reference);
  cgap_free(l->column_reference);
  cgap_free(l->positive);
  cgap_free(l->keep);
  cgap_free(l->scratch);
  cgap_free(l->slot_gradient);
  cgap_free(l->slot_column);
  cgap_free(l);
}

/* log(e^a + e^b); *share: the part that e^b has of the sum. A batch does this for each of its rows: plain comparisons
 * and one exponential. */
static double log_add(double a, double b, double *weight_of_first)
{
  const bool above = a > b; /* false for a number that is none: the sum is none then */
  const double high = above ? a : b, low = above ? b : a, e = low == -INFINITY ? 0 : exp(low - high);
  *weight_of_first = (above ? e : 1) / (1 + e);
  return e > 0 || isnan(e) ? high + log1p(e) : high;
}

/* One direction of CLIP: queries with their pairs, and the running sums over their negatives. */
typedef struct direction {
  size_t queries;
  const size_t *first;
  const size_t *positive_index; /* pairs listed by query; NULL: in their own order */
  const cgap_running_sum *negatives;
  float *reference, *offset;
  double weight, log_strength; /* of one query's loss; log(weight·β) */
} direction;

typedef struct direction_sums {
  double loss;
  size_t asked, found; /* queries with a positive; those whose best positive is above every negative */
} direction_sums;

static size_t positive_at(const direction *d, size_t place)
{
  return d->positive_index ? d->positive_index[place] : place;
}

static direction_sums count_asked(const direction *d)
{
  direction_sums sums = {0};
  for (size_t q = 0; q < d->queries; q++)
    sums.asked += d->first[q + 1] > d->first[q];
  return sums;
}

/* loss_q = mean over p of log(e^{βs_p} + R) − βs_p, R the negatives' sum.
 * ∂/∂s_j = β e^{βs_j} · mean over p of 1/(e^{βs_p} + R); ∂/∂s_p = β/k (e^{βs_p}/(e^{βs_p} + R) − 1). */
static double query_loss(const direction *d, size_t q, double beta, const cgap_loss *l, direction_sums *sums)
{
  const size_t begin = d->first[q], end = d->first[q + 1], count = end - begin;
  const cgap_running_sum *negatives = &d->negatives[q];
  const double rest = negatives->sum > 0 ? beta * (double)negatives->greatest + log(negatives->sum) : -INFINITY;
  double loss = 0, best = -INFINITY, log_pull = -INFINITY; /* log Σ_p 1/(e^{βs_p} + R) */
  for (size_t k = begin; k < end; k++) {
    size_t c = positive_at(d, k);
    double s = (double)l->positive[c], weight_of_first, ignored, all = log_add(beta * s, rest, &weight_of_first);
    loss += all - beta * s;
    log_pull = k == begin ? -all : log_add(log_pull, -all, &ignored);
    best = s > best ? s : best;
    l->pull[c] -= (float)(d->weight * beta / (double)count * weight_of_first);
  }
  const bool pulls = count > 0 && negatives->sum > 0 && d->weight > 0;
  const double log_count = count > 1 ? log((double)count) : 0;
  d->reference[q] = pulls ? negatives->greatest : 0;
  d->offset[q] =
    pulls ? (float)-(beta * (double)negatives->greatest + log_pull - log_count + d->log_strength) : NO_PULL;
  sums->found += count > 0 && best > (double)negatives->greatest;
  return count > 0 ? loss / (double)count : 0;
}

static direction_sums direction_loss(direction *d, double beta, double weight, cgap_loss *l)
{
  direction_sums sums = count_asked(d);
  d->weight = sums.asked ? weight / 2 / (double)sums.asked : 0;
  d->log_strength = log(d->weight * beta);
  for (size_t q = 0; q < d->queries; q++)
    sums.loss += query_loss(d, q, beta, l, &sums);
  return sums;
}

static double mean_of(double sum, size_t count)
{
  return count ? sum / (double)count : NAN;
}

/* Terms of pairs, and what pulls every cosine. Returns Σ s·∂(CLIP part)/∂s over the pairs. */
static double positive_terms(cgap_loss *l, const cgap_positives *p, const cgap_weights *w, double beta,
                             cgap_loss_terms *terms)
{
  direction by_image = {p->images, p->image_first, NULL, l->row, l->row_reference, l->row_offset, 0, 0};
  direction by_text = {p->texts, p->text_first, p->text_positive, l->column, l->column_reference, l->column_offset, 0,
                       0};
  double align = 0, dot = 0;
  memset(l->pull, 0, p->count * sizeof *l->pull);
  direction_sums image = direction_loss(&by_image, beta, w->clip, l), text = direction_loss(&by_text, beta, w->clip, l);
  for (size_t c = 0; c < p->count; c++) {
    double s = (double)l->positive[c];
    align += 2 - 2 * s;
    dot += s * (double)l->pull[c];
    l->pull[c] += (float)(-2 * w->align / (double)p->count);
  }
  terms->image_to_text = mean_of(image.loss, image.asked);
  terms->text_to_image = mean_of(text.loss, text.asked);
  terms->clip = (terms->image_to_text + terms->text_to_image) / 2;
  terms->align = mean_of(align, p->count);
  terms->recall_image_to_text = mean_of((double)image.found, image.asked);
  terms->recall_text_to_image = mean_of((double)text.found, text.asked);
  return dot;
}

/* u = log(2 Σ/(n(n − 1))), ∂u/∂z_i = 4/Σ · Σ_k e^{4 z_i·z_k − 4} z_k (L_Uniform takes half). Leaves the sums over k in
 * the gradients, and in *out what they are to be multiplied by. */
static void uniformity_terms(cgap_loss *l, const cgap_positives *p, const float *x, const float *y, double weight,
                             cgap_loss_terms *terms, cgap_cosine_gradient *out)
{
  const bool pulls = out && weight > 0;
  const cgap_modality_pair modalities = {
    .z = {x, y},
    .rows = {p->images, p->texts},
    .gradient = {pulls ? out->gradient[0] : NULL, pulls ? out->gradient[1] : NULL},
  };
  double sum[2], term[2];
  cgap_loss_uniformity(l, &modalities, sum);
  for (int modality = 0; modality < 2; modality++) {
    const double rows = (double)modalities.rows[modality];
    term[modality] = rows < 2 ? NAN : log(2 * sum[modality] / (rows * (rows - 1)));
    if (pulls && rows >= 2)
      out->scale[modality] = (float)(weight / 2 * 4 / sum[modality]);
  }
  terms->uniform_image = term[0];
  terms->uniform_text = term[1];
  terms->uniform = (term[0] + term[1]) / 2;
}

static double weighted_term(double weight, double term)
{
  return weight > 0 && !isnan(term) ? weight * term : 0;
}

void cgap_loss_run(cgap_loss *l, const cgap_positives *p, const float *x, const float *y, const cgap_weights *w,
                   double temperature, cgap_loss_terms *terms, cgap_loss_gradient *gradient)
{
  cgap_cross_sweep cross = {.positives = p, .x = x, .y = y, .temperature = temperature};
  const double unmatched = (double)p->images * (double)p->texts - (double)p->count;
  cgap_cosine_gradient pulled = {.gradient = {gradient ? gradient->x : NULL, gradient ? gradient->y : NULL}};
  uniformity_terms(l, p, x, y, w->uniform, terms, gradient ? &pulled : NULL);
  const double kernel = cgap_loss_forward(l, &cross);
  double dot = positive_terms(l, p, w, 1 / temperature, terms);
  terms->xuniform = unmatched > 0 ? log(kernel / unmatched) : NAN;
  terms->total = weighted_term(w->clip, terms->clip) + weighted_term(w->uniform, terms->uniform) +
                 weighted_term(w->align, terms->align) + weighted_term(w->xuniform, terms->xuniform) +
                 0 * terms->align; /* rows that are not finite leave no finite total */
  if (!gradient)
    return;
  cross.cross = unmatched > 0 ? (float)(w->xuniform * 4 / kernel) : 0;
  dot += cgap_loss_backward(l, &cross, &pulled);
  gradient->log_temperature = -dot; /* the loss holds s/τ alone: τ ∂/∂τ = −s ∂/∂s */
}
