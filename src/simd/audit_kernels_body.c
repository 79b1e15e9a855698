/* The kernels in plain C; the compiler vectorises them for the instruction set it was given. Conversions of float16,
 * which processors have and C has not, are named: every processor with AVX2 has F16C. */
#include "simd/kernels.h"

#include <math.h>
#include <string.h>
#if defined(__F16C__)
#include <immintrin.h>
#endif

/* 2^f for |f| <= 1/2 is Σ EXP2_k f^k: minimax of degree 5, relative error 7.5e-8. */
#define EXP2_0 1.000000072f
#define EXP2_1 6.931469671e-1f
#define EXP2_2 2.402211972e-1f
#define EXP2_3 5.550713274e-2f
#define EXP2_4 9.675541334e-3f
#define EXP2_5 1.327647198e-3f

enum { LOOK = 64 }; /* cosines that are looked at together in a search */

static inline size_t lesser(size_t a, size_t b)
{
  return a < b ? a : b;
}

#if defined(__AVX512F__)
#include "simd/audit_kernels_avx512.h"
#else
#include "simd/audit_kernels_plain.h"
#endif

/* Four places are fetched at once: counting is bound by loads and stores. */
static void count_bins(const uint16_t *restrict bin, size_t n, uint64_t *restrict counts)
{
  size_t j = 0;
  for (; j + 4 <= n; j += 4) {
    uint64_t four;
    memcpy(&four, bin + j, sizeof four);
    counts[four & 0xffff]++;
    counts[four >> 16 & 0xffff]++;
    counts[four >> 32 & 0xffff]++;
    counts[four >> 48]++;
  }
  for (; j < n; j++)
    counts[bin[j]]++;
}

static void histogram(const float *restrict s, size_t n, uint64_t *restrict counts, int bins)
{
  uint16_t bin[CGAP_TILE];
  bins_of(s, n, bins, bin);
  count_bins(bin, n, counts);
}

static void window(const float *restrict s, size_t n, const cgap_bins *w, uint64_t *restrict above,
                   uint64_t *restrict counts)
{
  const double low = w->low, step = w->step, last = w->bins - 1;
  float within[CGAP_TILE];
  uint16_t bin[CGAP_TILE];
  const size_t count = collect_between(s, n, w->least, w->greatest, within, above);
#pragma omp simd
  for (size_t f = 0; f < count; f++) {
    double place = ((double)within[f] - low) / step;
    place = place > 0 ? place : 0;
    place = place < last ? place : last;
    bin[f] = (uint16_t)(int32_t)place;
  }
  count_bins(bin, count, counts);
}

static bool line_above(const float *restrict a, const float *restrict b, size_t n, const float factor[CGAP_LINE_POINTS],
                       const float bound[CGAP_LINE_POINTS])
{
  int above = 0;
#pragma omp simd reduction(| : above)
  for (size_t j = 0; j < n; j++)
    for (int p = 0; p < CGAP_LINE_POINTS; p++)
      above |= a[j] + factor[p] * b[j] > bound[p];
  return above;
}

/* Four runs in parallel, so that sums do not wait for one another. */
static double dot(const float *restrict a, const float *restrict b, size_t n)
{
  const size_t run = n / 4;
  double t0 = 0, t1 = 0, t2 = 0, t3 = 0;
#pragma omp simd reduction(+ : t0, t1, t2, t3)
  for (size_t j = 0; j < run; j++) {
    t0 += (double)a[j] * (double)b[j];
    t1 += (double)a[run + j] * (double)b[run + j];
    t2 += (double)a[2 * run + j] * (double)b[2 * run + j];
    t3 += (double)a[3 * run + j] * (double)b[3 * run + j];
  }
  for (size_t j = 4 * run; j < n; j++)
    t0 += (double)a[j] * (double)b[j];
  return (t0 + t1) + (t2 + t3);
}

static void add_offsets(float *restrict s, size_t n, float offset, const float *restrict offsets)
{
#pragma omp simd
  for (size_t j = 0; j < n; j++)
    s[j] += offset + offsets[j];
}

