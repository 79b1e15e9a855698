#include "base/json_memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

static atomic_bool incomplete;

static void *allocate(size_t bytes)
{
  void *block = malloc(bytes);
  if (!block)
    atomic_store(&incomplete, true);
  return block;
}

void cgap_json_watch_memory(void)
{
  json_set_alloc_funcs(allocate, free);
}

char *cgap_json_text(const json_t *json, size_t flags)
{
  char *text = json ? json_dumps(json, flags) : NULL;
  if (text && atomic_load(&incomplete)) {
    free(text);
    text = NULL;
  }
  return text;
}
