/* The naive program against frozen values of an independent one: whoever judges the engine is judged too. */
#include "compare.h"
#include "reference.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(naive, agrees_with_the_oracle_on_ragged_captions)
{
  reference_rows rows;
  naive_result got;
  size_t compared = 0, failed = 0;
  json_t *frozen = reference_load("ragged");
  reference_rows_init(&rows, frozen);
  naive_input in = {.images = rows.images,
                    .texts = rows.texts,
                    .dim = rows.dim,
                    .image = rows.image,
                    .text = rows.text,
                    .owner = rows.owner,
                    .temperature = 0.01};
  naive_audit(&got, &in);
  failed = reference_differences("naive, ragged", &got.audit, json_object_get(frozen, "oracle"), &compared);
  cr_assert_eq(failed, 0, "%zu differences", failed);
  cr_assert_eq(compared, 59, "%zu keys were compared", compared);
  naive_clear(&got);
  reference_rows_clear(&rows);
  json_decref(frozen);
}
