/* Strings that grow, and text from outside: made printable, quoted, compared. */
#ifndef CGAP_BASE_TEXT_BUFFER_H
#define CGAP_BASE_TEXT_BUFFER_H

#include "contragap/contragap.h"

#include <locale.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A new string, to be freed; NULL: out of memory. */
char *cgap_format(const char *format, ...) CGAP_PRINTF(1, 2);

/* Appends to *text (NULL or from malloc), which stays as it was where memory runs out. */
void cgap_append(char **text, const char *format, ...) CGAP_PRINTF(2, 3);

bool cgap_begins_with(const char *text, const char *beginning);
bool cgap_ends_with(const char *text, const char *ending);

/* For a line of Python: 'text' with its quotes, ['key']. A new string; NULL: out of memory. */
char *cgap_python_string(const char *text);
char *cgap_python_key(const char *key);

/* For the shell: the text as one word, with quotes where it needs them. A new string; NULL: out of memory. */
char *cgap_shell_word(const char *text);

/* ---------------------------------------------------------------- text from outside */

/* Names and captions come from files of anyone. Of them no character reaches a terminal or a page that is not seen and
 * changes how others are shown: control characters (C0, C1, DEL), line and paragraph separators, overrides, embeddings
 * and isolates of the direction of writing, characters without width, letters that look like a blank, tags. Bytes that
 * are no UTF-8 count as such. The variation selectors U+FE00 to U+FE0F stay: emoji have them. */

/* Bytes of the character at text[0], which is not 0, at least 1; *visible: whether it may be shown; *code (may be
 * NULL): U+FFFD where it is no UTF-8. */
size_t cgap_text_next(const char *text, bool *visible, uint32_t *code);

/* A character as UTF-8, at most four bytes, without a 0 behind them. Returns how many. */
size_t cgap_utf8_encode(char *out, uint32_t code);

/* Puts `instead` in place of each character that may not be shown; those in `keep` (of ASCII) stay. */
void cgap_text_clean(char *text, char instead, const char *keep);
void cgap_text_put(FILE *out, const char *text, char instead);
/* The same for the character at text[0], which is not 0. Returns its bytes. */
size_t cgap_text_put_next(FILE *out, const char *text, char instead);

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
