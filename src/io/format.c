#include "io/format.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *cgap_format(const char *format, ...)
{
  char *text = NULL;
  va_list arguments;
  va_start(arguments, format);
  int length = vasprintf(&text, format, arguments);
  va_end(arguments);
  return length < 0 ? NULL : text;
}

void cgap_append(char **text, const char *format, ...)
{
  char *more = NULL;
  va_list arguments;
  va_start(arguments, format);
  int length = vasprintf(&more, format, arguments);
  va_end(arguments);
  if (length < 0)
    return;
  size_t old = *text ? strlen(*text) : 0;
  char *grown = realloc(*text, old + (size_t)length + 1);
  if (grown) {
    memcpy(grown + old, more, (size_t)length + 1);
    *text = grown;
  }
  free(more);
}
