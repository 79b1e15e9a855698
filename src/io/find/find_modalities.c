/* The two modalities: which dataset is the image and which the text, by the words in their names, over all files, and
 * whether their shapes and types are possible. */
#include "base/memory.h"
#include "base/modality_names.h"
#include "base/text_buffer.h"
#include "io/find/dataset_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ROWS_MIN = 3, DIM_MIN = 2, LISTED_MAX = 12 };

/* By CGAP_ROLE_IMAGE and CGAP_ROLE_TEXT, which are 0 and 1. */
static const unsigned WORD[2] = {CGAP_WORD_IMAGE, CGAP_WORD_TEXT};
static const char *const NAME[2] = {"image", "text"}, *const OPTION[2] = {"`image`", "`text`"};

/* ---------------------------------------------------------------- the best of one input by name */

typedef struct modality_request {
  bool wanted;
  const cgap_entry *fixed; /* given by the caller; NULL: find by name */
} modality_request;

typedef struct chosen_pair {
  const cgap_entry *image, *text; /* NULL: none found */
} chosen_pair;

/* What each sign is worth. An equal d outweighs every name, since modalities of different d have no joint space. */
enum {
  SCORE_NAME = 10,
  SCORE_GROUP = 8,
  SCORE_FILE = 3,
  SCORE_NONE = 2, /* "features" where there is "txt_features" */
  SCORE_EMBEDDING = 3,
  SCORE_EMBEDDING_GROUP = 2,
  SCORE_SIDELINE = -6,
  SCORE_LABELLED = -1, /* some of the images, where there are images */
  SCORE_SAME_DIM = 40,
  SCORE_SAME_GROUP = 6,
  POOL_MAX = 4096
};

typedef struct candidate {
  const cgap_entry *entry;
  int score;
} candidate;

typedef struct candidate_pool {
  candidate item[POOL_MAX];
  size_t count;
} candidate_pool;

static bool named_for(const cgap_name_words *w, unsigned modality)
{
  if (w->leaf & CGAP_WORD_CLASS)
    return false;
  if (w->leaf & CGAP_WORD_LABEL && !(w->leaf & CGAP_WORD_EMBEDDING)) /* target_image_features are no labels */
    return false;
  return !(modality == CGAP_WORD_TEXT && (w->parent & CGAP_WORD_CLASS));
}

static unsigned words_of_file(const cgap_file *file)
{
  return file->loose ? 0 : cgap_name_words_of_file(file->path);
}

/* How well a name fits a modality; 0: not at all. */
static int name_score(const cgap_file *file, const cgap_entry *entry, unsigned modality)
{
  cgap_name_words w = cgap_name_words_of(entry->path);
  unsigned own = w.leaf & CGAP_WORD_MODALITY;
  unsigned of_file = words_of_file(file);
  int score = 0;
  if (entry->modality)
    return entry->modality == modality ? SCORE_NAME : 0;
  if (!named_for(&w, modality) || cgap_entry_is_arithmetic(entry))
    return 0;
  if (w.modality)
    score = w.modality != modality ? 0 : own ? SCORE_NAME : SCORE_GROUP;
  else if (own)
    score = 0; /* both modalities in one name */
  else if (of_file == modality)
    score = SCORE_FILE;
  else if (modality == CGAP_WORD_IMAGE && of_file != CGAP_WORD_TEXT && (w.leaf & CGAP_WORD_EMBEDDING))
    score = SCORE_NONE;
  if (score == 0)
    return 0;
  score += w.leaf & CGAP_WORD_EMBEDDING ? SCORE_EMBEDDING : 0;
  score += w.parent & CGAP_WORD_EMBEDDING ? SCORE_EMBEDDING_GROUP : 0;
  score += w.leaf & (CGAP_WORD_SIDELINE | CGAP_WORD_LABEL) ? SCORE_SIDELINE : 0;
  score += w.leaf & CGAP_WORD_LABELLED ? SCORE_LABELLED : 0;
  return score > 1 ? score : 1;
}

static bool in_scope(const cgap_input *input, const cgap_entry *entry)
{
  size_t length = input->inside ? strlen(input->inside) : 0;
  if (length == 0)
    return true;
  return !strncmp(entry->path, input->inside, length) && (entry->path[length] == '\0' || entry->path[length] == '/');
}

