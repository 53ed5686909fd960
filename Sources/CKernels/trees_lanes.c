// SPDX-License-Identifier: Apache-2.0
// One row, the trees of a group side by side: a test looks up 32 ranks by one byte shuffle.
#include <string.h>

#include "cpu.h"
#include "trees.h"

// Bytes of a test: columns, bounds, sets.
#define TEST (3 * SERIN_TREE_LANES)

static inline void group_portable(
    const struct serin_trees *trees, size_t group, const int8_t *ranks, bool uses_second,
    uint8_t *leaves) {
    const struct serin_tree_run *run = trees->runs + trees->group_runs[group];
    const struct serin_tree_run *end = trees->runs + trees->group_runs[group + 1];
    const uint8_t *test = trees->lane_tests + (size_t)trees->group_tests[group] * TEST;
    size_t second = uses_second ? serin_tree_row_bytes(trees) : 0;
    size_t plane = trees->group_planes[group];
    uint8_t gone[SERIN_TREE_LANES] = {0};
    memset(leaves, 0, SERIN_TREE_LANES);
    for (; run < end; run++) {
        const int8_t *table = ranks + (size_t)run->table * SERIN_TREE_TABLE;
        for (uint32_t index = 0; index < run->test_count; index++, test += TEST) {
            for (int lane = 0; lane < SERIN_TREE_LANES; lane++) {
                uint8_t column = test[lane];
                int8_t x = table[(column & 15) + (column & 64 ? second : 0)];
                int8_t bound = (int8_t)test[SERIN_TREE_LANES + lane];
                gone[lane] |= test[2 * SERIN_TREE_LANES + lane] & (uint8_t)-(x > bound);
            }
        }
        if (!run->ends_plane) continue;
        plane--;
        for (int lane = 0; lane < SERIN_TREE_LANES; lane++) {
            uint8_t set = (uint8_t)~gone[lane];
            if (trees->is_symmetric)
                leaves[lane] = gone[lane];
            else if (set)
                leaves[lane] = (uint8_t)(plane * 8 + (size_t)__builtin_ctz(set));
            gone[lane] = 0;
        }
    }
}

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2")))

// The leaf of each lane from the lowest plane that has any, and that plane's first leaf.
AVX2 static inline __m256i lowest(__m256i found, __m256i base) {
    __m256i zero = _mm256_setzero_si256();
    __m256i bit = _mm256_and_si256(found, _mm256_sub_epi8(zero, found));
    __m256i odd = _mm256_cmpeq_epi8(_mm256_and_si256(bit, _mm256_set1_epi8(0x55)), zero);
    __m256i pair = _mm256_cmpeq_epi8(_mm256_and_si256(bit, _mm256_set1_epi8(0x33)), zero);
    __m256i half = _mm256_cmpeq_epi8(_mm256_and_si256(bit, _mm256_set1_epi8(0x0F)), zero);
    odd = _mm256_and_si256(odd, _mm256_set1_epi8(1));
    pair = _mm256_and_si256(pair, _mm256_set1_epi8(2));
    half = _mm256_and_si256(half, _mm256_set1_epi8(4));
    return _mm256_or_si256(_mm256_or_si256(base, odd), _mm256_or_si256(pair, half));
}

AVX2 static inline __m256i table_of(const int8_t *ranks) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)ranks));
}

