/* Which datasets say what the files call their rows: ids, file names, captions, names of the classes. */
#include "io/find/dataset_internal.h"

static const unsigned NO_NAME = CGAP_WORD_LABEL | CGAP_WORD_CLASS | CGAP_WORD_SIDELINE | CGAP_WORD_EMBEDDING;

/* A list, or captions (N, k) as a matrix of strings, whose rows follow one another as those of texts (N, k, d) do. */
static bool is_list_of(const cgap_entry *e, size_t count)
{
  return count > 0 && cgap_ids_in(e) == count && !e->obstacle && !e->dangling;
}

/* A string, or an integer that is called an id. */
static bool can_name(const cgap_entry *e, const cgap_name_words *w)
{
  return e->kind == CGAP_KIND_STRING || (e->kind == CGAP_KIND_INTEGER && w->leaf & CGAP_WORD_ID);
}

static int image_name_score(const cgap_entry *e, const cgap_name_words *w, const cgap_companion *near)
{
  const bool id = w->leaf & CGAP_WORD_ID;
  if (!can_name(e, w) || w->leaf & (NO_NAME | CGAP_WORD_TEXT) || w->group == CGAP_WORD_TEXT ||
      !is_list_of(e, near->images))
    return 0;
  if (w->leaf & CGAP_WORD_IMAGE || w->group == CGAP_WORD_IMAGE)
    return id ? 8 : 6;
  return id ? 4 : 0; /* one id for the pair names the image */
}

/* Captions are preferred to ids. */
static int text_name_score(const cgap_entry *e, const cgap_name_words *w, const cgap_companion *near)
{
  const bool id = w->leaf & CGAP_WORD_ID, text = w->leaf & CGAP_WORD_TEXT;
  if (!can_name(e, w) || w->leaf & NO_NAME || !is_list_of(e, near->texts) || w->group == CGAP_WORD_IMAGE)
    return 0;
  if (w->leaf & CGAP_WORD_IMAGE) /* the image of each text, unless it is a caption: "image_caption" */
    return text && !id && !w->text_first && e->kind == CGAP_KIND_STRING ? 7 : 0;
  if (text || w->group == CGAP_WORD_TEXT)
    return id ? 6 : 8;
  return id && (near->apart || near->images != near->texts) ? 4 : 0;
}

/* The best of a file; the first of equals. */
static const cgap_entry *best_of(const cgap_dataset *d, const cgap_file *file, const cgap_companion *near,
                                 cgap_name_score score, int *best)
{
  const cgap_entry *found = NULL;
  const cgap_role_datasets *pairing = &d->role[CGAP_ROLE_TEXT_IMAGE];
  for (size_t i = 0; i < file->count; i++) {
    const cgap_entry *e = &file->entries[i];
    const cgap_name_words words = cgap_name_words_of(e->path);
    const int own = e->alias || cgap_entry_is_arithmetic(e) ? 0 : score(e, &words, near);
    bool pairs = false;
    for (size_t k = 0; k < pairing->count; k++)
      pairs = pairs || cgap_entry_same(pairing->taken[k].entry, e);
    if (own > *best && !pairs) {
      *best = own;
      found = e;
    }
  }
  return found;
}

/* One dataset for each shard, in its file; where there is one shard, in any file. */
static cgap_status find_series(cgap_dataset *d, cgap_role role, cgap_role modality, cgap_name_score score,
                               cgap_error *error)
{
  cgap_role_datasets *out = &d->role[role];
  const size_t shards = d->role[modality].count;
  cgap_status status = CGAP_OK;
  for (size_t s = 0; s < shards && status == CGAP_OK; s++) {
    const cgap_companion near = cgap_companion_of(d, modality, s);
    const cgap_file *in = near.modality->file;
    int best = 0;
    const cgap_entry *found = best_of(d, in, &near, score, &best);
    for (size_t f = 0; shards == 1 && f < d->file_count; f++) {
      const cgap_entry *other = best_of(d, d->files[f], &near, score, &best);
      in = other ? d->files[f] : in;
      found = other ? other : found;
    }
    if (found)
      status = cgap_role_datasets_add(out, in, found, error);
  }
  if (out->count < shards || status != CGAP_OK)
    out->count = 0; /* names of some shards alone would be those of other rows */
  if (out->count)
    cgap_role_datasets_explain(out, "its name and its length");
  return status;
}

cgap_status cgap_find_names(cgap_dataset *d, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  const bool both = d->role[CGAP_ROLE_IMAGE].count && d->role[CGAP_ROLE_TEXT].count;
  if (d->role[CGAP_ROLE_IMAGE].count)
    status = find_series(d, CGAP_ROLE_IMAGE_NAME, CGAP_ROLE_IMAGE, image_name_score, error);
  if (status == CGAP_OK && both)
    status = find_series(d, CGAP_ROLE_TEXT_NAME, CGAP_ROLE_TEXT, text_name_score, error);
  const cgap_entry *classes = status == CGAP_OK && d->data.class_text.rows ? cgap_class_names_find(d) : NULL;
  if (classes && cgap_entry_list(classes) == d->data.class_text.rows / d->data.prompts) {
    cgap_role_datasets *out = &d->role[CGAP_ROLE_CLASS_NAME];
    status = cgap_role_datasets_add(out, d->role[CGAP_ROLE_IMAGE].taken->file, classes, error);
    cgap_role_datasets_explain(out, "its name says the names of the classes");
  }
  return status;
}
