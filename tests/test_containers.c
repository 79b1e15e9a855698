/* Arrays outside HDF5, written byte by byte here: rows come back bit by bit in any piece, whatever the version, byte
 * order, axis order and container; what belongs to the sides is found; headers that lie are refused. */
#include "io/read/container.h"
#include "io_ask.h"
#include "support.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

/* ---------------------------------------------------------------- writing */

static void put_file(const char *path, const void *bytes, size_t count)
{
  FILE *out = fopen(path, "wb");
  cr_assert_not_null(out, "%s", path);
  cr_assert_eq(fwrite(bytes, 1, count, out), count);
  cr_assert_eq(fclose(out), 0);
}

typedef struct shard_form {
  int version;
  bool big, fortran;
} shard_form;

typedef struct blob {
  unsigned char *bytes;
  size_t count;
} blob;

static void add(blob *b, const void *bytes, size_t count)
{
  b->bytes = realloc(b->bytes, b->count + count + 1);
  cr_assert_not_null(b->bytes);
  memcpy(b->bytes + b->count, bytes, count);
  b->count += count;
}

static void add_header(blob *b, const char *dictionary, int version)
{
  size_t length = strlen(dictionary);
  const unsigned char start[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)version, 0};
  const unsigned char size[4] = {(unsigned char)length, (unsigned char)(length >> 8), 0, 0};
  add(b, start, sizeof start);
  add(b, size, version == 1 ? 2 : 4);
  add(b, dictionary, length);
}

static void reverse(unsigned char *bytes, size_t count)
{
  for (size_t i = 0; i < count / 2; i++) {
    unsigned char other = bytes[i];
    bytes[i] = bytes[count - 1 - i];
    bytes[count - 1 - i] = other;
  }
}

/* Place of the element at `index` of the row-major order, in Fortran order. */
static size_t fortran_place(size_t index, h5_shape shape)
{
  size_t place = 0, at[4] = {0};
  for (int k = shape.rank - 1; k >= 0; k--) {
    at[k] = index % shape.size[k];
    index /= shape.size[k];
  }
  for (int k = shape.rank - 1; k >= 0; k--)
    place = place * shape.size[k] + at[k];
  return place;
}

/* The numbers of h5_numbers(shape) as a .npy array; begin, end: a part of the first axis. */
static blob npy_part(h5_shape shape, cgap_type type, shard_form f, size_t begin, size_t end)
{
  static const char *const LETTERS[] = {"f2", NULL, "f4", "f8"};
  char dictionary[300], axes[100] = "";
  double *numbers = h5_numbers(shape);
  h5_shape own = shape;
  size_t row = 1, size = cgap_type_size(type);
  own.size[0] = end - begin;
  for (int k = 0; k < shape.rank; k++) {
    row *= k ? (size_t)shape.size[k] : 1;
    (void)snprintf(axes + strlen(axes), sizeof axes - strlen(axes), "%zu, ", (size_t)own.size[k]);
  }
  (void)snprintf(dictionary, sizeof dictionary, "{'descr': '%c%s', 'fortran_order': %s, 'shape': (%s), }   \n",
                 f.big ? '>' : '<', LETTERS[type], f.fortran ? "True" : "False", axes);
  size_t count = (end - begin) * row;
  unsigned char *stored = support_encode(numbers + begin * row, count, type);
  unsigned char *placed = support_alloc(count + 1, size);
  for (size_t i = 0; i < count; i++) {
    unsigned char *to = placed + (f.fortran ? fortran_place(i, own) : i) * size;
    memcpy(to, stored + i * size, size);
    if (f.big)
      reverse(to, size);
  }
  blob b = {0};
  add_header(&b, dictionary, f.version);
  add(&b, placed, count * size);
  free(placed);
  free(stored);
  free(numbers);
  return b;
}

static blob npy_of(h5_shape shape, cgap_type type, shard_form f)
{
  return npy_part(shape, type, f, 0, (size_t)shape.size[0]);
}

static void put_blob(const char *path, blob b)
{
  put_file(path, b.bytes, b.count);
  free(b.bytes);
}

