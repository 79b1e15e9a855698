/* Groups of images with their texts: each audited as data of its own, its distance tested against that of the rest.
 *
 * The rows of both modalities are read once, into memory or, where they do not fit, into an unnamed file; a group is a
 * list of them. The rest of a group is what is left of the whole's sums when the group's own are subtracted
 * (group_gap.h). A group with another gap shifts the rest of all others, so tests are repeated without the rows of
 * the groups that are marked, the largest differences first, until the marks stay: in a set without outliers the first
 * round decides, and the family-wise error is Holm's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fields.h"
#include "analysis/interval.h"
#include "base/memory.h"
#include "base/source.h"
#include "base/threads.h"
#include "head/evaluation/changes.h"
#include "head/evaluation/group_gap.h"
#include "head/training/memory_plan.h"
#include "rows/row_reader.h"

#define MARK_BELOW 0.05 /* after Holm's correction */

enum { ROUNDS_MAX = 20, BLOCK_IMAGES = 256, BLOCK_TEXTS = 1024, BLOCK_BYTES = 1 << 24 };

/* A modality's rows, wherever they are now. */
typedef struct kept_rows {
  cgap_source source;
  void *memory;           /* all rows of the source, or … */
  cgap_spill_file *spill; /* … here */
} kept_rows;

/* Images of one group, or those of none, are [first, first + images) of the list, and so their texts. */
typedef struct segment {
  size_t group; /* of the grouping; SIZE_MAX: all rows that are in no measured group */
  size_t first_image, images, first_text, texts;
} segment;

typedef struct groups_run {
  const cgap_audit *audit;
  const cgap_data *data;
  const cgap_audit_options *options;
  cgap_image_groups *out;
  uint64_t held_bytes; /* of all rows in memory; 0: they are in files */
  kept_rows image, text;
  size_t *image_at, *text_at;   /* (images), (texts) in the order of the segments: index in the audit … */
  size_t *image_row, *text_row; /* … and row of the file */
  size_t *texts_of;             /* (images) number of each image's texts, likewise in order */
  uint64_t *text_image;         /* (texts) place of its image within its group */
  segment *segment;             /* (count + 1), the last of the rows that are in no measured group */
  size_t count;
  bool even; /* every image has the same number of texts */
  cgap_gap_sums pool, own, rest;
  cgap_squared_gap *gap; /* (count) */
  bool *left_out;        /* (count) of the rest of the others */
  double *p;             /* (2, count) */
  double *difference;    /* (count) of the squared gap from that of the rest */
  double done;           /* of all work, before the audit that is running */
  double share;          /* of all work that it is */
} groups_run;

static cgap_status out_of_memory(const groups_run *r, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for the groups of %zu images and %zu texts", r->out->by,
                   r->audit->images, r->audit->texts);
}

static bool tick(void *context, const char *phase, double fraction)
{
  const groups_run *r = context;
  const cgap_progress *p = &r->options->progress;
  (void)phase; /* of the audit within */
  return p->tick && p->tick(p->context, "groups", r->done + r->share * fraction);
}

/* ---------------------------------------------------------------- which rows */

/* The measured groups, in the order of the grouping. size, texts (groups) */
static bool list_segments(groups_run *r, const cgap_grouping *g, const size_t *size, const size_t *texts)
{
  segment rest = {.group = SIZE_MAX};
  r->segment = cgap_alloc(g->groups + 1, sizeof *r->segment);
  for (size_t k = 0; r->segment && k < g->groups; k++)
    if (size[k] >= CGAP_GROUP_ROWS_MIN && texts[k] >= CGAP_GROUP_ROWS_MIN) {
      r->segment[r->count++] = (segment){.group = k, .images = size[k], .texts = texts[k]};
    } else if (size[k] > 0) {
      rest.images += size[k];
      rest.texts += texts[k];
      r->out->small++;
      r->out->small_images += size[k];
    }
  if (r->segment)
    r->segment[r->count] = rest;
  for (size_t s = 1; r->segment && s <= r->count; s++) {
    r->segment[s].first_image = r->segment[s - 1].first_image + r->segment[s - 1].images;
    r->segment[s].first_text = r->segment[s - 1].first_text + r->segment[s - 1].texts;
  }
  return r->segment;
}

