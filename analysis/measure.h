/* The contract between the audit and what it measures.
 *
 * A measure over pairs says how many numbers it needs, is shown every strip of cosines once, adds to
 * its sums and counts, and finishes into the result. Sums are kept by row; those of a tile are doubles, and tiles are
 * added in fixed point, whose sum knows no order: every plan, thread and machine gives the same bits.
 * Merging is `+`. What is not additive (the ten nearest of a row) has a merge of its own: neighbours.h.
 * Measures see no files and print nothing.
 */
#ifndef CGAP_ANALYSIS_MEASURE_H
#define CGAP_ANALYSIS_MEASURE_H

#include "analysis/neighbours.h"
#include "analysis/strip.h"
#include "contragap/contragap.h"
#include "rows/modality.h"

/* The pairing check tries row offsets of up to CGAP_SHIFTS either way, in the file and in up to CGAP_PAIR_BLOCKS blocks
 * of at least CGAP_BLOCK_TEXTS texts that follow one another. */
enum { CGAP_SHIFTS = 5, CGAP_OFFSETS = 2 * CGAP_SHIFTS + 1, CGAP_BLOCK_TEXTS = 100 };

typedef struct cgap_audit_sums cgap_audit_sums;

/* The numbers of one measure: per-row arrays are (need, stride); of a triangle, rows and columns of the
 * whole pass are the same arrays. */
typedef struct cgap_sums {
  uint64_t *counts;                     /* (need.counts) */
  double *row_sums, *column_sums;       /* (need.sums, stride) */
  uint64_t *row_counts, *column_counts; /* (need.row_counts, stride) */
  size_t row_stride, column_stride;
} cgap_sums;

typedef struct cgap_need {
  size_t counts;                              /* uint64 for the whole pass */
  size_t sums;                                /* doubles for each row and each column */
  size_t row_counts;                          /* uint64 for each row and each column */
  double (*greatest_log)(double temperature); /* where there are sums: a pair adds between e^-this and e^this */
} cgap_need;

/* On what a measure's values rest; from this follows what a sample makes of them. */
typedef enum cgap_basis {
  CGAP_ON_ROWS,           /* rows and matched pairs: all of them, also where other pairs are sampled */
  CGAP_ON_ROWS_OF_SAMPLE, /* rows: of the sample */
  CGAP_ON_PAIRS,          /* all pairs: those within the sample */
  CGAP_ON_QUERIES,        /* what a query finds among all candidates: some queries */
  CGAP_ON_NEIGHBOURS      /* the ten nearest of each row: within the sample */
} cgap_basis;

/* Sums over the pairs of an image and its one text, both less their means: x with a = ‖x‖², y with b = ‖y‖². x and y
 * may differ in width. */
typedef struct cgap_agreement_sums {
  double cross_square;              /* ‖Σ x yᵀ‖² */
  double image, text;               /* Σ a, Σ b */
  double product;                   /* Σ ab */
  double image_fourth, text_fourth; /* Σ a², Σ b² */
} cgap_agreement_sums;

/* What csls.* takes off cosines, and what a candidate must reach: of each image and of each text. */
typedef struct cgap_csls_scaling {
  double *image, *text;           /* (images), (texts): mean of the highest cosines with the other modality */
  double *image_mark, *text_mark; /* (images), (texts): best positive's 2 s − r of the candidate */
} cgap_csls_scaling;

typedef enum cgap_better { CGAP_NEITHER, CGAP_LOWER, CGAP_HIGHER } cgap_better;

/* Blocks of the table, in its order. */
typedef enum cgap_group_index {
  CGAP_GROUP_GAP,
  CGAP_GROUP_UNIFORMITY,
  CGAP_GROUP_ALIGNMENT,
  CGAP_GROUP_RETRIEVAL,
  CGAP_GROUP_MIXED_RETRIEVAL,
  CGAP_GROUP_CSLS,
  CGAP_GROUP_ZERO_SHOT,
  CGAP_GROUP_ARITHMETIC,
  CGAP_GROUP_LOSS,
  CGAP_GROUP_SPECTRUM,
  CGAP_GROUP_HUBNESS,
  CGAP_GROUP_HUBS_WITHIN,
  CGAP_GROUP_MIXED,
  CGAP_GROUP_AGREEMENT,
  CGAP_GROUPS
} cgap_group_index;

