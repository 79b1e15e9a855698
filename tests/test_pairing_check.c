/* What the pairing check claims, over many data sets: planted mismatches are read as what they are, shifts and blocks
 * are named where they are, and nothing is named of healthy, random or collapsed rows. */
#include "run_audit.h"
#include "simulate/simulate.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLANTINGS = 60, SEEDS = 200 };

/* Pairs in memory: image row i with texts of owner i, as double rows. */
typedef struct checked_pairs {
  size_t images, texts, dim;
  double *image, *text;
  uint64_t *owner;
} checked_pairs;

static checked_pairs pairs_alloc(size_t images, size_t texts, size_t dim)
{
  return (checked_pairs){images,
                         texts,
                         dim,
                         support_alloc(images * dim, sizeof(double)),
                         support_alloc(texts * dim, sizeof(double)),
                         support_alloc(texts, sizeof(uint64_t))};
}

static void pairs_free(checked_pairs *p)
{
  free(p->image);
  free(p->text);
  free(p->owner);
}

static cgap_audit audit(const checked_pairs *p)
{
  const run_rows rows = {p->images, p->texts, p->dim, p->image, p->text, p->owner, CGAP_BY_INDEX, false};
  return run_audit(&rows, 0.01, 1, 0);
}

static cgap_pairing_check check(const checked_pairs *p)
{
  cgap_audit a = audit(p);
  const cgap_pairing_check out = a.pairing_check;
  cgap_audit_clear(&a);
  return out;
}

/* Text order[j] takes the place of text j. */
static void reorder(checked_pairs *p, const size_t *order)
{
  double *text = support_alloc(p->texts * p->dim, sizeof *text);
  for (size_t j = 0; j < p->texts; j++)
    memcpy(text + j * p->dim, p->text + order[j] * p->dim, p->dim * sizeof *text);
  free(p->text);
  p->text = text;
}

static size_t *identity(size_t count)
{
  size_t *order = support_alloc(count, sizeof *order);
  for (size_t j = 0; j < count; j++)
    order[j] = j;
  return order;
}

/* ---------------------------------------------------------------- data */

/* Meanings with `captions` to captions + more texts each, and noise on either side. */
static checked_pairs healthy(uint64_t seed, size_t images, size_t dim, double noise, size_t captions, size_t more)
{
  support_random r = support_seed(seed);
  size_t texts = 0, *count = support_alloc(images, sizeof *count);
  for (size_t i = 0; i < images; i++)
    texts += count[i] = captions + (more ? support_below(&r, more + 1) : 0);
  checked_pairs p = pairs_alloc(images, texts, dim);
  double *meaning = support_alloc(dim, sizeof *meaning);
  for (size_t i = 0, j = 0; i < images; i++) {
    support_normals(&r, meaning, dim);
    for (size_t k = 0; k < dim; k++)
      p.image[i * dim + k] = meaning[k] + noise * support_normal(&r) + (k == 0 ? 3 : 0);
    for (size_t c = 0; c < count[i]; c++, j++) {
      p.owner[j] = i;
      for (size_t k = 0; k < dim; k++)
        p.text[j * dim + k] = meaning[k] + noise * support_normal(&r) - (k == 0 ? 3 : 0);
    }
  }
  free(count);
  free(meaning);
  return p;
}

/* Sorted by class: a strong class, and what tells items of a class apart. */
static checked_pairs sorted_by_class(uint64_t seed, size_t rows, size_t classes, size_t dim, double own)
{
  support_random r = support_seed(seed);
  checked_pairs p = pairs_alloc(rows, rows, dim);
  double *class = support_alloc(classes * dim, sizeof *class);
  support_normals(&r, class, classes * dim);
  for (size_t i = 0; i < rows; i++) {
    p.owner[i] = i;
    for (size_t k = 0; k < dim; k++) {
      const double meaning = 2 * class[i * classes / rows * dim + k] + own * support_normal(&r);
      p.image[i * dim + k] = meaning + 0.5 * support_normal(&r);
      p.text[i * dim + k] = meaning + 0.5 * support_normal(&r);
    }
  }
  free(class);
  return p;
}

