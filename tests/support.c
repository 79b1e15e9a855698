#include "support.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---------------------------------------------------------------- comparisons */

bool support_near(const char *where, const char *key, double got, double want, double atol, double rtol)
{
  double allowed = atol + rtol * fabs(want);
  if (got == want || fabs(got - want) <= allowed || (isnan(got) && isnan(want)))
    return true;
  fprintf(stderr, "%s: %s: got %.12g, want %.12g, off by %.3g, allowed %.3g\n", where, key, got, want, got - want,
          allowed);
  return false;
}

bool support_same(const char *where, const char *key, double got, double want)
{
  return support_near(where, key, got, want, 0, 0);
}

bool support_count(const char *where, const char *key, uint64_t got, uint64_t want)
{
  if (got == want)
    return true;
  fprintf(stderr, "%s: %s: got %llu, want %llu\n", where, key, (unsigned long long)got, (unsigned long long)want);
  return false;
}

/* ---------------------------------------------------------------- random numbers */

support_random support_seed(uint64_t seed)
{
  return (support_random){seed * 0x9E3779B97F4A7C15u + 0x1234567u};
}

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) */
uint64_t support_u64(support_random *r)
{
  uint64_t z = r->state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

size_t support_below(support_random *r, size_t bound)
{
  return (size_t)(support_u64(r) % bound); /* the bias of a bound below 2^20 is of no matter to a test */
}

double support_uniform(support_random *r)
{
  return (double)(support_u64(r) >> 11) * 0x1p-53;
}

double support_normal(support_random *r)
{
  double a = 1 - support_uniform(r), b = support_uniform(r);
  return sqrt(-2 * log(a)) * cos(2 * M_PI * b);
}

void support_normals(support_random *r, double *out, size_t count)
{
  for (size_t i = 0; i < count; i++)
    out[i] = support_normal(r);
}

void support_shuffle(support_random *r, size_t *items, size_t count)
{
  for (size_t i = count; i > 1; i--) {
    size_t j = support_below(r, i), t = items[i - 1];
    items[i - 1] = items[j];
    items[j] = t;
  }
}

/* ---------------------------------------------------------------- matrices */

void *support_alloc(size_t count, size_t size)
{
  void *block = calloc(count ? count : 1, size);
  if (!block) {
    fprintf(stderr, "the test ran out of memory at %zu × %zu bytes\n", count, size);
    abort();
  }
  return block;
}

/* IEEE binary16, round half to even: q counts units of 2^(e − 10), and the bits of half a format's
 * normal numbers run on from its subnormal ones, so that one sum serves both. */
static uint16_t half_bits(double value)
{
  uint16_t sign = signbit(value) ? 0x8000u : 0;
  double a = fabs(value);
  if (isnan(value))
    return 0x7E00u;
  if (a >= 65520)
    return sign | 0x7C00u;
  int e = a < 0x1p-14 ? -14 : ilogb(a);
  unsigned q = (unsigned)nearbyint(ldexp(a, 10 - e));
  return (uint16_t)(sign | (((unsigned)(e + 14) << 10) + q));
}

static double half_value(uint16_t bits)
{
  int e = (bits >> 10) & 31;
  double m = bits & 1023, sign = bits & 0x8000u ? -1 : 1;
  if (e == 31)
    return m != 0 ? NAN : sign * INFINITY;
  return sign * (e == 0 ? ldexp(m, -24) : ldexp(m + 1024, e - 25));
}

static uint16_t bfloat_bits(double value)
{
  float f = (float)value;
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  if (isnan(f))
    return (uint16_t)((bits >> 16) | 0x40u);
  return (uint16_t)((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

static double bfloat_value(uint16_t bits)
{
  uint32_t wide = (uint32_t)bits << 16;
  float f;
  memcpy(&f, &wide, sizeof f);
  return f;
}

void *support_encode(const double *values, size_t count, cgap_type type)
{
  void *out = support_alloc(count, cgap_type_size(type));
  for (size_t i = 0; i < count; i++) {
    if (type == CGAP_FLOAT64)
      ((double *)out)[i] = values[i];
    else if (type == CGAP_FLOAT32)
      ((float *)out)[i] = (float)values[i];
    else
      ((uint16_t *)out)[i] = type == CGAP_FLOAT16 ? half_bits(values[i]) : bfloat_bits(values[i]);
  }
  return out;
}

double *support_decode(const void *stored, size_t count, cgap_type type)
{
  double *out = support_alloc(count, sizeof *out);
  for (size_t i = 0; i < count; i++) {
    if (type == CGAP_FLOAT64)
      out[i] = ((const double *)stored)[i];
    else if (type == CGAP_FLOAT32)
      out[i] = ((const float *)stored)[i];
    else if (type == CGAP_FLOAT16)
      out[i] = half_value(((const uint16_t *)stored)[i]);
    else
      out[i] = bfloat_value(((const uint16_t *)stored)[i]);
  }
  return out;
}

void support_normalise(double *x, size_t rows, size_t dim)
{
  for (size_t i = 0; i < rows; i++) {
    double s = 0;
    for (size_t k = 0; k < dim; k++)
      s += x[i * dim + k] * x[i * dim + k];
    for (size_t k = 0; k < dim; k++)
      x[i * dim + k] /= sqrt(s);
  }
}

/* Gram–Schmidt twice over on normal rows. */
void support_rotation(support_random *r, double *out, size_t dim)
{
  support_normals(r, out, dim * dim);
  for (size_t i = 0; i < dim; i++) {
    for (int twice = 0; twice < 2; twice++) {
      for (size_t j = 0; j < i; j++) {
        double s = 0;
        for (size_t k = 0; k < dim; k++)
          s += out[i * dim + k] * out[j * dim + k];
        for (size_t k = 0; k < dim; k++)
          out[i * dim + k] -= s * out[j * dim + k];
      }
    }
    support_normalise(out + i * dim, 1, dim);
  }
}

void support_product(const double *x, const double *q, double *out, size_t rows, size_t dim)
{
  memset(out, 0, rows * dim * sizeof *out);
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < dim; k++)
      for (size_t l = 0; l < dim; l++)
        out[i * dim + l] += x[i * dim + k] * q[k * dim + l];
}

/* ---------------------------------------------------------------- files */

const char *support_source_dir(void)
{
  const char *dir = getenv("CONTRAGAP_SOURCE");
  return dir ? dir : ".";
}

bool support_shared(char *out, size_t size, const char *relative)
{
  const char *dir = getenv("CONTRAGAP_SHARED");
  snprintf(out, size, "%s/%s", dir ? dir : "../shared", relative);
  return access(out, R_OK) == 0;
}

void support_directory(char *out, size_t size)
{
  const char *base = getenv("TMPDIR");
  snprintf(out, size, "%s/contragap-test-XXXXXX", base ? base : "/tmp");
  if (!mkdtemp(out)) {
    perror(out);
    abort();
  }
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
  (void)status, (void)kind, (void)walk;
  return remove(path);
}

void support_remove(const char *directory)
{
  nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

char *support_read(const char *path)
{
  FILE *file = fopen(path, "rb");
  if (!file)
    return NULL;
  char *text = NULL;
  long size = -1;
  if (fseek(file, 0, SEEK_END) == 0)
    size = ftell(file);
  if (size >= 0) {
    rewind(file);
    text = support_alloc((size_t)size + 1, 1);
    if (fread(text, 1, (size_t)size, file) != (size_t)size) {
      free(text);
      text = NULL;
    }
  }
  fclose(file);
  return text;
}
