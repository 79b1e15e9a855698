/* contragap info: what is in a file, what was taken from it and why; reads no embeddings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output_file.h"
#include "base/text_buffer.h"
#include "cli/messages.h"
#include "cli/options.h"
#include "io/find/dataset.h"

static struct {
  bool json;
} opt;

static const cli_option own[] = {{"json", 0, CLI_FLAG, &opt.json, .help = "print JSON on stdout, and nothing else"},
                                 {0}};

/* The parts of cgap_dataset_json, as a person calls them. */
static const struct {
  const char *key, *title;
} PARTS[] = {
  {"image", "image"},
  {"text", "text"},
  {"labels", "labels"},
  {"class_text", "class text"},
};

static const char *const NAMED[] = {"image", "text", "class"};
static const char *const MEMBERS[] = {"words", "image_label", "query", "weight"};

/* A name comes from the file: no control character of it reaches the terminal. */
static void put_printable(const char *text)
{
  cgap_text_put(stdout, text ? text : "", '?');
}

/* Cells are padded by columns of the terminal, not by bytes. */
static int columns_of(const char *text)
{
  return text ? cgap_text_width(text, strlen(text)) : 0;
}

static void put_padded(const char *text, int width)
{
  put_printable(text);
  printf("%*s", width > columns_of(text) ? width - columns_of(text) : 0, "");
}

static const char *string_of(const json_t *object, const char *key)
{
  return json_string_value(json_object_get(object, key));
}

static void shape_text(char *out, size_t size, const json_t *dataset)
{
  const json_t *shape = json_object_get(dataset, "shape");
  size_t at = 0;
  out[0] = '\0';
  for (size_t i = 0; i < json_array_size(shape) && at < size; i++) {
    int written =
      snprintf(out + at, size - at, "%s%lld", i ? " × " : "", (long long)json_integer_value(json_array_get(shape, i)));
    at += written > 0 ? (size_t)written : 0;
  }
  if (json_array_size(shape) == 0)
    (void)snprintf(out, size, "scalar");
}

/* ---------------------------------------------------------------- what there is */

enum { COLUMNS = 4, TITLE = 12, LEFT_OUT_MAX = 12 };

static void cells_of(const char *cells[COLUMNS], char shape[200], const json_t *dataset)
{
  shape_text(shape, 200, dataset);
  cells[0] = string_of(dataset, "path");
  cells[1] = shape;
  cells[2] = string_of(dataset, "type");
  cells[3] = string_of(dataset, "storage");
}

static void print_dataset(const json_t *dataset, const int width[COLUMNS])
{
  const char *cells[COLUMNS];
  char shape[200];
  const char *unreadable = string_of(dataset, "unreadable");
  cells_of(cells, shape, dataset);
  int used = 0;
  for (int c = 0; c < COLUMNS; c++)
    used += 2 + width[c];
  const bool apart = used > cli_columns(STDOUT_FILENO); /* how it is stored then has a line of its own */
  for (int c = 0; c < COLUMNS - 1; c++) {
    printf("  ");
    put_padded(cells[c], apart && c == COLUMNS - 2 ? 0 : width[c]);
  }
  printf(apart ? "\n      " : "  ");
  put_printable(cells[COLUMNS - 1]);
  if (json_is_true(json_object_get(dataset, "same_as_earlier")))
    printf(" (another name of one above)");
  if (unreadable) {
    char text[1000];
    cli_name_flags(text, sizeof text, unreadable);
    printf("; ");
    put_printable(text);
  }
  putchar('\n');
}

