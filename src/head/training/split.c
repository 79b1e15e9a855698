#include "head/training/split.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/modality_names.h"
#include "base/numbers.h"
#include "base/threads.h"
#include "rows/modality.h"
#include "rows/row_blocks.h"
#include "rows/row_pass.h"
#include "rows/row_reader.h"

enum { IMAGES_MIN = 10, SPLIT_STREAM = 0x5350, FOLD_STREAM = 0x464F, ROWS_AT_ONCE = 1024 };

static cgap_status fail_memory(const cgap_modality_rows *modality, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for the split of %zu rows", modality->source->name,
                   modality->rows);
}

/* Sets of images: root[i] is an earlier image of the same set, or i itself. */
static size_t root_of(size_t *root, size_t i)
{
  while (root[i] != i)
    i = root[i] = root[root[i]];
  return i;
}

static void join_sets(size_t *root, size_t a, size_t b)
{
  a = root_of(root, a);
  b = root_of(root, b);
  root[a > b ? a : b] = a < b ? a : b;
}

/* Joins images with equal unit rows (image_of == NULL), or images of equal text rows. hash (rows) or NULL: receives
 * the hashes of the rows. */
static cgap_status join_equal(size_t *root, const cgap_modality_rows *modality, const size_t *image_of, uint64_t *hash,
                              cgap_error *error)
{
  cgap_duplicate_rows seen;
  cgap_row_block panel = {0};
  float *spare = cgap_alloc(modality->dim, sizeof *spare);
  const bool ok = cgap_duplicate_rows_init(&seen, modality->rows) && spare;
  cgap_status status = ok ? CGAP_OK : fail_memory(modality, error);
  for (size_t begin = 0; status == CGAP_OK && begin < modality->rows; begin += ROWS_AT_ONCE) {
    const size_t rows = modality->rows - begin < ROWS_AT_ONCE ? modality->rows - begin : ROWS_AT_ONCE;
    status = cgap_row_block_load(&panel, modality, begin, rows, error);
    for (size_t i = begin; status == CGAP_OK && i < begin + rows; i++) {
      const float *row = panel.unit + (i - begin) * modality->dim;
      const cgap_hash own = cgap_unit_hash(row, modality->dim, spare);
      const size_t first = cgap_duplicate_rows_add(&seen, own, i);
      if (hash)
        hash[i] = own.low;
      if (first != i)
        join_sets(root, image_of ? image_of[first] : first, image_of ? image_of[i] : i);
    }
  }
  cgap_row_block_clear(&panel);
  cgap_duplicate_rows_clear(&seen);
  cgap_free(spare);
  return status;
}

/* size[i]: images of the set of root i, 0 for the others; returns the largest size. */
static size_t count_sets(size_t *root, size_t *size, size_t images)
{
  size_t largest = 0;
  for (size_t i = 0; i < images; i++)
    size[i] = 0;
  for (size_t i = 0; i < images; i++) {
    size_t set = root_of(root, i);
    if (++size[set] > largest)
      largest = size[set];
  }
  return largest;
}

static void start_sets(size_t *root, size_t images)
{
  for (size_t i = 0; i < images; i++)
    root[i] = i;
}

/* Sets larger than a split are undone: then only equal images go together. */
static cgap_status make_sets(cgap_split *out, const cgap_embeddings *e, double most, size_t *root, size_t *size,
                             cgap_error *error)
{
  const size_t images = e->image.rows;
  start_sets(root, images);
  cgap_status status = join_equal(root, &e->image, NULL, out->hash, error);
  if (status == CGAP_OK && !e->data->texts_are_classes) /* else a class would stay together */
    status = join_equal(root, &e->text, e->pairs.image_of, NULL, error);
  if (status == CGAP_OK && count_sets(root, size, images) > 1 + (size_t)(most * (double)images)) {
    out->texts_across = true;
    start_sets(root, images);
    status = join_equal(root, &e->image, NULL, NULL, error);
    count_sets(root, size, images);
  }
  return status;
}

/* Gives sets to a split in random order, where they fit into the number of images that it still wants. */
static void fill_split(unsigned char *split_of_set, int split_index, size_t wanted, const size_t *order,
                       const size_t *size, size_t sets)
{
  for (size_t k = 0; k < sets && wanted > 0; k++) {
    const size_t set = order[k];
    if (split_of_set[set] != CGAP_TRAINING || size[set] > wanted)
      continue;
    split_of_set[set] = (unsigned char)split_index;
    wanted -= size[set];
  }
}

static size_t images_of_fraction(size_t images, double fraction)
{
  const size_t wanted = (size_t)llround(fraction * (double)images);
  return fraction > 0 && wanted == 0 ? 1 : wanted;
}

