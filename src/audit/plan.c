#include "audit/plan.h"

#include "audit/pair_tile.h"
#include "audit/passes.h"
#include "audit/ranks_pass.h"
#include "base/memory.h"
#include "base/modality_names.h"
#include "base/source.h"
#include "base/threads.h"
#include "comm/comm.h"
#include "rows/row_pass.h"
#include "rows/row_sums.h"
#include "simd/gemm.h"
#include "simd/kernels.h"

#include <cblas.h>
#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <unistd.h>

/* Bytes of a row, measured as well as counted. */
enum {
  READ_BYTES = 32,          /* while rows are read: place, first equal, norm, what it was kept as … */
  TABLE_BYTES = 40,         /* … and of the modality that is read its place in the table of hashes */
  ROW_BYTES = 72,           /* afterwards: place, first equal, norm, pairs, ranks */
  HASHED_BYTES = 60,        /* of ranks: norm, hash and a place in the table, of the rows that a rank reads … */
  HANDED_BYTES = 15 << 20,  /* … and blocks of hashes on their way */
  SPREAD_BYTES = 8,         /* of ranks that look at a sample: the norm of an own row … */
  QUERY_BYTES = 8,          /* … what queries need of it … */
  PAIR_BYTES = 16,          /* … the cosine of an own pair, twice … */
  LISTED_BYTES = 16,        /* … of any row where pairs are not by row: the lists of them … */
  WITHIN_BYTES = 20,        /* … and of an own row what is measured of the texts of one image … */
  FIRST_BYTES = 16,         /* … on the first rank, afterwards, the cosine of any pair, and the same in order … */
  REPORT_BYTES = 28,        /* … and of any row what the report lists */
  TILE_BYTES = 880,         /* sums, ten nearest twice, fit of the separability: where all pairs are used */
  PROGRAM_BYTES = 56 << 20, /* with the buffers of BLAS and the caches of HDF5 */
  ROW_TILES_MIN = 2
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
  const uint64_t machine = machine_memory(), group = cgap_cgroup_available();
  return group < machine ? group : machine;
}