/* Puts images and texts in the order of the segments; texts follow the order of their images. */
static void order_rows(groups_run *r, const size_t *segment_of, size_t *next, size_t *first)
{
  const cgap_audit *a = r->audit;
  for (size_t s = 0; s <= r->count; s++)
    next[s] = r->segment[s].first_image;
  memset(first, 0, (a->images + 1) * sizeof *first);
  for (size_t j = 0; j < a->texts; j++)
    first[a->image_of[j] + 1]++;
  r->even = true;
  for (size_t i = 0; i < a->images; i++) {
    const size_t at = next[segment_of[i]]++;
    r->image_at[at] = i;
    r->image_row[at] = a->image_row[i];
    r->texts_of[at] = first[i + 1];
    r->even = r->even && first[i + 1] > 0 && first[i + 1] == first[1];
  }
  size_t place = 0;
  for (size_t at = 0; at < a->images; at++) { /* first becomes where the texts of each image begin */
    first[r->image_at[at]] = place;
    place += r->texts_of[at];
  }
  for (size_t j = 0; j < a->texts; j++) {
    const size_t at = first[a->image_of[j]]++;
    r->text_at[at] = j;
    r->text_row[at] = a->text_row[j];
  }
  for (size_t s = 0; s <= r->count; s++)
    for (size_t i = 0, at = r->segment[s].first_text; i < r->segment[s].images; i++)
      for (size_t k = 0; k < r->texts_of[r->segment[s].first_image + i]; k++)
        r->text_image[at++] = i;
}

static cgap_status choose_rows(groups_run *r, const cgap_grouping *g, cgap_error *error)
{
  const cgap_audit *a = r->audit;
  size_t *size = cgap_zalloc(3 * g->groups + 1, sizeof *size), *texts = size ? size + g->groups : NULL;
  size_t *segment_of = cgap_alloc(a->images, sizeof *segment_of);
  size_t *first = cgap_alloc(a->images + 1, sizeof *first);
  size_t *next = cgap_alloc(g->groups + 1, sizeof *next);
  r->image_at = cgap_alloc(a->images, sizeof *r->image_at);
  r->image_row = cgap_alloc(a->images, sizeof *r->image_row);
  r->texts_of = cgap_alloc(a->images, sizeof *r->texts_of);
  r->text_at = cgap_alloc(a->texts, sizeof *r->text_at);
  r->text_row = cgap_alloc(a->texts, sizeof *r->text_row);
  r->text_image = cgap_alloc(a->texts, sizeof *r->text_image);
  bool ok = size && segment_of && first && next && r->image_at && r->image_row && r->texts_of && r->text_at &&
            r->text_row && r->text_image;
  for (size_t i = 0; ok && i < a->images; i++)
    size[g->of_image[a->image_row[i]]]++;
  for (size_t j = 0; ok && j < a->texts; j++)
    texts[g->of_image[a->image_row[a->image_of[j]]]]++;
  ok = ok && list_segments(r, g, size, texts);
  if (ok) {
    size_t *segment_of_group = size + 2 * g->groups;
    for (size_t k = 0; k < g->groups; k++)
      segment_of_group[k] = r->count;
    for (size_t s = 0; s < r->count; s++)
      segment_of_group[r->segment[s].group] = s;
    for (size_t i = 0; i < a->images; i++)
      segment_of[i] = segment_of_group[g->of_image[a->image_row[i]]];
    order_rows(r, segment_of, next, first);
  }
  cgap_free(size);
  cgap_free(segment_of);
  cgap_free(first);
  cgap_free(next);
  return ok ? CGAP_OK : out_of_memory(r, error);
}

/* ---------------------------------------------------------------- the rows */

