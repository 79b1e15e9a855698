/* Source: RFC 1950 (zlib) and RFC 1952 (gzip); zlib finds out which of them it is. */
#include "io/read/packed_file.h"

#include "base/memory.h"
#include "base/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <zlib.h>

enum { BLOCK_BYTES = 1 << 18, START_BYTES = 4096, EITHER_FORMAT = MAX_WBITS + 32 };

static const char *const PICKLES[] = {".joblib", ".pkl", ".pickle", ".pk", ".p", NULL};
static const char *const OTHERS[] = {".npy", ".pt",  ".pth",  ".csv",   ".tsv",    ".tab",
                                     ".txt", ".vec", ".json", ".jsonl", ".ndjson", NULL};

/* ---------------------------------------------------------------- names */

size_t cgap_unpacked_length(const char *name)
{
  const size_t length = strlen(name);
  return length > 3 && !strcasecmp(name + length - 3, ".gz")  ? length - 3
         : length > 2 && !strcasecmp(name + length - 2, ".z") ? length - 2
                                                              : length;
}

size_t cgap_stem_length(const char *name)
{
  const size_t length = cgap_unpacked_length(name);
  const char *dot = memrchr(name, '.', length);
  return dot && dot > name ? (size_t)(dot - name) : length;
}

bool cgap_name_ends(const char *path, const char *const *endings)
{
  const size_t length = cgap_unpacked_length(path);
  const char *dot = memrchr(path, '.', length);
  const size_t ending = dot ? length - (size_t)(dot - path) : 0;
  for (size_t i = 0; dot && endings[i]; i++)
    if (strlen(endings[i]) == ending && !strncasecmp(dot, endings[i], ending))
      return true;
  return false;
}

/* ---------------------------------------------------------------- bytes */

/* zlib has a checksum of its two bytes and no mark: only pickles are taken for it, as joblib writes them. */
bool cgap_packed_is(const cgap_file *file)
{
  unsigned char head[2] = {0};
  if (pread(file->fd, head, sizeof head, 0) != (ssize_t)sizeof head)
    return false;
  const bool gzip = head[0] == 0x1f && head[1] == 0x8b;
  const bool zlib = (head[0] & 0x8f) == 8 && (head[0] << 8 | head[1]) % 31 == 0 && !(head[1] & 0x20);
  return ((gzip || zlib) && cgap_name_ends(file->path, PICKLES)) || (gzip && cgap_name_ends(file->path, OTHERS));
}

size_t cgap_packed_start(unsigned char *out, size_t count, const cgap_file *file)
{
  unsigned char raw[START_BYTES];
  const ssize_t got = pread(file->fd, raw, sizeof raw, 0);
  z_stream z = {.next_in = raw, .avail_in = got > 0 ? (uInt)got : 0, .next_out = out, .avail_out = (uInt)count};
  if (!cgap_packed_is(file) || inflateInit2(&z, EITHER_FORMAT) != Z_OK)
    return 0;
  while (inflate(&z, Z_SYNC_FLUSH) == Z_STREAM_END && z.avail_in > 0 && z.avail_out > 0 && inflateReset(&z) == Z_OK)
    ; /* the next member */
  (void)inflateEnd(&z);
  return count - z.avail_out;
}

typedef struct unpacking {
  const cgap_file *file;
  int to;
  uint64_t read, written;
  unsigned char *packed, *unpacked; /* (BLOCK_BYTES) each */
  z_stream z;
  bool ended; /* a member has ended; another one may follow */
} unpacking;

static cgap_status fail_damaged(const unpacking *u, const char *what, cgap_error *error)
{
  return cgap_fail(error, CGAP_FILE, "%s: cannot be unpacked: %s before byte %llu of %llu; copy or download it again",
                   u->file->path, what, (unsigned long long)(u->read - u->z.avail_in),
                   (unsigned long long)u->file->bytes);
}

/* What inflate makes of the bytes that are there. */
static cgap_status unpack_block(unpacking *u, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  while (status == CGAP_OK && (u->z.avail_in > 0 || u->z.avail_out == 0)) {
    if (u->ended && u->z.avail_in > 0 && *u->z.next_in == 0) { /* padding */
      u->z.next_in++;
      u->z.avail_in--;
      continue;
    }
    if (u->ended && u->z.avail_in > 0 && inflateReset(&u->z) != Z_OK)
      return fail_damaged(u, "no second member", error);
    if (u->ended && u->z.avail_in == 0)
      break;
    u->ended = false;
    u->z.next_out = u->unpacked;
    u->z.avail_out = BLOCK_BYTES;
    const int code = inflate(&u->z, Z_NO_FLUSH);
    if (code == Z_MEM_ERROR)
      return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", u->file->path);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
      return fail_damaged(u, u->z.msg ? u->z.msg : "damaged", error);
    u->ended = code == Z_STREAM_END;
    const size_t here = BLOCK_BYTES - u->z.avail_out;
    status = cgap_unnamed_file_write(u->to, u->unpacked, here, error);
    u->written += here;
  }
  return status;
}

static cgap_status unpack(unpacking *u, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  u->packed = malloc(BLOCK_BYTES);
  u->unpacked = malloc(BLOCK_BYTES);
  if (!u->packed || !u->unpacked || inflateInit2(&u->z, EITHER_FORMAT) != Z_OK) {
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", u->file->path);
  } else {
    while (u->read < u->file->bytes && status == CGAP_OK) {
      const size_t here = (size_t)cgap_lesser(u->file->bytes - u->read, BLOCK_BYTES);
      status = cgap_pread_all(u->file->fd, u->read, here, u->packed, u->file->path, error);
      u->read += here;
      u->z.next_in = u->packed;
      u->z.avail_in = (uInt)here;
      if (status == CGAP_OK)
        status = unpack_block(u, error);
    }
    if (status == CGAP_OK && !u->ended)
      status = fail_damaged(u, "it is cut short", error);
    (void)inflateEnd(&u->z);
  }
  free(u->packed);
  free(u->unpacked);
  return status;
}

cgap_status cgap_packed_open(cgap_file *file, cgap_file *owner, cgap_error *error)
{
  static const char WAY_OUT[] = "set TMPDIR to a larger place, or unpack the file";
  cgap_status status = CGAP_OK;
  if (owner->gathered < 0)
    status = cgap_unnamed_file_open(&owner->gathered, 0, file->path, WAY_OUT, error);
  unpacking u = {.file = file, .to = owner->gathered};
  if (status == CGAP_OK)
    status = unpack(&u, error);
  const int fd = status == CGAP_OK ? fcntl(owner->gathered, F_DUPFD_CLOEXEC, 0) : -1;
  if (status != CGAP_OK)
    return status;
  if (fd < 0)
    return cgap_fail(error, CGAP_RESOURCE, "%s: cannot be opened: %s", file->path, strerror(errno));
  close(file->fd);
  file->fd = fd;
  file->unpacked = true;
  file->start = owner->gathered_bytes;
  file->bytes = u.written;
  owner->gathered_bytes += u.written;
  return CGAP_OK;
}
