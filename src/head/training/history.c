#include "head/training/history.h"

#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_lines.h"
#include "base/json_memory.h"
#include "base/output_file.h"

/* The numbers of a record by their keys; NULL group: at the top. */
typedef struct field {
  const char *group, *key;
  size_t offset;
} field;

enum { TRAINING = offsetof(cgap_epoch, training), VALIDATION = offsetof(cgap_epoch, validation) };

static const field FIELDS[] = {
  {NULL, "seconds", offsetof(cgap_epoch, seconds)},
  {NULL, "steps_per_second", offsetof(cgap_epoch, steps_per_second)},
  {NULL, "lr", offsetof(cgap_epoch, learning_rate)},
  {NULL, "temperature", offsetof(cgap_epoch, temperature)},
  {NULL, "gradient_norm", offsetof(cgap_epoch, gradient_norm)},
  {"training", "loss", TRAINING + offsetof(cgap_loss_terms, total)},
  {"training", "clip", TRAINING + offsetof(cgap_loss_terms, clip)},
  {"training", "clip_image_to_text", TRAINING + offsetof(cgap_loss_terms, image_to_text)},
  {"training", "clip_text_to_image", TRAINING + offsetof(cgap_loss_terms, text_to_image)},
  {"training", "uniform", TRAINING + offsetof(cgap_loss_terms, uniform)},
  {"training", "uniform_image", TRAINING + offsetof(cgap_loss_terms, uniform_image)},
  {"training", "uniform_text", TRAINING + offsetof(cgap_loss_terms, uniform_text)},
  {"training", "align", TRAINING + offsetof(cgap_loss_terms, align)},
  {"training", "xuniform", TRAINING + offsetof(cgap_loss_terms, xuniform)},
  {"training", "recall_at_1_image_to_text", TRAINING + offsetof(cgap_loss_terms, recall_image_to_text)},
  {"training", "recall_at_1_text_to_image", TRAINING + offsetof(cgap_loss_terms, recall_text_to_image)},
  {"validation", "loss", VALIDATION + offsetof(cgap_loss_terms, total)},
  {"validation", "clip", VALIDATION + offsetof(cgap_loss_terms, clip)},
  {"validation", "clip_image_to_text", VALIDATION + offsetof(cgap_loss_terms, image_to_text)},
  {"validation", "clip_text_to_image", VALIDATION + offsetof(cgap_loss_terms, text_to_image)},
  {"validation", "uniform", VALIDATION + offsetof(cgap_loss_terms, uniform)},
  {"validation", "uniform_image", VALIDATION + offsetof(cgap_loss_terms, uniform_image)},
  {"validation", "uniform_text", VALIDATION + offsetof(cgap_loss_terms, uniform_text)},
  {"validation", "align", VALIDATION + offsetof(cgap_loss_terms, align)},
  {"validation", "xuniform", VALIDATION + offsetof(cgap_loss_terms, xuniform)},
  {"validation", "recall_at_1_image_to_text", VALIDATION + offsetof(cgap_loss_terms, recall_image_to_text)},
  {"validation", "recall_at_1_text_to_image", VALIDATION + offsetof(cgap_loss_terms, recall_text_to_image)},
  {"validation", "centroid_distance", offsetof(cgap_epoch, validation_gap)},
};
enum { FIELD_COUNT = sizeof FIELDS / sizeof *FIELDS };
_Static_assert((int)FIELD_COUNT == (int)CGAP_HISTORY_VALUES, "history.h says how many there are");

void cgap_history_clear(cgap_history *h)
{
  free(h->epoch);
  *h = (cgap_history){0};
}

cgap_status cgap_history_add(cgap_history *h, const cgap_epoch *record, cgap_error *error)
{
  if (h->count == h->capacity) {
    const size_t capacity = h->capacity ? 2 * h->capacity : 64;
    cgap_epoch *grown = realloc(h->epoch, capacity * sizeof *grown);
    if (!grown)
      return cgap_fail(error, CGAP_RESOURCE, "out of memory");
    h->epoch = grown;
    h->capacity = capacity;
  }
  h->epoch[h->count++] = *record;
  return CGAP_OK;
}

static double value_of(const cgap_epoch *record, const field *f)
{
  return *(const double *)((const char *)record + f->offset);
}

