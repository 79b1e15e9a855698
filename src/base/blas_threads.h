/* One BLAS thread for each thread that calls BLAS, so that a product gives the same bits whatever the number of
 * workers and whatever the caller of the library has set.
 *
 * OpenBLAS over OpenMP goes by OpenMP's number of threads, which is the calling thread's own: it alone is changed, and
 * put back. OpenBLAS with a pool of its own has one number for the whole process: the first call that is under way in
 * any thread puts it to one, and the last puts it back. */
#ifndef CGAP_BASE_BLAS_THREADS_H
#define CGAP_BASE_BLAS_THREADS_H

int cgap_blas_single(void); /* returns what cgap_blas_restore takes; both in the same thread */
void cgap_blas_restore(int threads);

#endif
