/* contragap: audit the contrastive gap between two modalities of an embedding space, and close it.
 *
 * The definition of every measure is in analysis/, one file each, with formula and source.
 * Conventions: a call that can fail returns a cgap_status, takes what it fills first and an optional
 * cgap_error last; on failure the output is empty and safe to clear. The library never prints and
 * never exits. Matrices are row-major. Rows count from 0.
 */
#ifndef CONTRAGAP_CONTRAGAP_H
#define CONTRAGAP_CONTRAGAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CGAP_API __attribute__((visibility("default")))
#define CGAP_MUST_CHECK __attribute__((warn_unused_result))
#define CGAP_PRINTF(position, first) __attribute__((format(printf, position, first)))
#else
#define CGAP_API
#define CGAP_MUST_CHECK
#define CGAP_PRINTF(position, first)
#endif

/* ---------------------------------------------------------------- status and errors */

/* A status is also the exit code of the program. */
typedef enum cgap_status {
  CGAP_OK = 0,
  CGAP_CROSSED = 1,      /* a --fail-if threshold was crossed */
  CGAP_USAGE = 2,        /* options that make no sense, or a machine that cannot do what was asked */
  CGAP_FILE = 3,         /* missing, unreadable, unwritable, nothing found, or ambiguous */
  CGAP_DATA = 4,         /* shapes, ranks, types, NaN, a pairing out of range, too few rows */
  CGAP_RESOURCE = 5,     /* memory limit, disk full */
  CGAP_INTERRUPTED = 130 /* the progress callback asked to stop */
} cgap_status;

typedef struct cgap_error {
  cgap_status status;
  char message[2000]; /* one line: file, dataset, both numbers, what to do */
} cgap_error;

/* Fills *error (where it is not NULL) and returns status, so that a caller can `return cgap_fail(…)`. */
CGAP_API cgap_status cgap_fail(cgap_error *error, cgap_status status, const char *format, ...) CGAP_PRINTF(3, 4);

CGAP_API const char *cgap_version(void);

/* Called between blocks of work, from the calling thread. `fraction` is done/total of the phase, 0 to 1.
 * Returning true asks the work to stop: the call then returns CGAP_INTERRUPTED. */
typedef struct cgap_progress {
  bool (*tick)(void *context, const char *phase, double fraction);
  void *context;
} cgap_progress;

/* ---------------------------------------------------------------- ranks */

/* Several processes that one launcher (mpirun, srun) started can do one piece of work together, as ranks of MPI. Each
 * makes the same calls with the same options; rank 0 gets the results, those of the others are empty. NULL is a single
 * process. */
typedef struct cgap_comm cgap_comm;

/* *out is NULL where this process was not started as one of several. CGAP_USAGE: it was, but the ranks do not find each
 * other, or this library was built without MPI. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_comm_open(cgap_comm **out, cgap_error *error);
CGAP_API int cgap_comm_rank(const cgap_comm *comm); /* 0 where NULL */
CGAP_API int cgap_comm_size(const cgap_comm *comm); /* 1 where NULL */

/* stop is called while a rank waits for others; returning true ends the wait with CGAP_INTERRUPTED. */
CGAP_API void cgap_comm_on_stop(cgap_comm *comm, bool (*stop)(void *context), void *context);

/* Ends the common work; called on every rank. *error says how it went here; afterwards, on rank 0, how the whole job
 * went, with the rank and the node of a failure that not all ranks share. Returns its status. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_comm_finish(cgap_comm *comm, cgap_error *error);

/* Ends MPI. Where cgap_comm_finish found ranks in the middle of a message, this ends the process as well, with `code`.
 */
CGAP_API void cgap_comm_close(cgap_comm *comm, int code);

/* ---------------------------------------------------------------- rows, wherever they are stored */

typedef enum cgap_type { CGAP_FLOAT16, CGAP_BFLOAT16, CGAP_FLOAT32, CGAP_FLOAT64 } cgap_type;

CGAP_API size_t cgap_type_size(cgap_type type);      /* bytes of one element */
CGAP_API const char *cgap_type_name(cgap_type type); /* "float16", … */

/* A view of `rows` rows of `dim` elements (2 to 65536) that the caller owns. `read` copies rows
 * [first, first + count) into `out` (count × dim elements of `type`, native byte order); the library
 * calls it from one thread at a time, which need not be the thread that called the library. A training
 * whose rows do not fit into memory calls it throughout, for rows in any order. */
typedef struct cgap_source {
  size_t rows;
  size_t dim;
  cgap_type type;
  cgap_status (*read)(const struct cgap_source *source, size_t first, size_t count, void *out, cgap_error *error);
  void *context;
  const char *name; /* for messages: "pairs.h5:/image"; NULL: its use, such as "image" */
} cgap_source;

/* A source over a matrix in memory, (rows, dim) without padding, which must outlive it. */
CGAP_API cgap_source cgap_source_view(const void *matrix, size_t rows, size_t dim, cgap_type type, const char *name);

typedef enum cgap_pairing {
  CGAP_UNPAIRED,    /* two sets without pairs */
  CGAP_BY_ROW,      /* text i belongs to image i */
  CGAP_BY_INDEX,    /* text_image gives each text's image row */
  CGAP_PAIRING_OPEN /* texts = k × images: image-major or caption-major, decided by the pairing test */
} cgap_pairing;

enum {
  CGAP_NAME_SIZE = 64, /* of a modality's name with its end: letters, digits and _ */
  CGAP_MODALITIES_MAX = 8
};

/* What image and text are called; "" is the default. The language is that of sentences about them, as
 * cgap_language_find gives it; NULL: English. */
typedef struct cgap_modality_names {
  char of[2][CGAP_NAME_SIZE];
  const struct cgap_language *language;
} cgap_modality_names;

/* A language by its code, "ja"; NULL where there is none, and for English. */
CGAP_API const struct cgap_language *cgap_language_find(const char *code);

/* Whether a name is that of a kind of data (image, audio, protein …), by itself or with an s: two sets of one kind have
 * names such as old and new. */
CGAP_API bool cgap_is_modality_name(const char *name);

