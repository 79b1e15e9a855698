#include "simd/convert.h"

#include "base/memory.h"
#include "simd/kernels.h"

#include <math.h>
#include <string.h>

enum { PIECE = 256 };

void cgap_to_float(cgap_type type, const void *raw, size_t n, float *out)
{
  const cgap_audit_kernels *kernels = cgap_audit_kernels_here();
  switch (type) {
  case CGAP_FLOAT16:
    kernels->from_half(raw, n, out);
    break;
  case CGAP_BFLOAT16:
    kernels->from_bfloat(raw, n, out);
    break;
  case CGAP_FLOAT32:
    memcpy(out, raw, n * sizeof *out);
    break;
  case CGAP_FLOAT64:
    for (size_t i = 0; i < n; i++)
      out[i] = (float)((const double *)raw)[i];
    break;
  }
}

/* ---------------------------------------------------------------- norms */

#define SMALL_SQUARE 1e-200 /* between these no square that matters is lost */
#define LARGE_SQUARE 1e200

static double square_sum(const double *row, size_t dim)
{
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (size_t k = 0; k < dim; k++)
    total += row[k] * row[k];
  return total;
}

/* The largest magnitude; NaN where an element is not finite. */
static double largest_of(const double *row, size_t dim)
{
  double largest = 0;
  for (size_t k = 0; k < dim; k++) {
    if (!isfinite(row[k]))
      return NAN;
    largest = fmax(largest, fabs(row[k]));
  }
  return largest;
}

/* Σ (x·2^power)², with a power that keeps it in range. */
static double scaled_square_sum(const double *row, size_t dim, int *power)
{
  double total = square_sum(row, dim);
  *power = 0;
  if (total > SMALL_SQUARE && total < LARGE_SQUARE)
    return total;
  const double largest = largest_of(row, dim);
  if (!(largest > 0))
    return largest;
  *power = -ilogb(largest);
  total = 0;
  for (size_t k = 0; k < dim; k++) {
    const double x = ldexp(row[k], *power);
    total += x * x;
  }
  return total;
}

double cgap_norm(const double *row, size_t dim)
{
  int power;
  const double norm = sqrt(scaled_square_sum(row, dim, &power));
  return power ? ldexp(norm, -power) : norm;
}

cgap_scale cgap_scale_of(const double *row, size_t dim)
{
  cgap_scale scale;
  scale.factor = 1 / sqrt(scaled_square_sum(row, dim, &scale.power));
  return scale;
}

double cgap_scaled(double x, cgap_scale scale)
{
  return (scale.power ? ldexp(x, scale.power) : x) * scale.factor;
}

bool cgap_normalise(double *out, const double *row, size_t dim)
{
  const cgap_scale scale = cgap_scale_of(row, dim);
  if (!isfinite(scale.factor)) {
    memset(out, 0, dim * sizeof *out);
    return false;
  }
  for (size_t k = 0; k < dim; k++)
    out[k] = cgap_scaled(row[k], scale);
  return true;
}

/* ---------------------------------------------------------------- scaled values */

/* Only rows of doubles can be so short, or so long, that 1/‖row‖ is no normal double. */
static bool is_extreme(cgap_type type, double scale)
{
  return type == CGAP_FLOAT64 && !isnormal(scale);
}

void cgap_to_scaled(cgap_type type, const void *raw, size_t n, double scale, double *out)
{
  const cgap_audit_kernels *kernels = cgap_audit_kernels_here();
  if (is_extreme(type, scale)) {
    (void)cgap_normalise(out, raw, n);
    return;
  }
  if (type == CGAP_FLOAT16) {
    kernels->from_half_scaled(raw, n, scale, out);
    return;
  }
  for (size_t k = 0; type == CGAP_FLOAT64 && k < n; k++)
    out[k] = ((const double *)raw)[k] * scale;
  for (size_t done = 0; type != CGAP_FLOAT64 && done < n; done += PIECE) {
    float piece[PIECE];
    size_t count = n - done < PIECE ? n - done : PIECE;
    cgap_to_float(type, (const unsigned char *)raw + done * cgap_type_size(type), count, piece);
    kernels->widen(piece, count, scale, out + done);
  }
}