static void print_file(const json_t *file)
{
  const json_t *datasets = json_object_get(file, "datasets"), *dataset;
  int width[COLUMNS] = {0};
  size_t i;
  put_printable(string_of(file, "path"));
  printf(": %lld bytes, %zu dataset%s\n", (long long)json_integer_value(json_object_get(file, "bytes")),
         json_array_size(datasets), json_array_size(datasets) == 1 ? "" : "s");
  json_array_foreach(datasets, i, dataset)
  {
    const char *cells[COLUMNS];
    char shape[200];
    cells_of(cells, shape, dataset);
    for (int c = 0; c < COLUMNS; c++)
      width[c] = columns_of(cells[c]) > width[c] ? columns_of(cells[c]) : width[c];
  }
  json_array_foreach(datasets, i, dataset) print_dataset(dataset, width);
}

/* ---------------------------------------------------------------- what was taken */

static void print_role(const char *title, const json_t *role)
{
  put_padded(title, columns_of(title) < TITLE ? TITLE : columns_of(title) + 2);
  if (!json_is_object(role)) {
    printf("none\n");
    return;
  }
  const char *kind = string_of(role, "type"), *why = string_of(role, "why");
  char rows[100] = "";
  if (kind)
    (void)snprintf(rows, sizeof rows, ", %lld rows of %lld, %s",
                   (long long)json_integer_value(json_object_get(role, "rows")),
                   (long long)json_integer_value(json_object_get(role, "dim")), kind);
  const int shown_width = TITLE + columns_of(string_of(role, "name")) + columns_of(rows) + columns_of(why) + 3;
  put_printable(string_of(role, "name"));
  if (TITLE + columns_of(string_of(role, "name")) + columns_of(rows) > cli_columns(STDOUT_FILENO))
    printf(",\n%*s%s", TITLE, "", rows + (rows[0] ? 2 : 0));
  else
    printf("%s", rows);
  if (shown_width > cli_columns(STDOUT_FILENO)) /* the reason has a line of its own */
    printf("\n%*s(", TITLE, "");
  else
    printf(" (");
  put_printable(why);
  printf(")\n");
}

/* What audit would measure, where that is no gap. */
static void print_measured(const json_t *taken)
{
  const json_t *image = json_object_get(taken, "image"), *text = json_object_get(taken, "text");
  const bool classes = json_is_object(json_object_get(taken, "class_text"));
  const json_int_t dim = json_integer_value(json_object_get(image, "dim")),
                   other = json_integer_value(json_object_get(text, "dim"));
  const char *what = NULL;
  if (json_is_object(image) && json_is_object(text) && dim != other)
    what = "two spaces of different width: each modality by itself, and their agreement where paired; train and apply "
           "need one width";
  else if (json_is_object(image) != json_is_object(text) && !classes)
    what = "one modality by itself: uniformity, cosines, spectrum, hubness, duplicates; a gap needs another";
  if (!what)
    return;
  put_padded("measured", TITLE);
  printf("%s\n", what);
}

static void print_taken(const json_t *taken)
{
  const json_t *pairing = json_object_get(taken, "pairing"), *arithmetic = json_object_get(taken, "arithmetic");
  const json_t *notes = json_object_get(taken, "notes"), *note;
  size_t n;
  const json_t *names = json_object_get(taken, "modalities");
  for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
    const char *name = json_string_value(json_array_get(names, i)); /* NULL past the two */
    print_role(name ? name : PARTS[i].title, json_object_get(taken, PARTS[i].key));
    if (i == 1) {
      put_padded("pairing", TITLE);
      put_printable(json_is_object(pairing) ? string_of(pairing, "why") : "none");
      putchar('\n');
    }
  }
  print_measured(taken);
  if (!json_is_object(arithmetic))
    print_role("arithmetic", NULL);
  for (size_t i = 0; json_is_object(arithmetic) && i < sizeof MEMBERS / sizeof *MEMBERS; i++) {
    char title[40];
    (void)snprintf(title, sizeof title, i ? "" : "arithmetic");
    if (json_is_object(json_object_get(arithmetic, MEMBERS[i])))
      print_role(title, json_object_get(arithmetic, MEMBERS[i]));
  }
  for (size_t i = 0, shown = 0; i < sizeof NAMED / sizeof *NAMED; i++) {
    const json_t *role = json_object_get(json_object_get(taken, "names"), NAMED[i]);
    if (json_is_object(role))
      print_role(shown++ ? "" : "names", role);
  }
  json_array_foreach(notes, n, note)
  {
    put_padded("note", TITLE);
    char text[2400];
    cli_name_flags(text, sizeof text, json_string_value(note));
    put_printable(text);
    putchar('\n');
  }
}

