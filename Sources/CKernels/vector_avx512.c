// SPDX-License-Identifier: Apache-2.0
// The vector functions with AVX-512.
#if defined(__x86_64__)
#include <immintrin.h>

#include "vector_internal.h"

#define TARGET __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")))
#define NAME(x) avx512_##x
#define MAP serin_map_f32_avx512
#define SOFTMAX serin_softmax_f32_avx512
#define NORMALIZE serin_normalize_f32_avx512
#define SCALE_MASK serin_scale_mask_f32_avx512
#define LANES 16
#define V __m512
#define VI __m512i
#define M __mmask16
#define LD _mm512_loadu_ps
#define ST _mm512_storeu_ps
#define SET _mm512_set1_ps
#define FMA _mm512_fmadd_ps
#define ADD _mm512_add_ps
#define SUB _mm512_sub_ps
#define MUL _mm512_mul_ps
#define DIV _mm512_div_ps
#define ABS _mm512_abs_ps
#define LT(a, b) _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ)
#define SEL(m, then, otherwise) _mm512_mask_blend_ps(m, otherwise, then)
#define ISET _mm512_set1_epi32
#define IADD _mm512_add_epi32
#define ISUB _mm512_sub_epi32
#define ISHL _mm512_slli_epi32
#define ISRA _mm512_srai_epi32
#define BITS _mm512_castps_si512
#define FLOAT _mm512_castsi512_ps

#include "vector_math_lanes.h"
#include "vector_rows_lanes.h"
#endif
