// SPDX-License-Identifier: Apache-2.0
// The indirect GEMM (Dukhan, "The Indirect Convolution Algorithm", 2019): output pixels are the rows
// of a matrix product whose left side is never built; each tap of each pixel is a pointer to the
// channels it reads, and a tap outside the image points at zeros.
#include "conv.h"

#include <string.h>

#include "conv_internal.h"
#include "cpu.h"
#include "gemm.h"

#define PANEL 16
// Rows of the largest tile; a multiple of the smaller ones', but for the last in a block.
#define TILE_ROWS 14
// Terms of the sums that are worked on before going to the next panel.
#define DEPTH 384
// Weights that stay in the second cache, so that a tile can go through all of them at once.
#define WHOLE_BYTES 200000
// Floats of an image or a result that are more than the second cache keeps.
#define FAR_FLOATS 150000
// Columns of a group for which lines are copied: fewer do not earn the copy.
#define LEAST_COPIED 64

void serin_conv_pack_f32(
    const void *w, size_t columns, size_t channels, const ptrdiff_t counts[3],
    ptrdiff_t column_stride, ptrdiff_t channel_stride, const ptrdiff_t tap_stride[3],
    float *packed) {
    // A single column has another form there.
    if (counts[0] * counts[1] * counts[2] == 1 && columns > 1) {
        serin_pack_f32(w, channels, columns, channel_stride, column_stride, 1, packed);
        return;
    }
    for (size_t first = 0; first < columns; first += PANEL) {
        size_t width = columns - first < PANEL ? columns - first : PANEL;
        for (ptrdiff_t x = 0; x < counts[0]; x++)
            for (ptrdiff_t y = 0; y < counts[1]; y++)
                for (ptrdiff_t z = 0; z < counts[2]; z++) {
                    const char *tap = (const char *)w +
                                      4 * ((ptrdiff_t)first * column_stride + x * tap_stride[0] +
                                           y * tap_stride[1] + z * tap_stride[2]);
                    for (size_t c = 0; c < channels; c++, packed += PANEL) {
                        size_t j = 0;
                        for (; j < width; j++)
                            memcpy(packed + j,
                                   tap + 4 * ((ptrdiff_t)j * column_stride +
                                              (ptrdiff_t)c * channel_stride),
                                   4);
                        for (; j < PANEL; j++) packed[j] = 0;
                    }
                }
    }
}

static void multiply_portable(const struct serin_conv_tile *t, size_t rows) {
    for (size_t first = 0; first < t->columns; first += PANEL) {
        size_t width = t->columns - first < PANEL ? t->columns - first : PANEL;
        for (size_t r = 0; r < rows; r++) {
            float sums[PANEL] = {0};
            float *target = t->out[r] + t->column + first;
            for (size_t j = 0; j < width; j++)
                sums[j] = !t->is_first ? target[j] : t->bias ? t->bias[first + j] : 0;
            const float *w = t->weights + first / PANEL * t->panel_stride;
            for (size_t tap = 0; tap < t->tap_count; tap++) {
                const float *a = t->taps[tap * SERIN_CONV_ROWS + r] + t->offset;
                for (size_t k = 0; k < t->depth; k++, w += PANEL)
                    for (size_t j = 0; j < PANEL; j++) sums[j] += a[k] * w[j];
            }
            for (size_t j = 0; j < width; j++) {
                float x = sums[j];
                if (t->is_last) {
                    if (t->residual) x += t->residual[r][t->column + first + j];
                    x = serin_activate(t->activation, t->a, t->b, x);
                }
                target[j] = x;
            }
        }
    }
}

static void multiply_stretch(const struct serin_conv_tile *t, size_t rows) {
#if defined(__x86_64__)
    enum serin_cpu level = serin_cpu_level();
    if (level >= SERIN_CPU_AVX512) {
        (t->is_regular ? serin_conv_multiply_regular_avx512 : serin_conv_multiply_avx512)(t, rows);
        return;
    }
    if (level >= SERIN_CPU_AVX2) {
        serin_conv_multiply_avx2(t, rows);
        return;
    }
#endif
    multiply_portable(t, rows);
}

// Whether what the rows of a tile read lies in few places of the first cache, which repeat every 4096
// bytes, so that more than eight rows drive each other out.
static bool collides(const struct serin_conv *conv) {
    size_t apart = conv->pixel * (size_t)conv->axis[2].stride % 1024;
    return apart < 16 || apart > 1024 - 16;
}

