#include "base/unnamed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/output_file.h"

enum { PREAD_MAX = 1 << 30 };

static const char DOING[] = "put rows aside there (set TMPDIR)";

const char *cgap_scratch_folder(void)
{
  const char *named = getenv("TMPDIR");
  return named && *named ? named : "/tmp";
}

static int open_nameless(const char *folder)
{
  char path[CGAP_PATH];
  int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 && snprintf(path, sizeof path, "%s/contragap-XXXXXX", folder) < (int)sizeof path &&
      (fd = mkostemp(path, O_CLOEXEC)) >= 0)
    unlink(path);
  return fd;
}

static cgap_status fail_full(const char *folder, uint64_t bytes, uint64_t room, const char *name, const char *way_out,
                             cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "%s: takes %llu bytes beside the memory, %s has %llu free; %s", name,
                   (unsigned long long)bytes, folder, (unsigned long long)room, way_out);
}

/* 0, or why not. Where the file system cannot do it, writing says when the disk is full; libc would touch every block.
 */
static int reserve(int fd, uint64_t bytes)
{
  while (bytes && fallocate(fd, 0, 0, (off_t)bytes) != 0)
    if (errno != EINTR)
      return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : errno;
  return 0;
}

cgap_status cgap_scratch_open(int *out, uint64_t bytes, const char *name, const char *way_out, cgap_error *error)
{
  const char *folder = cgap_scratch_folder();
  struct statvfs disk;
  *out = -1;
  const bool known = statvfs(folder, &disk) == 0;
  const uint64_t room = known ? (uint64_t)disk.f_bavail * disk.f_frsize : 0;
  if (known && room < bytes)
    return fail_full(folder, bytes, room, name, way_out, error);
  const int fd = open_nameless(folder);
  if (fd < 0)
    return cgap_fail_errno(error, errno, folder, DOING);
  const int why = reserve(fd, bytes);
  if (why == 0) {
    *out = fd;
    return CGAP_OK;
  }
  close(fd);
  return why == ENOSPC ? fail_full(folder, bytes, room, name, way_out, error)
                       : cgap_fail_errno(error, why, folder, DOING);
}

cgap_status cgap_scratch_write(int fd, const void *data, size_t count, cgap_error *error)
{
  const unsigned char *from = data;
  while (count > 0) {
    const ssize_t put = write(fd, from, count);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return cgap_fail_errno(error, errno, cgap_scratch_folder(), DOING);
    from += put;
    count -= (size_t)put;
  }
  return CGAP_OK;
}

cgap_status cgap_pread_all(int fd, uint64_t at, size_t count, void *out, const char *name, cgap_error *error)
{
  unsigned char *to = out;
  while (count > 0) {
    ssize_t got = pread(fd, to, count < PREAD_MAX ? count : PREAD_MAX, (off_t)at);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return cgap_fail(error, CGAP_FILE, "%s: reading failed at byte %llu: %s", name, (unsigned long long)at,
                       strerror(errno));
    if (got == 0)
      return cgap_fail(error, CGAP_FILE, "%s: the file ends at byte %llu, %zu bytes too early; copy it again", name,
                       (unsigned long long)at, count);
    at += (uint64_t)got;
    to += got;
    count -= (size_t)got;
  }
  return CGAP_OK;
}
