/* What makes a picture of gnuplot's tikz terminal safe for LaTeX. */
#ifndef CGAP_REPORT_TIKZ_H
#define CGAP_REPORT_TIKZ_H

#include "contragap/contragap.h"

/* Escapes the texts of the picture, in place. */
CGAP_MUST_CHECK cgap_status cgap_tikz_escape(const char *path, cgap_error *error);

#endif
