/* Rows of one dataset, or of several one after the other, as a cgap_source. Arrays outside HDF5 are read by
 * array_reader.c; contiguous data of HDF5 with pread at the address that HDF5 names; chunks with the usual filters by
 * hdf5_chunks.c in threads; the rest through H5Dread in the file's own type, since HDF5 converts float16 at some
 * 30 MB/s. Byte order is put right here. */
#include "io/read/datasets.h"

#include "io/read/array_reader.h"
#include "io/read/hdf5_basics.h"

#include "base/memory.h"
#include "base/output_file.h"
#include "base/source.h"

#include <fcntl.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_SLOTS = 12421, TILE_ROWS = 32, DIRECT_BYTES_MIN = 1 << 20 };
static const size_t CACHE_BYTES_MIN = (size_t)1 << 20, CACHE_BYTES_MAX = (size_t)16 << 20;
static const size_t TURNED_BYTES = (size_t)16 << 20, TURNED_CHUNK_BYTES = (size_t)128 << 20;

/* A block of a dataset that is stored with the axes in reverse order: (d, k, most) or (d, most), as it was read. */
typedef struct turned_block {
  unsigned char *bytes; /* NULL: nothing was read yet */
  size_t first, count;  /* of the meant first axis */
  size_t most;
} turned_block;

typedef struct opened_dataset {
  cgap_chosen_dataset taken;
  size_t first, rows;       /* in the whole */
  cgap_array *array;        /* outside HDF5, else NULL */
  cgap_hdf5_chunks *chunks; /* unpacked here, else NULL */
  hid_t dataset, type, space;
  bool direct;          /* contiguous in the file, at `offset` bytes */
  uint64_t offset;      /* bytes from the start of the file */
  cgap_direct_io *past; /* the page cache, where the file is too large for it; else NULL */
  turned_block turned;
} opened_dataset;

struct cgap_dataset_rows {
  cgap_source_hooks hooks; /* first, as base/source.h requires */
  opened_dataset *datasets;
  size_t count;
  int threads; /* that unpack */
};

/* ---------------------------------------------------------------- open */

/* Blocks of rows cut through chunks: unless the cache holds one row of chunks, each chunk would be unpacked again and
 * again. */
static hid_t access_plist(const opened_dataset *p, hid_t create_plist)
{
  hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
  hsize_t chunk[H5S_MAX_RANK] = {0};
  if (H5Pget_layout(create_plist) != H5D_CHUNKED || H5Pget_chunk(create_plist, H5S_MAX_RANK, chunk) < 2)
    return access;
  const cgap_entry *e = p->taken.entry;
  size_t bytes = H5Tget_size(p->type) * (size_t)chunk[0];
  for (int k = 1; k < e->ndim; k++) {
    size_t chunks = (e->shape[k] + (size_t)chunk[k] - 1) / (size_t)chunk[k];
    bytes *= chunks * (size_t)chunk[k];
  }
  bytes = cgap_lesser(cgap_greater(bytes, CACHE_BYTES_MIN), CACHE_BYTES_MAX);
  H5Pset_chunk_cache(access, CACHE_SLOTS, bytes, 1.0);
  return access;
}

/* The open file whose bytes the addresses of a dataset count; -1: none. */
static int regular_file(const opened_dataset *p)
{
  const cgap_file *file = p->taken.file;
  const hid_t plist = H5Fget_create_plist(file->id);
  hsize_t block = 0;
  const bool regular = plist >= 0 && H5Pget_userblock(plist, &block) >= 0 && block == 0;
  cgap_hdf5_close(plist);
  return regular && p->taken.entry->number == file->number ? file->fd : -1;
}

/* How much of the first axis one block of a turned dataset has: whole chunks where they are not too large, so that none
 * is unpacked twice in a pass. */
static size_t turned_most(const opened_dataset *p, hid_t create_plist)
{
  const cgap_entry *e = p->taken.entry;
  hsize_t chunk[H5S_MAX_RANK] = {0};
  const size_t each = e->shape[1] * (e->ndim == 3 ? e->shape[2] : 1) * H5Tget_size(p->type);
  size_t most = cgap_greater(TURNED_BYTES / each, 1);
  if (H5Pget_layout(create_plist) == H5D_CHUNKED && H5Pget_chunk(create_plist, H5S_MAX_RANK, chunk) == e->ndim) {
    const size_t across = (size_t)chunk[e->ndim - 1];
    if (most >= across)
      most -= most % across;
    else if (across <= TURNED_CHUNK_BYTES / each)
      most = across;
  }
  return cgap_lesser(most, e->shape[0]);
}

