#include "rows/row_selection.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

__extension__ typedef unsigned __int128 uint128;

/* Rows are numbered twice over all ranks: those that are neither bad nor skipped, and those that are kept, which are
 * fewer where equal rows become one. */
typedef struct selection {
  cgap_modality_rows *modality;
  const cgap_row_selection *options;
  cgap_comm *comm;
  int rank, size;
  cgap_rank_rows own; /* of the file */
  const double *norm; /* (own rows) */
  cgap_hash *hash;    /* (own rows); later low: the first usable row with this hash, or what it was kept as */
  size_t *usable;     /* (size + 1) which of them each rank has: its first, and the next one's */
  size_t *kept;       /* (size + 1) */
  size_t next;        /* the number of the usable row that is made next */
  cgap_duplicate_rows table;
} selection;

static bool is_usable(const selection *s, size_t i)
{
  return s->norm[i] > 0 && !(s->options->skip && s->options->skip[s->own.first + i]);
}

static size_t own_rows(const selection *s)
{
  return s->own.end - s->own.first;
}

/* ---------------------------------------------------------------- equal rows */

/* A row on its way to the rank that has its hash. */
typedef struct hashed_row {
  cgap_hash hash;
  size_t number;
} hashed_row;

static int rank_of_hash(const selection *s, cgap_hash hash)
{
  return (int)((uint128)hash.high * (uint64_t)s->size >> 64);
}

static int make_hashed_row(void *context, size_t i, void *item)
{
  selection *s = context;
  if (!is_usable(s, i))
    return -1;
  *(hashed_row *)item = (hashed_row){s->hash[i], s->next++};
  return rank_of_hash(s, s->hash[i]);
}

static void find_hashed_rows(void *context, const void *items, size_t count, void *answers)
{
  selection *s = context;
  const hashed_row *row = items;
  size_t *first = answers;
  enum { AHEAD = 16 };
  for (size_t k = 0; k < count; k++) {
    if (k + AHEAD < count)
      cgap_duplicate_rows_prefetch(&s->table, row[k + AHEAD].hash);
    first[k] = cgap_duplicate_rows_add(&s->table, row[k].hash, row[k].number);
  }
}

static void note_first(void *context, size_t i, const void *answer)
{
  selection *s = context;
  memcpy(&s->hash[i].low, answer, sizeof s->hash[i].low);
}

/* A table for as many rows as have hashes of this rank. */
static cgap_status open_table(selection *s, cgap_error *error)
{
  uint64_t *rows = cgap_zalloc((size_t)s->size, sizeof *rows);
  cgap_status status = rows ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for %d ranks", s->size);
  for (size_t i = 0; !status && i < own_rows(s); i++)
    if (is_usable(s, i))
      rows[rank_of_hash(s, s->hash[i])]++;
  if (!status)
    status = cgap_comm_sum(s->comm, rows, (size_t)s->size, CGAP_COMM_U64, error);
  if (!status && !cgap_duplicate_rows_init(&s->table, rows[s->rank]))
    status = cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for the hashes of %llu rows", s->modality->source->name,
                       (unsigned long long)rows[s->rank]);
  cgap_free(rows);
  return status;
}

/* hash[i].low becomes the number of the first row that has the hash of row i. Ranks hand their rows over in no order:
 * only when all are there it is known which of equals is first, and they ask once more. */
static cgap_status find_equal_rows(selection *s, cgap_error *error)
{
  cgap_comm_items rows = {.count = own_rows(s),
                          .item_bytes = sizeof(hashed_row),
                          .answer_bytes = sizeof(size_t),
                          .context = s,
                          .make = make_hashed_row,
                          .take = find_hashed_rows};
  cgap_status status = open_table(s, error);
  for (int again = 0; !status && again < 2; again++) {
    s->next = s->usable[s->rank];
    rows.answered = again ? note_first : NULL;
    status = cgap_comm_hand_over(s->comm, &rows, error);
  }
  cgap_duplicate_rows_clear(&s->table);
  return status;
}

/* ---------------------------------------------------------------- merged rows */

