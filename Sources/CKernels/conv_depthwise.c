// SPDX-License-Identifier: Apache-2.0
// Convolution of each channel by itself: channels lie in the lanes, output pixels of one line are
// worked on four at a time so that a weight is loaded once for all of them.
#include "conv_internal.h"
#include "cpu.h"

static inline ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

// a / b rounded up, without a division where there is nothing to divide.
static inline ptrdiff_t quotient(ptrdiff_t a, ptrdiff_t b) {
    return b == 1 ? a : (a + b - 1) / b;
}

static struct serin_span taps_inside(const struct serin_axis *axis, ptrdiff_t output) {
    ptrdiff_t at = output * axis->stride + axis->first, step = axis->tap_step;
    struct serin_span span = {0, 0};
    if (at < 0) span.from = quotient(-at, step);
    ptrdiff_t room = axis->length_in - at;
    if (room > 0) span.to = least(axis->taps, quotient(room, step));
    if (span.from > span.to) span.from = span.to;
    return span;
}

static void stretch_portable(const struct serin_stretch *s, size_t pixels, size_t first) {
    const struct serin_axis *axis = s->conv->axis;
    for (size_t p = 0; p < pixels; p++) {
        const float *in = s->in + (ptrdiff_t)p * s->pixel;
        for (size_t c = first; c < s->channels; c++) {
            float sum = s->bias ? s->bias[c] : 0;
            for (ptrdiff_t u = s->x.from; u < s->x.to; u++)
                for (ptrdiff_t v = s->y.from; v < s->y.to; v++)
                    for (ptrdiff_t w = s->z.from; w < s->z.to; w++) {
                        ptrdiff_t tap = (u * axis[1].taps + v) * axis[2].taps + w;
                        ptrdiff_t at = u * s->step_x + v * s->step_y + w * s->step_z;
                        sum += in[at + (ptrdiff_t)c] * s->weights[(size_t)tap * s->channels + c];
                    }
            size_t place = p * s->channels + c;
            if (s->residual) sum += s->residual[place];
            s->out[place] = serin_activate(s->conv->activation, s->conv->a, s->conv->b, sum);
        }
    }
}

#if defined(__x86_64__)
#define UNROLL _Pragma("clang loop unroll(full)")

// PIXELS pixels of VECTORS * 8 channels from channel `c` on.
#define BLOCK(PIXELS, VECTORS)                                                                   \
    SERIN_AVX2 static inline void block_##PIXELS##_##VECTORS(                                    \
        const struct serin_stretch *s, size_t p, size_t c) {                                           \
        const struct serin_axis *axis = s->conv->axis;                                           \
        __m256 sum[PIXELS][VECTORS];                                                             \
        UNROLL for (int v = 0; v < VECTORS; v++) {                                               \
            __m256 start = s->bias ? _mm256_loadu_ps(s->bias + c + 8 * v) : _mm256_setzero_ps(); \
            UNROLL for (int i = 0; i < PIXELS; i++) sum[i][v] = start;                           \
        }                                                                                        \
        const float *in = s->in + (ptrdiff_t)p * s->pixel + (ptrdiff_t)c;                        \
        for (ptrdiff_t x = s->x.from; x < s->x.to; x++)                                          \
            for (ptrdiff_t y = s->y.from; y < s->y.to; y++) {                                    \
                ptrdiff_t tap = (x * axis[1].taps + y) * axis[2].taps + s->z.from;               \
                const float *w = s->weights + (size_t)tap * s->channels + c;                     \
                const float *a = in + x * s->step_x + y * s->step_y + s->z.from * s->step_z;     \
                for (ptrdiff_t z = s->z.from; z < s->z.to;                                       \
                     z++, w += s->channels, a += s->step_z) {                                    \
                    UNROLL for (int v = 0; v < VECTORS; v++) {                                   \
                        __m256 b = _mm256_loadu_ps(w + 8 * v);                                   \
                        UNROLL for (int i = 0; i < PIXELS; i++)                                  \
                            sum[i][v] = _mm256_fmadd_ps(                                         \
                                _mm256_loadu_ps(a + i * s->pixel + 8 * v), b, sum[i][v]);        \
                    }                                                                            \
                }                                                                                \
            }                                                                                    \
        const struct serin_conv *conv = s->conv;                                                 \
        __m256 low = _mm256_set1_ps(conv->a), high = _mm256_set1_ps(conv->b);                    \
        UNROLL for (int i = 0; i < PIXELS; i++) {                                                \
            size_t place = (p + i) * s->channels + c;                                            \
            UNROLL for (int v = 0; v < VECTORS; v++) {                                           \
                __m256 y = sum[i][v];                                                            \
                if (s->residual)                                                                 \
                    y = _mm256_add_ps(y, _mm256_loadu_ps(s->residual + place + 8 * v));          \
                if (conv->activation == SERIN_ACT_CLIP)                                          \
                    y = _mm256_min_ps(high, _mm256_max_ps(low, y));                              \
                else if (conv->activation != SERIN_ACT_NONE)                                     \
                    y = serin_activate8(conv->activation, low, high, y);                         \
                _mm256_storeu_ps(s->out + place + 8 * v, y);                                     \
            }                                                                                    \
        }                                                                                        \
    }
