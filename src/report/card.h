/* The card: one picture for a slide, 16:9. The verdict in large letters, what it costs or what it gained, a picture,
 * and what to do. figures/card.tsv and card.gp make DIR/card.png. */
#ifndef CGAP_REPORT_CARD_H
#define CGAP_REPORT_CARD_H

#include "contragap/contragap.h"
#include "report/text.h"

extern const char CGAP_CARD_FILE[]; /* "card.png" */

/* What a card says; sentences are cut where a slide has no place for more. */
typedef struct cgap_card {
  const cgap_audit *before, *after; /* after NULL: an audit */
  const char *verdict;              /* "The gap is severe: corrected distance 0.851 [0.844, 0.857]." */
  const char *advice, *command;     /* "Subtract the means."; "": nothing */
  const char *source;
} cgap_card;

/* The names, without their language where no font can write it on a picture: the card is in English then. */
cgap_modality_names cgap_card_names(const cgap_modality_names *names);

/* The card of an audit: its verdict and advice. */
CGAP_MUST_CHECK cgap_status cgap_card_audit_write(const cgap_audit *audit, const char *source, const char *folder,
                                                  cgap_error *error);
/* The table and script, into the folder `figures`, which exists. */
CGAP_MUST_CHECK cgap_status cgap_card_write(const cgap_card *card, const char *figures, cgap_error *error);

/* figures/card.tsv → folder/card.png. Fails as cgap_gnuplot_render does. */
CGAP_MUST_CHECK cgap_status cgap_card_render(const char *folder, const char *figures, cgap_error *error);

/* The same at the end of a command: what fails leaves a line and no card; so does a language without a font, whose card
 * is in English. */
CGAP_MUST_CHECK cgap_status cgap_card_render_or_warn(const char *folder, const cgap_modality_names *names,
                                                     void (*warn_line)(const char *line), cgap_error *error);

#endif
