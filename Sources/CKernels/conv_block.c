// SPDX-License-Identifier: Apache-2.0
// Works on a band of output lines at a time, from the first convolution to the last, so that the wide
// image between them stays in the caches. Within a band the channels of that image are taken 16 at a
// time: their lines are made, kept side by side, and read by the depthwise convolution at once. Lines
// that the next band reads again are moved to the front, not made again.
#include "conv_block.h"

#include <string.h>

#define WIDE SERIN_BLOCK_CHANNELS
// Floats of 16 channels' lines that a band has at most: about twice the first cache, which moves few
// lines twice and still reads most of them from there.
#define BAND_FLOATS 16000
// Floats of all lines of a band, those made of them too, so that they stay in the second cache.
#define ALL_FLOATS 130000

static ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

static const struct serin_axis single = {
    .length_in = 1, .length_out = 1, .outputs = 1, .step = 1, .taps = 1, .tap_step = 1, .stride = 1};

static size_t slices_of(const struct serin_conv_block *block) {
    return block->depthwise.groups / WIDE;
}

// Lines of the wide image that `outputs` lines of the depthwise convolution read.
static ptrdiff_t lines_read(const struct serin_axis *axis, ptrdiff_t outputs) {
    return (outputs - 1) * axis->stride + (axis->taps - 1) * axis->tap_step + 1;
}

// Output lines of a band: as many as fit, all bands alike.
static ptrdiff_t band_lines(const struct serin_conv_block *block) {
    const struct serin_axis *axis = &block->depthwise.axis[1];
    const ptrdiff_t line = axis[1].length_in * WIDE, made = axis[1].outputs * WIDE;
    const ptrdiff_t slices = (ptrdiff_t)slices_of(block);
    ptrdiff_t most = 1;
    for (; most < axis->outputs; most++) {
        const ptrdiff_t floats = lines_read(axis, most + 1) * line;
        if (floats > BAND_FLOATS || slices * (floats + (most + 1) * made) > ALL_FLOATS) break;
    }
    const ptrdiff_t bands = (axis->outputs + most - 1) / most;
    return bands ? (axis->outputs + bands - 1) / bands : 0;
}

static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

static size_t taps_of(const struct serin_conv *conv) {
    return (size_t)(conv->axis[0].taps * conv->axis[1].taps * conv->axis[2].taps);
}

// Scratch of the calls for one convolution.
static size_t inner_scratch(const struct serin_conv_block *block) {
    const struct serin_conv *e = &block->expand;
    const size_t first = serin_conv_scratch(taps_of(e), e->run > e->pixel ? e->run : e->pixel);
    const size_t last = serin_conv_scratch(slices_of(block), WIDE);
    return aligned(first > last ? first : last);
}

// Floats that the lines of one slice take.
static size_t slice_floats(const struct serin_conv_block *block) {
    const struct serin_axis *axis = block->depthwise.axis;
    return (size_t)(lines_read(&axis[1], band_lines(block)) * axis[2].length_in) * WIDE;
}

// Floats of one slice of what the depthwise convolution makes of a band.
static size_t made_floats(const struct serin_conv_block *block) {
    return (size_t)(band_lines(block) * block->depthwise.axis[2].outputs) * WIDE;
}

// Lines of the image that `lines` lines of the wide one read, at most.
static ptrdiff_t bordered_lines(const struct serin_conv_block *block, ptrdiff_t lines) {
    return least(lines_read(&block->expand.axis[1], lines), block->expand.axis[1].length_in);
}

// Floats of the image's lines with a border that a band reads.
static size_t border_floats(const struct serin_conv_block *block) {
    const struct serin_conv *e = &block->expand;
    const ptrdiff_t wide = lines_read(&block->depthwise.axis[1], band_lines(block));
    if (block->width == 0) return 0;
    return (size_t)(bordered_lines(block, wide) * e->axis[2].length_in) * e->pixel;
}

size_t serin_conv_block_scratch(const struct serin_conv_block *block) {
    const size_t floats = slice_floats(block) + made_floats(block);
    return inner_scratch(block) + aligned(slices_of(block) * floats * sizeof(float)) +
           aligned(border_floats(block) * sizeof(float));
}

