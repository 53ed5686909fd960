// SPDX-License-Identifier: Apache-2.0
// 8-bit products with AVX-512 but no VNNI: pairs of 16-bit numbers as with AVX2. A panel is one vector
// of sums.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "int8_internal.h"

#define TARGET __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")))

TARGET static void pairs_tile(
    size_t rows, size_t pairs, const int16_t *lines, const int8_t *panel, int32_t *out) {
    __m512i sums[SERIN_INT8_ROWS];
    for (int r = 0; r < SERIN_INT8_ROWS; r++) sums[r] = _mm512_setzero_si512();
    for (size_t k = 0; k < pairs; k++) {
        __m512i b = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)panel));
        for (int r = 0; r < SERIN_INT8_ROWS; r++) {
            int32_t pair;
            memcpy(&pair, lines + 2 * r, sizeof pair);
            sums[r] = _mm512_add_epi32(sums[r], _mm512_madd_epi16(_mm512_set1_epi32(pair), b));
        }
        lines += 2 * SERIN_INT8_ROWS;
        panel += 2 * SERIN_INT8_PANEL;
    }
    for (size_t r = 0; r < rows; r++)
        _mm512_storeu_si512(out + r * SERIN_INT8_PANEL, sums[r]);
}

TARGET void serin_int8_multiply_avx512(const struct serin_int8_product *p, void *scratch) {
    size_t pairs = (p->depth + 1) / 2;
    int16_t *lines = (int16_t *)(((uintptr_t)scratch + 63) / 64 * 64);
    for (size_t top = 0; top < p->rows; top += SERIN_INT8_ROWS) {
        size_t rows = p->rows - top < SERIN_INT8_ROWS ? p->rows - top : SERIN_INT8_ROWS;
        int32_t line_sums[SERIN_INT8_ROWS];
        // Rows that are not there repeat the last one and are not stored.
        for (size_t r = 0; r < SERIN_INT8_ROWS; r++)
            line_sums[r] = serin_int8_widen(
                p, top + (r < rows ? r : rows - 1), 2 * SERIN_INT8_ROWS, lines + 2 * r);
        int32_t out[SERIN_INT8_ROWS * SERIN_INT8_PANEL];
        for (size_t first = 0; first < p->columns; first += SERIN_INT8_PANEL) {
            pairs_tile(rows, pairs, lines, p->packed + first * pairs * 2, out);
            for (size_t r = 0; r < rows; r++)
                serin_int8_store(p, top + r, first, out + r * SERIN_INT8_PANEL, line_sums[r]);
        }
    }
}
#endif
