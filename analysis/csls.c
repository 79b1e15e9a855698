/* csls.*: recall by cross-domain similarity local scaling (Conneau et al. 2018): candidates are ordered by
 * 2 s_ij − r_i − r_j, r the mean of a row's highest cosines with the other modality (10 of them, or all). It takes off
 * what makes hubs, so the difference from retrieval.* is how much of the loss is hubness.
 *
 * r_i is the same for all candidates of query i, which are compared by 2 s_ij − r_j with the best of its positives.
 * Since r comes from the ten best, this takes a pass of its own over the cross cosines, which moves float cosines by
 * r_j/2 and decides in double what is within the margins. */
#include "analysis/finish.h"
#include "analysis/query_ranks.h"
#include "base/memory.h"

#include <math.h>

#define HALVES_ROUNDED 0x1p-22f /* what halving and subtracting in float are off by, and more */

void cgap_csls_scales(const cgap_neighbours *lists, size_t targets, double *scale)
{
  const size_t k = targets < CGAP_NEIGHBOURS ? targets : CGAP_NEIGHBOURS;
  for (size_t i = 0; i < lists->rows; i++) {
    scale[i] = 0;
    for (size_t n = 0; n < k; n++)
      scale[i] += lists->list[i * CGAP_NEIGHBOURS + n].cosine / (double)k;
  }
}

void cgap_csls_marks(const cgap_audit_sums *e, cgap_csls_scaling *s)
{
  for (size_t i = 0; i < e->image.rows; i++) {
    s->image_mark[i] = 4; /* of an image without a text, which no candidate reaches */
    for (size_t t = e->first[i]; t < e->first[i + 1]; t++) {
      const double mark = 2 * e->pair_cosine[e->text_of[t]] - s->text[e->text_of[t]];
      s->image_mark[i] = t == e->first[i] ? mark : fmax(s->image_mark[i], mark);
    }
  }
  for (size_t j = 0; j < e->text.rows; j++)
    s->text_mark[j] = 2 * e->pair_cosine[j] - s->image[e->image_of[j]];
}

/* A row's cosines less half of their columns' scales, and between which the queries of the columns find theirs open. */
typedef struct moved_row {
  float cosine[CGAP_TILE], low[CGAP_TILE], high[CGAP_TILE];
} moved_row;

static void move_row(const cgap_strip *s, const cgap_csls_scaling *c, size_t r, moved_row *out)
{
  const double *scale = c->text + s->column, *mark = c->text_mark + s->column, own = c->image[s->row + r];
  const float *cosine = s->cosine + r * s->stride;
  for (size_t k = 0; k < s->columns; k++) {
    const double middle = (mark[k] + own - scale[k]) / 2, margin = (double)(s->column_margin[k] + HALVES_ROUNDED);
    out->cosine[k] = cosine[k] - (float)(scale[k] / 2);
    out->low[k] = (float)(middle - margin);
    out->high[k] = (float)(middle + margin);
  }
}

static void csls_strip(const cgap_strip *s, const cgap_audit_sums *e, const cgap_audit_kernels *kernels,
                       cgap_sums *sums)
{
  const cgap_csls_scaling *c = e->csls;
  uint32_t column_above[CGAP_TILE] = {0};
  uint16_t index[CGAP_TILE];
  moved_row moved;
  for (size_t r = 0; r < s->rows; r++) {
    const double mark = c->image_mark[s->row + r], margin = (double)(s->row_margin[r] + HALVES_ROUNDED);
    const float low = (float)(mark / 2 - margin), high = (float)(mark / 2 + margin);
    uint64_t *of_row = sums->row_counts + s->tile_row + r;
    uint32_t above = 0;
    move_row(s, c, r, &moved);
    const size_t found =
      kernels->compare(moved.cosine, s->columns, low, high, &above, moved.low, moved.high, column_above, index);
    of_row[CGAP_RANK_ABOVE * sums->row_stride] += above;
    for (size_t f = 0; f < found; f++) {
      const size_t k = index[f], column = s->column + k;
      const double twice = 2 * cgap_strip_exact(s, e, r, k);
      if (moved.cosine[k] >= low && moved.cosine[k] <= high)
        cgap_query_count(twice - c->text[column], mark, of_row, sums->row_stride);
      if (moved.cosine[k] >= moved.low[k] && moved.cosine[k] <= moved.high[k])
        cgap_query_count(twice - c->image[s->row + r], c->text_mark[column], sums->column_counts + k,
                         sums->column_stride);
    }
  }
  for (size_t k = 0; k < s->columns; k++)
    sums->column_counts[CGAP_RANK_ABOVE * sums->column_stride + k] += column_above[k];
}

