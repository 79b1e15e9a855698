/* Computes one tile of cosines, shows it to the measures in strips, and collects candidates for the ten nearest of each
 * row and column. */
#ifndef CGAP_AUDIT_PAIR_TILE_H
#define CGAP_AUDIT_PAIR_TILE_H

#include "analysis/measure.h"
#include "audit/pair_sums.h"
#include "rows/row_blocks.h"
#include "simd/gemm.h"

/* What all workers of a pass read. */
typedef struct cgap_pair_tile_pass {
  const cgap_audit_sums *evidence;
  cgap_pair_kind kind;
  bool triangle;
  cgap_row_block a, b;                       /* rows and columns */
  cgap_bfloat16_rows a_bfloat16, b_bfloat16; /* where bfloat16 is asked for */
  cgap_top_k *row_top_k, *column_maxima;     /* the same of a triangle */
  const size_t *row_first, *column_first;    /* first_equal of the modalities */
  const cgap_audit_kernels *kernels;
  const cgap_tile_gemm *product;
  bool bfloat;
  bool precise; /* products are computed in double, and rounded for the measures */
  float margin; /* by how much any cosine may be off, where the product is of unit rows */
  cgap_exact_cosines exact;
} cgap_pair_tile_pass;

typedef struct cgap_pair_tile_place {
  size_t row, column;   /* of the modalities */
  size_t rows, columns; /* at most CGAP_TILE */
  bool diagonal;        /* only what is right of the diagonal counts */
} cgap_pair_tile_place;

enum { CGAP_FOUND_CANDIDATES = 8 * CGAP_TILE };

/* What one worker owns. */
typedef struct cgap_pair_tile_worker {
  const cgap_tile_gemm *kind;
  void *product;
  size_t packed;                     /* the column that its packed rows start at; SIZE_MAX: none */
  double *precise;                   /* (CGAP_STRIP_ROWS, CGAP_TILE), where products are computed in double, and … */
  double *a, *b;                     /* … (CGAP_STRIP_ROWS, CHUNK), (CGAP_TILE, CHUNK) elements of rows */
  float *memory;                     /* of what follows */
  float *strip;                      /* (CGAP_STRIP_ROWS, CGAP_TILE), with a tile's row of scratch before it */
  cgap_sums sums[CGAP_MEASURES];     /* of this tile alone */
  cgap_tile_candidate *found;        /* (CGAP_FOUND_CANDIDATES) not yet handed over */
  size_t count;                      /* of them */
  float *row_bound, *column_bound;   /* what a candidate must reach; both (CGAP_TILE) */
  float *row_margin, *column_margin; /* by how much a cosine may be off; both (CGAP_TILE) */
  float *column_look;                /* column_bound less the margin */
  float *column_maxima;              /* (CGAP_NEIGHBOURS, CGAP_TILE) of a tile whose columns come for the first time */
  bool new_columns;                  /* whether it is one */
  double least, greatest;            /* of all tiles so far */
} cgap_pair_tile_worker;

bool cgap_pair_tile_worker_init(cgap_pair_tile_worker *w, const cgap_pair_tile_pass *pass); /* false: out of memory */
void cgap_pair_tile_worker_clear(cgap_pair_tile_worker *w);
size_t cgap_pair_tile_worker_bytes(size_t dim);

/* Fills the worker's sums, least and greatest for one tile, and hands over to the pass's lists what may be among the
 * ten nearest. false: out of memory. */
bool cgap_pair_tile_run(const cgap_pair_tile_pass *pass, const cgap_pair_tile_place *place, cgap_pair_tile_worker *w);

#endif
