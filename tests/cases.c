#include "cases.h"
#include "audit/plan.h"
#include "compare.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *own(test_case *c, void *block)
{
  if (c->block_count == sizeof c->blocks / sizeof *c->blocks)
    abort();
  return c->blocks[c->block_count++] = block;
}

/* ---------------------------------------------------------------- rows */

static void lattice(support_random *r, double *x, size_t rows, size_t d)
{
  for (size_t i = 0; i < rows; i++) {
    double any = 0;
    for (size_t k = 0; k < d; k++)
      any += fabs(x[i * d + k] = (double)support_below(r, 3) - 1);
    if (any == 0)
      x[i * d + support_below(r, d)] = 1;
  }
}

static void repeat_rows(support_random *r, double *x, size_t rows, size_t d, double noise)
{
  for (size_t i = 0; i < rows / 10 + 1; i++) {
    size_t from = support_below(r, rows), to = support_below(r, rows);
    for (size_t k = 0; k < d && from != to; k++)
      x[to * d + k] = x[from * d + k] * (1 + noise * support_normal(r));
  }
}

static void finish_rows(support_random *r, double *x, size_t rows, size_t d, const case_spec *spec)
{
  if (spec->flags & CASE_LATTICE)
    lattice(r, x, rows, d);
  else
    support_normalise(x, rows, d);
  for (size_t i = 0; i < rows && spec->flags & CASE_UNNORMALISED; i++) {
    double norm = spec->flags & CASE_LATTICE ? (double)(1u << support_below(r, 4)) : 5 + 7 * support_uniform(r);
    for (size_t k = 0; k < d; k++)
      x[i * d + k] *= norm;
  }
  for (size_t i = 0; i < rows && spec->flags & CASE_CONSTANT; i++)
    x[i * d] = x[i * d + d / 2] = 0.25;
  if (spec->flags & CASE_DUPLICATES)
    repeat_rows(r, x, rows, d, 0);
  if (spec->flags & CASE_NEAR_TIES)
    repeat_rows(r, x, rows, d, 1e-8);
}

/* x_i = z_i + offset e + noise, y_j = z_o(j) − offset e + noise */
static void fill_rows(support_random *r, const case_spec *spec, double *x, size_t n, double *y, size_t m,
                      const size_t *owner)
{
  size_t d = spec->d;
  double *z = support_alloc(n * d, sizeof *z), *e = support_alloc(d, sizeof *e), noise = 0.6;
  support_normals(r, z, n * d);
  support_normals(r, e, d);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < d; k++)
      x[i * d + k] = z[i * d + k] + spec->offset * e[k] + noise * support_normal(r);
  for (size_t j = 0; j < m; j++) {
    size_t image = spec->flags & CASE_SHIFTED ? (owner[j] + 2) % n : owner[j];
    double bond = spec->flags & CASE_STRANGERS ? 0 : 1;
    for (size_t k = 0; k < d; k++)
      y[j * d + k] = bond * z[image * d + k] - spec->offset * e[k] + noise * support_normal(r);
  }
  finish_rows(r, x, n, d, spec);
  finish_rows(r, y, m, d, spec);
  free(z);
  free(e);
}

/* owner (m): which image each text belongs to; *m is set for all shapes but CASE_UNPAIRED */
static size_t *owners(test_case *c, support_random *r, const case_spec *spec, size_t *m)
{
  size_t *owner = own(c, support_alloc(spec->n * 5 + spec->m + 3, sizeof *owner)), count = 0;
  for (size_t i = 0; spec->shape == CASE_BY_ROW && i < spec->n; i++)
    owner[count++] = i;
  for (size_t i = 0; spec->shape == CASE_RAGGED && i < spec->n; i++)
    for (size_t k = support_below(r, i % 7 ? 6 : 14); k > 0; k--)
      owner[count++] = i;
  while (spec->shape == CASE_RAGGED && count < 3)
    owner[count++] = support_below(r, spec->n);
  for (size_t j = 0; spec->shape == CASE_UNPAIRED && j < spec->m; j++)
    owner[count++] = support_below(r, spec->n); /* what the rows come from, not a pairing */
  if (spec->shape == CASE_RAGGED)
    support_shuffle(r, owner, count);
  *m = count;
  return owner;
}

