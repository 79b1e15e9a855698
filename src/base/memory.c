#include "base/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

enum { ALIGNMENT = 64 };

bool cgap_product(size_t *out, size_t a, size_t b)
{
  if (a != 0 && b > SIZE_MAX / a)
    return false;
  *out = a * b;
  return true;
}

/* ---------------------------------------------------------------- page faults */

enum { PAGES_TIMED = 64 };

/* Of this thread's work, the system's for it included: other processes do not count. */
static double seconds_worked(void)
{
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Writes to the first `count` pages; returns the seconds. */
static double touch_pages(volatile char *block, size_t count, size_t page_bytes)
{
  const double start = seconds_worked();
  for (size_t k = 0; k < count; k++)
    block[k * page_bytes] = 1;
  return seconds_worked() - start;
}

#if defined(MADV_HUGEPAGE)
/* "always [madvise] never": the system's choice stands in brackets, and only this one leaves it to the program. */
static bool is_huge_page_mode(const char *mode)
{
  char words[64] = "";
  FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
  const bool read = f && fgets(words, sizeof words, f);
  if (f)
    (void)fclose(f);
  return read && strstr(words, mode);
}

/* Page faults of this thread so far that read no file. */
static long faults_taken(void)
{
  struct rusage usage;
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_minflt : 0;
}

/* The seconds of the fault of one huge page at `huge`, or why there are none. */
static void time_huge_page(char *huge, size_t page_bytes, cgap_fault_cost *out)
{
  if (madvise(huge, CGAP_HUGE_BYTES, MADV_HUGEPAGE) != 0) {
    out->why = "the system has none";
    return;
  }
  const double seconds = touch_pages(huge, 1, page_bytes);
  const long before = faults_taken();
  (void)touch_pages(huge + page_bytes, 1, page_bytes); /* a fault of its own, if the first was of a small page */
  if (faults_taken() == before)
    out->huge_seconds = seconds;
  else
    out->why = is_huge_page_mode("[never]") ? "the system is set never to give any" : "the system had none to give";
}
#endif

cgap_fault_cost cgap_fault_cost_measure(void)
{
  const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), bytes = 3 * (size_t)CGAP_HUGE_BYTES;
  cgap_fault_cost out = {.small_seconds = NAN, .huge_seconds = NAN, .pages = CGAP_HUGE_BYTES / page_bytes};
  char *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) {
    out.why = "no memory";
    return out;
  }
  char *huge = map + (CGAP_HUGE_BYTES - (uintptr_t)map % CGAP_HUGE_BYTES) % CGAP_HUGE_BYTES;
  char *small = huge + CGAP_HUGE_BYTES;
#if defined(MADV_HUGEPAGE)
  (void)madvise(small, CGAP_HUGE_BYTES, MADV_NOHUGEPAGE); /* fails where there are none */
  time_huge_page(huge, page_bytes, &out);
#else
  out.why = "this system cannot be asked for them";
#endif
  const size_t pages = cgap_lesser(PAGES_TIMED, out.pages);
  out.small_seconds = touch_pages(small, pages, page_bytes) / (double)pages;
  (void)munmap(map, bytes);
  return out;
}

/* ---------------------------------------------------------------- huge pages */

#if defined(MADV_HUGEPAGE)
static bool are_huge_pages_faster(void)
{
  const cgap_fault_cost cost = cgap_fault_cost_measure();
  return cost.huge_seconds < cost.small_seconds * (double)cost.pages;
}

bool cgap_huge_pages(void)
{
  enum { UNKNOWN, NO, YES };
  static _Atomic int answer = UNKNOWN;
  if (atomic_load(&answer) == UNKNOWN) { /* a second try, since one interrupt is enough to make a page look slow */
    const bool faster = is_huge_page_mode("[madvise]") && (are_huge_pages_faster() || are_huge_pages_faster());
    atomic_store(&answer, faster ? YES : NO);
  }
  return atomic_load(&answer) == YES;
}

