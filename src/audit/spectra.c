#include "audit/spectra.h"

#include "base/memory.h"

/* The first problem of a rank. Rank 0 takes one less than its part: it finishes the other measures. */
static int first_problem(int rank, int ranks)
{
  const int first = (CGAP_PCA_PROBLEMS + 1) * rank / ranks - 1;
  return first > 0 ? first : 0;
}

cgap_status cgap_spectra_run(const cgap_evidence *evidence, cgap_comm *ranks, int threads, cgap_beside beside,
                             double *components, cgap_audit *out, cgap_error *error)
{
  const int size = cgap_comm_size(ranks), rank = cgap_comm_rank(ranks);
  double *values = cgap_alloc(cgap_pca_place(CGAP_PCA_PROBLEMS, evidence->dim), sizeof *values);
  size_t *place = cgap_alloc((size_t)size + 1, sizeof *place);
  cgap_status status = CGAP_OK;
  if (!values || !place)
    status = cgap_fail(error, CGAP_RESOURCE, "no memory for the eigenvalues of %zu dimensions", evidence->dim);
  for (int r = 0; place && r <= size; r++)
    place[r] = cgap_pca_place(first_problem(r, size), evidence->dim) * sizeof *values;
  if (!status)
    status = cgap_pca_solve(evidence, first_problem(rank, size), first_problem(rank + 1, size), threads, beside, values,
                            error);
  if (!status)
    status = cgap_comm_gather(ranks, values, place, error);
  if (!status && rank == 0)
    status = cgap_pca_finish(evidence, values, components, out, error);
  cgap_free(values);
  cgap_free(place);
  return status;
}
