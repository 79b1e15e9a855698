#include "report/tiles.h"

#include <math.h>
#include <string.h>

#include "analysis/interval.h"
#include "base/text_buffer.h"

/* ---------------------------------------------------------------- which tile a field gets */

#define FRACTION .unit = "%", .factor = 100, .decimals = 1, .from = 0, .to = 1

/* By the end of a key; the first that fits. */
static const struct {
  const char *end;
  cgap_tile_look tile;
} LOOKS[] = {
  {"gap.corrected_distance",
   {.label = "Distance between {images} and {texts}",
    .factor = 1,
    .decimals = 3,
    .to = 2,
    .limit = {CGAP_GAP_LOW, CGAP_GAP_SEVERE},
    .zones = {"low", "moderate", "severe"}}},
  {".centroid_distance", {.factor = 1, .decimals = 3, .to = 2}},
  {"linear_separability",
   {.label = "A linear classifier tells {images} from {texts}",
    .unit = "%",
    .factor = 100,
    .decimals = 1,
    .from = 0.5,
    .to = 1}},
  {"separability_auc", {.factor = 1, .decimals = 3, .from = 0.5, .to = 1}},
  {".share_of_alignment", {.label = "One shift would remove", FRACTION}},
  {"retrieval.image_to_text.recall_at_1", {.label = "{An image} finds its {text} first", FRACTION}},
  {"retrieval.text_to_image.recall_at_1", {.label = "{A text} finds its {one image} first", FRACTION}},
  {"mixed_retrieval.image_query.recall_at_10", {.label = "{An image} finds its {text} in a mixed index", FRACTION}},
  {"mixed_retrieval.text_query.recall_at_10", {.label = "{A text} finds its {one image} in a mixed index", FRACTION}},
  {"image_query.ndcg_at_10", {.label = "One mixed index, search by {image}", .factor = 1, .decimals = 3, .to = 1}},
  {"text_query.ndcg_at_10", {.label = "One mixed index, search by {text}", .factor = 1, .decimals = 3, .to = 1}},
  {".recall_at_1", {FRACTION}},
  {".recall_at_5", {FRACTION}},
  {".recall_at_10", {FRACTION}},
  {".mrr", {.factor = 1, .decimals = 3, .to = 1}},
  {"zero_shot.top_1", {.label = "Zero-shot: the right class first", FRACTION}},
  {"zero_shot.top_5", {FRACTION}},
  {".mean_per_class", {.label = "Zero-shot: the right class first, mean per class", FRACTION}},
  {"arithmetic.score", {.unit = "%", .factor = 1, .decimals = 1, .to = 100}},
  {"mixed.same_modality_share", {.label = "Of the ten nearest, of a row's own modality", FRACTION}},
  {"gap.mmd2", {.label = "Difference of the two distributions", .factor = 1, .decimals = 3}},
  {".mean_squared_distance", {.label = "Squared distance of matching pairs", .factor = 1, .decimals = 3, .to = 2}},
  {"uniformity.image", {.label = "Evenness of the {images}", .factor = 1, .decimals = 2, .to = -4}},
  {"uniformity.text", {.label = "Evenness of the {texts}", .factor = 1, .decimals = 2, .to = -4}},
  {"agreement.mutual_knn", {.label = "Of the ten nearest, in common by their pairs", FRACTION}},
  {"agreement.cka", {.label = "Likeness of the two spaces", .factor = 1, .decimals = 3, .to = 1}},
  {"hubness.image.anti_hub_share", {.label = "{Images} near to no other", FRACTION}},
  {"hubness.image.skewness", {.label = "Hubs among the {images}", .factor = 1, .decimals = 2}},
  {"pca.image.participation_ratio", {.label = "Directions that the {images} use", .factor = 1, .decimals = 1, .to = 1}},
  {"pca.text.participation_ratio", {.label = "Directions that the {texts} use", .factor = 1, .decimals = 1, .to = 1}},
  {".anti_hub_share", {FRACTION}},
  {".participation_ratio", {.factor = 1, .decimals = 1, .to = 1}},
  {"uniformity.mean", {.label = "Evenness of {images} and {texts}", .factor = 1, .decimals = 2, .to = -4}},
};

cgap_tile_look cgap_tile_look_of(const char *key)
{
  const cgap_field *f = cgap_field_find(key);
  cgap_tile_look tile = {.factor = 1, .decimals = f ? f->decimals : 3};
  for (size_t k = 0; k < sizeof LOOKS / sizeof *LOOKS; k++)
    if (cgap_ends_with(key, LOOKS[k].end)) {
      tile = LOOKS[k].tile;
      break;
    }
  tile.key = key;
  tile.better = f ? f->better : CGAP_NEITHER;
  tile.chance = NAN;
  if (!tile.unit)
    tile.unit = "";
  return tile;
}

/* ---------------------------------------------------------------- numbers */

enum { NUMBER = 60 };

