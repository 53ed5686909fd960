// SPDX-License-Identifier: Apache-2.0
// A round of work is published by raising a number. Helpers look at it for a short while, since the
// next step mostly follows at once, then sleep on a condition until somebody wakes them.
#include "team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LOOKS 4000

struct helper {
    struct serin_team *team;
    size_t part;
    pthread_t thread;
};

struct serin_team {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_uint round;
    atomic_size_t busy;      // helpers that have not finished this round
    atomic_size_t sleepers;  // changed under `lock`
    atomic_int is_over;
    void (*body)(void *context, size_t part);
    void *context;
    size_t helper_count;
    struct helper helpers[];
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

// Waits for a round other than `seen`; false when the team is over.
static int next_round(struct serin_team *team, unsigned seen) {
    for (int look = 0; look < LOOKS; look++) {
        if (atomic_load_explicit(&team->round, memory_order_acquire) != seen) goto found;
        relax();
    }
    pthread_mutex_lock(&team->lock);
    atomic_fetch_add(&team->sleepers, 1);
    while (atomic_load(&team->round) == seen) pthread_cond_wait(&team->wake, &team->lock);
    atomic_fetch_sub(&team->sleepers, 1);
    pthread_mutex_unlock(&team->lock);
found:
    return !atomic_load(&team->is_over);
}

static void *help(void *argument) {
    struct helper *helper = argument;
    struct serin_team *team = helper->team;
    unsigned round = 0;
    while (next_round(team, round)) {
        round++;
        team->body(team->context, helper->part);
        atomic_fetch_sub_explicit(&team->busy, 1, memory_order_release);
    }
    return NULL;
}

// Raises the round after whatever belongs to it is written.
static void publish(struct serin_team *team) {
    atomic_fetch_add(&team->round, 1);
    // A helper counts itself among the sleepers before it looks at the round for the last time.
    if (atomic_load(&team->sleepers) == 0) return;
    pthread_mutex_lock(&team->lock);
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->lock);
}

struct serin_team *serin_team_make(size_t threads) {
    if (threads < 2 || threads > 1024) return NULL;
    size_t count = threads - 1;
    struct serin_team *team = calloc(1, sizeof *team + count * sizeof(struct helper));
    if (!team) return NULL;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->wake, NULL);
    for (size_t i = 0; i < count; i++) {
        struct helper *helper = &team->helpers[i];
        helper->team = team;
        helper->part = i + 1;
        if (pthread_create(&helper->thread, NULL, help, helper) != 0) break;
        team->helper_count++;
    }
    if (team->helper_count > 0) return team;
    serin_team_free(team);
    return NULL;
}

void serin_team_free(struct serin_team *team) {
    if (!team) return;
    atomic_store(&team->is_over, 1);
    publish(team);
    for (size_t i = 0; i < team->helper_count; i++) pthread_join(team->helpers[i].thread, NULL);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->lock);
    free(team);
}

size_t serin_team_size(const struct serin_team *team) {
    return team ? team->helper_count + 1 : 1;
}

void serin_team_run(
    struct serin_team *team, void (*body)(void *context, size_t part), void *context) {
    if (!team) {
        body(context, 0);
        return;
    }
    team->body = body;
    team->context = context;
    atomic_store_explicit(&team->busy, team->helper_count, memory_order_relaxed);
    publish(team);
    body(context, 0);
    for (unsigned look = 0; atomic_load_explicit(&team->busy, memory_order_acquire) > 0; look++) {
        if (look < LOOKS)
            relax();
        else
            sched_yield();
    }
}
