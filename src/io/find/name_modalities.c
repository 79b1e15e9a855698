/* Modalities that are neither image nor text: audio, video, protein and the like, by the word in the name of a dataset
 * or of its file. Such a dataset takes the place of the modality that no dataset is named for, and the report's words
 * follow it. Also the names that files of apply record. */
#include "base/modality_names.h"
#include "io/find/dataset_internal.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 2 };

/* The word of an entry that no word calls an image or a text; "" where it has none. */
static void other_word_of(char out[CGAP_WORD_SIZE], const cgap_file *file, const cgap_entry *entry)
{
  const cgap_name_words w = cgap_name_words_of(entry->path);
  out[0] = '\0';
  if (w.modality || w.leaf & CGAP_WORD_MODALITY)
    return;
  (void)snprintf(out, CGAP_WORD_SIZE, "%s", w.other_word);
  if (!out[0] && !file->loose && !cgap_name_words_of_file(file->path))
    cgap_other_word_of_file(out, file->path);
}

/* ---------------------------------------------------------------- places */

/* Whether the name says embeddings of a modality, and not what belongs to them. */
static bool may_be_rows(const cgap_entry *entry)
{
  const unsigned about = CGAP_WORD_CLASS | CGAP_WORD_LABEL | CGAP_WORD_SIDELINE | CGAP_WORD_ID | CGAP_WORD_INDEX |
                         CGAP_WORD_POINTER | CGAP_WORD_COUNT | CGAP_WORD_PAIRS;
  const cgap_name_words w = cgap_name_words_of(entry->path);
  return entry->kind == CGAP_KIND_FLOAT && (entry->ndim == 2 || entry->ndim == 3) && !(w.leaf & about) &&
         !(w.parent & CGAP_WORD_CLASS) && !cgap_entry_is_arithmetic(entry);
}

/* What the datasets of all inputs are named for. */
typedef struct named_modalities {
  bool image, text, classes, preset;
  bool unnamed;                          /* embeddings of none: they may be the missing modality as well */
  char other[WORDS_MAX][CGAP_WORD_SIZE]; /* in the order of the files */
  size_t others;                         /* WORDS_MAX + 1: more */
} named_modalities;

static void note_entry(named_modalities *n, const cgap_file *file, const cgap_entry *entry)
{
  char word[CGAP_WORD_SIZE];
  const cgap_name_words w = cgap_name_words_of(entry->path);
  n->preset = n->preset || entry->modality;
  n->classes = n->classes || w.leaf & CGAP_WORD_CLASS;
  if (!may_be_rows(entry))
    return;
  const unsigned of_file = file->loose || w.leaf & CGAP_WORD_MODALITY ? 0 : cgap_name_words_of_file(file->path);
  const unsigned modality = w.modality ? w.modality : of_file;
  n->image = n->image || modality == CGAP_WORD_IMAGE;
  n->text = n->text || modality == CGAP_WORD_TEXT;
  other_word_of(word, file, entry);
  n->unnamed = n->unnamed || (!modality && !word[0] && w.leaf & CGAP_WORD_EMBEDDING);
  for (size_t k = 0; k < n->others && k < WORDS_MAX; k++)
    if (strcmp(n->other[k], word) == 0)
      return;
  if (!word[0])
    return;
  if (n->others < WORDS_MAX)
    memcpy(n->other[n->others], word, sizeof word);
  n->others += n->others <= WORDS_MAX;
}