/* ---------------------------------------------------------------- bad rows */

/* Spoils some rows; keep (rows) says which stay. */
static bool *spoil(test_case *c, support_random *r, double *x, size_t rows, size_t d, bool any)
{
  bool *keep = own(c, support_alloc(rows, sizeof *keep));
  memset(keep, 1, rows * sizeof *keep);
  for (size_t b = 0; any && b < rows / 12 + 1; b++) {
    size_t i = support_below(r, rows);
    keep[i] = false;
    if (b % 3 == 2)
      memset(x + i * d, 0, d * sizeof *x);
    else
      x[i * d + support_below(r, d)] = b % 3 ? NAN : -INFINITY;
  }
  return keep;
}

/* The kept rows of x, and which rows of the file they are. */
static double *copy_report_rows(test_case *c, const double *x, const bool *keep, size_t rows, size_t d,
                                size_t **file_row, size_t *count)
{
  double *out = own(c, support_alloc(rows * d, sizeof *out));
  *file_row = own(c, support_alloc(rows, sizeof **file_row));
  *count = 0;
  for (size_t i = 0; i < rows; i++) {
    if (keep[i]) {
      memcpy(out + *count * d, x + i * d, d * sizeof *x);
      (*file_row)[(*count)++] = i;
    }
  }
  return out;
}

/* ---------------------------------------------------------------- classes and arithmetic */

/* Stores x as the case's type; *exact gets what was stored, in double. */
static void *stored(test_case *c, const double *x, size_t count, cgap_type type, double **exact)
{
  void *out = own(c, support_encode(x, count, type));
  *exact = own(c, support_decode(out, count, type));
  return out;
}

static void add_classes(test_case *c, support_random *r, const case_spec *spec, const double *x, size_t n)
{
  size_t classes = 7, prompts = spec->flags & CASE_PROMPTS ? 3 : 1, d = spec->d;
  double *text = own(c, support_alloc(classes * prompts * d, sizeof *text)), *exact;
  int64_t *labels = own(c, support_alloc(n, sizeof *labels));
  support_normals(r, text, classes * prompts * d);
  for (size_t i = 0; i < n; i++) /* class 6 stays without images */
    labels[i] = (int64_t)support_below(r, 6);
  for (size_t p = 0; p < classes * prompts; p++) /* lean towards an image of the class */
    for (size_t i = 0; i < n; i++)
      if (labels[i] == (int64_t)(p / prompts)) {
        double norm = sqrt((double)d);
        for (size_t k = 0; k < d; k++)
          text[p * d + k] += isfinite(x[i * d + k]) ? norm * x[i * d + k] : 0;
        break;
      }
  void *matrix = stored(c, text, classes * prompts * d, spec->type, &exact);
  c->data.labels = labels;
  c->data.class_text = cgap_source_view(matrix, classes * prompts, d, spec->type, "case:/class_text");
  c->data.prompts = prompts;
  c->naive.class_text = exact;
  c->naive.classes = classes;
  c->naive.prompts = prompts;
  int64_t *kept = own(c, support_alloc(n, sizeof *kept));
  for (size_t i = 0; i < c->naive.images; i++)
    kept[i] = labels[c->naive.image_row[i]];
  c->naive.labels = kept;
}

