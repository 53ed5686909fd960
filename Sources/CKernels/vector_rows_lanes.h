// SPDX-License-Identifier: Apache-2.0
// Softmax and normalisations of lines for one vector width; included behind vector_math_lanes.h.
//
// A sum runs in SUMS partial sums, element i in sum i % SUMS, whatever the vector's width; these
// are then added pairwise in a fixed order. So every level gives the same bits.
#define SUMS 16
#define PARTS (SUMS / LANES)

// Adds the partial sums: the upper half to the lower, again and again.
LANE float NAME(total)(const V *parts) {
    float sums[SUMS];
    for (int p = 0; p < PARTS; p++) ST(sums + p * LANES, parts[p]);
    for (int width = SUMS / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) sums[i] += sums[i + width];
    return sums[0];
}

// Runs STATEMENT over a line with x the vector at `i`, its part `p`; what lies behind the line
// reads as `FILL`. `place` is where a result may be stored, of which only the line is kept.
#define OVER(FILL, STORES, STATEMENT)                                                             \
    {                                                                                             \
        size_t i = 0;                                                                             \
        for (; i + SUMS <= count; i += SUMS)                                                      \
            for (int p = 0; p < PARTS; p++) {                                                     \
                V x = LD(source + i + p * LANES);                                                 \
                float *place = target + i + p * LANES;                                            \
                (void)place;                                                                      \
                STATEMENT                                                                         \
            }                                                                                     \
        if (i < count) {                                                                          \
            float rest[SUMS], out[SUMS];                                                          \
            size_t left = count - i;                                                              \
            for (size_t j = 0; j < SUMS; j++) rest[j] = j < left ? source[i + j] : FILL;          \
            for (int p = 0; p < PARTS; p++) {                                                     \
                V x = LD(rest + p * LANES);                                                       \
                float *place = out + p * LANES;                                                   \
                (void)place;                                                                      \
                STATEMENT                                                                         \
            }                                                                                     \
            if (STORES)                                                                           \
                for (size_t j = 0; j < left; j++) target[i + j] = out[j];                         \
        }                                                                                         \
    }

TARGET void SOFTMAX(
    size_t rows, size_t count, const float *input, size_t input_stride, float *output,
    size_t output_stride, int is_logarithm) {
    for (size_t row = 0; row < rows; row++) {
        const float *source = input + row * input_stride;
        float *target = output + row * output_stride;
        V best[PARTS], sums[PARTS];
        for (int p = 0; p < PARTS; p++) {
            best[p] = SET(-__builtin_inff());
            sums[p] = SET(0.0f);
        }
        OVER(-__builtin_inff(), 0, best[p] = SEL(LT(best[p], x), x, best[p]);)
        float tops[SUMS];
        for (int p = 0; p < PARTS; p++) ST(tops + p * LANES, best[p]);
        float top = tops[0];
        for (int j = 1; j < SUMS; j++) top = top < tops[j] ? tops[j] : top;
        const V pivot = SET(top);
        if (is_logarithm) {
            OVER(-__builtin_inff(), 0, sums[p] = ADD(sums[p], NAME(exp)(SUB(x, pivot)));)
            float sum = NAME(total)(sums);
            serin_map_f32_portable(SERIN_LOG, 0, 0, 1, &sum, &sum);
            const V shift = SET(sum);
            OVER(0, 1, ST(place, SUB(SUB(x, pivot), shift));)
            continue;
        }
        OVER(-__builtin_inff(), 1, {
            V power = NAME(exp)(SUB(x, pivot));
            sums[p] = ADD(sums[p], power);
            ST(place, power);
        })
        const V factor = SET(1.0f / NAME(total)(sums));
        source = target;
        OVER(0, 1, ST(place, MUL(x, factor));)
    }
}

TARGET void NORMALIZE(
    size_t rows, size_t count, const float *input, float *output, const float *scale,
    const float *bias, float epsilon, int is_centered, float *means, float *inverses) {
    const float share = 1.0f / (float)count;
    for (size_t row = 0; row < rows; row++) {
        const float *source = input + row * count;
        float *target = output + row * count;
        V sums[PARTS];
        float mean = 0;
        if (is_centered) {
            for (int p = 0; p < PARTS; p++) sums[p] = SET(0.0f);
            OVER(0, 0, sums[p] = ADD(sums[p], x);)
            mean = NAME(total)(sums) * share;
        }
        const V middle = SET(mean);
        for (int p = 0; p < PARTS; p++) sums[p] = SET(0.0f);
        OVER(mean, 0, {
            V gap = SUB(x, middle);
            sums[p] = FMA(gap, gap, sums[p]);
        })
        float inverse = 1.0f / __builtin_sqrtf(NAME(total)(sums) * share + epsilon);
        const V factor = SET(inverse);
        size_t j = 0;
        for (; j + LANES <= count; j += LANES) {
            V y = MUL(MUL(SUB(LD(source + j), middle), factor), LD(scale + j));
            ST(target + j, bias ? ADD(y, LD(bias + j)) : y);
        }
        for (; j < count; j++) {
            float y = (source[j] - mean) * inverse * scale[j];
            target[j] = bias ? y + bias[j] : y;
        }
        if (means) means[row] = mean;
        if (inverses) inverses[row] = inverse;
    }
}

TARGET void SCALE_MASK(
    size_t rows, size_t count, float *scores, float factor, int divides, const float *mask,
    size_t mask_row_stride, size_t mask_stride) {
    const V scale = SET(factor);
    for (size_t row = 0; row < rows; row++) {
        float *line = scores + row * count;
        const float *added = mask ? mask + row * mask_row_stride : NULL;
        size_t j = 0;
        if (!added || mask_stride == 1)
            for (; j + LANES <= count; j += LANES) {
                V x = divides ? DIV(LD(line + j), scale) : MUL(LD(line + j), scale);
                ST(line + j, added ? ADD(x, LD(added + j)) : x);
            }
        for (; j < count; j++) {
            float x = divides ? line[j] / factor : line[j] * factor;
            line[j] = added ? x + added[j * mask_stride] : x;
        }
    }
}