static void count_parts(cgap_split *out, const cgap_embeddings *e)
{
  for (size_t i = 0; i < e->image.rows; i++)
    if (out->of_image[i] < CGAP_SPLITS) {
      out->images[out->of_image[i]]++;
      out->texts[out->of_image[i]] += e->pairs.first[i + 1] - e->pairs.first[i];
    }
}

static void deal_sets(cgap_split *out, const cgap_embeddings *e, double validation, double test, uint64_t seed,
                      size_t *root, const size_t *size, size_t *order)
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
  fill_split(out->of_image, CGAP_TEST, images_of_fraction(images, test), order, size, sets);
  fill_split(out->of_image, CGAP_VALIDATION, images_of_fraction(images, validation), order, size, sets);
  for (size_t i = 0; i < images; i++) {
    out->group[i] = root_of(root, i);
    out->of_image[i] = out->of_image[out->group[i]];
  }
  count_parts(out, e);
}

cgap_status cgap_split_init(cgap_split *out, const cgap_embeddings *e, double validation, double test, uint64_t seed,
                            cgap_error *error)
{
  const size_t images = e->image.rows;
  *out = (cgap_split){0};
  if (images < IMAGES_MIN)
    return cgap_fail_named(error, CGAP_DATA, e->data->names,
                           "%s: %zu {images}, at least %d are needed to split them for training, validation and test",
                           e->image.source->name, images, IMAGES_MIN);
  out->of_image = cgap_zalloc(images, 1);
  out->group = cgap_alloc(images, sizeof *out->group);
  out->hash = cgap_alloc(images, sizeof *out->hash);
  size_t *root = cgap_alloc(3 * images, sizeof *root), *size = root + images, *order = size + images;
  cgap_status status = CGAP_OK;
  if (!out->of_image || !out->group || !out->hash || !root)
    status = fail_memory(&e->image, error);
  else
    status = make_sets(out, e, fmax(validation, 0.05), root, size, error);
  if (status == CGAP_OK)
    deal_sets(out, e, validation, test, seed, root, size, order);
  for (int split_index = 0; status == CGAP_OK && split_index < CGAP_SPLITS; split_index++)
    if (out->texts[split_index] == 0 && !(split_index == CGAP_VALIDATION && validation == 0))
      status = cgap_fail_named(
        error, CGAP_DATA, e->data->names,
        "%s: the split leaves the %s part without {texts} (%zu {images}, %zu of them equal to another); "
        "give other fractions (val, test) or another seed",
        e->image.source->name,
        split_index == CGAP_TEST       ? "test"
        : split_index == CGAP_TRAINING ? "training"
                                       : "validation",
        images, out->tied);
  cgap_free(root);
  if (status != CGAP_OK)
    cgap_split_clear(out);
  return status;
}

void cgap_split_clear(cgap_split *split)
{
  cgap_free(split->of_image);
  cgap_free(split->group);
  cgap_free(split->hash);
  *split = (cgap_split){0};
}

/* ---------------------------------------------------------------- folds */

/* The groups of some images in random order. Returns how many. */
static size_t list_groups(size_t *order, size_t *size, const cgap_split *split, size_t images, int part, uint64_t seed)
{
  size_t groups = 0;
  memset(size, 0, images * sizeof *size);
  for (size_t i = 0; i < images; i++)
    if (split->of_image[i] == part || (part == CGAP_SPLITS && split->of_image[i] != CGAP_TEST))
      size[split->group[i]]++;
  for (size_t i = 0; i < images; i++)
    if (size[i])
      order[groups++] = i;
  cgap_random random = cgap_random_init(seed, FOLD_STREAM);
  cgap_random_shuffle(&random, order, groups);
  return groups;
}

/* Gives each group to the fold that has the fewest images so far, and writes its fold over its size. */
static void deal_folds(size_t *size, const size_t *order, size_t groups, size_t folds)
{
  size_t held[CGAP_FOLDS_MAX] = {0};
  for (size_t k = 0; k < groups; k++) {
    size_t least = 0;
    for (size_t f = 1; f < folds; f++)
      least = held[f] < held[least] ? f : least;
    held[least] += size[order[k]];
    size[order[k]] = least;
  }
}

