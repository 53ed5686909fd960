// SPDX-License-Identifier: Apache-2.0
// The bytes that a sliding window reads, as a matrix of taps and places.
#pragma once
#include <stddef.h>
#include <stdint.h>

// One spatial axis: output o reads inputs o * stride - before + k * dilation.
struct serin_window_axis {
    ptrdiff_t input, output, kernel, stride, dilation, before;
};

// columns[tap][place] for `count` places of the output from `first` on, which stand side by side: the
// byte of `image`, [channels, x, y, z], that the tap reads there, or `padding` outside of it. Taps are
// counted as the weights of a convolution are: channel, x, y, z.
void serin_int8_columns(
    const struct serin_window_axis axes[3], size_t channels, const uint8_t *image, uint8_t padding,
    size_t first, size_t count, uint8_t *columns);
