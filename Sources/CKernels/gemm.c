// SPDX-License-Identifier: Apache-2.0
// The portable matrix product, and the choice between the forms.
#include "gemm_internal.h"

// The plain order, and the oracle of the fast forms.
static void gemm_portable(SERIN_GEMM_ARGUMENTS) {
    for (size_t first = 0; first < columns; first += SERIN_PANEL) {
        size_t width = columns - first < SERIN_PANEL ? columns - first : SERIN_PANEL;
        const float *panel = packed + first * depth;
        for (size_t i = 0; i < rows; i++) {
            float sums[SERIN_PANEL] = {0};
            const float *line = a + (ptrdiff_t)i * row_stride;
            for (size_t k = 0; k < depth; k++) {
                float x = line[(ptrdiff_t)k * depth_stride];
                for (size_t j = 0; j < SERIN_PANEL; j++)
                    sums[j] = __builtin_fmaf(x, panel[k * SERIN_PANEL + j], sums[j]);
            }
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

void serin_gemm_f32_at(
    enum serin_cpu level, size_t rows, size_t columns, size_t depth, const float *a,
    ptrdiff_t a_row_stride, ptrdiff_t a_depth_stride, const float *packed,
    const struct serin_epilogue *epilogue, float *c, size_t c_stride) {
    static const struct serin_epilogue none = {0};
    const struct serin_epilogue *e = epilogue ? epilogue : &none;
    (void)level;  // Other processors have one form.
#if defined(__x86_64__)
    if (level >= SERIN_CPU_AVX512) {
        serin_gemm_f32_avx512(
            rows, columns, depth, a, a_row_stride, a_depth_stride, packed, e, c, c_stride);
        return;
    }
    if (level >= SERIN_CPU_AVX2) {
        serin_gemm_f32_avx2(
            rows, columns, depth, a, a_row_stride, a_depth_stride, packed, e, c, c_stride);
        return;
    }
#endif
    gemm_portable(rows, columns, depth, a, a_row_stride, a_depth_stride, packed, e, c, c_stride);
}

void serin_gemm_f32(
    size_t rows, size_t columns, size_t depth, const float *a, ptrdiff_t a_row_stride,
    ptrdiff_t a_depth_stride, const float *packed, const struct serin_epilogue *epilogue, float *c,
    size_t c_stride) {
    serin_gemm_f32_at(
        serin_cpu_level(), rows, columns, depth, a, a_row_stride, a_depth_stride, packed, epilogue,
        c, c_stride);
}
