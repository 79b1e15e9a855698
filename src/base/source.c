/* Element types, sources over memory, and sources with hooks. */
#include "base/source.h"
#include "base/text_buffer.h"
#include "contragap/contragap.h"

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

static cgap_status view_read(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  const size_t row = source->dim * cgap_type_size(source->type);
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

/* Status and error: the one line that a failure says. */

cgap_status cgap_fail(cgap_error *error, cgap_status status, const char *format, ...)
{
  if (error) {
    const cgap_c_locale locale = cgap_c_locale_begin();
    va_list arguments;
    va_start(arguments, format);
    error->status = status;
    (void)vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
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
