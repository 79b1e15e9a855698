#include "rows/row_pass.h"

#include "base/memory.h"
#include "base/numbers.h"
#include "base/threads.h"
#include "comm/comm.h"
#include "rows/row_sums.h"
#include "simd/audit_kernels.h"
#include "simd/convert.h"

#include <math.h>
#include <omp.h>
#include <string.h>
#include <xxhash.h>

#define UNIT_TOLERANCE 1e-3
enum { PIECE_ROWS = 128, LOOK_AHEAD = 16, BLOCK_BYTES = 8 << 20 };

/* Rows as the file has them. */
typedef struct file_block {
  const cgap_source *source;
  size_t first, rows; /* of the file */
  unsigned char *raw;
} file_block;

typedef struct row_pass {
  cgap_modality_rows *modality;
  const cgap_row_pass_options *options;
  size_t *kept_as;
  size_t block_rows;
  unsigned char *buffer[CGAP_ROW_PASS_BLOCKS]; /* (block_rows, dim) as the file has them */
  double *norm;                                /* (block_rows), of all rows under ranks; as cgap_norm has it */
  cgap_hash *hash;                             /* the same */
  float *row;                                  /* (threads, dim) */
  double *first_row;                           /* (dim) values of the first kept row, for constant columns */
  bool *varies;                                /* (threads, dim) */
  size_t *place;                               /* (block_rows) the kept rows of a block, in it */
  size_t *start;                               /* where the block's runs begin among them */
  cgap_second_moment moment;
  cgap_duplicate_rows distinct;
  long double norm_sum; /* norms near the largest double have a mean, though their sum overflows */
} row_pass;

/* A whole number of runs. */
size_t cgap_row_pass_chunk_rows(size_t dim)
{
  const size_t run = cgap_second_moment_run_rows(dim), rows = ((size_t)1 << 21) / dim / run * run;
  return rows < run ? run : rows;
}

size_t cgap_row_pass_block_rows(const cgap_source *source)
{
  const size_t chunk = cgap_row_pass_chunk_rows(source->dim),
               bytes = chunk * source->dim * cgap_type_size(source->type);
  const size_t rows = chunk * (BLOCK_BYTES / bytes ? BLOCK_BYTES / bytes : 1);
  return rows < source->rows ? rows : source->rows;
}

static bool alloc_pass(row_pass *p)
{
  const cgap_source *source = p->modality->source;
  const size_t dim = source->dim, threads = (size_t)p->options->threads;
  const size_t known = p->options->comm ? source->rows : p->block_rows;
  const int buffers = p->options->resident ? 0 : p->options->comm ? 2 : CGAP_ROW_PASS_BLOCKS;
  for (int k = 0; k < CGAP_ROW_PASS_BLOCKS; k++)
    p->buffer[k] = cgap_alloc(buffers > k ? p->block_rows : 1, dim * cgap_type_size(source->type));
  p->norm = cgap_alloc(known, sizeof *p->norm);
  p->hash = cgap_alloc(known, sizeof *p->hash);
  p->row = cgap_alloc(threads * dim, sizeof *p->row);
  p->first_row = cgap_zalloc(dim, sizeof *p->first_row);
  p->varies = cgap_zalloc(threads * dim, sizeof *p->varies);
  p->place = cgap_alloc(p->block_rows, sizeof *p->place);
  p->start = cgap_alloc(p->block_rows / cgap_second_moment_run_rows(dim) + 2, sizeof *p->start);
  return p->buffer[0] && p->buffer[1] && p->buffer[2] && p->norm && p->hash && p->row && p->first_row && p->varies &&
         p->place && p->start && cgap_duplicate_rows_init(&p->distinct, source->rows);
}

static cgap_status open_pass(row_pass *p, cgap_error *error)
{
  const cgap_source *source = p->modality->source;
  p->block_rows = cgap_row_pass_block_rows(source);
  if (!alloc_pass(p))
    return cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", source->name, source->rows,
                     source->dim);
  return cgap_second_moment_init(&p->moment, source->dim, (double)cgap_second_moment_run_rows(source->dim), error);
}

