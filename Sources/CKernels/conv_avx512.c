// SPDX-License-Identifier: Apache-2.0
// The indirect GEMM with AVX-512: tiles of up to 14 pixels x 32 columns, 28 sums in 32 registers.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "conv_internal.h"

#define TARGET __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")))
#define UNROLL _Pragma("clang loop unroll(full)")
#define TALL 14

// The dearer activations, on what was just stored.
TARGET static void activate_rows(
    const struct serin_conv_tile *t, size_t row, size_t rows, size_t column, size_t width) {
    __m256 a = _mm256_set1_ps(t->a), b = _mm256_set1_ps(t->b);
    for (size_t r = row; r < row + rows; r++) {
        float *to = t->out[r] + t->column + column;
        for (size_t j = 0; j < width; j += 8) {
            size_t left = width - j;
            __mmask8 there = left < 8 ? (__mmask8)((1u << left) - 1) : 0xFF;
            __m256 x = _mm256_maskz_loadu_ps(there, to + j);
            _mm256_mask_storeu_ps(to + j, there, serin_activate8(t->activation, a, b, x));
        }
    }
}

// Hides that a vector is one number again and again: else it is loaded as half a vector and widened
// by an instruction that keeps a multiply-add from running.
#define KEEP_WHOLE(x) __asm__("" : "+v"(x))

// ROWS pixels against FULL panels and, where HALF, the first eight columns of one more, which costs
// half of a whole one. `last` says which columns of the last of these are there.
#define TILE(ROWS, FULL, HALF)                                                                    \
    TARGET static void tile_##ROWS##_##FULL##_##HALF(                                             \
        const struct serin_conv_tile *t, const float *w, ptrdiff_t ahead, size_t row,             \
        size_t column, __mmask16 last) {                                                          \
        __m512 sum[ROWS][FULL + 1], b[FULL + 1];                                                  \
        __m256 rest[ROWS];                                                                        \
        const size_t stride = t->panel_stride;                                                    \
        const __mmask16 masks[2] = {FULL > 1 || HALF ? 0xFFFF : last, last};                      \
        const __mmask8 few = (__mmask8)last;                                                      \
        if (t->is_first) {                                                                        \
            UNROLL for (int v = 0; v < FULL; v++) b[v] =                                          \
                t->bias ? _mm512_maskz_loadu_ps(masks[v], t->bias + column + 16 * v)              \
                        : _mm512_setzero_ps();                                                    \
            __m256 h = HALF && t->bias                                                            \
                           ? _mm256_maskz_loadu_ps(few, t->bias + column + 16 * FULL)             \
                           : _mm256_setzero_ps();                                                 \
            UNROLL for (int r = 0; r < ROWS; r++) {                                               \
                UNROLL for (int v = 0; v < FULL; v++) sum[r][v] = b[v];                           \
                rest[r] = h;                                                                      \
            }                                                                                     \
        } else {                                                                                  \
            UNROLL for (int r = 0; r < ROWS; r++) {                                               \
                const float *from = t->out[row + r] + t->column + column;                         \
                UNROLL for (int v = 0; v < FULL; v++) sum[r][v] =                                 \
                    _mm512_maskz_loadu_ps(masks[v], from + 16 * v);                               \
                if (HALF) rest[r] = _mm256_maskz_loadu_ps(few, from + 16 * FULL);                 \
            }                                                                                     \
        }                                                                                         \
        /* Where the sums will go, and what is added to them then. */                             \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                   \
            const size_t place = t->column + column;                                              \
            UNROLL for (int v = 0; v < FULL + HALF; v++) {                                        \
                __builtin_prefetch(t->out[row + r] + place + 16 * v, 0, 2);                       \
                if (t->residual) __builtin_prefetch(t->residual[row + r] + place + 16 * v, 0, 2); \
            }                                                                                     \
        }                                                                                         \
        const float *const *entry = t->taps + row;                                                \
        for (size_t tap = 0; tap < t->tap_count; tap++, entry += SERIN_CONV_ROWS) {               \
            const size_t below = row + ROWS < SERIN_CONV_ROWS ? row + ROWS : row;                 \
            const float *a[ROWS], *later = t->taps[below];                                        \
            UNROLL for (int r = 0; r < ROWS; r++) a[r] = entry[r] + t->offset;                    \
            for (size_t k = 0, depth = t->depth; k < depth; k++, w += 16) {                       \
                __builtin_prefetch(later + 16 * k, 0, 3);                                         \
                UNROLL for (int v = 0; v < FULL + HALF; v++)                                      \
                    __builtin_prefetch(w + ahead + (ptrdiff_t)((size_t)v * stride), 0, 2);        \
                UNROLL for (int v = 0; v < FULL; v++) b[v] =                                      \
                    _mm512_loadu_ps(w + (size_t)v * stride);                                      \
                __m256 h = HALF ? _mm256_loadu_ps(w + FULL * stride) : _mm256_setzero_ps();       \
                UNROLL for (int r = 0; r < ROWS; r++) {                                           \
                    __m512 x = _mm512_set1_ps(a[r][k]);                                           \
                    if (HALF) KEEP_WHOLE(x);                                                      \
                    UNROLL for (int v = 0; v < FULL; v++) sum[r][v] =                             \
                        _mm512_fmadd_ps(x, b[v], sum[r][v]);                                      \
                    if (HALF) rest[r] = _mm256_fmadd_ps(_mm512_castps512_ps256(x), h, rest[r]);   \
                }                                                                                 \
            }                                                                                     \
        }                                                                                         \
        if (t->is_last && t->residual) {                                                          \
            UNROLL for (int r = 0; r < ROWS; r++) {                                               \
                const float *more = t->residual[row + r] + t->column + column;                    \
                UNROLL for (int v = 0; v < FULL; v++) sum[r][v] =                                 \
                    _mm512_add_ps(sum[r][v], _mm512_maskz_loadu_ps(masks[v], more + 16 * v));     \
                if (HALF)                                                                         \
                    rest[r] = _mm256_add_ps(                                                      \
                        rest[r], _mm256_maskz_loadu_ps(few, more + 16 * FULL));                   \
            }                                                                                     \
        }                                                                                         \
        if (t->is_last && t->activation == SERIN_ACT_CLIP) {                                      \
            __m512 low = _mm512_set1_ps(t->a), high = _mm512_set1_ps(t->b);                       \
            UNROLL for (int r = 0; r < ROWS; r++) {                                               \
                UNROLL for (int v = 0; v < FULL; v++) sum[r][v] =                                 \
                    _mm512_min_ps(high, _mm512_max_ps(low, sum[r][v]));                           \
                if (HALF)                                                                         \
                    rest[r] = _mm256_min_ps(                                                      \
                        _mm512_castps512_ps256(high),                                             \
                        _mm256_max_ps(_mm512_castps512_ps256(low), rest[r]));                     \
            }                                                                                     \
        }                                                                                         \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                   \
            float *to = t->out[row + r] + t->column + column;                                     \
            UNROLL for (int v = 0; v < FULL; v++)                                                 \
                _mm512_mask_storeu_ps(to + 16 * v, masks[v], sum[r][v]);                          \
            if (HALF) _mm256_mask_storeu_ps(to + 16 * FULL, few, rest[r]);                        \
        }                                                                                         \
    }

