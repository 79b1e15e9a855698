/* The tests' own tools, where a mistake would hide mistakes elsewhere. */
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(support, half_is_ieee)
{
  /* value, bits of IEEE 754 binary16; halfway cases go to the even neighbour */
  static const struct {
    double value;
    uint16_t bits;
  } CASES[] = {{0, 0},
               {1, 0x3C00},
               {-2, 0xC000},
               {65504, 0x7BFF},
               {65519, 0x7BFF},
               {65520, 0x7C00},
               {0x1p-24, 1},
               {0x1p-25, 0},
               {0x1.8p-24, 2},
               {0x1p-14, 0x400},
               {1.0 / 3, 0x3555},
               {1 + 0x1p-11, 0x3C00},
               {1 + 0x3p-11, 0x3C02},
               {0x1.ffep-15, 0x400}};
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    uint16_t *bits = support_encode(&CASES[i].value, 1, CGAP_FLOAT16);
    cr_assert_eq(*bits, CASES[i].bits, "%a gave %#x, not %#x", CASES[i].value, *bits, CASES[i].bits);
    free(bits);
  }
}

Test(support, decode_inverts_encode)
{
  for (unsigned bits = 0; bits < 0x10000; bits++) {
    uint16_t in = (uint16_t)bits;
    for (int type = CGAP_FLOAT16; type <= CGAP_BFLOAT16; type++) {
      double *value = support_decode(&in, 1, (cgap_type)type);
      uint16_t *back = support_encode(value, 1, (cgap_type)type);
      cr_assert(isnan(*value) || *back == in, "%s %#x came back as %#x", cgap_type_name((cgap_type)type), in, *back);
      free(back);
      free(value);
    }
  }
}

Test(support, bfloat_rounds_half_to_even)
{
  double values[] = {1 + 0x1p-8, 1 + 0x3p-8};
  uint16_t *bits = support_encode(values, 2, CGAP_BFLOAT16);
  cr_assert_eq(bits[0], 0x3F80);
  cr_assert_eq(bits[1], 0x3F82);
  free(bits);
}

Test(support, comparisons_can_fail)
{
  cr_assert(support_near("-", "-", 1.0, 1.0 + 1e-9, 1e-8, 0));
  cr_assert_not(support_near("expected", "failure", 1.0, 1.1, 1e-8, 1e-8));
  cr_assert_not(support_near("expected", "failure", NAN, 1, 1, 1));
  cr_assert_not(support_near("expected", "failure", 1, NAN, 1, 1));
  cr_assert(support_near("-", "-", NAN, NAN, 0, 0));
  cr_assert_not(support_count("expected", "failure", 1, 2));
}

Test(support, rotation_is_orthonormal)
{
  enum { D = 33 };
  double *q = support_alloc(D * D, sizeof *q);
  support_random r = support_seed(3);
  support_rotation(&r, q, D);
  for (size_t i = 0; i < D; i++)
    for (size_t j = 0; j < D; j++) {
      double s = 0;
      for (size_t k = 0; k < D; k++)
        s += q[i * D + k] * q[j * D + k];
      cr_assert_float_eq(s, i == j, 1e-14);
    }
  free(q);
}

Test(support, directories_come_and_go)
{
  char dir[200], path[300];
  support_directory(dir, sizeof dir);
  snprintf(path, sizeof path, "%s/a", dir);
  FILE *f = fopen(path, "w");
  fputs("text", f);
  fclose(f);
  char *text = support_read(path);
  cr_assert_str_eq(text, "text");
  free(text);
  support_remove(dir);
  cr_assert_neq(access(dir, F_OK), 0);
}
