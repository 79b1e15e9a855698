/* The loops in plain C; the compiler vectorises them for the instruction set it was given. */
#include "simd/kernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* e^x for x up to 88; what lies below −87 is taken as −87, and infinity gives NaN. 2^n by the exponent's bits, the rest
 * by the Taylor series on |r| <= ln 2 / 2, whose first omitted term is 5e-9. */
static inline float exponential(float x)
{
  x = x > -87.0f ? x : -87.0f;
  const float shifted = x * 1.44269504f + 12582912.0f; /* 1.5·2^23 rounds to the nearest integer … */
  const float whole = shifted - 12582912.0f;
  float r = x - whole * 0.693145752f; /* ln 2 in two parts, the first of 15 bits */
  r -= whole * 1.42860677e-6f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  uint32_t bits; /* … which is then in the lowest bits; all others are shifted out */
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + (127u << 23);
  float scale;
  memcpy(&scale, &bits, sizeof scale);
  return p * scale;
}

static void tile_greatest(const float *s, size_t rows, size_t columns, size_t ld, float *restrict row,
                          float *restrict column)
{
  for (size_t j = 0; j < columns; j++)
    column[j] = -INFINITY;
  for (size_t i = 0; i < rows; i++) {
    const float *restrict a = s + i * ld;
    float greatest = -INFINITY;
#pragma omp simd reduction(max : greatest)
    for (size_t j = 0; j < columns; j++) {
      greatest = a[j] > greatest ? a[j] : greatest;
      column[j] = a[j] > column[j] ? a[j] : column[j];
    }
    row[i] = greatest;
  }
}

static double tile_sums(const float *s, size_t rows, size_t columns, size_t ld, float scale, const float *row,
                        const float *restrict column, double *row_sum, double *restrict column_sum)
{
  double cross = 0;
  memset(column_sum, 0, columns * sizeof *column_sum);
  for (size_t i = 0; i < rows; i++) {
    const float *restrict a = s + i * ld;
    const float greatest = row[i];
    double sum = 0, kernel = 0;
#pragma omp simd reduction(+ : sum, kernel)
    for (size_t j = 0; j < columns; j++) {
      sum += (double)exponential(scale * (a[j] - greatest));
      kernel += (double)exponential(4.0f * a[j] - 4.0f);
      column_sum[j] += (double)exponential(scale * (a[j] - column[j]));
    }
    row_sum[i] = sum;
    cross += kernel;
  }
  return cross;
}

static double tile_gradient(float *s, size_t rows, size_t columns, size_t ld, float scale, cgap_softmax_reference row,
                            cgap_softmax_reference column, float cross)
{
  const float *restrict column_reference = column.reference, *restrict column_offset = column.offset;
  double dot = 0;
  for (size_t i = 0; i < rows; i++) {
    float *restrict a = s + i * ld;
    const float reference = row.reference[i], offset = row.offset[i];
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < columns; j++) {
      float x = a[j];
      float g = exponential(scale * (x - reference) - offset) +
                exponential(scale * (x - column_reference[j]) - column_offset[j]);
      sum += (double)(x * g);
      a[j] = g + cross * exponential(4.0f * x - 4.0f);
    }
    dot += sum;
  }
  return dot;
}

static double tile_kernel(float *s, size_t rows, size_t columns, size_t ld)
{
  double total = 0;
  for (size_t i = 0; i < rows; i++) {
    float *restrict a = s + i * ld;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < columns; j++) {
      float k = exponential(4.0f * a[j] - 4.0f);
      sum += (double)k;
      a[j] = k;
    }
    total += sum;
  }
  return total;
}

static void adamw(float *restrict w, const float *restrict g, float *restrict m, float *restrict v, size_t count,
                  const cgap_adamw_step *step)
{
  const cgap_adamw_step t = *step;
  const float keep = 1.0f - t.rate * t.decay, move = t.rate * t.unbias1;
#pragma omp simd
  for (size_t i = 0; i < count; i++) {
    float gradient = g[i] * t.gradient_scale;
    m[i] = t.beta1 * m[i] + (1.0f - t.beta1) * gradient;
    v[i] = t.beta2 * v[i] + (1.0f - t.beta2) * gradient * gradient;
    w[i] = keep * w[i] - move * m[i] / (sqrtf(v[i] * t.unbias2) + t.epsilon);
  }
}

static double dot(const float *a, const float *b, size_t count)
{
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < count; i++)
    sum += (double)a[i] * (double)b[i];
  return sum;
}

extern const cgap_training_kernels CGAP_VECTOR_TABLE; /* named by the build, one for each instruction set */
const cgap_training_kernels CGAP_VECTOR_TABLE = {
  .name = CGAP_VECTOR_NAME,
  .tile_greatest = tile_greatest,
  .tile_sums = tile_sums,
  .tile_gradient = tile_gradient,
  .tile_kernel = tile_kernel,
  .adamw = adamw,
  .dot = dot,
};
