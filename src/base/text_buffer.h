/* Strings that grow: one allocation, printf manner. */
#ifndef CGAP_IO_FORMAT_H
#define CGAP_IO_FORMAT_H

#include "contragap/contragap.h"

/* A new string, to be freed; NULL when memory is out. */
char *cgap_format(const char *format, ...) CGAP_PRINTF(1, 2);

/* Appends to *text (NULL or from malloc), which stays as it was when memory is out. */
void cgap_append(char **text, const char *format, ...) CGAP_PRINTF(2, 3);

/* For a line of Python: 'text' with its quotes, ['key']. A new string; NULL when memory is out. */
char *cgap_python_string(const char *text);
char *cgap_python_key(const char *key);

/* For the shell: the text as one word, with quotes where it needs them. A new string; NULL when memory is out. */
char *cgap_shell_word(const char *text);

#endif
