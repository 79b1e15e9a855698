/* The figures: a table, a script and a picture each; those of an audit, and curves and maps of trainings and sweeps. */
#include "report/figures.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_buffer.h"
#include "report/gnuplot.h"
#include "report/text.h"

/* ---------------------------------------------------------------- tsv */

cgap_status cgap_tsv_open(cgap_tsv *out, const char *folder, const char *name, const char *header, cgap_error *error)
{
  char file[100], path[CGAP_PATH];
  *out = (cgap_tsv){0};
  snprintf(file, sizeof file, "%s.tsv", name);
  cgap_status status = cgap_folder_file(path, folder, file, error);
  if (!status)
    status = cgap_outfile_open(&out->file, path, error);
  if (!status)
    fprintf(out->file.stream, "%s\n", header);
  return status;
}

void cgap_tsv_row(cgap_tsv *table)
{
  if (table->when)
    fprintf(table->file.stream, "%s\t", table->when);
}

void cgap_tsv_number(cgap_tsv *table, double value, char end)
{
  if (isfinite(value))
    fprintf(table->file.stream, "%.9g%c", value, end);
  else
    fprintf(table->file.stream, "NA%c", end);
}

void cgap_tsv_about(cgap_tsv *table, const char *key, const char *format, ...)
{
  char value[1000];
  va_list values;
  va_start(values, format);
  (void)vsnprintf(value, sizeof value, format, values);
  va_end(values);
  cgap_text_clean(value, ' ', "");
  fprintf(table->file.stream, "# %s%s%s\t", table->when ? table->when : "", table->when ? "_" : "", key);
  for (const char *c = value; *c; c++)
    if (*c == '"')
      fputs("\xE2\x80\xB3", table->file.stream);
    else
      fputc(*c, table->file.stream);
  fputc('\n', table->file.stream);
}

cgap_status cgap_tsv_close(cgap_tsv *table, bool commit, cgap_error *error)
{
  return cgap_outfile_close(&table->file, commit, error);
}

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

