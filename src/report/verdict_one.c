/* The verdict of audits that are not of a gap, in sentences: of one modality alone, of two whose widths differ, and of
 * two sets of one modality, whose difference is drift. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "analysis/interval.h"
#include "base/modality_names.h"
#include "report/text.h"

enum { WORDS = 320, NAMED = CGAP_NAME_SIZE + 16 };

static void CGAP_PRINTF(2, 3) say(cgap_verdict_words *out, const char *format, ...)
{
  va_list values;
  if (out->count == CGAP_SENTENCES)
    return;
  va_start(values, format);
  (void)cgap_modality_vprintf(out->sentence[out->count++], CGAP_SENTENCE, out->names, format, values);
  va_end(values);
}

static void CGAP_PRINTF(3, 4) note(cgap_notes *out, bool bad, const char *format, ...)
{
  va_list values;
  if (out->count == CGAP_NOTES)
    return;
  va_start(values, format);
  (void)cgap_modality_vprintf(out->text[out->count], CGAP_SENTENCE, out->names, format, values);
  va_end(values);
  out->bad[out->count++] = bad;
}

/* "0.123 [0.110, 0.140]" */
static void value_words(char out[WORDS], const cgap_scalar *s, int decimals)
{
  char value[40], interval[100];
  cgap_value_show(value, cgap_value_or_nan(s), decimals);
  cgap_interval_show(interval, s->lo, s->hi, decimals, " [%s, %s]");
  (void)snprintf(out, WORDS, "%s%s", value, interval);
}

const char *cgap_sphere_words(const cgap_scalar *uniformity, double sphere, const cgap_scalar *dimensions, size_t rows,
                              size_t dim)
{
  const double missing = uniformity->value - sphere, n = (double)rows, d = (double)dim;
  const bool all_used = !cgap_scalar_known(dimensions) || dimensions->value > 0.8 * n * d / (n + d);
  return missing < 0.03 && all_used ? N_("fill the sphere evenly")
         : missing < 0.7            ? N_("fill most of the sphere")
         : missing < 2              ? N_("fill a part of the sphere")
                                    : N_("fill only a narrow cone");
}

/* ---------------------------------------------------------------- one modality */

/* What is measured of a modality by itself, and its name in sentences. */
typedef struct alone {
  char images[NAMED], image[NAMED], beginning[NAMED]; /* "images", "image", "Images" */
  size_t rows, dim, sampled;
  double sphere;
  const cgap_scalar *uniformity;
  const cgap_cosines *cosines;
  const cgap_spectrum *spectrum;
  const cgap_hubness *hubs;
  const cgap_modality_checks *checks;
} alone;

static alone alone_of(const cgap_audit *a, bool text)
{
  alone out = {.rows = a->images,
               .dim = a->dim,
               .sampled = a->sample.images,
               .sphere = a->uniformity.sphere,
               .uniformity = &a->uniformity.image,
               .cosines = &a->cosine_image,
               .spectrum = &a->pca_image,
               .hubs = &a->hubs_image,
               .checks = &a->checks_image};
  if (text)
    out = (alone){.rows = a->texts,
                  .dim = a->text_dim,
                  .sampled = a->sample.texts,
                  .sphere = a->uniformity.text_sphere,
                  .uniformity = &a->uniformity.text,
                  .cosines = &a->cosine_text,
                  .spectrum = &a->pca_text,
                  .hubs = &a->hubs_text,
                  .checks = &a->checks_text};
  cgap_modality_words(out.images, NAMED, text ? N_("{texts}") : N_("{images}"), &a->names);
  cgap_modality_words(out.image, NAMED, text ? N_("{one text}") : N_("{one image}"), &a->names);
  cgap_modality_words(out.beginning, NAMED, text ? N_("{Texts}") : N_("{Images}"), &a->names);
  return out;
}

