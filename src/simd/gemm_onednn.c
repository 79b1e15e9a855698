/* oneDNN's matmul with the weights in blocks of CGAP_COLUMN_STEP columns, as its AVX-512 kernels want them: a run of
 * columns from any block on is then the same memory with an offset. */
#include "base/memory.h"
#include "simd/gemm.h"
#include "simd/kernels.h"

#include <dnnl.h>
#include <omp.h>
#include <stdint.h>
#include <string.h>

enum {
  SHAPES = 64, /* strips of two heights and sixteen widths, twice over */
  WORDS = 16   /* of 4 bytes: the layouts go on in steps of so many */
};

typedef struct shape {
  size_t rows, columns;
  dnnl_primitive_t primitive;
  dnnl_memory_t a, b, out;
} shape;

typedef struct onednn_product {
  size_t dim, columns;
  size_t element; /* bytes */
  dnnl_data_type_t type;
  dnnl_format_tag_t blocked;
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  unsigned char *packed;
  size_t step_bytes; /* of CGAP_COLUMN_STEP columns */
  shape shapes[SHAPES];
  size_t count;
} onednn_product;

static size_t round_up(size_t n, size_t step)
{
  return (n + step - 1) / step * step;
}

static bool describe_matrix(dnnl_memory_desc_t *out, size_t rows, size_t columns, dnnl_data_type_t type,
                            size_t row_stride, size_t column_stride)
{
  const dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)columns},
                    strides = {(dnnl_dim_t)row_stride, (dnnl_dim_t)column_stride};
  return dnnl_memory_desc_init_by_strides(out, 2, dims, type, strides) == dnnl_success;
}

static bool describe_packed(dnnl_memory_desc_t *out, const onednn_product *p, size_t columns)
{
  const dnnl_dims_t dims = {(dnnl_dim_t)p->dim, (dnnl_dim_t)columns};
  return dnnl_memory_desc_init_by_tag(out, 2, dims, p->type, p->blocked) == dnnl_success;
}

/* The primitive for a strip of this shape, and its descriptors: NULL where oneDNN has none for packed weights. */
static dnnl_primitive_desc_t describe_strip(const onednn_product *p, size_t rows, size_t columns, dnnl_memory_desc_t *a,
                                            dnnl_memory_desc_t *b, dnnl_memory_desc_t *out)
{
  dnnl_matmul_desc_t matmul;
  dnnl_primitive_desc_t d = NULL;
  const char *name = "";
  if (!describe_matrix(a, rows, p->dim, p->type, p->dim, 1) || !describe_packed(b, p, columns) ||
      !describe_matrix(out, rows, columns, dnnl_f32, columns, 1) ||
      dnnl_matmul_desc_init(&matmul, a, b, NULL, out) != dnnl_success ||
      dnnl_primitive_desc_create(&d, &matmul, NULL, p->engine, NULL) != dnnl_success)
    return NULL;
  if (dnnl_primitive_desc_query(d, dnnl_query_impl_info_str, 0, (void *)&name) == dnnl_success &&
      strncmp(name, "brg", 3) == 0)
    return d;
  (void)dnnl_primitive_desc_destroy(d);
  return NULL;
}

static void close_product(void *product_)
{
  onednn_product *p = product_;
  if (!p)
    return;
  for (size_t k = 0; k < p->count; k++) {
    (void)dnnl_memory_destroy(p->shapes[k].a);
    (void)dnnl_memory_destroy(p->shapes[k].b);
    (void)dnnl_memory_destroy(p->shapes[k].out);
    (void)dnnl_primitive_destroy(p->shapes[k].primitive);
  }
  if (p->stream)
    (void)dnnl_stream_destroy(p->stream);
  if (p->engine)
    (void)dnnl_engine_destroy(p->engine);
  cgap_free(p->packed);
  cgap_free(p);
}

/* oneDNN takes as many threads as OpenMP would give it here: one, in this thread alone. */
static void *open_product(size_t dim, bool bfloat)
{
  onednn_product *p = cgap_zalloc(1, sizeof *p);
  dnnl_memory_desc_t step;
  omp_set_num_threads(1);
  if (!p)
    return NULL;
  p->dim = dim;
  p->element = bfloat ? sizeof(uint16_t) : sizeof(float);
  p->type = bfloat ? dnnl_bf16 : dnnl_f32;
  p->blocked = bfloat ? dnnl_BA16a64b2a : dnnl_BA16a64b;
  bool ok = dnnl_engine_create(&p->engine, dnnl_cpu, 0) == dnnl_success &&
            dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags) == dnnl_success &&
            describe_packed(&step, p, CGAP_COLUMN_STEP);
  if (ok) {
    p->step_bytes = dnnl_memory_desc_get_size(&step);
    p->packed = cgap_alloc(CGAP_TILE / CGAP_COLUMN_STEP, p->step_bytes);
  }
  if (p->packed)
    return p;
  close_product(p);
  return NULL;
}

