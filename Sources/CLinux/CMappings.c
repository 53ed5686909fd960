// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CMappings.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

// The table of watched mappings. Slots are claimed and given back by threads and read by the signal
// handler, on any thread and at any instruction, so there is no lock:
//
//     turn    even: free or being changed   odd: watched
//
// A slot's owner changes start, end and damage only while the turn is even. The handler believes what
// it read of a slot only when the turn was the same odd number before and after.
//
// A turn that is even is 0 modulo 4 when the slot is free and 2 modulo 4 when somebody has claimed it.
enum { slot_count = 4096 };

struct slot {
    _Atomic uint64_t turn;
    _Atomic uintptr_t start, end;
    _Atomic bool is_damaged;
};

static struct slot slots[slot_count];
// No slot from here on was ever used.
static _Atomic int used_count;
static uintptr_t page_size;
static struct sigaction previous;
static pthread_once_t once = PTHREAD_ONCE_INIT;

// The end of the watched mapping that `address` lies in, which is marked; 0 when it lies in none.
static uintptr_t damage(uintptr_t address) {
    int count = atomic_load_explicit(&used_count, memory_order_acquire);
    for (int index = 0; index < count; index++) {
        struct slot *slot = &slots[index];
        uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
        if (turn % 2 == 0) {
            continue;
        }
        uintptr_t start = atomic_load_explicit(&slot->start, memory_order_relaxed);
        uintptr_t end = atomic_load_explicit(&slot->end, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&slot->turn, memory_order_relaxed) != turn || address < start ||
            address >= end) {
            continue;
        }
        // Its owner keeps it watched for as long as somebody reads it, so the slot is still the same.
        atomic_store_explicit(&slot->is_damaged, true, memory_order_release);
        return end;
    }
    return 0;
}

// Everything here may run in a signal handler: atomics, and calls that are nothing but system calls.
static void on_bus_error(int number, siginfo_t *info, void *context) {
    (void)context;
    int saved = errno;
    if (info->si_code == BUS_ADRERR) {
        uintptr_t page = (uintptr_t)info->si_addr & ~(page_size - 1);
        uintptr_t end = damage((uintptr_t)info->si_addr);
        // To the end: what lies behind is lost as well, and one range is all that the kernel has to keep.
        void *there = end == 0 ? MAP_FAILED
                               : mmap((void *)page, end - page, PROT_READ,
                                      MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (there != MAP_FAILED) {
            errno = saved;
            return;
        }
    }
    // Not ours. What faulted runs again, and now ends the process or is handled as before.
    sigaction(number, &previous, NULL);
    errno = saved;
}

static void install(void) {
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous);
}

int linux_watch_mapping(const void *base, size_t count) {
    pthread_once(&once, install);
    for (int index = 0; index < slot_count; index++) {
        struct slot *slot = &slots[index];
        uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_relaxed);
        if (turn % 4 != 0 || !atomic_compare_exchange_strong_explicit(
                                 &slot->turn, &turn, turn + 2, memory_order_acquire,
                                 memory_order_relaxed)) {
            continue;
        }
        // Whoever reads what comes now also sees that the turn is another.
        atomic_thread_fence(memory_order_release);
        uintptr_t start = (uintptr_t)base;
        atomic_store_explicit(&slot->start, start, memory_order_relaxed);
        atomic_store_explicit(&slot->end, (start + count + page_size - 1) & ~(page_size - 1),
                              memory_order_relaxed);
        atomic_store_explicit(&slot->is_damaged, false, memory_order_relaxed);
        atomic_store_explicit(&slot->turn, turn + 3, memory_order_release);
        int known = atomic_load_explicit(&used_count, memory_order_relaxed);
        while (known <= index && !atomic_compare_exchange_weak_explicit(
                                     &used_count, &known, index + 1, memory_order_release,
                                     memory_order_relaxed)) {
        }
        return index;
    }
    return -1;
}

bool linux_is_mapping_damaged(int watch) {
    return atomic_load_explicit(&slots[watch].is_damaged, memory_order_acquire);
}

void linux_unwatch_mapping(int watch) {
    // Odd again to 0 modulo 4: turns go 0, 2, 3, 4.
    atomic_fetch_add_explicit(&slots[watch].turn, 1, memory_order_acq_rel);
}