static uint64_t greater_bytes(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

static uint64_t lesser_bytes(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

/* Bytes of what is known of rows: while they are read, and afterwards. */
typedef struct row_state {
  uint64_t reading, later;
} row_state;

static row_state state_of_all(const cgap_source *image, const cgap_source *text)
{
  const uint64_t rows = (uint64_t)image->rows + text->rows, longest = greater_bytes(image->rows, text->rows);
  return (row_state){.reading = READ_BYTES * rows + TABLE_BYTES * longest, .later = ROW_BYTES * rows};
}

/* Of one of several ranks: all pairs take what is known of all rows, a sample that of its own rows, where pairs are by
 * row or there are none. */
static row_state state_of_rank(const cgap_source *image, const cgap_source *text, const cgap_comm *comm,
                               const cgap_plan_options *o)
{
  const uint64_t ranks = (uint64_t)cgap_comm_size(comm), rows = (uint64_t)image->rows + text->rows;
  const uint64_t hashed = HASHED_BYTES * (greater_bytes(image->rows, text->rows) / ranks + CGAP_TILE) + HANDED_BYTES;
  const uint64_t own = SPREAD_BYTES * (rows / ranks + CGAP_TILE);
  const bool first = cgap_comm_rank(comm) == 0, listed = o->paired && !o->straight;
  if (o->sample_bytes == 0)
    return (row_state){.reading = READ_BYTES * rows + hashed, .later = ROW_BYTES * rows};
  row_state s = {.reading = own + hashed, .later = own};
  if (listed)
    s.later += LISTED_BYTES * rows + WITHIN_BYTES * (rows / ranks + CGAP_TILE);
  if (o->paired)
    s.later += PAIR_BYTES * (text->rows / ranks + CGAP_TILE) +
               greater_bytes(first ? FIRST_BYTES * (uint64_t)text->rows : 0, QUERY_BYTES * (rows / ranks + CGAP_TILE));
  if (first && (listed || !o->no_rows))
    s.later += REPORT_BYTES * rows;
  return s;
}

/* What every plan needs: per-row state, moments and the greater of what the passes hold for a while. */
static uint64_t fixed_bytes(const cgap_source *image, const cgap_source *text, row_state state, bool sampled,
                            int threads)
{
  const uint64_t dim = greater_bytes(image->dim, text->dim), workers = (uint64_t)threads,
                 rows = (uint64_t)image->rows + text->rows;
  const uint64_t longest = greater_bytes(image->rows, text->rows), square = dim * dim * sizeof(double);
  const uint64_t blocks = greater_bytes(cgap_row_pass_block_rows(image) * dim * cgap_type_size(image->type),
                                        cgap_row_pass_block_rows(text) * dim * cgap_type_size(text->type));
  const uint64_t sums = 2 * square + workers * cgap_second_moment_scratch(dim) * sizeof(double);
  const uint64_t reading = CGAP_ROW_PASS_BLOCKS * blocks + sums + state.reading;
  const uint64_t images = lesser_bytes(cgap_matched_pairs_held_runs(threads) * CGAP_TILE, longest);
  const uint64_t matched_pairs =
    (2 * lesser_bytes(cgap_row_pass_chunk_rows(dim), longest) + 3 * images) * dim * sizeof(double) + sums;
  const uint64_t spectra = workers * 2 * square;
  const uint64_t tiles =
    workers * cgap_pair_tile_worker_bytes(dim) + (sampled ? 0 : (TILE_BYTES + cgap_top_k_row_bytes()) * rows);
  return PROGRAM_BYTES + 3 * square +
         greater_bytes(reading, state.later + greater_bytes(matched_pairs, greater_bytes(spectra, tiles)));
}

size_t cgap_candidate_rows(int threads)
{
  enum { TILES = 8 }; /* of each thread */
  return TILES * (size_t)threads * CGAP_TILE;
}

/* Panels of the tile pass: one of rows, two of columns, which are half as many. */
static void set_panels(cgap_plan *out, uint64_t available, uint64_t row_bytes, uint64_t longest)
{
  const uint64_t tiles = greater_bytes(available / (row_bytes * CGAP_TILE), ROW_TILES_MIN + 2);
  const uint64_t columns = greater_bytes(tiles / 4, 1), rows = (tiles - 2 * columns) / columns * columns;
  out->column_rows = lesser_bytes(columns * CGAP_TILE, longest);
  out->panel_rows = lesser_bytes(rows * CGAP_TILE, longest);
}

/* "a.npy and b.npy: 10 and 20 rows of 8" */
static void rows_words(char out[1400], const cgap_source *image, const cgap_source *text)
{
  if (text->rows == 0)
    (void)snprintf(out, 1400, "%.600s: %zu rows of %zu", image->name, image->rows, image->dim);
  else if (text->dim != image->dim)
    (void)snprintf(out, 1400, "%.600s and %.600s: %zu rows of %zu and %zu of %zu", image->name, text->name, image->rows,
                   image->dim, text->rows, text->dim);
  else
    (void)snprintf(out, 1400, "%.600s and %.600s: %zu and %zu rows of %zu", image->name, text->name, image->rows,
                   text->rows, image->dim);
}

cgap_status cgap_plan_make(cgap_plan *out, const cgap_source *image, const cgap_source *text,
                           const cgap_plan_options *options, cgap_error *error)
{
  const uint64_t dim = greater_bytes(image->dim, text->dim), longest = greater_bytes(image->rows, text->rows);
  const uint64_t raw_bytes = dim * greater_bytes(cgap_type_size(image->type), cgap_type_size(text->type));
  const uint64_t row_bytes = dim * sizeof(float) + raw_bytes + (options->bfloat ? cgap_bfloat16_row_bytes(dim) : 0);
  *out = (cgap_plan){.rank_count = 1, .threads = options->threads ? options->threads : omp_get_num_procs()};
  out->memory_bytes = options->memory_bytes ? options->memory_bytes : cgap_free_memory() / 2;
  const row_state state = state_of_all(image, text);
  const uint64_t fixed = fixed_bytes(image, text, state, options->sample_bytes > 0, out->threads);
  const uint64_t both = (uint64_t)image->rows + text->rows;
  const uint64_t resident =
    fixed + (options->sample_bytes > 0
               ? raw_bytes * both + 3 * lesser_bytes(cgap_candidate_rows(out->threads), longest) * row_bytes
               : row_bytes * both);
  const uint64_t panels = row_bytes * lesser_bytes((ROW_TILES_MIN + 2) * CGAP_TILE, 3 * longest);
  const uint64_t sampled = fixed_bytes(image, text, state, true, out->threads);
  out->smallest_bytes = lesser_bytes(fixed + panels, resident);
  if (out->memory_bytes < out->smallest_bytes) {
    char rows[1400];
    rows_words(rows, image, text);
    return cgap_fail(error, CGAP_RESOURCE,
                     "%s need %" PRIu64 "M at least, `memory_bytes` allows %" PRIu64 "M; give `memory_bytes` %" PRIu64
                     "M%s",
                     rows, out->smallest_bytes / MIB + 1, out->memory_bytes / MIB, out->smallest_bytes / MIB + 1,
                     !options->sample_bytes && sampled + panels <= out->memory_bytes ? ", or `pairs` sampled" : "");
  }
  /* the rows of a sample stay in memory where that leaves enough for the smallest plan */
  out->hold = options->sample_bytes > 0 && out->smallest_bytes + options->sample_bytes <= out->memory_bytes;
  const uint64_t available = out->memory_bytes - (out->hold ? options->sample_bytes : 0);
  out->resident = resident <= available;
  out->panel_rows = out->column_rows = longest;
  out->needed_bytes = resident;
  if (!out->resident) {
    set_panels(out, available - fixed, row_bytes, longest);
    out->needed_bytes = fixed + row_bytes * (out->panel_rows + 2 * out->column_rows);
  }
  out->needed_bytes += out->hold ? options->sample_bytes : 0;
  return CGAP_OK;
}

cgap_status cgap_plan_make_distributed(cgap_plan *out, const cgap_source *image, const cgap_source *text,
                                       const cgap_comm *comm, const cgap_plan_options *options, cgap_error *error)
{
  const int size = cgap_comm_size(comm);
  const bool sampled = options->sample_bytes > 0;
  const cgap_rank_rows images = cgap_rank_rows_own(comm, image->rows), texts = cgap_rank_rows_own(comm, text->rows);
  const uint64_t rough = options->bfloat ? cgap_bfloat16_row_bytes(greater_bytes(image->dim, text->dim)) : 0;
  const uint64_t image_row = cgap_ranks_ring_row_bytes(image->type, image->dim) + rough,
                 text_row = text->rows ? cgap_ranks_ring_row_bytes(text->type, text->dim) + rough : 0;
  *out = (cgap_plan){.rank_count = size, .threads = options->threads ? options->threads : omp_get_num_procs()};
  out->memory_bytes =
    options->memory_bytes ? options->memory_bytes : cgap_free_memory() / 2 / (uint64_t)cgap_comm_neighbours(comm);
  out->panel_rows =
    greater_bytes(1, greater_bytes(images.end - images.first, texts.end - texts.first)); /* a rank may have none */
  const row_state state = state_of_rank(image, text, comm, options);
  const uint64_t fixed = fixed_bytes(image, text, state, sampled, out->threads) + options->sample_bytes +
                         2 * CGAP_TILE * greater_bytes(image_row, text_row);
  out->needed_bytes = fixed + image_row * (images.end - images.first) + text_row * (texts.end - texts.first);
  out->smallest_bytes =
    sampled ? lesser_bytes(fixed + CGAP_QUERY_BLOCK_ROWS * greater_bytes(image_row, text_row), out->needed_bytes)
            : out->needed_bytes;
  out->resident = out->needed_bytes <= out->memory_bytes;
  if (out->memory_bytes < out->smallest_bytes)
    return cgap_fail(error, CGAP_RESOURCE,
                     "%s%s%s: a rank of %d needs %" PRIu64 "M at least, `memory_bytes` allows %" PRIu64
                     "M; start more ranks%s, or give `memory_bytes` %" PRIu64 "M",
                     image->name, text->rows ? " and " : "", text->rows ? text->name : "", size,
                     out->smallest_bytes / MIB + 1, out->memory_bytes / MIB, sampled ? "" : ", use `pairs` sampled",
                     out->smallest_bytes / MIB + 1);
  if (!out->resident)
    out->needed_bytes = out->smallest_bytes;
  out->visit_bytes = out->memory_bytes - out->needed_bytes;
  return CGAP_OK;
}

/* ---------------------------------------------------------------- plan sampling */

#define MINUTE 60.0
#define AUTO_EXACT_BELOW 1e11   /* operations a thread that no machine takes a minute for … */
#define AUTO_SAMPLED_ABOVE 1e14 /* … and that every one does */
#define QUERY_WORK 8e12         /* operations that ranking may take */
enum { SAMPLE_ROWS = 32768, QUERIES_MIN = 1000, QUERIES_MAX = 10000, PROBE = 512, PROBES = 8, IMAGES_MIN = 100 };
/* what is done to a cosine takes as long as so many more dimensions of its product: in float, and in bfloat16, where
 * products take half as long and some are recomputed */
enum { SWEEPS = 128, SWEEPS_ROUGH = 384 };

/* Operations a second of one thread's strips, begun with those of all others; 0: no memory. */
static double strip_rate(const cgap_tile_gemm *kind, size_t dim, bool bfloat, const float *rows)
{
  float *out = cgap_alloc(CGAP_STRIP_ROWS * CGAP_TILE, sizeof *out);
  void *product = kind->open(dim, bfloat);
  const bool ok = out && product && kind->pack(product, rows, PROBE);
  double best = 0;
  for (int run = 0; run < PROBES; run++) {
#pragma omp barrier
    const double start = omp_get_wtime();
    const bool made = ok && kind->strip(product, rows, CGAP_STRIP_ROWS, 0, out) != 0;
    const double seconds = omp_get_wtime() - start;
    if (made && seconds > 0)
      best = fmax(best, 2.0 * CGAP_STRIP_ROWS * PROBE * (double)dim / seconds);
  }
  if (product)
    kind->close(product);
  cgap_free(out);
  return best;
}

double cgap_pair_pass_seconds(double cosines, size_t dim, bool bfloat, int threads)
{
  const cgap_tile_gemm *kind = cgap_tile_gemm_here(bfloat);
  float *rows = cgap_zalloc(PROBE * dim, sizeof *rows);
  const int blas_threads = cgap_blas_single();
  double rate = 0;
#pragma omp parallel num_threads(threads) reduction(+ : rate) if (rows && kind)
  rate += rows && kind ? strip_rate(kind, dim, bfloat, rows) : 0;
  cgap_blas_restore(blas_threads);
  cgap_free(rows);
  return rate > 0 ? 2 * cosines * ((double)dim + (bfloat ? SWEEPS_ROUGH : SWEEPS)) / rate : INFINITY;
}

/* All pairs: each within a modality once. */
static double cosines_of(double images, double texts)
{
  return images * images / 2 + texts * texts / 2 + images * texts;
}

/* As many images as have, with their texts, twice the rows of a modality. */
static void choose_size(cgap_plan_sampling *s, size_t images, size_t texts, size_t dim, bool paired,
                        const cgap_audit_options *o)
{
  const size_t most = cgap_lesser(o->sample_rows ? o->sample_rows : SAMPLE_ROWS, cgap_greater(images, texts));
  const double rows = (double)most, n = (double)images, m = (double)texts;
  if (!paired) {
    s->images = cgap_lesser(images, most);
    s->texts = cgap_lesser(texts, most);
    return;
  }
  s->images = cgap_lesser(images, (size_t)fmax(IMAGES_MIN, 2 * rows * n / (n + m)));
  s->texts = (size_t)round((double)s->images * m / n);
  const double queries = fmin(QUERIES_MAX, fmax(QUERIES_MIN, QUERY_WORK / (2 * (n + m) * (double)dim)));
  s->queries = cgap_lesser(s->images, o->sample_queries ? o->sample_queries : (size_t)queries);
}

cgap_plan_sampling cgap_plan_sampling_choose(size_t images, size_t texts, size_t dim, bool paired, int threads,
                                             const cgap_audit_options *options)
{
  cgap_plan_sampling all = {.exact_seconds = NAN}, of_sample = all;
  const int rank_count = cgap_comm_size(options->comm);
  const double cosines = cosines_of((double)images, (double)texts),
               work = 2 * (double)dim * cosines / threads / rank_count;
  if (options->pairs == CGAP_PAIRS_EXACT)
    return all;
  choose_size(&of_sample, images, texts, dim, paired, options);
  if (of_sample.images == images && (paired || of_sample.texts == texts))
    return all;
  if (options->pairs == CGAP_PAIRS_AUTO) {
    if (work < AUTO_EXACT_BELOW)
      return all;
    all.exact_seconds = of_sample.exact_seconds =
      cgap_pair_pass_seconds(cosines, dim, options->precision == CGAP_PRECISION_BF16, threads) / rank_count;
    if (all.exact_seconds < MINUTE && work < AUTO_SAMPLED_ABOVE)
      return all;
  }
  return of_sample;
}

uint64_t cgap_plan_sampling_bytes(const cgap_plan_sampling *s, size_t dim, cgap_type image, cgap_type text,
                                  int rank_count)
{
  const double held = 1.0 / rank_count + (s->images ? (double)s->queries / (double)s->images : 0);
  return (uint64_t)(held * (double)dim *
                    ((double)s->images * (double)(sizeof(float) + cgap_type_size(image)) +
                     (double)s->texts * (double)(sizeof(float) + cgap_type_size(text))));
}

/* ---------------------------------------------------------------- plan estimate */

enum {
  SEPARABILITY_PASSES = 4, /* evaluations of its fit, where there is a gap */
  PROBE_DIM = 1024,        /* at most; the work of a row grows with the square */
  PROBE_ROWS = 256,
  ESTIMATE_PROBES = 3
};

/* Seconds for the second moments of a row, all threads at work. */
static double moment_seconds(size_t dim, int threads)
{
  const size_t d = dim < PROBE_DIM ? dim : PROBE_DIM;
  double *rows = cgap_zalloc(PROBE_ROWS * d, sizeof *rows), best = NAN;
  double *out = cgap_alloc((size_t)threads * d, d * sizeof *out);
  const int blas_threads = cgap_blas_single();
  for (int probe = 0; rows && out && probe < ESTIMATE_PROBES; probe++) {
    const double start = omp_get_wtime();
#pragma omp parallel num_threads(threads)
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)d, PROBE_ROWS, 1.0, rows, (int)d, 0.0,
                out + (size_t)omp_get_thread_num() * d * d, (int)d);
    best = fmin(best, (omp_get_wtime() - start) / PROBE_ROWS / threads);
  }
  cgap_blas_restore(blas_threads);
  cgap_free(rows);
  cgap_free(out);
  return best * (double)dim / (double)d * (double)dim / (double)d;
}

