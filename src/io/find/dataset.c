/* Opening files and putting together what they offer. */
#include "io/find/dataset_internal.h"

#include "base/check.h"
#include "base/text_buffer.h"
#include "io/read/hdf5_virtual.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TOKENS_LEAST = 32 };

/* ---------------------------------------------------------------- series */

cgap_status cgap_series_add(cgap_series *series, const cgap_file *file, const cgap_entry *entry, cgap_error *error)
{
  cgap_taken *grown = realloc(series->taken, (series->count + 1) * sizeof *grown);
  if (!grown)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", entry->name);
  series->taken = grown;
  grown[series->count++] = (cgap_taken){file, entry};
  free(series->name);
  series->name = series->count == 1 ? strdup(entry->name)
                                    : cgap_format("%s (and %zu more)", series->taken->entry->name, series->count - 1);
  return series->name ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", entry->name);
}

void cgap_series_explain(cgap_series *series, const char *format, ...)
{
  char *why = NULL;
  va_list arguments;
  va_start(arguments, format);
  if (vasprintf(&why, format, arguments) < 0)
    why = NULL;
  va_end(arguments);
  free(series->why);
  series->why = why;
}

/* ---------------------------------------------------------------- files and the places in them */

/* A folder of .npy files counts as one. */
static bool is_file(const char *path)
{
  struct stat status;
  return stat(path, &status) == 0;
}

/* FILE:key, where FILE is there: the last such colon, or NULL. */
static const char *key_colon(const char *value)
{
  for (const char *p = value + strlen(value); p > value; p--) {
    char *file = *p == ':' ? strndup(value, (size_t)(p - value)) : NULL;
    bool there = file && is_file(file);
    free(file);
    if (there)
      return p;
  }
  return NULL;
}

/* FILE:/path splits at the last ":/", FILE:key at its colon, unless the whole is a file. Sets *inside into value, or
 * NULL. */
static char *split(const char *value, const char **inside)
{
  const char *colon = NULL;
  *inside = NULL;
  for (const char *p = value; (p = strstr(p, ":/")); p++)
    colon = p;
  if (is_file(value))
    return strdup(value);
  if (!colon || colon == value)
    colon = key_colon(value);
  if (!colon || colon == value || colon[1] == '\0')
    return strdup(value);
  *inside = colon + 1;
  return strndup(value, (size_t)(colon - value));
}

/* The file, opened once however often it is named. */
static cgap_status open_once(const cgap_file **out, cgap_dataset *d, const char *path, cgap_error *error)
{
  struct stat status;
  *out = NULL;
  if (stat(path, &status) == 0) {
    for (size_t i = 0; i < d->file_count && !*out; i++) {
      if (d->files[i]->device == (uint64_t)status.st_dev && d->files[i]->inode == (uint64_t)status.st_ino)
        *out = d->files[i];
    }
    if (*out)
      return CGAP_OK;
  }
  cgap_file **grown = realloc(d->files, (d->file_count + 1) * sizeof *grown);
  if (!grown)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  d->files = grown;
  cgap_file *file = NULL;
  cgap_status result = cgap_file_open(&file, path, error);
  if (result == CGAP_OK)
    d->files[d->file_count++] = file;
  *out = file;
  return result;
}

static bool some_input_has(const cgap_dataset *d, const char *path)
{
  for (size_t i = 0; i < d->input_count; i++) {
    if (cgap_input_find(&d->inputs[i], path))
      return true;
  }
  return false;
}

cgap_status cgap_spec_parse(cgap_spec *out, cgap_dataset *d, const char *option, const char *value, cgap_error *error)
{
  *out = (cgap_spec){.option = option};
  if (!value)
    return CGAP_OK;
  const char *inside = NULL;
  char *file = split(value, &inside);
  if (!file)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", value);
  out->given = true;
  out->path = inside;
  cgap_status status = CGAP_OK;
  if (inside || (!some_input_has(d, value) && is_file(value)))
    status = open_once(&out->file, d, file, error);
  else
    out->path = out->owned = strdup(value);
  out->none = !out->file && !strcmp(value, "none") && !some_input_has(d, value);
  free(file);
  return status;
}

