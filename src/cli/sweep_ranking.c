/* Which setting of a sweep is best: the criterion, the order, and what can be said of the first place. Only numbers of
 * the test part count, which no training saw. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sweep_results.h"

/* "--loss cua --dim 4", as it would be typed */
static void name_setting(char out[80], const cgap_sweep_grid *g, const size_t index[CGAP_AXES_MAX])
{
  size_t used = 0;
  for (int a = CGAP_AXIS_SEED + 1; a < cgap_axis_count() && used < 80; a++)
    if (g->count[a] > 1)
      used +=
        (size_t)snprintf(out + used, 80 - used, "%s--%s %s", used ? " " : "", cgap_axis_name(a), g->value[a][index[a]]);
  if (used == 0)
    snprintf(out, 80, "the head");
}

/* The smaller comes first. */
static int group_of(const sweep_rank *r)
{
  return !isfinite(r->score) ? 2 : r->against.opens ? 1 : 0;
}

static int compare_ranks(const void *a, const void *b)
{
  const sweep_rank *x = a, *y = b;
  if (group_of(x) != group_of(y))
    return group_of(x) - group_of(y);
  if (isfinite(x->score) && x->score != y->score)
    return x->score > y->score ? -1 : 1;
  return x->setting < y->setting ? -1 : x->setting > y->setting;
}

/* NaN where one of them is. */
static double mean_of(const double *values, size_t count)
{
  double sum = 0;
  for (size_t k = 0; k < count; k++)
    sum += values[k] / (double)count;
  return sum;
}

cgap_status sweep_ranking_init(sweep_ranking *out, const sweep_results *r, const cgap_sweep_grid *g, cgap_error *error)
{
  const size_t settings = cgap_sweep_grid_settings(g), seeds = sweep_seed_count(g);
  double *scores = calloc(seeds, sizeof *scores);
  *out = (sweep_ranking){.rank = calloc(settings, sizeof *out->rank), .head = calloc(settings, sizeof *out->head)};
  if (!scores || !out->rank || !out->head) {
    free(scores);
    sweep_ranking_clear(out);
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  }
  for (size_t s = 0; s < settings; s++) {
    sweep_rank *one = &out->rank[out->count];
    if (!sweep_is_first_seed(g, s, one->index))
      continue;
    one->setting = s;
    name_setting(one->name, g, one->index);
    sweep_against(&one->against, r, g, one->index);
    sweep_scores(scores, r, g, one->index);
    one->score = mean_of(scores, seeds);
    out->count++;
  }
  free(scores);
  qsort(out->rank, out->count, sizeof *out->rank, compare_ranks);
  for (size_t k = 0; k < out->count; k++)
    out->head[k] = (cgap_contender){out->rank[k].name, &out->rank[k].against};
  return CGAP_OK;
}

void sweep_ranking_clear(sweep_ranking *r)
{
  free(r->rank);
  free(r->head);
  *r = (sweep_ranking){0};
}

/* ---------------------------------------------------------------- sentences */

void sweep_conclude(char text[CGAP_SENTENCE], const cgap_modality_names *names, const sweep_ranking *r)
{
  const sweep_rank *best = &r->rank[0];
  cgap_against_conclude(text, names, r->head, r->count);
  if (text[0])
    return;
  if (r->count == 0 || !isfinite(best->score)) {
    cgap_sentence_say(text, names, "Conclusion: no setting has results for all of its seeds.");
    return;
  }
  cgap_sentence_say(text, names, "Conclusion: %s has the best mean of mixed nDCG@10 and recall@1, %.4f", best->name,
                    best->score);
  if (r->count > 1 && isfinite(best[1].score))
    cgap_sentence_say(text, names, "; next is %s, %.4f", best[1].name, best[1].score);
  cgap_sentence_say(text, names, ".");
}