static bool is_kept(const selection *s, size_t i, size_t number)
{
  return !s->options->merge || s->hash[i].low == number;
}

static int make_merged_row(void *context, size_t i, void *item)
{
  selection *s = context;
  if (!is_usable(s, i) || is_kept(s, i, s->next++))
    return -1;
  memcpy(item, &s->hash[i].low, sizeof(size_t));
  int r = 0;
  while (s->hash[i].low >= s->usable[r + 1])
    r++;
  return r;
}

static void find_kept_rows(void *context, const void *items, size_t count, void *answers)
{
  const selection *s = context;
  const size_t *number = items;
  size_t *kept = answers;
  for (size_t k = 0; k < count; k++)
    kept[k] = s->hash[number[k] - s->usable[s->rank]].high;
}

/* hash[i].low of a row that is merged becomes the kept row that it is merged into. */
static cgap_status find_merged_rows(selection *s, cgap_error *error)
{
  const cgap_comm_items rows = {.count = own_rows(s),
                                .item_bytes = sizeof(size_t),
                                .answer_bytes = sizeof(size_t),
                                .context = s,
                                .make = make_merged_row,
                                .take = find_kept_rows,
                                .answered = note_first};
  size_t number = s->usable[s->rank], kept = s->kept[s->rank];
  if (!s->options->merge)
    return CGAP_OK;
  for (size_t i = 0; i < own_rows(s); i++)
    if (is_usable(s, i)) { /* hash[k].high: what usable row k of this rank is kept as; k ≤ i */
      s->hash[number - s->usable[s->rank]].high = kept;
      kept += is_kept(s, i, number++);
    }
  s->next = s->usable[s->rank];
  return cgap_comm_hand_over(s->comm, &rows, error);
}

/* ---------------------------------------------------------------- checks */

static void note_row(selection *s, size_t i, bool usable, bool equal, bool kept)
{
  cgap_modality_checks *checks = &s->modality->checks;
  const size_t row = s->own.first + i;
  const double norm = s->norm[i];
  if (!(norm > 0))
    cgap_check_note(norm == 0 ? &checks->zero : &checks->not_finite, row);
  if (usable && equal)
    cgap_check_note(&checks->duplicates, row);
  if (kept && fabs(norm - 1.0) > CGAP_UNIT_TOLERANCE)
    cgap_check_note(&checks->off_unit, row);
}

/* Of all ranks: examples are the first rows, and ranks have their rows in order. */
static cgap_status merge_checks(selection *s, cgap_error *error)
{
  cgap_modality_checks *mine = &s->modality->checks;
  cgap_check *const merged[] = {&mine->zero, &mine->not_finite, &mine->duplicates, &mine->off_unit};
  enum { CHECKS = sizeof merged / sizeof *merged };
  cgap_check *all = cgap_zalloc((size_t)s->size * CHECKS, sizeof *all);
  size_t *place = cgap_alloc((size_t)s->size + 1, sizeof *place);
  cgap_status status = all && place ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for %d ranks", s->size);
  for (int r = 0; !status && r <= s->size; r++)
    place[r] = (size_t)r * CHECKS * sizeof *all;
  for (int k = 0; !status && k < CHECKS; k++)
    all[s->rank * CHECKS + k] = *merged[k];
  if (!status)
    status = cgap_comm_gather(s->comm, all, place, error);
  for (int k = 0; !status && k < CHECKS; k++) {
    *merged[k] = (cgap_check){0};
    for (int r = 0; r < s->size; r++) {
      const cgap_check *check = &all[r * CHECKS + k];
      for (size_t e = 0; e < check->example_count && merged[k]->example_count < CGAP_EXAMPLES; e++)
        merged[k]->examples[merged[k]->example_count++] = check->examples[e];
      merged[k]->count += check->count;
    }
  }
  cgap_free(all);
  cgap_free(place);
  return status;
}

