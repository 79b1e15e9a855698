#include "rows/row_pass.h"

#include "base/memory.h"
#include "base/source.h"
#include "base/threads.h"
#include "rows/row_reader.h"
#include "rows/row_selection.h"
#include "rows/row_sums.h"
#include "simd/convert.h"
#include "simd/kernels.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum { PIECE_ROWS = 128, LOOK_AHEAD = 16, BLOCK_BYTES = 8 << 20, BLOCKS = CGAP_ROW_PASS_BLOCKS };

/* ---------------------------------------------------------------- the pass */

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
  cgap_rank_rows own; /* rows of the file that this rank reads: all, if it is alone */
  size_t row_bytes, block_rows, run_rows;
  double *norm;      /* (block_rows), under ranks of all own rows; as cgap_norm has it */
  cgap_hash *hash;   /* the same */
  float *row;        /* (threads, dim) */
  double *first_row; /* (dim) values of the first kept row, for constant columns */
  bool *varies;      /* (threads, dim) */
  uint64_t *varying; /* (dim) threads and ranks that have seen the column vary */
  size_t *place;     /* (block_rows) which rows of a block are kept */
  size_t *start;     /* where the block's runs begin among them */
  cgap_second_moment moment;
  cgap_duplicate_rows distinct;
  long double norm_sum;          /* norms near the largest double have a mean, though their sum overflows */
  unsigned char *buffer[BLOCKS]; /* (block_rows, dim) as the file has them */
  file_block block[BLOCKS];
  size_t next;       /* row of the file that is read next */
  size_t first_kept; /* the first of the kept rows among the own rows */
} row_pass;

size_t cgap_row_pass_chunk_rows(size_t dim)
{
  const size_t run = cgap_second_moment_run_rows(dim), rows = ((size_t)1 << 21) / dim / run * run;
  return rows < run ? run : rows;
}

size_t cgap_row_pass_block_rows(const cgap_source *source)
{
  const size_t chunk = cgap_row_pass_chunk_rows(source->dim), bytes = chunk * cgap_row_bytes(source);
  const size_t rows = chunk * (BLOCK_BYTES / bytes ? BLOCK_BYTES / bytes : 1);
  return rows < source->rows ? rows : source->rows;
}

/* What a process alone keeps of rows; ranks get it from the selection of all of them. */
static bool alloc_rows(row_pass *p)
{
  cgap_modality_rows *m = p->modality;
  const size_t rows = m->source->rows;
  if (p->options->comm)
    return true;
  m->file_row = cgap_alloc(rows, sizeof *m->file_row);
  m->first_equal = cgap_alloc(rows, sizeof *m->first_equal);
  m->inverse_norm = cgap_alloc(rows, sizeof *m->inverse_norm);
  return cgap_duplicate_rows_init(&p->distinct, rows) && m->file_row && m->first_equal && m->inverse_norm;
}

static cgap_status open_pass(row_pass *p, cgap_error *error)
{
  cgap_modality_rows *m = p->modality;
  const cgap_source *source = m->source;
  const size_t dim = source->dim, threads = (size_t)p->options->threads, own = p->own.end - p->own.first;
  const size_t known = p->options->comm ? own : p->block_rows;
  const size_t held = p->options->hold == CGAP_HOLD_NONE ? 0 : own > 0 ? own : 1;
  const bool unit = p->options->hold == CGAP_HOLD_UNIT;
  bool ok = alloc_rows(p);
  m->spread = p->options->spread;
  m->mean = cgap_zalloc(dim, sizeof *m->mean);
  m->moment = cgap_alloc(dim * dim, sizeof *m->moment);
  m->raw = held ? cgap_alloc(held, p->row_bytes) : NULL;
  m->unit = unit ? cgap_alloc(held * dim, sizeof *m->unit) : NULL;
  for (int k = 0; k < BLOCKS; k++) {
    p->buffer[k] = cgap_alloc(held ? 1 : p->block_rows, p->row_bytes);
    ok = ok && p->buffer[k];
  }
  p->norm = cgap_alloc(known, sizeof *p->norm);
  p->hash = cgap_alloc(known, sizeof *p->hash);
  p->row = cgap_alloc(threads * dim, sizeof *p->row);
  p->first_row = cgap_zalloc(dim, sizeof *p->first_row);
  p->varies = cgap_zalloc(threads * dim, sizeof *p->varies);
  p->varying = cgap_zalloc(dim, sizeof *p->varying);
  p->place = cgap_alloc(p->block_rows, sizeof *p->place);
  p->start = cgap_alloc(p->block_rows / p->run_rows + 2, sizeof *p->start);
  ok = ok && m->mean && m->moment && (!held || m->raw) && (!unit || m->unit) && p->norm && p->hash && p->row &&
       p->first_row && p->varies && p->varying && p->place && p->start;
  if (!ok)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows of %zu", source->name, source->rows, dim);
  return cgap_second_moment_init(&p->moment, dim, (double)p->run_rows, p->options->threads, error);
}

