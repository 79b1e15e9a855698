/* Strings that grow: one allocation, printf manner. */
#ifndef CGAP_IO_FORMAT_H
#define CGAP_IO_FORMAT_H

#include "contragap/contragap.h"

/* A new string, to be freed; NULL when memory is out. */
char *cgap_format(const char *format, ...) CGAP_PRINTF(1, 2);

/* Appends to *text (NULL or from malloc), which stays as it was when memory is out. */
void cgap_append(char **text, const char *format, ...) CGAP_PRINTF(2, 3);

#endif
