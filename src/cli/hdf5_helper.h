/* A process of its own opens each HDF5 file first, as libhdf5 does not survive all damaged and hostile files. */
#ifndef CLI_HDF5_HELPER_H
#define CLI_HDF5_HELPER_H

/* Starts the helper and has every HDF5 file checked by it from here on. Before there is a second thread. */
void cli_hdf5_helper_start(void);

/* Ends it. It also ends when this process does, however that ends. */
void cli_hdf5_helper_end(void);

#endif
