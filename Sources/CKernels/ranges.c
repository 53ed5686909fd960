// SPDX-License-Identifier: Apache-2.0
#include "ranges.h"

#include <string.h>

#include "cpu.h"

// A block is looked at to its end, so that the compiler makes vectors of it, and most tensors are good.
#define BLOCK 1024

#define WITHIN(NAME, TYPE, COUNTED, ATTRIBUTE)                                                      \
    ATTRIBUTE static bool NAME(const char *values, ptrdiff_t count, TYPE least, TYPE most) {        \
        for (ptrdiff_t start = 0; start < count; start += BLOCK) {                                 \
            ptrdiff_t end = count - start < BLOCK ? count - start : BLOCK;                         \
            const char *block = values + start * (ptrdiff_t)sizeof(TYPE);                          \
            COUNTED good = 0;                                                                      \
            for (ptrdiff_t index = 0; index < end; index++) {                                      \
                TYPE value;                                                                        \
                memcpy(&value, block + index * (ptrdiff_t)sizeof(TYPE), sizeof value);             \
                good += (COUNTED)((value >= least) & (value <= most));                             \
            }                                                                                      \
            if (good != (COUNTED)end) return false;                                                \
        }                                                                                          \
        return true;                                                                               \
    }

#if defined(__x86_64__)
#define CHOICE(SUFFIX, TYPE, COUNTED)                                                               \
    WITHIN(portable_##SUFFIX, TYPE, COUNTED, )                                                     \
    WITHIN(avx2_##SUFFIX, TYPE, COUNTED, __attribute__((target("avx2"))))                          \
    bool serin_within_##SUFFIX(const void *values, ptrdiff_t count, TYPE least, TYPE most) {        \
        if (serin_cpu_level() == SERIN_CPU_PORTABLE)                                               \
            return portable_##SUFFIX(values, count, least, most);                                  \
        return avx2_##SUFFIX(values, count, least, most);                                          \
    }
#else
#define CHOICE(SUFFIX, TYPE, COUNTED)                                                               \
    WITHIN(portable_##SUFFIX, TYPE, COUNTED, )                                                     \
    bool serin_within_##SUFFIX(const void *values, ptrdiff_t count, TYPE least, TYPE most) {        \
        return portable_##SUFFIX(values, count, least, most);                                      \
    }
#endif

CHOICE(f32, float, int32_t)
CHOICE(f64, double, int64_t)
CHOICE(i32, int32_t, int32_t)
CHOICE(i64, int64_t, int64_t)
