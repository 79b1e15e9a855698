/* Figures and report.html of a training or a race. */
#ifndef CLI_TRAIN_PAGE_H
#define CLI_TRAIN_PAGE_H

#include "cli/train_folder.h"

/* folder/figures and folder/report.html; told gets a line for each picture that cannot be drawn. */
CGAP_MUST_CHECK cgap_status cli_train_page_write(const cli_train_result *result, const char *folder,
                                                 void (*warn_line)(const char *line), cgap_error *error);

#endif
