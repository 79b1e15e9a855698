/* csls.*: recall by cross-domain similarity local scaling (Conneau et al. 2018): candidates are ordered by
 * 2 s_ij − r_i − r_j, r the mean of a row's highest cosines with the other modality (10 of them, or all). It takes off
 * what makes hubs, so the difference from retrieval.* is how much of the loss is hubness.
 *
 * r_i is the same for all candidates of query i, which are compared by 2 s_ij − r_j with the best of its positives.
 * Since r comes from the ten nearest, this needs a pass of its own over the cross cosines. There s_ij − r_i/2 − r_j/2
 * is compared with a mark per row and one per column. */
#include "analysis/finish.h"
#include "analysis/interval.h"

#include <math.h>

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

typedef struct strip_scales {
  const double *row_scale, *column_scale, *row_mark, *column_mark;
  uint64_t *row_counts, *column_counts; /* where those of the strip begin */
  size_t row_stride, column_stride;
} strip_scales;

static void decide_pair(void *context, const cgap_close_pair *pair)
{
  const strip_scales *c = context;
  if (pair->of_row)
    cgap_query_count(2 * pair->cosine - c->column_scale[pair->column], c->row_mark[pair->row],
                     c->row_counts + pair->row, c->row_stride);
  if (pair->of_column)
    cgap_query_count(2 * pair->cosine - c->row_scale[pair->row], c->column_mark[pair->column],
                     c->column_counts + pair->column, c->column_stride);
}

/* Halves of scales, and of marks less scales, of rows or columns. */
typedef struct halves {
  double scale[CGAP_TILE], mark[CGAP_TILE];
} halves;

static void halve(halves *out, const double *scale, const double *mark, size_t n)
{
  for (size_t k = 0; k < n; k++) {
    out->scale[k] = scale[k] / 2;
    out->mark[k] = (mark[k] - scale[k]) / 2;
  }
}

static void csls_strip(const cgap_strip *s, const cgap_audit_sums *e, const cgap_audit_kernels *kernels,
                       cgap_sums *sums)
{
  strip_scales c = {.row_scale = e->csls->image + s->row,
                    .column_scale = e->csls->text + s->column,
                    .row_mark = e->csls->image_mark + s->row,
                    .column_mark = e->csls->text_mark + s->column,
                    .row_counts = sums->row_counts + s->tile_row,
                    .column_counts = sums->column_counts,
                    .row_stride = sums->row_stride,
                    .column_stride = sums->column_stride};
  halves rows, columns;
  halve(&rows, c.row_scale, c.row_mark, s->rows);
  halve(&columns, c.column_scale, c.column_mark, s->columns);
  cgap_strip_compare(
    s, kernels,
    (cgap_marks){
      .low = rows.mark, .high = rows.mark, .above = c.row_counts + CGAP_RANK_ABOVE * c.row_stride, .shift = rows.scale},
    (cgap_marks){.low = columns.mark,
                 .high = columns.mark,
                 .above = c.column_counts + CGAP_RANK_ABOVE * c.column_stride,
                 .shift = columns.scale},
    decide_pair, &c);
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
  if (!(out->has & CGAP_HAS_CSLS))
    return CGAP_OK;
  if (!sums->row_counts) {
    finish_null(&out->csls_image_to_text, e->image.rows);
    finish_null(&out->csls_text_to_image, e->text.rows);
    return CGAP_OK;
  }
  cgap_query_ranks q[CGAP_QUERY_KINDS];
  cgap_status status = cgap_query_ranks_init(q, e, sums, error);
  if (status != CGAP_OK)
    return status;
  finish_direction(&q[CGAP_BY_IMAGE], &out->csls_image_to_text);
  finish_direction(&q[CGAP_BY_TEXT], &out->csls_text_to_image);
  cgap_query_ranks_clear(q);
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
