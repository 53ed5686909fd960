// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// The lock of a guarded value, without its type: what is done under a lock is compiled with the
/// caller, and only taking it and letting it go is a call.
///
/// `@unchecked Sendable`: the pointer never changes, and POSIX locks are made for many threads.
///
/// Safety: the pointer is private, made in `init` and freed in `deinit`.
@safe
@usableFromInline
struct PlainLock: ~Copyable, @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>

    init() {
        unsafe lock = .allocate(capacity: 1)
        unsafe lock.initialize(to: pthread_mutex_t())
        let code = unsafe pthread_mutex_init(lock, nil)
        precondition(code == 0, "pthread_mutex_init: \(code)")
    }

    deinit {
        _ = unsafe pthread_mutex_destroy(lock)
        unsafe lock.deallocate()
    }

    @usableFromInline
    borrowing func acquire() { _ = unsafe pthread_mutex_lock(lock) }
    @usableFromInline
    borrowing func release() { _ = unsafe pthread_mutex_unlock(lock) }
}

/// A value and the one lock that guards it.
///
/// The lock is a POSIX one because ThreadSanitizer does not understand `Synchronization.Mutex` on
/// Linux. `@unchecked Sendable`: whoever holds a `Guarded` reaches its value only under the lock.
///
/// Safety: the pointer is private, made in `init` and freed in `deinit`, and `value` is touched
/// only while `lock` is held.
///
/// Public, though nothing outside the package sees it: the methods of a generic type of the package
/// are not compiled into another module, and each request takes some locks.
@safe
public struct Guarded<Value>: ~Copyable, @unchecked Sendable {
    @usableFromInline let lock = PlainLock()
    @usableFromInline let value: UnsafeMutablePointer<Value>

    package init(_ initial: consuming sending Value) {
        unsafe value = .allocate(capacity: 1)
        unsafe value.initialize(to: initial)
    }

    deinit {
        unsafe value.deinitialize(count: 1)
        unsafe value.deallocate()
    }

    /// Runs `body` on the value; nothing in it may wait, compute at length or log.
    @inlinable @inline(__always)
    package borrowing func withLock<Output, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Output
    ) throws(Failure) -> sending Output {
        lock.acquire()
        defer { lock.release() }
        return try unsafe body(&value.pointee)
    }
}
