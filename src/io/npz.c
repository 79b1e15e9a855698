/* .npz: a zip archive of .npy arrays, stored or deflated. */
#include "io/containers.h"
#include "io/format.h"
#include "io/zip.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  MEMBERS_MAX = 20000,
  DEFLATE_MOST = 1032
}; /* deflate cannot shrink by more (zlib, "Maximum expansion factor") */

bool cgap_npz_is(const cgap_file *file)
{
  char head[4];
  return pread(file->fd, head, sizeof head, 0) == (ssize_t)sizeof head && !memcmp(head, "PK\x03\x04", sizeof head);
}

typedef struct member_reader {
  zip_file_t *file;
  const char *name;
} member_reader;

static bool next_bytes(void *context, void *out, size_t count, cgap_error *error)
{
  member_reader *r = context;
  return cgap_zip_read(r->file, out, count, r->name, error) == CGAP_OK;
}

static cgap_status check_member(const zip_stat_t *stat, const char *name, cgap_error *error)
{
  if (stat->encryption_method != ZIP_EM_NONE)
    return cgap_fail(error, CGAP_FILE, "%s: encrypted; write it again with numpy.savez", name);
  if (stat->comp_method != ZIP_CM_STORE && stat->comp_method != ZIP_CM_DEFLATE)
    return cgap_fail(error, CGAP_FILE, "%s: zip method %d; write it again with numpy.savez or savez_compressed", name,
                     (int)stat->comp_method);
  if (stat->comp_method == ZIP_CM_DEFLATE && stat->size / DEFLATE_MOST > stat->comp_size)
    return cgap_fail(
      error, CGAP_FILE,
      "%s: claims to unpack from %llu bytes to %llu, more than deflate can; the file is damaged or hostile", name,
      (unsigned long long)stat->comp_size, (unsigned long long)stat->size);
  if (stat->comp_method == ZIP_CM_STORE && stat->size != stat->comp_size)
    return cgap_fail(error, CGAP_FILE, "%s: stored, yet %llu bytes and %llu; the file is damaged", name,
                     (unsigned long long)stat->comp_size, (unsigned long long)stat->size);
  return CGAP_OK;
}

static cgap_status add_member(cgap_file *file, zip_t *zip, const zip_stat_t *stat, size_t length, cgap_error *error)
{
  bool deflated = stat->comp_method == ZIP_CM_DEFLATE;
  char *path = cgap_format("/%.*s", (int)length, stat->name);
  char *name = cgap_format("%s:/%.*s", file->path, (int)length, stat->name);
  member_reader r = {.name = name};
  cgap_npy array;
  cgap_status status =
    path && name ? check_member(stat, name, error) : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", file->path);
  if (status == CGAP_OK)
    status = cgap_zip_member(&r.file, zip, (int64_t)stat->index, name, error);
  if (status == CGAP_OK)
    status = cgap_npy_read(&array, next_bytes, &r, stat->size, name, error);
  if (status == CGAP_OK) {
    cgap_found found = {
      .path = path,
      .name = name,
      .storage = deflated ? "zip, deflated" : "zip, stored",
      .array = &array,
      .piece = {.path = file->path, .member = (int64_t)stat->index, .deflated = deflated, .offset = array.start}};
    status = cgap_found_add(file, &found, error);
  }
  if (r.file)
    zip_fclose(r.file);
  free(name);
  free(path);
  return status;
}

static bool ends_with(const char *text, const char *ending, size_t *before)
{
  size_t a = strlen(text), b = strlen(ending);
  *before = a >= b ? a - b : 0;
  return a > b && !strcmp(text + *before, ending);
}

/* torch.save writes a zip with a pickle in it. */
static cgap_status refuse_pickle(const cgap_file *file, const char *member, cgap_error *error)
{
  return cgap_fail(error, CGAP_FILE,
                   "%s: a PyTorch file, %s in it is a Python pickle, which is not read; where it was made: "
                   "numpy.save('image.npy', torch.load(path)['image'].float().cpu().numpy())",
                   file->path, member);
}

static cgap_status list_members(cgap_file *file, zip_t *zip, cgap_error *error)
{
  zip_int64_t count = zip_get_num_entries(zip, 0);
  cgap_status status = CGAP_OK;
  for (zip_int64_t i = 0; i < count && status == CGAP_OK; i++) {
    zip_stat_t stat;
    size_t length;
    const zip_uint64_t needed =
      ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(zip, (zip_uint64_t)i, ZIP_FL_ENC_GUESS, &stat) != 0 || (stat.valid & needed) != needed)
      return cgap_fail(error, CGAP_FILE, "%s: member %lld cannot be read; copy or download it again", file->path,
                       (long long)i);
    if (ends_with(stat.name, "data.pkl", &length))
      return refuse_pickle(file, stat.name, error);
    if (!ends_with(stat.name, ".npy", &length))
      continue;
    if (file->count >= MEMBERS_MAX) {
      file->cut = true;
      break;
    }
    status = add_member(file, zip, &stat, length, error);
  }
  return status;
}

cgap_status cgap_npz_open(cgap_file *file, cgap_error *error)
{
  zip_t *zip = NULL;
  cgap_status status = cgap_zip_open(&zip, file->path, error);
  if (status == CGAP_OK)
    status = list_members(file, zip, error);
  if (status == CGAP_OK && file->count == 0)
    status =
      cgap_fail(error, CGAP_FILE,
                "%s: a zip archive with no .npy array in it; write numpy.savez(path, image=…, text=…)", file->path);
  if (zip)
    zip_discard(zip);
  return status;
}
