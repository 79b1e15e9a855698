#include "head/evaluation/applied_gap.h"

#include <math.h>
#include <string.h>

#include "analysis/interval.h"
#include "base/memory.h"
#include "base/source.h"
#include "head/training/training_data.h"
#include "rows/row_pass.h"
#include "rows/row_reader.h"

enum {
  IMAGES_MAX = 2000,
  ROWS_MAX = 12000,        /* of both modalities … */
  ELEMENTS_MAX = 16 << 20, /* … and in all their dimensions */
  ROWS_MIN = 3             /* of a modality, to measure anything */
};

/* What the means may have moved without a warning: a fraction of the gap before, and where there is hardly one. */
static const double MOVED_OF_GAP = 0.2, MOVED_MIN = 0.05;

/* ---------------------------------------------------------------- the sample */

/* Unit rows of both modalities. */
typedef struct gap_rows {
  size_t count[CGAP_MODALITIES], dim;
  float *unit[CGAP_MODALITIES]; /* (count, dim) */
  uint64_t *text_image;         /* (texts); NULL: unpaired */
} gap_rows;

/* A modality while the sample is made. */
typedef struct chosen_rows {
  size_t count;
  size_t *place, *row; /* (rows of the file) place in the sample or SIZE_MAX; (count) rows of the file, ascending */
  bool *bad;           /* (count) */
} chosen_rows;

static void gap_rows_clear(gap_rows *s)
{
  for (int m = 0; m < CGAP_MODALITIES; m++)
    cgap_free(s->unit[m]);
  cgap_free(s->text_image);
  *s = (gap_rows){0};
}

static const cgap_source *source_of(const cgap_data *d, int modality)
{
  return modality == CGAP_IMAGE_MODALITY ? &d->image : d->text.rows ? &d->text : &d->class_text;
}

static bool has_pairs(const cgap_data *d)
{
  return d->image.rows && d->text.rows && d->pairing != CGAP_UNPAIRED;
}

/* Images of the sample, so many that their texts, as many as the average image has, fit as well. */
static size_t images_wanted(const cgap_data *d, size_t dim)
{
  const double rows = fmin(ROWS_MAX, (double)ELEMENTS_MAX / (double)dim);
  const double each = has_pairs(d) ? (double)d->text.rows / (double)d->image.rows : 1;
  return (size_t)fmax(ROWS_MIN, fmin(IMAGES_MAX, rows / (1 + each)));
}

static cgap_status out_of_memory(const cgap_source *source, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for a sample of its rows", source->name);
}

/* The texts of the chosen images: the first ROWS_MAX, where the sample happens to have images of very many. */
static cgap_status choose_texts(chosen_rows *text, const chosen_rows *image, const cgap_data *d, cgap_error *error)
{
  bool caption_major;
  cgap_status status = cgap_caption_major(&caption_major, d, error);
  for (size_t j = 0; status == CGAP_OK && j < d->text.rows; j++) {
    const size_t i = cgap_image_of_text(d, caption_major, j);
    text->place[j] =
      i < d->image.rows && image->place[i] != SIZE_MAX && text->count < ROWS_MAX ? text->count++ : SIZE_MAX;
  }
  return status;
}

static cgap_status choose(chosen_rows c[CGAP_MODALITIES], const cgap_data *d, size_t dim, cgap_error *error)
{
  static const uint64_t STREAM = 0x47415053;
  const size_t wanted = images_wanted(d, dim);
  cgap_status status = CGAP_OK;
  for (int m = 0; status == CGAP_OK && m < CGAP_MODALITIES; m++) {
    const cgap_source *source = source_of(d, m);
    c[m].place = cgap_alloc(source->rows, sizeof *c[m].place);
    if (!c[m].place)
      status = out_of_memory(source, error);
    else if (m == CGAP_TEXT_MODALITY && has_pairs(d))
      status = choose_texts(&c[m], &c[CGAP_IMAGE_MODALITY], d, error);
    else
      c[m].count = cgap_choose_rows(c[m].place, source->rows, wanted, STREAM + (uint64_t)m);
  }
  return status;
}

static cgap_status read_chosen(gap_rows *s, chosen_rows *c, const cgap_source *source, int modality, cgap_error *error)
{
  c->row = cgap_alloc(c->count, sizeof *c->row);
  c->bad = cgap_alloc(c->count, sizeof *c->bad);
  s->unit[modality] = cgap_alloc(c->count * source->dim, sizeof *s->unit[modality]);
  if (!c->row || !c->bad || !s->unit[modality])
    return out_of_memory(source, error);
  for (size_t i = 0; i < source->rows; i++)
    if (c->place[i] != SIZE_MAX)
      c->row[c->place[i]] = i;
  return cgap_read_unit_rows(source, c->row, c->count, s->unit[modality], c->bad, error);
}