static void close_pass(row_pass *p)
{
  for (int k = 0; k < CGAP_ROW_PASS_BLOCKS; k++)
    cgap_free(p->buffer[k]);
  cgap_free(p->norm);
  cgap_free(p->hash);
  cgap_free(p->row);
  cgap_free(p->first_row);
  cgap_free(p->varies);
  cgap_free(p->place);
  cgap_free(p->start);
  cgap_second_moment_clear(&p->moment);
  cgap_duplicate_rows_clear(&p->distinct);
}

/* ---------------------------------------------------------------- a block is read and looked at */

static file_block block_from(const row_pass *p, size_t first, size_t end, unsigned char *raw)
{
  return (file_block){.source = p->modality->source,
                      .first = first,
                      .rows = end - first < p->block_rows ? end - first : p->block_rows,
                      .raw = raw};
}

static cgap_status read_block(void *block, cgap_error *error)
{
  const file_block *b = block;
  return b->source->read(b->source, b->first, b->rows, b->raw, error);
}

/* Euclidean norm of a row as the file has it, as cgap_norm has it; the squares of floats fit a double at any scale. */
static double norm_of(cgap_type type, const unsigned char *raw, size_t dim, float *scratch)
{
  if (type == CGAP_FLOAT64)
    return cgap_norm((const double *)(const void *)raw, dim);
  cgap_to_float(type, raw, dim, scratch);
  const double total = cgap_audit_kernels_here()->square_sum(scratch, dim);
  return isfinite(total) ? sqrt(total) : NAN;
}

static const unsigned char *raw_row(const file_block *b, size_t i)
{
  return b->raw + i * b->source->dim * cgap_type_size(b->source->type);
}

/* Norm and hash of rows [first, end) of a block. */
static void hash_and_norm_rows(const row_pass *p, const file_block *b, size_t first, size_t end, double *norm,
                               cgap_hash *hash)
{
  const cgap_type type = b->source->type;
  const size_t dim = b->source->dim, row_bytes = dim * cgap_type_size(type);
  float *scratch = p->row + (size_t)omp_get_thread_num() * dim;
  for (size_t i = first; i < end; i++) {
    norm[i] = norm_of(type, raw_row(b, i), dim, scratch);
    hash[i] = cgap_hash_row(raw_row(b, i), row_bytes);
  }
}

static size_t pieces_of(const file_block *b)
{
  return (b->rows + PIECE_ROWS - 1) / PIECE_ROWS;
}

static void hash_and_norm_piece(const row_pass *p, const file_block *b, size_t piece, double *norm, cgap_hash *hash)
{
  const size_t first = piece * PIECE_ROWS;
  hash_and_norm_rows(p, b, first, first + PIECE_ROWS < b->rows ? first + PIECE_ROWS : b->rows, norm, hash);
}

static void hash_and_norm_block(const row_pass *p, const file_block *b, double *norm, cgap_hash *hash)
{
#pragma omp parallel for schedule(dynamic, 1) num_threads(p->options->threads)
  for (size_t k = 0; k < pieces_of(b); k++)
    hash_and_norm_piece(p, b, k, norm, hash);
}

/* ---------------------------------------------------------------- which rows stay */

static bool is_bad(cgap_modality_checks *checks, double norm, size_t file_row)
{
  if (norm > 0)
    return false;
  cgap_check_note(norm == 0 ? &checks->zero : &checks->not_finite, file_row);
  return true;
}

/* Notes a row of this norm as kept row side->rows. */
static void keep_row(row_pass *p, double norm, size_t file_row, size_t first_equal)
{
  cgap_modality_rows *modality = p->modality;
  modality->file_row[modality->rows] = file_row;
  modality->first_equal[modality->rows] = first_equal;
  modality->inverse_norm[modality->rows] = 1.0 / norm;
  p->norm_sum += norm;
  if (fabs(norm - 1.0) > UNIT_TOLERANCE)
    cgap_check_note(&modality->checks.off_unit, file_row);
  modality->rows++;
}

