// SPDX-License-Identifier: Apache-2.0
// What a convolution does to a sum before it is stored: the portable form and the AVX2 form.
#pragma once
#include <math.h>

#include "conv.h"

static inline float serin_activate(enum serin_activation kind, float a, float b, float x) {
    switch (kind) {
    case SERIN_ACT_CLIP: return x < a ? a : x > b ? b : x;
    case SERIN_ACT_LEAKY: return x < 0 ? a * x : x;
    case SERIN_ACT_HARD_SIGMOID: return fminf(fmaxf(a * x + b, 0), 1);
    case SERIN_ACT_HARD_SWISH: return x * fminf(fmaxf(a * x + b, 0), 1);
    case SERIN_ACT_SIGMOID: return 1 / (1 + expf(-x));
    case SERIN_ACT_SILU: return x / (1 + expf(-x));
    default: return x;
    }
}

#if defined(__x86_64__)
#include <immintrin.h>
#define SERIN_AVX2 __attribute__((target("avx2,fma")))

// exp(x) by 2^n * p(r) with r in [-ln2/2, ln2/2] and a polynomial of degree six; within 2 ulp.
// The argument is kept where the result is a normal number; NaN stays NaN.
SERIN_AVX2 static inline __m256 serin_exp8(__m256 x) {
    // The second operand is what min and max give for NaN.
    x = _mm256_max_ps(_mm256_set1_ps(-87.3f), _mm256_min_ps(_mm256_set1_ps(88.3f), x));
    __m256 n = _mm256_round_ps(
        _mm256_mul_ps(x, _mm256_set1_ps(1.44269504088896341f)),
        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    __m256 p = _mm256_set1_ps(1.0f / 720);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1));
    __m256i e = _mm256_slli_epi32(
        _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(p, _mm256_castsi256_ps(e));
}

SERIN_AVX2 static inline __m256 serin_activate8(
    enum serin_activation kind, __m256 a, __m256 b, __m256 x) {
    const __m256 one = _mm256_set1_ps(1), zero = _mm256_setzero_ps();
    switch (kind) {
    case SERIN_ACT_CLIP: return _mm256_min_ps(b, _mm256_max_ps(a, x));
    case SERIN_ACT_LEAKY:
        return _mm256_blendv_ps(x, _mm256_mul_ps(a, x), _mm256_cmp_ps(x, zero, _CMP_LT_OQ));
    case SERIN_ACT_HARD_SIGMOID:
        return _mm256_min_ps(one, _mm256_max_ps(zero, _mm256_fmadd_ps(a, x, b)));
    case SERIN_ACT_HARD_SWISH:
        return _mm256_mul_ps(
            x, _mm256_min_ps(one, _mm256_max_ps(zero, _mm256_fmadd_ps(a, x, b))));
    case SERIN_ACT_SIGMOID:
        return _mm256_div_ps(one, _mm256_add_ps(one, serin_exp8(_mm256_sub_ps(zero, x))));
    case SERIN_ACT_SILU:
        return _mm256_div_ps(x, _mm256_add_ps(one, serin_exp8(_mm256_sub_ps(zero, x))));
    default: return x;
    }
}
#endif
