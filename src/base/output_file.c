#include "base/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text_buffer.h"

/* number 0: a write inside fprintf, whose errno is lost. */
static cgap_status fail_write(cgap_error *error, int number, const char *path)
{
  if (number)
    return cgap_fail_errno(error, number, path, "write");
  return cgap_fail(error, CGAP_RESOURCE, "%s: cannot write: a write failed; check whether the disk is full or broken",
                   path);
}

static cgap_status make_one(const char *path, cgap_error *error)
{
  struct stat there;
  if (mkdir(path, 0777) == 0)
    return CGAP_OK;
  int number = errno;
  if (stat(path, &there) == 0 && S_ISDIR(there.st_mode))
    return CGAP_OK;
  if (number == EEXIST)
    return cgap_fail(error, CGAP_FILE, "%s: is a file, not a folder; name another folder", path);
  return cgap_fail_errno(error, number, path, "make the folder");
}

/* Makes path and its parents; folder->made is the length of the first one that did not exist. */
static cgap_status make_all(cgap_folder *folder, cgap_error *error)
{
  char path[CGAP_PATH];
  struct stat there;
  size_t length = strlen(folder->path);
  for (size_t i = 1; i <= length; i++) {
    if (folder->path[i] != '/' && i < length)
      continue;
    memcpy(path, folder->path, i);
    path[i] = '\0';
    const bool existed = stat(path, &there) == 0;
    if (!existed && !folder->fresh) {
      folder->fresh = true;
      folder->made = i;
    }
    cgap_status status = make_one(path, error);
    if (status)
      return status;
  }
  return CGAP_OK;
}

/* Whether a file can be made there, by making one: access() does not know every reason why not. */
static cgap_status check_writable(const char *folder, cgap_error *error)
{
  char target[CGAP_PATH];
  cgap_temporary probe;
  cgap_error ignored;
  cgap_status status = cgap_folder_file(target, folder, "probe", error);
  if (status == CGAP_OK && cgap_temporary_create(&probe, target, NULL, &ignored) != CGAP_OK)
    return cgap_fail_errno(error, errno, folder, "write into the folder");
  if (status == CGAP_OK)
    cgap_temporary_close(&probe);
  return status;
}

cgap_status cgap_folder_open(cgap_folder *out, const char *path, cgap_error *error)
{
  *out = (cgap_folder){0};
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/')
    length--;
  if (length == 0 || length > CGAP_PATH - 256)
    return cgap_fail(error, CGAP_FILE, "the name of the output folder has %zu letters; give one of 1 to %d", length,
                     CGAP_PATH - 256);
  memcpy(out->path, path, length);
  cgap_status status = make_all(out, error);
  if (!status)
    status = check_writable(out->path, error);
  if (status)
    cgap_folder_abandon(out);
  return status;
}

cgap_status cgap_folder_open_alone(cgap_folder *out, const char *path, cgap_error *error)
{
  cgap_status status = cgap_folder_open(out, path, error);
  if (status == CGAP_OK)
    status = cgap_lock_output(out->path, true, error);
  if (status == CGAP_OK)
    status = cgap_stage_complete(out->path, error);
  if (status != CGAP_OK)
    cgap_folder_abandon(out);
  return status;
}

void cgap_folder_abandon(cgap_folder *folder)
{
  if (folder->fresh)
    cgap_lock_release(folder->path, true); /* it is in the folder */
  size_t length = strlen(folder->path);
  while (folder->fresh && length >= folder->made) {
    folder->path[length] = '\0';
    if (rmdir(folder->path) != 0 && errno != ENOENT)
      break;
    while (length > 0 && folder->path[length - 1] != '/')
      length--;
    if (length == 0)
      break;
    length--;
  }
  *folder = (cgap_folder){0};
}

cgap_status cgap_folder_file(char path[CGAP_PATH], const char *folder, const char *name, cgap_error *error)
{
  int length = snprintf(path, CGAP_PATH, "%s/%s", folder, name);
  if (length < 0 || length >= CGAP_PATH)
    return cgap_fail(error, CGAP_FILE, "%s: the name of the file is longer than %d letters; choose a shorter folder",
                     folder, CGAP_PATH - 1);
  return CGAP_OK;
}

