#include "audit/plan_prepare.h"

#include "audit/plan_estimate.h"
#include "base/check.h"
#include "base/memory.h"
#include "comm/comm.h"
#include "simd/tile_gemm.h"

#include <math.h>
#include <omp.h>

#define LEAST_TEMPERATURE 0.005 /* e^(1/τ) must be a double */

static cgap_status check_options(const cgap_audit_options *o, cgap_error *error)
{
  if (!(o->temperature >= LEAST_TEMPERATURE && isfinite(o->temperature)))
    return cgap_fail(error, CGAP_USAGE, "temperature %g: give a number of at least %g", o->temperature,
                     LEAST_TEMPERATURE);
  cgap_status status = cgap_check_threads(o->threads, error);
  if (!status)
    status = cgap_check_choice("pairs", (int)o->pairs, CGAP_PAIRS_AUTO + 1, error);
  if (!status)
    status = cgap_check_choice("precision", (int)o->precision, CGAP_PRECISION_BF16 + 1, error);
  if (status)
    return status;
  if (o->precision == CGAP_PRECISION_BF16 && !cgap_product_here(true))
    return cgap_fail(error, CGAP_USAGE, "bf16 needs %s; give --precision fp32", cgap_product_lacks());
  return CGAP_OK;
}

/* Without texts the class texts stand for them, unpaired. */
static cgap_status settle_sides(cgap_prepared *out, cgap_error *error)
{
  cgap_data *data = &out->data;
  if (data->text.rows == 0 && data->class_text.rows > 0) {
    data->text = data->class_text;
    data->pairing = CGAP_UNPAIRED;
    out->has |= CGAP_TEXT_IS_CLASSES;
  }
  if (data->text.rows == 0)
    return cgap_fail(error, CGAP_FILE, "%s: no texts beside its %zu rows, and no class texts", data->image.name,
                     data->image.rows);
  if (data->pairing != CGAP_UNPAIRED)
    out->has |= CGAP_HAS_PAIRS;
  if (data->labels && data->class_text.rows > 0)
    out->has |= CGAP_HAS_ZERO_SHOT;
  if (data->words.rows > 0 && data->image_label && data->query && data->queries > 0)
    out->has |= CGAP_HAS_ARITHMETIC;
  return CGAP_OK;
}

cgap_status cgap_prepare(cgap_prepared *out, const cgap_data *given, const cgap_audit_options *options,
                         cgap_error *error)
{
  *out = (cgap_prepared){0};
  cgap_status status = cgap_check_argument(given, "audit", "data", error);
  if (!status)
    status = cgap_check_argument(options, "audit", "options", error);
  if (!status)
    status = check_options(options, error);
  if (!status)
    status = cgap_check_data(&out->data, given, error);
  return status ? status : settle_sides(out, error);
}

static bool is_first(const cgap_audit_options *o)
{
  return cgap_comm_rank(o->ranks) == 0;
}

static cgap_sampling choose(size_t images, size_t texts, size_t dim, bool paired, int threads,
                            const cgap_audit_options *options, cgap_pairs_choice pairs)
{
  cgap_audit_options o = *options;
  o.pairs = pairs;
  return cgap_sampling_choose(images, texts, dim, paired, threads, &o);
}

cgap_status cgap_prepare_plan(cgap_prepared *out, const cgap_audit_options *o, cgap_error *error)
{
  const cgap_source *image = &out->data.image, *text = &out->data.text;
  const int threads = o->threads ? o->threads : omp_get_num_procs();
  if (is_first(o))
    out->sampling =
      choose(image->rows, text->rows, image->dim, out->data.pairing != CGAP_UNPAIRED, threads, o, o->pairs);
  const cgap_status status = cgap_comm_share(o->ranks, 0, &out->sampling, sizeof out->sampling, error);
  if (status)
    return status;
  const cgap_plan_options options = {
    .threads = threads,
    .bfloat = o->precision == CGAP_PRECISION_BF16,
    .memory_bytes = o->memory_bytes,
    .sample_bytes = cgap_sampling_bytes(&out->sampling, image->dim, image->type, text->type, cgap_comm_size(o->ranks))};
  return o->ranks ? cgap_plan_share(&out->plan, image, text, o->ranks, &options, error)
                  : cgap_plan_make(&out->plan, image, text, &options, error);
}

void cgap_prepare_sample(cgap_prepared *out, const cgap_embeddings *e, const cgap_audit_options *options)
{
  if (out->sampling.images)
    out->sampling =
      choose(e->image.rows, e->text.rows, e->image.dim, e->paired, out->plan.threads, options, CGAP_PAIRS_SAMPLED);
}

cgap_status cgap_audit_plan(cgap_plan_info *out, const cgap_data *given, const cgap_audit_options *options,
                            cgap_error *error)
{
  cgap_prepared prepared;
  cgap_status status = cgap_check_argument(out, "cgap_audit_plan", "out", error);
  if (status)
    return status;
  *out = (cgap_plan_info){0};
  status = cgap_prepare(&prepared, given, options, error);
  if (!status)
    status = cgap_prepare_plan(&prepared, options, error);
  if (status)
    return status;
  const cgap_plan *plan = &prepared.plan;
  const cgap_sampling *sampling = &prepared.sampling;
  const cgap_source *image = &prepared.data.image, *text = &prepared.data.text;
  const size_t longest = cgap_greater(image->rows, text->rows);
  const cgap_estimate estimate =
    is_first(options) ? cgap_estimate_make(&prepared.data, plan, sampling, options->precision == CGAP_PRECISION_BF16)
                      : (cgap_estimate){0};
  *out = (cgap_plan_info){.images = image->rows,
                          .texts = text->rows,
                          .dim = image->dim,
                          .ranks = plan->ranks,
                          .threads = plan->threads,
                          .resident = plan->resident,
                          .panel_rows = plan->panel_rows,
                          .panels = (longest + plan->panel_rows - 1) / plan->panel_rows,
                          .memory_bytes = plan->memory_bytes,
                          .needed_bytes = plan->needed_bytes,
                          .smallest_bytes = plan->smallest_bytes,
                          .exact_seconds = sampling->exact_seconds,
                          .sample_images = sampling->images,
                          .sample_texts = sampling->texts,
                          .sample_queries = sampling->queries,
                          .block_rows = estimate.block_rows,
                          .passes = estimate.passes,
                          .seconds = estimate.seconds};
  return CGAP_OK;
}
