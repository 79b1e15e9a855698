/* jansson leaves out what it has no memory for, so that a report would lack a key without a word. The program notes
 * each such failure, and writes no JSON after one. */
#ifndef CGAP_JSON_MEMORY_H
#define CGAP_JSON_MEMORY_H

#include <jansson.h>

/* For the program alone, at its start: jansson has one allocator for the whole process. */
void cgap_json_watch_memory(void);

/* A value as text (free). NULL where it is NULL, or jansson has been short of memory: something may be missing in it.
 */
char *cgap_json_text(const json_t *json, size_t flags);

#endif
