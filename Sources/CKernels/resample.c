// SPDX-License-Identifier: Apache-2.0
#include "resample.h"

#include "cpu.h"

#define INLINE static inline __attribute__((always_inline))

INLINE void lines(
    size_t lines, size_t length, size_t out_length, size_t taps, const int32_t *index,
    const float *weight, const float *in, float *restrict out) {
    for (size_t i = 0; i < lines; i++, in += length, out += out_length) {
        if (taps == 2) {
            for (size_t j = 0; j < out_length; j++)
                out[j] = weight[2 * j] * in[index[2 * j]] + weight[2 * j + 1] * in[index[2 * j + 1]];
            continue;
        }
        for (size_t j = 0; j < out_length; j++) {
            float sum = 0;
            for (size_t t = 0; t < taps; t++)
                sum += weight[j * taps + t] * in[index[j * taps + t]];
            out[j] = sum;
        }
    }
}

INLINE void blocks(
    size_t inner, size_t out_length, size_t taps, const int32_t *index, const float *weight,
    const float *in, float *restrict out) {
    for (size_t j = 0; j < out_length; j++, out += inner, index += taps, weight += taps) {
        const float *first = in + (size_t)index[0] * inner;
        float w = weight[0];
        if (taps == 2) {
            const float *second = in + (size_t)index[1] * inner;
            float v = weight[1];
            for (size_t k = 0; k < inner; k++) out[k] = w * first[k] + v * second[k];
            continue;
        }
        for (size_t k = 0; k < inner; k++) out[k] = w * first[k];
        for (size_t t = 1; t < taps; t++) {
            const float *line = in + (size_t)index[t] * inner;
            float v = weight[t];
            for (size_t k = 0; k < inner; k++) out[k] += v * line[k];
        }
    }
}

INLINE void pick(
    size_t lines, size_t length, size_t out_length, const int32_t *index, const uint32_t *in,
    uint32_t *restrict out) {
    for (size_t i = 0; i < lines; i++, in += length, out += out_length)
        for (size_t j = 0; j < out_length; j++) out[j] = in[index[j]];
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,fma")))

AVX2 static void lines_avx2(
    size_t count, size_t length, size_t out_length, size_t taps, const int32_t *index,
    const float *weight, const float *in, float *out) {
    lines(count, length, out_length, taps, index, weight, in, out);
}

AVX2 static void blocks_avx2(
    size_t inner, size_t out_length, size_t taps, const int32_t *index, const float *weight,
    const float *in, float *out) {
    blocks(inner, out_length, taps, index, weight, in, out);
}
#endif

void serin_resample_lines_f32(
    size_t count, size_t length, size_t out_length, size_t taps, const int32_t *index,
    const float *weight, const float *in, float *out) {
#if defined(__x86_64__)
    if (serin_cpu_level() >= SERIN_CPU_AVX2) {
        lines_avx2(count, length, out_length, taps, index, weight, in, out);
        return;
    }
#endif
    lines(count, length, out_length, taps, index, weight, in, out);
}

void serin_resample_blocks_f32(
    size_t inner, size_t out_length, size_t taps, const int32_t *index, const float *weight,
    const float *in, float *out) {
#if defined(__x86_64__)
    if (serin_cpu_level() >= SERIN_CPU_AVX2) {
        blocks_avx2(inner, out_length, taps, index, weight, in, out);
        return;
    }
#endif
    blocks(inner, out_length, taps, index, weight, in, out);
}

void serin_pick_lines_u32(
    size_t count, size_t length, size_t out_length, const int32_t *index, const uint32_t *in,
    uint32_t *out) {
    pick(count, length, out_length, index, in, out);
}
