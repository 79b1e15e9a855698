/* What the test programs share: comparisons that print what differs, matrices in every storage type,
 * random numbers of their own (SplitMix64, so that no test depends on the code it tests), paths. */
#ifndef CGAP_TESTS_SUPPORT_H
#define CGAP_TESTS_SUPPORT_H

#include "contragap/contragap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---------------------------------------------------------------- comparisons */

/* Each prints one line on stderr where it fails: where, key, got, want, the difference and what was allowed. */
bool support_near(const char *where, const char *key, double got, double want, double atol, double rtol);
bool support_same(const char *where, const char *key, double got, double want); /* equal, or both NaN */
bool support_count(const char *where, const char *key, uint64_t got, uint64_t want);

/* ---------------------------------------------------------------- random numbers */

typedef struct support_random {
  uint64_t state;
} support_random;

support_random support_seed(uint64_t seed);
uint64_t support_u64(support_random *r);
size_t support_below(support_random *r, size_t bound);              /* 0 … bound − 1 */
double support_uniform(support_random *r);                          /* [0, 1) */
double support_normal(support_random *r);                           /* N(0, 1) */
void support_normals(support_random *r, double *out, size_t count); /* independent N(0, 1) */
void support_shuffle(support_random *r, size_t *items, size_t count);

/* ---------------------------------------------------------------- matrices */

/* calloc that ends the program where memory is out: a test has nothing better to do. Freed with free. */
void *support_alloc(size_t count, size_t size);

/* values (count) rounded to `type`, in a new block of count × cgap_type_size(type) bytes (free). */
void *support_encode(const double *values, size_t count, cgap_type type);
/* The exact doubles of what support_encode stored; a new block (free). */
double *support_decode(const void *stored, size_t count, cgap_type type);

/* Rows of x (rows, dim) divided by their norms, in place. */
void support_normalise(double *x, size_t rows, size_t dim);
/* out (dim, dim): a random rotation, rows orthonormal to rounding. */
void support_rotation(support_random *r, double *out, size_t dim);
/* out (rows, dim) = x (rows, dim) · q (dim, dim). */
void support_product(const double *x, const double *q, double *out, size_t rows, size_t dim);

/* ---------------------------------------------------------------- files */

const char *support_source_dir(void); /* the source tree; CONTRAGAP_SOURCE */
/* out: the path of a file of the shared data, "data/…"; false where it is not there. */
bool support_shared(char *out, size_t size, const char *relative);
/* out: a fresh directory under TMPDIR or /tmp; support_remove takes it away with all in it. */
void support_directory(char *out, size_t size);
void support_remove(const char *directory);
/* The whole file as a string (free), or NULL. */
char *support_read(const char *path);

#endif
