/* Which dataset is the image and which the text, by the words in their names. */
#include "io/find/dataset_internal.h"

#include "base/text_buffer.h"
#include "io/read/name_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What each sign is worth. A shared d outweighs every name, since two sides of different d are no joint space. */
enum {
  WORTH_NAME = 10,
  WORTH_GROUP = 8,
  WORTH_FILE = 3,
  WORTH_NONE = 2, /* "features" beside "txt_features" */
  WORTH_EMBEDDING = 3,
  WORTH_EMBEDDING_GROUP = 2,
  WORTH_SIDELINE = -6,
  WORTH_LABELLED = -1, /* some of the images, where there are images */
  WORTH_SAME_DIM = 40,
  WORTH_SAME_GROUP = 6,
  POOL_MAX = 4096
};

typedef struct candidate {
  const cgap_entry *entry;
  int score;
} candidate;

typedef struct pool {
  candidate item[POOL_MAX];
  size_t count;
} pool;

static bool named_for(const cgap_words *w, unsigned side)
{
  if (w->leaf & CGAP_WORD_CLASS)
    return false;
  if (w->leaf & CGAP_WORD_LABEL && !(w->leaf & CGAP_WORD_EMBEDDING)) /* target_image_features are no labels */
    return false;
  return !(side == CGAP_WORD_TEXT && (w->parent & CGAP_WORD_CLASS));
}

static unsigned words_of_file(const cgap_file *file)
{
  return file->loose ? 0 : cgap_words_of_file(file->path);
}

/* How well a name fits a side; 0: not at all. */
static int name_score(const cgap_file *file, const cgap_entry *entry, unsigned side)
{
  cgap_words w = cgap_words_of(entry->path);
  unsigned own = w.leaf & CGAP_WORD_MODALITY;
  unsigned of_file = words_of_file(file);
  int score = 0;
  if (entry->side)
    return entry->side == side ? WORTH_NAME : 0;
  if (!named_for(&w, side) || strstr(entry->path, "/arithmetic/"))
    return 0;
  if (w.side)
    score = w.side != side ? 0 : own ? WORTH_NAME : WORTH_GROUP;
  else if (own)
    score = 0; /* both modalities in one name */
  else if (of_file == side)
    score = WORTH_FILE;
  else if (side == CGAP_WORD_IMAGE && of_file != CGAP_WORD_TEXT && (w.leaf & CGAP_WORD_EMBEDDING))
    score = WORTH_NONE;
  if (score == 0)
    return 0;
  score += w.leaf & CGAP_WORD_EMBEDDING ? WORTH_EMBEDDING : 0;
  score += w.parent & CGAP_WORD_EMBEDDING ? WORTH_EMBEDDING_GROUP : 0;
  score += w.leaf & (CGAP_WORD_SIDELINE | CGAP_WORD_LABEL) ? WORTH_SIDELINE : 0;
  score += w.leaf & CGAP_WORD_LABELLED ? WORTH_LABELLED : 0;
  return score > 1 ? score : 1;
}

static bool in_scope(const cgap_input *input, const cgap_entry *entry)
{
  size_t length = input->inside ? strlen(input->inside) : 0;
  if (length == 0)
    return true;
  return !strncmp(entry->path, input->inside, length) && (entry->path[length] == '\0' || entry->path[length] == '/');
}

static bool fits(const cgap_entry *entry, unsigned side)
{
  return entry->kind == CGAP_KIND_FLOAT &&
         (entry->rank == 2 || (entry->rank == 3 && (side == CGAP_WORD_TEXT || cgap_entry_middle(entry) == 0)));
}

static unsigned side_of(const cgap_entry *entry)
{
  return entry->side ? entry->side : cgap_words_of(entry->path).side;
}

static cgap_status collect(pool *p, const cgap_input *input, cgap_wish wish, unsigned side, cgap_error *error)
{
  bool named = false;
  p->count = 0;
  if (!wish.wanted)
    return CGAP_OK;
  if (wish.fixed) {
    p->item[p->count++] = (candidate){wish.fixed, 0};
    return CGAP_OK;
  }
  for (size_t i = 0; i < input->file->count; i++) {
    const cgap_entry *entry = &input->file->entries[i];
    int score = fits(entry, side) && in_scope(input, entry) ? name_score(input->file, entry, side) : 0;
    if (score > 0 && p->count == POOL_MAX)
      return cgap_fail(error, CGAP_FILE, "%s: more than %d datasets may be the %s; give --image and --text",
                       input->file->path, POOL_MAX, side == CGAP_WORD_IMAGE ? "image" : "text");
    if (score > 0)
      p->item[p->count++] = (candidate){entry, score};
    named = named || (score > 0 && side_of(entry) == side);
  }
  /* names that only fit for want of better ones */
  size_t kept = 0;
  for (size_t i = 0; i < p->count; i++) {
    if (!named || side_of(p->item[i].entry) == side)
      p->item[kept++] = p->item[i];
  }
  p->count = kept;
  return CGAP_OK;
}

