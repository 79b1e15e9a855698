#include "rows/modality.h"

#include "base/background_reader.h"
#include "base/memory.h"
#include "comm/rank_rows.h"
#include "rows/row_block.h"
#include "rows/row_pass.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- bad rows, in words */

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

bool cgap_describe_bad(const cgap_source *source, const cgap_side_checks *checks, char *out, size_t size)
{
  char what[500] = "";
  describe_check(&checks->not_finite, "with NaN or infinity", what, sizeof what);
  describe_check(&checks->zero, "of norm zero", what, sizeof what);
  if (*what)
    append(out, size, "%s%s: %zu rows, %s", *out ? "; " : "", source->name, source->rows, what);
  return *what != '\0';
}

/* ---------------------------------------------------------------- the pass of a whole file */

static bool side_alloc(cgap_side *side, size_t held)
{
  const size_t rows = side->source->rows, dim = side->dim;
  side->file_row = cgap_alloc(rows, sizeof *side->file_row);
  side->first_equal = cgap_alloc(rows, sizeof *side->first_equal);
  side->inverse_norm = cgap_alloc(rows, sizeof *side->inverse_norm);
  side->mean = cgap_zalloc(dim, sizeof *side->mean);
  side->moment = cgap_alloc(dim * dim, sizeof *side->moment);
  side->raw = held ? cgap_alloc(held, dim * cgap_type_size(side->source->type)) : NULL;
  side->unit = held ? cgap_alloc(held * dim, sizeof *side->unit) : NULL;
  return side->file_row && side->first_equal && side->inverse_norm && side->mean && side->moment &&
         (!held || (side->raw && side->unit));
}

static cgap_status tick(const cgap_row_pass *p, double done, cgap_error *error)
{
  const cgap_progress *progress = &p->options->progress;
  if (progress->tick && progress->tick(progress->context, p->options->phase, done))
    return cgap_fail(error, CGAP_INTERRUPTED, "%s: interrupted while reading; nothing was written",
                     p->side->source->name);
  return cgap_comm_poll(p->options->ranks, NULL, error);
}

/* A block is read to where its rows stay, as if all stayed, or to one of three rooms in turn. */
static cgap_block block_at(const cgap_row_pass *p, size_t first, size_t turn)
{
  const cgap_source *source = p->side->source;
  unsigned char *raw = p->side->raw;
  return cgap_block_at(p, first, source->rows,
                       raw ? raw + first * source->dim * cgap_type_size(source->type) : p->room[turn]);
}

/* Kept rows move up to where others were left out. */
static void close_up(const cgap_side *side)
{
  const size_t row_bytes = side->dim * cgap_type_size(side->source->type);
  for (size_t i = 0; side->raw && side->rows < side->source->rows && i < side->rows; i++)
    memmove(side->raw + i * row_bytes, side->raw + side->file_row[i] * row_bytes, row_bytes);
}

/* While a block is summed, the next is looked at by threads that have nothing to sum, and the one after it is read. */
static cgap_status read_all(cgap_row_pass *p, cgap_error *error)
{
  const size_t rows = p->side->source->rows, step = p->block_rows;
  cgap_block blocks[CGAP_BLOCKS] = {block_at(p, 0, 0)};
  cgap_ahead ahead;
  cgap_ahead_open(&ahead, p->options->threads);
  cgap_ahead_start(&ahead, cgap_block_read, &blocks[0]);
  cgap_status status = cgap_ahead_wait(&ahead, error);
  if (!status && step < rows) {
    blocks[1] = block_at(p, step, 1);
    cgap_ahead_start(&ahead, cgap_block_read, &blocks[1]);
  }
  if (!status)
    cgap_block_look(p, &blocks[0], p->norm, p->hash);
  for (size_t first = 0, turn = 0; !status && first < rows; first += step, turn = (turn + 1) % CGAP_BLOCKS) {
    const size_t kept = p->side->rows, next = (turn + 1) % CGAP_BLOCKS, after = (turn + 2) % CGAP_BLOCKS;
    const bool has_next = rows - first > step;
    size_t count;
    cgap_block_sift(p, first, blocks[turn].rows, p->norm, p->hash);
    if (has_next)
      status = cgap_ahead_wait(&ahead, error);
    if (!status && has_next && rows - first > 2 * step) {
      blocks[after] = block_at(p, first + 2 * step, after);
      cgap_ahead_start(&ahead, cgap_block_read, &blocks[after]);
    }
    if (!status)
      status = cgap_block_sum(p, &blocks[turn], kept, &count, has_next ? &blocks[next] : NULL, error);
    if (!status)
      status = tick(p, (double)(first + blocks[turn].rows) / (double)rows, error);
  }
  cgap_ahead_close(&ahead);
  if (!status)
    close_up(p->side);
  p->side->own_rows = p->side->rows;
  return status;
}

