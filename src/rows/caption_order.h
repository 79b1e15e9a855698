/* In which order k texts of each image are stored, where the data does not say. */
#ifndef CGAP_ROWS_CAPTION_ORDER_H
#define CGAP_ROWS_CAPTION_ORDER_H

#include "contragap/contragap.h"

typedef enum cgap_order { CGAP_IMAGE_MAJOR, CGAP_CAPTION_MAJOR } cgap_order;

/* texts = k × images, without more: which order do the rows themselves support? Both are tried on up to 2,000
 * images spread over the file; supported is the one with the greater z where that is at least 4. Neither: CGAP_FILE. */
CGAP_MUST_CHECK cgap_status cgap_caption_order_detect(cgap_order *out, const cgap_data *data, cgap_error *error);

#endif