/* Unrelated modalities, in cones of `spread`; texts of one image are alike. */
static checked_pairs unrelated(uint64_t seed, size_t images, size_t captions, size_t dim, double spread,
                               size_t directions)
{
  support_random r = support_seed(seed);
  checked_pairs p = pairs_alloc(images, images * captions, dim);
  double *axes = support_alloc(2 * (directions + 1) * dim, sizeof *axes);
  support_normals(&r, axes, 2 * (directions + 1) * dim);
  for (int side = 0; side < 2; side++) {
    const double *axis = axes + (size_t)side * (directions + 1) * dim;
    for (size_t i = 0; i < images; i++) {
      double *row = side ? p.text + i * captions * dim : p.image + i * dim;
      memcpy(row, axis, dim * sizeof *row);
      for (size_t a = 1; a <= directions; a++) {
        const double place = spread * support_normal(&r);
        for (size_t k = 0; k < dim; k++)
          row[k] += place * axis[a * dim + k];
      }
      for (size_t c = 0; side && c < captions; c++) {
        p.owner[i * captions + c] = i;
        for (size_t k = 0; c > 0 && k < dim; k++)
          row[c * dim + k] = row[k] + 0.3 * spread * support_normal(&r);
      }
    }
  }
  free(axes);
  return p;
}

/* ---------------------------------------------------------------- planted mismatches */

/* `share` of the texts go to others' places, round in a circle. */
static void plant(checked_pairs *p, double fraction, support_random *r)
{
  size_t *order = identity(p->texts), *chosen = identity(p->texts);
  const size_t wrong = (size_t)lround(fraction * (double)p->texts);
  support_shuffle(r, chosen, p->texts);
  for (size_t k = 0; k < wrong; k++)
    order[chosen[k]] = chosen[(k + 1) % wrong];
  reorder(p, order);
  free(order);
  free(chosen);
}

static checked_pairs copy_of(const checked_pairs *p)
{
  checked_pairs out = pairs_alloc(p->images, p->texts, p->dim);
  memcpy(out.image, p->image, p->images * p->dim * sizeof *p->image);
  memcpy(out.text, p->text, p->texts * p->dim * sizeof *p->text);
  memcpy(out.owner, p->owner, p->texts * sizeof *p->owner);
  return out;
}

static void read_plantings(const char *what, const checked_pairs *whole)
{
  static const double SHARES[] = {0, 0.1, 0.3, 0.5};
  support_random r = support_seed(77);
  for (size_t s = 0; s < sizeof SHARES / sizeof *SHARES; s++) {
    double mean = 0;
    size_t covered = 0;
    for (int k = 0; k < PLANTINGS; k++) {
      checked_pairs p = copy_of(whole);
      plant(&p, SHARES[s], &r);
      const cgap_scalar proportion = check(&p).below_median_share;
      mean += proportion.value / PLANTINGS;
      covered += proportion.lo <= SHARES[s] && SHARES[s] <= proportion.hi;
      pairs_free(&p);
    }
    fprintf(stderr, "%-20s planted %.1f, read %.4f on average; the interval holds it %zu of %d times\n", what,
            SHARES[s], mean, covered, PLANTINGS);
    cr_expect(fabs(mean - SHARES[s]) <= 0.02, "%s: %.1f planted, %.4f read", what, SHARES[s], mean);
  }
}

static void read_rows(double *out, const cgap_source *source)
{
  cgap_error error;
  unsigned char *raw = support_alloc(source->rows * source->dim, sizeof(double));
  cr_assert_eq(source->read(source, 0, source->rows, raw, &error), CGAP_OK, "%s", error.message);
  double *values = support_decode(raw, source->rows * source->dim, source->type);
  memcpy(out, values, source->rows * source->dim * sizeof *out);
  free(values);
  free(raw);
}

