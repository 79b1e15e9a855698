/* What the finders share: the files and options that name datasets, the datasets of a role, refusals that list what
 * there is, and the search for the small datasets that belong to images or texts. */
#include "io/find/dataset_internal.h"
#include "base/modality_names.h"
#include "base/output_file.h"
#include "base/source.h"

#include "base/text_buffer.h"
#include "io/read/hdf5_basics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LISTED_MAX = 12 };

/* ---------------------------------------------------------------- the datasets of a role */

cgap_status cgap_role_datasets_add(cgap_role_datasets *series, const cgap_file *file, const cgap_entry *entry,
                                   cgap_error *error)
{
  cgap_chosen_dataset *grown = realloc(series->taken, (series->count + 1) * sizeof *grown);
  if (!grown)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", entry->name);
  series->taken = grown;
  grown[series->count++] = (cgap_chosen_dataset){file, entry};
  free(series->name);
  series->name = series->count == 1 ? strdup(entry->name)
                                    : cgap_format("%s (and %zu more)", series->taken->entry->name, series->count - 1);
  return series->name ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", entry->name);
}

void cgap_role_datasets_explain(cgap_role_datasets *series, const char *format, ...)
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

void cgap_role_datasets_clear(cgap_role_datasets *series)
{
  free(series->taken);
  free(series->name);
  free(series->why);
  *series = (cgap_role_datasets){0};
}

size_t cgap_role_datasets_rows(const cgap_role_datasets *series)
{
  size_t rows = 0;
  for (size_t i = 0; i < series->count; i++)
    rows += cgap_chosen_dataset_rows(&series->taken[i]);
  return rows;
}

cgap_status cgap_dataset_check_open_files(const cgap_dataset *d, const cgap_entry *more, cgap_error *error)
{
  size_t count = 0, all = 1;
  for (int role = 0; role < CGAP_ROLES; role++)
    all += d->role[role].count;
  const cgap_entry **entries = malloc(all * sizeof *entries);
  if (!entries)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", d->inputs[0].file->path);
  for (int role = 0; role < CGAP_ROLES; role++)
    for (size_t k = 0; k < d->role[role].count; k++)
      entries[count++] = d->role[role].taken[k].entry;
  if (more)
    entries[count++] = more;
  char *excess = cgap_hdf5_virtual_excess(entries, count);
  cgap_status status = excess ? cgap_fail(error, CGAP_FILE, "%s: %s", d->inputs[0].file->path, excess) : CGAP_OK;
  free(excess);
  free(entries);
  return status;
}

/* ---------------------------------------------------------------- entries */

bool cgap_entry_neighbours(const cgap_entry *a, const cgap_entry *b)
{
  size_t na = (size_t)(strrchr(a->path, '/') - a->path), nb = (size_t)(strrchr(b->path, '/') - b->path);
  return na == nb && !memcmp(a->path, b->path, na);
}

bool cgap_entry_same(const cgap_entry *a, const cgap_entry *b)
{
  const bool links = !a->pieces && !b->pieces && (a->alias || b->alias);
  return a == b || (links && a->number == b->number && a->address == b->address);
}

bool cgap_entry_is_arithmetic(const cgap_entry *entry)
{
  return strstr(entry->path, "/arithmetic/") != NULL;
}

const char *cgap_entry_text(char *out, size_t size, const cgap_entry *entry)
{
  char shape[160];
  (void)snprintf(out, size, "%s: %s of shape %s", entry->name, entry->type_text,
                 cgap_shape_text(shape, sizeof shape, entry));
  return out;
}

/* ---------------------------------------------------------------- refusals and notes */

void cgap_candidate_append(char **text, size_t *number, const cgap_entry *entry)
{
  char shape[160];
  if (++*number <= LISTED_MAX)
    cgap_append(text, " %zu) %s %s %s", *number, entry->path, cgap_shape_text(shape, sizeof shape, entry),
                entry->type_text);
}

void cgap_candidates_append(char **text, const cgap_file *file)
{
  size_t number = 0;
  for (size_t i = 0; i < file->count; i++)
    cgap_candidate_append(text, &number, &file->entries[i]);
  char *word = number > LISTED_MAX ? cgap_shell_word(file->path) : NULL;
  if (word)
    cgap_append(text, " and %zu more (contragap info %s)", number - LISTED_MAX, word);
  free(word);
  if (number == 0)
    cgap_append(text, " no dataset at all");
}

