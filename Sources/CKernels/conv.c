// SPDX-License-Identifier: Apache-2.0
// The indirect GEMM (Dukhan, "The Indirect Convolution Algorithm", 2019): output pixels are the rows
// of a matrix product whose left side is never built; each tap of each pixel is a pointer to the
// channels it reads, and a tap outside the image points at zeros.
#include "conv.h"

#include <stdbool.h>
#include <string.h>

#include "conv_activation.h"
#include "cpu.h"

#define PANEL 16
// Terms of the sums that are worked on before going to the next panel: 16 KB of weights.
#define DEPTH 256

void serin_conv_pack_f32(
    const float *w, size_t columns, size_t channels, const ptrdiff_t counts[3],
    ptrdiff_t column_stride, ptrdiff_t channel_stride, const ptrdiff_t tap_stride[3],
    float *packed) {
    for (size_t first = 0; first < columns; first += PANEL) {
        size_t width = columns - first < PANEL ? columns - first : PANEL;
        for (ptrdiff_t x = 0; x < counts[0]; x++)
            for (ptrdiff_t y = 0; y < counts[1]; y++)
                for (ptrdiff_t z = 0; z < counts[2]; z++) {
                    const float *tap = w + (ptrdiff_t)first * column_stride + x * tap_stride[0] +
                                       y * tap_stride[1] + z * tap_stride[2];
                    for (size_t c = 0; c < channels; c++, packed += PANEL) {
                        size_t j = 0;
                        for (; j < width; j++)
                            packed[j] =
                                tap[(ptrdiff_t)j * column_stride + (ptrdiff_t)c * channel_stride];
                        for (; j < PANEL; j++) packed[j] = 0;
                    }
                }
    }
}

// One tile's share of the work: up to six rows against one panel, for some taps and channels.
struct tile {
    const float *const *taps;  // row r of tap t is taps[t * SERIN_CONV_ROWS + r]
    size_t tap_count;
    size_t offset;  // the first channel within a pixel
    size_t depth;   // channels of each tap
    const float *weights;
    const float *start;  // the bias of this panel; null for none
    float *const *out;   // one for each row
    const float *const *residual;  // one for each row; null for none
    size_t column;                 // the first column of this panel within an output pixel
    size_t width;                  // columns, 1...16
    bool is_first, is_last;
    const struct serin_conv *conv;
};

static void tile_portable(const struct tile *t, size_t rows) {
    for (size_t r = 0; r < rows; r++) {
        float sums[PANEL] = {0};
        float *target = t->out[r] + t->column;
        for (size_t j = 0; j < t->width; j++)
            sums[j] = !t->is_first ? target[j] : t->start ? t->start[j] : 0;
        const float *w = t->weights;
        for (size_t tap = 0; tap < t->tap_count; tap++) {
            const float *a = t->taps[tap * SERIN_CONV_ROWS + r] + t->offset;
            for (size_t k = 0; k < t->depth; k++, w += PANEL)
                for (size_t j = 0; j < PANEL; j++) sums[j] += a[k] * w[j];
        }
        for (size_t j = 0; j < t->width; j++) {
            float x = sums[j];
            if (t->is_last) {
                if (t->residual) x += t->residual[r][t->column + j];
                x = serin_activate(t->conv->activation, t->conv->a, t->conv->b, x);
            }
            target[j] = x;
        }
    }
}

#if defined(__x86_64__)
// Stores a row of sums, the last time with residual and activation.
SERIN_AVX2 static inline void finish(
    const struct tile *t, size_t r, __m256 low, __m256 high, float *spill) {
    float *target = t->width < PANEL && t->width != 8 ? spill : t->out[r] + t->column;
    if (t->is_last) {
        if (t->residual) {
            const float *more = t->residual[r] + t->column;
            if (target == spill) {
                float copy[PANEL] = {0};
                for (size_t j = 0; j < t->width; j++) copy[j] = more[j];
                low = _mm256_add_ps(low, _mm256_loadu_ps(copy));
                high = _mm256_add_ps(high, _mm256_loadu_ps(copy + 8));
            } else {
                low = _mm256_add_ps(low, _mm256_loadu_ps(more));
                if (t->width == PANEL) high = _mm256_add_ps(high, _mm256_loadu_ps(more + 8));
            }
        }
        enum serin_activation kind = t->conv->activation;
        if (kind != SERIN_ACT_NONE) {
            __m256 a = _mm256_set1_ps(t->conv->a), b = _mm256_set1_ps(t->conv->b);
            low = serin_activate8(kind, a, b, low);
            if (t->width > 8) high = serin_activate8(kind, a, b, high);
        }
    }
    _mm256_storeu_ps(target, low);
    if (t->width != 8) _mm256_storeu_ps(target + 8, high);
    if (target == spill)
        for (size_t j = 0; j < t->width; j++) t->out[r][t->column + j] = spill[j];
}