size_t cgap_history_values(cgap_history_value out[CGAP_HISTORY_VALUES], const cgap_epoch *record, char separator)
{
  for (size_t k = 0; k < FIELD_COUNT; k++) {
    const field *f = &FIELDS[k];
    out[k].value = value_of(record, f);
    if (f->group)
      snprintf(out[k].name, sizeof out[k].name, "%s%c%s", f->group, separator, f->key);
    else
      snprintf(out[k].name, sizeof out[k].name, "%s", f->key);
  }
  return FIELD_COUNT;
}

char *cgap_history_line(const cgap_epoch *record)
{
  json_t *root = json_object();
  json_object_set_new(root, "epoch", json_integer((json_int_t)record->epoch));
  for (size_t k = 0; k < FIELD_COUNT; k++) {
    const double value = value_of(record, &FIELDS[k]);
    json_t *to = root;
    if (FIELDS[k].group && !(to = json_object_get(root, FIELDS[k].group))) {
      json_object_set_new(root, FIELDS[k].group, json_object());
      to = json_object_get(root, FIELDS[k].group);
    }
    json_object_set_new(to, FIELDS[k].key, isfinite(value) ? json_real(value) : json_null());
  }
  char *text = cgap_json_text(root, JSON_COMPACT | JSON_PRESERVE_ORDER), *line = NULL;
  json_decref(root);
  if (text && (line = malloc(strlen(text) + 2))) {
    strcpy(line, text);
    strcat(line, "\n");
  }
  free(text);
  return line;
}

cgap_status cgap_history_append(const char *path, const cgap_epoch *record, cgap_error *error)
{
  char *line = cgap_history_line(record);
  if (!line)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_status status = cgap_append_file(path, line, strlen(line), error);
  free(line);
  return status;
}

static cgap_status record_of(cgap_epoch *out, const cgap_json_line *line, cgap_error *error)
{
  *out = (cgap_epoch){.epoch = (size_t)json_integer_value(json_object_get(line->value, "epoch"))};
  for (size_t k = 0; k < FIELD_COUNT; k++) {
    const json_t *from = FIELDS[k].group ? json_object_get(line->value, FIELDS[k].group) : line->value;
    const json_t *value = json_object_get(from, FIELDS[k].key);
    if (!json_is_number(value) && !json_is_null(value)) {
      char what[120];
      snprintf(what, sizeof what, "no number %s%s%s", FIELDS[k].group ? FIELDS[k].group : "",
               FIELDS[k].group ? "." : "", FIELDS[k].key);
      return cgap_json_line_refuse(line, what, error);
    }
    *(double *)((char *)out + FIELDS[k].offset) = json_is_number(value) ? json_number_value(value) : NAN;
  }
  return CGAP_OK;
}

/* Epochs up to the checkpoint's are taken, later ones will be made again. */
typedef struct reading {
  cgap_history *out;
  uint64_t last;
  size_t epochs; /* lines so far */
  uint64_t end;  /* of the last line that is taken */
} reading;

static cgap_status take_line(void *context, const cgap_json_line *line, cgap_error *error)
{
  reading *r = context;
  char what[120];
  const json_t *epoch = json_object_get(line->value, "epoch");
  if (!json_is_integer(epoch))
    return cgap_json_line_refuse(line, "no epoch", error);
  if (json_integer_value(epoch) != (json_int_t)r->epochs + 1) {
    snprintf(what, sizeof what, "epoch %lld where epoch %zu belongs", (long long)json_integer_value(epoch),
             r->epochs + 1);
    return cgap_json_line_refuse(line, what, error);
  }
  if (r->epochs == r->last)
    r->end = line->first;
  if (r->epochs++ >= r->last)
    return CGAP_OK;
  cgap_epoch record;
  const cgap_status status = record_of(&record, line, error);
  return status == CGAP_OK ? cgap_history_add(r->out, &record, error) : status;
}

cgap_status cgap_history_resume(cgap_history *out, const char *path, uint64_t last, cgap_error *error)
{
  reading r = {.out = out, .last = last};
  uint64_t end;
  *out = (cgap_history){0};
  cgap_status status = cgap_json_lines_read(path, take_line, &r, &end, error);
  if (status == CGAP_OK && out->count < last)
    status = cgap_fail(error, CGAP_FILE,
                       "%s: holds %zu epochs, checkpoint.bin is of epoch %llu; put the file back, or give "
                       "--force to begin again without what the folder holds",
                       path, out->count, (unsigned long long)last);
  const bool more = r.epochs > last;
  if (status == CGAP_OK)
    status = cgap_json_lines_cut(path, more ? r.end : end, more, error);
  if (status != CGAP_OK)
    cgap_history_clear(out);
  return status;
}
