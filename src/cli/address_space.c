#include "cli/address_space.h"

#include <malloc.h>
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* OpenBLAS's own, which cblas.h does not declare: a buffer that stays mapped for later calls. */
void *blas_memory_alloc(int);
void blas_memory_free(void *);

enum { MOST_BUFFERS = 128 }; /* OpenBLAS holds twice as many */
static const size_t BLAS_BUFFER_BYTES = (size_t)128 << 20, REST_BYTES = (size_t)64 << 20;

static bool is_limited(void)
{
  static const int KINDS[] = {RLIMIT_AS, RLIMIT_DATA};
  struct rlimit limit;
  for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++)
    if (getrlimit(KINDS[k], &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
      return true;
  return false;
}

static bool is_free(size_t bytes)
{
  void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return block != MAP_FAILED && munmap(block, bytes) == 0;
}

/* ---------------------------------------------------------------- before OpenBLAS is loaded */

static int number_in(char *const *environment, const char *name)
{
  const size_t length = strlen(name);
  for (; *environment; environment++)
    if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
      return atoi(*environment + length + 1);
  return 0;
}

/* As OpenBLAS counts them. */
static int blas_threads(char *const *environment)
{
  static const char *const NAMES[] = {"OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"};
  cpu_set_t set;
  int asked = 0, cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  for (size_t k = 0; asked <= 0 && k < sizeof NAMES / sizeof *NAMES; k++)
    asked = number_in(environment, NAMES[k]);
  return asked > 0 && asked < cores ? asked : cores;
}

/* Runs before the constructors of all libraries: nothing but system calls. */
static void check_before_loading(int argc, char **argv, char **environment)
{
  static const char REFUSAL[] = "contragap: the limit of the address space (ulimit -v) is too small to load OpenBLAS, "
                                "which takes 128 MiB a thread; raise it, or set OPENBLAS_NUM_THREADS=1\n";
  (void)argc;
  (void)argv;
  if (!is_limited() || is_free((size_t)blas_threads(environment) * BLAS_BUFFER_BYTES))
    return;
  if (write(STDERR_FILENO, REFUSAL, sizeof REFUSAL - 1) < 0)
    _exit(CGAP_RESOURCE);
  _exit(CGAP_RESOURCE);
}

__attribute__((section(".preinit_array"), used)) static void (*const at_start)(int, char **,
                                                                               char **) = check_before_loading;

/* ---------------------------------------------------------------- when the threads are known */

static size_t stack_bytes(void)
{
  pthread_attr_t usual;
  size_t bytes = (size_t)8 << 20;
  if (pthread_getattr_default_np(&usual) == 0) {
    (void)pthread_attr_getstacksize(&usual, &bytes);
    (void)pthread_attr_destroy(&usual);
  }
  return bytes;
}

/* One more than threads, for a call within a call. */
static void take_buffers(int threads)
{
  void *buffer[MOST_BUFFERS + 1];
  const int count = threads < MOST_BUFFERS ? threads + 1 : MOST_BUFFERS + 1;
  for (int k = 0; k < count; k++)
    buffer[k] = blas_memory_alloc(0);
  for (int k = 0; k < count; k++)
    blas_memory_free(buffer[k]);
}

cgap_status cli_address_space_take(int threads, cgap_error *error)
{
  if (!is_limited())
    return CGAP_OK;
  (void)mallopt(M_ARENA_MAX, 1); /* else each thread reserves another 64 MiB */
  const int own = omp_get_max_threads() > omp_get_num_procs() ? omp_get_max_threads() : omp_get_num_procs();
  const int count = threads > 0 ? threads : own;
  const size_t buffers = (size_t)(count < MOST_BUFFERS ? count : MOST_BUFFERS) + 1;
  const size_t bytes = (size_t)count * stack_bytes() + buffers * BLAS_BUFFER_BYTES + REST_BYTES;
  if (!is_free(bytes))
    return cgap_fail(error, CGAP_RESOURCE,
                     "%d thread%s need %zu MB of address space, which its limit (ulimit -v) does not leave; raise the "
                     "limit%s",
                     count, count == 1 ? "" : "s", bytes >> 20, count == 1 ? "" : ", or give --threads 1");
#pragma omp parallel num_threads(count)
  {
#pragma omp barrier
  } take_buffers(count);
  return CGAP_OK;
}
