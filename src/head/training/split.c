#include "head/training/split.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "rows/row_blocks.h"
#include "rows/row_reader.h"

enum { LEAST_IMAGES = 10, SPLIT_STREAM = 0x5350, AT_ONCE = 1024 };

static cgap_status fail_memory(const cgap_side *side, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for the split of %zu rows", side->source->name, side->rows);
}

/* Sets of images: root[i] is an earlier image of the same set, or i itself. */
static size_t root_of(size_t *root, size_t i)
{
  while (root[i] != i)
    i = root[i] = root[root[i]];
  return i;
}

static void join(size_t *root, size_t a, size_t b)
{
  a = root_of(root, a);
  b = root_of(root, b);
  root[a > b ? a : b] = a < b ? a : b;
}

/* Joins images with equal unit rows (image_of == NULL), or images of equal text rows. */
static cgap_status join_equal(size_t *root, const cgap_side *side, const size_t *image_of, cgap_error *error)
{
  cgap_distinct seen;
  cgap_panel panel = {0};
  float *spare = cgap_alloc(side->dim, sizeof *spare);
  const bool fine = cgap_distinct_init(&seen, side->rows) && spare;
  cgap_status status = fine ? CGAP_OK : fail_memory(side, error);
  for (size_t begin = 0; status == CGAP_OK && begin < side->rows; begin += AT_ONCE) {
    const size_t rows = side->rows - begin < AT_ONCE ? side->rows - begin : AT_ONCE;
    status = cgap_panel_load(&panel, side, begin, rows, error);
    for (size_t i = begin; status == CGAP_OK && i < begin + rows; i++) {
      const float *row = panel.unit + (i - begin) * side->dim;
      const size_t first = cgap_distinct_add(&seen, cgap_unit_hash(row, side->dim, spare), i);
      if (first != i)
        join(root, image_of ? image_of[first] : first, image_of ? image_of[i] : i);
    }
  }
  cgap_panel_clear(&panel);
  cgap_distinct_clear(&seen);
  cgap_free(spare);
  return status;
}

/* size[i]: images of the set of root i, 0 for the others; returns the greatest. */
static size_t count_sets(size_t *root, size_t *size, size_t images)
{
  size_t greatest = 0;
  for (size_t i = 0; i < images; i++)
    size[i] = 0;
  for (size_t i = 0; i < images; i++) {
    size_t set = root_of(root, i);
    if (++size[set] > greatest)
      greatest = size[set];
  }
  return greatest;
}

static void start_sets(size_t *root, size_t images)
{
  for (size_t i = 0; i < images; i++)
    root[i] = i;
}

/* Sets that no part could hold are undone: then only equal images go together. */
static cgap_status make_sets(cgap_split *out, const cgap_embeddings *e, double most, size_t *root, size_t *size,
                             cgap_error *error)
{
  const size_t images = e->image.rows;
  start_sets(root, images);
  cgap_status status = join_equal(root, &e->image, NULL, error);
  if (status == CGAP_OK)
    status = join_equal(root, &e->text, e->pairs.image_of, error);
  if (status == CGAP_OK && count_sets(root, size, images) > 1 + (size_t)(most * (double)images)) {
    out->texts_across = true;
    start_sets(root, images);
    status = join_equal(root, &e->image, NULL, error);
    count_sets(root, size, images);
  }
  return status;
}

/* Gives sets to `part` in the order drawn, while they fit in what it is to have. */
static void fill(unsigned char *part_of_set, int part, size_t wanted, const size_t *order, const size_t *size,
                 size_t sets)
{
  for (size_t k = 0; k < sets && wanted > 0; k++) {
    const size_t set = order[k];
    if (part_of_set[set] != CGAP_TRAINING || size[set] > wanted)
      continue;
    part_of_set[set] = (unsigned char)part;
    wanted -= size[set];
  }
}

static size_t share_of(size_t images, double share)
{
  const size_t wanted = (size_t)llround(share * (double)images);
  return share > 0 && wanted == 0 ? 1 : wanted;
}

static void deal(cgap_split *out, const cgap_embeddings *e, double validation, double test, uint64_t seed, size_t *root,
                 const size_t *size, size_t *order)
{
  const size_t images = e->image.rows;
  size_t sets = 0;
  for (size_t i = 0; i < images; i++) {
    out->tied += size[i] > 0 ? size[i] - 1 : 0;
    if (size[i] > 0)
      order[sets++] = i;
  }
  cgap_random random = cgap_random_init(seed, SPLIT_STREAM);
  cgap_random_shuffle(&random, order, sets);
  fill(out->part, CGAP_TEST, share_of(images, test), order, size, sets);
  fill(out->part, CGAP_VALIDATION, share_of(images, validation), order, size, sets);
  for (size_t i = 0; i < images; i++) {
    out->part[i] = out->part[root_of(root, i)];
    out->images[out->part[i]]++;
    out->texts[out->part[i]] += e->pairs.first[i + 1] - e->pairs.first[i];
  }
}

cgap_status cgap_split_init(cgap_split *out, const cgap_embeddings *e, double validation, double test, uint64_t seed,
                            cgap_error *error)
{
  const size_t images = e->image.rows;
  *out = (cgap_split){0};
  if (images < LEAST_IMAGES)
    return cgap_fail(error, CGAP_DATA,
                     "%s: %zu images, at least %d are needed to split them for training, validation and test",
                     e->image.source->name, images, LEAST_IMAGES);
  out->part = cgap_zalloc(images, 1);
  size_t *root = cgap_alloc(3 * images, sizeof *root), *size = root + images, *order = size + images;
  cgap_status status = CGAP_OK;
  if (!out->part || !root)
    status = fail_memory(&e->image, error);
  else
    status = make_sets(out, e, fmax(validation, 0.05), root, size, error);
  if (status == CGAP_OK)
    deal(out, e, validation, test, seed, root, size, order);
  for (int part = 0; status == CGAP_OK && part < CGAP_PARTS; part++)
    if (out->texts[part] == 0 && !(part == CGAP_VALIDATION && validation == 0))
      status = cgap_fail(error, CGAP_DATA,
                         "%s: the split leaves the %s part without texts (%zu images, %zu of them equal to another); "
                         "give other --val and --test, or another --seed",
                         e->image.source->name,
                         part == CGAP_TEST       ? "test"
                         : part == CGAP_TRAINING ? "training"
                                                 : "validation",
                         images, out->tied);
  cgap_free(root);
  if (status != CGAP_OK)
    cgap_split_clear(out);
  return status;
}

void cgap_split_clear(cgap_split *split)
{
  cgap_free(split->part);
  *split = (cgap_split){0};
}