/* Moves the rows that are kept together; place_of (count) receives their new places, SIZE_MAX: left out. */
static void keep_rows(gap_rows *s, const chosen_rows *c, int modality, size_t *place_of)
{
  float *unit = s->unit[modality];
  for (size_t i = 0; i < c->count; i++) {
    place_of[i] = c->bad[i] ? SIZE_MAX : s->count[modality]++;
    if (!c->bad[i] && place_of[i] < i)
      memmove(unit + place_of[i] * s->dim, unit + i * s->dim, s->dim * sizeof *unit);
  }
}

/* Bad images go with their texts, and each text gets its image in the sample. */
static cgap_status drop_bad_rows(gap_rows *s, chosen_rows c[CGAP_MODALITIES], const cgap_data *d, cgap_error *error)
{
  chosen_rows *image = &c[CGAP_IMAGE_MODALITY], *text = &c[CGAP_TEXT_MODALITY];
  size_t *image_place = cgap_alloc(image->count, sizeof *image_place);
  size_t *text_place = cgap_alloc(text->count, sizeof *text_place);
  bool caption_major = false;
  cgap_status status = image_place && text_place ? CGAP_OK : out_of_memory(&d->image, error);
  if (status == CGAP_OK && has_pairs(d)) {
    s->text_image = cgap_alloc(text->count, sizeof *s->text_image);
    status = s->text_image ? cgap_caption_major(&caption_major, d, error) : out_of_memory(&d->text, error);
  }
  if (status == CGAP_OK)
    keep_rows(s, image, CGAP_IMAGE_MODALITY, image_place);
  for (size_t k = 0; status == CGAP_OK && s->text_image && k < text->count; k++)
    text->bad[k] |= image_place[image->place[cgap_image_of_text(d, caption_major, text->row[k])]] == SIZE_MAX;
  if (status == CGAP_OK)
    keep_rows(s, text, CGAP_TEXT_MODALITY, text_place);
  for (size_t k = 0; status == CGAP_OK && s->text_image && k < text->count; k++)
    if (text_place[k] != SIZE_MAX)
      s->text_image[text_place[k]] = image_place[image->place[cgap_image_of_text(d, caption_major, text->row[k])]];
  cgap_free(image_place);
  cgap_free(text_place);
  return status;
}

static cgap_status gap_rows_load(gap_rows *out, const cgap_data *d, cgap_error *error)
{
  chosen_rows c[CGAP_MODALITIES] = {{0}};
  *out = (gap_rows){.dim = d->image.rows ? d->image.dim : source_of(d, CGAP_TEXT_MODALITY)->dim};
  cgap_status status = CGAP_OK;
  if (d->image.rows && source_of(d, CGAP_TEXT_MODALITY)->rows && source_of(d, CGAP_TEXT_MODALITY)->dim != out->dim)
    return cgap_fail(error, CGAP_DATA, "%s has %zu dimensions, %s %zu: not one joint space", d->image.name, out->dim,
                     source_of(d, CGAP_TEXT_MODALITY)->name, source_of(d, CGAP_TEXT_MODALITY)->dim);
  status = choose(c, d, out->dim, error);
  for (int m = 0; status == CGAP_OK && m < CGAP_MODALITIES; m++)
    status = read_chosen(out, &c[m], source_of(d, m), m, error);
  if (status == CGAP_OK)
    status = drop_bad_rows(out, c, d, error);
  for (int m = 0; m < CGAP_MODALITIES; m++) {
    cgap_free(c[m].place);
    cgap_free(c[m].row);
    cgap_free(c[m].bad);
  }
  return status;
}

/* ---------------------------------------------------------------- the gap */

static cgap_audit_options audit_options(const cgap_applied_gap_options *given)
{
  cgap_audit_options o = CGAP_AUDIT_OPTIONS_INIT;
  o.threads = given->threads;
  o.memory_bytes = given->memory_bytes;
  o.progress = given->progress;
  o.pairs = CGAP_PAIRS_EXACT;
  o.brief = true;
  return o;
}

static cgap_status measure(cgap_sample_gap *out, const cgap_data *data, const cgap_applied_gap_options *given,
                           cgap_error *error)
{
  const cgap_audit_options options = audit_options(given);
  cgap_audit audit = {0};
  const cgap_status status = cgap_audit_run(&audit, data, &options, error);
  if (status == CGAP_OK)
    *out = (cgap_sample_gap){audit.gap.corrected_distance, audit.gap.noise_floor, cgap_audit_level(&audit)};
  cgap_audit_clear(&audit);
  return status;
}

