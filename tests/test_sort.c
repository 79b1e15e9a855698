/* Doubles come out in order, as qsort has them: short lists, many equals, rising, falling, and such as split badly. */
#include "analysis/interval.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double value(int kind, size_t i, size_t n)
{
  switch (kind) {
  case 0:
    return (double)(i * 7919 % 10007);
  case 1:
    return (double)i;
  case 2:
    return -(double)i;
  case 3:
    return (double)(i % 3);
  default:
    return (double)(i < n / 2 ? i : n - i);
  }
}

Test(sort, is_that_of_qsort)
{
  static double got[5000], want[5000];
  const size_t lengths[] = {0, 1, 2, 3, 4, 5, 8, 17, 100, 4999, 5000};
  for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
    for (int kind = 0; kind < 5; kind++) {
      const size_t n = lengths[l];
      for (size_t i = 0; i < n; i++)
        got[i] = want[i] = value(kind, i, n);
      cgap_sort(got, n);
      qsort(want, n, sizeof *want, compare);
      cr_assert_eq(memcmp(got, want, n * sizeof *got), 0, "%zu of kind %d", n, kind);
    }
}
