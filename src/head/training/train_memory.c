/* The public header's training: a whole one in memory, from data that a caller or a file offers. */
#include "base/check.h"
#include "head/model/head.h"
#include "head/training/training_data.h"
#include "head/training/training_run.h"

cgap_status cgap_train_run(cgap_head **out, const cgap_data *data, const cgap_train_options *options,
                           const cgap_observer *observer, cgap_error *error)
{
  const cgap_store nowhere = {0};
  cgap_trial trial = {0};
  cgap_fitted fitted = {0};
  cgap_status status = cgap_check_argument(out, "cgap_train_run", "out", error);
  if (status != CGAP_OK)
    return status;
  *out = NULL;
  status = cgap_trial_open(&trial, data, options, false, error);
  if (status == CGAP_OK)
    status = cgap_train_fits(options, &trial.training, error);
  if (status == CGAP_OK)
    status = cgap_fit_run(&fitted, &trial, options, &nowhere, observer, error);
  if (status == CGAP_OK) {
    *out = fitted.head;
    fitted.head = NULL;
  }
  cgap_fitted_clear(&fitted);
  cgap_trial_clear(&trial);
  return status;
}
