/* Files that are compressed as a whole, by gzip or zlib: emb.npy.gz, what joblib and pandas compress. They are unpacked
 * once, from front to back, behind what the unnamed file of their cgap_file has already; its readers need random
 * access. */
#ifndef CGAP_IO_READ_PACKED_FILE_H
#define CGAP_IO_READ_PACKED_FILE_H

#include "io/read/container.h"

/* Whether it is one, by its first bytes and its name, and of what is read from front to back: .npy, pickles, text. */
bool cgap_packed_is(const cgap_file *file);
/* The first `count` bytes of what is in it, or fewer; how many. */
size_t cgap_packed_start(unsigned char *out, size_t count, const cgap_file *file);

/* Unpacks it to the unnamed file of `owner`, which may be the file itself: its fd is that file then, start and bytes
 * say where its contents are there. CGAP_FILE: damaged or cut short; CGAP_RESOURCE: no disk space. */
CGAP_MUST_CHECK cgap_status cgap_packed_open(cgap_file *file, cgap_file *owner, cgap_error *error);

/* Of a file's name, without its folder: the length without .gz or .z, and without the ending too. */
size_t cgap_unpacked_length(const char *name);
size_t cgap_stem_length(const char *name);
/* Whether a name ends like one of these, before .gz or .z, small letters or capitals. */
bool cgap_name_ends(const char *path, const char *const *endings);

#endif
