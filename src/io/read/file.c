/* Opening a file, whatever its container. */
#include "base/source.h"
#include "base/text_buffer.h"
#include "io/read/hdf5_basics.h"
#include "io/read/name_words.h"
#include "io/read/packed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The containers that are read, tried in this order. */
static const struct {
  bool (*is)(const cgap_file *file);
  cgap_status (*open)(cgap_file *file, cgap_error *error);
  bool in_order; /* read through fd, so that it may be an unpacked file */
} CONTAINERS[] = {
  {cgap_hdf5_is, cgap_hdf5_open, false},
  {cgap_npy_file_is, cgap_npy_file_open, false},
  {cgap_npz_is, cgap_npz_open, false},
  {cgap_safetensors_is, cgap_safetensors_open, false},
  {cgap_pickle_is, cgap_pickle_open, true},
  {cgap_json_table_is, cgap_json_table_open, true},
  {cgap_text_table_is, cgap_text_table_open, true},
};

static cgap_status open_container(cgap_file *file, cgap_error *error)
{
  cgap_status status = cgap_file_open_regular(file, file->path, error);
  if (status != CGAP_OK)
    return status;
  if (file->folder)
    return cgap_folder_open_npy(file, error);
  const uint64_t bytes = file->bytes;
  if (cgap_packed_is(file) && !cgap_npy_file_is(file)) /* arrays of several files are unpacked one after the other */
    status = cgap_packed_open(file, file, error);
  for (size_t i = 0; i < sizeof CONTAINERS / sizeof *CONTAINERS && status == CGAP_OK; i++)
    if ((!file->unpacked || CONTAINERS[i].in_order) && CONTAINERS[i].is(file)) {
      status = CONTAINERS[i].open(file, error);
      file->bytes = file->unpacked ? bytes : file->bytes;
      return status;
    }
  return status == CGAP_OK ? cgap_refuse_unsupported(file, error) : status;
}

/* Refuses a file whose only array cannot be read. */
static cgap_status check_alone(const cgap_file *file, cgap_error *error)
{
  const cgap_entry *e = file->entries;
  if (file->count != 1 || e->kind != CGAP_KIND_OTHER || !e->obstacle)
    return CGAP_OK;
  return cgap_fail(error, CGAP_FILE, "%s: %s", e->name, e->obstacle);
}

/* Names the entries that have no name for messages yet. */
static cgap_status name_entries(cgap_file *file, cgap_error *error)
{
  bool good = true;
  for (size_t i = 0; i < file->count; i++) {
    cgap_entry *e = &file->entries[i];
    if (!e->name)
      e->name = cgap_format("%s:%s", file->path, e->path);
    if (file->unpacked)
      cgap_append(&e->storage, ", unpacked to a temporary file");
    good = good && e->name && (e->storage || !file->unpacked);
  }
  return good ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
}

/* paths NULL: one file or folder at `path`. */
static cgap_status open_any(cgap_file **out, const char *path, const char *const *paths, size_t count,
                            const cgap_file_access *access, cgap_error *error)
{
  *out = NULL;
  cgap_file *file = calloc(1, sizeof *file);
  if (!file)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  file->fd = file->gathered = -1;
  file->id = file->links = H5I_INVALID_HID;
  file->access = access ? *access : (cgap_file_access){0};
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  cgap_status status = CGAP_OK;
  file->path = count > 1 ? cgap_format("%s (and %zu more)", path, count - 1) : strdup(path);
  if (!file->path)
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", path);
  if (status == CGAP_OK)
    status = paths ? cgap_npy_files_open(file, paths, count, error) : open_container(file, error);
  if (status == CGAP_OK)
    status = cgap_items_stack(file, error);
  if (status == CGAP_OK)
    status = name_entries(file, error);
  if (status == CGAP_OK)
    status = cgap_entries_check(file, error);
  if (status == CGAP_OK)
    status = check_alone(file, error);
  if (status != CGAP_OK) {
    cgap_file_close(file);
    file = NULL;
  }
  cgap_hdf5_silence_end(quiet);
  *out = file;
  return status;
}

cgap_status cgap_file_open(cgap_file **out, const char *path, const cgap_file_access *access, cgap_error *error)
{
  return open_any(out, path, NULL, 0, access, error);
}

cgap_status cgap_file_open_npy(cgap_file **out, const char *const *paths, size_t count, const cgap_file_access *access,
                               cgap_error *error)
{
  return count == 1 ? cgap_file_open(out, paths[0], access, error)
                    : open_any(out, paths[0], paths, count, access, error);
}

void cgap_file_close(cgap_file *file)
{
  if (!file)
    return;
  for (size_t i = 0; i < file->count; i++)
    cgap_entry_clear(&file->entries[i]);
  free(file->entries);
  json_decref(file->marks);
  for (size_t i = 0; i < file->memory_count; i++)
    free(file->memory[i]);
  free(file->memory);
  cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
  if (file->id >= 0)
    H5Fclose(file->id);
  cgap_hdf5_close(file->links);
  cgap_hdf5_silence_end(quiet);
  if (file->fd >= 0)
    close(file->fd);
  if (file->gathered >= 0)
    close(file->gathered);
  free(file->path);
  free(file);
}

bool cgap_file_mark(char *out, size_t size, const cgap_file *file, const char *name)
{
  out[0] = '\0';
  if (file->id >= 0) {
    if (cgap_hdf5_text(out, size, file->id, name) <= 0)
      out[0] = '\0';
  } else {
    const char *text = json_string_value(json_object_get(file->marks, name));
    (void)snprintf(out, size, "%s", text && strlen(text) < size ? text : "");
  }
  return out[0] != '\0';
}

void cgap_file_modality_name(char out[CGAP_NAME_SIZE], const cgap_file *file, int modality)
{
  char text[2 * CGAP_NAME_SIZE], *comma;
  cgap_error unused;
  out[0] = '\0';
  if (!cgap_file_mark(text, sizeof text, file, CGAP_MODALITIES_NAMED) || !(comma = strchr(text, ',')))
    return;
  *comma = '\0';
  const char *name = modality ? comma + 1 : text;
  if (cgap_check_name(name, &unused) == CGAP_OK)
    (void)snprintf(out, CGAP_NAME_SIZE, "%.63s", name);
}

bool cgap_file_is_npy(const char *path, int *failure)
{
  cgap_file file = {.path = (char *)path, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  errno = file.fd < 0 ? errno : 0;
  bool is = file.fd >= 0 && cgap_npy_file_is(&file);
  if (failure)
    *failure = errno == EIO || errno == EMFILE || errno == ENFILE || errno == ENOMEM ? errno : 0;
  if (file.fd >= 0)
    close(file.fd);
  return is;
}
