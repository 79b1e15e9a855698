#include "base/check.h"

#include <math.h>

#include "base/memory.h"

#define MATRIX_BYTES_MAX ((size_t)1 << 56) /* of a source; a size that is larger is a mistake */

cgap_status cgap_check_argument(bool there, const char *call, const char *argument, cgap_error *error)
{
  return there ? CGAP_OK : cgap_fail(error, CGAP_USAGE, "%s: %s is NULL", call, argument);
}

cgap_status cgap_check_threads(int threads, cgap_error *error)
{
  if (threads >= 0 && threads <= CGAP_THREADS_MAX)
    return CGAP_OK;
  return cgap_fail(error, CGAP_USAGE, "%d threads: give 1 to %d, or 0 for all", threads, CGAP_THREADS_MAX);
}

cgap_status cgap_check_choice(const char *what, int value, int count, cgap_error *error)
{
  if (value >= 0 && value < count)
    return CGAP_OK;
  return cgap_fail(error, CGAP_USAGE, "%s %d: give one of its enumeration, 0 to %d", what, value, count - 1);
}

cgap_status cgap_check_source(cgap_source *out, const cgap_source *given, const char *what, cgap_error *error)
{
  size_t elements = 0, bytes = 0;
  *out = *given;
  out->name = given->name ? given->name : what;
  if (!given->read)
    return cgap_fail(error, CGAP_USAGE, "%s: a source of %zu rows without a function to read them; set its member read",
                     out->name, given->rows);
  if (cgap_type_size(given->type) == 0)
    return cgap_fail(error, CGAP_USAGE, "%s: element type %d; give one of cgap_type, 0 to %d", out->name,
                     (int)given->type, CGAP_FLOAT64);
  if (given->dim < 2)
    return cgap_fail(error, CGAP_DATA, "%s: %zu dimension%s; at least 2 are needed", out->name, given->dim,
                     given->dim == 1 ? "" : "s");
  if (given->dim > CGAP_DIMENSIONS_MAX)
    return cgap_fail(error, CGAP_DATA, "%s: %zu dimensions; at most %d are measured", out->name, given->dim,
                     CGAP_DIMENSIONS_MAX);
  if (!cgap_product(&elements, given->rows, given->dim) ||
      !cgap_product(&bytes, elements, cgap_type_size(given->type)) || bytes > MATRIX_BYTES_MAX)
    return cgap_fail(error, CGAP_DATA, "%s: %zu rows of %zu dimensions are more than any memory holds; check the sizes",
                     out->name, given->rows, given->dim);
  return CGAP_OK;
}

static cgap_status check_optional(cgap_source *out, const cgap_source *given, const char *what, cgap_error *error)
{
  *out = *given;
  return given->rows ? cgap_check_source(out, given, what, error) : CGAP_OK;
}

static cgap_status check_pairing(const cgap_data *d, cgap_error *error)
{
  const size_t images = d->image.rows, texts = d->text.rows;
  cgap_status status = cgap_check_choice("pairing", (int)d->pairing, CGAP_PAIRING_OPEN + 1, error);
  if (status || texts == 0)
    return status;
  if (d->pairing == CGAP_BY_INDEX && !d->text_image)
    return cgap_fail(error, CGAP_USAGE,
                     "%s: paired by index, and text_image is NULL; it has the image row of each text", d->text.name);
  if (d->pairing == CGAP_PAIRING_OPEN && (texts < images || texts % images != 0))
    return cgap_fail(error, CGAP_FILE, "%s: %zu rows are no multiple of %s with %zu; give --text-image or --unpaired",
                     d->text.name, texts, d->image.name, images);
  return CGAP_OK;
}

static cgap_status check_classes(cgap_data *d, cgap_error *error)
{
  if (d->prompts == 0)
    d->prompts = 1;
  if (d->class_text.rows % d->prompts == 0)
    return CGAP_OK;
  return cgap_fail(error, CGAP_DATA, "%s: %zu rows are no multiple of %zu prompts per class", d->class_text.name,
                   d->class_text.rows, d->prompts);
}

static cgap_status check_weights(const cgap_data *d, cgap_error *error)
{
  for (size_t q = 0; d->query && d->query_weight && q < d->queries; q++)
    if (!(isfinite(d->query_weight[q]) && d->query_weight[q] >= 0))
      return cgap_fail(error, CGAP_DATA, "%s: query %zu has weight %g; weights are finite and not negative",
                       d->words.name, q, d->query_weight[q]);
  return CGAP_OK;
}

cgap_status cgap_check_data(cgap_data *out, const cgap_data *given, cgap_error *error)
{
  *out = *given;
  cgap_status status = cgap_check_source(&out->image, &given->image, "images", error);
  if (!status && given->image.rows == 0)
    status = cgap_fail(error, CGAP_DATA, "%s: no rows", out->image.name);
  if (!status)
    status = check_optional(&out->text, &given->text, "texts", error);
  if (!status)
    status = check_optional(&out->class_text, &given->class_text, "class texts", error);
  if (!status)
    status = check_optional(&out->words, &given->words, "words", error);
  if (!status)
    status = check_pairing(out, error);
  if (!status && out->class_text.rows)
    status = check_classes(out, error);
  if (!status && out->words.rows)
    status = check_weights(out, error);
  return status;
}
