// SPDX-License-Identifier: Apache-2.0
// Convolution of each channel by itself with AVX-512: 16 channels in a vector; output pixels beside
// each other share what they read where their taps overlap. For lines of 3 or 5 taps without gaps, at
// every or every other pixel.
#if defined(__x86_64__)
#include <immintrin.h>

#include "conv_internal.h"

#define TARGET __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")))
#define INLINE __attribute__((always_inline)) static inline
#define UNROLL _Pragma("clang loop unroll(full)")
// The most pixels of a block: with as many, the sums do not wait for each other.
#define MOST 8

// A line of outputs and the numbers about it, out of the way of what is stored, so that they stay in
// registers.
struct line {
    const float *in, *weights, *bias, *residual;  // of the first channel
    float *out;
    struct serin_span x, y;
    ptrdiff_t step_x, step_y;  // floats from one tap to the next
    ptrdiff_t beside;          // floats from one input pixel to the next
    ptrdiff_t channels;        // floats from one output pixel, or one tap's weights, to the next
    ptrdiff_t taps_y;
    ptrdiff_t first, length;  // where the first output reads first, and how many pixels there are
    ptrdiff_t ahead;          // from what is written now to what will be later, to fetch it; or 0
    enum serin_activation activation;
    float a, b;
};

// The dearer activations of 16 sums.
TARGET INLINE __m512 activate(enum serin_activation kind, float a, float b, __m512 x) {
    __m256 u = _mm256_set1_ps(a), v = _mm256_set1_ps(b);
    __m256 low = serin_activate8(kind, u, v, _mm512_castps512_ps256(x));
    __m256 high = serin_activate8(kind, u, v, _mm512_extractf32x8_ps(x, 1));
    return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
}

// `pixels` outputs from `p` on, of 16 channels; each is `stride` inputs behind the one before it, the
// `taps` taps of a line lie side by side. Where `is_edge`, up to half of the taps of the first and the
// last may lie outside. All of these are constants where it is called.
TARGET INLINE void block(
    const struct line *l, const int pixels, const int taps, const int stride, const bool is_edge,
    ptrdiff_t p, ptrdiff_t c) {
    const int read = (pixels - 1) * stride + taps;
    const ptrdiff_t beside = l->beside, channels = l->channels;
    const ptrdiff_t place = l->first + p * stride, room = l->length - place;
    __m512 sum[MOST], b[5];
    const __m512 start = l->bias ? _mm512_loadu_ps(l->bias + c) : _mm512_setzero_ps();
    UNROLL for (int i = 0; i < pixels; i++) sum[i] = start;
    float *out = l->out + p * channels + c;
    if (l->ahead)
        UNROLL for (int i = 0; i < pixels; i++)
            __builtin_prefetch(out + l->ahead + i * channels, 0, 2);
    const float *in = l->in + p * stride * beside + c;
    for (ptrdiff_t x = l->x.from; x < l->x.to; x++) {
        const float *a = in + x * l->step_x + l->y.from * l->step_y;
        const float *w = l->weights + (x * l->taps_y + l->y.from) * taps * channels + c;
        for (ptrdiff_t y = l->y.from; y < l->y.to; y++, a += l->step_y) {
            UNROLL for (int t = 0; t < taps; t++, w += channels) b[t] = _mm512_loadu_ps(w);
            UNROLL for (int r = 0; r < read; r++) {
                if (is_edge && r < taps / 2 && place + r < 0) continue;
                if (is_edge && r >= read - taps / 2 && r >= room) continue;
                __m512 from = _mm512_loadu_ps(a + r * beside);
                UNROLL for (int i = 0; i < pixels; i++)
                    if (r >= i * stride && r < i * stride + taps)
                        sum[i] = _mm512_fmadd_ps(from, b[r - i * stride], sum[i]);
            }
        }
    }
    if (l->residual) {
        const float *more = l->residual + p * channels + c;
        UNROLL for (int i = 0; i < pixels; i++)
            sum[i] = _mm512_add_ps(sum[i], _mm512_loadu_ps(more + i * channels));
    }
    if (l->activation == SERIN_ACT_CLIP) {
        const __m512 low = _mm512_set1_ps(l->a), high = _mm512_set1_ps(l->b);
        UNROLL for (int i = 0; i < pixels; i++)
            sum[i] = _mm512_min_ps(high, _mm512_max_ps(low, sum[i]));
    } else if (l->activation != SERIN_ACT_NONE) {
        UNROLL for (int i = 0; i < pixels; i++)
            sum[i] = activate(l->activation, l->a, l->b, sum[i]);
    }
    UNROLL for (int i = 0; i < pixels; i++) _mm512_storeu_ps(out + i * channels, sum[i]);
}

