#include "rows/caption_order.h"

#include "base/memory.h"
#include "base/norm.h"
#include "simd/convert.h"

enum { PROBE_IMAGES = 2000 };
#define SUPPORTED_Z 4.0

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

/* A sample of images with one text each under an order. */
typedef struct probe {
  size_t count, dim;
  double *image, *text; /* (count, dim) */
  unsigned char *raw;
} probe;

static size_t text_under(cgap_order order, size_t image, size_t images, size_t captions)
{
  return order == CGAP_IMAGE_MAJOR ? image * captions : image + (captions - 1) * images;
}

static cgap_status probe_read(probe *s, const cgap_data *data, cgap_order order, cgap_error *error)
{
  const size_t images = data->image.rows, captions = data->text.rows / images;
  cgap_status status = CGAP_OK;
  for (size_t i = 0; !status && i < s->count; i++) {
    size_t image = (size_t)((double)i * (double)images / (double)s->count);
    status = unit_row(&data->image, image, s->raw, s->image + i * s->dim, error);
    if (!status)
      status = unit_row(&data->text, text_under(order, image, images, captions), s->raw, s->text + i * s->dim, error);
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

cgap_status cgap_caption_order_detect(cgap_order *out, const cgap_data *data, cgap_error *error)
{
  probe s = {.count = data->image.rows < PROBE_IMAGES ? data->image.rows : PROBE_IMAGES, .dim = data->image.dim};
  double z[2] = {0, 0};
  cgap_status status = CGAP_OK;
  s.image = cgap_alloc(s.count * s.dim, sizeof *s.image);
  s.text = cgap_alloc(s.count * s.dim, sizeof *s.text);
  s.raw = cgap_alloc(s.dim, sizeof(double));
  if (!s.image || !s.text || !s.raw)
    status = cgap_fail(error, CGAP_RESOURCE, "no memory for a sample of %zu rows of %zu", s.count, s.dim);
  for (cgap_order order = CGAP_IMAGE_MAJOR; !status && order <= CGAP_CAPTION_MAJOR; order++) {
    status = probe_read(&s, data, order, error);
    z[order] = status ? 0 : probe_z(&s);
  }
  *out = z[CGAP_IMAGE_MAJOR] >= z[CGAP_CAPTION_MAJOR] ? CGAP_IMAGE_MAJOR : CGAP_CAPTION_MAJOR;
  if (!status && z[*out] < SUPPORTED_Z)
    status =
      cgap_fail(error, CGAP_FILE,
                "%s has %zu rows, %s %zu: neither image-major (z %.1f) nor caption-major order (z %.1f) fits; give "
                "--text-image or --unpaired",
                data->text.name, data->text.rows, data->image.name, data->image.rows, z[0], z[1]);
  cgap_free(s.image);
  cgap_free(s.text);
  cgap_free(s.raw);
  return status;
}