static void add_arithmetic(test_case *c, support_random *r, const case_spec *spec, size_t n)
{
  size_t words = 9, queries = 40, d = spec->d;
  double *word = own(c, support_alloc(words * d, sizeof *word)), *exact;
  int64_t *label = own(c, support_alloc(n, sizeof *label)), *query = own(c, support_alloc(queries * 4, sizeof *query));
  double *weight = own(c, support_alloc(queries, sizeof *weight));
  support_normals(r, word, words * d);
  for (size_t i = 0; i < n; i++)
    label[i] = (int64_t)support_below(r, 4);
  for (size_t q = 0; q < queries; q++) {
    size_t bound[] = {n, words, words, 4};
    for (size_t k = 0; k < 4; k++)
      query[q * 4 + k] = (int64_t)support_below(r, bound[k]);
    weight[q] = 0.5 + support_uniform(r);
  }
  void *matrix = stored(c, word, words * d, spec->type, &exact);
  bool weighted = spec->flags & CASE_PROMPTS;
  c->data.words = cgap_source_view(matrix, words, d, spec->type, "case:/arithmetic/words");
  c->data.image_label = c->naive.image_label = label;
  c->data.query = c->naive.query = query;
  c->data.query_weight = c->naive.query_weight = weighted ? weight : NULL;
  c->data.queries = c->naive.queries = queries;
  c->naive.words = exact;
  c->naive.word_count = words;
}

/* ---------------------------------------------------------------- the case */

/* The pairing for both programs: text_image in rows of the file, owner in kept images. */
static void add_pairs(test_case *c, const case_spec *spec, const size_t *owner, size_t n, size_t m,
                      const bool *keep_image)
{
  if (spec->shape == CASE_UNPAIRED) {
    c->data.pairing = CGAP_UNPAIRED;
    return;
  }
  c->data.pairing = spec->shape == CASE_BY_ROW ? CGAP_BY_ROW : CGAP_BY_INDEX;
  uint64_t *index = own(c, support_alloc(m, sizeof *index));
  size_t *kept = own(c, support_alloc(n, sizeof *kept)), count = 0;
  size_t *kept_owner = own(c, support_alloc(m, sizeof *kept_owner));
  for (size_t i = 0; i < n; i++)
    kept[i] = keep_image[i] ? count++ : 0;
  for (size_t j = 0; j < m; j++)
    index[j] = owner[j];
  for (size_t j = 0; j < c->naive.texts; j++)
    kept_owner[j] = kept[owner[c->naive.text_row[j]]];
  c->data.text_image = spec->shape == CASE_BY_ROW ? NULL : index;
  c->naive.owner = kept_owner;
}

void case_build(test_case *out, const case_spec *spec, uint64_t seed)
{
  support_random r = support_seed(seed);
  size_t n = spec->n, d = spec->d, m, *rows;
  *out = (test_case){.naive = {.dim = d, .temperature = spec->temperature}};
  size_t *owner = owners(out, &r, spec, &m);
  double *x = own(out, support_alloc(n * d, sizeof *x)), *y = own(out, support_alloc(m * d, sizeof *y)), *ex, *ey;
  fill_rows(&r, spec, x, n, y, m, owner);
  bool *keep_image = spoil(out, &r, x, n, d, spec->flags & CASE_BAD);
  bool *keep_text = spoil(out, &r, y, m, d, spec->flags & CASE_BAD);
  for (size_t j = 0; j < m && spec->shape != CASE_UNPAIRED; j++)
    keep_text[j] &= keep_image[owner[j]]; /* a bad image goes with its texts */
  void *sx = stored(out, x, n * d, spec->type, &ex), *sy = stored(out, y, m * d, spec->type, &ey);
  out->data.image = cgap_source_view(sx, n, d, spec->type, "case:/image");
  out->data.text = cgap_source_view(sy, m, d, spec->type, "case:/text");
  out->data.drop_bad = spec->flags & CASE_BAD;
  out->naive.image = copy_report_rows(out, ex, keep_image, n, d, &rows, &out->naive.images);
  out->naive.image_row = rows;
  out->naive.text = copy_report_rows(out, ey, keep_text, m, d, &rows, &out->naive.texts);
  out->naive.text_row = rows;
  add_pairs(out, spec, owner, n, m, keep_image);
  if (spec->flags & CASE_ZERO_SHOT)
    add_classes(out, &r, spec, x, n);
  if (spec->flags & CASE_ARITHMETIC)
    add_arithmetic(out, &r, spec, n);
}

void case_clear(test_case *out)
{
  for (size_t b = 0; b < out->block_count; b++)
    free(out->blocks[b]);
  *out = (test_case){0};
}

