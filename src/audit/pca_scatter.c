#include "audit/pca_scatter.h"

#include "base/memory.h"
#include "rows/row_blocks.h"

#include <math.h>

enum { POINTS_AT_ONCE = 128 };

typedef struct axes {
  const double *components; /* (2, dim) */
  double *mean;             /* (dim) pooled */
  double *rows;             /* (POINTS_AT_ONCE, dim) */
  int threads;
} axes;

static void project_row(const axes *a, const double *row, size_t dim, cgap_point *out)
{
  double score[2] = {0, 0};
  for (size_t k = 0; k < dim; k++) {
    const double centred = row[k] - a->mean[k];
    score[0] += centred * a->components[k];
    score[1] += centred * a->components[dim + k];
  }
  out->x = score[0];
  out->y = score[1];
}

/* Scores of kept rows on the two components, centred on the pooled mean. */
static cgap_status project(const axes *a, const cgap_side *side, const size_t *rows, size_t count, cgap_point **out,
                           cgap_error *error)
{
  cgap_status status = CGAP_OK;
  *out = cgap_alloc(count, sizeof **out);
  if (!*out)
    return cgap_fail(error, CGAP_RESOURCE, "no memory for %zu points", count);
  for (size_t first = 0; !status && first < count; first += POINTS_AT_ONCE) {
    const size_t n = cgap_lesser(POINTS_AT_ONCE, count - first);
    status = cgap_side_fetch(side, rows + first, 0, n, a->threads, a->rows, error);
#pragma omp parallel for schedule(static) num_threads(a->threads)
    for (size_t i = 0; i < (status ? 0 : n); i++) {
      (*out)[first + i].row = side->file_row[rows[first + i]];
      project_row(a, a->rows + i * side->dim, side->dim, &(*out)[first + i]);
    }
  }
  return status;
}

/* Rows spread evenly over the side; where paired, few enough images that their texts fit as well. */
static void choose(const cgap_embeddings *e, size_t *image, size_t *images, size_t *text, size_t *texts)
{
  const size_t n = e->image.rows, m = e->text.rows;
  size_t wanted = n < CGAP_SCATTER_ROWS ? n : CGAP_SCATTER_ROWS;
  if (e->paired && m > n)
    wanted = (size_t)fmin((double)wanted, fmax(1, (double)CGAP_SCATTER_ROWS * (double)n / (double)m));
  for (size_t i = 0; i < wanted; i++) {
    const size_t row = (size_t)((double)i * (double)n / (double)wanted);
    image[(*images)++] = row;
    for (size_t k = e->paired ? e->pairs.first[row] : 0; e->paired && k < e->pairs.first[row + 1]; k++)
      if (*texts < CGAP_SCATTER_ROWS)
        text[(*texts)++] = e->pairs.text[k];
  }
  const size_t alone = m < CGAP_SCATTER_ROWS ? m : CGAP_SCATTER_ROWS;
  for (size_t j = 0; !e->paired && j < alone; j++)
    text[(*texts)++] = (size_t)((double)j * (double)m / (double)alone);
}

cgap_status cgap_scatter_run(const cgap_embeddings *e, const double *components, int threads, cgap_audit *out,
                             cgap_error *error)
{
  size_t image[CGAP_SCATTER_ROWS], text[CGAP_SCATTER_ROWS];
  const size_t dim = e->image.dim;
  const double images = (double)e->image.rows, texts = (double)e->text.rows;
  double *block = cgap_alloc((POINTS_AT_ONCE + 1) * dim, sizeof *block);
  const axes a = {.components = components, .mean = block, .rows = block ? block + dim : NULL, .threads = threads};
  if (!block)
    return cgap_fail(error, CGAP_RESOURCE, "no memory for %d rows of %zu", POINTS_AT_ONCE, dim);
  for (size_t k = 0; k < dim; k++)
    a.mean[k] = (images * e->image.mean[k] + texts * e->text.mean[k]) / (images + texts);
  choose(e, image, &out->scatter_images, text, &out->scatter_texts);
  cgap_status status = project(&a, &e->image, image, out->scatter_images, &out->scatter_image, error);
  if (!status)
    status = project(&a, &e->text, text, out->scatter_texts, &out->scatter_text, error);
  cgap_free(block);
  return status;
}
