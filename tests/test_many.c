/* More than two modalities: the pool against a naive program on rows full of ties, every pair against its own audit,
 * rows that are left out, refusals. */
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { K_MAX = 5, NEAREST = 10 };

/* Rows of some modalities and what is audited of them. */
typedef struct pool {
  size_t count, dim, rows[K_MAX];
  double *row[K_MAX]; /* (rows, dim) */
  cgap_many_data data;
} pool;

static const char *const NAMES[K_MAX] = {"image", "text", "audio", "video", "depth"};

/* Small whole numbers: many equal rows and cosines. levels 0: normal numbers. */
static pool make_pool(size_t count, const size_t *rows, size_t dim, int levels, uint64_t seed)
{
  pool p = {.count = count, .dim = dim};
  support_random r = support_seed(seed);
  p.data.count = count;
  for (size_t m = 0; m < count; m++) {
    p.rows[m] = rows[m];
    p.row[m] = support_alloc(rows[m] * dim, sizeof *p.row[m]);
    for (size_t i = 0; i < rows[m] * dim; i++)
      p.row[m][i] = levels ? (double)support_below(&r, (size_t)levels) : support_normal(&r);
    for (size_t i = 0; i < rows[m]; i++)
      p.row[m][i * dim + m % dim] += 2; /* no row is zero, and the modalities differ */
    p.data.name[m] = NAMES[m];
    p.data.source[m] = cgap_source_view(p.row[m], rows[m], dim, CGAP_FLOAT64, NAMES[m]);
  }
  return p;
}

static void clear_pool(pool *p)
{
  for (size_t m = 0; m < p->count; m++)
    free(p->row[m]);
}

static double cosine(const double *a, const double *b, size_t dim)
{
  double ab = 0, aa = 0, bb = 0;
  for (size_t k = 0; k < dim; k++) {
    ab += a[k] * b[k];
    aa += a[k] * a[k];
    bb += b[k] * b[k];
  }
  return fmin(1, rint(ab / sqrt(aa * bb) * 1e12) / 1e12);
}

/* Of one row: how many of its nearest others in the pool are of its modality; the earlier row wins among equals. */
static size_t naive_own(const pool *p, size_t modality, size_t row, size_t nearest)
{
  const double *x = p->row[modality] + row * p->dim;
  double best[NEAREST];
  size_t from[NEAREST], found = 0;
  for (size_t m = 0; m < p->count; m++)
    for (size_t i = 0; i < p->rows[m]; i++) {
      const double c = cosine(x, p->row[m] + i * p->dim, p->dim);
      size_t at = found;
      if (m == modality && i == row)
        continue;
      while (at > 0 && best[at - 1] < c)
        at--;
      if (at == nearest)
        continue;
      found += found < nearest;
      for (size_t k = found - 1; k > at; k--) {
        best[k] = best[k - 1];
        from[k] = from[k - 1];
      }
      best[at] = c;
      from[at] = m;
    }
  size_t own = 0;
  for (size_t k = 0; k < found; k++)
    own += from[k] == modality;
  return own;
}

static size_t check_mixing(const char *where, const pool *p, const cgap_many *many)
{
  size_t total = 0, failed = 0;
  double all = 0;
  for (size_t m = 0; m < p->count; m++)
    total += p->rows[m];
  const size_t nearest = total - 1 < NEAREST ? total - 1 : NEAREST;
  for (size_t m = 0; m < p->count; m++) {
    double own = 0;
    for (size_t i = 0; i < p->rows[m]; i++)
      own += (double)naive_own(p, m, i, nearest) / (double)nearest;
    all += own;
    failed +=
      !support_near(where, NAMES[m], many->modality[m].same_modality_share.value, own / (double)p->rows[m], 1e-12, 0);
  }
  return failed + !support_near(where, "all", many->same_modality_share.value, all / (double)total, 1e-12, 0);
}

static cgap_many run_many(const pool *p, uint64_t memory)
{
  cgap_many many;
  cgap_error error = {0};
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  options.threads = p->rows[0] < 10 ? 2 : 1; /* other threads than the audits alone once */
  options.memory_bytes = memory;
  cr_assert_eq(cgap_many_run(&many, &p->data, &options, &error), CGAP_OK, "%s", error.message);
  return many;
}

