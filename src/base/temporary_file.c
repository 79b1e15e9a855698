#include "base/temporary_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum { TRIES_MAX = 100, WHO_BYTES = 200 };

/* ---------------------------------------------------------------- failures */

static bool is_one_of(int number, const int *numbers, size_t count)
{
  for (size_t k = 0; k < count; k++)
    if (number == numbers[k])
      return true;
  return false;
}

static bool is_shortage(int number)
{
  static const int SHORTAGES[] = {EMFILE, ENFILE, ENOMEM, ENOLCK};
  return is_one_of(number, SHORTAGES, sizeof SHORTAGES / sizeof *SHORTAGES);
}

static cgap_status fail_shortage(cgap_error *error, int number, const char *path, const char *doing)
{
  const bool files = number == EMFILE || number == ENFILE;
  return cgap_fail(error, CGAP_RESOURCE, "%s: cannot %s: %s; %s", path, doing, strerror(number),
                   files ? "raise the limit (ulimit -n)" : "close other programs");
}

cgap_status cgap_fail_errno(cgap_error *error, int number, const char *path, const char *doing)
{
  static const int FULL[] = {ENOSPC, EDQUOT, EFBIG}, BROKEN[] = {EIO, EINTR, ESTALE, ETIMEDOUT, ENXIO, ENODEV};
  if (is_shortage(number))
    return fail_shortage(error, number, path, doing);
  if (is_one_of(number, FULL, sizeof FULL / sizeof *FULL))
    return cgap_fail(error, CGAP_RESOURCE, "%s: cannot %s: %s; free some space or choose another place", path, doing,
                     strerror(number));
  if (is_one_of(number, BROKEN, sizeof BROKEN / sizeof *BROKEN))
    return cgap_fail(error, CGAP_RESOURCE, "%s: cannot %s: %s; check the disk or choose another place", path, doing,
                     strerror(number));
  return cgap_fail(error, CGAP_FILE, "%s: cannot %s: %s; choose another place or change its rights", path, doing,
                   strerror(number));
}

cgap_status cgap_fail_read(cgap_error *error, int number, const char *path)
{
  if (is_shortage(number))
    return fail_shortage(error, number, path, "read");
  if (number == ESPIPE) /* cgap_open_regular */
    return cgap_fail(error, CGAP_FILE, "%s: not a regular file; give one", path);
  return cgap_fail(error, CGAP_FILE, "%s: cannot read: %s; check its rights and the disk", path, strerror(number));
}

/* ---------------------------------------------------------------- list */

static cgap_temporaries *list; /* NULL: a library, which is not asked what it left */

void cgap_temporaries_watch(cgap_temporaries *own)
{
  list = own;
}

/* Takes over `path`, from malloc. */
static bool list_path(char *path)
{
  for (int k = 0; path && list && k < CGAP_TEMPORARIES_MAX; k++) {
    char *none = NULL;
    if (atomic_compare_exchange_strong(&list->path[k], &none, path))
      return true;
  }
  free(path);
  return path && !list;
}

static void unlist_path(const char *path)
{
  for (int k = 0; list && k < CGAP_TEMPORARIES_MAX; k++) {
    char *there = atomic_load(&list->path[k]);
    if (there && strcmp(there, path) == 0 && atomic_compare_exchange_strong(&list->path[k], &there, NULL)) {
      free(there);
      return;
    }
  }
}

void cgap_temporaries_remove_all(void)
{
  for (int k = 0; list && k < CGAP_TEMPORARIES_MAX; k++) {
    const char *there = atomic_exchange(&list->path[k], NULL); /* never freed: nothing is, here */
    if (there)
      (void)unlink(there);
  }
}

/* ---------------------------------------------------------------- names */

uint64_t cgap_temporary_token(void)
{
  struct timespec now = {0};
  uint64_t token;
  if (getrandom(&token, sizeof token, GRND_NONBLOCK) == (ssize_t)sizeof token)
    return token;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  const uint64_t words[] = {(uint64_t)now.tv_sec, (uint64_t)now.tv_nsec, (uint64_t)getpid()};
  return XXH3_64bits(words, sizeof words);
}

