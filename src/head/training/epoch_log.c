#include "head/training/epoch_log.h"
#include "base/output_file.h"
#include "base/text_buffer.h"
#include "head/model/loss.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---------------------------------------------------------------- history */

enum { VALUES_MAX = 64 }; /* numbers of a record */

/* The numbers of a record by their keys; NULL group: at the top. */
typedef struct field {
  const char *group, *key;
  size_t offset;
} field;

static const field FIRST[] = {
  {NULL, "seconds", offsetof(cgap_epoch, seconds)},
  {NULL, "steps_per_second", offsetof(cgap_epoch, steps_per_second)},
  {NULL, "lr", offsetof(cgap_epoch, learning_rate)},
  {NULL, "temperature", offsetof(cgap_epoch, temperature)},
  {NULL, "gradient_norm", offsetof(cgap_epoch, gradient_norm)},
};
static const field LAST = {"validation", "centroid_distance", offsetof(cgap_epoch, validation_gap)};

/* The k-th in the order of the history; false past the last. */
static bool field_at(field *out, size_t k)
{
  const size_t first = sizeof FIRST / sizeof *FIRST;
  size_t values = 0;
  while (cgap_loss_value_at(values))
    values++;
  if (k < first) {
    *out = FIRST[k];
  } else if (k < first + 2 * values) {
    const bool training = k < first + values;
    const cgap_loss_value *value = cgap_loss_value_at((k - first) % values);
    const size_t terms = training ? offsetof(cgap_epoch, training) : offsetof(cgap_epoch, validation);
    *out = (field){training ? "training" : "validation", value->key, terms + value->offset};
  } else {
    *out = LAST;
  }
  return k <= first + 2 * values;
}

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

/* A number of a record by its key: "seconds", or "training", the separator and "clip". */
typedef struct named_value {
  char name[60];
  double value;
} named_value;

/* Those of a record besides its epoch, in the order of the history. Returns how many. */
static size_t named_values(named_value out[VALUES_MAX], const cgap_epoch *record, char separator)
{
  size_t k = 0;
  for (field f; k < VALUES_MAX && field_at(&f, k); k++) {
    out[k].value = value_of(record, &f);
    if (f.group)
      snprintf(out[k].name, sizeof out[k].name, "%s%c%s", f.group, separator, f.key);
    else
      snprintf(out[k].name, sizeof out[k].name, "%s", f.key);
  }
  return k;
}

cgap_status cgap_history_append(const char *path, const char *candidate, size_t fold, const cgap_epoch *record,
                                cgap_error *error)
{
  json_t *root = json_object();
  field f;
  if (candidate)
    json_object_set_new(root, "candidate", json_string(candidate));
  if (fold)
    json_object_set_new(root, "fold", json_integer((json_int_t)fold));
  json_object_set_new(root, "epoch", json_integer((json_int_t)record->epoch));
  for (size_t k = 0; field_at(&f, k); k++) {
    const double value = value_of(record, &f);
    json_t *to = root;
    if (f.group && !(to = json_object_get(root, f.group))) {
      json_object_set_new(root, f.group, json_object());
      to = json_object_get(root, f.group);
    }
    json_object_set_new(to, f.key, isfinite(value) ? json_real(value) : json_null());
  }
  char *text = cgap_json_text(root, JSON_COMPACT | JSON_PRESERVE_ORDER),
       *line = text ? cgap_format("%s\n", text) : NULL;
  const cgap_status status =
    line ? cgap_append_file(path, line, strlen(line), error) : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  json_decref(root);
  free(text);
  free(line);
  return status;
}

static cgap_status record_of(cgap_epoch *out, const cgap_json_line *line, cgap_error *error)
{
  *out = (cgap_epoch){.epoch = (size_t)json_integer_value(json_object_get(line->value, "epoch"))};
  field f;
  for (size_t k = 0; field_at(&f, k); k++) {
    const json_t *from = f.group ? json_object_get(line->value, f.group) : line->value;
    const json_t *value = json_object_get(from, f.key);
    if (!json_is_number(value) && !json_is_null(value)) {
      char what[120];
      snprintf(what, sizeof what, "no number %s%s%s", f.group ? f.group : "", f.group ? "." : "", f.key);
      return cgap_json_line_refuse(line, what, error);
    }
    *(double *)((char *)out + f.offset) = json_is_number(value) ? json_number_value(value) : NAN;
  }
  return CGAP_OK;
}