static cgap_status add_input(cgap_dataset *d, const char *value, cgap_error *error)
{
  const char *inside = NULL;
  char *path = split(value, &inside);
  cgap_input *grown = realloc(d->inputs, (d->input_count + 1) * sizeof *grown);
  cgap_status status = CGAP_OK;
  if (grown)
    d->inputs = grown;
  if (!path || !grown)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", value);
  cgap_input input = {0};
  if (status == CGAP_OK)
    status = open_once(&input.file, d, path, error);
  if (status == CGAP_OK && inside && strcmp(inside, "/") != 0) {
    bool there = false;
    input.inside = inside[0] == '/' ? strdup(inside) : cgap_format("/%s", inside);
    size_t length = input.inside ? strlen(input.inside) : 0;
    while (length > 1 && input.inside[length - 1] == '/')
      input.inside[--length] = '\0';
    for (size_t i = 0; i < input.file->count && length; i++) {
      const char *entry = input.file->entries[i].path;
      there = there || (!strncmp(entry, input.inside, length) && (entry[length] == '\0' || entry[length] == '/'));
    }
    if (!there)
      status = cgap_refuse_missing(input.file, inside, NULL, error);
  }
  if (status == CGAP_OK)
    d->inputs[d->input_count++] = input;
  else
    free(input.inside);
  free(path);
  return status;
}

/* Several .npy files are one input, as the datasets of an HDF5 file are. */
static cgap_status add_npy(cgap_dataset *d, const char *const *paths, size_t count, cgap_error *error)
{
  cgap_file **files = realloc(d->files, (d->file_count + 1) * sizeof *files);
  d->files = files ? files : d->files;
  cgap_input *inputs = realloc(d->inputs, (d->input_count + 1) * sizeof *inputs);
  d->inputs = inputs ? inputs : d->inputs;
  if (!files || !inputs)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", paths[0]);
  cgap_file *file = NULL;
  cgap_status status = cgap_file_open_npy(&file, paths, count, error);
  if (status == CGAP_OK) {
    d->files[d->file_count++] = file;
    d->inputs[d->input_count++] = (cgap_input){.file = file};
  }
  return status;
}

/* The .npy files together are one input; every other file is one of its own. */
static cgap_status add_inputs(cgap_dataset *d, const cgap_input_options *options, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  size_t count = 0;
  const char **npy = calloc(options->file_count + 1, sizeof *npy);
  bool *is_npy = calloc(options->file_count + 1, sizeof *is_npy);
  if (!npy || !is_npy) {
    free(npy);
    free(is_npy);
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu names", options->file_count);
  }
  for (size_t i = 0; i < options->file_count; i++) {
    is_npy[i] = cgap_file_is_npy(options->files[i]);
    if (is_npy[i])
      npy[count++] = options->files[i];
  }
  for (size_t i = 0; i < options->file_count && status == CGAP_OK; i++) {
    if (!is_npy[i])
      status = add_input(d, options->files[i], error);
    else if (options->files[i] == npy[0])
      status = add_npy(d, npy, count, error);
  }
  free(npy);
  free(is_npy);
  return status;
}

/* A value that no file answers to: the name of one, or a dataset's. */
static bool named_like_file(const char *value)
{
  const char *slash = strrchr(value, '/');
  return strchr(slash ? slash + 1 : value, '.') != NULL;
}

/* The files given, or, where there are none, those that the options name. */
static cgap_status open_inputs(cgap_dataset *d, const cgap_input_options *options, cgap_error *error)
{
  cgap_status status = add_inputs(d, options, error);
  if (status != CGAP_OK || d->input_count > 0)
    return status;
  const char *named[2] = {options->image, options->text};
  for (int side = 0; side < 2 && status == CGAP_OK; side++) {
    const char *inside = NULL;
    char *file = named[side] ? split(named[side], &inside) : NULL;
    if (file && (inside || is_file(file) || named_like_file(file)))
      status = add_input(d, file, error);
    else if (named[side])
      status =
        cgap_fail(error, CGAP_USAGE, "no file for %s %s; give FILE or %s FILE.h5:%s%s", side ? "--text" : "--image",
                  named[side], side ? "--text" : "--image", named[side][0] == '/' ? "" : "/", named[side]);
    free(file);
  }
  if (status == CGAP_OK && d->input_count == 0)
    status = cgap_fail(
      error, CGAP_USAGE,
      "no file given; give FILE (HDF5, .npy, .npz, safetensors), or --image FILE.h5:/path and --text FILE.h5:/path");
  return status;
}