/* Norms are added in the order of the rows, rank after rank, as a process alone adds them. */
static cgap_status add_norms(selection *s, cgap_error *error)
{
  long double *sum = cgap_zalloc(1, sizeof *sum);
  size_t number = s->usable[s->rank];
  cgap_status status = sum ? CGAP_OK : cgap_fail(error, CGAP_RESOURCE, "out of memory for a mean");
  if (!status)
    status = cgap_comm_from_previous(s->comm, sum, sizeof *sum, error);
  for (size_t i = 0; !status && i < own_rows(s); i++)
    if (is_usable(s, i) && is_kept(s, i, number++))
      *sum += s->norm[i];
  if (!status)
    status = cgap_comm_to_next(s->comm, sum, sizeof *sum, error);
  if (!status)
    s->modality->checks.norm_mean = s->modality->rows ? (double)(*sum / (long double)s->modality->rows) : 0;
  cgap_comm_free(s->comm, sum);
  return status;
}

/* ---------------------------------------------------------------- what is known of rows */

static cgap_status no_memory(const selection *s, cgap_error *error)
{
  return cgap_fail(error, CGAP_RESOURCE, "%s: out of memory for %zu rows of %zu", s->modality->source->name,
                   s->modality->rows, s->modality->dim);
}

/* Each rank's part of an array that all get; first (size + 1) counts elements. */
static cgap_status gather_parts(const selection *s, void *array, const size_t *first, size_t size, cgap_error *error)
{
  size_t *place = cgap_alloc((size_t)s->size + 1, sizeof *place);
  if (!place)
    return no_memory(s, error);
  for (int r = 0; r <= s->size; r++)
    place[r] = first[r] * size;
  const cgap_status status = cgap_comm_gather(s->comm, array, place, error);
  cgap_free(place);
  return status;
}

/* Every rank has the place, the scale and the first equal of every kept row. */
static cgap_status list_all_rows(selection *s, size_t *kept_as, cgap_error *error)
{
  cgap_modality_rows *m = s->modality;
  m->file_row = cgap_alloc(m->rows, sizeof *m->file_row);
  m->inverse_norm = cgap_alloc(m->rows, sizeof *m->inverse_norm);
  m->first_equal = m->checks.duplicates.count ? cgap_alloc(m->rows, sizeof *m->first_equal) : NULL;
  if (!m->file_row || !m->inverse_norm || (m->checks.duplicates.count && !m->first_equal))
    return no_memory(s, error);
  size_t number = s->usable[s->rank], kept = s->kept[s->rank];
  for (size_t i = 0; i < own_rows(s); i++) {
    const bool usable = is_usable(s, i), keeps = usable && is_kept(s, i, number++);
    if (kept_as)
      kept_as[s->own.first + i] = keeps ? kept : usable ? s->hash[i].low : SIZE_MAX;
    if (!keeps)
      continue;
    m->file_row[kept] = s->own.first + i;
    m->inverse_norm[kept] = 1.0 / s->norm[i];
    if (m->first_equal)
      m->first_equal[kept] = s->options->merge ? kept : s->hash[i].low;
    kept++;
  }
  cgap_status status = gather_parts(s, m->file_row, s->kept, sizeof *m->file_row, error);
  if (!status)
    status = gather_parts(s, m->inverse_norm, s->kept, sizeof *m->inverse_norm, error);
  if (!status && m->first_equal)
    status = gather_parts(s, m->first_equal, s->kept, sizeof *m->first_equal, error);
  if (!status && kept_as)
    status = cgap_rank_rows_gather(s->comm, kept_as, m->source->rows, sizeof *kept_as, error);
  return status;
}

/* Every rank has the scales of the kept rows that it has read, and of all ranks what is out of the ordinary: which rows
 * were left out, and which have an equal before them. */
