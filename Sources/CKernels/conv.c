// SPDX-License-Identifier: Apache-2.0
// The indirect GEMM (Dukhan, "The Indirect Convolution Algorithm", 2019): output pixels are the rows
// of a matrix product whose left side is never built; each tap of each pixel is a pointer to the
// channels it reads, and a tap outside the image points at zeros.
#include "conv.h"

#include <stdbool.h>
#include <string.h>

#include "conv_activation.h"
#include "cpu.h"
#include "gemm.h"

#define PANEL 16
// Terms of the sums that are worked on before going to the next panel: 16 KB of weights.
#define DEPTH 256

void serin_conv_pack_f32(
    const void *w, size_t columns, size_t channels, const ptrdiff_t counts[3],
    ptrdiff_t column_stride, ptrdiff_t channel_stride, const ptrdiff_t tap_stride[3],
    float *packed) {
    if (counts[0] * counts[1] * counts[2] == 1) {
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

// One panel's share of the work for up to SERIN_CONV_ROWS output pixels, for some taps and channels.
struct tile {
    const float *const *taps;  // row r of tap t is taps[t * SERIN_CONV_ROWS + r]
    size_t tap_count;
    size_t offset;  // the first channel within a pixel
    size_t depth;   // channels of each tap
    const float *weights;
    const float *bias;             // of this panel, or null
    float *const *out;             // one for each row
    const float *const *residual;  // one for each row; null for none
    size_t column;                 // the first column of this panel within an output pixel
    size_t width;                  // columns, 1...16
    bool is_first, is_last;
    enum serin_activation activation;
    float a, b;
};

static void tile_portable(const struct tile *t, size_t rows) {
    for (size_t r = 0; r < rows; r++) {
        float sums[PANEL] = {0};
        float *target = t->out[r] + t->column;
        for (size_t j = 0; j < t->width; j++)
            sums[j] = !t->is_first ? target[j] : t->bias ? t->bias[j] : 0;
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
                x = serin_activate(t->activation, t->a, t->b, x);
            }
            target[j] = x;
        }
    }
}

#if defined(__x86_64__)
#define UNROLL _Pragma("clang loop unroll(full)")

// ROWS rows against a panel of which VECTORS * 8 columns are there.
#define TILE(ROWS, VECTORS)                                                                      \
    SERIN_AVX2 static void tile_##ROWS##_##VECTORS(const struct tile *t, size_t row) {           \
        static const float zeros[PANEL] = {0};                                                   \
        __m256 sum[ROWS][VECTORS];                                                               \
        const float *w = t->weights, *a[ROWS];                                                   \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                  \
            const float *from = !t->is_first ? t->out[row + r] + t->column                       \
                                : t->bias    ? t->bias                                           \
                                             : zeros;                                            \
            UNROLL for (int v = 0; v < VECTORS; v++) sum[r][v] = _mm256_loadu_ps(from + 8 * v);  \
        }                                                                                        \
        const float *const *entry = t->taps + row;                                               \
        for (size_t tap = 0; tap < t->tap_count; tap++, entry += SERIN_CONV_ROWS) {              \
            UNROLL for (int r = 0; r < ROWS; r++) a[r] = entry[r] + t->offset;                   \
            for (size_t k = 0, depth = t->depth; k < depth; k++, w += PANEL) {                   \
                __m256 b[VECTORS];                                                               \
                UNROLL for (int v = 0; v < VECTORS; v++) b[v] = _mm256_loadu_ps(w + 8 * v);      \
                UNROLL for (int r = 0; r < ROWS; r++) {                                          \
                    __m256 x = _mm256_broadcast_ss(a[r] + k);                                    \
                    UNROLL for (int v = 0; v < VECTORS; v++)                                     \
                        sum[r][v] = _mm256_fmadd_ps(x, b[v], sum[r][v]);                         \
                }                                                                                \
            }                                                                                    \
        }                                                                                        \
        if (t->is_last && t->residual) {                                                         \
            UNROLL for (int r = 0; r < ROWS; r++) {                                              \
                const float *more = t->residual[row + r] + t->column;                            \
                UNROLL for (int v = 0; v < VECTORS; v++)                                         \
                    sum[r][v] = _mm256_add_ps(sum[r][v], _mm256_loadu_ps(more + 8 * v));         \
            }                                                                                    \
        }                                                                                        \
        if (t->is_last && t->activation == SERIN_ACT_CLIP) {                                     \
            __m256 low = _mm256_set1_ps(t->a), high = _mm256_set1_ps(t->b);                      \
            UNROLL for (int r = 0; r < ROWS; r++) {                                              \
                UNROLL for (int v = 0; v < VECTORS; v++)                                         \
                    sum[r][v] = _mm256_min_ps(high, _mm256_max_ps(low, sum[r][v]));              \
            }                                                                                    \
        }                                                                                        \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                  \
            float *to = t->out[row + r] + t->column;                                             \
            UNROLL for (int v = 0; v < VECTORS; v++) _mm256_storeu_ps(to + 8 * v, sum[r][v]);    \
        }                                                                                        \
        if (t->is_last && t->activation > SERIN_ACT_CLIP)                                        \
            activate_rows(t, row, ROWS, VECTORS);                                                \
    }

