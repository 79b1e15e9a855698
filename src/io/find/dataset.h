/* A data set described: for `info` and for the report's "input". */
#ifndef CGAP_IO_FIND_DATASET_H
#define CGAP_IO_FIND_DATASET_H

#include "contragap/contragap.h"
#include "io/read/name_words.h" /* for the names of our attributes */

#include <jansson.h>

/* As cgap_dataset_open, but *out has the listing of the files even when no data set is found in them or it is refused:
 * NULL only where no file could be opened. With a status other than CGAP_OK its data are empty. */
CGAP_MUST_CHECK cgap_status cgap_dataset_inspect(cgap_dataset **out, const cgap_input_options *options,
                                                 cgap_error *error);

/* The datasets that were chosen, and why: a new object {"files": [path…], "image": {"name", "rows", "dim", "type",
 * "why", "datasets": [{"file", "path", "shape", "type", "storage"}…]}, "text", "pairing": {"kind", "why", "datasets"},
 * "labels", "class_text", "arithmetic": {"words", "image_label", "query", "weight"}, "notes": [sentence…]}; null
 * where there is none; "names" {"image", "text", "class"} and "trained_on" only where a file has them. NULL when out of
 * memory. */
json_t *cgap_dataset_json(const cgap_dataset *dataset);

/* Notes on what was chosen and what was not: lines, each with its end; options of cgap_input_options are in
 * backquotes. "": none. */
const char *cgap_dataset_notes(const cgap_dataset *dataset);

/* Everything in the files: a new array of {"path", "bytes", "datasets": [{"path", "shape", "type", "storage",
 * "unreadable": why or null, "taken_as": "image", "pairing", … or null, "same_as_earlier": bool}…]}. */
json_t *cgap_dataset_listing_json(const cgap_dataset *dataset);

/* Whether the one file that is read is a part of another: "1 of 3 of out.h5" into out. */
bool cgap_dataset_output_part(char *out, size_t size, const cgap_dataset *dataset);

/* Whether ids, file names and captions of two data sets show, position by position, that their rows are the same or
 * differ. Ids that merely count rows can show that rows differ, not that they are the same. */
typedef enum cgap_names_relation { CGAP_NAMES_SILENT, CGAP_NAMES_SAME, CGAP_NAMES_DIFFER } cgap_names_relation;
CGAP_MUST_CHECK cgap_status cgap_dataset_same_names(cgap_names_relation *out, const cgap_dataset *a,
                                                    const cgap_dataset *b, cgap_error *error);

/* Whether `path` is one of the files that are read: nothing may be written there. */
bool cgap_dataset_reads(const cgap_dataset *dataset, const char *path);

#endif