cgap_status cgap_outfile_open(cgap_outfile *out, const char *path, cgap_error *error)
{
  *out = (cgap_outfile){.temporary.fd = -1};
  cgap_status status = cgap_temporary_create(&out->temporary, path, NULL, error);
  if (status != CGAP_OK)
    return status;
  strcpy(out->path, path);
  const int fd = fcntl(out->temporary.fd, F_DUPFD_CLOEXEC, 0); /* the stream's own, to be closed with it */
  out->stream = fd < 0 ? NULL : fdopen(fd, "wb");
  if (out->stream)
    return CGAP_OK;
  status = cgap_fail_errno(error, errno, path, "write");
  if (fd >= 0)
    (void)close(fd);
  cgap_temporary_close(&out->temporary);
  return status;
}

cgap_status cgap_outfile_close(cgap_outfile *file, bool commit, cgap_error *error)
{
  if (!file->stream)
    return CGAP_OK;
  errno = 0;
  bool sound = !ferror(file->stream);
  sound = fflush(file->stream) == 0 && sound;
  int number = errno;
  if (fclose(file->stream) != 0 && sound) {
    sound = false;
    number = errno;
  }
  file->stream = NULL;
  if (commit && sound)
    return cgap_temporary_publish(&file->temporary, file->path, error);
  cgap_temporary_close(&file->temporary);
  return commit ? fail_write(error, number, file->path) : CGAP_OK;
}

cgap_status cgap_write_file(const char *path, const char *text, size_t bytes, cgap_error *error)
{
  cgap_outfile file;
  cgap_status status = cgap_outfile_open(&file, path, error);
  if (status)
    return status;
  errno = 0;
  if (fwrite(text, 1, bytes, file.stream) != bytes) {
    int number = errno;
    cgap_error ignored;
    status = cgap_outfile_close(&file, false, &ignored);
    return fail_write(error, number, path);
  }
  return cgap_outfile_close(&file, true, error);
}

/* Where only a part fits on the disk, it is removed again, so that the file never has half a line. */
static cgap_status append_or_undo(int file, const char *bytes, size_t count, const char *path, cgap_error *error)
{
  const off_t before = lseek(file, 0, SEEK_END);
  size_t done = 0;
  int number = before < 0 ? errno : 0;
  while (!number && done < count) {
    const ssize_t written = write(file, bytes + done, count - done);
    if (written > 0)
      done += (size_t)written;
    else if (written == 0 || errno != EINTR)
      number = written == 0 ? ENOSPC : errno;
  }
  if (!number)
    return CGAP_OK;
  if (done > 0 && ftruncate(file, before) != 0)
    return cgap_fail_errno(error, errno, path, "cut back");
  return cgap_fail_errno(error, number, path, "write");
}

cgap_status cgap_append_file(const char *path, const void *bytes, size_t count, cgap_error *error)
{
  const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  cgap_status status =
    file < 0 ? cgap_fail_errno(error, errno, path, "write") : append_or_undo(file, bytes, count, path, error);
  if (file >= 0 && close(file) != 0 && status == CGAP_OK)
    status = cgap_fail_errno(error, errno, path, "write");
  return status;
}

cgap_status cgap_synchronise_file(const char *path, cgap_error *error)
{
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  cgap_status status = file < 0 && errno != ENOENT ? cgap_fail_errno(error, errno, path, "write") : CGAP_OK;
  if (file >= 0 && fsync(file) != 0 && errno != EINVAL) /* a pipe */
    status = cgap_fail_errno(error, errno, path, "write");
  if (file >= 0)
    close(file);
  return status;
}

