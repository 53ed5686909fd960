// SPDX-License-Identifier: Apache-2.0
// Tree ensembles without branches: which leaf does each tree give each row, and what do they add
// up to.
//
// Ranks. A feature is only ever compared with the thresholds that the ensemble has for it, so its
// rank among them (how many it is above) decides every test: x > t iff rank(x) > rank(t). Ranks are
// cut into columns of one signed byte each, 255 thresholds a column, the lowest rank being -128. A
// missing value has the lowest rank, or, in a second copy of the columns, the highest.
//
// Leaves still reachable. Every inner node is tested; one that sends the row to its second child
// takes the leaves below its first child out of a bit set of the tree's leaves, numbered from the
// first child to the second; the lowest bit left is the leaf (Lucchese et al., "QuickScorer: A Fast
// Algorithm to Rank Documents with Additive Ensembles of Regression Trees", SIGIR 2015; in byte
// planes: Ye et al., "RapidScorer: Fast Tree Ensemble Evaluation by Maximizing Compactness in Data
// Level Parallelization", KDD 2018). A set is up to 32 planes of 8 leaves. A test is stored once for
// each plane that it changes; the tests of a plane stand together, so that a plane is made in a
// register.
//
// Symmetric trees, in which the nodes of a level have one test, have no sets: each level's answer is
// a bit of the leaf's number.
//
// One row alone reads each test for itself, so that most of its time would go into fetching tests that
// do not matter. There a tree is cut into twigs of up to eight leaves: the tests above them find one
// twig, as if twigs were leaves, and only its seven tests are made.
//
// Two arrangements: one tree and 32 or more rows side by side, or 32 trees and one row. Both give
// the same leaves, and sums are always taken in the order of the trees, as the libraries that train
// them take them.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The rows of a block: ranks and leaves of a block are kept SERIN_TREE_ROWS bytes a column or tree.
#define SERIN_TREE_ROWS 128
// The trees of a group.
#define SERIN_TREE_LANES 32
// The columns that one byte shuffle can choose from.
#define SERIN_TREE_TABLE 16

// The levels that the thresholds of a feature may take: a million of them.
#define SERIN_TREE_LEVELS 5

// How a feature is ranked.
struct serin_tree_feature {
    uint32_t feature;
    // Where each level of its thresholds starts, the highest first. A level is filled up to sixteens
    // with infinity; above the last level each number is the last of a sixteen of the next level, and
    // infinity for its last sixteen.
    uint32_t level_count, levels[SERIN_TREE_LEVELS];
    // Where its columns are listed, and how many there are, the lowest 255 thresholds first.
    uint32_t first_column, column_count;
    // The ranks of the largest finite number and of infinity.
    uint32_t rank_of_largest, rank_of_infinity;
};

// One test in one plane, or of one level: a row is sent on iff its rank is at least bound; `mask` is
// the leaves to keep, or the bit of the level.
struct serin_tree_test {
    uint16_t column;
    int8_t bound;
    int8_t mask;
};

// A subtree of up to eight leaves. `above` has bit i set iff test i's rank is above bounds[i]; leaf j
// is reached iff (above & care[j]) == want[j]. A column of the second copy has bit 7 set. Byte 7 of
// the columns is no column but the number of the first leaf in the tree, and bounds[7] is 127, which
// no rank is above. Behind a twig stand the values of its eight leaves, so that one line of the cache
// has all that a row needs of it; of leaves that are not there, nobody cares.
struct serin_tree_twig {
    uint8_t columns[8];
    int8_t bounds[8];
    uint8_t care[8];
    uint8_t want[8];
};

// Tests of one plane that look at one table of columns, for 32 trees.
struct serin_tree_run {
    uint32_t test_count;
    uint16_t table;
    // Whether this is the last run of its plane.
    uint16_t ends_plane;
};

// The tables of an ensemble; lent for every call.
struct serin_trees {
    size_t tree_count;
    bool is_symmetric;