#define TILES(FULL, HALF)                                                                         \
    TILE(2, FULL, HALF) TILE(4, FULL, HALF) TILE(6, FULL, HALF) TILE(8, FULL, HALF)               \
    TILE(10, FULL, HALF) TILE(12, FULL, HALF) TILE(14, FULL, HALF)
TILES(2, 0) TILES(1, 1) TILES(1, 0) TILES(0, 1)

typedef void tile_function(
    const struct serin_conv_tile *, const float *, ptrdiff_t, size_t, size_t, __mmask16);
#define ROW(FULL, HALF)                                                                           \
    {                                                                                             \
        tile_2_##FULL##_##HALF, tile_4_##FULL##_##HALF, tile_6_##FULL##_##HALF,                   \
            tile_8_##FULL##_##HALF, tile_10_##FULL##_##HALF, tile_12_##FULL##_##HALF,             \
            tile_14_##FULL##_##HALF                                                               \
    }
static tile_function *const tiles[4][TALL / 2] = {ROW(2, 0), ROW(1, 1), ROW(1, 0), ROW(0, 1)};

// How many rows the next tile takes: as many as fit, but no tile is left with few; an even number.
static size_t next_tile(size_t left) {
    size_t count = left <= TALL ? left : left < TALL + TALL / 2 ? (left + 1) / 2 : TALL;
    return count + count % 2;
}

// `rows` rows from `row` on against the panels at `column`, of which there are `width` columns.
// While the first tile runs, the weights `ahead` of its own are fetched.
static void multiply_panels(
    const struct serin_conv_tile *t, size_t row, size_t rows, size_t column, size_t width,
    ptrdiff_t ahead) {
    size_t ragged = width % 16 ? width % 16 : 16;
    __mmask16 last = (__mmask16)((1u << ragged) - 1);
    int form = width > 24 ? 0 : width > 16 ? 1 : width > 8 ? 2 : 3;
    const float *w = t->weights + column / 16 * t->panel_stride;
    for (size_t r = row; r < row + rows; ahead = 0) {
        size_t count = next_tile(row + rows - r);
        tiles[form][count / 2 - 1](t, w, ahead, r, column, last);
        r += count;
    }
    if (t->is_last && t->activation > SERIN_ACT_CLIP) activate_rows(t, row, rows, column, width);
}

TARGET void serin_conv_multiply_avx512(const struct serin_conv_tile *t, size_t rows) {
    size_t high = t->is_whole ? TALL : rows;
    for (size_t r = 0; r < rows;) {
        size_t count = high < rows ? next_tile(rows - r) : rows;
        if (count > rows - r) count = rows - r;
        for (size_t first = 0; first < t->columns; first += 32) {
            size_t width = t->columns - first < 32 ? t->columns - first : 32;
            ptrdiff_t ahead = (ptrdiff_t)(2 * t->panel_stride);
            if (first + 32 >= t->columns)
                ahead = (ptrdiff_t)(t->tap_count * t->depth * 16) -
                        (ptrdiff_t)(first / 16 * t->panel_stride);
            if (high < rows) ahead = 0;
            multiply_panels(t, r, count, first, width, ahead);
        }
        r += count;
    }
}
#endif
