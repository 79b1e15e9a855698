/* The loops over every cosine of a tile pass in plain C, for all instruction sets but AVX-512, which has its own:
 * audit_kernels_avx512.h. Included by audit_kernels_body.c; what each does is in kernels.h. */
static inline float power_of_two(int32_t n)
{
  int32_t bits = (n + 127) * (1 << 23);
  float out;
  memcpy(&out, &bits, sizeof out);
  return out;
}

static inline double power_of_two_double(int64_t n)
{
  int64_t bits = (n + 1023) * (INT64_C(1) << 52);
  double out;
  memcpy(&out, &bits, sizeof out);
  return out;
}

static inline float exp2_reduced(float f)
{
  float p = EXP2_5;
  p = p * f + EXP2_4;
  p = p * f + EXP2_3;
  p = p * f + EXP2_2;
  p = p * f + EXP2_1;
  return p * f + EXP2_0;
}

/* Adding and taking away 1.5·2^23 rounds to the nearest integer. */
static inline float nearest(float x)
{
  float shifted = x + 12582912.0f;
  return shifted - 12582912.0f;
}

/* Floats as integers of the same order, since integer minima vectorise without leave to ignore NaN. */
static inline int32_t ordered_bits(float x)
{
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits ^ ((bits >> 31) & INT32_MAX);
}

static inline float from_ordered_bits(int32_t bits)
{
  float x;
  bits ^= (bits >> 31) & INT32_MAX;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static void range(const float *s, size_t n, float *least, float *greatest)
{
  const int32_t masked = ordered_bits(-INFINITY);
  int32_t lo = ordered_bits(INFINITY), hi = masked;
#pragma omp simd reduction(min : lo) reduction(max : hi)
  for (size_t j = 0; j < n; j++) {
    int32_t bits = ordered_bits(s[j]);
    int32_t unmasked = bits == masked ? INT32_MAX : bits;
    lo = unmasked < lo ? unmasked : lo;
    hi = bits > hi ? bits : hi;
  }
  *least = from_ordered_bits(lo);
  *greatest = from_ordered_bits(hi);
}

static void exp_sums(const float *restrict s, size_t n, const cgap_exponent *e, float *restrict columns, double *sum,
                     double *squares)
{
  const float factor = e->factor, step_high = e->step_high, step_low = e->step_low, lowest = e->lowest,
              apart = e->apart;
  float total = 0, total_squares = 0;
#pragma omp simd reduction(+ : total, total_squares)
  for (size_t j = 0; j < n; j++) {
    float x = s[j] > lowest ? s[j] : lowest;
    float whole = nearest(x * factor);
    float k =
      exp2_reduced((x - whole * step_high - whole * step_low) * factor) * power_of_two((int32_t)(whole - apart));
    total += k;
    total_squares += k * k;
    columns[j] += k;
  }
  *sum += (double)total;
  *squares += (double)total_squares;
}

static void exp_sums_double(const float *restrict s, size_t n, const cgap_exponent *e, double *restrict columns,
                            double *sum)
{
  const float factor = e->factor, step_high = e->step_high, step_low = e->step_low, lowest = e->lowest;
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (size_t j = 0; j < n; j++) {
    float x = s[j] > lowest ? s[j] : lowest;
    float whole = nearest(x * factor);
    double k = (double)exp2_reduced((x - whole * step_high - whole * step_low) * factor) *
               power_of_two_double((int64_t)(int32_t)whole);
    total += k;
    columns[j] += k;
  }
  *sum += total;
}

static void bins_of(const float *restrict s, size_t n, int bins, uint16_t *restrict bin)
{
  const float half = 0.5f * (float)bins, last = (float)bins - 1.0f;
#pragma omp simd
  for (size_t j = 0; j < n; j++) {
    float place = (s[j] + 1.0f) * half;
    place = place > 0.0f ? place : 0.0f;
    place = place < last ? place : last;
    bin[j] = (uint16_t)(int32_t)place;
  }
}

/* Writes those within to out (CGAP_TILE), one after the other. Each cosine is written, and the next one overwrites it
 * where it is not within. */
static size_t collect_between(const float *restrict s, size_t n, float least, float greatest, float *restrict out,
                              uint64_t *above)
{
  size_t taken = 0;
  uint32_t over = 0;
#pragma omp simd reduction(+ : over)
  for (size_t j = 0; j < n; j++)
    over += s[j] > greatest;
  for (size_t j = 0; j < n; j++) {
    out[taken] = s[j];
    taken += (s[j] >= least) & (s[j] <= greatest);
  }
  *above += over;
  return taken;
}

/* The places of the bytes that are 1, found eight at a time. */
static inline size_t places_of(const uint8_t hit[LOOK], size_t first, uint16_t *restrict index, size_t found)
{
  for (size_t k = 0; k < LOOK; k += sizeof(uint64_t)) {
    uint64_t word;
    memcpy(&word, hit + k, sizeof word);
    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
      word = __builtin_bswap64(word);
    for (; word; word &= word - 1)
      index[found++] = (uint16_t)(first + k + (size_t)__builtin_ctzll(word) / 8);
  }
  return found;
}

static inline float lower(float a, float b)
{
  return a < b ? a : b;
}

/* Hits are few: whole runs are passed over at once. */
static size_t find(const float *restrict s, size_t n, float row_bound, const float *restrict column_bound,
                   uint16_t *restrict index)
{
  size_t found = 0;
  for (size_t j = 0; j < n; j += LOOK) {
    const size_t count = lesser(LOOK, n - j);
    uint8_t hit[LOOK] = {0};
    uint32_t hits = 0;
#pragma omp simd reduction(+ : hits)
    for (size_t i = 0; i < count; i++)
      hits += s[j + i] >= lower(column_bound[j + i], row_bound);
    if (hits == 0)
      continue;
#pragma omp simd
    for (size_t i = 0; i < count; i++)
      hit[i] = s[j + i] >= lower(column_bound[j + i], row_bound);
    found = places_of(hit, j, index, found);
  }
  return found;
}

static size_t compare(const float *restrict s, size_t n, float low, float high, uint32_t *above,
                      const float *restrict column_low, const float *restrict column_high,
                      uint32_t *restrict columns_above, uint16_t *restrict index)
{
  size_t found = 0;
  uint32_t row_above = 0;
  for (size_t j = 0; j < n; j += LOOK) {
    const size_t count = lesser(LOOK, n - j);
    uint8_t hit[LOOK] = {0};
    uint32_t hits = 0;
#pragma omp simd reduction(+ : hits, row_above)
    for (size_t i = 0; i < count; i++) {
      const float x = s[j + i];
      const uint32_t over = x > high, column_over = x > column_high[j + i];
      const uint32_t near = ((x >= low) & (over ^ 1u)) | ((x >= column_low[j + i]) & (column_over ^ 1u));
      row_above += over;
      columns_above[j + i] += column_over;
      hits += near;
      hit[i] = (uint8_t)near;
    }
    if (hits > 0)
      found = places_of(hit, j, index, found);
  }
  *above += row_above;
  return found;
}