/* Everything that a file, or a caller, gives to the audit and the head. What it points to must outlive it. */
typedef struct cgap_data {
  cgap_source image; /* (images, dim) */
  cgap_source text;  /* (texts, dim); rows == 0: none. An audit of paired texts of another dim compares neighbours */
  cgap_pairing pairing;
  const uint64_t *text_image; /* (texts) for CGAP_BY_INDEX, else NULL */
  bool drop_bad;              /* drop rows with NaN, infinity or norm zero instead of refusing them; class texts too */
  bool merge_images;          /* images with equal rows become one image with several texts */

  const int64_t *labels;  /* (images) or NULL */
  cgap_source class_text; /* (classes × prompts, dim); rows == 0: none */
  size_t prompts;         /* per class; 0: 1 */

  cgap_source words;          /* (words, dim) of the group "arithmetic"; rows == 0: none */
  const int64_t *image_label; /* (images) */
  const int64_t *query;       /* (queries, 4): image row, source word, target word, wanted label */
  const double *query_weight; /* (queries) or NULL: all 1 */
  size_t queries;

  bool texts_are_classes; /* the texts of an image are its class's prompts, which other images of the class share */

  bool drift; /* unpaired: images and texts are two sets of one modality, before and after; reports speak of drift.
                 The program: where both names are given and no kinds of data (cgap_is_modality_name) */

  const char *names[2]; /* what reports call image and text: "audio", "caption"; NULL: "image", "text" */
} cgap_data;

/* ---------------------------------------------------------------- files */

typedef struct cgap_input_options {
  const char *const
    *files; /* (file_count) paths, each `FILE.h5` or `FILE.h5:/path`; several are shards, in this order */
  size_t file_count;
  const char *image; /* dataset paths, or FILE.h5:/path; NULL: found by name */
  const char *text;
  const char *text_image;
  const char *labels;
  const char *class_text;
  bool unpaired;
  bool drop_bad;
  bool merge_images;
  int threads;       /* to unpack compressed chunks in a source's read; 0: as many as the machine has */
  bool one_modality; /* images alone or texts alone are enough, where nothing in the files can be the other modality */
  bool for_audit;    /* images and texts may differ in dim, and an array alone need not say which it is */
  uint64_t memory_bytes; /* limit of what is read whole: labels, ids, pairings, class texts; 0: none */
  bool follow;           /* read files outside the folder of a HDF5 file, where it names them: links, virtual sources */
  bool plugins;          /* let HDF5 use filters other than gzip, shuffle, fletcher32, lzf, scaleoffset, szip, nbit */
  const char *names[2];  /* what to call image and text; NULL: as the files say */
  const char *by;        /* dataset of the group of each image, integers or words, a path like those above; or … */
  const char *by_file; /* … a table of them: a line per image, or two columns with a head, "row" or "id" and "group" */
} cgap_input_options;

#ifdef __cplusplus
#define CGAP_INPUT_OPTIONS_INIT                                                                                        \
  {                                                                                                                    \
  }
#else
#define CGAP_INPUT_OPTIONS_INIT                                                                                        \
  {                                                                                                                    \
    0                                                                                                                  \
  }
#endif

typedef struct cgap_dataset cgap_dataset; /* open files and the datasets chosen from them */

CGAP_API CGAP_MUST_CHECK cgap_status cgap_dataset_open(cgap_dataset **out, const cgap_input_options *options,
                                                       cgap_error *error);
CGAP_API void cgap_dataset_close(cgap_dataset *dataset); /* NULL is fine */
CGAP_API const cgap_data *cgap_dataset_data(const cgap_dataset *dataset);

/* Which group each image belongs to, and what the groups are called. */
typedef struct cgap_grouping {
  const char *by;          /* what says so, for titles: "pairs.h5:/labels" */
  const char *const *name; /* (groups) */
  size_t groups;
  const size_t *of_image; /* (images) of each image row of the file */
  size_t images;
} cgap_grouping;

/* What the option `by` or `by_file` gave; NULL: neither was given. */
CGAP_API const cgap_grouping *cgap_dataset_grouping(const cgap_dataset *dataset);

/* ---------------------------------------------------------------- the audit */

/* A number of the report. why == NULL: `value` is the number; otherwise it is null and `why` says for what reason.
 * lo and hi are the 95 % interval, both NaN where there is none. */
typedef enum cgap_method { CGAP_EXACT, CGAP_SAMPLED, CGAP_BF16 } cgap_method;

typedef struct cgap_scalar {
  double value;
  double lo, hi;
  uint64_t n;
  cgap_method method;
  const char *why; /* a static string, or one of its audit */
} cgap_scalar;

/* Moments and quantiles of a set of cosines. count == 0 or why != NULL: null. */
typedef struct cgap_cosines {
  double mean, sd, min, max;
  double p05, p25, p50, p75, p95;
  uint64_t count;
  uint64_t sampled; /* pairs that min, max, quantiles and histogram come from; 0: all */
  const char *why;
} cgap_cosines;

enum {
  CGAP_HISTOGRAM_BINS = 200,
  CGAP_TOP_DIMENSIONS = 10,
  CGAP_HUBS = 10,
  CGAP_EXAMPLES = 5,
  CGAP_WORST = 20,
  CGAP_CURVE_POINTS = 21,
  CGAP_SCATTER_ROWS = 2000
};

typedef struct cgap_dimension {
  size_t index;
  double share; /* of the squared centroid distance */
  double image_mean, text_mean;
} cgap_dimension;

typedef struct cgap_gap {
  cgap_scalar corrected_distance; /* estimates the population's distance, with its interval */
  cgap_scalar centroid_distance;  /* of these rows: too large on a sample, no interval */
  cgap_scalar noise_floor, centroid_cosine;
  cgap_scalar linear_separability, separability_auc;
  cgap_scalar rmg, share_of_alignment;
  cgap_scalar mmd2; /* squared maximum mean discrepancy, of uniformity's kernel */
  cgap_dimension dimensions[CGAP_TOP_DIMENSIONS];
  size_t dimension_count;
} cgap_gap;

typedef struct cgap_uniformity {
  cgap_scalar image, text, mean, cross;
  double sphere, text_sphere; /* of evenly spread rows of dim, and of text_dim */
} cgap_uniformity;

typedef struct cgap_alignment {
  cgap_scalar mean_squared_distance, mean_distance;
} cgap_alignment;

typedef struct cgap_losses {
  double temperature;
  cgap_scalar clip_image_to_text, clip_text_to_image, clip, cua, cuaxu;
} cgap_losses;

typedef struct cgap_spectrum {
  double *explained_variance_ratio; /* (count), descending */
  size_t count;
  cgap_scalar participation_ratio, isoscore, entropy_rank, rankme, components_90;
} cgap_spectrum;

typedef struct cgap_retrieval {
  cgap_scalar recall_at_1, recall_at_5, recall_at_10, median_rank, mean_rank, mrr;
} cgap_retrieval;

/* Search by cosines less what makes hubs. */
typedef struct cgap_csls {
  cgap_scalar recall_at_1, recall_at_5, recall_at_10;
} cgap_csls;