static bool can_be_modality(const cgap_entry *entry, unsigned modality)
{
  return entry->kind == CGAP_KIND_FLOAT &&
         (entry->ndim == 2 || (entry->ndim == 3 && (modality == CGAP_WORD_TEXT || cgap_entry_middle(entry) == 0)));
}

static unsigned modality_of_entry(const cgap_entry *entry)
{
  return entry->modality ? entry->modality : cgap_name_words_of(entry->path).modality;
}

static cgap_status collect_candidates(candidate_pool *p, const cgap_input *input, modality_request request,
                                      unsigned modality, cgap_error *error)
{
  bool named = false;
  p->count = 0;
  if (!request.wanted)
    return CGAP_OK;
  if (request.fixed) {
    p->item[p->count++] = (candidate){request.fixed, 0};
    return CGAP_OK;
  }
  for (size_t i = 0; i < input->file->count; i++) {
    const cgap_entry *entry = &input->file->entries[i];
    int score =
      can_be_modality(entry, modality) && in_scope(input, entry) ? name_score(input->file, entry, modality) : 0;
    if (score > 0 && p->count == POOL_MAX)
      return cgap_fail(error, CGAP_FILE, "%s: more than %d datasets may be the %s; give `image` and `text`",
                       input->file->path, POOL_MAX, modality == CGAP_WORD_IMAGE ? "image" : "text");
    if (score > 0)
      p->item[p->count++] = (candidate){entry, score};
    named = named || (score > 0 && modality_of_entry(entry) == modality);
  }
  /* without the names that say no modality, where others say this one */
  size_t kept = 0;
  for (size_t i = 0; i < p->count; i++)
    if (!named || modality_of_entry(p->item[i].entry) == modality)
      p->item[kept++] = p->item[i];
  p->count = kept;
  return CGAP_OK;
}

typedef struct search {
  int best;
  size_t ties; /* pairs that score best */
  chosen_pair choice;
  char *list; /* of them, numbered */
  bool ask_image, ask_text;
} search;

static bool same_or_none(const cgap_entry *a, const candidate *b)
{
  return a && b ? cgap_entry_same(a, b->entry) : !a && !b;
}

static void offer_choice(search *s, const candidate *image, const candidate *text)
{
  int score = (image ? image->score : 0) + (text ? text->score : 0);
  if ((!image && !text) || (image && text && image->entry == text->entry && (s->ask_image || s->ask_text)))
    return;
  if (image && text) {
    const cgap_chosen_dataset a = {.entry = image->entry}, b = {.entry = text->entry};
    score += cgap_chosen_dataset_dim(&a) == cgap_chosen_dataset_dim(&b) ? SCORE_SAME_DIM : 0;
    score += cgap_entry_neighbours(a.entry, b.entry) ? SCORE_SAME_GROUP : 0;
  }
  const bool other_name = same_or_none(s->choice.image, image) && same_or_none(s->choice.text, text);
  if (score < s->best || (score == s->best && other_name))
    return;
  if (score > s->best) {
    free(s->list);
    *s = (search){.best = score,
                  .choice = {image ? image->entry : NULL, text ? text->entry : NULL},
                  .ask_image = s->ask_image,
                  .ask_text = s->ask_text};
  }
  if (++s->ties > LISTED_MAX)
    return;
  cgap_append(&s->list, " %zu)", s->ties);
  if (s->ask_image && image)
    cgap_append(&s->list, " `image` %s", image->entry->path);
  if (s->ask_text && text)
    cgap_append(&s->list, " `text` %s", text->entry->path);
}

