/* Status and error: the one line that a failure says. */
#include "contragap/contragap.h"

#include "base/text_buffer.h"

#include <stdarg.h>
#include <stdio.h>

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