/* Search in one index of both modalities. */
typedef struct cgap_mixed_retrieval {
  cgap_scalar ndcg_at_10, recall_at_1, recall_at_10, median_rank, mrr;
} cgap_mixed_retrieval;

typedef struct cgap_hub {
  size_t row;
  uint64_t count;
} cgap_hub;

typedef struct cgap_hubness {
  cgap_scalar skewness, robin_hood, anti_hub_share;
  cgap_hub hubs[CGAP_HUBS];
  size_t hub_count;
} cgap_hubness;

typedef struct cgap_mixed {
  cgap_scalar same_modality_share, image, text, unbiased;
} cgap_mixed;

/* Whether images and texts agree on who is near whom. */
typedef struct cgap_agreement {
  cgap_scalar mutual_knn, mutual_knn_by_chance, cka;
} cgap_agreement;

/* A class that has images. */
typedef struct cgap_zero_shot_class {
  size_t label; /* row of the class texts */
  uint64_t images;
  double top_1; /* share of its images whose nearest class text is its own */
  double gap;   /* ‖mean of its images − its class text‖ */
} cgap_zero_shot_class;

typedef struct cgap_zero_shot {
  cgap_scalar top_1, top_5, mean_per_class;
  cgap_zero_shot_class *classes; /* (class_count) by label */
  size_t class_count;
} cgap_zero_shot;

typedef struct cgap_arithmetic {
  cgap_scalar score; /* percent, at lambda = 1 */
  double lambda[CGAP_CURVE_POINTS], curve[CGAP_CURVE_POINTS];
} cgap_arithmetic;

typedef struct cgap_check {
  uint64_t count;
  size_t examples[CGAP_EXAMPLES]; /* the first rows (columns for constant_columns), counted as in the file */
  size_t example_count;
} cgap_check;

typedef struct cgap_modality_checks {
  cgap_check not_finite;       /* rows with NaN or infinity */
  cgap_check zero;             /* rows of norm zero */
  cgap_check off_unit;         /* rows whose norm is off 1 by more than 1e-3 */
  cgap_check constant_columns; /* coordinates with one value in all rows */
  cgap_check duplicates;       /* rows that repeat an earlier row exactly */
  cgap_check near_duplicates;  /* rows with another row of the modality at cosine > 0.999 */
  double norm_mean;            /* of the rows as they are in the file */
} cgap_modality_checks;

typedef enum cgap_verdict { CGAP_PAIRING_MATCHED, CGAP_PAIRING_SHUFFLED, CGAP_PAIRING_UNCLEAR } cgap_verdict;

/* Consecutive pairs that do not fit, although the pairs as a whole do. */
typedef struct cgap_pair_block {
  size_t first, last; /* text rows of the file */
  double z;           /* within the block */
  int shift;          /* the row offset that fits better; 0: none */
} cgap_pair_block;

enum { CGAP_PAIR_BLOCKS = 50 };

typedef struct cgap_pairing_check {
  double matched_mean, shuffled_mean; /* of the cosines as they are */
  double z;                           /* of doubly centred rows, as shift and blocks */
  cgap_verdict verdict;
  int shift; /* the row offset that fits better; 0: none */
  cgap_scalar below_median_share;
  cgap_pair_block blocks[CGAP_PAIR_BLOCKS];
  size_t block_count;
} cgap_pairing_check;

typedef struct cgap_pair {
  size_t image, text; /* rows of the file */
  double cosine;
} cgap_pair;

typedef struct cgap_point {
  size_t row;  /* of the file */
  double x, y; /* scores on the first two components of pca.joint */
} cgap_point;

/* What an audit is of, and so what its report holds. */
enum {
  CGAP_HAS_PAIRS = 1,
  CGAP_HAS_ZERO_SHOT = 2,
  CGAP_HAS_ARITHMETIC = 4,
  CGAP_TEXT_IS_CLASSES = 8,
  CGAP_HAS_CSLS = 16,
  CGAP_HAS_TEXT = 32,       /* a second modality; without it the audit is of one alone, and what is of texts is empty */
  CGAP_ONE_SPACE = 64,      /* both modalities are in one space: gap, cosines across, pca.joint, mixing */
  CGAP_HAS_AGREEMENT = 128, /* pairs, of one space or of two whose widths differ; CGAP_HAS_PAIRS: of one space */
  CGAP_IS_DRIFT = 512,      /* two sets of one modality: see cgap_data.drift */
  CGAP_HAS_HUBS_WITHIN = 256 /* hubness among the rows of each modality: where nothing else is in its space */
};

/* Pairs of two images or two texts (i < j), or of an image and a text. */
typedef enum cgap_pair_kind { CGAP_IMAGE_IMAGE, CGAP_TEXT_TEXT, CGAP_IMAGE_TEXT, CGAP_PAIR_KINDS } cgap_pair_kind;

/* What an audit of a sample measured. */
typedef struct cgap_sample {
  size_t images, texts;               /* rows whose pairs with each other were all measured; 0: all of the data's */
  size_t image_queries, text_queries; /* rows that were ranked against every candidate */
  double gain[CGAP_PAIR_KINDS];       /* variance of sampling without the control variates over that with them */
} cgap_sample;

/* What to do about the gap. */
typedef enum cgap_advice_word {
  CGAP_ADVICE_NOT_ASKED,
  CGAP_ADVICE_LOOK,     /* look at the pairs first: not matched, or not everywhere */
  CGAP_ADVICE_SUBTRACT, /* subtract the means: search in one index of both modalities finds more, recall@1 no less */
  CGAP_ADVICE_TRAIN,    /* train: subtracting the means lowers recall@1, or leaves a gap */
  CGAP_ADVICE_NOTHING,  /* nothing to do */
  CGAP_ADVICE_MEASURE   /* measure more rows: there is a gap, or may be one, and so few do not show what helps */
} cgap_advice_word;

/* The last two are means over both directions, and are absent from unpaired data. */
enum { CGAP_TRIAL_DISTANCE, CGAP_TRIAL_MIXED_NDCG, CGAP_TRIAL_RECALL_AT_1, CGAP_TRIAL_MEASURES };
enum { CGAP_TRAINING_IMAGES_MIN = 300 }; /* for the advice to train: fewer are too few for a head */

/* What subtracting each modality's mean does to a sample of the rows that the means do not come from. */
typedef struct cgap_center_trial {
  size_t images, texts; /* of the sample, which is the index that is searched */
  bool gap_stays;       /* moderate or wider afterwards, or apart, or collapsed */
  cgap_scalar before[CGAP_TRIAL_MEASURES], after[CGAP_TRIAL_MEASURES]; /* of the distance with an interval */
  cgap_scalar difference[CGAP_TRIAL_MEASURES];                         /* after − before, paired by image */
  const char *why; /* why nothing was measured, a static string; NULL: it was */
} cgap_center_trial;