cgap_status cgap_refuse_missing(const cgap_file *file, const char *path, const char *option, cgap_error *error)
{
  char *text = NULL;
  cgap_did_you_mean near = cgap_did_you_mean_init(path + (path[0] == '/'));
  for (size_t i = 0; i < file->count; i++)
    cgap_did_you_mean_offer(&near, file->entries[i].path + 1);
  const char *leaf = strrchr(path, '/');
  if (option && strchr(leaf ? leaf : path, '.')) /* more like the name of a file */
    cgap_append(&text, "%s: no such file for %s, and ", path, option);
  cgap_append(&text, "%s: no dataset %s%s%s%s", file->path, path[0] == '/' ? "" : "/", path, option ? " for " : "",
              option ? option : "");
  if (near.name)
    cgap_append(&text, "; did you mean /%s?", near.name);
  cgap_append(&text, "; there is:");
  cgap_candidates_append(&text, file);
  cgap_status status = cgap_fail(error, CGAP_FILE, "%s", text ? text : path);
  free(text);
  return status;
}

cgap_status cgap_note_refusal(cgap_dataset *d, cgap_status status, const char *what, cgap_error *error)
{
  if (status != CGAP_DATA)
    return status;
  cgap_append(&d->notes, "%s not used: %s\n", what, error ? error->message : "they do not fit");
  if (error)
    *error = (cgap_error){0};
  return CGAP_OK;
}

/* ---------------------------------------------------------------- files, and the places in them that options name */

/* Also a folder of .npy files. */
static bool is_file(const char *path)
{
  struct stat status;
  return stat(path, &status) == 0;
}

/* FILE:key, where FILE exists: the last such colon, or NULL. */
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
    for (size_t i = 0; i < d->file_count && !*out; i++)
      if (d->files[i]->device == (uint64_t)status.st_dev && d->files[i]->inode == (uint64_t)status.st_ino)
        *out = d->files[i];
    if (*out)
      return CGAP_OK;
  }
  cgap_file **grown = realloc(d->files, (d->file_count + 1) * sizeof *grown);
  if (!grown)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  d->files = grown;
  cgap_file *file = NULL;
  cgap_status result = cgap_file_open(&file, path, &d->access, error);
  if (result == CGAP_OK)
    d->files[d->file_count++] = file;
  *out = file;
  return result;
}

const cgap_entry *cgap_input_find(const cgap_input *input, const char *path)
{
  const cgap_entry *entry = NULL;
  if (input->inside && path[0] != '/') {
    char *below = cgap_format("%s/%s", input->inside, path);
    entry = below ? cgap_file_find(input->file, below) : NULL;
    free(below);
  }
  return entry ? entry : cgap_file_find(input->file, path);
}

static bool some_input_has(const cgap_dataset *d, const char *path)
{
  for (size_t i = 0; i < d->input_count; i++)
    if (cgap_input_find(&d->inputs[i], path))
      return true;
  return false;
}

