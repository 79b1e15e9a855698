/* .npz: a zip archive of .npy arrays, stored or deflated. */
#include "base/memory.h"
#include "base/output_file.h"
#include "base/text_buffer.h"
#include "io/read/array_reader.h"
#include "io/read/pickle_objects.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  MEMBERS_MAX = 1000000,
  CHECKED_BYTES_MAX = 16 << 20, /* of a member whose checksum is compared when it is listed: ids, labels, pairings */
  COPY_BYTES = 1 << 18,
  DEFLATE_RATIO_MAX = 1032 /* deflate cannot shrink by more (zlib, "Maximum expansion factor") */
};

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
    return cgap_fail(error, CGAP_FILE,
                     "%s: compressed by zip method %d; write it again with numpy.savez or savez_compressed", name,
                     (int)stat->comp_method);
  if (stat->comp_method == ZIP_CM_DEFLATE && stat->size / DEFLATE_RATIO_MAX > stat->comp_size)
    return cgap_fail(
      error, CGAP_FILE,
      "%s: claims to unpack from %llu bytes to %llu, more than deflate can; the file is damaged or malicious", name,
      (unsigned long long)stat->comp_size, (unsigned long long)stat->size);
  if (stat->comp_method == ZIP_CM_STORE && stat->size != stat->comp_size)
    return cgap_fail(error, CGAP_FILE,
                     "%s: stored uncompressed, yet of %llu bytes and %llu; the file is damaged, copy it again", name,
                     (unsigned long long)stat->comp_size, (unsigned long long)stat->size);
  return CGAP_OK;
}

/* A member to the end of the unnamed file; view: it there. */
static cgap_status copy_member(cgap_file *view, cgap_file *file, zip_t *zip, const zip_stat_t *stat, const char *name,
                               cgap_error *error)
{
  static const char WAY_OUT[] = "set TMPDIR to a larger place, or write the rows as one array";
  zip_file_t *member = NULL;
  unsigned char *block = malloc(COPY_BYTES);
  cgap_status status = block ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", name);
  if (status == CGAP_OK && file->gathered < 0)
    status = cgap_unnamed_file_open(&file->gathered, 0, name, WAY_OUT, error);
  if (status == CGAP_OK)
    status = cgap_zip_member(&member, zip, (int64_t)stat->index, name, error);
  for (uint64_t left = stat->size; left > 0 && status == CGAP_OK;) {
    const size_t here = (size_t)cgap_lesser(left, COPY_BYTES);
    status = cgap_zip_read(member, block, here, name, error);
    if (status == CGAP_OK)
      status = cgap_unnamed_file_write(file->gathered, block, here, error);
    left -= here;
  }
  if (status == CGAP_OK)
    status = cgap_zip_check(member, name, error);
  if (member)
    zip_fclose(member);
  free(block);
  *view = (cgap_file){
    .path = file->path, .fd = file->gathered, .unpacked = true, .start = file->gathered_bytes, .bytes = stat->size};
  file->gathered_bytes += stat->size;
  return status;
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
  const bool small = stat->size <= CHECKED_BYTES_MAX;
  const cgap_array_header found = {.path = path,
                                   .name = name,
                                   .storage = deflated ? "zip, deflated" : "zip, stored",
                                   .array = &array,
                                   .piece = {.path = file->path,
                                             .member = (int64_t)stat->index,
                                             .deflated = deflated,
                                             .checked = small,
                                             .offset = array.start}};
  if (status == CGAP_OK && array.pickled) { /* objects: a pickle, whose reader needs random access */
    cgap_file view;
    status = copy_member(&view, file, zip, stat, name, error);
    if (status == CGAP_OK)
      status = cgap_pickle_objects_open(file, &view, &found, path, false, error);
  } else if (status == CGAP_OK && small) {
    status = cgap_zip_check(r.file, name, error);
  }
  if (status == CGAP_OK && !array.pickled)
    status = cgap_array_header_add(file, &found, error);
  if (r.file)
    zip_fclose(r.file);
  free(name);
  free(path);
  return status;
}

/* The first `count` bytes of a member. */
static cgap_status read_start(unsigned char *out, size_t count, zip_t *zip, const zip_stat_t *stat, cgap_error *error)
{
  zip_file_t *member = NULL;
  cgap_status status = cgap_zip_member(&member, zip, (int64_t)stat->index, stat->name, error);
  if (status == CGAP_OK)
    status = cgap_zip_read(member, out, count, stat->name, error);
  if (member)
    zip_fclose(member);
  return status;
}

/* macOS puts the attributes of NAME into an archive as ._NAME (RFC 1740, "AppleDouble header file"). */
static cgap_status is_apple_double(bool *out, zip_t *zip, const zip_stat_t *stat, cgap_error *error)
{
  static const unsigned char MARK[4] = {0x00, 0x05, 0x16, 0x07};
  const char *slash = strrchr(stat->name, '/'), *leaf = slash ? slash + 1 : stat->name;
  unsigned char head[sizeof MARK] = {0};
  *out = false;
  if (strncmp(leaf, "._", 2) != 0 || stat->size < sizeof MARK)
    return CGAP_OK;
  cgap_status status = read_start(head, sizeof head, zip, stat, error);
  *out = status == CGAP_OK && !memcmp(head, MARK, sizeof MARK);
  return status;
}

static bool ends_with(const char *text, const char *ending, size_t *before)
{
  size_t a = strlen(text), b = strlen(ending);
  *before = a >= b ? a - b : 0;
  return a > b && !strcmp(text + *before, ending);
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
    if (ends_with(stat.name, "data.pkl", &length)) /* torch.save writes a zip with a pickle in it */
      return cgap_torch_zip_open(file, zip, &stat, error);
    bool attributes = false;
    if (!ends_with(stat.name, ".npy", &length))
      continue;
    if (file->count >= MEMBERS_MAX)
      return cgap_fail(error, CGAP_FILE,
                       "%s: %lld members, at most %d arrays are listed; write images and texts to an "
                       "archive of their own",
                       file->path, (long long)count, MEMBERS_MAX);
    status = is_apple_double(&attributes, zip, &stat, error);
    if (status == CGAP_OK && !attributes)
      status = add_member(file, zip, &stat, length, error);
  }
  return status;
}

/* The comment of the archive, where it is a JSON object. */
static json_t *read_marks(zip_t *zip)
{
  int length = 0;
  const char *comment = zip_get_archive_comment(zip, &length, ZIP_FL_ENC_RAW);
  json_t *marks = comment && length > 0 && comment[0] == '{' ? json_loadb(comment, (size_t)length, 0, NULL) : NULL;
  return marks;
}

cgap_status cgap_npz_open(cgap_file *file, cgap_error *error)
{
  zip_t *zip = NULL;
  cgap_status status = cgap_zip_open(&zip, file->path, error);
  if (status == CGAP_OK)
    status = list_members(file, zip, error);
  if (status == CGAP_OK && file->count == 0)
    status = cgap_fail(error, CGAP_FILE,
                       "%s: a zip archive with no .npy array in it; write the arrays with numpy.savez", file->path);
  if (status == CGAP_OK)
    file->marks = read_marks(zip);
  if (zip)
    zip_discard(zip);
  return status;
}
