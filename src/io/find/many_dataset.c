#include "io/find/many_dataset.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/source.h"

const cgap_dataset *cgap_many_dataset_of(const cgap_many_dataset *many, size_t m)
{
  return many->dataset[m ? m : 1];
}

const cgap_source *cgap_many_dataset_source(const cgap_many_dataset *many, size_t m)
{
  const cgap_data *data = cgap_dataset_data(cgap_many_dataset_of(many, m));
  return m ? &data->text : &data->image;
}

static cgap_status open_files(cgap_many_dataset *d, const char *const *source, const cgap_input_options *options,
                              cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t m = 1; status == CGAP_OK && m < d->count; m++) {
    cgap_input_options input = *options;
    input.files = NULL;
    input.file_count = 0;
    input.image = source[0];
    input.text = source[m];
    input.names[0] = d->name[0];
    input.names[1] = d->name[m];
    input.unpaired = input.for_audit = true;
    status = cgap_dataset_open(&d->dataset[m], &input, error);
  }
  return status;
}

/* Sources of the rows that belong together, in the order of the first modality. */
static cgap_status pick_rows(cgap_many_dataset *d, cgap_error *error)
{
  for (size_t m = 0; m < d->count; m++) {
    const size_t *row = d->alignment.row[m];
    const cgap_source from = *cgap_many_dataset_source(d, m);
    d->data.name[m] = d->name[m];
    d->data.row[m] = row;
    d->data.source[m] = from;
    if (row && !(d->picked[m] = cgap_picked_rows_open(&d->data.source[m], &from, row, d->alignment.rows)))
      return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for its rows", d->name[m]);
  }
  return CGAP_OK;
}

static cgap_status check_names(const char *const *name, const char *const *source, size_t count, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  if (count < CGAP_MANY_LEAST || count > CGAP_MODALITIES_MAX)
    return cgap_fail(error, CGAP_USAGE, "%zu modalities; give %d to %d", count, CGAP_MANY_LEAST, CGAP_MODALITIES_MAX);
  for (size_t m = 0; status == CGAP_OK && m < count; m++) {
    status = cgap_check_argument(name[m], "cgap_many_dataset_open", "name", error);
    if (status == CGAP_OK)
      status = cgap_check_argument(source[m], "cgap_many_dataset_open", "source", error);
    if (status == CGAP_OK)
      status = cgap_check_name(name[m], error);
  }
  return status;
}

cgap_status cgap_many_dataset_open(cgap_many_dataset **out, const char *const *name, const char *const *source,
                                   size_t count, const cgap_input_options *options, cgap_error *error)
{
  cgap_status status = cgap_check_argument(out, "cgap_many_dataset_open", "out", error);
  if (status != CGAP_OK)
    return status;
  *out = NULL;
  status = cgap_check_argument(name, "cgap_many_dataset_open", "name", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(source, "cgap_many_dataset_open", "source", error);
  if (status == CGAP_OK)
    status = check_names(name, source, count, error);
  if (status != CGAP_OK)
    return status;
  const cgap_input_options used = options ? *options : (cgap_input_options)CGAP_INPUT_OPTIONS_INIT;
  cgap_many_dataset *d = calloc(1, sizeof *d);
  if (!d)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  d->count = count;
  for (size_t m = 0; m < count; m++)
    (void)snprintf(d->name[m], sizeof d->name[m], "%s", name[m]);
  d->data = (cgap_many_data){.count = count, .unpaired = used.unpaired, .drop_bad = used.drop_bad};
  status = open_files(d, source, &used, error);
  if (status == CGAP_OK && !used.unpaired) {
    const char *names[CGAP_MODALITIES_MAX];
    for (size_t m = 0; m < count; m++)
      names[m] = d->name[m];
    status = cgap_rows_align(&d->alignment, (const cgap_dataset *const *)d->dataset, names, count, error);
  }
  if (status == CGAP_OK)
    status = pick_rows(d, error);
  if (status == CGAP_OK) {
    *out = d;
    return CGAP_OK;
  }
  cgap_many_dataset_close(d);
  return status;
}

const cgap_many_data *cgap_many_dataset_data(const cgap_many_dataset *many)
{
  return many ? &many->data : NULL;
}

void cgap_many_dataset_close(cgap_many_dataset *d)
{
  if (!d)
    return;
  cgap_row_alignment_clear(&d->alignment);
  for (size_t m = 0; m < d->count; m++) {
    cgap_picked_rows_close(d->picked[m]);
    cgap_dataset_close(d->dataset[m]);
  }
  free(d);
}
