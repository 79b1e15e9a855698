#include "analysis/fields.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/interval.h"
#include "base/language.h"
#include "base/text_buffer.h"

/* ---------------------------------------------------------------- the table */

const cgap_group cgap_groups[CGAP_GROUPS] = {
  [CGAP_GROUP_GAP] = {"Gap", {NULL}, true},
  [CGAP_GROUP_UNIFORMITY] = {"Uniformity", {NULL}, true},
  [CGAP_GROUP_ALIGNMENT] = {"Alignment", {NULL}, true},
  [CGAP_GROUP_RETRIEVAL] = {"Retrieval", {"{image} to {text}", "{text} to {image}"}, true},
  [CGAP_GROUP_MIXED_RETRIEVAL] = {"Search in one mixed index", {"{image} query", "{text} query"}, true},
  [CGAP_GROUP_CSLS] = {"Retrieval by CSLS", {"{image} to {text}", "{text} to {image}"}, true},
  [CGAP_GROUP_ZERO_SHOT] = {"Zero-shot", {NULL}, true},
  [CGAP_GROUP_ARITHMETIC] = {"Arithmetic", {NULL}, false},
  [CGAP_GROUP_LOSS] = {"Loss", {NULL}, true},
  [CGAP_GROUP_SPECTRUM] = {"PCA spectrum", {"{image}", "{text}", "joint"}, false},
  [CGAP_GROUP_HUBNESS] = {"Hubness", {"{image} to {text}", "{text} to {image}"}, false},
  [CGAP_GROUP_HUBS_WITHIN] = {"Hubness within a modality", {"{image}", "{text}"}, false},
  [CGAP_GROUP_AGREEMENT] = {"Agreement", {NULL}, false},
  [CGAP_GROUP_MIXED] = {"Mixed neighbours", {"all", "{image}", "{text}", "unbiased"}, false},
};

size_t cgap_field_count(void)
{
  size_t count = 0;
  for (size_t m = 0; cgap_measures[m]; m++)
    count += cgap_measures[m]->field_count;
  return count;
}

const cgap_field *cgap_field_at(size_t index)
{
  for (int group = 0; group < CGAP_GROUPS; group++)
    for (size_t m = 0; cgap_measures[m]; m++)
      for (size_t k = 0; k < cgap_measures[m]->field_count; k++)
        if ((int)cgap_measures[m]->fields[k].group == group && index-- == 0)
          return &cgap_measures[m]->fields[k];
  return NULL;
}

size_t cgap_number_count(void)
{
  size_t count = 0;
  for (size_t m = 0; cgap_measures[m]; m++)
    count += cgap_measures[m]->number_count;
  return count;
}

const cgap_number *cgap_number_at(size_t index)
{
  for (size_t m = 0; cgap_measures[m]; index -= cgap_measures[m++]->number_count)
    if (index < cgap_measures[m]->number_count)
      return &cgap_measures[m]->numbers[index];
  return NULL;
}

/* ---------------------------------------------------------------- look-ups */

const cgap_scalar *cgap_field_scalar(const cgap_audit *audit, const cgap_field *field)
{
  return (const cgap_scalar *)((const char *)audit + field->offset);
}

cgap_better cgap_field_better(const cgap_audit *audit, const cgap_field *field)
{
  const bool cross = field->offset == offsetof(cgap_audit, uniformity.cross);
  return cross && audit->uniformity.cross.value < audit->uniformity.sphere ? CGAP_HIGHER : field->better;
}

bool cgap_field_present(const cgap_audit *audit, const cgap_field *field)
{
  return (audit->has & field->needs) == field->needs;
}

const cgap_field *cgap_field_find(const char *key)
{
  for (size_t i = 0; i < cgap_field_count(); i++)
    if (strcmp(cgap_field_at(i)->key, key) == 0)
      return cgap_field_at(i);
  return NULL;
}

cgap_phrase cgap_field_label(const cgap_field *field, const cgap_modality_names *names)
{
  return cgap_phrase_of(names, field->label);
}

cgap_phrase cgap_field_title(const cgap_field *field, const cgap_modality_names *names)
{
  const cgap_group *group = &cgap_groups[field->group];
  const cgap_phrase label = cgap_phrase_of(names, field->label);
  const char *title = cgap_tr(names, group->title);
  cgap_phrase out;
  if (group->columns[0])
    (void)snprintf(out.s, sizeof out.s, "%s: %.300s, %.300s", title, label.s,
                   cgap_phrase_of(names, group->columns[field->column]).s);
  else
    (void)snprintf(out.s, sizeof out.s, "%s: %.300s", title, label.s);
  return out;
}

static const cgap_number *find_number(const char *key)
{
  for (size_t i = 0; i < cgap_number_count(); i++)
    if (strcmp(cgap_number_at(i)->key, key) == 0)
      return cgap_number_at(i);
  return NULL;
}