/* ---------------------------------------------------------------- the whole */

static cgap_status open_sources(cgap_dataset *d, int threads, cgap_error *error)
{
  const cgap_series *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  cgap_status status = CGAP_OK;
  if (image->count > 0)
    status = cgap_rows_open(&d->image_rows, &d->data.image, image->taken, image->count, image->name, error);
  if (status == CGAP_OK && text->count > 0)
    status = cgap_rows_open(&d->text_rows, &d->data.text, text->taken, text->count, text->name, error);
  cgap_rows_threads(d->image_rows, threads);
  cgap_rows_threads(d->text_rows, threads);
  return status;
}

cgap_status cgap_dataset_room(const cgap_dataset *d, const cgap_entry *more, cgap_error *error)
{
  size_t count = 0, all = 1;
  for (int role = 0; role < CGAP_ROLES; role++)
    all += d->role[role].count;
  const cgap_entry **entries = malloc(all * sizeof *entries);
  if (!entries)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu datasets", all);
  for (int role = 0; role < CGAP_ROLES; role++)
    for (size_t k = 0; k < d->role[role].count; k++)
      entries[count++] = d->role[role].taken[k].entry;
  if (more)
    entries[count++] = more;
  char *excess = cgap_virtual_excess(entries, count);
  cgap_status status = excess ? cgap_fail(error, CGAP_FILE, "%s: %s", d->inputs[0].file->path, excess) : CGAP_OK;
  free(excess);
  free(entries);
  return status;
}

/* What belongs to images, and to images and texts. */
static cgap_status find_the_rest(cgap_dataset *d, const cgap_input_options *options, cgap_error *error)
{
  cgap_status status = cgap_class_text_find(d, options, error);
  if (status == CGAP_OK)
    status = cgap_labels_find(d, options, error);
  if (status == CGAP_OK && d->role[CGAP_ROLE_TEXT].count == 0)
    status = cgap_sides_check_unread(d, error);
  const bool no_text = d->role[CGAP_ROLE_TEXT].count == 0 && !(d->data.labels && d->data.class_text.rows > 0);
  if (status == CGAP_OK && no_text)
    status = options->one_side ? cgap_one_side_check(d, error)
                               : cgap_sides_refuse_no_text(d, options->text && !strcmp(options->text, "none"), error);
  if (status == CGAP_OK)
    status = cgap_pairing_find(d, options, error);
  if (status == CGAP_OK)
    status = cgap_arithmetic_find(d, error);
  return status;
}

/* Captions per image are a handful; the rows of a token sequence are 64, 77 or more. */
static void note_tokens(cgap_dataset *d)
{
  const cgap_entry *t = d->role[CGAP_ROLE_TEXT].count ? d->role[CGAP_ROLE_TEXT].taken->entry : NULL;
  const size_t k = t ? cgap_entry_middle(t) : 0;
  if (k >= TOKENS_LEAST)
    cgap_append(
      &d->notes,
      "%s: %zu texts per image, as many as a sequence has tokens; if it has one row per token, pool it first, to "
      "one row per text\n",
      t->name, k);
}

static cgap_status fill(cgap_dataset *d, const cgap_input_options *options, cgap_error *error)
{
  cgap_status status = cgap_sides_find(d, options, error);
  if (status == CGAP_OK)
    status = cgap_prompts_leave_out(d, options, error);
  if (status == CGAP_OK)
    status = cgap_dataset_room(d, NULL, error);
  if (status == CGAP_OK)
    status = open_sources(d, options->threads, error);
  if (status == CGAP_OK)
    status = d->role[CGAP_ROLE_IMAGE].count > 0 ? find_the_rest(d, options, error) : cgap_one_side_check(d, error);
  if (status == CGAP_OK)
    status = cgap_dataset_room(d, NULL, error);
  if (status == CGAP_OK)
    note_tokens(d);
  if (status == CGAP_OK)
    cgap_training_find(d);
  if (status == CGAP_OK)
    status = cgap_left_over_settle(d, options, error);
  d->data.drop_bad = options->drop_bad;
  d->data.merge_images = options->merge_images;
  return status;
}