typedef struct cgap_advice {
  cgap_advice_word word;
  cgap_center_trial center;
  char input[512]; /* what a command is given to read these data */
  double seconds;
} cgap_advice;

/* A row among the others of its modality. */
typedef struct cgap_row_neighbours {
  size_t nearest; /* row of the file */
  double cosine;  /* with it */
  uint64_t among; /* rows that have it among their 10 nearest */
} cgap_row_neighbours;

/* The result of an audit. Owns its arrays. */
typedef struct cgap_audit {
  unsigned has;              /* CGAP_HAS_… */
  size_t images, texts, dim; /* rows measured, after dropping and merging */
  size_t text_dim;           /* as dim, unless the two spaces differ; 0: there are no texts */
  size_t dropped_images, dropped_texts, merged_images;
  cgap_modality_names names;
  char pairing[256]; /* how pairs were formed, in words */
  cgap_sample sample;

  cgap_gap gap;
  cgap_uniformity uniformity;
  cgap_alignment alignment;
  cgap_cosines cosine_pair, cosine_cross, cosine_image, cosine_text;
  double histogram_edges[CGAP_HISTOGRAM_BINS + 1];
  uint64_t histogram_pair[CGAP_HISTOGRAM_BINS], histogram_cross[CGAP_HISTOGRAM_BINS];
  uint64_t histogram_image[CGAP_HISTOGRAM_BINS], histogram_text[CGAP_HISTOGRAM_BINS];
  cgap_losses loss;
  cgap_spectrum pca_image, pca_text, pca_joint;
  cgap_retrieval image_to_text, text_to_image;
  cgap_csls csls_image_to_text, csls_text_to_image; /* where asked for: CGAP_HAS_CSLS */
  cgap_mixed_retrieval mixed_image_query, mixed_text_query;
  cgap_hubness hubs_image_to_text, hubs_text_to_image;
  cgap_hubness hubs_image, hubs_text; /* within each modality: CGAP_HAS_HUBS_WITHIN */
  cgap_mixed mixed;
  cgap_agreement agreement;
  cgap_zero_shot zero_shot;
  cgap_arithmetic arithmetic;
  cgap_modality_checks checks_image, checks_text;
  cgap_pairing_check pairing_check;
  cgap_pair worst[CGAP_WORST];
  size_t worst_count;
  cgap_advice advice; /* filled by cgap_advice_run */

  /* For figures and rows.tsv. Indices below count measured rows; *_row maps them to rows of the file. */
  double *image_mean, *text_mean;             /* (dim) */
  size_t *image_row, *text_row;               /* (images), (texts); NULL: row i is row i of the file */
  size_t *image_of;                           /* (texts) measured image of each text; NULL where unpaired, and with
                                               * image_row */
  double *pair_cosine;                        /* (texts) or NULL */
  double *rank_text_to_image;                 /* (texts), NaN for one that a sample did not rank; or NULL */
  double *rank_image_to_text;                 /* (images), NaN for an image without a text, or not ranked; or NULL */
  double *mixed_rank_image, *mixed_rank_text; /* the same, of the search in one index of both modalities */
  cgap_point *scatter_image,
    *scatter_text; /* at most CGAP_SCATTER_ROWS each; where paired, the texts of the images shown */
  size_t scatter_images, scatter_texts;
  double
    scatter_variance[2]; /* the share of the pooled variance along each axis: the first two principal components, or
                            of unpaired sets the centroids' difference and the first component orthogonal to it */

  cgap_row_neighbours *image_neighbours; /* (images) of one modality alone, all pairs measured; else NULL */

  double seconds_rows, seconds_pairs, seconds_tiles, seconds_spectra, seconds_total; /* total: and what is left */

  char *whys; /* sentences of `why` that name the modalities */

  /* NULL unless the options ask for them; internal to the library */
  struct cgap_contributions *contributions;
  struct cgap_neighbour_lists *neighbours;
} cgap_audit;

/* Which pairs an audit measures. What needs no pairs, and what follows from means and second moments, is exact in any
 * case; the method of each number says how it was computed. */
typedef enum cgap_pairs_choice {
  CGAP_PAIRS_EXACT,   /* all */
  CGAP_PAIRS_SAMPLED, /* those of rows drawn at random, where they are fewer */
  CGAP_PAIRS_AUTO     /* all, where that takes less than a minute */
} cgap_pairs_choice;

/* Cosines of all pairs come from float32 products, or from bfloat16 products of centred rows, which are twice as fast
 * where oneDNN is built in and the processor has AVX512-BF16. Ranks, neighbours and near duplicates are the same:
 * comparisons that the rounding leaves open are computed again in double. Rounding changes an element by at most 2^-9
 * of itself, hence the cosine of centred rows by at most 2^-8 ‖x − mean‖‖y − mean‖, which is at most 0.016, and the
 * logarithm of a mean of e^(4 cosine) by 4 times that. The roundings of many elements and pairs of rows cancel:
 * measured uniformities change by 1e-5 at d = 512 and by 1e-4 at d = 64, quantiles by less than 1e-3. Numbers that come
 * from rounded cosines have the method "bf16". Rows whose roundings would not cancel are multiplied in double, whatever
 * the option says. */
typedef enum cgap_precision { CGAP_PRECISION_FP32, CGAP_PRECISION_BF16 } cgap_precision;

typedef struct cgap_audit_options {
  double temperature;    /* of loss.clip_*; at least 0.005 */
  int threads;           /* up to 1024; 0: as many as the machine has */
  uint64_t memory_bytes; /* 0: half of what is free, shared by the ranks of a node */
  cgap_progress progress;
  cgap_comm *comm; /* the ranks that do this together, or NULL */
  cgap_pairs_choice pairs;
  cgap_precision precision;
  uint64_t seed;         /* of the random sample */
  size_t sample_rows;    /* maximum rows per modality in a sample; 0: 32768 */
  size_t sample_queries; /* images of it that are ranked, with their texts; 0: as many as 8e12 operations allow, at most
                            10000 */
  bool csls;             /* measure csls.* too, which takes a second pass over images with texts */
  bool brief;         /* leave out what takes most of the time of a small audit, and is 0 then: spectra, separability,
                         agreement, checks of the pairing, and kernels in contributions */
  bool contributions; /* keep what each image contributes, for paired differences; needs all pairs and no ranks */
  bool neighbours;    /* keep the ten nearest rows of each row, by cosines in double; needs all pairs */
  bool no_rows;       /* ranks that measure a sample: the first one does without the rank of each row and, where row i
                         of the images is paired with row i of the texts, without image_row, text_row and image_of */
} cgap_audit_options;

