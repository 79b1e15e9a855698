/* The figures of an audit, and of two audits on the same axes: the rows of their tables. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_buffer.h"
#include "report/figures.h"
#include "report/gnuplot.h"
#include "report/text.h"

/* ---------------------------------------------------------------- the rows of each figure's table */

/* "0.851 [0.834, 0.868]", or "n/a" */
static void value_with_interval(char out[150], const cgap_scalar *s, int decimals)
{
  char value[40], interval[100];
  cgap_value_show(value, cgap_value_or_nan(s), decimals);
  cgap_interval_show(interval, s->lo, s->hi, decimals, " [%s, %s]");
  snprintf(out, 150, "%s%s", value, interval);
}

static int by_row(const void *a, const void *b)
{
  size_t x = ((const cgap_point *)a)->row, y = ((const cgap_point *)b)->row;
  return (x > y) - (x < y);
}

static int by_index(const void *a, const void *b)
{
  size_t x = *(const size_t *)a, y = *(const size_t *)b;
  return (x > y) - (x < y);
}

static void put_point(cgap_tsv *t, const cgap_point *p)
{
  if (p)
    fprintf(t->file.stream, "%zu\t%.6g\t%.6g\t", p->row, p->x, p->y);
  else
    fprintf(t->file.stream, "NA\tNA\tNA\t");
}

/* The last cells of a line: the cosine of the pair, and the names of its rows where the table has them. */
static void put_line_end(cgap_tsv *t, double cosine, const cgap_point *image, const cgap_point *text)
{
  cgap_tsv_number(t, cosine, t->names ? '\t' : '\n');
  if (!t->names)
    return;
  cgap_tsv_label(t->file.stream, image ? cgap_row_name(t->names, CGAP_NAMED_IMAGES, image->row) : NULL);
  fputc('\t', t->file.stream);
  cgap_tsv_label(t->file.stream, text ? cgap_row_name(t->names, CGAP_NAMED_TEXTS, text->row) : NULL);
  fputc('\n', t->file.stream);
}

/* One line a pair; a point without a partner in the picture has a line of its own. */
static size_t put_pairs_of_points(cgap_tsv *t, const cgap_audit *a, cgap_point *images, bool *plotted)
{
  size_t pairs = 0;
  for (size_t s = 0; s < a->scatter_texts; s++) {
    const cgap_point *text = &a->scatter_text[s], *image = NULL;
    const size_t *at = a->image_of ? bsearch(&text->row, a->text_row, a->texts, sizeof(size_t), by_index) : NULL;
    if (at) {
      cgap_point wanted = {.row = a->image_row[a->image_of[at - a->text_row]]};
      image = bsearch(&wanted, images, a->scatter_images, sizeof *images, by_row);
    }
    if (image)
      plotted[image - images] = true;
    pairs += image != NULL;
    cgap_tsv_row(t);
    put_point(t, image);
    put_point(t, text);
    put_line_end(t, image ? a->pair_cosine[at - a->text_row] : NAN, image, text);
  }
  for (size_t i = 0; i < a->scatter_images; i++) {
    if (plotted[i])
      continue;
    cgap_tsv_row(t);
    put_point(t, &images[i]);
    put_point(t, NULL);
    put_line_end(t, NAN, &images[i], NULL);
  }
  return pairs;
}

static void about_centroid(cgap_tsv *t, const char *modality, const cgap_point *points, size_t count)
{
  char key[60];
  double x = 0, y = 0;
  for (size_t i = 0; i < count; i++) {
    x += points[i].x / (double)count;
    y += points[i].y / (double)count;
  }
  snprintf(key, sizeof key, "%s_centroid_x", modality);
  cgap_tsv_about(t, key, "%.6g", x);
  snprintf(key, sizeof key, "%s_centroid_y", modality);
  cgap_tsv_about(t, key, "%.6g", y);
}

