/* The defaults of options as functions: C++17 has no designated initialisers. */
#include "contragap/contragap.h"

cgap_audit_options cgap_audit_options_default(void)
{
  return (cgap_audit_options)CGAP_AUDIT_OPTIONS_INIT;
}

cgap_train_options cgap_train_options_default(void)
{
  return (cgap_train_options)CGAP_TRAIN_OPTIONS_INIT;
}
