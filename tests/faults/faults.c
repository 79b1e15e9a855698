/* A library for LD_PRELOAD that makes one call of the program fail: an allocation, or a call that opens, reads, writes
 * or closes a file. A call is known by its kind and its path, a hash of the functions that lead to it, so that the same
 * one is found again in another run whatever threads do and wherever modules are loaded.
 *
 *   FAULTS_LOG=FILE                     where lines are appended: "site KIND PATH FRAMES…" for each path that is new
 *   FAULTS_PLAN="KIND PATH HOW TIMES"   makes that call fail; the log then has "hit KIND PATH FRAMES…" alone.
 *                                       HOW: an errno, or "short": half of the bytes. TIMES: "once", or "on": from the
 *                                       call on all of its kind fail
 *   FAULTS_PLAN="KIND 0 kill N"         ends the program by SIGKILL before the N-th call of this kind
 *   FAULTS_DEPTH=N                      frames that make a path; at most 32
 *
 * Calls count from main on, in the program named contragap alone: not in what it starts. Streams of stdio make their
 * calls inside libc, where none is seen; so fopen gives streams whose reads and writes come back here, and stdout is
 * such a stream too. stderr never fails: without it there would be no line to judge. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

enum { DEPTH_MAX = 32, SITES_MAX = 1 << 16, STREAMS_MAX = 256, SHORT = -1, KILL = -2 };

typedef enum kind { MEMORY, OPEN, READ, PREAD, WRITE, PWRITE, FSYNC, RENAME, FTRUNCATE, FALLOCATE, CLOSE, KINDS } kind;
static const char *const NAMES[KINDS] = {"memory", "open",   "read",      "pread",     "write", "pwrite",
                                         "fsync",  "rename", "ftruncate", "fallocate", "close"};

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

static atomic_bool armed;
static _Thread_local __attribute__((tls_model("initial-exec"))) bool inside;
static const char *log_path;
static int depth = 16;
static struct {
  bool is_set, goes_on;
  kind which;
  uint64_t path;
  int how; /* errno, SHORT or KILL */
  long number;
} plan;
static atomic_long calls;
static atomic_bool fired;
static _Atomic uint64_t seen[SITES_MAX];

/* ---------------------------------------------------------------- paths */

typedef struct trace {
  uintptr_t at[DEPTH_MAX];
  int count;
} trace;

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *to)
{
  trace *t = to;
  const uintptr_t at = _Unwind_GetIP(context);
  if (at && t->count < depth)
    t->at[t->count++] = at;
  return at && t->count < depth ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static const char *module_of(uintptr_t at, uintptr_t *offset)
{
  struct dl_find_object found;
  *offset = at;
  if (_dl_find_object((void *)at, &found) != 0)
    return "?";
  *offset = at - found.dlfo_link_map->l_addr;
  const char *name = found.dlfo_link_map->l_name, *slash = strrchr(name, '/');
  return *name ? slash ? slash + 1 : name : "contragap";
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
  return (hash ^ value) * 0x100000001b3u;
}

/* Frames of this library do not count: those of the wrapper and of what is above. */
static uint64_t hash_of(const trace *t, kind which)
{
  uint64_t hash = mix(0xcbf29ce484222325u, which + 1);
  for (int k = 0; k < t->count; k++) {
    uintptr_t offset;
    const char *name = module_of(t->at[k], &offset);
    if (strncmp(name, "libfaults", 9) == 0)
      continue;
    while (*name)
      hash = mix(hash, (unsigned char)*name++);
    hash = mix(hash, offset);
  }
  return hash ^ hash >> 32;
}

static void write_log(const char *word, kind which, uint64_t path, const trace *t)
{
  char line[4096];
  int length = snprintf(line, sizeof line, "%s %s %016lx", word, NAMES[which], path);
  for (int k = 0; k < t->count && length < (int)sizeof line - 200; k++) {
    uintptr_t offset;
    const char *name = module_of(t->at[k], &offset);
    if (strncmp(name, "libfaults", 9) != 0)
      length += snprintf(line + length, 200, " %.100s+%#lx", name, offset);
  }
  line[length++] = '\n';
  const long file = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0 || syscall(SYS_write, file, line, length) != length)
    _exit(99);
  syscall(SYS_close, file);
}

static bool is_new(uint64_t path)
{
  for (size_t k = path % SITES_MAX;; k = (k + 1) % SITES_MAX) {
    uint64_t there = 0;
    if (atomic_compare_exchange_strong(&seen[k], &there, path))
      return true;
    if (there == path)
      return false;
  }
}

static int failure_at(kind which)
{
  if (plan.how == KILL) {
    if (plan.which == which && atomic_fetch_add(&calls, 1) + 1 == plan.number)
      (void)raise(SIGKILL);
    return 0;
  }
  if (plan.is_set && (plan.which != which || (atomic_load(&fired) && !plan.goes_on)))
    return 0;
  if (plan.is_set && atomic_load(&fired))
    return plan.how;
  trace t = {.count = 0};
  _Unwind_Backtrace(note_frame, &t);
  const uint64_t path = hash_of(&t, which);
  if (!plan.is_set) {
    if (is_new(path))
      write_log("site", which, path, &t);
    return 0;
  }
  if (path != plan.path || atomic_exchange(&fired, true))
    return 0;
  write_log("hit", which, path, &t);
  return plan.how;
}

