#include "report/change_figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/figures.h"
#include "report/gnuplot.h"
#include "report/text.h"

static const char ONE_INDEX[] = "one_index", CONFUSION[] = "confusion", WHO_LOSES[] = "who_loses";

size_t cgap_change_figures_of(const cgap_changes *c, const char *names[CGAP_CHANGE_FIGURES])
{
  size_t count = 0;
  if (c->queries)
    names[count++] = ONE_INDEX;
  if (c->moves)
    names[count++] = CONFUSION;
  else if (c->losing_queries)
    names[count++] = WHO_LOSES;
  return count;
}

/* ---------------------------------------------------------------- one index */

enum { RANKS_MAX = 200, RANKS_PER_DECADE = 16 };

static int by_value(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Ranks of a curve: each up to 10, then RANKS_PER_DECADE, the last one `last`. Returns how many. */
static size_t fill_ranks(double out[RANKS_MAX], double last)
{
  size_t count = 0;
  for (int k = 1; k <= 10 && k < last; k++)
    out[count++] = k;
  for (int k = 1; count < RANKS_MAX - 1; k++) {
    const double rank = round(pow(10, 1 + (double)k / RANKS_PER_DECADE));
    if (rank >= last)
      break;
    if (rank > out[count - 1])
      out[count++] = rank;
  }
  out[count++] = last;
  return count;
}

/* share (count): of the queries of one modality, those whose partner has at most the rank. sorted: a place for each. */
static void fill_shares(double *share, double *sorted, const cgap_changes *c, bool texts, int time, const double *rank,
                        size_t count)
{
  size_t queries = 0, at = 0;
  for (size_t q = 0; q < c->queries; q++)
    if (c->query[q].is_text == texts)
      sorted[queries++] = c->query[q].rank[CGAP_SEARCH_MIXED][time];
  qsort(sorted, queries, sizeof *sorted, by_value);
  for (size_t k = 0; k < count; k++) {
    while (at < queries && sorted[at] <= rank[k])
      at++;
    share[k] = queries ? (double)at / (double)queries : NAN;
  }
}

static cgap_status write_one_index(const cgap_change_view *v, const char *folder, cgap_error *error)
{
  enum { CURVES = 4 };
  static const char *const WHEN[CGAP_TIMES] = {"before", "after"};
  double rank[RANKS_MAX], share[CURVES][RANKS_MAX];
  double *sorted = cgap_alloc(v->changes->queries, sizeof *sorted);
  const size_t count = fill_ranks(rank, (double)(v->before->images + v->before->texts - 1));
  const cgap_audit *const audit[CGAP_TIMES] = {v->before, v->after};
  cgap_tsv t;
  if (!sorted)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for the ranks of %zu queries", v->changes->queries);
  for (int k = 0; k < CURVES; k++)
    fill_shares(share[k], sorted, v->changes, k >= CGAP_TIMES, k % CGAP_TIMES, rank, count);
  cgap_free(sorted);
  cgap_status status = cgap_tsv_open(
    &t, folder, ONE_INDEX, "rank\timage_query_before\timage_query_after\ttext_query_before\ttext_query_after", error);
  if (status != CGAP_OK)
    return status;
  for (size_t k = 0; k < count; k++) {
    cgap_tsv_number(&t, rank[k], '\t');
    for (int c = 0; c < CURVES; c++)
      cgap_tsv_number(&t, share[c][k], c + 1 < CURVES ? '\t' : '\n');
  }
  cgap_tsv_about_audit(&t, v->before, v->source);
  for (int time = 0; time < CGAP_TIMES; time++) {
    char key[40];
    snprintf(key, sizeof key, "image_query_ndcg_%s", WHEN[time]);
    cgap_tsv_about(&t, key, "%.3f", audit[time]->mixed_image_query.ndcg_at_10.value);
    snprintf(key, sizeof key, "text_query_ndcg_%s", WHEN[time]);
    cgap_tsv_about(&t, key, "%.3f", audit[time]->mixed_text_query.ndcg_at_10.value);
  }
  status = cgap_tsv_close(&t, true, error);
  return status == CGAP_OK ? cgap_plots_copy(folder, ONE_INDEX, error) : status;
}

/* ---------------------------------------------------------------- confusion */

enum { CLASSES_SHOWN = 12 };

/* A class, and how many images leave it or come into it. */
typedef struct counted_class {
  size_t label;
  uint64_t images;
} counted_class;

static int by_images(const void *a, const void *b)
{
  const counted_class *x = a, *y = b;
  return x->images != y->images ? (x->images < y->images) - (x->images > y->images)
                                : (x->label > y->label) - (x->label < y->label);
}

static size_t place_of(const counted_class *list, size_t count, size_t label)
{
  size_t k = 0;
  while (k < count && list[k].label != label)
    k++;
  return k;
}

static void add_images(counted_class *list, size_t *count, size_t label, uint64_t images)
{
  const size_t k = place_of(list, *count, label);
  if (k == *count)
    list[(*count)++] = (counted_class){.label = label};
  list[k].images += images;
}

static void about_class(cgap_tsv *t, const cgap_change_view *v, const char *what, size_t place, size_t label)
{
  char key[40], shown[40];
  const char *name = cgap_row_name(v->names, CGAP_NAMED_CLASSES, label);
  snprintf(key, sizeof key, "%s_%zu", what, place);
  if (name)
    cgap_name_shorten(shown, sizeof shown, name);
  else
    snprintf(shown, sizeof shown, "class %zu", label);
  cgap_tsv_about(t, key, "%s", shown);
}

static const cgap_changed_class *class_of(const cgap_changes *c, size_t label)
{
  size_t k = 0;
  while (c->class[k].label != label)
    k++;
  return &c->class[k];
}

/* Rows: the classes that lose most images; columns: where these go, what is no column in the last one. */
static void put_cells(cgap_tsv *t, const cgap_change_view *v, counted_class *from, counted_class *into)
{
  const cgap_changes *c = v->changes;
  size_t rows = 0, columns = 0;
  char key[40];
  for (size_t m = 0; m < c->moves; m++)
    add_images(from, &rows, c->move[m].label, c->move[m].images);
  qsort(from, rows, sizeof *from, by_images);
  const size_t losing = rows;
  rows = rows < CLASSES_SHOWN ? rows : CLASSES_SHOWN;
  for (size_t m = 0; m < c->moves; m++)
    if (place_of(from, rows, c->move[m].label) < rows)
      add_images(into, &columns, c->move[m].into, c->move[m].images);
  qsort(into, columns, sizeof *into, by_images);
  const bool others = columns > CLASSES_SHOWN;
  columns = others ? CLASSES_SHOWN - 1 : columns;
  for (size_t r = 0; r < rows; r++) {
    uint64_t images[CLASSES_SHOWN] = {0};
    for (size_t m = 0; m < c->moves; m++)
      if (c->move[m].label == from[r].label)
        images[place_of(into, columns, c->move[m].into)] += c->move[m].images;
    for (size_t k = 0; k < columns + others; k++)
      if (images[k]) {
        fprintf(t->file.stream, "%zu\t", from[r].label);
        if (k < columns)
          fprintf(t->file.stream, "%zu", into[k].label);
        else
          fputs("NA", t->file.stream);
        fprintf(t->file.stream, "\t%zu\t%zu\t%llu\n", k + 1, r + 1, (unsigned long long)images[k]);
      }
  }
  for (size_t r = 0; r < rows; r++) {
    const cgap_changed_class *one = class_of(c, from[r].label);
    about_class(t, v, "row", r + 1, from[r].label);
    snprintf(key, sizeof key, "lost_%zu", r + 1);
    cgap_tsv_about(t, key, "%llu of %llu", (unsigned long long)one->flips.lost, (unsigned long long)one->flips.queries);
  }
  for (size_t k = 0; k < columns; k++)
    about_class(t, v, "column", k + 1, into[k].label);
  snprintf(key, sizeof key, "column_%zu", columns + 1);
  if (others)
    cgap_tsv_about(t, key, "others");
  cgap_tsv_about(t, "rows", "%zu", rows);
  cgap_tsv_about(t, "columns", "%zu", columns + others);
  cgap_tsv_about(t, "losing", "%zu", losing);
  cgap_tsv_about(t, "classes", "%zu", c->classes);
}

static cgap_status write_confusion(const cgap_change_view *v, const char *folder, cgap_error *error)
{
  const cgap_changes *c = v->changes;
  uint64_t lost = 0, gained = 0;
  cgap_tsv t;
  counted_class *from = cgap_zalloc(2 * c->moves, sizeof *from);
  cgap_status status = from ? cgap_tsv_open(&t, folder, CONFUSION, "class\tinto\tcolumn\trow\timages", error)
                            : cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu pairs of classes", c->moves);
  if (status == CGAP_OK) {
    put_cells(&t, v, from, from + c->moves);
    for (size_t k = 0; k < c->classes; k++) {
      lost += c->class[k].flips.lost;
      gained += c->class[k].flips.gained;
    }
    cgap_tsv_about(&t, "lost", "%llu", (unsigned long long)lost);
    cgap_tsv_about(&t, "gained", "%llu", (unsigned long long)gained);
    cgap_tsv_about_audit(&t, v->before, v->source);
    status = cgap_tsv_close(&t, true, error);
  }
  cgap_free(from);
  return status == CGAP_OK ? cgap_plots_copy(folder, CONFUSION, error) : status;
}

/* ---------------------------------------------------------------- who loses */

/* Ranks up to 10 as they are, in halves, then BINS_PER_DECADE bins, shown at their middle. */
enum { HALVES = 21, BINS_PER_DECADE = 8, DECADES = 9, BINS = HALVES + BINS_PER_DECADE * DECADES, WAYS = 3 };

static size_t bin_of(double rank)
{
  if (rank <= 10)
    return (size_t)lround(2 * rank);
  const size_t bin = HALVES + (size_t)(BINS_PER_DECADE * (log10(rank) - 1));
  return bin < BINS ? bin : BINS - 1;
}

static double rank_of_bin(size_t bin)
{
  return bin < HALVES ? (double)bin / 2 : pow(10, 1 + ((double)(bin - HALVES) + 0.5) / BINS_PER_DECADE);
}

static cgap_status write_who_loses(const cgap_change_view *v, const char *folder, cgap_error *error)
{
  static const char *const WAY[WAYS] = {"better", "same", "worse"};
  const cgap_changes *c = v->changes;
  uint64_t *queries = cgap_zalloc((size_t)BINS * BINS * WAYS, sizeof *queries), total[WAYS] = {0};
  cgap_tsv t;
  if (!queries)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  for (size_t q = 0; q < c->queries; q++) {
    const double *rank = c->query[q].rank[CGAP_SEARCH_CROSS];
    const size_t way = 1 + (size_t)(rank[CGAP_AFTER] > rank[CGAP_BEFORE]) - (rank[CGAP_AFTER] < rank[CGAP_BEFORE]);
    queries[(bin_of(rank[CGAP_BEFORE]) * BINS + bin_of(rank[CGAP_AFTER])) * WAYS + way]++;
    total[way]++;
  }
  cgap_status status = cgap_tsv_open(&t, folder, WHO_LOSES, "rank_before\trank_after\tchange\tqueries", error);
  for (size_t k = 0; status == CGAP_OK && k < (size_t)BINS * BINS * WAYS; k++)
    if (queries[k]) {
      cgap_tsv_number(&t, rank_of_bin(k / WAYS / BINS), '\t');
      cgap_tsv_number(&t, rank_of_bin(k / WAYS % BINS), '\t');
      fprintf(t.file.stream, "%s\t%llu\n", WAY[k % WAYS], (unsigned long long)queries[k]);
    }
  cgap_free(queries);
  if (status != CGAP_OK)
    return status;
  for (int way = 0; way < WAYS; way++)
    cgap_tsv_about(&t, WAY[way], "%llu", (unsigned long long)total[way]);
  const cgap_flips *at_10 = &c->flips[CGAP_SEARCH_CROSS][CGAP_BOTH_ASK][CGAP_WITHIN_10];
  cgap_tsv_about(&t, "lost_at_10", "%llu", (unsigned long long)at_10->lost);
  cgap_tsv_about(&t, "gained_at_10", "%llu", (unsigned long long)at_10->gained);
  cgap_tsv_about_audit(&t, v->before, v->source);
  status = cgap_tsv_close(&t, true, error);
  return status == CGAP_OK ? cgap_plots_copy(folder, WHO_LOSES, error) : status;
}

cgap_status cgap_change_figures_write(const cgap_change_view *v, const char *folder, cgap_error *error)
{
  const char *names[CGAP_CHANGE_FIGURES];
  const size_t count = cgap_change_figures_of(v->changes, names);
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < count; k++)
    status = names[k] == ONE_INDEX   ? write_one_index(v, folder, error)
             : names[k] == CONFUSION ? write_confusion(v, folder, error)
                                     : write_who_loses(v, folder, error);
  return status;
}
