/* The engine against the naive double program: every measure, over random data of every kind. */
#include "cases.h"

#include <criterion/criterion.h>

#define BY_ROW CASE_BY_ROW
#define RAGGED CASE_RAGGED
#define UNPAIRED CASE_UNPAIRED

static void compare(const case_spec *specs, size_t count, uint64_t seed)
{
  size_t failed = 0;
  for (size_t i = 0; i < count; i++)
    failed += case_differences(&specs[i], seed + i);
  cr_assert_eq(failed, 0, "%zu differences", failed);
}

#define COUNT(table) (sizeof(table) / sizeof *(table))

Test(audit_random, one_text_an_image)
{
  static const case_spec SPECS[] = {
    {"by row", 200, 0, 32, BY_ROW, CGAP_FLOAT32, 0, 0.5, 0.01},
    {"by row, wide", 150, 0, 70, BY_ROW, CGAP_FLOAT32, 0, 0.3, 0.01},
    {"by row, no offset", 257, 0, 16, BY_ROW, CGAP_FLOAT32, 0, 0, 0.01},
    {"by row, far apart", 180, 0, 48, BY_ROW, CGAP_FLOAT32, 0, 3, 0.01},
    {"unnormalised", 210, 0, 33, BY_ROW, CGAP_FLOAT32, CASE_UNNORMALISED, 0.5, 0.01},
    {"float16", 220, 0, 24, BY_ROW, CGAP_FLOAT16, 0, 0.5, 0.01},
    {"float16, unnormalised", 230, 0, 17, BY_ROW, CGAP_FLOAT16, CASE_UNNORMALISED, 0.4, 0.01},
    {"bfloat16", 190, 0, 40, BY_ROW, CGAP_BFLOAT16, 0, 0.5, 0.01},
    {"float64", 240, 0, 19, BY_ROW, CGAP_FLOAT64, CASE_UNNORMALISED, 0.5, 0.01},
    {"strangers", 160, 0, 20, BY_ROW, CGAP_FLOAT32, CASE_STRANGERS, 0.5, 0.01},
    {"shifted", 170, 0, 20, BY_ROW, CGAP_FLOAT32, CASE_SHIFTED, 0.2, 0.01},
    {"warm", 128, 0, 31, BY_ROW, CGAP_FLOAT32, 0, 0.5, 1},
    {"cold", 129, 0, 31, BY_ROW, CGAP_FLOAT32, 0, 0.5, 0.02},
    {"constant columns", 100, 0, 12, BY_ROW, CGAP_FLOAT32, CASE_CONSTANT, 0.5, 0.01},
  };
  compare(SPECS, COUNT(SPECS), 100);
}

Test(audit_random, small)
{
  static const case_spec SPECS[] = {
    {"three rows", 3, 0, 4, BY_ROW, CGAP_FLOAT32, 0, 0.5, 0.1},
    {"four rows", 4, 0, 3, BY_ROW, CGAP_FLOAT64, 0, 0.5, 0.1},
    {"five rows", 5, 0, 9, BY_ROW, CGAP_FLOAT32, 0, 0.5, 0.1},
    {"six rows", 6, 0, 2, BY_ROW, CGAP_FLOAT16, 0, 0.5, 0.1},
    {"ten rows", 10, 0, 70, BY_ROW, CGAP_FLOAT32, 0, 0.5, 0.1},
    {"eleven rows", 11, 0, 5, BY_ROW, CGAP_FLOAT32, 0, 0.5, 0.1},
    {"plane", 60, 0, 2, BY_ROW, CGAP_FLOAT32, 0, 0.3, 0.05},
    {"three images and four texts", 3, 4, 5, UNPAIRED, CGAP_FLOAT32, 0, 0.5, 0.01},
    {"few, ragged", 9, 0, 6, RAGGED, CGAP_FLOAT32, 0, 0.5, 0.1},
    {"a fold without texts", 5, 0, 11, RAGGED, CGAP_FLOAT32, 0, 0.5, 0.3},
    {"more dimensions than rows", 21, 0, 64, BY_ROW, CGAP_FLOAT32, 0, 0.5, 0.1},
  };
  compare(SPECS, COUNT(SPECS), 200);
}

Test(audit_random, several_texts_an_image)
{
  static const case_spec SPECS[] = {
    {"ragged", 90, 0, 32, RAGGED, CGAP_FLOAT32, 0, 0.5, 0.01},
    {"ragged, float16", 75, 0, 24, RAGGED, CGAP_FLOAT16, 0, 0.5, 0.01},
    {"ragged, bfloat16", 60, 0, 64, RAGGED, CGAP_BFLOAT16, CASE_UNNORMALISED, 0.5, 0.01},
    {"ragged, float64", 110, 0, 15, RAGGED, CGAP_FLOAT64, 0, 1, 0.01},
    {"ragged, duplicates", 80, 0, 20, RAGGED, CGAP_FLOAT32, CASE_DUPLICATES, 0.5, 0.01},
    {"ragged, lattice", 70, 0, 5, RAGGED, CGAP_FLOAT32, CASE_LATTICE, 0, 0.02},
    {"ragged, near ties", 85, 0, 12, RAGGED, CGAP_FLOAT64, CASE_NEAR_TIES, 0.5, 0.01},
    {"ragged, strangers", 66, 0, 10, RAGGED, CGAP_FLOAT32, CASE_STRANGERS, 0.5, 0.05},
    {"ragged, bad rows", 88, 0, 18, RAGGED, CGAP_FLOAT32, CASE_BAD, 0.5, 0.01},
    {"ragged, classes", 77, 0, 22, RAGGED, CGAP_FLOAT32, CASE_ZERO_SHOT | CASE_ARITHMETIC, 0.5, 0.01},
  };
  compare(SPECS, COUNT(SPECS), 300);
}

