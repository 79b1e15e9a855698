#include "cli/train_plan.h"

#include <math.h>
#include <stdio.h>

#include "base/output_file.h"
#include "cli/options.h"
#include "head/training/budget.h"

enum { WORDS = 800 };

static double mib(uint64_t bytes)
{
  return ceil((double)bytes / 1048576);
}

static void plan_words(char out[WORDS], const cgap_data *d, const cgap_budget *b)
{
  static const char *const SIDES[] = {"images", "texts"};
  char aside[300] = "", rows[160] = "rows stay in memory";
  const bool both = b->spill[0] && b->spill[1];
  if (b->reads)
    snprintf(rows, sizeof rows, "rows stay in the file and those of each batch are read (in memory they take %.0fM)",
             mib(b->held_bytes));
  if (b->spill_bytes)
    snprintf(aside, sizeof aside, "; %s are unpacked once into a nameless file of %.0fM in %s",
             both ? "both sides" : SIDES[b->spill[1]], mib(b->spill_bytes), cgap_scratch_folder());
  snprintf(out, WORDS, "plan: %zu images, %zu texts, d = %zu: %s%s; needs %.0fM of memory, %.0fM allowed",
           d->image.rows, d->text.rows, d->image.dim, rows, aside, mib(b->needed_bytes),
           floor((double)b->limit_bytes / 1048576));
}

cgap_status cli_train_plan_say(const cgap_data *data, const cgap_train_options *options, bool print, cgap_error *error)
{
  char words[WORDS];
  cgap_budget budget;
  if (!print && !cli_shared.verbose)
    return CGAP_OK;
  cgap_status status = cgap_train_check(options, data->image.dim, error);
  if (status == CGAP_OK)
    status = cgap_budget_make(&budget, data, options, error);
  if (status != CGAP_OK)
    return status;
  plan_words(words, data, &budget);
  if (!print)
    cli_say("%s", words);
  else
    printf("%s\n", words);
  return cli_printed(CGAP_OK, error);
}
