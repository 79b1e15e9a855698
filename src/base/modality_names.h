/* What the two modalities are called in words: templates such as "how far {images} and {texts} are apart" and the names
 * to put in. Every sentence, label and legend that speaks of the modalities is such a template, so that names given by
 * the user reach all of them and nothing else: values are put in afterwards and may hold braces.
 *
 * Here templates are translated as well, into the language of the names: whole, before names and values go in. Where
 * the language has no such template the sentence is English with English names, so that nothing that programs read,
 * such as the head of a table, changes with the language. */
#ifndef CGAP_BASE_MODALITY_NAMES_H
#define CGAP_BASE_MODALITY_NAMES_H

#include "contragap/contragap.h"

#include <stdarg.h>

/* name, or where it is NULL or empty what the modality (0 image, 1 text) is called by default. */
const char *cgap_modality_name(const char *name, int modality);

/* Words that are no template in the language of names (NULL: English); the English where it has none. */
const char *cgap_tr(const cgap_modality_names *names, const char *english);

/* Writes the template with the names in place of "image" and "text", where they stand in braces:
 *
 *   {image}      the name: "image", "audio"
 *   {images}     many rows: "images", "audio rows"
 *   {one image}  a row, without an article: "image", "audio row"
 *   {an image}   a row: "an image", "an audio row"; {a text} likewise
 *
 * A capital at the beginning of the word in braces begins the result with one. Of a translated template each is the
 * name as it is, {image} and {text} by default in that language. Other braces stay. Ends where `size` does. Returns the
 * letters that the whole would have, as snprintf. names NULL: those by default. */
size_t cgap_modality_words(char *out, size_t size, const char *words, const cgap_modality_names *names);

/* Words with the names put in, for an argument of printf: cgap_phrase_of(names, "{images}").s */
enum { CGAP_PHRASE = 800 };
typedef struct cgap_phrase {
  char s[CGAP_PHRASE];
} cgap_phrase;

cgap_phrase cgap_phrase_of(const cgap_modality_names *names, const char *words);

/* As vsnprintf and snprintf, with a format that is a template of at most 1000 letters: the names go in first, so that
 * values may hold braces. */
int cgap_modality_vprintf(char *out, size_t size, const cgap_modality_names *names, const char *format, va_list values);
int cgap_modality_printf(char *out, size_t size, const cgap_modality_names *names, const char *format, ...)
  CGAP_PRINTF(4, 5);

/* As cgap_format. */
char *cgap_modality_format(const cgap_modality_names *names, const char *format, ...) CGAP_PRINTF(2, 3);

/* cgap_fail with a format that is such a template. */
cgap_status cgap_fail_named(cgap_error *error, cgap_status status, const char *const names[2], const char *format, ...)
  CGAP_PRINTF(4, 5);

/* Those of cgap_data and of input options, where NULL is the default. */
cgap_modality_names cgap_modality_names_of(const char *const names[2]);

/* Whether both are what they are by default. */
bool cgap_modality_names_default(const cgap_modality_names *names);

#endif
