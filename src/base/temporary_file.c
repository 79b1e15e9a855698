#include "base/temporary_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdalign.h>
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

#include "base/text_buffer.h"

enum { TRIES_MAX = 100, WHO_BYTES = 200 };
enum { LIST_FULL = ENOBUFS }; /* an errno that no call on files has */

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
  static const int SHORTAGES[] = {EMFILE, ENFILE, ENOMEM, ENOLCK, LIST_FULL};
  return is_one_of(number, SHORTAGES, sizeof SHORTAGES / sizeof *SHORTAGES);
}

static cgap_status fail_shortage(cgap_error *error, int number, const char *path, const char *doing)
{
  const bool files = number == EMFILE || number == ENFILE;
  if (number == LIST_FULL)
    return cgap_fail(error, CGAP_RESOURCE,
                     "%s: cannot %s: %d outputs are being written at the moment; wait for their end", path, doing,
                     CGAP_TEMPORARIES_MAX);
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

enum { DEPTH_MAX = 3, PASSES_MAX = 4, ENTRIES_BYTES = 4096 };

static void remove_tree(int parent, const char *name, int depth);

/* One pass; whether there was anything. getdents64, as readdir would allocate. */
static bool remove_entries(int folder, int depth)
{
  alignas(struct dirent64) char entries[ENTRIES_BYTES];
  bool any = false;
  ssize_t bytes;
  if (lseek(folder, 0, SEEK_SET) < 0)
    return false;
  while ((bytes = getdents64(folder, entries, sizeof entries)) > 0)
    for (ssize_t at = 0; at < bytes;) {
      const struct dirent64 *entry = (const struct dirent64 *)(void *)(entries + at);
      at += entry->d_reclen;
      if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        continue;
      any = true;
      if (unlinkat(folder, entry->d_name, 0) != 0)
        remove_tree(folder, entry->d_name, depth + 1);
    }
  return any;
}

/* A folder of the program's own with all that is in it. Allocates nothing. */
static void remove_tree(int parent, const char *name, int depth)
{
  const int folder = depth < DEPTH_MAX ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
  if (folder < 0)
    return;
  for (int pass = 0; pass < PASSES_MAX && remove_entries(folder, depth); pass++)
    continue;
  (void)close(folder);
  (void)unlinkat(parent, name, AT_REMOVEDIR);
}

void cgap_temporaries_remove_all(void)
{
  for (int k = 0; list && k < CGAP_TEMPORARIES_MAX; k++) {
    const char *there = atomic_exchange(&list->path[k], NULL); /* never freed: nothing is, here */
    if (there && unlink(there) != 0)
      remove_tree(AT_FDCWD, there, 0);
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
  char *own = strdup(out->path);
  if (!own)
    return ENOMEM;
  if (!list_path(own))
    return LIST_FULL;
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

/* 0 or an errno. */
static int synchronise(int folder)
{
  if (fsync(folder) == 0 || errno == EINVAL || errno == EBADF || errno == EROFS || errno == ENOTSUP) /* cannot be */
    return 0;
  return errno;
}

void cgap_temporary_unlock(const cgap_temporary *file)
{
  (void)flock(file->fd, LOCK_UN);
}

int cgap_synchronise_folder(const char *path)
{
  char folder[CGAP_PATH];
  folder_of(folder, path);
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) /* one that may be written and not read */
    return 0;
  const int number = synchronise(fd);
  (void)close(fd);
  return number;
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

/* ---------------------------------------------------------------- stages */

static const char NEW[] = "/.contragap-new", READY[] = "/.contragap-ready", FIGURES[] = "figures";

static cgap_status name_stage(char out[CGAP_PATH], const char *folder, const char *stage, cgap_error *error)
{
  if (snprintf(out, CGAP_PATH, "%s%s", folder, stage) < CGAP_PATH)
    return CGAP_OK;
  return cgap_fail(error, CGAP_FILE, "%s: the name is too long; choose a shorter folder", folder);
}

cgap_status cgap_stage_open(cgap_stage *out, const char *folder, cgap_error *error)
{
  *out = (cgap_stage){0};
  cgap_status status = name_stage(out->path, folder, NEW, error);
  if (status == CGAP_OK)
    status = cgap_stage_complete(folder, error);
  int number = 0;
  if (status == CGAP_OK && !list_path(strdup(out->path)))
    number = LIST_FULL;
  else if (status == CGAP_OK && mkdir(out->path, 0777) != 0) {
    number = errno;
    unlist_path(out->path);
  }
  if (number == EEXIST) /* a file, or a link: a folder would have been removed */
    status = cgap_fail(error, CGAP_FILE, "%s: no folder; remove it, the files of a run are collected under this name",
                       out->path);
  else if (number)
    status = cgap_fail_errno(error, number, folder, "write into the folder");
  if (status != CGAP_OK)
    out->path[0] = '\0';
  snprintf(out->folder, sizeof out->folder, "%s", folder);
  return status;
}

/* An empty folder in the place of a file says that the file is to go: it needs no list, and can be done twice. */
cgap_status cgap_stage_remove(const cgap_stage *stage, const char *name, cgap_error *error)
{
  char old[CGAP_PATH], mark[CGAP_PATH], parent[CGAP_PATH + sizeof FIGURES];
  struct stat facts;
  if (snprintf(old, sizeof old, "%s/%s", stage->folder, name) >= (int)sizeof old || lstat(old, &facts) != 0 ||
      S_ISDIR(facts.st_mode) || snprintf(mark, sizeof mark, "%s/%s", stage->path, name) >= (int)sizeof mark)
    return CGAP_OK;
  snprintf(parent, sizeof parent, "%s/%s", stage->path, FIGURES);
  if (strchr(name, '/') && mkdir(parent, 0777) != 0 && errno != EEXIST)
    return cgap_fail_errno(error, errno, old, "remove");
  return mkdir(mark, 0777) == 0 || errno == EEXIST ? CGAP_OK : cgap_fail_errno(error, errno, old, "remove");
}

/* What is done with an entry of the stage, open as `from`, for the folder, open as `to`. 0 or an errno. */
typedef int (*stage_step)(int from, int to, const char *name);

static int move_entry(int from, int to, const char *name);

static int open_folder(int parent, const char *name)
{
  return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A folder of the program's own: no link, which could lead to the user's files. */
static int open_own(int parent, const char *name)
{
  return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* In a folder of which entries move away a list may miss some, as on NFS: it is read until there are none. */
static int visit_entries(int from, int to, stage_step step)
{
  const int again = open_folder(from, "."); /* closed with the list */
  DIR *entries = again < 0 ? NULL : fdopendir(again);
  int number = entries ? 0 : errno;
  if (again >= 0 && !entries)
    (void)close(again);
  bool any = !number;
  for (int pass = 0; !number && any && pass < (step == move_entry ? PASSES_MAX : 1); pass++) {
    any = false;
    rewinddir(entries);
    for (const struct dirent *entry; !number && (entry = readdir(entries));)
      if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
        any = true;
        number = step(from, to, entry->d_name);
      }
  }
  if (entries)
    closedir(entries);
  return number;
}

/* Whether a file can be renamed from one folder to the other. 0 or an errno. */
static int check_rename(int from, int to)
{
  struct stat here, there;
  if (fstat(from, &here) != 0 || fstat(to, &there) != 0)
    return errno;
  if (here.st_dev != there.st_dev)
    return EXDEV;
  return faccessat(to, ".", W_OK | X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

/* The same for the entries of the folder `figures` in both. The one in the place may be a link of the user's. */
static int visit_figures(int from, int to, stage_step step)
{
  const int figures = open_own(from, FIGURES), place = figures < 0 ? -1 : open_folder(to, FIGURES);
  int number = place < 0 ? errno : check_rename(figures, place);
  if (!number)
    number = visit_entries(figures, place, step);
  if (!number)
    number = synchronise(place);
  if (!number)
    number = synchronise(figures);
  if (figures >= 0)
    (void)close(figures);
  if (place >= 0)
    (void)close(place);
  return number;
}

static int refuse_entry(int from, int to, const char *name)
{
  (void)from;
  (void)to;
  (void)name;
  return ENOTEMPTY;
}

/* Whether it is a mark of cgap_stage_remove, an empty folder. 0 or an errno. */
static int check_mark(int from, const char *name)
{
  const int mark = open_own(from, name);
  const int number = mark < 0 ? errno : visit_entries(mark, -1, refuse_entry);
  if (mark >= 0)
    (void)close(mark);
  return number;
}

/* Whether all can take their places: else nothing begins to move. */
static int check_place(int from, int to, const char *name)
{
  struct stat own, facts;
  const bool figures = strcmp(name, FIGURES) == 0;
  if (fstatat(from, name, &own, AT_SYMLINK_NOFOLLOW) != 0)
    return errno;
  const int number = S_ISDIR(own.st_mode) && !figures ? check_mark(from, name) : 0;
  if (number)
    return number;
  if (fstatat(to, name, &facts, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? 0 : errno;
  if (figures)
    return visit_figures(from, to, check_place);
  return S_ISDIR(facts.st_mode) ? EISDIR : 0;
}

static int move_entry(int from, int to, const char *name)
{
  struct stat facts;
  if (fstatat(from, name, &facts, AT_SYMLINK_NOFOLLOW) != 0)
    return errno;
  if (!S_ISDIR(facts.st_mode))
    return renameat(from, name, to, name) == 0 ? 0 : errno;
  int number = 0;
  if (strcmp(name, FIGURES) == 0) {
    number = mkdirat(to, name, 0777) == 0 || errno == EEXIST ? visit_figures(from, to, move_entry) : errno;
    if (!number)
      (void)unlinkat(to, name, AT_REMOVEDIR); /* where the old run alone had figures */
  } else {
    number = check_mark(from, name); /* before the file goes; the mark itself last, as this may be done twice */
    if (!number && unlinkat(to, name, 0) != 0 && errno != ENOENT)
      number = errno;
  }
  return number || unlinkat(from, name, AT_REMOVEDIR) == 0 ? number : errno;
}

static cgap_status fail_stage(cgap_error *error, int number, const char *folder)
{
  if (number == EISDIR)
    return cgap_fail(error, CGAP_FILE, "%s: a folder in it has the name of a file that is to be written; move it away",
                     folder);
  if (number == EXDEV)
    return cgap_fail(error, CGAP_FILE,
                     "%s/figures is on another file system, from where its files cannot be replaced together with the "
                     "others; move it away, or name another folder",
                     folder);
  return cgap_fail_errno(error, number, folder, "replace the files there");
}

/* Without the line every later command would end in the same way. */
static cgap_status fail_ready(cgap_error *error, int number, const char *folder)
{
  const cgap_status status = cgap_fail_errno(error, number, folder, "replace the files there");
  if (status != CGAP_FILE)
    return status;
  return cgap_fail(error, CGAP_FILE,
                   "%s: what the run before left cannot take its place: %s; remove %s%s and give the command again",
                   folder, number == ENOTDIR ? "it is no folder" : strerror(number), folder, READY);
}

/* Visits the entries of the stage `from`, a name in `to`. 0 or an errno. */
static int visit_stage(int to, const char *name, stage_step step)
{
  const int from = to < 0 ? -1 : open_own(to, name);
  int number = from < 0 ? errno : visit_entries(from, to, step);
  if (!number)
    number = synchronise(step == move_entry ? to : from);
  if (from >= 0)
    (void)close(from);
  return number;
}

/* Moves all of .contragap-ready to its place. 0 or an errno. */
static int move_ready(const char *folder)
{
  const int to = open_folder(AT_FDCWD, folder);
  int number = visit_stage(to, READY + 1, move_entry);
  if (!number && unlinkat(to, READY + 1, AT_REMOVEDIR) != 0)
    number = errno;
  if (to >= 0)
    (void)close(to);
  return number;
}

/* Before .contragap-new is called ready, or what was left in that begins to move. 0 or an errno. */
static int check_places(const char *folder, const char *stage)
{
  const int to = open_folder(AT_FDCWD, folder);
  const int number = visit_stage(to, stage + 1, check_place);
  if (to >= 0)
    (void)close(to);
  return number;
}

static void discard_stage(cgap_stage *stage)
{
  remove_tree(AT_FDCWD, stage->path, 0);
  unlist_path(stage->path);
  stage->path[0] = '\0';
}

cgap_status cgap_stage_close(cgap_stage *stage, bool commit, cgap_error *error)
{
  char ready[CGAP_TEMPORARY];
  if (!stage->path[0])
    return CGAP_OK;
  int number = commit ? check_places(stage->folder, NEW) : 0;
  snprintf(ready, sizeof ready, "%s%s", stage->folder, READY);
  if (commit && !number && rename(stage->path, ready) != 0)
    number = errno;
  if (!commit || number) {
    discard_stage(stage);
    return number ? fail_stage(error, number, stage->folder) : CGAP_OK;
  }
  unlist_path(stage->path);
  stage->path[0] = '\0';
  number = cgap_synchronise_folder(ready);
  number = number ? number : move_ready(stage->folder);
  return number ? fail_ready(error, number, stage->folder) : CGAP_OK;
}

cgap_status cgap_stage_complete(const char *folder, cgap_error *error)
{
  char path[CGAP_TEMPORARY];
  struct stat facts;
  snprintf(path, sizeof path, "%s%s", folder, NEW);
  remove_tree(AT_FDCWD, path, 0);
  snprintf(path, sizeof path, "%s%s", folder, READY);
  if (lstat(path, &facts) != 0)
    return CGAP_OK;
  int number = S_ISDIR(facts.st_mode) && facts.st_uid != geteuid() ? EPERM : 0; /* one that others made is not ours */
  number = number ? number : check_places(folder, READY);
  number = number ? number : move_ready(folder);
  return number ? fail_ready(error, number, folder) : CGAP_OK;
}

cgap_status cgap_stage_check(const char *folder, cgap_error *error)
{
  char path[CGAP_TEMPORARY], waiting[NAME_MAX + 1] = "";
  for (int level = 0; level < 2; level++) {
    snprintf(path, sizeof path, "%s%s%s", folder, READY, level ? "/figures" : "");
    const int left = open_own(AT_FDCWD, path);
    DIR *entries = left < 0 ? NULL : fdopendir(left);
    if (left < 0) /* none, or a link, whose files are the user's */
      break;
    if (!entries)
      (void)close(left);
    for (const struct dirent *entry; entries && (entry = readdir(entries));)
      if (entry->d_name[0] != '.' && strcmp(entry->d_name, FIGURES) != 0)
        snprintf(waiting, sizeof waiting, "%s", entry->d_name);
    if (entries)
      closedir(entries);
  }
  if (!waiting[0])
    return CGAP_OK;
  char *word = cgap_shell_word(folder);
  const cgap_status status = cgap_fail(error, CGAP_FILE,
                                       "%s: holds files of two runs: %s is still the earlier run's: the command that "
                                       "replaced it was ended; `contragap plot %s` replaces the rest",
                                       folder, waiting, word ? word : folder);
  free(word);
  return status;
}

void cgap_stage_hide(char *message)
{
  const size_t length = strlen(NEW);
  for (char *at; (at = strstr(message, NEW));)
    memmove(at, at + length, strlen(at + length) + 1);
}
