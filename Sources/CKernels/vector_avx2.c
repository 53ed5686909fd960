// SPDX-License-Identifier: Apache-2.0
// The vector functions with AVX2 and FMA.
#if defined(__x86_64__)
#include <immintrin.h>

#include "vector_internal.h"

#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) avx2_##x
#define MAP serin_map_f32_avx2
#define SOFTMAX serin_softmax_f32_avx2
#define NORMALIZE serin_normalize_f32_avx2
#define SCALE_MASK serin_scale_mask_f32_avx2
#define LANES 8
#define V __m256
#define VI __m256i
#define M __m256
#define LD _mm256_loadu_ps
#define ST _mm256_storeu_ps
#define SET _mm256_set1_ps
#define FMA _mm256_fmadd_ps
#define ADD _mm256_add_ps
#define SUB _mm256_sub_ps
#define MUL _mm256_mul_ps
#define DIV _mm256_div_ps
#define ABS(a) _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a)
#define LT(a, b) _mm256_cmp_ps(a, b, _CMP_LT_OQ)
#define SEL(m, then, otherwise) _mm256_blendv_ps(otherwise, then, m)
#define ISET _mm256_set1_epi32
#define IADD _mm256_add_epi32
#define ISUB _mm256_sub_epi32
#define ISHL _mm256_slli_epi32
#define ISRA _mm256_srai_epi32
#define BITS _mm256_castps_si256
#define FLOAT _mm256_castsi256_ps

#include "vector_math_lanes.h"
#include "vector_rows_lanes.h"
#endif
