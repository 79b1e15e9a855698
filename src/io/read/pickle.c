/* Walks over the opcodes of a pickle: how long each argument is, and which names are imported. Nothing is built. */
#include "io/read/pickle.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct word {
  const char *text;
  size_t length;
} word;

/* Bytes of the opcode with its argument, at most `left`; 0: it ends elsewhere, or is none. */
static size_t length_of(const unsigned char *at, size_t left)
{
  static const struct {
    const char *codes;
    size_t fixed, counted; /* bytes of the argument; bytes of its length, which comes first */
  } FORMS[] = {
    {"hqK\x80\x82", 1, 0},  {"M\x83", 2, 0},
    {"Jjr\x84", 4, 0},      {"G\x95", 8, 0},
    {"UC\x8c\x8a", 0, 1},   {"TXB\x8b", 0, 4},
    {"\x8d\x8e\x96", 0, 8}, {"(012NQRabdelostu)}]\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98", 0, 0}};
  for (size_t i = 0; at[0] && i < sizeof FORMS / sizeof *FORMS; i++) {
    uint64_t length = 1 + FORMS[i].fixed + FORMS[i].counted, value = 0;
    if (!strchr(FORMS[i].codes, (char)at[0]))
      continue;
    for (size_t k = FORMS[i].counted; k > 0 && length <= left; k--)
      value = value << 8 | at[k];
    return length <= left && value <= left - length ? (size_t)(length + value) : 0;
  }
  const size_t lines = at[0] && strchr("ILFSVgpP", (char)at[0]) ? 1 : at[0] == 'c' || at[0] == 'i' ? 2 : 0;
  const unsigned char *end = at;
  for (size_t i = 0; i < lines && end; i++)
    end = memchr(end + 1, '\n', left - (size_t)(end - at) - 1);
  return lines && end ? (size_t)(end - at) + 1 : 0;
}

static bool is_plain(word module, word name)
{
  static const char *const KNOWN[] = {"numpy.core.",   "numpy._core.",           "numpy.ndarray",
                                      "numpy.dtype",   "torch._utils._rebuild_", "collections.OrderedDict",
                                      "_codecs.encode"};
  char full[100];
  (void)snprintf(full, sizeof full, "%.*s.%.*s", (int)module.length, module.text, (int)name.length, name.text);
  for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
    if (!strncmp(full, KNOWN[i], strlen(KNOWN[i])))
      return true;
  return !strncmp(full, "torch.", 6) && strstr(full, "Storage");
}

bool cgap_pickle_calls(char *out, size_t size, const unsigned char *bytes, size_t count)
{
  enum { NAME_MAX_BYTES = 80 };
  word module = {0}, name = {0}; /* the last two strings, which STACK_GLOBAL takes */
  size_t length = 0;
  for (size_t at = 0; at < count && (length = length_of(bytes + at, count - at)) > 0; at += length) {
    const char *text = (const char *)bytes + at + 1;
    const char code = (char)bytes[at];
    if (code == 'c' || code == 'i') {
      module = (word){text, (size_t)((const char *)memchr(text, '\n', length) - text)};
      name = (word){text + module.length + 1, length - module.length - 3};
    } else if (code == '\x8c') {
      module = name;
      name = (word){text + 1, length - 2};
    } else if (code != '\x93' && code != '\x94') { /* MEMOIZE may come between */
      module = name = (word){0};
    }
    if ((code == 'c' || code == 'i' || code == '\x93') && module.text && module.length + name.length < NAME_MAX_BYTES &&
        !is_plain(module, name)) {
      (void)snprintf(out, size, "%.*s.%.*s", (int)module.length, module.text, (int)name.length, name.text);
      return true;
    }
  }
  return false;
}
