// SPDX-License-Identifier: Apache-2.0
// Hot kernels in C, chosen at run time by what the processor can do.
#pragma once
#include "conv.h"
#include "cpu.h"
#include "gemm.h"
#include "int8.h"
#include "int8_convert.h"
#include "recurrent.h"
#include "resample.h"
#include "text.h"
#include "trees.h"
#include "vector_math.h"

// Columns of a packed panel.
#define SERIN_PANEL 16

// The number of floats that a packed depth x columns matrix takes.
static inline size_t serin_packed_count(size_t depth, size_t columns) {
    return (columns + SERIN_PANEL - 1) / SERIN_PANEL * SERIN_PANEL * depth;
}

// Packs b (depth x columns, strides in elements) into panels of SERIN_PANEL columns, each
// depth x SERIN_PANEL, the last one filled up with zeros; every element is multiplied by scale.
void serin_pack_f32(
    const float *b, size_t depth, size_t columns, ptrdiff_t row_stride, ptrdiff_t column_stride,
    float scale, float *packed);

// c = a * b + bias: a is rows x depth, b is packed, c is rows x columns; bias (one for each column)
// may be null. Each element is one chain of multiply-adds over the depth in rising order, whatever
// the number of rows, so a row's bits do not depend on the rows beside it.
void serin_gemm_f32(
    size_t rows, size_t columns, size_t depth, const float *a, size_t a_stride,
    const float *packed, const float *bias, float *c, size_t c_stride);
