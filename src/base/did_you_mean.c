#include "base/did_you_mean.h"

#include <stdint.h>
#include <string.h>

enum { NAME_BYTES_MAX = 63 };

static size_t lesser(size_t a, size_t b)
{
  return a < b ? a : b;
}

size_t cgap_edit_distance(const char *a, const char *b)
{
  size_t m = strlen(a), n = strlen(b);
  if (m > NAME_BYTES_MAX || n > NAME_BYTES_MAX)
    return SIZE_MAX;
  /* rows i − 2, i − 1 and i of the table, in turn */
  size_t table[3][NAME_BYTES_MAX + 1];
  for (size_t j = 0; j <= n; j++)
    table[0][j] = j;
  for (size_t i = 1; i <= m; i++) {
    size_t *row = table[i % 3], *above = table[(i + 2) % 3], *above_that = table[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= n; j++) {
      row[j] = lesser(lesser(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = lesser(row[j], above_that[j - 2] + 1);
    }
  }
  return table[m % 3][n];
}

cgap_did_you_mean cgap_did_you_mean_init(const char *wanted)
{
  /* one letter in four may be wrong, and one more; beyond that a suggestion is a guess */
  return (cgap_did_you_mean){.wanted = wanted, .distance = strlen(wanted) / 4 + 2};
}

void cgap_did_you_mean_offer(cgap_did_you_mean *s, const char *name)
{
  size_t distance = cgap_edit_distance(s->wanted, name);
  if (distance < s->distance) {
    s->distance = distance;
    s->name = name;
  }
}
