// SPDX-License-Identifier: Apache-2.0
#include "svm.h"

#include <stdint.h>
#include <string.h>

#include "cpu.h"

#pragma STDC FP_CONTRACT OFF

// Loops over 8 lanes, which the compiler turns into vectors of the width of TARGET.
#define MACHINE(NAME, TARGET)                                                                    \
    TARGET static void distances_##NAME(                                                         \
        const double *vectors, size_t panels, size_t features, const double *x, double *sums) {  \
        for (size_t panel = 0; panel < panels; panel++, sums += 8) {                             \
            double sum[8] = {0};                                                                 \
            for (size_t feature = 0; feature < features; feature++, vectors += 8)                \
                for (int i = 0; i < 8; i++) {                                                    \
                    double difference = x[feature] - vectors[i];                                 \
                    sum[i] += difference * difference;                                           \
                }                                                                                \
            memcpy(sums, sum, sizeof sum);                                                       \
        }                                                                                        \
    }                                                                                            \
    TARGET static void products_##NAME(                                                          \
        const double *vectors, size_t panels, size_t features, const double *x, double *sums) {  \
        for (size_t panel = 0; panel < panels; panel++, sums += 8) {                             \
            double sum[8] = {0};                                                                 \
            for (size_t feature = 0; feature < features; feature++, vectors += 8)                \
                for (int i = 0; i < 8; i++) sum[i] += x[feature] * vectors[i];                   \
            memcpy(sums, sum, sizeof sum);                                                       \
        }                                                                                        \
    }                                                                                            \
    TARGET static void exp_##NAME(double scale, size_t count, double *values) {                  \
        for (size_t start = 0; start < count; start += 8)                                        \
            for (int i = 0; i < 8; i++) values[start + i] = exponential(scale * values[start + i]); \
    }

// x = n * ln 2 + r with |r| <= ln 2 / 2; the Taylor polynomial of degree 13 of exp r errs by less
// than 2^-57 there, and 2^n is put together from its bits.
__attribute__((always_inline)) static inline double exponential(double x) {
    const double shift = 0x1.8p52;
    double clamped = x < -708 ? -708 : x;
    clamped = clamped > 710 ? 710 : clamped;
    double shifted = clamped * 0x1.71547652b82fep0 + shift;
    double n = shifted - shift;
    double r = clamped - n * 0x1.62e42fee00000p-1;
    r = r - n * 0x1.a39ef35793c76p-33;
    double p = 1.0 / 6227020800;
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * (r * r) + r;
    p = p + 1;
    // The low bits of `shifted` are n; a factor of 2 apart, because 2^1024 is no number.
    uint64_t power;
    memcpy(&power, &shifted, sizeof power);
    power = (power << 52) + 0x3FE0000000000000u;
    double factor;
    memcpy(&factor, &power, sizeof factor);
    double y = p * factor * 2;
    y = x < -708 ? 0 : y;
    y = x > 709.782712893384 ? __builtin_inf() : y;
    return x == x ? y : x;
}

MACHINE(portable, )
#if defined(__x86_64__)
MACHINE(avx2, __attribute__((target("avx2"))))
#endif

#if defined(__x86_64__)
#define CHOOSE(CALL, ...)                                                                        \
    if (serin_cpu_level() >= SERIN_CPU_AVX2) CALL##_avx2(__VA_ARGS__);                           \
    else CALL##_portable(__VA_ARGS__)
#else
#define CHOOSE(CALL, ...) CALL##_portable(__VA_ARGS__)
#endif

void serin_svm_distances(
    const double *vectors, size_t panels, size_t features, const double *x, double *sums) {
    CHOOSE(distances, vectors, panels, features, x, sums);
}

void serin_svm_products(
    const double *vectors, size_t panels, size_t features, const double *x, double *sums) {
    CHOOSE(products, vectors, panels, features, x, sums);
}

void serin_svm_exp(double scale, size_t count, double *values) {
    CHOOSE(exp, scale, count, values);
}