void cgap_other_modalities_place(cgap_dataset *d)
{
  named_modalities n = {0};
  if (d->option[CGAP_ROLE_IMAGE].given || d->option[CGAP_ROLE_TEXT].given)
    return;
  for (size_t i = 0; i < d->input_count; i++)
    for (size_t k = 0; k < d->inputs[i].file->count; k++)
      note_entry(&n, d->inputs[i].file, &d->inputs[i].file->entries[k]);
  const bool both = !n.image && !n.text && n.others == 2, one = n.image != n.text && n.others == 1;
  if (n.preset || n.classes || n.unnamed || (!both && !one))
    return;
  for (size_t i = 0; i < d->input_count; i++)
    for (size_t k = 0; k < d->inputs[i].file->count; k++) {
      char word[CGAP_WORD_SIZE];
      cgap_entry *entry = &d->inputs[i].file->entries[k];
      other_word_of(word, d->inputs[i].file, entry);
      if (word[0] && may_be_rows(entry)) {
        const bool is_image = both ? strcmp(word, n.other[0]) == 0 : n.text;
        entry->modality = is_image ? CGAP_WORD_IMAGE : CGAP_WORD_TEXT;
        entry->modality_why = is_image ? "its name says what it is, and it takes the place of images"
                                       : "its name says what it is, and it takes the place of texts";
      }
    }
}

/* ---------------------------------------------------------------- two files */

/* The only rows of a file that is no HDF5; NULL: none, or several. */
static cgap_entry *only_rows(const cgap_file *file)
{
  cgap_entry *only = NULL;
  for (size_t k = 0; k < file->count && file->id < 0; k++) {
    cgap_entry *e = &file->entries[k];
    if (e->kind != CGAP_KIND_FLOAT || e->ndim < 2 || e->alias)
      continue;
    if (only)
      return NULL;
    only = e;
  }
  return only;
}

static unsigned modality_of_only(const cgap_file *file, const cgap_entry *e)
{
  const cgap_name_words w = cgap_name_words_of(e->path);
  return e->modality                ? e->modality
         : w.leaf & CGAP_WORD_CLASS ? CGAP_WORD_CLASS
         : w.modality               ? w.modality
         : file->loose              ? 0
                                    : cgap_name_words_of_file(file->path);
}

/* Whether two names differ in digits alone, as those of shards do. */
static bool differ_in_digits(const char *a, const char *b)
{
  for (;; a++, b++) {
    a += strspn(a, "0123456789");
    b += strspn(b, "0123456789");
    if (*a != *b || !*a)
      return *a == *b;
  }
}

void cgap_two_files_place(cgap_dataset *d)
{
  cgap_entry *of[2];
  unsigned modality[2];
  if (d->input_count != 2 || d->option[CGAP_ROLE_IMAGE].given || d->option[CGAP_ROLE_TEXT].given)
    return;
  for (int k = 0; k < 2; k++) {
    if (!(of[k] = only_rows(d->inputs[k].file)))
      return;
    modality[k] = modality_of_only(d->inputs[k].file, of[k]);
  }
  const unsigned either = modality[0] | modality[1];
  if ((modality[0] && modality[1]) || either & CGAP_WORD_CLASS ||
      differ_in_digits(d->inputs[0].file->path, d->inputs[1].file->path))
    return;
  const bool swapped = modality[0] == CGAP_WORD_TEXT || modality[1] == CGAP_WORD_IMAGE;
  for (int k = 0; k < 2; k++) {
    if (modality[k])
      continue;
    of[k]->modality = (k == 0) != swapped ? CGAP_WORD_IMAGE : CGAP_WORD_TEXT;
    of[k]->modality_why = either   ? "the other of the two files is the other modality"
                          : k == 0 ? "the first of two files whose names do not say"
                                   : "the second of two files whose names do not say";
  }
}

/* ---------------------------------------------------------------- names */

void cgap_other_modalities_name(cgap_dataset *d)
{
  char name[2][CGAP_NAME_SIZE] = {"", ""};
  for (int m = 0; m < 2; m++) {
    const cgap_role_datasets *series = &d->role[m];
    if (series->count == 0 || d->data.names[m])
      continue;
    cgap_file_modality_name(name[m], series->taken->file, m);
    if (!name[m][0])
      other_word_of(name[m], series->taken->file, series->taken->entry);
  }
  if (strcmp(d->data.names[0] ? d->data.names[0] : cgap_modality_name(name[0], 0),
             d->data.names[1] ? d->data.names[1] : cgap_modality_name(name[1], 1)) == 0)
    return; /* two words that are the same tell nothing apart */
  for (int m = 0; m < 2; m++)
    if (name[m][0])
      d->data.names[m] = strcpy(d->names.of[m], name[m]);
}
