/* Names the kind of a file that no reader takes, and how to convert it: lines that can be typed as they are. */
#include "base/text_buffer.h"
#include "io/read/container.h"
#include "io/read/packed_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_BYTES = 4096, TAR_MARK = 257, GZIP = 1 /* of FOREIGN */ };

/* How the file's name goes into a line: as Python or the shell writes it. */
typedef enum { NO_LINE, PYTHON, SHELL } language;

#define TORCH "no file of torch.save: it starts neither as a zip archive nor as a pickle; copy or download it again"
#define PICKLE                                                                                                         \
  "no Python pickle as pickle.dump writes it, nor one in gzip or zlib; if joblib compressed it, in Python, where you " \
  "trust it: import joblib; "                                                                                          \
  "joblib.dump(joblib.load(%s), 'new.joblib')"
#define JSON "JSON, which is read from a file whose name ends with .json or .jsonl: cp %s new.json"
#define FAISS                                                                                                          \
  "a FAISS index, which is not read. In Python: import faiss, numpy; a = faiss.read_index(%s); numpy.save('new.npy', " \
  "a.reconstruct_n(0, a.ntotal))"
#define MATLAB                                                                                                         \
  "a MATLAB file before version 7.3, which is not read. In Python: import numpy, scipy.io; numpy.savez('new.npz', "    \
  "**{name: rows for name, rows in scipy.io.loadmat(%s).items() if name[0] != '_'})"
#define PARQUET                                                                                                        \
  "a Parquet file, which is not read. In Python: import numpy, pandas; a = pandas.read_parquet(%s); "                  \
  "numpy.savez('new.npz', **{name: numpy.stack(a[name]) for name in a})"
#define ARROW                                                                                                          \
  "an Arrow or Feather file, which is not read. In Python: import numpy, pandas; a = pandas.read_feather(%s); "        \
  "numpy.savez('new.npz', **{name: numpy.stack(a[name]) for name in a})"

#define ZARR                                                                                                           \
  "a Zarr store, which is not read. In Python: import numpy, zarr; a = zarr.open(%s, mode='r'); "                      \
  "numpy.savez('new.npz', **({'rows': a[:]} if hasattr(a, 'shape') else {name: a[name][:] for name in a}))"

static const char HTML[] = "a web page (HTML), not the data: the download went to a page; fetch the file itself";
static const char ANNEX[] = "a git-annex pointer, not the data; run `git annex get %s`";
static const char UTF16[] = "text in UTF-16, which is not read; convert it: iconv -f UTF-16 -t UTF-8 %s > new.csv";
static const char ARCHIVE[] = "an archive, which is not read; unpack it, and give the files in it";

typedef struct kind {
  const char *start; /* the first bytes, or the end of the name */
  size_t length;     /* of start; 0: to its end */
  language in;
  const char *what; /* with %s where `in` says so */
} kind;

/* By the first bytes. */
static const kind FOREIGN[] = {
  {"PK\x05\x06", 4, NO_LINE, "an empty zip archive; write the arrays again, with numpy.savez"},
  {"\x1f\x8b", 2, SHELL, "gzip-compressed; unpack it: gunzip -k %s"},
  {"BZh", 3, SHELL, "bzip2-compressed; unpack it: bunzip2 -k %s"},
  {"\xfd"
   "7zXZ",
   5, SHELL, "xz-compressed; unpack it: unxz -k %s"},
  {"]\0\0", 3, SHELL, "LZMA-compressed; unpack it: unlzma -k %s"},
  {"\x28\xb5\x2f\xfd", 4, SHELL, "zstd-compressed; unpack it: unzstd %s"},
  {"7z\xbc\xaf", 4, NO_LINE, ARCHIVE},
  {"Rar!", 4, NO_LINE, ARCHIVE},
  {"CDF", 3, SHELL, "a classic NetCDF file, which is not read; convert it: nccopy -k nc4 %s new.nc"},
  {"PAR1", 4, PYTHON, PARQUET},
  {"ARROW1", 6, PYTHON, ARROW},
  {"FEA1", 4, PYTHON, ARROW},
  {"IxF", 3, PYTHON, FAISS},
  {"IxM", 3, PYTHON, FAISS},
  {"Iw", 2, PYTHON, FAISS},
  {"IH", 2, PYTHON, FAISS},
  {"IxPQ", 4, PYTHON, FAISS},
  {"IxSQ", 4, PYTHON, FAISS},
  {"IxPT", 4, PYTHON, FAISS},
  {"MATLAB 5.0 MAT-file", 19, PYTHON, MATLAB},
  {"SQLite format 3", 15, NO_LINE, "an SQLite database, which is not read; write the rows with numpy.save"},
  {"/annex/objects/", 15, SHELL, ANNEX},
  {"\xff\xfe", 2, SHELL, UTF16},
  {"\xfe\xff", 2, SHELL, UTF16},
};

/* By the name, where the bytes say nothing. */
static const kind ENDINGS[] = {
  {".pt", 0, NO_LINE, TORCH},
  {".pth", 0, NO_LINE, TORCH},
  {".pkl", 0, PYTHON, PICKLE},
  {".pickle", 0, PYTHON, PICKLE},
  {".joblib", 0, PYTHON, PICKLE},
  {".safetensors", 0, NO_LINE,
   "no safetensors file: its first eight bytes are not the length of a JSON header; copy or download it again"},
  {".npy", 0, NO_LINE, "no .npy array: it does not start with \\x93NUMPY; write it again with numpy.save"},
  {".npz", 0, NO_LINE, "no .npz archive: it does not start as a zip; write it again with numpy.savez"},
};

