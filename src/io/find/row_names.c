#include "io/find/row_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text_buffer.h"
#include "io/find/dataset_internal.h"

enum { NAMED_ROWS_MAX = 2000000 }; /* of a modality: more names take more memory than they are worth */

size_t cgap_name_clean(char *out, const unsigned char *text, size_t length)
{
  char *to = out;
  size_t bytes;
  memcpy(out, text, length); /* with an end, which text need not have: what replaces a character is not longer */
  out[length] = '\0';
  for (size_t i = 0; i < length; i += bytes) {
    uint32_t code;
    bool visible;
    bytes = cgap_text_next(out + i, &visible, &code);
    if (visible) {
      memmove(to, out + i, bytes);
      to += bytes;
    } else
      *to++ = code == 0xFFFD ? '?' : ' ';
  }
  while (to > out && to[-1] == ' ')
    to--;
  *to = '\0';
  const size_t blanks = strspn(out, " ");
  memmove(out, out + blanks, (size_t)(to - out) - blanks + 1);
  return (size_t)(to - out) - blanks;
}

static cgap_status copy_names(cgap_names *out, const cgap_ids *ids, const char *dataset, cgap_error *error)
{
  size_t bytes = 0, used = 0;
  char number[80];
  for (size_t i = 0; i < ids->count; i++)
    bytes += ids->kind == CGAP_KIND_INTEGER ? 24 : ids->id[i].length + 1;
  out->bytes = malloc(bytes + 1);
  out->name = cgap_alloc(ids->count, sizeof *out->name);
  if (!out->bytes || !out->name)
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu names", dataset, ids->count);
  for (size_t i = 0; i < ids->count; i++) {
    const bool whole = ids->kind == CGAP_KIND_INTEGER;
    const char *text = whole ? cgap_id_text(number, sizeof number, ids, i) : (const char *)ids->id[i].bytes;
    out->name[i] = out->bytes + used;
    used +=
      1 + cgap_name_clean(out->bytes + used, (const unsigned char *)text, whole ? strlen(text) : ids->id[i].length);
  }
  out->count = ids->count;
  return CGAP_OK;
}

cgap_status cgap_row_names_read(cgap_row_names *out, const cgap_dataset *d, cgap_error *error)
{
  static const cgap_role ROLES[CGAP_NAMED_KINDS] = {[CGAP_NAMED_IMAGES] = CGAP_ROLE_IMAGE_NAME,
                                                    [CGAP_NAMED_TEXTS] = CGAP_ROLE_TEXT_NAME,
                                                    [CGAP_NAMED_CLASSES] = CGAP_ROLE_CLASS_NAME};
  cgap_status status = CGAP_OK;
  *out = (cgap_row_names){0};
  for (int k = 0; k < CGAP_NAMED_KINDS && status == CGAP_OK; k++) {
    const cgap_role_datasets *from = &d->role[ROLES[k]];
    cgap_ids ids = {0};
    size_t rows = 0;
    for (size_t i = 0; i < from->count; i++)
      rows += cgap_ids_in(from->taken[i].entry);
    if (rows == 0 || rows > NAMED_ROWS_MAX)
      continue;
    status = cgap_ids_read(&ids, from->taken, from->count, error);
    if (status == CGAP_OK)
      status = copy_names(&out->of[k], &ids, from->name, error);
    cgap_ids_clear(&ids);
  }
  if (status != CGAP_OK)
    cgap_row_names_clear(out);
  return status;
}

void cgap_row_names_clear(cgap_row_names *names)
{
  for (int k = 0; k < CGAP_NAMED_KINDS; k++) {
    free(names->of[k].bytes);
    cgap_free(names->of[k].name);
  }
  *names = (cgap_row_names){0};
}

const char *cgap_row_name(const cgap_row_names *names, cgap_named kind, size_t row)
{
  return names && row < names->of[kind].count ? names->of[kind].name[row] : NULL;
}