// One tap's channels of the rows, copied to lines that lie side by side, and multiplied.
__attribute__((noinline)) static void multiply_copied(const struct serin_conv_tile *t, size_t rows) {
    enum { STRIDE = DEPTH + 16 };
    _Alignas(64) float lines[SERIN_CONV_ROWS * STRIDE];
    const float *pointers[SERIN_CONV_ROWS] = {0};  // a tile looks at the one behind it
    for (size_t r = 0; r < rows + (t->is_regular ? 0 : rows % 2); r++) {
        const float *from = t->is_regular ? t->taps[0] + (ptrdiff_t)r * t->in_step : t->taps[r];
        memcpy(lines + r * STRIDE, from + t->offset, t->depth * sizeof(float));
        pointers[r] = lines + r * STRIDE;
    }
    struct serin_conv_tile copied = *t;
    copied.taps = pointers;
    copied.in_step = STRIDE;
    copied.offset = 0;
    multiply_stretch(&copied, rows);
}

// The rows of `t` against all weights of its group, the sums worked on some terms at a time.
static void multiply(
    const struct serin_conv *conv, struct serin_conv_tile *t, size_t rows, size_t taps,
    const float *packed) {
    size_t run = conv->run;
    bool is_wide = serin_cpu_level() >= SERIN_CPU_AVX512;
    bool copies = is_wide && run >= DEPTH && t->columns >= LEAST_COPIED && collides(conv);
    // Either all at once, or whole taps together, or a part of one tap's channels.
    size_t count = serin_conv_packed_count(taps, run, t->columns);
    bool is_whole = is_wide && !copies && count * sizeof(float) <= WHOLE_BYTES;
    size_t parts = run > DEPTH && !is_whole ? (run + DEPTH - 1) / DEPTH : 1;
    size_t part = (run + parts - 1) / parts;
    size_t together = is_whole ? taps : run == 0 || run >= DEPTH ? 1 : DEPTH / run;
    size_t offset = t->offset;
    const float *const *pointers = t->taps;
    size_t tap = 0, channel = 0;
    t->panel_stride = taps * run * PANEL;
    t->is_whole = is_whole;
    do {
        size_t tap_count = taps - tap < together ? taps - tap : together;
        size_t depth = run - channel < part ? run - channel : part;
        t->taps = pointers + tap * SERIN_CONV_ROWS;
        t->tap_count = tap_count;
        t->offset = offset + channel;
        t->depth = depth;
        t->weights = packed + (tap * run + channel) * PANEL;
        t->is_first = tap == 0 && channel == 0;
        t->is_last = tap + tap_count >= taps && (channel + depth >= run || taps == 0);
        if (copies)
            multiply_copied(t, rows);
        else
            multiply_stretch(t, rows);
        channel += depth;
        if (channel >= run) channel = 0, tap += tap_count;
    } while (tap < taps);
    t->taps = pointers;
    t->offset = offset;
}

// The outputs of an axis, from..<to, whose tap `tap` reads inside the image.
static void outputs_inside(
    const struct serin_axis *axis, ptrdiff_t tap, ptrdiff_t *from, ptrdiff_t *to) {
    ptrdiff_t at = axis->first + tap * axis->tap_step, room = axis->length_in - at;
    *from = at >= 0 ? 0 : axis->stride == 1 ? -at : (-at + axis->stride - 1) / axis->stride;
    *to = room <= 0 ? 0 : axis->stride == 1 ? room : (room + axis->stride - 1) / axis->stride;
}

// Where output `output` reads by tap `tap` on an axis; negative outside.
static inline ptrdiff_t place(const struct serin_axis *axis, ptrdiff_t output, ptrdiff_t tap) {
    ptrdiff_t at = output * axis->stride + axis->first + tap * axis->tap_step;
    return at < axis->length_in ? at : -1;
}

