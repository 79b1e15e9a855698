/* An audit of matrices in double, for tests that build their rows. */
#ifndef CGAP_TESTS_RUN_AUDIT_H
#define CGAP_TESTS_RUN_AUDIT_H

#include "contragap/contragap.h"

typedef struct run_rows {
  size_t images, texts, dim;
  const double *image, *text; /* (images, dim), (texts, dim); stored as float64 */
  const uint64_t *text_image; /* (texts) for CGAP_BY_INDEX, else NULL */
  cgap_pairing pairing;
  bool merge_images;
} run_rows;

/* Ends the program with the message where the audit is refused. To be cleared by cgap_audit_clear. */
cgap_audit run_audit(const run_rows *rows, double temperature, int threads, uint64_t memory_bytes);
cgap_audit run_audit_data(const cgap_data *data, double temperature, int threads, uint64_t memory_bytes);
cgap_data run_data(const run_rows *rows);

/* Random pairs of one latent: x = z + offset e + noise, y = z − offset e + noise, unit rows; (rows, dim) blocks to
 * free. */
void run_pairs(uint64_t seed, size_t rows, size_t dim, double offset, double **x, double **y);

#endif