SERIN_AVX2 static inline __m256 begin(const struct tile *t, size_t r, size_t half) {
    if (t->is_first && !t->start) return _mm256_setzero_ps();
    const float *from = t->is_first ? t->start : t->out[r] + t->column;
    if (t->width == PANEL || (t->width == 8 && half == 0)) return _mm256_loadu_ps(from + 8 * half);
    float copy[8] = {0};
    for (size_t j = 8 * half; j < t->width && j < 8 * half + 8; j++) copy[j - 8 * half] = from[j];
    return _mm256_loadu_ps(copy);
}

#define TILE(ROWS)                                                                               \
    SERIN_AVX2 static void tile_16_##ROWS(const struct tile *t, size_t row) {                    \
        __m256 low[ROWS], high[ROWS];                                                            \
        const float *w = t->weights, *a[ROWS];                                                   \
        for (int r = 0; r < ROWS; r++) low[r] = begin(t, row + r, 0), high[r] = begin(t, row + r, 1); \
        for (size_t tap = 0; tap < t->tap_count; tap++) {                                        \
            for (int r = 0; r < ROWS; r++)                                                       \
                a[r] = t->taps[tap * SERIN_CONV_ROWS + row + r] + t->offset;                     \
            for (size_t k = 0; k < t->depth; k++, w += PANEL) {                                  \
                __m256 w0 = _mm256_loadu_ps(w), w1 = _mm256_loadu_ps(w + 8);                     \
                for (int r = 0; r < ROWS; r++) {                                                 \
                    __m256 x = _mm256_broadcast_ss(a[r] + k);                                    \
                    low[r] = _mm256_fmadd_ps(x, w0, low[r]);                                     \
                    high[r] = _mm256_fmadd_ps(x, w1, high[r]);                                   \
                }                                                                                \
            }                                                                                    \
        }                                                                                        \
        float spill[PANEL];                                                                      \
        for (int r = 0; r < ROWS; r++) finish(t, row + r, low[r], high[r], spill);               \
    }                                                                                            \
    SERIN_AVX2 static void tile_8_##ROWS(const struct tile *t, size_t row) {                     \
        __m256 low[ROWS];                                                                        \
        const float *w = t->weights, *a[ROWS];                                                   \
        for (int r = 0; r < ROWS; r++) low[r] = begin(t, row + r, 0);                            \
        for (size_t tap = 0; tap < t->tap_count; tap++) {                                        \
            for (int r = 0; r < ROWS; r++)                                                       \
                a[r] = t->taps[tap * SERIN_CONV_ROWS + row + r] + t->offset;                     \
            for (size_t k = 0; k < t->depth; k++, w += PANEL) {                                  \
                __m256 w0 = _mm256_loadu_ps(w);                                                  \
                for (int r = 0; r < ROWS; r++)                                                   \
                    low[r] = _mm256_fmadd_ps(_mm256_broadcast_ss(a[r] + k), w0, low[r]);         \
            }                                                                                    \
        }                                                                                        \
        float spill[PANEL];                                                                      \
        for (int r = 0; r < ROWS; r++)                                                           \
            finish(t, row + r, low[r], _mm256_setzero_ps(), spill);                              \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)

static void tiles_avx2(const struct tile *t, size_t rows) {
    static void (*const wide[])(const struct tile *, size_t) = {
        0, tile_16_1, tile_16_2, tile_16_3, tile_16_4, tile_16_5, tile_16_6};
    static void (*const narrow[])(const struct tile *, size_t) = {
        0, tile_8_1, tile_8_2, tile_8_3, tile_8_4, tile_8_5, tile_8_6};
    void (*const *tiles)(const struct tile *, size_t) = t->width > 8 ? wide : narrow;
    size_t r = 0;
    for (; r + 6 <= rows; r += 6) tiles[6](t, r);
    if (r < rows) tiles[rows - r](t, r);
}
#endif

