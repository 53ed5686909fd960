// SPDX-License-Identifier: Apache-2.0
// The body of a matrix product for one vector width; included by a file that defines
//   TARGET       the function attribute
//   LANES        floats of a vector, VEC the vector type
//   VEC_LOAD VEC_STORE VEC_ONE (broadcast of *p) VEC_FMA VEC_ADD VEC_MUL VEC_ZERO
//   TALL         rows of the largest tile, PANELS its panels
//   PLAIN_DEPTH  depth of a stretch where a stays as it is, and PLAIN_ROWS the rows of a block
//   GEMM         the name of the function to make
// and what gemm_line.h asks for.
//
// The method is that of Goto and van de Geijn (Anatomy of High-Performance Matrix Multiplication,
// 2008): a block of `a` stays in the second cache, a stretch of one panel of `b` in the first or
// second, and a tile of `c` in registers. The block is packed only where its lines would not stay
// side by side in a cache. A stretch after the first goes on from the sums stored in c, so an
// element stays one chain whatever the blocking.
#include "gemm_internal.h"

// Where a tile begins in a, b, c and what is done when its sums are ready.
struct NAME(tile) {
    size_t depth;         // of this stretch
    const float *a;
    ptrdiff_t row_stride, depth_stride;
    const float *panel;
    size_t panel_stride;  // floats from a panel to the next
    const float *next;    // what is fetched meanwhile, as long as this stretch; never read
    // Of a matrix that is not packed: floats from a line to the next, and what multiplies them.
    ptrdiff_t line_stride;
    float scale;
    float *c;
    size_t c_stride;
    size_t width;         // columns that exist, at most those of the tile
    int is_first, is_last;
    const float *bias, *residual;
    size_t residual_stride;
};

// ROWS x (P panels): the sums are held in registers throughout. STEP floats lie from a line of b to the
// next, of which FROM_B makes the elements; of what is fetched, as many panels.
#define TILE_BODY(ROWS, P, STEP, FROM_B, FETCHED)                                                 \
    VEC sums[ROWS][P * VECTORS];                                                                  \
    float edge[P * SERIN_PANEL];                                                                  \
    const size_t width = t->width;                                                                \
    const int is_whole = width == P * SERIN_PANEL;                                                \
    UNROLL for (int r = 0; r < ROWS; r++) {                                                       \
        const float *c = t->c + (size_t)r * t->c_stride;                                          \
        if (t->is_first) {                                                                        \
            UNROLL for (int v = 0; v < P * VECTORS; v++) sums[r][v] = VEC_ZERO;                   \
        } else if (is_whole) {                                                                    \
            UNROLL for (int v = 0; v < P * VECTORS; v++) sums[r][v] = VEC_LOAD(c + v * LANES);    \
        } else {                                                                                  \
            for (size_t j = 0; j < P * SERIN_PANEL; j++) edge[j] = j < width ? c[j] : 0;          \
            UNROLL for (int v = 0; v < P * VECTORS; v++) sums[r][v] = VEC_LOAD(edge + v * LANES); \
        }                                                                                         \
    }                                                                                             \
    /* The sums that the tile below goes on from, or will store. */                               \
    UNROLL for (int r = 0; r < ROWS; r++) {                                                       \
        const float *below = t->c + (size_t)(ROWS + r) * t->c_stride;                             \
        UNROLL for (int p = 0; p < P; p++) __builtin_prefetch(below + p * SERIN_PANEL, 0, 2);     \
    }                                                                                             \
    const float *panel = t->panel;                                                                \
    const float *next = t->next;                                                                  \
    for (size_t k = t->depth; k > 0; k--) {                                                       \
        UNROLL for (int p = 0; p < FETCHED; p++)                                                  \
            __builtin_prefetch(next + p * SERIN_PANEL, 0, 2);                                     \
        next += STEP;                                                                             \
        VEC b[P * VECTORS];                                                                       \
        UNROLL for (int v = 0; v < P * VECTORS; v++)                                              \
            b[v] = FROM_B(VEC_LOAD(                                                               \
                panel + (size_t)(v / VECTORS) * t->panel_stride + (v % VECTORS) * LANES));        \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                   \
            VEC x = VEC_ONE(a + r * row_stride);                                                  \
            UNROLL for (int v = 0; v < P * VECTORS; v++) sums[r][v] = VEC_FMA(x, b[v], sums[r][v]); \
        }                                                                                         \
        a += depth_stride;                                                                        \
        panel += STEP;                                                                            \
    }                                                                                             \
    UNROLL for (int r = 0; r < ROWS; r++) {                                                       \
        float *c = t->c + (size_t)r * t->c_stride;                                                \
        if (!is_whole) {                                                                          \
            UNROLL for (int v = 0; v < P * VECTORS; v++) VEC_STORE(edge + v * LANES, sums[r][v]); \
            const float *residual =                                                               \
                t->is_last && t->residual ? t->residual + (size_t)r * t->residual_stride : NULL;  \
            const float *bias = t->is_last ? t->bias : NULL;                                      \
            for (size_t j = 0; j < width; j++) {                                                  \
                float sum = edge[j];                                                              \
                if (bias) sum += bias[j];                                                         \
                if (residual) sum += residual[j];                                                 \
                c[j] = sum;                                                                       \
            }                                                                                     \
            continue;                                                                             \
        }                                                                                         \
        if (t->is_last && t->bias)                                                                \
            UNROLL for (int v = 0; v < P * VECTORS; v++)                                          \
                sums[r][v] = VEC_ADD(sums[r][v], VEC_LOAD(t->bias + v * LANES));                  \
        if (t->is_last && t->residual) {                                                          \
            const float *residual = t->residual + (size_t)r * t->residual_stride;                 \
            UNROLL for (int v = 0; v < P * VECTORS; v++)                                          \
                sums[r][v] = VEC_ADD(sums[r][v], VEC_LOAD(residual + v * LANES));                 \
        }                                                                                         \
        UNROLL for (int v = 0; v < P * VECTORS; v++) VEC_STORE(c + v * LANES, sums[r][v]);        \
    }

