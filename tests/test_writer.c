/* Writing: what was written is read back; rounding to 16 bits is to nearest, ties to even; nothing stands under the
 * file's name before it is complete, and nothing is left behind when it never is. */
#include "h5_make.h"
#include "io/read/container.h"
#include "io/write/writer.h"
#include "io_ask.h"
#include "simd/convert.h"
#include "support.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static cgap_error error;

static void must(cgap_status status)
{
  cr_assert_eq(status, CGAP_OK, "%d: %s", status, error.message);
}

static size_t files_here(void)
{
  DIR *here = opendir(ask_directory);
  size_t count = 0;
  for (const struct dirent *entry; (entry = readdir(here));)
    count += entry->d_name[0] != '.';
  closedir(here);
  return count;
}

/* ---------------------------------------------------------------- rounding */

Test(half, every_half_comes_back, .init = NULL)
{
  for (int type = CGAP_FLOAT16; type <= CGAP_BFLOAT16; type++) {
    uint16_t all[65536];
    for (size_t i = 0; i < 65536; i++)
      all[i] = (uint16_t)i;
    double *values = support_decode(all, 65536, (cgap_type)type);
    for (size_t i = 0; i < 65536; i++) {
      uint16_t got = type == CGAP_FLOAT16 ? cgap_half_from_double(values[i]) : cgap_bfloat16_from_double(values[i]);
      uint16_t infinity = type == CGAP_FLOAT16 ? 0x7c00 : 0x7f80;
      if (isnan(values[i]))
        cr_assert((got & 0x7fff) > infinity, "NaN %zu became %x", i, got);
      else
        cr_assert_eq(got, i, "%zu: %.17g became %x", i, values[i], got);
    }
    free(values);
  }
}

/* Between neighbours the nearer is taken, in the middle the even one; the definition, tried on every gap. */
Test(half, rounding_is_to_nearest_even)
{
  for (int type = CGAP_FLOAT16; type <= CGAP_BFLOAT16; type++) {
    uint16_t (*round_to)(double) = type == CGAP_FLOAT16 ? cgap_half_from_double : cgap_bfloat16_from_double;
    uint16_t last = type == CGAP_FLOAT16 ? 0x7bff : 0x7f7f; /* the largest finite */
    for (uint16_t low = 0; low < last; low++) {
      uint16_t both[2] = {low, (uint16_t)(low + 1)};
      double *at = support_decode(both, 2, (cgap_type)type);
      double middle = (at[0] + at[1]) / 2;
      cr_assert_eq(round_to(middle), low % 2 ? low + 1 : low, "the middle above %x", low);
      cr_assert_eq(round_to(nextafter(middle, 0)), low, "below the middle above %x", low);
      cr_assert_eq(round_to(nextafter(middle, INFINITY)), low + 1, "past the middle above %x", low);
      cr_assert_eq(round_to(-middle), 0x8000 + (low % 2 ? low + 1 : low), "minus the middle above %x", low);
      free(at);
    }
    cr_expect_eq(round_to(INFINITY), last + 1);
    cr_expect_eq(round_to(1e300), last + 1);
    cr_expect_eq(round_to(-1e300), 0x8000 + last + 1);
    cr_expect_eq(round_to(5e-324), 0);
    cr_expect_eq(round_to(-0.0), 0x8000);
  }
  cr_expect_eq(cgap_half_from_double(65519.99), 0x7bff);
  cr_expect_eq(cgap_half_from_double(65520.0), 0x7c00);
  /* by way of float this would round twice, first up to the middle and then to the even neighbour above */
  cr_expect_eq(cgap_half_from_double(1 + 0x1p-11 + 0x1p-11 * 2 - 0x1p-40), 0x3c01);
}

/* ---------------------------------------------------------------- round trips */

