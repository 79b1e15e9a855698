/* A comparison in sentences. */
#include <math.h>
#include <string.h>

#include "report/comparison_show.h"
#include "report/text.h"

enum { NAME = 60 };

/* "0.8200 to 0.0500" */
static void put_values(char text[CGAP_SENTENCE], const cgap_comparison *c, size_t first, size_t k, size_t e)
{
  char from[40], to[40];
  cgap_value_show(from, c->input[first].scalar[e].value, cgap_field_at(e)->decimals);
  cgap_value_show(to, c->input[k].scalar[e].value, cgap_field_at(e)->decimals);
  cgap_sentence_append(text, "%s%s%s", from, cgap_tr(&c->names, N_(" to ")), to);
}

static void put_difference(char text[CGAP_SENTENCE], const cgap_change *d, size_t e)
{
  char value[40], interval[100];
  const int decimals = cgap_field_at(e)->decimals;
  cgap_value_show(value, d->difference, decimals);
  cgap_interval_show(interval, d->lo, d->hi, decimals, " [%s, %s]");
  cgap_sentence_append(text, "%s%s%s", d->difference > 0 ? "+" : "", value, interval);
}

static const cgap_change *change_at(const cgap_comparison *c, size_t k, size_t e)
{
  return &c->change[k * c->entries + e];
}

/* The gap as estimated for the population; in reports that lack it the distance of their rows, which has no interval.
 */
static size_t gap_entry(const cgap_comparison *c, size_t k)
{
  const size_t corrected = cgap_entry_find("gap.corrected_distance");
  return c->input[0].present[corrected] && c->input[k].present[corrected] ? corrected
                                                                          : cgap_entry_find("gap.centroid_distance");
}

/* Whether few of its rows have neighbours of the other modality, however wide the gap. */
static bool is_nearly_unmixed(const cgap_compared *in)
{
  const cgap_scalar near = {.value = 0, .lo = NAN, .hi = NAN};
  const size_t same = cgap_entry_find("mixed.same_modality_share"), chance = cgap_entry_find("mixed.unbiased");
  return in->present[same] && in->present[chance] && cgap_is_apart(&near, &in->scalar[same], &in->scalar[chance]);
}

static cgap_level level_of(const cgap_comparison *c, size_t k)
{
  const cgap_compared *in = &c->input[k];
  const size_t gap = gap_entry(c, k), same = cgap_entry_find("mixed.same_modality_share"),
               chance = cgap_entry_find("mixed.unbiased"), image = cgap_entry_find("cosine.image.mean"),
               text = cgap_entry_find("cosine.text.mean");
  if (!in->present[gap])
    return CGAP_LEVEL_UNKNOWN;
  if ((in->present[image] && cgap_is_collapsed(&in->scalar[image])) ||
      (in->present[text] && cgap_is_collapsed(&in->scalar[text])))
    return CGAP_LEVEL_COLLAPSED;
  if (in->present[same] && in->present[chance] &&
      cgap_is_apart(&in->scalar[gap], &in->scalar[same], &in->scalar[chance]))
    return CGAP_LEVEL_APART;
  return cgap_gap_level(&in->scalar[gap]);
}

/* What is left of the gap, where the difference does not say it. */
static void put_rest(char text[CGAP_SENTENCE], const cgap_comparison *c, size_t k, cgap_level level)
{
  const bool none = cgap_gap_level(&c->input[k].scalar[gap_entry(c, k)]) == CGAP_LEVEL_NOISE;
  if (level == CGAP_LEVEL_COLLAPSED)
    cgap_sentence_say(text, &c->names, "; the embeddings of %s are collapsed", c->input[k].name);
  else if (level == CGAP_LEVEL_APART)
    cgap_sentence_say(text, &c->names, "; the shift is %s, the neighbourhoods %s",
                      cgap_tr(&c->names, none ? N_("gone") : N_("small")),
                      cgap_tr(&c->names, is_nearly_unmixed(&c->input[0]) ? N_("still differ") : N_("differ now")));
  else if (none)
    cgap_sentence_say(text, &c->names, "; what is left is within noise");
}

