/* A libFuzzer harness for every format that the program reads; FUZZ_TARGET names the one of the table at the end.
 *
 * A target is a file name and a function. The bytes are written to a file of that name in a folder of this process
 * (below TMPDIR, best in memory), since most readers want a path; a target without a file reads the bytes as a string.
 * One thread, no fork, no child processes. Besides what the sanitizers find, a run fails where a reader
 *   - returns a status that is no outcome of reading, or leaves something in its output on failure,
 *   - says nothing, or more than one line, or control characters,
 *   - leaves a file open. */
#include <dirent.h>
#include <ftw.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text_buffer.h"
#include "cli/options.h"
#include "cli/sweep_results.h"
#include "head/evaluation/apply_file.h"
#include "head/training/training_run.h"
#include "io/find/dataset.h"
#include "io/read/datasets.h"
#include "io/read/hdf5_basics.h"
#include "io/write/convert.h"
#include "report/figures.h"
#include "report/gnuplot.h"
#include "report/overwrite.h"
#include "report/page.h"

#include <xxhash.h>

enum { ROWS = 40, DIM = 4, ROWS_MAX = 300, DIM_MAX = 64, ELEMENTS_MAX = 1 << 16, INPUTS_MAX = 6 };

typedef struct fuzz_input {
  const char *path;           /* of the file that holds the bytes; NULL: none */
  const char *text;           /* the same bytes as a string; NULL: the target has a file */
  const unsigned char *bytes; /* (size) */
  size_t size;
} fuzz_input;

static char folder[CGAP_PATH - 256];

/* ---------------------------------------------------------------- what every outcome has to be */

static FILE *said; /* stderr, which libFuzzer may close */

