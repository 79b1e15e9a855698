#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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

void *cgap_alloc(size_t count, size_t size)
{
  size_t bytes = 0;
  if (!cgap_product(&bytes, count, size) || bytes > SIZE_MAX - 2 * ALIGNMENT)
    return NULL;
  return aligned_alloc(ALIGNMENT, (bytes / ALIGNMENT + 1) * ALIGNMENT);
}

void *cgap_zalloc(size_t count, size_t size)
{
  void *block = cgap_alloc(count, size);
  if (block)
    memset(block, 0, count * size);
  return block;
}

void cgap_give_back(void)
{
#if defined(__GLIBC__)
  (void)malloc_trim(0);
#endif
}

void cgap_free(void *block)
{
  free(block);
}
