/* The containers that are written. */
#ifndef CGAP_IO_WRITE_LAYOUTS_H
#define CGAP_IO_WRITE_LAYOUTS_H

#include "contragap/contragap.h"

typedef enum cgap_layout {
  CGAP_LAYOUT_HDF5, /* /image, /text, /text_image, /labels, /class_text, /arithmetic, and what the files call rows */
  CGAP_LAYOUT_NPY,  /* a folder with image.npy, text.npy, … */
  CGAP_LAYOUT_NPY_FILES, /* OUT.npy: OUT_image.npy, OUT_text.npy, …; OUT.npy for one modality */
  CGAP_LAYOUT_NPZ,
  CGAP_LAYOUT_SAFETENSORS
} cgap_layout;

/* By the end of the name: .npy, .npz, .safetensors; all others are HDF5. */
cgap_layout cgap_layout_of(const char *path);

/* CGAP_USAGE where the name ends as that of a format which is not written, .csv or .pt: it would hold HDF5. */
CGAP_MUST_CHECK cgap_status cgap_layout_check(const char *path, cgap_error *error);

#endif
