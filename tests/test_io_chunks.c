/* Chunked datasets unpacked in threads: the same bits for one, two and three threads, for blocks that cut chunks, for
 * chunks that cut rows, were never written, or went without a filter; a damaged chunk is one line. */
#include "h5_make.h"
#include "io_ask.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct chunk_layout {
  hsize_t chunk[3];
  bool shuffle, gzip, checksum;
  bool raw_margin; /* chunks that reach past the data are stored without filters */
} chunk_layout;

static const chunk_layout LAYOUTS[] = {
  {{8, 3, 16}, false, false, false, false}, {{8, 3, 16}, false, true, false, false},
  {{8, 3, 16}, true, true, false, false},   {{7, 2, 5}, true, true, false, false},
  {{7, 2, 5}, true, false, false, false},   {{1, 1, 16}, false, true, false, false},
  {{100, 3, 16}, true, true, false, false}, {{7, 2, 5}, false, true, true, false},
  {{7, 2, 5}, true, true, false, true},
};
enum { LAYOUT_COUNT = sizeof LAYOUTS / sizeof *LAYOUTS, ROWS = 100, MIDDLE = 3, DIM = 16 };

static hid_t element_type(cgap_type type)
{
  hid_t id = H5Tcopy(type == CGAP_FLOAT64 ? H5T_IEEE_F64LE : H5T_IEEE_F32LE);
  if (type == CGAP_FLOAT16) {
    H5Tset_fields(id, 15, 10, 5, 0, 10);
    H5Tset_size(id, 2);
    H5Tset_ebias(id, 15);
  }
  return id;
}

static hid_t plist_of(const chunk_layout *l, int rank)
{
  hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
  const hsize_t chunk[3] = {l->chunk[0], rank == 3 ? l->chunk[1] : l->chunk[2], l->chunk[2]};
  H5Pset_chunk(plist, rank, chunk);
  if (l->raw_margin)
    H5Pset_chunk_opts(plist, H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS);
  if (l->shuffle)
    H5Pset_shuffle(plist);
  if (l->gzip)
    H5Pset_deflate(plist, 5);
  if (l->checksum)
    H5Pset_fletcher32(plist);
  return plist;
}

