#include "io/read/name_words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { TOKEN_MAX = 64 };

/* A token is a run of these words and nothing else: "imgembs" is img and emb…, "texture" is no text. A PART may have a
 * plural s and others after it, a STEM covers the rest of the token, a WHOLE is the token. A word of flag 0 has no
 * meaning, but may be among others. */
typedef enum word_form { PART, STEM, WHOLE } word_form;

/* Rows of words that mean the same, between blanks; of a token that several could begin, the first decides. */
static const struct {
  const char *words;
  word_form form;
  unsigned flag;
} WORDS[] = {
  {"imagenet", STEM, 0}, /* a data set, not a modality */
  {"image imagery img visual vision photo photograph", PART, CGAP_WORD_IMAGE},
  {"text textual txt caption sentence title prompt", PART, CGAP_WORD_TEXT},
  {"audio speech music sound video depth thermal lidar eeg fmri imu sketch protein molecule", PART, CGAP_WORD_OTHER},
  {"emb feat", STEM, CGAP_WORD_EMBEDDING},
  {"class", STEM, CGAP_WORD_CLASS},
  {"labeled labelled", WHOLE, CGAP_WORD_LABELLED}, /* labelled images are images */
  {"label target", STEM, CGAP_WORD_LABEL},
  {"id key name filename file path filepath uid uuid cocoid hash", PART, CGAP_WORD_ID},
  {"md sha", WHOLE, CGAP_WORD_ID}, /* md5, sha256 */
  {"index idx indices indexes row", PART, CGAP_WORD_INDEX},
  {"indptr ptr pointer offset boundaries bound cumsum", PART, CGAP_WORD_POINTER | CGAP_WORD_SIDELINE},
  /* splits: of TensorFlow's ragged tensors; "split" is another word */
  {"start starts splits ends", WHOLE, CGAP_WORD_POINTER | CGAP_WORD_SIDELINE},
  {"length", STEM, CGAP_WORD_COUNT | CGAP_WORD_SIDELINE},
  {"len count num per", PART, CGAP_WORD_COUNT | CGAP_WORD_SIDELINE},
  {"number n", WHOLE, CGAP_WORD_COUNT | CGAP_WORD_SIDELINE},
  {"pair pairing correspondence", PART, CGAP_WORD_PAIRS},
  {"matches", WHOLE, CGAP_WORD_PAIRS},
  {"mask size score logit token attention box weight proj", STEM, CGAP_WORD_SIDELINE},
  {"mean std loss", WHOLE, CGAP_WORD_SIDELINE},
  {"url", PART, CGAP_WORD_SIDELINE},
  {"to", PART, CGAP_WORD_TO},
  {"end", WHOLE, 0},
  {"all arr array base clip cls data enc encoded encoder encoding final latent mat matrix norm normed normalised "
   "normalized out output pooled raw repr rep side tensor test tower train val vec vector",
   PART, 0},
};

/* Keeps the first word of a kind, as it is in the table. */
static void note_word(cgap_name_words *words, unsigned flag, const char *word, size_t length)
{
  char *to = flag & CGAP_WORD_IMAGE   ? words->image_word
             : flag & CGAP_WORD_TEXT  ? words->text_word
             : flag & CGAP_WORD_OTHER ? words->other_word
                                      : words->id_word;
  if (flag & (CGAP_WORD_MODALITY | CGAP_WORD_OTHER | CGAP_WORD_ID) && !to[0])
    (void)snprintf(to, sizeof words->image_word, "%.*s", (int)length, word);
}

/* Adds the words that make up the token to flags and words; false, and nothing changed, where a rest is left. */
static bool read_token(const char *token, bool whole, unsigned *flags, cgap_name_words *words)
{
  if (!*token)
    return true;
  for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
    const unsigned flag = WORDS[i].flag;
    size_t length = 0;
    for (const char *word = WORDS[i].words; *word; word += length + (word[length] == ' ')) {
      length = strcspn(word, " ");
      if (strncmp(token, word, length) != 0 || (WORDS[i].form == WHOLE && (!whole || token[length])))
        continue;
      const unsigned old_flags = *flags;
      const cgap_name_words old_words = *words;
      words->text_first = words->text_first || (flag & CGAP_WORD_IMAGE && *flags & CGAP_WORD_TEXT);
      *flags |= flag;
      note_word(words, flag, word, length);
      const char *rest = WORDS[i].form == PART ? token + length : "";
      if (read_token(rest, false, flags, words) || (*rest == 's' && read_token(rest + 1, false, flags, words)))
        return true;
      *flags = old_flags;
      *words = old_words;
    }
  }
  return false;
}