BLOCK(4, 2)
BLOCK(4, 1)
BLOCK(1, 4)
BLOCK(1, 1)

SERIN_AVX2 static void stretch_avx2(const struct serin_stretch *s, size_t pixels, size_t first) {
    size_t p = 0, end = s->channels;
    for (; p + 4 <= pixels; p += 4) {
        size_t c = first;
        for (; c + 16 <= end; c += 16) block_4_2(s, p, c);
        for (; c + 8 <= end; c += 8) block_4_1(s, p, c);
    }
    for (; p < pixels; p++) {
        size_t c = first;
        for (; c + 32 <= end; c += 32) block_1_4(s, p, c);
        for (; c + 8 <= end; c += 8) block_1_1(s, p, c);
    }
    if ((end - first) % 8) stretch_portable(s, pixels, first + (end - first) / 8 * 8);
}
#endif

// The stretch at this processor's level, from channel `first` on.
static void work(const struct serin_stretch *s, size_t pixels, size_t first) {
#if defined(__x86_64__)
    if (serin_cpu_level() >= SERIN_CPU_AVX2) {
        stretch_avx2(s, pixels, first);
        return;
    }
#endif
    stretch_portable(s, pixels, first);
}

// The outputs of line (i, j) of an image.
static void work_line(
    const struct serin_conv *conv, struct serin_stretch *s, bool has_lines, const float *image,
    ptrdiff_t i, ptrdiff_t j, const float *residual, float *out) {
    const struct serin_axis *x = &conv->axis[0], *y = &conv->axis[1], *z = &conv->axis[2];
    // Between these every tap of the last axis reads inside.
    ptrdiff_t inner = z->first >= 0 ? 0 : (-z->first + z->stride - 1) / z->stride;
    ptrdiff_t reach = z->length_in - z->first - (z->taps - 1) * z->tap_step - 1;
    ptrdiff_t outer = reach < 0 ? 0 : least(z->outputs, reach / z->stride + 1);
    s->x = taps_inside(x, i), s->y = taps_inside(y, j);
    ptrdiff_t line = (i * x->stride + x->first) * y->length_in + j * y->stride + y->first;
    line = line * z->length_in + z->first;
    size_t first = 0;
#if defined(__x86_64__)
    if (has_lines) {
        s->in = image + line * (ptrdiff_t)conv->pixel;
        s->out = out;
        s->residual = residual;
        first = serin_depthwise_line_avx512(s);
    }
#endif
    for (ptrdiff_t k = 0; first < s->channels && k < z->outputs;) {
        ptrdiff_t count = k >= inner && k < outer ? outer - k : 1;
        s->z = taps_inside(z, k);
        s->in = image + (line + k * z->stride) * (ptrdiff_t)conv->pixel;
        s->out = out + (size_t)k * conv->groups;
        s->residual = residual ? residual + (size_t)k * conv->groups : NULL;
        work(s, (size_t)count, first);
        k += count;
    }
    (void)has_lines;
}

