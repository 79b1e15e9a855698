#include "head/training/memory_plan.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>

#include "audit/plan.h"
#include "base/source.h"
#include "comm/comm.h"
#include "head/model/head.h"
#include "head/model/loss.h"
#include "head/training/split.h"
#include "head/training/train_options.h"
#include "rows/modality.h"
#include "rows/row_pass.h"
#include "rows/row_sums.h"

/* Bytes, measured as well as counted. */
enum {
  APPLY_BYTES = 40 << 20,   /* the program where it applies a head */
  PROGRAM_BYTES = 46 << 20, /* with the buffers of BLAS and the caches of HDF5 */
  ROW_BYTES = 150,          /* of each row: norm, place, pairs, order; the table of hashes while it is needed */
  MIB = 1 << 20,
  BLOCKS = 3,       /* of the file that the row pass holds */
  READ_ROWS = 1024, /* rows on their way from the file */
  AUDITS = 8,       /* of the test split: before, after, start and the training-free methods */
  CONTRIBUTED = 16, /* doubles of each image and text that an audit keeps for the intervals of differences */
  PROBED = 256,     /* images of which it keeps the kernel between any two, of three kinds */
  KEPT_ARRAYS = 5   /* parameters, those to keep, the gradient, two moments */
};

typedef struct sizes {
  const cgap_train_options *o;
  cgap_head_shape shape;
  double images, texts, dim, dim_new, raw; /* raw: bytes an element as the file has it */
  double threads, batch, validation, test; /* fractions of the images; of batch a number of texts */
  double parameters;
} sizes;

static sizes sizes_of(const cgap_data *d, const cgap_train_options *o)
{
  sizes s = {.o = o, .shape = cgap_train_shape(o, d->image.dim)};
  s.images = (double)d->image.rows;
  s.texts = (double)d->text.rows;
  s.dim = (double)d->image.dim;
  s.dim_new = (double)s.shape.dim;
  s.raw = fmax((double)cgap_type_size(d->image.type), (double)cgap_type_size(d->text.type));
  s.threads = o->threads > 0 ? o->threads : omp_get_max_threads();
  s.validation = o->validation;
  s.test = o->test;
  s.parameters = (double)cgap_layers_init(&s.shape).count;
  const double all = (1 - s.test - s.validation) * s.texts, automatic = CGAP_BATCH_AUTO_SIZE;
  s.batch = fmin(all, o->batch == 0 ? all : o->batch == CGAP_BATCH_AUTO ? automatic : (double)o->batch);
  return s;
}

/* While the file is read: blocks, second moments, and what fitting the training-free methods takes. */
static double reading_bytes(const cgap_data *d, const sizes *s)
{
  const double square = s->dim * s->dim * sizeof(double);
  double blocks = 0;
  for (int k = 0; k < 2; k++) {
    const cgap_source *modality = k ? &d->text : &d->image;
    const double rows = fmin((double)modality->rows, (double)(BLOCKS * cgap_row_pass_block_rows(modality)));
    blocks = fmax(blocks, rows * s->dim * s->raw);
  }
  const double runs = s->threads * (double)cgap_second_moment_scratch((size_t)s->dim) * sizeof(double);
  return fmax(blocks + 4 * square + runs, 12 * square + 3 * READ_ROWS * s->dim * sizeof(double));
}

/* Layers, losses and the optimiser; `reads`: two batches, and validation in blocks. */
static double step_bytes(const sizes *s, bool reads)
{
  const double loss = cgap_loss_bytes(fmax(s->batch, s->validation * s->images),
                                      fmax(s->batch, s->validation * s->texts), (size_t)s->dim_new, s->threads);
  const bool full = s->o->batch == 0;
  const double batches = full && !reads ? 0 : (reads && !full ? 4 : 2) * s->batch * s->dim;
  const double rows = fmax(s->batch, s->validation * s->images) + fmax(s->batch, s->validation * s->texts);
  const double layers = rows * (s->dim_new + 3 * (double)s->shape.hidden) + 2 * s->batch * s->dim_new;
  const double blocks = reads ? READ_ROWS * s->dim * 2 : 0;
  return loss + (KEPT_ARRAYS * s->parameters + batches + layers + blocks) * sizeof(float);
}

