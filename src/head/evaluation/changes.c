#include "head/evaluation/changes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/interval.h"
#include "base/memory.h"

/* ---------------------------------------------------------------- ranks */

static const double *ranks_of(const cgap_audit *a, cgap_search search, bool texts)
{
  if (search == CGAP_SEARCH_CROSS)
    return texts ? a->rank_text_to_image : a->rank_image_to_text;
  return texts ? a->mixed_rank_text : a->mixed_rank_image;
}

/* +1: found afterwards alone, −1: before alone. */
static int flip_of(double before, double after, double cut)
{
  return (after <= cut) - (before <= cut);
}

/* ---------------------------------------------------------------- exact tests */

/* Adds queries of one modality; by_image (images) the sum of each image's flips, asked (images) its queries. */
static void count_flips(cgap_flips *f, double *by_image, double *asked, const cgap_audit *before,
                        const cgap_audit *after, cgap_search search, bool texts, double cut)
{
  const double *from = ranks_of(before, search, texts), *to = ranks_of(after, search, texts);
  for (size_t k = 0; k < (texts ? before->texts : before->images); k++) {
    if (isnan(from[k]))
      continue;
    const int flip = flip_of(from[k], to[k], cut);
    const size_t image = texts ? before->image_of[k] : k;
    f->queries++;
    f->lost += flip < 0;
    f->gained += flip > 0;
    by_image[image] += flip;
    asked[image]++;
  }
}

/* How much wider the queries of one image make the variance of the mean flip than as many independent ones. */
static double design_effect(const cgap_flips *f, const double *by_image, const double *asked, size_t images)
{
  const double n = (double)images, queries = (double)f->queries, changed = (double)(f->lost + f->gained);
  const double mean = ((double)f->gained - (double)f->lost) / queries, alone = changed - queries * mean * mean;
  double total = 0, most = 0;
  for (size_t i = 0; i < images; i++) {
    const double own = by_image[i] - asked[i] * mean;
    total += own * own;
    most = fmax(most, asked[i]);
  }
  return most > 1 && alone > 0 ? fmax(1, n / (n - 1) * total / alone) : 1;
}

static void flips_init(cgap_flips *f, double *scratch, const cgap_audit *before, const cgap_audit *after,
                       cgap_search search, cgap_asking asking, cgap_cut cut)
{
  static const double CUTS[CGAP_CUTS] = {[CGAP_WITHIN_1] = 1, [CGAP_WITHIN_10] = 10};
  const size_t images = before->images;
  double *by_image = scratch, *asked = scratch + images;
  memset(scratch, 0, 2 * images * sizeof *scratch);
  *f = (cgap_flips){0};
  for (int texts = 0; texts < 2; texts++)
    if (asking == CGAP_BOTH_ASK || (asking == CGAP_TEXTS_ASK) == (texts == 1))
      count_flips(f, by_image, asked, before, after, search, texts, CUTS[cut]);
  const double effect = f->queries ? design_effect(f, by_image, asked, images) : 1;
  f->p = cgap_sign_test((double)f->lost / effect, (double)f->gained / effect);
}

/* ---------------------------------------------------------------- queries */

static int by_row(const void *a, const void *b)
{
  const cgap_changed_query *x = a, *y = b;
  return x->is_text != y->is_text ? x->is_text - y->is_text : (x->row > y->row) - (x->row < y->row);
}

static void add_queries(cgap_changes *c, const cgap_audit *before, const cgap_audit *after, bool texts)
{
  const size_t *row = texts ? before->text_row : before->image_row;
  for (size_t k = 0; k < (texts ? before->texts : before->images); k++) {
    cgap_changed_query *q = &c->query[c->queries];
    *q = (cgap_changed_query){.is_text = texts, .row = row[k]};
    for (int s = 0; s < CGAP_SEARCHES; s++) {
      q->rank[s][CGAP_BEFORE] = ranks_of(before, (cgap_search)s, texts)[k];
      q->rank[s][CGAP_AFTER] = ranks_of(after, (cgap_search)s, texts)[k];
    }
    c->queries += !isnan(q->rank[CGAP_SEARCH_CROSS][CGAP_BEFORE]); /* an image without a text asks nothing */
  }
}

