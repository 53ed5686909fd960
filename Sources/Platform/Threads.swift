// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// Runs `body` on a thread of its own, which ends with it and which nobody joins.
///
/// For what blocks for as long as the process lives: Dispatch gives up making threads for queues
/// after some 250 that block.
///
/// - Parameters:
///   - name: for `ps` and debuggers; the kernel keeps the first 15 bytes.
///   - body: what the thread does.
/// - Throws: where the system gives no more threads.
package func startThread(
    _ name: String,
    _ body: @escaping @Sendable () -> Void
) throws(SystemError) {
    let work = unsafe Unmanaged.passRetained(ThreadWork(name, body))
    var attributes = pthread_attr_t()
    var thread = pthread_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let code = unsafe pthread_create(
        &thread,
        &attributes,
        { argument in
            guard let argument = unsafe argument else { return nil }
            // The thread takes over the reference that the starter gave.
            let work = unsafe Unmanaged<ThreadWork>.fromOpaque(argument).takeRetainedValue()
            nameThread(work.name)
            work.body()
            return nil
        },
        work.toOpaque()
    )
    guard code == 0 else {
        unsafe work.release()
        throw SystemError(call: "pthread_create", errno: code, subject: name)
    }
}

/// A box, because a C function takes one pointer.
private final class ThreadWork: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}