static void select_rows(row_pass *p, size_t first, size_t rows, const double *norm, const cgap_hash *hash)
{
  cgap_modality_rows *modality = p->modality;
  const cgap_row_pass_options *o = p->options;
  for (size_t i = 0; i < rows; i++) {
    const size_t file_row = first + i;
    if (p->kept_as)
      p->kept_as[file_row] = SIZE_MAX;
    if (i + LOOK_AHEAD < rows)
      cgap_duplicate_rows_prefetch(&p->distinct, hash[i + LOOK_AHEAD]);
    if (is_bad(&modality->checks, norm[i], file_row) || (o->skip && o->skip[file_row]))
      continue;
    size_t same = cgap_duplicate_rows_add(&p->distinct, hash[i], modality->rows);
    if (same != modality->rows)
      cgap_check_note(&modality->checks.duplicates, file_row);
    if (p->kept_as)
      p->kept_as[file_row] = o->merge ? same : modality->rows;
    if (same == modality->rows || !o->merge)
      keep_row(p, norm[i], file_row, same);
  }
}

/* ---------------------------------------------------------------- sums */

static void note_columns(const row_pass *p, const double *row)
{
  const size_t dim = p->modality->dim;
  bool *varies = p->varies + (size_t)omp_get_thread_num() * dim;
  for (size_t k = 0; k < dim; k++)
    varies[k] |= row[k] != p->first_row[k];
}

typedef struct block_selection {
  const row_pass *pass;
  const file_block *block, *next;
  size_t before; /* kept rows in front of the block's */
} block_selection;

/* Unit rows of the block's kept rows [first, first + rows), as floats in memory where that is asked. A thread that has
 * seen every column vary looks no more. */
static const double *make_unit(void *context, size_t first, size_t rows, double *scratch)
{
  const block_selection *k = context;
  const row_pass *p = k->pass;
  const cgap_modality_rows *modality = p->modality;
  const cgap_type type = modality->source->type;
  const size_t dim = modality->dim;
  const bool holds = modality->unit && !p->options->comm;
  const bool looks = memchr(p->varies + (size_t)omp_get_thread_num() * dim, 0, dim) != NULL;
  for (size_t i = 0; i < rows; i++) {
    const unsigned char *raw = raw_row(k->block, p->place[first + i]);
    const size_t kept = k->before + first + i;
    double *row = scratch + i * dim;
    if (looks) {
      cgap_to_double(type, raw, dim, row);
      note_columns(p, row);
    }
    cgap_to_scaled(type, raw, dim, modality->inverse_norm[kept], row);
    for (size_t c = 0; holds && c < dim; c++)
      modality->unit[kept * dim + c] = (float)row[c];
  }
  return scratch;
}

static void hash_and_norm_next(void *context, size_t piece)
{
  const block_selection *k = context;
  hash_and_norm_piece(k->pass, k->next, piece, k->pass->norm, k->pass->hash);
}

static cgap_status sum_block(row_pass *p, const file_block *b, size_t kept, size_t *count, const file_block *next,
                             cgap_error *error)
{
  const cgap_modality_rows *modality = p->modality;
  const size_t run = cgap_second_moment_run_rows(modality->dim);
  size_t n = 0;
  for (size_t i = 0; i < b->rows; i++) {
    if (i % run == 0)
      p->start[i / run] = n;
    if (kept + n < modality->rows && modality->file_row[kept + n] == b->first + i)
      p->place[n++] = i;
  }
  p->start[(b->rows + run - 1) / run] = n;
  if (kept == 0 && n > 0)
    cgap_to_double(modality->source->type, raw_row(b, p->place[0]), modality->dim, p->first_row);
  *count = n;
  block_selection rows = {.pass = p, .block = b, .next = next, .before = kept};
  const cgap_second_moment_work work = {.make = make_unit,
                                        .context = &rows,
                                        .start = p->start,
                                        .runs = (b->rows + run - 1) / run,
                                        .more = next ? hash_and_norm_next : NULL,
                                        .pieces = next ? pieces_of(next) : 0};
  return cgap_second_moment_make(&p->moment, &work, p->options->threads, error);
}

