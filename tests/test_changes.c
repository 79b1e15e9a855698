/* Which queries and classes get worse, against a program that ranks and counts one query at a time: several captions,
 * images without a text, ties. The exact test against sums of binomials, its share of several queries of one image
 * against an integral, Holm against a table; names of rows as they come out. */
#include "analysis/interval.h"
#include "analysis/measure.h"
#include "head/evaluation/changes.h"
#include "head/evaluation/evaluation.h"
#include "io/find/row_names.h"
#include "two_models.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- exact tests */

static double choose(unsigned n, unsigned k)
{
  double out = 1;
  for (unsigned i = 1; i <= k; i++)
    out = out * (n - k + i) / i;
  return out;
}

/* All splits of lost + gained that are at least as uneven. */
static double naive_p(unsigned lost, unsigned gained)
{
  const unsigned n = lost + gained;
  const int uneven = abs((int)lost - (int)gained);
  double p = 0;
  for (unsigned k = 0; k <= n; k++)
    if (abs((int)n - 2 * (int)k) >= uneven)
      p += choose(n, k) * pow(0.5, n);
  return p;
}

Test(changes, the_exact_test_is_a_sum_of_binomials)
{
  for (unsigned lost = 0; lost <= 40; lost++)
    for (unsigned gained = 0; gained <= 40; gained += 1 + lost % 3)
      cr_expect(support_near("sign test", "p", cgap_sign_test(lost, gained), naive_p(lost, gained), 1e-12, 1e-9),
                "%u lost, %u gained", lost, gained);
  cr_expect(support_near("sign test", "6 of 6", cgap_sign_test(0, 6), 0.03125, 1e-14, 0));
  /* R: binom.test(c(430, 520))$p.value */
  cr_expect(support_near("sign test", "950", cgap_sign_test(430, 520), naive_p(430, 520), 0, 1e-8));
}

Test(changes, holm_multiplies_step_by_step)
{
  /* R: p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.5), "holm") */
  static const double p[] = {0.01, 0.04, 0.03, 0.005, 0.5}, want[] = {0.04, 0.09, 0.09, 0.025, 0.5};
  double got[5];
  cgap_error error;
  cr_assert_eq(cgap_holm(got, p, 5, &error), CGAP_OK);
  for (size_t k = 0; k < 5; k++)
    cr_expect(support_near("Holm", "p", got[k], want[k], 1e-15, 0));
}

/* ---------------------------------------------------------------- a naive program */

typedef struct naive {
  const two_models *m;
  int model;
} naive;

static double cosine(const double *a, const double *b, size_t dim)
{
  double product = 0, of_a = 0, of_b = 0;
  for (size_t k = 0; k < dim; k++) {
    product += a[k] * b[k];
    of_a += a[k] * a[k];
    of_b += b[k] * b[k];
  }
  return product / sqrt(of_a * of_b);
}

static const double *row_of(const naive *n, bool text, size_t row)
{
  return (text ? n->m->text : n->m->image)[n->model] + row * n->m->dim;
}

static size_t owner_of(const naive *n, bool text, size_t row)
{
  return text ? n->m->text_image[row] : row;
}

/* The rank of the best partner of a query; 0: it has none. mixed: rows of its own modality compete too, but for those
 * of its own image. */
static double naive_rank(const naive *n, bool text, size_t query, bool mixed)
{
  const two_models *m = n->m;
  const size_t image = owner_of(n, text, query);
  double best = -2, rank = 1;
  for (size_t j = 0; j < (text ? m->images : m->texts); j++)
    if (owner_of(n, !text, j) == image)
      best = fmax(best, cosine(row_of(n, text, query), row_of(n, !text, j), m->dim));
  if (best == -2)
    return 0;
  for (int own = 0; own <= mixed; own++) {
    const bool of_texts = own ? text : !text;
    for (size_t j = 0; j < (of_texts ? m->texts : m->images); j++) {
      const double other = cosine(row_of(n, text, query), row_of(n, of_texts, j), m->dim);
      if (owner_of(n, of_texts, j) != image)
        rank += fabs(other - best) <= 1e-12 ? 0.5 : other > best;
    }
  }
  return rank;
}

/* ∫ x^(a−1) (1−x)^(b−1) over [0, ½], over the same over [0, 1], by Simpson's rule; a and b above 1. */
static double half_beta(double a, double b)
{
  enum { STEPS = 200000 };
  double half = 0, all = 0;
  for (int k = 1; k < STEPS; k++) {
    const double x = (double)k / STEPS, v = (k % 2 ? 4 : 2) * pow(x, a - 1) * pow(1 - x, b - 1);
    all += v;
    half += 2 * k < STEPS ? v : 2 * k == STEPS ? v / 2 : 0;
  }
  return half / all;
}

