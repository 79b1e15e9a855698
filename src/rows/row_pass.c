#include "rows/row_pass.h"

#include "base/memory.h"
#include "base/norm.h"
#include "rows/row_block.h"
#include "simd/audit_kernels.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#define UNIT_TOLERANCE 1e-3
enum { PIECE_ROWS = 128, LOOK_AHEAD = 16, BLOCK_BYTES = 8 << 20 };

/* A whole number of runs. */
size_t cgap_chunk_rows(size_t dim)
{
  const size_t run = cgap_moment_run(dim), rows = ((size_t)1 << 21) / dim / run * run;
  return rows < run ? run : rows;
}

size_t cgap_block_rows(const cgap_source *source)
{
  const size_t chunk = cgap_chunk_rows(source->dim), bytes = chunk * source->dim * cgap_type_size(source->type);
  const size_t rows = chunk * (BLOCK_BYTES / bytes ? BLOCK_BYTES / bytes : 1);
  return rows < source->rows ? rows : source->rows;
}

static bool alloc(cgap_row_pass *p)
{
  const cgap_source *source = p->side->source;
  const size_t dim = source->dim, threads = (size_t)p->options->threads;
  const size_t known = p->options->ranks ? source->rows : p->block_rows;
  const int rooms = p->options->resident ? 0 : p->options->ranks ? 2 : CGAP_BLOCKS;
  for (int k = 0; k < CGAP_BLOCKS; k++)
    p->room[k] = cgap_alloc(rooms > k ? p->block_rows : 1, dim * cgap_type_size(source->type));
  p->norm = cgap_alloc(known, sizeof *p->norm);
  p->hash = cgap_alloc(known, sizeof *p->hash);
  p->row = cgap_alloc(threads * dim, sizeof *p->row);
  p->first_row = cgap_zalloc(dim, sizeof *p->first_row);
  p->varies = cgap_zalloc(threads * dim, sizeof *p->varies);
  p->place = cgap_alloc(p->block_rows, sizeof *p->place);
  p->start = cgap_alloc(p->block_rows / cgap_moment_run(dim) + 2, sizeof *p->start);
  return p->room[0] && p->room[1] && p->room[2] && p->norm && p->hash && p->row && p->first_row && p->varies &&
         p->place && p->start && cgap_distinct_init(&p->distinct, source->rows);
}

cgap_status cgap_row_pass_open(cgap_row_pass *p, cgap_error *error)
{
  const cgap_source *source = p->side->source;
  p->block_rows = cgap_block_rows(source);
  if (!alloc(p))
    return cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", source->name, source->rows,
                     source->dim);
  return cgap_moment_init(&p->moment, source->dim, (double)cgap_moment_run(source->dim), error);
}

void cgap_row_pass_close(cgap_row_pass *p)
{
  for (int k = 0; k < CGAP_BLOCKS; k++)
    cgap_free(p->room[k]);
  cgap_free(p->norm);
  cgap_free(p->hash);
  cgap_free(p->row);
  cgap_free(p->first_row);
  cgap_free(p->varies);
  cgap_free(p->place);
  cgap_free(p->start);
  cgap_moment_clear(&p->moment);
  cgap_distinct_clear(&p->distinct);
}

/* ---------------------------------------------------------------- a block is read and looked at */

cgap_block cgap_block_at(const cgap_row_pass *p, size_t first, size_t end, unsigned char *raw)
{
  return (cgap_block){.source = p->side->source,
                      .first = first,
                      .rows = end - first < p->block_rows ? end - first : p->block_rows,
                      .raw = raw};
}

cgap_status cgap_block_read(void *block, cgap_error *error)
{
  const cgap_block *b = block;
  return b->source->read(b->source, b->first, b->rows, b->raw, error);
}

/* Euclidean norm of a row as the file has it, as cgap_norm has it; the squares of floats fit a double at any scale. */
static double norm_of(cgap_type type, const unsigned char *raw, size_t dim, float *room)
{
  if (type == CGAP_FLOAT64)
    return cgap_norm((const double *)(const void *)raw, dim);
  cgap_to_float(type, raw, dim, room);
  const double total = cgap_kernels_here()->square_sum(room, dim);
  return isfinite(total) ? sqrt(total) : NAN;
}

static const unsigned char *raw_row(const cgap_block *b, size_t i)
{
  return b->raw + i * b->source->dim * cgap_type_size(b->source->type);
}

/* Norm and hash of rows [first, end) of a block. */
static void look_at(const cgap_row_pass *p, const cgap_block *b, size_t first, size_t end, double *norm,
                    cgap_hash *hash)
{
  const cgap_type type = b->source->type;
  const size_t dim = b->source->dim, row_bytes = dim * cgap_type_size(type);
  float *room = p->row + (size_t)omp_get_thread_num() * dim;
  for (size_t i = first; i < end; i++) {
    norm[i] = norm_of(type, raw_row(b, i), dim, room);
    hash[i] = cgap_hash_row(raw_row(b, i), row_bytes);
  }
}

static size_t pieces_of(const cgap_block *b)
{
  return (b->rows + PIECE_ROWS - 1) / PIECE_ROWS;
}