static void join_threads(row_pass *p)
{
  const size_t dim = p->modality->dim;
  for (size_t k = dim; k < (size_t)p->options->threads * dim; k++)
    p->varies[k % dim] |= p->varies[k];
}

/* ---------------------------------------------------------------- the pass of a whole file */

static bool modality_rows_alloc(cgap_modality_rows *modality, size_t held)
{
  const size_t rows = modality->source->rows, dim = modality->dim;
  modality->file_row = cgap_alloc(rows, sizeof *modality->file_row);
  modality->first_equal = cgap_alloc(rows, sizeof *modality->first_equal);
  modality->inverse_norm = cgap_alloc(rows, sizeof *modality->inverse_norm);
  modality->mean = cgap_zalloc(dim, sizeof *modality->mean);
  modality->moment = cgap_alloc(dim * dim, sizeof *modality->moment);
  modality->raw = held ? cgap_alloc(held, dim * cgap_type_size(modality->source->type)) : NULL;
  modality->unit = held ? cgap_alloc(held * dim, sizeof *modality->unit) : NULL;
  return modality->file_row && modality->first_equal && modality->inverse_norm && modality->mean && modality->moment &&
         (!held || (modality->raw && modality->unit));
}

static cgap_status tick_rows(const row_pass *p, double done, cgap_error *error)
{
  const cgap_progress *progress = &p->options->progress;
  if (progress->tick && progress->tick(progress->context, p->options->phase, done))
    return cgap_fail(error, CGAP_INTERRUPTED, "%s: interrupted while reading; nothing was written",
                     p->modality->source->name);
  return cgap_comm_poll(p->options->comm, NULL, error);
}

/* A block is read to where its rows stay, as if all stayed, or to one of three rooms in turn. */
static file_block block_at(const row_pass *p, size_t first, size_t turn)
{
  const cgap_source *source = p->modality->source;
  unsigned char *raw = p->modality->raw;
  return block_from(p, first, source->rows,
                    raw ? raw + first * source->dim * cgap_type_size(source->type) : p->buffer[turn]);
}

/* Kept rows move up to where others were left out. */
static void compact_rows(const cgap_modality_rows *modality)
{
  const size_t row_bytes = modality->dim * cgap_type_size(modality->source->type);
  for (size_t i = 0; modality->raw && modality->rows < modality->source->rows && i < modality->rows; i++)
    memmove(modality->raw + i * row_bytes, modality->raw + modality->file_row[i] * row_bytes, row_bytes);
}

/* While a block is summed, the next is looked at by threads that have nothing to sum, and the one after it is read. */
static cgap_status read_all(row_pass *p, cgap_error *error)
{
  const size_t rows = p->modality->source->rows, step = p->block_rows;
  file_block blocks[CGAP_ROW_PASS_BLOCKS] = {block_at(p, 0, 0)};
  cgap_background_reader ahead;
  cgap_background_reader_open(&ahead, p->options->threads);
  cgap_background_reader_start(&ahead, read_block, &blocks[0]);
  cgap_status status = cgap_background_reader_wait(&ahead, error);
  if (!status && step < rows) {
    blocks[1] = block_at(p, step, 1);
    cgap_background_reader_start(&ahead, read_block, &blocks[1]);
  }
  if (!status)
    hash_and_norm_block(p, &blocks[0], p->norm, p->hash);
  for (size_t first = 0, turn = 0; !status && first < rows; first += step, turn = (turn + 1) % CGAP_ROW_PASS_BLOCKS) {
    const size_t kept = p->modality->rows, next = (turn + 1) % CGAP_ROW_PASS_BLOCKS,
                 after = (turn + 2) % CGAP_ROW_PASS_BLOCKS;
    const bool has_next = rows - first > step;
    size_t count;
    select_rows(p, first, blocks[turn].rows, p->norm, p->hash);
    if (has_next)
      status = cgap_background_reader_wait(&ahead, error);
    if (!status && has_next && rows - first > 2 * step) {
      blocks[after] = block_at(p, first + 2 * step, after);
      cgap_background_reader_start(&ahead, read_block, &blocks[after]);
    }
    if (!status)
      status = sum_block(p, &blocks[turn], kept, &count, has_next ? &blocks[next] : NULL, error);
    if (!status)
      status = tick_rows(p, (double)(first + blocks[turn].rows) / (double)rows, error);
  }
  cgap_background_reader_close(&ahead);
  if (!status)
    compact_rows(p->modality);
  p->modality->own_rows = p->modality->rows;
  return status;
}

