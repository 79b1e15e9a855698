/* Element types, sources over memory, and sources with hooks. */
#include "base/source.h"
#include "base/memory.h"
#include "base/text_buffer.h"
#include "contragap/contragap.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
  size_t size;
  const char *name;
} TYPES[] = {
  [CGAP_FLOAT16] = {2, "float16"},
  [CGAP_BFLOAT16] = {2, "bfloat16"},
  [CGAP_FLOAT32] = {4, "float32"},
  [CGAP_FLOAT64] = {8, "float64"},
};

static bool is_type(cgap_type type)
{
  return (unsigned)type < sizeof TYPES / sizeof *TYPES;
}

size_t cgap_type_size(cgap_type type)
{
  return is_type(type) ? TYPES[type].size : 0;
}

const char *cgap_type_name(cgap_type type)
{
  return is_type(type) ? TYPES[type].name : "unknown";
}

size_t cgap_row_bytes(const cgap_source *source)
{
  return source->dim * cgap_type_size(source->type);
}

static cgap_status view_read(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  const size_t row = cgap_row_bytes(source);
  if (!source->context)
    return cgap_fail(error, CGAP_USAGE, "%s: a view of a matrix that is NULL", source->name);
  memcpy(out, (const unsigned char *)source->context + first * row, count * row);
  return CGAP_OK;
}

cgap_source cgap_source_view(const void *matrix, size_t rows, size_t dim, cgap_type type, const char *name)
{
  return (cgap_source){
    .rows = rows, .dim = dim, .type = type, .read = view_read, .context = (void *)(uintptr_t)matrix, .name = name};
}

/* ---------------------------------------------------------------- sources with hooks */

/* NULL: a source made outside this library. */
static const cgap_source_hooks *hooks_of(const cgap_source *source)
{
  return source->read == cgap_source_read ? source->context : NULL;
}

cgap_status cgap_source_read(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  const cgap_source_hooks *hooks = source->context;
  return hooks->read(source, first, count, out, error);
}

bool cgap_source_seeks(const cgap_source *source)
{
  const cgap_source_hooks *hooks = hooks_of(source);
  return !hooks || hooks->seeks(source);
}

bool cgap_source_is_thread_safe(const cgap_source *source)
{
  const cgap_source_hooks *hooks = hooks_of(source);
  return hooks && hooks->is_thread_safe(source);
}

void cgap_source_prefetch(const cgap_source *source, size_t first, size_t count)
{
  const cgap_source_hooks *hooks = hooks_of(source);
  if (hooks)
    hooks->expect(source, first, count);
}

/* ---------------------------------------------------------------- status */

cgap_status cgap_fail(cgap_error *error, cgap_status status, const char *format, ...)
{
  if (error) {
    const cgap_c_locale locale = cgap_c_locale_begin();
    va_list arguments;
    va_start(arguments, format);
    error->status = status;
    (void)vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    cgap_text_clean(error->message, '?', ""); /* it may quote a file or a command line */
    cgap_c_locale_end(locale);
  }
  return status;
}

const char *cgap_version(void)
{
  return CGAP_VERSION;
}

/* ---------------------------------------------------------------- defaults */

/* The defaults of options as functions: C++17 has no designated initialisers. */

cgap_audit_options cgap_audit_options_default(void)
{
  return (cgap_audit_options)CGAP_AUDIT_OPTIONS_INIT;
}

cgap_train_options cgap_train_options_default(void)
{
  return (cgap_train_options)CGAP_TRAIN_OPTIONS_INIT;
}

/* ---------------------------------------------------------------- check */

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

cgap_status cgap_check_name(const char *name, cgap_error *error)
{
  size_t length = 0;
  while (isalnum((unsigned char)name[length]) || name[length] == '_')
    length++;
  if (length == 0 || name[length])
    return cgap_fail(error, CGAP_USAGE, "'%s' is no name of a modality; use letters, digits and _", name);
  if (length >= CGAP_NAME_SIZE)
    return cgap_fail(error, CGAP_USAGE, "'%s' has %zu letters; the name of a modality has at most %d", name, length,
                     CGAP_NAME_SIZE - 1);
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
  for (int k = 0; !status && k < 2; k++)
    if (out->names[k])
      status = cgap_check_name(out->names[k], error);
  return status;
}
