#include "engine/side.h"

#include "engine/distinct.h"
#include "engine/panel.h"
#include "memory.h"

#include <cblas.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define UNIT_TOLERANCE 1e-3
enum { LOOK_AHEAD = 16 };

/* What the row pass holds while it runs. */
typedef struct row_pass {
  cgap_side *side;
  const cgap_side_options *options;
  size_t *kept_as;
  unsigned char *raw; /* (chunk, dim) as the file has them */
  double *unit;       /* (chunk, dim) unit rows, kept rows moved together */
  double *norm;       /* (chunk) NaN: not finite */
  cgap_hash *hash;    /* (chunk) */
  double *first_row;  /* (dim) values of the first kept row, for constant columns */
  bool *varies;       /* (dim) */
  cgap_distinct distinct;
  double norm_sum;
  size_t chunk;
} row_pass;

size_t cgap_chunk_rows(size_t dim)
{
  size_t rows = ((size_t)1 << 21) / dim;
  return rows < 256 ? 256 : rows;
}

static size_t run_rows(size_t dim)
{
  size_t rows = ((size_t)1 << 18) / dim;
  return rows < 256 ? 256 : rows;
}

/* ---------------------------------------------------------------- second moments */

/* own (dim, dim + 1): Σ z zᵀ, and below it Σ z. */
static void moment_of_run(double *own, const double *rows, size_t n, size_t dim)
{
  double *sum = own + dim * dim;
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)dim, (int)n, 1.0, rows, (int)dim, 0.0, own, (int)dim);
  memset(sum, 0, dim * sizeof *sum);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < dim; k++)
      sum[k] += rows[i * dim + k];
}

cgap_status cgap_moment_add(double *moment, double *sum, const double *rows, size_t count, size_t dim, int threads,
                            cgap_error *error)
{
  const size_t run = run_rows(dim), runs = (count + run - 1) / run;
  bool out_of_memory = false;
#pragma omp parallel num_threads(threads)
  {
    double *own = cgap_alloc((dim + 1) * dim, sizeof *own);
    if (!own) {
#pragma omp atomic write
      out_of_memory = true;
    }
#pragma omp for schedule(dynamic, 1) ordered
    for (size_t r = 0; r < runs; r++) {
      if (own)
        moment_of_run(own, rows + r * run * dim, count - r * run < run ? count - r * run : run, dim);
#pragma omp ordered
      for (size_t i = 0; own && i < dim; i++) {
        for (size_t j = i; j < dim; j++)
          moment[i * dim + j] += own[i * dim + j];
        if (sum)
          sum[i] += own[dim * dim + i];
      }
    }
    cgap_free(own);
  }
  return out_of_memory ? cgap_fail(error, CGAP_RESOURCE, "no memory for second moments of %zu dimensions", dim)
                       : CGAP_OK;
}

void cgap_moment_mirror(double *moment, size_t dim)
{
  for (size_t i = 0; i < dim; i++)
    for (size_t j = 0; j < i; j++)
      moment[i * dim + j] = moment[j * dim + i];
}

/* ---------------------------------------------------------------- rows */

static void note(cgap_check *check, size_t row)
{
  check->count++;
  if (check->example_count < CGAP_EXAMPLES)
    check->examples[check->example_count++] = row;
}

/* Euclidean norm, by way of the largest element, so that no square overflows or vanishes. */
static double norm_of(const double *row, size_t dim)
{
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (size_t k = 0; k < dim; k++)
    total += row[k] * row[k];
  if (total > 1e-200 && total < 1e200)
    return sqrt(total);
  double largest = 0;
  for (size_t k = 0; k < dim; k++)
    largest = fabs(row[k]) > largest || isnan(row[k]) ? fabs(row[k]) : largest;
  if (!isfinite(largest) || largest == 0)
    return isfinite(largest) ? 0 : NAN;
  total = 0;
  for (size_t k = 0; k < dim; k++)
    total += row[k] / largest * (row[k] / largest);
  return isfinite(total) ? largest * sqrt(total) : NAN;
}

/* File values to doubles, norm and hash of each row of a chunk. */
static void convert(row_pass *p, size_t rows)
{
  const cgap_side *side = p->side;
  const size_t dim = side->dim, row_bytes = dim * cgap_type_size(side->source->type);
#pragma omp parallel for schedule(static) num_threads(p->options->threads)
  for (size_t i = 0; i < rows; i++) {
    double *row = p->unit + i * dim;
    cgap_to_double(side->source->type, p->raw + i * row_bytes, dim, row);
    p->norm[i] = norm_of(row, dim);
    p->hash[i] = cgap_hash_row(p->raw + i * row_bytes, row_bytes);
  }
}