static cgap_status open_dataset(opened_dataset *p, cgap_error *error)
{
  const cgap_file *file = p->taken.file;
  const cgap_entry *entry = p->taken.entry;
  hid_t plist = H5I_INVALID_HID, access = H5I_INVALID_HID;
  if (entry->pieces)
    return cgap_array_open(&p->array, entry, error);
  if (entry->obstacle)
    return cgap_fail(error, CGAP_FILE, "%s: %s", entry->name, entry->obstacle);
  p->dataset = H5Dopen2(file->id, cgap_entry_place(entry), H5P_DEFAULT);
  if (p->dataset < 0)
    goto damaged;
  p->type = H5Dget_type(p->dataset);
  plist = H5Dget_create_plist(p->dataset);
  if (p->type < 0 || plist < 0)
    goto damaged;
  if (entry->turned) {
    p->turned.most = turned_most(p, plist);
    p->space = H5Dget_space(p->dataset);
    H5Pclose(plist);
    return CGAP_OK;
  }
  if (H5Pget_layout(plist) == H5D_CONTIGUOUS && H5Pget_external_count(plist) == 0 && entry->number == file->number) {
    haddr_t offset = H5Dget_offset(p->dataset);
    p->direct = offset != HADDR_UNDEF;
    p->offset = p->direct ? (uint64_t)offset : 0;
  }
  access = access_plist(p, plist);
  H5Dclose(p->dataset);
  p->dataset = H5Dopen2(file->id, cgap_entry_place(entry), access);
  p->space = p->dataset < 0 ? H5I_INVALID_HID : H5Dget_space(p->dataset);
  cgap_status status = CGAP_OK;
  if (p->space >= 0)
    status = cgap_hdf5_chunks_open(&p->chunks, p->dataset, plist, regular_file(p), entry, error);
  H5Pclose(access);
  H5Pclose(plist);
  if (p->direct)
    p->past = cgap_direct_io_open(file->path, file->bytes);
  if (p->direct) /* read from front to back: the system may fetch further ahead */
    (void)posix_fadvise(file->fd, (off_t)p->offset, (off_t)H5Dget_storage_size(p->dataset), POSIX_FADV_SEQUENTIAL);
  if (p->space >= 0)
    return status;
damaged:
  return cgap_fail(error, CGAP_FILE, "%s: cannot be opened; the file is damaged, copy it again", entry->name);
}

/* ---------------------------------------------------------------- read */

enum { WHY = 400 }; /* bytes of HDF5's reason, read before the next call clears it */

