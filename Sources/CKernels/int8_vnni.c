// SPDX-License-Identifier: Apache-2.0
// 8-bit products with AVX-512 and VNNI, which multiplies unsigned by signed numbers and adds four
// products at once, exactly: tiles of 14 rows x 2 panels, 28 sums in 32 registers.
//
// a is made unsigned by adding 128 to signed elements; what its zero point and that move add to the
// sums is taken off by the columns' sums.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "int8_internal.h"

#define VNNI __attribute__((target("avx512vnni,avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")))
#define UNROLL _Pragma("clang loop unroll(full)")
#define TALL 14

// Where a tile reads and stores.
struct quads {
    size_t count;         // quads of the depth
    const uint8_t *lines; // of a, as copied
    size_t line_bytes;    // from one to the next
    const int8_t *panels[4];
    const struct serin_int8_product *product;
    const uint32_t *zeros, *line_sums;  // of each row
    size_t row, rows, column;           // what of the product there is to store
};

// Takes the zero points off the sums of a row and a panel, and stores what exists of them.
VNNI static inline void store_quads(const struct quads *q, size_t r, size_t panel, __m512i sums) {
    const struct serin_int8_product *p = q->product;
    size_t first = q->column + panel * SERIN_INT8_PANEL;
    if (r >= q->rows || first >= p->columns) return;
    size_t left = p->columns - first;
    __mmask16 there = left < 16 ? (__mmask16)((1u << left) - 1) : 0xFFFF;
    if (q->zeros[r] != 0)
        sums = _mm512_sub_epi32(
            sums, _mm512_mullo_epi32(
                      _mm512_set1_epi32((int)q->zeros[r]),
                      _mm512_maskz_loadu_epi32(there, p->sums + first)));
    if (p->b_zeros) {
        __m512i zeros = p->b_zero_step ? _mm512_maskz_loadu_epi32(there, p->b_zeros + first)
                                       : _mm512_set1_epi32(p->b_zeros[0]);
        sums = _mm512_sub_epi32(
            sums, _mm512_mullo_epi32(_mm512_set1_epi32((int)q->line_sums[r]), zeros));
    }
    _mm512_mask_storeu_epi32(p->c + (q->row + r) * p->columns + first, there, sums);
}

#define TILE(ROWS, P)                                                                             \
    VNNI static void tile_##ROWS##_##P(const struct quads *q) {                                   \
        __m512i sums[ROWS][P], b[P];                                                              \
        const uint8_t *lines[ROWS];                                                               \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                   \
            lines[r] = q->lines + (size_t)r * q->line_bytes;                                      \
            UNROLL for (int v = 0; v < P; v++) sums[r][v] = _mm512_setzero_si512();               \
        }                                                                                         \
        /* Where the sums will go. */                                                             \
        const int32_t *c = q->product->c + q->row * q->product->columns + q->column;              \
        UNROLL for (int r = 0; r < ROWS; r++, c += q->product->columns)                           \
            UNROLL for (int v = 0; v < P; v++) __builtin_prefetch(c + v * 16, 0, 2);              \
        for (size_t k = 0; k < q->count; k++) {                                                   \
            UNROLL for (int v = 0; v < P; v++)                                                    \
                b[v] = _mm512_loadu_si512(q->panels[v] + k * 4 * SERIN_INT8_PANEL);               \
            UNROLL for (int r = 0; r < ROWS; r++) {                                               \
                int32_t quad;                                                                     \
                memcpy(&quad, lines[r] + 4 * k, sizeof quad);                                     \
                __m512i x = _mm512_set1_epi32(quad);                                              \
                UNROLL for (int v = 0; v < P; v++)                                                \
                    sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], x, b[v]);                        \
            }                                                                                     \
        }                                                                                         \
        UNROLL for (int r = 0; r < ROWS; r++)                                                     \
            UNROLL for (int v = 0; v < P; v++)                                                    \
                store_quads(q, (size_t)r, (size_t)v, sums[r][v]);                                 \
    }
