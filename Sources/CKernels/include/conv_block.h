// SPDX-License-Identifier: Apache-2.0
// Three convolutions in one: a plain one that widens the image, one of each channel by itself, and one
// of single pixels that narrows it again (the inverted residual of MobileNetV2, Sandler et al. 2018).
#pragma once
#include "conv.h"

// Channels of the wide image that are worked on together; their number is a multiple of it.
#define SERIN_BLOCK_CHANNELS 16

// Of the outermost axis each has length 1, and images are 1. `expand` has one group and makes
// `depthwise.groups` channels, `project` takes each pixel of what `depthwise` makes by itself.
//
// Where `width` is not 0 the image comes as planes of lines of `width` numbers, and `expand` is over
// lines with a border: `left` pixels before what serin_border_planes_f32 makes of them.
struct serin_conv_block {
    struct serin_conv expand, depthwise, project;
    size_t width, left;
};

// What a call reads, by the convolution where there are three. Weights are packed as the functions for
// one convolution want them, but those of the depthwise one, which are
// channels / SERIN_BLOCK_CHANNELS x taps x SERIN_BLOCK_CHANNELS. Each bias, and residual, may be null.
struct serin_block_operands {
    const float *in;
    const float *weights[3], *bias[3];
    const float *residual;  // laid out as out
};

// The bytes of scratch that a call needs: of the wide image, only some lines exist at a time.
size_t serin_conv_block_scratch(const struct serin_conv_block *block);

// out = project(depthwise(expand(in))) + residual, each with its activation: the bits are those of one
// after the other. Scratch is aligned to 64 bytes.
void serin_conv_block_f32(
    const struct serin_conv_block *block, const struct serin_block_operands *operands, float *out,
    void *scratch);
