/* The loops over every cosine of a tile pass, in the words of AVX-512: masks, which C has no name for, make the
 * searches two to five times as fast as what the compiler makes of the plain loops in audit_kernels_plain.h, and a
 * scaling by powers of two the exponentials half as fast again. Included by audit_kernels_body.c where the instruction
 * set has them; what each does is in kernels.h. */
#include <immintrin.h>

enum { FLOAT_LANES = 16 }; /* floats of a register */

/* Lanes that are left, n > 0 of them. */
static inline __mmask16 lanes(size_t n)
{
  return n >= FLOAT_LANES ? (__mmask16)0xffff : (__mmask16)((1u << n) - 1);
}

static void range(const float *s, size_t n, float *least, float *greatest)
{
  const __m512 masked = _mm512_set1_ps(-INFINITY);
  __m512 lo = _mm512_set1_ps(INFINITY), hi = masked;
  for (size_t j = 0; j < n; j += FLOAT_LANES) {
    const __m512 x = _mm512_mask_loadu_ps(masked, lanes(n - j), s + j);
    hi = _mm512_max_ps(hi, x);
    lo = _mm512_mask_min_ps(lo, _mm512_cmp_ps_mask(x, masked, _CMP_NEQ_OQ), lo, x);
  }
  *least = _mm512_reduce_min_ps(lo);
  *greatest = _mm512_reduce_max_ps(hi);
}

/* e^(scale·x) = 2^whole · 2^f, |f| <= 1/2; the polynomial's value, and whole. */
static inline __m512 exp2_parts(__m512 x, const cgap_exponent *e, __m512 *whole)
{
  const __m512 factor = _mm512_set1_ps(e->factor), one = _mm512_set1_ps(EXP2_0);
  x = _mm512_max_ps(x, _mm512_set1_ps(e->lowest));
  *whole = _mm512_roundscale_ps(_mm512_mul_ps(x, factor), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 f = _mm512_fmadd_ps(x, _mm512_set1_ps(e->factor_low), _mm512_fmsub_ps(x, factor, *whole));
  __m512 p = _mm512_set1_ps(EXP2_5);
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(EXP2_4));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(EXP2_3));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(EXP2_2));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(EXP2_1));
  return _mm512_fmadd_ps(p, f, one);
}

static void exp_sums(const float *restrict s, size_t n, const cgap_exponent *e, float *restrict columns, double *sum,
                     double *squares)
{
  const __m512 apart = _mm512_set1_ps(e->apart);
  __m512 total = _mm512_setzero_ps(), total_squares = total, whole;
  for (size_t j = 0; j < n; j += FLOAT_LANES) {
    const __mmask16 left = lanes(n - j);
    const __m512 p = exp2_parts(_mm512_maskz_loadu_ps(left, s + j), e, &whole);
    const __m512 k = _mm512_maskz_scalef_ps(left, p, _mm512_sub_ps(whole, apart));
    total = _mm512_add_ps(total, k);
    total_squares = _mm512_fmadd_ps(k, k, total_squares);
    _mm512_mask_storeu_ps(columns + j, left, _mm512_add_ps(k, _mm512_maskz_loadu_ps(left, columns + j)));
  }
  *sum += (double)_mm512_reduce_add_ps(total);
  *squares += (double)_mm512_reduce_add_ps(total_squares);
}

/* Eight of the sixteen: *columns += p·2^whole, which is returned. */
static inline __m512d add_powers_double(__m256 p, __m256 whole, __mmask8 left, double *columns)
{
  const __m512d k = _mm512_maskz_scalef_pd(left, _mm512_cvtps_pd(p), _mm512_cvtps_pd(whole));
  _mm512_mask_storeu_pd(columns, left, _mm512_add_pd(k, _mm512_maskz_loadu_pd(left, columns)));
  return k;
}

static void exp_sums_double(const float *restrict s, size_t n, const cgap_exponent *e, double *restrict columns,
                            double *sum)
{
  __m512d low = _mm512_setzero_pd(), high = low;
  __m512 whole;
  for (size_t j = 0; j < n; j += FLOAT_LANES) {
    const __mmask16 left = lanes(n - j);
    const __m512 p = exp2_parts(_mm512_maskz_loadu_ps(left, s + j), e, &whole);
    low = _mm512_add_pd(
      low, add_powers_double(_mm512_castps512_ps256(p), _mm512_castps512_ps256(whole), (__mmask8)left, columns + j));
    if (left >> FLOAT_LANES / 2)
      high = _mm512_add_pd(high, add_powers_double(_mm512_extractf32x8_ps(p, 1), _mm512_extractf32x8_ps(whole, 1),
                                                   (__mmask8)(left >> FLOAT_LANES / 2), columns + j + FLOAT_LANES / 2));
  }
  *sum += _mm512_reduce_add_pd(_mm512_add_pd(low, high));
}