/* Seconds to read a row, as the system has it now. */
static double read_seconds(const cgap_source *source)
{
  const size_t rows = cgap_row_pass_block_rows(source);
  unsigned char *available = cgap_alloc(rows, source->dim * cgap_type_size(source->type));
  double seconds = NAN;
  cgap_error ignored;
  const double start = omp_get_wtime();
  if (available && rows > 0 && source->read(source, (source->rows - rows) / 2, rows, available, &ignored) == CGAP_OK)
    seconds = (omp_get_wtime() - start) / (double)rows;
  cgap_free(available);
  return seconds;
}

static double panels_of(size_t rows, size_t panel_rows)
{
  return ceil((double)rows / (double)panel_rows);
}

/* Rows that the tile pass reads, for each row of the file. */
static double tile_passes(double n, double m, const cgap_plan *plan)
{
  const double images = panels_of((size_t)n, plan->panel_rows), texts = panels_of((size_t)m, plan->panel_rows);
  const double triangles = n * (1 + (images - 1) / 2) + m * (1 + (texts - 1) / 2);
  return (triangles + n + m * images) / (n + m);
}

static double estimate_cosines_of(double n, double m, const cgap_plan_sampling *s)
{
  if (s->images == 0)
    return n * n / 2 + m * m / 2 + n * m;
  const double a = (double)s->images, b = (double)s->texts, asking = (double)s->queries;
  return a * a / 2 + b * b / 2 + a * b + asking * m + asking * b / a * n;
}

