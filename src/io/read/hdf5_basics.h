/* What the files that call HDF5 need of each other: its errors kept silent, their reason, attributes of text; and what
 * hdf5_file.c lists by. */
#ifndef CGAP_IO_READ_HDF5_BASICS_H
#define CGAP_IO_READ_HDF5_BASICS_H

#include "io/read/container.h"

/* HDF5 prints its error stack unless that is switched off; the setting belongs to the whole process, so it is restored
 * after each call into this library. */
typedef struct cgap_hdf5_silence {
  H5E_auto2_t function;
  void *context;
  bool restore;
} cgap_hdf5_silence;

cgap_hdf5_silence cgap_hdf5_silence_begin(void);
void cgap_hdf5_silence_end(cgap_hdf5_silence quiet);

/* The innermost reason on HDF5's error stack, one line, to be read before the next H5 call. */
void cgap_hdf5_reason(char *out, size_t size);

/* The string attribute of an object, without its padding: 1; 0 where there is none, or it is as long as size; -1 where
 * it cannot be read. */
int cgap_hdf5_text(char *out, size_t size, hid_t object, const char *name);

/* Closes a dataset, group, type, space, attribute or property list; a negative id is fine. */
void cgap_hdf5_close(hid_t id);

/* The most bytes that a dataset can give, by what its file stores of it and the filters; UINT64_MAX: without a bound.
 */
uint64_t cgap_hdf5_bytes_max(hid_t dataset);

/* For a program, before it reads anything: where a damaged file has left something open inside HDF5, HDF5 prints lines
 * of its own at exit. A library's caller decides that for itself. */
void cgap_hdf5_skip_exit(void);

/* For a program: whether HDF5 may load plugins, which are code of others; it loads them by itself where a filter is
 * missing. In a library that is its caller's setting. */
void cgap_hdf5_allow_plugins(bool allowed);

enum { CGAP_HDF5_LZF = 32000 }; /* the registered number of the filter */

/* For a program: gives HDF5 the filter lzf, for reading, which is a plugin elsewhere (hdf5_lzf.c). */
void cgap_hdf5_add_lzf(void);

/* ---------------------------------------------------------------- damaged and hostile files */

/* HDF5 1.10 crashes, loops or reads past its heap on some files with one or two damaged bytes. A library cannot guard
 * its caller against that. A program can: it sets a check, which has another process open and probe each HDF5 file
 * before this one opens it. A check that fails is why the file is not opened. NULL: none. */
typedef cgap_status cgap_hdf5_check(const char *path, const cgap_file_access *access, cgap_error *error);
void cgap_hdf5_set_check(cgap_hdf5_check *check);

/* For the process that checks: called where a source of a virtual dataset has been opened, which takes time, and memory
 * where it is another one than before. NULL: none. */
typedef void cgap_hdf5_source_opened(bool another);
void cgap_hdf5_set_source_opened(cgap_hdf5_source_opened *opened);

/* The bytes of a file without its holes, which may be of any size. */
uint64_t cgap_hdf5_bytes(const char *path);

/* Reads some of all that the file holds (hdf5_probe.c). false: HDF5 asked for more memory than there is, where no more
 * than a few MB is read of a sound file. */
bool cgap_hdf5_probe(const cgap_file *file);

/* ---------------------------------------------------------------- hdf5_dataset.c */

/* Sets type, shape and storage of an entry whose path is set, and its obstacle: a filter or a source that is missing,
 * rows in structures. false: HDF5 cannot say. */
bool cgap_hdf5_describe(cgap_entry *entry, const cgap_file *file, hid_t dataset, hid_t type);

/* MATLAB (-v7.3) and Octave (save -hdf5) store columns first, so that HDF5 shows an N × d matrix as (d, N), and mark
 * their arrays: these get their axes in the order meant, (N, d), and `turned`. false: HDF5 cannot say. */
bool cgap_matlab_array(cgap_entry *entry, hid_t dataset);
bool cgap_octave_array(cgap_entry *entry, const char *type, hid_t dataset);

typedef enum cgap_octave {
  CGAP_OCTAVE_NONE,
  CGAP_OCTAVE_ARRAY,
  CGAP_OCTAVE_STRUCT,
  CGAP_OCTAVE_OTHER,
  CGAP_OCTAVE_UNREADABLE /* marked, and HDF5 cannot read what it is */
} cgap_octave;

/* Whether a group is a variable of Octave, with a dataset or group `value` in it. type: what Octave calls it. links: of
 * its cgap_file. */
cgap_octave cgap_octave_variable(char *type, size_t size, hid_t group, hid_t links);
/* Rows and columns of an Octave cell array, of a MATLAB sparse matrix; false where the group is none. */
bool cgap_octave_cells(size_t shape[2], hid_t group, hid_t links);
bool cgap_matlab_sparse(size_t shape[2], hid_t group, hid_t links);

/* ---------------------------------------------------------------- hdf5_virtual.c */

/* Opens `file->links`, by which no external link leads out of the folder of the file unless its access allows that, nor
 * to a FIFO or a device. false: HDF5 has no memory. */
bool cgap_hdf5_links_open(cgap_file *file);

/* Sets the sources of a virtual dataset, and its obstacle where one of them is missing, damaged or too small, as HDF5
 * itself would silently read the fill value, or where it may not be read. */
void cgap_hdf5_virtual_describe(cgap_entry *entry, const cgap_file *file, hid_t dataset, hid_t create_plist);

/* The same for a dataset whose elements are in other files as they are. */
void cgap_hdf5_external_describe(cgap_entry *entry, const cgap_file *file, hid_t dataset, hid_t create_plist);

/* The same for a dataset that an external link has led to: sets its source, the file that it is in. */
void cgap_hdf5_linked_describe(cgap_entry *entry, hid_t dataset);

/* Why several datasets cannot be open together: more sources in all than files may be open, past which HDF5 would read
 * the fill value. NULL: they can. The caller frees it. */
char *cgap_hdf5_virtual_excess(const cgap_entry *const *entries, size_t count);

/* Follows a soft or external link as far as it goes. Returns whether it dangles: the file or the object that it names
 * is not there, or may not be read; else all of them are, or cannot be told, and what does not open is damaged. *why,
 * for the caller to free: where it leads and what is missing or unreadable; NULL: out of memory, or HDF5's own reason
 * is all there is. */
bool cgap_hdf5_link_dangles(char **why, const cgap_file *file, hid_t group, const char *name);

/* ---------------------------------------------------------------- hdf5_chunks.c */

/* Rows of a chunked dataset, unpacked by threads. */
typedef struct cgap_hdf5_chunks cgap_hdf5_chunks;

/* *out is NULL, with CGAP_OK, where the layout is not one that is unpacked here. dataset, with its create_plist, and
 * entry are borrowed. fd: of the file with the chunks, where HDF5's addresses count from its start; -1: HDF5 reads. */
CGAP_MUST_CHECK cgap_status cgap_hdf5_chunks_open(cgap_hdf5_chunks **out, hid_t dataset, hid_t create_plist, int fd,
                                                  const cgap_entry *entry, cgap_error *error);
void cgap_hdf5_chunks_close(cgap_hdf5_chunks *chunks); /* NULL is fine */

/* Rows [first, first + count), of (N, k, d) as N·k rows, elements as stored. Chunks with rows past the last one are
 * kept for the next call: rows read in order are unpacked once. */
CGAP_MUST_CHECK cgap_status cgap_hdf5_chunks_read(cgap_hdf5_chunks *chunks, size_t first, size_t count, int threads,
                                                  void *out, cgap_error *error);

#endif