cgap_status cgap_split_fold(cgap_split *out, const cgap_split *split, const cgap_embeddings *e, size_t fold,
                            size_t folds, double inner, uint64_t seed, cgap_error *error)
{
  const size_t images = e->image.rows;
  size_t *order = cgap_alloc(2 * images, sizeof *order), *at = order + images, chosen = 0;
  *out = (cgap_split){.of_image = cgap_alloc(images, 1), .group = cgap_alloc(images, sizeof *out->group)};
  if (!out->of_image || !out->group || !order) {
    cgap_free(order);
    cgap_split_clear(out);
    return fail_memory(&e->image, error);
  }
  const bool halves = folds == 1;
  const size_t groups = list_groups(order, at, split, images, halves ? CGAP_VALIDATION : CGAP_SPLITS, seed);
  const double others = (double)groups * (double)(folds - 1) / (double)folds;
  const size_t wanted = 1 + (size_t)(inner * others);
  unsigned char *of_group = out->of_image; /* of the first image of each group, then of all */
  deal_folds(at, order, groups, halves ? 2 : folds);
  memcpy(out->group, split->group, images * sizeof *out->group);
  for (size_t i = 0; i < images; i++)
    of_group[i] = halves && split->of_image[i] == CGAP_TRAINING ? CGAP_TRAINING : CGAP_SPLITS;
  for (size_t k = 0; k < groups; k++) {
    const bool scored = at[order[k]] == (halves ? 1 : fold), chooses = !scored && (halves || chosen < wanted);
    chosen += chooses;
    of_group[order[k]] = scored ? CGAP_TEST : chooses ? CGAP_VALIDATION : CGAP_TRAINING;
  }
  for (size_t i = images; i-- > 0;) { /* a group's part stands at its first image, which comes last */
    const bool stays = split->of_image[i] == CGAP_TEST || (halves && split->of_image[i] == CGAP_TRAINING);
    out->of_image[i] = !stays                            ? of_group[split->group[i]]
                       : split->of_image[i] == CGAP_TEST ? (unsigned char)CGAP_SPLITS
                                                         : (unsigned char)CGAP_TRAINING;
  }
  cgap_free(order);
  count_parts(out, e);
  for (int part = 0; part < CGAP_SPLITS; part++)
    if (out->texts[part] == 0) {
      cgap_split_clear(out);
      return cgap_fail(error, CGAP_DATA, "%s: too few images to choose among candidates; give --select none",
                       e->image.source->name);
    }
  return CGAP_OK;
}

/* ---------------------------------------------------------------- split rows */

enum { NOISE_STREAM = 0x4E4F, DRAW_STREAM = 0x4452 };

/* Counting sort by text, then by image, keeps the texts of an image ascending. */
static void sort_positives(size_t *first, size_t keys, size_t count, const size_t *key, const size_t *order,
                           size_t *out)
{
  memset(first, 0, (keys + 1) * sizeof *first);
  for (size_t c = 0; c < count; c++)
    first[key[c] + 1]++;
  for (size_t k = 0; k < keys; k++)
    first[k + 1] += first[k];
  for (size_t c = 0; c < count; c++) {
    const size_t at = order ? order[c] : c;
    out[first[key[at]]++] = at;
  }
  memmove(first + 1, first, keys * sizeof *first); /* the ends have become the beginnings of the next */
  first[0] = 0;
}

/* Pairs in `order` without doubles into positive_text; image_first again. Returns how many. */
static size_t drop_doubles(size_t *image_first, size_t images, const size_t *order, const size_t *text,
                           size_t *positive_text)
{
  size_t kept = 0, at = 0;
  for (size_t i = 0; i < images; i++) {
    const size_t end = image_first[i + 1], begin = kept;
    for (; at < end; at++)
      if (kept == begin || positive_text[kept - 1] != text[order[at]])
        positive_text[kept++] = text[order[at]];
    image_first[i + 1] = kept;
  }
  return kept;
}

bool cgap_positives_init(cgap_positives *out, size_t **index, size_t images, size_t texts, size_t count,
                         const size_t *positive_image, const size_t *positive_text)
{
  size_t *block = cgap_alloc(images + texts + 2 + 3 * count, sizeof *block);
  size_t *work = cgap_alloc(2 * count, sizeof *work);
  *index = block;
  *out = (cgap_positives){0};
  if (block && work) {
    size_t *image_first = block, *text_first = block + images + 1, *by_image = text_first + texts + 1;
    size_t *by_text = by_image + count, *image_of = by_text + count;
    sort_positives(text_first, texts, count, positive_text, NULL, work);
    sort_positives(image_first, images, count, positive_image, work, work + count);
    count = drop_doubles(image_first, images, work + count, positive_text, by_image);
    sort_positives(text_first, texts, count, by_image, NULL, by_text);
    for (size_t i = 0; i < images; i++)
      for (size_t c = image_first[i]; c < image_first[i + 1]; c++)
        image_of[c] = i;
    *out = (cgap_positives){images, texts, count, image_first, by_image, text_first, by_text, image_of};
  }
  cgap_free(work);
  return block && work;
}

