// SPDX-License-Identifier: Apache-2.0
// The rank of a number among sorted thresholds: how many it is above. What is missing is above none.
//
// Thresholds stand in sixteens. A level above has the last of each sixteen below it, so that counting
// in one sixteen of each level finds the rank; there is no branch for a processor to guess wrong, as
// rows differ.
#include "cpu.h"
#include "trees.h"

static inline void put(
    uint32_t rank, const uint16_t *columns, uint32_t count, size_t column_step, int8_t *place) {
    for (uint32_t index = 0; index < count; index++) {
        uint32_t left = rank < 255 ? rank : 255;
        place[columns[index] * column_step] = (int8_t)((int)left - 128);
        rank -= left;
    }
}

#define LARGEST_f32 __FLT_MAX__
#define LARGEST_f64 __DBL_MAX__

// COUNT(x, of) is how many of sixteen thresholds x is above.
#define RANKS(TYPE, SUFFIX, LEVEL, TARGET, COUNT)                                                \
    TARGET static bool ranks_##SUFFIX##_##LEVEL(                                                 \
        const struct serin_trees *trees, const TYPE *thresholds, const TYPE *x, size_t rows,     \
        size_t stride, size_t row_step, size_t column_step, size_t second_offset,                \
        int8_t *ranks) {                                                                         \
        bool differ = false;                                                                     \
        for (size_t index = 0; index < trees->feature_count; index++) {                          \
            const struct serin_tree_feature *feature = trees->features + index;                  \
            const uint16_t *columns = trees->columns + feature->first_column;                    \
            const TYPE *values = x + feature->feature;                                           \
            for (size_t row = 0; row < rows; row++) {                                            \
                TYPE value = values[row * stride];                                               \
                uint32_t rank = 0;                                                               \
                for (uint32_t level = 0; level < feature->level_count; level++)                  \
                    rank = 16 * rank                                                             \
                        + COUNT(value, thresholds + feature->levels[level] + 16 * rank);         \
                int8_t *place = ranks + row * row_step;                                          \
                put(rank, columns, feature->column_count, column_step, place);                   \
                if (!trees->has_second) continue;                                                \
                if (!(value <= LARGEST_##SUFFIX)) {                                              \
                    rank = value == value ? feature->rank_of_largest                             \
                                          : feature->rank_of_infinity;                           \
                    differ = true;                                                               \
                }                                                                                \
                put(rank, columns, feature->column_count, column_step, place + second_offset);   \
            }                                                                                    \
        }                                                                                        \
        return differ;                                                                           \
    }

#define COUNT(TYPE, SUFFIX)                                                                      \
    static inline uint32_t count_##SUFFIX##_portable(TYPE x, const TYPE *of) {                   \
        uint32_t count = 0;                                                                      \
        for (int index = 0; index < 16; index++) count += x > of[index];                         \
        return count;                                                                            \
    }
COUNT(float, f32)
COUNT(double, f64)
RANKS(float, f32, portable, , count_f32_portable)
RANKS(double, f64, portable, , count_f64_portable)

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,popcnt")))
#define AVX512 __attribute__((target("avx512f,popcnt")))

AVX2 static inline uint32_t count_f32_avx2(float x, const float *of) {
    __m256 all = _mm256_set1_ps(x);
    int low = _mm256_movemask_ps(_mm256_cmp_ps(all, _mm256_loadu_ps(of), _CMP_GT_OQ));
    int high = _mm256_movemask_ps(_mm256_cmp_ps(all, _mm256_loadu_ps(of + 8), _CMP_GT_OQ));
    return (uint32_t)__builtin_popcount((unsigned)(low | high << 8));
}

AVX2 static inline uint32_t count_f64_avx2(double x, const double *of) {
    __m256d all = _mm256_set1_pd(x);
    int above = 0;
    for (int part = 0; part < 4; part++) {
        __m256d own = _mm256_loadu_pd(of + 4 * part);
        above |= _mm256_movemask_pd(_mm256_cmp_pd(all, own, _CMP_GT_OQ)) << 4 * part;
    }
    return (uint32_t)__builtin_popcount((unsigned)above);
}

AVX512 static inline uint32_t count_f32_avx512(float x, const float *of) {
    __mmask16 above = _mm512_cmp_ps_mask(_mm512_set1_ps(x), _mm512_loadu_ps(of), _CMP_GT_OQ);
    return (uint32_t)__builtin_popcount(above);
}

AVX512 static inline uint32_t count_f64_avx512(double x, const double *of) {
    __m512d all = _mm512_set1_pd(x);
    unsigned low = _mm512_cmp_pd_mask(all, _mm512_loadu_pd(of), _CMP_GT_OQ);
    unsigned high = _mm512_cmp_pd_mask(all, _mm512_loadu_pd(of + 8), _CMP_GT_OQ);
    return (uint32_t)__builtin_popcount(low | high << 8);
}

RANKS(float, f32, avx2, AVX2, count_f32_avx2)
RANKS(double, f64, avx2, AVX2, count_f64_avx2)
RANKS(float, f32, avx512, AVX512, count_f32_avx512)
RANKS(double, f64, avx512, AVX512, count_f64_avx512)
#define FASTEST(SUFFIX)                                                                          \
    (serin_cpu_level() >= SERIN_CPU_AVX512  ? ranks_##SUFFIX##_avx512                            \
     : serin_cpu_level() >= SERIN_CPU_AVX2 ? ranks_##SUFFIX##_avx2                               \
                                           : ranks_##SUFFIX##_portable)
#else
#define FASTEST(SUFFIX) ranks_##SUFFIX##_portable
#endif

bool serin_tree_ranks_f32(
    const struct serin_trees *trees, const float *thresholds, const float *x, size_t rows,
    size_t stride, size_t row_step, size_t column_step, size_t second_offset, int8_t *ranks) {
    return FASTEST(f32)(
        trees, thresholds, x, rows, stride, row_step, column_step, second_offset, ranks);
}

bool serin_tree_ranks_f64(
    const struct serin_trees *trees, const double *thresholds, const double *x, size_t rows,
    size_t stride, size_t row_step, size_t column_step, size_t second_offset, int8_t *ranks) {
    return FASTEST(f64)(
        trees, thresholds, x, rows, stride, row_step, column_step, second_offset, ranks);
}
