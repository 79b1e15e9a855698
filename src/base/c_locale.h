/* Numbers in text as the C locale writes them, whatever locale the caller's process or thread has: for files that
 * programs read, and for messages. */
#ifndef CGAP_C_LOCALE_H
#define CGAP_C_LOCALE_H

#include <locale.h>

typedef struct cgap_c_locale {
  locale_t own, before; /* own 0: memory was out, and nothing is changed */
} cgap_c_locale;

/* For the calling thread alone, until the end. */
cgap_c_locale cgap_c_locale_begin(void);
void cgap_c_locale_end(cgap_c_locale locale);

#endif