// The rows of `t` against every panel, the sums worked on DEPTH terms at a time.
static void multiply(
    struct tile *t, size_t rows, size_t taps, const float *packed, const float *bias,
    size_t column) {
    const struct serin_conv *conv = t->conv;
    size_t run = conv->run, columns = conv->columns;
    // Either whole taps together, or a part of one tap's channels.
    size_t parts = run > DEPTH ? (run + DEPTH - 1) / DEPTH : 1;
    size_t part = (run + parts - 1) / parts;
    size_t together = run == 0 || run >= DEPTH ? 1 : DEPTH / run;
    size_t offset = t->offset;
    const float *const *pointers = t->taps;
    size_t tap = 0, channel = 0;
    do {
        size_t tap_count = taps - tap < together ? taps - tap : together;
        size_t depth = run - channel < part ? run - channel : part;
        t->taps = pointers + tap * SERIN_CONV_ROWS;
        t->tap_count = tap_count;
        t->offset = offset + channel;
        t->depth = depth;
        t->is_first = tap == 0 && channel == 0;
        t->is_last = tap + tap_count >= taps && (channel + depth >= run || taps == 0);
        for (size_t first = 0; first < columns; first += PANEL) {
            t->weights = packed + first * taps * run + (tap * run + channel) * PANEL;
            t->column = column + first;
            t->width = columns - first < PANEL ? columns - first : PANEL;
            t->start = bias ? bias + first : NULL;
#if defined(__x86_64__)
            if (serin_cpu_level() >= SERIN_CPU_AVX2) {
                tiles_avx2(t, rows);
                continue;
            }
#endif
            tile_portable(t, rows);
        }
        channel += depth;
        if (channel >= run) channel = 0, tap += tap_count;
    } while (tap < taps);
    t->taps = pointers;
    t->offset = offset;
}

// Where tap `tap` of output `output` reads on an axis; negative outside.
static inline ptrdiff_t place(const struct serin_axis *axis, ptrdiff_t output, ptrdiff_t tap) {
    ptrdiff_t at = output * axis->stride + axis->first + tap * axis->tap_step;
    return at < axis->length_in ? at : -1;
}

void serin_conv_f32(
    const struct serin_conv *conv, const float *in, const float *packed, const float *bias,
    const float *residual, float *out, void *scratch) {
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
    size_t image = 0;
    ptrdiff_t i = 0, j = 0, k = 0;
    for (size_t done = 0; done < all;) {
        size_t rows = all - done < SERIN_CONV_ROWS ? all - done : SERIN_CONV_ROWS;
        for (size_t r = 0; r < rows; r++) {
            const float *source = in + image * in_image;
            const float **entry = pointers + r;
            for (ptrdiff_t u = 0; u < x->taps; u++) {
                ptrdiff_t px = place(x, i, u);
                for (ptrdiff_t v = 0; v < y->taps; v++) {
                    ptrdiff_t py = px < 0 ? -1 : place(y, j, v);
                    ptrdiff_t line = (px * y->length_in + py) * z->length_in;
                    for (ptrdiff_t w = 0; w < z->taps; w++, entry += SERIN_CONV_ROWS) {
                        ptrdiff_t pz = py < 0 ? -1 : place(z, k, w);
                        *entry = pz < 0 ? zeros : source + (size_t)(line + pz) * conv->pixel;
                    }
                }
            }
            ptrdiff_t at = (x->start + i * x->step) * y->length_out + y->start + j * y->step;
            at = at * z->length_out + z->start + k * z->step;
            size_t shift = image * out_image + (size_t)at * out_pixel;
            targets[r] = out + shift;
            more[r] = residual ? residual + shift : NULL;
            if (++k == z->outputs) {
                k = 0;
                if (++j == y->outputs) {
                    j = 0;
                    if (++i == x->outputs) i = 0, image++;
                }
            }
        }
        for (size_t g = 0; g < conv->groups; g++) {
            struct tile tile = {
                .taps = pointers, .offset = g * conv->run, .out = targets,
                .residual = residual ? more : NULL, .conv = conv};
            multiply(
                &tile, rows, taps, packed + g * packed_count,
                bias ? bias + g * conv->columns : NULL, g * conv->columns);
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