FILE *cgap_open_regular(const char *path, const char *mode)
{
  struct stat status;
  const int fd = open(path, (strchr(mode, '+') ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  FILE *file = NULL;
  if (fd < 0)
    return NULL;
  if (fstat(fd, &status) == 0 && !S_ISREG(status.st_mode))
    errno = ESPIPE;
  else
    file = fdopen(fd, mode);
  const int number = errno;
  if (!file)
    close(fd);
  errno = number;
  return file;
}

char *cgap_read_text(const char *path, size_t *bytes)
{
  FILE *stream = cgap_open_regular(path, "rb");
  char *text = NULL;
  size_t used = 0, available = 0, got = 0;
  while (stream) {
    if (available - used < 2) {
      char *grown = realloc(text, available = available ? 2 * available : 65536);
      if (!grown)
        break;
      text = grown;
    }
    got = fread(text + used, 1, available - used - 1, stream);
    used += got;
    if (got == 0)
      break;
  }
  bool sound = stream && text && feof(stream) && !ferror(stream);
  if (stream)
    fclose(stream);
  if (!sound) {
    free(text);
    return NULL;
  }
  text[used] = '\0';
  if (bytes)
    *bytes = used;
  return text;
}

/* ---------------------------------------------------------------- unnamed file */

enum { PREAD_MAX = 1 << 30 };

static const char DOING[] = "write a temporary file there (set TMPDIR)";

const char *cgap_unnamed_file_folder(void)
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

static cgap_status fail_full(const char *folder, uint64_t bytes, uint64_t available, const char *name,
                             const char *way_out, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "%s: needs %llu bytes of disk space, %s has %llu free; %s", name,
                   (unsigned long long)bytes, folder, (unsigned long long)available, way_out);
}

/* 0, or an errno. Where the file system cannot do it, a full disk is noticed at writing; posix_fallocate would write
 * every block. */
static int reserve_disk(int fd, uint64_t bytes)
{
  while (bytes && fallocate(fd, 0, 0, (off_t)bytes) != 0)
    if (errno != EINTR)
      return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : errno;
  return 0;
}

cgap_status cgap_unnamed_file_open(int *out, uint64_t bytes, const char *name, const char *way_out, cgap_error *error)
{
  const char *folder = cgap_unnamed_file_folder();
  struct statvfs disk;
  *out = -1;
  const bool known = statvfs(folder, &disk) == 0;
  const uint64_t available = known ? (uint64_t)disk.f_bavail * disk.f_frsize : 0;
  if (known && available < bytes)
    return fail_full(folder, bytes, available, name, way_out, error);
  const int fd = open_nameless(folder);
  if (fd < 0)
    return cgap_fail_errno(error, errno, folder, DOING);
  const int why = reserve_disk(fd, bytes);
  if (why == 0) {
    *out = fd;
    return CGAP_OK;
  }
  close(fd);
  return why == ENOSPC ? fail_full(folder, bytes, available, name, way_out, error)
                       : cgap_fail_errno(error, why, folder, DOING);
}

cgap_status cgap_unnamed_file_write(int fd, const void *data, size_t count, cgap_error *error)
{
  const unsigned char *from = data;
  while (count > 0) {
    const ssize_t put = write(fd, from, count);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return cgap_fail_errno(error, errno, cgap_unnamed_file_folder(), DOING);
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

/* ---------------------------------------------------------------- json lines */

cgap_status cgap_json_line_refuse(const cgap_json_line *line, const char *what, cgap_error *error)
{
  return cgap_fail(error, CGAP_FILE,
                   "%s, line %zu: %s; only a last line without its end may be half: put the file back as it was or "
                   "correct the line, or give --force to begin again without what the folder holds",
                   line->path, line->number, what);
}

/* *value NULL with CGAP_OK: half a line, the last one. */
static cgap_status parse_line(json_t **value, cgap_json_line *line, const char *text, size_t bytes, cgap_error *error)
{
  char what[300];
  json_error_t fault;
  *value = json_loadb(text, bytes, 0, &fault);
  if (*value)
    return CGAP_OK;
  if (json_error_code(&fault) == json_error_out_of_memory)
    return cgap_fail(error, CGAP_RESOURCE, "%s, line %zu: out of memory", line->path, line->number);
  if (text[bytes - 1] != '\n')
    return CGAP_OK;
  snprintf(what, sizeof what, "no JSON (%.200s)", fault.text);
  return cgap_json_line_refuse(line, what, error);
}

cgap_status cgap_json_lines_read(const char *path,
                                 cgap_status (*read_line)(void *context, const cgap_json_line *line, cgap_error *error),
                                 void *context, uint64_t *end, cgap_error *error)
{
  cgap_json_line line = {.path = path};
  char *text = NULL;
  size_t size = 0;
  ssize_t bytes = 0;
  cgap_status status = CGAP_OK;
  *end = 0;
  FILE *file = cgap_open_regular(path, "rb");
  if (!file)
    return errno == ENOENT ? CGAP_OK : cgap_fail_read(error, errno, path);
  while (status == CGAP_OK && (errno = 0, bytes = getline(&text, &size, file)) > 0) {
    line.number++;
    line.first = *end;
    status = parse_line(&line.value, &line, text, (size_t)bytes, error);
    if (status == CGAP_OK && line.value) {
      status = read_line(context, &line, error);
      *end += (uint64_t)bytes;
    }
    json_decref(line.value);
  }
  if (status == CGAP_OK && !feof(file))
    status = errno == ENOMEM ? cgap_fail(error, CGAP_RESOURCE, "%s, line %zu: out of memory", path, line.number + 1)
                             : cgap_fail_read(error, errno, path);
  free(text);
  fclose(file);
  return status;
}

/* ---------------------------------------------------------------- cutting */

static cgap_status copy_aside(const char *path, cgap_error *error)
{
  char copy[CGAP_PATH];
  for (int k = 1;; k++) {
    if (snprintf(copy, sizeof copy, "%s.bak-%d", path, k) >= (int)sizeof copy)
      return cgap_fail(error, CGAP_FILE, "%s: its name is too long for a copy next to it", path);
    if (access(copy, F_OK) == 0)
      continue;
    size_t bytes;
    char *text = cgap_read_text(path, &bytes);
    cgap_status status = text ? cgap_write_file(copy, text, bytes, error)
                              : cgap_fail(error, CGAP_FILE, "%s: cannot be read again to be copied", path);
    free(text);
    return status;
  }
}

static bool ends_in_newline(FILE *file, uint64_t end)
{
  return end == 0 || (fseeko(file, (off_t)end - 1, SEEK_SET) == 0 && getc(file) == '\n');
}

cgap_status cgap_json_lines_cut(const char *path, uint64_t end, bool copy, cgap_error *error)
{
  struct stat facts;
  FILE *file = cgap_open_regular(path, "r+b");
  if (!file)
    return errno == ENOENT ? CGAP_OK : cgap_fail_errno(error, errno, path, "write");
  cgap_status status = CGAP_OK;
  if (fstat(fileno(file), &facts) != 0)
    status = cgap_fail_read(error, errno, path);
  if (status == CGAP_OK && copy && (uint64_t)facts.st_size > end)
    status = copy_aside(path, error);
  if (status == CGAP_OK && (uint64_t)facts.st_size > end && ftruncate(fileno(file), (off_t)end) != 0)
    status = cgap_fail_errno(error, errno, path, "cut back");
  const bool ended = ends_in_newline(file, end);
  if (fclose(file) != 0 && status == CGAP_OK)
    status = cgap_fail_errno(error, errno, path, "write");
  return status == CGAP_OK && !ended ? cgap_append_file(path, "\n", 1, error) : status;
}

/* ---------------------------------------------------------------- json memory */

static atomic_bool incomplete;

static void *allocate_noting_failure(size_t bytes)
{
  void *block = malloc(bytes);
  if (!block)
    atomic_store(&incomplete, true);
  return block;
}

void cgap_json_watch_memory(void)
{
  json_set_alloc_funcs(allocate_noting_failure, free);
}

static bool reads_back(const char *text, const json_t *json)
{
  json_t *back = json_loads(text, JSON_DECODE_ANY, NULL);
  const bool same = back && json_equal(back, json);
  json_decref(back);
  return same;
}

/* What is hidden and not ASCII as \uXXXX: outside of ASCII there are only characters of strings. Frees `text`. */
static char *escape_hidden(char *text)
{
  char *out = NULL, *to;
  size_t bytes, hidden = 0;
  uint32_t code;
  bool visible;
  for (const char *at = text; text && *at; at += bytes) {
    bytes = cgap_text_next(at, &visible, &code);
    hidden += !visible && code >= 0x7F;
  }
  if (!hidden)
    return text;
  to = out = malloc(strlen(text) + 12 * hidden + 1);
  for (const char *at = text; out && *at; at += bytes) {
    bytes = cgap_text_next(at, &visible, &code);
    if (visible || code < 0x7F)
      to = mempcpy(to, at, bytes);
    else if (code < 0x10000)
      to += sprintf(to, "\\u%04x", (unsigned)code);
    else
      to +=
        sprintf(to, "\\u%04x\\u%04x", 0xD800U + (unsigned)((code - 0x10000) >> 10), 0xDC00U + (unsigned)(code & 0x3FF));
  }
  if (out)
    *to = '\0';
  free(text);
  return out;
}

char *cgap_json_text(const json_t *json, size_t flags)
{
  char *text = escape_hidden(json ? json_dumps(json, flags) : NULL);
  if (text && (!reads_back(text, json) || atomic_load(&incomplete))) {
    free(text);
    text = NULL;
  }
  return text;
}

json_t *cgap_json_string(const char *text)
{
  static const char REPLACEMENT[] = "\xEF\xBF\xBD"; /* U+FFFD */
  if (!text)
    return json_null();
  json_t *out = json_stringn(text, strlen(text));
  char *clean = out ? NULL : malloc(3 * strlen(text) + 1), *to = clean;
  if (!clean)
    return out;
  for (size_t bytes; *text; text += bytes) {
    bool visible;
    uint32_t code;
    bytes = cgap_text_next(text, &visible, &code);
    to = code == 0xFFFD ? mempcpy(to, REPLACEMENT, 3) : mempcpy(to, text, bytes);
  }
  out = json_stringn(clean, (size_t)(to - clean));
  free(clean);
  return out;
}