cgap_plan_estimate cgap_plan_estimate_make(const cgap_data *data, const cgap_plan *plan,
                                           const cgap_plan_sampling *sampling, bool bfloat)
{
  const double n = (double)data->image.rows, m = (double)data->text.rows;
  const bool paired = data->pairing != CGAP_UNPAIRED;
  const double moment = moment_seconds(data->image.dim, plan->threads), read = read_seconds(&data->image);
  const double tiles =
    cgap_pair_pass_seconds(estimate_cosines_of(n, m, sampling), data->image.dim, bfloat, plan->threads);
  cgap_plan_estimate e = {.block_rows = cgap_row_pass_block_rows(&data->image), .passes = 1};
  if (!plan->resident)
    e.passes +=
      paired + (plan->rank_count > 1) + (sampling->images ? 1 : SEPARABILITY_PASSES + tile_passes(n, m, plan));
  /* the first pass and the one over pairs sum second moments, of rows and of images; the others overlap or compute */
  const double rows = (n + m) * fmax(read, moment) + (paired ? n * moment : 0);
  const double again = (e.passes - 1) * (n + m) * read;
  e.seconds = (rows + again + tiles) / plan->rank_count;
  return e;
}

/* ---------------------------------------------------------------- plan prepare */

#define TEMPERATURE_MIN 0.005 /* e^(1/τ) must be a double */