static void close_pass(row_pass *p)
{
  cgap_modality_rows *m = p->modality;
  cgap_duplicate_rows_clear(&p->distinct);
  if (m->checks.duplicates.count == 0) { /* every row is the first of its kind */
    cgap_free(m->first_equal);
    m->first_equal = NULL;
  }
  for (int k = 0; k < BLOCKS; k++)
    cgap_free(p->buffer[k]);
  cgap_free(p->norm);
  cgap_free(p->hash);
  cgap_free(p->row);
  cgap_free(p->first_row);
  cgap_free(p->varies);
  cgap_free(p->varying);
  cgap_free(p->place);
  cgap_free(p->start);
  cgap_second_moment_clear(&p->moment);
}

/* ---------------------------------------------------------------- reading */

/* A block is read to where its rows are held, as if all were kept, or into one of the buffers in turn. */
static bool set_target(void *pass, void *block)
{
  row_pass *p = pass;
  file_block *b = block;
  unsigned char *raw = p->modality->raw;
  if (p->next >= p->own.end)
    return false;
  *b = (file_block){.source = p->modality->source,
                    .first = p->next,
                    .rows = cgap_lesser(p->block_rows, p->own.end - p->next),
                    .raw = raw ? raw + (p->next - p->own.first) * p->row_bytes : p->buffer[b - p->block]};
  p->next += b->rows;
  return true;
}

static cgap_status read_block(void *block, cgap_error *error)
{
  const file_block *b = block;
  return b->source->read(b->source, b->first, b->rows, b->raw, error);
}

static cgap_status block_is_read(void *block, cgap_error *error)
{
  (void)block; /* by an earlier scan */
  (void)error;
  return CGAP_OK;
}

/* After a block: progress, from `before` to `after` over the own rows, and whether to stop. */
static cgap_status tick_rows(const row_pass *p, const file_block *b, double before, double after, cgap_error *error)
{
  const cgap_progress *progress = &p->options->progress;
  const double done = (double)(b->first + b->rows - p->own.first) / (double)(p->own.end - p->own.first);
  if (progress->tick && progress->tick(progress->context, p->options->phase, before + (after - before) * done))
    return cgap_fail(error, CGAP_INTERRUPTED, "%s: interrupted while reading; nothing was written",
                     p->modality->source->name);
  return cgap_comm_poll(p->options->comm, NULL, error);
}

/* ---------------------------------------------------------------- norms and hashes */

static size_t pieces_of(const file_block *b)
{
  return (b->rows + PIECE_ROWS - 1) / PIECE_ROWS;
}

/* Where the norms and hashes of a block begin: ranks have those of all their rows. */
static size_t place_of(const row_pass *p, const file_block *b)
{
  return p->options->comm ? b->first - p->own.first : 0;
}