/* The row of the split that each row became: SIZE_MAX where it is not in the split. */
typedef struct chosen_pairs {
  size_t *image, *text;                   /* (images), (texts) of the embeddings */
  size_t images, texts;                   /* rows of the split */
  size_t *positive_image, *positive_text; /* (pairs) */
  size_t positives;
} chosen_pairs;

/* Draws the images that are used of the split, in a fixed order of all of them, so that fewer are a subset of more. */
static void draw_images(chosen_pairs *c, const cgap_embeddings *e, const cgap_split *split, int split_index,
                        const cgap_split_rows_options *o, size_t *order)
{
  size_t count = 0;
  for (size_t i = 0; i < e->image.rows; i++) {
    c->image[i] = SIZE_MAX;
    if (split->of_image[i] == split_index && e->pairs.first[i + 1] > e->pairs.first[i])
      order[count++] = i;
  }
  if (o->most_images > 0 && o->most_images < count) {
    cgap_random random = cgap_random_init(o->seed, DRAW_STREAM);
    cgap_random_shuffle(&random, order, count);
    count = o->most_images;
  }
  for (size_t k = 0; k < count; k++)
    c->image[order[k]] = 0;
}

/* The image of every text of the split; a fraction of the texts exchange theirs. */
static void list_positives(chosen_pairs *c, const cgap_embeddings *e, const cgap_split_rows_options *o, size_t *order)
{
  for (size_t j = 0; j < e->text.rows; j++) {
    c->text[j] = SIZE_MAX;
    if (c->image[e->pairs.image_of[j]] == SIZE_MAX)
      continue;
    c->text[j] = 0;
    c->positive_image[c->positives] = e->pairs.image_of[j];
    c->positive_text[c->positives++] = j;
  }
  const size_t wrong = (size_t)(o->noise * (double)c->positives + 0.5);
  if (wrong < 2)
    return;
  for (size_t k = 0; k < c->positives; k++)
    order[k] = k;
  cgap_random random = cgap_random_init(o->seed, NOISE_STREAM);
  cgap_random_shuffle(&random, order, c->positives);
  const size_t spare = c->positive_image[order[0]];
  for (size_t k = 0; k + 1 < wrong; k++)
    c->positive_image[order[k]] = c->positive_image[order[k + 1]];
  c->positive_image[order[wrong - 1]] = spare;
}

/* The rows of one modality that are used, in the order of the file. */
typedef struct row_numbering {
  const cgap_modality_rows *modality;
  size_t *place;  /* (rows) SIZE_MAX where a row is not used; becomes its row of the split */
  bool merge;     /* equal ones become one */
  int threads;    /* that read */
  size_t *listed; /* (taken) kept rows */
  size_t taken, rows;
  cgap_duplicate_rows seen;
  float *block, *spare; /* (ROWS_AT_ONCE, dim) of rows that are not in memory; (dim) */
} row_numbering;

static bool open_row_numbering(row_numbering *t)
{
  const size_t dim = t->modality->dim;
  for (size_t i = 0; i < t->modality->rows; i++)
    t->taken += t->place[i] != SIZE_MAX;
  t->listed = cgap_alloc(t->taken, sizeof *t->listed);
  t->spare = cgap_alloc(dim, sizeof *t->spare);
  t->block = cgap_alloc(t->modality->unit ? 1 : ROWS_AT_ONCE, dim * sizeof *t->block);
  const bool ok = (!t->merge || cgap_duplicate_rows_init(&t->seen, t->taken)) && t->listed && t->spare && t->block;
  for (size_t i = 0, k = 0; ok && i < t->modality->rows; i++)
    if (t->place[i] != SIZE_MAX)
      t->listed[k++] = i;
  return ok;
}

static void close_row_numbering(row_numbering *t)
{
  if (t->merge)
    cgap_duplicate_rows_clear(&t->seen);
  cgap_free(t->listed);
  cgap_free(t->spare);
  cgap_free(t->block);
}

/* Numbers one row; equal ones get one number, and the last of them is used for all. */
static void number_row(row_numbering *t, size_t row, const float *unit, float *out, size_t *kept, double *sum)
{
  const size_t dim = t->modality->dim;
  const size_t first = t->merge ? cgap_duplicate_rows_add(&t->seen, cgap_unit_hash(unit, dim, t->spare), row) : row;
  const size_t at = t->place[row] = first == row ? t->rows++ : t->place[first];
  if (out)
    memcpy(out + at * dim, unit, dim * sizeof *unit);
  kept[at] = row;
  for (size_t k = 0; k < dim; k++)
    sum[k] += (double)unit[k];
}