static const char LFS_START[] = "version https://git-lfs.github.com/spec/";

static cgap_status refuse_pointer(const char *path, const char *head, cgap_error *error)
{
  const char *size = strstr(head, "\nsize ");
  unsigned long long bytes = 0;
  if (size && sscanf(size, "\nsize %llu", &bytes) == 1)
    return cgap_fail(error, CGAP_FILE, "%s: a Git LFS pointer, not the %llu bytes it points to; run `git lfs pull`",
                     path, bytes);
  return cgap_fail(error, CGAP_FILE, "%s: a Git LFS pointer, not the data; run `git lfs pull`", path);
}

/* %s in what is the name of the file, as the line's language writes it. */
static cgap_status refuse_as(const char *path, const char *what, language in, cgap_error *error)
{
  char *name = in == PYTHON ? cgap_python_string(path) : in == SHELL ? cgap_shell_word(path) : strdup("");
  if (!name)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  const char *gap = in == NO_LINE ? NULL : strstr(what, "%s");
  const int before = gap ? (int)(gap - what) : (int)strlen(what);
  const cgap_status status = cgap_fail(error, CGAP_FILE, "%s: %.*s%s%s", path, before, what, name, gap ? gap + 2 : "");
  free(name);
  return status;
}

static const char *skip_blanks(const char *at)
{
  while (isspace((unsigned char)*at))
    at++;
  return at;
}

static bool is_html(const char *head)
{
  const char *at = skip_blanks(head);
  return !strncasecmp(at, "<!doctype html", 14) || !strncasecmp(at, "<html", 5);
}

/* The kind of a text by its start, of an archive by its mark; NULL: none of these. */
static const kind *text_kind(const char *head, size_t got)
{
  static const kind TEXT[] = {
    {NULL, 0, NO_LINE, HTML}, {NULL, 0, NO_LINE, ARCHIVE}, {NULL, 0, SHELL, ANNEX}, {NULL, 0, SHELL, JSON}};
  if (is_html(head))
    return &TEXT[0];
  if (got >= TAR_MARK + 5 && !memcmp(head + TAR_MARK, "ustar", 5))
    return &TEXT[1];
  return strstr(head, ".git/annex/objects/") ? &TEXT[2] : cgap_json_starts(head) ? &TEXT[3] : NULL;
}

cgap_status cgap_refuse_unsupported(const cgap_file *file, cgap_error *error)
{
  static const char *const JOBLIB[] = {".joblib", ".pkl", ".pickle", NULL};
  char head[HEAD_BYTES + 1] = {0};
  ssize_t got = pread(file->fd, head, HEAD_BYTES, 0);
  if (got < 0)
    return cgap_fail(error, CGAP_FILE, "%s: cannot be read: %s", file->path, strerror(errno));
  if (!strncmp(head, LFS_START, sizeof LFS_START - 1))
    return refuse_pointer(file->path, head, error);
  if (file->unpacked && (!memcmp(head, "PK\3\4", 4) || !memcmp(head, "\x89HDF", 4)))
    return refuse_as(file->path, FOREIGN[GZIP].what, SHELL, error);
  for (size_t i = 0; i < sizeof FOREIGN / sizeof *FOREIGN; i++) {
    if ((size_t)got >= FOREIGN[i].length && !memcmp(head, FOREIGN[i].start, FOREIGN[i].length) &&
        !(FOREIGN[i].in == SHELL && cgap_name_ends(file->path, JOBLIB))) /* its compressors, which unpack by its name */
      return refuse_as(file->path, FOREIGN[i].what, FOREIGN[i].in, error);
  }
  const kind *text = text_kind(head, (size_t)got);
  if (text)
    return refuse_as(file->path, text->what, text->in, error);
  for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
    if (cgap_ends_with(file->path, ENDINGS[i].start))
      return refuse_as(file->path, ENDINGS[i].what, ENDINGS[i].in, error);
  }
  return cgap_fail(
    error, CGAP_FILE,
    "%s: not an HDF5 file (no signature in its %llu bytes), nor .npy, .npz, safetensors, a pickle or text "
    "with numbers (.csv, .tsv, .txt, JSON); give one of these",
    file->path, (unsigned long long)file->bytes);
}

cgap_status cgap_refuse_folder(const char *path, cgap_error *error)
{
  static const char *const ZARR_MARKS[] = {".zarray", ".zgroup", "zarr.json"};
  for (size_t i = 0; i < sizeof ZARR_MARKS / sizeof *ZARR_MARKS; i++) {
    char *mark = cgap_format("%s/%s", path, ZARR_MARKS[i]);
    const bool has = mark && access(mark, F_OK) == 0;
    free(mark);
    if (has)
      return refuse_as(path, ZARR, PYTHON, error);
  }
  return cgap_fail(error, CGAP_FILE,
                   "%s: a folder with no .npy files in it; name a file, or a folder as clip-retrieval writes it "
                   "(img_emb/, text_emb/)",
                   path);
}
