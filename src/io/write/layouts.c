#include "io/write/layouts.h"

#include <stddef.h>
#include <string.h>

cgap_layout cgap_layout_of(const char *path)
{
  static const struct {
    const char *ending;
    cgap_layout layout;
  } ENDINGS[] = {{".npy", CGAP_LAYOUT_NPY_FILES}, {".npz", CGAP_LAYOUT_NPZ}, {".safetensors", CGAP_LAYOUT_SAFETENSORS}};
  const size_t length = strlen(path);
  for (size_t k = 0; k < sizeof ENDINGS / sizeof *ENDINGS; k++) {
    const size_t end = strlen(ENDINGS[k].ending);
    if (length > end && strcmp(path + length - end, ENDINGS[k].ending) == 0)
      return ENDINGS[k].layout;
  }
  return CGAP_LAYOUT_HDF5;
}
