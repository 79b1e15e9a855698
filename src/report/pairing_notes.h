/* What the pairing check found, in sentences; they come before all others. */
#ifndef CGAP_REPORT_PAIRING_NOTES_H
#define CGAP_REPORT_PAIRING_NOTES_H

#include "report/verdict.h"

/* Appends to out, all of it bad; nothing where the pairs are as they should be, or cannot be tested. */
void cgap_pairing_notes(cgap_notes *out, const cgap_audit *audit);

#endif
