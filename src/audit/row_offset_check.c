/* Checks whether texts fit the images of their own rows better than those of rows nearby, in up to CGAP_PAIR_BLOCKS
 * blocks of consecutive texts. All products are of centred rows; what a random order would give comes from products of
 * every text of a block with images spread over it. Of a file too large to be read again whole the middle
 * of each block is read. */
#include "audit/passes.h"
#include "base/memory.h"
#include "comm/comm.h"
#include "rows/row_blocks.h"
#include "simd/convert.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

/* LISTED_ROWS: texts of a block of a large file whose images are far apart, each of which is then a read.
 * OTHERS: images of a block that every text of it is multiplied with, PRODUCT_ROWS texts at a time.
 * COLUMNS: elements of rows that a thread centres. */
enum {
  RUN_ROWS = 1024,
  LISTED_ROWS = 320,
  SHIFTS = CGAP_OFFSETS,
  WINDOW_ROWS = RUN_ROWS + SHIFTS,
  COMPARED_IMAGES = 256,
  BLOCK_COMPARED_IMAGES = 128,
  GROUPS = 256,
  PRODUCT_ROWS = 64,
  COLUMNS = 32,
  DOT_ROWS = 4,
  BLOCK_DOUBLES = sizeof(cgap_block_products) / sizeof(double)
};

/* The texts of a block that are looked at, and images: those at one shift, or all from the first to the last at any
 * shift where these are few. */
typedef struct offset_block {
  const cgap_embeddings *embeddings;
  size_t first, rows;               /* texts */
  size_t first_image, images;       /* the least and the greatest at any shift; at most WINDOW_ROWS, or 0 */
  double *text, *image;             /* (RUN_ROWS, dim), (WINDOW_ROWS, dim): rows less the centroids of the block */
  double *own;                      /* (OTHERS, dim) images of some of the texts */
  double *product;                  /* (OTHERS, RUN_ROWS) */
  double *text_mean, *image_mean;   /* (dim) centroids of the block less those of the file */
  double *text_along, *image_along; /* (RUN_ROWS), (WINDOW_ROWS): texts · image_mean, images · text_mean */
  double *products;                 /* (RUN_ROWS, SHIFTS) products of texts with images at each shift */
  size_t *wanted;                   /* (RUN_ROWS) */
} offset_block;

/* ---------------------------------------------------------------- which rows */

/* The image `shift` rows of the file from an image; SIZE_MAX: none is there, or it was dropped. Of merged images there
 * is no such order. */
static size_t image_at(const cgap_embeddings *e, size_t image, int shift)
{
  const size_t *file_row = e->image.file_row, from = cgap_file_row_of(&e->image, image);
  if (shift == 0)
    return image;
  if (e->merged_images || (shift < 0 && from < (size_t)-shift))
    return SIZE_MAX;
  const size_t target = from + (size_t)shift; /* wraps as intended where shift is negative */
  if (!file_row)
    return target < e->data->image.rows ? cgap_kept_row_of(&e->image, target) : SIZE_MAX;
  while (file_row[image] < target && image + 1 < e->image.rows)
    image++;
  while (file_row[image] > target && image > 0)
    image--;
  return file_row[image] == target ? image : SIZE_MAX;
}

/* The image of text j of the run at shift s, counted from 0. */
static size_t shifted_image(const offset_block *run, size_t j, int s)
{
  return image_at(run->embeddings, cgap_pairs_image(&run->embeddings->pairs, run->first + j), s - CGAP_SHIFTS);
}

static void set_window(offset_block *run)
{
  const cgap_embeddings *e = run->embeddings;
  size_t least = cgap_pairs_image(&e->pairs, run->first), greatest = least;
  for (size_t j = 1; j < run->rows; j++) {
    const size_t image = cgap_pairs_image(&e->pairs, run->first + j);
    least = cgap_lesser(image, least);
    greatest = cgap_greater(image, greatest);
  }
  least = least > CGAP_SHIFTS ? least - CGAP_SHIFTS : 0;
  greatest = greatest + CGAP_SHIFTS < e->image.rows ? greatest + CGAP_SHIFTS : e->image.rows - 1;
  run->first_image = least;
  run->images = greatest - least < WINDOW_ROWS ? greatest - least + 1 : 0;
}

