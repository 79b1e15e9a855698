/* train's memory, in words: for -v and --dry-run. */
#ifndef CLI_TRAIN_PLAN_H
#define CLI_TRAIN_PLAN_H

#include "contragap/contragap.h"

/* On stdout where that is all that was asked for, else as talk. CGAP_RESOURCE where nothing fits. */
CGAP_MUST_CHECK cgap_status cli_train_plan_say(const cgap_data *data, const cgap_train_options *options, bool print,
                                               cgap_error *error);

#endif