/* Norms and hashes of the rows of a piece of a block. */
static void hash_and_norm_piece(const row_pass *p, const file_block *b, size_t piece)
{
  const size_t dim = b->source->dim, place = place_of(p, b);
  float *scratch = p->row + (size_t)omp_get_thread_num() * dim;
  for (size_t i = piece * PIECE_ROWS; i < b->rows && i < (piece + 1) * PIECE_ROWS; i++) {
    const unsigned char *raw = b->raw + i * p->row_bytes;
    p->norm[place + i] = cgap_file_norm(b->source->type, raw, dim, scratch);
    p->hash[place + i] = cgap_hash_bytes(raw, p->row_bytes);
  }
}

static void hash_and_norm_block(const row_pass *p, const file_block *b)
{
#pragma omp parallel for schedule(dynamic, 1) num_threads(p->options->threads)
  for (size_t k = 0; k < pieces_of(b); k++)
    hash_and_norm_piece(p, b, k);
}

/* ---------------------------------------------------------------- which rows are kept */

/* Rows of a block, by their norms and hashes, where a process is alone. */
static void select_rows(row_pass *p, const file_block *b)
{
  const double *norm = p->norm;
  const cgap_hash *hash = p->hash;
  cgap_modality_rows *m = p->modality;
  const cgap_row_pass_options *o = p->options;
  for (size_t i = 0; i < b->rows; i++) {
    const size_t file_row = b->first + i;
    if (p->kept_as)
      p->kept_as[file_row] = SIZE_MAX;
    if (i + LOOK_AHEAD < b->rows)
      cgap_duplicate_rows_prefetch(&p->distinct, hash[i + LOOK_AHEAD]);
    if (!(norm[i] > 0)) {
      cgap_check_note(norm[i] == 0 ? &m->checks.zero : &m->checks.not_finite, file_row);
      continue;
    }
    if (o->skip && o->skip[file_row])
      continue;
    const size_t same = cgap_duplicate_rows_add(&p->distinct, hash[i], m->rows);
    if (same != m->rows)
      cgap_check_note(&m->checks.duplicates, file_row);
    if (p->kept_as)
      p->kept_as[file_row] = o->merge ? same : m->rows;
    if (same != m->rows && o->merge)
      continue;
    m->file_row[m->rows] = file_row;
    m->first_equal[m->rows] = same;
    m->inverse_norm[m->rows] = 1.0 / norm[i];
    m->rows++;
    p->norm_sum += norm[i];
    if (fabs(norm[i] - 1.0) > CGAP_UNIT_TOLERANCE)
      cgap_check_note(&m->checks.off_unit, file_row);
  }
}

/* ---------------------------------------------------------------- sums */

/* One run of the block's kept rows, [first, end) of them; `before` were kept before the block. Their unit rows go into
 * memory as floats where a process alone holds them. A thread that has seen every column vary looks no more. */
static void sum_run(row_pass *p, const file_block *b, size_t before, size_t first, size_t end)
{
  const cgap_modality_rows *m = p->modality;
  const cgap_type type = m->source->type;
  const size_t dim = m->dim;
  bool *varies = p->varies + (size_t)omp_get_thread_num() * dim;
  float *unit = p->options->comm ? NULL : m->unit;
  cgap_moment_run run = cgap_moment_run_begin(&p->moment);
  for (size_t slice = first; slice < end; slice += CGAP_MOMENT_SLICE) {
    const size_t count = end - slice < CGAP_MOMENT_SLICE ? end - slice : CGAP_MOMENT_SLICE;
    const bool looks = memchr(varies, 0, dim) != NULL;
    double *rows = cgap_moment_run_rows(&run);
    for (size_t i = slice; i < slice + count; i++) {
      const unsigned char *raw = b->raw + p->place[i] * p->row_bytes;
      double *row = rows + (i - slice) * dim;
      if (looks) {
        cgap_to_double(type, raw, dim, row);
        for (size_t k = 0; k < dim; k++)
          varies[k] |= row[k] != p->first_row[k];
      }
      cgap_to_scaled(type, raw, dim, cgap_row_scale(m, before + i, raw), row);
      for (size_t k = 0; unit && k < dim; k++)
        unit[(before + i) * dim + k] = (float)row[k];
    }
    cgap_moment_run_add(&run, count);
  }
  cgap_moment_run_end(&run);
}