void cgap_to_double(cgap_type type, const void *raw, size_t n, double *out)
{
  cgap_to_scaled(type, raw, n, 1, out);
}

void cgap_to_unit(cgap_type type, const void *raw, size_t n, double scale, float *out)
{
  const cgap_audit_kernels *kernels = cgap_audit_kernels_here();
  const cgap_scale by = is_extreme(type, scale) ? cgap_scale_of(raw, n) : (cgap_scale){0, scale};
  for (size_t k = 0; type == CGAP_FLOAT64 && k < n; k++)
    out[k] = (float)cgap_scaled(((const double *)raw)[k], by);
  for (size_t done = 0; type != CGAP_FLOAT64 && done < n; done += PIECE) {
    float piece[PIECE];
    size_t count = n - done < PIECE ? n - done : PIECE;
    cgap_to_float(type, (const unsigned char *)raw + done * cgap_type_size(type), count, piece);
    kernels->rescale(piece, count, scale, out + done);
  }
}

double cgap_dot(const double *a, const double *b, size_t n)
{
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (size_t k = 0; k < n; k++)
    total += a[k] * b[k];
  return total;
}

/* Values as floats: where they are, or converted into scratch. */
static const float *as_floats(cgap_type type, const unsigned char *raw, size_t n, float *scratch)
{
  if (type == CGAP_FLOAT32)
    return (const float *)(const void *)raw;
  cgap_to_float(type, raw, n, scratch);
  return scratch;
}

/* Of values that floats hold: scaled in the end. */
static double dot_of_floats(cgap_type a_type, const unsigned char *a, cgap_type b_type, const unsigned char *b,
                            size_t dim)
{
  const cgap_audit_kernels *kernels = cgap_audit_kernels_here();
  const size_t a_size = cgap_type_size(a_type), b_size = cgap_type_size(b_type);
  const size_t step = a_type == CGAP_FLOAT32 && b_type == CGAP_FLOAT32 ? dim : PIECE;
  double total = 0;
  for (size_t done = 0; done < dim; done += step) {
    float x[PIECE], y[PIECE];
    const size_t count = dim - done < step ? dim - done : step;
    total += kernels->dot(as_floats(a_type, a + done * a_size, count, x),
                          as_floats(b_type, b + done * b_size, count, y), count);
  }
  return total;
}

double cgap_raw_dot(cgap_type a_type, const void *a, double a_scale, cgap_type b_type, const void *b, double b_scale,
                    size_t dim)
{
  if (a_type != CGAP_FLOAT64 && b_type != CGAP_FLOAT64)
    return dot_of_floats(a_type, a, b_type, b, dim) * a_scale * b_scale;
  const cgap_scale a_by = is_extreme(a_type, a_scale) ? cgap_scale_of(a, dim) : (cgap_scale){0, a_scale};
  const cgap_scale b_by = is_extreme(b_type, b_scale) ? cgap_scale_of(b, dim) : (cgap_scale){0, b_scale};
  double total = 0;
  for (size_t done = 0; done < dim; done += PIECE) {
    double x[PIECE], y[PIECE];
    const size_t count = dim - done < PIECE ? dim - done : PIECE;
    cgap_to_double(a_type, (const unsigned char *)a + done * cgap_type_size(a_type), count, x);
    cgap_to_double(b_type, (const unsigned char *)b + done * cgap_type_size(b_type), count, y);
    for (size_t i = 0; i < count; i++) { /* scaled first: products of huge or tiny values would not be finite */
      x[i] = cgap_scaled(x[i], a_by);
      y[i] = cgap_scaled(y[i], b_by);
    }
    total += cgap_dot(x, y, count);
  }
  return total;
}

/* ---------------------------------------------------------------- half */

enum { DOUBLE_MANTISSA = 52, DOUBLE_BIAS = 1023 };

/* Any double to a sign, exponent_bits and mantissa_bits (at most 16 bits in all). Shifting the significand with
 * its hidden bit so that adding the rounded-up bit carries into the exponent makes every case one addition. */
