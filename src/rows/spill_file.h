/* Rows put aside in a nameless file, where they neither fit into memory nor can be read one by one where they are. */
#ifndef CGAP_ROWS_SPILL_FILE_H
#define CGAP_ROWS_SPILL_FILE_H

#include "contragap/contragap.h"

typedef struct cgap_spill_file cgap_spill_file;

/* Room on the disk for `rows` rows of `dim`; CGAP_RESOURCE where there is none. *view is the source that has them once
 * they have been added; name (borrowed) is for messages. */
CGAP_MUST_CHECK cgap_status cgap_spill_file_open(cgap_spill_file **out, cgap_source *view, size_t rows, size_t dim,
                                                 cgap_type type, const char *name, cgap_error *error);
void cgap_spill_file_close(cgap_spill_file *spill); /* NULL is fine */

/* The next `count` rows. */
CGAP_MUST_CHECK cgap_status cgap_spill_file_add(cgap_spill_file *spill, const void *rows, size_t count,
                                                cgap_error *error);

bool cgap_spill_file_is_source(
  const cgap_source *source); /* whether it views one, which several threads may read at once */

/* All rows of a source, as they stand there. */
CGAP_MUST_CHECK cgap_status cgap_spill_file_copy(cgap_spill_file **out, cgap_source *view, const cgap_source *from,
                                                 cgap_progress progress, cgap_error *error);

#endif