/* Rows that are too many to be drawn, or too few to be a cloud. */
static void about_shown_rows(cgap_tsv *t, const cgap_audit *a)
{
  enum { CLOUD_POINTS_MIN = 50 };
  const cgap_phrase text = cgap_text_word(a, 0);
  char images[CGAP_PHRASE] = "", texts[CGAP_PHRASE] = "";
  if (a->scatter_images < a->images)
    snprintf(images, sizeof images, "%zu %.100s", a->scatter_images,
             cgap_image_word(a, 0).s); /* of how many stands below the picture */
  if (a->scatter_texts < a->texts)
    snprintf(texts, sizeof texts, "%zu %.100s", a->scatter_texts, text.s);
  else if (a->texts < CLOUD_POINTS_MIN && a->images > 4 * a->texts)
    snprintf(texts, sizeof texts, "all %zu %.100s", a->texts, text.s);
  if (*images || *texts)
    cgap_tsv_about(t, "note", "%s%s%s drawn", images, *images && *texts ? ", " : "", texts);
}

static cgap_status write_scatter(cgap_tsv *t, const cgap_audit *a, cgap_error *error)
{
  char distance[150];
  cgap_point *images = calloc(a->scatter_images + 1, sizeof *images);
  bool *plotted = calloc(a->scatter_images + 1, sizeof *plotted);
  if (!images || !plotted) {
    free(images);
    free(plotted);
    return cgap_fail(error, CGAP_RESOURCE, "out of memory while the scatter is written");
  }
  if (a->scatter_images)
    memcpy(images, a->scatter_image, a->scatter_images * sizeof *images);
  qsort(images, a->scatter_images, sizeof *images, by_row);
  size_t pairs = put_pairs_of_points(t, a, images, plotted);
  free(images);
  free(plotted);
  value_with_interval(distance, &a->gap.corrected_distance, 3);
  cgap_tsv_about(t, "pairs", "%zu", pairs);
  if (t->names)
    cgap_tsv_about(t, "named", "yes");
  cgap_tsv_about(t, "corrected_distance", "%s", distance);
  if (!(a->has & CGAP_HAS_PAIRS))
    cgap_tsv_about(t, "axes", "gap");
  if (a->pca_joint.count > 1) {
    cgap_tsv_about(t, "share_1", "%.6g", a->scatter_variance[0]);
    cgap_tsv_about(t, "share_2", "%.6g", a->scatter_variance[1]);
  }
  about_centroid(t, "image", a->scatter_image, a->scatter_images);
  about_centroid(t, "text", a->scatter_text, a->scatter_texts);
  about_shown_rows(t, a);
  return CGAP_OK;
}

/* How many pairs a histogram holds, and between which edges; of an empty one nothing is said but the 0. */
static void about_histogram(cgap_tsv *t, const char *name, const cgap_audit *a, const uint64_t *counts, double *low,
                            double *high)
{
  uint64_t total = 0;
  int first = CGAP_HISTOGRAM_BINS, last = 0;
  char key[40];
  for (int b = 0; b < CGAP_HISTOGRAM_BINS; b++) {
    total += counts[b];
    first = counts[b] && b < first ? b : first;
    last = counts[b] ? b : last;
  }
  snprintf(key, sizeof key, "total_%s", name);
  cgap_tsv_about(t, key, "%llu", (unsigned long long)total);
  if (!total)
    return;
  snprintf(key, sizeof key, "first_%s", name);
  cgap_tsv_about(t, key, "%.2f", a->histogram_edges[first]);
  snprintf(key, sizeof key, "last_%s", name);
  cgap_tsv_about(t, key, "%.2f", a->histogram_edges[last + 1]);
  *low = fmin(*low, a->histogram_edges[first]);
  *high = fmax(*high, a->histogram_edges[last + 1]);
}

static void about_histograms(cgap_tsv *t, const cgap_audit *a)
{
  const struct {
    const char *name;
    const uint64_t *counts;
  } all[] = {{"pair", a->histogram_pair},
             {"cross", a->histogram_cross},
             {"image", a->histogram_image},
             {"text", a->histogram_text}};
  double low = 1, high = -1;
  for (int h = 0; h < 4; h++)
    about_histogram(t, all[h].name, a, all[h].counts, &low, &high);
  cgap_tsv_about(t, "first", "%.2f", low < high ? low : -1);
  cgap_tsv_about(t, "last", "%.2f", low < high ? high : 1);
}