/* ---------------------------------------------------------------- those that lose most */

/* Inserts a place whose loss is positive into a list of at most CGAP_LOSERS, the largest loss first; the earlier place
 * first among equals. */
static void offer_loser(size_t *list, double *losses, size_t *count, size_t place, double loss)
{
  if (!(loss > 0))
    return;
  size_t at = *count;
  for (; at > 0 && loss > losses[at - 1]; at--)
    if (at < CGAP_LOSERS) {
      losses[at] = losses[at - 1];
      list[at] = list[at - 1];
    }
  if (at < CGAP_LOSERS) {
    losses[at] = loss;
    list[at] = place;
    *count += *count < CGAP_LOSERS;
  }
}

static void find_losing_queries(cgap_changes *c)
{
  double losses[CGAP_LOSERS];
  for (size_t k = 0; k < c->queries; k++) {
    const double *rank = c->query[k].rank[CGAP_SEARCH_CROSS];
    offer_loser(c->losing_query, losses, &c->losing_queries, k, 1 / rank[CGAP_BEFORE] - 1 / rank[CGAP_AFTER]);
  }
}

static void find_losing_classes(cgap_changes *c)
{
  double losses[CGAP_LOSERS];
  for (size_t k = 0; k < c->classes; k++)
    offer_loser(c->losing_class, losses, &c->losing_classes, k,
                c->class[k].top_1[CGAP_BEFORE] - c->class[k].top_1[CGAP_AFTER]);
}

/* ---------------------------------------------------------------- classes */

typedef struct ordered_p {
  double p;
  size_t at;
} ordered_p;

static int by_p(const void *a, const void *b)
{
  const ordered_p *x = a, *y = b;
  return (x->p > y->p) - (x->p < y->p);
}

cgap_status cgap_holm(double *out, const double *p, size_t count, cgap_error *error)
{
  ordered_p *order = cgap_alloc(count, sizeof *order);
  double least = 0; /* a larger p stays the larger one */
  if (!order)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu tests", count);
  for (size_t k = 0; k < count; k++)
    order[k] = (ordered_p){p[k], k};
  qsort(order, count, sizeof *order, by_p);
  for (size_t k = 0; k < count; k++) {
    least = fmax(least, fmin(1, (double)(count - k) * order[k].p));
    out[order[k].at] = least;
  }
  cgap_free(order);
  return CGAP_OK;
}

static int by_label(const void *label, const void *class)
{
  const size_t x = *(const size_t *)label, y = ((const cgap_changed_class *)class)->label;
  return (x > y) - (x < y);
}

static void count_flips_of_classes(cgap_changes *c, const cgap_contributions *before, const cgap_contributions *after)
{
  for (size_t i = 0; i < before->images; i++) {
    cgap_changed_class *class = bsearch(&before->label[i], c->class, c->classes, sizeof *c->class, by_label);
    const int flip = (after->place[i] == 1) - (before->place[i] == 1);
    class->flips.queries++;
    class->flips.lost += flip < 0;
    class->flips.gained += flip > 0;
  }
}

static int by_move(const void *a, const void *b)
{
  const cgap_class_move *x = a, *y = b;
  return x->label != y->label ? (x->label > y->label) - (x->label < y->label)
                              : (x->into > y->into) - (x->into < y->into);
}

/* move has a place for every image. */
static void fill_moves(cgap_changes *c, const cgap_contributions *before, const cgap_contributions *after)
{
  size_t lost = 0;
  for (size_t i = 0; i < before->images; i++)
    if (before->place[i] == 1 && after->place[i] != 1)
      c->move[lost++] = (cgap_class_move){before->label[i], after->nearest[i], 1};
  qsort(c->move, lost, sizeof *c->move, by_move);
  for (size_t k = 0; k < lost; k++)
    if (c->moves && by_move(&c->move[c->moves - 1], &c->move[k]) == 0)
      c->move[c->moves - 1].images++;
    else
      c->move[c->moves++] = c->move[k];
}