/* The values of a pair's own audit, to the bit. */
static size_t check_pairs(const char *where, const pool *p, const cgap_many *many)
{
  size_t failed = 0;
  for (size_t a = 0; a < p->count; a++)
    for (size_t b = a + 1; b < p->count; b++) {
      const cgap_data data = {.image = p->data.source[a],
                              .text = p->data.source[b],
                              .pairing = p->data.unpaired ? CGAP_UNPAIRED : CGAP_BY_ROW};
      cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
      cgap_audit alone;
      options.threads = 1;
      cr_assert_eq(cgap_audit_run(&alone, &data, &options, NULL), CGAP_OK);
      const struct {
        cgap_many_measure measure;
        const cgap_scalar *there, *back; /* a searches b, b searches a */
      } of[] = {{CGAP_MANY_CORRECTED_DISTANCE, &alone.gap.corrected_distance, &alone.gap.corrected_distance},
                {CGAP_MANY_NOISE_FLOOR, &alone.gap.noise_floor, &alone.gap.noise_floor},
                {CGAP_MANY_LINEAR_SEPARABILITY, &alone.gap.linear_separability, &alone.gap.linear_separability},
                {CGAP_MANY_MMD2, &alone.gap.mmd2, &alone.gap.mmd2},
                {CGAP_MANY_RECALL_AT_1, &alone.image_to_text.recall_at_1, &alone.text_to_image.recall_at_1},
                {CGAP_MANY_MIXED_NDCG_AT_10, &alone.mixed_image_query.ndcg_at_10, &alone.mixed_text_query.ndcg_at_10},
                {CGAP_MANY_MUTUAL_KNN, &alone.agreement.mutual_knn, &alone.agreement.mutual_knn},
                {CGAP_MANY_CKA, &alone.agreement.cka, &alone.agreement.cka}};
      for (size_t k = 0; k < sizeof of / sizeof *of; k++) {
        const cgap_scalar *there = cgap_many_value(many, of[k].measure, a, b),
                          *back = cgap_many_value(many, of[k].measure, b, a);
        if (k >= 4 && p->data.unpaired) {
          failed += there != NULL || back != NULL;
          continue;
        }
        failed += !support_same(where, NAMES[a], there->value, of[k].there->value);
        failed += !support_same(where, NAMES[b], back->value, of[k].back->value);
        failed += !support_same(where, "lo", there->lo, of[k].there->lo);
      }
      failed += many->pair[cgap_many_pair(p->count, a, b)].advice.word == CGAP_ADVICE_NOT_ASKED;
      cgap_audit_clear(&alone);
    }
  return failed;
}

static void check_pool(const char *where, pool *p, uint64_t memory)
{
  cgap_many many = run_many(p, memory);
  cr_expect_eq(check_mixing(where, p, &many), 0);
  cr_expect_eq(check_pairs(where, p, &many), 0);
  for (size_t m = 0; m < p->count; m++) {
    cr_expect_null(cgap_many_value(&many, CGAP_MANY_MMD2, m, m));
    cr_expect_eq(many.modality[m].rows, p->rows[m]);
    cr_expect_null(many.modality[m].row);
  }
  cgap_many_clear(&many);
  clear_pool(p);
}

Test(many, ties)
{
  pool p = make_pool(3, (const size_t[]){40, 40, 40}, 3, 2, 1); /* 8 different rows of each */
  check_pool("ties", &p, 0);
}

Test(many, few_rows)
{
  pool p = make_pool(3, (const size_t[]){3, 3, 3}, 4, 3, 2); /* fewer than ten others */
  check_pool("few rows", &p, 0);
}

Test(many, five)
{
  pool p = make_pool(5, (const size_t[]){80, 80, 80, 80, 80}, 16, 0, 3);
  check_pool("five", &p, 0);
}

/* Rows of the first modality, of another length, in the others, and again among the own: their cosines to any row are
 * equal, and differ as products in float. */
