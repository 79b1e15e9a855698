/* TensorBoard's event files: scalars against the training step and the wall clock.
 *
 * A file is a sequence of records: uint64 length, uint32 masked CRC-32C of the length, the bytes, uint32 masked CRC-32C
 * of the bytes, all little-endian (TensorFlow, core/lib/io/record_writer.h). The bytes are a protocol buffer "Event"
 * (core/util/event.proto). A file grows by whole records alone. */
#ifndef CGAP_HEAD_EVENTS_H
#define CGAP_HEAD_EVENTS_H

#include "base/output_file.h"

typedef struct cgap_events {
  char path[CGAP_PATH]; /* "": closed */
} cgap_events;

typedef struct cgap_event_scalar {
  const char *tag;
  double value; /* left out where it is no number */
} cgap_event_scalar;

enum { CGAP_EVENT_SCALARS = 64 }; /* at most, in one event */

/* Begins a new file in folder, which is made where it is missing. Events of earlier files whose step is first_step or
 * later no longer count to a reader: a resumed run passes those again. */
CGAP_MUST_CHECK cgap_status cgap_events_open(cgap_events *out, const char *folder, uint64_t first_step,
                                             cgap_error *error);

CGAP_MUST_CHECK cgap_status cgap_events_add(const cgap_events *events, uint64_t step, const cgap_event_scalar *scalars,
                                            size_t count, cgap_error *error);

/* Whether a file of this name is one that cgap_events_open began. */
bool cgap_events_name(const char *name);

#endif
