// SPDX-License-Identifier: Apache-2.0
// What the forms of the 8-bit product share.
#pragma once
#include "int8.h"

// Rows of a tile.
#define SERIN_INT8_ROWS 6

// Copies a line of a, minus its zero point, as 16-bit numbers and adds them up; what fills the
// depth up is zero. Element k of the line goes to target[k / 2 * step + k % 2].
static inline int32_t serin_int8_widen(
    const struct serin_int8_product *p, size_t row, size_t step, int16_t *target) {
    int32_t zero = p->a_zeros ? p->a_zeros[row * p->a_zero_step] : 0;
    size_t padded = (p->depth + 1) / 2 * 2;
    int32_t sum = 0;
    for (size_t k = 0; k < padded; k++) {
        int32_t x = 0;
        if (k < p->depth) {
            size_t place = row * p->depth + k;
            x = (p->a_is_unsigned ? ((const uint8_t *)p->a)[place] : ((const int8_t *)p->a)[place]) -
                zero;
        }
        target[k / 2 * step + k % 2] = (int16_t)x;
        sum = (int32_t)((uint32_t)sum + (uint32_t)x);
    }
    return sum;
}

// Takes the columns' zero points off a tile's sums and stores what exists of it.
static inline void serin_int8_store(
    const struct serin_int8_product *p, size_t row, size_t first, const int32_t *sums,
    int32_t line_sum) {
    size_t width = p->columns - first < SERIN_INT8_PANEL ? p->columns - first : SERIN_INT8_PANEL;
    int32_t *c = p->c + row * p->columns + first;
    for (size_t j = 0; j < width; j++) {
        uint32_t sum = (uint32_t)sums[j];
        if (p->b_zeros)
            sum -= (uint32_t)line_sum * (uint32_t)p->b_zeros[(first + j) * p->b_zero_step];
        c[j] = (int32_t)sum;
    }
}

void serin_int8_multiply_avx2(const struct serin_int8_product *p, void *scratch);
void serin_int8_multiply_avx512(const struct serin_int8_product *p, void *scratch);
void serin_int8_multiply_vnni(const struct serin_int8_product *p, void *scratch);