cgap_status cgap_dataset_inspect(cgap_dataset **out, const cgap_input_options *options, cgap_error *error)
{
  *out = NULL;
  cgap_dataset *d = calloc(1, sizeof *d);
  cgap_error own;
  if (!error)
    error = &own; /* messages become notes */
  if (!d)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory");
  cgap_quiet quiet = cgap_quiet_begin();
  cgap_status status = open_inputs(d, options, error);
  if (status == CGAP_OK)
    status = fill(d, options, error);
  if (status != CGAP_OK)
    d->data = (cgap_data){0};
  cgap_quiet_end(quiet);
  if (d->file_count == 0) {
    cgap_dataset_close(d);
    d = NULL;
  }
  *out = d;
  return status;
}

static cgap_status check_arguments(cgap_dataset **out, const cgap_input_options *options, cgap_error *error)
{
  static const char *const CALL = "cgap_dataset_open";
  cgap_status status = cgap_check_argument(out, CALL, "out", error);
  if (status != CGAP_OK)
    return status;
  *out = NULL;
  status = cgap_check_argument(options, CALL, "options", error);
  if (status == CGAP_OK)
    status = cgap_check_argument(options->files || options->file_count == 0, CALL, "files", error);
  for (size_t i = 0; status == CGAP_OK && i < options->file_count; i++)
    status = cgap_check_argument(options->files[i], CALL, "a path of files", error);
  return status == CGAP_OK ? cgap_check_threads(options->threads, error) : status;
}

cgap_status cgap_dataset_open(cgap_dataset **out, const cgap_input_options *options, cgap_error *error)
{
  cgap_status status = check_arguments(out, options, error);
  if (status != CGAP_OK)
    return status;
  status = cgap_dataset_inspect(out, options, error);
  if (status != CGAP_OK) {
    cgap_dataset_close(*out);
    *out = NULL;
  } else {
    cgap_exchanged_note(*out);
  }
  return status;
}

const char *cgap_dataset_notes(const cgap_dataset *d)
{
  return d->notes ? d->notes : "";
}

void cgap_dataset_close(cgap_dataset *d)
{
  if (!d)
    return;
  cgap_quiet quiet = cgap_quiet_begin();
  cgap_rows_close(d->image_rows);
  cgap_rows_close(d->text_rows);
  cgap_rows_close(d->class_rows);
  cgap_rows_close(d->word_rows);
  for (int role = 0; role < CGAP_ROLES; role++) {
    free(d->role[role].taken);
    free(d->role[role].why);
    free(d->role[role].name);
  }
  for (size_t i = 0; i < d->input_count; i++)
    free(d->inputs[i].inside);
  for (size_t i = 0; i < d->file_count; i++)
    cgap_file_close(d->files[i]);
  cgap_quiet_end(quiet);
  free(d->inputs);
  free(d->files);
  free(d->class_major);
  free(d->text_image);
  free(d->labels);
  free(d->image_label);
  free(d->query);
  free(d->weight);
  free(d->pairing);
  free(d->notes);
  free(d);
}

const cgap_data *cgap_dataset_data(const cgap_dataset *dataset)
{
  return dataset ? &dataset->data : NULL;
}

static bool same_file(const char *path, const struct stat *other)
{
  struct stat status;
  return stat(path, &status) == 0 && status.st_dev == other->st_dev && status.st_ino == other->st_ino;
}

bool cgap_dataset_reads(const cgap_dataset *d, const char *path)
{
  struct stat target;
  if (stat(path, &target) != 0)
    return false;
  for (size_t i = 0; i < d->file_count; i++) {
    const cgap_file *file = d->files[i];
    if (same_file(file->path, &target))
      return true;
    for (size_t k = 0; k < file->count; k++) {
      const cgap_entry *e = &file->entries[k];
      for (size_t p = 0; p < e->piece_count; p++)
        if (same_file(e->pieces[p].path, &target))
          return true;
      for (size_t p = 0; p < e->source_count; p++)
        if (same_file(e->sources[p], &target))
          return true;
    }
  }
  return false;
}
