// SPDX-License-Identifier: Apache-2.0
// Products that are bound by latency rather than by arithmetic, for one vector width: those of a
// single row, of a single panel, and of a single column. Included by a file that defines, beside
// what gemm_tile.h asks for,
//   VEC_MAX (the second where they are equal or one is NaN)
//   VEC_SOME     what names the first lanes of a vector, VEC_FIRST(n) the first n, none to all
//   VEC_LOAD_SOME(p, some) and VEC_STORE_SOME(p, some, v)
//   NAME(fold)(sums)  the sum of SERIN_DOT_CHAINS chains, the upper half added to the lower each time
//   NARROW_TALL(VS)   rows of the largest narrow tile of VS vectors, NARROW_TILES(X) them all
#include "gemm_internal.h"

#define VECTORS (SERIN_PANEL / LANES)

// Every loop over sums is unrolled whole: a sum that is indexed would not stay in a register.
#define UNROLL _Pragma("clang loop unroll(full)")

// The lanes that exist of vector v, where `width` columns do.
static inline VEC_SOME NAME(lanes)(size_t width, int v) __attribute__((always_inline));
TARGET static inline VEC_SOME NAME(lanes)(size_t width, int v) {
    size_t before = (size_t)v * LANES;
    size_t count = width <= before ? 0 : width - before;
    return VEC_FIRST(count < LANES ? count : LANES);
}

// Adds bias and residual to a finished vector of sums and applies what one instruction does.
TARGET static inline __attribute__((always_inline)) VEC NAME(finish)(
    VEC sum, const float *bias, const float *residual, VEC_SOME some, enum serin_function function) {
    if (bias) sum = VEC_ADD(sum, VEC_LOAD_SOME(bias, some));
    if (residual) sum = VEC_ADD(sum, VEC_LOAD_SOME(residual, some));
    return function == SERIN_RELU ? VEC_MAX(VEC_ZERO, sum) : sum;
}

// P panels of a single row, all of their columns there or the last in part.
#define LINE_PANELS(P)                                                                            \
    TARGET static inline __attribute__((always_inline)) void NAME(line_##P)(                      \
        size_t depth, const float *a, ptrdiff_t depth_stride, const float *panel,                 \
        const float *bias, const float *residual, enum serin_function function, float *c,         \
        size_t width) {                                                                           \
        VEC sums[P * VECTORS];                                                                    \
        UNROLL for (int v = 0; v < P * VECTORS; v++) sums[v] = VEC_ZERO;                          \
        const size_t apart = depth * SERIN_PANEL;                                                 \
        for (size_t k = 0; k < depth; k++) {                                                      \
            VEC x = VEC_ONE(a);                                                                   \
            UNROLL for (int v = 0; v < P * VECTORS; v++)                                          \
                sums[v] = VEC_FMA(                                                                \
                    x, VEC_LOAD(panel + v / VECTORS * apart + v % VECTORS * LANES), sums[v]);     \
            a += depth_stride;                                                                    \
            panel += SERIN_PANEL;                                                                 \
        }                                                                                         \
        UNROLL for (int v = 0; v < P * VECTORS; v++) {                                            \
            VEC_SOME some = NAME(lanes)(width, v);                                                \
            VEC sum = NAME(finish)(                                                               \
                sums[v], bias ? bias + v * LANES : NULL, residual ? residual + v * LANES : NULL,  \
                some, function);                                                                  \
            VEC_STORE_SOME(c + v * LANES, some, sum);                                             \
        }                                                                                         \
    }

LINE_PANELS(4)
LINE_PANELS(2)
LINE_PANELS(1)

