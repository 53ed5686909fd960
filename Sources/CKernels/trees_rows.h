// SPDX-License-Identifier: Apache-2.0
// The leaves of one tree for many rows, in vectors of WIDTH bytes; included once for each width,
// with NAME(x) making names of that width and TARGET naming the instructions to use.
typedef int8_t NAME(bytes) __attribute__((vector_size(WIDTH), aligned(1), may_alias));

// COUNT vectors of rows.
#define SETS(COUNT)                                                                              \
    TARGET static void NAME(sets_##COUNT)(                                                       \
        const struct serin_trees *trees, size_t first, size_t count, const int8_t *ranks,        \
        uint8_t *leaves) {                                                                       \
        const NAME(bytes) zero = {0};                                                            \
        for (size_t tree = first; tree < first + count; tree++, leaves += SERIN_TREE_ROWS) {     \
            size_t lowest = trees->tree_planes[tree], plane = trees->tree_planes[tree + 1];      \
            NAME(bytes) found[COUNT], base[COUNT];                                               \
            for (int i = 0; i < COUNT; i++) found[i] = base[i] = zero;                           \
            while (plane-- > lowest) {                                                           \
                const struct serin_tree_test *test = trees->tests + trees->plane_tests[plane];   \
                const struct serin_tree_test *end = trees->tests + trees->plane_tests[plane + 1]; \
                NAME(bytes) set[COUNT];                                                          \
                for (int i = 0; i < COUNT; i++) set[i] = ~zero;                                  \
                for (; test < end; test++) {                                                     \
                    const int8_t *x = ranks + (size_t)test->column * SERIN_TREE_ROWS;            \
                    NAME(bytes) bound = zero + test->bound, keep = zero + test->mask;            \
                    for (int i = 0; i < COUNT; i++)                                              \
                        set[i] &= (bound > *(const NAME(bytes) *)(x + i * WIDTH)) | keep;        \
                }                                                                                \
                NAME(bytes) number = zero + (int8_t)((plane - lowest) * 8);                      \
                for (int i = 0; i < COUNT; i++) {                                                \
                    NAME(bytes) none = set[i] == zero;                                           \
                    found[i] = (found[i] & none) | set[i];                                       \
                    base[i] = (base[i] & none) | (number & ~none);                               \
                }                                                                                \
            }                                                                                    \
            for (int i = 0; i < COUNT; i++) {                                                    \
                NAME(bytes) bit = found[i] & -found[i];                                          \
                NAME(bytes) odd = ((bit & (zero + 0x55)) == zero) & (zero + 1);                  \
                NAME(bytes) pair = ((bit & (zero + 0x33)) == zero) & (zero + 2);                 \
                NAME(bytes) half = ((bit & (zero + 0x0F)) == zero) & (zero + 4);                 \
                *(NAME(bytes) *)(leaves + i * WIDTH) = base[i] | odd | pair | half;              \
            }                                                                                    \
        }                                                                                        \
    }                                                                                            \
    TARGET static void NAME(levels_##COUNT)(                                                     \
        const struct serin_trees *trees, size_t first, size_t count, const int8_t *ranks,        \
        uint8_t *leaves) {                                                                       \
        const NAME(bytes) zero = {0};                                                            \
        for (size_t tree = first; tree < first + count; tree++, leaves += SERIN_TREE_ROWS) {     \
            size_t plane = trees->tree_planes[tree];                                             \
            const struct serin_tree_test *test = trees->tests + trees->plane_tests[plane];       \
            const struct serin_tree_test *end = trees->tests + trees->plane_tests[plane + 1];    \
            NAME(bytes) number[COUNT];                                                           \
            for (int i = 0; i < COUNT; i++) number[i] = zero;                                    \
            for (; test < end; test++) {                                                         \
                const int8_t *x = ranks + (size_t)test->column * SERIN_TREE_ROWS;                \
                NAME(bytes) bound = zero + test->bound, bit = zero + test->mask;                 \
                for (int i = 0; i < COUNT; i++)                                                  \
                    number[i] |= ~(bound > *(const NAME(bytes) *)(x + i * WIDTH)) & bit;         \
            }                                                                                    \
            for (int i = 0; i < COUNT; i++)                                                      \
                *(NAME(bytes) *)(leaves + i * WIDTH) = number[i];                                \
        }                                                                                        \
    }
SETS(1)
SETS(2)
SETS(4)
#undef SETS

TARGET static void NAME(leaves)(
    const struct serin_trees *trees, size_t first, size_t count, const int8_t *ranks, size_t rows,
    uint8_t *leaves) {
    for (size_t row = 0; row < rows;) {
        size_t vectors = (rows - row + WIDTH - 1) / WIDTH;
        if (vectors >= 3) {
            if (trees->is_symmetric) NAME(levels_4)(trees, first, count, ranks + row, leaves + row);
            else NAME(sets_4)(trees, first, count, ranks + row, leaves + row);
            row += 4 * WIDTH;
        } else if (vectors == 2) {
            if (trees->is_symmetric) NAME(levels_2)(trees, first, count, ranks + row, leaves + row);
            else NAME(sets_2)(trees, first, count, ranks + row, leaves + row);
            row += 2 * WIDTH;
        } else {
            if (trees->is_symmetric) NAME(levels_1)(trees, first, count, ranks + row, leaves + row);
            else NAME(sets_1)(trees, first, count, ranks + row, leaves + row);
            row += WIDTH;
        }
    }
}
