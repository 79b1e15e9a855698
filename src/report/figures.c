#include "report/figures.h"

#include <string.h>
#include <unistd.h>

#include "report/figure_tables.h"
#include "report/plots.h"

enum { SOURCE = 200, LETTERS = 56 };

/* A long name without its middle, so that it fits under a picture; cut between characters of UTF-8. */
static const char *shortened(char out[SOURCE], const char *source)
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

static void about_common(cgap_tsv *t, const cgap_audit *a, const char *source)
{
  char name[SOURCE];
  cgap_tsv_about(t, "file", "%s", shortened(name, source));
  cgap_tsv_about(t, "images", "%zu", a->images);
  cgap_tsv_about(t, "texts", "%zu", a->texts);
  if (a->has & CGAP_TEXT_IS_CLASSES)
    cgap_tsv_about(t, "text_word", "class text");
  cgap_tsv_about(t, "dim", "%zu", a->dim);
}

static const struct figure {
  const char *name, *header;
  unsigned needs;
  cgap_status (*write)(cgap_tsv *table, const cgap_audit *audit, cgap_error *error);
  bool twice; /* also drawn before and after on the same axes */
} figures[] = {
  {"scatter", "image\timage_x\timage_y\ttext\ttext_x\ttext_y\tcosine", 0, cgap_table_of_scatter, true},
  {"cosines", "low\thigh\tpair\tcross\timage\ttext", 0, cgap_table_of_cosines, true},
  {"variance", "components\timage\ttext\tjoint\tuniform", 0, cgap_table_of_variance, true},
  {"dimensions", "coordinate\timage_mean\ttext_mean\tdifference\tshare\tlabel", 0, cgap_table_of_dimensions, true},
  {"recall", "k\timage_to_text\ttext_to_image\tchance_image_to_text\tchance_text_to_image", CGAP_HAS_PAIRS,
   cgap_table_of_recall, false},
  {"plane", "name\tkind\tuniformity\talignment\tuniformity_low\tuniformity_high\talignment_low\talignment_high",
   CGAP_HAS_PAIRS, cgap_table_of_plane, false},
};

enum { FIGURES = sizeof figures / sizeof *figures };

size_t cgap_figures_of(const cgap_audit *a, const char *names[], size_t room)
{
  size_t count = 0;
  for (size_t f = 0; f < FIGURES && count < room; f++)
    if ((a->has & figures[f].needs) == figures[f].needs)
      names[count++] = figures[f].name;
  return count;
}

/* Pictures of an earlier table, and all of a figure that this audit does not have: what is left must not mislead. */
static void forget(const char *folder, const char *name, bool table_too)
{
  static const char *const endings[] = {"svg", "png", "pdf", "tsv", "gp"};
  char path[CGAP_PATH];
  for (size_t e = 0; e < (table_too ? 5 : 3); e++)
    if (snprintf(path, sizeof path, "%s/%s.%s", folder, name, endings[e]) < (int)sizeof path)
      unlink(path);
}

static cgap_status finish(cgap_tsv *table, cgap_status status, const char *folder, const char *name, cgap_error *error)
{
  cgap_error ignored;
  cgap_status closed = cgap_tsv_close(table, !status, status ? &ignored : error);
  status = status ? status : closed;
  if (!status)
    forget(folder, name, false);
  return status ? status : cgap_plots_copy(folder, name, error);
}

cgap_status cgap_figures_write(const cgap_audit *a, const char *source, const char *folder, cgap_error *error)
{
  for (size_t f = 0; f < FIGURES; f++) {
    cgap_tsv table;
    if ((a->has & figures[f].needs) != figures[f].needs) {
      forget(folder, figures[f].name, true);
      continue;
    }
    cgap_status status = cgap_tsv_open(&table, folder, figures[f].name, figures[f].header, error);
    if (status)
      return status;
    status = figures[f].write(&table, a, error);
    about_common(&table, a, source);
    status = finish(&table, status, folder, figures[f].name, error);
    if (status)
      return status;
  }
  return CGAP_OK;
}

size_t cgap_before_after_of(const char *names[], size_t room)
{
  static const char *const all[] = {"scatter_before_after", "cosines_before_after", "variance_before_after",
                                    "dimensions_before_after"};
  size_t count = 0;
  for (size_t f = 0; f < sizeof all / sizeof *all && count < room; f++)
    names[count++] = all[f];
  return count;
}

cgap_status cgap_before_after_write(const cgap_audit *before, const cgap_audit *after, const char *source,
                                    const char *folder, cgap_error *error)
{
  for (size_t f = 0; f < FIGURES; f++) {
    char name[60], header[200];
    cgap_tsv table;
    if (!figures[f].twice)
      continue;
    snprintf(name, sizeof name, "%s_before_after", figures[f].name);
    snprintf(header, sizeof header, "when\t%s", figures[f].header);
    cgap_status status = cgap_tsv_open(&table, folder, name, header, error);
    if (status)
      return status;
    table.when = "before";
    status = figures[f].write(&table, before, error);
    cgap_tsv_about(&table, "dim", "%zu", before->dim);
    table.when = "after";
    if (!status)
      status = figures[f].write(&table, after, error);
    cgap_tsv_about(&table, "dim", "%zu", after->dim);
    table.when = NULL;
    about_common(&table, after, source);
    status = finish(&table, status, folder, name, error);
    if (status)
      return status;
  }
  return CGAP_OK;
}