static const char *name_of(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* What begins the names of all temporary files of one target. */
static void mark_of(char out[40], const char *path)
{
  const char *name = name_of(path);
  snprintf(out, 40, ".contragap-%016" PRIx64 ".", (uint64_t)XXH3_64bits(name, strlen(name)));
}

void cgap_temporary_name(char out[CGAP_TEMPORARY], const char *path, uint64_t token, const char *ending)
{
  char mark[40];
  mark_of(mark, path);
  snprintf(out, CGAP_TEMPORARY, "%.*s%s%016" PRIx64 ".tmp%s", (int)(name_of(path) - path), path, mark, token, ending);
}

static void folder_of(char out[CGAP_PATH], const char *path)
{
  const size_t length = (size_t)(name_of(path) - path);
  snprintf(out, CGAP_PATH, "%.*s", length ? (int)length : 1, length ? path : ".");
}

/* ---------------------------------------------------------------- locks on files */

typedef enum lock_state {
  LOCK_OWN,
  LOCK_HELD,   /* by another process */
  LOCK_GONE,   /* the file has lost its name meanwhile */
  LOCK_UNKNOWN /* the file system has no locks */
} lock_state;

static lock_state take_lock(int fd, const char *path)
{
  struct stat here, there;
  int code;
  while ((code = flock(fd, LOCK_EX | LOCK_NB)) != 0 && errno == EINTR)
    continue;
  if (code != 0)
    return errno == EWOULDBLOCK ? LOCK_HELD : LOCK_UNKNOWN;
  const bool same =
    fstat(fd, &here) == 0 && lstat(path, &there) == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino;
  return same ? LOCK_OWN : LOCK_GONE;
}

/* Removes what killed processes left of the target. */
static void remove_leftovers(const char *path)
{
  char folder[CGAP_PATH], mark[40], left[CGAP_PATH + 300];
  folder_of(folder, path);
  mark_of(mark, path);
  DIR *entries = opendir(folder);
  for (const struct dirent *entry; entries && (entry = readdir(entries));) {
    if (strncmp(entry->d_name, mark, strlen(mark)) != 0 || !strstr(entry->d_name, ".tmp") ||
        snprintf(left, sizeof left, "%s/%s", folder, entry->d_name) >= (int)sizeof left)
      continue;
    const int fd = open(left, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && take_lock(fd, left) == LOCK_OWN)
      (void)unlink(left);
    if (fd >= 0)
      (void)close(fd);
  }
  if (entries)
    closedir(entries);
}

/* ---------------------------------------------------------------- temporary files */

/* A new file of this name, locked. 0 or an errno; EAGAIN: another process took it for left, in the moment before it was
 * locked. */
static int create_locked(cgap_temporary *out)
{
  if (!list_path(strdup(out->path)))
    return EMFILE;
  while ((out->fd = open(out->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666)) < 0 && errno == EINTR)
    continue;
  if (out->fd < 0) {
    const int number = errno;
    unlist_path(out->path);
    return number;
  }
  const lock_state state = take_lock(out->fd, out->path);
  if (state == LOCK_OWN || state == LOCK_UNKNOWN)
    return 0;
  cgap_temporary_close(out);
  return EAGAIN;
}

cgap_status cgap_temporary_create(cgap_temporary *out, const char *path, const char *as, cgap_error *error)
{
  *out = (cgap_temporary){.fd = -1};
  if (strlen(path) >= CGAP_PATH)
    return cgap_fail(error, CGAP_FILE, "%s: the name is longer than %d bytes; choose a shorter one", path,
                     CGAP_PATH - 1);
  remove_leftovers(path);
  int number = EEXIST;
  for (int try = 0; try < TRIES_MAX && (number == EAGAIN || (number == EEXIST && !(as && try))); try++) {
    if (as)
      snprintf(out->path, sizeof out->path, "%s", as);
    else
      cgap_temporary_name(out->path, path, cgap_temporary_token(), "");
    number = create_locked(out);
  }
  const cgap_status status = number ? cgap_fail_errno(error, number, path, "write") : CGAP_OK;
  errno = number;
  return status;
}

int cgap_synchronise_folder(const char *path)
{
  char folder[CGAP_PATH];
  folder_of(folder, path);
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) /* one that may be written and not read */
    return 0;
  int number = fsync(fd) == 0 ? 0 : errno;
  (void)close(fd);
  return number == EINVAL || number == EBADF || number == EROFS || number == ENOTSUP ? 0 : number; /* cannot be */
}

cgap_status cgap_temporary_publish(cgap_temporary *file, const char *path, cgap_error *error)
{
  int number = fsync(file->fd) == 0 ? 0 : errno;
  if (!number && rename(file->path, path) != 0)
    number = errno;
  if (number) {
    cgap_temporary_close(file);
    return cgap_fail_errno(error, number, path, "write");
  }
  unlist_path(file->path);
  file->path[0] = '\0';
  number = cgap_synchronise_folder(path);
  cgap_temporary_close(file);
  return number ? cgap_fail_errno(error, number, path, "write") : CGAP_OK;
}

