/* More than two modalities: an audit of every pair, each as if it were alone, and the pool of all rows. The ten nearest
 * rows in the pool are among the ten nearest within the modality and the ten nearest of each other modality, which the
 * pairs' audits have found and decided in double, so that the pool needs no pass over the rows. */
#include "head/evaluation/many_plane.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "analysis/interval.h"
#include "analysis/neighbours.h"
#include "audit/plan.h"
#include "base/memory.h"
#include "base/modality_names.h"
#include "base/source.h"
#include "base/threads.h"
#include "rows/row_pass.h"
#include "rows/row_reader.h"
#include "simd/convert.h"

typedef struct many_run {
  const cgap_many_data *data;
  cgap_audit_options options;
  cgap_many *out;
  cgap_source source[CGAP_MODALITIES_MAX];  /* of the rows measured */
  unsigned char *copy[CGAP_MODALITIES_MAX]; /* of the rows given, as they are; NULL: they stay where they are */
  bool *bad[CGAP_MODALITIES_MAX];           /* (rows given); one for all where they are paired */
  cgap_modality_checks checks[CGAP_MODALITIES_MAX];
  cgap_picked_rows *picked[CGAP_MODALITIES_MAX];
  size_t *kept[CGAP_MODALITIES_MAX];         /* (rows measured) of the rows given; NULL: all */
  cgap_neighbours pool[CGAP_MODALITIES_MAX]; /* the ten nearest in the pool, whose rows count on from modality to
                                                modality */
  size_t first[CGAP_MODALITIES_MAX + 1];     /* row of the pool */
  bool has_lists;
  size_t pair; /* that is audited */
  char phase[200];
} many_run;

/* ---------------------------------------------------------------- what is given */

/* Rows of different widths have no cosines, and there is no pool and no plane of all. */
static bool is_one_space(const cgap_many_data *d)
{
  for (size_t m = 1; m < d->count; m++)
    if (d->source[m].dim != d->source[0].dim)
      return false;
  return true;
}

static cgap_status check_rows(const cgap_many_data *d, cgap_error *error)
{
  char words[600] = "";
  bool differ = false;
  size_t used = 0;
  for (size_t m = 0; m < d->count; m++) {
    differ = differ || d->source[m].rows != d->source[0].rows;
    used += (size_t)snprintf(words + used, sizeof words - used, "%s%s %zu rows", m ? ", " : "", d->name[m],
                             d->source[m].rows);
    used = cgap_lesser(used, sizeof words - 1);
  }
  return d->unpaired || !differ
           ? CGAP_OK
           : cgap_fail(error, CGAP_DATA,
                       "%s: rows paired by position must be equally many; give ids with each, or `unpaired`", words);
}

