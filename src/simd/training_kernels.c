/* Which loops: asked of the processor, not of the build machine. */
#include "simd/training_kernels.h"

extern const cgap_training_kernels cgap_vector_portable;
#if defined(__x86_64__)
extern const cgap_training_kernels cgap_vector_avx2, cgap_vector_avx512;
#endif

size_t cgap_training_kernels_list(const cgap_training_kernels *out[3])
{
  size_t count = 0;
  out[count++] = &cgap_vector_portable;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    out[count++] = &cgap_vector_avx2;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    out[count++] = &cgap_vector_avx512;
#endif
  return count;
}

const cgap_training_kernels *cgap_training_kernels_here(void)
{
  const cgap_training_kernels *list[3];
  return list[cgap_training_kernels_list(list) - 1];
}