CGAP_API cgap_audit_options cgap_audit_options_default(void);
#ifdef __cplusplus
#define CGAP_AUDIT_OPTIONS_INIT cgap_audit_options_default()
#else
#define CGAP_AUDIT_OPTIONS_INIT                                                                                        \
  {                                                                                                                    \
    .temperature = 0.01                                                                                                \
  }
#endif

/* Measures the data. Whatever is returned, *out is filled and must be cleared by cgap_audit_clear. Images alone (no
 * texts, no class texts, CGAP_UNPAIRED) and texts of another dim are measured for what can be said of each modality by
 * itself, and paired texts of another dim also for agreement: audit->has says what there is. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_audit_run(cgap_audit *out, const cgap_data *data,
                                                    const cgap_audit_options *options, cgap_error *error);
CGAP_API void cgap_audit_clear(cgap_audit *audit); /* NULL is fine */

/* Fills audit->advice, where the audit is of two modalities in one space and not of drift; audit is the result for the
 * same data. Measures every fifth image by a hash of its index, at
 * most 2000, with its texts (unpaired: texts likewise), twice: as they are, and less the means of all other rows. The
 * same for any threads and ranks; of several ranks the first one runs it alone. input: how a command line names the
 * data, as "pairs.h5"; NULL: "FILE". Of options, threads, memory and progress matter. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_advice_run(cgap_audit *audit, const cgap_data *data, const char *input,
                                                     const cgap_audit_options *options, cgap_error *error);

/* ---------------------------------------------------------------- reports */

/* What is said of an audit besides its numbers. All of it may be NULL or 0. */
typedef struct cgap_report_about {
  const char *source;          /* names the data, in one line */
  const cgap_dataset *dataset; /* the data come from: what was found in files, and the names of rows … */
  const cgap_data *data;       /* … or what a caller gave: shapes and types */
  const char *command_line;    /* that this audit would be repeated with */
  uint64_t seed;
  int threads;
  double seconds;
} cgap_report_about;

typedef enum cgap_report_form {
  CGAP_REPORT_JSON,     /* report.json */
  CGAP_REPORT_TABLE,    /* verdict, advice and the main measures for a terminal, at least 50 columns */
  CGAP_REPORT_MARKDOWN, /* the same in Markdown … */
  CGAP_REPORT_LATEX,    /* … and in LaTeX */
  CGAP_REPORT_CSV,      /* a line per measure, in full precision */
  CGAP_REPORT_HTML,     /* one page without other files: verdict, advice, the main numbers, the figures by gnuplot */
  CGAP_REPORT_TABLE_ALL /* verdict, advice and every measure for a terminal */
} cgap_report_form;

/* *out is a new string, UTF-8, to be freed with cgap_text_free. columns: of a table on a terminal; 0: 80. about may be
 * NULL. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_audit_text(char **out, const cgap_audit *audit, cgap_report_form form,
                                                     int columns, const cgap_report_about *about, cgap_error *error);
CGAP_API void cgap_text_free(char *text); /* NULL is fine */

/* Writes the folder as `contragap audit -o` does: report.json, rows.tsv, figures/, report.html, all at once or nothing.
 * Only the results of an earlier audit are replaced, anything else where `replace` says so. warn (may be NULL) gets a
 * line where figures cannot be drawn; the folder is written without them. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_audit_save(const cgap_audit *audit, const char *folder, bool replace,
                                                     const cgap_report_about *about, void (*warn)(const char *line),
                                                     cgap_error *error);

/* Compares audits with the first one, as `contragap compare` does: each difference with its interval. JSON, TABLE or
 * CSV. Where the rows show that two audits are of the same pairs, through two models or before and after a head, and
 * both kept their contributions, intervals are paired; independent: never. names: (count) what the audits are called.
 */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_compare_text(char **out, const cgap_audit *const *audits,
                                                       const char *const *names, size_t count, bool independent,
                                                       cgap_report_form form, cgap_error *error);

/* The same audits in one view, as `contragap compare` shows three inputs or more: a table of inputs and measures, the
 * best marked where it is better than each of the others by more than chance. sort: the key to sort by; NULL: the first
 * measure. JSON, TABLE or CSV. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_overview_text(char **out, const cgap_audit *const *audits,
                                                        const char *const *names, size_t count, bool independent,
                                                        const char *sort, cgap_report_form form, cgap_error *error);

/* ---------------------------------------------------------------- groups of images */

enum { CGAP_GROUP_ROWS_MIN = 20 }; /* images, and texts, of a group that is measured */

/* A group of images with their texts. Its distance, alignment and uniformity are those of an audit of these rows alone;
 * its queries search among all rows. */
typedef struct cgap_image_group {
  const char *name; /* of the grouping, borrowed */
  size_t images, texts;
  cgap_scalar corrected_distance, mean_squared_distance, uniformity_image, uniformity_text;
  cgap_scalar recall_image_to_text, recall_text_to_image; /* recall@1 */
  double rest;                                            /* corrected distance of the rows that it is compared with */
  double p, p_holm; /* that its distance is that of the rest; after Holm's correction for all groups */
  bool marked;      /* p_holm is below 0.05 */
} cgap_image_group;

/* Where groups and the whole tell opposite stories. */
typedef enum cgap_paradox {
  CGAP_PARADOX_NONE,
  CGAP_PARADOX_WHOLE,  /* the whole has a gap that the groups do not have */
  CGAP_PARADOX_GROUPS, /* the groups have gaps that the whole does not have */
  CGAP_PARADOX_HIDDEN  /* the whole has a gap that no group is large enough to show */
} cgap_paradox;

typedef struct cgap_image_groups {
  const char *by;          /* of the grouping, borrowed */
  cgap_image_group *group; /* (count) the widest gap first */
  size_t count, marked;
  size_t small, small_images; /* groups of fewer rows, and their images: not measured */
  cgap_scalar within;         /* root of the groups' mean squared corrected distance, every image weighing the same */
  size_t without_gap;         /* groups whose interval reaches 0 */
  cgap_paradox paradox;
} cgap_image_groups;