/* out (taken, dim) or NULL, kept (taken), mean (dim) */
static cgap_status number_rows(row_numbering *t, float *out, size_t *kept, double *mean, cgap_error *error)
{
  const size_t dim = t->modality->dim;
  for (size_t first = 0; first < t->taken; first += ROWS_AT_ONCE) {
    const size_t count = t->taken - first < ROWS_AT_ONCE ? t->taken - first : ROWS_AT_ONCE;
    const cgap_status status = t->modality->unit
                                 ? CGAP_OK
                                 : cgap_gather_rows(t->modality, t->listed + first, count, t->threads, t->block, error);
    if (status != CGAP_OK)
      return status;
    for (size_t k = 0; k < count; k++) {
      const size_t row = t->listed[first + k];
      number_row(t, row, t->modality->unit ? t->modality->unit + row * dim : t->block + k * dim, out, kept, mean);
    }
  }
  for (size_t k = 0; k < dim; k++)
    mean[k] /= (double)(t->taken ? t->taken : 1);
  return CGAP_OK;
}

static cgap_status build_modality(cgap_split_rows *out, int modality, size_t *rows, const cgap_modality_rows *from,
                                  size_t *place, const cgap_split_rows_options *o, cgap_error *error)
{
  const bool is_thread_safe = o->leave && cgap_gather_rows_is_thread_safe(from);
  row_numbering t = {
    .modality = from, .place = place, .merge = !o->keep_duplicates, .threads = is_thread_safe ? o->threads : 1};
  float **unit = modality == CGAP_IMAGE_MODALITY ? &out->image : &out->text;
  double **mean = modality == CGAP_IMAGE_MODALITY ? &out->image_mean : &out->text_mean;
  cgap_status status = CGAP_OK;
  bool ok = open_row_numbering(&t) && (*mean = cgap_zalloc(from->dim, sizeof **mean)) &&
            (out->kept[modality] = cgap_alloc(t.taken, sizeof *out->kept[modality]));
  if (ok && !o->leave)
    ok = (*unit = cgap_alloc(t.taken, from->dim * sizeof **unit));
  if (ok)
    status = number_rows(&t, *unit, out->kept[modality], *mean, error);
  *rows = t.rows;
  out->modality[modality] = o->leave ? from : NULL;
  out->threads[modality] = is_thread_safe ? o->threads : 0;
  close_row_numbering(&t);
  return ok ? status : fail_memory(from, error);
}

static cgap_status build_split_rows(cgap_split_rows *out, chosen_pairs *c, const cgap_embeddings *e,
                                    const cgap_split_rows_options *o, cgap_error *error)
{
  cgap_status status = build_modality(out, CGAP_IMAGE_MODALITY, &c->images, &e->image, c->image, o, error);
  if (status == CGAP_OK)
    status = build_modality(out, CGAP_TEXT_MODALITY, &c->texts, &e->text, c->text, o, error);
  if (status != CGAP_OK)
    return status;
  for (size_t k = 0; k < c->positives; k++) {
    c->positive_image[k] = c->image[c->positive_image[k]];
    c->positive_text[k] = c->text[c->positive_text[k]];
  }
  return cgap_positives_init(&out->positives, &out->index, c->images, c->texts, c->positives, c->positive_image,
                             c->positive_text)
           ? CGAP_OK
           : fail_memory(&e->text, error);
}

cgap_status cgap_split_rows_init(cgap_split_rows *out, const cgap_embeddings *e, const cgap_split *split,
                                 int split_index, const cgap_split_rows_options *options, cgap_error *error)
{
  const size_t images = e->image.rows, texts = e->text.rows;
  size_t *block = cgap_alloc(images + (images > texts ? images : texts) + 3 * texts, sizeof *block);
  chosen_pairs c = {.image = block};
  *out = (cgap_split_rows){.dim = e->image.dim};
  cgap_status status = CGAP_OK;
  if (!block) {
    status = fail_memory(&e->image, error);
  } else {
    size_t *order = block + images;
    c.text = order + (images > texts ? images : texts);
    c.positive_image = c.text + texts;
    c.positive_text = c.positive_image + texts;
    draw_images(&c, e, split, split_index, options, order);
    list_positives(&c, e, options, order);
    status = build_split_rows(out, &c, e, options, error);
  }
  cgap_free(block);
  if (status != CGAP_OK)
    cgap_split_rows_clear(out);
  return status;
}

/* The kept rows of a split's rows; NULL: out of memory. */
static size_t *list_kept(const cgap_split_rows *p, int modality, const size_t *rows, size_t first, size_t count)
{
  const size_t *kept = p->kept[modality];
  size_t *list = cgap_alloc(count, sizeof *list);
  for (size_t k = 0; list && k < count; k++) {
    const size_t row = rows ? rows[k] : first + k;
    list[k] = kept ? kept[row] : row;
  }
  return list;
}