/* ---------------------------------------------------------------- the pass of one of several ranks */

/* The blocks of a share, one after the other: in side->raw where rows stay, else in two rooms in turn. While one is
 * worked on the next is read. */
typedef struct own_rows_reader {
  const row_pass *pass;
  cgap_rank_rows own;
  bool reads; /* else they are in side->raw already */
  cgap_background_reader ahead;
  file_block block[2];
  size_t first; /* of the next block … */
  int turn;     /* … which stands here */
} own_rows_reader;

static void prefetch_block(own_rows_reader *r)
{
  const row_pass *p = r->pass;
  const cgap_source *source = p->modality->source;
  unsigned char *raw = p->modality->raw;
  if (r->first >= r->own.end)
    return;
  r->block[r->turn] =
    block_from(p, r->first, r->own.end,
               raw ? raw + (r->first - r->own.first) * source->dim * cgap_type_size(source->type) : p->buffer[r->turn]);
  if (r->reads)
    cgap_background_reader_start(&r->ahead, read_block, &r->block[r->turn]);
}

static void open_reader(own_rows_reader *r, const row_pass *p, cgap_rank_rows own, bool reads)
{
  *r = (own_rows_reader){.pass = p, .own = own, .reads = reads, .first = own.first};
  cgap_background_reader_open(&r->ahead, reads ? p->options->threads : 1);
  prefetch_block(r);
}

/* The current block, valid until the next is asked for. */
static cgap_status next_block(own_rows_reader *r, file_block *out, cgap_error *error)
{
  cgap_status status = r->reads ? cgap_background_reader_wait(&r->ahead, error) : CGAP_OK;
  *out = r->block[r->turn];
  r->turn = 1 - r->turn;
  r->first += out->rows;
  if (!status)
    prefetch_block(r);
  return status;
}

/* Reads the rows of the share and looks at them. */
static cgap_status hash_and_norm_own_rows(row_pass *p, cgap_rank_rows own, cgap_error *error)
{
  own_rows_reader reader;
  file_block b;
  cgap_status status = CGAP_OK;
  open_reader(&reader, p, own, true);
  while (!status && reader.first < own.end) {
    status = next_block(&reader, &b, error);
    if (!status)
      hash_and_norm_block(p, &b, p->norm + b.first, p->hash + b.first);
    if (!status)
      status = tick_rows(p, 0.5 * (double)(b.first + b.rows - own.first) / (double)(own.end - own.first), error);
  }
  cgap_background_reader_close(&reader.ahead);
  return status;
}

static cgap_status gather_norms(row_pass *p, cgap_error *error)
{
  const size_t rows = p->modality->source->rows;
  cgap_status status = cgap_rank_rows_gather(p->options->comm, p->norm, rows, sizeof *p->norm, error);
  return status ? status : cgap_rank_rows_gather(p->options->comm, p->hash, rows, sizeof *p->hash, error);
}

