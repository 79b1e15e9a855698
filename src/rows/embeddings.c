#include "rows/embeddings.h"

#include "base/memory.h"
#include "base/modality_names.h"
#include "base/threads.h"
#include "rows/row_pass.h"
#include "simd/convert.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>

enum { ROWS_MIN = 3, UNPAIRED_TEXTS_MIN = 2, PROBE_IMAGES = 2000 };
#define SUPPORTED_Z 4.0

/* How k texts of each image are stored. */
typedef enum caption_order { IMAGE_MAJOR, CAPTION_MAJOR } caption_order;

cgap_status cgap_check_one_space(const cgap_data *data, cgap_error *error)
{
  const cgap_source *image = &data->image, *text = &data->text;
  if (image->dim == text->dim)
    return CGAP_OK;
  return cgap_fail(error, CGAP_DATA, "%s has %zu dimensions, %s %zu: not one joint space", image->name, image->dim,
                   text->name, text->dim);
}

static cgap_status check_shapes(const cgap_data *data, cgap_error *error)
{
  const cgap_source *image = &data->image, *text = &data->text;
  if (image->dim != text->dim && data->pairing == CGAP_PAIRING_OPEN)
    return cgap_fail(error, CGAP_FILE,
                     "%s: %zu rows of %zu, %s %zu of %zu: rows of different width do not show which belong together; "
                     "give --text-image or --unpaired",
                     text->name, text->rows, text->dim, image->name, image->rows, image->dim);
  if (data->merge_images && data->pairing == CGAP_UNPAIRED)
    return cgap_fail_named(error, CGAP_USAGE, data->names,
                           "%s: equal {images} are merged for the sake of their {texts}; --merge-images and "
                           "unpaired {texts} do not go together",
                           image->name);
  if (data->pairing == CGAP_BY_ROW && image->rows != text->rows)
    return cgap_fail(error, CGAP_FILE, "%s: %zu rows, %s has %zu; give --text-image or --unpaired", text->name,
                     text->rows, image->name, image->rows);
  for (size_t j = 0; data->pairing == CGAP_BY_INDEX && j < text->rows; j++)
    if (data->text_image[j] >= image->rows)
      return cgap_fail_named(error, CGAP_DATA, data->names, "%s: {text} %zu names {image} row %llu, %s has %zu rows",
                             text->name, j, (unsigned long long)data->text_image[j], image->name, image->rows);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- the order of captions */

static cgap_status unit_row(const cgap_source *source, size_t row, unsigned char *raw, double *out, cgap_error *error)
{
  cgap_status status = source->read(source, row, 1, raw, error);
  if (status)
    return status;
  cgap_to_double(source->type, raw, source->dim, out);
  if (!cgap_normalise(out, out, source->dim))
    out[0] = NAN;
  return CGAP_OK;
}

/* Images from all over the file, each with one text under an order. */
typedef struct probe {
  size_t count, dim;
  double *image, *text; /* (count, dim) */
  unsigned char *raw;   /* (dim) */
} probe;

static cgap_status read_probe(probe *s, const cgap_data *data, caption_order order, cgap_error *error)
{
  const size_t images = data->image.rows, captions = data->text.rows / images;
  cgap_status status = CGAP_OK;
  for (size_t i = 0; !status && i < s->count; i++) {
    const size_t image = (size_t)((double)i * (double)images / (double)s->count);
    const size_t text = order == IMAGE_MAJOR ? image * captions : image + (captions - 1) * images;
    status = unit_row(&data->image, image, s->raw, s->image + i * s->dim, error);
    if (!status)
      status = unit_row(&data->text, text, s->raw, s->text + i * s->dim, error);
  }
  return status;
}

/* z of the mean of (matched cosine − cosine with the text of an image half the sample away); bad rows are
 * left out here and refused later. */
static double probe_z(const probe *s)
{
  double sum = 0, squares = 0, n = 0;
  for (size_t i = 0; i < s->count; i++) {
    const double *image = s->image + i * s->dim;
    double difference = cgap_dot(image, s->text + i * s->dim, s->dim) -
                        cgap_dot(image, s->text + (i + s->count / 2) % s->count * s->dim, s->dim);
    if (!isfinite(difference))
      continue;
    n++;
    sum += difference;
    squares += difference * difference;
  }
  double variance = n > 1 ? (squares - sum * sum / n) / (n - 1) : 0;
  return variance > 0 ? sum / n / sqrt(variance / n) : 0;
}

static cgap_status detect_order(caption_order *out, const cgap_data *data, cgap_error *error)
{
  probe s = {.count = data->image.rows < PROBE_IMAGES ? data->image.rows : PROBE_IMAGES, .dim = data->image.dim};
  double z[2] = {0, 0};
  cgap_status status = CGAP_OK;
  s.image = cgap_alloc(s.count * s.dim, sizeof *s.image);
  s.text = cgap_alloc(s.count * s.dim, sizeof *s.text);
  s.raw = cgap_alloc(s.dim, sizeof(double));
  if (!s.image || !s.text || !s.raw)
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for a sample of %zu rows of %zu", s.count, s.dim);
  for (caption_order order = IMAGE_MAJOR; !status && order <= CAPTION_MAJOR; order++) {
    status = read_probe(&s, data, order, error);
    z[order] = status ? 0 : probe_z(&s);
  }
  cgap_free(s.image);
  cgap_free(s.text);
  cgap_free(s.raw);
  *out = z[IMAGE_MAJOR] >= z[CAPTION_MAJOR] ? IMAGE_MAJOR : CAPTION_MAJOR;
  if (status || z[*out] >= SUPPORTED_Z)
    return status;
  return cgap_fail_named(
    error, CGAP_FILE, data->names,
    "%s has %zu rows, %s %zu: neither image-major (z %.1f) nor caption-major order (z %.1f) fits; give "
    "--text-image or --unpaired",
    data->text.name, data->text.rows, data->image.name, data->image.rows, z[0], z[1]);
}

/* ---------------------------------------------------------------- pairs */

cgap_status cgap_pairs_init(cgap_pairs *out, size_t *image_of, size_t images, size_t texts, cgap_error *error)
{
  *out = (cgap_pairs){.images = images, .texts = texts, .image_of = image_of};
  out->first = cgap_zalloc(images + 2, sizeof *out->first);
  out->text = cgap_alloc(texts, sizeof *out->text);
  if (!out->first || !out->text)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu pairs", texts);
  for (size_t j = 0; j < texts; j++)
    out->first[image_of[j] + 2]++;
  for (size_t i = 0; i < images; i++)
    out->first[i + 2] += out->first[i + 1];
  for (size_t j = 0; j < texts; j++)
    out->text[out->first[image_of[j] + 1]++] = j;
  return CGAP_OK;
}

void cgap_pairs_clear(cgap_pairs *pairs)
{
  cgap_free(pairs->image_of);
  cgap_free(pairs->first);
  cgap_free(pairs->text);
  *pairs = (cgap_pairs){0};
}

/* How pairs were formed, with the number of texts an image. */
static void describe_pairing(cgap_embeddings *e, caption_order order)
{
  size_t fewest = SIZE_MAX, most = 0;
  char texts[180];
  const cgap_modality_names names = cgap_modality_names_of(e->data->names);
  for (size_t i = 0; i < (e->pairs.first ? e->pairs.images : cgap_lesser(e->pairs.images, 1)); i++) {
    const size_t n = cgap_pairs_first(&e->pairs, i + 1) - cgap_pairs_first(&e->pairs, i);
    fewest = n < fewest ? n : fewest;
    most = n > most ? n : most;
  }
  if (fewest < most)
    (void)cgap_modality_printf(texts, sizeof texts, &names, "%zu to %zu {texts} {an image}", fewest, most);
  else if (most == 1)
    (void)cgap_modality_printf(texts, sizeof texts, &names, "one {one text} {an image}");
  else
    (void)cgap_modality_printf(texts, sizeof texts, &names, "%zu {texts} {an image}", most);
  switch (e->data->pairing) {
  case CGAP_UNPAIRED:
    (void)snprintf(e->pairing, sizeof e->pairing, "%s", e->data->text.rows ? "unpaired" : "one modality");
    break;
  case CGAP_BY_ROW:
    if (e->merged_images)
      (void)cgap_modality_printf(e->pairing, sizeof e->pairing, &names, "equal {images} merged, %s", texts);
    else
      (void)snprintf(e->pairing, sizeof e->pairing, "row i with row i");
    break;
  case CGAP_BY_INDEX:
    (void)snprintf(e->pairing, sizeof e->pairing, "%s", texts);
    break;
  case CGAP_PAIRING_OPEN:
    (void)snprintf(e->pairing, sizeof e->pairing, "%s, %s (the order that the rows support)", texts,
                   order == IMAGE_MAJOR ? "image-major" : "caption-major");
    break;
  }
}

/* ---------------------------------------------------------------- loading */

cgap_status cgap_caption_major(bool *out, const cgap_data *data, cgap_error *error)
{
  caption_order order = IMAGE_MAJOR;
  const cgap_status status = data->pairing == CGAP_PAIRING_OPEN ? detect_order(&order, data, error) : CGAP_OK;
  *out = order == CAPTION_MAJOR;
  return status;
}

size_t cgap_image_of_text(const cgap_data *data, bool caption_major, size_t j)
{
  const size_t images = data->image.rows;
  return data->pairing == CGAP_BY_INDEX       ? (size_t)data->text_image[j]
         : data->pairing != CGAP_PAIRING_OPEN ? j
         : caption_major                      ? j % images
                                              : j / (data->text.rows / images);
}

size_t cgap_image_kept_as(const cgap_embeddings *e, size_t file_row)
{
  return e->image_kept_as ? e->image_kept_as[file_row] : cgap_kept_row_of(&e->image, file_row);
}

/* The kept image of text j of the file; SIZE_MAX: it was left out. */
static size_t kept_image_of(const cgap_embeddings *e, caption_order order, size_t j)
{
  return cgap_image_kept_as(e, cgap_image_of_text(e->data, order == CAPTION_MAJOR, j));
}

/* Bad rows of both modalities in one line, so that a file is repaired once; then whether enough rows are left. */
static cgap_status check_rows(const cgap_embeddings *e, cgap_error *error)
{
  const cgap_modality_rows *modality[] = {&e->image, &e->text};
  const size_t rows_min[] = {ROWS_MIN, e->paired ? ROWS_MIN : UNPAIRED_TEXTS_MIN};
  char what[1500] = "";
  for (int k = 0; k < 1 + (e->data->text.rows > 0) && !e->data->drop_bad; k++)
    (void)cgap_describe_bad(modality[k]->source, &modality[k]->checks, what, sizeof what);
  if (*what)
    return cgap_fail(error, CGAP_DATA, "%s; give --drop-bad to leave them out", what);
  for (int k = 0; k < 1 + (e->data->text.rows > 0); k++)
    if (modality[k]->rows < rows_min[k])
      return cgap_fail(error, CGAP_DATA, "%s: %zu usable rows; at least %zu are needed", modality[k]->source->name,
                       modality[k]->rows, rows_min[k]);
  return CGAP_OK;
}

static cgap_status load_texts(cgap_embeddings *out, caption_order order, cgap_row_pass_options options,
                              cgap_error *error)
{
  const cgap_data *data = out->data;
  const size_t texts = data->text.rows;
  const bool left_out = out->paired && out->image.rows < data->image.rows;
  bool *skip = cgap_zalloc(left_out ? texts : 0, sizeof *skip); /* texts whose image was left out */
  if (!skip)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu texts", texts);
  for (size_t j = 0; left_out && j < texts; j++)
    skip[j] = kept_image_of(out, order, j) == SIZE_MAX;
  options.skip = left_out ? skip : NULL;
  options.merge = false;
  options.phase = "texts";
  const cgap_status status = texts > 0 ? cgap_row_pass_run(&out->text, &data->text, &options, NULL, error) : CGAP_OK;
  cgap_free(skip);
  return status;
}

static cgap_status pair_rows(cgap_embeddings *out, caption_order order, cgap_error *error)
{
  size_t *image_of = cgap_alloc(out->text.rows, sizeof *image_of);
  if (!image_of)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu pairs", out->text.rows);
  for (size_t j = 0; j < out->text.rows; j++)
    image_of[j] = kept_image_of(out, order, cgap_file_row_of(&out->text, j));
  return cgap_pairs_init(&out->pairs, image_of, out->image.rows, out->text.rows, error);
}

/* Whether image i has text i alone: pairs by row, and none of them was left out. */
static bool is_straight(const cgap_embeddings *e)
{
  return e->data->pairing == CGAP_BY_ROW && e->image.rows == e->data->image.rows && e->text.rows == e->image.rows;
}

static cgap_status load_modalities(cgap_embeddings *out, caption_order order, cgap_hold hold, bool spread,
                                   cgap_comm *comm, int threads, cgap_progress progress, cgap_error *error)
{
  const cgap_data *data = out->data;
  const cgap_row_pass_options options = {.hold = hold,
                                         .threads = threads,
                                         .progress = progress,
                                         .comm = comm,
                                         .spread = spread,
                                         .merge = data->merge_images && out->paired,
                                         .phase = "images"};
  out->text = (cgap_modality_rows){.source = &data->text, .dim = data->text.dim};
  out->image_kept_as = spread ? NULL : cgap_alloc(data->image.rows, sizeof *out->image_kept_as);
  cgap_status status = spread || out->image_kept_as
                         ? cgap_row_pass_run(&out->image, &data->image, &options, out->image_kept_as, error)
                         : cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu images", data->image.rows);
  if (!status)
    status = load_texts(out, order, options, error);
  if (!status)
    status = check_rows(out, error);
  if (status || !out->paired)
    return status;
  if (spread && is_straight(out)) {
    out->pairs = (cgap_pairs){.images = out->image.rows, .texts = out->text.rows};
    return CGAP_OK;
  }
  return pair_rows(out, order, error);
}

static cgap_status load(cgap_embeddings *out, const cgap_data *data, cgap_hold hold, bool spread, cgap_comm *comm,
                        int threads, cgap_progress progress, cgap_error *error)
{
  caption_order order = IMAGE_MAJOR;
  *out = (cgap_embeddings){.data = data, .paired = data->pairing != CGAP_UNPAIRED};
  cgap_status status = check_shapes(data, error);
  if (!status && data->pairing == CGAP_PAIRING_OPEN)
    status = detect_order(&order, data, error);
  if (status)
    return status;
  const int blas_threads = cgap_blas_single();
  status = load_modalities(out, order, hold, spread, comm, threads, progress, error);
  cgap_blas_restore(blas_threads);
  if (status) {
    cgap_embeddings_clear(out);
    return status;
  }
  out->dropped_images = (size_t)(out->image.checks.not_finite.count + out->image.checks.zero.count);
  out->dropped_texts = data->text.rows - out->text.rows;
  out->merged_images = data->image.rows - out->image.rows - out->dropped_images;
  describe_pairing(out, order);
  return CGAP_OK;
}

cgap_status cgap_embeddings_load(cgap_embeddings *out, const cgap_data *data, cgap_hold hold, cgap_comm *comm,
                                 int threads, cgap_progress progress, cgap_error *error)
{
  return load(out, data, hold, false, comm, threads, progress, error);
}

cgap_status cgap_embeddings_load_spread(cgap_embeddings *out, const cgap_data *data, cgap_hold hold, cgap_comm *comm,
                                        int threads, cgap_progress progress, cgap_error *error)
{
  return load(out, data, hold, true, comm, threads, progress, error);
}

cgap_status cgap_embeddings_unspread(cgap_embeddings *e, cgap_comm *comm, cgap_error *error)
{
  const size_t images = e->data->image.rows;
  if (!e->image.spread)
    return CGAP_OK;
  size_t *kept_as = cgap_alloc(images, sizeof *kept_as);
  cgap_status status = kept_as ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu images", images);
  for (size_t i = 0; !status && i < images; i++)
    kept_as[i] = cgap_image_kept_as(e, i);
  e->image_kept_as = kept_as;
  if (!status)
    status = cgap_modality_rows_unspread(&e->image, comm, error);
  if (!status)
    status = cgap_modality_rows_unspread(&e->text, comm, error);
  if (!status && e->paired && !e->pairs.first) {
    size_t *image_of = cgap_alloc(e->text.rows, sizeof *image_of);
    for (size_t j = 0; image_of && j < e->text.rows; j++)
      image_of[j] = j;
    status = image_of ? cgap_pairs_init(&e->pairs, image_of, e->image.rows, e->text.rows, error)
                      : cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu pairs", e->text.rows);
  }
  return status;
}

void cgap_embeddings_clear(cgap_embeddings *e)
{
  cgap_pairs_clear(&e->pairs);
  cgap_free(e->image_kept_as);
  cgap_modality_rows_clear(&e->image);
  cgap_modality_rows_clear(&e->text);
  *e = (cgap_embeddings){0};
}
