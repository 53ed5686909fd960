// SPDX-License-Identifier: Apache-2.0
// Matrix products with AVX-512: tiles of 14 rows x 32 columns, 28 sums in 32 registers.
#if defined(__x86_64__)
#include <immintrin.h>

#include "gemm_internal.h"

#define TARGET __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")))
#define NAME(x) avx512_##x
#define GEMM serin_gemm_f32_avx512
#define GEMM_DIRECT serin_gemm_f32_direct_avx512
#define LANES 16
#define VEC __m512
#define VEC_LOAD _mm512_loadu_ps
#define VEC_STORE _mm512_storeu_ps
#define VEC_ONE(p) _mm512_set1_ps(*(p))
#define VEC_FMA _mm512_fmadd_ps
#define VEC_ADD _mm512_add_ps
#define VEC_MUL _mm512_mul_ps
#define VEC_MAX _mm512_max_ps
#define VEC_ZERO _mm512_setzero_ps()
#define VEC_SOME __mmask16
#define VEC_FIRST(n) ((__mmask16)((1u << (n)) - 1))
#define VEC_LOAD_SOME(p, some) _mm512_maskz_loadu_ps(some, p)
#define VEC_STORE_SOME(p, some, v) _mm512_mask_storeu_ps(p, some, v)
#define TALL 14
#define PANELS 2
// Two panels so deep are read from the second cache, which costs less than going on from stored sums.
#define PLAIN_DEPTH 768
#define PLAIN_ROWS 140
// Few rows take several panels at once: enough chains to hide the latency of each.
#define THIN_PANELS(rows) ((rows) <= 4 ? 4 : 2)
#define TILES                                                                                     \
    TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1) TILE(7, 1) TILE(8, 1)       \
    TILE(9, 1) TILE(10, 1) TILE(11, 1) TILE(12, 1) TILE(13, 1) TILE(14, 1)                        \
    TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2) TILE(7, 2) TILE(8, 2)       \
    TILE(9, 2) TILE(10, 2) TILE(11, 2) TILE(12, 2) TILE(13, 2) TILE(14, 2)                        \
    TILE(1, 4) TILE(2, 4) TILE(3, 4) TILE(4, 4)
#define NARROW_TALL(vectors) 6
#define NARROW_TILES(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1)

struct avx512_tile;
static void avx512_plain(size_t rows, size_t panels, const struct avx512_tile *t);
static void avx512_packed(size_t rows, size_t panels, const struct avx512_tile *t);
static void avx512_direct(size_t rows, size_t panels, const struct avx512_tile *t);
#define avx512_map serin_map_f32_avx512

TARGET static inline float avx512_fold(const __m512 *sums) {
    __m512 v = _mm512_add_ps(sums[0], sums[1]);
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

#include "gemm_line.h"
#include "gemm_tile.h"
#include "gemm_direct.h"

#define CASE(FORM, ROWS, P)                                                                       \
    case ROWS * 8 + P: avx512_##FORM##_##ROWS##x##P(t); return;
#define CASES(FORM)                                                                               \
    CASE(FORM, 1, 1) CASE(FORM, 2, 1) CASE(FORM, 3, 1) CASE(FORM, 4, 1) CASE(FORM, 5, 1)          \
    CASE(FORM, 6, 1) CASE(FORM, 7, 1) CASE(FORM, 8, 1) CASE(FORM, 9, 1) CASE(FORM, 10, 1)         \
    CASE(FORM, 11, 1) CASE(FORM, 12, 1) CASE(FORM, 13, 1) CASE(FORM, 14, 1)                       \
    CASE(FORM, 1, 2) CASE(FORM, 2, 2) CASE(FORM, 3, 2) CASE(FORM, 4, 2) CASE(FORM, 5, 2)          \
    CASE(FORM, 6, 2) CASE(FORM, 7, 2) CASE(FORM, 8, 2) CASE(FORM, 9, 2) CASE(FORM, 10, 2)         \
    CASE(FORM, 11, 2) CASE(FORM, 12, 2) CASE(FORM, 13, 2) CASE(FORM, 14, 2)                       \
    CASE(FORM, 1, 4) CASE(FORM, 2, 4) CASE(FORM, 3, 4) CASE(FORM, 4, 4)

static void avx512_plain(size_t rows, size_t panels, const struct avx512_tile *t) {
    switch (rows * 8 + panels) { CASES(plain) }
}

static void avx512_packed(size_t rows, size_t panels, const struct avx512_tile *t) {
    switch (rows * 8 + panels) { CASES(packed) }
}

static void avx512_direct(size_t rows, size_t panels, const struct avx512_tile *t) {
    switch (rows * 8 + panels) { CASES(direct) }
}
#endif
