/* Which kernels: asked of the processor, not of the build machine. */
#include "engine/kernels.h"

#include <math.h>

extern const cgap_kernels cgap_kernels_portable;
#if defined(__x86_64__)
extern const cgap_kernels cgap_kernels_avx2, cgap_kernels_avx512;
#endif

size_t cgap_kernels_list(const cgap_kernels *out[3])
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

const cgap_kernels *cgap_kernels_here(void)
{
  const cgap_kernels *list[3];
  return list[cgap_kernels_list(list) - 1];
}

cgap_exponent cgap_exponent_init(double scale, double lowest_power_of_two)
{
  double factor = scale / log(2.0);
  float high = (float)factor;
  return (cgap_exponent){
    .high = high, .low = (float)(factor - (double)high), .lowest = (float)(lowest_power_of_two / factor)};
}