static cgap_status check_options(const cgap_audit_options *o, cgap_error *error)
{
  if (!(o->temperature >= TEMPERATURE_MIN && isfinite(o->temperature)))
    return cgap_fail(error, CGAP_USAGE, "temperature %g: give a number of at least %g", o->temperature,
                     TEMPERATURE_MIN);
  cgap_status status = cgap_check_threads(o->threads, error);
  if (!status)
    status = cgap_check_choice("pairs", (int)o->pairs, CGAP_PAIRS_AUTO + 1, error);
  if (!status)
    status = cgap_check_choice("precision", (int)o->precision, CGAP_PRECISION_BF16 + 1, error);
  if (status)
    return status;
  if (o->precision == CGAP_PRECISION_BF16 && !cgap_tile_gemm_here(true))
    return cgap_fail(error, CGAP_USAGE, "bf16 needs %s; give `precision` fp32", cgap_tile_gemm_missing());
  return CGAP_OK;
}

/* Without texts the class texts take their place, unpaired; without either the images are measured by themselves. What
 * the two modalities share follows from their widths. */
static cgap_status choose_modalities(cgap_prepared_audit *out, bool csls, cgap_error *error)
{
  cgap_data *data = &out->data;
  cgap_status status = CGAP_OK;
  if (data->text.rows == 0 && data->class_text.rows > 0) {
    data->text = data->class_text;
    data->pairing = CGAP_UNPAIRED;
    out->has |= CGAP_TEXT_IS_CLASSES;
  }
  if (out->has & CGAP_TEXT_IS_CLASSES)
    status = cgap_check_one_space(data, error);
  if (data->text.rows == 0 && data->pairing != CGAP_UNPAIRED)
    status = cgap_fail(error, CGAP_FILE, "%s: no texts for its %zu rows; without texts `pairing` is CGAP_UNPAIRED",
                       data->image.name, data->image.rows);
  if (data->text.rows == 0)
    data->text = (cgap_source){.dim = data->image.dim, .type = data->image.type, .name = data->image.name};
  if (data->drift && data->pairing == CGAP_UNPAIRED && data->text.rows > 0 && data->text.dim == data->image.dim)
    out->has |= CGAP_IS_DRIFT;
  const bool paired = data->pairing != CGAP_UNPAIRED, one_space = data->text.dim == data->image.dim;
  if (data->text.rows > 0)
    out->has |= CGAP_HAS_TEXT | (one_space ? CGAP_ONE_SPACE : CGAP_HAS_HUBS_WITHIN) | (paired ? CGAP_HAS_AGREEMENT : 0);
  else
    out->has |= CGAP_HAS_HUBS_WITHIN;
  if (paired && one_space)
    out->has |= CGAP_HAS_PAIRS | (csls ? CGAP_HAS_CSLS : 0);
  if (data->labels && data->class_text.rows > 0)
    out->has |= CGAP_HAS_ZERO_SHOT;
  if (data->words.rows > 0 && data->image_label && data->query && data->queries > 0)
    out->has |= CGAP_HAS_ARITHMETIC;
  return status;
}

