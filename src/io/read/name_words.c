#include "io/read/name_words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { TOKEN_MAX = 64 };

/* A token is a run of these words and nothing else: "imgembs" is img and emb…, "texture" is no text. A PART may have a
 * plural s and others after it, a STEM takes the rest of the token, a WHOLE is the token. A word of flag 0 says
 * nothing, but may stand between others. */
typedef enum word_form { PART, STEM, WHOLE } word_form;

static const struct {
  const char *text;
  word_form form;
  unsigned flag;
} WORDS[] = {
  {"imagenet", STEM, 0}, /* a data set, not a modality */
  {"image", PART, CGAP_WORD_IMAGE},
  {"imagery", PART, CGAP_WORD_IMAGE},
  {"img", PART, CGAP_WORD_IMAGE},
  {"visual", PART, CGAP_WORD_IMAGE},
  {"vision", PART, CGAP_WORD_IMAGE},
  {"photo", PART, CGAP_WORD_IMAGE},
  {"photograph", PART, CGAP_WORD_IMAGE},
  {"text", PART, CGAP_WORD_TEXT},
  {"textual", PART, CGAP_WORD_TEXT},
  {"txt", PART, CGAP_WORD_TEXT},
  {"caption", PART, CGAP_WORD_TEXT},
  {"sentence", PART, CGAP_WORD_TEXT},
  {"title", PART, CGAP_WORD_TEXT},
  {"prompt", PART, CGAP_WORD_TEXT},
  {"emb", STEM, CGAP_WORD_EMBEDDING},
  {"feat", STEM, CGAP_WORD_EMBEDDING},
  {"class", STEM, CGAP_WORD_CLASS},
  {"labeled", WHOLE, CGAP_WORD_LABELLED}, /* labelled images are images */
  {"labelled", WHOLE, CGAP_WORD_LABELLED},
  {"label", STEM, CGAP_WORD_LABEL},
  {"target", STEM, CGAP_WORD_LABEL},
  {"id", PART, CGAP_WORD_ID},
  {"key", PART, CGAP_WORD_ID},
  {"name", PART, CGAP_WORD_ID},
  {"filename", PART, CGAP_WORD_ID},
  {"file", PART, CGAP_WORD_ID},
  {"path", PART, CGAP_WORD_ID},
  {"filepath", PART, CGAP_WORD_ID},
  {"uid", PART, CGAP_WORD_ID},
  {"uuid", PART, CGAP_WORD_ID},
  {"cocoid", PART, CGAP_WORD_ID},
  {"hash", PART, CGAP_WORD_ID},
  {"md", WHOLE, CGAP_WORD_ID}, /* md5, sha256 */
  {"sha", WHOLE, CGAP_WORD_ID},
  {"index", PART, CGAP_WORD_INDEX},
  {"idx", PART, CGAP_WORD_INDEX},
  {"indices", PART, CGAP_WORD_INDEX},
  {"indexes", PART, CGAP_WORD_INDEX},
  {"row", PART, CGAP_WORD_INDEX},
  {"indptr", PART, CGAP_WORD_POINTER | CGAP_WORD_SIDELINE},
  {"ptr", PART, CGAP_WORD_POINTER | CGAP_WORD_SIDELINE},
  {"pointer", PART, CGAP_WORD_POINTER | CGAP_WORD_SIDELINE},
  {"offset", PART, CGAP_WORD_POINTER | CGAP_WORD_SIDELINE},
  {"start", WHOLE, CGAP_WORD_POINTER | CGAP_WORD_SIDELINE},
  {"starts", WHOLE, CGAP_WORD_POINTER | CGAP_WORD_SIDELINE},
  {"splits", WHOLE, CGAP_WORD_POINTER | CGAP_WORD_SIDELINE}, /* of TensorFlow's ragged tensors; "split" is another */
  {"boundaries", PART, CGAP_WORD_POINTER | CGAP_WORD_SIDELINE},
  {"bound", PART, CGAP_WORD_POINTER | CGAP_WORD_SIDELINE},
  {"ends", WHOLE, CGAP_WORD_POINTER | CGAP_WORD_SIDELINE},
  {"cumsum", PART, CGAP_WORD_POINTER | CGAP_WORD_SIDELINE},
  {"length", STEM, CGAP_WORD_COUNT | CGAP_WORD_SIDELINE},
  {"len", PART, CGAP_WORD_COUNT | CGAP_WORD_SIDELINE},
  {"count", PART, CGAP_WORD_COUNT | CGAP_WORD_SIDELINE},
  {"num", PART, CGAP_WORD_COUNT | CGAP_WORD_SIDELINE},
  {"number", WHOLE, CGAP_WORD_COUNT | CGAP_WORD_SIDELINE},
  {"n", WHOLE, CGAP_WORD_COUNT | CGAP_WORD_SIDELINE},
  {"per", PART, CGAP_WORD_COUNT | CGAP_WORD_SIDELINE},
  {"pair", PART, CGAP_WORD_PAIRS},
  {"pairing", PART, CGAP_WORD_PAIRS},
  {"matches", WHOLE, CGAP_WORD_PAIRS},
  {"correspondence", PART, CGAP_WORD_PAIRS},
  {"mask", STEM, CGAP_WORD_SIDELINE},
  {"mean", WHOLE, CGAP_WORD_SIDELINE},
  {"std", WHOLE, CGAP_WORD_SIDELINE},
  {"size", STEM, CGAP_WORD_SIDELINE},
  {"loss", WHOLE, CGAP_WORD_SIDELINE},
  {"score", STEM, CGAP_WORD_SIDELINE},
  {"logit", STEM, CGAP_WORD_SIDELINE},
  {"token", STEM, CGAP_WORD_SIDELINE},
  {"attention", STEM, CGAP_WORD_SIDELINE},
  {"box", STEM, CGAP_WORD_SIDELINE},
  {"weight", STEM, CGAP_WORD_SIDELINE},
  {"proj", STEM, CGAP_WORD_SIDELINE},
  {"url", PART, CGAP_WORD_SIDELINE},
  {"to", PART, CGAP_WORD_TO},
  {"all", PART, 0},
  {"arr", PART, 0},
  {"array", PART, 0},
  {"base", PART, 0},
  {"clip", PART, 0},
  {"cls", PART, 0},
  {"data", PART, 0},
  {"enc", PART, 0},
  {"end", WHOLE, 0},
  {"encoded", PART, 0},
  {"encoder", PART, 0},
  {"encoding", PART, 0},
  {"final", PART, 0},
  {"latent", PART, 0},
  {"mat", PART, 0},
  {"matrix", PART, 0},
  {"norm", PART, 0},
  {"normed", PART, 0},
  {"normalised", PART, 0},
  {"normalized", PART, 0},
  {"out", PART, 0},
  {"output", PART, 0},
  {"pooled", PART, 0},
  {"raw", PART, 0},
  {"repr", PART, 0},
  {"rep", PART, 0},
  {"side", PART, 0},
  {"tensor", PART, 0},
  {"test", PART, 0},
  {"tower", PART, 0},
  {"train", PART, 0},
  {"val", PART, 0},
  {"vec", PART, 0},
  {"vector", PART, 0},
};