/* Adds the block's kept rows, `before` of which were kept before it, to the sums; returns how many they are. Threads
 * that find no more runs to sum go on with the norms and hashes of `next` (or NULL). */
static size_t sum_block(row_pass *p, const file_block *b, size_t before, const file_block *next)
{
  const cgap_modality_rows *m = p->modality;
  const size_t run = p->run_rows, runs = (b->rows + run - 1) / run;
  const size_t pieces = next ? pieces_of(next) : 0;
  size_t n = 0;
  for (size_t i = 0; i < b->rows; i++) {
    if (i % run == 0)
      p->start[i / run] = n;
    if (before + n < m->rows && cgap_file_row_of(m, before + n) == b->first + i)
      p->place[n++] = i;
  }
  p->start[runs] = n;
  if (before == 0 && n > 0)
    cgap_to_double(m->source->type, b->raw + p->place[0] * p->row_bytes, m->dim, p->first_row);
#pragma omp parallel for schedule(dynamic, 1) num_threads(p->options->threads)
  for (size_t item = 0; item < runs + pieces; item++) {
    if (item < runs)
      sum_run(p, b, before, p->start[item], p->start[item + 1]);
    else
      hash_and_norm_piece(p, next, item - runs);
  }
  return n;
}

/* ---------------------------------------------------------------- over the own rows */

/* What is done with each block. A process alone does it all at once; of several ranks each makes the norms and hashes
 * of its own rows, selects by those of all, and sums as it reads its rows again, unless it holds them. */
enum { HASH = 1, SELECT = 2, SUM = 4 };

/* While a block is summed, threads that have nothing to sum begin with the next, and the one after it is read. Progress
 * goes from `before` to `after`. */
static cgap_status scan_rows(row_pass *p, unsigned steps, double before, double after, cgap_error *error)
{
  const cgap_modality_rows *m = p->modality;
  const bool reads = steps & HASH || !m->raw;
  size_t kept = p->first_kept;
  void *block, *next;
  p->next = p->own.first;
  cgap_read_ahead ahead = {.set_target = set_target,
                           .read = reads ? read_block : block_is_read,
                           .context = p,
                           .blocks = p->block,
                           .count = BLOCKS,
                           .size = sizeof *p->block};
  cgap_read_ahead_open(&ahead, reads ? p->options->threads : 1);
  cgap_status status = cgap_read_ahead_next(&ahead, &block, error);
  if (block && steps & HASH)
    hash_and_norm_block(p, block);
  for (; !status && block; block = next) {
    if (steps & SELECT)
      select_rows(p, block);
    status = cgap_read_ahead_next(&ahead, &next, error);
    if (!status && steps & SUM)
      kept += sum_block(p, block, kept, steps & HASH ? next : NULL);
    else if (next)
      hash_and_norm_block(p, next);
    if (!status)
      status = tick_rows(p, block, before, after, error);
  }
  cgap_read_ahead_close(&ahead);
  return status;
}

static cgap_status read_all(row_pass *p, cgap_error *error)
{
  cgap_modality_rows *m = p->modality;
  const cgap_status status = scan_rows(p, HASH | SELECT | SUM, 0, 1, error);
  m->own_rows = m->rows;
  m->checks.norm_mean = m->rows ? (double)(p->norm_sum / (long double)m->rows) : 0;
  for (size_t i = 0; !status && m->raw && m->rows < m->source->rows && i < m->rows; i++)
    memmove(m->raw + i * p->row_bytes, m->raw + m->file_row[i] * p->row_bytes, p->row_bytes);
  return status;
}

