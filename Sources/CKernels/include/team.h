// SPDX-License-Identifier: Apache-2.0
// Threads that help one caller with a step of work, again and again.
#pragma once
#include <stddef.h>

struct serin_team;

// Starts helpers for `threads` threads in all, the caller's counted; null for fewer than two or when
// the system gives no thread.
struct serin_team *serin_team_make(size_t threads);

// Ends the helpers and waits for them; null is nothing.
void serin_team_free(struct serin_team *team);

// Threads in all; of null, one.
size_t serin_team_size(const struct serin_team *team);

// Calls body(context, part) once for each part below the team's size, part 0 on the caller's thread,
// and returns when all are done. One caller at a time.
void serin_team_run(
    struct serin_team *team, void (*body)(void *context, size_t part), void *context);