static cgap_status check_given(many_run *r, const cgap_many_data *d, const cgap_audit_options *o, cgap_error *error)
{
  static const char *const CALL = "cgap_many_run";
  cgap_status status = cgap_check_argument(d, CALL, "data", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(o, CALL, "options", error);
  if (status != CGAP_OK)
    return status;
  if (d->count < CGAP_MANY_LEAST || d->count > CGAP_MODALITIES_MAX)
    return cgap_fail(error, CGAP_USAGE, "%zu modalities: give %d to %d", d->count, CGAP_MANY_LEAST,
                     CGAP_MODALITIES_MAX);
  if (o->comm || o->contributions || o->brief || o->csls)
    return cgap_fail(error, CGAP_USAGE, "an audit of %zu modalities has no ranks, contributions, brief and csls",
                     d->count);
  for (size_t m = 0; status == CGAP_OK && m < d->count; m++) {
    status = cgap_check_argument(d->name[m], CALL, "a name", error);
    if (status == CGAP_OK)
      status = cgap_check_name(d->name[m], error);
    for (size_t k = 0; status == CGAP_OK && k < m; k++)
      if (strcmp(d->name[k], d->name[m]) == 0)
        status = cgap_fail(error, CGAP_USAGE, "two modalities are named %s; give each a name of its own", d->name[m]);
    if (status == CGAP_OK)
      status = cgap_check_source(&r->source[m], &d->source[m], d->name[m], error);
  }
  if (status == CGAP_OK)
    status = cgap_check_threads(o->threads, error);
  return status == CGAP_OK ? check_rows(d, error) : status;
}

/* ---------------------------------------------------------------- rows */

/* What the audit of the first pair needs at least; 0: more than the limit, which it will say itself. */
static uint64_t smallest_audit(const many_run *r, uint64_t limit)
{
  const cgap_plan_options options = {
    .threads = r->options.threads, .memory_bytes = limit, .bfloat = r->options.precision == CGAP_PRECISION_BF16};
  cgap_plan plan;
  cgap_error ignored;
  return cgap_plan_make(&plan, &r->source[0], &r->source[1], &options, &ignored) == CGAP_OK ? plan.smallest_bytes : 0;
}

/* The limit is divided: the copies and the pool's lists, then what each pair's audit may take. */
static cgap_status divide_memory(many_run *r, cgap_error *error)
{
  const uint64_t limit = r->options.memory_bytes ? r->options.memory_bytes : cgap_free_memory() / 2;
  uint64_t copies = 0, lists = 0;
  for (size_t m = 0; m < r->data->count; m++) {
    const cgap_source *s = &r->source[m];
    copies += (uint64_t)s->rows * cgap_row_bytes(s);
    lists += (uint64_t)s->rows * CGAP_NEIGHBOURS * sizeof(cgap_neighbour);
  }
  const uint64_t audit = smallest_audit(r, limit);
  r->out->in_memory = copies <= limit / 2 && audit + lists + copies <= limit;
  for (size_t m = 0; r->out->in_memory && m < r->data->count; m++) {
    const cgap_source *s = &r->source[m];
    r->copy[m] = cgap_alloc(s->rows, cgap_row_bytes(s));
    if (!r->copy[m])
      return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows of %zu", s->name, s->rows, s->dim);
  }
  const uint64_t taken = lists + (r->out->in_memory ? copies : 0);
  if (audit && audit + taken > limit)
    return cgap_fail(error, CGAP_RESOURCE,
                     "%zu modalities of %zu rows need %.0fM at least, --memory allows %.0fM; give --memory %.0fM",
                     r->data->count, r->source[0].rows, ceil((double)(audit + taken) / 1048576),
                     floor((double)limit / 1048576), ceil((double)(audit + taken) / 1048576));
  r->options.memory_bytes = taken < limit ? limit - taken : 1; /* then the first audit says what it needs */
  return CGAP_OK;
}

static void note_rows(many_run *r, size_t m, size_t first, size_t count, const unsigned char *raw, double *row)
{
  const cgap_source *s = &r->source[m];
  for (size_t i = 0; i < count; i++) {
    cgap_to_double(s->type, raw + i * cgap_row_bytes(s), s->dim, row);
    const double norm = cgap_norm(row, s->dim);
    if (norm > 0)
      continue;
    cgap_check_note(norm == 0 ? &r->checks[m].zero : &r->checks[m].not_finite, first + i);
    r->bad[m][first + i] = true;
  }
}

/* Reads all rows of a modality once, into its copy where it has one, and notes the bad ones. */
static cgap_status read_modality(many_run *r, size_t m, cgap_error *error)
{
  enum { BLOCK_BYTES = 4 << 20 };
  const cgap_source *s = &r->source[m];
  const cgap_progress *p = &r->options.progress;
  const size_t row_bytes = cgap_row_bytes(s), block = cgap_greater(1, BLOCK_BYTES / row_bytes);
  unsigned char *raw = r->copy[m] ? NULL : cgap_alloc(block, row_bytes);
  double *row = cgap_alloc(s->dim, sizeof *row);
  cgap_status status = row && (raw || r->copy[m])
                         ? CGAP_OK
                         : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for a block of rows", s->name);
  for (size_t first = 0, count; status == CGAP_OK && first < s->rows; first += count) {
    count = cgap_lesser(block, s->rows - first);
    unsigned char *to = r->copy[m] ? r->copy[m] + first * row_bytes : raw;
    status = s->read(s, first, count, to, error);
    if (status == CGAP_OK)
      note_rows(r, m, first, count, to, row);
    const double done = ((double)m + (double)(first + count) / (double)s->rows) / (double)r->data->count;
    if (status == CGAP_OK && p->tick && p->tick(p->context, "reading", done))
      status = cgap_fail(error, CGAP_INTERRUPTED, "interrupted while reading %s; nothing was written", s->name);
  }
  if (r->copy[m])
    r->source[m] = cgap_source_view(r->copy[m], s->rows, s->dim, s->type, s->name);
  cgap_free(raw);
  cgap_free(row);
  return status;
}

static cgap_status refuse_bad(const many_run *r, cgap_error *error)
{
  char what[1200] = "";
  bool any = false;
  for (size_t m = 0; m < r->data->count; m++)
    any = cgap_describe_bad(&r->source[m], &r->checks[m], what, sizeof what) || any;
  return any ? cgap_fail(error, CGAP_DATA, "%s; give --drop-bad to leave them out", what) : CGAP_OK;
}

/* The modality becomes its good rows. */
static cgap_status pick_good(many_run *r, size_t m, cgap_error *error)
{
  cgap_many_modality *to = &r->out->modality[m];
  const cgap_source from = r->source[m];
  for (size_t i = 0; i < from.rows; i++)
    to->dropped += r->bad[m][i];
  to->rows = from.rows - to->dropped;
  if (to->dropped == 0)
    return CGAP_OK;
  if (to->rows == 0)
    return cgap_fail(error, CGAP_DATA, "%s: no row is left, each is bad in some modality", from.name);
  r->kept[m] = cgap_alloc(to->rows, sizeof *r->kept[m]);
  for (size_t i = 0, k = 0; r->kept[m] && i < from.rows; i++)
    if (!r->bad[m][i])
      r->kept[m][k++] = i;
  if (r->kept[m])
    r->picked[m] = cgap_picked_rows_open(&r->source[m], &from, r->kept[m], to->rows);
  return r->picked[m] ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for its rows", from.name);
}

/* The rows of the file, where they are not simply all of them. */
static cgap_status name_rows(many_run *r, size_t m, cgap_error *error)
{
  cgap_many_modality *to = &r->out->modality[m];
  const size_t *given = r->data->row[m], *kept = r->kept[m];
  if (!given && !kept)
    return CGAP_OK;
  to->row = cgap_alloc(to->rows, sizeof *to->row);
  if (!to->row)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows", r->source[m].name, to->rows);
  for (size_t i = 0; i < to->rows; i++) {
    const size_t at = kept ? kept[i] : i;
    to->row[i] = given ? given[at] : at;
  }
  return CGAP_OK;
}

static cgap_status open_rows(many_run *r, cgap_error *error)
{
  const cgap_many_data *d = r->data;
  cgap_status status = divide_memory(r, error);
  for (size_t m = 0; status == CGAP_OK && m < d->count; m++) {
    r->bad[m] = m && !d->unpaired ? r->bad[0] : cgap_zalloc(r->source[m].rows, sizeof *r->bad[m]);
    status = r->bad[m] ? read_modality(r, m, error)
                       : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for its rows", r->source[m].name);
  }
  if (status == CGAP_OK && !d->drop_bad)
    status = refuse_bad(r, error);
  for (size_t m = 0; status == CGAP_OK && m < d->count; m++) {
    cgap_many_modality *to = &r->out->modality[m];
    (void)snprintf(to->name, sizeof to->name, "%s", d->name[m]);
    to->dim = r->source[m].dim;
    status = pick_good(r, m, error);
    if (status == CGAP_OK)
      status = name_rows(r, m, error);
    r->first[m + 1] = r->first[m] + to->rows;
  }
  return status;
}

/* ---------------------------------------------------------------- the pool */

static cgap_status pool_init(many_run *r, cgap_error *error)
{
  for (size_t m = 0; m < r->data->count; m++)
    if (!cgap_neighbours_init(&r->pool[m], r->out->modality[m].rows))
      return cgap_fail(error, CGAP_RESOURCE, "out of memory for the neighbours of %zu rows", r->out->modality[m].rows);
  r->has_lists = true;
  return CGAP_OK;
}

/* Candidates whose first row is row `first` of the pool. */
static void pool_offer(cgap_neighbours *pool, const cgap_neighbours *lists, size_t first)
{
  for (size_t row = 0; row < lists->rows; row++)
    for (size_t k = 0; k < CGAP_NEIGHBOURS; k++) {
      const cgap_neighbour *n = &lists->list[row * CGAP_NEIGHBOURS + k];
      if (n->row == UINT32_MAX)
        break;
      cgap_neighbours_offer(pool, row, n->cosine, (uint32_t)(first + n->row));
    }
}

/* The lists of a pair; those within a modality come with its first pair. */
static cgap_status pool_add(many_run *r, cgap_audit *audit, size_t a, size_t b, cgap_error *error)
{
  cgap_neighbour_lists *lists = audit->neighbours;
  cgap_status status = lists && is_one_space(r->data) && !r->has_lists && r->first[r->data->count] < UINT32_MAX
                         ? pool_init(r, error)
                         : CGAP_OK;
  if (status == CGAP_OK && lists && r->has_lists) {
    pool_offer(&r->pool[a], &lists->image_text, r->first[b]);
    pool_offer(&r->pool[b], &lists->text_image, r->first[a]);
    if (a == 0)
      pool_offer(&r->pool[b], &lists->text_text, r->first[b]);
    if (a == 0 && b == 1)
      pool_offer(&r->pool[a], &lists->image_image, r->first[a]);
  }
  cgap_neighbour_lists_free(lists);
  audit->neighbours = NULL;
  return status;
}

static double same_modality_fraction(const cgap_neighbours *pool, size_t first, size_t nearest)
{
  double total = 0;
  for (size_t row = 0; row < pool->rows; row++) {
    const cgap_neighbour *list = pool->list + row * CGAP_NEIGHBOURS;
    size_t own = 0;
    for (size_t k = 0; k < nearest; k++)
      own += list[k].row >= first && list[k].row < first + pool->rows;
    total += (double)own / (double)nearest;
  }
  return total / (double)pool->rows;
}

static void pool_finish(many_run *r)
{
  cgap_many *out = r->out;
  const size_t rows = r->first[out->count], nearest = cgap_lesser(rows - 1, CGAP_NEIGHBOURS);
  const char *why = is_one_space(r->data) ? "a sample does not show the nearest rows of all"
                                          : "the modalities differ in width: their rows are in no common space";
  double total = 0, chance = 0;
  for (size_t m = 0; m < out->count; m++) {
    const double n = (double)out->modality[m].rows;
    const double share = r->has_lists ? same_modality_fraction(&r->pool[m], r->first[m], nearest) : 0;
    out->modality[m].same_modality_share =
      r->has_lists ? cgap_scalar_number(share, out->modality[m].rows) : cgap_scalar_null(why, out->modality[m].rows);
    total += n * share;
    chance += n * (n - 1);
  }
  out->same_modality_share =
    r->has_lists ? cgap_scalar_number(total / (double)rows, rows) : cgap_scalar_null(why, rows);
  out->unbiased = cgap_scalar_number(chance / ((double)rows * ((double)rows - 1)), rows);
}

/* ---------------------------------------------------------------- the pairs */

/* The row of the file; map NULL: the same. */
static void count_in_file(size_t *row, size_t rows, const size_t *map)
{
  for (size_t i = 0; map && i < rows; i++)
    row[i] = map[row[i]];
}

static void checks_in_file(cgap_modality_checks *c, const size_t *map)
{
  cgap_check *const checks[] = {&c->not_finite, &c->zero, &c->off_unit, &c->duplicates, &c->near_duplicates};
  for (size_t k = 0; k < sizeof checks / sizeof *checks; k++)
    count_in_file(checks[k]->examples, checks[k]->example_count, map);
}

static void hubs_in_file(cgap_hubness *h, const size_t *map)
{
  for (size_t k = 0; k < h->hub_count; k++)
    count_in_file(&h->hubs[k].row, 1, map);
}

/* Every row that a report names. */
static void audit_in_file(cgap_audit *a, const size_t *image, const size_t *text)
{
  count_in_file(a->image_row, a->images, image);
  count_in_file(a->text_row, a->texts, text);
  checks_in_file(&a->checks_image, image);
  checks_in_file(&a->checks_text, text);
  hubs_in_file(&a->hubs_text_to_image, image);
  hubs_in_file(&a->hubs_image_to_text, text);
  for (size_t k = 0; k < a->worst_count; k++) {
    count_in_file(&a->worst[k].image, 1, image);
    count_in_file(&a->worst[k].text, 1, text);
  }
  for (size_t k = 0; k < a->pairing_check.block_count; k++) {
    count_in_file(&a->pairing_check.blocks[k].first, 1, text);
    count_in_file(&a->pairing_check.blocks[k].last, 1, text);
  }
  for (size_t k = 0; k < a->scatter_images; k++)
    count_in_file(&a->scatter_image[k].row, 1, image);
  for (size_t k = 0; k < a->scatter_texts; k++)
    count_in_file(&a->scatter_text[k].row, 1, text);
}

static bool tick_pair(void *context, const char *phase, double fraction)
{
  many_run *r = context;
  const cgap_progress *outer = &r->options.progress;
  (void)snprintf(r->phase, sizeof r->phase, "pair %zu of %zu, %s", r->pair + 1, r->out->pairs, phase);
  return outer->tick && outer->tick(outer->context, r->phase, fraction);
}

static cgap_status run_pair(many_run *r, size_t a, size_t b, cgap_error *error)
{
  const cgap_many_data *d = r->data;
  const cgap_data data = {.image = r->source[a],
                          .text = r->source[b],
                          .pairing = d->unpaired ? CGAP_UNPAIRED : CGAP_BY_ROW,
                          .drift =
                            d->unpaired && !cgap_is_modality_name(d->name[a]) && !cgap_is_modality_name(d->name[b]),
                          .names = {d->name[a], d->name[b]}};
  cgap_audit_options options = r->options;
  options.progress = (cgap_progress){.tick = tick_pair, .context = r};
  options.neighbours = true;
  r->pair = cgap_many_pair(d->count, a, b);
  cgap_audit *audit = &r->out->pair[r->pair];
  cgap_status status = cgap_audit_run(audit, &data, &options, error);
  if (status == CGAP_OK)
    status = pool_add(r, audit, a, b, error);
  if (status != CGAP_OK)
    return status;
  status = cgap_advice_run(audit, &data, d->input[r->pair], &options, error);
  audit_in_file(audit, r->out->modality[a].row, r->out->modality[b].row);
  return status == CGAP_INTERRUPTED ? status : CGAP_OK; /* an audit is one without advice too */
}

size_t cgap_many_pair(size_t count, size_t a, size_t b)
{
  return a * count - a * (a + 1) / 2 + b - a - 1;
}

const cgap_scalar *cgap_many_value(const cgap_many *many, cgap_many_measure measure, size_t a, size_t b)
{
  if (a == b || a >= many->count || b >= many->count)
    return NULL;
  const cgap_audit *p = &many->pair[a < b ? cgap_many_pair(many->count, a, b) : cgap_many_pair(many->count, b, a)];
  const bool paired = p->has & CGAP_HAS_PAIRS, agrees = p->has & CGAP_HAS_AGREEMENT;
  if (!(p->has & CGAP_ONE_SPACE) && measure != CGAP_MANY_MUTUAL_KNN && measure != CGAP_MANY_CKA)
    return NULL;
  switch (measure) {
  case CGAP_MANY_CORRECTED_DISTANCE:
    return &p->gap.corrected_distance;
  case CGAP_MANY_NOISE_FLOOR:
    return &p->gap.noise_floor;
  case CGAP_MANY_LINEAR_SEPARABILITY:
    return &p->gap.linear_separability;
  case CGAP_MANY_MMD2:
    return &p->gap.mmd2;
  case CGAP_MANY_RECALL_AT_1:
    return !paired ? NULL : a < b ? &p->image_to_text.recall_at_1 : &p->text_to_image.recall_at_1;
  case CGAP_MANY_MIXED_NDCG_AT_10:
    return !paired ? NULL : a < b ? &p->mixed_image_query.ndcg_at_10 : &p->mixed_text_query.ndcg_at_10;
  case CGAP_MANY_MUTUAL_KNN:
    return agrees ? &p->agreement.mutual_knn : NULL;
  case CGAP_MANY_CKA:
    return agrees ? &p->agreement.cka : NULL;
  case CGAP_MANY_MEASURES:
    break;
  }
  return NULL;
}

/* ---------------------------------------------------------------- the whole */

static void run_clear(many_run *r)
{
  for (size_t m = 0; m < CGAP_MODALITIES_MAX; m++) {
    cgap_picked_rows_close(r->picked[m]);
    cgap_free(r->copy[m]);
    cgap_free(r->kept[m]);
    cgap_neighbours_clear(&r->pool[m]);
    if (m == 0 || r->bad[m] != r->bad[0])
      cgap_free(r->bad[m]);
  }
}

cgap_status cgap_many_run(cgap_many *out, const cgap_many_data *data, const cgap_audit_options *options,
                          cgap_error *error)
{
  cgap_status status = cgap_check_argument(out, "cgap_many_run", "out", error);
  if (status != CGAP_OK)
    return status;
  *out = (cgap_many){0};
  many_run r = {.data = data, .out = out};
  status = check_given(&r, data, options, error);
  if (status == CGAP_OK) {
    r.options = *options;
    out->count = data->count;
    out->pair = cgap_zalloc(data->count * (data->count - 1) / 2, sizeof *out->pair);
    if (!out->pair)
      status = cgap_fail(error, CGAP_RESOURCE, "out of memory for the audits of %zu modalities", data->count);
    else
      out->pairs = data->count * (data->count - 1) / 2;
  }
  const int blas_threads = cgap_blas_single();
  if (status == CGAP_OK)
    status = open_rows(&r, error);
  if (status == CGAP_OK && is_one_space(data))
    status = cgap_many_plane_run(out, r.source, options->threads > 0 ? options->threads : omp_get_max_threads(),
                                 options->progress, error);
  cgap_blas_restore(blas_threads);
  for (size_t a = 0; status == CGAP_OK && a < data->count; a++)
    for (size_t b = a + 1; status == CGAP_OK && b < data->count; b++)
      status = run_pair(&r, a, b, error);
  if (status == CGAP_OK)
    pool_finish(&r);
  run_clear(&r);
  if (status != CGAP_OK)
    cgap_many_clear(out);
  return status;
}

void cgap_many_clear(cgap_many *many)
{
  if (!many)
    return;
  for (size_t m = 0; m < many->count; m++) {
    cgap_free(many->modality[m].row);
    cgap_free(many->modality[m].plane);
  }
  for (size_t p = 0; p < many->pairs; p++)
    cgap_audit_clear(&many->pair[p]);
  cgap_free(many->pair);
  *many = (cgap_many){0};
}
