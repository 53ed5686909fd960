// SPDX-License-Identifier: Apache-2.0
// Convolution of single-precision images whose channels lie side by side (NHWC).
#pragma once
#include <stddef.h>
#include <stdint.h>

// What happens to a sum before it is stored.
enum serin_activation {
    SERIN_ACT_NONE = 0,
    SERIN_ACT_CLIP = 1,          // min(max(x, a), b); Relu is a = 0, b = infinity
    SERIN_ACT_LEAKY = 2,         // x < 0 ? a x : x
    SERIN_ACT_HARD_SIGMOID = 3,  // min(max(a x + b, 0), 1)
    SERIN_ACT_HARD_SWISH = 4,    // x min(max(a x + b, 0), 1)
    SERIN_ACT_SIGMOID = 5,       // 1 / (1 + exp(-x))
    SERIN_ACT_SILU = 6,          // x / (1 + exp(-x))
};

// One spatial axis. Output j of the `outputs` that a call makes lies at `start + j * step` of an
// axis of `length_out`; tap t reads input `j * stride + first + t * tap_step` of `length_in`, or
// zero where that is outside. A plain convolution has start 0, step 1, first -pad and
// tap_step = dilation; a transposed one is a call for each remainder of the output by the stride.
struct serin_axis {
    ptrdiff_t length_in, length_out;
    ptrdiff_t outputs, start, step;
    ptrdiff_t taps, first, tap_step, stride;
};

struct serin_conv {
    size_t images;
    struct serin_axis axis[3];  // outermost first; axes that are not there have length 1
    size_t pixel;               // floats from one input pixel to the next
    size_t run;                 // floats that one tap reads, of one group
    size_t groups;
    size_t columns;             // output channels of one group
    enum serin_activation activation;
    float a, b;
};

// Output pixels that are worked on together, at most: whole tiles of the widest kernel.
#define SERIN_CONV_ROWS 112

// The floats that packed weights of one group take: panels of 16 columns, each taps x run x 16.
static inline size_t serin_conv_packed_count(size_t taps, size_t run, size_t columns) {
    return (columns + 15) / 16 * 16 * taps * run;
}

// Packs the weights of one group. Weight (column, channel, tap) is at
// w[column * column_stride + channel * channel_stride + tap0 * tap_stride[0] + ...]; the taps of
// axis i are counts[i], in the order of the axes. w holds floats at any alignment.
void serin_conv_pack_f32(
    const void *w, size_t columns, size_t channels, const ptrdiff_t counts[3],
    ptrdiff_t column_stride, ptrdiff_t channel_stride, const ptrdiff_t tap_stride[3],
    float *packed);

// The bytes of scratch that a call needs for `taps` taps in all, where pixel and groups x run are at
// most `widest`:
// pointers to what each tap of each pixel reads, to what it writes, and a pixel of zeros.
static inline size_t serin_conv_scratch(size_t taps, size_t widest) {
    return ((taps + 2) * SERIN_CONV_ROWS) * sizeof(void *) + (widest + 16) * sizeof(float);
}

// out = activation(conv(in) + bias + residual). `packed` holds the groups one after the other;
// bias (one for each output channel) and residual (laid out as out) may be null. Each output is one
// chain of multiply-adds that starts at the bias and goes through taps, and within a tap through
// channels, in rising order, whatever stands beside it.
void serin_conv_f32(
    const struct serin_conv *conv, const float *in, const float *packed, const float *bias,
    const float *residual, float *out, void *scratch);

// out[i][c][r] = in[i][r][c] for `count` matrices of rows x columns.
void serin_transpose_f32(
    const float *in, size_t count, size_t rows, size_t columns, float *out);

// A convolution with one channel a group: `columns` and `run` are 1, `groups` the channels, and the
// weights taps x channels. Taps outside the image are left out; else as serin_conv_f32.
void serin_depthwise_f32(
    const struct serin_conv *conv, const float *in, const float *weights, const float *bias,
    const float *residual, float *out);

enum serin_pool {
    SERIN_POOL_MAX = 0,
    SERIN_POOL_AVERAGE = 1,         // of the inputs under the window
    SERIN_POOL_AVERAGE_PADDED = 2,  // padding counts as zeros
};

// Pools `groups` channels: out = the largest or the mean under each window. `after` is the padding
// behind each axis, which only AVERAGE_PADDED needs.
void serin_pool_f32(
    const struct serin_conv *conv, enum serin_pool kind, const ptrdiff_t after[3], const float *in,
    float *out);

// out[i][c] = the mean of in[i][...][c] over `pixels` pixels.
void serin_mean_pixels_f32(
    const float *in, size_t images, size_t pixels, size_t channels, float *out);

// Puts channels side by side and zeros beside each line:
// out[l][left + x][c] = in[c * plane + l * width + x] for x < width, where a line of out has `padded`
// pixels.
void serin_border_planes_f32(
    const float *in, size_t plane, size_t channels, size_t lines, size_t width, size_t left,
    size_t padded, float *out);

// out[p][c] = activation(in[p][c] * factor[c] + shift[c]) for `pixels` pixels.
void serin_affine_f32(
    const float *in, size_t pixels, size_t channels, const float *factor, const float *shift,
    enum serin_activation activation, float a, float b, float *out);
