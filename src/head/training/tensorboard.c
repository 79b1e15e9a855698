#include "head/training/tensorboard.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

enum { TAG_ROOM = 100, MESSAGE_ROOM = 64 + CGAP_EVENT_SCALARS * (TAG_ROOM + 16) };

typedef struct message {
  unsigned char bytes[MESSAGE_ROOM];
  size_t used;
} message;

/* ---------------------------------------------------------------- wire format */

static void put(message *m, const void *bytes, size_t count)
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
    put(m, &byte, 1);
  } while (value >>= 7);
}

static void put_little_endian(message *m, uint64_t bits, size_t bytes)
{
  for (size_t k = 0; k < bytes; k++) {
    const unsigned char byte = (unsigned char)(bits >> (8 * k));
    put(m, &byte, 1);
  }
}

static void put_field(message *m, int field, const void *bytes, size_t count)
{
  put_varint(m, (uint64_t)field);
  put_varint(m, count);
  put(m, bytes, count);
}

static void begin(message *m, uint64_t step)
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

static void put_scalar(message *summary, const cgap_event_scalar *s)
{
  message value = {.used = 0};
  const float single = (float)s->value;
  uint32_t bits;
  memcpy(&bits, &single, sizeof bits);
  put_field(&value, VALUE_TAG, s->tag, strnlen(s->tag, TAG_ROOM));
  put_varint(&value, VALUE_SIMPLE);
  put_little_endian(&value, bits, sizeof bits);
  put_field(summary, SUMMARY_VALUE, value.bytes, value.used);
}

/* ---------------------------------------------------------------- records */

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
static uint32_t masked(const unsigned char *bytes, size_t count)
{
  const uint32_t crc = crc32c(bytes, count);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

static cgap_status append(const cgap_events *events, const message *m, cgap_error *error)
{
  message record = {.used = 0};
  put_little_endian(&record, m->used, 8);
  put_little_endian(&record, masked(record.bytes, 8), 4);
  put(&record, m->bytes, m->used);
  put_little_endian(&record, masked(m->bytes, m->used), 4);
  return cgap_append_file(events->path, record.bytes, record.used, error);
}

cgap_status cgap_events_open(cgap_events *out, const char *folder, uint64_t first_step, cgap_error *error)
{
  static const char version[] = "brain.Event:2", start[] = {SESSION_STATUS, SESSION_START};
  char name[120];
  struct timespec now;
  message m;
  *out = (cgap_events){.path = ""};
  if (mkdir(folder, 0777) != 0 && errno != EEXIST)
    return cgap_fail_errno(error, errno, folder, "make the folder");
  (void)clock_gettime(CLOCK_REALTIME, &now);
  snprintf(name, sizeof name, "%s%010lld.%09ld%s", LEAD, (long long)now.tv_sec, now.tv_nsec, END);
  cgap_status status = cgap_folder_file(out->path, folder, name, error);
  if (status == CGAP_OK) {
    begin(&m, 0);
    put_field(&m, EVENT_FILE_VERSION, version, sizeof version - 1);
    status = append(out, &m, error);
  }
  if (status == CGAP_OK) {
    begin(&m, first_step);
    put_field(&m, EVENT_SESSION_LOG, start, sizeof start);
    status = append(out, &m, error);
  }
  return status;
}

cgap_status cgap_events_add(const cgap_events *events, uint64_t step, const cgap_event_scalar *scalars, size_t count,
                            cgap_error *error)
{
  message m, summary = {.used = 0};
  for (size_t k = 0; k < count && k < CGAP_EVENT_SCALARS; k++)
    if (isfinite(scalars[k].value))
      put_scalar(&summary, &scalars[k]);
  begin(&m, step);
  put_field(&m, EVENT_SUMMARY, summary.bytes, summary.used);
  return append(events, &m, error);
}

bool cgap_events_name(const char *name)
{
  const size_t length = strlen(name), lead = sizeof LEAD - 1, end = sizeof END - 1;
  return length > lead + end && strncmp(name, LEAD, lead) == 0 && strcmp(name + length - end, END) == 0;
}