/* The first kept row's values and the sums of the rows that lie in our part of the file. */
static cgap_status accumulate_own_rows(row_pass *p, cgap_rank_rows own, cgap_error *error)
{
  cgap_modality_rows *modality = p->modality;
  const cgap_source *source = modality->source;
  size_t kept = 0, count;
  own_rows_reader reader;
  file_block b;
  cgap_status status = CGAP_OK;
  if (modality->rows > 0)
    status = source->read(source, modality->file_row[0], 1, p->buffer[0], error);
  if (!status && modality->rows > 0)
    cgap_to_double(source->type, p->buffer[0], source->dim, p->first_row);
  while (kept < modality->rows && modality->file_row[kept] < own.first)
    kept++;
  open_reader(&reader, p, own, !modality->raw);
  while (!status && reader.first < own.end) {
    status = next_block(&reader, &b, error);
    if (!status)
      status = sum_block(p, &b, kept, &count, NULL, error);
    kept += status ? 0 : count;
    if (!status)
      status = tick_rows(p, 0.5 + 0.5 * (double)(b.first + b.rows - own.first) / (double)(own.end - own.first), error);
  }
  cgap_background_reader_close(&reader.ahead);
  return status;
}

static cgap_status join_columns(row_pass *p, cgap_error *error)
{
  const size_t dim = p->modality->dim;
  uint64_t *varies = cgap_alloc(dim, sizeof *varies);
  if (!varies)
    return cgap_fail(error, CGAP_RESOURCE, "no memory for %zu columns", dim);
  for (size_t k = 0; k < dim; k++)
    varies[k] = p->varies[k];
  cgap_status status = cgap_comm_sum(p->options->comm, varies, dim, CGAP_COMM_U64, error);
  for (size_t k = 0; k < dim; k++)
    p->varies[k] = varies[k] > 0;
  cgap_free(varies);
  return status;
}

/* What this rank holds of the kept rows. They are those of its part of the file already where none was left out. */
static cgap_status load_own_rows(row_pass *p, cgap_rank_rows own, cgap_error *error)
{
  cgap_modality_rows *modality = p->modality;
  const size_t row_bytes = modality->dim * cgap_type_size(modality->source->type);
  const cgap_rank_rows kept_own = cgap_rank_rows_own(p->options->comm, modality->rows);
  modality->own_first = kept_own.first;
  modality->own_rows = kept_own.end - kept_own.first;
  if (!modality->raw)
    return CGAP_OK;
  if (modality->rows == modality->source->rows || modality->own_rows == 0) {
    cgap_modality_rows_normalise(modality, kept_own.first, modality->own_rows, modality->raw, modality->unit,
                                 p->options->threads);
    return CGAP_OK;
  }
  if (modality->own_rows > own.end - own.first) {
    cgap_free(modality->raw);
    cgap_free(modality->unit);
    modality->raw = cgap_alloc(modality->own_rows, row_bytes);
    modality->unit = cgap_alloc(modality->own_rows * modality->dim, sizeof *modality->unit);
    if (!modality->raw || !modality->unit)
      return cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", modality->source->name,
                       modality->own_rows, modality->dim);
  }
  cgap_status status = cgap_modality_rows_read(modality, kept_own.first, modality->own_rows, modality->raw, error);
  if (!status)
    cgap_modality_rows_normalise(modality, kept_own.first, modality->own_rows, modality->raw, modality->unit,
                                 p->options->threads);
  return status;
}

static cgap_status read_own_rows(row_pass *p, cgap_rank_rows own, cgap_error *error)
{
  const size_t rows = p->modality->source->rows;
  cgap_status status = hash_and_norm_own_rows(p, own, error);
  if (!status)
    status = gather_norms(p, error);
  if (!status)
    select_rows(p, 0, rows, p->norm, p->hash);
  if (!status)
    status = accumulate_own_rows(p, own, error);
  join_threads(p);
  if (!status)
    status = join_columns(p, error);
  return status ? status : load_own_rows(p, own, error);
}

/* ---------------------------------------------------------------- both */