static void zip_members(const char *path, const char *const *names, const blob *blobs, size_t count, bool deflate)
{
  int code = 0;
  zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
  cr_assert_not_null(zip);
  for (size_t i = 0; i < count; i++) {
    zip_int64_t at =
      zip_file_add(zip, names[i], zip_source_buffer(zip, blobs[i].bytes, blobs[i].count, 0), ZIP_FL_ENC_UTF_8);
    cr_assert(at >= 0, "%s", zip_strerror(zip));
    cr_assert_eq(zip_set_file_compression(zip, (zip_uint64_t)at, deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0), 0);
  }
  cr_assert_eq(zip_close(zip), 0, "%s", zip_strerror(zip));
}

static void put_safetensors(const char *path, const char *header, const void *data, size_t bytes)
{
  blob b = {0};
  size_t length = strlen(header);
  unsigned char size[8] = {0};
  for (int k = 0; k < 8; k++)
    size[k] = (unsigned char)((uint64_t)length >> (8 * k));
  add(&b, size, sizeof size);
  add(&b, header, length);
  add(&b, data, bytes);
  put_blob(path, b);
}

/* ---------------------------------------------------------------- bits */

static const h5_shape IMAGE = {2, {37, 11}}, DEEP = {3, {37, 3, 11}};
static const cgap_type NUMPY_TYPES[] = {CGAP_FLOAT16, CGAP_FLOAT32, CGAP_FLOAT64};

static void check_sides(const char *where, const io_ask *a, h5_shape text, cgap_type type)
{
  cgap_dataset *d = ask_open(a);
  const cgap_data *data = cgap_dataset_data(d);
  cr_expect_eq(data->image.type, type, "%s: read as %s", where, cgap_type_name(data->image.type));
  cr_expect_eq(data->image.rows, 37, "%s", where);
  for (size_t piece = 1; piece <= 111; piece = 2 * piece + 1) {
    ask_numbers(where, &data->image, IMAGE, piece);
    ask_numbers(where, &data->text, text, piece);
  }
  cgap_dataset_close(d);
}

Test(containers, npy_of_every_version_and_order_gives_its_bits_back, .init = ask_enter, .fini = ask_leave)
{
  for (size_t t = 0; t < 3; t++) {
    for (int n = 0; n < 12; n++) {
      shard_form f = {1 + n % 3, n / 3 % 2, n / 6 % 2};
      char where[100];
      (void)snprintf(where, sizeof where, "%s, version %d, %s, %s", cgap_type_name(NUMPY_TYPES[t]), f.version,
                     f.big ? "big" : "little", f.fortran ? "Fortran" : "C");
      put_blob("img_emb.npy", npy_of(IMAGE, NUMPY_TYPES[t], f));
      put_blob("text_emb.npy", npy_of(DEEP, NUMPY_TYPES[t], f));
      check_sides(where, &(io_ask){.files = {"img_emb.npy", "text_emb.npy"}}, DEEP, NUMPY_TYPES[t]);
    }
  }
}

Test(containers, an_array_of_two_halves_is_image_and_text, .init = ask_enter, .fini = ask_leave)
{
  const h5_shape both = {3, {2, 20, 7}};
  double *numbers = h5_numbers(both);
  for (int fortran = 0; fortran < 2; fortran++) {
    put_blob("embeddings.npy", npy_of(both, CGAP_FLOAT32, (shard_form){1, false, fortran}));
    cgap_dataset *d = ask_open(&(io_ask){.files = {"embeddings.npy"}});
    const cgap_source *side[2] = {&cgap_dataset_data(d)->image, &cgap_dataset_data(d)->text};
    for (int s = 0; s < 2; s++) {
      float *want = support_encode(numbers + s * 140, 140, CGAP_FLOAT32), got[140] = {0};
      cgap_error error = {0};
      cr_assert_eq(side[s]->rows, 20);
      cr_assert_eq(side[s]->read(side[s], 0, 13, got, &error), CGAP_OK, "%s", error.message);
      cr_assert_eq(side[s]->read(side[s], 13, 7, got + 91, &error), CGAP_OK, "%s", error.message);
      cr_expect_eq(memcmp(got, want, sizeof got), 0, "half %d, fortran %d", s, fortran);
      free(want);
    }
    cgap_dataset_close(d);
  }
  free(numbers);
}