static double naive_clustered_p(const double *sum, const double *asked, size_t images, double lost, double gained)
{
  double queries = 0, total = 0, most = 0;
  for (size_t i = 0; i < images; i++) {
    queries += asked[i];
    most = fmax(most, asked[i]);
  }
  const double mean = (gained - lost) / queries;
  for (size_t i = 0; i < images; i++)
    total += pow(sum[i] - asked[i] * mean, 2);
  const double alone = lost + gained - queries * mean * mean;
  const double effect = most > 1 && alone > 0 ? fmax(1, (double)images / ((double)images - 1) * total / alone) : 1;
  const double most_of = fmax(lost, gained) / effect, least = fmin(lost, gained) / effect;
  return lost + gained > 0 ? fmin(1, 2 * half_beta(most_of, least + 1)) : 1;
}

/* ---------------------------------------------------------------- against it */

static void check_flips(const cgap_changes *c, const two_models *m, int search, int asking, int cut)
{
  const naive at[] = {{m, 0}, {m, 1}};
  double *sum = support_alloc(m->images, sizeof *sum), *asked = support_alloc(m->images, sizeof *asked);
  const double within = cut == CGAP_WITHIN_1 ? 1 : 10;
  size_t queries = 0, lost = 0, gained = 0;
  for (int text = 0; text < 2; text++)
    for (size_t q = 0; q < (text ? m->texts : m->images); q++) {
      const double from = naive_rank(&at[0], text, q, search == CGAP_SEARCH_MIXED),
                   to = naive_rank(&at[1], text, q, search == CGAP_SEARCH_MIXED);
      if (from == 0 || (asking != CGAP_BOTH_ASK && (asking == CGAP_TEXTS_ASK) != text))
        continue;
      queries++;
      lost += from <= within && to > within;
      gained += from > within && to <= within;
      asked[owner_of(&at[0], text, q)]++;
      sum[owner_of(&at[0], text, q)] += (to <= within) - (from <= within);
    }
  const cgap_flips *f = &c->flips[search][asking][cut];
  cr_expect(f->queries == queries && f->lost == lost && f->gained == gained,
            "search %d, asking %d, cut %d: %llu queries, %llu lost, %llu gained; not %zu, %zu, %zu", search, asking,
            cut, (unsigned long long)f->queries, (unsigned long long)f->lost, (unsigned long long)f->gained, queries,
            lost, gained);
  cr_expect(lost + gained > 3, "nothing to test: %zu lost, %zu gained", lost, gained);
  cr_expect(support_near("flips", "p", f->p, naive_clustered_p(sum, asked, m->images, (double)lost, (double)gained),
                         1e-6, 1e-5));
  free(sum);
  free(asked);
}

static void check_queries(const cgap_changes *c, const two_models *m)
{
  const naive at[] = {{m, 0}, {m, 1}};
  double last = INFINITY;
  size_t asking = m->texts;
  for (size_t i = 0; i < m->images; i++)
    asking += naive_rank(&at[0], false, i, false) > 0;
  cr_assert_eq(c->queries, asking);
  for (size_t k = 0; k < c->queries; k++) {
    const cgap_changed_query *q = &c->query[k];
    for (int s = 0; s < CGAP_SEARCHES; s++)
      for (int t = 0; t < CGAP_TIMES; t++)
        cr_expect_eq(q->rank[s][t], naive_rank(&at[t], q->is_text, q->row, s == CGAP_SEARCH_MIXED));
    cr_expect(k == 0 || q->is_text > q[-1].is_text || q->row > q[-1].row);
  }
  cr_expect_eq(c->losing_queries, CGAP_LOSERS);
  size_t worse = 0;
  for (size_t k = 0; k < c->losing_queries; k++) {
    const double *rank = c->query[c->losing_query[k]].rank[CGAP_SEARCH_CROSS];
    const double loss = 1 / rank[CGAP_BEFORE] - 1 / rank[CGAP_AFTER];
    cr_expect(loss > 0 && loss <= last);
    last = loss;
  }
  for (size_t k = 0; k < c->queries; k++)
    worse +=
      1 / c->query[k].rank[CGAP_SEARCH_CROSS][CGAP_BEFORE] - 1 / c->query[k].rank[CGAP_SEARCH_CROSS][CGAP_AFTER] > last;
  cr_expect_lt(worse, CGAP_LOSERS, "%zu queries lose more than the last of the list", worse);
}

static size_t class_found(const naive *n, size_t image, size_t classes)
{
  size_t best = 0;
  for (size_t c = 1; c < classes; c++)
    if (cosine(row_of(n, false, image), n->m->class_text + c * n->m->dim, n->m->dim) >
        cosine(row_of(n, false, image), n->m->class_text + best * n->m->dim, n->m->dim))
      best = c;
  return best;
}

static double norm(const double *row, size_t dim)
{
  double square = 0;
  for (size_t k = 0; k < dim; k++)
    square += row[k] * row[k];
  return sqrt(square);
}

/* ‖mean of a class's images − its text‖, of unit rows. */
static double class_gap(const naive *n, size_t label)
{
  const size_t dim = n->m->dim;
  const double *text = n->m->class_text + label * dim;
  double square = 0;
  for (size_t k = 0; k < dim; k++) {
    double sum = 0, count = 0;
    for (size_t i = 0; i < n->m->images; i++)
      if ((size_t)n->m->label[i] == label) {
        sum += row_of(n, false, i)[k] / norm(row_of(n, false, i), dim);
        count++;
      }
    square += pow(sum / count - text[k] / norm(text, dim), 2);
  }
  return sqrt(square);
}

