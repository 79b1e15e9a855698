/* What a run was started with and where it runs: its shared options, its rank, the clock, the machine. */
#ifndef CLI_RUN_INFO_H
#define CLI_RUN_INFO_H

#include <stdbool.h>
#include <stdint.h>

/* The options that commands share, filled by the groups below. */
typedef struct cli_common {
  const char *image, *text, *text_image, *labels, *class_text;
  bool unpaired, drop_bad, merge_images;
  int threads;           /* 0: as many as the machine has */
  uint64_t memory_bytes; /* 0: half of what is free */
  uint64_t seed;
  int progress; /* cli_progress_choice */
  bool force;   /* replace what the output holds: cli/overwrite.h */
  bool quiet, verbose;
} cli_common;

enum cli_progress_choice { CLI_PROGRESS_AUTO, CLI_PROGRESS_ALWAYS, CLI_PROGRESS_NEVER };

extern cli_common cli_shared;
bool cli_ends_with(const char *text, const char *ending);
char *cli_command_line(int argc, char **argv); /* as one line; free; NULL: memory is out */
double cli_seconds(void);                      /* a clock that only goes on */
int cli_cores(void);                           /* threads that the machine offers this process */
int cli_columns(int file);                     /* letters in a line of the terminal, 80 where it is none */

bool cli_ranks_first(void); /* this process is rank 0, or alone: it talks and writes */
void cli_ranks_set_first(bool first);

#endif