Test(many, near_ties)
{
  enum { N = 100, D = 6 };
  pool p = make_pool(3, (const size_t[]){N, N, N}, D, 0, 6);
  for (size_t m = 0; m < 3; m++)
    for (size_t i = 0; i < N / 4; i++)
      for (size_t k = 0; k < D; k++) {
        p.row[m][i * D + k] = p.row[0][i * D + k] * (1 + 0.01 * (double)(m * i));
        p.row[m][(N - 1 - i) * D + k] = p.row[m][i * D + k] * 1.3;
      }
  check_pool("near ties", &p, 0);
}

Test(many, unpaired)
{
  pool p = make_pool(4, (const size_t[]){70, 31, 50, 12}, 5, 3, 4);
  p.data.unpaired = true;
  check_pool("unpaired", &p, 0);
}

/* A modality of another width: its pairs have their agreement alone, and there is no pool and no plane. */
Test(many, widths)
{
  pool p = make_pool(3, (const size_t[]){30, 30, 30}, 4, 0, 7);
  p.data.source[2].dim = 3;
  cgap_many many = run_many(&p, 0);
  cr_expect(isfinite(cgap_many_value(&many, CGAP_MANY_CORRECTED_DISTANCE, 0, 1)->value));
  cr_expect(isfinite(cgap_many_value(&many, CGAP_MANY_MUTUAL_KNN, 0, 2)->value));
  cr_expect(isfinite(cgap_many_value(&many, CGAP_MANY_CKA, 1, 2)->value));
  cr_expect_null(cgap_many_value(&many, CGAP_MANY_CORRECTED_DISTANCE, 0, 2));
  cr_expect_not_null(many.same_modality_share.why);
  cr_expect_not_null(many.modality[0].same_modality_share.why);
  cr_expect_eq(many.modality[0].plane_rows, 0);
  cgap_many_clear(&many);
  clear_pool(&p);
}

/* ---------------------------------------------------------------- memory */

typedef struct counted {
  const double *rows;
  size_t dim, read;
} counted;

static cgap_status read_counted(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  counted *c = source->context;
  (void)error;
  memcpy(out, c->rows + first * c->dim, count * c->dim * sizeof *c->rows);
  c->read += count;
  return CGAP_OK;
}

/* Mebibytes that the audit of a pair needs at least, as its refusal says. */
static uint64_t smallest_megabytes(const pool *p)
{
  cgap_many many;
  cgap_error error = {0};
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  options.threads = 1;
  options.memory_bytes = 1 << 20;
  cr_assert_eq(cgap_many_run(&many, &p->data, &options, &error), CGAP_RESOURCE);
  const char *need = strstr(error.message, " need ");
  cr_assert(need, "%s", error.message);
  return strtoul(need + strlen(" need "), NULL, 10);
}

/* In memory each row is read once; where it does not fit, again for each pair, with the same numbers. */
Test(many, reads)
{
  enum { N = 1000, D = 160 }; /* 4 MB of rows, half a MB of lists */
  pool p = make_pool(3, (const size_t[]){N, N, N}, D, 0, 5);
  counted c[3];
  double share[2];
  for (size_t m = 0; m < 3; m++) {
    c[m] = (counted){p.row[m], D, 0};
    p.data.source[m] = (cgap_source){N, D, CGAP_FLOAT64, read_counted, &c[m], NAMES[m]};
  }
  for (int round = 0; round < 2; round++) {
    const uint64_t megabytes = smallest_megabytes(&p) + (round ? 2 : 20);
    for (size_t m = 0; m < 3; m++)
      c[m].read = 0;
    cgap_many many = run_many(&p, megabytes << 20);
    cr_expect_eq(many.in_memory, round == 0);
    for (size_t m = 0; m < 3; m++)
      cr_expect(round ? c[m].read >= 3 * N : c[m].read == N, "%zu rows of %s read", c[m].read, NAMES[m]);
    share[round] = many.same_modality_share.value;
    cgap_many_clear(&many);
  }
  cr_expect_eq(share[0], share[1]);
  clear_pool(&p);
}

/* ---------------------------------------------------------------- bad rows, refusals */