static checked_pairs pairs_of(const cgap_data *data)
{
  checked_pairs p = pairs_alloc(data->image.rows, data->text.rows, data->image.dim);
  read_rows(p.image, &data->image);
  read_rows(p.text, &data->text);
  for (size_t j = 0; j < p.texts; j++)
    p.owner[j] = data->text_image ? data->text_image[j] : j;
  return p;
}

Test(pairing_check, planted_in_simulated_pairs)
{
  cgap_simulate_options options = CGAP_SIMULATE_OPTIONS_INIT;
  cgap_simulation set;
  cgap_error error;
  options.images = 1000;
  options.seed = 3;
  cr_assert_eq(cgap_simulate(&set, &options, &error), CGAP_OK, "%s", error.message);
  cgap_data data = cgap_simulation_data(&set);
  checked_pairs p = pairs_of(&data);
  read_plantings("simulated, 1000", &p);
  pairs_free(&p);
  cgap_simulation_clear(&set);
}

Test(pairing_check, planted_in_real_pairs)
{
  char path[1000];
  const char *files[] = {path};
  cgap_dataset *set;
  cgap_error error;
  if (!support_shared(path, sizeof path, "data/modgap_clip_coco.h5")) {
    fprintf(stderr, "skipped: no data/modgap_clip_coco.h5\n");
    return;
  }
  cgap_input_options options = CGAP_INPUT_OPTIONS_INIT;
  options.files = files;
  options.file_count = 1;
  cr_assert_eq(cgap_dataset_open(&set, &options, &error), CGAP_OK, "%s", error.message);
  checked_pairs p = pairs_of(cgap_dataset_data(set));
  read_plantings("CLIP on COCO, 500", &p);
  pairs_free(&p);
  cgap_dataset_close(set);
}

/* ---------------------------------------------------------------- nothing where nothing is */

static void expect_nothing(const char *what, checked_pairs (*make)(uint64_t seed))
{
  size_t shifts = 0, blocks = 0, matched = 0;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    checked_pairs p = make(seed);
    const cgap_pairing_check c = check(&p);
    shifts += c.shift != 0;
    blocks += c.block_count > 0;
    matched += c.verdict == CGAP_PAIRING_MATCHED;
    pairs_free(&p);
  }
  fprintf(stderr, "%-28s %d files: %zu with a shift, %zu with blocks, %zu matched\n", what, SEEDS, shifts, blocks,
          matched);
  cr_expect_eq(shifts, 0, "%s: a shift in %zu of %d", what, shifts, SEEDS);
  cr_expect_eq(blocks, 0, "%s: blocks in %zu of %d", what, blocks, SEEDS);
}

static checked_pairs random_rows(uint64_t seed)
{
  return unrelated(seed, 120, 1, 16, 1, 15);
}

static checked_pairs collapsed_rows(uint64_t seed)
{
  return unrelated(seed, 100, 1, 64, 0.02, 2);
}

static checked_pairs random_captions(uint64_t seed)
{
  return unrelated(seed, 100, 5, 24, 1, 20);
}

static checked_pairs strong(uint64_t seed)
{
  return healthy(seed, 1000, 24, 0.5, 1, 0);
}

static checked_pairs weak(uint64_t seed)
{
  return healthy(seed, 2000, 16, 2.5, 1, 0);
}

static checked_pairs captions(uint64_t seed)
{
  return healthy(seed, 300, 24, 0.5, 1, 5);
}

static checked_pairs classes(uint64_t seed)
{
  return sorted_by_class(seed, 1000, 20, 32, 1);
}

static checked_pairs classes_alone(uint64_t seed)
{
  return sorted_by_class(seed, 1000, 7, 32, 0);
}

Test(pairing_check, nothing_is_named_of_unrelated_rows)
{
  expect_nothing("unrelated", random_rows);
  expect_nothing("unrelated and collapsed", collapsed_rows);
  expect_nothing("unrelated, 5 captions", random_captions);
}