size_t sweep_place(const sweep_ranking *r, size_t k)
{
  const sweep_rank *one = &r->rank[k];
  if (!isfinite(one->score))
    return 0;
  while (k > 0 && r->rank[k - 1].score == one->score && group_of(&r->rank[k - 1]) == group_of(one))
    k--;
  return k + 1;
}

/* In how many seeds the first is ahead of the second; *of: seeds that both have. */
static size_t seeds_ahead(const sweep_ranking *r, const sweep_results *results, const cgap_sweep_grid *g, size_t *of)
{
  const size_t seeds = sweep_seed_count(g);
  double *first = calloc(2 * seeds, sizeof *first), *second = first + seeds;
  size_t ahead = 0;
  *of = 0;
  if (!first)
    return 0;
  sweep_scores(first, results, g, r->rank[0].index);
  sweep_scores(second, results, g, r->rank[1].index);
  for (size_t k = 0; k < seeds; k++) {
    *of += isfinite(first[k]) && isfinite(second[k]);
    ahead += first[k] > second[k];
  }
  free(first);
  return ahead;
}

void sweep_criterion(char text[CGAP_SENTENCE], const cgap_modality_names *names, const sweep_ranking *r,
                     const sweep_results *results, const cgap_sweep_grid *g)
{
  size_t of = 0;
  text[0] = '\0';
  if (r->count < 2)
    return;
  cgap_sentence_say(text, names,
                    "Best first, by the mean of mixed nDCG@10 and recall@1 on the test part, which training "
                    "never saw; heads that open the gap come last.");
  if (group_of(&r->rank[0]) != group_of(&r->rank[1]) || !isfinite(r->rank[1].score))
    return;
  const size_t ahead = seeds_ahead(r, results, g, &of);
  if (sweep_place(r, 1) == 1)
    cgap_sentence_say(text, names, " The first two are equal.");
  else if (of > 1)
    cgap_sentence_say(text, names, " The first is ahead of the second in %zu of %zu seeds.", ahead, of);
  else
    cgap_sentence_say(text, names, " There is one seed: with another the order may change.");
  cgap_sentence_say(text, names, " The test part chose the first, so its own numbers are slightly too good.");
}

/* ---------------------------------------------------------------- for files */

json_t *sweep_ranking_json(const sweep_ranking *r, const cgap_sweep_grid *g)
{
  json_t *out = json_array();
  bool ok = out != NULL;
  for (size_t k = 0; k < r->count && ok; k++) {
    const sweep_rank *one = &r->rank[k];
    json_t *texts = sweep_setting_json(g, one->index, SWEEP_ALL_BUT_SEED);
    ok = json_array_append_new(
           out, json_pack("{s:o, s:o, s:o, s:b}", "rank",
                          isfinite(one->score) ? json_integer((json_int_t)sweep_place(r, k)) : json_null(), "setting",
                          texts ? sweep_setting_numbers_json(texts) : NULL, "score", cgap_number_json(one->score),
                          "opens_gap", one->against.opens)) == 0;
    json_decref(texts);
  }
  if (ok)
    return out;
  json_decref(out);
  return NULL;
}

/* Whether the texts of a run's setting are those of the grid at index. */
static bool is_of_setting(const cgap_sweep_grid *g, const size_t index[CGAP_AXES_MAX], const json_t *run)
{
  const json_t *setting = json_object_get(run, "setting");
  bool same = true;
  for (int a = CGAP_AXIS_SEED + 1; a < cgap_axis_count() && same; a++) {
    const char *text = g->count[a] ? json_string_value(json_object_get(setting, cgap_axis_name(a))) : NULL;
    same = g->count[a] == 0 || (text && strcmp(text, g->value[a][index[a]]) == 0);
  }
  return same;
}

size_t sweep_place_of(const sweep_ranking *r, const cgap_sweep_grid *g, const json_t *run)
{
  for (size_t k = 0; k < r->count && isfinite(r->rank[k].score); k++)
    if (is_of_setting(g, r->rank[k].index, run))
      return sweep_place(r, k);
  return 0;
}
