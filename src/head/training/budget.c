#include "head/training/budget.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>

#include "audit/plan.h"
#include "base/source.h"
#include "comm/comm.h"
#include "head/model/layers.h"
#include "head/model/loss_tiles.h"
#include "head/training/batches.h"
#include "head/training/train_options.h"
#include "rows/modality.h"
#include "rows/row_pass.h"
#include "rows/row_sums.h"

/* Bytes, measured as well as counted. */
enum {
  PROGRAM_BYTES = 46 << 20, /* with the buffers of BLAS and the caches of HDF5 */
  ROW_BYTES = 150,          /* of each row: norm, place, pairs, order; the table of hashes while it is needed */
  MIB = 1 << 20,
  BLOCKS = 3,         /* of the file that the row pass holds */
  READ_ROWS = 1024,   /* rows on their way from the file */
  TRANSFORMED = 4096, /* rows on their way through a head */
  AUDITS = 8,         /* of the test part: before, after, start and the training-free methods */
  CONTRIBUTED = 16,   /* doubles of each image and text that an audit keeps for the intervals of differences */
  PROBED = 256,       /* images of which it keeps the kernel between any two, of three kinds */
  KEPT_ARRAYS = 5     /* parameters, those to keep, the gradient, two moments */
};

typedef struct sizes {
  const cgap_train_options *o;
  cgap_head_shape shape;
  double images, texts, dim, dim_new, raw; /* raw: bytes an element as the file has it */
  double threads, batch, validation, test; /* shares of the images where not a number of texts */
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
  const double runs = s->threads * (double)cgap_second_moment_run_rows(d->image.dim) * s->dim * sizeof(double);
  return fmax(blocks + (4 + s->threads) * square + runs, 12 * square + 3 * READ_ROWS * s->dim * sizeof(double));
}

/* Layers, losses and the optimiser; `reads`: two batches, and validation in blocks. */
static double step_bytes(const sizes *s, bool reads)
{
  const double pairs = fmax(s->batch, s->validation * s->texts) * fmax(s->batch, s->validation * s->images);
  const double kept = pairs <= CGAP_LOSS_KEPT_COSINES ? pairs : 0;
  const double tile = CGAP_LOSS_TILE, groups = 2 * CGAP_LOSS_GROUPS;
  const double loss = kept + s->threads * tile * tile + groups * tile * s->dim_new;
  const bool full = s->o->batch == 0;
  const double batches = full && !reads ? 0 : (reads && !full ? 4 : 2) * s->batch * s->dim;
  const double rows = fmax(s->batch, s->validation * s->images) + fmax(s->batch, s->validation * s->texts);
  const double layers = rows * (s->dim_new + 3 * (double)s->shape.hidden) + 2 * s->batch * s->dim_new;
  const double blocks = reads ? READ_ROWS * s->dim * 2 : 0;
  return (KEPT_ARRAYS * s->parameters + loss + batches + layers + blocks) * sizeof(float);
}

/* Before and after: the test part through a head, its audits, and what these keep for the intervals. */
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
  const double transform = TRANSFORMED * (s->dim * (s->raw + sizeof(float)) + 2 * s->dim_new * sizeof(float));
  const double probed = fmin(PROBED, most), kept = AUDITS * (CONTRIBUTED * rows + 3 * probed * probed) * sizeof(double);
  return fmax(audit, transform) + kept;
}

/* The three phases, of which the greatest counts. */
typedef struct phases {
  double loading, training, evaluation;
} phases;

static double greatest_phase(const phases *p)
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

static double limit_of(uint64_t given, const cgap_comm *comm)
{
  return given ? (double)given : (double)cgap_free_memory() / 2 / cgap_comm_neighbours(comm);
}

static uint64_t whole_mib(double bytes)
{
  return (uint64_t)ceil(bytes / MIB);
}

/* In memory, or in the file where that needs less. */
static double least_of(const cgap_data *d, const sizes *s, cgap_error *error)
{
  const phases held = phases_of(d, s, false, error), read = phases_of(d, s, true, error);
  return fmin(greatest_phase(&held), greatest_phase(&read));
}

