#include <string.h>

#include "report/figures.h"

const cgap_figure_info cgap_figure_infos[] = {
  {"scatter", "Images and texts on the two main axes",
   "Each dot is a row; a thin line joins an image and its text (at most 300 are drawn), the thick one the two "
   "centroids. Two clouds apart with parallel lines between them are a gap. One mixed cloud shows none on these two "
   "axes; whether images and texts mix in the others is what the measures of the same modality say."},
  {"cosines", "Cosines of pairs and of others",
   "Matching pairs should be to the right of the others, without overlap. Where pairs of images or of texts are to the "
   "right of the matching pairs, a row is nearer to others of its own modality than to its partner."},
  {"variance", "Variance of the principal components",
   "The steeper the curve, the fewer directions the rows use; the dotted line is a cloud that uses all alike."},
  {"dimensions", "The gap, coordinate by coordinate",
   "A few long bars mean that the gap sits in a few coordinates, as it often does in CLIP; many short ones that it is "
   "spread."},
  {"recall", "Recall at k",
   "The share of queries that find their partner among the first k; the dotted line is guessing."},
  {"plane", "Uniformity and alignment",
   "Down means that pairs lie closer, left that the rows fill the sphere more evenly; good embeddings are low and "
   "left. "
   "Hollow points are values of the paper, on other data."},
  {"scatter_before_after", "Images and texts, before and after",
   "The same rows before and after, on axes of the same scale: the two clouds should come together. Two dimensions do "
   "not "
   "show whether they mix in the others."},
  {"cosines_before_after", "Cosines, before and after",
   "Where the gap is closed and the rows are spread, the matching pairs are to the right of everything else."},
  {"variance_before_after", "Variance, before and after",
   "Solid lines after, broken lines before: the nearer to the dotted diagonal, the more directions the rows use."},
  {"dimensions_before_after", "The gap by coordinate, before and after", "Bars after should all be short."},
  {"history", "Training", "Every loss term and measure of the validation part, epoch by epoch."},
  {"race", "The race", "The same start, data and options under several losses: only the loss differs."},
  {"sweep", "The sweep",
   "Each measure against the option that was varied; bars are one standard deviation of the runs."},
  {"map", "The map", "One measure over two options; each cell names its value."},
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
