/* What the options of a training mean for rows of a given size. */
#ifndef CGAP_HEAD_TRAINING_TRAIN_OPTIONS_H
#define CGAP_HEAD_TRAINING_TRAIN_OPTIONS_H

#include "contragap/contragap.h"

/* The shape that the options ask for; options have passed cgap_train_check. */
cgap_head_shape cgap_train_shape(const cgap_train_options *options, size_t dim_in);

double cgap_train_rate(const cgap_train_options *options); /* the learning rate */
size_t cgap_train_epochs(const cgap_train_options *options, size_t steps_an_epoch);

/* Everything that the numbers of a run depend on, threads and progress left out, as one line of JSON; for head files
 * and to tell one run's checkpoint from another's. */
void cgap_train_describe(char *out, size_t size, const cgap_train_options *options, const cgap_head_shape *shape);

#endif
