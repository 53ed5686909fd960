// SPDX-License-Identifier: Apache-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CNumbers.h"
#include <locale.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

// A number half-way between two doubles has at most 767 significant digits; of the digits behind
// them it matters only whether one is not 0.
enum { KEPT = 780, EXPONENT_LIMIT = 100000 };

static locale_t c_locale;
static pthread_once_t c_locale_made = PTHREAD_ONCE_INIT;

static void make_c_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

static int is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

// Rewrites the number as sign, digits without a point, `e` and an exponent, in bounded room.
static void shorten(const uint8_t *text, ptrdiff_t count, char out[KEPT + 40]) {
    ptrdiff_t index = 0;
    int length = 0, kept = 0;
    long long exponent = 0;
    bool sticky = false, fraction = false;
    if (index < count && text[index] == '-') {
        out[length++] = '-';
        index++;
    }
    for (; index < count && (is_digit(text[index]) || text[index] == '.'); index++) {
        if (text[index] == '.') {
            fraction = true;
        } else if (kept == 0 && text[index] == '0') {
            exponent -= fraction;
        } else if (kept < KEPT) {
            out[length++] = (char)text[index];
            kept++;
            exponent -= fraction;
        } else {
            sticky |= text[index] != '0';
            exponent += !fraction;
        }
    }
    if (kept == 0) out[length++] = '0';
    if (sticky) {
        out[length++] = '1';
        exponent--;
    }
    if (index < count) {
        bool negative = false;
        long long written = 0;
        index++;
        if (index < count && (text[index] == '-' || text[index] == '+')) {
            negative = text[index] == '-';
            index++;
        }
        for (; index < count && is_digit(text[index]); index++) {
            written = written * 10 + (text[index] - '0');
            if (written > 1000000000000) written = 1000000000000;
        }
        exponent += negative ? -written : written;
    }
    if (exponent > EXPONENT_LIMIT) exponent = EXPONENT_LIMIT;
    if (exponent < -EXPONENT_LIMIT) exponent = -EXPONENT_LIMIT;
    snprintf(out + length, 20, "e%lld", exponent);
}

double serin_json_double(const uint8_t *text, ptrdiff_t count) {
    char number[KEPT + 40];
    pthread_once(&c_locale_made, make_c_locale);
    shorten(text, count, number);
    return c_locale ? strtod_l(number, NULL, c_locale) : strtod(number, NULL);
}

float serin_json_float(const uint8_t *text, ptrdiff_t count) {
    char number[KEPT + 40];
    pthread_once(&c_locale_made, make_c_locale);
    shorten(text, count, number);
    return c_locale ? strtof_l(number, NULL, c_locale) : strtof(number, NULL);
}
