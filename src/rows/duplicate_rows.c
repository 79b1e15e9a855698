#include "rows/duplicate_rows.h"

#include "base/memory.h"

#include <xxhash.h>

typedef struct cgap_hash_slot {
  cgap_hash hash;
  size_t place; /* row + 1; 0: free */
} cgap_hash_slot;

__extension__ typedef unsigned __int128 uint128;

/* A hash spread evenly over any number of slots. */
static size_t home_slot(const cgap_duplicate_rows *d, cgap_hash hash)
{
  return (size_t)((uint128)hash.low * d->slots >> 64);
}

static size_t slots_of(size_t rows)
{
  return rows + rows / 2 + 16;
}

bool cgap_duplicate_rows_init(cgap_duplicate_rows *d, size_t rows)
{
  const size_t slots = slots_of(rows);
  *d = (cgap_duplicate_rows){.slots = slots, .slot = cgap_zalloc(slots, sizeof *d->slot)};
  return d->slot != NULL;
}

void cgap_duplicate_rows_clear(cgap_duplicate_rows *d)
{
  cgap_free(d->slot);
  *d = (cgap_duplicate_rows){0};
}

cgap_hash cgap_hash_row(const void *bytes, size_t size)
{
  XXH128_hash_t h = XXH3_128bits(bytes, size);
  return (cgap_hash){.low = h.low64, .high = h.high64};
}

void cgap_duplicate_rows_prefetch(const cgap_duplicate_rows *d, cgap_hash hash)
{
  __builtin_prefetch(&d->slot[home_slot(d, hash)], 1);
}

size_t cgap_duplicate_rows_add(cgap_duplicate_rows *d, cgap_hash hash, size_t row)
{
  for (size_t at = home_slot(d, hash);; at = at + 1 < d->slots ? at + 1 : 0) {
    cgap_hash_slot *slot = &d->slot[at];
    if (slot->place == 0) {
      *slot = (cgap_hash_slot){.hash = hash, .place = row + 1};
      return row;
    }
    if (slot->hash.low == hash.low && slot->hash.high == hash.high)
      return slot->place - 1;
  }
}
