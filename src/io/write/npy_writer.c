#include "io/write/npy_writer.h"

#include "base/memory.h"
#include "base/output_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MAX = 16, HEADER_ALIGN = 64, WIDEN_ELEMENTS = 1 << 16 };

struct cgap_npy_writer {
  cgap_folder folder;
  cgap_outfile file[FILES_MAX];
  size_t count;
  cgap_type type; /* of the array that is being written */
  size_t dim;
};

cgap_status cgap_npy_writer_open(cgap_npy_writer **out, const char *folder, cgap_error *error)
{
  *out = calloc(1, sizeof **out);
  if (!*out)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", folder);
  cgap_status status = cgap_folder_open(&(*out)->folder, folder, error);
  if (status != CGAP_OK) {
    free(*out);
    *out = NULL;
  }
  return status;
}

static char native_order(void)
{
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return first ? '<' : '>';
}

/* Version 1.0; the array begins at a multiple of 64 bytes. */
static cgap_status write_header(FILE *out, const char *path, char letter, size_t item, const size_t *shape, int ndim,
                                cgap_error *error)
{
  char text[256];
  int used = snprintf(text, sizeof text, "{'descr': '%c%c%zu', 'fortran_order': False, 'shape': (", native_order(),
                      letter, item);
  for (int k = 0; k < ndim; k++)
    used += snprintf(text + used, sizeof text - (size_t)used, "%zu,%s", shape[k], k + 1 < ndim ? " " : "");
  used += snprintf(text + used, sizeof text - (size_t)used, "), }");
  while ((10 + used + 1) % HEADER_ALIGN != 0)
    text[used++] = ' ';
  text[used++] = '\n';
  const unsigned char head[10] = {
    0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)(used & 255), (unsigned char)(used >> 8)};
  if (fwrite(head, 1, sizeof head, out) != sizeof head || fwrite(text, 1, (size_t)used, out) != (size_t)used)
    return cgap_fail_errno(error, errno, path, "write");
  return CGAP_OK;
}

/* "/arithmetic/words" needs its folder. */
static cgap_status make_group(const cgap_npy_writer *w, const char *path, cgap_error *error)
{
  char name[100], group[CGAP_PATH];
  const char *slash = strrchr(path, '/');
  if (slash == path)
    return CGAP_OK;
  (void)snprintf(name, sizeof name, "%.*s", (int)(slash - path - 1), path + 1);
  cgap_status status = cgap_folder_file(group, w->folder.path, name, error);
  if (status != CGAP_OK)
    return status;
  if (mkdir(group, 0777) == 0 || errno == EEXIST)
    return CGAP_OK;
  return cgap_fail_errno(error, errno, group, "make the folder");
}

static cgap_status begin_array(cgap_npy_writer *w, const char *path, char letter, size_t item, const size_t *shape,
                               int ndim, cgap_error *error)
{
  char name[200], full[CGAP_PATH];
  if (w->count == FILES_MAX)
    return cgap_fail(error, CGAP_USAGE, "%s: more than %d arrays", w->folder.path, FILES_MAX);
  (void)snprintf(name, sizeof name, "%s.npy", path + 1);
  cgap_status status = make_group(w, path, error);
  if (status == CGAP_OK)
    status = cgap_folder_file(full, w->folder.path, name, error);
  if (status == CGAP_OK)
    status = cgap_outfile_open(&w->file[w->count], full, error);
  if (status != CGAP_OK)
    return status;
  w->count++;
  return write_header(w->file[w->count - 1].stream, full, letter, item, shape, ndim, error);
}

cgap_status cgap_npy_writer_create(cgap_npy_writer *w, const char *path, cgap_type type, size_t rows, size_t middle,
                                   size_t dim, cgap_error *error)
{
  size_t item = type == CGAP_BFLOAT16 ? sizeof(float) : cgap_type_size(type);
  w->type = type;
  w->dim = dim;
  return middle ? begin_array(w, path, 'f', item, (size_t[3]){rows, middle, dim}, 3, error)
                : begin_array(w, path, 'f', item, (size_t[2]){rows, dim}, 2, error);
}

static cgap_status put_elements(cgap_npy_writer *w, const void *data, size_t size, size_t count, cgap_error *error)
{
  cgap_outfile *file = &w->file[w->count - 1];
  errno = 0;
  if (fwrite(data, size, count, file->stream) != count)
    return cgap_fail_errno(error, errno, file->path, "write");
  return CGAP_OK;
}

static cgap_status put_as_float32(cgap_npy_writer *w, const uint16_t *in, size_t count, cgap_error *error)
{
  uint32_t *floats = cgap_alloc(WIDEN_ELEMENTS, sizeof *floats);
  cgap_status status = floats ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", w->folder.path);
  for (size_t at = 0; at < count && status == CGAP_OK; at += WIDEN_ELEMENTS) {
    size_t here = count - at < WIDEN_ELEMENTS ? count - at : WIDEN_ELEMENTS;
    for (size_t i = 0; i < here; i++)
      floats[i] = (uint32_t)in[at + i] << 16; /* the upper half of a float32 */
    status = put_elements(w, floats, sizeof *floats, here, error);
  }
  cgap_free(floats);
  return status;
}

cgap_status cgap_npy_writer_append(cgap_npy_writer *w, const void *rows, size_t count, cgap_error *error)
{
  if (w->type == CGAP_BFLOAT16)
    return put_as_float32(w, rows, count * w->dim, error);
  return put_elements(w, rows, cgap_type_size(w->type), count * w->dim, error);
}

cgap_status cgap_npy_writer_whole(cgap_npy_writer *w, const char *path, bool integers, const void *values, size_t rows,
                                  size_t columns, cgap_error *error)
{
  cgap_status status =
    begin_array(w, path, integers ? 'i' : 'f', 8, (size_t[2]){rows, columns}, columns ? 2 : 1, error);
  return status == CGAP_OK ? put_elements(w, values, 8, rows * (columns ? columns : 1), error) : status;
}

cgap_status cgap_npy_writer_check(const cgap_npy_writer *w, const char *const *paths, cgap_error *error)
{
  for (; *paths; paths++) {
    char name[200], full[CGAP_PATH];
    struct stat there;
    bool own = false;
    (void)snprintf(name, sizeof name, "%s.npy", *paths + 1);
    cgap_status status = cgap_folder_file(full, w->folder.path, name, error);
    if (status != CGAP_OK)
      return status;
    for (size_t i = 0; i < w->count; i++)
      own = own || !strcmp(w->file[i].path, full);
    if (!own && stat(full, &there) == 0)
      return cgap_fail(error, CGAP_FILE,
                       "%s: is there already and does not belong to what is written; remove it or name another folder",
                       full);
  }
  return CGAP_OK;
}

cgap_status cgap_npy_writer_close(cgap_npy_writer *w, bool commit, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  if (!w)
    return status;
  for (size_t i = 0; i < w->count; i++) {
    cgap_status closed = cgap_outfile_close(&w->file[i], commit && status == CGAP_OK, error);
    status = status == CGAP_OK ? closed : status;
  }
  if (!commit || status != CGAP_OK)
    cgap_folder_abandon(&w->folder);
  free(w);
  return status;
}
