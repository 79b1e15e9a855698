/* Random inputs for the audit, from a specification and a seed: the data as the library takes them, and
 * the same as the naive program takes them. */
#ifndef CGAP_TESTS_CASES_H
#define CGAP_TESTS_CASES_H

#include "naive.h"

typedef enum case_shape {
  CASE_BY_ROW,  /* m = n */
  CASE_RAGGED,  /* 0 to 5 texts an image, in any order */
  CASE_UNPAIRED /* m any */
} case_shape;

enum {
  CASE_UNNORMALISED = 1, /* norms 5 to 12 */
  CASE_DUPLICATES = 2,   /* a tenth of the rows repeats others exactly */
  CASE_LATTICE = 4,      /* coordinates −1, 0, 1: many equal cosines and equal rows */
  CASE_NEAR_TIES = 8,    /* rows off others by 1e-8: told apart in double alone */
  CASE_ZERO_SHOT = 16,
  CASE_PROMPTS = 32, /* three prompts a class */
  CASE_ARITHMETIC = 64,
  CASE_BAD = 128,       /* NaN, infinite and zero rows, to be dropped */
  CASE_CONSTANT = 256,  /* two constant columns */
  CASE_SHIFTED = 512,   /* text i shows image i + 2 */
  CASE_STRANGERS = 1024 /* texts that have nothing to do with their images */
};

typedef struct case_spec {
  const char *name;
  size_t n, m, d; /* m counts for CASE_UNPAIRED alone */
  case_shape shape;
  cgap_type type;
  unsigned flags;
  double offset; /* of the modalities along one direction */
  double temperature;
} case_spec;

typedef struct test_case {
  cgap_data data;
  naive_input naive;
  void *blocks[32]; /* what both borrow */
  size_t block_count;
} test_case;

void case_build(test_case *out, const case_spec *spec, uint64_t seed);
void case_clear(test_case *out);

/* Audits the case and holds it against the naive program; returns the differences, each printed. */
size_t case_differences(const case_spec *spec, uint64_t seed);

#endif