    size_t feature_count;
    const struct serin_tree_feature *features;
    // The number of each listed column; columns often tested come first.
    const uint16_t *columns;
    // The number of columns, without their second copies.
    size_t column_count;
    bool has_second;

    // One tree, rows side by side: tree t has planes tree_planes[t]..<tree_planes[t + 1], plane p
    // tests plane_tests[p]..<plane_tests[p + 1]. A column of the second copy is numbered from
    // column_count on.
    const uint32_t *tree_planes;
    const uint32_t *plane_tests;
    const struct serin_tree_test *tests;

    // One row, 32 trees side by side: group g has runs group_runs[g]..<group_runs[g + 1], the
    // highest plane first, and group_planes[g] planes. Of each test 32 columns within the table
    // (plus 64 in the second copy), 32 ranks to be above and 32 sets of leaves to take out, or
    // bits of the level; one after the other in lane_tests, from group_tests[g] on, aligned to 32
    // bytes.
    const uint32_t *group_runs;
    const uint32_t *group_tests;
    const uint16_t *group_planes;
    const struct serin_tree_run *runs;
    const uint8_t *lane_tests;
    // Where lane tests choose twigs, those with their values, twig_bytes apart, and the number of each
    // tree's first twig, for 32 trees a group; else null.
    const uint8_t *twigs;
    size_t twig_bytes;
    const uint32_t *tree_twigs;

    // The number of each tree's first leaf.
    const uint32_t *leaf_starts;
};

// The bytes of a row's ranks in either copy when trees lie side by side.
static inline size_t serin_tree_row_bytes(const struct serin_trees *trees) {
    return (trees->column_count + SERIN_TREE_TABLE - 1) / SERIN_TREE_TABLE * SERIN_TREE_TABLE;
}

// Ranks the features of `rows` rows, `stride` values apart. The rank of row r in column c goes to
// ranks[r * row_step + c * column_step], in the second copy second_offset further. Returns whether
// some rank differs between the copies; where there is no second one, false.
bool serin_tree_ranks_f32(
    const struct serin_trees *trees, const float *thresholds, const float *x, size_t rows,
    size_t stride, size_t row_step, size_t column_step, size_t second_offset, int8_t *ranks);
bool serin_tree_ranks_f64(
    const struct serin_trees *trees, const double *thresholds, const double *x, size_t rows,
    size_t stride, size_t row_step, size_t column_step, size_t second_offset, int8_t *ranks);

// The leaves of `count` trees from `first` on for up to SERIN_TREE_ROWS rows: ranks are
// [columns, SERIN_TREE_ROWS], leaves (numbered within their tree) [count, SERIN_TREE_ROWS]. What is
// behind `rows` in them may be read and written, and means nothing.
void serin_tree_leaves(
    const struct serin_trees *trees, size_t first, size_t count, const int8_t *ranks, size_t rows,
    uint8_t *leaves);

// The leaves of the 32 trees of `group` for one row: ranks are serin_tree_row_bytes of the first
// copy and, where `uses_second`, as many of the second one.
void serin_tree_group_leaves(
    const struct serin_trees *trees, size_t group, const int8_t *ranks, bool uses_second,
    uint8_t *leaves);

// The last part where there are twigs, for `count` trees from those of `group` on: `found` has the
// twig that each reaches within its tree. It gives their leaves, as
// above, or adds their values to a sum, tree by tree.
void serin_tree_twig_leaves(
    const struct serin_trees *trees, size_t group, const uint8_t *found, size_t count,
    const int8_t *ranks, bool uses_second, uint8_t *leaves);
float serin_tree_twig_sum_f32(
    const struct serin_trees *trees, size_t group, const uint8_t *found, size_t count,
    const int8_t *ranks, bool uses_second, float sum);
double serin_tree_twig_sum_f64(
    const struct serin_trees *trees, size_t group, const uint8_t *found, size_t count,
    const int8_t *ranks, bool uses_second, double sum);

