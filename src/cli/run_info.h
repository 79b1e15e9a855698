/* What a run was started with and where it runs: its shared options, its rank, the clock, the machine, and what the
 * libraries are told of it before main. */
#ifndef CLI_RUN_INFO_H
#define CLI_RUN_INFO_H

#include "contragap/contragap.h"

/* The options that commands share, filled by the groups below. */
typedef struct cli_common {
  const char *image, *text, *text_image, *labels, *class_text, *names;
  bool unpaired, drop_bad, merge_images;
  bool follow, plugins;
  int threads;           /* 0: as many as the machine has */
  uint64_t memory_bytes; /* 0: half of what is free */
  uint64_t seed;
  int lang;     /* cli_language() */
  int progress; /* cli_progress_choice */
  bool force;   /* replace what the output holds: report/overwrite.h */
  bool quiet, verbose;
} cli_common;

enum cli_progress_choice { CLI_PROGRESS_AUTO, CLI_PROGRESS_ALWAYS, CLI_PROGRESS_NEVER };

extern cli_common cli_shared;
const struct cgap_language *cli_language(void); /* of what is shown; NULL: English */
bool cli_ends_with(const char *text, const char *ending);
char *cli_command_line(int argc, char **argv); /* as one line; free; NULL: out of memory */

/* The arguments of a command and its input options as a shell reads them, for a command that reads the same; free;
 * NULL: out of memory. */
char *cli_input_line(const char *const *items, size_t count);
double cli_seconds(void);  /* a clock that only goes on */
int cli_cores(void);       /* threads that the machine offers this process */
int cli_columns(int file); /* letters in a line of the terminal, 80 where it is none */

bool cli_ranks_first(void); /* this process is rank 0, or alone: it talks and writes */
void cli_ranks_set_first(bool first);

/* Memory that is freed stays in the process, for the next pass: without a limit of the user's. computes: where huge
 * pages are faster, the heap gets them as well. */
void cli_keep_freed_memory(bool computes);

/* Each thread gets a heap of its own. For training, where oneDNN allocates in every product: threads that share a heap
 * would sleep while they wait for its lock. Call it before the first thread of work allocates. */
void cli_arena_per_thread(void);

/* ---------------------------------------------------------------- BLAS and the address space */

/* What a limit of the address space (`ulimit -v`, batch systems) does to the libraries.
 *
 * OpenBLAS maps 128 MiB for each thread while it is loaded, and again when a thread first calls it; where the system
 * refuses, it asks for ever. libgomp ends the program with exit code 1, which means that a threshold was crossed. So
 * under a limit the program looks for that much before it begins: once before OpenBLAS is loaded, and once when the
 * number of threads is known. */

/* Without a limit nothing happens. Under one: takes the stacks and the buffers of so many threads now, before data fill
 * the address space; CGAP_RESOURCE where they do not fit. threads 0: as many as OpenMP starts. */
CGAP_MUST_CHECK cgap_status cli_address_space_take(int threads, cgap_error *error);

#endif