Test(writer, every_type_and_rank_is_read_back, .init = ask_enter, .fini = ask_leave)
{
  const h5_shape image = {2, {50, 7}}, text = {3, {50, 3, 7}};
  double *numbers = h5_numbers(text);
  float *narrow = support_encode(numbers, 50 * 3 * 7, CGAP_FLOAT32);
  for (int type = CGAP_FLOAT16; type <= CGAP_FLOAT64; type++) {
    for (size_t piece = 1; piece <= 150; piece = 3 * piece + 1) {
      cgap_writer *w = NULL;
      must(cgap_writer_open(&w, "a.h5", &error));
      must(cgap_writer_create(w, "/deep/image", (cgap_type)type, 50, 0, 7, &error));
      must(cgap_writer_create(w, "/deep/text", (cgap_type)type, 50, 3, 7, &error));
      for (size_t at = 0; at < 150; at += piece) {
        size_t here = 150 - at < piece ? 150 - at : piece;
        must(cgap_writer_append_double(w, "/deep/text", numbers + at * 7, here, &error));
        if (at < 50)
          must(cgap_writer_append(w, "/deep/image", narrow + at * 7, at + here > 50 ? 50 - at : here, &error));
      }
      must(cgap_writer_close(w, true, &error));
      cgap_dataset *d = ask_open(&(io_ask){.files = {"a.h5"}});
      cr_expect_eq(cgap_dataset_data(d)->image.type, (cgap_type)type);
      cr_expect_eq(cgap_dataset_data(d)->text.type, (cgap_type)type);
      ask_numbers("image", &cgap_dataset_data(d)->image, image, 50);
      ask_numbers("text", &cgap_dataset_data(d)->text, text, 150);
      cgap_dataset_close(d);
    }
  }
  free(narrow);
  free(numbers);
}

/* Rows [first, first + rows) of the numbers of h5_numbers as /image, and as many groups of three as /text. */
static void write_part(const char *path, cgap_type type, const double *numbers, size_t first, size_t rows)
{
  cgap_writer *w = NULL;
  must(cgap_writer_open(&w, path, &error));
  must(cgap_writer_create(w, "/image", type, rows, 0, 7, &error));
  must(cgap_writer_create(w, "/text", type, rows, 3, 7, &error));
  must(cgap_writer_append_double(w, "/image", numbers + first * 7, rows, &error));
  must(cgap_writer_append_double(w, "/text", numbers + first * 21, rows * 3, &error));
  must(cgap_writer_close(w, true, &error));
}

Test(writer, virtual_datasets_are_read_back, .init = ask_enter, .fini = ask_leave)
{
  static const cgap_writer_source sources[] = {{"100%b.h5", 20}, {"none.h5", 0}, {"100%%.h5", 30}};
  double *numbers = h5_numbers((h5_shape){3, {50, 3, 7}});
  for (int type = CGAP_FLOAT16; type <= CGAP_FLOAT64; type++) {
    cgap_writer *w = NULL;
    write_part("100%b.h5", (cgap_type)type, numbers, 0, 20);
    write_part("100%%.h5", (cgap_type)type, numbers, 20, 30);
    must(cgap_writer_open(&w, "a.h5", &error));
    must(cgap_writer_virtual(w, "/image", (cgap_type)type, 0, 7, sources, 3, &error));
    must(cgap_writer_virtual(w, "/text", (cgap_type)type, 3, 7, sources, 3, &error));
    must(cgap_writer_close(w, true, &error));
    cgap_dataset *d = ask_open(&(io_ask){.files = {"a.h5"}});
    cr_expect_eq(cgap_dataset_data(d)->image.type, (cgap_type)type);
    ask_numbers("image", &cgap_dataset_data(d)->image, (h5_shape){2, {50, 7}}, 50);
    ask_numbers("text", &cgap_dataset_data(d)->text, (h5_shape){3, {50, 3, 7}}, 150);
    cgap_dataset_close(d);
  }
  free(numbers);
}

