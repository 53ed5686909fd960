// SPDX-License-Identifier: Apache-2.0
// The matrix product of conv_avx512.c for rows that lie evenly: no pointer of a row is looked up, so
// that sums of few terms, which a net's narrow layers have, begin and end sooner.
#if defined(__x86_64__)
#include <immintrin.h>

#include "conv_internal.h"

#define TARGET __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")))
#define INLINE __attribute__((always_inline)) static inline
#define UNROLL _Pragma("clang loop unroll(full)")
#define TALL 14

// Hides that a vector is one number again and again: else it is loaded as half a vector and widened
// by an instruction that keeps a multiply-add from running.
#define KEEP_WHOLE(x) __asm__("" : "+v"(x))

// Where a tile's sums go: its first row at the column it begins with.
struct corner {
    size_t row;
    float *out;
    const float *residual, *bias;
    const float *w;
    ptrdiff_t ahead;  // from the tile's weights to those that are fetched while it runs
    __mmask16 last;   // which columns of its last vector are there
};

// `rows` pixels against `full` panels and, where `half`, the first eight columns of one more. The
// three are constants where it is called.
TARGET INLINE void tile(
    const struct serin_conv_tile *t, const struct corner *at, const int rows, const int full,
    const int half) {
    const ptrdiff_t stride = (ptrdiff_t)t->panel_stride, step = t->out_step, in_step = t->in_step;
    const __mmask16 masks[2] = {full > 1 || half ? 0xFFFF : at->last, at->last};
    const __mmask8 few = (__mmask8)at->last;
    float *out = at->out;
    const float *w = at->w, *residual = at->residual;
    __m512 sum[TALL][2], b[2];
    __m256 rest[TALL];
    if (t->is_first) {
        UNROLL for (int v = 0; v < full; v++)
            b[v] = at->bias ? _mm512_maskz_loadu_ps(masks[v], at->bias + 16 * v)
                            : _mm512_setzero_ps();
        const __m256 h = half && at->bias ? _mm256_maskz_loadu_ps(few, at->bias + 16 * full)
                                          : _mm256_setzero_ps();
        UNROLL for (int r = 0; r < rows; r++) {
            UNROLL for (int v = 0; v < full; v++) sum[r][v] = b[v];
            rest[r] = h;
        }
    } else {
        UNROLL for (int r = 0; r < rows; r++) {
            const float *from = out + r * step;
            UNROLL for (int v = 0; v < full; v++)
                sum[r][v] = _mm512_maskz_loadu_ps(masks[v], from + 16 * v);
            if (half) rest[r] = _mm256_maskz_loadu_ps(few, from + 16 * full);
        }
    }
    // Where the sums will go, and what is added to them then; in sums of few terms this costs more
    // than it brings.
    if (t->is_far)
        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int v = 0; v < full + half; v++)
                __builtin_prefetch(out + r * step + 16 * v, 0, 2);
    if (residual)
        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int v = 0; v < full + half; v++)
                __builtin_prefetch(residual + r * step + 16 * v, 0, 2);
    const ptrdiff_t from = (ptrdiff_t)at->row * in_step + (ptrdiff_t)t->offset;
    for (size_t tap = 0; tap < t->tap_count; tap++) {
        const float *a[TALL], *first = t->taps[tap * SERIN_CONV_ROWS] + from;
        UNROLL for (int r = 0; r < rows; r++) a[r] = first + r * in_step;
        for (size_t k = 0, depth = t->depth; k < depth; k++, w += 16) {
            UNROLL for (int v = 0; v < full + half; v++)
                __builtin_prefetch(w + at->ahead + v * stride, 0, 2);
            UNROLL for (int v = 0; v < full; v++) b[v] = _mm512_loadu_ps(w + v * stride);
            const __m256 h = half ? _mm256_loadu_ps(w + full * stride) : _mm256_setzero_ps();
            UNROLL for (int r = 0; r < rows; r++) {
                __m512 x = _mm512_set1_ps(a[r][k]);
                if (half) KEEP_WHOLE(x);
                UNROLL for (int v = 0; v < full; v++)
                    sum[r][v] = _mm512_fmadd_ps(x, b[v], sum[r][v]);
                if (half) rest[r] = _mm256_fmadd_ps(_mm512_castps512_ps256(x), h, rest[r]);
            }
        }
    }
    if (t->is_last && residual)
        UNROLL for (int r = 0; r < rows; r++) {
            const float *more = residual + r * step;
            UNROLL for (int v = 0; v < full; v++)
                sum[r][v] = _mm512_add_ps(
                    sum[r][v], _mm512_maskz_loadu_ps(masks[v], more + 16 * v));
            if (half)
                rest[r] = _mm256_add_ps(rest[r], _mm256_maskz_loadu_ps(few, more + 16 * full));
        }
    if (t->is_last && t->activation == SERIN_ACT_CLIP) {
        const __m512 low = _mm512_set1_ps(t->a), high = _mm512_set1_ps(t->b);
        UNROLL for (int r = 0; r < rows; r++) {
            UNROLL for (int v = 0; v < full; v++)
                sum[r][v] = _mm512_min_ps(high, _mm512_max_ps(low, sum[r][v]));
            if (half)
                rest[r] = _mm256_min_ps(
                    _mm512_castps512_ps256(high),
                    _mm256_max_ps(_mm512_castps512_ps256(low), rest[r]));
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        float *to = out + r * step;
        UNROLL for (int v = 0; v < full; v++) _mm512_mask_storeu_ps(to + 16 * v, masks[v], sum[r][v]);
        if (half) _mm256_mask_storeu_ps(to + 16 * full, few, rest[r]);
    }
}