#define AS_PACKED(elements) elements
#define SCALED(elements) VEC_MUL(elements, scale)

// A tile over packed lines of a, whose elements for one depth lie side by side, one over a as it is,
// and one over both matrices as they are.
#define TILE(ROWS, P)                                                                             \
    TARGET static void NAME(packed_##ROWS##x##P)(const struct NAME(tile) *t) {                    \
        const float *a = t->a;                                                                    \
        const ptrdiff_t row_stride = 1, depth_stride = ROWS;                                      \
        TILE_BODY(ROWS, P, SERIN_PANEL, AS_PACKED, 1)                                             \
    }                                                                                             \
    TARGET static void NAME(plain_##ROWS##x##P)(const struct NAME(tile) *t) {                     \
        const float *a = t->a;                                                                    \
        const ptrdiff_t row_stride = t->row_stride, depth_stride = t->depth_stride;               \
        TILE_BODY(ROWS, P, SERIN_PANEL, AS_PACKED, 1)                                             \
    }                                                                                             \
    TARGET static void NAME(direct_##ROWS##x##P)(const struct NAME(tile) *t) {                    \
        const float *a = t->a;                                                                    \
        const ptrdiff_t row_stride = t->row_stride, depth_stride = t->depth_stride;               \
        const VEC scale = VEC_ONE(&t->scale);                                                     \
        TILE_BODY(ROWS, P, t->line_stride, SCALED, P)                                             \
    }

TILES