// Floats of an image and of what is made of it that are more than the second cache keeps.
#define LARGE_IMAGE 200000

void serin_depthwise_f32(
    const struct serin_conv *conv, const float *in, const float *weights, const float *bias,
    const float *residual, float *out) {
    const struct serin_axis *x = &conv->axis[0], *y = &conv->axis[1], *z = &conv->axis[2];
    struct serin_stretch s = {
        .conv = conv, .weights = weights, .bias = bias, .channels = conv->groups,
        .step_z = z->tap_step * (ptrdiff_t)conv->pixel,
        .step_y = y->tap_step * z->length_in * (ptrdiff_t)conv->pixel,
        .step_x = x->tap_step * y->length_in * z->length_in * (ptrdiff_t)conv->pixel,
        .pixel = z->stride * (ptrdiff_t)conv->pixel};
    bool has_lines = false;
#if defined(__x86_64__)
    has_lines = serin_cpu_level() >= SERIN_CPU_AVX512 && serin_depthwise_has_lines(conv);
#endif
    size_t line = (size_t)z->outputs * conv->groups;
    size_t image = (size_t)(x->length_in * y->length_in * z->length_in) * conv->pixel;
    s.is_large = image + line * (size_t)y->outputs >= LARGE_IMAGE;
    for (size_t n = 0; n < conv->images; n++, in += image)
        for (ptrdiff_t i = 0; i < x->outputs; i++) {
            size_t plane = (n * (size_t)x->outputs + (size_t)i) * (size_t)y->outputs * line;
            for (ptrdiff_t j = 0; j < y->outputs; j++) {
                size_t at = plane + (size_t)j * line;
                work_line(conv, &s, has_lines, in, i, j, residual ? residual + at : NULL, out + at);
            }
        }
}

// MARK: Pooling

// What `count` inputs `apart` floats from each other, on each of three axes, come to.
struct box {
    const float *in;
    ptrdiff_t count[3], apart[3];
    float divisor;  // zero for the largest
};

static void box_portable(const struct box *b, size_t first, size_t channels, float *out) {
    for (size_t c = first; c < channels; c++) {
        float sum = b->divisor != 0 ? 0 : b->in[c];
        for (ptrdiff_t u = 0; u < b->count[0]; u++)
            for (ptrdiff_t v = 0; v < b->count[1]; v++)
                for (ptrdiff_t w = 0; w < b->count[2]; w++) {
                    float x = b->in[u * b->apart[0] + v * b->apart[1] + w * b->apart[2] +
                                    (ptrdiff_t)c];
                    sum = b->divisor != 0 ? sum + x : x > sum ? x : sum;
                }
        out[c] = b->divisor != 0 ? sum / b->divisor : sum;
    }
}

#if defined(__x86_64__)
// VECTORS * 8 channels from `c` on.
#define BOX(VECTORS)                                                                             \
    SERIN_AVX2 static inline void box_##VECTORS(const struct box *b, size_t c, float *out) {     \
        const bool adds = b->divisor != 0;                                                       \
        __m256 sum[VECTORS];                                                                     \
        UNROLL for (int i = 0; i < VECTORS; i++) sum[i] =                                        \
            adds ? _mm256_setzero_ps() : _mm256_loadu_ps(b->in + c + 8 * i);                     \
        for (ptrdiff_t u = 0; u < b->count[0]; u++)                                              \
            for (ptrdiff_t v = 0; v < b->count[1]; v++) {                                        \
                const float *a = b->in + c + u * b->apart[0] + v * b->apart[1];                  \
                for (ptrdiff_t w = 0; w < b->count[2]; w++, a += b->apart[2]) {                  \
                    UNROLL for (int i = 0; i < VECTORS; i++) {                                   \
                        __m256 x = _mm256_loadu_ps(a + 8 * i);                                   \
                        sum[i] = adds ? _mm256_add_ps(sum[i], x) : _mm256_max_ps(x, sum[i]);     \
                    }                                                                            \
                }                                                                                \
            }                                                                                    \
        UNROLL for (int i = 0; i < VECTORS; i++) {                                               \
            if (adds) sum[i] = _mm256_div_ps(sum[i], _mm256_set1_ps(b->divisor));                \
            _mm256_storeu_ps(out + c + 8 * i, sum[i]);                                           \
        }                                                                                        \
    }