/* "The gap opens: …", of a gap that training opened. */
static void say_opening(cgap_verdict_words *out, const cgap_comparison *c, size_t k)
{
  const size_t e = gap_entry(c, k), start = c->input[k].start;
  char *text = out->sentence[out->count++], name[NAME], before[40];
  cgap_name_shorten(name, sizeof name, cgap_input_shown(c, k));
  cgap_value_show(before, c->input[0].scalar[e].value, cgap_field_at(e)->decimals);
  cgap_sentence_say(text, &c->names, "The gap opens in training (%s): %s ", name,
                    cgap_field_label(cgap_field_at(e), &c->names).s);
  put_values(text, c, start, k, e);
  cgap_sentence_say(text, &c->names, " from its start, ");
  put_difference(text, &c->input[k].from_start, e);
  cgap_sentence_say(text, &c->names, "; %s had %s.", cgap_input_shown(c, 0), before);
}

static void say_gap(cgap_verdict_words *out, const cgap_comparison *c, size_t k)
{
  static const char *const heads[][2] = {{"better", "The gap narrows"},
                                         {"worse", "The gap widens"},
                                         {"same", "The gap stays as it is"},
                                         {"unclear", "Whether the gap moves is unclear"},
                                         {"no interval", "Whether the gap moves is unclear without an interval"},
                                         {"unknown", "The gap is not known on both sides"}};
  const size_t e = gap_entry(c, k);
  const cgap_change *d = change_at(c, k, e);
  const char *word = cgap_change_word(d, CGAP_LOWER);
  char *text = out->sentence[out->count++], from[NAME], to[NAME];
  cgap_name_shorten(from, sizeof from, cgap_input_shown(c, 0));
  cgap_name_shorten(to, sizeof to, cgap_input_shown(c, k));
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
    if (strcmp(word, heads[i][0]) == 0)
      cgap_sentence_say(text, &c->names, "%s from %s to %s", cgap_tr(&c->names, heads[i][1]), from, to);
  if (isfinite(d->difference)) {
    cgap_sentence_say(text, &c->names, ": %s ", cgap_field_label(cgap_field_at(e), &c->names).s);
    put_values(text, c, 0, k, e);
    cgap_sentence_say(text, &c->names, ", ");
    put_difference(text, d, e);
    put_rest(text, c, k, out->level);
  }
  cgap_sentence_say(text, &c->names, ".");
}

/* What the two directions come to in one phrase. */
static const char *retrieval_head(const char *const word[], size_t count, bool same_rows)
{
  size_t better = 0, worse = 0, same = 0, bare = 0;
  for (size_t i = 0; i < count; i++) {
    better += strcmp(word[i], "better") == 0;
    worse += strcmp(word[i], "worse") == 0;
    same += strcmp(word[i], "same") == 0;
    bare += strcmp(word[i], "no interval") == 0;
  }
  if (better && worse)
    return same_rows ? "Retrieval gains one way and loses the other"
                     : "Retrieval is better one way and worse the other";
  if (worse)
    return same_rows ? "It costs retrieval" : "Retrieval is worse";
  if (better)
    return same_rows ? "Retrieval gains" : "Retrieval is better";
  if (bare)
    return same_rows ? "Whether it costs retrieval is unclear without an interval"
                     : "Whether retrieval differs is unclear without an interval";
  if (same == count)
    return same_rows ? "Retrieval stays as it is" : "Retrieval is the same";
  return same_rows ? "No cost in retrieval shows" : "No difference in retrieval shows";
}

