#include "base/modality_names.h"

#include "base/language.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const DEFAULT[2] = {N_("image"), N_("text")};

/* Names of things that can be counted, which take an s; of others ("audio", "eeg") rows are counted. */
static const char *const COUNTED[] = {"image",    "text",  "caption",  "sentence", "title",  "prompt",   "photo",
                                      "picture",  "video", "clip",     "document", "query",  "question", "answer",
                                      "molecule", "cell",  "sequence", "protein",  "sketch", "song",     "sound",
                                      "recipe",   "scan",  "report",   "product",  "user",   "item",     "code"};

const char *cgap_modality_name(const char *name, int modality)
{
  return name && *name ? name : DEFAULT[modality];
}

static bool is_counted(const char *name)
{
  for (size_t i = 0; i < sizeof COUNTED / sizeof *COUNTED; i++)
    if (strcmp(name, COUNTED[i]) == 0)
      return true;
  return false;
}

/* What else data are called. */
static const char *const UNCOUNTED[] = {"audio",   "speech", "music",   "language", "vision",  "dna",   "rna",
                                        "eeg",     "fmri",   "meg",     "lidar",    "depth",   "text",  "imu",
                                        "tactile", "radar",  "thermal", "table",    "tabular", "graph", "ecg"};

bool cgap_is_modality_name(const char *name)
{
  const size_t length = strlen(name), singular = length > 1 && strchr("sS", name[length - 1]) ? length - 1 : length;
  bool found = false;
  for (size_t i = 0; i < sizeof COUNTED / sizeof *COUNTED; i++)
    found = found || (strncasecmp(COUNTED[i], name, singular) == 0 && strlen(COUNTED[i]) == singular) ||
            strcasecmp(COUNTED[i], name) == 0;
  for (size_t i = 0; i < sizeof UNCOUNTED / sizeof *UNCOUNTED; i++)
    found = found || strcasecmp(UNCOUNTED[i], name) == 0;
  return found;
}

const char *cgap_tr(const cgap_modality_names *names, const char *english)
{
  const char *words = names ? cgap_language_words(names->language, english) : NULL;
  return words ? words : english;
}

static const char *modality_in_language(const cgap_modality_names *names, int modality)
{
  const char *name = cgap_modality_name(names->of[modality], modality);
  const bool by_default = strcmp(name, DEFAULT[0]) == 0 || strcmp(name, DEFAULT[1]) == 0;
  return by_default ? cgap_tr(names, name) : name;
}

/* What the word in braces becomes; false where it is none of ours. translated: the words around it are, and names have
 * neither article nor plural. */
static bool put_in(char out[CGAP_NAME_SIZE + 16], const char *word, size_t length, const cgap_modality_names *names,
                   bool translated)
{
  for (int m = 0; m < 2; m++) {
    const struct {
      const char *word;
      bool article, singular, plural;
    } FORMS[] = {{m ? "text" : "image", false, false, false},
                 {m ? "texts" : "images", false, false, true},
                 {m ? "one text" : "one image", false, true, false},
                 {m ? "a text" : "an image", true, true, false}};
    const char *name = cgap_modality_name(names->of[m], m);
    for (size_t f = 0; f < sizeof FORMS / sizeof *FORMS; f++) {
      if (strlen(FORMS[f].word) != length || strncasecmp(FORMS[f].word, word, length) != 0)
        continue;
      if (translated) {
        (void)snprintf(out, CGAP_NAME_SIZE + 16, "%s", modality_in_language(names, m));
        return true;
      }
      const bool counted = is_counted(name), of_query = strcmp(name, "query") == 0;
      (void)snprintf(out, CGAP_NAME_SIZE + 16, "%s%s%s",
                     !FORMS[f].article                                  ? ""
                     : strchr("aeiouAEIOU", name[0]) && name[0] != '\0' ? "an "
                                                                        : "a ",
                     FORMS[f].plural && of_query ? "querie" : name,
                     FORMS[f].plural     ? (counted ? "s" : " rows")
                     : FORMS[f].singular ? (counted ? "" : " row")
                                         : "");
      if (isupper((unsigned char)word[0]))
        out[0] = (char)toupper((unsigned char)out[0]);
      return true;
    }
  }
  return false;
}

size_t cgap_modality_words(char *out, size_t size, const char *words, const cgap_modality_names *names)
{
  static const cgap_modality_names BY_DEFAULT;
  size_t used = 0;
  names = names ? names : &BY_DEFAULT;
  const char *translated = cgap_language_words(names->language, words);
  for (const char *at = translated ? translated : words; *at;) {
    char in[CGAP_NAME_SIZE + 16];
    const char *end = *at == '{' ? strchr(at, '}') : NULL;
    size_t length = 1;
    const char *from = at;
    if (end && put_in(in, at + 1, (size_t)(end - at) - 1, names, translated != NULL)) {
      from = in;
      length = strlen(in);
      at = end + 1;
    } else {
      at++;
    }
    for (size_t i = 0; i < length; i++, used++)
      if (used + 1 < size)
        out[used] = from[i];
  }
  if (size)
    out[used < size ? used : size - 1] = '\0';
  return used;
}

cgap_phrase cgap_phrase_of(const cgap_modality_names *names, const char *words)
{
  cgap_phrase out;
  (void)cgap_modality_words(out.s, sizeof out.s, words, names);
  return out;
}

int cgap_modality_vprintf(char *out, size_t size, const cgap_modality_names *names, const char *format, va_list values)
{
  enum { FORMAT_LETTERS = 1000, NAMES_MAX = 20 };
  char named[FORMAT_LETTERS + NAMES_MAX * (CGAP_NAME_SIZE + 16)];
  (void)cgap_modality_words(named, sizeof named, format, names);
  return vsnprintf(out, size, named, values);
}

int cgap_modality_printf(char *out, size_t size, const cgap_modality_names *names, const char *format, ...)
{
  va_list values;
  va_start(values, format);
  const int length = cgap_modality_vprintf(out, size, names, format, values);
  va_end(values);
  return length;
}

bool cgap_modality_names_default(const cgap_modality_names *names)
{
  return strcmp(cgap_modality_name(names->of[0], 0), DEFAULT[0]) == 0 &&
         strcmp(cgap_modality_name(names->of[1], 1), DEFAULT[1]) == 0;
}

cgap_modality_names cgap_modality_names_of(const char *const names[2])
{
  cgap_modality_names out = {0};
  for (int m = 0; m < 2; m++)
    (void)snprintf(out.of[m], sizeof out.of[m], "%s", cgap_modality_name(names[m], m));
  return out;
}

cgap_status cgap_fail_named(cgap_error *error, cgap_status status, const char *const names[2], const char *format, ...)
{
  char message[sizeof error->message];
  const cgap_modality_names put_in_names = cgap_modality_names_of(names);
  va_list values;
  va_start(values, format);
  (void)cgap_modality_vprintf(message, sizeof message, &put_in_names, format, values);
  va_end(values);
  return cgap_fail(error, status, "%s", message);
}

char *cgap_modality_format(const cgap_modality_names *names, const char *format, ...)
{
  va_list values, again;
  va_start(values, format);
  va_copy(again, values);
  const int length = cgap_modality_vprintf(NULL, 0, names, format, values);
  char *out = length < 0 ? NULL : malloc((size_t)length + 1);
  if (out)
    (void)cgap_modality_vprintf(out, (size_t)length + 1, names, format, again);
  va_end(again);
  va_end(values);
  return out;
}
