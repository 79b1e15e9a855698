/* OpenBLAS chooses its kernels when it is loaded, by a list of processors. 0.3.21 does not know the later AMD ones
 * (Zen 4, Zen 5) and gives them AVX2 kernels, at half the rate of the AVX-512 ones that they can run. Its one way to be
 * told otherwise is the environment, read before main, as is libgomp's way of waiting: so the program starts itself
 * again, once, with OPENBLAS_CORETYPE and OMP_WAIT_POLICY set. A value that the user has set is left alone. */
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

/* A thread that waits for the others spins for some ten microseconds and then sleeps. By default libgomp lets it spin
 * for long, which on a machine that others use as well makes training four times slower; sleeping at once would cost
 * small training steps a third of their speed. */
static bool set_waiting(void)
{
  return !getenv("OMP_WAIT_POLICY") && !getenv("GOMP_SPINCOUNT") && setenv("OMP_WAIT_POLICY", "passive", 0) == 0 &&
         setenv("GOMP_SPINCOUNT", "10000", 0) == 0;
}

static bool set_core(void)
{
  const char *core = openblas_get_corename();
  if (getenv("OPENBLAS_CORETYPE") || !has_avx512() || (strcmp(core, "Haswell") != 0 && strcmp(core, "Zen") != 0))
    return false;
  return setenv("OPENBLAS_CORETYPE", "SkylakeX", 0) == 0;
}

void cli_wide_blas(char **argv)
{
  const bool waiting = set_waiting(), core = set_core();
  if (waiting || core)
    (void)execv("/proc/self/exe", argv); /* where that fails, work goes on with what is at hand */
}