static void finish_direction(const cgap_query_ranks *q, cgap_csls *out)
{
  out->recall_at_1 = cgap_query_recall(q, 1);
  out->recall_at_5 = cgap_query_recall(q, 5);
  out->recall_at_10 = cgap_query_recall(q, 10);
}

static void finish_null(cgap_csls *out, size_t n)
{
  out->recall_at_1 = out->recall_at_5 = out->recall_at_10 =
    cgap_scalar_null("a sample does not show the nearest rows of all", n);
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  const cgap_sums *sums = cgap_sums_of(e, CGAP_IMAGE_TEXT, &cgap_measure_csls);
  const size_t images = e->image.rows, texts = e->text.rows, longest = images > texts ? images : texts;
  if (!(out->has & CGAP_HAS_CSLS))
    return CGAP_OK;
  if (!sums->row_counts) {
    finish_null(&out->csls_image_to_text, images);
    finish_null(&out->csls_text_to_image, texts);
    return CGAP_OK;
  }
  double *rank = cgap_alloc(2 * longest, sizeof *rank), *scratch = rank ? rank + longest : NULL;
  size_t queries = 0;
  if (!rank)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu ranks", longest);
  for (size_t i = 0; i < images; i++) {
    const bool asks = e->first[i + 1] > e->first[i];
    queries += asks;
    rank[i] = asks ? 1 + cgap_query_added_rank(sums->row_counts, sums->row_stride, i) : NAN;
  }
  finish_direction(&(cgap_query_ranks){.sums = e, .rank = rank, .scratch = scratch, .rows = images, .queries = queries},
                   &out->csls_image_to_text);
  for (size_t j = 0; j < texts; j++)
    rank[j] = 1 + cgap_query_added_rank(sums->column_counts, sums->column_stride, j);
  finish_direction(
    &(cgap_query_ranks){.sums = e, .rank = rank, .scratch = scratch, .rows = texts, .queries = texts, .texts = true},
    &out->csls_text_to_image);
  cgap_free(rank);
  return CGAP_OK;
}

#define CONNEAU "Conneau et al. 2018, arXiv 1710.04087"
#define SCALED "by 2 cosine − the mean of the query's and of the candidate's 10 highest cosines."

static const cgap_field fields[] = {
  {"csls.image_to_text.recall_at_1", "recall@1", CGAP_GROUP_CSLS, 0,
   offsetof(cgap_audit, csls_image_to_text.recall_at_1), 4, CGAP_HIGHER, CGAP_HAS_CSLS,
   "Share of queries whose own partner comes first, " SCALED, CONNEAU},
  {"csls.text_to_image.recall_at_1", "recall@1", CGAP_GROUP_CSLS, 1,
   offsetof(cgap_audit, csls_text_to_image.recall_at_1), 4, CGAP_HIGHER, CGAP_HAS_CSLS,
   "Share of queries whose own partner comes first, " SCALED, CONNEAU},
  {"csls.image_to_text.recall_at_5", "recall@5", CGAP_GROUP_CSLS, 0,
   offsetof(cgap_audit, csls_image_to_text.recall_at_5), 4, CGAP_HIGHER, CGAP_HAS_CSLS,
   "Share of queries whose own partner is among the first 5, " SCALED, CONNEAU},
  {"csls.text_to_image.recall_at_5", "recall@5", CGAP_GROUP_CSLS, 1,
   offsetof(cgap_audit, csls_text_to_image.recall_at_5), 4, CGAP_HIGHER, CGAP_HAS_CSLS,
   "Share of queries whose own partner is among the first 5, " SCALED, CONNEAU},
  {"csls.image_to_text.recall_at_10", "recall@10", CGAP_GROUP_CSLS, 0,
   offsetof(cgap_audit, csls_image_to_text.recall_at_10), 4, CGAP_HIGHER, CGAP_HAS_CSLS,
   "Share of queries whose own partner is among the first 10, " SCALED, CONNEAU},
  {"csls.text_to_image.recall_at_10", "recall@10", CGAP_GROUP_CSLS, 1,
   offsetof(cgap_audit, csls_text_to_image.recall_at_10), 4, CGAP_HIGHER, CGAP_HAS_CSLS,
   "Share of queries whose own partner is among the first 10, " SCALED, CONNEAU},
};

const cgap_measure cgap_measure_csls = {
  .name = "retrieval by CSLS",
  .kinds = 1u << CGAP_IMAGE_TEXT,
  .paired_only = true,
  .own_pass = true,
  .need = {.row_counts = CGAP_RANK_COUNTS},
  .strip = csls_strip,
  .basis = CGAP_ON_NEIGHBOURS,
  .finish = finish,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
