#include "io/read/direct_io.h"

#include "base/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  PAGE = 4096,                 /* a multiple of every block size that is about */
  BUFFER_BYTES = 4 << 20,      /* read at once */
  REQUEST_BYTES_MIN = 1 << 20, /* of a request */
};

struct cgap_direct_io {
  int fd;
  unsigned char *buffer; /* (BUFFER_BYTES), on a page */
};

cgap_direct_io *cgap_direct_io_open_any(const char *path)
{
  cgap_direct_io *d = calloc(1, sizeof *d);
  if (!d)
    return NULL;
  d->fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
  d->buffer = aligned_alloc(PAGE, BUFFER_BYTES);
  if (d->fd >= 0 && d->buffer && pread(d->fd, d->buffer, PAGE, 0) > 0) /* some only say no when they are read */
    return d;
  cgap_direct_io_close(d);
  return NULL;
}

cgap_direct_io *cgap_direct_io_open(const char *path, uint64_t bytes)
{
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0 || bytes / 3 < (uint64_t)pages / 4 * (uint64_t)page)
    return NULL;
  return cgap_direct_io_open_any(path);
}

void cgap_direct_io_close(cgap_direct_io *d)
{
  if (!d)
    return;
  if (d->fd >= 0)
    close(d->fd);
  free(d->buffer);
  free(d);
}

bool cgap_direct_io_is_worth_it(const cgap_direct_io *d, size_t count)
{
  return d && count >= REQUEST_BYTES_MIN;
}

cgap_status cgap_direct_io_read(cgap_direct_io *d, int fd, uint64_t at, size_t count, void *out, const char *name,
                                cgap_error *error)
{
  unsigned char *to = out;
  while (count > 0) {
    const size_t before = (size_t)(at % PAGE), most = BUFFER_BYTES - before, here = count < most ? count : most;
    const size_t whole = (before + here + PAGE - 1) / PAGE * PAGE;
    const ssize_t got = pread(d->fd, d->buffer, whole, (off_t)(at - before));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0 || (size_t)got <= before) /* the ordinary way says what is wrong, or does without */
      return cgap_pread_all(fd, at, count, to, name, error);
    const size_t read = (size_t)got - before < here ? (size_t)got - before : here;
    memcpy(to, d->buffer + before, read);
    at += read;
    to += read;
    count -= read;
  }
  return CGAP_OK;
}
