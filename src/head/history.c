#include "head/history.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "json_memory.h"
#include "memory.h"
#include "output.h"

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

static bool parse(cgap_epoch *out, const char *line)
{
  json_t *root = json_loads(line, 0, NULL);
  const json_t *epoch = json_object_get(root, "epoch");
  const bool fine = json_is_integer(epoch);
  *out = (cgap_epoch){.epoch = fine ? (size_t)json_integer_value(epoch) : 0};
  for (size_t k = 0; fine && k < FIELD_COUNT; k++) {
    const json_t *from = FIELDS[k].group ? json_object_get(root, FIELDS[k].group) : root;
    const json_t *value = json_object_get(from, FIELDS[k].key);
    *(double *)((char *)out + FIELDS[k].offset) = json_is_number(value) ? json_number_value(value) : NAN;
  }
  json_decref(root);
  return fine;
}

static cgap_status read_lines(cgap_history *out, FILE *file, uint64_t last, cgap_error *error)
{
  char *line = NULL;
  size_t room = 0;
  cgap_epoch record;
  cgap_status status = CGAP_OK;
  while (status == CGAP_OK && getline(&line, &room, file) > 0 && parse(&record, line) &&
         record.epoch == out->count + 1 && record.epoch <= last)
    status = cgap_history_add(out, &record, error);
  free(line);
  return status;
}

static cgap_status rewrite(const cgap_history *h, const char *path, cgap_error *error)
{
  cgap_outfile file;
  cgap_status status = cgap_outfile_open(&file, path, error);
  if (status != CGAP_OK)
    return status;
  for (size_t k = 0; k < h->count; k++) {
    char *line = cgap_history_line(&h->epoch[k]);
    if (line)
      fputs(line, file.stream);
    free(line);
  }
  return cgap_outfile_close(&file, true, error);
}

cgap_status cgap_history_resume(cgap_history *out, const char *path, uint64_t last, cgap_error *error)
{
  *out = (cgap_history){0};
  FILE *file = fopen(path, "r");
  if (!file && errno == ENOENT)
    return CGAP_OK;
  if (!file)
    return cgap_fail_errno(error, errno, path, "read");
  cgap_status status = read_lines(out, file, last, error);
  fclose(file);
  if (status == CGAP_OK)
    status = rewrite(out, path, error);
  if (status != CGAP_OK)
    cgap_history_clear(out);
  return status;
}
