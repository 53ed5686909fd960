// SPDX-License-Identifier: Apache-2.0
// Single-precision matrix products over a packed right matrix, with what commonly follows them.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "cpu.h"
#include "team.h"
#include "vector_math.h"

// Columns of a packed panel; the same at every level, so that a pack fits every kernel.
#define SERIN_PANEL 16
// Panels that a product is divided into at least: more than one, as a product of one panel adds in
// another order.
#define SERIN_LEAST_PANELS 4

// The number of floats that a packed depth x columns matrix takes.
static inline size_t serin_packed_count(size_t depth, size_t columns) {
    if (columns == 1) return (depth + SERIN_PANEL - 1) / SERIN_PANEL * SERIN_PANEL;
    return (columns + SERIN_PANEL - 1) / SERIN_PANEL * SERIN_PANEL * depth;
}

// Packs b (depth x columns, strides in elements) into panels of SERIN_PANEL columns, each
// depth x SERIN_PANEL, the last one filled up with zeros; a single column stays as it is. Every
// element is multiplied by scale.
// b holds floats at any alignment, as those of a file have none; one of the strides is mostly 1.
void serin_pack_f32(
    const void *b, size_t depth, size_t columns, ptrdiff_t row_stride, ptrdiff_t column_stride,
    float scale, float *packed);

// What is done to a finished element of a product, in this order: the column's bias is added, then
// the residual, then the function is applied. Each is rounded as a step of its own would round it.
struct serin_epilogue {
    const float *bias;      // one for each column, or null
    const float *residual;  // a matrix of the product's shape, or null
    size_t residual_stride;
    enum serin_function function;
    float alpha, beta;  // the function's parameters
};

// c = epilogue(a * b): a is rows x depth with the strides given, b is packed, c is rows x columns,
// its lines c_stride apart, and overlaps no operand, as it holds sums on the way. epilogue may be
// null.
//
// Each element is one chain of multiply-adds (one rounding each) over the depth in rising order.
// Where a row has few elements, each has several chains, as one would wait for itself: step k goes on
// chain k % 4 of four, added as (0 + 1) + (2 + 3), where there are at most SERIN_PANEL columns, and on
// chain k % 32 of 32, of which the upper half is added to the lower until one is left, where there is
// one column. The order hangs on nothing else - not the number of rows, the blocking, the level - so
// a row's bits do not depend on the rows beside it, and every level gives the same bits.
void serin_gemm_f32(
    size_t rows, size_t columns, size_t depth, const float *a, ptrdiff_t a_row_stride,
    ptrdiff_t a_depth_stride, const float *packed, const struct serin_epilogue *epilogue, float *c,
    size_t c_stride);

// The same divided among the threads of a team where it is large enough to pay; team may be null.
void serin_gemm_f32_shared(
    struct serin_team *team, size_t rows, size_t columns, size_t depth, const float *a,
    ptrdiff_t a_row_stride, ptrdiff_t a_depth_stride, const float *packed,
    const struct serin_epilogue *epilogue, float *c, size_t c_stride);

// The same for a matrix that is not packed yet: b is as serin_pack_f32 takes it, with a depth and at
// least SERIN_LEAST_PANELS panels of columns. Where these do not lie side by side it is packed piece by
// piece into `room`, which holds `count` floats, as many as serin_unpacked_room says or more. The bits
// are those of the packed product.
void serin_gemm_f32_unpacked(
    struct serin_team *team, size_t rows, size_t columns, size_t depth, const float *a,
    ptrdiff_t a_row_stride, ptrdiff_t a_depth_stride, const void *b, ptrdiff_t b_row_stride,
    ptrdiff_t b_column_stride, float scale, const struct serin_epilogue *epilogue, float *c,
    size_t c_stride, float *room, size_t count);

// Its part for columns that lie side by side, at a level of the caller's choice, as below; any number of
// columns, each element one chain.
void serin_gemm_f32_direct_at(
    enum serin_cpu level, size_t rows, size_t columns, size_t depth, const float *a,
    ptrdiff_t row_stride, ptrdiff_t depth_stride, const void *b, ptrdiff_t line_stride, float scale,
    const struct serin_epilogue *epilogue, float *c, size_t c_stride);

// The floats of room for that: as many as wanted, where that is enough and of use.
static inline size_t serin_unpacked_room(
    size_t depth, size_t columns, ptrdiff_t column_stride, size_t wanted) {
    if (column_stride == 1) return 0;
    size_t whole = serin_packed_count(depth, columns), piece = depth * SERIN_PANEL * SERIN_LEAST_PANELS;
    if (wanted < piece) wanted = piece;
    return wanted < whole ? wanted : whole;
}

// The same at a level of the caller's choice, which the processor has to have; for tests.
void serin_gemm_f32_at(
    enum serin_cpu level, size_t rows, size_t columns, size_t depth, const float *a,
    ptrdiff_t a_row_stride, ptrdiff_t a_depth_stride, const float *packed,
    const struct serin_epilogue *epilogue, float *c, size_t c_stride);
