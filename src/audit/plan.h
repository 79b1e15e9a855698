/* Decides what an audit does: what stays in memory, whether all pairs or a sample are used, how long it takes. */
#ifndef CGAP_AUDIT_PLAN_H
#define CGAP_AUDIT_PLAN_H

#include "contragap/contragap.h"
#include "rows/embeddings.h"

typedef struct cgap_plan {
  int rank_count; /* 1: a process alone */
  int threads;
  bool resident;           /* rows stay in memory; of a sample's audit as the file has them */
  size_t panel_rows;       /* rows of a modality at once in the tile pass … */
  size_t column_rows;      /* … and of the other, which are held twice: the next are read meanwhile */
  uint64_t memory_bytes;   /* the limit */
  uint64_t needed_bytes;   /* what this plan needs, about */
  uint64_t smallest_bytes; /* what the smallest would */
  uint64_t visit_bytes;    /* of several ranks: for rows that are not a rank's own */
  bool hold;               /* of a sample: its rows stay in memory */
} cgap_plan;

typedef struct cgap_plan_options {
  int threads;           /* 0: as many as the machine has */
  uint64_t memory_bytes; /* 0: half of what is free */
  uint64_t sample_bytes; /* of the rows of a sample, whose pairs are the only ones; 0: all rows */
  bool bfloat;
  bool paired, straight; /* of ranks: rows make pairs; row i of both modalities does */
  bool no_rows;          /* the report lists no rows */
} cgap_plan_options;

/* CGAP_RESOURCE when even the smallest plan is above the limit. Where dims differ, as if both were the greater. */
CGAP_MUST_CHECK cgap_status cgap_plan_make(cgap_plan *out, const cgap_source *image, const cgap_source *text,
                                           const cgap_plan_options *options, cgap_error *error);

/* Candidates of a sample's queries that are float unit rows at once, where they are in memory as the file has them. */
size_t cgap_candidate_rows(int threads);

/* Bytes that a process may still take: of the machine, or of its control group where that is less. */
uint64_t cgap_free_memory(void);

/* The plan of one of several ranks: its own rows in memory, with those that visit; of a sample's audit, whose
 * sample_bytes are what a rank holds of it, the rows may stay in the file. memory_bytes 0: half of what is free,
 * divided among the ranks of the node. */
CGAP_MUST_CHECK cgap_status cgap_plan_make_distributed(cgap_plan *out, const cgap_source *image,
                                                       const cgap_source *text, const cgap_comm *comm,
                                                       const cgap_plan_options *options, cgap_error *error);

/* ---------------------------------------------------------------- plan sampling */

/* All pairs, or those of a sample, and of how many rows. */

typedef struct cgap_plan_sampling {
  size_t images, texts; /* rows of the sample; 0: all pairs are used */
  size_t queries;       /* images of it that are ranked, with their texts; 0 where unpaired */
  double exact_seconds; /* that all pairs would take; NaN where it was not estimated */
} cgap_plan_sampling;

/* For so many images and texts of `dim`, and so many threads on each of options->ranks. The choice of CGAP_PAIRS_AUTO
 * rests on a short measurement, unless the work is far from a minute's; the sizes on the options and the data alone. */
cgap_plan_sampling cgap_plan_sampling_choose(size_t images, size_t texts, size_t dim, bool paired, int threads,
                                             const cgap_audit_options *options);

/* Seconds of a tile pass with every measure over so many cosines of rows of `dim`, as fast as a few short products have
 * just been with all threads at work. INFINITY: nothing could be measured. */
double cgap_pair_pass_seconds(double cosines, size_t dim, bool bfloat, int threads);

/* What the sample's rows need in memory, its queries a second time; of several ranks, which divide the sample, and
 * have the queries each. */
uint64_t cgap_plan_sampling_bytes(const cgap_plan_sampling *s, size_t dim, cgap_type image, cgap_type text,
                                  int rank_count);

/* ---------------------------------------------------------------- plan estimate */

/* What a plan comes to: how often the file is read, and how long it takes on this machine, about. */

typedef struct cgap_plan_estimate {
  size_t block_rows; /* images of a block, of which the row pass holds some */
  double passes;     /* over the file */
  double seconds;    /* from a measurement of some hundredths of a second; NaN where nothing could be measured */
} cgap_plan_estimate;

/* Reads one block of the images, whose failure is not reported: the audit will. */
cgap_plan_estimate cgap_plan_estimate_make(const cgap_data *data, const cgap_plan *plan,
                                           const cgap_plan_sampling *sampling, bool bfloat);

/* ---------------------------------------------------------------- plan prepare */

/* What is decided before an audit begins: whether it can be done, what its modalities are, whether all pairs or those
 * of a sample are used, and how memory is used. */

typedef struct cgap_prepared_audit {
  cgap_data data; /* as given, with the class texts for texts where there are none; without either texts have no rows,
                   * and the images' dim and type */
  unsigned has;   /* CGAP_HAS_…, CGAP_TEXT_IS_CLASSES */
  cgap_plan plan;
  cgap_plan_sampling sampling; /* of no images: all pairs */
} cgap_prepared_audit;

/* Options and modalities. */
CGAP_MUST_CHECK cgap_status cgap_prepare(cgap_prepared_audit *out, const cgap_data *given,
                                         const cgap_audit_options *options, cgap_error *error);

/* The sampling and the plan. Of several ranks the first one chooses: the choice may rest on a measurement. */
CGAP_MUST_CHECK cgap_status cgap_prepare_plan(cgap_prepared_audit *out, const cgap_audit_options *options,
                                              cgap_error *error);

/* The sampling once more, of the rows that are left: some may have been dropped or merged since the plan was made. */
void cgap_prepare_sample(cgap_prepared_audit *out, const cgap_embeddings *embeddings,
                         const cgap_audit_options *options);

#endif