static void note_word(cgap_name_words *words, unsigned flag, const char *word)
{
  char *to = flag & CGAP_WORD_IMAGE ? words->image_word : flag & CGAP_WORD_TEXT ? words->text_word : words->id_word;
  if (flag & (CGAP_WORD_MODALITY | CGAP_WORD_ID) && !to[0])
    (void)snprintf(to, sizeof words->image_word, "%s", word);
}

/* Adds the words that make up the token to flags and words; false, and nothing changed, where something is left. */
static bool read_token(const char *token, bool whole, unsigned *flags, cgap_name_words *words)
{
  if (!*token)
    return true;
  for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
    const size_t length = strlen(WORDS[i].text);
    const unsigned flag = WORDS[i].flag;
    if (strncmp(token, WORDS[i].text, length) != 0 || (WORDS[i].form == WHOLE && (!whole || token[length])))
      continue;
    const unsigned old_flags = *flags;
    const cgap_name_words old_words = *words;
    words->text_first = words->text_first || (flag & CGAP_WORD_IMAGE && *flags & CGAP_WORD_TEXT);
    *flags |= flag;
    note_word(words, flag, WORDS[i].text);
    const char *rest = WORDS[i].form == PART ? token + length : "";
    if (read_token(rest, false, flags, words) || (*rest == 's' && read_token(rest + 1, false, flags, words)))
      return true;
    *flags = old_flags;
    *words = old_words;
  }
  return false;
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
        words->more = !read_token(token, true, &flags, words) || words->more;
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
      if (!words.leaf) {
        note_word(&words, CGAP_WORD_IMAGE, found.image_word);
        note_word(&words, CGAP_WORD_TEXT, found.text_word);
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

unsigned cgap_name_words_of_file(const char *path)
{
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  const char *dot = strrchr(name, '.');
  cgap_name_words unused = {0};
  return component_words(name, dot ? (size_t)(dot - name) : strlen(name), &unused) & CGAP_WORD_MODALITY;
}
