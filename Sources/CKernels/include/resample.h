// SPDX-License-Identifier: Apache-2.0
// Resampling along one axis: each output is a weighted sum of a few inputs. Output j reads the
// inputs index[j * taps + t] with weight[j * taps + t].
#pragma once
#include <stddef.h>
#include <stdint.h>

// The last axis of `lines` lines of `length` inputs.
void serin_resample_lines_f32(
    size_t lines, size_t length, size_t out_length, size_t taps, const int32_t *index,
    const float *weight, const float *in, float *out);

// An axis with `inner` elements behind it: whole lines are summed.
void serin_resample_blocks_f32(
    size_t inner, size_t out_length, size_t taps, const int32_t *index, const float *weight,
    const float *in, float *out);

// The last axis again, of elements that are only copied.
void serin_pick_lines_u32(
    size_t lines, size_t length, size_t out_length, const int32_t *index, const uint32_t *in,
    uint32_t *out);