/* Bad rows are counted by their place in the file, which the naive program does not see. */
static void count_bad(cgap_modality_checks *checks, const double *x, size_t rows, size_t d)
{
  for (size_t i = 0; i < rows; i++) {
    double norm = 0;
    bool finite = true;
    for (size_t k = 0; k < d; k++) {
      finite &= isfinite(x[i * d + k]) != 0;
      norm += fabs(x[i * d + k]);
    }
    cgap_check *check = !finite ? &checks->not_finite : norm == 0 ? &checks->zero : NULL;
    if (check && check->count++ < CGAP_EXAMPLES)
      check->examples[check->example_count++] = i;
  }
}

/* Rows of the file, and the pairs between measured rows. */
static size_t map_differences(const char *where, const naive_input *in, const cgap_audit *got)
{
  size_t failed = got->image_row == NULL || got->text_row == NULL || (in->owner != NULL) != (got->image_of != NULL);
  for (size_t i = 0; !failed && i < in->images; i++)
    failed += !support_count(where, "image row", got->image_row[i], in->image_row[i]);
  for (size_t j = 0; !failed && j < in->texts; j++)
    failed += !support_count(where, "text row", got->text_row[j], in->text_row[j]) ||
              (in->owner && !support_count(where, "image of a text", got->image_of[j], in->owner[j]));
  return failed;
}

/* Where a side spans several tiles: the same bits when rows are read again panel by panel. */
static size_t memory_differences(const char *where, const test_case *c, cgap_audit_options options,
                                 const cgap_audit *first)
{
  enum { TILE = 1024 };
  cgap_plan plan;
  cgap_audit again;
  cgap_error error;
  if (c->data.image.rows <= TILE && c->data.text.rows <= TILE)
    return 0;
  options.threads = 3 - options.threads;
  const cgap_plan_options all = {.threads = options.threads, .memory_bytes = UINT64_MAX};
  if (cgap_plan_make(&plan, &c->data.image, &c->data.text, &all, &error) != CGAP_OK)
    return 1;
  options.memory_bytes = plan.smallest_bytes;
  if (cgap_audit_run(&again, &c->data, &options, &error) != CGAP_OK) {
    fprintf(stderr, "%s: refused at %zu bytes: %s\n", where, (size_t)plan.smallest_bytes, error.message);
    return 1;
  }
  size_t failed = compare_bits(where, first, &again);
  cgap_audit_clear(&again);
  return failed;
}

size_t case_differences(const case_spec *spec, uint64_t seed)
{
  char where[200];
  test_case c;
  cgap_audit audit;
  cgap_error error = {0};
  naive_result want;
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  size_t failed;
  snprintf(where, sizeof where, "%s, seed %llu", spec->name, (unsigned long long)seed);
  case_build(&c, spec, seed);
  options.temperature = spec->temperature;
  options.threads = 1 + (int)(seed % 2);
  options.csls = true;
  if (cgap_audit_run(&audit, &c.data, &options, &error) != CGAP_OK) {
    fprintf(stderr, "%s: refused: %s\n", where, error.message);
    failed = 1;
  } else {
    naive_audit(&want, &c.naive);
    want.audit.has |= audit.has & CGAP_HAS_CSLS;
    size_t nd = c.data.image.rows * spec->d, md = c.data.text.rows * spec->d;
    double *x = support_decode(c.data.image.context, nd, spec->type);
    double *y = support_decode(c.data.text.context, md, spec->type);
    count_bad(&want.audit.checks_image, x, c.data.image.rows, spec->d);
    count_bad(&want.audit.checks_text, y, c.data.text.rows, spec->d);
    free(x);
    free(y);
    failed = compare_audits(where, &audit, &want) + memory_differences(where, &c, options, &audit);
    failed += map_differences(where, &c.naive, &audit);
    failed += !support_count(where, "dropped images", audit.dropped_images, c.data.image.rows - c.naive.images);
    failed += !support_count(where, "dropped texts", audit.dropped_texts, c.data.text.rows - c.naive.texts);
    naive_clear(&want);
  }
  cgap_audit_clear(&audit);
  case_clear(&c);
  return failed;
}
