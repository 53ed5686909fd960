// SPDX-License-Identifier: Apache-2.0
// One step of a recurrent cell for one sequence, with the usual functions (logistic and tanh).
#pragma once
#include <stddef.h>

// LSTM: `input` and `recurrent` are the two halves of the gates' sums, each 4 x width in the order
// i, o, f, c; `cell` and `hidden` (width each) go from the step before to this one.
void serin_lstm_step(
    size_t width, const float *input, const float *recurrent, float *cell, float *hidden);

// GRU with linear_before_reset: both halves 3 x width in the order z, r, h.
void serin_gru_step(size_t width, const float *input, const float *recurrent, float *hidden);

// Simple cell: hidden = tanh(input + recurrent).
void serin_rnn_step(size_t width, const float *input, const float *recurrent, float *hidden);