Test(writer, a_finished_file_has_no_name_before_it_is_closed, .init = ask_enter, .fini = ask_leave)
{
  static const int64_t labels[] = {1, 2, 3};
  for (int commit = 0; commit < 2; commit++) {
    cgap_writer *w = NULL;
    must(cgap_writer_open_as(&w, "a.h5", "other.name", &error));
    must(cgap_writer_int64(w, "/labels", labels, 3, 0, &error));
    must(cgap_writer_finish(w, &error));
    cr_expect(access("a.h5", F_OK) != 0 && access("other.name", F_OK) == 0);
    must(cgap_writer_close(w, commit, &error));
    cr_expect_eq(access("a.h5", F_OK) == 0, commit);
    cr_expect(access("other.name", F_OK) != 0);
  }
}

Test(writer, a_file_that_could_not_be_finished_gets_no_name, .init = ask_enter, .fini = ask_leave)
{
  cgap_writer *w = NULL;
  must(cgap_writer_open(&w, "a.h5", &error));
  must(cgap_writer_create(w, "/image", CGAP_FLOAT32, 3, 0, 7, &error)); /* and no rows */
  cr_expect_eq(cgap_writer_finish(w, &error), CGAP_USAGE);
  cr_expect_neq(cgap_writer_close(w, true, &error), CGAP_OK);
  cr_expect(access("a.h5", F_OK) != 0);
}