/* Characters that end a string of gnuplot, of a script in SVG, or of markup have a look-alike. */
void cgap_tsv_label(FILE *stream, const char *name)
{
  enum { SHOWN = 100 };
  static const char PLAIN[] = "\"'<>&\\";
  static const char *const ALIKE[] = {"\xE2\x80\xB3", "\xE2\x80\x99", "\xE2\x80\xB9", "\xE2\x80\xBA", "+", "/"};
  char shown[SHOWN];
  cgap_name_shorten(shown, sizeof shown, name ? name : "");
  for (const char *c = shown; *c; c++) {
    const char *plain = strchr(PLAIN, *c);
    fputs(plain ? ALIKE[plain - PLAIN] : (const char[]){*c, '\0'}, stream);
  }
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
    cgap_tsv_about(t, "note", "only %s%s%s drawn", images, *images && *texts ? ", " : "", texts);
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
  cgap_tsv_about(t, "couples", "%zu", pairs);
  if (t->names)
    cgap_tsv_about(t, "named", "yes");
  cgap_tsv_about(t, "corrected_distance", "%s", distance);
  if (a->pca_joint.count > 1) {
    cgap_tsv_about(t, "share_1", "%.6g", a->pca_joint.explained_variance_ratio[0]);
    cgap_tsv_about(t, "share_2", "%.6g", a->pca_joint.explained_variance_ratio[1]);
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
  const cgap_phrase images = cgap_image_word(a, 0), texts = cgap_text_word(a, 0);
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

static cgap_status write_dimensions(cgap_tsv *t, const cgap_audit *a, cgap_error *error)
{
  (void)error;
  double square = 0, largest = 0;
  for (size_t k = 0; k < a->dim; k++) {
    double off = a->image_mean[k] - a->text_mean[k];
    square += off * off;
    largest = fmax(largest, off * off);
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
  if (square > 0)
    cgap_tsv_about(t, "largest", "%.1f %%", 100 * largest / square);
  else
    cgap_tsv_about(t, "largest", "nothing");
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
      cgap_tsv_number(t, fmin(1, k / (double)a->images), '\n');
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

/* ---------------------------------------------------------------- the figures of an audit */

enum { SOURCE = 200, LETTERS = 56 };

/* A long name without its middle, so that it fits under a picture; cut between characters of UTF-8. */
static const char *shorten_source(char out[SOURCE], const char *source)
{
  size_t starts[1024], count = 0, length = strlen(source);
  for (size_t i = 0; i < length && count < 1024; i++)
    if (((unsigned char)source[i] & 0xC0) != 0x80)
      starts[count++] = i;
  if (count <= LETTERS)
    snprintf(out, SOURCE, "%s", source);
  else
    snprintf(out, SOURCE, "%.*s…%s", (int)starts[LETTERS / 2], source, source + starts[count - LETTERS / 2]);
  return out;
}

/* The words that the scripts use where they are not image and text (plots/style.gp). */
static void about_names_of(cgap_tsv *t, const cgap_modality_names *names)
{
  static const char *const WORDS[][2] = {{"image_word", "{image}"},
                                         {"images_word", "{images}"},
                                         {"Images_word", "{Images}"},
                                         {"text_word", "{text}"},
                                         {"texts_word", "{texts}"}};
  for (size_t k = 0; names && !cgap_modality_names_default(names) && k < sizeof WORDS / sizeof *WORDS; k++)
    cgap_tsv_about(t, WORDS[k][0], "%s", cgap_phrase_of(names, WORDS[k][1]).s);
}

void cgap_tsv_about_audit(cgap_tsv *t, const cgap_audit *a, const char *source)
{
  char name[SOURCE];
  cgap_tsv_about(t, "file", "%s", shorten_source(name, source));
  cgap_tsv_about(t, "images", "%zu", a->images);
  cgap_tsv_about(t, "texts", "%zu", a->texts);
  if (a->has & CGAP_TEXT_IS_CLASSES)
    cgap_tsv_about(t, "text_word", "class text"); /* before the names: the first of a key counts */
  about_names_of(t, &a->names);
  cgap_tsv_about(t, "dim", "%zu", a->text_dim > a->dim ? a->text_dim : a->dim);
  if (a->has & CGAP_ONE_SPACE)
    return;
  char size[CGAP_SENTENCE];
  cgap_tsv_about(t, "size", "%s", cgap_size_words(size, a));
  cgap_tsv_about(t, "spaces", a->has & CGAP_HAS_TEXT ? "two" : "one modality");
}

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
  {"recall", "k\t{image}_to_{text}\t{text}_to_{image}\tchance_{image}_to_{text}\tchance_{text}_to_{image}",
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

cgap_status cgap_figures_render(const char *folder, const char *const *names, size_t count,
                                void (*warn_line)(const char *line), cgap_error *error)
{
  const cgap_plot_job job = {.format = "svg", .theme = "light"};
  cgap_status status = CGAP_OK;
  for (size_t f = 0; f < count && !status; f++) {
    cgap_error fault = {0};
    cgap_status rendered = cgap_gnuplot_render(folder, names[f], &job, &fault);
    if (rendered == CGAP_INTERRUPTED || rendered == CGAP_RESOURCE)
      status = cgap_fail(error, rendered, "%s", fault.message);
    else if (rendered && warn_line)
      warn_line(fault.message);
    if (rendered == CGAP_USAGE) /* no gnuplot: said once */
      break;
  }
  return status;
}

/* ---------------------------------------------------------------- figure info */

const cgap_figure_info cgap_figure_infos[] = {
  {"scatter", "{Images} and {texts} on the two main axes",
   "Each dot is a row; a thin line joins {an image} and its {one text} (at most 300 are drawn), the thick one the two "
   "centroids. Two clouds apart with parallel lines between them are a gap. One mixed cloud shows none on these two "
   "axes; whether {images} and {texts} mix in the others is what the measures of the same modality say."},
  {"cosines", "Cosines of matched and of other pairs",
   "Matched pairs should be to the right of all others, without overlap. Where pairs of {images} or of {texts} are to "
   "the "
   "right of the matched pairs, a row is nearer to others of its own modality than to its partner."},
  {"scatter_unpaired", "{Images} and {texts} on the two main axes",
   "Each dot is a row; the thick line joins the two centroids. Two clouds apart are a gap. One mixed cloud shows none "
   "on "
   "these two axes; whether {images} and {texts} mix in the others is what the measures of the same modality say."},
  {"cosines_unpaired", "Cosines of {images} with {texts}, and within each",
   "The farther the cosines across are to the left of those within, the farther {images} and {texts} are apart."},
  {"cosines_within", "Cosines within a modality",
   "The farther to the right, the narrower the cone that the rows fill; evenly spread rows have cosines around 0."},
  {"variance", "Variance of the principal components",
   "The steeper the curve, the fewer directions the rows use; the dotted line is a cloud that uses all of them "
   "equally."},
  {"dimensions", "The gap, coordinate by coordinate",
   "A few long bars mean that the gap sits in a few coordinates, as it often does in CLIP; many short ones that it is "
   "distributed over all."},
  {"recall", "Recall at k",
   "The fraction of queries that find their partner among the first k; the dotted line is guessing."},
  {"plane", "Uniformity and alignment",
   "Lower means that matched pairs are closer, further left that the rows fill the sphere more evenly; good embeddings "
   "are low and "
   "left. "
   "Hollow points are values of the paper, on other data."},
  {"scatter_before_after", "{Images} and {texts}, before and after",
   "The same rows before and after, on axes of the same scale: the two clouds should come together. Two dimensions do "
   "not "
   "show whether they mix in the others."},
  {"cosines_before_after", "Cosines, before and after",
   "Where the gap is closed and the rows are spread, the matched pairs are to the right of everything else."},
  {"variance_before_after", "Variance, before and after",
   "Solid lines after, broken lines before: the nearer to the dotted diagonal, the more directions the rows use."},
  {"dimensions_before_after", "The gap by coordinate, before and after", "After training all bars should be short."},
  {"history", "Training", "Every loss term and measure of the validation part, epoch by epoch."},
  {"race", "The race", "The same start, data and options under several losses: only the loss differs."},
  {"sweep", "The sweep",
   "Each measure against the option that was varied; bars are one standard deviation of the runs."},
  {"map", "The map", "One measure over two options; each cell names its value."},
  {"matrix", "The gaps between the modalities",
   "Each cell is the corrected distance of two modalities: the darker, the wider the gap between them."},
  {"modalities", "All modalities on the two main axes",
   "Each dot is a row, at most 500 of a modality; the large marks are the centroids of all rows. Clouds apart from "
   "each other are gaps. One mixed cloud shows none on these two axes; whether the modalities mix in the others is "
   "what the "
   "shares of the nearest rows say."},
  {"overview", "The inputs, measure by measure",
   "Dots are values, lines their 95 % intervals. A filled dot is significantly better than each of the others; where "
   "intervals overlap, a difference may still be clear."},
  {"series", "The measures over the series",
   "Each measure over the number of the input; the band is its 95 % interval."},
  {"groups", "The groups",
   "A dot is a group's corrected distance, the bar its interval; groups of few rows have long bars. Marked are those "
   "that differ from the rest of the rows after a correction for the number of groups."},
};
const size_t cgap_figure_info_count = sizeof cgap_figure_infos / sizeof *cgap_figure_infos;

const cgap_figure_info *cgap_figure_find(const char *name)
{
  const size_t kind = strcspn(name, "-"); /* "sweep-dim" is a sweep */
  for (size_t i = 0; i < cgap_figure_info_count; i++)
    if (strlen(cgap_figure_infos[i].name) == kind && strncmp(cgap_figure_infos[i].name, name, kind) == 0)
      return &cgap_figure_infos[i];
  return NULL;
}

const char *cgap_figure_page_size(const char *name)
{
  if (strcmp(name, "groups") == 0) /* as high as there are groups */
    return NULL;
  return strcmp(name, "overview") == 0 || strcmp(name, "series") == 0 ? "640,0" : "640,460";
}

/* ---------------------------------------------------------------- curves and maps */

static void about_curves(cgap_tsv *t, const cgap_curves_about *about)
{
  cgap_tsv_about(t, "title", "%s", about->title);
  cgap_tsv_about(t, "shown", "%s", about->shown ? about->shown : "");
  cgap_tsv_about(t, "file", "%s", about->source ? about->source : "");
  cgap_tsv_about(t, "images", "%zu", about->images);
  cgap_tsv_about(t, "texts", "%zu", about->texts);
  about_names_of(t, about->names);
  cgap_tsv_about(t, "dim", "%zu", about->dim);
}

static const char *panel_of(const cgap_curve *c)
{
  return c->panel;
}

static const char *series_of(const cgap_curve *c)
{
  return c->series;
}

/* "# panels<tab>2" and "# panel_1<tab>name": the distinct names in the order of the curves. */
static void about_names(cgap_tsv *t, const char *what, const cgap_curve *curves, size_t count,
                        const char *(*name_of)(const cgap_curve *))
{
  char key[60];
  size_t names = 0;
  for (size_t c = 0; c < count; c++) {
    bool again = false;
    for (size_t b = 0; b < c && !again; b++)
      again = strcmp(name_of(&curves[b]), name_of(&curves[c])) == 0;
    if (again)
      continue;
    snprintf(key, sizeof key, "%s_%zu", what, ++names);
    cgap_tsv_about(t, key, "%s", name_of(&curves[c]));
  }
  snprintf(key, sizeof key, strcmp(what, "series") == 0 ? "%s" : "%ss", what);
  cgap_tsv_about(t, key, "%zu", names);
}

enum { TICKS = 8 };

/* Each place of the axis by its name. */
static void about_categories(cgap_tsv *t, const cgap_curves_about *about)
{
  char key[60];
  for (size_t k = 0; k < about->x_name_count; k++) {
    snprintf(key, sizeof key, "category_%zu", k + 1);
    cgap_tsv_about(t, key, "%s", about->x_names[k]);
  }
  cgap_tsv_about(t, "categories", "%zu", about->x_name_count);
}

/* Where x takes few values, each has its own mark on the axis. */
static void about_ticks(cgap_tsv *t, const cgap_curve *curves, size_t count)
{
  double ticks[TICKS];
  char key[60];
  size_t used = 0;
  for (size_t c = 0; c < count; c++) {
    for (size_t i = 0; i < curves[c].count; i++) {
      size_t k = 0;
      while (k < used && ticks[k] != curves[c].x[i])
        k++;
      if (k == TICKS)
        return;
      if (k == used && isfinite(curves[c].x[i]))
        ticks[used++] = curves[c].x[i];
    }
  }
  for (size_t k = 0; k < used; k++) {
    snprintf(key, sizeof key, "tick_%zu", k + 1);
    cgap_tsv_about(t, key, "%.6g", ticks[k]);
  }
  cgap_tsv_about(t, "ticks", "%zu", used);
}

static void put_name(cgap_tsv *t, const char *name)
{
  while (*name)
    name += cgap_text_put_next(t->file.stream, *name == '"' ? " " : name, ' ');
  fputc('\t', t->file.stream);
}

static void put_curve(cgap_tsv *t, const cgap_curve *c)
{
  for (size_t i = 0; i < c->count; i++) {
    put_name(t, c->panel);
    put_name(t, c->series);
    cgap_tsv_number(t, c->x[i], '\t');
    cgap_tsv_number(t, c->y[i], '\t');
    cgap_tsv_number(t, c->low ? c->low[i] : NAN, '\t');
    cgap_tsv_number(t, c->high ? c->high[i] : NAN, '\n');
  }
}

cgap_status cgap_curves_write(const char *folder, const char *name, const cgap_curve *curves, size_t count,
                              const cgap_curves_about *about, cgap_error *error)
{
  cgap_tsv table;
  cgap_status status = cgap_tsv_open(&table, folder, name, "panel\tseries\tx\ty\tlow\thigh", error);
  if (status)
    return status;
  for (size_t c = 0; c < count; c++)
    put_curve(&table, &curves[c]);
  about_curves(&table, about);
  cgap_tsv_about(&table, "x", "%s", about->x);
  if (about->log_x)
    cgap_tsv_about(&table, "log_x", "1");
  about_names(&table, "panel", curves, count, panel_of);
  about_names(&table, "series", curves, count, series_of);
  if (about->x_names)
    about_categories(&table, about);
  else
    about_ticks(&table, curves, count);
  status = cgap_tsv_close(&table, true, error);
  return status ? status : cgap_plots_copy(folder, name, error);
}

static void about_axis(cgap_tsv *t, const char *what, const char *const *names, size_t count)
{
  char key[60];
  snprintf(key, sizeof key, "%ss", what);
  cgap_tsv_about(t, key, "%zu", count);
  for (size_t i = 0; i < count; i++) {
    snprintf(key, sizeof key, "%s_%zu", what, i + 1);
    cgap_tsv_about(t, key, "%s", names[i]);
  }
}

cgap_status cgap_map_write(const char *folder, const cgap_map *m, const cgap_curves_about *about, cgap_error *error)
{
  cgap_tsv table;
  cgap_status status = cgap_tsv_open(&table, folder, "map", "x\ty\tcolumn\trow\tvalue", error);
  if (status)
    return status;
  for (size_t r = 0; r < m->rows; r++) {
    for (size_t c = 0; c < m->columns; c++) {
      put_name(&table, m->column[c]);
      put_name(&table, m->row[r]);
      fprintf(table.file.stream, "%zu\t%zu\t", c + 1, r + 1);
      cgap_tsv_number(&table, m->value[r * m->columns + c], '\n');
    }
  }
  about_curves(&table, about);
  cgap_tsv_about(&table, "x", "%s", m->x);
  cgap_tsv_about(&table, "y", "%s", m->y);
  cgap_tsv_about(&table, "measure", "%s", m->measure);
  about_axis(&table, "column", m->column, m->columns);
  about_axis(&table, "row", m->row, m->rows);
  status = cgap_tsv_close(&table, true, error);
  return status ? status : cgap_plots_copy(folder, "map", error);
}