BOX(8)
BOX(1)

SERIN_AVX2 static void box_avx2(const struct box *b, size_t channels, float *out) {
    size_t c = 0;
    for (; c + 64 <= channels; c += 64) box_8(b, c, out);
    for (; c + 8 <= channels; c += 8) box_1(b, c, out);
    if (c < channels) box_portable(b, c, channels, out);
}
#endif

// The taps of an axis that lie inside the image or its padding.
static ptrdiff_t taps_padded(const struct serin_axis *axis, ptrdiff_t after, ptrdiff_t output) {
    ptrdiff_t room = axis->length_in + after - (output * axis->stride + axis->first);
    return room <= 0 ? 0 : least(axis->taps, quotient(room, axis->tap_step));
}

void serin_pool_f32(
    const struct serin_conv *conv, enum serin_pool kind, const ptrdiff_t after[3], const float *in,
    float *out) {
    const struct serin_axis *axis = conv->axis;
    ptrdiff_t pixel = (ptrdiff_t)conv->pixel, channels = (ptrdiff_t)conv->groups;
    ptrdiff_t size[3] = {
        axis[1].length_in * axis[2].length_in * pixel, axis[2].length_in * pixel, pixel};
    for (size_t image = 0; image < conv->images; image++, in += axis[0].length_in * size[0])
        for (ptrdiff_t i = 0; i < axis[0].outputs; i++)
            for (ptrdiff_t j = 0; j < axis[1].outputs; j++)
                for (ptrdiff_t k = 0; k < axis[2].outputs; k++, out += channels) {
                    ptrdiff_t output[3] = {i, j, k}, inside = 1, padded = 1;
                    struct box box = {.in = in};
                    for (int a = 0; a < 3; a++) {
                        struct serin_span span = taps_inside(&axis[a], output[a]);
                        ptrdiff_t place = output[a] * axis[a].stride + axis[a].first +
                                          span.from * axis[a].tap_step;
                        box.count[a] = span.to - span.from;
                        box.apart[a] = axis[a].tap_step * size[a];
                        inside *= box.count[a];
                        padded *= taps_padded(&axis[a], after[a], output[a]);
                        if (box.count[a] > 0) box.in += place * size[a];
                    }
                    if (inside == 0) {
                        for (ptrdiff_t c = 0; c < channels; c++)
                            out[c] = kind == SERIN_POOL_MAX ? -INFINITY : 0;
                        continue;
                    }
                    if (kind == SERIN_POOL_AVERAGE) box.divisor = (float)inside;
                    if (kind == SERIN_POOL_AVERAGE_PADDED) box.divisor = (float)padded;
#if defined(__x86_64__)
                    if (serin_cpu_level() >= SERIN_CPU_AVX2) {
                        box_avx2(&box, (size_t)channels, out);
                        continue;
                    }
#endif
                    box_portable(&box, 0, (size_t)channels, out);
                }
}

void serin_mean_pixels_f32(
    const float *in, size_t images, size_t pixels, size_t channels, float *out) {
    for (size_t i = 0; i < images; i++, in += pixels * channels, out += channels) {
        for (size_t c = 0; c < channels; c++) out[c] = 0;
        for (size_t p = 0; p < pixels; p++)
            for (size_t c = 0; c < channels; c++) out[c] += in[p * channels + c];
        for (size_t c = 0; c < channels; c++) out[c] /= (float)(pixels ? pixels : 1);
    }
}

