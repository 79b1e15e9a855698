#include "base/c_locale.h"

cgap_c_locale cgap_c_locale_begin(void)
{
  cgap_c_locale locale = {.own = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
  if (locale.own)
    locale.before = uselocale(locale.own);
  return locale;
}

void cgap_c_locale_end(cgap_c_locale locale)
{
  if (!locale.own)
    return;
  (void)uselocale(locale.before);
  freelocale(locale.own);
}
