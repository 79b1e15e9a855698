/* What a Python pickle would call; nothing of it is run. */
#ifndef CGAP_IO_PICKLE_H
#define CGAP_IO_PICKLE_H

#include <stdbool.h>
#include <stddef.h>

/* out: "os.system", the first name that these bytes of a pickle import and that is none of arrays, tensors and
 * containers; false where there is none. */
bool cgap_pickle_calls(char *out, size_t size, const unsigned char *bytes, size_t count);

#endif