bool cgap_entry_neighbours(const cgap_entry *a, const cgap_entry *b)
{
  size_t na = (size_t)(strrchr(a->path, '/') - a->path), nb = (size_t)(strrchr(b->path, '/') - b->path);
  return na == nb && !memcmp(a->path, b->path, na);
}

bool cgap_entry_same(const cgap_entry *a, const cgap_entry *b)
{
  const bool links = !a->pieces && !b->pieces && (a->alias || b->alias);
  return a == b || (links && a->number == b->number && a->address == b->address);
}

static size_t last_size(const cgap_entry *e)
{
  return e->rank > 0 && e->rank <= CGAP_SHAPE_MAX ? e->shape[e->rank - 1] : 0;
}

static int pair_score(const candidate *image, const candidate *text)
{
  int score = (image ? image->score : 0) + (text ? text->score : 0);
  if (image && text) {
    score += last_size(image->entry) == last_size(text->entry) ? WORTH_SAME_DIM : 0;
    score += cgap_entry_neighbours(image->entry, text->entry) ? WORTH_SAME_GROUP : 0;
  }
  return score;
}

typedef struct search {
  int best;
  size_t ties; /* pairs that score best */
  cgap_choice choice;
  char *list; /* of them, numbered */
  bool ask_image, ask_text;
} search;

static bool same_or_none(const cgap_entry *a, const candidate *b)
{
  return a && b ? cgap_entry_same(a, b->entry) : !a && !b;
}

static bool same_choice(const cgap_choice *choice, const candidate *image, const candidate *text)
{
  return same_or_none(choice->image, image) && same_or_none(choice->text, text);
}

static void offer(search *s, const candidate *image, const candidate *text)
{
  int score = pair_score(image, text);
  if ((!image && !text) || (image && text && image->entry == text->entry && (s->ask_image || s->ask_text)))
    return;
  if (score < s->best)
    return;
  if (score == s->best && same_choice(&s->choice, image, text)) /* under another name */
    return;
  if (score > s->best) {
    s->best = score;
    s->ties = 0;
    free(s->list);
    s->list = NULL;
    s->choice = (cgap_choice){image ? image->entry : NULL, text ? text->entry : NULL};
  }
  s->ties++;
  if (s->ties > 12)
    return;
  cgap_append(&s->list, " %zu)", s->ties);
  if (s->ask_image && image)
    cgap_append(&s->list, " --image %s", image->entry->path);
  if (s->ask_text && text)
    cgap_append(&s->list, " --text %s", text->entry->path);
}

cgap_status cgap_choose(cgap_choice *out, const cgap_input *input, cgap_wish image, cgap_wish text, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  search s = {.best = -1, .ask_image = image.wanted && !image.fixed, .ask_text = text.wanted && !text.fixed};
  *out = (cgap_choice){0};
  pool *images = calloc(1, sizeof *images), *texts = calloc(1, sizeof *texts);
  if (!images || !texts) {
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", input->file->path);
    goto done;
  }
  status = collect(images, input, image, CGAP_WORD_IMAGE, error);
  if (status == CGAP_OK)
    status = collect(texts, input, text, CGAP_WORD_TEXT, error);
  if (status != CGAP_OK)
    goto done;
  for (size_t i = 0; i < (images->count ? images->count : 1); i++) {
    for (size_t j = 0; j < (texts->count ? texts->count : 1); j++)
      offer(&s, images->count ? &images->item[i] : NULL, texts->count ? &texts->item[j] : NULL);
  }
  if (s.ties > 1)
    status = cgap_fail(error, CGAP_FILE, "%s: %zu choices are equally good; give one of:%s%s", input->file->path,
                       s.ties, s.list ? s.list : "", s.ties > 12 ? " …" : "");
  else
    *out = s.choice;
done:
  free(s.list);
  free(images);
  free(texts);
  return status;
}

void cgap_choose_explain(char *out, size_t size, const cgap_file *file, const cgap_entry *entry, unsigned side)
{
  cgap_words w = cgap_words_of(entry->path);
  const char *word = side == CGAP_WORD_IMAGE ? w.image_word : w.text_word;
  if (entry->side)
    (void)snprintf(out, size, "%s", entry->side_why);
  else if (w.side == side)
    (void)snprintf(out, size, "\"%s\" in the name of the %s%s", word, w.leaf & CGAP_WORD_MODALITY ? "dataset" : "group",
                   w.leaf & CGAP_WORD_EMBEDDING ? ", and it says embedding or feature" : "");
  else if (words_of_file(file) == side)
    (void)snprintf(out, size, "the file's name says it");
  else
    (void)snprintf(out, size, "no dataset is named for images; this one says embedding or feature");
}

bool cgap_choose_misfit(const cgap_entry *entry, unsigned side)
{
  cgap_words w = cgap_words_of(entry->path);
  bool about = w.leaf & (CGAP_WORD_ID | CGAP_WORD_INDEX | CGAP_WORD_SIDELINE);
  bool pickled = entry->kind == CGAP_KIND_OTHER && entry->obstacle;
  return w.side == side && named_for(&w, side) && !about && !fits(entry, side) && entry->kind != CGAP_KIND_STRING &&
         (entry->rank >= 2 || pickled) && !strstr(entry->path, "/arithmetic/");
}