#define TILE(ROWS, FULL, HALF)                                                                    \
    TARGET static void tile_##ROWS##_##FULL##_##HALF(                                             \
        const struct serin_conv_tile *t, const struct corner *at) {                               \
        tile(t, at, ROWS, FULL, HALF);                                                            \
    }
#define TILES(FULL, HALF)                                                                         \
    TILE(1, FULL, HALF) TILE(2, FULL, HALF) TILE(3, FULL, HALF) TILE(4, FULL, HALF)               \
    TILE(5, FULL, HALF) TILE(6, FULL, HALF) TILE(7, FULL, HALF) TILE(8, FULL, HALF)               \
    TILE(9, FULL, HALF) TILE(10, FULL, HALF) TILE(11, FULL, HALF) TILE(12, FULL, HALF)            \
    TILE(13, FULL, HALF) TILE(14, FULL, HALF)
TILES(2, 0) TILES(1, 1) TILES(1, 0) TILES(0, 1)

typedef void tile_function(const struct serin_conv_tile *, const struct corner *);
#define ROW(FULL, HALF)                                                                           \
    {                                                                                             \
        tile_1_##FULL##_##HALF, tile_2_##FULL##_##HALF, tile_3_##FULL##_##HALF,                   \
            tile_4_##FULL##_##HALF, tile_5_##FULL##_##HALF, tile_6_##FULL##_##HALF,               \
            tile_7_##FULL##_##HALF, tile_8_##FULL##_##HALF, tile_9_##FULL##_##HALF,               \
            tile_10_##FULL##_##HALF, tile_11_##FULL##_##HALF, tile_12_##FULL##_##HALF,            \
            tile_13_##FULL##_##HALF, tile_14_##FULL##_##HALF                                      \
    }
static tile_function *const tiles[4][TALL] = {ROW(2, 0), ROW(1, 1), ROW(1, 0), ROW(0, 1)};

// As many rows as fit, but no tile is left with few.
static size_t next_tile(size_t left) {
    if (left <= TALL) return left;
    return left < TALL + TALL / 2 ? (left + 1) / 2 : TALL;
}

// The dearer activations, on what was just stored.
TARGET static void activate_rows(
    const struct serin_conv_tile *t, float *out, size_t rows, size_t width) {
    const __m256 a = _mm256_set1_ps(t->a), b = _mm256_set1_ps(t->b);
    for (size_t r = 0; r < rows; r++, out += t->out_step)
        for (size_t j = 0; j < width; j += 8) {
            const size_t left = width - j;
            const __mmask8 there = left < 8 ? (__mmask8)((1u << left) - 1) : 0xFF;
            const __m256 x = _mm256_maskz_loadu_ps(there, out + j);
            _mm256_mask_storeu_ps(out + j, there, serin_activate8(t->activation, a, b, x));
        }
}

// `rows` rows from `row` on against the panels at `column`, of which there are `width` columns.
// While the first tile runs, the weights `ahead` of its own are fetched.
static void multiply_panels(
    const struct serin_conv_tile *t, size_t row, size_t rows, size_t column, size_t width,
    ptrdiff_t ahead) {
    const size_t ragged = width % 16 ? width % 16 : 16, place = t->column + column;
    const int form = width > 24 ? 0 : width > 16 ? 1 : width > 8 ? 2 : 3;
    struct corner at = {
        .row = row, .w = t->weights + column / 16 * t->panel_stride, .ahead = ahead,
        .bias = t->bias ? t->bias + column : NULL, .last = (__mmask16)((1u << ragged) - 1)};
    for (const size_t end = row + rows; at.row < end; at.ahead = 0) {
        const size_t count = next_tile(end - at.row);
        const ptrdiff_t shift = (ptrdiff_t)at.row * t->out_step + (ptrdiff_t)place;
        at.out = t->out[0] + shift;
        at.residual = t->residual ? t->residual[0] + shift : NULL;
        tiles[form][count - 1](t, &at);
        if (t->is_last && t->activation > SERIN_ACT_CLIP) activate_rows(t, at.out, count, width);
        at.row += count;
    }
}

void serin_conv_multiply_regular_avx512(const struct serin_conv_tile *t, size_t rows) {
    for (size_t r = 0, count; r < rows; r += count) {
        count = t->is_whole ? next_tile(rows - r) : rows;
        for (size_t first = 0; first < t->columns; first += 32) {
            const size_t width = t->columns - first < 32 ? t->columns - first : 32;
            ptrdiff_t ahead = (ptrdiff_t)(2 * t->panel_stride);
            if (first + 32 >= t->columns)
                ahead = (ptrdiff_t)(t->tap_count * t->depth * 16) -
                        (ptrdiff_t)(first / 16 * t->panel_stride);
            multiply_panels(t, r, count, first, width, count < rows ? 0 : ahead);
        }
    }
}
#endif
