// SPDX-License-Identifier: Apache-2.0
// Functions of single-precision lines, a vector at a time.
#pragma once
#include <stddef.h>

#include "cpu.h"

// y = f(x); alpha and beta are parameters of some functions.
//
// A NaN gives a NaN, infinities give limits. Greatest errors, in units of the last place of the
// exact value, are stated where a function is not exact; the test in VectorMathTests holds them.
enum serin_function {
    SERIN_IDENTITY = 0,
    SERIN_RELU,       // max(x, 0)
    SERIN_CLIP,       // alpha <= x <= beta
    SERIN_LEAKY,      // x < 0 ? alpha * x : x
    SERIN_HARD_SIGMOID,  // 0 <= alpha * x + beta <= 1
    SERIN_HARD_SWISH,    // x * (0 <= x / 6 + 0.5 <= 1)
    SERIN_EXP,
    SERIN_LOG,
    SERIN_TANH,
    SERIN_ERF,
    SERIN_SIGMOID,
    SERIN_SWISH,      // x * sigmoid(alpha * x)
    SERIN_GELU,       // x * P(normal variable < x)
    SERIN_GELU_TANH,  // 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
};

// Applies `function` to `count` elements; x and y may be the same.
//
// An element's bits depend on nothing but its value: not on its place, the count or the level.
void serin_map_f32(
    enum serin_function function, float alpha, float beta, size_t count, const float *x, float *y);

// The same at a level of the caller's choice, which the processor has to have; for tests.
void serin_map_f32_at(
    enum serin_cpu level, enum serin_function function, float alpha, float beta, size_t count,
    const float *x, float *y);

// Softmax of `rows` lines of `count` elements, or its logarithm; input and output may be the same.
void serin_softmax_f32(
    size_t rows, size_t count, const float *input, size_t input_stride, float *output,
    size_t output_stride, int is_logarithm);
void serin_softmax_f32_at(
    enum serin_cpu level, size_t rows, size_t count, const float *input, size_t input_stride,
    float *output, size_t output_stride, int is_logarithm);

// (x - mean) / sqrt(variance + epsilon) * scale + bias of each line; bias may be null. Where not
// centered, the mean is taken as 0. `means` and `inverses` (the factor), one a line, may be null.
void serin_normalize_f32(
    size_t rows, size_t count, const float *input, float *output, const float *scale,
    const float *bias, float epsilon, int is_centered, float *means, float *inverses);
void serin_normalize_f32_at(
    enum serin_cpu level, size_t rows, size_t count, const float *input, float *output,
    const float *scale, const float *bias, float epsilon, int is_centered, float *means,
    float *inverses);

// scores = scores * factor (or / factor where it divides) + mask, in place, of `rows` lines of
// `count`; mask may be null, and its strides may be 0 where it is stretched.
void serin_scale_mask_f32(
    size_t rows, size_t count, float *scores, float factor, int divides, const float *mask,
    size_t mask_row_stride, size_t mask_stride);
