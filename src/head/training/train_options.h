/* The options of a training and the axes of a sweep, from one table: the command line, the checks, the JSON in head
 * files, the fingerprint of checkpoints and the sweeps follow from its rows. */
#ifndef CGAP_HEAD_TRAINING_TRAIN_OPTIONS_H
#define CGAP_HEAD_TRAINING_TRAIN_OPTIONS_H

#include "contragap/contragap.h"

typedef enum cgap_train_option_kind {
  CGAP_TRAIN_FLAG,   /* bool */
  CGAP_TRAIN_COUNT,  /* size_t */
  CGAP_TRAIN_REAL,   /* double */
  CGAP_TRAIN_CHOICE, /* an enum */
  CGAP_TRAIN_SEED,   /* uint64_t */
  CGAP_TRAIN_BATCH,  /* size_t: a number of texts, or full */
  CGAP_TRAIN_LOSS,   /* cgap_weights: a named loss; no field of its own in JSON */
  CGAP_TRAIN_WEIGHT  /* double: of one term of the loss; −1 on the command line: as the named loss has it */
} cgap_train_option_kind;

typedef struct cgap_train_option {
  const char *name; /* "clip-norm": the option, the axis of a sweep, and the key in JSON with _ for - … */
  cgap_train_option_kind kind;
  size_t offset;     /* in cgap_train_options; the default is that of CGAP_TRAIN_OPTIONS_INIT */
  const char *group; /* of the command line; NULL: it has an option elsewhere */
  const char *help;
  const char *key;            /* … where the key in JSON is another */
  double low, high;           /* bounds of a number; high 0: none */
  bool above_low;             /* low itself is refused */
  const char *const *choices; /* of a choice, in the order of the enum; ends with NULL */
  bool data;                  /* another value needs the data split again */
  const char *value;          /* for --help: what the value is called */
  const char *zero;           /* for --help: what the default means where that is 0 or none */
  struct {
    int place;          /* of the axis; small ones vary slowest; 0: it is no axis */
    const char *name;   /* of the option, where that is another */
    const char *values; /* by default; NULL: the axis is left as the options have it */
    const char *help;   /* where it is another */
  } sweep;
} cgap_train_option;

bool cgap_train_option_at(cgap_train_option *out, size_t k); /* in the order of the JSON; false: past the last */

/* Whether the data split for a serve for b: no option that matters to the split differs. */
bool cgap_train_same_data(const cgap_train_options *a, const cgap_train_options *b);

/* The shape that the options ask for; options have passed cgap_train_check. */
cgap_head_shape cgap_train_shape(const cgap_train_options *options, size_t dim_in);

double cgap_train_rate(const cgap_train_options *options); /* the learning rate */
size_t cgap_train_epochs(const cgap_train_options *options, size_t steps_an_epoch);

/* Everything that the numbers of a run depend on, threads and progress left out, as one line of JSON; for head files
 * and to tell one run's checkpoint from another's. */
enum { CGAP_TRAIN_DESCRIPTION = 2048 };
void cgap_train_describe(char out[CGAP_TRAIN_DESCRIPTION], const cgap_train_options *options,
                         const cgap_head_shape *shape);

/* ---------------------------------------------------------------- the grid of a sweep */

/* Axes are numbered from 0, the outermost first: what needs the data split again varies slowest. */
enum { CGAP_AXIS_SEED, CGAP_AXIS_LOSS = 3, CGAP_AXES_MAX = 30 };

int cgap_axis_count(void);
cgap_train_option cgap_axis_option(int axis);
const char *cgap_axis_name(int axis); /* "temperature": the option and the column */

/* Values of each axis as they were written; none: the axis is left as the options have it. */
typedef struct cgap_sweep_grid {
  char **value[CGAP_AXES_MAX]; /* (count[axis]), owned */
  size_t count[CGAP_AXES_MAX];
} cgap_sweep_grid;

/* Reads "32,64,128"; CGAP_USAGE where a value is empty or given twice. */
CGAP_MUST_CHECK cgap_status cgap_sweep_grid_set(cgap_sweep_grid *grid, int axis, const char *list, cgap_error *error);
void cgap_sweep_grid_clear(cgap_sweep_grid *grid);

size_t cgap_sweep_grid_settings(const cgap_sweep_grid *grid); /* their number */

/* Index into the values of each axis, 0 where it has none. */
void cgap_sweep_grid_setting(const cgap_sweep_grid *grid, size_t setting, size_t index[CGAP_AXES_MAX]);

typedef struct cgap_mean_sd {
  double mean, sd; /* sd with n − 1; NaN below two values */
  size_t n;        /* finite values */
} cgap_mean_sd;

cgap_mean_sd cgap_mean_sd_of(const double *values, size_t count);

#endif
