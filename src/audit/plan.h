/* The memory plan: whether rows stay in memory, and if not, how many of a side are held at once. */
#ifndef CGAP_ENGINE_PLAN_H
#define CGAP_ENGINE_PLAN_H

#include "contragap/contragap.h"

typedef struct cgap_plan {
  int ranks; /* 1: a process alone */
  int threads;
  bool resident;
  size_t panel_rows;       /* rows of a side at once in the tile pass … */
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
  uint64_t sample_bytes; /* of the rows of a sample, which is all whose couples are looked at; 0: all rows */
  bool bfloat;
} cgap_plan_options;

/* CGAP_RESOURCE when even the smallest plan is above the limit. */
CGAP_MUST_CHECK cgap_status cgap_plan_make(cgap_plan *out, const cgap_source *image, const cgap_source *text,
                                           const cgap_plan_options *options, cgap_error *error);

/* Bytes that a process may still take: of the machine, or of its control group where that is less. */
uint64_t cgap_free_memory(void);

/* The plan of one of several ranks: its share of the rows in memory, with those that visit; of a sample's audit, whose
 * sample_bytes are what a rank holds of it, the rows may stay in the file. memory_bytes 0: half of what is free, shared
 * by the ranks of the node. */
CGAP_MUST_CHECK cgap_status cgap_plan_share(cgap_plan *out, const cgap_source *image, const cgap_source *text,
                                            const cgap_comm *ranks, const cgap_plan_options *options,
                                            cgap_error *error);

#endif