/* Words of other modalities have no part in pairings and labels, so they count as not known there; and one that is
 * joined to a word of image or text, as in "videotext", is not known at all. */
static void read_whole_token(const char *token, unsigned *flags, cgap_name_words *words)
{
  const cgap_name_words before = *words;
  unsigned own = 0;
  bool known = read_token(token, true, &own, words);
  if (own & CGAP_WORD_OTHER && own & ~(unsigned)(CGAP_WORD_OTHER | CGAP_WORD_EMBEDDING)) {
    *words = before;
    own = 0;
    known = false;
  }
  words->text_first = words->text_first || (own & CGAP_WORD_IMAGE && *flags & CGAP_WORD_TEXT);
  words->more = words->more || !known || own & CGAP_WORD_OTHER;
  *flags |= own & ~(unsigned)CGAP_WORD_OTHER;
}

/* Splits at everything that is no letter, and where a capital follows a small letter. */
static unsigned component_words(const char *name, size_t length, cgap_name_words *words)
{
  unsigned flags = 0, of = 0; /* of: the modality before "of" or "for" */
  char token[TOKEN_MAX];
  size_t used = 0;
  for (size_t i = 0; i <= length; i++) {
    unsigned char c = i < length ? (unsigned char)name[i] : 0;
    bool starts = i > 0 && isupper(c) && islower((unsigned char)name[i - 1]);
    if ((!isalpha(c) || starts) && used > 0) {
      token[used] = '\0';
      if (!strcmp(token, "of") || !strcmp(token, "for"))
        of = flags & CGAP_WORD_MODALITY;
      else
        read_whole_token(token, &flags, words);
      used = 0;
    }
    if (isalpha(c) && used + 1 < sizeof token)
      token[used++] = (char)tolower(c);
    if (c == '2' && i > 0 && isalpha((unsigned char)name[i - 1]) && i + 1 < length &&
        isalpha((unsigned char)name[i + 1])) /* img2txt */
      flags |= CGAP_WORD_TO;
  }
  if (of && of != CGAP_WORD_MODALITY && (flags & CGAP_WORD_MODALITY) == CGAP_WORD_MODALITY) {
    words->text_first = of == CGAP_WORD_IMAGE; /* image_of_text is text_to_image */
    flags |= CGAP_WORD_TO;
  }
  return flags;
}

cgap_name_words cgap_name_words_of(const char *path)
{
  cgap_name_words words = {0};
  const char *end = path + strlen(path);
  bool leaf = true, parent = false;
  while (end > path) {
    const char *start = end;
    while (start > path && start[-1] != '/')
      start--;
    cgap_name_words found = {0};
    unsigned flags = component_words(start, (size_t)(end - start), &found);
    unsigned modality_flags = flags & CGAP_WORD_MODALITY;
    if (leaf) {
      words = found;
      words.leaf = flags;
    } else {
      words.parent |= parent ? flags : 0;
      if (!words.group && modality_flags != CGAP_WORD_MODALITY)
        words.group = modality_flags;
      if (!words.other_word[0])
        memcpy(words.other_word, found.other_word, sizeof words.other_word);
      if (!words.leaf) {
        note_word(&words, CGAP_WORD_IMAGE, found.image_word, sizeof found.image_word);
        note_word(&words, CGAP_WORD_TEXT, found.text_word, sizeof found.text_word);
      }
    }
    parent = leaf;
    leaf = false;
    end = start > path ? start - 1 : path;
  }
  unsigned own = words.leaf & CGAP_WORD_MODALITY;
  words.modality = own == CGAP_WORD_MODALITY ? 0 : own ? own : words.group;
  return words;
}

static unsigned file_words(const char *path, cgap_name_words *words)
{
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  const char *dot = strrchr(name, '.');
  *words = (cgap_name_words){0};
  return component_words(name, dot ? (size_t)(dot - name) : strlen(name), words);
}

unsigned cgap_name_words_of_file(const char *path)
{
  cgap_name_words unused;
  return file_words(path, &unused) & CGAP_WORD_MODALITY;
}

void cgap_other_word_of_file(char out[CGAP_WORD_SIZE], const char *path)
{
  cgap_name_words words;
  (void)file_words(path, &words);
  memcpy(out, words.other_word, CGAP_WORD_SIZE);
}
