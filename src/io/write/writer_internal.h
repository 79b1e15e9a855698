/* The inside of the writer, shared by the files that fill it. */
#ifndef CGAP_IO_WRITER_PARTS_H
#define CGAP_IO_WRITER_PARTS_H

#include "io/write/hdf5_disk_full_driver.h"
#include "io/write/writer.h"

enum { CGAP_WRITER_BUFFER = 1 << 22 };

/* A dataset that is being filled row by row. */
typedef struct cgap_stream {
  char *path;
  hid_t dataset, type;
  cgap_type element;
  size_t rows, middle, dim; /* middle 0: rank 2 */
  size_t total, written;    /* flattened rows */
} cgap_stream;

struct cgap_writer {
  char *path, *temporary;
  cgap_sink sink;
  hid_t file;
  cgap_stream *streams;
  size_t count;
  void *buffer;  /* CGAP_WRITER_BUFFER bytes, for conversion */
  unsigned gzip; /* level, 0: none */
  bool broken;   /* a write failed: what is in the file is worth nothing */
  bool finished; /* on disk under its temporary name */
  char why[400]; /* HDF5's reason for it */
};

/* Whether the H5 call that was just made failed, as it says itself or as the sink knows. Its reason is kept before
 * the next call clears it. */
bool cgap_writer_noted(cgap_writer *w, bool failed);
cgap_status cgap_writer_fail(const cgap_writer *w, const char *path, cgap_error *error);

/* A new dataset with the creation list `create`, or a negative number, whose reason is noted. Groups on the way are
 * made; no times are kept, so that the same content gives the same bytes. */
hid_t cgap_writer_dataset(cgap_writer *w, const char *path, hid_t type, int rank, const hsize_t *shape, hid_t create);

#endif
