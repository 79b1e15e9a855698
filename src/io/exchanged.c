/* Whether a file's rows look like what should be its columns: R, Julia and Fortran store columns first and leave no
 * mark (MATLAB and Octave leave one, marks.h). Two signs are looked at: columns of one norm, as unit rows would have,
 * and, where there are fewer rows than columns, columns that match in pairs and whose norms are more alike than the
 * rows'. A note, never a refusal: small sets of wide rows are ordinary. Reads the rows once, some at a time; keeps at
 * most 2048 columns. */
#include "io/dataset_parts.h"

#include "engine/panel.h"
#include "io/format.h"
#include "memory.h"

#include <math.h>
#include <string.h>

enum { ROWS_MOST = 4096, COLUMNS_MOST = 2048, SHARE_MOST = 4 };

static const double ONE_NORM = 1e-3;       /* relative spread of norms that are one */
static const double OTHER_NORM = 1e-2;     /* and that are not */
static const double MORE_ALIKE = 0.7;      /* spread of the columns' norms over that of the rows' */
static const double MATCH = 0.1, SURE = 8; /* mean difference of cosines, and that over its standard error */

/* One side: some of its columns, one after the other, and how far its norms spread. */
typedef struct columns {
  float *value; /* (count, rows), each less the mean of all */
  size_t count, rows;
  double row_spread, column_spread; /* sd over mean of the norms */
} columns;

static double spread(double sum, double squares, size_t count)
{
  const double mean = sum / (double)count, variance = squares / (double)count - mean * mean;
  return mean > 0 ? sqrt(variance > 0 ? variance : 0) / mean : 0;
}

/* Adds up norms, and takes each row's mean off its columns. */
static bool finish(columns *c, double row_sum, double row_squares)
{
  double sum = 0, squares = 0;
  for (size_t k = 0; k < c->count; k++) {
    double norm = 0;
    for (size_t i = 0; i < c->rows; i++)
      norm += (double)c->value[k * c->rows + i] * (double)c->value[k * c->rows + i];
    sum += sqrt(norm);
    squares += norm;
  }
  c->row_spread = spread(row_sum, row_squares, c->rows);
  c->column_spread = spread(sum, squares, c->count);
  for (size_t i = 0; i < c->rows; i++) {
    double mean = 0;
    for (size_t k = 0; k < c->count; k++)
      mean += (double)c->value[k * c->rows + i] / (double)c->count;
    for (size_t k = 0; k < c->count; k++)
      c->value[k * c->rows + i] -= (float)mean;
  }
  return isfinite(sum) && isfinite(row_sum);
}

/* False where rows cannot be read or are not finite: that is for others to say. */
static bool read_columns(columns *c, const cgap_source *source)
{
  const size_t dim = source->dim;
  double row_sum = 0, row_squares = 0;
  *c = (columns){.count = cgap_lesser(dim, COLUMNS_MOST), .rows = source->rows};
  c->value = cgap_alloc(c->count * c->rows, sizeof *c->value);
  unsigned char *raw = cgap_alloc(dim, cgap_type_size(source->type));
  double *row = cgap_alloc(dim, sizeof *row);
  bool good = c->value && raw && row;
  for (size_t i = 0; i < c->rows && good; i++) {
    double norm = 0;
    good = source->read(source, i, 1, raw, NULL) == CGAP_OK;
    if (!good)
      break;
    cgap_to_double(source->type, raw, dim, row);
    for (size_t k = 0; k < dim; k++) {
      norm += row[k] * row[k];
      if (k < c->count)
        c->value[k * c->rows + i] = (float)row[k];
    }
    row_sum += sqrt(norm);
    row_squares += norm;
  }
  good = good && finish(c, row_sum, row_squares);
  cgap_free(raw);
  cgap_free(row);
  return good;
}

static double cosine(const columns *a, size_t i, const columns *b, size_t j)
{
  const float *x = a->value + i * a->rows, *y = b->value + j * b->rows;
  double xy = 0, xx = 0, yy = 0;
  for (size_t k = 0; k < a->rows; k++) {
    xy += (double)x[k] * (double)y[k];
    xx += (double)x[k] * (double)x[k];
    yy += (double)y[k] * (double)y[k];
  }
  return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

/* Whether column j of the images is nearer to column j of the texts than to the next one, beyond doubt. */
static bool columns_match(const columns *image, const columns *text)
{
  const size_t n = image->count;
  double sum = 0, squares = 0;
  for (size_t j = 0; j < n; j++) {
    const double more = cosine(image, j, text, j) - cosine(image, j, text, (j + 1) % n);
    sum += more;
    squares += more * more;
  }
  const double mean = sum / (double)n, variance = squares / (double)n - mean * mean;
  return mean > MATCH && mean * sqrt((double)n) > SURE * sqrt(variance > 0 ? variance : 0);
}

void cgap_exchanged_note(cgap_dataset *d)
{
  const cgap_source *image = &d->data.image, *text = &d->data.text;
  columns c[2] = {{0}, {0}};
  const cgap_entry *first = d->role[CGAP_ROLE_IMAGE].count ? d->role[CGAP_ROLE_IMAGE].taken->entry : NULL;
  if (!first || first->turned || image->rows != text->rows || image->rows > ROWS_MOST ||
      image->rows > SHARE_MOST * image->dim)
    return;
  if (read_columns(&c[0], image) && read_columns(&c[1], text)) {
    const bool one_norm = c[0].column_spread < ONE_NORM && c[1].column_spread < ONE_NORM &&
                          c[0].row_spread > OTHER_NORM && c[1].row_spread > OTHER_NORM;
    const bool alike = image->rows < image->dim && c[0].column_spread < MORE_ALIKE * c[0].row_spread &&
                       c[1].column_spread < MORE_ALIKE * c[1].row_spread && columns_match(&c[0], &c[1]);
    if (one_norm || alike)
      cgap_append(&d->notes,
                  "%s and %s: rows and columns may be exchanged (transposed): %zu rows of %zu elements, and %s; if the "
                  "items are the columns, store the transposed matrices, in Python numpy.ascontiguousarray(x.T)\n",
                  image->name, text->name, image->rows, image->dim,
                  one_norm ? "all columns have one norm" : "the columns match in pairs and their norms are more alike");
  }
  cgap_free(c[0].value);
  cgap_free(c[1].value);
}