/* ---------------------------------------------------------------- rows less centroids */

/* Of elements [first, end) of each row. */
static void subtract_mean(double *row, size_t rows, size_t dim, const double *mean, size_t first, size_t end)
{
  for (size_t i = 0; i < rows; i++)
    for (size_t k = first; k < end; k++)
      row[i * dim + k] -= mean[k];
}

/* Where the image of text j at shift s is in run->image. */
static size_t place_of(const offset_block *run, size_t j, size_t image)
{
  return run->images ? image - run->first_image : j;
}

/* Elements [first, end) of texts and images: less the centroid of the file, then less that of the block. The sum of an
 * element runs over the texts in their order, whichever thread makes it. */
static void centre_elements(offset_block *run, size_t images, size_t first, size_t end)
{
  const cgap_embeddings *e = run->embeddings;
  const size_t dim = e->image.dim;
  subtract_mean(run->text, run->rows, dim, e->text.mean, first, end);
  subtract_mean(run->image, images, dim, e->image.mean, first, end);
  for (size_t k = first; k < end; k++)
    run->text_mean[k] = run->image_mean[k] = 0;
  for (size_t j = 0; j < run->rows; j++) {
    const double *text = run->text + j * dim,
                 *own = run->image + place_of(run, j, shifted_image(run, j, CGAP_SHIFTS)) * dim;
    for (size_t k = first; k < end; k++) {
      run->text_mean[k] += text[k];
      run->image_mean[k] += own[k];
    }
  }
  for (size_t k = first; k < end; k++) {
    run->text_mean[k] /= (double)run->rows;
    run->image_mean[k] /= (double)run->rows;
  }
  subtract_mean(run->text, run->rows, dim, run->text_mean, first, end);
  subtract_mean(run->image, images, dim, run->image_mean, first, end);
}

/* Reads the images of the window, or, where there is none, those at shift s. */
static cgap_status fetch_images(offset_block *run, int s, int threads, size_t *count, cgap_error *error)
{
  const cgap_embeddings *e = run->embeddings;
  *count = run->images ? run->images : run->rows;
  for (size_t j = 0; !run->images && j < run->rows; j++) {
    const size_t image = shifted_image(run, j, s);
    run->wanted[j] =
      image == SIZE_MAX ? cgap_pairs_image(&e->pairs, run->first + j) : image; /* which is not asked for */
  }
  return cgap_modality_rows_fetch(&e->image, run->images ? NULL : run->wanted, run->first_image, *count, threads,
                                  run->image, error);
}

/* Texts and the images at shift 0, less the block's centroids. */
static cgap_status fetch_block(offset_block *run, int threads, cgap_error *error)
{
  const cgap_embeddings *e = run->embeddings;
  const size_t dim = e->image.dim;
  size_t count = 0;
  set_window(run);
  cgap_status status = cgap_modality_rows_fetch(&e->text, NULL, run->first, run->rows, threads, run->text, error);
  if (!status)
    status = fetch_images(run, CGAP_SHIFTS, threads, &count, error);
#pragma omp parallel for schedule(static) num_threads(threads) if (!status)
  for (size_t first = 0; first < (status ? 0 : dim); first += COLUMNS)
    centre_elements(run, count, first, cgap_lesser(first + COLUMNS, dim));
  return status;
}

/* ---------------------------------------------------------------- what a random order gives */

/* Texts of one image (or of its copies) that follow one another come to a random place together: the products of their
 * sums are what varies. */
static bool stay_together(const offset_block *run, size_t j)
{
  const cgap_embeddings *e = run->embeddings;
  const size_t a = cgap_pairs_image(&e->pairs, run->first + j), b = cgap_pairs_image(&e->pairs, run->first + j - 1);
  return a == b || cgap_first_equal_of(&e->image, a) == cgap_first_equal_of(&e->image, b);
}

/* Columns [first, first + PRODUCT_ROWS) of product (others, RUN_ROWS) = own · textᵀ. */
static void multiply_others(const offset_block *run, size_t others, size_t first)
{
  const size_t dim = run->embeddings->image.dim;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)others, (int)cgap_lesser(PRODUCT_ROWS, run->rows - first),
              (int)dim, 1.0, run->own, (int)dim, run->text + first * dim, (int)dim, 0.0, run->product + first,
              RUN_ROWS);
}

