// SPDX-License-Identifier: Apache-2.0
#include "recurrent.h"

#include "approximations.h"
#include "cpu.h"

SERIN_INLINE void lstm(
    size_t width, const float *input, const float *recurrent, float *restrict cell,
    float *restrict hidden) {
    for (size_t j = 0; j < width; j++) {
        float in = serin_sigmoid(input[j] + recurrent[j]);
        float out = serin_sigmoid(input[width + j] + recurrent[width + j]);
        float keep = serin_sigmoid(input[2 * width + j] + recurrent[2 * width + j]);
        float fresh = serin_tanh(input[3 * width + j] + recurrent[3 * width + j]);
        float state = keep * cell[j] + in * fresh;
        cell[j] = state;
        hidden[j] = out * serin_tanh(state);
    }
}

SERIN_INLINE void gru(
    size_t width, const float *input, const float *recurrent, float *restrict hidden) {
    for (size_t j = 0; j < width; j++) {
        float keep = serin_sigmoid(input[j] + recurrent[j]);
        float reset = serin_sigmoid(input[width + j] + recurrent[width + j]);
        float fresh = serin_tanh(input[2 * width + j] + reset * recurrent[2 * width + j]);
        hidden[j] = (1.0f - keep) * fresh + keep * hidden[j];
    }
}

SERIN_INLINE void rnn(
    size_t width, const float *input, const float *recurrent, float *restrict hidden) {
    for (size_t j = 0; j < width; j++) hidden[j] = serin_tanh(input[j] + recurrent[j]);
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,fma")))

AVX2 static void lstm_avx2(
    size_t width, const float *input, const float *recurrent, float *cell, float *hidden) {
    lstm(width, input, recurrent, cell, hidden);
}

AVX2 static void gru_avx2(
    size_t width, const float *input, const float *recurrent, float *hidden) {
    gru(width, input, recurrent, hidden);
}

AVX2 static void rnn_avx2(
    size_t width, const float *input, const float *recurrent, float *hidden) {
    rnn(width, input, recurrent, hidden);
}
#endif

void serin_lstm_step(
    size_t width, const float *input, const float *recurrent, float *cell, float *hidden) {
#if defined(__x86_64__)
    if (serin_cpu_level() >= SERIN_CPU_AVX2) {
        lstm_avx2(width, input, recurrent, cell, hidden);
        return;
    }
#endif
    lstm(width, input, recurrent, cell, hidden);
}

void serin_gru_step(size_t width, const float *input, const float *recurrent, float *hidden) {
#if defined(__x86_64__)
    if (serin_cpu_level() >= SERIN_CPU_AVX2) {
        gru_avx2(width, input, recurrent, hidden);
        return;
    }
#endif
    gru(width, input, recurrent, hidden);
}

void serin_rnn_step(size_t width, const float *input, const float *recurrent, float *hidden) {
#if defined(__x86_64__)
    if (serin_cpu_level() >= SERIN_CPU_AVX2) {
        rnn_avx2(width, input, recurrent, hidden);
        return;
    }
#endif
    rnn(width, input, recurrent, hidden);
}
