// SPDX-License-Identifier: Apache-2.0
#include "CKernels.h"

void serin_pack_f32(
    const float *b, size_t depth, size_t columns, ptrdiff_t row_stride, ptrdiff_t column_stride,
    float scale, float *packed) {
    for (size_t first = 0; first < columns; first += SERIN_PANEL) {
        size_t width = columns - first < SERIN_PANEL ? columns - first : SERIN_PANEL;
        for (size_t k = 0; k < depth; k++) {
            const float *source =
                b + (ptrdiff_t)k * row_stride + (ptrdiff_t)first * column_stride;
            size_t j = 0;
            for (; j < width; j++) packed[j] = source[(ptrdiff_t)j * column_stride] * scale;
            for (; j < SERIN_PANEL; j++) packed[j] = 0;
            packed += SERIN_PANEL;
        }
    }
}

static void store(
    const float *sums, const float *bias, float *c, size_t width) {
    for (size_t j = 0; j < width; j++) c[j] = bias ? sums[j] + bias[j] : sums[j];
}

static void gemm_portable(
    size_t rows, size_t columns, size_t depth, const float *a, size_t a_stride,
    const float *packed, const float *bias, float *c, size_t c_stride) {
    for (size_t first = 0; first < columns; first += SERIN_PANEL) {
        size_t width = columns - first < SERIN_PANEL ? columns - first : SERIN_PANEL;
        const float *panel = packed + first * depth;
        for (size_t i = 0; i < rows; i++) {
            float sums[SERIN_PANEL] = {0};
            const float *line = a + i * a_stride;
            for (size_t k = 0; k < depth; k++) {
                float x = line[k];
                for (size_t j = 0; j < SERIN_PANEL; j++) sums[j] += x * panel[k * SERIN_PANEL + j];
            }
            store(sums, bias ? bias + first : NULL, c + i * c_stride + first, width);
        }
    }
}

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,fma")))

// ROWS rows against one panel.
#define BLOCK(ROWS)                                                                              \
    AVX2 static void block_##ROWS(                                                               \
        size_t depth, const float *a, size_t a_stride, const float *panel, const float *bias,    \
        float *c, size_t c_stride, size_t width) {                                               \
        __m256 low[ROWS], high[ROWS];                                                            \
        for (int r = 0; r < ROWS; r++) low[r] = high[r] = _mm256_setzero_ps();                   \
        for (size_t k = 0; k < depth; k++) {                                                     \
            __m256 b0 = _mm256_loadu_ps(panel + k * SERIN_PANEL);                                \
            __m256 b1 = _mm256_loadu_ps(panel + k * SERIN_PANEL + 8);                            \
            for (int r = 0; r < ROWS; r++) {                                                     \
                __m256 x = _mm256_broadcast_ss(a + r * a_stride + k);                            \
                low[r] = _mm256_fmadd_ps(x, b0, low[r]);                                         \
                high[r] = _mm256_fmadd_ps(x, b1, high[r]);                                       \
            }                                                                                    \
        }                                                                                        \
        for (int r = 0; r < ROWS; r++) {                                                         \
            float sums[SERIN_PANEL];                                                             \
            _mm256_storeu_ps(sums, low[r]);                                                      \
            _mm256_storeu_ps(sums + 8, high[r]);                                                 \
            store(sums, bias, c + r * c_stride, width);                                          \
        }                                                                                        \
    }
BLOCK(1)
BLOCK(2)
BLOCK(4)
BLOCK(6)

// One row against four panels at once: enough chains to hide the latency of each.
AVX2 static void row_wide(
    size_t depth, const float *a, const float *panel, const float *bias, float *c) {
    __m256 sums[8];
    for (int i = 0; i < 8; i++) sums[i] = _mm256_setzero_ps();
    for (size_t k = 0; k < depth; k++) {
        __m256 x = _mm256_broadcast_ss(a + k);
        for (int i = 0; i < 8; i++) {
            const float *b = panel + (size_t)(i / 2) * SERIN_PANEL * depth + k * SERIN_PANEL;
            sums[i] = _mm256_fmadd_ps(x, _mm256_loadu_ps(b + i % 2 * 8), sums[i]);
        }
    }
    for (int i = 0; i < 8; i++) {
        __m256 sum = sums[i];
        if (bias) sum = _mm256_add_ps(sum, _mm256_loadu_ps(bias + 8 * i));
        _mm256_storeu_ps(c + 8 * i, sum);
    }
}

AVX2 static void gemm_avx2(
    size_t rows, size_t columns, size_t depth, const float *a, size_t a_stride,
    const float *packed, const float *bias, float *c, size_t c_stride) {
    size_t first = 0;
    if (rows == 1) {
        for (; first + 4 * SERIN_PANEL <= columns; first += 4 * SERIN_PANEL)
            row_wide(depth, a, packed + first * depth, bias ? bias + first : NULL, c + first);
    }
    for (; first < columns; first += SERIN_PANEL) {
        size_t width = columns - first < SERIN_PANEL ? columns - first : SERIN_PANEL;
        const float *panel = packed + first * depth;
        const float *shift = bias ? bias + first : NULL;
        size_t i = 0;
        for (; i + 6 <= rows; i += 6)
            block_6(depth, a + i * a_stride, a_stride, panel, shift, c + i * c_stride + first, c_stride, width);
        for (; i + 4 <= rows; i += 4)
            block_4(depth, a + i * a_stride, a_stride, panel, shift, c + i * c_stride + first, c_stride, width);
        for (; i + 2 <= rows; i += 2)
            block_2(depth, a + i * a_stride, a_stride, panel, shift, c + i * c_stride + first, c_stride, width);
        for (; i < rows; i++)
            block_1(depth, a + i * a_stride, a_stride, panel, shift, c + i * c_stride + first, c_stride, width);
    }
}
#endif

void serin_gemm_f32(
    size_t rows, size_t columns, size_t depth, const float *a, size_t a_stride,
    const float *packed, const float *bias, float *c, size_t c_stride) {
#if defined(__x86_64__)
    if (serin_cpu_level() >= SERIN_CPU_AVX2) {
        gemm_avx2(rows, columns, depth, a, a_stride, packed, bias, c, c_stride);
        return;
    }
#endif
    gemm_portable(rows, columns, depth, a, a_stride, packed, bias, c, c_stride);
}