static cgap_status read_into_memory(kept_rows *out, const cgap_source *from, const groups_run *r, cgap_error *error)
{
  const size_t bytes = cgap_row_bytes(from), step = cgap_greater(1, BLOCK_BYTES / bytes);
  cgap_status status = CGAP_OK;
  for (size_t first = 0; status == CGAP_OK && first < from->rows; first += step) {
    const size_t count = cgap_lesser(step, from->rows - first);
    status = from->read(from, first, count, (unsigned char *)out->memory + first * bytes, error);
    if (status == CGAP_OK && tick((void *)r, "rows", 0))
      status = cgap_fail(error, CGAP_INTERRUPTED, "%s: interrupted while reading; nothing was written", from->name);
  }
  out->source = cgap_source_view(out->memory, from->rows, from->dim, from->type, from->name);
  return status;
}

/* Whether all rows may be in memory next to the audit of a group, which needs no more than that of the whole at least.
 */
static cgap_status choose_memory(groups_run *r, cgap_error *error)
{
  const cgap_data *d = r->data;
  const uint64_t limit = cgap_memory_limit(r->options->memory_bytes, NULL);
  const uint64_t bytes =
    (uint64_t)d->image.rows * cgap_row_bytes(&d->image) + (uint64_t)d->text.rows * cgap_row_bytes(&d->text);
  cgap_audit_options options = *r->options;
  cgap_plan_info plan;
  options.comm = NULL;
  options.pairs = r->audit->sample.images ? CGAP_PAIRS_SAMPLED : CGAP_PAIRS_EXACT;
  const cgap_status status = cgap_audit_plan(&plan, d, &options, error);
  if (status == CGAP_OK && bytes <= limit && plan.smallest_bytes <= limit - bytes)
    r->held_bytes = bytes;
  return status;
}

static cgap_status keep_rows(kept_rows *out, const cgap_source *from, const groups_run *r, cgap_error *error)
{
  if (!r->held_bytes)
    return cgap_spill_file_copy(&out->spill, &out->source, from, r->options->progress, error);
  out->memory = cgap_alloc(from->rows, cgap_row_bytes(from));
  return out->memory ? read_into_memory(out, from, r, error) : out_of_memory(r, error);
}

static void kept_rows_clear(kept_rows *k)
{
  cgap_free(k->memory);
  cgap_spill_file_close(k->spill);
}

/* ---------------------------------------------------------------- audits */

static cgap_status audit_segment(cgap_audit *out, const groups_run *r, const segment *s, cgap_error *error)
{
  cgap_data data = {.pairing = CGAP_BY_INDEX, .text_image = r->text_image + s->first_text};
  cgap_audit_options options = *r->options;
  options.comm = NULL;
  options.csls = options.contributions = false;
  options.brief = true;
  options.sample_queries = 0;
  options.pairs = r->audit->sample.images ? CGAP_PAIRS_SAMPLED : CGAP_PAIRS_EXACT;
  options.progress = (cgap_progress){.tick = tick, .context = (void *)r};
  if (options.memory_bytes)
    options.memory_bytes -= r->held_bytes;
  cgap_picked_rows *image =
    cgap_picked_rows_open(&data.image, &r->image.source, r->image_row + s->first_image, s->images);
  cgap_picked_rows *text = cgap_picked_rows_open(&data.text, &r->text.source, r->text_row + s->first_text, s->texts);
  *out = (cgap_audit){0};
  const cgap_status status = image && text ? cgap_audit_run(out, &data, &options, error) : out_of_memory(r, error);
  cgap_picked_rows_close(image);
  cgap_picked_rows_close(text);
  return status;
}

