// SPDX-License-Identifier: Apache-2.0
// The portable matrix product, the choice between the forms, and the division among the threads of
// a team: of columns, or of rows where there are few panels.
#include "gemm_internal.h"

// Below about a tenth of a millisecond, waking a thread costs more than it brings.
#define LEAST_WORK 8e6

static float dot_portable(
    size_t depth, const float *line, ptrdiff_t depth_stride, const float *packed) {
    float sums[SERIN_DOT_CHAINS] = {0};
    for (size_t from = 0; from < depth; from += SERIN_DOT_CHAINS)
        for (size_t j = 0; j < SERIN_DOT_CHAINS; j++) {
            // Lanes behind the end add nought, as they do in a vector.
            int is_there = from + j < depth;
            float x = is_there ? line[(ptrdiff_t)(from + j) * depth_stride] : 0;
            sums[j] = __builtin_fmaf(x, is_there ? packed[from + j] : 0, sums[j]);
        }
    for (size_t half = SERIN_DOT_CHAINS / 2; half > 0; half /= 2)
        for (size_t j = 0; j < half; j++) sums[j] += sums[j + half];
    return sums[0];
}

// The sums of one line and one panel, in one chain each or in several.
static void panel_portable(
    size_t chains, size_t depth, const float *line, ptrdiff_t depth_stride, const float *panel,
    float *result) {
    float sums[SERIN_CHAINS][SERIN_PANEL] = {{0}};
    for (size_t k = 0; k < depth; k++) {
        float x = line[(ptrdiff_t)k * depth_stride];
        float *chain = sums[k % chains];
        for (size_t j = 0; j < SERIN_PANEL; j++)
            chain[j] = __builtin_fmaf(x, panel[k * SERIN_PANEL + j], chain[j]);
    }
    for (size_t j = 0; j < SERIN_PANEL; j++)
        result[j] = chains == 1 ? sums[0][j]
                                : (sums[0][j] + sums[1][j]) + (sums[2][j] + sums[3][j]);
}

// The oracle of the fast forms.
static void gemm_portable(SERIN_GEMM_ARGUMENTS) {
    for (size_t first = 0; first < columns; first += SERIN_PANEL) {
        size_t width = columns - first < SERIN_PANEL ? columns - first : SERIN_PANEL;
        const float *panel = packed + first * depth;
        for (size_t i = 0; i < rows; i++) {
            float sums[SERIN_PANEL];
            const float *line = a + (ptrdiff_t)i * row_stride;
            if (columns == 1)
                sums[0] = dot_portable(depth, line, depth_stride, packed);
            else
                panel_portable(
                    columns <= SERIN_PANEL ? SERIN_CHAINS : 1, depth, line, depth_stride, panel,
                    sums);
            float *target = c + i * c_stride + first;
            for (size_t j = 0; j < width; j++) {
                float sum = sums[j];
                if (e->bias) sum += e->bias[first + j];
                if (e->residual) sum += e->residual[i * e->residual_stride + first + j];
                target[j] = sum;
            }
            if (e->function != SERIN_IDENTITY)
                serin_map_f32_portable(e->function, e->alpha, e->beta, width, target, target);
        }
    }
}

static inline __attribute__((always_inline)) void gemm_at(
    enum serin_cpu level, SERIN_GEMM_ARGUMENTS) {
    (void)level;  // Other processors have one form.
#if defined(__x86_64__)
    if (level >= SERIN_CPU_AVX512) {
        serin_gemm_f32_avx512(
            rows, columns, depth, a, row_stride, depth_stride, packed, e, c, c_stride);
        return;
    }
    if (level >= SERIN_CPU_AVX2) {
        serin_gemm_f32_avx2(
            rows, columns, depth, a, row_stride, depth_stride, packed, e, c, c_stride);
        return;
    }
#endif
    gemm_portable(rows, columns, depth, a, row_stride, depth_stride, packed, e, c, c_stride);
}

static const struct serin_epilogue none = {0};

void serin_gemm_f32_at(
    enum serin_cpu level, size_t rows, size_t columns, size_t depth, const float *a,
    ptrdiff_t a_row_stride, ptrdiff_t a_depth_stride, const float *packed,
    const struct serin_epilogue *epilogue, float *c, size_t c_stride) {
    gemm_at(
        level, rows, columns, depth, a, a_row_stride, a_depth_stride, packed,
        epilogue ? epilogue : &none, c, c_stride);
}

void serin_gemm_f32(
    size_t rows, size_t columns, size_t depth, const float *a, ptrdiff_t a_row_stride,
    ptrdiff_t a_depth_stride, const float *packed, const struct serin_epilogue *epilogue, float *c,
    size_t c_stride) {
    gemm_at(
        serin_cpu_level(), rows, columns, depth, a, a_row_stride, a_depth_stride, packed,
        epilogue ? epilogue : &none, c, c_stride);
}

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
    struct serin_epilogue e = *s->epilogue;
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
    const struct serin_epilogue *e = epilogue ? epilogue : &none;
    // Most products are too small, and most sessions without a team: both are asked here, where it
    // costs no call.
    if (!team || 2.0 * (double)rows * (double)columns * (double)depth < LEAST_WORK) {
        gemm_at(
            serin_cpu_level(), rows, columns, depth, a, a_row_stride, a_depth_stride, packed, e, c,
            c_stride);
        return;
    }
    size_t parts = serin_team_size(team);
    struct share share = {
        .parts = parts, .rows = rows, .columns = columns, .depth = depth, .a = a,
        .a_row_stride = a_row_stride, .a_depth_stride = a_depth_stride, .packed = packed,
        .epilogue = e, .c = c, .c_stride = c_stride,
        .divides_columns = columns / SERIN_PANEL >= SERIN_LEAST_PANELS * parts};
    serin_team_run(team, multiply_part, &share);
}
