// SPDX-License-Identifier: Apache-2.0
#include "trees.h"

#include "cpu.h"

// MARK: Rows side by side

#define WIDTH 16
#define NAME(x) x##_16
#define TARGET
#include "trees_rows.h"
#undef WIDTH
#undef NAME
#undef TARGET

#if defined(__x86_64__)
#define WIDTH 32
#define NAME(x) x##_32
#define TARGET __attribute__((target("avx2")))
#include "trees_rows.h"
#undef WIDTH
#undef NAME
#undef TARGET

#define WIDTH 64
#define NAME(x) x##_64
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#include "trees_rows.h"
#undef WIDTH
#undef NAME
#undef TARGET
#endif

void serin_tree_leaves(
    const struct serin_trees *trees, size_t first, size_t count, const int8_t *ranks, size_t rows,
    uint8_t *leaves) {
#if defined(__x86_64__)
    enum serin_cpu level = serin_cpu_level();
    // A wide register costs as much half empty as full.
    if (level >= SERIN_CPU_AVX512 && rows > 32) {
        leaves_64(trees, first, count, ranks, rows, leaves);
        return;
    }
    if (level >= SERIN_CPU_AVX2) {
        leaves_32(trees, first, count, ranks, rows, leaves);
        return;
    }
#endif
    leaves_16(trees, first, count, ranks, rows, leaves);
}

// Eight rows at a time, so that eight sums are on their way at once.
#define ADD(TYPE, SUFFIX)                                                                        \
    void serin_tree_add_##SUFFIX(                                                                \
        const struct serin_trees *trees, const TYPE *values, size_t first, size_t count,         \
        size_t rows, const uint8_t *leaves, TYPE *sums) {                                        \
        const uint32_t *starts = trees->leaf_starts + first;                                     \
        size_t row = 0;                                                                          \
        for (; row + 8 <= rows; row += 8) {                                                      \
            TYPE a = sums[row], b = sums[row + 1], c = sums[row + 2], d = sums[row + 3];         \
            TYPE e = sums[row + 4], f = sums[row + 5], g = sums[row + 6], h = sums[row + 7];     \
            const uint8_t *leaf = leaves + row;                                                  \
            for (size_t tree = 0; tree < count; tree++, leaf += SERIN_TREE_ROWS) {               \
                const TYPE *own = values + starts[tree];                                         \
                a += own[leaf[0]], b += own[leaf[1]], c += own[leaf[2]], d += own[leaf[3]];      \
                e += own[leaf[4]], f += own[leaf[5]], g += own[leaf[6]], h += own[leaf[7]];      \
            }                                                                                    \
            sums[row] = a, sums[row + 1] = b, sums[row + 2] = c, sums[row + 3] = d;              \
            sums[row + 4] = e, sums[row + 5] = f, sums[row + 6] = g, sums[row + 7] = h;          \
        }                                                                                        \
        for (; row < rows; row++) {                                                              \
            TYPE sum = sums[row];                                                                \
            for (size_t tree = 0; tree < count; tree++)                                          \
                sum += values[starts[tree] + leaves[tree * SERIN_TREE_ROWS + row]];              \
            sums[row] = sum;                                                                     \
        }                                                                                        \
    }
ADD(float, f32)
ADD(double, f64)

#define ADD_TARGETS(TYPE, SUFFIX)                                                                \
    void serin_tree_add_targets_##SUFFIX(                                                        \
        const struct serin_trees *trees, const TYPE *values, const int32_t *tree_targets,        \
        size_t targets, size_t first, size_t count, size_t rows, const uint8_t *leaves,          \
        size_t step, TYPE *sums) {                                                               \
        for (size_t tree = first; tree < first + count; tree++, leaves += step) {                \
            size_t start = trees->leaf_starts[tree];                                             \
            if (tree_targets) {                                                                  \
                TYPE *own = sums + tree_targets[tree];                                           \
                for (size_t row = 0; row < rows; row++)                                          \
                    own[row * targets] += values[start + leaves[row]];                           \
                continue;                                                                        \
            }                                                                                    \
            for (size_t row = 0; row < rows; row++) {                                            \
                const TYPE *leaf = values + (start + leaves[row]) * targets;                     \
                TYPE *own = sums + row * targets;                                                \
                for (size_t target = 0; target < targets; target++) own[target] += leaf[target]; \
            }                                                                                    \
        }                                                                                        \
    }
ADD_TARGETS(float, f32)
ADD_TARGETS(double, f64)
