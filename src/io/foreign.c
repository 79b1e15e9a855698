/* What a file is that no reader takes, and what to do about it. */
#include "io/hdf5_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_BYTES = 256 };

/* By the first bytes. Pickles can run any code when they are loaded, which is why nothing here reads them. */
static const char PICKLE[] = "a Python pickle, which is not read; where it was made: numpy.save('image.npy', "
                             "numpy.asarray(array)), torch: tensor.float().cpu().numpy()";

static const struct {
  const char *start;
  size_t length;
  const char *what; /* and what to do */
} FOREIGN[] = {
  {"\x80\x02", 2, PICKLE},
  {"\x80\x03", 2, PICKLE},
  {"\x80\x04", 2, PICKLE},
  {"\x80\x05", 2, PICKLE},
  {"PK\x05\x06", 4, "an empty zip archive; write the arrays with numpy.savez(path, image=…, text=…)"},
  {"\x1f\x8b", 2, "gzip-compressed; unpack it with gunzip first"},
  {"CDF", 3, "a classic NetCDF file; convert it with nccopy -k nc4"},
  {"PAR1", 4, "a Parquet file; read it with pandas and write the columns with numpy.save"},
};

/* By the name, where the bytes say nothing: old pickles are text. */
static const struct {
  const char *ending, *what;
} ENDINGS[] = {
  {".pt", PICKLE},
  {".pth", PICKLE},
  {".pkl", PICKLE},
  {".pickle", PICKLE},
  {".safetensors",
   "no safetensors file either: its first eight bytes are not the length of a JSON header; copy it again"},
  {".npy", "no .npy array either: it does not start with \\x93NUMPY; write it again with numpy.save"},
  {".npz", "no .npz archive either: it does not start as a zip; write it again with numpy.savez"},
  {".csv", "a table of text; read it with pandas and write numpy.save('image.npy', array)"},
  {".tsv", "a table of text; read it with pandas and write numpy.save('image.npy', array)"},
};

static const char LFS_START[] = "version https://git-lfs.github.com/spec/";

static cgap_status refuse_pointer(const char *path, const char *head, cgap_error *error)
{
  const char *size = strstr(head, "\nsize ");
  unsigned long long bytes = 0;
  if (size && sscanf(size, "\nsize %llu", &bytes) == 1)
    return cgap_fail(error, CGAP_FILE, "%s: a Git LFS pointer, not the %llu bytes it stands for; run `git lfs pull`",
                     path, bytes);
  return cgap_fail(error, CGAP_FILE, "%s: a Git LFS pointer, not the data; run `git lfs pull`", path);
}

static bool ends_with(const char *text, const char *ending)
{
  size_t a = strlen(text), b = strlen(ending);
  return a >= b && !strcmp(text + a - b, ending);
}

cgap_status cgap_refuse_foreign(const cgap_file *file, cgap_error *error)
{
  char head[HEAD_BYTES + 1] = {0};
  ssize_t got = pread(file->fd, head, HEAD_BYTES, 0);
  if (got < 0)
    return cgap_fail(error, CGAP_FILE, "%s: cannot be read: %s", file->path, strerror(errno));
  if (!strncmp(head, LFS_START, sizeof LFS_START - 1))
    return refuse_pointer(file->path, head, error);
  for (size_t i = 0; i < sizeof FOREIGN / sizeof *FOREIGN; i++) {
    if ((size_t)got >= FOREIGN[i].length && !memcmp(head, FOREIGN[i].start, FOREIGN[i].length))
      return cgap_fail(error, CGAP_FILE, "%s: not HDF5 but %s", file->path, FOREIGN[i].what);
  }
  for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
    if (ends_with(file->path, ENDINGS[i].ending))
      return cgap_fail(error, CGAP_FILE, "%s: not HDF5 but %s", file->path, ENDINGS[i].what);
  }
  return cgap_fail(error, CGAP_FILE,
                   "%s: not an HDF5 file (no signature in its %llu bytes), nor .npy, .npz or safetensors; give one of "
                   "these",
                   file->path, (unsigned long long)file->bytes);
}
