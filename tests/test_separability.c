/* When the fit of the separability may end early: not before all held-out rows lie further from the line than the error
 * that the gradient leaves. The products are made up here, so that gradient and margins are whatever a case wants. */
#include "analysis/finish.h"
#include "support.h"

#include <criterion/criterion.h>
#include <math.h>

enum { DIM = 2, ROWS = 30 };

static const double image_mean[DIM] = {1, 0}, text_mean[DIM] = {0, 1}, pooled[DIM] = {0.5, 0.5};
static const double image_moment[DIM * DIM] = {ROWS, 0, 0, 0.01}, text_moment[DIM * DIM] = {0.01, 0, 0, ROWS};

typedef struct made_rows {
  double slope, residual;            /* of every fold's objective: by the weights, by the intercept */
  double lacking[CGAP_FOLD_MARGINS]; /* rows within 0.5, 1, 2, 4 of the line */
  int calls;
} made_rows;

static cgap_status run(void *self, const double *weights, cgap_fold_rows rows, void *context, double *gradient,
                       double *sums, cgap_error *error)
{
  made_rows *m = self;
  (void)error;
  for (int side = 0; side < 2; side++) {
    double scores[ROWS * CGAP_FOLDS], ignored[CGAP_FOLD_SUMS] = {0};
    for (int k = 0; k < ROWS * CGAP_FOLDS; k++)
      scores[k] = side ? 100 : -100;
    rows(context, side ? CGAP_TEXT_TEXT : CGAP_IMAGE_IMAGE, 0, ROWS, scores, ignored);
  }
  sums[0] = 1;
  for (int k = 0; k < CGAP_FOLDS; k++) {
    sums[1 + k] = m->residual;
    for (int a = 0; a < DIM; a++)
      gradient[k * DIM + a] = -weights[k * DIM + a] + m->residual * pooled[a] + (a == 0 ? m->slope : 0);
  }
  for (int k = 0; k < CGAP_FOLD_MARGINS; k++)
    sums[1 + CGAP_FOLDS + k] = m->lacking[k];
  m->calls++;
  return CGAP_OK;
}

static cgap_status gather(void *self, cgap_pair_kind side, double *values, cgap_error *error)
{
  (void)self, (void)side, (void)values, (void)error;
  return CGAP_OK;
}

/* Rows lie within R = 1 + ‖m‖ = 1.707 of the mean; without a residual the error is 2 R times the slope. */
Test(separability, ends_where_margins_exceed_the_error)
{
  static const struct {
    made_rows made;
    bool ends;
  } cases[] = {
    {{0.1, 0, {0, 1, 1, 1}, 0}, true},    {{0.1, 0, {1, 1, 1, 1}, 0}, false}, /* error 0.34 */
    {{0.2, 0, {0, 1, 1, 1}, 0}, false},   {{0.2, 0, {0, 0, 1, 1}, 0}, true},  /* 0.68 */
    {{0.5, 0, {0, 0, 1, 1}, 0}, false},   {{0.5, 0, {0, 0, 0, 1}, 0}, true},  /* 1.7 */
    {{0.1, 0.3, {0, 1, 1, 1}, 0}, false}, /* the intercept moves scores as well … */
    {{0.1, 100, {0, 0, 0, 0}, 0}, false}, /* … and may be anywhere */
  };
  size_t owner[ROWS];
  for (size_t i = 0; i < ROWS; i++)
    owner[i] = i;
  const cgap_audit_sums evidence = {.dim = DIM,
                                    .image = {.rows = ROWS, .mean = image_mean, .moment = image_moment},
                                    .text = {.rows = ROWS, .mean = text_mean, .moment = text_moment},
                                    .paired = true,
                                    .image_of = owner};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    made_rows m = cases[k].made;
    cgap_audit audit = {0};
    cgap_error error = {0};
    const cgap_products products = {.run = run, .gather = gather, .self = &m};
    const cgap_status status = cgap_separability_finish(&evidence, &products, &audit, &error);
    cr_assert_eq(status, CGAP_OK, "case %zu: %s", k, error.message);
    cr_expect_eq(m.calls == 1, cases[k].ends, "case %zu: %d evaluations", k, m.calls);
    cr_expect(!cases[k].ends || (audit.gap.linear_separability.value >= 1 && audit.gap.separability_auc.value >= 1),
              "case %zu: %g and %g", k, audit.gap.linear_separability.value, audit.gap.separability_auc.value);
  }
}