/* Measures the groups of an audit's data, of which it is the result; each group is compared with all rows outside it,
 * without those of the other groups that are marked themselves, as long as at least half of all rows are left. Of
 * options, all but comm, csls, contributions and sample_queries matter. CGAP_DATA where the data have no pairs. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_image_groups_run(cgap_image_groups *out, const cgap_grouping *grouping,
                                                           const cgap_audit *audit, const cgap_data *data,
                                                           const cgap_audit_options *options, cgap_error *error);
CGAP_API void cgap_image_groups_clear(cgap_image_groups *groups); /* NULL is fine */

/* How an audit of these data would be done. */
typedef struct cgap_plan_info {
  size_t images, texts, dim; /* rows of the file */
  int rank_count;            /* 1: a process alone; threads and memory are of each */
  int threads;
  bool resident;           /* rows stay in memory; else they are read again, panel by panel */
  size_t panel_rows;       /* rows of a modality in memory at once */
  size_t panels;           /* of the larger modality */
  uint64_t memory_bytes;   /* the limit */
  uint64_t needed_bytes;   /* what this plan needs, approximately */
  uint64_t smallest_bytes; /* what the smallest plan would need */
  double exact_seconds;    /* that all pairs would take, approximately; NaN where it was not estimated */
  size_t sample_images, sample_texts, sample_queries; /* 0: all pairs are measured */
  size_t block_rows;                                  /* images that are read at once */
  double passes;                                      /* over the file, approximately */
  double seconds; /* of the whole, approximately; NaN where nothing could be measured */
} cgap_plan_info;

/* The plan that cgap_audit_run would follow; reads some rows to measure how long it takes. CGAP_RESOURCE where none
 * fits into the limit. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_audit_plan(cgap_plan_info *out, const cgap_data *data,
                                                     const cgap_audit_options *options, cgap_error *error);

/* ---------------------------------------------------------------- more than two modalities */

enum {
  CGAP_MANY_LEAST = 3,
  CGAP_MANY_PAIRS_MAX = CGAP_MODALITIES_MAX * (CGAP_MODALITIES_MAX - 1) / 2,
  CGAP_PLANE_ROWS = 500 /* of a modality in the plane, at most */
};

/* Rows of three modalities or more. What it points to must outlive it. */
typedef struct cgap_many_data {
  size_t count;                          /* CGAP_MANY_LEAST to CGAP_MODALITIES_MAX */
  const char *name[CGAP_MODALITIES_MAX]; /* each another */
  cgap_source source[CGAP_MODALITIES_MAX];
  bool unpaired; /* else rows i of all belong together, and all have the same number */
  bool drop_bad; /* a row that is bad in one modality is left out of all; unpaired: of its own */
  const size_t *row[CGAP_MODALITIES_MAX]; /* (rows) the row of the file that each row of a source is; NULL: the same */
  const char *input[CGAP_MANY_PAIRS_MAX]; /* how a command line names the data of a pair, as in cgap_advice_run */
} cgap_many_data;

/* Modalities from files, as `contragap audit NAME=SOURCE …` opens them: each source is a file, or FILE.h5:/path. Rows
 * that ids of the files say belong together are put in the order of the first; else all need the same number of rows.
 * options: NULL, or unpaired, drop_bad, threads, memory_bytes, follow and plugins; the others have to be 0. */
typedef struct cgap_many_dataset cgap_many_dataset;
CGAP_API CGAP_MUST_CHECK cgap_status cgap_many_dataset_open(cgap_many_dataset **out, const char *const *name,
                                                            const char *const *source, size_t count,
                                                            const cgap_input_options *options, cgap_error *error);
CGAP_API const cgap_many_data *cgap_many_dataset_data(const cgap_many_dataset *many);
CGAP_API void cgap_many_dataset_close(cgap_many_dataset *many); /* NULL is fine */

typedef struct cgap_many_modality {
  char name[CGAP_NAME_SIZE];
  size_t rows, dim; /* rows measured */
  size_t dropped;
  size_t *row;                     /* (rows) of the file; NULL: row i is row i */
  cgap_scalar same_modality_share; /* of the 10 nearest rows in the pool, those of its own modality */
  cgap_point *plane;               /* (plane_rows) evenly from all rows: scores on the pool's first two components */
  size_t plane_rows;
  double centre[2]; /* of all its rows, in the plane */
} cgap_many_modality;

/* Every pair of modalities audited, and the pool of all. Owns its arrays. */
typedef struct cgap_many {
  size_t count;
  cgap_many_modality modality[CGAP_MODALITIES_MAX];
  cgap_audit *pair; /* (pairs), as cgap_many_pair counts them: the earlier modality is its image, the later its text */
  size_t pairs;
  cgap_scalar same_modality_share, unbiased; /* over all rows of the pool; what chance would give */
  double plane_variance[2]; /* shares of the pool's variance on the two components; NaN where there is none */
  bool in_memory;           /* each row was read once; else again for every pair */
} cgap_many;

/* The place of modalities a < b among the pairs: (0, 1), (0, 2) … (1, 2) … */
CGAP_API size_t cgap_many_pair(size_t count, size_t a, size_t b);

/* What a matrix over the modalities shows. Of the searches, rows of a modality search among those of another, or (the
 * mixed ones) in one index of both. */
typedef enum cgap_many_measure {
  CGAP_MANY_CORRECTED_DISTANCE,
  CGAP_MANY_NOISE_FLOOR,
  CGAP_MANY_LINEAR_SEPARABILITY,
  CGAP_MANY_MMD2,
  CGAP_MANY_RECALL_AT_1,
  CGAP_MANY_MIXED_NDCG_AT_10,
  CGAP_MANY_MUTUAL_KNN,
  CGAP_MANY_CKA,
  CGAP_MANY_MEASURES
} cgap_many_measure;

/* Of the pair of a and b; for searches a is the query. NULL where a == b, and where the pair does not have it. */
CGAP_API const cgap_scalar *cgap_many_value(const cgap_many *many, cgap_many_measure measure, size_t a, size_t b);

/* Audits every pair, each with the bits of cgap_audit_run and cgap_advice_run on its rows alone (rows of the file are
 * counted as the file has them), and mixes the pool.
 * Rows are kept in memory, as they are, where they take at most half of the limit: then each is read once. Of options,
 * comm, contributions, brief and csls must not be set. Whatever is returned, *out is filled and must be cleared. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_many_run(cgap_many *out, const cgap_many_data *data,
                                                   const cgap_audit_options *options, cgap_error *error);
CGAP_API void cgap_many_clear(cgap_many *many); /* NULL is fine */