/* Parses the value of an option (NULL: not given), and opens its file where it names one. */
static cgap_status parse_option(cgap_dataset *d, cgap_role role, const char *name, const char *value, cgap_error *error)
{
  cgap_dataset_option *out = &d->option[role];
  out->name = name;
  if (!value)
    return CGAP_OK;
  const char *inside = NULL;
  char *file = split(value, &inside);
  cgap_status status = CGAP_OK;
  out->given = true;
  if (file && (inside || (!some_input_has(d, value) && is_file(value))))
    status = open_once(&out->file, d, file, error);
  if (!out->file || inside)
    out->path = strdup(inside ? inside : value);
  if (!file || ((!out->file || inside) && !out->path))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", value);
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

static cgap_status add_npy(cgap_dataset *d, const char *const *paths, size_t count, cgap_error *error)
{
  cgap_file **files = realloc(d->files, (d->file_count + 1) * sizeof *files);
  d->files = files ? files : d->files;
  cgap_input *inputs = realloc(d->inputs, (d->input_count + 1) * sizeof *inputs);
  d->inputs = inputs ? inputs : d->inputs;
  if (!files || !inputs)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", paths[0]);
  cgap_status status = cgap_file_open_npy(&files[d->file_count], paths, count, &d->access, error);
  if (status == CGAP_OK)
    inputs[d->input_count++] = (cgap_input){.file = files[d->file_count++]};
  return status;
}

/* Each file is an input; the .npy files together are one, as the datasets of an HDF5 file are. */
static cgap_status add_inputs(cgap_dataset *d, const cgap_input_options *options, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  size_t count = 0;
  const char **npy = calloc(options->file_count + 1, sizeof *npy);
  if (!npy)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu names", options->file_count);
  for (size_t i = 0; i < options->file_count && status == CGAP_OK; i++) {
    int failure = 0;
    const bool is_npy = cgap_file_is_npy(options->files[i], &failure);
    if (failure)
      status = cgap_fail_read(error, failure, options->files[i]);
    else if (is_npy)
      npy[count++] = options->files[i];
  }
  for (size_t i = 0, next = 0; i < options->file_count && status == CGAP_OK; i++) {
    const bool is_npy = next < count && npy[next] == options->files[i];
    if (!is_npy)
      status = add_input(d, options->files[i], error);
    else if (next++ == 0)
      status = add_npy(d, npy, count, error);
  }
  free(npy);
  return status;
}

/* Whether a value that is no file looks like the name of one, not of a dataset. */
static bool named_like_file(const char *value)
{
  const char *slash = strrchr(value, '/');
  return strchr(slash ? slash + 1 : value, '.') != NULL;
}

/* Without files, those that image and text name. */
static cgap_status add_named_inputs(cgap_dataset *d, const cgap_input_options *options, cgap_error *error)
{
  static const char *const OPTION[2] = {"`image`", "`text`"};
  const char *named[2] = {options->image, options->text};
  cgap_status status = CGAP_OK;
  for (int k = 0; k < 2 && status == CGAP_OK; k++) {
    const char *inside = NULL;
    char *file = named[k] ? split(named[k], &inside) : NULL;
    if (file && (inside || is_file(file) || named_like_file(file)))
      status = add_input(d, file, error);
    else if (named[k])
      status = cgap_fail(error, CGAP_USAGE, "no file for %s %s; give FILE or %s FILE.h5:%s%s", OPTION[k], named[k],
                         OPTION[k], named[k][0] == '/' ? "" : "/", named[k]);
    free(file);
  }
  if (status == CGAP_OK && d->input_count == 0)
    status = cgap_fail(
      error, CGAP_USAGE,
      "no file given; give FILE (HDF5, .npy, .npz, safetensors), or `image` FILE.h5:/path and `text` FILE.h5:/path");
  return status;
}

cgap_status cgap_inputs_open(cgap_dataset *d, const cgap_input_options *options, cgap_error *error)
{
  const struct {
    cgap_role role;
    const char *name, *value;
  } named[] = {
    {CGAP_ROLE_IMAGE, "`image`", options->image},
    {CGAP_ROLE_TEXT, "`text`", options->text},
    {CGAP_ROLE_CLASS_TEXT, "`class_text`", options->class_text},
    {CGAP_ROLE_LABELS, "`labels`", options->labels},
    {CGAP_ROLE_GROUP, "`by`", options->by},
    {CGAP_ROLE_TEXT_IMAGE, "`text_image`", options->unpaired ? NULL : options->text_image},
  };
  d->memory.limit = options->memory_bytes ? options->memory_bytes : UINT64_MAX;
  d->access = (cgap_file_access){options->follow, options->plugins, &d->memory};
  cgap_status status = add_inputs(d, options, error);
  if (status == CGAP_OK && d->input_count == 0)
    status = add_named_inputs(d, options, error);
  for (size_t i = 0; i < sizeof named / sizeof *named && status == CGAP_OK; i++)
    status = parse_option(d, named[i].role, named[i].name, named[i].value, error);
  d->unpaired = options->unpaired;
  d->one_modality = options->one_modality;
  d->for_audit = options->for_audit;
  if (status == CGAP_OK && options->by_file && !(d->by_file = strdup(options->by_file)))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", options->by_file);
  d->data.drop_bad = options->drop_bad;
  d->data.merge_images = options->merge_images;
  for (int k = 0; k < 2; k++) {
    if (options->names[k] && status == CGAP_OK)
      status = cgap_check_name(options->names[k], error);
    if (options->names[k] && status == CGAP_OK)
      d->data.names[k] = strcpy(d->names.of[k], options->names[k]);
  }
  const char *const *names = d->data.names;
  d->data.drift =
    options->unpaired && names[0] && names[1] && !cgap_is_modality_name(names[0]) && !cgap_is_modality_name(names[1]);
  return status;
}

/* ---------------------------------------------------------------- companions */

cgap_companion cgap_companion_of(const cgap_dataset *d, cgap_role modality, size_t shard)
{
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  const bool by_shard = image->count == text->count;
  return (cgap_companion){
    .modality = &d->role[modality].taken[shard],
    .images = by_shard || modality == CGAP_ROLE_IMAGE ? cgap_chosen_dataset_rows(&image->taken[shard])
                                                      : cgap_role_datasets_rows(image),
    .texts = by_shard || modality == CGAP_ROLE_TEXT ? cgap_chosen_dataset_rows(&text->taken[shard])
                                                    : cgap_role_datasets_rows(text),
    .apart = text->count > 0 && image->taken->file != text->taken->file,
  };
}

cgap_status cgap_companion_find(const cgap_entry **out, int *score_out, const cgap_companion *companion,
                                cgap_name_score name_score, const char *what, cgap_error *error)
{
  const cgap_chosen_dataset *modality = companion->modality;
  int best = 0;
  size_t ties = 0;
  char *list = NULL;
  *out = NULL;
  for (size_t i = 0; i < modality->file->count; i++) {
    const cgap_entry *entry = &modality->file->entries[i];
    if (cgap_entry_same(entry, modality->entry) || cgap_entry_is_arithmetic(entry))
      continue;
    cgap_name_words words = cgap_name_words_of(entry->path);
    const int own = name_score(entry, &words, companion);
    const int score = own > 0 ? 2 * own + cgap_entry_neighbours(entry, modality->entry) : 0;
    if (score == 0 || score < best || (score == best && cgap_entry_same(entry, *out)))
      continue;
    if (score > best) {
      free(list);
      list = NULL;
      ties = 0;
      best = score;
      *out = entry;
    }
    cgap_candidate_append(&list, &ties, entry);
  }
  cgap_status status = CGAP_OK;
  if (ties > 1) {
    *out = NULL;
    status = cgap_fail(error, CGAP_FILE, "%s: %zu datasets can be %s; give one of:%s", modality->file->path, ties, what,
                       list ? list : "");
  }
  free(list);
  if (score_out)
    *score_out = best / 2;
  return status;
}

cgap_status cgap_given_dataset_find(const cgap_entry **out, const cgap_chosen_dataset *modality,
                                    const cgap_dataset_option *option, cgap_error *error)
{
  const cgap_file *file = option->file ? option->file : modality->file;
  *out = !option->path && file->count == 1 ? file->entries : NULL;
  if (*out)
    return CGAP_OK;
  if (!option->path)
    return cgap_fail(error, CGAP_USAGE, "%s: %s needs the dataset too: %s:/path", file->path, option->name, file->path);
  char *group = strdup(modality->entry->path);
  if (group)
    *strrchr(group, '/') = '\0';
  cgap_input input = {.file = file, .inside = group};
  *out = cgap_input_find(&input, option->path);
  free(group);
  if (*out && (*out)->dangling)
    return cgap_fail(error, CGAP_FILE, "%s: %s", (*out)->name, (*out)->obstacle);
  return *out ? CGAP_OK : cgap_refuse_missing(file, option->path, option->name, error);
}

cgap_status cgap_per_image_find(cgap_dataset *d, cgap_role role, cgap_name_score name_score, const char *what,
                                cgap_error *error)
{
  const cgap_dataset_option *option = &d->option[role];
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE];
  cgap_status status = CGAP_OK;
  size_t places = option->file ? 1 : image->count;
  for (size_t i = 0; i < places && status == CGAP_OK; i++) {
    const cgap_companion companion = cgap_companion_of(d, CGAP_ROLE_IMAGE, i);
    const cgap_entry *entry = NULL;
    status = option->given ? cgap_given_dataset_find(&entry, companion.modality, option, error)
                           : cgap_companion_find(&entry, NULL, &companion, name_score, what, error);
    if (status == CGAP_OK && entry)
      status =
        cgap_role_datasets_add(&d->role[role], option->file ? option->file : companion.modality->file, entry, error);
  }
  return status;
}
