// SPDX-License-Identifier: Apache-2.0
#include "int8_columns.h"

#include <string.h>

// The bytes of one line: places from `from` on, of which `input` is the first of the line in the image.
static void line(
    const struct serin_window_axis *axis, const uint8_t *input, ptrdiff_t tap, uint8_t padding,
    ptrdiff_t from, ptrdiff_t count, uint8_t *target) {
    ptrdiff_t at = from * axis->stride - axis->before + tap * axis->dilation;
    ptrdiff_t done = 0;
    if (axis->stride == 1) {
        ptrdiff_t low = at < 0 ? (-at < count ? -at : count) : 0;
        ptrdiff_t high = axis->input - at < count ? axis->input - at : count;
        if (high < low) high = low;
        memset(target, padding, (size_t)low);
        if (high > low) memcpy(target + low, input + at + low, (size_t)(high - low));
        memset(target + high, padding, (size_t)(count - high));
        return;
    }
    for (; done < count; done++, at += axis->stride)
        target[done] = at >= 0 && at < axis->input ? input[at] : padding;
}

void serin_int8_columns(
    const struct serin_window_axis axes[3], size_t channels, const uint8_t *image, uint8_t padding,
    size_t first, size_t count, uint8_t *columns) {
    const struct serin_window_axis *x = &axes[0], *y = &axes[1], *z = &axes[2];
    for (size_t channel = 0; channel < channels; channel++) {
        const uint8_t *plane = image + channel * (size_t)(x->input * y->input * z->input);
        for (ptrdiff_t u = 0; u < x->kernel; u++)
            for (ptrdiff_t v = 0; v < y->kernel; v++)
                for (ptrdiff_t w = 0; w < z->kernel; w++, columns += count) {
                    ptrdiff_t place = (ptrdiff_t)first, end = (ptrdiff_t)(first + count);
                    while (place < end) {
                        ptrdiff_t k = place % z->output, rest = place / z->output;
                        ptrdiff_t px = rest / y->output * x->stride - x->before + u * x->dilation;
                        ptrdiff_t py = rest % y->output * y->stride - y->before + v * y->dilation;
                        ptrdiff_t run = z->output - k;
                        if (run > end - place) run = end - place;
                        uint8_t *target = columns + (place - (ptrdiff_t)first);
                        if (px < 0 || px >= x->input || py < 0 || py >= y->input)
                            memset(target, padding, (size_t)run);
                        else
                            line(
                                z, plane + (px * y->input + py) * z->input, w, padding, k, run,
                                target);
                        place += run;
                    }
                }
    }
}