Test(writer, integers_attributes_and_copies_are_kept, .init = ask_enter, .fini = ask_leave)
{
  static const int64_t text_image[] = {2, 0, 1, 1}, labels[] = {1, 0, INT64_C(5000000000)};
  static const double weight[] = {0.25, 3};
  float rows[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  hid_t file = h5_create(ask_directory, "from.h5");
  h5_plain(file, "/text", (h5_shape){2, {4, 4}});
  h5_plain(file, "/group/inside", (h5_shape){2, {4, 4}});
  h5_close(file);
  cgap_file *from = NULL;
  must(cgap_file_open(&from, "from.h5", NULL, &error));
  for (int round = 0; round < 2; round++) { /* the second time over the first's file, with the same bytes */
    cgap_writer *w = NULL;
    must(cgap_writer_open(&w, "a.h5", &error));
    must(cgap_writer_create(w, "/image", CGAP_FLOAT32, 3, 0, 4, &error));
    must(cgap_writer_append(w, "/image", rows, 3, &error));
    must(cgap_writer_copy(w, from, "/text", "/text", &error));
    must(cgap_writer_copy(w, from, "/group", "/copied/group", &error));
    must(cgap_writer_int64(w, "/text_image", text_image, 4, 0, &error));
    must(cgap_writer_int64(w, "/labels", labels, 3, 0, &error));
    must(cgap_writer_float64(w, "/more/weight", weight, 2, 0, &error));
    must(cgap_writer_int64(w, "/more/pairs", text_image, 2, 2, &error));
    must(cgap_writer_attribute(w, "/", "source", "first", &error));
    must(cgap_writer_attribute(w, "/", "source", "second", &error));
    must(cgap_writer_attribute(w, "/image", "model", "ViT", &error));
    must(cgap_writer_close(w, true, &error));
  }
  cgap_file_close(from);
  cr_expect_eq(files_here(), 2);
  cgap_dataset *d = ask_open(&(io_ask){.files = {"a.h5"}});
  const cgap_data *data = cgap_dataset_data(d);
  cr_expect_eq(data->pairing, CGAP_BY_INDEX);
  cr_expect(data->text_image[0] == 2 && data->text_image[3] == 1);
  cr_expect(data->labels[2] == INT64_C(5000000000));
  ask_numbers("copied", &data->text, (h5_shape){2, {4, 4}}, 4);
  cgap_dataset_close(d);
  hid_t read = H5Fopen("a.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t attribute = H5Aopen(read, "source", H5P_DEFAULT), type = H5Aget_type(attribute);
  char value[20] = "";
  cr_expect(H5Tget_size(type) < sizeof value && H5Aread(attribute, type, value) >= 0);
  cr_expect_str_eq(value, "second");
  cr_expect_gt(H5Lexists(read, "/copied/group/inside", H5P_DEFAULT), 0);
  H5Tclose(type);
  H5Aclose(attribute);
  H5Fclose(read);
}

Test(writer, a_copy_of_a_virtual_dataset_needs_no_source, .init = ask_enter, .fini = ask_leave)
{
  static const char *const parts[] = {"part.h5", "part.h5"};
  cgap_writer *w = NULL;
  hid_t file = h5_create(ask_directory, "part.h5");
  h5_plain(file, "/rows", (h5_shape){2, {5, 4}});
  h5_close(file);
  file = h5_create(ask_directory, "from.h5");
  h5_virtual(file, "/image", parts, 2, "/rows", 5, 4);
  h5_close(file);
  cr_assert_eq(mkdir("elsewhere", 0700), 0);
  cgap_file *from = NULL;
  must(cgap_file_open(&from, "from.h5", NULL, &error));
  must(cgap_writer_open(&w, "elsewhere/a.h5", &error));
  must(cgap_writer_copy(w, from, "/image", "/deep/image", &error));
  must(cgap_writer_copy(w, from, "/image", "/deep/text", &error));
  must(cgap_writer_close(w, true, &error));
  cgap_file_close(from);
  cr_assert_eq(rename("part.h5", "aside.h5"), 0);
  cgap_dataset *d = ask_open(&(io_ask){.files = {"elsewhere/a.h5"}});
  const cgap_source *text = &cgap_dataset_data(d)->text;
  float got[40];
  double *numbers = h5_numbers((h5_shape){2, {5, 4}});
  cr_assert_eq(text->rows, 10);
  must(text->read(text, 0, 10, got, &error));
  for (size_t k = 0; k < 40; k++)
    cr_expect_eq((double)got[k], numbers[k % 20], "element %zu", k);
  free(numbers);
  cgap_dataset_close(d);
  must(cgap_file_open(&from, "from.h5", NULL, &error));
  must(cgap_writer_open(&w, "b.h5", &error));
  cr_expect_eq(cgap_writer_copy(w, from, "/image", "/image", &error), CGAP_FILE);
  cr_expect(strstr(error.message, "part.h5 is missing"), "%s", error.message);
  must(cgap_writer_close(w, false, &error));
  cgap_file_close(from);
}

/* (5, 4), may grow, over all of part.h5:/rows */
static void make_growing(hid_t file, const char *path)
{
  hid_t create = H5Pcreate(H5P_DATASET_CREATE);
  hid_t space = H5Screate_simple(2, (hsize_t[2]){5, 4}, (hsize_t[2]){H5S_UNLIMITED, 4});
  hid_t part = H5Screate_simple(2, (hsize_t[2]){5, 4}, (hsize_t[2]){H5S_UNLIMITED, 4});
  const hsize_t start[2] = {0, 0}, one[2] = {1, 1}, block[2] = {H5S_UNLIMITED, 4};
  cr_assert(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, one, block) >= 0);
  cr_assert(H5Sselect_hyperslab(part, H5S_SELECT_SET, start, NULL, one, block) >= 0);
  cr_assert(H5Pset_virtual(create, space, "part.h5", "/rows", part) >= 0);
  H5Dclose(H5Dcreate2(file, path, H5T_IEEE_F32LE, space, H5P_DEFAULT, create, H5P_DEFAULT));
  H5Sclose(part);
  H5Sclose(space);
  H5Pclose(create);
}

/* (5, 4), whose elements lie in `raw` as they lie in memory */
static void make_external(hid_t file, const char *path, const char *raw, const float *values)
{
  hid_t create = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, (hsize_t[2]){5, 4}, NULL);
  h5_not(ask_directory, raw, values, 20 * sizeof *values);
  cr_assert(H5Pset_external(create, raw, 0, 20 * sizeof *values) >= 0);
  H5Dclose(H5Dcreate2(file, path, H5T_NATIVE_FLOAT, space, H5P_DEFAULT, create, H5P_DEFAULT));
  H5Sclose(space);
  H5Pclose(create);
}

