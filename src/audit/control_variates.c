#include "audit/control_variates.h"

#include "base/blas_threads.h"
#include "base/memory.h"
#include "comm/rank_rows.h"
#include "rows/modality.h"
#include "rows/row_blocks.h"
#include "rows/row_pass.h"
#include "simd/convert.h"

#include <cblas.h>

enum { BLOCK = 256 };

/* x·n·mean and xᵀ·moment·x of `rows` double rows; product (rows, dim) is room for x·moment. */
static void sums_of_block(const cgap_side *others, const double *row, size_t rows, double *product, double *linear,
                          double *square)
{
  const size_t dim = others->dim;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)dim, (int)dim, 1.0, row, (int)dim,
              others->moment, (int)dim, 0.0, product, (int)dim);
  for (size_t i = 0; i < rows; i++) {
    linear[i] = (double)others->rows * cgap_dot(row + i * dim, others->mean, dim);
    square[i] = cgap_dot(row + i * dim, product + i * dim, dim);
  }
}

static cgap_status sums_of_side(const cgap_side *side, const cgap_side *const others[2], double *const *const out[2],
                                cgap_comm *ranks, int threads, cgap_error *error)
{
  const size_t dim = side->dim, chunk = cgap_chunk_rows(dim);
  const cgap_share share = cgap_share_of(ranks, side->rows);
  double *row = cgap_alloc(chunk * dim, sizeof *row), *product = cgap_alloc(chunk * dim, sizeof *product);
  cgap_status status = CGAP_OK;
  if (!row || !product)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", side->source->name, chunk, dim);
  for (size_t first = share.first; !status && first < share.end; first += chunk) {
    const size_t n = share.end - first < chunk ? share.end - first : chunk;
    status = cgap_side_fetch(side, NULL, first, n, threads, row, error);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t b = 0; b < (status ? 0 : n); b += BLOCK)
      for (int k = 0; k < 2; k++)
        sums_of_block(others[k], row + b * dim, n - b < BLOCK ? n - b : BLOCK, product + b * dim, out[k][0] + first + b,
                      out[k][1] + first + b);
  }
  for (int k = 0; k < 4; k++)
    if (!status)
      status = cgap_share_gather(ranks, out[k / 2][k % 2], side->rows, sizeof(double), error);
  cgap_free(row);
  cgap_free(product);
  return status;
}

/* A row with itself has cosine 1. */
static void leave_out_selves(double *const *sums, size_t rows)
{
  for (size_t i = 0; i < rows; i++) {
    sums[0][i] -= 1;
    sums[1][i] -= 1;
  }
}

static void leave_out_pairs(cgap_controls *c, const cgap_drawn *s)
{
  const cgap_pairs *pairs = &s->embeddings.pairs;
  for (size_t j = 0; s->embeddings.paired && j < pairs->texts; j++) {
    const double cosine = s->pair_cosine[j], square = cosine * cosine;
    c->image_text[0][pairs->image_of[j]] -= cosine;
    c->image_text[1][pairs->image_of[j]] -= square;
    c->text_image[0][j] -= cosine;
    c->text_image[1][j] -= square;
  }
}

cgap_status cgap_controls_run(cgap_controls *out, const cgap_drawn *drawn, cgap_comm *ranks, int threads,
                              cgap_error *error)
{
  const cgap_side *image = &drawn->embeddings.image, *text = &drawn->embeddings.text;
  bool fine = true;
  *out = (cgap_controls){0};
  for (int k = 0; k < 2; k++) {
    out->image_image[k] = cgap_alloc(image->rows, sizeof(double));
    out->image_text[k] = cgap_alloc(image->rows, sizeof(double));
    out->text_text[k] = cgap_alloc(text->rows, sizeof(double));
    out->text_image[k] = cgap_alloc(text->rows, sizeof(double));
    fine = fine && out->image_image[k] && out->image_text[k] && out->text_text[k] && out->text_image[k];
  }
  if (!fine)
    return cgap_fail(error, CGAP_RESOURCE, "no memory for sums of %zu and %zu rows", image->rows, text->rows);
  const int blas_threads = cgap_blas_single();
  cgap_status status =
    sums_of_side(image, (const cgap_side *const[2]){image, text},
                 (double *const *const[2]){out->image_image, out->image_text}, ranks, threads, error);
  if (!status)
    status = sums_of_side(text, (const cgap_side *const[2]){text, image},
                          (double *const *const[2]){out->text_text, out->text_image}, ranks, threads, error);
  cgap_blas_restore(blas_threads);
  leave_out_selves(out->image_image, image->rows);
  leave_out_selves(out->text_text, text->rows);
  leave_out_pairs(out, drawn);
  return status;
}

void cgap_controls_clear(cgap_controls *c)
{
  for (int k = 0; k < 2; k++) {
    cgap_free(c->image_image[k]);
    cgap_free(c->image_text[k]);
    cgap_free(c->text_text[k]);
    cgap_free(c->text_image[k]);
  }
  *c = (cgap_controls){0};
}

void cgap_controls_set(const cgap_controls *c, cgap_sampled *sampled)
{
  for (int k = 0; k < 2; k++) {
    const int function = k == 0 ? CGAP_COSINE_OF : CGAP_SQUARE_OF;
    sampled->row[CGAP_IMAGE_IMAGE][function] = sampled->column[CGAP_IMAGE_IMAGE][function] = c->image_image[k];
    sampled->row[CGAP_TEXT_TEXT][function] = sampled->column[CGAP_TEXT_TEXT][function] = c->text_text[k];
    sampled->row[CGAP_IMAGE_TEXT][function] = c->image_text[k];
    sampled->column[CGAP_IMAGE_TEXT][function] = c->text_image[k];
  }
}