Test(containers, shards_follow_their_numbers, .init = ask_enter, .fini = ask_leave)
{
  const size_t ends[] = {0, 4, 5, 12, 13, 15, 18, 21, 22, 25, 30, 37};
  cr_assert_eq(mkdir("img_emb", 0777), 0);
  cr_assert_eq(mkdir("text_emb", 0777), 0);
  for (size_t k = 0; k + 1 < sizeof ends / sizeof *ends; k++) {
    char path[60];
    shard_form f = {1, false, k % 2};
    (void)snprintf(path, sizeof path, "img_emb/img_emb_%zu.npy", k);
    put_blob(path, npy_part(IMAGE, CGAP_FLOAT16, f, ends[k], ends[k + 1]));
    (void)snprintf(path, sizeof path, "text_emb/text_emb_%zu.npy", k);
    put_blob(path, npy_part(DEEP, CGAP_FLOAT16, f, ends[k], ends[k + 1]));
  }
  check_sides("folder", &(io_ask){.files = {"."}}, DEEP, CGAP_FLOAT16);
  check_sides("two folders", &(io_ask){.image = "img_emb", .text = "text_emb/"}, DEEP, CGAP_FLOAT16);
  remove("text_emb/text_emb_3.npy");
  ask_refuse("a shard missing", &(io_ask){.files = {"."}}, CGAP_FILE, "img_emb_3.npy|11 image shards, 10 text shards");
}

Test(containers, npz_stored_and_deflated_give_their_bits_back, .init = ask_enter, .fini = ask_leave)
{
  for (int n = 0; n < 4; n++) {
    shard_form f = {1, false, n % 2};
    blob blobs[3] = {npy_of(IMAGE, CGAP_FLOAT32, f), npy_of(DEEP, CGAP_FLOAT32, f), {0}};
    add(&blobs[2], "not an array", 12);
    zip_members("a.npz", (const char *[]){"image.npy", "deep/text.npy", "readme.txt"}, blobs, 3, n / 2);
    check_sides(n / 2 ? "deflated" : "stored", &(io_ask){.files = {"a.npz"}}, DEEP, CGAP_FLOAT32);
    check_sides("by key", &(io_ask){.image = "a.npz:image", .text = "a.npz:deep/text"}, DEEP, CGAP_FLOAT32);
    for (int i = 0; i < 3; i++)
      free(blobs[i].bytes);
  }
  cr_expect_eq(remove("a.npz"), 0);
}

Test(containers, safetensors_give_their_bits_back, .init = ask_enter, .fini = ask_leave)
{
  static const char *const DTYPES[] = {"F16", "BF16", "F32", "F64"};
  double *image = h5_numbers(IMAGE), *text = h5_numbers(DEEP);
  for (int type = CGAP_FLOAT16; type <= CGAP_FLOAT64; type++) {
    char header[400];
    size_t size = cgap_type_size((cgap_type)type), a = 37 * 11 * size, b = 37 * 3 * 11 * size;
    void *x = support_encode(image, 37 * 11, (cgap_type)type), *y = support_encode(text, 37 * 33, (cgap_type)type);
    blob data = {0};
    add(&data, y, b);
    add(&data, x, a);
    (void)snprintf(
      header, sizeof header,
      "{\"__metadata__\":{\"k\":\"v\"},\"model.image\":{\"dtype\":\"%s\",\"shape\":[37,11],\"data_offsets\":"
      "[%zu,%zu]},\"model.text\":{\"dtype\":\"%s\",\"shape\":[37,3,11],\"data_offsets\":[0,%zu]}}",
      DTYPES[type], b, a + b, DTYPES[type], b);
    put_safetensors("a.safetensors", header, data.bytes, data.count);
    check_sides(DTYPES[type], &(io_ask){.files = {"a.safetensors"}}, DEEP, (cgap_type)type);
    check_sides(DTYPES[type], &(io_ask){.image = "a.safetensors:model.image", .text = "a.safetensors:model.text"}, DEEP,
                (cgap_type)type);
    free(data.bytes);
    free(x);
    free(y);
  }
  free(image);
  free(text);
}

/* ---------------------------------------------------------------- names and what belongs to the sides */

