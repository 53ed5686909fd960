// SPDX-License-Identifier: Apache-2.0
// Plain loops that become vector code at whatever level they are compiled for: once for every
// processor, once for AVX2. The operations are the same, and so are the bits.
#include "int8_convert.h"

#include <string.h>

#include "cpu.h"

#define INLINE static inline __attribute__((always_inline))

// A number within 2^22 of zero, rounded to even by pushing its fraction out of the last place.
INLINE int32_t rounded(float x) {
    float shifted = x + 12582912.0f;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return bits - 0x4B400000;
}

// Held within the type before it is rounded: its ends are whole numbers, so the order is the same.
INLINE int32_t held(float x, int32_t zero, int32_t least, int32_t greatest) {
    float low = (float)(least - zero), high = (float)(greatest - zero);
    x = x < low ? low : x;
    x = x > high ? high : x;
    return rounded(x) + zero;
}

#define QUANTIZE(NAME, TYPE, LEAST, GREATEST)                                                     \
    INLINE void NAME##_body(size_t n, const float *x, float scale, int32_t zero, TYPE *y) {       \
        for (size_t i = 0; i < n; i++) y[i] = (TYPE)held(x[i] / scale, zero, LEAST, GREATEST);    \
    }                                                                                             \
    FORMS(NAME, (size_t n, const float *x, float scale, int32_t zero, TYPE *y),                   \
          (n, x, scale, zero, y))

#define DEQUANTIZE(NAME, TYPE)                                                                    \
    INLINE void NAME##_body(size_t n, const TYPE *x, float scale, int32_t zero, float *y) {       \
        for (size_t i = 0; i < n; i++) y[i] = (float)(x[i] - zero) * scale;                       \
    }                                                                                             \
    FORMS(NAME, (size_t n, const TYPE *x, float scale, int32_t zero, float *y),                   \
          (n, x, scale, zero, y))

#define REQUANTIZE(NAME, TYPE, LEAST, GREATEST)                                                   \
    INLINE void NAME##_body(                                                                      \
        size_t n, const int32_t *x, const float *factors, int32_t zero, TYPE *y) {                \
        for (size_t i = 0; i < n; i++)                                                            \
            y[i] = (TYPE)held((float)x[i] * factors[i], zero, LEAST, GREATEST);                   \
    }                                                                                             \
    FORMS(NAME, (size_t n, const int32_t *x, const float *factors, int32_t zero, TYPE *y),        \
          (n, x, factors, zero, y))

#if defined(__x86_64__)
#define FORMS(NAME, PARAMETERS, ARGUMENTS)                                                        \
    __attribute__((target("avx2"))) static void NAME##_avx2 PARAMETERS { NAME##_body ARGUMENTS; } \
    void NAME PARAMETERS {                                                                        \
        if (serin_cpu_level() >= SERIN_CPU_AVX2)                                                  \
            NAME##_avx2 ARGUMENTS;                                                                \
        else                                                                                      \
            NAME##_body ARGUMENTS;                                                                \
    }
#else
#define FORMS(NAME, PARAMETERS, ARGUMENTS)                                                        \
    void NAME PARAMETERS { NAME##_body ARGUMENTS; }
#endif

QUANTIZE(serin_quantize_u8, uint8_t, 0, 255)
QUANTIZE(serin_quantize_i8, int8_t, -128, 127)
DEQUANTIZE(serin_dequantize_u8, uint8_t)
DEQUANTIZE(serin_dequantize_i8, int8_t)
REQUANTIZE(serin_requantize_u8, uint8_t, 0, 255)
REQUANTIZE(serin_requantize_i8, int8_t, -128, 127)

// Eight of each at a time: minima and maxima do not depend on the order.
INLINE void serin_range_f32_body(size_t n, const float *x, float *least, float *greatest) {
    float low[8] = {0}, high[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++) {
            low[j] = x[i + j] < low[j] ? x[i + j] : low[j];
            high[j] = x[i + j] > high[j] ? x[i + j] : high[j];
        }
    for (; i < n; i++) {
        low[0] = x[i] < low[0] ? x[i] : low[0];
        high[0] = x[i] > high[0] ? x[i] : high[0];
    }
    for (int j = 1; j < 8; j++) {
        low[0] = low[j] < low[0] ? low[j] : low[0];
        high[0] = high[j] > high[0] ? high[j] : high[0];
    }
    *least = low[0];
    *greatest = high[0];
}
FORMS(serin_range_f32, (size_t n, const float *x, float *least, float *greatest),
      (n, x, least, greatest))