/* Before and after: the test split through a head, its audits, and what these keep for the intervals. */
static double study_bytes(const cgap_data *d, const sizes *s, bool reads, cgap_error *error)
{
  cgap_source modalities[] = {d->image, d->text};
  double rows = 0, most = 0;
  for (int k = 0; k < 2; k++) {
    modalities[k].rows = (size_t)(s->test * (double)modalities[k].rows) + 1;
    modalities[k].type = reads ? modalities[k].type : CGAP_FLOAT32;
    rows += (double)modalities[k].rows;
    most = fmax(most, (double)modalities[k].rows);
  }
  cgap_plan plan;
  const cgap_plan_options how = {.threads = (int)s->threads, .memory_bytes = UINT64_MAX / 2};
  if (cgap_plan_make(&plan, &modalities[0], &modalities[1], &how, error) != CGAP_OK)
    return INFINITY;
  const double audit = (double)plan.smallest_bytes - PROGRAM_BYTES;
  const double transform = CGAP_TRANSFORM_ROWS * (s->dim * (s->raw + sizeof(float)) + 2 * s->dim_new * sizeof(float));
  const double probed = fmin(PROBED, most), kept = AUDITS * (CONTRIBUTED * rows + 3 * probed * probed) * sizeof(double);
  return fmax(audit, transform) + kept;
}

/* The three phases, of which the largest counts. */
typedef struct phases {
  double loading, training, evaluation;
} phases;

static double largest_phase(const phases *p)
{
  return fmax(p->loading, fmax(p->training, p->evaluation));
}

static phases phases_of(const cgap_data *d, const sizes *s, bool reads, cgap_error *error)
{
  const double base = PROGRAM_BYTES + ROW_BYTES * (s->images + s->texts);
  const double elements = (s->images + s->texts) * s->dim, unit = sizeof(float);
  phases p = {base + reading_bytes(d, s), base + step_bytes(s, reads), base + study_bytes(d, s, reads, error)};
  if (!reads) { /* as in the file and as unit rows; the training part once more, and once for the training-free methods
                 */
    p.loading += elements * (s->raw + 3 * unit);
    p.training += elements * ((1 - s->test) * unit + s->test * s->raw);
    p.evaluation += s->test * (elements * s->raw + (s->images + s->texts) * s->dim_new * unit);
  }
  return p;
}

/* With all rows in memory, and with rows in the file. */
typedef struct choices {
  phases resident, reading;
} choices;

static choices choices_of(const cgap_data *d, const sizes *s, cgap_error *error)
{
  return (choices){phases_of(d, s, false, error), phases_of(d, s, true, error)};
}

/* The one that needs less: a batch of all rows may take as much from the file. */
static const phases *smaller_choice(const choices *c)
{
  return largest_phase(&c->reading) < largest_phase(&c->resident) ? &c->reading : &c->resident;
}

uint64_t cgap_memory_limit(uint64_t given, const cgap_comm *comm)
{
  return given ? given : cgap_free_memory() / 2 / (uint64_t)cgap_comm_neighbours(comm);
}

/* resident, reading: bytes with the rows in memory and in the file; reading is 0 where they cannot stay there. */
static cgap_memory_plan plan_of(double resident, double reading, uint64_t given, const cgap_comm *comm)
{
  cgap_memory_plan out = {.resident_bytes = (uint64_t)resident, .memory_bytes = cgap_memory_limit(given, comm)};
  out.resident = reading == 0 || reading >= resident || resident <= (double)out.memory_bytes;
  out.needed_bytes = (uint64_t)(out.resident ? resident : reading);
  return out;
}

static bool fits(const cgap_memory_plan *plan)
{
  return plan->needed_bytes <= plan->memory_bytes;
}

/* what: "FILE: training on … takes" */
static cgap_status fail_over_limit(const cgap_memory_plan *plan, bool given, const char *what, const char *way_out,
                                   cgap_error *error)
{
  const unsigned long long enough = (plan->needed_bytes + MIB - 1) / MIB;
  return cgap_fail(error, CGAP_RESOURCE, "%s %lluM at least, %s %lluM; give --memory %lluM%s", what, enough,
                   given ? "--memory allows" : "half of what is free is", (unsigned long long)plan->memory_bytes / MIB,
                   enough, way_out);
}

/* What makes the largest phase smaller, where it is that which does not fit; else "". */
static const char *way_out(const cgap_data *d, const sizes *s, const phases *p, double limit)
{
  cgap_data rows = *d;
  sizes less = *s;
  const char *words = ", or fewer rows";
  cgap_error unused;
  if (p->evaluation > p->loading && p->evaluation > p->training) {
    words = ", or a smaller test split";
    less.test = 0;
  } else if (p->training > p->loading) {
    words = ", or a smaller batch, hidden layer, dimension or validation split";
    less.batch = less.dim_new = 1;
    less.validation = less.parameters = 0;
    less.shape.hidden = 0;
  } else {
    rows.image.rows = rows.text.rows = 1;
    less.images = less.texts = 1;
  }
  const choices c = choices_of(&rows, &less, &unused);
  return largest_phase(smaller_choice(&c)) <= limit ? words : "";
}