static cgap_status write_cosines(cgap_tsv *t, const cgap_audit *a, cgap_error *error)
{
  (void)error;
  for (int b = 0; b < CGAP_HISTOGRAM_BINS; b++) {
    cgap_tsv_row(t);
    fprintf(t->file.stream, "%.2f\t%.2f\t%llu\t%llu\t%llu\t%llu\n", a->histogram_edges[b], a->histogram_edges[b + 1],
            (unsigned long long)a->histogram_pair[b], (unsigned long long)a->histogram_cross[b],
            (unsigned long long)a->histogram_image[b], (unsigned long long)a->histogram_text[b]);
  }
  char mean[4][40];
  const char *image = cgap_modality_name(a->names.of[0], 0),
             *text = a->has & CGAP_TEXT_IS_CLASSES ? "class text" : cgap_modality_name(a->names.of[1], 1);
  cgap_modality_names english = a->names; /* as in the scripts */
  english.language = NULL;
  const cgap_phrase images = cgap_phrase_of(&english, "{images}"),
                    texts = cgap_phrase_of(&english, a->has & CGAP_TEXT_IS_CLASSES ? "class texts" : "{texts}");
  const cgap_cosines *const sets[] = {&a->cosine_pair, &a->cosine_cross, &a->cosine_image, &a->cosine_text};
  for (int s = 0; s < 4; s++)
    cgap_value_show(mean[s], sets[s]->why ? NAN : sets[s]->mean, 2);
  if (!(a->has & CGAP_HAS_TEXT))
    cgap_tsv_about(t, "means", "%s", mean[2]);
  else if (!(a->has & CGAP_ONE_SPACE))
    cgap_tsv_about(t, "means", "%s (%s), %s (%s)", mean[2], images.s, mean[3], texts.s);
  else if (a->has & CGAP_HAS_PAIRS)
    cgap_tsv_about(t, "means", "%s (matched), %s (non-matching), %s (%s), %s (%s)", mean[0], mean[1], mean[2], images.s,
                   mean[3], texts.s);
  else
    cgap_tsv_about(t, "means", "%s (%s–%s), %s (%s), %s (%s)", mean[1], image, text, mean[2], images.s, mean[3],
                   texts.s);
  about_histograms(t, a);
  return CGAP_OK;
}

static cgap_status write_variance(cgap_tsv *t, const cgap_audit *a, cgap_error *error)
{
  (void)error;
  const cgap_spectrum *const spectra[] = {&a->pca_image, &a->pca_text, &a->pca_joint};
  double sum[3] = {0};
  const size_t dim = a->text_dim > a->dim ? a->text_dim : a->dim;
  for (size_t k = 0; k < dim; k++) {
    cgap_tsv_row(t);
    fprintf(t->file.stream, "%zu\t", k + 1);
    for (int s = 0; s < 3; s++) {
      if (k < spectra[s]->count)
        sum[s] += spectra[s]->explained_variance_ratio[k];
      cgap_tsv_number(t, k < spectra[s]->count ? sum[s] : NAN, '\t');
    }
    cgap_tsv_number(t, (double)(k + 1) / (double)dim, '\n');
  }
  char ratio[3][150];
  for (int s = 0; s < 3; s++)
    value_with_interval(ratio[s], &spectra[s]->participation_ratio, 1);
  cgap_tsv_about(t, "image_ratio", "%s", ratio[0]);
  cgap_tsv_about(t, "text_ratio", "%s", ratio[1]);
  cgap_tsv_about(t, "joint_ratio", "%s", ratio[2]);
  const char *image = cgap_modality_name(a->names.of[0], 0), *text = cgap_modality_name(a->names.of[1], 1);
  if (!(a->has & CGAP_HAS_TEXT))
    cgap_tsv_about(t, "ratios", "%s", ratio[0]);
  else if (!(a->has & CGAP_ONE_SPACE))
    cgap_tsv_about(t, "ratios", "%s (%s), %s (%s)", ratio[0], image, ratio[1], text);
  else
    cgap_tsv_about(t, "ratios", "%s (%s), %s (%s), %s (joint)", ratio[0], image, ratio[1], text, ratio[2]);
  return CGAP_OK;
}