TILE(1, 4) TILE(2, 4)
TILE(4, 2) TILE(6, 2) TILE(8, 2) TILE(10, 2) TILE(12, 2) TILE(14, 2)

typedef void tile_function(const struct quads *);
// By half the rows, rounded up; a tile of one row is chosen by itself.
static tile_function *const tiles[] = {0,        tile_2_4,  tile_4_2,  tile_6_2,
                                       tile_8_2, tile_10_2, tile_12_2, tile_14_2};

// Copies a line of a, as unsigned elements and filled up with zeros; gives the sum of what was copied.
VNNI static uint32_t copy_line(const struct serin_int8_product *p, size_t row, uint8_t *target) {
    const uint8_t *line = (const uint8_t *)p->a + row * p->depth;
    const __m512i flip = _mm512_set1_epi8(p->a_is_unsigned ? 0 : (char)0x80);
    __m512i sum = _mm512_setzero_si512();
    for (size_t k = 0; k < p->depth; k += 64) {
        size_t left = p->depth - k;
        __mmask64 there = left < 64 ? ((__mmask64)1 << left) - 1 : ~(__mmask64)0;
        __m512i x = _mm512_maskz_loadu_epi8(there, line + k);
        x = _mm512_maskz_mov_epi8(there, _mm512_xor_si512(x, flip));
        sum = _mm512_add_epi64(sum, _mm512_sad_epu8(x, _mm512_setzero_si512()));
        _mm512_storeu_si512(target + k, x);
    }
    return (uint32_t)_mm512_reduce_add_epi64(sum);
}

void serin_int8_multiply_vnni(const struct serin_int8_product *p, void *scratch) {
    size_t padded = (p->depth + 3) / 4 * 4, panel_bytes = padded * SERIN_INT8_PANEL;
    uint8_t *lines = (uint8_t *)(((uintptr_t)scratch + 63) / 64 * 64);
    uint32_t line_sums[SERIN_INT8_BLOCK], zeros[SERIN_INT8_BLOCK];
    struct quads q = {
        .count = padded / 4, .line_bytes = serin_int8_line(p->depth), .product = p};
    for (size_t top = 0; top < p->rows; top += SERIN_INT8_BLOCK) {
        size_t height = p->rows - top < SERIN_INT8_BLOCK ? p->rows - top : SERIN_INT8_BLOCK;
        for (size_t r = 0; r < height; r++) {
            int32_t zero = p->a_zeros ? p->a_zeros[(top + r) * p->a_zero_step] : 0;
            zeros[r] = (uint32_t)(zero + (p->a_is_unsigned ? 0 : 128));
            uint32_t sum = copy_line(p, top + r, lines + r * q.line_bytes);
            line_sums[r] = sum - (uint32_t)p->depth * zeros[r];
        }
        size_t panels = height <= 2 ? 4 : 2;
        for (size_t first = 0; first < p->columns; first += panels * SERIN_INT8_PANEL) {
            q.column = first;
            for (size_t v = 0; v < panels; v++) {
                size_t column = first + v * SERIN_INT8_PANEL;
                // Panels that are not there repeat the first and are not stored.
                q.panels[v] = p->packed + (column < p->columns ? column : first) /
                                              SERIN_INT8_PANEL * panel_bytes;
            }
            for (size_t r = 0; r < height; r += q.rows) {
                size_t left = height - r;
                q.rows = left <= TALL ? left : left < TALL + TALL / 2 ? (left + 1) / 2 : TALL;
                q.row = top + r;
                q.lines = lines + r * q.line_bytes;
                q.zeros = zeros + r;
                q.line_sums = line_sums + r;
                if (q.rows == 1 && panels == 4)
                    tile_1_4(&q);
                else
                    tiles[(q.rows + 1) / 2](&q);
            }
        }
    }
}
#endif