/* The mean square of the product with an image of the block at random. */
static double measure_random_square(const offset_block *run, int threads)
{
  const size_t dim = run->embeddings->image.dim, step = (run->rows + BLOCK_COMPARED_IMAGES - 1) / BLOCK_COMPARED_IMAGES,
               others = (run->rows + step - 1) / step;
  bool goes_on[RUN_ROWS + 1] = {false}; /* with the text before it */
  double squares = 0;
  for (size_t j = 0; j < run->rows; j++) {
    goes_on[j] = j > 0 && stay_together(run, j);
    if (j % step == 0)
      memcpy(run->own + j / step * dim, run->image + place_of(run, j, shifted_image(run, j, CGAP_SHIFTS)) * dim,
             dim * sizeof *run->own);
  }
#pragma omp parallel for schedule(static) num_threads(threads)
  for (size_t first = 0; first < run->rows; first += PRODUCT_ROWS)
    multiply_others(run, others, first);
  for (size_t i = 0; i < others; i++) {
    const double *product = run->product + i * RUN_ROWS;
    double group = 0;
    for (size_t j = 0; j < run->rows; j++) {
      group = goes_on[j] ? group + product[j] : product[j];
      if (!goes_on[j + 1])
        squares += group * group;
    }
  }
  return squares / (double)(others * run->rows);
}

/* ---------------------------------------------------------------- shifts */

/* a·y for FOUR rows a at once, whose sums need not wait for one another; the bits are cgap_dot's. */
static void four_dots(const double *const a[DOT_ROWS], const double *y, size_t n, double out[DOT_ROWS])
{
  const double *a0 = a[0], *a1 = a[1], *a2 = a[2], *a3 = a[3];
  double t0 = 0, t1 = 0, t2 = 0, t3 = 0;
#pragma omp simd reduction(+ : t0, t1, t2, t3)
  for (size_t k = 0; k < n; k++) {
    t0 += a0[k] * y[k];
    t1 += a1[k] * y[k];
    t2 += a2[k] * y[k];
    t3 += a3[k] * y[k];
  }
  out[0] = t0, out[1] = t1, out[2] = t2, out[3] = t3;
}

/* The products of text j with its images at shifts [first, end). */
static void measure_text(const offset_block *run, size_t j, int first, int end)
{
  const size_t dim = run->embeddings->image.dim;
  const double *y = run->text + j * dim;
  for (int s = first; s < end; s += DOT_ROWS) {
    const double *image[DOT_ROWS] = {y, y, y, y};
    double product[DOT_ROWS];
    for (int k = 0; k < DOT_ROWS && s + k < end; k++) {
      const size_t shifted = shifted_image(run, j, s + k);
      if (shifted != SIZE_MAX)
        image[k] = run->image + place_of(run, j, shifted) * dim;
    }
    four_dots(image, y, dim, product);
    for (int k = 0; k < DOT_ROWS && s + k < end; k++)
      run->products[j * SHIFTS + (size_t)(s + k)] = product[k];
  }
}

/* Of shifts [first, end): sums over the texts, in their order. */
static void sum_shifts(offset_block *run, size_t images, int first, int end, int threads, cgap_block_products *out)
{
  const size_t dim = run->embeddings->image.dim;
  const double both = cgap_dot(run->image_mean, run->text_mean, dim);
#pragma omp parallel num_threads(threads)
  {
#pragma omp for schedule(static) nowait
    for (size_t i = 0; i < images; i++)
      run->image_along[i] = cgap_dot(run->image + i * dim, run->text_mean, dim);
#pragma omp for schedule(static) nowait
    for (size_t j = 0; j < run->rows; j++) {
      run->text_along[j] = cgap_dot(run->text + j * dim, run->image_mean, dim);
      measure_text(run, j, first, end);
    }
  }
  for (size_t j = 0; j < run->rows; j++)
    for (int s = first; s < end; s++) {
      const size_t image = shifted_image(run, j, s);
      const double product = run->products[j * SHIFTS + (size_t)s];
      if (image == SIZE_MAX)
        continue;
      out->within[s] += product;
      out->whole[s] += product + run->text_along[j] + run->image_along[place_of(run, j, image)] + both;
      out->count[s]++;
    }
}

