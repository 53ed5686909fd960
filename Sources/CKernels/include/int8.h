// SPDX-License-Identifier: Apache-2.0
// Products of 8-bit whole numbers, exact: sums are 32-bit and wrap around.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

// Columns of a packed panel.
#define SERIN_INT8_PANEL 16

// How a right matrix is laid out; it is packed for the level that multiplies it.
enum serin_int8_layout {
    SERIN_INT8_PAIRS = 0,  // panels of [depth / 2][16][2]
    SERIN_INT8_QUADS = 1,  // panels of [depth / 4][16][4], for VNNI
};

// The layout that `level` reads.
static inline enum serin_int8_layout serin_int8_layout(enum serin_cpu level) {
    return level >= SERIN_CPU_VNNI ? SERIN_INT8_QUADS : SERIN_INT8_PAIRS;
}

// The number of bytes that a packed depth x columns matrix takes, at most, in either layout.
static inline size_t serin_int8_packed_count(size_t depth, size_t columns) {
    return (columns + SERIN_INT8_PANEL - 1) / SERIN_INT8_PANEL * SERIN_INT8_PANEL *
           ((depth + 3) / 4 * 4);
}

// Packs b (depth x columns, strides in elements), filled up with zeros. Unsigned elements are moved
// down by 128, so that a pack always holds signed ones; the caller moves the zero points likewise.
// sums gets the sum of each column as packed, of as many columns as fill the last panel.
void serin_int8_pack(
    enum serin_int8_layout layout, const void *b, int is_unsigned, size_t depth, size_t columns,
    ptrdiff_t row_stride, ptrdiff_t column_stride, int8_t *packed, int32_t *sums);

// One product: c = (a - a_zero) * (b - b_zero), c rows x columns of int32.
struct serin_int8_product {
    size_t rows, columns, depth;
    const void *a;  // rows x depth, lines side by side
    int a_is_unsigned;
    // One zero point for all, or one for each row; 8-bit values widened, without any move.
    const int32_t *a_zeros;
    size_t a_zero_step;  // 0 or 1
    const int8_t *packed;
    const int32_t *sums;
    // Zero points of the columns as packed (moved by 128 for unsigned ones), or null for none.
    const int32_t *b_zeros;
    size_t b_zero_step;  // 0 or 1
    int32_t *c;
};

// Rows whose lines are copied at once, at most.
#define SERIN_INT8_BLOCK 56

// Bytes from a copied line to the next: an odd number of cache lines, so that lines that are read
// together do not drive each other out of the cache.
static inline size_t serin_int8_line(size_t depth) { return (depth / 128 * 2 + 3) * 64; }

// Bytes of scratch that a product of this depth needs; a tile may read one line more than there are.
static inline size_t serin_int8_scratch(size_t depth) {
    return (SERIN_INT8_BLOCK + 1) * serin_int8_line(depth) + 128;
}

// Multiplies; scratch holds serin_int8_scratch(depth) bytes. `layout` is that of the pack.
void serin_int8_multiply(
    enum serin_int8_layout layout, const struct serin_int8_product *product, void *scratch);

// The same at a level of the caller's choice, which has to read `layout`; for tests.
void serin_int8_multiply_at(
    enum serin_cpu level, enum serin_int8_layout layout, const struct serin_int8_product *product,
    void *scratch);
