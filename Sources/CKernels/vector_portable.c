// SPDX-License-Identifier: Apache-2.0
// The vector functions one element at a time: the oracle of the fast forms; and the choice of form.
#include <string.h>

#include "vector_internal.h"

#define TARGET
#define NAME(x) portable_##x
#define MAP serin_map_f32_portable
#define SOFTMAX serin_softmax_f32_portable
#define NORMALIZE serin_normalize_f32_portable
#define SCALE_MASK serin_scale_mask_f32_portable
#define LANES 1
#define V float
#define VI int32_t
#define M int
#define LD(p) (*(p))
#define ST(p, x) (*(p) = (x))
#define SET(c) (c)
#define FMA __builtin_fmaf
#define ADD(a, b) ((a) + (b))
#define SUB(a, b) ((a) - (b))
#define MUL(a, b) ((a) * (b))
#define DIV(a, b) ((a) / (b))
#define ABS __builtin_fabsf
#define LT(a, b) ((a) < (b))
#define SEL(m, then, otherwise) ((m) ? (then) : (otherwise))
#define ISET(c) (c)
// Whole numbers wrap around, as they do in vectors.
#define IADD(a, b) ((int32_t)((uint32_t)(a) + (uint32_t)(b)))
#define ISUB(a, b) ((int32_t)((uint32_t)(a) - (uint32_t)(b)))
#define ISHL(a, n) ((int32_t)((uint32_t)(a) << (n)))
#define ISRA(a, n) ((a) >> (n))
#define BITS portable_bits
#define FLOAT portable_float

static inline int32_t portable_bits(float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static inline float portable_float(int32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#include "vector_math_lanes.h"
#include "vector_rows_lanes.h"

// Calls FORM##_portable, _avx2 or _avx512.
#if defined(__x86_64__)
#define CHOOSE(FORM, ...)                                                                         \
    if (level >= SERIN_CPU_AVX512)                                                                \
        FORM##_avx512(__VA_ARGS__);                                                               \
    else if (level >= SERIN_CPU_AVX2)                                                             \
        FORM##_avx2(__VA_ARGS__);                                                                 \
    else                                                                                          \
        FORM##_portable(__VA_ARGS__)
#else
#define CHOOSE(FORM, ...)                                                                         \
    (void)level;                                                                                  \
    FORM##_portable(__VA_ARGS__)
#endif

void serin_map_f32_at(enum serin_cpu level, SERIN_MAP_ARGUMENTS) {
    CHOOSE(serin_map_f32, function, alpha, beta, count, x, y);
}
void serin_map_f32(SERIN_MAP_ARGUMENTS) {
    serin_map_f32_at(serin_cpu_level(), function, alpha, beta, count, x, y);
}

void serin_softmax_f32_at(enum serin_cpu level, SERIN_SOFTMAX_ARGUMENTS) {
    CHOOSE(
        serin_softmax_f32, rows, count, input, input_stride, output, output_stride, is_logarithm);
}
void serin_softmax_f32(SERIN_SOFTMAX_ARGUMENTS) {
    serin_softmax_f32_at(
        serin_cpu_level(), rows, count, input, input_stride, output, output_stride, is_logarithm);
}

void serin_normalize_f32_at(enum serin_cpu level, SERIN_NORMALIZE_ARGUMENTS) {
    CHOOSE(
        serin_normalize_f32, rows, count, input, output, scale, bias, epsilon, is_centered, means,
        inverses);
}
void serin_normalize_f32(SERIN_NORMALIZE_ARGUMENTS) {
    serin_normalize_f32_at(
        serin_cpu_level(), rows, count, input, output, scale, bias, epsilon, is_centered, means,
        inverses);
}

void serin_scale_mask_f32(SERIN_SCALE_MASK_ARGUMENTS) {
    enum serin_cpu level = serin_cpu_level();
    CHOOSE(
        serin_scale_mask_f32, rows, count, scores, factor, divides, mask, mask_row_stride,
        mask_stride);
}