static void show(char out[NUMBER], const cgap_tile_look *t, double value, bool with_unit)
{
  char number[40];
  cgap_value_show(number, value * t->factor, t->decimals);
  snprintf(out, NUMBER, "%s%s%s", number, with_unit && *t->unit && isfinite(value) ? " " : "",
           with_unit && isfinite(value) ? t->unit : "");
}

/* Values, and differences with their sign. */
static void show_difference(char out[NUMBER], const cgap_modality_names *names, const cgap_tile_look *t, double value,
                            bool with_unit)
{
  const bool points = strcmp(t->unit, "%") == 0; /* a difference of two shares is not a percentage of anything */
  snprintf(out, NUMBER, "%+.*f%s%s", t->decimals, value * t->factor, with_unit && *t->unit ? " " : "",
           !with_unit ? ""
           : points   ? cgap_tr(names, N_("points"))
                      : t->unit);
}

static bool has_interval(const cgap_scalar *s)
{
  return isfinite(s->lo) && isfinite(s->hi);
}

/* ---------------------------------------------------------------- the scale */

static bool has_scale(const cgap_tile_look *t)
{
  return t->from < t->to || t->from > t->to;
}

/* Per cent of the scale's width. */
static double place(const cgap_tile_look *t, double value)
{
  double ends[CGAP_TILE_ZONES + 1] = {t->from, t->limit[0], t->limit[1], t->to};
  double at;
  if (t->zones[0]) {
    int zone = 0;
    while (zone + 1 < CGAP_TILE_ZONES && value >= ends[zone + 1])
      zone++;
    at = (zone + (value - ends[zone]) / (ends[zone + 1] - ends[zone])) / CGAP_TILE_ZONES;
  } else {
    at = (value - t->from) / (t->to - t->from);
  }
  return 100 * fmin(1, fmax(0, at));
}

static void put_mark(cgap_page *page, const char *kind, double at)
{
  fprintf(page->out, "<i class=\"%s\" style=\"left:%.1f%%\"></i>", kind, at);
}

static void put_band(cgap_page *page, const char *kind, double a, double b)
{
  fprintf(page->out, "<i class=\"%s\" style=\"left:%.1f%%;width:%.1f%%\"></i>", kind, fmin(a, b), fabs(b - a));
}

/* Words under the bar: a zone each with where it begins, or both ends, the better one so called. */
static void put_ends(cgap_page *page, const cgap_tile_look *t)
{
  const bool left = (t->better == CGAP_LOWER) == (t->from < t->to), neither = t->better == CGAP_NEITHER;
  fprintf(page->out, "<span class=\"ends%s\">", t->zones[0] ? " zones" : "");
  for (int z = 0; t->zones[0] && z < CGAP_TILE_ZONES; z++) {
    fputs("<span>", page->out);
    cgap_page_text(page, "%s", cgap_tr(page->names, t->zones[z]));
    fputs("<br>", page->out);
    cgap_page_text(page, cgap_tr(page->names, z ? N_("from %g") : N_("below %g")), t->limit[z ? z - 1 : 0] * t->factor);
    fputs("</span>", page->out);
  }
  for (int end = 0; !t->zones[0] && end < 2; end++) {
    fputs("<span>", page->out);
    cgap_page_text(page, "%.3g%s%s%s", (end ? t->to : t->from) * t->factor, *t->unit ? " " : "", t->unit,
                   cgap_tr(page->names, !neither && left == !end ? N_(" best") : ""));
    fputs("</span>", page->out);
  }
  fputs("</span>", page->out);
}

/* The bar: before (NULL: none) as a ring, value as a dot, its interval as a band, chance as a stroke. */
static void put_scale(cgap_page *page, const cgap_tile_look *t, const cgap_scalar *before, const cgap_scalar *value)
{
  if (!has_scale(t) || !isfinite(value->value))
    return;
  fprintf(page->out, "<span class=\"scale%s\" aria-hidden=\"true\"><span class=\"bar\">", t->zones[0] ? " zoned" : "");
  if (isfinite(t->chance))
    put_mark(page, "chance", place(t, t->chance));
  if (before && isfinite(before->value)) {
    put_band(page, "way", place(t, before->value), place(t, value->value));
    put_mark(page, "before", place(t, before->value));
  } else if (has_interval(value)) {
    put_band(page, "band", place(t, value->lo), place(t, value->hi));
  }
  put_mark(page, "at", place(t, value->value));
  fputs("</span>", page->out);
  put_ends(page, t);
  fputs("</span>", page->out);
}

/* ---------------------------------------------------------------- tiles */

void cgap_page_tiles(cgap_page *page, const char *name)
{
  fputs("<dl class=\"tiles\" aria-label=\"", page->out);
  cgap_page_text(page, "%s", cgap_tr(page->names, name));
  fputs("\">\n", page->out);
}

void cgap_page_tiles_end(cgap_page *page)
{
  fputs("</dl>\n", page->out);
}

