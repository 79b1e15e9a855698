/* Whether a file's rows look like what should be its columns: R, Julia and Fortran store columns first and leave no
 * mark (MATLAB and Octave leave one, hdf5_basics.h). Two signs are examined: columns of one norm, as unit rows would
 * have, and, where there are fewer rows than columns, columns that match in pairs while the rows, not they, differ in
 * their means, as the dimensions of embeddings do. A note, never a refusal: small sets of wide rows are ordinary. Reads
 * the rows once, some at a time; keeps at most 2048 columns. */
#include "io/find/dataset_internal.h"

#include "base/memory.h"
#include "base/text_buffer.h"
#include "rows/row_blocks.h"
#include "simd/convert.h"

#include <math.h>

enum { ROWS_MAX = 4096, COLUMNS_MAX = 2048 };

static const double ONE_NORM = 1e-3;   /* relative spread of norms that are one */
static const double OTHER_NORM = 1e-2; /* and that are not */
static const double MORE_EFFECT = 10;  /* of the rows' means than of the columns', or than chance gives */
static const double MATCH = 0.1, SURE_DEVIATIONS = 8; /* mean difference of cosines, and that over its standard error */

/* A modality: the first columns of its rows, and how far norms and means vary. */
typedef struct column_sample {
  float *value; /* (rows, count), in the end each row less its mean; NULL: not wanted */
  size_t count, rows;
  double row_sd, column_sd;         /* sd over mean of the norms */
  double row_effect, column_effect; /* of the means: 1 by chance */
} column_sample;

static double relative_sd(double sum, double squares, size_t count)
{
  const double mean = sum / (double)count, variance = squares / (double)count - mean * mean;
  return mean > 0 ? sqrt(variance > 0 ? variance : 0) / mean : 0;
}

/* How much the means of rows, and of columns, differ beyond what chance gives, as the F of a two-way analysis of
 * variance; then each row's mean is taken off. sums: (count) 0 */
static void compare_means(column_sample *c, double *sums)
{
  const double rows = (double)c->rows, count = (double)c->count;
  double all = 0, total = 0, of_rows = 0, of_columns = 0;
  for (size_t i = 0; i < c->rows; i++) {
    float *row = c->value + i * c->count;
    double mean = 0;
    for (size_t k = 0; k < c->count; k++) {
      mean += (double)row[k] / count;
      total += (double)row[k] * (double)row[k];
      sums[k] += (double)row[k];
    }
    for (size_t k = 0; k < c->count; k++)
      row[k] -= (float)mean;
    of_rows += count * mean * mean;
    all += mean / rows;
  }
  for (size_t k = 0; k < c->count; k++)
    of_columns += sums[k] * sums[k] / rows;
  const double mean = rows * count * all * all;
  const double rest = (total - of_rows - of_columns + mean) / ((rows - 1) * (count - 1));
  c->row_effect = rest > 0 ? (of_rows - mean) / (rows - 1) / rest : 0;
  c->column_effect = rest > 0 ? (of_columns - mean) / (count - 1) / rest : 0;
}

/* False where rows cannot be read or are not finite, which is reported elsewhere. */
static bool read_columns(column_sample *c, const cgap_source *source, bool wanted)
{
  const size_t dim = source->dim;
  double row_sum = 0, row_squares = 0, sum = 0, squares = 0;
  *c = (column_sample){.count = cgap_lesser(dim, COLUMNS_MAX), .rows = source->rows};
  c->value = wanted ? cgap_alloc(c->count * c->rows, sizeof *c->value) : NULL;
  unsigned char *raw = cgap_alloc(dim, cgap_type_size(source->type));
  double *row = cgap_alloc(dim, sizeof *row), *norms = cgap_zalloc(c->count, sizeof *norms);
  bool good = raw && row && norms && (c->value || !wanted);
  for (size_t i = 0; i < c->rows && good; i++) {
    double norm = 0;
    good = source->read(source, i, 1, raw, NULL) == CGAP_OK;
    if (!good)
      break;
    cgap_to_double(source->type, raw, dim, row);
    for (size_t k = 0; k < dim; k++)
      norm += row[k] * row[k];
    for (size_t k = 0; k < c->count; k++)
      norms[k] += row[k] * row[k];
    for (size_t k = 0; k < c->count && wanted; k++)
      c->value[i * c->count + k] = (float)row[k];
    row_sum += sqrt(norm);
    row_squares += norm;
  }
  for (size_t k = 0; k < c->count && good; k++) {
    sum += sqrt(norms[k]);
    squares += norms[k];
    norms[k] = 0;
  }
  good = good && isfinite(row_squares) && isfinite(squares);
  if (good) {
    c->row_sd = relative_sd(row_sum, row_squares, c->rows);
    c->column_sd = relative_sd(sum, squares, c->count);
  }
  if (good && wanted)
    compare_means(c, norms);
  cgap_free(raw);
  cgap_free(row);
  cgap_free(norms);
  return good;
}