static bool read_slab(const opened_dataset *p, const hsize_t start[3], const hsize_t count[3], void *out, char why[WHY])
{
  int ndim = p->taken.entry->ndim;
  hid_t memory = H5Screate_simple(ndim, count, NULL);
  bool ok = memory >= 0 && H5Sselect_hyperslab(p->space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
            H5Dread(p->dataset, p->type, memory, p->space, H5P_DEFAULT, out) >= 0;
  if (!ok)
    cgap_hdf5_reason(why, WHY);
  H5Sclose(memory);
  return ok;
}

/* Rows of a rank 3 dataset are (first axis, middle axis) in order: whole groups in one slab, ends apart. */
static bool read_slabs(const opened_dataset *p, size_t first, size_t count, size_t row_bytes, unsigned char *out,
                       char why[WHY])
{
  const cgap_entry *e = p->taken.entry;
  size_t dim = cgap_chosen_dataset_dim(&p->taken);
  if (e->ndim == 2)
    return read_slab(p, (hsize_t[3]){first, 0, 0}, (hsize_t[3]){count, dim, 0}, out, why);
  size_t middle = e->shape[1];
  while (count > 0) {
    size_t within = first % middle, groups = 1, rows = middle - within;
    if (within == 0 && count >= middle)
      rows = middle, groups = count / middle;
    else if (rows > count)
      rows = count;
    if (!read_slab(p, (hsize_t[3]){first / middle, within, 0}, (hsize_t[3]){groups, rows, dim}, out, why))
      return false;
    first += groups * rows;
    count -= groups * rows;
    out += groups * rows * row_bytes;
  }
  return true;
}

/* The block of a turned dataset that has index `first` of the meant first axis. */
static bool read_turned_block(opened_dataset *p, size_t first, char why[WHY])
{
  const cgap_entry *e = p->taken.entry;
  turned_block *b = &p->turned;
  const size_t dim = cgap_chosen_dataset_dim(&p->taken), middle = e->ndim == 3 ? e->shape[1] : 1;
  if (b->bytes && first >= b->first && first < b->first + b->count)
    return true;
  if (!b->bytes && !(b->bytes = cgap_alloc(b->most, dim * middle * cgap_type_size(e->type)))) {
    (void)snprintf(why, WHY, "out of memory");
    return false;
  }
  b->first = first / b->most * b->most;
  b->count = cgap_lesser(b->most, e->shape[0] - b->first);
  const hsize_t start[3] = {0, e->ndim == 3 ? 0 : b->first, b->first};
  const hsize_t count[3] = {dim, e->ndim == 3 ? middle : b->count, b->count};
  if (read_slab(p, start, count, b->bytes, why))
    return true;
  b->count = 0;
  return false;
}

/* Rows of a turned dataset, tile by tile, so that source and target stay in the cache. */
static bool read_turned(opened_dataset *p, size_t first, size_t count, unsigned char *out, char why[WHY])
{
  const cgap_entry *e = p->taken.entry;
  const size_t dim = cgap_chosen_dataset_dim(&p->taken), middle = e->ndim == 3 ? e->shape[1] : 1;
  const size_t size = cgap_type_size(e->type);
  while (count > 0) {
    if (!read_turned_block(p, first / middle, why))
      return false;
    const turned_block *b = &p->turned;
    const size_t here = cgap_lesser(count, (b->first + b->count) * middle - first);
    for (size_t tile = 0; tile < here; tile += TILE_ROWS) {
      const size_t until = cgap_lesser(here, tile + TILE_ROWS);
      for (size_t c = 0; c < dim; c++)
        for (size_t k = tile; k < until; k++) {
          const size_t row = first + k, from = (c * middle + row % middle) * b->count + (row / middle - b->first);
          memcpy(out + (k * dim + c) * size, b->bytes + from * size, size);
        }
    }
    first += here;
    count -= here;
    out += here * dim * size;
  }
  return true;
}

static cgap_status read_dataset(opened_dataset *p, size_t first, size_t count, int threads, unsigned char *out,
                                cgap_error *error)
{
  const cgap_entry *e = p->taken.entry;
  size_t dim = cgap_chosen_dataset_dim(&p->taken);
  size_t size = cgap_type_size(e->type);
  cgap_status status = CGAP_OK;
  if (p->array) {
    status = cgap_array_read(p->array, first, count, out, error);
  } else if (p->direct) {
    const size_t bytes = count * dim * size; /* few of them may be in the page cache */
    status = cgap_direct_io_read(bytes < DIRECT_BYTES_MIN ? NULL : p->past, p->taken.file->fd,
                                 p->offset + (uint64_t)first * dim * size, bytes, out, e->name, error);
  } else if (p->chunks) {
    status = cgap_hdf5_chunks_read(p->chunks, first, count, threads, out, error);
  } else {
    char why[WHY] = "";
    cgap_hdf5_silence quiet = cgap_hdf5_silence_begin();
    if (!(e->turned ? read_turned(p, first, count, out, why) : read_slabs(p, first, count, dim * size, out, why))) {
      status = cgap_fail(error, CGAP_FILE, "%s: rows %zu to %zu cannot be read (HDF5: %s); copy the file again",
                         e->name, first, first + count - 1, why[0] ? why : "no reason given");
    }
    cgap_hdf5_silence_end(quiet);
  }
  if (status == CGAP_OK && e->swap)
    cgap_swap_bytes(out, count * dim, size);
  return status;
}

static cgap_status read_rows(const cgap_source *source, size_t first, size_t count, void *out, cgap_error *error)
{
  const cgap_dataset_rows *rows = source->context;
  unsigned char *to = out;
  size_t row_bytes = source->dim * cgap_type_size(source->type);
  if (first > source->rows || count > source->rows - first)
    return cgap_fail(error, CGAP_DATA, "%s: rows %zu to %zu requested, it has %zu", source->name, first, first + count,
                     source->rows);
  for (size_t i = 0; i < rows->count && count > 0; i++) {
    opened_dataset *p = &rows->datasets[i];
    if (first >= p->first + p->rows)
      continue;
    size_t within = first - p->first;
    size_t here = p->rows - within < count ? p->rows - within : count;
    cgap_status status = read_dataset(p, within, here, rows->threads, to, error);
    if (status != CGAP_OK)
      return status;
    first += here;
    count -= here;
    to += here * row_bytes;
  }
  return CGAP_OK;
}

static bool rows_seek(const cgap_source *source)
{
  const cgap_dataset_rows *rows = source->context;
  bool seeks = true;
  for (size_t i = 0; i < rows->count; i++)
    seeks = seeks && (rows->datasets[i].array ? cgap_array_seeks(rows->datasets[i].array) : rows->datasets[i].direct);
  return seeks;
}

static bool rows_are_thread_safe(const cgap_source *source)
{
  const cgap_dataset_rows *rows = source->context;
  bool thread_safe = rows_seek(source);
  for (size_t i = 0; i < rows->count; i++)
    thread_safe = thread_safe && (!rows->datasets[i].array || cgap_array_is_thread_safe(rows->datasets[i].array));
  return thread_safe;
}

static void start_reading(const cgap_source *source, size_t first, size_t count)
{
  const cgap_dataset_rows *rows = source->context;
  const size_t row_bytes = source->dim * cgap_type_size(source->type);
  for (size_t i = 0; i < rows->count; i++) {
    const opened_dataset *p = &rows->datasets[i];
    if (p->direct && first >= p->first && first < p->first + p->rows)
      (void)posix_fadvise(p->taken.file->fd, (off_t)(p->offset + (first - p->first) * row_bytes),
                          (off_t)(count * row_bytes), POSIX_FADV_WILLNEED);
  }
}

/* ---------------------------------------------------------------- the whole */

cgap_status cgap_dataset_rows_open(cgap_dataset_rows **out, cgap_source *source, const cgap_chosen_dataset *taken,
                                   size_t count, const char *name, cgap_error *error)
{
  cgap_status status = CGAP_OK;
  size_t total = 0;
  *out = NULL;
  *source = (cgap_source){0};
  cgap_dataset_rows *rows = calloc(1, sizeof *rows);
  opened_dataset *datasets = calloc(count, sizeof *datasets);
  if (!rows || !datasets) {
    free(rows);
    free(datasets);
    return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", name);
  }
  *rows = (cgap_dataset_rows){.hooks = {read_rows, rows_seek, rows_are_thread_safe, start_reading},
                              .datasets = datasets,
                              .count = count,
                              .threads = 1};
  for (size_t i = 0; i < count; i++)
    datasets[i] = (opened_dataset){
      .taken = taken[i], .dataset = H5I_INVALID_HID, .type = H5I_INVALID_HID, .space = H5I_INVALID_HID};
  for (size_t i = 0; i < count && status == CGAP_OK; i++) {
    datasets[i].first = total;
    datasets[i].rows = cgap_chosen_dataset_rows(&taken[i]);
    total += datasets[i].rows;
    status = open_dataset(&datasets[i], error);
  }
  if (status != CGAP_OK) {
    cgap_dataset_rows_close(rows);
    return status;
  }
  *source = (cgap_source){.rows = total,
                          .dim = cgap_chosen_dataset_dim(taken),
                          .type = taken->entry->type,
                          .read = cgap_source_read,
                          .context = rows,
                          .name = name};
  *out = rows;
  return CGAP_OK;
}

void cgap_dataset_rows_set_threads(cgap_dataset_rows *rows, int threads)
{
  if (rows)
    rows->threads = threads > 0 ? threads : omp_get_num_procs();
}

void cgap_dataset_rows_close(cgap_dataset_rows *rows)
{
  if (!rows)
    return;
  for (size_t i = 0; i < rows->count; i++) {
    cgap_array_close(rows->datasets[i].array);
    cgap_hdf5_chunks_close(rows->datasets[i].chunks);
    cgap_direct_io_close(rows->datasets[i].past);
    cgap_free(rows->datasets[i].turned.bytes);
    cgap_hdf5_close(rows->datasets[i].space);
    cgap_hdf5_close(rows->datasets[i].type);
    cgap_hdf5_close(rows->datasets[i].dataset);
  }
  free(rows->datasets);
  free(rows);
}
