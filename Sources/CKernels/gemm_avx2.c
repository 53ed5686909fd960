// SPDX-License-Identifier: Apache-2.0
// Matrix products with AVX2 and FMA: tiles of 6 rows x 16 columns, 12 sums in 16 registers.
#if defined(__x86_64__)
#include <immintrin.h>

#include "gemm_internal.h"

#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) avx2_##x
#define GEMM serin_gemm_f32_avx2
#define GEMM_DIRECT serin_gemm_f32_direct_avx2
#define LANES 8
#define VEC __m256
#define VEC_LOAD _mm256_loadu_ps
#define VEC_STORE _mm256_storeu_ps
#define VEC_ONE _mm256_broadcast_ss
#define VEC_FMA _mm256_fmadd_ps
#define VEC_ADD _mm256_add_ps
#define VEC_MUL _mm256_mul_ps
#define VEC_MAX _mm256_max_ps
#define VEC_ZERO _mm256_setzero_ps()
#define VEC_SOME __m256i
#define VEC_FIRST(n)                                                                              \
    _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define VEC_LOAD_SOME(p, some) _mm256_maskload_ps(p, some)
#define VEC_STORE_SOME(p, some, v) _mm256_maskstore_ps(p, some, v)
#define TALL 6
#define PANELS 1
#define PLAIN_ROWS SERIN_BLOCK_ROWS
#define PLAIN_DEPTH SERIN_BLOCK_DEPTH
// Few rows take several panels at once: enough chains to hide the latency of each.
#define THIN_PANELS(rows) ((rows) == 1 ? 4 : (rows) == 2 ? 2 : 1)
#define TILES                                                                                     \
    TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1)                             \
    TILE(1, 2) TILE(2, 2) TILE(1, 4)
#define NARROW_TALL(vectors) ((vectors) == 1 ? 3 : 1)
#define NARROW_TILES(X) X(1, 1) X(2, 1) X(3, 1) X(1, 2)

struct avx2_tile;
static void avx2_plain(size_t rows, size_t panels, const struct avx2_tile *t);
static void avx2_packed(size_t rows, size_t panels, const struct avx2_tile *t);
static void avx2_direct(size_t rows, size_t panels, const struct avx2_tile *t);
#define avx2_map serin_map_f32_avx2

TARGET static inline float avx2_fold(const __m256 *sums) {
    __m256 eight =
        _mm256_add_ps(_mm256_add_ps(sums[0], sums[2]), _mm256_add_ps(sums[1], sums[3]));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

#include "gemm_line.h"
#include "gemm_tile.h"
#include "gemm_direct.h"

#define CASE(FORM, ROWS, P)                                                                       \
    case ROWS * 8 + P: avx2_##FORM##_##ROWS##x##P(t); return;
#define CASES(FORM)                                                                               \
    CASE(FORM, 1, 1) CASE(FORM, 2, 1) CASE(FORM, 3, 1) CASE(FORM, 4, 1) CASE(FORM, 5, 1)          \
    CASE(FORM, 6, 1) CASE(FORM, 1, 2) CASE(FORM, 2, 2) CASE(FORM, 1, 4)

static void avx2_plain(size_t rows, size_t panels, const struct avx2_tile *t) {
    switch (rows * 8 + panels) { CASES(plain) }
}

static void avx2_packed(size_t rows, size_t panels, const struct avx2_tile *t) {
    switch (rows * 8 + panels) { CASES(packed) }
}

static void avx2_direct(size_t rows, size_t panels, const struct avx2_tile *t) {
    switch (rows * 8 + panels) { CASES(direct) }
}
#endif
