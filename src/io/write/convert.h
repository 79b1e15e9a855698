/* A data set into a file of any container that we write. */
#ifndef CGAP_IO_WRITE_CONVERT_H
#define CGAP_IO_WRITE_CONVERT_H

#include "io/find/dataset.h"
#include "io/write/layouts.h"

typedef struct cgap_convert_options {
  cgap_layout layout;
  const char *command;    /* the command line, kept in the file but for .npy */
  const char *source;     /* likewise, what it was made of; NULL: the files of the data set */
  const char *trained_on; /* likewise, where these rows come from a head: "300 of 500 images"; NULL: nothing */
  const char *trained_losses;
  bool replace; /* overwrite .npy files, which do not say who wrote them */
  /* rows in place of those of the data set, of another dimension perhaps; NULL: its own */
  const cgap_source *image, *text, *class_text, *words;
  const char *phase; /* of the progress; NULL: "converting" */
  cgap_progress progress;
} cgap_convert_options;

/* What came of it, in words. */
typedef struct cgap_converted {
  char written[300];  /* the files: "pairs.npz"; "pairs_image.npy, pairs_text.npy" */
  char left_out[300]; /* the arrays that the layout cannot hold: "captions"; "": none */
} cgap_converted;

/* Writes rows block by block, every bit as it was (.npy and .npz have no bfloat16: it becomes float32, which is exact);
 * small arrays become int64 or float64, ids and captions stay as they are. out may be NULL.
 * CGAP_USAGE where path is an input. */
CGAP_MUST_CHECK cgap_status cgap_convert(cgap_converted *out, const cgap_dataset *dataset, const char *path,
                                         const cgap_convert_options *options, cgap_error *error);

#endif
