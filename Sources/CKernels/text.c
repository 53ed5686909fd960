// SPDX-License-Identifier: Apache-2.0
#include "text.h"
#include <stdio.h>

ptrdiff_t serin_write_number(double value, int digits, char *text, ptrdiff_t capacity) {
    int count = snprintf(text, (size_t)capacity, "%.*g", digits, value);
    return count > 0 && count < capacity ? count : 0;
}
