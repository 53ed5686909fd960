// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// A value and the one lock that guards it.
///
/// The lock is a POSIX one because ThreadSanitizer does not understand `Synchronization.Mutex` on
/// Linux. `@unchecked Sendable`: whoever holds a `Guarded` reaches its value only under the lock.
///
/// Safety: both pointers are private, made in `init` and freed in `deinit`, and `value` is touched
/// only while `lock` is held.
@safe
package struct Guarded<Value>: ~Copyable, @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    package init(_ initial: consuming sending Value) {
        unsafe lock = .allocate(capacity: 1)
        unsafe lock.initialize(to: pthread_mutex_t())
        let code = unsafe pthread_mutex_init(lock, nil)
        precondition(code == 0, "pthread_mutex_init: \(code)")
        unsafe value = .allocate(capacity: 1)
        unsafe value.initialize(to: initial)
    }

    deinit {
        unsafe value.deinitialize(count: 1)
        unsafe value.deallocate()
        _ = unsafe pthread_mutex_destroy(lock)
        unsafe lock.deallocate()
    }

    /// Runs `body` on the value; nothing in it may wait, compute at length or log.
    package borrowing func withLock<Output, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Output
    ) throws(Failure) -> sending Output {
        _ = unsafe pthread_mutex_lock(lock)
        defer { _ = unsafe pthread_mutex_unlock(lock) }
        return try unsafe body(&value.pointee)
    }
}