/* 0: the call is made. SHORT, or an errno, which is set: it is not. */
static int failure(kind which)
{
  if (!atomic_load_explicit(&armed, memory_order_relaxed) || inside)
    return 0;
  const int before = errno;
  inside = true;
  const int how = failure_at(which);
  inside = false;
  errno = how > 0 ? how : before;
  return how;
}

static bool fails(kind which)
{
  return failure(which) != 0;
}

/* ---------------------------------------------------------------- memory */

void *malloc(size_t bytes)
{
  return fails(MEMORY) ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t size)
{
  return fails(MEMORY) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t bytes)
{
  return fails(MEMORY) ? NULL : __libc_realloc(block, bytes);
}

void *memalign(size_t alignment, size_t bytes)
{
  return fails(MEMORY) ? NULL : __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
  return fails(MEMORY) ? NULL : __libc_memalign(alignment, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes)
{
  const int before = errno;
  void *block = fails(MEMORY) ? NULL : __libc_memalign(alignment, bytes);
  errno = before;
  if (!block)
    return ENOMEM;
  *out = block;
  return 0;
}

/* ---------------------------------------------------------------- files */

int openat(int folder, const char *path, int flags, ...)
{
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return fails(OPEN) ? -1 : (int)syscall(SYS_openat, folder, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return fails(OPEN) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int mkostemp(char *name, int flags)
{
  int (*real)(char *, int);
  *(void **)&real = dlsym(RTLD_NEXT, "mkostemp");
  return fails(OPEN) ? -1 : real(name, flags);
}

static size_t shortened(size_t bytes, int how)
{
  return how == SHORT && bytes > 1 ? bytes / 2 : bytes;
}

ssize_t read(int file, void *out, size_t bytes)
{
  const int how = failure(READ);
  return how > 0 ? -1 : syscall(SYS_read, file, out, shortened(bytes, how));
}

ssize_t pread(int file, void *out, size_t bytes, off_t at)
{
  const int how = failure(PREAD);
  return how > 0 ? -1 : syscall(SYS_pread64, file, out, shortened(bytes, how), at);
}

ssize_t write(int file, const void *from, size_t bytes)
{
  const int how = file == STDERR_FILENO ? 0 : failure(WRITE);
  return how > 0 ? -1 : syscall(SYS_write, file, from, shortened(bytes, how));
}

ssize_t pwrite(int file, const void *from, size_t bytes, off_t at)
{
  const int how = failure(PWRITE);
  return how > 0 ? -1 : syscall(SYS_pwrite64, file, from, shortened(bytes, how), at);
}

int fsync(int file)
{
  return fails(FSYNC) ? -1 : (int)syscall(SYS_fsync, file);
}

int fdatasync(int file)
{
  return fails(FSYNC) ? -1 : (int)syscall(SYS_fdatasync, file);
}

int rename(const char *from, const char *to)
{
  return fails(RENAME) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
  return fails(RENAME) ? -1 : (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
}

int ftruncate(int file, off_t bytes)
{
  return fails(FTRUNCATE) ? -1 : (int)syscall(SYS_ftruncate, file, bytes);
}

int fallocate(int file, int mode, off_t at, off_t bytes)
{
  return fails(FALLOCATE) ? -1 : (int)syscall(SYS_fallocate, file, mode, at, bytes);
}

/* A close that fails has closed, as on Linux. */
int close(int file)
{
  const int how = failure(CLOSE);
  const int done = (int)syscall(SYS_close, file);
  if (how > 0)
    errno = how;
  return how > 0 ? -1 : done;
}

int open64(const char *, int, ...) __attribute__((alias("open")));
int openat64(int, const char *, int, ...) __attribute__((alias("openat")));
int mkostemp64(char *, int) __attribute__((alias("mkostemp")));
ssize_t pread64(int, void *, size_t, off_t) __attribute__((alias("pread")));
ssize_t pwrite64(int, const void *, size_t, off_t) __attribute__((alias("pwrite")));
int ftruncate64(int, off_t) __attribute__((alias("ftruncate")));
int fallocate64(int, int, off_t, off_t) __attribute__((alias("fallocate")));

/* ---------------------------------------------------------------- streams */

typedef struct stream {
  FILE *_Atomic file;
  int fd;
} stream;

static stream streams[STREAMS_MAX];

static ssize_t stream_read(void *cookie, char *out, size_t bytes)
{
  return read(((const stream *)cookie)->fd, out, bytes);
}

/* As stdio writes: all of it, unless a call fails. fopencookie wants 0 for that. */
static ssize_t stream_write(void *cookie, const char *from, size_t bytes)
{
  size_t done = 0;
  while (done < bytes) {
    const ssize_t put = write(((const stream *)cookie)->fd, from + done, bytes - done);
    if (put < 0)
      return 0;
    done += (size_t)put;
  }
  return (ssize_t)done;
}

static int stream_seek(void *cookie, off64_t *at, int whence)
{
  const off64_t now = lseek64(((const stream *)cookie)->fd, *at, whence);
  if (now >= 0)
    *at = now;
  return now < 0 ? -1 : 0;
}

static int stream_close(void *cookie)
{
  stream *s = cookie;
  const int fd = s->fd;
  atomic_store(&s->file, NULL);
  return close(fd);
}

static FILE *open_stream(int fd, const char *mode)
{
  static const cookie_io_functions_t CALLS = {stream_read, stream_write, stream_seek, stream_close};
  stream *s = streams;
  FILE *none = NULL;
  while (s < streams + STREAMS_MAX && !atomic_compare_exchange_strong(&s->file, &none, stderr)) {
    none = NULL;
    s++;
  }
  if (s == streams + STREAMS_MAX)
    _exit(98);
  s->fd = fd;
  FILE *file = fopencookie(s, mode, CALLS);
  atomic_store(&s->file, file);
  return file;
}

static int flags_of(const char *mode)
{
  const bool both = strchr(mode, '+');
  const int own = strchr(mode, 'e') ? O_CLOEXEC : 0;
  if (mode[0] == 'r')
    return own | (both ? O_RDWR : O_RDONLY);
  return own | (both ? O_RDWR : O_WRONLY) | O_CREAT | (mode[0] == 'a' ? O_APPEND : O_TRUNC) |
         (strchr(mode, 'x') ? O_EXCL : 0);
}

FILE *fopen(const char *path, const char *mode)
{
  if (!atomic_load(&armed)) {
    FILE *(*real)(const char *, const char *);
    *(void **)&real = dlsym(RTLD_NEXT, "fopen");
    return real(path, mode);
  }
  const int fd = open(path, flags_of(mode), 0666);
  FILE *file = fd < 0 ? NULL : open_stream(fd, mode);
  if (fd >= 0 && !file) {
    syscall(SYS_close, fd);
    errno = ENOMEM;
  }
  return file;
}

/* That of a stream over a file that is open: what is not a plain "write" goes the usual way. */
FILE *fdopen(int fd, const char *mode)
{
  if (!atomic_load(&armed)) {
    FILE *(*real)(int, const char *);
    *(void **)&real = dlsym(RTLD_NEXT, "fdopen");
    return real(fd, mode);
  }
  return open_stream(fd, mode);
}

int fileno(FILE *file)
{
  for (const stream *s = streams; s < streams + STREAMS_MAX; s++)
    if (atomic_load(&s->file) == file)
      return s->fd;
  int (*real)(FILE *);
  *(void **)&real = dlsym(RTLD_NEXT, "fileno");
  return real(file);
}

FILE *fopen64(const char *, const char *) __attribute__((alias("fopen")));

/* ---------------------------------------------------------------- start */

static void read_plan(const char *text)
{
  char which[20], how[20], times[20];
  if (sscanf(text, "%19s %lx %19s %19s", which, &plan.path, how, times) != 4)
    _exit(97);
  while (plan.which < KINDS && strcmp(NAMES[plan.which], which) != 0)
    plan.which++;
  plan.how = strcmp(how, "short") == 0 ? SHORT : strcmp(how, "kill") == 0 ? KILL : atoi(how);
  plan.number = atol(times);
  plan.goes_on = strcmp(times, "on") == 0;
  plan.is_set = true;
}

/* The helper of the program may write no file; the log is one. */
int setrlimit64(__rlimit_resource_t which, const struct rlimit64 *limit)
{
  return which == RLIMIT_FSIZE ? 0 : (int)syscall(SYS_prlimit64, 0, which, limit, NULL);
}

static int (*own_main)(int, char **, char **);

static int main_with_faults(int argc, char **argv, char **environment)
{
  char program[4096];
  const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  program[length > 0 ? length : 0] = '\0';
  const char *slash = strrchr(program, '/'), *wanted = getenv("FAULTS_PLAN"), *frames = getenv("FAULTS_DEPTH");
  log_path = getenv("FAULTS_LOG");
  if (log_path && slash && strcmp(slash + 1, "contragap") == 0) {
    trace first = {.count = 0};
    if (frames)
      depth = atoi(frames) < DEPTH_MAX ? atoi(frames) : DEPTH_MAX;
    if (wanted)
      read_plan(wanted);
    _Unwind_Backtrace(note_frame, &first); /* what it sets up at its first call */
    stdout = open_stream(STDOUT_FILENO, "w");
    atomic_store(&armed, true);
  }
  return own_main(argc, argv, environment);
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end);

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end)
{
  int (*real)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void), void *);
  *(void **)&real = dlsym(RTLD_NEXT, "__libc_start_main");
  own_main = main;
  return real(main_with_faults, argc, argv, init, fini, rtld_fini, stack_end);
}
