// SPDX-License-Identifier: Apache-2.0
// The last steps of one row through trees: the leaf of a twig from its seven tests.
#include "cpu.h"
#include "trees.h"

#define INLINE __attribute__((always_inline)) static inline

INLINE const struct serin_tree_twig *twig_at(
    const struct serin_trees *trees, uint32_t number, size_t byte_count) {
    return (const struct serin_tree_twig *)(const void *)(trees->twigs + number * byte_count);
}

// The leaf of `twig` that a row reaches; what is known of the tables where it is inlined. `both` says
// that there is a second copy of them.
INLINE unsigned leaf_portable(
    const struct serin_tree_twig *twig, const int8_t *ranks, size_t tables, bool both) {
    size_t second = both ? tables * SERIN_TREE_TABLE : 0;
    unsigned above = 0;
    for (int test = 0; test < 7; test++) {
        uint8_t column = twig->columns[test];
        int8_t x = ranks[(column & 127) + (column & 128 ? second : 0)];
        above |= (unsigned)(x > twig->bounds[test]) << test;
    }
    unsigned leaf = 0;
    while (leaf < 7 && (above & twig->care[leaf]) != twig->want[leaf]) leaf++;
    return leaf;
}

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,bmi")))

AVX2 INLINE __m128i sixteen(const void *bytes) {
    return _mm_loadu_si128((const __m128i *)bytes);
}

// The ranks of `columns` among `count` tables of sixteen; 0 where a column is in none of them. What
// is at a table's place or behind it becomes 0x70 or more, and what is before or too far behind it
// 0x80 or more, for which the shuffle gives 0.
AVX2 INLINE __m128i chosen(__m128i columns, const int8_t *ranks, size_t count) {
    __m128i x = _mm_setzero_si128();
    for (size_t table = 0; table < count; table++) {
        __m128i place = _mm_adds_epu8(columns, _mm_set1_epi8(0x70));
        __m128i own = sixteen(ranks + table * SERIN_TREE_TABLE);
        x = _mm_or_si128(x, _mm_shuffle_epi8(own, place));
        columns = _mm_sub_epi8(columns, _mm_set1_epi8(SERIN_TREE_TABLE));
    }
    return x;
}

// Sixteen bytes are read of each eight: what stands behind gives bits that nobody looks at, as those
// of the eight stand before them. Behind a twig stand its values.
AVX2 INLINE unsigned leaf_avx2(
    const struct serin_tree_twig *twig, const int8_t *ranks, size_t tables, bool both) {
    __m128i columns = sixteen(twig->columns), x;
    __m128i first = both ? columns : _mm_and_si128(columns, _mm_set1_epi8(127));
    if (tables == 1 && !both) {
        x = _mm_shuffle_epi8(sixteen(ranks), first);
    } else {
        x = chosen(first, ranks, tables);
        if (both) {
            columns = _mm_add_epi8(columns, _mm_set1_epi8((char)128));
            x = _mm_or_si128(x, chosen(columns, ranks + tables * SERIN_TREE_TABLE, tables));
        }
    }
    // One bit a test, in a byte that all leaves get; one leaf wants it.
    int above = _mm_movemask_epi8(_mm_cmpgt_epi8(x, sixteen(twig->bounds)));
    __m128i answers = _mm_broadcastb_epi8(_mm_cvtsi32_si128(above));
    answers = _mm_and_si128(answers, sixteen(twig->care));
    int found = _mm_movemask_epi8(_mm_cmpeq_epi8(answers, sixteen(twig->want)));
    return _tzcnt_u32((unsigned)found);
}
#endif

// The leaf within its tree of each of `count` trees.
#define LEAVES(LEVEL, TARGET)                                                                    \
    TARGET INLINE void leaves_##LEVEL(                                                           \
        const struct serin_trees *trees, const uint32_t *firsts, const uint8_t *found,           \
        size_t count, const int8_t *ranks, size_t tables, bool both, uint8_t *leaves) {          \
        for (size_t tree = 0; tree < count; tree++) {                                            \
            const struct serin_tree_twig *twig =                                                 \
                twig_at(trees, firsts[tree] + found[tree], trees->twig_bytes);                   \
            unsigned leaf = leaf_##LEVEL(twig, ranks, tables, both);                             \
            leaves[tree] = (uint8_t)(twig->columns[7] + leaf);                                   \
        }                                                                                        \
    }

// A sum is one chain of additions. A tree takes so few instructions that a processor works on the
// next twenty while it waits for the chain.
#define SUM(TYPE, LEVEL, TARGET)                                                                 \
    TARGET INLINE TYPE sum_##TYPE##_##LEVEL(                                                     \
        const struct serin_trees *trees, const uint32_t *firsts, const uint8_t *found,           \
        size_t count, const int8_t *ranks, size_t tables, bool both, TYPE sum) {                 \
        for (size_t tree = 0; tree < count; tree++) {                                            \
            const struct serin_tree_twig *twig =                                                 \
                twig_at(trees, firsts[tree] + found[tree], sizeof *twig + 8 * sizeof(TYPE));     \
            const TYPE *values = (const TYPE *)(const void *)(twig + 1);                         \
            sum += values[leaf_##LEVEL(twig, ranks, tables, both)];                              \
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
#define FASTEST(FORM) (serin_cpu_level() >= SERIN_CPU_AVX2 ? FORM##_avx2 : FORM##_portable)
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