cgap_key_value cgap_key_find(const cgap_audit *audit, const char *key)
{
  const cgap_field *field = cgap_field_find(key);
  if (field) {
    const cgap_scalar *s = cgap_field_scalar(audit, field);
    return (cgap_key_value){
      .found = true, .present = cgap_field_present(audit, field), .value = s->why ? NAN : s->value, .why = s->why};
  }
  const cgap_number *number = find_number(key);
  if (!number)
    return (cgap_key_value){.value = NAN};
  const char *at = (const char *)audit + number->offset;
  double value = number->counted ? (double)*(const uint64_t *)(const void *)at : *(const double *)(const void *)at;
  const char *why = number->why ? *(const char *const *)(const void *)((const char *)audit + number->why) : NULL;
  if (!why && !isfinite(value))
    why = "not defined for these data";
  return (cgap_key_value){
    .found = true, .present = (audit->has & number->needs) == number->needs, .value = why ? NAN : value, .why = why};
}

const char *cgap_key_suggestion(const char *key)
{
  cgap_did_you_mean near = cgap_did_you_mean_init(key);
  for (size_t i = 0; i < cgap_field_count(); i++)
    cgap_did_you_mean_offer(&near, cgap_field_at(i)->key);
  for (size_t i = 0; i < cgap_number_count(); i++)
    cgap_did_you_mean_offer(&near, cgap_number_at(i)->key);
  return near.name;
}

bool cgap_key_exists(const char *key)
{
  return cgap_field_find(key) || find_number(key);
}

/* ---------------------------------------------------------------- gap level */

cgap_level cgap_distance_level(double distance)
{
  return distance < CGAP_GAP_LOW      ? CGAP_LEVEL_LOW
         : distance < CGAP_GAP_SEVERE ? CGAP_LEVEL_MODERATE
                                      : CGAP_LEVEL_SEVERE;
}

cgap_level cgap_gap_level(const cgap_scalar *d)
{
  if (!cgap_scalar_known(d))
    return CGAP_LEVEL_UNKNOWN;
  return isfinite(d->lo) && d->lo <= 0 ? CGAP_LEVEL_NOISE : cgap_distance_level(d->value);
}

bool cgap_is_collapsed(const cgap_scalar *mean_cosine)
{
  return cgap_scalar_known(mean_cosine) && mean_cosine->value > CGAP_COLLAPSED_COSINE;
}

bool cgap_cosines_collapsed(const cgap_cosines *c)
{
  return c->count && !c->why && c->mean > CGAP_COLLAPSED_COSINE;
}

double cgap_apart_above(const cgap_scalar *unbiased)
{
  return unbiased->value + CGAP_APART_FRACTION * (1 - unbiased->value);
}

bool cgap_is_apart(const cgap_scalar *d, const cgap_scalar *same_modality, const cgap_scalar *unbiased)
{
  return cgap_scalar_known(d) && cgap_scalar_known(same_modality) && cgap_scalar_known(unbiased) &&
         (isfinite(d->lo) ? d->lo : d->value) <= CGAP_GAP_LOW && same_modality->value > cgap_apart_above(unbiased);
}

cgap_level cgap_audit_level(const cgap_audit *a)
{
  if (cgap_cosines_collapsed(&a->cosine_image) || cgap_cosines_collapsed(&a->cosine_text))
    return CGAP_LEVEL_COLLAPSED;
  if (!(a->has & CGAP_ONE_SPACE)) /* neither a distance nor mixing */
    return CGAP_LEVEL_UNKNOWN;
  const cgap_scalar *d = &a->gap.corrected_distance;
  return cgap_is_apart(d, &a->mixed.same_modality_share, &a->mixed.unbiased) ? CGAP_LEVEL_APART : cgap_gap_level(d);
}

bool cgap_level_is_gap(cgap_level level)
{
  return level > CGAP_LEVEL_LOW;
}

const char *cgap_level_word(cgap_level level)
{
  static const char *const words[CGAP_LEVELS] = {
    [CGAP_LEVEL_UNKNOWN] = N_("unknown"),    [CGAP_LEVEL_NOISE] = N_("none"),    [CGAP_LEVEL_LOW] = N_("low"),
    [CGAP_LEVEL_MODERATE] = N_("moderate"),  [CGAP_LEVEL_SEVERE] = N_("severe"), [CGAP_LEVEL_APART] = N_("apart"),
    [CGAP_LEVEL_COLLAPSED] = N_("collapsed")};
  return words[level];
}

/* ---------------------------------------------------------------- mismatched pairs */

/* Ten times what random ranks give: with several texts per image about as many times as often. */
static bool is_well_above_chance(const cgap_scalar *recall_at_10, size_t images)
{
  return !recall_at_10->why && recall_at_10->value >= 10 * fmin(1, 10 / (double)images);
}

bool cgap_pairs_look_mismatched(const cgap_audit *a)
{
  const cgap_pairing_check *c = &a->pairing_check;
  return (a->has & CGAP_HAS_PAIRS) && c->verdict == CGAP_PAIRING_MATCHED && !c->below_median_share.why &&
         c->below_median_share.lo > 0.05 && is_well_above_chance(&a->image_to_text.recall_at_10, a->images) &&
         is_well_above_chance(&a->text_to_image.recall_at_10, a->images);
}
