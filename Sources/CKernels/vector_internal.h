// SPDX-License-Identifier: Apache-2.0
// The forms of the vector functions, one for each level.
#pragma once
#include <stdint.h>

#include "vector_math.h"

#define SERIN_MAP_ARGUMENTS                                                                       \
    enum serin_function function, float alpha, float beta, size_t count, const float *x, float *y
void serin_map_f32_portable(SERIN_MAP_ARGUMENTS);
void serin_map_f32_avx2(SERIN_MAP_ARGUMENTS);
void serin_map_f32_avx512(SERIN_MAP_ARGUMENTS);

#define SERIN_SOFTMAX_ARGUMENTS                                                                   \
    size_t rows, size_t count, const float *input, size_t input_stride, float *output,            \
        size_t output_stride, int is_logarithm
void serin_softmax_f32_portable(SERIN_SOFTMAX_ARGUMENTS);
void serin_softmax_f32_avx2(SERIN_SOFTMAX_ARGUMENTS);
void serin_softmax_f32_avx512(SERIN_SOFTMAX_ARGUMENTS);

#define SERIN_NORMALIZE_ARGUMENTS                                                                 \
    size_t rows, size_t count, const float *input, float *output, const float *scale,             \
        const float *bias, float epsilon, int is_centered, float *means, float *inverses
void serin_normalize_f32_portable(SERIN_NORMALIZE_ARGUMENTS);
void serin_normalize_f32_avx2(SERIN_NORMALIZE_ARGUMENTS);
void serin_normalize_f32_avx512(SERIN_NORMALIZE_ARGUMENTS);

#define SERIN_SCALE_MASK_ARGUMENTS                                                                \
    size_t rows, size_t count, float *scores, float factor, int divides, const float *mask,       \
        size_t mask_row_stride, size_t mask_stride
void serin_scale_mask_f32_portable(SERIN_SCALE_MASK_ARGUMENTS);
void serin_scale_mask_f32_avx2(SERIN_SCALE_MASK_ARGUMENTS);
void serin_scale_mask_f32_avx512(SERIN_SCALE_MASK_ARGUMENTS);
