/* contragap audit of more than two named modalities. */
#ifndef CLI_AUDIT_MANY_H
#define CLI_AUDIT_MANY_H

#include "cli/audit_plan.h"

/* The whole command, for three modalities or more; returns the exit code. */
int cli_audit_many(const cli_modalities *names, const cli_audit_options *own, const cli_args *args);

#endif
