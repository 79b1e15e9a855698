#include "report/fields.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "suggest.h"

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
  for (size_t i = 0; i < cgap_field_count; i++)
    if (strcmp(cgap_fields[i].key, key) == 0)
      return &cgap_fields[i];
  return NULL;
}

void cgap_field_title(const cgap_field *field, char out[100])
{
  const cgap_group *group = &cgap_groups[field->group];
  if (group->columns[0])
    snprintf(out, 100, "%s: %s, %s", group->title, field->label, group->columns[field->column]);
  else
    snprintf(out, 100, "%s: %s", group->title, field->label);
}

static const cgap_plain *find_plain(const char *key)
{
  for (size_t i = 0; i < cgap_plain_count; i++)
    if (strcmp(cgap_plains[i].key, key) == 0)
      return &cgap_plains[i];
  return NULL;
}

cgap_looked_up cgap_look_up(const cgap_audit *audit, const char *key)
{
  const cgap_field *field = cgap_field_find(key);
  if (field) {
    const cgap_scalar *s = cgap_field_scalar(audit, field);
    return (cgap_looked_up){
      .found = true, .present = cgap_field_present(audit, field), .value = s->why ? NAN : s->value, .why = s->why};
  }
  const cgap_plain *plain = find_plain(key);
  if (!plain)
    return (cgap_looked_up){.value = NAN};
  const char *at = (const char *)audit + plain->offset;
  double value = plain->counted ? (double)*(const uint64_t *)(const void *)at : *(const double *)(const void *)at;
  const char *why = plain->why ? *(const char *const *)(const void *)((const char *)audit + plain->why) : NULL;
  if (!why && !isfinite(value))
    why = "not defined for these data";
  return (cgap_looked_up){
    .found = true, .present = (audit->has & plain->needs) == plain->needs, .value = why ? NAN : value, .why = why};
}

const char *cgap_key_suggestion(const char *key)
{
  cgap_suggestion near = cgap_suggestion_init(key);
  for (size_t i = 0; i < cgap_field_count; i++)
    cgap_suggestion_offer(&near, cgap_fields[i].key);
  for (size_t i = 0; i < cgap_plain_count; i++)
    cgap_suggestion_offer(&near, cgap_plains[i].key);
  return near.name;
}

bool cgap_key_exists(const char *key)
{
  return cgap_field_find(key) || find_plain(key);
}
