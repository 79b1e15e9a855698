/* Damage: whatever bit of a file is wrong, what is read of it is what was written, or it is refused. Where a format has
 * no checksum, bytes are left out that nothing can tell from right ones, such as elements and names. */
#include "h5_make.h"
#include "io/find/dataset.h"
#include "io_ask.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zip.h>

enum { N = 24, D = 4, C = 3 };
enum { SAME, REFUSED, OTHER, SIGNALLED, OUTCOMES };

typedef struct bytes {
  unsigned char *at;
  size_t count;
  bool *spared; /* (count) */
} bytes;

static bytes read_file(const char *name)
{
  bytes b = {0};
  FILE *file = fopen(name, "rb");
  cr_assert_not_null(file, "%s", name);
  cr_assert_eq(fseek(file, 0, SEEK_END), 0);
  b.count = (size_t)ftell(file);
  rewind(file);
  b.at = malloc(b.count);
  b.spared = calloc(b.count, 1);
  cr_assert_eq(fread(b.at, 1, b.count, file), b.count);
  cr_assert_eq(fclose(file), 0);
  return b;
}

static void write_file(const char *name, const bytes *b)
{
  FILE *file = fopen(name, "wb");
  cr_assert_not_null(file, "%s", name);
  cr_assert_eq(fwrite(b->at, 1, b->count, file), b->count);
  cr_assert_eq(fclose(file), 0);
}

static void spare(bytes *b, size_t from, size_t count)
{
  for (size_t i = from; i < from + count && i < b->count; i++)
    b->spared[i] = true;
}

/* ---------------------------------------------------------------- what is read of it */

/* All that decides the numbers but the rows themselves; "" where it is refused. */
static void read_facts(char *out, size_t size, const char *name)
{
  cgap_dataset *d = NULL;
  cgap_error error = {0};
  cgap_input_options options = CGAP_INPUT_OPTIONS_INIT;
  options.files = &name;
  options.file_count = 1;
  out[0] = '\0';
  if (cgap_dataset_open(&d, &options, &error) != CGAP_OK) {
    cr_assert_not_null(strstr(error.message, name), "%s", error.message);
    return;
  }
  const cgap_data *data = cgap_dataset_data(d);
  size_t used = (size_t)snprintf(out, size, "%zu %zu %zu %zu %d %d:", data->image.rows, data->text.rows,
                                 data->image.dim, data->class_text.rows, (int)data->pairing, (int)data->image.type);
  for (size_t i = 0; i < data->text.rows && used + 40 < size; i++)
    used += (size_t)snprintf(out + used, size - used, " %d", data->text_image ? (int)data->text_image[i] : -1);
  for (size_t i = 0; i < data->image.rows && used + 40 < size; i++)
    used += (size_t)snprintf(out + used, size - used, " %d", data->labels ? (int)data->labels[i] : -1);
  cgap_dataset_close(d);
}

/* In a process of its own: the library of the format may go down with the file. */
static int outcome_of(const char *name, const char *right)
{
  int state = 0;
  const pid_t child = fork();
  cr_assert(child >= 0);
  if (child == 0) {
    char facts[4000];
    alarm(5);
    read_facts(facts, sizeof facts, name);
    _exit(facts[0] == '\0' ? REFUSED : strcmp(facts, right) == 0 ? SAME : OTHER);
  }
  cr_assert_eq(waitpid(child, &state, 0), child);
  return WIFEXITED(state) ? WEXITSTATUS(state) : SIGNALLED;
}

/* One bit in every `stride`-th byte. */
static void flip(const char *name, bytes *b, size_t stride, size_t least_refused)
{
  char right[4000];
  size_t count[OUTCOMES] = {0};
  read_facts(right, sizeof right, name);
  cr_assert(right[0] != '\0', "%s is refused as it is", name);
  for (size_t i = 0; i < b->count; i += stride) {
    const unsigned char bit = (unsigned char)(1u << (i * 7 + i / 8) % 8);
    if (b->spared[i])
      continue;
    b->at[i] ^= bit;
    write_file(name, b);
    const int outcome = outcome_of(name, right);
    cr_expect(outcome < OUTCOMES && outcome != OTHER, "%s: bit %02x of byte %zu changes what is read", name, bit, i);
    count[outcome < OUTCOMES ? outcome : OTHER]++;
    b->at[i] ^= bit;
  }
  cr_expect_geq(count[REFUSED], least_refused, "%s: only %zu flips are refused", name, count[REFUSED]);
  free(b->at);
  free(b->spared);
}

/* ---------------------------------------------------------------- HDF5 */