// Copies `rows` lines of a, `depth` long, so that what a tile reads for one depth lies together.
TARGET static void NAME(pack_lines)(
    size_t rows, size_t depth, const float *a, ptrdiff_t row_stride, ptrdiff_t depth_stride,
    float *target) {
    size_t whole = depth_stride == 1 && rows >= 4 ? depth / 4 * 4 : 0;
    for (size_t k = 0; k < whole; k += 4)
        for (size_t r = 0; r < rows; r += 4) {
            // The last four rows may have been copied in part.
            size_t row = r + 4 <= rows ? r : rows - 4;
            const float *from = a + (ptrdiff_t)row * row_stride + k;
            __m128 x0 = _mm_loadu_ps(from), x1 = _mm_loadu_ps(from + row_stride);
            __m128 x2 = _mm_loadu_ps(from + 2 * row_stride);
            __m128 x3 = _mm_loadu_ps(from + 3 * row_stride);
            _MM_TRANSPOSE4_PS(x0, x1, x2, x3);
            float *place = target + k * rows + row;
            _mm_storeu_ps(place, x0);
            _mm_storeu_ps(place + rows, x1);
            _mm_storeu_ps(place + 2 * rows, x2);
            _mm_storeu_ps(place + 3 * rows, x3);
        }
    for (size_t r = 0; r < rows; r++) {
        const float *line = a + (ptrdiff_t)r * row_stride;
        for (size_t k = whole; k < depth; k++)
            target[k * rows + r] = line[(ptrdiff_t)k * depth_stride];
    }
}

// Whether lines of a that are read together would drive each other out of the first cache, whose
// places repeat every 4096 bytes; it has eight of each, so half of that does harm too.
static int NAME(collides)(ptrdiff_t row_stride) {
    ptrdiff_t apart = row_stride & 511;
    return apart < 16 || apart > 512 - 16;
}

// Applies the epilogue's function to a rectangle of c.
TARGET static void NAME(apply)(
    const struct serin_epilogue *e, float *c, size_t c_stride, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++)
        NAME(map)(e->function, e->alpha, e->beta, columns, c + i * c_stride, c + i * c_stride);
}

// Few rows: a stays as it is, the whole depth is one stretch.
TARGET static __attribute__((noinline)) void NAME(thin)(SERIN_GEMM_ARGUMENTS) {
    struct NAME(tile) t = {
        .depth = depth, .a = a, .row_stride = row_stride, .depth_stride = depth_stride,
        .panel_stride = depth * SERIN_PANEL, .c_stride = c_stride, .is_first = 1, .is_last = 1,
        .residual_stride = e->residual_stride};
    for (size_t first = 0; first < columns;) {
        size_t left = columns - first;
        size_t panels = (left + SERIN_PANEL - 1) / SERIN_PANEL;
        size_t most = THIN_PANELS(rows);
        if (panels > most) panels = most;
        if (panels == 3) panels = 2;
        t.width = left < panels * SERIN_PANEL ? left : panels * SERIN_PANEL;
        t.panel = packed + first * depth;
        t.next = t.panel + (left > panels * SERIN_PANEL ? panels * t.panel_stride : 0);
        t.c = c + first;
        t.bias = e->bias ? e->bias + first : NULL;
        t.residual = e->residual ? e->residual + first : NULL;
        NAME(plain)(rows, panels, &t);
        first += t.width;
    }
    if (e->function != SERIN_IDENTITY) NAME(apply)(e, c, c_stride, rows, columns);
}

// How many of the `left` rows the next tile takes: as many as fit, but no tile is left with few.
static size_t NAME(next_tile)(size_t left) {
    if (left <= TALL) return left;
    if (left < TALL + TALL / 2) return (left + 1) / 2;
    return TALL;
}

