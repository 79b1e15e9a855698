#include "engine/plan.h"

#include "engine/ring.h"
#include "engine/share.h"
#include "engine/side.h"
#include "engine/tile.h"

#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <unistd.h>

enum {
  STATE_BYTES = 512, /* of a row whatever the plan: place, norm, hash, sums, ten best twice, fit of the separability */
  PROGRAM_BYTES = 56 << 20, /* with the buffers of BLAS and the caches of HDF5 */
};
#define MIB ((uint64_t)1 << 20)

/* MemAvailable of the kernel where it says it, else the free pages. */
static uint64_t free_memory(void)
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

static uint64_t greater(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

/* What every plan needs: per-row state, moments and the greater of what the passes hold for a while. */
static uint64_t fixed_bytes(const cgap_source *image, const cgap_source *text, int threads)
{
  const uint64_t dim = image->dim, workers = (uint64_t)threads;
  const uint64_t rows_at_once = cgap_chunk_rows(image->dim) < greater(image->rows, text->rows)
                                  ? cgap_chunk_rows(image->dim)
                                  : greater(image->rows, text->rows);
  const uint64_t row_passes = 3 * rows_at_once * dim * sizeof(double) + workers * dim * dim * sizeof(double);
  const uint64_t spectra = workers * 2 * dim * dim * sizeof(double);
  return PROGRAM_BYTES + STATE_BYTES * ((uint64_t)image->rows + text->rows) + 3 * dim * dim * sizeof(double) +
         greater(greater(row_passes, spectra), workers * cgap_tile_worker_bytes(dim));
}

cgap_status cgap_plan_make(cgap_plan *out, const cgap_source *image, const cgap_source *text, int threads,
                           uint64_t limit_bytes, cgap_error *error)
{
  const uint64_t dim = image->dim, longest = greater(image->rows, text->rows);
  const uint64_t row_bytes = dim * (sizeof(float) + greater(cgap_type_size(image->type), cgap_type_size(text->type)));
  const uint64_t panel_row_bytes = 2 * dim * (sizeof(float) + sizeof(double));
  *out = (cgap_plan){.threads = threads ? threads : omp_get_num_procs()};
  out->memory_bytes = limit_bytes ? limit_bytes : free_memory() / 2;
  const uint64_t fixed = fixed_bytes(image, text, out->threads);
  const uint64_t resident = fixed + row_bytes * ((uint64_t)image->rows + text->rows);
  out->smallest_bytes = fixed + panel_row_bytes * (longest < CGAP_TILE ? longest : CGAP_TILE);
  out->smallest_bytes = out->smallest_bytes < resident ? out->smallest_bytes : resident;
  if (out->memory_bytes < out->smallest_bytes)
    return cgap_fail(error, CGAP_RESOURCE,
                     "%s and %s: %zu and %zu rows of %zu need %" PRIu64 "M at least, --memory allows %" PRIu64
                     "M; give --memory %" PRIu64 "M",
                     image->name, text->name, image->rows, text->rows, image->dim, out->smallest_bytes / MIB + 1,
                     out->memory_bytes / MIB, out->smallest_bytes / MIB + 1);
  out->resident = resident <= out->memory_bytes;
  out->panel_rows = longest;
  out->needed_bytes = resident;
  if (!out->resident) {
    out->panel_rows = (out->memory_bytes - fixed) / panel_row_bytes / CGAP_TILE * CGAP_TILE;
    out->panel_rows = out->panel_rows ? out->panel_rows : CGAP_TILE;
    out->needed_bytes = fixed + panel_row_bytes * out->panel_rows;
  }
  return CGAP_OK;
}

cgap_status cgap_plan_share(cgap_plan *out, const cgap_source *image, const cgap_source *text, const cgap_comm *ranks,
                            int threads, uint64_t limit_bytes, cgap_error *error)
{
  const int size = cgap_comm_size(ranks);
  const cgap_share images = cgap_share_of(ranks, image->rows), texts = cgap_share_of(ranks, text->rows);
  const uint64_t image_row = cgap_ring_row_bytes(image->type, image->dim),
                 text_row = cgap_ring_row_bytes(text->type, text->dim);
  *out = (cgap_plan){.threads = threads ? threads : omp_get_num_procs(), .resident = true};
  out->memory_bytes = limit_bytes ? limit_bytes : free_memory() / 2 / (uint64_t)cgap_comm_neighbours(ranks);
  out->panel_rows = greater(images.end - images.first, texts.end - texts.first);
  out->needed_bytes = fixed_bytes(image, text, out->threads) + image_row * (images.end - images.first) +
                      text_row * (texts.end - texts.first) + 2 * CGAP_TILE * greater(image_row, text_row);
  out->smallest_bytes = out->needed_bytes;
  if (out->memory_bytes < out->needed_bytes)
    return cgap_fail(error, CGAP_RESOURCE,
                     "%s and %s: a rank of %d needs %" PRIu64 "M at least, --memory allows %" PRIu64
                     "M; start more ranks, or give --memory %" PRIu64 "M",
                     image->name, text->name, size, out->needed_bytes / MIB + 1, out->memory_bytes / MIB,
                     out->needed_bytes / MIB + 1);
  out->visit_bytes = out->memory_bytes - out->needed_bytes;
  return CGAP_OK;
}
