/* Filters of chunked datasets: what they are, and whether they are there. */
#ifndef CGAP_IO_READ_HDF5_FILTERS_H
#define CGAP_IO_READ_HDF5_FILTERS_H

#include "io/read/container.h"

/* Appends ", shuffle, gzip" to *text. */
void cgap_hdf5_filters_describe(char **text, hid_t plist);

/* NULL, or a new string: the filter that is missing here and the package that has it. */
char *cgap_hdf5_filters_obstacle(hid_t plist, hid_t dataset);

#endif