/* The kept rows that this rank holds. Where no row was left out they are those that it has read. */
static cgap_status hold_own_rows(row_pass *p, cgap_error *error)
{
  cgap_modality_rows *m = p->modality;
  const cgap_rank_rows kept = cgap_rank_rows_own(p->options->comm, m->rows);
  const bool others = m->rows < m->source->rows && kept.first < kept.end;
  cgap_status status = CGAP_OK;
  m->own_first = kept.first;
  m->own_rows = kept.end - kept.first;
  if (!m->raw)
    return CGAP_OK;
  if (others && m->own_rows > p->own.end - p->own.first) {
    cgap_free(m->raw);
    cgap_free(m->unit);
    m->raw = cgap_alloc(m->own_rows, p->row_bytes);
    m->unit = cgap_alloc(m->own_rows * m->dim, sizeof *m->unit);
    if (!m->raw || !m->unit)
      return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows of %zu", m->source->name, m->own_rows,
                       m->dim);
  }
  if (others)
    status = cgap_modality_rows_read(m, kept.first, m->own_rows, m->raw, error);
  if (!status)
    cgap_modality_rows_normalise(m, kept.first, m->own_rows, m->raw, m->unit, p->options->threads);
  return status;
}

static cgap_status read_with_ranks(row_pass *p, cgap_error *error)
{
  cgap_modality_rows *m = p->modality;
  const cgap_source *source = m->source;
  const cgap_row_pass_options *o = p->options;
  const cgap_row_selection rows = {.comm = o->comm, .skip = o->skip, .merge = o->merge};
  cgap_status status = scan_rows(p, HASH, 0, 0.5, error);
  if (!status)
    status = cgap_row_selection_run(m, &rows, p->norm, p->hash, p->kept_as, &p->first_kept, error);
  cgap_free(p->norm);
  cgap_free(p->hash);
  p->norm = NULL;
  p->hash = NULL;
  if (!status && m->rows > 0) {
    status = source->read(source, cgap_file_row_of(m, 0), 1, p->buffer[0], error);
    if (!status)
      cgap_to_double(source->type, p->buffer[0], source->dim, p->first_row);
  }
  if (!status)
    status = scan_rows(p, SUM, 0.5, 1, error);
  return status ? status : hold_own_rows(p, error);
}

/* ---------------------------------------------------------------- both */

static cgap_status finish_modality(row_pass *p, cgap_error *error)
{
  cgap_modality_rows *m = p->modality;
  const size_t dim = m->dim;
  for (size_t k = 0; k < (size_t)p->options->threads * dim; k++)
    p->varying[k % dim] += p->varies[k];
  cgap_status status = cgap_comm_sum(p->options->comm, p->varying, dim, CGAP_COMM_U64, error);
  if (!status)
    status = cgap_second_moment_finish(&p->moment, p->options->comm, 1, m->moment, m->mean, error);
  for (size_t k = 0; !status && k < dim; k++) {
    m->mean[k] /= (double)(m->rows ? m->rows : 1);
    if (m->rows > 1 && p->varying[k] == 0)
      cgap_check_note(&m->checks.constant_columns, k);
  }
  return status;
}

cgap_status cgap_row_pass_run(cgap_modality_rows *out, const cgap_source *source, const cgap_row_pass_options *options,
                              size_t *kept_as, cgap_error *error)
{
  *out = (cgap_modality_rows){.source = source, .dim = source->dim};
  row_pass p = {.modality = out,
                .options = options,
                .kept_as = kept_as,
                .own = cgap_rank_rows_own(options->comm, source->rows),
                .run_rows = cgap_second_moment_run_rows(source->dim),
                .block_rows = cgap_row_pass_block_rows(source),
                .row_bytes = cgap_row_bytes(source)};
  cgap_status status = open_pass(&p, error);
  if (!status)
    status = options->comm ? read_with_ranks(&p, error) : read_all(&p, error);
  if (!status)
    status = finish_modality(&p, error);
  close_pass(&p);
  if (status)
    cgap_modality_rows_clear(out);
  return status;
}
