/* make_files DIR: the files of cli/refusals.sh and cli/info.sh. pairs.h5 is sound, every other is wrong in the one
 * way that its name says. */
#include "h5_make.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { N = 40, D = 8 };

static const char *directory;

typedef struct sides {
  h5_shape image, text;
  const char *image_name, *text_name;
} sides;

static const sides SOUND = {{2, {N, D}}, {2, {N, D}}, "/image", "/text"};

/* Normal numbers, `odd` (where not 0) at elements `at` and the `run` − 1 after it of the images. */
static void put_images(hid_t file, const char *name, h5_shape shape, double odd, size_t at, size_t run)
{
  size_t count = 1;
  support_random random = support_seed(1);
  for (int k = 0; k < shape.rank; k++)
    count *= (size_t)shape.size[k];
  double *values = support_alloc(count + 1, sizeof *values);
  support_normals(&random, values, count);
  for (size_t i = at; i < at + run; i++)
    values[i] = odd;
  h5_floats(file, name, shape, values, (h5_storage){.type = CGAP_FLOAT32});
  free(values);
}

static hid_t begin(const char *name, sides s)
{
  hid_t file = h5_create(directory, name);
  put_images(file, s.image_name, s.image, 0, 0, 0);
  put_images(file, s.text_name, s.text, 0, 0, 0);
  return file;
}

static void bad_row(const char *name, double odd, size_t run)
{
  hid_t file = h5_create(directory, name);
  put_images(file, "/image", SOUND.image, odd, 5 * D, run);
  put_images(file, "/text", SOUND.text, 0, 0, 0);
  h5_close(file);
}

/* ---------------------------------------------------------------- the files */

static void shapes(void)
{
  static const struct {
    const char *name;
    sides s;
  } files[] = {
    {"pairs.h5", {{2, {N, D}}, {2, {N, D}}, "/image", "/text"}},
    {"captions.h5", {{2, {N, D}}, {3, {N, 3, D}}, "/image", "/text"}},
    {"open.h5", {{2, {N, D}}, {2, {3 * N, D}}, "/image", "/text"}},
    {"nothing.h5", {{2, {N, D}}, {2, {N, D}}, "/alpha", "/beta"}},
    {"other_d.h5", {{2, {N, 512}}, {2, {N, 384}}, "/image", "/text"}},
    {"unequal.h5", {{2, {N, D}}, {2, {N - 1, D}}, "/image", "/text"}},
    {"boxes.h5", {{3, {N, 36, 16}}, {2, {N, 16}}, "/image_features", "/text_features"}},
    {"two.h5", {{2, {2, D}}, {2, {2, D}}, "/image", "/text"}},
    {"no_rows.h5", {{2, {0, D}}, {2, {0, D}}, "/image", "/text"}},
    {"flat.h5", {{2, {N, 1}}, {2, {N, 1}}, "/image", "/text"}},
  };
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    h5_close(begin(files[i].name, files[i].s));
}

static void contents(void)
{
  int64_t rows[N];
  for (int64_t i = 0; i < N; i++)
    rows[i] = i;
  hid_t file = begin("beyond.h5", SOUND);
  rows[7] = N;
  h5_integers(file, "/text_image", (h5_shape){1, {N}}, rows, H5T_STD_I64LE);
  h5_close(file);
  file = begin("from_one.h5", SOUND);
  for (int64_t i = 0; i < N; i++)
    rows[i] = i + 1;
  h5_integers(file, "/text_image", (h5_shape){1, {N}}, rows, H5T_STD_I64LE);
  h5_close(file);
  for (int64_t i = 0; i < N; i++)
    rows[i] = i;
  file = begin("twice.h5", SOUND);
  rows[7] = 3;
  h5_integers(file, "/image_id", (h5_shape){1, {N}}, rows, H5T_STD_I64LE);
  h5_integers(file, "/text_image_id", (h5_shape){1, {N}}, rows, H5T_STD_I64LE);
  h5_close(file);
  file = begin("tie.h5", SOUND);
  put_images(file, "/image_other", SOUND.image, 0, 0, 0);
  put_images(file, "/visual", SOUND.image, 0, 0, 0);
  h5_close(file);
  file = h5_create(directory, "integers.h5");
  h5_integers(file, "/image", SOUND.image, NULL, H5T_STD_U8LE);
  put_images(file, "/text", SOUND.text, 0, 0, 0);
  h5_close(file);
  file = h5_create(directory, "filter.h5");
  h5_unknown_filter(file, "/image", N, D, 307);
  put_images(file, "/text", SOUND.text, 0, 0, 0);
  h5_close(file);
  file = begin("labels.h5", SOUND);
  h5_plain(file, "/class_text", (h5_shape){2, {4, D}});
  rows[7] = 5;
  h5_integers(file, "/labels", (h5_shape){1, {N}}, rows, H5T_STD_I64LE);
  h5_close(file);
  bad_row("nan.h5", NAN, 1);
  bad_row("infinite.h5", INFINITY, 1);
  bad_row("zero.h5", 0, D);
}

static void no_files(void)
{
  static const char lfs[] = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4103128\n";
  char path[4096];
  h5_not(directory, "empty.h5", "", 0);
  h5_not(directory, "words.h5", "these are words\n", 16);
  h5_not(directory, "lfs.h5", lfs, sizeof lfs - 1);
  h5_close(begin("truncated.h5", SOUND));
  h5_cut(directory, "truncated.h5", 2000);
  (void)snprintf(path, sizeof path, "%s/folder.h5", directory);
  (void)mkdir(path, 0777);
}

int main(int argc, char **argv)
{
  if (argc != 2) {
    fprintf(stderr, "usage: make_files DIR\n");
    return 2;
  }
  directory = argv[1];
  shapes();
  contents();
  no_files();
  return 0;
}
