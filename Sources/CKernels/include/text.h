// SPDX-License-Identifier: Apache-2.0
// Numbers as text, without allocation.
#pragma once
#include <stddef.h>

// Writes `value` with `digits` significant digits and no trailing zeros, as "%g" does; answers how many
// bytes it took, 0 when they do not fit `capacity`.
ptrdiff_t serin_write_number(double value, int digits, char *text, ptrdiff_t capacity);
