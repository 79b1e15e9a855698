/* mixed_retrieval.*: search in one index of both modalities. The rank of a query's best positive among all images and
 * texts is its rank among the other modality (retrieval.c) and, on top, what its own modality has above it and half of
 * what ties. Neither the query itself nor, for a text, the other texts of its image compete.
 * nDCG@10 with one relevant item a query, as in MixBench (arXiv 2507.19054). */
#include "analysis/interval.h"
#include "base/memory.h"

#include <math.h>

#define MIXBENCH "MixBench 2025, arXiv 2507.19054"

static void finish_direction(const cgap_query_ranks *q, cgap_mixed_retrieval *out)
{
  out->ndcg_at_10 = cgap_query_ndcg_at_10(q);
  out->recall_at_1 = cgap_query_recall(q, 1);
  out->recall_at_10 = cgap_query_recall(q, 10);
  out->mrr = cgap_query_mean_reciprocal_rank(q);
  out->median_rank = cgap_query_median_rank(q);
}

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  if (!e->paired)
    return CGAP_OK;
  const cgap_sums *cross = cgap_sums_of(e, CGAP_IMAGE_TEXT, &cgap_measure_retrieval),
                  *image = cgap_sums_of(e, CGAP_IMAGE_IMAGE, &cgap_measure_retrieval),
                  *text = cgap_sums_of(e, CGAP_TEXT_TEXT, &cgap_measure_retrieval);
  const size_t images = e->image.rows, texts = e->text.rows, longest = images > texts ? images : texts;
  double *scratch = cgap_alloc(longest, sizeof *scratch);
  out->mixed_rank_image = cgap_alloc(images, sizeof(double));
  out->mixed_rank_text = cgap_alloc(texts, sizeof(double));
  if (!scratch || !out->mixed_rank_image || !out->mixed_rank_text) {
    cgap_free(scratch);
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu ranks", longest);
  }
  size_t queries = 0;
  for (size_t i = 0; i < images; i++) {
    const bool asks = e->first[i + 1] > e->first[i];
    queries += asks;
    out->mixed_rank_image[i] = asks ? 1 + cgap_query_added_rank(cross->row_counts, cross->row_stride, i) +
                                        cgap_query_added_rank(image->row_counts, image->row_stride, i)
                                    : NAN;
  }
  for (size_t j = 0; j < texts; j++)
    out->mixed_rank_text[j] = 1 + cgap_query_added_rank(cross->column_counts, cross->column_stride, j) +
                              cgap_query_added_rank(text->row_counts, text->row_stride, j) -
                              (e->sibling_rank ? e->sibling_rank[j] : 0);
  finish_direction(
    &(cgap_query_ranks){
      .sums = e, .rank = out->mixed_rank_image, .scratch = scratch, .rows = images, .queries = queries},
    &out->mixed_image_query);
  finish_direction(
    &(cgap_query_ranks){
      .sums = e, .rank = out->mixed_rank_text, .scratch = scratch, .rows = texts, .queries = texts, .texts = true},
    &out->mixed_text_query);
  cgap_free(scratch);
  return CGAP_OK;
}

#define NDCG "Mean over queries of 1/log2(1 + rank) of the partner in one index of both modalities, 0 beyond rank 10."
#define RECALL_1 "Share of queries whose partner comes first in one index of both modalities."
#define RECALL_10 "Share of queries whose partner is among the first 10 of one index of both modalities."
#define MEDIAN "Median rank of the partner in one index of both modalities."
#define RECIPROCAL "Mean of 1/rank of the partner in one index of both modalities."

static const cgap_field fields[] = {
  {"mixed_retrieval.image_query.ndcg_at_10", "nDCG@10", CGAP_GROUP_MIXED_RETRIEVAL, 0,
   offsetof(cgap_audit, mixed_image_query.ndcg_at_10), 4, CGAP_HIGHER, CGAP_HAS_PAIRS, NDCG, MIXBENCH},
  {"mixed_retrieval.text_query.ndcg_at_10", "nDCG@10", CGAP_GROUP_MIXED_RETRIEVAL, 1,
   offsetof(cgap_audit, mixed_text_query.ndcg_at_10), 4, CGAP_HIGHER, CGAP_HAS_PAIRS, NDCG, MIXBENCH},
  {"mixed_retrieval.image_query.recall_at_1", "recall@1", CGAP_GROUP_MIXED_RETRIEVAL, 0,
   offsetof(cgap_audit, mixed_image_query.recall_at_1), 4, CGAP_HIGHER, CGAP_HAS_PAIRS, RECALL_1, MIXBENCH},
  {"mixed_retrieval.text_query.recall_at_1", "recall@1", CGAP_GROUP_MIXED_RETRIEVAL, 1,
   offsetof(cgap_audit, mixed_text_query.recall_at_1), 4, CGAP_HIGHER, CGAP_HAS_PAIRS, RECALL_1, MIXBENCH},
  {"mixed_retrieval.image_query.recall_at_10", "recall@10", CGAP_GROUP_MIXED_RETRIEVAL, 0,
   offsetof(cgap_audit, mixed_image_query.recall_at_10), 4, CGAP_HIGHER, CGAP_HAS_PAIRS, RECALL_10, MIXBENCH},
  {"mixed_retrieval.text_query.recall_at_10", "recall@10", CGAP_GROUP_MIXED_RETRIEVAL, 1,
   offsetof(cgap_audit, mixed_text_query.recall_at_10), 4, CGAP_HIGHER, CGAP_HAS_PAIRS, RECALL_10, MIXBENCH},
  {"mixed_retrieval.image_query.median_rank", "median rank", CGAP_GROUP_MIXED_RETRIEVAL, 0,
   offsetof(cgap_audit, mixed_image_query.median_rank), 1, CGAP_LOWER, CGAP_HAS_PAIRS, MEDIAN, ""},
  {"mixed_retrieval.text_query.median_rank", "median rank", CGAP_GROUP_MIXED_RETRIEVAL, 1,
   offsetof(cgap_audit, mixed_text_query.median_rank), 1, CGAP_LOWER, CGAP_HAS_PAIRS, MEDIAN, ""},
  {"mixed_retrieval.image_query.mrr", "reciprocal rank", CGAP_GROUP_MIXED_RETRIEVAL, 0,
   offsetof(cgap_audit, mixed_image_query.mrr), 4, CGAP_HIGHER, CGAP_HAS_PAIRS, RECIPROCAL, ""},
  {"mixed_retrieval.text_query.mrr", "reciprocal rank", CGAP_GROUP_MIXED_RETRIEVAL, 1,
   offsetof(cgap_audit, mixed_text_query.mrr), 4, CGAP_HIGHER, CGAP_HAS_PAIRS, RECIPROCAL, ""},
};

const cgap_measure cgap_measure_mixed_retrieval = {
  .name = "mixed retrieval",
  .paired_only = true,
  .basis = CGAP_ON_QUERIES,
  .finish = finish,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
