// SPDX-License-Identifier: Apache-2.0
// Counts the heap allocations of the calling thread, for tests that promise none.
#pragma once
#include <stdint.h>

// How often this thread has asked for heap memory; -1 where it cannot be counted (sanitizers).
int64_t malloc_count(void);
