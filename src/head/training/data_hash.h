/* Which data a result came from. */
#ifndef CGAP_HEAD_DATA_HASH_H
#define CGAP_HEAD_DATA_HASH_H

#include "contragap/contragap.h"

/* Of the rows of both sides as they stand in the file, who belongs to whom, and what is done with bad and equal
 * rows. Reads every row once; CGAP_FILE and CGAP_RESOURCE as reading has them. */
CGAP_MUST_CHECK cgap_status cgap_data_hash(uint64_t *out, const cgap_data *data, cgap_error *error);

#endif