// A single row: as many panels at once as there are chains to hide the latency of each.
TARGET static __attribute__((noinline)) void NAME(line)(
    size_t columns, size_t depth, const float *a, ptrdiff_t depth_stride, const float *packed,
    const struct serin_epilogue *e, float *c) {
    for (size_t first = 0; first < columns;) {
        size_t left = columns - first, panels = (left + SERIN_PANEL - 1) / SERIN_PANEL;
        const float *panel = packed + first * depth;
        const float *bias = e->bias ? e->bias + first : NULL;
        const float *residual = e->residual ? e->residual + first : NULL;
        size_t taken = panels >= 4 ? 4 : panels >= 2 ? 2 : 1;
        size_t width = left < taken * SERIN_PANEL ? left : taken * SERIN_PANEL;
        switch (taken) {
        case 4:
            NAME(line_4)(
                depth, a, depth_stride, panel, bias, residual, e->function, c + first, width);
            break;
        case 2:
            NAME(line_2)(
                depth, a, depth_stride, panel, bias, residual, e->function, c + first, width);
            break;
        default:
            NAME(line_1)(
                depth, a, depth_stride, panel, bias, residual, e->function, c + first, width);
        }
        first += width;
    }
    if (e->function != SERIN_IDENTITY && e->function != SERIN_RELU)
        NAME(map)(e->function, e->alpha, e->beta, columns, c, c);
}

// ROWS rows of a single panel, of whose vectors the first VS have columns: SERIN_CHAINS chains for
// each element, of every so many steps of the depth.
#define NARROW(ROWS, VS)                                                                          \
    TARGET static void NAME(narrow_##ROWS##x##VS)(                                                \
        size_t columns, size_t depth, const float *a, ptrdiff_t row_stride,                       \
        ptrdiff_t depth_stride, const float *panel, const struct serin_epilogue *e,               \
        const float *residual, float *c, size_t c_stride) {                                       \
        VEC sums[ROWS][SERIN_CHAINS][VS];                                                         \
        UNROLL for (int r = 0; r < ROWS; r++)                                                     \
            UNROLL for (int q = 0; q < SERIN_CHAINS; q++)                                         \
                UNROLL for (int v = 0; v < VS; v++) sums[r][q][v] = VEC_ZERO;                     \
        size_t k = 0;                                                                             \
        for (; k + SERIN_CHAINS <= depth; k += SERIN_CHAINS) {                                    \
            UNROLL for (int q = 0; q < SERIN_CHAINS; q++) NARROW_STEP(ROWS, VS, q)                \
        }                                                                                         \
        UNROLL for (int q = 0; q < SERIN_CHAINS - 1; q++) {                                       \
            if (k == depth) break;                                                                \
            NARROW_STEP(ROWS, VS, q)                                                              \
            k++;                                                                                  \
        }                                                                                         \
        UNROLL for (int r = 0; r < ROWS; r++)                                                     \
            UNROLL for (int v = 0; v < VS; v++) {                                                 \
                VEC_SOME some = NAME(lanes)(columns, v);                                          \
                VEC sum = VEC_ADD(                                                                \
                    VEC_ADD(sums[r][0][v], sums[r][1][v]),                                        \
                    VEC_ADD(sums[r][2][v], sums[r][3][v]));                                       \
                sum = NAME(finish)(                                                               \
                    sum, e->bias ? e->bias + v * LANES : NULL,                                    \
                    residual ? residual + r * e->residual_stride + v * LANES : NULL, some,        \
                    e->function);                                                                 \
                VEC_STORE_SOME(c + r * c_stride + v * LANES, some, sum);                          \
            }                                                                                     \
    }
#define NARROW_STEP(ROWS, VS, q)                                                                  \
    {                                                                                             \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                   \
            VEC x = VEC_ONE(a + r * row_stride);                                                  \
            UNROLL for (int v = 0; v < VS; v++)                                                   \
                sums[r][q][v] = VEC_FMA(x, VEC_LOAD(panel + v * LANES), sums[r][q][v]);           \
        }                                                                                         \
        a += depth_stride;                                                                        \
        panel += SERIN_PANEL;                                                                     \
    }

