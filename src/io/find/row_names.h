/* What the files call their rows: the ids or file names of images, the captions, else the ids, of texts, the names of
 * the classes; by row of the file. Names are UTF-8 without hidden characters (base/text_buffer.h), which become blanks.
 */
#ifndef CGAP_IO_FIND_ROW_NAMES_H
#define CGAP_IO_FIND_ROW_NAMES_H

#include "contragap/contragap.h"

typedef enum cgap_named { CGAP_NAMED_IMAGES, CGAP_NAMED_TEXTS, CGAP_NAMED_CLASSES, CGAP_NAMED_KINDS } cgap_named;

typedef struct cgap_names {
  const char **name; /* (count) */
  size_t count;      /* 0: the files have none */
  char *bytes;
} cgap_names;

typedef struct cgap_row_names {
  cgap_names of[CGAP_NAMED_KINDS];
} cgap_row_names;

/* Those that the files have, of at most two million rows each. */
CGAP_MUST_CHECK cgap_status cgap_row_names_read(cgap_row_names *out, const cgap_dataset *dataset, cgap_error *error);
void cgap_row_names_clear(cgap_row_names *names);

/* NULL: no names (names may be NULL too). */
const char *cgap_row_name(const cgap_row_names *names, cgap_named kind, size_t row);

/* Writes text as a name to out (length + 1): ? for bytes that are no UTF-8, a blank for a hidden character, no blanks
 * at its ends. Returns its length. */
size_t cgap_name_clean(char *out, const unsigned char *text, size_t length);

#endif