static void say_retrieval(cgap_verdict_words *out, const cgap_comparison *c, size_t k)
{
  static const struct {
    const char *key, *words;
  } SHOWN[] = {{"retrieval.image_to_text.recall_at_1", "{image} to {text}"},
               {"retrieval.text_to_image.recall_at_1", "{text} to {image}"}};
  enum { BOTH = sizeof SHOWN / sizeof *SHOWN };
  const char *word[BOTH], *label[BOTH];
  size_t entry[BOTH], count = 0;
  for (size_t i = 0; i < BOTH; i++) {
    const size_t e = cgap_entry_find(SHOWN[i].key);
    if (!isfinite(change_at(c, k, e)->difference))
      continue;
    entry[count] = e;
    label[count] = SHOWN[i].words;
    word[count++] = cgap_change_word(change_at(c, k, e), CGAP_HIGHER);
  }
  if (!count)
    return;
  char *text = out->sentence[out->count++];
  cgap_sentence_say(text, &c->names, "%s: recall@1",
                    cgap_tr(&c->names, retrieval_head(word, count, c->input[k].rows == CGAP_ROWS_SAME)));
  for (size_t i = 0; i < count; i++) {
    cgap_sentence_append(text, "%s %s ", i ? cgap_tr(&c->names, N_(",")) : "", cgap_phrase_of(&c->names, label[i]).s);
    put_values(text, c, 0, k, entry[i]);
    cgap_sentence_say(text, &c->names, " (");
    put_difference(text, change_at(c, k, entry[i]), entry[i]);
    cgap_sentence_say(text, &c->names, ", %s)", cgap_tr(&c->names, word[i]));
  }
  cgap_sentence_say(text, &c->names, ".");
}

static void say_methods(cgap_verdict_words *out, const cgap_comparison *c, size_t k)
{
  static const char *const WORDS[] = {
    [CGAP_EXACT] = N_("exactly"), [CGAP_SAMPLED] = N_("on a sample"), [CGAP_BF16] = N_("in bfloat16")};
  const cgap_method first = cgap_comparison_method(c, 0), other = cgap_comparison_method(c, k);
  char a[NAME], b[NAME];
  if (first == other)
    return;
  cgap_name_shorten(a, sizeof a, cgap_input_shown(c, 0));
  cgap_name_shorten(b, sizeof b, cgap_input_shown(c, k));
  cgap_sentence_say(
    out->sentence[out->count++], &c->names,
    "%s was measured %s, %s %s: small differences may come from that; audit both with the same --pairs and "
    "--precision to be sure.",
    a, cgap_tr(&c->names, WORDS[first]), b, cgap_tr(&c->names, WORDS[other]));
}

/* "other n" stands in the table; here is of what. */
static void say_rows(cgap_verdict_words *out, const cgap_comparison *c, size_t k)
{
  char a[NAME], b[NAME];
  size_t e = 0;
  while (e < cgap_field_count() && change_at(c, k, e)->other != CGAP_OTHER_N)
    e++;
  if (e == cgap_field_count())
    return;
  cgap_name_shorten(a, sizeof a, cgap_input_shown(c, 0));
  cgap_name_shorten(b, sizeof b, cgap_input_shown(c, k));
  cgap_sentence_say(
    out->sentence[out->count++], &c->names,
    "Not compared where it says \"other n\" (%s: %llu rows, %s: %llu): these measures depend on the number of rows.", a,
    (unsigned long long)c->input[0].scalar[e].n, b, (unsigned long long)c->input[k].scalar[e].n);
}

/* Whether the two are of the same rows, where that is not known. */
static void say_relation(cgap_verdict_words *out, const cgap_comparison *c, size_t k)
{
  const cgap_compared *in = &c->input[k];
  char a[NAME], b[NAME];
  cgap_name_shorten(a, sizeof a, cgap_input_shown(c, 0));
  cgap_name_shorten(b, sizeof b, in->name);
  if (in->rows == CGAP_ROWS_ASSUMED)
    (void)cgap_modality_printf(
      out->sentence[out->count++], CGAP_SENTENCE, &c->names,
      "It is assumed that the rows of %s and %s are the same {images} and {texts} (%s): intervals are paired; with "
      "--independent they are not.",
      a, b, cgap_phrase_of(&c->names, in->rows_why).s);
  if (in->rows == CGAP_ROWS_OTHER)
    cgap_sentence_say(
      out->sentence[out->count++], &c->names,
      "%s and %s are taken as different data (%s): intervals are of independent samples, and a difference may come "
      "from the data.",
      a, b, cgap_phrase_of(&c->names, in->rows_why).s);
}

bool cgap_comparison_other_names(char text[CGAP_SENTENCE], const cgap_comparison *c)
{
  text[0] = '\0';
  if (c->names_differ)
    (void)cgap_modality_printf(text, CGAP_SENTENCE, &c->names,
                               "The inputs call their modalities differently: here, in the order of each input, they "
                               "are {image} and {text}.");
  return c->names_differ;
}