static bool among_largest(const cgap_audit *a, size_t coordinate)
{
  for (size_t i = 0; i < a->gap.dimension_count; i++)
    if (a->gap.dimensions[i].index == coordinate)
      return a->gap.dimensions[i].share >= 0.02;
  return false;
}

/* Which two coordinates hold most of the squared centroid distance, and what share of it. */
static void about_largest(cgap_tsv *t, const cgap_audit *a, double square)
{
  const size_t none = a->dim;
  size_t top[2] = {none, none};
  double held[2] = {0, 0};
  for (size_t k = 0; k < a->dim; k++) {
    const double off = a->image_mean[k] - a->text_mean[k], holds = off * off;
    const int place = top[0] == none || holds > held[0] ? 0 : top[1] == none || holds > held[1] ? 1 : 2;
    if (place == 0) {
      top[1] = top[0];
      held[1] = held[0];
    }
    if (place < 2) {
      top[place] = k;
      held[place] = holds;
    }
  }
  if (!(square > 0)) {
    cgap_tsv_about(t, "largest", "nothing");
    cgap_tsv_about(t, "largest_two", "no coordinate holds any");
    return;
  }
  cgap_tsv_about(t, "largest", "%.1f %%", 100 * held[0] / square);
  for (int i = 0; i < 2 && top[i] != none; i++) {
    cgap_tsv_about(t, i ? "second_coordinate" : "first_coordinate", "%zu", top[i]);
    cgap_tsv_about(t, i ? "second_share" : "first_share", "%.1f %%", 100 * held[i] / square);
  }
  if (top[1] != none)
    cgap_tsv_about(t, "largest_two", "coordinates %zu and %zu hold %.1f %%", top[0], top[1],
                   100 * (held[0] + held[1]) / square);
  else
    cgap_tsv_about(t, "largest_two", "coordinate %zu holds 100.0 %%", top[0]);
}

static cgap_status write_dimensions(cgap_tsv *t, const cgap_audit *a, cgap_error *error)
{
  (void)error;
  double square = 0;
  for (size_t k = 0; k < a->dim; k++) {
    double off = a->image_mean[k] - a->text_mean[k];
    square += off * off;
  }
  for (size_t k = 0; k < a->dim; k++) {
    double off = a->image_mean[k] - a->text_mean[k];
    cgap_tsv_row(t);
    fprintf(t->file.stream, "%zu\t%.9g\t%.9g\t%.9g\t", k, a->image_mean[k], a->text_mean[k], off);
    cgap_tsv_number(t, square > 0 ? off * off / square : NAN, '\t');
    fprintf(t->file.stream, among_largest(a, k) ? "%zu\n" : "NA\n", k);
  }
  char distance[150];
  value_with_interval(distance, &a->gap.corrected_distance, 3);
  cgap_tsv_about(t, "corrected_distance", "%s", distance);
  about_largest(t, a, square);
  return CGAP_OK;
}

static double fraction_within(const double *ranks, size_t count, double k)
{
  size_t asked = 0, found = 0;
  for (size_t i = 0; i < count; i++) {
    asked += isfinite(ranks[i]);
    found += ranks[i] <= k;
  }
  return asked ? (double)found / (double)asked : NAN;
}

