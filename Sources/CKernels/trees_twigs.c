// SPDX-License-Identifier: Apache-2.0
// The last steps of one row through trees: the leaf of a twig from its seven tests.
#include <string.h>

#include "cpu.h"
#include "trees.h"

#define INLINE __attribute__((always_inline)) static inline

// The leaves within their twigs that eight trees reach; what is known of the tables where it is
// inlined. `both` says that there is a second copy of them.
INLINE void eight_portable(
    const struct serin_trees *trees, const uint32_t *numbers, const int8_t *ranks, size_t tables,
    bool both, uint8_t *leaves) {
    size_t second = both ? tables * SERIN_TREE_TABLE : 0;
    for (int lane = 0; lane < 8; lane++) {
        const struct serin_tree_twig *twig = serin_tree_twig_at(trees, numbers[lane]);
        unsigned above = 0;
        for (int test = 0; test < 7; test++) {
            uint8_t column = twig->columns[test];
            int8_t x = ranks[(column & 127) + (column & 128 ? second : 0)];
            above |= (unsigned)(x > twig->bounds[test]) << test;
        }
        unsigned leaf = 0;
        while (leaf < 7 && (above & twig->care[leaf]) != twig->want[leaf]) leaf++;
        leaves[lane] = (uint8_t)leaf;
    }
}

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,bmi")))

AVX2 INLINE __m256i two(const void *a, const void *b) {
    __m128i low = _mm_loadu_si128(a), high = _mm_loadu_si128(b);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

AVX2 INLINE __m256i table_of(const int8_t *ranks) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)ranks));
}

// The ranks of `columns` among `count` tables of sixteen; 0 where a column is in none of them. What
// is at a table's place or behind it becomes 0x70 or more, and what is before or too far behind it
// 0x80 or more, for which the shuffle gives 0.
AVX2 INLINE __m256i chosen(__m256i columns, const int8_t *ranks, size_t count) {
    __m256i x = _mm256_setzero_si256();
    for (size_t table = 0; table < count; table++) {
        __m256i place = _mm256_adds_epu8(columns, _mm256_set1_epi8(0x70));
        __m256i own = table_of(ranks + table * SERIN_TREE_TABLE);
        x = _mm256_or_si256(x, _mm256_shuffle_epi8(own, place));
        columns = _mm256_sub_epi8(columns, _mm256_set1_epi8(SERIN_TREE_TABLE));
    }
    return x;
}

// Two trees at a time.
AVX2 INLINE void eight_avx2(
    const struct serin_trees *trees, const uint32_t *numbers, const int8_t *ranks, size_t tables,
    bool both, uint8_t *leaves) {
    const __m256i bits = _mm256_set1_epi64x((long long)0x8040201008040201u);
    const __m256i low = _mm256_set1_epi8(127), zero = _mm256_setzero_si256();
    __m256i only = table_of(ranks);
    for (int lane = 0; lane < 8; lane += 2) {
        const struct serin_tree_twig *a = serin_tree_twig_at(trees, numbers[lane]);
        const struct serin_tree_twig *b = serin_tree_twig_at(trees, numbers[lane + 1]);
        // Columns and, behind them, bounds; then what to care for, and what is wanted.
        __m256i tests = two(a->columns, b->columns), cares = two(a->care, b->care);
        __m256i x;
        if (tables == 1 && !both) {
            x = _mm256_shuffle_epi8(only, _mm256_and_si256(tests, low));
        } else {
            x = chosen(both ? tests : _mm256_and_si256(tests, low), ranks, tables);
            if (both) {
                const int8_t *second = ranks + tables * SERIN_TREE_TABLE;
                __m256i columns = _mm256_add_epi8(tests, _mm256_set1_epi8((char)128));
                x = _mm256_or_si256(x, chosen(columns, second, tables));
            }
        }
        __m256i above = _mm256_cmpgt_epi8(x, _mm256_srli_si256(tests, 8));
        // One bit a test, summed up to a byte that all leaves get.
        __m256i answers = _mm256_sad_epu8(_mm256_and_si256(above, bits), zero);
        answers = _mm256_and_si256(_mm256_shuffle_epi8(answers, zero), cares);
        __m256i is_it = _mm256_cmpeq_epi8(answers, _mm256_srli_si256(cares, 8));
        unsigned found = (unsigned)_mm256_movemask_epi8(is_it);
        leaves[lane] = (uint8_t)_tzcnt_u32(found);
        leaves[lane + 1] = (uint8_t)_tzcnt_u32(found >> 16);
    }
}

#define AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,bmi")))