static bool is_bad(row_pass *p, size_t i, size_t file_row)
{
  cgap_side_checks *checks = &p->side->checks;
  if (isfinite(p->norm[i]) && isfinite(1 / p->norm[i])) /* a norm whose inverse overflows is as good as zero */
    return false;
  note(isfinite(p->norm[i]) ? &checks->zero : &checks->not_finite, file_row);
  return true;
}

static void note_columns(row_pass *p, const double *row)
{
  const size_t dim = p->side->dim;
  if (p->side->rows == 0)
    memcpy(p->first_row, row, dim * sizeof *row);
  for (size_t k = 0; k < dim; k++)
    p->varies[k] |= row[k] != p->first_row[k];
}

/* Takes row i of the chunk as kept row side->rows. */
static void keep(row_pass *p, size_t i, size_t file_row, size_t first_equal, size_t place)
{
  cgap_side *side = p->side;
  const size_t dim = side->dim, row_bytes = dim * cgap_type_size(side->source->type);
  if (place != i)
    memmove(p->unit + place * dim, p->unit + i * dim, dim * sizeof *p->unit);
  if (side->raw)
    memcpy(side->raw + side->rows * row_bytes, p->raw + i * row_bytes, row_bytes);
  note_columns(p, p->unit + place * dim);
  side->file_row[side->rows] = file_row;
  side->first_equal[side->rows] = first_equal;
  side->inverse_norm[side->rows] = 1.0 / p->norm[i];
  p->norm_sum += p->norm[i];
  if (fabs(p->norm[i] - 1.0) > UNIT_TOLERANCE)
    note(&side->checks.off_unit, file_row);
  side->rows++;
}

/* Which rows of the chunk stay; they are moved together. Returns how many. */
static size_t sift(row_pass *p, size_t first, size_t rows)
{
  cgap_side *side = p->side;
  const cgap_side_options *o = p->options;
  size_t kept = 0;
  for (size_t i = 0; i < rows; i++) {
    const size_t file_row = first + i;
    if (p->kept_as)
      p->kept_as[file_row] = SIZE_MAX;
    if (i + LOOK_AHEAD < rows)
      cgap_distinct_expect(&p->distinct, p->hash[i + LOOK_AHEAD]);
    if (is_bad(p, i, file_row) || (o->skip && o->skip[file_row]))
      continue;
    size_t same = cgap_distinct_add(&p->distinct, p->hash[i], side->rows);
    if (same != side->rows)
      note(&side->checks.duplicates, file_row);
    if (p->kept_as)
      p->kept_as[file_row] = o->merge ? same : side->rows;
    if (same == side->rows || !o->merge)
      keep(p, i, file_row, same, kept++);
  }
  return kept;
}

static cgap_status sum_up(row_pass *p, size_t kept, cgap_error *error)
{
  cgap_side *side = p->side;
  const size_t dim = side->dim, first = side->rows - kept;
#pragma omp parallel for schedule(static) num_threads(p->options->threads)
  for (size_t i = 0; i < kept; i++) {
    double *row = p->unit + i * dim, inverse = side->inverse_norm[first + i];
    for (size_t k = 0; k < dim; k++)
      row[k] *= inverse;
    for (size_t k = 0; side->unit && k < dim; k++)
      side->unit[(first + i) * dim + k] = (float)row[k];
  }
  return cgap_moment_add(side->moment, side->mean, p->unit, kept, dim, p->options->threads, error);
}

/* ---------------------------------------------------------------- the pass */

static void print_rows(const cgap_check *check, char *out, size_t size)
{
  size_t used = 0;
  out[0] = '\0';
  for (size_t i = 0; i < check->example_count && used < size; i++)
    used += (size_t)snprintf(out + used, size - used, "%s%zu", i ? ", " : "", check->examples[i]);
  if (check->count > check->example_count && used < size)
    (void)snprintf(out + used, size - used, ", …");
}

static void append(char *out, size_t size, const char *format, ...) CGAP_PRINTF(3, 4);

static void append(char *out, size_t size, const char *format, ...)
{
  const size_t used = strlen(out);
  va_list values;
  va_start(values, format);
  (void)vsnprintf(out + used, size - used, format, values);
  va_end(values);
}

static void describe_check(const cgap_check *check, const char *what, char *out, size_t size)
{
  char rows[160];
  if (check->count == 0)
    return;
  print_rows(check, rows, sizeof rows);
  append(out, size, "%s%llu %s (%s %s)", *out ? " and " : "", (unsigned long long)check->count, what,
         check->count == 1 ? "row" : "rows", rows);
}