// The dearer activations, on what was just stored.
SERIN_AVX2 static void activate_rows(const struct tile *t, size_t row, int rows, int vectors) {
    __m256 a = _mm256_set1_ps(t->a), b = _mm256_set1_ps(t->b);
    for (int r = 0; r < rows; r++) {
        float *to = t->out[row + (size_t)r] + t->column;
        for (int v = 0; v < vectors; v++)
            _mm256_storeu_ps(
                to + 8 * v, serin_activate8(t->activation, a, b, _mm256_loadu_ps(to + 8 * v)));
    }
}

TILE(1, 1)
TILE(2, 1)
TILE(3, 1)
TILE(4, 1)
TILE(5, 1)
TILE(6, 1)
TILE(1, 2)
TILE(2, 2)
TILE(3, 2)
TILE(4, 2)
TILE(5, 2)
TILE(6, 2)

static void whole_tiles(const struct tile *t, size_t rows) {
    static void (*const wide[])(const struct tile *, size_t) = {
        0, tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2};
    static void (*const narrow[])(const struct tile *, size_t) = {
        0, tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1};
    void (*const *tiles)(const struct tile *, size_t) = t->width > 8 ? wide : narrow;
    size_t r = 0;
    for (; r + 6 <= rows; r += 6) tiles[6](t, r);
    if (r < rows) tiles[rows - r](t, r);
}

// A panel that is neither 8 nor 16 columns wide is worked on beside the output, six rows at a time.
static void tiles_avx2(const struct tile *t, size_t rows) {
    if (t->width == 8 || t->width == PANEL) {
        whole_tiles(t, rows);
        return;
    }
    float sums[6][PANEL] = {{0}}, more[6][PANEL] = {{0}}, bias[PANEL] = {0};
    float *out[6];
    const float *residual[6];
    for (int i = 0; i < 6; i++) out[i] = sums[i], residual[i] = more[i];
    if (t->bias) memcpy(bias, t->bias, t->width * sizeof(float));
    struct tile part = *t;
    part.bias = bias;
    part.out = out;
    part.residual = t->residual ? residual : NULL;
    part.column = 0;
    for (size_t r = 0; r < rows; r += 6) {
        size_t count = rows - r < 6 ? rows - r : 6;
        for (size_t i = 0; i < count; i++) {
            if (!t->is_first)
                for (size_t j = 0; j < t->width; j++) sums[i][j] = t->out[r + i][t->column + j];
            if (t->residual)
                for (size_t j = 0; j < t->width; j++) more[i][j] = t->residual[r + i][t->column + j];
        }
        part.taps = t->taps + r;
        whole_tiles(&part, count);
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < t->width; j++) t->out[r + i][t->column + j] = sums[i][j];
    }
}
#endif

// The rows of `t` against every panel, the sums worked on DEPTH terms at a time.
static void multiply(
    const struct serin_conv *conv, struct tile *t, size_t rows, size_t taps, const float *packed,
    const float *bias, size_t column) {
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
            t->bias = bias ? bias + first : NULL;
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
                .residual = residual ? more : NULL, .activation = conv->activation,
                .a = conv->a, .b = conv->b};
            multiply(
                conv, &tile, rows, taps, packed + g * packed_count,
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
