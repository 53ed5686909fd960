// SPDX-License-Identifier: Apache-2.0
// How far a row is from the support vectors of a machine, in double precision.
#pragma once
#include <stddef.h>

// Support vectors stand in panels of 8: [panels, features, 8], the last panel filled up with zeros.
#define SERIN_SVM_PANEL 8

// For each vector the sum over the features of (x - v)^2, or of x * v, in the order of the features
// and without fused operations, so that every level has the same bits.
void serin_svm_distances(
    const double *vectors, size_t panels, size_t features, const double *x, double *sums);
void serin_svm_products(
    const double *vectors, size_t panels, size_t features, const double *x, double *sums);

// Replaces each of `count` (a multiple of 8) values by exp(scale * value), to 1.5 in the last place;
// below exp(-708) it is 0, beyond the largest number infinite, and NaN stays.
void serin_svm_exp(double scale, size_t count, double *values);