/* The ends of the intervals of both directions, where the audit has them: for 1, 5 and 10 candidates. */
static void put_recall_intervals(cgap_tsv *t, const cgap_audit *a, double k)
{
  const cgap_retrieval *const direction[] = {&a->image_to_text, &a->text_to_image};
  for (int d = 0; d < 2; d++) {
    const cgap_scalar *s = k == 1    ? &direction[d]->recall_at_1
                           : k == 5  ? &direction[d]->recall_at_5
                           : k == 10 ? &direction[d]->recall_at_10
                                     : NULL;
    const bool known = s && isfinite(cgap_value_or_nan(s));
    cgap_tsv_number(t, known ? s->lo : NAN, '\t');
    cgap_tsv_number(t, known ? s->hi : NAN, d ? '\n' : '\t');
  }
}

static cgap_status write_recall(cgap_tsv *t, const cgap_audit *a, cgap_error *error)
{
  (void)error;
  static const double steps[] = {1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9};
  char recall[2][150];
  size_t largest = a->images > a->texts ? a->images : a->texts;
  double per_image = (double)a->texts / (double)a->images, last = 1;
  for (double decade = 1; decade <= (double)largest && decade < 1000; decade *= 10) {
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
      double k = decade * steps[s];
      if (k != floor(k) || k > (double)largest)
        continue;
      last = k;
      fprintf(t->file.stream, "%.0f\t", k);
      cgap_tsv_number(t, fraction_within(a->rank_image_to_text, a->images, k), '\t');
      cgap_tsv_number(t, fraction_within(a->rank_text_to_image, a->texts, k), '\t');
      cgap_tsv_number(t, 1 - pow(fmax(0, 1 - k / (double)a->texts), per_image), '\t');
      cgap_tsv_number(t, fmin(1, k / (double)a->images), '\t');
      put_recall_intervals(t, a, k);
    }
  }
  value_with_interval(recall[0], &a->image_to_text.recall_at_1, 3);
  value_with_interval(recall[1], &a->text_to_image.recall_at_1, 3);
  cgap_tsv_about(t, "recall_image_to_text", "%s", recall[0]);
  cgap_tsv_about(t, "recall_text_to_image", "%s", recall[1]);
  cgap_tsv_about(t, "last", "%.0f", fmax(last, 2));
  return CGAP_OK;
}