// As group_portable; `both` is known where it is inlined.
AVX2 __attribute__((always_inline)) static inline void group_avx2(
    const struct serin_trees *trees, size_t group, const int8_t *ranks, bool both,
    uint8_t *leaves) {
    const __m256i zero = _mm256_setzero_si256();
    const struct serin_tree_run *run = trees->runs + trees->group_runs[group];
    const struct serin_tree_run *end = trees->runs + trees->group_runs[group + 1];
    const __m256i *test = (const __m256i *)(const void *)(
        trees->lane_tests + (size_t)trees->group_tests[group] * TEST);
    size_t second = both ? serin_tree_row_bytes(trees) : 0;
    int plane = trees->group_planes[group];
    __m256i found = zero, base = zero, gone = zero;
    for (; run < end; run++) {
        __m256i table = table_of(ranks + (size_t)run->table * SERIN_TREE_TABLE);
        __m256i other = table;
        if (both) other = table_of(ranks + second + (size_t)run->table * SERIN_TREE_TABLE);
        for (uint32_t left = run->test_count; left > 0; left--, test += 3) {
            __m256i column = _mm256_load_si256(test);
            __m256i x = _mm256_shuffle_epi8(table, column);
            // Bit 6 of a column chooses the copy; moved to bit 7 it chooses in a blend.
            if (both)
                x = _mm256_blendv_epi8(
                    x, _mm256_shuffle_epi8(other, column), _mm256_add_epi8(column, column));
            __m256i above = _mm256_cmpgt_epi8(x, _mm256_load_si256(test + 1));
            gone = _mm256_or_si256(gone, _mm256_and_si256(above, _mm256_load_si256(test + 2)));
        }
        if (!run->ends_plane) continue;
        plane--;
        __m256i none = _mm256_cmpeq_epi8(gone, _mm256_set1_epi8(-1));
        found = _mm256_or_si256(
            _mm256_and_si256(found, none), _mm256_andnot_si256(gone, _mm256_set1_epi8(-1)));
        base = _mm256_blendv_epi8(_mm256_set1_epi8((char)(plane * 8)), base, none);
        if (trees->is_symmetric) {
            _mm256_storeu_si256((__m256i *)(void *)leaves, gone);
            return;
        }
        gone = zero;
    }
    _mm256_storeu_si256((__m256i *)(void *)leaves, lowest(found, base));
}

AVX2 static void group_plain(
    const struct serin_trees *trees, size_t group, const int8_t *ranks, uint8_t *leaves) {
    group_avx2(trees, group, ranks, false, leaves);
}

AVX2 static void group_both(
    const struct serin_trees *trees, size_t group, const int8_t *ranks, uint8_t *leaves) {
    group_avx2(trees, group, ranks, true, leaves);
}
#endif

// What the lane tests of a group find: leaves, or twigs.
static inline void group_found(
    const struct serin_trees *trees, size_t group, const int8_t *ranks, bool uses_second,
    uint8_t *found) {
#if defined(__x86_64__)
    if (serin_cpu_level() >= SERIN_CPU_AVX2) {
        if (uses_second)
            group_both(trees, group, ranks, found);
        else
            group_plain(trees, group, ranks, found);
        return;
    }
#endif
    group_portable(trees, group, ranks, uses_second, found);
}

void serin_tree_group_leaves(
    const struct serin_trees *trees, size_t group, const int8_t *ranks, bool uses_second,
    uint8_t *leaves) {
    if (!trees->twigs) {
        group_found(trees, group, ranks, uses_second, leaves);
        return;
    }
    uint8_t found[SERIN_TREE_LANES];
    group_found(trees, group, ranks, uses_second, found);
    serin_tree_twig_leaves(trees, group, found, SERIN_TREE_LANES, ranks, uses_second, leaves);
}

// Groups of twigs whose lane tests are made one after the other, before anything waits for what they
// find. Where they find leaves, a processor tests the next group while it adds up those of one.
#define AT_ONCE 16

#define SUM(TYPE, SUFFIX)                                                                        \
    void serin_tree_sum_##SUFFIX(                                                                \
        const struct serin_trees *trees, const TYPE *values, const int8_t *ranks,                \
        size_t row_bytes, bool uses_second, size_t rows, TYPE *sums) {                           \
        uint8_t found[AT_ONCE * SERIN_TREE_LANES];                                               \
        const size_t most = (trees->twigs ? AT_ONCE : 1) * SERIN_TREE_LANES;                     \
        for (size_t first = 0; first < trees->tree_count; first += most) {                       \
            size_t count = trees->tree_count - first < most ? trees->tree_count - first : most;  \
            size_t group = first / SERIN_TREE_LANES;                                             \
            const uint32_t *starts = trees->leaf_starts + first;                                 \
            for (size_t row = 0; row < rows; row++) {                                            \
                const int8_t *own = ranks + row * row_bytes;                                     \
                for (size_t part = 0; part * SERIN_TREE_LANES < count; part++)                   \
                    group_found(                                                                 \
                        trees, group + part, own, uses_second, found + part * SERIN_TREE_LANES); \
                TYPE sum = sums[row];                                                            \
                if (trees->twigs)                                                                \
                    sum = serin_tree_twig_sum_##SUFFIX(                                          \
                        trees, group, found, count, own, uses_second, sum);                      \
                else                                                                             \
                    for (size_t tree = 0; tree < count; tree++)                                  \
                        sum += values[starts[tree] + found[tree]];                               \
                sums[row] = sum;                                                                 \
            }                                                                                    \
        }                                                                                        \
    }
SUM(float, f32)
SUM(double, f64)
