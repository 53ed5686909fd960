// SPDX-License-Identifier: Apache-2.0
// Calls a tree ensemble that lleaves compiled again and again, without Python in between.
#include <stdint.h>
#include <time.h>

typedef void (*ensemble)(const double *rows, double *answers, int start, int end);

static double seconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// Runs `count` of `total` rows after `count` others for as long as asked; the processor's time of one
// run in microseconds.
double time_ensemble(
    ensemble run, const double *rows, double *answers, int count, int total, double longest) {
    long runs = 0, block = 1;
    int first = 0;
    run(rows, answers, 0, count);
    double start = seconds(CLOCK_THREAD_CPUTIME_ID), now = seconds(CLOCK_MONOTONIC);
    double end = now + longest, before;
    do {
        before = now;
        for (long index = 0; index < block; index++) {
            run(rows, answers, first, first + count);
            first += count;
            if (first + count > total) first = 0;
        }
        runs += block;
        now = seconds(CLOCK_MONOTONIC);
        if (now - before < 1e-4 && block < 1 << 16) block *= 2;
    } while (now < end);
    return (seconds(CLOCK_THREAD_CPUTIME_ID) - start) * 1e6 / (double)runs;
}
