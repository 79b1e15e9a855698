/* BLAS inside own threads: one BLAS thread for each worker, so that a product gives the same bits for
 * any number of workers. OpenBLAS keeps its thread count for the whole process: it is put back. */
#ifndef CGAP_ENGINE_BLAS_H
#define CGAP_ENGINE_BLAS_H

int cgap_blas_single(void); /* returns what cgap_blas_restore takes */
void cgap_blas_restore(int threads);

#endif
