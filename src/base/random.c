#include "base/random.h"

#include <Random123/philox.h>
#include <math.h>

cgap_random cgap_random_init(uint64_t seed, uint64_t stream)
{
  return (cgap_random){.seed = seed, .stream = stream};
}

uint32_t cgap_random_u32(cgap_random *r)
{
  if (r->left == 0) {
    philox4x32_ctr_t counter = {
      {(uint32_t)r->position, (uint32_t)(r->position >> 32), (uint32_t)r->stream, (uint32_t)(r->stream >> 32)}};
    philox4x32_key_t key = {{(uint32_t)r->seed, (uint32_t)(r->seed >> 32)}};
    philox4x32_ctr_t out = philox4x32(counter, key);
    for (int i = 0; i < 4; i++)
      r->word[i] = out.v[i];
    r->left = 4;
    r->position++;
  }
  return r->word[--r->left];
}

double cgap_random_uniform(cgap_random *r)
{
  uint64_t high = cgap_random_u32(r) >> 5, low = cgap_random_u32(r) >> 6; /* 27 + 26 bits */
  return ((double)(high << 26 | low) + 0.5) * 0x1p-53;
}

double cgap_random_normal(cgap_random *r)
{
  double radius = sqrt(-2.0 * log(cgap_random_uniform(r)));
  return radius * cos(6.283185307179586 * cgap_random_uniform(r));
}

uint64_t cgap_random_below(cgap_random *r, uint64_t bound)
{
  uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  for (;;) {
    uint64_t high = cgap_random_u32(r), x = high << 32 | cgap_random_u32(r);
    if (x < limit)
      return x % bound;
  }
}

void cgap_random_shuffle(cgap_random *r, size_t *items, size_t count)
{
  for (size_t i = count; i > 1; i--) {
    size_t j = (size_t)cgap_random_below(r, i);
    size_t swap = items[i - 1];
    items[i - 1] = items[j];
    items[j] = swap;
  }
}