/* A modality alone is measured in the place of the images, whichever it is. */
static cgap_data texts_as_images(const cgap_data *given)
{
  cgap_data data = *given;
  if (given->image.rows > 0 || given->text.rows == 0 || given->pairing != CGAP_UNPAIRED)
    return data;
  data.image = given->text;
  data.text = (cgap_source){0};
  data.names[0] = cgap_modality_name(given->names[1], 1);
  data.names[1] = NULL;
  return data;
}

cgap_status cgap_prepare(cgap_prepared_audit *out, const cgap_data *given, const cgap_audit_options *options,
                         cgap_error *error)
{
  *out = (cgap_prepared_audit){0};
  cgap_status status = cgap_check_argument(given, "audit", "data", error);
  if (!status)
    status = cgap_check_argument(options, "audit", "options", error);
  if (!status)
    status = check_options(options, error);
  if (!status) {
    const cgap_data images = texts_as_images(given);
    status = cgap_check_data(&out->data, &images, error);
  }
  return status ? status : choose_modalities(out, options->csls, error);
}

static bool is_first(const cgap_audit_options *o)
{
  return cgap_comm_rank(o->comm) == 0;
}

static cgap_plan_sampling choose_sampling(size_t images, size_t texts, size_t dim, bool paired, int threads,
                                          const cgap_audit_options *options, cgap_pairs_choice pairs)
{
  cgap_audit_options o = *options;
  o.pairs = pairs;
  return cgap_plan_sampling_choose(images, texts, dim, paired, threads, &o);
}

