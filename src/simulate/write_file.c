/* A simulation into an HDF5 file, block by block. */
#include "base/memory.h"
#include "io/write/writer.h"
#include "simulate/models.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

enum { BLOCK_BYTES = 16 << 20 };

/* What the steps of writing a file share. */
typedef struct simulation_job {
  const cgap_simulator *simulator;
  cgap_writer *writer;
  cgap_type type;
  cgap_progress progress;
  double *block; /* (block_rows, dim) */
  size_t block_rows;
  size_t done, total; /* rows, for the progress */
  size_t modality;    /* that is written, of more than two */
} simulation_job;

typedef void fill_rows(const cgap_simulator *simulator, size_t first, size_t count, double *out);

/* fill NULL: rows of j->modality. */
static cgap_status write_rows(simulation_job *j, const char *path, fill_rows *fill, size_t rows, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  for (size_t first = 0, count = 0; first < rows && !status; first += count) {
    count = rows - first < j->block_rows ? rows - first : j->block_rows;
    if (fill)
      fill(j->simulator, first, count, j->block);
    else
      cgap_simulator_modality(j->simulator, j->modality, first, count, j->block);
    status = cgap_writer_append_double(j->writer, path, j->block, count, error);
    j->done += count;
    double fraction = (double)j->done / (double)j->total;
    if (!status && j->progress.tick && j->progress.tick(j->progress.context, "simulate", fraction))
      status =
        cgap_fail(error, CGAP_INTERRUPTED, "interrupted after %zu of %zu rows; nothing was written", j->done, j->total);
  }
  return status;
}

static cgap_status write_pairs(simulation_job *j, cgap_error *error)
{
  const cgap_simulator *s = j->simulator;
  const cgap_simulate_options *o = &s->options;
  size_t captions = o->captions_most > 1 && !s->text_image ? o->captions_most : 0;
  cgap_status status = cgap_writer_create(j->writer, "/image", j->type, o->images, 0, o->dim, error);
  if (!status)
    status = cgap_writer_create(j->writer, "/text", j->type, captions ? o->images : s->texts, captions, o->dim, error);
  if (!status && s->text_image)
    status = cgap_writer_int64(j->writer, "/text_image", (const int64_t *)s->text_image, s->texts, 0, error);
  if (!status)
    status = write_rows(j, "/image", cgap_simulator_images, o->images, error);
  if (!status)
    status = write_rows(j, "/text", cgap_simulator_texts, s->texts, error);
  return status;
}

/* More than two: a dataset each, and its offset as an attribute of the file. */
static cgap_status write_modalities(simulation_job *j, cgap_error *error)
{
  const cgap_simulate_options *o = &j->simulator->options;
  cgap_status status = CGAP_OK;
  for (size_t m = 0; m < o->modalities && !status; m++) {
    char path[40], name[40], h[32];
    (void)snprintf(path, sizeof path, "/%s", cgap_simulated_names[m]);
    (void)snprintf(name, sizeof name, "h_%s", cgap_simulated_names[m]);
    (void)snprintf(h, sizeof h, "%.17g", cgap_offset_of(o, m));
    j->modality = m;
    status = cgap_writer_create(j->writer, path, j->type, o->images, 0, o->dim, error);
    if (!status)
      status = write_rows(j, path, NULL, o->images, error);
    if (!status)
      status = cgap_writer_attribute(j->writer, "/", name, h, error);
  }
  return status;
}

static void fill_class_texts(const cgap_simulator *s, size_t first, size_t count, double *out)
{
  for (size_t i = 0; i < count; i++)
    cgap_classes_text(s, first + i, out + i * s->options.dim);
}

static void fill_words(const cgap_simulator *s, size_t first, size_t count, double *out)
{
  for (size_t i = 0; i < count; i++)
    cgap_classes_word(s, first + i, out + i * s->options.dim);
}

static cgap_status write_labels(simulation_job *j, cgap_error *error)
{
  size_t images = j->simulator->options.images;
  int64_t *labels = cgap_alloc(images, sizeof *labels);
  if (!labels)
    return cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu labels; give fewer images", images);
  for (size_t i = 0; i < images; i++)
    labels[i] = (int64_t)cgap_classes_label(j->simulator, i);
  cgap_status status = cgap_writer_int64(j->writer, "/labels", labels, images, 0, error);
  if (!status)
    status = cgap_writer_int64(j->writer, "/arithmetic/image_label", labels, images, 0, error);
  cgap_free(labels);
  return status;
}

static cgap_status write_queries(simulation_job *j, cgap_error *error)
{
  size_t queries = cgap_classes_queries(j->simulator);
  int64_t *query = cgap_alloc(4 * queries, sizeof *query);
  double *weight = cgap_alloc(queries, sizeof *weight);
  cgap_status status = CGAP_OK;
  if (!query || !weight) {
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for %zu queries", queries);
    goto done;
  }
  cgap_classes_fill(j->simulator, query, weight);
  status = cgap_writer_int64(j->writer, "/arithmetic/query", query, queries, 4, error);
  if (!status)
    status = cgap_writer_float64(j->writer, "/arithmetic/weight", weight, queries, 0, error);
done:
  cgap_free(query);
  cgap_free(weight);
  return status;
}