// Blocks of 8 outputs from `p` on, as long as they end before `outer`; gives the first that is left.
#define WIDE(TAPS, STRIDE)                                                                       \
    TARGET __attribute__((noinline)) static ptrdiff_t wide_##TAPS##_##STRIDE(                    \
        const struct line *given, ptrdiff_t p, ptrdiff_t c, ptrdiff_t outer) {                   \
        const struct line l = *given;                                                            \
        for (; p + 8 <= outer; p += 8) block(&l, 8, TAPS, STRIDE, false, p, c);                  \
        return p;                                                                                \
    }
WIDE(3, 1) WIDE(3, 2) WIDE(5, 1) WIDE(5, 2)

// The channels from..<to of a line, in whole vectors.
#define LINE(TAPS, STRIDE)                                                                       \
    TARGET static void line_##TAPS##_##STRIDE(                                                   \
        const struct line *l, ptrdiff_t pixels, size_t from, size_t to) {                        \
        /* Of the outputs inner..<outer every tap reads inside. */                               \
        const ptrdiff_t inner = l->first >= 0 ? 0 : (-l->first + STRIDE - 1) / STRIDE;           \
        const ptrdiff_t reach = l->length - l->first - TAPS;                                     \
        const ptrdiff_t outer = reach < 0 ? 0 : reach / STRIDE + 1;                              \
        for (ptrdiff_t c = (ptrdiff_t)from; c < (ptrdiff_t)to; c += 16) {                        \
            ptrdiff_t p = 0;                                                                     \
            for (ptrdiff_t left; (left = pixels - p) > 0;) {                                     \
                bool is_inside = p >= inner;                                                     \
                if (is_inside && p + 8 <= outer)                                                 \
                    p = wide_##TAPS##_##STRIDE(l, p, c, outer);                                  \
                else if (left >= 7)                                                              \
                    block(l, 7, TAPS, STRIDE, true, p, c), p += 7;                               \
                else if (left >= 4 && is_inside && p + 4 <= outer)                               \
                    block(l, 4, TAPS, STRIDE, false, p, c), p += 4;                              \
                else if (left >= 4)                                                              \
                    block(l, 4, TAPS, STRIDE, true, p, c), p += 4;                               \
                else if (left >= 2)                                                              \
                    block(l, 2, TAPS, STRIDE, true, p, c), p += 2;                               \
                else                                                                             \
                    block(l, 1, TAPS, STRIDE, true, p, c), p += 1;                               \
            }                                                                                    \
        }                                                                                        \
    }
LINE(3, 1) LINE(3, 2) LINE(5, 1) LINE(5, 2)

bool serin_depthwise_has_lines(const struct serin_conv *conv) {
    const struct serin_axis *axis = &conv->axis[2];
    ptrdiff_t end = axis->first + (axis->outputs - 1) * axis->stride + axis->taps;
    return axis->tap_step == 1 && axis->stride <= 2 && (axis->taps == 3 || axis->taps == 5) &&
           axis->first >= -(axis->taps / 2) && end <= axis->length_in + axis->taps / 2;
}

size_t serin_depthwise_line_avx512(const struct serin_stretch *s) {
    const struct serin_conv *conv = s->conv;
    const struct serin_axis *axis = &conv->axis[2];
    const struct line line = {
        .in = s->in, .weights = s->weights, .bias = s->bias, .residual = s->residual,
        .out = s->out, .x = s->x, .y = s->y, .step_x = s->step_x, .step_y = s->step_y,
        .beside = (ptrdiff_t)conv->pixel, .channels = (ptrdiff_t)s->channels,
        .taps_y = conv->axis[1].taps, .first = axis->first, .length = axis->length_in,
        .ahead = s->is_large ? axis->outputs * (ptrdiff_t)s->channels : 0,
        .activation = conv->activation, .a = conv->a, .b = conv->b};
    const size_t whole = s->channels / 16 * 16;
    if (axis->taps == 3)
        (axis->stride == 1 ? line_3_1 : line_3_2)(&line, axis->outputs, 0, whole);
    else
        (axis->stride == 1 ? line_5_1 : line_5_2)(&line, axis->outputs, 0, whole);
    return whole;
}
#endif