/* The fraction of the group's images, or texts, that find their partner first among all rows. value (rows) scratch */
static cgap_scalar recall_of(const groups_run *r, const segment *s, bool texts)
{
  const double *rank = texts ? r->audit->rank_text_to_image : r->audit->rank_image_to_text;
  const size_t *at = texts ? r->text_at + s->first_text : r->image_at + s->first_image;
  const size_t rows = texts ? s->texts : s->images;
  double found = 0, asked = 0, images = 0, squares = 0;
  for (size_t k = 0; k < rows; k++)
    if (!isnan(rank[at[k]])) {
      found += rank[at[k]] <= 1;
      asked++;
    }
  const double p = found / asked;
  for (size_t k = 0, next; k < rows; k = next) { /* the image with its texts is the unit */
    double sum = 0, any = 0;
    const uint64_t *image = texts ? r->text_image + s->first_text : NULL;
    for (next = k; next < rows && (next == k || (image && image[next] == image[k])); next++)
      if (!isnan(rank[at[next]])) {
        sum += (rank[at[next]] <= 1) - p;
        any = 1;
      }
    squares += sum * sum;
    images += any;
  }
  if (asked == 0)
    return cgap_scalar_null("no query of the group was ranked", 0);
  cgap_scalar out =
    cgap_scalar_wilson(p, images > 1 ? images / (images - 1) * squares / (asked * asked) : NAN, (uint64_t)asked);
  out.method = r->audit->sample.images ? CGAP_SAMPLED : CGAP_EXACT;
  return out;
}

static cgap_status measure_segment(groups_run *r, size_t k, const cgap_grouping *g, cgap_error *error)
{
  const segment *s = &r->segment[k];
  cgap_audit a;
  const cgap_status status = audit_segment(&a, r, s, error);
  if (status == CGAP_OK)
    r->out->group[k] = (cgap_image_group){.name = g->name[s->group],
                                          .images = s->images,
                                          .texts = s->texts,
                                          .corrected_distance = a.gap.corrected_distance,
                                          .mean_squared_distance = a.alignment.mean_squared_distance,
                                          .uniformity_image = a.uniformity.image,
                                          .uniformity_text = a.uniformity.text,
                                          .recall_image_to_text = recall_of(r, s, false),
                                          .recall_text_to_image = recall_of(r, s, true),
                                          .rest = NAN,
                                          .p = NAN,
                                          .p_holm = NAN};
  cgap_audit_clear(&a);
  return status;
}

/* ---------------------------------------------------------------- sums */

/* What one segment is read with. */
typedef struct pair_reader {
  cgap_picked_rows *picked[2];
  cgap_source source[2];
  cgap_row_reader image, text;
  size_t text_first, text_count; /* texts in text.unit */
  double *x, *t, *scratch;       /* (BLOCK_IMAGES, dim or width) */
} pair_reader;

static cgap_status pair_reader_init(pair_reader *p, const groups_run *r, const segment *s, cgap_error *error)
{
  *p = (pair_reader){0};
  p->picked[0] = cgap_picked_rows_open(&p->source[0], &r->image.source, r->image_row + s->first_image, s->images);
  p->picked[1] = cgap_picked_rows_open(&p->source[1], &r->text.source, r->text_row + s->first_text, s->texts);
  p->x = cgap_alloc(BLOCK_IMAGES * r->audit->dim, sizeof *p->x);
  p->t = cgap_alloc(BLOCK_IMAGES * r->audit->dim, sizeof *p->t);
  p->scratch = cgap_alloc(BLOCK_IMAGES * r->pool.width, sizeof *p->scratch);
  if (!p->picked[0] || !p->picked[1] || !p->x || !p->t || !p->scratch)
    return out_of_memory(r, error);
  const cgap_status status = cgap_row_reader_init(&p->image, &p->source[0], BLOCK_IMAGES, error);
  return status == CGAP_OK ? cgap_row_reader_init(&p->text, &p->source[1], BLOCK_TEXTS, error) : status;
}

static void pair_reader_clear(pair_reader *p)
{
  cgap_row_reader_clear(&p->image);
  cgap_row_reader_clear(&p->text);
  cgap_picked_rows_close(p->picked[0]);
  cgap_picked_rows_close(p->picked[1]);
  cgap_free(p->x);
  cgap_free(p->t);
  cgap_free(p->scratch);
}

/* Adds text `row` of the segment to t (dim). */
static cgap_status add_text(pair_reader *p, size_t row, double *t, cgap_error *error)
{
  const size_t dim = p->source[1].dim;
  cgap_status status = CGAP_OK;
  if (row >= p->text_first + p->text_count) {
    p->text_first = row;
    p->text_count = cgap_lesser(BLOCK_TEXTS, p->source[1].rows - row);
    status = cgap_row_reader_read(&p->text, row, p->text_count, NULL, error);
  }
  for (size_t a = 0; status == CGAP_OK && a < dim; a++)
    t[a] += (double)p->text.unit[(row - p->text_first) * dim + a];
  return status;
}