/* As cgap_audit_text: what `contragap audit` prints of more than two modalities. data: what cgap_many_run was given,
 * for the input of the report; its rows are not read. Of about (which may be NULL), dataset and data are not used. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_many_text(char **out, const cgap_many *many, const cgap_many_data *data,
                                                    cgap_report_form form, int columns, const cgap_report_about *about,
                                                    cgap_error *error);

/* As cgap_audit_save, of the folder that `contragap audit -o` writes of more than two modalities. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_many_save(const cgap_many *many, const cgap_many_data *data,
                                                    const char *folder, bool replace, const cgap_report_about *about,
                                                    void (*warn)(const char *line), cgap_error *error);

/* ---------------------------------------------------------------- your own measure */

/* A block of pairs and their cosines. Row r is row `row + r` of the rows measured (bad ones dropped), and row
 * file_row[r] of the file; columns likewise. */
typedef struct cgap_tile {
  cgap_pair_kind kind;
  size_t row, column;
  size_t rows, columns;
  const float *cosine; /* (rows, columns), within [-1, 1] */
  const size_t *first; /* (rows) columns first[r] … columns - 1 count: of i and j, each pair comes once */
  const size_t *file_row, *file_column; /* (rows), (columns) */
  const size_t *image_of; /* (columns) the measured image of each text; NULL except for paired CGAP_IMAGE_TEXT */
} cgap_tile;

/* What is added up over pairs. `tile` gets every pair of the chosen kinds once, in tiles, and adds to sums and counts,
 * which hold what earlier tiles added. It is called from several threads at once, so it must only read the context.
 * Each sum is added up in the same order for any number of threads and any memory limit: the bits are the same. */
typedef struct cgap_tally {
  unsigned kinds;      /* bit 1 << kind for each kind of pair */
  size_t sums, counts; /* how many of each */
  void (*tile)(const void *context, const cgap_tile *tile, double *sums, uint64_t *counts);
  const void *context;
} cgap_tally;

/* Fills sums (tally->sums) and counts (tally->counts), from zero; either is NULL where there are none. Of options,
 * threads, memory and progress matter. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_tally_run(double *sums, uint64_t *counts, const cgap_data *data,
                                                    const cgap_tally *tally, const cgap_audit_options *options,
                                                    cgap_error *error);

/* ---------------------------------------------------------------- the head */

typedef enum cgap_head_kind { CGAP_HEAD_LINEAR, CGAP_HEAD_RESIDUAL, CGAP_HEAD_MLP } cgap_head_kind;
/* Of a residual path. CGAP_START_WHITEN: a residual head alone, one for each modality. */
typedef enum cgap_start { CGAP_START_IDENTITY, CGAP_START_CENTER, CGAP_START_WHITEN } cgap_start;
enum { CGAP_STARTS = 3 };
typedef enum cgap_schedule { CGAP_SCHEDULE_COSINE, CGAP_SCHEDULE_CONSTANT } cgap_schedule;

/* What a head is, without its numbers. */
typedef struct cgap_head_shape {
  cgap_head_kind kind;
  bool shared;   /* one set of weights for both modalities */
  size_t dim_in; /* of its input rows */
  size_t dim;    /* of its output rows */
  size_t hidden; /* of an mlp */
} cgap_head_shape;

typedef struct cgap_weights {
  double clip, uniform, align, xuniform; /* of the terms of the loss; 0: the term is left out */
} cgap_weights;

#define CGAP_BATCH_AUTO SIZE_MAX

typedef struct cgap_train_options {
  cgap_head_kind head;
  cgap_start start; /* of a head with a residual path */
  bool shared;
  size_t dim;    /* of the new rows; 0: 128 for a linear head, else that of the file */
  size_t hidden; /* of an mlp; 0: as the file's rows */
  cgap_weights weights;
  double temperature; /* fixed, or where learn_temperature starts */
  bool learn_temperature;
  double learning_rate; /* 0: 1e-3 for a linear head, which starts at random, else 1e-4 */
  double decay;
  double clip_norm; /* gradients of greater norm are scaled down to it; 0: none */
  cgap_schedule schedule;
  size_t batch;    /* texts per step; 0: all of the training part; CGAP_BATCH_AUTO: 256, or all where they are fewer */
  size_t epochs;   /* 0: 100, or fewer where those are more than 3000 steps, but at least 5 */
  size_t steps;    /* above 0: as many whole epochs as have so many steps, in place of epochs */
  size_t patience; /* epochs without a lower validation loss before it stops; 0: never, and the last is kept */
  double validation, test; /* fractions of the images */
  double hold_out_classes; /* fraction of the classes of zero-shot whose images are all in the test part; 0: none */
  bool keep_duplicates;    /* equal rows stay separate, as negatives of each other */
  double noise;            /* fraction of the training texts that swap their images */
  size_t training_images;  /* at most so many; 0: all of the training part */
  uint64_t seed;
  int threads; /* 0: as many as the machine has */
  /* 0: half of what is free, shared by the ranks of a node. Rows that do not fit stay where they are and are
   * read one batch at a time; where single rows cannot be read quickly, they are first copied into a nameless file in
   * $TMPDIR. A training that needs more memory even so is refused. */
  uint64_t memory_bytes;
  cgap_progress progress;
  cgap_comm *comm; /* the ranks that share out each batch, or NULL */
} cgap_train_options;

CGAP_API cgap_train_options cgap_train_options_default(void);
#ifdef __cplusplus
#define CGAP_TRAIN_OPTIONS_INIT cgap_train_options_default()
#else
#define CGAP_TRAIN_OPTIONS_INIT                                                                                        \
  {                                                                                                                    \
    .head = CGAP_HEAD_RESIDUAL, .start = CGAP_START_CENTER, .weights = {.clip = 1, .uniform = 1, .align = 1},          \
    .temperature = 0.01, .decay = 0.1, .batch = CGAP_BATCH_AUTO, .patience = 10, .validation = 0.1, .test = 0.2        \
  }
#endif

/* CGAP_USAGE with the sentence to print where the options make no sense for rows of dim_in. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_train_check(const cgap_train_options *options, size_t dim_in,
                                                      cgap_error *error);

/* The options of `contragap train` by their names there, without the dashes: "temperature", "loss", "weight-clip" …;
 * NULL: past the last. */
CGAP_API const char *cgap_train_option_name(size_t k);
/* Sets one of them from text: a number, a name that the command has, "yes" or "no", of the batch also "full".
 * CGAP_USAGE with the sentence to print; bounds are checked by cgap_train_check. A loss sets all weights, so give it
 * first. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_train_set(cgap_train_options *options, const char *name, const char *value,
                                                    cgap_error *error);

/* The terms of a loss without their weights; NaN where there is nothing to compute a term from. */
typedef struct cgap_loss_terms {
  double clip, image_to_text, text_to_image;
  double uniform, uniform_image, uniform_text;
  double align, xuniform;
  double total;                /* weighted */
  double recall_image_to_text; /* fraction of queries whose best positive is above every negative */
  double recall_text_to_image;
} cgap_loss_terms;