static hid_t create(const char *name, bool latest)
{
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (latest)
    H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  const hid_t file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  cr_assert(file >= 0);
  H5Pclose(access);
  return file;
}

static void put_elements(hid_t file, bool ids)
{
  static char text[N][8];
  const char *image_id[N], *text_id[N];
  int64_t rows[N], labels[N];
  for (int i = 0; i < N; i++) {
    (void)snprintf(text[i], sizeof text[i], "id%03d", i);
    rows[i] = N - 1 - i;
    labels[i] = i % C;
  }
  for (int i = 0; i < N; i++) {
    image_id[i] = text[i];
    text_id[i] = text[N - 1 - i];
  }
  h5_plain(file, "/image", (h5_shape){2, {N, D}});
  h5_plain(file, "/text", (h5_shape){2, {N, D}});
  h5_plain(file, "/class_text", (h5_shape){2, {C, D}});
  h5_integers(file, "/labels", (h5_shape){1, {N}}, labels, H5T_STD_I32LE);
  if (ids) {
    h5_strings(file, "/image_id", image_id, N, false);
    h5_strings(file, "/text_image_id", text_id, N, false);
  } else {
    h5_integers(file, "/text_image", (h5_shape){1, {N}}, rows, H5T_STD_I64LE);
  }
}

static const char *const NAMES[] = {"image", "text", "class_text", "labels", "image_id", "text_image_id", "text_image"};

static void spare_elements(bytes *b, const char *name)
{
  const hid_t file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
  for (size_t k = 0; k < sizeof NAMES / sizeof *NAMES; k++) {
    if (H5Lexists(file, NAMES[k], H5P_DEFAULT) <= 0)
      continue;
    const hid_t dataset = H5Dopen2(file, NAMES[k], H5P_DEFAULT);
    spare(b, (size_t)H5Dget_offset(dataset), (size_t)H5Dget_storage_size(dataset));
    H5Dclose(dataset);
  }
  H5Fclose(file);
}

/* Of a header of version 1: its prefix, and of its messages what holds the shape, the type and the place. Nothing tells
 * other bytes of it from right ones: flags, the order of the bytes, the sign. */
static void spare_all_but_headers(bytes *b, const char *name)
{
  enum { PREFIX = 16, MESSAGE = 8, SPACE = 1, TYPE = 3, LAYOUT = 8 };
  const hid_t file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
  spare(b, 0, b->count);
  for (size_t k = 0; k < sizeof NAMES / sizeof *NAMES; k++) {
    H5O_info_t info;
    if (H5Lexists(file, NAMES[k], H5P_DEFAULT) <= 0)
      continue;
    cr_assert(H5Oget_info_by_name(file, NAMES[k], &info, H5P_DEFAULT) >= 0);
    size_t at = (size_t)info.addr + PREFIX, messages = b->at[info.addr + 2];
    b->spared[info.addr] = false;
    for (; messages > 0; messages--) {
      const size_t type = b->at[at], size = b->at[at + 2] | (size_t)b->at[at + 3] << 8;
      const size_t from = at + MESSAGE + (type == SPACE ? 8 : type == TYPE ? 4 : 2);
      const size_t until = type == SPACE ? from + 16 : type == TYPE ? from + 4 : type == LAYOUT ? from + 16 : from;
      for (size_t i = from; i < until; i++)
        b->spared[i] = false;
      b->spared[at] = type != SPACE && type != TYPE && type != LAYOUT;
      at += MESSAGE + size;
    }
  }
  H5Fclose(file);
}

static void flip_hdf5(const char *name, bool latest, bool ids, size_t stride)
{
  const hid_t file = create(name, latest);
  put_elements(file, ids);
  h5_close(file);
  bytes b = read_file(name);
  if (latest)
    spare_elements(&b, name);
  else
    spare_all_but_headers(&b, name);
  flip(name, &b, stride, 20);
}

Test(damage, hdf5_with_checksums, .init = ask_enter, .fini = ask_leave)
{
  flip_hdf5("rows.h5", true, false, 3);
  flip_hdf5("ids.h5", true, true, 5);
}

Test(damage, hdf5_without_checksums, .init = ask_enter, .fini = ask_leave)
{
  flip_hdf5("rows.h5", false, false, 1);
  flip_hdf5("ids.h5", false, true, 1);
}

/* ---------------------------------------------------------------- .npz */

