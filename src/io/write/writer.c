/* The writer: everything goes to a file beside the target that is renamed when it is complete. */
#include "base/output_file.h"
#include "base/text_buffer.h"
#include "io/read/hdf5_basics.h"
#include "io/write/writer_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- failures */

bool cgap_writer_noted(cgap_writer *w, bool failed)
{
  if (failed && !w->broken)
    cgap_hdf5_reason(w->why, sizeof w->why);
  w->broken = w->broken || failed || w->sink.number;
  return failed || w->sink.number;
}

cgap_status cgap_writer_fail(const cgap_writer *w, const char *path, cgap_error *error)
{
  if (w->sink.number)
    return cgap_fail_errno(error, w->sink.number, w->path, "write");
  return cgap_fail(error, CGAP_FILE, "%s:%s: cannot be written (HDF5: %s)", w->path, path,
                   w->why[0] ? w->why : "no reason given");
}

/* ---------------------------------------------------------------- open */

static cgap_status check_target(const char *path, cgap_error *error)
{
  struct stat status;
  if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
    return cgap_fail(error, CGAP_FILE, "%s: a folder; name a file in it", path);
  if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
    return cgap_fail(error, CGAP_FILE, "%s: not a regular file; name another file", path);
  const char *slash = strrchr(path, '/');
  char *folder = slash ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : strdup(".");
  if (!folder)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  cgap_status result = CGAP_OK;
  if (path[0] == '\0' || (slash && slash[1] == '\0'))
    result = cgap_fail(error, CGAP_FILE, "%s: not the name of a file; name one", path);
  else if (stat(folder, &status) != 0)
    result = cgap_fail(error, CGAP_FILE, "%s: the folder %s does not exist; make it first", path, folder);
  else if (!S_ISDIR(status.st_mode))
    result = cgap_fail(error, CGAP_FILE, "%s: %s is no folder; name another file", path, folder);
  free(folder);
  return result;
}

static cgap_status create_file(cgap_writer *w, cgap_error *error)
{
  w->sink.fd = open(w->temporary, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
  if (w->sink.fd < 0)
    return cgap_fail_errno(error, errno, w->path, "write");
  w->file = cgap_sink_create(&w->sink, w->temporary);
  cgap_status status = CGAP_OK;
  if (cgap_writer_noted(w, w->file < 0)) {
    status = cgap_writer_fail(w, "/", error);
    if (w->file >= 0)
      H5Fclose(w->file);
    cgap_sink_close(&w->sink);
    close(w->sink.fd);
    unlink(w->temporary);
  }
  return status;
}

static void discard(cgap_writer *w)
{
  free(w->streams);
  free(w->buffer);
  free(w->temporary);
  free(w->path);
  free(w);
}

cgap_status cgap_writer_open_as(cgap_writer **out, const char *path, const char *temporary, cgap_error *error)
{
  *out = NULL;
  cgap_status status = check_target(path, error);
  if (status != CGAP_OK)
    return status;
  cgap_writer *w = calloc(1, sizeof *w);
  if (!w)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  w->file = H5I_INVALID_HID;
  w->path = strdup(path);
  w->temporary = strdup(temporary);
  w->buffer = malloc(CGAP_WRITER_BUFFER);
  if (!w->path || !w->temporary || !w->buffer)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  cgap_quiet quiet = cgap_quiet_begin();
  if (status == CGAP_OK)
    status = create_file(w, error);
  cgap_quiet_end(quiet);
  if (status == CGAP_OK)
    *out = w;
  else
    discard(w);
  return status;
}

cgap_status cgap_writer_open(cgap_writer **out, const char *path, cgap_error *error)
{
  char temporary[CGAP_TEMPORARY];
  *out = NULL;
  if (strlen(path) >= CGAP_PATH)
    return cgap_fail(error, CGAP_FILE, "%s: the name is longer than %d bytes; choose a shorter one", path,
                     CGAP_PATH - 1);
  cgap_temporary_name(temporary, path, (long)getpid());
  return cgap_writer_open_as(out, path, temporary, error);
}

/* ---------------------------------------------------------------- close */

static cgap_status close_streams(cgap_writer *w, bool commit, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < w->count; i++) {
    cgap_stream *s = &w->streams[i];
    if (commit && status == CGAP_OK && s->written != s->total)
      status =
        cgap_fail(error, CGAP_USAGE, "%s:%s: %zu of %zu rows were written", w->path, s->path, s->written, s->total);
    if (cgap_writer_noted(w, H5Dclose(s->dataset) < 0) && commit && status == CGAP_OK)
      status = cgap_writer_fail(w, s->path, error);
    H5Tclose(s->type);
    free(s->path);
  }
  return status;
}

/* Delayed allocation may find the disk full only at fsync, and a network file system at close. */
static cgap_status close_file(cgap_writer *w, bool commit, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  bool failed = cgap_writer_noted(w, H5Fclose(w->file) < 0);
  cgap_sink_close(&w->sink);
  if (commit && failed)
    status = cgap_writer_fail(w, "/", error);
  if (commit && status == CGAP_OK && fsync(w->sink.fd) != 0)
    status = cgap_fail_errno(error, errno, w->path, "write");
  if (close(w->sink.fd) != 0 && commit && status == CGAP_OK)
    status = cgap_fail_errno(error, errno, w->path, "write");
  return status;
}

/* commit false: closed all the same, whatever is in it. */
static cgap_status finish(cgap_writer *w, bool commit, cgap_error *error)
{
  cgap_quiet quiet = cgap_quiet_begin();
  cgap_status status = CGAP_OK;
  if (commit && w->broken)
    status = cgap_writer_fail(w, "/", error);
  cgap_status closed = close_streams(w, commit && status == CGAP_OK, error);
  status = status == CGAP_OK ? closed : status;
  closed = close_file(w, commit && status == CGAP_OK, error);
  status = status == CGAP_OK ? closed : status;
  w->finished = true;
  w->broken |= status != CGAP_OK;
  cgap_quiet_end(quiet);
  return status;
}

cgap_status cgap_writer_finish(cgap_writer *w, cgap_error *error)
{
  return finish(w, true, error);
}

cgap_status cgap_writer_close(cgap_writer *w, bool commit, cgap_error *error)
{
  if (!w)
    return CGAP_OK;
  cgap_status status = CGAP_OK;
  if (!w->finished)
    status = finish(w, commit, error);
  else if (commit && w->broken)
    status = cgap_writer_fail(w, "/", error);
  if (commit && status == CGAP_OK && rename(w->temporary, w->path) != 0)
    status = cgap_fail_errno(error, errno, w->path, "write");
  if (!commit || status != CGAP_OK)
    unlink(w->temporary);
  discard(w);
  return status;
}