static cgap_status list_own_rows(selection *s, cgap_error *error)
{
  cgap_modality_rows *m = s->modality;
  const size_t keeps = s->kept[s->rank + 1] - s->kept[s->rank];
  size_t *out = cgap_alloc(2 * ((size_t)s->size + 1), sizeof *out), *equal = out + s->size + 1;
  size_t number = s->usable[s->rank], kept = 0, equals = 0;
  cgap_status status = out ? CGAP_OK : no_memory(s, error);
  for (size_t i = 0; !status && !s->options->merge && i < own_rows(s); i++)
    equals += is_usable(s, i) && s->hash[i].low != number++;
  if (!status)
    status = cgap_comm_places(s->comm, own_rows(s) - keeps, out, error);
  if (!status)
    status = cgap_comm_places(s->comm, equals, equal, error);
  m->known_first = s->kept[s->rank];
  m->known_rows = keeps;
  m->inverse_norm = cgap_alloc(keeps, sizeof *m->inverse_norm);
  if (!status) {
    m->left_out_count = out[s->size];
    m->equal_count = equal[s->size];
    m->left_out = cgap_alloc(m->left_out_count, sizeof *m->left_out);
    m->equal = cgap_alloc(m->equal_count, sizeof *m->equal);
    if (!m->inverse_norm || !m->left_out || !m->equal)
      status = no_memory(s, error);
  }
  number = s->usable[s->rank];
  size_t next_out = status ? 0 : out[s->rank], next_equal = status ? 0 : equal[s->rank];
  for (size_t i = 0; !status && i < own_rows(s); i++) {
    const bool usable = is_usable(s, i);
    if (!usable || !is_kept(s, i, number)) {
      m->left_out[next_out++] = (cgap_left_out_row){s->own.first + i, usable ? s->hash[i].low : SIZE_MAX};
    } else {
      if (!s->options->merge && s->hash[i].low != number)
        m->equal[next_equal++] = (cgap_equal_row){m->known_first + kept, s->hash[i].low};
      m->inverse_norm[kept++] = 1.0 / s->norm[i];
    }
    number += usable;
  }
  if (!status)
    status = gather_parts(s, m->left_out, out, sizeof *m->left_out, error);
  if (!status)
    status = gather_parts(s, m->equal, equal, sizeof *m->equal, error);
  cgap_free(out);
  return status;
}

/* ---------------------------------------------------------------- all */

static cgap_status count_usable(selection *s, cgap_error *error)
{
  size_t usable = 0;
  for (size_t i = 0; i < own_rows(s); i++)
    usable += is_usable(s, i);
  return cgap_comm_places(s->comm, usable, s->usable, error);
}

/* Notes what is odd about rows, and counts those that are kept. */
static cgap_status count_kept(selection *s, cgap_error *error)
{
  size_t kept = 0, number = s->usable[s->rank];
  for (size_t i = 0; i < own_rows(s); i++) {
    const bool usable = is_usable(s, i), keeps = usable && is_kept(s, i, number);
    note_row(s, i, usable, usable && s->hash[i].low != number, keeps);
    number += usable;
    kept += keeps;
  }
  cgap_status status = cgap_comm_places(s->comm, kept, s->kept, error);
  s->modality->rows = status ? 0 : s->kept[s->size];
  return status ? status : merge_checks(s, error);
}

cgap_status cgap_row_selection_run(cgap_modality_rows *modality, const cgap_row_selection *options, const double *norm,
                                   cgap_hash *hash, size_t *kept_as, size_t *first_kept, cgap_error *error)
{
  selection s = {.modality = modality,
                 .options = options,
                 .comm = options->comm,
                 .rank = cgap_comm_rank(options->comm),
                 .size = cgap_comm_size(options->comm),
                 .own = cgap_rank_rows_own(options->comm, modality->source->rows),
                 .norm = norm,
                 .hash = hash};
  s.usable = cgap_alloc(2 * ((size_t)s.size + 1), sizeof *s.usable);
  s.kept = s.usable + s.size + 1;
  cgap_status status = s.usable ? CGAP_OK : no_memory(&s, error);
  if (!status)
    status = count_usable(&s, error);
  if (!status)
    status = find_equal_rows(&s, error);
  if (!status)
    status = count_kept(&s, error);
  if (!status)
    status = add_norms(&s, error);
  if (!status)
    status = find_merged_rows(&s, error);
  if (!status)
    status = modality->spread ? list_own_rows(&s, error) : list_all_rows(&s, kept_as, error);
  *first_kept = status ? 0 : s.kept[s.rank];
  cgap_free(s.usable);
  return status;
}
