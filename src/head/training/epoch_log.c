#include "head/training/epoch_log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A line of the table: numbers as history.jsonl has them, an empty cell where there is none. */
static void put_row(FILE *out, const cgap_epoch *record)
{
  cgap_history_value value[CGAP_HISTORY_VALUES];
  const size_t count = cgap_history_values(value, record, '.');
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
  cgap_history_value value[CGAP_HISTORY_VALUES];
  const size_t count = cgap_history_values(value, &(cgap_epoch){0}, '.');
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

static cgap_status add_event(const cgap_events *events, const cgap_epoch *record, uint64_t step, cgap_error *error)
{
  cgap_history_value value[CGAP_HISTORY_VALUES];
  cgap_event_scalar scalar[CGAP_HISTORY_VALUES];
  const size_t count = cgap_history_values(value, record, '/');
  for (size_t k = 0; k < count; k++)
    scalar[k] = (cgap_event_scalar){value[k].name, value[k].value};
  return cgap_events_add(events, step, scalar, count, error);
}

static cgap_status name_file(char path[CGAP_PATH], const cgap_logs_where *where, const char *name, cgap_error *error)
{
  char full[100];
  snprintf(full, sizeof full, "%s%s", where->prefix, name);
  return cgap_folder_file(path, where->folder, full, error);
}

cgap_status cgap_logs_open(cgap_logs *out, const cgap_logs_where *where, cgap_history *past, uint64_t last_epoch,
                           uint64_t steps, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  *out = (cgap_logs){.history = "", .table = ""};
  *past = (cgap_history){0};
  if (where->folder)
    status = name_file(out->history, where, "history.jsonl", error);
  if (status == CGAP_OK && where->folder && where->table)
    status = name_file(out->table, where, "history.csv", error);
  if (status == CGAP_OK && where->folder)
    status = cgap_history_resume(past, out->history, last_epoch, error);
  if (status == CGAP_OK && out->table[0])
    status = begin_table(out->table, past, error);
  if (status == CGAP_OK && where->events)
    status = cgap_events_open(&out->events, where->events, last_epoch ? steps + 1 : 0, error);
  return status;
}

cgap_status cgap_logs_add(const cgap_logs *logs, const cgap_epoch *record, uint64_t step, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  if (logs->history[0])
    status = cgap_history_append(logs->history, record, error);
  if (status == CGAP_OK && logs->table[0])
    status = add_row(logs->table, record, error);
  if (status == CGAP_OK && logs->events.path[0])
    status = add_event(&logs->events, record, step, error);
  return status;
}