#define REQUIRE(condition, ...)                                                                                        \
  do                                                                                                                   \
    if (!(condition)) {                                                                                                \
      fprintf(said, "fuzz.c:%d: %s: ", __LINE__, #condition);                                                          \
      fprintf(said, __VA_ARGS__);                                                                                      \
      fputc('\n', said);                                                                                               \
      fflush(said);                                                                                                    \
      abort();                                                                                                         \
    }                                                                                                                  \
  while (0)

/* Returns whether reading succeeded. */
static bool check_outcome(cgap_status status, const cgap_error *error)
{
  if (status == CGAP_OK)
    return true;
  REQUIRE(status == CGAP_USAGE || status == CGAP_FILE || status == CGAP_DATA || status == CGAP_RESOURCE, "status %d",
          (int)status);
  REQUIRE(error->status == status, "status %d, in the error %d", (int)status, (int)error->status);
  REQUIRE(error->message[0], "an error without a message");
  cgap_error printable = *error;
  cgap_text_clean(printable.message, '?', "");
  REQUIRE(strcmp(error->message, printable.message) == 0, "control characters in: %s", error->message);
  return false;
}

/* The lowest number that is free: it rises with every file that is left open. */
static int lowest_descriptor(void)
{
  const int fd = dup(STDERR_FILENO);
  if (fd >= 0)
    close(fd);
  return fd;
}

static char *in_folder(const char *name)
{
  char *path = cgap_format("%s/%s", folder, name);
  REQUIRE(path, "out of memory");
  return path;
}

static void write_bytes(const char *path, const void *bytes, size_t count)
{
  FILE *file = fopen(path, "wb");
  REQUIRE(file && fwrite(bytes, 1, count, file) == count && fclose(file) == 0, "%s cannot be written", path);
}

/* ---------------------------------------------------------------- files of embeddings */

static void read_rows(const cgap_chosen_dataset *taken)
{
  enum { BLOCK = 7 };
  cgap_dataset_rows *rows = NULL;
  cgap_source source = {0};
  cgap_error error = {0};
  cgap_status status = cgap_dataset_rows_open(&rows, &source, taken, 1, taken->entry->name, &error);
  REQUIRE(status == CGAP_OK || !rows, "rows of a dataset that cannot be read");
  unsigned char *block = status == CGAP_OK ? malloc(BLOCK * source.dim * cgap_type_size(source.type)) : NULL;
  for (size_t first = 0; status == CGAP_OK && block && first < source.rows; first += BLOCK) {
    const size_t count = source.rows - first < BLOCK ? source.rows - first : BLOCK;
    status = source.read(&source, first, count, block, &error);
  }
  (void)check_outcome(status, &error);
  free(block);
  cgap_dataset_rows_close(rows);
}

static void read_values(const cgap_chosen_dataset *taken, size_t elements)
{
  cgap_error error = {0};
  const bool whole = taken->entry->kind == CGAP_KIND_INTEGER;
  void *out = malloc((elements + 1) * sizeof(int64_t));
  cgap_status status = CGAP_OK;
  if (out)
    status = whole ? cgap_read_int64(out, taken, &error) : cgap_read_float64(out, taken, &error);
  (void)check_outcome(status, &error);
  free(out);
}

static void read_ids(const cgap_chosen_dataset *taken)
{
  cgap_ids ids = {0};
  cgap_error error = {0};
  char shown[80];
  if (check_outcome(cgap_ids_read(&ids, taken, 1, &error), &error))
    for (size_t row = 0; row < ids.count; row++)
      (void)cgap_id_text(shown, sizeof shown, &ids, row);
  cgap_ids_clear(&ids);
}

static void read_entry(const cgap_file *file, const cgap_entry *entry)
{
  const cgap_chosen_dataset taken = {file, entry};
  char shape[160];
  size_t elements;
  (void)cgap_shape_text(shape, sizeof shape, entry);
  if (entry->obstacle || entry->dangling || !cgap_entry_elements(&elements, entry) || elements > ELEMENTS_MAX)
    return;
  if (entry->kind == CGAP_KIND_FLOAT && (entry->ndim == 2 || entry->ndim == 3) && elements > 0)
    read_rows(&taken);
  if (cgap_entry_is_number(entry))
    read_values(&taken, elements);
  if ((entry->kind == CGAP_KIND_INTEGER || entry->kind == CGAP_KIND_STRING) && cgap_entry_list(entry))
    read_ids(&taken);
}

static void list_file(const fuzz_input *in, bool values)
{
  cgap_file *file = NULL;
  cgap_error error = {0};
  const bool ok = check_outcome(cgap_file_open(&file, in->path, NULL, &error), &error);
  REQUIRE(ok == (file != NULL), "a file although opening failed, or none");
  for (size_t i = 0; ok && values && i < file->count; i++)
    read_entry(file, &file->entries[i]);
  if (ok && !values && file->id >= 0)
    (void)cgap_hdf5_probe(file);
  cgap_file_close(file);
}

static void print_json(json_t *json)
{
  REQUIRE(json, "no JSON");
  char *text = json_dumps(json, 0);
  REQUIRE(text, "JSON that cannot be written");
  free(text);
  json_decref(json);
}

/* What `info` prints. */
static void describe(const cgap_input_options *options)
{
  cgap_dataset *dataset = NULL;
  cgap_error error = {0};
  const cgap_status status = cgap_dataset_inspect(&dataset, options, &error);
  (void)check_outcome(status, &error);
  if (dataset) {
    print_json(cgap_dataset_listing_json(dataset));
    (void)strlen(cgap_dataset_notes(dataset));
  }
  if (status == CGAP_OK)
    print_json(cgap_dataset_json(dataset));
  cgap_dataset_close(dataset);
}

static void run_list(const fuzz_input *in)
{
  list_file(in, false);
}

/* Half of the inputs, by their size, with other options. */
static cgap_input_options input_options(const fuzz_input *in)
{
  return (cgap_input_options){.files = &in->path,
                              .file_count = 1,
                              .drop_bad = in->size % 2,
                              .merge_images = in->size % 3 == 1,
                              .one_modality = true,
                              .threads = 1};
}

static void run_rows(const fuzz_input *in)
{
  const cgap_input_options options = input_options(in);
  list_file(in, true);
  describe(&options);
}

/* What is found in it takes most of the time, and is looked at for one input in eight. */
static void run_pickle(const fuzz_input *in)
{
  const cgap_input_options options = input_options(in);
  list_file(in, true);
  if (in->size % 8 == 0)
    describe(&options);
}

static bool is_small(const cgap_data *data)
{
  return data->image.rows <= ROWS_MAX && data->text.rows <= ROWS_MAX && data->class_text.rows <= ROWS_MAX &&
         data->words.rows <= ROWS_MAX && data->queries <= ROWS_MAX && data->image.dim <= DIM_MAX;
}

static void audit_data(const cgap_dataset *dataset)
{
  const cgap_data *data = cgap_dataset_data(dataset);
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_audit audit;
  cgap_error error = {0};
  options.threads = 1;
  options.memory_bytes = (uint64_t)1 << 28;
  options.csls = true;
  if (!is_small(data))
    return;
  bool ok = check_outcome(cgap_audit_run(&audit, data, &options, &error), &error);
  if (ok)
    (void)check_outcome(cgap_advice_run(&audit, data, NULL, &options, &error), &error);
  if (ok)
    print_json(cgap_report_json(&audit, NULL, NULL));
  cgap_audit_clear(&audit);
}

static void run_audit(const fuzz_input *in)
{
  cgap_dataset *dataset = NULL;
  cgap_error error = {0};
  cgap_input_options options = input_options(in);
  options.one_modality = false;
  if (check_outcome(cgap_dataset_open(&dataset, &options, &error), &error))
    audit_data(dataset);
  cgap_dataset_close(dataset);
}

/* ---------------------------------------------------------------- heads, and files passed through them */

static float matrix[2][ROWS * DIM];

static void fill_matrices(void)
{
  for (size_t k = 0; k < ROWS * DIM; k++) {
    matrix[0][k] = (float)((k * 7919 + 13) % 97) / 97 - 0.4F;
    matrix[1][k] = matrix[0][k] + (k % DIM == 0 ? 0.7F : 0) + (float)(k * 104729 % 31) / 310;
  }
}

static cgap_data matrices_data(void)
{
  return (cgap_data){.image = cgap_source_view(matrix[0], ROWS, DIM, CGAP_FLOAT32, "image"),
                     .text = cgap_source_view(matrix[1], ROWS, DIM, CGAP_FLOAT32, "text"),
                     .pairing = CGAP_BY_ROW};
}

static void prepare_files(void)
{
  cgap_dataset *dataset = NULL;
  cgap_error error = {0};
  char *files[2] = {in_folder("image.npy"), in_folder("text.npy")};
  fill_matrices();
  for (int k = 0; k < 2; k++) {
    char header[128];
    unsigned char file[sizeof header + sizeof matrix[k]];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    const int used = snprintf(header + 10, sizeof header - 10,
                              "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", ROWS, DIM);
    header[10 + used] = ' ';
    header[sizeof header - 1] = '\n';
    memcpy(file, header, sizeof header);
    memcpy(file + sizeof header, matrix[k], sizeof matrix[k]);
    write_bytes(files[k], file, sizeof file);
  }
  const cgap_input_options input = {.files = (const char *const *)files, .file_count = 2, .threads = 1};
  cgap_status status = cgap_dataset_open(&dataset, &input, &error);
  const struct {
    const char *name;
    cgap_layout layout;
  } out[] = {{"arrays", CGAP_LAYOUT_NPY}, {"a:b", CGAP_LAYOUT_NPY}, {"pairs.h5", CGAP_LAYOUT_HDF5}};
  for (size_t k = 0; status == CGAP_OK && k < sizeof out / sizeof *out; k++) {
    const cgap_convert_options options = {.layout = out[k].layout, .command = "contragap"};
    char *path = in_folder(out[k].name);
    status = cgap_convert(NULL, dataset, path, &options, &error);
    free(path);
  }
  REQUIRE(status == CGAP_OK, "no files: %s", error.message);
  cgap_dataset_close(dataset);
  free(files[0]);
  free(files[1]);
}

static cgap_dataset *own_dataset; /* of the files of our own */
static cgap_head *own_head;

static void prepare_apply(void)
{
  cgap_error error = {0};
  prepare_files();
  char *path = in_folder("arrays");
  const char *files[] = {path};
  const cgap_input_options input = {.files = files, .file_count = 1, .threads = 1};
  cgap_status status = cgap_dataset_open(&own_dataset, &input, &error);
  if (status == CGAP_OK)
    status =
      cgap_gap_method_fit(&own_head, CGAP_CENTER, 1, cgap_dataset_data(own_dataset), 1, (cgap_progress){0}, &error);
  REQUIRE(status == CGAP_OK, "no head: %s", error.message);
  free(path);
}

static void apply(const cgap_head *head, const cgap_dataset *dataset)
{
  const cgap_apply_file_options options = {.leave_bad = true, .threads = 1, .memory_bytes = (uint64_t)1 << 28};
  cgap_apply_summary summary;
  cgap_error error = {0};
  char *path = in_folder("closed.h5");
  (void)check_outcome(cgap_apply_file(&summary, head, dataset, path, &options, &error), &error);
  unlink(path);
  free(path);
}

/* What `convert` and `apply` write of a file. */
static void run_copy(const fuzz_input *in)
{
  static const cgap_convert_options convert = {.layout = CGAP_LAYOUT_HDF5, .command = "contragap convert"};
  cgap_dataset *dataset = NULL;
  cgap_error error = {0};
  cgap_input_options options = input_options(in);
  options.one_modality = false;
  if (check_outcome(cgap_dataset_open(&dataset, &options, &error), &error) && is_small(cgap_dataset_data(dataset))) {
    char *path = in_folder("converted.h5");
    (void)check_outcome(cgap_convert(NULL, dataset, path, &convert, &error), &error);
    unlink(path);
    free(path);
    apply(own_head, dataset);
  }
  cgap_dataset_close(dataset);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
  (void)facts, (void)kind, (void)place;
  return remove(path);
}

/* Nothing but the input is in the folder. */
static void check_folder(const fuzz_input *in)
{
  DIR *list = opendir(folder);
  REQUIRE(list, "no folder");
  for (const struct dirent *e; (e = readdir(list));)
    REQUIRE(e->d_name[0] == '.' || !strcmp(e->d_name, strrchr(in->path, '/') + 1), "%s is left", e->d_name);
  closedir(list);
}

/* Into every other container; nothing is written outside of the folder. */
static void run_export(const fuzz_input *in)
{
  static const struct {
    const char *name;
    cgap_layout layout;
  } OUT[] = {
    {"inner/o.npz", CGAP_LAYOUT_NPZ}, {"inner/o.safetensors", CGAP_LAYOUT_SAFETENSORS}, {"inner/o", CGAP_LAYOUT_NPY}};
  cgap_dataset *dataset = NULL;
  cgap_error error = {0};
  const cgap_input_options options = input_options(in);
  char *inner = in_folder("inner");
  if (check_outcome(cgap_dataset_open(&dataset, &options, &error), &error) && is_small(cgap_dataset_data(dataset)))
    for (size_t k = 0; k < sizeof OUT / sizeof *OUT; k++) {
      const cgap_convert_options convert = {.layout = OUT[k].layout, .command = "contragap convert", .replace = true};
      char *path = in_folder(OUT[k].name);
      (void)mkdir(inner, 0777);
      (void)check_outcome(cgap_convert(NULL, dataset, path, &convert, &error), &error);
      free(path);
      nftw(inner, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
  free(inner);
  cgap_dataset_close(dataset);
  check_folder(in);
}

static void run_head(const fuzz_input *in)
{
  cgap_head *head = NULL;
  cgap_error error = {0};
  size_t rows;
  const bool ok = check_outcome(cgap_head_read(&head, in->path, &error), &error);
  REQUIRE(ok == (head != NULL), "a head although reading failed, or none");
  if (!ok)
    return;
  const cgap_head_shape shape = cgap_head_shape_of(head);
  float x[2 * DIM_MAX], z[2 * DIM_MAX];
  for (size_t k = 0; k < 2 * DIM_MAX; k++)
    x[k] = k % (shape.dim_in + 1) ? 0 : 1;
  if (shape.dim_in <= DIM_MAX && shape.dim <= DIM_MAX)
    for (int kind = CGAP_IMAGE_ROWS; kind <= CGAP_TEXT_ROWS; kind++)
      (void)check_outcome(cgap_head_apply(head, kind, x, 2, z, &error), &error);
  (void)cgap_head_split(head, &rows);
  apply(head, own_dataset);
  cgap_head_close(head);
}

/* ---------------------------------------------------------------- a training's own files */

static struct {
  cgap_training_data data;
  cgap_trainer trainer;
  cgap_fingerprint fingerprint;
  cgap_progress_state state;
  unsigned ticks;
} training;

static bool stop_soon(void *context, const char *phase, double fraction)
{
  (void)context, (void)phase, (void)fraction;
  return ++training.ticks > 4;
}

/* A training of one step, and its checkpoint in the folder. */
static void prepare_checkpoint(void)
{
  cgap_error error = {0};
  cgap_epoch record;
  cgap_train_options options = CGAP_TRAIN_OPTIONS_INIT;
  fill_matrices();
  const cgap_data data = matrices_data();
  options.head = CGAP_HEAD_LINEAR;
  options.dim = 2;
  options.batch = 8;
  options.epochs = 3;
  options.learning_rate = 1e-3;
  options.threads = 1;
  options.memory_bytes = (uint64_t)1 << 28;
  options.progress.tick = stop_soon;
  cgap_status status = cgap_training_data_open(&training.data, &data, &options, false, &error);
  if (status == CGAP_OK)
    status =
      cgap_trainer_init(&training.trainer, &training.data.training, &training.data.validation, &options, NULL, &error);
  if (status == CGAP_OK)
    status = cgap_fingerprint_of(&training.fingerprint, &training.trainer, &error);
  training.state = training.trainer.state;
  if (status == CGAP_OK && cgap_trainer_epoch(&training.trainer, &record, &error) != CGAP_INTERRUPTED)
    status = CGAP_USAGE;
  char *path = in_folder("written.bin");
  if (status == CGAP_OK)
    status = cgap_checkpoint_write(&training.trainer, training.fingerprint, path, &error);
  REQUIRE(status == CGAP_OK, "no checkpoint: %s", error.message);
  free(path);
}

/* The numbers at the beginning of a checkpoint, after the magic (head/training/training_run.c). */
enum {
  CHECKPOINT_BYTES = 16,
  CHECKPOINT_HASH = 24,
  CHECKPOINT_FINGERPRINT = 32,
  CHECKPOINT_COUNT = 48,
  CHECKPOINT_HEADER = 64 + sizeof(cgap_progress_state),
  CHECKPOINT_ARRAYS = 4
};

static void read_checkpoint(const char *path)
{
  cgap_error error = {0};
  cgap_epoch record;
  cgap_trainer *t = &training.trainer;
  if (check_outcome(cgap_checkpoint_read(t, training.fingerprint, path, &error), &error)) {
    training.ticks = 0;
    const cgap_status status = cgap_trainer_done(t) ? CGAP_OK : cgap_trainer_epoch(t, &record, &error);
    if (status != CGAP_INTERRUPTED)
      (void)check_outcome(status, &error);
  }
  t->state = training.state;
}

/* As it is, and with the sizes and the checksum that it should have: no mutation hits those. */
static void run_checkpoint(const fuzz_input *in)
{
  read_checkpoint(in->path);
  if (in->size < CHECKPOINT_HEADER)
    return;
  unsigned char *mended = malloc(in->size);
  REQUIRE(mended, "out of memory");
  memcpy(mended, in->bytes, in->size);
  const uint64_t size = in->size, count = (in->size - CHECKPOINT_HEADER) / sizeof(float) / CHECKPOINT_ARRAYS;
  memcpy(mended + CHECKPOINT_BYTES, &size, sizeof size);
  memcpy(mended + CHECKPOINT_FINGERPRINT, &training.fingerprint, sizeof training.fingerprint);
  memcpy(mended + CHECKPOINT_COUNT, &count, sizeof count);
  uint64_t hash = XXH3_64bits(mended + CHECKPOINT_FINGERPRINT, CHECKPOINT_HEADER - CHECKPOINT_FINGERPRINT);
  for (size_t k = 0; k < CHECKPOINT_ARRAYS; k++)
    hash = XXH3_64bits_withSeed(mended + CHECKPOINT_HEADER + k * count * sizeof(float), count * sizeof(float), hash);
  memcpy(mended + CHECKPOINT_HASH, &hash, sizeof hash);
  write_bytes(in->path, mended, in->size);
  read_checkpoint(in->path);
  free(mended);
}

static void run_history(const fuzz_input *in)
{
  cgap_epoch_log log;
  cgap_history past;
  cgap_error error = {0};
  const cgap_epoch_log_files where = {.folder = folder, .prefix = "", .table = true};
  char *copy = in_folder("history.jsonl.bak-1");
  (void)check_outcome(cgap_epoch_log_open(&log, &where, &past, in->size % 4, 0, &error), &error);
  cgap_history_clear(&past);
  unlink(copy);
  free(copy);
  (void)in;
}

/* ---------------------------------------------------------------- a sweep */

static const char DATA[] = "0123456789abcdef"; /* the hash of the sweep's data */

static void run_runs(const fuzz_input *in)
{
  static const cgap_run run = {.command_line = "contragap sweep"};
  sweep_results results;
  cgap_sweep_grid grid = {0};
  cgap_train_options options = CGAP_TRAIN_OPTIONS_INIT, setting;
  cgap_error error = {0};
  bool found;
  (void)in;
  bool ok = check_outcome(sweep_results_open(&results, folder, true, DATA, &error), &error) &&
            cgap_sweep_grid_set(&grid, CGAP_AXIS_SEED, "0,1", &error) == CGAP_OK;
  for (size_t k = 0; ok && k < cgap_sweep_grid_settings(&grid); k++) {
    ok = check_outcome(sweep_setting_options(&setting, &grid, &options, k, &error), &error);
    size_t index[CGAP_AXES_MAX];
    cgap_sweep_grid_setting(&grid, k, index);
    json_t *own = sweep_options_json(&setting, DIM), *name = sweep_setting_json(&grid, index, SWEEP_ALL);
    ok = ok && check_outcome(sweep_results_take(&results, own, name, &found, &error), &error);
    json_decref(own);
    json_decref(name);
  }
  if (ok) /* whatever their options are */
    json_array_extend(results.runs, results.file);
  if (ok)
    (void)check_outcome(sweep_results_write(&results, &grid, folder, &run, NULL, &error), &error);
  if (ok)
    (void)check_outcome(sweep_report_print(&results, &grid, false, &(cgap_paper){.columns = 80}, &error), &error);
  cgap_sweep_grid_clear(&grid);
  sweep_results_clear(&results);
}

/* The first byte names the axis. */
static void run_grid(const fuzz_input *in)
{
  cgap_sweep_grid grid = {0};
  cgap_train_options options = CGAP_TRAIN_OPTIONS_INIT, setting;
  cgap_error error = {0};
  if (in->size == 0)
    return;
  const int axis = in->bytes[0] % cgap_axis_count();
  if (check_outcome(cgap_sweep_grid_set(&grid, axis, in->text + 1, &error), &error))
    for (size_t k = 0; k < cgap_sweep_grid_settings(&grid) && k < ROWS; k++) {
      if (!check_outcome(sweep_setting_options(&setting, &grid, &options, k, &error), &error))
        break;
      if (!check_outcome(cgap_train_check(&setting, DIM, &error), &error))
        break;
      json_decref(sweep_options_json(&setting, DIM));
    }
  cgap_sweep_grid_clear(&grid);
}

/* ---------------------------------------------------------------- reports, and what is in a folder of results */

static char *own_report;

static void prepare_report(void)
{
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_audit audit;
  cgap_error error = {0};
  fill_matrices();
  const cgap_data data = matrices_data();
  options.threads = 1;
  cgap_status status = cgap_audit_run(&audit, &data, &options, &error);
  json_t *json = status == CGAP_OK ? cgap_report_json(&audit, NULL, NULL) : NULL;
  const char *key;
  json_t *value;
  void *next;
  json_object_foreach_safe(json, next, key, value) if (strcmp(key, "gap") != 0 && strcmp(key, "data") != 0)
    json_object_del(json, key); /* a small one is read faster */
  own_report = in_folder("own.json");
  if (json)
    status = cgap_json_write(json, own_report, &error);
  REQUIRE(json && status == CGAP_OK, "no report: %s", error.message);
  json_decref(json);
  cgap_audit_clear(&audit);
}

/* `compare` with a report of our own, on either side. */
static void run_report(const fuzz_input *in)
{
  const bool first = in->size % 2;
  const char *const words[] = {"compare",
                               first ? in->path : own_report,
                               first ? own_report : in->path,
                               "--json",
                               "--all",
                               "--fail-if",
                               "gap.rmg>0.1",
                               NULL};
  char *argv[sizeof words / sizeof *words];
  cli_args args;
  memcpy(argv, words, sizeof words); /* popt wants pointers to char and changes nothing */
  int code = cli_parse(&args, &cmd_compare, sizeof argv / sizeof *argv - 1, argv);
  REQUIRE(code == CLI_GO, "compare refuses its options");
  code = cmd_compare.run(&args);
  REQUIRE(code >= CGAP_OK && code <= CGAP_RESOURCE, "exit code %d", code);
  cli_args_clear(&args);
}

static const char *const RESULTS[] = {"report.json", "compare.json", "rows.tsv", "report.html", NULL};
static const char *const FIGURES[] = {"cosines.tsv", "cosines.svg", "scatter.png", "variance.pdf", NULL};

/* All of them are the one file that is written. */
static void prepare_results(void)
{
  char *figures = in_folder("figures");
  REQUIRE(mkdir(figures, 0777) == 0, "no folder for figures");
  for (size_t k = 0; RESULTS[k]; k++) {
    char *path = in_folder(RESULTS[k]), *figure = cgap_format("%s/%s", figures, FIGURES[k]);
    REQUIRE(symlink("input.tsv", path) == 0 && figure && symlink("../input.tsv", figure) == 0, "no link");
    free(path);
    free(figure);
  }
  free(figures);
}

static void run_results(const fuzz_input *in)
{
  cgap_error error = {0};
  (void)in;
  for (int kind = CGAP_FOLDER_AUDIT; kind <= CGAP_FOLDER_SWEEP; kind++)
    (void)check_outcome(cgap_overwrite_folder(folder, kind, RESULTS, false, &error), &error);
}

/* The picture of gnuplot that the page takes in (linked with --wrap: nothing is started). */
static const char *picture;

char *__wrap_cgap_gnuplot_text(const char *in, const char *name, const cgap_plot_job *job, cgap_error *error);
char *__wrap_cgap_gnuplot_text(const char *in, const char *name, const cgap_plot_job *job, cgap_error *error)
{
  (void)in, (void)name, (void)job, (void)error;
  char *copy = strdup(picture);
  REQUIRE(copy, "out of memory");
  return copy;
}

static void put_figures(cgap_page *page, const void *data)
{
  static const char *const names[] = {"cosines"};
  (void)data;
  cgap_page_figures(page, names, 1);
}

static void run_picture(const fuzz_input *in)
{
  static const cgap_section sections[] = {{"figures", "Figures", put_figures}, {0}};
  cgap_error error = {0};
  picture = in->text;
  (void)check_outcome(cgap_page_write(folder, "title", "about", NULL, sections, NULL, NULL, &error), &error);
}

/* ---------------------------------------------------------------- the command line */

static void run_fail_if(const fuzz_input *in)
{
  static cgap_audit audit; /* empty */
  cgap_threshold threshold;
  cgap_error error = {0};
  if (!check_outcome(cgap_threshold_parse(&threshold, in->text, &error), &error))
    return;
  if (cgap_threshold_check(&threshold, &audit, &error) != CGAP_CROSSED)
    (void)check_outcome(error.status, &error);
  json_decref(cgap_thresholds_json(&threshold, 1, &audit));
}

/* The first byte names the kind of value. */
static void run_size(const fuzz_input *in)
{
  static const char *const choices[] = {"auto", "exact", "sampled", NULL};
  static const cli_kind kinds[] = {CLI_BYTES, CLI_INT, CLI_COUNT, CLI_SEED, CLI_REAL, CLI_CHOICE, CLI_STRING};
  union {
    uint64_t whole;
    double real;
    const char *text;
  } target;
  char why[200] = "";
  if (in->size == 0)
    return;
  cli_option option = {.name = "value", .target = &target, .choices = choices};
  option.kind = kinds[in->bytes[0] % (sizeof kinds / sizeof *kinds)];
  option.high = in->bytes[0] & 64 ? 1000 : 0;
  const bool ok = cli_value_read(&option, in->text + 1, why);
  REQUIRE(ok || why[0], "refused without a reason");
}

/* Lines: names of files as the command line has them, or an option by its first letter ("i=" for --image …). All are
 * below the folder. */
static void run_source(const fuzz_input *in)
{
  char *line[INPUTS_MAX] = {NULL};
  const char *files[INPUTS_MAX];
  cgap_input_options options = {.files = files, .threads = 1, .one_modality = true};
  const struct {
    const char *prefix;
    const char **value;
  } named[] = {{"i=", &options.image},
               {"t=", &options.text},
               {"l=", &options.labels},
               {"x=", &options.text_image},
               {"c=", &options.class_text}};
  const char *at = in->text;
  for (size_t k = 0; k < INPUTS_MAX && *at && !strstr(in->text, ".."); k++) {
    const size_t length = strcspn(at, "\n");
    const char **to = NULL;
    for (size_t n = 0; n < sizeof named / sizeof *named; n++)
      if (strncmp(at, named[n].prefix, 2) == 0)
        to = named[n].value;
    /* an option may also name a dataset */
    const bool path = to ? at[2] == '@' : true;
    line[k] = cgap_format("%s%s%.*s", path ? folder : "", path ? "/" : "", (int)length - (to ? 2 + path : 0),
                          at + (to ? 2 + path : 0));
    REQUIRE(line[k], "out of memory");
    if (to && (path || at[2] != '/'))
      *to = line[k];
    else if (!to)
      files[options.file_count++] = line[k];
    at += length + (at[length] == '\n');
  }
  describe(&options);
  for (size_t k = 0; k < INPUTS_MAX; k++)
    free(line[k]);
}

/* ---------------------------------------------------------------- all of them */

static const struct target {
  const char *name;
  const char *file; /* NULL: the bytes are a string */
  void (*prepare)(void);
  void (*run)(const fuzz_input *in);
} TARGETS[] = {
  {"npy", "image.npy", NULL, run_rows},
  {"npz", "pairs.npz", NULL, run_rows},
  {"npz-copy", "pairs.npz", NULL, run_export},
  {"pickle", "pairs.pkl", NULL, run_pickle}, /* and the files of PyTorch before 1.6 */
  {"safetensors", "pairs.safetensors", NULL, run_rows},
  {"safetensors-audit", "pairs.safetensors", NULL, run_audit}, /* values, and all that is computed from them */
  {"text_table", "pairs.csv", NULL, run_rows},                 /* tables, and JSON, which its content says */
  {"unsupported", "file.bin", NULL, run_list},                 /* archives: named, not read */
  {"checkpoint", "checkpoint.bin", prepare_checkpoint, run_checkpoint},
  {"history", "history.jsonl", NULL, run_history},
  {"runs", "runs.jsonl", NULL, run_runs},
  {"report", "report.json", prepare_report, run_report},
  {"tsv", "input.tsv", prepare_results, run_results},
  {"picture", NULL, NULL, run_picture},
  {"fail-if", NULL, NULL, run_fail_if},
  {"grid", NULL, NULL, run_grid},
  {"size", NULL, NULL, run_size},
  {"source", NULL, prepare_files, run_source},
  {"hdf5-open", "pairs.h5", NULL, run_list},
  {"hdf5-rows", "pairs.h5", NULL, run_rows},
  {"hdf5-audit", "pairs.h5", NULL, run_audit},
  {"hdf5-copy", "pairs.h5", prepare_apply, run_copy},
  {"head", "head.h5", prepare_apply, run_head},
};

static const struct target *target;
static char *target_path;

static void remove_folder(void)
{
  nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* What libhdf5 leaves behind in memory after a damaged file is its own. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
  return "leak:libhdf5\nleak:libomp\nleak:libgomp\nleak:libopenblas\n";
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  const char *name = getenv("FUZZ_TARGET");
  (void)argc, (void)argv;
  for (size_t k = 0; k < sizeof TARGETS / sizeof *TARGETS; k++)
    if (name && strcmp(TARGETS[k].name, name) == 0)
      target = &TARGETS[k];
  if (!target) {
    for (size_t k = 0; k < sizeof TARGETS / sizeof *TARGETS; k++)
      printf("%s\n", TARGETS[k].name);
    exit(2);
  }
  said = fdopen(dup(STDERR_FILENO), "w");
  omp_set_num_threads(1);
  snprintf(folder, sizeof folder, "%s/fuzz-XXXXXX", cgap_unnamed_file_folder());
  REQUIRE(mkdtemp(folder), "no folder below %s", cgap_unnamed_file_folder());
  atexit(remove_folder);
  cli_shared.threads = 1;
  if (target->prepare)
    target->prepare();
  if (target->file)
    target_path = in_folder(target->file);
  return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
  fuzz_input in = {.path = target_path, .bytes = data, .size = size};
  char *text = NULL;
  if (target->file) {
    write_bytes(target_path, data, size);
  } else {
    text = malloc(size + 1); /* of its own size, so that reading past its end is seen */
    REQUIRE(text, "out of memory");
    memcpy(text, data, size);
    text[size] = '\0';
    in.text = text;
  }
  static int lowest = -1;
  const int before = lowest_descriptor();
  target->run(&in);
  const int after = lowest_descriptor();
  lowest = lowest < 0 ? after : lowest; /* libraries may keep a file from their first use on */
  REQUIRE(after <= before || after <= lowest, "a file is left open: %d, then %d", before, after);
  free(text);
  return 0;
}
