// SPDX-License-Identifier: Apache-2.0
// Hot kernels in C, chosen at run time by what the processor can do.
#pragma once
#include <stddef.h>
#include <stdint.h>
