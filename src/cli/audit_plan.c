#include "cli/audit_plan.h"

#include <math.h>
#include <stdio.h>

#include "cli/interrupt.h"
#include "cli/options.h"

cgap_audit_options cli_audit_library_options(const cli_audit_options *own_options)
{
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  options.threads = cli_rank_threads();
  options.comm = cli_ranks();
  options.memory_bytes = cli_shared.memory_bytes;
  options.pairs = (cgap_pairs_choice)own_options->pairs;
  options.precision = (cgap_precision)own_options->precision;
  options.seed = cli_shared.seed;
  options.sample_rows = own_options->sample_rows;
  options.csls = own_options->csls;
  options.progress = cli_progress();
  return options;
}

/* Cosines that the plan computes. */
static double cosines_of(const cgap_plan_info *p)
{
  const bool all = p->sample_images == 0;
  const double n = (double)(all ? p->images : p->sample_images), m = (double)(all ? p->texts : p->sample_texts);
  const double asking = (double)p->sample_queries;
  return n * (n - 1) / 2 + m * (m - 1) / 2 + n * m +
         (all ? 0 : asking * (double)p->texts + asking * m / n * (double)p->images);
}

/* "40 s", "3 min" */
static void time_words(char out[40], double seconds)
{
  if (!isfinite(seconds))
    snprintf(out, 40, "in a time that could not be measured");
  else if (seconds < 100)
    snprintf(out, 40, "in about %.*f s", seconds < 10 ? 1 : 0, seconds);
  else
    snprintf(out, 40, "in about %.0f min", ceil(seconds / 60));
}

/* Which pairs; of a sample what all would have taken. */
enum { PAIRS = 400 };

static void pairs_words(char out[PAIRS], const cgap_plan_info *p)
{
  char all[40];
  time_words(all, p->exact_seconds);
  if (p->sample_images == 0)
    snprintf(out, PAIRS, "all pairs");
  else if (!isfinite(p->exact_seconds))
    (void)cgap_modality_printf(out, PAIRS, cli_names(), "a sample of %zu {images} and %zu {texts}, %zu {images} ranked",
                               p->sample_images, p->sample_texts, p->sample_queries);
  else
    (void)cgap_modality_printf(
      out, PAIRS, cli_names(),
      "a sample of %zu {images} and %zu {texts}, %zu {images} ranked (all pairs would be done %s)", p->sample_images,
      p->sample_texts, p->sample_queries, all);
}

void cli_plan_words(char out[CLI_PLAN_WORDS], const cgap_plan_info *p)
{
  char rows[120] = "rows stay in memory", pair_words[PAIRS], time[40], rank_words[40] = "", each[20] = "";
  char texts[CGAP_PHRASE] = "";
  if (p->rank_count > 1) {
    snprintf(rank_words, sizeof rank_words, "%d ranks of ", p->rank_count);
    snprintf(each, sizeof each, " a rank");
  }
  if (!p->resident && p->rank_count > 1)
    snprintf(rows, sizeof rows, "rows stay in the file");
  else if (!p->resident)
    snprintf(rows, sizeof rows, "rows are read again in %zu panels of %zu", p->panels, p->panel_rows);
  if (p->texts)
    (void)cgap_modality_printf(texts, sizeof texts, cli_names(), ", %zu {texts}", p->texts);
  pairs_words(pair_words, p);
  time_words(time, p->seconds);
  (void)cgap_modality_printf(
    out, CLI_PLAN_WORDS, cli_names(),
    "plan: %zu {images}%s, d = %zu: %s, %.4g cosines on %s%d thread%s, %s; the file is read in blocks of "
    "%zu rows, "
    "%.3g time%s; %s; needs %.0fM of memory%s, %.0fM allowed",
    p->images, texts, p->dim, pair_words, cosines_of(p), rank_words, p->threads, p->threads == 1 ? "" : "s", time,
    p->block_rows, p->passes, p->passes == 1 ? "" : "s", rows, ceil((double)p->needed_bytes / 1048576), each,
    floor((double)p->memory_bytes / 1048576));
}
