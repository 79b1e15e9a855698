#include "rows/exp_sums.h"

#include "base/memory.h"
#include "simd/audit_kernels.h"

#include <math.h>
#include <string.h>

enum { DIGIT = 31 };

bool cgap_wide_init(cgap_wide *out, size_t count, double bound)
{
  int exponent = 0;
  (void)frexp(bound, &exponent);
  *out = (cgap_wide){.count = count, .exponent = exponent};
  out->high = cgap_zalloc(2 * count, sizeof *out->high);
  out->low = out->high ? out->high + count : NULL;
  return out->high != NULL;
}

void cgap_wide_clear(cgap_wide *wide)
{
  cgap_free(wide->high);
  *wide = (cgap_wide){0};
}

void cgap_wide_zero(cgap_wide *wide)
{
  memset(wide->high, 0, 2 * wide->count * sizeof *wide->high);
}

void cgap_wide_add(cgap_wide *wide, size_t first, const double *values, size_t n)
{
  cgap_kernels_here()->add_wide(values, n, ldexp(1, DIGIT - wide->exponent), (uint64_t *)wide->high + first,
                                (uint64_t *)wide->low + first);
}

cgap_status cgap_wide_reduce(cgap_wide *wide, cgap_comm *comm, cgap_error *error)
{
  return cgap_comm_sum(comm, wide->high, 2 * wide->count, CGAP_COMM_U64, error);
}

/* The low integer's carry goes to the high one, so that equal sums have equal parts, however they came about. */
void cgap_wide_values(const cgap_wide *wide, size_t first, size_t n, double *out)
{
  const double unit = ldexp(1, wide->exponent - DIGIT), small = ldexp(1, wide->exponent - 2 * DIGIT);
  for (size_t k = 0; k < n; k++) {
    const int64_t half = INT64_C(1) << (DIGIT - 1), low = wide->low[first + k] + half;
    const int64_t carry = low >> DIGIT, rest = low - carry * (INT64_C(1) << DIGIT) - half;
    out[k] = (double)(wide->high[first + k] + carry) * unit + (double)rest * small;
  }
}
