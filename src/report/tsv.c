#include "report/tsv.h"

#include <math.h>
#include <stdarg.h>

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
  fprintf(table->file.stream, "# %s%s%s\t", table->when ? table->when : "", table->when ? "_" : "", key);
  for (const char *c = value; *c; c++) {
    if (*c == '"')
      fputs("\xE2\x80\xB3", table->file.stream);
    else
      fputc((unsigned char)*c < 32 ? ' ' : *c, table->file.stream);
  }
  fputc('\n', table->file.stream);
}

cgap_status cgap_tsv_close(cgap_tsv *table, bool commit, cgap_error *error)
{
  return cgap_outfile_close(&table->file, commit, error);
}