AVX512 INLINE __m512i four(const void *a, const void *b, const void *c, const void *d) {
    __m256i low = two(a, b), high = two(c, d);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

AVX512 INLINE __m512i wide_table_of(const int8_t *ranks) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)ranks));
}

// As chosen.
AVX512 INLINE __m512i chosen_wide(__m512i columns, const int8_t *ranks, size_t count) {
    __m512i x = _mm512_setzero_si512();
    for (size_t table = 0; table < count; table++) {
        __m512i place = _mm512_adds_epu8(columns, _mm512_set1_epi8(0x70));
        __m512i own = wide_table_of(ranks + table * SERIN_TREE_TABLE);
        x = _mm512_or_si512(x, _mm512_shuffle_epi8(own, place));
        columns = _mm512_sub_epi8(columns, _mm512_set1_epi8(SERIN_TREE_TABLE));
    }
    return x;
}

// The leaves that four trees reach, in the low half of each 128 bits.
AVX512 INLINE __m512i leaves_of_four(
    __m512i tests, __m512i cares, const int8_t *ranks, size_t tables, bool both) {
    const __m512i bits = _mm512_set1_epi64((long long)0x8040201008040201u);
    const __m512i numbers = _mm512_set1_epi64((long long)0x0706050403020100u);
    const __m512i zero = _mm512_setzero_si512();
    __m512i columns = both ? tests : _mm512_and_si512(tests, _mm512_set1_epi8(127));
    __m512i x = tables == 1 && !both ? _mm512_shuffle_epi8(wide_table_of(ranks), columns)
                                     : chosen_wide(columns, ranks, tables);
    if (both) {
        columns = _mm512_add_epi8(tests, _mm512_set1_epi8((char)128));
        x = _mm512_or_si512(
            x, chosen_wide(columns, ranks + tables * SERIN_TREE_TABLE, tables));
    }
    // One bit a test, summed up to a byte that all leaves get; one leaf alone wants it.
    __mmask64 above = _mm512_cmpgt_epi8_mask(x, _mm512_bsrli_epi128(tests, 8));
    __m512i answers = _mm512_sad_epu8(_mm512_maskz_mov_epi8(above, bits), zero);
    answers = _mm512_and_si512(_mm512_shuffle_epi8(answers, zero), cares);
    __mmask64 is_it = _mm512_cmpeq_epi8_mask(answers, _mm512_bsrli_epi128(cares, 8));
    return _mm512_sad_epu8(_mm512_maskz_mov_epi8(is_it, numbers), zero);
}

AVX512 INLINE void eight_avx512(
    const struct serin_trees *trees, const uint32_t *numbers, const int8_t *ranks, size_t tables,
    bool both, uint8_t *leaves) {
    const struct serin_tree_twig *t[8];
    for (int i = 0; i < 8; i++) t[i] = serin_tree_twig_at(trees, numbers[i]);
    __m512i even = leaves_of_four(
        four(t[0]->columns, t[2]->columns, t[4]->columns, t[6]->columns),
        four(t[0]->care, t[2]->care, t[4]->care, t[6]->care), ranks, tables, both);
    __m512i odd = leaves_of_four(
        four(t[1]->columns, t[3]->columns, t[5]->columns, t[7]->columns),
        four(t[1]->care, t[3]->care, t[5]->care, t[7]->care), ranks, tables, both);
    __m128i found = _mm512_cvtepi64_epi8(_mm512_unpacklo_epi64(even, odd));
    _mm_storel_epi64((__m128i *)(void *)leaves, found);
}
#endif

// The leaf within its tree of each of `count` trees.
#define LEAVES(LEVEL, TARGET)                                                                    \
    TARGET INLINE void leaves_##LEVEL(                                                           \
        const struct serin_trees *trees, const uint32_t *firsts, const uint8_t *found,           \
        size_t count, const int8_t *ranks, size_t tables, bool both, uint8_t *leaves) {          \
        for (size_t at = 0; at < count; at += 8) {                                               \
            uint32_t numbers[8];                                                                 \
            uint8_t within[8];                                                                   \
            for (int i = 0; i < 8; i++) numbers[i] = firsts[at + i] + found[at + i];             \
            eight_##LEVEL(trees, numbers, ranks, tables, both, within);                          \
            for (int i = 0; i < 8; i++) {                                                        \
                uint8_t first = serin_tree_twig_at(trees, numbers[i])->columns[7];               \
                leaves[at + i] = (uint8_t)(first + within[i]);                                   \
            }                                                                                    \
        }                                                                                        \
    }

