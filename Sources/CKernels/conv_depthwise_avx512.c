// SPDX-License-Identifier: Apache-2.0
// Convolution of each channel by itself with AVX-512: 16 channels in a vector; output pixels beside
// each other share what they read where their taps overlap. For lines of 3 or 5 taps without gaps, at
// every or every other pixel.
#if defined(__x86_64__)
#include <immintrin.h>

#include "conv_internal.h"

#define TARGET __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")))
#define UNROLL _Pragma("clang loop unroll(full)")

// Residual and activation of 16 sums, and where they go.
TARGET static inline void finish(const struct serin_stretch *s, size_t p, size_t c, __m512 y) {
    const struct serin_conv *conv = s->conv;
    size_t place = p * s->channels + c;
    if (s->residual) y = _mm512_add_ps(y, _mm512_loadu_ps(s->residual + place));
    if (conv->activation == SERIN_ACT_CLIP) {
        y = _mm512_max_ps(_mm512_set1_ps(conv->a), y);
        y = _mm512_min_ps(_mm512_set1_ps(conv->b), y);
    } else if (conv->activation != SERIN_ACT_NONE) {
        __m256 a = _mm256_set1_ps(conv->a), b = _mm256_set1_ps(conv->b);
        __m256 low = serin_activate8(conv->activation, a, b, _mm512_castps512_ps256(y));
        __m256 high = serin_activate8(conv->activation, a, b, _mm512_extractf32x8_ps(y, 1));
        y = _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
    }
    _mm512_storeu_ps(s->out + place, y);
}

// PIXELS pixels from `p` on, of 16 channels from `c` on; each pixel is STRIDE inputs behind the one
// before it, the TAPS taps of a line lie side by side. Where IS_EDGE, up to half of the taps of the
// first and the last may lie outside.
#define BLOCK(PIXELS, TAPS, STRIDE, IS_EDGE)                                                     \
    TARGET static void block_##PIXELS##_##TAPS##_##STRIDE##_##IS_EDGE(                           \
        const struct serin_stretch *s, size_t p, size_t c) {                                     \
        enum { READ = (PIXELS - 1) * STRIDE + TAPS };                                            \
        const struct serin_axis *axis = s->conv->axis;                                           \
        const size_t channels = s->channels;                                                     \
        const ptrdiff_t beside = (ptrdiff_t)s->conv->pixel;                                      \
        const ptrdiff_t below = axis[1].stride * axis[2].length_in * beside;                     \
        const ptrdiff_t place = axis[2].first + (ptrdiff_t)p * STRIDE;                           \
        const ptrdiff_t room = axis[2].length_in - place;                                        \
        __m512 start = s->bias ? _mm512_loadu_ps(s->bias + c) : _mm512_setzero_ps();             \
        __m512 sum[PIXELS];                                                                      \
        UNROLL for (int i = 0; i < PIXELS; i++) sum[i] = start;                                  \
        const float *next = s->out + (p + (size_t)axis[2].outputs) * channels + c;               \
        if (s->is_large)                                                                         \
            UNROLL for (int i = 0; i < PIXELS; i++)                                              \
                __builtin_prefetch(next + (size_t)i * channels, 0, 2);                           \
        const float *in = s->in + (ptrdiff_t)p * s->pixel + (ptrdiff_t)c;                        \
        for (ptrdiff_t x = s->x.from; x < s->x.to; x++)                                          \
            for (ptrdiff_t y = s->y.from; y < s->y.to; y++) {                                    \
                const float *w =                                                                 \
                    s->weights + (size_t)((x * axis[1].taps + y) * TAPS) * channels + c;         \
                const float *a = in + x * s->step_x + y * s->step_y;                             \
                /* What the next line of outputs reads and this one does not. */                 \
                if (s->is_large && y + axis[1].stride >= axis[1].taps)                           \
                    UNROLL for (int i = 0; i < PIXELS * STRIDE; i++)                             \
                        __builtin_prefetch(a + below + i * beside, 0, 3);                        \
                __m512 b[TAPS];                                                                  \
                UNROLL for (int t = 0; t < TAPS; t++)                                            \
                    b[t] = _mm512_loadu_ps(w + (size_t)t * channels);                            \
                UNROLL for (int r = 0; r < READ; r++) {                                          \
                    if (IS_EDGE && r < TAPS / 2 && place + r < 0) continue;                      \
                    if (IS_EDGE && r >= READ - TAPS / 2 && r >= room) continue;                  \
                    __m512 read = _mm512_loadu_ps(a + r * beside);                               \
                    UNROLL for (int i = 0; i < PIXELS; i++)                                      \
                        if (r >= i * STRIDE && r < i * STRIDE + TAPS)                            \
                            sum[i] = _mm512_fmadd_ps(read, b[r - i * STRIDE], sum[i]);           \
                }                                                                                \
            }                                                                                    \
        UNROLL for (int i = 0; i < PIXELS; i++) finish(s, p + (size_t)i, c, sum[i]);             \
    }