/* One epoch of a training. */
typedef struct cgap_epoch {
  size_t epoch;                                     /* from 1 */
  double seconds;                                   /* since training began */
  double steps_per_second;                          /* of the training steps alone */
  double learning_rate, temperature, gradient_norm; /* at the epoch's last step */
  cgap_loss_terms training;                         /* means over the steps */
  cgap_loss_terms validation;                       /* of the whole part as one batch; NaN where there is none */
  double validation_gap;                            /* centroid distance */
} cgap_epoch;

/* Called after every epoch, from the calling thread. */
typedef struct cgap_observer {
  void (*epoch)(void *context, const cgap_epoch *record, const cgap_train_options *options);
  void *context;
} cgap_observer;

typedef enum cgap_row_kind { CGAP_IMAGE_ROWS, CGAP_TEXT_ROWS } cgap_row_kind;

/* Methods that close a gap without training; a trained head is compared with them. */
typedef enum cgap_gap_method { CGAP_CENTER, CGAP_SHIFT, CGAP_WHITEN, CGAP_PROCRUSTES, CGAP_CCA } cgap_gap_method;
enum { CGAP_GAP_METHODS = 5 };
CGAP_API const char *cgap_gap_method_name(cgap_gap_method gap_method);

typedef struct cgap_head cgap_head; /* a trained head, or a fitted training-free method */

/* Fits a head on the training part of data's pairs and keeps the epoch that the options choose; writes no files.
 * observer may be NULL. Measure what the head gained on images of CGAP_TEST alone (cgap_head_split). Returns CGAP_USAGE
 * also where training diverges. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_train_run(cgap_head **out, const cgap_data *data,
                                                    const cgap_train_options *options, const cgap_observer *observer,
                                                    cgap_error *error);

enum { CGAP_TRAINING, CGAP_VALIDATION, CGAP_TEST, CGAP_SPLITS };

/* The part (CGAP_TRAINING …) of each of the *rows image rows of the data that the head was trained on, -1 for a row
 * that was dropped. The head owns it. NULL and 0 for a training-free method, and where head is NULL. */
CGAP_API const int64_t *cgap_head_split(const cgap_head *head, size_t *rows);

/* path: head.h5, or head.safetensors, by its end. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_head_read(cgap_head **out, const char *path, cgap_error *error);
CGAP_API CGAP_MUST_CHECK cgap_status cgap_head_write(const cgap_head *head, const char *path, cgap_error *error);
CGAP_API void cgap_head_close(cgap_head *head); /* NULL is fine */
CGAP_API cgap_head_shape cgap_head_shape_of(const cgap_head *head);

/* Writes to out (rows, dim) the unit rows that the head makes of the unit rows in (rows, dim_in). */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_head_apply(const cgap_head *head, cgap_row_kind kind, const float *in,
                                                     size_t rows, float *out, cgap_error *error);

/* Writes to out (source->rows, dim) all rows of a source, of any type and norm, passed through the head, as unit rows.
 * CGAP_DATA where a row is zero or not finite, or has another dimension than the head's input. threads 0: as many as
 * the machine has. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_head_apply_source(const cgap_head *head, cgap_row_kind kind,
                                                            const cgap_source *source, float *out, int threads,
                                                            cgap_progress progress, cgap_error *error);

/* Fits a training-free method on all pairs of the data. factor of CGAP_SHIFT: how much of the gap vector to remove, 1:
 * all; of CGAP_WHITEN and CGAP_CCA: the shrinkage, above 0: so many times the sum of the variances over the number of
 * rows is added to each variance. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_gap_method_fit(cgap_head **out, cgap_gap_method gap_method, double factor,
                                                         const cgap_data *data, int threads, cgap_progress progress,
                                                         cgap_error *error);

/* ---------------------------------------------------------------- what to do about a gap */

/* What a candidate is scored by, a mean over images. */
typedef enum cgap_goal {
  CGAP_GOAL_MIXED,     /* ½ nDCG@10 in one index of both modalities + ½ mrr in the other one */
  CGAP_GOAL_RETRIEVAL, /* mrr */
  CGAP_GOAL_ZERO_SHOT, /* accuracy, a mean over classes */
  CGAP_GOAL_AUTO       /* mixed, or zero-shot where class texts take the place of texts */
} cgap_goal;

/* A choice among candidates, and what the chosen one does to pairs that neither fits nor choice have seen. */
typedef struct cgap_closing cgap_closing;

/* Does what `contragap train` does: tries the embeddings as they are, the methods that need no training and a small
 * grid of heads, chooses by held-out pairs the simplest that they support, and measures it on the test part. options:
 * NULL, or the defaults with another seed, split, threads, memory or progress; head, start, temperature, rate and
 * epochs are the grid's; comm has to be NULL. The data need not outlive the result. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_closing_run(cgap_closing **out, const cgap_data *data,
                                                      const cgap_train_options *options, cgap_goal goal,
                                                      cgap_error *error);
/* The same with one head, trained as the options say; observer may be NULL. It has no recommendation. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_closing_train(cgap_closing **out, const cgap_data *data,
                                                        const cgap_train_options *options,
                                                        const cgap_observer *observer, cgap_error *error);
CGAP_API void cgap_closing_close(cgap_closing *closing); /* NULL is fine */

/* What is recommended; where that is the embeddings as they are, a head that changes nothing. The closing owns it. */
CGAP_API const cgap_head *cgap_closing_head(const cgap_closing *closing);

/* The audit of the test part: "before", "after", and "start" (of a trained head), "center", "shift", "whiten",
 * "procrustes", "cca"; NULL: none of this name. The closing owns it. */
CGAP_API const cgap_audit *cgap_closing_audit(const cgap_closing *closing, const char *name);

/* JSON: recommendation.json. TABLE: the recommendation and what it gains. No other forms. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_closing_text(char **out, const cgap_closing *closing, cgap_report_form form,
                                                       int columns, const cgap_report_about *about, cgap_error *error);

/* Writes the folder as `contragap train -o` does, with head.h5, recommendation.json, the reports and report.html.
 * `replace`: in place of any earlier run of train there. */
CGAP_API CGAP_MUST_CHECK cgap_status cgap_closing_save(const cgap_closing *closing, const char *folder, bool replace,
                                                       const cgap_report_about *about, void (*warn)(const char *line),
                                                       cgap_error *error);

#ifdef __cplusplus
}
#endif
#endif
