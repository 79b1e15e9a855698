/* What a limit of the address space (`ulimit -v`, batch systems) does to the libraries.
 *
 * OpenBLAS maps 128 MiB for each thread while it is loaded, and again when a thread first calls it; where the system
 * refuses, it asks for ever. libgomp ends the program with exit code 1, which means that a threshold was crossed. So
 * under a limit the program looks for that much before it begins: once before OpenBLAS is loaded, and once when the
 * number of threads is known. */
#ifndef CLI_ADDRESS_SPACE_H
#define CLI_ADDRESS_SPACE_H

#include "contragap/contragap.h"

/* Without a limit nothing happens. Under one: takes the stacks and the buffers of so many threads now, before data fill
 * the address space; CGAP_RESOURCE where they do not fit. threads 0: as many as OpenMP starts. */
CGAP_MUST_CHECK cgap_status cli_address_space_take(int threads, cgap_error *error);

#endif