static void say_cone(cgap_verdict_words *out, const alone *m)
{
  char uniformity[WORDS];
  if (!cgap_scalar_known(m->uniformity) || m->cosines->why || !m->cosines->count)
    return;
  value_words(uniformity, m->uniformity, 2);
  if (cgap_cosines_collapsed(m->cosines))
    say(out,
        "The %s are collapsed: the mean cosine of two of them is %.3f (this tool calls it collapsed above %.2f), so "
        "that they can hardly be told from each other; uniformity %s (evenly spread: %.2f).",
        m->images, m->cosines->mean, CGAP_COLLAPSED_COSINE, uniformity, m->sphere);
  else
    say(out, "%s %s: uniformity %s (evenly spread: %.2f), mean cosine of two of them %.2f.", m->beginning,
        cgap_tr(out->names,
                cgap_sphere_words(m->uniformity, m->sphere, &m->spectrum->participation_ratio, m->rows, m->dim)),
        uniformity, m->sphere, fabs(m->cosines->mean) < 0.005 ? 0 : m->cosines->mean); /* not -0.00 */
}

static void say_dimensions(cgap_verdict_words *out, const alone *m)
{
  const cgap_scalar *ratio = &m->spectrum->participation_ratio, *most = &m->spectrum->components_90;
  char used[40];
  if (!cgap_scalar_known(ratio) || !cgap_scalar_known(most))
    return;
  cgap_value_show(used, ratio->value, ratio->value < 10);
  say(out,
      "Of the %zu dimensions of the %s about %s are in use (participation ratio); %.0f component%s 90 %% of the "
      "variance.",
      m->dim, m->images, used, most->value, most->value == 1 ? " carries" : "s carry");
}

static void say_hubs(cgap_verdict_words *out, const alone *m)
{
  const cgap_hubness *h = m->hubs;
  const size_t rows = m->sampled ? m->sampled : m->rows, k = rows - 1 < 10 ? rows - 1 : 10;
  if (!cgap_scalar_known(&h->anti_hub_share) || h->hub_count == 0)
    return;
  say(out,
      "Hubs among the %s: row %zu is among the %zu nearest of %llu others, where the mean is %zu; %.1f %% of the rows "
      "are among those of none.",
      m->images, h->hubs[0].row, k, (unsigned long long)h->hubs[0].count, k, 100 * h->anti_hub_share.value);
}

/* Copies that there are have notes of their own. */
static void say_no_copies(cgap_verdict_words *out, const alone *m)
{
  if (m->checks->duplicates.count == 0 && m->checks->near_duplicates.count == 0)
    say(out, "No %s repeats another exactly%s (cosine > 0.999).", m->image,
        cgap_tr(out->names, m->sampled ? N_(", and none of the sample nearly") : N_(" or nearly")));
}

/* ---------------------------------------------------------------- two spaces */

static void say_widths(cgap_verdict_words *out, const cgap_audit *a, const alone *image, const alone *text)
{
  say(
    out,
    "Two spaces: the %s have %zu dimensions, the %s %zu. Between them there is no distance and no cosine: neither a "
    "gap nor search across can be measured, nor a head trained. For these, embed both with one model, or project them "
    "to one width first.",
    image->images, a->dim, text->images, a->text_dim);
}

static void say_agreement(cgap_verdict_words *out, const cgap_audit *a, const alone *image, const alone *text)
{
  const cgap_agreement *g = &a->agreement;
  char neighbours[CGAP_SENTENCE] = "", cka[40];
  if (!(a->has & CGAP_HAS_AGREEMENT)) {
    say(out, "Without pairs it is not known whether the two agree on which rows are near each other.");
    return;
  }
  if (!cgap_scalar_known(&g->cka) && !cgap_scalar_known(&g->mutual_knn)) {
    say(out, "Whether the two agree on which rows are near each other is not known: %s.",
        cgap_tr(out->names, g->cka.why ? g->cka.why : N_("it was not measured")));
    return;
  }
  if (cgap_scalar_known(&g->mutual_knn))
    (void)cgap_modality_printf(
      neighbours, sizeof neighbours, out->names,
      "of a row's %zu nearest %s %.1f %% are, by their pairs, also among the nearest %s of its partner (by "
      "chance %.1f %%); ",
      a->images - 1 < 10 ? a->images - 1 : 10, image->images, 100 * g->mutual_knn.value, text->images,
      100 * g->mutual_knn_by_chance.value);
  cgap_value_show(cka, cgap_value_or_nan(&g->cka), 3);
  say(out, "Agreement: %slinear CKA is %s (0: unrelated; 1: the same but for a rotation and a scale).", neighbours,
      cka);
}

