/* The modalities that a command line names: arguments NAME=SOURCE, where SOURCE is as elsewhere (FILE, FILE.h5:/path,
 * FILE.npz:key), or --names A,B for files that hold both. */
#ifndef CLI_MODALITIES_H
#define CLI_MODALITIES_H

#include "cli/option_table.h"
#include "contragap/contragap.h"

typedef struct cli_modalities {
  size_t count; /* of the arguments NAME=SOURCE; 0: the arguments are files */
  char name[CGAP_MODALITIES_MAX][CGAP_NAME_SIZE];
  const char *source[CGAP_MODALITIES_MAX]; /* borrowed from the arguments; all NULL for --names */
} cli_modalities;

/* Reads the names; an argument that is an existing file is one, whatever signs it has. CGAP_USAGE: some arguments have
 * names and some have none, a name comes twice, or there are more than CGAP_MODALITIES_MAX. */
CGAP_MUST_CHECK cgap_status cli_modalities_read(cli_modalities *out, const cli_args *args, cgap_error *error);

/* The input options of the command line for two of the named modalities; borrowed from m. */
cgap_input_options cli_input_pair(const cli_modalities *m, size_t first, size_t second);

/* The input options of the command line over its arguments: files, or one or two named modalities; borrowed, the names
 * from *m. CGAP_USAGE also where more than two are named: only the audit takes them. */
CGAP_MUST_CHECK cgap_status cli_input(cgap_input_options *out, cli_modalities *m, const cli_args *args,
                                      cgap_error *error);

/* Without arguments: what --image and --text name. */
cgap_input_options cli_input_shared(void);

#endif
