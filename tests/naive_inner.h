/* Shared by the files of the naive program alone. */
#ifndef CGAP_TESTS_NAIVE_INNER_H
#define CGAP_TESTS_NAIVE_INNER_H

#include "naive.h"

typedef struct naive_state {
  const naive_input *in;
  size_t n, m, d;
  double *x, *y;        /* (n, d), (m, d) unit rows */
  double *mx, *my;      /* (d) */
  double *xy, *xx, *yy; /* cosines (n, m), (n, n), (m, m) */
  size_t *texts_of;     /* (n) number of texts of each image; all 0 where unpaired */
} naive_state;

double naive_dot(const double *a, const double *b, size_t d);
cgap_scalar naive_scalar(double value, size_t n);
cgap_scalar naive_null(void);
/* value ± 1.96·√variance */
cgap_scalar naive_with_sd(double value, double variance, size_t n);
/* v̄ of v, one value a text (per_text) or one an image that has a text, with the interval of a mean */
cgap_scalar naive_mean(const naive_state *s, const double *v, bool per_text);
double naive_mean_variance(const naive_state *s, const double *v, bool per_text);
/* Wilson's interval of p at n/deff */
cgap_scalar naive_wilson(double p, size_t n, double variance);
int naive_compare_doubles(const void *a, const void *b);

void naive_gap(naive_result *out, const naive_state *s);        /* naive.c */
void naive_uniformity(naive_result *out, const naive_state *s); /* naive_couples.c */
void naive_mmd(naive_result *out, const naive_state *s);
void naive_cosines(naive_result *out, const naive_state *s);
void naive_losses(naive_result *out, const naive_state *s);
void naive_spectra(naive_result *out, const naive_state *s); /* naive_spectrum.c */
void naive_separability(naive_result *out, const naive_state *s);
void naive_retrieval(naive_result *out, const naive_state *s); /* naive_ranks.c */
void naive_mixed_retrieval(naive_result *out, const naive_state *s);
void naive_csls(naive_result *out, const naive_state *s);
void naive_agreement(naive_result *out, const naive_state *s);
void naive_hubness(naive_result *out, const naive_state *s);
void naive_mixed(naive_result *out, const naive_state *s);
void naive_zero_shot(naive_result *out, const naive_state *s); /* naive_extra.c */
void naive_arithmetic(naive_result *out, const naive_state *s);
void naive_checks(naive_result *out, const naive_state *s);

#endif
