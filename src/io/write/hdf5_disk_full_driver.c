#include "io/write/hdf5_disk_full_driver.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const size_t IO_MOST = (size_t)1 << 30; /* Linux moves at most 2 GiB − 4096 at once */

typedef struct sink_file {
  H5FD_t public_part; /* first, as HDF5 wants it */
  cgap_disk_full_driver *sink;
  haddr_t eoa, eof; /* end of what HDF5 has allocated, and of the file */
} sink_file;

/* What the access list carries: HDF5 copies it, the sink stays where it is. */
typedef struct sink_info {
  cgap_disk_full_driver *sink;
} sink_info;

static H5FD_t *sink_open(const char *name, unsigned flags, hid_t access, haddr_t most)
{
  (void)name, (void)most;
  const sink_info *info = H5Pget_driver_info(access);
  sink_file *file = info ? calloc(1, sizeof *file) : NULL;
  if (!file)
    return NULL;
  file->sink = info->sink;
  if (flags & H5F_ACC_TRUNC && ftruncate(file->sink->fd, 0) != 0)
    file->sink->number = errno;
  return &file->public_part;
}

static herr_t sink_close(H5FD_t *file)
{
  free(file);
  return 0;
}

static int sink_compare(const H5FD_t *a, const H5FD_t *b)
{
  uintptr_t left = (uintptr_t)((const sink_file *)a)->sink, right = (uintptr_t)((const sink_file *)b)->sink;
  return (left > right) - (left < right);
}

static herr_t sink_query(const H5FD_t *file, unsigned long *flags)
{
  (void)file;
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static haddr_t sink_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
  (void)type;
  return ((const sink_file *)file)->eoa;
}

static herr_t sink_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t address)
{
  (void)type;
  ((sink_file *)file)->eoa = address;
  return 0;
}

static haddr_t sink_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
  (void)type;
  return ((const sink_file *)file)->eof;
}

/* What cannot be read, because it was not written, reads as zeros. */
static herr_t sink_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t size, void *buffer)
{
  (void)type, (void)transfer;
  const cgap_disk_full_driver *sink = ((const sink_file *)file)->sink;
  unsigned char *out = buffer;
  while (size > 0) {
    ssize_t got = pread(sink->fd, out, size < IO_MOST ? size : IO_MOST, (off_t)at);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0) {
      memset(out, 0, size);
      break;
    }
    out += got;
    at += (haddr_t)got;
    size -= (size_t)got;
  }
  return 0;
}

static herr_t sink_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t size, const void *buffer)
{
  (void)type, (void)transfer;
  sink_file *f = (sink_file *)file;
  const unsigned char *from = buffer;
  if (at + size > f->eof)
    f->eof = at + size;
  while (size > 0 && !f->sink->number) {
    ssize_t put = pwrite(f->sink->fd, from, size < IO_MOST ? size : IO_MOST, (off_t)at);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0) {
      f->sink->number = put < 0 ? errno : ENOSPC;
      break;
    }
    from += put;
    at += (haddr_t)put;
    size -= (size_t)put;
  }
  return 0;
}

static herr_t sink_truncate(H5FD_t *file, hid_t transfer, hbool_t closing)
{
  (void)transfer, (void)closing;
  sink_file *f = (sink_file *)file;
  if (!f->sink->number && f->eoa != f->eof && ftruncate(f->sink->fd, (off_t)f->eoa) != 0)
    f->sink->number = errno;
  f->eof = f->eoa;
  return 0;
}

static const H5FD_class_t SINK_CLASS = {
#if H5_VERSION_GE(1, 13, 0)
  .version = H5FD_CLASS_VERSION,
  .value = (H5FD_class_value_t)400, /* in the range that the library leaves to applications */
#endif
  .name = "contragap",
  .maxaddr = ((haddr_t)1 << 62) - 1,
  .fc_degree = H5F_CLOSE_WEAK,
  .fapl_size = sizeof(sink_info),
  .open = sink_open,
  .close = sink_close,
  .cmp = sink_compare,
  .query = sink_query,
  .get_eoa = sink_get_eoa,
  .set_eoa = sink_set_eoa,
  .get_eof = sink_get_eof,
  .read = sink_read,
  .write = sink_write,
  .truncate = sink_truncate,
  .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t cgap_disk_full_driver_create(cgap_disk_full_driver *sink, const char *name)
{
  hid_t file = H5I_INVALID_HID;
  const sink_info info = {sink};
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  sink->driver = H5FDregister(&SINK_CLASS);
  if (access >= 0 && sink->driver >= 0 && H5Pset_driver(access, sink->driver, &info) >= 0)
    file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  cgap_hdf5_close(access);
  if (file < 0)
    cgap_disk_full_driver_close(sink);
  return file;
}

void cgap_disk_full_driver_close(cgap_disk_full_driver *sink)
{
  if (sink->driver > 0)
    H5FDunregister(sink->driver);
  sink->driver = 0;
}