/* One scalar of the report. */
typedef struct cgap_field {
  const char *key;   /* "gap.centroid_distance" */
  const char *label; /* in its block: "centroid distance"; a template, as the definition: base/modality_names.h */
  cgap_group_index group;
  int column;    /* into the block's columns; 0 where it has none */
  size_t offset; /* of its cgap_scalar in cgap_audit */
  int decimals;
  cgap_better better;
  unsigned needs; /* CGAP_HAS_… bits without which the key is absent */
  const char *definition;
  const char *source; /* "" where it is plain statistics */
} cgap_field;

/* A number without an interval. */
typedef struct cgap_number {
  const char *key; /* "cosine.pair.mean" */
  size_t offset;   /* of the double, or of the uint64 where `counted` */
  bool counted;
  unsigned needs;
  size_t why; /* offset of the sentence that makes it null; 0: none */
} cgap_number;

/* Papers that several measures come from. */
#define CGAP_FAHIM "Fahim, Murphy, Fyshe 2024, arXiv 2405.18570"
#define CGAP_WANG "Wang, Isola 2020, arXiv 2005.10242"
#define CGAP_RADFORD "Radford et al. 2021, arXiv 2103.00020"

struct cgap_sampled; /* analysis/finish.h */

/* A measure, in its own words: what it is shown, how it finishes, on what it rests, and what it reports. All else
 * follows: sums, samples, bfloat16, JSON, table, page, --fail-if, compare. */
typedef struct cgap_measure {
  const char *name;

  /* what it is shown of pairs */
  unsigned kinds; /* bit 1 << kind for each kind of pair it looks at; 0: none */
  bool paired_only;
  bool own_pass; /* it is shown its pairs in a pass of its own, after the first */
  cgap_need need;
  void (*strip)(const cgap_strip *strip, const cgap_audit_sums *evidence, const cgap_audit_kernels *kernels,
                cgap_sums *sums);

  /* from sums to numbers. NULL: the audit has a run of its own for it (separability, zero-shot, arithmetic, spectra,
   * and the median, which may take further looks). finish_sampled NULL: a sample's sums are finished like all. */
  cgap_basis basis;
  bool one_modality; /* finishes also where there are no texts; its fields then say which of them are there */
  bool rounded;      /* in bfloat16 its sums are of rounded cosines, and its scalars say so */
  cgap_status (*finish)(const cgap_audit_sums *evidence, cgap_audit *out, cgap_error *error);
  cgap_status (*finish_sampled)(const struct cgap_sampled *sampled, cgap_audit *out, cgap_error *error);

  /* what it reports */
  const cgap_field *fields;
  size_t field_count;
  const cgap_number *numbers;
  size_t number_count;
} cgap_measure;

/* The measures in the order in which they finish, then NULL: the one list of them, in measures.c. */
enum { CGAP_MEASURES = 24 };
extern const cgap_measure *const cgap_measures[CGAP_MEASURES];

/* Sets the method of a measure's scalars that say they are exact; a sample's of all. */
void cgap_measure_mark(const cgap_measure *measure, cgap_method method, cgap_audit *out);

/* Counts that retrieval keeps for each query: competitors above the best positive, and those that tie with it. */
enum { CGAP_RANK_ABOVE, CGAP_RANK_TIED, CGAP_RANK_COUNTS };

/* Those whose sums others read, or that the audit has to name. */
extern const cgap_measure cgap_measure_uniformity, cgap_measure_cosine, cgap_measure_loss, cgap_measure_retrieval,
  cgap_measure_near_duplicates, cgap_measure_below_median, cgap_measure_csls, cgap_measure_agreement;

