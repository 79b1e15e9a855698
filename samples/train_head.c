/* Trains a head on two matrices in memory, applies it, and says what it did on images that training never saw.
 *
 *   cc train_head.c $(pkg-config --cflags --libs contragap) -lm && ./a.out
 *
 * An image and its text are one random point of 16 dimensions, each with noise of its own and an offset, opposite for
 * the two sides, along the first axis: the gap. */
#include <contragap/contragap.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 600, DIM = 16 };
static float image[ROWS][DIM], text[ROWS][DIM], closed_image[ROWS][DIM], closed_text[ROWS][DIM];

/* Twelve uniform numbers less six: nearly normal. */
static double noise(void)
{
  double sum = -6;
  for (int k = 0; k < 12; k++)
    sum += rand() / (double)RAND_MAX;
  return sum;
}

static void fill(void)
{
  for (int i = 0; i < ROWS; i++)
    for (int k = 0; k < DIM; k++) {
      const double point = noise(), offset = k == 0 ? 4 : 0;
      image[i][k] = (float)(point + 0.3 * noise() + offset);
      text[i][k] = (float)(point + 0.3 * noise() - offset);
    }
}

/* How far the two centroids of the test part lie apart, every row taken at length 1. */
static double distance(float x[ROWS][DIM], float y[ROWS][DIM], const int64_t *part)
{
  double square = 0;
  for (int k = 0; k < DIM; k++) {
    double sum = 0, count = 0;
    for (int i = 0; i < ROWS; i++)
      if (part[i] == CGAP_TEST) {
        double a = 0, b = 0;
        for (int n = 0; n < DIM; n++) {
          a += (double)x[i][n] * x[i][n];
          b += (double)y[i][n] * y[i][n];
        }
        sum += x[i][k] / sqrt(a) - y[i][k] / sqrt(b);
        count++;
      }
    square += sum / count * (sum / count);
  }
  return sqrt(square);
}

/* Called again and again; true would stop the training, which then returns CGAP_INTERRUPTED. */
static bool keep_going(void *context, const char *phase, double fraction)
{
  (void)context, (void)phase, (void)fraction;
  return false;
}

static void note(void *context, const cgap_epoch *epoch, const cgap_train_options *options)
{
  (void)options;
  *(double *)context = epoch->validation.total;
}

int main(void)
{
  fill();
  cgap_data data = {
    .image = cgap_source_view(image, ROWS, DIM, CGAP_FLOAT32, "image"),
    .text = cgap_source_view(text, ROWS, DIM, CGAP_FLOAT32, "text"),
    .pairing = CGAP_BY_ROW, /* text i belongs to image i */
  };
  double loss = 0;
  cgap_observer observer = {note, &loss};
  cgap_train_options options = CGAP_TRAIN_OPTIONS_INIT;
  options.batch = 64;
  options.epochs = 30;
  options.progress = (cgap_progress){keep_going, NULL};

  cgap_head *head = NULL;
  cgap_error error = {0};
  cgap_status status = cgap_train_run(&head, &data, &options, &observer, &error);
  if (!status)
    status = cgap_head_apply_source(head, CGAP_IMAGE_ROWS, &data.image, closed_image[0], 0, options.progress, &error);
  if (!status)
    status = cgap_head_apply_source(head, CGAP_TEXT_ROWS, &data.text, closed_text[0], 0, options.progress, &error);
  if (!status)
    status = cgap_head_write(head, "head.h5", &error);
  if (status) {
    fprintf(stderr, "%s\n", error.message);
    cgap_head_close(head);
    return status;
  }

  size_t rows;
  const int64_t *part = cgap_head_split(head, &rows);
  double before = distance(image, text, part), after = distance(closed_image, closed_text, part);
  printf("validation loss %.3f\n", loss);
  printf("distance of the centroids on %d images that training never saw: %.3f, then %.3f\n", ROWS / 5, before, after);
  cgap_head_close(head);
  return !(after < before / 4);
}