static void put_label(cgap_page *page, const cgap_tile_look *t, const char *kind)
{
  const cgap_field *f = t->key ? cgap_field_find(t->key) : NULL;
  const cgap_phrase title = f ? cgap_field_title(f, page->names) : cgap_phrase_of(page->names, t->key ? t->key : "");
  fprintf(page->out, "<div class=\"tile%s%s\">\n<dt>", *kind ? " " : "", kind);
  cgap_page_text(page, "%s", t->label ? cgap_phrase_of(page->names, t->label).s : title.s);
  fputs("</dt>\n<dd>", page->out);
}

/* Below the bar: the note, the direction where no bar shows it, the key. */
static void put_foot(cgap_page *page, const cgap_tile_look *t)
{
  static const char *const BETTER[] = {
    [CGAP_NEITHER] = "", [CGAP_LOWER] = N_("lower is better"), [CGAP_HIGHER] = N_("higher is better")};
  if (t->note) {
    fputs("<small>", page->out);
    cgap_page_text(page, "%s", cgap_phrase_of(page->names, t->note).s);
    fputs("</small>", page->out);
  }
  if (!has_scale(t) && *BETTER[t->better]) {
    fputs("<small>", page->out);
    cgap_page_text(page, "%s", cgap_tr(page->names, BETTER[t->better]));
    fputs("</small>", page->out);
  }
  if (t->key)
    cgap_page_key(page, t->key);
  fputs("</dd>\n</div>\n", page->out);
}

void cgap_page_tile(cgap_page *page, const cgap_tile_look *t, const cgap_scalar *value, const char *word,
                    cgap_level level)
{
  char shown[NUMBER], lo[NUMBER], hi[NUMBER];
  put_label(page, t, "");
  show(shown, t, cgap_value_or_nan(value), true);
  fputs("<b class=\"value\">", page->out);
  cgap_page_text(page, "%s", shown);
  fputs("</b>", page->out);
  if (word) {
    fprintf(page->out, " <b class=\"word %s\">", cgap_level_class(level));
    cgap_page_text(page, "%s", cgap_tr(page->names, word));
    fputs("</b>", page->out);
  }
  show(lo, t, value->lo, false);
  show(hi, t, value->hi, false);
  if (value->why) {
    fputs("<small>", page->out);
    cgap_page_text(page, "%s", cgap_tr(page->names, value->why));
    fputs("</small>", page->out);
  } else if (has_interval(value)) {
    fputs(" <span class=\"interval\">", page->out);
    cgap_page_text(page, "95 %%: %s to %s", lo, hi);
    fputs("</span>", page->out);
  }
  put_scale(page, t, NULL, value);
  put_foot(page, t);
}

typedef struct change {
  const char *kind, *word;
} change;

/* What a difference is called: by its interval, as in the tables. */
static change change_of(const cgap_tile_look *t, const cgap_scalar *d)
{
  if (!d || d->why || !has_interval(d) || t->better == CGAP_NEITHER)
    return (change){"", ""};
  if (d->value == 0)
    return (change){"unclear", N_("same")};
  const int outcome = cgap_outcome(d, t->better);
  return outcome > 0   ? (change){"gain", N_("better")}
         : outcome < 0 ? (change){"loss", N_("worse")}
                       : (change){"unclear", N_("unclear")};
}

void cgap_page_tile_change(cgap_page *page, const cgap_tile_look *t, const cgap_scalar *before,
                           const cgap_scalar *after, const cgap_scalar *d)
{
  char from[NUMBER], to[NUMBER], moved[NUMBER], lo[NUMBER], hi[NUMBER];
  const change moved_to = change_of(t, d);
  put_label(page, t, moved_to.kind);
  show(from, t, cgap_value_or_nan(before), false);
  show(to, t, cgap_value_or_nan(after), true);
  fputs("<span class=\"value\"><span class=\"was\">", page->out);
  cgap_page_text(page, "%s", from);
  fprintf(page->out, "</span> <span aria-hidden=\"true\">→</span><span class=\"unseen\">%s</span> <b>",
          page->names && page->names->language ? "、" : " to ");
  cgap_page_text(page, "%s", to);
  fputs("</b></span>", page->out);
  if (*moved_to.word)
    fprintf(page->out, " <b class=\"word\">%s</b>", cgap_tr(page->names, moved_to.word));
  if (d && !d->why && isfinite(d->value)) {
    fputs("<small>", page->out);
    show_difference(moved, page->names, t, d->value, true);
    show_difference(lo, page->names, t, d->lo, false);
    show_difference(hi, page->names, t, d->hi, false);
    if (has_interval(d))
      cgap_page_text(page, "difference %s [%s, %s]", moved, lo, hi);
    else
      cgap_page_text(page, "difference %s, without interval", moved);
    fputs("</small>", page->out);
  }
  put_scale(page, t, before, after);
  put_foot(page, t);
}