// What each tap reads of the outputs k..<end of line (i, j) of an image; `entry` is that of the first
// tap and output.
static void point_line(
    const struct serin_conv *conv, const float *image, const float *zeros, ptrdiff_t i, ptrdiff_t j,
    ptrdiff_t k, ptrdiff_t end, const float **entry) {
    const struct serin_axis *x = &conv->axis[0], *y = &conv->axis[1], *z = &conv->axis[2];
    ptrdiff_t pixel = (ptrdiff_t)conv->pixel, step = z->stride * pixel;
    for (ptrdiff_t u = 0; u < x->taps; u++) {
        ptrdiff_t px = place(x, i, u);
        for (ptrdiff_t v = 0; v < y->taps; v++) {
            ptrdiff_t py = px < 0 ? -1 : place(y, j, v);
            ptrdiff_t line = (px * y->length_in + py) * z->length_in + z->first;
            for (ptrdiff_t w = 0; w < z->taps; w++, entry += SERIN_CONV_ROWS) {
                ptrdiff_t from = 0, to = 0, q = k;
                if (py >= 0) outputs_inside(z, w, &from, &to);
                if (to > end) to = end;
                for (; q < end && q < from; q++) entry[q - k] = zeros;
                ptrdiff_t at = (line + w * z->tap_step) * pixel + q * step;
                for (; q < to; q++, at += step) entry[q - k] = image + at;
                for (; q < end; q++) entry[q - k] = zeros;
            }
        }
    }
}

// Whether all taps of the `rows` outputs from k on of line (i, j) read inside the image.
static bool is_inside(
    const struct serin_conv *conv, ptrdiff_t i, ptrdiff_t j, ptrdiff_t k, size_t rows) {
    const struct serin_axis *axis = conv->axis;
    ptrdiff_t first[3] = {i, j, k}, last[3] = {i, j, k + (ptrdiff_t)rows - 1};
    for (int a = 0; a < 3; a++)
        if (axis[a].taps < 1 || place(&axis[a], first[a], 0) < 0 ||
            place(&axis[a], first[a], axis[a].taps - 1) < 0 || place(&axis[a], last[a], 0) < 0 ||
            place(&axis[a], last[a], axis[a].taps - 1) < 0)
            return false;
    return true;
}

// A convolution that takes each pixel by itself, all pixels seen as one line.
static struct serin_conv flattened(const struct serin_conv *conv) {
    struct serin_conv flat = *conv;
    ptrdiff_t length = (ptrdiff_t)conv->images;
    for (int i = 0; i < 3; i++) {
        const struct serin_axis *axis = &conv->axis[i];
        if (axis->taps != 1 || axis->first != 0 || axis->stride != 1 || axis->start != 0 ||
            axis->step != 1 || axis->outputs != axis->length_in ||
            axis->outputs != axis->length_out)
            return *conv;
        length *= axis->outputs;
        flat.axis[i].length_in = flat.axis[i].length_out = flat.axis[i].outputs = 1;
    }
    flat.images = length > 0;
    flat.axis[2].length_in = flat.axis[2].length_out = flat.axis[2].outputs = length;
    return flat;
}