bool cgap_side_describe_bad(const cgap_side *side, char *out, size_t size)
{
  char what[500] = "";
  describe_check(&side->checks.not_finite, "with NaN or infinity", what, sizeof what);
  describe_check(&side->checks.zero, "of norm zero", what, sizeof what);
  if (*what)
    append(out, size, "%s%s: %zu rows, %s", *out ? "; " : "", side->source->name, side->source->rows, what);
  return *what != '\0';
}

static bool row_pass_alloc(row_pass *p, size_t rows)
{
  const size_t dim = p->side->dim, row_bytes = dim * cgap_type_size(p->side->source->type);
  p->chunk = cgap_chunk_rows(dim) < rows ? cgap_chunk_rows(dim) : rows;
  p->raw = cgap_alloc(p->chunk, row_bytes);
  p->unit = cgap_alloc(p->chunk * dim, sizeof *p->unit);
  p->norm = cgap_alloc(p->chunk, sizeof *p->norm);
  p->hash = cgap_alloc(p->chunk, sizeof *p->hash);
  p->first_row = cgap_zalloc(dim, sizeof *p->first_row);
  p->varies = cgap_zalloc(dim, sizeof *p->varies);
  return p->raw && p->unit && p->norm && p->hash && p->first_row && p->varies && cgap_distinct_init(&p->distinct, rows);
}

static void row_pass_clear(row_pass *p)
{
  cgap_free(p->raw);
  cgap_free(p->unit);
  cgap_free(p->norm);
  cgap_free(p->hash);
  cgap_free(p->first_row);
  cgap_free(p->varies);
  cgap_distinct_clear(&p->distinct);
}

static bool side_alloc(cgap_side *side, bool resident)
{
  const size_t rows = side->source->rows, dim = side->dim;
  side->file_row = cgap_alloc(rows, sizeof *side->file_row);
  side->first_equal = cgap_alloc(rows, sizeof *side->first_equal);
  side->inverse_norm = cgap_alloc(rows, sizeof *side->inverse_norm);
  side->mean = cgap_zalloc(dim, sizeof *side->mean);
  side->moment = cgap_zalloc(dim * dim, sizeof *side->moment);
  side->raw = resident ? cgap_alloc(rows, dim * cgap_type_size(side->source->type)) : NULL;
  side->unit = resident ? cgap_alloc(rows * dim, sizeof *side->unit) : NULL;
  return side->file_row && side->first_equal && side->inverse_norm && side->mean && side->moment &&
         (!resident || (side->raw && side->unit));
}

static cgap_status read_all(row_pass *p, cgap_error *error)
{
  const cgap_source *source = p->side->source;
  const cgap_progress *progress = &p->options->progress;
  cgap_status status = CGAP_OK;
  for (size_t first = 0; !status && first < source->rows; first += p->chunk) {
    const size_t rows = source->rows - first < p->chunk ? source->rows - first : p->chunk;
    status = source->read(source, first, rows, p->raw, error);
    if (status)
      break;
    convert(p, rows);
    status = sum_up(p, sift(p, first, rows), error);
    if (!status && progress->tick &&
        progress->tick(progress->context, p->options->phase, (double)(first + rows) / (double)source->rows))
      status = cgap_fail(error, CGAP_INTERRUPTED, "%s: interrupted while reading; nothing was written", source->name);
  }
  return status;
}

static void finish_side(row_pass *p)
{
  cgap_side *side = p->side;
  for (size_t k = 0; k < side->dim; k++) {
    side->mean[k] /= (double)(side->rows ? side->rows : 1);
    if (side->rows > 1 && !p->varies[k])
      note(&side->checks.constant_columns, k);
  }
  side->checks.norm_mean = side->rows ? p->norm_sum / (double)side->rows : 0;
  cgap_moment_mirror(side->moment, side->dim);
}

cgap_status cgap_side_load(cgap_side *out, const cgap_source *source, const cgap_side_options *options, size_t *kept_as,
                           cgap_error *error)
{
  *out = (cgap_side){.source = source, .dim = source->dim};
  row_pass p = {.side = out, .options = options, .kept_as = kept_as};
  cgap_status status = CGAP_OK;
  if (!side_alloc(out, options->resident) || !row_pass_alloc(&p, source->rows))
    status =
      cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", source->name, source->rows, source->dim);
  if (!status)
    status = read_all(&p, error);
  if (!status)
    finish_side(&p);
  row_pass_clear(&p);
  if (status)
    cgap_side_clear(out);
  return status;
}

void cgap_side_clear(cgap_side *side)
{
  cgap_free(side->file_row);
  cgap_free(side->first_equal);
  cgap_free(side->inverse_norm);
  cgap_free(side->mean);
  cgap_free(side->moment);
  cgap_free(side->raw);
  cgap_free(side->unit);
  *side = (cgap_side){0};
}