static cgap_status write_plane(cgap_tsv *t, const cgap_audit *a, cgap_error *error)
{
  (void)error;
  /* the paper's values at d = 128, on COCO */
  static const struct {
    const char *name;
    double uniformity, alignment;
  } paper[] = {
    {"CLIP (paper, d 128)", -1.91, 0.87}, {"CUA (paper, d 128)", -3.65, 0.54}, {"CUAXU (paper, d 128)", -3.75, 0.73}};
  for (size_t i = 0; i < sizeof paper / sizeof *paper; i++)
    fprintf(t->file.stream, "%s\treference\t%.9g\t%.9g\tNA\tNA\tNA\tNA\n", paper[i].name, paper[i].uniformity,
            paper[i].alignment);
  const cgap_scalar *u = &a->uniformity.mean, *l = &a->alignment.mean_squared_distance;
  const double values[] = {u->value, l->value, u->lo, u->hi, l->lo, l->hi};
  fprintf(t->file.stream, "this file\tthis\t");
  for (int v = 0; v < 6; v++)
    cgap_tsv_number(t, values[v], v < 5 ? '\t' : '\n');
  char shown_u[150], shown_l[150];
  value_with_interval(shown_u, u, 3);
  value_with_interval(shown_l, l, 3);
  cgap_tsv_about(t, "uniformity", "%s", shown_u);
  cgap_tsv_about(t, "alignment", "%s", shown_l);
  cgap_tsv_about(t, "sphere", "%.9g", a->uniformity.sphere);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- the figures */

static const struct figure {
  const char *name, *header;
  unsigned needs;
  cgap_status (*write)(cgap_tsv *table, const cgap_audit *audit, cgap_error *error);
  bool twice; /* also drawn before and after on the same axes */
} figures[CGAP_FIGURES_MAX] = {
  {"scatter", "{image}\t{image}_x\t{image}_y\t{text}\t{text}_x\t{text}_y\tcosine", CGAP_ONE_SPACE, write_scatter, true},
  {"cosines", "low\thigh\tpair\tcross\t{image}\t{text}", 0, write_cosines, true},
  {"variance", "components\t{image}\t{text}\tjoint\tuniform", 0, write_variance, true},
  {"dimensions", "coordinate\t{image}_mean\t{text}_mean\tdifference\tshare\tlabel", CGAP_ONE_SPACE, write_dimensions,
   true},
  {"recall",
   "k\t{image}_to_{text}\t{text}_to_{image}\tchance_{image}_to_{text}\tchance_{text}_to_{image}\t{image}_to_{text}_"
   "low\t"
   "{image}_to_{text}_high\t{text}_to_{image}_low\t{text}_to_{image}_high",
   CGAP_HAS_PAIRS, write_recall, false},
  {"plane", "name\tkind\tuniformity\talignment\tuniformity_low\tuniformity_high\talignment_low\talignment_high",
   CGAP_HAS_PAIRS, write_plane, false},
};

size_t cgap_figures_of(const cgap_audit *a, const char *names[CGAP_FIGURES_MAX])
{
  size_t count = 0;
  for (size_t f = 0; f < CGAP_FIGURES_MAX; f++)
    if ((a->has & figures[f].needs) == figures[f].needs)
      names[count++] = figures[f].name;
  return count;
}

static cgap_status close_figure(cgap_tsv *table, cgap_status status, const char *folder, const char *name,
                                cgap_error *error)
{
  cgap_error ignored;
  cgap_status closed = cgap_tsv_close(table, !status, status ? &ignored : error);
  status = status ? status : closed;
  return status ? status : cgap_plots_copy(folder, name, error);
}

cgap_status cgap_figures_write(const cgap_audit *a, const cgap_row_names *names, const char *source, const char *folder,
                               cgap_error *error)
{
  const bool named = names && (names->of[CGAP_NAMED_IMAGES].count || names->of[CGAP_NAMED_TEXTS].count);
  for (size_t f = 0; f < CGAP_FIGURES_MAX; f++) {
    cgap_tsv table;
    if ((a->has & figures[f].needs) != figures[f].needs)
      continue;
    char header[200];
    const bool names_rows = named && figures[f].write == write_scatter;
    snprintf(header, sizeof header, "%s%s", figures[f].header, names_rows ? "\t{image}_name\t{text}_name" : "");
    cgap_status status = cgap_tsv_open(&table, folder, figures[f].name, cgap_phrase_of(&a->names, header).s, error);
    if (status)
      return status;
    table.names = names_rows ? names : NULL;
    status = figures[f].write(&table, a, error);
    cgap_tsv_about_audit(&table, a, source);
    status = close_figure(&table, status, folder, figures[f].name, error);
    if (status)
      return status;
  }
  return CGAP_OK;
}

const char *const cgap_before_after[CGAP_BEFORE_AFTER] = {"scatter_before_after", "cosines_before_after",
                                                          "variance_before_after", "dimensions_before_after"};

cgap_status cgap_before_after_write(const cgap_audit *before, const cgap_audit *after, const char *source,
                                    const char *folder, cgap_error *error)
{
  for (size_t f = 0; f < CGAP_FIGURES_MAX; f++) {
    char name[60], header[200];
    cgap_tsv table;
    if (!figures[f].twice)
      continue;
    snprintf(name, sizeof name, "%s_before_after", figures[f].name);
    snprintf(header, sizeof header, "when\t%s", figures[f].header);
    cgap_status status = cgap_tsv_open(&table, folder, name, cgap_phrase_of(&after->names, header).s, error);
    if (status)
      return status;
    table.when = "before";
    status = figures[f].write(&table, before, error);
    cgap_tsv_about(&table, "dim", "%zu", before->dim);
    table.when = "after";
    if (!status)
      status = figures[f].write(&table, after, error);
    cgap_tsv_about(&table, "dim", "%zu", after->dim);
    table.when = NULL;
    cgap_tsv_about_audit(&table, after, source);
    status = close_figure(&table, status, folder, name, error);
    if (status)
      return status;
  }
  return CGAP_OK;
}