/* The best image and text of one input by name; CGAP_FILE when two are equally good. */
static cgap_status choose_modalities(chosen_pair *out, const cgap_input *input, modality_request image,
                                     modality_request text, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  search s = {.best = -1, .ask_image = image.wanted && !image.fixed, .ask_text = text.wanted && !text.fixed};
  *out = (chosen_pair){0};
  candidate_pool *images = calloc(1, sizeof *images), *texts = calloc(1, sizeof *texts);
  if (!images || !texts) {
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", input->file->path);
    goto done;
  }
  status = collect_candidates(images, input, image, CGAP_WORD_IMAGE, error);
  if (status == CGAP_OK)
    status = collect_candidates(texts, input, text, CGAP_WORD_TEXT, error);
  if (status != CGAP_OK)
    goto done;
  for (size_t i = 0; i < (images->count ? images->count : 1); i++) {
    for (size_t j = 0; j < (texts->count ? texts->count : 1); j++)
      offer_choice(&s, images->count ? &images->item[i] : NULL, texts->count ? &texts->item[j] : NULL);
  }
  if (s.ties > 1)
    status = cgap_fail(error, CGAP_FILE, "%s: %zu choices are equally good; give one of:%s%s", input->file->path,
                       s.ties, s.list ? s.list : "", s.ties > LISTED_MAX ? " …" : "");
  else
    *out = s.choice;
done:
  free(s.list);
  free(images);
  free(texts);
  return status;
}

/* Why choose_modalities takes an entry. */
static void explain_choice(char *out, size_t size, const cgap_file *file, const cgap_entry *entry, unsigned modality)
{
  cgap_name_words w = cgap_name_words_of(entry->path);
  const char *word = modality == CGAP_WORD_IMAGE ? w.image_word : w.text_word;
  if (entry->modality)
    (void)snprintf(out, size, "%s", entry->modality_why);
  else if (w.modality == modality)
    (void)snprintf(out, size, "\"%s\" in the name of the %s%s", word, w.leaf & CGAP_WORD_MODALITY ? "dataset" : "group",
                   w.leaf & CGAP_WORD_EMBEDDING ? ", and it says embedding or feature" : "");
  else if (words_of_file(file) == modality)
    (void)snprintf(out, size, "the file's name says it");
  else
    (void)snprintf(out, size, "no dataset is named for images, and this name says embedding or feature");
}

/* Whether an entry's name says the modality, but its type or rank is not possible: the refusal explains that one. */
static bool is_misfit(const cgap_entry *entry, unsigned modality)
{
  cgap_name_words w = cgap_name_words_of(entry->path);
  bool about = w.leaf & (CGAP_WORD_ID | CGAP_WORD_INDEX | CGAP_WORD_SIDELINE);
  bool pickled = entry->kind == CGAP_KIND_OTHER && entry->obstacle;
  return w.modality == modality && named_for(&w, modality) && !about && !can_be_modality(entry, modality) &&
         entry->kind != CGAP_KIND_STRING && (entry->ndim >= 2 || pickled) && !cgap_entry_is_arithmetic(entry);
}

/* ---------------------------------------------------------------- checks of shape and type */

static cgap_status check_one(const cgap_chosen_dataset *t, int modality, cgap_error *error)
{
  char shape[160];
  const cgap_entry *e = t->entry;
  size_t elements = 0;
  cgap_shape_text(shape, sizeof shape, e);
  if (e->kind != CGAP_KIND_FLOAT && e->obstacle)
    return cgap_fail(error, CGAP_FILE, "%s: %s", e->name, e->obstacle);
  if (e->kind != CGAP_KIND_FLOAT)
    return cgap_fail(error, CGAP_DATA,
                     "%s: %s of shape %s cannot be %s embeddings; float16, float32, float64 or bfloat16 (uint16 with "
                     "the attribute dtype = \"bfloat16\") is needed: convert it to float32 or give %s",
                     e->name, e->type_text, shape, NAME[modality], OPTION[modality]);
  if (modality == 0 && e->ndim != 2 && (e->ndim != 3 || cgap_entry_middle(e) > 0))
    return cgap_fail(error, CGAP_DATA,
                     "%s: shape %s has rank %d, an image dataset has rank 2, (N, d); pool it to one row per image or "
                     "give `image`",
                     e->name, shape, e->ndim);
  if (modality == 1 && e->ndim != 2 && e->ndim != 3)
    return cgap_fail(error, CGAP_DATA,
                     "%s: shape %s has rank %d, a text dataset has rank 2, (M, d), or 3, (N, k, d); give `text`",
                     e->name, shape, e->ndim);
  if (!cgap_entry_elements(&elements, e) || !cgap_product(&elements, elements, 8))
    return cgap_fail(error, CGAP_DATA, "%s: shape %s is larger than any memory; the file is damaged", e->name, shape);
  if (cgap_chosen_dataset_rows(t) == 0)
    return cgap_fail(error, CGAP_DATA, "%s: shape %s has no rows; at least %d are needed", e->name, shape, ROWS_MIN);
  if (cgap_chosen_dataset_dim(t) < DIM_MIN)
    return cgap_fail(error, CGAP_DATA, "%s: shape %s has d = %zu; at least %d is needed", e->name, shape,
                     cgap_chosen_dataset_dim(t), DIM_MIN);
  if (e->obstacle)
    return cgap_fail(error, CGAP_FILE, "%s: %s", e->name, e->obstacle);
  return CGAP_OK;
}