// Adds the values of all leaves that each of `rows` rows reaches to its sum, tree by tree; the ranks
// of a row, as above, are row_bytes apart. For few rows.
void serin_tree_sum_f32(
    const struct serin_trees *trees, const float *values, const int8_t *ranks, size_t row_bytes,
    bool uses_second, size_t rows, float *sums);
void serin_tree_sum_f64(
    const struct serin_trees *trees, const double *values, const int8_t *ranks, size_t row_bytes,
    bool uses_second, size_t rows, double *sums);

// Adds the values of the leaves of `count` trees from `first` on to one sum a row; leaves are
// [count, SERIN_TREE_ROWS].
void serin_tree_add_f32(
    const struct serin_trees *trees, const float *values, size_t first, size_t count, size_t rows,
    const uint8_t *leaves, float *sums);
void serin_tree_add_f64(
    const struct serin_trees *trees, const double *values, size_t first, size_t count, size_t rows,
    const uint8_t *leaves, double *sums);

// As above for `targets` sums a row, [rows, targets]. Tree t adds to target tree_targets[t], or,
// where that is null, each leaf has a value for every target. The leaves of a row are `step` apart.
void serin_tree_add_targets_f32(
    const struct serin_trees *trees, const float *values, const int32_t *tree_targets,
    size_t targets, size_t first, size_t count, size_t rows, const uint8_t *leaves, size_t step,
    float *sums);
void serin_tree_add_targets_f64(
    const struct serin_trees *trees, const double *values, const int32_t *tree_targets,
    size_t targets, size_t first, size_t count, size_t rows, const uint8_t *leaves, size_t step,
    double *sums);

// MARK: Walks, for trees of any size

// A node of a walked tree. A row goes to its first child, or, iff x > threshold, to the one behind
// it. `link` is 8 * column (where the first of eight rows has it) in its low bits and, above them,
// how far behind this node the first child stands. A leaf has its weight for a threshold and
// distance 0; its column holds no number, so that a walk that has arrived stays.
struct serin_tree_node_f32 {
    float threshold;
    uint32_t link;
};
struct serin_tree_node_f64 {
    double threshold;
    uint64_t link;
};

// Trees of one array of nodes: where each starts and its longest path.
struct serin_tree_walks {
    const void *nodes;
    const uint32_t *roots;
    const uint32_t *depths;
    // The target of each tree, and how many there are.
    const int32_t *targets;
    size_t target_count;
    size_t tree_count;
    // How many low bits of a link hold the column.
    unsigned column_bits;
};

// What eight rows reach in one tree; x is [columns, 8].
void serin_tree_reach_rows_f32(
    const struct serin_tree_walks *walks, size_t tree, const float *x, float *weights);
void serin_tree_reach_rows_f64(
    const struct serin_tree_walks *walks, size_t tree, const double *x, double *weights);

// The most trees that one row walks side by side, and how many it does where `left` are left: all
// about as many, as few walks would wait for memory one after the other.
#define SERIN_TREE_WALKS 32
static inline size_t serin_tree_walks_at_once(size_t left) {
    size_t turns = (left + SERIN_TREE_WALKS - 1) / SERIN_TREE_WALKS;
    return turns == 0 ? 0 : (left + turns - 1) / turns;
}
// What one row reaches in `count` trees from `first` on, at most SERIN_TREE_WALKS; its columns are 8
// apart in x.
void serin_tree_reach_trees_f32(
    const struct serin_tree_walks *walks, size_t first, size_t count, const float *x,
    float *weights);
void serin_tree_reach_trees_f64(
    const struct serin_tree_walks *walks, size_t first, size_t count, const double *x,
    double *weights);

// Adds what `rows` rows reach to their sums, [rows, targets], tree by tree. Every eight rows of x
// are [columns, 8], `eight_size` apart; the last ones may be less than eight.
void serin_tree_walk_f32(
    const struct serin_tree_walks *walks, const float *x, size_t eight_size, size_t rows,
    float *sums);
void serin_tree_walk_f64(
    const struct serin_tree_walks *walks, const double *x, size_t eight_size, size_t rows,
    double *sums);
