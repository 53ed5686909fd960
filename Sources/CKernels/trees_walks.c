// SPDX-License-Identifier: Apache-2.0
// Walks from root to leaf. A walk mostly waits for memory, so many are under way at once: eight
// rows in one tree, or sixteen trees for one row. All rows of a block go through a tree before the
// next one, so that its upper nodes stay near.
#include "trees.h"

// LANES walks side by side; all have arrived when no node has children.
#define WALK(NODE, LINK, LANES, INDEX)                                                           \
    for (unsigned left = depth; left > 0;) {                                                     \
        unsigned steps = left < 4 ? left : 4;                                                    \
        for (unsigned step = 0; step < steps; step++)                                            \
            for (int i = 0; i < LANES; i++) {                                                    \
                LINK link = at[i]->link;                                                         \
                at[i] += (link >> bits) + (x[(link & mask) + INDEX] > at[i]->threshold);         \
            }                                                                                    \
        left -= steps;                                                                           \
        LINK onward = 0;                                                                         \
        for (int i = 0; i < LANES; i++) onward |= at[i]->link >> bits;                           \
        if (onward == 0) break;                                                                  \
    }

#define WALKS(TYPE, LINK, SUFFIX)                                                                \
    void serin_tree_reach_rows_##SUFFIX(                                                         \
        const struct serin_tree_walks *walks, size_t tree, const TYPE *x, TYPE *weights) {       \
        const struct serin_tree_node_##SUFFIX *at[8];                                            \
        const struct serin_tree_node_##SUFFIX *nodes = walks->nodes;                             \
        unsigned bits = walks->column_bits, depth = walks->depths[tree];                         \
        LINK mask = ((LINK)1 << bits) - 1;                                                       \
        for (int i = 0; i < 8; i++) at[i] = nodes + walks->roots[tree];                          \
        WALK(struct serin_tree_node_##SUFFIX, LINK, 8, (LINK)i)                                  \
        for (int i = 0; i < 8; i++) weights[i] = at[i]->threshold;                               \
    }                                                                                            \
    void serin_tree_reach_trees_##SUFFIX(                                                        \
        const struct serin_tree_walks *walks, size_t first, const TYPE *x, TYPE *weights) {      \
        const struct serin_tree_node_##SUFFIX *at[SERIN_TREE_WALKS];                             \
        const struct serin_tree_node_##SUFFIX *nodes = walks->nodes;                             \
        unsigned bits = walks->column_bits, depth = 0;                                           \
        LINK mask = ((LINK)1 << bits) - 1;                                                       \
        for (size_t i = 0; i < SERIN_TREE_WALKS; i++) {                                          \
            size_t tree = first + i < walks->tree_count ? first + i : first;                     \
            at[i] = nodes + walks->roots[tree];                                                  \
            if (walks->depths[tree] > depth) depth = walks->depths[tree];                        \
        }                                                                                        \
        WALK(struct serin_tree_node_##SUFFIX, LINK, SERIN_TREE_WALKS, 0)                         \
        for (int i = 0; i < SERIN_TREE_WALKS; i++) weights[i] = at[i]->threshold;                \
    }                                                                                            \
    void serin_tree_walk_##SUFFIX(                                                               \
        const struct serin_tree_walks *walks, const TYPE *x, size_t eight_size, size_t rows,     \
        TYPE *sums) {                                                                            \
        TYPE weights[SERIN_TREE_WALKS];                                                          \
        size_t targets = walks->target_count, full = rows / 8;                                   \
        for (size_t tree = 0; tree < (full > 0 ? walks->tree_count : 0); tree++) {               \
            TYPE *own = sums + walks->targets[tree];                                             \
            for (size_t eight = 0; eight < full; eight++, own += 8 * targets) {                  \
                serin_tree_reach_rows_##SUFFIX(walks, tree, x + eight * eight_size, weights);    \
                for (size_t i = 0; i < 8; i++) own[i * targets] += weights[i];                   \
            }                                                                                    \
        }                                                                                        \
        for (size_t row = 8 * full; row < rows; row++) {                                         \
            const TYPE *own = x + full * eight_size + (row - 8 * full);                          \
            for (size_t tree = 0; tree < walks->tree_count; tree += SERIN_TREE_WALKS) {          \
                size_t left = walks->tree_count - tree;                                          \
                serin_tree_reach_trees_##SUFFIX(walks, tree, own, weights);                      \
                for (size_t i = 0; i < (left < SERIN_TREE_WALKS ? left : SERIN_TREE_WALKS); i++) \
                    sums[row * targets + (size_t)walks->targets[tree + i]] += weights[i];        \
            }                                                                                    \
        }                                                                                        \
    }
WALKS(float, uint32_t, f32)
WALKS(double, uint64_t, f64)