cgap_status cgap_split_rows_read(const cgap_split_rows *p, int modality, const size_t *rows, size_t first, size_t count,
                                 float *out, cgap_error *error)
{
  const float *unit = modality == CGAP_IMAGE_MODALITY ? p->image : p->text;
  for (size_t k = 0; unit && k < count; k++)
    memcpy(out + k * p->dim, unit + (rows ? rows[k] : first + k) * p->dim, p->dim * sizeof *out);
  if (unit)
    return CGAP_OK;
  size_t *list = list_kept(p, modality, rows, first, count);
  const int threads = p->threads[modality] > 1 ? p->threads[modality] : 1;
  const cgap_status status = list ? cgap_gather_rows(p->modality[modality], list, count, threads, out, error)
                                  : fail_memory(p->modality[modality], error);
  cgap_free(list);
  return status;
}

void cgap_split_rows_prefetch(const cgap_split_rows *p, int modality, const size_t *rows, size_t count)
{
  size_t *list = p->modality[modality] ? list_kept(p, modality, rows, 0, count) : NULL;
  if (list)
    cgap_gather_rows_prefetch(p->modality[modality], list, count);
  cgap_free(list);
}

void cgap_split_rows_clear(cgap_split_rows *rows)
{
  cgap_free(rows->image);
  cgap_free(rows->text);
  cgap_free(rows->kept[CGAP_IMAGE_MODALITY]);
  cgap_free(rows->kept[CGAP_TEXT_MODALITY]);
  cgap_free(rows->image_mean);
  cgap_free(rows->text_mean);
  cgap_free(rows->index);
  *rows = (cgap_split_rows){0};
}

/* ---------------------------------------------------------------- batches */

enum {
  PARALLEL_FROM = 1 << 15, /* numbers to copy that are worth a second thread */
  PREFETCH_ROWS = 3,       /* rows asked for before they are copied */
  LINE = 16                /* numbers of a cache line */
};

static const double WAITING = 8e-6; /* seconds a row, above which it came from the disk */
static const uint64_t ORDER_STREAM = UINT64_C(1) << 32;

static bool is_full(const cgap_batches *b)
{
  return b->size == b->split_rows->positives.texts;
}

/* The most images and pairs that `size` texts can have: those of the texts with the most. */
static void find_bounds(cgap_batches *b)
{
  const cgap_positives *p = &b->split_rows->positives;
  size_t most = 0;
  for (size_t j = 0; j < p->texts; j++) {
    const size_t positives = p->text_first[j + 1] - p->text_first[j];
    most = positives > most ? positives : most;
  }
  b->most_positives = most > p->count / b->size ? p->count : most * b->size;
  b->most_images = b->most_positives < p->images ? b->most_positives : p->images;
}

static bool batch_alloc(cgap_training_batch *out, cgap_batches *b)
{
  *out = (cgap_training_batch){.of = b, .number = SIZE_MAX};
  out->image = cgap_alloc(b->most_images, sizeof *out->image);
  out->index = cgap_alloc(b->most_images + b->size + 2 + 3 * b->most_positives, sizeof *out->index);
  out->image_rows = cgap_alloc(b->most_images, b->split_rows->dim * sizeof(float));
  out->text_rows = cgap_alloc(b->size, b->split_rows->dim * sizeof(float));
  return out->image && out->index && out->image_rows && out->text_rows;
}

static bool allocate_noting_failure(cgap_batches *b)
{
  const cgap_positives *p = &b->split_rows->positives;
  b->order = cgap_alloc(p->texts, sizeof *b->order);
  b->stamp = cgap_alloc(p->images, sizeof *b->stamp);
  if (!b->order || !b->stamp || !batch_alloc(&b->batch[0], b) || (b->reads && !batch_alloc(&b->batch[1], b)))
    return false;
  memset(b->stamp, 0xff, p->images * sizeof *b->stamp);
  return true;
}

/* The one batch of a whole split: its own rows where they are in memory, else read once. */
static cgap_status load_whole(cgap_batches *b, cgap_error *error)
{
  const cgap_split_rows *p = b->split_rows;
  cgap_training_batch *batch = &b->batch[0];
  b->positives = p->positives;
  b->x = p->image;
  b->y = p->text;
  if (!b->reads)
    return CGAP_OK;
  b->x = batch->image_rows = cgap_alloc(p->positives.images, p->dim * sizeof(float));
  b->y = batch->text_rows = cgap_alloc(p->positives.texts, p->dim * sizeof(float));
  if (!b->x || !b->y)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for a batch of %zu texts", p->positives.texts);
  cgap_status status =
    cgap_split_rows_read(p, CGAP_IMAGE_MODALITY, NULL, 0, p->positives.images, batch->image_rows, error);
  return status == CGAP_OK
           ? cgap_split_rows_read(p, CGAP_TEXT_MODALITY, NULL, 0, p->positives.texts, batch->text_rows, error)
           : status;
}

