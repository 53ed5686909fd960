// SPDX-License-Identifier: Apache-2.0
// Packing of right matrices. It is bound by memory, so both fast forms go through the source once, in
// the order in which it lies, and write each panel in runs of a few lines.
#include <string.h>

#include "gemm.h"

// Lines of the panels that are written in one go.
#define BLOCK 16

typedef float lanes __attribute__((vector_size(16)));

static inline lanes load(const char *source) {
    lanes value;
    memcpy(&value, source, sizeof value);
    return value;
}

static inline void store(float *target, lanes value) { memcpy(target, &value, sizeof value); }

static inline float load_one(const char *source) {
    float value;
    memcpy(&value, source, sizeof value);
    return value;
}

static void pack_any(
    const char *b, size_t depth, size_t width, ptrdiff_t row_stride, ptrdiff_t column_stride,
    float scale, float *packed) {
    for (size_t k = 0; k < depth; k++, packed += SERIN_PANEL) {
        const char *source = b + (ptrdiff_t)k * row_stride * 4;
        size_t j = 0;
        for (; j < width; j++) packed[j] = load_one(source + (ptrdiff_t)j * column_stride * 4) * scale;
        for (; j < SERIN_PANEL; j++) packed[j] = 0;
    }
}

// A whole panel of columns that lie side by side: lines first to end of the depth. The same columns of
// as many lines `ahead` are fetched meanwhile: those of a wide matrix lie in a page each, and no
// processor looks ahead from one page to the next but one.
static void pack_lines(
    const char *b, size_t first, size_t end, size_t ahead, ptrdiff_t row_stride, float scale,
    float *panel) {
    for (size_t k = first; k < end; k++) {
        const char *source = b + (ptrdiff_t)k * row_stride * 4;
        __builtin_prefetch(source + (ptrdiff_t)ahead * row_stride * 4);
        for (size_t j = 0; j < SERIN_PANEL; j += 4)
            store(panel + k * SERIN_PANEL + j, load(source + j * 4) * scale);
    }
}

// Four columns of a panel, four elements of each, from columns that each lie in one piece.
static inline void turn(const char *source, ptrdiff_t stride, float scale, float *target) {
    lanes r0 = load(source), r1 = load(source + stride * 4);
    lanes r2 = load(source + stride * 8), r3 = load(source + stride * 12);
    lanes low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
    lanes high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
    lanes low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
    lanes high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
    store(target, __builtin_shufflevector(low01, low23, 0, 1, 4, 5) * scale);
    store(target + SERIN_PANEL, __builtin_shufflevector(low01, low23, 2, 3, 6, 7) * scale);
    store(target + 2 * SERIN_PANEL, __builtin_shufflevector(high01, high23, 0, 1, 4, 5) * scale);
    store(target + 3 * SERIN_PANEL, __builtin_shufflevector(high01, high23, 2, 3, 6, 7) * scale);
}

// A whole panel of columns that each lie in one piece. Of four of them a whole cache line is used up
// before the next four, as columns a power of two apart would push each other out.
static void pack_turned(
    const char *b, size_t depth, ptrdiff_t column_stride, float scale, float *panel) {
    size_t k = 0;
    for (; k + BLOCK <= depth; k += BLOCK)
        for (size_t j = 0; j < SERIN_PANEL; j += 4)
            for (size_t step = k; step < k + BLOCK; step += 4)
                turn(b + ((ptrdiff_t)j * column_stride + (ptrdiff_t)step) * 4, column_stride, scale,
                     panel + step * SERIN_PANEL + j);
    pack_any(b + k * 4, depth - k, SERIN_PANEL, 1, column_stride, scale, panel + k * SERIN_PANEL);
}

void serin_pack_f32(
    const void *b, size_t depth, size_t columns, ptrdiff_t row_stride, ptrdiff_t column_stride,
    float scale, float *packed) {
    const char *source = b;
    if (columns == 1) {
        for (size_t k = 0; k < depth; k++)
            packed[k] = load_one(source + (ptrdiff_t)k * row_stride * 4) * scale;
        for (size_t k = depth; k < serin_packed_count(depth, 1); k++) packed[k] = 0;
        return;
    }
    size_t whole = columns / SERIN_PANEL * SERIN_PANEL;
    if (column_stride == 1) {
        for (size_t k = 0; k < depth; k += BLOCK) {
            size_t end = depth - k < BLOCK ? depth : k + BLOCK;
            size_t ahead = depth - end < BLOCK ? 0 : BLOCK;
            for (size_t first = 0; first < whole; first += SERIN_PANEL)
                pack_lines(
                    source + first * 4, k, end, ahead, row_stride, scale, packed + first * depth);
        }
    } else {
        for (size_t first = 0; first < whole; first += SERIN_PANEL) {
            const char *panel = source + (ptrdiff_t)first * column_stride * 4;
            if (row_stride == 1)
                pack_turned(panel, depth, column_stride, scale, packed + first * depth);
            else
                pack_any(panel, depth, SERIN_PANEL, row_stride, column_stride, scale,
                         packed + first * depth);
        }
    }
    if (whole < columns)
        pack_any(source + (ptrdiff_t)whole * column_stride * 4, depth, columns - whole, row_stride,
                 column_stride, scale, packed + whole * depth);
}
