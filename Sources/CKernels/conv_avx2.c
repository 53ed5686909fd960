// SPDX-License-Identifier: Apache-2.0
// The indirect GEMM with AVX2 and FMA: tiles of up to 6 pixels x 16 columns, 12 sums in 16 registers.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "conv_internal.h"

#define PANEL 16
#define TALL 6
SERIN_AVX2 static void activate_rows(
    const struct serin_conv_tile *t, size_t row, size_t column, int rows, int vectors);

#define UNROLL _Pragma("clang loop unroll(full)")

// ROWS rows against the panel at `column`, of which VECTORS * 8 columns are there.
#define TILE(ROWS, VECTORS)                                                                      \
    SERIN_AVX2 static void tile_##ROWS##_##VECTORS(                                              \
        const struct serin_conv_tile *t, const float *w, size_t row, size_t column) {            \
        static const float zeros[PANEL] = {0};                                                   \
        __m256 sum[ROWS][VECTORS];                                                               \
        const float *a[ROWS];                                                                    \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                  \
            const float *from = !t->is_first ? t->out[row + r] + t->column + column              \
                                : t->bias    ? t->bias + column                                  \
                                             : zeros;                                            \
            UNROLL for (int v = 0; v < VECTORS; v++) sum[r][v] = _mm256_loadu_ps(from + 8 * v);  \
        }                                                                                        \
        const float *const *entry = t->taps + row;                                               \
        for (size_t tap = 0; tap < t->tap_count; tap++, entry += SERIN_CONV_ROWS) {              \
            UNROLL for (int r = 0; r < ROWS; r++) a[r] = entry[r] + t->offset;                   \
            for (size_t k = 0, depth = t->depth; k < depth; k++, w += PANEL) {                   \
                __m256 b[VECTORS];                                                               \
                UNROLL for (int v = 0; v < VECTORS; v++) b[v] = _mm256_loadu_ps(w + 8 * v);      \
                UNROLL for (int r = 0; r < ROWS; r++) {                                          \
                    __m256 x = _mm256_broadcast_ss(a[r] + k);                                    \
                    UNROLL for (int v = 0; v < VECTORS; v++)                                     \
                        sum[r][v] = _mm256_fmadd_ps(x, b[v], sum[r][v]);                         \
                }                                                                                \
            }                                                                                    \
        }                                                                                        \
        if (t->is_last && t->residual) {                                                         \
            UNROLL for (int r = 0; r < ROWS; r++) {                                              \
                const float *more = t->residual[row + r] + t->column + column;                   \
                UNROLL for (int v = 0; v < VECTORS; v++)                                         \
                    sum[r][v] = _mm256_add_ps(sum[r][v], _mm256_loadu_ps(more + 8 * v));         \
            }                                                                                    \
        }                                                                                        \
        if (t->is_last && t->activation == SERIN_ACT_CLIP) {                                     \
            __m256 low = _mm256_set1_ps(t->a), high = _mm256_set1_ps(t->b);                      \
            UNROLL for (int r = 0; r < ROWS; r++) {                                              \
                UNROLL for (int v = 0; v < VECTORS; v++)                                         \
                    sum[r][v] = _mm256_min_ps(high, _mm256_max_ps(low, sum[r][v]));              \
            }                                                                                    \
        }                                                                                        \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                  \
            float *to = t->out[row + r] + t->column + column;                                    \
            UNROLL for (int v = 0; v < VECTORS; v++) _mm256_storeu_ps(to + 8 * v, sum[r][v]);    \
        }                                                                                        \
        if (t->is_last && t->activation > SERIN_ACT_CLIP)                                        \
            activate_rows(t, row, column, ROWS, VECTORS);                                        \
    }

// The dearer activations, on what was just stored.
SERIN_AVX2 static void activate_rows(
    const struct serin_conv_tile *t, size_t row, size_t column, int rows, int vectors) {
    __m256 a = _mm256_set1_ps(t->a), b = _mm256_set1_ps(t->b);
    for (int r = 0; r < rows; r++) {
        float *to = t->out[row + (size_t)r] + t->column + column;
        for (int v = 0; v < vectors; v++)
            _mm256_storeu_ps(
                to + 8 * v, serin_activate8(t->activation, a, b, _mm256_loadu_ps(to + 8 * v)));
    }
}

TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1)
TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2)

// As many rows as fit, but no tile is left with few.
static size_t next_tile(size_t left) {
    if (left <= TALL) return left;
    return left < TALL + TALL / 2 ? (left + 1) / 2 : TALL;
}

static void whole_tiles(
    const struct serin_conv_tile *t, const float *w, size_t rows, size_t column, size_t width) {
    static void (*const wide[])(const struct serin_conv_tile *, const float *, size_t, size_t) = {
        0, tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2};
    static void (*const narrow[])(const struct serin_conv_tile *, const float *, size_t, size_t) = {
        0, tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1};
    for (size_t r = 0; r < rows;) {
        size_t count = next_tile(rows - r);
        (width > 8 ? wide : narrow)[count](t, w, r, column);
        r += count;
    }
}

// A panel that is neither 8 nor 16 columns wide is worked on beside the output, six rows at a time.
static void ragged_tiles(
    const struct serin_conv_tile *t, const float *w, size_t rows, size_t column, size_t width) {
    float sums[TALL][PANEL] = {{0}}, more[TALL][PANEL] = {{0}}, bias[PANEL] = {0};
    float *out[TALL];
    const float *residual[TALL];
    for (int i = 0; i < TALL; i++) out[i] = sums[i], residual[i] = more[i];
    if (t->bias) memcpy(bias, t->bias + column, width * sizeof(float));
    struct serin_conv_tile part = *t;
    part.bias = bias;
    part.out = out;
    part.residual = t->residual ? residual : NULL;
    part.column = 0;
    column += t->column;
    for (size_t r = 0; r < rows; r += TALL) {
        size_t count = rows - r < TALL ? rows - r : TALL;
        for (size_t i = 0; i < count; i++) {
            if (!t->is_first)
                for (size_t j = 0; j < width; j++) sums[i][j] = t->out[r + i][column + j];
            if (t->residual)
                for (size_t j = 0; j < width; j++) more[i][j] = t->residual[r + i][column + j];
        }
        part.taps = t->taps + r;
        whole_tiles(&part, w, count, 0, width);
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < width; j++) t->out[r + i][column + j] = sums[i][j];
    }
}

void serin_conv_multiply_avx2(const struct serin_conv_tile *t, size_t rows) {
    for (size_t first = 0; first < t->columns; first += PANEL) {
        size_t width = t->columns - first < PANEL ? t->columns - first : PANEL;
        const float *w = t->weights + first / PANEL * t->panel_stride;
        if (width == 8 || width == PANEL)
            whole_tiles(t, w, rows, first, width);
        else
            ragged_tiles(t, w, rows, first, width);
    }
}
#endif