cgap_status cgap_batches_init(cgap_batches *out, const cgap_split_rows *split_rows, size_t size, uint64_t seed,
                              int threads, cgap_error *error)
{
  const size_t texts = split_rows->positives.texts;
  cgap_status status = CGAP_OK;
  *out = (cgap_batches){.split_rows = split_rows,
                        .size = size ? size : texts,
                        .seed = seed,
                        .threads = threads,
                        .reads = !split_rows->image,
                        .wanted = SIZE_MAX};
  out->thread_safe = out->reads && split_rows->threads[CGAP_IMAGE_MODALITY] && split_rows->threads[CGAP_TEXT_MODALITY];
  if (size == CGAP_BATCH_AUTO)
    out->size = texts < CGAP_BATCH_AUTO_SIZE ? texts : CGAP_BATCH_AUTO_SIZE;
  out->count = texts / out->size;
  find_bounds(out);
  if (is_full(out))
    status = load_whole(out, error);
  else if (!allocate_noting_failure(out))
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for batches of %zu texts", out->size);
  if (status != CGAP_OK)
    cgap_batches_clear(out);
  return status;
}

void cgap_batches_clear(cgap_batches *b)
{
  cgap_read_ahead_close(&b->ahead);
  cgap_free(b->order);
  cgap_free(b->stamp);
  for (int k = 0; k < 2; k++) {
    cgap_free(b->batch[k].image);
    cgap_free(b->batch[k].index);
    cgap_free(b->batch[k].image_rows);
    cgap_free(b->batch[k].text_rows);
  }
  *b = (cgap_batches){0};
}

void cgap_batches_epoch(cgap_batches *b, size_t epoch)
{
  if (is_full(b))
    return;
  cgap_read_ahead_close(&b->ahead); /* what it reads is of another order */
  b->wanted = b->batch[0].number = b->batch[1].number = SIZE_MAX;
  cgap_random random = cgap_random_init(b->seed, ORDER_STREAM + epoch);
  for (size_t j = 0; j < b->split_rows->positives.texts; j++)
    b->order[j] = j;
  cgap_random_shuffle(&random, b->order, b->split_rows->positives.texts);
}

/* Numbers the images of a batch in the order they are met, into met; counts[i + 1] is image i's number of pairs. */
static size_t number_batch_images(const cgap_batches *b, size_t *met, const size_t *text, size_t *counts)
{
  const cgap_positives *p = &b->split_rows->positives;
  size_t images = 0;
  for (size_t j = 0; j < b->size; j++)
    for (size_t k = p->text_first[text[j]]; k < p->text_first[text[j] + 1]; k++) {
      const size_t image = p->positive_image[p->text_positive[k]];
      if (b->stamp[image] >= images || met[b->stamp[image]] != image) {
        b->stamp[image] = images;
        met[images] = image;
        counts[++images] = 0;
      }
      counts[b->stamp[image] + 1]++;
    }
  return images;
}

static const float *source_row(const cgap_batches *b, const cgap_training_batch *out, const size_t *text, size_t k)
{
  const size_t images = out->positives.images;
  return k < images ? b->split_rows->image + out->image[k] * b->split_rows->dim
                    : b->split_rows->text + text[k - images] * b->split_rows->dim;
}

static void prefetch_row(const float *row, size_t dim)
{
  for (size_t k = 0; k < dim; k += LINE)
    __builtin_prefetch(row + k);
}

/* The rows come from all over the split's memory: the next ones are prefetched while one is copied. */
static void gather_batch(const cgap_batches *b, cgap_training_batch *out, const size_t *text, int threads)
{
  const size_t dim = b->split_rows->dim, images = out->positives.images, rows = images + b->size;
#pragma omp parallel for num_threads(threads) schedule(static) if (rows * dim >= PARALLEL_FROM)
  for (size_t k = 0; k < rows; k++) {
    float *to = k < images ? out->image_rows + k * dim : out->text_rows + (k - images) * dim;
    if (k + PREFETCH_ROWS < rows)
      prefetch_row(source_row(b, out, text, k + PREFETCH_ROWS), dim);
    memcpy(to, source_row(b, out, text, k), dim * sizeof *to);
  }
}

