/* One option of a training by its name on the command line and a value as text, for callers of the library. */
#include "head/training/train_options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/source.h"
#include "base/text_buffer.h"
#include "head/model/loss.h"

const char *cgap_train_option_name(size_t k)
{
  cgap_train_option option;
  return cgap_train_option_at(&option, k) ? option.name : NULL;
}

static bool find_option(cgap_train_option *out, const char *name)
{
  size_t k = 0;
  while (cgap_train_option_at(out, k) && strcmp(out->name, name) != 0)
    k++;
  return cgap_train_option_at(out, k);
}

static cgap_status refuse_value(const cgap_train_option *option, const char *value, const char *wanted,
                                cgap_error *error)
{
  return cgap_fail(error, CGAP_USAGE, "%s %.60s: give %s", option->name, value, wanted);
}

static cgap_status set_named(int *out, const cgap_train_option *option, const char *const *names, const char *value,
                             cgap_error *error)
{
  char all[200] = "one of ";
  for (int k = 0; names[k]; k++) {
    if (strcmp(names[k], value) == 0) {
      *out = k;
      return CGAP_OK;
    }
    const size_t used = strlen(all);
    (void)snprintf(all + used, sizeof all - used, "%s%s", k ? ", " : "", names[k]);
  }
  return refuse_value(option, value, all, error);
}

static bool read_whole(uint64_t *out, const char *value)
{
  char *end = NULL;
  errno = 0;
  const unsigned long long n = strtoull(value, &end, 10);
  *out = n;
  return errno == 0 && end != value && !*end && value[0] >= '0' && value[0] <= '9';
}

static cgap_status set_value(void *field, const cgap_train_option *option, const char *value, cgap_error *error)
{
  uint64_t whole = 0;
  double number = 0;
  char *end = NULL;
  int chosen = 0;
  cgap_status status = CGAP_OK;
  switch (option->kind) {
  case CGAP_TRAIN_FLAG:
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
      return refuse_value(option, value, "yes or no", error);
    *(bool *)field = value[0] == 'y';
    return CGAP_OK;
  case CGAP_TRAIN_BATCH:
  case CGAP_TRAIN_COUNT:
  case CGAP_TRAIN_SEED: {
    const bool full = option->kind == CGAP_TRAIN_BATCH && strcmp(value, "full") == 0;
    if (!full && (!read_whole(&whole, value) || (option->kind == CGAP_TRAIN_BATCH && (!whole || whole == SIZE_MAX))))
      return refuse_value(
        option, value, option->kind == CGAP_TRAIN_BATCH ? "a number of texts, at least 2, or full" : "a whole number",
        error);
    if (option->kind == CGAP_TRAIN_SEED)
      *(uint64_t *)field = whole;
    else
      *(size_t *)field = (size_t)whole;
    return CGAP_OK;
  }
  case CGAP_TRAIN_REAL:
  case CGAP_TRAIN_WEIGHT:
    number = strtod(value, &end);
    if (end == value || *end || !isfinite(number))
      return refuse_value(option, value, "a number", error);
    *(double *)field = number;
    return CGAP_OK;
  case CGAP_TRAIN_CHOICE:
    status = set_named(&chosen, option, option->choices, value, error);
    if (status == CGAP_OK)
      *(int *)field = chosen;
    return status;
  case CGAP_TRAIN_LOSS:
    status = set_named(&chosen, option, option->choices, value, error);
    if (status == CGAP_OK)
      *(cgap_weights *)field = cgap_loss_weights(chosen);
    return status;
  }
  return CGAP_OK;
}

cgap_status cgap_train_set(cgap_train_options *options, const char *name, const char *value, cgap_error *error)
{
  cgap_train_option option;
  cgap_status status = cgap_check_argument(options, "cgap_train_set", "options", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(name, "cgap_train_set", "name", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(value, "cgap_train_set", "value", error);
  if (status != CGAP_OK)
    return status;
  if (!find_option(&option, name))
    return cgap_fail(error, CGAP_USAGE, "%.60s: no option of a training; cgap_train_option_name lists them", name);
  const cgap_c_locale locale = cgap_c_locale_begin();
  status = set_value((char *)options + option.offset, &option, value, error);
  cgap_c_locale_end(locale);
  return status;
}
