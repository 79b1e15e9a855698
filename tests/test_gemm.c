/* The product of one thread: against a plain one in double, and the same bits wherever it is called from. */
#include "base/threads.h"
#include "simd/gemm.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sizes of training steps, odd ones, and single rows and columns; whether operands are transposed; β. */
static const struct {
  size_t m, n, k;
  bool a, b;
  float beta;
} CASES[] = {
  {64, 128, 512, false, true, 0}, {128, 256, 64, true, false, 0},   {32, 64, 128, false, true, 0},
  {96, 128, 256, true, false, 1}, {300, 100, 257, false, false, 1}, {7, 5, 3, true, true, 0},
  {1, 513, 66, false, true, 1},   {129, 1, 31, false, false, 0},    {1, 1, 1, true, true, 1},
};
enum { CASE_COUNT = sizeof CASES / sizeof *CASES, PAD = 3 };

typedef struct gemm_case {
  size_t m, n, k, ldc;
  cgap_operand a, b;
  float beta;
  float *memory[2], *start; /* of a and b; C before (m, ldc) */
} gemm_case;

static float *filled(support_random *r, size_t count)
{
  float *out = support_alloc(count, sizeof *out);
  for (size_t k = 0; k < count; k++)
    out[k] = (float)support_normal(r);
  return out;
}

static gemm_case product_init(size_t which)
{
  support_random r = support_seed(90 + which);
  gemm_case p = {.m = CASES[which].m, .n = CASES[which].n, .k = CASES[which].k, .beta = CASES[which].beta};
  p.ldc = p.n + PAD;
  p.a = (cgap_operand){.ld = (CASES[which].a ? p.m : p.k) + PAD, .transposed = CASES[which].a};
  p.b = (cgap_operand){.ld = (CASES[which].b ? p.k : p.n) + PAD, .transposed = CASES[which].b};
  p.a.data = p.memory[0] = filled(&r, (p.a.transposed ? p.k : p.m) * p.a.ld);
  p.b.data = p.memory[1] = filled(&r, (p.b.transposed ? p.n : p.k) * p.b.ld);
  p.start = filled(&r, p.m * p.ldc);
  for (size_t i = 0; p.beta == 0 && i < p.m; i++)
    for (size_t j = 0; j < p.n; j++)
      p.start[i * p.ldc + j] = NAN; /* must not be read */
  return p;
}

static void product_clear(gemm_case *p)
{
  free(p->memory[0]);
  free(p->memory[1]);
  free(p->start);
}

/* A new C (free). */
static float *run(const gemm_case *p)
{
  float *c = support_alloc(p->m * p->ldc, sizeof *c);
  memcpy(c, p->start, p->m * p->ldc * sizeof *c);
  cgap_sgemm(p->m, p->n, p->k, p->a, p->b, p->beta, c, p->ldc);
  return c;
}

static double at(const cgap_operand *o, size_t row, size_t column)
{
  return (double)o->data[o->transposed ? column * o->ld + row : row * o->ld + column];
}

Test(gemm, equals_a_plain_product_in_double)
{
  const int blas = cgap_blas_single();
  for (size_t which = 0; which < CASE_COUNT; which++) {
    gemm_case p = product_init(which);
    float *c = run(&p);
    double worst = 0;
    for (size_t i = 0; i < p.m; i++) {
      for (size_t j = 0; j < p.n; j++) {
        double want = p.beta == 0 ? 0 : (double)p.start[i * p.ldc + j], size = 1;
        for (size_t k = 0; k < p.k; k++) {
          want += at(&p.a, i, k) * at(&p.b, k, j);
          size += fabs(at(&p.a, i, k) * at(&p.b, k, j));
        }
        const double off = fabs((double)c[i * p.ldc + j] - want) / size;
        worst = off <= worst ? worst : off; /* a number that is none is worse than any */
      }
      cr_expect_arr_eq(c + i * p.ldc + p.n, p.start + i * p.ldc + p.n, PAD * sizeof *c, "case %zu writes past its row",
                       which);
    }
    cr_expect(worst < 1e-6, "case %zu: off by %g of the sum of sizes", which, worst);
    free(c);
    product_clear(&p);
  }
  cgap_blas_restore(blas);
}

/* Alone with several threads at hand, in a team of one, and in each thread of a team: one and the same. */
Test(gemm, bits_do_not_depend_on_the_threads)
{
  const int blas = cgap_blas_single(), threads = omp_get_max_threads();
  omp_set_num_threads(3);
  for (size_t which = 0; which < CASE_COUNT; which++) {
    gemm_case p = product_init(which);
    const size_t bytes = p.m * p.ldc * sizeof(float);
    float *want = run(&p), *one = NULL, *each[3] = {NULL};
    int members = 0;
    cr_expect_eq(omp_get_max_threads(), 3);
#pragma omp parallel num_threads(1)
    one = run(&p);
#pragma omp parallel num_threads(3)
    {
      each[omp_get_thread_num()] = run(&p);
#pragma omp atomic
      members++;
    }
    cr_expect(memcmp(want, one, bytes) == 0, "case %zu in a team of one", which);
    for (int t = 0; t < members; t++)
      cr_expect(memcmp(want, each[t], bytes) == 0, "case %zu in thread %d of %d", which, t, members);
    for (int t = 0; t < 3; t++)
      free(each[t]);
    free(want);
    free(one);
    product_clear(&p);
  }
  omp_set_num_threads(threads);
  cgap_blas_restore(blas);
}

Test(gemm, nothing_to_do_is_nothing_done)
{
  const float a[4] = {1, 2, 3, 4};
  float c[4] = {5, 6, 7, 8};
  const cgap_operand o = {a, 2, false};
  cgap_sgemm(0, 2, 2, o, o, 0, c, 2);
  cgap_sgemm(2, 0, 2, o, o, 0, c, 2);
  cr_expect(c[0] == 5 && c[1] == 6 && c[2] == 7 && c[3] == 8);
}
