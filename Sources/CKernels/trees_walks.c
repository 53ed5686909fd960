// SPDX-License-Identifier: Apache-2.0
// Walks from root to leaf. A walk mostly waits for memory, so many are under way at once: eight
// rows in one tree, or some thirty trees for one row. All rows of a block go through a tree before
// the next one, so that its upper nodes stay near.
#include "trees.h"

// One step of a walk whose row has lane INDEX; one that has arrived stays.
#define STEP(LINK, AT, INDEX)                                                                    \
    {                                                                                            \
        LINK link = AT->link;                                                                    \
        AT += (link >> bits) + (x[(link & mask) + INDEX] > AT->threshold);                       \
    }

#define WALKS(TYPE, LINK, SUFFIX)                                                                \
    void serin_tree_reach_rows_##SUFFIX(                                                         \
        const struct serin_tree_walks *walks, size_t tree, const TYPE *x, TYPE *weights) {       \
        const struct serin_tree_node_##SUFFIX *at[8];                                            \
        const struct serin_tree_node_##SUFFIX *nodes = walks->nodes;                             \
        unsigned bits = walks->column_bits, depth = walks->depths[tree];                         \
        LINK mask = ((LINK)1 << bits) - 1;                                                       \
        for (int i = 0; i < 8; i++) at[i] = nodes + walks->roots[tree];                          \
        for (unsigned left = depth; left > 0;) {                                                 \
            unsigned steps = left < 4 ? left : 4;                                                \
            for (unsigned step = 0; step < steps; step++)                                        \
                for (int i = 0; i < 8; i++) STEP(LINK, at[i], (LINK)i)                           \
            left -= steps;                                                                       \
            LINK onward = 0;                                                                     \
            for (int i = 0; i < 8; i++) onward |= at[i]->link >> bits;                           \
            if (onward == 0) break;                                                              \
        }                                                                                        \
        for (int i = 0; i < 8; i++) weights[i] = at[i]->threshold;                               \
    }                                                                                            \
    void serin_tree_reach_trees_##SUFFIX(                                                        \
        const struct serin_tree_walks *walks, size_t first, size_t count, const TYPE *x,         \
        TYPE *weights) {                                                                         \
        const struct serin_tree_node_##SUFFIX *at[SERIN_TREE_WALKS];                             \
        const struct serin_tree_node_##SUFFIX *nodes = walks->nodes;                             \
        uint8_t walk[SERIN_TREE_WALKS];                                                          \
        unsigned bits = walks->column_bits, deepest = 0;                                         \
        LINK mask = ((LINK)1 << bits) - 1;                                                       \
        for (size_t i = 0; i < count; i++) {                                                     \
            at[i] = nodes + walks->roots[first + i];                                             \
            walk[i] = (uint8_t)i;                                                                \
            if (walks->depths[first + i] > deepest) deepest = walks->depths[first + i];          \
        }                                                                                        \
        /* Few arrive in the upper half. After it those that have arrived are left out every four \
           steps: each walk is written again, the place it is written to goes on with those that \
           are under way. */                                                                     \
        unsigned steps = (deepest + 1) / 2;                                                      \
        for (size_t left = count; left > 0; steps = 4) {                                         \
            for (unsigned step = 0; step < steps; step++)                                        \
                for (size_t i = 0; i < left; i++) STEP(LINK, at[i], 0)                           \
            size_t kept = 0;                                                                     \
            for (size_t i = 0; i < left; i++) {                                                  \
                const struct serin_tree_node_##SUFFIX *own = at[i];                              \
                uint8_t number = walk[i];                                                        \
                weights[number] = own->threshold;                                                \
                at[kept] = own;                                                                  \
                walk[kept] = number;                                                             \
                kept += (own->link >> bits) != 0;                                                \
            }                                                                                    \
            left = kept;                                                                         \
        }                                                                                        \
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
            for (size_t tree = 0, count; tree < walks->tree_count; tree += count) {              \
                count = serin_tree_walks_at_once(walks->tree_count - tree);                      \
                serin_tree_reach_trees_##SUFFIX(walks, tree, count, own, weights);               \
                for (size_t i = 0; i < count; i++)                                               \
                    sums[row * targets + (size_t)walks->targets[tree + i]] += weights[i];        \
            }                                                                                    \
        }                                                                                        \
    }
WALKS(float, uint32_t, f32)
WALKS(double, uint64_t, f64)
