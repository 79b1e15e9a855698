/* The tables that figures are drawn from: cells, labels, and what each says of its data. */
#include "report/figures.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/text_buffer.h"
#include "report/text.h"

cgap_status cgap_tsv_open(cgap_tsv *out, const char *folder, const char *name, const char *header, cgap_error *error)
{
  char file[100], path[CGAP_PATH];
  *out = (cgap_tsv){0};
  snprintf(file, sizeof file, "%s.tsv", name);
  cgap_status status = cgap_folder_file(path, folder, file, error);
  if (!status)
    status = cgap_outfile_open(&out->file, path, error);
  if (!status)
    fprintf(out->file.stream, "%s\n", header);
  return status;
}

void cgap_tsv_row(cgap_tsv *table)
{
  if (table->when)
    fprintf(table->file.stream, "%s\t", table->when);
}

void cgap_tsv_number(cgap_tsv *table, double value, char end)
{
  if (isfinite(value))
    fprintf(table->file.stream, "%.9g%c", value, end);
  else
    fprintf(table->file.stream, "NA%c", end);
}

void cgap_tsv_about(cgap_tsv *table, const char *key, const char *format, ...)
{
  char value[1000];
  va_list values;
  va_start(values, format);
  (void)vsnprintf(value, sizeof value, format, values);
  va_end(values);
  cgap_text_clean(value, ' ', "");
  fprintf(table->file.stream, "# %s%s%s\t", table->when ? table->when : "", table->when ? "_" : "", key);
  for (const char *c = value; *c; c++)
    if (*c == '"')
      fputs("\xE2\x80\xB3", table->file.stream);
    else
      fputc(*c, table->file.stream);
  fputc('\n', table->file.stream);
}

cgap_status cgap_tsv_close(cgap_tsv *table, bool commit, cgap_error *error)
{
  return cgap_outfile_close(&table->file, commit, error);
}

/* Characters that end a string of gnuplot, of a script in SVG, or of markup have a look-alike. */
void cgap_tsv_label(FILE *stream, const char *name)
{
  enum { SHOWN = 100 };
  static const char PLAIN[] = "\"'<>&\\";
  static const char *const ALIKE[] = {"\xE2\x80\xB3", "\xE2\x80\x99", "\xE2\x80\xB9", "\xE2\x80\xBA", "+", "/"};
  char shown[SHOWN];
  cgap_name_shorten(shown, sizeof shown, name ? name : "");
  for (const char *c = shown; *c; c++) {
    const char *plain = strchr(PLAIN, *c);
    fputs(plain ? ALIKE[plain - PLAIN] : (const char[]){*c, '\0'}, stream);
  }
}

enum { SOURCE = 200, LETTERS = 56 };

/* A long name without its middle, so that it fits under a picture; cut between characters of UTF-8. */
static const char *shorten_source(char out[SOURCE], const char *source)
{
  size_t starts[1024], count = 0, length = strlen(source);
  for (size_t i = 0; i < length && count < 1024; i++)
    if (((unsigned char)source[i] & 0xC0) != 0x80)
      starts[count++] = i;
  if (count <= LETTERS)
    snprintf(out, SOURCE, "%s", source);
  else
    snprintf(out, SOURCE, "%.*s…%s", (int)starts[LETTERS / 2], source, source + starts[count - LETTERS / 2]);
  return out;
}

/* The words that the scripts use where they are not image and text (plots/style.gp). */
void cgap_tsv_about_names(cgap_tsv *t, const cgap_modality_names *names)
{
  static const char *const WORDS[][2] = {{"image_word", "{image}"},
                                         {"images_word", "{images}"},
                                         {"Images_word", "{Images}"},
                                         {"text_word", "{text}"},
                                         {"texts_word", "{texts}"}};
  for (size_t k = 0; names && !cgap_modality_names_default(names) && k < sizeof WORDS / sizeof *WORDS; k++)
    cgap_tsv_about(t, WORDS[k][0], "%s", cgap_phrase_of(names, WORDS[k][1]).s);
}

void cgap_tsv_about_audit(cgap_tsv *t, const cgap_audit *a, const char *source)
{
  char name[SOURCE];
  cgap_tsv_about(t, "file", "%s", shorten_source(name, source));
  cgap_tsv_about(t, "images", "%zu", a->images);
  cgap_tsv_about(t, "texts", "%zu", a->texts);
  if (a->has & CGAP_TEXT_IS_CLASSES)
    cgap_tsv_about(t, "text_word", "class text"); /* before the names: the first of a key counts */
  cgap_tsv_about_names(t, &a->names);
  cgap_tsv_about(t, "dim", "%zu", a->text_dim > a->dim ? a->text_dim : a->dim);
  if (a->has & CGAP_ONE_SPACE)
    return;
  char size[CGAP_SENTENCE];
  cgap_tsv_about(t, "size", "%s", cgap_size_words(size, a));
  cgap_tsv_about(t, "spaces", a->has & CGAP_HAS_TEXT ? "two" : "one modality");
}
