#include "cli/run_info.h"

#include <cblas.h>
#include <malloc.h>
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/language.h"
#include "base/memory.h"

cli_common cli_shared;
static bool is_other_rank;

const struct cgap_language *cli_language(void)
{
  return cgap_languages[cli_shared.lang];
}

bool cli_ends_with(const char *text, const char *ending)
{
  const size_t a = strlen(text), b = strlen(ending);
  return a >= b && strcmp(text + a - b, ending) == 0;
}

/* A word that the shell would split stands in single quotes. */
static void put_word(FILE *out, const char *word)
{
  static const char unquoted[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,/:@%";
  if (*word && word[strspn(word, unquoted)] == '\0') {
    fputs(word, out);
    return;
  }
  fputc('\'', out);
  for (; *word; word++) {
    if (*word == '\'')
      fputs("'\\''", out);
    else
      fputc(*word, out);
  }
  fputc('\'', out);
}

char *cli_command_line(int argc, char **argv)
{
  char *text = NULL;
  size_t bytes;
  FILE *out = open_memstream(&text, &bytes);
  if (!out)
    return NULL;
  fputs("contragap", out);
  for (int i = 0; i < argc; i++) {
    fputc(' ', out);
    put_word(out, argv[i]);
  }
  if (fclose(out) != 0) {
    free(text);
    return NULL;
  }
  return text;
}

char *cli_input_line(const char *const *items, size_t count)
{
  const struct {
    const char *option, *value;
  } named[] = {{"--image", cli_shared.image},           {"--text", cli_shared.text},
               {"--text-image", cli_shared.text_image}, {"--labels", cli_shared.labels},
               {"--class-text", cli_shared.class_text}, {"--names", cli_shared.names}};
  char *text = NULL;
  size_t bytes;
  FILE *out = open_memstream(&text, &bytes);
  if (!out)
    return NULL;
  for (size_t i = 0; i < count; i++) {
    fputs(i ? " " : "", out);
    put_word(out, items[i]);
  }
  const char *blank = count ? " " : "";
  for (size_t k = 0; k < sizeof named / sizeof *named; k++)
    if (named[k].value) {
      fprintf(out, "%s%s ", blank, named[k].option);
      put_word(out, named[k].value);
      blank = " ";
    }
  fprintf(out, "%s%s%s%s%s", cli_shared.unpaired ? " --unpaired" : "", cli_shared.drop_bad ? " --drop-bad" : "",
          cli_shared.merge_images ? " --merge-images" : "", cli_shared.follow ? " --follow" : "",
          cli_shared.plugins ? " --plugins" : "");
  if (fclose(out) != 0) {
    free(text);
    return NULL;
  }
  return text;
}

double cli_seconds(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int cli_cores(void)
{
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? count : 1;
}

int cli_columns(int file)
{
  enum { COLUMNS_LEAST = 20, COLUMNS_DEFAULT = 80, COLUMNS_MAX = 400 };
  struct winsize window = {0};
  const char *said = getenv("COLUMNS");
  long columns = ioctl(file, TIOCGWINSZ, &window) == 0 ? window.ws_col : 0;
  if (columns < COLUMNS_LEAST && said)
    columns = strtol(said, NULL, 10);
  return columns < COLUMNS_LEAST ? COLUMNS_DEFAULT : columns < COLUMNS_MAX ? (int)columns : COLUMNS_MAX;
}

static bool is_limited(void)
{
  static const int KINDS[] = {RLIMIT_AS, RLIMIT_DATA};
  struct rlimit limit;
  for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++)
    if (getrlimit(KINDS[k], &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
      return true;
  return false;
}

#if defined(__GLIBC__)
enum { MMAP_BYTES = 32 << 20, TRIM_BYTES = 1 << 30 }; /* glibc takes no larger threshold than 32 MiB */

/* The next so many bytes of the heap get huge pages: most buffers of a few thousand rows are smaller than one. */
static void ask_for_huge_heap(void)
{
  enum { HEAP_BYTES = 64 << 20, GROWING_BYTES = 1 << 20 };
  const uintptr_t before = (uintptr_t)sbrk(0);
  (void)mallopt(M_TOP_PAD, HEAP_BYTES);
  cgap_free(cgap_alloc(GROWING_BYTES, 1));
  const uintptr_t first = (before + CGAP_HUGE_BYTES - 1) / CGAP_HUGE_BYTES * CGAP_HUGE_BYTES,
                  end = (uintptr_t)sbrk(0) / CGAP_HUGE_BYTES * CGAP_HUGE_BYTES;
  if (end > first)
    (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
}
#endif

void cli_keep_freed_memory(bool computes)
{
#if defined(__GLIBC__)
  (void)mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
  (void)mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
  (void)mallopt(M_ARENA_MAX, 1);
  if (computes && !is_limited() && cgap_huge_pages())
    ask_for_huge_heap();
#else
  (void)computes;
#endif
}

bool cli_ranks_first(void)
{
  return !is_other_rank;
}

void cli_ranks_set_first(bool first)
{
  is_other_rank = !first;
}

/* ---------------------------------------------------------------- the address space */

/* OpenBLAS's own, which cblas.h does not declare: a buffer that stays mapped for later calls. */
void *blas_memory_alloc(int);
void blas_memory_free(void *);

enum { BUFFERS_MAX = 128 }; /* OpenBLAS holds twice as many */
static const size_t BLAS_BUFFER_BYTES = (size_t)128 << 20, USUAL_STACK_BYTES = (size_t)8 << 20;
static const size_t LOADING_REST_BYTES = (size_t)16 << 20; /* the heap, the stack of the thread that hears signals */
static const size_t WORK_REST_BYTES = (size_t)64 << 20;

static bool is_free(size_t bytes)
{
  void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return block != MAP_FAILED && munmap(block, bytes) == 0;
}

/* What the work of so many threads takes: their stacks and a buffer each, one more for a call within a call. */
static size_t work_bytes(int threads, size_t stack)
{
  const size_t buffers = (size_t)(threads < BUFFERS_MAX ? threads : BUFFERS_MAX) + 1;
  return (size_t)threads * stack + buffers * BLAS_BUFFER_BYTES + WORK_REST_BYTES;
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

/* What OpenBLAS maps while it is loaded: a buffer for each thread that it counts, where omp is OMP_NUM_THREADS. Built
 * with OpenMP, 0.3.21 reads that variable alone and counts all processors of the machine, also those that the process
 * may not use; other builds and versions read the others as well. The largest of these numbers serves for all. */
static size_t loading_bytes(char *const *environment, int omp)
{
  static const char *const OTHERS[] = {"OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS"};
  const long configured = sysconf(_SC_NPROCESSORS_CONF);
  const int most = configured > 0 && configured < BUFFERS_MAX ? (int)configured : BUFFERS_MAX;
  int count = omp > 0 ? omp : most;
  for (size_t k = 0; k < sizeof OTHERS / sizeof *OTHERS; k++)
    if (number_in(environment, OTHERS[k]) > count)
      count = number_in(environment, OTHERS[k]);
  return (size_t)(count < most ? count : most) * BLAS_BUFFER_BYTES + LOADING_REST_BYTES;
}

/* Runs before the constructors of all libraries: nothing that they set up is used. */
static void check_before_loading(int argc, char **argv, char **environment)
{
  static char refusal[] = "contragap: the limit of the address space (ulimit -v) is too small to load OpenBLAS, which "
                          "takes 128 MiB a thread; raise it",
              advice[] = ", or set OMP_NUM_THREADS=1 and give --threads 1", end[] = "\n";
  (void)argc;
  (void)argv;
  if (!is_limited() || is_free(loading_bytes(environment, number_in(environment, "OMP_NUM_THREADS"))))
    return;
  const bool one = is_free(loading_bytes(environment, 1) + work_bytes(1, USUAL_STACK_BYTES));
  const struct iovec line[] = {
    {refusal, sizeof refusal - 1}, {advice, one ? sizeof advice - 1 : 0}, {end, sizeof end - 1}};
  if (writev(STDERR_FILENO, line, sizeof line / sizeof *line) < 0)
    _exit(CGAP_RESOURCE);
  _exit(CGAP_RESOURCE);
}

__attribute__((section(".preinit_array"), used)) static void (*const at_start)(int, char **,
                                                                               char **) = check_before_loading;

/* ---------------------------------------------------------------- when the threads are known */

static size_t stack_bytes(void)
{
  pthread_attr_t usual;
  size_t bytes = USUAL_STACK_BYTES;
  if (pthread_getattr_default_np(&usual) == 0) {
    (void)pthread_attr_getstacksize(&usual, &bytes);
    (void)pthread_attr_destroy(&usual);
  }
  return bytes;
}

static void allocate_blas_buffers(int threads)
{
  void *buffer[BUFFERS_MAX + 1];
  const int count = threads < BUFFERS_MAX ? threads + 1 : BUFFERS_MAX + 1;
  for (int k = 0; k < count; k++)
    buffer[k] = blas_memory_alloc(0);
  for (int k = 0; k < count; k++)
    blas_memory_free(buffer[k]);
}

/* Only what then fits is named. */
static const char *largest_thread_count(int threads, size_t bytes_of_one, size_t spared)
{
  if (threads > 1 && is_free(bytes_of_one))
    return ", or give --threads 1";
  return spared > 0 && (spared >= bytes_of_one || is_free(bytes_of_one - spared))
           ? ", or set OMP_NUM_THREADS=1 and give --threads 1"
           : "";
}

void cli_arena_per_thread(void)
{
#if defined(__GLIBC__)
  if (!is_limited())
    (void)mallopt(M_ARENA_MAX, cli_cores() + 1);
#endif
}

cgap_status cli_address_space_take(int threads, cgap_error *error)
{
  if (!is_limited())
    return CGAP_OK;
  (void)mallopt(M_ARENA_MAX, 1); /* else each thread reserves another 64 MiB */
  const int own = omp_get_max_threads() > omp_get_num_procs() ? omp_get_max_threads() : omp_get_num_procs();
  const int count = threads > 0 ? threads : own;
  const size_t stack = stack_bytes(), bytes = work_bytes(count, stack), one = work_bytes(1, stack);
  const size_t loaded = loading_bytes(environ, number_in(environ, "OMP_NUM_THREADS")),
               spared = loaded - loading_bytes(environ, 1); /* by OMP_NUM_THREADS=1 */
  if (!is_free(bytes))
    return cgap_fail(
      error, CGAP_RESOURCE,
      "%d thread%s %zu MB of address space, which its limit (ulimit -v) does not leave; raise the limit%s", count,
      count == 1 ? " needs" : "s need", bytes >> 20, largest_thread_count(count, one, spared));
#pragma omp parallel num_threads(count)
  {
#pragma omp barrier
  } allocate_blas_buffers(count);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- what libraries read of the environment */

static bool has_avx512_of_amd(void)
{
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_is("amd") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

static const char *value_in_environment(const char *name)
{
  const size_t length = strlen(name);
  for (char **entry = environ; entry && *entry; entry++)
    if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
      return *entry + length + 1;
  return NULL;
}

/* What the program wants where the user has not decided it. libgomp: a thread that waits for the others spins for some
 * ten microseconds and then sleeps. By default it spins for long, which on a machine that others use as well makes
 * training four times slower; sleeping at once would cost small training steps a third of their speed. OpenBLAS: 0.3.21
 * does not know the later AMD processors (Zen 4, Zen 5) and gives them AVX2 kernels, at half the rate of the AVX-512
 * ones that they can run. */
static const char *value_of_program(const char *name)
{
  if (strcmp(name, "OMP_WAIT_POLICY") == 0)
    return value_in_environment("GOMP_SPINCOUNT") ? NULL : "passive";
  if (strcmp(name, "GOMP_SPINCOUNT") == 0)
    return value_in_environment("OMP_WAIT_POLICY") ? NULL : "10000";
  return strcmp(name, "OPENBLAS_CORETYPE") == 0 && has_avx512_of_amd() ? "SkylakeX" : NULL;
}

/* Both libraries read the environment before main, and setting a variable before their constructors run does not last,
 * since libc's own takes the kernel's environment again. So the program defines getenv, which the libraries call in
 * place of libc's, as the dynamic linker looks for a symbol in the program first. */
__attribute__((visibility("default"))) char *getenv(const char *name)
{
  const char *value = value_in_environment(name);
  return (char *)(value ? value : value_of_program(name));
}
