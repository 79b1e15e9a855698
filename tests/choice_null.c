/* Where nothing helps, no head is recommended: the choice on pairs that are noise, without and with a gap, and on pairs
 * that no candidate can improve.
 *
 *   choice_null [SEEDS]
 *
 * Prints for each kind of data how often each method was recommended, and exits 1 where a head was in more than 14 of
 * 200 seeds (7 %), or where without a gap anything but the original embeddings was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "head/training/choice.h"
#include "support.h"

enum { PAIRS = 100, DIM = 64, METHODS = 8 };

typedef struct kind {
  const char *name;
  double shift;  /* between the modalities' means, before rows are normalised */
  double signal; /* of a pair, beside noise of 1 a dimension and modality */
} kind;

/* Isotropic pairs: what whitening or a head would learn of them is noise too. */
static const kind KINDS[] = {
  {"noise", 0, 0}, {"noise, apart", 4, 0}, {"alike pairs", 0, 1}, {"alike pairs, apart", 4, 1}};
enum { KINDS_COUNT = sizeof KINDS / sizeof *KINDS };

static void make_pairs(double *x, double *y, const kind *k, uint64_t seed)
{
  support_random r = support_seed(1000 * seed + 17);
  for (size_t i = 0; i < PAIRS * DIM; i++) {
    const double common = k->signal * support_normal(&r);
    x[i] = common + support_normal(&r) + (i % DIM == 0 ? k->shift : 0);
    y[i] = common + support_normal(&r) - (i % DIM == 0 ? k->shift : 0);
  }
}

/* The recommended method's name, static; NULL: it failed, and says why. */
static const char *recommend(const double *x, const double *y, uint64_t seed)
{
  const cgap_data data = {.image = cgap_source_view(x, PAIRS, DIM, CGAP_FLOAT64, "image"),
                          .text = cgap_source_view(y, PAIRS, DIM, CGAP_FLOAT64, "text"),
                          .pairing = CGAP_BY_ROW};
  cgap_choice_options options = {.training = CGAP_TRAIN_OPTIONS_INIT};
  cgap_training_data t;
  cgap_choice choice = {0};
  cgap_error error;
  options.training.seed = seed;
  cgap_status status = cgap_training_data_open(&t, &data, &options.training, CGAP_WITH_ROWS, &error);
  if (status == CGAP_OK)
    status = cgap_choice_run(&choice, &t, &options, &error);
  const char *method = status == CGAP_OK ? choice.candidate[choice.chosen].method : NULL;
  if (!method)
    fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, error.message);
  cgap_choice_clear(&choice);
  cgap_training_data_clear(&t);
  return method;
}

int main(int argc, char **argv)
{
  static const char *const NAMES[METHODS] = {"original", "center", "shift",    "procrustes",
                                             "whiten",   "cca",    "residual", "linear"};
  const size_t seeds = argc > 1 ? (size_t)atol(argv[1]) : 20;
  double *x = support_alloc(PAIRS * DIM, sizeof *x), *y = support_alloc(PAIRS * DIM, sizeof *y);
  bool passed = true;
  for (size_t k = 0; k < KINDS_COUNT; k++) {
    size_t count[METHODS] = {0};
    for (size_t s = 0; s < seeds; s++) {
      make_pairs(x, y, &KINDS[k], s);
      const char *method = recommend(x, y, s);
      for (size_t m = 0; m < METHODS; m++)
        count[m] += method && strcmp(method, NAMES[m]) == 0;
      passed = passed && method;
    }
    const size_t heads = count[6] + count[7];
    const bool good = 200 * heads <= 14 * seeds && (KINDS[k].shift > 0 || count[0] * 100 >= 90 * seeds);
    printf("%-20s", KINDS[k].name);
    for (size_t m = 0; m < METHODS; m++)
      printf(" %s %zu", NAMES[m], count[m]);
    printf("%s\n", good ? "" : "  <- too many");
    passed = passed && good;
  }
  free(x);
  free(y);
  return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
