/* The program's allocator: the system's own, but that a small request which fails ends the program at once, with one
 * line and exit 5 (cli_end_out_of_memory).
 *
 * The libraries below do not all survive that malloc gives NULL: libhdf5 crashes or calls a file damaged, oneDNN throws
 * through its C interface, libgomp and popt exit with 1, jansson leaves out what has no memory. None of their thousands
 * of allocations can be checked from outside; but where a few bytes are missing nothing useful is left to do. A large
 * request is another thing: it is made where its failure is expected, and a sentence says what was too large.
 *
 * The definitions here come before those of libc and of LD_PRELOAD, to which they lead on. Not with a sanitizer, which
 * has an allocator of its own, and not in the library, which never ends its caller. */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "cli/interrupt.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HAS_OWN_ALLOCATOR
#endif
#endif
#if !defined(HAS_OWN_ALLOCATOR) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GLIBC__)

#include <malloc.h>
#include <stdlib.h>

/* libhdf5 converts values in a buffer of a little more than 1 MiB, and writes past it where that cannot be had. */
static const size_t SMALL_BYTES = (size_t)1 << 21;

static void *checked(void *block, size_t bytes)
{
  if (!block && bytes > 0 && bytes <= SMALL_BYTES)
    cli_end_out_of_memory(bytes);
  return block;
}

/* The next definitions, those of libc or of LD_PRELOAD. */
static struct {
  void *(*malloc)(size_t);
  void *(*calloc)(size_t, size_t);
  void *(*realloc)(void *, size_t);
  void *(*memalign)(size_t, size_t);
  void *(*aligned_alloc)(size_t, size_t);
  int (*posix_memalign)(void **, size_t, size_t);
} next;

static void find(void *to, const char *name)
{
  void **function = to;
  *function = dlsym(RTLD_NEXT, name);
}

/* All of them at once, before main and any second thread: at the first call, or by the constructor. What dlsym itself
 * asks for meanwhile is refused, which it expects. */
__attribute__((constructor)) static void find_all(void)
{
  static bool begun;
  if (begun)
    return;
  begun = true;
  find(&next.calloc, "calloc");
  find(&next.malloc, "malloc");
  find(&next.realloc, "realloc");
  find(&next.memalign, "memalign");
  find(&next.aligned_alloc, "aligned_alloc");
  find(&next.posix_memalign, "posix_memalign");
}

static void *own_malloc(size_t bytes)
{
  find_all();
  return next.malloc ? checked(next.malloc(bytes), bytes) : NULL;
}

static void *own_calloc(size_t count, size_t size)
{
  find_all();
  return next.calloc ? checked(next.calloc(count, size), size && count > SIZE_MAX / size ? SIZE_MAX : count * size)
                     : NULL;
}

static void *own_realloc(void *block, size_t bytes)
{
  find_all();
  return next.realloc ? checked(next.realloc(block, bytes), bytes) : NULL;
}

static void *own_memalign(size_t alignment, size_t bytes)
{
  find_all();
  return next.memalign ? checked(next.memalign(alignment, bytes), bytes) : NULL;
}

static void *own_aligned_alloc(size_t alignment, size_t bytes)
{
  find_all();
  return next.aligned_alloc ? checked(next.aligned_alloc(alignment, bytes), bytes) : NULL;
}

static int own_posix_memalign(void **out, size_t alignment, size_t bytes)
{
  find_all();
  const int number = next.posix_memalign ? next.posix_memalign(out, alignment, bytes) : ENOMEM;
  if (number == ENOMEM && next.posix_memalign)
    (void)checked(NULL, bytes);
  return number;
}

void *malloc(size_t) __attribute__((alias("own_malloc"), visibility("default")));
void *calloc(size_t, size_t) __attribute__((alias("own_calloc"), visibility("default")));
void *realloc(void *, size_t) __attribute__((alias("own_realloc"), visibility("default")));
void *memalign(size_t, size_t) __attribute__((alias("own_memalign"), visibility("default")));
void *aligned_alloc(size_t, size_t) __attribute__((alias("own_aligned_alloc"), visibility("default")));
int posix_memalign(void **, size_t, size_t) __attribute__((alias("own_posix_memalign"), visibility("default")));

#endif
