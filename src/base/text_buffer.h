/* Strings that grow: one allocation, printf manner. */
#ifndef CGAP_BASE_TEXT_BUFFER_H
#define CGAP_BASE_TEXT_BUFFER_H

#include "contragap/contragap.h"

#include <locale.h>
#include <stddef.h>

/* A new string, to be freed; NULL: out of memory. */
char *cgap_format(const char *format, ...) CGAP_PRINTF(1, 2);

/* Appends to *text (NULL or from malloc), which stays as it was where memory runs out. */
void cgap_append(char **text, const char *format, ...) CGAP_PRINTF(2, 3);

/* Bytes of what text begins with, where that may not reach a terminal or a page: a control character (below 32, 127,
 * U+0080 to U+009F), an end of a line (U+2028, U+2029), or what changes the direction of writing (U+202A to U+202E,
 * U+2066 to U+2069). 0: another. */
size_t cgap_unprintable(const char *text);

/* All of those become '?', byte by byte: one line, whatever a file or a command line held. */
void cgap_make_printable(char *text);

/* For a line of Python: 'text' with its quotes, ['key']. A new string; NULL: out of memory. */
char *cgap_python_string(const char *text);
char *cgap_python_key(const char *key);

/* For the shell: the text as one word, with quotes where it needs them. A new string; NULL: out of memory. */
char *cgap_shell_word(const char *text);

/* ---------------------------------------------------------------- c locale */

/* Numbers in text as the C locale writes them, whatever locale the caller's process or thread has: for files that
 * programs read, and for messages. */

typedef struct cgap_c_locale {
  locale_t own, before; /* own 0: memory was out, and nothing is changed */
} cgap_c_locale;

/* For the calling thread alone, until the end. */
cgap_c_locale cgap_c_locale_begin(void);
void cgap_c_locale_end(cgap_c_locale locale);

/* ---------------------------------------------------------------- did you mean */

/* "Did you mean …": the nearest name to one that is not known. */

/* Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours, each 1
 * (Damerau 1964). Names longer than 63 bytes count as far away. */
size_t cgap_edit_distance(const char *a, const char *b);

/* The nearest so far, for a caller that walks over its own table. */
typedef struct cgap_did_you_mean {
  const char *wanted;
  const char *name; /* NULL: nothing is near */
  size_t distance;
} cgap_did_you_mean;

cgap_did_you_mean cgap_did_you_mean_init(const char *wanted);
void cgap_did_you_mean_offer(cgap_did_you_mean *s, const char *name);

#endif