static void add_array(zip_t *zip, const char *name, const char *type, const char *shape, const void *elements,
                      size_t count, bool deflated)
{
  char header[128];
  const int length =
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s}\n", type, shape);
  unsigned char *array = malloc(10 + (size_t)length + count);
  memcpy(array, "\x93NUMPY\1\0", 8);
  array[8] = (unsigned char)length;
  array[9] = 0;
  memcpy(array + 10, header, (size_t)length);
  memcpy(array + 10 + length, elements, count);
  zip_source_t *source = zip_source_buffer(zip, array, 10 + (size_t)length + count, 1);
  const zip_int64_t member = zip_file_add(zip, name, source, 0);
  cr_assert(member >= 0);
  cr_assert_eq(zip_set_file_compression(zip, (zip_uint64_t)member, deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0), 0);
}

static void flip_npz(const char *name, bool deflated, size_t stride)
{
  int code = 0;
  float rows[N * D];
  int64_t order[N], labels[N];
  for (int i = 0; i < N * D; i++)
    rows[i] = (float)(i % 7) - 3;
  for (int i = 0; i < N; i++) {
    order[i] = N - 1 - i;
    labels[i] = i % C;
  }
  zip_t *zip = zip_open(name, ZIP_CREATE | ZIP_TRUNCATE, &code);
  cr_assert_not_null(zip);
  add_array(zip, "image.npy", "<f4", "(24, 4)", rows, sizeof rows, deflated);
  add_array(zip, "text.npy", "<f4", "(24, 4)", rows, sizeof rows, deflated);
  add_array(zip, "class_text.npy", "<f4", "(3, 4)", rows, C * D * sizeof *rows, deflated);
  add_array(zip, "text_image.npy", "<i8", "(24,)", order, sizeof order, deflated);
  add_array(zip, "labels.npy", "<i8", "(24,)", labels, sizeof labels, deflated);
  cr_assert_eq(zip_close(zip), 0);
  bytes b = read_file(name);
  flip(name, &b, stride, 20);
}

Test(damage, npz, .init = ask_enter, .fini = ask_leave)
{
  flip_npz("stored.npz", false, 3);
  flip_npz("deflated.npz", true, 3);
}

/* ---------------------------------------------------------------- what is there and does not open */

static void link_to(hid_t file, const char *target, const char *path)
{
  cr_assert(H5Lcreate_soft(target, file, path, H5P_DEFAULT, H5P_DEFAULT) >= 0);
}

/* The first byte of an object's header is its version. */
static void damage_header(const char *name, const char *path)
{
  H5O_info_t info;
  const hid_t file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
  cr_assert(H5Oget_info_by_name(file, path, &info, H5P_DEFAULT) >= 0);
  H5Fclose(file);
  bytes b = read_file(name);
  b.at[info.addr] ^= 0x40;
  write_file(name, &b);
  free(b.at);
  free(b.spared);
}

