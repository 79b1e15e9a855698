#include "io_ask.h"

#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char ask_directory[4096];

void ask_enter(void)
{
  support_directory(ask_directory, sizeof ask_directory);
  cr_assert_eq(chdir(ask_directory), 0);
}

void ask_leave(void)
{
  cr_assert_eq(chdir("/"), 0);
  support_remove(ask_directory);
}

static cgap_status open_asked(cgap_dataset **out, const io_ask *a, cgap_error *error)
{
  cgap_input_options options = CGAP_INPUT_OPTIONS_INIT;
  options.files = a->files;
  while (a->files[options.file_count])
    options.file_count++;
  options.image = a->image;
  options.text = a->text;
  options.text_image = a->text_image;
  options.labels = a->labels;
  options.class_text = a->class_text;
  options.unpaired = a->unpaired;
  return cgap_dataset_open(out, &options, error);
}

cgap_dataset *ask_open(const io_ask *a)
{
  cgap_dataset *d = NULL;
  cgap_error error = {0};
  cgap_status status = open_asked(&d, a, &error);
  cr_assert_eq(status, CGAP_OK, "%d: %s", status, error.message);
  return d;
}

void ask_refuse(const char *where, const io_ask *a, cgap_status want, const char *words)
{
  cgap_dataset *d = NULL;
  cgap_error error = {0};
  cgap_status status = open_asked(&d, a, &error);
  cr_expect_eq(status, want, "%s: status %d, not %d: %s", where, status, want, error.message);
  cr_expect_null(d, "%s: a dataset in spite of the refusal", where);
  cr_expect_null(strchr(error.message, '\n'), "%s: more than one line: %s", where, error.message);
  char *list = strdup(words);
  for (char *save = NULL, *word = strtok_r(list, "|", &save); word; word = strtok_r(NULL, "|", &save))
    cr_expect(strstr(error.message, word), "%s: no \"%s\" in: %s", where, word, error.message);
  free(list);
  cgap_dataset_close(d);
}

void ask_numbers(const char *where, const cgap_source *source, h5_shape shape, size_t piece)
{
  size_t count = source->rows * source->dim, size = cgap_type_size(source->type);
  double *numbers = h5_numbers(shape);
  unsigned char *want = support_encode(numbers, count, source->type), *got = support_alloc(count + 1, size);
  cgap_error error = {0};
  for (size_t at = 0; at < source->rows; at += piece) {
    size_t here = source->rows - at < piece ? source->rows - at : piece;
    cgap_status status = source->read(source, at, here, got + at * source->dim * size, &error);
    cr_assert_eq(status, CGAP_OK, "%s: %s", where, error.message);
  }
  cr_expect_eq(memcmp(got, want, count * size), 0, "%s: other bits, in pieces of %zu rows", where, piece);
  free(numbers);
  free(want);
  free(got);
}