/* ---------------------------------------------------------------- the pass of one of several ranks */

/* The blocks of a share, one after the other: in side->raw where rows stay, else in two rooms in turn. While one is
 * worked on the next is read. */
typedef struct share_reader {
  const cgap_row_pass *pass;
  cgap_share own;
  bool reads; /* else they are in side->raw already */
  cgap_ahead ahead;
  cgap_block block[2];
  size_t first; /* of the next block … */
  int turn;     /* … which stands here */
} share_reader;

static void expect_block(share_reader *r)
{
  const cgap_row_pass *p = r->pass;
  const cgap_source *source = p->side->source;
  unsigned char *raw = p->side->raw;
  if (r->first >= r->own.end)
    return;
  r->block[r->turn] = cgap_block_at(p, r->first, r->own.end,
                                    raw ? raw + (r->first - r->own.first) * source->dim * cgap_type_size(source->type)
                                        : p->room[r->turn]);
  if (r->reads)
    cgap_ahead_start(&r->ahead, cgap_block_read, &r->block[r->turn]);
}

static void open_reader(share_reader *r, const cgap_row_pass *p, cgap_share own, bool reads)
{
  *r = (share_reader){.pass = p, .own = own, .reads = reads, .first = own.first};
  cgap_ahead_open(&r->ahead, reads ? p->options->threads : 1);
  expect_block(r);
}

/* The block at hand, until the next is asked for. */
static cgap_status next_block(share_reader *r, cgap_block *out, cgap_error *error)
{
  cgap_status status = r->reads ? cgap_ahead_wait(&r->ahead, error) : CGAP_OK;
  *out = r->block[r->turn];
  r->turn = 1 - r->turn;
  r->first += out->rows;
  if (!status)
    expect_block(r);
  return status;
}

/* Reads the rows of the share and looks at them. */
static cgap_status look_at_share(cgap_row_pass *p, cgap_share own, cgap_error *error)
{
  share_reader reader;
  cgap_block b;
  cgap_status status = CGAP_OK;
  open_reader(&reader, p, own, true);
  while (!status && reader.first < own.end) {
    status = next_block(&reader, &b, error);
    if (!status)
      cgap_block_look(p, &b, p->norm + b.first, p->hash + b.first);
    if (!status)
      status = tick(p, 0.5 * (double)(b.first + b.rows - own.first) / (double)(own.end - own.first), error);
  }
  cgap_ahead_close(&reader.ahead);
  return status;
}

static cgap_status hear(cgap_row_pass *p, cgap_error *error)
{
  const size_t rows = p->side->source->rows;
  cgap_status status = cgap_share_gather(p->options->ranks, p->norm, rows, sizeof *p->norm, error);
  return status ? status : cgap_share_gather(p->options->ranks, p->hash, rows, sizeof *p->hash, error);
}