static cgap_status measure_block(offset_block *run, int threads, cgap_block_products *out, cgap_error *error)
{
  const size_t dim = run->embeddings->image.dim;
  cgap_status status = fetch_block(run, threads, error);
  if (!status)
    out->within_square = measure_random_square(run, threads);
  if (!status && run->images)
    sum_shifts(run, run->images, 0, SHIFTS, threads, out);
  for (int s = 0; !status && !run->images && s < SHIFTS; s++) {
    size_t count = 0;
    status = fetch_images(run, s, threads, &count, error);
    if (status)
      break;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t i = 0; i < count; i++) {
      subtract_mean(run->image + i * dim, 1, dim, run->embeddings->image.mean, 0, dim);
      subtract_mean(run->image + i * dim, 1, dim, run->image_mean, 0, dim);
    }
    sum_shifts(run, count, s, s + 1, threads, out);
  }
  return status;
}

/* ---------------------------------------------------------------- groups of the whole file */

/* Texts of images with the same rows: one group. */
static size_t group_of(const cgap_embeddings *e, size_t text)
{
  return cgap_first_equal_of(&e->image, cgap_pairs_image(&e->pairs, text));
}

/* Up to GROUPS groups spread over the file, with RUN_ROWS texts at most: their texts, group by group, into run->wanted
 * and the group of each into group. false: every text is alone. out of memory: *status. */
static bool choose_groups(offset_block *run, size_t *group, cgap_status *status, cgap_error *error)
{
  const cgap_embeddings *e = run->embeddings;
  if (!e->pairs.first && e->image.equal_count == 0) /* spread, and every image has one text */
    return false;
  size_t *place = cgap_zalloc(e->image.rows, sizeof *place), groups = 0, most = 0, kept = 0, seen = 0, at = 0;
  if (!place)
    *status = cgap_fail(error, CGAP_RESOURCE, "out of memory for the groups of %zu images", e->image.rows);
  for (size_t j = 0; place && j < e->text.rows; j++) {
    const size_t count = ++place[group_of(e, j)];
    groups += count == 1;
    most = count > most ? count : most;
  }
  const size_t step = groups / GROUPS + 1;
  for (size_t g = 0; place && g < e->image.rows; g++) { /* from a count to where its texts begin */
    const size_t count = place[g];
    const bool take = count > 0 && seen++ % step == 0 && at + count <= RUN_ROWS;
    place[g] = take ? at : SIZE_MAX;
    at += take ? count : 0;
    kept += take;
  }
  for (size_t j = 0; place && j < e->text.rows; j++) {
    size_t *next = &place[group_of(e, j)];
    if (*next == SIZE_MAX)
      continue;
    group[*next] = group_of(e, j);
    run->wanted[(*next)++] = j;
  }
  run->rows = at;
  cgap_free(place);
  return most > 1 && kept > 0;
}

/* How many times as much the sum over pairs put together at random varies where texts of one image stay together. */
static cgap_status measure_growth(offset_block *run, int threads, double *growth, cgap_error *error)
{
  const cgap_embeddings *e = run->embeddings;
  const size_t dim = e->image.dim, others = e->image.rows < COMPARED_IMAGES ? e->image.rows : COMPARED_IMAGES;
  size_t group[RUN_ROWS], image[COMPARED_IMAGES];
  double alone = 0, together = 0;
  cgap_status status = CGAP_OK;
  *growth = 1;
  if (!choose_groups(run, group, &status, error))
    return status;
  for (size_t i = 0; i < others; i++)
    image[i] = i * e->image.rows / others;
  status = cgap_modality_rows_fetch(&e->text, run->wanted, 0, run->rows, threads, run->text, error);
  if (!status)
    status = cgap_modality_rows_fetch(&e->image, image, 0, others, threads, run->own, error);
  if (status)
    return status;
  subtract_mean(run->text, run->rows, dim, e->text.mean, 0, dim);
  subtract_mean(run->own, others, dim, e->image.mean, 0, dim);
#pragma omp parallel for schedule(static) num_threads(threads)
  for (size_t first = 0; first < run->rows; first += PRODUCT_ROWS)
    multiply_others(run, others, first);
  for (size_t i = 0; i < others; i++) {
    const double *product = run->product + i * RUN_ROWS;
    double sum = 0;
    for (size_t j = 0; j < run->rows; j++) {
      sum = j > 0 && group[j] == group[j - 1] ? sum + product[j] : product[j];
      alone += product[j] * product[j];
      together += j + 1 == run->rows || group[j] != group[j + 1] ? sum * sum : 0;
    }
  }
  *growth = alone > 0 && together > alone ? together / alone : 1;
  return CGAP_OK;
}