#if defined(__x86_64__)
// to[3 * x + c] = plane c at x, eight pixels at a time; gives the first pixel that is left.
SERIN_AVX2 static size_t three_planes(
    const float *r, const float *g, const float *b, size_t width, float *to) {
    // Each number is brought to where it stands in its vector of eight, and the three are mixed.
    const __m256i first = _mm256_setr_epi32(0, 3, 6, 1, 4, 7, 2, 5);
    const __m256i second = _mm256_setr_epi32(5, 0, 3, 6, 1, 4, 7, 2);
    const __m256i third = _mm256_setr_epi32(2, 5, 0, 3, 6, 1, 4, 7);
    size_t x = 0;
    for (; x + 8 <= width; x += 8, to += 24) {
        __m256 u = _mm256_permutevar8x32_ps(_mm256_loadu_ps(r + x), first);
        __m256 v = _mm256_permutevar8x32_ps(_mm256_loadu_ps(g + x), second);
        __m256 w = _mm256_permutevar8x32_ps(_mm256_loadu_ps(b + x), third);
        _mm256_storeu_ps(to, _mm256_blend_ps(_mm256_blend_ps(u, v, 0x92), w, 0x24));
        _mm256_storeu_ps(to + 8, _mm256_blend_ps(_mm256_blend_ps(u, v, 0x24), w, 0x49));
        _mm256_storeu_ps(to + 16, _mm256_blend_ps(_mm256_blend_ps(u, v, 0x49), w, 0x92));
    }
    return x;
}
#endif

void serin_border_planes_f32(
    const float *in, size_t plane, size_t channels, size_t lines, size_t width, size_t left,
    size_t padded, float *out) {
    for (size_t l = 0; l < lines; l++, out += padded * channels) {
        for (size_t i = 0; i < left * channels; i++) out[i] = 0;
        for (size_t i = (left + width) * channels; i < padded * channels; i++) out[i] = 0;
        float *to = out + left * channels;
        if (channels == 3) {
            const float *r = in + l * width, *g = r + plane, *b = g + plane;
            size_t x = 0;
#if defined(__x86_64__)
            if (serin_cpu_level() >= SERIN_CPU_AVX2) x = three_planes(r, g, b, width, to);
#endif
            for (; x < width; x++)
                to[3 * x] = r[x], to[3 * x + 1] = g[x], to[3 * x + 2] = b[x];
            continue;
        }
        for (size_t c = 0; c < channels; c++) {
            const float *from = in + c * plane + l * width;
            for (size_t x = 0; x < width; x++) to[x * channels + c] = from[x];
        }
    }
}

#if defined(__x86_64__)
SERIN_AVX2 static size_t affine_avx2(
    const float *in, size_t channels, const float *factor, const float *shift,
    enum serin_activation activation, float a, float b, float *out) {
    __m256 low = _mm256_set1_ps(a), high = _mm256_set1_ps(b);
    size_t c = 0;
    for (; c + 8 <= channels; c += 8) {
        __m256 x = _mm256_fmadd_ps(
            _mm256_loadu_ps(in + c), _mm256_loadu_ps(factor + c), _mm256_loadu_ps(shift + c));
        _mm256_storeu_ps(out + c, serin_activate8(activation, low, high, x));
    }
    return c;
}
#endif

void serin_affine_f32(
    const float *in, size_t pixels, size_t channels, const float *factor, const float *shift,
    enum serin_activation activation, float a, float b, float *out) {
    bool fast = false;
#if defined(__x86_64__)
    fast = serin_cpu_level() >= SERIN_CPU_AVX2;
#endif
    for (size_t p = 0; p < pixels; p++, in += channels, out += channels) {
        size_t c = 0;
#if defined(__x86_64__)
        if (fast) c = affine_avx2(in, channels, factor, shift, activation, a, b, out);
#endif
        for (; c < channels; c++)
            out[c] = serin_activate(activation, a, b, in[c] * factor[c] + shift[c]);
    }
    (void)fast;
}