static void check_classes(const cgap_changes *c, const two_models *m, size_t classes)
{
  const naive at[] = {{m, 0}, {m, 1}};
  size_t images = 0;
  for (size_t k = 0; k < c->classes; k++) {
    const cgap_changed_class *one = &c->class[k];
    size_t own = 0, lost = 0, gained = 0, right[2] = {0, 0};
    for (size_t i = 0; i < m->images; i++) {
      if ((size_t)m->label[i] != one->label)
        continue;
      const bool from = class_found(&at[0], i, classes) == one->label,
                 to = class_found(&at[1], i, classes) == one->label;
      own++;
      lost += from && !to;
      gained += to && !from;
      right[0] += from;
      right[1] += to;
    }
    cr_expect(one->flips.queries == own && one->flips.lost == lost && one->flips.gained == gained, "class %zu",
              one->label);
    cr_expect(support_near("class", "p", one->flips.p, naive_p((unsigned)lost, (unsigned)gained), 1e-12, 0));
    for (int t = 0; t < CGAP_TIMES; t++)
      cr_expect(support_near("class", "gap", one->gap[t], class_gap(&at[t], one->label), 1e-6, 0));
    for (int t = 0; t < CGAP_TIMES; t++)
      cr_expect(support_near("class", "top 1", one->top_1[t], (double)right[t] / (double)own, 1e-12, 0));
    images += own;
  }
  cr_expect_eq(images, m->images);
}

static void check(const two_models_options *o, bool ties)
{
  enum { CLASSES = 8 };
  two_models m;
  cgap_audit audit[2];
  cgap_changes c;
  cgap_error error = {0};
  two_models_init(&m, o);
  for (int k = 0; ties && k < 2; k++)
    for (size_t i = 0; i + 1 < m.images; i += 5) /* equal images, equal texts of different images */
      memcpy(m.image[k] + (i + 1) * m.dim, m.image[k] + i * m.dim, m.dim * sizeof(double));
  for (size_t j = 0; ties && j + 1 < m.texts; j += 4)
    memcpy(m.text[0] + (j + 1) * m.dim, m.text[0] + j * m.dim, m.dim * sizeof(double));
  for (size_t j = 0; ties && j < m.texts; j++) /* every seventh image has no text */
    m.text_image[j] -= m.text_image[j] % 7 == 6;
  for (int k = 0; k < 2; k++) {
    const cgap_data data = two_models_data(&m, k);
    two_models_audit(&audit[k], &data);
  }
  cr_assert(cgap_paired_possible(&audit[0], &audit[1]));
  cr_assert_eq(cgap_changes_init(&c, &audit[0], &audit[1], &error), CGAP_OK, "%s", error.message);
  for (int s = 0; s < CGAP_SEARCHES; s++)
    for (int a = 0; a < CGAP_ASKING; a++)
      for (int cut = 0; cut < CGAP_CUTS; cut++)
        check_flips(&c, &m, s, a, cut);
  check_queries(&c, &m);
  check_classes(&c, &m, CLASSES);
  for (int k = 0; k < 2; k++)
    cgap_audit_clear(&audit[k]);
  cgap_changes_clear(&c);
  two_models_clear(&m);
}

Test(changes, are_those_of_a_naive_program)
{
  two_models_options o = {
    .images = 140, .dim = 6, .captions = 1, .noise = 0.9, .cone = 0.3, .gap = {0.5, 0.1}, .seed = 5};
  check(&o, false);
  o.captions = 4;
  check(&o, false);
  o.seed = 6;
  check(&o, true);
}

/* ---------------------------------------------------------------- names */

static void check_name(const char *text, const char *want)
{
  char out[100];
  const size_t length = cgap_name_clean(out, (const unsigned char *)text, strlen(text));
  cr_expect_str_eq(out, want);
  cr_expect_eq(length, strlen(want));
}

Test(changes, names_are_one_line_of_utf8)
{
  check_name("a caption", "a caption");
  check_name("two\tcells\nand \x1b[31mlines\r\n", "two cells and  [31mlines");
  check_name("na\xC3\xAFve \xE2\x80\x94 \xF0\x9F\x90\x88", "na\xC3\xAFve \xE2\x80\x94 \xF0\x9F\x90\x88");
  check_name("\xE2\x80\xA8one\xC2\x85two\xE2\x80\xA9", "one two");
  check_name("a\u202Eb\u200Bc\uFEFFd \U000E0041", "a b c d");
  check_name("\u3164\U0001F408\uFE0F\uFFFD", "\U0001F408\uFE0F?");
  check_name("latin 1: \xE9t\xE9, cut \xE2\x80", "latin 1: ?t?, cut ??");
  check_name("overlong \xC0\xAF, surrogate \xED\xA0\x80", "overlong ??, surrogate ???");
  check_name(" \t ", "");
  check_name("", "");
}
