#include "base/language.h"

#include <stdlib.h>
#include <string.h>

static int compare_english(const void *english, const void *translation)
{
  return strcmp(english, ((const cgap_translation *)translation)->english);
}

const struct cgap_language *cgap_language_find(const char *code)
{
  for (size_t k = 0; cgap_language_codes[k]; k++)
    if (strcmp(cgap_language_codes[k], code) == 0)
      return cgap_languages[k];
  return NULL;
}

const char *cgap_language_words(const struct cgap_language *language, const char *english)
{
  const cgap_translation *found =
    language ? bsearch(english, language->translations, language->count, sizeof *found, compare_english) : NULL;
  return found ? found->words : NULL;
}