Test(pairing_check, nothing_is_named_of_healthy_files)
{
  expect_nothing("healthy", strong);
  expect_nothing("healthy, weak model", weak);
  expect_nothing("healthy, 1 to 6 captions", captions);
  expect_nothing("healthy, sorted by class", classes);
  expect_nothing("classes alone, sorted", classes_alone);
}

/* z of random pairs has a standard deviation of about 1, with captions that come together too. */
Test(pairing_check, z_of_random_pairs)
{
  checked_pairs (*const makes[])(uint64_t) = {random_rows, collapsed_rows, random_captions};
  for (size_t m = 0; m < sizeof makes / sizeof *makes; m++) {
    double squares = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
      checked_pairs p = makes[m](seed);
      const double z = check(&p).z;
      squares += z * z / SEEDS;
      pairs_free(&p);
    }
    fprintf(stderr, "unrelated rows, kind %zu: root mean square of z %.3f\n", m, sqrt(squares));
    cr_expect(sqrt(squares) > 0.8 && sqrt(squares) < 1.2, "kind %zu: %.3f", m, sqrt(squares));
  }
}

/* ---------------------------------------------------------------- what is there is named */

/* Texts from row `from` on are those `rows` later; the last ones come again. */
static void move_tail(checked_pairs *p, size_t from, long rows)
{
  size_t *order = identity(p->texts);
  for (size_t j = from; j < p->texts; j++) {
    const long at = (long)j + rows;
    order[j] = at < 0 ? 0 : at >= (long)p->texts ? p->texts - 1 : (size_t)at;
  }
  reorder(p, order);
  free(order);
}

/* Every block that is wholly behind `from` is named with this shift, and none that ends before it. */
static void expect_tail(const char *what, const cgap_pairing_check *c, size_t texts, size_t from, int shift)
{
  cr_expect_eq(c->verdict, CGAP_PAIRING_MATCHED, "%s: z %.2f", what, c->z);
  cr_assert_gt(c->block_count, 0, "%s: no block", what);
  cr_expect_eq(c->blocks[c->block_count - 1].last, texts - 1, "%s: up to %zu of %zu", what,
               c->blocks[c->block_count - 1].last, texts);
  for (size_t b = 0; b < c->block_count; b++) {
    cr_expect_eq(c->blocks[b].shift, shift, "%s: shift %d in %zu to %zu", what, c->blocks[b].shift, c->blocks[b].first,
                 c->blocks[b].last);
    cr_expect_geq(c->blocks[b].last, from, "%s: %zu to %zu", what, c->blocks[b].first, c->blocks[b].last);
  }
  cr_expect_leq(c->blocks[0].first, from + (texts - from) / 2, "%s: from %zu on", what, c->blocks[0].first);
}

/* A model that tells little: it takes several blocks. */
Test(pairing_check, tail_of_a_weak_model)
{
  checked_pairs p = healthy(8, 4000, 16, 1.6, 1, 0);
  move_tail(&p, 2400, 1);
  const cgap_pairing_check c = check(&p);
  expect_tail("weak", &c, 4000, 2400, 1);
  pairs_free(&p);
}

Test(pairing_check, tails)
{
  static const size_t ROWS[] = {300, 500, 1010, 7000};
  for (size_t n = 0; n < sizeof ROWS / sizeof *ROWS; n++)
    for (long shift = -2; shift <= 2; shift += n < 2 ? 1 : 3) {
      const size_t from = ROWS[n] * 6 / 10;
      checked_pairs plain = healthy(n, ROWS[n], 16, 0.6, 1, 0), classy = sorted_by_class(n, ROWS[n], 12, 32, 1.5);
      if (shift == 0)
        continue;
      move_tail(&plain, from, shift);
      move_tail(&classy, from, shift);
      cgap_pairing_check c = check(&plain);
      expect_tail("plain", &c, ROWS[n], from, (int)shift);
      c = check(&classy);
      expect_tail("sorted by class", &c, ROWS[n], from, (int)shift);
      pairs_free(&plain);
      pairs_free(&classy);
    }
}

