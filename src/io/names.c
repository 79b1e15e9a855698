#include "io/names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { TOKEN_MAX = 64 };

/* A token that starts with `start` (or is it, where whole) has the flag. The rest of a modality's word is
 * looked up again: "imgemb" is img and emb. */
static const struct {
  const char *start;
  unsigned flag;
  bool whole;
} WORDS[] = {
  {"imagenet", 0, false}, /* a data set, not a modality */
  {"image", CGAP_WORD_IMAGE, false},
  {"img", CGAP_WORD_IMAGE, false},
  {"visual", CGAP_WORD_IMAGE, false},
  {"vision", CGAP_WORD_IMAGE, false},
  {"photo", CGAP_WORD_IMAGE, false},
  {"text", CGAP_WORD_TEXT, false},
  {"txt", CGAP_WORD_TEXT, false},
  {"caption", CGAP_WORD_TEXT, false},
  {"sentence", CGAP_WORD_TEXT, false},
  {"title", CGAP_WORD_TEXT, false},
  {"prompt", CGAP_WORD_TEXT, false},
  {"emb", CGAP_WORD_EMBEDDING, false},
  {"feat", CGAP_WORD_EMBEDDING, false},
  {"class", CGAP_WORD_CLASS, false},
  {"label", CGAP_WORD_LABEL, false},
  {"target", CGAP_WORD_LABEL, false},
  {"id", CGAP_WORD_ID, true},
  {"ids", CGAP_WORD_ID, true},
  {"key", CGAP_WORD_ID, true},
  {"keys", CGAP_WORD_ID, true},
  {"name", CGAP_WORD_ID, true},
  {"names", CGAP_WORD_ID, true},
  {"filename", CGAP_WORD_ID, true},
  {"filenames", CGAP_WORD_ID, true},
  {"index", CGAP_WORD_INDEX, true},
  {"idx", CGAP_WORD_INDEX, true},
  {"indices", CGAP_WORD_INDEX, true},
  {"indexes", CGAP_WORD_INDEX, true},
  {"row", CGAP_WORD_INDEX, true},
  {"rows", CGAP_WORD_INDEX, true},
  {"mask", CGAP_WORD_SIDELINE, false},
  {"mean", CGAP_WORD_SIDELINE, true},
  {"std", CGAP_WORD_SIDELINE, true},
  {"size", CGAP_WORD_SIDELINE, false},
  {"length", CGAP_WORD_SIDELINE, false},
  {"loss", CGAP_WORD_SIDELINE, true},
  {"score", CGAP_WORD_SIDELINE, false},
  {"logit", CGAP_WORD_SIDELINE, false},
  {"token", CGAP_WORD_SIDELINE, false},
  {"attention", CGAP_WORD_SIDELINE, false},
  {"box", CGAP_WORD_SIDELINE, false},
  {"weight", CGAP_WORD_SIDELINE, false},
  {"proj", CGAP_WORD_SIDELINE, false},
};

static void keep_word(cgap_words *words, unsigned flag, const char *word)
{
  char *to = flag == CGAP_WORD_IMAGE ? words->image_word : words->text_word;
  if (flag & CGAP_WORD_MODALITY && !to[0])
    (void)snprintf(to, sizeof words->image_word, "%s", word);
}

static unsigned look_up(const char *token, cgap_words *words, unsigned before)
{
  for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
    size_t length = strlen(WORDS[i].start);
    bool hit = WORDS[i].whole ? !strcmp(token, WORDS[i].start) : !strncmp(token, WORDS[i].start, length);
    if (!hit)
      continue;
    unsigned flag = WORDS[i].flag;
    keep_word(words, flag, WORDS[i].start);
    if (flag == CGAP_WORD_IMAGE && (before & CGAP_WORD_TEXT))
      words->text_first = true;
    return flag & CGAP_WORD_MODALITY ? flag | look_up(token + length, words, before | flag) : flag;
  }
  return 0;
}

/* Splits at everything that is no letter, and where a capital follows a small letter. */
static unsigned component_words(const char *name, size_t length, cgap_words *words)
{
  unsigned flags = 0;
  char token[TOKEN_MAX];
  size_t used = 0;
  for (size_t i = 0; i <= length; i++) {
    unsigned char c = i < length ? (unsigned char)name[i] : 0;
    bool starts = i > 0 && isupper(c) && islower((unsigned char)name[i - 1]);
    if ((!isalpha(c) || starts) && used > 0) {
      token[used] = '\0';
      flags |= look_up(token, words, flags);
      used = 0;
    }
    if (isalpha(c) && used + 1 < sizeof token)
      token[used++] = (char)tolower(c);
  }
  return flags;
}

cgap_words cgap_words_of(const char *path)
{
  cgap_words words = {0};
  const char *end = path + strlen(path);
  bool leaf = true, parent = false;
  while (end > path) {
    const char *start = end;
    while (start > path && start[-1] != '/')
      start--;
    cgap_words found = {0};
    unsigned flags = component_words(start, (size_t)(end - start), &found);
    unsigned modality = flags & CGAP_WORD_MODALITY;
    if (leaf) {
      words = found;
      words.leaf = flags;
    } else {
      words.parent |= parent ? flags : 0;
      if (!words.group && modality != CGAP_WORD_MODALITY)
        words.group = modality;
      if (!words.leaf) {
        keep_word(&words, CGAP_WORD_IMAGE, found.image_word);
        keep_word(&words, CGAP_WORD_TEXT, found.text_word);
      }
    }
    parent = leaf;
    leaf = false;
    end = start > path ? start - 1 : path;
  }
  unsigned own = words.leaf & CGAP_WORD_MODALITY;
  words.side = own == CGAP_WORD_MODALITY ? 0 : own ? own : words.group;
  return words;
}

unsigned cgap_words_of_file(const char *path)
{
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  const char *dot = strrchr(name, '.');
  cgap_words unused = {0};
  return component_words(name, dot ? (size_t)(dot - name) : strlen(name), &unused) & CGAP_WORD_MODALITY;
}
