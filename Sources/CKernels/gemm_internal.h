// SPDX-License-Identifier: Apache-2.0
// What the forms of the matrix product share.
#pragma once
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
