/* Files that exist only while the program writes: what an output is called until it is complete, the folder in which
 * the files of one run wait for each other, and locks.
 *
 * A temporary file is in the folder of its target, is new (O_EXCL: no link is followed), and is locked (flock) while it
 * is written: one that is not locked was left by a process that was killed, and is removed when the same target is
 * written again. Where a file system has no locks nothing is taken for left. A file system
 * whose locks hold on one machine alone does not show a writer on another: two machines must not write one output.
 * A lock file keeps a second process out of an output; one that a killed process left is free. Both kinds are listed,
 * so that whatever ends the program can remove them without allocating anything. */
#ifndef CGAP_BASE_TEMPORARY_FILE_H
#define CGAP_BASE_TEMPORARY_FILE_H

#include "contragap/contragap.h"

enum { CGAP_PATH = 4096, CGAP_TEMPORARY = CGAP_PATH + 64 };

typedef struct cgap_temporary {
  int fd;
  char path[CGAP_TEMPORARY];
} cgap_temporary;

enum { CGAP_TEMPORARIES_MAX = 64, CGAP_LOCKS_MAX = 4 };

typedef struct cgap_output_lock {
  int fd;
  const char *path; /* as listed */
} cgap_output_lock;

/* What there is at the moment. The program has one, all 0; a library keeps no state. */
typedef struct cgap_temporaries {
  char *_Atomic path[CGAP_TEMPORARIES_MAX];
  cgap_output_lock lock[CGAP_LOCKS_MAX];
  int lock_count;
} cgap_temporaries;

/* For the program alone, at its start. */
void cgap_temporaries_watch(cgap_temporaries *own);

/* A number that no other process has, on any machine. */
uint64_t cgap_temporary_token(void);

/* The name of what is to be called path when it is complete: in the same folder, and short, so that path may be as long
 * as a name can be. ending: of a picture's name, by which gnuplot's script knows the format (".svg"), or "". */
void cgap_temporary_name(char out[CGAP_TEMPORARY], const char *path, uint64_t token, const char *ending);

/* A new file for path, open for reading and writing. as: its name, made by cgap_temporary_name; NULL: any. */
CGAP_MUST_CHECK cgap_status cgap_temporary_create(cgap_temporary *out, const char *path, const char *as,
                                                  cgap_error *error);

/* Lets another process write into it; the lock of the folder keeps others from taking it for left. */
void cgap_temporary_unlock(const cgap_temporary *file);

/* On disk, and then called path, for good: the folder is on disk as well. On failure it is removed. */
CGAP_MUST_CHECK cgap_status cgap_temporary_publish(cgap_temporary *file, const char *path, cgap_error *error);

/* Removes what is not published, closes the file. Nothing is done to one that is closed (fd -1). */
void cgap_temporary_close(cgap_temporary *file);

/* The folder of path on disk, with the names in it. 0 or an errno. */
int cgap_synchronise_folder(const char *path);

/* For the program, which has a list: keeps other processes out of what is called path until cgap_locks_remove: with
 * `folder` by the file .contragap.lock in it, else by one next to it. CGAP_FILE, with the line that the other one left
 * in it, where it is taken. Without locks, or in a folder that cannot be written, nothing is locked and CGAP_OK
 * returned: the write itself reports the error. */
CGAP_MUST_CHECK cgap_status cgap_lock_output(const char *path, bool folder, cgap_error *error);
void cgap_locks_remove(void);
void cgap_lock_release(const char *path, bool folder); /* the lock of this output alone */
/* Removes a lock that a killed process left. */
void cgap_lock_remove_left(const char *path, bool folder);

/* All temporary files, stages and locks of this process, in a signal handler too. A file that another thread is just
 * making may stay. */
void cgap_temporaries_remove_all(void);

/* ---------------------------------------------------------------- files that are replaced together */

/* The files of one run, which take the place of those of the run before it all at once, or not at all.
 *
 * They are written into FOLDER/.contragap-new. When all are complete and on disk, it is called .contragap-ready: by
 * this rename the new run has replaced the old one. Then each file moves to its place. A process that is killed before
 * the rename leaves the old run as it was; what one leaves after it is completed by the next command that writes there,
 * and a reader can see it. Only rename within one folder is needed, which network file systems have too, and nothing
 * else in the folder is touched. Whoever opens a stage has the folder's lock. */
typedef struct cgap_stage {
  char folder[CGAP_PATH];
  char path[CGAP_PATH]; /* write there, in it or in a folder `figures` in it; "": not open */
} cgap_stage;

CGAP_MUST_CHECK cgap_status cgap_stage_open(cgap_stage *out, const char *folder, cgap_error *error);
/* The folder's file of this name ("rows.tsv", "figures/plane.png") is removed with the old run, unless the new one has
 * it too. After all files of the new one are written. */
CGAP_MUST_CHECK cgap_status cgap_stage_remove(const cgap_stage *stage, const char *name, cgap_error *error);
/* commit: the files take their places; else, and on failure before the rename, they are removed. */
CGAP_MUST_CHECK cgap_status cgap_stage_close(cgap_stage *stage, bool commit, cgap_error *error);

/* Moves what a process that was killed left in .contragap-ready, and removes what it left in .contragap-new. Where
 * .contragap-ready is a file, a link or another user's folder nothing is touched: CGAP_FILE, and the line says what to
 * remove. With the folder's lock. */
CGAP_MUST_CHECK cgap_status cgap_stage_complete(const char *folder, cgap_error *error);

/* For a reader: CGAP_FILE, with the name of a file that does not belong to the others, where the files of the last run
 * are not all in their places. */
CGAP_MUST_CHECK cgap_status cgap_stage_check(const char *folder, cgap_error *error);

/* Takes the name of the stage's folder out of a message: the user knows the file by its place. */
void cgap_stage_hide(char *message);

/* ---------------------------------------------------------------- failures */

/* The exit code that belongs to an errno of a failed write, and the line that says so: CGAP_RESOURCE where the disk,
 * the memory or the number of open files is the reason, CGAP_FILE where it is the place. */
cgap_status cgap_fail_errno(cgap_error *error, int number, const char *path, const char *doing);

/* The same of a failed read: CGAP_FILE, unless memory or open files are short. */
cgap_status cgap_fail_read(cgap_error *error, int number, const char *path);

#endif
