// SPDX-License-Identifier: Apache-2.0
// Hot kernels in C, chosen at run time by what the processor can do.
#pragma once
#include "conv.h"
#include "conv_block.h"
#include "cpu.h"
#include "gemm.h"
#include "int8.h"
#include "int8_columns.h"
#include "int8_convert.h"
#include "ranges.h"
#include "recurrent.h"
#include "resample.h"
#include "svm.h"
#include "team.h"
#include "text.h"
#include "trees.h"
#include "vector_math.h"