Test(audit_random, ties)
{
  static const case_spec SPECS[] = {
    {"duplicates", 150, 0, 16, BY_ROW, CGAP_FLOAT32, CASE_DUPLICATES, 0.5, 0.01},
    {"duplicates, float16", 140, 0, 30, BY_ROW, CGAP_FLOAT16, CASE_DUPLICATES | CASE_UNNORMALISED, 0.5, 0.01},
    {"duplicates, float64", 130, 0, 64, BY_ROW, CGAP_FLOAT64, CASE_DUPLICATES, 0.5, 0.01},
    {"lattice, plane", 120, 0, 2, BY_ROW, CGAP_FLOAT32, CASE_LATTICE, 0, 0.1},
    {"lattice", 150, 0, 4, BY_ROW, CGAP_FLOAT32, CASE_LATTICE, 0, 0.02},
    {"lattice, float16", 160, 0, 8, BY_ROW, CGAP_FLOAT16, CASE_LATTICE | CASE_UNNORMALISED, 0, 0.02},
    {"lattice, bfloat16", 100, 0, 12, BY_ROW, CGAP_BFLOAT16, CASE_LATTICE, 0, 0.02},
    {"near ties", 150, 0, 24, BY_ROW, CGAP_FLOAT64, CASE_NEAR_TIES, 0.5, 0.01},
    {"near ties and duplicates", 150, 0, 9, BY_ROW, CGAP_FLOAT64, CASE_NEAR_TIES | CASE_DUPLICATES, 0.2, 0.01},
    {"near ties, unnormalised", 150, 0, 40, BY_ROW, CGAP_FLOAT64, CASE_NEAR_TIES | CASE_UNNORMALISED, 0.5, 0.01},
  };
  compare(SPECS, COUNT(SPECS), 400);
}

Test(audit_random, unpaired)
{
  static const case_spec SPECS[] = {
    {"unpaired", 120, 77, 32, UNPAIRED, CGAP_FLOAT32, 0, 0.5, 0.01},
    {"unpaired, more texts", 40, 250, 12, UNPAIRED, CGAP_FLOAT16, 0, 0.1, 0.01},
    {"unpaired, duplicates", 70, 70, 20, UNPAIRED, CGAP_FLOAT32, CASE_DUPLICATES, 0.5, 0.01},
    {"unpaired, bfloat16", 55, 90, 64, UNPAIRED, CGAP_BFLOAT16, 0, 0.5, 0.01},
    {"unpaired, bad rows", 80, 60, 16, UNPAIRED, CGAP_FLOAT64, CASE_BAD, 0.5, 0.01},
    {"unpaired, classes", 95, 33, 10, UNPAIRED, CGAP_FLOAT32, CASE_ZERO_SHOT | CASE_PROMPTS, 0.5, 0.01},
  };
  compare(SPECS, COUNT(SPECS), 500);
}

Test(audit_random, classes_and_bad_rows)
{
  static const case_spec SPECS[] = {
    {"classes", 200, 0, 32, BY_ROW, CGAP_FLOAT32, CASE_ZERO_SHOT, 0.5, 0.01},
    {"classes, prompts", 150, 0, 24, BY_ROW, CGAP_FLOAT16, CASE_ZERO_SHOT | CASE_PROMPTS, 0.5, 0.01},
    {"classes, unnormalised", 130, 0, 16, BY_ROW, CGAP_FLOAT64, CASE_ZERO_SHOT | CASE_PROMPTS | CASE_UNNORMALISED, 0.5,
     0.01},
    {"arithmetic", 160, 0, 32, BY_ROW, CGAP_FLOAT32, CASE_ARITHMETIC, 0.5, 0.01},
    {"arithmetic, weights", 90, 0, 10, BY_ROW, CGAP_FLOAT16, CASE_ARITHMETIC | CASE_PROMPTS, 0.5, 0.01},
    {"arithmetic, duplicates", 120, 0, 12, BY_ROW, CGAP_FLOAT32, CASE_ARITHMETIC | CASE_DUPLICATES, 0.5, 0.01},
    {"bad rows", 140, 0, 20, BY_ROW, CGAP_FLOAT32, CASE_BAD, 0.5, 0.01},
    {"bad rows, float16", 110, 0, 30, BY_ROW, CGAP_FLOAT16, CASE_BAD, 0.5, 0.01},
    {"bad rows, classes", 125, 0, 18, BY_ROW, CGAP_BFLOAT16, CASE_BAD | CASE_ZERO_SHOT, 0.5, 0.01},
  };
  compare(SPECS, COUNT(SPECS), 600);
}

/* More than the 1024 rows of a tile on one side or both. */
Test(audit_random, several_tiles)
{
  static const case_spec SPECS[] = {
    {"tiles", 1100, 0, 12, BY_ROW, CGAP_FLOAT32, CASE_DUPLICATES, 0.4, 0.02},
    {"tiles, ragged", 500, 0, 9, RAGGED, CGAP_FLOAT16, CASE_DUPLICATES | CASE_BAD, 0.4, 0.02},
    {"tiles, near ties", 1030, 0, 6, BY_ROW, CGAP_FLOAT64, CASE_NEAR_TIES | CASE_UNNORMALISED, 0.4, 0.05},
    {"tiles, unpaired", 60, 2100, 7, UNPAIRED, CGAP_BFLOAT16, 0, 0.2, 0.02},
    {"tiles, classes", 1025, 40, 5, UNPAIRED, CGAP_FLOAT32, CASE_ZERO_SHOT | CASE_ARITHMETIC, 0.4, 0.02},
  };
  compare(SPECS, COUNT(SPECS), 700);
}
