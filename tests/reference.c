#include "reference.h"
#include "compare.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *reference_load(const char *name)
{
  char path[1000];
  json_error_t error;
  snprintf(path, sizeof path, "%s/tests/ref/%s.json", support_source_dir(), name);
  json_t *out = json_load_file(path, 0, &error);
  if (!out) {
    fprintf(stderr, "%s: %s\n", path, error.text);
    abort();
  }
  return out;
}

static const json_t *at_key(const json_t *values, const char *key)
{
  char copy[200], *rest = copy, *word;
  snprintf(copy, sizeof copy, "%s", key);
  while (values && (word = strsep(&rest, ".")))
    values = json_object_get(values, word);
  return values;
}

double reference_number(const json_t *values, const char *key)
{
  const json_t *number = at_key(values, key);
  return json_is_number(number) ? json_number_value(number) : NAN;
}

static size_t ratio_differences(const char *where, const char *key, const cgap_spectrum *got, const json_t *values,
                                size_t *compared)
{
  const json_t *list = at_key(values, key);
  size_t failed = 0;
  for (size_t k = 0; k < json_array_size(list); k++) {
    double want = json_number_value(json_array_get(list, k));
    failed += !support_near(where, key, k < got->count ? got->explained_variance_ratio[k] : 0, want, 1e-8, 1e-5);
  }
  *compared += list != NULL;
  return failed;
}

size_t reference_differences(const char *where, const cgap_audit *got, const json_t *values, size_t *compared)
{
  size_t failed = 0;
  *compared = 0;
  for (size_t f = 0; f < COMPARE_FIELD_COUNT; f++) {
    const compare_field *field = &COMPARE_FIELDS[f];
    double want = reference_number(values, field->key);
    if (isnan(want))
      continue;
    ++*compared;
    failed += !compare_near(where, field, compare_value(got, field), want);
  }
  failed += ratio_differences(where, "pca.image.explained_variance_ratio", &got->pca_image, values, compared);
  failed += ratio_differences(where, "pca.text.explained_variance_ratio", &got->pca_text, values, compared);
  return failed;
}

/* ---------------------------------------------------------------- rows */

static double *matrix(const json_t *list, size_t *rows, size_t *dim)
{
  *rows = json_array_size(list);
  *dim = json_array_size(json_array_get(list, 0));
  double *out = support_alloc(*rows * *dim, sizeof *out);
  for (size_t i = 0; i < *rows; i++)
    for (size_t k = 0; k < *dim; k++)
      out[i * *dim + k] = json_number_value(json_array_get(json_array_get(list, i), k));
  return out;
}

void reference_rows_init(reference_rows *out, const json_t *frozen)
{
  const json_t *owner = json_object_get(frozen, "text_image");
  out->image = matrix(json_object_get(frozen, "image"), &out->images, &out->dim);
  out->text = matrix(json_object_get(frozen, "text"), &out->texts, &out->dim);
  out->owner = support_alloc(out->texts, sizeof *out->owner);
  for (size_t j = 0; j < out->texts; j++)
    out->owner[j] = (size_t)json_integer_value(json_array_get(owner, j));
}

void reference_rows_clear(reference_rows *rows)
{
  free(rows->image);
  free(rows->text);
  free(rows->owner);
  *rows = (reference_rows){0};
}
