// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinux.h"

#include <linux/filter.h>
#include <malloc.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

long linux_receive(int number, void *bytes, size_t count, int flags) {
    return syscall(SYS_recvfrom, number, bytes, count, flags, NULL, NULL);
}

long linux_send(int number, const void *bytes, size_t count, int flags) {
    return syscall(SYS_sendto, number, bytes, count, flags, NULL, 0);
}

int linux_wait(int set, struct epoll_event *events, int capacity, int milliseconds) {
    // Without a mask its size does not count; and some processors' Linux has no plain epoll_wait.
    return (int)syscall(SYS_epoll_pwait, set, events, capacity, milliseconds, NULL, 0);
}

int linux_accept(int listener) {
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int linux_drop_new_handshakes(int listener) {
    // A filter of a TCP socket sees segments from their header on; the flags are its 14th byte.
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        // SYN without ACK.
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF),
    };
    struct sock_fprog program = {sizeof steps / sizeof *steps, steps};
    return setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

int linux_name_thread(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

int linux_usable_cpu_count(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return -1;
    }
    return CPU_COUNT(&set);
}

const char *linux_error_name(int number) { return strerrorname_np(number); }

const char *linux_error_sentence(int number) { return strerrordesc_np(number); }

void linux_bound_allocator(int count) {
    mallopt(M_ARENA_MAX, count);
    mallopt(M_TRIM_THRESHOLD, 128 << 10);
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
}