static cgap_status check_modality(const cgap_role_datasets *series, int modality, cgap_error *error)
{
  const cgap_chosen_dataset *first = series->taken;
  for (size_t i = 0; i < series->count; i++) {
    const cgap_chosen_dataset *t = &series->taken[i];
    cgap_status status = check_one(t, modality, error);
    if (status != CGAP_OK)
      return status;
    const cgap_entry *e = t->entry, *f = first->entry;
    char shape[160], other[160];
    if (e->type != f->type || e->ndim != f->ndim || cgap_entry_middle(e) != cgap_entry_middle(f) ||
        cgap_chosen_dataset_dim(t) != cgap_chosen_dataset_dim(first))
      return cgap_fail(
        error, CGAP_DATA,
        "%s: %s of shape %s, %s is %s of shape %s; all shards need the same type, and shapes that differ "
        "in the first axis only",
        e->name, e->type_text, cgap_shape_text(shape, sizeof shape, e), f->name, f->type_text,
        cgap_shape_text(other, sizeof other, f));
  }
  size_t rows = cgap_role_datasets_rows(series);
  if (rows < ROWS_MIN)
    return cgap_fail(error, CGAP_DATA, "%s: %zu rows; at least %d are needed", series->name, rows, ROWS_MIN);
  return CGAP_OK;
}

/* ---------------------------------------------------------------- nothing found */

static cgap_status refuse_none(const cgap_dataset *d, int modality, cgap_error *error)
{
  for (size_t i = 0; i < d->input_count; i++) {
    const cgap_file *file = d->inputs[i].file;
    for (size_t k = 0; k < file->count; k++) {
      if (is_misfit(&file->entries[k], WORD[modality]))
        return check_one(&(cgap_chosen_dataset){file, &file->entries[k]}, modality, error);
    }
  }
  char *text = NULL;
  const cgap_file *file = d->inputs[0].file;
  if (file->count == 0)
    return cgap_fail_named(error, CGAP_FILE, d->data.names,
                           "%s: has no dataset at all; name a file with {images} and {texts}", file->path);
  if (modality == 0 && d->role[CGAP_ROLE_TEXT].count == 0)
    text = cgap_modality_format(
      &d->names, "%s: no dataset can be the {image} or the {text}; give `image` and `text`; there is:", file->path);
  else
    cgap_append(&text, "%s: no dataset can be the %s; give %s; there is:", file->path,
                cgap_modality_name(d->data.names[modality], modality), OPTION[modality]);
  cgap_candidates_append(&text, file);
  cgap_status status = cgap_fail(error, CGAP_FILE, "%s", text ? text : file->path);
  free(text);
  return status;
}

/* ---------------------------------------------------------------- over all files */

/* The one dataset of a file that can be a modality, whatever its name; NULL: none or several. */
static const cgap_entry *only_matrix(const cgap_file *file, int modality)
{
  const cgap_entry *found = file->count == 1 ? file->entries : NULL;
  for (size_t i = 0; file->count > 1 && i < file->count; i++) {
    const cgap_entry *e = &file->entries[i];
    if (e->alias || e->ndim < 2 || !can_be_modality(e, WORD[modality]))
      continue;
    if (found)
      return NULL;
    found = e;
  }
  return found;
}

/* The matrix named for a modality: "audio" of audio, or the only one such as "audio_embeds". matrices: all there are.
 */
