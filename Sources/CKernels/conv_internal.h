// SPDX-License-Identifier: Apache-2.0
// What the forms of the convolution share.
#pragma once
#include <stdbool.h>

#include "conv.h"
#include "conv_activation.h"

// A part of the sums of up to SERIN_CONV_ROWS output pixels and all columns of a group: some taps
// and channels. There may be one row more than there are pixels, a copy of the last one, so that
// forms can take rows by twos.
struct serin_conv_tile {
    const float *const *taps;  // row r of tap t is taps[t * SERIN_CONV_ROWS + r]
    size_t tap_count;
    size_t offset;  // the first channel within a pixel
    size_t depth;   // channels of each tap
    const float *weights;  // of the first panel
    size_t panel_stride;   // floats from a panel to the next
    const float *bias;             // of the group, or null
    float *const *out;             // one for each row
    const float *const *residual;  // one for each row; null for none
    size_t column;                 // the group's first column within an output pixel
    size_t columns;
    // Rows that lie evenly: only the pointers of row 0 are there, and row r is so many floats behind.
    bool is_regular;
    ptrdiff_t in_step, out_step;
    bool is_far;  // what is written is not in the second cache, so that it pays to fetch it
    bool is_first, is_last;
    bool is_whole;  // the weights are few: the rows of a tile may go through all of them at once
    enum serin_activation activation;
    float a, b;
};

void serin_conv_multiply_avx2(const struct serin_conv_tile *t, size_t rows);
void serin_conv_multiply_avx512(const struct serin_conv_tile *t, size_t rows);
void serin_conv_multiply_regular_avx512(const struct serin_conv_tile *t, size_t rows);

// The taps of an axis that read inside the image.
struct serin_span {
    ptrdiff_t from, to;
};

// A stretch of output pixels of a depthwise convolution that share the taps they read.
struct serin_stretch {
    const struct serin_conv *conv;
    const float *in;  // what tap (0, 0, 0) of the first pixel would read
    const float *weights, *bias, *residual;
    float *out;
    struct serin_span x, y, z;
    ptrdiff_t step_x, step_y, step_z;  // floats from one tap to the next
    ptrdiff_t pixel;                   // floats from one output's input to the next one's
    size_t channels;
    bool is_large;  // images do not stay in the second cache, so that it pays to fetch them ahead
};

// Whether the next function takes lines of this convolution.
bool serin_depthwise_has_lines(const struct serin_conv *conv);

// Works on as many channels as fill vectors, for a whole line of outputs: `in` is what the first tap of
// the first output would read, `z` is not used. Gives the first channel that is left.
size_t serin_depthwise_line_avx512(const struct serin_stretch *s);
