#include "report/rows.h"

#include <math.h>
#include <unistd.h>

#include "base/output_file.h"

static void rank(FILE *stream, double value, char end)
{
  if (isfinite(value))
    fprintf(stream, "%.1f%c", value, end);
  else
    fprintf(stream, "NA%c", end);
}

cgap_status cgap_rows_write(const cgap_audit *a, const char *path, cgap_error *error)
{
  if (!(a->has & CGAP_HAS_PAIRS)) {
    unlink(path); /* of an earlier audit: it would not belong to this report */
    return CGAP_OK;
  }
  cgap_outfile file;
  cgap_status status = cgap_outfile_open(&file, path, error);
  if (status)
    return status;
  fprintf(file.stream, "text\timage\tcosine\trank_text_to_image\trank_image_to_text\n");
  for (size_t j = 0; j < a->texts; j++) {
    size_t i = a->image_of[j];
    fprintf(file.stream, "%zu\t%zu\t%.9g\t", a->text_row[j], a->image_row[i], a->pair_cosine[j]);
    rank(file.stream, a->rank_text_to_image[j], '\t');
    rank(file.stream, a->rank_image_to_text[i], '\n');
  }
  return cgap_outfile_close(&file, true, error);
}