static inline uint32_t nearest_bfloat(float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

static void to_bfloat(const float *restrict x, const float *restrict centre, size_t n, uint16_t *restrict out,
                      float *norm, float *rounded, float *residual)
{
  float total = 0, total_rounded = 0, total_residual = 0;
#pragma omp simd reduction(+ : total, total_rounded, total_residual)
  for (size_t j = 0; j < n; j++) {
    const float centred = x[j] - centre[j];
    const uint32_t half = nearest_bfloat(centred), bits = half << 16;
    float back;
    memcpy(&back, &bits, sizeof back);
    out[j] = (uint16_t)half;
    total += centred * centred;
    total_rounded += back * back;
    total_residual += (centred - back) * (centred - back);
  }
  *norm = total;
  *rounded = total_rounded;
  *residual = total_residual;
}

enum { BEST = 10, LANES = 64 };

/* Sinks values[l] into the descending list best[k·CGAP_TILE + l], 0 <= k < BEST, lane by lane. */
static inline void sink(float *best, float *values, size_t lanes)
{
  for (int k = 0; k < BEST; k++) {
    float *restrict place = best + k * CGAP_TILE, *restrict x = values;
#pragma omp simd
    for (size_t l = 0; l < lanes; l++) {
      const float high = place[l] > x[l] ? place[l] : x[l], low = place[l] > x[l] ? x[l] : place[l];
      place[l] = high;
      x[l] = low;
    }
  }
}

static void best_of_columns(const float *s, size_t stride, size_t rows, size_t n, float *best)
{
  for (size_t first = 0; first < n; first += LANES) {
    const size_t lanes = lesser(LANES, n - first);
    float greatest[LANES];
    for (size_t r = 0; r < rows; r++) {
      const float *row = s + r * stride + first;
      if (r % CGAP_ROWS_PER_MAXIMUM == 0)
        memcpy(greatest, row, lanes * sizeof *greatest);
#pragma omp simd
      for (size_t l = 0; l < lanes; l++)
        greatest[l] = row[l] > greatest[l] ? row[l] : greatest[l];
      if (r % CGAP_ROWS_PER_MAXIMUM == CGAP_ROWS_PER_MAXIMUM - 1 || r == rows - 1)
        sink(best + first, greatest, lanes);
    }
  }
}

/* The least of those that fewer than ten are above. */
static float tenth(const float s[CGAP_WAITING_CANDIDATES])
{
  int32_t above[CGAP_WAITING_CANDIDATES] = {0};
  float out = INFINITY;
  for (size_t i = 0; i < CGAP_WAITING_CANDIDATES; i++)
#pragma omp simd
    for (size_t j = 0; j < CGAP_WAITING_CANDIDATES; j++)
      above[j] += s[i] > s[j];
#pragma omp simd reduction(min : out)
  for (size_t j = 0; j < CGAP_WAITING_CANDIDATES; j++) {
    const float x = above[j] < BEST ? s[j] : INFINITY;
    out = x < out ? x : out;
  }
  return out;
}

static float tenth_or_less(const float *s, size_t n)
{
  float greatest[CGAP_WAITING_CANDIDATES];
  memcpy(greatest, s, sizeof greatest);
  for (size_t first = CGAP_WAITING_CANDIDATES; first + CGAP_WAITING_CANDIDATES <= n; first += CGAP_WAITING_CANDIDATES)
#pragma omp simd
    for (size_t l = 0; l < CGAP_WAITING_CANDIDATES; l++)
      greatest[l] = s[first + l] > greatest[l] ? s[first + l] : greatest[l];
  return tenth(greatest);
}

/* CGAP_SCORE_VECTORS doubles in parallel; four rows at once, so that sums do not wait for one another. */
typedef double few __attribute__((vector_size(CGAP_SCORE_VECTORS * sizeof(double)), aligned(sizeof(double))));

static void vector_scores(const double *restrict z, size_t rows, size_t dim, const double *restrict w,
                          double *restrict scores)
{
  size_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    const double *z0 = z + i * dim, *z1 = z0 + dim, *z2 = z1 + dim, *z3 = z2 + dim;
    few s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (size_t a = 0; a < dim; a++) {
      const few v = *(const few *)(w + a * CGAP_SCORE_VECTORS);
      s0 += z0[a] * v;
      s1 += z1[a] * v;
      s2 += z2[a] * v;
      s3 += z3[a] * v;
    }
    few *out = (few *)(scores + i * CGAP_SCORE_VECTORS);
    out[0] = s0;
    out[1] = s1;
    out[2] = s2;
    out[3] = s3;
  }
  for (; i < rows; i++) {
    few s = {0};
    for (size_t a = 0; a < dim; a++)
      s += z[i * dim + a] * *(const few *)(w + a * CGAP_SCORE_VECTORS);
    *(few *)(scores + i * CGAP_SCORE_VECTORS) = s;
  }
}

static void vector_gradient(const double *restrict z, size_t rows, size_t dim, const double *restrict residual,
                            double *restrict gradient)
{
  size_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    const double *z0 = z + i * dim, *z1 = z0 + dim, *z2 = z1 + dim, *z3 = z2 + dim;
    const few *r = (const few *)(residual + i * CGAP_SCORE_VECTORS);
    const few r0 = r[0], r1 = r[1], r2 = r[2], r3 = r[3];
    for (size_t a = 0; a < dim; a++) {
      few *g = (few *)(gradient + a * CGAP_SCORE_VECTORS);
      *g += z0[a] * r0 + z1[a] * r1 + (z2[a] * r2 + z3[a] * r3);
    }
  }
  for (; i < rows; i++)
    for (size_t a = 0; a < dim; a++)
      *(few *)(gradient + a * CGAP_SCORE_VECTORS) += z[i * dim + a] * *(const few *)(residual + i * CGAP_SCORE_VECTORS);
}

/* binary16: shifting into place and scaling by 2^112 is right for normal and subnormal numbers alike;
 * infinity and NaN get their exponent by a second mask. */
