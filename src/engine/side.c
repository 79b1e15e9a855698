#include "engine/side.h"

#include "engine/distinct.h"
#include "engine/moment.h"
#include "engine/panel.h"
#include "engine/share.h"
#include "memory.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define UNIT_TOLERANCE 1e-3
enum { LOOK_AHEAD = 16 };

/* What the row pass holds while it runs. Alone it goes over the file once, chunk by chunk. As one of several ranks it
 * first looks at its own rows of the file, then hears of all rows what the others found, and then takes its own. */
typedef struct row_pass {
  cgap_side *side;
  const cgap_side_options *options;
  size_t *kept_as;
  unsigned char *raw; /* (chunk, dim) as the file has them */
  double *unit;       /* (chunk, dim) unit rows, kept rows moved together */
  double *norm;       /* (chunk), of all rows under ranks; NaN: not finite */
  cgap_hash *hash;    /* the same */
  double *first_row;  /* (dim) values of the first kept row, for constant columns */
  bool *varies;       /* (dim) */
  size_t *start;      /* where the chunk's runs begin among its kept rows */
  cgap_moment moment;
  cgap_distinct distinct;
  double norm_sum;
  size_t chunk;
} row_pass;

/* A whole number of runs. */
size_t cgap_chunk_rows(size_t dim)
{
  const size_t run = cgap_moment_run(dim), rows = ((size_t)1 << 21) / dim / run * run;
  return rows < run ? run : rows;
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

/* File values to doubles, and where wanted the norm and the hash of each row of a chunk. */
static void convert(row_pass *p, const unsigned char *raw, size_t rows, double *norm, cgap_hash *hash)
{
  const cgap_side *side = p->side;
  const size_t dim = side->dim, row_bytes = dim * cgap_type_size(side->source->type);
#pragma omp parallel for schedule(static) num_threads(p->options->threads)
  for (size_t i = 0; i < rows; i++) {
    double *row = p->unit + i * dim;
    cgap_to_double(side->source->type, raw + i * row_bytes, dim, row);
    if (!norm)
      continue;
    norm[i] = norm_of(row, dim);
    hash[i] = cgap_hash_row(raw + i * row_bytes, row_bytes);
  }
}

static bool is_bad(cgap_side_checks *checks, double norm, size_t file_row)
{
  if (isfinite(norm) && isfinite(1 / norm)) /* a norm whose inverse overflows is as good as zero */
    return false;
  note(isfinite(norm) ? &checks->zero : &checks->not_finite, file_row);
  return true;
}

/* Notes a row of this norm as kept row side->rows. */
static void keep(row_pass *p, double norm, size_t file_row, size_t first_equal)
{
  cgap_side *side = p->side;
  side->file_row[side->rows] = file_row;
  side->first_equal[side->rows] = first_equal;
  side->inverse_norm[side->rows] = 1.0 / norm;
  p->norm_sum += norm;
  if (fabs(norm - 1.0) > UNIT_TOLERANCE)
    note(&side->checks.off_unit, file_row);
  side->rows++;
}

/* Which of rows [first, first + rows) of the file stay. */
static void sift(row_pass *p, size_t first, size_t rows, const double *norm, const cgap_hash *hash)
{
  cgap_side *side = p->side;
  const cgap_side_options *o = p->options;
  for (size_t i = 0; i < rows; i++) {
    const size_t file_row = first + i;
    if (p->kept_as)
      p->kept_as[file_row] = SIZE_MAX;
    if (i + LOOK_AHEAD < rows)
      cgap_distinct_expect(&p->distinct, hash[i + LOOK_AHEAD]);
    if (is_bad(&side->checks, norm[i], file_row) || (o->skip && o->skip[file_row]))
      continue;
    size_t same = cgap_distinct_add(&p->distinct, hash[i], side->rows);
    if (same != side->rows)
      note(&side->checks.duplicates, file_row);
    if (p->kept_as)
      p->kept_as[file_row] = o->merge ? same : side->rows;
    if (same == side->rows || !o->merge)
      keep(p, norm[i], file_row, same);
  }
}

static void note_columns(row_pass *p, const double *row, bool is_first)
{
  const size_t dim = p->side->dim;
  if (is_first)
    memcpy(p->first_row, row, dim * sizeof *row);
  for (size_t k = 0; k < dim; k++)
    p->varies[k] |= row[k] != p->first_row[k];
}

/* The kept rows from `kept` on that lie in rows [first, first + rows) of the file: their doubles are moved together,
 * the file's values of them kept where rows stay in memory, and the chunk's runs, which are runs of the file's rows,
 * found. Returns how many. */
static size_t gather_kept(row_pass *p, const unsigned char *raw, size_t first, size_t rows, size_t kept)
{
  cgap_side *side = p->side;
  const size_t dim = side->dim, row_bytes = dim * cgap_type_size(side->source->type), run = cgap_moment_run(dim);
  size_t count = 0;
  for (size_t i = 0; i < rows; i++) {
    if (i % run == 0)
      p->start[i / run] = count;
    if (kept + count == side->rows || side->file_row[kept + count] != first + i)
      continue;
    if (count != i)
      memmove(p->unit + count * dim, p->unit + i * dim, dim * sizeof *p->unit);
    if (side->raw && !p->options->ranks)
      memcpy(side->raw + (kept + count) * row_bytes, raw + i * row_bytes, row_bytes);
    note_columns(p, p->unit + count * dim, kept + count == 0);
    count++;
  }
  p->start[(rows + run - 1) / run] = count;
  return count;
}

/* Doubles of `count` kept rows to unit rows, and their sums. */
static cgap_status sum_up(row_pass *p, size_t kept, size_t count, size_t rows, cgap_error *error)
{
  cgap_side *side = p->side;
  const size_t dim = side->dim, run = cgap_moment_run(dim);
  float *unit = side->unit && !p->options->ranks ? side->unit + kept * dim : NULL;
#pragma omp parallel for schedule(static) num_threads(p->options->threads)
  for (size_t i = 0; i < count; i++) {
    double *row = p->unit + i * dim, inverse = side->inverse_norm[kept + i];
    for (size_t k = 0; k < dim; k++)
      row[k] *= inverse;
    for (size_t k = 0; unit && k < dim; k++)
      unit[i * dim + k] = (float)row[k];
  }
  return cgap_moment_add(&p->moment, p->unit, p->start, (rows + run - 1) / run, p->options->threads, error);
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
  const size_t known = p->options->ranks ? rows : p->chunk;
  p->raw = cgap_alloc(p->options->ranks ? 1 : p->chunk, row_bytes);
  p->unit = cgap_alloc(p->chunk * dim, sizeof *p->unit);
  p->norm = cgap_alloc(known, sizeof *p->norm);
  p->hash = cgap_alloc(known, sizeof *p->hash);
  p->first_row = cgap_zalloc(dim, sizeof *p->first_row);
  p->varies = cgap_zalloc(dim, sizeof *p->varies);
  p->start = cgap_alloc(p->chunk / cgap_moment_run(dim) + 2, sizeof *p->start);
  return p->raw && p->unit && p->norm && p->hash && p->first_row && p->varies && p->start &&
         cgap_distinct_init(&p->distinct, rows);
}

static void row_pass_clear(row_pass *p)
{
  cgap_free(p->raw);
  cgap_free(p->unit);
  cgap_free(p->norm);
  cgap_free(p->hash);
  cgap_free(p->first_row);
  cgap_free(p->varies);
  cgap_free(p->start);
  cgap_moment_clear(&p->moment);
  cgap_distinct_clear(&p->distinct);
}

static bool side_alloc(cgap_side *side, size_t held)
{
  const size_t rows = side->source->rows, dim = side->dim;
  side->file_row = cgap_alloc(rows, sizeof *side->file_row);
  side->first_equal = cgap_alloc(rows, sizeof *side->first_equal);
  side->inverse_norm = cgap_alloc(rows, sizeof *side->inverse_norm);
  side->mean = cgap_zalloc(dim, sizeof *side->mean);
  side->moment = cgap_zalloc(dim * dim, sizeof *side->moment);
  side->raw = held ? cgap_alloc(held, dim * cgap_type_size(side->source->type)) : NULL;
  side->unit = held ? cgap_alloc(held * dim, sizeof *side->unit) : NULL;
  return side->file_row && side->first_equal && side->inverse_norm && side->mean && side->moment &&
         (!held || (side->raw && side->unit));
}

static cgap_status tick(const row_pass *p, double done, cgap_error *error)
{
  const cgap_progress *progress = &p->options->progress;
  if (progress->tick && progress->tick(progress->context, p->options->phase, done))
    return cgap_fail(error, CGAP_INTERRUPTED, "%s: interrupted while reading; nothing was written",
                     p->side->source->name);
  return cgap_comm_poll(p->options->ranks, NULL, error);
}

static cgap_status read_all(row_pass *p, cgap_error *error)
{
  const cgap_source *source = p->side->source;
  cgap_status status = CGAP_OK;
  for (size_t first = 0; !status && first < source->rows; first += p->chunk) {
    const size_t rows = source->rows - first < p->chunk ? source->rows - first : p->chunk, kept = p->side->rows;
    status = source->read(source, first, rows, p->raw, error);
    if (status)
      break;
    convert(p, p->raw, rows, p->norm, p->hash);
    sift(p, first, rows, p->norm, p->hash);
    status = sum_up(p, kept, gather_kept(p, p->raw, first, rows, kept), rows, error);
    if (!status)
      status = tick(p, (double)(first + rows) / (double)source->rows, error);
  }
  p->side->own_rows = p->side->rows;
  return status;
}

/* ---------------------------------------------------------------- the pass of one of several ranks */

/* Reads rows [own.first, own.end) of the file into side->raw and looks at them. */
static cgap_status look(row_pass *p, cgap_share own, cgap_error *error)
{
  const cgap_source *source = p->side->source;
  const size_t row_bytes = source->dim * cgap_type_size(source->type);
  cgap_status status = CGAP_OK;
  for (size_t first = own.first; !status && first < own.end; first += p->chunk) {
    const size_t rows = own.end - first < p->chunk ? own.end - first : p->chunk;
    unsigned char *raw = p->side->raw + (first - own.first) * row_bytes;
    status = source->read(source, first, rows, raw, error);
    if (!status)
      convert(p, raw, rows, p->norm + first, p->hash + first);
    if (!status)
      status = tick(p, 0.5 * (double)(first + rows - own.first) / (double)(own.end - own.first), error);
  }
  return status;
}

static cgap_status hear(row_pass *p, cgap_error *error)
{
  const size_t rows = p->side->source->rows;
  cgap_status status = cgap_share_gather(p->options->ranks, p->norm, rows, sizeof *p->norm, error);
  return status ? status : cgap_share_gather(p->options->ranks, p->hash, rows, sizeof *p->hash, error);
}

/* The first kept row's values and the sums of the rows that lie in our part of the file. */
static cgap_status take(row_pass *p, cgap_share own, cgap_error *error)
{
  cgap_side *side = p->side;
  const cgap_source *source = side->source;
  const size_t row_bytes = source->dim * cgap_type_size(source->type);
  size_t kept = 0;
  cgap_status status = CGAP_OK;
  if (side->rows > 0)
    status = source->read(source, side->file_row[0], 1, p->raw, error);
  if (!status && side->rows > 0)
    cgap_to_double(source->type, p->raw, source->dim, p->first_row);
  while (kept < side->rows && side->file_row[kept] < own.first)
    kept++;
  for (size_t first = own.first; !status && first < own.end; first += p->chunk) {
    const size_t rows = own.end - first < p->chunk ? own.end - first : p->chunk;
    const unsigned char *raw = side->raw + (first - own.first) * row_bytes;
    convert(p, raw, rows, NULL, NULL);
    const size_t count = gather_kept(p, raw, first, rows, kept);
    status = sum_up(p, kept, count, rows, error);
    kept += count;
    if (!status)
      status = tick(p, 0.5 + 0.5 * (double)(first + rows - own.first) / (double)(own.end - own.first), error);
  }
  return status;
}

static cgap_status join_columns(row_pass *p, cgap_error *error)
{
  const size_t dim = p->side->dim;
  uint64_t *varies = cgap_alloc(dim, sizeof *varies);
  if (!varies)
    return cgap_fail(error, CGAP_RESOURCE, "no memory for %zu columns", dim);
  for (size_t k = 0; k < dim; k++)
    varies[k] = p->varies[k];
  cgap_status status = cgap_comm_sum(p->options->ranks, varies, dim, CGAP_COMM_U64, error);
  for (size_t k = 0; k < dim; k++)
    p->varies[k] = varies[k] > 0;
  cgap_free(varies);
  return status;
}

/* What this rank holds of the kept rows. They are those of its part of the file already where none was left out. */
static cgap_status hold(row_pass *p, cgap_share own, cgap_error *error)
{
  cgap_side *side = p->side;
  const size_t row_bytes = side->dim * cgap_type_size(side->source->type);
  const cgap_share share = cgap_share_of(p->options->ranks, side->rows);
  side->own_first = share.first;
  side->own_rows = share.end - share.first;
  if (side->rows == side->source->rows || side->own_rows == 0)
    return cgap_side_normalise(side, share.first, side->own_rows, side->raw, side->unit, p->options->threads, error);
  if (side->own_rows > own.end - own.first) {
    cgap_free(side->raw);
    cgap_free(side->unit);
    side->raw = cgap_alloc(side->own_rows, row_bytes);
    side->unit = cgap_alloc(side->own_rows * side->dim, sizeof *side->unit);
    if (!side->raw || !side->unit)
      return cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", side->source->name, side->own_rows,
                       side->dim);
  }
  cgap_status status = cgap_side_read(side, share.first, side->own_rows, side->raw, error);
  return status
           ? status
           : cgap_side_normalise(side, share.first, side->own_rows, side->raw, side->unit, p->options->threads, error);
}