/* What makes the greatest phase smaller, where it is that which does not fit; else "". */
static const char *way_out(const cgap_data *d, const sizes *s, const phases *p, double limit)
{
  cgap_data rows = *d;
  sizes less = *s;
  const char *words = ", or fewer rows";
  cgap_error unused;
  if (p->evaluation > p->loading && p->evaluation > p->training) {
    words = ", or a smaller --test";
    less.test = 0;
  } else if (p->training > p->loading) {
    words = ", or a smaller --batch, --hidden, --dim or --val";
    less.batch = less.dim_new = 1;
    less.validation = less.parameters = 0;
    less.shape.hidden = 0;
  } else {
    rows.image.rows = rows.text.rows = 1;
    less.images = less.texts = 1;
  }
  return least_of(&rows, &less, &unused) <= limit ? words : "";
}

static cgap_status fail_over_limit(const cgap_data *d, const sizes *s, const phases *p, double limit, cgap_error *error)
{
  const unsigned long long least = whole_mib(greatest_phase(p));
  return cgap_fail(error, CGAP_RESOURCE,
                   "%s: training on %zu images and %zu texts takes %lluM at least, %s %.0fM; give --memory %lluM%s",
                   d->image.name, d->image.rows, d->text.rows, least,
                   s->o->memory_bytes ? "--memory allows" : "half of what is free is", floor(limit / MIB), least,
                   way_out(d, s, p, limit));
}

static void plan_spills(cgap_budget *out, const cgap_data *d)
{
  const cgap_source *modalities[] = {&d->image, &d->text};
  for (int k = 0; k < 2; k++) {
    out->spill[k] = out->reads && !cgap_source_seeks(modalities[k]);
    if (out->spill[k])
      out->spill_bytes += (uint64_t)modalities[k]->rows * modalities[k]->dim * cgap_type_size(modalities[k]->type);
  }
}

cgap_status cgap_budget_make(cgap_budget *out, const cgap_data *d, const cgap_train_options *o, cgap_error *error)
{
  const sizes s = sizes_of(d, o);
  cgap_error own = {0};
  const phases held = phases_of(d, &s, false, &own), read = phases_of(d, &s, true, &own);
  const double limit = limit_of(o->memory_bytes, o->comm);
  const bool less = greatest_phase(&read) < greatest_phase(&held); /* one batch of all may take as much from the file */
  *out = (cgap_budget){.reads = less && greatest_phase(&held) > limit, .limit_bytes = (uint64_t)limit};
  if (own.status != CGAP_OK)
    return cgap_fail(error, own.status, "%s", own.message);
  out->held_bytes = (uint64_t)greatest_phase(&held);
  out->needed_bytes = out->reads ? (uint64_t)greatest_phase(&read) : out->held_bytes;
  if (out->needed_bytes > out->limit_bytes)
    return fail_over_limit(d, &s, less ? &read : &held, limit, error);
  plan_spills(out, d);
  return CGAP_OK;
}

cgap_status cgap_budget_gap_method(cgap_budget *out, const cgap_data *d, bool rows, const char *name, uint64_t limit,
                                   cgap_error *error)
{
  const cgap_train_options o = CGAP_TRAIN_OPTIONS_INIT;
  const sizes s = sizes_of(d, &o);
  const double elements = (s.images + s.texts) * s.dim, allowed = limit_of(limit, NULL);
  const double least = PROGRAM_BYTES + ROW_BYTES * (s.images + s.texts) + reading_bytes(d, &s);
  const double held = least + (rows ? elements * (s.raw + sizeof(float)) : 0);
  *out = (cgap_budget){.reads = rows && held > allowed, .limit_bytes = (uint64_t)allowed};
  out->held_bytes = (uint64_t)held;
  out->needed_bytes = (uint64_t)(out->reads ? least : held);
  if (least > allowed)
    return cgap_fail(error, CGAP_RESOURCE,
                     "%s: fitting %s on %zu and %zu rows of %zu takes about %lluM, %s %.0fM; give --memory %lluM",
                     d->image.name, name, d->image.rows, d->text.rows, d->image.dim,
                     (unsigned long long)whole_mib(least), limit ? "--memory allows" : "half of what is free is",
                     floor(allowed / MIB), (unsigned long long)whole_mib(least));
  plan_spills(out, d);
  return CGAP_OK;
}
