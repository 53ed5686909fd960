// SPDX-License-Identifier: Apache-2.0
private import CLinux
private import Glibc

/// What a loop waits for on a descriptor, and what it was told.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    package static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// Asked for with a descriptor that several sets wait on: not all of them are woken for one client.
    ///
    /// What was added with it can be removed, and not changed.
    package static let exclusive = Readiness(rawValue: EPOLLEXCLUSIVE.rawValue)
    /// Always told, never asked for: both directions are over, or the connection broke.
    package static let broken = Readiness(rawValue: EPOLLERR.rawValue | EPOLLHUP.rawValue)
}

/// A set of descriptors to wait on, level-triggered; each has a token that comes back with it.
///
/// Safety: `events` is private, made in `init`, freed in `deinit` and read only below `ready`, the
/// count that the kernel filled.
@safe
package struct EventPoll: ~Copyable {
    private let descriptor: Descriptor
    private let events: UnsafeMutableBufferPointer<epoll_event>
    private var ready = 0

    /// Makes an empty set; one wait brings at most `capacity` events.
    package init(capacity: Int) throws(SystemError) {
        let number = epoll_create1(Int32(O_CLOEXEC))
        guard number >= 0 else { throw .last("epoll_create1") }
        descriptor = Descriptor(owning: number)
        unsafe events = .allocate(capacity: max(capacity, 1))
        unsafe events.initialize(repeating: epoll_event())
    }

    deinit { unsafe events.deallocate() }

    /// Begins to wait on a descriptor.
    package func add(
        _ number: Int32,
        for readiness: Readiness,
        token: UInt64
    ) throws(SystemError) {
        try control(EPOLL_CTL_ADD, number, readiness, token)
    }

    /// Changes what is waited for.
    package func change(
        _ number: Int32,
        to readiness: Readiness,
        token: UInt64
    ) throws(SystemError) {
        try control(EPOLL_CTL_MOD, number, readiness, token)
    }

    /// Waits no more on a descriptor; closing it does the same.
    package func remove(_ number: Int32) { try? control(EPOLL_CTL_DEL, number, [], 0) }

    private func control(
        _ operation: Int32,
        _ number: Int32,
        _ readiness: Readiness,
        _ token: UInt64
    ) throws(SystemError) {
        var event = unsafe epoll_event()
        unsafe event.events = readiness.rawValue
        unsafe event.data.u64 = token
        guard unsafe epoll_ctl(descriptor.number, operation, number, &event) == 0 else {
            throw .last("epoll_ctl")
        }
    }

    /// Waits for events.
    ///
    /// - Parameter milliseconds: how long at most; negative for ever.
    /// - Returns: how many there are; 0 also when a signal broke the wait.
    package mutating func wait(milliseconds: Int32) -> Int {
        let count = unsafe linux_wait(
            descriptor.number,
            events.baseAddress,
            Int32(events.count),
            milliseconds
        )
        precondition(count >= 0 || errno == EINTR, "epoll_wait failed: errno \(errno)")
        ready = max(0, Int(count))
        return ready
    }

    /// One of the events of the last wait.
    package func event(_ index: Int) -> (token: UInt64, readiness: Readiness) {
        precondition(index >= 0 && index < ready, "there is no event \(index)")
        let event = unsafe events[index]
        return unsafe (event.data.u64, Readiness(rawValue: event.events))
    }
}

/// A descriptor that one thread makes readable to wake another.
package struct WakeUp: ~Copyable, Sendable {
    private let descriptor: Descriptor

    package init() throws(SystemError) {
        let number = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard number >= 0 else { throw .last("eventfd") }
        descriptor = Descriptor(owning: number)
    }

    package var number: Int32 { descriptor.number }

    /// Makes the descriptor readable.
    package func signal() {
        let number = descriptor.number
        repeatingInterrupted { eventfd_write(number, 1) }
    }

    /// Makes it unreadable again.
    package func clear() {
        var count: eventfd_t = 0
        _ = unsafe eventfd_read(descriptor.number, &count)
    }
}
