#include "io/write/layouts.h"

#include <stddef.h>
#include <string.h>

static bool ends_with(const char *path, const char *ending)
{
  const size_t length = strlen(path), end = strlen(ending);
  return length > end && strcmp(path + length - end, ending) == 0;
}

cgap_layout cgap_layout_of(const char *path)
{
  static const struct {
    const char *ending;
    cgap_layout layout;
  } ENDINGS[] = {{".npy", CGAP_LAYOUT_NPY_FILES}, {".npz", CGAP_LAYOUT_NPZ}, {".safetensors", CGAP_LAYOUT_SAFETENSORS}};
  for (size_t k = 0; k < sizeof ENDINGS / sizeof *ENDINGS; k++)
    if (ends_with(path, ENDINGS[k].ending))
      return ENDINGS[k].layout;
  return CGAP_LAYOUT_HDF5;
}

cgap_status cgap_layout_check(const char *path, cgap_error *error)
{
  static const char *const OTHERS[] = {".csv",    ".tsv",     ".txt",    ".vec",  ".json",    ".jsonl", ".pkl",
                                       ".pickle", ".pt",      ".joblib", ".pth",  ".parquet", ".arrow", ".index",
                                       ".zip",    ".feather", ".gz",     ".zarr", ".faiss",   ".mat"};
  for (size_t k = 0; k < sizeof OTHERS / sizeof *OTHERS; k++)
    if (ends_with(path, OTHERS[k]))
      return cgap_fail(error, CGAP_USAGE,
                       "%s: %s is not written; give a name that ends in .h5, .npy, .npz or .safetensors", path,
                       OTHERS[k]);
  return CGAP_OK;
}