static cgap_status finish_modality(row_pass *p, cgap_error *error)
{
  cgap_modality_rows *modality = p->modality;
  cgap_status status =
    cgap_second_moment_finish(&p->moment, p->options->comm, 1, modality->moment, modality->mean, error);
  join_threads(p);
  for (size_t k = 0; !status && k < modality->dim; k++) {
    modality->mean[k] /= (double)(modality->rows ? modality->rows : 1);
    if (modality->rows > 1 && !p->varies[k])
      cgap_check_note(&modality->checks.constant_columns, k);
  }
  if (modality->checks.duplicates.count == 0) { /* every row is the first of its kind */
    cgap_free(modality->first_equal);
    modality->first_equal = NULL;
  }
  modality->checks.norm_mean = modality->rows ? (double)(p->norm_sum / (long double)modality->rows) : 0;
  return status;
}

cgap_status cgap_row_pass_run(cgap_modality_rows *out, const cgap_source *source, const cgap_row_pass_options *options,
                              size_t *kept_as, cgap_error *error)
{
  *out = (cgap_modality_rows){.source = source, .dim = source->dim};
  row_pass p = {.modality = out, .options = options, .kept_as = kept_as};
  const cgap_rank_rows own = cgap_rank_rows_own(options->comm, source->rows);
  const size_t held = !options->resident ? 0 : own.end > own.first ? own.end - own.first : 1;
  cgap_status status = CGAP_OK;
  if (!modality_rows_alloc(out, held))
    status =
      cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", source->name, source->rows, source->dim);
  if (!status)
    status = open_pass(&p, error);
  if (!status)
    status = options->comm ? read_own_rows(&p, own, error) : read_all(&p, error);
  if (!status)
    status = finish_modality(&p, error);
  close_pass(&p);
  if (status)
    cgap_modality_rows_clear(out);
  return status;
}

/* ---------------------------------------------------------------- duplicate rows */

typedef struct cgap_hash_slot {
  cgap_hash hash;
  size_t place; /* row + 1; 0: free */
} cgap_hash_slot;

__extension__ typedef unsigned __int128 uint128;

/* A hash spread evenly over any number of slots. */
static size_t home_slot(const cgap_duplicate_rows *d, cgap_hash hash)
{
  return (size_t)((uint128)hash.low * d->slots >> 64);
}

static size_t slots_of(size_t rows)
{
  return rows + rows / 2 + 16;
}

bool cgap_duplicate_rows_init(cgap_duplicate_rows *d, size_t rows)
{
  const size_t slots = slots_of(rows);
  *d = (cgap_duplicate_rows){.slots = slots, .slot = cgap_zalloc(slots, sizeof *d->slot)};
  return d->slot != NULL;
}

void cgap_duplicate_rows_clear(cgap_duplicate_rows *d)
{
  cgap_free(d->slot);
  *d = (cgap_duplicate_rows){0};
}

cgap_hash cgap_hash_row(const void *bytes, size_t size)
{
  XXH128_hash_t h = XXH3_128bits(bytes, size);
  return (cgap_hash){.low = h.low64, .high = h.high64};
}

cgap_hash cgap_unit_hash(const float *row, size_t dim, float *spare)
{
  for (size_t k = 0; k < dim; k++)
    spare[k] = row[k] + 0.0F; /* −0 becomes 0 */
  return cgap_hash_row(spare, dim * sizeof *spare);
}

void cgap_duplicate_rows_prefetch(const cgap_duplicate_rows *d, cgap_hash hash)
{
  __builtin_prefetch(&d->slot[home_slot(d, hash)], 1);
}

size_t cgap_duplicate_rows_add(cgap_duplicate_rows *d, cgap_hash hash, size_t row)
{
  for (size_t at = home_slot(d, hash);; at = at + 1 < d->slots ? at + 1 : 0) {
    cgap_hash_slot *slot = &d->slot[at];
    if (slot->place == 0) {
      *slot = (cgap_hash_slot){.hash = hash, .place = row + 1};
      return row;
    }
    if (slot->hash.low == hash.low && slot->hash.high == hash.high)
      return slot->place - 1;
  }
}