// A sum is one chain of additions. Each eight trees are short enough for a processor to work on the
// next ones while it waits for the chain.
#define SUM(TYPE, LEVEL, TARGET)                                                                 \
    TARGET INLINE TYPE sum_##TYPE##_##LEVEL(                                                     \
        const struct serin_trees *trees, const uint32_t *firsts, const uint8_t *found,           \
        size_t count, const int8_t *ranks, size_t tables, bool both, TYPE sum) {                 \
        for (size_t at = 0; at < count; at += 8) {                                               \
            uint32_t numbers[8];                                                                 \
            uint8_t within[8];                                                                   \
            for (int i = 0; i < 8; i++) numbers[i] = firsts[at + i] + found[at + i];             \
            eight_##LEVEL(trees, numbers, ranks, tables, both, within);                          \
            size_t there = count - at < 8 ? count - at : 8;                                      \
            for (size_t i = 0; i < there; i++) {                                                 \
                const struct serin_tree_twig *twig = serin_tree_twig_at(trees, numbers[i]);      \
                sum += ((const TYPE *)(const void *)(twig + 1))[within[i]];                      \
            }                                                                                    \
        }                                                                                        \
        return sum;                                                                              \
    }

// RESULT = WHAT_LEVEL(...) with the number of tables and copies known where it is inlined, as often
// as there is one table.
#define WITH_TABLES(WHAT, RESULT, LAST)                                                          \
    size_t tables = serin_tree_row_bytes(trees) / SERIN_TREE_TABLE;                              \
    if (uses_second)                                                                             \
        RESULT WHAT(trees, firsts, found, count, ranks, tables, true, LAST);                     \
    else if (tables == 1)                                                                        \
        RESULT WHAT(trees, firsts, found, count, ranks, 1, false, LAST);                         \
    else                                                                                         \
        RESULT WHAT(trees, firsts, found, count, ranks, tables, false, LAST);

#define FORMS(LEVEL, TARGET)                                                                     \
    LEAVES(LEVEL, TARGET)                                                                        \
    SUM(float, LEVEL, TARGET)                                                                    \
    SUM(double, LEVEL, TARGET)                                                                   \
    TARGET static void twig_leaves_##LEVEL(                                                      \
        const struct serin_trees *trees, const uint32_t *firsts, const uint8_t *found,           \
        size_t count, const int8_t *ranks, bool uses_second, uint8_t *leaves) {                  \
        WITH_TABLES(leaves_##LEVEL, , leaves)                                                    \
    }                                                                                            \
    TARGET static float twig_sum_float_##LEVEL(                                                  \
        const struct serin_trees *trees, const uint32_t *firsts, const uint8_t *found,           \
        size_t count, const int8_t *ranks, bool uses_second, float sum) {                        \
        WITH_TABLES(sum_float_##LEVEL, return, sum)                                              \
    }                                                                                            \
    TARGET static double twig_sum_double_##LEVEL(                                                \
        const struct serin_trees *trees, const uint32_t *firsts, const uint8_t *found,           \
        size_t count, const int8_t *ranks, bool uses_second, double sum) {                       \
        WITH_TABLES(sum_double_##LEVEL, return, sum)                                             \
    }

FORMS(portable, )
#if defined(__x86_64__)
FORMS(avx2, AVX2)
FORMS(avx512, AVX512)
#define FASTEST(FORM)                                                                            \
    (serin_cpu_level() >= SERIN_CPU_AVX512  ? FORM##_avx512                                      \
     : serin_cpu_level() >= SERIN_CPU_AVX2 ? FORM##_avx2                                         \
                                           : FORM##_portable)
#else
#define FASTEST(FORM) FORM##_portable
#endif

void serin_tree_twig_leaves(
    const struct serin_trees *trees, size_t group, const uint8_t *found, size_t count,
    const int8_t *ranks, bool uses_second, uint8_t *leaves) {
    const uint32_t *firsts = trees->tree_twigs + group * SERIN_TREE_LANES;
    FASTEST(twig_leaves)(trees, firsts, found, count, ranks, uses_second, leaves);
}

float serin_tree_twig_sum_f32(
    const struct serin_trees *trees, size_t group, const uint8_t *found, size_t count,
    const int8_t *ranks, bool uses_second, float sum) {
    const uint32_t *firsts = trees->tree_twigs + group * SERIN_TREE_LANES;
    return FASTEST(twig_sum_float)(trees, firsts, found, count, ranks, uses_second, sum);
}

double serin_tree_twig_sum_f64(
    const struct serin_trees *trees, size_t group, const uint8_t *found, size_t count,
    const int8_t *ranks, bool uses_second, double sum) {
    const uint32_t *firsts = trees->tree_twigs + group * SERIN_TREE_LANES;
    return FASTEST(twig_sum_double)(trees, firsts, found, count, ranks, uses_second, sum);
}
