/* Closers fitted on whole data, for apply and for the public header. */
#include <math.h>
#include <omp.h>

#include "base/check.h"
#include "head/model/methods.h"
#include "head/training/budget.h"
#include "rows/embeddings.h"
#include "rows/spill_file.h"

/* Without texts the class texts stand for them; only a rotation needs to know who belongs to whom. Of one side alone,
 * each is fitted on it: what that makes of the other side's place is not used. */
static cgap_status sides_of(cgap_data *out, const cgap_data *data, cgap_closer closer, cgap_error *error)
{
  *out = *data;
  if (data->text.rows == 0 && data->class_text.rows > 0) {
    out->text = data->class_text;
    out->pairing = CGAP_UNPAIRED;
  }
  const bool apart = closer == CGAP_CENTER || closer == CGAP_WHITEN; /* each side by itself */
  if (apart && (out->text.rows == 0 || out->image.rows == 0)) {
    out->image = out->image.rows ? out->image : out->text;
    out->text = out->text.rows ? out->text : out->image;
    out->pairing = CGAP_UNPAIRED;
  }
  if (out->text.rows == 0 || out->image.rows == 0 || (closer == CGAP_PROCRUSTES && out->pairing == CGAP_UNPAIRED))
    return cgap_fail(error, CGAP_FILE, "%s: %s is fitted on %s, and this has none; give --fit FILE2",
                     (data->image.rows ? data->image : data->text).name, cgap_closer_name(closer),
                     closer == CGAP_PROCRUSTES ? "pairs of images and texts" : "images and texts");
  return CGAP_OK;
}

static cgap_part whole(const cgap_embeddings *e)
{
  return (cgap_part){
    .dim = e->image.dim,
    .image = e->image.unit,
    .text = e->text.unit,
    .side = {&e->image, &e->text},
    .image_mean = e->image.mean,
    .text_mean = e->text.mean,
    .couples = {
      .images = e->image.rows, .texts = e->text.rows, .count = e->text.rows, .couple_image = e->pairs.image_of}};
}

cgap_status cgap_closer_fit_within(cgap_head **out, cgap_closer closer, double factor, const cgap_data *data,
                                   int threads, uint64_t limit, cgap_progress progress, cgap_error *error)
{
  cgap_embeddings e = {0};
  cgap_data sides;
  cgap_budget budget;
  cgap_spill *spill[CGAP_SIDES] = {NULL, NULL};
  *out = NULL;
  const bool rows = closer == CGAP_WHITEN || closer == CGAP_PROCRUSTES; /* the others are made of the means alone */
  cgap_status status = sides_of(&sides, data, closer, error);
  if (status == CGAP_OK)
    status = cgap_budget_closer(&budget, &sides, rows, cgap_closer_name(closer), limit, error);
  cgap_source *const side[] = {&sides.image, &sides.text};
  for (int k = 0; status == CGAP_OK && k < CGAP_SIDES; k++) {
    const cgap_source from = *side[k];
    if (budget.spill[k])
      status = cgap_spill_copy(&spill[k], side[k], &from, progress, error);
  }
  if (status == CGAP_OK)
    status = cgap_embeddings_load(&e, &sides, rows && !budget.reads, threads > 0 ? threads : omp_get_max_threads(),
                                  progress, error);
  const cgap_part all = whole(&e);
  if (status == CGAP_OK)
    status = cgap_closer_of_part(out, closer, factor, &all, error);
  cgap_embeddings_clear(&e);
  for (int k = 0; k < CGAP_SIDES; k++)
    cgap_spill_close(spill[k]);
  return status;
}

cgap_status cgap_closer_fit(cgap_head **out, cgap_closer closer, double factor, const cgap_data *data, int threads,
                            cgap_progress progress, cgap_error *error)
{
  static const char *const CALL = "cgap_closer_fit";
  cgap_data checked;
  cgap_status status = cgap_check_argument(out, CALL, "out", error);
  if (status != CGAP_OK)
    return status;
  *out = NULL;
  status = cgap_check_argument(data, CALL, "data", error);
  if (status == CGAP_OK)
    status = cgap_check_choice("closer", (int)closer, CGAP_CLOSERS, error);
  if (status == CGAP_OK && !isfinite(factor))
    status = cgap_fail(error, CGAP_USAGE, "factor %g: give a finite number; 1 closes the gap", factor);
  if (status == CGAP_OK)
    status = cgap_check_threads(threads, error);
  if (status == CGAP_OK)
    status = cgap_check_data(&checked, data, error);
  return status == CGAP_OK ? cgap_closer_fit_within(out, closer, factor, &checked, threads, 0, progress, error)
                           : status;
}