static void put_integers(const char *path, const char *descr, const void *values, size_t count, size_t size)
{
  char dictionary[100];
  blob b = {0};
  (void)snprintf(dictionary, sizeof dictionary, "{'shape': (%zu,), 'fortran_order': False, 'descr': '%s'}\n", count,
                 descr);
  add_header(&b, dictionary, 1);
  add(&b, values, count * size);
  put_blob(path, b);
}

Test(containers, labels_and_pairing_lie_beside_the_sides, .init = ask_enter, .fini = ask_leave)
{
  const shard_form plain = {1, false, false};
  unsigned char label[37];
  uint16_t owner[111];
  for (int i = 0; i < 37; i++)
    label[i] = (unsigned char)(i % 5);
  for (int j = 0; j < 111; j++)
    owner[j] = (uint16_t)(36 - j / 3);
  cr_assert_eq(mkdir("all", 0777), 0);
  put_blob("all/image.npy", npy_of(IMAGE, CGAP_FLOAT32, plain));
  put_blob("all/text.npy", npy_of((h5_shape){2, {111, 11}}, CGAP_FLOAT32, plain));
  put_blob("all/class_text.npy", npy_of((h5_shape){2, {5, 11}}, CGAP_FLOAT32, plain));
  put_integers("all/labels.npy", "|u1", label, 37, 1);
  put_integers("all/text_image.npy", "<u2", owner, 111, 2);
  const io_ask asks[] = {
    {.files = {"all"}},
    {.files = {"all/image.npy", "all/text.npy", "all/labels.npy", "all/class_text.npy"},
     .text_image = "all/text_image.npy"},
    {.image = "all/image.npy",
     .text = "all/text.npy",
     .labels = "all/labels.npy",
     .class_text = "all/class_text.npy",
     .text_image = "all/text_image.npy"},
  };
  for (size_t k = 0; k < sizeof asks / sizeof *asks; k++) {
    cgap_dataset *d = ask_open(&asks[k]);
    const cgap_data *data = cgap_dataset_data(d);
    cr_assert_eq(data->pairing, CGAP_BY_INDEX, "%zu", k);
    cr_assert_not_null(data->labels, "%zu", k);
    cr_expect_eq(data->class_text.rows, 5, "%zu", k);
    for (int i = 0; i < 37; i++)
      cr_expect_eq(data->labels[i], i % 5);
    for (int j = 0; j < 111; j++)
      cr_expect_eq(data->text_image[j], (uint64_t)(36 - j / 3));
    cgap_dataset_close(d);
  }
}

Test(containers, two_files_without_names_are_image_and_text, .init = ask_enter, .fini = ask_leave)
{
  const shard_form plain = {1, false, false};
  put_blob("z.npy", npy_of(IMAGE, CGAP_FLOAT32, plain));
  put_blob("a.npy", npy_of(DEEP, CGAP_FLOAT32, plain));
  check_sides("in order", &(io_ask){.files = {"z.npy", "a.npy"}}, DEEP, CGAP_FLOAT32);
  check_sides("by option", &(io_ask){.image = "z.npy", .text = "a.npy"}, DEEP, CGAP_FLOAT32);
  put_blob("caption.npy", npy_of(DEEP, CGAP_FLOAT32, plain));
  check_sides("one is named", &(io_ask){.files = {"caption.npy", "z.npy"}}, DEEP, CGAP_FLOAT32);
  put_blob("image_a.npy", npy_of(IMAGE, CGAP_FLOAT32, plain));
  put_blob("image_b.npy", npy_of(IMAGE, CGAP_FLOAT32, plain));
  cr_assert_eq(mkdir("text", 0777), 0);
  put_blob("text/z.npy", npy_of(IMAGE, CGAP_FLOAT32, plain));
  put_blob("text/a.npy", npy_of(DEEP, CGAP_FLOAT32, plain));
  check_sides("one folder, which says nothing of either", &(io_ask){.files = {"text/z.npy", "text/a.npy"}}, DEEP,
              CGAP_FLOAT32);
  ask_refuse("a folder has no order", &(io_ask){.files = {"text"}}, CGAP_FILE, "no dataset can be the image|/a|/z");
  ask_refuse("both images", &(io_ask){.files = {"image_a.npy", "image_b.npy"}}, CGAP_FILE, "equally good|/image_b");
  h5_close(h5_create(ask_directory, "more.h5"));
  ask_refuse("another kind of file", &(io_ask){.files = {"z.npy", "a.npy", "more.h5"}}, CGAP_FILE,
             "more.h5: neither image nor text found");
  ask_refuse("before them", &(io_ask){.files = {"more.h5", "z.npy", "a.npy"}}, CGAP_FILE,
             "more.h5: neither image nor text found");
}