static void plan_spills(cgap_memory_plan *out, const cgap_data *d)
{
  const cgap_source *modalities[] = {&d->image, &d->text};
  for (int k = 0; k < 2; k++) {
    out->spill[k] = !out->resident && !cgap_source_seeks(modalities[k]);
    if (out->spill[k])
      out->spill_bytes += (uint64_t)modalities[k]->rows * modalities[k]->dim * cgap_type_size(modalities[k]->type);
  }
}

cgap_status cgap_plan_training(cgap_memory_plan *out, const cgap_data *d, const cgap_train_options *o,
                               cgap_error *error)
{
  const sizes s = sizes_of(d, o);
  cgap_error own = {0};
  const choices c = choices_of(d, &s, &own);
  char what[600];
  *out = plan_of(largest_phase(&c.resident), largest_phase(&c.reading), o->memory_bytes, o->comm);
  if (own.status != CGAP_OK)
    return cgap_fail(error, own.status, "%s", own.message);
  plan_spills(out, d);
  if (fits(out))
    return CGAP_OK;
  snprintf(what, sizeof what, "%.400s: training on %zu images and %zu texts takes", d->image.name, d->image.rows,
           d->text.rows);
  return fail_over_limit(out, o->memory_bytes, what, way_out(d, &s, smaller_choice(&c), (double)out->memory_bytes),
                         error);
}

cgap_status cgap_plan_gap_method(cgap_memory_plan *out, const cgap_data *d, bool rows, const char *name, uint64_t limit,
                                 cgap_error *error)
{
  const cgap_train_options o = CGAP_TRAIN_OPTIONS_INIT;
  const sizes s = sizes_of(d, &o);
  const double reading = PROGRAM_BYTES + ROW_BYTES * (s.images + s.texts) + reading_bytes(d, &s);
  const double row_bytes = rows ? (s.images + s.texts) * s.dim * (s.raw + sizeof(float)) : 0;
  char what[600];
  *out = plan_of(reading + row_bytes, reading, limit, NULL);
  plan_spills(out, d);
  if (fits(out))
    return CGAP_OK;
  snprintf(what, sizeof what, "%.400s: fitting %s on %zu and %zu rows of %zu takes", d->image.name, name, d->image.rows,
           d->text.rows, d->image.dim);
  return fail_over_limit(out, limit, what, "", error);
}

cgap_status cgap_plan_apply(cgap_memory_plan *out, const cgap_source *rows, const cgap_head_shape *shape,
                            size_t min_rows, size_t max_rows, uint64_t limit, const cgap_comm *comm, cgap_error *error)
{
  const double row = (double)shape->dim_in * (double)(cgap_type_size(rows->type) + 2 * sizeof(float)) +
                     (double)(2 * shape->dim + 2 * shape->hidden) * (double)sizeof(float);
  const double base = APPLY_BYTES + (double)cgap_layers_init(shape).count * (double)sizeof(float);
  char what[600];
  size_t block = max_rows;
  do {
    *out = plan_of(base + (double)block * row, 0, limit, comm);
    out->block_rows = block;
    block /= 2;
  } while (!fits(out) && out->block_rows > min_rows);
  if (fits(out))
    return CGAP_OK;
  snprintf(what, sizeof what, "%.400s: %zu rows of %zu at a time need", rows->name, out->block_rows, rows->dim);
  return fail_over_limit(out, limit, what, "", error);
}

cgap_status cgap_planned_rows_load(cgap_planned_rows *out, const cgap_data *data, const cgap_memory_plan *plan,
                                   bool resident, int threads, cgap_progress progress, cgap_error *error)
{
  *out = (cgap_planned_rows){.data = *data};
  cgap_source *const modality[] = {&out->data.image, &out->data.text};
  cgap_status status = cgap_check_one_space(data, error);
  for (int k = 0; status == CGAP_OK && k < 2; k++) {
    const cgap_source from = *modality[k];
    if (plan->spill[k])
      status = cgap_spill_file_copy(&out->spill[k], modality[k], &from, progress, error);
  }
  return status == CGAP_OK ? cgap_embeddings_load(&out->e, &out->data, resident ? CGAP_HOLD_UNIT : CGAP_HOLD_NONE, NULL,
                                                  threads, progress, error)
                           : status;
}

void cgap_planned_rows_clear(cgap_planned_rows *rows)
{
  cgap_embeddings_clear(&rows->e);
  cgap_spill_file_close(rows->spill[0]);
  cgap_spill_file_close(rows->spill[1]);
}

uint64_t cgap_plan_test_memory(const cgap_memory_plan *plan, const cgap_train_options *o, const cgap_data *test,
                               size_t dim_in)
{
  const uint64_t rows = (uint64_t)test->image.rows + test->text.rows, dim = cgap_train_shape(o, dim_in).dim;
  const uint64_t held = plan->resident ? rows * (dim_in * cgap_type_size(test->image.type) + dim * sizeof(float)) : 0;
  return o->memory_bytes > held ? o->memory_bytes - held : o->memory_bytes;
}