static cgap_status write_classes(simulation_job *j, cgap_error *error)
{
  const cgap_simulate_options *o = &j->simulator->options;
  size_t words = cgap_classes_words(j->simulator);
  cgap_status status = cgap_writer_create(j->writer, "/class_text", j->type, o->classes, 0, o->dim, error);
  if (!status)
    status = cgap_writer_create(j->writer, "/arithmetic/words", j->type, words, 0, o->dim, error);
  if (!status)
    status = write_labels(j, error);
  if (!status)
    status = write_rows(j, "/class_text", fill_class_texts, o->classes, error);
  if (!status)
    status = write_rows(j, "/arithmetic/words", fill_words, words, error);
  if (!status)
    status = write_queries(j, error);
  return status;
}

static cgap_status write_attributes(simulation_job *j, const char *command, cgap_error *error)
{
  const cgap_simulate_options *o = &j->simulator->options;
  char seed[32], h[32], kappa[32];
  (void)snprintf(seed, sizeof seed, "%" PRIu64, o->seed);
  (void)snprintf(h, sizeof h, "%.17g", o->h);
  (void)snprintf(kappa, sizeof kappa, "%.17g", o->kappa);
  const struct {
    const char *name, *value;
  } attributes[] = {
    {"command", command},
    {"model", cgap_model_name(o->model)},
    {"seed", seed},
    {"h", o->model == CGAP_MODEL_OFFSET ? h : NULL},
    {"kappa", o->model == CGAP_MODEL_CONE ? kappa : NULL},
    {"contragap", cgap_version()},
  };
  cgap_status status = CGAP_OK;
  for (size_t i = 0; i < sizeof attributes / sizeof *attributes && !status; i++)
    if (attributes[i].value)
      status = cgap_writer_attribute(j->writer, "/", attributes[i].name, attributes[i].value, error);
  return status;
}

static cgap_status write_all(simulation_job *j, const char *command, cgap_error *error)
{
  const cgap_simulate_options *o = &j->simulator->options;
  size_t rows = BLOCK_BYTES / sizeof(double) / o->dim;
  j->block_rows = rows ? rows : 1;
  j->total = o->modalities > 2 ? o->modalities * o->images : o->images + j->simulator->texts;
  if (o->classes)
    j->total += o->classes + cgap_classes_words(j->simulator);
  j->block = cgap_alloc(j->block_rows * o->dim, sizeof *j->block);
  if (!j->block)
    return cgap_fail(error, CGAP_RESOURCE,
                     "out of memory for a block of %zu rows of %zu numbers; give fewer dimensions", j->block_rows,
                     o->dim);
  cgap_status status = o->modalities > 2 ? write_modalities(j, error) : write_pairs(j, error);
  if (!status && o->classes)
    status = write_classes(j, error);
  if (!status)
    status = write_attributes(j, command, error);
  cgap_free(j->block);
  return status;
}

/* Numbers and integers of the file, without what HDF5 adds. */
static double file_bytes(const cgap_simulator *s, cgap_type type)
{
  const cgap_simulate_options *o = &s->options;
  double rows = o->modalities > 2 ? (double)o->modalities * (double)o->images : (double)o->images + (double)s->texts,
         integers = s->text_image ? (double)s->texts : 0;
  if (o->classes) {
    rows += (double)o->classes + (double)cgap_classes_words(s);
    integers += 2 * (double)o->images + 5 * (double)cgap_classes_queries(s);
  }
  return rows * (double)o->dim * (double)cgap_type_size(type) + 8 * integers;
}

/* Before hours of work: a disk that is too small for the file. */
static cgap_status check_space(const cgap_simulator *s, cgap_type type, const char *path, cgap_error *error)
{
  char folder[4096];
  struct statvfs disk;
  const char *slash = strrchr(path, '/');
  const size_t length = slash ? (size_t)(slash - path) + 1 : 0;
  if (length >= sizeof folder) /* the writer refuses such a name */
    return CGAP_OK;
  (void)snprintf(folder, sizeof folder, "%.*s", (int)length, path);
  if (statvfs(*folder ? folder : ".", &disk) != 0)
    return CGAP_OK;
  const double needed = file_bytes(s, type), there = (double)disk.f_bavail * (double)disk.f_frsize;
  if (needed > there)
    return cgap_fail(error, CGAP_RESOURCE,
                     "%s: the file needs %.0f MB, the disk has %.0f MB left; free some space, choose another place or "
                     "give fewer images",
                     path, needed / 1e6, there / 1e6);
  return CGAP_OK;
}

cgap_status cgap_simulate_file(const char *path, const cgap_simulate_options *options, cgap_type type,
                               const char *command, cgap_progress progress, cgap_error *error)
{
  cgap_simulator simulator;
  cgap_status status = cgap_simulator_open(&simulator, options, error);
  if (status)
    return status;
  simulation_job j = {.simulator = &simulator, .type = type, .progress = progress};
  status = check_space(&simulator, type, path, error);
  if (!status)
    status = cgap_writer_open(&j.writer, path, error);
  if (!status) {
    status = write_all(&j, command, error);
    cgap_status closed = cgap_writer_close(j.writer, status == CGAP_OK, status ? NULL : error);
    status = status ? status : closed;
  }
  cgap_simulator_close(&simulator);
  return status;
}
