/* Entries from arrays that lie in files as they are: .npy, members of .npz, tensors. */
#include "io/containers.h"
#include "io/format.h"
#include "io/names.h"

#include <stdlib.h>
#include <string.h>

enum { HALVES = 2 };

static const struct {
  const char *path;
  unsigned side;
  const char *why;
} HALF[HALVES] = {
  {"image", CGAP_WORD_IMAGE, "the first of the two in an array (2, N, d)"},
  {"text", CGAP_WORD_TEXT, "the second of the two in an array (2, N, d)"},
};

static const char OBJECTS[] = "an object array is a Python pickle, which is not read; in Python: numpy.save('new.npy', "
                              "numpy.stack(list(numpy.load(path, allow_pickle=True))).astype('float32'))";

static bool fail_memory(const cgap_found *found, cgap_error *error)
{
  (void)cgap_fail(error, CGAP_RESOURCE, "%s: out of memory", found->name);
  return false;
}

/* Bytes from the first element to the end of the last one. */
static uint64_t span_of(const cgap_npy *a)
{
  uint64_t bytes = a->item;
  for (int k = 0; k < a->rank; k++)
    bytes *= a->shape[k];
  return bytes;
}

/* Element strides of an array in Fortran order; one axis or none is in both orders. */
static void set_strides(cgap_piece *piece, const cgap_npy *a)
{
  piece->strided = a->fortran && a->rank > 1;
  for (int k = 0; k < 3; k++)
    piece->stride[k] = k == 0 ? 1 : k < a->rank ? piece->stride[k - 1] * a->shape[k - 1] : 0;
}

static bool same_kind(const cgap_entry *e, const cgap_npy *a)
{
  bool same = e->kind == a->kind && e->type == a->type && e->swap == a->swap && e->item == a->item &&
              e->is_signed == a->is_signed && e->rank == a->rank;
  for (int k = 1; same && k < a->rank; k++)
    same = e->shape[k] == a->shape[k];
  return same;
}

static bool add_piece(cgap_entry *e, const cgap_found *found, const cgap_npy *a, const cgap_piece *piece,
                      cgap_error *error)
{
  cgap_piece *grown = realloc(e->pieces, (e->piece_count + 1) * sizeof *grown);
  if (!grown)
    return fail_memory(found, error);
  e->pieces = grown;
  grown[e->piece_count] = *piece;
  grown[e->piece_count].rows = a->rank ? a->shape[0] : 1;
  grown[e->piece_count].path = strdup(piece->path);
  if (!grown[e->piece_count].path)
    return fail_memory(found, error);
  e->piece_count++;
  return true;
}

/* One more shard of an entry that is there. */
static bool join_shard(cgap_entry *e, const cgap_found *found, const cgap_npy *a, const cgap_piece *piece,
                       cgap_error *error)
{
  char shape[160];
  if (!same_kind(e, a) || a->rank == 0) {
    cgap_entry own = {.rank = a->rank};
    memcpy(own.shape, a->shape, sizeof own.shape);
    (void)cgap_fail(error, CGAP_DATA,
                    "%s: %s of shape %s, %s differs in more than its rows; shards need one type and d", found->name,
                    a->type_name, cgap_shape_text(shape, sizeof shape, &own), e->pieces[0].path);
    return false;
  }
  if (e->shape[0] > SIZE_MAX / 16 - a->shape[0]) {
    (void)cgap_fail(error, CGAP_DATA, "%s: more rows in all shards than any memory holds", found->name);
    return false;
  }
  e->shape[0] += a->shape[0];
  return add_piece(e, found, a, piece, error);
}

static bool new_entry(cgap_file *file, const char *path, int half, const cgap_found *found, const cgap_npy *a,
                      const cgap_piece *piece, cgap_error *error)
{
  cgap_entry *e = cgap_file_add(file);
  if (!e)
    return fail_memory(found, error);
  e->path = strdup(path);
  e->name = half < 0 ? strdup(found->name) : cgap_format("%s[%d]", found->name, half);
  cgap_append(&e->storage, "%s%s", found->storage, a->fortran && a->rank > 1 ? ", Fortran order" : "");
  if (a->pickled)
    e->obstacle = strdup(OBJECTS);
  e->kind = a->kind;
  e->type = a->type;
  e->swap = a->swap;
  e->is_signed = a->is_signed;
  e->wide = a->wide;
  e->item = a->item;
  e->rank = a->rank;
  memcpy(e->shape, a->shape, sizeof e->shape);
  cgap_entry_type_text(e, a->type_name);
  if (half >= 0) {
    e->side = HALF[half].side;
    e->side_why = HALF[half].why;
  }
  if (!e->path || !e->name || !e->storage)
    return fail_memory(found, error);
  return add_piece(e, found, a, piece, error);
}

static cgap_entry *find_path(cgap_file *file, const char *path)
{
  for (size_t i = 0; i < file->count; i++) {
    if (!strcmp(file->entries[i].path, path))
      return &file->entries[i];
  }
  return NULL;
}

static bool add_one(cgap_file *file, const char *path, int half, const cgap_found *found, const cgap_npy *a,
                    const cgap_piece *piece, cgap_error *error)
{
  cgap_entry *there = find_path(file, path);
  if (there && piece->numbered && there->pieces[0].numbered)
    return join_shard(there, found, a, piece, error);
  if (there) {
    (void)cgap_fail(error, CGAP_FILE, "%s: the name %s stands in %s twice; give each array a name of its own",
                    found->name, path, file->path);
    return false;
  }
  return new_entry(file, path, half, found, a, piece, error);
}

/* The two halves of (2, N, d), each an array (N, d). */
static bool add_halves(cgap_file *file, const cgap_found *found, cgap_error *error)
{
  const cgap_npy *a = found->array;
  cgap_npy half = *a;
  bool good = true;
  half.rank = 2;
  half.shape[0] = a->shape[1];
  half.shape[1] = a->shape[2];
  uint64_t span = span_of(&half);
  for (int h = 0; h < HALVES && good; h++) {
    cgap_piece piece = found->piece;
    char *path = cgap_format("%s/%s", found->path, HALF[h].path);
    set_strides(&piece, a);
    piece.offset += (uint64_t)h * (piece.strided ? a->item : span);
    piece.span = piece.strided ? span_of(a) - (uint64_t)h * a->item : span;
    piece.stride[0] = piece.stride[1];
    piece.stride[1] = piece.stride[2];
    piece.stride[2] = 0;
    good = path ? add_one(file, path, h, found, &half, &piece, error) : fail_memory(found, error);
    free(path);
  }
  return good;
}

cgap_status cgap_found_add(cgap_file *file, const cgap_found *found, cgap_error *error)
{
  const cgap_npy *a = found->array;
  cgap_error own = {0};
  error = error ? error : &own;
  bool halves =
    a->kind == CGAP_KIND_FLOAT && a->rank == 3 && a->shape[0] == HALVES && cgap_words_of(found->path).side == 0;
  bool good = false;
  if (halves) {
    good = add_halves(file, found, error);
  } else {
    cgap_piece piece = found->piece;
    set_strides(&piece, a);
    piece.span = span_of(a);
    good = add_one(file, found->path, -1, found, a, &piece, error);
  }
  return good ? CGAP_OK : error->status;
}
