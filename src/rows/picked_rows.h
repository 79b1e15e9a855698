/* Reads the rows of a source that a list names, in the order of the list; and makes of such rows a source of their own.
 */
#ifndef CGAP_ROWS_PICKED_ROWS_H
#define CGAP_ROWS_PICKED_ROWS_H

#include "contragap/contragap.h"

/* The `count` listed rows of a source into out (count, dim) of its type. Rows that follow each other are read at once.
 */
CGAP_MUST_CHECK cgap_status cgap_read_listed(const cgap_source *source, const size_t *rows, size_t count, void *out,
                                             cgap_error *error);

typedef struct cgap_picked_rows cgap_picked_rows;

/* *view has the `count` rows of `from` that are listed; the list is borrowed, and what `from` reads has to stay. Rows
 * that follow each other are read at once. NULL: out of memory. */
cgap_picked_rows *cgap_picked_rows_open(cgap_source *view, const cgap_source *from, const size_t *rows, size_t count);
void cgap_picked_rows_close(cgap_picked_rows *picked); /* NULL is fine */

#endif
