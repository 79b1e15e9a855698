/* Opening a file for reading, and saying in one line why it cannot be opened. */
#include "io/hdf5_file.h"

#include "io/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 256 };

cgap_quiet cgap_quiet_begin(void)
{
  cgap_quiet quiet = {0};
  quiet.restore = H5Eget_auto2(H5E_DEFAULT, &quiet.function, &quiet.context) >= 0;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  return quiet;
}

void cgap_quiet_end(cgap_quiet quiet)
{
  H5Eclear2(H5E_DEFAULT);
  if (quiet.restore)
    H5Eset_auto2(H5E_DEFAULT, quiet.function, quiet.context);
}

typedef struct reason {
  char *out;
  size_t size;
} reason;

static herr_t take_innermost(unsigned n, const H5E_error2_t *item, void *context)
{
  reason *r = context;
  if (n == 0 && item->desc)
    (void)snprintf(r->out, r->size, "%s", item->desc);
  return 0;
}

void cgap_hdf5_reason(char *out, size_t size)
{
  reason r = {out, size};
  out[0] = '\0';
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, &r);
  for (char *p = out; *p; p++) {
    if ((unsigned char)*p < ' ')
      *p = ' ';
  }
}

/* ---------------------------------------------------------------- what a file is when it is not HDF5 */

static const struct {
  const char *start;
  size_t length;
  const char *what; /* and what to do */
} FOREIGN[] = {
  {"\x93NUMPY", 6, "a NumPy .npy file; write it to HDF5 with h5py: f.create_dataset('image', data=numpy.load(path))"},
  {"PK\x03\x04", 4, "a zip archive (NumPy .npz or a PyTorch file); load it where it was made and write HDF5 with h5py"},
  {"\x80\x02", 2, "a Python pickle; load it where it was made and write HDF5 with h5py"},
  {"\x80\x03", 2, "a Python pickle; load it where it was made and write HDF5 with h5py"},
  {"\x80\x04", 2, "a Python pickle; load it where it was made and write HDF5 with h5py"},
  {"\x80\x05", 2, "a Python pickle; load it where it was made and write HDF5 with h5py"},
  {"\x1f\x8b", 2, "gzip-compressed; unpack it with gunzip first"},
  {"CDF", 3, "a classic NetCDF file; convert it with nccopy -k nc4"},
  {"PAR1", 4, "a Parquet file; read it with pandas and write HDF5 with h5py"},
};

static const char LFS_START[] = "version https://git-lfs.github.com/spec/";