/* One modality as measures see it. */
typedef struct cgap_modality {
  size_t rows, dim;
  const double *mean;     /* (dim) */
  const double *moment;   /* (dim, dim) Σ z zᵀ */
  const size_t *file_row; /* (rows); NULL where they are spread over ranks, and left_out (left_out_count) says it */
  const cgap_left_out_row *left_out;
  size_t left_out_count;
  const size_t *first_equal; /* (rows) first row with the same bytes; NULL where all rows differ */
} cgap_modality;

enum { CGAP_MEDIAN_BINS = 4096 };

/* Where the tile pass looks for the median of the non-matching cosines: bin k begins at low + k·step. Or, where there
 * are values, how many cosines are below, at and above each, in double. */
typedef struct cgap_median_window {
  double low, step;                     /* step 0 and no values: there is none */
  const double *value;                  /* (values) ascending */
  size_t values;                        /* fewer than CGAP_MEDIAN_BINS/2 */
  double row_variance, column_variance; /* of a row's, of a column's fraction of cosines below the median */
} cgap_median_window;

/* The pairs of one block. Products are (x − x̄)·(y − ȳ), with the centroids of the block (within) or of the file
 * (whole); at offset k the image is k − CGAP_SHIFTS rows from the text's own. Doubles alone: ranks add them up. */
typedef struct cgap_block_products {
  double within[CGAP_OFFSETS], whole[CGAP_OFFSETS]; /* sums of products over the pairs at each offset */
  double count[CGAP_OFFSETS];                       /* of how many; 0: not measured */
  double within_square; /* mean over the block's texts of the square of a product with one of its images at random,
                         * texts that share an image being added up first */
} cgap_block_products;

/* All that is summed about a data set before the measures finish. */
struct cgap_audit_sums {
  size_t dim;
  cgap_modality image, text;
  bool paired;
  double temperature;

  /* pairs, where paired: texts of image i are text_of[first[i] … first[i + 1]); NULL in those of all rows where they
   * are spread over ranks and image i has text i alone */
  const size_t *image_of, *first, *text_of;
  size_t row_from, column_from;       /* of ranks' own candidates, first and best_positive begin with this image, and
                                       * pair_cosine with this text; else 0 */
  const double *pair_cosine;          /* (texts), double from the file's values */
  const double *best_positive;        /* (images) the greatest pair cosine of each image; 2 without a text */
  const double *within_kernel;        /* (images) Σ over pairs of an image's own texts of e^(-t‖y − y'‖²) */
  const double *within_kernel_square; /* (images) Σ of its squares */
  const double *sibling_rank;      /* (texts) what the other texts of its image would add to a text's rank in one index;
                                    * NULL:      they are not among the pairs of the pass */
  const double *paired_image_mean; /* (dim) mean over pairs of x_o(j) */
  const double *group_moment; /* (dim, dim) Σ g gᵀ, g_i = (x_i − mean x)/N − Σ_{j∈T_i} (y_j − mean y)/M */
  const cgap_block_products *block; /* (blocks) block b: texts b·M/blocks … */
  size_t blocks;
  double group_growth; /* how many times as much the mean over random pairs varies since texts of one image (or of its
                        * copies) stay together */

  const cgap_agreement_sums *agreement; /* NULL: not every image has one text, or they are too few */

  cgap_median_window window;
  const cgap_csls_scaling *csls; /* of its pass */
  const cgap_measure *alone;     /* the pass is for this measure, and no other is shown its cosines; NULL: for all */

  /* the tile pass */
  const cgap_measure *const *measures; /* whose sums these are, in this order: cgap_measures */
  cgap_sums sums[CGAP_PAIR_KINDS][CGAP_MEASURES];
  double least[CGAP_PAIR_KINDS], greatest[CGAP_PAIR_KINDS];
  cgap_neighbours image_image, image_text, text_image, text_text; /* ten nearest: of each image among images, … */
  float list_margin; /* by how much their cosines may be off; 0: computed in double */
};