static void look_at_piece(const cgap_row_pass *p, const cgap_block *b, size_t piece, double *norm, cgap_hash *hash)
{
  const size_t first = piece * PIECE_ROWS;
  look_at(p, b, first, first + PIECE_ROWS < b->rows ? first + PIECE_ROWS : b->rows, norm, hash);
}

void cgap_block_look(const cgap_row_pass *p, const cgap_block *b, double *norm, cgap_hash *hash)
{
#pragma omp parallel for schedule(dynamic, 1) num_threads(p->options->threads)
  for (size_t k = 0; k < pieces_of(b); k++)
    look_at_piece(p, b, k, norm, hash);
}

/* ---------------------------------------------------------------- which rows stay */

void cgap_check_note(cgap_check *check, size_t row)
{
  check->count++;
  if (check->example_count < CGAP_EXAMPLES)
    check->examples[check->example_count++] = row;
}

static bool is_bad(cgap_side_checks *checks, double norm, size_t file_row)
{
  if (norm > 0)
    return false;
  cgap_check_note(norm == 0 ? &checks->zero : &checks->not_finite, file_row);
  return true;
}

/* Notes a row of this norm as kept row side->rows. */
static void keep(cgap_row_pass *p, double norm, size_t file_row, size_t first_equal)
{
  cgap_side *side = p->side;
  side->file_row[side->rows] = file_row;
  side->first_equal[side->rows] = first_equal;
  side->inverse_norm[side->rows] = 1.0 / norm;
  p->norm_sum += norm;
  if (fabs(norm - 1.0) > UNIT_TOLERANCE)
    cgap_check_note(&side->checks.off_unit, file_row);
  side->rows++;
}

void cgap_block_sift(cgap_row_pass *p, size_t first, size_t rows, const double *norm, const cgap_hash *hash)
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
      cgap_check_note(&side->checks.duplicates, file_row);
    if (p->kept_as)
      p->kept_as[file_row] = o->merge ? same : side->rows;
    if (same == side->rows || !o->merge)
      keep(p, norm[i], file_row, same);
  }
}

/* ---------------------------------------------------------------- sums */

static void note_columns(const cgap_row_pass *p, const double *row)
{
  const size_t dim = p->side->dim;
  bool *varies = p->varies + (size_t)omp_get_thread_num() * dim;
  for (size_t k = 0; k < dim; k++)
    varies[k] |= row[k] != p->first_row[k];
}

typedef struct kept_rows {
  const cgap_row_pass *pass;
  const cgap_block *block, *next;
  size_t before; /* kept rows in front of the block's */
} kept_rows;

/* Unit rows of the block's kept rows [first, first + rows), as floats in memory where that is asked. A thread that has
 * seen every column vary looks no more. */
static const double *make_unit(void *context, size_t first, size_t rows, double *room)
{
  const kept_rows *k = context;
  const cgap_row_pass *p = k->pass;
  const cgap_side *side = p->side;
  const cgap_type type = side->source->type;
  const size_t dim = side->dim;
  const bool holds = side->unit && !p->options->ranks;
  const bool looks = memchr(p->varies + (size_t)omp_get_thread_num() * dim, 0, dim) != NULL;
  for (size_t i = 0; i < rows; i++) {
    const unsigned char *raw = raw_row(k->block, p->place[first + i]);
    const size_t kept = k->before + first + i;
    double *row = room + i * dim;
    if (looks) {
      cgap_to_double(type, raw, dim, row);
      note_columns(p, row);
    }
    cgap_to_scaled(type, raw, dim, side->inverse_norm[kept], row);
    for (size_t c = 0; holds && c < dim; c++)
      side->unit[kept * dim + c] = (float)row[c];
  }
  return room;
}

static void look_at_next(void *context, size_t piece)
{
  const kept_rows *k = context;
  look_at_piece(k->pass, k->next, piece, k->pass->norm, k->pass->hash);
}

cgap_status cgap_block_sum(cgap_row_pass *p, const cgap_block *b, size_t kept, size_t *count, const cgap_block *next,
                           cgap_error *error)
{
  const cgap_side *side = p->side;
  const size_t run = cgap_moment_run(side->dim);
  size_t n = 0;
  for (size_t i = 0; i < b->rows; i++) {
    if (i % run == 0)
      p->start[i / run] = n;
    if (kept + n < side->rows && side->file_row[kept + n] == b->first + i)
      p->place[n++] = i;
  }
  p->start[(b->rows + run - 1) / run] = n;
  if (kept == 0 && n > 0)
    cgap_to_double(side->source->type, raw_row(b, p->place[0]), side->dim, p->first_row);
  *count = n;
  kept_rows rows = {.pass = p, .block = b, .next = next, .before = kept};
  const cgap_moment_work work = {.make = make_unit,
                                 .context = &rows,
                                 .start = p->start,
                                 .runs = (b->rows + run - 1) / run,
                                 .more = next ? look_at_next : NULL,
                                 .pieces = next ? pieces_of(next) : 0};
  return cgap_moment_make(&p->moment, &work, p->options->threads, error);
}

void cgap_row_pass_join(cgap_row_pass *p)
{
  const size_t dim = p->side->dim;
  for (size_t k = dim; k < (size_t)p->options->threads * dim; k++)
    p->varies[k % dim] |= p->varies[k];
}