/* ---------------------------------------------------------------- headers */

typedef struct text_reader {
  blob b;
  size_t at;
} text_reader;

static bool next_bytes(void *context, void *out, size_t count, cgap_error *error)
{
  text_reader *r = context;
  if (count > r->b.count - r->at) {
    (void)cgap_fail(error, CGAP_FILE, "read past the end");
    return false;
  }
  memcpy(out, r->b.bytes + r->at, count);
  r->at += count;
  return true;
}

static cgap_status parse(cgap_npy *out, const char *dictionary, size_t payload, cgap_error *error)
{
  text_reader r = {{0}, 0};
  *error = (cgap_error){0};
  add_header(&r.b, dictionary, 1);
  cgap_status status = cgap_npy_read(out, next_bytes, &r, r.b.count + payload, "x.npy", error);
  free(r.b.bytes);
  return status;
}

Test(containers, headers_that_numpy_writes_are_read)
{
  static const struct {
    const char *text;
    cgap_kind kind;
    size_t item, payload;
    const char *name;
    int rank;
  } cases[] = {
    {"{'descr': '<f2', 'fortran_order': False, 'shape': (3, 4), }", CGAP_KIND_FLOAT, 2, 24, "float16", 2},
    {"{\"descr\":\"<f4\",\"fortran_order\":False,\"shape\":(3,4)}", CGAP_KIND_FLOAT, 4, 48, "float32", 2},
    {"{'shape': (3L, 4L), 'descr': '=f8', 'fortran_order': True}  \n", CGAP_KIND_FLOAT, 8, 96, "float64", 2},
    {"{'descr': '|i1', 'fortran_order': False, 'shape': (5,)}", CGAP_KIND_INTEGER, 1, 5, "int8", 1},
    {"{'descr': '<u8', 'fortran_order': False, 'shape': ()}", CGAP_KIND_INTEGER, 8, 8, "uint64", 0},
    {"{'descr': '<U3', 'fortran_order': False, 'shape': (2,)}", CGAP_KIND_STRING, 12, 24, "string", 1},
    {"{'descr': '|S3', 'fortran_order': False, 'shape': (2,)}", CGAP_KIND_STRING, 3, 6, "string", 1},
    {"{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", CGAP_KIND_INTEGER, 1, 2, "bool", 1},
    {"{'descr': '<f16', 'fortran_order': False, 'shape': (2,)}", CGAP_KIND_OTHER, 16, 32, "<f16", 1},
    {"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", CGAP_KIND_OTHER, 0, 77, "object", 1},
    {"{'descr': [('a', '<f4'), ('b', '<i4', (2,))], 'fortran_order': False, 'shape': (2,)}", CGAP_KIND_OTHER, 0, 24,
     "structured", 1},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4)}", CGAP_KIND_FLOAT, 4, 0, "float32", 2},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cgap_npy npy;
    cgap_error error;
    cr_expect_eq(parse(&npy, cases[i].text, cases[i].payload, &error), CGAP_OK, "%s: %s", cases[i].text, error.message);
    cr_expect_eq(npy.kind, cases[i].kind, "%s", cases[i].text);
    cr_expect_eq(npy.item, cases[i].item, "%s", cases[i].text);
    cr_expect_eq(npy.ndim, cases[i].rank, "%s", cases[i].text);
    cr_expect_str_eq(npy.type_name, cases[i].name);
  }
}

