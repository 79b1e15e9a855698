#include "engine/distinct.h"

#include "memory.h"

#include <xxhash.h>

bool cgap_distinct_init(cgap_distinct *d, size_t rows)
{
  size_t slots = 16;
  while (slots < 2 * rows)
    slots *= 2;
  *d = (cgap_distinct){.slots = slots};
  d->hash = cgap_alloc(rows, sizeof *d->hash);
  d->place = cgap_zalloc(slots, sizeof *d->place);
  return d->hash && d->place;
}

void cgap_distinct_clear(cgap_distinct *d)
{
  cgap_free(d->hash);
  cgap_free(d->place);
  *d = (cgap_distinct){0};
}

cgap_hash cgap_hash_row(const void *bytes, size_t size)
{
  XXH128_hash_t h = XXH3_128bits(bytes, size);
  return (cgap_hash){.low = h.low64, .high = h.high64};
}

size_t cgap_distinct_add(cgap_distinct *d, cgap_hash hash, size_t row)
{
  for (size_t slot = hash.low & (d->slots - 1);; slot = (slot + 1) & (d->slots - 1)) {
    if (d->place[slot] == 0) {
      d->place[slot] = row + 1;
      d->hash[row] = hash;
      return row;
    }
    cgap_hash there = d->hash[d->place[slot] - 1];
    if (there.low == hash.low && there.high == hash.high)
      return d->place[slot] - 1;
  }
}