static bool is_supported(bool bfloat)
{
  dnnl_memory_desc_t a, b, out;
  const int threads = omp_get_max_threads();
  const bool supported = bfloat ? __builtin_cpu_supports("avx512bf16") : __builtin_cpu_supports("avx512f");
  onednn_product *p = supported ? open_product(CGAP_COLUMN_STEP, bfloat) : NULL;
  dnnl_primitive_desc_t d = p ? describe_strip(p, CGAP_STRIP_ROWS, CGAP_TILE, &a, &b, &out) : NULL;
  if (d)
    (void)dnnl_primitive_desc_destroy(d);
  close_product(p);
  omp_set_num_threads(threads);
  return d != NULL;
}

/* CGAP_COLUMN_STEP rows as columns of words: a float, or two elements of bfloat16. What lies beyond the rows, and
 * beyond their ends, is zero. oneDNN's own reordering takes ten times as long. */
static void pack_step(const onednn_product *p, const unsigned char *rows, size_t count, uint32_t *out)
{
  const size_t row_bytes = p->dim * p->element, words = p->step_bytes / (CGAP_COLUMN_STEP * sizeof *out);
  for (size_t first = 0; first < words; first += WORDS) {
    const size_t at = first * sizeof *out, left = row_bytes > at ? row_bytes - at : 0;
    for (size_t c = 0; c < CGAP_COLUMN_STEP; c++) {
      uint32_t word[WORDS] = {0};
      if (c < count)
        memcpy(word, rows + c * row_bytes + at, left < sizeof word ? left : sizeof word);
      for (size_t k = 0; k < WORDS; k++)
        out[(first + k) * CGAP_COLUMN_STEP + c] = word[k];
    }
  }
}

static bool pack_columns(void *product_, const void *rows, size_t columns)
{
  onednn_product *p = product_;
  p->columns = columns;
  for (size_t c = 0; c < columns; c += CGAP_COLUMN_STEP)
    pack_step(p, (const unsigned char *)rows + c * p->dim * p->element, columns - c,
              (uint32_t *)(p->packed + c / CGAP_COLUMN_STEP * p->step_bytes));
  return true;
}

static bool make_shape(const onednn_product *p, shape *s, size_t rows, size_t columns)
{
  dnnl_memory_desc_t a, b, out;
  dnnl_primitive_desc_t d = describe_strip(p, rows, columns, &a, &b, &out);
  *s = (shape){.rows = rows, .columns = columns};
  bool ok = d && dnnl_primitive_create(&s->primitive, d) == dnnl_success &&
            dnnl_memory_create(&s->a, &a, p->engine, NULL) == dnnl_success &&
            dnnl_memory_create(&s->b, &b, p->engine, NULL) == dnnl_success &&
            dnnl_memory_create(&s->out, &out, p->engine, NULL) == dnnl_success;
  if (d)
    (void)dnnl_primitive_desc_destroy(d);
  return ok;
}

/* The shape where it is known, made where not; NULL: out of memory. */
static shape *find_shape(onednn_product *p, size_t rows, size_t columns)
{
  for (size_t k = 0; k < p->count; k++)
    if (p->shapes[k].rows == rows && p->shapes[k].columns == columns)
      return &p->shapes[k];
  if (p->count == SHAPES)
    return NULL;
  shape *s = &p->shapes[p->count++];
  return make_shape(p, s, rows, columns) ? s : NULL;
}

static size_t multiply_strip(void *product_, const void *a, size_t rows, size_t first, float *out)
{
  onednn_product *p = product_;
  const size_t columns = round_up(p->columns - first, CGAP_COLUMN_STEP);
  shape *s = find_shape(p, rows, columns);
  if (!s || dnnl_memory_set_data_handle(s->a, (void *)a) != dnnl_success ||
      dnnl_memory_set_data_handle(s->b, p->packed + first / CGAP_COLUMN_STEP * p->step_bytes) != dnnl_success ||
      dnnl_memory_set_data_handle(s->out, out) != dnnl_success)
    return 0;
  const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, s->a}, {DNNL_ARG_WEIGHTS, s->b}, {DNNL_ARG_DST, s->out}};
  return dnnl_primitive_execute(s->primitive, p->stream, 3, args) == dnnl_success ? columns : 0;
}

const cgap_tile_gemm cgap_tile_gemm_onednn = {
  .name = "oneDNN",
  .here = is_supported,
  .open = open_product,
  .pack = pack_columns,
  .strip = multiply_strip,
  .close = close_product,
};