/* The signature stands at byte 0, 512, 1024, 2048 … (HDF5 file format, section II.A). */
static bool has_signature(int fd, uint64_t bytes)
{
  static const unsigned char SIGNATURE[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  unsigned char found[sizeof SIGNATURE];
  for (uint64_t at = 0; at + sizeof found <= bytes; at = at ? 2 * at : 512) {
    if (pread(fd, found, sizeof found, (off_t)at) == (ssize_t)sizeof found && !memcmp(found, SIGNATURE, sizeof found))
      return true;
  }
  return false;
}

static cgap_status refuse_foreign(int fd, const char *path, cgap_error *error)
{
  char head[HEAD_BYTES + 1] = {0};
  ssize_t got = pread(fd, head, HEAD_BYTES, 0);
  if (got < 0)
    return cgap_fail(error, CGAP_FILE, "%s: cannot be read: %s", path, strerror(errno));
  if (!strncmp(head, LFS_START, sizeof LFS_START - 1)) {
    const char *size = strstr(head, "\nsize ");
    unsigned long long bytes = 0;
    if (size && sscanf(size, "\nsize %llu", &bytes) == 1)
      return cgap_fail(error, CGAP_FILE, "%s: a Git LFS pointer, not the %llu bytes it stands for; run `git lfs pull`",
                       path, bytes);
    return cgap_fail(error, CGAP_FILE, "%s: a Git LFS pointer, not the data; run `git lfs pull`", path);
  }
  for (size_t i = 0; i < sizeof FOREIGN / sizeof *FOREIGN; i++) {
    if ((size_t)got >= FOREIGN[i].length && !memcmp(head, FOREIGN[i].start, FOREIGN[i].length))
      return cgap_fail(error, CGAP_FILE, "%s: not HDF5 but %s", path, FOREIGN[i].what);
  }
  return cgap_fail(error, CGAP_FILE,
                   "%s: not an HDF5 file (no signature in its %lld bytes); give a file that h5py opens", path,
                   (long long)lseek(fd, 0, SEEK_END));
}

static cgap_status refuse_broken(const char *path, const char *why, cgap_error *error)
{
  unsigned long long has = 0, base = 0, needs = 0;
  const char *truncated = strstr(why, "truncated file: eof =");
  if (truncated && sscanf(truncated, "truncated file: eof = %llu, sblock->base_addr = %llu, stored_eof = %llu", &has,
                          &base, &needs) == 3)
    return cgap_fail(error, CGAP_FILE, "%s: truncated: %llu bytes of %llu are there; copy or download it again", path,
                     has, needs);
  if (strstr(why, "already open for write"))
    return cgap_fail(error, CGAP_FILE,
                     "%s: another program is writing it, or stopped while writing; wait for it, or run `h5clear -s %s`",
                     path, path);
  return cgap_fail(error, CGAP_FILE, "%s: a damaged or truncated HDF5 file (HDF5: %s); copy or download it again", path,
                   why[0] ? why : "no reason given");
}

static cgap_status open_plain(cgap_file *file, const char *path, cgap_error *error)
{
  struct stat status;
  if (stat(path, &status) != 0)
    return cgap_fail(error, CGAP_FILE, errno == ENOENT ? "%s: no such file%s" : "%s: cannot be opened: %s", path,
                     errno == ENOENT ? "" : strerror(errno));
  if (S_ISDIR(status.st_mode))
    return cgap_fail(error, CGAP_FILE, "%s: a folder, not an HDF5 file; name the file in it", path);
  if (!S_ISREG(status.st_mode))
    return cgap_fail(error, CGAP_FILE, "%s: not a regular file; HDF5 is read in any order and needs one", path);
  if (status.st_size == 0)
    return cgap_fail(error, CGAP_FILE, "%s: empty (0 bytes); write or download it again", path);
  file->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (file->fd < 0)
    return cgap_fail(error, CGAP_FILE, "%s: cannot be opened: %s", path, strerror(errno));
  file->bytes = (uint64_t)status.st_size;
  file->device = (uint64_t)status.st_dev;
  file->inode = (uint64_t)status.st_ino;
  return CGAP_OK;
}

static cgap_status open_hdf5(cgap_file *file, cgap_error *error)
{
  if (!has_signature(file->fd, file->bytes))
    return refuse_foreign(file->fd, file->path, error);
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (access < 0)
    return cgap_fail(error, CGAP_RESOURCE, "%s: HDF5 could not make a property list", file->path);
#if H5_VERSION_GE(1, 10, 7)
  /* locks fail on many network file systems, and reading needs none */
  H5Pset_file_locking(access, false, true);
#endif
  char why[400] = "";
  file->id = H5Fopen(file->path, H5F_ACC_RDONLY, access);
  if (file->id < 0)
    cgap_hdf5_reason(why, sizeof why);
  H5Pclose(access);
  return file->id < 0 ? refuse_broken(file->path, why, error) : CGAP_OK;
}

cgap_status cgap_file_open(cgap_file **out, const char *path, cgap_error *error)
{
  *out = NULL;
  cgap_file *file = calloc(1, sizeof *file);
  if (!file)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  file->fd = -1;
  file->id = H5I_INVALID_HID;
  cgap_quiet quiet = cgap_quiet_begin();
  cgap_status status = CGAP_OK;
  file->path = strdup(path);
  if (!file->path)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  if (status == CGAP_OK)
    status = open_plain(file, path, error);
  if (status == CGAP_OK)
    status = open_hdf5(file, error);
  if (status == CGAP_OK)
    status = cgap_file_list(file, error);
  if (status != CGAP_OK) {
    cgap_file_close(file);
    file = NULL;
  }
  cgap_quiet_end(quiet);
  *out = file;
  return status;
}

void cgap_file_close(cgap_file *file)
{
  if (!file)
    return;
  for (size_t i = 0; i < file->count; i++)
    cgap_entry_clear(&file->entries[i]);
  free(file->entries);
  if (file->id >= 0)
    H5Fclose(file->id);
  if (file->fd >= 0)
    close(file->fd);
  free(file->path);
  free(file);
}

const cgap_entry *cgap_file_find(const cgap_file *file, const char *path)
{
  while (*path == '/')
    path++;
  for (size_t i = 0; i < file->count; i++) {
    if (!strcmp(file->entries[i].path + 1, path))
      return &file->entries[i];
  }
  return NULL;
}