void serin_conv_f32(
    const struct serin_conv *given, const float *in, const float *packed, const float *bias,
    const float *residual, float *out, void *scratch) {
    struct serin_conv flat = flattened(given);
    const struct serin_conv *conv = &flat;
    const struct serin_axis *x = &conv->axis[0], *y = &conv->axis[1], *z = &conv->axis[2];
    size_t taps = (size_t)(x->taps * y->taps * z->taps);
    size_t out_pixel = conv->groups * conv->columns;
    size_t in_image = (size_t)(x->length_in * y->length_in * z->length_in) * conv->pixel;
    size_t out_image = (size_t)(x->length_out * y->length_out * z->length_out) * out_pixel;
    const float **pointers = scratch;
    float **targets = (float **)(pointers + taps * SERIN_CONV_ROWS);
    const float **more = (const float **)(targets + SERIN_CONV_ROWS);
    float *zeros = (float *)(more + SERIN_CONV_ROWS);
    size_t width = conv->groups * conv->run;
    memset(zeros, 0, (width > conv->pixel ? width : conv->pixel) * sizeof(float));
    size_t pixels = (size_t)(x->outputs * y->outputs * z->outputs);
    size_t all = conv->images * pixels;
    size_t packed_count = serin_conv_packed_count(taps, conv->run, conv->columns);
    // Equal blocks, of whole tiles.
    size_t blocks = (all + SERIN_CONV_ROWS - 1) / SERIN_CONV_ROWS;
    size_t most = blocks ? (all + blocks - 1) / blocks : 0;
    most = (most + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS;
    // That form does not fetch the rows behind a tile, which have to be near.
    bool has_regular =
        serin_cpu_level() >= SERIN_CPU_AVX512 && conv->images * in_image < FAR_FLOATS;
    bool is_far = conv->images * out_image >= FAR_FLOATS;
    size_t step = (size_t)z->step * out_pixel;
    size_t image = 0;
    ptrdiff_t i = 0, j = 0, k = 0;
    for (size_t done = 0; done < all;) {
        size_t rows = all - done < most ? all - done : most;
        bool is_regular = has_regular && (ptrdiff_t)rows <= z->outputs - k &&
                          is_inside(conv, i, j, k, rows);
        for (size_t r = 0; r < rows;) {
            ptrdiff_t end = z->outputs - k < (ptrdiff_t)(rows - r) ? z->outputs
                                                                    : k + (ptrdiff_t)(rows - r);
            ptrdiff_t pointed = is_regular ? k + 1 : end;
            point_line(conv, in + image * in_image, zeros, i, j, k, pointed, pointers + r);
            ptrdiff_t at = (x->start + i * x->step) * y->length_out + y->start + j * y->step;
            size_t shift = image * out_image +
                           (size_t)(at * z->length_out + z->start + k * z->step) * out_pixel;
            for (size_t q = r; k + (ptrdiff_t)(q - r) < pointed; q++, shift += step) {
                targets[q] = out + shift;
                more[q] = residual ? residual + shift : NULL;
            }
            r += (size_t)(end - k);
            k = end;
            if (k == z->outputs) {
                k = 0;
                if (++j == y->outputs) {
                    j = 0;
                    if (++i == x->outputs) i = 0, image++;
                }
            }
        }
        if (rows % 2 && !is_regular) {  // SERIN_CONV_ROWS is even, so there is room
            for (size_t t = 0; t < taps; t++)
                pointers[t * SERIN_CONV_ROWS + rows] = pointers[t * SERIN_CONV_ROWS + rows - 1];
            targets[rows] = targets[rows - 1];
            more[rows] = more[rows - 1];
        }
        for (size_t g = 0; g < conv->groups; g++) {
            struct serin_conv_tile tile = {
                .taps = pointers, .offset = g * conv->run, .out = targets,
                .residual = residual ? more : NULL, .bias = bias ? bias + g * conv->columns : NULL,
                .column = g * conv->columns, .columns = conv->columns,
                .is_regular = is_regular, .is_far = is_far,
                .in_step = z->stride * (ptrdiff_t)conv->pixel, .out_step = (ptrdiff_t)step,
                .activation = conv->activation, .a = conv->a, .b = conv->b};
            multiply(conv, &tile, rows, taps, packed + g * packed_count);
        }
        done += rows;
    }
}

static void transpose_block(
    const float *in, size_t in_stride, size_t rows, size_t columns, float *out,
    size_t out_stride) {
    for (size_t c = 0; c < columns; c++)
        for (size_t r = 0; r < rows; r++) out[c * out_stride + r] = in[r * in_stride + c];
}

#if defined(__x86_64__)
SERIN_AVX2 static void transpose_8x8(
    const float *in, size_t in_stride, float *out, size_t out_stride) {
    __m256 r[8], t[8];
    for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(in + (size_t)i * in_stride);
    for (int i = 0; i < 4; i++) {
        t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        r[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
        r[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xEE);
        r[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
        r[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xEE);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(out + (size_t)i * out_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(
            out + (size_t)(i + 4) * out_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}
#endif

void serin_transpose_f32(
    const float *in, size_t count, size_t rows, size_t columns, float *out) {
    bool fast = false;
#if defined(__x86_64__)
    fast = serin_cpu_level() >= SERIN_CPU_AVX2;
#endif
    for (size_t i = 0; i < count; i++, in += rows * columns, out += rows * columns) {
        for (size_t c = 0; c < columns; c += 8) {
            size_t width = columns - c < 8 ? columns - c : 8;
            for (size_t r = 0; r < rows; r += 8) {
                size_t height = rows - r < 8 ? rows - r : 8;
                const float *from = in + r * columns + c;
                float *to = out + c * rows + r;
#if defined(__x86_64__)
                if (fast && width == 8 && height == 8) {
                    transpose_8x8(from, columns, to, rows);
                    continue;
                }
#endif
                transpose_block(from, columns, height, width, to, rows);
            }
        }
    }
    (void)fast;
}
