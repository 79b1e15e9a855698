#include "report/plots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/output_file.h"

static const char *embedded(const char *file)
{
  for (size_t i = 0; i < cgap_plot_count; i++)
    if (strcmp(cgap_plots[i].name, file) == 0)
      return cgap_plots[i].text;
  return NULL;
}

/* The user's own script, when CONTRAGAP_PLOTS has one; to be freed. */
static char *own_script(const char *file)
{
  const char *folder = getenv("CONTRAGAP_PLOTS");
  char path[CGAP_PATH];
  if (!folder || !*folder || cgap_folder_file(path, folder, file, NULL) != CGAP_OK)
    return NULL;
  return cgap_read_text(path, NULL);
}

/* A script, or for "sweep-dim.gp" the one of its kind, "sweep.gp". */
static const char *embedded_or_kind(const char *file)
{
  char kind[300];
  const char *text = embedded(file);
  if (text)
    return text;
  snprintf(kind, sizeof kind, "%.*s.gp", (int)strcspn(file, "-."), file);
  return embedded(kind);
}

static cgap_status copy_script(const char *folder, const char *file, cgap_error *error)
{
  char path[CGAP_PATH];
  char *own = own_script(file);
  const char *text = own ? own : embedded_or_kind(file);
  cgap_status status = cgap_folder_file(path, folder, file, error);
  if (!status && !text)
    status = cgap_fail(error, CGAP_USAGE, "%s: there is no such script", file);
  if (!status)
    status = cgap_write_file(path, text, strlen(text), error);
  free(own);
  return status;
}

cgap_status cgap_plots_copy(const char *folder, const char *name, cgap_error *error)
{
  char file[300];
  snprintf(file, sizeof file, "%s.gp", name);
  cgap_status status = copy_script(folder, "style.gp", error);
  if (!status)
    status = copy_script(folder, file, error);
  /* what a script calls must lie beside it */
  const char *text = embedded_or_kind(file);
  for (size_t i = 0; i < cgap_plot_count && !status && text; i++) {
    snprintf(file, sizeof file, "call \"%s\"", cgap_plots[i].name);
    if (strcmp(cgap_plots[i].name, "style.gp") != 0 && strstr(text, file))
      status = copy_script(folder, cgap_plots[i].name, error);
  }
  return status;
}
