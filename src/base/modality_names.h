/* What the two modalities are called in words: templates such as "how far {images} and {texts} are apart" and the names
 * to put in. Every sentence, label and legend that speaks of the modalities is such a template, so that names given by
 * the user reach all of them and nothing else: values are put in afterwards and may hold braces. */
#ifndef CGAP_BASE_MODALITY_NAMES_H
#define CGAP_BASE_MODALITY_NAMES_H

#include "contragap/contragap.h"

/* name, or where it is NULL or empty what the modality (0 image, 1 text) is called by default. */
const char *cgap_modality_name(const char *name, int modality);

/* Writes the template with the names in place of "image" and "text", where they stand in braces:
 *
 *   {image}      the name: "image", "audio"
 *   {images}     many rows: "images", "audio rows"
 *   {one image}  a row, without an article: "image", "audio row"
 *   {an image}   a row: "an image", "an audio row"; {a text} likewise
 *
 * A capital at the beginning of the word in braces begins the result with one. Other braces stay. Ends where `size`
 * does. Returns the letters that the whole would have, as snprintf. */
size_t cgap_modality_words(char *out, size_t size, const char *words, const cgap_modality_names *names);

#endif