static float half_value(uint16_t half)
{
  const uint32_t magnitude = (half & 0x7fffu) << 13;
  float scaled;
  memcpy(&scaled, &magnitude, sizeof scaled);
  scaled *= 0x1p112f;
  uint32_t bits;
  memcpy(&bits, &scaled, sizeof bits);
  bits |= magnitude >= 0x0f800000u ? 0x7f800000u : 0u;
  bits |= (uint32_t)(half & 0x8000u) << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void from_half(const uint16_t *restrict in, size_t n, float *restrict out)
{
  size_t done = 0;
#if defined(__AVX512F__)
  for (; done + 16 <= n; done += 16)
    _mm512_storeu_ps(out + done, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(in + done))));
#elif defined(__F16C__)
  for (; done + 8 <= n; done += 8)
    _mm256_storeu_ps(out + done, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(in + done))));
#endif
#pragma omp simd
  for (size_t j = done; j < n; j++)
    out[j] = half_value(in[j]);
}

static void from_half_scaled(const uint16_t *restrict in, size_t n, double scale, double *restrict out)
{
  size_t done = 0;
#if defined(__AVX512F__)
  const __m512d by = _mm512_set1_pd(scale);
  for (; done + 8 <= n; done += 8)
    _mm512_storeu_pd(
      out + done, _mm512_mul_pd(_mm512_cvtps_pd(_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(in + done)))), by));
#elif defined(__F16C__)
  const __m256d by = _mm256_set1_pd(scale);
  for (; done + 8 <= n; done += 8) {
    const __m256 eight = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(in + done)));
    _mm256_storeu_pd(out + done, _mm256_mul_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(eight)), by));
    _mm256_storeu_pd(out + done + 4, _mm256_mul_pd(_mm256_cvtps_pd(_mm256_extractf128_ps(eight, 1)), by));
  }
#endif
#pragma omp simd
  for (size_t j = done; j < n; j++)
    out[j] = (double)half_value(in[j]) * scale;
}

static double square_sum(const float *restrict x, size_t n)
{
  enum { SUMS = 8 };
  double sum[SUMS] = {0};
  size_t done = 0;
  for (; done + SUMS <= n; done += SUMS)
#pragma omp simd
    for (size_t l = 0; l < SUMS; l++)
      sum[l] += (double)x[done + l] * (double)x[done + l];
  for (size_t l = 0; done < n; done++, l++)
    sum[l] += (double)x[done] * (double)x[done];
  return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

/* A sum with 1.5·2^52 has the nearest whole number in its last bits. Every step is exact but the last rounding. */
static void add_exact(const double *restrict x, size_t n, double up, uint64_t *restrict high, uint64_t *restrict low)
{
  const double magic = 0x1.8p52, digit = 0x1p31;
  uint64_t zero;
  memcpy(&zero, &magic, sizeof zero);
#pragma omp simd
  for (size_t k = 0; k < n; k++) {
    const double scaled = x[k] * up, whole = scaled + magic, rest = (scaled - (whole - magic)) * digit + magic;
    uint64_t whole_bits, rest_bits;
    memcpy(&whole_bits, &whole, sizeof whole_bits);
    memcpy(&rest_bits, &rest, sizeof rest_bits);
    high[k] += whole_bits - zero;
    low[k] += rest_bits - zero;
  }
}

static void widen(const float *restrict in, size_t n, double scale, double *restrict out)
{
#pragma omp simd
  for (size_t j = 0; j < n; j++)
    out[j] = (double)in[j] * scale;
}

static void rescale(const float *restrict in, size_t n, double scale, float *restrict out)
{
#pragma omp simd
  for (size_t j = 0; j < n; j++)
    out[j] = (float)((double)in[j] * scale);
}

static void from_bfloat(const uint16_t *restrict in, size_t n, float *restrict out)
{
#pragma omp simd
  for (size_t j = 0; j < n; j++) {
    uint32_t bits = (uint32_t)in[j] << 16;
    memcpy(&out[j], &bits, sizeof bits);
  }
}

extern const cgap_audit_kernels CGAP_KERNELS_TABLE; /* named by the build, one for each instruction set */
const cgap_audit_kernels CGAP_KERNELS_TABLE = {
  .name = CGAP_KERNELS_NAME,
  .range = range,
  .exp_sums = exp_sums,
  .exp_sums_double = exp_sums_double,
  .histogram = histogram,
  .window = window,
  .tenth = tenth,
  .best_of_columns = best_of_columns,
  .tenth_or_less = tenth_or_less,
  .find = find,
  .compare = compare,
  .line_above = line_above,
  .dot = dot,
  .add_offsets = add_offsets,
  .to_bfloat = to_bfloat,
  .vector_scores = vector_scores,
  .vector_gradient = vector_gradient,
  .from_half = from_half,
  .from_half_scaled = from_half_scaled,
  .from_bfloat = from_bfloat,
  .square_sum = square_sum,
  .add_exact = add_exact,
  .widen = widen,
  .rescale = rescale,
};
