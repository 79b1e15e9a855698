#include "io/find/align_rows.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "io/find/dataset_internal.h"

typedef struct aligner {
  const char *const *name;
  size_t count;
  const cgap_chosen_dataset *rows[CGAP_MODALITIES_MAX];
  size_t shards[CGAP_MODALITIES_MAX], given[CGAP_MODALITIES_MAX]; /* datasets and rows of each */
  cgap_chosen_dataset id[CGAP_MODALITIES_MAX];                    /* entry NULL: none */
  cgap_ids ids[CGAP_MODALITIES_MAX];
} aligner;

/* ---------------------------------------------------------------- which dataset holds the ids */

static const char *leaf_of(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* "audio_id" of "audio": the word, then no further letter. */
static bool begins_with_word(const char *text, const char *word)
{
  const size_t length = strlen(word);
  return strncasecmp(text, word, length) == 0 && !isalpha((unsigned char)text[length]);
}

/* Whether the name is that of another modality's ids in the same file. */
static bool is_of_another(const aligner *a, size_t m, const char *leaf)
{
  bool is = false;
  for (size_t k = 0; k < a->count && !is; k++)
    is = k != m && strcmp(a->rows[k]->file->path, a->rows[m]->file->path) == 0 &&
         (begins_with_word(leaf, a->name[k]) || begins_with_word(leaf, leaf_of(a->rows[k]->entry->path)));
  return is;
}

/* How well the name of an entry fits for the ids of modality m; 0: not at all. */
static int id_score(const aligner *a, size_t m, const cgap_entry *e)
{
  const cgap_name_words words = cgap_name_words_of(e->path);
  const char *leaf = leaf_of(e->path);
  if (e->alias || !(words.leaf & CGAP_WORD_ID) ||
      words.leaf & (CGAP_WORD_LABEL | CGAP_WORD_CLASS | CGAP_WORD_SIDELINE | CGAP_WORD_EMBEDDING))
    return 0;
  if (begins_with_word(leaf, a->name[m]) || begins_with_word(leaf, leaf_of(a->rows[m]->entry->path)))
    return 3;
  if (is_of_another(a, m, leaf))
    return 0;
  return cgap_entry_neighbours(e, a->rows[m]->entry) ? 2 : 1;
}

static bool is_list(const aligner *a, size_t m, const cgap_entry *e)
{
  return e->kind != CGAP_KIND_OTHER && !e->obstacle && cgap_entry_list(e) == cgap_chosen_dataset_rows(a->rows[m]);
}

/* One that is named "id" or "audio_id" is meant, and refused where it cannot be used. */
static cgap_status find_ids(aligner *a, size_t m, cgap_error *error)
{
  const cgap_file *file = a->rows[m]->file;
  const cgap_entry *broken = NULL;
  char shape[80];
  int best = 0;
  for (size_t i = 0; a->shards[m] == 1 && i < file->count; i++) {
    const cgap_entry *e = &file->entries[i];
    const int score = id_score(a, m, e);
    if (score > best && is_list(a, m, e)) {
      best = score;
      a->id[m] = (cgap_chosen_dataset){file, e};
    } else if (score == 3 || (score > 0 && strncasecmp(leaf_of(e->path), "id", 2) == 0)) {
      broken = is_list(a, m, e) ? broken : e;
    }
  }
  if (broken && !a->id[m].entry)
    return cgap_fail(error, CGAP_DATA,
                     "%s: %s of shape %s, and %s has %zu rows: give an integer or string for each row, "
                     "or `unpaired`",
                     broken->name, broken->type_text, cgap_shape_text(shape, sizeof shape, broken), a->name[m],
                     a->given[m]);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- refusals */

/* "image 500 rows, text 480 rows" */
static void numbers_of(const aligner *a, char *out, size_t size)
{
  size_t used = 0;
  for (size_t m = 0; m < a->count && used < size; m++)
    used += (size_t)snprintf(out + used, size - used, "%s%s %zu rows", m ? ", " : "", a->name[m], a->given[m]);
}

static cgap_status refuse_numbers(const aligner *a, size_t without, cgap_error *error)
{
  char numbers[600];
  numbers_of(a, numbers, sizeof numbers);
  return cgap_fail(error, CGAP_FILE,
                   "%s: rows pair by position where all are equally many, or by ids, and %s has none: no integers or "
                   "strings named id, one for each row, are in its file; give such ids to each, or `unpaired`",
                   numbers, a->rows[without]->entry->name);
}

static cgap_status refuse_twice(const aligner *a, size_t m, size_t twice, cgap_error *error)
{
  const cgap_ids *ids = &a->ids[m];
  char id[80];
  size_t first = 0;
  while (ids->id[first].length != ids->id[twice].length ||
         memcmp(ids->id[first].bytes, ids->id[twice].bytes, ids->id[twice].length) != 0)
    first++;
  return cgap_fail(error, CGAP_DATA,
                   "%s: duplicate id %s (rows %zu and %zu); an id has one row of each modality; correct it",
                   a->id[m].entry->name, cgap_id_text(id, sizeof id, ids, twice), first, twice);
}

/* ---------------------------------------------------------------- the rows */

static cgap_status read_ids(aligner *a, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  size_t first = 0;
  while (!a->id[first].entry)
    first++;
  for (size_t m = first; status == CGAP_OK && m < a->count; m++) {
    if (!a->id[m].entry)
      continue;
    status = cgap_ids_read(&a->ids[m], &a->id[m], 1, error);
    if (status == CGAP_OK && a->ids[m].kind != a->ids[first].kind)
      status = cgap_fail(error, CGAP_DATA, "%s is %s, %s is %s; write all ids as integers or all as strings",
                         a->id[first].entry->name, a->id[first].entry->type_text, a->id[m].entry->name,
                         a->id[m].entry->type_text);
  }
  return status;
}

/* Where a modality has no ids rows pair by position, which the ids of the others must not contradict. */
static cgap_status check_position(const aligner *a, size_t without, cgap_error *error)
{
  size_t first = a->count;
  for (size_t m = 0; m < a->count; m++) {
    const cgap_ids *ids = &a->ids[m], *other = first < a->count ? &a->ids[first] : ids;
    if (!a->id[m].entry)
      continue;
    for (size_t i = 0; i < ids->count; i++)
      if (ids->id[i].length != other->id[i].length ||
          memcmp(ids->id[i].bytes, other->id[i].bytes, ids->id[i].length) != 0)
        return cgap_fail(error, CGAP_FILE,
                         "%s: row %zu has another id than in %s, so rows do not pair by position, and %s has no ids; "
                         "give such ids to each, or `unpaired`",
                         a->id[m].entry->name, i, a->id[first].entry->name, a->rows[without]->entry->name);
    first = first < m ? first : m;
  }
  return CGAP_OK;
}

static cgap_status match_ids(const aligner *a, cgap_row_alignment *out, cgap_error *error)
{
  const cgap_ids *of = &a->ids[0];
  cgap_status status = CGAP_OK;
  for (size_t m = 0; status == CGAP_OK && m < a->count; m++) {
    size_t twice = SIZE_MAX;
    out->row[m] = cgap_alloc(of->count, sizeof *out->row[m]);
    out->id[m] = a->id[m].entry->name;
    if (!out->row[m])
      return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", a->id[m].entry->name);
    _Static_assert(sizeof(size_t) == sizeof(uint64_t), "rows are 64 bits");
    status = cgap_ids_match((uint64_t *)out->row[m], &twice, &a->ids[m], of, a->id[m].entry->name, error);
    if (status == CGAP_OK && twice != SIZE_MAX)
      status = refuse_twice(a, m, twice, error);
  }
  for (size_t i = 0; status == CGAP_OK && i < of->count; i++) {
    bool all = true;
    for (size_t m = 0; m < a->count; m++)
      all = all && out->row[m][i] != SIZE_MAX;
    for (size_t m = 0; all && m < a->count; m++)
      out->row[m][out->rows] = out->row[m][i];
    out->rows += all;
  }
  if (status == CGAP_OK && out->rows == 0)
    status = cgap_fail(error, CGAP_DATA, "%s and %s: no id that all %zu modalities have; correct the ids",
                       a->id[0].entry->name, a->id[1].entry->name, a->count);
  return status;
}

cgap_status cgap_rows_align(cgap_row_alignment *out, const cgap_dataset *const *pair, const char *const *name,
                            size_t count, cgap_error *error)
{
  aligner a = {.name = name, .count = count};
  size_t without = count, with = 0;
  bool differ = false;
  *out = (cgap_row_alignment){.count = count};
  for (size_t m = 0; m < count; m++) {
    const cgap_dataset *d = pair[m ? m : 1];
    const cgap_role_datasets *role = &d->role[m ? CGAP_ROLE_TEXT : CGAP_ROLE_IMAGE];
    a.rows[m] = role->taken;
    a.shards[m] = role->count;
    a.given[m] = m ? d->data.text.rows : d->data.image.rows;
  }
  cgap_status status = CGAP_OK;
  for (size_t m = 0; status == CGAP_OK && m < count; m++) {
    status = find_ids(&a, m, error);
    without = a.id[m].entry || without < count ? without : m;
    with += a.id[m].entry != NULL;
    differ = differ || a.given[m] != a.given[0];
  }
  if (status == CGAP_OK && without < count && differ)
    status = refuse_numbers(&a, without, error);
  if (status == CGAP_OK && with > 0)
    status = read_ids(&a, error);
  out->rows = a.given[0];
  if (status == CGAP_OK && without < count) {
    status = check_position(&a, without, error);
  } else if (status == CGAP_OK) {
    out->by_id = true;
    out->rows = 0;
    status = match_ids(&a, out, error);
  }
  for (size_t m = 0; m < count; m++)
    cgap_ids_clear(&a.ids[m]);
  if (status != CGAP_OK)
    cgap_row_alignment_clear(out);
  return status;
}

void cgap_row_alignment_clear(cgap_row_alignment *alignment)
{
  for (size_t m = 0; m < CGAP_MODALITIES_MAX; m++)
    cgap_free(alignment->row[m]);
  *alignment = (cgap_row_alignment){0};
}