static inline size_t cgap_file_row(const cgap_modality *modality, size_t i)
{
  return modality->file_row ? modality->file_row[i]
                            : cgap_file_row_between(modality->left_out, modality->left_out_count, i);
}

/* The image of text j, where the texts of image i begin, and the text at such a place. */
static inline size_t cgap_image_of(const cgap_audit_sums *e, size_t j)
{
  return e->image_of ? e->image_of[j] : j;
}

static inline size_t cgap_first_of(const cgap_audit_sums *e, size_t i)
{
  return e->first ? e->first[i] : i;
}

static inline size_t cgap_text_of(const cgap_audit_sums *e, size_t place)
{
  return e->text_of ? e->text_of[place] : place;
}

/* How many kinds of pairs there are: without texts the first alone. */
static inline int cgap_pair_kinds_of(const cgap_audit_sums *e)
{
  return e->text.rows > 0 ? CGAP_PAIR_KINDS : CGAP_IMAGE_IMAGE + 1;
}

/* What the pass has summed for a measure over one kind of pairs. */
static inline const cgap_sums *cgap_sums_of(const cgap_audit_sums *e, cgap_pair_kind kind, const cgap_measure *measure)
{
  size_t m = 0;
  while (e->measures[m] != measure)
    m++;
  return &e->sums[kind][m];
}

/* Cosines no further apart tie, whatever order their products were summed in. */
#define CGAP_COSINE_TIE 1e-12

/* Uniformity's t (Wang & Isola 2020): the kernel is e^(-t‖x − y‖²) = e^(2t(cosine − 1)). */
#define CGAP_KERNEL_T 2.0

/* ---------------------------------------------------------------- contributions */

/* What each image, with its texts, contributes to the measures of a paired audit: to first order a measure is its value
 * plus the sum of the contributions, and with several audits of the same images the difference of their contributions
 * gives the interval of a difference. Kept where cgap_audit_options.contributions asks for it. */

/* Measures of the centroids and of the pairs' mean distance. */
typedef enum cgap_centroid_measure {
  CGAP_OF_SQUARED_DISTANCE, /* half of it: g · g_i of gap.noise_floor */
  CGAP_OF_CENTROID_COSINE,
  CGAP_OF_RMG,
  CGAP_OF_SHARE_OF_ALIGNMENT,
  CGAP_OF_CENTROIDS
} cgap_centroid_measure;

typedef struct cgap_contributions {
  size_t images, texts;
  double *kernel[CGAP_PAIR_KINDS];     /* (images) A_g/(L u) of uniformity.image, .text, .cross; sums are 0 */
  double *centroid[CGAP_OF_CENTROIDS]; /* (images) sums are 0 */
  double degenerate;                   /* 2 trace V² of gap.corrected_distance's interval */
  double *loss_image, *loss_text;      /* (images) NaN without a text, (texts): the loss of each query */
  size_t *text_count;                  /* (images) */
  unsigned char *place;                /* (images) of the right class: 1 first, 2 among the first five, 0 neither */
  size_t *label, classes;              /* (images) place, label and nearest are empty without zero-shot */
  size_t *nearest;                     /* (images) the nearest class */
  size_t queries, *query_image;        /* (queries) of arithmetic */
  double *query_weight;                /* (queries) */
  size_t *query_found;                 /* (queries) the nearest image */
  unsigned char *query_right;          /* (queries) */
  size_t probed;                       /* images spread evenly over the rows, with all their texts … */
  double *between[CGAP_PAIR_KINDS];    /* (probed, probed) … the kernel summed over the rows of two of them */
  double rounding;                     /* by how much the rounding of the files' types moves a cosine at most */
} cgap_contributions;

/* For so many images and texts, zero-shot of so many classes and so many queries of arithmetic; NULL: out of memory. */
cgap_contributions *cgap_contributions_new(size_t images, size_t texts, size_t classes, size_t queries);
void cgap_contributions_free(cgap_contributions *contributions); /* NULL is fine */

#endif