static const cgap_entry *matrix_named(const cgap_file *file, const char *name, size_t *matrices)
{
  const cgap_entry *whole = NULL, *begins = NULL;
  size_t beginning = 0;
  *matrices = 0;
  for (size_t i = 0; i < file->count; i++) {
    const cgap_entry *e = &file->entries[i];
    const cgap_name_words words = cgap_name_words_of(e->path);
    const char *leaf = strrchr(e->path, '/') ? strrchr(e->path, '/') + 1 : e->path;
    if (e->kind != CGAP_KIND_FLOAT || e->ndim < 2 || e->alias || cgap_entry_is_arithmetic(e) ||
        (words.leaf | words.parent) & CGAP_WORD_CLASS)
      continue;
    (*matrices)++;
    if (strcasecmp(leaf, name) == 0)
      whole = e;
    if (strncasecmp(leaf, name, strlen(name)) == 0 && !isalpha((unsigned char)leaf[strlen(name)])) {
      begins = e;
      beginning++;
    }
  }
  return whole ? whole : beginning == 1 ? begins : NULL;
}

static cgap_status refuse_unnamed(const cgap_file *file, const char *name, size_t matrices, cgap_error *error)
{
  char *list = NULL;
  cgap_candidates_append(&list, file);
  const cgap_status status =
    cgap_fail(error, CGAP_FILE, "%s: %zu arrays of rows, and none is named %s; give %s=FILE:/path; there is:%s",
              file->path, matrices, name, name, list ? list : "");
  free(list);
  return status;
}

/* An option that names a file of its own has one dataset, found in that file alone. */
static cgap_status find_in_own_file(cgap_dataset *d, int modality, cgap_error *error)
{
  const char *name = d->data.names[modality];
  size_t matrices = 0;
  const cgap_dataset_option *option = &d->option[modality];
  cgap_role_datasets *series = &d->role[modality];
  const cgap_entry *entry = option->path ? cgap_file_find(option->file, option->path) : NULL;
  if (option->path && !entry)
    return cgap_refuse_missing(option->file, option->path, name ? name : option->name, error);
  if (!entry && name)
    entry = matrix_named(option->file, name, &matrices);
  if (!entry && matrices > 1 && strcmp(name, NAME[modality]) != 0)
    return refuse_unnamed(option->file, name, matrices, error);
  if (!entry) {
    chosen_pair choice;
    cgap_input input = {.file = option->file};
    cgap_status status = choose_modalities(&choice, &input, (modality_request){.wanted = modality == 0},
                                           (modality_request){.wanted = modality == 1}, error);
    if (status != CGAP_OK)
      return status;
    entry = modality == 0 ? choice.image : choice.text;
    if (!entry)
      entry = only_matrix(option->file, modality);
    if (!entry)
      return cgap_refuse_missing(option->file, name ? name : NAME[modality], name ? name : option->name, error);
  }
  cgap_status status = cgap_role_datasets_add(series, option->file, entry, error);
  cgap_role_datasets_explain(series, "given explicitly");
  return status;
}

static modality_request request_for(const cgap_dataset *d, int modality, size_t input)
{
  const cgap_dataset_option *option = &d->option[modality];
  if (option->none)
    return (modality_request){0};
  if (option->file) /* found already, and here only compared with the other modality */
    return (modality_request){.wanted = true, .fixed = d->role[modality].taken->entry};
  if (!option->given)
    return (modality_request){.wanted = true};
  const cgap_entry *entry = cgap_input_find(&d->inputs[input], option->path);
  return (modality_request){.wanted = entry != NULL, .fixed = entry};
}

static cgap_status find_in_input(cgap_dataset *d, size_t i, cgap_error *error)
{
  const cgap_input *input = &d->inputs[i];
  chosen_pair choice;
  cgap_status status = choose_modalities(&choice, input, request_for(d, 0, i), request_for(d, 1, i), error);
  for (int modality = 0; modality < 2 && status == CGAP_OK; modality++) {
    const cgap_entry *entry = modality == 0 ? choice.image : choice.text;
    cgap_role_datasets *series = &d->role[modality];
    if (!entry || d->option[modality].file)
      continue;
    status = cgap_role_datasets_add(series, input->file, entry, error);
    char why[200] = "given explicitly";
    if (!d->option[modality].given)
      explain_choice(why, sizeof why, input->file, entry, WORD[modality]);
    if (series->count == 1 || !series->why)
      cgap_role_datasets_explain(series, "%s", why);
  }
  return status;
}