/* The first kept row's values and the sums of the rows that lie in our part of the file. */
static cgap_status take(cgap_row_pass *p, cgap_share own, cgap_error *error)
{
  cgap_side *side = p->side;
  const cgap_source *source = side->source;
  size_t kept = 0, count;
  share_reader reader;
  cgap_block b;
  cgap_status status = CGAP_OK;
  if (side->rows > 0)
    status = source->read(source, side->file_row[0], 1, p->room[0], error);
  if (!status && side->rows > 0)
    cgap_to_double(source->type, p->room[0], source->dim, p->first_row);
  while (kept < side->rows && side->file_row[kept] < own.first)
    kept++;
  open_reader(&reader, p, own, !side->raw);
  while (!status && reader.first < own.end) {
    status = next_block(&reader, &b, error);
    if (!status)
      status = cgap_block_sum(p, &b, kept, &count, NULL, error);
    kept += status ? 0 : count;
    if (!status)
      status = tick(p, 0.5 + 0.5 * (double)(b.first + b.rows - own.first) / (double)(own.end - own.first), error);
  }
  cgap_ahead_close(&reader.ahead);
  return status;
}

static cgap_status join_columns(cgap_row_pass *p, cgap_error *error)
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
static cgap_status hold(cgap_row_pass *p, cgap_share own, cgap_error *error)
{
  cgap_side *side = p->side;
  const size_t row_bytes = side->dim * cgap_type_size(side->source->type);
  const cgap_share share = cgap_share_of(p->options->ranks, side->rows);
  side->own_first = share.first;
  side->own_rows = share.end - share.first;
  if (!side->raw)
    return CGAP_OK;
  if (side->rows == side->source->rows || side->own_rows == 0) {
    cgap_side_normalise(side, share.first, side->own_rows, side->raw, side->unit, p->options->threads);
    return CGAP_OK;
  }
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
  if (!status)
    cgap_side_normalise(side, share.first, side->own_rows, side->raw, side->unit, p->options->threads);
  return status;
}

static cgap_status read_share(cgap_row_pass *p, cgap_share own, cgap_error *error)
{
  const size_t rows = p->side->source->rows;
  cgap_status status = look_at_share(p, own, error);
  if (!status)
    status = hear(p, error);
  if (!status)
    cgap_block_sift(p, 0, rows, p->norm, p->hash);
  if (!status)
    status = take(p, own, error);
  cgap_row_pass_join(p);
  if (!status)
    status = join_columns(p, error);
  return status ? status : hold(p, own, error);
}

/* ---------------------------------------------------------------- both */

static cgap_status finish_side(cgap_row_pass *p, cgap_error *error)
{
  cgap_side *side = p->side;
  cgap_status status = cgap_moment_finish(&p->moment, p->options->ranks, 1, side->moment, side->mean, error);
  cgap_row_pass_join(p);
  for (size_t k = 0; !status && k < side->dim; k++) {
    side->mean[k] /= (double)(side->rows ? side->rows : 1);
    if (side->rows > 1 && !p->varies[k])
      cgap_check_note(&side->checks.constant_columns, k);
  }
  if (side->checks.duplicates.count == 0) { /* every row is the first of its kind */
    cgap_free(side->first_equal);
    side->first_equal = NULL;
  }
  side->checks.norm_mean = side->rows ? (double)(p->norm_sum / (long double)side->rows) : 0;
  return status;
}

cgap_status cgap_side_load(cgap_side *out, const cgap_source *source, const cgap_side_options *options, size_t *kept_as,
                           cgap_error *error)
{
  *out = (cgap_side){.source = source, .dim = source->dim};
  cgap_row_pass p = {.side = out, .options = options, .kept_as = kept_as};
  const cgap_share own = cgap_share_of(options->ranks, source->rows);
  const size_t held = !options->resident ? 0 : own.end > own.first ? own.end - own.first : 1;
  cgap_status status = CGAP_OK;
  if (!side_alloc(out, held))
    status =
      cgap_fail(error, CGAP_RESOURCE, "%s: no memory for %zu rows of %zu", source->name, source->rows, source->dim);
  if (!status)
    status = cgap_row_pass_open(&p, error);
  if (!status)
    status = options->ranks ? read_share(&p, own, error) : read_all(&p, error);
  if (!status)
    status = finish_side(&p, error);
  cgap_row_pass_close(&p);
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
