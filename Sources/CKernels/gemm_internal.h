// SPDX-License-Identifier: Apache-2.0
// What the forms of the matrix product share.
#pragma once
#include <string.h>

#include "gemm.h"
#include "vector_internal.h"

// Rows and depth of the packed block of a: 127 KB, so that it fits a second cache of 256 KB. The
// rows are a multiple of every tile's (6 and 14 have 126).
#define SERIN_BLOCK_ROWS 126
#define SERIN_BLOCK_DEPTH 256
// Columns after which the epilogue's function is applied.
#define SERIN_APPLY_COLUMNS 64

// Chains of an element of a product of one panel, and of one of a single column; see gemm.h.
#define SERIN_CHAINS 4
#define SERIN_DOT_CHAINS 32

#define SERIN_GEMM_ARGUMENTS                                                                      \
    size_t rows, size_t columns, size_t depth, const float *a, ptrdiff_t row_stride,             \
        ptrdiff_t depth_stride, const float *packed, const struct serin_epilogue *e, float *c,   \
        size_t c_stride

void serin_gemm_f32_avx2(SERIN_GEMM_ARGUMENTS);
void serin_gemm_f32_avx512(SERIN_GEMM_ARGUMENTS);

// The same for a matrix that is not packed: b holds depth lines of floats at any alignment, which are
// multiplied by scale. Each element is one chain, whatever the number of columns.
#define SERIN_DIRECT_ARGUMENTS                                                                    \
    size_t rows, size_t columns, size_t depth, const float *a, ptrdiff_t row_stride,             \
        ptrdiff_t depth_stride, const char *b, ptrdiff_t line_stride, float scale,               \
        const struct serin_epilogue *e, float *c, size_t c_stride

void serin_gemm_f32_direct_avx2(SERIN_DIRECT_ARGUMENTS);
void serin_gemm_f32_direct_avx512(SERIN_DIRECT_ARGUMENTS);

// Works on the columns from `first` on, one element after the other along a line of b: what the fast
// forms leave over, and the portable form.
__attribute__((always_inline)) static inline void serin_gemm_f32_direct_from(
    size_t first, SERIN_DIRECT_ARGUMENTS) {
    for (size_t i = 0; i < rows; i++) {
        float *sums = c + i * c_stride;
        for (size_t j = first; j < columns; j++) sums[j] = 0;
        for (size_t k = 0; k < depth; k++) {
            float x = a[(ptrdiff_t)i * row_stride + (ptrdiff_t)k * depth_stride];
            const char *line = b + (ptrdiff_t)k * line_stride * 4;
            for (size_t j = first; j < columns; j++) {
                float element;
                memcpy(&element, line + j * 4, sizeof element);
                sums[j] = __builtin_fmaf(x, element * scale, sums[j]);
            }
        }
        for (size_t j = first; e->bias && j < columns; j++) sums[j] += e->bias[j];
        const float *residual = e->residual ? e->residual + i * e->residual_stride : NULL;
        for (size_t j = first; residual && j < columns; j++) sums[j] += residual[j];
    }
}
