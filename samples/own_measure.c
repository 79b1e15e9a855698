/* A measure of your own over all pairs: the energy distance between images and texts (Székely and Rizzo 2013),
 *
 *   2 E‖x − y‖ − E‖x − x'‖ − E‖y − y'‖,
 *
 * 0 where both sides are one distribution. ‖x − y‖ of unit rows is √(2 − 2 cosine), so three sums over cosines are
 * enough; the library makes the cosines, tile by tile in all threads, and never holds them all.
 *
 *   cc own_measure.c $(pkg-config --cflags --libs contragap) -lm && ./a.out [FILE [FILE]]
 *
 * Without FILE it measures two circles at heights 0.6 and −0.6 on the sphere and compares with two plain loops. */
#include <contragap/contragap.h>

#include <math.h>
#include <stdio.h>

enum { ROWS = 700, DIM = 3 };
static float image[ROWS][DIM], text[ROWS][DIM];

/* Sum and count of each kind of pair; called from several threads, it only adds. */
static void add_tile(const void *context, const cgap_tile *tile, double *sums, uint64_t *counts)
{
  (void)context;
  double sum = 0;
  for (size_t r = 0; r < tile->rows; r++) {
    for (size_t c = tile->first[r]; c < tile->columns; c++)
      sum += sqrt(2 - 2 * (double)tile->cosine[r * tile->columns + c]);
    counts[tile->kind] += tile->columns - tile->first[r];
  }
  sums[tile->kind] += sum;
}

static double combine(const double *sums, const double *counts)
{
  return 2 * sums[CGAP_IMAGE_TEXT] / counts[CGAP_IMAGE_TEXT] - sums[CGAP_IMAGE_IMAGE] / counts[CGAP_IMAGE_IMAGE] -
         sums[CGAP_TEXT_TEXT] / counts[CGAP_TEXT_TEXT];
}

static cgap_status energy_distance(double *out, const cgap_data *data, cgap_error *error)
{
  double sums[CGAP_PAIR_KINDS], n[CGAP_PAIR_KINDS];
  uint64_t counts[CGAP_PAIR_KINDS];
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_tally tally = {
    .kinds = 1u << CGAP_IMAGE_IMAGE | 1u << CGAP_TEXT_TEXT | 1u << CGAP_IMAGE_TEXT,
    .sums = CGAP_PAIR_KINDS,
    .counts = CGAP_PAIR_KINDS,
    .tile = add_tile,
  };
  cgap_status status = cgap_tally_run(sums, counts, data, &tally, &options, error);
  for (int kind = 0; kind < CGAP_PAIR_KINDS; kind++)
    n[kind] = (double)counts[kind];
  *out = combine(sums, n);
  return status;
}

/* ---------------------------------------------------------------- two circles, two plain loops */

static void fill(float *row, int i, double height)
{
  double angle = 2 * 3.14159265358979 * i / ROWS, radius = sqrt(1 - height * height);
  row[0] = (float)height;
  row[1] = (float)(radius * cos(angle));
  row[2] = (float)(radius * sin(angle));
}

static double plain_distance(const float *a, const float *b)
{
  double square = 0;
  for (int k = 0; k < DIM; k++)
    square += ((double)a[k] - b[k]) * ((double)a[k] - b[k]);
  return sqrt(square);
}

static double plain(void)
{
  double sums[CGAP_PAIR_KINDS] = {0}, counts[CGAP_PAIR_KINDS] = {0};
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < ROWS; j++) {
      sums[CGAP_IMAGE_TEXT] += plain_distance(image[i], text[j]);
      counts[CGAP_IMAGE_TEXT]++;
      if (i < j) {
        sums[CGAP_IMAGE_IMAGE] += plain_distance(image[i], image[j]);
        sums[CGAP_TEXT_TEXT] += plain_distance(text[i], text[j]);
        counts[CGAP_IMAGE_IMAGE]++;
        counts[CGAP_TEXT_TEXT]++;
      }
    }
  return combine(sums, counts);
}

static int check_circles(cgap_error *error)
{
  double got, want;
  for (int i = 0; i < ROWS; i++) {
    fill(image[i], i, 0.6);
    fill(text[i], i, -0.6);
  }
  cgap_data data = {
    .image = cgap_source_view(image, ROWS, DIM, CGAP_FLOAT32, "image"),
    .text = cgap_source_view(text, ROWS, DIM, CGAP_FLOAT32, "text"),
    .pairing = CGAP_UNPAIRED,
  };
  cgap_status status = energy_distance(&got, &data, error);
  if (status)
    return status;
  want = plain();
  printf("energy distance %.6f, by two plain loops %.6f\n", got, want);
  return fabs(got - want) > 1e-5;
}

int main(int argc, char **argv)
{
  cgap_error error = {0};
  int code = 0;
  if (argc > 1) {
    double distance = 0;
    cgap_dataset *dataset = NULL;
    cgap_input_options input = CGAP_INPUT_OPTIONS_INIT;
    input.files = (const char *const *)(argv + 1);
    input.file_count = (size_t)argc - 1;
    code = cgap_dataset_open(&dataset, &input, &error);
    if (!code)
      code = energy_distance(&distance, cgap_dataset_data(dataset), &error);
    if (!code)
      printf("energy distance %.6f\n", distance);
    cgap_dataset_close(dataset);
  } else {
    code = check_circles(&error);
  }
  if (error.status)
    fprintf(stderr, "%s\n", error.message);
  return code;
}
