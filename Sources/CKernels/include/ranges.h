// SPDX-License-Identifier: Apache-2.0
// Whether numbers are within a range, at any alignment: what a tensor that is read in place has to be.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Both ends included; a NaN is in no range.
bool serin_within_f32(const void *values, ptrdiff_t count, float least, float most);
bool serin_within_f64(const void *values, ptrdiff_t count, double least, double most);
bool serin_within_i32(const void *values, ptrdiff_t count, int32_t least, int32_t most);
bool serin_within_i64(const void *values, ptrdiff_t count, int64_t least, int64_t most);