void cgap_temporary_close(cgap_temporary *file)
{
  if (file->fd < 0)
    return;
  if (file->path[0]) {
    (void)unlink(file->path);
    unlist_path(file->path);
  }
  (void)close(file->fd);
  *file = (cgap_temporary){.fd = -1};
}

/* ---------------------------------------------------------------- lock files */

/* The last lock of the list. */
static void remove_last_lock(void)
{
  const cgap_output_lock lock = list->lock[--list->lock_count];
  (void)unlink(lock.path); /* before it is free: else another's could go */
  unlist_path(lock.path);
  (void)close(lock.fd);
}

void cgap_locks_remove(void)
{
  while (list && list->lock_count > 0)
    remove_last_lock();
}

static cgap_status fail_taken(int fd, const char *lock, const char *path, cgap_error *error)
{
  char who[WHO_BYTES] = "";
  const ssize_t bytes = pread(fd, who, sizeof who - 1, 0);
  who[bytes > 0 ? bytes : 0] = '\0';
  who[strcspn(who, "\n")] = '\0';
  return cgap_fail(error, CGAP_FILE, "%s: %s is writing there (%s is locked); wait for its end, or name another output",
                   path, who[0] ? who : "another process", lock);
}

/* The lock counts, the line is for people. */
static void write_owner(int fd)
{
  char machine[100] = "", who[WHO_BYTES];
  (void)gethostname(machine, sizeof machine - 1);
  const int length = snprintf(who, sizeof who, "process %ld on %.90s\n", (long)getpid(), machine);
  if (ftruncate(fd, 0) != 0 || pwrite(fd, who, (size_t)length, 0) < 0)
    return;
}

static void lock_name(char out[CGAP_TEMPORARY], const char *given, bool folder)
{
  char path[CGAP_PATH];
  size_t length = strlen(given) < CGAP_PATH ? strlen(given) : CGAP_PATH - 1;
  while (length > 1 && given[length - 1] == '/') /* pairs/ is pairs */
    length--;
  memcpy(path, given, length);
  path[length] = '\0';
  char mark[40];
  mark_of(mark, path);
  if (folder)
    snprintf(out, CGAP_TEMPORARY, "%s/.contragap.lock", path);
  else
    snprintf(out, CGAP_TEMPORARY, "%.*s%slock", (int)(name_of(path) - path), path, mark);
}

cgap_status cgap_lock_output(const char *path, bool folder, cgap_error *error)
{
  char lock[CGAP_TEMPORARY];
  cgap_status status = CGAP_OK;
  lock_state state = LOCK_GONE; /* as a lock is whose owner ends between open and lock */
  lock_name(lock, path, folder);
  for (int try = 0; try < TRIES_MAX && state == LOCK_GONE && list && list->lock_count < CGAP_LOCKS_MAX; try++) {
    char *own = strdup(lock); /* before there is a file: where memory ends the program, none is left */
    const int fd = open(lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    state = fd < 0 ? LOCK_UNKNOWN : take_lock(fd, lock);
    if (state == LOCK_OWN && list_path(own)) {
      list->lock[list->lock_count++] = (cgap_output_lock){fd, own};
      write_owner(fd);
      return CGAP_OK;
    }
    if (state != LOCK_OWN)
      free(own);
    if (state == LOCK_HELD)
      status = fail_taken(fd, lock, path, error);
    else if (fd >= 0 && state != LOCK_GONE)
      (void)unlink(lock);
    if (fd >= 0)
      (void)close(fd);
  }
  return status;
}

void cgap_lock_release(const char *path, bool folder)
{
  char lock[CGAP_TEMPORARY];
  lock_name(lock, path, folder);
  for (int k = 0; list && k < list->lock_count; k++)
    if (strcmp(list->lock[k].path, lock) == 0) {
      const cgap_output_lock own = list->lock[k];
      list->lock[k] = list->lock[list->lock_count - 1];
      list->lock[list->lock_count - 1] = own;
      remove_last_lock();
      return;
    }
}

void cgap_lock_remove_left(const char *path, bool folder)
{
  char lock[CGAP_TEMPORARY];
  lock_name(lock, path, folder);
  const int fd = open(lock, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd >= 0 && take_lock(fd, lock) == LOCK_OWN)
    (void)unlink(lock);
  if (fd >= 0)
    (void)close(fd);
}
