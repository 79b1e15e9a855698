/* Whether two data sets name their rows alike: by ids, file names or captions at the same place in both. */
#include "io/find/dataset.h"
#include "io/find/dataset_internal.h"

#include <string.h>

/* Whether values name the rows of a modality; those of text_image only count rows. */
static bool names_rows(const cgap_entry *e, const cgap_dataset *d)
{
  const unsigned never = CGAP_WORD_LABEL | CGAP_WORD_CLASS | CGAP_WORD_SIDELINE | CGAP_WORD_EMBEDDING;
  const cgap_name_words words = cgap_name_words_of(e->path);
  const cgap_role_datasets *pairing = &d->role[CGAP_ROLE_TEXT_IMAGE];
  if (e->alias || e->obstacle || e->ndim != 1 || (words.leaf & never) || cgap_entry_is_arithmetic(e))
    return false;
  for (size_t k = 0; k < pairing->count; k++)
    if (pairing->taken[k].entry == e)
      return false;
  if (e->kind != CGAP_KIND_STRING && !(e->kind == CGAP_KIND_INTEGER && words.leaf & (CGAP_WORD_ID | CGAP_WORD_INDEX)))
    return false;
  for (int role = CGAP_ROLE_IMAGE; role <= CGAP_ROLE_TEXT; role++)
    for (size_t k = 0; k < d->role[role].count; k++)
      if (e->shape[0] == cgap_chosen_dataset_rows(&d->role[role].taken[k]))
        return true;
  return false;
}

static bool says_id(const cgap_entry *e)
{
  return e->kind == CGAP_KIND_INTEGER || cgap_name_words_of(e->path).leaf & (CGAP_WORD_ID | CGAP_WORD_INDEX);
}

/* A string without folders: files move. */
static cgap_id last_part(const cgap_id *id, cgap_kind kind)
{
  size_t from = kind == CGAP_KIND_STRING ? id->length : 0;
  while (from > 0 && id->bytes[from - 1] != '/')
    from--;
  return (cgap_id){id->bytes + from, id->length - from};
}

/* 0, 1, 2 … or 0, 0, 1, 1 …: any data set can have these. */
static bool counts_rows(const cgap_ids *ids)
{
  int64_t last = 0;
  for (size_t i = 0; ids->kind == CGAP_KIND_INTEGER && i < ids->count; i++) {
    int64_t value;
    memcpy(&value, ids->id[i].bytes, sizeof value);
    if (i == 0 ? value != 0 && value != 1 : value != last && value != last + 1)
      return false;
    last = value;
  }
  return ids->kind == CGAP_KIND_INTEGER;
}

static cgap_names_relation relation_of(const cgap_ids *a, const cgap_ids *b, bool id)
{
  size_t same = 0;
  for (size_t i = 0; i < a->count; i++) {
    const cgap_id x = last_part(&a->id[i], a->kind), y = last_part(&b->id[i], a->kind);
    same += x.length == y.length && !memcmp(x.bytes, y.bytes, x.length);
  }
  if (same == a->count)
    return counts_rows(a) ? CGAP_NAMES_SILENT : CGAP_NAMES_SAME;
  return id || 2 * same < a->count ? CGAP_NAMES_DIFFER : CGAP_NAMES_SILENT;
}

static cgap_status compare_entries(cgap_names_relation *out, const cgap_chosen_dataset *a, const cgap_chosen_dataset *b,
                                   cgap_error *error)
{
  cgap_ids x = {0}, y = {0};
  cgap_status status = cgap_ids_read(&x, a, 1, error);
  if (status == CGAP_OK)
    status = cgap_ids_read(&y, b, 1, error);
  const bool fits = status == CGAP_OK && x.kind == y.kind && x.count == y.count && x.count > 0;
  *out = fits ? relation_of(&x, &y, says_id(a->entry)) : CGAP_NAMES_SILENT;
  cgap_ids_clear(&x);
  cgap_ids_clear(&y);
  return status;
}

/* The entry of the same path, else the only one of the same name. */
static const cgap_entry *find_partner(const cgap_file *file, const cgap_entry *entry)
{
  const cgap_entry *found = cgap_file_find(file, entry->path);
  const char *name = strrchr(entry->path, '/');
  size_t count = found ? 1 : 0;
  for (size_t i = 0; !found && i < file->count; i++)
    if (strcmp(strrchr(file->entries[i].path, '/'), name) == 0) {
      found = &file->entries[i];
      count++;
    }
  return count == 1 ? found : NULL;
}

cgap_status cgap_dataset_same_names(cgap_names_relation *out, const cgap_dataset *a, const cgap_dataset *b,
                                    cgap_error *error)
{
  cgap_status status = CGAP_OK;
  *out = CGAP_NAMES_SILENT;
  for (size_t f = 0; a->file_count == b->file_count && f < a->file_count; f++)
    for (size_t i = 0; status == CGAP_OK && *out != CGAP_NAMES_DIFFER && i < a->files[f]->count; i++) {
      const cgap_chosen_dataset mine = {a->files[f], &a->files[f]->entries[i]};
      const cgap_chosen_dataset other = {b->files[f], find_partner(b->files[f], mine.entry)};
      cgap_names_relation found = CGAP_NAMES_SILENT;
      if (other.entry && names_rows(mine.entry, a) && names_rows(other.entry, b))
        status = compare_entries(&found, &mine, &other, error);
      if (found != CGAP_NAMES_SILENT)
        *out = found;
    }
  return status;
}
