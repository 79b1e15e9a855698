/* OpenBLAS chooses its kernels when it is loaded, by a list of processors. 0.3.21 does not know the later AMD ones
 * (Zen 4, Zen 5) and gives them AVX2 kernels, at half the rate of the AVX-512 ones that they can run. Its one way to be
 * told otherwise is the environment, read before main: so the program starts itself again, once, with OPENBLAS_CORETYPE
 * set. A value that the user has set is left alone. */
#include <cblas.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"

static bool has_avx512(void)
{
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

void cli_wide_blas(char **argv)
{
  const char *core = openblas_get_corename();
  if (getenv("OPENBLAS_CORETYPE") || !has_avx512() || (strcmp(core, "Haswell") != 0 && strcmp(core, "Zen") != 0))
    return;
  if (setenv("OPENBLAS_CORETYPE", "SkylakeX", 0) == 0)
    (void)execv("/proc/self/exe", argv); /* where that fails, work goes on with the kernels at hand */
}