/* The whole huge pages within a block. The advice is no more than that: where it fails, pages are small. */
static void ask_for_huge_pages(void *block, size_t bytes)
{
  const uintptr_t first = ((uintptr_t)block + CGAP_HUGE_BYTES - 1) / CGAP_HUGE_BYTES * CGAP_HUGE_BYTES;
  const uintptr_t end = ((uintptr_t)block + bytes) / CGAP_HUGE_BYTES * CGAP_HUGE_BYTES;
  if (end > first && cgap_huge_pages())
    (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
}
#else
bool cgap_huge_pages(void)
{
  return false;
}

static void ask_for_huge_pages(void *block, size_t bytes)
{
  (void)block, (void)bytes;
}
#endif

/* ---------------------------------------------------------------- blocks */

void *cgap_alloc(size_t count, size_t size)
{
  size_t bytes = 0;
  if (!cgap_product(&bytes, count, size) || bytes > SIZE_MAX - 2 * ALIGNMENT)
    return NULL;
  void *block = aligned_alloc(ALIGNMENT, (bytes / ALIGNMENT + 1) * ALIGNMENT);
  if (block && bytes >= CGAP_HUGE_BYTES)
    ask_for_huge_pages(block, bytes);
  return block;
}

void *cgap_zalloc(size_t count, size_t size)
{
  void *block = cgap_alloc(count, size);
  if (block)
    memset(block, 0, count * size);
  return block;
}

void cgap_release_memory(uint64_t needed_bytes, uint64_t limit_bytes)
{
#if defined(__GLIBC__)
  if (needed_bytes > limit_bytes / 4)
    (void)malloc_trim(0);
#endif
}

void cgap_free(void *block)
{
  free(block);
}

/* ---------------------------------------------------------------- available memory */

enum { LINE = 512, PATH = 1024 };

/* The number that a file consists of; UINT64_MAX for "max", or where there is none. */
static uint64_t number_in(const char *folder, const char *name)
{
  char path[PATH];
  uint64_t value = UINT64_MAX;
  FILE *f = snprintf(path, sizeof path, "%s/%s", folder, name) < PATH ? fopen(path, "r") : NULL;
  if (f && fscanf(f, "%" SCNu64, &value) != 1)
    value = UINT64_MAX;
  if (f)
    (void)fclose(f);
  return value;
}

/* The value of a key in a file of "key value" lines; 0 where it is missing. */
static uint64_t key_in(const char *folder, const char *name, const char *key)
{
  char path[PATH], line[LINE], word[LINE];
  uint64_t value = 0, found;
  FILE *f = snprintf(path, sizeof path, "%s/%s", folder, name) < PATH ? fopen(path, "r") : NULL;
  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "%511s %" SCNu64, word, &found) == 2 && strcmp(word, key) == 0)
      value = found;
  if (f)
    (void)fclose(f);
  return value;
}

/* The limit of a group less its use; inactive file pages can be reclaimed. */
static uint64_t available_in_group(const char *folder, int version)
{
  static const char *const NAMES[2][3] = {{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
                                          {"memory.max", "memory.current", "inactive_file"}};
  const char *const *names = NAMES[version - 1];
  const uint64_t limit = number_in(folder, names[0]), used = number_in(folder, names[1]);
  if (limit == UINT64_MAX || used == UINT64_MAX)
    return UINT64_MAX;
  const uint64_t cache = key_in(folder, "memory.stat", names[2]), held = used > cache ? used - cache : 0;
  return limit > held ? limit - held : 0;
}

uint64_t cgap_cgroup_available_at(const char *root, const char *path, int version)
{
  char folder[PATH];
  uint64_t available = UINT64_MAX;
  if (snprintf(folder, sizeof folder, "%s%s", root, path) >= PATH)
    return available;
  for (;;) {
    const uint64_t here = available_in_group(folder, version);
    available = here < available ? here : available;
    char *slash = strrchr(folder, '/');
    if (!slash || slash < folder + strlen(root))
      return available;
    *slash = '\0';
  }
}

uint64_t cgap_cgroup_available(void)
{
  char line[LINE];
  uint64_t available = UINT64_MAX;
  FILE *f = fopen("/proc/self/cgroup", "r");
  while (f && fgets(line, sizeof line, f)) {
    line[strcspn(line, "\n")] = '\0';
    const char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
      continue;
    const int version = path == controllers + 1 ? 2 : 1;
    const char *memory = strstr(controllers, "memory");
    if (version == 1 && (!memory || memory > path))
      continue;
    const char *root = version == 2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const uint64_t here = cgap_cgroup_available_at(root, path + 1, version);
    available = here < available ? here : available;
  }
  if (f)
    (void)fclose(f);
  return available;
}