static bool series_has_file(const cgap_role_datasets *series, const cgap_file *file)
{
  for (size_t i = 0; i < series->count; i++)
    if (series->taken[i].file == file)
      return true;
  return false;
}

/* Either each shard has both modalities, or each file has one. A file that breaks the pattern is a mistake. */
static cgap_status check_shards(const cgap_dataset *d, cgap_error *error)
{
  const cgap_role_datasets *image = &d->role[CGAP_ROLE_IMAGE], *text = &d->role[CGAP_ROLE_TEXT];
  if (d->option[0].file || d->option[1].file || text->count == 0 || image->count == 0)
    return CGAP_OK;
  size_t both = 0;
  const cgap_file *odd = NULL, *whole = NULL;
  int lacking = 0;
  for (size_t i = 0; i < d->input_count; i++) {
    bool has_image = series_has_file(image, d->inputs[i].file), has_text = series_has_file(text, d->inputs[i].file);
    both += has_image && has_text;
    if (has_image && has_text) {
      whole = d->inputs[i].file;
    } else {
      odd = d->inputs[i].file;
      lacking = has_image ? 1 : 0;
    }
    if (!has_image && !has_text)
      return cgap_fail_named(error, CGAP_FILE, d->data.names,
                             "%s: neither {image} nor {text} found, the other files have them; leave it out or "
                             "give `image` and `text`",
                             d->inputs[i].file->path);
  }
  if (both > 0 && odd)
    return cgap_fail(error, CGAP_FILE,
                     "%s: no %s found, %zu of %zu files have one, %s has both; leave one of them out, or give %s",
                     odd->path, cgap_modality_name(d->data.names[lacking], lacking),
                     lacking ? text->count : image->count, d->input_count, whole->path, OPTION[lacking]);
  return CGAP_OK;
}

/* Shard k of the images goes with shard k of the texts: one that is missing would pair the wrong rows. */
static cgap_status check_numbers(const cgap_dataset *d, const cgap_entry *image, const cgap_entry *text,
                                 cgap_error *error)
{
  if (image->piece_count < 2 || text->piece_count < 2)
    return CGAP_OK;
  const size_t both = cgap_lesser(image->piece_count, text->piece_count);
  size_t i = 0;
  while (i < both && image->pieces[i].number == text->pieces[i].number)
    i++;
  if (i == both && image->piece_count == text->piece_count)
    return CGAP_OK;
  const cgap_entry *longer =
    i == text->piece_count || (i < image->piece_count && image->pieces[i].number < text->pieces[i].number) ? image
                                                                                                           : text;
  return cgap_fail_named(
    error, CGAP_FILE, d->data.names,
    "%s has no shard of its number in the other modality (%zu {image} shards, %zu {text} shards); add it or "
    "leave this one out",
    longer->pieces[i].path, image->piece_count, text->piece_count);
}

/* Whether something is named for a modality that it cannot be. */
static bool has_misfit(const cgap_dataset *d, unsigned modality)
{
  bool any = false;
  for (size_t i = 0; i < d->input_count; i++)
    for (size_t k = 0; k < d->inputs[i].file->count; k++)
      any = any || is_misfit(&d->inputs[i].file->entries[k], modality);
  return any;
}

/* An audit measures one modality by itself whatever it is called: the only array of the only file is it. */
static cgap_status find_only_array(cgap_dataset *d, cgap_error *error)
{
  const cgap_entry *only = NULL;
  const bool asked = d->option[0].given || d->option[1].given, found = d->role[0].count || d->role[1].count;
  if (!d->one_modality || !d->for_audit || asked || found || d->input_count != 1)
    return CGAP_OK;
  const cgap_file *file = d->inputs[0].file;
  for (size_t k = 0; k < file->count; k++) {
    const cgap_entry *e = &file->entries[k];
    if (e->kind != CGAP_KIND_FLOAT || e->ndim != 2 || e->alias)
      continue;
    if (only)
      return CGAP_OK;
    only = e;
  }
  if (!only || ((cgap_name_words_of(only->path).leaf | cgap_name_words_of(only->path).parent) & CGAP_WORD_CLASS))
    return CGAP_OK;
  const cgap_status status = cgap_role_datasets_add(&d->role[CGAP_ROLE_IMAGE], file, only, error);
  cgap_role_datasets_explain(&d->role[CGAP_ROLE_IMAGE], "the only array of rows");
  return status;
}

