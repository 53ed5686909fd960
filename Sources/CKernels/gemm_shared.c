// SPDX-License-Identifier: Apache-2.0
// A matrix product divided among the threads of a team: columns, or rows where there are few panels.
#include "gemm_internal.h"
#include "team.h"

// Below about a tenth of a millisecond, waking a thread costs more than it brings.
#define LEAST_WORK 8e6
// Panels of a thread's share, at least, for the columns to be divided.
#define LEAST_PANELS 4

struct share {
    size_t parts, rows, columns, depth;
    const float *a;
    ptrdiff_t a_row_stride, a_depth_stride;
    const float *packed;
    const struct serin_epilogue *epilogue;
    float *c;
    size_t c_stride;
    int divides_columns;
};

// The share's first row or column; an element is the same chain whoever works it out.
static void multiply_part(void *context, size_t part) {
    const struct share *s = context;
    struct serin_epilogue e = s->epilogue ? *s->epilogue : (struct serin_epilogue){0};
    if (s->divides_columns) {
        size_t panels = (s->columns + SERIN_PANEL - 1) / SERIN_PANEL;
        size_t first = panels * part / s->parts * SERIN_PANEL;
        size_t end = panels * (part + 1) / s->parts * SERIN_PANEL;
        if (end > s->columns) end = s->columns;
        if (end <= first) return;
        if (e.bias) e.bias += first;
        if (e.residual) e.residual += first;
        serin_gemm_f32(
            s->rows, end - first, s->depth, s->a, s->a_row_stride, s->a_depth_stride,
            s->packed + first * s->depth, &e, s->c + first, s->c_stride);
        return;
    }
    size_t first = s->rows * part / s->parts, end = s->rows * (part + 1) / s->parts;
    if (end == first) return;
    if (e.residual) e.residual += first * e.residual_stride;
    serin_gemm_f32(
        end - first, s->columns, s->depth, s->a + (ptrdiff_t)first * s->a_row_stride,
        s->a_row_stride, s->a_depth_stride, s->packed, &e, s->c + first * s->c_stride, s->c_stride);
}

void serin_gemm_f32_shared(
    struct serin_team *team, size_t rows, size_t columns, size_t depth, const float *a,
    ptrdiff_t a_row_stride, ptrdiff_t a_depth_stride, const float *packed,
    const struct serin_epilogue *epilogue, float *c, size_t c_stride) {
    size_t parts = serin_team_size(team);
    if (parts < 2 || 2.0 * (double)rows * (double)columns * (double)depth < LEAST_WORK) {
        serin_gemm_f32(
            rows, columns, depth, a, a_row_stride, a_depth_stride, packed, epilogue, c, c_stride);
        return;
    }
    struct share share = {
        .parts = parts, .rows = rows, .columns = columns, .depth = depth, .a = a,
        .a_row_stride = a_row_stride, .a_depth_stride = a_depth_stride, .packed = packed,
        .epilogue = epilogue, .c = c, .c_stride = c_stride,
        .divides_columns = columns / SERIN_PANEL >= LEAST_PANELS * parts};
    serin_team_run(team, multiply_part, &share);
}
