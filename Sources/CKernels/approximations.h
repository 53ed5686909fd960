// SPDX-License-Identifier: Apache-2.0
// exp, tanh and the logistic function without branches or calls, so that a loop over them becomes
// vector code at whatever level the function around it is compiled for.
#pragma once
#include <stdint.h>
#include <string.h>

#define SERIN_INLINE static inline __attribute__((always_inline))

SERIN_INLINE float serin_float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

SERIN_INLINE uint32_t serin_bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// e^x within 2 units in the last place; what leaves the range of normal numbers is held at its
// ends (x from -87.3 to 88.3). x = n ln 2 + r with |r| <= ln 2 / 2, and a polynomial for e^r
// (coefficients as in Moshier, "Methods and Programs for Mathematical Functions", 1989).
SERIN_INLINE float serin_exp(float x) {
    x = x > 88.3f ? 88.3f : x;
    x = x < -87.3f ? -87.3f : x;
    // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the lowest bits.
    float shifted = x * 1.44269504f + 12582912.0f;
    float n = shifted - 12582912.0f;
    float r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return p * serin_float_of((serin_bits_of(shifted) + 127) << 23);
}

SERIN_INLINE float serin_sigmoid(float x) { return 1.0f / (1.0f + serin_exp(-x)); }

// By e^(2|x|), and near zero, where that cancels, by a polynomial in x^2 (Moshier, as above).
SERIN_INLINE float serin_tanh(float x) {
    float size = serin_float_of(serin_bits_of(x) & 0x7FFFFFFFu);
    float far = 1.0f - 2.0f / (1.0f + serin_exp(2.0f * size));
    far = serin_float_of(serin_bits_of(far) | (serin_bits_of(x) & 0x80000000u));
    float z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    float near = p * z * x + x;
    return size < 0.625f ? near : far;
}