static void expect_copied(hid_t file, const char *path, const double *numbers)
{
  float got[20] = {0};
  H5O_info_t info = {0};
  hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT);
  cr_assert(H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, got) >= 0, "%s", path);
  for (size_t k = 0; k < 20; k++)
    cr_expect_eq((double)got[k], numbers[k], "%s: element %zu", path, k);
  cr_assert(H5Oget_info(dataset, &info) >= 0);
  cr_expect_eq(info.mtime, 0, "%s: a time makes other bytes of the same content", path);
  H5Dclose(dataset);
}

Test(writer, copies_need_no_other_file_and_keep_no_times, .init = ask_enter, .fini = ask_leave)
{
  cgap_writer *w = NULL;
  cgap_file *from = NULL;
  float values[20];
  double *numbers = h5_numbers((h5_shape){2, {5, 4}});
  for (size_t k = 0; k < 20; k++)
    values[k] = (float)numbers[k];
  hid_t file = h5_create(ask_directory, "part.h5");
  hid_t create = H5Pcreate(H5P_DATASET_CREATE);
  hid_t space = H5Screate_simple(2, (hsize_t[2]){5, 4}, (hsize_t[2]){H5S_UNLIMITED, 4});
  H5Pset_chunk(create, 2, (hsize_t[2]){5, 4});
  hid_t rows = H5Dcreate2(file, "/rows", H5T_IEEE_F32LE, space, H5P_DEFAULT, create, H5P_DEFAULT);
  cr_assert(H5Dwrite(rows, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  H5Dclose(rows);
  H5Sclose(space);
  H5Pclose(create);
  h5_close(file);
  file = h5_create(ask_directory, "from.h5");
  make_growing(file, "/growing");
  make_external(file, "/external", "raw", values);
  make_external(file, "/lost", "lost", values);
  h5_close(file);
  cr_assert_eq(remove("lost"), 0);
  must(cgap_file_open(&from, "from.h5", NULL, &error));
  must(cgap_writer_open(&w, "a.h5", &error));
  must(cgap_writer_copy(w, from, "/growing", "/deep/growing", &error));
  must(cgap_writer_copy(w, from, "/external", "/external", &error));
  must(cgap_writer_close(w, true, &error));
  must(cgap_writer_open(&w, "b.h5", &error));
  cr_expect_eq(cgap_writer_copy(w, from, "/lost", "/lost", &error), CGAP_FILE);
  cr_expect(strstr(error.message, "from.h5:/lost cannot be copied to b.h5:/lost (HDF5: ") &&
              !strstr(error.message, "no reason"),
            "%s", error.message);
  must(cgap_writer_close(w, false, &error));
  cgap_file_close(from);
  cr_assert_eq(remove("part.h5") | remove("raw"), 0);
  file = H5Fopen("a.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
  expect_copied(file, "/deep/growing", numbers);
  expect_copied(file, "/external", numbers);
  H5Fclose(file);
  free(numbers);
}

/* ---------------------------------------------------------------- failures */

Test(writer, nothing_stands_there_before_it_is_complete, .init = ask_enter, .fini = ask_leave)
{
  float rows[8] = {1};
  cgap_writer *w = NULL;
  h5_not(ask_directory, "a.h5", "kept", 4);
  must(cgap_writer_open(&w, "a.h5", &error));
  must(cgap_writer_create(w, "/image", CGAP_FLOAT32, 2, 0, 4, &error));
  must(cgap_writer_append(w, "/image", rows, 1, &error));
  char *old = support_read("a.h5");
  cr_expect_str_eq(old, "kept");
  free(old);
  cr_expect_eq(cgap_writer_append(w, "/image", rows, 2, &error), CGAP_USAGE); /* one too many */
  cr_expect_eq(cgap_writer_close(w, true, &error), CGAP_USAGE);               /* one too few */
  cr_expect(strstr(error.message, "a.h5:/image: 1 of 2 rows"), "%s", error.message);
  must(cgap_writer_open(&w, "a.h5", &error));
  must(cgap_writer_close(w, false, &error));
  old = support_read("a.h5");
  cr_expect_str_eq(old, "kept");
  free(old);
  cr_expect_eq(files_here(), 1);
  must(cgap_writer_close(NULL, true, &error));
}

Test(writer, places_that_cannot_be_written_are_refused, .init = ask_enter, .fini = ask_leave)
{
  cr_assert_eq(mkdir("folder", 0700), 0);
  h5_not(ask_directory, "file", "x", 1);
  const struct {
    const char *path, *words;
  } cases[] = {
    {"none/a.h5", "folder none does not exist"}, {"folder", "a folder"},     {"file/a.h5", "file is no folder"},
    {"/dev/full", "not a regular file"},         {"folder/", "name a file"}, {"", "name"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cgap_writer *w = NULL;
    cr_expect_eq(cgap_writer_open(&w, cases[i].path, &error), CGAP_FILE, "%s", cases[i].path);
    cr_expect_null(w);
    cr_expect(strstr(error.message, cases[i].words), "%s: %s", cases[i].path, error.message);
  }
  if (geteuid() != 0) { /* root may write everywhere */
    cgap_writer *w = NULL;
    cr_assert_eq(chmod("folder", 0500), 0);
    cr_expect_eq(cgap_writer_open(&w, "folder/a.h5", &error), CGAP_FILE);
    cr_expect(strstr(error.message, "folder/a.h5"), "%s", error.message);
    cr_assert_eq(chmod("folder", 0700), 0);
  }
}

/* A limit on the size of files stands in for a full disk: the write fails with EFBIG where it would with ENOSPC. */
Test(writer, a_full_disk_is_a_resource_that_ran_out, .init = ask_enter, .fini = ask_leave)
{
  enum { ROWS = 4096, DIM = 64 };
  signal(SIGXFSZ, SIG_IGN);
  float *rows = support_alloc(ROWS * DIM, sizeof *rows);
  for (rlim_t limit = 512; limit < 5u << 20; limit *= 3) {
    const struct rlimit small = {limit, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
    cgap_writer *w = NULL;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    cgap_status status = cgap_writer_open(&w, "a.h5", &error);
    for (int copy = 0; copy < 4 && status == CGAP_OK; copy++) {
      char path[20];
      (void)snprintf(path, sizeof path, "/image%d", copy);
      status = cgap_writer_create(w, path, CGAP_FLOAT32, ROWS, 0, DIM, &error);
      for (size_t at = 0; at < ROWS && status == CGAP_OK; at += 256)
        status = cgap_writer_append(w, path, rows, 256, &error);
    }
    cgap_status closed = cgap_writer_close(w, status == CGAP_OK, status == CGAP_OK ? &error : NULL);
    status = status == CGAP_OK ? closed : status;
    (void)setrlimit(RLIMIT_FSIZE, &none);
    if (limit < ROWS * DIM * 4 * sizeof *rows) {
      cr_expect_eq(status, CGAP_RESOURCE, "limit %lu: status %d: %s", (unsigned long)limit, status, error.message);
      cr_expect(strstr(error.message, "a.h5: cannot write"), "%s", error.message);
    }
    cr_expect_eq(files_here(), status == CGAP_OK, "limit %lu left something", (unsigned long)limit);
  }
  free(rows);
}