/* `bytes` NULL: created and never written. */
static hid_t put(hid_t file, const char *name, h5_shape shape, cgap_type type, hid_t plist, const void *bytes)
{
  hid_t space = H5Screate_simple(shape.rank, shape.size, NULL), id = element_type(type);
  hid_t dataset = H5Dcreate2(file, name, id, space, H5P_DEFAULT, plist, H5P_DEFAULT);
  cr_assert(dataset >= 0);
  cr_assert(!bytes || H5Dwrite(dataset, id, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0);
  H5Tclose(id);
  H5Sclose(space);
  return dataset;
}

static void write_sides(const chunk_layout *l, cgap_type type, h5_shape image, h5_shape text)
{
  const h5_shape shapes[2] = {image, text};
  static const char *const NAMES[2] = {"image", "text"};
  hid_t file = h5_create(ask_directory, "a.h5");
  for (int side = 0; side < 2; side++) {
    size_t count = 1;
    for (int k = 0; k < shapes[side].rank; k++)
      count *= (size_t)shapes[side].size[k];
    double *numbers = h5_numbers(shapes[side]);
    void *bytes = support_encode(numbers, count, type);
    hid_t plist = plist_of(l, shapes[side].rank);
    H5Dclose(put(file, NAMES[side], shapes[side], type, plist, bytes));
    H5Pclose(plist);
    free(numbers);
    free(bytes);
  }
  h5_close(file);
}

static cgap_dataset *open_with(int threads)
{
  const char *path = "a.h5";
  cgap_input_options options = CGAP_INPUT_OPTIONS_INIT;
  cgap_error error = {0};
  cgap_dataset *d = NULL;
  options.files = &path;
  options.file_count = 1;
  options.threads = threads;
  cr_assert_eq(cgap_dataset_open(&d, &options, &error), CGAP_OK, "%s", error.message);
  return d;
}

Test(io_chunks, any_number_of_threads_gives_the_bits_back, .init = ask_enter, .fini = ask_leave)
{
  static const cgap_type TYPES[] = {CGAP_FLOAT16, CGAP_FLOAT32, CGAP_FLOAT64};
  const h5_shape image = {2, {ROWS, DIM}}, text = {3, {ROWS, MIDDLE, DIM}};
  for (int k = 0; k < LAYOUT_COUNT; k++)
    for (int t = 0; t < 3; t++) {
      write_sides(&LAYOUTS[k], TYPES[t], image, text);
      for (int threads = 1; threads <= 3; threads++) {
        char where[80];
        (void)snprintf(where, sizeof where, "layout %d, %s, %d threads", k, cgap_type_name(TYPES[t]), threads);
        cgap_dataset *d = open_with(threads);
        const cgap_data *data = cgap_dataset_data(d);
        for (size_t piece = 1; piece <= 300; piece = 3 * piece + 2) {
          ask_numbers(where, &data->image, image, piece);
          ask_numbers(where, &data->text, text, piece);
        }
        cgap_dataset_close(d);
      }
      remove("a.h5");
    }
}

Test(io_chunks, rows_in_any_order_are_theirs, .init = ask_enter, .fini = ask_leave)
{
  const h5_shape shape = {2, {ROWS, DIM}};
  write_sides(&LAYOUTS[3], CGAP_FLOAT32, shape, shape);
  cgap_dataset *d = open_with(2);
  const cgap_source *image = &cgap_dataset_data(d)->image;
  double *numbers = h5_numbers(shape);
  float *want = support_encode(numbers, ROWS * DIM, CGAP_FLOAT32), *got = support_alloc(ROWS * DIM, sizeof *got);
  support_random random = support_seed(3);
  cgap_error error;
  for (int k = 0; k < 300; k++) {
    const size_t first = support_below(&random, ROWS), count = 1 + support_below(&random, ROWS - first);
    cr_assert_eq(image->read(image, first, count, got, &error), CGAP_OK);
    cr_assert_eq(memcmp(got, want + first * DIM, count * DIM * sizeof *got), 0, "rows %zu to %zu", first,
                 first + count - 1);
  }
  free(numbers);
  free(want);
  free(got);
  cgap_dataset_close(d);
}

Test(io_chunks, chunks_never_written_hold_the_fill_value, .init = ask_enter, .fini = ask_leave)
{
  const h5_shape shape = {2, {ROWS, DIM}};
  const float seven = 7;
  hid_t file = h5_create(ask_directory, "a.h5"), plist = plist_of(&LAYOUTS[2], 2);
  H5Dclose(put(file, "text", shape, CGAP_FLOAT32, plist, NULL));
  H5Pset_fill_value(plist, H5T_NATIVE_FLOAT, &seven);
  hid_t dataset = put(file, "image", shape, CGAP_FLOAT32, plist, NULL);
  const hsize_t start[2] = {40, 0}, count[2] = {8, DIM};
  float ones[8 * DIM];
  for (int k = 0; k < 8 * DIM; k++)
    ones[k] = 1;
  hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(2, count, NULL);
  H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
  cr_assert(H5Dwrite(dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, ones) >= 0);
  H5Sclose(space);
  H5Sclose(memory);
  H5Dclose(dataset);
  H5Pclose(plist);
  h5_close(file);
  cgap_dataset *d = open_with(2);
  float rows[ROWS * DIM];
  cgap_error error;
  const cgap_data *data = cgap_dataset_data(d);
  cr_assert_eq(data->image.read(&data->image, 0, ROWS, rows, &error), CGAP_OK);
  for (int k = 0; k < ROWS * DIM; k++)
    cr_assert_eq(rows[k], k / DIM >= 40 && k / DIM < 48 ? 1 : 7, "image, element %d: %g", k, (double)rows[k]);
  cr_assert_eq(data->text.read(&data->text, 0, ROWS, rows, &error), CGAP_OK);
  for (int k = 0; k < ROWS * DIM; k++)
    cr_assert_eq(rows[k], 0, "text, element %d: %g", k, (double)rows[k]);
  cgap_dataset_close(d);
}

/* Whether the mask of filters is regarded: a chunk written directly, as plain bytes. */
Test(io_chunks, a_chunk_may_go_without_its_filters, .init = ask_enter, .fini = ask_leave)
{
  const h5_shape shape = {2, {16, DIM}};
  const chunk_layout l = {{8, 1, DIM}, true, true, false, false};
  double *numbers = h5_numbers(shape);
  float *bytes = support_encode(numbers, 16 * DIM, CGAP_FLOAT32);
  hid_t file = h5_create(ask_directory, "a.h5"), plist = plist_of(&l, 2);
  H5Dclose(put(file, "text", shape, CGAP_FLOAT32, plist, bytes));
  hid_t dataset = put(file, "image", shape, CGAP_FLOAT32, plist, bytes);
  const hsize_t second[2] = {8, 0};
  cr_assert(H5Dwrite_chunk(dataset, H5P_DEFAULT, 3, second, 8 * DIM * sizeof *bytes, bytes + 8 * DIM) >= 0);
  H5Dclose(dataset);
  H5Pclose(plist);
  h5_close(file);
  cgap_dataset *d = open_with(2);
  ask_numbers("mask", &cgap_dataset_data(d)->image, shape, 16);
  cgap_dataset_close(d);
  free(numbers);
  free(bytes);
}

/* A gzip chunk cut short, and one whose bytes are not gzip: which one, and what to do; the others can still be read. */
Test(io_chunks, a_damaged_chunk_is_one_line, .init = ask_enter, .fini = ask_leave)
{
  const h5_shape shape = {2, {ROWS, DIM}};
  const chunk_layout l = {{10, 1, DIM}, false, true, false, false};
  write_sides(&l, CGAP_FLOAT32, shape, shape);
  hid_t file = H5Fopen("a.h5", H5F_ACC_RDWR, H5P_DEFAULT), dataset = H5Dopen2(file, "image", H5P_DEFAULT);
  const hsize_t cut[2] = {30, 0}, wrong[2] = {70, 0};
  unsigned char stored[10 * DIM * 8];
  hsize_t size = 0;
  uint32_t mask = 0;
  cr_assert(H5Dget_chunk_storage_size(dataset, cut, &size) >= 0 && size < sizeof stored);
  cr_assert(H5Dread_chunk(dataset, H5P_DEFAULT, cut, &mask, stored) >= 0);
  cr_assert(H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, cut, size / 2, stored) >= 0);
  memset(stored, 0xa5, sizeof stored);
  cr_assert(H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, wrong, size, stored) >= 0);
  H5Dclose(dataset);
  H5Fclose(file);
  for (int threads = 1; threads <= 3; threads++) {
    cgap_dataset *d = open_with(threads);
    const cgap_source *image = &cgap_dataset_data(d)->image;
    float rows[ROWS * DIM];
    cgap_error error = {0};
    cr_expect_eq(image->read(image, 0, ROWS, rows, &error), CGAP_FILE);
    cr_expect_str_eq(error.message,
                     "a.h5:/image: the chunk of rows 30 to 39 is damaged: gzip does not unpack it to the "
                     "length that its shape says; copy the file again");
    cr_expect_eq(image->read(image, 60, 20, rows, &error), CGAP_FILE);
    cr_expect(strstr(error.message, "rows 70 to 79") != NULL, "%s", error.message);
    cr_expect_eq(image->read(image, 40, 30, rows, &error), CGAP_OK);
    cgap_dataset_close(d);
  }
}

/* Of a file that was whole when it was opened. */
Test(io_chunks, a_file_cut_while_it_is_read_says_where, .init = ask_enter, .fini = ask_leave)
{
  const h5_shape shape = {2, {ROWS, DIM}};
  const chunk_layout l = {{10, 1, DIM}, false, true, false, false};
  write_sides(&l, CGAP_FLOAT32, shape, shape);
  cgap_dataset *d = open_with(2);
  const cgap_source *image = &cgap_dataset_data(d)->image;
  float rows[ROWS * DIM];
  cgap_error error = {0};
  cr_expect_eq(image->read(image, 0, 10, rows, &error), CGAP_OK, "%s", error.message);
  cr_assert_eq(truncate("a.h5", 2048), 0);
  cr_expect_eq(image->read(image, 0, ROWS, rows, &error), CGAP_FILE);
  cr_expect(strstr(error.message, "a.h5:/image: the file ends at byte"), "%s", error.message);
  cgap_dataset_close(d);
}