/* Of the images of a segment. */
static cgap_status sum_segment(cgap_gap_sums *out, const groups_run *r, const segment *s, cgap_error *error)
{
  const size_t dim = r->audit->dim, *texts_of = r->texts_of + s->first_image;
  pair_reader p;
  cgap_status status = pair_reader_init(&p, r, s, error);
  size_t text = 0;
  cgap_gap_sums_zero(out);
  for (size_t first = 0; status == CGAP_OK && first < s->images; first += BLOCK_IMAGES) {
    const size_t n = cgap_lesser(BLOCK_IMAGES, s->images - first);
    status = cgap_row_reader_read(&p.image, first, n, NULL, error);
    for (size_t k = 0; status == CGAP_OK && k < n * dim; k++) {
      p.x[k] = (double)p.image.unit[k];
      p.t[k] = 0;
    }
    for (size_t i = 0; status == CGAP_OK && i < n; i++)
      for (size_t k = 0; status == CGAP_OK && k < texts_of[first + i]; k++)
        status = add_text(&p, text++, p.t + i * dim, error);
    if (status == CGAP_OK)
      cgap_gap_sums_add(out, p.x, p.t, texts_of + first, n, p.scratch);
    if (status == CGAP_OK && tick((void *)r, "sums", 0))
      status = cgap_fail(error, CGAP_INTERRUPTED, "interrupted while comparing groups; nothing was written");
  }
  pair_reader_clear(&p);
  return status;
}

/* ---------------------------------------------------------------- tests */

/* Every group against the rows of all others that are not marked; p gets what comes of it. */
static cgap_status test_round(groups_run *r, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  cgap_gap_sums_zero(&r->pool);
  for (size_t k = 0; status == CGAP_OK && k <= r->count; k++) {
    if (r->segment[k].images == 0 || (k < r->count && r->left_out[k]))
      continue;
    status = sum_segment(&r->own, r, &r->segment[k], error);
    cgap_gap_sums_combine(&r->pool, &r->pool, 1, &r->own);
  }
  for (size_t k = 0; status == CGAP_OK && k < r->count; k++) {
    const cgap_gap_sums *rest = &r->pool;
    if (!r->left_out[k]) {
      status = sum_segment(&r->own, r, &r->segment[k], error);
      if (isnan(r->gap[k].square))
        r->gap[k] = cgap_gap_sums_finish(&r->own);
      cgap_gap_sums_combine(&r->rest, &r->pool, -1, &r->own);
      rest = &r->rest;
    }
    const cgap_squared_gap other = cgap_gap_sums_finish(rest);
    const bool enough = other.images >= CGAP_GROUP_ROWS_MIN;
    r->p[k] = enough ? cgap_squared_gap_p(&r->gap[k], &other) : 1;
    r->difference[k] = enough ? fabs(r->gap[k].square - other.square) : 0;
    r->out->group[k].rest = enough ? sqrt(fmax(0, other.square)) : NAN;
    r->out->group[k].p = enough ? r->p[k] : NAN;
  }
  return status == CGAP_OK ? cgap_holm(r->p + r->count, r->p, r->count, error) : status;
}

/* What an outlier does to the rest moves the others by less than half of its own difference, unless it has half of
 * the rows: of the marked groups those are left out next whose difference is at least half of the largest. Returns
 * whether other rows than before are left out; not where less than half of all rows would remain. */
static bool leave_out(groups_run *r)
{
  double largest = 0;
  size_t left = r->segment[r->count].images;
  bool changed = false;
  for (size_t k = 0; k < r->count; k++)
    if (r->out->group[k].marked && !r->left_out[k])
      largest = fmax(largest, r->difference[k]);
  for (size_t k = 0; k < r->count; k++) {
    const bool out = r->out->group[k].marked && (r->left_out[k] || r->difference[k] >= largest / 2);
    left += out ? 0 : r->segment[k].images;
    changed = changed || out != r->left_out[k];
  }
  for (size_t k = 0; changed && 2 * left >= r->audit->images && k < r->count; k++)
    r->left_out[k] = r->out->group[k].marked && (r->left_out[k] || r->difference[k] >= largest / 2);
  return changed && 2 * left >= r->audit->images;
}

