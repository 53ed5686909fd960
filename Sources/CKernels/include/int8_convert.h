// SPDX-License-Identifier: Apache-2.0
// Between single precision and 8-bit whole numbers with a scale and a zero point.
#pragma once
#include <stddef.h>
#include <stdint.h>

// y = x / scale, rounded to even, plus zero, held within the 8-bit type. A NaN gives some number.
void serin_quantize_u8(size_t count, const float *x, float scale, int32_t zero, uint8_t *y);
void serin_quantize_i8(size_t count, const float *x, float scale, int32_t zero, int8_t *y);

// y = (x - zero) * scale.
void serin_dequantize_u8(size_t count, const uint8_t *x, float scale, int32_t zero, float *y);
void serin_dequantize_i8(size_t count, const int8_t *x, float scale, int32_t zero, float *y);

// y = x * factor, rounded to even, plus zero, held within the 8-bit type; a factor for each element.
void serin_requantize_u8(
    size_t count, const int32_t *x, const float *factors, int32_t zero, uint8_t *y);
void serin_requantize_i8(
    size_t count, const int32_t *x, const float *factors, int32_t zero, int8_t *y);

// The smallest and the largest of 0 and `count` elements; a NaN counts for nothing.
void serin_range_f32(size_t count, const float *x, float *least, float *greatest);