/* One of 400 images with 1 to 6 captions each is missing at 60 %. */
Test(pairing_check, missing_image_with_ragged_captions)
{
  checked_pairs p = healthy(5, 400, 24, 0.5, 1, 5);
  const size_t gone = 240;
  size_t from = 0;
  memmove(p.image + gone * p.dim, p.image + (gone + 1) * p.dim, (p.images - gone - 1) * p.dim * sizeof *p.image);
  while (p.owner[from] < gone)
    from++;
  const cgap_pairing_check c = check(&p);
  expect_tail("ragged", &c, p.texts, from, -1);
  pairs_free(&p);
}

/* Five captions an image were assumed, and a few images have six. */
Test(pairing_check, images_with_six_captions)
{
  checked_pairs p = healthy(6, 1000, 24, 0.5, 5, 0);
  for (size_t extra = 0; extra < 4; extra++) /* a sixth caption at image 100, 250, 400, 550: later texts move by one */
    move_tail(&p, (100 + 150 * extra) * 5, -1);
  const cgap_pairing_check c = check(&p);
  cr_assert_gt(c.block_count, 0);
  cr_expect_eq(c.blocks[c.block_count - 1].shift, -1);
  cr_expect_eq(c.blocks[c.block_count - 1].last, p.texts - 1);
  cr_expect_geq(c.blocks[0].first, 1000, "from %zu on", c.blocks[0].first);
  pairs_free(&p);
}

/* A stretch in the middle is shuffled; with a weak model it takes several blocks to tell. */
static void expect_stretch(uint64_t seed, size_t rows, double noise, size_t first, size_t end)
{
  checked_pairs p = healthy(seed, rows, 24, noise, 1, 0);
  support_random r = support_seed(seed);
  size_t *order = identity(rows), named = 0;
  support_shuffle(&r, order + first, end - first);
  reorder(&p, order);
  const cgap_pairing_check c = check(&p);
  cr_expect_eq(c.verdict, CGAP_PAIRING_MATCHED);
  for (size_t b = 0; b < c.block_count; b++) {
    cr_expect_eq(c.blocks[b].shift, 0);
    cr_expect(c.blocks[b].last >= first && c.blocks[b].first < end, "%zu to %zu of %zu to %zu", c.blocks[b].first,
              c.blocks[b].last, first, end);
    named += c.blocks[b].last + 1 - c.blocks[b].first;
  }
  cr_expect_geq(2 * named, end - first, "%zu of %zu rows are named", named, end - first);
  free(order);
  pairs_free(&p);
}

Test(pairing_check, shuffled_stretch)
{
  expect_stretch(1, 1000, 0.5, 400, 600);
  expect_stretch(2, 400, 0.5, 100, 300);
  expect_stretch(3, 3000, 0.5, 1500, 1800);
  expect_stretch(4, 1000, 0.5, 300, 1000); /* more than half */
  expect_stretch(5, 5000, 2.5, 2000, 3500);
}

/* Just above and below one and two blocks: nothing named of sound pairs, a shift of the whole is. */
Test(pairing_check, few_rows)
{
  static const size_t ROWS[] = {99, 100, 101, 199, 200, 201};
  for (size_t n = 0; n < sizeof ROWS / sizeof *ROWS; n++)
    for (long shift = -5; shift <= 5; shift++) {
      checked_pairs p = healthy(n, ROWS[n], 16, 0.5, 1, 0);
      move_tail(&p, 0, shift);
      const cgap_pairing_check c = check(&p);
      cr_expect_eq(c.shift, shift, "%zu rows off by %ld: %d", ROWS[n], shift, c.shift);
      cr_expect_eq(c.block_count, 0, "%zu rows off by %ld: %zu blocks", ROWS[n], shift, c.block_count);
      pairs_free(&p);
    }
}
