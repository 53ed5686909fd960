// SPDX-License-Identifier: Apache-2.0
// Matrix products with AVX2 and FMA: tiles of 6 rows x 16 columns, 12 sums in 16 registers.
#if defined(__x86_64__)
#include <immintrin.h>

#include "gemm_internal.h"

#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) avx2_##x
#define GEMM serin_gemm_f32_avx2
#define LANES 8
#define VEC __m256
#define VEC_LOAD _mm256_loadu_ps
#define VEC_STORE _mm256_storeu_ps
#define VEC_ONE _mm256_broadcast_ss
#define VEC_FMA _mm256_fmadd_ps
#define VEC_ADD _mm256_add_ps
#define VEC_ZERO _mm256_setzero_ps()
#define TALL 6
#define PANELS 1
#define PLAIN_ROWS SERIN_BLOCK_ROWS
#define PLAIN_DEPTH SERIN_BLOCK_DEPTH
// Few rows take several panels at once: enough chains to hide the latency of each.
#define THIN_PANELS(rows) ((rows) == 1 ? 4 : (rows) == 2 ? 2 : 1)
#define TILES                                                                                     \
    TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1)                             \
    TILE(1, 2) TILE(2, 2) TILE(1, 4)

struct avx2_tile;
static void avx2_plain(size_t rows, size_t panels, const struct avx2_tile *t);
static void avx2_packed(size_t rows, size_t panels, const struct avx2_tile *t);
#define avx2_map serin_map_f32_avx2

#include "gemm_tile.h"

#define CASE(FORM, ROWS, P)                                                                       \
    case ROWS * 8 + P: avx2_##FORM##_##ROWS##x##P(t); return;

static void avx2_plain(size_t rows, size_t panels, const struct avx2_tile *t) {
    switch (rows * 8 + panels) {
        CASE(plain, 1, 1) CASE(plain, 2, 1) CASE(plain, 3, 1) CASE(plain, 4, 1)
        CASE(plain, 5, 1) CASE(plain, 6, 1) CASE(plain, 1, 2) CASE(plain, 2, 2)
        CASE(plain, 1, 4)
    }
}

static void avx2_packed(size_t rows, size_t panels, const struct avx2_tile *t) {
    switch (rows * 8 + panels) {
        CASE(packed, 1, 1) CASE(packed, 2, 1) CASE(packed, 3, 1) CASE(packed, 4, 1)
        CASE(packed, 5, 1) CASE(packed, 6, 1) CASE(packed, 1, 2) CASE(packed, 2, 2)
        CASE(packed, 1, 4)
    }
}
#endif