Test(damage, a_link_may_lead_nowhere_and_a_damaged_object_may_not, .init = ask_enter, .fini = ask_leave)
{
  const io_ask pairs = {.files = {"pairs.h5"}};
  hid_t file = create("pairs.h5", false);
  put_elements(file, false);
  link_to(file, "/gone/away", "/else");
  link_to(file, "else", "/again");
  link_to(file, "/circle", "/circle");
  cr_assert(H5Lcreate_external("gone.h5", "/rows", file, "/outside", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  h5_close(file);
  cgap_dataset *d = ask_open(&pairs);
  cr_expect_eq(cgap_dataset_data(d)->pairing, CGAP_BY_INDEX);
  cgap_dataset_close(d);
  ask_refuse("asked for", &(io_ask){.files = {"pairs.h5"}, .image = "/outside"}, CGAP_FILE,
             "pairs.h5:/outside: a link to /rows in gone.h5, and that file is missing");
  ask_refuse("asked for", &(io_ask){.files = {"pairs.h5"}, .labels = "/again"}, CGAP_FILE,
             "pairs.h5:/again: a link to /gone/away, which is not there");
  ask_refuse("asked for", &(io_ask){.files = {"pairs.h5"}, .text_image = "/circle"}, CGAP_FILE,
             "pairs.h5:/circle: a link that leads back to itself");

  file = create("pairs.h5", false);
  h5_plain(file, "/image", (h5_shape){2, {N, D}});
  h5_plain(file, "/text", (h5_shape){2, {N, D}});
  link_to(file, "/pairs/of", "/text_image");
  h5_close(file);
  ask_refuse("the pairing", &pairs, CGAP_FILE,
             "pairs.h5:/text_image: a link to /pairs/of, which is not there|`text_image`");

  file = create("other.h5", false);
  h5_integers(file, "/rows", (h5_shape){1, {N}}, NULL, H5T_STD_I64LE);
  h5_close(file);
  file = create("pairs.h5", false);
  h5_plain(file, "/image", (h5_shape){2, {N, D}});
  h5_plain(file, "/text", (h5_shape){2, {N, D}});
  cr_assert(H5Lcreate_external("other.h5", "/rows", file, "/text_image", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  h5_close(file);
  d = ask_open(&pairs);
  cr_expect_eq(cgap_dataset_data(d)->pairing, CGAP_BY_INDEX);
  cgap_dataset_close(d);
  damage_header("other.h5", "/rows");
  ask_refuse("behind a link", &pairs, CGAP_FILE, "pairs.h5:/text_image: cannot be read|damaged");
  h5_cut(ask_directory, "other.h5", 700);
  ask_refuse("a file behind a link", &pairs, CGAP_FILE, "pairs.h5:/text_image: cannot be read|other.h5|does not open");

  static const char *const paths[] = {"/image", "/text", "/class_text", "/labels", "/text_image", "/"};
  for (size_t k = 0; k < sizeof paths / sizeof *paths; k++) {
    file = create("pairs.h5", false);
    put_elements(file, false);
    h5_close(file);
    damage_header("pairs.h5", paths[k]);
    ask_refuse(paths[k], &pairs, CGAP_FILE, "pairs.h5|damaged");
  }
}

Test(damage, a_group_of_thousands_is_listed_whole, .init = ask_enter, .fini = ask_leave)
{
  enum { MANY = 21000 };
  char path[32];
  const hid_t file = create("many.h5", true), space = H5Screate(H5S_SCALAR);
  const hid_t group = H5Gcreate2(file, "/boxes", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  for (int i = 0; i < MANY; i++) {
    (void)snprintf(path, sizeof path, "%06d", i);
    const hid_t one = H5Dcreate2(group, path, H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    cr_assert(one >= 0);
    H5Dclose(one);
  }
  H5Gclose(group);
  H5Sclose(space);
  put_elements(file, false);
  h5_close(file);
  cgap_dataset *d = ask_open(&(io_ask){.files = {"many.h5"}});
  cr_expect_eq(cgap_dataset_data(d)->text.rows, N);
  json_t *listing = cgap_dataset_listing_json(d);
  cr_expect_eq(json_array_size(json_object_get(json_array_get(listing, 0), "datasets")), MANY + 5);
  json_decref(listing);
  cgap_dataset_close(d);
}

/* Whole, though odd: what is in the file besides must not stand in the way. */
Test(damage, odd_objects_are_no_damage, .init = ask_enter, .fini = ask_leave)
{
  static const char *const words[] = {"a", "of two words"};
  for (int block = 0; block < 2; block++) {
    const hid_t file = block ? h5_create_after_block(ask_directory, "odd.h5") : create("odd.h5", false);
    const hsize_t size[9] = {5, 5, 1, 1, 1, 1, 1, 1, 1};
    const hid_t never = H5Screate_simple(2, size, NULL), nine = H5Screate_simple(9, size, NULL);
    const hid_t null = H5Screate(H5S_NULL), scalar = H5Screate(H5S_SCALAR);
    const struct {
      const char *path;
      hid_t type, space;
    } odd[] = {
      {"/never", H5T_NATIVE_FLOAT, never},  {"/nine", H5T_NATIVE_INT, nine},
      {"/null", H5T_NATIVE_FLOAT, null},    {"/scalar", H5T_NATIVE_DOUBLE, scalar},
      {"/long", H5T_NATIVE_LDOUBLE, never}, {"/reference", H5T_STD_REF_OBJ, scalar},
    };
    put_elements(file, false);
    for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
      const hid_t one = H5Dcreate2(file, odd[k].path, odd[k].type, odd[k].space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
      cr_assert(one >= 0, "%s", odd[k].path);
      H5Dclose(one);
    }
    h5_strings(file, "/words", words, 2, true);
    h5_strings(file, "/short_words", words, 2, false);
    const hid_t type = H5Tcopy(H5T_NATIVE_INT);
    cr_assert(H5Tcommit2(file, "/type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Tclose(type);
    H5Sclose(never);
    H5Sclose(nine);
    H5Sclose(null);
    H5Sclose(scalar);
    h5_close(file);
    cgap_dataset *d = ask_open(&(io_ask){.files = {"odd.h5"}});
    cr_expect_eq(cgap_dataset_data(d)->pairing, CGAP_BY_INDEX);
    cgap_dataset_close(d);
  }
}