Test(containers, headers_that_lie_are_refused)
{
  static const struct {
    const char *text;
    cgap_status status;
    const char *words;
  } cases[] = {
    {"", CGAP_FILE, "no dictionary"},
    {"{}", CGAP_FILE, "missing"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)", CGAP_FILE, "does not end"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4", CGAP_FILE, "does not end"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)} x", CGAP_FILE, "follows the dictionary"},
    {"{'descr': '<f4', 'fortran_order': 0, 'shape': (3, 4)}", CGAP_FILE, "neither True nor False"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': 12}", CGAP_FILE, "no tuple"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, x)}", CGAP_FILE, "no number"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, -4)}", CGAP_DATA, "negative (-4)"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551616, 4)}", CGAP_DATA, "larger than any"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 4)}", CGAP_DATA, "larger than any"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), 'more': 1}", CGAP_FILE, "not one of descr"},
    {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}", CGAP_FILE, "twice"},
    {"{'descr': '4', 'fortran_order': False, 'shape': (3, 4)}", CGAP_FILE, "no letter"},
    {"{'descr': '<f99999999999', 'fortran_order': False, 'shape': (3, 4)}", CGAP_FILE, "impossible size"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 5)}", CGAP_FILE, "cut short|60 bytes, 48 are there"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3)}", CGAP_FILE, "12 bytes follow the 36"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,12)}", CGAP_DATA, "more than 8 axes"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cgap_npy npy;
    cgap_error error;
    char *words = strdup(cases[i].words);
    cr_expect_eq(parse(&npy, cases[i].text, 48, &error), cases[i].status, "%s: %s", cases[i].text, error.message);
    for (char *save = NULL, *word = strtok_r(words, "|", &save); word; word = strtok_r(NULL, "|", &save))
      cr_expect(strstr(error.message, word), "%s: no \"%s\" in: %s", cases[i].text, word, error.message);
    free(words);
  }
}

/* A sound file cut at every byte, and with every byte of its header changed, never does worse than be refused. */
Test(containers, damage_anywhere_is_refused_or_harmless, .init = ask_enter, .fini = ask_leave)
{
  const shard_form plain = {1, false, false};
  const h5_shape small = {2, {4, 3}};
  blob members[2] = {npy_of(small, CGAP_FLOAT32, plain), npy_of(small, CGAP_FLOAT32, plain)};
  zip_members("whole.npz", (const char *[]){"image.npy", "text.npy"}, members, 2, true);
  double *numbers = h5_numbers(small);
  float *values = support_encode(numbers, 12, CGAP_FLOAT32), twice[24];
  memcpy(twice, values, sizeof twice / 2);
  memcpy(twice + 12, values, sizeof twice / 2);
  put_safetensors("whole.safetensors",
                  "{\"image\":{\"dtype\":\"F32\",\"shape\":[4,3],\"data_offsets\":[0,48]},"
                  "\"text\":{\"dtype\":\"F32\",\"shape\":[4,3],\"data_offsets\":[48,96]}}",
                  twice, sizeof twice);
  for (int kind = 0; kind < 2; kind++) {
    const char *path = kind ? "hurt.safetensors" : "hurt.npz";
    FILE *in = fopen(kind ? "whole.safetensors" : "whole.npz", "rb");
    unsigned char bytes[2000];
    size_t count = fread(bytes, 1, sizeof bytes, in);
    cr_assert_eq(fclose(in), 0);
    cr_assert(count > 100 && count < sizeof bytes);
    for (size_t i = 0; i < 2 * count; i++) {
      bool cut = i < count;
      unsigned char old = cut ? 0 : bytes[i - count];
      if (!cut)
        bytes[i - count] ^= (unsigned char)(1 + i % 255);
      put_file(path, bytes, cut ? i : count);
      cgap_dataset *d = NULL;
      cgap_error error = {0};
      cgap_input_options options = {.files = &path, .file_count = 1};
      cgap_status status = cgap_dataset_open(&d, &options, &error);
      cr_expect(!cut || status != CGAP_OK, "%s cut at %zu of %zu was taken", path, i, count);
      cr_expect(status == CGAP_OK || (error.message[0] && !strchr(error.message, '\n')), "%s, %zu", path, i);
      float rows[12];
      if (status == CGAP_OK && cgap_dataset_data(d)->image.rows == 4 && cgap_dataset_data(d)->image.dim == 3 &&
          cgap_dataset_data(d)->image.type == CGAP_FLOAT32)
        (void)(cgap_dataset_data(d)->image.read(&cgap_dataset_data(d)->image, 0, 4, rows, &error) == CGAP_OK);
      cgap_dataset_close(d);
      if (!cut)
        bytes[i - count] = old;
    }
  }
  free(values);
  free(numbers);
  free(members[0].bytes);
  free(members[1].bytes);
}