/* Epochs up to the checkpoint's are kept, later ones will be repeated. */
typedef struct history_reader {
  cgap_history *out;
  uint64_t last;
  size_t epochs; /* lines so far */
  uint64_t end;  /* of the last line that is taken */
} history_reader;

static cgap_status read_record(void *context, const cgap_json_line *line, cgap_error *error)
{
  history_reader *r = context;
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

/* Reads the epochs up to `last`, that of the checkpoint, and leaves the file with those lines alone, later ones in a
 * copy next to it. A last line without its end does not count. CGAP_FILE, with the file as it was, where another line
 * is no record of its epoch or where there are fewer than `last`. */
static cgap_status resume_history(cgap_history *out, const char *path, uint64_t last, cgap_error *error)
{
  history_reader r = {.out = out, .last = last};
  uint64_t end;
  *out = (cgap_history){0};
  cgap_status status = cgap_json_lines_read(path, read_record, &r, &end, error);
  if (status == CGAP_OK && out->count < last)
    status = cgap_fail(error, CGAP_FILE,
                       "%s: holds %zu epochs, checkpoint.bin is of epoch %llu; put the file back, or start over", path,
                       out->count, (unsigned long long)last);
  const bool more = r.epochs > last;
  if (status == CGAP_OK)
    status = cgap_json_lines_cut(path, more ? r.end : end, more, error);
  if (status != CGAP_OK)
    cgap_history_clear(out);
  return status;
}

/* ---------------------------------------------------------------- tensorboard */

/* TensorBoard's event files: scalars against the training step and the wall clock. A file is a sequence of records:
 * uint64 length, uint32 masked CRC-32C of the length, the bytes, uint32 masked CRC-32C of the bytes, all little-endian
 * (TensorFlow, core/lib/io/record_writer.h). The bytes are a protocol buffer "Event" (core/util/event.proto). A file
 * grows by whole records alone. */

static const char LEAD[] = "events.out.tfevents.", END[] = ".contragap"; /* readers look for "tfevents" */

/* Fields of the messages, as (number << 3 | wire type): 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes. */
enum {
  EVENT_WALL_TIME = 1 << 3 | 1,
  EVENT_STEP = 2 << 3 | 0,
  EVENT_FILE_VERSION = 3 << 3 | 2,
  EVENT_SUMMARY = 5 << 3 | 2,
  EVENT_SESSION_LOG = 7 << 3 | 2,
  SUMMARY_VALUE = 1 << 3 | 2,
  VALUE_TAG = 1 << 3 | 2,
  VALUE_SIMPLE = 2 << 3 | 5,
  SESSION_STATUS = 1 << 3 | 0,
  SESSION_START = 1
};

enum { TAG_BYTES = 100, MESSAGE_BYTES = 64 + VALUES_MAX * (TAG_BYTES + 16) };

typedef struct message {
  unsigned char bytes[MESSAGE_BYTES];
  size_t used;
} message;

static void put_bytes(message *m, const void *bytes, size_t count)
{
  if (count > sizeof m->bytes - m->used) /* cannot be: tags and their number are bounded */
    return;
  memcpy(m->bytes + m->used, bytes, count);
  m->used += count;
}

static void put_varint(message *m, uint64_t value)
{
  do {
    const unsigned char byte = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    put_bytes(m, &byte, 1);
  } while (value >>= 7);
}

static void put_little_endian(message *m, uint64_t bits, size_t bytes)
{
  for (size_t k = 0; k < bytes; k++) {
    const unsigned char byte = (unsigned char)(bits >> (8 * k));
    put_bytes(m, &byte, 1);
  }
}

static void put_field(message *m, int number, const void *bytes, size_t count)
{
  put_varint(m, (uint64_t)number);
  put_varint(m, count);
  put_bytes(m, bytes, count);
}

static void begin_event(message *m, uint64_t step)
{
  struct timespec now;
  uint64_t bits;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  const double seconds = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
  memcpy(&bits, &seconds, sizeof bits);
  m->used = 0;
  put_varint(m, EVENT_WALL_TIME);
  put_little_endian(m, bits, sizeof bits);
  put_varint(m, EVENT_STEP);
  put_varint(m, step);
}

static void put_scalar(message *summary, const named_value *s)
{
  message value = {.used = 0};
  const float single = (float)s->value;
  uint32_t bits;
  memcpy(&bits, &single, sizeof bits);
  put_field(&value, VALUE_TAG, s->name, strnlen(s->name, TAG_BYTES));
  put_varint(&value, VALUE_SIMPLE);
  put_little_endian(&value, bits, sizeof bits);
  put_field(summary, SUMMARY_VALUE, value.bytes, value.used);
}

/* CRC-32C (Castagnoli), reflected, bit by bit: a record has a kilobyte or two, and there is one an epoch. */
static uint32_t crc32c(const unsigned char *bytes, size_t count)
{
  uint32_t crc = 0xffffffffu;
  for (size_t k = 0; k < count; k++) {
    crc ^= bytes[k];
    for (int bit = 0; bit < 8; bit++)
      crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
  }
  return ~crc;
}

/* The checksum of bytes that may hold checksums themselves (record_writer.h, crc32c.h: Mask). */
static uint32_t masked_checksum(const unsigned char *bytes, size_t count)
{
  const uint32_t crc = crc32c(bytes, count);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

static cgap_status append_record(const char *path, const message *m, cgap_error *error)
{
  message record = {.used = 0};
  put_little_endian(&record, m->used, 8);
  put_little_endian(&record, masked_checksum(record.bytes, 8), 4);
  put_bytes(&record, m->bytes, m->used);
  put_little_endian(&record, masked_checksum(m->bytes, m->used), 4);
  return cgap_append_file(path, record.bytes, record.used, error);
}

/* Begins a new file in folder, which is made where it is missing. Events of earlier files whose step is first_step or
 * later no longer count to a reader: a resumed run passes those again. */
static cgap_status open_events(char path[CGAP_PATH], const char *folder, uint64_t first_step, cgap_error *error)
{
  static const char version[] = "brain.Event:2", start[] = {SESSION_STATUS, SESSION_START};
  char name[120];
  struct timespec now;
  message m;
  if (mkdir(folder, 0777) != 0 && errno != EEXIST)
    return cgap_fail_errno(error, errno, folder, "make the folder");
  (void)clock_gettime(CLOCK_REALTIME, &now);
  snprintf(name, sizeof name, "%s%010lld.%09ld%s", LEAD, (long long)now.tv_sec, now.tv_nsec, END);
  cgap_status status = cgap_folder_file(path, folder, name, error);
  if (status == CGAP_OK) {
    begin_event(&m, 0);
    put_field(&m, EVENT_FILE_VERSION, version, sizeof version - 1);
    status = append_record(path, &m, error);
  }
  if (status == CGAP_OK) {
    begin_event(&m, first_step);
    put_field(&m, EVENT_SESSION_LOG, start, sizeof start);
    status = append_record(path, &m, error);
  }
  return status;
}

/* Numbers that are not finite are left out. */
static cgap_status add_event(const char *path, const cgap_epoch *record, uint64_t step, cgap_error *error)
{
  named_value value[VALUES_MAX];
  const size_t count = named_values(value, record, '/');
  message m, summary = {.used = 0};
  for (size_t k = 0; k < count; k++)
    if (isfinite(value[k].value))
      put_scalar(&summary, &value[k]);
  begin_event(&m, step);
  put_field(&m, EVENT_SUMMARY, summary.bytes, summary.used);
  return append_record(path, &m, error);
}

bool cgap_tensorboard_is_name(const char *name)
{
  const size_t length = strlen(name), lead = sizeof LEAD - 1, end = sizeof END - 1;
  return length > lead + end && strncmp(name, LEAD, lead) == 0 && strcmp(name + length - end, END) == 0;
}

/* ---------------------------------------------------------------- table, and all of them */

/* A line of the table: numbers as history.jsonl has them, an empty cell where there is none. */
static void put_row(FILE *out, const cgap_epoch *record)
{
  named_value value[VALUES_MAX];
  const size_t count = named_values(value, record, '.');
  fprintf(out, "%zu", record->epoch);
  for (size_t k = 0; k < count; k++)
    if (isfinite(value[k].value))
      fprintf(out, ",%.17g", value[k].value);
    else
      fputc(',', out);
  fputc('\n', out);
}

static cgap_status begin_table(const char *path, const cgap_history *past, cgap_error *error)
{
  cgap_outfile file;
  named_value value[VALUES_MAX];
  const size_t count = named_values(value, &(cgap_epoch){0}, '.');
  cgap_status status = cgap_outfile_open(&file, path, error);
  if (status != CGAP_OK)
    return status;
  fprintf(file.stream, "epoch");
  for (size_t k = 0; k < count; k++)
    fprintf(file.stream, ",%s", value[k].name);
  fputc('\n', file.stream);
  for (size_t k = 0; k < past->count; k++)
    put_row(file.stream, &past->epoch[k]);
  return cgap_outfile_close(&file, true, error);
}

static cgap_status add_row(const char *path, const cgap_epoch *record, cgap_error *error)
{
  char *row = NULL;
  size_t bytes = 0;
  FILE *out = open_memstream(&row, &bytes);
  if (out)
    put_row(out, record);
  cgap_status status = out && fclose(out) == 0 ? cgap_append_file(path, row, bytes, error)
                                               : cgap_fail(error, CGAP_RESOURCE, "out of memory");
  free(row);
  return status;
}

static cgap_status name_file(char path[CGAP_PATH], const cgap_epoch_log_files *where, const char *name,
                             cgap_error *error)
{
  char full[100];
  snprintf(full, sizeof full, "%s%s", where->prefix, name);
  return cgap_folder_file(path, where->folder, full, error);
}

cgap_status cgap_epoch_log_open(cgap_epoch_log *out, const cgap_epoch_log_files *where, cgap_history *past,
                                uint64_t last_epoch, uint64_t steps, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  *out = (cgap_epoch_log){.history = ""};
  *past = (cgap_history){0};
  if (where->folder)
    status = name_file(out->history, where, "history.jsonl", error);
  if (status == CGAP_OK && where->folder && where->table)
    status = name_file(out->table, where, "history.csv", error);
  if (status == CGAP_OK && where->folder)
    status = resume_history(past, out->history, last_epoch, error);
  if (status == CGAP_OK && out->table[0])
    status = begin_table(out->table, past, error);
  if (status == CGAP_OK && where->events)
    status = open_events(out->events, where->events, last_epoch ? steps + 1 : 0, error);
  return status;
}

cgap_status cgap_epoch_log_add(const cgap_epoch_log *logs, const cgap_epoch *record, uint64_t step, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  if (logs->history[0])
    status = cgap_history_append(logs->history, NULL, 0, record, error);
  if (status == CGAP_OK && logs->table[0])
    status = add_row(logs->table, record, error);
  if (status == CGAP_OK && logs->events[0])
    status = add_event(logs->events, record, step, error);
  return status;
}

cgap_status cgap_epoch_log_synchronise(const cgap_epoch_log *logs, cgap_error *error)
{
  const char *const paths[] = {logs->history, logs->table, logs->events};
  cgap_status status = CGAP_OK;
  for (size_t k = 0; status == CGAP_OK && k < sizeof paths / sizeof *paths; k++)
    if (paths[k][0])
      status = cgap_synchronise_file(paths[k], error);
  return status;
}
