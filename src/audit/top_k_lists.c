#include "audit/top_k_lists.h"

#include "rows/row_blocks.h"
#include "simd/convert.h"

/* Both lists of a side's rows: neighbours of their own side, and of the other. */
typedef struct lists {
  const cgap_modality_rows *modality, *other_modality;
  cgap_neighbours *own, *other;
  double margin;
  bool in_double; /* all cosines are to be in double, not only those that decide */
} lists;

/* Whether the border of the ten nearest in the pool runs between an own and another one that are within their margins.
 * Of two of one side it does not matter which is in. */
static bool is_undecided_between(const lists *l, size_t row)
{
  const cgap_neighbour *own = l->own->list + row * CGAP_NEIGHBOURS, *other = l->other->list + row * CGAP_NEIGHBOURS;
  size_t mine = 0, others = 0;
  while (mine + others < CGAP_NEIGHBOURS)
    if (own[mine].cosine >= other[others].cosine)
      mine++;
    else
      others++;
  return (mine > 0 && others < CGAP_NEIGHBOURS && own[mine - 1].cosine - other[others].cosine <= 2 * l->margin) ||
         (others > 0 && mine < CGAP_NEIGHBOURS && other[others - 1].cosine - own[mine].cosine <= 2 * l->margin);
}

/* The cosines of a row's list in double. */
static void recompute_exactly(cgap_neighbours *n, size_t row, const cgap_modality_rows *modality,
                              const cgap_modality_rows *candidates)
{
  cgap_neighbour old[CGAP_NEIGHBOURS], *list = n->list + row * CGAP_NEIGHBOURS;
  for (int k = 0; k < CGAP_NEIGHBOURS; k++) {
    old[k] = list[k];
    list[k] = cgap_neighbour_none();
  }
  for (int k = 0; k < CGAP_NEIGHBOURS && old[k].row != UINT32_MAX; k++)
    cgap_neighbours_offer(n, row,
                          cgap_raw_dot(modality->source->type, cgap_modality_rows_raw(modality, row),
                                       modality->inverse_norm[row], candidates->source->type,
                                       cgap_modality_rows_raw(candidates, old[k].row),
                                       candidates->inverse_norm[old[k].row], modality->dim),
                          old[k].row);
}

static void resolve_lists(const lists *l, int threads)
{
#pragma omp parallel for schedule(dynamic, 256) num_threads(threads)
  for (size_t row = 0; row < l->modality->rows; row++)
    if (l->in_double || is_undecided_between(l, row)) {
      recompute_exactly(l->own, row, l->modality, l->modality);
      recompute_exactly(l->other, row, l->modality, l->other_modality);
    }
}

cgap_status cgap_top_k_lists_complete(cgap_audit_sums *evidence, const cgap_embeddings *e, bool in_double, int threads,
                                      cgap_error *error)
{
  const size_t images = evidence->image.rows, texts = evidence->text.rows;
  const size_t *image_first = evidence->image.first_equal, *text_first = evidence->text.first_equal;
  const double margin = (double)evidence->list_margin;
  if (!cgap_neighbours_expand(&evidence->image_image, image_first, images, true) ||
      !cgap_neighbours_expand(&evidence->image_text, text_first, texts, false) ||
      !cgap_neighbours_expand(&evidence->text_image, image_first, images, false) ||
      !cgap_neighbours_expand(&evidence->text_text, text_first, texts, true))
    return cgap_fail(error, CGAP_RESOURCE, "no memory for the neighbours of %zu and %zu rows", images, texts);
  if (margin > 0) {
    resolve_lists(&(lists){&e->image, &e->text, &evidence->image_image, &evidence->image_text, margin, in_double},
                  threads);
    resolve_lists(&(lists){&e->text, &e->image, &evidence->text_text, &evidence->text_image, margin, in_double},
                  threads);
  }
  return CGAP_OK;
}
