#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__GLIBC__)
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
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