static cgap_status fill_classes(cgap_changes *c, const cgap_audit *before, const cgap_audit *after, cgap_error *error)
{
  const cgap_zero_shot_class *from = before->zero_shot.classes, *to = after->zero_shot.classes;
  const size_t count = c->classes = before->zero_shot.class_count;
  double *p = cgap_alloc(2 * count, sizeof *p);
  if (!p)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu classes", count);
  for (size_t k = 0; k < count; k++)
    c->class[k] = (cgap_changed_class){
      .label = from[k].label, .top_1 = {from[k].top_1, to[k].top_1}, .gap = {from[k].gap, to[k].gap}};
  count_flips_of_classes(c, before->contributions, after->contributions);
  fill_moves(c, before->contributions, after->contributions);
  for (size_t k = 0; k < count; k++)
    p[k] = c->class[k].flips.p = cgap_sign_test((double)c->class[k].flips.lost, (double)c->class[k].flips.gained);
  const cgap_status status = cgap_holm(p + count, p, count, error);
  for (size_t k = 0; k < count; k++)
    c->class[k].p_holm = p[count + k];
  cgap_free(p);
  return status;
}

void cgap_class_part_of(cgap_class_part *out, const cgap_changes *c, bool unseen)
{
  *out = (cgap_class_part){0};
  for (size_t k = 0; k < c->classes; k++) {
    if (c->held[c->class[k].label] != unseen)
      continue;
    out->classes++;
    out->flips.queries += c->class[k].flips.queries;
    out->flips.lost += c->class[k].flips.lost;
    out->flips.gained += c->class[k].flips.gained;
  }
  out->flips.p = cgap_sign_test((double)out->flips.lost, (double)out->flips.gained);
}

double cgap_class_part_top_1(const cgap_audit *a, const bool *held, bool unseen)
{
  double right = 0, images = 0;
  for (size_t k = 0; k < a->zero_shot.class_count; k++) {
    const cgap_zero_shot_class *c = &a->zero_shot.classes[k];
    if (held[c->label] != unseen)
      continue;
    right += c->top_1 * (double)c->images;
    images += (double)c->images;
  }
  return images > 0 ? right / images : NAN;
}

/* ---------------------------------------------------------------- all */

cgap_status cgap_changes_init(cgap_changes *out, const cgap_audit *before, const cgap_audit *after, cgap_error *error)
{
  const size_t rows = before->images + before->texts;
  const bool classes = before->has & after->has & CGAP_HAS_ZERO_SHOT;
  double *scratch = cgap_alloc(2 * before->images, sizeof *scratch);
  *out = (cgap_changes){.names = before->names, .query = cgap_alloc(rows, sizeof *out->query)};
  out->class = cgap_alloc(classes ? before->zero_shot.class_count : 0, sizeof *out->class);
  out->move = cgap_alloc(classes ? before->images : 0, sizeof *out->move);
  cgap_status status = scratch && out->query && out->class && out->move
                         ? CGAP_OK
                         : cgap_fail(error, CGAP_RESOURCE, "out of memory for the changes of %zu rows", rows);
  for (int s = 0; status == CGAP_OK && s < CGAP_SEARCHES; s++)
    for (int a = 0; a < CGAP_ASKING; a++)
      for (int cut = 0; cut < CGAP_CUTS; cut++)
        flips_init(&out->flips[s][a][cut], scratch, before, after, (cgap_search)s, (cgap_asking)a, (cgap_cut)cut);
  if (status == CGAP_OK) {
    add_queries(out, before, after, false);
    add_queries(out, before, after, true);
    qsort(out->query, out->queries, sizeof *out->query, by_row);
    find_losing_queries(out);
  }
  if (status == CGAP_OK && classes)
    status = fill_classes(out, before, after, error);
  find_losing_classes(out);
  cgap_free(scratch);
  if (status != CGAP_OK)
    cgap_changes_clear(out);
  return status;
}

void cgap_changes_clear(cgap_changes *c)
{
  cgap_free(c->query);
  cgap_free(c->class);
  cgap_free(c->move);
  *c = (cgap_changes){0};
}