cgap_status cgap_prepare_plan(cgap_prepared_audit *out, const cgap_audit_options *o, cgap_error *error)
{
  const cgap_source *image = &out->data.image, *text = &out->data.text;
  const int threads = o->threads ? o->threads : omp_get_num_procs();
  if (is_first(o))
    out->sampling = choose_sampling(image->rows, text->rows, cgap_greater(image->dim, text->dim),
                                    out->has & CGAP_HAS_PAIRS, threads, o, o->pairs);
  const cgap_status status = cgap_comm_broadcast(o->comm, 0, &out->sampling, sizeof out->sampling, error);
  if (status)
    return status;
  const cgap_plan_options options = {.threads = threads,
                                     .bfloat = o->precision == CGAP_PRECISION_BF16,
                                     .memory_bytes = o->memory_bytes,
                                     .paired = out->has & CGAP_HAS_PAIRS || out->has & CGAP_HAS_AGREEMENT,
                                     .straight = out->data.pairing == CGAP_BY_ROW,
                                     .no_rows = o->no_rows,
                                     .sample_bytes =
                                       cgap_plan_sampling_bytes(&out->sampling, cgap_greater(image->dim, text->dim),
                                                                image->type, text->type, cgap_comm_size(o->comm))};
  return o->comm ? cgap_plan_make_distributed(&out->plan, image, text, o->comm, &options, error)
                 : cgap_plan_make(&out->plan, image, text, &options, error);
}

void cgap_prepare_sample(cgap_prepared_audit *out, const cgap_embeddings *e, const cgap_audit_options *options)
{
  if (out->sampling.images)
    out->sampling = choose_sampling(e->image.rows, e->text.rows, cgap_greater(e->image.dim, e->text.dim),
                                    out->has & CGAP_HAS_PAIRS, out->plan.threads, options, CGAP_PAIRS_SAMPLED);
}

cgap_status cgap_audit_plan(cgap_plan_info *out, const cgap_data *given, const cgap_audit_options *options,
                            cgap_error *error)
{
  cgap_prepared_audit prepared;
  cgap_status status = cgap_check_argument(out, "cgap_audit_plan", "out", error);
  if (status)
    return status;
  *out = (cgap_plan_info){0};
  status = cgap_prepare(&prepared, given, options, error);
  if (!status)
    status = cgap_prepare_plan(&prepared, options, error);
  if (status)
    return status;
  const cgap_plan *plan = &prepared.plan;
  const cgap_plan_sampling *sampling = &prepared.sampling;
  const cgap_source *image = &prepared.data.image, *text = &prepared.data.text;
  const size_t longest = cgap_greater(image->rows, text->rows);
  const cgap_plan_estimate estimate =
    is_first(options)
      ? cgap_plan_estimate_make(&prepared.data, plan, sampling, options->precision == CGAP_PRECISION_BF16)
      : (cgap_plan_estimate){0};
  *out = (cgap_plan_info){.images = image->rows,
                          .texts = text->rows,
                          .dim = image->dim,
                          .rank_count = plan->rank_count,
                          .threads = plan->threads,
                          .resident = plan->resident,
                          .panel_rows = plan->panel_rows,
                          .panels = (longest + plan->panel_rows - 1) / plan->panel_rows,
                          .memory_bytes = plan->memory_bytes,
                          .needed_bytes = plan->needed_bytes,
                          .smallest_bytes = plan->smallest_bytes,
                          .exact_seconds = sampling->exact_seconds,
                          .sample_images = sampling->images,
                          .sample_texts = sampling->texts,
                          .sample_queries = sampling->queries,
                          .block_rows = estimate.block_rows,
                          .passes = estimate.passes,
                          .seconds = estimate.seconds};
  return CGAP_OK;
}
