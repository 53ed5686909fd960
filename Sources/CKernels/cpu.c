// SPDX-License-Identifier: Apache-2.0
#include "cpu.h"

#include <stdatomic.h>

static enum serin_cpu detected(void) {
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return SERIN_CPU_PORTABLE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
        return SERIN_CPU_AVX2;
    return __builtin_cpu_supports("avx512vnni") ? SERIN_CPU_VNNI : SERIN_CPU_AVX512;
#else
    return SERIN_CPU_PORTABLE;
#endif
}

// One more than the level, so that zero means not asked yet.
static atomic_int chosen;

enum serin_cpu serin_cpu_level(void) {
    int level = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (level == 0) {
        level = (int)detected() + 1;
        atomic_store_explicit(&chosen, level, memory_order_relaxed);
    }
    return (enum serin_cpu)(level - 1);
}

void serin_cpu_limit(enum serin_cpu limit) {
    enum serin_cpu most = detected();
    atomic_store_explicit(&chosen, (int)(limit < most ? limit : most) + 1, memory_order_relaxed);
}