Test(many, bad_rows)
{
  enum { N = 60, D = 6 };
  pool p = make_pool(3, (const size_t[]){N, N, N}, D, 0, 6);
  cgap_many many;
  cgap_error error = {0};
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  memset(p.row[1] + 4 * D, 0, D * sizeof(double));
  p.row[2][7 * D] = (double)NAN;
  cr_expect_eq(cgap_many_run(&many, &p.data, &options, &error), CGAP_DATA);
  cr_expect(strstr(error.message, "norm zero (row 4)") && strstr(error.message, "infinity (row 7)"), "%s",
            error.message);
  p.data.drop_bad = true;
  many = run_many(&p, 0);
  for (size_t m = 0; m < 3; m++) {
    cr_assert_eq(many.modality[m].rows, N - 2);
    cr_expect_eq(many.modality[m].dropped, 2);
    cr_expect_eq(many.modality[m].row[4], 5);
    cr_expect_eq(many.modality[m].row[6], 8);
  }
  for (size_t k = 0; k < 3; k++) {
    cr_expect_eq(many.pair[k].image_row[N - 3], N - 1); /* as the file counts them */
    for (size_t w = 0; w < many.pair[k].worst_count; w++)
      cr_expect(many.pair[k].worst[w].image != 4 && many.pair[k].worst[w].text != 7);
  }
  cgap_many_clear(&many);
  clear_pool(&p);
}

static void refuses(const pool *p, cgap_status status, const char *words)
{
  cgap_many many;
  cgap_error error = {0};
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  cr_expect_eq(cgap_many_run(&many, &p->data, &options, &error), status, "%s", error.message);
  cr_expect(strstr(error.message, words), "no '%s' in: %s", words, error.message);
  cr_expect_eq(many.pairs, 0);
  cgap_many_clear(&many);
}

Test(many, refusals)
{
  pool p = make_pool(3, (const size_t[]){30, 30, 31}, 4, 0, 7);
  refuses(&p, CGAP_DATA, "image 30 rows, text 30 rows, audio 31 rows");
  p.data.source[2].rows = 30;
  p.data.name[2] = "image";
  refuses(&p, CGAP_USAGE, "two modalities are named image");
  p.data.name[2] = "a-b";
  refuses(&p, CGAP_USAGE, "a-b");
  p.data.name[2] = NULL;
  refuses(&p, CGAP_USAGE, "a name");
  p.data.name[2] = "audio";
  p.data.count = 2;
  refuses(&p, CGAP_USAGE, "2 modalities");
  clear_pool(&p);
}

/* ---------------------------------------------------------------- the plane */

/* Two axes of an ellipsoid turned away from the coordinates: what is drawn has their lengths, and the centres are the
 * means of what is drawn. */
Test(many, plane)
{
  enum { N = 400, D = 8 };
  pool p = make_pool(3, (const size_t[]){N, N, N}, D, 0, 8);
  support_random r = support_seed(9);
  double turn[D * D], flat[N * D];
  support_rotation(&r, turn, D);
  for (size_t m = 0; m < 3; m++) {
    for (size_t i = 0; i < N; i++)
      for (size_t k = 0; k < D; k++) /* the modalities differ along axis 0, the rows along axis 1 */
        flat[i * D + k] = k == 0 ? (double)m - 1 : k == 1 ? 0.3 * support_normal(&r) : k == 2 ? 4 : 0;
    support_product(flat, turn, p.row[m], N, D);
  }
  cgap_many many = run_many(&p, 0);
  cr_expect_gt(many.plane_variance[0], 0.85);
  cr_expect_gt(many.plane_variance[0] + many.plane_variance[1], 0.99);
  for (size_t m = 0; m < 3; m++) {
    const cgap_many_modality *of = &many.modality[m];
    double mean[2] = {0};
    cr_assert_eq(of->plane_rows, N);
    for (size_t i = 0; i < N; i++) {
      mean[0] += of->plane[i].x / N;
      mean[1] += of->plane[i].y / N;
    }
    support_near("plane", "x", mean[0], of->centre[0], 1e-6, 0);
    cr_expect(fabs(mean[0] - of->centre[0]) < 1e-6 && fabs(mean[1] - of->centre[1]) < 1e-6);
    cr_expect_float_eq(fabs(of->centre[0]), m == 1 ? 0 : 1 / sqrt(17 + 0.09), 0.01);
  }
  cgap_many_clear(&many);
  clear_pool(&p);
}