static uint16_t round_to(double value, int exponent_bits, int mantissa_bits)
{
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof bits);
  uint16_t sign = (uint16_t)(bits >> 63 << 15);
  int exponent = (int)(bits >> DOUBLE_MANTISSA & 0x7ff);
  uint64_t mantissa = bits & (((uint64_t)1 << DOUBLE_MANTISSA) - 1);
  int bias = (1 << (exponent_bits - 1)) - 1, top = (1 << exponent_bits) - 1;
  uint16_t infinity = (uint16_t)(top << mantissa_bits);
  if (exponent == 0x7ff)
    return mantissa ? (uint16_t)(sign | infinity | 1 << (mantissa_bits - 1)) : (uint16_t)(sign | infinity);
  int to = exponent - DOUBLE_BIAS + bias; /* the exponent field, where the result is normal */
  if (to >= top)
    return (uint16_t)(sign | infinity);
  int shift = DOUBLE_MANTISSA - mantissa_bits + (to <= 0 ? 1 - to : 0);
  if (shift > DOUBLE_MANTISSA + 1 || exponent == 0)
    return sign; /* below half the least subnormal; half of it ties to even, to 0 */
  uint64_t significand = mantissa | (uint64_t)1 << DOUBLE_MANTISSA;
  uint64_t kept = significand >> shift, rest = significand & (((uint64_t)1 << shift) - 1);
  uint64_t half = (uint64_t)1 << (shift - 1);
  kept += rest > half || (rest == half && (kept & 1));
  /* normal: the hidden bit in `kept` adds 1 to the field, so start one below */
  uint64_t result = to <= 0 ? kept : ((uint64_t)(to - 1) << mantissa_bits) + kept;
  return (uint16_t)(sign | result);
}

uint16_t cgap_half_from_double(double value)
{
  return round_to(value, 5, 10);
}

uint16_t cgap_bfloat16_from_double(double value)
{
  return round_to(value, 8, 7);
}

/* ---------------------------------------------------------------- bfloat16 rows */

size_t cgap_bfloat16_row_bytes(size_t dim)
{
  return dim * sizeof(uint16_t) + 3 * sizeof(float);
}

void cgap_bfloat16_rows_clear(cgap_bfloat16_rows *r)
{
  cgap_free(r->row);
  cgap_free(r->offset);
  cgap_free(r->norm);
  cgap_free(r->residual);
  *r = (cgap_bfloat16_rows){0};
}

static bool reserve_rows(cgap_bfloat16_rows *r, size_t rows, size_t dim)
{
  if (r->rows >= rows)
    return true;
  cgap_bfloat16_rows_clear(r);
  r->row = cgap_alloc(rows, dim * sizeof *r->row);
  r->offset = cgap_alloc(rows, sizeof *r->offset);
  r->norm = cgap_alloc(rows, sizeof *r->norm);
  r->residual = cgap_alloc(rows, sizeof *r->residual);
  r->rows = rows;
  return r->row && r->offset && r->norm && r->residual;
}

cgap_status cgap_bfloat16_rows_make(cgap_bfloat16_rows *out, const float *unit, size_t rows, size_t dim,
                                    const char *name, const double *mean, const double *other_mean, int threads,
                                    cgap_error *error)
{
  const cgap_audit_kernels *kernels = cgap_audit_kernels_here();
  float *centre = cgap_alloc(dim, sizeof *centre), *other = cgap_alloc(dim, sizeof *other);
  const bool ok = reserve_rows(out, rows, dim) && centre && other;
  for (size_t k = 0; ok && k < dim; k++) {
    centre[k] = (float)mean[k];
    other[k] = (float)other_mean[k];
  }
  const double both = ok ? kernels->dot(centre, other, dim) : 0;
  const float up = 1 + cgap_product_margin(dim); /* float sums of squares are good to that */
  out->product = cgap_product_margin(dim);
#pragma omp parallel for schedule(static) num_threads(threads) if (ok)
  for (size_t i = 0; i < (ok ? rows : 0); i++) {
    const float *x = unit + i * dim;
    float norm, rounded, residual;
    kernels->to_bfloat(x, centre, dim, out->row + i * dim, &norm, &rounded, &residual);
    out->offset[i] = (float)(kernels->dot(x, other, dim) - both / 2);
    out->norm[i] = up * sqrtf(fmaxf(norm, rounded));
    out->residual[i] = up * sqrtf(residual);
  }
  cgap_free(centre);
  cgap_free(other);
  return ok ? CGAP_OK
            : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows of %zu in bfloat16", name, rows, dim);
}
