#include "rows/exp_sums.h"

#include "base/memory.h"
#include "simd/audit_kernels.h"

#include <math.h>
#include <string.h>

enum { DIGIT = 31 };

bool cgap_exact_sums_init(cgap_exact_sums *out, size_t count, double bound)
{
  int exponent = 0;
  (void)frexp(bound, &exponent);
  *out = (cgap_exact_sums){.count = count, .exponent = exponent};
  out->high = cgap_zalloc(2 * count, sizeof *out->high);
  out->low = out->high ? out->high + count : NULL;
  return out->high != NULL;
}

void cgap_exact_sums_clear(cgap_exact_sums *sums)
{
  cgap_free(sums->high);
  *sums = (cgap_exact_sums){0};
}

void cgap_exact_sums_zero(cgap_exact_sums *sums)
{
  memset(sums->high, 0, 2 * sums->count * sizeof *sums->high);
}

void cgap_exact_sums_add(cgap_exact_sums *sums, size_t first, const double *values, size_t n)
{
  cgap_audit_kernels_here()->add_exact(values, n, ldexp(1, DIGIT - sums->exponent), (uint64_t *)sums->high + first,
                                       (uint64_t *)sums->low + first);
}

cgap_status cgap_exact_sums_reduce(cgap_exact_sums *sums, cgap_comm *comm, cgap_error *error)
{
  return cgap_comm_sum(comm, sums->high, 2 * sums->count, CGAP_COMM_U64, error);
}

/* The low integer's carry goes to the high one, so that equal sums have equal parts, however they came about. */
void cgap_exact_sums_values(const cgap_exact_sums *sums, size_t first, size_t n, double *out)
{
  const double unit = ldexp(1, sums->exponent - DIGIT), small = ldexp(1, sums->exponent - 2 * DIGIT);
  for (size_t k = 0; k < n; k++) {
    const int64_t half = INT64_C(1) << (DIGIT - 1), low = sums->low[first + k] + half;
    const int64_t carry = low >> DIGIT, rest = low - carry * (INT64_C(1) << DIGIT) - half;
    out[k] = (double)(sums->high[first + k] + carry) * unit + (double)rest * small;
  }
}