/* Whether column j of the images is significantly closer to column j of the texts than to the next one. */
static bool columns_match(const column_sample *image, const column_sample *text)
{
  const size_t n = image->count;
  double *dot = cgap_zalloc(4 * n, sizeof *dot);
  double sum = 0, squares = 0;
  if (!dot)
    return false;
  double *next = dot + n, *xx = dot + 2 * n, *yy = dot + 3 * n;
  for (size_t i = 0; i < image->rows; i++) {
    const float *x = image->value + i * n, *y = text->value + i * n;
    for (size_t j = 0; j < n; j++) {
      dot[j] += (double)x[j] * (double)y[j];
      next[j] += (double)x[j] * (double)y[j + 1 < n ? j + 1 : 0];
      xx[j] += (double)x[j] * (double)x[j];
      yy[j] += (double)y[j] * (double)y[j];
    }
  }
  for (size_t j = 0; j < n; j++) {
    const double same = xx[j] * yy[j], other = xx[j] * yy[j + 1 < n ? j + 1 : 0];
    const double more = (same > 0 ? dot[j] / sqrt(same) : 0) - (other > 0 ? next[j] / sqrt(other) : 0);
    sum += more;
    squares += more * more;
  }
  cgap_free(dot);
  const double mean = sum / (double)n, variance = squares / (double)n - mean * mean;
  return mean > MATCH && mean * sqrt((double)n) > SURE_DEVIATIONS * sqrt(variance > 0 ? variance : 0);
}

/* Dimensions have different means, items hardly have. */
static bool rows_differ(const column_sample *c)
{
  return c->row_effect > MORE_EFFECT * (c->column_effect > 1 ? c->column_effect : 1);
}

static bool has_one_norm(const column_sample *c)
{
  return c->column_sd < ONE_NORM && c->row_sd > OTHER_NORM;
}

void cgap_transposed_note(cgap_dataset *d)
{
  const cgap_source *image = &d->data.image, *text = &d->data.text;
  column_sample c[2] = {{0}, {0}};
  const bool has_more_columns = image->rows < image->dim;
  if (image->rows != text->rows || image->rows == 0 || image->rows > ROWS_MAX)
    return;
  if (read_columns(&c[0], image, has_more_columns) && read_columns(&c[1], text, has_more_columns)) {
    const bool one_norm = has_one_norm(&c[0]) && has_one_norm(&c[1]);
    const bool alike = has_more_columns && rows_differ(&c[0]) && rows_differ(&c[1]) && columns_match(&c[0], &c[1]);
    if (one_norm || alike)
      cgap_append(&d->notes,
                  "%s and %s: rows and columns may be exchanged (transposed): %zu rows of %zu elements, and %s; if the "
                  "items are the columns, store the transposed matrices, in Python numpy.ascontiguousarray(x.T)\n",
                  image->name, text->name, image->rows, image->dim,
                  one_norm ? "all columns have one norm"
                           : "the columns match in pairs, and the means of the rows differ");
  }
  cgap_free(c[0].value);
  cgap_free(c[1].value);
}
