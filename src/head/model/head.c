#include "head/model/head.h"

#include <string.h>

#include "base/memory.h"
#include "base/source.h"
#include "base/threads.h"

cgap_head *cgap_head_new(const cgap_head_shape *shape, const char *options)
{
  cgap_head *h = cgap_zalloc(1, sizeof *h);
  if (!h)
    return NULL;
  h->layers = cgap_layers_init(shape);
  h->parameters = cgap_zalloc(h->layers.count, sizeof *h->parameters);
  h->options = cgap_alloc(strlen(options) + 1, 1);
  if (!h->parameters || !h->options) {
    cgap_head_close(h);
    return NULL;
  }
  strcpy(h->options, options);
  return h;
}

void cgap_head_close(cgap_head *head)
{
  if (!head)
    return;
  cgap_free(head->parameters);
  cgap_free(head->options);
  cgap_free(head->split);
  cgap_free(head);
}

cgap_head_shape cgap_head_shape_of(const cgap_head *head)
{
  return head ? head->layers.shape : (cgap_head_shape){0};
}

const int64_t *cgap_head_split(const cgap_head *head, size_t *rows)
{
  if (rows)
    *rows = head ? head->split_rows : 0;
  return head ? head->split : NULL;
}

cgap_status cgap_head_transform(const cgap_head *head, int modality, const float *in, size_t rows, float *out,
                                int threads, cgap_error *error)
{
  const cgap_head_shape *s = &head->layers.shape;
  const size_t block = CGAP_LAYERS_BLOCK;
  const int blas = cgap_blas_single();
  bool ok = true;
#pragma omp parallel num_threads(threads > 0 ? threads : 1) reduction(&& : ok)
  {
    cgap_activations scratch;
    ok = cgap_activations_init(&scratch, &head->layers, block);
#pragma omp for schedule(dynamic, 1)
    for (size_t first = 0; first < rows; first += block)
      if (ok)
        cgap_layers_apply(&head->layers, head->parameters, modality, in + first * s->dim_in,
                          rows - first < block ? rows - first : block, out + first * s->dim, &scratch);
    cgap_activations_clear(&scratch);
  }
  cgap_blas_restore(blas);
  return ok ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for the head");
}

cgap_status cgap_head_apply(const cgap_head *head, cgap_row_kind kind, const float *in, size_t rows, float *out,
                            cgap_error *error)
{
  static const char *const CALL = "cgap_head_apply";
  cgap_status status = cgap_check_argument(head, CALL, "head", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(in || rows == 0, CALL, "in", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(out || rows == 0, CALL, "out", error);
  if (status == CGAP_OK)
    status = cgap_check_choice("kind of rows", (int)kind, CGAP_TEXT_ROWS + 1, error);
  if (status != CGAP_OK)
    return status;
  return cgap_head_transform(head, kind == CGAP_IMAGE_ROWS ? CGAP_IMAGE_MODALITY : CGAP_TEXT_MODALITY, in, rows, out, 1,
                             error);
}
