// SPDX-License-Identifier: Apache-2.0
// A product by a matrix as it lies, for one vector width; included behind gemm_tile.h by a file that
// defines what that asks for, and
//   VEC_MUL
//   GEMM_DIRECT  the name of the function to make
//
// The matrix comes from memory, once, so its lines are read side by side and in wide pieces, which the
// processor fetches ahead. The sums of a piece stay in the first or second cache, and each goes on from
// there line after line: one chain, as in a packed product.
#include "gemm_internal.h"

// Lines that sums go on by: with few rows the reading of b decides, with more the storing of sums.
#define DIRECT_LINES(rows) ((rows) <= 4 ? 8 : 64)
// Sums of a piece: 128 KB.
#define DIRECT_SUMS 32768

TARGET void GEMM_DIRECT(SERIN_DIRECT_ARGUMENTS) {
    struct NAME(tile) t = {
        .row_stride = row_stride, .depth_stride = depth_stride, .panel_stride = SERIN_PANEL,
        .line_stride = line_stride, .scale = scale, .c_stride = c_stride,
        .residual_stride = e->residual_stride};
    const size_t whole = columns / SERIN_PANEL * SERIN_PANEL;
    const size_t together = (rows <= TALL ? THIN_PANELS(rows) : PANELS) * SERIN_PANEL;
    size_t piece = DIRECT_SUMS / rows / SERIN_PANEL * SERIN_PANEL;
    if (piece < 4 * SERIN_PANEL) piece = 4 * SERIN_PANEL;
    for (size_t left = 0; left < whole; left += piece) {
        size_t right = whole - left < piece ? whole : left + piece;
        for (size_t from = 0; from < depth; from += t.depth) {
            t.depth = depth - from < DIRECT_LINES(rows) ? depth - from : DIRECT_LINES(rows);
            t.is_first = from == 0;
            t.is_last = from + t.depth == depth;
            // What follows the last lines is not fetched.
            ptrdiff_t ahead = t.is_last ? 0 : (ptrdiff_t)t.depth * line_stride;
            for (size_t first = left; first < right;) {
                size_t width = right - first < together ? right - first : together;
                if (width == 3 * SERIN_PANEL) width = 2 * SERIN_PANEL;
                t.width = width;
                t.panel = (const float *)(const void *)(b + (ptrdiff_t)from * line_stride * 4) + first;
                t.bias = e->bias ? e->bias + first : NULL;
                for (size_t i = 0; i < rows;) {
                    size_t tall = NAME(next_tile)(rows - i);
                    // The first tile fetches; the others name what is near already.
                    t.next = t.panel + (i == 0 ? ahead : 0);
                    t.a = a + (ptrdiff_t)i * row_stride + (ptrdiff_t)from * depth_stride;
                    t.c = c + i * c_stride + first;
                    t.residual = e->residual ? e->residual + i * e->residual_stride + first : NULL;
                    NAME(direct)(tall, width / SERIN_PANEL, &t);
                    i += tall;
                }
                first += width;
            }
        }
    }
    if (whole < columns)
        serin_gemm_f32_direct_from(
            whole, rows, columns, depth, a, row_stride, depth_stride, b, line_stride, scale, e, c,
            c_stride);
    if (e->function != SERIN_IDENTITY) NAME(apply)(e, c, c_stride, rows, columns);
}
