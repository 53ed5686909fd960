// SPDX-License-Identifier: Apache-2.0
// What this processor can do, asked once; every kernel with a fast form chooses by it.
#pragma once

enum serin_cpu {
    SERIN_CPU_PORTABLE = 0,
    SERIN_CPU_AVX2 = 1,    // AVX2 and FMA
    SERIN_CPU_AVX512 = 2,  // AVX-512 F, BW, DQ and VL
    SERIN_CPU_VNNI = 3,    // AVX-512 with VNNI
};

// The level that kernels may use: what the processor has, unless a limit was set.
enum serin_cpu serin_cpu_level(void);

// Keeps kernels at or below `limit` from now on, so that tests can hold fast forms against the
// portable one. Not for use while a model runs.
void serin_cpu_limit(enum serin_cpu limit);
