/* Files and datasets without a role: nothing that seems intended is ignored silently. */
#include "io/find/dataset_internal.h"

#include "base/modality_names.h"
#include "base/text_buffer.h"

#include <string.h>
#include <sys/stat.h>

enum { NAMED_MAX = 12 };

/* The same bytes, by whatever name the file was opened. */
static bool same_array(const cgap_entry *a, const cgap_entry *b)
{
  struct stat of_a, of_b;
  if (!a->pieces || !b->pieces)
    return !a->pieces && !b->pieces && a->number == b->number && a->address == b->address;
  const cgap_piece *x = a->pieces, *y = b->pieces;
  return x->offset == y->offset && x->member == y->member && x->gathered == y->gathered && stat(x->path, &of_a) == 0 &&
         stat(y->path, &of_b) == 0 && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

static bool is_taken(const cgap_dataset *d, const cgap_entry *entry)
{
  for (int role = 0; role < CGAP_ROLES; role++) {
    for (size_t k = 0; k < d->role[role].count; k++) {
      const cgap_entry *taken = d->role[role].taken[k].entry;
      if (taken == entry || same_array(taken, entry))
        return true;
    }
  }
  return false;
}

/* A file given by name that has no role; one that a note names already is accepted. */
static cgap_status refuse_unused_file(const cgap_dataset *d, const cgap_entry *entry, cgap_error *error)
{
  const char *path = entry->pieces[0].path;
  if (d->notes && strstr(d->notes, path))
    return CGAP_OK;
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  return cgap_fail_named(error, CGAP_FILE, d->data.names,
                         "%s: given, but not used: the {images} are %s, the {texts} %s; leave it out, or give it as "
                         "`image`, `text`, `text_image`, `labels` or `class_text`%s",
                         path, image->count ? image->name : "none", text->count ? text->name : "none",
                         d->for_audit ? "; to audit three modalities or more, give each as NAME=FILE" : "");
}

/* As many rows as images or texts, and more than one number in each. */
static bool looks_like_rows(const cgap_dataset *d, const cgap_entry *e)
{
  const size_t images = d->data.image.rows, texts = d->data.text.rows;
  return e->kind == CGAP_KIND_FLOAT && (e->ndim == 2 || e->ndim == 3) && e->shape[e->ndim - 1] > 1 &&
         (e->shape[0] == images || e->shape[0] == texts) && !e->alias && !cgap_entry_is_arithmetic(e);
}

/* ---------------------------------------------------------------- links that lead nowhere */

static bool names_pairing(const cgap_entry *e)
{
  const cgap_name_words w = cgap_name_words_of(e->path);
  if (w.leaf & CGAP_WORD_TEXT && w.leaf & (CGAP_WORD_POINTER | CGAP_WORD_COUNT) && !w.more)
    return true;
  return (w.leaf & CGAP_WORD_IMAGE) && (w.leaf & (CGAP_WORD_TEXT | CGAP_WORD_ID | CGAP_WORD_INDEX)) &&
         !(w.leaf & (CGAP_WORD_EMBEDDING | CGAP_WORD_LABEL | CGAP_WORD_SIDELINE));
}

/* Refused where it would have been the pairing and only the counts pair without it; else a note. */
static cgap_status check_dangling(cgap_dataset *d, const cgap_entry *e, cgap_error *error)
{
  const bool by_rows = d->data.pairing == CGAP_BY_ROW || d->data.pairing == CGAP_PAIRING_OPEN;
  if (by_rows && names_pairing(e))
    return cgap_fail(error, CGAP_FILE, "%s: %s; it appears to be the pairing: or give `text_image`", e->name,
                     e->obstacle);
  cgap_append(&d->notes, "%s not used: %s\n", e->name, e->obstacle);
  return CGAP_OK;
}

/* Class texts that exist and cannot be read: zero-shot is not silently left out. */
static bool is_unread_class_text(const cgap_dataset *d, const cgap_entry *e)
{
  const cgap_name_words w = cgap_name_words_of(e->path);
  return e->kind == CGAP_KIND_OTHER && (e->obstacle || e->ndim >= 2) && !e->alias && (w.leaf & CGAP_WORD_CLASS) &&
         (w.leaf & (CGAP_WORD_TEXT | CGAP_WORD_EMBEDDING)) && d->role[CGAP_ROLE_CLASS_TEXT].count == 0;
}

static cgap_status check_file(cgap_dataset *d, const cgap_file *file, size_t *named, cgap_error *error)
{
  char shape[160];
  const bool chosen = d->option[CGAP_ROLE_IMAGE].given && d->option[CGAP_ROLE_TEXT].given;
  cgap_status status = CGAP_OK;
  for (size_t k = 0; k < file->count && status == CGAP_OK; k++) {
    const cgap_entry *e = &file->entries[k];
    if (e->dangling)
      status = check_dangling(d, e, error);
    else if (is_taken(d, e))
      continue;
    else if (is_unread_class_text(d, e))
      status = e->obstacle ? cgap_fail(error, CGAP_FILE, "%s: %s", e->name, e->obstacle)
                           : cgap_fail(error, CGAP_DATA, "%s: %s cannot be class texts; write them as float32", e->name,
                                       e->type_text);
    else if (file->loose && !file->folder && !(d->unpaired && names_pairing(e)))
      status = refuse_unused_file(d, e, error);
    else if (!chosen && looks_like_rows(d, e) && ++*named <= NAMED_MAX)
      cgap_append(&d->notes, "%s: %s of shape %s, not used; give it as `image` or `text` to use it%s\n", e->name,
                  e->type_text, cgap_shape_text(shape, sizeof shape, e),
                  d->for_audit ? ", or each of three modalities as NAME=FILE:/path" : "");
  }
  return status;
}

/* ---------------------------------------------------------------- one modality alone */

/* Rows of the same d without a role would stay as they are, next to rows that change. */
cgap_status cgap_one_modality_check(const cgap_dataset *d, cgap_error *error)
{
  const bool text = d->role[CGAP_ROLE_TEXT].count == 0;
  const size_t dim = text ? d->data.image.dim : d->data.text.dim;
  for (size_t i = 0; i < d->file_count; i++) {
    for (size_t k = 0; k < d->files[i]->count; k++) {
      const cgap_entry *e = &d->files[i]->entries[k];
      const bool rows = e->kind == CGAP_KIND_FLOAT && (e->ndim == 2 || e->ndim == 3) && e->shape[e->ndim - 1] == dim;
      const cgap_name_words w = cgap_name_words_of(e->path);
      const bool unread = e->dangling || e->obstacle || e->kind == CGAP_KIND_OTHER;
      const bool lost = unread && w.modality == (text ? CGAP_WORD_TEXT : CGAP_WORD_IMAGE);
      if ((rows || lost) && !is_taken(d, e) && !((w.leaf | w.parent) & CGAP_WORD_CLASS) && !cgap_entry_is_arithmetic(e))
        return cgap_modalities_refuse(d, text ? CGAP_ROLE_TEXT : CGAP_ROLE_IMAGE, error);
    }
  }
  return CGAP_OK;
}

cgap_status cgap_left_over_check(cgap_dataset *d, cgap_error *error)
{
  size_t named = 0;
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < d->file_count && status == CGAP_OK; i++)
    status = check_file(d, d->files[i], &named, error);
  if (named > NAMED_MAX)
    cgap_append(&d->notes, "and %zu more datasets with as many rows, not used\n", named - NAMED_MAX);
  return status;
}