static cgap_status measure_both(cgap_applied_gap *out, const gap_rows *s, const cgap_head *head, bool merge_images,
                                const cgap_applied_gap_options *options, cgap_error *error)
{
  const cgap_data data = {.image =
                            cgap_source_view(s->unit[0], s->count[0], s->dim, CGAP_FLOAT32, "the sample's images"),
                          .text = cgap_source_view(s->unit[1], s->count[1], s->dim, CGAP_FLOAT32, "the sample's texts"),
                          .pairing = s->text_image ? CGAP_BY_INDEX : CGAP_UNPAIRED,
                          .text_image = s->text_image,
                          .merge_images = merge_images && s->text_image};
  cgap_transformed through = {0};
  cgap_status status = measure(&out->before, &data, options, error);
  if (status == CGAP_OK)
    status = cgap_transformed_init(&through, &data, head, false, options->threads, error);
  if (status == CGAP_OK)
    status = measure(&out->after, &through.data, options, error);
  cgap_transformed_clear(&through);
  if (status == CGAP_OK) {
    out->images = s->count[0];
    out->texts = s->count[1];
  }
  return status;
}

/* ---------------------------------------------------------------- the file of the fit */

/* Of several texts of an image the first: texts of one image are no independent draws. Moves them to the front. */
static void keep_first_texts(gap_rows *s)
{
  size_t kept = 0;
  bool seen[IMAGES_MAX] = {false};
  float *unit = s->unit[CGAP_TEXT_MODALITY];
  for (size_t j = 0; s->text_image && j < s->count[CGAP_TEXT_MODALITY]; j++) {
    if (seen[s->text_image[j]])
      continue;
    seen[s->text_image[j]] = true;
    memmove(unit + kept * s->dim, unit + j * s->dim, s->dim * sizeof *unit);
    s->text_image[kept++] = s->text_image[j];
  }
  if (s->text_image)
    s->count[CGAP_TEXT_MODALITY] = kept;
}

static cgap_status measure_moves(cgap_applied_gap *out, const gap_rows *a, const gap_rows *b,
                                 const cgap_applied_gap_options *options, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (int m = 0; status == CGAP_OK && m < CGAP_MODALITIES; m++) {
    if (a->count[m] < ROWS_MIN || b->count[m] < ROWS_MIN)
      continue;
    const cgap_data data = {.image = cgap_source_view(a->unit[m], a->count[m], a->dim, CGAP_FLOAT32, "its rows"),
                            .text = cgap_source_view(b->unit[m], b->count[m], b->dim, CGAP_FLOAT32, "the fit's rows"),
                            .pairing = CGAP_UNPAIRED};
    cgap_sample_gap moved;
    status = measure(&moved, &data, options, error);
    if (status == CGAP_OK)
      out->moved[m] = moved.distance;
  }
  return status;
}

static cgap_status count_common(cgap_applied_gap *out, const gap_rows *a, const gap_rows *b, cgap_error *error)
{
  const int m = a->count[0] && b->count[0] ? CGAP_IMAGE_MODALITY : CGAP_TEXT_MODALITY;
  cgap_duplicate_rows seen = {0};
  float *spare = cgap_alloc(a->dim, sizeof *spare);
  const bool ok = spare && cgap_duplicate_rows_init(&seen, a->count[m] + b->count[m]);
  for (size_t i = 0; ok && i < b->count[m]; i++)
    (void)cgap_duplicate_rows_add(&seen, cgap_unit_hash(b->unit[m] + i * b->dim, b->dim, spare), i);
  for (size_t i = 0; ok && i < a->count[m]; i++) {
    const cgap_hash hash = cgap_unit_hash(a->unit[m] + i * a->dim, a->dim, spare);
    out->common += cgap_duplicate_rows_add(&seen, hash, b->count[m] + i) < b->count[m];
  }
  out->sampled = a->count[m];
  cgap_duplicate_rows_clear(&seen);
  cgap_free(spare);
  return ok ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for a sample of rows");
}

bool cgap_applied_gap_means_differ(const cgap_applied_gap *gap, int modality)
{
  const cgap_scalar *moved = &gap->moved[modality];
  const double bound = fmax(MOVED_MIN, gap->images ? MOVED_OF_GAP * gap->before.distance.value : 0);
  return !moved->why && moved->lo > bound;
}

cgap_status cgap_applied_gap_measure(cgap_applied_gap *out, const cgap_head *head, const cgap_data *data,
                                     const cgap_data *fit, const cgap_applied_gap_options *options, cgap_error *error)
{
  gap_rows rows, other = {0};
  const cgap_scalar none = cgap_scalar_null("not both files have such rows", 0);
  *out = (cgap_applied_gap){.moved = {none, none}};
  cgap_status status = gap_rows_load(&rows, data, error);
  if (status == CGAP_OK && rows.count[0] >= ROWS_MIN && rows.count[1] >= ROWS_MIN)
    status = measure_both(out, &rows, head, data->merge_images, options, error);
  if (status == CGAP_OK && fit)
    status = gap_rows_load(&other, fit, error);
  if (status == CGAP_OK && fit && other.dim == rows.dim) {
    keep_first_texts(&rows);
    keep_first_texts(&other);
    status = count_common(out, &rows, &other, error);
    if (status == CGAP_OK)
      status = measure_moves(out, &rows, &other, options, error);
  }
  gap_rows_clear(&rows);
  gap_rows_clear(&other);
  return status;
}