#define BLOCKS(TAPS, STRIDE, IS_EDGE)                                                            \
    BLOCK(1, TAPS, STRIDE, IS_EDGE) BLOCK(2, TAPS, STRIDE, IS_EDGE)                              \
    BLOCK(4, TAPS, STRIDE, IS_EDGE) BLOCK(7, TAPS, STRIDE, IS_EDGE)
BLOCKS(3, 1, 0) BLOCKS(3, 2, 0) BLOCKS(5, 1, 0) BLOCKS(5, 2, 0)
BLOCKS(3, 1, 1) BLOCKS(3, 2, 1) BLOCKS(5, 1, 1) BLOCKS(5, 2, 1)

typedef void block_function(const struct serin_stretch *, size_t, size_t);
#define ROW(TAPS, STRIDE, IS_EDGE)                                                               \
    {                                                                                            \
        block_1_##TAPS##_##STRIDE##_##IS_EDGE, block_2_##TAPS##_##STRIDE##_##IS_EDGE,            \
            block_4_##TAPS##_##STRIDE##_##IS_EDGE, block_7_##TAPS##_##STRIDE##_##IS_EDGE         \
    }
#define ROWS(IS_EDGE)                                                                            \
    {ROW(3, 1, IS_EDGE), ROW(3, 2, IS_EDGE), ROW(5, 1, IS_EDGE), ROW(5, 2, IS_EDGE)}
static block_function *const blocks[2][4][4] = {ROWS(0), ROWS(1)};

bool serin_depthwise_has_lines(const struct serin_conv *conv) {
    const struct serin_axis *axis = &conv->axis[2];
    ptrdiff_t end = axis->first + (axis->outputs - 1) * axis->stride + axis->taps;
    return axis->tap_step == 1 && axis->stride <= 2 && (axis->taps == 3 || axis->taps == 5) &&
           axis->first >= -(axis->taps / 2) && end <= axis->length_in + axis->taps / 2;
}

size_t serin_depthwise_line_avx512(const struct serin_stretch *s) {
    const struct serin_axis *axis = &s->conv->axis[2];
    const size_t pixels = (size_t)axis->outputs;
    const int form = (axis->taps == 3 ? 0 : 2) + (int)axis->stride - 1;
    size_t c = 0;
    for (; c + 16 <= s->channels; c += 16)
        for (size_t p = 0; p < pixels;) {
            size_t left = pixels - p, size = left >= 7 ? 3 : left >= 4 ? 2 : left >= 2 ? 1 : 0;
            size_t count = size == 3 ? 7 : (size_t)1 << size;
            ptrdiff_t from = axis->first + (ptrdiff_t)p * axis->stride;
            ptrdiff_t to = from + (ptrdiff_t)(count - 1) * axis->stride + axis->taps;
            bool is_edge = from < 0 || to > axis->length_in;
            blocks[is_edge][form][size](s, p, c);
            p += count;
        }
    return c;
}
#endif
