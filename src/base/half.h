/* Rounding to the two 16-bit floats, to nearest, ties to even; beyond the range to infinity, NaN stays NaN. From
 * double in one step, since rounding by way of float would round twice. The way back is the engine's. */
#ifndef CGAP_IO_HALF_H
#define CGAP_IO_HALF_H

#include <stddef.h>
#include <stdint.h>

uint16_t cgap_half_from_double(double value);
uint16_t cgap_bfloat16_from_double(double value);

#endif