static cgap_status test_groups(groups_run *r, cgap_error *error)
{
  cgap_status status = cgap_gap_sums_init(&r->pool, r->audit->dim, r->even, error);
  if (status == CGAP_OK)
    status = cgap_gap_sums_init(&r->own, r->audit->dim, r->even, error);
  if (status == CGAP_OK)
    status = cgap_gap_sums_init(&r->rest, r->audit->dim, r->even, error);
  for (size_t k = 0; k < r->count; k++)
    r->gap[k].square = NAN;
  bool changed = true;
  for (int round = 0; status == CGAP_OK && changed && round < ROUNDS_MAX; round++) {
    status = test_round(r, error);
    for (size_t k = 0; status == CGAP_OK && k < r->count; k++) {
      cgap_image_group *g = &r->out->group[k];
      g->p_holm = isnan(g->p) ? NAN : r->p[r->count + k];
      g->marked = r->p[r->count + k] < MARK_BELOW;
    }
    changed = status == CGAP_OK && leave_out(r);
  }
  return status;
}

/* ---------------------------------------------------------------- the whole and its groups */

static bool has_gap(cgap_level level)
{
  return level >= CGAP_LEVEL_LOW;
}

/* Simpson's paradox: the whole has a gap and the groups have none, or the reverse, and sampling does not explain it. */
static cgap_paradox paradox_of(const groups_run *r)
{
  const cgap_scalar *whole = &r->audit->gap.corrected_distance, *within = &r->out->within;
  const cgap_level all = cgap_gap_level(whole), groups = cgap_gap_level(within);
  if (r->count < 2)
    return CGAP_PARADOX_NONE;
  const bool differs = has_gap(all) != has_gap(groups) || cgap_level_is_gap(all) != cgap_level_is_gap(groups);
  if (differs && within->hi < whole->lo)
    return CGAP_PARADOX_WHOLE;
  if (differs && whole->hi < within->lo)
    return CGAP_PARADOX_GROUPS;
  return has_gap(all) && r->out->without_gap == r->count ? CGAP_PARADOX_HIDDEN : CGAP_PARADOX_NONE;
}

static int by_distance(const void *a, const void *b)
{
  const cgap_image_group *x = a, *y = b;
  const double v = x->corrected_distance.value, w = y->corrected_distance.value;
  return v != w ? (v < w) - (v > w) : strcmp(x->name, y->name);
}

static void sum_up(groups_run *r)
{
  cgap_squared_gap mean = {0};
  for (size_t k = 0; k < r->count; k++)
    mean.images += r->segment[k].images;
  for (size_t k = 0; k < r->count; k++) {
    const double weight = (double)r->segment[k].images / (double)mean.images;
    mean.square += weight * r->gap[k].square;
    mean.variance += weight * weight * r->gap[k].variance;
    r->out->marked += r->out->group[k].marked;
    r->out->without_gap += cgap_gap_level(&r->out->group[k].corrected_distance) <= CGAP_LEVEL_NOISE;
  }
  r->out->within = r->count ? cgap_squared_gap_distance(&mean) : cgap_scalar_null("no group is large enough", 0);
  r->out->paradox = paradox_of(r);
  qsort(r->out->group, r->count, sizeof *r->out->group, by_distance);
}