bool cgap_comparison_other_d(char text[CGAP_SENTENCE], const cgap_comparison *c, size_t k)
{
  const cgap_compared *first = &c->input[0], *in = &c->input[k];
  char a[NAME], b[NAME];
  const bool images = first->dim && in->dim && first->dim != in->dim,
             texts = first->text_dim && in->text_dim && first->text_dim != in->text_dim;
  text[0] = '\0';
  if (!images && !texts)
    return false;
  cgap_name_shorten(a, sizeof a, first->name);
  cgap_name_shorten(b, sizeof b, in->name);
  if (images != texts && first->text_dim && in->text_dim) /* of two widths */
    cgap_sentence_say(text, &c->names, "%s: ", cgap_phrase_of(&c->names, images ? N_("{images}") : N_("{texts}")).s);
  cgap_sentence_say(text, &c->names,
                    "%s has d = %llu, %s has d = %llu: uniformity and spectrum depend on d and get no verdict", a,
                    (unsigned long long)(images ? first->dim : first->text_dim), b,
                    (unsigned long long)(images ? in->dim : in->text_dim));
  return true;
}

static void say_training(cgap_verdict_words *out, const cgap_comparison *c, size_t k)
{
  char name[NAME];
  if (!c->input[k].trained_on)
    return;
  cgap_name_shorten(name, sizeof name, cgap_input_shown(c, k));
  cgap_sentence_say(
    out->sentence[out->count++], &c->names,
    "The head behind %s was trained on %.100s of it, which it suits better than others: what it gains on those is in "
    "before.json and after.json of the training.",
    name, c->input[k].trained_on);
}

void cgap_comparison_words(cgap_verdict_words *out, const cgap_comparison *c, size_t k)
{
  *out = (cgap_verdict_words){.names = &c->names};
  out->level = level_of(c, k);
  out->word = cgap_level_word(out->level);
  if (cgap_comparison_opens(c, k))
    say_opening(out, c, k);
  else
    say_gap(out, c, k);
  say_retrieval(out, c, k);
  say_methods(out, c, k);
  say_rows(out, c, k);
  say_relation(out, c, k);
  if (cgap_comparison_other_names(out->sentence[out->count], c))
    out->count++;
  say_training(out, c, 0);
  say_training(out, c, k);
}

/* How bad the gaps are, "severe" and "low", with the scale of these words. */
static void say_levels(char text[CGAP_SENTENCE], const cgap_comparison *c, size_t k)
{
  const cgap_level first = level_of(c, 0), other = level_of(c, k);
  char a[NAME], b[NAME];
  text[0] = '\0';
  if (!c->input[0].present[gap_entry(c, k)] || !c->input[k].present[gap_entry(c, k)])
    return;
  cgap_name_shorten(a, sizeof a, c->input[0].name);
  cgap_name_shorten(b, sizeof b, c->input[k].name);
  cgap_sentence_say(text, &c->names, "How bad: %s: %s; %s: %s (%s).", a, cgap_tr(&c->names, cgap_level_word(first)), b,
                    cgap_tr(&c->names, cgap_level_word(other)), cgap_tr(&c->names, CGAP_GAP_SCALE));
}

void cgap_comparison_print_words(const cgap_comparison *c, const cgap_paper *paper, FILE *stream)
{
  for (size_t k = 1; k < c->count; k++) {
    cgap_verdict_words words;
    char levels[CGAP_SENTENCE];
    cgap_comparison_words(&words, c, k);
    say_levels(levels, c, k);
    for (size_t i = 0; i < words.count; i++) {
      cgap_text_wrap(stream, paper->columns, "", words.sentence[i], 0);
      if (i == 0 && levels[0])
        cgap_text_wrap(stream, paper->columns, "", levels, 0);
    }
  }
  fputc('\n', stream);
  char intervals[CGAP_INTERVALS], text[CGAP_SENTENCE];
  cgap_comparison_intervals(intervals, c, &c->names);
  (void)cgap_modality_printf(text, sizeof text, &c->names, "intervals %s", intervals);
  cgap_text_wrap(stream, paper->columns, "", text, 2);
}
