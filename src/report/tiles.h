/* Tiles: the few numbers that a page shows first, each with unit, 95 % interval, a scale that says which end is better,
 * its key, and a link to its definition; or the same before and after with the difference. */
#ifndef CGAP_REPORT_TILES_H
#define CGAP_REPORT_TILES_H

#include "report/page.h"

enum { CGAP_TILE_ZONES = 3 };

/* What a tile shows and how: of a field by cgap_tile_look_of, or filled in by the page. Texts are templates
 * (base/modality_names.h). */
typedef struct cgap_tile_look {
  const char *label; /* in plain words: "{An image} finds its {text} first" */
  const char *key;   /* of its field; NULL: none */
  const char *unit;  /* behind the value, "%"; "" where it is a number without */
  const char *note;  /* a line below, such as "among 500 texts"; NULL: none */
  double factor;     /* values are shown times this: 100 for % */
  int decimals;
  cgap_better better;
  double from, to;                    /* the ends of the scale, from on the left; equal: no scale */
  double chance;                      /* what guessing gives, a mark on the scale; NaN: none */
  double limit[CGAP_TILE_ZONES - 1];  /* where zones[1] and zones[2] begin … */
  const char *zones[CGAP_TILE_ZONES]; /* … zones of equal width, with a word each; zones[0] NULL: one even scale */
} cgap_tile_look;

/* The tile of a field, by its key; one that no table has ends in a tile without scale, whose label is the key. */
cgap_tile_look cgap_tile_look_of(const char *key);

/* A list of tiles; its name for those who do not see it. */
void cgap_page_tiles(cgap_page *page, const char *name);
void cgap_page_tiles_end(cgap_page *page);

/* word (NULL: none) stands next to the value in the colour of its level: "severe". A null value shows why. */
void cgap_page_tile(cgap_page *page, const cgap_tile_look *tile, const cgap_scalar *value, const char *word,
                    cgap_level level);

/* Before → after. difference: after − before with its interval, from which "better", "worse", "unclear" or "same"
 * follows, in words and in colour; NULL, or without interval: neither. */
void cgap_page_tile_change(cgap_page *page, const cgap_tile_look *tile, const cgap_scalar *before,
                           const cgap_scalar *after, const cgap_scalar *difference);

#endif
