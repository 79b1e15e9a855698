/* Audits two matrices in memory through the public API.
 *
 *   cc audit_matrix.c $(pkg-config --cflags --libs contragap) -lm && ./a.out
 *
 * The rows are the offset model: an image and its text are the same point but for ±0.4 along the first
 * axis, so the centroids are 0.8 apart and the alignment is 0.64. */
#include <contragap/contragap.h>

#include <math.h>
#include <stdio.h>

enum { ROWS = 64, DIM = 3 };

static void fill(float *row, int i, double height)
{
  double angle = 2 * 3.14159265358979 * i / ROWS, radius = sqrt(1 - height * height);
  row[0] = (float)height;
  row[1] = (float)(radius * cos(angle));
  row[2] = (float)(radius * sin(angle));
}

int main(void)
{
  float image[ROWS][DIM], text[ROWS][DIM];
  for (int i = 0; i < ROWS; i++) {
    fill(image[i], i, 0.4);
    fill(text[i], i, -0.4);
  }

  cgap_data data = {
    .image = cgap_source_view(image, ROWS, DIM, CGAP_FLOAT32, "image"),
    .text = cgap_source_view(text, ROWS, DIM, CGAP_FLOAT32, "text"),
    .pairing = CGAP_BY_ROW, /* text i belongs to image i */
  };
  cgap_audit_options options = CGAP_AUDIT_OPTIONS_INIT;
  cgap_audit audit;
  cgap_error error = {0};
  cgap_status status = cgap_audit_run(&audit, &data, &options, &error);
  if (status) {
    fprintf(stderr, "%s\n", error.message);
    return status;
  }

  cgap_scalar distance = audit.gap.corrected_distance;
  double alignment = audit.alignment.mean_squared_distance.value;
  printf("corrected distance %.6f (95%% interval %.6f to %.6f)\n", distance.value, distance.lo, distance.hi);
  printf("alignment          %.6f\n", alignment);
  printf("R@1 image to text  %.3f\n", audit.image_to_text.recall_at_1.value);

  int wrong = fabs(distance.value - 0.8) > 1e-6 || fabs(alignment - 0.64) > 1e-6;
  cgap_audit_clear(&audit);
  return wrong;
}