static cgap_status check_found(const cgap_dataset *d, cgap_error *error)
{
  for (int modality = 0; modality < 2; modality++) {
    const cgap_role_datasets *series = &d->role[modality];
    const cgap_dataset_option *option = &d->option[modality];
    if (option->given && series->count == 0 && !(modality == 1 && option->none))
      return cgap_refuse_missing(d->inputs[0].file, option->path, option->name, error);
  }
  if (d->role[CGAP_ROLE_IMAGE].count == 0 && d->one_modality && d->role[CGAP_ROLE_TEXT].count > 0 &&
      !has_misfit(d, CGAP_WORD_IMAGE))
    return check_modality(&d->role[CGAP_ROLE_TEXT], 1, error);
  if (d->role[CGAP_ROLE_IMAGE].count == 0)
    return refuse_none(d, 0, error);
  cgap_status status = check_modality(&d->role[CGAP_ROLE_IMAGE], 0, error);
  if (status != CGAP_OK)
    return status;
  /* class texts may take the place of texts; they are searched later */
  if (d->role[CGAP_ROLE_TEXT].count == 0)
    return CGAP_OK;
  status = check_shards(d, error);
  if (status == CGAP_OK)
    status = check_modality(&d->role[CGAP_ROLE_TEXT], 1, error);
  const cgap_chosen_dataset *image = d->role[CGAP_ROLE_IMAGE].taken, *text = d->role[CGAP_ROLE_TEXT].taken;
  if (status == CGAP_OK && !d->for_audit && cgap_chosen_dataset_dim(image) != cgap_chosen_dataset_dim(text))
    return cgap_fail(
      error, CGAP_DATA, "%s and %s have d = %zu and %zu: not one joint space; give `image` and `text` of one model%s",
      image->entry->name, text->entry->name, cgap_chosen_dataset_dim(image), cgap_chosen_dataset_dim(text),
      cgap_chosen_dataset_rows(image) == cgap_chosen_dataset_rows(text)
        ? ", or, if the items are the columns, the transposed matrices"
        : "");
  return status == CGAP_OK ? check_numbers(d, image->entry, text->entry, error) : status;
}

cgap_status cgap_find_modalities(cgap_dataset *d, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (int modality = 0; modality < 2 && status == CGAP_OK; modality++)
    if (d->option[modality].file)
      status = find_in_own_file(d, modality, error);
  const bool both_found = d->option[0].file && d->option[1].file;
  for (size_t i = 0; i < d->input_count && status == CGAP_OK && !both_found; i++)
    status = find_in_input(d, i, error);
  if (status == CGAP_OK)
    status = find_only_array(d, error);
  return status == CGAP_OK ? check_found(d, error) : status;
}

cgap_status cgap_modalities_refuse(const cgap_dataset *d, cgap_role modality, cgap_error *error)
{
  if (modality == CGAP_ROLE_TEXT && d->option[CGAP_ROLE_TEXT].none && !d->one_modality)
    return cgap_fail_named(
      error, CGAP_FILE, d->data.names,
      "%s: no {texts} are wanted (`text` none), and no labels and class texts take their place; give "
      "`labels` and `class_text`",
      d->role[CGAP_ROLE_IMAGE].name);
  return refuse_none(d, (int)modality, error);
}

cgap_status cgap_modalities_check_unread(const cgap_dataset *d, cgap_error *error)
{
  for (size_t i = 0; i < d->input_count; i++) {
    const cgap_file *file = d->inputs[i].file;
    for (size_t k = 0; k < file->count; k++) {
      const cgap_entry *e = &file->entries[k];
      if ((e->kind == CGAP_KIND_OTHER || d->data.class_text.rows == 0) && !e->alias && is_misfit(e, CGAP_WORD_TEXT))
        return check_one(&(cgap_chosen_dataset){file, e}, CGAP_ROLE_TEXT, error);
    }
  }
  return CGAP_OK;
}