/* ---------------------------------------------------------------- drift */

static void say_drift(cgap_verdict_words *out, const cgap_audit *a, const alone *old, const alone *new)
{
  const cgap_scalar *d = &a->gap.corrected_distance;
  char distance[WORDS];
  value_words(distance, d, 3);
  if (!cgap_scalar_known(d))
    say(out, "Whether the %s drift from the %s is not known: %s.", new->images, old->images,
        cgap_tr(out->names, d->why ? d->why : N_("the centroids are not defined")));
  else if (d->lo <= 0)
    say(out, "No drift of the mean is seen from the %s to the %s: corrected distance %s, whose interval reaches 0.",
        old->images, new->images, distance);
  else
    say(out,
        "The %s drift from the %s: corrected distance of their means %s. The interval leaves out 0, as at most about 1 "
        "in "
        "20 does by chance.",
        new->images, old->images, distance);
}

static void say_distribution(cgap_verdict_words *out, const cgap_audit *a)
{
  const cgap_scalar *m = &a->gap.mmd2;
  char value[WORDS];
  if (!cgap_scalar_known(m))
    return;
  value_words(value, m, 5);
  say(out, "Their distributions %s (squared maximum mean discrepancy %s).",
      cgap_tr(out->names, isfinite(m->lo) && m->lo > 0 ? N_("differ") : N_("are not shown to differ")), value);
}

static void say_told_apart(cgap_verdict_words *out, const cgap_audit *a)
{
  const cgap_scalar *s = &a->gap.linear_separability;
  const size_t old = a->sample.images ? a->sample.images : a->images,
               new = a->sample.images ? a->sample.texts : a->texts, rows = old < new ? old : new;
  if (!cgap_scalar_known(s)) {
    say(out, "Whether a linear classifier tells the two sets apart is not known: %s.",
        cgap_tr(out->names, s->why ? s->why : N_("it was not measured")));
    return;
  }
  const cgap_scalar right = cgap_scalar_wilson(s->value, 0, rows);
  say(out, "A linear classifier %s: %.1f %% correct on held-out rows (chance: 50 %%).",
      cgap_tr(out->names, right.lo > 0.5 ? N_("tells the two sets apart") : N_("does not tell the two sets apart")),
      100 * s->value);
}

/* The sets have no row in common: the variances of the two add up. */
static void say_spread(cgap_verdict_words *out, const cgap_audit *a, const alone *old, const alone *new)
{
  const cgap_scalar *u = old->uniformity, *v = new->uniformity;
  const cgap_scalar *p = &old->spectrum->participation_ratio, *q = &new->spectrum->participation_ratio;
  char before[40], after[40], used[2][40], dimensions[WORDS] = "";
  if (!cgap_scalar_known(u) || !cgap_scalar_known(v))
    return;
  cgap_value_show(before, u->value, 3);
  cgap_value_show(after, v->value, 3);
  const double half = hypot(u->hi - u->value, v->hi - v->value), change = v->value - u->value;
  if (cgap_scalar_known(p) && cgap_scalar_known(q)) {
    cgap_value_show(used[0], p->value, 1);
    cgap_value_show(used[1], q->value, 1);
    (void)cgap_modality_printf(dimensions, sizeof dimensions, out->names, "; dimensions in use: %s and %s of %zu",
                               used[0], used[1], a->dim);
  }
  say(out, "Uniformity goes from %s to %s (difference %+.3f [%+.3f, %+.3f]: %s)%s.", before, after, change,
      change - half, change + half,
      cgap_tr(out->names, change - half > 0   ? N_("a narrower cone")
                          : change + half < 0 ? N_("more evenly spread")
                                              : N_("no difference is shown")),
      dimensions);
}

