/* Chooses the kernels by the processor of this machine, not by the build machine. */
#include "simd/kernels.h"

#include <math.h>

extern const cgap_audit_kernels cgap_kernels_portable;
extern const cgap_training_kernels cgap_vector_portable;
#if defined(__x86_64__)
extern const cgap_audit_kernels cgap_kernels_avx2, cgap_kernels_avx512;
extern const cgap_training_kernels cgap_vector_avx2, cgap_vector_avx512;
#endif

/* Which instruction sets the processor has, beyond the portable one: each needs the one before it. */
static size_t instruction_sets(void)
{
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
    return 1;
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
           ? CGAP_KERNEL_SETS
           : 2;
#else
  return 1;
#endif
}

size_t cgap_audit_kernels_list(const cgap_audit_kernels *out[CGAP_KERNEL_SETS])
{
  out[0] = &cgap_kernels_portable;
#if defined(__x86_64__)
  out[1] = &cgap_kernels_avx2;
  out[2] = &cgap_kernels_avx512;
#endif
  return instruction_sets();
}

const cgap_audit_kernels *cgap_audit_kernels_here(void)
{
  const cgap_audit_kernels *list[CGAP_KERNEL_SETS];
  return list[cgap_audit_kernels_list(list) - 1];
}

size_t cgap_training_kernels_list(const cgap_training_kernels *out[CGAP_KERNEL_SETS])
{
  out[0] = &cgap_vector_portable;
#if defined(__x86_64__)
  out[1] = &cgap_vector_avx2;
  out[2] = &cgap_vector_avx512;
#endif
  return instruction_sets();
}

const cgap_training_kernels *cgap_training_kernels_here(void)
{
  const cgap_training_kernels *list[CGAP_KERNEL_SETS];
  return list[cgap_training_kernels_list(list) - 1];
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