// Many rows, in blocks.
TARGET static __attribute__((noinline)) void NAME(blocked)(SERIN_GEMM_ARGUMENTS) {
    _Alignas(64) float block[SERIN_BLOCK_ROWS * SERIN_BLOCK_DEPTH];
    // Few columns do not earn the packing of lines that can be read as they are.
    int packs = depth_stride != 1 ||
                (TALL > 8 && columns > 4 * SERIN_PANEL && NAME(collides)(row_stride));
    size_t most = packs ? SERIN_BLOCK_ROWS : PLAIN_ROWS;
    size_t blocks = (rows + most - 1) / most;
    size_t block_rows = (rows + blocks - 1) / blocks;
    if (block_rows % TALL != 0 && blocks > 1) {
        block_rows += TALL - block_rows % TALL;
        if (block_rows > most) block_rows -= TALL;
    }
    size_t deepest = packs ? SERIN_BLOCK_DEPTH : PLAIN_DEPTH;
    size_t stretches = (depth + deepest - 1) / deepest;
    size_t stretch = stretches ? (depth + stretches - 1) / stretches : 0;
    struct NAME(tile) t = {
        .row_stride = row_stride, .depth_stride = depth_stride,
        .panel_stride = depth * SERIN_PANEL, .c_stride = c_stride,
        .residual_stride = e->residual_stride};
    for (size_t top = 0; top < rows; top += block_rows) {
        size_t height = rows - top < block_rows ? rows - top : block_rows;
        size_t from = 0;
        do {
            t.depth = depth - from < stretch ? depth - from : stretch;
            t.is_first = from == 0;
            t.is_last = from + t.depth == depth;
            for (size_t i = 0; packs && i < height;) {
                size_t tall = NAME(next_tile)(height - i);
                NAME(pack_lines)(
                    tall, t.depth,
                    a + (ptrdiff_t)(top + i) * row_stride + (ptrdiff_t)from * depth_stride,
                    row_stride, depth_stride, block + i * t.depth);
                i += tall;
            }
            size_t done = 0;
            for (size_t first = 0; first < columns;) {
                size_t panels = (columns - first + SERIN_PANEL - 1) / SERIN_PANEL;
                if (panels > PANELS) panels = PANELS;
                size_t width = panels * SERIN_PANEL;
                t.width = columns - first < width ? columns - first : width;
                t.panel = packed + first * depth + from * SERIN_PANEL;
                t.bias = e->bias ? e->bias + first : NULL;
                const float *following =
                    first + width < columns ? t.panel + panels * t.panel_stride : t.panel;
                size_t fetched = 0;
                for (size_t i = 0; i < height;) {
                    size_t tall = NAME(next_tile)(height - i);
                    // The first tiles fetch a panel each; the others name what is near already.
                    t.next = fetched < panels ? following + fetched * t.panel_stride : t.panel;
                    fetched++;
                    t.a = packs ? block + i * t.depth
                                : a + (ptrdiff_t)(top + i) * row_stride + (ptrdiff_t)from;
                    t.c = c + (top + i) * c_stride + first;
                    t.residual =
                        e->residual ? e->residual + (top + i) * e->residual_stride + first : NULL;
                    if (packs)
                        NAME(packed)(tall, panels, &t);
                    else
                        NAME(plain)(tall, panels, &t);
                    i += tall;
                }
                first += t.width;
                // While a few panels of c are still near, rather than all at the end.
                if (t.is_last && e->function != SERIN_IDENTITY &&
                    (first - done >= SERIN_APPLY_COLUMNS || first >= columns)) {
                    NAME(apply)(e, c + top * c_stride + done, c_stride, height, first - done);
                    done = first;
                }
            }
            from += t.depth;
        } while (from < depth);
    }
}

TARGET void GEMM(SERIN_GEMM_ARGUMENTS) {
    if (columns == 1)
        NAME(dot)(rows, columns, depth, a, row_stride, depth_stride, packed, e, c, c_stride);
    else if (columns <= SERIN_PANEL)
        NAME(narrow)(rows, columns, depth, a, row_stride, depth_stride, packed, e, c, c_stride);
    else if (rows == 1)
        NAME(line)(columns, depth, a, depth_stride, packed, e, c);
    else if (rows <= TALL)
        NAME(thin)(rows, columns, depth, a, row_stride, depth_stride, packed, e, c, c_stride);
    else
        NAME(blocked)(rows, columns, depth, a, row_stride, depth_stride, packed, e, c, c_stride);
}
