// SPDX-License-Identifier: Apache-2.0
// What Linux has and Swift's Glibc module lacks.
//
// This header stays clear of _GNU_SOURCE: with it, types such as fd_set have other members here than
// in Swift's Glibc module, and the two no longer go into one program. What needs it is in CLinux.c.
#pragma once
#include "CMappings.h"
#include "CNumbers.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>

// The calls that every request costs, without what the C library does around them so that a thread can
// be cancelled while it waits: no thread here ever is.

/// recv(2).
long linux_receive(int number, void *bytes, size_t count, int flags);

/// send(2).
long linux_send(int number, const void *bytes, size_t count, int flags);

/// epoll_wait(2).
int linux_wait(int set, struct epoll_event *events, int capacity, int milliseconds);

/// Accepts a connection with SOCK_NONBLOCK and SOCK_CLOEXEC set.
int linux_accept(int listener);

/// Has a TCP listener lose the first packet of each new handshake; 0, or -1 with errno.
int linux_drop_new_handshakes(int listener);

/// Lets malloc keep at most `count` arenas, and give what is free at the heap's end back early.
void linux_bound_allocator(int count);

/// Names the calling thread; the kernel keeps the first 15 bytes.
int linux_name_thread(const char *name);

/// The processors that this process may run on, as its affinity mask has them; -1 for an error.
int linux_usable_cpu_count(void);

/// The name of an error number, such as "ENOENT"; NULL for a number without one.
const char *linux_error_name(int number);

/// The sentence of an error number, such as "No such file or directory"; NULL for an unknown number.
const char *linux_error_sentence(int number);

/// Has `count` bytes of a file brought near, which will be read soon and in one go, without waiting for
/// them; for the first of them to be mapped it waits, and the kernel maps those behind it together.
static inline void linux_fetch_ahead(const void *bytes, size_t count) {
    const char *at = (const char *)bytes;
    // What is not mapped cannot be fetched.
    if (count > 0) (void)*(const volatile char *)at;
    for (size_t i = 0; i < count; i += 64) __builtin_prefetch(at + i, 0, 2);
}