/* ---------------------------------------------------------------- all blocks */

static bool is_own(const cgap_modality_rows *modality, size_t row)
{
  return row >= modality->own_first && row < modality->own_first + modality->own_rows;
}

static bool run_alloc(offset_block *run, size_t dim)
{
  run->text = cgap_alloc(RUN_ROWS * dim, sizeof *run->text);
  run->image = cgap_alloc(WINDOW_ROWS * dim, sizeof *run->image);
  run->own = cgap_alloc(COMPARED_IMAGES * dim, sizeof *run->own);
  run->product = cgap_alloc(COMPARED_IMAGES * RUN_ROWS, sizeof *run->product);
  run->text_mean = cgap_alloc(dim, sizeof *run->text_mean);
  run->image_mean = cgap_alloc(dim, sizeof *run->image_mean);
  run->text_along = cgap_alloc(RUN_ROWS, sizeof *run->text_along);
  run->image_along = cgap_alloc(WINDOW_ROWS, sizeof *run->image_along);
  run->products = cgap_alloc(RUN_ROWS * SHIFTS, sizeof *run->products);
  run->wanted = cgap_alloc(RUN_ROWS, sizeof *run->wanted);
  return run->text && run->image && run->own && run->product && run->text_mean && run->image_mean && run->text_along &&
         run->image_along && run->products && run->wanted;
}

static void run_clear(offset_block *run)
{
  cgap_free(run->text);
  cgap_free(run->image);
  cgap_free(run->own);
  cgap_free(run->product);
  cgap_free(run->text_mean);
  cgap_free(run->image_mean);
  cgap_free(run->text_along);
  cgap_free(run->image_along);
  cgap_free(run->products);
  cgap_free(run->wanted);
}

/* Whether the images of the run are far apart, each a read of its own. */
static bool is_listed(offset_block *run)
{
  set_window(run);
  return run->images == 0;
}

/* The texts of block b that are looked at: all, or those in its middle. */
static void set_run(offset_block *run, size_t first, size_t rows)
{
  run->rows = rows < RUN_ROWS ? rows : RUN_ROWS;
  run->first = first + (rows - run->rows) / 2;
  if (run->embeddings->text.rows > CGAP_PAIR_BLOCKS * LISTED_ROWS && is_listed(run)) {
    run->rows = rows < LISTED_ROWS ? rows : LISTED_ROWS;
    run->first = first + (rows - run->rows) / 2;
  }
}

cgap_status cgap_row_offset_check_run(cgap_row_offset_check *out, const cgap_embeddings *e, cgap_comm *comm,
                                      int threads, cgap_error *error)
{
  const size_t texts = e->text.rows, full = texts / CGAP_BLOCK_TEXTS;
  const size_t blocks = full > CGAP_PAIR_BLOCKS ? CGAP_PAIR_BLOCKS : full > 0 ? full : 1;
  offset_block run = {.embeddings = e};
  cgap_status status = CGAP_OK;
  memset(out->block, 0, sizeof out->block);
  out->blocks = blocks;
  if (!run_alloc(&run, e->image.dim))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for %d rows of %zu", RUN_ROWS, e->image.dim);
  for (size_t b = 0; !status && b < blocks; b++) {
    const size_t first = b * texts / blocks;
    set_run(&run, first, (b + 1) * texts / blocks - first);
    if (!comm || is_own(&e->text, run.first))
      status = measure_block(&run, threads, &out->block[b], error);
  }
  out->group_growth = 0;
  if (!status && cgap_comm_rank(comm) == 0)
    status = measure_growth(&run, threads, &out->group_growth, error);
  if (!status) /* every number is one rank's, the others' are 0 */
    status = cgap_comm_sum(comm, out->block, blocks * BLOCK_DOUBLES, CGAP_COMM_F64, error);
  if (!status)
    status = cgap_comm_sum(comm, &out->group_growth, 1, CGAP_COMM_F64, error);
  run_clear(&run);
  return status;
}