/* The datasets that are not used. */
static void print_left_out(const json_t *files)
{
  const json_t *file, *dataset;
  size_t i, k, left = 0;
  json_array_foreach(files, i, file)
  {
    json_array_foreach(json_object_get(file, "datasets"), k, dataset)
    {
      if (string_of(dataset, "taken_as") || json_is_true(json_object_get(dataset, "same_as_earlier")))
        continue;
      if (++left == 1)
        put_padded("left out", TITLE);
      if (left <= LEFT_OUT_MAX) {
        printf(left > 1 ? ", " : "");
        put_printable(string_of(dataset, "path"));
      }
    }
  }
  if (left > LEFT_OUT_MAX)
    printf(" and %zu more", left - LEFT_OUT_MAX);
  if (left)
    putchar('\n');
}

static cgap_status print_text(const json_t *files, const json_t *taken, cgap_error *error)
{
  const json_t *file;
  size_t i;
  json_array_foreach(files, i, file) print_file(file);
  putchar('\n');
  print_taken(taken);
  if (json_is_object(json_object_get(taken, "image")))
    print_left_out(files);
  return cli_printed(CGAP_OK, error);
}

/* ---------------------------------------------------------------- the command */

static cgap_status print_listing(const cgap_dataset *dataset, const char *refusal, cgap_error *error)
{
  json_t *files = cgap_dataset_listing_json(dataset), *taken = cgap_dataset_json(dataset);
  cgap_status status = CGAP_OK;
  if (!files || !taken) {
    status = cgap_fail(error, CGAP_RESOURCE, "out of memory for the listing");
  } else if (opt.json) {
    json_t *out = json_pack("{s:O, s:O, s:o}", "files", files, "taken", taken, "refused", cgap_json_string(refusal));
    status = cli_printed(cgap_json_print(out, stdout, error), error);
    json_decref(out);
  } else {
    status = print_text(files, taken, error);
  }
  json_decref(files);
  json_decref(taken);
  return status;
}

/* A file that is refused is listed all the same: the listing is what helps. */
static int run_info(const cli_args *args)
{
  cgap_dataset *dataset = NULL;
  cgap_input_options input;
  cli_modalities names;
  cgap_error refusal = {0}, error = {0};
  cgap_status status = cli_input(&input, &names, args, &refusal);
  input.one_modality = input.for_audit = true;
  if (!status)
    status = cgap_dataset_inspect(&dataset, &input, &refusal);
  char refused[sizeof refusal.message];
  cli_name_flags(refused, sizeof refused, refusal.message);
  cgap_status printed = dataset ? print_listing(dataset, status ? refused : NULL, &error) : CGAP_OK;
  cgap_dataset_close(dataset);
  if (status)
    return cli_fail(&refusal);
  return printed ? cli_fail(&error) : CGAP_OK;
}

const cli_spec cmd_info = {
  .name = "info",
  .summary = "what is in a file, what would be used of it, and why",
  .usage = "FILE…",
  .example = "contragap info pairs.h5",
  .about =
    "Lists the datasets of FILE with shape, type and storage, and says which were chosen as image, text, pairing, "
    "labels and class texts, and why. Reads no embeddings, so that it is as quick on a large file as on a "
    "small one.",
  .groups = {{"Options", own}, CLI_INPUT_GROUP, CLI_RUN_GROUP},
  .argument = "FILE",
  .run = run_info,
};
