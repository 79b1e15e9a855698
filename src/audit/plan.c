#include "audit/plan.h"

#include "audit/matched_pairs.h"
#include "audit/pair_tile.h"
#include "audit/ranks_queries.h"
#include "audit/ranks_ring.h"
#include "base/available_memory.h"
#include "comm/rank_rows.h"
#include "rows/row_pass.h"
#include "rows/second_moment.h"

#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <unistd.h>

/* Bytes of a row, measured as well as counted. */
enum {
  READ_BYTES = 32,          /* while rows are read: place, first equal, norm, what it was kept as … */
  TABLE_BYTES = 40,         /* … and of the side that is read its place in the table of hashes */
  ROW_BYTES = 72,           /* afterwards: place, first equal, norm, couples, ranks */
  TILE_BYTES = 880,         /* sums, ten best twice, fit of the separability: where all couples are looked at */
  PROGRAM_BYTES = 56 << 20, /* with the buffers of BLAS and the caches of HDF5 */
  LEAST_ROW_TILES = 2
};
#define MIB ((uint64_t)1 << 20)

/* MemAvailable of the kernel where it says it, else the free pages. */
static uint64_t machine_memory(void)
{
  unsigned long long kib = 0;
  char line[128];
  FILE *f = fopen("/proc/meminfo", "r");
  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
      break;
  if (f)
    (void)fclose(f);
  return kib ? kib * 1024 : (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t cgap_free_memory(void)
{
  const uint64_t machine = machine_memory(), group = cgap_cgroup_room();
  return group < machine ? group : machine;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

/* What every plan needs: per-row state, moments and the greater of what the passes hold for a while. */
static uint64_t fixed_bytes(const cgap_source *image, const cgap_source *text, bool sampled, int threads)
{
  const uint64_t dim = image->dim, workers = (uint64_t)threads, rows = (uint64_t)image->rows + text->rows;
  const uint64_t longest = greater(image->rows, text->rows), square = dim * dim * sizeof(double);
  const uint64_t blocks = greater(cgap_block_rows(image) * dim * cgap_type_size(image->type),
                                  cgap_block_rows(text) * dim * cgap_type_size(text->type));
  const uint64_t sums = (2 + workers) * square + workers * cgap_moment_run(dim) * dim * sizeof(double);
  const uint64_t reading = CGAP_BLOCKS * blocks + sums + READ_BYTES * rows + TABLE_BYTES * longest;
  const uint64_t images = lesser(cgap_couples_runs(threads) * CGAP_TILE, longest);
  const uint64_t couples = (2 * lesser(cgap_chunk_rows(dim), longest) + 3 * images) * dim * sizeof(double) + sums;
  const uint64_t spectra = workers * 2 * square;
  const uint64_t tiles =
    workers * cgap_tile_worker_bytes(dim) + (sampled ? 0 : (TILE_BYTES + cgap_best_row_bytes()) * rows);
  return PROGRAM_BYTES + 3 * square + greater(reading, ROW_BYTES * rows + greater(couples, greater(spectra, tiles)));
}

/* Panels of the tile pass: one of rows, two of columns, which are half as many. */
static void set_panels(cgap_plan *out, uint64_t room, uint64_t row_bytes, uint64_t longest)
{
  const uint64_t tiles = greater(room / (row_bytes * CGAP_TILE), LEAST_ROW_TILES + 2);
  const uint64_t columns = greater(tiles / 4, 1), rows = (tiles - 2 * columns) / columns * columns;
  out->column_rows = lesser(columns * CGAP_TILE, longest);
  out->panel_rows = lesser(rows * CGAP_TILE, longest);
}

cgap_status cgap_plan_make(cgap_plan *out, const cgap_source *image, const cgap_source *text,
                           const cgap_plan_options *options, cgap_error *error)
{
  const uint64_t dim = image->dim, longest = greater(image->rows, text->rows);
  const uint64_t row_bytes = dim * (sizeof(float) + greater(cgap_type_size(image->type), cgap_type_size(text->type))) +
                             (options->bfloat ? cgap_rough_row_bytes(dim) : 0);
  *out = (cgap_plan){.ranks = 1, .threads = options->threads ? options->threads : omp_get_num_procs()};
  out->memory_bytes = options->memory_bytes ? options->memory_bytes : cgap_free_memory() / 2;
  const uint64_t fixed = fixed_bytes(image, text, options->sample_bytes > 0, out->threads);
  const uint64_t resident = fixed + row_bytes * ((uint64_t)image->rows + text->rows);
  const uint64_t panels = row_bytes * lesser((LEAST_ROW_TILES + 2) * CGAP_TILE, 3 * longest);
  const uint64_t sampled = fixed_bytes(image, text, true, out->threads);
  out->smallest_bytes = lesser(fixed + panels, resident);
  if (out->memory_bytes < out->smallest_bytes)
    return cgap_fail(error, CGAP_RESOURCE,
                     "%s and %s: %zu and %zu rows of %zu need %" PRIu64 "M at least, --memory allows %" PRIu64
                     "M; give --memory %" PRIu64 "M%s",
                     image->name, text->name, image->rows, text->rows, image->dim, out->smallest_bytes / MIB + 1,
                     out->memory_bytes / MIB, out->smallest_bytes / MIB + 1,
                     !options->sample_bytes && sampled + panels <= out->memory_bytes ? ", or --pairs sampled" : "");
  /* the rows of a sample stay in memory where that leaves room for the smallest plan */
  out->hold = options->sample_bytes > 0 && out->smallest_bytes + options->sample_bytes <= out->memory_bytes;
  const uint64_t room = out->memory_bytes - (out->hold ? options->sample_bytes : 0);
  out->resident = resident <= room;
  out->panel_rows = out->column_rows = longest;
  out->needed_bytes = resident;
  if (!out->resident) {
    set_panels(out, room - fixed, row_bytes, longest);
    out->needed_bytes = fixed + row_bytes * (out->panel_rows + 2 * out->column_rows);
  }
  out->needed_bytes += out->hold ? options->sample_bytes : 0;
  return CGAP_OK;
}

cgap_status cgap_plan_share(cgap_plan *out, const cgap_source *image, const cgap_source *text, const cgap_comm *ranks,
                            const cgap_plan_options *options, cgap_error *error)
{
  const int size = cgap_comm_size(ranks);
  const bool sampled = options->sample_bytes > 0;
  const cgap_share images = cgap_share_of(ranks, image->rows), texts = cgap_share_of(ranks, text->rows);
  const uint64_t rough = options->bfloat ? cgap_rough_row_bytes(image->dim) : 0;
  const uint64_t image_row = cgap_ring_row_bytes(image->type, image->dim) + rough,
                 text_row = cgap_ring_row_bytes(text->type, text->dim) + rough;
  *out = (cgap_plan){.ranks = size, .threads = options->threads ? options->threads : omp_get_num_procs()};
  out->memory_bytes =
    options->memory_bytes ? options->memory_bytes : cgap_free_memory() / 2 / (uint64_t)cgap_comm_neighbours(ranks);
  out->panel_rows = greater(1, greater(images.end - images.first, texts.end - texts.first)); /* a rank may have none */
  const uint64_t fixed = fixed_bytes(image, text, sampled, out->threads) + options->sample_bytes +
                         2 * CGAP_TILE * greater(image_row, text_row);
  out->needed_bytes = fixed + image_row * (images.end - images.first) + text_row * (texts.end - texts.first);
  out->smallest_bytes =
    sampled ? lesser(fixed + CGAP_ASK_ROWS * greater(image_row, text_row), out->needed_bytes) : out->needed_bytes;
  out->resident = out->needed_bytes <= out->memory_bytes;
  if (out->memory_bytes < out->smallest_bytes)
    return cgap_fail(error, CGAP_RESOURCE,
                     "%s and %s: a rank of %d needs %" PRIu64 "M at least, --memory allows %" PRIu64
                     "M; start more ranks%s, or give --memory %" PRIu64 "M",
                     image->name, text->name, size, out->smallest_bytes / MIB + 1, out->memory_bytes / MIB,
                     sampled ? "" : ", take --pairs sampled", out->smallest_bytes / MIB + 1);
  if (!out->resident)
    out->needed_bytes = out->smallest_bytes;
  out->visit_bytes = out->memory_bytes - out->needed_bytes;
  return CGAP_OK;
}
