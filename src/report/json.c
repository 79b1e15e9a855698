#include "report/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/json_lines.h"
#include "base/output_file.h"

json_t *cgap_number_json(double value)
{
  return isfinite(value) ? json_real(value) : json_null();
}

const char *cgap_method_name(cgap_method method)
{
  static const char *const NAMES[] = {[CGAP_EXACT] = "exact", [CGAP_SAMPLED] = "sampled", [CGAP_BF16] = "bf16"};
  return NAMES[method];
}

json_t *cgap_scalar_json(const cgap_scalar *s)
{
  bool null = s->why || !isfinite(s->value);
  json_t *interval = !null && isfinite(s->lo) && isfinite(s->hi) ? json_pack("[f,f]", s->lo, s->hi) : json_null();
  json_t *out = json_pack("{s:o, s:o, s:I, s:s}", "value", null ? json_null() : json_real(s->value), "ci95", interval,
                          "n", (json_int_t)s->n, "method", cgap_method_name(s->method));
  if (out && null &&
      json_object_set_new(out, "why", json_string(s->why ? s->why : "not defined for these data")) != 0) {
    json_decref(out);
    return NULL;
  }
  return out;
}

bool cgap_json_put(json_t *root, const char *path, json_t *value)
{
  char name[100];
  for (;;) {
    size_t length = strcspn(path, ".");
    snprintf(name, sizeof name, "%.*s", (int)length, path);
    if (!path[length])
      return json_object_set_new(root, name, value) == 0;
    json_t *next = json_object_get(root, name);
    if (!next) {
      next = json_object();
      if (json_object_set_new(root, name, next) != 0) {
        json_decref(value);
        return false;
      }
    }
    root = next;
    path += length + 1;
  }
}

json_t *cgap_json_get(const json_t *root, const char *path)
{
  char name[100];
  json_t *at = NULL;
  for (;;) {
    size_t length = strcspn(path, ".");
    snprintf(name, sizeof name, "%.*s", (int)length, path);
    at = json_object_get(root, name);
    if (!at || !path[length])
      return at;
    root = at;
    path += length + 1;
  }
}

uint64_t cgap_peak_memory_bytes(void)
{
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

json_t *cgap_run_json(const cgap_run *run)
{
  json_t *out = json_pack("{s:s, s:s?, s:I, s:i, s:o, s:I}", "version", cgap_version(), "command_line",
                          run->command_line, "seed", (json_int_t)run->seed, "threads", run->threads, "seconds",
                          cgap_number_json(run->seconds), "peak_memory_bytes", (json_int_t)run->peak_memory_bytes);
  if (out && run->ranks > 0)
    json_object_set_new(out, "ranks", json_integer(run->ranks));
  return out;
}

cgap_status cgap_json_print(const json_t *json, FILE *stream, cgap_error *error)
{
  char *text = cgap_json_text(json, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  if (!text)
    return cgap_fail(error, CGAP_RESOURCE, "the report does not fit into memory; close other programs");
  bool sound = fputs(text, stream) >= 0 && fputc('\n', stream) != EOF && fflush(stream) == 0;
  free(text);
  return sound ? CGAP_OK
               : cgap_fail(error, CGAP_RESOURCE, "standard output: cannot write the report; is the disk full?");
}

cgap_status cgap_json_write(const json_t *json, const char *path, cgap_error *error)
{
  char *text = cgap_json_text(json, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  if (!text)
    return cgap_fail(error, CGAP_RESOURCE, "%s: the report does not fit into memory; close other programs", path);
  size_t length = strlen(text);
  text[length] = '\n'; /* in place of the final 0 */
  cgap_status status = cgap_write_file(path, text, length + 1, error);
  free(text);
  return status;
}
