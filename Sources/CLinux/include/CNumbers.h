// SPDX-License-Identifier: Apache-2.0
// Decimal text to binary, correctly rounded, whatever the locale of the process.
#pragma once
#include <stddef.h>
#include <stdint.h>

// The nearest value of a number in JSON's grammar of `count` bytes, ties to even; infinite when
// it is beyond the greatest finite one. Allocates nothing.
double serin_json_double(const uint8_t *text, ptrdiff_t count);
float serin_json_float(const uint8_t *text, ptrdiff_t count);