NARROW_TILES(NARROW)

// A single panel. The depth is one stretch: chains that are added at its end cannot go on from a
// stored sum.
TARGET static __attribute__((noinline)) void NAME(narrow)(SERIN_GEMM_ARGUMENTS) {
    const size_t vectors = columns <= LANES ? 1 : VECTORS;
    for (size_t row = 0; row < rows;) {
        size_t left = rows - row, tall = left < NARROW_TALL(vectors) ? left : NARROW_TALL(vectors);
        const float *residual = e->residual ? e->residual + row * e->residual_stride : NULL;
        switch (vectors * 8 + tall) {
#define NARROW_CASE(ROWS, VS)                                                                     \
    case VS * 8 + ROWS:                                                                           \
        NAME(narrow_##ROWS##x##VS)(                                                               \
            columns, depth, a + (ptrdiff_t)row * row_stride, row_stride, depth_stride, packed, e, \
            residual, c + row * c_stride, c_stride);                                              \
        break;
            NARROW_TILES(NARROW_CASE)
        }
        row += tall;
    }
    if (e->function == SERIN_IDENTITY || e->function == SERIN_RELU) return;
    for (size_t row = 0; row < rows; row++)
        NAME(map)(e->function, e->alpha, e->beta, columns, c + row * c_stride, c + row * c_stride);
}

// SERIN_DOT_CHAINS products of elements at `count` and after it, of which `left` exist, are added to
// their chains.
TARGET static inline __attribute__((always_inline)) void NAME(dot_step)(
    const float *x, const float *b, size_t left, VEC *sums) {
    UNROLL for (int v = 0; v < SERIN_DOT_CHAINS / LANES; v++) {
        VEC_SOME some = NAME(lanes)(left, v);
        sums[v] = VEC_FMA(
            VEC_LOAD_SOME(x + v * LANES, some), VEC_LOAD_SOME(b + v * LANES, some), sums[v]);
    }
}

// A single column: the depth lies along the lanes.
TARGET static __attribute__((noinline)) void NAME(dot)(SERIN_GEMM_ARGUMENTS) {
    (void)columns;
    for (size_t row = 0; row < rows; row++) {
        const float *line = a + (ptrdiff_t)row * row_stride;
        VEC sums[SERIN_DOT_CHAINS / LANES];
        UNROLL for (int v = 0; v < SERIN_DOT_CHAINS / LANES; v++) sums[v] = VEC_ZERO;
        if (depth_stride == 1) {
            size_t k = 0;
            for (; k + SERIN_DOT_CHAINS <= depth; k += SERIN_DOT_CHAINS)
                UNROLL for (int v = 0; v < SERIN_DOT_CHAINS / LANES; v++)
                    sums[v] = VEC_FMA(
                        VEC_LOAD(line + k + v * LANES), VEC_LOAD(packed + k + v * LANES), sums[v]);
            if (k < depth) NAME(dot_step)(line + k, packed + k, depth - k, sums);
        } else {
            for (size_t k = 0; k < depth; k += SERIN_DOT_CHAINS) {
                float gathered[SERIN_DOT_CHAINS];
                size_t left = depth - k < SERIN_DOT_CHAINS ? depth - k : SERIN_DOT_CHAINS;
                for (size_t j = 0; j < left; j++)
                    gathered[j] = line[(ptrdiff_t)(k + j) * depth_stride];
                NAME(dot_step)(gathered, packed + k, left, sums);
            }
        }
        float sum = NAME(fold)(sums);
        if (e->bias) sum += e->bias[0];
        if (e->residual) sum += e->residual[row * e->residual_stride];
        if (e->function == SERIN_RELU)
            sum = sum < 0 ? 0 : sum;
        else if (e->function != SERIN_IDENTITY)
            NAME(map)(e->function, e->alpha, e->beta, 1, &sum, &sum);
        c[row * c_stride] = sum;
    }
}
