/* Words in other languages than English: a table for each language, made from its gettext catalogue (src/report/po).
 * The library finds words in it by itself and needs neither a locale nor files, and changes nothing of its process. */
#ifndef CGAP_BASE_LANGUAGE_H
#define CGAP_BASE_LANGUAGE_H

#include "contragap/contragap.h"

/* Marks words for xgettext where the function that shows them is called elsewhere. */
#define N_(words) words

typedef struct cgap_translation {
  const char *english, *words;
} cgap_translation;

struct cgap_language {
  const char *code;                     /* "ja", for lang="ja" of a page */
  const cgap_translation *translations; /* sorted by strcmp of the English */
  size_t count;
};

/* "en" first, which has no table; a NULL at the end. */
extern const char *const cgap_language_codes[];
extern const struct cgap_language *const cgap_languages[]; /* of these codes; NULL is English */

/* The words in that language; NULL where it has none, or is NULL: English. */
const char *cgap_language_words(const struct cgap_language *language, const char *english);

#endif
