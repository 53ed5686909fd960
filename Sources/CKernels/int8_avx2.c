// SPDX-License-Identifier: Apache-2.0
// 8-bit products with AVX2: both sides are widened to 16 bits and multiplied in pairs (vpmaddwd),
// because the instruction for 8-bit pairs (vpmaddubsw) saturates.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "int8_internal.h"

#define TARGET __attribute__((target("avx2,fma")))

// `rows` lines of a, their pairs side by side in `lines`, against P panels.
#define TILE(ROWS, P)                                                                             \
    TARGET static void tile_##ROWS##x##P(                                                         \
        size_t pairs, const int16_t *lines, const int8_t *panel, size_t panel_stride,             \
        int32_t *out) {                                                                           \
        __m256i sums[ROWS][2 * P];                                                                \
        for (int r = 0; r < ROWS; r++)                                                            \
            for (int v = 0; v < 2 * P; v++) sums[r][v] = _mm256_setzero_si256();                  \
        for (size_t k = pairs; k > 0; k--) {                                                      \
            __m256i b[2 * P];                                                                     \
            for (int v = 0; v < 2 * P; v++)                                                       \
                b[v] = _mm256_cvtepi8_epi16(_mm_loadu_si128(                                      \
                    (const __m128i *)(panel + (size_t)(v / 2) * panel_stride + v % 2 * 16)));     \
            for (int r = 0; r < ROWS; r++) {                                                      \
                int32_t pair;                                                                     \
                memcpy(&pair, lines + 2 * r, sizeof pair);                                        \
                __m256i x = _mm256_set1_epi32(pair);                                              \
                for (int v = 0; v < 2 * P; v++)                                                   \
                    sums[r][v] = _mm256_add_epi32(sums[r][v], _mm256_madd_epi16(x, b[v]));        \
            }                                                                                     \
            lines += 2 * ROWS;                                                                    \
            panel += 2 * SERIN_INT8_PANEL;                                                        \
        }                                                                                         \
        for (int r = 0; r < ROWS; r++)                                                            \
            for (int v = 0; v < 2 * P; v++)                                                       \
                _mm256_storeu_si256((__m256i *)(out + r * 16 * P + 8 * v), sums[r][v]);           \
    }
TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1)
TILE(1, 4) TILE(2, 2)

typedef void tile_function(size_t, const int16_t *, const int8_t *, size_t, int32_t *);

void serin_int8_multiply_avx2(const struct serin_int8_product *p, void *scratch) {
    static tile_function *const tiles[] = {tile_1x1, tile_2x1, tile_3x1,
                                           tile_4x1, tile_5x1, tile_6x1};
    size_t pairs = (p->depth + 1) / 2;
    size_t panel_bytes = pairs * 2 * SERIN_INT8_PANEL;
    int16_t *lines = (int16_t *)(((uintptr_t)scratch + 63) / 64 * 64);
    for (size_t top = 0; top < p->rows;) {
        size_t rows = p->rows - top;
        if (rows > SERIN_INT8_ROWS) rows = rows < 9 ? (rows + 1) / 2 : SERIN_INT8_ROWS;
        int32_t line_sums[SERIN_INT8_ROWS];
        for (size_t r = 0; r < rows; r++)
            line_sums[r] = serin_int8_widen(p, top + r, 2 * rows, lines + 2 * r);
        int32_t out[8 * SERIN_INT8_PANEL];
        for (size_t first = 0; first < p->columns;) {
            // Few rows take several panels at once: enough chains to hide the latency of each.
            size_t most = rows == 1 ? 4 : rows == 2 ? 2 : 1;
            size_t panels = first + most * SERIN_INT8_PANEL <= p->columns ? most : 1;
            const int8_t *panel = p->packed + first / SERIN_INT8_PANEL * panel_bytes;
            if (panels == 4)
                tile_1x4(pairs, lines, panel, panel_bytes, out);
            else if (panels == 2)
                tile_2x2(pairs, lines, panel, panel_bytes, out);
            else
                tiles[rows - 1](pairs, lines, panel, panel_bytes, out);
            for (size_t r = 0; r < rows; r++)
                for (size_t q = 0; q < panels; q++)
                    serin_int8_store(
                        p, top + r, first + q * SERIN_INT8_PANEL,
                        out + (r * panels + q) * SERIN_INT8_PANEL, line_sums[r]);
            first += panels * SERIN_INT8_PANEL;
        }
        top += rows;
    }
}
#endif
