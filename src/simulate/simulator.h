/* Rows of a simulation in any order, by all threads. */
#ifndef CGAP_SIMULATE_SIMULATOR_H
#define CGAP_SIMULATE_SIMULATOR_H

#include "simulate/models.h"

/* CGAP_USAGE with the sentence to print where the options make no sense. */
CGAP_MUST_CHECK cgap_status cgap_simulator_open(cgap_simulator *out, const cgap_simulate_options *options,
                                                cgap_error *error);
void cgap_simulator_close(cgap_simulator *simulator);
void cgap_simulator_images(const cgap_simulator *simulator, size_t first, size_t count, double *out);
void cgap_simulator_texts(const cgap_simulator *simulator, size_t first, size_t count, double *out);

#endif
