#include "rows/row_checks.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* ---------------------------------------------------------------- duplicate rows */

typedef struct cgap_hash_slot {
  cgap_hash hash;
  size_t place; /* row + 1; 0: free */
} cgap_hash_slot;

__extension__ typedef unsigned __int128 uint128;

/* The first slot to look at: hashes are spread evenly over any number of slots. */
static size_t home_slot(const cgap_duplicate_rows *d, cgap_hash hash)
{
  return (size_t)((uint128)hash.low * d->slots >> 64);
}

bool cgap_duplicate_rows_init(cgap_duplicate_rows *d, size_t rows)
{
  d->slots = rows + rows / 2 + 16;
  d->slot = cgap_zalloc(d->slots, sizeof *d->slot);
  return d->slot != NULL;
}

void cgap_duplicate_rows_clear(cgap_duplicate_rows *d)
{
  cgap_free(d->slot);
  *d = (cgap_duplicate_rows){0};
}

cgap_hash cgap_hash_bytes(const void *bytes, size_t size)
{
  const XXH128_hash_t h = XXH3_128bits(bytes, size);
  return (cgap_hash){.low = h.low64, .high = h.high64};
}

cgap_hash cgap_unit_hash(const float *row, size_t dim, float *scratch)
{
  for (size_t k = 0; k < dim; k++)
    scratch[k] = row[k] + 0.0F; /* −0 becomes 0 */
  return cgap_hash_bytes(scratch, dim * sizeof *scratch);
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
    if (slot->hash.low == hash.low && slot->hash.high == hash.high) {
      slot->place = cgap_lesser(slot->place, row + 1);
      return slot->place - 1;
    }
  }
}

/* ---------------------------------------------------------------- checks */

void cgap_check_note(cgap_check *check, size_t row)
{
  check->count++;
  if (check->example_count < CGAP_EXAMPLES)
    check->examples[check->example_count++] = row;
}

/* Appends "2 with NaN or infinity (rows 3, 17)", after an "and" where something was appended before. */
static void append_check(const cgap_check *check, const char *what, char *out, size_t size)
{
  size_t used = strlen(out);
  if (check->count == 0)
    return;
  used += (size_t)snprintf(out + used, size - used, "%s%llu %s (%s", used ? " and " : "",
                           (unsigned long long)check->count, what, check->count == 1 ? "row" : "rows");
  for (size_t i = 0; i < check->example_count && used < size; i++)
    used += (size_t)snprintf(out + used, size - used, "%s %zu", i ? "," : "", check->examples[i]);
  if (used < size)
    (void)snprintf(out + used, size - used, check->count > check->example_count ? ", …)" : ")");
}

bool cgap_describe_bad(const cgap_source *source, const cgap_modality_checks *checks, char *out, size_t size)
{
  char what[500] = "";
  const size_t used = strlen(out);
  append_check(&checks->not_finite, "with NaN or infinity", what, sizeof what);
  append_check(&checks->zero, "of norm zero", what, sizeof what);
  if (*what)
    (void)snprintf(out + used, size - used, "%s%s: %zu rows, %s", used ? "; " : "", source->name, source->rows, what);
  return *what != '\0';
}