static void bins_of(const float *s, size_t n, int bins, uint16_t *bin)
{
  const __m512 one = _mm512_set1_ps(1.0f), half = _mm512_set1_ps(0.5f * (float)bins),
               last = _mm512_set1_ps((float)bins - 1.0f);
  for (size_t j = 0; j < n; j += FLOAT_LANES) {
    const __mmask16 left = lanes(n - j);
    __m512 place = _mm512_mul_ps(_mm512_add_ps(_mm512_maskz_loadu_ps(left, s + j), one), half);
    place = _mm512_min_ps(_mm512_max_ps(place, _mm512_setzero_ps()), last);
    _mm256_mask_storeu_epi16(bin + j, left, _mm512_cvtepi32_epi16(_mm512_cvttps_epi32(place)));
  }
}

/* Writes those within to out (CGAP_TILE), one after the other. Each step writes sixteen lanes, and the next step
 * overwrites those that are not within; no step writes beyond what it has read. */
static size_t collect_between(const float *restrict s, size_t n, float least, float greatest, float *restrict out,
                              uint64_t *above)
{
  const __m512 low = _mm512_set1_ps(least), high = _mm512_set1_ps(greatest);
  size_t taken = 0, over = 0;
  for (size_t j = 0; j < n; j += FLOAT_LANES) {
    const __mmask16 left = lanes(n - j);
    const __m512 x = _mm512_maskz_loadu_ps(left, s + j);
    const __mmask16 reach = _mm512_mask_cmp_ps_mask(left, x, low, _CMP_GE_OQ),
                    beyond = _mm512_mask_cmp_ps_mask(left, x, high, _CMP_GT_OQ);
    const __mmask16 within = (__mmask16)(reach & ~beyond);
    _mm512_storeu_ps(out + taken, _mm512_maskz_compress_ps(within, x));
    taken += (size_t)__builtin_popcount(within);
    over += (size_t)__builtin_popcount(beyond);
  }
  *above += over;
  return taken;
}

/* The places of the bits that are set. */
static inline size_t put_places(uint64_t bits, size_t first, uint16_t *index, size_t found)
{
  for (; bits; bits &= bits - 1)
    index[found++] = (uint16_t)(first + (size_t)__builtin_ctzll(bits));
  return found;
}

static size_t find(const float *restrict s, size_t n, float row_bound, const float *restrict column_bound,
                   uint16_t *restrict index)
{
  const __m512 row = _mm512_set1_ps(row_bound);
  size_t found = 0;
  for (size_t j = 0; j < n; j += LOOK) {
    uint64_t hits = 0;
    for (size_t k = 0; k < LOOK && j + k < n; k += FLOAT_LANES) {
      const __mmask16 left = lanes(n - j - k);
      const __m512 bound = _mm512_min_ps(_mm512_maskz_loadu_ps(left, column_bound + j + k), row);
      hits |= (uint64_t)_mm512_mask_cmp_ps_mask(left, _mm512_maskz_loadu_ps(left, s + j + k), bound, _CMP_GE_OQ) << k;
    }
    found = put_places(hits, j, index, found);
  }
  return found;
}

static size_t compare(const float *restrict s, size_t n, float low, float high, uint32_t *above,
                      const float *restrict column_low, const float *restrict column_high,
                      uint32_t *restrict columns_above, uint16_t *restrict index)
{
  const __m512 row_low = _mm512_set1_ps(low), row_high = _mm512_set1_ps(high);
  const __m512i one = _mm512_set1_epi32(1);
  size_t found = 0;
  for (size_t j = 0; j < n; j += LOOK) {
    uint64_t near = 0, over = 0;
    for (size_t k = 0; k < LOOK && j + k < n; k += FLOAT_LANES) {
      const __mmask16 left = lanes(n - j - k);
      const __m512 x = _mm512_maskz_loadu_ps(left, s + j + k);
      const __m512i counts = _mm512_maskz_loadu_epi32(left, columns_above + j + k);
      const __mmask16 row_over = _mm512_mask_cmp_ps_mask(left, x, row_high, _CMP_GT_OQ),
                      row_in = _mm512_mask_cmp_ps_mask(left, x, row_low, _CMP_GE_OQ),
                      column_over =
                        _mm512_mask_cmp_ps_mask(left, x, _mm512_maskz_loadu_ps(left, column_high + j + k), _CMP_GT_OQ),
                      column_in =
                        _mm512_mask_cmp_ps_mask(left, x, _mm512_maskz_loadu_ps(left, column_low + j + k), _CMP_GE_OQ);
      _mm512_mask_storeu_epi32(columns_above + j + k, column_over, _mm512_add_epi32(counts, one));
      over |= (uint64_t)row_over << k;
      near |= (uint64_t)(uint16_t)((row_in & ~row_over) | (column_in & ~column_over)) << k;
    }
    *above += (uint32_t)__builtin_popcountll(over);
    found = put_places(near, j, index, found);
  }
  return found;
}