/* The pairs of batch `number`. */
static void make_batch(cgap_batches *b, cgap_training_batch *out, size_t number)
{
  const cgap_positives *p = &b->split_rows->positives;
  const size_t *text = b->order + number * b->size;
  out->number = number;
  size_t *text_first = out->index, *image_first = text_first + b->size + 1;
  image_first[0] = 0;
  const size_t images = number_batch_images(b, out->image, text, image_first);
  size_t *positive_text = image_first + b->most_images + 1, *text_positive = positive_text + b->most_positives,
         count = 0;
  size_t *positive_image = text_positive + b->most_positives;
  for (size_t i = 0; i < images; i++)
    image_first[i + 1] += image_first[i];
  text_first[0] = 0;
  for (size_t j = 0; j < b->size; j++) {
    for (size_t k = p->text_first[text[j]]; k < p->text_first[text[j] + 1]; k++) {
      const size_t image = b->stamp[p->positive_image[p->text_positive[k]]], place = image_first[image]++;
      positive_text[place] = j;
      positive_image[place] = image;
      text_positive[count++] = place;
    }
    text_first[j + 1] = count;
  }
  memmove(image_first + 1, image_first, images * sizeof *image_first);
  image_first[0] = 0;
  out->positives =
    (cgap_positives){images, b->size, count, image_first, positive_text, text_first, text_positive, positive_image};
}

/* The rows of a batch whose pairs are known. */
static cgap_status read_rows(const cgap_batches *b, cgap_training_batch *out, cgap_error *error)
{
  const size_t *text = b->order + out->number * b->size;
  const cgap_status status = cgap_split_rows_read(b->split_rows, CGAP_IMAGE_MODALITY, out->image, 0,
                                                  out->positives.images, out->image_rows, error);
  return status == CGAP_OK
           ? cgap_split_rows_read(b->split_rows, CGAP_TEXT_MODALITY, text, 0, b->size, out->text_rows, error)
           : status;
}

/* Batch `number` by all threads. From the page cache that is quick; where it waits for the disk, the rows of the next
 * batch are announced to it. */
static cgap_status load_by_all_threads(cgap_batches *b, size_t number, cgap_error *error)
{
  if (b->batch[1 - b->at].number == number)
    b->at = 1 - b->at;
  else
    make_batch(b, &b->batch[b->at], number);
  cgap_training_batch *now = &b->batch[b->at], *next = &b->batch[1 - b->at];
  next->number = SIZE_MAX;
  const double start = cgap_clock_seconds(), rows = (double)(now->positives.images + b->size);
  const cgap_status status = read_rows(b, now, error);
  b->waits = cgap_clock_seconds() - start > (b->waits ? WAITING / 4 : WAITING) * rows;
  if (status == CGAP_OK && b->waits && number + 1 < b->count) {
    make_batch(b, next, number + 1);
    cgap_split_rows_prefetch(b->split_rows, CGAP_IMAGE_MODALITY, next->image, next->positives.images);
    cgap_split_rows_prefetch(b->split_rows, CGAP_TEXT_MODALITY, b->order + next->number * b->size, b->size);
  }
  return status;
}

static bool set_target(void *context, void *block)
{
  cgap_batches *b = context;
  cgap_training_batch *batch = block;
  batch->number = b->next;
  return b->next++ < b->count;
}

static cgap_status read_batch(void *block, cgap_error *error)
{
  cgap_training_batch *batch = block;
  make_batch(batch->of, batch, batch->number);
  return read_rows(batch->of, batch, error);
}

/* Batch `number`, while a background thread reads the one after it. */
static cgap_status load_read_ahead(cgap_batches *b, size_t number, cgap_error *error)
{
  void *block;
  if (b->wanted != number) {
    cgap_read_ahead_close(&b->ahead);
    b->next = number;
    b->ahead = (cgap_read_ahead){.set_target = set_target,
                                 .read = read_batch,
                                 .context = b,
                                 .blocks = b->batch,
                                 .count = 2,
                                 .size = sizeof *b->batch};
    cgap_read_ahead_open(&b->ahead, b->threads);
  }
  const cgap_status status = cgap_read_ahead_next(&b->ahead, &block, error);
  b->wanted = status == CGAP_OK ? number + 1 : SIZE_MAX;
  if (status == CGAP_OK)
    b->at = (int)((cgap_training_batch *)block - b->batch);
  return status;
}

cgap_status cgap_batches_load(cgap_batches *b, size_t number, int threads, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  if (is_full(b))
    return CGAP_OK;
  if (b->reads) {
    status = b->thread_safe ? load_by_all_threads(b, number, error) : load_read_ahead(b, number, error);
  } else {
    make_batch(b, &b->batch[0], number);
    gather_batch(b, &b->batch[0], b->order + number * b->size, threads);
  }
  b->positives = b->batch[b->at].positives;
  b->x = b->batch[b->at].image_rows;
  b->y = b->batch[b->at].text_rows;
  return status;
}
