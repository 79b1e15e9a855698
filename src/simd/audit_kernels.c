/* Which kernels: asked of the processor, not of the build machine. */
#include "simd/audit_kernels.h"

#include <math.h>

extern const cgap_audit_kernels cgap_kernels_portable;
#if defined(__x86_64__)
extern const cgap_audit_kernels cgap_kernels_avx2, cgap_kernels_avx512;
#endif

size_t cgap_audit_kernels_list(const cgap_audit_kernels *out[3])
{
  size_t count = 0;
  out[count++] = &cgap_kernels_portable;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    out[count++] = &cgap_kernels_avx2;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    out[count++] = &cgap_kernels_avx512;
#endif
  return count;
}

const cgap_audit_kernels *cgap_audit_kernels_here(void)
{
  const cgap_audit_kernels *list[3];
  return list[cgap_audit_kernels_list(list) - 1];
}

cgap_exponent cgap_exponent_init(double scale, double lowest_power_of_two, int apart)
{
  enum { STEP_BITS = 13 }; /* times up to 2^11 steps: the 24 bits of a float */
  const double factor = scale / log(2.0), step = 1 / factor;
  const double unit = ldexp(1, ilogb(step) - STEP_BITS + 1), high = floor(step / unit) * unit;
  return (cgap_exponent){.factor = (float)factor,
                         .factor_low = (float)(factor - (double)(float)factor),
                         .step_high = (float)high,
                         .step_low = (float)(step - high),
                         .lowest = (float)((lowest_power_of_two + apart) / factor),
                         .apart = (float)apart};
}
