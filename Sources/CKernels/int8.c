// SPDX-License-Identifier: Apache-2.0
// Packing for 8-bit products, the portable form, and the choice between the forms.
#include "int8_internal.h"

void serin_int8_pack(
    enum serin_int8_layout layout, const void *b, int is_unsigned, size_t depth, size_t columns,
    ptrdiff_t row_stride, ptrdiff_t column_stride, int8_t *packed, int32_t *sums) {
    size_t group = layout == SERIN_INT8_QUADS ? 4 : 2;
    for (size_t first = 0; first < columns; first += SERIN_INT8_PANEL) {
        for (size_t j = 0; j < SERIN_INT8_PANEL; j++) sums[first + j] = 0;
        for (size_t k = 0; k < depth; k += group)
            for (size_t j = 0; j < SERIN_INT8_PANEL; j++)
                for (size_t g = 0; g < group; g++) {
                    int32_t x = 0;
                    if (first + j < columns && k + g < depth) {
                        ptrdiff_t place = (ptrdiff_t)(k + g) * row_stride +
                                          (ptrdiff_t)(first + j) * column_stride;
                        x = is_unsigned ? ((const uint8_t *)b)[place] - 128
                                        : ((const int8_t *)b)[place];
                    }
                    sums[first + j] += x;
                    *packed++ = (int8_t)x;
                }
    }
}

// The plain order: each element of b back from where its layout put it.
static void multiply_portable(enum serin_int8_layout layout, const struct serin_int8_product *p) {
    size_t group = layout == SERIN_INT8_QUADS ? 4 : 2;
    size_t padded = (p->depth + group - 1) / group * group;
    for (size_t first = 0; first < p->columns; first += SERIN_INT8_PANEL) {
        const int8_t *panel = p->packed + first * padded;
        for (size_t row = 0; row < p->rows; row++) {
            uint32_t sums[SERIN_INT8_PANEL] = {0};
            int32_t zero = p->a_zeros ? p->a_zeros[row * p->a_zero_step] : 0;
            uint32_t line_sum = 0;
            for (size_t k = 0; k < p->depth; k++) {
                size_t place = row * p->depth + k;
                int32_t x = (p->a_is_unsigned ? ((const uint8_t *)p->a)[place]
                                              : ((const int8_t *)p->a)[place]) -
                            zero;
                line_sum += (uint32_t)x;
                const int8_t *line = panel + k / group * group * SERIN_INT8_PANEL + k % group;
                for (size_t j = 0; j < SERIN_INT8_PANEL; j++)
                    sums[j] += (uint32_t)(x * line[j * group]);
            }
            serin_int8_store(p, row, first, (const int32_t *)sums, (int32_t)line_sum);
        }
    }
}

void serin_int8_multiply_at(
    enum serin_cpu level, enum serin_int8_layout layout, const struct serin_int8_product *product,
    void *scratch) {
    (void)level, (void)scratch;  // Other processors have one form, which needs no room.
#if defined(__x86_64__)
    if (level >= SERIN_CPU_VNNI && layout == SERIN_INT8_QUADS) {
        serin_int8_multiply_vnni(product, scratch);
        return;
    }
    if (level >= SERIN_CPU_AVX512 && layout == SERIN_INT8_PAIRS) {
        serin_int8_multiply_avx512(product, scratch);
        return;
    }
    if (level >= SERIN_CPU_AVX2 && layout == SERIN_INT8_PAIRS) {
        serin_int8_multiply_avx2(product, scratch);
        return;
    }
#endif
    multiply_portable(layout, product);
}

void serin_int8_multiply(
    enum serin_int8_layout layout, const struct serin_int8_product *product, void *scratch) {
    serin_int8_multiply_at(serin_cpu_level(), layout, product, scratch);
}
