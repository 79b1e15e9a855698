/* What every figure is called and how it is read; draws those of a folder. */
#include "report/figures.h"

#include <string.h>

#include "report/gnuplot.h"

const cgap_figure_info cgap_figure_infos[] = {
  {"scatter", "{Images} and {texts} on the two main axes",
   "Each dot is a row; a thin line joins {an image} and its {one text} (at most 300 are drawn), the thick one the two "
   "centroids. Two clouds apart with parallel lines between them are a gap. One mixed cloud shows none on these two "
   "axes; whether {images} and {texts} mix in the others is what the measures of the same modality say."},
  {"cosines", "Cosines of matched and of other pairs",
   "Matched pairs should be to the right of all others, without overlap. Where pairs of {images} or of {texts} are to "
   "the right of the matched pairs, a row is nearer to others of its own modality than to its partner."},
  {"scatter_unpaired", "{Images} and {texts} along the gap",
   "Each dot is a row. The horizontal axis runs along the difference of the two centroids, which the thick line joins; "
   "the vertical one is the direction across it in which the rows vary most. Two clouds apart are a gap; clouds that "
   "overlap here overlap along the only direction in which their means differ."},
  {"cosines_unpaired", "Cosines of {images} with {texts}, and within each",
   "The farther the cosines across are to the left of those within, the farther {images} and {texts} are apart."},
  {"cosines_within", "Cosines within a modality",
   "The farther to the right, the narrower the cone that the rows fill; evenly spread rows have cosines around 0."},
  {"variance", "Variance of the principal components",
   "The higher a curve on the left, the fewer directions the rows use; the dotted line is a cloud that uses all of "
   "them "
   "equally. Joint is both modalities in one pool: where it starts far above the others, the gap itself is one of its "
   "main directions. The number of components is on a logarithmic axis."},
  {"variance_within", "Variance of the principal components",
   "The higher a curve on the left, the fewer directions the rows use; the dotted line is a cloud that uses all of "
   "them "
   "equally. The number of components is on a logarithmic axis."},
  {"dimensions", "The gap, coordinate by coordinate",
   "A few long bars mean that the gap sits in a few coordinates, as it often does in CLIP; many short ones that it is "
   "distributed over all. The two largest have their share of the squared distance between the centroids."},
  {"recall", "Recall at k",
   "The fraction of queries that find their partner among the first k = 1, 5 and 10, in both directions, with 95 % "
   "intervals; the broken lines are guessing."},
  {"plane", "Uniformity and alignment",
   "Lower means that matched pairs are closer, further left that the rows fill the sphere more evenly; good embeddings "
   "are low and left. Hollow points are values of the paper, on other data."},
  {"scatter_before_after", "{Images} and {texts}, before and after",
   "The same rows before and after, on axes of the same scale: the two clouds should come together. Two dimensions do "
   "not show whether they mix in the others."},
  {"cosines_before_after", "Cosines, before and after",
   "Where the gap is closed and the rows are spread, the matched pairs are to the right of everything else."},
  {"variance_before_after", "Variance, before and after",
   "A solid line after, a broken line before, for each modality and for both in one pool (joint): the nearer to the "
   "dotted line, the more directions the rows use. Above each panel is the participation ratio, the number of "
   "directions in use."},
  {"dimensions_before_after", "The gap by coordinate, before and after",
   "After training all bars should be short. Above each panel is the distance of the centroids, and what the two "
   "largest coordinates hold of it."},
  {"history", "Training",
   "Every loss term and measure, epoch by epoch. The upright line is the epoch that was kept; a centroid distance at "
   "the noise floor is what so few pairs show without any gap."},
  {"race", "The race",
   "The same start, data and options under several losses: only the loss differs. The dotted lines are the same rows "
   "before any training."},
  {"sweep", "The sweep",
   "Each measure against the option that was varied; bars are one standard deviation of the runs, pale points single "
   "runs."},
  {"map", "The map", "One measure over two options; each cell names its value, a frame marks the best."},
  {"one_index", "Search in one index of {images} and {texts}",
   "How many queries have their partner among the first k of one index of {images} and {texts}; broken lines before, "
   "solid ones after. Where a gap puts every row of the other modality last, the curve rises at the right end alone."},
  {"confusion", "Classes that lose {images}, and to which",
   "Each number counts {images} whose nearest class text was their own before and is that of the column's class "
   "afterwards; the classes that lose most are on top."},
  {"who_loses", "Queries that lose, and that win",
   "Ranks of the partner in the other modality; the larger a point, the more queries it stands for. Above the diagonal "
   "are those that search worse than before."},
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
  {"card", "A card for a slide",
   "The verdict, what it costs or what a training gained, the rows on the two main axes, and what to do."},
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
  static const char *const TALL[] = {"overview", "series", "history", "race", "sweep", "confusion"};
  bool tall = false;
  for (size_t k = 0; k < sizeof TALL / sizeof *TALL; k++)
    tall = tall || strncmp(name, TALL[k], strlen(TALL[k])) == 0; /* "sweep-dim" too */
  return tall ? "640,0" : "640,460";
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