// The convolution that makes lines from..<to of the wide image, over those lines of the image alone that
// it reads; gives the first of them.
static ptrdiff_t cut(struct serin_conv *call, ptrdiff_t from, ptrdiff_t to) {
    struct serin_axis *y = &call->axis[1];
    const ptrdiff_t at = from * y->stride + y->first, above = at > 0 ? least(at, y->length_in) : 0;
    y->first = at - above;
    y->length_in -= above;
    // Without the lines behind the last one, single pixels are one long line.
    const ptrdiff_t read = y->first + lines_read(y, to - from);
    y->length_in = read < 0 ? 0 : least(y->length_in, read);
    y->outputs = y->length_out = to - from;
    return above;
}

// The image from line `above` on, as `call` reads it; with a border where it comes as planes.
static const float *image(
    const struct serin_conv_block *block, const struct serin_conv *call, const float *in,
    ptrdiff_t above, float *bordered) {
    const size_t lines = (size_t)call->axis[1].length_in, padded = (size_t)call->axis[2].length_in;
    if (block->width == 0) return in + (size_t)above * padded * call->pixel;
    serin_border_planes_f32(
        in + (size_t)above * block->width, (size_t)block->expand.axis[1].length_in * block->width,
        call->pixel, lines, block->width, block->left, padded, bordered);
    return bordered;
}

void serin_conv_block_f32(
    const struct serin_conv_block *block, const struct serin_block_operands *operands, float *out,
    void *scratch) {
    const struct serin_axis *y = &block->depthwise.axis[1], *z = &block->depthwise.axis[2];
    const size_t slices = slices_of(block), slice = slice_floats(block);
    const size_t made = made_floats(block);
    const size_t narrow = block->project.columns;
    const size_t weights_e = taps_of(&block->expand) * block->expand.run * WIDE;
    const size_t weights_d = taps_of(&block->depthwise) * WIDE;
    const ptrdiff_t most = band_lines(block), line = z->length_in * WIDE;
    float *wide = (float *)((char *)scratch + inner_scratch(block)), *sums = wide + slices * slice;
    float *bordered = sums + aligned(slices * made * sizeof(float)) / sizeof(float);
    struct serin_conv e = block->expand, d = block->depthwise, p = block->project;
    e.columns = d.groups = d.pixel = WIDE;
    // The slices lie one behind the other, as taps do.
    p.pixel = p.run = WIDE;
    p.axis[0] = p.axis[1] = p.axis[2] = single;
    p.axis[0].length_in = p.axis[0].taps = (ptrdiff_t)slices;
    p.axis[2].length_in = most * z->outputs;
    ptrdiff_t first = 0, end = 0;  // the lines of the wide image that are there
    for (ptrdiff_t j = 0, count; j < y->outputs; j += count) {
        count = least(most, y->outputs - j);
        ptrdiff_t top = j * y->stride + y->first, bottom = top + lines_read(y, count);
        top = top < 0 ? 0 : least(top, y->length_in);
        bottom = bottom < top ? top : least(bottom, y->length_in);
        const ptrdiff_t kept = end > top ? end - top : 0;
        struct serin_conv band = e;
        const float *in = NULL;
        if (bottom > top + kept) {
            const ptrdiff_t above = cut(&band, top + kept, bottom);
            in = image(block, &band, operands->in, above, bordered);
        }
        for (size_t i = 0; i < slices; i++) {
            float *lines = wide + i * slice;
            if (kept > 0 && top > first)
                memmove(
                    lines, lines + (top - first) * line, (size_t)(kept * line) * sizeof(float));
            if (in)
                serin_conv_f32(
                    &band, in, operands->weights[0] + i * weights_e,
                    operands->bias[0] ? operands->bias[0] + i * WIDE : NULL, NULL,
                    lines + kept * line, scratch);
            d.axis[1].first = j * y->stride + y->first - top;
            d.axis[1].length_in = bottom - top;
            d.axis[1].outputs = d.axis[1].length_out = count;
            serin_depthwise_f32(
                &d, lines, operands->weights[1] + i * weights_d,
                operands->bias[1] ? operands->bias[1] + i * WIDE : NULL, NULL, sums + i * made);
        }
        first = top, end = bottom;
        const size_t done = (size_t)(j * z->outputs) * narrow;
        p.axis[2].outputs = p.axis[2].length_out = count * z->outputs;
        serin_conv_f32(
            &p, sums, operands->weights[2], operands->bias[2],
            operands->residual ? operands->residual + done : NULL, out + done, scratch);
    }
}