/* ---------------------------------------------------------------- all */

void cgap_verdict_one_write(cgap_verdict_words *out, const cgap_audit *a)
{
  const bool two = a->has & CGAP_HAS_TEXT, drift = a->has & CGAP_IS_DRIFT;
  const alone image = alone_of(a, false), text = alone_of(a, true);
  const alone *const modality[] = {&image, &text};
  if (drift) {
    say_drift(out, a, &image, &text);
    say_distribution(out, a);
    say_told_apart(out, a);
    say_spread(out, a, &image, &text);
    return;
  }
  if (two) {
    say_widths(out, a, &image, &text);
    say_agreement(out, a, &image, &text);
  }
  for (int k = 0; k <= two; k++) {
    say_cone(out, modality[k]);
    say_dimensions(out, modality[k]);
    say_hubs(out, modality[k]);
    if (!two)
      say_no_copies(out, modality[k]);
  }
}

const char *cgap_title_words(const cgap_audit *a)
{
  return cgap_tr(&a->names, a->has & CGAP_IS_DRIFT    ? N_("Drift")
                            : a->has & CGAP_ONE_SPACE ? N_("Contrastive gap")
                            : a->has & CGAP_HAS_TEXT  ? N_("Two embedding spaces")
                                                      : N_("Embeddings"));
}

const char *cgap_size_words(char out[CGAP_SENTENCE], const cgap_audit *a)
{
  const alone image = alone_of(a, false), text = alone_of(a, true);
  if (a->has & CGAP_HAS_TEXT)
    (void)cgap_modality_printf(out, CGAP_SENTENCE, &a->names, "%zu %s of %zu dimensions, %zu %s of %zu, %s", a->images,
                               image.images, a->dim, a->texts, text.images, a->text_dim, a->pairing);
  else
    (void)snprintf(out, CGAP_SENTENCE, "%zu %s, d" CGAP_NO_BREAK "=" CGAP_NO_BREAK "%zu", a->images, image.images,
                   a->dim);
  return out;
}

static void note_rows(cgap_notes *out, const alone *m)
{
  if (m->rows < CGAP_RELIABLE_ROWS_MIN)
    note(out, true, "Only %zu %s: chance alone moves every number below; measure %d or more.", m->rows, m->images,
         CGAP_RELIABLE_ROWS_MIN);
  if (m->sampled)
    note(out, false,
         "Sampled: uniformity and quantiles of cosines from the pairs of %zu %s drawn at random; hubness is that of "
         "these rows alone.",
         m->sampled, m->images);
}

void cgap_notes_one_write(cgap_notes *out, const cgap_audit *a)
{
  const bool two = a->has & CGAP_HAS_TEXT;
  const alone image = alone_of(a, false), text = alone_of(a, true);
  note_rows(out, &image);
  if (two)
    note_rows(out, &text);
  if (two && a->images < a->dim && a->texts < a->text_dim)
    note(out, false,
         "Fewer rows than dimensions in both (%zu rows of %zu, %zu of %zu): if the items are the columns, give the "
         "transposed matrices.",
         a->images, a->dim, a->texts, a->text_dim);
  if (!two) {
    const char *input = a->advice.input[0] ? a->advice.input : "FILE";
    note(out, false,
         "One modality by itself has no gap. To measure the gap to another, give its rows as well: contragap audit %s "
         "%s%s",
         input, strchr(input, '=') ? "OTHER=" : "", "OTHER.npy");
  }
}