static cgap_status read_share(row_pass *p, cgap_share own, cgap_error *error)
{
  const size_t rows = p->side->source->rows;
  cgap_status status = look(p, own, error);
  if (!status)
    status = hear(p, error);
  if (!status)
    sift(p, 0, rows, p->norm, p->hash);
  if (!status)
    status = take(p, own, error);
  if (!status)
    status = join_columns(p, error);
  return status ? status : hold(p, own, error);
}

/* ---------------------------------------------------------------- both */

static cgap_status finish_side(row_pass *p, cgap_error *error)
{
  cgap_side *side = p->side;
  cgap_status status = cgap_moment_finish(&p->moment, p->options->ranks, 1, side->moment, side->mean, error);
  for (size_t k = 0; !status && k < side->dim; k++) {
    side->mean[k] /= (double)(side->rows ? side->rows : 1);
    if (side->rows > 1 && !p->varies[k])
      note(&side->checks.constant_columns, k);
  }
  side->checks.norm_mean = side->rows ? p->norm_sum / (double)side->rows : 0;
  return status;
}

cgap_status cgap_side_load(cgap_side *out, const cgap_source *source, const cgap_side_options *options, size_t *kept_as,
                           cgap_error *error)
{
  *out = (cgap_side){.source = source, .dim = source->dim};
  row_pass p = {.side = out, .options = options, .kept_as = kept_as};
  const cgap_share own = cgap_share_of(options->ranks, source->rows);
  const size_t held = !options->resident ? 0 : own.end > own.first ? own.end - own.first : 1;
  cgap_status status = CGAP_OK;
  if (!side_alloc(out, held) || !row_pass_alloc(&p, source->rows))
    status =
      cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", source->name, source->rows, source->dim);
  if (!status)
    status = cgap_moment_init(&p.moment, source->dim, (double)cgap_moment_run(source->dim), error);
  if (!status)
    status = options->ranks ? read_share(&p, own, error) : read_all(&p, error);
  if (!status)
    status = finish_side(&p, error);
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