static cgap_status run_groups(groups_run *r, const cgap_grouping *g, cgap_error *error)
{
  cgap_status status = choose_rows(r, g, error);
  if (status == CGAP_OK)
    status = choose_memory(r, error);
  if (status == CGAP_OK)
    status = keep_rows(&r->image, &r->data->image, r, error);
  if (status == CGAP_OK)
    status = keep_rows(&r->text, &r->data->text, r, error);
  r->out->group = status == CGAP_OK ? cgap_zalloc(r->count, sizeof *r->out->group) : NULL;
  r->gap = cgap_zalloc(r->count, sizeof *r->gap);
  r->left_out = cgap_zalloc(r->count, sizeof *r->left_out);
  r->p = cgap_alloc(2 * r->count, sizeof *r->p);
  r->difference = cgap_alloc(r->count, sizeof *r->difference);
  if (status == CGAP_OK && (!r->out->group || !r->gap || !r->left_out || !r->p || !r->difference))
    status = out_of_memory(r, error);
  for (size_t k = 0; status == CGAP_OK && k < r->count; k++) {
    r->share = (double)r->segment[k].images / (double)r->audit->images;
    status = measure_segment(r, k, g, error);
    r->done += r->share;
  }
  r->share = 0;
  if (status == CGAP_OK && r->count)
    status = test_groups(r, error);
  r->out->count = status == CGAP_OK ? r->count : 0;
  if (status == CGAP_OK)
    sum_up(r);
  return status;
}

static void run_clear(groups_run *r)
{
  kept_rows_clear(&r->image);
  kept_rows_clear(&r->text);
  cgap_free(r->image_at);
  cgap_free(r->text_at);
  cgap_free(r->image_row);
  cgap_free(r->text_row);
  cgap_free(r->texts_of);
  cgap_free(r->text_image);
  cgap_free(r->segment);
  cgap_gap_sums_clear(&r->pool);
  cgap_gap_sums_clear(&r->own);
  cgap_gap_sums_clear(&r->rest);
  cgap_free(r->gap);
  cgap_free(r->left_out);
  cgap_free(r->p);
  cgap_free(r->difference);
}

static cgap_status check_call(cgap_data *data, const cgap_image_groups *out, const cgap_grouping *grouping,
                              const cgap_audit *audit, const cgap_data *given, const cgap_audit_options *options,
                              cgap_error *error)
{
  static const char *const CALL = "cgap_image_groups_run";
  cgap_status status = cgap_check_argument(out && audit && audit->image_row, CALL, "audit", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(grouping && grouping->of_image && grouping->name, CALL, "grouping", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(given, CALL, "data", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(options, CALL, "options", error);
  if (status == CGAP_OK)
    status = cgap_check_data(data, given, error);
  if (status == CGAP_OK && (!(audit->has & CGAP_HAS_PAIRS) || !audit->image_of))
    status = cgap_fail(error, CGAP_DATA,
                       "%s: groups need images paired with texts of the same width, which follow their image",
                       data->image.name);
  if (status == CGAP_OK && grouping->images != data->image.rows)
    status = cgap_fail(error, CGAP_DATA, "%s: groups of %zu images, %s has %zu rows; give one group per image",
                       grouping->by, grouping->images, data->image.name, data->image.rows);
  for (size_t i = 0; status == CGAP_OK && i < grouping->images; i++)
    if (grouping->of_image[i] >= grouping->groups)
      status = cgap_fail(error, CGAP_DATA, "%s: image %zu is in group %zu, and there are %zu (from 0)", grouping->by, i,
                         grouping->of_image[i], grouping->groups);
  return status;
}

cgap_status cgap_image_groups_run(cgap_image_groups *out, const cgap_grouping *grouping, const cgap_audit *audit,
                                  const cgap_data *given, const cgap_audit_options *options, cgap_error *error)
{
  cgap_data data;
  cgap_status status = check_call(&data, out, grouping, audit, given, options, error);
  if (out)
    *out = (cgap_image_groups){0};
  if (status != CGAP_OK)
    return status;
  out->by = grouping->by ? grouping->by : "groups";
  groups_run r = {.audit = audit, .data = &data, .options = options, .out = out};
  const int blas_threads = cgap_blas_single(); /* the same bits for any number of threads */
  status = run_groups(&r, grouping, error);
  cgap_blas_restore(blas_threads);
  run_clear(&r);
  if (status != CGAP_OK)
    cgap_image_groups_clear(out);
  return status;
}

void cgap_image_groups_clear(cgap_image_groups *groups)
{
  if (!groups)
    return;
  cgap_free(groups->group);
  *groups = (cgap_image_groups){0};
}
